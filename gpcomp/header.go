package gpcomp

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// Protocol is the IP protocol number of IPComp (RFC 3173, Section 3.1).
const Protocol = 108

// HeaderLen is the length of the explicit header in bytes.
const HeaderLen = 4

// A CPI is a Compression Parameter Index: with the destination it names an
// association (RFC 3173, Section 3.3).
type CPI uint16

// The ranges of CPIs. Those below 64 are the numbers of well-known transforms.
const (
	CPIReserved   CPI = 64    // 64 to 255
	CPINegotiated CPI = 256   // 256 to 61439
	CPIPrivate    CPI = 61440 // 61440 to 65535, by mutual consent
)

// Valid reports whether c may be that of an association: not 0, which is no
// transform, and not reserved.
func (c CPI) Valid() bool { return c > 0 && c < CPIReserved || c >= CPINegotiated }

// Header is the explicit header, in GPComp and IPComp the same
// (draft-moskowitz-gpcomp-02, Section 4.2; RFC 3173, Section 3.3).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Next Header  |     Flags     | Compression Parameter Index   |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type Header struct {
	NextHeader uint8 // IP protocol of the payload; 0 where nobody asks
	Flags      uint8 // reserved: sent as 0, ignored on receipt
	CPI        CPI
}

// ParseHeader reads the header that b begins with. ErrTruncated says that b has
// fewer than HeaderLen bytes.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, ErrTruncated
	}
	return Header{NextHeader: b[0], Flags: b[1], CPI: CPI(binary.BigEndian.Uint16(b[2:]))}, nil
}

// AppendTo appends the HeaderLen bytes of h, with Flags 0.
func (h Header) AppendTo(dst []byte) []byte {
	return bitio.Append(dst, h.NextHeader, 0, byte(h.CPI>>8), byte(h.CPI))
}
