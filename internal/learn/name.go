package learn

import (
	"fmt"
	"strings"

	"github.com/schckit/schckit/schc"
)

// name describes a Rule for people.
func (f *fitter) name(r *rule) string {
	u, d := "", ""
	if r.side[up] != nil {
		u = f.sideName(r.side[up])
	}
	if r.side[down] != nil {
		d = f.sideName(r.side[down])
	}
	switch {
	case d == "":
		return "up: " + u
	case u == "":
		return "down: " + d
	case u == d:
		return u
	}
	return "up: " + u + "; down: " + d
}

func (f *fitter) sideName(s *side) string {
	var stack []string
	for k := 0; k < s.used; k++ {
		stack = append(stack, f.t.layers[f.t.shapes[s.shape].layers[k]].proto.String())
	}
	var parts, path []string
	for i := range s.cols {
		c := &s.cols[i]
		text := f.values(c)
		switch n, opt := c.spec.fid.CoAPOption(); {
		case opt && n == 11:
			if text == "" {
				text = "*"
			}
			path = append(path, text)
		case opt:
			parts = append(parts, strings.TrimPrefix(c.spec.fid.String(), "COAP."))
		case text == "":
		case c.spec.fid == schc.FIDCoAPType, c.spec.fid == schc.FIDCoAPCode, c.spec.fid == schc.FIDICMPv6Type, c.spec.fid == schc.FIDICMPv4Type:
			parts = append(parts, text)
		case swapped(c.spec.fid) > c.spec.fid:
			parts = append(parts, "device port "+text)
		case swapped(c.spec.fid) < c.spec.fid:
			parts = append(parts, "port "+text)
		}
	}
	name := strings.Join(stack, "/")
	if len(path) > 0 {
		parts = append(parts, "/"+strings.Join(path, "/"))
	}
	if len(parts) > 0 {
		name += " " + strings.Join(parts, " ")
	}
	if len(name) > 160 {
		name = name[:157] + "..."
	}
	return name
}

// values returns the Target Values of a column that matches one to three values.
func (f *fitter) values(c *sideCol) string {
	if c.mo != schc.MOEqual && c.mo != schc.MOMatchMapping || len(c.ids) == 0 || len(c.ids) > 3 {
		return ""
	}
	var list []string
	for _, id := range c.ids {
		list = append(list, valueText(c.spec.fid, &f.t.spaces[c.spec.space].vals[id]))
	}
	return strings.Join(list, "|")
}

func valueText(fid schc.FID, v *value) string {
	if fid.Kind() == schc.KindString {
		for i := 0; i < len(v.s); i++ {
			if v.s[i] < ' ' || v.s[i] > '~' {
				return fmt.Sprintf("%x", v.s)
			}
		}
		return v.s
	}
	n := v.num >> (64 - min(uint(v.bits), 64))
	switch fid {
	case schc.FIDCoAPType:
		return [4]string{"CON", "NON", "ACK", "RST"}[n&3]
	case schc.FIDCoAPCode:
		if n > 0 && n < 8 {
			return [8]string{"", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"}[n]
		}
		return fmt.Sprintf("%d.%02d", n>>5, n&31)
	}
	return fmt.Sprint(n)
}
