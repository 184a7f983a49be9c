package ehc_test

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/inet"
)

// end is one end of a Child SA: what it sends and what it receives with.
type end struct{ out, in dietesp.SA }

func newEnd(t *testing.T, c *ehc.Child, local, remote esp.Addr, keymat []byte) *end {
	t.Helper()
	e := new(end)
	out, in, err := c.Split(keymat)
	if err != nil {
		t.Fatal(err)
	}
	co, ci := c.Configs(local, remote)
	for _, x := range []struct {
		sa   *dietesp.SA
		c    esp.Config
		keys ehc.Keys
		a    dietesp.Attributes
	}{{&e.out, co, out, c.Out}, {&e.in, ci, in, c.In}} {
		suite := new(esp.Suite)
		if err := suite.Init(c.Algorithm, x.keys.Encr, x.keys.Auth); err != nil {
			t.Fatal(err)
		}
		if err := x.sa.Init(x.c, suite, x.a, dietesp.Options{}); err != nil {
			t.Fatalf("Init(%+v, %+v): %v", x.c, x.a, err)
		}
	}
	return e
}

// udp makes an IPv6 packet with UDP.
func udp(src, dst esp.Addr, sport, dport uint16, hops uint8, payload []byte) []byte {
	n := uint16(8 + len(payload))
	pkt := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, n)
	pkt = append(append(append(pkt, 17, hops), src.Bytes()...), dst.Bytes()...)
	pkt = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(pkt, sport), dport)
	pkt = append(binary.BigEndian.AppendUint16(pkt, n), 0, 0)
	pkt = append(pkt, payload...)
	binary.BigEndian.PutUint16(pkt[46:], inet.Fold(inet.Sum(inet.PseudoIPv6(pkt[8:40], uint32(n), 17), pkt[40:])))
	return pkt
}

func some[T any](r *rand.Rand, list ...T) []T {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+r.Intn(len(list))]
}

// TestChildSA: whatever an exchange agrees on, packets that are within it go
// through the SAs that it makes, both ways, and come back as they were.
func TestChildSA(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewSource(seed))
	addr := func(last byte) esp.Addr {
		return esp.AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last})
	}
	algorithms := []esp.Algorithm{
		{Encr: esp.EncrAESCCM8IIV, KeyBits: 128}, {Encr: esp.EncrAESGCM16, KeyBits: 256}, {Encr: esp.EncrChaCha20Poly1305},
		{Encr: esp.EncrAESCBC, KeyBits: 192, Integ: esp.IntegHMACSHA2256128}, {Encr: esp.EncrNull, Integ: esp.IntegHMACSHA196},
	}
	agreed, sent := 0, 0
	for i := 0; i < 400; i++ {
		var policies [2]ehc.Policy
		for j := range policies {
			p := &policies[j]
			if p.Dialect = ehc.Dialect(i % 2); p.Dialect == ehc.DialectEHC {
				p.Sets = []ehc.Set{{FlowLabel: some(r, dietesp.ActionLower, dietesp.ActionNotCompressed), Alignment: some(r, dietesp.Alignment8, dietesp.Alignment32),
					SPILSB: some(r, uint8(0), 8, 16, 32), SNLSB: some(r, uint8(8), 16, 32)}}
				continue
			}
			p.Sets = []ehc.Set{{
				DSCP: some(r, dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionSA), ECN: some(r, dietesp.ActionNotCompressed, dietesp.ActionLower),
				FlowLabel: some(r, dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionZero),
				Alignment: some(r, dietesp.Alignment8, dietesp.Alignment16, dietesp.Alignment32, dietesp.Alignment64),
				Trailer:   some(r, dietesp.TrailerMandatory, dietesp.TrailerOptional),
				SPILSB:    append([]uint8{8}, some(r, ehc.Widths(9, 32)...)...), SNLSB: append([]uint8{8}, some(r, ehc.Widths(9, 32)...)...)}}
			p.Numbers.Trailer = ehc.TrailerCodePoint
		}
		host := func(last byte) []ehc.Selector {
			return []ehc.Selector{{Type: ehc.TSIPv6Range, Protocol: 17, StartPort: 5680, EndPort: 5695, Start: addr(last), End: addr(last)}}
		}
		modes := some(r, esp.ModeTunnel, esp.ModeTransport)
		ini := ehc.ChildPolicy{SPI: 256 + r.Uint32()>>1, Algorithms: some(r, algorithms...), ESN: some(r, true, false), Modes: modes, Local: host(1), Remote: host(2), DSCPs: []byte{0, 46}, Diet: &policies[0], DietOnly: true}
		res := ehc.ChildPolicy{SPI: 256 + r.Uint32()>>1, Algorithms: algorithms, ESN: []bool{false, true}, Modes: modes, Local: host(2), Remote: host(1), DSCPs: []byte{46, 0, 10}, Diet: &policies[1], DietOnly: true}
		var request, answer ehc.Chain
		if err := ini.AppendRequest(&request, nil); err != nil {
			t.Fatal(err)
		}
		theirs, err := res.Answer(&answer, request.First, request.Bytes, nil)
		if err != nil {
			continue
		}
		ours, err := ini.Accept(request.First, request.Bytes, answer.First, answer.Bytes)
		if err != nil {
			t.Fatalf("seed %d, %d: Accept: %v", seed, i, err)
		}
		agreed++
		keymat := make([]byte, ours.KeymatLen())
		r.Read(keymat)
		la, ra := addr(1), addr(2)
		if ours.Mode == esp.ModeTunnel {
			la, ra = addr(0x81), addr(0x82)
		}
		a, b := newEnd(t, &ours, la, ra, keymat), newEnd(t, &theirs, ra, la, keymat)
		for j := 0; j < 4; j++ {
			payload := make([]byte, r.Intn(60))
			r.Read(payload)
			from, to, src, dst := a, b, addr(1), addr(2)
			if j%2 == 1 {
				from, to, src, dst = b, a, addr(2), addr(1)
			}
			pkt := udp(src, dst, uint16(5680+r.Intn(16)), uint16(5680+r.Intn(16)), 64, payload)
			sealed, err := from.out.AppendSeal(nil, pkt)
			if err != nil {
				t.Fatalf("seed %d, %d: AppendSeal under %+v: %v", seed, i, ours.Out, err)
			}
			opened, err := to.in.AppendOpen(nil, sealed)
			if err != nil || !bytes.Equal(opened, pkt) {
				t.Fatalf("seed %d, %d: AppendOpen(%x) = %x, %v, want %x", seed, i, sealed, opened, err, pkt)
			}
			sent++
		}
	}
	t.Logf("%d agreements, %d packets", agreed, sent)
	if agreed < 50 {
		t.Error("too few to prove anything")
	}
}
