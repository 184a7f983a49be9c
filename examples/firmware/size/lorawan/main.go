// Command lorawan links what a LoRaWAN device of class A needs to fragment and
// reassemble (RFC 9011): a Sender of uplink packets of up to 2,520 bytes and a
// Receiver of downlink packets of up to 1,280 bytes, with all their memory.
package main

import "github.com/schckit/schckit/schc"

// What the device holds in RAM. SenderBytes and SessionBytes of the two profiles
// are checked in TestLoRaWANMemory.
const (
	SenderBytes  = 32
	SessionBytes = 1297
)

var (
	up         schc.Profile
	down       [1]schc.Profile
	sender     schc.Sender
	senderMem  [SenderBytes]byte
	receiver   schc.Receiver
	session    [1]schc.Session
	sessionMem [SessionBytes]byte
	packet     [300]byte // of the application
	frame      [52]byte  // FPort and FRMPayload at SF10
)

// Profiles sets the two Rules: those of LoRaWANUp and LoRaWANDown, without their
// notes, which would take flash.
func Profiles(up, down *schc.Profile) error {
	const hour = 3_600_000
	err := up.Init(schc.RuleID{Value: 20, Bits: 8}, &schc.Fragmentation{
		Mode: schc.FragmentationAckOnError, Direction: schc.DirUp, L2WordBits: 8,
		WBits: 2, FCNBits: 6, WindowSize: 63, TileBits: 80, RCSBits: 32,
		All1Data: schc.All1DataSenderChoice, AckBehavior: schc.AckAfterAll0, MaxAckRequests: 8,
		RetransmissionMs: 12 * hour, InactivityMs: 12 * hour, MaxPacket: 2520,
	})
	if err != nil {
		return err
	}
	return down.Init(schc.RuleID{Value: 21, Bits: 8}, &schc.Fragmentation{
		Mode: schc.FragmentationAckAlways, Direction: schc.DirDown, L2WordBits: 8,
		WBits: 1, FCNBits: 1, WindowSize: 1, RCSBits: 32, MaxAckRequests: 8,
		RetransmissionMs: 4 * hour, InactivityMs: 36 * hour, UplinkAckMs: 60_000,
	})
}

func main() {
	if Profiles(&up, &down[0]) != nil {
		return
	}
	sender.Reset(&up, senderMem[:])
	receiver.Reset(down[:], session[:], sessionMem[:])
	if sender.Start(packet[:], 8*len(packet), 0, 0) != nil {
		return
	}
	out, err := sender.Next(frame[:], 8*len(frame), 0)
	if err != nil {
		return
	}
	println(out.Bits, out.Deadline == schc.Never)
	// A fragment comes down: RuleID 21, W 0, FCN 0.
	frame[0], frame[1] = 21, 0
	refused := sender.Receive(frame[:], 8*len(frame), 1) != nil
	event, err := receiver.Receive(frame[:], 8*len(frame), 1)
	if err != nil {
		return
	}
	if out, err = receiver.Next(frame[:], 8*len(frame), 1); err != nil {
		return
	}
	println(refused, event.Kind, out.Bits, sender.State())
}
