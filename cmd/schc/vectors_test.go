package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func runVectors(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append([]string{"vectors", "run"}, args...), &env{strings.NewReader(""), &out, &errs})
	return code, out.String(), errs.String()
}

// TestVectorsRun runs the embedded vectors, a selection of them, and a set in
// which one expectation is wrong.
func TestVectorsRun(t *testing.T) {
	code, out, _ := runVectors(t)
	if code != exitDone || !strings.HasSuffix(out, ": 0 failed\n") {
		t.Errorf("vectors run: exit code %d: %s", code, out)
	}
	var all, some vectorsResult
	if code, out, _ = runVectors(t, "-f", "json"); code != exitDone || json.Unmarshal([]byte(out), &all) != nil {
		t.Fatalf("vectors run -f json: exit code %d: %s", code, out)
	}
	if code, out, _ = runVectors(t, "-f", "json", "sizes.json#1"); code != exitDone || json.Unmarshal([]byte(out), &some) != nil {
		t.Fatalf("vectors run sizes.json#1: exit code %d: %s", code, out)
	}
	if some.Tests == 0 || some.Tests >= all.Tests {
		t.Errorf("%d tests of all, %d of sizes.json#1", all.Tests, some.Tests)
	}
	if code, _, errs := runVectors(t, "no-such-vector"); code != exitError || !strings.Contains(errs, "no vector matches") {
		t.Errorf("no-such-vector: exit code %d, %s", code, errs)
	}

	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../vectors")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "schc", "nocomp.json")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b, []byte(`"schc": "`)) + len(`"schc": "`)
	if b[i] == 'f' {
		b[i] = 'e'
	} else {
		b[i] = 'f'
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := runVectors(t, "--vectors", dir, "nocomp"); code != exitFailed || strings.Contains(out, ": 0 failed") {
		t.Errorf("a wrong vector: exit code %d: %s", code, out)
	}
}
