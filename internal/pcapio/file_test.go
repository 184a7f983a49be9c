package pcapio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func names(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return s
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	o, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("one"))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("there before Commit")
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := o.Abort(); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	if err := o.Commit(); err != os.ErrClosed {
		t.Errorf("second Commit: %v", err)
	}
	info, _ := os.Stat(path)
	if got := string(mustReadFile(t, path)); got != "one" || info.Mode().Perm()&^0o644 != 0 || info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("%q, mode %v", got, info.Mode())
	}

	// Abort leaves the old file.
	if o, err = Create(path, nil); err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("two"))
	if err := o.Abort(); err != nil {
		t.Error(err)
	}
	o.Abort()
	if got := names(t, dir); len(got) != 1 || string(mustReadFile(t, path)) != "one" {
		t.Errorf("after Abort: %v", got)
	}

	// The permission bits of an existing file stay, and a link is followed.
	os.Chmod(path, 0o660)
	link := filepath.Join(dir, "link")
	if err := os.Symlink("out", link); err != nil {
		t.Skip("no symbolic links")
	}
	if o, err = Create(link, nil); err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("three"))
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	if info, _ = os.Stat(path); string(mustReadFile(t, path)) != "three" || info.Mode().Perm() != 0o660 {
		t.Errorf("by a link: mode %v", info.Mode())
	}

	// An input is never overwritten, by whatever name.
	hard := filepath.Join(dir, "hard")
	os.Link(path, hard)
	for _, p := range []string{path, link, hard} {
		if _, err = Create(p, nil, nil, info); !errors.Is(err, ErrSameFile) {
			t.Errorf("Create(%s): %v, want %v", p, err, ErrSameFile)
		}
	}
	f, _ := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	defer f.Close()
	if _, err = Create("-", f, info); !errors.Is(err, ErrSameFile) {
		t.Errorf("stdout is the input: %v", err)
	}

	for _, p := range []string{dir, filepath.Join(dir, "none", "out"), filepath.Join(path, "out")} {
		var pe *os.PathError
		if _, err = Create(p, nil); !errors.As(err, &pe) || pe.Path != p {
			t.Errorf("Create(%s): %v", p, err)
		}
	}
	os.Chmod(path, 0o440)
	if _, err = Create(path, nil); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a read-only file: %v", err)
	}
	if got := names(t, dir); len(got) != 3 {
		t.Errorf("left behind: %v", got)
	}
}

func TestCreateStream(t *testing.T) {
	var b bytes.Buffer
	o, err := Create("-", &b)
	if err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("x"))
	if err := o.Commit(); err != nil || b.String() != "x" {
		t.Errorf("%q, %v", b.String(), err)
	}
	o, _ = Create("-", &b)
	if err := o.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(os.DevNull); err != nil {
		t.Skip(err)
	}
	if o, err = Create(os.DevNull, nil); err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("x"))
	if err := o.Commit(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Error("the null device was replaced")
	}
}

// A directory that disappears: nothing is left, and Commit says so.
func TestCommitFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	os.Mkdir(dir, 0o755)
	o, err := Create(filepath.Join(dir, "out"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Skip(err)
	}
	if err := o.Commit(); err == nil {
		t.Error("Commit succeeded")
	}
}
