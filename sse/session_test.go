package sse

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/schc"
)

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustAES(key ...byte) cipher.Block {
	for len(key) < 16 {
		key = append(key, byte(len(key)))
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

var suites = []Suite{SuiteCCM8, SuiteCCM16, SuiteGCM8, SuiteGCM16}

var formats = []Format{FormatCompact, FormatLarge, FormatExtreme}

// configs returns what both ends of a session have.
func configs(f Format, s Suite) (a, b Config) {
	up := Key{SPI: 0x010203, Block: mustAES(1), Salt: []byte{9, 8, 7, 6}[:s.SaltLen()]}
	down := Key{SPI: 0x0a0b0c, Block: mustAES(2), Salt: []byte{5, 4, 3, 2}[:s.SaltLen()]}
	return Config{Format: f, Suite: s, Out: up, In: down},
		Config{Format: f, Suite: s, Out: down, In: up, Dir: schc.DirDown}
}

// pair returns both ends. change, if not nil, is applied to both configurations.
func pair(t testing.TB, f Format, s Suite, change func(c *Config)) (a, b *Session) {
	t.Helper()
	ca, cb := configs(f, s)
	a, b = new(Session), new(Session)
	for _, x := range []struct {
		s *Session
		c Config
	}{{a, ca}, {b, cb}} {
		if change != nil {
			change(&x.c)
		}
		if err := x.s.Reset(x.c); err != nil {
			t.Fatalf("Reset(%v, %v): %v", f, s, err)
		}
	}
	return a, b
}

func mustSeal(t testing.TB, s *Session, payload []byte) []byte {
	t.Helper()
	pkt, err := s.AppendSeal(nil, payload)
	if err != nil {
		t.Fatalf("AppendSeal(%.40x): %v", payload, err)
	}
	return pkt
}

// withGPComp gives both ends LZS.
func withGPComp(c *Config) {
	lzs := new(gpcomp.LZS)
	lzs.Reset(make([]uint16, gpcomp.LZSMem(4096)))
	c.CompressOut = &gpcomp.Association{Codec: lzs, Threshold: 1}
	c.CompressIn = &gpcomp.Association{Codec: new(gpcomp.LZS)}
}

// TestSession: what one end seals the other opens, in all formats, suites,
// with and without GPComp and compressed headers, in both directions.
func TestSession(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, f := range formats {
		for _, s := range suites {
			for mode := 0; mode < 6; mode++ {
				if mode%3 > 0 && f != FormatCompact {
					continue
				}
				a, b := pair(t, f, s, func(c *Config) {
					if mode >= 3 {
						withGPComp(c)
					}
					switch mode % 3 {
					case 1:
						c.Headers = &Compression{SNBits: 8, FlagC: mode >= 3}
					case 2:
						c.Headers = &Compression{SPIBits: 5, SNBits: 9, FlagC: true, Stream: true}
					}
				})
				for n := 0; n < 300; n++ {
					from, to := a, b
					if n%3 == 2 {
						from, to = b, a
					}
					payload := make([]byte, []int{n, rnd.Intn(4096), 4095, 0}[rnd.Intn(4)])
					if n%2 == 0 {
						rnd.Read(payload)
					}
					kept := bytes.Clone(payload)
					prefix := []byte("prefix")
					pkt, err := from.AppendSeal(prefix, payload)
					if err != nil || !bytes.HasPrefix(pkt, prefix) || !bytes.Equal(payload, kept) {
						t.Fatalf("%v %v %d: AppendSeal(%x): %v", f, s, mode, payload, err)
					}
					if pkt = pkt[len(prefix):]; len(pkt) > from.SealRoom(len(payload)) {
						t.Fatalf("%d bytes, SealRoom is %d", len(pkt), from.SealRoom(len(payload)))
					}
					if mode == 0 && len(pkt) != f.HeaderLen()+len(payload)+s.ICVLen() {
						t.Fatalf("%v %v: %d bytes for %d", f, s, len(pkt), len(payload))
					}
					kept = bytes.Clone(pkt)
					got, err := to.AppendOpen(prefix, pkt)
					if err != nil || !bytes.Equal(got, append(prefix[:len(prefix):len(prefix)], payload...)) || !bytes.Equal(pkt, kept) {
						t.Fatalf("%v %v %d: AppendOpen(%x) = %x, %v, want %x", f, s, mode, pkt, got, err, payload)
					}
					if got, err := to.AppendOpen(prefix, pkt); err == nil || !bytes.Equal(got, prefix) {
						t.Fatalf("%v %v %d: opened twice: %x", f, s, mode, got)
					}
				}
			}
		}
	}
}

// TestSequence: the first number is 1, the next one more, and the last one ends
// the session after a signal.
func TestSequence(t *testing.T) {
	for _, f := range formats {
		ca, cb := configs(f, SuiteGCM16)
		var a, b Session
		if err := a.Reset(ca); err != nil {
			t.Fatal(err)
		}
		for want := uint64(1); want < 4; want++ {
			h, err := ParseHeader(f, mustSeal(t, &a, []byte{1, 2, 3}))
			if err != nil || h != (Header{SPI: 0x010203, Length: 3, Seq: want}) {
				t.Errorf("%v: %+v, %v, want number %d", f, h, err, want)
			}
		}
		ca.NextSeq = f.MaxSeq() - 2
		ca.RekeyAt = f.MaxSeq() - 1
		if err := a.Reset(ca); err != nil {
			t.Fatal(err)
		}
		cb.LastSeq, cb.RekeyAt = f.MaxSeq()-3, f.MaxSeq()-1
		if err := b.Reset(cb); err != nil {
			t.Fatal(err)
		}
		for i, need := range []bool{false, true, true, true} {
			if a.NeedRekey() != need {
				t.Errorf("%v: before packet %d: NeedRekey is %v", f, i, !need)
			}
			pkt, err := a.AppendSeal([]byte{7}, nil)
			if i == 3 {
				if err != ErrExhausted || !bytes.Equal(pkt, []byte{7}) {
					t.Errorf("%v: %x, %v after the last number", f, pkt, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.AppendOpen(nil, pkt[1:]); err != nil {
				t.Fatalf("%v: AppendOpen(%x): %v", f, pkt[1:], err)
			}
			if want := i >= 1; b.NeedRekey() != want {
				t.Errorf("%v: receiver, packet %d: NeedRekey is %v", f, i, !want)
			}
		}
		if n, ok := a.NextSeq(); ok || n != 0 {
			t.Errorf("%v: NextSeq() = %d, %v at the end", f, n, ok)
		}
		if b.LastSeq() != f.MaxSeq() {
			t.Errorf("%v: LastSeq() = %d", f, b.LastSeq())
		}
	}
}

// TestDefaultRekey: without a threshold the signal comes at 7/8.
func TestDefaultRekey(t *testing.T) {
	ca, _ := configs(FormatCompact, SuiteCCM16)
	for _, x := range []struct {
		next uint64
		want bool
	}{{1, false}, {917504 - 1, false}, {917504, true}, {1<<20 - 1, true}} {
		ca.NextSeq = x.next
		var a Session
		if err := a.Reset(ca); err != nil {
			t.Fatal(err)
		}
		if a.NeedRekey() != x.want {
			t.Errorf("next %d: NeedRekey() = %v", x.next, !x.want)
		}
	}
}

// TestReplay: packets may come late within the window, and none twice.
func TestReplay(t *testing.T) {
	for _, window := range []int{0, 32, 64, 65, 200} {
		a, b := pair(t, FormatCompact, SuiteGCM16, func(c *Config) { c.Window = window })
		size := window
		if size == 0 {
			size = 64
		}
		pkts := make([][]byte, 2*size+10)
		for i := range pkts {
			pkts[i] = mustSeal(t, a, []byte{byte(i)})
		}
		open := func(i int, want error) {
			t.Helper()
			if got, err := b.AppendOpen(nil, pkts[i]); err != want || err == nil && !bytes.Equal(got, []byte{byte(i)}) {
				t.Errorf("window %d: packet %d: %x, %v, want %v", window, i, got, err, want)
			}
		}
		top := size + 5
		open(top, nil)
		open(top, ErrReplay)
		open(top-size, ErrReplay) // too old
		for i := top - size + 1; i < top; i++ {
			open(i, nil)
			open(i, ErrReplay)
		}
		open(len(pkts)-1, nil)
		open(top, ErrReplay)
	}
}

// TestTampered: a changed bit anywhere, another key, and lengths that are not
// right, are refused, and the session goes on.
func TestTampered(t *testing.T) {
	for _, f := range formats {
		for _, s := range suites {
			a, b := pair(t, f, s, nil)
			pkt := mustSeal(t, a, []byte("payload"))
			for bit := 0; bit < 8*len(pkt); bit++ {
				bad := bytes.Clone(pkt)
				bad[bit/8] ^= 0x80 >> (bit % 8)
				got, err := b.AppendOpen([]byte{1}, bad)
				if err == nil || !bytes.Equal(got, []byte{1}) {
					t.Fatalf("%v %v: bit %d: %x, %v", f, s, bit, got, err)
				}
				if e, _ := err.(Error); bit >= 8*f.HeaderLen() && e != ErrAuth {
					t.Errorf("%v %v: bit %d: %v, want %v", f, s, bit, err, ErrAuth)
				}
			}
			for n := range pkt {
				if got, err := b.AppendOpen(nil, pkt[:n]); err != ErrTruncated || got != nil {
					t.Errorf("%v %v: %d bytes: %x, %v", f, s, n, got, err)
				}
			}
			if _, err := b.AppendOpen(nil, append(bytes.Clone(pkt), 0)); err != ErrMalformed {
				t.Errorf("%v %v: a byte more: %v", f, s, err)
			}
			if _, err := a.AppendOpen(nil, pkt); err != ErrNoSA {
				t.Errorf("%v %v: own packet: %v", f, s, err)
			}
			if got, err := b.AppendOpen(nil, pkt); err != nil || string(got) != "payload" {
				t.Errorf("%v %v: %q, %v after all that", f, s, got, err)
			}
		}
	}
}

// TestHeaderIsAuthenticated: whoever has the key but seals with another header
// is refused: the whole header is associated data, RESERVED too.
func TestHeaderIsAuthenticated(t *testing.T) {
	for _, f := range formats {
		_, b := pair(t, f, SuiteGCM16, nil)
		h := Header{SPI: 0x010203, Length: 1, Seq: 1}
		gcm, _ := cipher.NewGCM(mustAES(1))
		nonce := []byte{9, 8, 7, 6, 0, 0, 0, 0, 0, 0, 0, 1}
		seal := func(h, aad Header) []byte {
			head, err := AppendHeader(nil, f, h)
			if err != nil {
				t.Fatal(err)
			}
			data, err := AppendHeader(nil, f, aad)
			if err != nil {
				t.Fatal(err)
			}
			return gcm.Seal(head, nonce, []byte{42}, data)
		}
		other := h
		other.Flags = FlagGPComp
		if _, err := b.AppendOpen(nil, seal(h, other)); err != ErrAuth {
			t.Errorf("%v: other flags: %v", f, err)
		}
		flagged := h
		flagged.Flags = 2
		if _, err := b.AppendOpen(nil, seal(flagged, flagged)); err != ErrUnsupported {
			t.Errorf("%v: unknown flag: %v", f, err)
		}
		zero := h
		zero.Seq = 0
		if _, err := b.AppendOpen(nil, seal(zero, zero)); err != ErrMalformed {
			t.Errorf("%v: number 0: %v", f, err)
		}
		if _, err := b.AppendOpen(nil, seal(other, other)); err != ErrUnsupported || b.LastSeq() != 0 {
			t.Errorf("%v: C without GPComp: %v, number %d", f, err, b.LastSeq())
		}
		h.Seq++
		nonce[11]++
		if f != FormatCompact {
			h.Reserved = 0xabcdef
			other = h
			other.Reserved = 0
			if _, err := b.AppendOpen(nil, seal(h, other)); err != ErrAuth {
				t.Errorf("%v: RESERVED is not authenticated: %v", f, err)
			}
		}
		if got, err := b.AppendOpen(nil, seal(h, h)); err != nil || !bytes.Equal(got, []byte{42}) {
			t.Errorf("%v: %x, %v", f, got, err)
		}
	}
}

// TestLimits: 4,095 bytes are the most of the compact format.
func TestLimits(t *testing.T) {
	for _, f := range formats {
		a, b := pair(t, f, SuiteGCM16, nil)
		if got, err := a.AppendSeal([]byte{1}, make([]byte, 4096)); f == FormatCompact && (err != ErrUnsupported || len(got) != 1) ||
			f != FormatCompact && err != nil {
			t.Errorf("%v: 4096 bytes: %d, %v", f, len(got), err)
		}
		pkt := mustSeal(t, a, make([]byte, 4095))
		if h, _ := ParseHeader(f, pkt); f == FormatCompact && h.Seq != 1 {
			t.Errorf("the number of a refused payload was used: %d", h.Seq)
		}
		if got, err := b.AppendOpen(nil, pkt); err != nil || len(got) != 4095 {
			t.Errorf("%v: %d bytes, %v", f, len(got), err)
		}
	}
	// The Length is that of what is encrypted, so compression helps.
	a, b := pair(t, FormatCompact, SuiteGCM16, withGPComp)
	pkt := mustSeal(t, a, make([]byte, 10000))
	if got, err := b.AppendOpen(nil, pkt); err != nil || len(got) != 10000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestGPComp: the flag C says what was compressed, and limits hold.
func TestGPComp(t *testing.T) {
	a, b := pair(t, FormatCompact, SuiteCCM8, withGPComp)
	text := bytes.Repeat([]byte("temperature "), 20)
	pkt := mustSeal(t, a, text)
	h, _ := ParseHeader(FormatCompact, pkt)
	if h.Flags != FlagGPComp || int(h.Length) >= len(text) || len(pkt) != 8+int(h.Length)+8 {
		t.Errorf("%+v, %d bytes", h, len(pkt))
	}
	if h, _ := ParseHeader(FormatCompact, mustSeal(t, a, []byte{1})); h.Flags != 0 || h.Length != 1 {
		t.Errorf("%+v for what does not get smaller", h)
	}
	b.in.gpcomp.MaxLen = 100
	if got, err := b.AppendOpen([]byte{1}, pkt); err != ErrShortBuffer || len(got) != 1 {
		t.Errorf("a bomb: %d bytes, %v", len(got), err)
	}
	if _, err := b.AppendOpen(nil, pkt); err != ErrReplay {
		t.Errorf("the same again: %v", err)
	}
	// What is authentic but no LZS.
	ca, _ := configs(FormatCompact, SuiteCCM8)
	var plain Session
	if err := plain.Reset(ca); err != nil {
		t.Fatal(err)
	}
	plain.out.next = 50
	head, _ := AppendHeader(nil, FormatCompact, Header{SPI: 0x010203, Flags: FlagGPComp, Length: 2, Seq: 50})
	bad := plain.out.seal(append(head, 0xff, 0xff), 8, head, 50)
	if got, err := b.AppendOpen([]byte{1}, bad); err == nil || err == ErrAuth || len(got) != 1 {
		t.Errorf("not LZS: %x, %v", got, err)
	}
}

// TestReset has configurations that are refused.
func TestReset(t *testing.T) {
	for name, x := range map[string]struct {
		change func(c *Config)
		want   Error
	}{
		"no keys":           {func(c *Config) { c.Out.Block, c.In.Block = nil, nil }, ErrMalformed},
		"no suite":          {func(c *Config) { c.Suite = 0 }, ErrUnsupported},
		"CMAC":              {func(c *Config) { c.Suite = SuiteCMAC96 }, ErrUnsupported},
		"format":            {func(c *Config) { c.Format = 4 }, ErrUnsupported},
		"salt":              {func(c *Config) { c.Out.Salt = c.Out.Salt[:2] }, ErrMalformed},
		"salt of In":        {func(c *Config) { c.In.Salt = nil }, ErrMalformed},
		"SPI":               {func(c *Config) { c.Out.SPI = 0 }, ErrMalformed},
		"truncated SPI":     {func(c *Config) { c.In.SPI = 0xff000000 }, ErrMalformed},
		"window":            {func(c *Config) { c.Window = MaxWindow + 1 }, ErrMalformed},
		"negative window":   {func(c *Config) { c.Window = -1 }, ErrMalformed},
		"small window":      {func(c *Config) { c.Window = 31 }, ErrMalformed},
		"window memory":     {func(c *Config) { c.Memory = make([]uint64, 1) }, ErrMalformed},
		"next":              {func(c *Config) { c.NextSeq = 1 << 20 }, ErrMalformed},
		"last":              {func(c *Config) { c.LastSeq = 1 << 20 }, ErrMalformed},
		"rekey":             {func(c *Config) { c.RekeyAt = 1 << 20 }, ErrMalformed},
		"direction":         {func(c *Config) { c.Dir = schc.DirBidirectional }, ErrMalformed},
		"width of SPI":      {func(c *Config) { c.Headers = &Compression{SPIBits: 25} }, ErrMalformed},
		"width of SN":       {func(c *Config) { c.Headers = &Compression{SNBits: 21} }, ErrMalformed},
		"headers of large":  {func(c *Config) { c.Format, c.Headers = FormatLarge, &Compression{} }, ErrUnsupported},
		"C would be elided": {func(c *Config) { withGPComp(c); c.Headers = &Compression{} }, ErrRefused},
	} {
		c, _ := configs(FormatCompact, SuiteGCM16)
		x.change(&c)
		var s Session
		if err := s.Reset(c); err != x.want {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
		if _, err := s.AppendSeal(nil, nil); err != ErrUnsupported {
			t.Errorf("%s: AppendSeal: %v", name, err)
		}
		if _, err := s.AppendOpen(nil, make([]byte, 24)); err != ErrUnsupported {
			t.Errorf("%s: AppendOpen: %v", name, err)
		}
	}
	// The default format is compact.
	c, _ := configs(0, SuiteGCM16)
	var s Session
	if err := s.Reset(c); err != nil || s.Format() != FormatCompact || s.Suite() != SuiteGCM16 || s.OutSPI() != 0x010203 || s.InSPI() != 0x0a0b0c {
		t.Errorf("%v, %+v", err, s)
	}
}

// TestOneWay: a session may have one direction.
func TestOneWay(t *testing.T) {
	ca, cb := configs(FormatLarge, SuiteCCM16)
	ca.In, cb.Out = Key{}, Key{}
	var a, b Session
	if err := a.Reset(ca); err != nil {
		t.Fatal(err)
	}
	if err := b.Reset(cb); err != nil {
		t.Fatal(err)
	}
	pkt := mustSeal(t, &a, []byte{1})
	if _, err := a.AppendOpen(nil, pkt); err != ErrUnsupported {
		t.Error(err)
	}
	if got, err := b.AppendOpen(nil, pkt); err != nil || len(got) != 1 {
		t.Error(got, err)
	}
	if _, err := b.AppendSeal(nil, nil); err != ErrUnsupported {
		t.Error(err)
	}
}

// TestTable: SPIs that collide, after truncation too, are refused.
func TestTable(t *testing.T) {
	session := func(f Format, spi uint32) *Session {
		c, _ := configs(f, SuiteGCM16)
		c.In.SPI = spi
		s := new(Session)
		if err := s.Reset(c); err != nil {
			t.Fatal(err)
		}
		return s
	}
	var tab Table
	first := session(FormatCompact, 0x77000102)
	if err := tab.Add(first); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Session{first, session(FormatCompact, 0x00000102), session(FormatCompact, 0x88000102), session(FormatLarge, 0x00000102)} {
		if err := tab.Add(s); err != ErrRefused {
			t.Errorf("SPI %x: %v", s.InSPI(), err)
		}
	}
	second := session(FormatLarge, 0x77000102)
	if err := tab.Add(second); err != nil {
		t.Errorf("an SPI that the large format keeps apart: %v", err)
	}
	for _, x := range []struct {
		spi  uint32
		bits uint8
		want *Session
	}{{0x102, 32, first}, {0x77000102, 32, second}, {2, 32, nil}, {0x102, 24, nil}, {0, 0, nil}} {
		if got := tab.Find(x.spi, x.bits); got != x.want {
			t.Errorf("Find(%x, %d) = %p, want %p", x.spi, x.bits, got, x.want)
		}
	}
	if !tab.Remove(second) || tab.Remove(second) {
		t.Error("Remove")
	}
	if got := tab.Find(2, 8); got != first {
		t.Errorf("Find(2, 8) = %p", got)
	}
	ca, _ := configs(FormatCompact, SuiteGCM16)
	ca.In = Key{}
	var out Session
	if err := out.Reset(ca); err != nil {
		t.Fatal(err)
	}
	if err := tab.Add(&out); err != ErrUnsupported {
		t.Error(err)
	}
}
