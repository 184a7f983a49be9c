package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lint"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc/rulefile"
)

func newRulesConvert(e *env) *cobra.Command {
	var f ruleFile
	var out output
	var to string
	var outSIDs []string
	var noCheck bool
	cmd := &cobra.Command{
		Use:   "convert --to FORM [flags] [FILE]",
		Short: "Convert a rule file to another form",
		Long: `Convert a rule file to another form:

    json       JSON in the style of OpenSCHC
    yang-json  the data model of RFC 9363 as JSON (RFC 7951)
    cbor       the same as CBOR (RFC 9254)

Without --to, the name of the output tells: .cbor is cbor, .json is json. What is
written means the same: schc rules diff of both is empty.

Rules that are not valid are an error, and nothing is written. With --no-check they
are converted as they are, such as to JSON in which they can be corrected.`,
		Example: `  schc rules convert rules.json -w rules.cbor
  schc rules convert --to yang-json rules.json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := outForm(cmd, to, out.path)
			if err != nil {
				return err
			}
			if form != rulefile.FormCBOR && given(cmd, "to-sid") {
				return usagef(cmd, "--to-sid is for the form cbor")
			}
			file, info, err := f.load(cmd, e, args)
			if err != nil {
				return err
			}
			var bad errorList
			for i := range file.Sets {
				bad = append(bad, lint.Errors(&file.Sets[i])...)
			}
			if bad != nil && !noCheck {
				return hint(bad, "correct this first, or convert it with --no-check to correct it there")
			}
			paths := outSIDs
			if paths == nil {
				paths = f.sids
			}
			sids, err := loadSIDs(paths)
			if err != nil {
				return err
			}
			data, err := rulefile.SaveAs(file, form, sids...)
			if err != nil {
				return err
			}
			return out.writeAll(cmd, e, form == rulefile.FormCBOR, func(w *pcapio.Output) error {
				_, err := w.Write(data)
				return err
			}, info)
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "`FORM` to write: json, yang-json or cbor")
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{"json", "yang-json", "cbor"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringArrayVar(&outSIDs, "to-sid", nil, ".sid `FILE` for the CBOR that is written, if not those of --sid (may be repeated)")
	cmd.Flags().BoolVar(&noCheck, "no-check", false, "convert Rules that are not valid, too")
	out.add(cmd)
	return cmd
}

// outForm returns the form to write, by --to or by the name of the output.
func outForm(cmd *cobra.Command, to, path string) (rulefile.Form, error) {
	if to != "" {
		form, ok := rulefile.ParseForm(to)
		if !ok || form == rulefile.FormMicroSCHC {
			return 0, usagef(cmd, "--to: %q is not json, yang-json or cbor", to)
		}
		return form, nil
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".cbor":
		return rulefile.FormCBOR, nil
	case ".json":
		return rulefile.FormJSON, nil
	}
	return 0, hint(errNoForm, "--to json, yang-json or cbor")
}
