package lowpan

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// LOWPAN_NHC of UDP and extension headers (RFC 6282, Sections 4.2 and 4.3).
//
//	  0   1   2   3   4   5   6   7
//	+---+---+---+---+---+---+---+---+
//	| 1 | 1 | 1 | 0 |    EID    |NH |  extension header
//	+---+---+---+---+---+---+---+---+
//	| 1 | 1 | 1 | 1 | 0 | C |   P   |  UDP
//	+---+---+---+---+---+---+---+---+
//
// EID: extension header ID; NH: the next header is compressed too; C: the
// checksum is elided; P: which ports are shortened.
const (
	nhcExt     = 0xe0
	nhcUDPBits = 0xf0
	udpC       = 0x04

	eidIPv6 = 7
)

// IP protocol numbers.
const (
	protoHopByHop = 0
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoICMPv6   = 58
	protoDestOpts = 60
	protoMobility = 135
)

// eidProto are the protocol numbers of the EIDs 0 to 4.
const eidProto = "\x00\x2b\x2c\x3c\x87"

// extProto is the protocol of the extension header that an NHC byte announces.
func extProto(c byte) (proto byte, err Error) {
	eid := c >> 1 & 7
	switch {
	case c&0xf0 == nhcExt && eid == eidIPv6:
		// RFC 6282, Section 4.2: the NH bit "is unused".
		return protoIPv6, 0
	case c&0xf0 == nhcExt && int(eid) >= len(eidProto):
		return 0, ErrMalformed // reserved
	case c&0xf0 == nhcExt:
	case c&0xf8 == nhcExtGHC: // only EID 0 to 3 are assigned (RFC 7400, Section 4)
	default:
		return 0, ErrUnsupported // an NHC this package has not heard of
	}
	return eidProto[eid], 0
}

// extEID is the EID of an extension header.
func extEID(proto byte) (eid byte, ok bool) {
	switch proto {
	case protoHopByHop:
		return 0, true
	case protoRouting:
		return 1, true
	case protoFragment:
		return 2, true
	case protoDestOpts:
		return 3, true
	case protoMobility:
		return 4, true
	}
	return 0, false
}

// nhcClass is how NHC codes a header.
type nhcClass uint8

const (
	nhcNone nhcClass = iota
	nhcUDP
	nhcIPv6
	nhcExtension
)

// nhcKind says how the header proto at the start of rest can be coded, if all
// that a decompressor infers agrees, and for an extension header its length.
func nhcKind(proto byte, rest []byte) (nhcClass, int) {
	switch proto {
	case protoUDP:
		if len(rest) >= udpLen && int(binary.BigEndian.Uint16(rest[4:])) == len(rest) {
			return nhcUDP, 0
		}
		return nhcNone, 0
	case protoIPv6:
		if len(rest) >= ipv6Len && rest[0]>>4 == 6 && lengthAgrees(rest) {
			return nhcIPv6, 0
		}
		return nhcNone, 0
	}
	if _, ok := extEID(proto); !ok || len(rest) < 8 {
		return nhcNone, 0
	}
	n := 8
	if proto != protoFragment {
		n += int(rest[1]) * 8
	}
	if n > len(rest) {
		return nhcNone, 0
	}
	// "LOWPAN_NHC MUST NOT be used to encode IPv6 Extension Headers that have
	// more than 255 octets following the Length field after compression."
	if n-2-trailingPad(proto, rest[:n]) > 255 {
		return nhcNone, 0
	}
	return nhcExtension, n
}

// isLaterFragment reports whether the fragment header is not that of a first
// fragment, so that something else than a header follows it.
func isLaterFragment(ext []byte) bool {
	return binary.BigEndian.Uint16(ext[2:])&^7 != 0
}

// trailingPad is the length of the padding option at the end of an options
// header that may be elided, 0 if there is none.
//
// RFC 6282, Section 4.2: "When there is a single trailing Pad1 or PadN option
// of 7 octets or less and the containing header is a multiple of 8 octets, the
// trailing Pad1 or PadN option MAY be elided by the compressor." A PadN with
// data that is not zero would not come back the same and stays, as do two
// padding options in a row.
func trailingPad(proto byte, ext []byte) int {
	if proto != protoHopByHop && proto != protoDestOpts {
		return 0
	}
	pad, before := 0, false // length of the last option, if it pads
	for i := 2; i < len(ext); {
		n := 1
		if ext[i] != 0 {
			if i+2 > len(ext) || i+2+int(ext[i+1]) > len(ext) {
				return 0 // not a list of options
			}
			n = 2 + int(ext[i+1])
		}
		before = pad != 0
		pad = 0
		if ext[i] <= 1 {
			pad = n
		}
		i += n
	}
	if before || pad > 7 {
		return 0
	}
	for i := len(ext) - pad + 2; i < len(ext); i++ {
		if ext[i] != 0 {
			return 0
		}
	}
	return pad
}

// extension appends the extension header ext, NHC byte first.
func (p *packer) extension(dst, ext []byte) []byte {
	eid, _ := extEID(p.next)
	proto := p.next
	p.flagAt, p.flag, p.numberAt = len(dst), 1, len(dst)+1
	p.off += len(ext)
	p.next = ext[0]
	dst = bitio.Append(dst, nhcExt|eid<<1)
	if proto == protoFragment {
		// It has no Length field, but a reserved octet, "carried unmodified".
		return bitio.Append(dst, ext[1:]...)
	}
	body := ext[2 : len(ext)-trailingPad(proto, ext)]
	if p.opts.GHC != nil && proto != protoMobility {
		if out, ok := p.ghcExtension(dst, ext[2:], len(body)); ok {
			return out
		}
	}
	dst = bitio.Append(dst, byte(len(body)))
	return bitio.Append(dst, body...)
}

// extension restores an extension header of at most room bytes; its next
// header number is set only if it is not compressed.
func (u *unpacker) extension(dst, in []byte, proto byte, room int) (out []byte, n int, nhc bool, err Error) {
	nhc = in[0]&1 != 0
	ghc := in[0]&0xf8 == nhcExtGHC
	at := len(dst)
	dst = bitio.Append(dst, 0, 0)
	n = 1
	if !nhc {
		if len(in) < 2 {
			return nil, 0, false, ErrTruncated
		}
		dst[at] = in[1]
		n = 2
	}
	switch {
	case ghc:
		var used int
		if dst, used, err = u.ghcExtension(dst, in[n:], room-2); err != 0 {
			return nil, 0, false, err
		}
		n += used
		if proto == protoFragment && len(dst)-at == 9 {
			// Seven bytes: the reserved octet is among them.
			copy(dst[at+1:], dst[at+2:])
			dst = dst[:at+8]
		}
	case proto == protoFragment:
		if len(in) < n+7 {
			return nil, 0, false, ErrTruncated
		}
		dst = bitio.Append(dst[:at+1], in[n:n+7]...)
		return dst, n + 7, nhc, 0
	default:
		if len(in) <= n || len(in)-n-1 < int(in[n]) {
			return nil, 0, false, ErrTruncated
		}
		size := int(in[n])
		dst = bitio.Append(dst, in[n+1:n+1+size]...)
		n += 1 + size
	}
	// "A decompressor MUST ensure that the containing header is padded out to
	// a multiple of 8 octets in length, using a Pad1 or PadN option if
	// necessary."
	size := len(dst) - at
	pad := -size & 7
	if pad != 0 && proto != protoHopByHop && proto != protoDestOpts {
		return nil, 0, false, ErrMalformed
	}
	switch {
	case pad == 1:
		dst = bitio.Append(dst, 0)
	case pad > 1:
		dst = bitio.Append(dst, 1, byte(pad-2))
		for i := 2; i < pad; i++ {
			dst = bitio.AppendByte(dst, 0)
		}
	}
	if size += pad; size > 256*8 {
		return nil, 0, false, ErrMalformed
	}
	if proto == protoFragment {
		if size != 8 {
			return nil, 0, false, ErrMalformed
		}
	} else {
		dst[at+1] = byte(size/8 - 1)
	}
	return dst, n, nhc, 0
}

// udp appends the UDP header at the start of rest, which is all of the packet
// that is left.
func (p *packer) udp(dst, rest []byte) []byte {
	p.off += udpLen
	p.udpAt = len(dst)
	src, to := binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	switch {
	case src>>4 == 0xf0b && to>>4 == 0xf0b:
		dst = bitio.Append(dst, nhcUDPBits|3, byte(src<<4|to&15))
	case src>>8 == 0xf0:
		dst = bitio.Append(dst, nhcUDPBits|2, byte(src), byte(to>>8), byte(to))
	case to>>8 == 0xf0:
		dst = bitio.Append(dst, nhcUDPBits|1, byte(src>>8), byte(src), byte(to))
	default:
		dst = bitio.Append(dst, nhcUDPBits, byte(src>>8), byte(src), byte(to>>8), byte(to))
	}
	sum := binary.BigEndian.Uint16(rest[6:])
	// Deviation: RFC 6282, Section 4.3.2 has a compressor that was to elide the
	// checksum drop a packet whose checksum is wrong. Here the checksum is
	// sent, and the receiver drops the packet.
	if p.opts.ElideChecksum && sum != 0 && sum == udpChecksum(p.pkt[p.ip:], rest) {
		dst[p.udpAt] |= udpC
		return dst
	}
	return bitio.Append(dst, byte(sum>>8), byte(sum))
}

// udpPortsLen is the length of the ports by P.
const udpPortsLen = "\x04\x03\x03\x01"

// udpHeader restores a UDP header. Its length, and an elided checksum, are
// filled in later.
func (u *unpacker) udpHeader(dst, in []byte) (out []byte, n int, err Error) {
	c := in[0]
	n = 1 + int(udpPortsLen[c&3])
	if c&udpC == 0 {
		n += 2
	}
	if len(in) < n {
		return nil, 0, ErrTruncated
	}
	var src, to uint16
	switch c & 3 {
	case 0:
		src, to = binary.BigEndian.Uint16(in[1:]), binary.BigEndian.Uint16(in[3:])
	case 1:
		src, to = binary.BigEndian.Uint16(in[1:]), 0xf000|uint16(in[3])
	case 2:
		src, to = 0xf000|uint16(in[1]), binary.BigEndian.Uint16(in[2:])
	case 3:
		src, to = 0xf0b0|uint16(in[1]>>4), 0xf0b0|uint16(in[1]&15)
	}
	sum := uint16(0)
	if u.elided = c&udpC != 0; !u.elided {
		sum = binary.BigEndian.Uint16(in[n-2:])
	}
	u.udp = len(dst)
	dst = bitio.Grow(dst, udpLen)[:u.udp+udpLen]
	binary.BigEndian.PutUint64(dst[u.udp:], uint64(src)<<48|uint64(to)<<32|uint64(sum))
	return dst, n, 0
}
