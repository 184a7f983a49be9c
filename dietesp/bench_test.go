package dietesp

import (
	"testing"

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
