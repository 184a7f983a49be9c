package schc_test

import (
	. "github.com/schckit/schckit/schc"
)

// gen makes random packets and Rules. It is written for random bytes of a fuzz
// target as well as for a random source: all that it needs is numbers.
type gen struct {
	intn func(n int) int // 0 to n-1

	outer, fixed bool // of the world being made: the options of those names
}

func (g *gen) chance(percent int) bool { return g.intn(100) < percent }

func (g *gen) bytes(n int) []byte {
	b := make([]byte, n)
	switch g.intn(4) {
	case 0: // zeros
	case 1:
		for i := range b {
			b[i] = byte(g.intn(3))
		}
	default:
		for i := range b {
			b[i] = byte(g.intn(256))
		}
	}
	return b
}

// length picks a length at which an encoding changes, or a small one.
func (g *gen) length(most int) int {
	n := 0
	switch g.intn(8) {
	case 0:
		edges := []int{12, 13, 14, 15, 16, 254, 255, 256, 268, 269, 270}
		n = edges[g.intn(len(edges))]
	case 1:
		n = g.intn(40)
	default:
		n = g.intn(9)
	}
	return min(n, most)
}

// stacks are the header stacks that packets are made of.
var stacks = [][]Protocol{
	{ProtoIPv6, ProtoUDP, ProtoCoAP},
	{ProtoIPv6, ProtoUDP, ProtoCoAP},
	{ProtoIPv6, ProtoUDP},
	{ProtoIPv6},
	{ProtoIPv6, ProtoTCP},
	{ProtoIPv6, ProtoICMPv6},
	{ProtoIPv6, ProtoUDPLite},
	{ProtoIPv6, ProtoUDPLite, ProtoCoAP},
	{ProtoIPv6, ProtoSCTP},
	{ProtoIPv6, ProtoESP},
	{ProtoIPv6, ProtoIPv6HopByHop, ProtoUDP},
	{ProtoIPv6, ProtoIPv6Routing, ProtoTCP},
	{ProtoIPv6, ProtoIPv6Destination, ProtoICMPv6},
	{ProtoIPv6, ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoUDP, ProtoCoAP},
	{ProtoIPv6, ProtoIPv6Fragment, ProtoUDP},
	{ProtoIPv6, ProtoIPv6Mobility},
	{ProtoIPv6, ProtoIPv6, ProtoUDP},
	{ProtoIPv6, ProtoIPv4, ProtoTCP},
	{ProtoIPv4, ProtoUDP, ProtoCoAP},
	{ProtoIPv4, ProtoUDP},
	{ProtoIPv4},
	{ProtoIPv4, ProtoTCP},
	{ProtoIPv4, ProtoICMPv4},
	{ProtoIPv4, ProtoIPv6, ProtoUDP},
	{ProtoIPv4, ProtoIPv4, ProtoUDPLite},
	{ProtoIPv4, ProtoSCTP},
	{ProtoIPv4, ProtoUDP, ProtoESP},
	{ProtoIPv6, ProtoUDP, ProtoSSECompact},
	{ProtoIPv6, ProtoTCP, ProtoSSELarge},
	{ProtoIPv4, ProtoSCTP, ProtoSSEExtreme},
	{ProtoUDP, ProtoCoAP},
	{ProtoUDP},
	{ProtoUDPLite},
	{ProtoTCP},
	{ProtoICMPv6},
	{ProtoCoAP},
	{ProtoCoAP},
	{ProtoCoAPInner},
	{ProtoESP},
	{ProtoESPTrailer},
	{ProtoSSECompact},
	{ProtoSSELarge},
	{ProtoSSEExtreme},
}

// stack returns the layers of a stack.
func stackLayers(ps []Protocol) []slowLayer {
	var ls []slowLayer
	for _, p := range ps {
		n := 1
		for _, l := range ls {
			if l.proto == p {
				n++
			}
		}
		ls = append(ls, slowLayer{p, n})
	}
	return ls
}

// packet makes a packet of a stack: right, unless g spoils it later.
func (g *gen) packet(ps []Protocol, dir Direction) []byte {
	var pkt []byte
	for i, p := range ps {
		bits := ""
		for _, u := range slowHeader(p, dir) {
			v := slowBits(g.bytes(u.bits/8 + 1))[:u.bits]
			if f := u.alts[0][0]; i+1 < len(ps) && slowNext[p] == f {
				v = slowNum(uint64(slowNumbers[ps[i+1]]), u.bits)
			}
			bits += v
		}
		h := slowBytes(bits)
		switch p {
		case ProtoIPv6:
			h[0] = h[0]&15 | 6<<4
		case ProtoIPv4:
			o := g.bytes(g.intn(4) / 2 * 4 * g.intn(4))
			h = append(h, o...)
			h[0] = 4<<4 | byte(len(h)/4)
			if g.chance(80) {
				h[6] &= 0xe0
				h[7] = 0
			}
		case ProtoTCP:
			o := g.bytes(g.intn(2) * 4 * g.intn(11))
			h = append(h, o...)
			h[12] = h[12]&15 | byte(len(h)/4)<<4
		case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility:
			n := g.intn(3)
			h[1] = byte(n)
			h = append(h, g.bytes(6+8*n)...)
		case ProtoIPv6Fragment:
			if g.chance(80) {
				h[2] = 0
				h[3] &= 7
			}
		case ProtoICMPv6:
			h[0] = []byte{1, 2, 3, 4, 128, 129, 133, 135, 200}[g.intn(9)]
			body := g.bytes(4)
			if h[0] == 1 || h[0] == 3 {
				if g.chance(90) {
					body = make([]byte, 4)
				}
			}
			h = append(h, body...)
		case ProtoICMPv4:
			h[0] = []byte{0, 8, 3, 11, 13}[g.intn(5)]
			h = append(h, g.bytes(4)...)
		case ProtoCoAP:
			h = g.coap()
		case ProtoCoAPInner:
			h = g.coap()
			h = append(h[1:2:2], h[4+int(h[0]&15):]...)
		}
		pkt = append(pkt, h...)
	}
	switch {
	case ps[len(ps)-1] == ProtoCoAP || ps[len(ps)-1] == ProtoCoAPInner:
		if g.chance(60) {
			pkt = append(pkt, 0xff)
			pkt = append(pkt, g.bytes(1+g.length(300))...)
		}
	default:
		pkt = append(pkt, g.bytes(g.length(300))...)
	}
	// Lengths and checksums, from the inside out.
	layers := stackLayers(ps)
	for _, sums := range []bool{false, true} {
		for i := len(layers) - 1; i >= 0; i-- {
			for _, f := range computedOf(layers[i].proto) {
				if slowIsSum(f) != sums || sums && !hasIP(layers[:i]) && f != FIDIPv4Checksum && f != FIDICMPv4Checksum && f != FIDSCTPChecksum {
					continue
				}
				d := &slowDesc{FieldDescriptor: FieldDescriptor{FID: f}, pos: layers[i].nth, bits: f.LenBits()}
				p, text := slowParse(pkt, layers, dir, func(slowKey) bool { return true })
				if text != "" {
					continue
				}
				if v, ok := slowComputed(pkt, p, layers, d, Options{}); ok {
					pkt = slowPatch(pkt, p, layers, slowKey{f, layers[i].nth}, v, dir)
				}
			}
		}
	}
	if g.chance(4) && ps[0] == ProtoIPv6 && len(ps) > 1 && ps[1] == ProtoUDP {
		g.zeroSum(pkt) // a checksum that computes to zero
	}
	return pkt
}

// zeroSum changes an IPv6/UDP packet so that its checksum computes to zero.
func (g *gen) zeroSum(pkt []byte) {
	if len(pkt) < 50 {
		return
	}
	// Adding what the checksum says to a word of the payload makes it zero.
	c := int(pkt[46])<<8 | int(pkt[47])
	w := int(pkt[48])<<8 | int(pkt[49]) + 0
	w += c
	w = w&0xffff + w>>16
	pkt[48], pkt[49] = byte(w>>8), byte(w)
	pkt[46], pkt[47] = 0xff, 0xff
	if g.chance(20) {
		pkt[46], pkt[47] = 0, 0
	}
}

func hasIP(ls []slowLayer) bool {
	for _, l := range ls {
		if l.proto == ProtoIPv6 || l.proto == ProtoIPv4 {
			return true
		}
	}
	return false
}

// computedOf lists the fields of p that can be computed and matter to a right
// packet.
func computedOf(p Protocol) []FID {
	var fs []FID
	for _, u := range slowHeader(p, DirUp) {
		if f := u.alts[0][0]; slowComputable(f) {
			fs = append(fs, f)
		}
	}
	return fs
}

func slowComputable(f FID) bool {
	switch f {
	case FIDIPv6PayloadLength, FIDIPv6HopByHopLength, FIDIPv6DestinationLength, FIDIPv6RoutingLength, FIDIPv6MobilityLength,
		FIDIPv4IHL, FIDIPv4TotalLength, FIDIPv4Checksum, FIDUDPLength, FIDUDPChecksum, FIDUDPLiteCoverage, FIDUDPLiteChecksum,
		FIDTCPDataOffset, FIDTCPChecksum, FIDSCTPChecksum, FIDICMPv6Checksum, FIDICMPv4Checksum,
		FIDSSECompactLength, FIDSSELargeLength, FIDSSEExtremeLength, FIDCoAPTKL:
		return true
	}
	return false
}

// coap makes a CoAP header with token and options, without payload.
func (g *gen) coap() []byte {
	tkl := g.intn(9)
	h := []byte{0x40 | byte(g.intn(4))<<4 | byte(tkl), byte(g.intn(256)), byte(g.intn(256)), byte(g.intn(256))}
	h = append(h, g.bytes(tkl)...)
	numbers := []int{1, 3, 4, 5, 6, 7, 8, 9, 11, 11, 12, 14, 15, 15, 17, 23, 27, 60, 258, 292, 12, 13, 25, 26, 280, 281, 2048, 65001, 0}
	number := 0
	for n := g.intn(6); n > 0; n-- {
		next := number
		switch g.intn(6) {
		case 0: // the same again
		case 1:
			next += []int{1, 12, 13, 14, 268, 269, 270, 1000}[g.intn(8)]
		default:
			next = numbers[g.intn(len(numbers))]
		}
		if next < number || next > 0xffff {
			continue
		}
		v := g.bytes(g.length(300))
		if next == 9 && g.chance(90) {
			v = g.oscore()
		}
		h = appendTestOption(h, next-number, v)
		number = next
	}
	return h
}

// appendTestOption appends a CoAP option (RFC 7252, Section 3.1).
func appendTestOption(b []byte, delta int, v []byte) []byte {
	nibble := func(n int) (int, []byte) {
		switch {
		case n < 13:
			return n, nil
		case n < 269:
			return 13, []byte{byte(n - 13)}
		}
		return 14, []byte{byte((n - 269) >> 8), byte(n - 269)}
	}
	d, dx := nibble(delta)
	l, lx := nibble(len(v))
	b = append(b, byte(d<<4|l))
	b = append(append(b, dx...), lx...)
	return append(b, v...)
}

// oscore makes the value of an OSCORE option.
func (g *gen) oscore() []byte {
	if g.chance(15) {
		return nil
	}
	n := g.intn(6)
	v := append([]byte{byte(n)}, g.bytes(n)...)
	if g.chance(40) {
		v[0] |= 0x10
		s := g.intn(6)
		v = append(append(v, byte(s)), g.bytes(s)...)
	}
	if g.chance(60) {
		v[0] |= 8
		v = append(v, g.bytes(g.intn(8))...)
	}
	if g.chance(10) {
		v[0] |= 0x20 // group mode
	}
	return v
}

// spoil changes a packet: bit flips, truncation, trailing bytes.
func (g *gen) spoil(pkt []byte) []byte {
	pkt = append([]byte(nil), pkt...)
	switch g.intn(8) {
	case 0, 1, 2:
		if len(pkt) > 0 {
			i := g.intn(len(pkt) * 8)
			pkt[i/8] ^= 0x80 >> (i % 8)
		}
	case 3:
		pkt = pkt[:g.intn(len(pkt)+1)]
	case 4:
		pkt = append(pkt, g.bytes(1+g.intn(6))...)
	case 5:
		if len(pkt) > 0 {
			pkt[g.intn(len(pkt))] = byte(g.intn(256))
		}
	case 6:
		if len(pkt) > 4 {
			i := g.intn(len(pkt) - 2)
			pkt = append(pkt[:i], pkt[i+1+g.intn(2):]...)
		}
	case 7:
		i := g.intn(len(pkt) + 1)
		pkt = append(pkt[:i:i], append(g.bytes(1), pkt[i:]...)...)
	}
	return pkt
}
