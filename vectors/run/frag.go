package run

import (
	"bytes"
	"encoding/hex"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/vectors"
)

var (
	modes = byName(schc.FragmentationNoAck, schc.FragmentationAckAlways, schc.FragmentationAckOnError)
	dirs  = byName(schc.DirUp, schc.DirDown)
	rcss  = map[string]schc.RCSAlgorithm{"rcs-crc32": schc.RCSCRC32, "fragments": schc.RCSFragments}
	tiles = map[string]schc.All1Data{"": 0, "all-1-data-no": schc.All1DataNo, "all-1-data-yes": schc.All1DataYes,
		"all-1-data-sender-choice": schc.All1DataSenderChoice}
	acks = map[string]schc.AckBehavior{"": 0, "ack-behavior-after-all-0": schc.AckAfterAll0, "ack-behavior-after-all-1": schc.AckAfterAll1,
		"ack-behavior-by-layer2": schc.AckByLayer2}
	kinds = map[string]schc.MessageKind{"regular": schc.MessageRegular, "all-1": schc.MessageAll1, "ack-req": schc.MessageAckReq,
		"sender-abort": schc.MessageSenderAbort, "ack": schc.MessageAck, "receiver-abort": schc.MessageReceiverAbort}
)

func byName[T interface{ String() string }](list ...T) map[string]T {
	m := map[string]T{}
	for _, v := range list {
		m[v.String()] = v
	}
	return m
}

// profile makes the Rule of a group.
func profile(g *vectors.FragRule, p *schc.Profile) error {
	id := schc.RuleID{Value: g.IDValue, Bits: g.IDLength}
	f := schc.Fragmentation{
		Mode: modes[g.Mode], Direction: dirs[g.Direction], L2WordBits: g.L2Word, DTagBits: g.DTag, WBits: g.W, FCNBits: g.FCN,
		WindowSize: g.WindowSize, TileBits: g.TileSize, RCSAlgorithm: rcss[g.RCSAlgorithm], RCSBits: g.RCSSize, MaxPacket: g.MaxPacket,
		AckBehavior: acks[g.AckBehavior], All1Data: tiles[g.TileInAll1], MaxAckRequests: g.MaxAckRequests,
		RetransmissionMs: g.Retransmission, InactivityMs: g.Inactivity, CompoundAck: g.CompoundAck, FullLastBitmap: g.FullLastBitmap,
		PenultimateShort: g.PenultimateShort, AckOnRepair: g.AckOnRepair, AttemptsPerAck: g.AttemptsPerAck, NoAckReq: g.NoAckReq,
		All1Empty: g.All1Empty, HeaderPad: g.HeaderPad, CountDown: g.CountDown, FragmentBytes: g.FragmentBytes, AckBytes: g.AckBytes,
		ListenMs: g.Listen, UplinkAckMs: g.UplinkAck,
	}
	if p.Init(id, &f) != nil {
		return f.Check(id)
	}
	return nil
}

func (r *runner) fragFile(data []byte) {
	f, err := vectors.ParseFrag(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		x := fragTest{runner: r}
		if err := profile(&g.Rule, &x.p); err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			x.v = &g.Tests[j]
			if !r.takes(x.v.ID, g.Source) {
				continue
			}
			r.stats.Ways += 3
			x.packet, _ = hex.DecodeString(x.v.Packet)
			x.parse()
			x.sender()
			x.receiver()
		}
	}
}

// fragTest runs one exchange.
type fragTest struct {
	*runner
	v      *vectors.FragTest
	p      schc.Profile
	packet []byte
}

const (
	fragStart  = 1_000_000 // ms
	fragStepMs = 10
	fragBuf    = 4096
)

// parse takes every message apart.
func (x *fragTest) parse() {
	for i := range x.v.Steps {
		st := &x.v.Steps[i]
		if st.Msg == "" {
			continue
		}
		msg, _ := hex.DecodeString(st.Msg)
		parse := x.p.ParseFragment
		if st.From == "receiver" {
			parse = x.p.ParseAck
		}
		if m, err := parse(msg, st.Bits); err != nil || m.Kind != kinds[st.Kind] {
			x.fail(x.v.ID, "parse", "step %d: %s is %v, %v, want %s", i, st.Msg, m.Kind, err, st.Kind)
		}
	}
}

// same compares a message that was sent.
func (x *fragTest) same(way string, i int, out *schc.Output, err error) bool {
	st := &x.v.Steps[i]
	msg, _ := hex.DecodeString(st.Msg)
	if err == nil && out.Bits == st.Bits && bytes.Equal(out.Msg, msg) && out.Kind == kinds[st.Kind] {
		return true
	}
	x.fail(x.v.ID, way, "step %d: sends %x (%d bits, %v), %v, want %s (%d bits, %s)", i, out.Msg, out.Bits, out.Kind, err, st.Msg, st.Bits, st.Kind)
	return false
}

// sender: it sends exactly its messages when it gets the receiver's.
func (x *fragTest) sender() {
	const way = "sender"
	var s schc.Sender
	now := uint64(fragStart)
	s.Reset(&x.p, make([]byte, x.p.SenderBytes(x.v.Bits)))
	if err := s.Start(x.packet, x.v.Bits, x.v.DTag, now); err != nil {
		x.fail(x.v.ID, way, "does not start: %v", err)
		return
	}
	buf := make([]byte, fragBuf)
	mtu := 8 * fragBuf
	for i := range x.v.Steps {
		st := &x.v.Steps[i]
		switch {
		case st.Timer == "sender":
			if s.Deadline() == schc.Never {
				x.fail(x.v.ID, way, "step %d: the timer does not run", i)
				return
			}
			now = max(now, s.Deadline())
		case st.From == "sender":
			if st.MTUBits > 0 {
				mtu = st.MTUBits
			}
			now += fragStepMs
			out, err := s.Next(buf, mtu, now)
			if !x.same(way, i, &out, err) {
				return
			}
			if last := i+1 == len(x.v.Steps); !last && x.v.Steps[i+1].From == "sender" {
				continue
			}
			if out, err := s.Next(buf, mtu, now); out.Bits != 0 || err != nil {
				x.fail(x.v.ID, way, "step %d: sends %x besides, %v", i, out.Msg, err)
				return
			}
		case st.From == "receiver" && !st.Lost:
			now += fragStepMs
			msg, _ := hex.DecodeString(st.Msg)
			if err := s.Receive(msg, st.Bits, now); err != nil {
				x.fail(x.v.ID, way, "step %d: does not take %s: %v", i, st.Msg, err)
				return
			}
		}
	}
	if out, err := s.Next(buf, mtu, now); out.Bits != 0 || err != nil {
		x.fail(x.v.ID, way, "at the end: sends %x besides, %v", out.Msg, err)
	}
	want := schc.SenderDone
	if x.v.Result != "valid" && x.p.Fragmentation().Mode != schc.FragmentationNoAck {
		want = schc.SenderFailed
	}
	if s.State() != want {
		x.fail(x.v.ID, way, "at the end: state %d (%v), want %d", s.State(), s.Reason(), want)
	}
}

// receiver: it sends exactly its messages and delivers the packet.
func (x *fragTest) receiver() {
	const way = "receiver"
	var r schc.Receiver
	now, deadline := uint64(fragStart), schc.Never
	buf := make([]byte, fragBuf)
	sessions, quiet := 1, 8*len(buf)
	if x.v.NoSession {
		sessions, quiet = 0, 0
	}
	r.Reset([]schc.Profile{x.p}, make([]schc.Session, sessions), make([]byte, x.p.SessionBytes()))
	delivered, dropped := 0, schc.Reason(0)
	note := func(ev *schc.Event) {
		switch ev.Kind {
		case schc.EventPacket:
			delivered++
			if !x.delivered(ev) {
				x.fail(x.v.ID, way, "delivers %x (%d bits), want %s (%d bits)", ev.Packet, ev.Bits, x.v.Packet, x.v.Bits)
			}
		case schc.EventDropped, schc.EventRefused:
			dropped = ev.Reason
		}
	}
	for i := range x.v.Steps {
		st := &x.v.Steps[i]
		switch {
		case st.Timer == "receiver":
			if deadline == schc.Never {
				x.fail(x.v.ID, way, "step %d: the timer does not run", i)
				return
			}
			now = max(now, deadline)
		case st.From == "sender" && !st.Lost:
			now += fragStepMs
			msg, _ := hex.DecodeString(st.Msg)
			ev, err := r.Receive(msg, st.Bits, now)
			if err != nil {
				x.fail(x.v.ID, way, "step %d: does not take %s: %v", i, st.Msg, err)
				return
			}
			note(&ev)
		case st.From == "receiver":
			now += fragStepMs
			out, err := r.Next(buf, 8*len(buf), now)
			note(&out.Event)
			if !x.same(way, i, &out, err) {
				return
			}
		}
		if i+1 < len(x.v.Steps) && (x.v.Steps[i+1].From == "receiver" || x.v.Steps[i+1].Timer == "receiver" && st.From == "") {
			continue
		}
		out, err := r.Next(buf, quiet, now)
		deadline = out.Deadline
		if out.Bits != 0 || err != nil {
			x.fail(x.v.ID, way, "step %d: sends %x besides, %v", i, out.Msg, err)
			return
		}
		note(&out.Event)
	}
	switch {
	case x.v.Result == "valid" && (delivered != 1 || dropped != 0),
		x.v.Result != "valid" && x.v.Result != "unanswered" && (delivered != 0 || dropped == 0):
		x.fail(x.v.ID, way, "delivered %d times, dropped: %v, want %s", delivered, dropped, x.v.Result)
	}
}

// delivered compares the packet of an event: padding may follow.
func (x *fragTest) delivered(ev *schc.Event) bool {
	f := x.p.Fragmentation()
	slack := max(int(f.L2WordBits), 8*int(f.FragmentBytes))
	n := len(x.packet)
	if ev.Bits < x.v.Bits || ev.Bits >= x.v.Bits+slack || len(ev.Packet) < n || !bytes.Equal(ev.Packet[:n], x.packet) {
		return false
	}
	for _, b := range ev.Packet[n:] {
		if b != 0 {
			return false
		}
	}
	return true
}
