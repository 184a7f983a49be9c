package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/oscore"
	"github.com/schckit/schckit/schc"
)

var update = flag.Bool("update", false, "rewrite testdata/output.txt")

func load(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// draft is testdata/update-09.json.
type draft struct {
	Source, Note string
	Messages     []struct {
		Figure int
		Hex    string
	}
	Protected []struct {
		Figure               int
		OfFigure             int `json:"of_figure"`
		PIV, KID, Ciphertext string
	}
	Compressed []struct {
		Figure, Table int
		Layer, Dir    string
		OfFigure      int `json:"of_figure"`
		Message, SCHC string
		ResidueBits   int `json:"residue_bits"`
	}
}

func (d *draft) message(t *testing.T, figure int) string {
	t.Helper()
	for _, m := range d.Messages {
		if m.Figure == figure {
			return m.Hex
		}
	}
	t.Fatalf("no Figure %d", figure)
	return ""
}

func dir(t *testing.T, s string) schc.Direction {
	t.Helper()
	switch s {
	case "up":
		return up
	case "down":
		return down
	}
	t.Fatalf("direction %q", s)
	return 0
}

// sets are the Rules that are in use together, by the table of each.
func sets(t *testing.T) map[int]*schc.Context {
	t.Helper()
	m := map[int]*schc.Context{}
	for _, s := range []struct {
		tables []int
		rules  []schc.Rule
	}{
		{[]int{4}, []schc.Rule{table4()}},
		{[]int{5, 6}, []schc.Rule{table5(), table6()}},
		{[]int{7, 10}, []schc.Rule{table7(), table10()}},
		{[]int{8, 11}, []schc.Rule{table8(), table11()}},
		{[]int{9}, []schc.Rule{table9()}},
	} {
		ctx, err := schc.NewContext(s.rules, schc.Options{Lossless: true})
		if err != nil {
			t.Fatalf("tables %v: %v", s.tables, err)
		}
		for _, n := range s.tables {
			m[n] = ctx
		}
	}
	return m
}

// compressed checks one message both ways.
func compressed(t *testing.T, ctx *schc.Context, figure int, msg, want string, d schc.Direction) schc.Result {
	t.Helper()
	var c schc.Compressor
	c.Reset(ctx)
	got, _, err := c.AppendCompress(nil, unhex(msg), d)
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("Figure %d: AppendCompress(%s) = %x, %v, want %s", figure, msg, got, err, want)
	}
	var dc schc.Decompressor
	dc.Reset(ctx)
	back, _, err := dc.AppendDecompress(nil, unhex(want), d)
	if err != nil || hex.EncodeToString(back) != msg {
		t.Errorf("Figure %d: AppendDecompress(%s) = %x, %v, want %s", figure, want, back, err, msg)
	}
	return c.Last()
}

// TestFigures compares with all bytes of draft-ietf-schc-8824-update-09,
// Figures 8 to 35, but those that need the draft's keys, which it does not give.
func TestFigures(t *testing.T) {
	var d draft
	load(t, "testdata/update-09.json", &d)
	ctx := sets(t)
	seen := map[int]bool{}
	for _, m := range d.Messages {
		seen[m.Figure] = true
	}
	for _, v := range d.Compressed {
		seen[v.Figure] = true
		r := compressed(t, ctx[v.Table], v.Figure, v.Message, v.SCHC, dir(t, v.Dir))
		if r.ResidueBits != v.ResidueBits {
			t.Errorf("Figure %d: residue of %d bits, want %d", v.Figure, r.ResidueBits, v.ResidueBits)
		}
		of := d.message(t, v.OfFigure)
		if v.Layer != "inner" {
			if of != v.Message {
				t.Errorf("Figure %d: is not of Figure %d", v.Figure, v.OfFigure)
			}
			continue
		}
		plain, err := oscore.AppendPlaintext(nil, unhex(of))
		if err != nil || hex.EncodeToString(plain) != v.Message {
			t.Errorf("Figure %d: AppendPlaintext(%s) = %x, %v, want %s", v.Figure, of, plain, err, v.Message)
		}
	}
	for f := 8; f <= 35; f++ {
		if !seen[f] {
			t.Errorf("Figure %d is not covered", f)
		}
	}
	for _, v := range d.Protected {
		opt := oscore.Option{}
		if v.PIV != "" {
			opt.PIV, opt.KID = unhex(v.PIV), unhex(v.KID)
		}
		of, want := d.message(t, v.OfFigure), d.message(t, v.Figure)
		outer, err := oscore.AppendOuter(nil, unhex(of), opt)
		if err != nil || hex.EncodeToString(outer)+v.Ciphertext != want {
			t.Errorf("Figure %d: AppendOuter(%s) = %x, %v, want %s", v.Figure, of, outer, err, want)
		}
		got, ct, err := oscore.ParseOuter(unhex(want))
		if err != nil || hex.EncodeToString(ct) != v.Ciphertext || hex.EncodeToString(got.PIV) != v.PIV || hex.EncodeToString(got.KID) != v.KID {
			t.Errorf("Figure %d: ParseOuter(%s) = %+v, %x, %v", v.Figure, want, got, ct, err)
		}
	}
}

// TestDraftSlips shows what the draft's figures get wrong, so that nobody
// looks for it here.
func TestDraftSlips(t *testing.T) {
	var d draft
	load(t, "testdata/update-09.json", &d)

	// Table 6 (also in RFC 8824) has Code 2 for the uplink; Figure 8 is a GET.
	printed := table6()
	for i := range printed.Fields {
		if f := &printed.Fields[i]; f.FID == schc.FIDCoAPCode && f.DI == up {
			f.TV = bytes(2)
		}
	}
	ctx, err := schc.NewContext([]schc.Rule{printed}, schc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var c schc.Compressor
	c.Reset(ctx)
	if got, _, err := c.AppendCompress(nil, unhex(d.message(t, 8)), up); !errors.Is(err, schc.ErrNoRule) {
		t.Errorf("Table 6 as printed: AppendCompress(Figure 8) = %x, %v, want %v", got, err, schc.ErrNoRule)
	}

	// The ciphertexts of Figures 26 and 27 are those of Figures 10 and 11,
	// Figure 26 with one byte put in: the same tags over other plaintexts and
	// under another kid, which would be an accident of 1 in 2^64.
	plain, ct := map[int]string{}, map[int]string{}
	for _, v := range d.Compressed {
		if v.Layer == "inner" {
			plain[v.Figure] = v.SCHC
		}
	}
	for _, v := range d.Protected {
		ct[v.Figure] = v.Ciphertext
	}
	if plain[11] == plain[27] || ct[13] != ct[32] || ct[12][2:] != ct[28][4:] || plain[10] == plain[26] {
		t.Error("the ciphertexts differ from what this test and docs/oscore.md say of them")
	}

	// "The result is used to rebuild the same CoAP request in Figure 18": the
	// server rebuilds Figure 21, as the proxy has changed what is outside.
	plaintext, err := oscore.AppendPlaintext(nil, unhex(d.message(t, 18)))
	if err != nil {
		t.Fatal(err)
	}
	at := unhex(d.message(t, 30)) // what the server has after Outer SCHC
	opt, _, err := oscore.ParseOuter(at)
	if err != nil {
		t.Fatal(err)
	}
	got, err := oscore.AppendMessage(nil, at, plaintext, opt)
	if err != nil || hex.EncodeToString(got) != d.message(t, 21) {
		t.Errorf("AppendMessage(Figure 30) = %x, %v, want Figure 21", got, err)
	}
}

// TestRFC8824 compares with RFC 8824, Section 7.3, which the draft corrects.
func TestRFC8824(t *testing.T) {
	var v struct {
		Source  string
		Figures []struct {
			Figure, Table int
			Rule          uint32
			Dir           string
			Message, SCHC string
			Agrees        bool
			Correct, Why  string
		}
	}
	load(t, "testdata/rfc8824.json", &v)
	rules := map[int]func() schc.Rule{4: table4, 5: table5, 6: table6}
	for _, f := range v.Figures {
		switch {
		case f.Table == 0 && f.Correct == "":
			continue // an original message
		case f.Table == 0: // Figures 12 and 13
			if _, _, err := oscore.ParseOuter(unhex(f.Message)); err != oscore.ErrMalformed {
				t.Errorf("Figure %d: ParseOuter(%s) = %v: it has no OSCORE option", f.Figure, f.Message, err)
			}
			if _, _, err := oscore.ParseOuter(unhex(f.Correct)); err != nil {
				t.Errorf("Figure %d: ParseOuter(%s) = %v", f.Figure, f.Correct, err)
			}
			continue
		}
		r := rules[f.Table]()
		r.ID.Value = f.Rule
		ctx, err := schc.NewContext([]schc.Rule{r}, schc.Options{Lossless: true})
		if err != nil {
			t.Fatal(err)
		}
		want := f.SCHC
		if !f.Agrees {
			want = f.Correct
			var d schc.Decompressor
			d.Reset(ctx)
			if got, _, err := d.AppendDecompress(nil, unhex(f.SCHC), dir(t, f.Dir)); err == nil && hex.EncodeToString(got) == f.Message {
				t.Errorf("Figure %d: AppendDecompress(%s) = %x, although %s", f.Figure, f.SCHC, got, f.Why)
			}
		}
		compressed(t, ctx, f.Figure, f.Message, want, dir(t, f.Dir))
	}

	// Table 5 as RFC 8824 prints it is refused: MSB(4) of a field whose size
	// is sent in bytes, MSB(52) of a value of 48 bits.
	for _, fl := range []schc.FieldDescriptor{
		lsb(schc.FIDCoAPOSCOREPIV, schc.FLVar, up, bytes(0), 4),
		lsb(schc.FIDCoAPOSCOREKID, schc.FLVar, up, text("clienp"), 52),
	} {
		r := table5()
		for i := range r.Fields {
			if r.Fields[i].FID == fl.FID && r.Fields[i].DI == fl.DI {
				r.Fields[i] = fl
			}
		}
		if _, err := schc.NewContext([]schc.Rule{r}, schc.Options{}); !errors.Is(err, schc.ErrMalformed) {
			t.Errorf("Table 5 with the %v of RFC 8824: %v, want %v", fl.FID, err, schc.ErrMalformed)
		}
	}
}

// TestRun checks that the program runs, both ways, and prints what is in
// testdata/output.txt.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	const name = "testdata/output.txt"
	if *update {
		if err := os.WriteFile(name, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("run printed\n%s\nwant %s", out.String(), name)
	}
}

// TestLengths: the ciphertexts of the run are as long as the draft's, so every
// message on the air is, too.
func TestLengths(t *testing.T) {
	var d draft
	load(t, "testdata/update-09.json", &d)
	var out strings.Builder
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		w := strings.SplitN(line, "as Figure ", 2)
		if len(w) != 2 || !strings.Contains(w[1], "0x") {
			continue
		}
		for _, v := range d.Compressed {
			if !strings.HasPrefix(w[1], strconv.Itoa(v.Figure)+")") {
				continue
			}
			h := strings.Fields(w[1][strings.Index(w[1], "0x")+2:])[0]
			// RuleID and whole bytes of the residue are the draft's.
			n := 2 + v.ResidueBits/8*2
			if len(h) != len(v.SCHC) || h[:n] != v.SCHC[:n] {
				t.Errorf("Figure %d: %s, want %s up to the ciphertext", v.Figure, h, v.SCHC)
			}
		}
	}
}
