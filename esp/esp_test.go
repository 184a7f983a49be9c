package esp

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/internal/inet"
	"github.com/schckit/schckit/internal/seqno"
)

// algorithms are all there are, with every length of key.
func algorithms() (list []Algorithm) {
	for i := range encrTable {
		info := &encrTable[i]
		keys := []uint16{0}
		if info.key == 1 {
			keys = []uint16{128, 192, 256}
		}
		integs := []Integ{IntegNone}
		if info.icv == 0 {
			integs = []Integ{IntegHMACSHA196, IntegHMACSHA2256128}
		}
		for _, k := range keys {
			for _, g := range integs {
				list = append(list, Algorithm{info.encr, k, g})
			}
		}
	}
	return list
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

func keyed(t testing.TB, a Algorithm, seed int64) *Suite {
	t.Helper()
	r := rand.New(rand.NewSource(seed))
	s := new(Suite)
	if err := s.Init(a, randomBytes(r, a.KeyLen()), randomBytes(r, a.AuthKeyLen())); err != nil {
		t.Fatalf("%v: %v", a, err)
	}
	return s
}

var (
	addr6a = AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 15: 1})
	addr6b = AddrFromSlice([]byte{0x20, 1, 0xd, 0xb8, 15: 2})
	addr4a = AddrFromSlice([]byte{192, 0, 2, 1})
	addr4b = AddrFromSlice([]byte{192, 0, 2, 2})
)

// udp6 is an IPv6/UDP packet between the documentation addresses.
func udp6(payload []byte) []byte {
	p := make([]byte, 48, 48+len(payload))
	putOuter(p[:40], &addr6a, &addr6b, protoUDP, 0xb8)
	copy(p[40:], []byte{0x16, 0x33, 0x16, 0x34})
	binary.BigEndian.PutUint16(p[44:], uint16(8+len(payload)))
	p = append(p, payload...)
	binary.BigEndian.PutUint16(p[4:], uint16(len(p)-40))
	binary.BigEndian.PutUint16(p[46:], udpChecksum(p, 40))
	return p
}

func udp4(payload []byte) []byte {
	p := make([]byte, 28, 28+len(payload))
	putOuter(p[:20], &addr4a, &addr4b, protoUDP, 0)
	copy(p[20:], []byte{0x16, 0x33, 0x16, 0x34})
	binary.BigEndian.PutUint16(p[24:], uint16(8+len(payload)))
	p = append(p, payload...)
	pl := place{v4: true}
	pl.setLength(p)
	return p
}

func mustSA(t testing.TB, c Config, suite *Suite) *SA {
	t.Helper()
	s := new(SA)
	if err := s.Init(c, suite); err != nil {
		t.Fatalf("Init(%+v): %v", c, err)
	}
	return s
}

// pair returns both ends of an SA.
func pair(t testing.TB, c Config, a Algorithm) (out, in *SA) {
	return mustSA(t, c, keyed(t, a, 7)), mustSA(t, c, keyed(t, a, 7))
}

func configs() (list []Config) {
	for _, esn := range []bool{false, true} {
		for _, port := range []uint16{0, Port, 5000} {
			base := Config{SPI: 0x1001, ESN: esn, SrcPort: port, DstPort: port}
			if esn {
				base.Seq = 1<<32 - 4 // the high half changes on the way
			}
			for _, tunnel := range [][2]Addr{{addr6a, addr6b}, {addr4a, addr4b}} {
				c := base
				c.Mode, c.Src, c.Dst = ModeTunnel, tunnel[0], tunnel[1]
				list = append(list, c)
			}
			base.Mode = ModeTransport
			list = append(list, base)
		}
	}
	return list
}

// Every algorithm in every mode gives back packets of every length, and nothing
// that was changed.
func TestRoundTrip(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	for _, a := range algorithms() {
		for _, c := range configs() {
			out, in := pair(t, c, a)
			for n := 0; n < 70; n += 1 + r.Intn(6) {
				for _, pkt := range [][]byte{udp6(randomBytes(r, n)), udp4(randomBytes(r, n))} {
					keep := append([]byte(nil), pkt...)
					prefix := []byte("prefix")
					sealed, err := out.AppendSeal(prefix, pkt)
					if err != nil {
						t.Fatalf("seed %d, %v, %+v: AppendSeal(%x): %v", seed, a, c, pkt, err)
					}
					esp := sealed[len(prefix):]
					if string(sealed[:len(prefix)]) != "prefix" || !bytes.Equal(keep, pkt) {
						t.Fatal("prefix or packet changed")
					}
					if len(esp) > len(pkt)+out.MaxOverhead() {
						t.Fatalf("%v: %d bytes of %d, MaxOverhead is %d", a, len(esp), len(pkt), out.MaxOverhead())
					}
					bad := append([]byte(nil), esp...)
					bad[len(bad)-1-r.Intn(12)] ^= 1 << r.Intn(8)
					if got, err := in.AppendOpen(prefix, bad); err == nil || !bytes.Equal(got, prefix) {
						t.Fatalf("%v: AppendOpen of a changed packet = %x, %v", a, got, err)
					}
					got, err := in.AppendOpen(prefix, esp)
					if err != nil || !bytes.Equal(got, append(prefix, pkt...)) {
						t.Fatalf("seed %d, %v, %+v: AppendOpen(%x) = %x, %v, want %x", seed, a, c, esp, got, err, pkt)
					}
					if in.Last().Seq != out.Sent() {
						t.Fatalf("sequence number %d, want %d", in.Last().Seq, out.Sent())
					}
					if got, err := in.AppendOpen(prefix, esp); err != ErrReplay || !bytes.Equal(got, prefix) {
						t.Fatalf("AppendOpen of a replay = %x, %v", got, err)
					}
				}
			}
		}
	}
}

// Every single bit that the ICV covers counts.
func TestEveryBit(t *testing.T) {
	for _, a := range algorithms() {
		c := Config{SPI: 0x10000001, Mode: ModeTransport}
		out, in := pair(t, c, a)
		esp, err := out.AppendSeal(nil, udp6([]byte("21.5 C")))
		if err != nil {
			t.Fatal(err)
		}
		for i := 40 * 8; i < len(esp)*8; i++ {
			bad := append([]byte(nil), esp...)
			bad[i/8] ^= 0x80 >> (i % 8)
			got, err := in.AppendOpen(nil, bad)
			want := ErrAuth
			if i < 44*8 {
				want = ErrNoSA
			}
			if i == 48*8-1 {
				want = ErrReplay // sequence number 0
			}
			if err != want || len(got) != 0 {
				t.Fatalf("%v, bit %d: AppendOpen(%x) = %x, %v, want %v", a, i, bad, got, err, want)
			}
		}
		for n := 0; n < len(esp); n++ {
			short := append([]byte(nil), esp[:n]...)
			if got, err := in.AppendOpen(nil, short); err != ErrTruncated || len(got) != 0 {
				t.Fatalf("%v, %d bytes of %d: AppendOpen = %x, %v, want %v", a, n, len(esp), got, err, ErrTruncated)
			}
		}
	}
}

// seal builds an ESP packet by hand, for what AppendSeal never makes.
func seal(t testing.TB, s *SA, seq uint64, plain []byte) []byte {
	t.Helper()
	iv, icv := s.suite.IVLen(), s.suite.ICVLen()
	pkt := make([]byte, 48+iv+len(plain)+icv)
	putOuter(pkt[:40], &addr6a, &addr6b, protoESP, 0)
	binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
	binary.BigEndian.PutUint32(pkt[40:], s.SPI)
	binary.BigEndian.PutUint32(pkt[44:], uint32(seq))
	s.suite.PutIV(pkt[48:48+iv], seq)
	copy(pkt[48+iv:], plain)
	if err := s.suite.Seal(pkt[48:], s.SPI, seq, s.ESN); err != nil {
		t.Fatal(err)
	}
	return pkt
}

var gcm = Algorithm{Encr: EncrAESGCM16, KeyBits: 128}

func TestOpenContents(t *testing.T) {
	inner := udp6([]byte("x"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tt := range []struct {
		name  string
		mode  Mode
		plain []byte
		want  []byte
		err   error
		dummy bool
		tfc   int
	}{
		{"padding", ModeTunnel, join(inner, []byte{1, 2, 3, 4, 5, 5, 41}), inner, nil, false, 0},
		{"TFC padding", ModeTunnel, join(inner, make([]byte, 100), []byte{1, 1, 41}), inner, nil, false, 100},
		{"TFC padding of any content", ModeTunnel, join(inner, inner, []byte{0, 41}), inner, nil, false, len(inner)},
		{"dummy", ModeTunnel, []byte{9, 9, 9, 9, 0, 59}, nil, nil, true, 0},
		{"dummy without contents", ModeTransport, []byte{0, 59}, nil, nil, true, 0},
		{"padding that is not 1, 2, 3", ModeTunnel, join(inner, []byte{1, 2, 4, 3, 41}), nil, ErrMalformed, false, 0},
		{"padding longer than all", ModeTunnel, []byte{1, 2, 9, 41}, nil, ErrMalformed, false, 0},
		{"no trailer", ModeTunnel, []byte{41}, nil, ErrTruncated, false, 0},
		{"IPv4 announced", ModeTunnel, join(inner, []byte{0, 4}), nil, ErrMalformed, false, 0},
		{"not IP", ModeTunnel, join(inner, []byte{0, 17}), nil, ErrMalformed, false, 0},
		{"inner packet cut", ModeTunnel, join(inner[:len(inner)-1], []byte{0, 41}), nil, ErrMalformed, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mustSA(t, Config{SPI: 0x1001, Mode: tt.mode}, keyed(t, gcm, 7))
			pkt := seal(t, s, 5, tt.plain)
			got, err := s.AppendOpen([]byte{7}, pkt)
			if err != tt.err && (err != nil || tt.err != nil) || !bytes.Equal(got, append([]byte{7}, tt.want...)) {
				t.Fatalf("AppendOpen(%x) = %x, %v, want %x, %v", pkt, got, err, tt.want, tt.err)
			}
			if l := s.Last(); err == nil && (l.Dummy != tt.dummy || l.TFCBytes != tt.tfc) {
				t.Errorf("Last() = %+v", l)
			}
			if tt.err == ErrTruncated {
				return
			}
			// What verified is used up, whatever it held.
			if _, err := s.AppendOpen(nil, pkt); err != ErrReplay {
				t.Errorf("again: %v, want %v", err, ErrReplay)
			}
		})
	}
}

func TestSealRefuses(t *testing.T) {
	good := udp6([]byte("x"))
	fragment4 := udp4([]byte("xxxx"))
	fragment4[6] = 0x20
	binary.BigEndian.PutUint16(fragment4[10:], 0)
	binary.BigEndian.PutUint16(fragment4[10:], inet.Fold(inet.Sum(0, fragment4[:20])))
	fragment6 := append([]byte(nil), udp6([]byte("xxxxxxxx"))...)
	fragment6[6] = protoFragment
	wrongSum := udp4([]byte("x"))
	wrongSum[10] ^= 1
	huge := udp6(make([]byte, 65527))
	for _, tt := range []struct {
		name              string
		pkt               []byte
		tunnel, transport error
	}{
		{"empty", nil, ErrTruncated, ErrTruncated},
		{"version 5", []byte{0x50, 1, 2, 3}, ErrMalformed, ErrMalformed},
		{"cut", good[:len(good)-1], ErrTruncated, ErrTruncated},
		{"bytes behind", append(append([]byte(nil), good...), 0), ErrMalformed, ErrMalformed},
		{"IPv4 fragment", fragment4, nil, ErrUnsupported},
		{"IPv6 fragment", fragment6, nil, ErrUnsupported},
		{"wrong IPv4 checksum", wrongSum, nil, ErrMalformed},
		{"too long", huge, ErrShortBuffer, ErrShortBuffer},
	} {
		for _, c := range []Config{
			{SPI: 256, Mode: ModeTunnel, Src: addr6a, Dst: addr6b},
			{SPI: 256, Mode: ModeTransport},
		} {
			out, in := pair(t, c, gcm)
			want := tt.tunnel
			if c.Mode == ModeTransport {
				want = tt.transport
			}
			got, err := out.AppendSeal([]byte{7}, tt.pkt)
			if err != want || err != nil && !bytes.Equal(got, []byte{7}) {
				t.Errorf("%s, %v: AppendSeal = %x, %v, want %v", tt.name, c.Mode, got, err, want)
			}
			if err != nil && out.Sent() != 0 {
				t.Errorf("%s: a sequence number is lost", tt.name)
			}
			if err == nil {
				if back, err := in.AppendOpen(nil, got[1:]); err != nil || !bytes.Equal(back, tt.pkt) {
					t.Errorf("%s: AppendOpen = %x, %v", tt.name, back, err)
				}
			}
		}
	}
	// Addresses.
	s := mustSA(t, Config{SPI: 256, Mode: ModeTransport, Src: addr6b}, keyed(t, gcm, 1))
	if _, err := s.AppendSeal(nil, good); err != ErrNoSA {
		t.Errorf("another source: %v, want %v", err, ErrNoSA)
	}
	s = mustSA(t, Config{SPI: 256, Mode: ModeTunnel, Src: addr6b}, keyed(t, gcm, 1))
	if _, err := s.AppendSeal(nil, good); err != ErrNoSA {
		t.Errorf("a tunnel without an end: %v, want %v", err, ErrNoSA)
	}
}

// Sequence numbers end, and so do lives; no number is used twice.
func TestExhausted(t *testing.T) {
	pkt := udp6([]byte("x"))
	for _, tt := range []struct {
		name string
		c    Config
		n    int // packets until the end
	}{
		{"32 bits", Config{Seq: 0xffffffff - 2}, 2},
		{"64 bits", Config{Seq: ^uint64(0) - 3, ESN: true}, 3},
		{"packets", Config{MaxPackets: 4}, 4},
		{"bytes", Config{MaxBytes: uint64(len(pkt))*3 + 1}, 3},
	} {
		tt.c.SPI, tt.c.Mode = 256, ModeTransport
		out, in := pair(t, tt.c, gcm)
		seen := map[uint64]bool{}
		for i := 0; i < tt.n; i++ {
			esp, err := out.AppendSeal(nil, pkt)
			if err != nil {
				t.Fatalf("%s: packet %d: %v", tt.name, i+1, err)
			}
			if seen[out.Sent()] {
				t.Fatalf("%s: number %d twice", tt.name, out.Sent())
			}
			seen[out.Sent()] = true
			if _, err := in.AppendOpen(nil, esp); err != nil {
				t.Fatalf("%s: packet %d: AppendOpen: %v", tt.name, i+1, err)
			}
		}
		for i := 0; i < 3; i++ {
			if got, err := out.AppendSeal([]byte{7}, pkt); err != ErrExhausted || len(got) != 1 {
				t.Errorf("%s: packet %d: AppendSeal = %x, %v, want %v", tt.name, tt.n+1, got, err, ErrExhausted)
			}
		}
	}
}

func TestAdvance(t *testing.T) {
	s := mustSA(t, Config{SPI: 256, Mode: ModeTransport, Seq: 10}, keyed(t, gcm, 1))
	if err := s.Advance(9); err != ErrReplay {
		t.Errorf("Advance(9) = %v, want %v", err, ErrReplay)
	}
	if err := s.Advance(1000); err != nil || s.Sent() != 1000 {
		t.Errorf("Advance(1000) = %v, sent %d", err, s.Sent())
	}
	if err := s.Advance(1 << 32); err != ErrExhausted {
		t.Errorf("Advance(2^32) = %v, want %v", err, ErrExhausted)
	}
}

func TestInitRefuses(t *testing.T) {
	suite := keyed(t, gcm, 1)
	for _, c := range []Config{
		{SPI: 0, Mode: ModeTunnel}, {SPI: 255, Mode: ModeTunnel}, {SPI: 256}, {SPI: 256, Mode: 3},
		{SPI: 256, Mode: ModeTunnel, Src: addr4a, Dst: addr6a},
		{SPI: 256, Mode: ModeTunnel, SrcPort: 4500},
		{SPI: 256, Mode: ModeTunnel, Seq: 1 << 32},
		{SPI: 256, Mode: ModeTunnel, Window: 31}, {SPI: 256, Mode: ModeTunnel, Window: 4097}, {SPI: 256, Mode: ModeTunnel, Window: -2},
		{SPI: 256, Mode: ModeTunnel, Window: NoWindow, ESN: true},
		{SPI: 256, Mode: ModeTunnel, Memory: make([]uint64, 1)},
	} {
		if err := new(SA).Init(c, suite); err != ErrMalformed {
			t.Errorf("Init(%+v) = %v, want %v", c, err, ErrMalformed)
		}
	}
	if err := new(SA).Init(Config{SPI: 256, Mode: ModeTunnel}, new(Suite)); err != ErrMalformed {
		t.Errorf("Init with an empty Suite = %v, want %v", err, ErrMalformed)
	}
	var zero SA
	if _, err := zero.AppendSeal(nil, udp6(nil)); err != ErrNoSA {
		t.Errorf("zero SA: AppendSeal: %v", err)
	}
	if _, err := zero.AppendOpen(nil, udp6(nil)); err != ErrNoSA {
		t.Errorf("zero SA: AppendOpen: %v", err)
	}
}

// Reordered packets within the window are taken once, others never.
func TestWindow(t *testing.T) {
	c := Config{SPI: 256, Mode: ModeTransport, Window: 32}
	out, in := pair(t, c, gcm)
	var list [][]byte
	for i := 0; i < 100; i++ {
		esp, err := out.AppendSeal(nil, udp6([]byte{byte(i)}))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, esp)
	}
	for _, tt := range []struct {
		i    int
		want error
	}{{10, nil}, {10, ErrReplay}, {5, nil}, {40, nil}, {9, nil}, {8, ErrReplay}, {0, ErrReplay}, {99, nil}, {68, nil}, {67, ErrReplay}, {98, nil}, {98, ErrReplay}} {
		if _, err := in.AppendOpen(nil, list[tt.i]); err != tt.want && (err != nil || tt.want != nil) {
			t.Errorf("packet %d: %v, want %v", tt.i+1, err, tt.want)
		}
	}
	none := mustSA(t, Config{SPI: 256, Mode: ModeTransport, Window: NoWindow}, keyed(t, gcm, 7))
	for i := 0; i < 2; i++ {
		if _, err := none.AppendOpen(nil, list[3]); err != nil {
			t.Errorf("without a window, time %d: %v", i+1, err)
		}
	}
}

func TestSAD(t *testing.T) {
	var d SAD
	make1 := func(spi uint32, src, dst Addr) *SA {
		return mustSA(t, Config{SPI: spi, Mode: ModeTransport, Src: src, Dst: dst}, keyed(t, gcm, int64(spi)))
	}
	any := make1(300, Addr{}, Addr{})
	dst := make1(300, Addr{}, addr6b)
	both := make1(300, addr6a, addr6b)
	for _, s := range []*SA{any, make1(299, Addr{}, Addr{}), both, dst, make1(301, Addr{}, Addr{})} {
		if err := d.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Add(make1(300, Addr{}, addr6b)); err != ErrMalformed {
		t.Errorf("the same again: %v, want %v", err, ErrMalformed)
	}
	for _, tt := range []struct {
		spi      uint32
		src, dst Addr
		want     *SA
	}{{300, addr6a, addr6b, both}, {300, addr6b, addr6b, dst}, {300, addr6b, addr6a, any}, {298, addr6a, addr6b, nil}, {302, addr6a, addr6b, nil}} {
		if got := d.Lookup(tt.spi, tt.src, tt.dst); got != tt.want {
			t.Errorf("Lookup(%d, %v, %v) = %p, want %p", tt.spi, tt.src, tt.dst, got, tt.want)
		}
	}
	if len(d.All()) != 5 || d.All()[0].SPI != 299 {
		t.Error("All is not in order")
	}
}

// UDP on port 4500 that is not ESP.
func TestNotESP(t *testing.T) {
	mk := func(payload []byte) []byte {
		p := udp4(payload)
		binary.BigEndian.PutUint16(p[20:], Port)
		binary.BigEndian.PutUint16(p[22:], Port)
		return p
	}
	for _, tt := range []struct {
		pkt  []byte
		want error
	}{
		{mk([]byte{0xff}), ErrNoSA}, // keepalive
		{mk([]byte{0, 0, 0, 0, 1, 2, 3, 4}), ErrNoSA},
		{mk([]byte{1, 2, 3}), ErrTruncated},
		{udp4([]byte{1, 2, 3, 4, 5, 6, 7, 8}), ErrNoSA},
		{mk([]byte{0, 0, 1, 0, 0, 0, 0, 1}), nil},
	} {
		if _, err := Locate(tt.pkt, nil); err != tt.want && (err != nil || tt.want != nil) {
			t.Errorf("Locate(%x) = %v, want %v", tt.pkt, err, tt.want)
		}
	}
	custom := udp4([]byte{0, 0, 1, 0, 0, 0, 0, 1})
	if l, err := Locate(custom, []uint16{0x1633}); err != nil || l.SPI != 256 || l.SN != 1 {
		t.Errorf("Locate with another port = %+v, %v", l, err)
	}
}

// Extension headers: hop-by-hop options and routing header stay outside, the
// destination options in front of the routing header, too; others are protected.
func TestExtensionHeaders(t *testing.T) {
	ext := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }
	routing := func(next byte) []byte { return []byte{next, 0, 253, 0, 0, 0, 0, 0} }
	for _, tt := range []struct {
		name    string
		first   byte
		headers [][]byte
		outside int
	}{
		{"hop-by-hop", 0, [][]byte{ext(17)}, 48},
		{"destination options", 60, [][]byte{ext(17)}, 40},
		{"routing", 43, [][]byte{routing(17)}, 48},
		{"all", 0, [][]byte{ext(60), ext(43), routing(60), ext(17)}, 64},
	} {
		pkt := udp6([]byte("x"))
		udp := append([]byte(nil), pkt[40:]...)
		pkt = pkt[:40]
		pkt[6] = tt.first
		for _, h := range tt.headers {
			pkt = append(pkt, h...)
		}
		pkt = append(pkt, udp...)
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
		out, in := pair(t, Config{SPI: 256, Mode: ModeTransport}, gcm)
		esp, err := out.AppendSeal(nil, pkt)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if spi := binary.BigEndian.Uint32(esp[tt.outside:]); spi != 256 {
			t.Errorf("%s: ESP is not at %d: %x", tt.name, tt.outside, esp)
		}
		if got, err := in.AppendOpen(nil, esp); err != nil || !bytes.Equal(got, pkt) {
			t.Errorf("%s: AppendOpen = %x, %v, want %x", tt.name, got, err, pkt)
		}
	}
}

func TestNames(t *testing.T) {
	for _, a := range algorithms() {
		encr, integ := a.String(), ""
		if i := bytes.IndexByte([]byte(encr), '-'); i > 0 {
			encr, integ = encr[:i], encr[i+1:]
		}
		if got, err := ParseAlgorithm(encr, integ); err != nil || got != a {
			t.Errorf("ParseAlgorithm(%q, %q) = %+v, %v, want %+v", encr, integ, got, err, a)
		}
	}
	for _, tt := range []struct {
		encr, integ string
		want        Algorithm
		err         error
	}{
		{"AES128-GCM16", "", gcm, nil},
		{"aes128gcm128", "", gcm, nil},
		{"aes256ccm64", "", Algorithm{EncrAESCCM8, 256, 0}, nil},
		{"aes128", "sha256", Algorithm{EncrAESCBC, 128, IntegHMACSHA2256128}, nil},
		{"ENCR_AES_GCM_16/256", "", Algorithm{EncrAESGCM16, 256, 0}, nil},
		{"ENCR_AES_CCM_8_IIV", "", Algorithm{EncrAESCCM8IIV, 128, 0}, nil},
		{"ENCR_CHACHA20_POLY1305", "", Algorithm{EncrChaCha20Poly1305, 0, 0}, nil},
		{"ENCR_AES_CBC/192", "AUTH_HMAC_SHA2_256_128", Algorithm{EncrAESCBC, 192, IntegHMACSHA2256128}, nil},
		{"ENCR_AES_GCM_16/512", "", Algorithm{}, ErrUnsupported},
		{"null", "none", Algorithm{EncrNull, 0, IntegAbsent}, nil},
		{"null", "", Algorithm{}, ErrMalformed},
		{"aes128cbc", "", Algorithm{}, ErrMalformed},
		{"aes128cbc", "none", Algorithm{}, ErrMalformed},
		{"aes128gcm16", "sha256", Algorithm{}, ErrMalformed},
		{"aes512gcm16", "", Algorithm{}, ErrUnsupported},
		{"des", "sha256", Algorithm{}, ErrUnsupported},
		{"aes128cbc", "md5", Algorithm{}, ErrUnsupported},
		{"", "", Algorithm{}, ErrUnsupported},
	} {
		if got, err := ParseAlgorithm(tt.encr, tt.integ); err != tt.err && (err != nil || tt.err != nil) || got != tt.want {
			t.Errorf("ParseAlgorithm(%q, %q) = %+v, %v, want %+v, %v", tt.encr, tt.integ, got, err, tt.want, tt.err)
		}
	}
	if EncrAESGCM16IIV.String() != "ENCR_AES_GCM_16_IIV" || !EncrAESGCM16IIV.Implicit() || EncrNull.Implicit() {
		t.Error("names of transforms")
	}
}

func TestAllocs(t *testing.T) {
	pkt := udp6(make([]byte, 100))
	for _, a := range algorithms() {
		out, in := pair(t, Config{SPI: 256, Mode: ModeTunnel, Src: addr6a, Dst: addr6b}, a)
		var d SAD
		if err := d.Add(in); err != nil {
			t.Fatal(err)
		}
		esp, clear := make([]byte, 0, 400), make([]byte, 0, 400)
		n := testing.AllocsPerRun(100, func() {
			e, err := out.AppendSeal(esp, pkt)
			if err != nil {
				panic(err)
			}
			if _, _, err := d.AppendOpen(clear, e); err != nil {
				panic(err)
			}
			if _, _, err := d.AppendOpen(clear, e); err == nil {
				panic("a replay opened")
			}
			e[len(e)-1] ^= 1
			e[47]++ // another sequence number
			if _, _, err := d.AppendOpen(clear, e); err == nil {
				panic("a forgery opened")
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocs per run, want 0", a, n)
		}
	}
	// Set-up with the caller's memory.
	suite := keyed(t, gcm, 1)
	var s SA
	memory := make([]uint64, seqno.Words(64))
	if n := testing.AllocsPerRun(10, func() {
		if s.Init(Config{SPI: 256, Mode: ModeTransport, Memory: memory}, suite) != nil {
			panic("Init")
		}
	}); n != 0 {
		t.Errorf("SA.Init: %v allocs, want 0", n)
	}
}

// Any bytes open to nothing, whatever the SA; nothing panics, dst stays.
func FuzzOpen(f *testing.F) {
	list := algorithms()
	out, _ := pair(f, Config{SPI: 256, Mode: ModeTransport}, list[0])
	esp, _ := out.AppendSeal(nil, udp6([]byte("x")))
	f.Add(esp, uint8(0), true)
	out, _ = pair(f, Config{SPI: 256, Mode: ModeTunnel, Src: addr4a, Dst: addr4b, SrcPort: 4500, DstPort: 4500}, gcm)
	esp, _ = out.AppendSeal(nil, udp6([]byte("x")))
	f.Add(esp, uint8(3), false)
	f.Fuzz(func(t *testing.T, pkt []byte, alg uint8, transport bool) {
		c := Config{SPI: 256, Mode: ModeTunnel, ESN: alg&0x80 != 0}
		if transport {
			c.Mode = ModeTransport
		}
		// Its key is not the one of the seeds, so that nothing can open.
		s := mustSA(t, c, keyed(t, list[int(alg&0x7f)%len(list)], 99))
		keep := append([]byte(nil), pkt...)
		got, err := s.AppendOpen([]byte{7}, pkt)
		if err == nil || !bytes.Equal(got, []byte{7}) || !bytes.Equal(keep, pkt) {
			t.Fatalf("AppendOpen(%x) = %x, %v", pkt, got, err)
		}
	})
}

// What one end seals the other opens, whatever it is.
func FuzzSeal(f *testing.F) {
	f.Add(udp6([]byte("x")), uint8(0))
	f.Add(udp4([]byte("x")), uint8(77))
	list, modes := algorithms(), configs()
	f.Fuzz(func(t *testing.T, pkt []byte, n uint8) {
		c := modes[int(n)%len(modes)]
		out, in := pair(t, c, list[int(n)*7%len(list)])
		esp, err := out.AppendSeal([]byte{7}, pkt)
		if err != nil {
			if !bytes.Equal(esp, []byte{7}) {
				t.Fatalf("AppendSeal = %x, %v", esp, err)
			}
			return
		}
		got, err := in.AppendOpen(nil, esp[1:])
		if err != nil || !bytes.Equal(got, pkt) {
			t.Fatalf("%+v: AppendOpen(%x) = %x, %v, want %x", c, esp[1:], got, err, pkt)
		}
	})
}

func benchSA(b *testing.B, name string) (*SA, *SA, []byte) {
	a, err := ParseAlgorithm(name, "")
	if err != nil {
		b.Fatal(err)
	}
	c := Config{SPI: 256, Mode: ModeTunnel, Src: addr6a, Dst: addr6b, Window: NoWindow}
	out, in := pair(b, c, a)
	return out, in, udp6(make([]byte, 52)) // 100 bytes
}

func BenchmarkSeal(b *testing.B) {
	for _, name := range []string{"aes128gcm16", "aes128gcm16iiv", "aes128ccm8", "chacha20poly1305"} {
		b.Run(name, func(b *testing.B) {
			out, _, pkt := benchSA(b, name)
			dst := make([]byte, 0, 300)
			b.ReportAllocs()
			b.SetBytes(int64(len(pkt)))
			for i := 0; i < b.N; i++ {
				if _, err := out.AppendSeal(dst, pkt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, name := range []string{"aes128gcm16", "aes128gcm16iiv", "aes128ccm8", "chacha20poly1305"} {
		b.Run(name, func(b *testing.B) {
			out, in, pkt := benchSA(b, name)
			esp, err := out.AppendSeal(nil, pkt)
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, 300)
			b.ReportAllocs()
			b.SetBytes(int64(len(pkt)))
			for i := 0; i < b.N; i++ {
				if _, err := in.AppendOpen(dst, esp); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
