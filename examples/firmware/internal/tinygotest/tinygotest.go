// Package tinygotest builds firmware in tests, with a TinyGo that is on PATH.
package tinygotest

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// HostEnv is the environment without what would make the go command build for
// another machine than this one.
func HostEnv() (env []string) {
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GOOS", "GOARCH", "GOFLAGS":
		default:
			env = append(env, v)
		}
	}
	return env
}

// Build builds the program of a directory for a Cortex-M3 without an
// allocator, so that linking fails if anything needs one, and returns the name
// of the ELF file. It skips the test where there is no TinyGo, or one that does
// not know the Go that it finds.
func Build(t *testing.T, dir string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds firmware")
	}
	tinygo, err := exec.LookPath("tinygo")
	if err != nil {
		t.Skip("tinygo is not on PATH")
	}
	// The core packages are in the language of Go 1.22 and need no other
	// module, so that a TinyGo that is older than go.mod builds them too.
	tmp := t.TempDir()
	mod := filepath.Join(tmp, "go.mod")
	if err := os.WriteFile(mod, []byte("module github.com/schckit/schckit\n\ngo 1.22\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(tmp, "firmware.elf")
	cmd := exec.Command(tinygo, "build", "-target=cortex-m-qemu", "-opt=z", "-panic=trap", "-scheduler=none", "-gc=none", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(HostEnv(), "GOFLAGS=-buildvcs=false -modfile="+mod)
	if text, err := cmd.CombinedOutput(); err != nil {
		if bytes.Contains(text, []byte("requires go version")) {
			t.Skipf("tinygo does not know this Go: %s", text)
		}
		t.Fatalf("%s: %v: %v\n%s", dir, cmd, err, text)
	}
	return out
}

// Size returns what an ELF file takes of flash and of RAM. Initialised
// variables take both; the stack is not counted.
func Size(t *testing.T, path string) (flash, ram int) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		if s.Type == elf.SHT_PROGBITS {
			flash += int(s.Size)
		}
		if s.Flags&elf.SHF_WRITE != 0 && s.Name != ".stack" {
			ram += int(s.Size)
		}
	}
	if flash == 0 {
		t.Fatalf("%s has no code", path)
	}
	return flash, ram
}
