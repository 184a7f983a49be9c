package ghc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand"
	"net/netip"
	"os"
	"testing"
)

func newEncoder(n int) *Encoder {
	e := new(Encoder)
	e.Reset(make([]uint16, MemPerByte*n+MemFixed))
	return e
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// row is one vector of the files under interop/ghc.
type row struct {
	Name       string
	Kind       string
	Src, Dst   string
	Payload    string
	Compressed *string
	Stop       bool `json:"stop_code"`
	Dictionary string
}

func (r *row) dict(t testing.TB) *Dict {
	t.Helper()
	var d Dict
	d.Set(address(t, r.Src), address(t, r.Dst))
	return &d
}

func address(t testing.TB, s string) []byte {
	t.Helper()
	if b, err := hex.DecodeString(s); err == nil && len(b) == 16 {
		return b
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	b := a.As16()
	return b[:]
}

func rows(t testing.TB, file string) []row {
	t.Helper()
	b, err := os.ReadFile("../../../shared/interop/ghc/" + file)
	if err != nil {
		t.Skip("absent: interop/ghc/" + file)
	}
	var f struct{ Vectors []row }
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f.Vectors
}

func checkRows(t *testing.T, file string) {
	e := newEncoder(1280)
	smaller, rowsIn, codeIn, codeOut := 0, 0, 0, 0
	for _, r := range rows(t, file) {
		d, payload := r.dict(t), unhex(t, r.Payload)
		if r.Dictionary != "" && !bytes.Equal(unhex(t, r.Dictionary), d[:]) {
			t.Errorf("%s: dictionary %x, want %s", r.Name, d[:], r.Dictionary)
		}
		got, ok := e.AppendCompress(nil, d, payload, len(payload)+len(payload)/maxLiteral+1)
		if !ok {
			t.Fatalf("%s: AppendCompress failed", r.Name)
		}
		back, err := AppendDecompress(nil, d, got, len(payload))
		if err != 0 || !bytes.Equal(back, payload) {
			t.Fatalf("%s: AppendDecompress(%x) = %x, %v, want %x", r.Name, got, back, err, payload)
		}
		if r.Compressed == nil {
			continue
		}
		code := unhex(t, *r.Compressed)
		if r.Stop {
			with := append(append([]byte{}, code...), 0xaa, 0xbb)
			back, n, err := AppendDecompressStop([]byte("x"), d, with, len(payload))
			if err != 0 || n != len(code) || !bytes.Equal(back[1:], payload) {
				t.Errorf("%s: AppendDecompressStop(%x) = %x, %d, %v, want %x", r.Name, with, back, n, err, payload)
			}
			got = append(got, Stop)
		} else if back, err := AppendDecompress([]byte("x"), d, code, len(payload)); err != 0 || !bytes.Equal(back[1:], payload) {
			t.Errorf("%s: AppendDecompress(%x) = %x, %v, want %x", r.Name, code, back, err, payload)
		}
		if len(got) > len(code) {
			t.Errorf("%s: AppendCompress(%x) = %x, %d bytes, longer than %x, %d", r.Name, payload, got, len(got), code, len(code))
		}
		if len(got) < len(code) {
			smaller++
		}
		rowsIn, codeIn, codeOut = rowsIn+1, codeIn+len(code), codeOut+len(got)
	}
	t.Logf("%d rows: %d bytes there, %d bytes here, %d rows shorter", rowsIn, codeIn, codeOut, smaller)
}

// The ten examples of RFC 7400, Appendix A.
func TestRFC7400AppendixA(t *testing.T) { checkRows(t, "rfc7400_appendix_a.json") }

func TestCorpus(t *testing.T) { checkRows(t, "ghc_corpus_ns3.json") }

// TestFigure8 needs no file: RFC 7400, Figures 8 and 13.
func TestFigures(t *testing.T) {
	for _, v := range []struct{ src, dst, payload, code string }{
		{"fe80::21c:daff:fe00:2024", "ff02::1a", "9b006bde00000000", "049b006bde82"},
		{"fe80::aede:4800:0:1", "ff02::2", "850090650000000001 02acde480000000001000000000000", "0485009065de0202aca5eb84"},
	} {
		r := row{Src: v.src, Dst: v.dst}
		payload := unhex(t, string(bytes.ReplaceAll([]byte(v.payload), []byte(" "), nil)))
		got, err := AppendDecompress(nil, r.dict(t), unhex(t, v.code), 1000)
		if err != 0 || !bytes.Equal(got, payload) {
			t.Errorf("AppendDecompress(%s) = %x, %v, want %x", v.code, got, err, payload)
		}
	}
}

// small returns payloads in which everything repeats, so that every
// instruction has work to do.
func small(r *rand.Rand, n int, d *Dict) []byte {
	p := make([]byte, 0, n)
	for len(p) < n {
		switch r.Intn(5) {
		case 0:
			p = append(p, byte(r.Intn(2)))
		case 1:
			p = append(p, byte(r.Intn(256)))
		case 2:
			p = append(p, make([]byte, r.Intn(20))...)
		case 3:
			a := r.Intn(DictLen)
			p = append(p, d[a:a+r.Intn(DictLen-a)]...)
		case 4:
			if len(p) > 0 {
				a := r.Intn(len(p))
				p = append(p, p[a:a+r.Intn(len(p)-a)]...)
			}
		}
	}
	return p[:n]
}

// TestOptimal compares with an exhaustive search.
func TestOptimal(t *testing.T) {
	const seed = 7400
	r := rand.New(rand.NewSource(seed))
	e := newEncoder(256)
	for i := 0; i < 300; i++ {
		var d Dict
		d.Set(small(r, 16, &d), small(r, 16, &d))
		payload := small(r, r.Intn(48), &d)
		got, ok := e.AppendCompress(nil, &d, payload, 1000)
		if want := slowSize(&d, payload); !ok || len(got) != want {
			t.Fatalf("seed %d: AppendCompress(%x) with %x = %x, %d bytes, want %d", seed, payload, d[:], got, len(got), want)
		}
	}
}

// TestPieces codes payloads longer than the encoder's memory covers.
func TestPieces(t *testing.T) {
	const seed = 7401
	r := rand.New(rand.NewSource(seed))
	for _, n := range []int{1, 2, 7, 64, 300} {
		e := newEncoder(n)
		for i := 0; i < 50; i++ {
			var d Dict
			d.Set(small(r, 16, &d), small(r, 16, &d))
			payload := small(r, r.Intn(1000), &d)
			code, ok := e.AppendCompress(nil, &d, payload, 3000)
			if !ok {
				t.Fatalf("seed %d: AppendCompress(%x) failed", seed, payload)
			}
			if back, err := AppendDecompress(nil, &d, code, len(payload)); err != 0 || !bytes.Equal(back, payload) {
				t.Fatalf("seed %d, %d at a time: AppendDecompress(%x) = %x, %v, want %x", seed, n, code, back, err, payload)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	var d Dict
	d.Set(nil, nil)
	var none Encoder
	if out, ok := none.AppendCompress([]byte("a"), &d, []byte("b"), 99); ok || string(out) != "a" {
		t.Errorf("encoder without memory: %q, %v", out, ok)
	}
	none.Reset(make([]uint16, MemFixed+MemPerByte-1))
	if _, ok := none.AppendCompress(nil, &d, []byte("b"), 99); ok {
		t.Error("encoder with too little memory compresses")
	}
	e := newEncoder(100)
	if out, ok := e.AppendCompress([]byte("a"), &d, []byte("bcd"), 3); ok || string(out) != "a" {
		t.Errorf("limit 3: %q, %v", out, ok)
	}
	if out, ok := e.AppendCompress([]byte("a"), &d, []byte("bcd"), 4); !ok || string(out) != "a\x03bcd" {
		t.Errorf("limit 4: %q, %v", out, ok)
	}
	if out, ok := e.AppendCompress([]byte("a"), &d, nil, 0); !ok || string(out) != "a" {
		t.Errorf("empty payload: %q, %v", out, ok)
	}
	for _, v := range []struct {
		code  string
		limit int
		err   Error
	}{
		{"03616263", 3, 0},
		{"03616263", 2, ErrShortBuffer},
		{"036162", 9, ErrTruncated},
		{"00", 9, 0},
		{"8f", 17, 0},
		{"8f", 16, ErrShortBuffer},
		{"60", 9, ErrMalformed}, // 011xxxxx
		{"7f", 9, ErrMalformed},
		{"91", 9, ErrMalformed}, // 1001nnnn
		{"9f", 9, ErrMalformed},
		{"0161c0", 9, 0}, // the last dictionary byte and "a"
		{"c0", 2, 0},
		{"c0", 1, ErrShortBuffer},
		{"a5c6", 2, 0}, // s = 48: the first dictionary bytes
		{"a5c7", 2, ErrMalformed},
		{"bfbfbf", 9, 0}, // extensions without a reference
		{"016190", 9, 0}, // a stop code at the end
		{"900161", 9, ErrMalformed},
	} {
		out, err := AppendDecompress([]byte("x"), &d, unhex(t, v.code), v.limit)
		if err != v.err || err != 0 && string(out) != "x" {
			t.Errorf("AppendDecompress(%s, %d) = %x, %v, want %v", v.code, v.limit, out, err, v.err)
		}
	}
	if out, n, err := AppendDecompressStop([]byte("x"), &d, []byte{1, 'a'}, 9); err != ErrTruncated || n != 0 || string(out) != "x" {
		t.Errorf("no stop code: %q, %d, %v", out, n, err)
	}
	for e := Error(0); e < 5; e++ {
		if e.Error() == "" {
			t.Errorf("Error(%d) has no text", e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x04\x9b\x00\x6b\xde\x82"), 100)
	f.Add([]byte("\x06\x9b\x01\x7a\x5f\x00\xf0\xc7\x01\x88\x81\xb4\xf0\x90\x90"), 30)
	var d Dict
	d.Set([]byte("0123456789abcdef"), []byte("ghijklmnopqrstuv"))
	f.Fuzz(func(t *testing.T, code []byte, limit int) {
		limit &= 0xffff
		got, n, err := AppendDecompressStop([]byte("p"), &d, code, limit)
		if got[0] != 'p' || len(got)-1 > limit {
			t.Fatalf("prefix or limit %d broken: %x", limit, got)
		}
		want, rest, ok := slowDecode(&d, code)
		if err == 0 && (!ok || !bytes.Equal(got[1:], want) || len(code)-len(rest) != n) {
			t.Fatalf("AppendDecompressStop(%x) = %x, %d, want %x", code, got[1:], n, want)
		}
		got, err = AppendDecompress(nil, &d, code, limit)
		if err == 0 && !bytes.Equal(got, want) {
			t.Fatalf("AppendDecompress(%x) = %x, want %x", code, got, want)
		}
		if err == ErrMalformed && ok && len(rest) == 0 {
			t.Fatalf("AppendDecompress(%x): %v, want %x", code, err, want)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuv\x00\x00\x00\x00payload payload"))
	e := newEncoder(200)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 32 || len(b) > 2000 {
			t.Skip()
		}
		var d Dict
		d.Set(b[:16], b[16:32])
		code, ok := e.AppendCompress([]byte("p"), &d, b[32:], 1<<20)
		if !ok || code[0] != 'p' {
			t.Fatalf("AppendCompress(%x) failed", b[32:])
		}
		if max := len(b) - 32; len(code)-1 > max+max/maxLiteral+max/200+2 {
			t.Fatalf("AppendCompress(%x): %d bytes", b[32:], len(code)-1)
		}
		if back, err := AppendDecompress(nil, &d, code[1:], len(b)-32); err != 0 || !bytes.Equal(back, b[32:]) {
			t.Fatalf("AppendDecompress(%x) = %x, %v, want %x", code, back, err, b[32:])
		}
	})
}

func TestAllocs(t *testing.T) {
	e := newEncoder(200)
	var d Dict
	d.Set(nil, nil)
	payload := bytes.Repeat([]byte("abc\x00\x00\x00\x01"), 20)
	buf, out := make([]byte, 0, 300), make([]byte, 0, 300)
	n := testing.AllocsPerRun(100, func() {
		code, ok := e.AppendCompress(buf, &d, payload, 300)
		if !ok {
			panic("compress")
		}
		if _, err := AppendDecompress(out, &d, code, 300); err != 0 {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocs per run, want 0", n)
	}
}

// example is Figure 14, a router advertisement of 96 bytes.
func example(b *testing.B) (*Dict, []byte) {
	for _, r := range rows(b, "rfc7400_appendix_a.json") {
		if len(r.Payload) == 192 {
			return r.dict(b), unhex(b, r.Payload)
		}
	}
	b.Fatal("no example of 96 bytes")
	return nil, nil
}

func BenchmarkDecompress(b *testing.B) {
	d, payload := example(b)
	code, _ := newEncoder(200).AppendCompress(nil, d, payload, 1000)
	out := make([]byte, 0, 200)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for i := 0; i < b.N; i++ {
		if _, err := AppendDecompress(out, d, code, 200); err != 0 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(payload)), "ns/byte")
}

func BenchmarkCompress(b *testing.B) {
	d, payload := example(b)
	e := newEncoder(200)
	out := make([]byte, 0, 200)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for i := 0; i < b.N; i++ {
		if _, ok := e.AppendCompress(out, d, payload, 200); !ok {
			b.Fatal("no")
		}
	}
}
