package schc_test

import (
	"fmt"
	"testing"

	. "github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/vectors"
)

// TestAllocs checks that the packet path does not allocate: for one good
// vector of each rule set, compressed and decompressed in every way, and for
// packets and messages that are refused. (Under TinyGo the count is always 0:
// there the proof is a program linked without an allocator.)
func TestAllocs(t *testing.T) {
	seen := map[string]int{}
	eachVector(t, func(file string, g *vectors.Group, v *vectors.Test, ctx *Context, in Inputs) {
		kind := g.Rules + v.Rule + v.Dir + v.Result
		if seen[kind]++; seen[kind] > 1 || len(v.Packet) > 10000 {
			return
		}
		pkt, msg, dir := unhexT(t, v.Packet), unhexT(t, v.SCHC), vectorDir(v)
		var c Compressor
		c.Reset(ctx)
		c.SetInputs(in)
		var d Decompressor
		d.Reset(ctx)
		d.SetInputs(in)
		dst := make([]byte, 0, 4096)
		buf := make([]byte, 4096)
		want := v.Result == "valid"
		count := func(name string, f func() error) {
			t.Helper()
			n := testing.AllocsPerRun(20, func() {
				if err := f(); (err == nil) != want {
					panic(fmt.Sprintf("%s#%d: %s: %v", file, v.ID, name, err)) // an early error would make the count meaningless
				}
			})
			if n != 0 {
				t.Errorf("%s#%d: %s: %v allocs per run, want 0", file, v.ID, name, n)
			}
		}
		if v.Packet != "" && !v.Has("DecompressOnly") {
			count("AppendCompress", func() error { _, _, err := c.AppendCompress(dst, pkt, dir); return err })
			count("CompressInto", func() error { _, _, err := c.CompressInto(buf, pkt, dir); return err })
		}
		if v.SCHC != "" {
			count("AppendDecompress", func() error { _, _, err := d.AppendDecompress(dst, msg, dir); return err })
			count("DecompressInto", func() error { _, _, err := d.DecompressInto(buf, msg, dir); return err })
		}
	})
	if len(seen) < 100 {
		t.Errorf("only %d kinds of vectors", len(seen))
	}
}

// TestAllocsParse checks the parser, which appends to the caller's slice.
func TestAllocsParse(t *testing.T) {
	pkt := unhexT(t, "600000000025114020010db800010000000000000000000220010db8000200000000000000000001163316330025748b"+
		"4402000721fa01fbb474656d70113cff7b2274223a32312e352c227822")
	dst := make([]Field, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		if fields, _ := AppendFields(dst, pkt, DirUp, ParseOptions{Alternates: true}); len(fields) == 0 {
			panic("no fields")
		}
	})
	if n != 0 {
		t.Errorf("AppendFields: %v allocs per run, want 0", n)
	}
}
