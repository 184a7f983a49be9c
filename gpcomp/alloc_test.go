package gpcomp

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"
)

func noAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocs per run, want 0", what, n)
	}
}

// codecs are the codecs of this package with memory for n bytes.
func codecs(n int) []Codec { return []Codec{newLZS(n), newGHC(n)} }

func TestAllocs(t *testing.T) {
	text := []byte(strings.Repeat("temperature 21.5; ", 20))
	for _, c := range codecs(400) {
		name := c.Transform().String()
		code := make([]byte, 0, c.MaxCompressedLen(len(text)))
		back := make([]byte, 0, len(text))
		noAllocs(t, name, func() {
			out, err := c.AppendCompress(code, text, cap(code))
			if err != nil {
				panic(err)
			}
			if _, err := c.AppendDecompress(back, out, len(text)); err != nil {
				panic(err)
			}
			if _, err := c.AppendCompress(code, text, 10); err != ErrShortBuffer {
				panic(err)
			}
			if _, err := c.AppendDecompress(back, out, 10); err != ErrShortBuffer {
				panic(err)
			}
			if _, err := c.AppendDecompress(back, out[:len(out)-1], 1000); err == nil && name == "lzs" {
				panic("no error")
			}
		})
	}
}

func TestAllocsAssociation(t *testing.T) {
	text := []byte(strings.Repeat("temperature 21.5; ", 20))
	packet := ipv6Packet(17, text)
	for _, c := range codecs(400) {
		a := Association{CPI: c.Transform().CPI(), Codec: c}
		small, back := make([]byte, 0, len(packet)), make([]byte, 0, len(packet))
		noAllocs(t, c.Transform().String(), func() {
			out, ok := a.AppendCompress(small, text)
			if !ok {
				panic("not compressed")
			}
			if _, err := a.AppendDecompress(back, out, true); err != nil {
				panic(err)
			}
			if out, ok, _ = a.AppendCompressUnmarked(small, text); !ok {
				panic("not compressed")
			}
			if _, _, err := a.AppendDecompressUnmarked(back, out); err != nil {
				panic(err)
			}
			if out, ok = a.AppendCompressIP(small, packet); !ok {
				panic("not compressed")
			}
			if _, err := a.AppendDecompressIP(back, out); err != nil {
				panic(err)
			}
		})
	}
}

// TestUntouched: arguments keep their content, prefixes stay, the bytes that are
// appended do not depend on dst, and nothing is kept from one payload to the next.
func TestUntouched(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for i := 0; i < 200; i++ {
		p := noisy(rnd, rnd.Intn(300), 4)
		orig := bytes.Clone(p)
		for _, c := range codecs(128) {
			name := c.Transform().String()
			code, err := c.AppendCompress(nil, p, c.MaxCompressedLen(len(p)))
			if err != nil {
				t.Fatal(err)
			}
			dirty := bytes.Repeat([]byte{0xaa}, 2000)
			with, err := c.AppendCompress(append(dirty[:0], "prefix"...), p, c.MaxCompressedLen(len(p)))
			if err != nil || string(with[:6]) != "prefix" || !bytes.Equal(with[6:], code) {
				t.Errorf("%s: AppendCompress behind a prefix: %x, %v, want %x", name, with, err, code)
			}
			keep := bytes.Clone(code)
			back, err := c.AppendDecompress(append(make([]byte, 0, 10), "prefix"...), code, len(p))
			if err != nil || string(back[:6]) != "prefix" || !bytes.Equal(back[6:], orig) {
				t.Errorf("%s: AppendDecompress behind a prefix: %x, %v, want %x", name, back, err, orig)
			}
			if !bytes.Equal(keep, code) || !bytes.Equal(orig, p) {
				t.Errorf("%s: argument changed", name)
			}
			// A copy from before the payload would find the prefix: a payload in a
			// dst that already holds it must not become shorter.
			again, err := c.AppendCompress(append([]byte{}, p...), p, c.MaxCompressedLen(len(p)))
			if err != nil || !bytes.Equal(again[len(p):], code) {
				t.Errorf("%s: AppendCompress behind the payload itself: %x, want %x", name, again[len(p):], code)
			}
		}
	}
}
