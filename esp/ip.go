package esp

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/inet"
)

// Protocol numbers.
const (
	protoHopByHop = 0
	protoIPv4     = 4
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoESP      = 50
	protoNone     = 59
	protoDestOpts = 60
)

// maxExtensions bounds the IPv6 extension headers in front of ESP.
const maxExtensions = 16

// An Addr is an IPv4 or IPv6 address. The zero value is none, or any.
type Addr struct {
	b [16]byte
	n uint8 // bytes: 0, 4 or 16
}

// AddrFromSlice returns the address in 4 or 16 bytes, or none for any other
// length.
func AddrFromSlice(b []byte) (a Addr) {
	if len(b) == 4 || len(b) == 16 {
		a.n = uint8(len(b))
		copy(a.b[:], b)
	}
	return a
}

// IsValid reports whether a is an address.
func (a Addr) IsValid() bool { return a.n != 0 }

// Len returns the bytes of the address: 4, 16, or 0 for none.
func (a Addr) Len() int { return int(a.n) }

// Bytes returns the address in memory of a.
func (a *Addr) Bytes() []byte { return a.b[:a.n] }

// covers reports whether a, which may be any, is the address b.
func (a *Addr) covers(b *Addr) bool { return a.n == 0 || *a == *b }

// place is where the parts of an IP packet are.
type place struct {
	v4       bool
	src, dst Addr
	next     int // of the byte that says what comes at end
	end      int // of the headers that stay outside ESP
	total    int // bytes of the packet
	proto    uint8
	tos      uint8 // DSCP and ECN
}

// locate parses the headers of an IP packet: up to the first that is protected
// when ESP is to be applied in transport mode (RFC 4303, Section 3.1.1), else up
// to ESP or whatever follows the extension headers. Bytes behind the packet, as its length says, are refused: they would be lost.
func (p *place) locate(pkt []byte, outbound bool) Error {
	if len(pkt) == 0 {
		return ErrTruncated
	}
	switch pkt[0] >> 4 {
	case 4:
		return p.locate4(pkt)
	case 6:
		return p.locate6(pkt, outbound)
	}
	return ErrMalformed
}

func (p *place) locate4(pkt []byte) Error {
	if len(pkt) < 20 {
		return ErrTruncated
	}
	n := int(pkt[0]&15) * 4
	p.v4 = true
	p.total = int(binary.BigEndian.Uint16(pkt[2:]))
	switch {
	case n < 20 || p.total < n:
		return ErrMalformed
	case p.total > len(pkt):
		return ErrTruncated
	case p.total < len(pkt):
		return ErrMalformed
	}
	p.src, p.dst = AddrFromSlice(pkt[12:16]), AddrFromSlice(pkt[16:20])
	p.next, p.end, p.proto, p.tos = 9, n, pkt[9], pkt[1]
	if binary.BigEndian.Uint16(pkt[6:])&0x3fff != 0 {
		return ErrUnsupported // a fragment: reassemble first (RFC 4303, Section 3.4.1)
	}
	return 0
}

func (p *place) locate6(pkt []byte, outbound bool) Error {
	if len(pkt) < 40 {
		return ErrTruncated
	}
	p.v4 = false
	p.total = 40 + int(binary.BigEndian.Uint16(pkt[4:]))
	switch {
	case p.total > len(pkt):
		return ErrTruncated
	case p.total < len(pkt):
		return ErrMalformed // or a jumbogram, which no constrained link carries
	}
	p.src, p.dst = AddrFromSlice(pkt[8:24]), AddrFromSlice(pkt[24:40])
	p.next, p.end, p.proto = 6, 40, pkt[6]
	p.tos = pkt[0]<<4 | pkt[1]>>4
	end, proto := p.end, p.proto
	for i := 0; i < maxExtensions; i++ {
		switch proto {
		case protoFragment:
			return ErrUnsupported
		case protoHopByHop, protoRouting, protoDestOpts:
			if len(pkt) < end+8 {
				return ErrTruncated
			}
			kind, next := proto, end
			proto = pkt[end]
			end += 8 + 8*int(pkt[end+1])
			if end > len(pkt) {
				return ErrTruncated
			}
			// Destination options are protected, unless they are for the nodes
			// of a routing header, which then follows.
			if kind != protoDestOpts || !outbound {
				p.next, p.end, p.proto = next, end, proto
			}
		default:
			return 0
		}
	}
	return ErrUnsupported
}

// setLength writes the length of a packet with this header.
func (p *place) setLength(pkt []byte) {
	if p.v4 {
		binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
		n := int(pkt[0]&15) * 4
		pkt[10], pkt[11] = 0, 0
		binary.BigEndian.PutUint16(pkt[10:], inet.Fold(inet.Sum(0, pkt[:n])))
		return
	}
	binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
}

// checksumRight reports whether the header's checksum is right: it is computed
// anew, and a wrong one must not come out right.
func checksumRight(pkt []byte) bool {
	n := int(pkt[0]&15) * 4
	return inet.Fold(inet.Sum(0, pkt[:n])) == 0
}

// fits reports whether an IP packet of n bytes can be.
func (p *place) fits(n int) bool {
	if !p.v4 {
		n -= 40
	}
	return n <= 0xffff
}

// outerLen is the length of the outer header of a tunnel.
func outerLen(src *Addr) int {
	if src.n == 4 {
		return 20
	}
	return 40
}

// putOuter writes the outer header of a tunnel to h (RFC 4301, Section 5.1.2):
// hop limit 64, the inner traffic class, flow label 0; IPv4 with identification
// 0 and "don't fragment", which RFC 6864 allows for packets that are not to be
// fragmented. The lengths are the caller's.
func putOuter(h []byte, src, dst *Addr, proto, tos uint8) {
	clear(h)
	if src.n == 4 {
		h[0], h[1], h[6], h[8], h[9] = 0x45, tos, 0x40, 64, proto
		copy(h[12:], src.Bytes())
		copy(h[16:], dst.Bytes())
		return
	}
	h[0], h[1] = 0x60|tos>>4, tos<<4
	h[6], h[7] = proto, 64
	copy(h[8:], src.Bytes())
	copy(h[24:], dst.Bytes())
}

// innerLen returns the bytes of the IP packet that b starts with, and 0 if
// there is none: what follows is TFC padding (RFC 4303, Section 2.7).
func innerLen(b []byte, next uint8) int {
	switch {
	case next == protoIPv4 && len(b) >= 20 && b[0]>>4 == 4:
		if n := int(binary.BigEndian.Uint16(b[2:])); n >= 20 && n <= len(b) {
			return n
		}
	case next == protoIPv6 && len(b) >= 40 && b[0]>>4 == 6:
		if n := 40 + int(binary.BigEndian.Uint16(b[4:])); n <= len(b) {
			return n
		}
	}
	return 0
}

// udpChecksum computes the checksum of a UDP datagram in an IPv6 packet with no
// extension headers behind at.
func udpChecksum(pkt []byte, at int) uint16 {
	s := inet.Sum(0, pkt[8:40])
	s = inet.Add(s, uint32(len(pkt)-at)+protoUDP)
	c := inet.Fold(inet.Sum(s, pkt[at:]))
	if c == 0 {
		c = 0xffff
	}
	return c
}
