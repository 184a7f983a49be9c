package learn

import (
	"math"
	"slices"

	"github.com/schckit/schckit/schc"
)

// couple is a pair of an uplink and a downlink side that could be one Rule.
type couple struct {
	gain float64
	u, d int
}

// pair makes Rules of the sides: one of either direction, as far as both have
// the same protocols, and at most limit. A Rule of two sides costs its packets
// fewer bits of RuleID than two Rules, most where both are used equally often;
// its description is shorter where fields are the same; and it is easier to
// read where one side answers the other.
func (f *fitter) pair(z *set, limit int, follows map[[2]*side]int) {
	us, ds := z.sides[up], z.sides[down]
	var list []couple
	score := func(u, d *side) float64 {
		g := idGain(u.w, d.w) + f.m.p.model*f.common(u, d)
		return g + 0.2*float64(follows[[2]*side{u, d}])
	}
	gains := make([][]float64, len(us))
	for i, u := range us {
		gains[i] = make([]float64, len(ds))
		for j, d := range ds {
			gains[i][j] = math.Inf(-1)
			if f.sameStack(u, d) {
				gains[i][j] = score(u, d)
				list = append(list, couple{gains[i][j], i, j})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b couple) int {
		switch {
		case a.gain > b.gain:
			return -1
		case a.gain < b.gain:
			return 1
		case a.u != b.u:
			return a.u - b.u
		}
		return a.d - b.d
	})
	of := make([]int, len(us)) // partner of each uplink side
	for i := range of {
		of[i] = -1
	}
	taken := make([]bool, len(ds))
	for _, c := range list {
		if of[c.u] < 0 && !taken[c.d] {
			of[c.u], taken[c.d] = c.d, true
		}
	}
	exchange(of, gains)
	z.rules = z.rules[:0]
	var alone []rule
	for i, u := range us {
		if of[i] >= 0 {
			z.rules = append(z.rules, rule{side: [2]*side{u, ds[of[i]]}})
		} else {
			alone = append(alone, rule{side: [2]*side{u, nil}})
		}
	}
	var rest []*side
	for j, d := range ds {
		if !taken[j] {
			rest = append(rest, d)
		}
	}
	// Sides of different protocols share a Rule only if there is no room.
	for i := range alone {
		if len(rest) > 0 && len(z.rules)+len(alone)-i+len(rest) > limit {
			alone[i].side[down] = rest[0]
			rest = rest[1:]
		}
		z.rules = append(z.rules, alone[i])
	}
	for _, d := range rest {
		z.rules = append(z.rules, rule{side: [2]*side{nil, d}})
	}
	for i := range z.rules {
		for _, s := range z.rules[i].side {
			if s != nil {
				z.rules[i].w += s.w
			}
		}
	}
}

// exchange improves a pairing by exchanging partners.
func exchange(of []int, gains [][]float64) {
	if len(of) > 256 {
		return
	}
	at := func(i, j int) float64 {
		if j < 0 {
			return 0
		}
		return gains[i][j]
	}
	for round := 0; round < 16; round++ {
		better := false
		for i := range of {
			for k := 0; k < i; k++ {
				if at(i, of[k])+at(k, of[i]) > at(i, of[i])+at(k, of[k])+1e-9 {
					of[i], of[k] = of[k], of[i]
					better = true
				}
			}
		}
		if !better {
			return
		}
	}
}

// idGain is the bits of RuleIDs that two sides of these weights save as one
// Rule.
func idGain(a, b float64) float64 {
	g := 0.0
	if a > 0 {
		g += a * math.Log2((a+b)/a)
	}
	if b > 0 {
		g += b * math.Log2((a+b)/b)
	}
	return g / weight
}

// sameStack reports whether two sides describe the same protocols.
func (f *fitter) sameStack(a, b *side) bool {
	if a.used != b.used {
		return false
	}
	for k := 0; k < a.used; k++ {
		p, q := &f.t.layers[f.t.shapes[a.shape].layers[k]], &f.t.layers[f.t.shapes[b.shape].layers[k]]
		if p.proto != q.proto || p.pos != q.pos {
			return false
		}
	}
	return true
}

// common returns the bits of description that two sides have in common.
func (f *fitter) common(a, b *side) float64 {
	n := 0.0
	i, j := 0, 0
	for i < len(a.cols) && j < len(b.cols) {
		x, y := &a.cols[i], &b.cols[j]
		switch c := compareCols(x, y); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			if x.layer == y.layer && f.same(x, y) {
				n += fieldBits + 4
			}
			i, j = i+1, j+1
		}
	}
	return n
}

func compareCols(x, y *sideCol) int {
	switch {
	case x.layer != y.layer:
		return x.layer - y.layer
	case x.spec.fid != y.spec.fid:
		return order(x.spec.fid) - order(y.spec.fid)
	}
	return int(x.spec.pos) - int(y.spec.pos)
}

// same reports whether two columns give the same Field Descriptor.
func (f *fitter) same(x, y *sideCol) bool {
	if x.spec.fid != y.spec.fid || x.spec.pos != y.spec.pos || x.mo != y.mo || x.cda != y.cda || x.fl != y.fl || x.msb != y.msb {
		return false
	}
	if x.mo == schc.MOMSB {
		vals := f.t.spaces[x.spec.space].vals
		return commonPrefix(&vals[x.ids[0]], &vals[y.ids[0]]) >= x.msb
	}
	return slices.Equal(x.ids, y.ids)
}

// descriptor makes the Field Descriptor of a column, for both directions.
func (f *fitter) descriptor(c *sideCol) schc.FieldDescriptor {
	d := schc.FieldDescriptor{FID: c.spec.fid, FL: c.fl, FP: c.spec.pos, DI: schc.DirBidirectional, MO: c.mo, CDA: c.cda}
	if d.FL == 0 {
		d.FL = schc.FieldLength(c.spec.bits)
	}
	if c.mo == schc.MOMSB {
		d.MSB = uint16(c.msb)
	}
	for _, id := range c.ids {
		d.TV = append(d.TV, targetValue(&f.t.spaces[c.spec.space].vals[id], &d))
	}
	return d
}

// targetValue returns a value as a Rule has it: right-aligned if the field has
// a fixed length; of MSB(x) only the first x bits.
func targetValue(v *value, d *schc.FieldDescriptor) []byte {
	b := []byte(v.s)
	if d.MO == schc.MOMSB {
		for i := range b {
			if known := int(d.MSB) - i*8; known < 8 {
				b[i] &= 0xff << (8 - max(known, 0))
			}
		}
		if d.FL.Variable() {
			b = b[:(d.MSB+7)/8]
		}
	}
	if shift := uint(len(b)*8 - int(d.FL)); !d.FL.Variable() && shift > 0 {
		for i := len(b) - 1; i >= 0; i-- {
			b[i] >>= shift
			if i > 0 {
				b[i] |= b[i-1] << (8 - shift)
			}
		}
	}
	return b
}

// export makes the schc.Rule of a Rule.
func (f *fitter) export(r *rule) schc.Rule {
	out := schc.Rule{ID: r.id}
	var cols [2][]sideCol
	for dir, s := range r.side {
		if s != nil {
			cols[dir] = s.cols
		}
	}
	for i, j := 0, 0; i < len(cols[up]) || j < len(cols[down]); {
		c := 0
		switch {
		case j == len(cols[down]):
			c = -1
		case i == len(cols[up]):
			c = 1
		default:
			c = compareCols(&cols[up][i], &cols[down][j])
		}
		if c == 0 && f.same(&cols[up][i], &cols[down][j]) {
			out.Fields = append(out.Fields, f.descriptor(&cols[up][i]))
			i, j = i+1, j+1
			continue
		}
		if c <= 0 {
			out.Fields = append(out.Fields, directed(f.descriptor(&cols[up][i]), schc.DirUp))
			i++
		}
		if c >= 0 {
			out.Fields = append(out.Fields, directed(f.descriptor(&cols[down][j]), schc.DirDown))
			j++
		}
	}
	return out
}

func directed(d schc.FieldDescriptor, dir schc.Direction) schc.FieldDescriptor {
	d.DI = dir
	return d
}
