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

// A table of all fields for people has a line per field, and one per protocol.
func TestFieldsText(t *testing.T) {
	r := tool("", "fields")
	if n := strings.Count(r.stdout, "\n"); r.code != exitDone || n < len(schc.FieldIDs(nil)) {
		t.Errorf("%d lines", n)
	}
}
