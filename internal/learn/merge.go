package learn

import (
	"container/heap"
	"slices"
)

// step is what merging could do next: make one group of a and b, or give up a
// (b < 0). delta is the bits that it costs.
type step struct {
	delta float64
	a, b  int
}

type steps []step

func (s steps) Len() int { return len(s) }
func (s steps) Less(i, j int) bool {
	p, q := &s[i], &s[j]
	switch {
	case p.delta != q.delta:
		return p.delta < q.delta
	case p.a != q.a:
		return p.a < q.a
	}
	return p.b < q.b
}
func (s steps) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *steps) Push(x any)   { *s = append(*s, x.(step)) }
func (s *steps) Pop() any {
	x := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return x
}

// merger is the whole course of merging the groups of one direction, down to
// none. The steps do not depend on where one stops.
type merger struct {
	groups []*group // those to start from, then those made
	first  int      // how many there are to start from
	course []step
	made   []int // by each step of course: the group, or -1
}

// newMerger merges list. Steps whose groups are gone are skipped when they come
// up.
func (f *fitter) newMerger(list []*group, dir int) *merger {
	m := &merger{groups: slices.Clone(list), first: len(list)}
	gone := make([]bool, len(list), 2*len(list)+1)
	var q steps
	var u group
	give := func(i int) step { return step{f.dropCost(m.groups[i], dir) - m.groups[i].cost, i, -1} }
	pair := func(i, j int) (step, bool) {
		if !f.union(&u, m.groups[i], m.groups[j]) {
			return step{}, false
		}
		f.price(&u, dir)
		return step{u.cost - m.groups[i].cost - m.groups[j].cost, i, j}, true
	}
	for i := range m.groups {
		q = append(q, give(i))
		for j := 0; j < i; j++ {
			if s, ok := pair(j, i); ok {
				q = append(q, s)
			}
		}
	}
	heap.Init(&q)
	for len(q) > 0 {
		s := heap.Pop(&q).(step)
		if gone[s.a] || s.b >= 0 && gone[s.b] {
			continue
		}
		m.course = append(m.course, s)
		gone[s.a] = true
		if s.b < 0 {
			m.made = append(m.made, -1)
			continue
		}
		gone[s.b] = true
		a, b := m.groups[s.a], m.groups[s.b]
		g := &group{rows: slices.Concat(a.rows, b.rows)}
		f.union(g, a, b)
		f.price(g, dir)
		n := len(m.groups)
		m.groups, gone = append(m.groups, g), append(gone, false)
		m.made = append(m.made, n)
		heap.Push(&q, give(n))
		for i := 0; i < n; i++ {
			if !gone[i] {
				if s, ok := pair(i, n); ok {
					heap.Push(&q, s)
				}
			}
		}
	}
	return m
}

// stop returns the groups that are left when merging goes on as long as that
// saves bits, and until there are at most limit.
func (m *merger) stop(limit int) []*group {
	alive := make([]bool, len(m.groups))
	count := m.first
	for i := 0; i < m.first; i++ {
		alive[i] = true
	}
	for i, s := range m.course {
		if s.delta >= 0 && count <= limit {
			break
		}
		count--
		alive[s.a] = false
		if s.b >= 0 {
			alive[s.b] = false
			alive[m.made[i]] = true
		}
	}
	var out []*group
	for i, g := range m.groups {
		if alive[i] {
			out = append(out, g)
		}
	}
	return out
}
