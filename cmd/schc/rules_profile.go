package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// showProfile is schc rules show --profile.
func showProfile(cmd *cobra.Command, e *env, name, form string, out *output, args []string) error {
	if err := conflict(cmd, "profile", "rules", "device", "rule", "sid"); err != nil {
		return err
	}
	if len(args) > 0 {
		return usagef(cmd, "--profile shows what an RFC gives; no rule file goes with it")
	}
	named := shownProfiles(name)
	if named == nil {
		return usagef(cmd, "--profile: there is no %q; there are %s", name, strings.Join(shownProfileNames(), ", "))
	}
	views := []*report.ProfileView{}
	for i := range named {
		views = append(views, report.NewProfileView(&named[i]))
	}
	return out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeProfiles(w, views, form) })
}

// shownProfiles are the profiles of a name that can be shown: besides those with
// fragmentation Rules, that of IEEE 802.15.4.
func shownProfiles(name string) []schc.NamedProfile {
	if p := schc.IEEE802154(); sameProfile(p.Name, name) {
		return []schc.NamedProfile{p}
	}
	return namedProfiles(name)
}

func shownProfileNames() []string { return append(profileNames(), schc.IEEE802154().Name) }

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
