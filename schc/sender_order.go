package schc

// This file is the sender of No-ACK and ACK-Always, where every SCHC Fragment
// carries one tile.

// nextInOrder sends the next tile, or what was asked for.
func (s *Sender) nextInOrder(buf []byte, room int, now uint64, out *Output) error {
	p := s.p
	always := p.f.Mode == FragmentationAckAlways
	if always && s.all1OrAll0() {
		return s.nextRepair(buf, room, now, out)
	}
	n, last, err := s.cut(room)
	if err != nil {
		return err
	}
	end := s.off + n
	if last {
		return s.lastInOrder(buf, room, end, now, out)
	}
	fcn := uint32(0)
	if always {
		fcn = uint32(p.f.WindowSize) - 1 - s.tiles
		s.setTileEnd(s.tiles, end)
	} else if p.f.CountDown {
		fcn = s.tiles - 1 - uint32(s.off/int(p.f.TileBits))
	}
	s.sendRegular(buf, s.win, fcn, s.off, end, out)
	s.off = end
	if always {
		if s.tiles++; fcn == 0 {
			s.attempts, out.Listen = 0, true
			s.wait(now)
		}
	}
	return nil
}

// all1OrAll0 reports whether all tiles of the window were sent once.
func (s *Sender) all1OrAll0() bool { return s.all1Sent || s.tiles == uint32(s.p.f.WindowSize) }

// cut returns the size in bits of the next tile and whether it is the last,
// which goes in an All-1.
func (s *Sender) cut(room int) (n int, last bool, err error) {
	p, rem, t := s.p, s.bits-s.off, int(s.p.f.TileBits)
	if t > 0 {
		if rem > t || rem == t && p.f.All1Empty {
			if p.regHdr+t > room {
				return 0, false, ErrShortBuffer
			}
			return t, false, nil
		}
		return rem, true, nil
	}
	if p.up(p.all1Hdr+rem) <= room && p.up(p.all1Hdr+rem) > p.up(p.hdr) {
		return rem, true, nil
	}
	// "each tile MUST be of a size that complements the SCHC Fragment Header
	// so that the SCHC Fragment is a multiple of L2 Words", and at least an
	// L2 Word; so must the tile that is left for the All-1.
	n = min(room, p.down(p.regHdr+rem-p.l2)) - p.regHdr
	if n < p.l2 {
		return 0, false, ErrShortBuffer
	}
	return n, false, nil
}

// lastInOrder sends the All-1 with the last tile.
func (s *Sender) lastInOrder(buf []byte, room, end int, now uint64, out *Output) error {
	always := s.p.f.Mode == FragmentationAckAlways
	count := s.tiles // of a packet that counts fragments
	if always {
		count = s.tiles + 1
	}
	if err := s.sendAll1(buf, room, s.win, s.off, end, -1, count, out); err != nil {
		return err
	}
	if !always {
		s.finish(SenderDone, 0)
		return nil
	}
	s.setTileEnd(s.tiles, end)
	s.off = end
	s.tiles++
	s.attempts, s.all1Sent = 0, true
	s.wait(now)
	return nil
}

// nextRepair sends, in ACK-Always, the tiles that an ACK reported missing, or
// the ACK REQ.
func (s *Sender) nextRepair(buf []byte, room int, now uint64, out *Output) error {
	p := s.p
	i := s.mem.first(s.tiles)
	if i == s.tiles {
		return s.nextRequest(buf, room, now, out)
	}
	from, to := s.start, s.tileEnd(i)
	if i > 0 {
		from = s.tileEnd(i - 1)
	}
	if s.all1Sent && i == s.tiles-1 {
		if err := s.sendAll1(buf, room, s.win, from, to, -1, s.tiles, out); err != nil {
			return err
		}
	} else {
		if p.up(p.regHdr+to-from) > room {
			return ErrShortBuffer // the tile was sent, so its size is settled
		}
		s.sendRegular(buf, s.win, uint32(p.f.WindowSize)-1-i, from, to, out)
	}
	s.mem.unset(i)
	if s.mem.first(s.tiles) == s.tiles && s.want == MessageNone {
		out.Listen = true
		s.wait(now)
	}
	return nil
}

// nextRequest asks for the ACK once more: with an ACK REQ or, where that is
// not used, with the last fragment of the window.
func (s *Sender) nextRequest(buf []byte, room int, now uint64, out *Output) (err error) {
	from, to := s.start, s.tileEnd(s.tiles-1)
	if s.tiles > 1 {
		from = s.tileEnd(s.tiles - 2)
	}
	switch {
	case s.want != MessageAll1:
		err = s.sendAckReq(buf, room, s.win, out)
	case s.all1Sent:
		err = s.sendAll1(buf, room, s.win, from, to, -1, s.tiles, out)
	case s.p.up(s.p.regHdr+to-from) > room:
		err = ErrShortBuffer
	default:
		s.sendRegular(buf, s.win, 0, from, to, out)
		out.Listen = true
	}
	if err == nil {
		s.attempts++
		s.wait(now)
	}
	return err
}

// ackAlways handles an ACK (RFC 8724, Section 8.4.2.1).
func (s *Sender) ackAlways(m *Message, msg []byte, bits int, now uint64) {
	p, ws := s.p, uint32(s.p.f.WindowSize)
	// "on receiving a SCHC ACK that bears a W value different [...] the
	// fragment sender MUST silently discard and ignore that SCHC ACK." One
	// that comes before the window was sent answers something older.
	if m.W != s.win&p.maxW() || !s.all1OrAll0() {
		return
	}
	if m.C {
		switch {
		case s.all1Sent:
			s.finish(SenderDone, 0)
		case ws == 1:
			// RFC 9011, Figures 31 and 33, acknowledges a window of one
			// tile that is not the last with C=1.
			s.nextWindow(now)
		}
		return
	}
	r, _ := p.Report(msg, bits, 0)
	missing := false
	for i := uint32(0); i < ws; i++ {
		has := r.Has(msg, i)
		tile := i
		if s.all1Sent && i == ws-1 {
			tile = s.tiles - 1 // the last tile has the rightmost bit
		} else if s.all1Sent && i >= s.tiles-1 {
			if has {
				// "the SCHC ACK indicates that more tiles were received
				// than the sender sent"
				s.abort(ReasonMismatch, now)
				return
			}
			continue
		}
		s.mem.unset(tile)
		if !has {
			s.mem.set(tile)
			missing = true
		}
	}
	switch {
	case missing:
		// "it MUST increment Attempts"; Figure 41: more than MAX_ACK_REQUESTS
		// end it, so that a receiver cannot keep the sender busy for ever.
		if s.attempts++; s.attempts > uint16(p.f.MaxAckRequests) {
			s.abort(ReasonAttempts, now)
			return
		}
		s.state, s.want, s.deadline = SenderSending, MessageNone, now
	case s.all1Sent:
		s.abort(ReasonRCS, now)
	default:
		s.nextWindow(now)
	}
}

// nextWindow advances to the next window.
func (s *Sender) nextWindow(now uint64) {
	s.win++
	s.tiles, s.start, s.attempts = 0, s.off, 0
	clear(s.mem[:(int(s.p.f.WindowSize)+7)/8])
	s.state, s.want, s.deadline = SenderSending, MessageNone, now
}
