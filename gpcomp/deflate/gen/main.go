// Command gen builds a static dictionary for DEFLATE from the training part of
// testdata/payloads and from the words of vocabulary.txt. Run it in the root of the
// module:
//
//	go run ./gpcomp/deflate/gen -o gpcomp/deflate/iot-1.dict
//
// A dictionary that was published never changes: other words make another version.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/schckit/schckit/gpcomp/deflate/internal/dictgen"
	"github.com/schckit/schckit/internal/corpus"
)

func main() {
	size := flag.Int("size", dictgen.Size, "bytes of the dictionary at most")
	train := flag.String("train", filepath.FromSlash("testdata/payloads/train"), "directory of the payloads to build it from")
	words := flag.String("words", filepath.FromSlash("gpcomp/deflate/vocabulary.txt"), "words, one a line")
	out := flag.String("o", "", "file to write")
	flag.Parse()
	if err := run(*size, *train, *words, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(size int, train, words, out string) error {
	payloads, err := corpus.ReadDir(os.DirFS(train))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(words)
	if err != nil {
		return err
	}
	return os.WriteFile(out, dictgen.Build(payloads, dictgen.Words(text), size), 0o666)
}
