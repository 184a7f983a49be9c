// Command send links a Sender of SCHC Fragments.
package main

import (
	"github.com/schckit/schckit/examples/firmware/size/rules"
	"github.com/schckit/schckit/schc"
)

var (
	profiles      [rules.NumProfiles]schc.Profile
	s             schc.Sender
	mem           [64]byte
	packet, frame [210]byte
)

func main() {
	if rules.InitProfiles(&profiles) != nil {
		return
	}
	s.Reset(&profiles[0], mem[:])
	if s.Start(packet[:], len(packet)*8, 0, 0) != nil {
		return
	}
	out, err := s.Next(frame[:], 50*8, 0)
	if err != nil {
		return
	}
	err = s.Receive(frame[:], 16, 1) // not an ACK
	println(out.Bits, s.State(), err != nil)
}
