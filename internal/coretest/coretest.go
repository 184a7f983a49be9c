// Package coretest has the checks that every core package passes in its tests:
// what firmware may link (imports, no state, no comparison of error interfaces).
package coretest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// coreFiles parses the files of the package in this folder that firmware links.
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

// Own is the beginning of the import paths of this module.
const Own = "github.com/schckit/schckit/"

// Imports fails for an import that is not on the allow-list.
func Imports(t *testing.T, allowed ...string) {
	t.Helper()
	for name, f := range coreFiles(t) {
		for _, i := range f.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err != nil || !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}

// Firmware fails for an init function, a goroutine, a package variable that code
// changes (tables are variables that are never assigned to), and a comparison of
// an error with one of the constants through the interface, which links reflect.
func Firmware(t *testing.T) {
	t.Helper()
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
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "err" && isErrorConstant(n.Y) {
						t.Errorf("%s compares err with a constant: take the value, e, _ := err.(Error)", name)
					}
				}
			}
			return true
		})
	}
}

// isErrorConstant reports whether an expression is named like an Error.
func isErrorConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.HasPrefix(e.Name, "Err")
	case *ast.SelectorExpr:
		return strings.HasPrefix(e.Sel.Name, "Err")
	}
	return false
}
