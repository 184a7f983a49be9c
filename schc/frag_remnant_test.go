package schc

import (
	"bytes"
	"testing"
)

// TestRemnants: fragments of a packet that was delivered come again, because the
// sender heard no ACK, and end with the All-1 or an ACK REQ, or are mere copies.
// They are not taken for tiles of the next packet, which arrives whole at the
// first attempt, also if it begins with the same bytes.
func TestRemnants(t *testing.T) {
	for _, how := range []string{"All-1", "ACK REQ", "copies", "copies, same start"} {
		for _, behavior := range []AckBehavior{AckAfterAll0, AckAfterAll1} {
			f := lora
			f.AckBehavior = behavior
			c := newPair(t, RuleID{20, 8}, f, 1)
			first, second := figurePacket(8*400, 1), figurePacket(8*400, 2)
			if how == "copies, same start" {
				copy(second[:60], first) // the first fragment
			}
			var msgs [][]byte
			c.start(first, 0)
			for {
				msg := c.next(8 * 62)
				if msg == nil {
					break
				}
				msgs = append(msgs, msg)
				c.deliver(msg)
			}
			c.answer()
			if len(msgs) != 8 || c.r.Active() != 0 {
				t.Fatalf("%d messages, %d active", len(msgs), c.r.Active())
			}
			// The third and fifth fragment again.
			again := [][]byte{msgs[2], msgs[4], msgs[7]}
			switch how {
			case "ACK REQ":
				again[2] = []byte{20, 0} // W 0, FCN 0
			case "copies", "copies, same start":
				again = again[:2]
			}
			for _, msg := range again {
				if ev := c.deliver(msg); ev.Kind != EventNone || ev.Replaced {
					t.Fatalf("a copy: %+v", ev)
				}
			}
			if ack, _ := c.answer(); len(again) == 3 && !bytes.Equal(ack, []byte{20, 0x20}) {
				t.Errorf("ACK %x, want success again", ack)
			}
			c.s.Reset(&c.p, make([]byte, 64))
			c.start(second, 0)
			var got []byte
			for {
				msg := c.next(8 * 62)
				if msg == nil {
					break
				}
				ev := c.deliver(msg)
				if ev.Replaced || ev.Kind == EventDropped {
					t.Errorf("%s, %v: %+v", how, behavior, ev)
				}
				if ev.Kind == EventPacket {
					got = bytes.Clone(ev.Packet)
				}
			}
			if !bytes.Equal(got, second) {
				t.Errorf("%s, %v: the next packet does not arrive at the first attempt", how, behavior)
			}
		}
	}
}
