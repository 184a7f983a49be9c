package lowpan

import "github.com/schckit/schckit/internal/bitio"

// MinMTU is the smallest link payload into which packets can be fragmented:
// FRAGN header and 8 bytes, or FRAG1 header, dispatch and 8 bytes.
const MinMTU = 13

// Fragmenter sends one IPv6 packet as one or more frame payloads of at most
// an MTU (RFC 4944, Section 5.3). It is caller-owned memory for one goroutine:
//
//	var f lowpan.Fragmenter
//	err := f.Reset(pkt, link, tab, opts, tag, mtu)
//	for more := err == nil; more; {
//		frame, more, err = f.AppendFrame(frame[:0])
//		...
//	}
type Fragmenter struct {
	pkt  []byte
	link Link
	tab  *Table
	opts Options
	mtu  int
	tag  uint16
	off  int   // bytes of pkt sent
	schc uint8 // dispatch, if pkt is a SCHC Datagram
}

// Reset prepares f to send the packet ipv6, which f refers to until the last
// frame. mtu is the room for a frame payload in bytes, without mesh and
// broadcast headers. tag is the datagram_tag; the caller increments it for
// each packet that was fragmented.
//
// Errors: those of AppendCompress; ErrShortBuffer, mtu is below MinMTU. A
// packet that needs fragments but is longer than MaxDatagram is found out by
// the first AppendFrame: ErrUnsupported.
func (f *Fragmenter) Reset(ipv6 []byte, link Link, tab *Table, opts Options, tag uint16, mtu int) error {
	*f = Fragmenter{}
	if e := checkIPv6(ipv6); e != 0 {
		return e
	}
	if mtu < MinMTU {
		return ErrShortBuffer
	}
	*f = Fragmenter{pkt: ipv6, link: link, tab: tab, opts: opts, mtu: mtu, tag: tag}
	return nil
}

// ResetSCHC is Reset for a SCHC Datagram, which is sent behind the SCHC dispatch
// and fragmented as it is (draft-ietf-6lo-schc-15dot4, Section 8). dispatch 0 is
// the default. Errors: ErrTruncated, it is empty; ErrShortBuffer, mtu is below
// MinMTU.
func (f *Fragmenter) ResetSCHC(schc []byte, dispatch uint8, tag uint16, mtu int) error {
	*f = Fragmenter{}
	if len(schc) == 0 {
		return ErrTruncated
	}
	if mtu < MinMTU {
		return ErrShortBuffer
	}
	if dispatch == 0 {
		dispatch = DispatchSCHC
	}
	*f = Fragmenter{pkt: schc, mtu: mtu, tag: tag, schc: dispatch}
	return nil
}

// AppendFrame appends the next frame payload to dst and returns the extended
// slice and whether more frames follow. Before Reset and behind the last frame
// it returns dst as it came. It does not allocate when dst has room for
// MaxCompressedLen of the packet and 4 bytes more.
func (f *Fragmenter) AppendFrame(dst []byte) ([]byte, bool, error) {
	switch {
	case f.off >= len(f.pkt):
		return dst, false, nil
	case f.off == 0 && f.schc != 0:
		return f.firstSCHC(dst)
	case f.off == 0:
		return f.first(dst)
	}
	n := f.mtu - fragNLen
	if rest := len(f.pkt) - f.off; n >= rest {
		n = rest
	} else {
		n &^= 7 // "all link fragments for a datagram except the last one MUST be multiples of eight bytes in length"
	}
	dst = f.header(FragmentNext).append(dst)
	dst = bitio.Append(dst, f.pkt[f.off:f.off+n]...)
	f.off += n
	return dst, f.off < len(f.pkt), nil
}

func (f *Fragmenter) header(kind FragmentKind) Fragment {
	return Fragment{Kind: kind, Size: uint16(len(f.pkt)), Tag: f.tag, Offset: uint16(f.off)}
}

// firstSCHC appends the only frame, or the first fragment, of a SCHC Datagram.
func (f *Fragmenter) firstSCHC(dst []byte) ([]byte, bool, error) {
	n := len(f.pkt)
	if 1+n > f.mtu {
		if n > MaxDatagram {
			return dst, false, ErrUnsupported
		}
		dst = f.header(FragmentFirst).append(dst)
		n = (f.mtu - frag1Len - 1) &^ 7
	}
	f.off = n
	return AppendSCHC(dst, f.pkt[:n], f.schc), n < len(f.pkt), nil
}

// first appends the only frame, or the first fragment.
func (f *Fragmenter) first(dst []byte) ([]byte, bool, error) {
	base := len(dst)
	dst, err := AppendCompress(dst, f.pkt, f.link, f.tab, f.opts)
	if err != nil {
		return dst, false, err
	}
	if len(dst)-base <= f.mtu {
		f.off = len(f.pkt)
		return dst, false, nil
	}
	if len(f.pkt) > MaxDatagram {
		return dst[:base], false, ErrUnsupported
	}
	dst = f.header(FragmentFirst).append(dst[:base])
	at := len(dst)
	if lengthAgrees(f.pkt) {
		// RFC 6282, Section 2: "any header that cannot fit within the first
		// fragment MUST NOT be compressed". So compress fewer headers until
		// they fit.
		for max := f.opts.maxHeaders(); max >= 0; max-- {
			for _, upper := range [2]bool{true, false} {
				p := packer{pkt: f.pkt, tab: f.tab, opts: f.opts, link: f.link.iids()}
				dst = bitio.Grow(dst[:at], MaxCompressedLen(len(f.pkt)))
				dst = p.headers(dst, max, upper)
				if out, ok := p.firstPayload(dst, f.mtu-(len(dst)-base)); ok {
					f.off = p.off
					return out, f.off < len(f.pkt), nil
				}
			}
		}
	}
	f.off = (f.mtu - frag1Len - 1) &^ 7 // less than the packet: that did not fit
	dst = bitio.Append(dst[:at], DispatchIPv6)
	return bitio.Append(dst, f.pkt[:f.off]...), f.off < len(f.pkt), nil
}

// firstPayload appends as much payload to the headers of a first fragment as
// fits into room bytes, so that the next offset is a multiple of 8, and
// advances off. It fails if there is no such offset.
func (p *packer) firstPayload(dst []byte, room int) ([]byte, bool) {
	pending := p.udpAt == 0 && p.flag != 0 // next header number or ICMPv6 GHC
	if pending {
		room--
	}
	end := p.off + room
	if end > len(p.pkt) {
		end = len(p.pkt)
	} else {
		end &^= 7
	}
	if room < 0 || end < p.off {
		return dst, false
	}
	if p.opts.GHC != nil && end < len(p.pkt) {
		if out, ok := p.firstGHC(dst, end, room); ok {
			return out, true
		}
	}
	if pending {
		dst = p.inline(dst)
	}
	dst = bitio.Append(dst, p.pkt[p.off:end]...)
	p.off = end
	return dst, true
}

// firstGHC is firstPayload with GHC, if that takes the packet further than to
// plainEnd: the furthest end is found by halving, since more payload hardly
// ever takes fewer bytes.
func (p *packer) firstGHC(dst []byte, plainEnd, room int) ([]byte, bool) {
	if p.udpAt == 0 && p.next != protoICMPv6 {
		return dst, false
	}
	lo, hi := plainEnd/8, (len(p.pkt)-1)/8
	if most := (p.off + 17*room) / 8; hi > most { // 17 zero bytes in one byte
		hi = most
	}
	n := len(dst)
	b := ghcBits{flags: dst[p.flagAt]}
	if p.udpAt != 0 {
		b.udp = dst[p.udpAt]
	}
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if _, ok := p.fits(dst[:n], b, mid*8, room); ok {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo*8 <= plainEnd {
		p.reset(dst, b)
		return dst[:n], false
	}
	out, ok := p.fits(dst[:n], b, lo*8, room)
	p.off = lo * 8
	return out, ok
}

// ghcBits are those that ghcPayload changes in front of the payload.
type ghcBits struct{ flags, udp byte }

func (p *packer) reset(dst []byte, b ghcBits) {
	dst[p.flagAt] = b.flags
	if p.udpAt != 0 {
		dst[p.udpAt] = b.udp
	}
}

// fits tries to append the payload up to end, as GHC of at most room bytes.
func (p *packer) fits(dst []byte, b ghcBits, end, room int) ([]byte, bool) {
	p.reset(dst, b)
	return p.ghcPayload(dst, p.pkt[p.off:end], room)
}
