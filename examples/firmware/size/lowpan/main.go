// Command lowpan links 6LoWPAN: IPHC and NHC, fragments and their reassembly.
package main

import "github.com/schckit/schckit/lowpan"

var (
	table         lowpan.Table
	fragmenter    lowpan.Fragmenter
	mem           [210]byte
	slots         [1]lowpan.Slot
	reassembler   lowpan.Reassembler
	packet, frame [210]byte
)

func main() {
	link := lowpan.Link{Src: lowpan.ExtAddr(uint64(packet[0])), Dst: lowpan.ShortAddr(2)}
	slots[0].Buf = mem[:]
	reassembler.Slots = slots[:]
	if fragmenter.Reset(packet[:150], link, &table, lowpan.Options{}, 1, 80) != nil {
		return
	}
	for more := true; more; {
		f, m, err := fragmenter.AppendFrame(frame[:0])
		if err != nil {
			return
		}
		more = m
		out, done, err := reassembler.AppendPacket(packet[:0], f, link, &table, lowpan.Options{}, 0)
		println(len(out), done, err != nil)
	}
}
