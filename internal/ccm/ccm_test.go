package ccm

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

var _ cipher.AEAD = (*CCM)(nil)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("hex %q: %v", s, err)
	}
	return b
}

func mustNew(t testing.TB, key []byte, nonceSize, tagSize int) *CCM {
	t.Helper()
	b, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(b, nonceSize, tagSize)
	if err != nil {
		t.Fatalf("New(%d, %d): %v", nonceSize, tagSize, err)
	}
	return c
}

type vector struct {
	name                       string
	tag                        int
	key, nonce, aad, msg, want []byte
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var vs []vector
	for _, name := range []string{"testdata/rfc3610.txt", "testdata/nist.txt"} {
		f, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(f)), "\n") {
			w := strings.Fields(line)
			if w[0] == "#" {
				continue
			}
			v := vector{name: w[0], key: unhex(t, w[2]), nonce: unhex(t, w[3]), msg: unhex(t, w[5]), want: unhex(t, w[6])}
			if v.tag, err = strconv.Atoi(w[1]); err != nil {
				t.Fatal(err)
			}
			if w[4] == "256x" {
				for i := 0; i < 1<<16; i++ {
					v.aad = append(v.aad, byte(i))
				}
			} else {
				v.aad = unhex(t, w[4])
			}
			vs = append(vs, v)
		}
	}
	if len(vs) != 24+4 {
		t.Fatalf("%d vectors, want 28", len(vs))
	}
	return vs
}

// TestVectors runs the 24 packet vectors of RFC 3610 and the 4 examples of NIST
// SP 800-38C: into nil, behind a prefix, and in place.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		c := mustNew(t, v.key, len(v.nonce), v.tag)
		if got := c.Seal(nil, v.nonce, v.msg, v.aad); !bytes.Equal(got, v.want) {
			t.Errorf("%s: Seal(%x) = %x, want %x", v.name, v.msg, got, v.want)
		}
		if got := c.Seal([]byte("pre"), v.nonce, v.msg, v.aad); string(got) != "pre"+string(v.want) {
			t.Errorf("%s: Seal behind a prefix = %x, want %x", v.name, got, v.want)
		}
		buf := append(make([]byte, 0, 4096), v.msg...)
		if got := c.Seal(buf[:0], v.nonce, buf, v.aad); !bytes.Equal(got, v.want) || &got[0] != &buf[:1][0] {
			t.Errorf("%s: Seal in place = %x, want %x", v.name, got, v.want)
		}
		if got, err := c.Open(nil, v.nonce, v.want, v.aad); err != nil || !bytes.Equal(got, v.msg) {
			t.Errorf("%s: Open(%x) = %x, %v, want %x", v.name, v.want, got, err, v.msg)
		}
		if got, err := c.Open([]byte("pre"), v.nonce, v.want, v.aad); err != nil || string(got) != "pre"+string(v.msg) {
			t.Errorf("%s: Open behind a prefix = %x, %v, want %x", v.name, got, err, v.msg)
		}
		buf = append(buf[:0], v.want...)
		if got, err := c.Open(buf[:0], v.nonce, buf, v.aad); err != nil || !bytes.Equal(got, v.msg) {
			t.Errorf("%s: Open in place = %x, %v, want %x", v.name, got, err, v.msg)
		}
	}
}

// TestRefused flips every bit of message, tag, nonce and associated data, and
// checks that nothing is released.
func TestRefused(t *testing.T) {
	for _, v := range vectors(t)[:27] { // not the one with 64 KiB of associated data
		c := mustNew(t, v.key, len(v.nonce), v.tag)
		for _, part := range []struct {
			name string
			b    []byte
		}{{"message", v.want}, {"nonce", v.nonce}, {"associated data", v.aad}} {
			for i := 0; i < len(part.b)*8; i++ {
				part.b[i/8] ^= 0x80 >> uint(i%8)
				buf := bytes.Repeat([]byte{0xee}, 4+len(v.msg))
				got, err := c.Open(buf[:4], v.nonce, v.want, v.aad)
				part.b[i/8] ^= 0x80 >> uint(i%8)
				if !errors.Is(err, ErrOpen) || len(got) != 4 {
					t.Fatalf("%s: %s bit %d flipped: Open = %x, %v, want %v", v.name, part.name, i, got, err, ErrOpen)
				}
				if !bytes.Equal(buf[:4], []byte{0xee, 0xee, 0xee, 0xee}) || !bytes.Equal(buf[4:], make([]byte, len(v.msg))) {
					t.Fatalf("%s: %s bit %d flipped: %x is left behind dst", v.name, part.name, i, buf)
				}
			}
		}
		for n := 0; n < len(v.want); n++ {
			if got, err := c.Open(nil, v.nonce, v.want[:n], v.aad); !errors.Is(err, ErrOpen) || len(got) != 0 {
				t.Fatalf("%s: Open of %d bytes = %x, %v, want %v", v.name, n, got, err, ErrOpen)
			}
		}
	}
}

func TestParameters(t *testing.T) {
	b, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	for nonce := -1; nonce < 20; nonce++ {
		for tag := -1; tag < 20; tag++ {
			var want error
			if tag < 4 || tag > 16 || tag%2 != 0 {
				want = ErrTagSize
			}
			if nonce < 7 || nonce > 13 {
				want = ErrNonceSize
			}
			c, err := New(b, nonce, tag)
			if err != want || (c == nil) != (want != nil) {
				t.Errorf("New(%d, %d) = %v, %v, want %v", nonce, tag, c, err, want)
			}
			if c != nil && (c.NonceSize() != nonce || c.Overhead() != tag) {
				t.Errorf("New(%d, %d): NonceSize %d, Overhead %d", nonce, tag, c.NonceSize(), c.Overhead())
			}
		}
	}
	if _, err := New(nil, 13, 8); err != ErrBlockSize {
		t.Errorf("New(nil) = %v, want %v", err, ErrBlockSize)
	}
	if _, err := New(small{}, 13, 8); err != ErrBlockSize {
		t.Errorf("New(8-byte blocks) = %v, want %v", err, ErrBlockSize)
	}
	for e := Error(0); e < 8; e++ {
		if !strings.HasPrefix(e.Error(), "ccm: ") {
			t.Errorf("Error(%d) = %q", e, e.Error())
		}
	}
}

type small struct{ cipher.Block }

func (small) BlockSize() int { return 8 }

// TestMisuse checks what the caller may not do: another nonce size, a message
// that the length field cannot hold, a CCM without a cipher.
func TestMisuse(t *testing.T) {
	c := mustNew(t, make([]byte, 16), 13, 8)
	if n := c.MaxPlaintext(); n != 65535 {
		t.Errorf("MaxPlaintext = %d, want 65535", n)
	}
	if n := mustNew(t, make([]byte, 16), 7, 8).MaxPlaintext(); n != maxInt {
		t.Errorf("MaxPlaintext = %d, want %d", n, maxInt)
	}
	panics := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	panics("short nonce", func() { c.Seal(nil, make([]byte, 12), nil, nil) })
	panics("long nonce", func() { _, _ = c.Open(nil, make([]byte, 14), make([]byte, 8), nil) })
	panics("long message", func() { c.Seal(nil, make([]byte, 13), make([]byte, 65536), nil) })
	panics("no cipher", func() { new(CCM).Seal(nil, nil, nil, nil) })
	if _, err := c.Open(nil, make([]byte, 13), make([]byte, 65536+8), nil); err != ErrOpen {
		t.Errorf("Open of a message that cannot be = %v, want %v", err, ErrOpen)
	}
	long := make([]byte, 65535)
	out, err := c.Open(nil, make([]byte, 13), c.Seal(nil, make([]byte, 13), long, nil), nil)
	if err != nil || !bytes.Equal(out, long) {
		t.Errorf("Open(Seal(65535 bytes)) = %d bytes, %v", len(out), err)
	}
}

// python runs the AES-CCM of python3-cryptography over lines of "tag key nonce
// aad plaintext" and returns ciphertexts with tags.
func python(t *testing.T, in string) []string {
	t.Helper()
	const prog = `
import sys
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
x = lambda s: b"" if s == "-" else bytes.fromhex(s)
for line in sys.stdin:
    tag, key, nonce, aad, msg = line.split()
    print(AESCCM(x(key), int(tag)).encrypt(x(nonce), x(msg), x(aad)).hex())
`
	if err := exec.Command("python3", "-c", "from cryptography.hazmat.primitives.ciphers.aead import AESCCM").Run(); err != nil {
		t.Skip("absent: python3 with its package cryptography (apt install python3-cryptography)")
	}
	cmd := exec.Command("python3", "-c", prog)
	cmd.Stdin = strings.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v: %s", err, stderr.String())
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

// TestIndependent checks that the vectors are right by an implementation that
// shares nothing with this one, and compares with it over random parameters.
func TestIndependent(t *testing.T) {
	vs := vectors(t)
	rnd := rand.New(rand.NewSource(1))
	random := func(n int) []byte {
		b := make([]byte, n)
		rnd.Read(b)
		return b
	}
	for i := 0; i < 2000; i++ {
		aad := rnd.Intn(64)
		switch i % 100 {
		case 0:
			aad = 0xff00 - 2 + rnd.Intn(4)
		case 1:
			aad = 0x10000 + rnd.Intn(64)
		}
		v := vector{name: fmt.Sprintf("random-%d", i), tag: 4 + 2*rnd.Intn(7), key: random(16 + 8*rnd.Intn(3)),
			nonce: random(7 + rnd.Intn(7)), aad: random(aad), msg: random(rnd.Intn(100))}
		if i%50 == 0 {
			v.msg = random(4000 + rnd.Intn(200)) // more than 255 blocks
		}
		vs = append(vs, v)
	}
	dash := func(b []byte) string {
		if len(b) == 0 {
			return "-"
		}
		return hex.EncodeToString(b)
	}
	var in strings.Builder
	for _, v := range vs {
		fmt.Fprintf(&in, "%d %x %x %s %s\n", v.tag, v.key, v.nonce, dash(v.aad), dash(v.msg))
	}
	out := python(t, in.String())
	if len(out) != len(vs) {
		t.Fatalf("python3: %d lines, want %d", len(out), len(vs))
	}
	for i, v := range vs {
		if v.want != nil && out[i] != hex.EncodeToString(v.want) {
			t.Errorf("%s: the vector says %x, python %s", v.name, v.want, out[i])
		}
		got := mustNew(t, v.key, len(v.nonce), v.tag).Seal(nil, v.nonce, v.msg, v.aad)
		if hex.EncodeToString(got) != out[i] {
			t.Errorf("%s: tag %d, nonce %d, aad %d, message %d bytes: Seal = %x, python %s",
				v.name, v.tag, len(v.nonce), len(v.aad), len(v.msg), got, out[i])
		}
	}
}

func TestAllocs(t *testing.T) {
	c := mustNew(t, make([]byte, 16), 11, 8)
	nonce, aad, buf := make([]byte, 11), make([]byte, 8), make([]byte, 0, 128)
	n := testing.AllocsPerRun(100, func() {
		s := c.Seal(buf, nonce, buf[:90], aad)
		if _, err := c.Open(s[:0], nonce, s, aad); err != nil {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("Seal and Open: %v allocs per run, want 0", n)
	}
}

func FuzzSealOpen(f *testing.F) {
	for _, v := range vectors(f)[:27] {
		f.Add(v.key, v.nonce, v.aad, v.msg, uint8(v.tag), uint16(0))
	}
	f.Fuzz(func(t *testing.T, key, nonce, aad, msg []byte, tag uint8, flip uint16) {
		key = append(key, make([]byte, 16)...)[:16]
		b, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(b, len(nonce), int(tag))
		if err != nil || len(msg) > c.MaxPlaintext() {
			return
		}
		s := c.Seal(nil, nonce, msg, aad)
		if len(s) != len(msg)+c.Overhead() {
			t.Fatalf("Seal(%x) = %x", msg, s)
		}
		back, err := c.Open(nil, nonce, s, aad)
		if err != nil || !bytes.Equal(back, msg) {
			t.Fatalf("Open(Seal(%x)) = %x, %v", msg, back, err)
		}
		i := int(flip) % (len(s) * 8)
		s[i/8] ^= 0x80 >> uint(i%8)
		if back, err := c.Open(nil, nonce, s, aad); err != ErrOpen || len(back) != 0 {
			t.Fatalf("bit %d flipped: Open = %x, %v, want %v", i, back, err, ErrOpen)
		}
	})
}

func BenchmarkSeal(b *testing.B) { bench(b, false) }
func BenchmarkOpen(b *testing.B) { bench(b, true) }

func bench(b *testing.B, open bool) {
	for _, n := range []int{64, 1024} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			c := mustNew(b, make([]byte, 16), 11, 8)
			nonce, aad, buf := make([]byte, 11), make([]byte, 8), make([]byte, 2*n)
			sealed := c.Seal(nil, nonce, buf[:n], aad)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if !open {
					c.Seal(buf[:0], nonce, buf[:n], aad)
				} else if _, err := c.Open(buf[:0], nonce, sealed, aad); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
