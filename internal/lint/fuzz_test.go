package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// Any file that loads is reviewed without a panic: Errors finds something if and
// only if NewContext does, and findings have places and texts.
func FuzzCheck(f *testing.F) {
	for _, pattern := range []string{"../../cmd/schc/testdata/rules/*.json", "../../vectors/rules/*.json"} {
		list, err := filepath.Glob(pattern)
		if err != nil || len(list) == 0 {
			f.Fatal(list, err)
		}
		for _, path := range list {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := rulefile.Load(data, "x")
		if err != nil {
			return
		}
		for i := range file.Sets {
			set := &file.Sets[i]
			ctx, err := schc.NewContext(set.Rules, schc.Options{})
			list := Errors(set)
			if (err == nil) != (len(list) == 0) {
				t.Fatalf("NewContext: %v, Errors: %v", err, list)
			}
			for _, e := range list {
				if !strings.HasPrefix(e.Error(), "x: ") && !strings.HasPrefix(e.Error(), "x:") {
					t.Errorf("%v has no place", e)
				}
			}
			if err != nil {
				continue
			}
			for _, x := range Check(set, ctx) {
				if x.Text == "" || x.Code == "" || x.Rule != "" && x.Line == 0 && x.Offset == 0 {
					t.Errorf("finding %+v", x)
				}
			}
		}
	})
}
