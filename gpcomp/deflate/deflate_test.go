package deflate

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/gpcomp/deflate/internal/dictgen"
	"github.com/schckit/schckit/internal/corpus"
)

const payloads = "../../testdata/payloads/"

// both are a Codec without and one with a dictionary.
func both(t testing.TB) []*Codec {
	t.Helper()
	d, err := NewDict(1)
	if err != nil {
		t.Fatal(err)
	}
	return []*Codec{new(Codec), d}
}

func read(t testing.TB, part string) [][]byte {
	t.Helper()
	list, err := corpus.ReadDir(os.DirFS(payloads + part))
	if err != nil || len(list) == 0 {
		t.Fatal(len(list), err)
	}
	return list
}

func random(rnd *rand.Rand, n, k int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Intn(k))
	}
	return b
}

// inflate is the standard library's decompressor, used as its documentation has it.
func inflate(code, dict []byte) ([]byte, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(flate.NewReaderDict(bytes.NewReader(code), dict))
	return b.Bytes(), err
}

// samples are payloads of all kinds: of the corpus, short ones, random ones, long ones.
func samples(t testing.TB) [][]byte {
	rnd := rand.New(rand.NewSource(1))
	list := append(read(t, "train"), read(t, "test")...)
	for n := range 40 {
		list = append(list, random(rnd, n, 256), random(rnd, n, 3), make([]byte, n), bytes.Repeat([]byte{0, 0, 0xff, 0xff}, n))
	}
	for _, n := range []int{1000, 1 << 14, 1<<14 - 1, 1<<14 + 1, 1 << 16, 200000} {
		list = append(list, random(rnd, n, 256), random(rnd, n, 4), make([]byte, n), bytes.Repeat([]byte("temperature;"), n/12))
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	for _, c := range both(t) {
		trimmed := 0
		for i, p := range samples(t) {
			orig := bytes.Clone(p)
			most := c.MaxCompressedLen(len(p))
			code, err := c.AppendCompress([]byte("p"), p, most)
			if err != nil || code[0] != 'p' || !bytes.Equal(p, orig) {
				t.Fatalf("%v: AppendCompress(%.100x): %v", c.Transform(), p, err)
			}
			code = code[1:]
			if !bytes.HasSuffix(code, []byte{0, 0, 0xff, 0xff}) {
				trimmed++
			}
			keep := bytes.Clone(code)
			back, err := c.AppendDecompress([]byte("q"), code, len(p))
			if err != nil || string(back) != "q"+string(p) || !bytes.Equal(code, keep) {
				t.Fatalf("%v: AppendDecompress(%x) = %.100x, %v, want %.100x", c.Transform(), code, back, err, p)
			}
			if back, err := inflate(code, c.dict); err != nil || !bytes.Equal(back, p) {
				t.Fatalf("%v: compress/flate makes %.100x, %v of %x, want %.100x", c.Transform(), back, err, code, p)
			}
			if i%4 > 0 {
				continue
			}
			for _, limit := range []int{-1, 0, len(code) - 1} {
				if got, err := c.AppendCompress([]byte("p"), p, limit); err != gpcomp.ErrShortBuffer || string(got) != "p" {
					t.Fatalf("%v: AppendCompress(%.100x), limit %d: %x, %v", c.Transform(), p, limit, got, err)
				}
			}
			if got, err := c.AppendCompress(nil, p, len(code)); err != nil || !bytes.Equal(got, code) {
				t.Fatalf("%v: AppendCompress(%.100x), limit %d: %x, %v, want %x", c.Transform(), p, len(code), got, err, code)
			}
			if len(p) == 0 {
				continue
			}
			for _, limit := range []int{-1, 0, len(p) - 1} {
				if got, err := c.AppendDecompress([]byte("q"), code, limit); err != gpcomp.ErrShortBuffer || string(got) != "q" {
					t.Fatalf("%v: AppendDecompress, limit %d of %d: %d bytes, %v", c.Transform(), limit, len(p), len(got), err)
				}
			}
		}
		// Of the short samples only the empty one keeps the library's last block.
		if want := len(samples(t)) - 8 - 4*4 - 3; trimmed < want {
			t.Errorf("%v: the last block was cut off %d times, want %d", c.Transform(), trimmed, want)
		}
	}
}

// TestTrim: what is cut off are 4 or 5 bytes, and a stream of one block is left.
func TestTrim(t *testing.T) {
	for _, c := range both(t) {
		var lib bytes.Buffer
		w, err := flate.NewWriterDict(&lib, flate.DefaultCompression, c.dict)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range read(t, "test") {
			lib.Reset()
			w.Reset(&lib)
			w.Write(p)
			w.Close()
			code, err := c.AppendCompress(nil, p, math.MaxInt)
			if err != nil || code[0]&1 != 1 || lib.Len()-len(code) < 4 || lib.Len()-len(code) > 5 {
				t.Errorf("%v: %x is %x with the library, %v", c.Transform(), code, lib.Bytes(), err)
			}
		}
	}
	// A stream that ends otherwise is left alone.
	c := new(Codec)
	for _, s := range []string{"", "00", "0000ffff", "000000ffff", "0300", "010000ffff", "ff0000ffff", "ffff0000ffff", "ff010000ffff", "ff80000000ffff"} {
		code, _ := hex.DecodeString(s)
		if got := c.trim(code, []byte("x")); got != nil || hex.EncodeToString(code) != s {
			t.Errorf("trim(%s) = %x, and leaves %x", s, got, code)
		}
	}
}

func TestBad(t *testing.T) {
	for _, x := range []struct {
		what, code string
		want       error
	}{
		{"nothing", "", gpcomp.ErrTruncated},
		{"a block that is not the last", "4a0400", gpcomp.ErrTruncated},
		{"an empty stream", "0300", nil},
		{"an empty block and no end", "000000ffff", gpcomp.ErrTruncated},
		{"padding bits", "03fc", nil},
		{"a byte behind the end", "030000", gpcomp.ErrMalformed},
		{"reserved block type", "07", gpcomp.ErrMalformed},
		{"lengths that disagree", "010100ffff61", gpcomp.ErrMalformed},
		{"stored block cut", "010200fdff61", gpcomp.ErrTruncated},
		{"stored header cut", "010200", gpcomp.ErrTruncated},
		{"a copy from before the payload", "4b04620000", gpcomp.ErrMalformed},
		{"codes cut", "0580", gpcomp.ErrTruncated},
	} {
		code, err := hex.DecodeString(x.code)
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(Codec).AppendDecompress([]byte("p"), code, 100)
		if err != x.want || string(got) != "p" {
			t.Errorf("%s: AppendDecompress(%s) = %q, %v, want %v", x.what, x.code, got, err, x.want)
		}
	}
	if _, err := NewDict(0); err != gpcomp.ErrUnsupported {
		t.Errorf("version 0: %v", err)
	}
	if _, err := NewDict(2); err != gpcomp.ErrUnsupported {
		t.Errorf("version 2: %v", err)
	}
}

// TestTruncated: no code that is cut anywhere is taken for another payload's.
func TestTruncated(t *testing.T) {
	for _, c := range both(t) {
		for i, p := range read(t, "test") {
			if i%10 > 0 {
				continue
			}
			code, err := c.AppendCompress(nil, p, math.MaxInt)
			if err != nil {
				t.Fatal(err)
			}
			for n := range code {
				if got, err := c.AppendDecompress([]byte("q"), code[:n], 1000); err != gpcomp.ErrTruncated || string(got) != "q" {
					t.Fatalf("%v: %d bytes of %x: %x, %v", c.Transform(), n, code, got, err)
				}
			}
			if got, err := c.AppendDecompress([]byte("q"), append(code, 0), 1000); err != gpcomp.ErrMalformed || string(got) != "q" {
				t.Fatalf("%v: a byte behind %x: %x, %v", c.Transform(), code, got, err)
			}
		}
	}
}

// TestBomb: a megabyte of zeros takes a kilobyte, and no more than the limit is kept.
func TestBomb(t *testing.T) {
	for _, c := range both(t) {
		code, err := c.AppendCompress(nil, make([]byte, 1<<20), 2000)
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, 0, 100)
		for _, limit := range []int{0, 100, 1<<20 - 1} {
			got, err := c.AppendDecompress(dst, code, limit)
			if err != gpcomp.ErrShortBuffer || len(got) != 0 || cap(got) != 100 {
				t.Errorf("%v: limit %d: %d bytes, %v", c.Transform(), limit, len(got), err)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c.AppendDecompress(nil, code, 1000)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8000 {
			t.Errorf("%v: limit 1000: %d bytes were allocated", c.Transform(), n)
		}
		if got, err := c.AppendDecompress(nil, code, math.MaxInt); err != nil || len(got) != 1<<20 {
			t.Errorf("%v: no limit: %d bytes, %v", c.Transform(), len(got), err)
		}
	}
}

// TestStateless: what comes before a payload does not change its code, failures included.
func TestStateless(t *testing.T) {
	list := read(t, "test")
	for i, c := range both(t) {
		for j, p := range list[:30] {
			want, err := both(t)[i].AppendCompress(nil, p, math.MaxInt)
			if err != nil {
				t.Fatal(err)
			}
			switch j % 3 {
			case 0:
				c.AppendCompress(nil, list[len(list)-1-j], 10)
			case 1:
				c.AppendDecompress(nil, want[:len(want)/2], 1000)
			}
			if got, err := c.AppendCompress(nil, p, math.MaxInt); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: AppendCompress(%x) = %x, %v, want %x", c.Transform(), p, got, err, want)
			}
		}
	}
}

// TestAllocs: where dst has room nothing is allocated. All of the corpus is
// compressed; decompressed is what has no long codes of its own.
func TestAllocs(t *testing.T) {
	list := read(t, "test")
	for _, c := range both(t) {
		codes := make([][]byte, len(list))
		for i, p := range list {
			var err error
			if codes[i], err = c.AppendCompress(nil, p, math.MaxInt); err != nil {
				t.Fatal(err)
			}
			if _, err := c.AppendDecompress(nil, codes[i], math.MaxInt); err != nil {
				t.Fatal(err)
			}
		}
		dst := make([]byte, 0, 1000)
		i := 0
		if n := testing.AllocsPerRun(len(list), func() {
			if _, err := c.AppendCompress(dst, list[i%len(list)], math.MaxInt); err != nil {
				panic(err)
			}
			if _, err := c.AppendCompress(dst, list[i%len(list)], 5); err != gpcomp.ErrShortBuffer {
				panic(err)
			}
			i++
		}); n != 0 {
			t.Errorf("%v: AppendCompress: %v allocs per run, want 0", c.Transform(), n)
		}
		i = 0
		if n := testing.AllocsPerRun(len(list), func() {
			if _, err := c.AppendDecompress(dst, codes[i%len(list)], 1000); err != nil {
				panic(err)
			}
			if _, err := c.AppendDecompress(dst, codes[i%len(list)], 5); err != gpcomp.ErrShortBuffer {
				panic(err)
			}
			i++
		}); n != 0 {
			t.Errorf("%v: AppendDecompress: %v allocs per run, want 0", c.Transform(), n)
		}
	}
}

// TestMemory: the figures of the documentation are not too small, nor far too large.
func TestMemory(t *testing.T) {
	p := []byte(strings.Repeat("temperature 21.5; ", 20))
	measure := func(f func(c *Codec)) uint64 {
		var before, after runtime.MemStats
		c := both(t)[1]
		runtime.ReadMemStats(&before)
		f(c)
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(c)
		return after.TotalAlloc - before.TotalAlloc
	}
	code, err := new(Codec).AppendCompress(nil, p, 1000)
	if err != nil {
		t.Fatal(err)
	}
	compress := measure(func(c *Codec) { c.AppendCompress(make([]byte, 0, 1000), p, 1000) })
	decompress := measure(func(c *Codec) { c.AppendDecompress(make([]byte, 0, 1000), code, 1000) })
	// Compressing has the decompressor check the result.
	compress -= decompress
	if compress > 800<<10 || compress < 600<<10 || decompress > 45<<10 || decompress < 30<<10 {
		t.Errorf("%d bytes to compress, %d to decompress; the documentation has 800 KiB and 45 KiB", compress, decompress)
	}
}

// TestDict: version 1 is frozen, and is what its generator makes of what is shipped.
func TestDict(t *testing.T) {
	const sum = "04d77e50d5d4317b8d3c3481b0ac1aacc69358fe0e66acb938908593d119582c"
	if got := fmt.Sprintf("%x", sha256.Sum256(Dict(1))); got != sum {
		t.Errorf("SHA-256 of version 1 is %s, want %s: a published dictionary never changes", got, sum)
	}
	if Dict(0) != nil || Dict(2) != nil {
		t.Error("there are other versions")
	}
	words, err := os.ReadFile("vocabulary.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := dictgen.Build(read(t, "train"), dictgen.Words(words), dictgen.Size); !bytes.Equal(got, Dict(1)) {
		t.Error("the generator makes another dictionary of the training part and the vocabulary")
	}
}

// TestDictTest: nobody looked at the test part. Its payloads are not in the dictionary,
// and none of them is in the training part.
func TestDictTest(t *testing.T) {
	train := map[string]bool{}
	for _, p := range read(t, "train") {
		train[string(p)] = true
	}
	for _, p := range read(t, "test") {
		if train[string(p)] {
			t.Errorf("%q is in both parts", p)
		}
	}
}

// TestGain: what the dictionary is for, in percent of bytes saved, is not lost.
func TestGain(t *testing.T) {
	for i, want := range []int{18, 35} {
		c := both(t)[i]
		in, out := 0, 0
		for _, p := range read(t, "test") {
			code, err := c.AppendCompress(nil, p, math.MaxInt)
			if err != nil {
				t.Fatal(err)
			}
			in += len(p)
			out += min(len(p), len(code))
		}
		if got := 100 - 100*out/in; got < want {
			t.Errorf("%v: %d %% saved, want %d", c.Transform(), got, want)
		}
	}
}
