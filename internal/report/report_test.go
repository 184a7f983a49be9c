package report

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

var testRules = []schc.Rule{
	{ID: schc.RuleID{Value: 1, Bits: 3}},
	{ID: schc.RuleID{Value: 2, Bits: 3}},
	{ID: schc.RuleID{Value: 6, Bits: 3}, Nature: schc.NatureFragmentation},
	{ID: schc.RuleID{Value: 7, Bits: 3}, Nature: schc.NatureNoCompression},
	{ID: schc.RuleID{Value: 3, Bits: 3}},
}

// record counts n random packets.
func record(n int) *Recorder {
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	r := NewRecorder(testRules, []string{"one\ttab"})
	for range n {
		in := 40 + rnd.IntN(100)
		if why := Reason(rnd.IntN(int(numReasons))); why != Done {
			r.PassedThrough(why, in)
			continue
		}
		res := schc.Result{Rule: []int{0, 1, 3}[rnd.IntN(3)], HeaderBytes: 40, Lossy: rnd.IntN(4) == 0}
		hdr := 3 + rnd.IntN(90)
		if res.Rule == 3 {
			res.Nature, res.HeaderBytes, res.Lossy, hdr = schc.NatureNoCompression, 0, false, 3
		}
		res.Bits = hdr + 8*(in-res.HeaderBytes)
		r.Compressed(schc.DirUp+schc.Direction(rnd.IntN(2)), &res, in)
		if rnd.IntN(10) == 0 {
			r.Mismatched()
		}
		if rnd.IntN(10) == 0 {
			r.Stripped()
		}
	}
	return r
}

// Totals equal the sums, in the struct and in what is printed.
func TestSums(t *testing.T) {
	for _, n := range []int{0, 1, 7, 1000} {
		s := record(n).Summary(nil, true, true)
		if s.Packets != uint64(n) || s.Packets != s.Compressed+s.PassedThrough {
			t.Errorf("%d packets: %d, %d compressed, %d passed through", n, s.Packets, s.Compressed, s.PassedThrough)
		}
		if sum := s.NoRule + s.NoDirection + s.SnapCut + s.Trailer + s.NonIP + s.BadLength + s.Errors; sum != s.PassedThrough {
			t.Errorf("%d packets: %d passed through, reasons add up to %d", n, s.PassedThrough, sum)
		}
		var rules, dirs Counts
		var lossy, up, down, noComp uint64
		for _, r := range s.Rules {
			rules.add(&r.Counts)
			lossy, up, down = lossy+r.Lossy, up+r.Up, down+r.Down
			if r.Up+r.Down != r.Packets {
				t.Errorf("Rule %s: %d up, %d down, %d packets", r.Rule, r.Up, r.Down, r.Packets)
			}
			if r.Nature == "nature-no-compression" {
				noComp += r.Packets
			}
		}
		for _, d := range s.Directions {
			dirs.add(&d.Counts)
		}
		if rules != dirs || rules.Packets != s.Compressed || lossy != s.Lossy || noComp != s.NoCompression ||
			up != s.Directions[0].Packets || down != s.Directions[1].Packets {
			t.Errorf("%d packets: by Rule %+v, by direction %+v", n, rules, dirs)
		}
		rules.add(s.Passed)
		rules.HeaderSaving, rules.PacketSaving = s.HeaderSaving, s.PacketSaving
		if rules != s.Counts {
			t.Errorf("%d packets: total %+v, want %+v", n, s.Counts, rules)
		}
		if len(s.Rules)+*s.UnusedRules != 4 {
			t.Errorf("%d Rules used, %d unused", len(s.Rules), *s.UnusedRules)
		}
		checkForms(t, s)
	}
}

// checkForms compares what the forms say with the struct.
func checkForms(t *testing.T, s *Summary) {
	form := func(name string) string {
		var b strings.Builder
		if err := s.Write(&b, name); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	var back Summary
	if err := json.Unmarshal([]byte(form("json")), &back); err != nil || !reflect.DeepEqual(&back, s) {
		t.Errorf("JSON: %v, %+v, want %+v", err, back, s)
	}
	sum, last := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(form("jsonl")), "\n") {
		var l struct {
			Kind    string
			Packets int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Error(err)
		}
		switch l.Kind {
		case "rule", "passed":
			sum += l.Packets
		case "total":
			last = l.Packets
		}
	}
	if sum != last || sum != int(s.Packets) {
		t.Errorf("JSON lines: %d and %d packets, want %d", sum, last, s.Packets)
	}
	sum = 0
	rows := strings.Split(strings.TrimSuffix(form("tsv"), "\n"), "\n")
	for _, row := range rows {
		c := strings.Split(row, "\t")
		if len(c) != 13 {
			t.Fatalf("row %q has %d cells", row, len(c))
		}
		n, _ := strconv.Atoi(c[2])
		switch c[0] {
		case "rule", "passed":
			sum += n
		case "total":
			if n != sum {
				t.Errorf("TSV: %d packets, want %d", n, sum)
			}
		}
	}
	text := form("text")
	for _, want := range []string{"packets         " + u(s.Packets) + "\n", "mismatched      " + u(*s.Mismatched), percent(s.HeaderSaving), percent(s.PacketSaving)} {
		if !strings.Contains(text, want) {
			t.Errorf("text lacks %q:\n%s", want, text)
		}
	}
}

func TestSummaryParts(t *testing.T) {
	s := record(50).Summary(errors.New("cut"), false, false)
	if s.Rules != nil || s.Directions != nil || s.Passed != nil || s.Mismatched != nil || s.Damage != "cut" {
		t.Errorf("%+v", s)
	}
	var b strings.Builder
	s.WriteTSV(&b)
	rows := strings.Split(b.String(), "\n")
	if len(rows) != 3 || len(strings.Split(rows[0], "\t")) != len(strings.Split(rows[1], "\t")) || strings.Contains(rows[0], "mismatched") {
		t.Errorf("%q", rows)
	}
	b.Reset()
	s.WriteText(&b)
	if strings.Contains(b.String(), "mismatched") || !strings.Contains(b.String(), "damaged         cut\n") {
		t.Error(b.String())
	}
}

func TestSaving(t *testing.T) {
	for _, tt := range []struct {
		in, out float64
		want    string
	}{{0, 0, "-"}, {0, 8, "-"}, {100, 25, "75.0%"}, {100, 100, "0.0%"}, {1000, 1001, "-0.1%"}, {3, 1, "66.7%"}, {100000, 100001, "0.0%"}} {
		if got := percent(saving(tt.in, tt.out)); got != tt.want {
			t.Errorf("saving(%v, %v) = %s, want %s", tt.in, tt.out, got, tt.want)
		}
	}
}

func TestValue(t *testing.T) {
	uriPath, _ := schc.ParseFID("COAP.URI-PATH")
	observe, _ := schc.ParseFID("COAP.OBSERVE")
	for _, tt := range []struct {
		fid  schc.FID
		v    string
		bits int
		want string
	}{
		{schc.FIDIPv6FlowLabel, "\x01\x02\x03", 20, "66051"},
		{schc.FIDIPv6DevPrefix, "\x20\x01\x0d\xb8\x00\x00\x00\x01", 64, "2001:db8:0:1::/64"},
		{schc.FIDIPv6DevIID, "\x00\x00\x00\x00\x00\x00\x00\x01", 64, "::1"},
		{schc.FIDIPv6DevAddress, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", 128, "2001:db8::1"},
		{schc.FIDIPv4DevAddress, "\xc0\x00\x02\x01", 32, "192.0.2.1"},
		{uriPath, "temp", 32, `"temp"`},
		{uriPath, "a\"b", 24, `"a\"b"`},
		{uriPath, "a\x00", 16, "0x6100"},
		{uriPath, "", 0, `""`},
		{observe, "", 0, "empty"},
		{observe, "\x05", 8, "5"},
		{schc.FIDCoAPToken, "\x01\xff", 16, "0x01ff"},
		{schc.FIDCoAPToken, "", 0, "empty"},
	} {
		if got := Value(tt.fid, []byte(tt.v), tt.bits); got != tt.want {
			t.Errorf("Value(%v, %x, %d) = %s, want %s", tt.fid, tt.v, tt.bits, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	tab := Table{Indent: "> ", Head: []string{"a", "bb", "c"}, Right: []bool{false, true}}
	tab.Add("äöü", "1", "")
	tab.Rule()
	tab.Add("x", "100", "end")
	want := "> a     bb  c\n> ---  ---  ---\n> äöü    1\n> ---  ---  ---\n> x    100  end\n"
	if got := tab.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (&Table{}).String(); got != "" {
		t.Errorf("an empty table is %q", got)
	}
}

func TestBitText(t *testing.T) {
	for _, tt := range []struct {
		b    string
		n    int
		want string
	}{{"", 0, ""}, {"\xa0", 3, "101"}, {"\xab\xcd", 16, "1010101111001101"}, {"\xab\xcd\x80", 17, "0xabcd80"}} {
		if got := bitText([]byte(tt.b), tt.n); got != tt.want {
			t.Errorf("bitText(%x, %d) = %s, want %s", tt.b, tt.n, got, tt.want)
		}
	}
}

// The bits of an explanation add up.
func TestExplanationAddsUp(t *testing.T) {
	rules := []schc.Rule{{ID: schc.RuleID{Value: 5, Bits: 3}, Fields: []schc.FieldDescriptor{
		{FID: schc.FIDESPSPI, TV: [][]byte{{0, 0, 1, 0}}, MO: schc.MOMSB, MSB: 24, CDA: schc.CDALSB},
		{FID: schc.FIDESPSN, MO: schc.MOIgnore, CDA: schc.CDAValueSent}}}}
	ctx, err := schc.NewContext(rules, schc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pkt := []byte{0, 0, 1, 7, 0, 0, 0, 9, 1, 2, 3}
	x := ctx.Explain(pkt, schc.DirUp, schc.Inputs{})
	e := &Explanation{Packet: 1, Dir: "up", InBytes: len(pkt)}
	e.AddResult(x, rules, []string{"text"}, pkt, []byte{1})
	e.AddRules(x, rules, nil, "")
	residue := 0
	for _, f := range e.Fields {
		residue += f.ResidueBits
	}
	if residue != 40 || residue != e.ResidueBits || e.RuleIDBits+residue+8*e.PayloadBytes != e.OutBits || len(e.Others) != 0 {
		t.Errorf("%+v", e)
	}
	if e.Fields[0].Value != "263" || e.Fields[0].Operator != "MSB(24) 256" || e.Fields[0].Residue != "00000111" {
		t.Errorf("%+v", e.Fields[0])
	}
	var b strings.Builder
	if e.WriteText(&b, false); !strings.Contains(b.String(), "3 RuleID + 40 residue + 24 payload = 67 bits; headers 8 bytes -> 43 bits, 32.8% saved") {
		t.Error(b.String())
	}
}

// The text shows the first Rules only, unless all are wanted.
func TestExplanationOthers(t *testing.T) {
	e := &Explanation{Packet: 1, Passed: "no Rule matches"}
	for i := range 30 {
		e.Others = append(e.Others, RuleLine{Rule: strconv.Itoa(i) + "/8", Reason: "why"})
	}
	for all, want := range map[bool]int{false: 20, true: 30} {
		var b strings.Builder
		e.WriteText(&b, all)
		if n := strings.Count(b.String(), "why"); n != want || strings.Contains(b.String(), "and 10 more") == all {
			t.Errorf("all %v: %s", all, b.String())
		}
	}
}
