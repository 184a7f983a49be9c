// Command gen writes the compiled Rules of the SA as Go source: what dietesp.SA
// has of them after Init. Run it with go generate ./examples/firmware/dietesp/sa.
package main

import (
	"fmt"
	"os"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/examples/firmware/dietesp/sa"
	"github.com/schckit/schckit/internal/gen"
)

func main() {
	if err := write(".."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write writes a package for each of the three compressors.
func write(dir string) error {
	alg, err := esp.ParseAlgorithm("aes128ccm8iiv", "")
	if err != nil {
		return err
	}
	var suite esp.Suite
	if err := suite.Init(alg, make([]byte, alg.KeyLen()), nil); err != nil {
		return err
	}
	var s dietesp.SA
	if err := s.Init(sa.Config(), &suite, sa.Attributes(), dietesp.Options{}); err != nil {
		return err
	}
	for _, c := range []struct {
		st   dietesp.Stage
		name string
	}{{dietesp.IIPC, "iipc"}, {dietesp.CTEC, "ctec"}, {dietesp.EEC, "eec"}} {
		src, err := gen.Source(s.Context(c.st), gen.Options{Package: c.name, From: "the attributes in ../sa"})
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir+"/"+c.name, 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(dir+"/"+c.name+"/rules_gen.go", src, 0o666); err != nil {
			return err
		}
	}
	return nil
}
