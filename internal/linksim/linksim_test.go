package linksim

import (
	"bytes"
	"math"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/schc"
)

// TestLosses: the share of losses and the length of bursts are as asked for.
func TestLosses(t *testing.T) {
	for _, v := range []struct{ loss, burst float64 }{{0, 0}, {0.3, 0}, {0.3, 3}, {0.1, 10}, {1, 0}, {1, 5}} {
		s := &Sim{rng: rand.New(rand.NewSource(1))}
		l := &line{Link: Link{Loss: v.loss, Burst: v.burst}}
		const n = 200_000
		lost, runs, before := 0, 0, false
		for i := 0; i < n; i++ {
			x := s.lose(l, schc.Output{})
			if x {
				lost++
				if !before {
					runs++
				}
			}
			before = x
		}
		if got := float64(lost) / n; math.Abs(got-v.loss) > 0.02 {
			t.Errorf("%+v: lost %.3f", v, got)
		}
		if v.burst > 1 && v.loss < 1 {
			if got := float64(lost) / float64(runs); math.Abs(got-v.burst) > 0.1*v.burst {
				t.Errorf("%+v: bursts of %.2f", v, got)
			}
		}
	}
}

// TestRun: one packet over LoRaWAN, the same for the same seed.
func TestRun(t *testing.T) {
	n := schc.LoRaWANUp()
	// Both timers are 12 hours by default: then the receiver gives up just
	// before the sender asks again.
	n.Fragmentation.RetransmissionMs = 60_000
	var p schc.Profile
	if err := p.Init(n.Rule, &n.Fragmentation); err != nil {
		t.Fatal(err)
	}
	packet := bytes.Repeat([]byte("abcdefg"), 100)
	run := func(seed int64) (fwd, back Stats, delivered []byte, end uint64) {
		var s schc.Sender
		var r schc.Receiver
		s.Reset(&p, make([]byte, p.SenderBytes(8*len(packet))))
		r.Reset([]schc.Profile{p}, make([]schc.Session, 1), make([]byte, p.SessionBytes()))
		sim := Sim{Senders: []*schc.Sender{&s}, Receiver: &r}
		sim.Forward = Link{Loss: 0.2, Burst: 2, Duplicate: 0.1, AirMs: 100, DelayMs: 10, MTUBits: func(*rand.Rand) int { return 8 * 52 }}
		sim.Back = Link{Loss: 0.1, AirMsOf: func(bits int) uint64 { return uint64(bits) }}
		sim.OnEvent = func(ev schc.Event) {
			if ev.Kind == schc.EventPacket {
				delivered = append(delivered, ev.Packet...)
			}
		}
		traced := 0
		sim.Trace = func(Message) { traced++ }
		sim.Reset(rand.New(rand.NewSource(seed)), 0)
		if err := s.Start(packet, 8*len(packet), 0, 0); err != nil {
			t.Fatal(err)
		}
		if !sim.Run(100_000) {
			t.Fatal("does not come to rest")
		}
		fwd, back = sim.Stats()
		if traced != fwd.Messages+back.Messages || fwd.AirMs != uint64(100*fwd.Messages) || back.AirMs != uint64(back.Bits) {
			t.Errorf("%d messages traced, %+v, %+v", traced, fwd, back)
		}
		return fwd, back, delivered, sim.Now
	}
	f1, b1, d1, e1 := run(7)
	f2, b2, d2, e2 := run(7)
	if f1 != f2 || b1 != b2 || e1 != e2 || !bytes.Equal(d1, d2) {
		t.Errorf("two runs of a seed differ: %+v %+v", f1, f2)
	}
	if !bytes.Equal(d1, packet) || f1.Lost == 0 {
		t.Errorf("delivered %d bytes, %+v", len(d1), f1)
	}
}
