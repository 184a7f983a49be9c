package main

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/inet"
	"github.com/schckit/schckit/schc"
)

// segment is the UDP datagram or TCP segment in an IP packet.
type segment struct {
	stream   bool // TCP
	off      int  // of its header
	payload  int  // of its payload, which reaches to the end of the packet
	src, dst uint16
}

const (
	protoTCP = 6
	protoUDP = 17
)

// locateSegment finds the segment of an IP packet, behind IPv6 extension headers.
// It returns false for other packets, for fragments, and where a length field
// disagrees with the packet.
func locateSegment(pkt []byte) (g segment, ok bool) {
	var proto byte
	switch {
	case len(pkt) >= 20 && pkt[0]>>4 == 4:
		g.off, proto = int(pkt[0]&15)*4, pkt[9]
		if g.off < 20 || int(binary.BigEndian.Uint16(pkt[2:])) != len(pkt) || binary.BigEndian.Uint16(pkt[6:])&0x3fff != 0 {
			return g, false
		}
	case len(pkt) >= 40 && pkt[0]>>4 == 6:
		if int(binary.BigEndian.Uint16(pkt[4:]))+40 != len(pkt) {
			return g, false
		}
		g.off, proto = 40, pkt[6]
		for n := 0; proto == 0 || proto == 43 || proto == 60; n++ { // hop-by-hop, routing, destination options
			if n == 8 || len(pkt) < g.off+8 {
				return g, false
			}
			proto, g.off = pkt[g.off], g.off+8+8*int(pkt[g.off+1])
		}
	default:
		return g, false
	}
	rest := len(pkt) - g.off
	switch {
	case proto == protoUDP && rest >= 8:
		g.payload = g.off + 8
		ok = int(binary.BigEndian.Uint16(pkt[g.off+4:])) == rest
	case proto == protoTCP && rest >= 20:
		g.stream, g.payload = true, g.off+int(pkt[g.off+12]>>4)*4
		ok = g.payload >= g.off+20 && g.payload <= len(pkt)
	}
	if ok {
		g.src, g.dst = binary.BigEndian.Uint16(pkt[g.off:]), binary.BigEndian.Uint16(pkt[g.off+2:])
	}
	return g, ok
}

// direction is up for what goes to the port, down for what comes from it, and 0
// for neither or both.
func (g *segment) direction(port uint16) schc.Direction {
	switch {
	case g.dst == port && g.src != port:
		return schc.DirUp
	case g.src == port && g.dst != port:
		return schc.DirDown
	}
	return 0
}

// appendSegment appends pkt with another payload to dst. Lengths and checksums
// follow it; a checksum that is wrong stays as wrong as it is, and one that UDP
// does not use stays unused. It returns false if the packet would be too long.
func (g *segment) appendSegment(dst, pkt, payload []byte) ([]byte, bool) {
	at := len(dst)
	size := g.payload + len(payload)
	limit := 1<<16 - 1
	if pkt[0]>>4 == 6 {
		limit += 40
	}
	if size > limit {
		return dst, false
	}
	dst = append(append(dst, pkt[:g.payload]...), payload...)
	out := dst[at:]
	sum := out[g.off+6:][:2]
	if g.stream {
		sum = out[g.off+16:][:2]
	}
	old := g.sum(pkt)
	if out[0]>>4 == 4 {
		head := inet.Sum(0, out[:g.off])
		binary.BigEndian.PutUint16(out[2:], uint16(size))
		adjust(out[10:12], head, inet.Sum(0, out[:g.off]))
	} else {
		binary.BigEndian.PutUint16(out[4:], uint16(size-40))
	}
	if !g.stream {
		binary.BigEndian.PutUint16(out[g.off+4:], uint16(size-g.off))
		if sum[0]|sum[1] == 0 {
			return dst, true
		}
	}
	adjust(sum, old, g.sum(out))
	if !g.stream && sum[0]|sum[1] == 0 {
		sum[0], sum[1] = 0xff, 0xff // RFC 768: zero would say that there is none
	}
	return dst, true
}

// sum is the sum that a segment's checksum is of, that itself included.
func (g *segment) sum(pkt []byte) uint64 {
	body, proto := pkt[g.off:], byte(protoUDP)
	if g.stream {
		proto = protoTCP
	}
	if pkt[0]>>4 == 4 {
		return inet.Sum(inet.PseudoIPv4(pkt[12:20], uint32(len(body)), proto), body)
	}
	return inet.Sum(inet.PseudoIPv6(pkt[8:40], uint32(len(body)), proto), body)
}

// adjust changes a checksum for a sum that was old and is new, both with the
// checksum as it is (RFC 1624): a right one is right again.
func adjust(sum []byte, old, new uint64) {
	was := binary.BigEndian.Uint16(sum)
	s := uint64(^was) + uint64(inet.Fold(old)) + uint64(^inet.Fold(new))
	got := inet.Fold(s)
	if got == 0xffff && was != 0xffff { // the other zero, which nobody computes
		got = 0
	}
	binary.BigEndian.PutUint16(sum, got)
}
