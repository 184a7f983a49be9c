package inet

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand"
	"testing"
)

// slowSum is RFC 1071 as its text reads: 16-bit words, end-around carry.
func slowSum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		s += w
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

func TestSumAgainstSlow(t *testing.T) {
	const seed = 1
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewSource(seed))
	for n := 0; n < 200; n++ {
		for k := 0; k < 20; k++ {
			b := make([]byte, n)
			switch k {
			case 0: // all ones: every add carries
				for i := range b {
					b[i] = 0xff
				}
			case 1:
			default:
				r.Read(b)
			}
			if got, want := Fold(Sum(0, b)), slowSum(b); got != want {
				t.Fatalf("Fold(Sum(0, %x)) = %04x, want %04x", b, got, want)
			}
			cut := r.Intn(n+1) &^ 1
			if got, want := Fold(Sum(Sum(0, b[:cut]), b[cut:])), slowSum(b); got != want {
				t.Fatalf("two parts of %x cut at %d: %04x, want %04x", b, cut, got, want)
			}
		}
	}
}

// TestPseudoIPv6 uses a packet that four implementations checksummed.
func TestPseudoIPv6(t *testing.T) {
	src := []byte{0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
	dst := []byte{0x20, 1, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	udp := []byte{0x27, 0x10, 0x27, 0x11, 0, 9, 0, 0, 0}
	s := Sum(PseudoIPv6(append(append([]byte{}, src...), dst...), uint32(len(udp)), 17), udp)
	if got := Fold(s); got != 0x5643 {
		t.Errorf("checksum %04x, want 5643", got)
	}
}

func TestCRC32cAgainstLibrary(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	tab := crc32.MakeTable(crc32.Castagnoli)
	for n := 0; n < 100; n++ {
		b := make([]byte, n)
		r.Read(b)
		var w [4]byte
		binary.LittleEndian.PutUint32(w[:], crc32.Checksum(b, tab))
		if got, want := CRC32c(b, -1), binary.BigEndian.Uint32(w[:]); got != want {
			t.Fatalf("CRC32c(%x) = %08x, want %08x", b, got, want)
		}
		if n >= 12 {
			z := append([]byte{}, b...)
			copy(z[8:12], make([]byte, 4))
			if got, want := CRC32c(b, 8), CRC32c(z, -1); got != want {
				t.Fatalf("CRC32c(%x, 8) = %08x, want %08x", b, got, want)
			}
		}
	}
}
