package ehc_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/vectors"
	"github.com/schckit/schckit/vectors/run"
)

var updateVectors = flag.Bool("update-vectors", false, "write vectors/ehc/*.json anew")

func TestVectors(t *testing.T) {
	failures, stats, err := run.Run(vectors.FS, "ehc/")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		t.Error(f)
	}
	t.Logf("%d tests in %d files, %d ways, %d refused that may be, by source %v", stats.Tests, stats.Files, stats.Ways, stats.Acceptable, stats.Sources)
	if stats.Tests == 0 {
		t.Error("no test")
	}
}

// TestVectorFiles: the files are what testdata/vectors.py writes, an
// implementation of its own.
func TestVectorFiles(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	for _, name := range []string{"hcp", "ehc"} {
		data, err := exec.Command(python, "testdata/vectors.py", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "vectors", "ehc", name+".json")
		if *updateVectors {
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(old, data) {
			t.Errorf("%s is not what the script writes; run go test ./ehc -run TestVectorFiles -update-vectors", path)
		}
		if _, err := vectors.ParseEHC(data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
