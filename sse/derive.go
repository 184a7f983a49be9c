package sse

import (
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// The widths of a compact header's fields, in bits.
const (
	spiBits    = 24
	flagsBits  = 8
	lengthBits = 12
	seqBits    = 20
)

// Compression says how the headers of a session in the compact format are
// compressed. Both ends have the same. The zero value sends nothing of the header.
//
// What a header becomes is SPIBits + (FlagC: 1) + (Stream: 12) + SNBits bits, in
// this order, then zero bits up to a whole byte: SNBits 8 alone makes a byte of
// 8, SPIBits 8 and SNBits 16 make 3. Payload and ICV follow as they are.
type Compression struct {
	// SPIBits is how many low-order bits of the SPI are sent, 0 to 24. They
	// must tell apart the sessions that the receiver has on one transport.
	SPIBits uint8
	// SNBits is how many low-order bits of the Sequence Number are sent, 0 to
	// 20. The receiver finds a number that is at most 2^(SNBits-1) above the
	// largest one it saw, and a little below. With 0 bits nothing may be lost
	// or change places.
	SNBits uint8
	// FlagC says that the flag C differs from packet to packet: it is sent.
	// Otherwise FLAGS is 0 and elided.
	FlagC bool
	// Stream keeps the Length, which tells where the next packet begins.
	// Otherwise it is computed from the size of the datagram.
	Stream bool
}

// Check returns ErrMalformed for widths out of range.
func (c Compression) Check() error {
	if c.SPIBits > spiBits || c.SNBits > seqBits {
		return ErrMalformed
	}
	return nil
}

// HeaderBits returns the bits that a compressed header has.
func (c Compression) HeaderBits() int {
	n := int(c.SPIBits) + int(c.SNBits)
	if c.FlagC {
		n++
	}
	if c.Stream {
		n += lengthBits
	}
	return n
}

// HeaderBytes returns them in bytes, with padding.
func (c Compression) HeaderBytes() int { return (c.HeaderBits() + 7) / 8 }

// Rule derives the Rule. Its RuleID is implicit (RFC 9363): a context has it
// alone. up and down are the SPIs, of which one may be 0: the Rule then serves
// the other direction only. It is ErrMalformed if c or an SPI is out of range.
//
// The Target Value of the Sequence Number is 0: the Rule describes a header
// whose number is reduced to its low SNBits bits. Headers does that before it
// compresses, and finds the number again after decompression.
func (c Compression) Rule(up, down uint32) (schc.Rule, error) {
	if err := c.Check(); err != nil {
		return schc.Rule{}, err
	}
	if up == 0 && down == 0 || up > FormatCompact.MaxSPI() || down > FormatCompact.MaxSPI() {
		return schc.Rule{}, ErrMalformed
	}
	r := schc.Rule{Nature: schc.NatureCompression, Fields: make([]schc.FieldDescriptor, 0, 5)}
	switch {
	case down == 0:
		r.Fields = append(r.Fields, c.spi(up, schc.DirUp))
	case up == 0:
		r.Fields = append(r.Fields, c.spi(down, schc.DirDown))
	case up == down, c.SPIBits == spiBits:
		r.Fields = append(r.Fields, c.spi(up, schc.DirBidirectional))
	default:
		r.Fields = append(r.Fields, c.spi(up, schc.DirUp), c.spi(down, schc.DirDown))
	}
	r.Fields = append(r.Fields, c.flags(), c.length(), c.seq())
	return r, nil
}

func (c Compression) spi(spi uint32, dir schc.Direction) schc.FieldDescriptor {
	f := lowBits(schc.FIDSSECompactSPI, spiBits, c.SPIBits, []byte{byte(spi >> 16), byte(spi >> 8), byte(spi)})
	f.DI = dir
	return f
}

func (c Compression) flags() schc.FieldDescriptor {
	n := uint8(0)
	if c.FlagC {
		n = 1
	}
	return lowBits(schc.FIDSSECompactFlags, flagsBits, n, []byte{0})
}

func (c Compression) length() schc.FieldDescriptor {
	f := schc.FieldDescriptor{FID: schc.FIDSSECompactLength, MO: schc.MOIgnore, CDA: schc.CDACompute}
	if c.Stream {
		f.CDA = schc.CDAValueSent
	}
	return f
}

func (c Compression) seq() schc.FieldDescriptor {
	return lowBits(schc.FIDSSECompactSN, seqBits, c.SNBits, []byte{0, 0, 0})
}

// lowBits describes a field of width bits of which n are sent.
func lowBits(id schc.FID, width, n uint8, tv []byte) schc.FieldDescriptor {
	f := schc.FieldDescriptor{FID: id}
	switch n {
	case 0:
		f.MO, f.CDA, f.TV = schc.MOEqual, schc.CDANotSent, [][]byte{tv}
	case width:
		f.MO, f.CDA = schc.MOIgnore, schc.CDAValueSent
	default:
		f.MO, f.CDA, f.MSB, f.TV = schc.MOMSB, schc.CDALSB, uint16(width-n), [][]byte{tv}
	}
	return f
}

// NewContext compiles the Rule of a session for Headers, which gives the engine
// the header alone. It allocates; a device without a heap loads an image that was
// made before, as for any other Rule (schc.Context.LoadImage).
//
// To compress whole packets with the engine itself, compile the Rule with the
// schc.Options SSEICVBytes and SplitHeader. Without the latter the SCHC Packet has
// its padding behind the payload (RFC 8724, Section 7.2), which differs unless
// HeaderBits is a multiple of 8.
func (c Compression) NewContext(up, down uint32) (*schc.Context, error) {
	r, err := c.Rule(up, down)
	if err != nil {
		return nil, err
	}
	ctx, err := schc.NewContext([]schc.Rule{r}, schc.Options{})
	if err != nil {
		return nil, ErrMalformed
	}
	return ctx, nil
}

// head reads what the beginning of a compressed packet says, without the engine:
// the low bits of the SPI and, over a stream, the Length. ok is false if b does
// not hold them yet.
func (c Compression) head(b []byte) (spi uint32, length uint32, ok bool) {
	if len(b) < c.HeaderBytes() {
		return 0, 0, false
	}
	at := int(c.SPIBits)
	spi = uint32(bitio.Get(b, 0, at))
	if c.FlagC {
		at++
	}
	if c.Stream {
		length = uint32(bitio.Get(b, at, lengthBits))
	}
	return spi, length, true
}

// PacketLen returns the length in bytes of the compressed packet that b begins
// with, on a stream. ErrTruncated says that b does not hold the header yet,
// ErrUnsupported that c is not for streams.
func (c Compression) PacketLen(s Suite, b []byte) (int, error) {
	_, length, ok := c.head(b)
	switch {
	case !c.Stream:
		return 0, ErrUnsupported
	case !ok:
		return 0, ErrTruncated
	}
	return c.HeaderBytes() + int(length) + s.ICVLen(), nil
}

// SPI returns the low SPIBits bits of the SPI in a compressed packet, by which
// a receiver with several sessions finds the one. ErrTruncated says that b does
// not hold them.
func (c Compression) SPI(b []byte) (uint32, error) {
	if len(b)*8 < int(c.SPIBits) {
		return 0, ErrTruncated
	}
	return uint32(bitio.Get(b, 0, int(c.SPIBits))), nil
}
