package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// WriteJSON writes v as indented JSON.
func WriteJSON(w io.Writer, v any) error { return encode(w, v, "  ") }

// WriteJSONLine writes v as JSON in one line.
func WriteJSONLine(w io.Writer, v any) error { return encode(w, v, "") }

// WriteJSONList writes each element of list as JSON in a line of its own.
func WriteJSONList[T any](w io.Writer, list []T) error {
	for i := range list {
		if err := WriteJSONLine(w, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func encode(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// line is one line of the forms jsonl and tsv.
type line struct {
	Kind string `json:"kind"` // rule, dir, passed or total
	Name string `json:"name"`
	RuleCounts
}

// lines returns s as lines: one per Rule and direction, what was passed
// through, and the total.
func (s *Summary) lines() []line {
	var l []line
	for _, r := range s.Rules {
		l = append(l, line{"rule", r.Rule, r})
	}
	for _, d := range s.Directions {
		l = append(l, line{"dir", d.Dir, RuleCounts{Counts: d.Counts}})
	}
	if s.Passed != nil {
		l = append(l, line{"passed", "", RuleCounts{Counts: *s.Passed}})
	}
	return l
}

// WriteJSONLines writes one object per Rule, direction and so on, each with its
// kind, and s itself without them last, with the kind total.
func (s *Summary) WriteJSONLines(w io.Writer) error {
	for _, l := range s.lines() {
		var v any
		switch l.Kind {
		case "rule":
			v = struct {
				Kind string `json:"kind"`
				RuleCounts
			}{l.Kind, l.RuleCounts}
		case "dir":
			v = struct {
				Kind string `json:"kind"`
				DirCounts
			}{l.Kind, DirCounts{l.Name, l.Counts}}
		default:
			v = struct {
				Kind string `json:"kind"`
				Counts
			}{l.Kind, l.Counts}
		}
		if err := WriteJSONLine(w, v); err != nil {
			return err
		}
	}
	total := *s
	total.Rules, total.Directions, total.Passed = nil, nil, nil
	return WriteJSONLine(w, struct {
		Kind string `json:"kind"`
		*Summary
	}{"total", &total})
}

// WriteTSV writes a heading and one line per Rule, direction and so on, and the
// total last; without detail it writes all counts in one line.
func (s *Summary) WriteTSV(w io.Writer) error {
	if s.Passed == nil {
		return s.countsTSV(w)
	}
	rows := [][]string{{"kind", "name", "packets", "up", "down", "lossy", "in_bytes", "out_bytes", "hdr_in_bytes", "hdr_out_bits",
		"header_saving_percent", "packet_saving_percent", "description"}}
	total := line{"total", "", RuleCounts{Counts: s.Counts, Lossy: s.Lossy}}
	for _, r := range s.Rules {
		total.Up += r.Up
		total.Down += r.Down
	}
	for _, l := range append(s.lines(), total) {
		rows = append(rows, []string{l.Kind, l.Name, u(l.Packets), u(l.Up), u(l.Down), u(l.Lossy), u(l.InBytes), u(l.OutBytes),
			u(l.HdrInBytes), u(l.HdrOutBits), number(l.HeaderSaving), number(l.PacketSaving), l.Description})
	}
	return WriteTSV(w, rows)
}

// countsTSV writes the counts under the names that they have in JSON.
func (s *Summary) countsTSV(w io.Writer) error {
	var names, values []string
	add := func(name, value string) { names, values = append(names, name), append(values, value) }
	add("packets", u(s.Packets))
	add("compressed", u(s.Compressed))
	add("no_compression", u(s.NoCompression))
	add("lossy", u(s.Lossy))
	add("stripped", u(s.Stripped))
	if s.Mismatched != nil {
		add("mismatched", u(*s.Mismatched))
	}
	add("passed_through", u(s.PassedThrough))
	add("no_rule", u(s.NoRule))
	add("no_direction", u(s.NoDirection))
	add("snap_cut", u(s.SnapCut))
	add("trailer", u(s.Trailer))
	add("non_ip", u(s.NonIP))
	add("bad_length", u(s.BadLength))
	add("errors", u(s.Errors))
	add("in_bytes", u(s.InBytes))
	add("out_bytes", u(s.OutBytes))
	add("hdr_in_bytes", u(s.HdrInBytes))
	add("hdr_out_bits", u(s.HdrOutBits))
	add("header_saving_percent", number(s.HeaderSaving))
	add("packet_saving_percent", number(s.PacketSaving))
	return WriteTSV(w, [][]string{names, values})
}

func number(p *float64) string {
	if p == nil {
		return ""
	}
	return strconv.FormatFloat(*p, 'f', 1, 64)
}

// WriteTSV writes rows of tab-separated values; tabs and line ends in them
// become blanks.
func WriteTSV(w io.Writer, rows [][]string) error {
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	var b strings.Builder
	for _, r := range rows {
		for i, c := range r {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(clean.Replace(c))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Write writes s in a form: text, json, jsonl or tsv.
func (s *Summary) Write(w io.Writer, form string) error {
	switch form {
	case "json":
		return WriteJSON(w, s)
	case "jsonl":
		return s.WriteJSONLines(w)
	case "tsv":
		return s.WriteTSV(w)
	}
	return s.WriteText(w)
}
