package ehc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
)

func TestKeymat(t *testing.T) {
	key, s := []byte("key"), []byte("seed")
	prf := func(parts ...[]byte) []byte {
		m := hmac.New(sha256.New, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	t1 := prf(s, []byte{1})
	t2 := prf(t1, s, []byte{2})
	t3 := prf(t2, s, []byte{3})
	want := append(append(t1, t2...), t3...)
	for n := 0; n <= len(want); n++ {
		got, err := AppendKeymat([]byte{5}, n, hmac.New(sha256.New, key), s[:1], s[1:])
		if err != nil || !bytes.Equal(got[1:], want[:n]) {
			t.Fatalf("%d: %x, %v, want %x", n, got, err, want[:n])
		}
	}
	if _, err := AppendKeymat(nil, 255*32, hmac.New(sha256.New, key)); err != nil {
		t.Error(err)
	}
	if _, err := AppendKeymat(nil, 255*32+1, hmac.New(sha256.New, key)); class(err) != ErrMalformed {
		t.Errorf("more than prf+ has: %v", err)
	}
}
