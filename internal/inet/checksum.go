// Package inet holds views over Internet header bytes and the checksums that
// SCHC, ESP and 6LoWPAN recompute. Nothing here allocates; functions index
// freely where their comment says how many bytes the caller has checked.
package inet

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds the 16-bit big-endian words of b to the running one's complement
// sum s (RFC 1071). An odd last byte counts as the high half of a word, so
// only the last call of a chain may have an odd length. Cost: about one add
// per 8 bytes.
func Sum(s uint64, b []byte) uint64 {
	var c uint64
	for len(b) >= 32 {
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b), 0)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), c)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), c)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), c)
		s += c // cannot carry again: s is at most 2^64-2 after a carry out
		b = b[32:]
	}
	for len(b) >= 8 {
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b), 0)
		s += c
		b = b[8:]
	}
	if len(b) >= 4 {
		s, c = bits.Add64(s, uint64(binary.BigEndian.Uint32(b)), 0)
		s += c
		b = b[4:]
	}
	if len(b) >= 2 {
		s, c = bits.Add64(s, uint64(binary.BigEndian.Uint16(b)), 0)
		s += c
		b = b[2:]
	}
	if len(b) == 1 {
		s, c = bits.Add64(s, uint64(b[0])<<8, 0)
		s += c
	}
	return s
}

// Add adds v, a value of at most 32 bits in units of the 16-bit words (a
// length or a protocol number of a pseudo-header), to the running sum s.
func Add(s uint64, v uint32) uint64 {
	s, c := bits.Add64(s, uint64(v), 0)
	return s + c
}

// Fold reduces a running sum to 16 bits and complements it: the value of a
// checksum field (RFC 1071).
func Fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return ^uint16(s)
}

// PseudoIPv6 is the running sum of the IPv6 pseudo-header (RFC 8200, Section
// 8.1). addrs is source and destination address, 32 bytes; length is the
// upper-layer length in bytes.
func PseudoIPv6(addrs []byte, length uint32, proto uint8) uint64 {
	return Add(Add(Sum(0, addrs[:32]), length>>16+length&0xffff), uint32(proto))
}

// PseudoIPv4 is the running sum of the IPv4 pseudo-header (RFC 768, RFC 9293).
// addrs is source and destination address, 8 bytes; length is the upper-layer
// length in bytes.
func PseudoIPv4(addrs []byte, length uint32, proto uint8) uint64 {
	return Add(Add(Sum(0, addrs[:8]), length>>16+length&0xffff), uint32(proto))
}

// CRC32c is the SCTP checksum of b (RFC 9260, Appendix A), as the value that a
// big-endian store puts on the wire. The four bytes at skip, the checksum
// field itself, count as zero; skip < 0 skips nothing. A nibble table keeps it
// small: 64 bytes of read-only data, two look-ups a byte.
func CRC32c(b []byte, skip int) uint32 {
	crc := ^uint32(0)
	for i, x := range b {
		if skip >= 0 && uint(i-skip) < 4 {
			x = 0
		}
		crc ^= uint32(x)
		crc = crc>>4 ^ crc32cNibble(crc&15)
		crc = crc>>4 ^ crc32cNibble(crc&15)
	}
	return bits.ReverseBytes32(^crc)
}

const crc32cTable = "" +
	"\x00\x00\x00\x00\x10\x5e\xc7\x6f\x20\xbd\x8e\xde\x30\xe3\x49\xb1" +
	"\x41\x7b\x1d\xbc\x51\x25\xda\xd3\x61\xc6\x93\x62\x71\x98\x54\x0d" +
	"\x82\xf6\x3b\x78\x92\xa8\xfc\x17\xa2\x4b\xb5\xa6\xb2\x15\x72\xc9" +
	"\xc3\x8d\x26\xc4\xd3\xd3\xe1\xab\xe3\x30\xa8\x1a\xf3\x6e\x6f\x75"

func crc32cNibble(i uint32) uint32 {
	t := crc32cTable[i*4 : i*4+4]
	return uint32(t[0])<<24 | uint32(t[1])<<16 | uint32(t[2])<<8 | uint32(t[3])
}
