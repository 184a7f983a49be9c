package rulefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/schckit/schckit/schc"
)

// shared returns the content of a reference file that is not part of the
// repository, and skips the test where it is absent.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../shared/" + name)
	if err != nil {
		t.Skipf("%s is not there", filepath.Base(name))
	}
	return data
}

func sharedSIDs(t testing.TB, names ...string) []*SIDFile {
	t.Helper()
	var files []*SIDFile
	for _, n := range names {
		f, err := LoadSID(shared(t, "specs/"+n), n)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// mustConvert saves f in a form, loads that, and compares.
func mustConvert(t testing.TB, f *File, form Form, sids ...*SIDFile) (*File, []byte) {
	t.Helper()
	out, err := SaveAs(f, form, sids...)
	if err != nil {
		t.Fatalf("SaveAs(%v): %v", form, err)
	}
	if got := Detect(out); got != form {
		t.Fatalf("Detect = %v, want %v\n%.200q", got, form, out)
	}
	g, err := Load(out, "saved", sids...)
	if err != nil {
		t.Fatalf("Load of %v: %v\n%.2000q", form, err, out)
	}
	if g.Form != form || len(g.Warnings) > 0 {
		t.Fatalf("form %v, warnings %v, want form %v and none", g.Form, g.Warnings, form)
	}
	if d := Diff(f, g); d != nil {
		t.Fatalf("%v: Diff = %v, want none\n%.2000q", form, d, out)
	}
	again, err := SaveAs(g, form, sids...)
	if err != nil || !bytes.Equal(out, again) {
		t.Fatalf("%v: saving again: %v\n%q\n%q", form, err, out, again)
	}
	return g, out
}

// mustGoRound converts f through all forms and back.
func mustGoRound(t testing.TB, f *File, sids ...*SIDFile) {
	t.Helper()
	c, _ := mustConvert(t, f, FormCBOR, sids...)
	y, _ := mustConvert(t, c, FormYANG)
	j, out := mustConvert(t, y, FormJSON)
	if d := Diff(f, j); d != nil {
		t.Fatalf("JSON -> CBOR -> YANG JSON -> JSON: %v\n%s", d, out)
	}
}

// allRuleFiles loads the rule files of the repository and of this package.
func allRuleFiles(t testing.TB) []*File {
	t.Helper()
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var files []*File
	for _, name := range append(names, repositoryRules(t)...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Load(data, name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func TestConvertRepository(t *testing.T) {
	for _, f := range allRuleFiles(t) {
		mustGoRound(t, f)
	}
}

func TestConvertWithForeignSIDs(t *testing.T) {
	for _, name := range []string{"ietf-schc@2023-01-28.sid", "ietf-schc@2026-05-07.sid"} {
		t.Run(name, func(t *testing.T) {
			sids := sharedSIDs(t, name)
			for _, f := range allRuleFiles(t) {
				mustGoRound(t, f, sids...)
			}
		})
	}
}

// TestForeignSIDNumbers pins what a reader with those .sid files sees.
func TestForeignSIDNumbers(t *testing.T) {
	f := mustLoad(t, `[{"RuleID": 5, "RuleIDLength": 3, "Compression": [
	  {"FID": "IPV6.VER", "TV": 6, "MO": "equal", "CDA": "not-sent"},
	  {"FID": "COAP.URI-PATH", "DI": "UP", "TV": "k=", "MO": "MSB(16)", "CDA": "LSB"}]}]`)
	for name, want := range map[string]string{
		"ietf-schc@2023-01-28.sid": `{5095: {1: [{4: [` +
			`{1: 5015, 5: 5018, 6: 5068, 7: 4, 8: 1, 9: 5083, 13: [{1: 0, 2: h'06'}]}, ` +
			`{1: 5013, 5: 5020, 6: 5049, 7: 45(5077), 8: 1, 9: 5086, 10: [{1: 0, 2: h'10'}], 13: [{1: 0, 2: h'6b3d'}]}], ` +
			`33: 3, 34: 5, 35: 5088}]}}`,
		"ietf-schc@2026-05-07.sid": `{2574: {23: [{1: 3, 2: 5, 3: 2940, 23: [` +
			`{1: 0, 2: 2860, 5: 4, 7: 2880, 8: 1, 9: [{1: 0, 2: h'06'}], 12: 2900, 16: 2920}, ` +
			`{1: 1, 3: 2930, 4: 11, 5: 45(2893), 7: 2882, 8: 1, 9: [{1: 0, 2: h'6b3d'}], 12: 2903, 13: [{1: 0, 2: h'10'}], 16: 2923}]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			sids := sharedSIDs(t, name)
			_, out := mustConvert(t, f, FormCBOR, sids...)
			text, err := cbor.Diagnose(out)
			if err != nil {
				t.Fatal(err)
			}
			if text != want {
				t.Errorf("CBOR is\n%s, want\n%s", text, want)
			}
		})
	}
}

func TestSIDFiles(t *testing.T) {
	for name, want := range map[string]struct {
		items int
		keys  string
	}{
		"ietf-schc@2023-01-28.sid":     {136, "map[5096:[5130 5129] 5100:[5106 5108 5105] 5102:[5103] 5110:[5111] 5113:[5114]]"},
		"ietf-schc@2026-05-07.sid":     {140, "map[2597:[2599 2598] 2620:[2621] 2629:[2630] 2633:[2634] 2637:[2638]]"},
		"ietf-schc-oam@2021-11-10.sid": {0, "map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := sharedSIDs(t, name)[0]
			if want.items != 0 && len(f.Items) != want.items || fmt.Sprint(f.KeyMapping) != want.keys || f.Module+"@"+f.Revision+".sid" != name {
				t.Errorf("%s@%s: %d items, key mapping %v", f.Module, f.Revision, len(f.Items), f.KeyMapping)
			}
		})
	}
	if n := len(DefaultSIDs()); n != len(sidRanges) {
		t.Errorf("%d default .sid files, want %d", n, len(sidRanges))
	}
	for text, want := range map[string]string{
		``:                         `s.sid:1:1: the file ends where a .sid file, an object, is expected`,
		`{}`:                       `s.sid:1:1: not a .sid file: it has no module-name or no item`,
		`{"item": [{"sid": "x"}]}`: `s.sid:1:22: sid is "x": it must be a whole number from 0 to 9223372036854775807`,
		`{"item": [{"sid": 5}]}`:   `s.sid:1:11: an item needs namespace, identifier and sid`,
		`{"item": [{"namespace": "data", "identifier": "a", "sid": 5}, {"namespace": "data", "identifier": "b", "sid": "5"}]}`: `s.sid:1:63: the SID 5 or the identifier "b" is there twice`,
		`{"item": [{"namespace": "data", "identifier": "a", "sid": 5}, {"namespace": "data", "identifier": "a", "sid": 6}]}`:   `s.sid:1:63: the SID 6 or the identifier "a" is there twice`,
		`{"item": [], "item": []}`:                              `s.sid:1:14: "item" is there twice: drop one`,
		`{"key-mapping": {"x": []}}`:                            `s.sid:1:18: "x" in key-mapping is not a SID, or is there twice`,
		`{"module-name": 5}`:                                    `s.sid:1:17: a number where module-name, a string, is expected`,
		`{"ietf-sid-file:sid-file": ` + strings.Repeat("[", 99): `s.sid:1:28: a list where a .sid file, an object, is expected`,
	} {
		if _, err := LoadSID([]byte(text), "s.sid"); err == nil || err.Error() != want {
			t.Errorf("LoadSID(%.60s) = %v, want %s", text, err, want)
		}
	}
	a := &SIDFile{Module: "a", Items: []SIDItem{{"identity", "di-up", 7}}}
	b := &SIDFile{Module: "b", Items: []SIDItem{{"identity", "di-down", 7}}}
	if _, err := Load([]byte{0xa0}, "x.cbor", a, b); err == nil || err.Error() != "x.cbor: the .sid files contradict each other on SID 7 (di-down): give one set of files" {
		t.Errorf("contradicting .sid files: %v", err)
	}
}

// TestSize checks the claim that CBOR is at most a fifth of the JSON.
func TestSize(t *testing.T) {
	for _, f := range allRuleFiles(t) {
		_, c := mustConvert(t, f, FormCBOR)
		_, y := mustConvert(t, f, FormYANG)
		var compact bytes.Buffer
		if err := json.Compact(&compact, y); err != nil {
			t.Fatalf("%s: not JSON: %v\n%s", f.Name, err, y)
		}
		t.Logf("%s: CBOR %d bytes, RFC 7951 JSON %d (%d without blanks): %.1f%% (%.1f%%)", filepath.Base(f.Name), len(c), len(y), compact.Len(),
			100*float64(len(c))/float64(len(y)), 100*float64(len(c))/float64(compact.Len()))
		if len(f.Sets[0].Rules) > 0 && 5*len(c) > compact.Len() {
			t.Errorf("%s: the CBOR is more than a fifth of the JSON", f.Name)
		}
	}
}

// TestOpenSCHCRules converts the rule sets in vectors of OpenSCHC.
func TestOpenSCHCRules(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name  string
			Rules json.RawMessage
		}
	}
	if err := json.Unmarshal(shared(t, "interop/schc/frag_openschc.json"), &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		f, err := Load(v.Rules, v.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		mustRoundTrip(t, f)
		mustGoRound(t, f)
	}
}

// TestModularSCHCRules loads RFC 7951 JSON that another implementation uses.
func TestModularSCHCRules(t *testing.T) {
	var file struct {
		Vectors []struct {
			Rule json.RawMessage `json:"rule_yang_json"`
		}
	}
	if err := json.Unmarshal(shared(t, "interop/schc/modularschc_demo.json"), &file); err != nil {
		t.Fatal(err)
	}
	for i, v := range file.Vectors {
		text := `{"ietf-schc:schc": {"rule": [` + string(v.Rule) + `]}}`
		f, err := Load([]byte(text), fmt.Sprintf("vector %d", i))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := schc.NewContext(f.Sets[0].Rules, schc.Options{}); err != nil {
			t.Errorf("vector %d: %v", i, f.Sets[0].Locate(err))
		}
		mustGoRound(t, f)
	}
}

// rfc9363Example is the example of RFC 9363, Appendix A, as JSON. The values
// of numbers have a leading zero byte there.
const rfc9363Example = `{"ietf-schc:schc": {"rule": [
 {"rule-id-value": 6, "rule-id-length": 3, "rule-nature": "nature-compression", "entry": [
  {"field-id": "fid-ipv6-version", "field-length": 4, "field-position": 1, "direction-indicator": "di-bidirectional",
   "matching-operator": "mo-equal", "comp-decomp-action": "cda-not-sent", "target-value": [{"index": 0, "value": "AAY="}]},
  {"field-id": "fid-ipv6-nextheader", "field-length": 8, "field-position": 1, "direction-indicator": "di-bidirectional",
   "matching-operator": "mo-equal", "comp-decomp-action": "cda-not-sent", "target-value": [{"index": 0, "value": "ADo="}]},
  {"field-id": "fid-ipv6-devprefix", "field-length": 64, "field-position": 1, "direction-indicator": "di-bidirectional",
   "matching-operator": "mo-equal", "comp-decomp-action": "cda-not-sent", "target-value": [{"index": 0, "value": "IAEEcB8hAdI="}]}]},
 {"rule-id-value": 12, "rule-id-length": 11, "rule-nature": "nature-fragmentation", "direction": "di-up",
  "rcs-algorithm": "rcs-crc32", "dtag-size": 2, "fcn-size": 3, "fragmentation-mode": "fragmentation-mode-no-ack"},
 {"rule-id-value": 100, "rule-id-length": 8, "rule-nature": "nature-no-compression"}]}}`

func TestRFC9363Example(t *testing.T) {
	f, err := Load([]byte(rfc9363Example), "rfc9363")
	if err != nil {
		t.Fatal(err)
	}
	want := mustLoad(t, `[
	 {"RuleID": 6, "RuleIDLength": 3, "Compression": [
	  {"FID": "IPV6.VER", "TV": 6, "MO": "equal", "CDA": "not-sent"},
	  {"FID": "IPV6.NXT", "TV": 58, "MO": "equal", "CDA": "not-sent"},
	  {"FID": "IPV6.DEV_PREFIX", "TV": "2001:470:1f21:1d2::/64", "MO": "equal", "CDA": "not-sent"}]},
	 {"RuleID": 12, "RuleIDLength": 11, "Fragmentation": {"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"dtagSize": 2, "FCNSize": 3}}},
	 {"RuleID": 100, "RuleIDLength": 8, "NoCompression": []}]`)
	if d := Diff(f, want); d != nil {
		t.Errorf("Diff = %v", d)
	}
	mustGoRound(t, f)
}

// TestYANGText pins the text of RFC 7951 JSON.
func TestYANGText(t *testing.T) {
	f := mustLoad(t, `{"DeviceID": "d", "SoR": [
	 {"RuleID": 1, "RuleIDLength": 8, "Description": "GET", "Compression": [
	  {"FID": "IPV4.TTL", "MO": "ignore", "CDA": "value-sent"},
	  {"FID": "COAP.URI-PATH", "FL": 2048, "FP": 0, "DI": "UP", "MO": "ignore", "CDA": "value-sent"},
	  {"FID": "COAP.OPTION-2049", "FL": "var-bits", "FP": 2, "DI": "DW", "TV": ["a", ""], "MO": "match-mapping", "CDA": "mapping-sent"}]},
	 {"RuleID": 2, "RuleIDLength": 8, "Fragmentation": {"FRMode": "AckOnError", "FRDirection": "UP",
	  "FRModeProfile": {"FCNSize": 3, "tileSize": 392, "timeout": 600, "inactivity-timer": 2.048, "rcs-size": 3, "bitmap-format": "bitmap-compound-ack", "last-bitmap-compression": false}}}]}`)
	_, out := mustConvert(t, f, FormYANG)
	const want = `{"ietf-schc:schc": {"schckit-schc:device-id": "d",
  "rule": [
   {"rule-id-value": 1, "rule-id-length": 8, "rule-nature": "ietf-schc:nature-compression", "schckit-schc:description": "GET",
    "entry": [
     {"field-id": "schckit-schc:fid-ipv4-ttl", "field-length": 8, "field-position": 1, "direction-indicator": "ietf-schc:di-bidirectional", "matching-operator": "ietf-schc:mo-ignore", "comp-decomp-action": "ietf-schc:cda-value-sent"},
     {"field-id": "ietf-schc:fid-coap-option-uri-path", "field-length": "schckit-schc:fl-length-bits", "schckit-schc:field-length-value": 2048, "field-position": 0, "direction-indicator": "ietf-schc:di-up", "matching-operator": "ietf-schc:mo-ignore", "comp-decomp-action": "ietf-schc:cda-value-sent"},
     {"field-id": "schckit-schc:fid-coap-option-number", "schckit-schc:universal-value": "2049", "field-length": "ietf-schc-coap:fl-variable-bit", "field-position": 2, "direction-indicator": "ietf-schc:di-down", "target-value": [{"index": 0, "value": "YQ=="}, {"index": 1, "value": ""}], "matching-operator": "ietf-schc:mo-match-mapping", "comp-decomp-action": "ietf-schc:cda-mapping-sent"}]},
   {"rule-id-value": 2, "rule-id-length": 8, "rule-nature": "ietf-schc:nature-fragmentation", "fragmentation-mode": "ietf-schc:fragmentation-mode-ack-on-error", "l2-word-size": 8, "direction": "ietf-schc:di-up", "dtag-size": 0, "w-size": 1, "fcn-size": 3, "rcs-algorithm": "ietf-schc:rcs-crc32", "schckit-schc:rcs-size": 3, "maximum-packet-size": 1280, "window-size": 7, "max-interleaved-frames": 1, "inactivity-timer": {"ticks-duration": 5, "ticks-numbers": 64000}, "retransmission-timer": {"ticks-duration": 14, "ticks-numbers": 36621, "schckit-schc:milliseconds": 600000}, "max-ack-requests": 4, "tile-size": 255, "schckit-schc:tile-size-value": 392, "tile-in-all-1": "ietf-schc:all-1-data-no", "ack-behavior": "ietf-schc:ack-behavior-after-all-1", "ietf-schc-compound-ack:bitmap-format": "ietf-schc-compound-ack:bitmap-compound-ack", "ietf-schc-compound-ack:last-bitmap-compression": false}]}}
`
	if string(out) != want {
		t.Errorf("saved as\n%s\nwant\n%s", out, want)
	}
	mustGoRound(t, f)
	if got := f.Sets[0].Rules[1].Fragment; !got.CompoundAck || !got.FullLastBitmap {
		t.Errorf("compound ACK: %+v", got)
	}
}

// TestYANGVariants loads what others may write.
func TestYANGVariants(t *testing.T) {
	entry := func(s string) string {
		return `{"ietf-schc:schc": {"rule": [{"rule-id-value": 1, "rule-id-length": 8, "rule-nature": "nature-compression", "entry": [{` + s + `,
		"field-position": 1, "direction-indicator": "di-up", "matching-operator": "mo-ignore", "comp-decomp-action": "cda-value-sent"}]}]}}`
	}
	for _, c := range []struct {
		text string
		fid  schc.FID
		fl   schc.FieldLength
	}{
		{entry(`"field-id": "fid-udp-length", "field-length": 16`), schc.FIDUDPLength, 16},
		{entry(`"field-id": "ietf-schc:fid-udp-length", "field-length": "16"`), schc.FIDUDPLength, 16},
		{entry(`"ietf-schc:field-id": "fid-udp-length", "field-length": 16, "@field-id": {"x:y": 1}`), schc.FIDUDPLength, 16},
		{entry(`"field-id": "fid-coap-token", "field-length": "fl-token-length"`), schc.FIDCoAPToken, schc.FLTokenLength},
		{entry(`"field-id": "fid-coap-option-uri-path", "field-length": "ietf-schc:fl-variable"`), schc.FIDCoAPOption(11), schc.FLVar},
		{entry(`"field-id": "fid-coap-option-uri-path", "field-length": "fl-variable-bits"`), schc.FIDCoAPOption(11), schc.FLVarBits},
		{entry(`"space-id": "space-id-coap", "universal-value": 11, "entry-index": 0, "field-length": "fl-length-bytes", "field-length-value": 3`), schc.FIDCoAPOption(11), 24},
		{entry(`"field-id": "fid-coap-option-4711", "field-length": "fl-length-bits", "field-length-value": 24`), schc.FIDCoAPOption(4711), 24},
		{`{"schc": {"rule": []}}`, 0, 0},
	} {
		f, err := LoadAs([]byte(c.text), "", FormYANG)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if len(f.Sets[0].Rules) > 0 {
			if d := f.Sets[0].Rules[0].Fields[0]; d.FID != c.fid || d.FL != c.fl {
				t.Errorf("%s: %v, FL %v", c.text, d.FID, d.FL)
			}
		}
		mustGoRound(t, f)
	}
	f, err := Load([]byte(`{"ietf-schc:schc": {"ietf-schc-access-control:ac-modify-set-of-rules": "no-change", "rule": []}}`), "")
	if err != nil || len(f.Warnings) != 1 || f.Warnings[0].String() != "1:21: ac-modify-set-of-rules (access control) is not kept" {
		t.Errorf("access control: %v, %v", f, err)
	}
}

func TestYANGErrors(t *testing.T) {
	rule := func(s string) string {
		return "{\"ietf-schc:schc\": {\"rule\": [{\n" + s + "}]}}"
	}
	entry := func(s string) string {
		return rule("\"rule-id-value\": 1, \"rule-id-length\": 8, \"rule-nature\": \"nature-compression\", \"entry\": [\n{" + s + "}]")
	}
	const rest = `, "field-position": 1, "direction-indicator": "di-up", "matching-operator": "mo-equal", "comp-decomp-action": "cda-not-sent"`
	for _, c := range []struct{ text, want string }{
		{`{}`, `1:1: no "ietf-schc:schc" in the document`},
		{`{"ietf-yang-library:modules-state": 1}`, `1:2: "modules-state" is not a rule set: the document has one node, "ietf-schc:schc"`},
		{`{"ietf-schc:schc": {}, "schc": {}}`, `1:24: "ietf-schc:schc" is there twice`},
		{`{"ietf-schc:schc": []}`, `1:20: a list where ietf-schc:schc, an object, is expected`},
		{`{"ietf-schc:schc": {"rules": []}}`, `1:21: the node "rules" is not known here: take it out`},
		{`{"ietf-schc:schc": {"rule": {}}}`, `1:29: an object where rule, a list, is expected`},
		{rule(``), `1:30: rule #1: the rule has no rule-id-length`},
		{rule(`"rule-id-length": 3`), `1:30: rule #1: the rule has no rule-id-value`},
		{rule(`"rule-id-length": 33`), `2:19: rule #1: rule-id-length is 33: it must be a whole number from 0 to 32`},
		{rule(`"rule-id-length": 3, "rule-id-length": 3`), `2:22: rule #1: "rule-id-length" is there twice: drop one`},
		{rule(`"rule-id-length": 3, "rule-id-value": 8`), `1:30: rule #1: rule-id-value 8 does not fit 3 bits: make rule-id-length larger`},
		{rule(`"rule-id-length": 3, "rule-id-value": 7`), `1:30: rule 7/3: the rule has no rule-nature: add nature-compression, nature-no-compression or nature-fragmentation`},
		{rule(`"rule-id-length": 3, "rule-id-value": 7, "rule-nature": "nature-management"`), `2:57: rule 7/3: rule-nature is "nature-management", which is not supported here: use nature-compression, nature-fragmentation or nature-no-compression`},
		{rule(`"rule-id-length": 3, "rule-id-value": 7, "rule-nature": "nature-no-compression", "entry": []`), `2:82: rule 7/3: entry in a rule of nature-no-compression: it belongs to nature-compression`},
		{rule(`"rule-id-length": 3, "rule-id-value": 7, "rule-nature": "nature-compression", "fcn-size": 3`), `2:79: rule 7/3: fcn-size in a rule of nature-compression: it belongs to nature-fragmentation`},
		{rule(`"rule-id-length": 3, "rule-id-value": 7, "rule-nature": "nature-fragmentation"`), `1:30: rule 7/3: the rule has no fragmentation-mode`},
		{rule(`"rule-id-length": 3, "fragmentation-mode": "x"`), `2:44: rule #1: fragmentation-mode is "x", which is not supported here: use fragmentation-mode-ack-always, fragmentation-mode-ack-on-error or fragmentation-mode-no-ack`},
		{rule(`"rule-id-length": 3, "inactivity-timer": {"ticks-duration": 99, "ticks-numbers": 1}`), `2:42: rule #1: inactivity-timer is longer than 49 days`},
		{rule(`"rule-id-length": 3, "inactivity-timer": {"ticks": 99}`), `2:43: rule #1: the node "ticks" is not known here: take it out`},
		{entry(`"field-id": "fid-x"` + rest), `3:14: rule #1: field 1: unknown field "fid-x"`},
		{entry(`"field-id": "fid-ipv6-hoplimt"` + rest), `3:14: rule #1: field 1: unknown field "fid-ipv6-hoplimt"; did you mean fid-ipv6-hoplimit?`},
		{entry(`"field-length": 4` + rest), `3:1: rule #1: field 1: the entry has no field-id`},
		{entry(`"field-id": "fid-ipv6-version"` + rest), `3:1: rule #1: field 1 (IPV6.VER): the entry has no field-length`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 0` + rest), `3:50: rule #1: field 1 (IPV6.VER): field-length is 0`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 256` + rest), `3:50: rule #1: field 1 (IPV6.VER): field-length is 256: it must be a whole number from 0 to 255`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": "fl-x"` + rest), `3:50: rule #1: field 1 (IPV6.VER): field-length is "fl-x", which is not supported here`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 4, "target-value": [{"index": 0, "value": "EA=="}]` + rest), `3:92: rule #1: field 1 (IPV6.VER): the target value does not fit the field's 4 bits`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 4, "target-value": [{"index": 0, "value": "!"}]` + rest), `3:92: rule #1: field 1 (IPV6.VER): value is not base64: write the bytes as RFC 4648, Section 4, says, with padding`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 4, "target-value": [{"index": 1, "value": "BA=="}]` + rest), `3:69: rule #1: field 1 (IPV6.VER): the indexes of target-value are not 0 to 0: number them without gaps`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 4, "target-value": [{"index": 0, "value": "BA=="}, {"index": 0, "value": "BA=="}]` + rest), `3:101: rule #1: field 1 (IPV6.VER): target-value has the index 0 twice`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 4, "target-value": [{"index": 0}]` + rest), `3:70: rule #1: field 1 (IPV6.VER): an element of target-value without value`},
		{entry(`"field-id": "fid-ipv6-version", "field-length": 4, "matching-operator-value": [{"index": 0, "value": "BA=="}]` + rest), `3:103: rule #1: field 1 (IPV6.VER): matching-operator-value: mo-equal has no argument`},
		{entry(`"field-id": "fid-coap-option-number", "field-length": 8` + rest), `3:14: rule #1: field 1: a CoAP option without its number in universal-value`},
		{`[{"ietf-schc:schc": {}}, {"ietf-schc:schc": {}}]`, `1:49: two sets of Rules for device "": put the Rules of a device into one document`},
	} {
		_, err := LoadAs([]byte(c.text), "", FormYANG)
		if err == nil || err.Error() != c.want {
			t.Errorf("Load(%s):\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// randomRules returns a File of random Rules that every form can hold.
func randomRules(r *rand.Rand) *File {
	fids := schc.FieldIDs(nil)
	f := &File{}
	for s := range 1 + r.Intn(3) {
		set := Set{DeviceID: strings.Repeat("d", s)}
		for i := range r.Intn(5) {
			rule := schc.Rule{ID: schc.RuleID{Value: uint32(i), Bits: uint8(3 + r.Intn(30))}, Nature: schc.Nature(r.Intn(3))}
			switch rule.Nature {
			case schc.NatureCompression:
				for range r.Intn(20) {
					rule.Fields = append(rule.Fields, randomField(r, fids))
				}
			case schc.NatureFragmentation:
				rule.Fragment = &schc.Fragmentation{
					Mode: schc.FragmentationMode(1 + r.Intn(3)), Direction: schc.Direction(1 + r.Intn(2)), L2WordBits: uint8(r.Intn(256)),
					DTagBits: uint8(r.Intn(33)), WBits: uint8(r.Intn(33)), FCNBits: uint8(r.Intn(33)), WindowSize: uint16(r.Intn(65536)),
					TileBits: uint16(r.Intn(65536)), RCSBits: uint8(r.Intn(33)), MaxPacket: uint16(r.Intn(65536)), MaxInterleaved: uint8(r.Intn(256)),
					AckBehavior: schc.AckBehavior(r.Intn(4)), All1Data: schc.All1Data(r.Intn(4)), MaxAckRequests: uint8(r.Intn(256)),
					RetransmissionMs: r.Uint32() >> r.Intn(32), InactivityMs: r.Uint32() >> r.Intn(32),
				}
				rule.Fragment.CompoundAck, rule.Fragment.FullLastBitmap = r.Intn(2) == 0, r.Intn(2) == 0
				rule.Fragment.RCSAlgorithm = schc.RCSAlgorithm(r.Intn(3))
				for _, p := range ownParameters {
					switch {
					case r.Intn(3) > 0:
					case p.flag != nil:
						*p.flag(rule.Fragment) = true
					case p.bytes != nil:
						*p.bytes(rule.Fragment) = uint8(r.Intn(256))
					default:
						*p.ms(rule.Fragment) = r.Uint32()
					}
				}
			}
			set.Rules = append(set.Rules, rule)
		}
		f.Sets = append(f.Sets, set)
	}
	return f
}

func randomField(r *rand.Rand, fids []schc.FID) schc.FieldDescriptor {
	d := schc.FieldDescriptor{
		FID: fids[r.Intn(len(fids))], FP: uint8(1 + r.Intn(255)), DI: schc.Direction(1 + r.Intn(3)), FL: schc.FieldLength(1 + r.Intn(300)),
		MO: schc.MO(1 + r.Intn(4)), CDA: schc.CDA(1 + r.Intn(7)),
	}
	switch r.Intn(4) {
	case 0:
		d.FID = schc.FIDCoAPOption(uint16(r.Intn(65536)))
	case 1:
		d.FL = schc.FLVar - schc.FieldLength(r.Intn(4))
	case 2:
		if n := d.FID.LenBits(); n > 0 {
			d.FL = schc.FieldLength(n)
		}
	}
	if d.MO == schc.MOMSB {
		d.MSB = uint16(r.Intn(65536))
	}
	for range r.Intn(3) {
		n := r.Intn(12)
		if !d.FL.Variable() {
			n = (int(d.FL) + 7) / 8
		}
		v := make([]byte, n)
		r.Read(v)
		if r.Intn(3) == 0 {
			copy(v, "0b0x01/\"ä")
		}
		if !d.FL.Variable() && d.FL%8 != 0 {
			v[0] &= 1<<(d.FL%8) - 1
		}
		d.TV = append(d.TV, v)
	}
	return d
}

func TestRandomRules(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	n := 3000
	if testing.Short() {
		n = 200
	}
	for range n {
		f := randomRules(r)
		out, err := Save(f)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Load(out, "")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if d := Diff(f, g); d != nil {
			t.Fatalf("%v\n%s", d, out)
		}
		mustRoundTrip(t, g)
		mustGoRound(t, f)
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]Form{
		``: FormJSON, `x`: FormJSON, `[]`: FormJSON, `{"RuleID": 1}`: FormJSON, "\xef\xbb\xbf[{\"SoR\": 1}]": FormJSON,
		`{"ietf-schc:schc": {}}`: FormYANG, `[{"ietf-schc:schc": {}}]`: FormYANG, `  {"schc": {`: FormYANG,
		`{"id": "x", "ruleset": []}`: FormMicroSCHC, `[{"id": {}, "nature": "compression", "field_descriptors": []}]`: FormMicroSCHC,
		"\xa1\x19\xea\x61": FormCBOR, "\xd9\xd9\xf7\xa0": FormCBOR,
	} {
		if got := Detect([]byte(text)); got != want {
			t.Errorf("Detect(%q) = %v, want %v", text, got, want)
		}
	}
	for _, form := range []Form{FormJSON, FormYANG, FormCBOR, FormMicroSCHC} {
		if got, ok := ParseForm(form.String()); !ok || got != form {
			t.Errorf("ParseForm(%q) = %v, %v", form, got, ok)
		}
	}
	if _, err := SaveAs(&File{}, FormMicroSCHC); !errors.Is(err, schc.ErrUnsupported) {
		t.Errorf("SaveAs(microschc): %v", err)
	}
}

// TestOpenSCHCCoreconf loads what OpenSCHC saved of a rule set of ours.
func TestOpenSCHCCoreconf(t *testing.T) {
	load := func(name string, sids ...*SIDFile) *File {
		data, err := os.ReadFile("testdata/openschc/" + name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Load(data, name, sids...)
		if err != nil {
			t.Fatal(err)
		}
		f.Sets[0].DeviceID = "" // OpenSCHC does not write it
		return f
	}
	want := load("rules.json")
	if d := Diff(want, load("coreconf.json")); d != nil {
		t.Errorf("JSON: %v", d)
	}
	sids := sharedSIDs(t, "ietf-schc@2023-01-28.sid", "ietf-schc-oam@2021-11-10.sid")
	if d := Diff(want, load("coreconf.cbor", sids...)); d != nil {
		t.Errorf("CBOR: %v", d)
	}
	data, err := os.ReadFile("testdata/openschc/coreconf.cbor")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load(data, "coreconf.cbor")
	if err == nil || err.Error() != "coreconf.cbor: byte 1: unknown SID 5095 in the document: give the .sid file that has it" {
		t.Errorf("without the .sid file: %v", err)
	}
}

// TestEveryFragmentParameter fails when schc.Fragmentation has a parameter that
// the files lose.
func TestEveryFragmentParameter(t *testing.T) {
	base := schc.Fragmentation{Mode: schc.FragmentationAckOnError, Direction: schc.DirUp, FCNBits: 3}
	file := func(f schc.Fragmentation) *File {
		return &File{Sets: []Set{{Rules: []schc.Rule{{ID: schc.RuleID{Value: 1, Bits: 8}, Nature: schc.NatureFragmentation, Fragment: &f}}}}}
	}
	for i := range reflect.TypeFor[schc.Fragmentation]().NumField() {
		f := base
		v := reflect.ValueOf(&f).Elem().Field(i)
		name := reflect.TypeFor[schc.Fragmentation]().Field(i).Name
		switch {
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case name == "Direction":
			f.Direction = schc.DirDown
		case name == "RCSAlgorithm" || name == "AckBehavior":
			v.SetUint(1)
		default:
			v.SetUint(2)
		}
		if Equal(file(base), file(f)) {
			t.Errorf("Diff does not see %s", name)
		}
		mustGoRound(t, file(f))
		mustRoundTrip(t, mustLoad(t, string(mustSave(t, file(f)))))
	}
}

func mustSave(t testing.TB, f *File) []byte {
	t.Helper()
	out, err := Save(f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
