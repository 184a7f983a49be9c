package esp

import "github.com/schckit/schckit/internal/seqno"

// This file is what other forms of ESP build on, such as Diet-ESP: the parts of
// AppendSeal and AppendOpen, each of which keeps one promise of theirs.

// Headers is where the IP headers in front of ESP end, and what they say.
type Headers struct{ p place }

// ParseHeaders parses the IP headers of pkt, which must be one whole packet. With
// seal it ends where transport mode inserts ESP (RFC 4303, Section 3.1.1), else
// behind all extension headers. Its errors are those of AppendSeal;
// ErrUnsupported, for a fragment, comes with Headers.
func ParseHeaders(pkt []byte, seal bool) (h Headers, err error) {
	err = h.Parse(pkt, seal)
	return h, err
}

// Parse is ParseHeaders for Headers that are there.
func (h *Headers) Parse(pkt []byte, seal bool) error {
	if e := h.p.locate(pkt, seal); e != 0 {
		return e
	}
	return nil
}

// V4 reports whether the packet is IPv4.
func (h *Headers) V4() bool { return h.p.v4 }

// Src returns the source address.
func (h *Headers) Src() Addr { return h.p.src }

// Dst returns the destination address.
func (h *Headers) Dst() Addr { return h.p.dst }

// End returns the bytes of the headers.
func (h *Headers) End() int { return h.p.end }

// Protocol returns the number of what follows the headers.
func (h *Headers) Protocol() uint8 { return h.p.proto }

// TrafficClass returns DSCP and ECN.
func (h *Headers) TrafficClass() uint8 { return h.p.tos }

// SetProtocol writes the number of what follows the headers to pkt, which starts
// with them. SetLength must follow: it writes the IPv4 checksum.
func (h *Headers) SetProtocol(pkt []byte, n uint8) { pkt[h.p.next] = n }

// SetLength writes the length of pkt, which starts with these headers, and the
// IPv4 checksum.
func (h *Headers) SetLength(pkt []byte) { h.p.setLength(pkt) }

// Fits reports whether a packet with these headers can have n bytes.
func (h *Headers) Fits(n int) bool { return h.p.fits(n) }

// ChecksumRight reports whether pkt, which starts with these headers, has a
// right IPv4 header checksum; IPv6 has none.
func (h *Headers) ChecksumRight(pkt []byte) bool { return !h.p.v4 || checksumRight(pkt) }

// OuterLen returns the bytes of a tunnel's outer header.
func (s *SA) OuterLen() int { return outerLen(&s.Src) }

// PutOuter writes the outer header of a tunnel as AppendSeal does, without its
// length, to the first OuterLen bytes of out; h becomes that of out, without the
// addresses.
func (s *SA) PutOuter(h *Headers, out []byte, proto, class uint8) {
	n := s.OuterLen()
	putOuter(out[:n], &s.Src, &s.Dst, proto, class)
	h.p.v4, h.p.next, h.p.end, h.p.proto, h.p.tos = n == 20, 6, n, proto, class
	if n == 20 {
		h.p.next = 9
	}
}

// Outbound parses a packet and checks that the SA may seal it. Its errors are
// those of AppendSeal.
func (s *SA) Outbound(h *Headers, pkt []byte) error {
	if e := s.outbound(&h.p, pkt); e != 0 {
		return e
	}
	return nil
}

// Covers reports whether a packet with these headers may be the SA's.
func (s *SA) Covers(h *Headers) bool { return s.Src.covers(&h.p.src) && s.Dst.covers(&h.p.dst) }

// Take takes the next sequence number, for a packet of n bytes. A number is never
// given twice, whatever becomes of the packet. It returns ErrExhausted when a new
// key is needed.
func (s *SA) Take(n int) (uint64, error) {
	seq, e := s.next(n)
	if e != 0 {
		return 0, e
	}
	return seq, nil
}

// Count adds a packet of n bytes to what the SA has protected or verified.
func (s *SA) Count(n int) { s.count(n) }

// Spent reports whether the limits of life allow no more packets.
func (s *SA) Spent() bool { return s.spent(0) }

// Candidates makes c list the sequence numbers that the low bits of one may stand
// for, 0 to 32 bits, the most likely first. Without a window it lists none.
func (s *SA) Candidates(c *seqno.Candidates, low uint32, bits uint8) {
	if s.Window == NoWindow {
		*c = seqno.Candidates{}
		return
	}
	s.window.RecoverTo(c, low, bits, s.LastSeq())
}

// Fresh reports whether a packet with this number may be new.
func (s *SA) Fresh(seq uint64) bool { return s.Window == NoWindow || s.window.Fresh(seq) }

// Mark says that a packet with this number was verified.
func (s *SA) Mark(seq uint64) {
	if s.Window != NoWindow {
		s.window.Mark(seq)
	}
}

// SetLast sets what Last returns.
func (s *SA) SetLast(o Opened) { s.last = o }

// PutTrailer writes the ESP trailer to b: padding 1, 2, 3, ..., its length, and
// the Next Header (RFC 4303, Section 2.4).
func PutTrailer(b []byte, pad int, next uint8) { putTrailer(b, pad, next) }

// PaddingRight reports whether b is padding as PutTrailer writes it.
func PaddingRight(b []byte) bool {
	for i, c := range b {
		if c != byte(i+1) {
			return false
		}
	}
	return true
}

// InnerLen returns the bytes of the IP packet that b starts with, of which next
// says the version (4 or 41), and 0 if there is none. What follows is padding for
// traffic flow confidentiality (RFC 4303, Section 2.7).
func InnerLen(b []byte, next uint8) int { return innerLen(b, next) }
