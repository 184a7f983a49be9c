package safile

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

func ip(s string) esp.Addr { return addr(netip.MustParseAddr(s)) }

// dietFile is a file of one SA with a diet object; the object stands on its own line.
func dietFile(diet string) []byte {
	return []byte(`[{"spi": "0x1001", "mode": "tunnel", "ts_src": "2001:db8:1::/48",
  "diet": ` + diet + `}]`)
}

func TestAttributes(t *testing.T) {
	base := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
	base.Selectors.SrcStart, base.Selectors.SrcEnd = ip("2001:db8:1::"), ip("2001:db8:1:ffff:ffff:ffff:ffff:ffff")
	old := dietesp.DefaultAttributes(dietesp.ProfileEHC2023)
	old.Selectors = base.Selectors
	for _, c := range []struct {
		diet string
		from dietesp.Attributes
		edit func(a *dietesp.Attributes)
	}{
		{`{}`, base, func(*dietesp.Attributes) {}},
		{`{"profile": null, "dscp_action": null}`, base, func(*dietesp.Attributes) {}},
		{`{"profile": "diet-esp-10", "dscp_action": "lower", "ecn_action": "lower", "flow_label_action": "zero",
		   "alignment": "8 bit", "esp_trailer": "mandatory", "esp_spi_lsb": 8, "esp_sn_lsb": "0x10", "ipsec_mode": "Tunnel",
		   "iipc_profile": "iipc_not_compressed", "hop_limit": "value-sent", "rule_id": "sent"}`, base, func(a *dietesp.Attributes) {
			a.DSCP, a.ECN, a.FlowLabel, a.HopLimit = dietesp.ActionLower, dietesp.ActionLower, dietesp.ActionZero, dietesp.HopLimitValueSent
			a.Alignment, a.Trailer, a.SPILSBBits, a.SNLSBBits = dietesp.Alignment8, dietesp.TrailerMandatory, 8, 16
			a.IIPC, a.RuleID = dietesp.IIPCNotCompressed, dietesp.RuleIDSent
		}},
		{`{"ts_ip_version": "IPv6-only", "ts_ip_src_start": "2001:db8::1", "ts_ip_dst_start": "2001:db8::10", "ts_ip_dst_end": "2001:db8::1f",
		   "ts_proto": "UDP", "ts_port_src_start": 5683, "ts_port_dst_start": 1, "ts_port_dst_end": 1023, "dscp_action": "sa", "dscp_list": [0, 46]}`,
			base, func(a *dietesp.Attributes) {
				s := &a.Selectors
				s.Version, s.SrcStart, s.SrcEnd, s.DstStart, s.DstEnd = 6, ip("2001:db8::1"), ip("2001:db8::1"), ip("2001:db8::10"), ip("2001:db8::1f")
				s.Protocols = []uint8{17}
				s.SrcPortStart, s.SrcPortEnd, s.DstPortStart, s.DstPortEnd = 5683, 5683, 1, 1023
				a.DSCP, a.DSCPs = dietesp.ActionSA, []uint8{0, 46}
			}},
		{`{"ts_port_src_start": 5, "ts_port_src_end": 0, "ts_port_dst_start": 7, "ts_port_dst_end": null}`, base, func(a *dietesp.Attributes) {
			s := &a.Selectors // dietesp refuses it: the range ends before it starts
			s.SrcPortStart, s.SrcPortEnd, s.DstPortStart, s.DstPortEnd = 5, 0, 7, 7
		}},
		{`{"profile": "ehc-2023", "esp_spi_lsb": 0, "esp_sn_lsb": 2, "ts_flow_label": "False", "ts_proto_list": ["UDP", 6], "ts_dsp_list": [0]}`,
			old, func(a *dietesp.Attributes) {
				a.SPILSBBits, a.SNLSBBits, a.FlowLabel = 0, 16, dietesp.ActionNotCompressed
				a.Selectors.Protocols, a.DSCP, a.DSCPs = []uint8{17, 6}, dietesp.ActionSA, []uint8{0}
			}},
		{`{"profile": "ehc-2023", "ts_flow_label": true}`, old, func(*dietesp.Attributes) {}},
	} {
		f, err := Load(dietFile(c.diet), "sa.json")
		if err != nil {
			t.Fatalf("Load(%s): %v", c.diet, err)
		}
		got, err := f.SAs[0].Attributes()
		want := c.from
		c.edit(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Attributes(%s) = %+v, %v, want %+v", c.diet, got, err, want)
		}
	}
}

func TestAttributesErrors(t *testing.T) {
	for _, c := range []struct{ diet, want string }{
		{`{"no": 1}`, "sa.json:2:12: SA 1: diet.no: unknown key"},
		{`{"alignment": "24 bit"}`, `sa.json:2:12: SA 1: diet.alignment: "24 bit" is not one of 8 bit, 16 bit, 32 bit, 64 bit`},
		{`{"esp_spi_lsb": 33}`, "diet.esp_spi_lsb: 33 is not 0 to 32 bits"},
		{`{"profile": "ehc-2023", "esp_sn_lsb": 5}`, "diet.esp_sn_lsb: 5 is not 0 to 4 bytes"},
		{`{"profile": "2024"}`, `diet.profile: "2024" is not one of diet-esp-10, ehc-2023`},
		{`{"ipsec_mode": "transport"}`, `diet.ipsec_mode: "transport" is not the mode of the SA, tunnel`},
		{`{"esp_spi": 1}`, "diet.esp_spi: the SA has it as spi"},
		{`{"ts_flow_label": true}`, `diet.ts_flow_label: of the profile "ehc-2023" only`},
		{`{"ecn_action": "sa"}`, "diet.ecn_action"},
		{`{"dscp_list": [64]}`, "diet.dscp_list: 64 is not a DSCP, 0 to 63"},
		{`{"ts_proto": "IP"}`, "diet.ts_proto"},
		{`{"ts_ip_src_start": "2001:db8::g"}`, "diet.ts_ip_src_start"},
		{`{"ts_port_dst_end": 65536}`, "diet.ts_port_dst_end"},
		{`{"ts_ip_version": 5}`, "diet.ts_ip_version"},
		{`{"ecn_action": "lower", "ecn_action": "lower"}`, "given twice"},
		{`{"dscp_list": [` + strings.Repeat("0,", 256) + `0]}`, "more than 256 values"},
	} {
		f, err := Load(dietFile(c.diet), "sa.json")
		if err == nil {
			_, err = f.SAs[0].Attributes()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Attributes(%.60s): %v, want %s", c.diet, err, c.want)
		}
	}
	f, err := Load(dietFile(`{"alignment": "8 bit"}`), "sa.json")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"alignment":   "sa.json:2:12: SA 1: diet.alignment: x 1",
		"esp_spi_lsb": "sa.json:2:3: SA 1: diet.esp_spi_lsb: x 1",
		"":            "sa.json:2:3: SA 1: diet: x 1",
	} {
		if got := fmt.Sprint(f.SAs[0].DietErrorf(key, "x %d", 1)); got != want {
			t.Errorf("DietErrorf(%q) = %s, want %s", key, got, want)
		}
	}
}
