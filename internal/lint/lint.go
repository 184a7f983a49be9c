// Package lint reviews SCHC Rules that are valid but may not do what their
// author wants: Rules that lose something, that are never chosen, or that send
// what need not be sent.
package lint

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Warning Severity = "warning" // most likely not wanted
	Info    Severity = "info"    // good to know
)

// The codes of findings.
const (
	LossyField       = "lossy-field"        // decompression will not restore the field
	OneDirection     = "one-direction"      // the Rule is used up only or down only
	Shadowed         = "shadowed"           // the Rule is never chosen
	MappingSingle    = "mapping-single"     // a mapping of one value
	MappingDuplicate = "mapping-duplicate"  // a value is in a mapping twice
	FieldOrder       = "field-order"        // not the order of the packet
	NoNoCompression  = "no-no-compression"  // no Rule for packets without a Rule
	SecondNoComp     = "second-no-compress" // only the first no-compression Rule is used
	IPVersion        = "ip-version"         // the version is not a constant
	SentKnown        = "sent-known"         // what the other end knows is sent
	SentComputable   = "sent-computable"    // what can be computed is sent
	UnusedTarget     = "unused-target"      // a target value without effect
	MSBWhole         = "msb-whole"          // MSB of none or all bits
	NotReviewed      = "not-reviewed"       // the set is too large for a part of the review
	FromFile         = "file"               // a remark of the file's loader
)

// A Finding is one thing to look at.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Device   string   `json:"device,omitempty"`
	Rule     string   `json:"rule,omitempty"`  // empty: the set as a whole
	Field    string   `json:"field,omitempty"` // such as "3 (IPV6.LEN)"; empty: the Rule as a whole
	Line     int      `json:"line,omitempty"`  // 0: not known
	Col      int      `json:"col,omitempty"`
	Offset   int      `json:"offset,omitempty"` // in bytes, where the form has no lines
	Text     string   `json:"text"`
	Advice   string   `json:"advice,omitempty"`

	rule int // index, to sort by
}

// String returns "line:col: warning: rule 5/8: field 3 (IPV6.LEN): text [code]; advice".
func (f *Finding) String() string {
	s := ""
	if f.Line > 0 {
		s = fmt.Sprintf("%d:%d: ", f.Line, f.Col)
	} else if f.Offset > 0 {
		s = fmt.Sprintf("byte %d: ", f.Offset)
	}
	s += string(f.Severity) + ": "
	if f.Device != "" {
		s += fmt.Sprintf("device %q: ", f.Device)
	}
	if f.Rule != "" {
		s += "rule " + f.Rule + ": "
	}
	if f.Field != "" {
		s += "field " + f.Field + ": "
	}
	s += f.Text + " [" + f.Code + "]"
	if f.Advice != "" {
		s += "; " + f.Advice
	}
	return s
}

// linter collects the findings of one set.
type linter struct {
	set      *rulefile.Set
	used     [2][]bool // by direction: the Rule is used
	list     []Finding
	compare  int // Rules and Target Values at most
	compared int
	of       *schc.FieldDescriptor
	values   map[string]bool // the Target Values of of
}

// Check reviews a set of Rules that ctx was made of.
func Check(set *rulefile.Set, ctx *schc.Context) []Finding { return check(set, ctx, maxCompared) }

func check(set *rulefile.Set, ctx *schc.Context, compare int) []Finding {
	l := &linter{set: set, compare: compare}
	l.directions(ctx)
	noComp := -1
	compression := 0
	for i := range set.Rules {
		r := &set.Rules[i]
		switch r.Nature {
		case schc.NatureNoCompression:
			if noComp >= 0 {
				l.add(SecondNoComp, Warning, i, -1, "a second no-compression Rule; only "+set.Rules[noComp].ID.String()+" is used to compress", "remove one")
			} else {
				noComp = i
			}
		case schc.NatureCompression:
			compression++
			l.rule(i)
		}
	}
	if noComp < 0 && compression > 0 {
		l.add(NoNoCompression, Info, -1, -1, "there is no no-compression Rule: packets that no Rule matches cannot be sent", "add a Rule with NoCompression, or let them pass by another way")
	}
	l.shadows()
	// In the order of the Rules; what is about the whole set comes last.
	slices.SortStableFunc(l.list, func(a, b Finding) int { return a.rule - b.rule })
	return l.list
}

// add adds a finding about field of Rule i; -1: the whole.
func (l *linter) add(code string, s Severity, i, field int, text, advice string) {
	f := Finding{Code: code, Severity: s, Device: l.set.DeviceID, Text: text, Advice: advice, rule: len(l.set.Rules)}
	if i >= 0 {
		r := &l.set.Rules[i]
		f.Rule, f.rule = r.ID.String(), i
		fe := &schc.FieldError{Rule: r.ID, Index: i, Field: field, Err: schc.ErrMalformed}
		if field >= 0 {
			fe.FID = r.Fields[field].FID
			f.Field = strconv.Itoa(field+1) + " (" + fe.FID.String() + ")"
		}
		var at *rulefile.Error
		if errors.As(l.set.Locate(fe), &at) {
			f.Line, f.Col = at.Line, at.Col
			if f.Line == 0 {
				f.Offset = max(at.Offset, 0)
			}
		}
	}
	l.list = append(l.list, f)
}

// notThisWay is what Explain says of a Rule that is not used in a direction.
const notThisWay = "the Rule is not for packets of this direction"

// directions finds out which Rules are used in which direction.
func (l *linter) directions(ctx *schc.Context) {
	for d := range l.used {
		l.used[d] = make([]bool, len(l.set.Rules))
		for _, r := range ctx.Explain(nil, schc.DirUp+schc.Direction(d), schc.Inputs{}).Rules {
			l.used[d][r.Rule] = r.Reason != notThisWay
		}
	}
}

// rule reviews one compression Rule.
func (l *linter) rule(i int) {
	r := &l.set.Rules[i]
	if up := l.used[0][i]; up != l.used[1][i] {
		way, other := "up", "down"
		if !up {
			way, other = other, way
		}
		l.add(OneDirection, Info, i, -1, "describes packets "+way+" only; packets "+other+" need another Rule", "check that DI is what you want; BI is both ways")
	}
	for j := range r.Fields {
		l.field(i, j)
	}
	l.order(i)
}

// field reviews one Field Descriptor.
func (l *linter) field(i, j int) {
	d := &l.set.Rules[i].Fields[j]
	computable := Computable(d.FID)
	bits := d.FID.LenBits()
	if d.FL != 0 && !d.FL.Variable() {
		bits = int(d.FL)
	}
	add := func(code string, s Severity, text, advice string) { l.add(code, s, i, j, text, advice) }
	switch {
	case d.CDA == schc.CDANotSent && (d.MO == schc.MOIgnore || d.MO == schc.MOMSB && int(d.MSB) != bits):
		advice := "send it (value-sent), or keep it if the field does not matter"
		switch {
		case computable:
			advice = "use the action compute"
		case d.MO == schc.MOMSB:
			advice = "use the action LSB, or keep it if the low bits do not matter"
		}
		add(LossyField, Warning, "any value matches, but the target value is restored: a packet with another value comes back changed", advice)
	case d.CDA == schc.CDAValueSent && d.MO == schc.MOEqual, d.CDA == schc.CDAMappingSent && len(d.TV) == 1:
		add(SentKnown, Warning, "only one value matches, and yet it is sent", "use equal and not-sent")
	case d.CDA == schc.CDAValueSent && d.MO == schc.MOMatchMapping:
		add(SentKnown, Warning, fmt.Sprintf("only %d values match, and yet the value is sent in full", len(d.TV)), "use mapping-sent")
	case d.CDA == schc.CDAValueSent && d.MO == schc.MOMSB && d.MSB > 0:
		add(SentKnown, Warning, fmt.Sprintf("the first %d bits are known, and yet they are sent", d.MSB), "use the action LSB")
	case d.CDA == schc.CDAValueSent && computable && d.MO == schc.MOIgnore && d.FID != schc.FIDCoAPTKL: // which a token may need
		add(SentComputable, Info, "the value is sent, and could be computed", "use the action compute, unless wrong values must get through")
	case d.CDA == schc.CDAValueSent && d.MO == schc.MOIgnore && len(d.TV) > 0:
		add(UnusedTarget, Info, "a target value that nothing is compared with", "leave it out, or use another operator")
	case d.CDA == schc.CDALSB && d.MSB == 0:
		add(MSBWhole, Info, "MSB(0) matches any value, and all bits are sent", "use ignore and value-sent")
	case d.CDA == schc.CDALSB && int(d.MSB) == bits && bits > 0:
		add(MSBWhole, Info, "MSB of all bits is equality, and no bit is sent", "use equal and not-sent")
	}
	if d.MO == schc.MOMatchMapping {
		l.mapping(i, j)
	}
	if v := map[schc.FID]byte{schc.FIDIPv6Version: 6, schc.FIDIPv4Version: 4}[d.FID]; v != 0 {
		if d.MO != schc.MOEqual || d.CDA != schc.CDANotSent || len(d.TV) != 1 || len(d.TV[0]) != 1 || d.TV[0][0] != v {
			add(IPVersion, Warning, fmt.Sprintf("the version of the protocol is always %d", v), fmt.Sprintf("use target value %d, equal and not-sent", v))
		}
	}
}

// mapping reviews a list of Target Values.
func (l *linter) mapping(i, j int) {
	d := &l.set.Rules[i].Fields[j]
	if len(d.TV) == 1 && d.CDA != schc.CDAMappingSent { // which sent-known is about
		l.add(MappingSingle, Info, i, j, "match-mapping with one value", "use equal")
	}
	first := make(map[string]int, len(d.TV))
	for k, v := range d.TV {
		if at, twice := first[string(v)]; twice {
			l.add(MappingDuplicate, Warning, i, j, fmt.Sprintf("value %d of the mapping is the same as value %d, so its index is never sent", k+1, at+1), "remove it")
			return
		}
		first[string(v)] = k
	}
}

// Computable reports whether the action compute is defined for a field.
func Computable(f schc.FID) bool {
	// The check of a lone descriptor says so before it misses the other fields
	// of the protocol.
	_, err := schc.NewContext([]schc.Rule{{ID: schc.RuleID{Bits: 8}, Fields: []schc.FieldDescriptor{{FID: f, MO: schc.MOIgnore, CDA: schc.CDACompute}}}}, schc.Options{})
	var fe *schc.FieldError
	return !errors.As(err, &fe) || fe.Text != "cannot be computed; only lengths and checksums can"
}
