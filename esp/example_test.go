package esp_test

import (
	"bytes"
	"fmt"

	"github.com/schckit/schckit/esp"
)

func Example() {
	algorithm, _ := esp.ParseAlgorithm("aes128gcm16", "")
	key := bytes.Repeat([]byte{1}, algorithm.KeyLen())
	config := esp.Config{SPI: 0x1001, Mode: esp.ModeTransport}

	// Each end has its own Suite: it has work space.
	var keys [2]esp.Suite
	var sender, receiver esp.SA
	for i, sa := range []*esp.SA{&sender, &receiver} {
		if err := keys[i].Init(algorithm, key, nil); err != nil {
			panic(err)
		}
		if err := sa.Init(config, &keys[i]); err != nil {
			panic(err)
		}
	}

	packet := append([]byte{0x60, 0, 0, 0, 0, 4, 253, 64, 39: 0}, "21.5"...)
	sealed, err := sender.AppendSeal(nil, packet)
	fmt.Println(len(packet), len(sealed), err)
	opened, err := receiver.AppendOpen(nil, sealed)
	fmt.Println(bytes.Equal(opened, packet), err)
	_, err = receiver.AppendOpen(nil, sealed)
	fmt.Println(err)
	// Output:
	// 44 80 <nil>
	// true <nil>
	// esp: replayed packet
}
