package ehc

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

// Types of Traffic Selectors (RFC 7296, Section 3.13.1).
const (
	TSIPv4Range uint8 = 7
	TSIPv6Range uint8 = 8
)

// MaxSelectors bounds the selectors of a TS payload: their number is a byte.
const MaxSelectors = 255

// A Selector is an individual Traffic Selector (RFC 7296, Section 3.13.1), or one
// of DSCPs (draft-mglt-ipsecme-ts-dscp-03, Section 2.1).
type Selector struct {
	Type               uint8
	Protocol           uint8 // 0: any
	StartPort, EndPort uint16
	Start, End         esp.Addr
	DSCPs              []byte // of TS_DSCP, in increasing order
	Other              []byte // what is behind the Selector Length of a type that is not known
}

// ParseTS appends the selectors of a TS payload's body to dst (RFC 7296, Section
// 3.13). Slices in them are parts of body. Types that are not known are kept, for
// the caller to ignore, as Section 2.9 demands.
//
// ErrTruncated: a selector ends behind the body; ErrMalformed: lengths and
// numbers do not agree, or an address range is empty; a *NegotiationError of class
// ErrMalformed: DSCPs are none, more than 63, or not in increasing order, for which
// the draft has TS_UNACCEPTABLE; dst comes back as it was then.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| Number of TSs |                 RESERVED                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   TS Type     |IP Protocol ID |       Selector Length         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|           Start Port          |           End Port            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	~               Starting Address, Ending Address                ~
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func ParseTS(dst []Selector, body []byte, n Numbers) ([]Selector, error) {
	n = n.Defaults()
	if len(body) < 4 {
		return dst, ErrTruncated
	}
	count, b := int(body[0]), body[4:]
	if count == 0 {
		return dst, ErrMalformed
	}
	out := dst
	for ; count > 0; count-- {
		if len(b) < 4 {
			return dst, ErrTruncated
		}
		size := int(binary.BigEndian.Uint16(b[2:]))
		switch {
		case size < 4:
			return dst, ErrMalformed
		case size > len(b):
			return dst, ErrTruncated
		}
		s := Selector{Type: b[0]}
		if e := s.parse(b[1], b[4:size:size], n.TSDSCP); e != 0 {
			if s.Type == n.TSDSCP {
				return dst, &NegotiationError{Err: e, Notify: NotifyTSUnacceptable, Text: "DSCPs of a TS_DSCP are not unique and in increasing order"}
			}
			return dst, e
		}
		out = append(out, s)
		b = b[size:]
	}
	if len(b) > 0 {
		return dst, ErrMalformed
	}
	return out, nil
}

func (s *Selector) parse(second uint8, c []byte, dscp uint8) Error {
	addr := 0
	switch s.Type {
	case TSIPv4Range:
		addr = 4
	case TSIPv6Range:
		addr = 16
	case dscp:
		if !increasing(c) {
			return ErrMalformed
		}
		s.DSCPs = c
		return 0
	default:
		s.Protocol, s.Other = second, c
		return 0
	}
	if len(c) != 4+2*addr {
		return ErrMalformed
	}
	s.Protocol = second
	s.StartPort, s.EndPort = binary.BigEndian.Uint16(c), binary.BigEndian.Uint16(c[2:])
	s.Start, s.End = esp.AddrFromSlice(c[4:4+addr]), esp.AddrFromSlice(c[4+addr:])
	if slices.Compare(c[4:4+addr], c[4+addr:]) > 0 || s.StartPort > s.EndPort && !s.opaque() {
		return ErrMalformed
	}
	return 0
}

// opaque reports whether the ports are OPAQUE: packets whose ports cannot be
// seen (Section 3.13.1).
func (s *Selector) opaque() bool { return s.StartPort == 0xffff && s.EndPort == 0 }

// increasing reports whether DSCPs are as TS_DSCP wants them: some, unique, in
// increasing order.
func increasing(dscps []byte) bool {
	for i, v := range dscps {
		if v > maxDSCP || i > 0 && v <= dscps[i-1] {
			return false
		}
	}
	return len(dscps) > 0
}

// AppendTS appends the body of a TS payload. ErrMalformed: no selector, more than
// 255, or one that ParseTS would refuse; dst comes back as it was then.
func AppendTS(dst []byte, list []Selector, n Numbers) ([]byte, error) {
	n = n.Defaults()
	if len(list) == 0 || len(list) > MaxSelectors {
		return dst, ErrMalformed
	}
	out := append(dst, uint8(len(list)), 0, 0, 0)
	for i := range list {
		s := list[i]
		at := len(out)
		out = append(out, s.Type, s.Protocol, 0, 0)
		switch s.Type {
		case TSIPv4Range, TSIPv6Range:
			out = append(out, uint8(s.StartPort>>8), uint8(s.StartPort), uint8(s.EndPort>>8), uint8(s.EndPort))
			out = append(append(out, s.Start.Bytes()...), s.End.Bytes()...)
		case n.TSDSCP:
			out[at+1] = 0
			out = append(out, s.DSCPs...)
		default:
			out = append(out, s.Other...)
		}
		size := len(out) - at
		var check Selector
		check.Type = s.Type
		if size > 0xffff || check.parse(s.Protocol, out[at+4:], n.TSDSCP) != 0 {
			return dst, ErrMalformed
		}
		binary.BigEndian.PutUint16(out[at+2:], uint16(size))
	}
	if len(out)-len(dst) > 0xffff-payloadHeaderLen {
		return dst, ErrMalformed
	}
	return out, nil
}

// addresses reports whether s is a range of addresses.
func (s *Selector) addresses() bool { return s.Type == TSIPv4Range || s.Type == TSIPv6Range }

// intersect returns what two selectors have in common.
func (s *Selector) intersect(o *Selector) (r Selector, ok bool) {
	r = *s
	if s.Type != o.Type || !s.addresses() || s.opaque() || o.opaque() {
		return r, s.addresses() && s.same(o)
	}
	switch {
	case o.Protocol == 0:
	case s.Protocol == 0:
		r.Protocol = o.Protocol
	case s.Protocol != o.Protocol:
		return r, false
	}
	r.StartPort, r.EndPort = max(s.StartPort, o.StartPort), min(s.EndPort, o.EndPort)
	if slices.Compare(s.Start.Bytes(), o.Start.Bytes()) < 0 {
		r.Start = o.Start
	}
	if slices.Compare(s.End.Bytes(), o.End.Bytes()) > 0 {
		r.End = o.End
	}
	return r, r.StartPort <= r.EndPort && slices.Compare(r.Start.Bytes(), r.End.Bytes()) <= 0
}

// within reports whether s allows nothing that o does not.
func (s *Selector) within(o *Selector) bool {
	r, ok := s.intersect(o)
	return ok && r.same(s)
}

func (s *Selector) same(o *Selector) bool {
	return s.Type == o.Type && s.Protocol == o.Protocol && s.StartPort == o.StartPort && s.EndPort == o.EndPort && s.Start == o.Start && s.End == o.End
}

// narrow returns the widest selector that is in one of those offered and in one
// of those allowed, and that has in it what the first offered one allows (RFC
// 7296, Section 2.9), for addresses of one type.
func narrow(offered, allowed []Selector, typ uint8) (best Selector, ok bool) {
	for i := range offered {
		for j := range allowed {
			x, some := offered[i].intersect(&allowed[j])
			if !some || x.Type != typ || ok && !best.within(&x) {
				continue
			}
			best, ok = x, true
		}
	}
	return best, ok
}

// selectors makes the one traffic selector of an SA of Diet-ESP out of those of
// its two ends. Several of one end may differ in the protocol only: the list is
// then ts_proto_list of the 2023 profile.
func selectors(src, dst []Selector) (s dietesp.Selectors, ok bool) {
	a, protoA, ok := merge(src)
	if !ok {
		return s, false
	}
	b, protoB, ok := merge(dst)
	if !ok || a.Type != b.Type {
		return s, false
	}
	s = dietesp.Selectors{SrcStart: a.Start, SrcEnd: a.End, DstStart: b.Start, DstEnd: b.End, Version: 4,
		SrcPortStart: a.StartPort, SrcPortEnd: a.EndPort, DstPortStart: b.StartPort, DstPortEnd: b.EndPort}
	if a.Type == TSIPv6Range {
		s.Version = 6
	}
	s.Protocols = protoA
	if len(protoA) == 0 {
		s.Protocols = protoB
	} else if len(protoB) > 0 {
		s.Protocols = nil
		for _, p := range protoA {
			if slices.Contains(protoB, p) {
				s.Protocols = append(s.Protocols, p)
			}
		}
		if len(s.Protocols) == 0 {
			return s, false
		}
	}
	return s, true
}

// merge returns the addresses and ports of all selectors of an end, and their
// protocols, none for any.
func merge(list []Selector) (s Selector, protocols []uint8, ok bool) {
	anyProtocol := false
	for i := range list {
		t := &list[i]
		if !t.addresses() {
			continue
		}
		if !ok {
			s, ok = *t, true
		}
		if t.Type != s.Type || t.Start != s.Start || t.End != s.End || t.StartPort != s.StartPort || t.EndPort != s.EndPort || t.opaque() {
			return s, nil, false
		}
		anyProtocol = anyProtocol || t.Protocol == 0
		if !slices.Contains(protocols, t.Protocol) {
			protocols = append(protocols, t.Protocol)
		}
	}
	if anyProtocol {
		protocols = nil
	}
	return s, protocols, ok
}
