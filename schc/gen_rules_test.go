package schc_test

import (
	"encoding/hex"
	"fmt"

	. "github.com/schckit/schckit/schc"
)

// The other half of the generator: Rules about packets, and sets of them.

// rule derives a Rule from a packet of the layers: it matches the packet,
// unless g makes it miss. It returns false for a packet that is not of them.
func (g *gen) rule(pkt []byte, layers []slowLayer, dir Direction, in Inputs) (Rule, bool) {
	// Which alternatives to describe.
	use := map[slowKey]bool{}
	sides := g.intn(2) // by source and destination, or by device and application
	whole, encoded := g.chance(40), g.chance(15)
	for _, l := range layers {
		for _, u := range slowHeader(l.proto, dir) {
			a := g.intn(len(u.alts))
			if first := u.alts[0][0]; len(u.alts) > 1 && isSource(first) && !g.chance(3) {
				if a = 0; sides == 1 {
					a = 1 + g.intn(len(u.alts)-1)
				}
			}
			for _, f := range u.alts[a] {
				use[slowKey{f, l.nth}] = true
			}
		}
	}
	p, text := slowParse(pkt, layers, dir, func(k slowKey) bool {
		switch k.id {
		case FIDIPv4Options, FIDTCPOptions, FIDCoAPToken:
			return g.chance(50)
		case FIDICMPv6Payload, FIDICMPv6Unused:
			return whole
		case FIDCoAPOptDelta, FIDCoAPMarker:
			return encoded
		case FIDCoAPOSCOREFlags, FIDCoAPOSCOREPIV, FIDCoAPOSCOREKIDContext, FIDCoAPOSCOREKID:
			return !whole && k.pos == 1
		}
		return use[k]
	})
	if text != "" {
		return Rule{}, false
	}
	var r Rule
	for _, k := range p.order {
		if g.fixed && (k.id == FIDIPv4Options || k.id == FIDTCPOptions) && k.pos == layers[len(layers)-1].nth && g.chance(70) {
			continue // payload
		}
		r.Fields = append(r.Fields, g.descriptor(k, p.fields[k], layers, in))
	}
	// Another order of the residues within a header.
	if g.chance(15) && len(r.Fields) > 1 {
		for n := g.intn(4); n > 0; n-- {
			i := g.intn(len(r.Fields) - 1)
			a, b := &r.Fields[i], &r.Fields[i+1]
			if a.FID.Protocol() == b.FID.Protocol() && a.FP == b.FP && a.FID != FIDCoAPTKL && a.FID != FIDCoAPOSCOREFlags &&
				(a.FID < FIDCoAPOptDelta || a.FID > FIDCoAPMarker) && (b.FID < FIDCoAPOptDelta || b.FID > FIDCoAPMarker) {
				*a, *b = *b, *a
			}
		}
	}
	// "Don't care" positions.
	for i := range r.Fields {
		if _, option := r.Fields[i].FID.CoAPOption(); option && g.chance(15) {
			r.Fields[i].FP = FPAny
		}
	}
	// Directions.
	other := dir.Reverse()
	switch g.intn(5) {
	case 0: // this direction only
		for i := range r.Fields {
			r.Fields[i].DI = dir
		}
	case 1: // some fields differ
		var fs []FieldDescriptor
		for _, f := range r.Fields {
			fs = append(fs, f)
			if g.chance(20) && f.CDA != CDACompute {
				fs[len(fs)-1].DI = dir
				f.DI = other
				f.MO, f.CDA, f.TV = MOIgnore, CDAValueSent, nil
				fs = append(fs, f)
			}
		}
		r.Fields = fs
	case 2:
		for i := range r.Fields {
			r.Fields[i].DI = DirBidirectional
		}
	}
	if g.chance(5) && len(r.Fields) > 1 {
		// One field less or twice: NewContext refuses most of these.
		i := g.intn(len(r.Fields))
		if g.chance(50) {
			r.Fields = append(r.Fields[:i], r.Fields[i+1:]...)
		} else {
			r.Fields = append(r.Fields, r.Fields[i])
		}
	}
	return r, true
}

// isSource reports whether f names a field by source or destination.
func isSource(f FID) bool {
	switch f {
	case FIDIPv6SrcAddress, FIDIPv6DstAddress, FIDIPv4SrcAddress, FIDIPv4DstAddress, FIDUDPSrcPort, FIDUDPDstPort,
		FIDUDPLiteSrcPort, FIDUDPLiteDstPort, FIDTCPSrcPort, FIDTCPDstPort, FIDSCTPSrcPort, FIDSCTPDstPort:
		return true
	}
	return false
}

// descriptor makes a descriptor for a field whose value is v.
func (g *gen) descriptor(k slowKey, v string, layers []slowLayer, in Inputs) FieldDescriptor {
	d := FieldDescriptor{FID: k.id, FP: uint8(k.pos)}
	if k.pos == 1 && g.chance(50) {
		d.FP = 0
	}
	n := len(v)
	variable := k.id.LenBits() == 0
	if variable {
		switch g.intn(4) {
		case 0:
			d.FL = FLVarBits
		case 1:
			if n > 0 && k.id != FIDICMPv6Payload && !(k.id >= FIDCoAPOSCOREFlags && k.id <= FIDCoAPOSCOREKID) {
				d.FL = FieldLength(n)
			}
		case 2:
			d.FL = FLVar
		}
		if k.id == FIDCoAPToken && g.chance(60) {
			d.FL = FLTokenLength
		}
		if k.id == FIDCoAPOSCOREPIV && g.chance(60) {
			d.FL = FLOSCOREPIV
		}
	} else if g.chance(50) {
		d.FL = FieldLength(n)
	}
	fixed := !variable || d.FL != 0 && !d.FL.Variable()
	// A Target Value with these bits.
	tv := func(s string) []byte {
		if fixed {
			for len(s)%8 != 0 {
				s = "0" + s
			}
		}
		return slowBytes(s)
	}
	near := func() []byte { // another value, of the same kind
		if !fixed && g.chance(50) {
			return g.bytes(g.length(40))
		}
		s := []byte(v)
		if len(s) == 0 {
			if fixed {
				return tv("")
			}
			return g.bytes(1)
		}
		i := g.intn(len(s))
		s[i] ^= 1
		return tv(string(s))
	}
	if slowComputable(k.id) && g.chance(50) {
		if isTransportSum(k.id) == false || hasIP(layers) || g.outer {
			d.MO, d.CDA = MOIgnore, CDACompute
			if g.chance(5) {
				d.MO, d.TV = MOEqual, [][]byte{tv(v)}
			}
			return d
		}
	}
	if len(in.Outer) > 0 && k.id.Lowerable() && g.chance(40) && (slowLower(in.Outer, k.id) == v || g.chance(5)) {
		d.MO, d.CDA = MOIgnore, CDALower
		return d
	}
	if k.id == FIDIPv6DevIID && len(in.DevIID) == 8 && g.chance(40) {
		d.MO, d.CDA = MOIgnore, CDADevIID
		return d
	}
	if k.id == FIDIPv6AppIID && len(in.AppIID) == 8 && g.chance(40) {
		d.MO, d.CDA = MOIgnore, CDAAppIID
		return d
	}
	switch g.intn(16) {
	case 0, 1, 2, 3:
		d.MO, d.CDA, d.TV = MOEqual, CDANotSent, [][]byte{tv(v)}
		if g.chance(5) {
			d.TV[0] = near()
		}
	case 4, 5, 6:
		d.MO, d.CDA = MOIgnore, CDAValueSent
	case 7:
		d.MO, d.CDA, d.TV = MOIgnore, CDANotSent, [][]byte{tv(v)}
		if g.chance(30) {
			d.TV[0] = near()
		}
		if g.chance(5) {
			d.TV = nil
		}
	case 8, 9, 10:
		x := g.intn(n + 1)
		if !fixed && d.FL != FLVarBits {
			x = x / 8 * 8
		}
		d.MO, d.MSB, d.CDA, d.TV = MOMSB, uint16(x), CDALSB, [][]byte{tv(v)}
		switch g.intn(12) {
		case 0:
			d.CDA = CDANotSent
		case 1:
			d.CDA = CDAValueSent
		}
		if x < n && g.chance(70) { // the rest of the Target Value does not count
			s := []byte(v)
			for i := x; i < n; i++ {
				s[i] = '0' + byte(g.intn(2))
			}
			d.TV[0] = tv(string(s))
		}
	case 11, 12, 13:
		d.MO, d.CDA = MOMatchMapping, CDAMappingSent
		m := 1 + g.intn(9)
		at := g.intn(m)
		for i := range m {
			if i == at {
				d.TV = append(d.TV, tv(v))
			} else {
				d.TV = append(d.TV, near())
			}
		}
		if g.chance(5) {
			d.CDA = CDAValueSent
		}
	case 14:
		d.MO, d.CDA, d.TV = MOEqual, CDAValueSent, [][]byte{tv(v)}
	case 15:
		d.MO, d.CDA = MOIgnore, CDAValueSent
		d.TV = [][]byte{near()}
	}
	return d
}

func isTransportSum(f FID) bool {
	switch f {
	case FIDUDPChecksum, FIDUDPLiteChecksum, FIDTCPChecksum, FIDICMPv6Checksum:
		return true
	}
	return false
}

// ids gives n prefix-free RuleIDs in random order.
func (g *gen) ids(n int) []RuleID {
	type span struct {
		v    uint32
		bits uint8
	}
	ids := []span{{0, 0}}
	for len(ids) < n || n > 1 && g.chance(30) && len(ids) < n+3 {
		i := g.intn(len(ids))
		if ids[i].bits >= 32 {
			continue
		}
		s := ids[i]
		ids[i] = span{s.v << 1, s.bits + 1}
		ids = append(ids, span{s.v<<1 | 1, s.bits + 1})
	}
	// Some are much longer than they need to be.
	for i := range ids {
		if more := uint8(g.intn(33)); n > 1 && g.chance(20) && ids[i].bits+more <= 32 || n == 1 && g.chance(50) && more <= 32 {
			for range more {
				ids[i].v = ids[i].v<<1 | uint32(g.intn(2))
			}
			ids[i].bits += more
		}
	}
	out := make([]RuleID, n)
	for i := range out {
		j := i + g.intn(len(ids)-i)
		ids[i], ids[j] = ids[j], ids[i]
		out[i] = RuleID{ids[i].v, ids[i].bits}
	}
	return out
}

// world is a Rule set with packets that its Rules are about.
type world struct {
	rules []Rule
	opts  Options
	in    Inputs
	ctx   *Context
	pkts  [][]byte
	dirs  []Direction
	err   error // of NewContext

	refusals []refusal
}

// refusal is a Rule that NewContext refused, and the packet that it is about.
type refusal struct {
	rule Rule
	pkt  []byte
	dir  Direction
	err  error
}

// startOf tells which stacks may start the packets of one set.
func startOf(p Protocol) Protocol {
	if p == ProtoIPv4 {
		return ProtoIPv6
	}
	return p
}

// world makes one. All its Rules start with the same kind of header.
func (g *gen) world() *world {
	w := &world{}
	ps := stacks[g.intn(len(stacks))]
	if g.chance(50) {
		w.in = Inputs{DevIID: g.bytes(8), AppIID: g.bytes(8)}
	}
	if g.chance(10) {
		w.opts.TrustComputed = true
	}
	if g.chance(15) {
		w.opts.FirstMatch = true
	}
	if g.chance(15) {
		w.opts.Lossless = true
	}
	if g.chance(10) {
		w.opts.SSEICVBytes = uint8(g.intn(17))
	}
	if g.outer = g.chance(30); g.outer {
		w.opts.OuterHeader = true
		w.in.Outer = g.packet([]Protocol{[]Protocol{ProtoIPv6, ProtoIPv4}[g.intn(2)]}, DirUp)
	}
	g.fixed = g.chance(20)
	w.opts.FixedHeaders, w.opts.SplitHeader = g.fixed, g.chance(20)
	families, each := 1+g.intn(3), 3
	if g.chance(4) { // a set in which Rules are looked for
		families, each = 4+g.intn(12), 6
	}
	for n := families; n > 0; n-- {
		dir := DirUp + Direction(g.intn(2))
		q := ps
		if g.chance(20) { // another stack that starts alike
			if s := stacks[g.intn(len(stacks))]; startOf(s[0]) == startOf(ps[0]) {
				q = s
			}
		}
		pkt := g.packet(q, dir)
		if q[0] == ProtoIPv6 {
			dev, app := 16, 32
			if dir == DirDown {
				dev, app = app, dev
			}
			if len(w.in.DevIID) == 8 && g.chance(70) {
				copy(pkt[dev:], w.in.DevIID)
				copy(pkt[app:], w.in.AppIID)
				pkt = g.again(pkt, stackLayers(q), dir)
			}
		}
		if g.outer {
			pkt = g.below(pkt, q, dir, w.in.Outer)
		}
		w.pkts, w.dirs = append(w.pkts, pkt), append(w.dirs, dir)
		for m := 1 + g.intn(each); m > 0; m-- {
			// The Rule may stop at any layer.
			layers := stackLayers(q)
			layers = layers[:1+g.intn(len(layers))]
			if g.chance(60) {
				layers = stackLayers(q)
			}
			r, ok := g.rule(pkt, layers, dir, w.in)
			if !ok {
				continue
			}
			if _, err := NewContext([]Rule{r}, w.opts); err != nil {
				w.refusals = append(w.refusals, refusal{r, pkt, dir, err})
				if !g.chance(5) {
					continue
				}
			}
			w.rules = append(w.rules, r)
		}
	}
	if g.chance(40) {
		i := g.intn(len(w.rules) + 1)
		w.rules = append(w.rules[:i:i], append([]Rule{{Nature: NatureNoCompression}}, w.rules[i:]...)...)
	}
	if g.chance(10) {
		w.rules = append(w.rules, Rule{Nature: NatureFragmentation, Fragment: &Fragmentation{Mode: FragmentationNoAck, Direction: DirUp, FCNBits: 1}})
	}
	for i, id := range g.ids(len(w.rules)) {
		w.rules[i].ID = id
	}
	w.ctx, w.err = NewContext(w.rules, w.opts)
	// More packets: the same with other fields, spoiled ones.
	for i := range w.pkts[:len(w.pkts):len(w.pkts)] {
		for n := 2; n > 0; n-- {
			w.pkts = append(w.pkts, g.spoil(w.pkts[i]))
			w.dirs = append(w.dirs, w.dirs[i])
		}
		w.pkts, w.dirs = append(w.pkts, w.pkts[i]), append(w.dirs, w.dirs[i].Reverse())
	}
	return w
}

// below makes a packet agree with the header of the layer below: fields that
// both have, and checksums.
func (g *gen) below(pkt []byte, q []Protocol, dir Direction, outer []byte) []byte {
	copies := map[Protocol][]FID{ProtoIPv6: {FIDIPv6TrafficClass, FIDIPv6FlowLabel, FIDIPv6HopLimit}, ProtoIPv4: {FIDIPv4TOS, FIDIPv4ID, FIDIPv4TTL}}
	layers := stackLayers(q)
	p, text := slowParse(pkt, layers, dir, func(slowKey) bool { return false })
	if text != "" {
		return pkt
	}
	for _, f := range copies[q[0]] {
		if g.chance(80) {
			pkt = slowPatch(pkt, p, layers, slowKey{f, 1}, slowLower(outer, f), dir)
		}
	}
	return g.again(pkt, layers, dir, outer)
}

// again makes the computed fields of pkt right. outer is the header of the layer
// below, if there is one.
func (g *gen) again(pkt []byte, layers []slowLayer, dir Direction, outer ...[]byte) []byte {
	for i := len(layers) - 1; i >= 0; i-- {
		for _, f := range computedOf(layers[i].proto) {
			if !slowIsSum(f) {
				continue
			}
			p, text := slowParse(pkt, layers, dir, func(slowKey) bool { return true })
			if text != "" {
				return pkt
			}
			if len(outer) > 0 {
				p.outer = outer[0]
			}
			d := &slowDesc{FieldDescriptor: FieldDescriptor{FID: f}, pos: layers[i].nth, bits: f.LenBits()}
			if v, ok := slowComputed(pkt, p, layers, d, Options{}); ok {
				pkt = slowPatch(pkt, p, layers, slowKey{f, layers[i].nth}, v, dir)
			}
		}
	}
	return pkt
}

// String is what a failure prints: enough to make a named test of it.
func (w *world) String() string {
	s := fmt.Sprintf("options %+v\ninputs %x %x %x\n", w.opts, w.in.DevIID, w.in.AppIID, w.in.Outer)
	for i := range w.rules {
		s += ruleText(&w.rules[i])
	}
	return s
}

func ruleText(r *Rule) string {
	s := fmt.Sprintf("{ID: RuleID{%d, %d}, Nature: %d, Fields: []FieldDescriptor{\n", r.ID.Value, r.ID.Bits, r.Nature)
	sent := ""
	for _, f := range r.Fields {
		if f.FL == 0 && f.FP <= 1 && f.DI == 0 && f.MO == MOIgnore && f.CDA == CDAValueSent {
			if sent = sent + " " + f.FID.String(); f.FP == 1 {
				sent += ""
			}
			continue
		}
		s += fmt.Sprintf("\t{FID: %d /* %v */, FL: %d /* %v */, FP: %d, DI: %d, MO: %d /* %v */, MSB: %d, CDA: %d /* %v */, TV: [][]byte{",
			f.FID, f.FID, uint16(f.FL), f.FL, f.FP, f.DI, f.MO, f.MO, f.MSB, f.CDA, f.CDA)
		for i, v := range f.TV {
			if i > 0 {
				s += ", "
			}
			s += fmt.Sprintf("hx(%q)", hex.EncodeToString(v))
		}
		s += "}},\n"
	}
	return s + "\tsent in order, ignore/value-sent:" + sent + "\n}},\n"
}
