package main

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
)

// The addresses of most rule sets.
const (
	dev6, app6 = "2001:db8:1::2", "2001:db8:2::1"
	dev4, app4 = "192.0.2.2", "198.51.100.1"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func u16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func u32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }

// with returns b with bytes at off replaced.
func with(b []byte, off int, v ...byte) []byte {
	b = slices.Clone(b)
	copy(b[off:], v)
	return b
}

// v6 is an IPv6 header; the zero values of src and dst are the Device and the
// application, of hop 64.
type v6 struct {
	tc, label, hop int
	src, dst       string
}

func (h v6) packet(next int, body []byte) []byte {
	if h.hop == 0 {
		h.hop = 64
	}
	b := u32(6<<28 | h.tc<<20 | h.label)
	b = append(append(b, u16(len(body))...), byte(next), byte(h.hop))
	return join(b, addr(h.src, dev6), addr(h.dst, app6), body)
}

// v4 is an IPv4 header with checksum.
type v4 struct {
	id, ttl, tos int
	src, dst     string
	opt          []byte
}

func (h v4) packet(proto int, body []byte) []byte {
	if h.ttl == 0 {
		h.ttl = 64
	}
	n := 20 + len(h.opt)
	b := join([]byte{byte(4<<4 | n/4), byte(h.tos)}, u16(n+len(body)), u16(h.id), []byte{0x40, 0, byte(h.ttl), byte(proto), 0, 0},
		addr(h.src, dev4), addr(h.dst, app4), h.opt)
	binary.BigEndian.PutUint16(b[10:], sum(b))
	return append(b, body...)
}

func addr(s, def string) []byte {
	if s == "" {
		s = def
	}
	return netip.MustParseAddr(s).AsSlice()
}

// sum is the Internet checksum.
func sum(b []byte) uint16 {
	s := uint32(0)
	for i, x := range b {
		s += uint32(x) << (8 - i%2*8)
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

// pseudo sets the checksum at off of a segment, with the addresses of src and
// dst, over cover bytes.
func pseudo(seg []byte, off int, src, dst []byte, proto, cover int) []byte {
	seg = slices.Clone(seg)
	seg[off], seg[off+1] = 0, 0
	c := sum(join(src, dst, u32(len(seg)), u32(proto), seg[:cover]))
	if c == 0 && (proto == 17 || proto == 136) {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(seg[off:], c)
	return seg
}

// udp6 is a UDP datagram in IPv6.
func udp6(h v6, sport, dport int, data []byte) []byte {
	seg := join(u16(sport), u16(dport), u16(8+len(data)), u16(0), data)
	return h.packet(17, pseudo(seg, 6, addr(h.src, dev6), addr(h.dst, app6), 17, len(seg)))
}

// up6 and down6 are UDP from and to the Device, port 5683 on both sides.
func up6(data []byte) []byte { return udp6(v6{}, 5683, 5683, data) }
func down6(data []byte) []byte {
	return udp6(v6{src: app6, dst: dev6}, 5683, 5683, data)
}

// crc32c is the checksum of SCTP, bit by bit, in the order of the packet.
func crc32c(b []byte) []byte {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			c = c>>1 ^ 0x82f63b78&-(c&1)
		}
	}
	return binary.LittleEndian.AppendUint32(nil, ^c)
}

// opt is a CoAP option: the delta of its number and its value.
func opt(delta int, v []byte) []byte {
	nibble := func(n int) (byte, []byte) {
		switch {
		case n < 13:
			return byte(n), nil
		case n < 269:
			return 13, []byte{byte(n - 13)}
		}
		return 14, u16(n - 269)
	}
	d, dx := nibble(delta)
	l, lx := nibble(len(v))
	return join([]byte{d<<4 | l}, dx, lx, v)
}

func text(s string) []byte { return []byte(s) }
