package lowpan

import "encoding/binary"

// 6LoRH types (RFC 8138). The critical and the elective form count apart.
const (
	// Critical: 0 to 4 are source routing headers with addresses of 1, 2, 4,
	// 8 and 16 bytes, 5 is the RPL packet information.
	LoRHTypeSRH0 = 0
	LoRHTypeSRH4 = 4
	LoRHTypeRPI  = 5
	// Elective.
	LoRHTypeIPinIP = 6
)

// LoRH is a 6LoWPAN routing header (RFC 8138, Section 4).
//
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-    ...    -+
//	|1|0|1| Length  |      Type     |  Length bytes  elective
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-    ...    -+
//	|1|0|0|   TSE   |      Type     |                critical
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-    ...    -+
//
// TSE: type-specific extension; it implies the length.
type LoRH struct {
	Elective bool
	Type     uint8
	TSE      uint8  // or Length
	Body     []byte // what follows the first two bytes
}

// ParseLoRH reads the header that b begins with and returns its length in
// bytes. ErrUnsupported: a critical header of unknown type, whose length is
// therefore unknown (Section 4.2: discard the packet).
func ParseLoRH(b []byte) (LoRH, int, error) {
	h, n, e := parseLoRH(b)
	if e != 0 {
		return LoRH{}, 0, e
	}
	return h, n, nil
}

func parseLoRH(b []byte) (h LoRH, n int, err Error) {
	if len(b) < 2 {
		return h, 0, ErrTruncated
	}
	if b[0]>>6 != 2 {
		return h, 0, ErrMalformed
	}
	h.Elective = b[0]&0x20 != 0
	h.TSE = b[0] & 0x1f
	h.Type = b[1]
	switch {
	case h.Elective:
		n = int(h.TSE)
		if h.Type == LoRHTypeIPinIP && (n < 1 || n > 17) {
			return h, 0, ErrMalformed // Section 7: "MUST be at least 1"
		}
	case h.Type <= LoRHTypeSRH4:
		n = (int(h.TSE) + 1) << h.Type
	case h.Type == LoRHTypeRPI:
		n = 3
		if h.TSE&2 != 0 {
			n-- // I: the RPLInstanceID is elided
		}
		if h.TSE&1 != 0 {
			n-- // K: the low byte of the SenderRank is elided
		}
	default:
		return h, 0, ErrUnsupported
	}
	if len(b) < 2+n {
		return h, 0, ErrTruncated
	}
	h.Body = b[2 : 2+n]
	return h, 2 + n, 0
}

// Hops are the compressed addresses of a source routing header, one behind the
// other, and the length of each; size is 0 for another header (Section 5.1).
func (h LoRH) Hops() (addrs []byte, size int) {
	if h.Elective || h.Type > LoRHTypeSRH4 {
		return nil, 0
	}
	return h.Body, 1 << h.Type
}

// RPI is the RPL packet information (RFC 6550, Section 11.2).
type RPI struct {
	Down, RankError, ForwardingError bool // the O, R and F flags
	InstanceID                       uint8
	SenderRank                       uint16
}

// RPI expands the header, if it is one for RPL packet information (Section 6.3).
func (h LoRH) RPI() (r RPI, ok bool) {
	if h.Elective || h.Type != LoRHTypeRPI {
		return r, false
	}
	r.Down, r.RankError, r.ForwardingError = h.TSE&16 != 0, h.TSE&8 != 0, h.TSE&4 != 0
	b := h.Body
	if h.TSE&2 == 0 {
		r.InstanceID = b[0]
		b = b[1:]
	}
	if h.TSE&1 == 0 {
		r.SenderRank = binary.BigEndian.Uint16(b)
	} else {
		r.SenderRank = uint16(b[0]) << 8
	}
	return r, true
}

// AppendRPI appends the header in its shortest form.
func AppendRPI(dst []byte, r RPI) []byte {
	c := byte(0x80)
	for i, f := range [3]bool{r.Down, r.RankError, r.ForwardingError} {
		if f {
			c |= 16 >> uint(i)
		}
	}
	if r.InstanceID == 0 {
		c |= 2
	}
	if r.SenderRank&0xff == 0 {
		c |= 1
	}
	dst = append(dst, c, LoRHTypeRPI)
	if r.InstanceID != 0 {
		dst = append(dst, r.InstanceID)
	}
	dst = append(dst, byte(r.SenderRank>>8))
	if r.SenderRank&0xff != 0 {
		dst = append(dst, byte(r.SenderRank))
	}
	return dst
}

// IPinIP returns hop limit and compressed encapsulator address (0 to 16 bytes)
// of an IP-in-IP header (Section 7).
func (h LoRH) IPinIP() (hopLimit uint8, encapsulator []byte, ok bool) {
	if !h.Elective || h.Type != LoRHTypeIPinIP {
		return 0, nil, false
	}
	return h.Body[0], h.Body[1:], true
}
