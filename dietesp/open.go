package dietesp

import (
	"encoding/binary"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// OpenRoom returns how many bytes AppendOpen needs behind dst for a packet of n
// bytes: those of the packet that was protected, and as many to work in.
func OpenRoom(n int) int { return 2*n + 128 }

// Locate parses the headers of a Diet-ESP packet, one with the protocol number
// proto, 0 for Protocol. What is behind them starts with the compressed ESP
// header. It returns ErrNoSA for other packets, ErrUnsupported for a fragment.
func Locate(pkt []byte, proto uint8) (h esp.Headers, err error) {
	if proto == 0 {
		proto = Protocol
	}
	if e := locate(&h, pkt, proto); e != 0 {
		return h, e
	}
	return h, nil
}

func locate(h *esp.Headers, pkt []byte, proto uint8) Error {
	if err := h.Parse(pkt, false); err != nil {
		return espError(err)
	}
	if h.Protocol() != proto {
		return ErrNoSA
	}
	return 0
}

// AppendOpen verifies and decrypts the packet pkt, appends the IP packet that was
// protected to dst and returns the extended slice. The Sequence Numbers that the
// bits in pkt may stand for are tried, the most likely first, until the ICV
// verifies (draft-ietf-ipsecme-diet-esp-10, Section 9), within the limits of
// Options. Fields with the action lower are those of the outer header that
// arrived.
//
// A dummy packet (RFC 4303, Section 2.6) is verified and gives nothing: dst comes
// back and Last().Dummy is true.
//
// On error the returned slice is dst, unchanged up to len(dst), and nothing of
// the packet is released: ErrTruncated and ErrMalformed for what is not a
// Diet-ESP packet; ErrUnsupported for a fragment; ErrNoSA for other bits of the
// SPI, other addresses, another protocol; ErrReplay if the ICV verifies with a
// number that was seen or is left of the window, or there is none other; ErrAuth
// if the ICV verifies with none that was tried; ErrExhausted behind the SA's limits. A packet that verifies but does not hold
// what it must gives ErrMalformed; its Sequence Number is used up.
//
// AppendOpen retains neither slice, never writes to pkt, and does not allocate
// when dst has room for OpenRoom(len(pkt)) bytes, with the exception that
// esp.Suite.AppendOpen has; dst and pkt must not overlap.
func (s *SA) AppendOpen(dst, pkt []byte) ([]byte, error) {
	if s.ctx[IIPC] == nil {
		return dst, ErrNoSA
	}
	var h esp.Headers
	if e := locate(&h, pkt, s.opt.Protocol); e != 0 {
		return dst, e
	}
	if !s.Covers(&h) {
		return dst, ErrNoSA
	}
	t := &s.trials[0]
	if e := s.start(t, pkt[h.End():]); e != 0 {
		return dst, e
	}
	out, _, e := search(dst, pkt, &h, s.trials[:1], &s.limit)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

// start reads the compressed ESP header of a packet that may be of s, and lists
// the Sequence Numbers that it may have.
func (s *SA) start(t *trial, b []byte) Error {
	if len(b) < s.eecLen+s.Suite().IVLen()+s.Suite().ICVLen() {
		return ErrTruncated
	}
	s.dec.Use(s.ctx[EEC])
	head, _, err := s.dec.AppendDecompress(s.tmp[:0], b[:s.eecLen], schc.DirUp)
	if err != nil || binary.BigEndian.Uint32(head) != s.SPI {
		return ErrNoSA
	}
	if s.Spent() {
		return ErrExhausted
	}
	t.start(s, binary.BigEndian.Uint32(head[4:]))
	return 0
}

// open tries one Sequence Number.
func (s *SA) open(dst, pkt []byte, h *esp.Headers, seq uint64) ([]byte, Error) {
	at, head := len(dst), 0
	out := dst
	if s.Mode == esp.ModeTransport {
		head = h.End()
		out = bitio.Append(out, pkt[:head]...)
	}
	at += head
	out, err := s.Suite().AppendOpen(out, pkt[h.End()+s.eecLen:], s.SPI, seq, s.ESN)
	if err != nil {
		return dst, espError(err)
	}
	if !s.Fresh(seq) {
		clear(out[at:])
		return dst, ErrReplay
	}
	s.Mark(seq)
	last := esp.Opened{Seq: seq}
	out, e := s.restore(out, at, pkt, &last)
	if e == 0 && head > 0 && !last.Dummy {
		e = s.finish(out[at-head:], h, last.NextHeader)
	}
	s.SetLast(last)
	if e != 0 || last.Dummy {
		clear(out[at-head:])
		s.Count(0)
		return dst, e
	}
	s.Count(len(out) - at + head)
	return out, 0
}

// finish writes what transport mode changes in the headers that stayed.
func (s *SA) finish(out []byte, h *esp.Headers, next uint8) Error {
	if !h.Fits(len(out)) {
		return ErrMalformed
	}
	h.SetProtocol(out, next)
	h.SetLength(out)
	return 0
}

// restore decompresses the clear text out[at:], which was verified, where it is.
func (s *SA) restore(out []byte, at int, pkt []byte, last *esp.Opened) ([]byte, Error) {
	bits, e := s.unpack(out[at:], last)
	if e != 0 || last.Dummy {
		return out, e
	}
	if !s.describes(last.NextHeader) {
		return out, ErrMalformed
	}
	ctx := s.context(s.inner(out[at:], last.NextHeader))
	if ctx == nil {
		n := bits / 8
		if bits&7 != 0 {
			return out, ErrMalformed
		}
		if s.Mode == esp.ModeTunnel {
			m := esp.InnerLen(out[at:at+n], last.NextHeader)
			if m == 0 {
				return out, ErrMalformed
			}
			last.TFCBytes, n = n-m, m
		}
		return out[:at+n], 0
	}
	text := out[at : at+(bits+7)/8]
	s.dec.Use(ctx)
	s.dec.SetOuter(pkt)
	end := len(out)
	out, _, err := s.dec.AppendDecompressBits(out, text, bits, schc.DirUp)
	s.dec.SetOuter(nil)
	if err != nil || s.attr.Profile == ProfileEHC2023 && s.dec.Last().Bits != bits {
		return out, ErrMalformed // or padding within what was padded
	}
	n := copy(out[at:], out[end:])
	out = out[:at+n]
	if s.Mode == esp.ModeTunnel {
		if s.generates {
			generate(out[at:], last.Seq)
		}
		if (last.NextHeader == protoIPv4) != (out[at]>>4 == 4) {
			return out, ErrMalformed
		}
	}
	return out, 0
}

// unpack takes the trailer off a clear text and returns the bits in front of it.
func (s *SA) unpack(b []byte, last *esp.Opened) (int, Error) {
	if s.attr.Profile == ProfileEHC2023 {
		return s.unpack2023(b, last)
	}
	n, id := s.ctecBits/8, 0
	if len(b) < n {
		return 0, ErrMalformed
	}
	t := s.tmp[:0]
	if s.attr.RuleID == RuleIDSent {
		t, id, n = bitio.Append(t, byte(CTEC)), 1, n-1
	}
	t = bitio.Append(t, b[len(b)-n:]...)
	b = b[:len(b)-n]
	if e := s.growTrailer(t, last); e != 0 {
		return 0, e
	}
	pad := last.PadBytes
	if len(b) < pad+id || !esp.PaddingRight(b[len(b)-pad:]) {
		return 0, ErrMalformed
	}
	b = b[:len(b)-pad]
	if id > 0 && b[len(b)-1] != byte(CTEC) {
		return 0, ErrMalformed
	}
	return (len(b) - id) * 8, 0
}

// equal is bytes.Equal; comparing strings would need an allocator under TinyGo.
func equal(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// growTrailer decompresses Pad Length and Next Header.
func (s *SA) growTrailer(residue []byte, last *esp.Opened) Error {
	m := &s.got
	if !m.ok || !equal(m.residue[:m.n], residue) {
		m.ok, m.n = false, uint8(copy(m.residue[:], residue))
		s.dec.Use(s.ctx[CTEC])
		if _, _, err := s.dec.AppendDecompress(m.trailer[:0], residue, schc.DirUp); err != nil {
			return ErrMalformed
		}
		m.ok = true
	}
	t := &m.trailer
	last.PadBytes, last.NextHeader, last.Dummy = int(t[0]), t[1], t[1] == protoNone
	if s.Mode == esp.ModeTunnel && !last.Dummy && t[1] != protoIPv4 && t[1] != protoIPv6 {
		return ErrMalformed
	}
	return 0
}

// unpack2023 is unpack for the 2023 profile. It clears what it takes off.
func (s *SA) unpack2023(b []byte, last *esp.Opened) (int, Error) {
	n := len(b)*8 - s.padBits
	if n < 0 || len(b)%s.align != 0 {
		return 0, ErrMalformed
	}
	pad := int(bitio.Get(b, n, s.padBits))
	bitio.Put(b, n, s.padBits, 0)
	n -= pad + s.ctecBits
	if n < 0 {
		return 0, ErrMalformed
	}
	for i := n + s.ctecBits; i < n+s.ctecBits+pad; i++ {
		if bitio.Get(b, i, 1) != 0 {
			return 0, ErrMalformed
		}
	}
	s.tmp[0] = byte(bitio.Get(b, n, s.ctecBits) << (8 - s.ctecBits))
	bitio.Put(b, n, s.ctecBits, 0)
	if e := s.growTrailer(s.tmp[:(s.ctecBits+7)/8], last); e != 0 {
		return 0, e
	}
	return n, 0
}
