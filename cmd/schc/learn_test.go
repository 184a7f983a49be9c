package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// learnRuns are runs of schc learn whose results are kept in testdata/learn.
var learnRuns = []struct {
	name string
	runs []string
}{
	{"help", []string{"learn --help"}},
	{"coap", []string{
		"learn -r " + coapPcap + " -o $T/rules.json --max-rules 21",
		"rules check $T/rules.json",
		"verify -C $T/rules.json --dev 2001:db8:1::2 " + coapPcap}},
	{"forms", []string{
		"learn -q -r " + coapPcap + " --max-rules 4 --rule-id-bits 2 --dev 2001:db8:1::2 --device sensor-1 -o $T/rules.json -f json",
		"learn -q --max-rules 4 --hold-out 0 --dir up -f tsv -c 40 " + coapPcap,
		"learn -q --max-rules 2 --no-compression=false -o - -c 6 --filter udp " + coapPcap}},
	{"usage", []string{
		"learn -r nowhere.pcap",
		"learn -r learn.go",
		"learn --hold-out 95% " + coapPcap,
		"learn --hold-out some " + coapPcap,
		"learn --max-rules 1 " + coapPcap,
		"learn --max-rules 9 --rule-id-bits 3 " + coapPcap,
		"learn --rule-id-bits 17 " + coapPcap,
		"learn --sample 0 " + coapPcap,
		"learn --coap-port 70000 " + coapPcap,
		"learn --dev 2001:db8:9::9 " + coapPcap,
		"learn --dev ::1 --dir up " + coapPcap,
		"learn -f xml " + coapPcap,
		"learn -o $T/there.json --filter arp " + mixedPcap}},
}

// registered skips a test as long as the command is not in the table of root.go.
func registered(t *testing.T) {
	t.Helper()
	if c, _, err := newRoot(&env{strings.NewReader(""), os.Stdout, os.Stderr}).Find([]string{"learn"}); err != nil || c.Name() != "learn" {
		t.Skip("learn is not registered")
	}
}

func TestLearnGolden(t *testing.T) {
	skipRace(t)
	registered(t)
	for _, g := range learnRuns {
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			var b strings.Builder
			for _, line := range g.runs {
				r := tool("", strings.Fields(strings.ReplaceAll(line, "$T", dir))...)
				fmt.Fprintf(&b, "$ schc %s\nexit %d\n%s%s\n", line, r.code, section("stdout", r.stdout), section("stderr", r.stderr))
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				fmt.Fprintf(&b, "%s\n%s", f.Name(), mustRead(t, filepath.Join(dir, f.Name())))
			}
			got := strings.ReplaceAll(b.String(), dir, "$T")
			path := filepath.Join("testdata", "learn", g.name+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the result differs from %s; -update rewrites it:\n%s", path, firstDifference(got, string(want)))
			}
		})
	}
}

// A capture on standard input gives what the file gives, and nothing is left of
// the copy.
func TestLearnStdin(t *testing.T) {
	skipRace(t)
	registered(t)
	t.Setenv("TMPDIR", t.TempDir())
	file := tool("", "learn", "--max-rules", "6", "-o", "-", coapPcap)
	stdin := tool(string(mustRead(t, coapPcap)), "learn", "--max-rules", "6", "-o", "-")
	if stdin != file || file.code != exitDone {
		t.Errorf("from a file %+v, from standard input %+v", file, stdin)
	}
	if f, err := rulefile.Load([]byte(file.stdout), ""); err != nil {
		t.Error(err)
	} else if _, err := schc.NewContext(f.Sets[0].Rules, schc.Options{}); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A damaged end of a capture: what is before it is learned from, and the exit
// code is 1. The input is never written onto.
func TestLearnDamaged(t *testing.T) {
	skipRace(t)
	registered(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.pcap"), filepath.Join(dir, "rules.json")
	data := mustRead(t, coapPcap)
	if err := os.WriteFile(in, data[:len(data)-7], 0o644); err != nil {
		t.Fatal(err)
	}
	r := tool("", "learn", "-q", "-f", "json", "-o", out, in)
	var rep struct {
		Packets int `json:"packets"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil || r.code != exitFailed || rep.Packets != 207 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	if r := tool("", "learn", "-q", "-o", in, in); r.code != exitError {
		t.Errorf("onto the input: %+v", r)
	}
}

// TestLearnNeverShadowed: of Rules that match the same packets one is left, also
// where the packets differ in what no field describes (a payload marker).
func TestLearnNeverShadowed(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.json")
	if r := tool("", "learn", "-q", "-r", coapPcap, "--dir", "up", "-o", rules); r.code != exitDone {
		t.Fatalf("%+v", r)
	}
	if r := tool("", "rules", "check", "--strict", rules); r.code != exitDone {
		t.Errorf("%+v", r)
	}
}
