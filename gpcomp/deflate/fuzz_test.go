package deflate

import (
	"bytes"
	"math"
	"testing"

	"github.com/schckit/schckit/gpcomp"
)

// fuzz seeds f with payloads and with codes.
func fuzz(f *testing.F) {
	c := both(f)
	for i, p := range read(f, "test") {
		if i%40 > 0 {
			continue
		}
		code, err := c[i/40%2].AppendCompress(nil, p, math.MaxInt)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p, uint16(len(p)))
		f.Add(code, uint16(100))
	}
	f.Add([]byte{3, 0}, uint16(0))
	f.Add([]byte{0, 0, 0, 0xff, 0xff}, uint16(10))
}

// FuzzRoundTrip: whatever is compressed comes back, from compress/flate too, and its
// code has the size that it may have.
func FuzzRoundTrip(f *testing.F) {
	fuzz(f)
	list := both(f)
	f.Fuzz(func(t *testing.T, p []byte, limit uint16) {
		for _, c := range list {
			code, err := c.AppendCompress([]byte("p"), p, c.MaxCompressedLen(len(p)))
			if err != nil || code[0] != 'p' {
				t.Fatalf("%v: AppendCompress(%x): %v", c.Transform(), p, err)
			}
			code = code[1:]
			if back, err := c.AppendDecompress([]byte("q"), code, len(p)); err != nil || string(back) != "q"+string(p) {
				t.Fatalf("%v: AppendDecompress(%x) = %x, %v, want %x", c.Transform(), code, back, err, p)
			}
			if back, err := inflate(code, c.dict); err != nil || !bytes.Equal(back, p) {
				t.Fatalf("%v: compress/flate makes %x of %x, %v, want %x", c.Transform(), back, code, err, p)
			}
			got, err := c.AppendCompress([]byte("p"), p, int(limit))
			if fits := int(limit) >= len(code); fits != (err == nil) || !fits && (err != gpcomp.ErrShortBuffer || string(got) != "p") {
				t.Fatalf("%v: AppendCompress(%x), limit %d: %x, %v", c.Transform(), p, limit, got, err)
			}
		}
	})
}

// FuzzDecompress: any code gives at most limit bytes, those that compress/flate gives, or
// an error and dst as it was; one byte less is then too little.
func FuzzDecompress(f *testing.F) {
	fuzz(f)
	list := both(f)
	f.Fuzz(func(t *testing.T, code []byte, limit uint16) {
		for _, c := range list {
			got, err := c.AppendDecompress([]byte("q"), code, int(limit))
			if err != nil {
				if e, ok := err.(gpcomp.Error); !ok || e.Class() == "" || string(got) != "q" {
					t.Fatalf("%v: AppendDecompress(%x): %x, %v", c.Transform(), code, got, err)
				}
				continue
			}
			got = got[1:]
			if want, err := inflate(code, c.dict); len(got) > int(limit) || err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: AppendDecompress(%x), limit %d = %x, want %x, %v", c.Transform(), code, limit, got, want, err)
			}
			if len(got) == 0 {
				continue
			}
			if short, err := c.AppendDecompress([]byte("q"), code, len(got)-1); err != gpcomp.ErrShortBuffer || string(short) != "q" {
				t.Fatalf("%v: AppendDecompress(%x), limit %d: %x, %v", c.Transform(), code, len(got)-1, short, err)
			}
		}
	})
}
