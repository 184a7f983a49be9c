package schc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/internal/bitio"
)

// fuzzBytes gives bytes of the fuzzer's input one by one, then zeros.
type fuzzBytes []byte

func (b *fuzzBytes) next() int {
	if len(*b) == 0 {
		return 0
	}
	v := (*b)[0]
	*b = (*b)[1:]
	return int(v)
}

// take returns the next n bytes, or fewer.
func (b *fuzzBytes) take(n int) []byte {
	n = min(n, len(*b))
	v := (*b)[:n:n]
	*b = (*b)[n:]
	return v
}

// fuzzProfile makes a Profile of the input: one of the named ones, or any.
func fuzzProfile(b *fuzzBytes) (p Profile) {
	named := Profiles()
	k := b.next()
	n := named[k%len(named)]
	if k >= 128 {
		id := RuleID{uint32(b.next()), 8}
		flags, more := b.next(), b.next()
		f := Fragmentation{Mode: FragmentationMode(1 + k%3), Direction: DirUp, L2WordBits: uint8(b.next()), DTagBits: uint8(b.next() % 33),
			WBits: uint8(b.next() % 33), FCNBits: uint8(1 + b.next()%32), WindowSize: uint16(b.next()), TileBits: uint16(b.next() * 3),
			All1Data: All1Data(flags & 3), AckBehavior: AckBehavior(flags >> 2 & 3), PenultimateShort: flags&16 != 0, CompoundAck: flags&32 != 0,
			FullLastBitmap: flags&64 != 0, AckOnRepair: flags&128 != 0, AttemptsPerAck: more&1 != 0, NoAckReq: more&2 != 0, All1Empty: more&4 != 0,
			HeaderPad: more&8 != 0, CountDown: more&16 != 0, UplinkAckMs: uint32(more & 32), ListenMs: uint32(more & 64),
			MaxAckRequests: uint8(b.next()), MaxInterleaved: uint8(b.next())}
		if f.Mode == FragmentationNoAck {
			f.WBits = 0
		}
		if f.Mode == FragmentationAckAlways {
			f.WBits = 1
			f.CompoundAck, f.AckOnRepair, f.PenultimateShort = false, false, false
		}
		if more&128 != 0 {
			f.RCSAlgorithm, f.RCSBits = RCSFragments, 8
		}
		if p.Init(id, &f) == nil {
			n.Rule, n.Fragmentation = id, f
		}
	}
	n.Fragmentation.InactivityMs, n.Fragmentation.RetransmissionMs = 100_000, 1000
	if err := p.Init(n.Rule, &n.Fragmentation); err != nil {
		panic(n.Fragmentation.Check(n.Rule))
	}
	return p
}

// fuzzSeeds adds the messages of all vectors, in the form that the targets
// read: a profile, then commands.
func fuzzSeeds(f *testing.F, from string, command byte) {
	files, _ := filepath.Glob(filepath.Join(fragVectorDir, "*.json"))
	for _, name := range files {
		data, err := os.ReadFile(name)
		var v fragFile
		if err != nil || json.Unmarshal(data, &v) != nil {
			f.Fatal(name)
		}
		for _, g := range v.Groups {
			id, _ := fragmentation(&g.Rule)
			for k, n := range Profiles() {
				if n.Rule != id {
					continue
				}
				for _, t := range g.Tests {
					seed := []byte{byte(k)}
					for _, st := range t.Steps {
						if st.From == from && !st.Lost {
							msg, _ := hex.DecodeString(st.Msg)
							msg = msg[:min(len(msg), 255)]
							seed = append(append(seed, command, byte(len(msg))), msg...)
						}
						seed = append(seed, 2, 200)
					}
					f.Add(seed)
				}
			}
		}
	}
}

// FuzzReceiver: any bytes at any time. It never panics, holds no more than its
// sessions, sends only what parses and fits, delivers only what the RCS says,
// and comes to rest.
func FuzzReceiver(f *testing.F) {
	fuzzSeeds(f, "sender", 0)
	f.Fuzz(func(t *testing.T, data []byte) {
		b := fuzzBytes(data)
		p := fuzzProfile(&b)
		var r Receiver
		n := b.next() % 4
		r.Reset([]Profile{p}, make([]Session, n), make([]byte, n*(20+16*b.next())))
		now, buf := uint64(0), make([]byte, 64)
		next := func(room int) (busy bool) {
			out, err := r.Next(buf, room, now)
			if out.Bits > 0 {
				if out.Bits > min(room, 8*len(buf)) || len(out.Msg) != (out.Bits+7)/8 {
					t.Fatalf("Next(%d) = %d bits", room, out.Bits)
				}
				if m, err := p.ParseAck(out.Msg, out.Bits); err != nil || m.Kind != out.Kind {
					t.Fatalf("%+v: Next = %x (%d bits): %+v, %v", p.f, out.Msg, out.Bits, m, err)
				}
			}
			if out.Deadline < now || err != nil && out.Bits > 0 {
				t.Fatalf("Next at %d = %+v, %v", now, out, err)
			}
			return out.Bits > 0 || out.Event.Kind != EventNone
		}
		for len(b) > 0 {
			switch cmd := b.next() % 4; cmd {
			case 0, 1:
				msg := bytes.Clone(b.take(b.next()))
				if cmd == 1 && 8*len(msg) >= p.hdr { // a message of this Rule
					bitio.Put(msg, 0, int(p.id.Bits), uint64(p.id.Value))
				}
				bits := 8*len(msg) - b.next()%2*(b.next()%9)
				if p.l2 == 8 {
					bits = 8 * len(msg)
				}
				keep := bytes.Clone(msg)
				ev, err := r.Receive(msg, bits, now)
				if !bytes.Equal(msg, keep) {
					t.Fatal("the message was changed")
				}
				if err != nil && (ev.Kind != EventNone || ev.Replaced) {
					t.Fatalf("Receive(%x, %d) = %+v, %v", msg, bits, ev, err)
				}
				if ev.Kind == EventPacket {
					m, err := p.ParseFragment(msg, bits)
					if err != nil || len(ev.Packet) != (ev.Bits+7)/8 || !zeroBits(ev.Packet, ev.Bits, 8*len(ev.Packet)) {
						t.Fatalf("Receive(%x, %d) = %+v", msg, bits, ev)
					}
					if m.Kind == MessageAll1 && p.f.RCSAlgorithm == RCSCRC32 && CRC32(ev.Packet, ev.Bits) != m.RCS {
						t.Fatalf("Receive(%x) delivers %x, RCS %x", msg, ev.Packet, m.RCS)
					}
				}
			case 2:
				next(8 * b.next())
			case 3:
				now += uint64(b.next()) << (b.next() % 12)
			}
			if r.Active() > n || r.Held() > n {
				t.Fatal("more sessions than there are")
			}
		}
		buf = make([]byte, 20_000)
		for i := 0; r.Held() > 0; i++ {
			if i > 2000 {
				t.Fatalf("%+v: does not come to rest", p.f)
			}
			if !next(8 * len(buf)) {
				if d := r.deadline(now, false); d != Never {
					now = max(now, d)
				}
			}
		}
	})
}

// FuzzSender: any bytes at any time. It never panics, sends only what parses
// and fits, and comes to rest.
func FuzzSender(f *testing.F) {
	fuzzSeeds(f, "receiver", 3)
	f.Fuzz(func(t *testing.T, data []byte) {
		b := fuzzBytes(data)
		p := fuzzProfile(&b)
		var s Sender
		bits := 1 + b.next()<<4 | b.next()&15
		packet := figurePacket(bits, 1)
		s.Reset(&p, make([]byte, 4*b.next()+p.SenderBytes(bits)))
		now, buf := uint64(0), make([]byte, 64)
		most := 8 * 64
		sent := 0
		next := func(room int) {
			out, err := s.Next(buf, room, now)
			if out.Bits > 0 {
				sent++
				if err != nil || out.Bits > min(room, 8*len(buf)) || len(out.Msg) != (out.Bits+7)/8 {
					t.Fatalf("Next(%d) = %d bits, %v", room, out.Bits, err)
				}
				m, err := p.ParseFragment(out.Msg, out.Bits)
				if err != nil || m.Kind != out.Kind || m.DTag != s.DTag() {
					t.Fatalf("%+v: Next = %x (%d bits, %v): %+v, %v", p.f, out.Msg, out.Bits, out.Kind, m, err)
				}
				if p.checkMessage(&m) != nil {
					t.Fatalf("%+v: Next = %x (%d bits, %v), which a receiver refuses", p.f, out.Msg, out.Bits, out.Kind)
				}
			}
			if s.Active() && err == nil && out.Deadline < now && out.Deadline != s.Deadline() {
				t.Fatalf("Next at %d = %+v", now, out)
			}
		}
		for len(b) > 0 {
			switch cmd := b.next() % 6; cmd {
			case 0:
				_ = s.Start(packet, bits, uint32(b.next()), now)
				sent = 0
			case 1, 2:
				next(8 * b.next())
			case 3, 4:
				msg := bytes.Clone(b.take(b.next()))
				if cmd == 4 && 8*len(msg) >= p.ackHdr { // a message for this packet
					bitio.Put(msg, 0, int(p.id.Bits), uint64(p.id.Value))
					bitio.Put(msg, int(p.id.Bits), int(p.f.DTagBits), uint64(s.DTag()))
				}
				keep := bytes.Clone(msg)
				_ = s.Receive(msg, 8*len(msg)-b.next()%2*(b.next()%9), now)
				if !bytes.Equal(msg, keep) {
					t.Fatal("the message was changed")
				}
			case 5:
				if v := b.next(); v == 255 {
					s.Abort(now)
				} else {
					now += uint64(v) << (b.next() % 8)
				}
			}
		}
		buf = make([]byte, 2048)
		most = 8 * len(buf)
		for i := 0; s.Active(); i++ {
			if i > 3*bits+1000 {
				t.Fatalf("%+v: %d bits: does not come to rest", p.f, bits)
			}
			next(most)
			if s.State() == SenderWaiting {
				if s.Deadline() == Never {
					t.Fatalf("%+v: waits without a timer", p.f)
				}
				now = max(now, s.Deadline())
			}
		}
		if s.State() == SenderIdle && sent > 0 && s.Deadline() != Never {
			t.Fatal("idle with a deadline")
		}
	})
}

// TestHostileReceiver: a receiver that always reports everything missing does
// not keep a sender busy for ever.
func TestHostileReceiver(t *testing.T) {
	for _, n := range Profiles() {
		if n.Fragmentation.Mode == FragmentationNoAck {
			continue
		}
		for _, per := range []bool{false, true} {
			f := n.Fragmentation
			f.AttemptsPerAck = per
			if f.TileBits == 8 {
				f.TileBits = 120
			}
			var p Profile
			if err := p.Init(n.Rule, &f); err != nil {
				t.Fatal(err)
			}
			var s Sender
			s.Reset(&p, make([]byte, 512))
			bits := 8 * 200
			if err := s.Start(figurePacket(bits, 1), bits, 0, 0); err != nil {
				t.Fatal(err)
			}
			slow := slowFrag{n.Rule, f, 0}
			buf, now, sent := make([]byte, 512), uint64(0), 0
			mtu := 400
			if f.RCSAlgorithm == RCSFragments {
				mtu = p.regHdr + int(f.TileBits)
			}
			for ; s.Active(); sent++ {
				out, err := s.Next(buf, mtu, now)
				if err != nil {
					t.Fatal(err)
				}
				if out.Listen {
					for w := uint32(0); w <= p.maxW(); w++ {
						m := slow.failure([]uint32{w}, []string{zeros(int(p.f.WindowSize), "")})
						_ = s.Receive(packBits(m), len(m), now)
					}
				}
				if s.State() == SenderWaiting {
					now = s.Deadline()
				}
				if sent > 20_000 {
					t.Fatalf("%s, per ACK %v: still busy", n.Name, per)
				}
			}
			t.Logf("%s, per ACK %v: %d messages, %v", n.Name, per, sent, s.Reason())
		}
	}
}
