package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command that takes Rules reads CBOR with the numbers of somebody else.
func TestSIDFlag(t *testing.T) {
	dir := t.TempDir()
	own := string(mustRead(t, "../../schc/rulefile/yang/ietf-schc@2023-03-01.sid"))
	theirs := strings.NewReplacer(`"sid": "60`, `"sid": "70`, `"entry-point": "60`, `"entry-point": "70`, "\n      \"60", "\n      \"70", `[60`, `[70`, `, 60`, `, 70`).Replace(own)
	sid, rules := filepath.Join(dir, "their.sid"), filepath.Join(dir, "rules.cbor")
	if err := os.WriteFile(sid, []byte(theirs), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := tool("", "rules", "convert", "--to-sid", sid, coapRules, "-w", rules); r.code != exitDone {
		t.Fatalf("convert: %+v", r)
	}
	for _, args := range []string{
		"rules check", "rules show", "rules convert --to json",
		"verify -r " + coapPcap, "stats -r " + coapPcap, "explain -c 1 -r " + coapPcap, "compress -r " + coapPcap + " -w -", "decompress --dir up -r " + coapPcap + " -w -",
		"gen --package p", "compress --hex", "decompress --hex",
	} {
		w := append(strings.Fields(args), "-C", rules)
		if r := tool("", w...); r.code != exitError || !strings.Contains(r.stderr, "unknown SID 70001 in the document") || !strings.Contains(r.stderr, "hint: --sid FILE gives it") || r.stdout != "" {
			t.Errorf("%s without the .sid file: %d, %s", args, r.code, r.stderr)
		}
		if r := tool("", append(w, "--sid", sid)...); r.code == exitError {
			t.Errorf("%s: %d, %s", args, r.code, r.stderr)
		}
	}
	if r := tool("", "frag", "--hex", "--profile", "lorawan", "--mtu", "51", "--sid", sid); r.code != exitError || !strings.Contains(r.stderr, "--sid is for a rule file") {
		t.Errorf("--sid without Rules: %+v", r)
	}
}
