package seqno

import (
	"math/rand"
	"sort"
	"testing"
)

// slowWindow is RFC 4303, Section 3.4.3, with a set.
type slowWindow struct {
	edge, size uint64
	seen       map[uint64]bool
}

func (s *slowWindow) fresh(seq uint64) bool {
	return seq != 0 && (seq > s.edge || s.edge-seq < s.size && !s.seen[seq])
}

func (s *slowWindow) mark(seq uint64) {
	s.seen[seq] = true
	s.edge = max(s.edge, seq)
}

func TestWindow(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	for _, size := range []int{32, 33, 63, 64, 65, 127, 128, 1000, 4095, 4096} {
		for _, start := range []uint64{0, 1, 62, 63, 64, 100, 1<<32 - 10, 1<<63 + 7} {
			var w Window
			if !w.Init(size, make([]uint64, Words(size))) {
				t.Fatalf("Init(%d) = false", size)
			}
			s := slowWindow{edge: start, size: uint64(size), seen: map[uint64]bool{}}
			w.Reset(start)
			for i := uint64(0); i <= min(start, uint64(size)); i++ {
				s.seen[start-i] = true
			}
			for i := 0; i < 3000; i++ {
				seq := w.Edge() + uint64(r.Intn(2*size+8)) - uint64(size)
				if r.Intn(50) == 0 {
					seq = w.Edge() + uint64(r.Intn(20*size))
				}
				if seq > w.Edge()+1<<40 {
					continue // wrapped below 0
				}
				if got, want := w.Fresh(seq), s.fresh(seq); got != want {
					t.Fatalf("seed %d, size %d, edge %d: Fresh(%d) = %v, want %v", seed, size, w.Edge(), seq, got, want)
				}
				if s.fresh(seq) {
					w.Mark(seq)
					s.mark(seq)
					if w.Fresh(seq) || w.Edge() != s.edge {
						t.Fatalf("size %d: after Mark(%d): fresh %v, edge %d, want %d", size, seq, w.Fresh(seq), w.Edge(), s.edge)
					}
				}
			}
		}
	}
}

func TestWindowInit(t *testing.T) {
	var w Window
	for _, size := range []int{-1, 0, 31, 4097} {
		if w.Init(size, make([]uint64, 200)) {
			t.Errorf("Init(%d) = true", size)
		}
	}
	if w.Init(64, make([]uint64, Words(64)-1)) {
		t.Error("Init with too little memory = true")
	}
	if Words(32) != 2 || Words(64) != 2 || Words(65) != 4 || Words(4096) != 128 {
		t.Errorf("Words: %d %d %d %d", Words(32), Words(64), Words(65), Words(4096))
	}
	if !w.Init(64, make([]uint64, 2)) || w.Size() != 64 || w.Fresh(0) || !w.Fresh(1) {
		t.Error("a new window is wrong")
	}
}

// slowCandidates lists the numbers from first to last that end in low, the
// nearest to due first, those ahead before those behind.
func slowCandidates(low uint32, width uint8, due, first, last uint64) (list []uint64) {
	for seq := first; seq <= last; seq++ {
		if (seq^uint64(low))&(1<<width-1) == 0 {
			list = append(list, seq)
		}
	}
	dist := func(seq uint64) uint64 {
		if seq >= due {
			return 2 * (seq - due)
		}
		return 2*(due-seq) + 1
	}
	sort.SliceStable(list, func(i, j int) bool { return dist(list[i]) < dist(list[j]) })
	return list
}

// Every width of up to 6 bits, every low value, every place of the window in
// numbers of 8 bits.
func TestCandidates(t *testing.T) {
	for width := uint8(0); width <= 6; width++ {
		for low := uint32(0); low < 1<<width; low++ {
			for due := uint64(1); due <= 256; due += 3 {
				first := uint64(1)
				if due > 32 {
					first = due - 32
				}
				var c Candidates
				c.reset(low, width, due, first, 255)
				want := slowCandidates(low, width, due, first, 255)
				before := uint64(0)
				for seq := uint64(1); seq < due; seq++ {
					if (seq^uint64(low))&(1<<width-1) != 0 {
						continue
					}
					if before = seq; seq >= first {
						before = 0 // the window has one
						break
					}
				}
				if got := c.Before(); got != before {
					t.Fatalf("candidates(%d, %d, %d, %d): Before = %d, want %d", low, width, due, first, got, before)
				}
				for i := 0; ; i++ {
					seq, ok := c.Next()
					if ok != (i < len(want)) || ok && seq != want[i] {
						t.Fatalf("candidates(%d, %d, %d, %d): number %d is %d, %v, want %v", low, width, due, first, i, seq, ok, want)
					}
					if !ok {
						break
					}
				}
			}
		}
	}
}

// The first candidate of 32 low bits is what RFC 4303, Appendix A2.2, says.
func TestExtended(t *testing.T) {
	const seed = 2
	r := rand.New(rand.NewSource(seed))
	var w Window
	w.Init(64, make([]uint64, Words(64)))
	for i := 0; i < 20000; i++ {
		edge := uint64(r.Uint32())>>uint(r.Intn(32)) | uint64(r.Intn(3))<<32
		if r.Intn(3) == 0 {
			edge = edge&^0xffffffff + uint64(r.Intn(130)) // around a boundary
		}
		if r.Intn(3) == 0 {
			edge |= 0xffffff00
		}
		low := uint32(edge) + uint32(r.Intn(400)) - 200
		if r.Intn(2) == 0 {
			low = r.Uint32()
		}
		w.Reset(edge)
		c := w.Recover(low, 32, ^uint64(0))
		got, ok := c.Next()
		th, tl := edge>>32, uint32(edge)
		const size = 64
		var want uint64
		under := false
		switch {
		case tl >= size-1 && low >= tl-size+1:
			want = th<<32 | uint64(low)
		case tl >= size-1:
			want = (th+1)<<32 | uint64(low)
		case low >= tl-size+1:
			under = th == 0
			want = (th-1)<<32 | uint64(low)
		default:
			want = th<<32 | uint64(low)
		}
		if under || want == 0 {
			continue // before the first number: Appendix A has no answer
		}
		if !ok || got != want {
			t.Fatalf("seed %d: edge %#x, low %#x: %#x, %v, want %#x", seed, edge, low, got, ok, want)
		}
	}
}

// Numbers near the end of 64 bits do not wrap.
func TestEnd(t *testing.T) {
	var w Window
	w.Init(32, make([]uint64, Words(32)))
	for back := uint64(0); back < 40; back++ {
		w.Reset(^uint64(0) - back)
		for width := uint8(0); width <= 8; width++ {
			for low := uint32(0); low < 1<<width; low++ {
				c := w.Recover(low, width, ^uint64(0))
				for n := 0; ; n++ {
					seq, ok := c.Next()
					if !ok {
						break
					}
					if seq < w.Edge()-31 || (seq^uint64(low))&(1<<width-1) != 0 || n > 100 {
						t.Fatalf("edge %#x, low %d of %d bits: %#x", w.Edge(), low, width, seq)
					}
				}
			}
		}
	}
}

func TestAllocs(t *testing.T) {
	var w Window
	w.Init(64, make([]uint64, Words(64)))
	seq := uint64(0)
	n := testing.AllocsPerRun(100, func() {
		seq += 3
		c := w.Recover(uint32(seq)&0xf, 4, ^uint64(0))
		got, ok := c.Next()
		if !ok || got != seq || !w.Fresh(got) {
			panic("not recovered")
		}
		w.Mark(got)
	})
	if n != 0 {
		t.Errorf("%v allocs per run, want 0", n)
	}
}

func BenchmarkWindow(b *testing.B) {
	var w Window
	w.Init(1024, make([]uint64, Words(1024)))
	b.ReportAllocs()
	for i := 1; i <= b.N; i++ {
		if w.Fresh(uint64(i)) {
			w.Mark(uint64(i))
		}
	}
}
