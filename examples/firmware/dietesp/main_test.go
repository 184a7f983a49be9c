package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/examples/firmware/dietesp/sa"
	"github.com/schckit/schckit/examples/firmware/internal/tinygotest"
)

// What the program prints.
const printed = `58 bytes sealed to 59 of which 40 are the outer header and 8 the ICV
018c57cc5435167d61e1b4d457781c1e056169
opened 58 bytes, all the same
again: replay
`

// TestSame: an SA with Rules that are derived, and keys that are given as such,
// seals to the same bytes.
func TestSame(t *testing.T) {
	alg, err := esp.ParseAlgorithm("aes128ccm8iiv", "")
	if err != nil {
		t.Fatal(err)
	}
	var suite esp.Suite
	if err := suite.Init(alg, []byte(key), nil); err != nil {
		t.Fatal(err)
	}
	var want dietesp.SA
	if err := want.Init(sa.Config(), &suite, sa.Attributes(), dietesp.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	w, err := want.AppendSeal(nil, []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	got, err := up.AppendSeal(nil, []byte(request))
	if err != nil || !bytes.Equal(got, w) {
		t.Errorf("the firmware's SA seals to %x, %v, want %x", got, err, w)
	}
}

// The generated files are those of the attributes.
func TestGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a program")
	}
	goCmd, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH")
	}
	dir := filepath.Join(t.TempDir(), "sa")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gen := filepath.Join(t.TempDir(), "gen.exe")
	build := exec.Command(goCmd, "build", "-o", gen, "./gen")
	build.Env = tinygotest.HostEnv()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	run := exec.Command(gen)
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("gen: %v\n%s", err, out)
	}
	for _, name := range []string{"iipc", "ctec", "eec"} {
		want, err := os.ReadFile(filepath.Join(dir, "..", name, "rules_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(name, "rules_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s/rules_gen.go is not of the attributes; run: go generate ./examples/firmware/dietesp/sa", name)
		}
	}
}

// Nothing is allocated per packet.
func TestAllocs(t *testing.T) {
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	p := packet[:copy(packet[:], request)]
	if n := testing.AllocsPerRun(100, func() {
		w, err := up.AppendSeal(wire[:0], p)
		if err != nil {
			panic(err)
		}
		if _, err := in.AppendOpen(back[:0], w); err != nil {
			panic(err)
		}
	}); n != 0 {
		t.Errorf("%v allocs per packet, want 0", n)
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
	program := filepath.Join(t.TempDir(), "dietesp.exe")
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

// TestTinyGo bounds the size of the program for a Cortex-M3, and runs it under
// QEMU. crypto/aes takes memory of the heap once for each key.
func TestTinyGo(t *testing.T) {
	image := tinygotest.BuildGC(t, ".", "leaking")
	flash, ram := tinygotest.Size(t, image)
	t.Logf("flash %d bytes, RAM %d bytes besides the stack and the heap", flash, ram)
	if flash > 47_000 || ram > 7000 {
		t.Errorf("flash %d bytes, want at most 47000; RAM %d bytes, want at most 7000", flash, ram)
	}
	if got := tinygotest.Run(t, image); got != printed {
		t.Errorf("the firmware printed\n%s\nwant\n%s", got, printed)
	}
}
