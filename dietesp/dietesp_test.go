package dietesp

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
)

// Random attributes, random packets: what is sealed opens to the same bytes,
// or is refused with ErrNoRule.
func TestRoundTrip(t *testing.T) {
	var g gen
	sealed, refused := 0, 0
	for i := 0; i < 1500; i++ {
		seed := int64(i / 300)
		if i%300 == 0 {
			g = gen{rand.New(rand.NewSource(seed))}
		}
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		a := g.attributes(&c, alg)
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		for j := 0; j < 8; j++ {
			pkt := g.packet(&a)
			before := bytes.Clone(pkt)
			explained := out.Explain(pkt)
			prefix := g.bytes(g.Intn(5))
			got, err := out.AppendSeal(bytes.Clone(prefix), pkt)
			if !bytes.Equal(pkt, before) {
				t.Fatalf("seed %d: AppendSeal wrote to its packet", seed)
			}
			if err != nil {
				if err != ErrNoRule && !(c.Mode == esp.ModeTransport && err == ErrUnsupported) {
					t.Fatalf("seed %d: %+v\nAppendSeal(%x) = %v", seed, a, pkt, err)
				}
				if explained.Err != err {
					t.Fatalf("seed %d: AppendSeal(%x): %v, Explain: %v", seed, pkt, err, explained.Err)
				}
				refused++
				continue
			}
			sealed++
			if n := len(got) - len(prefix); explained.Err != nil || explained.DietBytes != n {
				t.Fatalf("seed %d: %+v\nExplain(%x): %d bytes, %v, want %d", seed, a, pkt, explained.DietBytes, explained.Err, n)
			}
			checkExplanation(t, explained)
			if !bytes.HasPrefix(got, prefix) {
				t.Fatalf("seed %d: AppendSeal changed what was in dst", seed)
			}
			wire := got[len(prefix):]
			back, err := in.AppendOpen(bytes.Clone(prefix), wire)
			if err != nil {
				t.Fatalf("seed %d: %+v %+v %v\nAppendOpen(%x) = %v, want %x", seed, a, c, alg, wire, err, pkt)
			}
			back = back[len(prefix):]
			if a.FlowLabel == ActionGenerated && c.Mode == esp.ModeTunnel && a.IIPC == IIPCDietESP {
				clearLabel(back)
				clearLabel(pkt)
			}
			if !bytes.Equal(back, pkt) {
				t.Fatalf("seed %d: %+v %+v %v\nAppendOpen(%x)\n = %x\nwant %x", seed, a, c, alg, wire, back, pkt)
			}
			if _, err := in.AppendOpen(nil, wire); err != ErrReplay && err != ErrAuth {
				t.Fatalf("seed %d: AppendOpen of a replayed packet: %v", seed, err)
			}
		}
	}
	if sealed < 5000 || refused < 100 {
		t.Errorf("%d packets sealed, %d refused: the generator is one-sided", sealed, refused)
	}
}

// clearLabel makes two packets comparable that differ in the generated field.
func clearLabel(pkt []byte) {
	if pkt[0]>>4 == 4 {
		clear(pkt[4:6])
		clear(pkt[10:12])
		return
	}
	pkt[1] &= 0xf0
	pkt[2], pkt[3] = 0, 0
}

// What the Rules cannot restore is refused, by name, and costs nothing.
func TestRefused(t *testing.T) {
	src, dst := addr(16, 0x100), addr(16, 0x7200)
	udp := func(n int) []byte {
		return append([]byte{5000 >> 8, 5000 & 255, 5683 >> 8, 5683 & 255, 0, byte(8 + n), 0, 0}, make([]byte, n)...)
	}
	pkt := func(hops byte, label uint32) []byte {
		return ipv6(0, label, hops, protoUDP, src.Bytes(), dst.Bytes(), udp(4))
	}
	with := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	hbh := ipv6(0, 0, 64, 0, src.Bytes(), dst.Bytes(), append([]byte{protoUDP, 0, 1, 4, 0, 0, 0, 0}, udp(4)...))
	putChecksumAt(hbh, 48)
	frag := ipv6(0, 0, 64, 44, src.Bytes(), dst.Bytes(), append([]byte{protoUDP, 0, 0, 1, 1, 2, 3, 4}, udp(4)...))
	good := pkt(64, 0)
	lite := ipv6(0, 0, 64, protoUDPLite, src.Bytes(), dst.Bytes(), udp(4))
	a := iotAttributes(8, 8)
	v4 := a
	v4.Selectors = Selectors{Version: 4, Protocols: []uint8{protoUDP}}
	plain4 := ipv4(0, 7, 0x4000, 64, protoUDP, []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, nil, udp(4))
	for _, test := range []struct {
		name string
		a    Attributes
		pkt  []byte
		want error
	}{
		{"as it should be", a, good, nil},
		{"with a flow label", a, pkt(64, 0xfffff), nil},
		{"a hop limit that is not the outer one", a, pkt(63, 0), ErrNoRule},
		{"a wrong checksum", a, with(good, 46, 1, 2), ErrNoRule},
		{"no checksum", a, with(good, 46, 0, 0), ErrNoRule},
		{"a wrong length of UDP", a, with(good, 44, 0, 11), ErrNoRule},
		{"another source", a, with(good, 23, 0xee), ErrNoRule},
		{"another port", a, with(good, 40, 1), ErrNoRule},
		{"another protocol", a, lite, ErrNoRule},
		{"hop-by-hop options", a, hbh, ErrNoRule},
		{"a fragment", a, frag, ErrNoRule},
		{"bytes behind the packet", a, append(bytes.Clone(good), 0), ErrMalformed},
		{"a packet that is cut off", a, good[:50], ErrTruncated},
		{"IPv4 where IPv6 is expected", a, plain4, ErrNoRule},
		{"IPv4", v4, plain4, nil},
		{"IPv4 with options", v4, ipv4(0, 7, 0x4000, 64, protoUDP, []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, []byte{1, 1, 1, 1}, udp(4)), ErrNoRule},
		{"IPv4 with a wrong header checksum", v4, with(plain4, 10, 1, 2), ErrNoRule},
		{"a first fragment of IPv4", v4, ipv4(0, 7, 0x2000, 64, protoUDP, []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, nil, udp(4)), nil},
		{"a later fragment of IPv4", v4, ipv4(0, 7, 0x0003, 64, protoUDP, []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, nil, udp(4)), ErrNoRule},
	} {
		s := mustSA(t, benchConfig, mustAlgorithm("aes128gcm16iiv"), test.a)
		out, err := s.AppendSeal([]byte{3}, test.pkt)
		if err != test.want && !(err == nil && test.want == nil) {
			t.Errorf("%s: AppendSeal(%x) = %x, %v, want %v", test.name, test.pkt, out, err, test.want)
		}
		if err != nil && (!bytes.Equal(out, []byte{3}) || s.Sent() != 0) {
			t.Errorf("%s: %x, %d numbers used", test.name, out, s.Sent())
		}
		if x := s.Explain(test.pkt); (x.Err == nil) != (err == nil) || err == ErrNoRule && x.Why == nil {
			t.Errorf("%s: Explain: %v, %+v", test.name, x.Err, x.Why)
		}
	}
	// A flow label that an outer IPv4 header has no room for.
	c := benchConfig
	c.Src, c.Dst = addr(4, 1), addr(4, 2)
	for label, want := range map[uint32]error{0xffff: nil, 0x10000: ErrNoRule} {
		s := mustSA(t, c, mustAlgorithm("aes128gcm16iiv"), a)
		if _, err := s.AppendSeal(nil, pkt(64, label)); err != want && !(err == nil && want == nil) {
			t.Errorf("flow label %#x in IPv4: %v, want %v", label, err, want)
		}
	}
}

func putChecksumAt(pkt []byte, off int) { putChecksum(pkt, off, protoUDP) }

// In transport mode ESP stands behind the extension headers that are for the way,
// and the pseudo-header is that of the packet.
func TestExtensionHeaders(t *testing.T) {
	src, dst := addr(16, 0x100), addr(16, 0x7200)
	udp := append([]byte{5000 >> 8, 5000 & 255, 5683 >> 8, 5683 & 255, 0, 12, 0, 0}, "21.5"...)
	hbh := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }
	one := ipv6(0x10, 5, 3, 0, src.Bytes(), dst.Bytes(), append(hbh(protoUDP), udp...))
	putChecksumAt(one, 48)
	opts := ipv6(0x10, 5, 3, 0, src.Bytes(), dst.Bytes(), append(append(hbh(60), hbh(protoUDP)...), udp...))
	putChecksumAt(opts, 56)
	c := esp.Config{SPI: 0x1001, Mode: esp.ModeTransport}
	for i, test := range []struct {
		pkt    []byte
		protos []uint8
		bytes  int // behind the headers that stay, without the ICV
		want   error
	}{
		{one, []uint8{protoUDP}, 2 + 4, nil},
		{one, []uint8{0}, 2 + 12 + 1, nil},
		{opts, []uint8{protoUDP}, 0, ErrNoRule},
		{opts, []uint8{60}, 2 + 8 + 12, nil},
	} {
		a := iotAttributes(8, 8)
		a.Selectors.Protocols = test.protos
		alg := mustAlgorithm("aes128gcm16iiv")
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		wire, err := out.AppendSeal(nil, test.pkt)
		if err != test.want && !(err == nil && test.want == nil) {
			t.Errorf("%d: %v, want %v", i, err, test.want)
		}
		if err != nil {
			continue
		}
		if len(wire) != 48+test.bytes+16 {
			t.Errorf("%d: %d bytes, want %d", i, len(wire), 48+test.bytes+16)
		}
		if back, err := in.AppendOpen(nil, wire); err != nil || !bytes.Equal(back, test.pkt) {
			t.Errorf("%d: AppendOpen(%x) = %x, %v, want %x", i, wire, back, err, test.pkt)
		}
	}
}
