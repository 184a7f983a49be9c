package deflate_test

import (
	"fmt"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/gpcomp/deflate"
)

func ExampleNewDict() {
	d, err := deflate.NewDict(1)
	if err != nil {
		panic(err)
	}
	a := gpcomp.Association{CPI: d.Transform().CPI(), Codec: d}

	payload := []byte(`[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temperature","u":"Cel","v":23.1}]`)
	out, compressed := a.AppendCompress(nil, payload)
	fmt.Println(d.Transform(), a.CPI, len(payload), compressed, len(out) < 50)
	back, err := a.AppendDecompress(nil, out, compressed)
	fmt.Println(string(back) == string(payload), err)
	// Output:
	// iot-1 61441 76 true true
	// true <nil>
}
