package dietesp

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/schc"
)

// loadOptions has the Contexts of an SA as firmware has them: of images.
func loadOptions(t testing.TB, s *SA) Options {
	t.Helper()
	var ctx [EEC + 1]schc.Context
	for st := IIPC; st <= EEC; st++ {
		if err := ctx[st].LoadImage(string(s.Context(st).Image())); err != nil {
			t.Fatal(err)
		}
	}
	return Options{IIPC: &ctx[IIPC], CTEC: &ctx[CTEC], EEC: &ctx[EEC]}
}

// TestLoad: an SA of Load seals and opens as one of Init.
func TestLoad(t *testing.T) {
	g := gen{rand.New(rand.NewSource(41))}
	sealed, refused := 0, 0
	for i := 0; i < 600; i++ {
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		a := g.attributes(&c, alg)
		if a.Profile != ProfileDietESP10 {
			if err := new(SA).Load(c, mustSuite(alg), a, Options{}); err != ErrUnsupported {
				t.Fatalf("Load of the 2023 profile: %v", err)
			}
			continue
		}
		want := mustSA(t, c, alg, a)
		o := loadOptions(t, want)
		var out, in SA
		for _, s := range []*SA{&out, &in} {
			if err := s.Load(c, mustSuite(alg), a, o); err != nil {
				t.Fatalf("%+v %+v: %v", c, a, err)
			}
		}
		if got, w := out.SealRoom(100), want.SealRoom(100); got != w {
			t.Fatalf("%+v: SealRoom %d, want %d", a, got, w)
		}
		for j := 0; j < 8; j++ {
			pkt := g.packet(&a)
			wire, err := want.AppendSeal(nil, pkt)
			got, gotErr := out.AppendSeal(nil, pkt)
			if gotErr != err || !bytes.Equal(got, wire) {
				t.Fatalf("%+v %+v\nAppendSeal(%x) = %x, %v\nInit: %x, %v", c, a, pkt, got, gotErr, wire, err)
			}
			if err != nil {
				refused++
				continue
			}
			sealed++
			back, err := in.AppendOpen(nil, wire)
			if a.FlowLabel == ActionGenerated && c.Mode == esp.ModeTunnel && a.IIPC == IIPCDietESP {
				clearLabel(back)
				clearLabel(pkt)
			}
			if err != nil || !bytes.Equal(back, pkt) {
				t.Fatalf("%+v %+v\nAppendOpen(%x) = %x, %v, want %x", c, a, wire, back, err, pkt)
			}
		}
	}
	if sealed < 500 || refused < 20 {
		t.Errorf("%d packets sealed, %d refused: the generator is one-sided", sealed, refused)
	}
}

// What does not belong together is refused.
func TestLoadRefused(t *testing.T) {
	a, alg := iotAttributes(8, 16), mustAlgorithm("aes128ccm8iiv")
	o := loadOptions(t, mustSA(t, benchConfig, alg, a))
	other := benchConfig
	other.SPI++
	missing := o
	missing.CTEC = nil
	for _, test := range []struct {
		name string
		c    esp.Config
		a    Attributes
		o    Options
	}{
		{"another SPI", other, iotAttributes(0, 16), o},
		{"other bits of the Sequence Number", benchConfig, iotAttributes(8, 8), o},
		{"no Context", benchConfig, a, missing},
		{"EEC for CTEC", benchConfig, a, Options{IIPC: o.IIPC, CTEC: o.EEC, EEC: o.EEC}},
	} {
		var s SA
		if err := s.Load(test.c, mustSuite(alg), test.a, test.o); err != ErrMalformed {
			t.Errorf("%s: Load: %v, want ErrMalformed", test.name, err)
		}
		if _, err := s.AppendSeal(nil, benchPacket()); err != ErrNoSA {
			t.Errorf("%s: AppendSeal: %v, want ErrNoSA", test.name, err)
		}
	}
}

// TestLoadAllocs: Load does not allocate.
func TestLoadAllocs(t *testing.T) {
	a, alg := iotAttributes(8, 16), mustAlgorithm("aes128ccm8iiv")
	o := loadOptions(t, mustSA(t, benchConfig, alg, a))
	suite := mustSuite(alg)
	c := benchConfig
	c.Memory = make([]uint64, esp.WindowWords(esp.DefaultWindow))
	var s SA
	if n := testing.AllocsPerRun(100, func() {
		if err := s.Load(c, suite, a, o); err != nil {
			panic(err)
		}
	}); n != 0 {
		t.Errorf("Load: %v allocs per run, want 0", n)
	}
}
