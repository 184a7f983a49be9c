// Command sse links a Session of SSE that seals and opens with AES-CCM, the block
// cipher being that of the board.
package main

import (
	"github.com/schckit/schckit/examples/firmware/size/engine"
	"github.com/schckit/schckit/sse"
)

var (
	block         engine.Block
	s             sse.Session
	packet, frame [210]byte
)

func main() {
	key := sse.Key{SPI: 0x1001, Block: &block, Salt: packet[:3]}
	if s.Reset(sse.Config{Suite: sse.SuiteCCM8, Out: key, In: key}) != nil {
		return
	}
	out, err := s.AppendSeal(frame[:0], packet[:60])
	if err != nil {
		return
	}
	out, err = s.AppendOpen(packet[:0], out)
	println(len(out), err != nil, packet[3])
}
