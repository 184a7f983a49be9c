package rulefile

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/schckit/schckit/schc"
)

// value reads one target value of d.
func (l *loader) value(s *scanner, d *schc.FieldDescriptor) ([]byte, *Error) {
	c := s.space()
	off := s.pos
	switch {
	case '0' <= c && c <= '9':
		text, err := s.number()
		if err != nil {
			return nil, err
		}
		if v, perr := strconv.ParseUint(string(text), 10, 64); perr == nil {
			return l.number(s, off, v, nil, d)
		}
		v, ok := new(big.Int), false
		if len(text) <= 1024 {
			v, ok = v.SetString(string(text), 10)
		}
		if !ok {
			return nil, s.malformed(off, "the target value %s is not a whole number; larger ones may be written as \"0x..\"", clip(text))
		}
		return l.number(s, off, 0, v.Bytes(), d)
	case c == '-':
		return nil, s.malformed(off, "a negative target value: fields hold unsigned numbers")
	case c == '"':
		text, err := s.str()
		if err != nil {
			return nil, err
		}
		return l.textValue(s, off, text, d)
	case c == '{':
		return nil, s.unsupported(off, "an object as target value (INDIRECT) is not supported: write the value itself")
	}
	return nil, s.unexpected("a target value, a number or a string,")
}

// number makes the value of d from v, or from the bytes of a larger number.
func (l *loader) number(s *scanner, off int, v uint64, large []byte, d *schc.FieldDescriptor) ([]byte, *Error) {
	var b [8]byte
	if large == nil {
		large = b[:]
		for i := range b {
			b[i] = byte(v >> (56 - 8*i))
		}
		large = bytes.TrimLeft(large, "\x00")
	}
	if !d.FL.Variable() {
		return l.fixed(s, off, large, d.FL)
	}
	if len(large) == 0 && d.FID.Kind() != schc.KindNumber {
		return l.bytes(1), nil // as OpenSCHC does: a byte 0
	}
	return l.keep(large), nil
}

// fixed right-aligns v in the width of a fixed-length field.
func (l *loader) fixed(s *scanner, off int, v []byte, fl schc.FieldLength) ([]byte, *Error) {
	v = bytes.TrimLeft(v, "\x00")
	n := (int(fl) + 7) / 8
	if len(v) > n || len(v) == n && n > 0 && fl%8 != 0 && v[0]>>(fl%8) != 0 {
		return nil, s.malformed(off, "the target value does not fit the field's %d bits", fl)
	}
	if err := l.take(s, off, n); err != nil {
		return nil, err
	}
	b := l.bytes(n)
	copy(b[n-len(v):], v)
	return b, nil
}

// isHex reports whether t is "0x" and hex digits.
func isHex(t []byte) bool {
	if len(t) < 2 || t[0] != '0' || t[1]|0x20 != 'x' {
		return false
	}
	for _, c := range t[2:] {
		if c|0x20 < 'a' || c|0x20 > 'f' {
			if c < '0' || c > '9' {
				return false
			}
		}
	}
	return true
}

// textValue makes the value of d from a string.
func (l *loader) textValue(s *scanner, off int, t []byte, d *schc.FieldDescriptor) ([]byte, *Error) {
	variable := d.FL.Variable()
	switch {
	case isHex(t) && (!variable || len(t)%2 == 0):
		digits := t[2:]
		if len(digits)%2 == 1 {
			digits = append([]byte{'0'}, digits...)
		}
		if len(digits) == 0 && !variable {
			return nil, s.malformed(off, "0x without digits")
		}
		v := make([]byte, len(digits)/2)
		hex.Decode(v, digits)
		if variable {
			return v, nil
		}
		return l.fixed(s, off, v, d.FL)
	case !variable && hasPrefixFold(string(t), "0b"):
		v, ok := new(big.Int).SetString(string(t[2:]), 2)
		if !ok || len(t) > 2+maxFixedLength || t[2] == '-' || t[2] == '+' {
			return nil, s.malformed(off, "%q is not a binary number", clip(t))
		}
		return l.fixed(s, off, v.Bytes(), d.FL)
	}
	switch d.FID.Kind() {
	case schc.KindIPv4, schc.KindIPv6, schc.KindIID:
		return l.address(s, off, string(t), d)
	case schc.KindNumber:
		if !variable {
			return nil, s.malformed(off, "the target value %q of a number field: write a number without quotes, or \"0x..\"", clip(t))
		}
	}
	if variable {
		return l.keep(t), nil
	}
	if len(t)*8 != int(d.FL) {
		return nil, s.malformed(off, "the text %q has %d bits, the field %s: set FL to %d or to \"var\"", clip(t), len(t)*8, d.FL, len(t)*8)
	}
	return l.keep(t), nil
}

// address makes the value of an address, prefix or Interface Identifier.
func (l *loader) address(s *scanner, off int, t string, d *schc.FieldDescriptor) ([]byte, *Error) {
	bad := func(format string, args ...any) ([]byte, *Error) { return nil, s.malformed(off, format, args...) }
	example := map[schc.ValueKind]string{schc.KindIPv4: "\"192.0.2.1\"", schc.KindIPv6: "\"2001:db8::1\"", schc.KindIID: "\"::1\""}[d.FID.Kind()]
	if d.FID.Kind() == schc.KindIPv6 && d.FID.LenBits() == 64 {
		example = "\"2001:db8::/64\""
	}
	text, length := t, -1
	if i := strings.IndexByte(t, '/'); i >= 0 {
		v, err := strconv.ParseUint(t[i+1:], 10, 8)
		if err != nil || v > 128 {
			return bad("%q has no prefix length behind the slash: write it as %s", clip([]byte(t)), example)
		}
		text, length = t[:i], int(v)
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.Is4() != (d.FID.Kind() == schc.KindIPv4) {
		return bad("%q is not an address: write it as %s, or as \"0x..\"", clip([]byte(t)), example)
	}
	if int(d.FL) != d.FID.LenBits() {
		return bad("an address in a field of FL %s: %s has %d bits", d.FL, d.FID, d.FID.LenBits())
	}
	if length > a.BitLen() {
		return bad("a prefix length of %d for an address of %d bits", length, a.BitLen())
	}
	if a.Is4() {
		v := a.As4()
		return l.keep(v[:]), nil
	}
	v := a.As16()
	switch {
	case d.FID.Kind() == schc.KindIID:
		if !zero(v[:8]) && !(v[0] == 0xfe && v[1] == 0x80 && zero(v[2:8])) {
			return bad("%q has a prefix; an Interface Identifier is written as \"::1\"", clip([]byte(t)))
		}
		return l.keep(v[8:]), nil
	case d.FID.LenBits() == 64:
		if !zero(v[8:]) || length > 64 {
			return bad("%q is longer than the prefix of 64 bits: write it as %s", clip([]byte(t)), example)
		}
		return l.keep(v[:8]), nil
	}
	return l.keep(v[:]), nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// valueText returns v as TV is written: as JSON, ready to be read by a person
// and, by value, as the same bytes.
func valueText(v []byte, d *schc.FieldDescriptor) string {
	variable := d.FL.Variable()
	own := int(d.FL) == d.FID.LenBits()
	switch k := d.FID.Kind(); {
	case k == schc.KindNumber && variable:
		if len(v) <= 6 && (len(v) == 0 || v[0] != 0) {
			return strconv.FormatUint(number(v), 10)
		}
	case k == schc.KindNumber && d.FL <= 48:
		return strconv.FormatUint(number(v), 10)
	case k == schc.KindIPv4 && own:
		return `"` + netip.AddrFrom4([4]byte(v)).String() + `"`
	case k == schc.KindIID && own:
		return `"` + netip.AddrFrom16([16]byte(append(make([]byte, 8), v...))).String() + `"`
	case k == schc.KindIPv6 && own && d.FL == 64:
		return `"` + netip.AddrFrom16([16]byte(append(v[:8:8], make([]byte, 8)...))).String() + `/64"`
	case k == schc.KindIPv6 && own:
		return `"` + netip.AddrFrom16([16]byte(v)).String() + `"`
	case k == schc.KindString && readable(v) && !(isHex(v) && len(v)%2 == 0) &&
		(variable || d.FL%8 == 0 && !isHex(v) && !hasPrefixFold(string(v), "0b")):
		return quote(string(v))
	}
	return `"0x` + hex.EncodeToString(v) + `"`
}

func number(v []byte) uint64 {
	n := uint64(0)
	for _, c := range v {
		n = n<<8 | uint64(c)
	}
	return n
}

// readable reports whether v is text that may stand in a file as it is.
func readable(v []byte) bool {
	if !utf8.Valid(v) {
		return false
	}
	for _, r := range string(v) {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// quote returns s as a JSON string. Only what JSON demands is escaped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029:
			b.WriteString(`\u`)
			h := strconv.FormatUint(uint64(r), 16)
			b.WriteString("0000"[len(h):] + h)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// checkValue says why v cannot be a target value of d, or "".
func checkValue(v []byte, d *schc.FieldDescriptor) string {
	if d.FL.Variable() {
		return ""
	}
	n := (int(d.FL) + 7) / 8
	if len(v) != n {
		return "a target value of " + strconv.Itoa(len(v)) + " bytes; FL " + d.FL.String() + " needs " + strconv.Itoa(n) + ", right-aligned"
	}
	if d.FL%8 != 0 && v[0]>>(d.FL%8) != 0 {
		return "a target value that does not fit FL " + d.FL.String()
	}
	return ""
}
