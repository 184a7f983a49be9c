package dietesp

import (
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/lint"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// sent returns the bits that each field of a Rule adds to the residue.
func sentBits(r *schc.Rule) map[string]int {
	m := map[string]int{}
	for i := range r.Fields {
		m[r.Fields[i].FID.String()] = fieldBits(&r.Fields[i])
	}
	return m
}

// What the tables of draft-ietf-ipsecme-diet-esp-10, Section 5, say is sent.
func TestDraftTables(t *testing.T) {
	alg := mustAlgorithm("aes128gcm16iiv")
	base := func() Attributes {
		a := DefaultAttributes(ProfileDietESP10)
		a.Alignment, a.SPILSBBits, a.SNLSBBits = Alignment8, 8, 8
		t := &a.Selectors
		t.SrcStart, t.SrcEnd = addr(16, 0x1234), addr(16, 0x1234)
		t.DstStart, t.DstEnd = addr(16, 0x5678), addr(16, 0x5678)
		t.Protocols = []uint8{protoUDP}
		t.SrcPortStart, t.SrcPortEnd, t.DstPortStart, t.DstPortEnd = 5001, 5001, 4500, 4500
		return a
	}
	for _, test := range []struct {
		name   string
		change func(a *Attributes)
		want   map[string]int
	}{
		{"Tables 2 to 4", func(a *Attributes) { a.FlowLabel = ActionLower }, map[string]int{
			"IPV6.VER": 0, "IPV6.DSCP": 6, "IPV6.ECN": 2, "IPV6.FL": 0, "IPV6.LEN": 0, "IPV6.NXT": 0, "IPV6.HOP_LMT": 0,
			"IPV6.SRC_ADDR": 0, "IPV6.DST_ADDR": 0, "UDP.SRC_PORT": 0, "UDP.DST_PORT": 0, "UDP.CKSUM": 0, "UDP.LEN": 0,
			"ESP.PAD_LEN": 0, "ESP.NXT": 0, "ESP.SPI": 8, "ESP.SN": 8}},
		{"Tables 5 to 7", func(a *Attributes) {
			a.DSCP, a.DSCPs, a.ECN, a.FlowLabel = ActionSA, []uint8{0, 8, 10, 16, 26, 34, 46, 48}, ActionLower, ActionZero
		}, map[string]int{"IPV6.DSCP": 3, "IPV6.ECN": 0, "IPV6.FL": 0, "ESP.PAD_LEN": 0, "ESP.SPI": 8, "ESP.SN": 8}},
		{"Tables 8 to 10", func(a *Attributes) { // Payload Length is computed all the same
			a.HopLimit, a.SPILSBBits, a.SNLSBBits = HopLimitValueSent, 32, 32
		}, map[string]int{"IPV6.DSCP": 6, "IPV6.ECN": 2, "IPV6.FL": 20, "IPV6.HOP_LMT": 8, "ESP.SPI": 32, "ESP.SN": 32}},
		{"Tables 11 to 13", func(a *Attributes) { a.ECN, a.FlowLabel = ActionLower, ActionGenerated },
			map[string]int{"IPV6.DSCP": 6, "IPV6.ECN": 0, "IPV6.FL": 0, "ESP.PAD_LEN": 0}},
		{"ranges", func(a *Attributes) {
			a.Selectors.SrcEnd = addr(16, 0x1237)
			a.Selectors.DstPortStart, a.Selectors.DstPortEnd = 1023, 1024 // no common prefix but zeros
			a.Selectors.SrcPortStart, a.Selectors.SrcPortEnd = 0, 65535
		}, map[string]int{"IPV6.SRC_ADDR": 2, "IPV6.DST_ADDR": 0, "UDP.SRC_PORT": 16, "UDP.DST_PORT": 11}},
		{"any protocol", func(a *Attributes) { a.Selectors.Protocols = []uint8{0} },
			map[string]int{"IPV6.NXT": 8, "ESP.NXT": 0}},
		{"a mandatory trailer", func(a *Attributes) { a.Trailer = TrailerMandatory },
			map[string]int{"ESP.PAD_LEN": 8, "ESP.NXT": 8}},
		{"other alignments", func(a *Attributes) { a.Alignment = Alignment16 },
			map[string]int{"ESP.PAD_LEN": 8, "ESP.NXT": 0}},
		{"IPv4", func(a *Attributes) {
			a.Selectors = Selectors{SrcStart: addr(4, 1), SrcEnd: addr(4, 1), Protocols: []uint8{protoTCP}}
		}, map[string]int{"IPV4.VER": 0, "IPV4.IHL": 4, "IPV4.DSCP": 6, "IPV4.ECN": 2, "IPV4.LEN": 0, "IPV4.ID": 16, "IPV4.FLAGS": 3,
			"IPV4.FO": 13, "IPV4.TTL": 0, "IPV4.PROTO": 0, "IPV4.CKSUM": 0, "IPV4.SRC_ADDR": 0, "IPV4.DST_ADDR": 32,
			"TCP.SRC_PORT": 16, "TCP.DST_PORT": 16, "TCP.SEQ": 32, "TCP.ACK": 32, "TCP.OFFSET": 4, "TCP.RES": 4, "TCP.FLAGS": 8,
			"TCP.WIN": 16, "TCP.CKSUM": 0, "TCP.URG": 16}},
	} {
		a := base()
		test.change(&a)
		rules, err := a.Rules(benchConfig, alg)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := map[string]int{}
		for _, r := range []*schc.Rule{&rules.IIPC, &rules.CTEC, &rules.EEC} {
			for k, v := range sentBits(r) {
				got[k] = v
			}
		}
		for k, v := range test.want {
			if n, ok := got[k]; !ok || n != v {
				t.Errorf("%s: %s: %d bits, %v, want %d", test.name, k, n, ok, v)
			}
		}
	}
}

// A cipher with blocks keeps its padding with 8 bit alignment, too.
func TestBlockCipher(t *testing.T) {
	a := iotAttributes(8, 8)
	rules, err := a.Rules(benchConfig, mustAlgorithm("aes128cbc"))
	if err != nil || sentBits(&rules.CTEC)["ESP.PAD_LEN"] != 8 {
		t.Errorf("%v, %v", sentBits(&rules.CTEC), err)
	}
}

// Transport mode describes what is behind the IP header (Appendix A.2), and
// nothing where it is not one of the four protocols.
func TestTransportRules(t *testing.T) {
	c := esp.Config{SPI: 0x1001, Mode: esp.ModeTransport}
	alg := mustAlgorithm("aes128gcm16iiv")
	for proto, want := range map[uint8]int{protoUDP: 4, protoUDPLite: 4, protoTCP: 10, protoSCTP: 4, 58: 0, 0: 0} {
		a := DefaultAttributes(ProfileDietESP10)
		a.Selectors.Protocols = []uint8{proto}
		rules, err := a.Rules(c, alg)
		if err != nil || len(rules.IIPC.Fields) != want || (rules.IIPC.Nature == schc.NatureNoCompression) != (want == 0) {
			t.Errorf("protocol %d: %+v, %v, want %d fields", proto, rules.IIPC, err, want)
		}
		next := 0
		if proto == 0 {
			next = 8
		}
		if got := sentBits(&rules.CTEC)["ESP.NXT"]; got != next {
			t.Errorf("protocol %d: %d bits of Next Header, want %d", proto, got, next)
		}
	}
}

// Derived Rules are Rules as any other: they are printed, linted, saved in every
// form and loaded again.
func TestRuleFiles(t *testing.T) {
	const seed = 8
	g := gen{rand.New(rand.NewSource(seed))}
	for i := 0; i < 300; i++ {
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		a := g.attributes(&c, alg)
		rules, err := a.Rules(c, alg)
		if err != nil {
			t.Fatal(err)
		}
		list := append([]schc.Rule{rules.IIPC, rules.CTEC, rules.EEC}, rules.IIPCOther...)
		for j, r := range list {
			st := Stage(j + 1)
			if j >= 3 {
				st = IIPC
			}
			set := rulefile.Set{Rules: []schc.Rule{r}}
			ctx, err := schc.NewContext(set.Rules, a.Options(st, c.Mode))
			if err != nil {
				t.Fatalf("seed %d: %+v: %v: %v", seed, a, st, err)
			}
			for _, f := range lint.Check(&set, ctx) {
				if f.Severity == lint.Warning && !(f.Code == lint.LossyField && a.FlowLabel == ActionGenerated) {
					t.Errorf("seed %d: %+v: %v: %+v", seed, a, st, f)
				}
			}
			file := &rulefile.File{Sets: []rulefile.Set{set}}
			for _, form := range []rulefile.Form{rulefile.FormJSON, rulefile.FormYANG, rulefile.FormCBOR} {
				b, err := rulefile.SaveAs(file, form)
				if err != nil {
					t.Fatalf("seed %d: %+v: %v as %v: %v", seed, a, st, form, err)
				}
				back, err := rulefile.Load(b, "x")
				if err != nil {
					t.Fatalf("seed %d: %v as %v: %v\n%s", seed, st, form, err, b)
				}
				other, err := schc.NewContext(back.Sets[0].Rules, a.Options(st, c.Mode))
				if err != nil || other.Fingerprint() != ctx.Fingerprint() {
					t.Fatalf("seed %d: %v as %v comes back different: %v\n%s", seed, st, form, err, b)
				}
			}
		}
	}
}
