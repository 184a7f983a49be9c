// Package size has no code of its own: the programs in its directories are
// those whose sizes docs/firmware.md tells.
package size

import (
	"bytes"
	"os"
	"testing"
	"unsafe"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/examples/firmware/internal/tinygotest"
	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/gen"
	"github.com/schckit/schckit/lowpan"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
	"github.com/schckit/schckit/sse"
)

// The most bytes of flash that a program may have, less those of the program
// without schc: some 5 % above what docs/firmware.md tells. Where there are Rules,
// they are 1.1 to 1.3 KB of it.
var bounds = []struct {
	program string
	flash   int
}{
	{"compress", 9_500},
	{"decompress", 11_000},
	{"both", 14_500},
	{"send", 9_500},
	{"receive", 13_500},
	{"lorawan", 21_000},
	{"dietesp", 31_500},
	{"sse", 21_200},
	{"iphc", 14_500},
	{"lowpan", 19_500},
	{"lzs", 2_300},
	{"ghc", 2_900},
}

// The most bytes that what a device holds for each link, packet or SA may have
// where pointers have 4 bytes.
var objects = []struct {
	name       string
	size, most uintptr
}{
	{"schc.Context", unsafe.Sizeof(schc.Context{}), 20},
	{"schc.Compressor", unsafe.Sizeof(schc.Compressor{}), 680},
	{"schc.Decompressor", unsafe.Sizeof(schc.Decompressor{}), 680},
	{"schc.Profile", unsafe.Sizeof(schc.Profile{}), 88},
	{"schc.Sender", unsafe.Sizeof(schc.Sender{}), 100},
	{"schc.Receiver", unsafe.Sizeof(schc.Receiver{}), 40},
	{"schc.Session", unsafe.Sizeof(schc.Session{}), 120},
	{"esp.SA", unsafe.Sizeof(esp.SA{}), 200},
	{"esp.Suite", unsafe.Sizeof(esp.Suite{}), 360},
	{"dietesp.SA", unsafe.Sizeof(dietesp.SA{}), 2150},
	{"sse.Session", unsafe.Sizeof(sse.Session{}), 1950},
	{"lowpan.Table", unsafe.Sizeof(lowpan.Table{}), 880},
	{"lowpan.Fragmenter", unsafe.Sizeof(lowpan.Fragmenter{}), 120},
	{"lowpan.Reassembler", unsafe.Sizeof(lowpan.Reassembler{}), 20},
	{"lowpan.Slot", unsafe.Sizeof(lowpan.Slot{}), 200},
	{"gpcomp.LZS", unsafe.Sizeof(gpcomp.LZS{}), 80},
	{"gpcomp.GHC", unsafe.Sizeof(gpcomp.GHC{}), 80},
}

func TestObjects(t *testing.T) {
	for _, o := range objects {
		t.Logf("%-18s %4d bytes", o.name, o.size)
		if most := o.most * (unsafe.Sizeof(uintptr(0)) / 4); o.size > most {
			t.Errorf("%s has %d bytes, want at most %d", o.name, o.size, most)
		}
	}
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
