package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are pages of docs whose commands are run.
var documents = []string{"rules.md"}

var (
	fileName = regexp.MustCompile("^`([a-z0-9.-]+\\.json)`:$")
	command  = regexp.MustCompile(`^\$ schc (.*)$`)
)

// TestDocuments runs the "$ schc" commands of the documents in a new folder with
// the files that they show, and compares what is printed, standard error
// included. A line of three full stops stands for any lines.
func TestDocuments(t *testing.T) {
	skipRace(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			text := string(mustRead(t, filepath.Join(root, "docs", name)))
			t.Chdir(t.TempDir())
			if err := os.Symlink(filepath.Join(root, "testdata"), "testdata"); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			runs := 0
			lines := strings.Split(text, "\n")
			file := ""
			for i := 0; i < len(lines); i++ {
				if m := fileName.FindStringSubmatch(lines[i]); m != nil {
					file = m[1]
				}
				if !strings.HasPrefix(lines[i], "```") {
					continue
				}
				n := slices.Index(lines[i+1:], "```")
				if n < 0 {
					t.Fatalf("line %d: the block has no end", i+1)
				}
				block := lines[i+1 : i+1+n]
				if lines[i] == "```json" && file != "" {
					if err := os.WriteFile(file, []byte(strings.Join(block, "\n")+"\n"), 0o644); err != nil {
						t.Fatal(err)
					}
					file = ""
				} else {
					runs += runBlock(t, i+2, block)
				}
				i += n + 1
			}
			if runs == 0 {
				t.Error("no command")
			}
		})
	}
}

// runBlock runs the commands of a block and returns how many there are.
func runBlock(t *testing.T, line int, block []string) (runs int) {
	for i := 0; i < len(block); i++ {
		m := command.FindStringSubmatch(block[i])
		if m == nil {
			continue
		}
		runs++
		var want []string
		for k := i + 1; k < len(block) && !strings.HasPrefix(block[k], "$ "); k++ {
			want = append(want, block[k])
		}
		var out bytes.Buffer
		run(strings.Fields(m[1]), &env{strings.NewReader(""), &out, io.Writer(&out)})
		got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if out.Len() == 0 {
			got = nil
		}
		if !matches(got, want) {
			t.Errorf("line %d: schc %s prints\n%s\nnot\n%s", line+i, m[1], strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	return runs
}

// matches reports whether lines are those wanted, in which "..." stands for any
// number.
func matches(got, want []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		return matches(got, want[1:]) || len(got) > 0 && matches(got[1:], want)
	}
	return len(got) > 0 && strings.TrimRight(got[0], " ") == strings.TrimRight(want[0], " ") && matches(got[1:], want[1:])
}
