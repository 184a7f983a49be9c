package lint

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/schckit/schckit/schc"
)

// fieldKey is which field a descriptor describes.
type fieldKey struct {
	fid schc.FID
	fp  uint8
	nth int // of several with the same position "don't care"
}

// view is a Rule as it is in one direction.
type view struct {
	rule   int
	fields []*schc.FieldDescriptor // in an order that views of one shape share
	shape  string                  // the fields that are described
}

// shadows looks for Rules that are never chosen, because another one matches
// everything that they match, does not lose more, and sends no more bits. What is
// reported is certain; Rules that several others cover together are not found.
func (l *linter) shadows() {
	var views [2][]*view
	groups := map[string]*group{} // of direction up, else down: by shape
	for d := range views {
		views[d] = make([]*view, len(l.set.Rules))
		for i := range l.set.Rules {
			if l.set.Rules[i].Nature == schc.NatureCompression && l.used[d][i] {
				v := l.view(i, schc.DirUp+schc.Direction(d))
				views[d][i] = v
				if groups[v.shape] == nil {
					groups[v.shape] = &group{}
				}
				groups[v.shape].views = append(groups[v.shape].views, v)
			}
		}
	}
	for i := range l.set.Rules {
		v := views[0][i]
		if v == nil {
			v = views[1][i]
		}
		if v == nil {
			continue
		}
		for _, w := range groups[v.shape].candidates(v) {
			if w.rule == i || !l.beats(w.rule, i, &views) {
				continue
			}
			a, b := &l.set.Rules[w.rule], &l.set.Rules[i]
			text := "is never chosen: Rule " + a.ID.String() + " matches every packet that it matches, with no more bits"
			if sameFields(a, b) {
				text = "is never chosen: it says the same as Rule " + a.ID.String()
			}
			l.add(Shadowed, Warning, i, -1, text, "remove it, or make it cheaper or the other one narrower")
			break
		}
	}
}

// group are views of one shape. Sets of thousands of devices differ in one field:
// only Rules with the same value of it are compared.
type group struct {
	views   []*view
	indexed bool
	field   int // the field with the most values
	byValue map[string][]*view
	others  []*view // that do not compare it for equality
}

func (g *group) candidates(v *view) []*view {
	if len(g.views) < 64 {
		return g.views
	}
	if !g.indexed {
		g.index()
	}
	if value, ok := g.value(v); ok {
		return slices.Concat(g.byValue[value], g.others)
	}
	return g.others
}

func (g *group) value(v *view) (string, bool) {
	d := v.fields[g.field]
	if d.MO != schc.MOEqual {
		return "", false
	}
	return string(d.TV[0]), true
}

func (g *group) index() {
	g.indexed = true
	most := -1
	for f := range g.views[0].fields {
		values := map[string]bool{}
		for _, v := range g.views {
			if d := v.fields[f]; d.MO == schc.MOEqual {
				values[string(d.TV[0])] = true
			}
		}
		if len(values) > most {
			g.field, most = f, len(values)
		}
	}
	g.byValue = map[string][]*view{}
	for _, v := range g.views {
		if value, ok := g.value(v); ok {
			g.byValue[value] = append(g.byValue[value], v)
		} else {
			g.others = append(g.others, v)
		}
	}
}

func sameFields(a, b *schc.Rule) bool {
	if len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if !same(&a.Fields[i], &b.Fields[i]) || a.Fields[i].FID != b.Fields[i].FID || a.Fields[i].DI != b.Fields[i].DI {
			return false
		}
	}
	return true
}

// view returns Rule i as it is in direction dir.
func (l *linter) view(i int, dir schc.Direction) *view {
	r := &l.set.Rules[i]
	keys := map[fieldKey]*schc.FieldDescriptor{}
	for j := range r.Fields {
		d := &r.Fields[j]
		if d.DI != 0 && d.DI != schc.DirBidirectional && d.DI != dir {
			continue
		}
		k := fieldKey{fid: d.FID, fp: max(d.FP, 1)}
		for keys[k] != nil {
			k.nth++
		}
		keys[k] = d
	}
	order := slices.SortedFunc(maps.Keys(keys), func(a, b fieldKey) int {
		return cmp.Or(cmp.Compare(a.fid, b.fid), cmp.Compare(a.fp, b.fp), cmp.Compare(a.nth, b.nth))
	})
	v := &view{rule: i}
	shape := []byte{byte(dir)}
	for _, k := range order {
		d := keys[k]
		v.fields = append(v.fields, d)
		shape = fmt.Appendf(shape, " %d,%d,%d", k.fid, k.fp, fieldLength(d))
	}
	v.shape = string(shape)
	return v
}

func fieldLength(d *schc.FieldDescriptor) schc.FieldLength {
	fl := d.FL
	if fl == 0 {
		if fl = schc.FieldLength(d.FID.LenBits()); fl == 0 {
			fl = schc.FLVar
		}
	}
	return fl
}

// beats reports whether Rule a is chosen whenever Rule b matches.
func (l *linter) beats(a, b int, views *[2][]*view) bool {
	for d := range views {
		vb := views[d][b]
		if vb == nil {
			continue
		}
		va := views[d][a]
		if va == nil || va.shape != vb.shape {
			return false
		}
		// What b sends more than a, at least.
		more := int(l.set.Rules[b].ID.Bits) - int(l.set.Rules[a].ID.Bits)
		for k, fb := range vb.fields {
			if !covers(va.fields[k], fb) {
				return false
			}
			n, ok := sentMore(fb, va.fields[k])
			if !ok {
				return false
			}
			more += n
		}
		if more < 0 || more == 0 && a > b {
			return false
		}
	}
	return true
}

// same reports whether two descriptors of one field do the same.
func same(a, b *schc.FieldDescriptor) bool {
	if a.MO != b.MO || a.CDA != b.CDA || a.MO == schc.MOMSB && a.MSB != b.MSB || len(a.TV) != len(b.TV) || fieldLength(a) != fieldLength(b) {
		return false
	}
	for i := range a.TV {
		if !bytes.Equal(a.TV[i], b.TV[i]) {
			return false
		}
	}
	return true
}

// covers reports whether a matches every value that b matches, and restores it
// if b does.
func covers(a, b *schc.FieldDescriptor) bool {
	if same(a, b) {
		return true
	}
	// Actions that restrict what matches.
	switch a.CDA {
	case schc.CDACompute, schc.CDADevIID, schc.CDAAppIID, schc.CDALower:
		if b.CDA != a.CDA {
			return false
		}
	}
	var all [][]byte // what b matches, if that is a list
	switch b.MO {
	case schc.MOEqual, schc.MOMatchMapping:
		all = b.TV
	}
	inAll := func(ok func(v []byte) bool) bool {
		for _, v := range all {
			if !ok(v) {
				return false
			}
		}
		return len(all) > 0
	}
	switch a.MO {
	case schc.MOIgnore:
	case schc.MOEqual, schc.MOMatchMapping:
		if !inAll(func(v []byte) bool { return contains(a.TV, v) }) {
			return false
		}
	case schc.MOMSB:
		n := int(a.MSB)
		switch {
		case b.MO == schc.MOMSB:
			if b.MSB < a.MSB || !prefix(a, a.TV[0], b.TV[0], n) {
				return false
			}
		case !inAll(func(v []byte) bool { return prefix(a, a.TV[0], v, n) }):
			return false
		}
	default:
		return false
	}
	if a.CDA == schc.CDANotSent && a.MO != schc.MOEqual {
		// It restores one value only.
		return len(a.TV) == 1 && inAll(func(v []byte) bool { return bytes.Equal(v, a.TV[0]) })
	}
	return true
}

func contains(list [][]byte, v []byte) bool {
	for _, x := range list {
		if bytes.Equal(x, v) {
			return true
		}
	}
	return false
}

// prefix reports whether v and w, values of the field of d, agree in their first
// n bits.
func prefix(d *schc.FieldDescriptor, v, w []byte, n int) bool {
	lead := 0
	if fl := fieldLength(d); !fl.Variable() {
		lead = len(v)*8 - int(fl)
		if len(w) != len(v) {
			return false
		}
	} else if len(v)*8 < n || len(w)*8 < n {
		return false
	}
	for i := lead; i < lead+n; i++ {
		if (v[i/8]^w[i/8])>>(7-i%8)&1 != 0 {
			return false
		}
	}
	return true
}

// sentMore returns a lower bound of the bits that b sends more than a, for any
// value that b matches, and false if there is none.
func sentMore(b, a *schc.FieldDescriptor) (int, bool) {
	if same(a, b) {
		return 0, true
	}
	fl := fieldLength(a)
	if !fl.Variable() {
		return sentBits(b, int(fl)) - sentBits(a, int(fl)), true
	}
	if b.MO == schc.MOEqual || b.MO == schc.MOMatchMapping {
		least := math.MaxInt32
		for _, v := range b.TV {
			least = min(least, sentBits(b, len(v)*8)-sentBits(a, len(v)*8))
		}
		return least, len(b.TV) > 0
	}
	ka, va := known(a)
	kb, vb := known(b)
	switch {
	case va && vb && ka >= kb:
		return ka - kb, true
	case vb && !va: // at least the size of the size
		least := 4
		if fl == schc.FLTokenLength || fl == schc.FLOSCOREPIV {
			least = 0
		}
		return least - sentBits(a, 0), true
	case !va && !vb:
		return sentBits(b, 0) - sentBits(a, 0), true
	}
	return 0, false
}

// known returns the bits that are not sent of a field that is sent otherwise, and
// whether it is.
func known(d *schc.FieldDescriptor) (int, bool) {
	switch d.CDA {
	case schc.CDAValueSent:
		return 0, true
	case schc.CDALSB:
		return int(d.MSB), true
	}
	return 0, false
}

// sentBits returns the bits that d sends of a value of n bits.
func sentBits(d *schc.FieldDescriptor, n int) int {
	switch d.CDA {
	case schc.CDAMappingSent:
		bits := 0
		for len(d.TV) > 1<<bits {
			bits++
		}
		return bits
	case schc.CDALSB:
		n -= int(d.MSB)
	case schc.CDAValueSent:
	default:
		return 0
	}
	switch fieldLength(d) {
	case schc.FLVar:
		return n + sizeBits(n/8)
	case schc.FLVarBits:
		return n + sizeBits(n)
	}
	return n
}

// sizeBits returns the bits of the size of a variable residue (RFC 8724, Section
// 7.4.2).
func sizeBits(n int) int {
	switch {
	case n < 15:
		return 4
	case n < 255:
		return 12
	}
	return 28
}
