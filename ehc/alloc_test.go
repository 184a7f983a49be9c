package ehc

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/schckit/schckit/dietesp"
)

// TestAllocs: a negotiation allocates nothing where dst has room.
func TestAllocs(t *testing.T) {
	for _, d := range []Dialect{DialectHCP, DialectEHC} {
		p := AnyPolicy(d)
		p.Sets = append([]Set{{Alignment: []dietesp.Alignment{dietesp.Alignment32}, SPILSB: []uint8{24}}}, p.Sets...) // which q has not
		q := AnyPolicy(d)
		q.Sets[0].Alignment = q.Sets[0].Alignment[:1]
		offer, answer := make([]byte, 0, 512), make([]byte, 0, 512)
		bare := notifyOf(ehcType, "8000 0000 8001 0002 8002 0008 8003 0008 8004 0001")
		n := testing.AllocsPerRun(100, func() {
			o, err := Offer(offer, &p)
			if err != nil {
				panic(err)
			}
			a, want, err := Select(answer, o, &q)
			if err != nil {
				panic(err)
			}
			got, err := Accept(o, a, &p)
			if err != nil || got.SPILSBBits != want.SPILSBBits {
				panic(err)
			}
			if d == DialectEHC {
				if _, err := Accept(o, bare, &p); err != nil {
					panic(err)
				}
			}
			if _, err := AppendRefusal(answer, &p); err != nil {
				panic(err)
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocs per run, want 0", d, n)
		}
	}
	prf, dst, seed := hmac.New(sha256.New, make([]byte, 32)), make([]byte, 0, 256), make([]byte, 64)
	n := testing.AllocsPerRun(100, func() {
		if _, err := AppendKeymat(dst, 200, prf, seed, seed); err != nil {
			panic(err)
		}
	})
	// hmac copies its state the first time only.
	if n != 0 {
		t.Errorf("AppendKeymat: %v allocs per run, want 0", n)
	}
}

func BenchmarkNegotiate(b *testing.B) {
	for _, d := range []Dialect{DialectHCP, DialectEHC} {
		p := AnyPolicy(d)
		offer, err := Offer(nil, &p)
		if err != nil {
			b.Fatal(err)
		}
		answer, _, err := Select(nil, offer, &p)
		if err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, 512)
		b.Run("select/"+d.String(), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if _, _, err := Select(dst, offer, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("accept/"+d.String(), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if _, err := Accept(offer, answer, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
