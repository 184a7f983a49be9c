package esp

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

const (
	headerLen  = 8 // SPI and sequence number
	trailerLen = 2 // Pad Length and Next Header
	udpLen     = 8
)

// MaxOverhead returns the most bytes that AppendSeal adds to a packet.
func (s *SA) MaxOverhead() int {
	return 40 + udpLen + headerLen + s.suite.IVLen() + max(s.suite.BlockLen(), 4) - 1 + trailerLen + s.suite.ICVLen()
}

// AppendSeal protects the IP packet pkt (RFC 4303, Section 3.3), appends the
// result to dst and returns the extended slice.
//
//	tunnel:     outer IP | [UDP] | SPI | SN | IV | IP packet         | padding | ICV
//	transport:  IP       | [UDP] | SPI | SN | IV | what IP carries   | padding | ICV
//
// In transport mode ESP stands behind hop-by-hop options, routing header, and
// the destination options in front of it (Section 3.1.1).
//
// On error the returned slice is dst, unchanged up to len(dst): ErrTruncated and
// ErrMalformed for what is not one whole IP packet, or in transport mode has a
// wrong IPv4 header checksum, which would come out right; ErrUnsupported for a
// fragment in transport mode, and a packet that ends with IPv6 No Next Header
// there; ErrNoSA if the packet is not between the SA's
// addresses, or a tunnel has none; ErrShortBuffer if the result is longer than
// an IP packet; ErrExhausted when a new key is needed. AppendSeal retains
// neither slice, never writes to pkt, and does not allocate when dst has room
// for len(pkt) + MaxOverhead() bytes; dst and pkt must not overlap.
func (s *SA) AppendSeal(dst, pkt []byte) ([]byte, error) {
	out, e := s.appendSeal(dst, pkt)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

func (s *SA) appendSeal(dst, pkt []byte) ([]byte, Error) {
	if s.suite == nil {
		return dst, ErrNoSA
	}
	var p place
	if e := s.outbound(&p, pkt); e != 0 {
		return dst, e
	}
	head, payload, next := p.end, pkt[p.end:], p.proto
	if s.Mode == ModeTunnel {
		head, payload, next = outerLen(&s.Src), pkt, protoIPv6
		if p.v4 {
			next = protoIPv4
		}
		p = place{v4: s.Src.n == 4, tos: p.tos}
	}
	if s.SrcPort != 0 {
		head += udpLen
	}
	iv, icv := s.suite.IVLen(), s.suite.ICVLen()
	align := max(s.suite.BlockLen(), 4)
	pad := (align - (len(payload)+trailerLen)%align) % align
	n := head + headerLen + iv + len(payload) + pad + trailerLen + icv
	if !p.fits(n) {
		return dst, ErrShortBuffer
	}
	seq, e := s.next(len(pkt))
	if e != 0 {
		return dst, e
	}

	at := len(dst)
	dst = bitio.Grow(dst, n)[:at+n]
	out := dst[at:]
	if s.Mode == ModeTunnel {
		putOuter(out[:outerLen(&s.Src)], &s.Src, &s.Dst, protoESP, p.tos)
		p.next = 6
		if p.v4 {
			p.next = 9
		}
	} else {
		copy(out, pkt[:p.end])
	}
	b := out[head:]
	binary.BigEndian.PutUint32(b, s.SPI)
	binary.BigEndian.PutUint32(b[4:], uint32(seq))
	body := b[headerLen:]
	s.suite.PutIV(body[:iv], seq)
	putTrailer(body[iv+copy(body[iv:], payload):], pad, next)
	if e := s.suite.seal(body, s.SPI, seq, s.ESN); e != 0 {
		return dst[:at], e
	}
	s.finish(out, &p, head)
	s.count(len(pkt))
	return dst, 0
}

// outbound checks that a packet is one for this SA.
func (s *SA) outbound(p *place, pkt []byte) Error {
	e := p.locate(pkt, true)
	if s.Mode == ModeTunnel {
		if e == ErrUnsupported {
			e = 0 // fragments go through tunnels
		}
		if e == 0 && (!s.Src.IsValid() || !s.Dst.IsValid()) {
			e = ErrNoSA
		}
		return e
	}
	if e == 0 && (!s.Src.covers(&p.src) || !s.Dst.covers(&p.dst)) {
		e = ErrNoSA
	}
	if e == 0 && p.v4 && !checksumRight(pkt) {
		e = ErrMalformed
	}
	if e == 0 && p.proto == protoNone {
		e = ErrUnsupported // the receiver would take it for a dummy packet
	}
	return e
}

// putTrailer writes the ESP trailer: padding 1, 2, 3, ..., its length, and the
// Next Header (RFC 4303, Section 2.4).
func putTrailer(b []byte, pad int, next uint8) {
	for i := 0; i < pad; i++ {
		b[i] = byte(i + 1)
	}
	b[pad], b[pad+1] = byte(pad), next
}

// finish writes what the headers in front of ESP say of it.
func (s *SA) finish(out []byte, p *place, head int) {
	out[p.next] = protoESP
	if s.SrcPort == 0 {
		p.setLength(out)
		return
	}
	out[p.next] = protoUDP
	p.setLength(out)
	udp := out[head-udpLen:]
	binary.BigEndian.PutUint16(udp, s.SrcPort)
	binary.BigEndian.PutUint16(udp[2:], s.DstPort)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	udp[6], udp[7] = 0, 0
	if !p.v4 {
		// "SHOULD be transmitted as a zero value" (RFC 3948, Section 2.1) is of
		// IPv4; in IPv6 a zero checksum is discarded.
		binary.BigEndian.PutUint16(udp[6:], udpChecksum(out, head-udpLen))
	}
}
