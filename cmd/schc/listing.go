package main

import (
	"io"

	"github.com/schckit/schckit/internal/report"
)

// listing prints results one by one as they come, in the form of -f: in json they are an
// array, in text there is a blank line between them.
type listing struct {
	w    io.Writer
	form string
	head []string // of tsv
	n    int      // results printed
}

// print prints v; rows and text are its other forms.
func (l *listing) print(v any, rows func() [][]string, text func(w io.Writer) error) error {
	l.n++
	switch l.form {
	case "json":
		sep := ",\n"
		if l.n == 1 {
			sep = "[\n"
		}
		if _, err := io.WriteString(l.w, sep); err != nil {
			return err
		}
		return report.WriteJSON(l.w, v)
	case "jsonl":
		return report.WriteJSONLine(l.w, v)
	case "tsv":
		r := rows()
		if l.n == 1 {
			r = append([][]string{l.head}, r...)
		}
		return report.WriteTSV(l.w, r)
	}
	if l.n > 1 {
		if _, err := io.WriteString(l.w, "\n"); err != nil {
			return err
		}
	}
	return text(l.w)
}

// end closes the JSON array, and prints the head of an empty table.
func (l *listing) end() error {
	s := ""
	switch {
	case l.form == "json" && l.n == 0:
		s = "[]\n"
	case l.form == "json":
		s = "]\n"
	case l.form == "tsv" && l.n == 0:
		return report.WriteTSV(l.w, [][]string{l.head})
	}
	_, err := io.WriteString(l.w, s)
	return err
}
