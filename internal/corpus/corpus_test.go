package corpus

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

const dir = "../../testdata/payloads"

// TestFiles: the shipped files are what the generator writes.
func TestFiles(t *testing.T) {
	files := Files()
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what go run ./internal/corpus/gen writes", name)
		}
	}
	for _, part := range []string{"train", "test"} {
		list, err := filepath.Glob(filepath.Join(dir, part, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			name := filepath.Base(f)
			recorded, err := filepath.Match("recorded-*.hex", name)
			if err != nil {
				t.Fatal(err)
			}
			if files[part+"/"+name] == nil && (part != "test" || !recorded) {
				t.Errorf("%s comes from nowhere", f)
			}
		}
	}
}

// TestSizes: every payload has 20 to 500 bytes, and none occurs twice.
func TestSizes(t *testing.T) {
	seen := map[string]bool{}
	for _, part := range []string{"train", "test"} {
		list, err := ReadDir(os.DirFS(filepath.Join(dir, part)))
		if err != nil || len(list) < 600 {
			t.Fatal(len(list), err)
		}
		for _, p := range list {
			if len(p) < MinLen || len(p) > MaxLen || seen[string(p)] {
				t.Errorf("%s: %d bytes: %q", part, len(p), p)
			}
			seen[string(p)] = true
		}
	}
}

// TestWellFormed: what is meant to be CBOR or JSON is one item of it.
func TestWellFormed(t *testing.T) {
	check := map[string]func([]byte) bool{
		"cbor": func(p []byte) bool { return cbor.Wellformed(p) == nil },
		"json": json.Valid,
	}
	for name, kind := range map[string]string{"senml-cbor": "cbor", "cbor-maps": "cbor", "unseen-cwt": "cbor", "senml-json": "json", "json-telemetry": "json",
		"json-events": "json", "json-ocf": "json", "unseen-geojson": "json", "unseen-ngsild": "json", "unseen-thing": "json", "recorded-gpsd": "json", "recorded-rtl433": "json"} {
		data, err := os.ReadFile(filepath.Join(dir, "test", name+".hex"))
		if err != nil {
			t.Fatal(err)
		}
		list, err := ParseLines(data)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(name, "recorded-") {
			data, err := os.ReadFile(filepath.Join(dir, "train", name+".hex"))
			if more, err2 := ParseLines(data); err == nil && err2 == nil {
				list = append(list, more...)
			}
		}
		for _, p := range list {
			if !check[kind](p) {
				t.Errorf("%s: %q is not %s", name, p, kind)
			}
		}
	}
}
