package schc_test

import (
	"errors"
	"testing"

	. "github.com/schckit/schckit/schc"
)

// udpRule is a good Rule for IPv6 and UDP. Its descriptors stand at the index
// of the field in the header: version 0 to application IID 9, ports 10 and 11,
// length 12, checksum 13.
func udpRule() Rule {
	equal := func(f FID, v ...byte) FieldDescriptor {
		return FieldDescriptor{FID: f, TV: [][]byte{v}, MO: MOEqual, CDA: CDANotSent}
	}
	compute := func(f FID) FieldDescriptor { return FieldDescriptor{FID: f, MO: MOIgnore, CDA: CDACompute} }
	prefix := []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0}
	return Rule{ID: RuleID{1, 8}, Fields: []FieldDescriptor{
		equal(FIDIPv6Version, 6), equal(FIDIPv6TrafficClass, 0), equal(FIDIPv6FlowLabel, 0, 0, 0),
		compute(FIDIPv6PayloadLength), equal(FIDIPv6NextHeader, 17), equal(FIDIPv6HopLimit, 64),
		equal(FIDIPv6DevPrefix, prefix...), equal(FIDIPv6DevIID, make([]byte, 8)...),
		equal(FIDIPv6AppPrefix, prefix...), equal(FIDIPv6AppIID, make([]byte, 8)...),
		equal(FIDUDPDevPort, 0x16, 0x33), equal(FIDUDPAppPort, 0x16, 0x33), compute(FIDUDPLength), compute(FIDUDPChecksum),
	}}
}

func sentField(f FID) FieldDescriptor {
	return FieldDescriptor{FID: f, MO: MOIgnore, CDA: CDAValueSent}
}

// coapRule is a good Rule for CoAP: version 0, type 1, TKL 2, code 3, MID 4,
// token 5, then the options.
func coapRule(options ...FieldDescriptor) Rule {
	token := sentField(FIDCoAPToken)
	token.FL = FLTokenLength
	r := Rule{ID: RuleID{1, 8}, Fields: []FieldDescriptor{
		{FID: FIDCoAPVersion, TV: [][]byte{{1}}, MO: MOEqual, CDA: CDANotSent},
		sentField(FIDCoAPType), sentField(FIDCoAPTKL), sentField(FIDCoAPCode), sentField(FIDCoAPMID), token,
	}}
	r.Fields = append(r.Fields, options...)
	return r
}

func oneRule(r Rule) []Rule { return []Rule{r} }

// TestNewContextErrors is a table of wrong rule sets. Each error names the
// Rule, the field and what to do.
func TestNewContextErrors(t *testing.T) {
	// udp and coap change one good Rule.
	udp := func(f func(r *Rule)) []Rule { r := udpRule(); f(&r); return oneRule(r) }
	field := func(i int, f func(d *FieldDescriptor)) []Rule { return udp(func(r *Rule) { f(&r.Fields[i]) }) }
	option := func(n uint16, f func(d *FieldDescriptor)) []Rule {
		d := sentField(FIDCoAPOption(n))
		f(&d)
		return oneRule(coapRule(d))
	}
	coap := func(f func(r *Rule)) []Rule { r := coapRule(); f(&r); return oneRule(r) }
	remove := func(r *Rule, i int) { r.Fields = append(r.Fields[:i:i], r.Fields[i+1:]...) }
	two := func(a, b RuleID) []Rule {
		x, y := udpRule(), udpRule()
		x.ID, y.ID = a, b
		return []Rule{x, y}
	}
	v4 := func(f func(r *Rule)) []Rule {
		r := Rule{ID: RuleID{1, 8}}
		for id := FIDIPv4Version; id <= FIDIPv4Options; id++ {
			switch id {
			case FIDIPv4DSCP, FIDIPv4ECN, FIDIPv4SrcAddress, FIDIPv4DstAddress:
				continue
			}
			r.Fields = append(r.Fields, sentField(id))
		}
		f(&r)
		return oneRule(r)
	}
	at := func(r *Rule, id FID) *FieldDescriptor {
		for i := range r.Fields {
			if r.Fields[i].FID == id {
				return &r.Fields[i]
			}
		}
		panic("no such field")
	}
	tests := []struct {
		name  string
		rules []Rule
		opts  Options
		err   Error
		text  string
	}{
		// RuleIDs.
		{"33 bits", two(RuleID{1, 8}, RuleID{1, 33}), Options{}, ErrMalformed,
			"schc: rule 1/33: the RuleID is longer than 32 bits"},
		{"value too large", two(RuleID{1, 8}, RuleID{4, 2}), Options{}, ErrMalformed,
			"schc: rule 4/2: the RuleID's value does not fit its length"},
		{"implicit among two", two(RuleID{0, 0}, RuleID{1, 8}), Options{}, ErrMalformed,
			"schc: rule 0/0: an implicit RuleID (0 bits) is possible only in a set of one Rule; give it a length"},
		{"twice", two(RuleID{5, 3}, RuleID{5, 3}), Options{}, ErrMalformed,
			"schc: rule 5/3: the RuleID is used twice"},
		{"01/2 and 011/3", two(RuleID{3, 3}, RuleID{1, 2}), Options{}, ErrMalformed,
			"schc: rule 1/2: the RuleID is a prefix of RuleID 3/3; no two may overlap"},
		{"0/1 and 1/32", two(RuleID{1, 32}, RuleID{0, 1}), Options{}, ErrMalformed,
			"schc: rule 0/1: the RuleID is a prefix of RuleID 1/32; no two may overlap"},
		// Rules.
		{"nothing described", udp(func(r *Rule) { r.Fields = nil }), Options{}, ErrMalformed,
			"schc: rule 1/8: describes no field; a Rule that sends packets as they are has nature no-compression"},
		{"no compression with fields", udp(func(r *Rule) { r.Nature = NatureNoCompression }), Options{}, ErrMalformed,
			"schc: rule 1/8: is for no compression and has fields"},
		{"fragmentation with fields", udp(func(r *Rule) { r.Nature = NatureFragmentation }), Options{}, ErrMalformed,
			"schc: rule 1/8: is for fragmentation and has fields"},
		{"fragmentation without parameters", udp(func(r *Rule) { r.Nature, r.Fields = NatureFragmentation, nil }), Options{}, ErrMalformed,
			"schc: rule 1/8: is for fragmentation and has no parameters"},
		{"compression with fragmentation", udp(func(r *Rule) { r.Fragment = &Fragmentation{} }), Options{}, ErrMalformed,
			"schc: rule 1/8: is for compression and has fragmentation parameters"},
		{"nature", udp(func(r *Rule) { r.Nature = 9 }), Options{}, ErrMalformed,
			"schc: rule 1/8: has an unknown nature"},
		{"two starts", []Rule{udpRule(), func() Rule { r := coapRule(); r.ID.Value = 2; return r }()}, Options{}, ErrMalformed,
			"schc: rule 2/8: field 1 (COAP.VER): starts with CoAP, the set's first Rule with IPv6; make it a set of its own"},
		{"ICV", oneRule(udpRule()), Options{SSEICVBytes: 65}, ErrMalformed,
			"schc: Options.SSEICVBytes is more than 64"},
		// Fields.
		{"unknown FID", field(0, func(d *FieldDescriptor) { d.FID = 0xffff }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (FID-65535): is not a known field"},
		{"FL of a fixed field", field(0, func(d *FieldDescriptor) { d.FL = 8 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): has FL 8, but the field always has 4 bits"},
		{"FL var of a fixed field", field(0, func(d *FieldDescriptor) { d.FL = FLVar }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): has FL var, but the field always has 4 bits"},
		{"FL tkl", option(4, func(d *FieldDescriptor) { d.FL = FLTokenLength }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.ETAG): has FL tkl, which is for COAP.TOKEN"},
		{"FL osc.piv", option(4, func(d *FieldDescriptor) { d.FL = FLOSCOREPIV }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.ETAG): has FL osc.piv, which is for COAP.OSCORE_PIV"},
		{"FL no bytes", option(4, func(d *FieldDescriptor) { d.FL = 12 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.ETAG): has FL 12; the field is whole bytes, so FL is a multiple of 8 bits"},
		{"FL of OSCORE kid", oneRule(coapRule(FieldDescriptor{FID: FIDCoAPOSCOREKID, FL: 8, MO: MOIgnore, CDA: CDAValueSent})), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.OSCORE_KID): has a fixed FL; its length is in the option itself: use var"},
		{"direction", field(0, func(d *FieldDescriptor) { d.DI = 4 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): has an unknown Direction Indicator"},
		{"don't care token", coap(func(r *Rule) { r.Fields[5].FP = FPAny }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 6 (COAP.TOKEN): has position \"don't care\", which is for CoAP options"},
		{"short target value", field(6, func(d *FieldDescriptor) { d.TV = [][]byte{{1}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (IPV6.DEV_PREFIX): has a Target Value of 1 byte; FL 64 needs 8, right-aligned"},
		{"long target value", field(0, func(d *FieldDescriptor) { d.TV = [][]byte{{0x16}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): has a Target Value that is longer than FL 4"},
		// Operators and actions.
		{"no operator", field(1, func(d *FieldDescriptor) { d.MO = 0 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has no Matching Operator"},
		{"unknown operator", field(1, func(d *FieldDescriptor) { d.MO = 9 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has an unknown Matching Operator"},
		{"no action", field(1, func(d *FieldDescriptor) { d.CDA = 0 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has no Compression/Decompression Action"},
		{"unknown action", field(1, func(d *FieldDescriptor) { d.CDA = 99 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has an unknown Compression/Decompression Action"},
		{"equal nothing", field(1, func(d *FieldDescriptor) { d.TV = nil }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the operator equal and 0 Target Values; it needs one"},
		{"equal two", field(1, func(d *FieldDescriptor) { d.TV = [][]byte{{1}, {2}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the operator equal and 2 Target Values; it needs one"},
		{"ignore two", field(1, func(d *FieldDescriptor) { d.MO, d.TV = MOIgnore, [][]byte{{1}, {2}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the operator ignore and several Target Values"},
		{"MSB nothing", field(1, func(d *FieldDescriptor) { d.MO, d.CDA, d.TV = MOMSB, CDALSB, nil }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the operator MSB and 0 Target Values; it needs one"},
		{"MSB too long", field(1, func(d *FieldDescriptor) { d.MO, d.CDA, d.MSB = MOMSB, CDALSB, 9 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has MSB(9), but only 8 bits"},
		{"MSB no bytes", option(4, func(d *FieldDescriptor) { d.MO, d.CDA, d.MSB, d.TV = MOMSB, CDALSB, 12, [][]byte{{1, 2}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.ETAG): has MSB(12); the unit of its length is bytes, so MSB is a multiple of 8 bits"},
		{"MSB beyond the target value", option(4, func(d *FieldDescriptor) { d.MO, d.CDA, d.MSB, d.TV = MOMSB, CDALSB, 24, [][]byte{{1, 2}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.ETAG): has MSB(24), but a Target Value of 16 bits"},
		{"mapping of nothing", field(1, func(d *FieldDescriptor) { d.MO, d.CDA, d.TV = MOMatchMapping, CDAMappingSent, nil }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the operator match-mapping and no Target Value"},
		{"mapping that sends nothing", field(1, func(d *FieldDescriptor) { d.MO, d.TV = MOMatchMapping, [][]byte{{1}, {2}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): matches several values but sends nothing; use mapping-sent"},
		{"mapping-sent without mapping", field(1, func(d *FieldDescriptor) { d.CDA = CDAMappingSent }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the action mapping-sent, which goes with match-mapping"},
		{"LSB without MSB", field(1, func(d *FieldDescriptor) { d.CDA = CDALSB }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV6.TC): has the action LSB, which goes with MSB(x)"},
		{"compute a hop limit", field(5, func(d *FieldDescriptor) { d.CDA = CDACompute }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 6 (IPV6.HOP_LMT): cannot be computed; only lengths and checksums can"},
		{"compute an option", option(4, func(d *FieldDescriptor) { d.CDA = CDACompute }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.ETAG): cannot be computed; only lengths and checksums can"},
		{"compute of a mapping", field(3, func(d *FieldDescriptor) { d.MO, d.TV = MOMatchMapping, [][]byte{{0, 1}, {0, 2}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 4 (IPV6.LEN): is computed and has the operator match-mapping; use ignore"},
		{"DevIID of a prefix", field(6, func(d *FieldDescriptor) { d.CDA = CDADevIID }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (IPV6.DEV_PREFIX): has the action DevIID, which is for IPV6.DEV_IID"},
		{"AppIID of the Device", field(7, func(d *FieldDescriptor) { d.CDA = CDAAppIID }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 8 (IPV6.DEV_IID): has the action AppIID, which is for IPV6.APP_IID"},
		// Headers.
		{"a field is missing", udp(func(r *Rule) { remove(r, 5) }), Options{}, ErrMalformed,
			"schc: rule 1/8: IPV6.HOP_LMT: is not described for direction up; a protocol that a Rule describes is described whole: add a Field Descriptor"},
		{"the checksum is missing", udp(func(r *Rule) { remove(r, 13) }), Options{}, ErrMalformed,
			"schc: rule 1/8: UDP.CKSUM: is not described for direction up; a protocol that a Rule describes is described whole: add a Field Descriptor"},
		{"an address without prefix", udp(func(r *Rule) { remove(r, 6) }), Options{}, ErrMalformed,
			"schc: rule 1/8: IPV6.DEV_PREFIX: is not described for direction up; a protocol that a Rule describes is described whole: add a Field Descriptor"},
		{"a field twice", udp(func(r *Rule) { r.Fields = append(r.Fields, r.Fields[5]) }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 15 (IPV6.HOP_LMT): overlaps a field described before; describe each bit of the header once"},
		{"DSCP beside the traffic class", udp(func(r *Rule) { r.Fields = append(r.Fields, sentField(FIDIPv6DSCP)) }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 15 (IPV6.DSCP): overlaps a field described before; describe each bit of the header once"},
		{"UDP before IPv6", udp(func(r *Rule) { r.Fields = append(r.Fields[10:14:14], r.Fields[:10]...) }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 5 (IPV6.VER): cannot follow UDP; list the protocols in the order of the packet's headers"},
		{"only the second IPv6 header", udp(func(r *Rule) {
			for i := range r.Fields[:10] {
				r.Fields[i].FP = 2
			}
		}), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): position 2 is described without position 1"},
		{"another version", field(0, func(d *FieldDescriptor) { d.TV = [][]byte{{4}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): the Target Value contradicts the headers that the Rule describes; it can never match"},
		{"another version, restored", field(0, func(d *FieldDescriptor) { d.MO, d.TV = MOIgnore, [][]byte{{4}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 1 (IPV6.VER): the Target Value contradicts the headers that the Rule describes; what it restores would be another packet"},
		{"another next header", field(4, func(d *FieldDescriptor) { d.TV = [][]byte{{6}} }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 5 (IPV6.NXT): the Target Value contradicts the headers that the Rule describes; it can never match"},
		{"a checksum without IP", udp(func(r *Rule) { r.Fields = r.Fields[10:] }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 4 (UDP.CKSUM): cannot be computed: the Rule does not describe the IP header that the checksum covers; use value-sent"},
		{"a length below that of the header", v4(func(r *Rule) {
			*at(r, FIDIPv4IHL) = FieldDescriptor{FID: FIDIPv4IHL, TV: [][]byte{{4}}, MO: MOEqual, CDA: CDANotSent}
		}), Options{}, ErrMalformed,
			"schc: rule 1/8: field 13 (IPV4.OPT): IPV4.IHL cannot express this length"},
		{"a token of 9 bytes", coap(func(r *Rule) {
			r.Fields[2] = FieldDescriptor{FID: FIDCoAPTKL, TV: [][]byte{{9}}, MO: MOEqual, CDA: CDANotSent}
		}), Options{}, ErrMalformed,
			"schc: rule 1/8: field 6 (COAP.TOKEN): COAP.TKL cannot express a length of 9 bytes"},
		{"options of 3 bytes", v4(func(r *Rule) {
			*at(r, FIDIPv4Options) = FieldDescriptor{FID: FIDIPv4Options, TV: [][]byte{{1, 1, 1}}, MO: MOEqual, CDA: CDANotSent}
		}), Options{}, ErrMalformed,
			"schc: rule 1/8: field 13 (IPV4.OPT): IPV4.IHL cannot express a length of 3 bytes"},
		{"options and their length disagree", v4(func(r *Rule) {
			*at(r, FIDIPv4IHL) = FieldDescriptor{FID: FIDIPv4IHL, TV: [][]byte{{5}}, MO: MOEqual, CDA: CDANotSent}
			*at(r, FIDIPv4Options) = FieldDescriptor{FID: FIDIPv4Options, TV: [][]byte{{1, 1, 1, 1}}, MO: MOEqual, CDA: CDANotSent}
		}), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV4.IHL): the Target Value contradicts the headers that the Rule describes; it can never match"},
		{"a length that is restored unseen", v4(func(r *Rule) {
			*at(r, FIDIPv4IHL) = FieldDescriptor{FID: FIDIPv4IHL, TV: [][]byte{{5}}, MO: MOIgnore, CDA: CDANotSent}
		}), Options{}, ErrMalformed,
			"schc: rule 1/8: field 2 (IPV4.IHL): is restored without being compared, but the lengths of other fields depend on it; use equal or send it"},
		// CoAP.
		{"a computed TKL and FL tkl", coap(func(r *Rule) { r.Fields[2].CDA = CDACompute }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 6 (COAP.TOKEN): FL tkl needs COAP.TKL; it is computed from the token itself: use FL var"},
		{"the token before its length", coap(func(r *Rule) { r.Fields[2], r.Fields[5] = r.Fields[5], r.Fields[2] }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 3 (COAP.TOKEN): FL tkl needs COAP.TKL before the token in the Rule"},
		{"a position twice", oneRule(coapRule(sentField(FIDCoAPOption(11)), sentField(FIDCoAPOption(11)))), Options{}, ErrMalformed,
			"schc: rule 1/8: field 8 (COAP.URI-PATH): this position is described twice in direction up; number the occurrences 1, 2, ..."},
		{"position 2 without 1", option(11, func(d *FieldDescriptor) { d.FP = 2 }), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.URI-PATH): position 2 is described without position 1 in direction up"},
		{"OSCORE whole and in parts", oneRule(coapRule(sentField(FIDCoAPOption(9)), sentField(FIDCoAPOSCOREFlags))), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.OSCORE): the OSCORE option is described whole and by its parts; use one form"},
		{"Partial IV before its length", oneRule(coapRule(FieldDescriptor{FID: FIDCoAPOSCOREPIV, FL: FLOSCOREPIV, MO: MOIgnore, CDA: CDAValueSent}, sentField(FIDCoAPOSCOREFlags))), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.OSCORE_PIV): FL osc.piv needs COAP.OSCORE_FLAGS before it in the Rule"},
		{"two forms of options", oneRule(coapRule(sentField(FIDCoAPOption(11)), sentField(FIDCoAPOptDelta), sentField(FIDCoAPOptLength))), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.URI-PATH): options are described by number and as they are encoded; use one form"},
		{"an option without length", oneRule(coapRule(sentField(FIDCoAPOptDelta))), Options{}, ErrMalformed,
			"schc: rule 1/8: field 7 (COAP.OPT_DELTA): has no COAP.OPT_LENGTH with it"},
		{"too many options", oneRule(coapRule(func() (list []FieldDescriptor) {
			for i := range 65 {
				list = append(list, sentField(FIDCoAPOption(uint16(2048+i))))
			}
			return list
		}()...)), Options{}, ErrMalformed,
			"schc: rule 1/8: field 71 (COAP.OPTION-2112): a Rule describes at most 64 CoAP options"},
	}
	for _, x := range tests {
		ctx, err := NewContext(x.rules, x.opts)
		var f *FieldError
		switch {
		case err == nil:
			t.Errorf("%s: NewContext accepts it, want %q", x.name, x.text)
		case !errors.As(err, &f) || !errors.Is(err, x.err) || ctx != nil:
			t.Errorf("%s: NewContext = %v, %#v, want a FieldError of %v", x.name, ctx, err, x.err)
		case err.Error() != x.text:
			t.Errorf("%s: NewContext:\n\t%q\nwant\n\t%q", x.name, err.Error(), x.text)
		}
	}
}

// TestNewContextAccepts are sets that look odd and are right.
func TestNewContextAccepts(t *testing.T) {
	two := udpRule()
	two.Fields = append(udpRule().Fields[:10], two.Fields...)
	two.Fields[4].TV = [][]byte{{41}}
	for i := range two.Fields[10:20] {
		two.Fields[10+i].FP = 2
	}
	oneWay := udpRule()
	for i := range oneWay.Fields {
		oneWay.Fields[i].DI = DirDown
	}
	for name, rules := range map[string][]Rule{
		"no Rule":                  nil,
		"one implicit":             func() []Rule { r := udpRule(); r.ID = RuleID{}; return oneRule(r) }(),
		"two IPv6 headers":         oneRule(two),
		"one direction":            oneRule(oneWay),
		"no option":                oneRule(coapRule()),
		"don't care":               oneRule(coapRule(FieldDescriptor{FID: FIDCoAPOption(11), FP: FPAny, MO: MOIgnore, CDA: CDAValueSent})),
		"don't care beside 1":      oneRule(coapRule(FieldDescriptor{FID: FIDCoAPOption(11), FP: FPAny, MO: MOIgnore, CDA: CDAValueSent}, sentField(FIDCoAPOption(11)))),
		"no compression, twice":    {{ID: RuleID{0, 1}, Nature: NatureNoCompression}, {ID: RuleID{1, 1}, Nature: NatureNoCompression}},
		"MSB of no bit":            oneRule(coapRule(FieldDescriptor{FID: FIDCoAPOption(11), MO: MOMSB, TV: [][]byte{nil}, CDA: CDALSB})),
		"32-bit RuleIDs, all ones": func() []Rule { r := udpRule(); r.ID = RuleID{0xffffffff, 32}; return oneRule(r) }(),
	} {
		if _, err := NewContext(rules, Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFingerprint: what differs on the wire differs in the fingerprint, what
// is spelled otherwise does not.
func TestFingerprint(t *testing.T) {
	print := func(f func(r *Rule)) [16]byte {
		r := udpRule()
		f(&r)
		ctx, err := NewContext(oneRule(r), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return ctx.Fingerprint()
	}
	base := print(func(*Rule) {})
	for name, f := range map[string]func(r *Rule){
		"FL":        func(r *Rule) { r.Fields[0].FL = 4 },
		"FP":        func(r *Rule) { r.Fields[0].FP = 1 },
		"DI":        func(r *Rule) { r.Fields[0].DI = DirBidirectional },
		"MSB unset": func(r *Rule) { r.Fields[0].MSB = 3 },
	} {
		if print(f) != base {
			t.Errorf("%s: a default that is spelled out changes the fingerprint", name)
		}
	}
	seen := map[[16]byte]string{base: "base"}
	for name, f := range map[string]func(r *Rule){
		"ID":           func(r *Rule) { r.ID.Value = 2 },
		"ID length":    func(r *Rule) { r.ID.Bits = 9 },
		"target value": func(r *Rule) { r.Fields[5].TV = [][]byte{{63}} },
		"operator":     func(r *Rule) { r.Fields[5].MO = MOIgnore },
		"action":       func(r *Rule) { r.Fields[5].CDA = CDAValueSent },
		"direction": func(r *Rule) {
			for i := range r.Fields {
				r.Fields[i].DI = DirUp
			}
		},
		"order": func(r *Rule) { r.Fields[1], r.Fields[2] = r.Fields[2], r.Fields[1] },
	} {
		p := print(f)
		if other, ok := seen[p]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[p] = name
	}
}
