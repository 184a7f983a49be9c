package sse

import (
	"bytes"
	"reflect"
	"testing"
)

// FuzzOpen: whatever comes, in any configuration, is refused or was sealed with
// the key; dst and the packet stay as they are. Packets that are sealed, perhaps
// after that, come back.
func FuzzOpen(f *testing.F) {
	for mode := byte(0); mode < 12; mode++ {
		a, _ := fuzzPair(f, mode)
		f.Add(mode, mustSeal(f, a, []byte("payload payload payload")), []byte("another"))
	}
	f.Add(byte(3), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, mode byte, data, payload []byte) {
		a, b := fuzzPair(t, mode)
		kept := bytes.Clone(data)
		prefix := []byte{1, 2}
		got, err := b.AppendOpen(prefix, data)
		if !bytes.Equal(data, kept) || !bytes.HasPrefix(got, prefix) {
			t.Fatalf("AppendOpen changed what is not its own")
		}
		if err != nil {
			if e, ok := err.(Error); !ok || e.Class() == "" || len(got) != len(prefix) || b.LastSeq() != 0 {
				t.Fatalf("%x: %v, number %d", got, err, b.LastSeq())
			}
		} else if _, err := b.AppendOpen(nil, data); err == nil {
			t.Fatalf("AppendOpen(%x) twice", data)
		}
		if len(payload) > 4095 {
			payload = payload[:4095]
		}
		for n := uint64(0); n <= b.LastSeq() && n < 4; n++ {
			mustSeal(t, a, nil) // numbers that b has seen
		}
		pkt := mustSeal(t, a, payload)
		if len(pkt) > a.SealRoom(len(payload)) {
			t.Fatalf("%d bytes, SealRoom says %d", len(pkt), a.SealRoom(len(payload)))
		}
		got, err = b.AppendOpen(nil, pkt)
		if b.LastSeq() < 4 && (err != nil || !bytes.Equal(got, payload)) {
			t.Fatalf("AppendOpen(%x) = %x, %v, want %x", pkt, got, err, payload)
		}
	})
}

// fuzzPair returns the ends of a session with what mode says.
func fuzzPair(t testing.TB, mode byte) (a, b *Session) {
	s := suites[mode%4]
	switch mode / 4 % 4 {
	case 1:
		return pair(t, FormatLarge, s, withGPComp)
	case 2:
		return pair(t, FormatCompact, s, func(c *Config) {
			withGPComp(c)
			c.Headers = &Compression{SPIBits: 3, SNBits: 8, FlagC: true, Stream: true}
		})
	case 3:
		return pair(t, FormatCompact, s, func(c *Config) { c.Headers = &Compression{SPIBits: 5, SNBits: 12} })
	}
	return pair(t, formats[mode/16%3], s, nil)
}

// FuzzHeaders: what decompresses compresses to the same bytes; and it agrees with
// the reference.
func FuzzHeaders(f *testing.F) {
	f.Add([]byte{0x01, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, byte(8), byte(16), byte(0), uint32(5))
	f.Add([]byte{0x01, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, byte(0), byte(8), byte(3), uint32(1<<20-1))
	f.Fuzz(func(t *testing.T, data []byte, spi, sn, mode byte, last uint32) {
		c := Compression{SPIBits: spi % 25, SNBits: sn % 21, FlagC: mode&1 != 0, Stream: mode&2 != 0}
		dev, app := newHeaders(t, c, SuiteGCM8, 0x123456, 0xabcdef)
		pkt, err := app.AppendDecompress(nil, data, uint64(last)%(1<<20))
		if err != nil {
			return
		}
		h, err := ParseHeader(FormatCompact, pkt)
		if err != nil || h.Seq == 0 || h.Flags > 1 {
			t.Fatalf("AppendDecompress(%x) = %x: %+v, %v", data, pkt, h, err)
		}
		want := slowCompress(c, pkt)
		if !bytes.Equal(want, data) {
			t.Fatalf("AppendDecompress(%x) = %x, which is %x", data, pkt, want)
		}
		got, err := dev.AppendCompress(nil, pkt)
		if uint64(len(pkt)) != 16+uint64(h.Length) {
			t.Fatalf("AppendDecompress(%x) = %x: the Length is not that of the packet", data, pkt)
		}
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("AppendCompress(%x) = %x, %v, want %x", pkt, got, err, data)
		}
	})
}

// FuzzNegotiate: what HIP and IKEv2 parsers accept is coded and read to the same,
// and no answer to it is one that Accept refuses.
func FuzzNegotiate(f *testing.F) {
	p := Proposal{SPI: 1, Suites: []Suite{10, 11, 13}, Formats: []Format{1, 2}, Widths: []Widths{{0, 8}}}
	hip, _ := AppendHIP(nil, p, HIPTypes{})
	ike, _ := AppendIKE(nil, 1, p, true, IKENumbers{})
	f.Add(hip)
	f.Add(ike)
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ParseHIP(data, HIPTypes{}); err == nil {
			out, err := AppendHIP(nil, p, HIPTypes{})
			if err != nil {
				t.Fatalf("AppendHIP(%+v): %v", p, err)
			}
			back, err := ParseHIP(out, HIPTypes{})
			if p.SPI == 0 && p.OldSPI == 0 {
				p.KeymatIndex = 0
			}
			if len(p.Comps) == 0 {
				p.CPI = 0
			}
			if err != nil || !reflect.DeepEqual(back, p) {
				t.Fatalf("ParseHIP(%x) = %+v, %v, want %+v", out, back, err, p)
			}
			answers(t, p)
		}
		if p, num, err := ParseIKE(data, IKENumbers{}); err == nil {
			if p.SPI == 0 || len(p.Suites) == 0 {
				return
			}
			answers(t, p)
			if out, err := AppendIKE(nil, num, p, true, IKENumbers{}); err == nil {
				back, _, err := ParseIKE(out, IKENumbers{})
				if len(p.Formats) == 0 {
					p.Formats = p.formats()
				}
				if err != nil || !reflect.DeepEqual(back, p) {
					t.Fatalf("ParseIKE(%x) = %+v, %v, want %+v", out, back, err, p)
				}
			}
		}
	})
}

func answers(t *testing.T, offer Proposal) {
	policy := Policy{SPI: 77, Suites: suites, Formats: formats, KeyBits: []uint16{256, 128}, Widths: []Widths{{0, 8}, {8, 16}}}
	answer, _, err := Select(offer, policy)
	if err != nil {
		return
	}
	if _, err := Accept(offer, answer, policy); err != nil {
		t.Fatalf("Accept(%+v, %+v): %v", offer, answer, err)
	}
}
