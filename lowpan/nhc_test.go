package lowpan

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// ipv6Packet is a packet with short addresses over testLink.
func ipv6Packet(t testing.TB, next byte, rest string) []byte {
	b := mustHex(t, rest)
	p := mustHex(t, "6000000000000040"+"fe80000000000000000000fffe000001"+"fe80000000000000000000fffe000002")
	p[6] = next
	binary.BigEndian.PutUint16(p[4:], uint16(len(b)))
	return append(p, b...)
}

var testLink = Link{ShortAddr(1), ShortAddr(2)}

type compressCase struct {
	name  string
	next  byte
	rest  string
	frame string
}

// compressCases are packets with the frame that is expected.
func compressCases() []compressCase {
	return []compressCase{
		{"UDP, ports in-line", 17, "1633 1634 000a beef 0102", "7e33 f0 1633 1634 beef 0102"},
		{"UDP, destination f0XX", 17, "1633 f012 0008 beef", "7e33 f1 1633 12 beef"},
		{"UDP, source f0XX", 17, "f0b1 1633 0008 beef", "7e33 f2 b1 1633 beef"},
		{"UDP, both f0XX", 17, "f0b1 f0c0 0008 beef", "7e33 f2 b1 f0c0 beef"},
		{"UDP, both f0bX", 17, "f0b1 f0be 0008 beef", "7e33 f3 1e beef"},
		{"UDP, wrong length", 17, "f0b1 f0be 0009 beef", "7a33 11 f0b1 f0be 0009 beef"},
		{"UDP, length 0", 17, "f0b1 f0be 0000 beef", "7a33 11 f0b1 f0be 0000 beef"},
		{"UDP, cut", 17, "f0b1 f0be 0007 be", "7a33 11 f0b1 f0be 0007 be"},
		{"no next header", 59, "", "7a33 3b"},
		{"ICMPv6", 58, "80000102", "7a33 3a 80000102"},
		{"hop-by-hop, no padding", 0, "3b 00 050200000500", "7e33 e0 3b 06 050200000500"},
		{"hop-by-hop, Pad1", 0, "3b 00 0503000000 00", "7e33 e0 3b 05 0503000000"},
		{"hop-by-hop, two Pad1", 0, "3b 00 05020000 0000", "7e33 e0 3b 06 05020000 0000"},
		{"hop-by-hop, Pad1 and PadN", 0, "3b 00 050100 00 0100", "7e33 e0 3b 06 050100 00 0100"},
		{"hop-by-hop, PadN of 2", 0, "3b 00 05020000 0100", "7e33 e0 3b 04 05020000"},
		{"hop-by-hop, PadN of 6 only", 0, "3b 00 010400000000", "7e33 e0 3b 00"},
		{"hop-by-hop, PadN with data", 0, "3b 00 010400000001", "7e33 e0 3b 06 010400000001"},
		{"hop-by-hop, PadN of 7", 0, "3b 01 050500000000 00 0105 0000000000", "7e33 e0 3b 07 050500000000 00"},
		{"hop-by-hop, PadN of 8", 0, "3b 01 050400000000 0106 000000000000", "7e33 e0 3b 0e 050400000000 0106 000000000000"},
		{"hop-by-hop, option too long", 0, "3b 00 050500000000", "7e33 e0 3b 06 050500000000"},
		{"hop-by-hop, option type only", 0, "3b 00 050300000005", "7e33 e0 3b 06 050300000005"},
		{"hop-by-hop, cut", 0, "3b 01 050200000100", "7a33 00 3b 01 050200000100"},
		{"hop-by-hop, seven bytes", 0, "3b 00 0502000001", "7a33 00 3b 00 0502000001"},
		{"destination options, UDP", 60, "11 00 05020000 0100 f0b1 f0be 0009 beef aa", "7e33 e7 04 05020000 f3 1e beef aa"},
		{"routing, looks padded", 43, "3b 00 05020000 0100", "7e33 e2 3b 06 05020000 0100"},
		{"mobility", 135, "3b 00 0102030405 06", "7e33 e8 3b 06 0102030405 06"},
		{"fragment, atomic, UDP", 44, "11 00 0000 01020304 f0b1 f0be 0009 beef aa", "7e33 e5 00 0000 01020304 f3 1e beef aa"},
		{"fragment, reserved octet", 44, "3b 77 0006 01020304", "7e33 e4 3b 77 0006 01020304"},
		{"fragment, first", 44, "11 00 0001 01020304 f0b1 f0be 0008 beef", "7e33 e5 00 0001 01020304 f3 1e beef"},
		{"fragment, later", 44, "11 00 0008 01020304 f0b1 f0be 0009 beef aa", "7e33 e4 11 00 0008 01020304 f0b1 f0be 0009 beef aa"},
		{"ESP behind options", 0, "32 00 05020000 0100 01020304", "7e33 e0 32 04 05020000 01020304"},
		{"three headers", 0, "2b 00 05020000 0100 3c 00 00000000 0000 3b 00 010400000000 ff",
			"7e33 e1 04 05020000 e3 06 00000000 0000 e6 3b 00 ff"},
		{"nested", 41, "6000000000023b40 fe80000000000000000000fffe000001 fe80000000000000000000fffe000002 aabb", "7e33 ee 7a33 3b aabb"},
		{"nested, UDP", 41, "60000000000a1140 fe80000000000000000000fffe000001 fe80000000000000000000fffe000002 f0b1 f0be 000a beef aabb", "7e33 ee 7e33 f3 1e beef aabb"},
		{"nested, wrong length", 41, "6000000000033b40 fe80000000000000000000fffe000001 fe80000000000000000000fffe000002 aabb",
			"7a33 29 6000000000033b40 fe80000000000000000000fffe000001 fe80000000000000000000fffe000002 aabb"},
		{"nested, not IPv6", 41, "4000000000023b40 fe80000000000000000000fffe000001 fe80000000000000000000fffe000002 aabb",
			"7a33 29 4000000000023b40 fe80000000000000000000fffe000001 fe80000000000000000000fffe000002 aabb"},
	}
}

func TestCompress(t *testing.T) {
	for _, v := range compressCases() {
		pkt, want := ipv6Packet(t, v.next, v.rest), mustHex(t, v.frame)
		if got := roundTrip(t, pkt, testLink, nil, newGHC()); !bytes.Equal(got, want) {
			t.Errorf("%s: AppendCompress(%x) = %x, want %x", v.name, pkt, got, want)
		}
	}
}

// TestLongExtension: at most 255 bytes behind the length field.
func TestLongExtension(t *testing.T) {
	for _, v := range []struct {
		units, pad int
		nhc        bool
	}{{31, 0, true}, {31, 7, true}, {32, 0, false}, {32, 6, false}, {32, 7, true}, {33, 7, false}} {
		ext := make([]byte, (v.units+1)*8)
		ext[0], ext[1] = 59, byte(v.units)
		opts := len(ext) - 2 - v.pad
		for at := 2; opts > 0; {
			k := min(opts, 100)
			if opts-k == 1 {
				k--
			}
			ext[at], ext[at+1] = 5, byte(k-2)
			at, opts = at+k, opts-k
		}
		if v.pad > 0 {
			ext[len(ext)-v.pad], ext[len(ext)-v.pad+1] = 1, byte(v.pad-2)
		}
		pkt := ipv6Packet(t, 0, "")
		pkt = append(pkt, ext...)
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(ext)))
		got := roundTrip(t, pkt, testLink, nil, newGHC())
		if nhc := got[0]&4 != 0; nhc != v.nhc {
			t.Errorf("%+v: AppendCompress = %x", v, got)
		}
		if want := 5 + len(ext) - 2 - v.pad; v.nhc && len(got) != want {
			t.Errorf("%+v: %d bytes, want %d", v, len(got), want)
		}
	}
}

// TestNestedIID: where the IIDs of a nested header come from.
func TestNestedIID(t *testing.T) {
	src, dst, mcast := "20010db8000000000000000000000005", "20010db8000000000000000000000006", "ff030000000000000000000000000001"
	inner := "6000000000003b40" + "fe80000000000000000000fffe000001" + "fe800000000000000000000000000006"
	link2 := "6000000000003b40" + "fe800000000000000000000000000005" + "fe80000000000000000000fffe000002"
	for _, v := range []struct {
		name  string
		link  bool
		outer string
		inner string
		want  string
	}{
		{"RFC 6282", false, src + dst, inner, "7e00" + src + dst + "ee 7a23 3b 0001"},
		{"link layer", true, src + dst, inner, "7e00" + src + dst + "ee 7a31 3b 0000000000000006"},
		{"multicast outside", false, src + mcast, link2, "7e0a" + src + "03000001" + "ee 7a33 3b"},
		{"multicast outside, link layer", true, src + mcast, link2, "7e0a" + src + "03000001" + "ee 7a13 3b 0000000000000005"},
	} {
		pkt := mustHex(t, "6000000000282940"+v.outer+v.inner)
		opts := Options{LinkIID: v.link}
		got, err := AppendCompress(nil, pkt, testLink, nil, opts)
		if want := mustHex(t, v.want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: AppendCompress(%x) = %x, %v, want %x", v.name, pkt, got, err, want)
		}
		if back, err := AppendDecompress(nil, got, testLink, nil, opts); err != nil || !bytes.Equal(back, pkt) {
			t.Errorf("%s: AppendDecompress(%x) = %x, %v, want %x", v.name, got, back, err, pkt)
		}
	}
}

// TestElideChecksum: only a checksum that comes back the same is elided.
func TestElideChecksum(t *testing.T) {
	good := ipv6Packet(t, 17, "f0b1 f0be 000a 0000 0102")
	binary.BigEndian.PutUint16(good[46:], udpChecksum(good, good[40:]))
	with := func(sum uint16) []byte {
		p := append([]byte{}, good...)
		binary.BigEndian.PutUint16(p[46:], sum)
		return p
	}
	// A payload whose checksum computes to zero, which is sent as ffff.
	zero := with(0)
	binary.BigEndian.PutUint16(zero[48:], 0)
	binary.BigEndian.PutUint16(zero[48:], udpChecksum(zero, zero[40:]))
	if udpChecksum(zero, zero[40:]) != 0xffff {
		t.Fatalf("checksum of %x is %x", zero, udpChecksum(zero, zero[40:]))
	}
	ffff := append([]byte{}, zero...)
	ffff[46], ffff[47] = 0xff, 0xff
	for _, v := range []struct {
		pkt    []byte
		elided bool
	}{{good, true}, {with(0), false}, {with(1), false}, {with(0xffff), false}, {zero, false}, {ffff, true}} {
		got, err := AppendCompress(nil, v.pkt, testLink, nil, Options{ElideChecksum: true})
		if err != nil || got[2] != 0xf3 && got[2] != 0xf7 || got[2] == 0xf7 != v.elided {
			t.Errorf("AppendCompress(%x) = %x, %v, want elided %v", v.pkt, got, err, v.elided)
		}
		if plain, _ := AppendCompress(nil, v.pkt, testLink, nil, Options{}); plain[2] != 0xf3 {
			t.Errorf("checksum elided without leave: %x", plain)
		}
		if back, err := AppendDecompress(nil, got, testLink, nil, Options{}); err != nil || !bytes.Equal(back, v.pkt) {
			t.Errorf("AppendDecompress(%x) = %x, %v, want %x", got, back, err, v.pkt)
		}
	}
}

// Behind a routing header with segments left the checksum of UDP is computed with
// the final destination (RFC 8200, Section 8.1), which a decompressor would not
// do: it is sent, even if it may be elided.
func TestElidedChecksumBehindRoutingHeader(t *testing.T) {
	final := mustHex(t, "20010db8000000000000000000000009")
	pkt := mustHex(t, "6000000000 24 2b 40 20010db8000000000000000000000001 20010db8000000000000000000000002")
	pkt = append(pkt, mustHex(t, "11 02 04 01 00000000")...) // segment routing, one segment left
	pkt = append(pkt, final...)
	udp := len(pkt)
	pkt = append(pkt, mustHex(t, "f0b1 f0b2 000c 0000 01020304")...)
	for _, left := range []byte{0, 1} {
		pkt[43] = left
		ip := append([]byte{}, pkt[:ipv6Len]...)
		if left > 0 {
			copy(ip[24:], final)
		}
		binary.BigEndian.PutUint16(pkt[udp+6:], udpChecksum(ip, pkt[udp:]))
		c, err := AppendCompress(nil, pkt, Link{}, nil, Options{ElideChecksum: true})
		if err != nil {
			t.Fatal(err)
		}
		if elided := c[len(c)-4-2]&0xf8 == nhcUDPBits; elided != (left == 0) {
			t.Errorf("AppendCompress(%x) = %x: checksum elided: %v", pkt, c, elided)
		}
		if back, err := AppendDecompress(nil, c, Link{}, nil, Options{}); err != nil || !bytes.Equal(back, pkt) {
			t.Errorf("AppendDecompress(%x) = %x, %v, want %x", c, back, err, pkt)
		}
	}
}
