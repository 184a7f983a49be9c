package sse

import (
	"bytes"
	"testing"
)

// TestAllocs: nothing is allocated per packet.
func TestAllocs(t *testing.T) {
	for _, s := range suites {
		for _, mode := range []string{"plain", "headers", "gpcomp"} {
			a, b := pair(t, FormatCompact, s, func(c *Config) {
				if mode == "headers" {
					c.Headers = &Compression{SPIBits: 3, SNBits: 10}
				}
				if mode == "gpcomp" {
					withGPComp(c)
					c.Headers = &Compression{SPIBits: 8, SNBits: 15, FlagC: true}
				}
			})
			payload := bytes.Repeat([]byte("payload "), 20)
			pkt := make([]byte, 0, a.SealRoom(len(payload)))
			out := make([]byte, 0, b.OpenRoom(cap(pkt))+2*len(payload))
			bad := make([]byte, 200)
			n := testing.AllocsPerRun(100, func() {
				p, err := a.AppendSeal(pkt, payload)
				if err != nil {
					panic(err)
				}
				q, err := b.AppendOpen(out, p)
				if err != nil || !bytes.Equal(q, payload) {
					panic(err)
				}
				if _, err := b.AppendOpen(out, p); err == nil {
					panic("opened twice")
				}
				if _, err := b.AppendOpen(out, bad); err == nil {
					panic("opened zeros")
				}
			})
			if n != 0 {
				t.Errorf("%v, %s: %v allocs per run, want 0", s, mode, n)
			}
		}
	}
}

// TestHeadersAllocs: nor for headers by themselves.
func TestHeadersAllocs(t *testing.T) {
	c := Compression{SPIBits: 8, SNBits: 16}
	dev, app := newHeaders(t, c, SuiteCCM8, 1, 2)
	pkt := packet(SuiteCCM8, Header{SPI: 1, Seq: 5}, 40)
	small, out := make([]byte, 0, CompressRoom(len(pkt))), make([]byte, 0, CompressRoom(len(pkt)))
	n := testing.AllocsPerRun(100, func() {
		p, err := dev.AppendCompress(small, pkt)
		if err != nil {
			panic(err)
		}
		if q, err := app.AppendDecompress(out, p, 4); err != nil || !bytes.Equal(q, pkt) {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocs per run, want 0", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, x := range benchmarks {
		b.Run(x.name, func(b *testing.B) {
			s, _ := pair(b, FormatExtreme, x.suite, nil)
			if x.headers != nil {
				s, _ = pair(b, FormatCompact, x.suite, func(c *Config) { c.Headers = x.headers })
			}
			payload := make([]byte, x.size)
			dst := make([]byte, 0, s.SealRoom(len(payload)))
			b.ReportAllocs()
			b.SetBytes(int64(x.size))
			for i := 0; i < b.N; i++ {
				s.out.next = uint64(i)&0xffff + 1
				if _, err := s.AppendSeal(dst, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, x := range benchmarks {
		b.Run(x.name, func(b *testing.B) {
			s, r := pair(b, FormatExtreme, x.suite, nil)
			if x.headers != nil {
				s, r = pair(b, FormatCompact, x.suite, func(c *Config) { c.Headers = x.headers })
			}
			pkt := mustSeal(b, s, make([]byte, x.size))
			dst := make([]byte, 0, r.OpenRoom(len(pkt)))
			b.ReportAllocs()
			b.SetBytes(int64(x.size))
			for i := 0; i < b.N; i++ {
				r.in.window.Reset(0)
				if _, err := r.AppendOpen(dst, pkt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var benchmarks = []struct {
	name    string
	suite   Suite
	headers *Compression
	size    int
}{
	{"ccm-8/40", SuiteCCM8, nil, 40},
	{"ccm-8/40/headers", SuiteCCM8, &Compression{SNBits: 8}, 40},
	{"ccm-16/1200", SuiteCCM16, nil, 1200},
	{"gcm-8/40", SuiteGCM8, nil, 40},
	{"gcm-16/40", SuiteGCM16, nil, 40},
	{"gcm-16/40/headers", SuiteGCM16, &Compression{SPIBits: 8, SNBits: 16}, 40},
	{"gcm-16/1200", SuiteGCM16, nil, 1200},
	{"gcm-16/1200/headers", SuiteGCM16, &Compression{SPIBits: 3, SNBits: 10}, 1200},
}

func BenchmarkHeaders(b *testing.B) {
	c := Compression{SPIBits: 8, SNBits: 16}
	dev, app := newHeaders(b, c, SuiteCCM8, 1, 2)
	pkt := packet(SuiteCCM8, Header{SPI: 1, Seq: 5}, 40)
	small, err := dev.AppendCompress(nil, pkt)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, CompressRoom(len(pkt)))
	b.Run("compress", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			if _, err := dev.AppendCompress(dst, pkt); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decompress", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			if _, err := app.AppendDecompress(dst, small, 4); err != nil {
				b.Fatal(err)
			}
		}
	})
}
