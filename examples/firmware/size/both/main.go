// Command both links a Compressor and a Decompressor.
package main

import (
	"github.com/schckit/schckit/examples/firmware/size/rules"
	"github.com/schckit/schckit/schc"
)

var (
	ctx           schc.Context
	c             schc.Compressor
	d             schc.Decompressor
	packet, frame [210]byte
)

func main() {
	if rules.Load(&ctx) != nil {
		return
	}
	c.Reset(&ctx)
	d.Reset(&ctx)
	n, _, err := c.CompressInto(frame[:], packet[:200], schc.DirUp)
	if err != nil {
		return
	}
	n, _, err = d.DecompressInto(packet[:], frame[:n], schc.DirDown)
	if err != nil {
		return
	}
	println(n, packet[3])
}
