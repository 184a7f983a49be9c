package dietesp

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
)

// Random attributes, random packets: what is sealed opens to the same bytes,
// or is refused with ErrNoRule.
func TestRoundTrip(t *testing.T) {
	const seed = 1
	g := gen{rand.New(rand.NewSource(seed))}
	sealed, refused := 0, 0
	for i := 0; i < 1500; i++ {
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		a := g.attributes(&c, alg)
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		for j := 0; j < 8; j++ {
			pkt := g.packet(&a)
			before := bytes.Clone(pkt)
			explained := out.Explain(pkt)
			prefix := g.bytes(g.Intn(5))
			got, err := out.AppendSeal(bytes.Clone(prefix), pkt)
			if !bytes.Equal(pkt, before) {
				t.Fatalf("seed %d: AppendSeal wrote to its packet", seed)
			}
			if err != nil {
				if err != ErrNoRule && !(c.Mode == esp.ModeTransport && err == ErrUnsupported) {
					t.Fatalf("seed %d: %+v\nAppendSeal(%x) = %v", seed, a, pkt, err)
				}
				if explained.Err != err {
					t.Fatalf("seed %d: AppendSeal(%x): %v, Explain: %v", seed, pkt, err, explained.Err)
				}
				refused++
				continue
			}
			sealed++
			if n := len(got) - len(prefix); explained.Err != nil || explained.DietBytes != n {
				t.Fatalf("seed %d: %+v\nExplain(%x): %d bytes, %v, want %d", seed, a, pkt, explained.DietBytes, explained.Err, n)
			}
			checkExplanation(t, explained)
			if !bytes.HasPrefix(got, prefix) {
				t.Fatalf("seed %d: AppendSeal changed what was in dst", seed)
			}
			wire := got[len(prefix):]
			back, err := in.AppendOpen(bytes.Clone(prefix), wire)
			if err != nil {
				t.Fatalf("seed %d: %+v %+v %v\nAppendOpen(%x) = %v, want %x", seed, a, c, alg, wire, err, pkt)
			}
			back = back[len(prefix):]
			if a.FlowLabel == ActionGenerated && c.Mode == esp.ModeTunnel && a.IIPC == IIPCDietESP {
				clearLabel(back)
				clearLabel(pkt)
			}
			if !bytes.Equal(back, pkt) {
				t.Fatalf("seed %d: %+v %+v %v\nAppendOpen(%x)\n = %x\nwant %x", seed, a, c, alg, wire, back, pkt)
			}
			if _, err := in.AppendOpen(nil, wire); err != ErrReplay && err != ErrAuth {
				t.Fatalf("seed %d: AppendOpen of a replayed packet: %v", seed, err)
			}
		}
	}
	if sealed < 5000 || refused < 100 {
		t.Errorf("%d packets sealed, %d refused: the generator is one-sided", sealed, refused)
	}
}

// clearLabel makes two packets comparable that differ in the generated field.
func clearLabel(pkt []byte) {
	if pkt[0]>>4 == 4 {
		clear(pkt[4:6])
		clear(pkt[10:12])
		return
	}
	pkt[1] &= 0xf0
	pkt[2], pkt[3] = 0, 0
}
