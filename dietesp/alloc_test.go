package dietesp

import (
	"bytes"
	"testing"

	"github.com/schckit/schckit/esp"
)

// TestAllocs: nothing is allocated per packet.
func TestAllocs(t *testing.T) {
	pkt := benchPacket()
	for _, alg := range testAlgorithms {
		for _, mode := range []esp.Mode{esp.ModeTunnel, esp.ModeTransport} {
			for _, p := range []Profile{ProfileDietESP10, ProfileEHC2023} {
				c := benchConfig
				c.Mode = mode
				if mode == esp.ModeTransport {
					c.Src, c.Dst = esp.Addr{}, esp.Addr{}
				}
				a := iotAttributes(8, 16)
				a.Profile = p
				if p == ProfileEHC2023 {
					a.Selectors.Protocols = nil
				}
				out := mustSA(t, c, mustAlgorithm(alg), a)
				in := mustSAD(t, Options{}, mustSA(t, c, mustAlgorithm(alg), a))
				wire := make([]byte, 0, out.SealRoom(len(pkt)))
				back := make([]byte, 0, OpenRoom(cap(wire)))
				bad := bytes.Clone(pkt)
				bad[46] ^= 1
				n := testing.AllocsPerRun(100, func() {
					w, err := out.AppendSeal(wire, pkt)
					if err != nil {
						panic(err)
					}
					if q, _, err := in.AppendOpen(back, w); err != nil || !bytes.Equal(q, pkt) {
						panic("not opened")
					}
					if _, _, err := in.AppendOpen(back, w); err == nil {
						panic("opened twice")
					}
					w[len(w)-1] ^= 1
					if _, _, err := in.AppendOpen(back, w); err == nil {
						panic("opened what was tampered with")
					}
					if _, err := out.AppendSeal(wire, bad); err == nil {
						panic("sealed a wrong checksum")
					}
				})
				if n != 0 {
					t.Errorf("%s, %v, %v: %v allocs per run, want 0", alg, mode, p, n)
				}
			}
		}
	}
}

// TestConvertAllocs: nor for conversion.
func TestConvertAllocs(t *testing.T) {
	alg := mustAlgorithm("aes128gcm16")
	a := iotAttributes(8, 16)
	a.FlowLabel = ActionNotCompressed
	std := standardSA(t, benchConfig, alg)
	up := mustSAD(t, Options{}, mustSA(t, benchConfig, alg, a))
	down := mustSAD(t, Options{}, mustSA(t, benchConfig, alg, a))
	var e, f EECSet
	for _, d := range []*EECSet{&e, &f} {
		one := new(EECOnly)
		if err := one.Init(benchConfig, a, Options{}); err != nil {
			t.Fatal(err)
		}
		d.Add(one)
	}
	pkt := benchPacket()
	buf := make([]byte, 0, 300)
	one, two := make([]byte, 0, ConvertRoom(300)), make([]byte, 0, ConvertRoom(300))
	n := testing.AllocsPerRun(100, func() {
		w, err := std.AppendSeal(buf, pkt)
		if err != nil {
			panic(err)
		}
		x, _, err := up.AppendCompress(one, w)
		if err != nil {
			panic(err)
		}
		if y, _, err := down.AppendDecompress(two, x); err != nil || !bytes.Equal(y, w) {
			panic("not restored")
		}
		if x, err = e.AppendCompress(one, w); err != nil {
			panic(err)
		}
		if y, err := f.AppendDecompress(two, x); err != nil || !bytes.Equal(y, w) {
			panic("not restored")
		}
	})
	if n != 0 {
		t.Errorf("%v allocs per run, want 0", n)
	}
}
