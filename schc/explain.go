package schc

import "github.com/schckit/schckit/internal/bitio"

// FieldReport says what a Rule does with one field of a packet.
type FieldReport struct {
	Field       int   // index of the Field Descriptor in the Rule
	FID         FID   // the field
	Pos         uint8 // its occurrence in the packet, from 1
	OffBits     int   // where it is in the packet
	LenBits     int   // its length
	MO          MO
	CDA         CDA
	ResidueBits int    // bits that it adds to the residue, with a size or an index
	Residue     []byte // those bits, left-aligned
}

// RuleReport says why one Rule was chosen or not.
type RuleReport struct {
	Rule   int // index in the set
	ID     RuleID
	Match  bool // every field matches
	Lossy  bool // it matches, but decompression would not give the packet back
	Chosen bool
	Bits   int // of the SCHC Packet, if it matches
	// For a Rule that does not match: the first Field Descriptor that failed
	// (-1: none of them), its field, the values in bits, and why.
	Field     int
	FID       FID
	Value     []byte // of the packet's field, left-aligned
	ValueBits int
	Target    []byte // the first Target Value as the Rule has it, or the link layer's IID
	Reason    string
}

// An Explanation says how a packet is compressed, and why no other way.
type Explanation struct {
	Result               // of the compression; Bits is 0 if there is none
	Err    error         // ErrNoRule if no Rule matches
	Fields []FieldReport // of the chosen Rule, in its order
	Rules  []RuleReport  // every compression Rule of the set, in order
}

// Explain compresses pkt as a Compressor would and tells what it did: each
// field with its residue, and for each Rule that was not chosen the first
// field that failed, with both values. It is for people and tools: it
// allocates, and it takes time proportional to the number of Rules. The
// Context must have been made by NewContext.
func (c *Context) Explain(pkt []byte, dir Direction, in Inputs) *Explanation {
	var comp Compressor
	comp.Reset(c)
	comp.SetInputs(in)
	out, _, err := comp.AppendCompress(nil, pkt, dir)
	e := &Explanation{Err: err}
	chosen := -1
	if err == nil {
		e.Result = comp.Last()
		chosen = e.Rule
		if e.Nature == NatureCompression {
			e.Fields = c.fieldReports(&comp, pkt, out, dir)
		}
	}
	for i := range c.rules {
		if c.rules[i].Nature == NatureCompression {
			e.Rules = append(e.Rules, c.ruleReport(i, pkt, dir, in, i == chosen))
		}
	}
	return e
}

// fieldReports lists the fields of the Rule that comp chose, with the bits of
// each in the SCHC Packet out.
func (c *Context) fieldReports(comp *Compressor, pkt, out []byte, dir Direction) []FieldReport {
	last := comp.Last()
	r := &c.rules[last.Rule]
	ps := c.parseFor(r, pkt, dir)
	pos := int(last.ID.Bits)
	var list []FieldReport
	for i := range r.Fields {
		d := &r.Fields[i]
		if d.DI != 0 && d.DI != DirBidirectional && d.DI != dir {
			continue
		}
		f, _ := ps.find(r, i, dir)
		n := residueBits(d, int(f.LenBits))
		fr := FieldReport{Field: i, FID: d.FID, Pos: f.Pos, OffBits: int(f.OffBits), LenBits: int(f.LenBits),
			MO: d.MO, CDA: d.CDA, ResidueBits: n, Residue: make([]byte, (n+7)/8)}
		bitio.Copy(fr.Residue, 0, out, pos, n)
		pos += n
		list = append(list, fr)
	}
	return list
}

// residueBits returns the bits that a field of n bits adds to the residue.
func residueBits(d *FieldDescriptor, n int) int {
	fl := d.FL
	if fl == 0 {
		if fl = FieldLength(d.FID.LenBits()); fl == 0 {
			fl = FLVar
		}
	}
	switch d.CDA {
	case CDAMappingSent:
		return ceilLog2(len(d.TV))
	case CDALSB:
		n -= int(d.MSB)
	case CDAValueSent:
	default:
		return 0
	}
	w := 0
	switch fl {
	case FLVar:
		_, w = sizeCode(n / 8)
	case FLVarBits:
		_, w = sizeCode(n)
	}
	return n + w
}

// parsed is a packet parsed for one Rule.
type parsed struct {
	pkt    []byte
	fields []Field
}

// parseFor parses pkt as far as the Rule describes it, along the headers that
// the Rule describes.
func (c *Context) parseFor(r *Rule, pkt []byte, dir Direction) *parsed {
	opts := ParseOptions{Alternates: true, CoAPPorts: []uint16{0}, stack: []Protocol{}}
	if s := r.start(); s != ProtoIPv6 {
		opts.Start = s
	}
	b := builder{rule: r, dir: dir}
	b.gather()
	for i := 1; i < len(b.layers); i++ {
		opts.stack = append(opts.stack, b.layers[i].proto)
	}
	ps := &parsed{pkt: pkt}
	ps.fields, _ = AppendFields(nil, pkt, dir, opts)
	return ps
}

// find returns the packet's field for descriptor i of the Rule.
func (ps *parsed) find(r *Rule, i int, dir Direction) (Field, bool) {
	d := &r.Fields[i]
	fp := d.FP
	if fp == 0 {
		fp = 1
	}
	if fp == FPAny || isEncoded(d.FID) {
		fp = anyPosition(r, i, dir)
	}
	for _, f := range ps.fields {
		if f.ID == d.FID && f.Pos == fp {
			return f, true
		}
	}
	return Field{}, false
}

// anyPosition returns the occurrence that a "don't care" descriptor takes: the
// first that no other descriptor before it has.
func anyPosition(r *Rule, i int, dir Direction) uint8 {
	var used [256]bool
	applies := func(d *FieldDescriptor) bool {
		return d.FID == r.Fields[i].FID && (d.DI == 0 || d.DI == DirBidirectional || d.DI == dir)
	}
	for j := range r.Fields {
		if d := &r.Fields[j]; applies(d) && d.FP != FPAny && !isEncoded(d.FID) {
			used[max(d.FP, 1)] = true
		}
	}
	next := func() uint8 {
		for p := 1; p < 255; p++ {
			if !used[p] {
				used[p] = true
				return uint8(p)
			}
		}
		return 0
	}
	for j := 0; j < i; j++ {
		if d := &r.Fields[j]; applies(d) && (d.FP == FPAny || isEncoded(d.FID)) {
			next()
		}
	}
	return next()
}

// ruleReport says whether Rule i matches, by the engine, and if not why, by
// reading the Rule field by field.
func (c *Context) ruleReport(i int, pkt []byte, dir Direction, in Inputs, chosen bool) RuleReport {
	r := &c.rules[i]
	rr := RuleReport{Rule: i, ID: r.ID, Chosen: chosen, Field: -1}
	at := int(le32(c.img, imgRuleTab)) + i*recRule + 8
	if dir == DirDown {
		at += 4
	}
	p := int(le32(c.img, at))
	if p == 0 {
		rr.Reason = "the Rule is not for packets of this direction"
		return rr
	}
	m := matcher{img: c.img, in: in}
	if m.static(p, pkt) {
		h := c.img[p : p+progHeader]
		if v, header := m.fit(p, h, pkt); v != noMatch {
			rr.Match, rr.Lossy = true, v == lossy
			rr.Bits = m.front(m.countBits(p)) + (len(pkt)-header)*8
			switch {
			case chosen:
			case rr.Lossy && c.img[imgFlags]&imgLossless != 0:
				rr.Reason = "it matches, but would change the packet"
			case rr.Lossy:
				rr.Reason = "it matches, but would change the packet; a lossless Rule is better"
			default:
				rr.Reason = "it matches, but another Rule sends fewer bits or comes first"
			}
			return rr
		}
	}
	c.whyNot(&rr, r, pkt, dir, in)
	return rr
}

// whyNot finds the first field that keeps the Rule from matching.
func (c *Context) whyNot(rr *RuleReport, r *Rule, pkt []byte, dir Direction, in Inputs) {
	ps := c.parseFor(r, pkt, dir)
	for i := range r.Fields {
		d := &r.Fields[i]
		if d.DI != 0 && d.DI != DirBidirectional && d.DI != dir {
			continue
		}
		fail := func(reason string) { rr.Field, rr.FID, rr.Reason = i, d.FID, reason }
		f, ok := ps.find(r, i, dir)
		if !ok {
			rr.Value, rr.ValueBits, rr.Target = nil, 0, nil
			fail("the packet has no such field")
			return
		}
		rr.Value, rr.ValueBits, rr.Target = leftAligned(pkt, f), int(f.LenBits), nil
		if len(d.TV) > 0 {
			rr.Target = d.TV[0]
		}
		if fl := int(d.FL); fl > 0 && !d.FL.Variable() && fl != int(f.LenBits) {
			fail("the field has " + utoa(f.LenBits) + " bits, the Rule describes " + d.FL.String())
			return
		}
		if !matchesField(d, rr.Value, int(f.LenBits)) {
			fail(d.MO.String() + " does not hold")
			return
		}
		if d.CDA == CDALower {
			var low below
			if !low.read(in.Outer) {
				fail("no IP header of the layer below is given")
				return
			}
			if bitio.Get(rr.Value, 0, rr.ValueBits) != low.get(d.FID.lowerKind(), rr.ValueBits) {
				fail("the field is not what the IP header of the layer below has")
				return
			}
		}
		if iid := map[CDA][]byte{CDADevIID: in.DevIID, CDAAppIID: in.AppIID}[d.CDA]; d.CDA == CDADevIID || d.CDA == CDAAppIID {
			if len(iid) != 8 {
				fail("no link-layer IID is given")
				return
			}
			if string(iid) != string(rr.Value) {
				rr.Target = iid
				fail("the field is not the link layer's IID")
				return
			}
		}
	}
	rr.Value, rr.Target, rr.ValueBits = nil, nil, 0
	for _, f := range ps.fields {
		if _, opt := f.ID.CoAPOption(); !opt && f.ID != FIDCoAPToken && f.ID != FIDIPv4Options && f.ID != FIDTCPOptions &&
			f.ID != FIDICMPv6Identifier && f.ID != FIDCoAPOptDelta && f.ID != FIDCoAPMarker && f.ID != FIDICMPv6MTU && f.ID != FIDICMPv6Pointer {
			continue
		}
		if f.LenBits == 0 && f.ID < fidCoAPOption || ps.described(r, f, dir) {
			continue
		}
		rr.FID, rr.Value, rr.ValueBits = f.ID, leftAligned(pkt, f), int(f.LenBits)
		rr.Reason = "the packet has this field, which the Rule does not describe"
		return
	}
	for i := range r.Fields {
		d := &r.Fields[i]
		if d.CDA == CDACompute && (d.DI == 0 || d.DI == DirBidirectional || d.DI == dir) && !c.computes(d.FID, r, pkt, dir, in) {
			f, _ := ps.find(r, i, dir)
			rr.Field, rr.FID, rr.Value, rr.ValueBits = i, d.FID, leftAligned(pkt, f), int(f.LenBits)
			rr.Reason = "the value is not what the decompressor would compute"
			return
		}
	}
	rr.Reason = "the headers are not those that the Rule describes"
}

// described reports whether the Rule says anything of a field that is in the
// packet, or does not describe its protocol at all.
func (ps *parsed) described(r *Rule, f Field, dir Direction) bool {
	layer, encoded := false, false
	for i := range r.Fields {
		encoded = encoded || isEncoded(r.Fields[i].FID)
	}
	if _, opt := f.ID.CoAPOption(); opt && encoded || isEncoded(f.ID) && !encoded {
		return true // the Rule describes options in the other form
	}
	for i := range r.Fields {
		d := &r.Fields[i]
		if d.DI != 0 && d.DI != DirBidirectional && d.DI != dir {
			continue
		}
		layer = layer || d.FID.Protocol() == f.ID.Protocol()
		if d.FID == f.ID || f.ID == FIDCoAPOption(9) && isOSCORE(d.FID) {
			if g, ok := ps.find(r, i, dir); ok && (g.Pos == f.Pos || isOSCORE(d.FID)) {
				return true
			}
		}
	}
	return !layer
}

// computes reports whether the computed field f of the packet is right, by
// compiling a Rule with this one computed field.
func (c *Context) computes(f FID, r *Rule, pkt []byte, dir Direction, in Inputs) bool {
	one := Rule{ID: r.ID, Fields: append([]FieldDescriptor(nil), r.Fields...)}
	for i := range one.Fields {
		if d := &one.Fields[i]; d.CDA == CDACompute && d.FID != f {
			d.MO, d.CDA, d.TV = MOIgnore, CDAValueSent, nil
		}
	}
	ctx, err := NewContext([]Rule{one}, Options{SSEICVBytes: c.img[imgICV], OuterHeader: true, FixedHeaders: c.img[imgFlags]&imgFixedHeaders != 0})
	if err != nil {
		return true
	}
	at := int(le32(ctx.img, imgRuleTab)) + 8
	if dir == DirDown {
		at += 4
	}
	p := int(le32(ctx.img, at))
	if p == 0 {
		return true
	}
	m := matcher{img: ctx.img, in: in}
	if ctx.img[p+progFlags]&progOuter != 0 && !m.low.read(in.Outer) {
		return true
	}
	m.elems[0] = elem{0, uint32(le16(ctx.img, p+progBlock))}
	if _, ok := m.walk(p, pkt); !ok && ctx.img[p+progFlags]&progFlat == 0 {
		return true
	}
	calc := p + le16(ctx.img, p+progCalc)
	return m.verify(ctx.img[calc:calc+int(ctx.img[p+progNCalc])*recCalc], pkt)
}

func leftAligned(pkt []byte, f Field) []byte {
	v := make([]byte, (f.LenBits+7)/8)
	bitio.Copy(v, 0, pkt, int(f.OffBits), int(f.LenBits))
	return v
}

// matchesField applies the Matching Operator to a field of n bits, given left-
// aligned.
func matchesField(d *FieldDescriptor, v []byte, n int) bool {
	equal := func(tv []byte, bits int) bool {
		lead := 0
		if own := d.FID.LenBits(); own > 0 || d.FL > 0 && !d.FL.Variable() {
			lead = len(tv)*8 - n // right-aligned
		} else if bits == n && len(tv)*8 != n {
			return false
		}
		return lead >= 0 && len(tv)*8-lead >= bits && bits <= n && bitio.Equal(v, 0, tv, lead, bits)
	}
	switch d.MO {
	case MOEqual:
		return equal(d.TV[0], n)
	case MOMSB:
		return equal(d.TV[0], int(d.MSB))
	case MOMatchMapping:
		for _, tv := range d.TV {
			if equal(tv, n) {
				return true
			}
		}
		return false
	}
	return true
}
