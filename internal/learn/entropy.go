package learn

import "math"

// entropy returns the empirical entropy of rows in bits per packet: of the
// fields, each on its own and of order zero, summed per header shape and
// direction; and of the header shapes. A field that can be computed has none.
//
// It is what a code would need that was made for these very packets and knew
// how often each value occurs in them, but not how fields depend on one another
// or on the packets before. Of n packets a field has at most log2 n bits of it,
// whatever is in it, so that few packets look cheap: the 16 random bits of a
// message ID have 5 in a group of 32. Rules can do better where fields depend
// on one another, which splitting a group makes use of.
func (t *table) entropy(rows []row) (fields, shapes float64) {
	if len(rows) == 0 {
		return 0, 0
	}
	byShape := map[[2]int32][]int32{}
	var order [][2]int32
	for i := range rows {
		k := [2]int32{rows[i].shape, int32(rows[i].dir)}
		if byShape[k] == nil {
			order = append(order, k)
		}
		byShape[k] = append(byShape[k], int32(i))
		if rows[i].shape < 0 {
			fields += float64(rows[i].bits)
		}
	}
	total := [2]float64{}
	for _, k := range order {
		total[k[1]] += float64(len(byShape[k]))
	}
	counts := map[uint32]int{}
	var ids []uint32
	for _, k := range order {
		n := float64(len(byShape[k]))
		shapes += n * math.Log2(total[k[1]]/n)
		if k[0] < 0 {
			continue
		}
		s := &t.shapes[k[0]]
		for j, li := range s.layers {
			l := &t.layers[li]
			for c := range l.cols {
				if col := &l.cols[c]; col.form != 0 && col.group != 5 || col.kind == kindFlag {
					continue
				}
				clear(counts)
				ids = ids[:0]
				for _, i := range byShape[k] {
					id := t.vals[rows[i].at+s.start[j]+c]
					if counts[id] == 0 {
						ids = append(ids, id)
					}
					counts[id]++
				}
				for _, id := range ids {
					x := float64(counts[id])
					fields += x * math.Log2(n/x)
				}
			}
		}
	}
	return fields / float64(len(rows)), shapes / float64(len(rows))
}
