package learn

import (
	"math/bits"
	"slices"
)

// Rows count weight units each. A row whose roles are swapped, which was not
// seen but might be, counts one.
const weight = 8

// cell is how often a value occurs, in weights: in the first and in the second
// half of the rows of each shape.
type cell struct {
	id   uint32
	f, s int32
}

// hist is what a group knows of one column. Beyond maxList different values it
// keeps no list.
type hist struct {
	cells  []cell    // by id
	over   bool      // too many for a list
	f, s   int64     // weight in the first and second half
	fresh  int64     // of s: values that are not in the first half
	bits   int64     // weighted sum of the lengths
	sizes  int64     // weighted sum of the bits of the sizes (RFC 8724, Section 7.4.2)
	rep    uint32    // any value
	prefix int       // bits that all values have in common, from the first
	lo, hi [2]uint64 // least and greatest first 64 bits, of the first and the second half
	short  int       // least and greatest length in bits
	long   int
}

func (h *hist) reset() { *h = hist{cells: h.cells[:0]} }

func (h *hist) n() int64 { return h.f + h.s }

// sizeBits is the length of the size of a residue of n units.
func sizeBits(n int) int {
	switch {
	case n < 15:
		return 4
	case n < 255:
		return 12
	}
	return 28
}

// commonPrefix returns the bits that two values have in common at their start.
func commonPrefix(a, b *value) int {
	n := min(a.bits, b.bits, len(a.s)*8, len(b.s)*8)
	if x := a.num ^ b.num; x != 0 {
		return min(n, bits.LeadingZeros64(x))
	}
	for i := 8; i < len(a.s) && i < len(b.s); i++ {
		if x := a.s[i] ^ b.s[i]; x != 0 {
			return min(n, i*8+bits.LeadingZeros8(x))
		}
	}
	return n
}

// histBuilder fills hists from rows. counts is indexed by id and kept zero.
type histBuilder struct {
	counts [][2]int32
	ids    []uint32
}

// build fills h with the ids and weights that each gives.
func (hb *histBuilder) build(h *hist, sp *space, each func(add func(id uint32, w int32, second bool))) {
	h.reset()
	if sp != nil && len(hb.counts) < len(sp.vals) {
		hb.counts = append(hb.counts, make([][2]int32, len(sp.vals)-len(hb.counts))...)
	}
	if len(hb.counts) < 2 {
		hb.counts = make([][2]int32, 2)
	}
	hb.ids = hb.ids[:0]
	each(func(id uint32, w int32, second bool) {
		c := &hb.counts[id]
		if c[0] == 0 && c[1] == 0 {
			hb.ids = append(hb.ids, id)
		}
		if second {
			c[1] += w
		} else {
			c[0] += w
		}
	})
	slices.Sort(hb.ids)
	h.over = len(hb.ids) > maxList
	for i, id := range hb.ids {
		c := cell{id, hb.counts[id][0], hb.counts[id][1]}
		hb.counts[id] = [2]int32{}
		h.f += int64(c.f)
		h.s += int64(c.s)
		if c.f == 0 {
			h.fresh += int64(c.s)
		}
		if !h.over {
			h.cells = append(h.cells, c)
		}
		h.value(sp, c, i == 0)
	}
}

// value adds what is known of a value besides its count.
func (h *hist) value(sp *space, c cell, first bool) {
	if sp == nil {
		return
	}
	v := &sp.vals[c.id]
	w := int64(c.f) + int64(c.s)
	h.bits += w * int64(v.bits)
	h.sizes += w * int64(sizeBits(v.bits/8))
	if first {
		h.rep, h.prefix, h.short, h.long = c.id, min(v.bits, len(v.s)*8), v.bits, v.bits
		h.lo = [2]uint64{1<<64 - 1, 1<<64 - 1}
	}
	for i, n := range [2]int32{c.f, c.s} {
		if n > 0 {
			h.lo[i], h.hi[i] = min(h.lo[i], v.num), max(h.hi[i], v.num)
		}
	}
	h.prefix = min(h.prefix, commonPrefix(&sp.vals[h.rep], v))
	h.short, h.long = min(h.short, v.bits), max(h.long, v.bits)
}

// merge makes h the union of a and b.
func (h *hist) merge(sp *space, a, b *hist) {
	cells := h.cells[:0]
	*h = hist{f: a.f + b.f, s: a.s + b.s, bits: a.bits + b.bits, sizes: a.sizes + b.sizes,
		rep: a.rep, prefix: min(a.prefix, b.prefix),
		lo: [2]uint64{min(a.lo[0], b.lo[0]), min(a.lo[1], b.lo[1])}, hi: [2]uint64{max(a.hi[0], b.hi[0]), max(a.hi[1], b.hi[1])},
		short: min(a.short, b.short), long: max(a.long, b.long), over: a.over || b.over}
	if sp != nil {
		h.prefix = min(h.prefix, commonPrefix(&sp.vals[a.rep], &sp.vals[b.rep]))
	}
	if h.over {
		h.cells = cells
		h.fresh = a.fresh + b.fresh
		return
	}
	i, j := 0, 0
	for i < len(a.cells) || j < len(b.cells) {
		var c cell
		switch {
		case j == len(b.cells) || i < len(a.cells) && a.cells[i].id < b.cells[j].id:
			c = a.cells[i]
			i++
		case i == len(a.cells) || b.cells[j].id < a.cells[i].id:
			c = b.cells[j]
			j++
		default:
			c = cell{a.cells[i].id, a.cells[i].f + b.cells[j].f, a.cells[i].s + b.cells[j].s}
			i, j = i+1, j+1
		}
		if c.f == 0 {
			h.fresh += int64(c.s)
		}
		cells = append(cells, c)
	}
	h.cells = cells
	if len(cells) > maxList {
		h.over, h.cells = true, cells[:0]
	}
}
