package learn

import (
	"slices"
)

// A generic side is for packets to come that fit no other: of headers that were
// seen, with other values, or in the other direction with the roles of device
// and application swapped. Its rows are all those of the first depth layers of a
// shape, and of one role.
type generic struct {
	shape, depth int
	role         role
	rows         []int32
	w            int64
}

// role says which end has the well-known port.
type role uint8

const (
	roleNone role = iota
	roleApp       // the application
	roleDev       // the device
	roleAny       // all rows, whatever their role
)

// roleOf returns the role of a row; ports is the well-known port of each space,
// as an id.
func (f *fitter) roleOf(r *fitRow, ports map[int]uint32) role {
	for k, li := range f.t.shapes[r.shape].layers {
		l := &f.t.layers[li]
		for c := range l.cols {
			col := &l.cols[c]
			other := swapped(col.fid)
			if other == col.fid {
				continue
			}
			if id, ok := ports[col.space]; ok && f.t.id(r, k, c) == id {
				if other < col.fid {
					return roleApp
				}
				return roleDev
			}
		}
	}
	return roleNone
}

// wellKnown finds the port that at least a quarter of the packets of each
// protocol have, by space of values.
func (f *fitter) wellKnown() map[int]uint32 {
	ports := map[int]uint32{}
	for fid, sp := range f.t.spaceOf {
		if swapped(fid) == fid {
			continue
		}
		total := f.m.total[sp]
		best := uint32(0)
		for id := 1; id < len(total); id++ {
			if best == 0 || total[id] > total[best] {
				best = uint32(id)
			}
		}
		if best > 0 && total[best]*8 >= total[0] {
			ports[sp] = best
		}
	}
	return ports
}

// stacks counts the different second layers behind each first layer.
func (f *fitter) stacks() map[int]int {
	count := map[int]int{}
	seen := map[[2]int]bool{}
	for i := range f.rows {
		if f.rows[i].shape < 0 {
			continue
		}
		layers := f.t.shapes[f.rows[i].shape].layers
		k := [2]int{layers[0], -1}
		if len(layers) > 1 {
			k[1] = layers[1]
		}
		if !seen[k] {
			seen[k] = true
			count[k[0]]++
		}
	}
	return count
}

// generics makes the n generic groups of a direction that most rows speak for,
// those up to the transport layer before those of whole messages.
func (f *fitter) generics(dir, n int) []*group {
	if n == 0 {
		return nil
	}
	ports := f.wellKnown()
	own := len(f.rows)
	stacks := f.stacks()
	var list []*generic
	at := map[string]*generic{}
	var key []byte
	for i := 0; i < own; i++ {
		r := f.rows[i]
		if r.shape < 0 || r.dir != dir && !f.m.p.mirror {
			continue
		}
		index := int32(i)
		if r.dir != dir {
			r.dir, r.w, r.mirror = dir, 1, true
			index = int32(len(f.rows))
			f.rows = append(f.rows, r)
		}
		ro := f.roleOf(&r, ports)
		s := &f.t.shapes[r.shape]
		key = key[:0]
		add := func(k int, ro role, w int64) {
			key = append(key, byte(ro))
			g := at[string(key)]
			if g == nil {
				g = &generic{shape: int(r.shape), depth: k + 1, role: ro}
				at[string(key)] = g
				list = append(list, g)
			}
			key = key[:len(key)-1]
			g.rows = append(g.rows, index)
			g.w += w
		}
		for k := range s.layers {
			key = append(key, byte(s.layers[k]>>8), byte(s.layers[k]))
			switch proto := f.t.layers[s.layers[k]].proto; {
			case proto == coap && r.mirror:
				add(k, ro, 2) // no other side is for these
			case proto == coap:
				add(k, ro, 1)
			case k == 0 && (len(s.layers) == 1 || f.t.layers[s.layers[1]].proto != coap) && stacks[s.layers[0]] > 1:
				add(k, roleAny, 5)
			case k == len(s.layers)-1 || f.t.layers[s.layers[k+1]].proto == coap:
				if ro != roleNone {
					add(k, ro, 2)
				}
				add(k, roleAny, 4)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *generic) int { return int(b.w - a.w) })
	var out []*group
	for _, x := range list[:min(n, len(list))] {
		g := &group{generic: true}
		f.build(g, x.rows, x.shape, x.depth, 1, nil)
		escape := f.m.p.escape
		f.m.p.escape, f.m.cautious = f.m.p.caution, true
		f.price(g, dir)
		f.m.p.escape, f.m.cautious = escape, false
		f.sendPorts(g, x.role)
		g.used, g.w = g.depth, 0
		out = append(out, g)
	}
	f.rows = f.rows[:own]
	return out
}

// sendPorts makes a generic group send the ports that are not the well-known
// one of its role.
func (f *fitter) sendPorts(g *group, ro role) {
	i := 0
	for _, li := range f.t.shapes[g.shape].layers[:g.depth] {
		l := &f.t.layers[li]
		for c := range l.cols {
			col := &l.cols[c]
			other := swapped(col.fid)
			if other > col.fid && ro != roleDev || other < col.fid && ro != roleApp {
				g.actions[i] = f.m.sent(col, &g.hists[i], float64(g.hists[i].n())/weight)
			}
			i++
		}
	}
}
