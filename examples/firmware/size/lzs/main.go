// Command lzs links the codec LZS, which compresses and restores payloads.
package main

import "github.com/schckit/schckit/gpcomp"

var (
	codec         gpcomp.LZS
	mem           [1200]uint16
	packet, frame [300]byte
)

func main() {
	codec.Reset(mem[:gpcomp.LZSMem(100)])
	out, err := codec.AppendCompress(frame[:0], packet[:100], 100)
	if err != nil {
		return
	}
	out, err = codec.AppendDecompress(packet[:0], out, 100)
	println(len(out), err != nil, packet[3])
}
