package schc_test

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"testing"

	. "github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/vectors"
	"github.com/schckit/schckit/vectors/run"
)

// TestVectors runs the conformance vectors four ways each: compress,
// decompress, compress again, explain.
func TestVectors(t *testing.T) {
	failures, stats, err := run.Run(vectors.FS, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		t.Error(f)
	}
	if stats.Tests == 0 {
		t.Error("no vectors")
	}
	t.Logf("%d tests of %d files ran %d ways; by source: %v", stats.Tests, stats.Files, stats.Ways, stats.Sources)
}

// eachVector calls f with every compression vector and the rule set that it is
// for.
func eachVector(t testing.TB, f func(file string, g *vectors.Group, v *vectors.Test, ctx *Context, in Inputs)) {
	t.Helper()
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
			t.Fatalf("%s: %v", name, err)
		}
		for i := range file.Groups {
			g := &file.Groups[i]
			ctx, in, err := run.Context(vectors.FS, g)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for j := range g.Tests {
				f(name, g, &g.Tests[j], ctx, in)
			}
		}
	}
}

func vectorDir(v *vectors.Test) Direction {
	if v.Dir == "down" {
		return DirDown
	}
	return DirUp
}

// TestVectorsSlow runs them against the slow reference: the vectors, which were
// written by hand, check it before it checks anything else.
func TestVectorsSlow(t *testing.T) {
	class := map[Error]string{0: "valid", ErrNoRule: "no-rule", ErrTruncated: "truncated", ErrMalformed: "malformed", ErrUnsupported: "unsupported"}
	eachVector(t, func(file string, g *vectors.Group, v *vectors.Test, ctx *Context, in Inputs) {
		opts := Options{TrustComputed: g.Options.TrustComputed, FirstMatch: g.Options.FirstMatch, Lossless: g.Options.Lossless, SSEICVBytes: g.Options.SSEICVBytes, OuterHeader: g.Options.OuterHeader}
		dir := vectorDir(v)
		want := v.Result
		if want == "acceptable" {
			return
		}
		if v.Packet != "" && !v.Has("DecompressOnly") {
			got := slowCompress(ctx.Rules(), opts, unhexT(t, v.Packet), dir, in)
			switch {
			case got.rule < 0:
				if class[got.err] != want {
					t.Errorf("%s#%d: %s: %v, want %s", file, v.ID, v.Comment, got.err, want)
				}
			case hex.EncodeToString(slowBytes(got.bits)) != v.SCHC || len(got.bits) != v.Bits || got.lossy != (v.Restored != ""):
				t.Errorf("%s#%d: %s: slow reference has rule %v, %x, %d bits, lossy %v, want rule %s, %s, %d bits", file, v.ID, v.Comment,
					ctx.Rules()[got.rule].ID, slowBytes(got.bits), len(got.bits), got.lossy, v.Rule, v.SCHC, v.Bits)
			}
		}
		if v.SCHC == "" {
			return
		}
		pkt, _, err := slowDecompress(ctx.Rules(), opts, slowBits(unhexT(t, v.SCHC)), dir, in)
		back := v.Packet
		if v.Restored != "" {
			back = v.Restored
		}
		if class[err] != want || err == 0 && !bytes.Equal(pkt, unhexT(t, back)) {
			t.Errorf("%s#%d: %s: slow reference restores %x, %v, want %s, %s", file, v.ID, v.Comment, pkt, err, back, want)
		}
	})
}

func unhexT(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectorsComplete checks that the vectors use every field of the package.
func TestVectorsComplete(t *testing.T) {
	seen := map[FID]bool{}
	eachVector(t, func(_ string, _ *vectors.Group, _ *vectors.Test, ctx *Context, _ Inputs) {
		for _, r := range ctx.Rules() {
			for _, f := range r.Fields {
				seen[f.FID] = true
			}
		}
	})
	for _, f := range FieldIDs(nil) {
		if _, option := f.CoAPOption(); !option && !seen[f] {
			t.Errorf("no vector for %v", f)
		}
	}
}
