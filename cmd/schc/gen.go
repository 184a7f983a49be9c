package main

import (
	"go/token"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/gen"
	"github.com/schckit/schckit/internal/pcapio"
)

func newGen(e *env) *cobra.Command {
	var f rulesFlags
	var out output
	var pkg string
	cmd := &cobra.Command{
		Use:   "gen -C RULES --package NAME [flags]",
		Short: "Write Rules as Go source for firmware",
		Long: `Check and compile the Rules of a file and write them as Go source: one constant
that the schc package reads in place, so that firmware needs neither heap nor
start-up work, and a function Load that makes a schc.Context of it.

The choice among Rules that match (--lossless, --first-match) and
--trust-computed become part of what is written. The same Rules and flags give
the same bytes. Two sets of Rules in one program are two packages.`,
		Example: `  schc gen -C rules.json -o rules_gen.go --package rules
  schc gen -C rules.cbor --device sensor-7 --package sensor`,
		Args: maxArgs(0, "none"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !token.IsIdentifier(pkg) || pkg == "_" {
				if !given(cmd, "package") {
					return usagef(cmd, "no package is given; name it with --package")
				}
				return usagef(cmd, "--package: %q is %w", pkg, gen.ErrPackage)
			}
			l, err := f.load(cmd, e, nil, false)
			if err != nil {
				return err
			}
			opts := gen.Options{Package: pkg, Descriptions: l.set.Descriptions}
			if f.file != "-" {
				opts.From = filepath.Base(f.file)
			}
			if l.set.DeviceID != "" {
				opts.From = strings.TrimPrefix(opts.From+", device "+l.set.DeviceID, ", ")
			}
			source, err := gen.Source(l.ctx, opts)
			if err != nil {
				return err
			}
			return out.writeAll(cmd, e, false, func(w *pcapio.Output) error {
				_, err := w.Write(source)
				return err
			}, l.info)
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd)
	cmd.Flags().StringVarP(&out.path, "output", "o", "-", "`FILE` to write; - is standard output")
	cmd.MarkFlagFilename("output", "go")
	cmd.Flags().StringVar(&pkg, "package", "", "`NAME` of the Go package")
	f.addChoice(cmd)
	return cmd
}
