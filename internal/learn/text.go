package learn

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/schckit/schckit/internal/report"
)

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "packets   %d: %d to learn from", r.Packets, r.Learned)
	if r.Sampled < r.Learned {
		fmt.Fprintf(&b, " (%d sampled)", r.Sampled)
	}
	fmt.Fprintf(&b, ", %d held out", r.HeldOut)
	if r.NoDirection > 0 {
		fmt.Fprintf(&b, ", %d not of the device and left out", r.NoDirection)
	}
	fmt.Fprintf(&b, "\nrules     %d\n\n", r.RuleCount)
	t := report.Table{Head: []string{"bits per packet, on average", "held out", "learned from", "all"}, Right: []bool{false, true, true, true}}
	row := func(name string, f func(*Figures) string) {
		held := "-"
		if r.Held.Packets > 0 {
			held = f(&r.Held)
		}
		t.Add(name, held, f(&r.Train), f(&r.All))
	}
	row("headers without compression", func(f *Figures) string { return oneDigit(f.PlainBits) })
	row("headers under these Rules", func(f *Figures) string { return oneDigit(f.HeaderBits) })
	row("  of that, RuleID and residue", func(f *Figures) string { return oneDigit(f.RuleBits) })
	row("entropy of the fields, per header shape", func(f *Figures) string { return oneDigit(f.FieldEntropy) })
	row("entropy of the header shapes", func(f *Figures) string { return oneDigit(f.ShapeEntropy) })
	t.Rule()
	row("packets", func(f *Figures) string { return strconv.Itoa(f.Packets) })
	row("  not compressed", func(f *Figures) string { return strconv.Itoa(f.NoCompression + f.NoRule) })
	row("bytes", func(f *Figures) string { return strconv.Itoa(f.InBytes) })
	row("bytes under these Rules", func(f *Figures) string { return strconv.Itoa(f.OutBytes) })
	b.WriteString(t.String())
	b.WriteByte('\n')
	rules := report.Table{Head: RuleHead, Right: []bool{false, true, true, true, true, true, false}}
	for _, x := range r.PerRule {
		rules.Add(x.cells()...)
	}
	b.WriteString(rules.String())
	_, err := io.WriteString(w, b.String())
	return err
}

func oneDigit(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// RuleHead names the columns of the table of Rules.
var RuleHead = []string{"rule", "fields", "up", "down", "held out", "header bits", "description"}

func (x *RuleFigures) cells() []string {
	return []string{x.Rule, strconv.Itoa(x.Fields), strconv.Itoa(x.Up), strconv.Itoa(x.Down), strconv.Itoa(x.HeldOut), oneDigit(x.HeaderBits), x.Description}
}

// Rows returns the table of Rules, with its head.
func (r *Report) Rows() [][]string {
	rows := [][]string{RuleHead}
	for i := range r.PerRule {
		rows = append(rows, r.PerRule[i].cells())
	}
	return rows
}
