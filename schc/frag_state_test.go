package schc

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
)

// pair is a sender and a receiver under one Rule, in a test that moves the
// messages itself.
type pair struct {
	t   *testing.T
	p   Profile
	s   Sender
	r   Receiver
	buf [1024]byte
	now uint64
}

func newPair(t *testing.T, id RuleID, f Fragmentation, sessions int) *pair {
	t.Helper()
	c := &pair{t: t, now: 1000}
	if err := c.p.Init(id, &f); err != nil {
		t.Fatal(f.Check(id))
	}
	c.s.Reset(&c.p, make([]byte, 512))
	c.r.Reset([]Profile{c.p}, make([]Session, sessions), make([]byte, sessions*c.p.SessionBytes()))
	return c
}

func (c *pair) start(packet []byte, dtag uint32) {
	c.t.Helper()
	if err := c.s.Start(packet, 8*len(packet), dtag, c.now); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the sender's next message, a copy.
func (c *pair) next(mtu int) []byte {
	c.t.Helper()
	c.now += 10
	out, err := c.s.Next(c.buf[:], mtu, c.now)
	if err != nil {
		c.t.Fatal(err)
	}
	return bytes.Clone(out.Msg)
}

func (c *pair) deliver(msg []byte) Event {
	c.t.Helper()
	ev, err := c.r.Receive(msg, 8*len(msg), c.now)
	if err != nil {
		c.t.Fatalf("Receive(%x) = %v", msg, err)
	}
	return ev
}

// answer returns the receiver's next message, a copy.
func (c *pair) answer() ([]byte, Event) {
	c.t.Helper()
	out, err := c.r.Next(c.buf[:], 8*len(c.buf), c.now)
	if err != nil {
		c.t.Fatal(err)
	}
	return bytes.Clone(out.Msg), out.Event
}

// transfer sends a packet over a good link and returns what came of it.
func (c *pair) transfer(packet []byte, dtag uint32, mtu int) (delivered [][]byte) {
	c.t.Helper()
	c.start(packet, dtag)
	for i := 0; i < 1000 && c.s.Active(); i++ {
		if msg := c.next(mtu); msg != nil {
			if ev := c.deliver(msg); ev.Kind == EventPacket {
				delivered = append(delivered, bytes.Clone(ev.Packet))
			}
		} else if c.s.State() == SenderWaiting {
			c.now = c.s.Deadline()
		}
		if ans, _ := c.answer(); ans != nil {
			if err := c.s.Receive(ans, 8*len(ans), c.now); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	return delivered
}

var lora = LoRaWANUp().Fragmentation

// TestSenderWrongState calls every method in every state.
func TestSenderWrongState(t *testing.T) {
	var zero Sender
	if out, err := zero.Next(nil, 0, 0); out.Bits != 0 || err != nil || zero.State() != SenderIdle || zero.Active() || zero.Reason() != 0 {
		t.Errorf("zero Sender: %+v, %v", out, err)
	}
	if err := zero.Start([]byte{1}, 8, 0, 0); err != ErrUnsupported {
		t.Errorf("zero Sender: Start = %v", err)
	}
	if err := zero.Receive([]byte{0x14, 0x20}, 16, 0); err != ErrNoRule {
		t.Errorf("zero Sender: Receive = %v", err)
	}
	zero.Abort(0)
	if zero.State() != SenderIdle {
		t.Errorf("zero Sender: Abort made it %v", zero.State())
	}

	ack, abort := []byte{20, 0x20}, []byte{20, 0xff, 0xff}
	packet := figurePacket(8*95, 1)
	states := []struct {
		name string
		make func(c *pair)
		want SenderState
	}{
		{"idle", func(c *pair) {}, SenderIdle},
		{"sending", func(c *pair) { c.start(packet, 0) }, SenderSending},
		{"sending, something sent", func(c *pair) { c.start(packet, 0); c.next(96) }, SenderSending},
		{"waiting", func(c *pair) { c.start(packet, 0); c.next(1000); c.next(1000); c.next(1000) }, SenderWaiting},
		{"aborting", func(c *pair) { c.start(packet, 0); c.s.Abort(c.now) }, SenderSending},
		{"done", func(c *pair) { c.transfer(packet, 0, 1000) }, SenderDone},
		{"failed", func(c *pair) { c.start(packet, 0); c.s.Abort(c.now); c.next(1000) }, SenderFailed},
	}
	for _, st := range states {
		fresh := func() *pair {
			c := newPair(t, RuleID{20, 8}, lora, 1)
			st.make(c)
			if c.s.State() != st.want {
				t.Fatalf("%s: state %v, want %v", st.name, c.s.State(), st.want)
			}
			return c
		}
		active := st.want == SenderSending || st.want == SenderWaiting
		aborting := st.name == "aborting"

		c := fresh()
		if c.s.Active() != active || (c.s.Deadline() == Never) == active {
			t.Errorf("%s: Active %v, Deadline %d", st.name, c.s.Active(), c.s.Deadline())
		}
		// Next without room says so, and changes nothing.
		before := c.s
		out, err := c.s.Next(c.buf[:1], 8, c.now)
		if st.want == SenderSending && (err != ErrShortBuffer || out.Deadline != Never) || st.want != SenderSending && err != nil || out.Bits != 0 {
			t.Errorf("%s: Next(8 bits) = %+v, %v", st.name, out, err)
		}
		if c.s.State() != before.State() || c.s.next != before.next || c.s.attempts != before.attempts {
			t.Errorf("%s: Next without room changed the sender", st.name)
		}
		// Acknowledged before the All-1: ignored.
		err = c.s.Receive(ack, 16, c.now)
		if want := error(ErrNoRule); active && err != nil || !active && err != want {
			t.Errorf("%s: Receive(ACK) = %v", st.name, err)
		}
		if want := map[string]SenderState{"waiting": SenderDone}[st.name]; want != 0 && c.s.State() != want || want == 0 && c.s.State() != st.want {
			t.Errorf("%s: Receive(ACK) made it %v", st.name, c.s.State())
		}
		c = fresh()
		_ = c.s.Receive(abort, 24, c.now)
		switch {
		case active && !aborting && (c.s.State() != SenderFailed || c.s.Reason() != ReasonReceiverAbort):
			t.Errorf("%s: Receiver-Abort made it %v, %v", st.name, c.s.State(), c.s.Reason())
		case (!active || aborting) && c.s.State() != st.want:
			t.Errorf("%s: Receiver-Abort made it %v", st.name, c.s.State())
		}
		c = fresh()
		c.s.Abort(c.now)
		if active && (c.s.State() != SenderSending || c.s.Reason() != ReasonLocal) || !active && c.s.State() != st.want {
			t.Errorf("%s: Abort made it %v, %v", st.name, c.s.State(), c.s.Reason())
		}
		if active {
			if msg := c.next(1000); hex.EncodeToString(msg) != "14ff" || c.s.State() != SenderFailed {
				t.Errorf("%s: after Abort, Next = %x, state %v", st.name, msg, c.s.State())
			}
		}
		c = fresh()
		if err := c.s.Start(packet, 8*len(packet), 1, 0); err != ErrUnsupported || c.s.State() != SenderIdle {
			t.Errorf("%s: Start with a DTag of no bits = %v, state %v", st.name, err, c.s.State())
		}
		c = fresh()
		if got := c.transfer(packet, 0, 96); c.s.State() != SenderDone || len(got) > 1 || len(got) == 1 && !bytes.Equal(got[0], packet) {
			t.Errorf("%s: a new transfer gave %x, state %v", st.name, got, c.s.State())
		}
	}
}

func TestSenderStart(t *testing.T) {
	c := newPair(t, RuleID{20, 8}, lora, 1)
	for _, v := range []struct {
		packet []byte
		bits   int
		want   error
	}{
		{nil, 0, ErrMalformed},
		{[]byte{1}, -1, ErrMalformed},
		{[]byte{1}, 9, ErrMalformed},
		{[]byte{1}, 7, ErrMalformed}, // a bit behind the packet
		{[]byte{2}, 7, nil},
		{make([]byte, 2521), 8 * 2521, ErrUnsupported}, // 253 tiles
		{make([]byte, 2520), 8 * 2520, nil},
	} {
		if err := c.s.Start(v.packet, v.bits, 0, 0); err != v.want {
			t.Errorf("Start(%d bytes, %d bits) = %v, want %v", len(v.packet), v.bits, err, v.want)
		}
	}
	c.s.Reset(&c.p, make([]byte, 1))
	if err := c.s.Start(make([]byte, 100), 800, 0, 0); err != ErrShortBuffer {
		t.Errorf("Start with memory for 8 tiles = %v", err)
	}
}

// TestAll1LikeSenderAbort: where L2 Words are wide, a packet whose last tile
// would make the All-1 as long as a Sender-Abort is refused. (Found by
// FuzzSender.)
func TestAll1LikeSenderAbort(t *testing.T) {
	f := Fragmentation{Mode: FragmentationAckAlways, Direction: DirUp, L2WordBits: 37, DTagBits: 15, WBits: 1, FCNBits: 17, WindowSize: 48, TileBits: 144}
	c := newPair(t, RuleID{48, 8}, f, 1)
	for bits, want := range map[int]error{144 + 1: ErrUnsupported, 144 + 2: nil, 144: nil, 144 + 100: nil} {
		if err := c.s.Start(figurePacket(bits, 1), bits, 0, 0); err != want {
			t.Errorf("Start(%d bits) = %v, want %v", bits, err, want)
		}
	}
}

// TestReceiverWrongState sends every message in every state.
func TestReceiverWrongState(t *testing.T) {
	var zero Receiver
	if out, err := zero.Next(nil, 0, 0); out.Bits != 0 || err != nil || out.Deadline != Never {
		t.Errorf("zero Receiver: %+v, %v", out, err)
	}
	if ev, err := zero.Receive([]byte{1, 2, 3}, 24, 0); ev.Kind != 0 || err != ErrNoRule {
		t.Errorf("zero Receiver: %+v, %v", ev, err)
	}
	for mode := FragmentationNoAck; mode <= FragmentationAckOnError; mode++ {
		f := Fragmentation{Mode: mode, Direction: DirUp, FCNBits: 3, DTagBits: 5, InactivityMs: 1000, MaxInterleaved: 2}
		switch mode {
		case FragmentationAckAlways:
			f.WBits = 1
		case FragmentationAckOnError:
			f.WBits, f.TileBits = 2, 80
		}
		id := RuleID{20, 8}
		slow := slowFrag{id, f, 7}
		tile := func(b string) string {
			return zeros(map[FragmentationMode]int{2: 79}[mode]+map[FragmentationMode]int{1: 80, 3: 80}[mode], b)
		}
		msgs := map[string]string{
			"first":        slow.regular(0, 6, tile("1")),
			"later":        slow.regular(0, 3, tile("0")),
			"other window": slow.regular(1, 6, tile("1")),
			"all-0":        slow.regular(0, 0, tile("0")),
			"all-1":        slow.all1(0, 1, "11110000"),
			"other all-1":  slow.all1(1, 2, "11110000"),
			"abort":        slow.senderAbort(),
			"garbage":      slow.regular(0, 6, "1"),
		}
		if mode != FragmentationNoAck {
			msgs["ack-req"], msgs["other ack-req"] = slow.ackReq(0), slow.ackReq(1)
		}
		packet := figurePacket(8*21, 3)
		states := map[string]func(c *pair){
			"free":      func(c *pair) {},
			"first":     func(c *pair) { c.deliver(packBits(msgs["first"])) },
			"window":    func(c *pair) { c.deliver(packBits(msgs["all-0"])) },
			"end":       func(c *pair) { c.deliver(packBits(msgs["all-1"])) },
			"delivered": func(c *pair) { c.transfer(packet, 7, 200) },
			"aborting": func(c *pair) {
				c.deliver(packBits(msgs["first"]))
				if out, err := c.r.Next(nil, 0, c.now+5000); err != nil || out.Event.Kind != EventDropped || out.Event.Reason != ReasonInactive {
					t.Errorf("mode %v: inactive: %+v, %v", mode, out, err)
				}
			},
			"full": func(c *pair) {
				for d := uint32(0); d < 2; d++ {
					o := slow
					o.dtag = d
					c.deliver(packBits(o.regular(0, 6, tile("1"))))
				}
			},
		}
		for st, mk := range states {
			for name, m := range msgs {
				c := newPair(t, id, f, 2)
				mk(c)
				msg := packBits(m)
				keep := bytes.Clone(msg)
				ev, err := c.r.Receive(msg, len(m), c.now)
				if !bytes.Equal(msg, keep) {
					t.Errorf("mode %v, %s: the message was changed", mode, st)
				}
				if name != "garbage" && err != nil && !(err == ErrTruncated || err == ErrMalformed) {
					t.Errorf("mode %v, %s: Receive(%s) = %v", mode, st, name, err)
				}
				if ev.Kind == EventPacket {
					t.Errorf("mode %v, %s: Receive(%s) delivers %x", mode, st, name, ev.Packet)
				}
				if st == "full" && name == "first" && !ev.Replaced {
					t.Errorf("mode %v, full: Receive(first) = %+v, want another packet replaced", mode, ev)
				}
				if st == "first" && name == "abort" && (ev.Kind != EventDropped || ev.Reason != ReasonSenderAbort) {
					t.Errorf("mode %v, first: Receive(abort) = %+v", mode, ev)
				}
				// Whatever came, it comes to rest.
				for i := 0; c.r.Held() > 0; i++ {
					out, err := c.r.Next(c.buf[:], 8*len(c.buf), c.now)
					if err != nil || i > 100 {
						t.Fatalf("mode %v, %s, %s: does not come to rest: %+v, %v", mode, st, name, out, err)
					}
					c.now = max(c.now, out.Deadline)
				}
			}
		}
	}
}

func zeros(n int, b string) string { return fmt.Sprintf("%s%0*d", b, n-len(b), 0) }
