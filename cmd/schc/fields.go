package main

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lint"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// fieldInfo is one row of the table of fields.
type fieldInfo struct {
	Name      string   `json:"name"`
	YANG      string   `json:"yang"`
	Protocol  string   `json:"protocol"`
	LenBits   int      `json:"len_bits"` // 0: variable
	FL        []string `json:"fl"`       // what FL may be; the first is the default
	Unit      string   `json:"unit"`     // of the size that is sent
	Value     string   `json:"value"`
	Operators []string `json:"operators"`
	Actions   []string `json:"actions"`
}

// allFields returns the table of all fields.
func allFields() []fieldInfo {
	var list []fieldInfo
	for _, f := range schc.FieldIDs(nil) {
		list = append(list, newFieldInfo(f))
	}
	return list
}

func newFieldInfo(f schc.FID) fieldInfo {
	i := fieldInfo{Name: f.String(), YANG: f.YANG(), Protocol: f.Protocol().String(), LenBits: f.LenBits(), Unit: "bits",
		Operators: []string{"equal", "ignore", "MSB", "match-mapping"},
		Actions:   []string{"not-sent", "value-sent", "mapping-sent", "LSB"}}
	if i.LenBits > 0 {
		i.FL = []string{strconv.Itoa(i.LenBits)}
	} else {
		i.FL = []string{"var", "var-bits"}
		i.Unit = "bytes"
		switch f {
		case schc.FIDCoAPToken:
			i.FL = append(i.FL, "tkl")
		case schc.FIDCoAPOSCOREPIV:
			i.FL = append(i.FL, "osc.piv")
		}
		if fixedAllowed(f) {
			i.FL = append(i.FL, "a multiple of 8")
		}
	}
	switch f.Kind() {
	case schc.KindNumber:
		i.Value = "number"
	case schc.KindIPv4:
		i.Value = "IPv4 address"
	case schc.KindIPv6:
		i.Value = "IPv6 address"
		if i.LenBits == 64 {
			i.Value = "IPv6 prefix"
		}
	case schc.KindIID:
		i.Value = "IPv6 IID"
	case schc.KindString:
		i.Value = "text"
	default:
		i.Value = "bytes"
	}
	if lint.Computable(f) {
		i.Actions = append(i.Actions, "compute")
	}
	if f.Lowerable() {
		i.Actions = append(i.Actions, "lower")
	}
	switch f {
	case schc.FIDIPv6DevIID:
		i.Actions = append(i.Actions, "DevIID")
	case schc.FIDIPv6AppIID:
		i.Actions = append(i.Actions, "AppIID")
	}
	return i
}

// fixedAllowed reports whether a variable field may have a fixed FL.
func fixedAllowed(f schc.FID) bool {
	_, err := schc.NewContext([]schc.Rule{{ID: schc.RuleID{Bits: 8}, Fields: []schc.FieldDescriptor{
		{FID: f, FL: 16, MO: schc.MOIgnore, CDA: schc.CDAValueSent}}}}, schc.Options{})
	var fe *schc.FieldError
	return !errors.As(err, &fe) || fe.FID != f || !strings.HasPrefix(fe.Text, "has a fixed FL")
}

func newFields(e *env) *cobra.Command {
	var form format
	var out output
	var long bool
	cmd := &cobra.Command{
		Use:   "fields [flags] [PREFIX]",
		Short: "List all fields that Rules can describe",
		Long: `List all fields that Rules can describe: their names in rule files and in the
RFC 9363 model, lengths in bits, what FL may be, units, and the operators and
actions that they take. Any other CoAP option is COAP.OPTION-n.

PREFIX selects names that begin with it, in any case.`,
		Example: `  schc fields
  schc fields coap -f json`,
		Args: maxArgs(1, "one PREFIX"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			list := []fieldInfo{}
			for _, f := range allFields() {
				if len(args) == 0 || strings.HasPrefix(f.Name, strings.ToUpper(args[0])) {
					list = append(list, f)
				}
			}
			if len(list) == 0 {
				return usagef(cmd, "no field begins with %q", args[0])
			}
			return out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeFields(w, list, form.text, long) })
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVarP(&long, "long", "l", false, "show also operators and the names of the RFC 9363 model, in text")
	form.add(cmd)
	out.add(cmd)
	return cmd
}

func writeFields(w io.Writer, list []fieldInfo, form string, long bool) error {
	switch form {
	case "json":
		return report.WriteJSON(w, list)
	case "jsonl":
		for i := range list {
			if err := report.WriteJSONLine(w, &list[i]); err != nil {
				return err
			}
		}
		return nil
	case "tsv":
		rows := [][]string{{"name", "yang", "protocol", "len_bits", "fl", "unit", "value", "operators", "actions"}}
		for _, f := range list {
			rows = append(rows, []string{f.Name, f.YANG, f.Protocol, strconv.Itoa(f.LenBits), strings.Join(f.FL, ", "), f.Unit, f.Value,
				strings.Join(f.Operators, ", "), strings.Join(f.Actions, ", ")})
		}
		return report.WriteTSV(w, rows)
	}
	t := report.Table{Head: []string{"field", "FL", "unit", "value", "actions"}}
	if long {
		t.Head = append(t.Head, "operators", "RFC 9363 identity")
	}
	last := ""
	for _, f := range list {
		if last != "" && f.Protocol != last {
			t.Rule()
		}
		last = f.Protocol
		row := []string{f.Name, strings.Join(f.FL, ", "), f.Unit, f.Value, strings.Join(f.Actions, ", ")}
		if long {
			row = append(row, strings.Join(f.Operators, ", "), f.YANG)
		}
		t.Add(row...)
	}
	_, err := io.WriteString(w, t.String())
	return err
}
