package ehc

import (
	"encoding/binary"

	"github.com/schckit/schckit/esp"
)

// Transform types (RFC 7296, Section 3.3.2).
const (
	TransformEncr  uint8 = 1
	TransformPRF   uint8 = 2
	TransformInteg uint8 = 3
	TransformKE    uint8 = 4 // key exchange method, formerly Diffie-Hellman group
	TransformESN   uint8 = 5
)

const (
	attrKeyLength   = 14
	saProposalLen   = 8
	transformLen    = 8
	moreProposals   = 2
	moreTransforms  = 3
	espSPILen       = 4
	maxSAProposals  = 255
	maxSATransforms = 255 // Num Transforms is a byte
)

// A Transform is one of an SA payload (RFC 7296, Section 3.3.2).
type Transform struct {
	Type    uint8
	ID      uint16
	KeyBits uint16 // the Key Length attribute, 0 for none
	Unknown bool   // it has an attribute that is not known, or one twice: not acceptable (Section 3.3.6)
}

// An SAProposal is a Proposal of an SA payload (RFC 7296, Section 3.3.1).
type SAProposal struct {
	Num, Protocol uint8
	SPI           []byte
	Count         int    // of transforms
	Transforms    []byte // as they are coded
}

// ParseSA appends the Proposals of an SA payload's body to dst (RFC 7296, Section
// 3.3). Slices in them are parts of body. Lengths, counts and "last" bytes are
// checked all the way down.
//
// ErrTruncated: a Proposal or transform ends behind the body; ErrMalformed:
// lengths, counts and numbers do not agree; dst comes back as it was then.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| Last Substruc |   RESERVED    |         Proposal Length       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	~                  SPI, then Transforms (variable)              ~
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func ParseSA(dst []SAProposal, body []byte) ([]SAProposal, error) {
	out := dst
	for last := false; !last; {
		if len(body) < saProposalLen {
			return dst, ErrTruncated
		}
		size, spi := int(binary.BigEndian.Uint16(body[2:])), int(body[6])
		last = body[0] == 0
		switch {
		case !last && body[0] != moreProposals,
			size < saProposalLen+spi,
			last && size < len(body):
			return dst, ErrMalformed
		case size > len(body):
			return dst, ErrTruncated
		}
		p := SAProposal{Num: body[4], Protocol: body[5], SPI: body[saProposalLen : saProposalLen+spi : saProposalLen+spi],
			Count: int(body[7]), Transforms: body[saProposalLen+spi : size : size]}
		if n := len(out) - len(dst); n > 0 && int(p.Num) != int(out[len(out)-1].Num)+1 {
			return dst, ErrMalformed // "one more than the previous proposal"
		}
		b := p.Transforms
		for i := 0; i < p.Count; i++ {
			_, rest, err := parseTransform(b, i == p.Count-1)
			if err != nil {
				return dst, err
			}
			b = rest
		}
		if len(b) > 0 {
			return dst, ErrMalformed
		}
		out = append(out, p)
		body = body[size:]
	}
	return out, nil
}

// Each calls f for every transform.
func (p *SAProposal) Each(f func(t Transform)) {
	b := p.Transforms
	for i := 0; i < p.Count; i++ {
		t, rest, err := parseTransform(b, i == p.Count-1)
		if err != nil {
			return // ParseSA has seen them
		}
		f(t)
		b = rest
	}
}

func parseTransform(b []byte, last bool) (t Transform, rest []byte, err error) {
	if len(b) < transformLen {
		return t, nil, ErrTruncated
	}
	want := uint8(moreTransforms)
	if last {
		want = 0
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case n < transformLen, b[0] != want:
		return t, nil, ErrMalformed
	case n > len(b):
		return t, nil, ErrTruncated
	}
	t.Type, t.ID = b[4], binary.BigEndian.Uint16(b[6:])
	for attrs := b[transformLen:n]; len(attrs) > 0; {
		var a Attribute
		if a, attrs, err = ParseAttribute(attrs); err != nil {
			return Transform{}, nil, err
		}
		switch {
		case a.Type != attrKeyLength || !a.Short:
			t.Unknown = true
		case t.KeyBits != 0 || a.Value == 0:
			t.Unknown = true // "A transform MUST NOT have multiple attributes of the same type"
		default:
			t.KeyBits = a.Value
		}
	}
	return t, b[n:], nil
}

// AppendSA appends the body of an SA payload. Of a Proposal, SPI, Num, Protocol
// and the transforms count. ErrMalformed: no Proposal, more than 255, numbers
// that do not follow each other, no transform, or one with Unknown; dst comes back
// as it was then.
func AppendSA(dst []byte, list []SAProposal, transforms func(i int) []Transform) ([]byte, error) {
	if len(list) == 0 || len(list) > maxSAProposals {
		return dst, ErrMalformed
	}
	out := dst
	for i := range list {
		p, ts := &list[i], transforms(i)
		if len(ts) == 0 || len(ts) > maxSATransforms || len(p.SPI) > 255 || i > 0 && int(p.Num) != int(list[i-1].Num)+1 {
			return dst, ErrMalformed
		}
		at, more := len(out), uint8(0)
		if i < len(list)-1 {
			more = moreProposals
		}
		out = append(out, more, 0, 0, 0, p.Num, p.Protocol, uint8(len(p.SPI)), uint8(len(ts)))
		out = append(out, p.SPI...)
		for j, t := range ts {
			if t.Unknown {
				return dst, ErrMalformed
			}
			more, size := uint8(0), uint8(transformLen)
			if j < len(ts)-1 {
				more = moreTransforms
			}
			if t.KeyBits != 0 {
				size += attributeLen
			}
			out = append(out, more, 0, 0, size, t.Type, 0, uint8(t.ID>>8), uint8(t.ID))
			if t.KeyBits != 0 {
				out = appendShort(out, attrKeyLength, t.KeyBits)
			}
		}
		binary.BigEndian.PutUint16(out[at+2:], uint16(len(out)-at)) // 16 bits hold 255 transforms
	}
	return out, nil
}

// has reports whether the Proposal has a transform.
func (p *SAProposal) has(want Transform) (found bool) {
	p.Each(func(t Transform) { found = found || t == want })
	return found
}

// types returns which transform types the Proposal has, as a set. 0: there is one
// that ESP does not have, and the Proposal is not acceptable (Section 3.3.6).
func (p *SAProposal) types() (set uint8) {
	ok := true
	p.Each(func(t Transform) {
		switch t.Type {
		case TransformEncr, TransformInteg, TransformKE, TransformESN:
			set |= 1 << t.Type
		default:
			ok = false
		}
	})
	if !ok {
		return 0
	}
	return set
}

// suite is what an SA payload agrees on for ESP.
type suite struct {
	alg   esp.Algorithm
	esn   bool
	group uint16 // 0: no key exchange
}

// encr is the encryption transform of an algorithm. Those of AES have a Key
// Length (Section 3.3.5).
func encr(a esp.Algorithm) Transform {
	t := Transform{Type: TransformEncr, ID: uint16(a.Encr)}
	if (esp.Algorithm{Encr: a.Encr, KeyBits: 128}).KeyLen() != (esp.Algorithm{Encr: a.Encr, KeyBits: 256}).KeyLen() {
		t.KeyBits = a.KeyBits
	}
	return t
}

func esn(on bool) Transform {
	t := Transform{Type: TransformESN}
	if on {
		t.ID = 1
	}
	return t
}

// appendSAOffer appends the body of an SA payload with a Proposal for each
// algorithm: so no combination is offered that the policy does not have.
func (p *ChildPolicy) appendSAOffer(dst []byte) ([]byte, error) {
	algs, esns, groups := p.algorithms(), p.esns(), p.Groups
	spi := binary.BigEndian.AppendUint32(nil, p.SPI)
	list := make([]SAProposal, len(algs))
	for i := range list {
		list[i] = SAProposal{Num: uint8(i + 1), Protocol: ProtocolESP, SPI: spi}
	}
	return AppendSA(dst, list, func(i int) []Transform {
		ts := []Transform{encr(algs[i])}
		if algs[i].Integ != esp.IntegNone {
			ts = append(ts, Transform{Type: TransformInteg, ID: uint16(algs[i].Integ)})
		}
		for _, g := range groups {
			ts = append(ts, Transform{Type: TransformKE, ID: g})
		}
		for _, on := range esns {
			ts = append(ts, esn(on))
		}
		return ts
	})
}

// selectSA answers an SA payload: the first of our algorithms that a Proposal
// has, with the first of our groups and sequence number lengths. It appends the
// body of the answer.
func (p *ChildPolicy) selectSA(dst, body []byte) (out []byte, s suite, spi uint32, err error) {
	list, err := ParseSA(nil, body)
	if err != nil {
		return dst, s, 0, err
	}
	for _, alg := range p.algorithms() {
		for i := range list {
			q := &list[i]
			ts, got, ok := p.match(q, alg)
			if !ok {
				continue
			}
			answer := []SAProposal{{Num: q.Num, Protocol: ProtocolESP, SPI: binary.BigEndian.AppendUint32(nil, p.SPI)}}
			if out, err = AppendSA(dst, answer, func(int) []Transform { return ts }); err != nil {
				return dst, s, 0, err
			}
			return out, got, binary.BigEndian.Uint32(q.SPI), nil
		}
	}
	return dst, s, 0, refused(NotifyNoProposalChosen, "no ESP proposal of the SA payload is acceptable")
}

// match returns the transforms with which a Proposal gives an algorithm.
func (p *ChildPolicy) match(q *SAProposal, alg esp.Algorithm) (ts []Transform, s suite, ok bool) {
	types := q.types()
	if q.Protocol != ProtocolESP || !validSPI(q.SPI) || types == 0 || !q.has(encr(alg)) {
		return nil, s, false
	}
	s.alg = alg
	ts = append(ts, encr(alg))
	integ := Transform{Type: TransformInteg, ID: uint16(alg.Integ)}
	if types>>TransformInteg&1 != 0 {
		if !q.has(integ) {
			return nil, s, false
		}
		ts = append(ts, integ)
	} else if alg.Integ != esp.IntegNone {
		return nil, s, false
	}
	found := false
	for _, g := range p.groups() {
		ke := Transform{Type: TransformKE, ID: g}
		if has := types>>TransformKE&1 != 0; has && q.has(ke) {
			ts, found = append(ts, ke), true
		} else if !has && g == 0 {
			found = true
		}
		if found {
			s.group = g
			break
		}
	}
	if !found {
		return nil, s, false
	}
	for _, on := range p.esns() {
		if q.has(esn(on)) {
			s.esn = on
			return append(ts, esn(on)), s, true
		}
	}
	return nil, s, false
}

// acceptSA checks the SA payload of an answer against the one that was offered
// and against the policy.
func (p *ChildPolicy) acceptSA(offer, answer []byte) (s suite, spi uint32, err error) {
	offered, err := ParseSA(nil, offer)
	if err != nil {
		return s, 0, err
	}
	got, err := ParseSA(nil, answer)
	if err != nil {
		return s, 0, err
	}
	bad := func(text string) (suite, uint32, error) { return suite{}, 0, refused(0, text) }
	if len(got) != 1 {
		return bad("several proposals in the SA payload of an answer")
	}
	q := &got[0]
	var o *SAProposal
	for i := range offered {
		if offered[i].Num == q.Num {
			o = &offered[i]
		}
	}
	if o == nil || q.Protocol != o.Protocol || q.Protocol != ProtocolESP || !validSPI(q.SPI) {
		return bad("an SA proposal that was not offered")
	}
	if types := q.types(); types == 0 || types != o.types() || bitCount(types) != q.Count {
		return bad("not one transform of every type in the SA payload of an answer")
	}
	ok := true
	s.alg.Integ = esp.IntegNone
	q.Each(func(t Transform) {
		ok = ok && !t.Unknown && o.has(t)
		switch t.Type {
		case TransformEncr:
			s.alg.Encr, s.alg.KeyBits = esp.Encr(t.ID), t.KeyBits
		case TransformInteg:
			s.alg.Integ = esp.Integ(t.ID)
		case TransformKE:
			s.group = t.ID
		case TransformESN:
			s.esn = t.ID == 1
			ok = ok && t.ID <= 1
		}
	})
	if !ok {
		return bad("a transform that was not offered")
	}
	for _, alg := range p.algorithms() {
		if encr(alg) == encr(s.alg) && alg.Integ == s.alg.Integ {
			s.alg = alg
			return s, binary.BigEndian.Uint32(q.SPI), nil
		}
	}
	return bad("the policy does not allow the algorithm that was offered")
}

func validSPI(spi []byte) bool {
	return len(spi) == espSPILen && binary.BigEndian.Uint32(spi) >= esp.MinSPI
}

func bitCount(set uint8) (n int) {
	for ; set != 0; set &= set - 1 {
		n++
	}
	return n
}
