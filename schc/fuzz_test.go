package schc_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	. "github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/vectors"
)

// fuzzSet is one of the rule sets of the vectors, with options and inputs.
type fuzzSet struct {
	rules []Rule
	opts  Options
	in    Inputs
	ctx   *Context
}

// fuzzSets are the rule sets of the vectors by name: that of the rule file, and
// a number where several groups use it. names has them in order.
type fuzzSets struct {
	sets  map[string]*fuzzSet
	names []string
}

// get returns a set for any name.
func (f *fuzzSets) get(name string) *fuzzSet {
	if s := f.sets[name]; s != nil {
		return s
	}
	n := 0
	for _, c := range []byte(name) {
		n = (n*31 + int(c)) & 0xffff
	}
	return f.sets[f.names[n%len(f.names)]]
}

// loadFuzzSets returns the rule sets and calls seed with each vector.
func loadFuzzSets(f *testing.F, seed func(set string, v *vectors.Test)) *fuzzSets {
	fs := &fuzzSets{sets: map[string]*fuzzSet{}}
	var last *Context
	name := ""
	eachVector(f, func(_ string, g *vectors.Group, v *vectors.Test, ctx *Context, in Inputs) {
		if ctx != last {
			last = ctx
			name = strings.TrimSuffix(path.Base(g.Rules), ".json")
			for i := 2; fs.sets[name] != nil; i++ {
				name = strings.TrimSuffix(path.Base(g.Rules), ".json") + fmt.Sprintf("-%d", i)
			}
			opts := Options{FirstMatch: g.Options.FirstMatch, Lossless: g.Options.Lossless, SSEICVBytes: g.Options.SSEICVBytes, OuterHeader: g.Options.OuterHeader}
			ctx, err := NewContext(ctx.Rules(), opts) // without TrustComputed: packets are at random
			if err != nil {
				f.Fatal(err)
			}
			fs.sets[name] = &fuzzSet{ctx.Rules(), opts, in, ctx}
			fs.names = append(fs.names, name)
		}
		if len(v.Packet)+len(v.SCHC) < 10000 {
			seed(name, v)
		}
	})
	return fs
}

func fuzzDir(down bool) Direction {
	if down {
		return DirDown
	}
	return DirUp
}

// fuzzCheck compares a packet under a set with the slow reference.
func fuzzCheck(t *testing.T, s *fuzzSet, pkt []byte, dir Direction) {
	w := &world{rules: s.rules, opts: s.opts, in: s.in, ctx: s.ctx}
	c := &checker{n: &tally{byErr: map[Error]int{}}, spoil: func(msg []byte) [][]byte { return nil }}
	c.packet(w, pkt, dir)
	if c.failure != "" {
		t.Fatalf("%s\npacket %x %v\n%v", c.failure, pkt, dir, w)
	}
}

// FuzzCompress gives arbitrary packets to the rule sets of the vectors: what
// the fast path does is what the slow reference does, and what is compressed
// comes back.
func FuzzCompress(f *testing.F) {
	sets := loadFuzzSets(f, func(set string, v *vectors.Test) {
		if v.Packet != "" {
			f.Add(set, v.Dir == "down", unhexT(f, v.Packet))
		}
	})
	f.Fuzz(func(t *testing.T, set string, down bool, pkt []byte) {
		if len(pkt) > 2000 {
			return
		}
		fuzzCheck(t, sets.get(set), pkt, fuzzDir(down))
	})
}

// FuzzDecompress gives arbitrary SCHC Packets to the rule sets of the vectors:
// no panic, the class of the slow reference, and what comes out compresses to
// the same bytes under the same Rule.
func FuzzDecompress(f *testing.F) {
	sets := loadFuzzSets(f, func(set string, v *vectors.Test) {
		if v.SCHC != "" {
			f.Add(set, v.Dir == "down", unhexT(f, v.SCHC))
		}
	})
	f.Fuzz(func(t *testing.T, set string, down bool, msg []byte) {
		if len(msg) > 2000 {
			return
		}
		s, dir := sets.get(set), fuzzDir(down)
		w := &world{rules: s.rules, opts: s.opts, in: s.in, ctx: s.ctx}
		c := &checker{n: &tally{byErr: map[Error]int{}}}
		pkt := c.message(w, msg, -1, dir)
		if c.failure != "" {
			t.Fatalf("%s %v\n%v", c.failure, dir, w)
		}
		if pkt == nil {
			return
		}
		// Alone in its set, the Rule compresses it again to the same bytes.
		var d Decompressor
		d.Reset(s.ctx)
		d.SetInputs(s.in)
		if _, _, err := d.AppendDecompress(nil, msg, dir); err != nil {
			t.Fatal(err)
		}
		r := s.rules[d.Last().Rule]
		if hasTwins(&r) {
			return // either index is right
		}
		one, err := NewContext([]Rule{r}, s.opts)
		if err != nil {
			t.Fatal(err)
		}
		var comp Compressor
		comp.Reset(one)
		comp.SetInputs(s.in)
		again, _, err := comp.AppendCompress(nil, pkt, dir)
		if err != nil || !bytes.Equal(again, msg) {
			t.Fatalf("AppendDecompress(%x) = %x; AppendCompress of it under rule %v = %x, %v", msg, pkt, r.ID, again, err)
		}
	})
}

// hasTwins reports whether a list of Target Values names a value twice.
func hasTwins(r *Rule) bool {
	for _, f := range r.Fields {
		for i := range f.TV {
			if slices.ContainsFunc(f.TV[:i], func(v []byte) bool { return bytes.Equal(v, f.TV[i]) }) {
				return true
			}
		}
	}
	return false
}

// fuzzInts is a source of numbers from bytes, zero at their end.
func fuzzInts(data []byte) func(n int) int {
	return func(n int) int {
		if n <= 1 {
			return 0
		}
		if n <= 256 {
			if len(data) == 0 {
				return 0
			}
			v := int(data[0]) % n
			data = data[1:]
			return v
		}
		var b [4]byte
		data = data[copy(b[:], data):]
		return int(binary.LittleEndian.Uint32(b[:]) % uint32(n))
	}
}

// FuzzRules makes rule sets and packets of its input: NewContext does not
// panic, and the sets that it accepts do what the slow reference does.
func FuzzRules(f *testing.F) {
	f.Add([]byte("seed"))
	for i := range 64 {
		f.Add(bytes.Repeat([]byte{byte(i * 37), byte(i), byte(255 - i*3)}, 200))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4000 {
			return
		}
		g := &gen{intn: fuzzInts(data)}
		checkWorld(t, g, g.world(), &tally{byErr: map[Error]int{}})
	})
}

// FuzzParse parses arbitrary packets: fields are in bounds and, of one header
// and without alternates, in order and side by side.
func FuzzParse(f *testing.F) {
	eachVector(f, func(_ string, g *vectors.Group, v *vectors.Test, ctx *Context, in Inputs) {
		if v.Packet != "" && len(v.Packet) < 10000 {
			start := Protocol(0)
			if fs := ctx.Rules()[0].Fields; len(fs) > 0 {
				if start = fs[0].FID.Protocol(); start == ProtoIPv6 || start == ProtoIPv4 {
					start = 0
				}
			}
			f.Add(byte(start), v.Dir == "down", false, unhexT(f, v.Packet))
			f.Add(byte(start), v.Dir == "down", true, unhexT(f, v.Packet))
		}
	})
	f.Fuzz(func(t *testing.T, start byte, down, all bool, pkt []byte) {
		before := bytes.Clone(pkt)
		opts := ParseOptions{Start: Protocol(start) % (ProtoCoAPInner + 1), Alternates: all}
		sentinel := Field{ID: 1, Pos: 2, OffBits: 3, LenBits: 4}
		fields, payload := AppendFields([]Field{sentinel}, pkt, fuzzDir(down), opts)
		if len(fields) == 0 || fields[0] != sentinel {
			t.Fatalf("AppendFields(%x, %+v) changed dst", pkt, opts)
		}
		if !bytes.Equal(pkt, before) {
			t.Fatalf("AppendFields(%x) changed the packet", before)
		}
		if payload < 0 || payload > len(pkt) {
			t.Fatalf("AppendFields(%x, %+v): payload at %d", pkt, opts, payload)
		}
		end := uint32(0)
		for i, x := range fields[1:] {
			if !x.ID.Known() || x.Pos == 0 || int(x.OffBits)+int(x.LenBits) > len(pkt)*8 {
				t.Fatalf("AppendFields(%x, %+v): field %d is %+v", pkt, opts, i, x)
			}
			if n := x.ID.LenBits(); n > 0 && int(x.LenBits) != n {
				t.Fatalf("AppendFields(%x, %+v): %v has %d bits", pkt, opts, x.ID, x.LenBits)
			}
			if !all && x.OffBits < end {
				t.Fatalf("AppendFields(%x, %+v): %v at %d, the field before ends at %d", pkt, opts, x.ID, x.OffBits, end)
			}
			end = x.OffBits + x.LenBits
		}
		// A slice with room is filled in place, and gives the same.
		again, _ := AppendFields(make([]Field, 0, len(fields)), pkt, fuzzDir(down), opts)
		if !slices.Equal(again, fields[1:]) {
			t.Fatalf("AppendFields(%x, %+v) differs between calls", pkt, opts)
		}
	})
}
