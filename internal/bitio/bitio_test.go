package bitio

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"
)

// bitString is the readable reference: a slice as text of 0 and 1.
func bitString(b []byte) string {
	var s strings.Builder
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			s.WriteByte('0' + x>>uint(i)&1)
		}
	}
	return s.String()
}

func fromBits(s string) uint64 {
	var v uint64
	for _, c := range s {
		v = v<<1 | uint64(c-'0')
	}
	return v
}

// TestGetPut compares with text for every offset 0-16 and length 0-64, over
// buffers that end exactly behind the value and longer ones.
func TestGetPut(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for off := 0; off <= 16; off++ {
		for n := 0; n <= 64; n++ {
			for extra := 0; extra < 3; extra++ {
				b := make([]byte, (off+n+7)/8+extra*5)
				r.Read(b)
				s := bitString(b)
				want := fromBits(s[off : off+n])
				if got := Get(b, off, n); got != want {
					t.Fatalf("Get(%x, %d, %d) = %x, want %x", b, off, n, got, want)
				}
				v := r.Uint64()
				d := bytes.Clone(b)
				Put(d, off, n, v)
				ds := bitString(d)
				wantBits := s[:off]
				for i := n - 1; i >= 0; i-- {
					wantBits += string(rune('0' + v>>uint(i)&1))
				}
				wantBits += s[off+n:]
				if ds != wantBits {
					t.Fatalf("Put(%x, %d, %d, %x): %s, want %s", b, off, n, v, ds, wantBits)
				}
			}
		}
	}
}

func TestGetBehindEnd(t *testing.T) {
	b := []byte{0xff, 0xff}
	for off := 0; off < 40; off++ {
		for n := 0; n <= 64; n++ {
			want := fromBits((bitString(b) + strings.Repeat("0", 128))[off : off+n])
			if got := Get(b, off, n); got != want {
				t.Fatalf("Get(%x, %d, %d) = %x, want %x", b, off, n, got, want)
			}
		}
	}
}

func TestCopyEqual(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for so := 0; so <= 8; so++ {
		for do := 0; do <= 8; do++ {
			for n := 0; n < 300; n += 1 + r.Intn(5) {
				src := make([]byte, (so+n+7)/8)
				dst := make([]byte, (do+n+7)/8+r.Intn(2))
				r.Read(src)
				r.Read(dst)
				want := bitString(dst)[:do] + bitString(src)[so:so+n] + bitString(dst)[do+n:]
				Copy(dst, do, src, so, n)
				if got := bitString(dst); got != want {
					t.Fatalf("Copy(dst, %d, %x, %d, %d): %s, want %s", do, src, so, n, got, want)
				}
				if !Equal(dst, do, src, so, n) {
					t.Fatalf("Equal is false after Copy, offsets %d %d, %d bits", do, so, n)
				}
				if n > 0 {
					at := do + r.Intn(n)
					dst[at>>3] ^= 0x80 >> uint(at&7)
					if Equal(dst, do, src, so, n) {
						t.Fatalf("Equal is true with bit %d flipped", at)
					}
				}
			}
		}
	}
}

// TestCopySum compares with Copy and a sum over single words of 16 bits, for
// every bit offset and length, over sources that end exactly behind the bits and
// longer ones.
func TestCopySum(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for off := 0; off <= 16; off++ {
		for n := 0; n <= 70; n++ {
			for extra := 0; extra < 3; extra++ {
				src := make([]byte, (off+n*8+7)/8+extra*9)
				r.Read(src)
				want := make([]byte, n+2)
				Copy(want, 0, src, off, n*8)
				sum := 0
				for i := 0; i < n; i++ {
					sum += int(want[i]) << (8 * uint(1-i&1))
				}
				got := make([]byte, n+2)
				s := CopySum(got, src, off, n)
				if !bytes.Equal(got, want) {
					t.Fatalf("CopySum(%x, %d, %d) wrote %x, want %x", src, off, n, got, want)
				}
				if s%0xffff != uint64(sum%0xffff) || s == 0 != (sum == 0) {
					t.Fatalf("CopySum(%x, %d, %d) = %x, want %x mod ffff", src, off, n, s, sum)
				}
			}
		}
	}
}
