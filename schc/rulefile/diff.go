package rulefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// A Difference is one way in which two rule sets differ.
type Difference struct {
	Device string // the DeviceID of the set
	Rule   string // the RuleID, such as "5/8"; empty: the set as a whole
	Field  string // the field, such as "COAP.URI-PATH 2 up"; empty: the Rule as a whole
	What   string // what differs: "set", "rule", "nature", "field", "FL", "TV", "order", ...
	A, B   string // the values in the first and the second file; empty: not there
}

// String returns a line such as "rule 5/8: UDP.DEV_PORT: TV: 5680 -> 5683".
func (d Difference) String() string {
	var b strings.Builder
	if d.Device != "" {
		fmt.Fprintf(&b, "device %q: ", d.Device)
	}
	if d.Rule != "" {
		b.WriteString("rule " + d.Rule + ": ")
	}
	if d.Field != "" {
		b.WriteString(d.Field + ": ")
	}
	switch {
	case d.A == "" && d.B == "":
		return b.String() + d.What
	case d.A == "":
		return b.String() + d.What + " added: " + d.B
	case d.B == "":
		return b.String() + d.What + " removed: " + d.A
	}
	return b.String() + d.What + ": " + d.A + " -> " + d.B
}

// Equal reports whether a and b hold the same rule sets, in the same order.
func Equal(a, b *File) bool { return len(Diff(a, b)) == 0 }

// Diff returns how b differs from a in meaning: defaults, spellings,
// descriptions and the order of the sets do not count. The order of Rules
// decides only between Rules that compress a packet equally well; that it
// changed is one Difference with What "order" and no values. Diff of equal
// files is nil.
func Diff(a, b *File) []Difference {
	var out []Difference
	inB := make(map[string]*Set, len(b.Sets))
	for i := range b.Sets {
		inB[b.Sets[i].DeviceID] = &b.Sets[i]
	}
	inA := make(map[string]bool, len(a.Sets))
	for i := range a.Sets {
		s := &a.Sets[i]
		inA[s.DeviceID] = true
		if t := inB[s.DeviceID]; t != nil {
			out = diffSet(out, s, t)
		} else if len(s.Rules) > 0 || s.DeviceID != "" {
			out = append(out, Difference{Device: s.DeviceID, What: "set", A: strconv.Itoa(len(s.Rules)) + " rules"})
		}
	}
	for i := range b.Sets {
		if t := &b.Sets[i]; !inA[t.DeviceID] && (len(t.Rules) > 0 || t.DeviceID != "") {
			out = append(out, Difference{Device: t.DeviceID, What: "set", B: strconv.Itoa(len(t.Rules)) + " rules"})
		}
	}
	return out
}

// occurrence tells equal keys of a list apart: the n-th of its key.
type occurrence[K comparable] struct {
	key K
	n   int
}

// match pairs the elements of two lists by key: for each of a, its index in b
// or -1, and the indexes of b that are left.
func match[K comparable](a, b []K) (pair, left []int) {
	index := make(map[occurrence[K]]int, len(b))
	count := make(map[K]int, len(b))
	for i, k := range b {
		index[occurrence[K]{k, count[k]}] = i
		count[k]++
	}
	clear(count)
	taken := make([]bool, len(b))
	for _, k := range a {
		i, ok := index[occurrence[K]{k, count[k]}]
		count[k]++
		if !ok {
			i = -1
		} else {
			taken[i] = true
		}
		pair = append(pair, i)
	}
	for i := range b {
		if !taken[i] {
			left = append(left, i)
		}
	}
	return pair, left
}

// ordered reports whether the elements that were paired have the same order.
func ordered(pair []int) bool {
	return slices.IsSorted(slices.DeleteFunc(slices.Clone(pair), func(i int) bool { return i < 0 }))
}

func diffSet(out []Difference, a, b *Set) []Difference {
	ids := func(s *Set) []schc.RuleID {
		var l []schc.RuleID
		for i := range s.Rules {
			l = append(l, s.Rules[i].ID)
		}
		return l
	}
	pair, left := match(ids(a), ids(b))
	for i, j := range pair {
		if j < 0 {
			out = append(out, Difference{Device: a.DeviceID, Rule: a.Rules[i].ID.String(), What: "rule", A: a.Rules[i].Nature.String()})
			continue
		}
		d := differ{out: out, device: a.DeviceID, rule: a.Rules[i].ID.String()}
		d.rules(&a.Rules[i], &b.Rules[j])
		out = d.out
	}
	for _, j := range left {
		out = append(out, Difference{Device: a.DeviceID, Rule: b.Rules[j].ID.String(), What: "rule", B: b.Rules[j].Nature.String()})
	}
	if !ordered(pair) {
		out = append(out, Difference{Device: a.DeviceID, What: "order"})
	}
	return out
}

type differ struct {
	out                 []Difference
	device, rule, field string
}

func (d *differ) add(what, a, b string) {
	if a != b {
		d.out = append(d.out, Difference{Device: d.device, Rule: d.rule, Field: d.field, What: what, A: a, B: b})
	}
}

func (d *differ) rules(a, b *schc.Rule) {
	if a.Nature != b.Nature {
		d.add("nature", a.Nature.String(), b.Nature.String())
		return
	}
	if a.Fragment != nil && b.Fragment != nil {
		d.fragments(normalFragment(*a.Fragment), normalFragment(*b.Fragment))
	} else if (a.Fragment == nil) != (b.Fragment == nil) {
		d.add("fragmentation", strconv.FormatBool(a.Fragment != nil), strconv.FormatBool(b.Fragment != nil))
	}
	names := func(r *schc.Rule) []string {
		var l []string
		for i := range r.Fields {
			l = append(l, fieldKey(normalField(r.Fields[i])))
		}
		return l
	}
	na, nb := names(a), names(b)
	pair, left := match(na, nb)
	for i, j := range pair {
		if j < 0 {
			d.add("field "+na[i], "present", "")
			continue
		}
		d.field = na[i]
		d.fields(normalField(a.Fields[i]), normalField(b.Fields[j]))
		d.field = ""
	}
	for _, j := range left {
		d.add("field "+nb[j], "", "present")
	}
	if !ordered(pair) {
		d.out = append(d.out, Difference{Device: d.device, Rule: d.rule, What: "order of fields"})
	}
}

// fieldKey names a Field Descriptor within its Rule.
func fieldKey(f schc.FieldDescriptor) string {
	s := f.FID.String()
	if f.FP == schc.FPAny {
		s += " any"
	} else if f.FP != 1 {
		s += " " + strconv.Itoa(int(f.FP))
	}
	if f.DI != schc.DirBidirectional {
		s += " " + strings.ToLower(diTexts[f.DI])
	}
	return s
}

func (d *differ) fields(a, b schc.FieldDescriptor) {
	d.add("FL", a.FL.String(), b.FL.String())
	if !slices.EqualFunc(a.TV, b.TV, slices.Equal) {
		d.add("TV", valuesText(&a), valuesText(&b))
	}
	operator := func(f *schc.FieldDescriptor) string {
		if f.MO == schc.MOMSB {
			return "MSB(" + strconv.Itoa(int(f.MSB)) + ")"
		}
		return moTexts[f.MO]
	}
	d.add("MO", operator(&a), operator(&b))
	d.add("CDA", strings.TrimPrefix(a.CDA.String(), "cda-"), strings.TrimPrefix(b.CDA.String(), "cda-"))
}

// valuesText shows the target values of f, of whatever shape they are.
func valuesText(f *schc.FieldDescriptor) string {
	var l []string
	for _, v := range f.TV {
		if checkValue(v, f) != "" {
			l = append(l, fmt.Sprintf("0x%x (%d bytes)", v, len(v)))
			continue
		}
		l = append(l, valueText(v, f))
	}
	switch {
	case len(l) == 0:
		return "none"
	case len(l) == 1 && f.MO != schc.MOMatchMapping:
		return l[0]
	}
	return "[" + strings.Join(l, ", ") + "]"
}

func (d *differ) fragments(a, b schc.Fragmentation) {
	num := func(what string, x, y int) { d.add(what, strconv.Itoa(x), strconv.Itoa(y)) }
	d.add("mode", a.Mode.String(), b.Mode.String())
	d.add("direction", a.Direction.String(), b.Direction.String())
	num("l2-word-size", int(a.L2WordBits), int(b.L2WordBits))
	num("dtag-size", int(a.DTagBits), int(b.DTagBits))
	num("w-size", int(a.WBits), int(b.WBits))
	num("fcn-size", int(a.FCNBits), int(b.FCNBits))
	num("window-size", int(a.WindowSize), int(b.WindowSize))
	num("tile-size", int(a.TileBits), int(b.TileBits))
	num("rcs-algorithm", int(a.RCSAlgorithm), int(b.RCSAlgorithm))
	num("rcs-size", int(a.RCSBits), int(b.RCSBits))
	num("maximum-packet-size", int(a.MaxPacket), int(b.MaxPacket))
	num("max-interleaved-frames", int(a.MaxInterleaved), int(b.MaxInterleaved))
	num("ack-behavior", int(a.AckBehavior), int(b.AckBehavior))
	num("tile-in-all-1", int(a.All1Data), int(b.All1Data))
	num("max-ack-requests", int(a.MaxAckRequests), int(b.MaxAckRequests))
	d.add("retransmission-timer", secondsText(a.RetransmissionMs), secondsText(b.RetransmissionMs))
	d.add("inactivity-timer", secondsText(a.InactivityMs), secondsText(b.InactivityMs))
	d.add("bitmap-format", bitmapName(a.CompoundAck), bitmapName(b.CompoundAck))
	d.add("last-bitmap-compression", strconv.FormatBool(!a.FullLastBitmap), strconv.FormatBool(!b.FullLastBitmap))
	for _, p := range ownParameters {
		switch {
		case p.flag != nil:
			d.add(p.name, strconv.FormatBool(*p.flag(&a)), strconv.FormatBool(*p.flag(&b)))
		case p.bytes != nil:
			num(p.name, int(*p.bytes(&a)), int(*p.bytes(&b)))
		default:
			d.add(p.name, secondsText(*p.ms(&a)), secondsText(*p.ms(&b)))
		}
	}
}

func bitmapName(compound bool) string {
	if compound {
		return "bitmap-compound-ack"
	}
	return "bitmap-RFC8724"
}
