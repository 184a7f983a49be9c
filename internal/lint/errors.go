package lint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// Errors returns what schc.NewContext refuses in a set, with the places in the
// file and in the order of the Rules: of each Rule the first thing that is wrong
// with it alone, and every RuleID that overlaps one before it. Nil means that the
// set is valid.
func Errors(set *rulefile.Set) []error {
	_, all := schc.NewContext(set.Rules, schc.Options{})
	if all == nil {
		return nil
	}
	var list []*schc.FieldError
	for i := range set.Rules {
		_, err := schc.NewContext(set.Rules[i:i+1], schc.Options{})
		var fe *schc.FieldError
		if errors.As(err, &fe) {
			e := *fe
			e.Index, e.Rule = i, set.Rules[i].ID
			list = append(list, &e)
		}
	}
	list = append(list, clashes(set)...)
	if len(list) == 0 { // about the set as a whole
		return []error{set.Locate(all)}
	}
	slices.SortStableFunc(list, func(a, b *schc.FieldError) int { return cmp.Compare(a.Index, b.Index) })
	out := make([]error, len(list))
	for i, e := range list {
		out[i] = set.Locate(e)
	}
	return out
}

// clashes returns an error for each Rule whose RuleID is that of an earlier Rule,
// or a prefix of it, or the other way round.
func clashes(set *rulefile.Set) []*schc.FieldError {
	var list []*schc.FieldError
	whole := map[schc.RuleID]int{} // the first Rule with a RuleID
	begun := map[schc.RuleID]int{} // the first Rule whose RuleID is longer and begins so
	for i := range set.Rules {
		id := set.Rules[i].ID
		if id.Bits > 32 || uint64(id.Value)>>id.Bits != 0 {
			continue // said already
		}
		first, clashing := i, false
		look := func(m map[schc.RuleID]int, id schc.RuleID) {
			if k, ok := m[id]; ok {
				first, clashing = min(first, k), true
			}
		}
		look(whole, id)
		look(begun, id)
		if _, ok := whole[id]; !ok {
			whole[id] = i
		}
		for p := id; p.Bits > 0; {
			p.Value, p.Bits = p.Value>>1, p.Bits-1
			look(whole, p)
			if _, ok := begun[p]; !ok {
				begun[p] = i
			}
		}
		if clashing {
			list = append(list, clash(set, first, i))
		}
	}
	return list
}

func clash(set *rulefile.Set, first, later int) *schc.FieldError {
	a, b := set.Rules[first].ID, set.Rules[later].ID
	at := ""
	var e *rulefile.Error
	if errors.As(set.Locate(&schc.FieldError{Rule: a, Index: first, Field: -1}), &e) {
		switch {
		case e.Line > 0:
			at = fmt.Sprintf(" at %d:%d", e.Line, e.Col)
		case e.Offset >= 0:
			at = fmt.Sprintf(" at byte %d", e.Offset)
		}
	}
	text := fmt.Sprintf("the RuleID overlaps that of Rule %v%s; none may be a prefix of another", a, at)
	if a == b {
		text = fmt.Sprintf("the RuleID is that of the Rule%s; give each its own", at)
	}
	return &schc.FieldError{Rule: b, Index: later, Field: -1, Err: schc.ErrMalformed, Text: text}
}
