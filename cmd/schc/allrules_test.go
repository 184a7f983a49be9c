package main

import (
	"encoding/json"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// allRuleFiles are the rule files of the repository that compress IP packets.
func allRuleFiles(t *testing.T) (list []string) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || filepath.Ext(path) != ".json" || !strings.Contains(path, "rules") {
			return nil
		}
		// Others start above IP, hold several devices, or are no rule files.
		if r := tool("", "verify", "-q", "-C", path, "-r", "testdata/raw.pcap"); r.code != exitError {
			list = append(list, path)
		}
		return nil
	})
	if err != nil || len(list) < 40 {
		t.Fatal(list, err)
	}
	return list
}

// Every capture comes back with every rule file, packets counted as lossy
// excepted: verify checks all pairs, and a part of those that compress anything
// goes through files.
func TestAllRules(t *testing.T) {
	if testing.Short() {
		t.Skip("slow: all captures with all rule files")
	}
	skipRace(t)
	dir := t.TempDir()
	small, again := filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcap")
	files := allRuleFiles(t)
	packets, compressed, pairs := 0, 0, 0
	for _, path := range captures(t) {
		want, _, damaged := readCapture(t, path)
		wantCode := exitDone
		if damaged {
			wantCode = exitFailed
		}
		for _, rules := range files {
			r := tool("", "verify", "-C", rules, "-r", path, "-f", "json")
			var s struct {
				Packets, Compressed, Mismatched, Lossy int
			}
			if err := json.Unmarshal([]byte(r.stdout), &s); err != nil || r.code != wantCode || s.Mismatched != 0 || s.Packets != len(want) {
				t.Errorf("verify %s with %s: %+v", path, rules, r)
			}
			packets += s.Packets
			compressed += s.Compressed
			if s.Lossy > 0 || s.Compressed == 0 || crc32.ChecksumIEEE([]byte(path+rules))%4 != 0 {
				continue
			}
			pairs++
			comesBack(t, path, rules, small, again, want, wantCode)
		}
	}
	if compressed == 0 {
		t.Error("nothing was compressed")
	}
	t.Logf("%d rule files, %d packets, %d compressed, %d pairs through files", len(files), packets, compressed, pairs)
}
