package ehc

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

// A ChildPolicy says what one end allows when a pair of Child SAs is created, in
// IKE_AUTH or CREATE_CHILD_SA (RFC 7296, Sections 1.2 and 1.3.1). What is
// preferred comes first.
type ChildPolicy struct {
	SPI        uint32          // that this end will receive with, 256 or more
	Algorithms []esp.Algorithm // none: AES-GCM-16 with 128 bits
	ESN        []bool          // none: 32-bit sequence numbers
	// Groups are key exchange methods (transform type 4), 0 for none of them. The
	// exchange itself is the caller's, who adds the KE payload; Answer refuses one
	// of another method than it chooses. None: no key exchange.
	Groups []uint16
	Modes  []esp.Mode // none: tunnel
	// Local and Remote are the traffic selectors of this end and of the other one.
	Local, Remote []Selector
	// DSCPs are sent in a DSCP notify, or, at the responder, are those that it
	// answers with if the initiator has them; they become dscp_list.
	DSCPs []uint8
	// Diet is the policy for Diet-ESP; nil: standard ESP. Its Base.DSCPs and
	// Base.Selectors come from the exchange.
	Diet *Policy
	// DietOnly refuses an SA without Diet-ESP.
	DietOnly bool
}

func (p *ChildPolicy) algorithms() []esp.Algorithm {
	if len(p.Algorithms) == 0 {
		return []esp.Algorithm{{Encr: esp.EncrAESGCM16, KeyBits: 128}}
	}
	return p.Algorithms
}

func (p *ChildPolicy) esns() []bool {
	if len(p.ESN) == 0 {
		return []bool{false}
	}
	return p.ESN
}

func (p *ChildPolicy) groups() []uint16 {
	if len(p.Groups) == 0 {
		return []uint16{0}
	}
	return p.Groups
}

func (p *ChildPolicy) modes() []esp.Mode {
	if len(p.Modes) == 0 {
		return []esp.Mode{esp.ModeTunnel}
	}
	return p.Modes
}

func (p *ChildPolicy) numbers() Numbers {
	if p.Diet == nil {
		return Numbers{}.Defaults()
	}
	return p.Diet.Numbers.Defaults()
}

// Check returns an error of class ErrMalformed for a policy that cannot be.
func (p *ChildPolicy) Check() error {
	bad := func(text string) error { return &NegotiationError{Err: ErrMalformed, Text: text} }
	if p.SPI < esp.MinSPI {
		return bad("the SPI is reserved")
	}
	if len(p.algorithms()) > maxSAProposals {
		return bad("too many algorithms")
	}
	for _, a := range p.algorithms() {
		if a.Check() != nil || a.Integ == esp.IntegAbsent {
			return bad("an algorithm that cannot be")
		}
	}
	for _, m := range p.modes() {
		if m != esp.ModeTunnel && m != esp.ModeTransport {
			return bad("a mode that is neither tunnel nor transport")
		}
	}
	if len(p.ESN) > 2 || len(p.Groups) > 64 {
		return bad("too many transforms")
	}
	for _, list := range [...][]Selector{p.Local, p.Remote} {
		if _, err := AppendTS(nil, list, p.numbers()); err != nil {
			return bad("traffic selectors that cannot be")
		}
	}
	if _, err := ParseDSCP(p.DSCPs); err != nil {
		return bad("DSCPs that cannot be")
	}
	if p.Diet == nil {
		if p.DietOnly {
			return bad("Diet-ESP is asked for, but has no policy")
		}
		return nil
	}
	return p.diet(p.DSCPs).Check()
}

// diet is the policy for Diet-ESP with a list of DSCPs.
func (p *ChildPolicy) diet(dscps []byte) *Policy {
	d := *p.Diet
	d.Base.DSCPs = dscps
	return &d
}

// A Child is a pair of SAs that both ends agree on, as one of them sees it.
type Child struct {
	Initiator     bool
	Algorithm     esp.Algorithm
	ESN           bool
	Group         uint16 // key exchange method, 0 for none
	Mode          esp.Mode
	OutSPI, InSPI uint32
	Local, Remote []Selector
	// Diet says that Out and In are agreed on: the attributes of the SA that this
	// end sends with, and of the other one. They differ in the selectors.
	Diet    bool
	Out, In dietesp.Attributes
}

// Configs returns the configurations of the SAs between the addresses of the two
// ends, which IKEv2 does not negotiate: they are those of its own messages.
func (c *Child) Configs(local, remote esp.Addr) (out, in esp.Config) {
	out = esp.Config{SPI: c.OutSPI, Mode: c.Mode, ESN: c.ESN, Src: local, Dst: remote}
	in = esp.Config{SPI: c.InSPI, Mode: c.Mode, ESN: c.ESN, Src: remote, Dst: local}
	return out, in
}

// AppendRequest appends the payloads of a request that create the SAs: notifies
// (USE_TRANSPORT_MODE, DSCP, HCP_PROPOSAL or EHC_SUPPORTED), SA, nonce, TSi and
// TSr. The nonce is left out if it is nil, as in IKE_AUTH; so is what else the
// exchange has (IDi, AUTH, KEi).
func (p *ChildPolicy) AppendRequest(c *Chain, nonce []byte) error {
	if err := p.Check(); err != nil {
		return err
	}
	sa, err := p.appendSAOffer(nil)
	if err != nil {
		return err
	}
	var diet []byte
	if p.Diet != nil {
		if diet, err = Offer(nil, p.diet(p.DSCPs)); err != nil {
			return err
		}
	}
	return p.appendPayloads(c, payloads{
		transport: p.modes()[0] == esp.ModeTransport, dscps: p.DSCPs, hasDSCPs: len(p.DSCPs) > 0, diet: diet,
		sa: sa, nonce: nonce, tsi: p.Local, tsr: p.Remote,
	})
}

// payloads are the parts of a request or an answer, or what was found of them.
type payloads struct {
	transport bool
	dscps     []byte
	hasDSCPs  bool
	diet      []byte // a Notify payload
	sa        []byte // bodies
	nonce     []byte
	tsi, tsr  []Selector
	ke        []byte // the body of a KE payload
	failure   uint16 // an error notify
	group     uint16 // of INVALID_KE_PAYLOAD
}

func (p *ChildPolicy) appendPayloads(c *Chain, q payloads) error {
	work := *c
	err := p.addPayloads(&work, &q)
	if err == nil {
		*c = work
	} else if len(c.Bytes) > 0 {
		c.Bytes[c.last] = 0 // nothing follows
	}
	return err
}

func (p *ChildPolicy) addPayloads(work *Chain, q *payloads) error {
	n := p.numbers()
	notify := func(typ uint16, data []byte) error {
		body, err := AppendNotify(nil, Notify{Type: typ, Data: data})
		if err != nil {
			return err
		}
		return work.Add(PayloadNotify, body)
	}
	if q.transport {
		if err := notify(NotifyUseTransportMode, nil); err != nil {
			return err
		}
	}
	if q.hasDSCPs {
		if err := notify(n.DSCP, q.dscps); err != nil {
			return err
		}
	}
	if q.diet != nil {
		if err := work.Add(PayloadNotify, q.diet[payloadHeaderLen:]); err != nil {
			return err
		}
	}
	if err := work.Add(PayloadSA, q.sa); err != nil {
		return err
	}
	if q.nonce != nil {
		if err := work.Add(PayloadNonce, q.nonce); err != nil {
			return err
		}
	}
	for i, list := range [...][]Selector{q.tsi, q.tsr} {
		body, err := AppendTS(nil, list, n)
		if err != nil {
			return err
		}
		if err := work.Add(PayloadTSi+uint8(i), body); err != nil {
			return err
		}
	}
	return nil
}

// parsePayloads finds what concerns the SAs in a chain of payloads. Others are
// skipped, but for unknown ones with the critical bit (RFC 7296, Section 2.5).
func (p *ChildPolicy) parsePayloads(first uint8, b []byte) (q payloads, err error) {
	n := p.numbers()
	once := func(have bool) error {
		if have {
			return ErrMalformed
		}
		return nil
	}
	for l := NewPayloads(first, b); err == nil; {
		x, ok, e := l.Next()
		if e != nil || !ok {
			return q, e
		}
		switch x.Type {
		case PayloadSA:
			err = once(q.sa != nil)
			q.sa = x.Body
		case PayloadNonce:
			err = once(q.nonce != nil)
			q.nonce = x.Body
		case PayloadKE:
			if err = once(q.ke != nil); err == nil && len(x.Body) < 4 {
				err = ErrTruncated
			}
			q.ke = x.Body
		case PayloadTSi:
			if err = once(q.tsi != nil); err == nil {
				q.tsi, err = ParseTS(nil, x.Body, n)
			}
		case PayloadTSr:
			if err = once(q.tsr != nil); err == nil {
				q.tsr, err = ParseTS(nil, x.Body, n)
			}
		case PayloadNotify:
			err = p.parseNotify(&q, &x, &n)
		case PayloadSK, PayloadSKF:
			err = ErrUnsupported // to be decrypted first
		default:
			// The types of RFC 7296 are 33 to 48.
			if x.Critical && (x.Type < PayloadSA || x.Type > 48) {
				err = &NegotiationError{Err: ErrUnsupported, Notify: NotifyUnsupportedCriticalPayload, Text: "an unknown payload is critical"}
			}
		}
	}
	return q, err
}

func (p *ChildPolicy) parseNotify(q *payloads, x *Payload, n *Numbers) error {
	c, err := ParseNotify(x.Body)
	if err != nil {
		return err
	}
	switch {
	case c.Type == NotifyUseTransportMode:
		q.transport = true
	case c.Type == n.DSCP:
		if q.hasDSCPs {
			return ErrMalformed
		}
		q.hasDSCPs = true
		q.dscps, err = ParseDSCP(c.Data)
	case p.Diet != nil && c.Type == p.Diet.OfferType():
		if q.diet != nil {
			return ErrMalformed
		}
		q.diet = x.Raw
	case c.Type < firstStatus && q.failure == 0:
		q.failure = c.Type
		if c.Type == NotifyInvalidKEPayload && len(c.Data) == 2 {
			q.group = binary.BigEndian.Uint16(c.Data)
		}
	}
	return err
}

// Answer reads the payloads of a request, as they are inside of SK, and appends
// those of the answer: the responder's side of AppendRequest.
//
// ErrTruncated and ErrMalformed: a payload is not as the RFC has it, which
// INVALID_SYNTAX tells the peer; a *NegotiationError: nothing is acceptable, with
// the notify to send in place of the answer, see AppendFailure. c is unchanged
// then.
func (p *ChildPolicy) Answer(c *Chain, first uint8, request, nonce []byte) (Child, error) {
	if err := p.Check(); err != nil {
		return Child{}, err
	}
	q, err := p.parsePayloads(first, request)
	if err != nil {
		return Child{}, err
	}
	if q.sa == nil || q.tsi == nil || q.tsr == nil {
		return Child{}, ErrMalformed
	}
	r := Child{InSPI: p.SPI}
	answer := payloads{nonce: nonce}
	var s suite
	if answer.sa, s, r.OutSPI, err = p.selectSA(nil, q.sa); err != nil {
		return Child{}, err
	}
	r.Algorithm, r.ESN, r.Group = s.alg, s.esn, s.group
	if q.ke != nil && s.group != 0 && binary.BigEndian.Uint16(q.ke) != s.group {
		return Child{}, &NegotiationError{Err: ErrRefused, Notify: NotifyInvalidKEPayload, Group: s.group, Text: "the KE payload is of another key exchange method"}
	}
	r.Mode = esp.ModeTunnel
	if q.transport && slices.Contains(p.modes(), esp.ModeTransport) {
		r.Mode, answer.transport = esp.ModeTransport, true
	}
	if !slices.Contains(p.modes(), r.Mode) {
		return Child{}, refused(NotifyNoProposalChosen, "the policy does not allow the mode")
	}
	local, remote, ok := p.narrow(q.tsr, q.tsi)
	if !ok {
		return Child{}, refused(NotifyTSUnacceptable, "no traffic selector is acceptable")
	}
	r.Local, r.Remote = []Selector{local}, []Selector{remote}
	answer.tsi, answer.tsr = r.Remote, r.Local
	if q.hasDSCPs {
		// "in order to at least indicate support" (dscp-np-03, Section 4)
		answer.hasDSCPs = true
		for _, v := range q.dscps {
			if slices.Contains(p.DSCPs, v) {
				answer.dscps = append(answer.dscps, v)
			}
		}
	}
	if err := p.answerDiet(&r, &answer, q.diet); err != nil {
		return Child{}, err
	}
	if err := p.appendPayloads(c, answer); err != nil {
		return Child{}, err
	}
	return r, nil
}

// answerDiet selects from the offer of Diet-ESP. Where standard ESP is allowed
// too, an offer that is not acceptable is ignored: the draft says that the
// responder MAY do so.
func (p *ChildPolicy) answerDiet(r *Child, answer *payloads, offer []byte) error {
	if p.Diet == nil {
		return nil
	}
	d := p.diet(answer.dscps)
	err := refused(d.refusal(), "no offer of Diet-ESP")
	if offer != nil && d.Check() != nil {
		err = refused(d.refusal(), "no DSCPs in common, which the policy for Diet-ESP needs")
	} else if offer != nil {
		var a dietesp.Attributes
		var diet []byte
		if diet, a, err = Select(nil, offer, d); err == nil {
			err = r.agree(a)
		}
		if err == nil {
			answer.diet = diet
			return nil
		}
	}
	if p.DietOnly || class(err) != ErrRefused {
		return err
	}
	return nil
}

// class returns the class of an error of this package.
func class(err error) Error {
	if n, ok := err.(*NegotiationError); ok {
		return n.Err
	}
	e, _ := err.(Error)
	return e
}

// agree fills in what was agreed on for Diet-ESP.
func (c *Child) agree(a dietesp.Attributes) error {
	out, ok := selectors(c.Local, c.Remote)
	if !ok {
		return refused(NotifyNoProposalChosen, "Diet-ESP has one traffic selector for an SA")
	}
	in, _ := selectors(c.Remote, c.Local)
	o, i := a, a
	o.Selectors, i.Selectors = out, in
	co, ci := c.Configs(esp.Addr{}, esp.Addr{})
	for _, err := range [...]error{o.Check(co, c.Algorithm), i.Check(ci, c.Algorithm)} {
		if err != nil {
			return refused(NotifyNoProposalChosen, err.Error())
		}
	}
	c.Diet, c.Out, c.In = true, o, i
	return nil
}

// narrow narrows the traffic selectors of a request to those that are allowed,
// both of one IP version: that of the first one, if possible.
func (p *ChildPolicy) narrow(local, remote []Selector) (l, r Selector, ok bool) {
	types := [2]uint8{TSIPv4Range, TSIPv6Range}
	for _, s := range remote {
		if s.addresses() {
			types = [2]uint8{s.Type, TSIPv4Range + TSIPv6Range - s.Type}
			break
		}
	}
	for _, typ := range types {
		var ok1, ok2 bool
		l, ok1 = narrow(local, p.Local, typ)
		r, ok2 = narrow(remote, p.Remote, typ)
		if ok1 && ok2 {
			return l, r, true
		}
	}
	return l, r, false
}

// Accept reads the payloads of an answer, as they are inside of SK, to a request
// that AppendRequest made under the same policy. request and answer begin with
// payloads of type first and answerFirst.
//
// ErrTruncated and ErrMalformed: a payload is not as the RFC has it; a
// *NegotiationError of class ErrRefused: the peer refuses, or answers with what
// was not offered; the Child SA is then deleted. After INVALID_KE_PAYLOAD its Group
// is the method with which to try again.
func (p *ChildPolicy) Accept(first uint8, request []byte, answerFirst uint8, answer []byte) (Child, error) {
	if err := p.Check(); err != nil {
		return Child{}, err
	}
	o, err := p.parsePayloads(first, request)
	if err != nil {
		return Child{}, err
	}
	a, err := p.parsePayloads(answerFirst, answer)
	if err != nil {
		return Child{}, err
	}
	if a.failure != 0 {
		return Child{}, &NegotiationError{Err: ErrRefused, Group: a.group, Text: "the peer refuses: " + notifyText(p.numbers(), a.failure)}
	}
	if a.sa == nil || a.tsi == nil || a.tsr == nil || o.sa == nil {
		return Child{}, ErrMalformed
	}
	c := Child{Initiator: true, InSPI: p.SPI, Local: a.tsi, Remote: a.tsr}
	s, spi, err := p.acceptSA(o.sa, a.sa)
	if err != nil {
		return Child{}, err
	}
	c.OutSPI, c.Algorithm, c.ESN, c.Group = spi, s.alg, s.esn, s.group
	c.Mode = esp.ModeTunnel
	if a.transport {
		c.Mode = esp.ModeTransport
	}
	if a.transport && !o.transport || !slices.Contains(p.modes(), c.Mode) {
		return Child{}, refused(0, "the mode was not offered, or the policy does not allow it")
	}
	if !allWithin(a.tsi, o.tsi) || !allWithin(a.tsr, o.tsr) {
		return Child{}, refused(0, "traffic selectors that were not offered")
	}
	if err := p.acceptDiet(&c, &o, &a); err != nil {
		return Child{}, err
	}
	return c, nil
}

func (p *ChildPolicy) acceptDiet(c *Child, o, a *payloads) error {
	switch {
	case a.diet == nil && p.DietOnly:
		return refused(0, "the answer says nothing of Diet-ESP")
	case a.diet == nil:
		return nil
	case o.diet == nil:
		return refused(0, "Diet-ESP was not offered")
	}
	var dscps []byte // those that both ends have named
	for _, v := range a.dscps {
		if slices.Contains(o.dscps, v) {
			dscps = append(dscps, v)
		}
	}
	if len(dscps) != len(a.dscps) {
		dscps = nil // the lists differ
	}
	d := p.diet(dscps)
	if d.Check() != nil {
		return refused(0, "no DSCPs in common, which the policy for Diet-ESP needs")
	}
	attrs, err := Accept(o.diet, a.diet, d)
	if err != nil {
		return err
	}
	return c.agree(attrs)
}

// allWithin reports whether every selector is within one that was offered, and
// there is one.
func allWithin(list, offered []Selector) bool {
	for i := range list {
		ok := false
		for j := range offered {
			ok = ok || list[i].within(&offered[j])
		}
		if !ok {
			return false
		}
	}
	return len(list) > 0
}

// AppendFailure appends the notify that tells the peer of an error of Answer, in
// place of the payloads of an answer: INVALID_SYNTAX for what is truncated or
// malformed.
func (p *ChildPolicy) AppendFailure(c *Chain, err error) error {
	typ := NotifyInvalidSyntax
	if n, ok := err.(*NegotiationError); ok && n.Notify != 0 {
		typ = n.Notify
	} else if class(err) == ErrUnsupported || class(err) == ErrRefused {
		typ = NotifyNoProposalChosen
	}
	if p.Diet != nil && typ == p.numbers().EHCUnacceptable {
		payload, err := AppendRefusal(nil, p.diet(p.DSCPs))
		if err != nil {
			return err
		}
		return c.Add(PayloadNotify, payload[payloadHeaderLen:])
	}
	var data []byte
	if n, ok := err.(*NegotiationError); ok && typ == NotifyInvalidKEPayload {
		data = binary.BigEndian.AppendUint16(nil, n.Group)
	}
	body, err := AppendNotify(nil, Notify{Type: typ, Data: data})
	if err != nil {
		return err
	}
	return c.Add(PayloadNotify, body)
}
