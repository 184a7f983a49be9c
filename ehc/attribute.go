package ehc

import "encoding/binary"

// An Attribute is a Transform Attribute (RFC 7296, Section 3.3.5).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|A|       Attribute Type        |    AF=0  Attribute Length     |
//	|F|                             |    AF=1  Attribute Value      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                   AF=0  Attribute Data                        |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type Attribute struct {
	Type  uint16 // 15 bits
	Short bool   // AF=1: Value, else Data
	Value uint16
	Data  []byte
}

const (
	attributeLen = 4
	shortBit     = 1 << 15 // AF
)

// ParseAttribute splits the first attribute off b. Data and rest are parts of b.
// ErrTruncated: b ends early.
func ParseAttribute(b []byte) (a Attribute, rest []byte, err error) {
	if len(b) < attributeLen {
		return a, nil, ErrTruncated
	}
	typ, v := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	a.Type = typ &^ shortBit
	b = b[attributeLen:]
	if typ&shortBit != 0 {
		a.Short, a.Value = true, v
		return a, b, nil
	}
	if int(v) > len(b) {
		return Attribute{}, nil, ErrTruncated
	}
	a.Data = b[:v:v]
	return a, b[v:], nil
}

// AppendAttribute appends a. ErrMalformed: its type has more than 15 bits, or
// its data more than 65535 bytes; dst comes back as it was then.
func AppendAttribute(dst []byte, a Attribute) ([]byte, error) {
	if a.Type >= shortBit || len(a.Data) > 0xffff || a.Short && len(a.Data) > 0 {
		return dst, ErrMalformed
	}
	if a.Short {
		return appendShort(dst, a.Type, a.Value), nil
	}
	dst = append(dst, uint8(a.Type>>8), uint8(a.Type), uint8(len(a.Data)>>8), uint8(len(a.Data)))
	return append(dst, a.Data...), nil
}

// appendShort appends an attribute with AF=1.
func appendShort(dst []byte, typ, v uint16) []byte {
	return append(dst, uint8(typ>>8)|shortBit>>8, uint8(typ), uint8(v>>8), uint8(v))
}
