package dietesp

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/schc"
)

// byteSource is a random source that is read from a fuzzer's bytes, then counts.
type byteSource struct {
	b []byte
	n uint64
}

func (s *byteSource) Seed(int64) {}

func (s *byteSource) Int63() int64 {
	var x [8]byte
	n := copy(x[:], s.b)
	s.b = s.b[n:]
	s.n += 0x9e3779b97f4a7c15
	if n == 8 {
		s.n = 0
	}
	return int64((binary.LittleEndian.Uint64(x[:]) + s.n) >> 1)
}

// rawAttributes reads attributes that may be anything from bytes.
func rawAttributes(b []byte) (a Attributes, c esp.Config, alg esp.Algorithm) {
	at := 0
	next := func() byte {
		if at >= len(b) {
			return 0
		}
		at++
		return b[at-1]
	}
	list := func() (l []uint8) {
		for n := next() % 5; n > 0; n-- {
			l = append(l, next())
		}
		return l
	}
	some := func() esp.Addr {
		n := []int{0, 4, 16, 16}[next()%4]
		if n == 0 {
			return esp.Addr{}
		}
		return addr(n, uint32(next())<<8|uint32(next()))
	}
	a.Profile, a.IIPC, a.DSCP, a.ECN = Profile(next()%3), IIPCProfile(next()%3), Action(next()%6), Action(next()%6)
	a.FlowLabel, a.HopLimit, a.Alignment = Action(next()%6), HopLimitAction(next()%3), Alignment(next()%5)
	a.Trailer, a.RuleID = Trailer(next()%3), RuleIDMode(next()%3)
	a.SPILSBBits, a.SNLSBBits = next()%40, next()%40
	a.DSCPs = list()
	t := &a.Selectors
	t.Protocols = list()
	t.Version = []uint8{0, 4, 6, 7}[next()%4]
	t.SrcStart, t.SrcEnd, t.DstStart, t.DstEnd = some(), some(), some(), some()
	t.SrcPortStart, t.SrcPortEnd = uint16(next())<<8, uint16(next())<<8|uint16(next())
	t.DstPortStart, t.DstPortEnd = uint16(next()), uint16(next())<<8
	c.SPI, c.Mode, c.ESN = uint32(next())<<16|uint32(next()), esp.Mode(next()%4), next()%2 == 0
	c.Src, c.Dst = some(), some()
	c.Window = []int{0, 32, 64, esp.NoWindow}[next()%4]
	alg = mustAlgorithm(testAlgorithms[int(next())%len(testAlgorithms)])
	return a, c, alg
}

// FuzzDerive: attributes are refused by name, or Rules can be derived from them,
// which compile, and an SA can be set up.
func FuzzDerive(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 1, 1, 1, 0, 0, 1, 0, 8, 8, 0, 1, 17, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 2, 1, 1, 2, 1, 2})
	f.Add([]byte{1, 0, 1, 1, 1, 0, 2, 1, 0, 0, 16, 0, 2, 6, 17, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, c, alg := rawAttributes(data)
		rules, err := a.Rules(c, alg)
		if err != nil {
			ae, ok := err.(*AttributeError)
			if !ok || ae.Attribute == "" || ae.Text == "" || ae.Error() == "" {
				t.Fatalf("Rules(%+v, %+v): %v", a, c, err)
			}
			if err := new(SA).Init(c, mustSuite(alg), a, Options{}); err == nil {
				t.Fatalf("Init takes what Rules refuses: %v", ae)
			}
			return
		}
		for st, r := range [...]schc.Rule{IIPC: rules.IIPC, CTEC: rules.CTEC, EEC: rules.EEC} {
			if st == 0 {
				continue
			}
			if _, err := schc.NewContext([]schc.Rule{r}, a.Options(Stage(st), c.Mode)); err != nil {
				t.Fatalf("%v of %+v: %v", Stage(st), a, err)
			}
		}
		if n := residueBits(&rules.EEC); n%8 != 0 || n != int(a.SPILSBBits+a.SNLSBBits)+8*int(a.RuleID) {
			t.Fatalf("%+v: %d bits of ESP header", a, n)
		}
		var s SA
		if err := s.Init(c, mustSuite(alg), a, Options{}); err != nil && err != ErrMalformed {
			t.Fatalf("Init(%+v, %+v): %v", a, c, err)
		}
	})
}

// FuzzRoundTrip: what is sealed opens to the same bytes; what Explain says is so.
func FuzzRoundTrip(f *testing.F) {
	pkt := benchPacket()
	f.Add([]byte{}, pkt, false)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, pkt, true)
	g := gen{rand.New(rand.NewSource(1))}
	for i := 0; i < 40; i++ {
		a := Attributes{Selectors: Selectors{Version: pick(g, uint8(4), 6), Protocols: []uint8{pick(g, uint8(6), 17, 132, 136)}}}
		f.Add(g.bytes(200), g.packet(&a), g.chance(50))
	}
	f.Fuzz(func(t *testing.T, seed, pkt []byte, likely bool) {
		g := gen{rand.New(&byteSource{b: seed})}
		alg := mustAlgorithm(pick(g, testAlgorithms...))
		c := g.config()
		a := g.attributes(&c, alg)
		if likely {
			pkt = g.packet(&a)
		}
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		x := out.Explain(pkt)
		wire, err := out.AppendSeal([]byte{1}, pkt)
		if (err == nil) != (x.Err == nil) && err != ErrShortBuffer {
			t.Fatalf("AppendSeal: %v, Explain: %v", err, x.Err)
		}
		if err != nil {
			return
		}
		checkExplanation(t, x)
		if x.DietBytes != len(wire)-1 || len(wire)-1 > out.SealRoom(len(pkt)) {
			t.Fatalf("%d bytes, Explain: %d, SealRoom: %d", len(wire)-1, x.DietBytes, out.SealRoom(len(pkt)))
		}
		back, err := in.AppendOpen([]byte{2}, wire[1:])
		if err != nil {
			t.Fatalf("AppendOpen(%x): %v", wire[1:], err)
		}
		if len(back)-1 > OpenRoom(len(wire)-1) {
			t.Fatalf("%d bytes, OpenRoom: %d", len(back)-1, OpenRoom(len(wire)-1))
		}
		back = back[1:]
		if out.generates {
			back, pkt = bytes.Clone(back), bytes.Clone(pkt)
			clearLabel(back)
			clearLabel(pkt)
		}
		if !bytes.Equal(back, pkt) {
			t.Fatalf("%+v %+v %v\nAppendOpen(%x) = %x, want %x", a, c, alg, wire[1:], back, pkt)
		}
	})
}

// FuzzOpen: no packet, and no clear text that a peer may encrypt, does harm: it
// opens, or gives an error and leaves dst.
func FuzzOpen(f *testing.F) {
	wire, _ := func() ([]byte, error) {
		var s SA
		if err := s.Init(benchConfig, mustSuite(mustAlgorithm("aes128gcm16iiv")), iotAttributes(8, 8), Options{}); err != nil {
			panic(err)
		}
		return s.AppendSeal(nil, benchPacket())
	}()
	f.Add(wire, []byte{}, uint8(0))
	g := gen{rand.New(rand.NewSource(2))}
	for i := 0; i < 60; i++ {
		f.Add(g.bytes(g.Intn(100)), g.bytes(g.Intn(100)), uint8(i))
	}
	type end struct {
		sa   *SA
		d    *SAD
		a    Attributes
		c    esp.Config
		alg  esp.Algorithm
		seal *esp.Suite
	}
	var ends []end
	for len(ends) < 48 {
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		c.Window, c.Seq = 32, 0
		a := g.attributes(&c, alg)
		ends = append(ends, end{a: a, c: c, alg: alg, seal: mustSuite(alg)})
	}
	f.Fuzz(func(t *testing.T, pkt, text []byte, which uint8) {
		e := &ends[int(which)%len(ends)]
		e.sa = mustSA(t, e.c, e.alg, e.a)
		e.d = mustSAD(t, Options{Trials: 3}, e.sa)
		dst := []byte{5, 6}
		if out, s, err := e.d.AppendOpen(dst, pkt); err != nil && (s != nil || !bytes.Equal(out, dst)) {
			t.Fatalf("AppendOpen(%x) = %x, %v", pkt, out, err)
		}
		// The same with an ICV that is right.
		n := 16
		head := ipv6(0, 0, 64, Protocol, e.c.Src.Bytes(), e.c.Dst.Bytes(), nil)
		if e.c.Src.Len() == 4 {
			head = ipv4(0, 0, 0, 64, Protocol, e.c.Src.Bytes(), e.c.Dst.Bytes(), nil, nil)
		}
		if e.alg.BlockLen() == 1 {
			n = 1
		}
		for len(text)%n != 0 {
			text = append(text, byte(len(text)))
		}
		at := len(head)
		head = append(head, make([]byte, e.sa.HeaderLen()+e.seal.IVLen())...)
		if err := e.sa.putHeader(head[at:at:at+e.sa.HeaderLen()], 1); err != 0 {
			t.Fatal(err)
		}
		body := at + e.sa.HeaderLen()
		head = append(append(head, text...), make([]byte, e.seal.ICVLen())...)
		if err := e.seal.Seal(head[body:], e.c.SPI, 1, e.c.ESN); err != nil {
			t.Fatal(err)
		}
		h, err := esp.ParseHeaders(head[:at], false)
		if err != nil {
			t.Fatal(err)
		}
		h.SetLength(head)
		out, s, err := e.d.AppendOpen(dst, head)
		switch {
		case err == nil && s == e.sa && bytes.HasPrefix(out, dst) && len(out)-2 <= OpenRoom(len(head)):
		case err == ErrMalformed && bytes.Equal(out, dst):
		default:
			t.Fatalf("%+v %+v %v\nAppendOpen(%x), clear text %x = %x, %v", e.a, e.c, e.alg, head, text, out, err)
		}
	})
}
