package esp

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/internal/bitio"
)

// Port is the UDP port of encapsulated ESP and IKE (RFC 3948).
const Port = 4500

// A Located packet is one that ESP protects, before anything is verified.
type Located struct {
	SPI      uint32
	SN       uint32 // the low half, with Extended Sequence Numbers
	Src, Dst Addr
	place    place
	at       int // of the SPI
}

// Locate finds ESP in an IP packet: behind IP and its extension headers, or in
// UDP from or to port 4500 or one of ports (RFC 3948). It returns ErrNoSA for
// packets without ESP, among them IKE and keepalives on those ports, and the
// errors of AppendOpen.
func Locate(pkt []byte, ports []uint16) (Located, error) {
	l, e := find(pkt, ports)
	if e != 0 {
		return l, e
	}
	return l, nil
}

func find(pkt []byte, ports []uint16) (l Located, e Error) {
	p := &l.place
	if e := p.locate(pkt, false); e != 0 {
		return l, e
	}
	l.Src, l.Dst, l.at = p.src, p.dst, p.end
	switch p.proto {
	case protoESP:
	case protoUDP:
		b := pkt[p.end:]
		if len(b) < udpLen {
			return l, ErrTruncated
		}
		src, dst := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if src != Port && dst != Port && !slices.Contains(ports, src) && !slices.Contains(ports, dst) {
			return l, ErrNoSA
		}
		switch n := int(binary.BigEndian.Uint16(b[4:])); {
		case n > len(b):
			return l, ErrTruncated
		case n < len(b):
			return l, ErrMalformed
		}
		b = b[udpLen:]
		// Section 2.2: the non-ESP marker; Section 2.3: a keepalive.
		if len(b) == 1 && b[0] == 0xff || len(b) >= 4 && binary.BigEndian.Uint32(b) == 0 {
			return l, ErrNoSA
		}
		l.at += udpLen
	default:
		return l, ErrNoSA
	}
	if len(pkt) < l.at+headerLen {
		return l, ErrTruncated
	}
	l.SPI, l.SN = binary.BigEndian.Uint32(pkt[l.at:]), binary.BigEndian.Uint32(pkt[l.at+4:])
	return l, 0
}

// AppendOpen verifies and decrypts the packet pkt with the SA that it names,
// appends the IP packet that was protected to dst, and returns the extended
// slice and the SA, nil if there is none. See SA.AppendOpen.
func (d *SAD) AppendOpen(dst, pkt []byte) ([]byte, *SA, error) {
	l, e := find(pkt, d.ports)
	if e != 0 {
		return dst, nil, e
	}
	s := d.Lookup(l.SPI, l.Src, l.Dst)
	if s == nil {
		return dst, nil, ErrNoSA
	}
	out, e := s.open(dst, pkt, &l)
	if e != 0 {
		return dst, s, e
	}
	return out, s, nil
}

// AppendOpen verifies and decrypts the packet pkt (RFC 4303, Section 3.4),
// appends the IP packet that was protected to dst and returns the extended
// slice. The inner packet of a tunnel is as it was sent; in transport mode the
// lengths, the protocol and the IPv4 checksum of its header are restored.
//
// A dummy packet (Section 2.6) is verified and gives nothing: dst comes back
// and Last().Dummy is true. Bytes behind the inner packet of a tunnel are padding
// for traffic flow confidentiality and are dropped.
//
// On error the returned slice is dst, unchanged up to len(dst), and nothing of
// the packet is released: ErrTruncated and ErrMalformed for what is not an ESP
// packet; ErrUnsupported for a fragment; ErrNoSA for another SPI, other
// addresses, or no ESP; ErrReplay for a sequence number that was seen or is too
// old; ErrAuth if the ICV does not verify; ErrExhausted behind the SA's limits.
// A packet that verifies but does not hold what it must (padding that is not 1,
// 2, 3, ..., no IP packet in a tunnel) gives ErrMalformed; its sequence number
// is used up.
//
// AppendOpen retains neither slice, never writes to pkt, and does not allocate
// when dst has room for len(pkt) bytes; dst and pkt must not overlap.
func (s *SA) AppendOpen(dst, pkt []byte) ([]byte, error) {
	ports := [...]uint16{s.SrcPort, s.DstPort}
	n := len(ports)
	if s.SrcPort == 0 {
		n = 0
	}
	l, e := find(pkt, ports[:n])
	if e != 0 {
		return dst, e
	}
	if s.suite == nil || l.SPI != s.SPI || !s.Src.covers(&l.Src) || !s.Dst.covers(&l.Dst) {
		return dst, ErrNoSA
	}
	out, e := s.open(dst, pkt, &l)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

func (s *SA) open(dst, pkt []byte, l *Located) ([]byte, Error) {
	body := pkt[l.at+headerLen:]
	if len(body) < s.suite.IVLen()+trailerLen+s.suite.ICVLen() {
		return dst, ErrTruncated
	}
	if s.spent(0) {
		return dst, ErrExhausted
	}
	seq, e := s.recover(l.SN)
	if e != 0 {
		return dst, e
	}
	// The plaintext goes where it stays: in transport mode behind the headers.
	at, head := len(dst), 0
	out := bitio.Grow(dst, len(pkt))
	if s.Mode == ModeTransport {
		head = l.place.end
		out = bitio.Append(out, pkt[:head]...)
	}
	out, e = s.suite.appendOpen(out, body, s.SPI, seq, s.ESN)
	if e != 0 {
		return dst, e
	}
	if s.Window != NoWindow {
		s.window.Mark(seq)
	}
	s.last = Opened{Seq: seq}
	n, e := s.unpack(out[at+head:])
	if e != 0 {
		clear(out[at:])
		return dst, e
	}
	out = out[:at+head+n]
	if s.last.Dummy {
		clear(out[at:])
		s.count(0)
		return dst, 0
	}
	if s.Mode == ModeTransport {
		p := &l.place
		out[at+p.next] = s.last.NextHeader
		p.setLength(out[at:])
	}
	s.count(len(out) - at)
	return out, 0
}

// recover returns the whole sequence number of the 32 bits that were sent (RFC
// 4303, Appendix A2.2), if it is not a replay.
func (s *SA) recover(sn uint32) (uint64, Error) {
	if s.Window == NoWindow {
		return uint64(sn), 0
	}
	seq := uint64(sn)
	if s.ESN {
		c := s.window.Recover(sn, 32, ^uint64(0))
		var ok bool
		if seq, ok = c.Next(); !ok {
			return 0, ErrReplay
		}
	}
	if !s.window.Fresh(seq) {
		return 0, ErrReplay
	}
	return seq, 0
}

// unpack takes the ESP trailer off a plaintext and returns the bytes of the
// packet in front of it.
func (s *SA) unpack(b []byte) (int, Error) {
	if len(b) < trailerLen {
		return 0, ErrMalformed
	}
	pad, next := int(b[len(b)-2]), b[len(b)-1]
	n := len(b) - trailerLen - pad
	if n < 0 {
		return 0, ErrMalformed
	}
	if !PaddingRight(b[n : n+pad]) {
		return 0, ErrMalformed // Section 2.4: the receiver SHOULD inspect the padding
	}
	s.last.NextHeader, s.last.PadBytes = next, pad
	if next == protoNone {
		s.last.Dummy = true
		return 0, 0
	}
	if s.Mode == ModeTunnel {
		m := innerLen(b[:n], next)
		if m == 0 {
			return 0, ErrMalformed
		}
		s.last.TFCBytes = n - m
		return m, 0
	}
	return n, 0
}
