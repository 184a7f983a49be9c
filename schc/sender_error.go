package schc

// This file is the sender of ACK-on-Error (RFC 8724, Section 8.4.3.1; RFC
// 9441, Section 3.2.1.1). mem has a bit for every tile that is to be sent;
// tiles go out lowest number first, so that what an ACK reports missing comes
// before what was never sent.

// startAckOnError prepares a packet of n tiles.
func (s *Sender) startAckOnError(n uint32) error {
	p, t, ws := s.p, int(s.p.f.TileBits), uint32(s.p.f.WindowSize)
	// "A Rule MUST NOT be selected if the values of M and WINDOW_SIZE for
	// that Rule are such that the SCHC Packet cannot be fragmented in (2^M) *
	// WINDOW_SIZE tiles or less."
	if n > p.maxTiles() {
		return ErrUnsupported
	}
	s.tiles = n
	last := s.bits - int(n-1)*t
	// If the last tile is lost, the receiver has the padding of the fragment
	// before it in its place, and nothing tells that from a last tile but the RCS,
	// which does not see zero bits come and go within a byte: less than these
	// bits are not sent, and lost, on their own.
	alone := 8
	if p.regHdr%p.l2 != 0 || t%p.l2 != 0 {
		alone += p.l2 - 1
	}
	if p.f.PenultimateShort && n > 1 && last > 0 && last < p.l2 && p.l2 >= 8 && last+p.l2 >= alone {
		s.short = true
		last += p.l2
	}
	// Alone in a Regular SCHC Fragment, a tiny last tile with index 0 would
	// look like an ACK REQ.
	tiny := n%ws == 0 && p.up(p.regHdr+last) <= p.up(p.hdr) && !p.f.NoAckReq
	switch p.f.All1Data {
	case All1DataYes:
		s.last = lastAll1
		if p.up(p.all1Hdr+last) <= p.up(p.hdr) {
			return ErrUnsupported // it would look like a Sender-Abort
		}
	case All1DataNo:
		s.last = lastRegular
	default:
		// An All-1 must not look like one without a tile.
		if p.up(p.all1Hdr+last) <= p.up(p.all1Hdr) {
			s.last = lastRegular
		} else if tiny {
			s.last = lastAll1
		}
	}
	if p.f.All1Data != All1DataYes {
		if tiny && n == 1 && s.last == lastRegular {
			return ErrUnsupported
		}
		s.pair = tiny
		switch {
		case s.short:
			s.group = 1 // behind a short tile the receiver could not tell where the last one starts
		case tiny, last < alone:
			s.group = uint8(min(1+uint32((max(alone-last, 1)+t-1)/t), n))
		case t%p.l2 != 0:
			// The RCS covers the padding behind the last tile, so that had
			// better be the same whenever the tile is sent.
			s.group = 1
		}
	}
	for i := uint32(0); i < n; i++ {
		s.mem.set(i)
	}
	s.lim = n
	if p.f.AckBehavior != AckAfterAll1 {
		s.lim = min(n, ws)
	}
	return nil
}

// tileStart returns the first bit of a tile, or of what follows the last.
func (s *Sender) tileStart(i uint32) int {
	switch {
	case i >= s.tiles:
		return s.bits
	case i == s.tiles-1 && s.short:
		return int(i)*int(s.p.f.TileBits) - s.p.l2
	}
	return int(i) * int(s.p.f.TileBits)
}

// regulars is the number of tiles that go in Regular SCHC Fragments.
func (s *Sender) regulars() uint32 {
	if s.last == lastAll1 {
		return s.tiles - 1
	}
	return s.tiles
}

// nextAckOnError sends the next tiles, or what was asked for.
func (s *Sender) nextAckOnError(buf []byte, room int, now uint64, out *Output) error {
	p := s.p
	lim := min(s.lim, s.regulars())
	t := s.mem.first(lim)
	if t < lim && t == s.tiles-1 && s.last == lastOpen {
		// Only the last tile is left, and the All-1 has to be sent anyway.
		s.last = lastRegular
		if p.up(p.all1Hdr+s.bits-s.tileStart(t)) <= room {
			s.last = lastAll1
			t, lim = s.tiles-1, s.tiles-1
		}
	}
	if t < lim {
		return s.nextTiles(buf, room, t, lim, now, out)
	}
	switch {
	case !s.all1Sent && s.next >= s.regulars() && s.lim >= s.tiles,
		s.all1Sent && s.want == MessageAll1:
		return s.nextAll1(buf, room, now, out)
	case s.want == MessageAckReq:
		w := (s.lim - 1) / uint32(p.f.WindowSize)
		if s.all1Sent {
			w = s.lastWindow()
		}
		if err := s.sendAckReq(buf, room, w, out); err != nil {
			return err
		}
		s.request(now)
		return nil
	}
	s.wait(now)
	return nil
}

func (s *Sender) lastWindow() uint32 { return (s.tiles - 1) / uint32(s.p.f.WindowSize) }

// nextTiles sends tile t and as many of those behind it as fit.
func (s *Sender) nextTiles(buf []byte, room int, t, lim uint32, now uint64, out *Output) error {
	p, ws := s.p, uint32(s.p.f.WindowSize)
	end := t + 1
	open := s.last == lastOpen && s.bits-s.tileStart(s.tiles-1) < p.l2 // rather in the All-1
	g := s.tiles - uint32(s.group)
	if s.group > 1 && !s.pair && s.last != lastAll1 && p.up(p.regHdr+s.bits-s.tileStart(g)) > room {
		g = s.tiles - 1 // then rather that than nothing
	}
	if s.group > 0 && s.last != lastAll1 && t >= g {
		t, end = g, s.tiles
	} else {
		for end < lim && s.mem.has(end) && p.f.RCSAlgorithm != RCSFragments &&
			p.regHdr+s.tileStart(end+1)-s.tileStart(t) <= room &&
			!(s.group > 0 && s.last != lastAll1 && end >= g) && !(open && end == s.tiles-1) {
			end++
		}
	}
	from, to := s.tileStart(t), s.tileStart(end)
	if p.up(p.regHdr+to-from) > room {
		return ErrShortBuffer
	}
	s.sendRegular(buf, t/ws, ws-1-t%ws, from, to, out)
	for i := t; i < end; i++ {
		s.mem.unset(i)
	}
	if end == s.tiles {
		s.last, s.pad = lastRegular, out.Bits-p.regHdr-(to-from)
	}
	blind := end > s.next
	s.next, s.lim = max(s.next, end), max(s.lim, end)
	s.endOfWindow(end, blind, now, out)
	return nil
}

// endOfWindow decides whether to wait for an ACK behind the tiles below end.
func (s *Sender) endOfWindow(end uint32, blind bool, now uint64, out *Output) {
	p := s.p
	left := s.mem.first(min(s.lim, s.regulars())) < min(s.lim, s.regulars())
	switch {
	case left || s.want != MessageNone:
	case s.all1Sent: // repaired, and the receiver reports by itself
		out.Listen = true
		s.wait(now)
	case s.lim >= s.tiles:
	case p.f.AckBehavior == AckAfterAll0:
		// "The SCHC sender SHOULD wait for the SCHC ACK from the SCHC
		// receiver before sending tiles from the next window" (RFC 9011,
		// Section 5.6.2).
		out.Listen = true
		s.wait(now)
	case blind && end == s.lim:
		out.Listen = true
		s.wait(now)
		if s.deadline = after(now, p.f.ListenMs); s.deadline == Never {
			s.deadline = now
		}
		s.listen = true
	}
}

// nextAll1 sends the All-1, with the last tile or without.
func (s *Sender) nextAll1(buf []byte, room int, now uint64, out *Output) error {
	from, pad := s.bits, s.pad
	if s.last == lastAll1 {
		from, pad = s.tileStart(s.tiles-1), -1
	}
	count := (s.tiles-1)%uint32(s.p.f.WindowSize) + 1
	err := s.sendAll1(buf, room, s.lastWindow(), from, s.bits, pad, count, out)
	if err != nil {
		if s.last == lastAll1 && s.p.f.All1Data == All1DataSenderChoice && !s.all1Sent && !s.pair {
			s.last = lastRegular // nobody has seen it: send it the other way
			return s.nextTiles(buf, room, s.tiles-1, s.tiles, now, out)
		}
		return err
	}
	if s.last == lastAll1 {
		s.mem.unset(s.tiles - 1)
	}
	s.all1Sent = true
	s.request(now)
	return nil
}

// timeoutAckOnError is the expiry of the Retransmission Timer, or the end of
// listening.
func (s *Sender) timeoutAckOnError(now uint64) {
	switch {
	case s.listen:
		s.goOn(now)
	case s.all1Sent && s.last == lastAll1 && s.all1Seen:
		s.retry(MessageAckReq, now)
	case s.all1Sent:
		// The All-1 may be what was lost, and asks for an ACK as well.
		s.retry(MessageAll1, now)
	case s.p.f.NoAckReq:
		// Without ACK REQs the end of the window asks for the ACK.
		if s.retry(MessageNone, now); s.want == MessageAll1 {
			s.want = MessageNone
			s.attempts++
			s.mem.set(s.lim - 1)
		}
	default:
		s.retry(MessageAckReq, now)
	}
}

// goOn lets the tiles of the next window be sent.
func (s *Sender) goOn(now uint64) {
	s.lim = min(s.lim+uint32(s.p.f.WindowSize), s.tiles)
	s.listen = false
	s.state, s.want, s.deadline = SenderSending, MessageNone, now
}

// ackOnError handles an ACK.
func (s *Sender) ackOnError(m *Message, msg []byte, bits int, now uint64) {
	p, ws := s.p, uint32(s.p.f.WindowSize)
	if m.C {
		// "A value of 1 tells that the integrity check was performed and is
		// successful" (RFC 8724, Section 8.2.4). It should come with the last
		// window, but openschc sends that of the fragment that it answers.
		if s.all1Sent && m.W <= s.lastWindow() {
			s.finish(SenderDone, 0)
		}
		return
	}
	sent := uint32(0)
	if s.all1Sent {
		sent = s.lastWindow()
	} else if s.next > 0 {
		sent = (s.next - 1) / ws
	}
	last := uint32(0)
	for i := 0; ; i++ {
		r, ok := p.Report(msg, bits, i)
		if !ok {
			break
		}
		// "W values not sent yet, it MUST discard the whole SCHC Compound
		// ACK message" (RFC 9441, Section 3.1).
		if last = r.W; r.W > sent {
			return
		}
	}
	missing := false
	for i := 0; ; i++ {
		r, ok := p.Report(msg, bits, i)
		if !ok {
			break
		}
		if s.report(&r, msg) {
			missing = true
		}
	}
	if s.progress(now) {
		s.react(last, missing, now)
	}
}

// report marks the tiles that one window's bitmap lacks and reports whether
// there are any.
func (s *Sender) report(r *WindowReport, msg []byte) (missing bool) {
	ws := uint32(s.p.f.WindowSize)
	for i := uint32(0); i < ws; i++ {
		t, bit := r.W*ws+i, i
		if t >= s.tiles {
			break
		}
		if t == s.tiles-1 && s.last == lastAll1 {
			if !s.all1Sent {
				break
			}
			bit = ws - 1 // the last tile has the rightmost bit
			s.all1Seen = r.Has(msg, bit)
		} else if t >= s.next {
			continue
		}
		if r.Has(msg, bit) {
			s.mem.unset(t)
		} else {
			s.mem.set(t)
			missing = true
		}
	}
	return missing
}

// progress counts an ACK, and gives up if there were more than a receiver that
// follows the rules sends.
func (s *Sender) progress(now uint64) bool {
	most := uint32(s.p.f.MaxAckRequests)
	s.rounds++
	if s.p.f.AttemptsPerAck {
		s.attempts = 0
		if s.rounds <= s.tiles+2*most {
			return true
		}
	} else if s.rounds <= s.tiles+2*most && uint32(s.attempts) < 2*most {
		return true
	}
	s.abort(ReasonAttempts, now)
	return false
}

// react decides what follows an ACK whose last window is w.
func (s *Sender) react(w uint32, missing bool, now uint64) {
	p := s.p
	if !s.all1Sent {
		switch {
		case s.listen:
			s.goOn(now)
		case p.f.AckBehavior == AckAfterAll0 && s.next >= min(s.lim, s.regulars()):
			if missing {
				s.state, s.want, s.deadline = SenderSending, MessageAckReq, now
				if p.f.NoAckReq {
					s.want = MessageNone
				}
			} else if ws := uint32(p.f.WindowSize); w >= (s.lim-1)/ws {
				s.lim = min((w+1)*ws, s.tiles)
				s.goOn(now)
			}
		}
		return
	}
	s.state, s.deadline = SenderSending, now
	switch {
	case !missing && w == s.lastWindow() && s.last == lastAll1:
		// "if the SCHC ACK shows no missing tile at the receiver, the sender
		// MUST send a SCHC Sender-Abort"
		s.abort(ReasonRCS, now)
	case !missing:
		s.want = MessageAll1
	case s.last == lastAll1 && s.mem.has(s.tiles-1):
		s.want = MessageAll1
	case p.f.AckOnRepair:
		s.want = MessageNone
	case p.f.NoAckReq || s.last != lastAll1:
		s.want = MessageAll1
	default:
		s.want = MessageAckReq
	}
}
