package gpcomp

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"strings"
	"testing"
)

// ipv4Packet builds a packet; opts has whole words.
func ipv4Packet(proto byte, opts, payload []byte) []byte {
	p := []byte{0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, proto, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	p = append(append(p, opts...), payload...)
	p[0] += byte(len(opts) / 4)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	return fixIPv4(p)
}

// fixIPv4 sets the header checksum, word by word as RFC 1071 has it.
func fixIPv4(p []byte) []byte {
	p[10], p[11] = 0, 0
	sum := 0
	for i := 0; i < int(p[0]&15)*4; i += 2 {
		sum += int(p[i])<<8 | int(p[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	p[10], p[11] = byte(^sum>>8), byte(^sum)
	return p
}

func ipv6Packet(next byte, rest []byte) []byte {
	p := make([]byte, 40)
	p[0], p[6], p[7], p[23], p[39] = 0x60, next, 64, 1, 2
	binary.BigEndian.PutUint16(p[4:], uint16(len(rest)))
	return append(p, rest...)
}

func ipAssociation() *Association {
	return &Association{CPI: 3, Codec: newLZS(1500), Threshold: 1, Backoff: Backoff{Off: true}}
}

// TestIP: where the header goes, and what else changes (RFC 3173, Sections 2.1, 3).
func TestIP(t *testing.T) {
	text := []byte(strings.Repeat("all work and no play; ", 10))
	udp := append([]byte{0x16, 0x33, 0x16, 0x33, 0, 228, 0x12, 0x34}, text...)
	hop := func(next byte) string { return string([]byte{next, 0, 5, 2, 0, 0, 1, 0}) }
	routing := func(next byte) string { return string([]byte{next, 2, 4, 1, 0, 0, 0, 0}) + strings.Repeat("r", 16) }
	fragment := func(next byte, off uint16) string {
		return string([]byte{next, 0, byte(off >> 8), byte(off), 1, 2, 3, 4})
	}
	dest := func(next byte) string { return string([]byte{next, 0, 1, 4, 0, 0, 0, 0}) }
	chain := func(s string) []byte { return append([]byte(s), udp...) }
	for _, c := range []struct {
		what string
		pkt  []byte
		off  int // of the IPComp header; 0: left as it is
		at   int // of the field that becomes 108
	}{
		{"IPv4", ipv4Packet(17, nil, udp), 20, 9},
		{"IPv4 with options", ipv4Packet(17, []byte{7, 7, 4, 0, 0, 0, 0, 0}, udp), 28, 9},
		{"IPv6", ipv6Packet(17, udp), 40, 6},
		{"hop-by-hop", ipv6Packet(0, chain(hop(17))), 48, 40},
		{"routing", ipv6Packet(43, chain(routing(17))), 64, 40},
		{"hop-by-hop, destination, routing", ipv6Packet(0, chain(hop(60)+dest(43)+routing(17))), 80, 56},
		{"destination options only", ipv6Packet(60, chain(dest(17))), 40, 6},
		{"routing, destination", ipv6Packet(43, chain(routing(60)+dest(17))), 64, 40},
		{"whole packet with a fragment header", ipv6Packet(44, chain(fragment(17, 0))), 48, 40},
		{"the same, reserved bits", ipv6Packet(44, chain(fragment(17, 6))), 48, 40},
		{"first fragment", ipv6Packet(44, chain(fragment(17, 1))), 0, 0},
		{"last fragment", ipv6Packet(44, chain(fragment(17, 0x08))), 0, 0},
		{"ESP", ipv6Packet(50, udp), 0, 0},
		{"AH", ipv4Packet(51, nil, udp), 0, 0},
		{"IPComp", ipv4Packet(108, nil, udp), 0, 0},
		{"destination options, then ESP", ipv6Packet(60, chain(dest(50))), 0, 0},
		{"destination options, then IPComp", ipv6Packet(60, chain(dest(108))), 0, 0},
		{"incompressible", ipv4Packet(17, nil, pairless(200)), 0, 0},
		{"no payload", ipv6Packet(59, nil), 0, 0},
		{"extension header cut", ipv6Packet(0, []byte{17, 200, 0, 0, 0, 0, 0, 0}), 0, 0},
		{"extension header cut to a byte", ipv6Packet(0, []byte{17}), 0, 0},
		{"fragment header cut", ipv6Packet(44, []byte{17, 0, 0}), 0, 0},
		{"IPv6 length too large", edit(ipv6Packet(17, udp), 5, 1), 0, 0},
		{"IPv6 header cut", ipv6Packet(17, udp)[:39], 0, 0},
		{"IPv4 length too large", fixIPv4(edit(ipv4Packet(17, nil, udp), 3, 1)), 0, 0},
		{"IPv4 length too small", fixIPv4(edit(ipv4Packet(17, nil, udp), 3, -1)), 0, 0},
		{"wrong IPv4 checksum", edit(ipv4Packet(17, nil, udp), 11, 1), 0, 0},
		{"IPv4 header cut", ipv4Packet(17, nil, udp)[:19], 0, 0},
		{"IPv4 header length too small", fixIPv4(edit(ipv4Packet(17, nil, udp), 0, -1)), 0, 0},
		{"IPv4 header length too large", fixIPv4(edit(ipv4Packet(17, nil, udp), 0, 10))[:30], 0, 0},
		{"first IPv4 fragment", fixIPv4(edit(ipv4Packet(17, nil, udp), 6, -0x20)), 0, 0},
		{"last IPv4 fragment", fixIPv4(edit(ipv4Packet(17, nil, udp), 7, 1)), 0, 0},
		{"another version", edit(ipv4Packet(17, nil, udp), 0, 0x10), 0, 0},
		{"nothing", nil, 0, 0},
	} {
		a := ipAssociation()
		orig := append([]byte{}, c.pkt...)
		out, ok := a.AppendCompressIP([]byte("p"), c.pkt)
		if !bytes.Equal(c.pkt, orig) || out[0] != 'p' {
			t.Errorf("%s: argument or prefix changed", c.what)
		}
		out = out[1:]
		if off, err := PayloadIP(c.pkt); off != c.off && ok || (err == nil) != (c.off > 0 || c.what == "incompressible" || c.what == "no payload") {
			t.Errorf("%s: PayloadIP(%x) = %d, %v, want %d", c.what, c.pkt, off, err, c.off)
		}
		if ok != (c.off > 0) || !ok && !bytes.Equal(out, orig) {
			t.Errorf("%s: AppendCompressIP(%x) = %x, %v", c.what, c.pkt, out, ok)
		}
		if !ok {
			continue
		}
		code, err := a.Codec.AppendCompress(nil, c.pkt[c.off:], len(c.pkt))
		if err != nil {
			t.Fatal(err)
		}
		want := append([]byte{}, orig[:c.off]...)
		want = append(append(want, orig[c.at], 0, 0, 3), code...)
		want[c.at] = 108
		if orig[0]>>4 == 4 {
			binary.BigEndian.PutUint16(want[2:], uint16(len(want)))
			fixIPv4(want)
		} else {
			binary.BigEndian.PutUint16(want[4:], uint16(len(want)-40))
		}
		if !bytes.Equal(out, want) {
			t.Errorf("%s: AppendCompressIP(%x) = %x, want %x", c.what, c.pkt, out, want)
		}
		if h, off, err := ParseIP(out); err != nil || off != c.off || h != (Header{orig[c.at], 0, 3}) {
			t.Errorf("%s: ParseIP(%x) = %+v, %d, %v", c.what, out, h, off, err)
		}
		back, err := a.AppendDecompressIP([]byte("q"), out)
		if err != nil || string(back) != "q"+string(orig) {
			t.Errorf("%s: AppendDecompressIP(%x) = %x, %v, want %x", c.what, out, back, err, orig)
		}
	}
}

// edit adds d to byte at.
func edit(p []byte, at, d int) []byte {
	p[at] += byte(d)
	return p
}

func TestIPBad(t *testing.T) {
	z := newLZS(4096)
	code := func(n int) []byte {
		c, err := z.AppendCompress([]byte{17, 0, 0, 3}, make([]byte, n), 10000)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		what string
		pkt  []byte
		want error
	}{
		{"fits in IPv4", ipv4Packet(108, nil, code(65515)), nil},
		{"does not fit in IPv4", ipv4Packet(108, nil, code(65516)), ErrShortBuffer},
		{"fits in IPv6", ipv6Packet(108, code(65535)), nil},
		{"does not fit in IPv6", ipv6Packet(108, code(65536)), ErrShortBuffer},
		{"behind an extension header", ipv6Packet(0, append([]byte{108, 0, 1, 4, 0, 0, 0, 0}, code(65527)...)), nil},
		{"does not fit behind an extension header", ipv6Packet(0, append([]byte{108, 0, 1, 4, 0, 0, 0, 0}, code(65528)...)), ErrShortBuffer},
		{"behind destination options", ipv6Packet(60, append([]byte{108, 0, 1, 4, 0, 0, 0, 0}, code(10)...)), nil},
		{"not IPComp", ipv4Packet(17, nil, code(10)), ErrUnsupported},
		{"another CPI", ipv4Packet(108, nil, []byte{17, 0, 0, 4, 0xc0, 0}), ErrNoSA},
		{"header cut", ipv4Packet(108, nil, []byte{17, 0, 0}), ErrTruncated},
		{"no code", ipv6Packet(108, []byte{17, 0, 0, 3}), ErrTruncated},
		{"bad code", ipv6Packet(108, []byte{17, 0, 0, 3, 0xff, 0x80}), ErrMalformed},
		{"fragment", fixIPv4(edit(ipv4Packet(108, nil, code(10)), 7, 1)), ErrUnsupported},
		{"wrong checksum", edit(ipv4Packet(108, nil, code(10)), 8, 1), ErrMalformed},
		{"wrong length", edit(ipv6Packet(108, code(10)), 5, 1), ErrMalformed},
		{"nothing", nil, ErrTruncated},
	} {
		a := Association{CPI: 3, Codec: z}
		out, err := a.AppendDecompressIP([]byte("p"), c.pkt)
		if err != c.want || err != nil && string(out) != "p" || err == nil && len(out) < 10 {
			t.Errorf("%s: AppendDecompressIP = %d bytes, %v, want %v", c.what, len(out), err, c.want)
		}
	}
	a := Association{CPI: 3, Codec: z, MaxLen: 9}
	if _, err := a.AppendDecompressIP(nil, ipv4Packet(108, nil, code(10))); err != ErrShortBuffer {
		t.Errorf("above MaxLen: %v", err)
	}
	a.Codec = nil
	if _, err := a.AppendDecompressIP(nil, ipv4Packet(108, nil, code(10))); err != ErrUnsupported {
		t.Errorf("no codec: %v", err)
	}
}

// TestIPAny: whatever packets contain, they come back.
func TestIPAny(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	a := ipAssociation()
	compressed := 0
	for i := 0; i < 20000; i++ {
		protos := []byte{0, 6, 17, 43, 44, 50, 51, 58, 59, 60, 108}
		rest := noisy(rnd, rnd.Intn(120), 2)
		for at := 0; at+8 < len(rest); at += 8 {
			rest[at] = protos[rnd.Intn(len(protos))]
		}
		pkt := ipv6Packet(protos[rnd.Intn(len(protos))], rest)
		if i%2 == 0 {
			pkt = ipv4Packet(protos[rnd.Intn(len(protos))], make([]byte, rnd.Intn(2)*8), rest)
		}
		out, ok := a.AppendCompressIP(nil, pkt)
		if !ok {
			if !bytes.Equal(out, pkt) {
				t.Fatalf("AppendCompressIP(%x) = %x", pkt, out)
			}
			continue
		}
		compressed++
		if len(out) >= len(pkt) {
			t.Fatalf("AppendCompressIP(%x): %d bytes, not smaller", pkt, len(out))
		}
		if back, err := a.AppendDecompressIP(nil, out); err != nil || !bytes.Equal(back, pkt) {
			t.Fatalf("AppendDecompressIP(%x) = %x, %v, want %x", out, back, err, pkt)
		}
	}
	if compressed < 5000 {
		t.Errorf("only %d packets were compressed", compressed)
	}
}
