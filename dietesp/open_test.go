package dietesp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/schc"
)

// iotAttributes are those of the single UDP flow of both drafts' examples.
func iotAttributes(spiBits, snBits uint8) Attributes {
	a := benchAttributes(benchPacket())
	a.SPILSBBits, a.SNLSBBits = spiBits, snBits
	return a
}

func seal(t testing.TB, s *SA, pkt []byte) []byte {
	t.Helper()
	out, err := s.AppendSeal(nil, pkt)
	if err != nil {
		t.Fatalf("AppendSeal(%x): %v", pkt, err)
	}
	return out
}

func mustSAD(t testing.TB, o Options, list ...*SA) *SAD {
	t.Helper()
	d := new(SAD)
	d.Reset(o)
	for _, s := range list {
		if err := d.Add(s); err != nil {
			t.Fatalf("Add(%#x): %v", s.SPI, err)
		}
	}
	return d
}

// withKey returns an SA of its own key.
func withKey(t testing.TB, c esp.Config, key byte, at Attributes) *SA {
	t.Helper()
	alg := mustAlgorithm("aes128gcm16iiv")
	k := bytes.Repeat([]byte{key}, alg.KeyLen())
	suite := new(esp.Suite)
	if err := suite.Init(alg, k, nil); err != nil {
		t.Fatal(err)
	}
	s := new(SA)
	if err := s.Init(c, suite, at, Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Every bit of a packet is protected, or is a field that the action lower takes
// from the outer header; every shorter packet is refused. Nothing is released.
func TestTampered(t *testing.T) {
	for _, alg := range []string{"aes128gcm16iiv", "aes128ccm8", "aes128cbc", "null"} {
		for _, mode := range []esp.Mode{esp.ModeTunnel, esp.ModeTransport} {
			for _, p := range []Profile{ProfileDietESP10, ProfileEHC2023} {
				c := benchConfig
				c.Mode = mode
				if mode == esp.ModeTransport {
					c.Src, c.Dst = addr(16, 0x100), addr(16, 0x7200)
				}
				a := iotAttributes(8, 16)
				a.Profile = p
				a.Trailer = TrailerOptional
				pkt := benchPacket()
				wire := seal(t, mustSA(t, c, mustAlgorithm(alg), a), pkt)
				in := mustSA(t, c, mustAlgorithm(alg), a)
				for bit := 0; bit < len(wire)*8; bit++ {
					bad := bytes.Clone(wire)
					bad[bit/8] ^= 0x80 >> (bit % 8)
					room := make([]byte, 1, 2000)
					room[0] = 7
					out, err := in.AppendOpen(room, bad)
					if bit < 320 {
						// Version, addresses, length and protocol are checked. The
						// rest is the network's.
						switch {
						case bit >= 4 && bit < 32, bit >= 56 && bit < 64:
							if err != nil {
								t.Fatalf("%s %v %v, bit %d: %v", alg, mode, p, bit, err)
							}
							in = mustSA(t, c, mustAlgorithm(alg), a)
							diff := out[1:]
							diff[bit/8] ^= 0x80 >> (bit % 8)
							if !bytes.Equal(diff, pkt) {
								t.Fatalf("%s %v, bit %d of the outer header changed more than that bit: %x", alg, mode, bit, out[1:])
							}
							continue
						case err == ErrNoSA || err == ErrMalformed || err == ErrTruncated || err == ErrUnsupported:
						default:
							t.Fatalf("%s %v, bit %d of the outer header: %x, %v", alg, mode, bit, out, err)
						}
					} else if err != ErrAuth && err != ErrNoSA {
						t.Fatalf("%s %v %v, bit %d: %v, want an authentication error", alg, mode, p, bit, err)
					}
					inner := out[1:cap(out)]
					if mode == esp.ModeTransport && bytes.HasPrefix(inner, bad[:40]) {
						inner = inner[40:] // the header as it came is no secret
					}
					if len(out) != 1 || out[0] != 7 || !allZero(inner) {
						t.Fatalf("%s %v, bit %d: something was released: %x", alg, mode, bit, out[:cap(out)])
					}
				}
				for n := 0; n < len(wire); n++ {
					short := bytes.Clone(wire[:n])
					if out, err := in.AppendOpen(nil, short); err != ErrTruncated || out != nil {
						t.Fatalf("%s %v, %d bytes: %x, %v, want ErrTruncated", alg, mode, n, out, err)
					}
					if n < 40 {
						continue
					}
					binary.BigEndian.PutUint16(short[4:], uint16(n-40))
					if out, err := in.AppendOpen(nil, short); err == nil || out != nil {
						t.Fatalf("%s %v, %d bytes with their length: %x, %v", alg, mode, n, out, err)
					}
				}
				if out, err := in.AppendOpen(nil, wire); err != nil || !bytes.Equal(out, pkt) {
					t.Fatalf("%s %v: after all that: %x, %v", alg, mode, out, err)
				}
				if _, err := in.AppendOpen(nil, wire); err != ErrReplay && err != ErrAuth {
					t.Fatalf("%s %v: replayed: %v", alg, mode, err)
				}
			}
		}
	}
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// A number that was seen is a replay where its bits can stand for no other.
func TestReplay(t *testing.T) {
	c, alg := benchConfig, mustAlgorithm("aes128gcm16")
	a := iotAttributes(32, 32)
	out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
	var wires [][]byte
	for i := 0; i < 100; i++ {
		wires = append(wires, seal(t, out, benchPacket()))
	}
	for i, w := range wires {
		if _, err := in.AppendOpen(nil, w); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	for i, w := range wires {
		if _, err := in.AppendOpen(nil, w); err != ErrReplay {
			t.Fatalf("packet %d again: %v, want ErrReplay", i, err)
		}
	}
	if s := in.Stats(); s.Trials != 100 || s.Failed != 0 {
		t.Errorf("%+v: replays cost verifications", s)
	}
}

// Where bits are missing, a replay is told from a forgery by a verification: also
// when it is left of the window, as far as the bits reach, and with Extended
// Sequence Numbers.
func TestReplayFewBits(t *testing.T) {
	alg := mustAlgorithm("aes128gcm16")
	for _, test := range []struct {
		spi, sn uint8
		esn     bool
		packets int
	}{{32, 32, true, 200}, {0, 16, false, 300}, {0, 16, true, 300}, {8, 8, false, 200}, {8, 8, true, 256}, {1, 7, false, 128}} {
		c := benchConfig
		c.ESN = test.esn
		c.Seq = 1000
		if c.ESN {
			c.Seq = 1<<33 - 20
		}
		a := iotAttributes(test.spi, test.sn)
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		var wires [][]byte
		for i := 0; i < test.packets; i++ {
			wires = append(wires, seal(t, out, benchPacket()))
			if _, err := in.AppendOpen(nil, wires[i]); err != nil {
				t.Fatalf("%+v: packet %d: %v", test, i, err)
			}
		}
		for i, w := range wires {
			before := in.Stats().Trials
			if _, err := in.AppendOpen(nil, w); err != ErrReplay {
				t.Fatalf("%+v: packet %d again: %v, want ErrReplay", test, i, err)
			}
			if n := in.Stats().Trials - before; n > 2 {
				t.Fatalf("%+v: packet %d again: %d verifications", test, i, n)
			}
			w[len(w)-1] ^= 1
			if _, err := in.AppendOpen(nil, w); err != ErrAuth {
				t.Fatalf("%+v: packet %d tampered: %v, want ErrAuth", test, i, err)
			}
			if n := in.Stats().Trials - before; n > 2+DefaultTrials+1 {
				t.Fatalf("%+v: packet %d tampered: %d verifications", test, i, n)
			}
			in.limit.left = in.limit.budget
		}
	}
}

// Losses, and packets out of order, as far as the bits that are sent and the
// trials allow.
func TestLoss(t *testing.T) {
	for _, esn := range []bool{false, true} {
		for _, bits := range []uint8{0, 1, 3, 4, 8, 13, 16, 32} {
			c := benchConfig
			c.ESN = esn
			c.Seq = 5000
			if esn {
				c.Seq = 1<<32 - 3 // across the low half
			}
			// One more bit of the SPI for each that the number lacks.
			a := iotAttributes((8-bits%8)%8, bits)
			alg := mustAlgorithm("aes128ccm8iiv")
			span := uint64(1) << bits
			pkt := benchPacket()
			for _, lost := range []uint64{0, 1, span/2 - 1, span / 2, span - 1, span, 2 * span, 4*span - 1, 8*span - 1, 8 * span, 20 * span} {
				if bits == 0 && lost > 20 || lost > 1<<20 || !esn && c.Seq+lost > 1<<32-10 {
					continue
				}
				out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
				if err := out.Advance(c.Seq + lost); err != nil {
					t.Fatal(err)
				}
				wire := seal(t, out, pkt)
				got, err := in.AppendOpen(nil, wire)
				// Numbers behind the window's right edge were all seen: only
				// those ahead are candidates, one in each span.
				if want := lost/span < DefaultTrials; (err == nil) != want || err == nil && !bytes.Equal(got, pkt) {
					t.Errorf("%d bits, ESN %v, %d lost: %v, want success %v", bits, esn, lost, err, want)
				}
				// One that was seen is tried, too, where it is nearer.
				if s := in.Stats(); s.Trials > DefaultTrials+1 || err == nil && (s.Trials < lost/span+1 || s.Trials > lost/span+2) {
					t.Errorf("%d bits, ESN %v, %d lost: %+v", bits, esn, lost, s)
				}
				if err == nil && in.Edge() != c.Seq+lost+1 {
					t.Errorf("%d bits, ESN %v, %d lost: edge %d, want %d", bits, esn, lost, in.Edge(), c.Seq+lost+1)
				}
			}
		}
	}
}

// Packets that come late are found as long as the window has them, first if they
// are nearer than any number ahead.
func TestOutOfOrder(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewSource(seed))
	for _, bits := range []uint8{4, 8, 16} {
		c := benchConfig
		c.Seq = 1000
		a := iotAttributes(bits%8, bits)
		alg := mustAlgorithm("aes128gcm16iiv")
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		var held [][]byte
		for i := 0; i < 3000; i++ {
			wire := seal(t, out, benchPacket())
			if r.Intn(3) == 0 && len(held) < 5 {
				held = append(held, wire)
				continue
			}
			if _, err := in.AppendOpen(nil, wire); err != nil {
				t.Fatalf("seed %d, %d bits, packet %d: %v", seed, bits, i, err)
			}
			if r.Intn(2) == 0 && len(held) > 0 {
				if _, err := in.AppendOpen(nil, held[0]); err != nil {
					t.Fatalf("seed %d, %d bits, a late packet: %v", seed, bits, err)
				}
				held = held[1:]
			}
		}
	}
}

// SAs that packets do not tell apart are tried in turn.
func TestSAD(t *testing.T) {
	pkt := benchPacket()
	for _, spiBits := range []uint8{0, 3, 8, 32} {
		a := iotAttributes(spiBits, 8+(8-spiBits%8)%8)
		var out, in []*SA
		for i := 0; i < 6; i++ {
			c := benchConfig
			c.SPI = 0x1000 + uint32(i)<<8 // the low bits are the same
			out, in = append(out, withKey(t, c, byte(i), a)), append(in, withKey(t, c, byte(i), a))
		}
		d := mustSAD(t, Options{}, in...)
		for n := 0; n < 50; n++ {
			i := n * 7 % len(out)
			before := d.Stats()
			got, s, err := d.AppendOpen(nil, seal(t, out[i], pkt))
			if err != nil || s != in[i] || !bytes.Equal(got, pkt) {
				t.Fatalf("%d bits: SA %d: %x, %v", spiBits, i, got, err)
			}
			want := uint64(1)
			if spiBits < 32 {
				want = uint64(i) + 1
			}
			if got := d.Stats().Trials - before.Trials; got != want {
				t.Errorf("%d bits: SA %d took %d trials, want %d", spiBits, i, got, want)
			}
		}
	}
}

// The order of the SAs: addresses first, then bits of the SPI, then the SPI.
func TestSADOrder(t *testing.T) {
	pkt := benchPacket()
	src, dst := benchConfig.Src, benchConfig.Dst
	list := []struct {
		src, dst esp.Addr
		spi      uint32
		bits     uint8
	}{
		{src, dst, 0x1101, 16}, {src, dst, 0x0201, 8}, {src, dst, 0x0301, 8}, {src, dst, 0x400, 0},
		{esp.Addr{}, dst, 0x0501, 8}, {src, esp.Addr{}, 0x0601, 8}, {esp.Addr{}, esp.Addr{}, 0x0701, 8},
	}
	for _, perm := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}, {3, 0, 6, 2, 5, 1, 4}} {
		var in []*SA
		for _, i := range perm {
			x := list[i]
			c := esp.Config{SPI: x.spi, Mode: esp.ModeTunnel, Src: x.src, Dst: x.dst}
			in = append(in, withKey(t, c, byte(i), iotAttributes(x.bits, 8)))
		}
		d := mustSAD(t, Options{}, in...)
		for i, x := range list {
			c := esp.Config{SPI: x.spi, Mode: esp.ModeTunnel, Src: src, Dst: dst}
			wire := seal(t, withKey(t, c, byte(i), iotAttributes(x.bits, 8)), pkt)
			before := d.Stats().Trials
			_, s, err := d.AppendOpen(nil, wire)
			if err != nil || s == nil || s.SPI != x.spi {
				t.Fatalf("SA %d: %v, %v", i, s, err)
			}
			want := uint64(i + 1)
			// Only SAs with the bits of the packet are tried.
			if i == 0 {
				want = 1
			} else if i != 3 {
				want-- // 0x1101 has other bits
			}
			if got := d.Stats().Trials - before; i != 3 && got != want {
				t.Errorf("order %v: SA %d took %d trials, want %d", perm, i, got, want)
			}
		}
	}
}

func TestSADErrors(t *testing.T) {
	pkt := benchPacket()
	a := iotAttributes(8, 8)
	out, in := withKey(t, benchConfig, 1, a), withKey(t, benchConfig, 1, a)
	d := mustSAD(t, Options{}, in)
	if err := d.Add(in); err != ErrMalformed {
		t.Errorf("Add twice: %v", err)
	}
	if err := d.Add(new(SA)); err != ErrMalformed {
		t.Errorf("Add of an SA that is not set up: %v", err)
	}
	wire := seal(t, out, pkt)
	other := bytes.Clone(wire)
	other[8] ^= 1
	spi := bytes.Clone(wire)
	spi[40] ^= 1
	proto := bytes.Clone(wire)
	proto[6] = 50
	tampered := bytes.Clone(wire)
	tampered[len(wire)-1] ^= 1
	for _, test := range []struct {
		name string
		pkt  []byte
		want error
	}{
		{"another source", other, ErrNoSA},
		{"another SPI", spi, ErrNoSA},
		{"standard ESP", proto, ErrNoSA},
		{"tampered", tampered, ErrAuth},
		{"empty", nil, ErrTruncated},
		{"not IP", []byte{0x10, 1, 2}, ErrMalformed},
		{"right", wire, nil},
	} {
		got, s, err := d.AppendOpen([]byte{1, 2}, test.pkt)
		if err != test.want && !(err == nil && test.want == nil) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if err != nil && (s != nil || !bytes.Equal(got, []byte{1, 2})) {
			t.Errorf("%s: %x, %v", test.name, got, s)
		}
	}
	var zero SAD
	if _, _, err := zero.AppendOpen(nil, wire); err != ErrNoSA {
		t.Errorf("an empty SAD: %v", err)
	}
	var sa SA
	if _, err := sa.AppendSeal(nil, pkt); err != ErrNoSA {
		t.Errorf("AppendSeal of a zero SA: %v", err)
	}
	if _, err := sa.AppendOpen(nil, wire); err != ErrNoSA {
		t.Errorf("AppendOpen of a zero SA: %v", err)
	}
	// Limits of life.
	c := benchConfig
	c.MaxPackets = 2
	s := withKey(t, c, 1, a)
	for i, want := range []error{nil, nil, ErrExhausted} {
		if _, err := s.AppendSeal(nil, pkt); err != want && !(err == nil && want == nil) {
			t.Errorf("packet %d of 2: %v", i, err)
		}
	}
	c = benchConfig
	c.Seq = 0xfffffffe
	s = withKey(t, c, 1, a)
	for i, want := range []error{nil, ErrExhausted} {
		if _, err := s.AppendSeal(nil, pkt); err != want && !(err == nil && want == nil) {
			t.Errorf("packet %d of the last one: %v", i, err)
		}
	}
	// A packet without a Rule costs no number.
	s = withKey(t, benchConfig, 1, a)
	bad := bytes.Clone(pkt)
	bad[46] ^= 1
	if _, err := s.AppendSeal(nil, bad); err != ErrNoRule || s.Sent() != 0 {
		t.Errorf("a wrong checksum: %v, %d numbers used", err, s.Sent())
	}
}

// A flood costs a bounded number of verifications: first the trials of each
// packet, then one a packet.
func TestFlood(t *testing.T) {
	a := iotAttributes(0, 8)
	var in []*SA
	for i := 0; i < 20; i++ {
		c := benchConfig
		c.SPI += uint32(i)
		in = append(in, withKey(t, c, byte(i), a))
	}
	out := withKey(t, in[3].Config, 3, a)
	d := mustSAD(t, Options{Trials: 5, Budget: 100}, in...)
	flood := make([]byte, 80)
	copy(flood, seal(t, out, benchPacket()))
	binary.BigEndian.PutUint16(flood[4:], 40)
	const n = 1000
	for i := 0; i < n; i++ {
		flood[79], flood[78] = byte(i), byte(i>>8)
		if _, _, err := d.AppendOpen(nil, flood); err != ErrAuth {
			t.Fatal(err)
		}
	}
	if s := d.Stats(); s.Packets != n || s.Trials != n+100 || s.Failed != s.Trials || s.Limited != n {
		t.Errorf("%d packets of a flood: %+v, want %d trials", n, s, n+100)
	}
	// The budget is spent: only the first SA is tried, not the fourth.
	wire := seal(t, out, benchPacket())
	if _, _, err := d.AppendOpen(nil, wire); err != ErrAuth {
		t.Errorf("without budget: %v", err)
	}
	d.Refill()
	if _, s, err := d.AppendOpen(nil, wire); err != nil || s != in[3] {
		t.Errorf("after Refill: %v", err)
	}
	// A packet that verifies refills it, too.
	first := withKey(t, in[0].Config, 0, a)
	for i := 0; i < n; i++ {
		flood[79], flood[78] = byte(i), byte(i>>8)
		d.AppendOpen(nil, flood)
	}
	if _, s, err := d.AppendOpen(nil, seal(t, first, benchPacket())); err != nil || s != in[0] {
		t.Errorf("the most likely SA, without budget: %v", err)
	}
	if _, s, err := d.AppendOpen(nil, seal(t, out, benchPacket())); err != nil || s != in[3] {
		t.Errorf("after a packet that verified: %v", err)
	}
}

// Dummy packets and TFC padding of other implementations are accepted.
func TestDummy(t *testing.T) {
	c, alg := benchConfig, mustAlgorithm("aes128gcm16iiv")
	a := iotAttributes(8, 8)
	a.Trailer = TrailerMandatory
	suite := mustSuite(alg)
	wire := func(a Attributes, seq uint64, text []byte) []byte {
		b := ipv6(0, 0, 64, Protocol, c.Src.Bytes(), c.Dst.Bytes(), []byte{byte(c.SPI), byte(seq)})
		at := len(b)
		b = append(append(b, text...), make([]byte, 16)...)
		if err := suite.Seal(b[at:], c.SPI, seq, false); err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
		return b
	}
	in := mustSA(t, c, alg, a)
	out, err := in.AppendOpen([]byte{1}, wire(a, 1, []byte{9, 9, 1, 1, 59}))
	if err != nil || !bytes.Equal(out, []byte{1}) || !in.Last().Dummy {
		t.Errorf("a dummy packet: %x, %v, %+v", out, err, in.Last())
	}
	for i, text := range [][]byte{{}, {41}, {5, 41}, {2, 1, 41}, {0, 17}, {0, 4}, bytes.Repeat([]byte{0}, 60)} {
		if out, err := in.AppendOpen([]byte{1}, wire(a, uint64(i+2), text)); err != ErrMalformed || !bytes.Equal(out, []byte{1}) {
			t.Errorf("clear text %x: %x, %v, want ErrMalformed", text, out, err)
		}
	}
	a.IIPC = IIPCNotCompressed
	in = mustSA(t, c, alg, a)
	pkt := benchPacket()
	out, err = in.AppendOpen(nil, wire(a, 1, append(append(bytes.Clone(pkt), make([]byte, 30)...), 0, 41)))
	if err != nil || !bytes.Equal(out, pkt) || in.Last().TFCBytes != 30 {
		t.Errorf("TFC padding: %x, %v, %+v", out, err, in.Last())
	}
}

// A device without a heap loads Rules that were compiled before.
func TestLoaded(t *testing.T) {
	for _, p := range []Profile{ProfileDietESP10, ProfileEHC2023} {
		c, alg := benchConfig, mustAlgorithm("aes128gcm16")
		a := DefaultAttributes(p)
		a.Selectors.Version = 6
		full := mustSA(t, c, alg, a)
		load := func(ctx *schc.Context) *schc.Context {
			x := new(schc.Context)
			if err := x.LoadImage(ctx.Image()); err != nil {
				t.Fatal(err)
			}
			return x
		}
		o := Options{IIPC: load(full.Context(IIPC)), CTEC: load(full.Context(CTEC)), EEC: load(full.Context(EEC))}
		for i := range full.more {
			o.IIPCOther = append(o.IIPCOther, load(full.more[i].ctx))
		}
		var s SA
		if err := s.Init(c, mustSuite(alg), a, o); err != nil {
			t.Fatal(err)
		}
		pkt := benchPacket()
		want := seal(t, full, pkt)
		if got := seal(t, &s, pkt); !bytes.Equal(got, want) {
			t.Errorf("AppendSeal(%x) = %x, want %x", pkt, got, want)
		}
		if p == ProfileEHC2023 {
			o.IIPCOther = o.IIPCOther[1:]
			if err := s.Init(c, mustSuite(alg), a, o); err != ErrMalformed {
				t.Errorf("Init with too few Contexts: %v", err)
			}
		}
	}
}

// A Check names the attribute.
func TestCheck(t *testing.T) {
	v6 := func(a *Attributes) { a.Selectors.Version = 6 }
	for _, test := range []struct {
		attribute string
		change    func(a *Attributes, c *esp.Config, alg *esp.Algorithm)
	}{
		{"", func(*Attributes, *esp.Config, *esp.Algorithm) {}},
		{"profile", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Profile = 2 }},
		{"ipsec_mode", func(_ *Attributes, c *esp.Config, _ *esp.Algorithm) { c.Mode = 0 }},
		{"esp_spi", func(_ *Attributes, c *esp.Config, _ *esp.Algorithm) { c.SPI = 255 }},
		{"udp_encap", func(_ *Attributes, c *esp.Config, _ *esp.Algorithm) { c.SrcPort, c.DstPort = 4500, 4500 }},
		{"iipc_profile", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.IIPC = 2 }},
		{"alignment", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Alignment = 4 }},
		{"esp_trailer", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Trailer = 2 }},
		{"rule_id", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.RuleID = 2 }},
		{"hop_limit", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.HopLimit = 2 }},
		{"dscp_action", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.DSCP = ActionGenerated }},
		{"dscp_action", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.DSCP = 9 }},
		{"dscp_list", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.DSCP = ActionSA }},
		{"dscp_list", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.DSCPs = []uint8{1} }},
		{"dscp_list", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.DSCP, a.DSCPs = ActionSA, []uint8{64} }},
		{"dscp_list", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.DSCP, a.DSCPs = ActionSA, []uint8{1, 2, 1} }},
		{"ecn_action", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.ECN = ActionSA }},
		{"flow_label_action", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.FlowLabel = ActionSA }},
		{"flow_label_action", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.FlowLabel = 9 }},
		{"esp_spi_lsb", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.SPILSBBits = 33 }},
		{"esp_sn_lsb", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.SNLSBBits = 40 }},
		{"esp_sn_lsb", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.SNLSBBits = 7 }},
		{"esp_sn_lsb", func(a *Attributes, c *esp.Config, _ *esp.Algorithm) { a.SNLSBBits, c.Window = 16, esp.NoWindow }},
		{"", func(_ *Attributes, c *esp.Config, _ *esp.Algorithm) { c.Window = esp.NoWindow }},
		{"esp_encr", func(_ *Attributes, _ *esp.Config, alg *esp.Algorithm) { alg.KeyBits = 129 }},
		{"esp_encr", func(a *Attributes, _ *esp.Config, alg *esp.Algorithm) {
			*alg = esp.Algorithm{Encr: esp.EncrNull, Integ: esp.IntegAbsent}
			a.SPILSBBits = 24
		}},
		{"", func(_ *Attributes, _ *esp.Config, alg *esp.Algorithm) {
			*alg = esp.Algorithm{Encr: esp.EncrNull, Integ: esp.IntegAbsent}
		}},
		{"ts_ip_version", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Selectors.Version = 0 }},
		{"ts_ip_version", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Selectors.Version = 5 }},
		{"ts_ip_version", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) {
			a.Selectors.SrcStart, a.Selectors.SrcEnd = addr(4, 1), addr(4, 1)
		}},
		{"ts_ip_version", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) {
			a.Selectors = Selectors{SrcStart: addr(4, 1), SrcEnd: addr(4, 1), DstStart: addr(16, 1), DstEnd: addr(16, 1)}
		}},
		{"ts_ip_src_end", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Selectors.SrcStart = addr(16, 1) }},
		{"ts_ip_dst_end", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) {
			a.Selectors.DstStart, a.Selectors.DstEnd = addr(16, 2), addr(16, 1)
		}},
		{"ts_port_src_end", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) {
			a.Selectors.SrcPortStart, a.Selectors.SrcPortEnd = 2, 1
		}},
		{"ts_port_dst_end", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) {
			a.Selectors.DstPortStart = 2
		}},
		{"ts_proto", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) { a.Selectors.Protocols = []uint8{6, 17} }},
		{"", func(a *Attributes, c *esp.Config, _ *esp.Algorithm) {
			a.Selectors.Version, c.Mode = 0, esp.ModeTransport
		}},
		{"", func(a *Attributes, _ *esp.Config, _ *esp.Algorithm) {
			a.Selectors.Version, a.IIPC, a.Trailer = 0, IIPCNotCompressed, TrailerMandatory
		}},
	} {
		a, c, alg := DefaultAttributes(ProfileDietESP10), benchConfig, mustAlgorithm("aes128gcm16")
		v6(&a)
		test.change(&a, &c, &alg)
		checkAttribute(t, a, c, alg, test.attribute)
	}
	for _, test := range []struct {
		attribute string
		change    func(a *Attributes)
	}{
		{"", func(*Attributes) {}},
		{"alignment", func(a *Attributes) { a.Alignment = Alignment64 }},
		{"alignment", func(a *Attributes) { a.Alignment = Alignment16 }},
		{"esp_spi_lsb", func(a *Attributes) { a.SPILSBBits, a.SNLSBBits = 4, 4 }},
		{"esp_sn_lsb", func(a *Attributes) { a.SPILSBBits, a.SNLSBBits = 8, 4 }},
		{"dscp_action", func(a *Attributes) { a.DSCP = ActionNotCompressed }},
		{"ecn_action", func(a *Attributes) { a.ECN = ActionNotCompressed }},
		{"flow_label_action", func(a *Attributes) { a.FlowLabel = ActionZero }},
		{"flow_label_action", func(a *Attributes) { a.FlowLabel = ActionGenerated }},
		{"esp_trailer", func(a *Attributes) { a.Trailer = TrailerMandatory }},
		{"iipc_profile", func(a *Attributes) { a.IIPC = IIPCNotCompressed }},
		{"rule_id", func(a *Attributes) { a.RuleID = RuleIDSent }},
		{"ts_proto", func(a *Attributes) { a.Selectors.Protocols = []uint8{6, 17, 6} }},
		{"", func(a *Attributes) { a.Selectors.Protocols = []uint8{6, 17} }},
		{"", func(a *Attributes) { a.Alignment, a.SPILSBBits, a.SNLSBBits = Alignment8, 0, 16 }},
	} {
		a := DefaultAttributes(ProfileEHC2023)
		v6(&a)
		test.change(&a)
		checkAttribute(t, a, benchConfig, mustAlgorithm("aes128gcm16"), test.attribute)
	}
}

func checkAttribute(t *testing.T, a Attributes, c esp.Config, alg esp.Algorithm, want string) {
	t.Helper()
	err := a.Check(c, alg)
	if _, e := a.Rules(c, alg); (e == nil) != (err == nil) {
		t.Errorf("%+v: Check: %v, Rules: %v", a, err, e)
	}
	var ae *AttributeError
	switch {
	case want == "":
		if err != nil {
			t.Errorf("%+v: Check: %v", a, err)
		}
	case !errors.As(err, &ae):
		t.Errorf("%+v: Check: %v, want an error that names %s", a, err, want)
	case ae.Attribute != want || ae.Text == "" || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported):
		t.Errorf("%+v: Check: %v (%v), want one that names %s", a, err, ae.Err, want)
	}
}

// Clear texts that no sender makes are refused, though they verify.
func TestMalformed(t *testing.T) {
	c, alg := benchConfig, mustAlgorithm("aes128gcm16iiv")
	g := gen{rand.New(rand.NewSource(6))}
	for i := 0; i < 3000; i++ {
		c := c
		c.Mode = pick(g, esp.ModeTunnel, esp.ModeTransport)
		a := g.attributes(&c, alg)
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		pkt := g.packet(&a)
		wire, err := out.AppendSeal(nil, pkt)
		if err != nil {
			continue
		}
		h, err := esp.ParseHeaders(wire, false)
		if err != nil {
			t.Fatal(err)
		}
		// Change a bit of the clear text, or its length, and encrypt it again.
		text, err := out.Suite().AppendOpen(nil, wire[h.End()+out.HeaderLen():], c.SPI, out.Sent(), c.ESN)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			continue
		}
		switch bit := g.Intn(8 * min(len(text), 12)); g.Intn(4) {
		case 0:
			text[bit/8] ^= 0x80 >> (bit % 8)
		case 1:
			bit = len(text)*8 - 1 - bit
			text[bit/8] ^= 0x80 >> (bit % 8)
		case 2:
			text = text[:g.Intn(len(text))]
		case 3:
			text = append(text, g.bytes(1+g.Intn(4))...)
		}
		bad := append(bytes.Clone(wire[:h.End()+out.HeaderLen()]), text...)
		bad = append(bad, make([]byte, out.Suite().ICVLen())...)
		if err := out.Suite().Seal(bad[h.End()+out.HeaderLen():], c.SPI, out.Sent(), c.ESN); err != nil {
			t.Fatal(err)
		}
		h.SetLength(bad)
		back, err := in.AppendOpen(nil, bad)
		if err == ErrMalformed || err == nil && in.Last().Dummy {
			continue
		}
		if err != nil {
			t.Fatalf("%+v: AppendOpen of clear text %x: %v", a, text, err)
		}
		// What opens is what a sender would have made this of, but for padding
		// that is longer than it need be.
		last := in.Last()
		if out.generates || last.TFCBytes > 0 || last.PadBytes > 7 {
			continue
		}
		same := mustSA(t, c, alg, a)
		again, err := same.AppendSeal(nil, back)
		if err == ErrNoRule || err == ErrMalformed || err == ErrTruncated || err == ErrUnsupported {
			// Lengths of the inner headers, or the hop limit, are another matter
			// only where IIPC is not performed.
			if same.whole {
				continue
			}
			t.Fatalf("%+v %+v: clear text %x opens to %x, which gives %v", a, c, text, back, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again[h.End():], bad[h.End():]) && a.Alignment == Alignment8 && a.Trailer == TrailerOptional {
			t.Fatalf("%+v %+v: clear text %x opens to %x, which gives\n%x, want\n%x", a, c, text, back, again, bad)
		}
	}
}
