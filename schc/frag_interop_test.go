package schc

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// This file runs fragments that other implementations sent. Where one
// contradicts RFC 8724, the RFC decides: the test names it and checks what can
// be checked.

type peerMessage struct {
	From, Hex string
	Delivered bool
}

// openSCHCFrag is one run of openschc.
type openSCHCFrag struct {
	Name  string
	Rules []struct {
		RuleID, RuleIDLength int
		Fragmentation        *struct {
			FRMode, FRDirection string
			FRModeProfile       *struct {
				DTagSize   uint8 `json:"dtagSize"`
				WSize      uint8
				FCNSize    uint8
				WindowSize uint16 `json:"windowSize"`
				TileSize   uint16 `json:"tileSize"`
			}
		}
	}
	Packet         string
	MTUBits        int    `json:"mtu_bits"`
	Direction      string `json:"direction"`
	Lost           []int  `json:"lost_deliveries"`
	LastTileInAll1 bool   `json:"last_tile_in_all1"`
	Checked        bool   `json:"reassembly_checked"`
	Messages       []peerMessage
}

func (v *openSCHCFrag) profile(t *testing.T) (p Profile) {
	t.Helper()
	r := v.Rules[1]
	f := Fragmentation{Mode: FragmentationNoAck, Direction: DirUp, DTagBits: 2, FCNBits: 1}
	if v.Direction == "DW" {
		f.Direction = DirDown
	}
	if m := r.Fragmentation.FRModeProfile; m != nil {
		// openschc sends no ACK REQ behind a repair, as Figures 31 and 32.
		f = Fragmentation{Mode: FragmentationAckOnError, Direction: f.Direction, DTagBits: m.DTagSize, WBits: m.WSize, FCNBits: m.FCNSize,
			WindowSize: m.WindowSize, TileBits: m.TileSize, All1Data: All1DataNo, AckOnRepair: true, RetransmissionMs: 150_000}
		if v.LastTileInAll1 {
			// "lastTileInAll1": false, and yet a last tile that is alone goes
			// in the All-1: the sender's choice, in the RFC's words.
			f.All1Data = All1DataSenderChoice
		}
	}
	if err := p.Init(RuleID{uint32(r.RuleID), uint8(r.RuleIDLength)}, &f); err != nil {
		t.Fatal(err)
	}
	return p
}

// openSCHCTiny lists runs whose last tile has less than an L2 Word: "The tile
// MUST be at least the size of an L2 Word" (RFC 8724, Section 8.4.1.1). Our
// sender moves a byte from the tile before; our receiver takes both.
const openSCHCTiny = " no-ack-UP-100-408 no-ack-UP-150-408 no-ack-UP-200-408 no-ack-DW-150-408 "

func TestInteropOpenSCHCFragments(t *testing.T) {
	var file struct{ Vectors []openSCHCFrag }
	interopJSON(t, "frag_openschc.json", &file)
	sent, received, bitmaps, ws, successes := 0, 0, 0, 0, 0
	for i := range file.Vectors {
		v := &file.Vectors[i]
		t.Run(v.Name, func(t *testing.T) {
			p := v.profile(t)
			ip, _ := hex.DecodeString(v.Packet)
			packet := packBits(bitsOf(11, 6) + unpackBits(ip, 8*len(ip)))
			bits := 6 + 8*len(ip)
			tiny := strings.Contains(openSCHCTiny, " "+v.Name+" ")
			sender := "device"
			if v.Direction == "DW" {
				sender = "core"
			}
			if !v.Checked {
				// The run in which openschc's own receiver fails: after the
				// first repair its sender sends the All-1 with other tiles.
				t.Log("openschc did not reassemble this one; only the first round is compared")
			}

			var s Sender
			s.Reset(&p, make([]byte, 256))
			if err := s.Start(packet, bits, 0, 0); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 512)
			for j, m := range v.Messages {
				msg, _ := hex.DecodeString(m.Hex)
				if m.From != sender {
					if !m.Delivered {
						continue
					}
					if a, err := p.ParseAck(msg, 8*len(msg)); err == nil && a.C && a.W != s.lastWindow() {
						// openschc's success ACK carries the window of the
						// fragment that it answers, not the last one.
						successes++
					}
					if err := s.Receive(msg, 8*len(msg), uint64(j)); err != nil {
						t.Fatalf("message %d: Receive(%s) = %v", j, m.Hex, err)
					}
					if !v.Checked {
						break
					}
					continue
				}
				if tiny {
					continue
				}
				mtu := v.MTUBits
				if p.f.Mode == FragmentationAckOnError {
					mtu = 8 * len(msg) // which tiles go together is the sender's choice
				}
				out, err := s.Next(buf, mtu, uint64(j))
				if out.Kind == MessageAll1 && !bytes.Equal(out.Msg, msg) {
					// "In an All-1 SCHC Fragment message, the sender MUST fill
					// the W field with the window number of the last tile":
					// openschc's is that of its last fragment's first tile.
					clearBits(msg, 8, 11)
					clearBits(out.Msg, 8, 11)
					ws++
				}
				if err != nil || !bytes.Equal(out.Msg, msg) {
					t.Fatalf("message %d: Next = %x, %v, want %s", j, out.Msg, err, m.Hex)
				}
			}
			if !tiny {
				if v.Checked && p.f.Mode != FragmentationNoAck && s.State() != SenderDone {
					t.Errorf("sender: state %v, %v", s.State(), s.Reason())
				}
				sent++
			}

			var r Receiver
			r.Reset([]Profile{p}, make([]Session, 1), make([]byte, p.SessionBytes()))
			delivered := false
			for j, m := range v.Messages {
				msg, _ := hex.DecodeString(m.Hex)
				if m.From == sender {
					if !m.Delivered {
						continue
					}
					ev, err := r.Receive(msg, 8*len(msg), uint64(j))
					if err != nil {
						t.Fatalf("message %d: Receive(%s) = %v", j, m.Hex, err)
					}
					if ev.Kind == EventPacket {
						delivered = true
						if ev.Bits < bits || ev.Bits >= bits+8 || unpackBits(ev.Packet, bits) != unpackBits(packet, bits) {
							t.Fatalf("delivered %x", ev.Packet)
						}
					}
					continue
				}
				out, err := r.Next(buf, 8*len(buf), uint64(j))
				if err != nil || out.Bits == 0 {
					t.Fatalf("message %d: Next = %x, %v, want %s", j, out.Msg, err, m.Hex)
				}
				if a, err := p.ParseAck(msg, 8*len(msg)); err == nil && a.C {
					b, err := p.ParseAck(out.Msg, out.Bits)
					if err != nil || !b.C || b.W != s.lastWindow() {
						t.Fatalf("message %d: Next = %x, want success", j, out.Msg)
					}
				} else if !bytes.Equal(out.Msg, msg) {
					// openschc sends bitmaps whole; RFC 8724, Section 8.3.2.1
					// wants the trailing ones cut.
					sameReport(t, &p, out.Msg, msg)
					bitmaps++
				}
				if !v.Checked {
					return
				}
			}
			if !delivered {
				t.Error("not delivered")
			}
			received++
		})
	}
	t.Logf("%d runs: sender equal in %d, receiver delivers %d; openschc: %d bitmaps not cut, %d All-1 and %d success ACKs with another W",
		len(file.Vectors), sent, received, bitmaps, ws, successes)
}

// sameReport checks that two failure ACKs say the same.
func sameReport(t *testing.T, p *Profile, a, b []byte) {
	t.Helper()
	x, err := p.ParseAck(a, 8*len(a))
	y, err2 := p.ParseAck(b, 8*len(b))
	if err != nil || err2 != nil || x.C || y.C || x.W != y.W || x.DTag != y.DTag {
		t.Fatalf("ACK %x (%v), want %x (%v)", a, err, b, err2)
	}
	ra, _ := p.Report(a, 8*len(a), 0)
	rb, _ := p.Report(b, 8*len(b), 0)
	for i := uint32(0); i < uint32(p.f.WindowSize); i++ {
		if ra.Has(a, i) != rb.Has(b, i) {
			t.Fatalf("ACK %x, want %x: differ in tile %d", a, b, i)
		}
	}
}

// libschcTiny lists runs whose last tile has less than an L2 Word, see
// openSCHCTiny.
const libschcTiny = " libschc-noack-30-12-noloss libschc-noack-100-51-noloss libschc-noack-130-12-noloss libschc-noack-200-51-noloss "

func TestInteropLibschcFragments(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name     string
			Packet   string `json:"schc_packet"`
			MTUBytes int    `json:"tile_or_mtu_bytes"`
			Messages []peerMessage
		}
	}
	interopJSON(t, "frag_libschc.json", &file)
	f := Fragmentation{Mode: FragmentationNoAck, Direction: DirUp, FCNBits: 1}
	var p Profile
	if err := p.Init(RuleID{21, 8}, &f); err != nil {
		t.Fatal(err)
	}
	equal := 0
	for _, v := range file.Vectors {
		packet, _ := hex.DecodeString(v.Packet)
		var s Sender
		s.Reset(&p, nil)
		if err := s.Start(packet, 8*len(packet), 0, 0); err != nil {
			t.Fatal(err)
		}
		same := true
		var r Receiver
		r.Reset([]Profile{p}, make([]Session, 1), make([]byte, p.SessionBytes()))
		buf := make([]byte, 512)
		var ev Event
		for j, m := range v.Messages {
			msg, _ := hex.DecodeString(m.Hex)
			out, err := s.Next(buf, 8*v.MTUBytes, 0)
			if err != nil || !bytes.Equal(out.Msg, msg) {
				same = false
			}
			if ev, err = r.Receive(msg, 8*len(msg), 0); err != nil {
				t.Fatalf("%s: message %d: %v", v.Name, j, err)
			}
		}
		if ev.Kind != EventPacket || !bytes.Equal(ev.Packet[:len(packet)], packet) {
			t.Errorf("%s: event %+v", v.Name, ev)
		}
		if tiny := strings.Contains(libschcTiny, " "+v.Name+" "); same == tiny {
			t.Errorf("%s: our sender: equal %v", v.Name, same)
		}
		if same {
			equal++
		}
	}
	t.Logf("%d runs reassembled, %d fragment sequences equal", len(file.Vectors), equal)
}

// TestInteropSigfoxFragments runs the fragment sequences of schc-over-sigfox,
// and takes its messages apart.
func TestInteropSigfoxFragments(t *testing.T) {
	var file struct {
		Sequences []struct {
			RuleIDBits string `json:"rule_id_bits"`
			Packet     string `json:"schc_packet"`
			Fragments  []string
		} `json:"fragment_sequences"`
		Messages []struct {
			Kind, Hex, Test, Rule, Payload string
			Fields                         map[string]string
			Tuples                         []string
			Windows                        string
			Bitmaps                        []string
		} `json:"messages_from_tests"`
	}
	interopJSON(t, "frag_sigfox.json", &file)
	profile := func(id string) (p Profile) {
		n := map[int]NamedProfile{3: SigfoxSingleByte(), 6: SigfoxTwoByte1(), 8: SigfoxTwoByte2()}[len(id)]
		n.Rule.Value = 0
		for _, c := range id {
			n.Rule.Value = n.Rule.Value<<1 | uint32(c-'0')
		}
		if err := p.Init(n.Rule, &n.Fragmentation); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, v := range file.Sequences {
		p := profile(v.RuleIDBits)
		packet, _ := hex.DecodeString(v.Packet)
		var s Sender
		s.Reset(&p, make([]byte, 64))
		if err := s.Start(packet, 8*len(packet), 0, 0); err != nil {
			t.Fatal(err)
		}
		var r Receiver
		r.Reset([]Profile{p}, make([]Session, 1), make([]byte, p.SessionBytes()))
		buf := make([]byte, 12)
		now, delivered := uint64(0), false
		for j, h := range v.Fragments {
			if s.State() == SenderWaiting { // behind an All-0
				now = s.Deadline()
			}
			out, err := s.Next(buf, 96, now)
			if err != nil || hex.EncodeToString(out.Msg) != h {
				t.Fatalf("%s/%d: fragment %d = %x, %v, want %s", v.RuleIDBits, len(packet), j, out.Msg, err, h)
			}
			ev, err := r.Receive(out.Msg, out.Bits, now)
			if err != nil {
				t.Fatal(err)
			}
			delivered = ev.Kind == EventPacket && bytes.Equal(ev.Packet, packet)
		}
		if !delivered {
			t.Errorf("%s/%d: not delivered", v.RuleIDBits, len(packet))
		}
	}
	parsed := 0
	for _, v := range file.Messages {
		p := profile("000")
		msg, _ := hex.DecodeString(v.Hex)
		if v.Kind != "fragment" {
			m, err := p.ParseAck(msg, 8*len(msg))
			if err != nil || m.Kind != MessageAck {
				t.Errorf("%s %s: %+v, %v", v.Kind, v.Hex, m, err)
				continue
			}
			for i, tu := range v.Tuples {
				if m.C {
					break // "no Bitmap is carried"
				}
				rep, ok := p.Report(msg, 8*len(msg), i)
				w, b := tu[2:4], tu[8:15]
				got := ""
				for k := uint32(0); k < 7; k++ {
					got += map[bool]string{true: "1", false: "0"}[rep.Has(msg, k)]
				}
				if !ok || bitsOf(uint64(rep.W), 2) != w || got != b {
					t.Errorf("%s: window %d = %d %s, %v, want %s %s", v.Hex, i, rep.W, got, ok, w, b)
				}
			}
			parsed++
			continue
		}
		m, err := p.ParseFragment(msg, 8*len(msg))
		ok := err == nil && bitsOf(uint64(m.W), 2) == v.Fields["W"] && bitsOf(uint64(m.FCN), 3) == v.Fields["FCN"]
		switch {
		case v.Fields["FCN"] == "111" && v.Fields["RCS"] == "":
			ok = ok && m.Kind == MessageSenderAbort
		case v.Fields["FCN"] == "111":
			ok = ok && m.Kind == MessageAll1 && bitsOf(uint64(m.RCS), 3) == v.Fields["RCS"]
		default:
			ok = ok && m.Kind == MessageRegular
		}
		if !ok || hex.EncodeToString(msg[m.OffBits/8:m.OffBits/8+m.LenBits/8]) != v.Payload {
			t.Errorf("%s: %+v, %v, want %v %s", v.Hex, m, err, v.Fields, v.Payload)
		}
		parsed++
	}
	t.Logf("%d sequences, %d messages", len(file.Sequences), parsed)
}

// TestInteropPySCHCMessages takes the messages of PySCHC's tests apart.
func TestInteropPySCHCMessages(t *testing.T) {
	var file struct {
		Vectors []struct{ Hex, Message, Fields string }
	}
	interopJSON(t, "frag_messages_pyschc.json", &file)
	var up, down Profile
	u, d := LoRaWANUp(), LoRaWANDown()
	if up.Init(u.Rule, &u.Fragmentation) != nil || down.Init(d.Rule, &d.Fragmentation) != nil {
		t.Fatal("profiles")
	}
	parsed := 0
	for _, v := range file.Vectors {
		msg, _ := hex.DecodeString(v.Hex)
		p := &up
		if strings.HasSuffix(v.Message, "-downlink") {
			p = &down
		}
		field := func(name string) string {
			_, rest, _ := strings.Cut(v.Fields, name)
			word, _, _ := strings.Cut(rest, " ")
			return word
		}
		var m Message
		var err error
		kind := map[string]MessageKind{"regular": MessageRegular, "all-1": MessageAll1, "ack": MessageAck, "ack-req": MessageAckReq,
			"receiver-abort": MessageReceiverAbort}[strings.TrimSuffix(v.Message, "-downlink")]
		if kind == MessageAck || kind == MessageReceiverAbort {
			m, err = p.ParseAck(msg, 8*len(msg))
		} else {
			m, err = p.ParseFragment(msg, 8*len(msg))
		}
		if err != nil || m.Kind != kind || bitsOf(uint64(m.W), int(p.f.WBits)) != field("W=") {
			t.Errorf("%s: %+v, %v, want %s %s", v.Hex, m, err, v.Message, v.Fields)
			continue
		}
		if kind == MessageAck && (field("C=") == "1") != m.C || kind != MessageAck && field("FCN=") != "" && bitsOf(uint64(m.FCN), int(p.f.FCNBits)) != field("FCN=") {
			t.Errorf("%s: %+v, want %s", v.Hex, m, v.Fields)
		}
		if kind == MessageAll1 && bitsOf(uint64(m.RCS), 32) != bitsOf(0xacde3214, 32) {
			t.Errorf("%s: RCS %x", v.Hex, m.RCS)
		}
		if b := field("bitmap "); b != "" {
			rep, _ := p.Report(msg, 8*len(msg), 0)
			for i, c := range b {
				if rep.Has(msg, uint32(i)) != (c == '1') {
					t.Errorf("%s: tile %d", v.Hex, i)
				}
			}
		}
		parsed++
	}
	t.Logf("%d messages", parsed)
}
