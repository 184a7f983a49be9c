package sse

// OpenRoom returns how many bytes AppendOpen needs behind dst for a packet of n
// bytes whose payload is not compressed; with GPComp, as many more as the
// payload may have.
func (s *Session) OpenRoom(n int) int {
	return n + s.suite.openScratch(n)
}

// AppendOpen restores the payload of pkt, appends it to dst and returns the
// extended slice (draft-moskowitz-sse-05, Section 6.3). pkt is one whole packet,
// its header compressed if the session's are.
//
// On error the returned slice is dst, unchanged up to len(dst), and the session
// is as if the packet had not come:
//
//	ErrTruncated, ErrMalformed  no packet of this format, shorter or longer than
//	                            its Length says, or with Sequence Number 0
//	ErrNoSA                     another SPI
//	ErrUnsupported              unknown flags, or C where nothing restores it;
//	                            or the session only sends
//	ErrReplay                   the number was there before, or is too old
//	ErrAuth                     not what the peer sent
//
// A payload that is authentic but that GPComp cannot restore gives the class of
// that error, and its number counts as used. AppendOpen retains neither dst
// nor pkt, never writes to pkt, and does not allocate when dst has room for
// OpenRoom(len(pkt)) more bytes, and for the payload if it is compressed; dst
// and pkt must not overlap.
func (s *Session) AppendOpen(dst, pkt []byte) ([]byte, error) {
	var h *Headers
	if s.shrink {
		h = &s.headers
	}
	return s.AppendOpenWith(dst, pkt, h)
}

// AppendOpenWith is AppendOpen for a packet whose header h compressed, of
// whatever session's configuration: packets may come over transports with other
// forms of the header. nil: the header is as it is.
func (s *Session) AppendOpenWith(dst, pkt []byte, h *Headers) ([]byte, error) {
	out, e := s.openWith(dst, pkt, h, false)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

// Verify is for a packet of which AppendOpenWith says ErrReplay: nil says that the
// peer has sent it, so that it is a copy of what was there before, or is too old.
// Where nothing but the peer's packets should come, as on a stream, everything
// else is an attack. The session does not change. scratch is room to work in, which
// is returned, perhaps longer; the errors are those of AppendOpenWith.
func (s *Session) Verify(scratch, pkt []byte, h *Headers) ([]byte, error) {
	out, e := s.openWith(scratch[:0], pkt, h, true)
	if e != 0 {
		return scratch, e
	}
	clear(out)
	return out[:0], nil
}

// openWith opens a packet; again: it may have been opened before, and that is not
// noted.
func (s *Session) openWith(dst, pkt []byte, h *Headers, again bool) ([]byte, Error) {
	switch hdr := s.format.HeaderLen(); {
	case !s.in.on || h != nil && (s.format != FormatCompact || h.icv != s.suite.ICVLen()):
		return dst, ErrUnsupported
	case h != nil:
		return s.openShrunk(dst, pkt, h, again)
	case len(pkt) < hdr:
		return dst, ErrTruncated
	default:
		return s.open(dst, pkt[:hdr], pkt[hdr:], again)
	}
}

// openShrunk is for a compressed header, with the Sequence Numbers that it may
// stand for.
func (s *Session) openShrunk(dst, pkt []byte, h *Headers, again bool) ([]byte, Error) {
	i := &s.in
	body, low, e := h.restore(pkt)
	if e != 0 {
		return dst, e
	}
	e = ErrReplay // if no number is fresh
	list := i.window.Recover(low, h.c.SNBits, s.format.MaxSeq())
	for n := uint8(0); n < s.trials; {
		seq, ok := list.Next()
		if !ok {
			break
		}
		if !again && !i.fresh(seq) {
			continue
		}
		n++
		putSeq(h.head[:], seq)
		var out []byte
		if out, e = s.open(dst, h.head[:], body, again); e != ErrAuth {
			return out, e
		}
	}
	return dst, e
}

// open opens the packet of a whole header and what follows it.
func (s *Session) open(dst, head, body []byte, again bool) ([]byte, Error) {
	i := &s.in
	h, err := ParseHeader(s.format, head)
	if err != nil {
		return dst, ErrTruncated
	}
	if e := s.admit(h, len(body), again); e != 0 {
		return dst, e
	}
	at := len(dst)
	out, err := i.aead.open(dst, head, body, h.Seq)
	if err != nil {
		return dst, ErrAuth
	}
	if again {
		return out, 0
	}
	i.window.Mark(h.Seq)
	i.last = h
	if h.Flags&FlagGPComp == 0 {
		return out, 0
	}
	// What is restored goes behind first, then to the front.
	end := len(out)
	out, err = i.gpcomp.AppendDecompress(out, out[at:], true)
	if err != nil {
		return dst, gpcompError(err)
	}
	n := copy(out[at:], out[end:])
	return out[:at+n], 0
}

// admit checks what the header says, before any work is done for the packet.
// size is that of what follows the header.
func (s *Session) admit(h Header, size int, again bool) Error {
	want := uint64(h.Length) + uint64(s.suite.ICVLen())
	switch {
	case h.SPI != s.in.spi:
		return ErrNoSA
	case uint64(size) < want:
		return ErrTruncated
	case uint64(size) > want, h.Seq == 0:
		return ErrMalformed
	case h.Flags&^FlagGPComp != 0, h.Flags != 0 && !s.in.restores():
		return ErrUnsupported
	case !again && !s.in.fresh(h.Seq):
		return ErrReplay
	}
	return 0
}
