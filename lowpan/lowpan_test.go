package lowpan

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"
)

// gen makes IPv6 packets in which everything that is compressed occurs, often
// slightly wrong.
type gen struct {
	*rand.Rand
	tab  *Table
	link Link
}

func newGen(seed int64) *gen {
	g := &gen{Rand: rand.New(rand.NewSource(seed))}
	g.tab = new(Table)
	for cid := 0; cid < 16; cid++ {
		if g.Intn(3) == 0 {
			continue
		}
		c := Context{PrefixLen: []uint8{0, 16, 32, 48, 63, 64, 64, 64, 65, 96, 112, 127, 128}[g.Intn(13)], Compress: g.Intn(5) > 0}
		c.Prefix = prefix(g.hi(), g.lo())
		if err := g.tab.Set(cid, c); err != nil {
			panic(err)
		}
	}
	g.link = Link{g.linkAddr(), g.linkAddr()}
	return g
}

func (g *gen) linkAddr() Addr {
	switch g.Intn(8) {
	case 0:
		return Addr{}
	case 1, 2, 3:
		return ShortAddr(uint16(g.Uint32()))
	case 4:
		return Addr{AddrEUI48, g.Uint64() >> 16}
	case 5:
		return Addr{AddrBLE, g.Uint64() >> 16}
	}
	return ExtAddr(g.Uint64())
}

func (g *gen) hi() uint64 {
	switch g.Intn(4) {
	case 0:
		return linkLocal
	case 1:
		return 0x20010db8<<32 | uint64(g.Intn(3))
	case 2:
		return 0xfd00<<48 | uint64(g.Intn(2))<<16
	}
	return g.Uint64() >> uint(g.Intn(64))
}

func (g *gen) lo() uint64 {
	switch g.Intn(5) {
	case 0:
		return uint64(g.Intn(4))
	case 1:
		return shortIID | uint64(g.Intn(1<<16))
	}
	return g.Uint64()
}

func (g *gen) addr(link Addr) (a [16]byte) {
	if g.Intn(20) == 0 {
		return a
	}
	if g.Intn(3) == 0 { // multicast
		a = [16]byte{0xff, byte(g.Intn(2) * g.Intn(256))}
		if a[1] == 0 {
			a[1] = 2
		}
		g.Read(a[16-1-g.Intn(14):])
		if c, ok := g.tab.Context(g.Intn(16)); ok && g.Intn(2) == 0 {
			a[2], a[3] = byte(g.Intn(3)), c.PrefixLen
			copy(a[4:12], c.Prefix[:])
		}
		return a
	}
	hi, lo := g.hi(), g.lo()
	if iid, ok := link.IID(); ok && g.Intn(2) == 0 {
		lo = iid
	}
	if c, ok := g.tab.Context(g.Intn(16)); ok && g.Intn(2) == 0 {
		h, l := prefixMask(c.PrefixLen)
		hi = hi&^h | binary.BigEndian.Uint64(c.Prefix[:])&h
		if g.Intn(2) == 0 {
			hi = binary.BigEndian.Uint64(c.Prefix[:]) & h
		}
		lo = lo&^l | binary.BigEndian.Uint64(c.Prefix[8:])&l
	}
	return prefix(hi, lo)
}

// packet is an IPv6 packet of at most depth nested ones.
func (g *gen) packet(depth int) []byte {
	p := make([]byte, 40)
	p[0] = 0x60
	if g.Intn(3) == 0 {
		p[0] |= byte(g.Intn(16))
		p[1] = byte(g.Intn(256))
	}
	if g.Intn(3) == 0 {
		p[1] |= byte(g.Intn(16))
		p[2], p[3] = byte(g.Intn(256)), byte(g.Intn(256))
	}
	p[7] = []byte{1, 64, 255, byte(g.Intn(256))}[g.Intn(4)]
	src, dst := g.addr(g.link.Src), g.addr(g.link.Dst)
	copy(p[8:], src[:])
	copy(p[24:], dst[:])
	at := 6
	for g.Intn(3) == 0 && len(p) < 600 {
		proto := []byte{protoHopByHop, protoRouting, protoFragment, protoDestOpts, protoMobility}[g.Intn(5)]
		p[at] = proto
		at = len(p)
		p = append(p, g.extension(proto)...)
	}
	switch g.Intn(6) {
	case 0, 1:
		p[at] = protoUDP
		udp := make([]byte, 8, 100)
		for i := 0; i < 4; i += 2 {
			port := []int{0xf0b0 + g.Intn(16), 0xf000 + g.Intn(256), 5683, g.Intn(65536)}[g.Intn(4)]
			binary.BigEndian.PutUint16(udp[i:], uint16(port))
		}
		udp = append(udp, g.payload()...)
		binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
		switch g.Intn(8) {
		case 0:
			g.Read(udp[6:8])
		case 1: // "no checksum"
		default:
			binary.BigEndian.PutUint16(udp[6:], udpChecksum(p, udp))
		}
		if g.Intn(10) == 0 {
			udp[5] += byte(g.Intn(3) - 1)
		}
		if g.Intn(20) == 0 {
			udp = udp[:g.Intn(9)]
		}
		p = append(p, udp...)
	case 2:
		p[at] = protoICMPv6
		p = append(p, g.payload()...)
	case 3:
		if depth > 0 {
			p[at] = protoIPv6
			p = append(p, g.packet(depth-1)...)
			break
		}
		fallthrough
	case 4:
		p[at] = byte(g.Intn(256))
		p = append(p, g.payload()...)
	case 5:
		p[at] = 59
	}
	binary.BigEndian.PutUint16(p[4:], uint16(len(p)-40))
	switch g.Intn(30) {
	case 0:
		p[5] += byte(g.Intn(3) - 1)
	case 1:
		p = p[:40+g.Intn(len(p)-39)]
	}
	return p
}

func (g *gen) payload() []byte {
	b := make([]byte, g.Intn(60))
	switch g.Intn(3) {
	case 0:
		g.Read(b)
	case 1:
		for i := range b {
			b[i] = byte(g.Intn(2))
		}
	}
	return b
}

func (g *gen) extension(proto byte) []byte {
	n := 8
	if proto != protoFragment {
		n *= 1 + g.Intn(3)*g.Intn(2)
		if g.Intn(20) == 0 {
			n = 8 * (30 + g.Intn(5))
		}
	}
	e := make([]byte, n)
	e[1] = byte(n/8 - 1)
	if proto == protoFragment {
		e[1] = byte(g.Intn(2) * g.Intn(256))
		if g.Intn(3) == 0 {
			g.Read(e[2:])
		}
		return e
	}
	switch g.Intn(4) {
	case 0:
		g.Read(e[2:])
	case 1: // nothing but zero: Pad1 options
	default: // options, then padding
		i := 2
		for i+2 <= n && g.Intn(3) > 0 {
			k := 2 + g.Intn(6)
			if i+k > n {
				break
			}
			e[i], e[i+1] = byte(5+g.Intn(60)), byte(k-2)
			g.Read(e[i+2 : i+k])
			i += k
		}
		for i < n {
			k := n - i
			if g.Intn(5) == 0 {
				k = 1 + g.Intn(k)
			}
			if k > 1 {
				if k > 257 {
					k = 257
				}
				e[i], e[i+1] = 1, byte(k-2)
				if g.Intn(8) == 0 && k > 2 {
					e[i+2] = 1
				}
			}
			i += k
		}
	}
	return e
}

// TestRoundTrip sends random packets over random links with random contexts.
func TestRoundTrip(t *testing.T) {
	const seed = 1
	t.Logf("seeds from %d", seed)
	ghc := newGHC()
	packets, in, out := 0, 0, 0
	for s := int64(seed); s < seed+150; s++ {
		g := newGen(s)
		for i := 0; i < 40; i++ {
			p := g.packet(2)
			c := roundTrip(t, p, g.link, g.tab, ghc)
			packets, in, out = packets+1, in+len(p), out+len(c)
		}
	}
	t.Logf("%d packets, %d bytes, %d compressed", packets, in, out)
}

// TestManyHeaders has more headers than NHC is used for.
func TestManyHeaders(t *testing.T) {
	g := newGen(3)
	for n := 14; n < 20; n++ {
		p := make([]byte, 40)
		p[0], p[7] = 0x60, 64
		p[6] = protoDestOpts
		for i := 0; i < n; i++ {
			p = append(p, protoDestOpts, 0, 1, 4, 0, 0, 0, 0)
		}
		p[len(p)-8] = protoUDP
		p = append(p, 0xf0, 0xb0, 0xf0, 0xb1, 0, 9, 1, 2, 3)
		binary.BigEndian.PutUint16(p[4:], uint16(len(p)-40))
		c := roundTrip(t, p, g.link, nil, newGHC())
		for max := 1; max <= 16; max++ {
			got, err := AppendDecompress(nil, c, g.link, nil, Options{MaxHeaders: max})
			if used := min(n, 16); max < used != (err == ErrUnsupported) || err == nil && !bytes.Equal(got, p) {
				t.Errorf("%d headers, at most %d: %x, %v", n, max, got, err)
			}
			few, err := AppendCompress(nil, p, g.link, nil, Options{MaxHeaders: max})
			if back, err2 := AppendDecompress(nil, few, g.link, nil, Options{MaxHeaders: max}); err != nil || err2 != nil || !bytes.Equal(back, p) {
				t.Errorf("%d headers, at most %d: %x, %v, %v", n, max, back, err, err2)
			}
		}
	}
}

// TestNotIPv6 has what no frame can carry.
func TestNotIPv6(t *testing.T) {
	for _, v := range []struct {
		pkt string
		err Error
	}{
		{"", ErrTruncated},
		{"60", ErrTruncated},
		{"6000000000003b40" + "00000000000000000000000000000000" + "000000000000000000000000000000", ErrTruncated},
		{"45", ErrMalformed},
		{"4000000000003b40" + "00000000000000000000000000000000" + "00000000000000000000000000000000", ErrMalformed},
	} {
		pkt := mustHex(t, v.pkt)
		if got, err := AppendCompress([]byte("p"), pkt, Link{}, nil, Options{}); err != v.err || string(got) != "p" {
			t.Errorf("AppendCompress(%s) = %x, %v, want %v", v.pkt, got, err, v.err)
		}
		frame := append([]byte{DispatchIPv6}, pkt...)
		if got, err := AppendDecompress([]byte("p"), frame, Link{}, nil, Options{}); err != v.err || string(got) != "p" {
			t.Errorf("AppendDecompress(%x) = %x, %v, want %v", frame, got, err, v.err)
		}
	}
}

// TestDispatch has frames that are no compressed packets.
func TestDispatch(t *testing.T) {
	for _, v := range []struct {
		frame string
		err   Error
	}{
		{"", ErrTruncated},
		{"00", ErrUnsupported},                 // NALP
		{"40010203", ErrUnsupported},           // ESC
		{"42010203", ErrUnsupported},           // HC1
		{"44010203", ErrUnsupported},           // SCHC
		{"45010203", ErrUnsupported},           // SCHC pointer
		{"50", ErrTruncated},                   // BC0
		{"5001", ErrUnsupported},               // and nothing behind it
		{"c0280001 7a333a", ErrIncomplete},     // FRAG1
		{"e0280001 05 00", ErrIncomplete},      // FRAGN
		{"e0280001", ErrTruncated},             //
		{"d8", ErrUnsupported},                 // reserved
		{"f17a333a", 0},                        // page 1
		{"f07a333a", 0},                        // page 0
		{"f27a333a", ErrUnsupported},           // page 2
		{"f1f07a333a", 0},                      //
		{"f141", ErrUnsupported},               // page 1 has no uncompressed IPv6
		{"f1830501 7a333a", ErrUnsupported},    // 6LoRH
		{"f1", ErrUnsupported},                 // nothing
		{"83", ErrTruncated},                   // mesh
		{"b30001", ErrTruncated},               //
		{"b300010002 7a333a", 0},               //
		{"b300010002 5007 7a333a", 0},          // broadcast
		{"b300010002 44", ErrUnsupported},      //
		{"7e33", ErrTruncated},                 // NHC missing
		{"7e33ea", ErrMalformed},               // EID 5
		{"7e33ec", ErrMalformed},               // EID 6
		{"7e33f8", ErrUnsupported},             // unassigned NHC
		{"7e3300", ErrUnsupported},             //
		{"7e33b8", ErrUnsupported},             // GHC of EID 4
		{"7e33f0", ErrTruncated},               // UDP without ports
		{"7e33f3120000", 0},                    //
		{"7e33f71200", 0},                      // checksum elided
		{"7e33f312", ErrTruncated},             // checksum missing
		{"7e33ee", ErrTruncated},               // nested
		{"7e33ee7a", ErrTruncated},             //
		{"7e33ee41", ErrTruncated},             //
		{"7e33ee4100", ErrMalformed},           // must be IPHC
		{"7e33ee7a333b", 0},                    //
		{"7e33ef7a333b", 0},                    // NH is unused
		{"7e33e03b", ErrTruncated},             // length missing
		{"7e33e03b0601", ErrTruncated},         //
		{"7e33e03b00", 0},                      // all padding
		{"7e33e23b00", ErrMalformed},           // a routing header cannot be padded
		{"7e33e23b06000000000000", 0},          //
		{"7e33e43b00000000000000", 0},          // fragment
		{"7e33e43b000000000000", ErrTruncated}, //
		{"7e33e1", ErrTruncated},               // next NHC missing
		{"7e33e106010400000000", ErrTruncated}, //
		{"7e33b03b90", 0},                      // GHC, all padding
		{"7e33b03b", ErrTruncated},             // no stop code
		{"7e33b03b60", ErrMalformed},           // reserved code
		{"7e33b23b90", ErrMalformed},           // routing
		{"7e33b43b0701020304050607 90", 0},     // fragment with reserved octet
		{"7e33b43b06020304050607 90", 0},       // and without
		{"7e33b43b050203040506 90", ErrMalformed},
		{"7e33df", 0},
		{"7e33df60", ErrMalformed},
		{"7e33d31200008f", 0},
		{"7e33d31200009001", ErrMalformed},
	} {
		frame := mustHex(t, v.frame)
		link := Link{ShortAddr(1), ShortAddr(2)}
		got, err := AppendDecompress([]byte("p"), frame, link, nil, Options{})
		if v.err != 0 && (err != v.err || string(got) != "p") || v.err == 0 && (err != nil || got[0] != 'p' || !lengthAgrees(got[1:])) {
			t.Errorf("AppendDecompress(%s) = %x, %v, want %v", v.frame, got, err, v.err)
		}
	}
}

// TestMesh: the link addresses are those of the mesh header.
func TestMesh(t *testing.T) {
	m := Mesh{HopsLeft: 3, Originator: ShortAddr(0x1234), Final: ExtAddr(0x0012740100010101)}
	frame, err := AppendMesh(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	frame = append(AppendBroadcast(frame, 9), 0x7a, 0x33, 0x3b)
	got, err := AppendDecompress(nil, frame, Link{ShortAddr(1), ShortAddr(2)}, nil, Options{})
	want, _ := AppendDecompress(nil, frame[len(frame)-3:], m.Link(), nil, Options{})
	if err != nil || !bytes.Equal(got, want) || got[39] != 1 {
		t.Errorf("AppendDecompress(%x) = %x, %v, want %x", frame, got, err, want)
	}
}

// TestRouting: 6LoRH headers are lost only if the caller says so.
func TestRouting(t *testing.T) {
	link := Link{ShortAddr(1), ShortAddr(2)}
	inner := []byte{0x7a, 0x33, 0x3b}
	frame := append(AppendRouting(nil, AppendRPI(nil, RPI{SenderRank: 0x300})), inner...)
	if got, err := AppendDecompress(nil, frame, link, nil, Options{}); err != ErrUnsupported {
		t.Errorf("AppendDecompress(%x) = %x, %v", frame, got, err)
	}
	got, err := AppendDecompress(nil, frame, link, nil, Options{StripRouting: true})
	want, _ := AppendDecompress(nil, inner, link, nil, Options{})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("AppendDecompress(%x) = %x, %v, want %x", frame, got, err, want)
	}
	// Behind an IP-in-IP header the link addresses do not count.
	frame = append(AppendRouting(nil, []byte{0xa1, LoRHTypeIPinIP, 64}), inner...)
	if got, err := AppendDecompress(nil, frame, link, nil, Options{StripRouting: true}); err != ErrNoContext {
		t.Errorf("AppendDecompress(%x) = %x, %v", frame, got, err)
	}
}

func TestLimitsOfLength(t *testing.T) {
	link := Link{ShortAddr(1), ShortAddr(2)}
	for _, frame := range []string{"7a333a0102030405", "7e33df068f", "7e33df05010203040501", "7e33e03b06010400000000", "7e33b03b83829001", "41" + "60000000000" + "53a40" + "00000000000000000000000000000000" + "00000000000000000000000000000000" + "0102030405"} {
		b := mustHex(t, frame)
		pkt, err := AppendDecompress(nil, b, link, nil, Options{})
		if frame[:6] == "7e33df" && err != nil {
			continue
		}
		if err != nil {
			t.Fatalf("AppendDecompress(%s): %v", frame, err)
		}
		if got, err := AppendDecompress(nil, b, link, nil, Options{MaxLen: len(pkt)}); err != nil || !bytes.Equal(got, pkt) {
			t.Errorf("AppendDecompress(%s), MaxLen %d: %x, %v", frame, len(pkt), got, err)
		}
		if got, err := AppendDecompress([]byte("p"), b, link, nil, Options{MaxLen: len(pkt) - 1}); err != ErrShortBuffer || string(got) != "p" {
			t.Errorf("AppendDecompress(%s), MaxLen %d: %x, %v", frame, len(pkt)-1, got, err)
		}
	}
}

func TestNoContext(t *testing.T) {
	tab := new(Table)
	link := Link{ShortAddr(1), ShortAddr(2)}
	for _, v := range []struct {
		frame string
		link  Link
		err   error
	}{
		{"7a733a", link, ErrNoContext},
		{"7a373a", link, ErrNoContext},
		{"7a3c3a000000000000", link, ErrNoContext},
		{"7a333a", Link{}, ErrNoContext},
		{"7a333a", Link{Src: ShortAddr(1)}, ErrNoContext},
		{"7a133a0000000000000001", Link{Dst: ShortAddr(1)}, nil},
	} {
		for _, tab := range []*Table{nil, tab} {
			if got, err := AppendDecompress(nil, mustHex(t, v.frame), v.link, tab, Options{}); err != v.err {
				t.Errorf("AppendDecompress(%s) = %x, %v, want %v", v.frame, got, err, v.err)
			}
		}
	}
	// A whole address needs no link address.
	if err := tab.Set(0, Context{Prefix: prefix(1, 2), PrefixLen: 128, Compress: true}); err != nil {
		t.Fatal(err)
	}
	p := mustHex(t, "6000000000003b40"+"00000000000000010000000000000002"+"00000000000000010000000000000002")
	if got := roundTrip(t, p, Link{}, tab, newGHC()); len(got) != 3 {
		t.Errorf("AppendCompress(%x) = %x", p, got)
	}
	if err := tab.Set(3, Context{PrefixLen: 96, Compress: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := AppendDecompress(nil, mustHex(t, "7afc333a 000000000000 0000"), Link{}, tab, Options{}); err != ErrNoContext {
		t.Errorf("source needs a link address: %x, %v", got, err)
	}
	if got, err := AppendDecompress(nil, mustHex(t, "7acc033a 000000000000 0000"), Link{}, tab, Options{}); err != ErrMalformed {
		t.Errorf("prefix of 96 bits in a multicast address: %x, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	seen := map[string]bool{}
	for e := Error(0); e < 9; e++ {
		if e.Error() == "" || e > 0 && e <= ErrIncomplete && (e.Class() == "" || seen[e.Class()]) {
			t.Errorf("Error(%d): %q, %q", e, e.Error(), e.Class())
		}
		seen[e.Class()] = true
	}
}
