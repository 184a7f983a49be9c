package dietesp

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
)

// standardSA returns an SA of package esp with the same keys.
func standardSA(t testing.TB, c esp.Config, a esp.Algorithm) *esp.SA {
	t.Helper()
	s := new(esp.SA)
	if err := s.Init(c, mustSuite(a)); err != nil {
		t.Fatal(err)
	}
	return s
}

// Standard ESP to Diet-ESP and back is the identity, or is refused. What is
// converted opens to the same inner packet as the standard one.
func TestConvert(t *testing.T) {
	var g gen
	done, refused := 0, 0
	for i := 0; i < 1200; i++ {
		seed := int64(i/300) + 100
		if i%300 == 0 {
			g = gen{rand.New(rand.NewSource(seed))}
		}
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		a := g.attributes(&c, alg)
		std := standardSA(t, c, alg)
		up, down, opener := mustSA(t, c, alg, a), mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		for j := 0; j < 6; j++ {
			inner := g.packet(&a)
			pkt, err := std.AppendSeal(nil, inner)
			if err != nil {
				continue
			}
			if c.Mode == esp.ModeTunnel && a.FlowLabel == ActionLower && a.IIPC == IIPCDietESP && g.chance(90) {
				up.putFirst(pkt, inner, trafficClass(inner))
				if pkt[0]>>4 == 4 {
					fixIPv4(pkt)
				}
			}
			if g.chance(3) && pkt[0]>>4 == 4 {
				pkt[10] ^= 1
			}
			explained := up.ExplainESP(pkt)
			prefix := g.bytes(g.Intn(4))
			got, err := up.AppendCompress(bytes.Clone(prefix), pkt)
			if (err == nil) != (explained.Err == nil) {
				t.Fatalf("seed %d: AppendCompress: %v, ExplainESP: %v", seed, err, explained.Err)
			}
			if err != nil {
				if err != ErrNoRule {
					t.Fatalf("seed %d: %+v\nAppendCompress(%x) = %v", seed, a, pkt, err)
				}
				refused++
				if err := down.Observe(pkt); err != nil {
					t.Fatalf("seed %d: Observe: %v", seed, err)
				}
				opener.Observe(pkt)
				continue
			}
			done++
			wire := got[len(prefix):]
			if explained.StandardBytes != len(pkt) || explained.DietBytes != len(wire) {
				t.Fatalf("seed %d: %+v\nExplainESP: %d and %d bytes, want %d and %d", seed, a, explained.StandardBytes, explained.DietBytes, len(pkt), len(wire))
			}
			checkExplanation(t, explained)
			back, err := down.AppendDecompress(bytes.Clone(prefix), wire)
			if err != nil || !bytes.Equal(back[len(prefix):], pkt) || !bytes.HasPrefix(back, prefix) {
				t.Fatalf("seed %d: %+v %+v %v\nAppendDecompress(%x)\n = %x, %v\nwant %x", seed, a, c, alg, wire, back, err, pkt)
			}
			clear1, err := opener.AppendOpen(nil, wire)
			if err != nil || !bytes.Equal(clear1, inner) {
				t.Fatalf("seed %d: %+v %+v %v\nAppendOpen(%x)\n = %x, %v\nwant %x", seed, a, c, alg, wire, clear1, err, inner)
			}
		}
	}
	if done < 2500 || refused < 100 {
		t.Errorf("%d packets converted, %d refused: the generator is one-sided", done, refused)
	}
}

func fixIPv4(pkt []byte) {
	h, _ := esp.ParseHeaders(pkt, false)
	h.SetLength(pkt)
}

// checkExplanation checks that the parts add up to the whole.
func checkExplanation(t testing.TB, e *Explanation) {
	t.Helper()
	bits, sent := e.Sum(0)
	if got, want := bits-sent, (e.StandardBytes-e.DietBytes)*8; got != want {
		t.Fatalf("the fields save %d bits, the packet %d: %+v", got, want, e)
	}
	n := e.PayloadBytes + e.IVBytes + e.ICVBytes + e.OuterBytes
	if bits/8+n != e.StandardBytes || sent/8+n != e.DietBytes || bits%8 != 0 || sent%8 != 0 {
		t.Fatalf("%d and %d bits and %d bytes, want %d and %d bytes in all: %+v", bits, sent, n, e.StandardBytes, e.DietBytes, e)
	}
	var b, s int
	for _, st := range [...]Stage{IIPC, CTEC, EEC} {
		x, y := e.Sum(st)
		b, s = b+x, s+y
	}
	if b != bits || s != sent {
		t.Fatalf("the compressors save %d of %d bits, the fields %d of %d", b-s, b, bits-sent, bits)
	}
}

// Packets that could not be restored as they were stay as they are.
func TestConvertRefused(t *testing.T) {
	a := DefaultAttributes(ProfileDietESP10)
	a.Selectors.Version, a.Alignment = 6, Alignment8
	c := esp.Config{SPI: 0x1234, Mode: esp.ModeTunnel, Src: addr(16, 1), Dst: addr(16, 2)}
	alg := mustAlgorithm("aes128gcm16")
	g := gen{rand.New(rand.NewSource(3))}
	inner := ipv6(0, 0, 64, 58, g.bytes(16), g.bytes(16), g.bytes(21))
	suite := mustSuite(alg)
	seal := func(seq uint32, text []byte) []byte {
		h := ipv6(0, 0, 64, 50, c.Src.Bytes(), c.Dst.Bytes(), nil)
		h = binary.BigEndian.AppendUint32(h, c.SPI)
		h = binary.BigEndian.AppendUint32(h, seq)
		at := len(h)
		h = append(h, 0, 0, 0, 0, 0, 0, 0, byte(seq))
		h = append(append(h, text...), make([]byte, 16)...)
		if err := suite.Seal(h[at:], c.SPI, uint64(seq), false); err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint16(h[4:], uint16(len(h)-40))
		return h
	}
	with := func(tail ...byte) []byte { return append(bytes.Clone(inner), tail...) }
	for i, test := range []struct {
		name string
		text []byte
		want error
	}{
		{"the least padding", with(1, 1, 41), nil},
		{"more padding", with(1, 2, 3, 4, 5, 5, 41), ErrNoRule},
		{"no padding", with(0, 41), ErrNoRule},
		{"TFC padding", with(0, 0, 0, 0, 1, 1, 41), ErrNoRule},
		{"other padding", with(7, 1, 41), ErrMalformed},
		{"too much padding", []byte{1, 2, 3, 200, 41}, ErrMalformed},
		{"a dummy packet", []byte{1, 2, 2, 59}, ErrNoRule},
		{"no IP packet", []byte{1, 2, 2, 41}, ErrMalformed},
	} {
		s := mustSA(t, c, alg, a)
		pkt := seal(uint32(i+1), test.text)
		out, err := s.AppendCompress([]byte{7}, pkt)
		if err != test.want || err != nil && !bytes.Equal(out, []byte{7}) {
			t.Errorf("%s: AppendCompress(%x) = %x, %v, want %v", test.name, pkt, out, err, test.want)
		}
		if x := s.ExplainESP(pkt); test.want != nil && x.Err != test.want && x.Err != ErrReplay {
			t.Errorf("%s: ExplainESP: %v, want %v", test.name, x.Err, test.want)
		}
	}
	s := mustSA(t, c, alg, a)
	pkt := seal(9, with(1, 1, 41))
	if _, err := s.AppendCompress(nil, pkt); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AppendCompress(nil, pkt); err != ErrReplay {
		t.Errorf("AppendCompress of a replayed packet: %v", err)
	}
	pkt[len(pkt)-1] ^= 1
	pkt[47]++
	if _, err := s.AppendCompress(nil, pkt); err != ErrAuth {
		t.Errorf("AppendCompress of a tampered packet: %v", err)
	}
}

// Both ends know the same numbers and the same life after packets that stay as they
// are: what is compressed afterwards comes back.
func TestConvertInStep(t *testing.T) {
	const seed = 6
	r := rand.New(rand.NewSource(seed))
	g := gen{r}
	alg := mustAlgorithm("aes128gcm16")
	for _, limit := range []esp.Config{{}, {MaxPackets: 20}, {MaxBytes: 1000}} {
		a := DefaultAttributes(ProfileDietESP10)
		a.Selectors.Version, a.Alignment, a.SPILSBBits, a.SNLSBBits = 6, Alignment8, 0, 8
		c := limit
		c.SPI, c.Mode, c.Src, c.Dst = 0x1234, esp.ModeTunnel, addr(16, 1), addr(16, 2)
		there, back := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		suite := mustSuite(alg)
		inner := ipv6(0, 0, 64, 58, g.bytes(16), g.bytes(16), g.bytes(21))
		seq, changed := uint64(0), 0
		for i := 0; i < 300; i++ {
			switch r.Intn(8) {
			case 0:
				seq += 1 + uint64(r.Intn(3000))
			case 1: // again
			default:
				seq++
			}
			text := append(bytes.Clone(inner), [][]byte{{1, 1, 41}, {1, 1, 41}, {1, 1, 41}, {7, 1, 41}, {0, 41}, {1, 2, 2, 59}, {0, 0, 1, 1, 6}}[r.Intn(7)]...)
			pkt := ipv6(0, 0, 64, 50, c.Src.Bytes(), c.Dst.Bytes(), nil)
			pkt = binary.BigEndian.AppendUint32(pkt, c.SPI)
			pkt = binary.BigEndian.AppendUint32(pkt, uint32(seq))
			at := len(pkt)
			pkt = binary.BigEndian.AppendUint64(pkt, seq)
			pkt = append(append(pkt, text...), make([]byte, 16)...)
			if err := suite.Seal(pkt[at:], c.SPI, seq, false); err != nil {
				t.Fatal(err)
			}
			binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
			out, err := there.AppendCompress(nil, pkt)
			if err != nil {
				_ = back.Observe(pkt) // what does not verify, neither end knows
				continue
			}
			changed++
			if again, err := back.AppendDecompress(nil, out); err != nil || !bytes.Equal(again, pkt) {
				t.Fatalf("seed %d, %+v: packet %d, number %d: %x, %v, want %x", seed, limit, i, seq, again, err, pkt)
			}
		}
		if changed < 5 {
			t.Fatalf("seed %d, %+v: %d packets were compressed", seed, limit, changed)
		}
		if there.Packets() != back.Packets() || there.Bytes() != back.Bytes() || there.Edge() != back.Edge() {
			t.Errorf("seed %d, %+v: %d packets, %d bytes, edge %d; the other end has %d, %d, %d", seed, limit,
				there.Packets(), there.Bytes(), there.Edge(), back.Packets(), back.Bytes(), back.Edge())
		}
	}
}

// SPI and Sequence Number alone, without keys: two ends that see the same
// packets, some of them lost before, out of order or twice.
func TestEECOnly(t *testing.T) {
	const seed = 4
	g := gen{rand.New(rand.NewSource(seed))}
	small, whole := 0, 0
	for i := 0; i < 400; i++ {
		a := DefaultAttributes(ProfileDietESP10)
		a.Selectors.Version = 6
		a.RuleID = pick(g, RuleIDElided, RuleIDSent)
		a.SPILSBBits = uint8(g.Intn(33))
		a.SNLSBBits = uint8((40 - int(a.SPILSBBits)%8) % 8)
		if a.SNLSBBits == 0 || g.chance(50) {
			a.SNLSBBits += 8 * uint8(g.Intn(4))
		}
		if a.SNLSBBits > 32 {
			continue
		}
		c := esp.Config{SPI: 0x12345678, ESN: g.chance(50), Seq: uint64(g.Intn(3)) * 0x7fffff00, Window: pick(g, 0, 32, 1000)}
		if c.ESN {
			c.Seq += 0xffffff00
		}
		if g.chance(50) {
			c.Src, c.Dst = addr(16, 1), addr(16, 2)
		}
		var up, down EECSet
		for _, d := range []*EECSet{&up, &down} {
			e := new(EECOnly)
			if err := e.Init(c, a, Options{}); err != nil {
				t.Fatalf("Init(%+v, %+v): %v", c, a, err)
			}
			d.Add(e)
		}
		seq := c.Seq
		for j := 0; j < 60; j++ {
			seq++
			if g.chance(20) {
				seq += uint64(g.Intn(1 << uint(g.Intn(9))))
			}
			n := seq
			if g.chance(20) && seq > 40 {
				n -= uint64(g.Intn(40))
			}
			body := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, c.SPI), uint32(n))
			src, dst := addr(16, 1), addr(16, 2)
			pkt := ipv6(0, 0, 3, 50, src.Bytes(), dst.Bytes(), append(body, g.bytes(g.Intn(40))...))
			out, err := up.AppendCompress([]byte{1}, pkt)
			if err == ErrNoRule {
				whole++
				if err := down.Observe(pkt); err != nil && err != ErrNoRule {
					t.Fatalf("seed %d: Observe: %v", seed, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("seed %d: AppendCompress(%x): %v", seed, pkt, err)
			}
			small++
			if want := len(pkt) - 8 + int(a.SPILSBBits+a.SNLSBBits)/8 + int(a.RuleID); len(out)-1 != want {
				t.Fatalf("seed %d: %d bytes, want %d", seed, len(out)-1, want)
			}
			back, err := down.AppendDecompress([]byte{1}, out[1:])
			if err != nil || !bytes.Equal(back[1:], pkt) {
				t.Fatalf("seed %d: %+v, number %d: AppendDecompress(%x)\n = %x, %v\nwant %x", seed, a, n, out[1:], back, err, pkt)
			}
		}
	}
	if small < 10000 || whole < 100 {
		t.Errorf("%d packets compressed, %d not: the generator is one-sided", small, whole)
	}
}

// Without keys two SAs that cannot be told apart are not compressed.
func TestEECSet(t *testing.T) {
	a := DefaultAttributes(ProfileDietESP10)
	a.Selectors.Version, a.SPILSBBits, a.SNLSBBits = 6, 8, 8
	var d EECSet
	for _, spi := range []uint32{0x1001, 0x2001, 0x2002} {
		e := new(EECOnly)
		if err := e.Init(esp.Config{SPI: spi}, a, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := d.Add(e); err != nil {
			t.Fatal(err)
		}
		if err := d.Add(e); err != ErrMalformed {
			t.Errorf("Add twice: %v", err)
		}
	}
	pkt := func(spi uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, spi)
		return ipv6(0, 0, 64, 50, make([]byte, 16), make([]byte, 16), append(b, 0, 0, 0, 1, 9, 9))
	}
	for spi, want := range map[uint32]error{0x1001: ErrNoRule, 0x2001: ErrNoRule, 0x2002: nil, 0x3001: ErrNoSA} {
		out, err := d.AppendCompress(nil, pkt(spi))
		if err != want && !(want == nil && err == nil) {
			t.Errorf("AppendCompress, SPI %#x: %v, want %v", spi, err, want)
		}
		if err == nil {
			if _, err := d.AppendDecompress(nil, out); err != nil {
				t.Errorf("AppendDecompress: %v", err)
			}
		}
	}
	amb := ipv6(0, 0, 64, Protocol, make([]byte, 16), make([]byte, 16), []byte{1, 2, 9, 9})
	if _, err := d.AppendDecompress(nil, amb); err != ErrUnsupported {
		t.Errorf("AppendDecompress of an ambiguous packet: %v", err)
	}
	amb[40] = 7
	if _, err := d.AppendDecompress(nil, amb); err != ErrNoSA {
		t.Errorf("AppendDecompress of an unknown SPI: %v", err)
	}
}

func trafficClass(pkt []byte) uint8 {
	if pkt[0]>>4 == 4 {
		return pkt[1]
	}
	return pkt[0]<<4 | pkt[1]>>4
}
