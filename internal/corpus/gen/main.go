// Command gen writes the payloads of testdata/payloads that are not recorded ones. Run
// it in the root of the module:
//
//	go run ./internal/corpus/gen
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/schckit/schckit/internal/corpus"
)

func main() {
	dir := flag.String("dir", filepath.FromSlash("testdata/payloads"), "where to write")
	flag.Parse()
	for name, data := range corpus.Files() {
		if err := os.WriteFile(filepath.Join(*dir, filepath.FromSlash(name)), data, 0o666); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}
