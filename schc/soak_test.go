package schc_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/schc"
)

// randomProfile makes parameters of any mode that Init accepts.
func randomProfile(r *rand.Rand) (p schc.Profile) {
	for {
		if r.Intn(5) == 0 {
			all := schc.Profiles()
			n := all[r.Intn(len(all))]
			f := &n.Fragmentation
			f.RetransmissionMs, f.InactivityMs = 3000, 60000
			f.ListenMs, f.UplinkAckMs = min(f.ListenMs, 500), min(f.UplinkAckMs, 1000)
			if err := p.Init(n.Rule, f); err != nil {
				panic(err)
			}
			return p
		}
		f := schc.Fragmentation{
			Mode:             schc.FragmentationNoAck + schc.FragmentationMode(r.Intn(3)),
			Direction:        schc.DirUp,
			L2WordBits:       []uint8{8, 8, 8, 1, 3, 4, 16, 32}[r.Intn(8)],
			DTagBits:         uint8(r.Intn(5)),
			FCNBits:          uint8(1 + r.Intn(7)),
			RetransmissionMs: 3000,
			InactivityMs:     60000, // longer than all repetitions take
			MaxAckRequests:   uint8(1 + r.Intn(12)),
		}
		if f.DTagBits > 0 {
			f.MaxInterleaved = uint8(1 + r.Intn(1<<f.DTagBits))
		}
		switch f.Mode {
		case schc.FragmentationNoAck:
			if r.Intn(3) == 0 {
				f.TileBits = uint16(8 * (1 + r.Intn(40)))
				f.CountDown = r.Intn(2) == 0
				f.All1Empty = r.Intn(4) == 0
				f.HeaderPad = r.Intn(3) == 0
			}
		case schc.FragmentationAckAlways:
			f.WBits = 1
			f.WindowSize = uint16(1 + r.Intn(1<<f.FCNBits))
			if r.Intn(3) == 0 {
				f.TileBits = uint16(8 + r.Intn(300))
				f.All1Empty = r.Intn(4) == 0
				f.HeaderPad = r.Intn(2) == 0
			}
			if r.Intn(4) == 0 {
				f.UplinkAckMs = 1000
			}
			f.FullLastBitmap = r.Intn(4) == 0
		default:
			f.WBits = uint8(1 + r.Intn(5))
			f.WindowSize = uint16(1 + r.Intn(1<<f.FCNBits))
			f.TileBits = uint16(8 + r.Intn(120))
			if r.Intn(2) == 0 {
				f.TileBits = f.TileBits / 8 * 8
			}
			f.All1Data = schc.All1DataNo + schc.All1Data(r.Intn(3))
			f.AckBehavior = schc.AckAfterAll0 + schc.AckBehavior(r.Intn(3))
			f.ListenMs = uint32(r.Intn(1000))
			f.PenultimateShort = r.Intn(3) == 0
			f.CompoundAck = r.Intn(3) == 0
			f.FullLastBitmap = r.Intn(4) == 0
			f.AckOnRepair = r.Intn(4) == 0
			f.AttemptsPerAck = r.Intn(2) == 0
			f.NoAckReq = r.Intn(4) == 0
			f.All1Empty = f.All1Data == schc.All1DataYes && r.Intn(4) == 0
			f.HeaderPad = r.Intn(4) == 0
			if r.Intn(8) == 0 {
				f.AckBytes, f.FullLastBitmap = 32, true
			}
		}
		bits := uint8(r.Intn(13))
		if p.Init(schc.RuleID{Value: uint32(r.Intn(1 << bits)), Bits: bits}, &f) == nil {
			return p
		}
	}
}

// transfer is what is known about one packet of a run.
type transfer struct {
	packet    []byte
	bits      int
	dtag      uint32
	delivered int
}

// delivers reports whether ev is the packet: the same bits, then padding.
func (t *transfer) delivers(ev *schc.Event, slack int) bool {
	if ev.Bits < t.bits || ev.Bits >= t.bits+slack || len(ev.Packet) != (ev.Bits+7)/8 {
		return false
	}
	whole := t.bits / 8
	if !bytes.Equal(ev.Packet[:whole], t.packet[:whole]) {
		return false
	}
	rest := append([]byte(nil), ev.Packet[whole:]...)
	if k := t.bits % 8; k != 0 {
		rest[0] ^= t.packet[whole]
	}
	for _, b := range rest {
		if b != 0 {
			return false
		}
	}
	return true
}

// zeroTail makes the end of some packets zero: the RCS does not see zero bits
// come and go within a byte.
func zeroTail(r *rand.Rand, b []byte) {
	if r.Intn(3) == 0 {
		clear(b[len(b)-min(r.Intn(8), len(b)/2):])
	}
}

// soak is one simulated device with its link and what it sends.
type soak struct {
	sim      linksim.Sim
	recv     schc.Receiver
	sessions []schc.Session
	mem      []byte
	smem     [][]byte
	senders  []*schc.Sender
	total    struct{ packets, delivered, done, falseDone, twice, ack, ackDelivered int }
}

// run simulates one device and returns what is wrong, or "".
func (k *soak) run(seed int64) string {
	r := rand.New(rand.NewSource(seed))
	p := randomProfile(r)
	f := p.Fragmentation()
	clean := r.Intn(4) == 0
	damage, inOrder := false, true
	k.sim.Forward = linksim.Link{DelayMs: 20, AirMs: 10}
	k.sim.Back = k.sim.Forward
	if !clean {
		for _, l := range []*linksim.Link{&k.sim.Forward, &k.sim.Back} {
			l.Loss = float64(r.Intn(6)) * 0.1 * r.Float64()
			l.Burst = float64(r.Intn(5))
			l.Duplicate = float64(r.Intn(2)) * 0.2 * r.Float64()
			inOrder = inOrder && l.Duplicate == 0
			if f.Mode == schc.FragmentationAckOnError && r.Intn(2) == 0 {
				l.Reorder, l.LateMs = 0.3*r.Float64(), 500
				inOrder = false
			}
			if counts := f.RCSAlgorithm == schc.RCSFragments; r.Intn(4) == 0 && !counts {
				l.Corrupt = 0.2 * r.Float64()
				damage = true
			}
		}
	}
	header := int(p.Rule().Bits) + int(f.DTagBits) + int(f.WBits) + int(f.FCNBits)
	least := header + 2*int(f.L2WordBits) + 32 + 2*int(f.TileBits) + 64 + int(f.L2WordBits) // and an aligned header
	mtu := least + r.Intn(600)
	vary := f.Mode == schc.FragmentationAckOnError && r.Intn(2) == 0
	if f.RCSAlgorithm == schc.RCSFragments { // one tile a message
		mtu, vary = (header+7)/8*8+int(f.TileBits), false
	}
	k.sim.Forward.MTUBits = func(r *rand.Rand) int {
		if vary {
			return least + r.Intn(600)
		}
		return mtu
	}
	k.sim.Back.MTUBits = nil

	// The packets, in turns that overlap as the DTag allows.
	lanes := int(f.MaxInterleaved)
	if r.Intn(2) == 0 {
		lanes = 1
	}
	lanes = min(lanes, 4)
	most := 8 * 300
	if f.Mode == schc.FragmentationAckOnError {
		most = min(most, (1<<f.WBits)*int(f.WindowSize)*int(f.TileBits))
	}
	if f.CountDown {
		most = min(most, (1<<f.FCNBits-2)*int(f.TileBits))
	}
	if f.Mode == schc.FragmentationAckAlways && f.WBits == 0 {
		most = min(most, int(f.WindowSize)*int(f.TileBits)-8)
	}
	k.recv.Reset([]schc.Profile{p}, k.sessions[:lanes+r.Intn(2)], k.mem)
	k.sim.Receiver = &k.recv
	k.sim.Reset(r, uint64(r.Intn(1e6)))
	var all []*transfer
	fault := ""
	slack := max(int(f.L2WordBits), 8*int(f.FragmentBytes))
	// Packets that follow while the receiver has not forgotten the last one,
	// and copies are still under way. Only an RCS over the content tells.
	eager := r.Intn(2) == 0 && f.RCSAlgorithm != schc.RCSFragments
	// A DTag that is used again before its last answers came in can be told a
	// success that is another packet's, so then only deliveries are checked.
	inOrder = inOrder && !eager
	running := func() bool {
		for _, s := range k.sim.Senders {
			if s.Active() {
				return true
			}
		}
		return false
	}
	k.sim.OnEvent = func(ev schc.Event) {
		if ev.Kind != schc.EventPacket {
			return
		}
		// The DTag may be damaged; of equal packets it tells which.
		for i := 2*len(all) - 1; i >= 0; i-- {
			i, any := i%len(all), i < len(all)
			if (any || all[i].dtag == ev.DTag) && all[i].delivers(&ev, slack) {
				all[i].delivered++
				return
			}
		}
		fault = fmt.Sprintf("delivered %x/%d, which was not sent", ev.Packet, ev.Bits)
	}
	dtag := uint32(0)
	for round := 1 + r.Intn(3); round > 0 && fault == ""; round-- {
		if k.sim.Until = nil; eager && round > 1 {
			k.sim.Until = func() bool { return !running() }
		}
		k.sim.Senders = k.sim.Senders[:0]
		var now []*transfer
		for i := 0; i < lanes && most > 0; i++ {
			t := &transfer{bits: 1 + r.Intn(most)}
			if f.RCSAlgorithm == schc.RCSFragments {
				t.bits = (t.bits + 7) / 8 * 8 // Sigfox has whole bytes
			}
			t.packet = make([]byte, (t.bits+7)/8)
			r.Read(t.packet)
			zeroTail(r, t.packet)
			if b := t.bits % 8; b != 0 {
				t.packet[t.bits/8] &= 0xff << (8 - b)
			}
			s := k.senders[i]
			s.Reset(&p, k.smem[i])
			t.dtag = dtag & (1<<f.DTagBits - 1)
			if err := s.Start(t.packet, t.bits, t.dtag, k.sim.Now); err != nil {
				continue // too small or too large for the Rule
			}
			dtag++
			now, all = append(now, t), append(all, t)
			k.sim.Senders = append(k.sim.Senders, s)
		}
		if len(k.sim.Senders) == 0 {
			continue
		}
		var done []bool
		if !k.sim.Run(200_000) {
			return "does not come to rest"
		}
		for i, s := range k.sim.Senders {
			if s.Active() {
				return "a sender does not come to rest"
			}
			done = append(done, s.State() == schc.SenderDone)
			// The ACK behind a last window that is full crosses the All-1, which then
			// is sent and answered twice: the second success is told to the packet
			// that follows at once with the same DTag.
			crossed := f.AckBehavior == schc.AckAfterAll0 && f.All1Data != schc.All1DataYes
			if clean && (!done[i] || now[i].delivered != 1) && !(eager && (f.Mode == schc.FragmentationNoAck || now[i].bits < 64 || crossed)) {
				return fmt.Sprintf("on a good link: state %d (%v), delivered %d times", s.State(), s.Reason(), now[i].delivered)
			}
		}
		for i, t := range now {
			k.total.packets++
			k.total.delivered += min(t.delivered, 1)
			if done[i] {
				k.total.done++
			}
			if f.Mode != schc.FragmentationNoAck {
				k.total.ack++
				k.total.ackDelivered += min(t.delivered, 1)
				if done[i] && t.delivered == 0 {
					k.total.falseDone++
					if inOrder && !damage {
						return "the sender was told of a success that was none"
					}
				}
			}
			if t.delivered > 1 {
				k.total.twice++
				if inOrder && !damage {
					return "delivered twice"
				}
			}
		}
	}
	k.sim.Until = nil
	if !k.sim.Run(200_000) {
		return "does not come to rest"
	}
	if fault != "" {
		return fault
	}
	if n := k.recv.Held(); n != 0 {
		return fmt.Sprintf("%d sessions are left", n)
	}
	return ""
}

func newSoak() *soak {
	k := &soak{sessions: make([]schc.Session, 8), mem: make([]byte, 8*6000)}
	for i := 0; i < 4; i++ {
		k.senders = append(k.senders, new(schc.Sender))
		k.smem = append(k.smem, make([]byte, 8192))
	}
	return k
}

// TestSoak: whatever the link does, what is delivered is what was sent; both
// sides come to rest; no session is left. SOAK=1000000 sets how many devices
// are simulated, each sends up to twelve packets.
func TestSoak(t *testing.T) {
	runs := 6000
	if testing.Short() {
		runs = 2000
	}
	if v := os.Getenv("SOAK"); v != "" {
		var err error
		if runs, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	k := newSoak()
	for seed := int64(0); seed < int64(runs); seed++ {
		if fault := k.run(seed); fault != "" {
			p := randomProfile(rand.New(rand.NewSource(seed)))
			t.Fatalf("seed %d: %s\nrule %v %+v", seed, fault, p.Rule(), p.Fragmentation())
		}
	}
	t.Logf("%d devices: %+v", runs, k.total)
}
