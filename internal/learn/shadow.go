package learn

import (
	"slices"

	"github.com/schckit/schckit/schc"
)

// maxShadow is the number of sides of a direction up to which shadowed ones are
// looked for.
const maxShadow = 512

// dropShadowed removes the sides that are never chosen, because another one
// matches every packet that they match and needs no more bits. It reports
// whether there were any.
func (f *fitter) dropShadowed(z *set) bool {
	dropped := false
	for dir := range z.sides {
		list := z.sides[dir]
		if len(list) > maxShadow {
			continue
		}
		id := func(s *side) int { return int(z.rules[s.id].id.Bits) }
		gone := make([]bool, len(list))
		for i, s := range list {
			for j, t := range list {
				if i == j || gone[j] {
					continue
				}
				if extra, ok := f.covers(t, s); ok && id(t)+extra <= id(s) {
					gone[i], dropped = true, true
					break
				}
			}
		}
		kept := list[:0]
		for i, s := range list {
			if !gone[i] {
				kept = append(kept, s)
			}
		}
		z.sides[dir] = kept
		z.fits[dir] = nil
	}
	return dropped
}

// covers reports whether t matches every packet that s matches, and how many
// bits more its residue then has at most.
func (f *fitter) covers(t, s *side) (int, bool) {
	// Their shapes may differ in what no field describes, such as a payload marker.
	if t.used != s.used || len(t.cols) != len(s.cols) {
		return 0, false
	}
	extra := 0
	for i := range t.cols {
		a, b := &t.cols[i], &s.cols[i]
		if a.spec.fid != b.spec.fid || a.spec.pos != b.spec.pos || a.spec.kind != b.spec.kind {
			return 0, false
		}
		n, ok := f.coversCol(a, b)
		if !ok {
			return 0, false
		}
		extra += n
	}
	return extra, true
}

func (f *fitter) coversCol(t, s *sideCol) (int, bool) {
	if t.cda == schc.CDACompute || s.cda == schc.CDACompute {
		return 0, t.cda == s.cda
	}
	value := func(id uint32) *value { return &f.t.spaces[t.spec.space].vals[id] }
	switch s.mo {
	case schc.MOEqual, schc.MOMatchMapping:
		most := 0
		for _, id := range s.ids {
			n, ok := f.residue(t, id, value(id))
			if !ok {
				return 0, false
			}
			most = max(most, n)
		}
		return most - log2(len(s.ids)), true
	}
	if t.fl != s.fl || t.mo == schc.MOEqual || t.mo == schc.MOMatchMapping {
		return 0, false
	}
	if t.mo == schc.MOMSB && (s.mo != schc.MOMSB || t.msb > s.msb || commonPrefix(value(t.ids[0]), value(s.ids[0])) < t.msb) {
		return 0, false
	}
	extra := s.msb - t.msb
	if t.fl == schc.FLVar && extra > 0 {
		extra += sizeBits(1<<16) - sizeBits(0) // the size may grow
	}
	return extra, true
}

// residue returns the bits that a column adds for a value, and whether it
// matches it.
func (f *fitter) residue(c *sideCol, id uint32, v *value) (int, bool) {
	if c.fl > 0 && !c.fl.Variable() && v.bits != int(c.fl) {
		return 0, false
	}
	switch c.mo {
	case schc.MOEqual:
		return 0, id == c.ids[0]
	case schc.MOMatchMapping:
		return log2(len(c.ids)), slices.Contains(c.ids, id)
	case schc.MOMSB:
		if c.spec.kind == kindComputed && id == 0 || commonPrefix(v, &f.t.spaces[c.spec.space].vals[c.ids[0]]) < c.msb {
			return 0, false // a computed value is not known here
		}
	}
	n := v.bits
	if c.spec.bits > 0 {
		n = c.spec.bits
	}
	n -= c.msb
	if c.fl == schc.FLVar {
		n += sizeBits(n / 8)
	}
	return n, true
}
