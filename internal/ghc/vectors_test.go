package ghc

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestVectors runs vectors/ghc.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../../vectors/ghc/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { checkVectors(t, file) })
	}
}

func checkVectors(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Schema, Spec  string
		NumberOfTests int `json:"numberOfTests"`
		Notes         map[string]string
		Groups        []struct {
			Source string
			Tests  []ghcTest
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	e := newEncoder(1280)
	n := 0
	for _, g := range f.Groups {
		for _, v := range g.Tests {
			n++
			var d Dict
			d.Set(unhex(t, v.Src), unhex(t, v.Dst))
			got, err := AppendDecompress(nil, &d, unhex(t, v.Code), 2000)
			want := map[string]Error{"valid": 0, "malformed": ErrMalformed, "truncated": ErrTruncated}[v.Result]
			if err != want || err == 0 && !bytes.Equal(got, unhex(t, v.Payload)) {
				t.Errorf("%d, %s: AppendDecompress(%s) = %x, %v, want %s, %s", v.ID, v.Comment, v.Code, got, err, v.Payload, v.Result)
			}
			if err == 0 {
				code, ok := e.AppendCompress(nil, &d, got, len(v.Code)/2)
				if !ok {
					t.Errorf("%d, %s: AppendCompress(%s) = %x, longer than %s", v.ID, v.Comment, v.Payload, code, v.Code)
				}
				// The ten examples of RFC 7400, Appendix A, are met byte for byte.
				if g.Source == "rfc" && !bytes.Equal(code, unhex(t, v.Code)) {
					t.Errorf("%d, %s: AppendCompress(%s) = %x, want %s", v.ID, v.Comment, v.Payload, code, v.Code)
				}
			}
		}
	}
	if n != f.NumberOfTests || n == 0 {
		t.Errorf("%d tests, the file says %d", n, f.NumberOfTests)
	}
}
