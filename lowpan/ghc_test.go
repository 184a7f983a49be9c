package lowpan

import (
	"bytes"
	"testing"
)

// TestGHCPackets: GHC where it is smaller, and only there.
func TestGHCPackets(t *testing.T) {
	g := newGHC()
	for _, v := range []struct {
		name  string
		next  byte
		rest  string
		frame string
	}{
		// RFC 7400, Figure 8: payload 9b006bde00000000.
		{"ICMPv6", 58, "9b006bde00000000", "7e33 df 049b006bde82"},
		{"ICMPv6, nothing to gain", 58, "9b006bde", "7a33 3a 9b006bde"},
		{"ICMPv6, empty", 58, "", "7a33 3a"},
		{"UDP", 17, "f0b1 f0be 0010 beef 0000000000000000", "7e33 d3 1e beef 86"},
		{"UDP, nothing to gain", 17, "f0b1 f0be 000a beef 0102", "7e33 f3 1e beef 0102"},
		{"UDP, empty", 17, "f0b1 f0be 0008 beef", "7e33 f3 1e beef"},
		{"TCP", 6, "0000000000000000", "7a33 06 0000000000000000"},
		{"hop-by-hop", 0, "3b 01 0500 000000000000000000000000", "7e33 b0 3b 01058b 90"},
		{"hop-by-hop, better without", 0, "3b 00 010400000000", "7e33 e0 3b 00"},
		{"mobility", 135, "3b 00 000000000000", "7e33 e8 3b 06 000000000000"},
		{"all of it", 60, "2b 01 0500 000000000000000000000000 11 01 0300 000000000000000000000000 1633 1634 0010 beef 0000000000000000",
			"7e33 b7 01058b 90 b3 01038b 90 d0 1633 1634 beef 86"},
		{"ICMPv6 behind options", 60, "3a 00 05020000 0100 9b006bde00000000", "7e33 e7 04 05020000 df 049b006bde82"},
		{"ICMPv6 behind a later fragment", 44, "3a 00 0008 01020304 9b006bde00000000", "7e33 e4 3a 00 0008 01020304 9b006bde00000000"},
	} {
		pkt, want := ipv6Packet(t, v.next, v.rest), mustHex(t, v.frame)
		got, err := AppendCompress([]byte("p"), pkt, testLink, nil, Options{GHC: g})
		if err != nil || !bytes.Equal(got[1:], want) {
			t.Errorf("%s: AppendCompress(%x) = %x, %v, want %x", v.name, pkt, got[1:], err, want)
		}
		if back, err := AppendDecompress([]byte("p"), got[1:], testLink, nil, Options{}); err != nil || !bytes.Equal(back[1:], pkt) {
			t.Errorf("%s: AppendDecompress(%x) = %x, %v, want %x", v.name, got[1:], back[1:], err, pkt)
		}
	}
}

// TestGHCDictionary: the addresses are those of the header nearest by.
func TestGHCDictionary(t *testing.T) {
	inner := "6000000000183a40" + "20010db8111122223333444455556666" + "20010db8777788889999aaaabbbbcccc"
	pkt := ipv6Packet(t, 41, inner+"8100000000000000"+"20010db8777788889999aaaabbbbcccc")
	got, err := AppendCompress(nil, pkt, testLink, nil, Options{GHC: newGHC()})
	want := mustHex(t, "7e33 ee 7e00 20010db8111122223333444455556666 20010db8777788889999aaaabbbbcccc df 01 81 85 b3f0")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("AppendCompress(%x) = %x, %v, want %x", pkt, got, err, want)
	}
}

func TestAppendGHC(t *testing.T) {
	var src, dst [16]byte
	copy(src[:], "0123456789abcdef")
	payload := []byte("....0123456789abcdef....")
	g := newGHC()
	code, err := AppendGHC([]byte("p"), payload, src, dst, g)
	if err != nil || len(code) > 13 {
		t.Fatalf("AppendGHC = %x, %v", code, err)
	}
	if back, err := AppendUnGHC([]byte("q"), code[1:], src, dst, len(payload)); err != nil || string(back[1:]) != string(payload) {
		t.Errorf("AppendUnGHC(%x) = %q, %v", code[1:], back, err)
	}
	for _, v := range []struct {
		code  []byte
		limit int
		err   error
	}{{code[1:], 5, ErrShortBuffer}, {code[1:2], 5, ErrTruncated}, {[]byte{0x60}, 5, ErrMalformed}} {
		if back, err := AppendUnGHC([]byte("q"), v.code, src, dst, v.limit); err != v.err || string(back) != "q" {
			t.Errorf("AppendUnGHC(%x) = %q, %v, want %v", v.code, back, err, v.err)
		}
	}
	if out, err := AppendGHC([]byte("p"), payload, src, dst, new(GHC)); err != ErrShortBuffer || string(out) != "p" {
		t.Errorf("AppendGHC without memory: %q, %v", out, err)
	}
}
