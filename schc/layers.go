package schc

// headerBytes is the length of the fixed part of each header.
func headerBytes(p Protocol) int {
	switch p {
	case ProtoIPv6:
		return 40
	case ProtoIPv4, ProtoTCP, ProtoSSEExtreme:
		return 20
	case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility, ProtoESPTrailer:
		return 2
	case ProtoSCTP:
		return 12
	case ProtoSSELarge:
		return 16
	case ProtoICMPv6, ProtoICMPv4, ProtoCoAP:
		return 4
	case ProtoCoAPInner:
		return 1
	}
	return 8
}

// addLayer lays out header i and finds the place of each field in it.
func (b *builder) addLayer(i int) {
	l := b.layers[i]
	n := headerBytes(l.proto)
	skip := 0 // bits of the header that are not there
	if l.proto == ProtoCoAP && b.rule.start() == ProtoCoAPInner {
		n, skip = headerBytes(ProtoCoAPInner), 8
	}
	body := false // of ICMP: the second word is described
	for j := range b.descs {
		d := &b.descs[j]
		if d.layer == i && !d.option && d.FID.LenBits() > 0 && fieldBit(d.FID, b.dir) >= n*8 {
			body = true
		}
	}
	if body && (l.proto == ProtoICMPv6 || l.proto == ProtoICMPv4) {
		n = 8
	}
	k, off := b.need(n)
	elem := k.elem

	// Every bit of the header is described exactly once.
	var seen [40]byte
	for j := range b.descs {
		d := &b.descs[j]
		if d.layer != i || d.FID.LenBits() == 0 || isEncoded(d.FID) {
			continue
		}
		at, w := fieldBit(d.FID, b.dir)-skip, d.FID.LenBits()
		if ones(seen[:], at, w) {
			b.fail(d, ErrMalformed, "overlaps a field described before; describe each bit of the header once")
			return
		}
		d.place, d.placed = place{elem: elem, bit: off*8 + at, bits: w}, true
	}
	for t := 0; t < n*8; t++ {
		if seen[t>>3] == 0xff {
			t |= 7
		} else if seen[t>>3]&(0x80>>uint(t&7)) == 0 {
			b.failMissing(fieldAt(l.proto, t+skip, b.dir))
			return
		}
	}

	next := Protocol(0)
	if i+1 < len(b.layers) {
		next = b.layers[i+1].proto
	}
	switch l.proto {
	case ProtoIPv6:
		b.fix(k, off*8, 4, 6)
		b.nextHeader(k, off*8+48, next)
		b.ip, b.ipElem, b.ipOff = l, elem, off
		b.addCalc(i, FIDIPv6PayloadLength, calcStep{kind: calcIPv6Length, elem: elem, off: off})
	case ProtoIPv4:
		b.fix(k, off*8, 4, 4)
		b.nextHeader(k, off*8+72, next)
		if next != 0 {
			b.fix(k, off*8+51, 13, 0) // only the first fragment has the next header
		}
		b.ip, b.ipElem, b.ipOff = l, elem, off
		b.addCalc(i, FIDIPv4TotalLength, calcStep{kind: calcIPv4Length, elem: elem, off: off})
		b.addCalc(i, FIDIPv4Checksum, calcStep{kind: calcIPv4Sum, elem: elem, off: off})
		b.sized(i, FIDIPv4Options, FIDIPv4IHL, k, off*8+4, sizing{walkIPOpt, calcIPv4IHL, 4, 5, 0}, off)
	case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility:
		b.nextHeader(k, off*8, next)
		f := fieldAt(l.proto, 8, b.dir)
		b.sized(i, f+1, f, k, off*8+8, sizing{walkExt, calcExtLength, 8, 0, 6}, off+1)
	case ProtoIPv6Fragment:
		b.nextHeader(k, off*8, next)
		if next != 0 {
			b.fix(k, off*8+16, 13, 0)
		}
	case ProtoUDP:
		b.addCalc(i, FIDUDPLength, calcStep{kind: calcUDPLength, elem: elem, off: off})
		b.addSum(i, FIDUDPChecksum, calcUDPSum, elem, off, 17)
	case ProtoUDPLite:
		b.addCalc(i, FIDUDPLiteCoverage, calcStep{kind: calcUDPLength, elem: elem, off: off})
		b.addSum(i, FIDUDPLiteChecksum, calcUDPLiteSum, elem, off, 136)
	case ProtoTCP:
		b.addSum(i, FIDTCPChecksum, calcTCPSum, elem, off, 6)
		b.sized(i, FIDTCPOptions, FIDTCPDataOffset, k, off*8+96, sizing{walkTCPOpt, calcTCPOffset, 4, 5, 0}, off+12)
	case ProtoSCTP:
		b.addCalc(i, FIDSCTPChecksum, calcStep{kind: calcSCTPSum, elem: elem, off: off})
	case ProtoICMPv4:
		b.addCalc(i, FIDICMPv4Checksum, calcStep{kind: calcICMPv4Sum, elem: elem, off: off})
	case ProtoICMPv6:
		b.addSum(i, FIDICMPv6Checksum, calcICMPv6Sum, elem, off, 58)
	case ProtoSSECompact:
		b.addCalc(i, FIDSSECompactLength, calcStep{kind: calcSSECompact, elem: elem, off: off})
	case ProtoSSELarge:
		b.addCalc(i, FIDSSELargeLength, calcStep{kind: calcSSELarge, elem: elem, off: off})
	case ProtoSSEExtreme:
		b.addCalc(i, FIDSSEExtremeLength, calcStep{kind: calcSSEExtreme, elem: elem, off: off})
	case ProtoCoAP:
		if skip > 0 {
			b.options(i)
			return
		}
		b.fix(k, off*8, 2, 1) // RFC 7252, Section 3: other versions are silently ignored
		b.sized(i, FIDCoAPToken, FIDCoAPTKL, k, off*8+4, sizing{walkToken, calcCoAPTKL, 1, 0, 0}, off)
		b.options(i)
	}
	if l.proto == ProtoICMPv6 {
		b.icmpBody(i, k, off, body)
	}
	if l.proto == ProtoICMPv4 {
		b.icmp4Body(i, k, off, body)
	}
}

// fieldBit returns the offset in bits of a field in its header, or -1.
func fieldBit(f FID, dir Direction) int {
	if !f.Known() || f >= fidCoAPOption {
		return -1
	}
	if dir == DirDown {
		return int(fids[f].dwBits)
	}
	return int(fids[f].upBits)
}

// fieldAt returns the first field of p that holds bit t of its header.
func fieldAt(p Protocol, t int, dir Direction) FID {
	for f := FID(1); f < fidEnd; f++ {
		if fids[f].proto == p && fids[f].bits > 0 {
			if at := fieldBit(f, dir); t >= at && t < at+int(fids[f].bits) {
				return f
			}
		}
	}
	return 0
}

// fix adds a structural constraint.
func (b *builder) fix(k *block, bit, n int, v uint64) {
	if !k.constrain(bit, n, v) {
		b.fail(nil, ErrMalformed, "two fields of the Rule contradict each other; it can never match")
	}
}

// nextHeader demands the protocol number of the next layer.
func (b *builder) nextHeader(k *block, bit int, next Protocol) {
	if n, ok := next.number(); ok {
		b.fix(k, bit, 8, uint64(n))
	}
}

// addCalc adds a computed field if the Rule asks for it.
func (b *builder) addCalc(i int, f FID, c calcStep) {
	if d := b.find(i, f); d != nil && d.CDA == CDACompute {
		b.calc = append(b.calc, c)
	}
}

// addSum adds a checksum over a pseudo-header.
func (b *builder) addSum(i int, f FID, kind byte, elem, off int, proto byte) {
	d := b.find(i, f)
	if d == nil || d.CDA != CDACompute {
		return
	}
	if b.ip.proto == 0 && b.opts.OuterHeader && i == 0 {
		b.outer = true
		b.calc = append(b.calc, calcStep{kind: kind, elem: elem, off: off, proto: proto})
		return
	}
	if b.ip.proto == 0 {
		b.fail(d, ErrMalformed, "cannot be computed: the Rule does not describe the IP header that the checksum covers; use value-sent")
		return
	}
	b.calc = append(b.calc, calcStep{kind: kind, elem: elem, off: off, ip: b.ip.proto, ipElem: b.ipElem, ipOff: b.ipOff, proto: proto})
}

// sizing says how a length field counts: in unit bytes, base of which are the
// fixed header, extra bytes of which are not in the variable part.
type sizing struct {
	walk, calc byte
	unit, base int
	extra      int
}

// sized places a field of variable length whose length another field of the
// header gives: IPv4 and TCP options, the CoAP token, extension header data.
// Not described, it must be empty.
func (b *builder) sized(i int, f, lenFID FID, k *block, lenBit int, s sizing, refByte int) {
	lenBits := lenFID.LenBits()
	d, ld := b.find(i, f), b.find(i, lenFID)
	if d == nil && b.opts.FixedHeaders && i == len(b.layers)-1 && ld.CDA != CDACompute {
		return // what follows the fixed header is payload
	}
	n, always := 0, true // length in bytes, if it is always the same
	switch {
	case d == nil:
		n = s.extra // the least that there is
	case !d.fl.Variable():
		n = int(d.fl) / 8
	case (d.MO == MOEqual && d.CDA == CDANotSent) && len(d.TV) == 1:
		n = len(d.TV[0])
	case ld.MO == MOEqual && len(ld.TV) == 1 && len(ld.TV[0]) == 1:
		n = (int(ld.TV[0][0])-s.base)*s.unit + s.extra
	default:
		always = false
	}
	if always {
		v := (n-s.extra)/s.unit + s.base
		if (n-s.extra)%s.unit != 0 || n < s.extra || v < 0 || v >= 1<<uint(lenBits) || f == FIDCoAPToken && n > 8 {
			if d == nil {
				d = ld
			}
			text := " cannot express this length"
			if n >= 0 {
				text = " cannot express a length of " + count(n, "byte")
			}
			b.fail(d, ErrMalformed, lenFID.String()+text)
			return
		}
		if d == nil && n > 0 {
			b.failMissing(f)
			return
		}
		if ld.CDA == CDACompute {
			b.calc = append(b.calc, calcStep{kind: s.calc, elem: k.elem, off: refByte, b: n})
		}
		b.fix(k, lenBit, lenBits, uint64(v))
		_, off := b.need(n)
		if d != nil {
			d.place, d.placed = place{elem: k.elem, bit: off * 8, bits: n * 8}, true
		}
		return
	}
	elem := b.variable(walkStep{kind: s.walk, a: byte(k.elem), b: uint16(refByte)}, 1)
	d.place, d.placed = place{elem: elem, variable: true}, true
	if ld.CDA == CDACompute {
		b.calc = append(b.calc, calcStep{kind: s.calc, elem: k.elem, off: refByte, a: elem})
		if d.fl == FLTokenLength {
			b.fail(d, ErrMalformed, "FL tkl needs COAP.TKL; it is computed from the token itself: use FL var")
		}
	}
	if d.fl == FLTokenLength && ld.index > d.index {
		b.fail(d, ErrMalformed, "FL tkl needs COAP.TKL before the token in the Rule")
	}
}

// icmpBody handles what follows the first word of an ICMPv6 header
// (draft-ietf-schc-icmpv6-compression-02, Section 4): the echo fields, MTU or
// pointer if described; the unused word of types 1 and 3, which no Rule
// describes, is zero; other messages have their payload there.
func (b *builder) icmpBody(i int, k *block, off int, body bool) {
	td := b.find(i, FIDICMPv6Type)
	switch {
	case b.find(i, FIDICMPv6Identifier) != nil:
		b.fix(k, off*8, 7, 64) // 128 or 129
	case b.find(i, FIDICMPv6Unused) != nil: // the draft leaves it out; others describe it
		b.fix(k, off*8, 6, 0) // 1 or 3
		b.fix(k, off*8+7, 1, 1)
	case b.find(i, FIDICMPv6MTU) != nil:
		b.fix(k, off*8, 8, 2)
	case b.find(i, FIDICMPv6Pointer) != nil:
		b.fix(k, off*8, 8, 4)
	case td.MO == MOEqual && len(td.TV) == 1 && len(td.TV[0]) == 1:
		switch t := td.TV[0][0]; t {
		case 1, 3:
			u, o := b.need(4)
			u.constrain(o*8, 32, 0)
		case 2:
			b.failMissing(FIDICMPv6MTU)
		case 4:
			b.failMissing(FIDICMPv6Pointer)
		case 128, 129:
			b.failMissing(FIDICMPv6Identifier)
		}
	default:
		b.variable(walkStep{kind: walkICMP, a: byte(k.elem), b: uint16(off)}, 1)
	}
	if d := b.find(i, FIDICMPv6Payload); d != nil {
		elem := b.variable(walkStep{kind: walkRest}, 1)
		d.place, d.placed = place{elem: elem, variable: true}, true
		b.rest = true
	}
}

// icmp4Body does the same for ICMPv4, of which only the echo is described:
// the messages that have an identifier are refused without it.
func (b *builder) icmp4Body(i int, k *block, off int, body bool) {
	if !body {
		td := b.find(i, FIDICMPv4Type)
		if td.MO == MOEqual && len(td.TV) == 1 && len(td.TV[0]) == 1 && (td.TV[0][0] == 8 || td.TV[0][0] == 0) {
			b.failMissing(FIDICMPv4Identifier)
		}
		b.match = append(b.match, matchStep{kind: matchNotEcho, elem: k.elem, off: off})
		return
	}
	b.fix(k, off*8, 4, 0) // 0 or 8
	b.fix(k, off*8+5, 3, 0)
}
