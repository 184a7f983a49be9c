package schc

// Drop gives up the packet under way that was quiet longest, without an abort,
// and returns an EventDropped that says why the packet is not complete:
// ReasonRCS if none of its fragments is known to be missing, else
// ReasonMissing. It is for the end of a link or of a recording; without a
// packet under way the event is none.
func (r *Receiver) Drop() (ev Event) {
	var s *Session
	for i := range r.sessions {
		if x := &r.sessions[i]; x.state == sessionActive && (s == nil || x.seen < s.seen) {
			s = x
		}
	}
	if s == nil {
		return ev
	}
	why := ReasonMissing
	if s.suspect() {
		why = ReasonRCS
	}
	ev = s.event(EventDropped, why)
	s.free()
	return ev
}

// DropPacket gives up the packet under way with that RuleID and DTag, without
// an abort, and returns an EventDropped with the reason; if there is none, the
// event is none. It is for one who only listens and hears that the packet is
// over, such as from a Receiver-Abort of the other end.
func (r *Receiver) DropPacket(id RuleID, dtag uint32, why Reason) (ev Event) {
	for i := range r.sessions {
		if s := &r.sessions[i]; s.state == sessionActive && s.p.id == id && s.dtag == dtag {
			ev = s.event(EventDropped, why)
			s.free()
			break
		}
	}
	return ev
}

// suspect reports whether the last fragment of a packet that is not delivered is
// there and none is known to be missing.
func (s *Session) suspect() bool {
	ws := uint32(s.p.f.WindowSize)
	switch s.p.f.Mode {
	case FragmentationAckAlways:
		n := s.tileMap().count(ws)
		return s.all1 && n > 0 && s.tileMap().full(0, n-1)
	case FragmentationAckOnError:
		if !s.all1 || s.got != s.high {
			return false
		}
		tiles := s.high
		if s.placed() {
			tiles++
		}
		return tiles > 0 && (tiles-1)/ws == s.all1Win
	}
	return false
}
