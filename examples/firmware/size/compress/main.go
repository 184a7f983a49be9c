// Command compress links a Compressor.
package main

import (
	"github.com/schckit/schckit/examples/firmware/size/rules"
	"github.com/schckit/schckit/schc"
)

var (
	ctx           schc.Context
	c             schc.Compressor
	packet, frame [210]byte
)

func main() {
	if rules.Load(&ctx) != nil {
		return
	}
	c.Reset(&ctx)
	n, _, err := c.CompressInto(frame[:], packet[:200], schc.DirUp)
	if err != nil {
		return
	}
	println(n, frame[3])
}
