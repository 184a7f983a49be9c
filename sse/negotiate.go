package sse

import (
	"slices"

	"github.com/schckit/schckit/gpcomp"
)

// Widths are negotiated widths of compressed headers: see Compression.
type Widths struct {
	SPIBits, SNBits uint8
}

func (w Widths) valid() bool { return w.SPIBits <= spiBits && w.SNBits <= seqBits }

// A Proposal is what one message of a key management protocol says about SSE:
// lists in an offer, lists of one in an answer. HIP parameters (AppendHIP,
// ParseHIP) and IKEv2 proposals (AppendIKE, ParseIKE) are two codings of it.
type Proposal struct {
	SPI         uint32 // that the sender will receive with; 0: not said in this message
	OldSPI      uint32 // HIP: the one that is replaced; 0: a new session
	KeymatIndex uint16 // HIP: where in the keying material the keys begin
	Formats     []Format
	Suites      []Suite
	KeyBits     []uint16             // IKEv2: lengths of AES keys; HIP has 128 only and does not say so
	CPI         gpcomp.CPI           // with Comps
	Comps       []gpcomp.TransformID // GPComp; none: payloads are not compressed
	Widths      []Widths             // ours; none: headers are not compressed
}

// A Policy says what is allowed; what is preferred comes first. The zero value
// allows the mandatory algorithms: compact format, AES-CCM-16 with 128 bits.
type Policy struct {
	SPI     uint32     // that this end will receive with; 0: told later, or it only sends
	CPI     gpcomp.CPI // likewise for GPComp
	Formats []Format   // none: FormatCompact
	Suites  []Suite    // none: SuiteCCM16
	KeyBits []uint16   // 128, 192 or 256; none: 128
	Comps   []gpcomp.TransformID
	Widths  []Widths
	// Table is the sessions of this end: an SPI that collides with theirs is
	// refused. nil: not checked.
	Table *Table
}

// An Agreement is what both ends have agreed on.
type Agreement struct {
	Format    Format
	Suite     Suite
	KeyBits   uint16
	OutSPI    uint32             // that the peer receives with; 0: it did not say one
	InSPI     uint32             // that this end receives with
	Comp      gpcomp.TransformID // 0: payloads are not compressed
	OutCPI    gpcomp.CPI
	InCPI     gpcomp.CPI
	Headers   Compression // if Compress; Stream depends on the transport and is not negotiated
	Compress  bool        // headers are compressed
	HIPIndex  uint16      // KeymatIndex of the peer
	HIPOldSPI uint32      // OldSPI of the peer
}

// Notify is a type of HIP NOTIFICATION (draft-moskowitz-ssls-hip-02, Section 4.6).
type Notify uint16

// The error types.
const (
	NotifyNoProposal       Notify = 20 // NO_SSE_PROPOSAL_CHOSEN
	NotifyInvalidTransform Notify = 21 // INVALID_SSE_TRANSFORM_CHOSEN
	NotifyNoFormat         Notify = 22 // NO_SSE_FORMAT_CHOSEN
	NotifyInvalidFormat    Notify = 23 // INVALID_SSE_FORMAT_CHOSEN
)

// String returns the name of the draft.
func (n Notify) String() string {
	switch n {
	case NotifyNoProposal:
		return "NO_SSE_PROPOSAL_CHOSEN"
	case NotifyInvalidTransform:
		return "INVALID_SSE_TRANSFORM_CHOSEN"
	case NotifyNoFormat:
		return "NO_SSE_FORMAT_CHOSEN"
	case NotifyInvalidFormat:
		return "INVALID_SSE_FORMAT_CHOSEN"
	}
	return "none"
}

// A NegotiationError says why a negotiation failed; its class is ErrRefused.
type NegotiationError struct {
	Notify Notify // what to tell the peer; 0: the drafts have no number for it
	Text   string
}

// Error returns the text, with the package's name first.
func (e *NegotiationError) Error() string {
	if e.Notify != 0 {
		return "sse: " + e.Notify.String() + ": " + e.Text
	}
	return "sse: " + e.Text
}

// Unwrap returns ErrRefused.
func (e *NegotiationError) Unwrap() error { return ErrRefused }

// maxIDs is the most Suite IDs or Format IDs that may be sent (Sections 4.2 and
// 4.3). More are understood.
const maxIDs = 6

// Offer returns the lists of a policy: for R1, as HIP has it, or for the
// initiator of IKEv2. It is a *NegotiationError if the policy allows what is
// not possible here, has more than six suites or formats, or an SPI that collides.
func Offer(p Policy) (Proposal, error) {
	p = p.defaults()
	if err := p.check(); err != nil {
		return Proposal{}, err
	}
	o := Proposal{SPI: p.SPI, CPI: p.CPI, Formats: p.Formats, Suites: p.Suites, KeyBits: p.KeyBits, Comps: p.Comps, Widths: p.Widths}
	if len(p.Comps) == 0 {
		o.CPI = 0
	}
	return o, nil
}

// Select answers an offer: of what both ends allow, the first of this end's
// policy. No GPComp algorithm and no width in common mean that there is none.
// It is a *NegotiationError with the draft's own number if no suite or format
// is acceptable; then no session comes about.
func Select(offer Proposal, p Policy) (Proposal, Agreement, error) {
	p = p.defaults()
	if err := p.check(); err != nil {
		return Proposal{}, Agreement{}, err
	}
	a := Agreement{OutSPI: offer.SPI, InSPI: p.SPI, HIPIndex: offer.KeymatIndex, HIPOldSPI: offer.OldSPI}
	var ok bool
	if a.Suite, ok = first(p.Suites, offer.Suites); !ok {
		return Proposal{}, a, &NegotiationError{NotifyNoProposal, "none of the suites is acceptable"}
	}
	if a.Format, ok = first(p.Formats, offer.formats()); !ok {
		return Proposal{}, a, &NegotiationError{NotifyNoFormat, "none of the formats is acceptable"}
	}
	if a.KeyBits, ok = first(p.KeyBits, offer.keyBits()); !ok {
		return Proposal{}, a, &NegotiationError{NotifyNoProposal, "none of the key lengths is acceptable"}
	}
	answer := Proposal{SPI: p.SPI, Formats: []Format{a.Format}, Suites: []Suite{a.Suite}, KeyBits: []uint16{a.KeyBits}}
	if comp, ok := first(p.Comps, offer.Comps); ok {
		answer.Comps, answer.CPI = []gpcomp.TransformID{comp}, p.CPI
		a.Comp, a.OutCPI, a.InCPI = comp, offer.CPI, p.CPI
	}
	if w, ok := first(p.Widths, offer.Widths); ok && a.Format == FormatCompact {
		answer.Widths = []Widths{w}
		a.widths(w)
	}
	if err := a.truncate(&p); err != nil {
		return Proposal{}, a, err
	}
	return answer, a, nil
}

// Accept checks an answer against what was offered, and against the policy. It
// is a *NegotiationError if the answer was not offered, or is not exactly one
// suite and one format; the session is then given up.
func Accept(offer, answer Proposal, p Policy) (Agreement, error) {
	p = p.defaults()
	a := Agreement{OutSPI: answer.SPI, InSPI: p.SPI, HIPIndex: answer.KeymatIndex, HIPOldSPI: answer.OldSPI}
	switch {
	case len(answer.Suites) != 1, !slices.Contains(offer.Suites, answer.Suites[0]), !slices.Contains(p.Suites, answer.Suites[0]):
		return a, &NegotiationError{NotifyInvalidTransform, "the suite is not one of those offered"}
	case len(answer.formats()) != 1, !slices.Contains(offer.formats(), answer.formats()[0]), !slices.Contains(p.Formats, answer.formats()[0]):
		return a, &NegotiationError{NotifyInvalidFormat, "the format is not one of those offered"}
	case len(answer.keyBits()) != 1, !slices.Contains(offer.keyBits(), answer.keyBits()[0]), !slices.Contains(p.KeyBits, answer.keyBits()[0]):
		return a, &NegotiationError{NotifyInvalidTransform, "the key length is not one of those offered"}
	case len(answer.Comps) > 1, len(answer.Comps) == 1 && !slices.Contains(offer.Comps, answer.Comps[0]):
		return a, &NegotiationError{Text: "the GPComp algorithm is not one of those offered"}
	case len(answer.Widths) > 1, len(answer.Widths) == 1 && !slices.Contains(offer.Widths, answer.Widths[0]):
		return a, &NegotiationError{Text: "the widths of compressed headers are not among those offered"}
	case len(answer.Widths) == 1 && answer.formats()[0] != FormatCompact:
		return a, &NegotiationError{Text: "headers are compressed in the compact format only"}
	}
	a.Suite, a.Format, a.KeyBits = answer.Suites[0], answer.formats()[0], answer.keyBits()[0]
	if len(answer.Comps) == 1 {
		a.Comp, a.OutCPI, a.InCPI = answer.Comps[0], answer.CPI, offer.CPI
	}
	if len(answer.Widths) == 1 {
		a.widths(answer.Widths[0])
	}
	if err := a.truncate(&p); err != nil {
		return a, err
	}
	return a, nil
}

// first returns the first of ours that is also theirs.
func first[T comparable](ours, theirs []T) (T, bool) {
	for _, x := range ours {
		if slices.Contains(theirs, x) {
			return x, true
		}
	}
	var none T
	return none, false
}

// formats are those of the message: without the parameter, the mandatory one.
func (p *Proposal) formats() []Format {
	if len(p.Formats) == 0 {
		return []Format{FormatCompact}
	}
	return p.Formats
}

func (p *Proposal) keyBits() []uint16 {
	if len(p.KeyBits) == 0 {
		return []uint16{128}
	}
	return p.KeyBits
}

func (a *Agreement) widths(w Widths) {
	a.Compress = true
	a.Headers = Compression{SPIBits: w.SPIBits, SNBits: w.SNBits, FlagC: a.Comp != 0}
}

// truncate shortens the SPIs as the format has them and refuses collisions.
func (a *Agreement) truncate(p *Policy) error {
	for _, spi := range []*uint32{&a.InSPI, &a.OutSPI} {
		short := a.Format.TruncateSPI(*spi)
		if *spi != 0 && short == 0 {
			return &NegotiationError{Text: "nothing is left of an SPI in the compact format"}
		}
		*spi = short
	}
	if a.InSPI != 0 && p.Table != nil && p.Table.Taken(a.InSPI) {
		return &NegotiationError{Text: "the SPI is that of another session, as the format has it; choose another"}
	}
	return nil
}

func (p Policy) defaults() Policy {
	if len(p.Formats) == 0 {
		p.Formats = []Format{FormatCompact}
	}
	if len(p.Suites) == 0 {
		p.Suites = []Suite{SuiteCCM16}
	}
	if len(p.KeyBits) == 0 {
		p.KeyBits = []uint16{128}
	}
	return p
}

// check returns an error for policies that allow what is not possible.
func (p *Policy) check() error {
	text := ""
	for _, f := range p.Formats {
		if !f.Valid() {
			text = "a format is not possible here"
		}
	}
	for _, s := range p.Suites {
		if !s.Valid() {
			text = "a suite is not possible here"
		}
	}
	for _, k := range p.KeyBits {
		if k != 128 && k != 192 && k != 256 {
			text = "an AES key has 128, 192 or 256 bits"
		}
	}
	for _, w := range p.Widths {
		if !w.valid() {
			text = "a width is out of range"
		}
	}
	if len(p.Formats) > maxIDs || len(p.Suites) > maxIDs {
		text = "more than six suites or formats"
	}
	for _, f := range p.Formats {
		if p.Table != nil && p.SPI != 0 && p.Table.Taken(f.TruncateSPI(p.SPI)) {
			text = "the SPI is that of another session, as a format has it; choose another"
		}
	}
	if text != "" {
		return &NegotiationError{Text: text}
	}
	return nil
}
