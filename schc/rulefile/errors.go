package rulefile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// An Error is what is wrong in a file: where, in which Rule and field, and
// what to do about it. All errors of this package about a file are Errors.
type Error struct {
	Name   string     // the file's name as given to Load; may be empty
	Line   int        // from 1; 0: the form has no lines (CBOR) or the place is not known
	Col    int        // in characters, from 1
	Offset int        // in bytes from the start of the file; -1: not known
	Rule   string     // the Rule, such as "5/8", or "#3" where it has no RuleID yet; may be empty
	Field  string     // the field, such as "3 (IPV6.LEN)"; may be empty
	Err    schc.Error // the class: schc.ErrMalformed or schc.ErrUnsupported
	Text   string     // what is wrong and what to do
}

// Error returns "name:line:col: rule 5/8: field 3 (IPV6.LEN): text".
func (e *Error) Error() string {
	var b strings.Builder
	place := ""
	switch {
	case e.Line > 0:
		place = fmt.Sprintf("%d:%d", e.Line, e.Col)
	case e.Offset >= 0:
		place = fmt.Sprintf("byte %d", e.Offset)
	}
	switch {
	case e.Name != "" && e.Line > 0:
		b.WriteString(e.Name + ":" + place + ": ")
	case e.Name != "" && place != "":
		b.WriteString(e.Name + ": " + place + ": ")
	case e.Name != "":
		b.WriteString(e.Name + ": ")
	case place != "":
		b.WriteString(place + ": ")
	}
	if e.Rule != "" {
		b.WriteString("rule " + e.Rule + ": ")
	}
	if e.Field != "" {
		b.WriteString("field " + e.Field + ": ")
	}
	b.WriteString(e.Text)
	return b.String()
}

// Unwrap returns the class, so that errors.Is(err, schc.ErrMalformed) works.
func (e *Error) Unwrap() error { return e.Err }

// A Warning is something in a file that was accepted but not kept, such as
// the COAP.END pseudo field of OpenSCHC.
type Warning struct {
	Line, Col int // the place; Line 0: the form has no lines
	Rule      string
	Text      string
}

// String returns "line:col: rule 5/8: text".
func (w Warning) String() string {
	s := ""
	if w.Line > 0 {
		s = fmt.Sprintf("%d:%d: ", w.Line, w.Col)
	}
	if w.Rule != "" {
		s += "rule " + w.Rule + ": "
	}
	return s + w.Text
}

// place is where a loader is: the Rule and the field that errors name.
type place struct {
	ruleIndex int // -1: none
	hasID     bool
	id        schc.RuleID
	field     int // -1: none
	fid       schc.FID
}

func (p *place) rule() string {
	switch {
	case p.ruleIndex < 0:
		return ""
	case p.hasID:
		return p.id.String()
	}
	return "#" + strconv.Itoa(p.ruleIndex+1)
}

func (p *place) fieldName() string {
	switch {
	case p.field < 0:
		return ""
	case p.fid == 0:
		return strconv.Itoa(p.field + 1)
	}
	return strconv.Itoa(p.field+1) + " (" + p.fid.String() + ")"
}
