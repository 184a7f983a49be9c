package schc

var protoNames = [...]string{
	ProtoIPv6: "IPv6", ProtoIPv6HopByHop: "IPv6 hop-by-hop options", ProtoIPv6Destination: "IPv6 destination options",
	ProtoIPv6Routing: "IPv6 routing header", ProtoIPv6Mobility: "IPv6 mobility header", ProtoIPv6Fragment: "IPv6 fragment header",
	ProtoIPv4: "IPv4", ProtoUDP: "UDP", ProtoUDPLite: "UDP-Lite", ProtoTCP: "TCP", ProtoSCTP: "SCTP",
	ProtoICMPv6: "ICMPv6", ProtoICMPv4: "ICMPv4", ProtoESP: "ESP", ProtoESPTrailer: "ESP trailer",
	ProtoSSECompact: "SSE compact", ProtoSSELarge: "SSE large", ProtoSSEExtreme: "SSE extreme", ProtoCoAP: "CoAP", ProtoCoAPInner: "OSCORE plaintext",
}

// String returns the protocol's name.
func (p Protocol) String() string {
	if p > 0 && p < protoEnd {
		return protoNames[p]
	}
	return "none"
}

// number returns the IP protocol number of p (the IANA registry), and whether
// p has one.
func (p Protocol) number() (uint8, bool) {
	switch p {
	case ProtoIPv6HopByHop:
		return 0, true
	case ProtoICMPv4:
		return 1, true
	case ProtoIPv4:
		return 4, true
	case ProtoTCP:
		return 6, true
	case ProtoUDP:
		return 17, true
	case ProtoIPv6:
		return 41, true
	case ProtoIPv6Routing:
		return 43, true
	case ProtoIPv6Fragment:
		return 44, true
	case ProtoESP:
		return 50, true
	case ProtoICMPv6:
		return 58, true
	case ProtoIPv6Destination:
		return 60, true
	case ProtoSCTP:
		return 132, true
	case ProtoIPv6Mobility:
		return 135, true
	case ProtoUDPLite:
		return 136, true
	}
	return 0, false
}

// protocolOf is the inverse of number.
func protocolOf(n uint8) Protocol {
	for p := Protocol(1); p < protoEnd; p++ {
		if m, ok := p.number(); ok && m == n {
			return p
		}
	}
	return 0
}

// follows reports whether a header of protocol q may come right behind one of
// protocol p.
func follows(p, q Protocol) bool {
	_, numbered := q.number()
	switch p {
	case ProtoIPv6, ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Fragment:
		return numbered && q != ProtoICMPv4
	case ProtoIPv4:
		switch q {
		case ProtoUDP, ProtoUDPLite, ProtoTCP, ProtoSCTP, ProtoICMPv4, ProtoESP, ProtoIPv4, ProtoIPv6:
			return true
		}
	case ProtoUDP, ProtoUDPLite:
		switch q {
		case ProtoCoAP, ProtoESP, ProtoSSECompact, ProtoSSELarge, ProtoSSEExtreme:
			return true
		}
	case ProtoTCP, ProtoSCTP:
		switch q {
		case ProtoSSECompact, ProtoSSELarge, ProtoSSEExtreme:
			return true
		}
	}
	return false
}

// startClass groups the protocols that one Rule set may start with.
func startClass(p Protocol) Protocol {
	if p == ProtoIPv4 {
		return ProtoIPv6
	}
	return p
}

// start returns what the packets of a compression Rule start with. IPv4 counts
// as IPv6: the packets of one set all start with IP, or all with the same other
// protocol. A CoAP Rule that describes the code but no version is for the
// plaintext of OSCORE messages (RFC 8824, Section 7.2), which has neither
// version, type and token length nor message ID and token.
func (r *Rule) start() Protocol {
	switch p := startClass(r.Fields[0].FID.Protocol()); p {
	case ProtoCoAP:
		inner := false
		for i := range r.Fields {
			switch r.Fields[i].FID {
			case FIDCoAPVersion, FIDCoAPType, FIDCoAPTKL, FIDCoAPMID, FIDCoAPToken:
				return ProtoCoAP
			case FIDCoAPCode, FIDCoAPCodeClass:
				inner = true
			}
		}
		if inner {
			return ProtoCoAPInner
		}
		return p
	default:
		return p
	}
}
