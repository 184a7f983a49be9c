package schc_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/schc"
)

// completes simulates transfers of packets of so many bytes over independent
// losses in both directions and returns the share that the receiver
// delivered, and that of which the sender knows.
func completes(n *schc.NamedProfile, bytes, mtuBits, runs int, loss float64) (delivered, known float64) {
	var p schc.Profile
	if err := p.Init(n.Rule, &n.Fragmentation); err != nil {
		panic(err)
	}
	r := rand.New(rand.NewSource(1))
	sim := linksim.Sim{Receiver: new(schc.Receiver), Senders: []*schc.Sender{new(schc.Sender)}}
	sim.Forward = linksim.Link{Loss: loss, AirMs: 1000, DelayMs: 100, MTUBits: func(*rand.Rand) int { return mtuBits }}
	sim.Back = linksim.Link{Loss: loss, AirMs: 1000, DelayMs: 100}
	packet := make([]byte, bytes)
	sessions, mem, smem := make([]schc.Session, 1), make([]byte, p.SessionBytes()), make([]byte, p.SenderBytes(8*bytes))
	sim.OnEvent = func(ev schc.Event) {
		if ev.Kind == schc.EventPacket {
			delivered++
		}
	}
	for i := 0; i < runs; i++ {
		r.Read(packet)
		sim.Receiver.Reset([]schc.Profile{p}, sessions, mem)
		s := sim.Senders[0]
		s.Reset(&p, smem)
		if err := s.Start(packet, 8*bytes, 0, 0); err != nil {
			panic(err)
		}
		sim.Reset(r, 0)
		if !sim.Run(1_000_000) {
			panic("does not come to rest")
		}
		if s.State() == schc.SenderDone {
			known++
		}
	}
	return delivered / float64(runs), known / float64(runs)
}

// TestCompletion measures how many packets of 1,000 bytes get through at 30 %
// independent loss. RFC 8724 lets a sender ask MAX_ACK_REQUESTS times in a
// packet's life, whatever the answers; RFC 9363 reads it as "the maximum
// number of retries for a specific SCHC ACK". An exchange succeeds with
// probability 0.49, so k unanswered ones in a row have 0.51^k: 0.5 % for k =
// 8. But a packet of n fragments takes about log n / log (1/0.3) rounds of
// repairs, and as many for each window that has an ACK of its own: more than
// the 8 requests of RFC 9011 and the 4 of the default allow with 99 %.
func TestCompletion(t *testing.T) {
	runs := 1000
	if testing.Short() {
		runs = 300
	}
	rows := []struct {
		name             string
		known, delivered float64 // at least
		edit             func(f *schc.Fragmentation)
	}{
		{name: "RFC 9011, ACK after each window", known: 0.15, delivered: 0.3, edit: func(f *schc.Fragmentation) {}},
		{name: "RFC 9011, ACK after the last window", known: 0.15, delivered: 0.3, edit: func(f *schc.Fragmentation) { f.AckBehavior = schc.AckAfterAll1 }},
		{name: "and Compound ACK", known: 0.15, delivered: 0.3, edit: func(f *schc.Fragmentation) {
			f.AckBehavior, f.CompoundAck = schc.AckAfterAll1, true
		}},
		{name: "RFC 9011, attempts per ACK", known: 0.97, delivered: 0.97, edit: func(f *schc.Fragmentation) { f.AttemptsPerAck = true }},
		{name: "and ACK after the last window", known: 0.97, delivered: 0.97, edit: func(f *schc.Fragmentation) {
			f.AttemptsPerAck, f.AckBehavior = true, schc.AckAfterAll1
		}},
		{name: "and Compound ACK", known: 0.985, delivered: 0.99, edit: func(f *schc.Fragmentation) {
			f.AttemptsPerAck, f.AckBehavior, f.CompoundAck = true, schc.AckAfterAll1, true
		}},
		{name: "MAX_ACK_REQUESTS 30 in a packet, Compound ACK", known: 0.99, delivered: 0.99, edit: func(f *schc.Fragmentation) {
			f.AckBehavior, f.CompoundAck, f.MaxAckRequests = schc.AckAfterAll1, true, 30
		}},
	}
	for _, row := range rows {
		n := schc.LoRaWANUp()
		n.Fragmentation.RetransmissionMs, n.Fragmentation.InactivityMs = 20_000, 1_000_000
		row.edit(&n.Fragmentation)
		text := ""
		for _, mtu := range []int{51, 222} {
			d, k := completes(&n, 1000, 8*(mtu+1), runs, 0.3)
			text += fmt.Sprintf("  MTU %3d: delivered %5.1f %%, known %5.1f %%", mtu, 100*d, 100*k)
			if d < row.delivered || k < row.known {
				t.Errorf("%s, MTU %d: delivered %.3f, known %.3f, want at least %.3f, %.3f", row.name, mtu, d, k, row.delivered, row.known)
			}
		}
		t.Logf("%-50s%s", row.name, text)
	}
}
