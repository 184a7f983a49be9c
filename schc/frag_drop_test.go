package schc

import "testing"

// TestDrop: what is not complete at the end says whether fragments are missing.
func TestDrop(t *testing.T) {
	for _, n := range []NamedProfile{LoRaWANUp(), LoRaWANDown(), LoRaWANMulticast(), SigfoxSingleByte()} {
		mtu := 240
		if n.Fragmentation.RCSAlgorithm == RCSFragments {
			mtu = 96
		}
		for _, x := range []struct {
			name string
			keep func(i int, msg []byte) []byte
			want Reason
		}{
			{"first only", func(i int, msg []byte) []byte {
				if i > 0 {
					return nil
				}
				return msg
			}, ReasonMissing},
			{"second lost", func(i int, msg []byte) []byte {
				if i == 1 {
					return nil
				}
				return msg
			}, ReasonMissing},
			{"corrupted", func(i int, msg []byte) []byte {
				if i == 0 {
					msg[len(msg)-1] ^= 1
				}
				return msg
			}, ReasonRCS},
		} {
			if n.Fragmentation.RCSAlgorithm == RCSFragments && x.want == ReasonRCS {
				continue // a number of fragments does not notice
			}
			c := newPair(t, n.Rule, n.Fragmentation, 1)
			c.start(figurePacket(8*95, 1), 0)
			var ev Event
			for i := 0; ; i++ {
				msg := c.next(mtu)
				if msg == nil {
					break
				}
				if msg = x.keep(i, msg); msg != nil {
					if e := c.deliver(msg); e.Kind != EventNone {
						ev = e
					}
				}
				if m, err := c.p.ParseFragment(msg, 8*len(msg)); n.Fragmentation.Mode == FragmentationAckAlways && err == nil {
					if m.Kind == MessageAll1 {
						break // the next ACK would make the sender abort
					}
					ack, _ := c.answer()
					if err := c.s.Receive(ack, 8*len(ack), 0); err != nil {
						t.Fatal(err)
					}
				}
			}
			if n.Fragmentation.Mode == FragmentationNoAck && x.name != "first only" {
				// Without ACKs the receiver has given up by itself.
				if ev.Kind != EventDropped || ev.Reason != ReasonRCS {
					t.Errorf("%s, %s: %+v", n.Name, x.name, ev)
				}
				continue
			}
			if ev = c.r.Drop(); ev.Kind != EventDropped || ev.Reason != x.want || ev.Rule != n.Rule {
				t.Errorf("%s, %s: Drop() = %+v, want %v", n.Name, x.name, ev, x.want)
			}
			if ev := c.r.Drop(); ev.Kind != EventNone || c.r.Held() != 0 {
				t.Errorf("%s, %s: Drop() again = %+v, %d held", n.Name, x.name, ev, c.r.Held())
			}
		}
	}
}

// TestDropPacket: the packet with that RuleID and DTag goes, others stay.
func TestDropPacket(t *testing.T) {
	f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, DTagBits: 2, WBits: 2, FCNBits: 3, TileBits: 40, MaxInterleaved: 4,
		RetransmissionMs: 1000, InactivityMs: 10_000}
	id := RuleID{5, 3}
	c := newPair(t, id, f, 3)
	for dtag := uint32(0); dtag < 3; dtag++ {
		c.s.Reset(&c.p, make([]byte, 64))
		c.start(figurePacket(8*60, dtag), dtag)
		c.deliver(c.next(200))
	}
	if ev := c.r.DropPacket(RuleID{4, 3}, 1, ReasonReceiverAbort); ev.Kind != EventNone {
		t.Errorf("another Rule: %+v", ev)
	}
	ev := c.r.DropPacket(id, 1, ReasonReceiverAbort)
	if ev.Kind != EventDropped || ev.DTag != 1 || ev.Rule != id || ev.Reason != ReasonReceiverAbort || c.r.Active() != 2 || c.r.Held() != 2 {
		t.Errorf("DropPacket = %+v, %d active", ev, c.r.Active())
	}
	if ev := c.r.DropPacket(id, 1, ReasonReceiverAbort); ev.Kind != EventNone {
		t.Errorf("again: %+v", ev)
	}
	if ack, _ := c.answer(); ack != nil {
		t.Errorf("an answer: %x", ack)
	}
}
