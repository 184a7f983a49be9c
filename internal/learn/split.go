package learn

import (
	"cmp"
	"slices"
)

// groups makes the groups that merging starts from: one for each shape of a
// direction, split where that pays.
func (f *fitter) groups(dir int) []*group {
	byShape := map[int32][]int32{}
	var shapes []int32
	for i := range f.rows {
		r := &f.rows[i]
		if r.dir != dir || r.shape < 0 {
			continue
		}
		if byShape[r.shape] == nil {
			shapes = append(shapes, r.shape)
		}
		byShape[r.shape] = append(byShape[r.shape], int32(i))
	}
	slices.Sort(shapes)
	var list []*group
	for _, s := range shapes {
		list = f.splitRows(list, byShape[s], dir, 32)
	}
	slices.SortStableFunc(list, heaviest)
	return f.coarse(list, dir)
}

// splitRows appends the groups of rows, all of one shape, to list.
func (f *fitter) splitRows(list []*group, rows []int32, dir, depth int) []*group {
	g := &group{rows: rows}
	shape := int(f.rows[rows[0]].shape)
	layers := len(f.t.shapes[shape].layers)
	f.build(g, rows, shape, layers, 1, nil)
	f.price(g, dir)
	if len(rows) < 2 || depth == 0 {
		return append(list, g)
	}
	// Judge by a part of the rows, evenly spread.
	sample, scale := rows, int32(1)
	if len(rows) > f.split {
		scale = int32(len(rows) / f.split)
		sample = nil
		for i := 0; i < len(rows); i += int(scale) {
			sample = append(sample, rows[i])
		}
	}
	whole := g
	if scale > 1 {
		whole = &group{}
		f.build(whole, sample, shape, layers, scale, nil)
		f.price(whole, dir)
	}
	test := f.bestSplit(whole, sample, scale, dir)
	if test == nil {
		return append(list, g)
	}
	var part [2][]int32
	if !f.divide(&part, rows, test) {
		return append(list, g)
	}
	list = f.splitRows(list, part[1], dir, depth-1)
	return f.splitRows(list, part[0], dir, depth-1)
}

// divide fills part with the rows that do not pass a test and those that do, and
// reports whether there are both.
func (f *fitter) divide(part *[2][]int32, rows []int32, test func(*fitRow) bool) bool {
	part[0], part[1] = part[0][:0], part[1][:0]
	for _, i := range rows {
		k := 0
		if test(&f.rows[i]) {
			k = 1
		}
		part[k] = append(part[k], i)
	}
	return len(part[0]) > 0 && len(part[1]) > 0
}

// bestSplit returns the test that splits the rows of g with the greatest gain,
// or nil if none pays.
func (f *fitter) bestSplit(g *group, rows []int32, scale int32, dir int) func(*fitRow) bool {
	var best func(*fitRow) bool
	gain := 0.0
	var part [2][]int32
	var half [2]group
	try := func(test func(*fitRow) bool) {
		if !f.divide(&part, rows, test) {
			return
		}
		sum := 0.0
		for k := range half {
			f.build(&half[k], part[k], g.shape, g.depth, scale, g)
			f.price(&half[k], dir)
			sum += half[k].cost
		}
		if d := g.cost - sum; d > gain {
			gain, best = d, test
		}
	}
	i := 0
	for k, li := range f.t.shapes[g.shape].layers {
		l := &f.t.layers[li]
		for c := range l.cols {
			f.splitsOf(&l.cols[c], k, c, &g.hists[i], try)
			i++
		}
	}
	return best
}

// splitsOf tries the splits by one column: a frequent value against the rest,
// the first bit in which values differ, the length.
func (f *fitter) splitsOf(c *colSpec, layer, col int, h *hist, try func(func(*fitRow) bool)) {
	if !h.over && len(h.cells) < 2 || c.group > 0 && c.group < 5 && c.form == 1 {
		return
	}
	t := f.t
	if !h.over {
		top := slices.Clone(h.cells)
		slices.SortStableFunc(top, func(a, b cell) int { return int(b.f+b.s) - int(a.f+a.s) })
		for i, x := range top {
			if i == 6 || i > 0 && x.f+x.s <= weight {
				break
			}
			id := x.id
			try(func(r *fitRow) bool { return t.id(r, layer, col) == id })
		}
	} else if c.kind != kindValue {
		try(func(r *fitRow) bool { return t.id(r, layer, col) == 0 })
	}
	if c.space < 0 || c.kind != kindValue {
		return
	}
	sp := &t.spaces[c.space]
	if h.prefix < 64 && h.prefix < h.short {
		mask := uint64(1) << (63 - uint(h.prefix))
		try(func(r *fitRow) bool { return sp.vals[t.id(r, layer, col)].num&mask != 0 })
	}
	if h.short != h.long {
		short := h.short
		try(func(r *fitRow) bool { return sp.vals[t.id(r, layer, col)].bits == short })
	}
}

// coarse merges the lightest groups beyond the number that merging can work
// with: those of one shape, and if these are too many still, the lightest that
// share all headers below CoAP.
func (f *fitter) coarse(list []*group, dir int) []*group {
	most := maxGroups
	if f.split < splitRows {
		most /= 2 // while tuning
	}
	if len(list) <= most {
		return list
	}
	keep, rest := list[:most*3/4], list[most*3/4:]
	rest = f.bin(rest, dir, func(int) bool { return true })
	if room := most - len(keep); len(rest) > room {
		keep = slices.Concat(keep, rest[:room/2])
		rest = f.bin(rest[room/2:], dir, func(layer int) bool { return f.t.layers[layer].proto != coap })
		rest = rest[:min(len(rest), most-len(keep))] // what is rarer has no Rule
	}
	return slices.Concat(keep, rest)
}

// bin merges the groups of list that share their first layers as far as deep
// says, and all of which have the first. The heaviest come first.
func (f *fitter) bin(list []*group, dir int, deep func(layer int) bool) []*group {
	bins := map[string]int{}
	var out []*group
	var key []byte
	for _, g := range list {
		s := &f.t.shapes[g.shape]
		key = key[:0]
		for k := 0; k < g.depth && (k == 0 || deep(s.layers[k])); k++ {
			key = append(key, byte(s.layers[k]>>8), byte(s.layers[k]))
		}
		i, ok := bins[string(key)]
		if !ok {
			bins[string(key)] = len(out)
			out = append(out, g)
			continue
		}
		u := &group{rows: slices.Concat(out[i].rows, g.rows)}
		f.union(u, out[i], g)
		out[i] = u
	}
	for _, g := range out {
		f.price(g, dir)
	}
	slices.SortStableFunc(out, heaviest)
	return out
}

// heaviest sorts groups by weight.
func heaviest(a, b *group) int { return cmp.Compare(b.w, a.w) }
