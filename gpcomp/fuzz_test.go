package gpcomp

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

// FuzzHeader: what is read is written the same, but for the flags.
func FuzzHeader(f *testing.F) {
	f.Add([]byte{17, 0, 0, 3})
	f.Add([]byte{17, 0xff, 0xf0, 0, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if (err == nil) != (len(b) >= HeaderLen) {
			t.Fatalf("ParseHeader(%x): %v", b, err)
		}
		if err != nil {
			return
		}
		want := bytes.Clone(b[:HeaderLen])
		want[1] = 0
		if got := h.AppendTo(nil); !bytes.Equal(got, want) || h.Flags != b[1] {
			t.Fatalf("ParseHeader(%x) = %+v, which is %x", b, h, got)
		}
	})
}

// decodes checks that any code gives at most limit bytes or an error, whatever it
// promises, and that one byte less is then too little.
func decodes(t *testing.T, c Codec, code []byte, limit int) (payload []byte, ok bool) {
	t.Helper()
	got, err := c.AppendDecompress([]byte("q"), code, limit)
	if err != nil {
		if e, _ := err.(Error); e.Class() == "" || string(got) != "q" {
			t.Fatalf("%v: AppendDecompress(%x), limit %d: %x, %v", c.Transform(), code, limit, got, err)
		}
		return nil, false
	}
	got = got[1:]
	if len(got) > limit {
		t.Fatalf("%v: AppendDecompress(%x), limit %d: %d bytes", c.Transform(), code, limit, len(got))
	}
	if len(got) > 0 {
		if short, err := c.AppendDecompress([]byte("q"), code, len(got)-1); err != ErrShortBuffer || string(short) != "q" {
			t.Fatalf("%v: AppendDecompress(%x), limit %d: %x, %v", c.Transform(), code, len(got)-1, short, err)
		}
	}
	return got, true
}

// returns checks that a payload comes back, whatever memory there is.
func returns(t *testing.T, c Codec, p []byte) []byte {
	t.Helper()
	code, err := c.AppendCompress([]byte("p"), p, c.MaxCompressedLen(len(p)))
	if err != nil || code[0] != 'p' {
		t.Fatalf("%v: AppendCompress(%x): %v", c.Transform(), p, err)
	}
	code = code[1:]
	if back, err := c.AppendDecompress(nil, code, len(p)); err != nil || !bytes.Equal(back, p) {
		t.Fatalf("%v: AppendDecompress(%x) = %x, %v, want %x", c.Transform(), code, back, err, p)
	}
	if short, err := c.AppendCompress([]byte("p"), p, len(code)-1); err != ErrShortBuffer || string(short) != "p" {
		t.Fatalf("%v: AppendCompress(%x), limit %d: %x, %v", c.Transform(), p, len(code)-1, short, err)
	}
	return code
}

func codecSeeds(f *testing.F) {
	for _, s := range []string{"", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abcabcab", "temperature 21.5; temperature 21.7", "\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x01"} {
		f.Add([]byte(s), uint16(60))
	}
	f.Add(bytes.Repeat([]byte{0xff}, 40), uint16(500))
	f.Add(append([]byte{0x30, 0xe0, 0x7f}, bytes.Repeat([]byte{0xff}, 40)...), uint16(500)) // a long copy
	f.Add([]byte{0x01, 0x61, 0xa7, 0xc7, 0x8f, 0x8f}, uint16(20))
	for _, name := range []string{"lzs.json", "ghc.json"} {
		for _, g := range readVectors(f, name).Groups {
			for _, x := range g.Tests {
				code, _ := hex.DecodeString(x.Sent)
				f.Add(code, uint16(len(x.Payload)/2))
			}
		}
	}
}

// FuzzLZS: any input as a code, compared with the reference, and as a payload.
func FuzzLZS(f *testing.F) {
	codecSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte, limit uint16) {
		z := newLZS(9 + int(limit)%600)
		got, ok := decodes(t, z, b, int(limit))
		if want, good := slowLZS(b); good && len(want) <= int(limit) != ok || ok && (!good || !bytes.Equal(got, want)) {
			t.Fatalf("AppendDecompress(%x), limit %d = %x, %v, the reference gives %x, %v", b, limit, got, ok, want, good)
		}
		if len(b) < 2000 {
			code := returns(t, z, b)
			if back, good := slowLZS(code); !good || !bytes.Equal(back, b) {
				t.Fatalf("the reference makes %x of %x, want %x", back, code, b)
			}
		}
	})
}

// FuzzGHC: any input as a code and as a payload.
func FuzzGHC(f *testing.F) {
	codecSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte, limit uint16) {
		g := newGHC(1 + int(limit)%300)
		got, ok := decodes(t, g, b, int(limit))
		if ok && len(got) > 17*len(b) {
			t.Fatalf("AppendDecompress(%x): %d bytes", b, len(got))
		}
		if len(b) < 1000 {
			returns(t, g, b)
		}
	})
}

// FuzzAssociation: in every form a payload comes back, is not longer than it was unless
// it had to be escaped, and is sent compressed only if that is smaller.
func FuzzAssociation(f *testing.F) {
	for _, s := range []string{"", "abc", "\x00\x00\x00\x03abc", "\x11\x22\x00\x03" + strings.Repeat("abc", 20), strings.Repeat("all work ", 9)} {
		f.Add([]byte(s), byte(0), uint8(0))
		f.Add([]byte(s), byte(17), uint8(3))
	}
	z, g := newLZS(300), newGHC(300)
	f.Fuzz(func(t *testing.T, p []byte, next byte, flags uint8) {
		if len(p) > 2000 {
			return
		}
		a := Association{CPI: 3, Codec: z, NextHeader: next, Threshold: int(flags >> 2), Escape: flags&2 != 0}
		if flags&1 != 0 {
			a.Codec, a.CPI = g, CPIPrivate
		}
		out, ok := a.AppendCompress(nil, p)
		if ok != (len(out) < len(p)) || !ok && !bytes.Equal(out, p) {
			t.Fatalf("AppendCompress(%x) = %x, %v", p, out, ok)
		}
		if back, err := a.AppendDecompress(nil, out, ok); err != nil || !bytes.Equal(back, p) {
			t.Fatalf("AppendDecompress(%x, %v) = %x, %v, want %x", out, ok, back, err, p)
		}
		out, ok = a.AppendCompressHeader(nil, next, p)
		if ok != (len(out) < len(p)) {
			t.Fatalf("AppendCompressHeader(%x) = %x, %v", p, out, ok)
		}
		if ok {
			if back, n, err := a.AppendDecompressHeader(nil, out); err != nil || n != next || !bytes.Equal(back, p) {
				t.Fatalf("AppendDecompressHeader(%x) = %x, %d, %v, want %x", out, back, n, err, p)
			}
		}
		out, ok, err := a.AppendCompressUnmarked(nil, p)
		if err != nil && (err != ErrRefused || !a.Marked(p) || a.Escape) || err == nil && len(out) > len(p) && !(a.Escape && a.Marked(p)) {
			t.Fatalf("AppendCompressUnmarked(%x) = %x, %v", p, out, err)
		}
		if err == nil {
			if back, was, err := a.AppendDecompressUnmarked(nil, out); err != nil || was != ok || !bytes.Equal(back, p) {
				t.Fatalf("AppendDecompressUnmarked(%x) = %x, %v, %v, want %x", out, back, was, err, p)
			}
		}
		// Anything may arrive.
		for _, got := range [][]byte{p, append(a.header(nil, next), p...)} {
			if out, _, err := a.AppendDecompressUnmarked([]byte("q"), got); err != nil && string(out) != "q" || len(out) > 1+DefaultMaxLen {
				t.Fatalf("AppendDecompressUnmarked(%x): %d bytes, %v", got, len(out), err)
			}
		}
	})
}

// FuzzIP: packets come back byte for byte, and are smaller if they were changed; what
// arrives is restored to a packet of at most the size that the length field allows.
func FuzzIP(f *testing.F) {
	text := []byte(strings.Repeat("all work and no play; ", 10))
	f.Add(ipv4Packet(17, nil, text))
	f.Add(ipv4Packet(17, []byte{7, 7, 4, 0, 0, 0, 0, 0}, text))
	f.Add(ipv6Packet(17, text))
	f.Add(ipv6Packet(0, append([]byte{60, 0, 5, 2, 0, 0, 1, 0, 43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 4, 0, 0, 0, 0, 0}, text...)))
	f.Add(ipv6Packet(44, append([]byte{17, 0, 0, 0, 1, 2, 3, 4}, text...)))
	for _, next := range []byte{17, 108} {
		z := newLZS(300)
		code, _ := z.AppendCompress([]byte{next, 0, 0, 3}, text, math.MaxInt)
		f.Add(ipv4Packet(108, nil, code))
		f.Add(ipv6Packet(108, code))
	}
	f.Fuzz(func(t *testing.T, pkt []byte) {
		if len(pkt) > 3000 {
			return
		}
		// Most mutations break lengths and checksums, which are then all that is tested.
		if len(pkt) >= 40 && pkt[0]>>4 == 6 {
			pkt = bytes.Clone(pkt)
			pkt[4], pkt[5] = byte((len(pkt)-40)>>8), byte(len(pkt)-40)
		} else if len(pkt) >= 20 && pkt[0]>>4 == 4 && int(pkt[0]&15)*4 <= len(pkt) {
			pkt = bytes.Clone(pkt)
			pkt[2], pkt[3] = byte(len(pkt)>>8), byte(len(pkt))
			fixIPv4(pkt)
		}
		a := ipAssociation()
		out, ok := a.AppendCompressIP(nil, pkt)
		if ok != (len(out) < len(pkt)) || !ok && !bytes.Equal(out, pkt) {
			t.Fatalf("AppendCompressIP(%x) = %x, %v", pkt, out, ok)
		}
		if ok {
			if h, _, err := ParseIP(out); err != nil || h.CPI != 3 || h.Flags != 0 {
				t.Fatalf("ParseIP(%x) = %+v, %v", out, h, err)
			}
			if back, err := a.AppendDecompressIP(nil, out); err != nil || !bytes.Equal(back, pkt) {
				t.Fatalf("AppendDecompressIP(%x) = %x, %v, want %x", out, back, err, pkt)
			}
		}
		got, err := a.AppendDecompressIP([]byte("q"), pkt)
		if err != nil && string(got) != "q" || len(got) > 1+65575 {
			t.Fatalf("AppendDecompressIP(%x): %d bytes, %v", pkt, len(got), err)
		}
		if h, _, e := ParseIP(pkt); err == nil && (e != nil || h.CPI != 3) {
			t.Fatalf("AppendDecompressIP(%x) = %x, ParseIP gives %+v, %v", pkt, got, h, e)
		}
	})
}
