// Command ghc links the codec GHC, which compresses and restores payloads.
package main

import "github.com/schckit/schckit/gpcomp"

var (
	codec         gpcomp.GHC
	mem           [1200]uint16
	packet, frame [300]byte
)

func main() {
	codec.Reset(mem[:gpcomp.GHCMem(100)])
	out, err := codec.AppendCompress(frame[:0], packet[:100], 100)
	if err != nil {
		return
	}
	out, err = codec.AppendDecompress(packet[:0], out, 100)
	println(len(out), err != nil, packet[3])
}
