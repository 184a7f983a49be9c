package lowpan

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// Dispatch bytes (RFC 4944, Section 5.1, as updated by RFC 6282, RFC 8025, RFC
// 8066 and draft-ietf-6lo-schc-15dot4).
const (
	DispatchESC         = 0x40 // an extension type follows (RFC 8066)
	DispatchIPv6        = 0x41 // an uncompressed IPv6 header follows
	DispatchHC1         = 0x42 // RFC 4944, Section 10; obsolete, not read here
	DispatchSCHC        = 0x44 // a SCHC packet follows; number not yet assigned
	DispatchSCHCPointer = 0x45 // the same, with a pointer to the address
	DispatchBC0         = 0x50 // a sequence number follows
	DispatchMesh        = 0x80 // 10xxxxxx: mesh header
	DispatchFrag1       = 0xc0 // 11000xxx: first fragment
	DispatchFragN       = 0xe0 // 11100xxx: subsequent fragment
	DispatchPage        = 0xf0 // 1111nnnn: page switch (RFC 8025)
)

// Kind is what a frame carries behind its headers.
type Kind uint8

const (
	KindNone        Kind = iota // nothing
	KindIPHC                    // LOWPAN_IPHC
	KindIPv6                    // uncompressed IPv6
	KindSCHC                    // SCHC packet
	KindSCHCPointer             // SCHC packet with a pointer header
	KindESC                     // extension type (RFC 8066)
	KindFragment                // the middle of a packet (FRAGN)
	KindNALP                    // 00xxxxxx: not a LoWPAN frame
	KindOther                   // an obsolete or unassigned dispatch
)

// String returns the kind as text.
func (k Kind) String() string {
	switch k {
	case KindIPHC:
		return "iphc"
	case KindIPv6:
		return "ipv6"
	case KindSCHC:
		return "schc"
	case KindSCHCPointer:
		return "schc-pointer"
	case KindESC:
		return "esc"
	case KindFragment:
		return "fragment"
	case KindNALP:
		return "nalp"
	case KindOther:
		return "other"
	}
	return "none"
}

// Headers are the headers in front of a packet or fragment. They come in this
// order: mesh, broadcast, fragment, page switch, routing.
type Headers struct {
	HasMesh      bool
	HasBroadcast bool
	Page         uint8 // 0 unless switched
	Kind         Kind
	Mesh         Mesh
	BroadcastSeq uint8 // LOWPAN_BC0 sequence number
	Fragment     Fragment
	// Routing are the 6LoRH headers (RFC 8138), one behind the other as they
	// came; ParseLoRH reads the first one.
	Routing []byte
	// Payload is what remains: it begins with the dispatch byte of its Kind
	// (KindFragment and KindNone have none).
	Payload []byte

	tunneled bool // Routing has an IP-in-IP header
}

// ParseHeaders reads the headers of a frame payload. schcDispatch is as in
// Options; 0 is the default. The result refers to b.
func ParseHeaders(b []byte, schcDispatch uint8) (Headers, error) {
	h, e := parseHeaders(b, schcDispatch)
	if e != 0 {
		return Headers{}, e
	}
	return h, nil
}

func parseHeaders(b []byte, schcDispatch uint8) (h Headers, err Error) {
	if len(b) == 0 {
		return h, ErrTruncated
	}
	// RFC 4944, Section 5: the three headers appear in this order.
	if b[0]&0xc0 == DispatchMesh {
		var n int
		if h.Mesh, n, err = parseMesh(b); err != 0 {
			return h, err
		}
		h.HasMesh = true
		b = b[n:]
	}
	if len(b) > 0 && b[0] == DispatchBC0 {
		if len(b) < 2 {
			return h, ErrTruncated
		}
		h.HasBroadcast, h.BroadcastSeq = true, b[1]
		b = b[2:]
	}
	if f, n, e := parseFragment(b); e != 0 {
		return h, e
	} else if n > 0 {
		h.Fragment = f
		b = b[n:]
		if f.Kind == FragmentNext {
			h.Kind, h.Payload = KindFragment, b
			return h, 0
		}
	}
	// RFC 8025, Section 3: a page stays active until the next switch.
	for len(b) > 0 {
		switch {
		case b[0]&0xf0 == DispatchPage:
			h.Page = b[0] & 15
			b = b[1:]
			continue
		case h.Page == 1 && b[0]&0xc0 == 0x80: // 6LoRH (RFC 8138, Section 3.1)
			all := b
			for len(b) > 0 && b[0]&0xc0 == 0x80 {
				r, n, e := parseLoRH(b)
				if e != 0 {
					return h, e
				}
				h.tunneled = h.tunneled || r.Elective && r.Type == LoRHTypeIPinIP
				b = b[n:]
			}
			if h.Routing != nil {
				return h, ErrUnsupported // two runs with a page switch between
			}
			h.Routing = all[:len(all)-len(b)]
			continue
		}
		break
	}
	h.Payload = b
	if len(b) > 0 {
		h.Kind = kindOf(b[0], h.Page, schcDispatch)
	}
	return h, 0
}

// kindOf names the dispatch byte c in the given page. IPHC is the same in
// pages 0 and 1 (RFC 8025, Section 4), and so is SCHC (its draft, Section 4.2).
func kindOf(c, page, schcDispatch uint8) Kind {
	if schcDispatch == 0 {
		schcDispatch = DispatchSCHC
	}
	switch {
	case page > 1:
		return KindOther
	case c == schcDispatch:
		return KindSCHC
	case c>>5 == iphcDispatch>>13:
		return KindIPHC
	case page == 1:
		return KindOther
	case c>>6 == 0:
		return KindNALP
	case c == DispatchIPv6:
		return KindIPv6
	case c == DispatchESC:
		return KindESC
	case c == DispatchSCHCPointer:
		return KindSCHCPointer
	}
	return KindOther
}

// AppendSCHC appends a SCHC packet behind its dispatch byte (draft-ietf-6lo-
// schc-15dot4, Section 4.1). dispatch 0 is the default.
func AppendSCHC(dst, schc []byte, dispatch uint8) []byte {
	if dispatch == 0 {
		dispatch = DispatchSCHC
	}
	return bitio.Append(bitio.Append(dst, dispatch), schc...)
}

// AppendRouting appends the switch to page 1 and 6LoRH headers, as they were
// in Headers.Routing. A LOWPAN_IPHC frame follows (RFC 8138, Section 3.2.1).
func AppendRouting(dst, routing []byte) []byte {
	return bitio.Append(bitio.Append(dst, DispatchPage|1), routing...)
}

// Mesh is a mesh addressing header (RFC 4944, Section 5.2).
//
//	 0                   1
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|1 0|V|F|HopsLft| originator address, final address
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// V, F: originator and final address are short; hops left 15: an octet with
// the number follows ("Deep Hops Left").
type Mesh struct {
	HopsLeft   uint8
	Originator Addr
	Final      Addr
}

// Link is the pair of addresses between which the packet travels.
func (m Mesh) Link() Link { return Link{Src: m.Originator, Dst: m.Final} }

func parseMesh(b []byte) (m Mesh, n int, e Error) {
	c := b[0]
	m.HopsLeft = c & 15
	n = 1
	if m.HopsLeft == 15 {
		if len(b) < 2 {
			return m, 0, ErrTruncated
		}
		m.HopsLeft = b[1]
		n = 2
	}
	if m.Originator, n, e = meshAddr(b, n, c&0x20 != 0); e != 0 {
		return m, 0, e
	}
	if m.Final, n, e = meshAddr(b, n, c&0x10 != 0); e != 0 {
		return m, 0, e
	}
	return m, n, 0
}

// meshAddr reads the address at b[n:] and returns where it ends.
func meshAddr(b []byte, n int, short bool) (Addr, int, Error) {
	size := 8
	if short {
		size = 2
	}
	switch {
	case len(b) < n+size:
		return Addr{}, 0, ErrTruncated
	case short:
		return ShortAddr(binary.BigEndian.Uint16(b[n:])), n + size, 0
	}
	return ExtAddr(binary.BigEndian.Uint64(b[n:])), n + size, 0
}

// AppendMesh appends a mesh header. Both addresses are short or extended ones;
// others are ErrMalformed.
func AppendMesh(dst []byte, m Mesh) ([]byte, error) {
	c := byte(DispatchMesh)
	for i, a := range [2]Addr{m.Originator, m.Final} {
		switch a.Kind {
		case AddrShort:
			c |= 0x20 >> uint(i)
		case AddrExt:
		default:
			return dst, ErrMalformed
		}
	}
	if m.HopsLeft < 15 {
		dst = bitio.Append(dst, c|m.HopsLeft)
	} else {
		dst = bitio.Append(dst, c|15, m.HopsLeft)
	}
	return m.Final.AppendBytes(m.Originator.AppendBytes(dst)), nil
}

// AppendBroadcast appends a LOWPAN_BC0 header (RFC 4944, Section 11.1).
func AppendBroadcast(dst []byte, seq uint8) []byte { return append(dst, DispatchBC0, seq) }

// FragmentKind tells the two fragment headers apart.
type FragmentKind uint8

const (
	FragmentNone  FragmentKind = iota
	FragmentFirst              // FRAG1
	FragmentNext               // FRAGN
)

// Fragment is a fragmentation header (RFC 4944, Section 5.3).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|1 1 n 0 0|    datagram_size    |         datagram_tag          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|datagram_offset|  only where n is 1: FRAGN
//	+-+-+-+-+-+-+-+-+
type Fragment struct {
	Kind   FragmentKind
	Size   uint16 // bytes of the uncompressed datagram, 0 to 2047
	Tag    uint16
	Offset uint16 // bytes of the uncompressed datagram before this fragment
}

const (
	frag1Len = 4
	fragNLen = 5
	// MaxDatagram is the largest packet that can be fragmented.
	MaxDatagram = 2047
)

// parseFragment reads the fragment header that b may begin with; n is 0 if it
// does not.
func parseFragment(b []byte) (f Fragment, n int, err Error) {
	if len(b) == 0 {
		return f, 0, 0
	}
	switch b[0] & 0xf8 {
	case DispatchFrag1:
		f.Kind, n = FragmentFirst, frag1Len
	case DispatchFragN:
		f.Kind, n = FragmentNext, fragNLen
	default:
		return f, 0, 0
	}
	if len(b) < n {
		return f, 0, ErrTruncated
	}
	f.Size = binary.BigEndian.Uint16(b) & 0x7ff
	f.Tag = binary.BigEndian.Uint16(b[2:])
	if n == fragNLen {
		f.Offset = uint16(b[4]) * 8
	}
	return f, n, 0
}

// append appends the header; Offset is a multiple of 8.
func (f Fragment) append(dst []byte) []byte {
	c := byte(DispatchFrag1)
	if f.Kind == FragmentNext {
		c = DispatchFragN
	}
	dst = bitio.Append(dst, c|byte(f.Size>>8)&7, byte(f.Size), byte(f.Tag>>8), byte(f.Tag))
	if f.Kind == FragmentNext {
		dst = bitio.Append(dst, byte(f.Offset/8))
	}
	return dst
}
