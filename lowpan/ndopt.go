package lowpan

import "encoding/binary"

// Neighbor Discovery options of 6LoWPAN.
const (
	OptionContext    = 34 // 6CO (RFC 6775, Section 4.2)
	OptionCapability = 36 // 6CIO (RFC 7400, Section 3.3)
)

// ContextOption is a 6LoWPAN Context Option (RFC 6775, Section 4.2).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Type = 34   |     Length    |Context Length | Res |C|  CID  |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|            Reserved           |         Valid Lifetime        |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	.             Context Prefix, 8 or 16 bytes                     .
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type ContextOption struct {
	Prefix      [16]byte // bits behind PrefixLen are zero
	PrefixLen   uint8    // 0 to 128
	CID         uint8    // 0 to 15
	Compress    bool     // the C flag
	LifetimeMin uint16   // minutes; 0 removes the context
}

// ParseContextOption reads the option that b begins with and returns its
// length in bytes.
func ParseContextOption(b []byte) (o ContextOption, n int, err error) {
	n, e := optionLen(b, OptionContext)
	if e != 0 {
		return o, 0, e
	}
	if n < 16 || n > 24 || b[2] > 128 || b[2] > 64 && n < 24 {
		return o, 0, ErrMalformed
	}
	o.PrefixLen = b[2]
	o.Compress = b[3]&0x10 != 0
	o.CID = b[3] & 0x0f
	o.LifetimeMin = binary.BigEndian.Uint16(b[6:])
	copy(o.Prefix[:], b[8:n])
	maskPrefix(&o.Prefix, o.PrefixLen)
	return o, n, nil
}

// AppendContextOption appends the option in its shortest form. It returns
// ErrMalformed for a CID over 15 or a prefix length over 128.
func AppendContextOption(dst []byte, o ContextOption) ([]byte, error) {
	if o.CID > 15 || o.PrefixLen > 128 {
		return dst, ErrMalformed
	}
	flags, n := o.CID, 8
	if o.Compress {
		flags |= 0x10
	}
	if o.PrefixLen > 64 {
		n = 16
	}
	maskPrefix(&o.Prefix, o.PrefixLen)
	dst = append(dst, OptionContext, byte(1+n/8), o.PrefixLen, flags,
		0, 0, byte(o.LifetimeMin>>8), byte(o.LifetimeMin))
	return append(dst, o.Prefix[:n]...), nil
}

func maskPrefix(p *[16]byte, bits uint8) {
	hi, lo := prefixMask(bits)
	binary.BigEndian.PutUint64(p[:], binary.BigEndian.Uint64(p[:])&hi)
	binary.BigEndian.PutUint64(p[8:], binary.BigEndian.Uint64(p[8:])&lo)
}

// CapabilityOption is a 6LoWPAN Capability Indication Option (RFC 7400,
// Sections 3.3 and 3.4).
//
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Type = 36   |   Length = 1  |_____________________________|G|
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|_______________________________________________________________|
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type CapabilityOption struct {
	// Flags are the flag numbers 0 to 47, number 0 in bit 47. Bits that this
	// package has no name for are kept when parsed ("MUST be ignored").
	Flags uint64
}

// CapabilityGHC is flag number 15: the sender decompresses GHC.
const CapabilityGHC = 1 << (47 - 15)

// GHC reports whether the sender of the option can decompress GHC.
func (o CapabilityOption) GHC() bool { return o.Flags&CapabilityGHC != 0 }

// ParseCapabilityOption reads the option that b begins with and returns its
// length in bytes. What a longer option has behind its first 8 bytes is
// ignored (RFC 7400, Section 3.4).
func ParseCapabilityOption(b []byte) (o CapabilityOption, n int, err error) {
	n, e := optionLen(b, OptionCapability)
	if e != 0 {
		return o, 0, e
	}
	o.Flags = be48(b[2:])
	return o, n, nil
}

// AppendCapabilityOption appends the option, 8 bytes.
func AppendCapabilityOption(dst []byte, o CapabilityOption) []byte {
	dst = append(dst, OptionCapability, 1)
	return append(dst, byte(o.Flags>>40), byte(o.Flags>>32), byte(o.Flags>>24),
		byte(o.Flags>>16), byte(o.Flags>>8), byte(o.Flags))
}

// optionLen checks type and length of an option (RFC 4861, Section 4.6).
func optionLen(b []byte, kind byte) (int, Error) {
	if len(b) < 2 {
		return 0, ErrTruncated
	}
	n := int(b[1]) * 8
	if b[0] != kind || n == 0 {
		return 0, ErrMalformed
	}
	if len(b) < n {
		return 0, ErrTruncated
	}
	return n, 0
}
