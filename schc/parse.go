package schc

import "encoding/binary"

// Field is one header field of a packet.
type Field struct {
	ID      FID
	Pos     uint8  // occurrence of the field in the packet, from 1
	OffBits uint32 // from the start of the packet
	LenBits uint32
}

// ParseOptions says how packets are parsed. The zero value is the default.
type ParseOptions struct {
	Start     Protocol // of the first header; 0: IPv4 or IPv6, as the version says
	CoAPPorts []uint16 // UDP ports whose payload is CoAP if it looks so; none: 5683
	// Alternates also gives fields that describe the same bits in another way
	// (DSCP and ECN beside the traffic class, whole addresses, ...).
	Alternates bool

	stack []Protocol // what follows Start, as a Rule describes it; nil: as the packet says
}

// AppendFields finds the header fields of pkt, a packet of direction dir, in
// their order in the packet, appends them to dst and returns the extended
// slice and the offset of the payload in bytes. Nothing is copied. It never
// fails: parsing ends before the first header that is cut off, malformed or
// unknown, and what remains is payload. The same parser serves all tools; the
// Compressor does not need it. Cost: one pass over the headers.
func AppendFields(dst []Field, pkt []byte, dir Direction, opts ParseOptions) ([]Field, int) {
	p := parser{dst: dst, pkt: pkt, dir: dir, all: opts.Alternates, ports: opts.CoAPPorts}
	proto := opts.Start
	if proto == 0 {
		proto = ProtoIPv6
		if len(pkt) > 0 && pkt[0]>>4 == 4 {
			proto = ProtoIPv4
		}
	}
	off := 0
	// Every header is at least two bytes, but a limit is cheaper than proof.
	for n := 0; n < 16 && proto != 0; n++ {
		next, size, ok := p.header(proto, off)
		if !ok {
			break
		}
		if opts.stack != nil {
			if n == len(opts.stack) {
				next = 0
			} else if want := opts.stack[n]; want != next {
				// Only these do not say what they carry.
				switch proto {
				case ProtoUDP, ProtoUDPLite, ProtoTCP, ProtoSCTP:
					next = want
				default:
					next = 0
				}
			}
		}
		off, proto = off+size, next
	}
	return p.dst, off
}

type parser struct {
	dst   []Field
	pkt   []byte
	dir   Direction
	all   bool
	ports []uint16
	count [protoEnd]uint8
}

// alternate reports whether f describes bits that a default field describes.
func alternate(f FID) bool {
	switch f {
	case FIDIPv6DSCP, FIDIPv6ECN, FIDIPv6DevAddress, FIDIPv6AppAddress, FIDIPv6SrcAddress, FIDIPv6DstAddress,
		FIDIPv4TOS, FIDIPv4SrcAddress, FIDIPv4DstAddress, FIDUDPSrcPort, FIDUDPDstPort,
		FIDUDPLiteSrcPort, FIDUDPLiteDstPort, FIDTCPSrcPort, FIDTCPDstPort, FIDSCTPSrcPort, FIDSCTPDstPort,
		FIDCoAPCodeClass, FIDCoAPCodeDetail, FIDICMPv6Unused:
		return true
	}
	return isOSCORE(f) || isEncoded(f)
}

func (p *parser) add(f FID, pos uint8, bit, n int) {
	p.dst = append(p.dst, Field{ID: f, Pos: pos, OffBits: uint32(bit), LenBits: uint32(n)})
}

// fixed adds the fixed fields of a header of n bytes at off, by their place.
func (p *parser) fixed(proto Protocol, off, n int) {
	nth := p.count[proto]
	first := len(p.dst)
	for f := FID(1); f < fidEnd; f++ {
		i := &fids[f]
		if i.proto != proto || i.bits == 0 || !p.all && alternate(f) {
			continue
		}
		at := fieldBit(f, p.dir)
		if at < 0 || at+int(i.bits) > n*8 || proto == ProtoICMPv6 && at >= 32 && !p.icmpHas(f, off) {
			continue
		}
		p.add(f, nth, off*8+at, int(i.bits))
		for k := len(p.dst) - 1; k > first && p.dst[k].OffBits < p.dst[k-1].OffBits; k-- {
			p.dst[k], p.dst[k-1] = p.dst[k-1], p.dst[k]
		}
	}
}

// icmpHas reports whether the ICMPv6 message at off has field f in its second
// word (draft-ietf-schc-icmpv6-compression-02, Section 4).
func (p *parser) icmpHas(f FID, off int) bool {
	switch p.pkt[off] {
	case 1, 3:
		return f == FIDICMPv6Unused
	case 2:
		return f == FIDICMPv6MTU
	case 4:
		return f == FIDICMPv6Pointer
	case 128, 129:
		return f == FIDICMPv6Identifier || f == FIDICMPv6Sequence
	}
	return false
}

// header adds the fields of one header and returns its length in bytes and the
// protocol that follows, 0 if none does.
func (p *parser) header(proto Protocol, off int) (next Protocol, size int, ok bool) {
	b := p.pkt[off:]
	n := headerBytes(proto)
	if len(b) < n {
		return 0, 0, false
	}
	vary := FID(0) // a field of variable length behind the fixed ones
	switch proto {
	case ProtoIPv6:
		if b[0]>>4 != 6 {
			return 0, 0, false
		}
		next = protocolOf(b[6])
	case ProtoIPv4:
		if b[0]>>4 != 4 || b[0]&15 < 5 || int(b[0]&15)*4 > len(b) {
			return 0, 0, false
		}
		vary, size = FIDIPv4Options, int(b[0]&15)*4
		if binary.BigEndian.Uint16(b[6:])&0x1fff == 0 {
			next = protocolOf(b[9])
		}
	case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility:
		vary, size = fieldAt(proto, 8, p.dir)+1, int(b[1])*8+8
		if proto != ProtoIPv6Mobility {
			next = protocolOf(b[0])
		}
	case ProtoIPv6Fragment:
		if binary.BigEndian.Uint16(b[2:])>>3 == 0 {
			next = protocolOf(b[0])
		}
	case ProtoTCP:
		if b[12]>>4 < 5 {
			return 0, 0, false
		}
		vary, size = FIDTCPOptions, int(b[12]>>4)*4
	case ProtoICMPv6:
		switch b[0] {
		case 1, 2, 3, 4, 128, 129:
			n = 8
		}
	case ProtoICMPv4:
		if b[0]&^8 == 0 {
			n = 8
		}
	case ProtoUDP:
		if p.isCoAPPort(b) && coapHeader(b[8:]) {
			next = ProtoCoAP
		}
	case ProtoCoAP:
		if !coapHeader(b) {
			return 0, 0, false
		}
		vary, size = FIDCoAPToken, 4+int(b[0]&15)
	case ProtoCoAPInner:
		if !optionsOK(b, 1) {
			return 0, 0, false
		}
		p.add(FIDCoAPCode, 1, off*8, 8)
		if p.all {
			p.add(FIDCoAPCodeClass, 1, off*8, 3)
			p.add(FIDCoAPCodeDetail, 1, off*8+3, 5)
		}
	}
	if size == 0 {
		size = n
	}
	if len(b) < size {
		return 0, 0, false
	}
	if next != 0 && !follows(proto, next) {
		next = 0
	}
	p.count[proto]++
	p.fixed(proto, off, n)
	if vary != 0 {
		p.add(vary, p.count[proto], (off+n)*8, (size-n)*8)
	}
	if proto == ProtoICMPv6 {
		// The payload is a field of ICMPv6, and still payload to a Rule that
		// does not describe it.
		p.add(FIDICMPv6Payload, p.count[proto], (off+size)*8, (len(b)-size)*8)
	}
	if proto == ProtoCoAP || proto == ProtoCoAPInner {
		size, _ = p.coapOptions(off, size)
	}
	return next, size, true
}

func (p *parser) isCoAPPort(udp []byte) bool {
	src, dst := binary.BigEndian.Uint16(udp), binary.BigEndian.Uint16(udp[2:])
	if len(p.ports) == 0 {
		return src == 5683 || dst == 5683
	}
	for _, x := range p.ports {
		if x == src || x == dst {
			return true
		}
	}
	return false
}

// coapHeader reports whether b is a CoAP message: version 1, a token length
// that is not reserved, options that are well-formed up to the end or a
// payload marker with payload.
func coapHeader(b []byte) bool {
	if len(b) < 4 || b[0]>>6 != 1 || b[0]&15 > 8 || len(b) < 4+int(b[0]&15) {
		return false
	}
	return optionsOK(b, 4+int(b[0]&15))
}

// optionsOK reports whether the CoAP options of b from off on are well-formed.
func optionsOK(b []byte, off int) bool {
	for number := 0; ; {
		if _, ok := coapEnd(b, off); ok {
			return true
		}
		delta, length, next, ok := parseOption(b, off)
		number += delta
		if !ok || length > len(b)-next || number > 0xffff {
			return false
		}
		off = next + length
	}
}

// coapOptions adds the options of the well-formed CoAP message at off, whose
// options start after size bytes, and returns the size of header and marker.
func (p *parser) coapOptions(off, size int) (int, bool) {
	number, pos := 0, uint8(0)
	var nth [5]uint8 // of encoded parts
	encoded := func(f FID, bit, n int) {
		if i := f - FIDCoAPOptDelta; p.all && nth[i] < 0xfe && n > 0 {
			nth[i]++
			p.add(f, nth[i], bit, n)
		}
	}
	for {
		at := off + size
		if end, ok := coapEnd(p.pkt, at); ok {
			if p.all && end > at {
				p.add(FIDCoAPMarker, 1, at*8, 8)
			}
			return end - off, true
		}
		delta, length, next, _ := parseOption(p.pkt, at)
		dx, lx := extensionBytes(p.pkt[at]>>4)*8, extensionBytes(p.pkt[at]&15)*8
		encoded(FIDCoAPOptDelta, at*8, 4)
		encoded(FIDCoAPOptLength, at*8+4, 4)
		encoded(FIDCoAPOptDeltaExt, at*8+8, dx)
		encoded(FIDCoAPOptLengthExt, at*8+8+dx, lx)
		encoded(FIDCoAPOptValue, next*8, length*8)
		if delta != 0 || pos == 0 {
			pos = 0
		}
		number += delta
		if pos < 0xfe {
			pos++
		}
		p.add(FIDCoAPOption(uint16(number)), pos, next*8, length*8)
		if number == 9 && p.all {
			var e [4]elem
			if splitOSCORE(&e, p.pkt, next, length) {
				for i := range e {
					p.add(FIDCoAPOSCOREFlags+FID(i), pos, int(e[i].off)*8, int(e[i].n)*8)
				}
			}
		}
		size = next + length - off
	}
}
