package gpcomp

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/inet"
)

// IP protocols that matter for where IPComp goes.
const (
	protoHopByHop = 0
	protoRouting  = 43
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoDestOpts = 60
)

// ipView is where the payload of an IP packet begins.
type ipView struct {
	off     int // of the payload
	protoAt int // of the field that says what the payload is
	proto   uint8
}

// AppendCompressIP is for the sender of IPComp (RFC 3173, Section 3). It appends the
// IPv4 or IPv6 packet pkt, with its payload compressed behind a header with the
// CPI of a if that makes it smaller, and reports whether it does. Lengths and the
// IPv4 checksum are those of the new packet. Left as they are: fragments, which are
// to be compressed before they become any; ESP, AH and IPComp; packets with a length
// or an IPv4 checksum that is wrong, which would come back corrected.
func (a *Association) AppendCompressIP(dst, pkt []byte) ([]byte, bool) {
	v, e := viewSend(pkt)
	if e != 0 {
		return append(dst, pkt...), false
	}
	n := len(dst)
	out := append(dst, pkt[:v.off]...)
	out, ok := a.AppendCompressHeader(out, v.proto, pkt[v.off:])
	if ok {
		finishIP(out[n:], v, Protocol)
	}
	return out, ok
}

// AppendDecompressIP is for the receiver of IPComp. It appends pkt with its payload
// restored. ErrUnsupported says that pkt is not IPComp or a fragment of it, ErrNoSA
// that its CPI is another one; the other errors are those of the header and of the
// codec. On error the result is dst as it came.
func (a *Association) AppendDecompressIP(dst, pkt []byte) ([]byte, error) {
	v, e := viewIP(pkt, true)
	if e != 0 {
		return dst, e
	}
	if v.proto != Protocol {
		return dst, ErrUnsupported
	}
	h, err := ParseHeader(pkt[v.off:])
	if err != nil {
		return dst, err
	}
	if h.CPI != a.CPI {
		return dst, ErrNoSA
	}
	if a.Codec == nil {
		return dst, ErrUnsupported
	}
	limit := 65535 - v.off // of the length field
	if pkt[0]>>4 == 6 {
		limit += 40
	}
	if most := a.maxLen(); limit > most {
		limit = most
	}
	n := len(dst)
	out, err := a.Codec.AppendDecompress(append(dst, pkt[:v.off]...), pkt[v.off+HeaderLen:], limit)
	if err != nil {
		return dst, err
	}
	finishIP(out[n:], v, h.NextHeader)
	return out, nil
}

// ParseIP returns the IPComp header of an IPv4 or IPv6 packet and its offset. Errors are
// those of AppendDecompressIP: ErrUnsupported says that the packet has none.
func ParseIP(pkt []byte) (h Header, off int, err error) {
	v, e := viewIP(pkt, true)
	if e != 0 {
		return Header{}, 0, e
	}
	if v.proto != Protocol {
		return Header{}, 0, ErrUnsupported
	}
	h, err = ParseHeader(pkt[v.off:])
	return h, v.off, err
}

// PayloadIP returns the offset of what AppendCompressIP compresses of an IPv4 or IPv6
// packet. ErrUnsupported, ErrMalformed and ErrTruncated say that it is left as it is.
func PayloadIP(pkt []byte) (off int, err error) {
	v, e := viewSend(pkt)
	if e != 0 {
		return 0, e
	}
	return v.off, nil
}

// viewSend is viewIP for the sender: without what is not to be compressed.
func viewSend(pkt []byte) (ipView, Error) {
	v, e := viewIP(pkt, false)
	if e == 0 && (v.proto == protoESP || v.proto == protoAH || v.proto == Protocol) {
		e = ErrUnsupported
	}
	return v, e
}

// viewIP finds the payload that IPComp compresses, or with find the IPComp header if
// there is one. ErrUnsupported: a fragment, or not IP.
func viewIP(pkt []byte, find bool) (ipView, Error) {
	if len(pkt) == 0 {
		return ipView{}, ErrTruncated
	}
	switch pkt[0] >> 4 {
	case 4:
		return viewIPv4(pkt)
	case 6:
		return viewIPv6(pkt, find)
	}
	return ipView{}, ErrUnsupported
}

func viewIPv4(pkt []byte) (ipView, Error) {
	ihl := int(pkt[0]&15) * 4
	switch {
	case len(pkt) < 20 || len(pkt) < ihl:
		return ipView{}, ErrTruncated
	case ihl < 20, int(binary.BigEndian.Uint16(pkt[2:])) != len(pkt),
		binary.BigEndian.Uint16(pkt[10:]) != checksumIPv4(pkt[:ihl]):
		return ipView{}, ErrMalformed
	case binary.BigEndian.Uint16(pkt[6:])&0x3fff != 0: // more fragments, or an offset
		return ipView{}, ErrUnsupported
	}
	return ipView{ihl, 9, pkt[9]}, 0
}

func checksumIPv4(h []byte) uint16 {
	return inet.Fold(inet.Sum(inet.Sum(0, h[:10]), h[12:]))
}

// viewIPv6 goes over the extension headers that IPComp must not compress (RFC 3173,
// Section 2.1) and the Destination Options among them.
func viewIPv6(pkt []byte, find bool) (ipView, Error) {
	if len(pkt) < 40 {
		return ipView{}, ErrTruncated
	}
	if int(binary.BigEndian.Uint16(pkt[4:]))+40 != len(pkt) {
		return ipView{}, ErrMalformed
	}
	at := ipView{40, 6, pkt[6]}
	outside := at // behind the last header that stays outside
	for {
		size := 8
		switch at.proto {
		case protoHopByHop, protoRouting, protoDestOpts:
			if len(pkt) >= at.off+2 {
				size += 8 * int(pkt[at.off+1])
			}
		case protoFragment:
			if len(pkt) >= at.off+4 && binary.BigEndian.Uint16(pkt[at.off+2:])&0xfff9 != 0 {
				return ipView{}, ErrUnsupported // more fragments, or an offset
			}
		default:
			if find || at.proto == protoESP || at.proto == protoAH || at.proto == Protocol {
				return at, 0
			}
			return outside, 0
		}
		if len(pkt) < at.off+size {
			return ipView{}, ErrTruncated
		}
		next := ipView{at.off + size, at.off, pkt[at.off]}
		if at.proto != protoDestOpts {
			outside = next
		}
		at = next
	}
}

// finishIP sets the protocol, the length and the IPv4 checksum of pkt.
func finishIP(pkt []byte, v ipView, proto uint8) {
	pkt[v.protoAt] = proto
	if pkt[0]>>4 == 6 {
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
		return
	}
	binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
	binary.BigEndian.PutUint16(pkt[10:], checksumIPv4(pkt[:int(pkt[0]&15)*4]))
}
