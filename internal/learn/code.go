package learn

import (
	"cmp"
	"slices"

	"github.com/schckit/schckit/schc"
)

// maxIDBits is the longest RuleID of variable length.
const maxIDBits = 16

// assignIDs gives the Rules RuleIDs and sorts them. With fixed bits they are
// numbered from 0 by how often they are used, and the no-compression Rule has
// the highest. Otherwise they are a Huffman code of at most maxIDBits bits; the
// no-compression Rule has one of the longest, and its sibling stays free for
// Rules to come, such as those for fragmentation.
func assignIDs(z *set, fixed int) {
	slices.SortStableFunc(z.rules, func(a, b rule) int { return cmp.Compare(b.w, a.w) })
	if fixed > 0 {
		for i := range z.rules {
			z.rules[i].id = schc.RuleID{Value: uint32(i), Bits: uint8(fixed)}
		}
		z.none = schc.RuleID{Value: uint32(uint64(1)<<fixed - 1), Bits: uint8(fixed)}
	} else {
		w := make([]float64, len(z.rules), len(z.rules)+2)
		for i := range z.rules {
			w[i] = z.rules[i].w + 1e-6
		}
		lengths := codeLengths(append(w, 0, 0), maxIDBits)
		// The lengths of Rules used less often are never shorter, so this
		// canonical code is in the order of the Rules.
		code, last := uint32(0), lengths[0]
		next := func(n int) schc.RuleID {
			code <<= uint(n - last)
			last = n
			id := schc.RuleID{Value: code, Bits: uint8(n)}
			code++
			return id
		}
		for i := range z.rules {
			z.rules[i].id = next(lengths[i])
		}
		next(lengths[len(lengths)-2]) // stays free
		z.none = next(lengths[len(lengths)-1])
	}
	for i := range z.rules {
		for _, s := range z.rules[i].side {
			if s != nil {
				s.id = i
			}
		}
	}
}

// codeLengths returns the lengths of a Huffman code for weights in falling
// order, none longer than limit. They do not fall. Where the code would be too
// long, small weights are raised until it is not.
func codeLengths(w []float64, limit int) []int {
	n := len(w)
	if n == 1 {
		return []int{1}
	}
	limit = max(limit, log2(n))
	total := 0.0
	for _, x := range w {
		total += x
	}
	floor := 0.0
	for try := 0; ; try++ {
		lengths := huffman(w, floor)
		slices.Sort(lengths)
		if lengths[n-1] <= limit || try > 64 {
			return lengths
		}
		if floor == 0 {
			floor = (total + 1e-9) / float64(uint64(1)<<uint(limit+4))
		}
		floor *= 2
	}
}

// huffman returns the lengths of a Huffman code for weights in falling order,
// raised to floor.
func huffman(w []float64, floor float64) []int {
	n := len(w)
	weights := make([]float64, 0, 2*n)
	for i := n - 1; i >= 0; i-- {
		weights = append(weights, max(w[i], floor))
	}
	// Two queues: the symbols and the inner nodes, both in rising order.
	parent := make([]int, 2*n)
	i, j := 0, n
	take := func() int {
		if i < n && (j == len(weights) || weights[i] <= weights[j]) {
			i++
			return i - 1
		}
		j++
		return j - 1
	}
	for len(weights) < 2*n-1 {
		a := take()
		b := take()
		parent[a], parent[b] = len(weights), len(weights)
		weights = append(weights, weights[a]+weights[b])
	}
	depth := make([]int, 2*n-1)
	for k := 2*n - 3; k >= 0; k-- {
		depth[k] = depth[parent[k]] + 1
	}
	return depth[:n]
}
