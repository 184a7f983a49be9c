package lowpan

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// seeds adds the frames and packets of the interop vectors, as far as present.
func seeds(add func(frame, pkt []byte)) {
	for _, file := range []string{"openthread_test_lowpan.json", "real_captures_tshark.json"} {
		var f struct {
			Vectors []struct{ Compressed, Uncompressed string }
		}
		b, err := os.ReadFile("../../shared/interop/6lowpan/" + file)
		if err != nil || json.Unmarshal(b, &f) != nil {
			continue
		}
		for i, v := range f.Vectors {
			if i > 100 {
				break
			}
			frame, _ := hex.DecodeString(v.Compressed)
			pkt, _ := hex.DecodeString(v.Uncompressed)
			add(frame, pkt)
		}
	}
	g := newGen(99)
	for i := 0; i < 50; i++ {
		pkt := g.packet(2)
		frame, _ := AppendCompress(nil, pkt, fuzzLink, testTable(), Options{GHC: newGHC()})
		add(frame, pkt)
	}
}

var fuzzLink = Link{ShortAddr(0xa0b0), ExtAddr(0x0012740100010101)}

// FuzzRoundTrip: whatever has an IPv6 header comes back.
func FuzzRoundTrip(f *testing.F) {
	seeds(func(_, pkt []byte) { f.Add(pkt) })
	tab, ghc := testTable(), newGHC()
	f.Fuzz(func(t *testing.T, pkt []byte) {
		if len(pkt) > 3000 {
			return
		}
		if checkIPv6(pkt) != 0 {
			if _, err := AppendCompress(nil, pkt, fuzzLink, tab, Options{}); err == nil {
				t.Fatalf("AppendCompress(%x): no error", pkt)
			}
			return
		}
		roundTrip(t, pkt, fuzzLink, tab, ghc)
		// The same with a length that agrees, so that more is compressed.
		fixed := append([]byte{}, pkt...)
		fixed[4], fixed[5] = byte((len(pkt)-40)>>8), byte(len(pkt)-40)
		c := roundTrip(t, fixed, fuzzLink, tab, ghc)
		checkExplain(t, c, fuzzLink, tab, Options{}, len(fixed))
	})
}

// FuzzDecompress: whatever decompresses survives another round, and the limits
// hold.
func FuzzDecompress(f *testing.F) {
	seeds(func(frame, _ []byte) { f.Add(frame, uint16(2000)) })
	tab, ghc := testTable(), newGHC()
	f.Fuzz(func(t *testing.T, frame []byte, max uint16) {
		opts := Options{MaxLen: int(max), StripRouting: true}
		pkt, err := AppendDecompress([]byte("p"), frame, fuzzLink, tab, opts)
		if pkt[0] != 'p' || err != nil && len(pkt) != 1 {
			t.Fatalf("AppendDecompress(%x) = %x, %v", frame, pkt, err)
		}
		if _, err2 := Explain(frame, fuzzLink, tab, opts); err == nil && err2 != nil {
			t.Fatalf("Explain(%x): %v", frame, err2)
		}
		if err != nil {
			return
		}
		pkt = pkt[1:]
		if len(pkt) > opts.maxLen() {
			t.Fatalf("AppendDecompress(%x): %d bytes, at most %d", frame, len(pkt), max)
		}
		if len(pkt) > 3000 || checkIPv6(pkt) != 0 {
			return
		}
		roundTrip(t, pkt, fuzzLink, tab, ghc)
	})
}

// FuzzReassembler takes any frames in any order.
func FuzzReassembler(f *testing.F) {
	g := newGen(7)
	for i := 0; i < 20; i++ {
		all := frames(f, g.packet(1), fuzzLink, testTable(), Options{}, 1, 20+i)
		f.Add(bytes.Join(all, []byte{0xff}), uint8(len(all[0])))
	}
	tab := testTable()
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		r := newReassembler(2, 600)
		for now := uint64(0); len(b) > 0; now += 7000 {
			n := min(int(size)+1, len(b))
			frame := b[:n]
			b = b[n:]
			var out []byte
			var done bool
			var err error
			if size&1 == 0 {
				out, done, err = r.AppendPacket([]byte("p"), frame, fuzzLink, tab, Options{}, now)
			} else {
				var kind Kind
				out, kind, done, err = r.AppendDatagram([]byte("p"), frame, fuzzLink, tab, Options{}, now)
				if kind != KindIPv6 && kind != KindSCHC && done || kind != KindNone && !done {
					t.Fatalf("AppendDatagram(%x): kind %v, %v", frame, kind, done)
				}
				if kind == KindSCHC {
					continue // may be empty
				}
			}
			if out[0] != 'p' || !done && len(out) != 1 || done && (err != nil || len(out) < 2) {
				t.Fatalf("AppendPacket(%x) = %x, %v, %v", frame, out, done, err)
			}
		}
	})
}

// FuzzFrame: parse, write, parse again.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x61\x98\x05\xcd\xab\x78\x56\x34\x12\x7a\x33\x3a"), uint8(0))
	f.Add([]byte("\x49\xaa\x05\xcd\xab\x78\x56\x34\x12\x6c\x07\x00\x3f\x7a\x33\x3a"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		fcs := FCSKind(kind % 3)
		fr, err := ParseFrame(b, fcs)
		ParseHeaders(b, kind)
		ParseTAP(b)
		ParseEthernet(b)
		ParseL2CAP(b, kind&1 == 0)
		ParseL2CAPSignal(b)
		ParseBLERadio(b)
		if f, err := ParseBLE(b, kind&1 == 0); err == nil {
			f.Connection()
			f.CRCOK(uint32(kind))
		}
		ParseContextOption(b)
		ParseCapabilityOption(b)
		if err != nil {
			return
		}
		out, err := AppendFrame(nil, &fr, fr.Payload, fcs)
		if err != nil {
			return
		}
		again, err := ParseFrame(out, fcs)
		if err != nil || !again.FCSOK || again.Src != fr.Src || again.Dst != fr.Dst || !bytes.Equal(again.Payload, fr.Payload) {
			t.Fatalf("AppendFrame(%+v) = %x, read as %+v, %v", fr, out, again, err)
		}
	})
}
