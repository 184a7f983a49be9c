package ehcfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
)

func TestLoad(t *testing.T) {
	hcp, both := ehc.AnyPolicy(ehc.DialectHCP), ehc.AnyPolicy(ehc.DialectEHC)
	for _, tt := range []struct {
		name, text string
		want       ehc.Policy
	}{
		{"YAML", `# a device
dialect: hcp
dscp_action: [lower, Not_Compressed]
alignment: 8 bit
esp_spi_lsb: [8, 0-3, 2-4]
esp_sn_lsb: 8 - 24
hop_limit: value-sent
`, ehc.Policy{Sets: []ehc.Set{{DSCP: []dietesp.Action{dietesp.ActionLower, dietesp.ActionNotCompressed}, Alignment: []dietesp.Alignment{dietesp.Alignment8},
			SPILSB: []uint8{8, 0, 1, 2, 3, 4}, SNLSB: ehc.Widths(8, 24)}}, Base: dietesp.Attributes{HopLimit: dietesp.HopLimitValueSent}}},
		{"JSON with tabs", "{\n\t\"dialect\": \"ehc\",\n\t\"esp_spi_lsb\": [1, 0],\t\"esp_sn_lsb\": 2, \"ts_flow_label\": [false, true]}",
			ehc.Policy{Dialect: ehc.DialectEHC, Sets: []ehc.Set{{SPILSB: []uint8{8, 0}, SNLSB: []uint8{16}, FlowLabel: []dietesp.Action{dietesp.ActionNotCompressed, dietesp.ActionLower}}}}},
		{"proposals", "proposals:\n- {esp_sn_lsb: 16}\n- {esp_sn_lsb: 24, ecn_action: lower}\n",
			ehc.Policy{Sets: []ehc.Set{{SNLSB: []uint8{16}}, {SNLSB: []uint8{24}, ECN: []dietesp.Action{dietesp.ActionLower}}}}},
		{"any", "{dscp_action: any, ecn_action: any, flow_label_action: any, alignment: any, esp_spi_lsb: any, esp_sn_lsb: any}", hcp},
		{"any of ehc", "{dialect: ehc, ts_flow_label: any, alignment: any, esp_spi_lsb: any, esp_sn_lsb: any}", both},
		{"the rest", "{dscp_list: [46, 0x0a], dscp_action: sa, iipc_profile: iipc_not_compressed, rule_id: sent, comment: x, esp_trailer: any, numbers: {esp_trailer: 6, hcp_proposal: 0xa123, ts_dscp: 242}}",
			ehc.Policy{Numbers: ehc.Numbers{Trailer: 6, HCPProposal: 0xa123, TSDSCP: 242}, Sets: []ehc.Set{{DSCP: []dietesp.Action{dietesp.ActionSA}, Trailer: []dietesp.Trailer{1, 0}}},
				Base: dietesp.Attributes{DSCPs: []uint8{46, 10}, IIPC: dietesp.IIPCNotCompressed, RuleID: dietesp.RuleIDSent}}},
		{"nothing but defaults", "{}", ehc.Policy{Sets: []ehc.Set{{}}}},
		{"no zero bytes", "{dialect: ehc, zero_bytes: false, esp_spi_lsb: any}", ehc.Policy{Dialect: ehc.DialectEHC, NoZeroBytes: true, Sets: []ehc.Set{{SPILSB: []uint8{8, 16, 24, 32}}}}},
	} {
		got, err := Load([]byte(tt.text), "p")
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "p: the file is empty",
		"[1]":                                 "p:1:1: a policy is a mapping of keys to values",
		"x: [":                                "p: neither YAML nor JSON: ",
		"{}\n---\n{}":                         "p: something follows the policy",
		"alignment: 8 bit\nalignments: 8 bit": "p:2:1: alignments: unknown key",
		"alignment: 8 bit\nalignment: 16 bit": "p:2:1: alignment: the key is there twice",
		"alignment: 9 bit":                    `p:1:12: alignment: "9 bit" is none of its values`,
		"alignment: []":                       "p:1:12: alignment: an empty list allows nothing",
		"alignment: [[8 bit]]":                "p:1:13: alignment: not a value, or a list of values",
		"esp_spi_lsb: 33":                     `p:1:14: esp_spi_lsb: "33" is not a width of 0 to 32 bits, or a range of them`,
		"esp_spi_lsb: 8-4":                    `p:1:14: esp_spi_lsb: "8-4" is not`,
		"{dialect: ehc, esp_spi_lsb: 8}":      `p:1:29: esp_spi_lsb: "8" is not a width of 0 to 4 bytes`,
		"dialect: esp":                        "p:1:10: dialect: not hcp or ehc",
		"ts_flow_label: true":                 "p:1:1: ts_flow_label: is of the dialect ehc",
		"esp_spi_lsb: 3":                      "p:1:1: esp_sn_lsb: no widths of SPI and Sequence Number add up to a multiple of 8 bits",
		"proposals:\n- {}\n- {esp_sn_lsb: 3}": "p:3:4: esp_sn_lsb: no widths",
		"proposals: [{}]\nalignment: 8 bit":   "p:1:12: proposals: attributes are either in proposals or beside them",
		"proposals: []":                       "p:1:12: proposals: not a list of mappings",
		"proposals: [1]":                      "p:1:13: a proposal is a mapping",
		"dscp_action: sa":                     "p:1:1: dscp_action: the action sa needs a list of DSCPs",
		"dscp_list: 64":                       `p:1:12: dscp_list: "64" is not a DSCP`,
		"dscp_list: [1, 1]":                   `p:1:16: dscp_list: "1" is not a DSCP, 0 to 63, or is there twice`,
		"numbers: {x: 1}":                     "p:1:11: x: unknown key",
		"numbers: {lmap: 70000}":              "p:1:17: lmap: not a number of 16 bits",
		"numbers: {ts_dscp: 256}":             "p:1:20: ts_dscp: not a number of 8 bits",
		"numbers: {lmap: 0xec00}":             "p:1:1: two numbers are the same",
		"hop_limit: 5":                        "p:1:12: hop_limit: not lower or value-sent",
		"zero_bytes: maybe":                   "p:1:13: zero_bytes: not true or false",
		"a: &x 1":                             "p:1:1: keys are words; anchors and aliases are not used",
		"dialect: ehc\nts_flow_label: true\nflow_label_action: lower": "p:3:1: flow_label_action: is ts_flow_label under another name",
		"dialect: ehc\nflow_label_action: lower\nts_flow_label: true": "p:3:1: ts_flow_label: is flow_label_action under another name",
		"esp_sn_lsb: 8\ndscp_action: lower\nesp_trailer: Mandatory":   "p:3:1: esp_trailer: a value that cannot be negotiated here",
		"proposals:\n- {}\n- {esp_spi_lsb: 8, dscp_action: sa}":       "p:3:20: dscp_action: the action sa needs a list of DSCPs",
		"esp_trailer: Mandatory":                                      "p:1:1: esp_trailer: a value that cannot be negotiated here",
		"{dialect: ehc, dscp_action: [lower, sa], dscp_list: 3}":      "p:1:16: dscp_action: a value that cannot",
	} {
		_, err := Load([]byte(text), "p")
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := Load(make([]byte, MaxFileSize+1), "p"); err == nil {
		t.Error("a file too large")
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(path, []byte("esp_sn_lsb: 16"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := ReadFile(path, nil)
	if err != nil || len(p.Sets) != 1 || p.Sets[0].SNLSB[0] != 16 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := ReadFile("-", strings.NewReader("x: 1")); err == nil || err.Error() != "standard input:1:1: x: unknown key" {
		t.Error(err)
	}
	if _, err := ReadFile(path+"x", nil); err == nil {
		t.Error("a file that is not there")
	}
}

// FuzzLoad: whatever comes is refused with an *Error, or is a policy that can be.
func FuzzLoad(f *testing.F) {
	f.Add("dialect: ehc\nesp_spi_lsb: [1, 0]\n")
	f.Add(`{"proposals": [{"alignment": "8 bit"}], "numbers": {"lmap": 41000}}`)
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Load([]byte(text), "p")
		var e *Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		if _, err := ehc.Offer(nil, p); err != nil {
			t.Fatalf("Offer(%+v): %v", p, err)
		}
	})
}
