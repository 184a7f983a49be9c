// Command decompress links a Decompressor.
package main

import (
	"github.com/schckit/schckit/examples/firmware/size/rules"
	"github.com/schckit/schckit/schc"
)

var (
	ctx           schc.Context
	d             schc.Decompressor
	packet, frame [210]byte
)

func main() {
	if rules.Load(&ctx) != nil {
		return
	}
	d.Reset(&ctx)
	frame[0] = 255
	n, _, err := d.DecompressInto(packet[:], frame[:20], schc.DirDown)
	if err != nil {
		return
	}
	println(n, packet[3])
}
