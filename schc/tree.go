package schc

import (
	"math/bits"
	"slices"

	"github.com/schckit/schckit/internal/bitio"
)

// candidate is one program of a selection tree under construction. Its static
// mask and value are words of the packet's first bytes: word i covers bytes 4i
// to 4i+7, so that neighbours overlap and no field is cut in all of them.
type candidate struct {
	prog  uint32
	order int
	score int32
	words int32 // index of its first word in the maskPool
	n     int32 // number of words
}

// maskPool holds mask and value words of all candidates.
type maskPool struct {
	mask, val []uint64
}

// indexBytes is how much of a packet the tree looks at.
const indexBytes = 64

func (p *maskPool) candidate(b *builder, prog uint32, order int) candidate {
	c := candidate{prog: prog, order: order, words: int32(len(p.mask)),
		score: b.score}
	for i := 0; i < len(b.head) && i < indexBytes; i += 4 {
		m := bitio.Load(b.head, i)
		p.mask, p.val = append(p.mask, m), append(p.val, bitio.Load(b.hval, i)&m)
		c.n++
	}
	return c
}

func (p *maskPool) at(c *candidate, w int) (mask, val uint64) {
	if w >= int(c.n) {
		return 0, 0
	}
	return p.mask[int(c.words)+w], p.val[int(c.words)+w]
}

// leafRules is how many programs a leaf may hold before a look-up pays.
const leafRules = 4

// tree writes the selection tree of the candidates and returns the offset of
// its first node, or 0 if there are none.
//
// It is a chain of hash tables. Each hashes one masked word of the packet, the
// one that leaves the fewest candidates to compare; candidates that do not
// test all bits of the mask go to the next in the chain. The children of a
// table are chains of their own, over other words.
func (b *builder) tree(cs []candidate, p *maskPool, first bool, depth int) uint32 {
	if len(cs) == 0 {
		return 0
	}
	word, mask := -1, uint64(0)
	if len(cs) > leafRules && depth < 8 {
		word, mask = p.best(cs)
	}
	if word < 0 {
		return b.leaf(cs, first)
	}
	var in, out []candidate
	for i := range cs {
		if m, _ := p.at(&cs[i], word); m&mask == mask {
			in = append(in, cs[i])
		} else {
			out = append(out, cs[i])
		}
	}
	log2 := bits.Len(uint(2*len(in) - 1))
	at := len(b.img)
	b.img = append(b.img, nodeHash, byte(log2))
	b.img = put16(b.img, word*4)
	b.img = put64(put32(b.img, 0), mask)
	table := len(b.img)
	b.img = append(b.img, make([]byte, 4<<uint(log2))...)
	hash := func(c *candidate) uint64 {
		_, v := p.at(c, word)
		return (v & mask) * hashMul >> uint(64-log2)
	}
	slices.SortStableFunc(in, func(x, y candidate) int {
		hx, hy := hash(&x), hash(&y)
		switch {
		case hx < hy:
			return -1
		case hx > hy:
			return 1
		}
		return 0
	})
	for i := 0; i < len(in); {
		j, h := i, hash(&in[i])
		for j < len(in) && hash(&in[j]) == h {
			j++
		}
		child := b.tree(in[i:j:j], p, first, depth+1)
		b.put32(table+int(h)*4, child)
		i = j
	}
	next := b.tree(out, p, first, depth)
	b.put32(at+4, next)
	return uint32(at)
}

func (b *builder) leaf(cs []candidate, first bool) uint32 {
	slices.SortStableFunc(cs, func(x, y candidate) int {
		if x.score != y.score && !first {
			return int(x.score) - int(y.score)
		}
		return x.order - y.order
	})
	at := uint32(len(b.img))
	b.img = append(b.img, nodeLeaf, 0)
	b.img = put32(put16(b.img, min(len(cs), 0xffff)), 0)
	for i := 0; i < len(cs) && i < 0xffff; i++ {
		b.img = put32(b.img, cs[i].prog)
	}
	if len(cs) > 0xffff {
		next := b.leaf(cs[0xffff:], first)
		b.put32(int(at)+4, next)
	}
	return at
}

// best returns the word and mask whose look-up leaves the fewest candidates to
// compare, or -1 if none is worth a table.
func (p *maskPool) best(cs []candidate) (word int, mask uint64) {
	n := 0
	for i := range cs {
		n = max(n, int(cs[i].n))
	}
	word = -1
	bestCost := float64(len(cs)) - 2 // a look-up costs about two compares
	keys := make([]uint64, len(cs))
	for w := 0; w < n; w++ {
		var tried [4]uint64
		for t := range tried {
			m := p.someMask(cs, w, t)
			if m == 0 || slices.Contains(tried[:t], m) {
				continue
			}
			tried[t] = m
			ks := keys[:0]
			for i := range cs {
				if cm, v := p.at(&cs[i], w); cm&m == m {
					ks = append(ks, v&m)
				}
			}
			slices.Sort(ks)
			// The packets are taken to be spread like the Rules.
			sum := 0.0
			for i := 0; i < len(ks); {
				j := i
				for j < len(ks) && ks[j] == ks[i] {
					j++
				}
				sum += float64(j-i) * float64(j-i)
				i = j
			}
			if len(ks) == 0 {
				continue
			}
			cost := sum/float64(len(ks)) + float64(len(cs)-len(ks))
			if cost < bestCost {
				bestCost, word, mask = cost, w, m
			}
		}
	}
	return word, mask
}

// someMask returns the t-th mask worth trying at word w: what all candidates
// test, then those of the first, middle and last candidate.
func (p *maskPool) someMask(cs []candidate, w, t int) uint64 {
	switch t {
	case 0:
		all := ^uint64(0)
		for i := range cs {
			m, _ := p.at(&cs[i], w)
			all &= m
		}
		return all
	case 1:
		m, _ := p.at(&cs[0], w)
		return m
	case 2:
		m, _ := p.at(&cs[len(cs)/2], w)
		return m
	}
	m, _ := p.at(&cs[len(cs)-1], w)
	return m
}
