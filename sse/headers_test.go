package sse

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/schc"
)

// newHeaders returns both ends' Headers for packets that the device sends.
func newHeaders(t testing.TB, c Compression, s Suite, up, down uint32) (dev, app *Headers) {
	t.Helper()
	ctx, err := c.NewContext(up, down)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	dev, app = new(Headers), new(Headers)
	if err := dev.Reset(ctx, c, s, schc.DirUp); err != nil {
		t.Fatal(err)
	}
	if err := app.Reset(ctx, c, s, schc.DirDown); err != nil {
		t.Fatal(err)
	}
	return dev, app
}

// packet is a compact packet with n bytes of payload.
func packet(s Suite, h Header, n int) []byte {
	h.Length = uint32(n)
	b, err := AppendHeader(nil, FormatCompact, h)
	if err != nil {
		panic(err)
	}
	for i := 0; i < n+s.ICVLen(); i++ {
		b = append(b, byte(i*7+1))
	}
	return b
}

// TestHeaders: all widths against the reference, and back, both ways.
func TestHeaders(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for spi := uint8(0); spi <= 24; spi++ {
		for sn := uint8(0); sn <= 20; sn++ {
			if testing.Short() && r.Intn(5) > 0 {
				continue
			}
			for mode := 0; mode < 4; mode++ {
				c := Compression{SPIBits: spi, SNBits: sn, FlagC: mode&1 != 0, Stream: mode&2 != 0}
				dev, app := newHeaders(t, c, SuiteCCM8, 0x123456, 0xfedcba)
				for i := 0; i < 4; i++ {
					last := r.Uint64() & (1<<20 - 1) >> uint(r.Intn(20))
					if last == 1<<20-1 {
						last--
					}
					h := Header{SPI: 0x123456, Seq: last + 1}
					from, to := dev, app
					if i%2 == 1 {
						h.SPI, from, to = 0xfedcba, app, dev
					}
					if c.FlagC {
						h.Flags = uint8(r.Intn(2))
					}
					pkt := packet(SuiteCCM8, h, r.Intn(40))
					kept := bytes.Clone(pkt)
					got, err := from.AppendCompress([]byte{1}, pkt)
					if want := slowCompress(c, pkt); err != nil || !bytes.Equal(got[1:], want) || !bytes.Equal(pkt, kept) {
						t.Fatalf("%+v: AppendCompress(%x) = %x, %v, want %x", c, pkt, got[1:], err, want)
					}
					if len(got)-1 != len(pkt)-8+c.HeaderBytes() {
						t.Fatalf("%+v: %d bytes from %d", c, len(got)-1, len(pkt))
					}
					back, err := to.AppendDecompress([]byte{1}, got[1:], last)
					if err != nil || !bytes.Equal(back[1:], pkt) {
						t.Fatalf("%+v: AppendDecompress(%x, %d) = %x, %v, want %x", c, got[1:], last, back, err, pkt)
					}
					low, err := c.SPI(got[1:])
					if want := h.SPI & (1<<spi - 1); err != nil || low != want {
						t.Fatalf("%+v: SPI(%x) = %x, %v, want %x", c, got[1:], low, err, want)
					}
					n, err := c.PacketLen(SuiteCCM8, append(got[1:], 9, 9))
					if c.Stream && (err != nil || n != len(got)-1) || !c.Stream && err != ErrUnsupported {
						t.Fatalf("%+v: PacketLen(%x) = %d, %v", c, got[1:], n, err)
					}
				}
			}
		}
	}
}

// TestHeaderBytes has the sizes that CONTRACT and the draft's purpose name.
func TestHeaderBytes(t *testing.T) {
	for _, x := range []struct {
		c           Compression
		bits, bytes int
	}{
		{Compression{}, 0, 0},
		{Compression{SNBits: 8}, 8, 1},
		{Compression{SPIBits: 8, SNBits: 16}, 24, 3},
		{Compression{SPIBits: 24, SNBits: 20}, 44, 6},
		{Compression{SNBits: 8, FlagC: true}, 9, 2},
		{Compression{SNBits: 7, FlagC: true}, 8, 1},
		{Compression{SNBits: 4, Stream: true}, 16, 2},
	} {
		if x.c.HeaderBits() != x.bits || x.c.HeaderBytes() != x.bytes {
			t.Errorf("%+v: %d bits, %d bytes", x.c, x.c.HeaderBits(), x.c.HeaderBytes())
		}
		dev, _ := newHeaders(t, x.c, SuiteGCM16, 1, 2)
		got, err := dev.AppendCompress(nil, packet(SuiteGCM16, Header{SPI: 1, Seq: 1}, 10))
		if err != nil || len(got) != x.bytes+10+16 {
			t.Errorf("%+v: %d bytes, %v", x.c, len(got), err)
		}
	}
}

// TestHeadersRefuse has packets that the Rule does not describe and compressed
// ones that no peer sends.
func TestHeadersRefuse(t *testing.T) {
	c := Compression{SPIBits: 4, SNBits: 8}
	dev, app := newHeaders(t, c, SuiteGCM16, 0x102030, 0x405060)
	good := Header{SPI: 0x102030, Seq: 9}
	for name, pkt := range map[string][]byte{
		"other SPI":   packet(SuiteGCM16, Header{SPI: 0x112030, Seq: 9}, 4),
		"C":           packet(SuiteGCM16, Header{SPI: 0x102030, Flags: 1, Seq: 9}, 4),
		"more flags":  packet(SuiteGCM16, Header{SPI: 0x102030, Flags: 0x80, Seq: 9}, 4),
		"a byte more": append(packet(SuiteGCM16, good, 4), 0),
		"a byte less": packet(SuiteGCM16, good, 4)[:27],
		"other ICV":   packet(SuiteGCM8, good, 4),
		"header only": packet(SuiteGCM16, good, 4)[:8],
	} {
		if got, err := dev.AppendCompress([]byte{1}, pkt); err != ErrNoRule || !bytes.Equal(got, []byte{1}) {
			t.Errorf("%s: AppendCompress(%x) = %x, %v", name, pkt, got, err)
		}
	}
	for n := 0; n < 8; n++ {
		if got, err := dev.AppendCompress([]byte{1}, make([]byte, n)); err != ErrTruncated || len(got) != 1 {
			t.Errorf("%d bytes: %x, %v", n, got, err)
		}
	}
	small, err := dev.AppendCompress(nil, packet(SuiteGCM16, good, 4))
	if err != nil {
		t.Fatal(err)
	}
	padded := bytes.Clone(small)
	padded[1] |= 1 // 12 bits of header: 4 of padding
	if got, err := app.AppendDecompress([]byte{1}, padded, 8); err != ErrMalformed || len(got) != 1 {
		t.Errorf("padding: %x, %v", got, err)
	}
	for n := 0; n < c.HeaderBytes()+16; n++ {
		if got, err := app.AppendDecompress([]byte{1}, small[:n], 8); err == nil || len(got) != 1 {
			t.Errorf("%d bytes: %x, %v", n, got, err)
		}
	}
	if _, err := c.SPI(nil); err != ErrTruncated {
		t.Error(err)
	}
	if _, err := (Compression{SPIBits: 9, SNBits: 20, Stream: true}).PacketLen(SuiteGCM16, make([]byte, 5)); err != ErrTruncated {
		t.Error(err)
	}
	// Beyond the last number there is none.
	zero := Compression{}
	_, app = newHeaders(t, zero, SuiteGCM16, 1, 2)
	if got, err := app.AppendDecompress([]byte{1}, make([]byte, 16), 1<<20-1); err == nil && len(got) > 1 {
		if h, _ := ParseHeader(FormatCompact, got[1:]); h.Seq > 1<<20-1 {
			t.Errorf("number %d", h.Seq)
		}
	}
	var h Headers
	ctx, err := c.NewContext(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{h.Reset(nil, c, SuiteGCM16, schc.DirUp), h.Reset(ctx, c, SuiteGCM16, 0), h.Reset(ctx, Compression{SNBits: 21}, SuiteGCM16, schc.DirUp)} {
		if err != ErrMalformed {
			t.Error(err)
		}
	}
	// A Rule for one direction does not serve the other.
	if err := h.Reset(ctx, c, SuiteGCM16, schc.DirDown); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AppendCompress(nil, packet(SuiteGCM16, Header{SPI: 1, Seq: 1}, 4)); err != ErrNoRule {
		t.Error(err)
	}
	if err := h.Reset(ctx, c, SuiteGMAC, schc.DirUp); err != ErrUnsupported {
		t.Error(err)
	}
	for _, spi := range [][2]uint32{{0, 0}, {1 << 24, 1}, {1, 1 << 24}} {
		if _, err := c.Rule(spi[0], spi[1]); err != ErrMalformed {
			t.Errorf("%x: %v", spi, err)
		}
	}
}

// TestRecovery: packets that are lost or late are opened as long as the low bits
// tell which they are.
func TestRecovery(t *testing.T) {
	for _, x := range []struct {
		name   string
		c      Compression
		window int
		loss   int // packets lost in a row
		late   int // how late one packet comes
		ok     bool
	}{
		{"8 bits, 100 lost", Compression{SNBits: 8}, 0, 100, 0, true},
		{"8 bits, 254 lost", Compression{SNBits: 8}, 0, 250, 0, true},
		{"8 bits, 1 late", Compression{SNBits: 8}, 0, 0, 1, true},
		{"8 bits, 63 late", Compression{SNBits: 8}, 0, 0, 63, true},
		{"8 bits, 64 late", Compression{SNBits: 8}, 0, 0, 64, false},
		{"0 bits, none lost", Compression{}, 0, 0, 0, true},
		{"0 bits, 2 lost", Compression{}, 0, 2, 0, true}, // found by trial
		{"0 bits, 100 lost", Compression{}, 0, 100, 0, false},
		{"4 bits, 1000 lost", Compression{SNBits: 4}, 0, 1000, 0, false},
		{"20 bits, any lost", Compression{SNBits: 20}, 0, 5000, 0, true},
		{"16 bits, 4000 late", Compression{SNBits: 16}, 4096, 0, 4000, true},
	} {
		a, b := pair(t, FormatCompact, SuiteCCM8, func(c *Config) {
			c.Headers = &x.c
			c.Window = x.window
		})
		for i := 0; i < 10; i++ {
			if _, err := b.AppendOpen(nil, mustSeal(t, a, []byte{1})); err != nil {
				t.Fatal(err)
			}
		}
		pkt := mustSeal(t, a, []byte("late"))
		if x.late == 0 {
			if _, err := b.AppendOpen(nil, pkt); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i < x.loss; i++ {
			mustSeal(t, a, nil)
		}
		for i := 1; i < x.late; i++ {
			if _, err := b.AppendOpen(nil, mustSeal(t, a, nil)); err != nil {
				t.Fatal(err)
			}
		}
		after := mustSeal(t, a, []byte("after"))
		got, err := b.AppendOpen(nil, after)
		if ok := err == nil && string(got) == "after"; ok != (x.ok || x.late > 0) {
			t.Errorf("%s: %q, %v", x.name, got, err)
		}
		if x.late > 0 {
			if got, err := b.AppendOpen(nil, pkt); (err == nil && string(got) == "late") != x.ok {
				t.Errorf("%s: %q, %v", x.name, got, err)
			}
		}
	}
}

// TestTrials bounds the work for a packet that is not authentic.
func TestTrials(t *testing.T) {
	for _, trials := range []uint8{1, 2, 3} {
		a, b := pair(t, FormatCompact, SuiteGCM16, func(c *Config) {
			c.Headers = &Compression{}
			c.Trials = trials
		})
		mustSeal(t, a, nil)
		mustSeal(t, a, nil)
		// The numbers 1, 2, 3 are tried; the third is right.
		_, err := b.AppendOpen(nil, mustSeal(t, a, nil))
		if (err == nil) != (trials == 3) {
			t.Errorf("%d trials: %v", trials, err)
		}
	}
}

// TestInOrder accepts increasing numbers only, and never reuses one.
func TestInOrder(t *testing.T) {
	a, b := pair(t, FormatCompact, SuiteGCM16, func(c *Config) { c.InOrder = true })
	one, two, three := mustSeal(t, a, nil), mustSeal(t, a, nil), mustSeal(t, a, nil)
	for _, x := range []struct {
		pkt  []byte
		want error
	}{{one, nil}, {three, nil}, {two, ErrReplay}, {three, ErrReplay}} {
		if _, err := b.AppendOpen(nil, x.pkt); err != x.want {
			t.Errorf("%x: %v, want %v", x.pkt[:8], err, x.want)
		}
	}
}

// TestImage: a device without a heap has the compiled Rule.
func TestImage(t *testing.T) {
	c := Compression{SPIBits: 8, SNBits: 16}
	ctx, err := c.NewContext(0x010203, 0x0a0b0c)
	if err != nil {
		t.Fatal(err)
	}
	var loaded schc.Context
	if err := loaded.LoadImage(ctx.Image()); err != nil {
		t.Fatal(err)
	}
	a, b := pair(t, FormatCompact, SuiteCCM8, func(cfg *Config) { cfg.Headers, cfg.Context = &c, &loaded })
	pkt := mustSeal(t, a, []byte("x"))
	if got, err := b.AppendOpen(nil, pkt); err != nil || string(got) != "x" || len(pkt) != 3+1+8 {
		t.Errorf("%x: %q, %v", pkt, got, err)
	}
}

// TestEngine: the engine makes the same of the whole packet under the Rule, if it
// pads the header; if it pads the packet (RFC 8724), it does so where the bits are
// whole bytes.
func TestEngine(t *testing.T) {
	for _, c := range []Compression{{}, {SNBits: 8}, {SPIBits: 8, SNBits: 16}, {SPIBits: 24, SNBits: 20}, {SPIBits: 3, SNBits: 5, FlagC: true},
		{SPIBits: 3, SNBits: 10}, {SNBits: 4, Stream: true}, {SPIBits: 7, SNBits: 9, FlagC: true, Stream: true}} {
		rule, err := c.Rule(0x010203, 0x040506)
		if err != nil {
			t.Fatal(err)
		}
		dev, _ := newHeaders(t, c, SuiteCCM8, 0x010203, 0x040506)
		pkt := packet(SuiteCCM8, Header{SPI: 0x010203, Seq: 1<<c.SNBits - 1}, 33)
		got, err := dev.AppendCompress(nil, pkt)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		for _, split := range []bool{true, false} {
			ctx, err := schc.NewContext([]schc.Rule{rule}, schc.Options{SSEICVBytes: 8, SplitHeader: split})
			if err != nil {
				t.Fatal(err)
			}
			var engine schc.Compressor
			var back schc.Decompressor
			engine.Reset(ctx)
			back.Reset(ctx)
			want, _, err := engine.AppendCompress(nil, pkt, schc.DirUp)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if (split || c.HeaderBits()%8 == 0) != bytes.Equal(got, want) || len(got) != len(want) {
				t.Errorf("%+v, split %v: %x, the engine makes %x", c, split, got, want)
			}
			if again, _, err := back.AppendDecompress(nil, want, schc.DirUp); err != nil || !bytes.Equal(again, pkt) {
				t.Errorf("%+v, split %v: the engine restores %x, %v, want %x", c, split, again, err, pkt)
			}
		}
	}
}

// TestOpenWith: packets of one session over transports with several forms of the
// header are opened in any order, none twice.
func TestOpenWith(t *testing.T) {
	datagram, stream := Compression{SPIBits: 4, SNBits: 8}, Compression{SNBits: 20, Stream: true}
	a, b := pair(t, FormatCompact, SuiteGCM8, nil)
	ds, dr := newHeaders(t, datagram, SuiteGCM8, 0x010203, 0x0a0b0c)
	ss, sr := newHeaders(t, stream, SuiteGCM8, 0x010203, 0x0a0b0c)
	for i := 1; i < 100; i++ {
		pkt := mustSeal(t, a, []byte{byte(i)})
		send, recv := []*Headers{nil, ds, ss}[i%3], []*Headers{nil, dr, sr}[i%3]
		small := pkt
		if send != nil {
			var err error
			if small, err = send.AppendCompress(nil, pkt); err != nil || len(small) >= len(pkt) {
				t.Fatalf("AppendCompress(%x) = %x, %v", pkt, small, err)
			}
		}
		got, err := b.AppendOpenWith([]byte{7}, small, recv)
		if err != nil || !bytes.Equal(got, []byte{7, byte(i)}) || b.Opened() != (Header{SPI: 0x010203, Length: 1, Seq: uint64(i)}) {
			t.Fatalf("packet %d: %x, %v, %+v", i, got, err, b.Opened())
		}
		for _, x := range []struct {
			pkt  []byte
			h    *Headers
			want Error
		}{{small, recv, ErrReplay}, {pkt, nil, ErrReplay}} {
			if got, err := b.AppendOpenWith([]byte{7}, x.pkt, x.h); err == nil || x.h == nil && err != x.want || len(got) != 1 {
				t.Fatalf("packet %d again: %x, %v", i, got, err)
			}
			// It is the peer's; and what is not the peer's is not.
			if _, err := b.Verify(nil, x.pkt, x.h); err != nil || b.LastSeq() != uint64(i) {
				t.Fatalf("packet %d: Verify: %v", i, err)
			}
			bad := bytes.Clone(x.pkt)
			bad[len(bad)-1-i%9] ^= 1
			if _, err := b.Verify(make([]byte, 3), bad, x.h); err != ErrAuth {
				t.Fatalf("packet %d: Verify of another: %v", i, err)
			}
		}
	}
	other, _ := newHeaders(t, datagram, SuiteCCM16, 0x010203, 0x0a0b0c)
	if _, err := b.AppendOpenWith(nil, make([]byte, 40), other); err != ErrUnsupported {
		t.Errorf("Headers of another ICV: %v", err)
	}
	_, large := pair(t, FormatLarge, SuiteGCM8, nil)
	if _, err := large.AppendOpenWith(nil, make([]byte, 40), dr); err != ErrUnsupported {
		t.Errorf("Headers of another format: %v", err)
	}
}
