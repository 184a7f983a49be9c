package ehc_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
)

// A device offers short SPIs and sequence numbers, a gateway chooses.
func Example() {
	device := ehc.Policy{Sets: []ehc.Set{{
		Alignment: []dietesp.Alignment{dietesp.Alignment8},
		SPILSB:    ehc.Widths(0, 8),
		SNLSB:     ehc.Widths(8, 16),
	}}}
	gateway := ehc.AnyPolicy(ehc.DialectHCP)

	offer, err := ehc.Offer(nil, &device)
	if err != nil {
		panic(err)
	}
	answer, _, err := ehc.Select(nil, offer, &gateway)
	if err != nil {
		panic(err)
	}
	agreed, err := ehc.Accept(offer, answer, &device)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d bytes, %d bytes\n", len(offer), len(answer))
	fmt.Println(agreed.Alignment, agreed.SPILSBBits, agreed.SNLSBBits)
	// Output:
	// 52 bytes, 36 bytes
	// 8 bit 8 8
}

// A whole CREATE_CHILD_SA exchange: its payloads, without those of the key
// exchange and without their encryption.
func Example_child() {
	addr := func(last byte) esp.Addr {
		return esp.AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last})
	}
	host := func(last byte) []ehc.Selector {
		return []ehc.Selector{{Type: ehc.TSIPv6Range, Protocol: 17, StartPort: 5683, EndPort: 5683, Start: addr(last), End: addr(last)}}
	}
	diet := ehc.AnyPolicy(ehc.DialectHCP)
	algorithms := []esp.Algorithm{{Encr: esp.EncrAESCCM8IIV, KeyBits: 128}}
	initiator := ehc.ChildPolicy{SPI: 0x1001, Algorithms: algorithms, Local: host(1), Remote: host(2), Diet: &diet}
	responder := ehc.ChildPolicy{SPI: 0x2002, Algorithms: algorithms, Local: host(2), Remote: host(1), Diet: &diet}

	ni, nr := []byte("nonce of 16 byte"), []byte("another 16 bytes")
	var request, answer ehc.Chain
	if err := initiator.AppendRequest(&request, ni); err != nil {
		panic(err)
	}
	theirs, err := responder.Answer(&answer, request.First, request.Bytes, nr)
	if err != nil {
		panic(err)
	}
	ours, err := initiator.Accept(request.First, request.Bytes, answer.First, answer.Bytes)
	if err != nil {
		panic(err)
	}

	skD := make([]byte, 32) // of the IKE SA
	keymat, err := ehc.AppendKeymat(nil, ours.KeymatLen(), hmac.New(sha256.New, skD), ni, nr)
	if err != nil {
		panic(err)
	}
	out, _, err := ours.Split(keymat)
	if err != nil {
		panic(err)
	}
	_, in, err := theirs.Split(keymat)
	if err != nil {
		panic(err)
	}
	fmt.Println(ours.Algorithm, ours.Mode, string(out.Encr) == string(in.Encr))
	fmt.Println(ours.Diet, ours.Out.SPILSBBits, ours.Out.SNLSBBits, ours.Out.Selectors.Protocols)
	// Output:
	// aes128ccm8iiv tunnel true
	// true 8 8 [17]
}
