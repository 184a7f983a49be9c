// Command dietesp links an SA of Diet-ESP that seals and opens with AES-CCM, the
// block cipher being that of the board.
package main

import (
	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/examples/firmware/dietesp/ctec"
	"github.com/schckit/schckit/examples/firmware/dietesp/eec"
	"github.com/schckit/schckit/examples/firmware/dietesp/iipc"
	"github.com/schckit/schckit/examples/firmware/dietesp/sa"
	"github.com/schckit/schckit/examples/firmware/size/engine"
	"github.com/schckit/schckit/schc"
)

var (
	rules         [3]schc.Context
	block         engine.Block
	suite         esp.Suite
	s             dietesp.SA
	window        [2]uint64
	packet, frame [210]byte
)

func main() {
	if iipc.Load(&rules[0]) != nil || ctec.Load(&rules[1]) != nil || eec.Load(&rules[2]) != nil {
		return
	}
	if suite.InitBlock(esp.Algorithm{Encr: esp.EncrAESCCM8IIV, KeyBits: 128}, &block, packet[:3], nil) != nil {
		return
	}
	c := sa.Config()
	c.Memory = window[:]
	if s.Load(c, &suite, sa.Attributes(), dietesp.Options{IIPC: &rules[0], CTEC: &rules[1], EEC: &rules[2]}) != nil {
		return
	}
	out, err := s.AppendSeal(frame[:0], packet[:60])
	if err != nil {
		return
	}
	out, err = s.AppendOpen(packet[:0], out)
	println(len(out), err != nil, packet[3])
}
