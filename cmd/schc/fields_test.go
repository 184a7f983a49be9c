package main

import (
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

// The table has every field, once.
func TestFieldsComplete(t *testing.T) {
	r := tool("", "fields", "-f", "tsv")
	lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
	all := schc.FieldIDs(nil)
	if r.code != exitDone || len(lines) != len(all)+1 {
		t.Fatalf("%d lines, want %d fields", len(lines), len(all))
	}
	for i, f := range all {
		cells := strings.Split(lines[i+1], "\t")
		if cells[0] != f.String() || len(cells) != 9 {
			t.Errorf("line %d is %q, want %v", i+2, lines[i+1], f)
		}
		for _, c := range cells {
			if c == "" {
				t.Errorf("an empty cell in %q", lines[i+1])
			}
		}
		if got, ok := schc.ParseFID(strings.ToLower(cells[0])); !ok || got != f {
			t.Errorf("ParseFID(%q) = %v", cells[0], got)
		}
	}
}

// The extensions of option deltas and lengths have FL 8 or 16, and no other.
func TestFieldsExtensions(t *testing.T) {
	r := tool("", "fields", "coap.opt_length_ext", "-f", "jsonl")
	if !strings.Contains(r.stdout, `"fl":["8","16"]`) {
		t.Errorf("the table says %s", r.stdout)
	}
	for fl, valid := range map[schc.FieldLength]bool{8: true, 16: true, 24: false, schc.FLVar: false, schc.FLVarBits: false} {
		rule := schc.Rule{ID: schc.RuleID{Value: 1, Bits: 8}}
		for _, f := range []schc.FID{schc.FIDCoAPVersion, schc.FIDCoAPType, schc.FIDCoAPTKL, schc.FIDCoAPCode, schc.FIDCoAPMID,
			schc.FIDCoAPOptDelta, schc.FIDCoAPOptLength, schc.FIDCoAPOptLengthExt, schc.FIDCoAPOptValue} {
			d := schc.FieldDescriptor{FID: f, MO: schc.MOIgnore, CDA: schc.CDAValueSent}
			if f == schc.FIDCoAPOptLengthExt {
				d.FL = fl
			}
			if f == schc.FIDCoAPTKL {
				d = schc.FieldDescriptor{FID: f, MO: schc.MOEqual, CDA: schc.CDANotSent, TV: [][]byte{{0}}}
			}
			rule.Fields = append(rule.Fields, d)
		}
		if _, err := schc.NewContext([]schc.Rule{rule}, schc.Options{}); (err == nil) != valid {
			t.Errorf("FL %v: %v", fl, err)
		}
	}
}

// A table of all fields for people has a line per field, and one per protocol.
func TestFieldsText(t *testing.T) {
	r := tool("", "fields")
	if n := strings.Count(r.stdout, "\n"); r.code != exitDone || n < len(schc.FieldIDs(nil)) {
		t.Errorf("%d lines", n)
	}
}
