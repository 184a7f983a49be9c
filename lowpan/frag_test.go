package lowpan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand"
	"testing"
)

// frames are all frames of a packet.
func frames(t testing.TB, pkt []byte, link Link, tab *Table, opts Options, tag uint16, mtu int) (all [][]byte) {
	t.Helper()
	var f Fragmenter
	if err := f.Reset(pkt, link, tab, opts, tag, mtu); err != nil {
		t.Fatalf("Reset(%s, mtu %d): %v", name(pkt), mtu, err)
	}
	for more := true; more; {
		b, m, err := f.AppendFrame([]byte("p"))
		if err != nil || b[0] != 'p' {
			t.Fatalf("AppendFrame(%s, mtu %d) = %x, %v", name(pkt), mtu, b, err)
		}
		if len(b)-1 > mtu || len(b) == 1 {
			t.Fatalf("AppendFrame(%s, mtu %d): %d bytes", name(pkt), mtu, len(b)-1)
		}
		all, more = append(all, b[1:]), m
	}
	if b, more, err := f.AppendFrame([]byte("p")); string(b) != "p" || more || err != nil {
		t.Fatalf("AppendFrame behind the last: %x, %v, %v", b, more, err)
	}
	return all
}

func newReassembler(slots, size int) *Reassembler {
	r := new(Reassembler)
	for i := 0; i < slots; i++ {
		r.Slots = append(r.Slots, Slot{Buf: make([]byte, size)})
	}
	return r
}

// TestFragments sends random packets in frames of all sizes, and the frames
// in random order.
func TestFragments(t *testing.T) {
	const seed = 4944
	ghc := newGHC()
	count, plain, short := 0, 0, 0
	for s := int64(seed); s < seed+60; s++ {
		g := newGen(s)
		r := newReassembler(2, MaxDatagram)
		for i := 0; i < 12; i++ {
			pkt := g.packet(2)
			if lengthAgrees(pkt) && g.Intn(2) == 0 { // a longer one
				more := make([]byte, g.Intn(1200))
				if g.Intn(2) == 0 {
					g.Read(more)
				}
				if pkt = append(pkt, more...); len(pkt) > MaxDatagram {
					pkt = pkt[:MaxDatagram]
				}
				binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
			}
			opts := Options{ElideChecksum: g.Intn(2) == 0}
			mtu := MinMTU + g.Intn(115)
			if g.Intn(3) == 0 && len(pkt) < 700 {
				plain += len(frames(t, pkt, g.link, g.tab, opts, uint16(i), mtu))
				opts.GHC = ghc
				short += len(frames(t, pkt, g.link, g.tab, opts, uint16(i), mtu))
			}
			all := frames(t, pkt, g.link, g.tab, opts, uint16(i), mtu)
			g.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
			for k, f := range all {
				got, done, err := r.AppendPacket([]byte("q"), f, g.link, g.tab, Options{}, uint64(i))
				if err != nil || got[0] != 'q' || done != (k == len(all)-1) || !done && len(got) != 1 || done && !bytes.Equal(got[1:], pkt) {
					t.Fatalf("seed %d, %s, mtu %d: fragment %d of %d: %x, %v, %v, want %x", s, name(pkt), mtu, k, len(all), got, done, err, pkt)
				}
				count++
				if len(all) > 1 && !done && g.Intn(4) == 0 { // again
					if got, done, err := r.AppendPacket(nil, f, g.link, g.tab, Options{}, uint64(i)); err != nil || done || len(got) > 0 {
						t.Fatalf("repeated fragment: %x, %v, %v", got, done, err)
					}
				}
			}
		}
		if n, next := r.Expire(100); n != 0 || next != 0 {
			t.Fatalf("seed %d: %d packets are left", s, n)
		}
	}
	t.Logf("%d frames; %d without GHC are %d with", count, plain, short)
}

// TestFirstFragment shows that headers that do not fit are not compressed
// (RFC 6282, Section 2).
func TestFirstFragment(t *testing.T) {
	pkt := ipv6Packet(t, 60, "11 03 0519 00010203040506070809 10111213141516171819 2021222324 010100 1633 1634 0028 beef"+
		"0000000000000000 0000000000000000 0000000000000000 0000000000000001")
	for _, v := range []struct {
		mtu  int
		want string
	}{
		// 4 + 2 IPHC + 2 + 27 NHC + 7 UDP = 42; 80 bytes of packet.
		{48, "c0700007 7e33 e7 1b"},
		{40, "c0700007 7e33 e6 11 1b"}, // UDP does not fit
		{38, "c0700007 7e33 e6 11 1b"},
		{37, "c0700007 7e33 e6 11 1b"},
		{36, "c0700007 7e33 e6 11 1b"},
		{35, "c0700007 7a33 3c 1103 0519"}, // nor the options
		{15, "c0700007 7a33 3c 1103 0519"},
		{14, "c0700007 7a33 3c e0700007 05"}, // no payload at all
	} {
		all := frames(t, pkt, testLink, nil, Options{}, 7, v.mtu)
		if got, want := bytes.Join(all, nil), mustHex(t, v.want); !bytes.HasPrefix(got, want) {
			t.Errorf("mtu %d: %x, want %x", v.mtu, got, want)
		}
	}
	// An IPHC header that does not fit either.
	copy(pkt[8:], mustHex(t, "20010db8000000010000000000000001"))
	if all := frames(t, pkt, testLink, nil, Options{}, 7, 20); !bytes.HasPrefix(all[0], mustHex(t, "c0700007 41 60")) {
		t.Errorf("%x", all[0])
	}
}

func TestFragmenterErrors(t *testing.T) {
	var f Fragmenter
	if b, more, err := f.AppendFrame([]byte("p")); string(b) != "p" || more || err != nil {
		t.Errorf("before Reset: %x, %v, %v", b, more, err)
	}
	pkt := ipv6Packet(t, 58, "80000000")
	if err := f.Reset(pkt[:39], testLink, nil, Options{}, 0, 100); err != ErrTruncated {
		t.Errorf("Reset of 39 bytes: %v", err)
	}
	if err := f.Reset(pkt, testLink, nil, Options{}, 0, MinMTU-1); err != ErrShortBuffer {
		t.Errorf("Reset with a small mtu: %v", err)
	}
	long := append(pkt, make([]byte, MaxDatagram+1-len(pkt))...)
	binary.BigEndian.PutUint16(long[4:], uint16(len(long)-40))
	if err := f.Reset(long, testLink, nil, Options{}, 0, 100); err != nil {
		t.Fatal(err)
	}
	if b, more, err := f.AppendFrame([]byte("p")); string(b) != "p" || more || err != ErrUnsupported {
		t.Errorf("packet of %d bytes: %x, %v, %v", len(long), b, more, err)
	}
	if err := f.Reset(long, testLink, nil, Options{}, 0, 5000); err != nil {
		t.Fatal(err)
	}
	if b, more, err := f.AppendFrame(nil); len(b) != len(long)-37 || more || err != nil {
		t.Errorf("a long packet in a long frame: %d bytes, %v, %v", len(b), more, err)
	}
}

// TestReassembly is a table of steps with hand-made fragments.
func TestReassembly(t *testing.T) {
	pkt := ipv6Packet(t, 59, "0102030405060708 1112131415161718 2122232425262728 313233")
	n := len(pkt) // 67
	frag := func(from, to int) []byte {
		if from == 0 {
			return append(Fragment{Kind: FragmentFirst, Size: uint16(n), Tag: 9}.append(nil), append([]byte{DispatchIPv6}, pkt[:to]...)...)
		}
		return append(Fragment{Kind: FragmentNext, Size: uint16(n), Tag: 9, Offset: uint16(from)}.append(nil), pkt[from:to]...)
	}
	// What the fragment says it is, and how it differs.
	with := func(b []byte, at int, v byte) []byte { b[at] = v; return b }
	type step struct {
		frame []byte
		now   uint64
		done  bool
		err   error
	}
	for _, v := range []struct {
		name  string
		steps []step
	}{
		{"in order", []step{{frag(0, 40), 0, false, nil}, {frag(40, 56), 1, false, nil}, {frag(56, n), 2, true, nil}}},
		{"backwards", []step{{frag(56, n), 0, false, nil}, {frag(40, 56), 1, false, nil}, {frag(0, 40), 2, true, nil}}},
		{"first one short of the header", []step{{frag(8, n), 0, false, nil}, {frag(0, 8), 1, true, nil}}},
		{"repeated", []step{{frag(0, 40), 0, false, nil}, {frag(0, 40), 1, false, nil}, {frag(56, n), 2, false, nil}, {frag(56, n), 2, false, nil}, {frag(40, 56), 2, true, nil}}},
		{"larger one begins anew", []step{{frag(0, 40), 0, false, nil}, {frag(40, 48), 0, false, nil}, {frag(40, 56), 1, false, nil}, {frag(56, n), 2, false, nil}, {frag(0, 40), 3, true, nil}}},
		{"smaller one begins anew", []step{{frag(0, 40), 0, false, nil}, {frag(40, 56), 0, false, nil}, {frag(40, 48), 1, false, nil}, {frag(48, n), 2, false, nil}, {frag(0, 40), 3, true, nil}}},
		{"shifted one begins anew", []step{{frag(0, 40), 0, false, nil}, {frag(40, 56), 0, false, nil}, {frag(48, n), 1, false, nil}, {frag(0, 40), 2, false, nil}, {frag(40, 48), 3, true, nil}}},
		{"two in one begins anew", []step{{frag(40, 48), 0, false, nil}, {frag(48, 56), 0, false, nil}, {frag(40, 56), 1, false, nil}, {frag(56, n), 2, false, nil}, {frag(0, 40), 3, true, nil}}},
		{"last one larger begins anew", []step{{frag(64, n), 0, false, nil}, {frag(56, n), 0, false, nil}, {frag(0, 56), 1, true, nil}}},
		{"all in the first", []step{{frag(0, n), 0, true, nil}}},
		{"not a multiple of 8", []step{{frag(40, 47), 0, false, ErrMalformed}}},
		{"first is not a multiple of 8", []step{{frag(0, 41), 0, false, ErrMalformed}}},
		{"empty", []step{{frag(40, 40), 0, false, ErrMalformed}}},
		{"offset 0 in FRAGN", []step{{with(frag(8, 16), 4, 0), 0, false, ErrMalformed}}},
		{"beyond the size", []step{{with(frag(56, n), 4, 8), 0, false, ErrMalformed}}},
		{"first longer than the size", []step{{with(frag(0, n), 1, 64), 0, false, ErrMalformed}}},
		{"timeout", []step{{frag(0, 40), 10, false, nil}, {frag(40, 56), 60009, false, nil}, {frag(56, n), 60010, false, nil}, {frag(0, 40), 60011, false, nil}, {frag(40, 56), 60012, true, nil}}},
		{"begun anew, with the time of that", []step{{frag(0, 40), 10, false, nil}, {frag(40, 48), 20, false, nil}, {frag(40, 56), 60009, false, nil}, {frag(56, n), 120008, false, nil}, {frag(0, 40), 120008, true, nil}}},
		{"begun anew, timeout", []step{{frag(0, 40), 10, false, nil}, {frag(40, 48), 20, false, nil}, {frag(40, 56), 60009, false, nil}, {frag(56, n), 120009, false, nil}, {frag(0, 40), 120009, false, nil}}},
		{"other tag", []step{{frag(0, 40), 0, false, nil}, {with(frag(40, n), 3, 8), 0, false, nil}, {frag(40, n), 0, true, nil}}},
		{"no slot", []step{{frag(0, 40), 0, false, nil}, {with(frag(40, n), 3, 8), 0, false, nil}, {with(frag(40, n), 3, 7), 0, false, ErrShortBuffer}, {with(frag(40, n), 3, 7), 60000, false, nil}}},
		{"no slot so large", []step{{with(frag(40, 48), 1, 200), 0, false, ErrShortBuffer}}},
		{"first of something else", []step{{append(frag(0, 0)[:4], 0x44, 1, 2), 0, false, ErrUnsupported}}},
		{"first truncated", []step{{append(frag(0, 0)[:4], 0x7a, 0x33), 0, false, ErrTruncated}}},
		{"header truncated", []step{{frag(40, 48)[:4], 0, false, ErrTruncated}}},
		{"empty first", []step{{frag(0, 0)[:4], 0, false, ErrUnsupported}}},
		{"a whole packet between", []step{{frag(0, 40), 0, false, nil}, {append([]byte{DispatchIPv6}, pkt...), 0, true, nil}, {frag(40, n), 0, true, nil}}},
	} {
		r := newReassembler(2, 100)
		for i, s := range v.steps {
			got, done, err := r.AppendPacket([]byte("q"), s.frame, testLink, nil, Options{}, s.now)
			if done != s.done || err != s.err || got[0] != 'q' || done && !bytes.Equal(got[1:], pkt) || !done && len(got) != 1 {
				t.Errorf("%s, step %d: AppendPacket(%x) = %x, %v, %v, want %v, %v", v.name, i, s.frame, got, done, err, s.done, s.err)
				break
			}
		}
	}
}

// TestReassemblyKeys: link addresses tell packets apart; those of the mesh
// header, if there is one.
func TestReassemblyKeys(t *testing.T) {
	pkt := ipv6Packet(t, 59, "0102030405060708 1112131415161718")
	all := frames(t, pkt, testLink, nil, Options{}, 1, MinMTU)
	other := Link{ShortAddr(3), ShortAddr(2)}
	r := newReassembler(2, 100)
	for i, f := range all {
		for _, l := range []Link{testLink, other} {
			_, done, err := r.AppendPacket(nil, f, l, nil, Options{}, 0)
			if err != nil || done != (i == len(all)-1) {
				t.Fatalf("fragment %d over %v: %v, %v", i, l, done, err)
			}
		}
	}
	mesh, err := AppendMesh(nil, Mesh{HopsLeft: 2, Originator: testLink.Src, Final: testLink.Dst})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range all {
		hop := Link{ShortAddr(uint16(100 + i)), ShortAddr(200)} // over another neighbour each
		got, done, err := r.AppendPacket(nil, append(append([]byte{}, mesh...), f...), hop, nil, Options{}, 0)
		if err != nil || done != (i == len(all)-1) || done && !bytes.Equal(got, pkt) {
			t.Fatalf("fragment %d: %x, %v, %v", i, got, done, err)
		}
	}
}

// TestReassemblyTunnel: behind an IP-in-IP header the link addresses are not those
// of the packet, but still those by which fragments belong together.
func TestReassemblyTunnel(t *testing.T) {
	pkt := mustHex(t, "6000000000103b40 20010db8000000000000000000000001 20010db8000000000000000000000002 0001020304050607 1011121314151617")
	first := mustHex(t, "c0380007 f1 a10640 7a00 3b"+hex.EncodeToString(pkt[8:48]))
	next := mustHex(t, "e0380007 06"+hex.EncodeToString(pkt[48:]))
	r := newReassembler(2, 100)
	for i, f := range [][]byte{first, next} {
		got, done, err := r.AppendPacket(nil, f, testLink, nil, Options{StripRouting: true}, 0)
		if err != nil || done != (i == 1) || done && !bytes.Equal(got, pkt) {
			t.Errorf("fragment %d: %x, %v, %v, want %x", i, got, done, err, pkt)
		}
	}
}

// TestSCHC: SCHC Datagrams of all lengths come through frames of all sizes, in any
// order, among IPv6 packets.
func TestSCHC(t *testing.T) {
	const seed = 44
	rnd := rand.New(rand.NewSource(seed))
	pkt := ipv6Packet(t, 58, "80000000"+"0102030405060708")
	r := newReassembler(3, MaxDatagram)
	var f Fragmenter
	for i := 0; i < 600; i++ {
		schc := make([]byte, 1+rnd.Intn(300))
		if i%50 == 0 {
			schc = make([]byte, MaxDatagram)
		}
		rnd.Read(schc)
		opts := Options{}
		if i%3 == 0 {
			opts.SCHCDispatch = 0x47
		}
		mtu := MinMTU + rnd.Intn(120)
		if err := f.ResetSCHC(schc, opts.SCHCDispatch, uint16(i), mtu); err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for more := true; more; {
			b, m, err := f.AppendFrame([]byte("p"))
			if err != nil || b[0] != 'p' || len(b)-1 > mtu {
				t.Fatalf("seed %d: AppendFrame of %d bytes, mtu %d: %x, %v", seed, len(schc), mtu, b, err)
			}
			all, more = append(all, b[1:]), m
		}
		rnd.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
		for k, b := range all {
			got, kind, done, err := r.AppendDatagram([]byte("q"), b, testLink, nil, opts, 0)
			last := k == len(all)-1
			if err != nil || got[0] != 'q' || done != last || done && (kind != KindSCHC || !bytes.Equal(got[1:], schc)) || !done && (len(got) != 1 || kind != KindNone) {
				t.Fatalf("seed %d, mtu %d: fragment %d of %d of %x: %x, %v, %v, %v", seed, mtu, k, len(all), schc, got, kind, done, err)
			}
		}
		for _, b := range frames(t, pkt, testLink, nil, Options{}, uint16(i), MinMTU+i%10) {
			got, kind, done, err := r.AppendDatagram(nil, b, testLink, nil, opts, 0)
			if err != nil || done && (kind != KindIPv6 || !bytes.Equal(got, pkt)) {
				t.Fatalf("%x: %x, %v, %v", b, got, kind, err)
			}
		}
	}
	// Who wants no SCHC gets none.
	if err := f.ResetSCHC(make([]byte, 40), 0, 7, 30); err != nil {
		t.Fatal(err)
	}
	first, _, _ := f.AppendFrame(nil)
	second, _, _ := f.AppendFrame(nil)
	for _, v := range []struct {
		name    string
		frames  [][]byte
		want    []error
		whether bool // AppendDatagram for the first one
	}{
		{"AppendPacket", [][]byte{first}, []error{ErrUnsupported}, false},
		{"AppendPacket, one frame", [][]byte{AppendSCHC(nil, []byte{1}, 0)}, []error{ErrUnsupported}, false},
		{"in turn", [][]byte{first, second}, []error{nil, ErrUnsupported}, true},
		{"routing headers", [][]byte{append(append(append([]byte{}, first[:4]...), 0xf1, 0x83, 5, 1), first[4:]...)}, []error{ErrUnsupported}, true},
		{"routing headers, one frame", [][]byte{{0xf1, 0x83, 5, 1, 0x44, 1}}, []error{ErrUnsupported}, true},
		{"no byte", [][]byte{first[:5]}, []error{ErrMalformed}, true},
	} {
		r := newReassembler(1, 100)
		for i, b := range v.frames {
			var got []byte
			var err error
			if i == 0 && v.whether {
				got, _, _, err = r.AppendDatagram([]byte("q"), b, testLink, nil, Options{}, 0)
			} else {
				got, _, err = r.AppendPacket([]byte("q"), b, testLink, nil, Options{}, 0)
			}
			if err != v.want[i] || string(got) != "q" {
				t.Errorf("%s, frame %d: %x, %v, want %v", v.name, i, got, err, v.want[i])
			}
		}
	}
	got, kind, done, err := r.AppendDatagram(nil, []byte{0xf1, 0x83, 5, 1, 0x44, 1}, testLink, nil, Options{StripRouting: true}, 0)
	if err != nil || !done || kind != KindSCHC || !bytes.Equal(got, []byte{1}) {
		t.Errorf("routing headers dropped: %x, %v, %v, %v", got, kind, done, err)
	}
	if err := f.ResetSCHC(nil, 0, 0, 100); err != ErrTruncated {
		t.Errorf("ResetSCHC of nothing: %v", err)
	}
	if err := f.ResetSCHC([]byte{1}, 0, 0, MinMTU-1); err != ErrShortBuffer {
		t.Errorf("ResetSCHC with a small mtu: %v", err)
	}
	if err := f.ResetSCHC(make([]byte, MaxDatagram+1), 0, 0, 100); err != nil {
		t.Fatal(err)
	}
	if b, more, err := f.AppendFrame([]byte("p")); string(b) != "p" || more || err != ErrUnsupported {
		t.Errorf("SCHC Datagram of %d bytes: %x, %v, %v", MaxDatagram+1, b, more, err)
	}
}

func TestExpire(t *testing.T) {
	pkt := ipv6Packet(t, 59, "0102030405060708 1112131415161718")
	all := frames(t, pkt, testLink, nil, Options{}, 1, MinMTU)
	r := newReassembler(3, 100)
	r.TimeoutMs = 100
	for i := 0; i < 3; i++ {
		f := append([]byte{}, all[1]...)
		f[3] = byte(i)
		if _, _, err := r.AppendPacket(nil, f, testLink, nil, Options{}, uint64(1000+10*i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []struct {
		now     uint64
		dropped int
		next    uint64
	}{{1099, 0, 1100}, {1100, 1, 1110}, {1115, 1, 1120}, {2000, 1, 0}, {2000, 0, 0}} {
		if n, next := r.Expire(v.now); n != v.dropped || next != v.next {
			t.Errorf("Expire(%d) = %d, %d, want %v", v.now, n, next, v)
		}
	}
	r.TimeoutMs = 70000 // more than the RFC allows
	_, _, _ = r.AppendPacket(nil, all[0], testLink, nil, Options{}, 0)
	if _, next := r.Expire(0); next != DefaultTimeoutMs {
		t.Errorf("deadline %d", next)
	}
	r.Discard()
	if n, next := r.Expire(1 << 40); n != 0 || next != 0 {
		t.Errorf("Expire after Discard = %d, %d", n, next)
	}
}

// TestOverlap compares the overlap rules with a list of fragments.
func TestOverlap(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewSource(seed))
	for i := 0; i < 3000; i++ {
		size := 1 + r.Intn(300)
		s := Slot{size: uint16(size)}
		s.begin(&Fragment{Size: uint16(size)}, 0)
		type span struct{ from, to int }
		var list []span
		for k := 0; k < 12; k++ {
			from := r.Intn(size/8+1) * 8
			to := from + 8*(1+r.Intn(6))
			if to > size {
				to = size
			}
			if from >= size {
				continue
			}
			want := overlapNone
			for _, x := range list {
				switch {
				case x == (span{from, to}):
					want = overlapSame
				case x.from < to && from < x.to:
					want = overlapOther
				}
			}
			if got := s.overlap(from, to); got != want {
				t.Fatalf("seed %d: overlap(%d, %d) of %d with %v = %v, want %v", seed, from, to, size, list, got, want)
			}
			if want == overlapNone {
				s.add(from, to)
				list = append(list, span{from, to})
			}
			left := size
			for _, x := range list {
				left -= x.to - x.from
			}
			if s.missing != left {
				t.Fatalf("missing %d, want %d", s.missing, left)
			}
		}
	}
}
