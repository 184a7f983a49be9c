package sse_test

import (
	"crypto/aes"
	"fmt"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

// A device and an application share keys that a key management has agreed on.
// The 8 bytes of header become one.
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

	var device, app sse.Session
	if err := device.Reset(sse.Config{Suite: sse.SuiteCCM8, Out: up, In: down, Headers: headers}); err != nil {
		panic(err)
	}
	if err := app.Reset(sse.Config{Suite: sse.SuiteCCM8, Out: down, In: up, Headers: headers, Dir: schc.DirDown}); err != nil {
		panic(err)
	}

	packet, err := device.AppendSeal(nil, []byte("21.5 C"))
	if err != nil {
		panic(err)
	}
	payload, err := app.AppendOpen(nil, packet)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d bytes for %q: 1 of header, 6 of payload, 8 of ICV\n", len(packet), payload)
	// Output: 15 bytes for "21.5 C": 1 of header, 6 of payload, 8 of ICV
}

// Negotiation is pure functions over messages: here HIP parameters.
func Example_negotiate() {
	responder := sse.Policy{SPI: 0x77000001, Suites: []sse.Suite{sse.SuiteCCM16, sse.SuiteCCM8}, Widths: []sse.Widths{{SNBits: 8}}}
	initiator := sse.Policy{SPI: 0x88000002, Suites: []sse.Suite{sse.SuiteCCM8, sse.SuiteCCM16}, Widths: []sse.Widths{{SNBits: 8}}}

	offer, err := sse.Offer(responder)
	if err != nil {
		panic(err)
	}
	r1, err := sse.AppendHIP(nil, offer, sse.HIPTypes{})
	if err != nil {
		panic(err)
	}
	got, err := sse.ParseHIP(r1, sse.HIPTypes{})
	if err != nil {
		panic(err)
	}
	answer, agreed, err := sse.Select(got, initiator)
	if err != nil {
		panic(err)
	}
	fmt.Println(agreed.Format, agreed.Suite, agreed.Headers.HeaderBytes())

	theirs, err := sse.Accept(offer, answer, responder)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%06x %06x\n", theirs.InSPI, theirs.OutSPI)
	// Output:
	// compact aes-ccm-8 1
	// 000001 000002
}
