package lowpan

import (
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	allowed := map[string]bool{
		"encoding/binary": true,
		"math/bits":       true,
		"slices":          true,
		"github.com/schckit/schckit/internal/ghc":   true,
		"github.com/schckit/schckit/internal/bitio": true,
		"github.com/schckit/schckit/internal/inet":  true,
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		ast, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range ast.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err != nil || !allowed[path] {
				t.Errorf("%s imports %s", f.Name(), i.Path.Value)
			}
		}
	}
}
