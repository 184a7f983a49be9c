package ikemsg

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/ehc"
)

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

// suites are keys for every algorithm.
func suites(r *rand.Rand) (list []Keys) {
	for _, n := range []int{16, 24, 32} {
		list = append(list, Keys{Encr: random(r, n), Auth: random(r, 32)}, Keys{Encr: random(r, n+4)}, Keys{Encr: random(r, n+4), ICVLen: 12})
		for _, icv := range []int{0, 8, 12, 16} {
			list = append(list, Keys{Encr: random(r, n+3), ICVLen: icv})
		}
	}
	return list
}

func message(r *rand.Rand, k Keys, payloads []byte) ([]byte, Header) {
	h := Header{SPIi: [8]byte(random(r, 8)), SPIr: [8]byte(random(r, 8)), Next: ehc.PayloadNotify, Major: 2, Exchange: ExchangeAuth, Flags: FlagInitiator, MessageID: 1}
	iv := random(r, 8)
	if k.Auth != nil {
		iv = random(r, 16)
	}
	msg, err := Seal([]byte{9}, h, payloads, k, iv)
	if err != nil {
		panic(err)
	}
	return msg[1:], h
}

// TestSealOpen: what is sealed opens, every changed bit is found, and so is
// another key.
func TestSealOpen(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	for i, k := range suites(r) {
		for n := 0; n < 40; n++ {
			payloads := random(r, n)
			msg, h := message(r, k, payloads)
			first, got, err := Open(msg, k)
			if err != nil || first != h.Next || !bytes.Equal(got, payloads) {
				t.Fatalf("seed %d, %d: Open(%x) = %d, %x, %v, want %x", seed, i, msg, first, got, err, payloads)
			}
			if bytes.Contains(msg, payloads) && n > 3 {
				t.Fatalf("%d: %x is in the clear", i, payloads)
			}
		}
		msg, _ := message(r, k, random(r, 20))
		for bit := 0; bit < 8*len(msg); bit++ {
			changed := bytes.Clone(msg)
			changed[bit/8] ^= 1 << (bit % 8)
			if _, _, err := Open(changed, k); err == nil {
				t.Errorf("%d: bit %d changed, and it opens", i, bit)
			}
		}
		for n := range msg {
			if _, _, err := Open(msg[:n], k); err == nil {
				t.Errorf("%d: %d bytes open", i, n)
			}
		}
		other := Keys{Encr: random(r, len(k.Encr)), Auth: k.Auth, ICVLen: k.ICVLen}
		if k.Auth != nil {
			other = Keys{Encr: k.Encr, Auth: random(r, 32)}
		}
		if _, _, err := Open(msg, other); err != ErrAuth {
			t.Errorf("%d: with another key: %v", i, err)
		}
	}
}

func TestErrors(t *testing.T) {
	k := Keys{Encr: make([]byte, 20)}
	h := Header{Next: ehc.PayloadNotify, Major: 2}
	for _, tt := range []struct {
		name string
		msg  []byte
		k    Keys
		want error
	}{
		{"nothing", nil, k, ErrTruncated},
		{"no Encrypted payload", Append(nil, h, []byte{0, 0, 0, 8, 0, 0, 64, 0}), k, ErrUnsupported},
		{"a fragment", Append(nil, Header{Next: ehc.PayloadSKF, Major: 2}, []byte{41, 0, 0, 8, 0, 1, 0, 2}), k, ErrUnsupported},
		{"IKEv1", Append(nil, Header{Next: 1, Major: 1}, nil), k, ErrUnsupported},
		{"bytes behind it", append(Append(nil, Header{Major: 2}, nil), 0), k, ErrMalformed},
		{"a payload too short", Append(nil, h, []byte{0, 0, 0, 3}), k, ErrMalformed},
		{"a payload ends early", Append(nil, h, []byte{0, 0, 0, 9}), k, ErrTruncated},
		{"no room for the ICV", Append(nil, Header{Next: ehc.PayloadSK, Major: 2}, []byte{41, 0, 0, 8, 0, 0, 0, 0}), k, ErrTruncated},
		{"keys", nil, Keys{Encr: make([]byte, 16)}, ErrMalformed},
		{"keys of CBC", nil, Keys{Encr: make([]byte, 17), Auth: make([]byte, 32)}, ErrMalformed},
		{"ICV of GCM", nil, Keys{Encr: make([]byte, 20), ICVLen: 8}, ErrMalformed},
		{"key of the HMAC", nil, Keys{Encr: make([]byte, 16), Auth: make([]byte, 20)}, ErrMalformed},
	} {
		if _, _, err := Open(tt.msg, tt.k); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for e := ErrTruncated; e <= ErrAuth; e++ {
		if e.Class() == "" || e.Error() == "" {
			t.Errorf("%d has no class", e)
		}
	}
}

// FuzzOpen: whatever comes is refused, or opens.
func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewSource(1))
	k := Keys{Encr: random(r, 20)}
	msg, _ := message(r, k, []byte{0, 0, 0, 8, 0, 0, 0xec, 0})
	f.Add(msg)
	f.Add(Append(nil, Header{Next: 41, Major: 2}, []byte{0, 0, 0, 8, 0, 0, 64, 0}))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range []Keys{k, {Encr: k.Encr[:16], Auth: make([]byte, 32)}, {Encr: k.Encr[:19], ICVLen: 8}} {
			_, out, err := Open(data, k)
			if e, ok := err.(Error); err != nil && (!ok || e.Class() == "" || out != nil) {
				t.Fatalf("Open(%x) = %x, %v", data, out, err)
			}
		}
		if h, payloads, err := Parse(data); err == nil && !bytes.Equal(Append(nil, h, payloads), data) {
			t.Fatalf("Parse(%x) = %+v, %x", data, h, payloads)
		}
	})
}
