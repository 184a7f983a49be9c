package gpcomp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// fake is a codec whose codes have a size that the payload says: byte 0, of which
// 0xff stands for failure. It counts its calls.
type fake struct{ calls int }

func (*fake) Transform() Transform       { return Transform{ID: TransformLZS} }
func (*fake) Threshold() int             { return 10 }
func (*fake) MaxCompressedLen(n int) int { return n + 20 }

func (f *fake) AppendCompress(dst, src []byte, limit int) ([]byte, error) {
	f.calls++
	if int(src[0]) > limit {
		return dst, ErrShortBuffer
	}
	return append(dst, make([]byte, src[0])...), nil
}

func (*fake) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	return dst, ErrMalformed
}

// sized is a payload of n bytes whose code has size bytes.
func sized(n, size int) []byte {
	b := bytes.Repeat([]byte{'x'}, n)
	b[0] = byte(size)
	return b
}

// TestNonExpansion: smaller by one byte is sent compressed, the same size is not.
func TestNonExpansion(t *testing.T) {
	a := Association{CPI: 3, Codec: &fake{}, Backoff: Backoff{Off: true}}
	for _, c := range []struct {
		n, size           int
		implied, explicit bool
	}{
		{100, 0, true, true}, {100, 95, true, true}, {100, 96, true, false}, {100, 99, true, false},
		{100, 100, false, false}, {100, 120, false, false}, {10, 5, true, true}, {10, 6, true, false}, {9, 1, false, false},
	} {
		p := sized(c.n, c.size)
		out, ok := a.AppendCompress([]byte("p"), p)
		want := p
		if c.implied {
			want = make([]byte, c.size)
		}
		if ok != c.implied || string(out) != "p"+string(want) {
			t.Errorf("%d to %d bytes, implied: %d bytes, %v, want %v", c.n, c.size, len(out)-1, ok, c.implied)
		}
		out, ok = a.AppendCompressHeader([]byte("p"), 17, p)
		want = p
		if c.explicit {
			want = append([]byte{17, 0, 0, 3}, make([]byte, c.size)...)
		}
		if ok != c.explicit || string(out) != "p"+string(want) {
			t.Errorf("%d to %d bytes, explicit: %x, %v, want %v", c.n, c.size, out[1:], ok, c.explicit)
		}
	}
}

func TestThreshold(t *testing.T) {
	f := &fake{}
	for _, c := range []struct {
		threshold, n int
		tried        bool
	}{
		{0, 9, false}, {0, 10, true}, {1, 2, true}, {1, 1, false}, {50, 49, false}, {50, 50, true}, {1000, 999, false},
	} {
		a := Association{Codec: f, Threshold: c.threshold}
		f.calls = 0
		a.AppendCompress(nil, sized(c.n, 0))
		if (f.calls > 0) != c.tried {
			t.Errorf("threshold %d, %d bytes: %d calls", c.threshold, c.n, f.calls)
		}
	}
	a := Association{Codec: f, Threshold: 1}
	if out, ok := a.AppendCompress(nil, nil); ok || len(out) != 0 {
		t.Errorf("nothing: %x, %v", out, ok)
	}
}

// TestBackoff: T is a payload that was tried in vain, t one that got smaller, - one
// that was not tried.
func TestBackoff(t *testing.T) {
	no, yes, small := sized(100, 200), sized(100, 5), sized(5, 1)
	for _, c := range []struct {
		what string
		b    Backoff
		good map[int]bool // the payloads that get smaller
		want string
	}{
		{"default", Backoff{}, nil, "TTTT" + minus(8) + "T" + minus(16) + "T" + minus(24) + "T" + minus(32) + "T" +
			minus(40) + "T" + minus(48) + "T" + minus(56) + "T" + minus(64) + "T" + minus(64) + "T"},
		{"a success starts anew", Backoff{}, map[int]bool{3: true, 12 + 4: true}, "TTTtTTTT" + minus(8) + "tTTTT" + minus(8) + "T"},
		{"a success after skipping", Backoff{}, map[int]bool{12: true}, "TTTT" + minus(8) + "tTTTT" + minus(8) + "T" + minus(16)},
		{"all set", Backoff{Fails: 1, Skip: 2, Retries: 2, Step: 3, MaxSkip: 6}, nil, "T--TT-----TT------TT------TT"},
		{"skip above the maximum", Backoff{Fails: 1, Skip: 9, MaxSkip: 3}, nil, "T---T---T"},
		{"steps that overflow", Backoff{Fails: 1, Skip: 1, Step: 65535, MaxSkip: 2}, nil, "T-T--T--T"},
		{"off", Backoff{Off: true}, nil, strings.Repeat("T", 100)},
	} {
		f := &fake{}
		a := Association{Codec: f, Backoff: c.b}
		var got strings.Builder
		for i := range c.want {
			p := no
			if c.good[i] {
				p = yes
			}
			f.calls = 0
			_, ok := a.AppendCompress(nil, p)
			switch {
			case ok:
				got.WriteByte('t')
			case f.calls > 0:
				got.WriteByte('T')
			default:
				got.WriteByte('-')
			}
			a.AppendCompress(nil, small) // below the threshold: does not count
		}
		if got.String() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, &got, c.want)
		}
	}
	f := &fake{}
	a := Association{Codec: f}
	for i := 0; i < 5; i++ {
		a.AppendCompress(nil, no)
	}
	a.Reset()
	if a.AppendCompress(nil, no); f.calls != 5 {
		t.Errorf("after Reset: %d calls, want 5", f.calls)
	}
}

// TestBackoffUnmarked: a payload that has to be compressed starts everything anew if it
// got smaller, and not if it was sent longer.
func TestBackoffUnmarked(t *testing.T) {
	marked := func(size int) []byte {
		p := sized(100, 0)
		copy(p, []byte{byte(size), 0, 0, 3})
		return p
	}
	for _, c := range []struct{ size, want int }{{5, 0}, {104, 4}} {
		f := &fake{}
		a := Association{CPI: 3, Codec: f, NextHeader: byte(c.size), Escape: true, Backoff: Backoff{Fails: 1, Skip: 5}}
		a.AppendCompress(nil, sized(100, 200))
		a.AppendCompress(nil, sized(100, 5))
		if _, ok, err := a.AppendCompressUnmarked(nil, marked(c.size)); !ok || err != nil || f.calls != 2 {
			t.Errorf("%d: %v, %v, %d calls", c.size, ok, err, f.calls)
		}
		if int(a.skip) != c.want {
			t.Errorf("%d: %d are to be skipped, want %d", c.size, a.skip, c.want)
		}
	}
}

func minus(n int) string { return strings.Repeat("-", n) }

func TestForms(t *testing.T) {
	z := newLZS(500)
	a := Association{CPI: 3, Codec: z, NextHeader: 59}
	p := []byte(strings.Repeat("temperature;", 20))
	code, err := z.AppendCompress(nil, p, 1000)
	if err != nil {
		t.Fatal(err)
	}

	out, ok := a.AppendCompress([]byte("p"), p)
	if !ok || string(out) != "p"+string(code) {
		t.Errorf("AppendCompress: %x, %v", out, ok)
	}
	if back, err := a.AppendDecompress([]byte("q"), out[1:], true); err != nil || string(back) != "q"+string(p) {
		t.Errorf("AppendDecompress: %x, %v", back, err)
	}
	if back, err := a.AppendDecompress([]byte("q"), p, false); err != nil || string(back) != "q"+string(p) {
		t.Errorf("AppendDecompress, not compressed: %x, %v", back, err)
	}

	out, ok = a.AppendCompressHeader([]byte("p"), 17, p)
	if !ok || string(out) != "p\x11\x00\x00\x03"+string(code) {
		t.Errorf("AppendCompressHeader: %x, %v", out, ok)
	}
	out[2] = 0xff // flags are ignored
	back, next, err := a.AppendDecompressHeader([]byte("q"), out[1:])
	if err != nil || next != 17 || string(back) != "q"+string(p) {
		t.Errorf("AppendDecompressHeader: %x, %d, %v", back, next, err)
	}
	for n, want := range map[int]error{0: ErrTruncated, 3: ErrTruncated, 4: ErrTruncated, len(out) - 2: ErrTruncated} {
		if back, _, err := a.AppendDecompressHeader([]byte("q"), out[1:][:n]); err != want || string(back) != "q" {
			t.Errorf("AppendDecompressHeader of %d bytes: %x, %v, want %v", n, back, err, want)
		}
	}
	other := Association{CPI: 300, Codec: z}
	if back, _, err := other.AppendDecompressHeader([]byte("q"), out[1:]); err != ErrNoSA || string(back) != "q" {
		t.Errorf("another CPI: %x, %v", back, err)
	}

	var none Association
	if out, ok := none.AppendCompress([]byte("p"), p); ok || string(out) != "p"+string(p) {
		t.Errorf("no codec: %x, %v", out, ok)
	}
	if back, err := none.AppendDecompress([]byte("q"), code, true); err != ErrUnsupported || string(back) != "q" {
		t.Errorf("no codec: %x, %v", back, err)
	}
}

// TestMaxLen: a bomb gets ErrShortBuffer.
func TestMaxLen(t *testing.T) {
	z := newLZS(4096)
	code, err := z.AppendCompress(nil, make([]byte, 70000), 10000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		max  int
		want error
	}{{0, ErrShortBuffer}, {69999, ErrShortBuffer}, {70000, nil}} {
		a := Association{Codec: z, MaxLen: c.max}
		if _, err := a.AppendDecompress(nil, code, true); err != c.want {
			t.Errorf("MaxLen %d: %v, want %v", c.max, err, c.want)
		}
	}
}

// TestUnmarked: whatever the sender sends, the receiver takes for what it is.
func TestUnmarked(t *testing.T) {
	a := Association{CPI: 61440, Codec: newGHC(200), NextHeader: 0}
	like := func(s string) []byte { return append([]byte{0, 0x55, 0xf0, 0x00}, s...) }
	for _, c := range []struct {
		what    string
		payload []byte
		want    string // "plain", "compressed", "refused"; with escape what comes behind it
		escape  string
	}{
		{"nothing", nil, "plain", "plain"},
		{"short", []byte("abc"), "plain", "plain"},
		{"compressible", bytes.Repeat([]byte("abc"), 20), "compressed", "compressed"},
		{"not compressible", pairless(40), "plain", "plain"},
		{"like a header", like(""), "refused", "compressed"},
		{"like a header, not compressible", like("abcdefghijk"), "refused", "compressed"},
		{"like a header, compressible", like(strings.Repeat("abc", 20)), "compressed", "compressed"},
		{"like a header up to the CPI", []byte{0, 0, 0xf0, 1, 'a', 'b', 'c'}, "plain", "plain"},
		{"like three bytes of a header", []byte{0, 0, 0xf0}, "plain", "plain"},
	} {
		for _, escape := range []bool{false, true} {
			a.Escape = escape
			want := c.want
			if escape {
				want = c.escape
			}
			out, ok, err := a.AppendCompressUnmarked([]byte("p"), c.payload)
			got := "plain"
			if ok {
				got = "compressed"
			}
			if err == ErrRefused && string(out) == "p" {
				got = "refused"
			} else if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			if got != want || out[0] != 'p' {
				t.Errorf("%s, escape %v: %s, want %s", c.what, escape, got, want)
			}
			if err != nil {
				continue
			}
			back, was, err := a.AppendDecompressUnmarked([]byte("q"), out[1:])
			if err != nil || was != ok || string(back) != "q"+string(c.payload) {
				t.Errorf("%s: AppendDecompressUnmarked(%x) = %x, %v, %v, want %x", c.what, out[1:], back, was, err, c.payload)
			}
		}
	}
	// A damaged one is an error, not a payload.
	if out, was, err := a.AppendDecompressUnmarked([]byte("q"), like("\x60")); err != ErrMalformed || !was || string(out) != "q" {
		t.Errorf("damaged: %x, %v, %v", out, was, err)
	}
	none := Association{CPI: 61440}
	if out, _, err := none.AppendCompressUnmarked([]byte("p"), like("")); err != ErrRefused || string(out) != "p" {
		t.Errorf("no codec: %x, %v", out, err)
	}
}

func TestCheck(t *testing.T) {
	z, g := newLZS(50), newGHC(50)
	for _, c := range []struct {
		a    Association
		want error
	}{
		{Association{}, nil},
		{Association{CPI: 3, Codec: z}, nil},
		{Association{CPI: 256, Codec: z}, nil},
		{Association{CPI: 61440, Codec: g}, nil},
		{Association{CPI: 65535, Codec: g, Threshold: 1, MaxLen: 1}, nil},
		{Association{CPI: 2, Codec: z}, ErrMalformed},
		{Association{CPI: 3, Codec: g}, ErrMalformed},
		{Association{CPI: 1, Codec: g}, ErrMalformed}, // which vendor's?
		{Association{CPI: 1}, ErrMalformed},
		{Association{CPI: 64, Codec: z}, ErrMalformed},
		{Association{CPI: 255, Codec: z}, ErrMalformed},
		{Association{Threshold: -1}, ErrMalformed},
		{Association{MaxLen: -1}, ErrMalformed},
	} {
		if err := c.a.Check(); err != c.want {
			t.Errorf("Check of %+v: %v, want %v", c.a, err, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	list := []*Association{{CPI: 3}, {CPI: 300}, {CPI: 3, NextHeader: 1}}
	if Find(list, 3) != list[0] || Find(list, 300) != list[1] || Find(list, 4) != nil || Find(nil, 0) != nil {
		t.Error("Find finds others")
	}
}

func TestTransform(t *testing.T) {
	var z LZS
	var g GHC
	for _, c := range []struct {
		t    Transform
		name string
		cpi  CPI
	}{
		{z.Transform(), "lzs", 3}, {g.Transform(), "ghc", 61440}, {DictTransform(1), "iot-1", 61441}, {DictTransform(9), "iot-9", 61449},
		{DictTransform(0), "oui", 0}, {Transform{ID: TransformDeflate}, "deflate", 2}, {Transform{ID: TransformLZJH}, "lzjh", 4},
		{Transform{ID: TransformOUI}, "oui", 0}, {Transform{ID: 77}, "unknown", 0}, {Transform{}, "unknown", 0},
	} {
		if c.t.String() != c.name || c.t.CPI() != c.cpi {
			t.Errorf("%+v: %s, CPI %d, want %s, %d", c.t, c.t, c.t.CPI(), c.name, c.cpi)
		}
		if c.cpi != 0 && !c.cpi.Valid() {
			t.Errorf("CPI %d is not valid", c.cpi)
		}
		if c.t.ID != TransformOUI {
			continue
		}
		b := c.t.AppendVendor([]byte("p"))
		if back, err := ParseVendor(b[1:]); err != nil || back != c.t || b[0] != 'p' {
			t.Errorf("ParseVendor(%x) = %+v, %v, want %+v", b[1:], back, err, c.t)
		}
		if _, err := ParseVendor(b[2:]); err != ErrTruncated {
			t.Errorf("ParseVendor(%x): %v", b[2:], err)
		}
		if _, err := ParseVendor(b); err != ErrMalformed {
			t.Errorf("ParseVendor(%x): %v", b, err)
		}
	}
	if b := GHCTransform().AppendVendor(nil); fmt.Sprintf("%x", b) != "0253430101" {
		t.Errorf("AppendVendor = %x", b)
	}
}

func TestHeader(t *testing.T) {
	h, err := ParseHeader(mustHex(t, "11a5f00199"))
	if err != nil || h != (Header{17, 0xa5, 61441}) {
		t.Errorf("ParseHeader = %+v, %v", h, err)
	}
	if b := h.AppendTo([]byte("p")); fmt.Sprintf("%x", b) != "701100f001" {
		t.Errorf("AppendTo = %x", b)
	}
	for n := 0; n < 4; n++ {
		if _, err := ParseHeader(make([]byte, n)); err != ErrTruncated {
			t.Errorf("ParseHeader of %d bytes: %v", n, err)
		}
	}
	for c, want := range map[CPI]bool{0: false, 1: true, 63: true, 64: false, 255: false, 256: true, 61439: true, 61440: true, 65535: true} {
		if c.Valid() != want {
			t.Errorf("CPI %d valid: %v", c, c.Valid())
		}
	}
}

func TestErrors(t *testing.T) {
	seen := map[string]bool{}
	for e := ErrTruncated; e <= ErrRefused; e++ {
		if e.Class() == "" || seen[e.Class()] || seen[e.Error()] || !strings.HasPrefix(e.Error(), "gpcomp: ") {
			t.Errorf("%d: %q, %q", e, e.Error(), e.Class())
		}
		seen[e.Class()], seen[e.Error()] = true, true
	}
	if e := Error(0); e.Class() != "" || e.Error() != "gpcomp: no error" {
		t.Errorf("0: %q, %q", e.Error(), e.Class())
	}
}
