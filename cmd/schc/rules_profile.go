package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

// showProfile is schc rules show --profile.
func showProfile(cmd *cobra.Command, e *env, name, form string, out *output, args []string) error {
	if err := conflict(cmd, "profile", "rules", "device", "rule", "sid"); err != nil {
		return err
	}
	if len(args) > 0 {
		return usagef(cmd, "--profile shows what an RFC gives; no rule file goes with it")
	}
	named := namedProfiles(name)
	if named == nil {
		return usagef(cmd, "--profile: there is no %q; there are %s", name, strings.Join(profileNames(), ", "))
	}
	views := []*report.ProfileView{}
	for i := range named {
		views = append(views, report.NewProfileView(&named[i]))
	}
	return out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeProfiles(w, views, form) })
}

func writeProfiles(w io.Writer, views []*report.ProfileView, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, views)
	case "jsonl":
		return report.WriteJSONList(w, views)
	case "tsv":
		rows := [][]string{report.ProfileHead}
		for _, v := range views {
			rows = append(rows, v.Rows()...)
		}
		return report.WriteTSV(w, rows)
	}
	for i, v := range views {
		text := v.Text()
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}
