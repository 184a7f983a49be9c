package schc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// coreFiles parses the files of the package that firmware links.
func coreFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = f
	}
	if len(files) == 0 {
		t.Fatal("no files")
	}
	return files
}

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	const own = "github.com/schckit/schckit/internal/"
	allowed := map[string]bool{
		"crypto/aes": true, "crypto/cipher": true, "crypto/hmac": true, "crypto/sha256": true, "crypto/subtle": true,
		"encoding/binary": true, "errors": true, "math/bits": true, "slices": true,
		own + "bitio": true, own + "inet": true,
	}
	for name, f := range coreFiles(t) {
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil || !allowed[path] && !strings.HasPrefix(path, "golang.org/x/crypto/") {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}

// TestNoGlobalState: no init, no goroutine, no package variable that code
// changes. Tables are variables that are never assigned to.
func TestNoGlobalState(t *testing.T) {
	files := coreFiles(t)
	vars := map[string]string{}
	for name, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s has an init function", name)
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, s := range d.Specs {
					v := s.(*ast.ValueSpec)
					for i, n := range v.Names {
						if n.Name == "_" {
							continue
						}
						vars[n.Name] = name
						if i < len(v.Values) {
							if _, table := v.Values[i].(*ast.CompositeLit); table {
								continue
							}
						}
						t.Errorf("%s: variable %s is no table", name, n.Name)
					}
				}
			}
		}
	}
	// root is the variable at the start of x.y[z].
	var root func(e ast.Expr) string
	root = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.SelectorExpr:
			return root(e.X)
		case *ast.IndexExpr:
			return root(e.X)
		case *ast.SliceExpr:
			return root(e.X)
		case *ast.ParenExpr:
			return root(e.X)
		}
		return ""
	}
	for name, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", name)
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					if v := root(l); vars[v] != "" && n.Tok != token.DEFINE {
						t.Errorf("%s assigns to the package variable %s", name, v)
					}
				}
			case *ast.IncDecStmt:
				if v := root(n.X); vars[v] != "" {
					t.Errorf("%s changes the package variable %s", name, v)
				}
			}
			return true
		})
	}
}
