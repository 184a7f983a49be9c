package ehc

import "encoding/binary"

// Payload types of IKEv2 (RFC 7296, Section 3.2).
const (
	PayloadSA     uint8 = 33
	PayloadKE     uint8 = 34
	PayloadNonce  uint8 = 40
	PayloadNotify uint8 = 41
	PayloadDelete uint8 = 42
	PayloadVendor uint8 = 43
	PayloadTSi    uint8 = 44
	PayloadTSr    uint8 = 45
	PayloadSK     uint8 = 46
	PayloadSKF    uint8 = 53 // RFC 7383
)

// MaxPayloads bounds the payloads of a message.
const MaxPayloads = 64

const payloadHeaderLen = 4

// A Payload is a payload of IKEv2 behind its generic header.
type Payload struct {
	Type     uint8
	Next     uint8 // of the header: what follows, or for SK the first payload inside
	Critical bool
	Body     []byte
	Raw      []byte // with the generic header
}

// ParsePayload splits the first payload off b (RFC 7296, Section 3.2). Its type,
// which is not in it, is typ. Body, Raw and rest are parts of b.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| Next Payload  |C|  RESERVED   |         Payload Length        |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func ParsePayload(typ uint8, b []byte) (p Payload, rest []byte, err error) {
	if len(b) < payloadHeaderLen {
		return p, nil, ErrTruncated
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case n < payloadHeaderLen:
		return p, nil, ErrMalformed
	case n > len(b):
		return p, nil, ErrTruncated
	}
	return Payload{Type: typ, Next: b[0], Critical: b[1]&0x80 != 0, Body: b[payloadHeaderLen:n:n], Raw: b[:n:n]}, b[n:], nil
}

// AppendPayload appends a payload with its generic header. ErrMalformed: the
// body is longer than a payload can be; dst comes back as it was then.
func AppendPayload(dst []byte, next uint8, critical bool, body []byte) ([]byte, error) {
	if len(body) > 0xffff-payloadHeaderLen {
		return dst, ErrMalformed
	}
	flags := uint8(0)
	if critical {
		flags = 0x80
	}
	n := payloadHeaderLen + len(body)
	return append(append(dst, next, flags, uint8(n>>8), uint8(n)), body...), nil
}

// Payloads goes over a chain of payloads. The chain ends with the payload whose
// Next Payload is 0, or with an encrypted one.
type Payloads struct {
	next uint8
	rest []byte
	n    int
}

// NewPayloads starts with the payload of type first at the beginning of b.
func NewPayloads(first uint8, b []byte) Payloads { return Payloads{next: first, rest: b} }

// Next returns the next payload; ok is false behind the last one. ErrTruncated
// and ErrMalformed: lengths and types do not agree; ErrRefused: more than
// MaxPayloads.
func (l *Payloads) Next() (p Payload, ok bool, err error) {
	if l.next == 0 {
		if len(l.rest) > 0 {
			return p, false, ErrMalformed
		}
		return p, false, nil
	}
	if l.n++; l.n > MaxPayloads {
		return p, false, ErrRefused
	}
	p, l.rest, err = ParsePayload(l.next, l.rest)
	if err != nil {
		return p, false, err
	}
	l.next = p.Next
	if p.Type == PayloadSK || p.Type == PayloadSKF {
		l.next = 0 // "the Encrypted payload MUST be the last payload" (Section 3.14)
	}
	return p, true, nil
}

// A Chain builds a chain of payloads. The zero value is empty.
type Chain struct {
	First uint8  // type of the first payload, 0 for none
	Bytes []byte // the payloads
	last  int    // of the last one
}

// Add appends a payload with this body.
func (c *Chain) Add(typ uint8, body []byte) error {
	at := len(c.Bytes)
	out, err := AppendPayload(c.Bytes, 0, false, body)
	if err != nil {
		return err
	}
	c.Bytes = out
	if at == 0 {
		c.First = typ
	} else {
		c.Bytes[c.last] = typ
	}
	c.last = at
	return nil
}
