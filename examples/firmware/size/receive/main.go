// Command receive links a Receiver of SCHC Fragments.
package main

import (
	"github.com/schckit/schckit/examples/firmware/size/rules"
	"github.com/schckit/schckit/schc"
)

var (
	profiles      [rules.NumProfiles]schc.Profile
	r             schc.Receiver
	session       [1]schc.Session
	mem           [1600]byte
	packet, frame [210]byte
)

func main() {
	if rules.InitProfiles(&profiles) != nil {
		return
	}
	packet[0] = 20
	r.Reset(profiles[:], session[:], mem[:])
	event, err := r.Receive(packet[:], 50*8, 0)
	if err != nil {
		return
	}
	out, err := r.Next(frame[:], 50*8, 0)
	if err != nil {
		return
	}
	println(event.Kind, out.Bits)
}
