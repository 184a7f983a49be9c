package dietesp

import (
	"encoding/binary"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// SealRoom returns how many bytes AppendSeal needs behind dst for a packet of n
// bytes.
func (s *SA) SealRoom(n int) int {
	return n + s.room
}

// AppendSeal protects the IP packet pkt (draft-ietf-ipsecme-diet-esp-10, Sections
// 2.1, 6 and 7), appends the result to dst and returns the extended slice.
//
//	tunnel:    outer IP | C(SPI, SN) | IV | C(IP, UDP ...) | payload | C(ESP trailer) | ICV
//	transport: IP       | C(SPI, SN) | IV | C(UDP ...)     | payload | C(ESP trailer) | ICV
//
// C(x) is the RuleID, unless it is elided, and the residue of x. What is behind
// the IV is encrypted; the ICV covers the whole SPI and Sequence Number.
//
// The outer header of a tunnel is that of esp.SA.AppendSeal, with hop limit 64,
// the inner traffic class and the protocol number of Options. With the action
// lower its flow label (or identification) is the inner one. A packet whose hop
// limit is not 64 has none of the Rules then.
//
// On error the returned slice is dst, unchanged up to len(dst): ErrNoRule if the
// Rules of the SA would not restore the packet as it is (another protocol or
// address, a wrong checksum or length, none in UDP, extension headers, options of
// IPv4, a hop limit that is not that of the outer header), and no Sequence Number
// is used; else the errors of esp.SA.AppendSeal. AppendSeal retains neither slice,
// never writes to pkt, and does not allocate when dst has room for
// SealRoom(len(pkt)) bytes, with the exception that esp.Suite.Seal has; dst and pkt must not overlap.
func (s *SA) AppendSeal(dst, pkt []byte) ([]byte, error) {
	out, e := s.appendSeal(dst, pkt)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

func (s *SA) appendSeal(dst, pkt []byte) ([]byte, Error) {
	if s.ctx[IIPC] == nil {
		return dst, ErrNoSA
	}
	in := &s.input // here, because a pointer to a local variable would be to the heap
	*in = esp.Headers{}
	if err := s.Outbound(in, pkt); err != nil {
		return dst, espError(err)
	}
	h := in
	at, suite := len(dst), s.Suite()
	out := bitio.Grow(dst, s.SealRoom(len(pkt)))
	payload, next := pkt, uint8(protoIPv6)
	if s.Mode == esp.ModeTunnel {
		if h.V4() {
			next = protoIPv4
		}
		if s.generates && fragmented(pkt) {
			return dst, ErrNoRule // the fragments would get different numbers
		}
		h = &s.tunnel
		out = bitio.Append(out, s.outer[:h.End()]...)
		s.putFirst(out[at:], pkt, in.TrafficClass())
	} else {
		payload, next = pkt[h.End():], h.Protocol()
		out = bitio.Append(out, pkt[:h.End()]...)
		h.SetProtocol(out[at:], s.opt.Protocol)
	}
	head := at + h.End() // of the compressed ESP header
	body := head + s.eecLen
	text := body + suite.IVLen()
	out, e := s.clearText(out[:text], payload, out[at:head], next)
	if e != 0 {
		return dst, e
	}
	out = out[:len(out)+suite.ICVLen()]
	if !h.Fits(len(out) - at) {
		return dst, ErrShortBuffer
	}
	seq, err := s.Take(len(pkt))
	if err != nil {
		return dst, espError(err)
	}
	suite.PutIV(out[body:text], seq)
	if err := suite.Seal(out[body:], s.SPI, seq, s.ESN); err != nil {
		return dst, espError(err)
	}
	if e := s.putHeader(out[head:head:body], seq); e != 0 {
		return dst, e
	}
	h.SetLength(out[at:])
	s.Count(len(pkt))
	return out, 0
}

// clearText appends what is encrypted: the payload of ESP with its headers and
// the trailer compressed. out has room.
func (s *SA) clearText(out, payload, outer []byte, next uint8) ([]byte, Error) {
	at, bits := len(out), len(payload)*8
	if !s.describes(next) {
		return out, ErrNoRule
	}
	if ctx := s.context(s.protocolOf(payload, next)); ctx == nil {
		out = bitio.Append(out, payload...)
	} else {
		var err error
		s.comp.Use(ctx)
		s.comp.SetOuter(outer)
		out, _, err = s.comp.AppendCompress(out, payload, schc.DirUp)
		s.comp.SetOuter(nil)
		if err != nil {
			return out, schcError(err)
		}
		if s.attr.Profile == ProfileEHC2023 {
			bits = s.comp.Last().Bits
		}
	}
	if s.attr.Profile == ProfileEHC2023 {
		return s.trailer2023(out, at, bits, next)
	}
	n := s.ctecBits / 8
	pad := -(len(out) - at + n) & (s.align - 1)
	end := len(out)
	out = out[:end+pad+n]
	// The residue is the end of RuleID | padding | Pad Length | Next Header.
	t, e := s.shrinkTrailer(uint8(pad), next)
	if e != 0 {
		return out, e
	}
	if s.attr.RuleID == RuleIDSent {
		out[end] = t[0]
		end++
		t = t[1:]
	}
	for i := 0; i < pad; i++ {
		out[end+i] = byte(i + 1)
	}
	copy(out[end+pad:], t)
	return out, 0
}

// protocolOf returns the transport protocol of a payload of ESP.
func (s *SA) protocolOf(payload []byte, next uint8) uint8 {
	switch {
	case s.Mode == esp.ModeTransport:
		return next
	case payload[0]>>4 == 4:
		return payload[9]
	}
	return payload[6]
}

// shrinkTrailer compresses Pad Length and Next Header. Most packets have the
// same as the one before.
func (s *SA) shrinkTrailer(pad, next uint8) ([]byte, Error) {
	m := &s.sent
	if m.ok && m.trailer == [2]byte{pad, next} {
		return m.residue[:m.n], 0
	}
	m.ok, m.trailer = false, [2]byte{pad, next}
	s.comp.Use(s.ctx[CTEC])
	t, _, err := s.comp.AppendCompress(m.residue[:0], m.trailer[:], schc.DirUp)
	if err != nil {
		return nil, schcError(err)
	}
	m.ok, m.n = true, uint8(len(t))
	return t, 0
}

// trailer2023 appends the trailer of draft-mglt-ipsecme-diet-esp-10: behind the
// n bits of out[at:] the residue of the Next Header, zero bits, and their number.
func (s *SA) trailer2023(out []byte, at, n int, next uint8) ([]byte, Error) {
	t, e := s.shrinkTrailer(0, next)
	if e != 0 {
		return out, e
	}
	pad := -(n + s.ctecBits + s.padBits) & (s.align*8 - 1)
	size, from := (n+s.ctecBits+pad+s.padBits)/8, len(out)
	out = out[:at+size]
	clear(out[min(from, len(out)):])
	if s.ctecBits > 0 {
		bitio.Copy(out[at:], n, t, 0, s.ctecBits)
	}
	bitio.Put(out[at:], size*8-s.padBits, s.padBits, uint64(pad))
	return out, 0
}

// putHeader appends the compressed ESP header to out.
func (s *SA) putHeader(out []byte, seq uint64) Error {
	binary.BigEndian.PutUint32(s.tmp[0:], s.SPI)
	binary.BigEndian.PutUint32(s.tmp[4:], uint32(seq&(1<<s.attr.SNLSBBits-1)))
	s.comp.Use(s.ctx[EEC])
	if _, _, err := s.comp.AppendCompress(out, s.tmp[:8], schc.DirUp); err != nil {
		return schcError(err)
	}
	return 0
}

// putFirst writes what of the outer header h differs from packet to packet: the
// traffic class, and for the action lower the flow label or the identification of
// pkt. Of a flow label 16 bits fit an IPv4 header: if it has more, the Rule does
// not match (draft-ietf-ipsecme-diet-esp-10, Section 6.1.2).
func (s *SA) putFirst(h, pkt []byte, class uint8) {
	var label uint32
	if s.attr.FlowLabel == ActionLower && s.attr.IIPC == IIPCDietESP {
		label = labelOf(pkt)
	}
	if h[0]>>4 == 4 {
		h[1] = class
		binary.BigEndian.PutUint16(h[4:], uint16(label))
		return
	}
	binary.BigEndian.PutUint32(h, 6<<28|uint32(class)<<20|label)
}

func labelOf(pkt []byte) uint32 {
	if pkt[0]>>4 == 4 {
		return uint32(binary.BigEndian.Uint16(pkt[4:]))
	}
	return binary.BigEndian.Uint32(pkt) & 0xfffff
}

// fragmented reports whether an IPv4 packet is a fragment.
func fragmented(pkt []byte) bool {
	return pkt[0]>>4 == 4 && binary.BigEndian.Uint16(pkt[6:])&0x3fff != 0
}
