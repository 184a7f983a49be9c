package sse

import "github.com/schckit/schckit/internal/bitio"

// SealRoom returns how many bytes AppendSeal needs behind dst for a payload of
// n bytes: those of the packet and some that it works in.
func (s *Session) SealRoom(n int) int {
	room := s.format.HeaderLen() + n + s.suite.sealScratch()
	if s.out.gpcomp != nil && s.out.gpcomp.Codec != nil {
		room = max(room, s.format.HeaderLen()+s.out.gpcomp.Codec.MaxCompressedLen(n)+s.suite.sealScratch())
	}
	return room
}

// AppendSeal appends the packet with payload to dst and returns the extended
// slice (draft-moskowitz-sse-05, Sections 5.4 and 6.2): the payload compressed
// if the session has GPComp and it becomes smaller, encrypted, with header and
// ICV; and the header compressed if the session has that.
//
// On error the returned slice is dst, unchanged up to len(dst), and no Sequence
// Number is used: ErrExhausted if there is none left; ErrUnsupported if the
// payload does not fit the Length, or the session only receives. AppendSeal
// retains neither dst nor payload, never writes to payload, and does not
// allocate when dst has room for SealRoom(len(payload)) more bytes; dst and
// payload must not overlap.
func (s *Session) AppendSeal(dst, payload []byte) ([]byte, error) {
	o := &s.out
	if !o.on {
		return dst, ErrUnsupported
	}
	if o.next == 0 {
		return dst, ErrExhausted
	}
	at, front := len(dst), s.format.HeaderLen()
	if s.shrink {
		front = s.headers.c.HeaderBytes()
	}
	out := bitio.Extend(dst, front)
	h := Header{SPI: o.spi, Seq: o.next}
	if o.gpcomp != nil {
		var smaller bool
		if out, smaller = o.gpcomp.AppendCompress(out, payload); smaller {
			h.Flags |= FlagGPComp
		}
	} else {
		out = bitio.Append(out, payload...)
	}
	n := uint64(len(out) - at - front)
	if n > uint64(s.format.MaxLength()) {
		return dst, ErrUnsupported
	}
	h.Length = uint32(n)
	head, err := AppendHeader(s.head[:0], s.format, h)
	if err != nil {
		return dst, err
	}
	if s.shrink {
		small, e := s.headers.shrink(head)
		if e != 0 {
			return dst, e
		}
		copy(out[at:], small)
	} else {
		copy(out[at:], head)
	}
	size := len(out) + s.suite.ICVLen()
	out = bitio.Extend(out, s.suite.sealScratch())[:len(out)]
	o.seal(out[at:], front, head, h.Seq)
	if o.next++; o.next > s.format.MaxSeq() {
		o.next = 0
	}
	return out[:size], nil
}
