package lint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

func load(t testing.TB, data, name string) (*rulefile.Set, *schc.Context) {
	f, err := rulefile.Load([]byte(data), name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := schc.NewContext(f.Sets[0].Rules, schc.Options{})
	if err != nil {
		t.Fatal(f.Sets[0].Locate(err))
	}
	return &f.Sets[0], ctx
}

// udp is a Rule in which single fields are replaced: "UDP.LEN=..." with the rest
// of the JSON object, or "-UDP.LEN" to leave it out.
func udp(id int, change ...string) string {
	fields := [][2]string{
		{"IPV6.VER", `"TV": 6, "MO": "equal", "CDA": "not-sent"`},
		{"IPV6.TC", `"TV": 0, "MO": "equal", "CDA": "not-sent"`},
		{"IPV6.FL", `"TV": 0, "MO": "equal", "CDA": "not-sent"`},
		{"IPV6.LEN", `"MO": "ignore", "CDA": "compute"`},
		{"IPV6.NXT", `"TV": 17, "MO": "equal", "CDA": "not-sent"`},
		{"IPV6.HOP_LMT", `"TV": 64, "MO": "equal", "CDA": "not-sent"`},
		{"IPV6.DEV_ADDR", `"TV": "2001:db8::1", "MO": "equal", "CDA": "not-sent"`},
		{"IPV6.APP_ADDR", `"TV": "2001:db8::2", "MO": "equal", "CDA": "not-sent"`},
		{"UDP.DEV_PORT", `"TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "LSB"`},
		{"UDP.APP_PORT", `"TV": [5683, 5684, 53, 123], "MO": "match-mapping", "CDA": "mapping-sent"`},
		{"UDP.LEN", `"MO": "ignore", "CDA": "compute"`},
		{"UDP.CKSUM", `"MO": "ignore", "CDA": "compute"`},
	}
	var lines []string
	for _, f := range fields {
		for _, c := range change {
			if name, rest, _ := strings.Cut(c, "="); name == f[0] {
				f[1] = rest
			}
		}
		lines = append(lines, fmt.Sprintf(`{"FID": %q, %s}`, f[0], f[1]))
	}
	return fmt.Sprintf("{\"RuleID\": %d, \"RuleIDLength\": 8, \"Compression\": [\n%s]}", id, strings.Join(lines, ",\n"))
}

const noComp = `{"RuleID": 255, "RuleIDLength": 8, "NoCompression": []}`

// codes lists the findings as "rule code".
func codes(l []Finding) string {
	var s []string
	for _, f := range l {
		s = append(s, strings.TrimSpace(f.Rule+" "+f.Code))
	}
	return strings.Join(s, ", ")
}

func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		rules []string
		want  string
	}{
		{[]string{udp(1), noComp}, ""},
		{[]string{udp(1)}, "no-no-compression"},
		{[]string{noComp}, ""},
		{[]string{noComp, udp(1), strings.Replace(noComp, "255", "254", 1)}, "254/8 second-no-compress"},
		{[]string{udp(1, `IPV6.TC="TV": 0, "MO": "ignore", "CDA": "not-sent"`), noComp}, "1/8 lossy-field"},
		{[]string{udp(1, `UDP.DEV_PORT="TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "not-sent"`), noComp}, "1/8 lossy-field"},
		{[]string{udp(1, `UDP.DEV_PORT="TV": 5680, "MO": "MSB", "MO.VAL": 16, "CDA": "not-sent"`), noComp}, ""},
		{[]string{udp(1, `UDP.LEN="TV": 0, "MO": "ignore", "CDA": "not-sent"`), noComp}, "1/8 lossy-field"},
		{[]string{udp(1, `UDP.LEN="MO": "ignore", "CDA": "value-sent"`), noComp}, "1/8 sent-computable"},
		{[]string{udp(1, `IPV6.TC="TV": 0, "MO": "equal", "CDA": "value-sent"`), noComp}, "1/8 sent-known"},
		{[]string{udp(1, `IPV6.TC="TV": [0, 1], "MO": "match-mapping", "CDA": "value-sent"`), noComp}, "1/8 sent-known"},
		{[]string{udp(1, `IPV6.TC="TV": [0], "MO": "match-mapping", "CDA": "mapping-sent"`), noComp}, "1/8 sent-known"},
		{[]string{udp(1, `IPV6.TC="TV": [0], "MO": "match-mapping", "CDA": "not-sent"`), noComp}, "1/8 mapping-single"},
		{[]string{udp(1, `IPV6.TC="TV": [0, 2, 0], "MO": "match-mapping", "CDA": "mapping-sent"`), noComp}, "1/8 mapping-duplicate"},
		{[]string{udp(1, `IPV6.TC="TV": 0, "MO": "ignore", "CDA": "value-sent"`), noComp}, "1/8 unused-target"},
		{[]string{udp(1, `UDP.DEV_PORT="TV": 5680, "MO": "MSB", "MO.VAL": 0, "CDA": "LSB"`), noComp}, "1/8 msb-whole"},
		{[]string{udp(1, `UDP.DEV_PORT="TV": 5680, "MO": "MSB", "MO.VAL": 16, "CDA": "LSB"`), noComp}, "1/8 msb-whole"},
		{[]string{udp(1, `UDP.DEV_PORT="TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "value-sent"`), noComp}, "1/8 sent-known"},
		{[]string{udp(1, `IPV6.VER="MO": "ignore", "CDA": "value-sent"`), noComp}, "1/8 ip-version"},
		{[]string{strings.ReplaceAll(udp(1), `"FID"`, `"DI": "UP", "FID"`), noComp}, "1/8 one-direction"},
		// Shadowed Rules.
		{[]string{udp(1), udp(2), noComp}, "2/8 shadowed"},
		{[]string{udp(1), udp(2, `IPV6.TC="TV": 0, "MO": "equal", "CDA": "value-sent"`), noComp}, "2/8 sent-known, 2/8 shadowed"},
		{[]string{udp(1, `IPV6.TC="TV": 0, "MO": "equal", "CDA": "value-sent"`), udp(2), noComp}, "1/8 sent-known, 1/8 shadowed"},
		{[]string{udp(1), udp(2, `IPV6.TC="TV": 1, "MO": "equal", "CDA": "not-sent"`), noComp}, ""},
		{[]string{udp(1, `IPV6.TC="MO": "ignore", "CDA": "value-sent"`), udp(2), noComp}, ""},
		{[]string{udp(1), udp(2, `UDP.APP_PORT="TV": [5683, 5684], "MO": "match-mapping", "CDA": "mapping-sent"`), noComp}, ""},
		{[]string{udp(1), udp(2, `UDP.APP_PORT="TV": 53, "MO": "equal", "CDA": "value-sent"`), noComp}, "2/8 sent-known, 2/8 shadowed"},
		{[]string{udp(1), udp(2, `UDP.DEV_PORT="TV": 5681, "MO": "equal", "CDA": "not-sent"`), noComp}, ""},
		{[]string{udp(1, `IPV6.TC="TV": 0, "MO": "ignore", "CDA": "not-sent"`), udp(2), noComp}, "1/8 lossy-field, 2/8 shadowed"},
		{[]string{udp(1, `IPV6.TC="TV": 5, "MO": "ignore", "CDA": "not-sent"`), udp(2), noComp}, "1/8 lossy-field"},
		{[]string{udp(1, `UDP.CKSUM="MO": "ignore", "CDA": "value-sent"`), udp(2), noComp}, "1/8 sent-computable"},
		{[]string{udp(2, `UDP.CKSUM="MO": "ignore", "CDA": "value-sent"`), udp(1), noComp}, "2/8 sent-computable"},
		{[]string{udp(1), strings.ReplaceAll(udp(2), `"FID"`, `"DI": "UP", "FID"`), noComp}, "2/8 one-direction, 2/8 shadowed"},
		{[]string{strings.ReplaceAll(udp(1), `"FID"`, `"DI": "UP", "FID"`), udp(2), noComp}, "1/8 one-direction"},
	} {
		set, ctx := load(t, "[\n"+strings.Join(tt.rules, ",\n")+"]", "test.json")
		list := Check(set, ctx)
		if got := codes(list); got != tt.want {
			t.Errorf("%s\nfinds %q, want %q", tt.rules, got, tt.want)
		}
		for _, f := range list {
			if f.Line == 0 && f.Rule != "" || f.Text == "" || f.Advice == "" || !strings.Contains(f.String(), "["+f.Code+"]") {
				t.Errorf("finding %+v", f)
			}
		}
	}
}

// Fields in the order of the packet, and not.
func TestOrder(t *testing.T) {
	coap := func(options string) string {
		return `[{"RuleID": 1, "RuleIDLength": 8, "Compression": [
{"FID": "COAP.VER", "TV": 1, "MO": "equal", "CDA": "not-sent"}, {"FID": "COAP.TYPE", "MO": "ignore", "CDA": "value-sent"},
{"FID": "COAP.TKL", "MO": "ignore", "CDA": "value-sent"}, {"FID": "COAP.CODE", "MO": "ignore", "CDA": "value-sent"},
{"FID": "COAP.MID", "MO": "ignore", "CDA": "value-sent"}, {"FID": "COAP.TOKEN", "FL": "tkl", "MO": "ignore", "CDA": "value-sent"}` + options + `]}, ` + noComp + `]`
	}
	sent := `"MO": "ignore", "CDA": "value-sent"`
	for options, want := range map[string]string{
		"": "",
		`, {"FID": "COAP.URI-PATH", ` + sent + `}, {"FID": "COAP.URI-PATH", "FP": 2, ` + sent + `}, {"FID": "COAP.URI-QUERY", ` + sent + `}`: "",
		`, {"FID": "COAP.URI-QUERY", ` + sent + `}, {"FID": "COAP.URI-PATH", ` + sent + `}`:                                                  "1/8 field-order",
		`, {"FID": "COAP.URI-PATH", "FP": 2, ` + sent + `}, {"FID": "COAP.URI-PATH", ` + sent + `}`:                                          "1/8 field-order",
		`, {"FID": "COAP.CONTENT-FORMAT", "DI": "DW", ` + sent + `}, {"FID": "COAP.URI-PATH", "DI": "UP", ` + sent + `}`:                     "",
	} {
		set, ctx := load(t, coap(options), "test.json")
		if got := codes(Check(set, ctx)); got != want {
			t.Errorf("%s: finds %q, want %q", options, got, want)
		}
	}
}

// Errors says everything at once, and where.
func TestErrors(t *testing.T) {
	id := func(id, bits int, change ...string) string {
		return strings.Replace(udp(id, change...), `"RuleIDLength": 8`, fmt.Sprintf(`"RuleIDLength": %d`, bits), 1)
	}
	for _, tt := range []struct {
		rules []string
		want  []string
	}{
		{[]string{udp(1), noComp}, nil},
		{[]string{id(1, 2), noComp, id(1, 2)}, []string{"15:1: rule 1/2: the RuleID is that of the Rule at 1:2; give each its own"}},
		{[]string{id(3, 3), noComp, id(1, 2)}, []string{"15:1: rule 1/2: the RuleID overlaps that of Rule 3/3 at 1:2; none may be a prefix of another"}},
		{[]string{id(1, 2), id(3, 3), noComp, id(14, 5)}, []string{
			"14:1: rule 3/3: the RuleID overlaps that of Rule 1/2 at 1:2; none may be a prefix of another",
			"28:1: rule 14/5: the RuleID overlaps that of Rule 1/2 at 1:2; none may be a prefix of another"}},
		{[]string{id(0, 0), noComp}, []string{"14:1: rule 255/8: the RuleID overlaps that of Rule 0/0 at 1:2; none may be a prefix of another"}},
		{[]string{udp(1, `UDP.DEV_PORT="TV": 0, "MO": "MSB", "MO.VAL": 17, "CDA": "LSB"`), noComp, udp(1, `UDP.LEN="MO": "ignore", "CDA": "mapping-sent"`)}, []string{
			"10:1: rule 1/8: field 9 (UDP.DEV_PORT): has MSB(17), but only 16 bits",
			"15:1: rule 1/8: the RuleID is that of the Rule at 1:2; give each its own",
			"26:1: rule 1/8: field 11 (UDP.LEN): "}},
	} {
		f, err := rulefile.Load([]byte("["+strings.Join(tt.rules, ",\n")+"]"), "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, err := range Errors(&f.Sets[0]) {
			got = append(got, err.Error())
			if !errors.Is(err, schc.ErrMalformed) {
				t.Errorf("%v has no class", err)
			}
		}
		slices.Sort(got)
		ok := len(got) == len(tt.want)
		for i := range tt.want {
			ok = ok && strings.HasPrefix(got[i], tt.want[i])
		}
		if !ok {
			t.Errorf("%s\nhas the errors %q, want %q", tt.rules, got, tt.want)
		}
		_, err = schc.NewContext(f.Sets[0].Rules, schc.Options{})
		if (err == nil) != (got == nil) {
			t.Errorf("NewContext: %v, Errors: %q", err, got)
		}
	}
}

// Without the Rules whose RuleIDs are said to overlap earlier ones, none do.
func TestClashes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		set := &rulefile.Set{}
		for range 1 + rnd.IntN(12) {
			bits := rnd.IntN(6)
			set.Rules = append(set.Rules, schc.Rule{ID: schc.RuleID{Value: uint32(rnd.IntN(1 << bits)), Bits: uint8(bits)}, Nature: schc.NatureNoCompression})
		}
		list := clashes(set)
		bad := map[int]bool{}
		for _, e := range list {
			bad[e.Index] = true
		}
		var left []schc.Rule
		for i, r := range set.Rules {
			if !bad[i] {
				left = append(left, r)
			}
		}
		_, all := schc.NewContext(set.Rules, schc.Options{})
		_, err := schc.NewContext(left, schc.Options{})
		if (all == nil) != (list == nil) || err != nil {
			t.Errorf("%v: %v; without those that clash, %v: %v", set.Rules, list, left, err)
		}
	}
}

// A finding in CBOR has an offset.
func TestOffset(t *testing.T) {
	f, err := rulefile.Load([]byte("["+udp(1, `IPV6.TC="TV": 0, "MO": "ignore", "CDA": "not-sent"`)+","+noComp+"]"), "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := rulefile.SaveAs(f, rulefile.FormCBOR)
	if err != nil {
		t.Fatal(err)
	}
	set, ctx := load(t, string(data), "rules.cbor")
	list := Check(set, ctx)
	if len(list) != 1 || list[0].Offset == 0 || !strings.HasPrefix(list[0].String(), fmt.Sprintf("byte %d: warning: rule 1/8: field 2 (IPV6.TC): ", list[0].Offset)) {
		t.Errorf("findings %+v", list)
	}
}

// The Rules of the repository have no warnings.
func TestRepository(t *testing.T) {
	list, err := filepath.Glob("../../testdata/rules/*.json")
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set, ctx := load(t, string(data), path)
		for _, f := range Check(set, ctx) {
			if f.Severity == Warning {
				t.Errorf("%s: %v", path, f.String())
			}
		}
	}
}

func TestComputable(t *testing.T) {
	n := 0
	for _, f := range schc.FieldIDs(nil) {
		if Computable(f) {
			n++
			if s := f.String(); !strings.HasSuffix(s, "LEN") && !strings.HasSuffix(s, "CKSUM") && !strings.HasSuffix(s, "IHL") &&
				!strings.HasSuffix(s, "OFFSET") && !strings.HasSuffix(s, "TKL") && !strings.HasSuffix(s, "COVERAGE") {
				t.Errorf("%s is computable", s)
			}
		}
	}
	if n < 10 || n > 40 || !Computable(schc.FIDUDPChecksum) || Computable(schc.FIDUDPDevPort) {
		t.Errorf("%d fields are computable", n)
	}
}

// What is said to be shadowed is never chosen.
func TestShadowedIsNeverChosen(t *testing.T) {
	values := map[string][]string{
		"IPV6.TC": {`"TV": 0, "MO": "equal", "CDA": "not-sent"`, `"TV": 1, "MO": "equal", "CDA": "not-sent"`, `"MO": "ignore", "CDA": "value-sent"`,
			`"TV": [0, 1], "MO": "match-mapping", "CDA": "mapping-sent"`, `"TV": 0, "MO": "ignore", "CDA": "not-sent"`, `"TV": 0, "MO": "MSB", "MO.VAL": 6, "CDA": "LSB"`,
			`"TV": 0, "MO": "MSB", "MO.VAL": 7, "CDA": "LSB"`, `"TV": 0, "MO": "MSB", "MO.VAL": 7, "CDA": "not-sent"`, `"TV": 1, "MO": "equal", "CDA": "value-sent"`},
		"UDP.APP_PORT": {`"TV": 5683, "MO": "equal", "CDA": "not-sent"`, `"TV": [5683, 5684], "MO": "match-mapping", "CDA": "mapping-sent"`,
			`"TV": 5683, "MO": "MSB", "MO.VAL": 13, "CDA": "LSB"`, `"MO": "ignore", "CDA": "value-sent"`, `"TV": 5684, "MO": "equal", "CDA": "value-sent"`},
		"UDP.CKSUM": {`"MO": "ignore", "CDA": "compute"`, `"MO": "ignore", "CDA": "value-sent"`, `"TV": 0, "MO": "equal", "CDA": "not-sent"`},
		"UDP.LEN":   {`"MO": "ignore", "CDA": "compute"`, `"MO": "ignore", "CDA": "value-sent"`},
	}
	names := []string{"IPV6.TC", "UDP.APP_PORT", "UDP.CKSUM", "UDP.LEN"}
	rnd := rand.New(rand.NewPCG(3, 4))
	shadowed := 0
	for range 300 {
		var rules []string
		for id := range 6 {
			var change []string
			for _, n := range names {
				change = append(change, n+"="+values[n][rnd.IntN(len(values[n]))])
			}
			rules = append(rules, udp(id, change...))
		}
		set, ctx := load(t, "["+strings.Join(rules, ",")+"]", "test.json")
		never := map[string]bool{}
		for _, f := range Check(set, ctx) {
			if f.Code == Shadowed {
				never[f.Rule] = true
				shadowed++
			}
		}
		var c schc.Compressor
		c.Reset(ctx)
		for range 200 {
			pkt := packet(byte(rnd.IntN(4)), uint16(5680+rnd.IntN(8)), rnd.IntN(3), rnd.IntN(2))
			if _, id, err := c.AppendCompress(nil, pkt, schc.DirUp); err == nil && never[id.String()] {
				t.Fatalf("Rule %v is chosen for %x, but said to be shadowed in\n%s", id, pkt, strings.Join(rules, ",\n"))
			}
		}
	}
	t.Logf("%d Rules are shadowed", shadowed)
	if shadowed < 50 {
		t.Error("too few Rules are shadowed to tell")
	}
}

// packet is an IPv6/UDP packet; sum: 0 right, 1 wrong, 2 zero; length: 0 right.
func packet(tc byte, port uint16, sum, length int) []byte {
	p := make([]byte, 50)
	p[0], p[1], p[5], p[6], p[7] = 0x60|tc>>4, tc<<4, 10, 17, 64
	copy(p[8:], "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02")
	p[40], p[41], p[42], p[43], p[45] = 0x16, 0x35, byte(port>>8), byte(port), byte(10+length)
	s := uint32(17 + 10)
	for i := 8; i < 50; i += 2 {
		s += uint32(p[i])<<8 | uint32(p[i+1])
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	s = ^s & 0xffff
	switch sum {
	case 1:
		s ^= 1
	case 2:
		s = 0
	}
	p[46], p[47] = byte(s>>8), byte(s)
	return p
}

// A set whose Rules can only be compared with one another, or that has long
// lists, is reviewed in part.
func TestTooManyRules(t *testing.T) {
	set := func(n int, port func(i int, d *schc.FieldDescriptor)) *rulefile.Set {
		s := &rulefile.Set{}
		for i := range n {
			r := schc.Rule{ID: schc.RuleID{Value: uint32(i), Bits: 16}}
			for _, f := range []schc.FID{schc.FIDUDPDevPort, schc.FIDUDPAppPort, schc.FIDUDPLength, schc.FIDUDPChecksum} {
				d := schc.FieldDescriptor{FID: f, MO: schc.MOIgnore, CDA: schc.CDAValueSent}
				if f == schc.FIDUDPDevPort {
					port(i, &d)
				}
				r.Fields = append(r.Fields, d)
			}
			s.Rules = append(s.Rules, r)
		}
		return s
	}
	for name, s := range map[string]*rulefile.Set{
		"Rules": set(300, func(i int, d *schc.FieldDescriptor) {
			d.MO, d.CDA, d.MSB, d.TV = schc.MOMSB, schc.CDALSB, 13, [][]byte{{byte(i >> 5), byte(i << 3)}}
		}),
		"values": set(10, func(i int, d *schc.FieldDescriptor) {
			d.MO, d.CDA = schc.MOMatchMapping, schc.CDAMappingSent
			for v := range 1000 {
				d.TV = append(d.TV, []byte{byte(v >> 8), byte(v) ^ byte(i)})
			}
		}),
	} {
		ctx, err := schc.NewContext(s.Rules, schc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		last := func(list []Finding) Finding { return list[len(list)-1] }
		if f := last(check(s, ctx, 5000)); f.Code != NotReviewed || f.Severity != Info || f.Rule != "" {
			t.Errorf("%s: the last finding is %+v", name, f)
		}
		if f := last(Check(s, ctx)); f.Code == NotReviewed {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Sets of many devices are reviewed in reasonable time.
func TestManyRules(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	var rules []string
	for i := range 5000 {
		rules = append(rules, strings.Replace(udp(i, fmt.Sprintf(`IPV6.DEV_ADDR="TV": "2001:db8::%x", "MO": "equal", "CDA": "not-sent"`, i+1)), `"RuleIDLength": 8`, `"RuleIDLength": 16`, 1))
	}
	set, ctx := load(t, "["+strings.Join(rules, ",")+"]", "test.json")
	start := time.Now()
	if got := codes(Check(set, ctx)); got != "no-no-compression" {
		t.Errorf("finds %.100q", got)
	}
	t.Logf("%d Rules in %v", len(rules), time.Since(start))
}
