package dietesp

import (
	"math/bits"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/schc"
)

// A Stage is one of the three compressors (draft-ietf-ipsecme-diet-esp-10,
// Section 2.1). Its number is the RuleID of the draft's Appendix A.
type Stage uint8

// The compressors.
const (
	_    Stage = iota
	IIPC       // Inner IP Compression: the headers of the inner packet
	CTEC       // Clear Text ESP Compression: the ESP trailer, before encryption
	EEC        // Encrypted ESP Compression: SPI and Sequence Number
)

// String returns "IIPC", "CTEC" or "EEC".
func (s Stage) String() string {
	switch s {
	case IIPC:
		return "IIPC"
	case CTEC:
		return "CTEC"
	case EEC:
		return "EEC"
	}
	return "unset"
}

// Rules are the three Rules of an SA. They are schc.Rules as any other: each
// makes a Context of its own, with the Options that Options returns for it.
// All Fields are for DirUp, the direction of the SA.
type Rules struct {
	// IIPC describes the headers of the inner packet in tunnel mode, and those
	// behind the IP header in transport mode. Where IIPC is not performed its
	// nature is no-compression, and no RuleID is sent.
	IIPC schc.Rule
	// IIPCOther are the Rules for packets of the transport protocols that have
	// one, where the selectors of the 2023 profile allow several: what is sent of
	// the Next Header says which Rule it is. IIPC is for the other packets. Nil
	// else.
	IIPCOther []schc.Rule
	// CTEC describes the end of the ESP trailer, Pad Length and Next Header. The
	// padding in front of them is not a field: it has Pad Length bytes.
	CTEC schc.Rule
	// EEC describes the ESP header. Its Sequence Number is reduced to its low
	// bits before: the Target Value is 0.
	EEC schc.Rule
}

// Rules derives the Rules of an SA (draft-ietf-ipsecme-diet-esp-10, Section 6),
// or returns the error of Check. It uses the SPI and the mode of c.
func (a Attributes) Rules(c esp.Config, alg esp.Algorithm) (Rules, error) {
	if e := a.check(&c, alg); e != nil {
		return Rules{}, e
	}
	return a.rules(&c, alg), nil
}

func (a *Attributes) rules(c *esp.Config, alg esp.Algorithm) Rules {
	r := Rules{IIPC: a.iipc(c, a.Selectors.protocol()), CTEC: a.ctec(c, alg), EEC: a.eec(c)}
	if a.Profile == ProfileEHC2023 && a.Selectors.protocol() == 0 {
		for _, p := range transports {
			if a.Selectors.any() || has(a.Selectors.Protocols, p) {
				r.IIPCOther = append(r.IIPCOther, a.iipc(c, p))
			}
		}
	}
	return r
}

// Options returns the options of the Context of one compressor: Header and
// Payload of IIPC are split as Section 6.1 says, options that are not described
// are payload, and checksums in transport mode take the addresses of the outer
// header.
func (a Attributes) Options(s Stage, m esp.Mode) schc.Options {
	return schc.Options{SplitHeader: s == IIPC && a.Profile == ProfileDietESP10, FixedHeaders: s == IIPC,
		OuterHeader: s == IIPC && m == esp.ModeTransport}
}

// id returns the RuleID of a compressor: implicit if it is elided (RFC 9363).
func (a *Attributes) id(s Stage) schc.RuleID {
	if a.RuleID == RuleIDSent {
		return schc.RuleID{Value: uint32(s), Bits: 8}
	}
	return schc.RuleID{}
}

// transports are the protocols whose headers are compressed, in the order of
// Rules.IIPCOther.
var transports = [...]uint8{protoTCP, protoUDP, protoSCTP, protoUDPLite}

func has(list []uint8, v uint8) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// iipc derives the Rule of Section 6.1 for packets of one transport protocol, 0
// if none is described.
func (a *Attributes) iipc(c *esp.Config, proto uint8) schc.Rule {
	r := schc.Rule{ID: a.id(IIPC)}
	if a.IIPC == IIPCDietESP {
		if c.Mode == esp.ModeTunnel {
			if a.Selectors.version() == 4 {
				r.Fields = a.ipv4(r.Fields)
			} else {
				r.Fields = a.ipv6(r.Fields)
			}
		}
		r.Fields = a.transport(r.Fields, proto)
	}
	if len(r.Fields) == 0 {
		return schc.Rule{Nature: schc.NatureNoCompression} // "IIPC is not performed"
	}
	return r
}

// ipv6 adds the fields of Section 6.1.2.
func (a *Attributes) ipv6(list []schc.FieldDescriptor) []schc.FieldDescriptor {
	t := &a.Selectors
	return append(list,
		fixed(schc.FIDIPv6Version, 6),
		a.dscp(schc.FIDIPv6DSCP),
		byAction(schc.FIDIPv6ECN, a.ECN),
		byAction(schc.FIDIPv6FlowLabel, a.FlowLabel),
		computed(schc.FIDIPv6PayloadLength),
		t.next(schc.FIDIPv6NextHeader),
		a.hops(schc.FIDIPv6HopLimit),
		address(schc.FIDIPv6SrcAddress, &t.SrcStart, &t.SrcEnd),
		address(schc.FIDIPv6DstAddress, &t.DstStart, &t.DstEnd),
	)
}

// ipv4 adds the fields of Section 6.1.3.
func (a *Attributes) ipv4(list []schc.FieldDescriptor) []schc.FieldDescriptor {
	t := &a.Selectors
	return append(list,
		fixed(schc.FIDIPv4Version, 4),
		sent(schc.FIDIPv4IHL),
		a.dscp(schc.FIDIPv4DSCP),
		byAction(schc.FIDIPv4ECN, a.ECN),
		computed(schc.FIDIPv4TotalLength),
		byAction(schc.FIDIPv4ID, a.FlowLabel),
		sent(schc.FIDIPv4Flags),
		sent(schc.FIDIPv4FragmentOffset),
		a.hops(schc.FIDIPv4TTL),
		t.next(schc.FIDIPv4Protocol),
		computed(schc.FIDIPv4Checksum),
		address(schc.FIDIPv4SrcAddress, &t.SrcStart, &t.SrcEnd),
		address(schc.FIDIPv4DstAddress, &t.DstStart, &t.DstEnd),
	)
}

// transport adds the fields of Section 6.1.1, if the protocol has any.
func (a *Attributes) transport(list []schc.FieldDescriptor, proto uint8) []schc.FieldDescriptor {
	t := &a.Selectors
	ports := func(src, dst schc.FID) {
		list = append(list, port(src, t.SrcPortStart, t.SrcPortEnd), port(dst, t.DstPortStart, t.DstPortEnd))
	}
	switch proto {
	case protoUDP:
		ports(schc.FIDUDPSrcPort, schc.FIDUDPDstPort)
		return append(list, computed(schc.FIDUDPLength), computed(schc.FIDUDPChecksum))
	case protoUDPLite:
		ports(schc.FIDUDPLiteSrcPort, schc.FIDUDPLiteDstPort)
		return append(list, computed(schc.FIDUDPLiteCoverage), computed(schc.FIDUDPLiteChecksum))
	case protoTCP:
		ports(schc.FIDTCPSrcPort, schc.FIDTCPDstPort)
		return append(list, sent(schc.FIDTCPSequence), sent(schc.FIDTCPAcknowledgment), sent(schc.FIDTCPDataOffset),
			sent(schc.FIDTCPReserved), sent(schc.FIDTCPFlags), sent(schc.FIDTCPWindow), computed(schc.FIDTCPChecksum),
			sent(schc.FIDTCPUrgent))
	case protoSCTP:
		ports(schc.FIDSCTPSrcPort, schc.FIDSCTPDstPort)
		return append(list, sent(schc.FIDSCTPVerificationTag), computed(schc.FIDSCTPChecksum))
	}
	return list
}

// ctec derives the Rule of Section 6.2.
//
// The action padding, which elides padding and its length, is for "8 bit"
// alignment only, where the receiver would always compute a length of 0: the
// Rule says that it is 0.
func (a *Attributes) ctec(c *esp.Config, alg esp.Algorithm) schc.Rule {
	r := schc.Rule{ID: a.id(CTEC)}
	if a.paddingElided(alg) {
		r.Fields = append(r.Fields, fixed(schc.FIDESPPadLength, 0))
	} else {
		r.Fields = append(r.Fields, sent(schc.FIDESPPadLength))
	}
	next := sent(schc.FIDESPNextHeader)
	switch {
	case a.Trailer == TrailerMandatory:
	case c.Mode == esp.ModeTransport:
		next = a.Selectors.next(schc.FIDESPNextHeader)
	case a.Selectors.version() == 4:
		next = fixed(schc.FIDESPNextHeader, protoIPv4)
	default:
		next = fixed(schc.FIDESPNextHeader, protoIPv6)
	}
	r.Fields = append(r.Fields, next)
	return r
}

// paddingElided reports whether padding and Pad Length are not sent. The 2023
// profile has padding of its own instead.
func (a *Attributes) paddingElided(alg esp.Algorithm) bool {
	return a.Profile == ProfileEHC2023 || a.Trailer == TrailerOptional && a.Alignment == Alignment8 && alg.BlockLen() == 1
}

// eec derives the Rule of Section 6.3.
func (a *Attributes) eec(c *esp.Config) schc.Rule {
	spi := []byte{byte(c.SPI >> 24), byte(c.SPI >> 16), byte(c.SPI >> 8), byte(c.SPI)}
	return schc.Rule{ID: a.id(EEC), Fields: []schc.FieldDescriptor{
		lowBits(schc.FIDESPSPI, spi, int(a.SPILSBBits)),
		lowBits(schc.FIDESPSN, make([]byte, 4), int(a.SNLSBBits)),
	}}
}

// fixed is a field that always has the value v, below 256.
func fixed(f schc.FID, v uint8) schc.FieldDescriptor {
	tv := make([]byte, (f.LenBits()+7)/8)
	tv[len(tv)-1] = v
	return schc.FieldDescriptor{FID: f, MO: schc.MOEqual, CDA: schc.CDANotSent, TV: [][]byte{tv}}
}

func sent(f schc.FID) schc.FieldDescriptor {
	return schc.FieldDescriptor{FID: f, MO: schc.MOIgnore, CDA: schc.CDAValueSent}
}

func computed(f schc.FID) schc.FieldDescriptor {
	return schc.FieldDescriptor{FID: f, MO: schc.MOIgnore, CDA: schc.CDACompute}
}

func lower(f schc.FID) schc.FieldDescriptor {
	return schc.FieldDescriptor{FID: f, MO: schc.MOIgnore, CDA: schc.CDALower}
}

// oneOf is a field that has one of the values of a list.
func oneOf(f schc.FID, list []uint8) schc.FieldDescriptor {
	if len(list) == 1 {
		return fixed(f, list[0])
	}
	d := schc.FieldDescriptor{FID: f, MO: schc.MOMatchMapping, CDA: schc.CDAMappingSent}
	for _, v := range list {
		d.TV = append(d.TV, []byte{v})
	}
	return d
}

// lowBits is a field of which the n low-order bits are sent, and the others are
// those of tv.
func lowBits(f schc.FID, tv []byte, n int) schc.FieldDescriptor {
	switch width := f.LenBits(); n {
	case 0:
		return schc.FieldDescriptor{FID: f, MO: schc.MOEqual, CDA: schc.CDANotSent, TV: [][]byte{tv}}
	case width:
		return sent(f)
	default:
		return schc.FieldDescriptor{FID: f, MO: schc.MOMSB, MSB: uint16(width - n), CDA: schc.CDALSB, TV: [][]byte{tv}}
	}
}

// rangeOf is a field with values of a range, both ends included, of which the
// bits behind the common prefix are sent: prefix_bits(start, end) in Section 4.2.
func rangeOf(f schc.FID, start, end []byte) schc.FieldDescriptor {
	n := len(start) * 8
	for i := range start {
		if x := start[i] ^ end[i]; x != 0 {
			n -= bits.LeadingZeros8(x)
			break
		}
		n -= 8
	}
	return lowBits(f, append([]byte(nil), start...), n)
}

func address(f schc.FID, start, end *esp.Addr) schc.FieldDescriptor {
	if !start.IsValid() {
		return sent(f) // any
	}
	return rangeOf(f, start.Bytes(), end.Bytes())
}

func port(f schc.FID, start, end uint16) schc.FieldDescriptor {
	if end == 0 {
		return sent(f) // any: the zero value
	}
	return rangeOf(f, []byte{byte(start >> 8), byte(start)}, []byte{byte(end >> 8), byte(end)})
}

// next is the field that says what protocol follows.
func (t *Selectors) next(f schc.FID) schc.FieldDescriptor {
	if t.any() {
		return sent(f)
	}
	return oneOf(f, t.Protocols)
}

func (a *Attributes) dscp(f schc.FID) schc.FieldDescriptor {
	if a.DSCP == ActionSA {
		return oneOf(f, a.DSCPs)
	}
	return byAction(f, a.DSCP)
}

func (a *Attributes) hops(f schc.FID) schc.FieldDescriptor {
	if a.HopLimit == HopLimitValueSent {
		return sent(f)
	}
	return lower(f)
}

// byAction is ECN, Flow Label or Identification.
//
// ActionGenerated elides without comparing: the engine restores 0, and the SA
// puts a value of its own there.
func byAction(f schc.FID, a Action) schc.FieldDescriptor {
	switch a {
	case ActionLower:
		return lower(f)
	case ActionZero:
		return fixed(f, 0)
	case ActionGenerated:
		d := fixed(f, 0)
		d.MO = schc.MOIgnore
		return d
	}
	return sent(f)
}

// residueBits returns the bits of the residue of a Rule, all of whose fields
// have fixed lengths.
func residueBits(r *schc.Rule) int {
	n := int(r.ID.Bits)
	for i := range r.Fields {
		n += fieldBits(&r.Fields[i])
	}
	return n
}

// fieldBits returns the bits that a field of fixed length adds to the residue.
func fieldBits(f *schc.FieldDescriptor) int {
	switch f.CDA {
	case schc.CDAValueSent:
		return f.FID.LenBits()
	case schc.CDALSB:
		return f.FID.LenBits() - int(f.MSB)
	case schc.CDAMappingSent:
		return bits.Len(uint(len(f.TV) - 1))
	}
	return 0
}
