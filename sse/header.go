package sse

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// Format is one of the three header formats (draft-moskowitz-sse-05, Section
// 5). The values are the Format IDs of draft-moskowitz-ssls-hip-02, Section 4.3.
type Format uint8

// The formats. Zero is unset.
const (
	_             Format = iota
	FormatCompact        // 8 bytes: SPI 24 bits, Length 12, Sequence Number 20
	FormatLarge          // 16 bytes: SPI 32 bits, Length 32, Sequence Number 32
	FormatExtreme        // 20 bytes: SPI 32 bits, Length 32, Sequence Number 64
)

// String returns the name that the tool and the vectors use.
func (f Format) String() string {
	switch f {
	case FormatCompact:
		return "compact"
	case FormatLarge:
		return "large"
	case FormatExtreme:
		return "extreme"
	}
	return "unset"
}

// Valid reports whether f is one of the three formats.
func (f Format) Valid() bool { return f >= FormatCompact && f <= FormatExtreme }

// MaxHeaderLen is the length in bytes of the longest header.
const MaxHeaderLen = 20

// HeaderLen returns the length of the header in bytes, 0 for no format.
func (f Format) HeaderLen() int {
	switch f {
	case FormatCompact:
		return 8
	case FormatLarge:
		return 16
	case FormatExtreme:
		return MaxHeaderLen
	}
	return 0
}

// MaxSeq returns the last Sequence Number: 2^20-1, 2^32-1 or 2^64-1.
func (f Format) MaxSeq() uint64 {
	switch f {
	case FormatCompact:
		return 1<<20 - 1
	case FormatLarge:
		return 1<<32 - 1
	case FormatExtreme:
		return 1<<64 - 1
	}
	return 0
}

// MaxLength returns what the Length field can say: 4,095 or 2^32-1 bytes.
//
// Deviation: Section 5.1 says that 12 bits allow 4,096 bytes; they do not, as
// Length counts the bytes themselves.
func (f Format) MaxLength() uint32 {
	switch f {
	case FormatCompact:
		return 1<<12 - 1
	case FormatLarge, FormatExtreme:
		return 1<<32 - 1
	}
	return 0
}

// MaxSPI returns the largest SPI that the header can carry.
func (f Format) MaxSPI() uint32 {
	if f == FormatCompact {
		return 1<<24 - 1
	}
	return 1<<32 - 1
}

// TruncateSPI returns the SPI as f carries it: without the 8 high-order bits in
// the compact format (Section 5.4). Two SPIs that are then equal must not both
// be in use: see Table.
func (f Format) TruncateSPI(spi uint32) uint32 { return spi & f.MaxSPI() }

// FlagGPComp is C, bit 7 of FLAGS, the least significant one: the payload is
// compressed with GPComp (Section 5.4, Figure 5).
const FlagGPComp = 1

// A Header is what stands in front of the encrypted payload.
//
//	compact (Figure 2)
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                      SPI                      |     FLAGS     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|        Length         |            Sequence Number            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
//	large and extreme (Figures 3 and 4)
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                              SPI                              |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    RESERVED                   |     FLAGS     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                             Length                            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|          Sequence Number (32 bits; extreme: 64 bits)          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// SPI: Security Parameter Index. FLAGS: options, see FlagGPComp.
type Header struct {
	SPI      uint32
	Reserved uint32 // 24 bits, not in the compact format: zero when sent, ignored when received
	Flags    uint8
	Length   uint32 // bytes of the encrypted payload, without the Integrity Check Value behind it
	Seq      uint64 // Sequence Number
}

// ParseHeader reads the header that b begins with. ErrTruncated says that b is
// shorter than it, ErrUnsupported that f is no format.
func ParseHeader(f Format, b []byte) (Header, error) {
	if !f.Valid() {
		return Header{}, ErrUnsupported
	}
	if len(b) < f.HeaderLen() {
		return Header{}, ErrTruncated
	}
	if f == FormatCompact {
		v := binary.BigEndian.Uint64(b)
		return Header{SPI: uint32(v >> 40), Flags: uint8(v >> 32), Length: uint32(v>>20) & (1<<12 - 1), Seq: v & (1<<20 - 1)}, nil
	}
	v := binary.BigEndian.Uint32(b[4:])
	h := Header{SPI: binary.BigEndian.Uint32(b), Reserved: v >> 8, Flags: uint8(v), Length: binary.BigEndian.Uint32(b[8:])}
	if f == FormatLarge {
		h.Seq = uint64(binary.BigEndian.Uint32(b[12:]))
	} else {
		h.Seq = binary.BigEndian.Uint64(b[12:])
	}
	return h, nil
}

// AppendHeader appends h in format f. It is ErrMalformed if a member does not
// fit its field, and ErrUnsupported if f is no format; dst comes back as it was
// then.
func AppendHeader(dst []byte, f Format, h Header) ([]byte, error) {
	if !f.Valid() {
		return dst, ErrUnsupported
	}
	if h.SPI > f.MaxSPI() || h.Length > f.MaxLength() || h.Seq > f.MaxSeq() || h.Reserved>>24 != 0 ||
		f == FormatCompact && h.Reserved != 0 {
		return dst, ErrMalformed
	}
	if f == FormatCompact {
		return appendUint(dst, uint64(h.SPI)<<40|uint64(h.Flags)<<32|uint64(h.Length)<<20|h.Seq, 8), nil
	}
	dst = appendUint(dst, uint64(h.SPI), 4)
	dst = appendUint(dst, uint64(h.Reserved<<8|uint32(h.Flags)), 4)
	dst = appendUint(dst, uint64(h.Length), 4)
	if f == FormatLarge {
		return appendUint(dst, h.Seq, 4), nil
	}
	return appendUint(dst, h.Seq, 8), nil
}

// PacketLen returns the length in bytes of the packet whose header b begins
// with, ICV included: where the next packet of a stream begins. ErrTruncated
// says that b does not hold the whole header yet.
func PacketLen(f Format, s Suite, b []byte) (uint64, error) {
	h, err := ParseHeader(f, b)
	if err != nil {
		return 0, err
	}
	return uint64(f.HeaderLen()) + uint64(h.Length) + uint64(s.ICVLen()), nil
}

// appendUint appends the low n bytes of v, the highest first.
func appendUint(dst []byte, v uint64, n int) []byte {
	for n--; n >= 0; n-- {
		dst = bitio.AppendByte(dst, byte(v>>(8*uint(n))))
	}
	return dst
}
