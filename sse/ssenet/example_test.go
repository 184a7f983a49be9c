package ssenet_test

import (
	"crypto/aes"
	"fmt"
	"net"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
	"github.com/schckit/schckit/sse/ssenet"
)

// A device and an application have a session over TCP and UDP at once. TCP goes
// away, and the session goes on.
func Example() {
	key := func(spi uint32, b byte) sse.Key {
		block, err := aes.NewCipher([]byte{b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
		if err != nil {
			panic(err)
		}
		return sse.Key{SPI: spi, Block: block, Salt: []byte{b, 0xa, 0xb}}
	}
	up, down := key(0x010203, 1), key(0x0a0b0c, 2)
	headers := &sse.Compression{SNBits: 8}
	device, err := ssenet.New(ssenet.Config{SSE: sse.Config{Suite: sse.SuiteCCM8, Out: up, In: down, Headers: headers}})
	if err != nil {
		panic(err)
	}
	defer device.Close()
	app, err := ssenet.New(ssenet.Config{SSE: sse.Config{Suite: sse.SuiteCCM8, Out: down, In: up, Headers: headers, Dir: schc.DirDown}})
	if err != nil {
		panic(err)
	}
	defer app.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if _, err := app.AddPacketConn(udp, nil); err != nil {
		panic(err)
	}
	dial := func(network, addr string) net.Conn {
		c, err := net.Dial(network, addr)
		if err != nil {
			panic(err)
		}
		return c
	}
	tcp, err := device.AddStream(dial("tcp", l.Addr().String()))
	if err != nil {
		panic(err)
	}
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	if _, err := app.AcceptStream(c); err != nil {
		panic(err)
	}
	if _, err := device.AddDatagram(dial("udp", udp.LocalAddr().String())); err != nil {
		panic(err)
	}

	for i := 0; i < 4; i++ {
		if i == 2 {
			if err := device.Delete(tcp); err != nil {
				panic(err)
			}
		}
		if _, err := fmt.Fprintf(device, "21.%d C", i); err != nil {
			panic(err)
		}
		m, err := app.ReadMessage()
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d: %s\n", m.Seq, m.Payload)
	}
	for _, t := range device.Transports() {
		if t.State == ssenet.StateUp {
			fmt.Println(t.Sent.Packets, "datagrams,", t.Sent.HeaderSaved, "bytes of headers saved")
		}
	}
	// Output:
	// 1: 21.0 C
	// 2: 21.1 C
	// 3: 21.2 C
	// 4: 21.3 C
	// 2 datagrams, 14 bytes of headers saved
}
