package schc_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/schc"
)

// mixedProfiles makes two to four Rules of one device.
func mixedProfiles(r *rand.Rand) (list []schc.Profile) {
	for n := 2 + r.Intn(3); len(list) < n; {
		p := randomProfile(r)
		f := p.Fragmentation()
		if r.Intn(4) == 0 && f.Mode == schc.FragmentationAckAlways {
			f.WBits = 1 // the numbers of windows go round after two
		}
		if f.Mode != schc.FragmentationNoAck {
			f.MaxAckRequests = max(f.MaxAckRequests, 2) // an ACK that nobody asked for may cross the All-1
		}
		id := schc.RuleID{Value: uint32(40*len(list) + r.Intn(40)), Bits: 8}
		if p.Init(id, &f) == nil {
			list = append(list, p)
		}
	}
	return list
}

// mixedRun simulates a device that sends under several Rules at once to a
// receiver that may have too few sessions, over links whose MTU changes from
// message to message in both directions. It returns what is wrong, or "".
func mixedRun(k *soak, seed int64) string {
	r := rand.New(rand.NewSource(seed))
	profiles := mixedProfiles(r)
	clean := r.Intn(3) == 0
	k.sim.Forward = linksim.Link{DelayMs: 20, AirMs: 10}
	k.sim.Back = k.sim.Forward
	counts := false
	least := 0
	for i := range profiles {
		f := profiles[i].Fragmentation()
		counts = counts || f.RCSAlgorithm == schc.RCSFragments
		header := 8 + int(f.DTagBits) + int(f.WBits) + int(f.FCNBits)
		least = max(least, header+2*int(f.L2WordBits)+32+2*int(f.TileBits)+64+int(f.L2WordBits))
	}
	if !clean {
		for _, l := range []*linksim.Link{&k.sim.Forward, &k.sim.Back} {
			l.Loss = 0.5 * r.Float64() * r.Float64()
			l.Burst = float64(r.Intn(4))
			if r.Intn(4) == 0 && !counts {
				l.Corrupt = 0.1 * r.Float64()
			}
		}
	}
	k.sim.Forward.MTUBits = func(r *rand.Rand) int { return least + r.Intn(600) }
	k.sim.Back.MTUBits = func(r *rand.Rand) int {
		if r.Intn(3) == 0 {
			return 1 + r.Intn(7) // nothing fits: it is asked again
		}
		return 4096
	}
	sessions := len(profiles)
	if r.Intn(3) == 0 {
		sessions = r.Intn(sessions)
	}
	// A clock that goes round would be the caller's fault, but it may start late.
	start := uint64(r.Intn(1e6))
	if r.Intn(4) == 0 {
		start = schc.Never - 1<<40
	}
	k.recv.Reset(profiles, k.sessions[:sessions], k.mem[:6000*sessions])
	k.sim.Receiver = &k.recv
	k.sim.Until = nil
	k.sim.Senders = k.sim.Senders[:0]
	k.sim.Reset(r, start)
	var all []*transfer
	var rules []schc.RuleID
	for i := range profiles {
		p := &profiles[i]
		f := p.Fragmentation()
		if f.RCSAlgorithm == schc.RCSFragments && f.FragmentBytes > 0 {
			continue // one MTU only
		}
		most := 8 * 300
		switch {
		case f.Mode == schc.FragmentationAckOnError:
			most = min(most, (1<<f.WBits)*int(f.WindowSize)*int(f.TileBits))
		case f.CountDown:
			most = min(most, (1<<f.FCNBits-2)*int(f.TileBits))
		case f.Mode == schc.FragmentationAckAlways && f.WBits == 0:
			most = min(most, int(f.WindowSize)*int(f.TileBits)-8)
		}
		t := &transfer{bits: 8 * (1 + r.Intn(max(most/8, 1)))}
		t.packet = make([]byte, t.bits/8)
		r.Read(t.packet)
		zeroTail(r, t.packet)
		s := k.senders[i]
		s.Reset(p, k.smem[i])
		if s.Start(t.packet, t.bits, 0, start) != nil {
			continue
		}
		all, rules = append(all, t), append(rules, p.Rule())
		k.sim.Senders = append(k.sim.Senders, s)
	}
	fault := ""
	k.sim.OnEvent = func(ev schc.Event) {
		if ev.Kind != schc.EventPacket {
			return
		}
		for i, t := range all {
			// A damaged RuleID may be another Rule's.
			if (rules[i] == ev.Rule || !clean) && t.delivers(&ev, 8*64) {
				t.delivered++
				return
			}
		}
		fault = fmt.Sprintf("delivered %x/%d under %v, which was not sent", ev.Packet, ev.Bits, ev.Rule)
	}
	if !k.sim.Run(400_000) {
		return "does not come to rest"
	}
	if fault != "" {
		return fault
	}
	for i, s := range k.sim.Senders {
		if s.Active() {
			return "a sender does not come to rest"
		}
		if clean && sessions == len(profiles) && (s.State() != schc.SenderDone || all[i].delivered != 1) {
			return fmt.Sprintf("on a good link, Rule %v: state %d (%v), delivered %d times", rules[i], s.State(), s.Reason(), all[i].delivered)
		}
		k.total.packets++
		k.total.delivered += all[i].delivered
	}
	if n := k.recv.Held(); n != 0 {
		return fmt.Sprintf("%d sessions are left", n)
	}
	return ""
}

// TestSoakMixed is TestSoak for several Rules at once, a receiver with too few
// sessions, and MTUs that change in both directions.
func TestSoakMixed(t *testing.T) {
	runs := 4000
	if testing.Short() {
		runs = 1000
	}
	k := newSoak()
	for seed := int64(0); seed < int64(runs); seed++ {
		if fault := mixedRun(k, seed); fault != "" {
			text := ""
			for _, p := range mixedProfiles(rand.New(rand.NewSource(seed))) {
				text += fmt.Sprintf("\nrule %v %+v", p.Rule(), p.Fragmentation())
			}
			t.Fatalf("seed %d: %s%s", seed, fault, text)
		}
	}
	t.Logf("%d devices: %+v", runs, k.total)
}

// livenessRun sends packets one after the other over a link with losses under
// limits that are never reached. It returns what is wrong, or "".
func livenessRun(k *soak, seed int64) string {
	r := rand.New(rand.NewSource(seed))
	p := randomProfile(r)
	f := p.Fragmentation()
	if f.Mode == schc.FragmentationNoAck {
		return ""
	}
	f.MaxAckRequests, f.AttemptsPerAck, f.InactivityMs, f.MaxInterleaved = 255, true, 100_000_000, 1
	if err := p.Init(p.Rule(), &f); err != nil {
		panic(err)
	}
	k.sim.Forward = linksim.Link{DelayMs: 20, AirMs: 10, Loss: 0.4 * r.Float64(), Burst: float64(r.Intn(3))}
	k.sim.Back = k.sim.Forward
	header := int(p.Rule().Bits) + int(f.DTagBits) + int(f.WBits) + int(f.FCNBits)
	least := header + 2*int(f.L2WordBits) + 32 + 2*int(f.TileBits) + 64 + int(f.L2WordBits)
	mtu, vary := least+r.Intn(600), f.Mode == schc.FragmentationAckOnError && r.Intn(2) == 0
	if f.RCSAlgorithm == schc.RCSFragments {
		mtu, vary = (header+7)/8*8+int(f.TileBits), false
	}
	k.sim.Forward.MTUBits = func(r *rand.Rand) int {
		if vary {
			return least + r.Intn(600)
		}
		return mtu
	}
	k.sim.Back.MTUBits = nil
	most := 8 * 300
	switch {
	case f.Mode == schc.FragmentationAckOnError:
		most = min(most, (1<<f.WBits)*int(f.WindowSize)*int(f.TileBits))
	case f.WBits == 0:
		most = min(most, int(f.WindowSize)*int(f.TileBits)-8)
	}
	k.sim.Receiver = &k.recv
	k.sim.Senders = append(k.sim.Senders[:0], k.senders[0])
	k.sim.Reset(r, 1000)
	k.recv.Reset([]schc.Profile{p}, k.sessions[:1], k.mem[:6000])
	for range 3 {
		t := &transfer{bits: 8 * (1 + r.Intn(max(most/8, 1)))}
		t.packet = make([]byte, t.bits/8)
		r.Read(t.packet)
		zeroTail(r, t.packet)
		s := k.senders[0]
		s.Reset(&p, k.smem[0])
		if s.Start(t.packet, t.bits, 0, k.sim.Now) != nil {
			continue
		}
		k.sim.OnEvent = func(ev schc.Event) {
			if ev.Kind == schc.EventPacket && t.delivers(&ev, 8*64) {
				t.delivered++
			}
		}
		// Up to the end, when the receiver has forgotten the packet: with a DTag
		// that is used again, an ACK REQ may be taken for one of the last packet.
		k.sim.Until = nil
		if !k.sim.Run(400_000) {
			return "does not come to rest"
		}
		k.total.packets++
		// Twice, if all of a small packet was sent again for ACKs that crossed.
		if s.State() != schc.SenderDone || t.delivered < 1 {
			return fmt.Sprintf("%d bits: state %d (%v), delivered %d times", t.bits, s.State(), s.Reason(), t.delivered)
		}
	}
	return ""
}

// TestLiveness: in the modes with ACKs, every packet arrives as long as some
// messages do and no limit is reached, and the sender learns of it.
func TestLiveness(t *testing.T) {
	runs := 3000
	if testing.Short() {
		runs = 500
	}
	k := newSoak()
	for seed := int64(0); seed < int64(runs); seed++ {
		if fault := livenessRun(k, seed); fault != "" {
			p := randomProfile(rand.New(rand.NewSource(seed)))
			t.Fatalf("seed %d: %s\nrule %v %+v", seed, fault, p.Rule(), p.Fragmentation())
		}
	}
	t.Logf("%d devices: %d packets", runs, k.total.packets)
}
