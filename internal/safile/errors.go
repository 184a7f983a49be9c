package safile

import (
	"fmt"
	"strings"
)

// An Error says what is wrong with an SA file, and where.
type Error struct {
	Name      string // of the file
	Line, Col int    // from 1; 0: not known
	SA        int    // from 1; 0: none
	Key       string // of the object, or ""
	Text      string
	Err       error // an esp.Error, or nil
}

// Error returns "name:line:col: SA 2: key: text".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Name != "" {
		b.WriteString(e.Name)
		b.WriteByte(':')
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Col)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.SA > 0 {
		fmt.Fprintf(&b, "SA %d: ", e.SA)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, "%s: ", e.Key)
	}
	b.WriteString(e.Text)
	return b.String()
}

// Unwrap returns the class.
func (e *Error) Unwrap() error { return e.Err }
