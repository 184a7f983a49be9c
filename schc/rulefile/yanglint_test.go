package rulefile

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/schc"
)

// modelFiles are rule sets in all their variety: those of the repository that are
// valid, those of the profiles, and some that stretch the model.
func modelFiles(t testing.TB) []*File {
	var list []*File
	for _, f := range allRuleFiles(t) {
		if filepath.Base(f.Name) != "wrong.json" {
			list = append(list, f)
		}
	}
	for _, p := range schc.Profiles() {
		f := p.Fragmentation
		list = append(list, &File{Name: p.Name, Sets: []Set{{Rules: []schc.Rule{{ID: p.Rule, Nature: schc.NatureFragmentation, Fragment: &f}}}}})
	}
	return append(list,
		mustLoad(t, `[{"RuleID": 1, "RuleIDLength": 8, "Compression": [
		  {"FID": "IPV6.HOP_LMT", "MO": "ignore", "CDA": "lower"},
		  {"FID": "IPV6.TC", "MO": "ignore", "CDA": "not-sent"},
		  {"FID": "COAP.TOKEN", "FL": "var", "MO": "ignore", "CDA": "not-sent"},
		  {"FID": "ESP.PAD_LEN", "MO": "ignore", "CDA": "value-sent"}, {"FID": "ESP.NXT", "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "ICMPV6.UNUSED", "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "TCP.OPT", "MO": "ignore", "CDA": "value-sent"}]}]`),
		mustLoad(t, `[{"DeviceID": "d", "SoR": [{"RuleID": 1, "RuleIDLength": 8, "Description": "keys", "Compression": [
		  {"FID": "COAP.OPTION-2048", "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "COAP.OPTION-2048", "FP": 2, "FL": 2048, "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "COAP.OPTION-2049", "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "COAP.OPTION-2049", "FP": 0, "DI": "UP", "TV": ["a", "b"], "MO": "match-mapping", "CDA": "mapping-sent"},
		  {"FID": "COAP.OPTION-2050", "FP": 0, "DI": "UP", "TV": "ab", "MO": "MSB", "MO.VAL": 8, "CDA": "LSB"},
		  {"FID": "COAP.OPTION-2050", "FP": 0, "DI": "DW", "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "COAP.URI-PATH", "FP": 0, "FL": "var-bits", "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "COAP.URI-PATH", "FP": 0, "MO": "ignore", "CDA": "value-sent"},
		  {"FID": "COAP.URI-PATH", "FP": 1, "MO": "ignore", "CDA": "value-sent"}]}]}]`))
}

// Entries have the keys that RFC 9363 wants: no two of a Rule have the same
// field-id, field-position and direction-indicator.
func TestEntryKeys(t *testing.T) {
	for _, f := range modelFiles(t) {
		mustGoRound(t, f)
		_, out := mustConvert(t, f, FormYANG)
		if len(f.Sets) > 1 {
			continue // a list of documents; the single ones are enough
		}
		var doc map[string]struct {
			Rule []struct {
				Entry []map[string]any
			}
		}
		if err := json.Unmarshal(out, &doc); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		for i, r := range doc["ietf-schc:schc"].Rule {
			seen := map[string]bool{}
			for _, e := range r.Entry {
				k := fmt.Sprint(e["field-id"], " ", e["field-position"], " ", e["direction-indicator"])
				if seen[k] {
					t.Errorf("%s: rule #%d has two entries %s", f.Name, i+1, k)
				}
				seen[k] = true
			}
		}
	}
	// One field 255 times is more than keys can tell apart.
	var r schc.Rule
	for range 256 {
		r.Fields = append(r.Fields, schc.FieldDescriptor{FID: schc.FIDCoAPOption(11), FP: schc.FPAny, MO: schc.MOIgnore, CDA: schc.CDAValueSent})
	}
	if _, err := SaveAs(&File{Sets: []Set{{Rules: []schc.Rule{r}}}}, FormYANG); err == nil {
		t.Error("256 entries of one field are saved")
	}
	r.Fields = r.Fields[:255]
	mustGoRound(t, &File{Sets: []Set{{Rules: []schc.Rule{r}}}})
}

// What is saved is valid to libyang, and so is our module.
func TestYANGLint(t *testing.T) {
	yanglint, err := exec.LookPath("yanglint")
	if err != nil {
		t.Skip("yanglint is not installed")
	}
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, from := range map[string]string{
		"ietf-schc@2023-03-01.yang":              "ietf-schc@2023-03-01.yang",
		"ietf-schc-coap@2026-06-30.yang":         "ietf-schc-coap@2026-06-30.yang",
		"ietf-schc-compound-ack@2023-07-26.yang": "ietf-schc-compound-ack@2023-07-26.from-rfc9441.yang",
		"ietf-schc-icmpv6@2024-11-20.yang":       "ietf-schc-icmpv6@2024-11-20.from-draft-ietf-schc-icmpv6-compression-02.yang",
	} {
		put(name, shared(t, "specs/"+from))
	}
	own, text := YANGModule()
	put(own, text)
	modules, err := filepath.Glob(filepath.Join(dir, "*.yang"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range modelFiles(t) {
		for i := range f.Sets {
			if len(f.Sets[i].Rules) == 0 {
				continue
			}
			_, out := mustConvert(t, &File{Sets: f.Sets[i : i+1]}, FormYANG)
			args := append([]string{"-p", dir, "-t", "config"}, modules...)
			text, err := exec.Command(yanglint, append(args, put("rules.json", out))...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s\n%.2000s", f.Name, err, text, out)
			}
			n++
		}
	}
	t.Logf("%d rule sets", n)
}
