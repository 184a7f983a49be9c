// Command iphc links the compression of 6LoWPAN: IPHC and NHC.
package main

import "github.com/schckit/schckit/lowpan"

var (
	table         lowpan.Table
	packet, frame [210]byte
)

func main() {
	link := lowpan.Link{Src: lowpan.ExtAddr(uint64(packet[0])), Dst: lowpan.ShortAddr(2)}
	out, err := lowpan.AppendCompress(frame[:0], packet[:150], link, &table, lowpan.Options{})
	if err != nil {
		return
	}
	out, err = lowpan.AppendDecompress(packet[:0], out, link, &table, lowpan.Options{})
	println(len(out), err != nil, packet[3])
}
