package ehc

import "github.com/schckit/schckit/dietesp"

// A Set is the values of each attribute that are allowed together, the preferred
// one first. No list: only the dialect's default value, dietesp.DefaultAttributes.
//
// Of DialectHCP all are negotiated, but for Trailer without Numbers.Trailer; of
// DialectEHC FlowLabel (ActionLower is ts_flow_label True, ActionNotCompressed
// False), Alignment (8 and 32 bit), SPILSB and SNLSB (whole bytes).
type Set struct {
	DSCP      []dietesp.Action // ActionSA only where Policy.Base.DSCPs has a list
	ECN       []dietesp.Action
	FlowLabel []dietesp.Action // ActionGenerated loses the flow label
	Alignment []dietesp.Alignment
	Trailer   []dietesp.Trailer
	SPILSB    []uint8 // bits, 0 to 32; the two widths that are agreed on add up to a multiple of 8
	SNLSB     []uint8
}

// Widths returns the widths from lo to hi, those of fewer bits first.
func Widths(lo, hi uint8) []uint8 {
	var list []uint8
	for v := lo; v <= hi && v <= 32; v++ {
		list = append(list, v)
	}
	return list
}

// at returns value i of an attribute.
func (s *Set) at(a Attr, i int) (v uint8, ok bool) {
	switch a {
	case AttrDSCP:
		return get(s.DSCP, i)
	case AttrECN:
		return get(s.ECN, i)
	case AttrFlowLabel:
		return get(s.FlowLabel, i)
	case AttrAlignment:
		return get(s.Alignment, i)
	case AttrTrailer:
		return get(s.Trailer, i)
	case AttrSPILSB:
		return get(s.SPILSB, i)
	case AttrSNLSB:
		return get(s.SNLSB, i)
	}
	return 0, false
}

func get[T ~uint8](list []T, i int) (uint8, bool) {
	if i >= len(list) {
		return 0, false
	}
	return uint8(list[i]), true
}

// A Policy says what one end allows. The zero value is DialectHCP with its
// default values only, which is hardly smaller than standard ESP.
type Policy struct {
	Dialect Dialect
	Numbers Numbers
	// Sets are alternatives, the preferred one first; each is a Proposal of an
	// offer. At most MaxProposals; none is one Set with the defaults.
	Sets []Set
	// NoZeroBytes turns a deviation off. Deviation: DialectEHC has widths of 0
	// bytes (Figure 2), but no bit for them; without NoZeroBytes it is bit 4.
	NoZeroBytes bool
	// Base has what is not negotiated, and is the same at both ends: IIPC,
	// HopLimit, RuleID, DSCPs and Selectors. For DialectEHC DSCP and ECN are those
	// of the outer header, or with DSCPs ActionSA.
	Base dietesp.Attributes
}

// AnyPolicy returns a policy that allows every value but those that lose
// something or need more than the negotiation: all but ActionGenerated for the
// flow label, and ActionSA. What saves most is preferred, but SPI and Sequence
// Number keep 8 bits each where the peer allows that: a width of 0 needs one SA per
// address, or no loss.
func AnyPolicy(d Dialect) Policy {
	s := Set{
		FlowLabel: []dietesp.Action{dietesp.ActionLower, dietesp.ActionNotCompressed},
		Alignment: []dietesp.Alignment{dietesp.Alignment8, dietesp.Alignment32},
		SPILSB:    []uint8{8, 0, 16, 24, 32},
		SNLSB:     []uint8{8, 16, 24, 32, 0},
	}
	if d == DialectHCP {
		s.DSCP = []dietesp.Action{dietesp.ActionLower, dietesp.ActionNotCompressed}
		s.ECN = s.DSCP
		s.FlowLabel = []dietesp.Action{dietesp.ActionLower, dietesp.ActionZero, dietesp.ActionNotCompressed}
		s.Alignment = []dietesp.Alignment{dietesp.Alignment8, dietesp.Alignment16, dietesp.Alignment32, dietesp.Alignment64}
		s.SPILSB = append([]uint8{8}, append(Widths(0, 7), Widths(9, 32)...)...)
		s.SNLSB = append(Widths(8, 32), Widths(0, 7)...)
	}
	return Policy{Dialect: d, Sets: []Set{s}}
}

// OfferType returns the type of the notify of offers and answers.
func (p *Policy) OfferType() uint16 {
	n := p.Numbers.Defaults()
	if p.Dialect == DialectEHC {
		return n.EHCSupported
	}
	return n.HCPProposal
}

// defaults are the values of an attribute that the policy says nothing about.
func (p *Policy) defaultOf(a Attr) uint8 {
	d := dietesp.DefaultAttributes(p.Dialect.Profile())
	return valueOf(&d, a)
}

// negotiable reports whether the dialect and the numbers have the attribute.
func (p *Policy) negotiable(a Attr) bool {
	return every(p.Dialect, a) != 0 && (a != AttrTrailer || p.Numbers.Trailer != 0)
}

// allowed returns the values that a Set allows.
func (p *Policy) allowed(s *Set, a Attr) (m Mask) {
	for i := 0; ; i++ {
		v, ok := s.at(a, i)
		if !ok {
			break
		}
		m |= 1 << (v & 63)
	}
	if m == 0 {
		m = 1 << p.defaultOf(a)
	}
	if a == AttrDSCP && len(p.Base.DSCPs) == 0 {
		m &^= 1 << dietesp.ActionSA
	}
	return m
}

// count is how many alternatives there are, set one of them.
func (p *Policy) count() int { return max(len(p.Sets), 1) }

func (p *Policy) set(i int) (s Set) {
	if i < len(p.Sets) {
		s = p.Sets[i]
	}
	return s
}

// Check returns an error, of class ErrMalformed, for a policy that cannot be:
// values that the dialect does not have, or that nothing negotiates, a value
// twice, numbers with two meanings, a Set whose widths never add up to a multiple
// of 8 bits, too many Sets.
func (p *Policy) Check() error {
	bad := func(set int, a Attr, text string) error {
		return &NegotiationError{Err: ErrMalformed, Proposal: set, Attr: a, HasAttr: set > 0, Text: text}
	}
	if p.Dialect > DialectEHC {
		return bad(0, 0, "the dialect is unknown")
	}
	if n := p.Numbers.Defaults(); !n.check() {
		return bad(0, 0, "two numbers are the same, or a code point is out of range")
	}
	if len(p.Sets) > MaxProposals {
		return bad(0, 0, "too many proposals")
	}
	for i := 0; i < p.count(); i++ {
		s := p.set(i)
		for a := Attr(0); a < NumAttrs; a++ {
			have := every(p.Dialect, a)
			if !p.negotiable(a) {
				have = 1 << p.defaultOf(a)
			}
			if p.Dialect == DialectEHC && p.NoZeroBytes && (a == AttrSPILSB || a == AttrSNLSB) {
				have &^= 1
			}
			var m Mask
			for j := 0; ; j++ {
				v, ok := s.at(a, j)
				if !ok {
					break
				}
				if !have.Has(v) {
					return bad(i+1, a, "a value that cannot be negotiated here")
				}
				if m.Has(v) {
					return bad(i+1, a, "a value is repeated")
				}
				m |= 1 << v
			}
			if p.allowed(&s, a) == 0 {
				return bad(i+1, a, "the action sa needs a list of DSCPs")
			}
		}
		if _, _, ok := p.widths(&s, allWidths, allWidths); !ok {
			return bad(i+1, AttrSNLSB, "no widths of SPI and Sequence Number add up to a multiple of 8 bits")
		}
	}
	return nil
}

// widths returns the preferred widths among those of the masks.
func (p *Policy) widths(s *Set, spi, sn Mask) (a, b uint8, ok bool) {
	for i := 0; ; i++ {
		a, ok := p.prefer(s, AttrSPILSB, i)
		if !ok {
			return 0, 0, false
		}
		if !spi.Has(a) {
			continue
		}
		for j := 0; ; j++ {
			b, ok := p.prefer(s, AttrSNLSB, j)
			if !ok {
				break
			}
			if sn.Has(b) && (a+b)%8 == 0 {
				return a, b, true
			}
		}
	}
}

// prefer returns value i in the order of preference.
func (p *Policy) prefer(s *Set, a Attr, i int) (uint8, bool) {
	if v, ok := s.at(a, i); ok {
		return v, true
	}
	if _, ok := s.at(a, 0); ok || i > 0 {
		return 0, false
	}
	return p.defaultOf(a), true
}
