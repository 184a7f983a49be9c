package schc

import (
	"crypto/aes"
	"encoding/hex"
	"hash/crc32"
	"math/rand"
	"strings"
	"testing"
	"unsafe"
)

// TestCRC32 compares with hash/crc32 for every number of bits.
func TestCRC32(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	b := make([]byte, 40)
	r.Read(b)
	for n := 0; n <= 8*len(b)+70; n++ {
		s := unpackBits(b, min(n, 8*len(b)))
		s += strings.Repeat("0", n-len(s))
		if got, want := CRC32(b, n), crc32.ChecksumIEEE(packBits(s)); got != want {
			t.Fatalf("CRC32(%x, %d) = %08x, want %08x", b, n, got, want)
		}
	}
}

func TestBitmap(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for i := 0; i < 2000; i++ {
		n := uint32(r.Intn(70))
		b := make(bitmap, 9)
		s := make([]byte, n)
		for j := range s {
			if s[j] = '0'; r.Intn(4) > 0 {
				s[j] = '1'
				b.set(uint32(j))
			}
		}
		text := string(s)
		first := strings.IndexByte(text, '1')
		if first < 0 {
			first = int(n)
		}
		from := uint32(r.Intn(int(n) + 1))
		to := from + uint32(r.Intn(int(n-from)+1))
		if b.first(n) != uint32(first) || b.count(n) != uint32(strings.Count(text, "1")) || b.full(from, to) != !strings.Contains(text[from:to], "0") {
			t.Fatalf("%s: first %d, count %d, full(%d, %d) %v", text, b.first(n), b.count(n), from, to, b.full(from, to))
		}
	}
}

// TestBitmapFigures: Figures 16 to 19 of RFC 8724. What the header has is seen
// from where the L2 Word boundary is drawn.
func TestBitmapFigures(t *testing.T) {
	for _, v := range []struct {
		figure string
		id     RuleID // and W is 1 bit, C 1 bit
		ws     uint16
		bitmap string
		want   string // behind the header
	}{
		{"16, 17", RuleID{0x15, 5 + 6}, 17, "10111111111111111", "101"},
		{"18", RuleID{0x15, 5}, 7, "1010111", "1010111" + "00"},
		{"19", RuleID{0x15, 5}, 7, "1111111", "1"},
		{"header of whole bytes, all ones", RuleID{0x15, 6}, 7, "1111111", ""},
	} {
		f := Fragmentation{Mode: FragmentationAckAlways, Direction: DirUp, WBits: 1, FCNBits: 5, WindowSize: v.ws}
		var p Profile
		if err := p.Init(v.id, &f); err != nil {
			t.Fatal(f.Check(v.id))
		}
		var r Receiver
		r.Reset([]Profile{p}, make([]Session, 1), make([]byte, p.SessionBytes()))
		slow := slowFrag{v.id, f, 0}
		for i, c := range v.bitmap {
			if c == '1' {
				// Tiles of 10 bytes and what aligns the header.
				pad := (8 - (int(v.id.Bits)+1+5)%8) % 8
				m := slow.regular(0, uint32(v.ws)-1-uint32(i), strings.Repeat("1", 80+pad))
				if _, err := r.Receive(packBits(m), len(m), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		buf := make([]byte, 16)
		r.sessions[0].wantAck = true
		out, err := r.Next(buf, 128, 0)
		head := int(v.id.Bits) + 2
		if err != nil || unpackBits(out.Msg, out.Bits)[head:] != v.want {
			t.Errorf("Figure %s: ACK %s, %v, want the header and %s", v.figure, unpackBits(out.Msg, out.Bits), err, v.want)
		}
		if want := slow.failure([]uint32{0}, []string{v.bitmap}); want != unpackBits(out.Msg, out.Bits) {
			t.Errorf("Figure %s: the reference gives %s", v.figure, want)
		}
		rep, ok := p.Report(out.Msg, out.Bits, 0)
		for i, c := range v.bitmap {
			if !ok || rep.Has(out.Msg, uint32(i)) != (c == '1') {
				t.Errorf("Figure %s: tile %d is not read back", v.figure, i)
			}
		}
	}
}

// TestMessages compares the messages with the readable reference, for headers
// of all sizes.
func TestMessages(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for i := 0; i < 3000; i++ {
		bits := uint8(r.Intn(33))
		id := RuleID{r.Uint32() & lowOnes(bits), bits}
		f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, L2WordBits: uint8(1 + r.Intn(40)), DTagBits: uint8(r.Intn(33)),
			WBits: uint8(1 + r.Intn(32)), FCNBits: uint8(1 + r.Intn(32)), WindowSize: uint16(1 + r.Intn(40)), CompoundAck: true,
			All1Data: All1DataYes, TileBits: 100, HeaderPad: r.Intn(2) == 0, FullLastBitmap: r.Intn(2) == 0}
		var p Profile
		if p.Init(id, &f) != nil {
			continue // the window does not fit the FCN
		}
		dtag, w := r.Uint32()&lowOnes(f.DTagBits), r.Uint32()&lowOnes(f.WBits)
		slow := slowFrag{id, f, dtag}
		payload := unpackBits(figurePacket(100, uint32(i)), 100)
		fcn := uint32(r.Intn(int(f.WindowSize)))
		check := func(what, want string, m Message, err error, kind MessageKind) {
			t.Helper()
			if err != nil || m.Kind != kind || m.DTag != dtag || m.W != w {
				t.Fatalf("%+v: %s %s: %+v, %v, want W=%d", f, what, want, m, err, w)
			}
		}
		m := slow.regular(w, fcn, payload)
		got, err := p.ParseFragment(packBits(m), len(m))
		check("regular", m, got, err, MessageRegular)
		if got.FCN != fcn || got.OffBits+got.LenBits != len(m) || m[got.OffBits:got.OffBits+100] != payload {
			t.Fatalf("regular %s: %+v", m, got)
		}
		buf := make([]byte, 64)
		if n := p.putFragment(buf, dtag, w, fcn, p.regHdr, packBits(payload), 0, 100); unpackBits(buf, n) != m {
			t.Fatalf("regular: %s, want %s", unpackBits(buf, n), m)
		}
		m = slow.all1(w, 0x12345678, payload)
		got, err = p.ParseFragment(packBits(m), len(m))
		check("all-1", m, got, err, MessageAll1)
		if got.RCS != 0x12345678 || m[got.OffBits:got.OffBits+100] != payload {
			t.Fatalf("all-1 %s: %+v", m, got)
		}
		m = slow.ackReq(w)
		got, err = p.ParseFragment(packBits(m), len(m))
		check("ack req", m, got, err, MessageAckReq)
		m = slow.success(w)
		got, err = p.ParseAck(packBits(m), len(m))
		check("success", m, got, err, MessageAck)

		// A Compound ACK with rising windows.
		ws, bs := []uint32{w}, []string{randomBits(r, int(f.WindowSize))}
		for k := r.Intn(4); k > 0 && w < lowOnes(f.WBits); k-- {
			ws, bs = append(ws, ws[len(ws)-1]+1+uint32(r.Intn(3))), append(bs, randomBits(r, int(f.WindowSize)))
			if ws[len(ws)-1] > lowOnes(f.WBits) || ws[len(ws)-1] < w {
				ws, bs = ws[:len(ws)-1], bs[:len(bs)-1]
				break
			}
		}
		m = slow.failure(ws, bs)
		got, err = p.ParseAck(packBits(m), len(m))
		check("failure", m, got, err, MessageAck)
		for k := range ws {
			rep, ok := p.Report(packBits(m), len(m), k)
			if !ok || rep.W != ws[k] {
				t.Fatalf("%+v: %v %v as %s: report %d = %+v, %v", f, ws, bs, m, k, rep, ok)
			}
			for j, c := range bs[k] {
				if rep.Has(packBits(m), uint32(j)) != (c == '1') {
					t.Fatalf("%+v: %v %v as %s: report %d, tile %d", f, ws, bs, m, k, j)
				}
			}
		}
		if rep, ok := p.Report(packBits(m), len(m), len(ws)); ok {
			t.Fatalf("%+v: %v %v as %s: report %+v too many", f, ws, bs, m, rep)
		}
		w = lowOnes(f.WBits)
		m = slow.senderAbort()
		got, err = p.ParseFragment(packBits(m), len(m))
		check("sender-abort", m, got, err, MessageSenderAbort)
		m = slow.receiverAbort()
		got, err = p.ParseAck(packBits(m), len(m))
		check("receiver-abort", m, got, err, MessageReceiverAbort)
		if n := p.putReceiverAbort(zeroed(buf), dtag); unpackBits(buf, n) != m {
			t.Fatalf("receiver-abort: %s, want %s", unpackBits(buf, n), m)
		}
	}
}

func zeroed(b []byte) []byte { clear(b); return b }

func randomBits(r *rand.Rand, n int) string {
	s := make([]byte, n)
	for i := range s {
		s[i] = '0' + byte(min(r.Intn(5), 1))
	}
	return string(s)
}

func TestParseErrors(t *testing.T) {
	f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, WBits: 2, FCNBits: 3, TileBits: 80}
	var p Profile
	if err := p.Init(RuleID{9, 4}, &f); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		hex  string
		bits int
		ack  bool
		want error
	}{
		{"", 0, false, ErrNoRule},
		{"90", 8, false, ErrTruncated},
		{"9000", 15, false, ErrMalformed},
		{"9000", 24, false, ErrMalformed},
		{"a000", 16, false, ErrNoRule},
		{"9000", 16, false, nil},          // ACK REQ
		{"9380", 16, false, ErrMalformed}, // Sender-Abort with W = 0
		{"9f80", 16, false, nil},          // Sender-Abort
		{"938000", 24, false, ErrTruncated},
		{"9380000000", 40, false, ErrTruncated},
		{"938000000000", 48, false, nil}, // All-1 without a tile
		{"92", 8, true, nil},
		{"93", 8, true, ErrMalformed}, // padding
		{"9fff", 16, true, nil},       // Receiver-Abort
		{"9bff", 16, true, ErrMalformed},
		{"9ffe", 16, true, ErrMalformed},
		{"9fffff", 24, true, ErrMalformed},
		{"90ff", 16, true, ErrMalformed}, // behind the bitmap
		{"90", 8, true, nil},             // a bitmap of one bit, then ones
		{"9000", 16, true, nil},
		{"900000", 24, true, ErrMalformed},
	} {
		msg, _ := hex.DecodeString(v.hex)
		var err error
		if v.ack {
			_, err = p.ParseAck(msg, v.bits)
		} else {
			_, err = p.ParseFragment(msg, v.bits)
		}
		if err != v.want {
			t.Errorf("parse %s, %d bits, ack %v: %v, want %v", v.hex, v.bits, v.ack, err, v.want)
		}
	}
}

func TestProfileErrors(t *testing.T) {
	good := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, WBits: 1, FCNBits: 3, TileBits: 80}
	for _, v := range []struct {
		text string
		edit func(id *RuleID, f *Fragmentation)
		want Error
	}{
		{"", func(id *RuleID, f *Fragmentation) {}, 0},
		{"RuleID", func(id *RuleID, f *Fragmentation) { id.Value = 16 }, ErrMalformed},
		{"mode", func(id *RuleID, f *Fragmentation) { f.Mode = 0 }, ErrMalformed},
		{"direction", func(id *RuleID, f *Fragmentation) { f.Direction = DirBidirectional }, ErrMalformed},
		{"FCN", func(id *RuleID, f *Fragmentation) { f.FCNBits = 0 }, ErrMalformed},
		{"more than 32", func(id *RuleID, f *Fragmentation) { f.DTagBits = 33 }, ErrMalformed},
		{"interleaved", func(id *RuleID, f *Fragmentation) { f.DTagBits, f.MaxInterleaved = 1, 3 }, ErrMalformed},
		{"No-ACK", func(id *RuleID, f *Fragmentation) { f.Mode = FragmentationNoAck }, ErrMalformed},
		{"1 bit", func(id *RuleID, f *Fragmentation) { f.Mode, f.WBits = FragmentationAckAlways, 2 }, ErrMalformed},
		{"no W", func(id *RuleID, f *Fragmentation) { f.WBits = 0 }, ErrMalformed},
		{"WINDOW_SIZE", func(id *RuleID, f *Fragmentation) { f.WindowSize = 8 }, ErrMalformed},
		{"no tile size", func(id *RuleID, f *Fragmentation) { f.TileBits = 0 }, ErrMalformed},
		{"smaller than an L2 Word", func(id *RuleID, f *Fragmentation) { f.TileBits = 7 }, ErrMalformed},
		{"complement", func(id *RuleID, f *Fragmentation) { f.Mode, f.TileBits = FragmentationAckAlways, 83 }, ErrMalformed},
		{"penultimate", func(id *RuleID, f *Fragmentation) { f.PenultimateShort, f.TileBits = true, 15 }, ErrMalformed},
		{"same length", func(id *RuleID, f *Fragmentation) { f.L2WordBits, f.TileBits = 64, 80 }, ErrMalformed},
		{"32", func(id *RuleID, f *Fragmentation) { f.RCSBits = 16 }, ErrUnsupported},
		{"algorithm", func(id *RuleID, f *Fragmentation) { f.RCSAlgorithm = 9 }, ErrUnsupported},
		{"counts fragments", func(id *RuleID, f *Fragmentation) { f.RCSAlgorithm = RCSFragments }, ErrMalformed},
		{"do not fit", func(id *RuleID, f *Fragmentation) {
			f.RCSAlgorithm, f.All1Data, f.RCSBits, f.HeaderPad = RCSFragments, All1DataYes, 2, true
		}, ErrMalformed},
		{"another mode", func(id *RuleID, f *Fragmentation) {
			f.Mode, f.TileBits, f.CompoundAck = FragmentationAckAlways, 0, true
		}, ErrMalformed},
		{"empty", func(id *RuleID, f *Fragmentation) { f.All1Empty = true }, ErrMalformed},
		{"counts down", func(id *RuleID, f *Fragmentation) { f.CountDown = true }, ErrMalformed},
		{"fixed length", func(id *RuleID, f *Fragmentation) { f.FragmentBytes = 12 }, ErrUnsupported},
		{"fixed length", func(id *RuleID, f *Fragmentation) { f.AckBytes = 8 }, ErrMalformed},
		{"Receiver-Abort", func(id *RuleID, f *Fragmentation) { f.AckBytes, f.FullLastBitmap = 1, true }, ErrMalformed},
	} {
		id, f := RuleID{9, 4}, good
		v.edit(&id, &f)
		var p Profile
		err := p.Init(id, &f)
		if v.want == 0 {
			if err != nil || f.Check(id) != nil {
				t.Errorf("Init = %v, %v", err, f.Check(id))
			}
			continue
		}
		check := f.Check(id)
		if err != v.want || check == nil || !strings.Contains(check.Error(), v.text) {
			t.Errorf("Init = %v, Check = %v, want %v, %q", err, check, v.want, v.text)
		}
	}
}

// TestLoRaWANIID is Figure 6 of RFC 9011.
func TestLoRaWANIID(t *testing.T) {
	key, _ := hex.DecodeString("00aabbccddeeff00aabbccddeeffaabb")
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	var scratch [32]byte
	iid := LoRaWANIID(block, [8]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}, &scratch)
	if got := hex.EncodeToString(iid[:]); got != "4e822d9775b26499" {
		t.Errorf("LoRaWANIID = %s, want 4e822d9775b26499", got)
	}
}

// TestProfiles: the named profiles are valid, their notes say what they have,
// a packet of the largest size goes through.
func TestProfiles(t *testing.T) {
	for _, n := range Profiles() {
		var p Profile
		if err := p.Init(n.Rule, &n.Fragmentation); err != nil {
			t.Errorf("%s: %v", n.Name, n.Fragmentation.Check(n.Rule))
			continue
		}
		f := p.Fragmentation()
		b := func(v bool) string { return map[bool]string{true: "true", false: "false"}[v] }
		u := func(v int) string { return utoa(uint32(v)) }
		values := map[string]string{
			"rule-id-value": u(int(n.Rule.Value)), "rule-id-length": u(int(n.Rule.Bits)), "fragmentation-mode": f.Mode.String(),
			"l2-word-size": u(int(f.L2WordBits)), "dtag-size": u(int(f.DTagBits)), "w-size": u(int(f.WBits)), "fcn-size": u(int(f.FCNBits)),
			"window-size": u(int(f.WindowSize)), "tile-size": u(int(f.TileBits)), "penultimate-short": b(f.PenultimateShort),
			"tile-in-all-1": name(fragTiles, f.All1Data), "rcs-algorithm": name(fragRCSs, f.RCSAlgorithm), "rcs-size": u(int(f.RCSBits)),
			"ack-behavior": name(fragAcks, f.AckBehavior), "max-ack-requests": u(int(f.MaxAckRequests)),
			"retransmission-timer": u(int(f.RetransmissionMs)), "inactivity-timer": u(int(f.InactivityMs)), "uplink-ack-timer": u(int(f.UplinkAckMs)),
			"listen-timer": u(int(f.ListenMs)), "maximum-packet-size": u(int(f.MaxPacket)), "header-padding": b(f.HeaderPad),
			"empty-last-tile": b(f.All1Empty), "fcn-counts-down": b(f.CountDown), "ack-req": b(!f.NoAckReq),
			"bitmap-format":           map[bool]string{true: "bitmap-compound-ack", false: "bitmap-RFC8724"}[f.CompoundAck],
			"last-bitmap-compression": b(!f.FullLastBitmap), "fragment-bytes": u(int(f.FragmentBytes)), "ack-bytes": u(int(f.AckBytes)),
		}
		seen := map[string]bool{}
		for _, line := range strings.Split(strings.TrimSuffix(n.Notes, "\n"), "\n") {
			w := strings.Split(line, "\t")
			if len(w) < 3 || len(w) > 4 || seen[w[0]] || w[2] == "" {
				t.Errorf("%s: note %q", n.Name, line)
				continue
			}
			seen[w[0]] = true
			if have, ok := values[w[0]]; !ok || have != w[1] {
				t.Errorf("%s: %s is %s, the note says %s", n.Name, w[0], have, w[1])
			}
		}
		if !seen["fragmentation-mode"] || !seen["fcn-size"] || !seen["max-ack-requests"] && f.Mode != FragmentationNoAck {
			t.Errorf("%s: notes lack parameters: %v", n.Name, seen)
		}
		most := 8 * int(f.MaxPacket)
		if f.Mode == FragmentationAckOnError {
			most = min(most, int(p.maxTiles())*int(f.TileBits)-8)
		}
		largest(t, n.Name, &p, most)
	}
}

// largest sends one packet over a good link.
func largest(t *testing.T, name string, p *Profile, bits int) {
	t.Helper()
	var s Sender
	var r Receiver
	packet := figurePacket(bits, 1)
	s.Reset(p, make([]byte, p.SenderBytes(bits)))
	r.Reset([]Profile{*p}, make([]Session, 1), make([]byte, p.SessionBytes()))
	if err := s.Start(packet, bits, 0, 0); err != nil {
		t.Errorf("%s: %d bits: %v", name, bits, err)
		return
	}
	mtu := 8 * 64
	if p.f.TileBits > 0 {
		mtu = p.up(p.all1Hdr + int(p.f.TileBits) + 8)
		if p.f.RCSAlgorithm == RCSFragments {
			mtu = p.up(p.regHdr + int(p.f.TileBits))
		}
	}
	buf, now := make([]byte, 256), uint64(0)
	for i := 0; i < 100_000 && s.Active(); i++ {
		out, err := s.Next(buf, mtu, now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out.Bits == 0 {
			ans, err := r.Next(buf, 8*len(buf), now)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if ans.Bits == 0 {
				now = out.Deadline
				continue
			}
			if err := s.Receive(ans.Msg, ans.Bits, now); err != nil {
				t.Fatalf("%s: Receive(%x) = %v", name, ans.Msg, err)
			}
			continue
		}
		ev, err := r.Receive(out.Msg, out.Bits, now)
		if err != nil || ev.Kind > EventPacket {
			t.Fatalf("%s: Receive(%x) = %+v, %v", name, out.Msg, ev, err)
		}
		if ev.Kind == EventPacket && unpackBits(ev.Packet, bits) != unpackBits(packet, bits) {
			t.Fatalf("%s: delivered %x", name, ev.Packet)
		}
	}
	if s.State() != SenderDone {
		t.Errorf("%s: state %v, %v", name, s.State(), s.Reason())
	}
}

// TestStateSizes reports what firmware needs, and notices growth.
func TestStateSizes(t *testing.T) {
	var s Sender
	var n Session
	var r Receiver
	var p Profile
	t.Logf("on this machine: Sender %d, Session %d, Receiver %d, Profile %d bytes", unsafe.Sizeof(s), unsafe.Sizeof(n), unsafe.Sizeof(r), unsafe.Sizeof(p))
	for _, np := range Profiles() {
		if err := p.Init(np.Rule, &np.Fragmentation); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-20s sender %4d bytes, session %5d bytes for packets of %d bytes", np.Name, p.SenderBytes(8*int(p.f.MaxPacket)), p.SessionBytes(), p.f.MaxPacket)
	}
	if unsafe.Sizeof(s) > 184 || unsafe.Sizeof(n) > 184 {
		t.Errorf("Sender has %d, Session %d bytes, want at most 184", unsafe.Sizeof(s), unsafe.Sizeof(n))
	}
}
