package learn

import "math"

// group is a set of rows of one direction that one side of a Rule will
// describe: the columns of the headers that all of them share.
type group struct {
	shape int     // of which the first depth layers are described
	depth int     // layers that the columns cover
	hists []hist  // of the columns of these layers
	w     int64   // weight
	raw   int64   // weighted bits of all headers
	ends  []int64 // weighted bits up to the end of each layer
	rows  []int32 // in fitter.rows

	actions []action // of the columns that cost used
	used    int      // layers described
	cost    float64  // bits in all: RuleID, residue, headers not described, description, misses
	data    float64  // of cost: RuleID, residue and headers not described
	generic bool     // of all packets, for those to come that fit no other
}

// fitter makes Rules from rows of a table.
type fitter struct {
	t       *table
	m       model
	rows    []fitRow
	all     [2]int64 // weight of the rows of each direction
	fixed   int      // bits of every RuleID; 0: variable
	hb      histBuilder
	split   int        // rows that a split is judged by
	mergers [2]*merger // of each direction, once made
}

// fitRow is a row, perhaps with its roles swapped.
type fitRow struct {
	*row
	dir    int
	w      int32
	mirror bool
	second bool // in the second half of the rows of its shape and direction
}

// id returns the value of column c of layer k of a row.
func (t *table) id(r *fitRow, k, c int) uint32 {
	s := &t.shapes[r.shape]
	if r.mirror {
		c = t.layers[s.layers[k]].cols[c].mirror
	}
	return t.vals[r.at+s.start[k]+c]
}

// end returns where layer k ends, in bits.
func (t *table) end(r *fitRow, k int) int64 {
	return int64(t.vals[r.at+t.shapes[r.shape].cols+k])
}

// idCost estimates the bits of RuleIDs of a group of weight w.
func (f *fitter) idCost(w int64, dir int) float64 {
	n := float64(w) / weight
	if f.fixed > 0 {
		return n * float64(f.fixed)
	}
	return n * math.Log2((float64(f.all[dir])/weight+4)/(n+0.5))
}

// price computes the actions and the cost of a group from its hists.
func (f *fitter) price(g *group, dir int) {
	s := &f.t.shapes[g.shape]
	best, used := math.Inf(1), 0
	var data float64
	sum, bits := ruleBits*f.m.p.model, 0.0
	if cap(g.actions) < len(g.hists) {
		g.actions = make([]action, len(g.hists))
	}
	g.actions = g.actions[:len(g.hists)]
	i := 0
	for k := 0; k < g.depth; k++ {
		l := &f.t.layers[s.layers[k]]
		var forms [8][2]float64
		var formBits [8][2]float64
		for c := range l.cols {
			col := &l.cols[c]
			a := f.m.choose(col, &g.hists[i])
			a.total += fieldBits * f.m.p.model
			g.actions[i] = a
			i++
			if col.group == 0 {
				sum += a.total
				bits += a.bits
				continue
			}
			forms[col.group][col.form] += a.total
			formBits[col.group][col.form] += a.bits
		}
		for x := range forms {
			form := 0
			if otherForm*f.m.p.model+forms[x][1] < forms[x][0] || x == 5 && forms[x][1] < forms[x][0] {
				form = 1
			}
			sum += forms[x][form]
			bits += formBits[x][form]
			if form == 1 && x != 5 {
				sum += otherForm * f.m.p.model
			}
			for c := range l.cols {
				if int(l.cols[c].group) == x && x > 0 && int(l.cols[c].form) != form {
					g.actions[i-len(l.cols)+c].mo = 0 // not used
				}
			}
		}
		rest := float64(g.raw-g.ends[k]) / weight
		if sum+rest < best {
			best, used, data = sum+rest, k+1, bits+rest
		}
	}
	id := f.idCost(g.w, dir)
	g.used, g.cost, g.data = used, best+id, data+id
}

// dropCost is what the rows of a group cost without a Rule.
func (f *fitter) dropCost(g *group, dir int) float64 {
	n := float64(g.w) / weight
	return float64(g.raw)/weight + n*math.Log2(float64(f.all[dir])/weight+4)
}

// build makes the group of rows, described by the first depth layers of a shape
// that all of them share. parent, if not nil, is a group that has all the rows
// and the same layers.
func (f *fitter) build(g *group, rows []int32, shape, depth int, scale int32, parent *group) {
	s := &f.t.shapes[shape]
	g.shape, g.depth = shape, depth
	cols := s.cols
	if depth < len(s.start) {
		cols = s.start[depth]
	}
	if len(g.hists) != cols {
		g.hists = make([]hist, cols)
	}
	g.ends = append(g.ends[:0], make([]int64, depth)...)
	g.w, g.raw = 0, 0
	var halves [2]int64
	for _, i := range rows {
		r := &f.rows[i]
		w := int64(r.w * scale)
		g.w += w
		g.raw += w * int64(r.bits)
		if r.second {
			halves[1] += w
		} else {
			halves[0] += w
		}
		for k := range g.ends {
			g.ends[k] += w * f.t.end(r, k)
		}
	}
	i := 0
	for k := 0; k < depth; k++ {
		l := &f.t.layers[s.layers[k]]
		for c := range l.cols {
			h, sp := &g.hists[i], f.space(&l.cols[c])
			if parent != nil && !parent.hists[i].over && len(parent.hists[i].cells) == 1 {
				h.reset()
				x := cell{parent.hists[i].cells[0].id, int32(halves[0]), int32(halves[1])}
				h.cells = append(h.cells, x)
				h.f, h.s = halves[0], halves[1]
				if x.f == 0 {
					h.fresh = h.s
				}
				h.value(sp, x, true)
				i++
				continue
			}
			f.hb.build(h, sp, func(add func(uint32, int32, bool)) {
				for _, x := range rows {
					r := &f.rows[x]
					add(f.t.id(r, k, c), r.w*scale, r.second)
				}
			})
			i++
		}
	}
}

func (f *fitter) space(c *colSpec) *space {
	if c.space < 0 {
		return nil
	}
	return &f.t.spaces[c.space]
}

// shared returns how many layers two shapes have in common from the first.
func (t *table) shared(a, b int) int {
	p, q := t.shapes[a].layers, t.shapes[b].layers
	n := 0
	for n < len(p) && n < len(q) && p[n] == q[n] {
		n++
	}
	return n
}

// union makes dst the union of a and b; it returns false if they share no
// header.
func (f *fitter) union(dst, a, b *group) bool {
	depth := min(a.depth, b.depth, f.t.shared(a.shape, b.shape))
	if depth == 0 {
		return false
	}
	s := &f.t.shapes[a.shape]
	dst.shape, dst.depth = a.shape, depth
	dst.w, dst.raw = a.w+b.w, a.raw+b.raw
	dst.ends = dst.ends[:0]
	i := 0
	cols := s.cols
	if depth < len(s.start) {
		cols = s.start[depth]
	}
	for len(dst.hists) < cols {
		dst.hists = append(dst.hists, hist{})
	}
	dst.hists = dst.hists[:cols]
	for k := 0; k < depth; k++ {
		dst.ends = append(dst.ends, a.ends[k]+b.ends[k])
		l := &f.t.layers[s.layers[k]]
		for c := range l.cols {
			dst.hists[i].merge(f.space(&l.cols[c]), &a.hists[i], &b.hists[i])
			i++
		}
	}
	return true
}
