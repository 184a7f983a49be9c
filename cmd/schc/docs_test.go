package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkedDocs are the pages whose commands are run.
var checkedDocs = []string{"frag.md"}

// TestDocs runs the commands of the documentation ("$ ..." in a block of code) in
// a shell, in order, and compares what they print with what the page says. -update
// rewrites the pages.
func TestDocs(t *testing.T) {
	skipRace(t)
	for _, name := range []string{"sh", "cmp", "printf", "tail"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range checkedDocs {
		dir := t.TempDir()
		for link, to := range map[string]string{"testdata": root + "/testdata", "cmd": root + "/cmd", "schc": self} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Skipf("no symbolic links: %v", err)
			}
		}
		path := filepath.Join(root, "docs", name)
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := docsOf(t, string(page), func(command string) string {
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "SCHC_TEST_TOOL=1", "PATH="+dir+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if _, failed := err.(*exec.ExitError); err != nil && !failed {
				t.Fatalf("%s: %v", command, err)
			}
			return string(out)
		})
		if got == string(page) {
			continue
		}
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("docs/%s: a command prints something else; -update rewrites it\n%s", name, firstDifference(got, string(page)))
	}
}

// docsOf returns the page with the output of its commands put in anew.
func docsOf(t *testing.T, page string, run func(command string) string) string {
	t.Helper()
	var b strings.Builder
	code, commands, skip := false, 0, false
	for _, line := range strings.SplitAfter(page, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			code, skip = !code, false
		case code && strings.HasPrefix(line, "$ "):
			commands++
			b.WriteString(line)
			b.WriteString(run(strings.TrimSpace(line[2:])))
			skip = true // what the page has behind it
			continue
		case skip:
			continue
		}
		b.WriteString(line)
	}
	if commands == 0 {
		t.Error("no commands")
	}
	return b.String()
}
