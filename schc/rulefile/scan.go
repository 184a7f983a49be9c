package rulefile

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/schckit/schckit/schc"
)

// A scanner reads JSON (RFC 8259) token by token from data and knows where it
// is. It builds no tree: a value that is needed later is skipped, which checks
// its syntax, and read again from its offset.
type scanner struct {
	data  []byte
	name  string
	pos   int
	depth int
	place place
	lines *lineIndex
}

// lineIndex is the line and the column, both from 1, of an offset. It moves
// forward only.
type lineIndex struct{ off, line, col int }

// advance moves x to off.
func (x *lineIndex) advance(data []byte, off int) {
	part := data[x.off:off]
	for {
		i := bytes.IndexByte(part, '\n')
		if i < 0 {
			break
		}
		x.line++
		x.col = 1
		part = part[i+1:]
	}
	x.col += utf8.RuneCount(part)
	x.off = off
}

func newScanner(data []byte, name string) *scanner {
	s := &scanner{data: fromPython(data), name: name, lines: &lineIndex{line: 1, col: 1}}
	s.place.ruleIndex, s.place.field = -1, -1
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) { // a byte order mark has no column
		s.pos, s.lines.off = 3, 3
	}
	return s
}

// fromPython turns a document as Python prints it, with single quotes, into
// JSON of the same length; OpenSCHC has such files. Other data, and strings
// that would need more than other quotes, come back as they are.
func fromPython(data []byte) []byte {
	start := bytes.TrimLeft(data, "[{ \t\r\n")
	if n := len(data) - len(start); n == 0 || len(start) == 0 || start[0] != '\'' || len(data) > MaxFileSize {
		return data
	}
	out := bytes.Clone(data)
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			return data
		case c == '\'':
			n := bytes.IndexAny(out[i+1:], "'\"\\\n")
			if n < 0 || out[i+1+n] != '\'' {
				return data
			}
			out[i], out[i+1+n] = '"', '"'
			i += n + 1
		case c == 'N' && bytes.HasPrefix(out[i:], []byte("None")):
			copy(out[i:], "null")
		case c == 'T' && bytes.HasPrefix(out[i:], []byte("True")):
			out[i] = 't'
		case c == 'F' && bytes.HasPrefix(out[i:], []byte("False")):
			out[i] = 'f'
		}
	}
	return out
}

// at returns a scanner of the value at off, with the same place.
func (s *scanner) at(off int) *scanner {
	t := *s
	t.pos = off
	return &t
}

// lineCol returns the line and the column of off.
func (s *scanner) lineCol(off int) (line, col int) {
	x := *s.lines
	if off < x.off {
		x = lineIndex{line: 1, col: 1}
	}
	x.advance(s.data, off)
	return x.line, x.col
}

// spot is lineCol for offsets that grow from call to call: it looks at each
// byte of the file once.
func (s *scanner) spot(off int) spot {
	if off >= s.lines.off {
		s.lines.advance(s.data, off)
	}
	return spot{int32(s.lines.line), int32(s.lines.col)}
}

func (s *scanner) errorAt(off int, class schc.Error, format string, args ...any) *Error {
	off = min(off, len(s.data))
	line, col := s.lineCol(off)
	return &Error{
		Name: s.name, Line: line, Col: col, Offset: off,
		Rule: s.place.rule(), Field: s.place.fieldName(),
		Err: class, Text: fmt.Sprintf(format, args...),
	}
}

func (s *scanner) malformed(off int, format string, args ...any) *Error {
	return s.errorAt(off, schc.ErrMalformed, format, args...)
}

func (s *scanner) unsupported(off int, format string, args ...any) *Error {
	return s.errorAt(off, schc.ErrUnsupported, format, args...)
}

// space skips white space and returns the next byte, or 0 at the end.
func (s *scanner) space() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// kind names the value that starts with c, for error texts.
func kind(c byte) string {
	switch {
	case c == '{':
		return "an object"
	case c == '[':
		return "a list"
	case c == '"':
		return "a string"
	case c == 't' || c == 'f':
		return "true or false"
	case c == 'n':
		return "null"
	case c == '-' || '0' <= c && c <= '9':
		return "a number"
	}
	return strconv.QuoteRune(rune(c))
}

// unexpected is the error for a value of another kind than wanted.
func (s *scanner) unexpected(want string) *Error {
	c := s.space()
	if s.pos == len(s.data) {
		return s.malformed(s.pos, "the file ends where %s is expected", want)
	}
	switch c {
	case '\'':
		return s.malformed(s.pos, "single quotes: JSON wants double ones (a dict printed by Python is not JSON; use json.dumps)")
	case '/', '#':
		return s.malformed(s.pos, "JSON has no comments: use a key that starts with \"_\"")
	case ',', ']', '}':
		return s.malformed(s.pos, "%q where %s is expected; is there a comma too many?", c, want)
	}
	return s.malformed(s.pos, "%s where %s is expected", kind(c), want)
}

// offset is the offset of the next value.
func (s *scanner) offset() int { s.space(); return s.pos }

func (s *scanner) enter() *Error {
	if s.depth++; s.depth > MaxDepth {
		return s.malformed(s.pos, "nested more than %d deep", MaxDepth)
	}
	return nil
}

// object reads an object and calls member for each key, with the scanner at
// the value, which member must consume. what names the object in errors. It
// does not look for duplicate keys.
func (s *scanner) object(what string, member func(key []byte, keyOff int) *Error) *Error {
	if s.space() != '{' {
		return s.unexpected(what)
	}
	if err := s.enter(); err != nil {
		return err
	}
	s.pos++
	if s.space() == '}' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		if s.space() != '"' {
			return s.unexpected("a key in double quotes")
		}
		off := s.pos
		key, err := s.str()
		if err != nil {
			return err
		}
		if s.space() != ':' {
			return s.unexpected("a colon")
		}
		s.pos++
		s.space()
		if err := member(key, off); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			s.depth--
			return nil
		default:
			return s.unexpected("a comma or the end of the object")
		}
	}
}

// array reads a list and calls element for each element, with the scanner at
// the value, which element must consume.
func (s *scanner) array(what string, element func(i int) *Error) *Error {
	if s.space() != '[' {
		return s.unexpected(what)
	}
	if err := s.enter(); err != nil {
		return err
	}
	s.pos++
	if s.space() == ']' {
		s.pos++
		s.depth--
		return nil
	}
	for i := 0; ; i++ {
		s.space()
		if err := element(i); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			s.depth--
			return nil
		default:
			return s.unexpected("a comma or the end of the list")
		}
	}
}

// skip reads one value of any kind and drops it.
func (s *scanner) skip() *Error {
	switch c := s.space(); {
	case c == '{':
		return s.object("", func([]byte, int) *Error { return s.skip() })
	case c == '[':
		return s.array("", func(int) *Error { return s.skip() })
	case c == '"':
		_, err := s.str()
		return err
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case c == '-' || '0' <= c && c <= '9':
		_, err := s.number()
		return err
	}
	return s.unexpected("a value")
}

func (s *scanner) word(w string) *Error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return s.malformed(s.pos, "not a JSON value: text needs double quotes")
	}
	s.pos += len(w)
	return nil
}

// boolean reads true or false.
func (s *scanner) boolean(what string) (bool, *Error) {
	switch s.space() {
	case 't':
		return true, s.word("true")
	case 'f':
		return false, s.word("false")
	}
	return false, s.unexpected(what)
}

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, *Error) {
	start := s.pos
	digits := func() bool {
		n := s.pos
		for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
			s.pos++
		}
		return s.pos > n
	}
	next := func(set string) bool {
		if s.pos < len(s.data) && strings.IndexByte(set, s.data[s.pos]) >= 0 {
			s.pos++
			return true
		}
		return false
	}
	next("-")
	first := s.pos
	ok := digits()
	if ok && s.data[first] == '0' && s.pos > first+1 {
		return nil, s.malformed(start, "a number with a leading zero: drop the zero")
	}
	if ok && next("xX") {
		return nil, s.malformed(start, "JSON has no 0x numbers: put it in double quotes")
	}
	if ok && next(".") {
		ok = digits()
	}
	if ok && next("eE") {
		next("+-")
		ok = digits()
	}
	if !ok {
		return nil, s.malformed(start, "not a number")
	}
	return s.data[start:s.pos], nil
}

// uint reads a whole number from 0 to limit.
func (s *scanner) uint(what string, limit uint64) (uint64, *Error) {
	c := s.space()
	off := s.pos
	if c == '"' {
		return 0, s.malformed(off, "%s is a string: write the number without quotes", what)
	}
	if c != '-' && (c < '0' || c > '9') {
		return 0, s.unexpected(what + ", a number,")
	}
	text, err := s.number()
	if err != nil {
		return 0, err
	}
	v, perr := strconv.ParseUint(string(text), 10, 64)
	if perr != nil || v > limit {
		return 0, s.malformed(off, "%s is %s: it must be a whole number from 0 to %d", what, clip(text), limit)
	}
	return v, nil
}

// clip shortens a text from a file for an error message.
func clip(b []byte) string {
	const most = 40
	if len(b) <= most {
		return string(b)
	}
	n := most
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return string(b[:n]) + "..."
}

// text reads a string.
func (s *scanner) text(what string) (string, *Error) {
	if s.space() != '"' {
		return "", s.unexpected(what + ", a string,")
	}
	b, err := s.str()
	return string(b), err
}

// str reads a string. The result is part of the file where it has no escapes.
func (s *scanner) str() ([]byte, *Error) {
	start := s.pos + 1
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return s.data[start:i], nil
		case c == '\\' || c >= utf8.RuneSelf:
			return s.longStr(start, i)
		case c < ' ':
			return nil, s.malformed(i, "a control character in a string; is the closing quote missing?")
		}
	}
	return nil, s.malformed(start-1, "the string is not closed")
}

// longStr is str for strings with escapes or characters beyond ASCII, from i.
func (s *scanner) longStr(start, i int) ([]byte, *Error) {
	out := append([]byte(nil), s.data[start:i]...)
	for i < len(s.data) {
		c := s.data[i]
		switch {
		case c == '"':
			s.pos = i + 1
			return out, nil
		case c < ' ':
			return nil, s.malformed(i, "a control character in a string; is the closing quote missing?")
		case c == '\\':
			var err *Error
			if out, i, err = s.escape(out, i); err != nil {
				return nil, err
			}
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(s.data[i:])
			if r == utf8.RuneError && n == 1 {
				return nil, s.malformed(i, "not UTF-8: save the file as UTF-8")
			}
			out = append(out, s.data[i:i+n]...)
			i += n
		}
	}
	return nil, s.malformed(start-1, "the string is not closed")
}

// escape decodes the escape sequence at i and returns the offset behind it.
func (s *scanner) escape(out []byte, i int) ([]byte, int, *Error) {
	if i+1 >= len(s.data) {
		return nil, 0, s.malformed(i, "the string is not closed")
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if k := strings.IndexByte(from, s.data[i+1]); k >= 0 {
		return append(out, to[k]), i + 2, nil
	}
	r, ok := s.hex4(i)
	if !ok {
		return nil, 0, s.malformed(i, "not an escape sequence of JSON: write \\\\ for a backslash")
	}
	n := 6
	if utf16.IsSurrogate(r) {
		low, ok := s.hex4(i + 6)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return nil, 0, s.malformed(i, "half of a surrogate pair: write both halves")
		}
		n = 12
	}
	return utf8.AppendRune(out, r), i + n, nil
}

func (s *scanner) hex4(i int) (rune, bool) {
	if i+6 > len(s.data) || s.data[i] != '\\' || s.data[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s.data[i+2:i+6]), 16, 16)
	return rune(v), err == nil
}

// end checks that nothing follows.
func (s *scanner) end() *Error {
	if s.space(); s.pos < len(s.data) {
		return s.malformed(s.pos, "more text after the end of the rule set: a file holds one JSON value")
	}
	return nil
}
