package schc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/vectors"
)

// The types of the schema schc-frag-1.
type (
	fragFile  = vectors.FragFile
	fragGroup = vectors.FragGroup
	fragRule  = vectors.FragRule
	fragTest  = vectors.FragTest
	fragStep  = vectors.FragStep
)

var (
	fragModes = map[string]FragmentationMode{}
	fragRCSs  = map[string]RCSAlgorithm{"rcs-crc32": RCSCRC32, "fragments": RCSFragments}
	fragTiles = map[string]All1Data{"": 0, "all-1-data-no": All1DataNo, "all-1-data-yes": All1DataYes, "all-1-data-sender-choice": All1DataSenderChoice}
	fragAcks  = map[string]AckBehavior{"": 0, "ack-behavior-after-all-0": AckAfterAll0, "ack-behavior-after-all-1": AckAfterAll1, "ack-behavior-by-layer2": AckByLayer2}
	fragKinds = map[string]MessageKind{"regular": MessageRegular, "all-1": MessageAll1, "ack-req": MessageAckReq,
		"sender-abort": MessageSenderAbort, "ack": MessageAck, "receiver-abort": MessageReceiverAbort}
	fragDirs = map[string]Direction{"di-up": DirUp, "di-down": DirDown}
)

func init() {
	for m := FragmentationNoAck; m <= FragmentationAckOnError; m++ {
		fragModes[m.String()] = m
	}
}

func fragmentation(g *fragRule) (RuleID, Fragmentation) {
	return RuleID{g.IDValue, g.IDLength}, Fragmentation{
		Mode: fragModes[g.Mode], Direction: fragDirs[g.Direction], L2WordBits: g.L2Word, DTagBits: g.DTag, WBits: g.W, FCNBits: g.FCN,
		WindowSize: g.WindowSize, TileBits: g.TileSize, RCSAlgorithm: fragRCSs[g.RCSAlgorithm], RCSBits: g.RCSSize, MaxPacket: g.MaxPacket,
		AckBehavior: fragAcks[g.AckBehavior], All1Data: fragTiles[g.TileInAll1], MaxAckRequests: g.MaxAckRequests,
		RetransmissionMs: g.Retransmission, InactivityMs: g.Inactivity, CompoundAck: g.CompoundAck, FullLastBitmap: g.FullLastBitmap,
		PenultimateShort: g.PenultimateShort, AckOnRepair: g.AckOnRepair, AttemptsPerAck: g.AttemptsPerAck, NoAckReq: g.NoAckReq,
		All1Empty: g.All1Empty, HeaderPad: g.HeaderPad, CountDown: g.CountDown, FragmentBytes: g.FragmentBytes, AckBytes: g.AckBytes,
		ListenMs: g.Listen, UplinkAckMs: g.UplinkAck,
	}
}

func name[K comparable](m map[string]K, v K) string {
	for k, x := range m {
		if x == v {
			return k
		}
	}
	return ""
}

// newFragRule is the inverse of fragmentation.
func newFragRule(id RuleID, f *Fragmentation) fragRule {
	var p Profile
	if err := p.Init(id, f); err != nil {
		panic(f.Check(id))
	}
	d := p.f
	return fragRule{
		IDValue: id.Value, IDLength: id.Bits, Mode: d.Mode.String(), Direction: d.Direction.String(), L2Word: d.L2WordBits, DTag: d.DTagBits, W: d.WBits, FCN: d.FCNBits,
		WindowSize: d.WindowSize, TileSize: d.TileBits, RCSAlgorithm: name(fragRCSs, d.RCSAlgorithm), RCSSize: d.RCSBits, MaxPacket: d.MaxPacket,
		AckBehavior: name(fragAcks, d.AckBehavior), TileInAll1: name(fragTiles, d.All1Data), MaxAckRequests: d.MaxAckRequests,
		Retransmission: d.RetransmissionMs, Inactivity: d.InactivityMs, CompoundAck: d.CompoundAck, FullLastBitmap: d.FullLastBitmap,
		PenultimateShort: d.PenultimateShort, AckOnRepair: d.AckOnRepair, AttemptsPerAck: d.AttemptsPerAck, NoAckReq: d.NoAckReq,
		All1Empty: d.All1Empty, HeaderPad: d.HeaderPad, CountDown: d.CountDown, FragmentBytes: d.FragmentBytes, AckBytes: d.AckBytes,
		Listen: d.ListenMs, UplinkAck: d.UplinkAckMs,
	}
}

const fragVectorDir = "../vectors/frag"

// TestFragVectors runs every vector from the sender's and from the receiver's
// side, and takes every message apart.
func TestFragVectors(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(fragVectorDir, "*.json"))
	if len(files) == 0 {
		t.Fatal("no vectors")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f fragFile
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&f); err != nil || f.Schema != "schc-frag-1" {
			t.Fatalf("%s: schema %q, %v", name, f.Schema, err)
		}
		n := 0
		for i := range f.Groups {
			g := &f.Groups[i]
			for j := range g.Tests {
				v := &g.Tests[j]
				n++
				for _, flag := range v.Flags {
					if f.Notes[flag] == "" {
						t.Errorf("%s %d: unknown flag %q", name, v.ID, flag)
					}
				}
				t.Run(filepath.Base(name)+"/"+v.Comment, func(t *testing.T) {
					id, fr := fragmentation(&g.Rule)
					runFragTest(t, id, &fr, v)
				})
			}
		}
		if n != f.NumberOfTests {
			t.Errorf("%s: numberOfTests %d, has %d", name, f.NumberOfTests, n)
		}
	}
}

func runFragTest(t *testing.T, id RuleID, f *Fragmentation, v *fragTest) {
	var p Profile
	if err := p.Init(id, f); err != nil {
		t.Fatal(f.Check(id))
	}
	packet, _ := hex.DecodeString(v.Packet)
	for _, st := range v.Steps {
		if st.Msg != "" {
			parseFragStep(t, &p, &st)
		}
	}
	t.Run("sender", func(t *testing.T) { fragSenderSide(t, &p, packet, v) })
	t.Run("receiver", func(t *testing.T) { fragReceiverSide(t, &p, packet, v) })
}

func parseFragStep(t *testing.T, p *Profile, st *fragStep) {
	t.Helper()
	msg, _ := hex.DecodeString(st.Msg)
	var m Message
	var err error
	if st.From == "sender" {
		m, err = p.ParseFragment(msg, st.Bits)
	} else {
		m, err = p.ParseAck(msg, st.Bits)
	}
	if err != nil || m.Kind != fragKinds[st.Kind] {
		t.Fatalf("parse %s = %+v, %v, want %s", st.Msg, m, err, st.Kind)
	}
}

// fragSenderSide: the sender sends exactly its messages when it gets the
// receiver's.
func fragSenderSide(t *testing.T, p *Profile, packet []byte, v *fragTest) {
	var s Sender
	now := uint64(1_000_000)
	s.Reset(p, make([]byte, p.SenderBytes(v.Bits)))
	if err := s.Start(packet, v.Bits, v.DTag, now); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	mtu := 8 * len(buf)
	for i, st := range v.Steps {
		msg, _ := hex.DecodeString(st.Msg)
		switch {
		case st.Timer == "sender":
			if d := s.Deadline(); d == Never || d < now {
				t.Fatalf("step %d: the sender's timer does not run: %d", i, d)
			}
			now = s.Deadline()
		case st.From == "sender":
			if st.MTUBits > 0 {
				mtu = st.MTUBits
			}
			now += 10
			out, err := s.Next(buf, mtu, now)
			if err != nil || out.Bits != st.Bits || !bytes.Equal(out.Msg, msg) || out.Kind != fragKinds[st.Kind] {
				t.Fatalf("step %d: Next(%d) = %x (%d bits, %v), %v, want %s (%d bits, %s)", i, mtu, out.Msg, out.Bits, out.Kind, err, st.Msg, st.Bits, st.Kind)
			}
		case st.From == "receiver" && !st.Lost:
			now += 10
			if err := s.Receive(msg, st.Bits, now); err != nil {
				t.Fatalf("step %d: Receive(%s) = %v", i, st.Msg, err)
			}
		}
		// What is not in the table is not sent.
		if next := i + 1; st.From == "sender" && next < len(v.Steps) && v.Steps[next].From != "sender" {
			if out, err := s.Next(buf, mtu, now); out.Bits != 0 || err != nil {
				t.Fatalf("step %d: Next = %x, %v, want nothing", i, out.Msg, err)
			}
		}
	}
	if out, err := s.Next(buf, mtu, now); out.Bits != 0 || err != nil {
		t.Fatalf("at the end: Next = %x, %v, want nothing", out.Msg, err)
	}
	want := SenderDone
	if v.Result != "valid" && p.f.Mode != FragmentationNoAck {
		want = SenderFailed
	}
	if s.State() != want || s.Deadline() != Never {
		t.Errorf("state %v (%v), deadline %d, want state %v", s.State(), s.Reason(), s.Deadline(), want)
	}
}

// fragReceiverSide: the receiver sends exactly its messages and delivers the
// packet.
func fragReceiverSide(t *testing.T, p *Profile, packet []byte, v *fragTest) {
	var r Receiver
	now := uint64(1_000_000)
	buf := make([]byte, 4096)
	sessions, quiet := 1, 8*len(buf)
	if v.NoSession {
		sessions, quiet = 0, 0 // it waits for an opportunity
	}
	r.Reset([]Profile{*p}, make([]Session, sessions), make([]byte, p.SessionBytes()))
	delivered, dropped := 0, Reason(0)
	note := func(ev Event) {
		switch ev.Kind {
		case EventPacket:
			delivered++
			slack := max(p.l2, 8*int(p.f.FragmentBytes))
			if ev.Bits < v.Bits || ev.Bits >= v.Bits+slack || unpackBits(ev.Packet, v.Bits) != unpackBits(packet, v.Bits) || !zeroBits(ev.Packet, v.Bits, 8*len(ev.Packet)) {
				t.Errorf("delivered %x (%d bits), want %s (%d bits)", ev.Packet, ev.Bits, v.Packet, v.Bits)
			}
		case EventDropped, EventRefused:
			dropped = ev.Reason
		}
	}
	for i, st := range v.Steps {
		msg, _ := hex.DecodeString(st.Msg)
		switch {
		case st.Timer == "receiver":
			now = r.deadline(now, false)
		case st.From == "sender" && !st.Lost:
			now += 10
			ev, err := r.Receive(msg, st.Bits, now)
			if err != nil {
				t.Fatalf("step %d: Receive(%s) = %v", i, st.Msg, err)
			}
			note(ev)
		case st.From == "receiver":
			now += 10
			out, err := r.Next(buf, 8*len(buf), now)
			note(out.Event)
			if err != nil || out.Bits != st.Bits || !bytes.Equal(out.Msg, msg) || out.Kind != fragKinds[st.Kind] {
				t.Fatalf("step %d: Next = %x (%d bits, %v), %v, want %s (%d bits, %s)", i, out.Msg, out.Bits, out.Kind, err, st.Msg, st.Bits, st.Kind)
			}
		}
		if next := i + 1; next >= len(v.Steps) || v.Steps[next].From != "receiver" && v.Steps[next].Timer != "receiver" {
			if out, err := r.Next(buf, quiet, now); out.Bits != 0 || err != nil {
				t.Fatalf("step %d: Next = %x, %v, want nothing", i, out.Msg, err)
			}
		}
	}
	switch {
	case v.Result == "valid" && (delivered != 1 || dropped != 0):
		t.Errorf("delivered %d times, dropped: %v", delivered, dropped)
	case v.Result != "valid" && v.Result != "unanswered" && (delivered != 0 || dropped == 0):
		t.Errorf("delivered %d times, dropped: %v, want %s", delivered, dropped, v.Result)
	}
}
