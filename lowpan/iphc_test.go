package lowpan

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"
)

// testTable has contexts of all sorts; 5 and 9 are for decompression only.
func testTable() *Table {
	var t Table
	for cid, c := range map[int]Context{
		0:  {Prefix: prefix(0x20010db800000000, 0), PrefixLen: 64, Compress: true},
		1:  {Prefix: prefix(0x20010db800010000, 0), PrefixLen: 48, Compress: true},
		2:  {Prefix: prefix(0xfd00000000000000, 0x000000fffe00a000), PrefixLen: 116, Compress: true},
		3:  {Prefix: prefix(0x20010db800000000, 0x1122334455667788), PrefixLen: 128, Compress: true},
		4:  {Prefix: prefix(0xfe80000000000000, 0x0200000000000000), PrefixLen: 72, Compress: true},
		5:  {Prefix: prefix(0x3ffe000000000000, 0), PrefixLen: 64},
		9:  {Prefix: prefix(0x20010db800000000, 0), PrefixLen: 32},
		12: {Prefix: prefix(0, 0), PrefixLen: 0, Compress: true},
		15: {Prefix: prefix(0xfd00cafeface1234, 0), PrefixLen: 64, Compress: true},
	} {
		if err := t.Set(cid, c); err != nil {
			panic(err)
		}
	}
	return &t
}

func prefix(hi, lo uint64) (p [16]byte) {
	binary.BigEndian.PutUint64(p[:], hi)
	binary.BigEndian.PutUint64(p[8:], lo)
	return p
}

var testLinks = []Addr{
	{},
	ShortAddr(0xa0b0),
	ShortAddr(0xffff),
	ExtAddr(0x0012740100010101),
	ExtAddr(0x000000fffe00a0b0),
	ExtAddr(0x1322334455667788),
	{AddrEUI48, 0x021122334455},
	{AddrBLE, 0x001122334455},
	{AddrIID, 0},
}

// testAddrs are addresses near every form.
func testAddrs(tab *Table) (all [][16]byte) {
	his := []uint64{0, linkLocal, linkLocal | 1, 0xfd00 << 48, 0x3ffe << 48, 0x20010db8 << 32, 0x20010db8<<32 | 1<<16, 0x20010db8<<32 | 1, 0xfd00cafeface1234}
	los := []uint64{0, 1, 0x000000fffe000000, 0x000000fffe00a0b0, 0x000000fffe00b0b0, 0x000000fffe01a0b0, 0x020000fffe00a0b0, 0x1122334455667788, 0x1122334455667789, 0xffffffffffffffff}
	for _, l := range testLinks {
		if iid, ok := l.IID(); ok {
			los = append(los, iid)
		}
	}
	for _, hi := range his {
		for _, lo := range los {
			all = append(all, prefix(hi, lo))
		}
	}
	for _, hi := range []uint64{0xff02 << 48, 0xff05 << 48, 0xff3e << 48, 0xff02<<48 | 1, 0xff05<<48 | 1<<40, 0xff000000 << 32} {
		for _, lo := range []uint64{0, 1, 0xff, 0x100, 0xffffff, 0x1000000, 0x1ff123456, 0xffffffffff, 0x10000000000, 1 << 63} {
			all = append(all, prefix(hi, lo))
		}
	}
	for cid := 0; cid < 16; cid++ { // unicast-prefix-based
		if c, ok := tab.Context(cid); ok {
			p := binary.BigEndian.Uint64(c.Prefix[:])
			for _, bits := range []uint8{c.PrefixLen, c.PrefixLen + 1} {
				all = append(all, prefix(0xff33<<48|uint64(bits)<<32|p>>32, p<<32|0x12345678))
				all = append(all, prefix(0xff3377<<40|uint64(bits)<<32|p>>32, p<<32|0x12345678))
			}
		}
	}
	return all
}

// TestAddressForms compares every pair of test addresses, over every pair of
// link addresses, with the slow reference: smallest size, and the same header
// restored by both.
func TestAddressForms(t *testing.T) {
	full := testTable()
	addrs := testAddrs(full)
	for _, tab := range []*Table{nil, full} {
		// The best form of one address depends on its link address only, the
		// pair on whether a context other than 0 is used: so all addresses
		// with a few of each kind as the other one, in both places.
		few := [][16]byte{prefix(0, 0), prefix(linkLocal, 5), prefix(0x20010db8<<32, 1), prefix(0xfd00cafeface1234, 1), prefix(0xff02<<48, 1)}
		n := 0
		for _, a := range addrs {
			for _, b := range few {
				for _, l := range testLinks {
					for _, l2 := range []Addr{{}, ShortAddr(1)} {
						checkAddrs(t, a, b, Link{l, l2}, tab)
						checkAddrs(t, b, a, Link{l2, l}, tab)
						n += 2
					}
				}
			}
		}
		t.Logf("%d pairs", n)
	}
}

func checkAddrs(t *testing.T, src, dst [16]byte, link Link, tab *Table) {
	t.Helper()
	pkt := make([]byte, 40, 48)
	pkt[0], pkt[5], pkt[6], pkt[7] = 0x60, 8, 59, 64
	copy(pkt[8:], src[:])
	copy(pkt[24:], dst[:])
	pkt = append(pkt, "payload."...)
	got, err := AppendCompress(nil, pkt, link, tab, Options{})
	if err != nil {
		t.Fatalf("AppendCompress(%x): %v", pkt, err)
	}
	if want := 3 + slowAddrs(src, dst, link, tab); len(got)-8 != want {
		t.Fatalf("AppendCompress(%x, %v) = %x: %d header bytes, want %d", pkt, link, got, len(got)-8, want)
	}
	h, rest, ok := slowIPHC(got, link, tab)
	if !ok || !sameHeader(h[:], pkt) || !bytes.Equal(rest, pkt[40:]) {
		t.Fatalf("AppendCompress(%x, %v) = %x, which the slow reference reads as %x %x", pkt, link, got, h, rest)
	}
	back, err := AppendDecompress(nil, got, link, tab, Options{})
	if err != nil || !bytes.Equal(back, pkt) {
		t.Fatalf("AppendDecompress(%x, %v) = %x, %v, want %x", got, link, back, err, pkt)
	}
}

// TestEveryEncoding decodes every one of the 2^13 base encodings, with in-line
// fields of every length, and compares with the slow reference.
func TestEveryEncoding(t *testing.T) {
	const seed = 6282
	r := rand.New(rand.NewSource(seed))
	tab := testTable()
	inline := make([]byte, 60)
	for enc := 0; enc < 1<<13; enc++ {
		for _, link := range []Link{{}, {ShortAddr(0xa0b0), ExtAddr(0x0012740100010101)}} {
			r.Read(inline)
			frame := append([]byte{0x60 | byte(enc>>8), byte(enc)}, inline...)
			nhc := frame[0]&4 != 0
			h := IPHC(binary.BigEndian.Uint16(frame))
			if nhc { // an extension header and no more
				copy(frame[h.Len():], "\xe6\x3b\x06\x01\x04\x00\x00\x00\x00")
				frame = frame[:h.Len()+9]
			}
			want, rest, ok := slowIPHC(frame, link, tab)
			got, err := AppendDecompress(nil, frame, link, tab, Options{})
			if ok != (err == nil) {
				t.Fatalf("AppendDecompress(%x, %v) = %x, %v; slow reference: %v", frame, link, got, err, ok)
			}
			if !ok {
				continue
			}
			if nhc {
				want[6], rest = 60, []byte{0x3b, 0, 1, 4, 0, 0, 0, 0}
			}
			binary.BigEndian.PutUint16(want[4:], uint16(len(rest)))
			if !bytes.Equal(got[:40], want[:]) || !bytes.Equal(got[40:], rest) {
				t.Fatalf("AppendDecompress(%x, %v) = %x, want %x %x", frame, link, got, want, rest)
			}
			// Every shorter frame that lacks header bytes is truncated.
			for n := 0; n < h.Len(); n++ {
				if _, err := AppendDecompress(nil, frame[:n], link, tab, Options{}); err != ErrTruncated {
					t.Fatalf("AppendDecompress(%x): %v, want %v", frame[:n], err, ErrTruncated)
				}
			}
		}
	}
}

// TestTrafficClass goes through all traffic classes and some flow labels.
func TestTrafficClass(t *testing.T) {
	for tc := 0; tc < 256; tc++ {
		for _, label := range []uint32{0, 1, 0x80000, 0xfffff, 0x12345} {
			pkt := make([]byte, 40)
			binary.BigEndian.PutUint32(pkt, 6<<28|uint32(tc)<<20|label)
			pkt[6], pkt[7] = 59, 64
			size := 4
			switch {
			case tc == 0 && label == 0:
				size = 0
			case label == 0:
				size = 1
			case tc>>2 == 0:
				size = 3
			}
			got, err := AppendCompress(nil, pkt, Link{Dst: Addr{AddrIID, 0}}, nil, Options{})
			if err != nil || len(got) != 2+size+1+16 { // the destination :: is in-line
				t.Fatalf("AppendCompress(%x) = %x, %v, want %d bytes", pkt, got, err, 2+size+1+16)
			}
			h, _, ok := slowIPHC(got, Link{Dst: Addr{AddrIID, 0}}, nil)
			if !ok || !sameHeader(h[:], pkt) {
				t.Fatalf("%x is read as %x, want %x", got, h, pkt)
			}
			if back, err := AppendDecompress(nil, got, Link{}, nil, Options{}); err != nil || !bytes.Equal(back, pkt) {
				t.Fatalf("AppendDecompress(%x) = %x, %v, want %x", got, back, err, pkt)
			}
		}
	}
}

func TestHopLimit(t *testing.T) {
	for hl := 0; hl < 256; hl++ {
		pkt := make([]byte, 40)
		pkt[0], pkt[6], pkt[7] = 0x60, 59, byte(hl)
		pkt[24] = 0xff
		got, err := AppendCompress(nil, pkt, Link{}, nil, Options{})
		size := 2 + 1 + 4
		if hl != 1 && hl != 64 && hl != 255 {
			size++
		}
		if err != nil || len(got) != size {
			t.Fatalf("AppendCompress(%x) = %x, %v, want %d bytes", pkt, got, err, size)
		}
		if back, err := AppendDecompress(nil, got, Link{}, nil, Options{}); err != nil || !bytes.Equal(back, pkt) {
			t.Fatalf("AppendDecompress(%x) = %x, %v, want %x", got, back, err, pkt)
		}
	}
}

// TestReservedBits: the reserved bits of TF=00 and TF=01 are ignored.
func TestReservedBits(t *testing.T) {
	for _, frame := range []string{"6033 b0f12345 3a 40", "6833 7f2345 3a 40"} {
		pkt, err := AppendDecompress(nil, mustHex(t, frame), Link{ShortAddr(1), ShortAddr(2)}, nil, Options{})
		if err != nil || pkt[1]&15 != 1 && pkt[1]&15 != 0xf {
			t.Errorf("AppendDecompress(%s) = %x, %v", frame, pkt, err)
		}
	}
}

func TestParseIPHC(t *testing.T) {
	for enc := 0; enc < 1<<16; enc++ {
		b := []byte{byte(enc >> 8), byte(enc)}
		h, err := ParseIPHC(b)
		bad := enc>>13 != 3 || enc&15 == 4 || enc&15 > 12
		if bad != (err == ErrMalformed) || !bad && uint16(h) != uint16(enc) {
			t.Fatalf("ParseIPHC(%x) = %x, %v", b, h, err)
		}
	}
	if _, err := ParseIPHC([]byte{0x7a}); err != ErrTruncated {
		t.Errorf("ParseIPHC of one byte: %v", err)
	}
	h, _ := ParseIPHC([]byte{0x7a, 0xf5})
	if h.TF() != 3 || h.NH() || h.HLIM() != 2 || !h.CID() || !h.SAC() || h.SAM() != 3 || h.M() || !h.DAC() || h.DAM() != 1 || h.Len() != 12 {
		t.Errorf("view of 7af5: %d", h.Len())
	}
}
