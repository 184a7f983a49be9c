package sse_test

import (
	"testing"

	"github.com/schckit/schckit/vectors"
	"github.com/schckit/schckit/vectors/run"
)

func TestVectors(t *testing.T) {
	failures, stats, err := run.Run(vectors.FS, "sse/")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		t.Error(f)
	}
	t.Logf("%d tests in %d files, %d ways, by source %v", stats.Tests, stats.Files, stats.Ways, stats.Sources)
	if stats.Tests == 0 {
		t.Error("no test")
	}
}
