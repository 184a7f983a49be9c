package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// This file is the receiver of ACK-Always (RFC 8724, Section 8.4.2.2). Tiles of
// any size are kept in order behind each other; one that comes late is
// inserted.

// The phases of a window. Clean-up is sessionDone.
const (
	phaseAccept     = iota // "acceptance phase"
	phaseRepair            // "retransmission phase" of a window that is not the last
	phaseRepairLast        // "retransmission phase" of the last window
)

// receiveAlways handles a message of the packet.
func (s *Session) receiveAlways(m *Message, msg []byte, ev *Event) {
	p := s.p
	ws := uint32(p.f.WindowSize)
	if s.state == sessionDone && s.cleanUp(m, msg) {
		return
	}
	s.ack = Never
	same := m.W == s.win&p.maxW()
	if same && s.win == 0 && s.differs(m, msg) {
		// Another content in the first window is another packet: the sender
		// gave this one up.
		s.restart(ev)
	}
	if s.phase == phaseRepair && !same {
		// The sender "only advances to the next window of tiles when it has
		// ascertained that all the tiles belonging to the current window have
		// been fully and correctly received": before that it is a remnant.
		if !s.tileMap().full(0, ws) {
			return
		}
		s.win++
		s.start, s.attempts, s.phase = s.bits, 0, phaseAccept
		clear(s.tileMap())
		same = true
	}
	switch {
	case !same:
		return
	case m.Kind == MessageAckReq:
		s.wantAck = true
		return
	case m.Kind == MessageAll1 && s.phase == phaseRepair, m.Kind == MessageRegular && m.FCN == 0 && s.phase == phaseRepairLast:
		return // "the receiver MUST silently ignore it and discard it"
	}
	if !s.storeTile(m, msg) {
		s.fail(ReasonTooLarge, ev)
		return
	}
	s.arrived(m, ev)
}

// differs reports whether the tile of a fragment is there with another content.
// Another last tile may be a corrupted one; the RCS tells, if it can.
func (s *Session) differs(m *Message, msg []byte) bool {
	i := uint32(s.p.f.WindowSize) - 1
	switch {
	case m.Kind == MessageRegular && !(s.all1 && m.FCN == 0):
		i -= m.FCN
	case m.Kind != MessageAll1 || !s.all1 || s.p.f.RCSAlgorithm != RCSFragments:
		return false
	}
	return s.tileMap().has(i) &&
		(s.tileBits(i) != m.LenBits || !s.same(s.tileOff(i), msg, m.OffBits, m.LenBits))
}

// arrived decides what a stored tile leads to.
func (s *Session) arrived(m *Message, ev *Event) {
	ws := uint32(s.p.f.WindowSize)
	switch {
	case m.Kind == MessageAll1:
		s.phase, s.rcs, s.all1 = phaseRepairLast, m.RCS, true
		s.wantAck = true
	case m.FCN == 0:
		s.phase = phaseRepair
		s.wantAck = true
	case s.phase == phaseRepair && s.tileMap().full(0, ws):
		s.wantAck = true
	}
	if s.phase == phaseRepairLast && s.complete() {
		s.wantAck = true
		s.deliver(s.bits, ev)
	}
}

// complete reports whether the packet is.
func (s *Session) complete() bool {
	if s.p.f.RCSAlgorithm != RCSFragments {
		return s.check(s.bits)
	}
	n := s.rcs
	return n > 0 && n <= uint32(s.p.f.WindowSize) && s.tileMap().full(0, n-1) && s.tileMap().count(uint32(s.p.f.WindowSize)) == n
}

// cleanUp is the "clean-up phase", when the packet is delivered. It reports
// whether the message was for it; else the session begins another packet.
func (s *Session) cleanUp(m *Message, msg []byte) bool {
	ws := uint32(s.p.f.WindowSize)
	local := s.win & s.p.maxW()
	switch {
	case m.Kind == MessageAckReq || m.Kind == MessageAll1 && m.RCS == s.rcs && m.LenBits == s.tileBits(ws-1):
		s.wantAck = s.wantAck || m.W == local
		return true
	case m.W != 0:
		return true
	}
	// "Any other SCHC Fragment received MUST be silently ignored": one of
	// this packet. The first tile, or one that differs, begins another:
	// "receives a downlink SCHC Fragmentation Message [...] that is not a
	// SCHC ACK REQ; this indicates that the SCHC gateway has received the
	// SCHC ACK" (RFC 9011, Section 5.6.3.5.1).
	if i := ws - 1 - m.FCN; m.Kind == MessageRegular && i > 0 && m.W == local && s.tileMap().has(i) &&
		s.tileBits(i) == m.LenBits && s.same(s.tileOff(i), msg, m.OffBits, m.LenBits) {
		return true
	}
	s.begin(s.p, s.dtag)
	return false
}

// tileBits returns the length of tile i of the window: as Rule or table say,
// and for the last tile of the packet what is left.
func (s *Session) tileBits(i uint32) int {
	if t := int(s.p.f.TileBits); t == 0 {
		return int(binary.LittleEndian.Uint32(s.lengths()[4*i:]))
	} else if !s.all1 || i != uint32(s.p.f.WindowSize)-1 {
		return t
	}
	return s.tail
}

func (s *Session) setTileBits(i uint32, n int) {
	if s.p.f.TileBits == 0 {
		binary.LittleEndian.PutUint32(s.lengths()[4*i:], uint32(n))
	}
}

func (s *Session) lengths() []byte { return s.mem[s.room+len(s.tileMap()):] }

// tileOff returns where tile i of the window starts, or would.
func (s *Session) tileOff(i uint32) int {
	at := s.start
	for j := uint32(0); j < i; j++ {
		if s.tileMap().has(j) {
			at += s.tileBits(j)
		}
	}
	return at
}

// storeTile puts the tile of a fragment where it belongs. One that is there
// already is kept, but the last tile comes with its RCS and replaces an
// earlier one. It returns false if the packet does not fit.
func (s *Session) storeTile(m *Message, msg []byte) bool {
	ws := uint32(s.p.f.WindowSize)
	i, tiles := ws-1, s.tileMap()
	if m.Kind == MessageRegular {
		i -= m.FCN
	}
	if tiles.has(i) {
		if m.Kind != MessageAll1 {
			return true
		}
		s.bits -= s.tileBits(i) // it is at the end
		tiles.unset(i)
	}
	if m.LenBits > 8*s.room-s.bits {
		return false
	}
	at := s.tileOff(i)
	moveUp(s.buffer(), at, s.bits-at, m.LenBits)
	bitio.Copy(s.buffer(), at, msg, m.OffBits, m.LenBits)
	s.bits += m.LenBits
	s.setTileBits(i, m.LenBits)
	if m.Kind == MessageAll1 {
		s.tail = m.LenBits
	}
	tiles.set(i)
	return true
}

// moveUp moves n bits at bit at of b by so many bits towards the end.
func moveUp(b []byte, at, n, by int) {
	for n > 0 {
		m := min(n, 64)
		n -= m
		bitio.Put(b, at+n+by, m, bitio.Get(b, at+n, m))
	}
}

// moveDown moves n bits at bit at of b by so many bits towards the start.
func moveDown(b []byte, at, n, by int) {
	for ; n > 0; at, n = at+64, n-64 {
		m := min(n, 64)
		bitio.Put(b, at-by, m, bitio.Get(b, at, m))
	}
}

// bitmapAlways writes the ACK of the window and returns its length in bits;
// nothing if that is more than room.
func (s *Session) bitmapAlways(buf []byte, room int) int {
	p, ws := s.p, int(s.p.f.WindowSize)
	end := p.ackHdr + ws
	if most := max(p.ackBits(end), 8*int(p.f.AckBytes)); most > 8*len(buf) {
		// The bitmap is written whole before it is cut.
		return most
	}
	clear(buf[:(p.ackBits(end)+7)/8])
	p.putAck(buf, s.dtag, s.win, false)
	bitio.Copy(buf, p.ackHdr, s.tileMap(), 0, ws)
	cut := p.cutBitmap(buf, p.ackHdr, end)
	clearBits(buf, cut, end)
	return p.ackBits(cut)
}
