package safile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// member is a key of an object with its value, as it stands in the file.
type member struct {
	key string
	raw json.RawMessage
	off int // of the key
	val int // of the value
}

// scanner walks over the file and keeps the offsets of keys.
type scanner struct {
	data []byte
	dec  *json.Decoder
	base int // offset of what dec reads
	name string
	sa   int
}

func newScanner(data []byte, name string) *scanner {
	return &scanner{data: data, dec: json.NewDecoder(bytes.NewReader(data)), name: name}
}

// inner scans the value of a member.
func (s *scanner) inner(m member) *scanner {
	return &scanner{data: s.data, dec: json.NewDecoder(bytes.NewReader(m.raw)), base: m.val, name: s.name, sa: s.sa}
}

// at returns the offset of the next token.
func (s *scanner) at() int {
	off := s.base + int(s.dec.InputOffset())
	for off < len(s.data) && bytes.IndexByte([]byte(" \t\r\n,:"), s.data[off]) >= 0 {
		off++
	}
	return off
}

// errorf is an error at an offset; -1: not known.
func (s *scanner) errorf(off int, key, format string, args ...any) *Error {
	e := &Error{Name: s.name, SA: s.sa, Key: key, Text: fmt.Sprintf(format, args...)}
	if off >= 0 {
		head := s.data[:min(off, len(s.data))]
		e.Line = bytes.Count(head, []byte{'\n'}) + 1
		e.Col = utf8.RuneCount(head[bytes.LastIndexByte(head, '\n')+1:]) + 1
	}
	return e
}

// syntax is an error of the JSON decoder, at off or wherever the decoder stands.
func (s *scanner) syntax(off int, err error) *Error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.errorf(len(s.data), "", "the file ends early")
	}
	if off < 0 {
		off = s.at()
	}
	return s.errorf(off, "", "not JSON: %v", err)
}

// value reads the value of a key.
func (s *scanner) value() (raw json.RawMessage, e *Error) {
	off := s.at()
	if err := s.dec.Decode(&raw); err != nil {
		return nil, s.syntax(off, err)
	}
	return raw, nil
}

// delim takes a delimiter.
func (s *scanner) delim(want json.Delim, what string) *Error {
	off := s.at()
	t, err := s.dec.Token()
	if err != nil {
		return s.syntax(-1, err)
	}
	if t != want {
		return s.errorf(off, "", "%s", what)
	}
	return nil
}

// object reads the next object; what is the error's text if there is none.
func (s *scanner) object(what string) ([]member, *Error) {
	if e := s.delim('{', what); e != nil {
		return nil, e
	}
	var list []member
	for s.dec.More() {
		m := member{off: s.at()}
		t, err := s.dec.Token()
		if err != nil {
			return nil, s.syntax(-1, err)
		}
		m.key, _ = t.(string)
		m.val = s.at()
		var e *Error
		if m.raw, e = s.value(); e != nil {
			return nil, e
		}
		for _, o := range list {
			if o.key == m.key {
				return nil, s.errorf(m.off, m.key, "given twice")
			}
		}
		list = append(list, m)
	}
	if _, err := s.dec.Token(); err != nil {
		return nil, s.syntax(-1, err)
	}
	return list, nil
}
