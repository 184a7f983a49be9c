package learn

import (
	"math"
	"slices"

	"github.com/schckit/schckit/schc"
)

// newFitter prepares rows, in the order of time, to be learned from.
func newFitter(t *table, rows []row, p params, fixed, split int) *fitter {
	f := &fitter{t: t, fixed: fixed, split: split}
	f.m = model{t: t, p: p}
	type key struct {
		shape int32
		dir   uint8
	}
	count, nth := map[key]int{}, map[key]int{}
	for i := range rows {
		count[key{rows[i].shape, rows[i].dir}]++
	}
	for i := range rows {
		r := &rows[i]
		k := key{r.shape, r.dir}
		second := nth[k]*2 >= count[k]
		nth[k]++
		f.all[r.dir] += weight
		f.rows = append(f.rows, fitRow{row: r, dir: int(r.dir), w: weight, second: second})
	}
	f.measure()
	return f
}

// measure counts the values of every field, and how often a value in the second
// half of a shape's rows is new.
func (f *fitter) measure() {
	m := &f.m
	m.total = make([][]int64, len(f.t.spaces))
	for i := range m.total {
		m.total[i] = make([]int64, len(f.t.spaces[i].vals))
	}
	byShape := map[[2]int][]int32{}
	var order [][2]int
	for i := range f.rows {
		r := &f.rows[i]
		if r.shape < 0 {
			continue
		}
		k := [2]int{int(r.shape), r.dir}
		if byShape[k] == nil {
			order = append(order, k)
		}
		byShape[k] = append(byShape[k], int32(i))
		s := &f.t.shapes[r.shape]
		for j, li := range s.layers {
			l := &f.t.layers[li]
			for c := range l.cols {
				if sp := l.cols[c].space; sp >= 0 {
					m.total[sp][0] += int64(r.w)
					if id := f.t.id(r, j, c); id > 0 {
						m.total[sp][id] += int64(r.w)
					}
				}
			}
		}
	}
	fresh, all := map[schc.FID]float64{}, map[schc.FID]float64{}
	var g group
	for _, k := range order {
		f.build(&g, byShape[k], k[0], len(f.t.shapes[k[0]].layers), 1, nil)
		i := 0
		for _, li := range f.t.shapes[k[0]].layers {
			l := &f.t.layers[li]
			for c := range l.cols {
				if h := &g.hists[i]; h.f > 0 {
					fresh[l.cols[c].fid] += float64(h.fresh) / weight
					all[l.cols[c].fid] += float64(h.s) / weight
				}
				i++
			}
		}
	}
	m.fresh = map[schc.FID]float64{}
	for fid, n := range all {
		m.fresh[fid] = (fresh[fid] + novelty*prior(fid)) / (n + novelty)
	}
}

// fit makes a set of Rules, the no-compression Rule not among them.
func (f *fitter) fit() *set {
	z := &set{}
	limit := f.m.p.rules
	for dir := range z.sides {
		generics := f.generics(dir, min(maxGenerics, limit-1))
		if f.mergers[dir] == nil {
			f.mergers[dir] = f.newMerger(f.groups(dir), dir)
		}
		keep := min(f.m.p.generic, len(generics)) // what is left over is for generic ones too
		list := f.refine(f.mergers[dir].stop(limit-keep), dir)
		for _, g := range append(list, generics[:min(len(generics), limit-len(list))]...) {
			z.sides[dir] = append(z.sides[dir], f.sideOf(g))
		}
	}
	f.settle(z, limit)
	return z
}

// refine moves rows to the groups that describe them in the fewest bits, and
// describes these anew, while that helps.
func (f *fitter) refine(list []*group, dir int) []*group {
	for round := 0; round < 4; round++ {
		z := &set{}
		cost := 0.0
		index := map[*side]int{}
		for i, g := range list {
			s := f.sideOf(g)
			index[s] = i
			z.sides[dir] = append(z.sides[dir], s)
			cost += g.cost
		}
		parts := make([][]int32, len(list))
		depth := make([]int, len(list))
		id := func(s *side) float64 { return math.Log2((float64(f.all[dir]) + 4) / (s.w + 0.5)) }
		for i := range f.rows {
			r := &f.rows[i]
			if r.dir != dir {
				continue
			}
			s, n := f.choose(z, r, id)
			if s == nil || n > float64(r.bits)+10 {
				continue
			}
			k := index[s]
			if shared := f.t.shared(int(r.shape), list[k].shape); len(parts[k]) == 0 || shared < depth[k] {
				depth[k] = shared
			}
			parts[k] = append(parts[k], int32(i))
		}
		var next []*group
		sum := 0.0
		for i, g := range list {
			if len(parts[i]) == 0 {
				continue
			}
			h := &group{rows: parts[i]}
			f.build(h, parts[i], g.shape, depth[i], 1, nil)
			f.price(h, dir)
			sum += h.cost
			next = append(next, h)
		}
		if sum >= cost-1e-6 {
			break
		}
		list = next
	}
	return list
}

// settle finds how often each side is used, drops those that are not, makes
// Rules of them and gives these their RuleIDs.
func (f *fitter) settle(z *set, limit int) {
	all := float64(f.all[up] + f.all[down])
	for round := 0; round < 6; round++ {
		id := func(s *side) float64 { return math.Log2((all + 4) / (s.w + 0.5)) }
		if round > 0 {
			id = func(s *side) float64 { return float64(z.rules[s.id].id.Bits) }
		}
		use := map[*side]float64{}
		follows := map[[2]*side]int{}
		f.count(z, id, use, follows)
		generics := 0.0
		for dir := range z.sides {
			z.fits[dir] = nil
			kept := z.sides[dir][:0]
			for _, s := range z.sides[dir] {
				if s.w = use[s]; s.w > 0 || s.generic {
					kept = append(kept, s)
				}
				if s.generic {
					generics++
				}
			}
			z.sides[dir] = kept
		}
		for dir := range z.sides {
			for _, s := range z.sides[dir] {
				if s.generic { // for packets that are like none seen
					s.w += f.m.p.unseen * all / generics
				}
			}
		}
		f.pair(z, limit, follows)
		assignIDs(z, f.fixed)
		if round >= 2 && !f.dropShadowed(z) {
			return
		}
	}
	// Shadowed sides are gone, but not from the Rules.
	for i := range z.rules {
		for dir, s := range z.rules[i].side {
			if s != nil && !slices.Contains(z.sides[dir], s) {
				z.rules[i].side[dir] = nil
			}
		}
	}
	z.rules = slices.DeleteFunc(z.rules, func(r rule) bool { return r.side[up] == nil && r.side[down] == nil })
	assignIDs(z, f.fixed)
}

// count adds up how often each side is used, and how often one is used right
// after one of the other direction in the same flow.
func (f *fitter) count(z *set, id func(*side) float64, use map[*side]float64, follows map[[2]*side]int) {
	type last struct {
		s   *side
		dir int
	}
	flows := map[uint64]last{}
	for i := range f.rows {
		r := &f.rows[i]
		s, n := f.choose(z, r, id)
		if s == nil || n > float64(r.bits)+maxIDBits {
			continue
		}
		use[s] += float64(r.w)
		if r.mirror {
			continue
		}
		k := f.flow(r)
		if l, ok := flows[k]; ok && l.dir != r.dir {
			p := [2]*side{s, l.s}
			if r.dir == down {
				p = [2]*side{l.s, s}
			}
			follows[p]++
		}
		if len(flows) < maxFlows {
			flows[k] = last{s, r.dir}
		}
	}
}

// flow returns a number for the addresses and ports of a row.
func (f *fitter) flow(r *fitRow) uint64 {
	h := uint64(14695981039346656037)
	for k, li := range f.t.shapes[r.shape].layers {
		l := &f.t.layers[li]
		for c := range l.cols {
			switch fid := l.cols[c].fid; fid {
			case schc.FIDIPv6DevAddress, schc.FIDIPv6AppAddress, schc.FIDIPv4DevAddress, schc.FIDIPv4AppAddress:
			default:
				if swapped(fid) == fid {
					continue
				}
			}
			h = (h ^ uint64(f.t.id(r, k, c))) * 1099511628211
		}
	}
	return h
}

// judge returns the bits that rows cost under a set.
func (f *fitter) judge(z *set, rows []row) float64 {
	sum := 0.0
	id := func(s *side) float64 { return float64(z.rules[s.id].id.Bits) }
	for i := range rows {
		r := fitRow{row: &rows[i], dir: int(rows[i].dir)}
		n := float64(r.bits) + float64(z.none.Bits)
		if s, b := f.choose(z, &r, id); s != nil && b < n {
			n = b
		}
		sum += n
	}
	return sum
}
