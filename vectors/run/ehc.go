package run

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"reflect"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/internal/ehcfile"
	"github.com/schckit/schckit/vectors"
)

// ehcClass returns the name of an error, "valid" for none.
func ehcClass(err error) string {
	if err == nil {
		return "valid"
	}
	var n *ehc.NegotiationError
	if errors.As(err, &n) {
		return n.Err.Class()
	}
	e, _ := err.(ehc.Error)
	return e.Class()
}

func (r *runner) ehcFile(data []byte) {
	f, err := vectors.ParseEHC(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		p, err := ehcfile.Load(g.Policy, "policy")
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			if !r.takes(t.ID, g.Source) {
				continue
			}
			r.ehcTest(t, p)
		}
	}
}

// ehcTest runs a test: what Offer, Select or Accept give; and an answer that was
// made must be accepted by whoever made the offer and allows what it offered.
func (r *runner) ehcTest(t *vectors.EHCTest, p *ehc.Policy) {
	r.stats.Ways++
	offer, _ := hex.DecodeString(t.Offer)
	want, _ := hex.DecodeString(t.Answer)
	var a dietesp.Attributes
	var got []byte
	var err error
	switch t.Kind {
	case "offer":
		got, err = ehc.Offer(nil, p)
		want = offer
	case "select":
		got, a, err = ehc.Select(nil, offer, p)
		if c := ehcClass(err); c == "refused" {
			var e error
			if got, e = ehc.AppendRefusal(nil, p); e != nil {
				r.fail(t.ID, t.Kind, "no refusal: %v", e)
			}
		}
	case "accept":
		a, err = ehc.Accept(offer, want, p)
		got = want
	}
	switch c := ehcClass(err); {
	case t.Result == "acceptable" && c == "refused":
		r.stats.Acceptable++
		return
	case c != t.Result && (t.Result != "acceptable" || c != "valid"):
		r.fail(t.ID, t.Kind, "%s, want %s: %v", c, t.Result, err)
		return
	case hex.EncodeToString(got) != hex.EncodeToString(want):
		r.fail(t.ID, t.Kind, "gives %x, want %x", got, want)
		return
	case err != nil || t.Kind == "offer":
		return
	}
	if diet := ehcDiet(&a); !maps.EqualFunc(diet, t.Attributes, func(x, y any) bool { return reflect.DeepEqual(x, y) }) {
		r.fail(t.ID, t.Kind, "agrees on %v, want %v", diet, t.Attributes)
	}
	if t.Kind != "select" {
		return
	}
	r.stats.Ways++
	if b, err := ehc.Accept(offer, got, p); err != nil || !reflect.DeepEqual(a, b) {
		r.fail(t.ID, "accept", "%+v, %v, want %+v", b, err, a)
	}
}

// ehcDiet returns the attributes as JSON has them.
func ehcDiet(a *dietesp.Attributes) map[string]any {
	b, err := json.Marshal(ehcfile.NewDiet(a))
	if err != nil {
		return nil
	}
	var m map[string]any
	if json.Unmarshal(b, &m) != nil {
		return nil
	}
	return m
}
