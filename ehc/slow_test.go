package ehc

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/dietesp"
)

// A readable reference for Select: values by name, one combination after the
// other, without masks. It was written from the drafts.

// slowProposal is what an offer's Proposal allows: the names of the values, or
// nil for any.
type slowProposal struct {
	id      int
	discard bool
	allows  map[string][]string
}

var slowHCP = []struct {
	name   string
	values []string
}{
	{"dscp_action", []string{"not_compressed", "lower", "sa"}},
	{"ecn_action", []string{"not_compressed", "lower"}},
	{"flow_label_action", []string{"not_compressed", "lower", "generated", "zero"}},
	{"alignment", []string{"8 bit", "16 bit", "32 bit", "64 bit"}},
	{"esp_spi_lsb", nil},
	{"esp_sn_lsb", nil},
	{"esp_trailer", []string{"Mandatory", "Optional"}},
}

var slowEHC = [][]string{
	1: {"32 bit", "8 bit"},
	2: {"32", "24", "16", "8", "0"},
	3: {"32", "24", "16", "8", "0"},
	4: {"lower", "not_compressed"},
}

var slowEHCNames = []string{1: "alignment", 2: "esp_spi_lsb", 3: "esp_sn_lsb", 4: "flow_label_action"}

// slowParse reads the data of an offer whose Proposals are whole.
func slowParse(p *Policy, data []byte) (list []slowProposal) {
	if p.Dialect == DialectEHC && len(data) == 0 {
		return []slowProposal{{id: 1, allows: map[string][]string{}}}
	}
	for len(data) > 0 {
		q := slowProposal{id: len(list) + 1, allows: map[string][]string{}}
		if p.Dialect == DialectHCP {
			q.id = int(data[0])
			q.discard = data[1] != 0
			data = data[2:]
		}
		n := int(binary.BigEndian.Uint16(data))
		body := data[2 : 2+n]
		data = data[2+n:]
		if p.Dialect == DialectHCP {
			if !q.discard {
				q.slowHCP(p, body)
			}
		} else {
			q.slowEHC(p, body)
		}
		list = append(list, q)
	}
	return list
}

func (q *slowProposal) slowHCP(p *Policy, b []byte) {
	add := func(code, lo, hi int) {
		trailer := p.Numbers.Trailer != 0 && code == int(p.Numbers.Trailer)
		if trailer {
			code = 6
		} else if code > 5 {
			q.discard = true
			return
		}
		if lo > hi {
			q.discard = true
			return
		}
		a := slowHCP[code]
		if q.allows[a.name] == nil {
			q.allows[a.name] = []string{}
		}
		for v := lo; v <= hi; v++ {
			if a.values == nil && v <= 32 {
				q.allows[a.name] = append(q.allows[a.name], decimal(v))
			} else if v < len(a.values) {
				q.allows[a.name] = append(q.allows[a.name], a.values[v])
			}
		}
	}
	for len(b) > 0 {
		if len(b) < 4 {
			q.discard = true
			return
		}
		typ, v := int(b[0]&0x7f)<<8|int(b[1]), int(b[2])<<8|int(b[3])
		short := b[0]&0x80 != 0
		if typ == int(p.Numbers.Defaults().Range) && len(b) >= 12 && (v == 8 || v == 4) && b[4]&0x80 != 0 && b[4] == b[8] && b[5] == b[9] {
			add(int(b[4]&0x7f)<<8|int(b[5]), int(b[6])<<8|int(b[7]), int(b[10])<<8|int(b[11]))
			b = b[12:]
			continue
		}
		if short {
			if typ == int(p.Numbers.Defaults().Range) {
				q.discard = true
			} else {
				add(typ, v, v)
			}
			b = b[4:]
			continue
		}
		q.discard = true
		if 4+v > len(b) {
			return
		}
		b = b[4+v:]
	}
}

func (q *slowProposal) slowEHC(p *Policy, b []byte) {
	ours, others, unknown := 0, 0, 0
	for ; len(b) > 0; b = b[4:] {
		if len(b) < 4 {
			q.discard = true
			return
		}
		typ, v := int(b[0]&0x7f)<<8|int(b[1]), int(b[2])<<8|int(b[3])
		if b[0]&0x80 == 0 {
			if 4+v > len(b) {
				q.discard = true
				return
			}
			b = b[v:]
			if typ <= 4 {
				q.discard = true
				continue
			}
		}
		switch {
		case typ > 4:
			unknown++
		case typ == 0 && v == 0:
			ours++
		case typ == 0:
			others++
		default:
			name := slowEHCNames[typ]
			if q.allows[name] != nil {
				q.discard = true
			}
			q.allows[name] = []string{}
			for i, value := range slowEHC[typ] {
				if v>>i&1 == 1 && !(value == "0" && p.NoZeroBytes) {
					q.allows[name] = append(q.allows[name], value)
				}
			}
		}
	}
	if ours > 1 || others > 0 && ours == 0 || unknown > 0 && others == 0 {
		q.discard = true
	}
}

// may reports whether the Proposal allows a value.
func (q *slowProposal) may(d Dialect, attr, value string) bool {
	if list, ok := q.allows[attr]; ok {
		return slices.Contains(list, value)
	}
	switch {
	case attr == "esp_trailer":
		return value == "Optional"
	case d == DialectEHC && value == "0":
		return false
	}
	return true
}

// slowName is the name of a value of a policy.
func slowName(a Attr, v uint8) string {
	switch a {
	case AttrDSCP, AttrECN, AttrFlowLabel:
		return dietesp.Action(v).String()
	case AttrAlignment:
		return dietesp.Alignment(v).String()
	case AttrTrailer:
		return dietesp.Trailer(v).String()
	}
	return decimal(int(v))
}

// slowSelect returns what Select must agree on, by name, or nil.
func slowSelect(p *Policy, data []byte) map[string]string {
	attrs := []Attr{AttrDSCP, AttrECN, AttrFlowLabel, AttrAlignment, AttrTrailer, AttrSPILSB, AttrSNLSB}
	if p.Dialect == DialectEHC {
		attrs = []Attr{AttrFlowLabel, AttrAlignment, AttrSPILSB, AttrSNLSB}
	}
	sets := p.Sets
	if len(sets) == 0 {
		sets = []Set{{}}
	}
	def := dietesp.DefaultAttributes(p.Dialect.Profile())
	for _, s := range sets {
		lists := make([][]string, len(attrs))
		for i, a := range attrs {
			for j := 0; ; j++ {
				v, ok := s.at(a, j)
				if !ok {
					break
				}
				if a != AttrDSCP || v != uint8(dietesp.ActionSA) || len(p.Base.DSCPs) > 0 {
					lists[i] = append(lists[i], slowName(a, v))
				}
			}
			if _, some := s.at(a, 0); !some {
				lists[i] = []string{slowName(a, valueOf(&def, a))}
			}
		}
		for _, q := range slowParse(p, data) {
			if q.discard {
				continue
			}
			if r := slowCombine(p, &q, attrs, lists, map[string]string{}); r != nil {
				return r
			}
		}
	}
	return nil
}

// slowCombine tries the values of the first list with all of the others.
func slowCombine(p *Policy, q *slowProposal, attrs []Attr, lists [][]string, have map[string]string) map[string]string {
	if len(attrs) == 0 {
		sum := 0
		for _, a := range []string{"esp_spi_lsb", "esp_sn_lsb"} {
			n := 0
			for _, c := range have[a] {
				n = 10*n + int(c-'0')
			}
			sum += n
		}
		if sum%8 != 0 {
			return nil
		}
		r := map[string]string{}
		for k, v := range have {
			r[k] = v
		}
		return r
	}
	for _, v := range lists[0] {
		if !q.may(p.Dialect, attrs[0].String(), v) {
			continue
		}
		have[attrs[0].String()] = v
		if r := slowCombine(p, q, attrs[1:], lists[1:], have); r != nil {
			return r
		}
	}
	return nil
}

// names are the negotiated attributes by name.
func names(p *Policy, a *dietesp.Attributes) map[string]string {
	r := map[string]string{}
	for attr := Attr(0); attr < NumAttrs; attr++ {
		if every(p.Dialect, attr) != 0 {
			r[attr.String()] = slowName(attr, valueOf(a, attr))
		}
	}
	return r
}
