package schc_test

import (
	. "github.com/schckit/schckit/schc"
)

// The parser of the slow reference: packets to fields.

// slowUnit is a part of a fixed header that can be described in several ways:
// each alternative is a list of fields that make up its bits.
type slowUnit struct {
	bits int
	alts [][]FID
}

func slowFieldBits(f FID) int {
	switch f {
	case FIDIPv6DSCP, FIDIPv4DSCP:
		return 6
	case FIDIPv6ECN, FIDIPv4ECN:
		return 2
	case FIDIPv6DevPrefix, FIDIPv6DevIID, FIDIPv6AppPrefix, FIDIPv6AppIID:
		return 64
	case FIDCoAPCodeClass:
		return 3
	case FIDCoAPCodeDetail:
		return 5
	}
	return 0 // the whole unit
}

// slowHeader returns the fixed part of each header, in the order of the
// packet. The variable parts are in slowParse and slowBuild.
func slowHeader(p Protocol, dir Direction) []slowUnit {
	one := func(bits int, f FID) slowUnit { return slowUnit{bits, [][]FID{{f}}} }
	// First in the packet is the source: the device uplink, else the
	// application.
	ports := func(dev, app, src, dst FID) []slowUnit {
		if dir == DirDown {
			dev, app = app, dev
		}
		return []slowUnit{{16, [][]FID{{src}, {dev}}}, {16, [][]FID{{dst}, {app}}}}
	}
	switch p {
	case ProtoIPv6: // RFC 8200, Section 3
		first := [][]FID{{FIDIPv6SrcAddress}, {FIDIPv6DevAddress}, {FIDIPv6DevPrefix, FIDIPv6DevIID}}
		second := [][]FID{{FIDIPv6DstAddress}, {FIDIPv6AppAddress}, {FIDIPv6AppPrefix, FIDIPv6AppIID}}
		if dir == DirDown {
			first = [][]FID{{FIDIPv6SrcAddress}, {FIDIPv6AppAddress}, {FIDIPv6AppPrefix, FIDIPv6AppIID}}
			second = [][]FID{{FIDIPv6DstAddress}, {FIDIPv6DevAddress}, {FIDIPv6DevPrefix, FIDIPv6DevIID}}
		}
		return []slowUnit{
			one(4, FIDIPv6Version),
			{8, [][]FID{{FIDIPv6TrafficClass}, {FIDIPv6DSCP, FIDIPv6ECN}}},
			one(20, FIDIPv6FlowLabel),
			one(16, FIDIPv6PayloadLength), one(8, FIDIPv6NextHeader), one(8, FIDIPv6HopLimit),
			{128, first}, {128, second},
		}
	case ProtoIPv6HopByHop:
		return []slowUnit{one(8, FIDIPv6HopByHopNextHeader), one(8, FIDIPv6HopByHopLength)}
	case ProtoIPv6Destination:
		return []slowUnit{one(8, FIDIPv6DestinationNextHeader), one(8, FIDIPv6DestinationLength)}
	case ProtoIPv6Routing:
		return []slowUnit{one(8, FIDIPv6RoutingNextHeader), one(8, FIDIPv6RoutingLength)}
	case ProtoIPv6Mobility:
		return []slowUnit{one(8, FIDIPv6MobilityNextHeader), one(8, FIDIPv6MobilityLength)}
	case ProtoIPv6Fragment:
		return []slowUnit{one(8, FIDIPv6FragmentNextHeader), one(8, FIDIPv6FragmentReserved), one(13, FIDIPv6FragmentOffset),
			one(2, FIDIPv6FragmentReserved2), one(1, FIDIPv6FragmentMore), one(32, FIDIPv6FragmentID)}
	case ProtoIPv4: // RFC 791, Section 3.1
		dev, app := FIDIPv4DevAddress, FIDIPv4AppAddress
		if dir == DirDown {
			dev, app = app, dev
		}
		return []slowUnit{
			one(4, FIDIPv4Version), one(4, FIDIPv4IHL),
			{8, [][]FID{{FIDIPv4TOS}, {FIDIPv4DSCP, FIDIPv4ECN}}},
			one(16, FIDIPv4TotalLength),
			one(16, FIDIPv4ID), one(3, FIDIPv4Flags), one(13, FIDIPv4FragmentOffset),
			one(8, FIDIPv4TTL), one(8, FIDIPv4Protocol), one(16, FIDIPv4Checksum),
			{32, [][]FID{{FIDIPv4SrcAddress}, {dev}}}, {32, [][]FID{{FIDIPv4DstAddress}, {app}}},
		}
	case ProtoUDP: // RFC 768
		return append(ports(FIDUDPDevPort, FIDUDPAppPort, FIDUDPSrcPort, FIDUDPDstPort),
			one(16, FIDUDPLength), one(16, FIDUDPChecksum))
	case ProtoUDPLite: // RFC 3828
		return append(ports(FIDUDPLiteDevPort, FIDUDPLiteAppPort, FIDUDPLiteSrcPort, FIDUDPLiteDstPort),
			one(16, FIDUDPLiteCoverage), one(16, FIDUDPLiteChecksum))
	case ProtoTCP: // RFC 9293
		return append(ports(FIDTCPDevPort, FIDTCPAppPort, FIDTCPSrcPort, FIDTCPDstPort),
			one(32, FIDTCPSequence), one(32, FIDTCPAcknowledgment),
			one(4, FIDTCPDataOffset), one(4, FIDTCPReserved), one(8, FIDTCPFlags), one(16, FIDTCPWindow),
			one(16, FIDTCPChecksum), one(16, FIDTCPUrgent))
	case ProtoSCTP: // RFC 9260
		return append(ports(FIDSCTPDevPort, FIDSCTPAppPort, FIDSCTPSrcPort, FIDSCTPDstPort),
			one(32, FIDSCTPVerificationTag), one(32, FIDSCTPChecksum))
	case ProtoICMPv6: // RFC 4443
		return []slowUnit{one(8, FIDICMPv6Type), one(8, FIDICMPv6Code), one(16, FIDICMPv6Checksum)}
	case ProtoICMPv4: // RFC 792
		return []slowUnit{one(8, FIDICMPv4Type), one(8, FIDICMPv4Code), one(16, FIDICMPv4Checksum)}
	case ProtoESP: // RFC 4303
		return []slowUnit{one(32, FIDESPSPI), one(32, FIDESPSN)}
	case ProtoESPTrailer: // RFC 4303, Section 2
		return []slowUnit{one(8, FIDESPPadLength), one(8, FIDESPNextHeader)}
	case ProtoSSECompact:
		return []slowUnit{one(24, FIDSSECompactSPI), one(8, FIDSSECompactFlags), one(12, FIDSSECompactLength), one(20, FIDSSECompactSN)}
	case ProtoSSELarge:
		return []slowUnit{one(32, FIDSSELargeSPI), one(24, FIDSSELargeReserved), one(8, FIDSSELargeFlags),
			one(32, FIDSSELargeLength), one(32, FIDSSELargeSN)}
	case ProtoSSEExtreme:
		return []slowUnit{one(32, FIDSSEExtremeSPI), one(24, FIDSSEExtremeReserved), one(8, FIDSSEExtremeFlags),
			one(32, FIDSSEExtremeLength), one(64, FIDSSEExtremeSN)}
	case ProtoCoAP: // RFC 7252, Section 3
		return []slowUnit{
			one(2, FIDCoAPVersion), one(2, FIDCoAPType), one(4, FIDCoAPTKL),
			{8, [][]FID{{FIDCoAPCode}, {FIDCoAPCodeClass, FIDCoAPCodeDetail}}},
			one(16, FIDCoAPMID),
		}
	case ProtoCoAPInner: // RFC 8613, Section 5.3: code, options, payload
		return []slowUnit{{8, [][]FID{{FIDCoAPCode}, {FIDCoAPCodeClass, FIDCoAPCodeDetail}}}}
	}
	panic("no such protocol")
}

// slowNumbers are the IP protocol numbers (IANA).
var slowNumbers = map[Protocol]int{
	ProtoIPv6HopByHop: 0, ProtoICMPv4: 1, ProtoIPv4: 4, ProtoTCP: 6, ProtoUDP: 17, ProtoIPv6: 41, ProtoIPv6Routing: 43,
	ProtoIPv6Fragment: 44, ProtoESP: 50, ProtoICMPv6: 58, ProtoIPv6Destination: 60, ProtoSCTP: 132, ProtoIPv6Mobility: 135,
	ProtoUDPLite: 136,
}

// slowNext is the field that names the next header.
var slowNext = map[Protocol]FID{
	ProtoIPv6: FIDIPv6NextHeader, ProtoIPv4: FIDIPv4Protocol, ProtoIPv6HopByHop: FIDIPv6HopByHopNextHeader,
	ProtoIPv6Destination: FIDIPv6DestinationNextHeader, ProtoIPv6Routing: FIDIPv6RoutingNextHeader,
	ProtoIPv6Fragment: FIDIPv6FragmentNextHeader,
}

// slowData is the variable part of an extension header.
var slowData = map[Protocol]FID{
	ProtoIPv6HopByHop: FIDIPv6HopByHopData, ProtoIPv6Destination: FIDIPv6DestinationData,
	ProtoIPv6Routing: FIDIPv6RoutingData, ProtoIPv6Mobility: FIDIPv6MobilityData,
}

// slowKey names one field of a packet: the FID and its position. Fields other
// than CoAP options have the number of their header among those of the same
// protocol.
type slowKey struct {
	id  FID
	pos int
}

// slowLayer is one header: the protocol and which one of that protocol it is.
type slowLayer struct {
	proto Protocol
	nth   int
}

// slowValues are the fields of a packet, or those that a residue gave.
type slowValues map[slowKey]string

// slowPacket is a packet taken apart.
type slowPacket struct {
	fields  slowValues
	order   []slowKey // of the fields in the packet
	starts  []int     // first byte of each layer
	payload []byte
	outer   []byte // the IP header of the layer below
}

// slowParse takes pkt apart as the given layers. described tells which fields
// the Rule describes, which decides between alternatives only. It fails if pkt
// is not of these layers. With split the options of the last header, if it is
// IPv4 or TCP, are payload.
func slowParse(pkt []byte, layers []slowLayer, dir Direction, described func(slowKey) bool, split ...bool) (*slowPacket, string) {
	p := &slowPacket{fields: slowValues{}}
	at := 0 // in bytes
	set := func(f FID, pos int, v string) {
		k := slowKey{f, pos}
		p.fields[k] = v
		p.order = append(p.order, k)
	}
	for i, l := range layers {
		p.starts = append(p.starts, at)
		get := func(f FID) int { return slowUint(p.fields[slowKey{f, l.nth}]) }
		variable := func(f FID, n int) bool {
			if (f == FIDIPv4Options || f == FIDTCPOptions) && i+1 == len(layers) && len(split) > 0 && split[0] {
				return true
			}
			if n < 0 || at+n > len(pkt) {
				return false
			}
			if n > 0 || described(slowKey{f, l.nth}) {
				set(f, l.nth, slowBits(pkt[at:at+n]))
			}
			at += n
			return true
		}
		// The fixed part. TKL, IHL and so on are needed even where the Rule
		// has them under another name, and they have none.
		bit := at * 8
		total := 0
		units := slowHeader(l.proto, dir)
		for _, u := range units {
			total += u.bits
		}
		if at*8+total > len(pkt)*8 {
			return nil, "the header is cut off"
		}
		head := slowBits(pkt[at : at+total/8])
		for _, u := range units {
			alt := u.alts[0]
			for _, a := range u.alts {
				if described(slowKey{a[0], l.nth}) {
					alt = a
				}
			}
			for _, f := range alt {
				n := slowFieldBits(f)
				if n == 0 {
					n = u.bits
				}
				set(f, l.nth, head[bit-at*8:bit-at*8+n])
				bit += n
			}
		}
		at = bit / 8
		// The variable part, and what every such header must be like.
		switch l.proto {
		case ProtoIPv6:
			if get(FIDIPv6Version) != 6 {
				return nil, "not IPv6"
			}
		case ProtoIPv4:
			if get(FIDIPv4Version) != 4 || !variable(FIDIPv4Options, get(FIDIPv4IHL)*4-20) {
				return nil, "not IPv4"
			}
			if get(FIDIPv4FragmentOffset) != 0 && i+1 < len(layers) {
				return nil, "a later fragment has no header of the next layer"
			}
		case ProtoIPv6HopByHop:
			if !variable(FIDIPv6HopByHopData, get(FIDIPv6HopByHopLength)*8+6) {
				return nil, "the extension header is cut off"
			}
		case ProtoIPv6Destination:
			if !variable(FIDIPv6DestinationData, get(FIDIPv6DestinationLength)*8+6) {
				return nil, "the extension header is cut off"
			}
		case ProtoIPv6Routing:
			if !variable(FIDIPv6RoutingData, get(FIDIPv6RoutingLength)*8+6) {
				return nil, "the extension header is cut off"
			}
		case ProtoIPv6Mobility:
			if !variable(FIDIPv6MobilityData, get(FIDIPv6MobilityLength)*8+6) {
				return nil, "the extension header is cut off"
			}
		case ProtoIPv6Fragment:
			if get(FIDIPv6FragmentOffset) != 0 && i+1 < len(layers) {
				return nil, "a later fragment has no header of the next layer"
			}
		case ProtoTCP:
			if !variable(FIDTCPOptions, get(FIDTCPDataOffset)*4-20) {
				return nil, "not TCP"
			}
		case ProtoICMPv6:
			if text := slowICMPv6(pkt, &at, get(FIDICMPv6Type), described(slowKey{FIDICMPv6Unused, l.nth}), func(f FID, v string) { set(f, l.nth, v) }); text != "" {
				return nil, text
			}
			if described(slowKey{FIDICMPv6Payload, l.nth}) {
				set(FIDICMPv6Payload, l.nth, slowBits(pkt[at:]))
				at = len(pkt)
			}
		case ProtoICMPv4:
			if t := get(FIDICMPv4Type); t == 0 || t == 8 {
				if at+4 > len(pkt) {
					return nil, "the echo is cut off"
				}
				set(FIDICMPv4Identifier, l.nth, slowBits(pkt[at:at+2]))
				set(FIDICMPv4Sequence, l.nth, slowBits(pkt[at+2:at+4]))
				at += 4
			}
		case ProtoCoAP:
			if get(FIDCoAPVersion) != 1 || get(FIDCoAPTKL) > 8 || !variable(FIDCoAPToken, get(FIDCoAPTKL)) {
				return nil, "not CoAP"
			}
			if text := slowOptions(pkt, &at, described, set); text != "" {
				return nil, text
			}
		case ProtoCoAPInner:
			if text := slowOptions(pkt, &at, described, set); text != "" {
				return nil, text
			}
		}
		if i+1 < len(layers) {
			if f, ok := slowNext[l.proto]; ok && get(f) != slowNumbers[layers[i+1].proto] {
				return nil, "another protocol follows"
			}
		}
	}
	p.payload = pkt[at:]
	return p, ""
}

// slowICMPv6 takes the second word of an ICMPv6 header at *at (the ICMPv6
// draft, Section 4).
func slowICMPv6(pkt []byte, at *int, typ int, unused bool, set func(FID, string)) string {
	word := func(f ...FID) string {
		if *at+4 > len(pkt) {
			return "the ICMPv6 header is cut off"
		}
		for i, x := range f {
			n := 4 / len(f)
			set(x, slowBits(pkt[*at+i*n:*at+i*n+n]))
		}
		*at += 4
		return ""
	}
	switch typ {
	case 1, 3: // "The Unused field does not appear in the rule": it is zero, unless the Rule has it
		if unused {
			return word(FIDICMPv6Unused)
		}
		if *at+4 > len(pkt) || slowUint(slowBits(pkt[*at:*at+4])) != 0 {
			return "the unused word is not zero"
		}
		return word()
	case 2:
		return word(FIDICMPv6MTU)
	case 4:
		return word(FIDICMPv6Pointer)
	case 128, 129:
		return word(FIDICMPv6Identifier, FIDICMPv6Sequence)
	}
	return ""
}

// slowOptions takes the options and the payload marker of a CoAP message (RFC
// 7252, Section 3.1).
func slowOptions(pkt []byte, at *int, described func(slowKey) bool, set func(FID, int, string)) string {
	number, pos := 0, 0
	// A Rule may describe options as they are encoded; then each part that is
	// there is a field, and so is the payload marker.
	encoded := false
	for f := FIDCoAPOptDelta; f <= FIDCoAPMarker; f++ {
		encoded = encoded || described(slowKey{f, 1})
	}
	nth := 0 // option
	part := func(f FID, v string) {
		if encoded && (v != "" || described(slowKey{f, nth})) {
			set(f, nth, v)
		}
	}
	take := func(n int) (int, bool) {
		if *at+n > len(pkt) {
			return 0, false
		}
		v := slowUint(slowBits(pkt[*at : *at+n]))
		*at += n
		return v, true
	}
	extended := func(nibble int) (int, bool) {
		switch nibble {
		case 13:
			v, ok := take(1)
			return v + 13, ok
		case 14:
			v, ok := take(2)
			return v + 269, ok
		case 15:
			return 0, false
		}
		return nibble, true
	}
	for *at < len(pkt) {
		first, _ := take(1)
		if first == 0xff {
			if *at == len(pkt) {
				return "a payload marker and no payload"
			}
			if encoded {
				set(FIDCoAPMarker, 1, "11111111")
			}
			return ""
		}
		nth++
		part(FIDCoAPOptDelta, slowNum(uint64(first>>4), 4))
		part(FIDCoAPOptLength, slowNum(uint64(first&15), 4))
		from := *at
		delta, ok := extended(first >> 4)
		if !ok {
			return "an option delta that cannot be"
		}
		part(FIDCoAPOptDeltaExt, slowBits(pkt[from:*at]))
		from = *at
		length, ok := extended(first & 15)
		if !ok || *at+length > len(pkt) {
			return "an option length that cannot be"
		}
		number += delta
		if number > 0xffff {
			return "an option number that cannot be"
		}
		if delta != 0 {
			pos = 0
		}
		pos++
		part(FIDCoAPOptLengthExt, slowBits(pkt[from:*at]))
		value := pkt[*at : *at+length]
		*at += length
		if encoded {
			part(FIDCoAPOptValue, slowBits(value))
			continue
		}
		split := number == 9 && (described(slowKey{FIDCoAPOSCOREFlags, pos}) || described(slowKey{FIDCoAPOSCOREPIV, pos}) ||
			described(slowKey{FIDCoAPOSCOREKIDContext, pos}) || described(slowKey{FIDCoAPOSCOREKID, pos}))
		if !split {
			set(FIDCoAPOption(uint16(number)), pos, slowBits(value))
			continue
		}
		parts, ok := slowOSCORE(value)
		if !ok {
			return "an OSCORE option that cannot be"
		}
		for i, f := range []FID{FIDCoAPOSCOREFlags, FIDCoAPOSCOREPIV, FIDCoAPOSCOREKIDContext, FIDCoAPOSCOREKID} {
			// A part that the Rule does not describe must be empty.
			if len(parts[i]) > 0 || described(slowKey{f, pos}) {
				set(f, pos, slowBits(parts[i]))
			}
		}
	}
	return ""
}

// slowOSCORE splits the value of an OSCORE option (RFC 8613, Section 6.1):
// 000hknnn, Partial IV (n bytes), s and kid context (if h), kid (if k).
func slowOSCORE(v []byte) (parts [4][]byte, ok bool) {
	if len(v) == 0 {
		return parts, true
	}
	flags := v[0]
	n := int(flags & 7)
	parts[0], v = v[:1], v[1:]
	if n > 5 || len(v) < n { // 6 and 7 are reserved
		return parts, false
	}
	parts[1], v = v[:n], v[n:]
	if flags&0x10 != 0 {
		if len(v) == 0 || len(v) < 1+int(v[0]) {
			return parts, false
		}
		s := int(v[0])
		parts[2], v = v[:1+s], v[1+s:]
	}
	if flags&0x08 != 0 {
		parts[3], v = v, nil
	}
	return parts, len(v) == 0
}
