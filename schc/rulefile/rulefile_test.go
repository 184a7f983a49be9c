package rulefile

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

var update = flag.Bool("update", false, "rewrite golden files")

// mustLoad loads a rule set that must be right.
func mustLoad(t testing.TB, text string) *File {
	t.Helper()
	f, err := Load([]byte(text), "test.json")
	if err != nil {
		t.Fatalf("Load(%.200s): %v", text, err)
	}
	return f
}

// mustRoundTrip saves f as JSON, loads that, and compares.
func mustRoundTrip(t testing.TB, f *File) []byte {
	t.Helper()
	out, err := Save(f)
	if err != nil {
		t.Fatalf("Save: %v", err)
	}
	g, err := Load(out, "saved.json")
	if err != nil {
		t.Fatalf("Load(Save(f)): %v\n%s", err, out)
	}
	if d := Diff(f, g); d != nil {
		t.Fatalf("Diff(f, Load(Save(f))) = %v, want none\n%s", d, out)
	}
	for i := range f.Sets {
		if a, b := &f.Sets[i], &g.Sets[i]; a.DeviceID != b.DeviceID || !reflect.DeepEqual(a.Rules, b.Rules) || !reflect.DeepEqual(a.Descriptions, b.Descriptions) {
			t.Fatalf("set %d is not the same after Save and Load:\n%+v\n%+v", i, a, b)
		}
	}
	again, err := Save(g)
	if err != nil || string(again) != string(out) {
		t.Fatalf("Save is not stable: %v\n%s\n%s", err, out, again)
	}
	return out
}

// oneField loads a Rule with one field and returns its Field Descriptor.
func oneField(t testing.TB, field string) (schc.FieldDescriptor, error) {
	t.Helper()
	f, err := Load([]byte(`[{"RuleID": 1, "RuleIDLength": 8, "Compression": [`+field+`]}]`), "")
	if err != nil {
		return schc.FieldDescriptor{}, err
	}
	mustRoundTrip(t, f)
	return f.Sets[0].Rules[0].Fields[0], nil
}

func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".golden.json") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Load(data, name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		out := mustRoundTrip(t, f)
		golden := strings.TrimSuffix(name, ".json") + ".golden.json"
		if *update {
			if err := os.WriteFile(golden, out, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || string(out) != string(want) {
			t.Errorf("Save(Load(%s)) = \n%s\nwant %s (%v)", name, out, golden, err)
		}
	}
}

// TestRepository loads every rule file of the repository.
func TestRepository(t *testing.T) {
	for _, name := range repositoryRules(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Load(data, filepath.Base(name))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		mustRoundTrip(t, f)
		for i := range f.Sets {
			// This one starts with UDP and computes its checksum.
			opts := schc.Options{OuterHeader: filepath.Base(name) == "outer.json"}
			_, err := schc.NewContext(f.Sets[i].Rules, opts)
			if wrong := filepath.Base(name) == "wrong.json"; (err != nil) != wrong {
				t.Errorf("%s: %v", name, f.Sets[i].Locate(err))
			}
		}
	}
}

// repositoryRules returns all rule files of the repository but those of this
// package: every JSON file in a folder named rules, or with rules in its name.
func repositoryRules(t testing.TB) []string {
	var names []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(name, ".") && len(name) > 2 || name == "rulefile"):
			return fs.SkipDir
		case strings.HasSuffix(name, ".json") && (strings.Contains(name, "rules") || filepath.Base(filepath.Dir(path)) == "rules"):
			names = append(names, path)
		}
		return nil
	})
	if err != nil || len(names) < 60 {
		t.Fatalf("%d rule files: %v", len(names), err)
	}
	return names
}

func TestShapes(t *testing.T) {
	const rule = `{"RuleID": 1, "RuleIDLength": 8, "NoCompression": []}`
	for _, c := range []struct {
		text string
		sets []string // DeviceID and number of Rules
	}{
		{`[]`, []string{"/0"}},
		{rule, []string{"/1"}},
		{`[` + rule + `]`, []string{"/1"}},
		{"\xef\xbb\xbf[" + rule + "]", []string{"/1"}},
		{`{"DeviceID": "a", "SoR": [` + rule + `]}`, []string{"a/1"}},
		{`{"SoR": [` + rule + `], "DeviceID": null}`, []string{"/1"}},
		{`{"DeviceID": 78187493520, "SoR": []}`, []string{"78187493520/0"}},
		{`{"rules": [` + rule + `]}`, []string{"/1"}},
		{`{"Rules": [` + rule + `], "_made": {"by": ["hand"]}}`, []string{"/1"}},
		{`[{"DeviceID": "a", "SoR": [` + rule + `]}, {"DeviceID": "b", "SoR": []}]`, []string{"a/1", "b/0"}},
		{`{"devices": [{"DeviceID": "a", "SoR": [` + rule + `]}]}`, []string{"a/1"}},
		{`[{'RuleID': 1, 'RuleIDLength': 8, 'NoCompression': None, '_x': [True, False]}]`, []string{"/1"}},
		{`{"ruleID": 1, "ruleLength": 3, "compression": {"rule_set": []}}`, []string{"/1"}},
	} {
		f := mustLoad(t, c.text)
		var got []string
		for i := range f.Sets {
			got = append(got, fmt.Sprintf("%s/%d", f.Sets[i].DeviceID, len(f.Sets[i].Rules)))
		}
		if !reflect.DeepEqual(got, c.sets) {
			t.Errorf("Load(%s) has sets %q, want %q", c.text, got, c.sets)
		}
		mustRoundTrip(t, f)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		// numbers: right-aligned, full width
		{`"FID": "IPV6.VER", "TV": 6`, "06"},
		{`"FID": "IPV6.FL", "TV": 144470`, "023456"},
		{`"FID": "IPV6.FL", "TV": "0xff85f"`, "0ff85f"},
		{`"FID": "IPV6.FL", "TV": "0XFF85F"`, "0ff85f"},
		{`"FID": "TCP.FLAGS", "TV": "0b00010010"`, "12"},
		{`"FID": "UDP.DEV_PORT", "TV": 5680, "MO": "MSB", "MO.VAL": 12`, "1630"},
		{`"FID": "ESP.SPI", "TV": 0`, "00000000"},
		{`"FID": "IPV6.DEV_IID", "TV": 22487`, "00000000000057d7"},
		{`"FID": "IPV6.DEV_IID", "TV": 18446744073709551615`, "ffffffffffffffff"},
		{`"FID": "IPV6.DEV_ADDR", "TV": 42540766411282592856903984951653826561`, "20010db8000000000000000000000001"},
		{`"FID": "SSE_EXTREME.SN", "TV": 72057594037927937`, "0100000000000001"},
		// addresses
		{`"FID": "IPV6.DEV_PREFIX", "TV": "fe80::/64"`, "fe80000000000000"},
		{`"FID": "IPV6.DEV_PREFIX", "TV": "2001:0420:c0dc:1002::"`, "20010420c0dc1002"},
		{`"FID": "IPV6.DEV_PREFIX", "TV": "Fe80::/10", "MO": "MSB(10)"`, "fe80000000000000"},
		{`"FID": "IPV6.APP_IID", "TV": "::1"`, "0000000000000001"},
		{`"FID": "IPV6.APP_IID", "TV": "fe80::1"`, "0000000000000001"},
		{`"FID": "IPV6.APP_IID", "TV": "::ffff:192.0.2.1"`, "0000ffffc0000201"},
		{`"FID": "IPV6.APP_IID", "TV": "0x2"`, "0000000000000002"},
		{`"FID": "IPV6.DST_ADDR", "TV": "2001:db8::1"`, "20010db8000000000000000000000001"},
		{`"FID": "IPV6.DST_ADDR", "TV": "2001:db8::/48"`, "20010db8000000000000000000000000"},
		{`"FID": "IPV4.DEV_ADDR", "TV": "192.0.2.1"`, "c0000201"},
		{`"FID": "IPV4.DEV_ADDR", "TV": "192.0.2.0/24"`, "c0000200"},
		// variable length: left-aligned
		{`"FID": "COAP.Uri-Path", "TV": "temp"`, "74656d70"},
		{`"FID": "COAP.URI_PATH", "FL": "var", "TV": "0x74656d70"`, "74656d70"},
		{`"FID": "COAP.URI-PATH", "TV": "0xz"`, "30787a"},
		{`"FID": "COAP.URI-PATH", "TV": "0xabc"`, "3078616263"},
		{`"FID": "COAP.URI-PATH", "TV": "0x30786162"`, "30786162"},
		{`"FID": "COAP.URI-PATH", "TV": ""`, ""},
		{`"FID": "COAP.URI-PATH", "TV": "0x"`, ""},
		{`"FID": "COAP.URI-PATH", "TV": "\u00e9\ud83d\ude00\n\"\\"`, "c3a9f09f98800a225c"},
		{`"FID": "COAP.URI-PATH", "TV": "` + "\u00e9" + `"`, "c3a9"},
		{`"FID": "COAP.URI-PATH", "TV": "0xff"`, "ff"},
		{`"FID": "COAP.URI-QUERY", "TV": "k=", "MO": "MSB", "MO.VAL": 16`, "6b3d"},
		{`"FID": "COAP.URI-PATH", "FL": 32, "TV": "temp"`, "74656d70"},
		{`"FID": "COAP.URI-PATH", "FL": 32, "TV": "0xab"`, "000000ab"},
		{`"FID": "COAP.URI-PATH", "FL": 32, "TV": "0x30786162"`, "30786162"},
		{`"FID": "COAP.CONTENT-FORMAT", "TV": 0`, ""},
		{`"FID": "COAP.CONTENT-FORMAT", "TV": 60`, "3c"},
		{`"FID": "COAP.CONTENT-FORMAT", "TV": 11542`, "2d16"},
		{`"FID": "COAP.CONTENT-FORMAT", "TV": "0x003c"`, "003c"},
		{`"FID": "COAP.CONTENT-FORMAT", "FL": 8, "TV": 60`, "3c"},
		{`"FID": "COAP.CONTENT-FORMAT", "FL": 8, "TV": 0`, "00"},
		{`"FID": "COAP.OPTION-2048", "TV": 7`, "07"},
		{`"FID": "COAP.TOKEN", "TV": "0x0007"`, "0007"},
		{`"FID": "COAP.TOKEN", "TV": 0`, "00"},
		{`"FID": "COAP.ETAG", "TV": 256`, "0100"},
		// lists
		{`"FID": "IPV6.HOP_LMT", "TV": [64, 255, "0x1"], "MO": "match-mapping"`, "40 ff 01"},
		{`"FID": "COAP.URI-PATH", "TV": ["temp", "", "0x00"], "MO": "match-mapping"`, "74656d70  00"},
		{`"FID": "IPV6.DEV_PREFIX", "TV": ["2001:db8::/64", "fe80::/64"], "MO": "match-mapping"`, "20010db800000000 fe80000000000000"},
	} {
		text := c.field + `, "CDA": "not-sent"`
		if !strings.Contains(text, `"MO"`) {
			text += `, "MO": "equal"`
		}
		d, err := oneField(t, "{"+text+"}")
		if err != nil {
			t.Errorf("%s: %v", c.field, err)
			continue
		}
		var got []string
		for _, v := range d.TV {
			got = append(got, fmt.Sprintf("%x", v))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: target value %q, want %q", c.field, s, c.want)
		}
	}
	for _, none := range []string{`"TV": null`, `"TV": []`, `"_": 0`} {
		d, err := oneField(t, `{"FID": "ICMPV6.IDENT", `+none+`, "MO": "ignore", "CDA": "value-sent"}`)
		if err != nil || d.TV != nil {
			t.Errorf("%s: target value %v, %v, want none", none, d.TV, err)
		}
	}
}

func TestSpellings(t *testing.T) {
	want := schc.FieldDescriptor{FID: schc.FIDIPv6DevIID, FL: 64, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDADevIID}
	for _, text := range []string{
		`{"FID": "IPV6.DEV_IID", "FL": 64, "FP": 1, "DI": "BI", "MO": "ignore", "CDA": "DEVIID"}`,
		`{"fid": "IPv6.dev-iid", "di": "Bi", "mo": "Ignore", "cda": "DEViid", "SB": 2}`,
		`{"FID": "IPv6 DEViid", "MO": "mo-ignore", "CDA": "compute-deviid"}`,
		`{"FID": "fid-ipv6-deviid", "DI": "ietf-schc:di-bidirectional", "MO": "ietf-schc:mo-ignore", "CDA": "cda-deviid"}`,
		`{"FID": "ietf-schc:fid-ipv6-deviid", "MO": "IGNORE", "CDA": "DevIID", "MO.VAL": 3}`,
	} {
		if got, err := oneField(t, text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]schc.FieldDescriptor{
		`{"FID": "COAP.TOKEN", "MO": "ignore", "CDA": "value-sent"}`:                                              {FID: schc.FIDCoAPToken, FL: schc.FLTokenLength, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "COAP.TOKEN", "FL": "var", "DI": "up", "MO": "ignore", "CDA": "value_sent"}`:                     {FID: schc.FIDCoAPToken, FL: schc.FLVar, FP: 1, DI: schc.DirUp, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "COAP.URI-PATH", "FL": "var-bits", "FP": 0, "DI": "DOWN", "MO": "ignore", "CDA": "value-sent"}`:  {FID: schc.FIDCoAPOption(11), FL: schc.FLVarBits, FP: schc.FPAny, DI: schc.DirDown, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "COAP.OSCORE_PIV", "FL": "osc.piv", "FP": 1, "DI": "Dw", "MO": "ignore", "CDA": "value-sent"}`:   {FID: schc.FIDCoAPOSCOREPIV, FL: schc.FLOSCOREPIV, FP: 1, DI: schc.DirDown, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "UDP.APP_PORT", "TV": 5680, "MO": "MSB(12)", "CDA": "LSB(4)"}`:                                   {FID: schc.FIDUDPAppPort, FL: 16, FP: 1, DI: schc.DirBidirectional, TV: [][]byte{{0x16, 0x30}}, MO: schc.MOMSB, MSB: 12, CDA: schc.CDALSB},
		`{"FID": "UDP.APP_PORT", "TV": 5680, "MO": "msb", "MOa": 12, "CDA": "lsb"}`:                               {FID: schc.FIDUDPAppPort, FL: 16, FP: 1, DI: schc.DirBidirectional, TV: [][]byte{{0x16, 0x30}}, MO: schc.MOMSB, MSB: 12, CDA: schc.CDALSB},
		`{"FID": "udp.length", "MO": "ignore", "CDA": "COMPUTE-LENGTH"}`:                                          {FID: schc.FIDUDPLength, FL: 16, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDACompute},
		`{"FID": "CoAP.option(11)", "MO": "ignore", "CDA": "value-sent"}`:                                         {FID: schc.FIDCoAPOption(11), FL: schc.FLVar, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "CoAP.option(65000)", "FL": "var_bit", "MO": "ignore", "CDA": "value-sent"}`:                     {FID: schc.FIDCoAPOption(65000), FL: schc.FLVarBits, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "CoAP.option(9).kid_ctx", "MO": "ignore", "CDA": "value-sent"}`:                                  {FID: schc.FIDCoAPOSCOREKIDContext, FL: schc.FLVar, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "CoAP.option(9).piv", "FL": "osc.piv", "MO": "ignore", "CDA": "value-sent"}`:                     {FID: schc.FIDCoAPOSCOREPIV, FL: schc.FLOSCOREPIV, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "ICMPV6.SEQNB", "MO": "ignore", "CDA": "value-sent"}`:                                            {FID: schc.FIDICMPv6Sequence, FL: 16, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDAValueSent},
		`{"FID": "IPV4.CKSUM", "MO": "ignore", "CDA": "compute-*", "_why": [1, {"a": null, "b": [true, false]}]}`: {FID: schc.FIDIPv4Checksum, FL: 16, FP: 1, DI: schc.DirBidirectional, MO: schc.MOIgnore, CDA: schc.CDACompute},
	} {
		if got, err := oneField(t, text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestNames checks that no two fields have the same folded name.
func TestNames(t *testing.T) {
	for _, f := range schc.FieldIDs(nil) {
		for _, name := range []string{f.String(), strings.ToLower(f.String()), f.YANG(), "ietf-schc:" + f.YANG()} {
			if got, ok := parseFID([]byte(name)); !ok || got != f {
				t.Errorf("parseFID(%q) = %v, %v, want %v", name, got, ok, f)
			}
		}
	}
	for name, f := range fidAliases {
		if name != fold([]byte(name)) {
			t.Errorf("the alias %q is not folded", name)
		}
		if got, ok := parseFID([]byte(name)); !ok || got != f {
			t.Errorf("parseFID(%q) = %v, %v, want %v", name, got, ok, f)
		}
	}
}

func TestFragmentation(t *testing.T) {
	base := schc.Fragmentation{L2WordBits: 8, RCSBits: 32, MaxPacket: 1280, MaxInterleaved: 1}
	with := func(set func(f *schc.Fragmentation)) schc.Fragmentation {
		f := base
		set(&f)
		return f
	}
	for text, want := range map[string]schc.Fragmentation{
		`{"FRMode": "NoAck", "FRDirection": "UP"}`: with(func(f *schc.Fragmentation) {
			f.Mode, f.Direction, f.DTagBits, f.FCNBits, f.WindowSize = schc.FragmentationNoAck, schc.DirUp, 2, 1, 1
		}),
		`{"FRMode": "noAck", "FRDirection": "DW", "FRModeProfile": {"FCNSize": 3, "MICAlgorithm": "crc32", "MICWordSize": 8}}`: with(func(f *schc.Fragmentation) {
			f.Mode, f.Direction, f.FCNBits, f.WindowSize = schc.FragmentationNoAck, schc.DirDown, 3, 7
		}),
		`{"FRMode": "AckAlways", "FRDirection": "DW", "FRModeProfile": {}}`: with(func(f *schc.Fragmentation) {
			f.Mode, f.Direction, f.FCNBits, f.WindowSize, f.WBits = schc.FragmentationAckAlways, schc.DirDown, 1, 1, 1
			f.MaxAckRequests, f.RetransmissionMs = 4, 600_000
		}),
		`{"FRMode": "AckOnError", "FRDirection": "up", "FRModeProfile": {"FCNSize": 3, "tileSize": 392, "lastTileInAll1": true, "ackBehavior": "afterAll0",
		  "timeout": 0.25, "inactivity-timer": 43200, "maxRetry": 1, "rcs-size": 3, "windowSize": 5, "dtagSize": 1, "WSize": 2, "L2WordSize": 1,
		  "maximum-packet-size": 1500, "max-interleaved-frames": 2}}`: {
			Mode: schc.FragmentationAckOnError, Direction: schc.DirUp, L2WordBits: 1, DTagBits: 1, WBits: 2, FCNBits: 3, WindowSize: 5,
			TileBits: 392, RCSBits: 3, MaxPacket: 1500, MaxInterleaved: 2, AckBehavior: schc.AckAfterAll0, All1Data: schc.All1DataYes,
			MaxAckRequests: 1, RetransmissionMs: 250, InactivityMs: 43_200_000,
		},
		`{"FRMode": "AckOnError", "FRDirection": "DW", "FRModeProfile": {"FCNSize": 6, "tile-in-all-1": "sender-choice", "ackBehavior": "byLayer2", "windowSize": null, "timeout": 0}}`: with(func(f *schc.Fragmentation) {
			f.Mode, f.Direction, f.FCNBits, f.WindowSize, f.WBits = schc.FragmentationAckOnError, schc.DirDown, 6, 63, 1
			f.MaxAckRequests, f.All1Data, f.AckBehavior = 4, schc.All1DataSenderChoice, schc.AckByLayer2
		}),
	} {
		f := mustLoad(t, `[{"RuleID": 1, "RuleIDLength": 8, "Fragmentation": `+text+`}]`)
		if got := *f.Sets[0].Rules[0].Fragment; got != want {
			t.Errorf("%s:\n%+v, want\n%+v", text, got, want)
		}
		mustRoundTrip(t, f)
	}
	f := mustLoad(t, `{"ruleLength": 3, "ruleID": 1, "profile": {"L2WordSize": 1}, "fragmentation": {"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"dtagSize": 3}}}`)
	if got := f.Sets[0].Rules[0].Fragment; got.L2WordBits != 1 || got.DTagBits != 3 {
		t.Errorf("old-style profile: %+v", got)
	}
}

func TestWarnings(t *testing.T) {
	f := mustLoad(t, "[{\"RuleID\": 1, \"RuleIDLength\": 8, \"Action\": \"x\", \"Compression\": [\n {\"FID\": \"COAP.End\", \"TV\": 255, \"MO\": \"equal\", \"CDA\": \"not-sent\"}]}]")
	want := []string{
		"1:2: rule 1/8: Action is an experiment of OpenSCHC; it is not kept",
		"2:2: rule 1/8: COAP.END is not a field; it is left out, as OpenSCHC does",
	}
	if fmt.Sprint(f.Warnings) != fmt.Sprint(want) || len(f.Sets[0].Rules[0].Fields) != 0 {
		t.Errorf("warnings %q, fields %v", f.Warnings, f.Sets[0].Rules[0].Fields)
	}
}

// ignore and not-sent without a Target Value restore zero: the file means the
// same, to Diff and to fingerprints, with it.
func TestZeroValue(t *testing.T) {
	for with, without := range map[string]string{
		`"FID": "UDP.CKSUM", "TV": 0, `:                `"FID": "UDP.CKSUM", `,
		`"FID": "UDP.CKSUM", "TV": "0x0000", `:         `"FID": "UDP.CKSUM", "TV": null, `,
		`"FID": "COAP.ETAG", "TV": "", `:               `"FID": "COAP.ETAG", "TV": [], `,
		`"FID": "COAP.ETAG", "FL": 16, "TV": "0x00", `: `"FID": "COAP.ETAG", "FL": 16, `,
	} {
		rule := `[{"RuleID": 1, "RuleIDLength": 8, "Compression": [{%s"MO": "ignore", "CDA": "not-sent"}]}]`
		a, b := mustLoad(t, fmt.Sprintf(rule, with)), mustLoad(t, fmt.Sprintf(rule, without))
		if !reflect.DeepEqual(a.Sets[0].Rules, b.Sets[0].Rules) || len(a.Sets[0].Rules[0].Fields[0].TV) != 1 {
			t.Errorf("%s: %+v, want %+v", without, b.Sets[0].Rules, a.Sets[0].Rules)
		}
		b.Sets[0].Rules[0].Fields[0].TV = nil // as a program may have it
		if d := Diff(a, b); d != nil {
			t.Errorf("%s: Diff = %v", without, d)
		}
		mustGoRound(t, b)
	}
}

// What the mode of a fragmentation Rule does not know is said and left out.
func TestUnusedParameters(t *testing.T) {
	for mode, want := range map[string]string{
		"NoAck":      `[2:20: rule 1/8: maxRetry and timeout are for modes with ACKs; they are not kept]`,
		"AckAlways":  `[2:20: rule 1/8: ackBehavior and lastTileInAll1 are for ACK-on-Error; they are not kept]`,
		"AckOnError": `[]`,
	} {
		f := mustLoad(t, "[{\"RuleID\": 1, \"RuleIDLength\": 8,\n  \"Fragmentation\": {\"FRMode\": \""+mode+
			"\", \"FRDirection\": \"UP\", \"FRModeProfile\": {\"FCNSize\": 3, \"maxRetry\": 5, \"timeout\": 9, \"ackBehavior\": \"afterAll0\", \"lastTileInAll1\": true}}}]")
		if got := fmt.Sprint(f.Warnings); got != want {
			t.Errorf("%s: warnings %s, want %s", mode, got, want)
		}
		r := f.Sets[0].Rules[0].Fragment
		acks, aoe := mode != "NoAck", mode == "AckOnError"
		if (r.MaxAckRequests == 5) != acks || (r.RetransmissionMs == 9000) != acks || (r.AckBehavior == schc.AckAfterAll0) != aoe || (r.All1Data == schc.All1DataYes) != aoe {
			t.Errorf("%s: %+v", mode, r)
		}
		mustGoRound(t, f)
	}
}

func TestSetByName(t *testing.T) {
	f := mustLoad(t, `[{"DeviceID": "a", "SoR": []}, {"DeviceID": "b", "SoR": []}]`)
	if s, err := f.Set("b"); err != nil || s != &f.Sets[1] {
		t.Errorf("Set(b) = %v, %v", s, err)
	}
	if _, err := f.Set(""); err == nil || err.Error() != `test.json: the file has the rule sets of 2 devices; name one: "a", "b"` {
		t.Errorf("Set() = %v", err)
	}
	if _, err := f.Set("c"); err == nil || err.Error() != `test.json: no rule set for device "c"; there are "a", "b"` {
		t.Errorf("Set(c) = %v", err)
	}
}

func TestLocate(t *testing.T) {
	f := mustLoad(t, "[{\"RuleID\": 1, \"RuleIDLength\": 8, \"NoCompression\": []},\n\n {\"RuleID\": 2, \"RuleIDLength\": 8, \"Compression\": [\n\n  {\"FID\": \"IPV6.VER\", \"MO\": \"equal\", \"CDA\": \"not-sent\"}]}]")
	s := &f.Sets[0]
	err := s.Locate(&schc.FieldError{Rule: s.Rules[1].ID, Index: 1, Field: 0, FID: schc.FIDIPv6Version, Err: schc.ErrMalformed, Text: "has no value"})
	if want := "test.json:5:3: rule 2/8: field 1 (IPV6.VER): has no value"; err.Error() != want || !errors.Is(err, schc.ErrMalformed) {
		t.Errorf("Locate = %v, want %s", err, want)
	}
	err = s.Locate(&schc.FieldError{Rule: s.Rules[0].ID, Index: 0, Field: -1, FID: schc.FIDIPv6HopLimit, Err: schc.ErrMalformed, Text: "is not described"})
	if err == nil || !strings.Contains(err.Error(), ": field IPV6.HOP_LMT: is not described") {
		t.Errorf("Locate = %v, want the name of the field that is missing", err)
	}
	err = s.Locate(&schc.FieldError{Rule: s.Rules[0].ID, Index: 0, Field: -1, Err: schc.ErrMalformed, Text: "overlaps"})
	if want := "test.json:1:2: rule 1/8: overlaps"; err.Error() != want {
		t.Errorf("Locate = %v, want %s", err, want)
	}
	for _, other := range []error{errors.New("x"), &schc.FieldError{Index: -1}, &schc.FieldError{Index: 9}} {
		if s.Locate(other) != other {
			t.Errorf("Locate(%v) changed the error", other)
		}
	}
}

func TestSaveRefuses(t *testing.T) {
	for text, r := range map[string]schc.Rule{
		"rule 8/3: the RuleID does not fit its length":                                         {ID: schc.RuleID{Value: 8, Bits: 3}},
		"rule 1/8: field 1: an unknown field":                                                  {ID: schc.RuleID{Value: 1, Bits: 8}, Fields: []schc.FieldDescriptor{{}}},
		"rule 1/8: field 1 (IPV6.VER): no operator, or an unknown one":                         {ID: schc.RuleID{Value: 1, Bits: 8}, Fields: []schc.FieldDescriptor{{FID: schc.FIDIPv6Version}}},
		"rule 1/8: field 1 (IPV6.VER): a target value of 2 bytes; FL 4 needs 1, right-aligned": {ID: schc.RuleID{Value: 1, Bits: 8}, Fields: []schc.FieldDescriptor{{FID: schc.FIDIPv6Version, MO: schc.MOEqual, CDA: schc.CDANotSent, TV: [][]byte{{0, 6}}}}},
		"rule 1/8: field 1 (IPV6.VER): a target value that does not fit FL 4":                  {ID: schc.RuleID{Value: 1, Bits: 8}, Fields: []schc.FieldDescriptor{{FID: schc.FIDIPv6Version, MO: schc.MOEqual, CDA: schc.CDANotSent, TV: [][]byte{{0x60}}}}},
		"rule 1/8: a fragmentation Rule has parameters and no fields":                          {ID: schc.RuleID{Value: 1, Bits: 8}, Nature: schc.NatureFragmentation},
		"rule 1/8: no fragmentation mode, or an unknown one":                                   {ID: schc.RuleID{Value: 1, Bits: 8}, Nature: schc.NatureFragmentation, Fragment: &schc.Fragmentation{}},
		"rule 1/8: a Rule of unknown nature":                                                   {ID: schc.RuleID{Value: 1, Bits: 8}, Nature: 9},
		"rule 1/8: a no-compression Rule with fields":                                          {ID: schc.RuleID{Value: 1, Bits: 8}, Nature: schc.NatureNoCompression, Fields: make([]schc.FieldDescriptor, 1)},
		"rule 1/8: a compression Rule with fragmentation parameters":                           {ID: schc.RuleID{Value: 1, Bits: 8}, Fragment: &schc.Fragmentation{}},
		"rule 1/8: the direction of the fragments is neither up nor down":                      {ID: schc.RuleID{Value: 1, Bits: 8}, Nature: schc.NatureFragmentation, Fragment: &schc.Fragmentation{Mode: schc.FragmentationNoAck}},
		"rule 1/8: a size of a fragment header field over 32 bits":                             {ID: schc.RuleID{Value: 1, Bits: 8}, Nature: schc.NatureFragmentation, Fragment: &schc.Fragmentation{Mode: schc.FragmentationNoAck, Direction: schc.DirUp, FCNBits: 33}},
	} {
		if _, err := Save(&File{Sets: []Set{{Rules: []schc.Rule{r}}}}); err == nil || err.Error() != text {
			t.Errorf("Save = %v, want %s", err, text)
		}
	}
}

func TestDiff(t *testing.T) {
	const a = `[{"DeviceID": "d", "SoR": [
	  {"RuleID": 1, "RuleIDLength": 8, "Compression": [
	    {"FID": "IPV6.VER", "TV": 6, "MO": "equal", "CDA": "not-sent"},
	    {"FID": "UDP.DEV_PORT", "TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "LSB"},
	    {"FID": "COAP.URI-PATH", "FP": 2, "DI": "UP", "TV": ["a", "b"], "MO": "match-mapping", "CDA": "mapping-sent"}]},
	  {"RuleID": 2, "RuleIDLength": 8, "NoCompression": []},
	  {"RuleID": 3, "RuleIDLength": 8, "Fragmentation": {"FRMode": "NoAck", "FRDirection": "UP"}}]}]`
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{``, ``, nil},
		{`"FID": "IPV6.VER"`, `"FID": "fid-ipv6-version", "FL": 4, "FP": 1, "DI": "bi"`, nil},
		{`"TV": 6,`, `"TV": "0x6",`, nil},
		{`5680`, `5684`, []string{`device "d": rule 1/8: UDP.DEV_PORT: TV: 5680 -> 5684`}},
		{`"MO.VAL": 12`, `"MO.VAL": 10`, []string{`device "d": rule 1/8: UDP.DEV_PORT: MO: MSB(12) -> MSB(10)`}},
		{`["a", "b"]`, `["b", "a"]`, []string{`device "d": rule 1/8: COAP.URI-PATH 2 up: TV: ["a", "b"] -> ["b", "a"]`}},
		{`"FP": 2`, `"FP": 3`, []string{`device "d": rule 1/8: field COAP.URI-PATH 2 up removed: present`, `device "d": rule 1/8: field COAP.URI-PATH 3 up added: present`}},
		{`"FID": "COAP.URI-PATH"`, `"FL": 8, "FID": "COAP.URI-PATH"`, []string{`device "d": rule 1/8: COAP.URI-PATH 2 up: FL: var -> 8`}},
		{`{"RuleID": 2, "RuleIDLength": 8, "NoCompression": []},`, ``, []string{`device "d": rule 2/8: rule removed: nature-no-compression`}},
		{`"RuleID": 2, "RuleIDLength": 8, "NoCompression": []`, `"RuleID": 2, "RuleIDLength": 8, "Compression": []`, []string{`device "d": rule 2/8: nature: nature-no-compression -> nature-compression`}},
		{`"FRMode": "NoAck"`, `"FRMode": "AckAlways"`, []string{
			`device "d": rule 3/8: mode: fragmentation-mode-no-ack -> fragmentation-mode-ack-always`,
			`device "d": rule 3/8: dtag-size: 2 -> 0`, `device "d": rule 3/8: w-size: 0 -> 1`,
			`device "d": rule 3/8: max-ack-requests: 0 -> 4`, `device "d": rule 3/8: retransmission-timer: 0 -> 600`}},
		{`"DeviceID": "d"`, `"DeviceID": "e"`, []string{`device "d": set removed: 3 rules`, `device "e": set added: 3 rules`}},
	} {
		x, y := mustLoad(t, a), mustLoad(t, strings.Replace(a, c.from, c.to, 1))
		var got []string
		for _, d := range Diff(x, y) {
			got = append(got, d.String())
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s -> %s: Diff = %q, want %q", c.from, c.to, got, c.want)
		}
		if Equal(x, y) != (c.want == nil) {
			t.Errorf("%s -> %s: Equal = %v", c.from, c.to, Equal(x, y))
		}
	}
	x, y := mustLoad(t, a), mustLoad(t, a)
	r := y.Sets[0].Rules
	r[0], r[1] = r[1], r[0]
	r[1].Fields[0], r[1].Fields[1] = r[1].Fields[1], r[1].Fields[0]
	want := []Difference{{Device: "d", Rule: "1/8", What: "order of fields"}, {Device: "d", What: "order"}}
	if got := Diff(x, y); !reflect.DeepEqual(got, want) {
		t.Errorf("Diff = %v, want %v", got, want)
	}
}

// manyRules returns a rule file with n Rules of 14 fields.
func manyRules(n int) []byte {
	var b strings.Builder
	b.WriteString("[\n")
	for i := range n {
		fmt.Fprintf(&b, `{"RuleID": %d, "RuleIDLength": 16, "Compression": [
 {"FID": "IPV6.VER",        "FL":  4, "FP": 1, "DI": "BI", "TV": 6, "MO": "equal", "CDA": "not-sent"},
 {"FID": "IPV6.TC",         "FL":  8, "FP": 1, "DI": "BI", "TV": 0, "MO": "equal", "CDA": "not-sent"},
 {"FID": "IPV6.FL",         "FL": 20, "FP": 1, "DI": "BI", "TV": 0, "MO": "ignore", "CDA": "not-sent"},
 {"FID": "IPV6.LEN",        "FL": 16, "FP": 1, "DI": "BI",          "MO": "ignore", "CDA": "compute-length"},
 {"FID": "IPV6.NXT",        "FL":  8, "FP": 1, "DI": "BI", "TV": 17, "MO": "equal", "CDA": "not-sent"},
 {"FID": "IPV6.HOP_LMT",    "FL":  8, "FP": 1, "DI": "BI", "TV": [64, 255], "MO": "match-mapping", "CDA": "mapping-sent"},
 {"FID": "IPV6.DEV_PREFIX", "FL": 64, "FP": 1, "DI": "BI", "TV": "2001:db8:%x::/64", "MO": "equal", "CDA": "not-sent"},
 {"FID": "IPV6.DEV_IID",    "FL": 64, "FP": 1, "DI": "BI", "TV": "::%x", "MO": "equal", "CDA": "not-sent"},
 {"FID": "IPV6.APP_PREFIX", "FL": 64, "FP": 1, "DI": "BI", "TV": "2001:db8:ffff::/64", "MO": "equal", "CDA": "not-sent"},
 {"FID": "IPV6.APP_IID",    "FL": 64, "FP": 1, "DI": "BI", "TV": "::1", "MO": "equal", "CDA": "not-sent"},
 {"FID": "UDP.DEV_PORT",    "FL": 16, "FP": 1, "DI": "BI", "TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "LSB"},
 {"FID": "UDP.APP_PORT",    "FL": 16, "FP": 1, "DI": "BI", "TV": 5683, "MO": "equal", "CDA": "not-sent"},
 {"FID": "UDP.LEN",         "FL": 16, "FP": 1, "DI": "BI",          "MO": "ignore", "CDA": "compute-length"},
 {"FID": "UDP.CKSUM",       "FL": 16, "FP": 1, "DI": "BI",          "MO": "ignore", "CDA": "compute-checksum"}]}`, i, i, i)
		if i < n-1 {
			b.WriteString(",\n")
		}
	}
	b.WriteString("]\n")
	return []byte(b.String())
}

// The work for a set grows with its Rules, not with their square.
func TestLoadMany(t *testing.T) {
	n := 10_000
	if testing.Short() || raceEnabled {
		n = 1_000
	}
	small, large := manyRules(n/10), manyRules(n)
	mustRoundTrip(t, mustLoad(t, string(large)))
	count := func(data []byte) float64 {
		return testing.AllocsPerRun(1, func() {
			if _, err := Load(data, ""); err != nil {
				panic(err)
			}
		})
	}
	if a, b := count(small), count(large); b > 11*a {
		t.Errorf("%d Rules: %.0f allocations, %d Rules: %.0f", n/10, a, n, b)
	}
}

func TestLimits(t *testing.T) {
	one := `{"RuleID": 1, "RuleIDLength": 32, "NoCompression": []},`
	text := "[" + strings.Repeat(one, MaxRules) + strings.TrimSuffix(one, ",") + "]"
	if _, err := Load([]byte(text), ""); err == nil || !strings.Contains(err.Error(), "more than 100000 Rules") {
		t.Errorf("too many Rules: %v", err)
	}
	field := `{"FID": "IPV6.VER", "MO": "ignore", "CDA": "value-sent"},`
	text = `[{"RuleID": 1, "RuleIDLength": 32, "Compression": [` + strings.Repeat(field, MaxFields) + strings.TrimSuffix(field, ",") + "]}]"
	if _, err := Load([]byte(text), ""); err == nil || !strings.Contains(err.Error(), "more than 4096 fields") {
		t.Errorf("too many fields: %v", err)
	}
	text = `[{"RuleID": 1, "RuleIDLength": 32, "Compression": [{"FID": "IPV6.VER", "MO": "match-mapping", "CDA": "mapping-sent", "TV": [` + strings.Repeat("6,", MaxValues) + "6]}]}]"
	if _, err := Load([]byte(text), ""); err == nil || !strings.Contains(err.Error(), "more than 65535 target values") {
		t.Errorf("too many target values: %v", err)
	}
}

func BenchmarkLoad(b *testing.B) {
	rules := mustLoad(b, string(manyRules(10_000)))
	for _, form := range []Form{FormJSON, FormYANG, FormCBOR} {
		data, err := SaveAs(rules, form)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(form.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(data, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSave(b *testing.B) {
	rules := mustLoad(b, string(manyRules(10_000)))
	for _, form := range []Form{FormJSON, FormYANG, FormCBOR} {
		b.Run(form.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := SaveAs(rules, form); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
