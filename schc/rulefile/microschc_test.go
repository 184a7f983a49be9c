package rulefile

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

// TestMicroSCHC loads a context of microschc and checks that packets compress
// to the bits that microschc gave.
func TestMicroSCHC(t *testing.T) {
	var file struct {
		Context json.RawMessage
		Vectors []struct {
			Packet     string
			Compressed struct {
				Hex  string
				Bits int
			}
			RuleID string `json:"rule_id"`
		}
	}
	if err := json.Unmarshal(shared(t, "interop/schc/microschc_leshan_pcap.json"), &file); err != nil {
		t.Fatal(err)
	}
	f, err := Load(file.Context, "syntactic.json")
	if err != nil {
		t.Fatal(err)
	}
	if f.Form != FormMicroSCHC || len(f.Sets) != 1 || f.Sets[0].DeviceID != "syntactic-context" || len(f.Sets[0].Rules) != 9 {
		t.Fatalf("form %v, sets %+v", f.Form, f.Sets)
	}
	mustGoRound(t, f)
	set := &f.Sets[0]
	ctx, err := schc.NewContext(set.Rules, schc.Options{})
	if err != nil {
		t.Fatal(set.Locate(err))
	}
	var c schc.Compressor
	c.Reset(ctx)
	bad := 0
	for i, v := range file.Vectors {
		pkt, err := hex.DecodeString(v.Packet)
		if err != nil {
			t.Fatal(err)
		}
		got, id, err := c.AppendCompress(nil, pkt, schc.DirUp)
		if err != nil || hex.EncodeToString(got) != v.Compressed.Hex || id.String() != v.RuleID {
			if bad++; bad < 10 {
				t.Errorf("vector %d: AppendCompress(%s) = %x, %v, %v, want %s, %s", i, v.Packet, got, id, err, v.Compressed.Hex, v.RuleID)
			}
		}
	}
	t.Logf("%d of %d packets differ", bad, len(file.Vectors))
}

func TestMicroSCHCFields(t *testing.T) {
	field := func(s string) string {
		return `{"id": "c", "ruleset": [{"id": {"content": "0a", "length": 5, "padding": "left"}, "nature": "compression", "field_descriptors": [` + s + `]}]}`
	}
	for _, c := range []struct {
		text string
		want schc.FieldDescriptor
	}{
		{`{"id": "IPv6:Flow Label", "length": 20, "position": 0, "direction": "Bi", "target_value": {"content": "ab", "length": 8, "padding": "left"}, "matching_operator": "most-significant-bits", "compression_decompression_action": "least-significant-bits"}`,
			schc.FieldDescriptor{FID: schc.FIDIPv6FlowLabel, FL: 20, FP: 1, DI: schc.DirBidirectional, TV: [][]byte{{0x0a, 0xb0, 0x00}}, MO: schc.MOMSB, MSB: 8, CDA: schc.CDALSB}},
		{`{"id": "IPv6:Flow Label", "length": 20, "position": 0, "direction": "Up", "target_value": {"content": "a8", "length": 5, "padding": "right"}, "matching_operator": "most-significant-bits", "compression_decompression_action": "least-significant-bits"}`,
			schc.FieldDescriptor{FID: schc.FIDIPv6FlowLabel, FL: 20, FP: 1, DI: schc.DirUp, TV: [][]byte{{0x0a, 0x80, 0x00}}, MO: schc.MOMSB, MSB: 5, CDA: schc.CDALSB}},
		{`{"id": "CoAP:Option Uri-Path", "length": 0, "position": 0, "direction": "Dw", "target_value": {"content": "", "length": 0, "padding": "left"}, "matching_operator": "ignore", "compression_decompression_action": "value-sent"}`,
			schc.FieldDescriptor{FID: schc.FIDCoAPOption(11), FL: schc.FLVarBits, FP: 1, DI: schc.DirDown, MO: schc.MOIgnore, CDA: schc.CDAValueSent}},
		{`{"id": "CoAP:Option Unknown(2053)", "length": "fl-variable", "position": 0, "direction": "Dw", "target_value": {"content": "6162", "length": 16, "padding": "left"}, "matching_operator": "equal", "compression_decompression_action": "not-sent"}`,
			schc.FieldDescriptor{FID: schc.FIDCoAPOption(2053), FL: schc.FLVar, FP: 1, DI: schc.DirDown, TV: [][]byte{[]byte("ab")}, MO: schc.MOEqual, CDA: schc.CDANotSent}},
		{`{"id": "UDP:Source Port", "length": 16, "position": 0, "direction": "Bi", "target_value": [{"index": {"content": "01", "length": 1, "padding": "left"}, "value": {"content": "1633", "length": 16, "padding": "left"}}, {"index": {"content": "00", "length": 1, "padding": "left"}, "value": {"content": "1634", "length": 16, "padding": "left"}}], "matching_operator": "match-mapping", "compression_decompression_action": "mapping-sent"}`,
			schc.FieldDescriptor{FID: schc.FIDUDPSrcPort, FL: 16, FP: 1, DI: schc.DirBidirectional, TV: [][]byte{{0x16, 0x34}, {0x16, 0x33}}, MO: schc.MOMatchMapping, CDA: schc.CDAMappingSent}},
	} {
		f, err := Load([]byte(field(c.text)), "")
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		r := f.Sets[0].Rules[0]
		if !reflect.DeepEqual(r.Fields[0], c.want) || r.ID != (schc.RuleID{Value: 10, Bits: 5}) {
			t.Errorf("%s:\n%+v, want\n%+v", c.text, r.Fields[0], c.want)
		}
	}
	for text, want := range map[string]string{
		`{"id": "GTP:Version"}`:                     `unknown field "GTP:Version"`,
		`{"id": "UDP:Length", "length": 16}`:        `the field has no matching_operator`,
		`{"id": "UDP:Length", "x": 16}`:             `unknown key "x" in a field of microschc`,
		`{"id": "UDP:Length", "direction": "left"}`: `unknown direction "left": write Up, Dw or Bi`,
		`{"id": "UDP:Length", "length": 16, "matching_operator": "equal", "compression_decompression_action": "not-sent", "target_value": {"content": "16", "length": 8, "padding": "left"}}`:                                                   `a target value of 8 bits for a field of 16`,
		`{"id": "UDP:Length", "length": 16, "matching_operator": "equal", "compression_decompression_action": "not-sent", "target_value": {"content": "161", "length": 16, "padding": "left"}}`:                                                 `content is not hex`,
		`{"id": "UDP:Length", "length": 16, "matching_operator": "equal", "compression_decompression_action": "not-sent", "target_value": {"content": "16", "length": 16, "padding": "left"}}`:                                                  `target_value has 16 bits in 1 bytes; it needs 2 bytes`,
		`{"id": "UDP:Length", "length": 16, "matching_operator": "match-mapping", "compression_decompression_action": "mapping-sent", "target_value": [{"index": {"content": "01", "length": 1}, "value": {"content": "1633", "length": 16}}]}`: `a mapping whose indexes are not 0 to 0 in 0 bits each: number them so`,
	} {
		_, err := Load([]byte(field(text)), "")
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestMicroSCHCShapes(t *testing.T) {
	const rule = `{"id": {"content": "01", "length": 4, "padding": "left"}, "nature": "no-compression"}`
	for text, want := range map[string]string{
		`{"id": "a", "ruleset": [` + rule + `]}`:                               "a/1",
		`[{"id": "a", "ruleset": [` + rule + `]}, {"id": "b", "ruleset": []}]`: "a/1 b/0",
		`[` + rule + `]`: "/1",
		rule:             "/1",
		`{"id": {"content": "", "length": 0, "padding": "left"}, "nature": "compression", "field_descriptors": []}`: "/1",
	} {
		f, err := LoadAs([]byte(text), "", FormMicroSCHC)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, s := range f.Sets {
			got = append(got, s.DeviceID+"/"+strconv.Itoa(len(s.Rules)))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: sets %s, want %s", text, s, want)
		}
	}
	for text, want := range map[string]string{
		`[{"id": "a", "ruleset": []}, ` + rule + `]`:               `1:30: a rule in a list of contexts: put it into a ruleset`,
		`{"id": "a", "ruleset": [{"nature": "x"}]}`:                `1:36: rule #1: nature is "x"; microschc's contexts have compression and no-compression`,
		`{"id": "a", "ruleset": [{}]}`:                             `1:25: rule #1: the rule has no nature`,
		`{"id": "a", "ruleset": [], "version": 2}`:                 `1:28: unknown key "version" in a context of microschc`,
		`[{"id": "a", "ruleset": []}, {"id": "a", "ruleset": []}]`: `1:57: two sets of Rules for device "a": put the Rules of a device into one document`,
	} {
		if _, err := LoadAs([]byte(text), "", FormMicroSCHC); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}
