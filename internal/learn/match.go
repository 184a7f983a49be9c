package learn

import (
	"math"
	"slices"

	"github.com/schckit/schckit/schc"
)

const coap = schc.ProtoCoAP

// side is what a Rule does with the packets of one direction: the fast model of
// it, on ids of values.
type side struct {
	shape, used int
	cols        []sideCol
	generic     bool
	id          int     // index of the Rule
	w           float64 // weight of the rows that chose it
	desc        float64 // bits of its description
}

// sideCol is one Field Descriptor.
type sideCol struct {
	layer, col int
	spec       *colSpec
	action
}

// sideOf makes the side of a priced group.
func (f *fitter) sideOf(g *group) *side {
	s := &side{shape: g.shape, used: g.used, generic: g.generic, w: float64(g.w), desc: ruleBits}
	i := 0
	for k := 0; k < g.used; k++ {
		l := &f.t.layers[f.t.shapes[g.shape].layers[k]]
		for c := range l.cols {
			a, h := g.actions[i], &g.hists[i]
			i++
			if a.mo == 0 {
				continue
			}
			s.desc += fieldBits + a.desc
			switch a.mo {
			case schc.MOEqual:
				a.ids = []uint32{h.cells[0].id}
			case schc.MOMatchMapping:
				cells := slices.Clone(h.cells)
				slices.SortStableFunc(cells, func(x, y cell) int { return int(y.f+y.s) - int(x.f+x.s) })
				for _, x := range cells {
					a.ids = append(a.ids, x.id)
				}
			case schc.MOMSB:
				a.ids = []uint32{h.rep}
			}
			s.cols = append(s.cols, sideCol{k, c, &l.cols[c], a})
		}
	}
	return s
}

// bits returns the residue of a row, with the headers that the side does not
// describe, and whether it matches.
func (f *fitter) bits(s *side, r *fitRow) (int, bool) {
	n := int(r.bits) - int(f.t.end(r, s.used-1))
	for i := range s.cols {
		c := &s.cols[i]
		id := f.t.id(r, c.layer, c.col)
		if c.cda == schc.CDACompute {
			if id != 0 {
				return 0, false
			}
			continue
		}
		k, ok := f.residue(c, id, &f.t.spaces[c.spec.space].vals[id])
		if !ok {
			return 0, false
		}
		n += k
	}
	return n, true
}

// set is a rule set in the fast model.
type set struct {
	sides [2][]*side
	rules []rule
	none  schc.RuleID // of the no-compression Rule
	fits  [2]map[int32][]*side
}

// rule is a Rule: a side for each direction, either of which may be nil.
type rule struct {
	side [2]*side
	id   schc.RuleID
	w    float64
}

// choices returns the sides that describe headers which shape has.
func (f *fitter) choices(z *set, shape int32, dir int) []*side {
	if z.fits[dir] == nil {
		z.fits[dir] = map[int32][]*side{}
	}
	list, ok := z.fits[dir][shape]
	if !ok {
		for _, s := range z.sides[dir] {
			if f.t.shared(int(shape), s.shape) >= s.used {
				list = append(list, s)
			}
		}
		z.fits[dir][shape] = list
	}
	return list
}

// choose returns the side with the fewest bits for a row, and these; nil if
// none matches.
func (f *fitter) choose(z *set, r *fitRow, id func(*side) float64) (*side, float64) {
	var best *side
	least := math.Inf(1)
	if r.shape < 0 {
		return nil, 0
	}
	for _, s := range f.choices(z, r.shape, r.dir) {
		if n, ok := f.bits(s, r); ok {
			if b := float64(n) + id(s); b < least {
				best, least = s, b
			}
		}
	}
	return best, least
}
