package gpcomp

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand"
	"strings"
	"testing"
)

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mustBits packs bits, padded with zeros; blanks are ignored.
func mustBits(t testing.TB, s string) []byte {
	t.Helper()
	s = strings.ReplaceAll(s, " ", "")
	var out []byte
	for i := range s {
		if i%8 == 0 {
			out = append(out, 0)
		}
		if s[i] != '0' && s[i] != '1' {
			t.Fatalf("not bits: %q", s)
		}
		out[i/8] |= (s[i] - '0') << (7 - i%8)
	}
	return out
}

func newLZS(n int) *LZS {
	z := new(LZS)
	z.Reset(make([]uint16, LZSMem(n)))
	return z
}

// noisy returns n bytes of an alphabet of k values, with copies from before.
func noisy(rnd *rand.Rand, n, k int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		if len(b) > 0 && rnd.Intn(4) == 0 {
			from := rnd.Intn(len(b))
			for l := 1 + rnd.Intn(40); l > 0; l-- {
				b = append(b, b[from])
				from++
			}
			continue
		}
		b = append(b, byte(rnd.Intn(k)))
	}
	return b[:n]
}

// TestLZSEncodings are codes written bit by bit after RFC 2395, Section 2.2.
func TestLZSEncodings(t *testing.T) {
	z := newLZS(64)
	end := " 110000000"
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct{ payload, bits string }{
		{"", ""},
		{"a", "0 01100001"},
		{"ab", "0 01100001 0 01100010"},
		{"aaa", "0 01100001 11 0000001 00"},
		{a(4), "0 01100001 11 0000001 01"},
		{a(5), "0 01100001 11 0000001 10"},
		{a(6), "0 01100001 11 0000001 1100"},
		{a(8), "0 01100001 11 0000001 1110"},
		{a(9), "0 01100001 11 0000001 1111 0000"},
		{a(23), "0 01100001 11 0000001 1111 1110"},
		{a(24), "0 01100001 11 0000001 1111 1111 0000"},
		{a(38), "0 01100001 11 0000001 1111 1111 1110"},
		{a(39), "0 01100001 11 0000001 1111 1111 1111 0000"},
		{"abcabcab", "0 01100001 0 01100010 0 01100011 11 0000011 1100"},
	} {
		want := mustBits(t, c.bits+end)
		got, err := z.AppendCompress(nil, []byte(c.payload), 100)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("AppendCompress(%q) = %x, %v, want %x", c.payload, got, err, want)
		}
		back, err := z.AppendDecompress(nil, want, len(c.payload))
		if err != nil || string(back) != c.payload {
			t.Errorf("AppendDecompress(%x) = %q, %v, want %q", want, back, err, c.payload)
		}
	}
}

// TestLZSLongOffset: 127 is the last short offset and 2047 the last one.
func TestLZSLongOffset(t *testing.T) {
	z := newLZS(4096)
	for _, c := range []struct {
		offset int
		token  string // empty: no copy
	}{
		{126, "11 1111110"}, {127, "11 1111111"}, {128, "10 00010000000"}, {2047, "10 11111111111"}, {2048, ""},
	} {
		// Bytes of which no two follow each other twice, then the first five again.
		p := pairless(c.offset)
		p = append(p, p[:5]...)
		code, err := z.AppendCompress(nil, p, z.MaxCompressedLen(len(p)))
		if err != nil {
			t.Fatal(err)
		}
		want := 9*len(p) + 9
		if c.token != "" {
			tail := mustBits(t, c.token+"1100 110000000")
			want = 9*c.offset + len(c.token) - 1 + 4 + 9
			if got := shift(code, 9*c.offset); !bytes.Equal(got, tail) {
				t.Errorf("offset %d: token %x, want %x", c.offset, got, tail)
			}
		}
		if len(code) != (want+7)/8 {
			t.Errorf("offset %d: %d bytes, want %d", c.offset, len(code), (want+7)/8)
		}
		if back, err := z.AppendDecompress(nil, code, len(p)); err != nil || !bytes.Equal(back, p) {
			t.Errorf("offset %d: does not come back: %v", c.offset, err)
		}
	}
}

// pairless returns n bytes in which no pair occurs twice, nor that of the last and
// the first.
func pairless(n int) []byte {
	rnd := rand.New(rand.NewSource(5))
	p := []byte{7}
	seen := map[[2]byte]bool{}
	for len(p) < n {
		next := byte(rnd.Intn(256))
		pair := [2]byte{p[len(p)-1], next}
		if !seen[pair] && (len(p) < n-1 || !seen[[2]byte{next, 7}] && pair != [2]byte{next, 7}) {
			seen[pair] = true
			p = append(p, next)
		}
	}
	return p
}

// shift returns the bits of b from bit n on.
func shift(b []byte, n int) []byte {
	b = append([]byte{}, b[n/8:]...)
	for i := range b {
		b[i] <<= n % 8
		if i+1 < len(b) {
			b[i] |= b[i+1] >> (8 - n%8)
		}
	}
	if n%8 > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

func TestLZSBad(t *testing.T) {
	var z LZS
	for _, c := range []struct {
		what, bits string
		want       error
	}{
		{"nothing", "", ErrTruncated},
		{"no end marker", "0 01100001", ErrTruncated},
		{"end marker cut", "0 01100001 1100000", ErrTruncated},
		{"byte cut", "0 0110000", ErrTruncated},
		{"length cut", "0 01100001 11 0000001 1111", ErrTruncated},
		{"long length cut", "0 01100001 0 01100001 11 0000001 11 1111 1111", ErrTruncated},
		{"before the payload", "0 01100001 11 0000010 00 110000000", ErrMalformed},
		{"before the payload, long", "0 01100001 10 00000000010 00 110000000", ErrMalformed},
		{"offset 0 in 11 bits", "0 01100001 10 00000000000 00 110000000", ErrMalformed},
	} {
		code := mustBits(t, c.bits)
		got, err := z.AppendDecompress([]byte("p"), code, 100)
		if err != c.want || string(got) != "p" {
			t.Errorf("%s: AppendDecompress(%x) = %q, %v, want %v", c.what, code, got, err, c.want)
		}
	}
	// What a good compressor does not send.
	for _, c := range []struct{ what, bits, want string }{
		{"short offset in 11 bits", "0 01100001 10 00000000001 00 110000000", "aaa"},
		{"padding bits", "0 01100001 110000000 111111", "a"},
		{"padding bytes", "0 01100001 110000000 111111 11111111 01010101", "a"},
	} {
		code := mustBits(t, c.bits)
		if got, err := z.AppendDecompress(nil, code, 100); err != nil || string(got) != c.want {
			t.Errorf("%s: AppendDecompress(%x) = %q, %v, want %q", c.what, code, got, err, c.want)
		}
		if got, ok := slowLZS(code); !ok || string(got) != c.want {
			t.Errorf("%s: the reference gives %q, %v", c.what, got, ok)
		}
	}
}

// TestLZSBomb: a code of 1000 bytes for 29,000 stops at the limit.
func TestLZSBomb(t *testing.T) {
	z := newLZS(4096)
	p := make([]byte, 29000)
	code, err := z.AppendCompress(nil, p, 1100)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{-1, 0, 1, 100, len(p) - 1} {
		if got, err := z.AppendDecompress([]byte("p"), code, limit); err != ErrShortBuffer || len(got) != 1 {
			t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
		}
	}
	for _, limit := range []int{len(p), math.MaxInt} {
		if got, err := z.AppendDecompress(nil, code, limit); err != nil || !bytes.Equal(got, p) {
			t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
		}
	}
}

// TestLZSOptimal: up to 256 bytes no code is shorter than ours.
func TestLZSOptimal(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	z := newLZS(256)
	runs := 600
	if testing.Short() || raceEnabled {
		runs = 60
	}
	for i := 0; i < runs; i++ {
		p := noisy(rnd, rnd.Intn(257), 1+rnd.Intn(8))
		code, err := z.AppendCompress(nil, p, z.MaxCompressedLen(len(p)))
		if err != nil {
			t.Fatal(err)
		}
		if want := (slowLZSBits(p) + 7) / 8; len(code) != want {
			t.Errorf("AppendCompress(%x): %d bytes, %d are possible", p, len(code), want)
		}
	}
}

// TestLZSLonger: longer payloads, with any memory, come back, and with enough of it
// are close to the shortest code.
func TestLZSLonger(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	var got, want int
	for i := 0; i < 60; i++ {
		p := noisy(rnd, rnd.Intn(1500), 1+rnd.Intn(200))
		for _, n := range []int{9, 50, 500, 1500} {
			z := newLZS(n)
			code, err := z.AppendCompress(nil, p, z.MaxCompressedLen(len(p)))
			if err != nil {
				t.Fatal(err)
			}
			if back, ok := slowLZS(code); !ok || !bytes.Equal(back, p) {
				t.Fatalf("memory for %d: AppendCompress(%x) = %x, which is %x", n, p, code, back)
			}
			if back, err := z.AppendDecompress(nil, code, len(p)); err != nil || !bytes.Equal(back, p) {
				t.Fatalf("AppendDecompress(%x) = %x, %v", code, back, err)
			}
			if n == 1500 {
				got += len(code)
			}
		}
		want += (slowLZSBits(p) + 7) / 8
	}
	if got < want || got > want+want/200 {
		t.Errorf("%d bytes, %d are possible", got, want)
	}
}

// TestLZSVeryLong: positions are counted anew, offsets of up to 2047 bytes reach back
// over the seams of blocks, and a payload of runs does not take forever.
func TestLZSVeryLong(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	for _, n := range []int{100, 4096} {
		z := newLZS(n)
		for _, p := range [][]byte{
			bytes.Repeat(noisy(rnd, 1000, 256), 100),
			bytes.Repeat(append(bytes.Repeat([]byte{0}, 700), 1), 100),
			make([]byte, 100000),
			noisy(rnd, 100000, 3),
		} {
			code, err := z.AppendCompress(nil, p, z.MaxCompressedLen(len(p)))
			if err != nil {
				t.Fatal(err)
			}
			if back, err := z.AppendDecompress(nil, code, len(p)); err != nil || !bytes.Equal(back, p) {
				t.Errorf("memory for %d: %x...: does not come back: %v", n, p[:8], err)
			}
		}
	}
	// With memory for 4096 bytes a period of 1000 costs little more than itself.
	p := bytes.Repeat(noisy(rnd, 1000, 256), 30)
	z := newLZS(4096)
	code, err := z.AppendCompress(nil, p, z.MaxCompressedLen(len(p)))
	if err != nil || len(code) > 2200 {
		t.Errorf("%d bytes, %v; want at most 2200", len(code), err)
	}
}

// TestLZSLimit: every limit below the size of the code is ErrShortBuffer, and then
// dst is as it was.
func TestLZSLimit(t *testing.T) {
	rnd := rand.New(rand.NewSource(4))
	z := newLZS(40)
	for i := 0; i < 30; i++ {
		p := noisy(rnd, rnd.Intn(150), 3)
		code, err := z.AppendCompress([]byte("p"), p, math.MaxInt)
		if err != nil || code[0] != 'p' {
			t.Fatal(err)
		}
		code = code[1:]
		if len(code) > z.MaxCompressedLen(len(p)) {
			t.Errorf("%d bytes for %d, more than MaxCompressedLen", len(code), len(p))
		}
		for limit := -1; limit <= len(code)+1; limit++ {
			got, err := z.AppendCompress([]byte("p"), p, limit)
			switch {
			case limit < len(code) && (err != ErrShortBuffer || string(got) != "p"):
				t.Errorf("limit %d: %x, %v, want %v", limit, got, err, ErrShortBuffer)
			case limit >= len(code) && (err != nil || !bytes.Equal(got[1:], code)):
				t.Errorf("limit %d: %x, %v, want %x", limit, got, err, code)
			}
		}
	}
}

func TestLZSMem(t *testing.T) {
	for n := 0; n < 5000; n++ {
		var z LZS
		z.Reset(make([]uint16, LZSMem(n)))
		part, chain := len(z.num)-1, len(z.prev)
		if want := min(max(n, 9), 4096); part != want || chain < min(want, 2048) {
			t.Errorf("LZSMem(%d): parts of %d bytes, chains of %d", n, part, chain)
		}
	}
	var z LZS
	z.Reset(make([]uint16, LZSMem(9)-1))
	if _, err := z.AppendCompress(nil, []byte("a"), 100); err != ErrUnsupported {
		t.Errorf("less than the least memory: %v", err)
	}
	z.Reset(make([]uint16, LZSMem(9)))
	if _, err := z.AppendCompress(nil, []byte("a"), 100); err != nil {
		t.Errorf("the least memory: %v", err)
	}
	z.Reset(nil)
	if _, err := z.AppendCompress(nil, []byte("a"), 100); err != ErrUnsupported {
		t.Errorf("no memory: %v", err)
	}
}
