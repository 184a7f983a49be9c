package dietesp

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/seqno"
)

// This file turns packets of standard ESP into Diet-ESP and back.
//
// It encrypts another plaintext again under the same key, Sequence Number and IV.
// With the counter modes (GCM, CCM, CTR, ChaCha20) whoever sees both forms of one
// packet learns the XOR of both plaintexts, and with GCM and ChaCha20-Poly1305
// can forge. It is for test benches, which compare both forms of captures whose
// secrets do not matter, and for nothing else.

// ConvertRoom returns how many bytes AppendCompress and AppendDecompress need
// behind dst for a packet of n bytes.
func ConvertRoom(n int) int { return 3*n + 512 }

// AppendCompress turns espPkt, a packet of standard ESP under the keys of s, into
// the Diet-ESP packet with the same Sequence Number, IV and keys, appends it to
// dst and returns the extended slice. AppendDecompress gives the same bytes back.
//
// Using an IV and a key twice is for test benches only.
//
// On error the returned slice is dst, unchanged up to len(dst). ErrNoRule says
// that the packet stays as it is: the Rules do not describe it, or it could not be
// restored (padding other than the least, padding for traffic flow
// confidentiality, a dummy packet, a wrong IPv4 checksum, a Sequence Number that
// is not among the Trials most likely); the other end calls Observe then. The
// other errors are those of esp.SA.AppendOpen; ErrMalformed is for a packet that
// verifies and holds nonsense, of which the other end must know, too. The window
// and the life of s are the model of the receiver's; a packet that the receiver
// would refuse is ErrReplay, or ErrNoRule behind the limits of life.
// AppendCompress retains neither slice, never writes to espPkt, and does not
// allocate when dst has room for ConvertRoom(len(espPkt)) bytes; dst and espPkt
// must not overlap.
func (s *SA) AppendCompress(dst, espPkt []byte) ([]byte, error) {
	out, e := s.compress(dst, espPkt, nil)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

// AppendCompress is SA.AppendCompress with the SA that espPkt names. It also sees
// to it that an SAD with the same SAs finds this one within its limits.
func (d *SAD) AppendCompress(dst, espPkt []byte) ([]byte, *SA, error) {
	s, e := d.lookup(espPkt)
	if e != 0 {
		return dst, nil, e
	}
	out, e := s.compress(dst, espPkt, d)
	if e != 0 {
		return dst, s, e
	}
	return out, s, nil
}

// lookup finds the SA of a standard ESP packet, the most precise one.
func (d *SAD) lookup(espPkt []byte) (*SA, Error) {
	var h esp.Headers
	if e := locate(&h, espPkt, protoESP); e != 0 {
		return nil, e
	}
	if len(espPkt) < h.End()+8 {
		return nil, ErrTruncated
	}
	spi := binary.BigEndian.Uint32(espPkt[h.End():])
	for i := range d.groups {
		g := &d.groups[i]
		for _, s := range g.from(&h, spi) {
			if g.compareKey(nil, h.Src(), h.Dst(), spi, s) != 0 {
				break
			}
			if s.SPI == spi {
				return s, 0
			}
		}
	}
	return nil, ErrNoSA
}

const protoESP = 50

// verify decrypts a standard ESP packet to the end of dst.
func (s *SA) verify(dst, espPkt []byte) (out []byte, h esp.Headers, seq uint64, e Error) {
	if s.ctx[IIPC] == nil {
		return dst, h, 0, ErrNoSA
	}
	if e := locate(&h, espPkt, protoESP); e != 0 {
		return dst, h, 0, e
	}
	b := espPkt[h.End():]
	if len(b) < 8+s.Suite().IVLen()+2+s.Suite().ICVLen() {
		return dst, h, 0, ErrTruncated
	}
	if binary.BigEndian.Uint32(b) != s.SPI || !s.Covers(&h) {
		return dst, h, 0, ErrNoSA
	}
	seq = uint64(binary.BigEndian.Uint32(b[4:]))
	if s.ESN {
		var list seqno.Candidates
		s.Candidates(&list, uint32(seq), 32)
		var ok bool
		if seq, ok = list.Next(); !ok {
			return dst, h, 0, ErrReplay
		}
	}
	if !s.Fresh(seq) {
		return dst, h, 0, ErrReplay
	}
	out, err := s.Suite().AppendOpen(dst, b[8:], s.SPI, seq, s.ESN)
	if err != nil {
		return dst, h, 0, espError(err)
	}
	return out, h, seq, 0
}

// Observe verifies a packet of standard ESP that was not converted, so that the
// window of s knows its Sequence Number. Its errors are those of AppendCompress
// but for ErrNoRule.
func (s *SA) Observe(espPkt []byte) error {
	out, _, seq, e := s.verify(make([]byte, 0, len(espPkt)), espPkt)
	if e != 0 {
		return e
	}
	clear(out)
	s.Mark(seq)
	return nil
}

// Observe is SA.Observe with the SA that espPkt names.
func (d *SAD) Observe(espPkt []byte) error {
	s, e := d.lookup(espPkt)
	if e != 0 {
		return e
	}
	return s.Observe(espPkt)
}

// standardPad returns the least padding of n bytes of payload in standard ESP.
func (s *SA) standardPad(n int) int { return -(n + 2) & (max(s.Suite().BlockLen(), 4) - 1) }

// content returns the payload and the Next Header of a standard clear text, if
// it can be restored from them.
func (s *SA) content(text []byte) ([]byte, uint8, Error) {
	n := len(text) - 2
	pad, next := int(text[n]), text[n+1]
	n -= pad
	if n < 0 || !esp.PaddingRight(text[n:n+pad]) {
		return nil, 0, ErrMalformed
	}
	if pad != s.standardPad(n) || next == protoNone {
		return nil, 0, ErrNoRule
	}
	if s.Mode == esp.ModeTunnel {
		if m := esp.InnerLen(text[:n], next); m == 0 {
			return nil, 0, ErrMalformed
		} else if m != n {
			return nil, 0, ErrNoRule
		}
	}
	return text[:n], next, 0
}

func (s *SA) compress(dst, espPkt []byte, d *SAD) ([]byte, Error) {
	at := len(dst)
	room := slices.Grow(dst, ConvertRoom(len(espPkt)))
	room, h, seq, e := s.verify(room, espPkt)
	if e != 0 {
		return dst, e
	}
	text := room[at:]
	out, e := s.shrink(room, espPkt, text, &h, seq)
	if e == 0 && !s.reaches(d, out[len(room):], &h, seq) {
		e = ErrNoRule
	}
	s.Mark(seq) // so does Observe
	if e != 0 {
		clear(out[at:])
		return dst, e
	}
	inner := len(text) - 2 - int(text[len(text)-2])
	if s.Mode == esp.ModeTransport {
		inner += h.End()
	}
	s.Count(inner) // so does AppendDecompress
	n := copy(out[at:], out[len(room):])
	return out[:at+n], 0
}

// shrink appends the Diet-ESP packet of a standard one with the clear text text.
func (s *SA) shrink(out, espPkt, text []byte, h *esp.Headers, seq uint64) ([]byte, Error) {
	if !h.ChecksumRight(espPkt) {
		return out, ErrNoRule
	}
	payload, next, e := s.content(text)
	if e != 0 {
		return out, e
	}
	if s.generates && !regenerated(payload, seq) {
		return out, ErrNoRule
	}
	at, end, suite := len(out), h.End(), s.Suite()
	iv := suite.IVLen()
	out = append(out, espPkt[:end]...)
	h.SetProtocol(out[at:], s.opt.Protocol)
	body := at + end + s.eecLen
	out = out[:body+iv]
	copy(out[body:], espPkt[end+8:end+8+iv])
	out, e = s.clearText(out, payload, espPkt, next)
	if e != 0 {
		return out, e
	}
	out = out[:len(out)+suite.ICVLen()]
	if !h.Fits(len(out) - at) {
		return out, ErrNoRule
	}
	if err := suite.Seal(out[body:], s.SPI, seq, s.ESN); err != nil {
		return out, espError(err)
	}
	if e := s.putHeader(out[at+end:at+end:body], seq); e != 0 {
		return out, e
	}
	h.SetLength(out[at:])
	return out, 0
}

// reaches reports whether the receiver of the Diet-ESP packet pkt would find s
// and the Sequence Number within its limits.
func (s *SA) reaches(d *SAD, pkt []byte, h *esp.Headers, seq uint64) bool {
	list, limit := s.trials[:1], &s.limit
	if d == nil {
		if s.start(&list[0], pkt[h.End():]) != 0 {
			return false
		}
	} else {
		if d.find(pkt, h) != 0 {
			return false
		}
		list, limit = d.found, &d.limit
	}
	for tried, left := 0, uint64(limit.left)+1; tried < limit.trials && left > 0; {
		more := false
		for i := range list {
			t := &list[i]
			if t.sa == nil {
				continue
			}
			n, fresh, ok := t.next()
			if !ok {
				t.sa = nil
				continue
			}
			if more = true; t.sa == s && n == seq {
				return tried < limit.trials && left > 0
			}
			if fresh {
				tried++
			}
			if left > 0 {
				left--
			}
		}
		if !more {
			break
		}
	}
	return false
}

// AppendDecompress turns pkt, a packet of Diet-ESP, back into the packet of
// standard ESP that AppendCompress was given, appends it to dst and returns the
// extended slice. It verifies as AppendOpen does and has its errors; a dummy
// packet is ErrUnsupported. What it says of dst and allocation is that of
// AppendCompress.
//
// Using an IV and a key twice is for test benches only.
func (s *SA) AppendDecompress(dst, pkt []byte) ([]byte, error) {
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
	if e := s.start(&s.trials[0], pkt[h.End():]); e != 0 {
		return dst, e
	}
	out, _, e := search(slices.Grow(dst, ConvertRoom(len(pkt))), pkt, &h, s.trials[:1], &s.limit)
	if e == 0 {
		out, e = s.grow(out, len(dst), pkt, &h)
	}
	if e != 0 {
		return dst, e
	}
	return out, nil
}

// AppendDecompress is SA.AppendDecompress with the SA that the packet is of.
func (d *SAD) AppendDecompress(dst, pkt []byte) ([]byte, *SA, error) {
	out, s, err := d.AppendOpen(slices.Grow(dst, ConvertRoom(len(pkt))), pkt)
	if err != nil {
		return dst, s, err
	}
	var h esp.Headers
	e := locate(&h, pkt, d.opt.Protocol)
	if e == 0 {
		out, e = s.grow(out, len(dst), pkt, &h)
	}
	if e != 0 {
		return dst, s, e
	}
	return out, s, nil
}

// grow makes a standard ESP packet of the packet out[at:] that was opened from
// the Diet-ESP packet pkt, where it is.
func (s *SA) grow(out []byte, at int, pkt []byte, h *esp.Headers) ([]byte, Error) {
	last, suite := s.Last(), s.Suite()
	if last.Dummy {
		return out, ErrUnsupported
	}
	payload := out[at:]
	if s.Mode == esp.ModeTransport {
		payload = payload[h.End():]
	}
	start, end, iv := len(out), h.End(), suite.IVLen()
	out = append(out, pkt[:end]...)
	h.SetProtocol(out[start:], protoESP)
	out = binary.BigEndian.AppendUint32(out, s.SPI)
	out = binary.BigEndian.AppendUint32(out, uint32(last.Seq))
	body := len(out)
	out = append(out, pkt[end+s.eecLen:end+s.eecLen+iv]...)
	out = append(out, payload...)
	pad, trailer := s.standardPad(len(payload)), len(out)
	size := trailer + pad + 2 + suite.ICVLen()
	out = slices.Grow(out, size-trailer)[:size]
	esp.PutTrailer(out[trailer:], pad, last.NextHeader)
	if !h.Fits(size - start) {
		return out, ErrMalformed
	}
	if err := suite.Seal(out[body:], s.SPI, last.Seq, s.ESN); err != nil {
		return out, espError(err)
	}
	h.SetLength(out[start:])
	n := copy(out[at:], out[start:])
	return out[:at+n], 0
}
