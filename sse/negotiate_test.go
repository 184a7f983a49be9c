package sse

import (
	"bytes"
	"errors"
	"math/rand"
	"reflect"
	"testing"

	"github.com/schckit/schckit/gpcomp"
)

// TestHIPFigures: the parameters byte for byte, as the figures of
// draft-moskowitz-ssls-hip-02, Sections 4.1 to 4.4, have them.
func TestHIPFigures(t *testing.T) {
	for _, x := range []struct {
		p    Proposal
		want string
	}{
		{Proposal{Suites: []Suite{SuiteCCM16}}, "1005 0004 0000 000b"},
		{Proposal{Suites: []Suite{SuiteGCM16, SuiteCCM16, SuiteCCM8}}, "1005 0008 0000 000d 000b 000a 0000 0000"},
		{Proposal{Suites: []Suite{11}, Formats: []Format{FormatCompact}}, "1005 0004 0000 000b 1006 0004 0000 0001"},
		{Proposal{Formats: []Format{1, 2, 3}}, "1006 0008 0000 0001 0002 0003 0000 0000"},
		{Proposal{CPI: 3, Comps: []gpcomp.TransformID{gpcomp.TransformLZS}}, "0044 0004 0003 0003"},
		{Proposal{SPI: 0x01020304, OldSPI: 5, KeymatIndex: 6}, "0042 000c 0000 0006 00000005 01020304"},
		{Proposal{Widths: []Widths{{0, 8}, {24, 20}}}, "8000 0006 0000 0008 1814 00000000 0000"},
	} {
		got, err := AppendHIP([]byte{1}, x.p, HIPTypes{})
		if want := mustHex(t, despace(x.want)); err != nil || !bytes.Equal(got[1:], want) {
			t.Errorf("AppendHIP(%+v) = %x, %v, want %x", x.p, got[1:], err, want)
		}
		if p, err := ParseHIP(got[1:], HIPTypes{}); err != nil || !reflect.DeepEqual(p, x.p) {
			t.Errorf("ParseHIP(%x) = %+v, %v, want %+v", got[1:], p, err, x.p)
		}
	}
}

func despace(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)) }

func TestHIPParse(t *testing.T) {
	for _, x := range []struct {
		in, why string
		want    Error
	}{
		{"1005 0004 0000", "cut", ErrTruncated},
		{"1005 0008 0000 000b", "longer than the message", ErrTruncated},
		{"1005 0006 0000 000a 000b 0000", "cut in the padding", ErrTruncated},
		{"1005 0002 0000 0000", "no suite", ErrMalformed},
		{"1005 0005 0000 000b 0a00 0000 0000 0000", "half a suite", ErrMalformed},
		{"1005 0004 0000 0000", "suite 0 is reserved", ErrMalformed},
		{"1005 0006 0000 000b 000b 0000 00000000", "a suite twice", ErrMalformed},
		{"1005 0004 0000 000b 1005 0004 0000 000b", "the parameter twice", ErrMalformed},
		{"1006 0004 0000 0001 1005 0004 0000 000b", "decreasing types", ErrMalformed},
		{"0042 0004 0000 0006", "a short SSE_INFO", ErrMalformed},
		{"8000 0004 0000 1908", "25 bits of SPI", ErrMalformed},
		{"8000 0004 0000 0815", "21 bits of SN", ErrMalformed},
	} {
		in := mustHex(t, despace(x.in))
		if p, err := ParseHIP(in, HIPTypes{}); err != x.want || !reflect.DeepEqual(p, Proposal{}) {
			t.Errorf("%s: ParseHIP(%x) = %+v, %v, want %v", x.why, in, p, err, x.want)
		}
	}
	// What is not ours is skipped, padding and Reserved are not looked at, and
	// more than six suites, unknown ones among them, are understood.
	in := mustHex(t, despace("0041 000c 0000 0000 00000000 00000001"+
		"1005 0010 ffff 0001 0007 000a 000b 000c 000d 1234 ffffffff"+"1006 0004 0000 0999"+"f000 0001 aa bbcccc"))
	p, err := ParseHIP(in, HIPTypes{})
	if want := (Proposal{Suites: []Suite{1, 7, 10, 11, 12, 13, 0x1234}, Formats: []Format{formatUnknown}}); err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("ParseHIP(%x) = %+v, %v, want %+v", in, p, err, want)
	}
	if _, _, err := Select(p, Policy{Suites: []Suite{SuiteGCM8}}); !refused(err, NotifyNoFormat) {
		t.Errorf("a format that is not known: %v", err)
	}
	// Numbers can be changed, but must increase.
	out, err := AppendHIP(nil, Proposal{Suites: []Suite{11}}, HIPTypes{Transform: 4095})
	if err != nil || !bytes.Equal(out, mustHex(t, "0fff00040000000b")) {
		t.Errorf("%x, %v", out, err)
	}
	if out, err := AppendHIP([]byte{1}, p, HIPTypes{Info: 100}); err != ErrMalformed || len(out) != 1 {
		t.Errorf("decreasing types: %x, %v", out, err)
	}
	if out, err := AppendHIP([]byte{1}, Proposal{Suites: make([]Suite, 40000)}, HIPTypes{}); err != ErrMalformed || len(out) != 1 {
		t.Errorf("a long list: %d bytes, %v", len(out), err)
	}
}

func refused(err error, n Notify) bool {
	var e *NegotiationError
	return errors.As(err, &e) && e.Notify == n && errors.Is(err, ErrRefused) && e.Error() != ""
}

// TestIKEFigure: a Security Association payload byte for byte (RFC 7296,
// Sections 3.3.1, 3.3.2 and 3.3.5).
func TestIKEFigure(t *testing.T) {
	p := Proposal{SPI: 0x00010203, Suites: []Suite{SuiteGCM16, SuiteCCM8}, KeyBits: []uint16{128}, Formats: []Format{FormatCompact}, Widths: []Widths{{0, 8}}}
	want := mustHex(t, despace("00 00 003c 01 c9 04 05 00010203"+
		"03 00 000c 01 00 0014 800e 0080"+
		"03 00 000c 01 00 000e 800e 0080"+
		"03 00 0008 f1 00 0001"+
		"03 00 0008 f2 00 0008"+
		"00 00 0008 f2 00 ffff"))
	got, err := AppendIKE(nil, 1, p, true, IKENumbers{})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("AppendIKE = %x, %v, want %x", got, err, want)
	}
	back, num, err := ParseIKE(want, IKENumbers{})
	if err != nil || num != 1 || !reflect.DeepEqual(back, p) {
		t.Errorf("ParseIKE = %+v, %d, %v, want %+v", back, num, err, p)
	}
	for n := range want {
		if _, _, err := ParseIKE(want[:n], IKENumbers{}); err != ErrTruncated {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, _, err := ParseIKE(append(want, 0), IKENumbers{}); err != ErrMalformed {
		t.Errorf("a byte more: %v", err)
	}
	if _, _, err := ParseIKE(want, IKENumbers{Protocol: 202}); err != ErrRefused {
		t.Errorf("another protocol: %v", err)
	}
	// Behind a proposal for ESP, and with an attribute that is not known.
	esp := mustHex(t, despace("02 00 0014 01 03 04 01 00000009 00 00 0008 05 00 0000"))
	odd := mustHex(t, despace("00 00 0026 02 c9 04 02 00010203"+"03 00 0012 01 00 0014 800e 0100 4001 0002 aabb"+"00 00 0008 f1 00 0002"))
	back, num, err = ParseIKE(append(esp, odd...), IKENumbers{})
	if want := (Proposal{SPI: 0x010203, Suites: []Suite{SuiteGCM16}, KeyBits: []uint16{256}, Formats: []Format{FormatLarge}}); err != nil || num != 2 || !reflect.DeepEqual(back, want) {
		t.Errorf("ParseIKE = %+v, %d, %v, want %+v", back, num, err, want)
	}
	for _, x := range []string{
		"01 00 000c 01 c9 04 00 00010203",                                // a next type that does not exist
		"00 00 0008 01 c9 00 00",                                         // no SPI
		"00 00 0007 01 c9 00 00",                                         // shorter than itself
		"00 00 0014 01 c9 04 01 00010203 03 00 0008 f1 00 0001",          // the last says there is more
		"00 00 0014 01 c9 04 01 00010203 00 00 0007 f1 00 0001",          // a short transform
		"00 00 000c 01 c9 09 00 00010203",                                // an SPI longer than the proposal
		"00 00 0018 01 c9 04 01 00010203 00 00 0008 f1 00 0001 00000000", // something behind the transforms
	} {
		if p, _, err := ParseIKE(mustHex(t, despace(x)), IKENumbers{}); err != ErrMalformed || !reflect.DeepEqual(p, Proposal{}) {
			t.Errorf("ParseIKE(%s) = %+v, %v", x, p, err)
		}
	}
	for _, p := range []Proposal{{Suites: []Suite{11}}, {SPI: 1}} {
		if out, err := AppendIKE([]byte{1}, 1, p, true, IKENumbers{}); err != ErrMalformed || len(out) != 1 {
			t.Errorf("AppendIKE(%+v) = %x, %v", p, out, err)
		}
	}
	if out, err := AppendIKE([]byte{1}, 1, Proposal{SPI: 1, Suites: []Suite{SuiteGMAC}}, true, IKENumbers{}); err != ErrUnsupported || len(out) != 1 {
		t.Errorf("GMAC: %x, %v", out, err)
	}
}

// TestNegotiate runs both ends, through HIP parameters and through IKEv2.
func TestNegotiate(t *testing.T) {
	lzs, deflate := gpcomp.TransformLZS, gpcomp.TransformDeflate
	for _, x := range []struct {
		name string
		a, b Policy // a offers
		want Agreement
		err  Notify
	}{
		{name: "mandatory", a: Policy{SPI: 1}, b: Policy{SPI: 2}, want: Agreement{Format: FormatCompact, Suite: SuiteCCM16, KeyBits: 128, OutSPI: 1, InSPI: 2}},
		{name: "preference of the one who selects",
			a:    Policy{SPI: 1, Suites: []Suite{10, 11, 12, 13}, Formats: []Format{1, 2, 3}, KeyBits: []uint16{128, 256}},
			b:    Policy{SPI: 2, Suites: []Suite{13, 11}, Formats: []Format{3, 1}, KeyBits: []uint16{256}},
			want: Agreement{Format: FormatExtreme, Suite: SuiteGCM16, KeyBits: 256, OutSPI: 1, InSPI: 2}},
		{name: "GPComp and widths",
			a:    Policy{SPI: 0xff000001, CPI: 500, Comps: []gpcomp.TransformID{deflate, lzs}, Widths: []Widths{{0, 8}, {8, 16}}},
			b:    Policy{SPI: 0x77000002, CPI: 600, Comps: []gpcomp.TransformID{lzs}, Widths: []Widths{{4, 4}, {8, 16}}},
			want: Agreement{Format: FormatCompact, Suite: SuiteCCM16, KeyBits: 128, OutSPI: 1, InSPI: 2, Comp: lzs, OutCPI: 500, InCPI: 600, Compress: true, Headers: Compression{SPIBits: 8, SNBits: 16, FlagC: true}}},
		{name: "nothing of that in common",
			a:    Policy{SPI: 1, CPI: 500, Comps: []gpcomp.TransformID{deflate}, Widths: []Widths{{0, 8}}},
			b:    Policy{SPI: 2, CPI: 600, Comps: []gpcomp.TransformID{lzs}},
			want: Agreement{Format: FormatCompact, Suite: SuiteCCM16, KeyBits: 128, OutSPI: 1, InSPI: 2}},
		{name: "no suite", a: Policy{SPI: 1, Suites: []Suite{10}}, b: Policy{SPI: 2}, err: NotifyNoProposal},
		{name: "no format", a: Policy{SPI: 1, Formats: []Format{2}}, b: Policy{SPI: 2}, err: NotifyNoFormat},
		{name: "no key length", a: Policy{SPI: 1, KeyBits: []uint16{192}}, b: Policy{SPI: 2}, err: NotifyNoProposal},
	} {
		for _, code := range []struct {
			name string
			pass func(p Proposal, offer bool) Proposal
		}{
			{"plain", func(p Proposal, _ bool) Proposal { return p }},
			{"HIP", func(p Proposal, _ bool) Proposal { return throughHIP(t, p) }},
			{"IKEv2", func(p Proposal, offer bool) Proposal { return throughIKE(t, p, offer) }},
		} {
			if code.name == "HIP" && x.a.KeyBits != nil {
				continue // HIP does not say the length of keys
			}
			want := x.want
			if code.name == "IKEv2" { // IPCOMP_SUPPORTED says this
				want.Comp, want.OutCPI, want.InCPI = 0, 0, 0
				want.Headers.FlagC = false
			}
			offer, err := Offer(x.a)
			if err != nil {
				t.Fatalf("%s: Offer: %v", x.name, err)
			}
			answer, got, err := Select(code.pass(offer, true), x.b)
			if x.err != 0 {
				if !refused(err, x.err) {
					t.Errorf("%s, %s: Select: %v, want %v", x.name, code.name, err, x.err)
				}
				continue
			}
			if err != nil || got != want {
				t.Errorf("%s, %s: Select = %+v, %v, want %+v", x.name, code.name, got, err, want)
				continue
			}
			back, err := Accept(offer, code.pass(answer, false), x.a)
			want.OutSPI, want.InSPI, want.OutCPI, want.InCPI = want.InSPI, want.OutSPI, want.InCPI, want.OutCPI
			if err != nil || back != want {
				t.Errorf("%s, %s: Accept = %+v, %v, want %+v", x.name, code.name, back, err, want)
			}
		}
	}
}

func throughHIP(t *testing.T, p Proposal) Proposal {
	t.Helper()
	b, err := AppendHIP(nil, p, HIPTypes{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = ParseHIP(b, HIPTypes{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func throughIKE(t *testing.T, p Proposal, offer bool) Proposal {
	t.Helper()
	b, err := AppendIKE(nil, 7, p, offer, IKENumbers{})
	if err != nil {
		t.Fatal(err)
	}
	p, num, err := ParseIKE(b, IKENumbers{})
	if err != nil || num != 7 {
		t.Fatal(num, err)
	}
	return p
}

// TestAccept has answers that were not offered.
func TestAccept(t *testing.T) {
	p := Policy{SPI: 1, CPI: 300, Suites: []Suite{13, 11}, Formats: []Format{1, 2}, Comps: []gpcomp.TransformID{gpcomp.TransformLZS}, Widths: []Widths{{8, 16}}}
	offer, err := Offer(p)
	if err != nil {
		t.Fatal(err)
	}
	good := Proposal{SPI: 2, Suites: []Suite{11}, Formats: []Format{1}, CPI: 400, Comps: p.Comps, Widths: p.Widths}
	if _, err := Accept(offer, good, p); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(a *Proposal)
		want   Notify
	}{
		"no suite":          {func(a *Proposal) { a.Suites = nil }, NotifyInvalidTransform},
		"two suites":        {func(a *Proposal) { a.Suites = p.Suites }, NotifyInvalidTransform},
		"another suite":     {func(a *Proposal) { a.Suites = []Suite{10} }, NotifyInvalidTransform},
		"two formats":       {func(a *Proposal) { a.Formats = p.Formats }, NotifyInvalidFormat},
		"another format":    {func(a *Proposal) { a.Formats = []Format{3} }, NotifyInvalidFormat},
		"another key":       {func(a *Proposal) { a.KeyBits = []uint16{256} }, NotifyInvalidTransform},
		"another algorithm": {func(a *Proposal) { a.Comps = []gpcomp.TransformID{4} }, 0},
		"two algorithms":    {func(a *Proposal) { a.Comps = []gpcomp.TransformID{3, 3} }, 0},
		"other widths":      {func(a *Proposal) { a.Widths = []Widths{{8, 8}} }, 0},
		"two widths":        {func(a *Proposal) { a.Widths = []Widths{{8, 16}, {8, 16}} }, 0},
		"widths with large": {func(a *Proposal) { a.Formats = []Format{2} }, 0},
		"an SPI that ends":  {func(a *Proposal) { a.SPI = 0x01000000 }, 0},
	} {
		a := good
		x.change(&a)
		if _, err := Accept(offer, a, p); !refused(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}

// TestPolicy has policies that are refused, collisions among them.
func TestPolicy(t *testing.T) {
	c, _ := configs(FormatCompact, SuiteGCM16)
	s := new(Session)
	if err := s.Reset(c); err != nil {
		t.Fatal(err)
	}
	var tab Table
	if err := tab.Add(s); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Policy{
		"CMAC":          {Suites: []Suite{SuiteCMAC96}},
		"format":        {Formats: []Format{4}},
		"key":           {KeyBits: []uint16{64}},
		"widths":        {Widths: []Widths{{25, 0}}},
		"seven suites":  {Suites: []Suite{10, 11, 12, 13, 10, 11, 12}},
		"collision":     {SPI: 0x0a0b0c, Table: &tab},
		"collision cut": {SPI: 0x990a0b0c, Table: &tab},
	} {
		if _, err := Offer(p); !refused(err, 0) {
			t.Errorf("%s: Offer: %v", name, err)
		}
		if _, _, err := Select(Proposal{Suites: []Suite{11}}, p); !refused(err, 0) {
			t.Errorf("%s: Select: %v", name, err)
		}
	}
	// The large format keeps the SPIs apart, as long as compact is not chosen.
	p := Policy{SPI: 0x990a0b0c, Formats: []Format{FormatLarge}, Table: &tab}
	if _, err := Offer(p); err != nil {
		t.Error(err)
	}
	if _, err := Accept(Proposal{SPI: p.SPI, Suites: []Suite{11}, Formats: []Format{1}}, Proposal{Suites: []Suite{11}, Formats: []Format{1}},
		Policy{SPI: p.SPI, Table: &tab}); !refused(err, 0) {
		t.Errorf("Accept: %v", err)
	}
}

// randomProposal returns a proposal that can be coded.
func randomProposal(r *rand.Rand) Proposal {
	p := Proposal{SPI: r.Uint32(), OldSPI: r.Uint32(), KeymatIndex: uint16(r.Uint32())}
	for _, i := range r.Perm(4)[:1+r.Intn(4)] {
		p.Suites = append(p.Suites, suites[i])
	}
	for _, i := range r.Perm(3)[:1+r.Intn(3)] {
		p.Formats = append(p.Formats, formats[i])
	}
	for _, i := range r.Perm(4)[:r.Intn(4)] {
		p.CPI = gpcomp.CPI(r.Uint32())
		p.Comps = append(p.Comps, gpcomp.TransformID(i+1))
	}
	for _, i := range r.Perm(20)[:r.Intn(10)] {
		p.Widths = append(p.Widths, Widths{uint8(i), uint8(r.Intn(21))})
	}
	return p
}

// TestProposalRoundTrip: what was coded is read again.
func TestProposalRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for i := 0; i < 500; i++ {
		p := randomProposal(r)
		if p.SPI == 0 {
			continue
		}
		if got := throughHIP(t, p); !reflect.DeepEqual(got, p) {
			t.Fatalf("HIP: %+v, want %+v", got, p)
		}
		p.OldSPI, p.KeymatIndex, p.CPI, p.Comps = 0, 0, 0, nil
		p.KeyBits = []uint16{128, 192, 256}[:1+r.Intn(3)]
		if got := throughIKE(t, p, true); !reflect.DeepEqual(got, p) {
			t.Fatalf("IKE: %+v, want %+v", got, p)
		}
	}
}
