package main

import (
	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

func newSSERules(e *env) *cobra.Command {
	var f sessionFlags
	var out output
	var to string
	var stream bool
	cmd := &cobra.Command{
		Use:   "rules --session FILE [flags]",
		Short: "Print the Rule that compresses the headers of a session",
		Long: `Print the Rule that is derived from a session (format compact, with "headers"), as a rule
file: json (the default), yang-json or cbor, as schc rules convert writes them.

The Rule has the implicit RuleID 0/0. It describes SSE packets whose Sequence Number is
reduced to its low-order bits: schc sse compress does that, and finds the number again.
Other commands apply it to whole packets in hex as long as the number is below
2^sn_bits, with --sse-icv for the length of the ICV and --split-header for padding where
SSE has it.`,
		Example: `  schc sse rules --session s.json
  schc sse rules --session s.json --to cbor -w rule.cbor
  schc sse rules --session s.json | schc explain -C - --sse-icv 8 --split-header --hex -r packets.txt`,
		Args: maxArgs(0, "no FILE"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			form := rulefile.FormJSON
			if to != "" || out.path != "-" && out.path != "" {
				var err error
				if form, err = outForm(cmd, to, out.path); err != nil {
					return err
				}
			}
			s, info, err := f.load(cmd, e, nil)
			if err != nil {
				return err
			}
			if s.Headers == nil {
				return sessionHint(s.Errorf("", "headers is missing: the session does not compress headers"))
			}
			rule, err := sseForms(s)[streamIndex(stream)].Rule(s.SPIs())
			if err != nil {
				return err
			}
			data, err := rulefile.SaveAs(&rulefile.File{Sets: []rulefile.Set{{Rules: []schc.Rule{rule}}}}, form)
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
	cmd.Flags().BoolVar(&stream, "stream", false, "the Rule for TCP, where the Length stays")
	cmd.Flags().StringVar(&to, "to", "", "`FORM` to write: json, yang-json or cbor")
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{"json", "yang-json", "cbor"}, cobra.ShellCompDirectiveNoFileComp))
	out.add(cmd)
	return cmd
}
