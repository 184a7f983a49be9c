package dietesp

import (
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/schc"
)

// A FieldSaving says what one compressor does with one field of a packet.
type FieldSaving struct {
	Stage Stage
	// FID is the field, 0 for what is none: Name says what it is then, one of
	// "RuleID", "Padding" (of ESP, or that of the 2023 profile) and "byte
	// alignment" (of the residue of IIPC, Section 6.1).
	FID  schc.FID
	Name string // of the field, such as "IPV6.HOP_LMT"
	MO   schc.MO
	CDA  schc.CDA
	Bits int // that standard ESP sends
	Sent int // that Diet-ESP sends
}

// Saved returns the bits that are saved, less than 0 if there are more.
func (f *FieldSaving) Saved() int { return f.Bits - f.Sent }

// An Explanation says what Diet-ESP saves of one packet, and where.
type Explanation struct {
	// Err is why the packet cannot be compressed, an Error; nil if it can. For
	// ErrNoRule Why has the reason of the engine: the field that does not match.
	Err error
	Why *schc.RuleReport
	// Fields are those of IIPC, CTEC and EEC, in the order of the Rules.
	Fields []FieldSaving
	// Bytes of the whole packet from the outer IP header on, as standard ESP
	// (padded to 32 bits, or blocks) and as Diet-ESP; headers in front of ESP,
	// IVs and ICVs are the same in both.
	StandardBytes, DietBytes int
	// Bytes of what is not touched: payload behind the headers that IIPC
	// describes, IV, ICV, and the IP headers in front of ESP.
	PayloadBytes, IVBytes, ICVBytes, OuterBytes int
}

// Sum returns the bits that one compressor, or 0 all of them, is given, and what
// it sends.
func (e *Explanation) Sum(s Stage) (bits, sent int) {
	for i := range e.Fields {
		if f := &e.Fields[i]; s == 0 || f.Stage == s {
			bits, sent = bits+f.Bits, sent+f.Sent
		}
	}
	return bits, sent
}

// Explain says what AppendSeal would do with the IP packet pkt. It is for people
// and tools: it allocates. StandardBytes less DietBytes is what the Fields save.
func (s *SA) Explain(pkt []byte) *Explanation {
	if s.ctx[IIPC] == nil {
		return &Explanation{Err: ErrNoSA}
	}
	var h esp.Headers
	if err := s.Outbound(&h, pkt); err != nil {
		return &Explanation{Err: espError(err)}
	}
	if s.Mode == esp.ModeTransport {
		return s.explain(pkt[h.End():], pkt[:h.End()], h.Protocol())
	}
	next := uint8(protoIPv6)
	if h.V4() {
		next = protoIPv4
	}
	if s.generates && fragmented(pkt) {
		return &Explanation{Err: ErrNoRule}
	}
	outer := make([]byte, s.OuterLen())
	s.PutOuter(&h, outer, s.opt.Protocol, h.TrafficClass())
	if s.attr.FlowLabel == ActionLower && s.attr.IIPC == IIPCDietESP {
		lowerLabel(outer, pkt)
	}
	return s.explain(pkt, outer, next)
}

// ExplainESP says what AppendCompress would do with a packet of standard ESP: it
// verifies it, but does not count it as seen.
func (s *SA) ExplainESP(espPkt []byte) *Explanation {
	text, h, seq, e := s.verify(nil, espPkt)
	if e != 0 {
		return &Explanation{Err: e}
	}
	payload, next, e := s.content(text)
	if e == 0 && (!h.ChecksumRight(espPkt) || s.generates && !regenerated(payload, seq)) {
		e = ErrNoRule
	}
	if e != 0 {
		return &Explanation{Err: e}
	}
	return s.explain(payload, espPkt[:h.End()], next)
}

// explain compares both forms of a payload of ESP.
func (s *SA) explain(payload, outer []byte, next uint8) *Explanation {
	suite := s.Suite()
	e := &Explanation{OuterBytes: len(outer), IVBytes: suite.IVLen(), ICVBytes: suite.ICVLen(), PayloadBytes: len(payload)}
	if !s.describes(next) {
		e.Err = ErrNoRule
		return e
	}
	front := 0 // bits of IIPC and payload
	if ctx := s.context(s.protocolOf(payload, next)); ctx == nil {
		front = len(payload) * 8
	} else if x := ctx.Explain(payload, schc.DirUp, schc.Inputs{Outer: outer}); x.Err != nil {
		err, _ := x.Err.(schc.Error)
		e.Err = schcError(err)
		if len(x.Rules) > 0 {
			e.Why = &x.Rules[0]
		}
		return e
	} else {
		e.PayloadBytes -= x.HeaderBytes
		e.ruleID(IIPC, x.ID)
		e.fields(IIPC, x.Fields)
		if n := x.Bits - e.PayloadBytes*8 - int(x.ID.Bits) - x.ResidueBits; n > 0 {
			e.other(IIPC, "byte alignment", 0, n)
		}
		front = x.Bits
	}
	text, err := s.clearText(make([]byte, 0, s.SealRoom(len(payload))), payload, outer, next)
	if err != 0 {
		e.Err = err
		return e
	}
	pad := s.standardPad(len(payload))
	e.trailer(s, len(text)*8-front, pad, next)
	x := s.ctx[EEC].Explain([]byte{byte(s.SPI >> 24), byte(s.SPI >> 16), byte(s.SPI >> 8), byte(s.SPI), 0, 0, 0, 0}, schc.DirUp, schc.Inputs{})
	e.ruleID(EEC, x.ID)
	e.fields(EEC, x.Fields)
	same := len(outer) + suite.IVLen() + suite.ICVLen()
	e.StandardBytes = same + 8 + len(payload) + pad + 2
	e.DietBytes = same + s.eecLen + len(text)
	return e
}

// trailer adds what CTEC does: bits are all that follow the payload.
func (e *Explanation) trailer(s *SA, bits, pad int, next uint8) {
	x := s.ctx[CTEC].Explain([]byte{byte((bits - s.ctecBits) / 8), next}, schc.DirUp, schc.Inputs{})
	if x.Err != nil { // Pad Length is elided, and there is none
		x = s.ctx[CTEC].Explain([]byte{0, next}, schc.DirUp, schc.Inputs{})
	}
	e.ruleID(CTEC, x.ID)
	e.other(CTEC, "Padding", pad*8, bits-s.ctecBits)
	e.fields(CTEC, x.Fields)
}

func (e *Explanation) fields(s Stage, list []schc.FieldReport) {
	for i := range list {
		f := &list[i]
		e.Fields = append(e.Fields, FieldSaving{Stage: s, FID: f.FID, Name: f.FID.String(), MO: f.MO, CDA: f.CDA, Bits: f.LenBits, Sent: f.ResidueBits})
	}
}

func (e *Explanation) ruleID(s Stage, id schc.RuleID) {
	if id.Bits > 0 {
		e.other(s, "RuleID", 0, int(id.Bits))
	}
}

func (e *Explanation) other(s Stage, name string, bits, sent int) {
	e.Fields = append(e.Fields, FieldSaving{Stage: s, Name: name, Bits: bits, Sent: sent})
}
