package dietesp

import (
	"encoding/binary"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/inet"
	"github.com/schckit/schckit/schc"
)

// OpenRoom returns how many bytes AppendOpen needs behind dst for a packet of n
// bytes: those of the packet that was protected, and as many to work in.
func OpenRoom(n int) int { return 2*n + 128 }

// Locate parses the headers of a Diet-ESP packet, one with the protocol number
// proto, 0 for Protocol. What is behind them starts with the compressed ESP
// header. It returns ErrNoSA for other packets, ErrUnsupported for a fragment.
func Locate(pkt []byte, proto uint8) (esp.Headers, error) {
	if proto == 0 {
		proto = Protocol
	}
	h, e := locate(pkt, proto)
	if e != 0 {
		return h, e
	}
	return h, nil
}

func locate(pkt []byte, proto uint8) (esp.Headers, Error) {
	h, err := esp.ParseHeaders(pkt, false)
	if err != nil {
		return h, espError(err)
	}
	if h.Protocol() != proto {
		return h, ErrNoSA
	}
	return h, 0
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
// SPI, other addresses, another protocol; ErrReplay if all numbers that the bits
// may stand for were seen; ErrAuth if the ICV verifies with none that was tried;
// ErrExhausted behind the SA's limits. A packet that verifies but does not hold
// what it must gives ErrMalformed; its Sequence Number is used up.
//
// AppendOpen retains neither slice, never writes to pkt, and does not allocate
// when dst has room for OpenRoom(len(pkt)) bytes, with the exception that
// esp.Suite.AppendOpen has; dst and pkt must not overlap.
func (s *SA) AppendOpen(dst, pkt []byte) ([]byte, error) {
	if s.ctx[IIPC] == nil {
		return dst, ErrNoSA
	}
	h, e := locate(pkt, s.opt.Protocol)
	if e != 0 {
		return dst, e
	}
	if !s.Covers(h.Src(), h.Dst()) {
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
	t.sa, t.only = s, false
	low := binary.BigEndian.Uint32(head[4:])
	if s.Window == esp.NoWindow {
		t.only, t.seq = true, uint64(low)
		return 0
	}
	t.list = s.Candidates(low, s.attr.SNLSBBits)
	return 0
}

// open tries one Sequence Number.
func (s *SA) open(dst, pkt []byte, h *esp.Headers, seq uint64) ([]byte, Error) {
	at, head := len(dst), 0
	out := dst
	if s.Mode == esp.ModeTransport {
		head = h.End()
		out = append(out, pkt[:head]...)
	}
	at += head
	out, err := s.Suite().AppendOpen(out, pkt[h.End()+s.eecLen:], s.SPI, seq, s.ESN)
	if err != nil {
		return dst, espError(err)
	}
	s.Mark(seq)
	out, e := s.restore(out, at, pkt, seq)
	if e == 0 && !s.Last().Dummy {
		e = s.finish(out[at-head:], h)
	}
	if e != 0 || s.Last().Dummy {
		clear(out[at-head:])
		s.Count(0)
		return dst, e
	}
	s.Count(len(out) - at + head)
	return out, 0
}

// finish writes what transport mode changes in the headers that stayed.
func (s *SA) finish(out []byte, h *esp.Headers) Error {
	if s.Mode != esp.ModeTransport {
		return 0
	}
	if !h.Fits(len(out)) {
		return ErrMalformed
	}
	h.SetProtocol(out, s.Last().NextHeader)
	h.SetLength(out)
	return 0
}

// restore decompresses the clear text out[at:], which was verified, where it is.
func (s *SA) restore(out []byte, at int, pkt []byte, seq uint64) ([]byte, Error) {
	s.SetLast(esp.Opened{Seq: seq})
	bits, e := s.unpack(out[at:], seq)
	if e != 0 || s.Last().Dummy {
		return out, e
	}
	last := s.Last()
	if s.whole {
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
			s.SetLast(last)
		}
		return out[:at+n], 0
	}
	text := out[at : at+(bits+7)/8]
	s.dec.Use(s.ctx[IIPC])
	s.dec.SetInputs(schc.Inputs{Outer: pkt})
	end := len(out)
	out, _, err := s.dec.AppendDecompressBits(out, text, bits, schc.DirUp)
	s.dec.SetInputs(schc.Inputs{})
	if err != nil {
		return out, ErrMalformed
	}
	n := copy(out[at:], out[end:])
	out = out[:at+n]
	if s.Mode == esp.ModeTunnel {
		if s.attr.FlowLabel == ActionGenerated {
			generate(out[at:], seq)
		}
		if (last.NextHeader == protoIPv4) != (out[at]>>4 == 4) {
			return out, ErrMalformed
		}
	}
	return out, 0
}

// unpack takes the trailer off a clear text and returns the bits in front of it.
func (s *SA) unpack(b []byte, seq uint64) (int, Error) {
	if s.attr.Profile == ProfileEHC2023 {
		return s.unpack2023(b, seq)
	}
	n, id := s.ctecBits/8, 0
	if len(b) < n {
		return 0, ErrMalformed
	}
	t := s.tmp[:0]
	if s.attr.RuleID == RuleIDSent {
		t, id, n = append(t, byte(CTEC)), 1, n-1
	}
	t = append(t, b[len(b)-n:]...)
	b = b[:len(b)-n]
	last, e := s.growTrailer(t, seq)
	if e != 0 {
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

// growTrailer decompresses Pad Length and Next Header.
func (s *SA) growTrailer(residue []byte, seq uint64) (esp.Opened, Error) {
	s.dec.Use(s.ctx[CTEC])
	t, _, err := s.dec.AppendDecompress(s.tmp[8:8], residue, schc.DirUp)
	if err != nil {
		return esp.Opened{}, ErrMalformed
	}
	last := esp.Opened{Seq: seq, PadBytes: int(t[0]), NextHeader: t[1], Dummy: t[1] == protoNone}
	if s.Mode == esp.ModeTunnel && !last.Dummy && t[1] != protoIPv4 && t[1] != protoIPv6 {
		return last, ErrMalformed
	}
	s.SetLast(last)
	return last, 0
}

// unpack2023 is unpack for the 2023 profile. It clears what it takes off.
func (s *SA) unpack2023(b []byte, seq uint64) (int, Error) {
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
	if _, e := s.growTrailer(s.tmp[:(s.ctecBits+7)/8], seq); e != 0 {
		return 0, e
	}
	return n, 0
}

// generate puts a value of ours in the flow label or identification of a packet
// (flow_label_action "generated"): a hash of addresses, protocol and ports, as
// RFC 6437, Section 3, has it; the low bits of the Sequence Number for an
// identification, which then does not repeat soon (RFC 6864, Section 4).
func generate(pkt []byte, seq uint64) {
	if pkt[0]>>4 == 4 {
		n := int(pkt[0]&15) * 4
		binary.BigEndian.PutUint16(pkt[4:], uint16(seq))
		pkt[10], pkt[11] = 0, 0
		binary.BigEndian.PutUint16(pkt[10:], inet.Fold(inet.Sum(0, pkt[:n])))
		return
	}
	h := uint32(2166136261)
	hash := func(b []byte) {
		for _, x := range b {
			h = (h ^ uint32(x)) * 16777619
		}
	}
	hash(pkt[6:7])
	hash(pkt[8:40])
	switch pkt[6] {
	case protoUDP, protoUDPLite, protoTCP, protoSCTP:
		hash(pkt[40:min(44, len(pkt))])
	}
	label := h>>20 ^ h&0xfffff
	if label == 0 {
		label = 1 // "SHOULD be non-zero"
	}
	binary.BigEndian.PutUint32(pkt, binary.BigEndian.Uint32(pkt)&^0xfffff|label)
}
