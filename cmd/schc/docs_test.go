package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are those of docs whose commands are run.
var pages = []string{"rules.md", "frag.md", "lowpan.md", "esp.md", "diet-esp.md", "ehc.md", "sse.md", "gpcomp.md"}

// TestDocs runs the commands of the pages ("$ ..." in a block of code) in a shell,
// in order, in a folder of their own that has the repository's testdata and cmd and
// the files that the page shows, and compares what they print, on both streams, with
// what the page says. A line of three full stops stands for any lines. -update
// rewrites the pages.
func TestDocs(t *testing.T) {
	skipRace(t)
	for _, name := range []string{"sh", "cat", "cmp", "echo", "printf", "tail", "tee"} {
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
	for _, name := range pages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for link, to := range map[string]string{"testdata": root + "/testdata", "cmd": root + "/cmd", "schc": self} {
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Skipf("no symbolic links: %v", err)
				}
			}
			path := filepath.Join(root, "docs", name)
			page := string(mustRead(t, path))
			got := docsOf(t, page, dir, func(command string) string {
				cmd := exec.Command("sh", "-c", command)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "SCHC_TEST_TOOL=1", "PATH="+dir+":"+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				if _, failed := err.(*exec.ExitError); err != nil && !failed {
					t.Fatalf("%s: %v", command, err)
				}
				return string(out)
			})
			if got == page {
				return
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("docs/%s: a command prints something else; -update rewrites it\n%s", name, firstDifference(got, page))
		})
	}
}

// shownFile is the line above a block of code that is a file.
var shownFile = regexp.MustCompile("(?:^|.* )`([a-z0-9.-]+\\.(?:json|yaml))`:$")

// docsOf returns the page with the output of its commands put in anew where it is
// another one. Files that the page shows are written to dir.
func docsOf(t *testing.T, page, dir string, run func(command string) string) string {
	t.Helper()
	var b strings.Builder
	lines := strings.SplitAfter(page, "\n")
	commands, file := 0, ""
	for i := 0; i < len(lines); i++ {
		b.WriteString(lines[i])
		if m := shownFile.FindStringSubmatch(strings.TrimSpace(lines[i])); m != nil {
			file = m[1]
			continue
		}
		if !strings.HasPrefix(lines[i], "```") {
			if strings.TrimSpace(lines[i]) != "" {
				file = ""
			}
			continue
		}
		n := slices.Index(lines[i+1:], "```\n")
		if n < 0 {
			t.Fatalf("line %d: the block has no end", i+1)
		}
		block := lines[i+1 : i+1+n]
		i += n + 1
		if file != "" {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.Join(block, "")), 0o644); err != nil {
				t.Fatal(err)
			}
			file = ""
		}
		for len(block) > 0 {
			line := block[0]
			block = block[1:]
			b.WriteString(line)
			if !strings.HasPrefix(line, "$ ") {
				continue
			}
			commands++
			end := slices.IndexFunc(block, func(s string) bool { return strings.HasPrefix(s, "$ ") })
			if end < 0 {
				end = len(block)
			}
			got, want := strings.SplitAfter(run(strings.TrimSpace(line[2:])), "\n"), block[:end]
			if last := len(got) - 1; got[last] == "" {
				got = got[:last]
			}
			if matches(got, want) {
				got = want
			}
			b.WriteString(strings.Join(got, ""))
			block = block[end:]
		}
		b.WriteString(lines[i])
	}
	if commands == 0 {
		t.Error("no commands")
	}
	return b.String()
}

// matches reports whether lines are those wanted, in which "..." stands for any
// number, and white space at the end of a line for nothing.
func matches(got, want []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "...\n" {
		return matches(got, want[1:]) || len(got) > 0 && matches(got[1:], want)
	}
	return len(got) > 0 && strings.TrimRight(got[0], " \n") == strings.TrimRight(want[0], " \n") && matches(got[1:], want[1:])
}

// TestReadme runs the commands of the README, in order.
func TestReadme(t *testing.T) {
	skipRace(t)
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "testdata"), filepath.Join(dir, "testdata")); err != nil {
		t.Skipf("symbolic links are missing here: %v", err)
	}
	old, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(old)
	n := 0
	for _, line := range strings.Split(string(mustRead(t, filepath.Join(root, "README.md"))), "\n") {
		command, _, _ := strings.Cut(line, "  #")
		if !strings.HasPrefix(command, "schc ") {
			continue
		}
		var args []string
		for _, a := range strings.Fields(command)[1:] {
			if files, err := filepath.Glob(a); err == nil && len(files) > 0 && strings.Contains(a, "*") {
				args = append(args, files...)
				continue
			}
			args = append(args, a)
		}
		if r := tool("", args...); r.code != exitDone {
			t.Errorf("%s: exit code %d, %s", command, r.code, r.stderr)
		}
		n++
	}
	if n < 10 {
		t.Errorf("%d commands", n)
	}
}
