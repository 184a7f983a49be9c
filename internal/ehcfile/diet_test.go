package ehcfile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/internal/safile"
)

// An SA file reads what Diet writes as the same attributes.
func TestDietIsRead(t *testing.T) {
	var list []dietesp.Attributes
	for _, p := range []dietesp.Profile{dietesp.ProfileDietESP10, dietesp.ProfileEHC2023} {
		a := dietesp.DefaultAttributes(p)
		list = append(list, a)
		a.SPILSBBits, a.SNLSBBits, a.Alignment = 8, 16, dietesp.Alignment8
		a.DSCP, a.DSCPs = dietesp.ActionSA, []uint8{0, 46}
		a.HopLimit = dietesp.HopLimitValueSent
		list = append(list, a)
	}
	for v := range 5 {
		a := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
		a.DSCP, a.ECN, a.FlowLabel = dietesp.Action(v%2), dietesp.Action(v/2%2), []dietesp.Action{0, 1, 3, 4, 0}[v]
		a.Alignment, a.Trailer = dietesp.Alignment(v%4), dietesp.Trailer(v%2)
		a.IIPC, a.RuleID = dietesp.IIPCProfile(v%2), dietesp.RuleIDMode(v/2%2)
		list = append(list, a)
	}
	for _, want := range list {
		diet, err := json.Marshal(NewDiet(&want))
		if err != nil {
			t.Fatal(err)
		}
		f, err := safile.Load([]byte(fmt.Sprintf(`[{"spi": 4097, "mode": "tunnel", "diet": %s}]`, diet)), "sa")
		if err != nil {
			t.Fatalf("%s: %v", diet, err)
		}
		got, err := f.SAs[0].Attributes()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v, want %+v", diet, got, err, want)
		}
	}
}
