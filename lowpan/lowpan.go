package lowpan

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/inet"
)

// Options change what AppendCompress and AppendDecompress do. The zero value
// is the default; a number outside its range counts as the default.
type Options struct {
	// GHC lets AppendCompress use generic header compression (RFC 7400) where
	// that is smaller. The decompressor must be known to support it: 6CIO.
	// AppendDecompress always understands it. The GHC is memory for one
	// goroutine at a time.
	GHC *GHC

	// ElideChecksum lets AppendCompress leave out the UDP checksum. RFC 6282,
	// Section 4.3.2: only the upper layer may authorize this, and only if
	// another integrity check covers the packet. A checksum that is wrong or
	// zero is still sent, so a corrupted packet never comes out repaired.
	ElideChecksum bool

	// MaxLen is the largest IPv6 packet that AppendDecompress makes: 40 to
	// 65575 bytes, which is the default. More is ErrShortBuffer.
	MaxLen int

	// MaxHeaders is how many extension headers and nested IPv6 headers are
	// coded with NHC: 1 to 16, which is the default. AppendCompress sends more
	// of them as they are; AppendDecompress refuses them with ErrUnsupported.
	MaxHeaders int

	// LinkIID selects where the IIDs that a nested IPv6 header elides come
	// from: false, the encapsulating IPv6 header; true, the link-layer
	// addresses. See the decisions in the package comment.
	LinkIID bool

	// StripRouting lets AppendDecompress drop routing headers (6LoRH, RFC
	// 8138) in front of an IPv6 packet. By default such a frame is
	// ErrUnsupported: ParseHeaders gives access to both parts.
	StripRouting bool

	// SCHCDispatch is the dispatch of a SCHC packet: 0x44 by default, a
	// number that draft-ietf-6lo-schc-15dot4 asks for.
	SCHCDispatch uint8
}

const (
	ipv6Len       = 40
	udpLen        = 8
	maxPacket     = ipv6Len + 65535
	maxHeadersTop = 16
)

func (o *Options) maxLen() int {
	if o.MaxLen < ipv6Len || o.MaxLen > maxPacket {
		return maxPacket
	}
	return o.MaxLen
}

func (o *Options) maxHeaders() int {
	if o.MaxHeaders < 1 || o.MaxHeaders > maxHeadersTop {
		return maxHeadersTop
	}
	return o.MaxHeaders
}

// MaxCompressedLen is the most bytes that AppendCompress makes of a packet of
// n bytes.
func MaxCompressedLen(n int) int { return n + 1 }

// AppendCompress compresses an IPv6 packet, appends the frame payload (from
// the dispatch byte on) to dst and returns the extended slice (RFC 6282). Of
// all legal forms it takes the smallest. AppendDecompress restores the packet
// byte for byte, whatever its content: a header that IPHC or NHC cannot
// represent is sent as it is, and a packet whose Payload Length is not the
// number of bytes behind its header is sent uncompressed (dispatch 0x41).
//
// tab may be nil. Errors: ErrTruncated, fewer than 40 bytes; ErrMalformed, not
// IPv6. On error the result is dst, unchanged up to len(dst). AppendCompress
// retains and writes none of its arguments but dst, and does not allocate when
// dst has room for MaxCompressedLen(len(ipv6)) more bytes; dst and ipv6 must
// not overlap.
func AppendCompress(dst, ipv6 []byte, link Link, tab *Table, opts Options) ([]byte, error) {
	if e := checkIPv6(ipv6); e != 0 {
		return dst, e
	}
	dst = bitio.Grow(dst, MaxCompressedLen(len(ipv6)))
	if !lengthAgrees(ipv6) {
		dst = bitio.Append(dst, DispatchIPv6)
		return bitio.Append(dst, ipv6...), nil
	}
	p := packer{pkt: ipv6, tab: tab, opts: opts, link: link.iids()}
	dst = p.headers(dst, opts.maxHeaders(), true)
	return p.payload(dst), nil
}

// checkIPv6 refuses what has no IPv6 header at all.
func checkIPv6(p []byte) Error {
	if len(p) < ipv6Len {
		if len(p) > 0 && p[0]>>4 != 6 {
			return ErrMalformed
		}
		return ErrTruncated
	}
	if p[0]>>4 != 6 {
		return ErrMalformed
	}
	return 0
}

// lengthAgrees reports whether the Payload Length is what a decompressor infers.
func lengthAgrees(p []byte) bool {
	return int(binary.BigEndian.Uint16(p[4:]))+ipv6Len == len(p)
}

// AppendDecompress restores the IPv6 packet of an unfragmented frame payload,
// appends it to dst and returns the extended slice. It understands LOWPAN_IPHC
// in pages 0 and 1 and uncompressed IPv6 in page 0, behind mesh and broadcast
// headers (link is then taken from the mesh header).
//
// An elided UDP checksum is computed anew; the caller answers for the integrity
// check that RFC 6282, Section 4.3.2 demands in its place.
//
// Errors: ErrTruncated; ErrMalformed; ErrUnsupported for other dispatches, as
// that of SCHC; ErrNoContext; ErrShortBuffer for more than opts.MaxLen bytes;
// ErrIncomplete for a fragment. On error the result is dst, unchanged up to
// len(dst). AppendDecompress retains and writes none of its arguments but dst,
// and does not allocate when dst has room for the packet; dst and frame must
// not overlap.
func AppendDecompress(dst, frame []byte, link Link, tab *Table, opts Options) ([]byte, error) {
	if len(frame) > 0 && frame[0]>>5 != iphcDispatch>>13 {
		var err Error
		if frame, err = withoutHeaders(frame, &link, opts); err != 0 {
			return dst, err
		}
	}
	u := unpacker{tab: tab, link: link.iids(), base: len(dst), linkIID: opts.LinkIID}
	out, err := u.unpack(dst, frame, -1, opts.maxLen(), opts.maxHeaders())
	if err != 0 {
		return dst, err
	}
	u.checksum(out)
	return out, nil
}

// withoutHeaders takes the headers off a frame that is no fragment.
func withoutHeaders(frame []byte, link *Link, opts Options) ([]byte, Error) {
	h, err := parseHeaders(frame, opts.SCHCDispatch)
	if err != 0 {
		return nil, err
	}
	if h.Fragment.Kind != FragmentNone {
		return nil, ErrIncomplete
	}
	return h.datagram(link, opts.StripRouting)
}

// datagram returns what the frame carries behind all its headers, if that is
// an IPv6 packet, and takes the addresses of the mesh header.
func (h *Headers) datagram(link *Link, strip bool) ([]byte, Error) {
	switch h.Kind {
	case KindIPHC, KindIPv6:
	default:
		return nil, ErrUnsupported
	}
	if h.HasMesh {
		*link = h.Mesh.Link()
	}
	if len(h.Routing) > 0 {
		if !strip {
			return nil, ErrUnsupported
		}
		if h.tunneled {
			// What encapsulates the packet is the IP-in-IP header, and this
			// package does not know its addresses.
			*link = Link{}
		}
	}
	return h.Payload, 0
}

// packer compresses one packet.
type packer struct {
	pkt  []byte
	tab  *Table
	opts Options // a copy: a pointer would be to the heap
	link iids
	off  int // bytes of pkt that the headers written so far stand for
	ip   int // offset in pkt of the last IPv6 header written

	// The last header written: where and which bit says that the next header
	// is compressed, and where its number goes otherwise.
	flagAt, numberAt int
	flag             byte
	next             byte // the number
	udpAt            int  // index in dst of the UDP NHC byte, 0: none
}

// headers appends the IPHC header, NHC headers for at most max extension
// headers and nested IPv6 headers, and with upper that of UDP.
func (p *packer) headers(dst []byte, max int, upper bool) []byte {
	dst = p.ipv6(dst)
	for ; ; max-- {
		rest := p.pkt[p.off:]
		kind, n := nhcKind(p.next, rest)
		if kind == nhcUDP && upper {
			dst[p.flagAt] |= p.flag
			return p.udp(dst, rest)
		}
		if max == 0 {
			kind = nhcNone
		}
		switch kind {
		case nhcIPv6:
			dst[p.flagAt] |= p.flag
			// "the NH bit [...] is unused and MUST be set to zero. The
			// following bytes MUST be encoded using LOWPAN_IPHC" (4.2)
			dst = bitio.Append(dst, nhcExt|eidIPv6<<1)
			if !p.opts.LinkIID {
				p.link.outer(p.pkt[p.ip:])
			}
			dst = p.ipv6(dst)
		case nhcExtension:
			ext := rest[:n]
			last := p.next == protoFragment && isLaterFragment(ext)
			dst[p.flagAt] |= p.flag
			dst = p.extension(dst, ext)
			if last {
				return p.inline(dst) // what follows is not a header
			}
		default:
			if p.next == protoICMPv6 && upper && p.opts.GHC != nil {
				return dst // it may yet become GHC: see payload
			}
			return p.inline(dst)
		}
	}
}

// ipv6 appends the IPHC header for the IPv6 header at off.
func (p *packer) ipv6(dst []byte) []byte {
	n := len(dst)
	dst = bitio.Grow(dst, iphcMax)
	h := p.pkt[p.off:]
	size, nh := putIPHC(dst[n:n+iphcMax], h, &p.link, p.tab)
	p.flagAt, p.flag, p.numberAt = n, iphcNH>>8, n+nh
	p.next = h[6]
	p.ip = p.off
	p.off += ipv6Len
	return dst[:n+size]
}

// inline puts the next header number into the last header written.
func (p *packer) inline(dst []byte) []byte {
	dst = bitio.Append(dst, 0)
	copy(dst[p.numberAt+1:], dst[p.numberAt:])
	dst[p.numberAt] = p.next
	p.flag = 0
	return dst
}

// payload appends what is behind the headers.
func (p *packer) payload(dst []byte) []byte {
	rest := p.pkt[p.off:]
	if p.opts.GHC != nil {
		if out, ok := p.ghcPayload(dst, rest, len(rest)-1); ok {
			return out
		}
		if p.udpAt == 0 && p.flag != 0 {
			dst = p.inline(dst)
		}
	}
	return bitio.Append(dst, rest...)
}

// unpacker decompresses one packet.
type unpacker struct {
	tab     *Table
	link    iids
	base    int                       // len(dst) before the packet
	linkIID bool                      // Options.LinkIID
	ip      int                       // index in dst of the last IPv6 header
	udp     int                       // index in dst of the UDP header, 0: none
	elided  bool                      // its checksum is to be computed
	nip     int                       // number of IPv6 headers
	ips     [maxHeadersTop + 1]uint16 // and where they begin, from base
}

// unpack appends the packet of frame, which begins with the dispatch of an
// IPHC or an uncompressed IPv6 header. size is the length of the whole packet
// if frame is only its first fragment, else -1.
func (u *unpacker) unpack(dst, frame []byte, size, maxLen, maxHeaders int) ([]byte, Error) {
	if len(frame) == 0 {
		return dst, ErrTruncated
	}
	if frame[0] == DispatchIPv6 {
		pkt := frame[1:]
		if e := checkIPv6(pkt); e != 0 && (size < 0 || e != ErrTruncated) {
			return dst, e
		}
		if len(pkt) > maxLen || size >= 0 && len(pkt) > size {
			return dst, ErrShortBuffer
		}
		return bitio.Append(dst, pkt...), 0
	}
	out, rest, ghc, err := u.headers(dst, frame, maxLen, maxHeaders)
	if err != 0 {
		return dst, err
	}
	if ghc {
		if out, err = u.ghcPayload(out, rest, maxLen-(len(out)-u.base)); err != 0 {
			return dst, err
		}
	} else {
		if len(out)-u.base+len(rest) > maxLen {
			return dst, ErrShortBuffer
		}
		out = bitio.Append(out, rest...)
	}
	end := len(out)
	if size >= 0 {
		if end-u.base > size {
			return dst, ErrMalformed
		}
		end = u.base + size
	}
	for _, x := range u.ips[:u.nip] {
		ip := u.base + int(x)
		binary.BigEndian.PutUint16(out[ip+4:], uint16(end-ip-ipv6Len))
	}
	if u.udp != 0 {
		binary.BigEndian.PutUint16(out[u.udp+4:], uint16(end-u.udp))
	}
	return out, 0
}

// headers restores all compressed headers. rest is what follows them and ghc
// whether that is GHC bytecode.
func (u *unpacker) headers(dst, in []byte, maxLen, max int) (out, rest []byte, ghc bool, err Error) {
	dst, n, nhc, err := u.ipv6(dst, in)
	if err != 0 {
		return nil, nil, false, err
	}
	in = in[n:]
	number := u.ip + 6 // where the next header's number goes
	for ; nhc; max-- {
		if len(in) == 0 {
			return nil, nil, false, ErrTruncated
		}
		c := in[0]
		if c&0xf8 == nhcUDPBits || c&0xf8 == nhcUDPGHC {
			dst[number] = protoUDP
			if dst, n, err = u.udpHeader(dst, in); err != 0 {
				return nil, nil, false, err
			}
			return dst, in[n:], c&0xf8 == nhcUDPGHC, 0
		}
		if c == nhcICMPGHC {
			dst[number] = protoICMPv6
			return dst, in[1:], true, 0
		}
		proto, err := extProto(c)
		if err == 0 && max == 0 {
			err = ErrUnsupported
		}
		if err != 0 {
			return nil, nil, false, err
		}
		dst[number] = proto
		if proto == protoIPv6 {
			if len(in) < 2 {
				return nil, nil, false, ErrTruncated
			}
			if !u.linkIID {
				u.link.outer(dst[u.ip:])
			}
			dst, n, nhc, err = u.ipv6(dst, in[1:])
			n++
			number = u.ip + 6
		} else {
			number = len(dst)
			dst, n, nhc, err = u.extension(dst, in, proto, maxLen-(len(dst)-u.base))
		}
		if err != 0 {
			return nil, nil, false, err
		}
		if len(dst)-u.base > maxLen {
			return nil, nil, false, ErrShortBuffer
		}
		in = in[n:]
	}
	return dst, in, false, 0
}

// ipv6 restores one IPv6 header.
func (u *unpacker) ipv6(dst, in []byte) (out []byte, n int, nhc bool, err Error) {
	at := len(dst)
	dst = bitio.Grow(dst, ipv6Len)[:at+ipv6Len]
	n, nhc, err = getIPHC(dst[at:], in, &u.link, u.tab)
	u.ip = at
	u.ips[u.nip] = uint16(at - u.base)
	u.nip++
	return dst, n, nhc, err
}

// outer makes x what a header nested in the IPv6 header h elides (RFC 6282,
// Section 3.2.2). A multicast destination has no IID (RFC 4291, Section 2.7),
// so the one before stays.
func (x *iids) outer(h []byte) {
	x.src, x.hasSrc = binary.BigEndian.Uint64(h[16:]), true
	if h[24] != 0xff {
		x.dst, x.hasDst = binary.BigEndian.Uint64(h[32:]), true
	}
}

// checksum fills in an elided UDP checksum once the packet is whole.
func (u *unpacker) checksum(pkt []byte) {
	if u.elided {
		udp := pkt[u.udp:]
		binary.BigEndian.PutUint16(udp[6:], udpChecksum(pkt[u.ip:], udp))
	}
}

// udpChecksum is the checksum of a UDP datagram whose checksum field counts as
// zero, behind the IPv6 header ip.
func udpChecksum(ip, udp []byte) uint16 {
	s := inet.PseudoIPv6(ip[8:ipv6Len], uint32(len(udp)), protoUDP)
	s = inet.Sum(s, udp[:6])
	sum := inet.Fold(inet.Sum(s, udp[udpLen:]))
	if sum == 0 {
		return 0xffff // zero means "none" (RFC 768)
	}
	return sum
}
