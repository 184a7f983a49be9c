package main

import (
	"bytes"
	"fmt"

	"github.com/schckit/schckit/vectors"
)

// get is a CoAP GET without token, of Message ID 0x1234.
func get(options ...[]byte) []byte { return join(unhex("40011234"), join(options...)) }

const mid = "COAP.MID x1234"

// fill is n bytes that are not all alike.
func fill(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + 1)
	}
	return b
}

func hexs(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return fmt.Sprintf(" x%x", b)
}

// sizes is the encoding of sizes before residues (RFC 8724, Section 7.4.2).
func sizes() *vectors.File {
	g := newGroup("rfc", "sizes", "Sizes in bytes.")
	for _, s := range []struct {
		n    int
		size string
	}{
		{0, "0000"}, {1, "0001"}, {12, "1100"}, {13, "1101"}, {14, "1110"},
		{15, "1111 00001111"}, {16, "1111 00010000"}, {253, "1111 11111101"}, {254, "1111 11111110"},
		{255, "1111 11111111 x00ff"}, {256, "1111 11111111 x0100"}, {268, "1111 11111111 x010c"}, {269, "1111 11111111 x010d"}, {1000, "1111 11111111 x03e8"},
	} {
		g.ok(fmt.Sprintf("%d bytes", s.n), "up", get(opt(11, fill(s.n))), "1/8", 0, mid, "COAP.URI-PATH "+s.size+hexs(fill(s.n)))
		g.flags("SizeEdge")
	}
	bits := newGroup("rfc", "sizes", "Sizes in bits: FL var-bits (var_bit in draft-ietf-schc-8824-update).")
	for _, s := range []struct {
		n    int
		size string
	}{
		{0, "0000"}, {1, "1000"}, {2, "1111 00010000"}, {3, "1111 00011000"}, {31, "1111 11111000"}, {32, "1111 11111111 x0100"}, {40, "1111 11111111 x0140"},
	} {
		bits.ok(fmt.Sprintf("%d bytes are %d bits", s.n, s.n*8), "up", get(opt(4, fill(s.n))), "2/8", 0, mid, "COAP.ETAG "+s.size+hexs(fill(s.n)))
		bits.flags("SizeEdge")
	}
	msb := newGroup("rfc", "sizes", "MSB(16) and LSB in bytes; MSB(12) and LSB in bits.")
	for _, v := range []struct{ value, residue string }{
		{"aabb", "0000"}, {"aabb01", "0001 x01"}, {"aabb0102", "0010 x0102"},
	} {
		msb.ok("size of what is sent, in bytes: "+v.value, "up", get(opt(1, unhex(v.value))), "3/8", 0, mid, "COAP.IF-MATCH "+v.residue)
		msb.flags("VariableMSB")
	}
	long := join(unhex("aabb"), fill(15))
	msb.ok("15 bytes behind the 2 known ones", "up", get(opt(1, long)), "3/8", 0, mid, "COAP.IF-MATCH 1111 00001111"+hexs(fill(15)))
	msb.flags("VariableMSB", "SizeEdge")
	msb.none("a value shorter than x bits", "up", get(opt(1, unhex("aa"))))
	msb.flags("VariableMSB")
	msb.none("an empty value", "up", get(opt(1, nil)))
	msb.flags("VariableMSB")
	msb.none("other leading bits", "up", get(opt(1, unhex("aabc00"))))
	msb.flags("VariableMSB")
	for _, v := range []struct{ value, residue string }{
		{"aabb", "0100 1011"}, {"aab0", "0100 0000"}, {"aabfcc", "1100 xfcc"}, {"aabb0102", "1111 00010100 xb0102"},
	} {
		msb.ok("size of what is sent, in bits: "+v.value, "up", get(opt(2053, unhex(v.value))), "4/8", 0, mid, "COAP.OPTION-2053 "+v.residue)
		msb.flags("VariableMSB", "PartialByte", "UnknownOption")
	}
	msb.none("a value shorter than 12 bits", "up", get(opt(2053, unhex("aa"))))
	msb.flags("VariableMSB")
	fixed := newGroup("rfc", "sizes", "FL in bits of a field whose length varies: only that length matches, and no size is sent.")
	fixed.ok("32 bits", "up", get(opt(252, unhex("00000007"))), "5/8", 0, mid, "COAP.ECHO x00000007")
	fixed.flags("LeadingZeros")
	fixed.none("24 bits", "up", get(opt(252, unhex("000007"))))
	fixed.none("40 bits", "up", get(opt(252, unhex("0000000700"))))
	return file("RFC 8724, Section 7.4.2; draft-ietf-schc-8824-update-09, Section 3.1", "", g, bits, msb, fixed)
}

// sizes64k is the largest size.
func sizes64k() *vectors.File {
	g := newGroup("rfc", "sizes", "")
	v := bytes.Repeat([]byte{0xa5}, 65535)
	g.ok("65535 bytes", "up", get(opt(11, v)), "1/8", 0, mid, "COAP.URI-PATH 1111 11111111 xffff"+hexs(v))
	g.flags("SizeEdge", "NoResidue")
	g.Tests[0].Residue = nil // it would double the file
	return file("RFC 8724, Section 7.4.2", "", g)
}
