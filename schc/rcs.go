package schc

import "math/bits"

// An RCSFunc computes a Reassembly Check Sequence over the first n bits of
// packet: the SCHC Packet and the padding of the fragment with its last tile
// (RFC 8724, Section 8.2.3). n may reach behind the end of packet; those bits
// are zero. The result is sent in its low RCSBits bits.
type RCSFunc func(packet []byte, n int) uint32

// crcNibbles is the CRC-32 of each 4-bit value, for the reflected polynomial
// 0xEDB88320.
var crcNibbles = [16]uint32{
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
}

func crcByte(crc uint32, b byte) uint32 {
	crc ^= uint32(b)
	crc = crc>>4 ^ crcNibbles[crc&15]
	return crc>>4 ^ crcNibbles[crc&15]
}

// CRC32 is the default RCS: "the concatenation of the complete SCHC Packet and
// any last fragment padding bits be zero-extended to the next byte boundary
// and [...] the RCS be computed on that byte array" (RFC 8724, Section 8.2.3).
// It is an RCSFunc. Cost: two table look-ups a byte.
func CRC32(packet []byte, n int) uint32 {
	crc := ^uint32(0)
	whole := packet[:min(n/8, len(packet))]
	for _, b := range whole {
		crc = crcByte(crc, b)
	}
	for i := len(whole) * 8; i < n; i += 8 {
		b := byte(0)
		if i/8 < len(packet) {
			b = packet[i/8]
			if n-i < 8 {
				b &= 0xff << uint(8-(n-i))
			}
		}
		crc = crcByte(crc, b)
	}
	return ^crc
}

// A bitmap is a set of small numbers: number i is bit i, as in a SCHC ACK bit
// 0 is the most significant bit of byte 0.
type bitmap []byte

func (b bitmap) has(i uint32) bool { return b[i>>3]&(0x80>>(i&7)) != 0 }
func (b bitmap) set(i uint32)      { b[i>>3] |= 0x80 >> (i & 7) }
func (b bitmap) unset(i uint32)    { b[i>>3] &^= 0x80 >> (i & 7) }

// first returns the lowest number below n that is in the set, or n.
func (b bitmap) first(n uint32) uint32 {
	for i, x := range b[:(n+7)/8] {
		if x != 0 {
			return min(uint32(i)*8+uint32(bits.LeadingZeros8(x)), n)
		}
	}
	return n
}

// full reports whether all of from <= i < to are in the set.
func (b bitmap) full(from, to uint32) bool {
	for ; from < to && from&7 != 0; from++ {
		if !b.has(from) {
			return false
		}
	}
	for ; from+8 <= to; from += 8 {
		if b[from>>3] != 0xff {
			return false
		}
	}
	for ; from < to; from++ {
		if !b.has(from) {
			return false
		}
	}
	return true
}

// count returns how many of the numbers below n are in the set.
func (b bitmap) count(n uint32) uint32 {
	c := 0
	for _, x := range b[:n/8] {
		c += bits.OnesCount8(x)
	}
	if n&7 != 0 {
		c += bits.OnesCount8(b[n/8] >> (8 - n&7))
	}
	return uint32(c)
}
