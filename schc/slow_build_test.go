package schc_test

import (
	"slices"

	. "github.com/schckit/schckit/schc"
)

// The other half of the slow reference: computed fields, and fields to packets.

// slowComputed returns the value that d, which is computed, must have in pkt.
func slowComputed(pkt []byte, p *slowPacket, layers []slowLayer, d *slowDesc, opts Options) (string, bool) {
	at := 0
	for i, l := range layers {
		if l.proto == d.FID.Protocol() && l.nth == d.pos {
			at = i
		}
	}
	here := p.starts[at]
	rest := len(pkt) - here
	size := func(f FID) int { return len(p.fields[slowKey{f, d.pos}]) / 8 }
	num := func(v, bits int) (string, bool) {
		return slowNum(uint64(v), bits), v >= 0 && uint64(v) < 1<<bits
	}
	zeroed := func(off, n int) []byte {
		b := append([]byte(nil), pkt[here:]...)
		for i := range n {
			b[off+i] = 0
		}
		return b
	}
	switch d.FID {
	case FIDIPv6PayloadLength:
		return num(rest-40, 16)
	case FIDIPv4TotalLength, FIDUDPLength, FIDUDPLiteCoverage:
		return num(rest, 16)
	case FIDIPv4IHL:
		return num(5+size(FIDIPv4Options)/4, 4)
	case FIDTCPDataOffset:
		return num(5+size(FIDTCPOptions)/4, 4)
	case FIDCoAPTKL:
		return num(size(FIDCoAPToken), 4)
	case FIDIPv6HopByHopLength, FIDIPv6DestinationLength, FIDIPv6RoutingLength, FIDIPv6MobilityLength:
		return num((size(slowData[layers[at].proto])-6)/8, 8)
	case FIDSSECompactLength:
		return num(rest-8-int(opts.SSEICVBytes), 12)
	case FIDSSELargeLength:
		return num(rest-16-int(opts.SSEICVBytes), 32)
	case FIDSSEExtremeLength:
		return num(rest-20-int(opts.SSEICVBytes), 32)
	case FIDIPv4Checksum:
		n := int(pkt[here]&15) * 4
		if n < 20 || n > rest {
			return "", false
		}
		return num(slowSum(zeroed(10, 2)[:n]), 16)
	case FIDICMPv4Checksum:
		return num(slowSum(zeroed(2, 2)), 16)
	case FIDSCTPChecksum:
		// RFC 9260, Appendix A: reflected CRC, bytes in transmission order.
		c := slowCRC32c(zeroed(8, 4))
		return slowBits([]byte{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)}), true
	}
	// Over a pseudo-header, with the addresses of the IP header before.
	ip := at - 1
	for ip >= 0 && layers[ip].proto != ProtoIPv6 && layers[ip].proto != ProtoIPv4 {
		ip--
	}
	var body []byte
	cover := rest
	switch d.FID {
	case FIDUDPChecksum:
		body = zeroed(6, 2)
	case FIDUDPLiteChecksum:
		body = zeroed(6, 2)
		if c := int(body[4])<<8 | int(body[5]); c != 0 {
			if c < 8 || c > rest {
				return "", false
			}
			cover = c
		}
	case FIDTCPChecksum:
		body = zeroed(16, 2)
	case FIDICMPv6Checksum:
		body = zeroed(2, 2)
	}
	var pseudo []byte
	h := p.outer
	if ip >= 0 {
		h = pkt[p.starts[ip]:]
	}
	if !slowOuter(h) {
		return "", false
	}
	if h[0]>>4 == 6 {
		pseudo = append(pseudo, h[8:40]...)
	} else {
		pseudo = append(pseudo, h[12:20]...)
	}
	pseudo = append(pseudo, byte(rest>>24), byte(rest>>16), byte(rest>>8), byte(rest), 0, 0, 0,
		byte(slowNumbers[layers[at].proto]))
	sum := slowSum(append(pseudo, body[:cover]...))
	if sum == 0 && (d.FID == FIDUDPChecksum || d.FID == FIDUDPLiteChecksum) {
		sum = 0xffff
	}
	return num(sum, 16)
}

// slowSum is the Internet checksum (RFC 1071).
func slowSum(b []byte) int {
	sum := 0
	for i, x := range b {
		if i%2 == 0 {
			sum += int(x) << 8
		} else {
			sum += int(x)
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return sum ^ 0xffff
}

// slowCRC32c is the Castagnoli CRC, bit by bit.
func slowCRC32c(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0x82f63b78
			} else {
				c >>= 1
			}
		}
	}
	return ^c
}

// slowBuild puts the fields of the layers and the payload together. Computed
// fields are not in vals.
func slowBuild(ds []slowDesc, layers []slowLayer, vals slowValues, payload []byte, dir Direction, in Inputs, opts Options) ([]byte, bool) {
	described := map[slowKey]*slowDesc{}
	for i := range ds {
		described[slowKey{ds[i].FID, ds[i].pos}] = &ds[i]
	}
	// Lengths of variable parts within a header are known by now.
	for k, d := range described {
		if d.CDA != CDACompute {
			continue
		}
		size := func(f FID) int { return len(vals[slowKey{f, d.pos}]) / 8 }
		bits := d.bits
		v := 0
		switch k.id {
		case FIDIPv4IHL:
			v = 5 + (size(FIDIPv4Options)+3)/4
		case FIDTCPDataOffset:
			v = 5 + (size(FIDTCPOptions)+3)/4
		case FIDCoAPTKL:
			v = size(FIDCoAPToken)
		case FIDIPv6HopByHopLength, FIDIPv6DestinationLength, FIDIPv6RoutingLength, FIDIPv6MobilityLength:
			v = (size(slowData[k.id.Protocol()]) - 6) / 8
		}
		if v < 0 || uint64(v) >= 1<<bits {
			return nil, false
		}
		vals[k] = slowNum(uint64(v), bits)
	}
	s := ""
	for _, l := range layers {
		for _, u := range slowHeader(l.proto, dir) {
			alt := u.alts[0]
			for _, a := range u.alts {
				if described[slowKey{a[0], l.nth}] != nil {
					alt = a
				}
			}
			for _, f := range alt {
				s += vals[slowKey{f, l.nth}]
			}
		}
		get := func(f FID) string { return vals[slowKey{f, l.nth}] }
		switch l.proto {
		case ProtoIPv4:
			s += get(FIDIPv4Options)
		case ProtoTCP:
			s += get(FIDTCPOptions)
		case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility:
			s += get(slowData[l.proto])
		case ProtoICMPv6:
			switch slowUint(get(FIDICMPv6Type)) {
			case 1, 3:
				if described[slowKey{FIDICMPv6Unused, l.nth}] != nil {
					s += get(FIDICMPv6Unused)
				} else {
					s += slowNum(0, 32)
				}
			}
			s += get(FIDICMPv6MTU) + get(FIDICMPv6Pointer) + get(FIDICMPv6Identifier) + get(FIDICMPv6Sequence) + get(FIDICMPv6Payload)
		case ProtoICMPv4:
			s += get(FIDICMPv4Identifier) + get(FIDICMPv4Sequence)
		case ProtoCoAP:
			s += get(FIDCoAPToken)
			fallthrough
		case ProtoCoAPInner:
			if slowIsEncoded(described) {
				s += slowEncodedOptions(vals)
			} else {
				s += slowBuildOptions(vals)
			}
			if len(payload) > 0 {
				s += "11111111"
			}
		}
	}
	if len(s)%8 != 0 {
		return nil, false
	}
	pkt := append(slowBytes(s), payload...)
	// The rest of the computed fields: lengths, then checksums.
	for _, sums := range []bool{false, true} {
		for k, d := range described {
			if d.CDA != CDACompute || sums != slowIsSum(k.id) {
				continue
			}
			p, text := slowParse(pkt, layers, dir, func(k slowKey) bool { return described[k] != nil }, slowSplit(ds, layers, opts))
			if text != "" {
				return nil, false
			}
			p.outer = in.Outer
			v, ok := slowComputed(pkt, p, layers, d, opts)
			if !ok {
				return nil, false
			}
			pkt = slowPatch(pkt, p, layers, k, v, dir)
		}
	}
	return pkt, true
}

func slowIsSum(f FID) bool {
	switch f {
	case FIDIPv4Checksum, FIDUDPChecksum, FIDUDPLiteChecksum, FIDTCPChecksum, FIDSCTPChecksum, FIDICMPv6Checksum, FIDICMPv4Checksum:
		return true
	}
	return false
}

// slowPatch returns pkt with field k of a fixed header set to v.
func slowPatch(pkt []byte, p *slowPacket, layers []slowLayer, k slowKey, v string, dir Direction) []byte {
	for i, l := range layers {
		if l.proto != k.id.Protocol() || l.nth != k.pos {
			continue
		}
		bit := p.starts[i] * 8
		for _, u := range slowHeader(l.proto, dir) {
			if u.alts[0][0] == k.id {
				s := slowBits(pkt)
				return slowBytes(s[:bit] + v + s[bit+len(v):])
			}
			bit += u.bits
		}
	}
	panic("no such field")
}

// slowBuildOptions writes the CoAP options of vals in the order of their
// numbers and positions.
func slowBuildOptions(vals slowValues) string {
	s := ""
	last := 0
	nibble := func(v int) (string, string) {
		switch {
		case v < 13:
			return slowNum(uint64(v), 4), ""
		case v < 269:
			return "1101", slowNum(uint64(v-13), 8)
		}
		return "1110", slowNum(uint64(v-269), 16)
	}
	numbers := map[int]int{} // occurrences by number
	for k := range vals {
		if n, ok := k.id.CoAPOption(); ok {
			numbers[int(n)] = max(numbers[int(n)], k.pos)
		}
		if k.id >= FIDCoAPOSCOREFlags && k.id <= FIDCoAPOSCOREKID {
			numbers[9] = max(numbers[9], k.pos)
		}
	}
	var sorted []int
	for n := range numbers {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	for _, n := range sorted {
		for pos := 1; pos <= numbers[n]; pos++ {
			v, whole := vals[slowKey{FIDCoAPOption(uint16(n)), pos}]
			if n == 9 && !whole {
				for f := FIDCoAPOSCOREFlags; f <= FIDCoAPOSCOREKID; f++ {
					v += vals[slowKey{f, pos}]
				}
			}
			d, dx := nibble(n - last)
			l, lx := nibble(len(v) / 8)
			s += d + l + dx + lx + v
			last = n
		}
	}
	return s
}

func slowIsEncoded(described map[slowKey]*slowDesc) bool {
	for f := FIDCoAPOptDelta; f <= FIDCoAPMarker; f++ {
		if described[slowKey{f, 1}] != nil {
			return true
		}
	}
	return false
}

// slowEncodedOptions writes the CoAP options of vals that a Rule describes as
// they are encoded.
func slowEncodedOptions(vals slowValues) string {
	s := ""
	for n := 1; ; n++ {
		d, l := vals[slowKey{FIDCoAPOptDelta, n}], vals[slowKey{FIDCoAPOptLength, n}]
		if d == "" {
			return s
		}
		s += d + l + vals[slowKey{FIDCoAPOptDeltaExt, n}] + vals[slowKey{FIDCoAPOptLengthExt, n}] + vals[slowKey{FIDCoAPOptValue, n}]
	}
}
