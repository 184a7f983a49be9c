package schc_test

import (
	"strings"

	. "github.com/schckit/schckit/schc"
)

// What draft-ietf-ipsecme-diet-esp-10 adds to RFC 8724, in the slow reference:
// the action lower (Section 6.1.2), and header and payload split (Section 6.1).

// slowOuter reports whether h begins with an IP header.
func slowOuter(h []byte) bool {
	return len(h) > 0 && (h[0]>>4 == 4 && len(h) >= 20 || h[0]>>4 == 6 && len(h) >= 40)
}

// slowLower returns what the header of the layer below has of field f.
func slowLower(outer []byte, f FID) string {
	s := slowBits(outer)
	class, label, hops := s[4:12], s[12:32], s[56:64] // RFC 8200, Section 3
	if s[:4] == "0100" {                              // RFC 791, Section 3.1
		class, label, hops = s[8:16], "0000"+s[32:48], s[64:72]
	}
	switch f {
	case FIDIPv6DSCP, FIDIPv4DSCP:
		return class[:6]
	case FIDIPv6ECN, FIDIPv4ECN:
		return class[6:]
	case FIDIPv6TrafficClass, FIDIPv4TOS:
		return class
	case FIDIPv6FlowLabel:
		return label // of an IPv4 header "the 4 MSB of the Flow Label are set to 0"
	case FIDIPv4ID:
		return label[4:] // "the LSB of the IPv6 header"
	case FIDIPv6HopLimit, FIDIPv4TTL:
		return hops
	}
	panic("the layer below has no " + f.String())
}

// slowNeedsOuter reports whether a Rule with these descriptors needs the header
// of the layer below: for the action lower, or for a pseudo-header.
func slowNeedsOuter(ds []slowDesc, layers []slowLayer) bool {
	ip := false
	for _, l := range layers {
		ip = ip || l.proto == ProtoIPv6 || l.proto == ProtoIPv4
	}
	for _, d := range ds {
		if d.CDA == CDALower || d.CDA == CDACompute && isTransportSum(d.FID) && !ip {
			return true
		}
	}
	return false
}

// slowSplit reports whether the options of the last header are payload: the Rule
// does not describe them, and sends their length.
func slowSplit(ds []slowDesc, layers []slowLayer, opts Options) bool {
	last := layers[len(layers)-1]
	options, length := FIDIPv4Options, FIDIPv4IHL
	if last.proto == ProtoTCP {
		options, length = FIDTCPOptions, FIDTCPDataOffset
	}
	for _, d := range ds {
		if d.pos == last.nth && (d.FID == options || d.FID == length && d.CDA == CDACompute) {
			return false
		}
	}
	return opts.FixedHeaders
}

// slowFront pads RuleID and residue.
func slowFront(s string, opts Options) string {
	if opts.SplitHeader {
		s += strings.Repeat("0", (8-len(s)%8)%8)
	}
	return s
}
