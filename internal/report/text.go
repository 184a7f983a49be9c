package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteText writes s for people.
func (s *Summary) WriteText(w io.Writer) error {
	var b strings.Builder
	s.text(&b)
	if s.Passed != nil {
		s.tables(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Line returns the most important figures in one line.
func (s *Summary) Line() string {
	return fmt.Sprintf("%s: %d compressed, %d passed through%s; %d -> %d bytes, %s saved",
		plural(s.Packets, "packet"), s.Compressed, s.PassedThrough, s.why(" (", ")"),
		s.InBytes, s.OutBytes, percent(s.PacketSaving))
}

// why lists the reasons for passing packets through, with text around it.
func (s *Summary) why(before, after string) string {
	var l []string
	for _, x := range []struct {
		n    uint64
		text string
	}{
		{s.NoRule, "without a Rule"},
		{s.NoDirection, "not of the device"},
		{s.SnapCut, "cut by the snap length"},
		{s.Trailer, "with a trailer"},
		{s.NonIP, "not IP"},
		{s.BadLength, "of a wrong length"},
		{s.Errors, "failed"},
	} {
		if x.n > 0 {
			l = append(l, fmt.Sprintf("%d %s", x.n, x.text))
		}
	}
	if l == nil {
		return ""
	}
	return before + strings.Join(l, ", ") + after
}

func (s *Summary) text(b *strings.Builder) {
	fmt.Fprintf(b, "packets         %d\n", s.Packets)
	fmt.Fprintf(b, "compressed      %d", s.Compressed)
	sep := ": "
	for _, x := range []struct {
		n    uint64
		text string
	}{{s.NoCompression, "by a no-compression Rule"}, {s.Lossy, "lossy"}, {s.Stripped, "without their trailer"}} {
		if x.n > 0 {
			fmt.Fprintf(b, "%s%d %s", sep, x.n, x.text)
			sep = ", "
		}
	}
	fmt.Fprintf(b, "\npassed through  %d%s\n", s.PassedThrough, s.why(": ", ""))
	if s.Mismatched != nil {
		fmt.Fprintf(b, "mismatched      %d\n", *s.Mismatched)
	}
	fmt.Fprintf(b, "headers         %d bytes -> %d bits (%s bytes), %s saved\n", s.HdrInBytes, s.HdrOutBits,
		strconv.FormatFloat(float64(s.HdrOutBits)/8, 'f', 1, 64), percent(s.HeaderSaving))
	fmt.Fprintf(b, "whole packets   %d bytes -> %d bytes, %s saved\n", s.InBytes, s.OutBytes, percent(s.PacketSaving))
	if s.Damage != "" {
		fmt.Fprintf(b, "damaged         %s\n", s.Damage)
	}
}

// tables prints one line per Rule, per direction and in total.
func (s *Summary) tables(b *strings.Builder) {
	t := Table{Head: []string{"rule", "packets", "up", "down", "lossy", "header bytes", "-> bits", "saved", "bytes", "-> bytes", "saved", "description"},
		Right: []bool{false, true, true, true, true, true, true, true, true, true, true, false}}
	row := func(name string, c *Counts, up, down, lossy, text string) {
		t.Add(name, u(c.Packets), up, down, lossy, u(c.HdrInBytes), u(c.HdrOutBits), percent(c.HeaderSaving),
			u(c.InBytes), u(c.OutBytes), percent(c.PacketSaving), text)
	}
	var up, down uint64
	for i := range s.Rules {
		r := &s.Rules[i]
		up, down = up+r.Up, down+r.Down
		text := r.Description
		if text == "" && r.Nature == "nature-no-compression" {
			text = "no compression"
		}
		row(r.Rule, &r.Counts, u(r.Up), u(r.Down), u(r.Lossy), text)
	}
	t.Rule()
	for i := range s.Directions {
		d := &s.Directions[i]
		row(d.Dir, &d.Counts, "", "", "", "")
	}
	row("passed", s.Passed, "", "", "", "")
	row("total", &s.Counts, u(up), u(down), u(s.Lossy), "")
	b.WriteByte('\n')
	b.WriteString(t.String())
	if n := *s.UnusedRules; n > 0 {
		fmt.Fprintf(b, "\n%s without packets\n", plural(uint64(n), "Rule"))
	}
}

func u(n uint64) string { return strconv.FormatUint(n, 10) }

func percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return strconv.FormatFloat(*p, 'f', 1, 64) + "%"
}

// Plural returns "1 packet", "2 packets" and so on.
func Plural(n int, what string) string { return plural(uint64(n), what) }

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return u(n) + " " + what + "s"
}

// Table aligns columns of text.
type Table struct {
	Head   []string // nil: none
	Right  []bool   // the columns that are aligned to the right
	Indent string
	rows   [][]string
	bars   map[int]bool
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Rule draws a line under the last row.
func (t *Table) Rule() {
	if t.bars == nil {
		t.bars = make(map[int]bool)
	}
	t.bars[len(t.rows)] = true
}

// String returns the table, without blanks at line ends.
func (t *Table) String() string {
	rows := t.rows
	if t.Head != nil {
		rows = append([][]string{t.Head}, rows...)
	}
	var width []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		s := t.Indent
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				s += "  "
			}
			if i < len(t.Right) && t.Right[i] {
				s += pad + c
			} else {
				s += c + pad
			}
		}
		b.WriteString(strings.TrimRight(s, " ") + "\n")
	}
	bar := func() {
		cells := make([]string, len(width))
		for i := range cells {
			cells[i] = strings.Repeat("-", width[i])
		}
		line(cells)
	}
	if t.Head != nil {
		line(t.Head)
		bar()
	}
	for i, r := range t.rows {
		if t.bars[i] && i > 0 {
			bar()
		}
		line(r)
	}
	return b.String()
}
