package schc

import (
	"encoding/binary"
	"fmt"
	"testing"
)

func benchContext(b *testing.B, coap bool, opts Options) (*Context, []byte) {
	r, pkt := bench77(b, coap)
	ctx, err := NewContext([]Rule{r}, opts)
	if err != nil {
		b.Fatal(err)
	}
	return ctx, pkt
}

func BenchmarkCompress(b *testing.B) {
	for _, k := range []struct {
		name  string
		coap  bool
		trust bool
	}{{"udp", false, true}, {"udp-verify", false, false}, {"coap", true, true}, {"coap-verify", true, false}} {
		b.Run(k.name, func(b *testing.B) {
			ctx, pkt := benchContext(b, k.coap, Options{TrustComputed: k.trust})
			var c Compressor
			c.Reset(ctx)
			dst := make([]byte, 0, ctx.MaxCompressedLen(len(pkt)))
			b.ReportAllocs()
			b.SetBytes(int64(len(pkt)))
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if _, _, err := c.AppendCompress(dst, pkt, DirUp); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	for _, k := range []struct {
		name string
		coap bool
	}{{"udp", false}, {"coap", true}} {
		b.Run(k.name, func(b *testing.B) {
			ctx, pkt := benchContext(b, k.coap, Options{})
			var c Compressor
			c.Reset(ctx)
			s, _, err := c.AppendCompress(nil, pkt, DirUp)
			if err != nil {
				b.Fatal(err)
			}
			var d Decompressor
			d.Reset(ctx)
			dst := make([]byte, 0, 128)
			b.ReportAllocs()
			b.SetBytes(int64(len(pkt)))
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if _, _, err := d.AppendDecompress(dst, s, DirUp); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// manyRules returns n Rules of devices with their own prefixes and ports.
func manyRules(t testing.TB, n int) []Rule {
	base, _ := bench77(t, false)
	rules := make([]Rule, n)
	for i := range rules {
		r := Rule{ID: RuleID{uint32(i), 16}, Fields: append([]FieldDescriptor(nil), base.Fields...)}
		for j := range r.Fields {
			f := &r.Fields[j]
			switch f.FID {
			case FIDIPv6DevPrefix:
				f.TV = [][]byte{binary.BigEndian.AppendUint64(nil, 0x20010db8_0001_0000+uint64(i)<<1)}
				f.MO, f.CDA = MOEqual, CDANotSent
			case FIDUDPDevPort:
				f.TV = [][]byte{binary.BigEndian.AppendUint16(nil, uint16(0x1630+i%64*16))}
			}
		}
		rules[i] = r
	}
	return rules
}

func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{10, 10000} {
		rules := manyRules(b, n)
		ctx, err := NewContext(rules, Options{TrustComputed: true})
		if err != nil {
			b.Fatal(err)
		}
		_, pkt := bench77(b, false)
		binary.BigEndian.PutUint64(pkt[8:], 0x20010db8_0001_0000+uint64(n-1)<<1)
		binary.BigEndian.PutUint16(pkt[40:], uint16(0x1630+(n-1)%64*16+3))
		none := append([]byte(nil), pkt...)
		none[15] ^= 1
		var c Compressor
		c.Reset(ctx)
		dst := make([]byte, 0, ctx.MaxCompressedLen(len(pkt)))
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if _, id, err := c.AppendCompress(dst, pkt, DirUp); err != nil || id.Value != uint32(n-1) {
					b.Fatal(id, err)
				}
			}
		})
		b.Run(fmt.Sprintf("rules=%d/none", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if _, _, err := c.AppendCompress(dst, none, DirUp); err != ErrNoRule {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewContext(b *testing.B) {
	for _, n := range []int{10, 10000} {
		rules := manyRules(b, n)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if _, err := NewContext(rules, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
