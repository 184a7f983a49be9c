package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc/rulefile"
)

// difference is one difference, as JSON has it.
type difference struct {
	Device string `json:"device,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Field  string `json:"field,omitempty"`
	What   string `json:"what"`
	A      string `json:"a,omitempty"`
	B      string `json:"b,omitempty"`
}

func newRulesDiff(e *env) *cobra.Command {
	var form format
	var out output
	var sidPaths []string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "diff [flags] FILE FILE",
		Short: "Compare two rule files by what they mean",
		Long: `Compare two rule files of any form by what they mean: spellings, defaults,
descriptions and the form do not count. The exit code is 1 if they differ.`,
		Example: `  schc rules diff device.json gateway.cbor`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef(cmd, "%d arguments, but %s takes two rule files", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			if args[0] == "-" && args[1] == "-" {
				return usagef(cmd, "only one of the files can be standard input")
			}
			sids, err := loadSIDs(sidPaths)
			if err != nil {
				return err
			}
			a, infoA, err := e.loadRules(args[0], sids...)
			if err != nil {
				return err
			}
			b, infoB, err := e.loadRules(args[1], sids...)
			if err != nil {
				return err
			}
			diff := rulefile.Diff(a, b)
			if !quiet {
				err = out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeDiff(w, diff, form.text) }, infoA, infoB)
			}
			if err == nil && len(diff) > 0 {
				err = errDiffer
			}
			return err
		},
	}
	cmd.Flags().SortFlags = false
	addSIDs(cmd, &sidPaths)
	form.add(cmd)
	out.add(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing; the exit code tells")
	return cmd
}

func writeDiff(w io.Writer, diff []rulefile.Difference, form string) error {
	list := []difference{}
	rows := [][]string{{"device", "rule", "field", "what", "a", "b"}}
	for _, d := range diff {
		list = append(list, difference(d))
		rows = append(rows, []string{d.Device, d.Rule, d.Field, d.What, d.A, d.B})
	}
	switch form {
	case "json":
		return report.WriteJSON(w, list)
	case "jsonl":
		return report.WriteJSONList(w, list)
	case "tsv":
		return report.WriteTSV(w, rows)
	}
	for _, d := range diff {
		if _, err := fmt.Fprintln(w, d); err != nil {
			return err
		}
	}
	return nil
}
