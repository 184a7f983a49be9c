package ghc

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestImports: the package imports nothing but bitio (firmware links it).
func TestImports(t *testing.T) {
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
			if i.Path.Value != `"github.com/schckit/schckit/internal/bitio"` {
				t.Errorf("%s imports %s", f.Name(), i.Path.Value)
			}
		}
	}
}
