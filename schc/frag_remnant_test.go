package schc

import (
	"bytes"
	"testing"
)

// TestRemnants: fragments of a packet that was delivered come again, because the
// sender heard no ACK, and end with the All-1 or an ACK REQ. They are not taken
// for tiles of the next packet, which arrives whole at the first attempt.
func TestRemnants(t *testing.T) {
	for _, ackReq := range []bool{false, true} {
		for _, behavior := range []AckBehavior{AckAfterAll0, AckAfterAll1} {
			f := lora
			f.AckBehavior = behavior
			c := newPair(t, RuleID{20, 8}, f, 1)
			first, second := figurePacket(8*400, 1), figurePacket(8*400, 2)
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
			last := msgs[7]
			if ackReq {
				last = []byte{20, 0} // W 0, FCN 0
			}
			for _, msg := range [][]byte{msgs[2], msgs[4], last} {
				if ev := c.deliver(msg); ev.Kind != EventNone || ev.Replaced {
					t.Fatalf("a copy: %+v", ev)
				}
			}
			if ack, _ := c.answer(); !bytes.Equal(ack, []byte{20, 0x20}) {
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
					t.Errorf("ACK REQ %v, %v: %+v", ackReq, behavior, ev)
				}
				if ev.Kind == EventPacket {
					got = bytes.Clone(ev.Packet)
				}
			}
			if !bytes.Equal(got, second) {
				t.Errorf("ACK REQ %v, %v: the next packet does not arrive at the first attempt", ackReq, behavior)
			}
		}
	}
}
