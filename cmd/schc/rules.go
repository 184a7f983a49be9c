package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc/rulefile"
)

func newRules(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check, show, convert and compare rule files",
		Long: `Rule files are JSON in the style of OpenSCHC, or the data model of RFC 9363 as JSON
(RFC 7951) or CBOR (RFC 9254). The form is found from the content.`,
		Args: noCommand,
		RunE: noCommand,
	}
	cmd.AddCommand(newRulesCheck(e), newRulesShow(e), newRulesConvert(e), newRulesDiff(e))
	return cmd
}

// ruleFile is the one rule file of a command, given with -C or as an argument.
type ruleFile struct {
	path string
	sids []string
}

func (f *ruleFile) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.path, "rules", "C", "", "rule `FILE`; - is standard input")
	cmd.MarkFlagFilename("rules", "json", "cbor")
	addSIDs(cmd, &f.sids)
}

func addSIDs(cmd *cobra.Command, v *[]string) {
	cmd.Flags().StringArrayVar(v, "sid", nil, ".sid `FILE` for the SIDs of CBOR, instead of the built-in ones (may be repeated)")
	cmd.MarkFlagFilename("sid", "sid", "json")
}

// load loads the file.
func (f *ruleFile) load(cmd *cobra.Command, e *env, args []string) (*rulefile.File, os.FileInfo, error) {
	if len(args) == 1 {
		if given(cmd, "rules") {
			return nil, nil, usagef(cmd, "the rule file is given twice, with -C and as an argument")
		}
		f.path = args[0]
	}
	if f.path == "" {
		return nil, nil, usagef(cmd, "no rule file is given")
	}
	return (&rulesFlags{file: f.path, sids: f.sids}).read(e)
}

// loadSIDs loads .sid files; none gives none.
func loadSIDs(paths []string) ([]*rulefile.SIDFile, error) {
	var list []*rulefile.SIDFile
	for _, path := range paths {
		data, _, err := readRules(path)
		if err != nil {
			return nil, err
		}
		s, err := rulefile.LoadSID(data, path)
		if err != nil {
			return nil, hint(err, "a .sid file is JSON as in RFC 9595")
		}
		list = append(list, s)
	}
	return list, nil
}

// pickSets returns the sets of a file, or the one of a device.
func pickSets(f *rulefile.File, device string) ([]*rulefile.Set, error) {
	if device != "" {
		s, err := f.Set(device)
		return []*rulefile.Set{s}, err
	}
	var all []*rulefile.Set
	for i := range f.Sets {
		all = append(all, &f.Sets[i])
	}
	return all, nil
}

// writeAll writes what a command found to its output.
func (o *output) writeAll(cmd *cobra.Command, e *env, binary bool, write func(out *pcapio.Output) error, inputs ...os.FileInfo) error {
	out, err := o.create(cmd, e, binary, inputs...)
	if err != nil {
		return err
	}
	defer guard(out)()
	if err := write(out); err != nil {
		return err
	}
	return commit(out)
}

// errDiffer is for rule files that differ.
var errDiffer = fmt.Errorf("%w: the rule files differ", errFailed)

var errNoForm = errors.New("the form to convert to is not given")
