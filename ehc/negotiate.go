package ehc

import "github.com/schckit/schckit/dietesp"

// Offer appends the Notify payload, with its generic header, that offers what
// the policy allows: HCP_PROPOSAL or EHC_SUPPORTED. Attributes of which every
// value is allowed are left out, as the drafts say. The Proposals are numbered
// from 1. The error is that of Check; dst comes back as it was then.
func Offer(dst []byte, p *Policy) ([]byte, error) {
	if err := p.Check(); err != nil {
		return dst, err
	}
	return p.appendSets(dst, p.OfferType())
}

// appendSets appends a notify with a Proposal for each Set.
func (p *Policy) appendSets(dst []byte, typ uint16) ([]byte, error) {
	out, err := AppendNotifyPayload(dst, typ, nil)
	if err != nil {
		return dst, err
	}
	n := p.Numbers.Defaults()
	for i := 0; i < p.count(); i++ {
		s, q := p.set(i), Proposal{ID: uint8(i + 1)}
		for a := Attr(0); a < NumAttrs; a++ {
			if !p.negotiable(a) {
				continue
			}
			if m := p.allowed(&s, a); m != q.Offers(p.Dialect, a) || a == AttrTrailer {
				q.Stated |= 1 << a
				q.Values[a] = m
			}
		}
		var e Error
		if out, e = appendProposal(out, &q, p.Dialect, &n, !p.NoZeroBytes); e != 0 {
			return dst, e
		}
	}
	setLength(out[len(dst):])
	return out, nil
}

// setLength writes the length of a payload into its generic header. It fits: at
// most MaxProposals Proposals with MaxAttributes attributes of 12 bytes.
func setLength(payload []byte) {
	payload[2], payload[3] = uint8(len(payload)>>8), uint8(len(payload))
}

// appendAnswer appends a notify with one Proposal.
func (p *Policy) appendAnswer(dst []byte, q *Proposal) ([]byte, error) {
	out, err := AppendNotifyPayload(dst, p.OfferType(), nil)
	if err != nil {
		return dst, err
	}
	n := p.Numbers.Defaults()
	out, e := appendProposal(out, q, p.Dialect, &n, !p.NoZeroBytes)
	if e != 0 {
		return dst, e
	}
	setLength(out[len(dst):])
	return out, nil
}

// Select answers an offer, a Notify payload with its generic header: of what
// both ends allow, the first that this end prefers, Set by Set, then Proposal by
// Proposal, then attribute by attribute, the width of the SPI before that of the
// Sequence Number. It appends the answer and returns what was agreed on.
//
// Answers state every attribute of the offer's Proposal, and those whose value
// is not the default; of DialectEHC all.
//
// ErrTruncated and ErrMalformed: not a notify of the dialect. A *NegotiationError
// of class ErrRefused: nothing in it is acceptable, or it asks for too much;
// AppendRefusal has the draft's notify for that. dst comes back as it was then.
// Nothing is allocated but for errors.
func Select(dst, offer []byte, p *Policy) ([]byte, dietesp.Attributes, error) {
	if err := p.Check(); err != nil {
		return dst, dietesp.Attributes{}, err
	}
	data, err := p.notifyData(offer)
	if err != nil {
		return dst, dietesp.Attributes{}, err
	}
	var q Proposal
	for l := p.proposals(data); ; { // all of it, before any of it is used
		ok, e := l.next(&q)
		if e != 0 {
			return dst, dietesp.Attributes{}, p.overload(e)
		}
		if !ok {
			break
		}
	}
	var why reason
	for i := 0; i < p.count(); i++ {
		s := p.set(i)
		l := p.proposals(data)
		for {
			if ok, _ := l.next(&q); !ok {
				break
			}
			r := reason{place: l.count, flaws: q.discard(p.Dialect)}
			var v values
			ok := false
			if r.flaws == 0 {
				v, r.missing, ok = p.choose(&s, &q)
			}
			if ok {
				answer := p.answer(&q, &v)
				out, err := p.appendAnswer(dst, &answer)
				if err != nil {
					return dst, dietesp.Attributes{}, err
				}
				return out, p.attributes(&v), nil
			}
			if why.place == 0 {
				why = r
			}
		}
	}
	return dst, dietesp.Attributes{}, why.refusal(p)
}

// reason is why a Proposal is not acceptable.
type reason struct {
	place   int   // of the Proposal, from 1
	flaws   Flaws // if not 0
	missing Attr  // else: there is no value of it
}

func (r *reason) refusal(p *Policy) error {
	e := &NegotiationError{Err: ErrRefused, Notify: p.refusal(), Proposal: r.place, Text: r.flaws.String()}
	if r.flaws == 0 {
		e.Attr, e.HasAttr, e.Text = r.missing, true, "no value in common"
		if r.missing == AttrSNLSB {
			e.Text = "no value in common for which the widths add up to a multiple of 8 bits"
		}
	}
	return e
}

// discard returns the flaws for which a Proposal of an offer is discarded.
func (p *Proposal) discard(d Dialect) Flaws {
	if d == DialectHCP {
		return p.Flaws &^ (FlawRepeated | FlawRange)
	}
	return p.Flaws
}

// refusal is the type of the notify that refuses an offer.
func (p *Policy) refusal() uint16 {
	if p.Dialect == DialectEHC {
		return p.Numbers.Defaults().EHCUnacceptable
	}
	return NotifyNoProposalChosen
}

// values are those of all attributes.
type values [NumAttrs]uint8

// choose returns the preferred values of a Set that a Proposal allows, or the
// attribute for which there is none.
func (p *Policy) choose(s *Set, q *Proposal) (v values, missing Attr, ok bool) {
	for a := Attr(0); a < NumAttrs; a++ {
		if every(p.Dialect, a) == 0 {
			v[a] = p.defaultOf(a)
			continue
		}
		common := p.allowed(s, a) & q.Offers(p.Dialect, a)
		if common == 0 {
			return v, a, false
		}
		for i := 0; ; i++ {
			x, more := p.prefer(s, a, i)
			if !more {
				return v, a, false
			}
			if common.Has(x) {
				v[a] = x
				break
			}
		}
	}
	v[AttrSPILSB], v[AttrSNLSB], ok = p.widths(s, q.Offers(p.Dialect, AttrSPILSB), q.Offers(p.Dialect, AttrSNLSB))
	return v, AttrSNLSB, ok
}

// answer makes the Proposal of an answer.
func (p *Policy) answer(q *Proposal, v *values) Proposal {
	r := Proposal{ID: q.ID, Named: true}
	for a := Attr(0); a < NumAttrs; a++ {
		if p.negotiable(a) && (p.Dialect == DialectEHC || q.Has(a) || v[a] != p.defaultOf(a)) {
			r.Stated |= 1 << a
			r.Values[a] = 1 << v[a]
		}
	}
	return r
}

// attributes returns the attributes of package dietesp.
func (p *Policy) attributes(v *values) dietesp.Attributes {
	a := p.Base
	a.Profile = p.Dialect.Profile()
	if p.Dialect == DialectHCP {
		a.DSCP, a.ECN = dietesp.Action(v[AttrDSCP]), dietesp.Action(v[AttrECN])
		a.Trailer = dietesp.Trailer(v[AttrTrailer])
	} else {
		d := dietesp.DefaultAttributes(a.Profile)
		a.DSCP, a.ECN, a.Trailer = d.DSCP, d.ECN, d.Trailer
		if len(a.DSCPs) > 0 {
			a.DSCP = dietesp.ActionSA
		}
	}
	if a.DSCP != dietesp.ActionSA {
		a.DSCPs = nil
	}
	a.FlowLabel, a.Alignment = dietesp.Action(v[AttrFlowLabel]), dietesp.Alignment(v[AttrAlignment])
	a.SPILSBBits, a.SNLSBBits = v[AttrSPILSB], v[AttrSNLSB]
	return a
}

// valueOf returns the value of an attribute.
func valueOf(a *dietesp.Attributes, attr Attr) uint8 {
	switch attr {
	case AttrDSCP:
		return uint8(a.DSCP)
	case AttrECN:
		return uint8(a.ECN)
	case AttrFlowLabel:
		return uint8(a.FlowLabel)
	case AttrAlignment:
		return uint8(a.Alignment)
	case AttrTrailer:
		return uint8(a.Trailer)
	case AttrSPILSB:
		return a.SPILSBBits
	}
	return a.SNLSBBits
}

// notifyData returns the data of an offer or an answer.
func (p *Policy) notifyData(payload []byte) ([]byte, error) {
	n, err := ParseNotifyPayload(payload)
	if err != nil {
		return nil, err
	}
	if n.Type != p.OfferType() || len(n.SPI) > 0 {
		return nil, &NegotiationError{Err: ErrMalformed, Text: "not a notify of this dialect, whose SPI is empty"}
	}
	return n.Data, nil
}

// proposals goes over the Proposals of a notify.
func (p *Policy) proposals(data []byte) proposals {
	return newProposals(data, p.Dialect, p.Numbers, !p.NoZeroBytes)
}

// overload explains what the limits refuse.
func (p *Policy) overload(e Error) error {
	if e != ErrRefused {
		return e
	}
	return &NegotiationError{Err: ErrRefused, Notify: p.refusal(), Text: "too many proposals or attributes"}
}

// AppendRefusal appends the Notify payload with which a responder refuses an
// offer: NO_PROPOSAL_CHOSEN, or EHC_UNACCEPTABLE_PARAMETER with the Proposals that
// it would accept.
func AppendRefusal(dst []byte, p *Policy) ([]byte, error) {
	if p.Dialect == DialectEHC {
		if err := p.Check(); err != nil {
			return dst, err
		}
		return p.appendSets(dst, p.refusal())
	}
	return AppendNotifyPayload(dst, NotifyNoProposalChosen, nil)
}

// Accept checks an answer against what was offered, both Notify payloads with
// their generic headers, and against the policy, and returns what was agreed on.
//
// ErrTruncated and ErrMalformed: not a notify of the dialect; a *NegotiationError
// of class ErrRefused: the answer is an error notify; it has several Proposals,
// one that was not offered, a range, an attribute that is repeated, unknown or
// has several values, a value that was not offered or is not allowed; or
// DialectEHC's has no ehc_context_id or lacks a parameter. The initiator then
// deletes the Child SA. Nothing is allocated but for errors.
func Accept(offer, answer []byte, p *Policy) (dietesp.Attributes, error) {
	v, err := p.accept(offer, answer)
	if err != nil {
		return dietesp.Attributes{}, err
	}
	return p.attributes(&v), nil
}

func (p *Policy) accept(offer, answer []byte) (v values, err error) {
	if err := p.Check(); err != nil {
		return v, err
	}
	n, err := ParseNotifyPayload(answer)
	if err != nil {
		return v, err
	}
	if n.Type != p.OfferType() && n.Type < firstStatus {
		return v, refused(0, "the peer refuses: "+notifyText(p.Numbers, n.Type))
	}
	sent, err := p.notifyData(offer)
	if err != nil {
		return v, err
	}
	data, err := p.notifyData(answer)
	if err != nil {
		return v, err
	}
	var q Proposal
	if p.bare(data) {
		q.ID = 1
		if e := q.parseEHC(data, !p.NoZeroBytes); e != 0 {
			return v, p.overload(e)
		}
	} else if err := p.only(data, &q); err != nil {
		return v, err
	}
	if v, err = p.single(&q); err != nil {
		return v, err
	}
	return v, p.offered(sent, &q, &v)
}

// only reads the one Proposal of an answer.
func (p *Policy) only(data []byte, q *Proposal) error {
	l := p.proposals(data)
	if _, e := l.next(q); e != 0 {
		return p.overload(e)
	}
	var more Proposal
	for count := 0; ; count++ {
		ok, e := l.next(&more)
		switch {
		case e != 0:
			return p.overload(e)
		case !ok && count > 0:
			return refused(0, "several proposals in an answer")
		case !ok:
			return nil
		}
	}
}

// notifyText is the name of a notify, or its number.
func notifyText(n Numbers, typ uint16) string {
	if s := n.NotifyName(typ); s != "" {
		return s
	}
	return "notify " + decimal(int(typ))
}

// bare reports whether an answer of DialectEHC is one without a Proposal around
// its parameters: Figure 1 of the draft shows none, and only offers are said to
// be lists of Proposals. With AF=1 the first of them begins with 0x80, which is no
// Proposal Length of such a short notify.
func (p *Policy) bare(data []byte) bool {
	return p.Dialect == DialectEHC && len(data) > 0 && len(data) <= MaxAttributes*attributeLen && data[0] >= 0x80
}

// single returns the values of an answer's Proposal.
func (p *Policy) single(q *Proposal) (v values, err error) {
	bad := func(text string) (values, error) { return v, refused(0, text) }
	switch {
	case q.Flaws != 0:
		return bad("the answer: " + q.Flaws.String())
	case p.Dialect == DialectEHC && (!q.Named || q.Others):
		return bad("ehc_context_id is not Diet-ESP alone")
	}
	for a := Attr(0); a < NumAttrs; a++ {
		switch {
		case q.Has(a):
			m := q.Values[a]
			if m.Count() != 1 {
				text := "several values in an answer"
				if m == 0 {
					text = "a value that is not known"
				}
				return v, &NegotiationError{Err: ErrRefused, Attr: a, HasAttr: true, Text: text}
			}
			v[a] = m.Lowest()
		case p.Dialect == DialectEHC && p.negotiable(a):
			return v, &NegotiationError{Err: ErrRefused, Attr: a, HasAttr: true, Text: "missing from the answer"}
		default:
			v[a] = p.defaultOf(a)
		}
	}
	if (v[AttrSPILSB]+v[AttrSNLSB])%8 != 0 {
		return bad("the widths of SPI and Sequence Number do not add up to a multiple of 8 bits")
	}
	return v, nil
}

// offered checks that the values are those of one of the Proposals offered, the
// one with the answer's ID for DialectHCP, and of a Set of the policy.
func (p *Policy) offered(sent []byte, q *Proposal, v *values) error {
	offered, at, attr := false, 0, Attr(0)
	var o Proposal
	for l := p.proposals(sent); !offered; {
		ok, e := l.next(&o)
		if e != 0 {
			return p.overload(e)
		}
		if !ok {
			break
		}
		if p.Dialect == DialectHCP && o.ID != q.ID {
			continue
		}
		a, ok := p.within(v, func(a Attr) Mask { return o.Offers(p.Dialect, a) })
		if offered = ok && o.discard(p.Dialect) == 0; !offered {
			at, attr = l.count, a
		}
	}
	switch {
	case offered:
	case at == 0:
		return refused(0, "a proposal that was not offered")
	default:
		return &NegotiationError{Err: ErrRefused, Proposal: at, Attr: attr, HasAttr: true, Text: "a value that was not offered"}
	}
	for i := 0; i < p.count(); i++ {
		s := p.set(i)
		if _, ok := p.within(v, func(a Attr) Mask { return p.allowed(&s, a) }); ok {
			return nil
		}
	}
	return refused(0, "the policy does not allow what was offered")
}

// within reports whether every value is in the mask of its attribute, or which is
// not.
func (p *Policy) within(v *values, mask func(Attr) Mask) (Attr, bool) {
	for a := Attr(0); a < NumAttrs; a++ {
		if every(p.Dialect, a) != 0 && !mask(a).Has(v[a]) {
			return a, false
		}
	}
	return 0, true
}
