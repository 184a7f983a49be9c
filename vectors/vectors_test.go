package vectors_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/schckit/schckit/vectors"
)

const good = `{"schema": "schc-compress-1", "spec": "x", "numberOfTests": 1, "notes": {"F": "f"}, "groups": [
 {"source": "self", "rules": "rules/a.json", "tests": [
  {"id": 1, "comment": "c", "flags": ["F"], "dir": "up", "packet": "00", "residue": ["UDP.LEN 01 x2f"], "result": "no-rule"}]}]}`

// TestParseCompress: whatever a reader might overlook is an error.
func TestParseCompress(t *testing.T) {
	if _, err := vectors.ParseCompress([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ old, new, want string }{
		{`"schema": "schc-compress-1"`, `"schema": "schc-compress-2"`, `schema "schc-compress-2", want "schc-compress-1"`},
		{`"spec": "x"`, `"specs": "x"`, `json: unknown field "specs"`},
		{`"numberOfTests": 1`, `"numberOfTests": 2`, `numberOfTests is 2, there are 1`},
		{`"id": 1`, `"id": 2`, `id 2 where 1 is due`},
		{`["F"]`, `["G"]`, `test 1: unknown flag "G"`},
		{`"self"`, `"me"`, `group 1: unknown source "me"`},
		{`"up"`, `"uplink"`, `test 1: unknown dir "uplink"`},
		{`"no-rule"`, `"norule"`, `test 1: unknown result "norule"`},
		{`"packet": "00", `, ``, `test 1: neither packet nor schc`},
		{`"00"`, `"0"`, `test 1: encoding/hex: odd length hex string`},
		{`01 x2f`, `02 x2f`, `test 1: residue "UDP.LEN 02 x2f" is neither bits nor x and hex`},
		{`x2f`, `x2g`, `test 1: residue "UDP.LEN 01 x2g": strconv.ParseUint: parsing "g": invalid syntax`},
		{`]}]}`, `]}]} {}`, `something follows the object`},
	} {
		text := strings.Replace(good, x.old, x.new, 1)
		if text == good {
			t.Fatalf("%s is not in the file", x.old)
		}
		if _, err := vectors.ParseCompress([]byte(text)); err == nil || err.Error() != x.want {
			t.Errorf("%s: %v, want %s", x.new, err, x.want)
		}
	}
}

// TestSchema: the JSON Schemas name every key that the types have, and no other.
func TestSchema(t *testing.T) {
	for name, types := range map[string]map[string]any{
		vectors.SchemaCompress: {"": vectors.File{}, "group": vectors.Group{}, "test": vectors.Test{}},
		vectors.SchemaFrag: {"": vectors.FragFile{}, "group": vectors.FragGroup{}, "rule": vectors.FragRule{},
			"test": vectors.FragTest{}, "step": vectors.FragStep{}},
		vectors.SchemaIPHC:    {"": vectors.IPHCFile{}, "group": vectors.IPHCGroup{}, "test": vectors.IPHCTest{}},
		vectors.SchemaReceive: {"": vectors.ReceiveFile{}, "group": vectors.ReceiveGroup{}, "test": vectors.ReceiveTest{}, "frame": vectors.ReceiveFrame{}},
		vectors.SchemaESP:     {"": vectors.ESPFile{}, "group": vectors.ESPGroup{}, "sa": vectors.ESPSA{}, "test": vectors.ESPTest{}},
		vectors.SchemaDietESP: {"": vectors.DietESPFile{}, "group": vectors.DietESPGroup{}, "test": vectors.DietESPTest{}},
		vectors.SchemaGHC:     {"": vectors.GHCFile{}, "group": vectors.GHCGroup{}, "test": vectors.GHCTest{}},
		vectors.SchemaGPComp: {"": vectors.GPCompFile{}, "group": vectors.GPCompGroup{}, "backoff": vectors.GPCompBackoff{},
			"test": vectors.GPCompTest{}},
		vectors.SchemaEHC: {"": vectors.EHCFile{}, "group": vectors.EHCGroup{}, "test": vectors.EHCTest{}},
		vectors.SchemaSSE: {"": vectors.SSEFile{}, "group": vectors.SSEGroup{}, "session": vectors.SSESession{}, "headers": vectors.SSEHeaders{},
			"test": vectors.SSETest{}},
		vectors.SchemaSSENegotiate: {"": vectors.SSENegotiateFile{}, "group": vectors.SSENegotiateGroup{}, "test": vectors.SSENegotiateTest{},
			"proposal": vectors.SSEProposal{}, "policy": vectors.SSEPolicy{}},
	} {
		data, err := fs.ReadFile(vectors.FS, "schema/"+name+".json")
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Properties map[string]any
			Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
		}
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		for def, v := range types {
			have := s.Properties
			if def != "" {
				have = s.Defs[def].Properties
			}
			keys := map[string]bool{}
			typ := reflect.TypeOf(v)
			for i := range typ.NumField() {
				key, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				keys[key] = true
				if have[key] == nil {
					t.Errorf("%s, %s: the schema lacks %s", name, def, key)
				}
			}
			for k := range have {
				if !keys[k] {
					t.Errorf("%s, %s: the schema has %s, which is no key", name, def, k)
				}
			}
		}
	}
}

// TestRulesUsed: every rule file is used by some vector.
func TestRulesUsed(t *testing.T) {
	files, err := fs.Glob(vectors.FS, "schc/*.json")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, name := range files {
		data, err := fs.ReadFile(vectors.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := vectors.ParseCompress(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, g := range f.Groups {
			used[g.Rules] = true
		}
	}
	rules, err := fs.Glob(vectors.FS, "rules/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if !used[r] {
			t.Errorf("%s is used by no vector", r)
		}
	}
}

// TestDietESPFiles: the vectors for Diet-ESP are what the reference in Python writes.
func TestDietESPFiles(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import cryptography").Run(); err != nil {
		t.Skipf("python3-cryptography is not installed: %v", err)
	}
	dir := t.TempDir()
	cmd := exec.Command(python, "-B", "gen/dietesp.py", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gen/dietesp.py: %v\n%s", err, out)
	}
	files, err := fs.Glob(vectors.FS, "dietesp/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		want, err1 := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		got, err2 := fs.ReadFile(vectors.FS, name)
		if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what gen/dietesp.py writes: %v, %v", name, err1, err2)
		}
	}
}
