// Package size has no code of its own: the programs in its directories are
// those whose sizes docs/firmware.md tells.
package size

import (
	"bytes"
	"os"
	"testing"

	"github.com/schckit/schckit/examples/firmware/internal/tinygotest"
	"github.com/schckit/schckit/internal/gen"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// The most bytes of flash that a program may have, less those of the program
// without schc. Where there are Rules, they are 1.1 KB of it.
var bounds = []struct {
	program string
	flash   int
}{
	{"compress", 9_500},
	{"decompress", 11_000},
	{"both", 14_500},
	{"send", 9_500},
	{"receive", 13_500},
	{"lorawan", 22_000},
}

func TestSize(t *testing.T) {
	empty, _ := tinygotest.Size(t, tinygotest.Build(t, "empty"))
	for _, b := range bounds {
		flash, ram := tinygotest.Size(t, tinygotest.Build(t, b.program))
		t.Logf("%-10s adds %5d bytes of flash; RAM besides the stack %d bytes", b.program, flash-empty, ram)
		if flash-empty > b.flash {
			t.Errorf("%s adds %d bytes of flash, want at most %d", b.program, flash-empty, b.flash)
		}
	}
}

// rules_gen.go is what schc gen writes of rules.json.
func TestGenerated(t *testing.T) {
	data, err := os.ReadFile("rules/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	file, err := rulefile.Load(data, "rules.json")
	if err != nil {
		t.Fatal(err)
	}
	set, err := file.Set("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := schc.NewContext(set.Rules, schc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := gen.Source(ctx, gen.Options{Package: "rules", From: "rules.json", Descriptions: set.Descriptions})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("rules/rules_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("rules_gen.go is not of rules.json; run: go generate ./examples/firmware/size/rules")
	}
}
