package dietesp_test

import (
	"bytes"
	"fmt"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

// A sensor sends one UDP flow through a tunnel to its gateway.
func Example() {
	algorithm, _ := esp.ParseAlgorithm("aes128ccm8iiv", "")
	key := bytes.Repeat([]byte{1}, algorithm.KeyLen())
	sensor := esp.AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 15: 1})
	server := esp.AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 15: 2})
	gateway := esp.AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 15: 3})

	config := esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel, Src: sensor, Dst: gateway}
	a := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
	a.DSCP, a.ECN, a.FlowLabel = dietesp.ActionLower, dietesp.ActionLower, dietesp.ActionLower
	a.Alignment = dietesp.Alignment8
	a.SPILSBBits, a.SNLSBBits = 0, 8 // the gateway knows the SA by the addresses
	a.Selectors = dietesp.Selectors{
		SrcStart: sensor, SrcEnd: sensor, DstStart: server, DstEnd: server, Protocols: []uint8{17},
		SrcPortStart: 5683, SrcPortEnd: 5683, DstPortStart: 5683, DstPortEnd: 5683,
	}

	// Each end has its own Suite: it has work space.
	var keys [2]esp.Suite
	var sender, receiver dietesp.SA
	for i, sa := range []*dietesp.SA{&sender, &receiver} {
		if err := keys[i].Init(algorithm, key, nil); err != nil {
			panic(err)
		}
		if err := sa.Init(config, &keys[i], a, dietesp.Options{}); err != nil {
			panic(err)
		}
	}
	var sad dietesp.SAD
	if err := sad.Add(&receiver); err != nil {
		panic(err)
	}

	packet := append([]byte{0x60, 0, 0, 0, 0, 12, 17, 64}, sensor.Bytes()...)
	packet = append(packet, server.Bytes()...)
	packet = append(packet, 0x16, 0x33, 0x16, 0x33, 0, 12, 0x17, 0x95)
	packet = append(packet, "21.5"...)

	sealed, err := sender.AppendSeal(nil, packet)
	fmt.Printf("%d bytes become %d behind the outer header, %v\n", len(packet), len(sealed)-40, err)
	opened, _, err := sad.AppendOpen(nil, sealed)
	fmt.Println(bytes.Equal(opened, packet), err)

	e := sender.Explain(packet)
	for _, stage := range []dietesp.Stage{dietesp.IIPC, dietesp.CTEC, dietesp.EEC} {
		bits, sent := e.Sum(stage)
		fmt.Printf("%v: %d bits become %d\n", stage, bits, sent)
	}
	fmt.Printf("%d bytes less than ESP\n", e.StandardBytes-e.DietBytes)
	// Output:
	// 52 bytes become 13 behind the outer header, <nil>
	// true <nil>
	// IIPC: 384 bits become 0
	// CTEC: 32 bits become 0
	// EEC: 64 bits become 8
	// 59 bytes less than ESP
}

func ExampleAttributes_Check() {
	a := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
	a.SNLSBBits = 12
	algorithm, _ := esp.ParseAlgorithm("aes128gcm16", "")
	fmt.Println(a.Check(esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel}, algorithm))
	// Output:
	// dietesp: esp_sn_lsb: esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8
}
