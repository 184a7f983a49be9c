package rulefile

import (
	"testing"

	"github.com/schckit/schckit/schc"
)

// TestProfilesConvert: the fragmentation Rules of all profiles are the same after
// a way through every form, and make the same Profile.
func TestProfilesConvert(t *testing.T) {
	for _, n := range schc.Profiles() {
		f := n.Fragmentation
		file := &File{Sets: []Set{{Rules: []schc.Rule{{ID: n.Rule, Nature: schc.NatureFragmentation, Fragment: &f}}}}}
		var want schc.Profile
		if err := want.Init(n.Rule, &f); err != nil {
			t.Fatal(err)
		}
		now := file
		for _, form := range []Form{FormJSON, FormYANG, FormCBOR, FormYANG, FormJSON, FormCBOR, FormJSON} {
			data, err := SaveAs(now, form)
			if err != nil {
				t.Fatalf("%s as %v: %v", n.Name, form, err)
			}
			if now, err = LoadAs(data, n.Name, form); err != nil {
				t.Fatalf("%s as %v: %v\n%s", n.Name, form, err, data)
			}
			if d := Diff(file, now); len(d) != 0 {
				t.Errorf("%s as %v: %v", n.Name, form, d)
			}
			var p schc.Profile
			got := *now.Sets[0].Rules[0].Fragment
			if f.Mode == schc.FragmentationNoAck {
				got.WindowSize = 0 // No-ACK has no windows, the files say 2^N - 1
			}
			if err := p.Init(n.Rule, &got); err != nil || p.Fragmentation() != want.Fragmentation() {
				t.Errorf("%s as %v: %+v, %v, want %+v", n.Name, form, p.Fragmentation(), err, want.Fragmentation())
			}
		}
	}
}
