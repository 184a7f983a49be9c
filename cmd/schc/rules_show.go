package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

func newRulesShow(e *env) *cobra.Command {
	var f ruleFile
	var form format
	var out output
	var device, rule, profile string
	cmd := &cobra.Command{
		Use:   "show [flags] [FILE]",
		Short: "Show Rules as tables",
		Long: `Show the Rules of a file as tables, with all defaults spelled out. The last column
is the bits that a field adds to the residue.

--profile shows instead what an RFC gives for a link, mostly fragmentation Rules: each
parameter under its name in RFC 9363, or ours, with the section that decides it.
Sizes are in bits, times in milliseconds.`,
		Example: `  schc rules show rules.json
  schc rules show rules.cbor --rule 5/8
  schc rules show --profile lorawan`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			if given(cmd, "profile") {
				return showProfile(cmd, e, profile, form.text, &out, args)
			}
			file, info, err := f.load(cmd, e, args)
			if err != nil {
				return err
			}
			picked, err := pickSets(file, device)
			if err != nil {
				return err
			}
			sets := []*report.RuleSet{}
			found := rule == ""
			for _, s := range picked {
				v := report.NewRuleSet(s.DeviceID, s.Rules, s.Descriptions)
				if rule != "" {
					found = v.Keep(rule) || found
				}
				sets = append(sets, v)
			}
			if !found {
				return hint(usagef(cmd, "there is no Rule %s", rule), "a Rule is named by value and length, such as 5/8")
			}
			return out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeRuleSets(w, sets, form.text) }, info)
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd)
	cmd.Flags().StringVar(&device, "device", "", "show only the Rules of the device `NAME`")
	cmd.Flags().StringVar(&rule, "rule", "", "show only the Rule with this `ID`, such as 5/8")
	cmd.Flags().StringVar(&profile, "profile", "", "show the fragmentation Rules of a link, `NAME`: "+strings.Join(shownProfileNames(), ", "))
	cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(shownProfileNames(), cobra.ShellCompDirectiveNoFileComp))
	form.add(cmd)
	out.add(cmd)
	return cmd
}

func writeRuleSets(w io.Writer, sets []*report.RuleSet, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, sets)
	case "jsonl":
		return report.WriteJSONList(w, sets)
	case "tsv":
		rows := [][]string{report.RuleSetHead}
		for _, s := range sets {
			rows = append(rows, s.Rows()...)
		}
		return report.WriteTSV(w, rows)
	}
	for i, s := range sets {
		text := s.Text()
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}
