// Package tinygotest builds firmware in tests, with a TinyGo that is on PATH.
package tinygotest

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
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
	return BuildGC(t, dir, "none")
}

// BuildGC is Build with another allocator, such as "leaking".
func BuildGC(t *testing.T, dir, gc string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds firmware")
	}
	tinygo, err := exec.LookPath("tinygo")
	if err != nil {
		t.Skip("tinygo is not on PATH")
	}
	// The core packages are in the language of Go 1.22 and need no other module
	// but that of ChaCha20-Poly1305, so that a TinyGo that is older than go.mod
	// builds them too.
	tmp := t.TempDir()
	mod := filepath.Join(tmp, "go.mod")
	root := moduleRoot(t)
	old, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	crypto := regexp.MustCompile(`golang\.org/x/crypto v\S+`).Find(old)
	if crypto == nil {
		t.Fatal("go.mod does not name golang.org/x/crypto")
	}
	text := "module github.com/schckit/schckit\n\ngo 1.23.0\n\nrequire " + string(crypto) + "\n"
	if err := os.WriteFile(mod, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "go.sum"), sum, 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(tmp, "firmware.elf")
	cmd := exec.Command(tinygo, "build", "-target=cortex-m-qemu", "-opt=z", "-panic=trap", "-scheduler=none", "-gc="+gc, "-o", out, ".")
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

// moduleRoot returns the directory of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// Run runs an ELF file under QEMU and returns what it printed. It skips the test
// where there is no QEMU.
func Run(t *testing.T, image string) string {
	t.Helper()
	qemu, err := exec.LookPath("qemu-system-arm")
	if err != nil {
		t.Skip("built; but qemu-system-arm, which would run it, is not on PATH")
	}
	run := exec.Command(qemu, "-machine", "lm3s6965evb", "-semihosting", "-nographic", "-monitor", "none", "-kernel", image)
	var out bytes.Buffer
	run.Stdout = &out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { run.Process.Kill() })
	err = run.Wait()
	timer.Stop()
	if err != nil {
		t.Logf("%v: %v", run, err)
	}
	return strings.ReplaceAll(out.String(), "\r", "")
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
