package dietesp

import (
	"testing"
	"time"

	"github.com/schckit/schckit/esp"
)

// benchAttributes are those of a device with one UDP flow: everything that can be
// elided is, but for 8 bits of the Sequence Number.
func benchAttributes(inner []byte) Attributes {
	a := DefaultAttributes(ProfileDietESP10)
	a.DSCP, a.ECN, a.FlowLabel, a.Alignment = ActionLower, ActionLower, ActionLower, Alignment8
	a.SPILSBBits, a.SNLSBBits = 0, 8
	t := &a.Selectors
	t.SrcStart, t.DstStart = esp.AddrFromSlice(inner[8:24]), esp.AddrFromSlice(inner[24:40])
	t.SrcEnd, t.DstEnd = t.SrcStart, t.DstStart
	t.Protocols = []uint8{protoUDP}
	t.SrcPortStart, t.SrcPortEnd, t.DstPortStart, t.DstPortEnd = 5000, 5000, 5683, 5683
	return a
}

// benchPacket is an IPv6 UDP packet of 100 bytes.
func benchPacket() []byte {
	src, dst := addr(16, 0x100), addr(16, 0x7200)
	seg := make([]byte, 60)
	seg[0], seg[1], seg[2], seg[3], seg[5] = 5000>>8, 5000&255, 5683>>8, 5683&255, 60
	return ipv6(0xb8, 0x12345, 64, protoUDP, src.Bytes(), dst.Bytes(), seg)
}

var benchConfig = esp.Config{SPI: 0x12345678, Mode: esp.ModeTunnel, Src: addr(16, 1), Dst: addr(16, 2)}

type sealer interface {
	AppendSeal(dst, pkt []byte) ([]byte, error)
	AppendOpen(dst, pkt []byte) ([]byte, error)
}

func benchPair(b *testing.B, name, form string) (out, in sealer) {
	alg := mustAlgorithm(name)
	if form == "esp" {
		return standardSA(b, benchConfig, alg), standardSA(b, benchConfig, alg)
	}
	a := benchAttributes(benchPacket())
	return mustSA(b, benchConfig, alg, a), mustSA(b, benchConfig, alg, a)
}

// The overhead of Diet-ESP is the difference of /diet and /esp of one algorithm.
func BenchmarkSeal(b *testing.B) {
	pkt := benchPacket()
	for _, alg := range []string{"aes128gcm16", "aes128ccm8iiv"} {
		for _, form := range []string{"esp", "diet"} {
			b.Run(alg+"/"+form, func(b *testing.B) {
				s, _ := benchPair(b, alg, form)
				buf := make([]byte, 0, 1024)
				b.ReportAllocs()
				b.SetBytes(int64(len(pkt)))
				for i := 0; i < b.N; i++ {
					if _, err := s.AppendSeal(buf, pkt); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Packets are sealed in batches, outside the time that counts.
func BenchmarkOpen(b *testing.B) {
	const batch = 128 // less than what 8 bits of a Sequence Number tell apart
	pkt := benchPacket()
	for _, alg := range []string{"aes128gcm16", "aes128ccm8iiv"} {
		for _, form := range []string{"esp", "diet"} {
			b.Run(alg+"/"+form, func(b *testing.B) {
				out, in := benchPair(b, alg, form)
				sealed := make([][]byte, batch)
				for i := range sealed {
					sealed[i] = make([]byte, 0, 1024)
				}
				buf := make([]byte, 0, 1024)
				b.ReportAllocs()
				b.SetBytes(int64(len(pkt)))
				for i := 0; i < b.N; i++ {
					if i%batch == 0 {
						b.StopTimer()
						for j := range sealed {
							var err error
							if sealed[j], err = out.AppendSeal(sealed[j][:0], pkt); err != nil {
								b.Fatal(err)
							}
						}
						b.StartTimer()
					}
					if _, err := in.AppendOpen(buf, sealed[i%batch]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOverhead measures both forms in turns, in batches, and reports the
// difference of the fastest batches: what Diet-ESP adds to plain ESP per packet,
// whatever else the machine does. Run it with -benchtime 2000x or more.
func BenchmarkOverhead(b *testing.B) {
	const batch = 100
	pkt := benchPacket()
	for _, alg := range []string{"aes128gcm16", "aes128ccm8iiv"} {
		b.Run(alg, func(b *testing.B) {
			var out, in [2]sealer
			for i, form := range []string{"esp", "diet"} {
				out[i], in[i] = benchPair(b, alg, form)
			}
			var best [2][2]time.Duration // of seal and open
			sealed := make([][]byte, batch)
			for i := range sealed {
				sealed[i] = make([]byte, 0, 1024)
			}
			buf := make([]byte, 0, 1024)
			for n := 0; n < b.N; n++ {
				for i := range out {
					t := [3]time.Time{time.Now()}
					for j := range sealed {
						var err error
						if sealed[j], err = out[i].AppendSeal(sealed[j][:0], pkt); err != nil {
							b.Fatal(err)
						}
					}
					t[1] = time.Now()
					for j := range sealed {
						if _, err := in[i].AppendOpen(buf, sealed[j]); err != nil {
							b.Fatal(err)
						}
					}
					t[2] = time.Now()
					for k := range best[i] {
						if d := t[k+1].Sub(t[k]); n == 0 || d < best[i][k] {
							best[i][k] = d
						}
					}
				}
			}
			for k, name := range []string{"seal", "open"} {
				b.ReportMetric(float64(best[0][k])/batch, name+"-esp-ns")
				b.ReportMetric(float64(best[1][k]-best[0][k])/batch, name+"-added-ns")
			}
		})
	}
}
