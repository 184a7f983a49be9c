package sse

// OpenRoom returns how many bytes AppendOpen needs behind dst for a packet of n
// bytes whose payload is not compressed; with GPComp, as many more as the
// payload may have.
func (s *Session) OpenRoom(n int) int {
	body := n + MaxHeaderLen
	room := body + s.suite.openScratch(body)
	if s.shrink {
		room += n + MaxHeaderLen
	}
	return room
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
	i := &s.in
	if !i.on {
		return dst, ErrUnsupported
	}
	if !s.shrink {
		out, e := s.open(dst, pkt)
		if e != 0 {
			return dst, e
		}
		return out, nil
	}
	out, e := s.openShrunk(dst, pkt)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

// openShrunk is for a compressed header, with the Sequence Numbers that it may
// stand for.
func (s *Session) openShrunk(dst, pkt []byte) ([]byte, Error) {
	i := &s.in
	at := len(dst)
	whole, low, err := s.headers.restore(dst, pkt)
	if err != nil {
		return dst, schcError(err)
	}
	e := ErrReplay // if no number is fresh
	list := i.window.Recover(low, s.headers.c.SNBits, s.format.MaxSeq())
	for n := uint8(0); n < s.trials; {
		seq, ok := list.Next()
		if !ok {
			break
		}
		if !i.fresh(seq) {
			continue
		}
		n++
		putSeq(whole[at:], seq)
		// The payload goes behind the packet first, then to the front.
		out, err := s.open(whole, whole[at:])
		if err == 0 {
			n := copy(out[at:], out[len(whole):])
			return out[:at+n], 0
		}
		if e = err; e != ErrAuth {
			break
		}
	}
	return dst, e
}

func (s *Session) open(dst, pkt []byte) ([]byte, Error) {
	i := &s.in
	h, err := ParseHeader(s.format, pkt)
	if err != nil {
		return dst, ErrTruncated
	}
	if e := s.admit(h, len(pkt)); e != 0 {
		return dst, e
	}
	hdr := s.format.HeaderLen()
	at := len(dst)
	out, err := i.aead.open(dst, pkt[:hdr], pkt[hdr:], h.Seq)
	if err != nil {
		return dst, ErrAuth
	}
	i.window.Mark(h.Seq)
	if h.Flags&FlagGPComp == 0 {
		return out, 0
	}
	// As above: behind, then to the front.
	end := len(out)
	out, err = i.gpcomp.AppendDecompress(out, out[at:], true)
	if err != nil {
		return dst, gpcompError(err)
	}
	n := copy(out[at:], out[end:])
	return out[:at+n], 0
}

// admit checks what the header says, before any work is done for the packet.
func (s *Session) admit(h Header, size int) Error {
	want := uint64(s.format.HeaderLen()) + uint64(h.Length) + uint64(s.suite.ICVLen())
	switch {
	case h.SPI != s.in.spi:
		return ErrNoSA
	case uint64(size) < want:
		return ErrTruncated
	case uint64(size) > want, h.Seq == 0:
		return ErrMalformed
	case h.Flags&^FlagGPComp != 0, h.Flags != 0 && !s.in.restores():
		return ErrUnsupported
	case !s.in.fresh(h.Seq):
		return ErrReplay
	}
	return 0
}
