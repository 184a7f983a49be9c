package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/vectors"
	vectorsrun "github.com/schckit/schckit/vectors/run"
)

// vectorsResult is what "vectors run" found.
type vectorsResult struct {
	Files      int             `json:"files"`
	Tests      int             `json:"tests"`
	Ways       int             `json:"ways"`
	Acceptable int             `json:"acceptable"`
	Sources    map[string]int  `json:"sources"`
	Failed     int             `json:"failed"`
	Failures   []vectorFailure `json:"failures"`
}

type vectorFailure struct {
	File string `json:"file"`
	ID   int    `json:"id"`
	Way  string `json:"way"`
	Text string `json:"text"`
}

func newVectors(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vectors",
		Short: "Run the conformance vectors",
		Args:  noCommand,
		RunE:  noCommand,
	}
	cmd.AddCommand(newVectorsRun(e))
	return cmd
}

func newVectorsRun(e *env) *cobra.Command {
	var form format
	var dir string
	cmd := &cobra.Command{
		Use:   "run [flags] [FILTER]",
		Short: "Run the conformance vectors against this program",
		Long: `Run the conformance vectors against this program. Those of compression run four
ways each: compress, decompress, compress again, explain; those of fragmentation
three: every message is taken apart, and the exchange runs from the sender's and
from the receiver's side; those of 6LoWPAN and of GHC both ways; those of payload
compression from both ends, in every form. Those of the negotiation of Diet-ESP are
offers, answers and refusals.

FILTER selects tests whose FILE#ID contains it. The exit code is 1 if any test
fails.`,
		Example: `  schc vectors run
  schc vectors run sizes.json#3
  schc vectors run frag/`,
		Args: maxArgs(1, "one FILTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			var fsys fs.FS = vectors.FS
			if dir != "" {
				fsys = os.DirFS(dir)
			}
			filter := ""
			if len(args) > 0 {
				filter = args[0]
			}
			failures, stats, err := vectorsrun.Run(fsys, filter)
			if err != nil {
				return err
			}
			if stats.Tests == 0 && len(failures) == 0 {
				return usagef(cmd, "no vector matches %q", filter)
			}
			res := vectorsResult{Files: stats.Files, Tests: stats.Tests, Ways: stats.Ways, Acceptable: stats.Acceptable,
				Sources: stats.Sources, Failed: len(failures), Failures: []vectorFailure{}}
			for _, f := range failures {
				res.Failures = append(res.Failures, vectorFailure(f))
			}
			if err := writeVectors(e.stdout, res, form.text); err != nil {
				return err
			}
			if res.Failed > 0 {
				return errFailed
			}
			return nil
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&dir, "vectors", "", "`DIR` of other vectors, in the layout of the project's")
	form.add(cmd)
	return cmd
}

func writeVectors(w io.Writer, res vectorsResult, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, res)
	case "jsonl":
		return report.WriteJSONLine(w, res)
	case "tsv":
		rows := [][]string{{"file", "id", "way", "text"}}
		for _, f := range res.Failures {
			rows = append(rows, []string{f.File, strconv.Itoa(f.ID), f.Way, f.Text})
		}
		return report.WriteTSV(w, rows)
	}
	for _, f := range res.Failures {
		if _, err := fmt.Fprintln(w, vectorsrun.Failure(f)); err != nil {
			return err
		}
	}
	sources := ""
	var names []string
	for s := range res.Sources {
		names = append(names, s)
	}
	slices.Sort(names)
	for _, s := range names {
		sources += fmt.Sprintf(", %d %s", res.Sources[s], s)
	}
	_, err := fmt.Fprintf(w, "%d tests of %d files (%d ways%s): %d failed\n", res.Tests, res.Files, res.Ways, sources, res.Failed)
	return err
}
