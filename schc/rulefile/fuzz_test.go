package rulefile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/schc"
)

// checkFuzzed asserts that what a loader accepts survives Save and Load, and
// that what it refuses is refused with a place and a class.
func checkFuzzed(t *testing.T, data []byte, f *File, err error) {
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || e.Err != schc.ErrMalformed && e.Err != schc.ErrUnsupported || e.Text == "" {
			t.Fatalf("Load(%q) = %v, which is no Error with class and text", data, err)
		}
		if e.Line == 0 && e.Offset < 0 {
			t.Fatalf("Load(%q) = %v, which names no place", data, err)
		}
		return
	}
	mustRoundTrip(t, f)
}

func addSeeds(f *testing.F, patterns ...string) {
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

func FuzzLoad(f *testing.F) {
	addSeeds(f, "testdata/*.json", "../../testdata/rules/*.json")
	f.Add([]byte(`[{"RuleID": 1, "RuleIDLength": 8, "Compression": [{"FID": "COAP.URI-PATH", "TV": ["a", "0x00", 3], "MO": "MSB(3)", "CDA": "LSB"}]}]`))
	f.Add([]byte(`{"devices": [{"DeviceID": 5, "SoR": []}, {"DeviceID": null, "Rules": []}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := LoadAs(data, "", FormJSON)
		checkFuzzed(t, data, g, err)
	})
}

// checkForms asserts that a File survives every form.
func checkForms(t *testing.T, data []byte, f *File, err error) {
	checkFuzzed(t, data, f, err)
	if err == nil {
		mustGoRound(t, f)
	}
}

func FuzzLoadYANG(f *testing.F) {
	f.Add([]byte(rfc9363Example))
	addSeeds(f, "testdata/openschc/coreconf.json")
	for _, g := range allRuleFiles(f) {
		if out, err := SaveAs(g, FormYANG); err == nil {
			f.Add(out)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := LoadAs(data, "", FormYANG)
		checkForms(t, data, g, err)
	})
}

func FuzzLoadCBOR(f *testing.F) {
	addSeeds(f, "testdata/openschc/coreconf.cbor")
	for _, g := range allRuleFiles(f) {
		if out, err := SaveAs(g, FormCBOR); err == nil {
			f.Add(out)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := LoadAs(data, "", FormCBOR)
		checkForms(t, data, g, err)
	})
}

func FuzzLoadMicroSCHC(f *testing.F) {
	f.Add([]byte(`{"id": "c", "description": "", "interface_id": "", "parser_id": "", "ruleset": [
	 {"id": {"content": "0a", "length": 5, "padding": "left"}, "nature": "compression", "field_descriptors": [
	  {"id": "UDP:Source Port", "length": 16, "position": 0, "direction": "Bi", "target_value": [
	    {"index": {"content": "01", "length": 1, "padding": "left"}, "value": {"content": "1633", "length": 16, "padding": "left"}},
	    {"index": {"content": "00", "length": 1, "padding": "left"}, "value": {"content": "1634", "length": 16, "padding": "left"}}],
	   "matching_operator": "match-mapping", "compression_decompression_action": "mapping-sent"},
	  {"id": "CoAP:Option Value", "length": 0, "position": 1, "direction": "Up", "target_value": {"content": "ab", "length": 7, "padding": "right"},
	   "matching_operator": "most-significant-bits", "compression_decompression_action": "least-significant-bits"}]},
	 {"id": {"content": "00", "length": 4, "padding": "left"}, "nature": "no-compression"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := LoadAs(data, "", FormMicroSCHC)
		checkForms(t, data, g, err)
	})
}

func FuzzLoadSID(f *testing.F) {
	addSeeds(f, "yang/*.sid")
	f.Add([]byte(`{"module-name": "m", "items": [{"namespace": "identity", "identifier": "di-up", "sid": 5}], "key-mapping": {"5": [6, 7]}}`))
	rules := mustLoad(f, `[{"RuleID": 1, "RuleIDLength": 8, "Compression": [{"FID": "UDP.LEN", "DI": "UP", "MO": "ignore", "CDA": "compute-length"}]}]`)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := LoadSID(data, "")
		if err != nil {
			checkFuzzed(t, data, nil, err)
			return
		}
		// Whatever the numbers are, a file saved with them loads with them.
		out, err := SaveAs(rules, FormCBOR, s)
		if err != nil {
			return
		}
		g, err := LoadAs(out, "", FormCBOR, s)
		if err != nil {
			t.Fatalf("saved with %q: %x: %v", data, out, err)
		}
		if d := Diff(rules, g); d != nil {
			t.Fatalf("saved with %q: %x: %v", data, out, d)
		}
	})
}
