package report

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// Value returns the text of a value of field f: right-aligned bytes of a fixed
// field of bits bits, or all bytes of a variable one.
func Value(f schc.FID, v []byte, bits int) string {
	own := f.LenBits()
	switch k := f.Kind(); {
	case k == schc.KindIPv4 && len(v) == 4:
		return netip.AddrFrom4([4]byte(v)).String()
	case k == schc.KindIID && len(v) == 8:
		return netip.AddrFrom16([16]byte(append(make([]byte, 8), v...))).String()
	case k == schc.KindIPv6 && own == 64 && len(v) == 8:
		return netip.AddrFrom16([16]byte(append(v[:8:8], make([]byte, 8)...))).String() + "/64"
	case k == schc.KindIPv6 && len(v) == 16:
		return netip.AddrFrom16([16]byte(v)).String()
	case k == schc.KindNumber && len(v) <= 8 && (own > 0 || bits > 0):
		n := uint64(0)
		for _, c := range v {
			n = n<<8 | uint64(c)
		}
		return u(n)
	case k == schc.KindString && readable(v):
		return strconv.Quote(string(v))
	case len(v) == 0:
		return "empty"
	}
	return "0x" + hex.EncodeToString(v)
}

func readable(v []byte) bool {
	return utf8.Valid(v) && strings.IndexFunc(string(v), func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// packetValue returns the text of the field of n bits at bit off of pkt.
func packetValue(f schc.FID, pkt []byte, off, n int) string {
	v := make([]byte, (n+7)/8)
	bitio.Copy(v, len(v)*8-n, pkt, off, n)
	return Value(f, v, n)
}

// values returns the texts of the Target Values of d.
func values(d *schc.FieldDescriptor) []string {
	l := make([]string, 0, len(d.TV))
	for _, v := range d.TV {
		l = append(l, Value(d.FID, v, len(v)*8))
	}
	return l
}

// list joins texts and cuts what is too long for a line.
func list(l []string, limit int) string {
	s := strings.Join(l, ", ")
	if n := utf8.RuneCountInString(s); n > limit {
		r := []rune(s)
		return string(r[:limit-3]) + "..."
	}
	return s
}

// operator returns the Matching Operator of d with its Target Values, such as
// "MSB(12) 5680".
func operator(d *schc.FieldDescriptor) string {
	s := MOText(d)
	if len(d.TV) == 0 {
		return s
	}
	if d.MO == schc.MOMatchMapping {
		return "one of [" + list(values(d), 60) + "]"
	}
	return s + " " + list(values(d), 60)
}

// MOText returns the Matching Operator as rule files have it.
func MOText(d *schc.FieldDescriptor) string {
	if d.MO == schc.MOMSB {
		return "MSB(" + strconv.Itoa(int(d.MSB)) + ")"
	}
	return strings.TrimPrefix(d.MO.String(), "mo-")
}

// CDAText returns the action as rule files have it.
func CDAText(c schc.CDA) string {
	switch c {
	case schc.CDALSB:
		return "LSB"
	case schc.CDADevIID:
		return "DevIID"
	case schc.CDAAppIID:
		return "AppIID"
	}
	return strings.TrimPrefix(c.String(), "cda-")
}

// bitText shows n bits: in binary if they are few.
func bitText(b []byte, n int) string {
	if n == 0 {
		return ""
	}
	if n > 16 {
		return "0x" + hex.EncodeToString(b)
	}
	s := make([]byte, n)
	for i := range s {
		s[i] = '0' + b[i/8]>>(7-i%8)&1
	}
	return string(s)
}
