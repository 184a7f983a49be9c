package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/examples/firmware/internal/tinygotest"
	"github.com/schckit/schckit/internal/gen"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// What the program prints.
const printed = `77 bytes compressed to 20 with Rule 1
0148c721fa01fb7b2274223a32312e352c227822
restored 77 bytes, all the same
`

// How large the program may become for a Cortex-M3, with all that TinyGo adds:
// the engine, 1 KB of Rules, and code that prints.
const (
	maxFlash = 17_500
	maxRAM   = 1750 // besides the stack
)

// rules_gen.go is what schc gen writes of rules.json.
func TestGenerated(t *testing.T) {
	data, err := os.ReadFile("rules.json")
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
	made, err := schc.NewContext(set.Rules, schc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := gen.Source(made, gen.Options{Package: "main", From: "rules.json", Descriptions: set.Descriptions})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("rules_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("rules_gen.go is not of rules.json; run: go generate ./examples/firmware/coap")
	}
}

// No function that firmware calls allocates.
func TestAllocs(t *testing.T) {
	p := packet[:copy(packet[:], request)]
	n := testing.AllocsPerRun(100, func() {
		if err := Load(&ctx); err != nil {
			panic(err)
		}
		compressor.Reset(&ctx)
		decompressor.Reset(&ctx)
		n, _, err := compressor.CompressInto(frame[:], p, schc.DirUp)
		if err != nil {
			panic(err)
		}
		if _, _, err := decompressor.DecompressInto(restored[:], frame[:n], schc.DirUp); err != nil {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("Load, Reset, CompressInto and DecompressInto: %v allocs per run, want 0", n)
	}
}

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds a program")
	}
	goCmd, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH")
	}
	program := filepath.Join(t.TempDir(), "coap.exe")
	build := exec.Command(goCmd, "build", "-o", program, ".")
	build.Env = tinygotest.HostEnv()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	out, err := exec.Command(program).CombinedOutput()
	if err != nil || string(out) != printed {
		t.Errorf("the program printed\n%s(%v), want\n%s", out, err, printed)
	}
}

// TestTinyGo links the program for a Cortex-M3 without an allocator, which
// fails if anything in it needs one, bounds its size, and runs it under QEMU.
func TestTinyGo(t *testing.T) {
	image := tinygotest.Build(t, ".")
	flash, ram := tinygotest.Size(t, image)
	t.Logf("flash %d bytes, RAM %d bytes besides the stack", flash, ram)
	if flash > maxFlash || ram > maxRAM {
		t.Errorf("flash %d bytes, want at most %d; RAM %d bytes, want at most %d", flash, maxFlash, ram, maxRAM)
	}

	if got := tinygotest.Run(t, image); got != printed {
		t.Errorf("the firmware printed\n%s\nwant\n%s", got, printed)
	}
}
