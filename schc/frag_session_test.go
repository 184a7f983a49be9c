package schc

import (
	"bytes"
	"encoding/hex"
	"math/rand"
	"testing"
)

// TestRefused: without a session a packet is refused with a Receiver-Abort (RFC
// 8724, Section 8.4; RFC 9442, Figure 42), in No-ACK silently.
func TestRefused(t *testing.T) {
	n := SigfoxSingleByte()
	c := newPair(t, n.Rule, n.Fragmentation, 0)
	c.start(figurePacket(8*100, 1), 0)
	for c.s.State() == SenderSending {
		ev := c.deliver(c.next(96))
		if ev.Kind != EventRefused || ev.Reason != ReasonNoSession || ev.Rule != n.Rule {
			t.Fatalf("event %+v", ev)
		}
	}
	msg, _ := c.answer()
	slow := slowFrag{n.Rule, n.Fragmentation, 0}
	if unpackBits(msg, 64) != slow.receiverAbort() {
		t.Fatalf("answer %x", msg)
	}
	if err := c.s.Receive(msg, 64, c.now); err != nil || c.s.State() != SenderFailed || c.s.Reason() != ReasonReceiverAbort {
		t.Errorf("Receive(%x) = %v: %v, %v", msg, err, c.s.State(), c.s.Reason())
	}
	if msg, _ := c.answer(); msg != nil {
		t.Errorf("a second answer: %x", msg)
	}
	no := SigfoxNoAck()
	c = newPair(t, no.Rule, no.Fragmentation, 0)
	c.start(figurePacket(8*100, 1), 0)
	if ev := c.deliver(c.next(96)); ev.Kind != EventRefused {
		t.Errorf("event %+v", ev)
	}
	if msg, _ := c.answer(); msg != nil {
		t.Errorf("No-ACK: answer %x", msg)
	}
}

// TestTooLarge: a session with little memory takes what fits, and says what
// does not.
func TestTooLarge(t *testing.T) {
	for _, n := range Profiles() {
		c := newPair(t, n.Rule, n.Fragmentation, 1)
		c.r.Reset([]Profile{c.p}, make([]Session, 1), make([]byte, 80))
		if n.Fragmentation.Mode == FragmentationAckOnError && n.Fragmentation.TileBits == 8 {
			n.Fragmentation.TileBits = 120
			c = newPair(t, n.Rule, n.Fragmentation, 1)
			c.r.Reset([]Profile{c.p}, make([]Session, 1), make([]byte, 80))
		}
		mtu := 240
		if n.Fragmentation.RCSAlgorithm == RCSFragments {
			mtu = c.p.regHdr + int(n.Fragmentation.TileBits)
		}
		small := figurePacket(8*33, 1)
		if got := c.transfer(small, 0, mtu); len(got) != 1 || !bytes.Equal(got[0][:33], small) {
			t.Errorf("%s: 33 bytes in 80: %x", n.Name, got)
		}
		c.start(figurePacket(8*190, 2), 0)
		why := Reason(0)
		for i := 0; i < 100 && c.s.Active(); i++ {
			if msg := c.next(mtu); msg != nil {
				if ev := c.deliver(msg); ev.Kind == EventDropped && why == 0 {
					why = ev.Reason
				}
			} else {
				c.now = c.s.Deadline()
			}
			if ans, _ := c.answer(); ans != nil {
				_ = c.s.Receive(ans, 8*len(ans), c.now)
			}
		}
		if why != ReasonTooLarge || why.Err() != ErrShortBuffer {
			t.Errorf("%s: 190 bytes in 80: %v", n.Name, why)
		}
	}
}

// TestSamePacketTwice: with a DTag of no bits, a packet that is equal to the
// one before is still another packet, and copies of fragments are none.
func TestSamePacketTwice(t *testing.T) {
	byMode := []NamedProfile{LoRaWANUp(), LoRaWANDown(), LoRaWANMulticast(), SigfoxSingleByte(), SigfoxDown(), SigfoxNoAck()}
	for _, size := range []int{30, 95, 110, 154, 200} {
		for _, n := range byMode {
			c := newPair(t, n.Rule, n.Fragmentation, 1)
			mtu := 240
			if n.Fragmentation.RCSAlgorithm == RCSFragments {
				mtu = c.p.regHdr + int(n.Fragmentation.TileBits)
			}
			packet := figurePacket(8*size, uint32(size))
			for i := 0; i < 3; i++ {
				if got := c.transfer(packet, 0, mtu); len(got) != 1 || !bytes.Equal(got[0][:size], packet) || c.s.State() != SenderDone {
					t.Errorf("%s, %d bytes, packet %d: delivered %d times, sender %v, %v", n.Name, size, i, len(got), c.s.State(), c.s.Reason())
				}
			}
		}
	}
	// Copies of everything but the last message, which has been acknowledged.
	c := newPair(t, RuleID{20, 8}, lora, 1)
	c.start(figurePacket(8*95, 1), 0)
	var all [][]byte
	for {
		msg := c.next(300)
		if msg == nil {
			break
		}
		all = append(all, msg)
	}
	delivered := 0
	for _, k := range []int{0, 1, 1, 0, 2, 0, 2, 1, 3, 3, 3, 1, 2, 3} {
		if ev := c.deliver(all[min(k, len(all)-1)]); ev.Kind == EventPacket {
			delivered++
		}
	}
	if delivered != 1 {
		t.Errorf("copies: delivered %d times", delivered)
	}
}

// TestInterleaved: fragments of several packets under one Rule and of others,
// one by one, in both directions.
func TestInterleaved(t *testing.T) {
	f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, DTagBits: 2, WBits: 2, FCNBits: 3, TileBits: 40, MaxInterleaved: 4,
		RetransmissionMs: 1000, InactivityMs: 10_000}
	g := Fragmentation{Mode: FragmentationAckAlways, Direction: DirUp, WBits: 1, FCNBits: 3, RetransmissionMs: 1000, InactivityMs: 10_000}
	var ps [2]Profile
	if ps[0].Init(RuleID{1, 2}, &f) != nil || ps[1].Init(RuleID{5, 5}, &g) != nil {
		t.Fatal("profiles")
	}
	var r Receiver
	r.Reset(ps[:], make([]Session, 5), make([]byte, 5*1700))
	var senders [5]Sender
	var packets [5][]byte
	for i := range senders {
		p := &ps[i/4]
		senders[i].Reset(p, make([]byte, 64))
		packets[i] = figurePacket(8*(50+7*i), uint32(i+1))
		if err := senders[i].Start(packets[i], 8*len(packets[i]), uint32(i%4), 0); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 64)
	got := 0
	rnd := rand.New(rand.NewSource(1))
	for now := uint64(0); now < 100_000; now += 10 {
		s := &senders[rnd.Intn(5)]
		out, err := s.Next(buf, 96, now)
		if err != nil {
			t.Fatal(err)
		}
		if out.Bits > 0 && rnd.Intn(5) > 0 {
			ev, err := r.Receive(out.Msg, out.Bits, now)
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == EventPacket {
				got++
				i := int(ev.DTag)
				if ev.Rule == (RuleID{5, 5}) {
					i = 4
				}
				if !bytes.Equal(ev.Packet[:len(packets[i])], packets[i]) {
					t.Errorf("packet %d: %x", i, ev.Packet)
				}
			}
		}
		if out, err = r.Next(buf, 512, now); err != nil {
			t.Fatal(err)
		}
		if out.Bits > 0 {
			mine := 0
			for i := range senders {
				if senders[i].Receive(out.Msg, out.Bits, now) == nil {
					mine++
				}
			}
			if mine > 1 {
				t.Errorf("%x: %d senders took it", out.Msg, mine)
			}
		}
	}
	if got != 5 || r.Held() != 0 {
		t.Errorf("delivered %d of 5, %d sessions held", got, r.Held())
	}
}

// TestFragmentAllocs: nothing allocates after construction.
func TestFragmentAllocs(t *testing.T) {
	packet := figurePacket(8*200, 1)
	for _, np := range Profiles() {
		if np.Fragmentation.TileBits == 8 {
			np.Fragmentation.TileBits = 120
		}
		var p Profile
		var s Sender
		var r Receiver
		if err := p.Init(np.Rule, &np.Fragmentation); err != nil {
			t.Fatal(err)
		}
		profiles, sessions := []Profile{p}, make([]Session, 2)
		mem, smem, buf := make([]byte, 2*p.SessionBytes()), make([]byte, 512), make([]byte, 512)
		mtu := 8 * 50
		if p.f.RCSAlgorithm == RCSFragments {
			mtu = p.regHdr + int(p.f.TileBits)
		}
		delivered := 0
		n := testing.AllocsPerRun(20, func() {
			s.Reset(&p, smem)
			r.Reset(profiles, sessions, mem)
			if err := s.Start(packet, 8*len(packet), 0, 0); err != nil {
				panic(err)
			}
			now := uint64(0)
			for k := 0; s.Active(); k++ {
				out, err := s.Next(buf, mtu, now)
				if err != nil {
					panic(err)
				}
				if out.Bits > 0 && k%7 != 3 {
					ev, err := r.Receive(out.Msg, out.Bits, now)
					if err != nil {
						panic(err)
					}
					if ev.Kind == EventPacket {
						delivered++
					}
				}
				out, err = r.Next(buf, 8*len(buf), now)
				if err != nil {
					panic(err)
				}
				if out.Bits > 0 {
					_ = s.Receive(out.Msg, out.Bits, now)
				} else if s.State() == SenderWaiting {
					now = s.Deadline()
				}
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocs per run, want 0", np.Name, n)
		}
		if delivered == 0 && p.f.Mode != FragmentationNoAck {
			t.Errorf("%s: nothing delivered, the count is meaningless", np.Name)
		}
	}
}

// TestRFC9011Layouts compares with the layouts that were taken from the RFC's
// examples.
func TestRFC9011Layouts(t *testing.T) {
	var file struct {
		Examples []struct {
			ID        string
			Bits      int `json:"schc_packet_bits"`
			Fragments []struct {
				Bytes   int    `json:"lorawan_payload_bytes"`
				Header  string `json:"payload_header_hex"`
				All1    bool   `json:"All-1"`
				RCS     int    `json:"rcs_bytes"`
				Padding int
				Ack     *struct {
					Hex string `json:"payload_hex"`
				}
			}
			Ack *struct {
				Hex string `json:"payload_hex"`
			}
		}
	}
	interopJSON(t, "rfc9011_layouts.json", &file)
	for _, v := range file.Examples {
		if len(v.Fragments) == 0 {
			continue
		}
		n := LoRaWANUp()
		if v.ID == "A.3" {
			n = LoRaWANDown()
		}
		c := newPair(t, n.Rule, n.Fragmentation, 1)
		packet := figurePacket(v.Bits, 1)
		if err := c.s.Start(packet, v.Bits, 0, c.now); err != nil {
			t.Fatal(err)
		}
		last := []byte(nil)
		for i, fr := range v.Fragments {
			if fr.Ack != nil {
				// The layouts have C=1 in windows that are not the last, see
				// figures9011; the sender takes it.
				msg, _ := hex.DecodeString("15" + fr.Ack.Hex)
				if err := c.s.Receive(msg, 16, c.now); err != nil {
					t.Errorf("%s: Receive(%x) = %v", v.ID, msg, err)
				}
				continue
			}
			mtu := 8 * (1 + fr.Bytes)
			if mtu == 8 {
				mtu = 8 * 52
			}
			last = c.next(mtu)
			if v.ID == "A.3" && fr.All1 {
				// 2 bits, the RCS, 249 bits and 5 of padding are 36 bytes;
				// Figure 34 says 37, with the FPort.
				fr.Bytes--
			}
			if fr.Bytes > 0 && len(last) != fr.Bytes+1 || fr.Header != "" && hex.EncodeToString(last[1:2]) != fr.Header {
				t.Errorf("%s: fragment %d is %x, want %d bytes, header %s", v.ID, i, last, fr.Bytes, fr.Header)
			}
			c.deliver(last)
			if v.ID == "A.3" {
				c.answer()
			}
		}
		if v.Ack != nil {
			msg, _ := c.answer()
			if hex.EncodeToString(msg) != "14"+v.Ack.Hex {
				t.Errorf("%s: ACK %x, want 14%s", v.ID, msg, v.Ack.Hex)
			}
			_ = c.s.Receive(msg, 16, c.now)
		}
		if c.s.State() != SenderDone {
			t.Errorf("%s: sender %v, %v", v.ID, c.s.State(), c.s.Reason())
		}
	}
}
