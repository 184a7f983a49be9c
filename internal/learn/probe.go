package learn

import (
	"github.com/schckit/schckit/schc"
)

// A probe asks the engine whether a Rule for a shape matches a packet at all,
// and which of its fields can be computed.
type probe struct {
	ok     bool
	dir    schc.Direction
	all    schc.Compressor // everything computed that can be
	none   schc.Compressor // everything sent
	single []single
	failed []schc.Field
	out    []byte
}

type single struct {
	fid  schc.FID
	pos  uint8
	comp schc.Compressor
	ok   bool
}

type probeKey struct {
	shape, dir int
}

func (t *table) probe(s, dir int) *probe {
	k := probeKey{s, dir}
	p := t.probes[k]
	if p == nil {
		p = &probe{dir: dirOf(dir)}
		t.probes[k] = p
		p.ok = compileProbe(&p.all, t.sendAll(s, func(schc.FID, uint8) bool { return true })) &&
			compileProbe(&p.none, t.sendAll(s, func(schc.FID, uint8) bool { return false }))
		for _, li := range t.shapes[s].layers {
			l := &t.layers[li]
			for i := range l.cols {
				c := &l.cols[i]
				if !computable(c.fid) || c.kind == kindValue {
					continue
				}
				x := single{fid: c.fid, pos: c.pos}
				x.ok = compileProbe(&x.comp, t.sendAll(s, func(f schc.FID, pos uint8) bool { return f == x.fid && pos == x.pos }))
				p.single = append(p.single, x)
			}
		}
	}
	return p
}

func compileProbe(c *schc.Compressor, r schc.Rule) bool {
	ctx, err := schc.NewContext([]schc.Rule{r}, schc.Options{})
	if err != nil {
		return false
	}
	c.Reset(ctx)
	return true
}

// sendAll returns a Rule for a shape that sends every field but those that are
// to be computed.
func (t *table) sendAll(s int, compute func(schc.FID, uint8) bool) schc.Rule {
	r := schc.Rule{ID: schc.RuleID{Bits: 1}}
	for _, li := range t.shapes[s].layers {
		l := &t.layers[li]
		for i := range l.cols {
			c := &l.cols[i]
			if c.kind == kindFlag || c.group > 0 && c.group < 5 && c.form > 0 {
				continue
			}
			d := schc.FieldDescriptor{FID: c.fid, FP: c.pos, MO: schc.MOIgnore, CDA: schc.CDAValueSent}
			switch {
			case computable(c.fid) && compute(c.fid, c.pos):
				d.CDA = schc.CDACompute
			case c.fid == schc.FIDCoAPToken:
				d.FL = schc.FLTokenLength
			}
			r.Fields = append(r.Fields, d)
		}
	}
	return r
}

// try reports whether the shape's Rule matches, and returns the fields (ID and
// Pos only) that compute does not restore.
func (p *probe) try(pkt []byte) ([]schc.Field, bool) {
	if !p.ok {
		return nil, false
	}
	match := func(c *schc.Compressor) bool {
		var err error
		p.out, _, err = c.AppendCompress(p.out[:0], pkt, p.dir)
		return err == nil
	}
	if match(&p.all) {
		return nil, true
	}
	if !match(&p.none) {
		return nil, false
	}
	p.failed = p.failed[:0]
	for i := range p.single {
		if x := &p.single[i]; !x.ok || !match(&x.comp) {
			p.failed = append(p.failed, schc.Field{ID: x.fid, Pos: x.pos})
		}
	}
	return p.failed, true
}
