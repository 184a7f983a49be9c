package ehc

import "encoding/binary"

// Notifies of other drafts that change what can be compressed, or how large a
// packet may be. Functions read and write the Notification Data; DSCP,
// OPTIMIZED_REKEY and the others are status notifies without an SPI. Those
// without data (OPTIMIZED_REKEY_SUPPORTED, LMAP_AND_PTB_SUPPORTED,
// USE_TRANSPORT_MODE) are ParseEmpty's. SEPARATE_TRANSPORTS is sent without data,
// but what data it has is to be ignored
// (draft-ietf-ipsecme-ikev2-reliable-transport-04, Notification Format).

const maxDSCP = 63

// ParseDSCP checks the data of a DSCP notify (draft-mglt-ipsecme-dscp-np-03,
// Section 6): one byte per DSCP, none for support alone. It returns data.
// ErrMalformed: a value has more than 6 bits, or is there twice.
func ParseDSCP(data []byte) ([]byte, error) {
	var seen Mask
	for _, v := range data {
		if v > maxDSCP || seen.Has(v) {
			return nil, ErrMalformed
		}
		seen |= 1 << v
	}
	return data, nil
}

// AppendDSCP appends the data of a DSCP notify. The error is that of ParseDSCP;
// dst comes back as it was then.
func AppendDSCP(dst, dscps []byte) ([]byte, error) {
	if _, err := ParseDSCP(dscps); err != nil {
		return dst, err
	}
	return append(dst, dscps...), nil
}

// ParseEmpty returns ErrMalformed if data is not empty.
func ParseEmpty(data []byte) error {
	if len(data) > 0 {
		return ErrMalformed
	}
	return nil
}

// ParseOptimizedRekey returns the new SPI in an OPTIMIZED_REKEY notify, which has
// it in its data (draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt-07, Section 6.2): 8
// bytes for an IKE SA, 4 for a Child SA. ErrMalformed: another length, or a
// reserved SPI (0, and of a Child SA 1 to 255).
func ParseOptimizedRekey(data []byte) (spi uint64, ike bool, err error) {
	switch len(data) {
	case 4:
		if spi = uint64(binary.BigEndian.Uint32(data)); spi > 255 {
			return spi, false, nil
		}
	case 8:
		if spi = binary.BigEndian.Uint64(data); spi > 0 {
			return spi, true, nil
		}
	}
	return 0, false, ErrMalformed
}

// AppendOptimizedRekey appends the data of an OPTIMIZED_REKEY notify. The error is
// that of ParseOptimizedRekey; dst comes back as it was then.
func AppendOptimizedRekey(dst []byte, spi uint64, ike bool) ([]byte, error) {
	out := dst
	if ike {
		out = binary.BigEndian.AppendUint64(out, spi)
	} else if spi < 1<<32 {
		out = binary.BigEndian.AppendUint32(out, uint32(spi))
	}
	if _, _, err := ParseOptimizedRekey(out[len(dst):]); err != nil {
		return dst, err
	}
	return out, nil
}

// IPComp is the data of an IPCOMP_SUPPORTED notify (RFC 7296, Section 2.22).
type IPComp struct {
	CPI        uint16
	Transform  uint8  // 1 OUI, 2 DEFLATE, 3 LZS, 4 LZJH
	Attributes []byte // of the transform; none is defined
}

// ParseIPComp reads the data of an IPCOMP_SUPPORTED notify. Attributes is a part
// of it. ErrTruncated: it ends early; ErrMalformed: a CPI or transform of 0.
func ParseIPComp(data []byte) (c IPComp, err error) {
	if len(data) < 3 {
		return c, ErrTruncated
	}
	c = IPComp{CPI: binary.BigEndian.Uint16(data), Transform: data[2]}
	if len(data) > 3 {
		c.Attributes = data[3:]
	}
	if c.CPI == 0 || c.Transform == 0 {
		return IPComp{}, ErrMalformed
	}
	return c, nil
}

// AppendIPComp appends the data of an IPCOMP_SUPPORTED notify. ErrMalformed: a
// CPI or transform of 0; dst comes back as it was then.
func AppendIPComp(dst []byte, c IPComp) ([]byte, error) {
	if c.CPI == 0 || c.Transform == 0 {
		return dst, ErrMalformed
	}
	dst = append(dst, uint8(c.CPI>>8), uint8(c.CPI), c.Transform)
	return append(dst, c.Attributes...), nil
}

// LMAP is the data of an LMAP notify, the Link Maximum Atomic Packet
// (draft-liu-ipsecme-ikev2-mtu-dect-09).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|IPVers |       Reserved        |          FragLen              |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type LMAP struct {
	IPVersion uint8  // 4 or 6
	FragLen   uint16 // Total Length of an IPv4 fragment, Payload Length of an IPv6 one
}

// ParseLMAP reads the data of an LMAP notify; reserved bits are ignored.
// ErrTruncated and ErrMalformed: it is not 4 bytes, or the version is not 4 or 6.
func ParseLMAP(data []byte) (LMAP, error) {
	if len(data) < 4 {
		return LMAP{}, ErrTruncated
	}
	l := LMAP{IPVersion: data[0] >> 4, FragLen: binary.BigEndian.Uint16(data[2:])}
	if len(data) > 4 || l.IPVersion != 4 && l.IPVersion != 6 {
		return LMAP{}, ErrMalformed
	}
	return l, nil
}

// AppendLMAP appends the data of an LMAP notify. ErrMalformed: the version is not
// 4 or 6; dst comes back as it was then.
func AppendLMAP(dst []byte, l LMAP) ([]byte, error) {
	if l.IPVersion != 4 && l.IPVersion != 6 {
		return dst, ErrMalformed
	}
	return append(dst, l.IPVersion<<4, 0, uint8(l.FragLen>>8), uint8(l.FragLen)), nil
}

// AtomicPacket returns the bytes of the largest packet that is not fragmented:
// FragLen, with the header that IPv6 does not count.
func (l LMAP) AtomicPacket() int {
	if l.IPVersion == 6 {
		return int(l.FragLen) + 40
	}
	return int(l.FragLen)
}

// TunnelPacket returns the bytes of the largest packet that the tunnel takes
// without fragments, 0 if there is none: AtomicPacket less the outer IP header and
// the overhead of the encapsulation, for which dietesp and esp have MaxOverhead.
func (l LMAP) TunnelPacket(outer, overhead int) int {
	return max(l.AtomicPacket()-outer-overhead, 0)
}

// PTB is the data of a PTB notify, Packet Too Big
// (draft-liu-ipsecme-ikev2-mtu-dect-09).
type PTB struct {
	LMTU  uint32 // of the egress router
	EMTUR uint32 // EMTU_R of its interface: the largest packet that it reassembles
}

// ParsePTB reads the data of a PTB notify. ErrTruncated and ErrMalformed: it is
// not 8 bytes.
func ParsePTB(data []byte) (PTB, error) {
	if len(data) < 8 {
		return PTB{}, ErrTruncated
	}
	if len(data) > 8 {
		return PTB{}, ErrMalformed
	}
	return PTB{LMTU: binary.BigEndian.Uint32(data), EMTUR: binary.BigEndian.Uint32(data[4:])}, nil
}

// AppendPTB appends the data of a PTB notify.
func AppendPTB(dst []byte, p PTB) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, p.LMTU), p.EMTUR)
}
