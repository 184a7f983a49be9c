package schc_test

import (
	"errors"
	"testing"

	. "github.com/schckit/schckit/schc"
)

// explainPacket is an IPv6/UDP packet that udpRule compresses: ports 5683,
// hop limit 64, addresses 2001:db8::, two bytes of data.
func explainPacket(t *testing.T) []byte {
	layers := stackLayers([]Protocol{ProtoIPv6, ProtoUDP})
	pkt := unhexT(t, "60000000000a114020010db800000000000000000000000020010db800000000000000000000000016331633000a0000c0de")
	return (&gen{intn: func(int) int { return 0 }}).again(pkt, layers, DirUp)
}

// TestExplainFields checks the fields of the chosen Rule: where they are, what
// they send.
func TestExplainFields(t *testing.T) {
	r := udpRule()
	r.Fields[2] = sentField(FIDIPv6FlowLabel)
	r.Fields[5] = FieldDescriptor{FID: FIDIPv6HopLimit, TV: [][]byte{{32}, {64}, {255}}, MO: MOMatchMapping, CDA: CDAMappingSent}
	r.Fields[10] = FieldDescriptor{FID: FIDUDPDevPort, TV: [][]byte{{0x16, 0x30}}, MO: MOMSB, MSB: 12, CDA: CDALSB}
	ctx, err := NewContext([]Rule{r, {ID: RuleID{2, 8}, Nature: NatureNoCompression}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	pkt := explainPacket(t)
	e := ctx.Explain(pkt, DirUp, Inputs{})
	if e.Err != nil || e.ID != (RuleID{1, 8}) || e.Bits != 8+26+16 || e.ResidueBits != 26 || e.HeaderBytes != 48 || e.Lossy {
		t.Errorf("Explain(%x) = %+v, %v", pkt, e.Result, e.Err)
	}
	want := []struct {
		field, off, bits, residue int
		value                     string
	}{
		0: {0, 0, 4, 0, ""}, 1: {1, 4, 8, 0, ""}, 2: {2, 12, 20, 20, "00000000000000000000"}, 3: {3, 32, 16, 0, ""}, 4: {4, 48, 8, 0, ""},
		5: {5, 56, 8, 2, "01"}, 6: {6, 64, 64, 0, ""}, 7: {7, 128, 64, 0, ""}, 8: {8, 192, 64, 0, ""}, 9: {9, 256, 64, 0, ""},
		10: {10, 320, 16, 4, "0011"}, 11: {11, 336, 16, 0, ""}, 12: {12, 352, 16, 0, ""}, 13: {13, 368, 16, 0, ""},
	}
	if len(e.Fields) != len(want) {
		t.Fatalf("%d fields, want %d", len(e.Fields), len(want))
	}
	for i, f := range e.Fields {
		w, d := want[i], r.Fields[i]
		if f.Field != w.field || f.OffBits != w.off || f.LenBits != w.bits || f.ResidueBits != w.residue || slowBits(f.Residue)[:f.ResidueBits] != w.value ||
			f.FID != d.FID || f.MO != d.MO || f.CDA != d.CDA || f.Pos != 1 {
			t.Errorf("field %d is %+v, want %+v of %v", i, f, w, d.FID)
		}
	}
	if len(e.Rules) != 1 || !e.Rules[0].Match || !e.Rules[0].Chosen || e.Rules[0].Bits != e.Bits {
		t.Errorf("rules %+v", e.Rules)
	}
	// Downlink the Device's fields are at other places.
	e = ctx.Explain((&gen{intn: func(int) int { return 0 }}).again(pkt, stackLayers([]Protocol{ProtoIPv6, ProtoUDP}), DirDown), DirDown, Inputs{})
	for _, f := range e.Fields {
		if f.FID == FIDIPv6DevPrefix && f.OffBits != 192 || f.FID == FIDUDPDevPort && f.OffBits != 336 {
			t.Errorf("downlink: %v is at %d", f.FID, f.OffBits)
		}
	}
}

// TestExplainReasons checks why Rules were not chosen: the first field that
// failed, with both values.
func TestExplainReasons(t *testing.T) {
	other := func(f func(r *Rule)) Rule { r := udpRule(); f(&r); return r }
	pkt := explainPacket(t)
	long := append(explainPacket(t), 0)
	for _, x := range []struct {
		name   string
		rule   Rule
		pkt    []byte
		in     Inputs
		fid    FID
		field  int
		value  string
		target string
	}{
		{"equal", other(func(r *Rule) { r.Fields[5].TV = [][]byte{{63}} }), pkt, Inputs{}, FIDIPv6HopLimit, 5, "40", "3f"},
		{"MSB", other(func(r *Rule) {
			r.Fields[11] = FieldDescriptor{FID: FIDUDPAppPort, TV: [][]byte{{0x17, 0}}, MO: MOMSB, MSB: 8, CDA: CDALSB}
		}), pkt, Inputs{}, FIDUDPAppPort, 11, "1633", "1700"},
		{"mapping", other(func(r *Rule) {
			r.Fields[5] = FieldDescriptor{FID: FIDIPv6HopLimit, TV: [][]byte{{1}, {2}}, MO: MOMatchMapping, CDA: CDAMappingSent}
		}), pkt, Inputs{}, FIDIPv6HopLimit, 5, "40", "01"},
		{"computed length", udpRule(), long, Inputs{}, FIDIPv6PayloadLength, 3, "000a", ""},
		{"IID", other(func(r *Rule) { r.Fields[7] = FieldDescriptor{FID: FIDIPv6DevIID, MO: MOIgnore, CDA: CDADevIID} }), pkt,
			Inputs{DevIID: []byte{1, 2, 3, 4, 5, 6, 7, 8}}, FIDIPv6DevIID, 7, "0000000000000000", "0102030405060708"},
		{"no IID", other(func(r *Rule) { r.Fields[7] = FieldDescriptor{FID: FIDIPv6DevIID, MO: MOIgnore, CDA: CDADevIID} }), pkt,
			Inputs{}, FIDIPv6DevIID, 7, "0000000000000000", ""},
	} {
		ctx, err := NewContext(oneRule(x.rule), Options{})
		if err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		e := ctx.Explain(x.pkt, DirUp, x.in)
		if !errors.Is(e.Err, ErrNoRule) || len(e.Rules) != 1 {
			t.Errorf("%s: %v, %+v", x.name, e.Err, e.Rules)
			continue
		}
		r := e.Rules[0]
		if r.Match || r.Chosen || r.Reason == "" || r.FID != x.fid || r.Field != x.field || string(r.Value) != string(unhexT(t, x.value)) ||
			r.ValueBits != 8*len(r.Value) || string(r.Target) != string(unhexT(t, x.target)) {
			t.Errorf("%s: %+v, want field %d (%v), value %s, target %s", x.name, r, x.field, x.fid, x.value, x.target)
		}
	}
}

// TestExplainOthers: the reason of a Rule that matches and is not chosen.
func TestExplainOthers(t *testing.T) {
	better, lossy, same := udpRule(), udpRule(), udpRule()
	for i, r := range []*Rule{&better, &lossy, &same} {
		r.ID = RuleID{uint32(i), 2}
	}
	lossy.Fields[5] = FieldDescriptor{FID: FIDIPv6HopLimit, TV: [][]byte{{1}}, MO: MOIgnore, CDA: CDANotSent}
	same.Fields[1] = sentField(FIDIPv6TrafficClass)
	pkt := explainPacket(t)
	for _, opts := range []Options{{}, {Lossless: true}} {
		ctx, err := NewContext([]Rule{same, lossy, better}, opts)
		if err != nil {
			t.Fatal(err)
		}
		e := ctx.Explain(pkt, DirUp, Inputs{})
		if e.ID != better.ID || len(e.Rules) != 3 {
			t.Fatalf("%+v, %d rules", e.Result, len(e.Rules))
		}
		for i, r := range e.Rules {
			if !r.Match || r.Chosen != (i == 2) || (r.Reason == "") != (i == 2) || r.Lossy != (i == 1) {
				t.Errorf("%+v: rule %d: %+v", opts, i, r)
			}
		}
		if e.Rules[0].Bits != 2+8+16 || e.Rules[2].Bits != 2+16 {
			t.Errorf("bits %d and %d", e.Rules[0].Bits, e.Rules[2].Bits)
		}
	}
}
