package lowpan

import (
	"bytes"
	"testing"
)

func noAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocs per run, want 0", what, n)
	}
}

func TestAllocs(t *testing.T) {
	ghc := newGHC()
	for s := int64(0); s < 10; s++ {
		g := newGen(s)
		for i := 0; i < 10; i++ {
			pkt := g.packet(2)
			// Exactly the room that the comments ask for.
			dst := make([]byte, 0, MaxCompressedLen(len(pkt)))
			back := make([]byte, 0, len(pkt)+2)
			for _, opts := range []Options{{}, {ElideChecksum: true}, {GHC: ghc}} {
				noAllocs(t, "round trip of "+name(pkt), func() {
					c, err := AppendCompress(dst, pkt, g.link, g.tab, opts)
					if err != nil {
						panic(err)
					}
					if _, err := AppendDecompress(back, c, g.link, g.tab, opts); err != nil {
						panic(err)
					}
				})
			}
		}
	}
}

func TestAllocsFragments(t *testing.T) {
	pkt := ipv6Packet(t, 17, "f0b1 f0be 00c8 beef")
	pkt = append(pkt, bytes.Repeat([]byte{1, 2, 3, 4}, 48)...)
	pkt[5] = 200
	r := newReassembler(1, 1280)
	frame, out := make([]byte, 0, MaxCompressedLen(len(pkt))+4), make([]byte, 0, len(pkt))
	ghc := newGHC()
	for _, opts := range []Options{{}, {GHC: ghc}} {
		noAllocs(t, "fragmentation", func() {
			var f Fragmenter
			if err := f.Reset(pkt, testLink, nil, opts, 1, 60); err != nil {
				panic(err)
			}
			whole := false
			for more := true; more; {
				b, m, err := f.AppendFrame(frame[:0])
				if err != nil {
					panic(err)
				}
				if _, whole, err = r.AppendPacket(out[:0], b, testLink, nil, opts, 0); err != nil {
					panic(err)
				}
				more = m
			}
			if !whole {
				panic("not whole")
			}
		})
	}
}

func TestAllocsViews(t *testing.T) {
	mac := mustHex(t, "6998 05 cdab 7856 3412 09 04030201 07 b300010002 5007 f1 830505 7a33 3a 11223344")
	noAllocs(t, "ParseFrame and ParseHeaders", func() {
		f, err := ParseFrame(mac, FCSNone)
		if err != nil {
			panic(err)
		}
		if _, err := ParseHeaders(f.Payload, 0); err != nil {
			panic(err)
		}
	})
	var tab Table
	opt := mustHex(t, "22024013 00001234 20010db800000000")
	noAllocs(t, "Table.Update", func() {
		o, _, err := ParseContextOption(opt)
		if err != nil {
			panic(err)
		}
		if err := tab.Update(o, 1800, 0); err != nil {
			panic(err)
		}
		tab.Expire(1)
	})
}

// TestUntouched: arguments keep their content, prefixes stay, and the bytes
// that are appended do not depend on dst.
func TestUntouched(t *testing.T) {
	ghc := newGHC()
	for s := int64(0); s < 20; s++ {
		g := newGen(s)
		pkt := g.packet(2)
		orig := append([]byte{}, pkt...)
		for _, opts := range []Options{{}, {GHC: ghc, ElideChecksum: true}} {
			plain, err := AppendCompress(nil, pkt, g.link, g.tab, opts)
			if err != nil {
				t.Fatal(err)
			}
			with, err := AppendCompress(append(make([]byte, 0, 3000), "prefix"...), pkt, g.link, g.tab, opts)
			if err != nil || string(with[:6]) != "prefix" || !bytes.Equal(with[6:], plain) {
				t.Errorf("AppendCompress behind a prefix: %x, %v, want %x", with, err, plain)
			}
			frame := append([]byte{}, plain...)
			back, err := AppendDecompress(append(make([]byte, 0, 3000), "prefix"...), plain, g.link, g.tab, opts)
			if err != nil || string(back[:6]) != "prefix" || !bytes.Equal(back[6:], orig) {
				t.Errorf("AppendDecompress behind a prefix: %x, %v, want %x", back, err, orig)
			}
			if !bytes.Equal(frame, plain) || !bytes.Equal(orig, pkt) {
				t.Error("argument changed")
			}
		}
	}
}

func TestAllocsSCHC(t *testing.T) {
	schc := bytes.Repeat([]byte{1, 2, 3, 4}, 40)
	r := newReassembler(1, 1280)
	frame, out := make([]byte, 0, 100), make([]byte, 0, len(schc))
	noAllocs(t, "fragmentation of a SCHC Datagram", func() {
		var f Fragmenter
		if err := f.ResetSCHC(schc, 0, 1, 60); err != nil {
			panic(err)
		}
		kind := KindNone
		for more := true; more; {
			b, m, err := f.AppendFrame(frame[:0])
			if err != nil {
				panic(err)
			}
			if _, kind, _, err = r.AppendDatagram(out[:0], b, testLink, nil, Options{}, 0); err != nil {
				panic(err)
			}
			more = m
		}
		if kind != KindSCHC {
			panic(kind)
		}
	})
	ble := mustHex(t, bleConnectInd)
	noAllocs(t, "ParseBLE", func() {
		f, err := ParseBLE(ble, false)
		if err != nil || !f.CRCOK(0x555555) {
			panic("CRC")
		}
		if _, ok := f.Connection(); !ok {
			panic("no connection")
		}
	})
}
