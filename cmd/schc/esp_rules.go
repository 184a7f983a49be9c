package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/internal/safile"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

func newESPRules(e *env) *cobra.Command {
	var sa saFlags
	var form format
	var out output
	var to, spi string
	cmd := &cobra.Command{
		Use:   "rules --sa FILE [flags]",
		Short: "Show or export the SCHC Rules that Diet-ESP derives from SAs",
		Long: `Show the Rules that Diet-ESP derives from the attributes of each SA, as tables, or
export them as a rule file with --to:

    IIPC   the headers of the inner packet (in transport mode, behind the IP header)
    CTEC   the ESP trailer, before encryption
    EEC    SPI and Sequence Number, of which the high bits are taken off before

Each compressor is a set of its own, with an implicit RuleID unless rule_id is
"sent", named by the SPI and the compressor. The action lower takes the value from
the outer IP header. Keys are not needed: what the Rules depend on is the algorithm.`,
		Example: `  schc esp rules --sa sa.json
  schc esp rules --sa sa.json --to json -w rules.json
  schc esp rules --sa sa.json --spi 0x1001 -f json`,
		Args: maxArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			if err := conflict(cmd, "to", "format"); err != nil {
				return err
			}
			file, info, err := sa.load(cmd, e, &input{})
			if err != nil {
				return err
			}
			sets, err := dietSets(cmd, file, spi)
			if err != nil {
				return err
			}
			if to == "" {
				views := []*report.RuleSet{}
				for i := range sets {
					views = append(views, report.NewRuleSet(sets[i].DeviceID, sets[i].Rules, sets[i].Descriptions))
				}
				return out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeRuleSets(w, views, form.text) }, info)
			}
			f, err := outForm(cmd, to, out.path)
			if err != nil {
				return err
			}
			data, err := rulefile.SaveAs(&rulefile.File{Sets: sets}, f)
			if err != nil {
				return err
			}
			return out.writeAll(cmd, e, f == rulefile.FormCBOR, func(w *pcapio.Output) error {
				_, err := io.WriteString(w, string(data))
				return err
			}, info)
		},
	}
	cmd.Flags().SortFlags = false
	sa.add(cmd)
	cmd.Flags().StringVar(&spi, "spi", "", "show only the SA with this `SPI`")
	cmd.Flags().StringVar(&to, "to", "", "export a rule file in this `FORM`: json, yang-json or cbor")
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{"json", "yang-json", "cbor"}, cobra.ShellCompDirectiveNoFileComp))
	form.add(cmd)
	out.add(cmd)
	return cmd
}

// dietSets returns the Rules of the SAs with attributes, a set for each
// compressor; spi is "" for all.
func dietSets(cmd *cobra.Command, file *safile.File, spi string) ([]rulefile.Set, error) {
	var sets []rulefile.Set
	found := false
	for _, a := range file.SAs {
		if a.Diet == nil || spi != "" && !sameNumber(spi, a.SPI) {
			continue
		}
		found = true
		attr, err := a.Attributes()
		if err != nil {
			return nil, err
		}
		c, err := a.Config()
		if err != nil {
			return nil, err
		}
		r, err := attr.Rules(c, a.Algorithm)
		if err != nil {
			return nil, dietError(a, err)
		}
		add := func(name, text string, rule schc.Rule) {
			sets = append(sets, rulefile.Set{DeviceID: fmt.Sprintf("0x%x %s", a.SPI, name), Rules: []schc.Rule{rule}, Descriptions: []string{text}})
		}
		add(dietesp.IIPC.String(), "headers of the inner packet", r.IIPC)
		for _, o := range r.IIPCOther {
			proto, _, _ := strings.Cut(o.Fields[len(o.Fields)-1].FID.String(), ".")
			add(dietesp.IIPC.String()+" "+proto, "headers of the inner packet with "+proto, o)
		}
		add(dietesp.CTEC.String(), "ESP trailer", r.CTEC)
		add(dietesp.EEC.String(), "ESP header", r.EEC)
	}
	switch {
	case !found && spi != "":
		return nil, usagef(cmd, "the file has no SA with Diet-ESP attributes and the SPI %s", spi)
	case !found:
		return nil, errNoDiet(cmd)
	}
	return sets, nil
}

func errNoDiet(cmd *cobra.Command) error {
	return hint(usagef(cmd, "no SA of the file has Diet-ESP attributes"), `attributes are the object "diet" of an SA, {} for the defaults`)
}

// sameNumber reports whether s is n in decimal or in hex.
func sameNumber(s string, n uint32) bool {
	return strings.EqualFold(s, fmt.Sprintf("0x%x", n)) || strings.EqualFold(s, fmt.Sprintf("0x%08x", n)) || s == fmt.Sprint(n)
}
