// Package fuzz holds the fuzz targets that need several packages.
package fuzz

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"testing"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
	"github.com/schckit/schckit/vectors"
	"github.com/schckit/schckit/vectors/run"
)

// outcome is what a Context makes of a packet and of a SCHC Packet.
func outcome(ctx *schc.Context, in schc.Inputs, pkt, msg []byte, dir schc.Direction) (out [2][]byte, errs [2]error) {
	var c schc.Compressor
	c.Reset(ctx)
	c.SetInputs(in)
	out[0], _, errs[0] = c.AppendCompress(nil, pkt, dir)
	var d schc.Decompressor
	d.Reset(ctx)
	d.SetInputs(in)
	out[1], _, errs[1] = d.AppendDecompress(nil, msg, dir)
	return out, errs
}

func same(t *testing.T, what string, a, b *schc.Context, in schc.Inputs, pkt, msg []byte) {
	t.Helper()
	for _, dir := range []schc.Direction{schc.DirUp, schc.DirDown} {
		x, xe := outcome(a, in, pkt, msg, dir)
		y, ye := outcome(b, in, pkt, msg, dir)
		if !bytes.Equal(x[0], y[0]) || !bytes.Equal(x[1], y[1]) || xe != ye {
			t.Fatalf("%s: %x (%v) and %x (%v) for packet %x and message %x, %v", what, x, xe, y, ye, pkt, msg, dir)
		}
	}
}

// groups calls f with each group of the compression vectors.
func groups(t testing.TB, f func(g *vectors.Group)) {
	files, err := fs.Glob(vectors.FS, "schc/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := fs.ReadFile(vectors.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := vectors.ParseCompress(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range file.Groups {
			f(&file.Groups[i])
		}
	}
}

// FuzzRuleFile loads rule files: what compiles stays the same set when it is
// saved and loaded again, and gives the same bits.
func FuzzRuleFile(f *testing.F) {
	rules, err := fs.Glob(vectors.FS, "rules/*.json")
	if err != nil {
		f.Fatal(err)
	}
	pkt, _ := hex.DecodeString("60000000000a114020010db800010000000000000000000220010db8000200000000000000000001163316330" + "00a0f936869")
	for _, name := range rules {
		data, err := fs.ReadFile(vectors.FS, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, pkt, []byte{1, 0x12, 0x34})
	}
	f.Fuzz(func(t *testing.T, data, pkt, msg []byte) {
		file, err := rulefile.Load(data, "fuzz.json")
		if err != nil {
			return
		}
		for _, form := range []rulefile.Form{rulefile.FormJSON, rulefile.FormYANG, rulefile.FormCBOR} {
			saved, err := rulefile.SaveAs(file, form)
			if err != nil {
				continue // what a form cannot say, rulefile's own tests are about
			}
			again, err := rulefile.Load(saved, "saved")
			if err != nil {
				t.Fatalf("%v: %v\n%s", form, err, saved)
			}
			if len(again.Sets) != len(file.Sets) {
				t.Fatalf("%v: %d sets became %d", form, len(file.Sets), len(again.Sets))
			}
			for i := range file.Sets {
				a, errA := schc.NewContext(file.Sets[i].Rules, schc.Options{})
				b, errB := schc.NewContext(again.Sets[i].Rules, schc.Options{})
				if (errA == nil) != (errB == nil) {
					t.Fatalf("%v: NewContext: %v, and saved and loaded again: %v", form, errA, errB)
				}
				if errA != nil {
					continue
				}
				if a.Fingerprint() != b.Fingerprint() {
					t.Fatalf("%v: another fingerprint\n%s", form, saved)
				}
				same(t, form.String(), a, b, schc.Inputs{}, pkt, msg)
			}
		}
	})
}

// FuzzImage gives packets to a Context and to one that is loaded from its
// image, which is what firmware does.
func FuzzImage(f *testing.F) {
	type pair struct {
		ctx    *schc.Context
		loaded schc.Context
		in     schc.Inputs
	}
	var pairs []*pair
	groups(f, func(g *vectors.Group) {
		ctx, in, err := run.Context(vectors.FS, g)
		if err != nil {
			f.Fatal(err)
		}
		p := &pair{ctx: ctx, in: in}
		if err := p.loaded.LoadImage(ctx.Image()); err != nil {
			f.Fatal(err)
		}
		if p.loaded.Fingerprint() != ctx.Fingerprint() || p.loaded.NumRules() != len(ctx.Rules()) || p.loaded.MaxCompressedLen(100) != ctx.MaxCompressedLen(100) {
			f.Fatalf("%s: the image is of another Context", g.Rules)
		}
		pairs = append(pairs, p)
		for _, v := range g.Tests {
			pkt, _ := hex.DecodeString(v.Packet)
			msg, _ := hex.DecodeString(v.SCHC)
			if len(pkt)+len(msg) < 5000 {
				f.Add(uint16(len(pairs)-1), pkt, msg)
			}
		}
	})
	f.Fuzz(func(t *testing.T, n uint16, pkt, msg []byte) {
		p := pairs[int(n)%len(pairs)]
		same(t, "image", p.ctx, &p.loaded, p.in, pkt, msg)
	})
}
