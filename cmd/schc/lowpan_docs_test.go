package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLowpanDocs: the commands of docs/lowpan.md give what it shows. They run in
// the root of the repository, but what they write goes elsewhere.
func TestLowpanDocs(t *testing.T) {
	t.Chdir("../..")
	dir := t.TempDir()
	var written []string
	run := func(command string) string {
		stdin := ""
		if before, after, ok := strings.Cut(command, " | "); ok {
			stdin, command = strings.TrimPrefix(before, "echo ")+"\n", after
		}
		args := strings.Fields(command)
		for i := range args {
			if i > 0 && (args[i-1] == "-w" || args[i-1] == "--svg") {
				written = append(written, args[i])
			}
			if slices.Contains(written, args[i]) {
				args[i] = filepath.Join(dir, args[i])
			}
		}
		switch args[0] {
		case "schc":
			r := tool(stdin, args[1:]...)
			return r.stdout + r.stderr
		case "cmp":
			if !bytes.Equal(mustRead(t, args[1]), mustRead(t, args[2])) {
				return "they differ\n"
			}
			return ""
		}
		t.Fatalf("%s: what is that?", command)
		return ""
	}
	n := 0
	blocks := strings.Split(string(mustRead(t, "docs/lowpan.md")), "```\n")
	for i := 1; i < len(blocks); i += 2 {
		for _, part := range strings.Split("\n"+blocks[i], "\n$ ")[1:] {
			command, want, _ := strings.Cut(part, "\n")
			n++
			got := run(command)
			if strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
				t.Errorf("$ %s\n%s", command, firstDifference(got, want))
			}
		}
	}
	if n == 0 {
		t.Error("no commands")
	}
}
