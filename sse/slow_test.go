package sse

import (
	"bytes"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

// The readable references: headers and compressed headers as strings of bits.

// bits is v as n binary digits.
func bits(v uint64, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%0*b", n, v)
}

// packBits fills the last byte with zeros.
func packBits(s string) []byte {
	for len(s)%8 != 0 {
		s += "0"
	}
	out := []byte{}
	for ; s != ""; s = s[8:] {
		v, err := strconv.ParseUint(s[:8], 2, 8)
		if err != nil {
			panic(err)
		}
		out = append(out, byte(v))
	}
	return out
}

func unpackBits(b []byte) string {
	var s strings.Builder
	for _, x := range b {
		s.WriteString(bits(uint64(x), 8))
	}
	return s.String()
}

// slowHeader draws Figures 2 to 4.
func slowHeader(f Format, h Header) []byte {
	switch f {
	case FormatCompact:
		return packBits(bits(uint64(h.SPI), 24) + bits(uint64(h.Flags), 8) + bits(uint64(h.Length), 12) + bits(h.Seq, 20))
	case FormatLarge:
		return packBits(bits(uint64(h.SPI), 32) + bits(uint64(h.Reserved), 24) + bits(uint64(h.Flags), 8) + bits(uint64(h.Length), 32) + bits(h.Seq, 32))
	}
	return packBits(bits(uint64(h.SPI), 32) + bits(uint64(h.Reserved), 24) + bits(uint64(h.Flags), 8) + bits(uint64(h.Length), 32) + bits(h.Seq, 64))
}

// slowCompress says what is left of a compact packet.
func slowCompress(c Compression, pkt []byte) []byte {
	s := unpackBits(pkt)
	spi, flags, length, seq := s[:24], s[24:32], s[32:44], s[44:64]
	out := spi[24-c.SPIBits:]
	if c.FlagC {
		out += flags[7:]
	}
	if c.Stream {
		out += length
	}
	return append(packBits(out+seq[20-c.SNBits:]), pkt[8:]...)
}

func randomHeader(f Format, r *rand.Rand) Header {
	h := Header{SPI: r.Uint32() & f.MaxSPI(), Flags: uint8(r.Uint32()), Length: r.Uint32() & f.MaxLength(), Seq: r.Uint64() & f.MaxSeq()}
	if f != FormatCompact {
		h.Reserved = r.Uint32() >> 8
	}
	return h
}

// TestHeader compares with the reference and reads it back.
func TestHeader(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, f := range formats {
		for i := 0; i < 2000; i++ {
			h := randomHeader(f, r)
			got, err := AppendHeader([]byte{7}, f, h)
			if want := slowHeader(f, h); err != nil || !bytes.Equal(got[1:], want) || len(want) != f.HeaderLen() {
				t.Fatalf("AppendHeader(%v, %+v) = %x, %v, want %x", f, h, got[1:], err, want)
			}
			if back, err := ParseHeader(f, got[1:]); err != nil || back != h {
				t.Fatalf("ParseHeader(%v, %x) = %+v, %v, want %+v", f, got[1:], back, err, h)
			}
			if n, err := PacketLen(f, SuiteCCM8, got[1:]); err != nil || n != uint64(f.HeaderLen())+uint64(h.Length)+8 {
				t.Fatalf("PacketLen(%x) = %d, %v", got[1:], n, err)
			}
		}
		for n := 0; n < f.HeaderLen(); n++ {
			if h, err := ParseHeader(f, make([]byte, n)); err != ErrTruncated || h != (Header{}) {
				t.Errorf("%v: %d bytes: %+v, %v", f, n, h, err)
			}
			if _, err := PacketLen(f, SuiteCCM8, make([]byte, n)); err != ErrTruncated {
				t.Errorf("%v: %d bytes: %v", f, n, err)
			}
		}
		for _, h := range []Header{{SPI: 1 << 24}, {Length: 1 << 12}, {Seq: 1 << 20}, {Reserved: 1}, {Reserved: 1 << 24}} {
			want := error(ErrMalformed)
			if f != FormatCompact && h.Reserved>>24 == 0 {
				want = nil
			}
			if got, err := AppendHeader([]byte{7}, f, h); err != want || err != nil && len(got) != 1 {
				t.Errorf("AppendHeader(%v, %+v) = %x, %v, want %v", f, h, got, err, want)
			}
		}
	}
	if got, err := AppendHeader([]byte{7}, FormatLarge, Header{Seq: 1 << 32}); err != ErrMalformed || len(got) != 1 {
		t.Errorf("%x, %v", got, err)
	}
	for _, f := range []Format{0, 4} {
		if _, err := ParseHeader(f, make([]byte, 20)); err != ErrUnsupported {
			t.Error(err)
		}
		if _, err := AppendHeader(nil, f, Header{}); err != ErrUnsupported {
			t.Error(err)
		}
	}
}
