package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lint"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// checkReport is what rules check finds.
type checkReport struct {
	File     string         `json:"file"`
	Form     string         `json:"form"`
	Sets     []checkedSet   `json:"sets"`
	Warnings int            `json:"warnings"`
	Infos    int            `json:"infos"`
	Findings []lint.Finding `json:"findings"`
}

// checkedSet is one set that is valid.
type checkedSet struct {
	Device      string `json:"device,omitempty"`
	Rules       int    `json:"rules"`
	Fingerprint string `json:"fingerprint"`
}

func newRulesCheck(e *env) *cobra.Command {
	var f ruleFile
	var form format
	var out output
	var device string
	var strict bool
	cmd := &cobra.Command{
		Use:   "check [flags] [FILE]",
		Short: "Check that Rules are valid, and review them",
		Long: `Check the Rules of every device in a file as the compressor does, and review them:
fields that are lost, Rules that are never chosen, values that need not be sent
and so on. Each finding has a code in brackets and says what to do.

Rules that are not valid are errors (exit code 2) with file, line and column: of
each Rule the first thing that is wrong with it, and RuleIDs that overlap.
Findings do not change the exit code, unless --strict makes warnings exit 1.

Two ends whose fingerprints are equal hold the same Rules.`,
		Example: `  schc rules check rules.json
  schc rules check --strict -f json -C rules.json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			file, info, err := f.load(cmd, e, args)
			if err != nil {
				return err
			}
			sets, err := pickSets(file, device)
			if err != nil {
				return err
			}
			r, err := checkSets(file, sets)
			if err != nil {
				return hint(err, "no packet can be compressed with these Rules before this is corrected")
			}
			err = out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return r.write(w, form.text) }, info)
			if err == nil && strict && r.Warnings > 0 {
				err = errFailed
			}
			return err
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd)
	cmd.Flags().StringVar(&device, "device", "", "check only the Rules of the device `NAME`")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 1 if there is a warning")
	form.add(cmd)
	out.add(cmd)
	return cmd
}

func checkSets(file *rulefile.File, sets []*rulefile.Set) (*checkReport, error) {
	r := &checkReport{File: file.Name, Form: file.Form.String(), Sets: []checkedSet{}, Findings: []lint.Finding{}}
	for _, w := range file.Warnings {
		r.Findings = append(r.Findings, lint.Finding{Code: lint.FromFile, Severity: lint.Info, Rule: w.Rule, Line: w.Line, Col: w.Col, Text: w.Text})
	}
	var bad errorList
	for _, set := range sets {
		ctx, err := schc.NewContext(set.Rules, schc.Options{})
		if err != nil {
			bad = append(bad, lint.Errors(set)...)
			continue
		}
		fp := ctx.Fingerprint()
		r.Sets = append(r.Sets, checkedSet{set.DeviceID, len(set.Rules), hex.EncodeToString(fp[:])})
		r.Findings = append(r.Findings, lint.Check(set, ctx)...)
	}
	if bad != nil {
		return nil, bad
	}
	for i := range r.Findings {
		if r.Findings[i].Severity == lint.Warning {
			r.Warnings++
		} else {
			r.Infos++
		}
	}
	return r, nil
}

func (r *checkReport) write(out *pcapio.Output, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(out, r)
	case "jsonl":
		return report.WriteJSONList(out, r.Findings)
	case "tsv":
		rows := [][]string{{"code", "severity", "device", "rule", "field", "line", "col", "text", "advice"}}
		for _, f := range r.Findings {
			rows = append(rows, []string{f.Code, string(f.Severity), f.Device, f.Rule, f.Field, fmt.Sprint(f.Line), fmt.Sprint(f.Col), f.Text, f.Advice})
		}
		return report.WriteTSV(out, rows)
	}
	var b strings.Builder
	for i := range r.Findings {
		sep := ": "
		if r.Findings[i].Line > 0 {
			sep = ":"
		}
		b.WriteString(r.File + sep + r.Findings[i].String() + "\n")
	}
	if len(r.Findings) > 0 {
		b.WriteByte('\n')
	}
	for _, s := range r.Sets {
		name := r.File
		if s.Device != "" {
			name += fmt.Sprintf(", device %q", s.Device)
		}
		fmt.Fprintf(&b, "%s: %d Rules, fingerprint %s\n", name, s.Rules, s.Fingerprint)
	}
	fmt.Fprintf(&b, "%s, %s\n", report.Plural(r.Warnings, "warning"), report.Plural(r.Infos, "remark"))
	_, err := out.Write([]byte(b.String()))
	return err
}
