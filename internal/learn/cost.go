package learn

import (
	"math"

	"github.com/schckit/schckit/schc"
)

// params are what tune tries.
type params struct {
	rules   int     // most Rules, the no-compression Rule not counted
	mirror  bool    // generic Rules are also made for traffic with the roles of device and application swapped
	generic int     // Rules kept for packets that are like none seen
	unseen  float64 // part of the packets that is taken to use these
	escape  float64 // bits that a packet costs whose Rule does not match any more
	caution float64 // the same for generic Rules
	model   float64 // weight of the description of the Rules against that of the packets
}

// The descriptions of a Rule and of its parts, in bits. They stand for what a
// Rule costs in the memory of a device and in its provisioning, and keep values
// that were seen by chance out of the Rules.
const (
	ruleBits  = 24 // of a Rule
	fieldBits = 1  // of a Field Descriptor
	valueBits = 2  // of a Target Value that other Rules have as well
	otherForm = 4  // for a form that RFC 9363 does not name, or an unusual one
)

// novelty is the weight of the prior in the estimate of how often a new value
// appears: that many packets of the field elsewhere.
const novelty = 4.0

// action is what a Rule does with a column.
type action struct {
	mo    schc.MO
	cda   schc.CDA
	fl    schc.FieldLength // 0: the field's own
	msb   int
	ids   []uint32 // Target Values: one for equal and MSB
	bits  float64  // residue, of all packets
	desc  float64  // description
	total float64  // with description and expected misses
}

// model prices columns.
type model struct {
	t     *table
	p     params
	total [][]int64            // weight of each value of each space, over all rows
	fresh map[schc.FID]float64 // of each field: how often a value of the second half is new
	// cautious is for generic Rules: what was seen counts less.
	cautious bool
}

// newness estimates the part of the packets to come whose value is not among
// those of h.
func (m *model) newness(c *colSpec, h *hist) float64 {
	p := prior(c.fid)
	most := 4 * float64(h.f) / weight // a second half says little without a first half
	if m.cautious {
		p = math.Sqrt(p * m.fresh[c.fid])
		most = math.Min(most, 2*novelty)
	} else {
		p = m.fresh[c.fid]
	}
	if len(h.cells) == 1 && c.space >= 0 {
		// What nearly all packets have is what new ones have as well.
		p *= math.Max(0.05, 1-m.known(c, h.cells[0].id))
	}
	s := float64(h.s) / weight
	fresh := float64(h.fresh) / weight
	if s > most {
		fresh *= most / s
		s = most
	}
	return (fresh + novelty*p) / (s + novelty)
}

// known returns the part of all packets with a field that have the value, of a
// port in either of the two fields.
func (m *model) known(c *colSpec, id uint32) float64 {
	x := float64(m.total[c.space][id]) / math.Max(1, float64(m.total[c.space][0]))
	if swapped(c.fid) != c.fid {
		x *= 2
	}
	return math.Min(1, x)
}

// describe is the price of a Target Value: its bits, shared by all packets that
// have it, whatever the Rule.
func (m *model) describe(c *colSpec, x cell) float64 {
	if c.space < 0 {
		return 0
	}
	v := &m.t.spaces[c.space].vals[x.id]
	share := float64(x.f+x.s) / math.Max(1, float64(m.total[c.space][x.id]))
	return valueBits + float64(v.bits)*math.Min(1, share)
}

// choose returns the cheapest action for a column.
func (m *model) choose(c *colSpec, h *hist) action {
	n := float64(h.n()) / weight
	if c.kind == kindFlag {
		if len(h.cells) == 1 && h.cells[0].id == 0 {
			return action{mo: schc.MOIgnore, cda: schc.CDACompute, total: 3 * m.p.model}
		}
		return action{total: math.Inf(1)}
	}
	if c.kind == kindComputed && (h.over || len(h.cells) > 0 && h.cells[0].id == 0) {
		if len(h.cells) == 1 && !h.over {
			return action{mo: schc.MOIgnore, cda: schc.CDACompute}
		}
		return action{mo: schc.MOIgnore, cda: schc.CDAValueSent, bits: n * float64(c.bits), total: n * float64(c.bits)}
	}
	miss := m.newness(c, h) * m.p.escape
	best := m.sent(c, h, n)
	try := func(a action, description, misses float64) {
		a.desc = description
		a.total = a.bits + m.p.model*description + n*misses
		if a.total < best.total {
			best = a
		}
	}
	if !h.over && len(h.cells) > 0 {
		description := 0.0
		for _, x := range h.cells {
			if m.clipped(c, x.id) {
				description = math.Inf(1)
				break
			}
			description += m.describe(c, x)
		}
		if len(h.cells) == 1 && prior(c.fid) <= structural {
			return action{mo: schc.MOEqual, cda: schc.CDANotSent, fl: m.length(c)}
		}
		if len(h.cells) == 1 {
			try(action{mo: schc.MOEqual, cda: schc.CDANotSent, fl: m.length(c)}, description, miss)
		} else if description < best.total {
			try(action{mo: schc.MOMatchMapping, cda: schc.CDAMappingSent, fl: m.length(c), bits: n * float64(log2(len(h.cells)))}, description, miss)
		}
	}
	m.prefixes(c, h, n, miss, &best, try)
	return best
}

func (m *model) clipped(c *colSpec, id uint32) bool {
	return c.space >= 0 && m.t.spaces[c.space].vals[id].bits > maxValueBytes*8
}

func log2(n int) int {
	k := 0
	for 1<<k < n {
		k++
	}
	return k
}

// length is the field length of a column that is described by its value.
func (m *model) length(c *colSpec) schc.FieldLength {
	switch {
	case c.bits > 0:
		return 0
	case c.fid == schc.FIDCoAPToken:
		return schc.FLTokenLength
	case c.fid == schc.FIDCoAPOSCOREPIV:
		return schc.FLOSCOREPIV
	}
	return schc.FLVar
}

// sent prices value-sent.
func (m *model) sent(c *colSpec, h *hist, n float64) action {
	a := action{mo: schc.MOIgnore, cda: schc.CDAValueSent, fl: m.length(c), bits: float64(h.bits) / weight}
	if a.fl == schc.FLVar {
		a.bits += float64(h.sizes) / weight
	}
	a.total = a.bits
	return a
}

// fixable reports whether a variable-length field may be given a fixed length.
func fixable(c *colSpec) bool {
	switch c.fid {
	case schc.FIDCoAPToken, schc.FIDCoAPOSCOREFlags, schc.FIDCoAPOSCOREPIV, schc.FIDCoAPOSCOREKIDContext, schc.FIDCoAPOSCOREKID:
		return false
	}
	return c.bits == 0
}

// prefixes prices MSB(x) and, for fields of variable length, a fixed length.
func (m *model) prefixes(c *colSpec, h *hist, n, miss float64, best *action, try func(action, float64, float64)) {
	fixed := fixable(c) && h.short == h.long && h.short > 0 && h.short <= 0x7f00
	share := m.share(c, h)
	if fixed {
		fl := schc.FieldLength(h.short)
		if a := (action{mo: schc.MOIgnore, cda: schc.CDAValueSent, fl: fl, bits: n * float64(h.short)}); a.bits < best.total {
			try(a, valueBits, miss*lengthChange(c, h))
		}
		for _, x := range cuts(min(h.prefix, h.short-1)) {
			a := action{mo: schc.MOMSB, cda: schc.CDALSB, fl: fl, msb: x, bits: n * float64(h.short-x)}
			if x > 0 && a.bits < best.total {
				try(a, valueBits+float64(x)*share, miss*math.Max(m.outside(h, h.short, x), lengthChange(c, h)))
			}
		}
	}
	switch {
	case c.bits > 0:
		for _, x := range cuts(min(h.prefix, c.bits-1)) {
			a := action{mo: schc.MOMSB, cda: schc.CDALSB, msb: x, bits: n * float64(c.bits-x)}
			if x > 0 && a.bits < best.total {
				try(a, valueBits+float64(x)*share, miss*m.outside(h, c.bits, x))
			}
		}
	case c.fid == schc.FIDCoAPOSCOREPIV || c.fid == schc.FIDCoAPToken && h.short != h.long:
	default:
		for _, x := range cuts(min(h.prefix, h.short)) {
			if x < 8 || x%8 != 0 {
				continue
			}
			a := action{mo: schc.MOMSB, cda: schc.CDALSB, fl: m.length(c), msb: x, bits: float64(h.bits)/weight - n*float64(x)}
			if a.fl == schc.FLVar {
				if (h.long-x)/8 < 15 {
					a.bits += 4 * n
				} else {
					a.bits += float64(h.sizes) / weight
				}
			}
			try(a, valueBits+float64(x)*share, miss*0.5)
		}
	}
}

// cuts are the lengths of a prefix that are tried where top bits are the same:
// these, somewhat fewer, and whole nibbles and bytes.
func cuts(top int) [8]int {
	return [8]int{top, top - 1, top - 2, top - 3, top &^ 3, top&^3 - 4, top &^ 7, top&^7 - 8}
}

// share is the part that h has of the packets with its values: of the price of
// what these have in common.
func (m *model) share(c *colSpec, h *hist) float64 {
	if c.space < 0 {
		return 1
	}
	all := m.total[c.space][0]
	if !h.over {
		all = 0
		for _, x := range h.cells {
			all += m.total[c.space][x.id]
		}
	}
	return math.Min(1, float64(h.n())/math.Max(1, float64(all)))
}

// lengthChange estimates which part of new values has another length than all
// those seen.
func lengthChange(c *colSpec, h *hist) float64 {
	if c.fid.Kind() != schc.KindNumber || h.short > 32 {
		return 0.2
	}
	// A number in its shortest form: it grows when the range does.
	return math.Max(0.02, beyond(h, h.short, 0, math.Ldexp(1, h.short)))
}

// outside estimates which part of new values of width bits lies outside the
// block of values that share the first x bits.
func (m *model) outside(h *hist, width, x int) float64 {
	if x == 0 {
		return 0
	}
	values := float64(len(h.cells))
	if h.over {
		values = maxList
	}
	floor := math.Min(1, 2/(1+values)) // few values say little of where others lie
	if x > 63 {
		return math.Max(0.5, floor)
	}
	w := min(width, 64)
	size := math.Ldexp(1, w-x)
	first := math.Floor(float64(min(h.lo[0], h.lo[1])>>uint(64-w))/size) * size
	return floor + (1-floor)*beyond(h, w, first, size)
}

// beyond estimates which part of new values of w bits is not among the size
// values from first on. New ones are taken to lie in the range of those seen,
// and as far outside it as the second half lies outside the first; those of a
// counter, whose halves do not overlap, in the range that comes next.
func beyond(h *hist, w int, first, size float64) float64 {
	shift := uint(64 - w)
	lo, hi := float64(min(h.lo[0], h.lo[1])>>shift), float64(max(h.hi[0], h.hi[1])>>shift)
	span := hi - lo + 1
	slack := span / math.Max(1, float64(len(h.cells)))
	if h.over {
		slack = span / maxList
	}
	below, above := slack, slack
	if h.f > 0 && h.s > 0 {
		below += math.Max(0, float64(h.lo[0]>>shift)-float64(h.lo[1]>>shift))
		above += math.Max(0, float64(h.hi[1]>>shift)-float64(h.hi[0]>>shift))
		if h.lo[1] > h.hi[0] {
			return math.Min(1, math.Max(0, hi+above+1-(first+size))/above)
		}
		if h.hi[1] < h.lo[0] {
			return math.Min(1, math.Max(0, first-(lo-below))/below)
		}
	}
	return math.Min(1, (math.Max(0, first-(lo-below))+math.Max(0, hi+above+1-(first+size)))/(span+below+above))
}
