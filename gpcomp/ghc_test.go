package gpcomp

import (
	"bytes"
	"math"
	"math/rand"
	"testing"
)

func newGHC(n int) *GHC {
	g := new(GHC)
	g.Reset(make([]uint16, GHCMem(n)))
	return g
}

// TestGHCEncodings are Figures 15 to 17 of RFC 7400, whose addresses are zero as
// GPComp's, and codes written by hand after its Table 1.
func TestGHCEncodings(t *testing.T) {
	g := newGHC(100)
	for _, c := range []struct{ what, payload, code string }{
		{"nothing", "", ""},
		{"literal", "6162", "026162"},
		{"zeros", "000000", "81"},
		{"Figure 15", "17fefd0001000000000001001d000100000000000109b20e82c16eb696c51f368d1761e2b5d422d4ed2b",
			"b0d1011df21509b20e82c16eb696c51f368d1761e2b5d422d4ed2b"},
		{"Figure 16", "17fefd000100000000000500160001000000000005aea0155667924dff8a24e4cb35b9",
			"b0c303050016f20eaea0155667924dff8a24e4cb35b9"},
		{"Figure 17", "16fefd000000000000000000360100002a000000000000002afefd5152ed79a420c962561147c939ee6cc0a4fec6892f32269a164e317e9f20929200000002c0a80100",
			"a1cd870136a1cd012a85232afefd5152ed79a420c962561147c939ee6cc0a4fec6892f32269a164e317e9f209292810502c0a80100"},
	} {
		p, code := mustHex(t, c.payload), mustHex(t, c.code)
		back, err := g.AppendDecompress(nil, code, len(p))
		if err != nil || !bytes.Equal(back, p) {
			t.Errorf("%s: AppendDecompress(%s) = %x, %v, want %s", c.what, c.code, back, err, c.payload)
		}
		// Our code may be another one, but is no longer.
		ours, err := g.AppendCompress(nil, p, len(code))
		if err != nil {
			t.Errorf("%s: AppendCompress(%s) has more than %d bytes", c.what, c.payload, len(code))
		}
		if back, err := g.AppendDecompress(nil, ours, len(p)); err != nil || !bytes.Equal(back, p) {
			t.Errorf("%s: AppendDecompress(%x) = %x, %v, want %s", c.what, ours, back, err, c.payload)
		}
	}
}

func TestGHCBad(t *testing.T) {
	var g GHC
	for _, c := range []struct {
		what, code string
		limit      int
		want       error
	}{
		{"literal cut", "036162", 100, ErrTruncated},
		{"reserved code", "60", 100, ErrMalformed},
		{"before the dictionary", "a7c7", 100, ErrMalformed},
		{"behind the stop code", "900161", 100, ErrMalformed},
		{"longer than allowed", "0161 8f 8f", 34, ErrShortBuffer},
	} {
		got, err := g.AppendDecompress([]byte("p"), mustHex(t, c.code), c.limit)
		if err != c.want || string(got) != "p" {
			t.Errorf("%s: AppendDecompress(%s) = %q, %v, want %v", c.what, c.code, got, err, c.want)
		}
	}
	if got, err := g.AppendDecompress(nil, mustHex(t, "0161 8f 8f"), 35); err != nil || len(got) != 35 {
		t.Errorf("at the limit: %d bytes, %v", len(got), err)
	}
	if got, err := g.AppendDecompress(nil, mustHex(t, "0161 8f 8f"), math.MaxInt); err != nil || len(got) != 35 {
		t.Errorf("no limit: %d bytes, %v", len(got), err)
	}
}

// TestGHCMemory: with any memory the code is within MaxCompressedLen and comes back;
// without, there is none.
func TestGHCMemory(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for n := 1; n < 300; n += 1 + n/5 {
		g := newGHC(n)
		for _, p := range [][]byte{nil, noisy(rnd, 200, 3), noisy(rnd, 500, 256), pairless(1000)} {
			most := g.MaxCompressedLen(len(p))
			code, err := g.AppendCompress(nil, p, most)
			if err != nil {
				t.Fatalf("memory for %d: %d bytes do not fit in %d", n, len(p), most)
			}
			if back, err := g.AppendDecompress(nil, code, len(p)); err != nil || !bytes.Equal(back, p) {
				t.Errorf("memory for %d: %x does not come back: %v", n, p, err)
			}
			if len(p) > 0 {
				if got, err := g.AppendCompress([]byte("p"), p, len(code)-1); err != ErrShortBuffer || string(got) != "p" {
					t.Errorf("memory for %d: limit %d: %x, %v, want %v", n, len(code)-1, got, err, ErrShortBuffer)
				}
			}
		}
	}
	var g GHC
	if _, err := g.AppendCompress(nil, []byte("a"), 10); err != ErrUnsupported {
		t.Errorf("no memory: %v", err)
	}
	g.Reset(make([]uint16, GHCMem(1)-1))
	if _, err := g.AppendCompress(nil, []byte("a"), 10); err != ErrUnsupported {
		t.Errorf("too little memory: %v", err)
	}
	if n := 2 * GHCMem(115); n > 1024 {
		t.Errorf("memory for 115 bytes is %d bytes, more than 1 KiB", n)
	}
}
