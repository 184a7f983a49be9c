package pcapio

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

type tokenKind uint8

const (
	tokEnd     tokenKind = iota
	tokWord              // a keyword or a name
	tokEscaped           // a name behind "\", never a keyword
	tokNumber
	tokIPv4 // dotted, perhaps short: 10.1
	tokIPv6
	tokMAC
	tokOp
)

type token struct {
	kind tokenKind
	pos  int
	text string
	num  uint32     // tokNumber; tokIPv4: the address, left-aligned
	bits int        // tokIPv4: 8 per part
	ip6  netip.Addr // tokIPv6
	mac  [6]byte    // tokMAC
}

func (t token) String() string {
	if t.kind == tokEnd {
		return "the end"
	}
	return strconv.Quote(t.text)
}

const maxFilterLen = 64 << 10

// lexFilter splits an expression. Two-byte operators go before one-byte ones.
func lexFilter(expr string) ([]token, *FilterError) {
	fail := func(pos int, format string, args ...any) *FilterError {
		return &FilterError{Expr: expr, Pos: pos, Msg: fmt.Sprintf(format, args...)}
	}
	if len(expr) > maxFilterLen {
		return nil, fail(maxFilterLen, "longer than %d bytes", maxFilterLen)
	}
	var toks []token
	brackets := 0
	for i := 0; i < len(expr); {
		c := expr[i]
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			i++
			continue
		}
		t := token{pos: i}
		switch {
		case c == '\\':
			n := 1 + strings.IndexAny(expr[i+1:]+" ", " \t\r\n!()")
			if n == 1 {
				return nil, fail(i, `nothing behind "\"`)
			}
			t.kind, t.text = tokEscaped, expr[i+1:i+n]
			toks, i = append(toks, t), i+n
			continue
		case isWordByte(c) || c == ':' && brackets == 0:
			t.text = expr[i : i+wordLen(expr[i:], brackets == 0)]
			if err := t.classify(); err != "" {
				return nil, fail(i, "%s", err)
			}
		default:
			t.kind = tokOp
			for _, op := range [...]string{"&&", "||", "==", "!=", "<=", ">=", "<<", ">>"} {
				if strings.HasPrefix(expr[i:], op) {
					t.text = op
				}
			}
			if t.text == "" {
				if strings.IndexByte("()[]:!=<>&|^+-*/%", c) < 0 {
					return nil, fail(i, "unexpected character %q", c)
				}
				t.text = expr[i : i+1]
			}
			switch c {
			case '[':
				brackets++
			case ']':
				brackets--
			}
		}
		toks, i = append(toks, t), i+len(t.text)
	}
	return append(toks, token{kind: tokEnd, pos: len(expr)}), nil
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// wordLen returns the length of the word that s starts with: letters, digits
// and inside it "-", "_" and ".", or an IPv6 or hardware address, which has two
// colons or more (one is the separator of tcp[0:2]).
func wordLen(s string, addresses bool) int {
	if addresses {
		n, colons := 0, 0
		for n < len(s) && (isWordByte(s[n]) || s[n] == ':' || s[n] == '.') {
			if s[n] == ':' {
				colons++
			}
			n++
		}
		if colons >= 2 {
			return n
		}
	}
	n := 1
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case isWordByte(c) || c == '.':
			n = i + 1
		case c != '-' && c != '_':
			return n
		}
	}
	return n
}

// classify sets the kind and the value of t by its text.
func (t *token) classify() (msg string) {
	s := t.text
	switch {
	case strings.Contains(s, ":"):
		if len(s) > 1 && parseMAC(s, &t.mac) {
			t.kind = tokMAC
			return ""
		}
		a, err := netip.ParseAddr(s)
		if s == ":" {
			t.kind = tokOp
			return ""
		}
		if err != nil || !a.Is6() {
			return fmt.Sprintf("%q is not an address", s)
		}
		t.kind, t.ip6 = tokIPv6, a
	case s[0] < '0' || s[0] > '9':
		t.kind = tokWord
	case strings.Contains(s, "."):
		parts := strings.Split(s, ".")
		if len(parts) > 4 {
			return fmt.Sprintf("%q is not an address", s)
		}
		for _, p := range parts {
			n, err := strconv.ParseUint(p, 10, 8)
			if err != nil {
				return fmt.Sprintf("%q is not an address (host names are not looked up)", s)
			}
			t.num = t.num<<8 | uint32(n)
		}
		t.kind, t.bits = tokIPv4, 8*len(parts)
		t.num <<= 32 - t.bits
	case strings.Contains(s, "-"):
		t.kind = tokWord // a port range
	default:
		n, err := strconv.ParseUint(s, 0, 32)
		if err != nil || strings.ContainsAny(s, "_bBoO") && !strings.HasPrefix(strings.ToLower(s), "0x") {
			return fmt.Sprintf("%q is not a number", s)
		}
		t.kind, t.num = tokNumber, uint32(n)
	}
	return ""
}

// parseMAC reads six bytes in hexadecimal with colons between.
func parseMAC(s string, mac *[6]byte) bool {
	parts := strings.Split(s, ":")
	if len(parts) != 6 {
		return false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 16, 8)
		if err != nil || len(p) > 2 {
			return false
		}
		mac[i] = byte(n)
	}
	return true
}
