package ehc

import (
	"encoding/binary"
	"math/bits"

	"github.com/schckit/schckit/dietesp"
)

// Dialect is which draft the peers negotiate after.
type Dialect uint8

// The dialects. Zero is the default.
const (
	DialectHCP Dialect = iota // HCP_PROPOSAL (draft-ietf-ipsecme-ikev2-diet-esp-extension-04)
	DialectEHC                // EHC_SUPPORTED (draft-mglt-ipsecme-ikev2-diet-esp-extension-04, the same in June 2023)
)

// String returns "hcp" or "ehc".
func (d Dialect) String() string {
	switch d {
	case DialectHCP:
		return "hcp"
	case DialectEHC:
		return "ehc"
	}
	return "unset"
}

// Profile returns the profile of package dietesp whose attributes the dialect
// speaks of.
func (d Dialect) Profile() dietesp.Profile {
	if d == DialectEHC {
		return dietesp.ProfileEHC2023
	}
	return dietesp.ProfileDietESP10
}

// Attr is an attribute that is negotiated. The first six are numbered as Table 3
// of draft-ietf-ipsecme-ikev2-diet-esp-extension-04 does.
type Attr uint8

// The attributes. DialectEHC has AttrFlowLabel, AttrAlignment, AttrSPILSB and
// AttrSNLSB only.
const (
	AttrDSCP Attr = iota
	AttrECN
	AttrFlowLabel
	AttrAlignment
	AttrSPILSB
	AttrSNLSB
	AttrTrailer
	NumAttrs = 7
)

// String returns the name that SA files use, such as "esp_spi_lsb"
// (draft-ietf-ipsecme-diet-esp-10, Table 1).
func (a Attr) String() string {
	switch a {
	case AttrDSCP:
		return "dscp_action"
	case AttrECN:
		return "ecn_action"
	case AttrFlowLabel:
		return "flow_label_action"
	case AttrAlignment:
		return "alignment"
	case AttrSPILSB:
		return "esp_spi_lsb"
	case AttrSNLSB:
		return "esp_sn_lsb"
	case AttrTrailer:
		return "esp_trailer"
	}
	return "unset"
}

// A Mask is a set of values of an attribute: bit v is the value v, as package
// dietesp has it. LSB widths are in bits, 0 to 32.
type Mask uint64

// Has reports whether v is in the set.
func (m Mask) Has(v uint8) bool { return v < 64 && m>>v&1 != 0 }

// Count returns how many values there are.
func (m Mask) Count() int { return bits.OnesCount64(uint64(m)) }

// Lowest returns the lowest value of a set that is not empty.
func (m Mask) Lowest() uint8 { return uint8(bits.TrailingZeros64(uint64(m))) }

func maskOf(values ...uint8) (m Mask) {
	for _, v := range values {
		m |= 1 << v
	}
	return m
}

const allWidths Mask = 1<<33 - 1

// Flaws say why a Proposal is not considered, as a set.
type Flaws uint8

// The flaws. Only FlawRepeated and FlawRange are all right in an offer, and in
// one of DialectHCP only.
const (
	FlawUnknown  Flaws = 1 << iota // an HCP Name, EHC Context or attribute that is not known
	FlawFormat                     // an attribute whose AF is not the draft's, a range that is none, a list of attributes that ends early
	FlawRepeated                   // an attribute that is there twice
	FlawRange                      // a range
)

// String names the first flaw.
func (f Flaws) String() string {
	switch {
	case f&FlawUnknown != 0:
		return "an HCP Name, EHC Context or attribute is unknown"
	case f&FlawFormat != 0:
		return "an attribute has a wrong format"
	case f&FlawRepeated != 0:
		return "an attribute is repeated"
	case f&FlawRange != 0:
		return "it has a range"
	}
	return ""
}

// Limits against proposals that overload the receiver
// (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, Section 9).
const (
	MaxProposals  = 16 // of a notify
	MaxAttributes = 64 // of a Proposal
)

// A Proposal is one of a notify: for each attribute the values that it allows.
type Proposal struct {
	ID     uint8 // DialectHCP: Proposal ID; DialectEHC: its place, from 1
	Flaws  Flaws
	Named  bool           // DialectEHC: ehc_context_id names Diet-ESP
	Others bool           // DialectEHC: ehc_context_id names other contexts
	Stated uint8          // bit i: Attr i is there; what is not there may have any value in an offer
	Values [NumAttrs]Mask // of what is stated: those that are known
}

// Has reports whether the Proposal states the attribute.
func (p *Proposal) Has(a Attr) bool { return p.Stated>>a&1 != 0 }

// Offers returns the values that the Proposal allows as part of an offer: all
// that there are where it states none.
//
// What a peer may not know has to be stated, though: esp_trailer, and a width of
// 0 bytes in DialectEHC.
func (p *Proposal) Offers(d Dialect, a Attr) Mask {
	if p.Has(a) {
		return p.Values[a]
	}
	if a == AttrTrailer {
		return 1 << dietesp.TrailerOptional
	}
	m := every(d, a)
	if d == DialectEHC && (a == AttrSPILSB || a == AttrSNLSB) {
		m &^= 1
	}
	return m
}

// every returns all values that a dialect has for an attribute.
func every(d Dialect, a Attr) Mask {
	if d == DialectEHC {
		switch a {
		case AttrFlowLabel:
			return maskOf(uint8(dietesp.ActionNotCompressed), uint8(dietesp.ActionLower))
		case AttrAlignment:
			return maskOf(uint8(dietesp.Alignment8), uint8(dietesp.Alignment32))
		case AttrSPILSB, AttrSNLSB:
			return maskOf(0, 8, 16, 24, 32)
		}
		return 0
	}
	switch a {
	case AttrDSCP:
		return maskOf(uint8(dietesp.ActionNotCompressed), uint8(dietesp.ActionLower), uint8(dietesp.ActionSA))
	case AttrECN:
		return maskOf(uint8(dietesp.ActionNotCompressed), uint8(dietesp.ActionLower))
	case AttrFlowLabel:
		return maskOf(uint8(dietesp.ActionNotCompressed), uint8(dietesp.ActionLower), uint8(dietesp.ActionGenerated), uint8(dietesp.ActionZero))
	case AttrAlignment:
		return 1<<4 - 1
	case AttrSPILSB, AttrSNLSB:
		return allWidths
	case AttrTrailer:
		return maskOf(uint8(dietesp.TrailerMandatory), uint8(dietesp.TrailerOptional))
	}
	return 0
}

// ParseProposals appends the Proposals of a notify's data to dst. zeroBytes: bit
// 4 of the masks of DialectEHC is a width of 0 bytes, see Policy.
//
// A Proposal with a flaw is in the list, for the caller to pass over. An empty
// list is DialectEHC's empty Proposal, which is in the result; of DialectHCP it
// is ErrMalformed. ErrTruncated: a Proposal ends behind the data; ErrMalformed:
// two have one Proposal ID; ErrRefused: more than MaxProposals, or MaxAttributes
// in one. dst comes back as it was then. It does not allocate when dst has room
// for MaxProposals more.
func ParseProposals(dst []Proposal, data []byte, d Dialect, n Numbers, zeroBytes bool) ([]Proposal, error) {
	out := dst
	l := newProposals(data, d, n, zeroBytes)
	var p Proposal
	for {
		ok, e := l.next(&p)
		if e != 0 {
			return dst, e
		}
		if !ok {
			return out, nil
		}
		out = append(out, p)
	}
}

// proposals goes over the Proposals of a notify's data. It takes them one by one,
// because a list of MaxProposals would be a kilobyte of stack.
type proposals struct {
	rest      []byte
	n         Numbers
	d         Dialect
	zeroBytes bool
	count     int
	seen      [4]uint64 // Proposal IDs
}

func newProposals(data []byte, d Dialect, n Numbers, zeroBytes bool) proposals {
	return proposals{rest: data, n: n.Defaults(), d: d, zeroBytes: zeroBytes}
}

// next reads the next Proposal into p; ok is false behind the last one.
func (l *proposals) next(p *Proposal) (ok bool, e Error) {
	*p = Proposal{ID: uint8(l.count + 1)}
	l.count++
	switch {
	case len(l.rest) == 0 && l.count > 1:
		return false, 0
	case len(l.rest) == 0 && l.d == DialectEHC:
		return true, 0 // "The absence of Proposal is considered as an empty Proposal"
	case len(l.rest) == 0:
		return false, ErrMalformed
	case l.count > MaxProposals:
		return false, ErrRefused
	}
	head := 4
	if l.d == DialectEHC {
		head = 2
	}
	if len(l.rest) < head {
		return false, ErrTruncated
	}
	size := int(binary.BigEndian.Uint16(l.rest[head-2:]))
	if size > len(l.rest)-head {
		return false, ErrTruncated
	}
	body := l.rest[head : head+size]
	if l.d == DialectEHC {
		e = p.parseEHC(body, l.zeroBytes)
	} else {
		p.ID = l.rest[0]
		if l.seen[p.ID/64]>>(p.ID%64)&1 != 0 {
			return false, ErrMalformed
		}
		l.seen[p.ID/64] |= 1 << (p.ID % 64)
		if l.rest[1] != hcpDietESP {
			p.Flaws = FlawUnknown // its attributes are those of another profile
		} else {
			e = p.parseHCP(body, &l.n)
		}
	}
	l.rest = l.rest[head+size:]
	return e == 0, e
}

const (
	hcpDietESP = 0 // HCP Name (Table 2)
	ehcDietESP = 0 // EHC Context Identifier (Figure 7)

	// Parameter Code Points of DialectEHC (Figure 6).
	ehcContextID = 0
	ehcAlignment = 1
	ehcSPILSB    = 2
	ehcSNLSB     = 3
	ehcFlowLabel = 4
)

// state adds values of an attribute.
func (p *Proposal) state(a Attr, m Mask) {
	if p.Has(a) {
		p.Flaws |= FlawRepeated
	}
	p.Stated |= 1 << a
	p.Values[a] |= m
}

// parseHCP reads the Attributes for Rules Generation of a Proposal
// (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, Sections 5 and 7).
func (p *Proposal) parseHCP(b []byte, n *Numbers) Error {
	for count := 0; len(b) > 0; count++ {
		if count == MaxAttributes {
			return ErrRefused
		}
		if r, ok := rangeOf(b, n); ok {
			p.Flaws |= FlawRange
			p.parseRange(r, n)
			b = b[attributeLen+len(r):]
			continue
		}
		a, rest, err := ParseAttribute(b)
		if err != nil {
			p.Flaws |= FlawFormat // of this Proposal: its length is right
			return 0
		}
		b = rest
		attr, ok := hcpAttr(a.Type, n)
		switch {
		case a.Type == n.Range:
			p.Flaws |= FlawFormat
		case !ok:
			p.Flaws |= FlawUnknown
		case !a.Short:
			p.Flaws |= FlawFormat
		default:
			p.state(attr, hcpValue(attr, a.Value))
		}
	}
	return 0
}

// rangeOf returns the two attributes of a range at the beginning of b.
//
// Deviation: Figure 5 of the draft has an Attribute Length of 4 octets, but
// AfRG_min and AfRG_max take 8. What is sent has 8; both are understood, also with
// the AF bit set, as the code point 65535 would set it.
func rangeOf(b []byte, n *Numbers) ([]byte, bool) {
	const size = 2 * attributeLen
	if len(b) < attributeLen+size || binary.BigEndian.Uint16(b)&^shortBit != n.Range {
		return nil, false
	}
	length := binary.BigEndian.Uint16(b[2:])
	r := b[attributeLen : attributeLen+size]
	if length != size && length != size/2 || r[0]&(shortBit>>8) == 0 || r[0] != r[4] || r[1] != r[5] {
		return nil, false
	}
	return r, true
}

func (p *Proposal) parseRange(r []byte, n *Numbers) {
	attr, ok := hcpAttr(binary.BigEndian.Uint16(r)&^shortBit, n)
	lo, hi := binary.BigEndian.Uint16(r[2:]), binary.BigEndian.Uint16(r[6:])
	switch {
	case !ok:
		p.Flaws |= FlawUnknown
		return
	case lo > hi:
		p.Flaws |= FlawFormat
		return
	}
	var m Mask
	for v := lo; v <= hi && v <= 32; v++ {
		m |= hcpValue(attr, v)
	}
	p.state(attr, m)
}

// hcpAttr returns the attribute of a code point (Table 3).
func hcpAttr(code uint16, n *Numbers) (Attr, bool) {
	switch {
	case code < uint16(AttrTrailer):
		return Attr(code), true
	case n.Trailer != 0 && code == n.Trailer:
		return AttrTrailer, true
	}
	return 0, false
}

// hcpValue returns the value of package dietesp, none for one that is not known
// (Tables 4 to 8).
func hcpValue(a Attr, v uint16) Mask {
	if v > 32 {
		return 0
	}
	if a == AttrFlowLabel && v >= 2 {
		v++ // dietesp counts ActionSA, which only DSCPs have
	}
	return 1 << v & every(DialectHCP, a)
}

func hcpCode(a Attr, v uint8) uint16 {
	if a == AttrFlowLabel && v > uint8(dietesp.ActionSA) {
		v--
	}
	return uint16(v)
}

// parseEHC reads the parameters of a Proposal
// (draft-mglt-ipsecme-ikev2-diet-esp-extension-04, Section 5).
func (p *Proposal) parseEHC(b []byte, zeroBytes bool) Error {
	unknown := false
	for count := 0; len(b) > 0; count++ {
		if count == MaxAttributes {
			return ErrRefused
		}
		a, rest, err := ParseAttribute(b)
		if err != nil {
			p.Flaws |= FlawFormat // of this Proposal: its length is right
			return 0
		}
		b = rest
		switch attr, ok := ehcAttr(a.Type); {
		case a.Type > ehcFlowLabel:
			unknown = true
		case !a.Short: // "For all parameter described in Figure 2, AF=1"
			p.Flaws |= FlawFormat
		case ok:
			p.state(attr, ehcValues(attr, a.Value, zeroBytes))
		case a.Value != ehcDietESP:
			p.Others = true
		case p.Named:
			p.Flaws |= FlawRepeated
		default:
			p.Named = true
		}
	}
	// Parameters of other EHC Contexts are ignored (Section 3). What is unknown
	// is one of theirs only where there are any.
	if p.Others && !p.Named || unknown && !p.Others {
		p.Flaws |= FlawUnknown
	}
	return 0
}

func ehcAttr(code uint16) (Attr, bool) {
	switch code {
	case ehcAlignment:
		return AttrAlignment, true
	case ehcSPILSB:
		return AttrSPILSB, true
	case ehcSNLSB:
		return AttrSNLSB, true
	case ehcFlowLabel:
		return AttrFlowLabel, true
	}
	return 0, false
}

// ehcBits are the values of the bits of a mask, from the right; fewer than the
// bits that there are. zeroBytes: there is one for a width of 0 bytes.
//
// The text on the mask of ts_flow_label says "alignment and ts_flow_label", but
// the alignment has its own sentence.
func ehcBits(a Attr, zeroBytes bool) string {
	const (
		alignment = string(rune(dietesp.Alignment32)) + string(rune(dietesp.Alignment8))
		flowLabel = string(rune(dietesp.ActionLower)) + string(rune(dietesp.ActionNotCompressed)) // True, False
		widths    = "\x20\x18\x10\x08\x00"
	)
	switch {
	case a == AttrAlignment:
		return alignment
	case a == AttrFlowLabel:
		return flowLabel
	case zeroBytes:
		return widths
	}
	return widths[:4]
}

// ehcValues returns the values of a bit mask; bits that are not known are
// ignored.
func ehcValues(a Attr, v uint16, zeroBytes bool) (m Mask) {
	bits := ehcBits(a, zeroBytes)
	for i := 0; i < len(bits); i++ {
		if v>>i&1 != 0 {
			m |= 1 << bits[i]
		}
	}
	return m
}

// ehcCode returns the bit mask of values that have a bit.
func ehcCode(a Attr, m Mask, zeroBytes bool) (v uint16) {
	bits := ehcBits(a, zeroBytes)
	for i := 0; i < len(bits); i++ {
		if m.Has(bits[i]) {
			v |= 1 << i
		}
	}
	return v
}

// AppendProposals appends the data of a notify with these Proposals, for which
// only ID (DialectHCP), Stated and Values count, and Named for whether
// ehc_context_id is sent. zeroBytes is that of ParseProposals. Lists of
// consecutive values become a range where that is not longer.
//
// ErrMalformed: there is no Proposal, or there are too many, or one states an
// attribute that the dialect and n do not have, or values that they do not, or
// none; dst comes back as it was then.
func AppendProposals(dst []byte, list []Proposal, d Dialect, n Numbers, zeroBytes bool) ([]byte, error) {
	n = n.Defaults()
	if len(list) == 0 || len(list) > MaxProposals || !n.check() {
		return dst, ErrMalformed
	}
	out := dst
	for i := range list {
		var e Error
		if out, e = appendProposal(out, &list[i], d, &n, zeroBytes); e != 0 {
			return dst, e
		}
	}
	return out, nil
}

// appendProposal appends one Proposal; on an error what it returns is spoilt
// behind len(dst).
func appendProposal(dst []byte, p *Proposal, d Dialect, n *Numbers, zeroBytes bool) ([]byte, Error) {
	if d == DialectHCP {
		dst = append(dst, p.ID, hcpDietESP)
	}
	dst = append(dst, 0, 0)
	body := len(dst)
	if d == DialectEHC && p.Named {
		dst = appendShort(dst, ehcContextID, ehcDietESP)
	}
	for i := Attr(0); i < NumAttrs; i++ {
		a := i
		if d == DialectEHC {
			a = (i + AttrAlignment) % NumAttrs // in the order of the code points
		}
		if !p.Has(a) {
			continue
		}
		m := p.Values[a]
		if m == 0 || m&^every(d, a) != 0 || a == AttrTrailer && n.Trailer == 0 {
			return dst, ErrMalformed
		}
		if d == DialectHCP {
			dst = appendHCP(dst, a, m, n)
			continue
		}
		v := ehcCode(a, m, zeroBytes)
		if ehcValues(a, v, zeroBytes) != m {
			return dst, ErrMalformed
		}
		dst = appendShort(dst, ehcPoint(a), v)
	}
	binary.BigEndian.PutUint16(dst[body-2:], uint16(len(dst)-body))
	return dst, 0
}

func ehcPoint(a Attr) uint16 {
	switch a {
	case AttrAlignment:
		return ehcAlignment
	case AttrSPILSB:
		return ehcSPILSB
	case AttrSNLSB:
		return ehcSNLSB
	}
	return ehcFlowLabel
}

// appendHCP appends the values of an attribute, from the lowest, runs of three or
// more as ranges.
func appendHCP(dst []byte, a Attr, m Mask, n *Numbers) []byte {
	code := uint16(a)
	if a == AttrTrailer {
		code = n.Trailer
	}
	var codes Mask
	for ; m != 0; m &= m - 1 {
		codes |= 1 << hcpCode(a, m.Lowest())
	}
	for codes != 0 {
		lo := codes.Lowest()
		run := uint8(bits.TrailingZeros64(^uint64(codes >> lo)))
		if run < 3 {
			run = 1
			dst = appendShort(dst, code, uint16(lo))
		} else {
			dst = append(dst, uint8(n.Range>>8), uint8(n.Range), 0, 2*attributeLen)
			dst = appendShort(dst, code, uint16(lo))
			dst = appendShort(dst, code, uint16(lo+run-1))
		}
		codes &^= (1<<run - 1) << lo
	}
	return dst
}
