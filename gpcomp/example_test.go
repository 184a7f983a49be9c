package gpcomp_test

import (
	"fmt"
	"strings"

	"github.com/schckit/schckit/gpcomp"
)

func Example() {
	var lzs gpcomp.LZS
	lzs.Reset(make([]uint16, gpcomp.LZSMem(1500)))
	a := gpcomp.Association{CPI: lzs.Transform().CPI(), Codec: &lzs}

	for _, payload := range []string{"21.5 Cel", strings.Repeat("temperature 21.5 Cel; ", 10)} {
		out, compressed := a.AppendCompress(nil, []byte(payload))
		back, err := a.AppendDecompress(nil, out, compressed)
		fmt.Println(len(payload), len(out), compressed, string(back) == payload, err)
	}
	// Output:
	// 8 8 false true <nil>
	// 220 34 true true <nil>
}

// A receiver has a limit, whatever a payload promises.
func ExampleAssociation_MaxLen() {
	var sender gpcomp.LZS
	sender.Reset(make([]uint16, gpcomp.LZSMem(4096)))
	bomb, _ := sender.AppendCompress(nil, make([]byte, 60000), 4096)

	a := gpcomp.Association{CPI: 3, Codec: new(gpcomp.LZS), MaxLen: 1500}
	_, err := a.AppendDecompress(nil, bomb, true)
	fmt.Println(len(bomb), err)
	// Output:
	// 2028 gpcomp: result longer than allowed
}
