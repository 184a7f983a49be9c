package lowpan

import "encoding/binary"

// EtherType is that of LoWPAN frames on Ethernet (RFC 7973).
const EtherType = 0xa0ed

// ParseEthernet returns addresses and payload of an Ethernet frame with
// EtherType 0xA0ED, behind up to two VLAN tags. ErrUnsupported: another
// EtherType. The payload may end with padding that cannot be told apart.
func ParseEthernet(b []byte) (Link, []byte, error) {
	if len(b) < 14 {
		return Link{}, nil, ErrTruncated
	}
	l := Link{Dst: Addr{AddrEUI48, be48(b)}, Src: Addr{AddrEUI48, be48(b[6:])}}
	at := 12
	for tags := 0; tags < 2; tags++ {
		if t := binary.BigEndian.Uint16(b[at:]); t != 0x8100 && t != 0x88a8 {
			break
		}
		if at += 4; len(b) < at+2 {
			return Link{}, nil, ErrTruncated
		}
	}
	if binary.BigEndian.Uint16(b[at:]) != EtherType {
		return Link{}, nil, ErrUnsupported
	}
	return l, b[at+2:], nil
}

// AppendEthernet appends the header of an Ethernet frame with EtherType
// 0xA0ED. The addresses are of 48 bits, else ErrMalformed.
func AppendEthernet(dst []byte, l Link) ([]byte, error) {
	if l.Src.Len() != 6 || l.Dst.Len() != 6 {
		return dst, ErrMalformed
	}
	dst = l.Src.AppendBytes(l.Dst.AppendBytes(dst))
	return append(dst, EtherType>>8, EtherType&0xff), nil
}

// ParseTAP takes the header off a frame of LINKTYPE 283 (IEEE 802.15.4 TAP):
// version, reserved byte, length of the header, and fields of type, length and
// value, padded to 4 bytes, all little-endian.
func ParseTAP(b []byte) (frame []byte, fcs FCSKind, err error) {
	if len(b) < 4 {
		return nil, 0, ErrTruncated
	}
	if b[0] != 0 {
		return nil, 0, ErrUnsupported
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n < 4 {
		return nil, 0, ErrMalformed
	}
	if n > len(b) {
		return nil, 0, ErrTruncated
	}
	for f := b[4:n]; len(f) > 0; {
		if len(f) < 4 {
			return nil, 0, ErrMalformed
		}
		kind, size := binary.LittleEndian.Uint16(f), int(binary.LittleEndian.Uint16(f[2:]))
		f = f[4:]
		if size > len(f) {
			return nil, 0, ErrMalformed
		}
		if kind == 0 { // FCS type
			if size < 1 || f[0] > uint8(FCS32) {
				return nil, 0, ErrMalformed
			}
			fcs = FCSKind(f[0])
		}
		if size = (size + 3) &^ 3; size > len(f) {
			size = len(f)
		}
		f = f[size:]
	}
	return b[n:], fcs, nil
}

// L2CAP is a frame of the Logical Link Control and Adaptation Protocol, over
// which Bluetooth LE carries IPv6 (RFC 7668, Section 3.1).
//
//	+---------------+---------------+-----------------+
//	| length, 2     | channel, 2    | SDU length, 2   |  little-endian
//	+---------------+---------------+-----------------+
//
// The SDU length is in the first frame of each packet on a channel with
// credit-based flow control, as IPv6 uses it.
type L2CAP struct {
	Channel uint16
	SDULen  uint16 // bytes of the packet in all its frames; first frame only
	Payload []byte
}

// ParseL2CAP reads an L2CAP frame; first says that an SDU length is expected.
// The payload of a packet in one frame is a LoWPAN frame payload. A packet in
// several is the payloads put together, SDULen bytes: RFC 7668, Section 3.2
// has L2CAP do that, not RFC 4944.
func ParseL2CAP(b []byte, first bool) (L2CAP, error) {
	if len(b) < 4 {
		return L2CAP{}, ErrTruncated
	}
	n := int(binary.LittleEndian.Uint16(b))
	f := L2CAP{Channel: binary.LittleEndian.Uint16(b[2:])}
	b = b[4:]
	if n > len(b) {
		return L2CAP{}, ErrTruncated
	}
	b = b[:n]
	if first {
		if n < 2 {
			return L2CAP{}, ErrMalformed
		}
		f.SDULen = binary.LittleEndian.Uint16(b)
		if b = b[2:]; len(b) > int(f.SDULen) {
			return L2CAP{}, ErrMalformed
		}
	}
	f.Payload = b
	return f, nil
}

// AppendL2CAP appends the frame f; first says that it has an SDU length.
func AppendL2CAP(dst []byte, f L2CAP, first bool) ([]byte, error) {
	n := len(f.Payload)
	if first {
		n += 2
	}
	if n > 0xffff {
		return dst, ErrShortBuffer
	}
	dst = append(dst, byte(n), byte(n>>8), byte(f.Channel), byte(f.Channel>>8))
	if first {
		dst = append(dst, byte(f.SDULen), byte(f.SDULen>>8))
	}
	return append(dst, f.Payload...), nil
}
