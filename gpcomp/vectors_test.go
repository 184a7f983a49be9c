package gpcomp

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/schckit/schckit/vectors"
)

// readVectors reads a file of vectors; package vectors/run runs them.
func readVectors(t testing.TB, name string) *vectors.GPCompFile {
	t.Helper()
	data, err := vectors.FS.ReadFile("gpcomp/" + name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := vectors.ParseGPComp(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestVectorsSlow: the readable reference agrees with the vectors for LZS, and knows of
// no shorter code.
func TestVectorsSlow(t *testing.T) {
	for _, g := range readVectors(t, "lzs.json").Groups {
		for _, x := range g.Tests {
			code, _ := hex.DecodeString(x.Sent)
			want, _ := hex.DecodeString(x.Payload)
			got, ok := slowLZS(code)
			switch {
			case x.Result == "valid" && (!ok || !bytes.Equal(got, want)):
				t.Errorf("%d, %s: the reference gives %x, %v, want %x", x.ID, x.Comment, got, ok, want)
			case x.Result == "short-buffer" && (!ok || len(got) <= g.MaxLen):
				t.Errorf("%d, %s: the reference gives %d bytes, %v", x.ID, x.Comment, len(got), ok)
			case (x.Result == "truncated" || x.Result == "malformed") && ok:
				t.Errorf("%d, %s: the reference gives %x", x.ID, x.Comment, got)
			}
			if x.Result == "valid" && !x.Has("ReceiveOnly") && len(want) <= 256 {
				if bits := slowLZSBits(want); len(code) < (bits+7)/8 || len(code) > (bits+7)/8 && g.Source == "rfc" {
					t.Errorf("%d, %s: %d bytes, the shortest code has %d bits", x.ID, x.Comment, len(code), bits)
				}
			}
		}
	}
}
