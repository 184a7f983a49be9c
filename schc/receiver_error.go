package schc

import "github.com/schckit/schckit/internal/bitio"

// This file is the receiver of ACK-on-Error (RFC 8724, Section 8.4.3.2; RFC
// 9441, Section 3.2.1.2). Tiles have a place of their own in the buffer. The
// tile of an All-1, whose number is not known, waits in the tail buffer until
// all before it are there.

// receiveOnError handles a message of the packet.
func (s *Session) receiveOnError(m *Message, msg []byte, ev *Event) {
	if s.state == sessionDone && !s.another(m, msg, ev) {
		return
	}
	switch m.Kind {
	case MessageAckReq:
		s.win = max(s.win, m.W)
		s.wantAck, s.unasked = true, false
	case MessageAll1:
		s.storeAll1(m, msg, ev)
	default:
		s.storeTiles(m, msg, ev)
	}
	if s.state != sessionActive {
		return
	}
	n, ok := s.whole()
	if !ok && s.carried > 0 && s.suspect() {
		s.uncarry() // they are asked for again
	}
	if ok {
		s.tiles = s.high
		s.deliver(n, ev)
		s.shadow()
		s.wantAck = s.wantAck || s.p.f.AckOnRepair
	} else if s.p.f.AckOnRepair && s.repaired() {
		s.wantAck = true
	}
}

// shadow makes the bitmap of a finished packet say which tiles come again.
func (s *Session) shadow() {
	clear(s.tileMap())
	s.got, s.high, s.partBits = 0, 0, 0
}

// tileAt returns where tile t starts.
func (s *Session) tileAt(t uint32) int {
	at := int(t) * int(s.p.f.TileBits)
	if s.short && t > s.shortTile {
		at -= s.p.l2
	}
	return at
}

// storeTiles takes the tiles of a Regular SCHC Fragment.
func (s *Session) storeTiles(m *Message, msg []byte, ev *Event) {
	p, size, ws := s.p, int(s.p.f.TileBits), uint32(s.p.f.WindowSize)
	n, rest := uint32(m.LenBits/size), m.LenBits%size
	if rest < p.l2 && p.f.All1Data == All1DataYes {
		rest = 0 // padding
	}
	end := uint64(m.W)*uint64(ws) + uint64(ws-1-m.FCN) + uint64(n)
	if end > uint64(p.maxTiles()) || end*uint64(size)+uint64(rest) > uint64(8*s.room) {
		s.fail(ReasonTooLarge, ev)
		return
	}
	t := uint32(end) - n
	if s.carried > 0 && s.conflicts(t, n, rest, m, msg) {
		s.uncarry()
	}
	if s.conflicts(t, n, rest, m, msg) {
		// The same place with another content: this is another packet, and
		// the sender gave up the one that is here.
		s.restart(ev)
	}
	tiles := s.tileMap()
	for i := t; i < t+n; i++ {
		if !tiles.has(i) {
			s.put(s.tileAt(i), msg, m.OffBits+int(i-t)*size, size)
			s.mark(i)
		}
	}
	s.settlePart()
	if rest > 0 {
		s.storePart(t+n, msg, m.OffBits+int(n)*size, rest)
	}
	s.win = max(s.win, (max(s.high, 1)-1)/ws)
	if s.all1 && !s.placed() {
		s.all1Win = max(s.all1Win, s.win)
	}
	if rest >= p.l2 {
		n++
	}
	s.windowEnd(t, n)
}

// mark notes that tile i is there.
func (s *Session) mark(i uint32) {
	s.tileMap().set(i)
	s.got++
	s.high = max(s.high, i+1)
	s.progressed = true
}

// conflicts reports whether tiles t to t+n and the rest behind them cannot
// belong to the packet that is being received.
func (s *Session) conflicts(t, n uint32, rest int, m *Message, msg []byte) bool {
	p, size, tiles := s.p, int(s.p.f.TileBits), s.tileMap()
	end := t + n
	if rest >= p.l2 {
		end++
	}
	if s.all1 && s.placed() && end > (s.all1Win+1)*uint32(p.f.WindowSize) || s.short && end > s.shortTile+2 {
		return true
	}
	for i := t; i < t+n; i++ {
		if tiles.has(i) && (s.partLen(i) > 0 || !s.same(s.tileAt(i), msg, m.OffBits+int(i-t)*size, size)) {
			return true
		}
	}
	// A tile that is not whole is the last one or a short penultimate one.
	if !s.short && s.partBits >= p.l2 && end > s.part+1 && !s.mayBeShort(s.part, s.partBits, max(end, s.high)) {
		return true
	}
	if rest < p.l2 {
		return false
	}
	if tiles.has(t + n) {
		have := s.partLen(t + n)
		if s.short && t+n == s.shortTile {
			rest = min(rest, have) // behind it is the next tile
		}
		return have != rest || !s.same(s.tileAt(t+n), msg, m.OffBits+int(n)*size, rest)
	}
	return s.high > t+n+1 && !s.mayBeShort(t+n, rest, s.high)
}

// partLen returns how much there is of tile i, or 0 if it is whole.
func (s *Session) partLen(i uint32) int {
	switch {
	case s.short && i == s.shortTile:
		return int(s.p.f.TileBits) - s.p.l2
	case i == s.part && s.partBits >= s.p.l2:
		return s.partBits
	}
	return 0
}

// mayBeShort reports whether tile i, of which n bits came, is the penultimate
// of a packet that has high tiles or more.
func (s *Session) mayBeShort(i uint32, n int, high uint32) bool {
	return s.p.f.PenultimateShort && n >= int(s.p.f.TileBits)-s.p.l2 && high == i+2
}

// storePart takes what is behind the last whole tile of a fragment: padding,
// "padding bits are indistinguishable from the tile data bits, at this stage",
// or a tile that is not whole, with padding.
func (s *Session) storePart(t uint32, msg []byte, off, n int) {
	old := s.part+1 == s.high && s.partBits >= s.p.l2
	switch {
	case n < s.p.l2 && (t < s.high || old), s.tileMap().has(t):
		return // padding, or a copy
	case n < s.p.l2: // padding or a tiny last tile: the RCS tells
	case t+1 < s.high:
		s.put(s.tileAt(t), msg, off, n)
		s.mark(t)
		s.shorten(t)
		return
	default:
		s.high = t + 1
		s.settlePart()
		s.mark(t)
	}
	s.put(s.tileAt(t), msg, off, n)
	s.part, s.partBits = t, n
}

// settlePart decides about a tile that is not whole when there are tiles
// behind it: it was padding, or it is the penultimate tile.
func (s *Session) settlePart() {
	if s.partBits == 0 || s.part >= s.high || s.partBits >= s.p.l2 && s.part+1 == s.high {
		return
	}
	if s.partBits >= s.p.l2 {
		s.shorten(s.part)
	}
	s.partBits = 0
}

// shorten makes tile i the penultimate one, an L2 Word shorter. The last one,
// if it came before, moves to where it belongs, with the padding behind it that
// the RCS covers.
func (s *Session) shorten(i uint32) {
	if at := s.tileAt(i + 1); s.tileMap().has(i + 1) {
		n := int(s.p.f.TileBits)
		if s.part == i+2 && s.part == s.high {
			n += s.partBits
		}
		moveDown(s.buffer(), at, min(n, 8*s.room-at), s.p.l2)
	}
	s.short, s.shortTile = true, i
}

// storeAll1 takes an All-1 and what is in it.
func (s *Session) storeAll1(m *Message, msg []byte, ev *Event) {
	p, ws := s.p, uint32(s.p.f.WindowSize)
	n := m.LenBits
	if n < p.l2 && p.f.All1Data != All1DataYes {
		n = 0 // padding
	}
	if uint64(m.W)*uint64(ws) > uint64(8*s.room/int(p.f.TileBits)+1) {
		s.fail(ReasonTooLarge, ev)
		return
	}
	// Tiles behind the window of the last tile are of another packet. So is
	// another All-1, where the RCS would not tell.
	w := m.W
	if s.high > 0 && n == 0 && !p.f.All1Empty {
		w = max(w, (s.high-1)/ws)
	}
	if s.high > 0 && (s.high-1)/ws > w || p.f.RCSAlgorithm == RCSFragments && s.all1 &&
		(s.rcs != m.RCS || s.all1Win != m.W || s.tail != n || !bitio.Equal(s.tailBuffer(), 0, msg, m.OffBits, n)) {
		s.restart(ev)
	}
	bitio.Copy(s.tailBuffer(), 0, msg, m.OffBits, n)
	if !s.all1 {
		s.progressed = true
	}
	s.all1, s.all1Win, s.rcs, s.tail = true, w, m.RCS, n
	s.win = max(s.win, w)
	s.wantAck, s.unasked = true, false
}

// placed reports whether the All-1 has a tile, so that its W is where that
// belongs. Without one it should be "the window number of the last tile", but
// openschc sends that of the first tile in the last Regular SCHC Fragment.
func (s *Session) placed() bool { return s.tail > 0 || s.p.f.All1Empty }

// windowEnd asks for an ACK behind the last tile of a window, as the Rule says.
func (s *Session) windowEnd(t, n uint32) {
	ws := uint32(s.p.f.WindowSize)
	if n == 0 || t/ws == (t+n)/ws {
		return
	}
	switch s.p.f.AckBehavior {
	case AckAfterAll0:
		// "The SCHC receiver SHOULD send a SCHC ACK after every window even
		// if there is no missing tile" (RFC 9011, Section 5.6.2).
		s.unasked = s.unasked || !s.wantAck
		s.wantAck = true
	case AckByLayer2:
		// "if the receiver knows of any windows with missing tiles [...] it
		// MAY return a SCHC Compound ACK" (RFC 9441, Section 3.2.1.2).
		if !s.wantAck && !s.tileMap().full(0, (t+n)/ws*ws) {
			s.wantAck, s.unasked = true, true
		}
	}
}

// whole reports whether the packet is complete, and its length in bits.
func (s *Session) whole() (bits int, ok bool) {
	p, ws := s.p, uint32(s.p.f.WindowSize)
	if !s.all1 || s.got != s.high {
		return 0, false
	}
	inAll1 := s.placed()
	tiles := s.high
	if inAll1 {
		tiles++
	}
	tiny := !inAll1 && s.partBits > 0 && s.part == s.high // padding, or a tiny last tile
	if (tiles == 0 || (tiles-1)/ws != s.all1Win) && !(tiny && tiles/ws == s.all1Win) {
		return 0, false
	}
	bits = s.tileAt(s.high)
	switch {
	case tiny:
		bits += s.partBits
	case s.partBits == 0 || s.part == s.high:
	case !inAll1:
		bits = s.tileAt(s.part) + s.partBits
	case s.mayBeShort(s.part, s.partBits, s.high+1):
		bits = s.tileAt(s.part) + int(p.f.TileBits) - p.l2
	default:
		return 0, false
	}
	if s.tail > 8*s.room-bits {
		return 0, false
	}
	bitio.Copy(s.buffer(), bits, s.tailBuffer(), 0, s.tail)
	bits += s.tail
	if p.f.RCSAlgorithm == RCSFragments {
		return bits, s.rcs == (tiles-1)%ws+1
	}
	return bits, s.check(bits)
}

// repaired reports, once the All-1 was received, whether all that the last ACK
// reported missing has come.
func (s *Session) repaired() bool {
	ws := uint32(s.p.f.WindowSize)
	if !s.all1 || !s.asked || s.reported >= s.all1Win {
		return false
	}
	return s.progressed && s.tileMap().full(0, (s.reported+1)*ws)
}

// another reports whether a message for a finished packet belongs to the next
// one, which then takes the session over: only a message that is not part of
// the finished packet does. Tiles that are equal in both are taken for copies
// and remembered, in case the next message shows that they were not.
func (s *Session) another(m *Message, msg []byte, ev *Event) bool {
	p, ws := s.p, uint32(s.p.f.WindowSize)
	switch m.Kind {
	case MessageAckReq:
		if m.W == s.all1Win {
			s.wantAck = true
			s.shadow() // what came again was of the finished packet
			return false
		}
	case MessageAll1:
		n := m.LenBits
		if n < p.l2 && p.f.All1Data != All1DataYes {
			n = 0
		}
		if (m.W == s.all1Win || !s.placed()) && m.RCS == s.rcs && n == s.tail && bitio.Equal(s.tailBuffer(), 0, msg, m.OffBits, n) {
			s.wantAck = true
			if s.tiles > 0 && s.got == s.tiles { // all of it came again: it is another packet
				s.deliver(s.bits, ev)
			}
			s.shadow()
			return false
		}
	default:
		if s.copied(m, msg) && !(p.f.AckBehavior == AckAfterAll0 && s.tileMap().full(m.W*ws, min((m.W+1)*ws, s.tiles+1))) {
			return false
		}
	}
	if s.short {
		s.begin(p, s.dtag)
		return true
	}
	// Tiles come in their order: copies behind the one that differs are of the
	// finished packet.
	limit := s.high
	switch m.Kind {
	case MessageRegular:
		limit = min(limit, m.W*ws+ws-1-m.FCN)
	case MessageAckReq:
		limit = min(limit, (m.W+1)*ws)
	}
	next := Session{p: p, mem: s.mem, dtag: s.dtag, seen: s.seen, ack: Never, state: sessionActive, room: s.room,
		high: s.high, part: s.part, partBits: s.partBits, carried: limit}
	*s = next
	s.forget(limit, s.high+1)
	if s.high > 0 {
		s.win = (s.high - 1) / ws
	}
	return true
}

// uncarry forgets the tiles that may be copies of the packet before.
func (s *Session) uncarry() {
	s.forget(0, s.carried)
	s.carried = 0
}

// forget drops the tiles from <= i < to, and counts anew.
func (s *Session) forget(from, to uint32) {
	tiles := s.tileMap()
	for i := from; i < to; i++ {
		tiles.unset(i)
	}
	if s.part >= from && s.part < to {
		s.partBits = 0
	}
	top := s.high
	for s.got, s.high = 0, 0; top > 0; top-- {
		if tiles.has(top - 1) {
			s.got++
			s.high = max(s.high, top)
		}
	}
}

// copied reports whether a Regular SCHC Fragment is a copy of a part of the
// finished packet, and notes its whole tiles.
func (s *Session) copied(m *Message, msg []byte) bool {
	size, ws := int(s.p.f.TileBits), uint32(s.p.f.WindowSize)
	if uint64(m.W)*uint64(ws) > uint64(s.tiles) {
		return false
	}
	t, n := m.W*ws+ws-1-m.FCN, m.LenBits/size
	at, end, bits := s.tileAt(t), t+uint32(n), n*size
	rest := m.LenBits - bits
	if s.short && t+uint32(n) == s.shortTile {
		rest = min(rest, s.partLen(s.shortTile)) // behind it is padding, and the next tile in the buffer
	}
	if rest >= s.p.l2 {
		end++
		bits += rest
	}
	if end > s.tiles || at+bits > s.bits || !s.same(at, msg, m.OffBits, bits) {
		return false
	}
	for i := t; i < end; i++ {
		if !s.tileMap().has(i) {
			s.mark(i)
		}
	}
	if rest >= s.p.l2 {
		s.part, s.partBits = end-1, rest
	}
	return true
}

// bitmapsOnError writes the ACK that reports missing tiles and returns its
// length in bits; if that is more than room, nothing useful.
func (s *Session) bitmapsOnError(buf []byte, room int) int {
	p, ws := s.p, int(s.p.f.WindowSize)
	step := int(p.f.WBits) + ws
	w, ok := s.lacking(0)
	if !ok {
		// "if it has received at least one tile, it MUST return a SCHC ACK
		// for the highest-numbered window it currently has tiles for,
		// otherwise, it MUST return a SCHC ACK for window numbered 0."
		w = (max(s.high, 1) - 1) / uint32(ws)
	}
	end := p.ackHdr + ws
	if p.ackBits(end) > 8*len(buf) {
		return p.ackBits(end) // the bitmap is written whole before it is cut
	}
	clear(buf[:(max(p.ackBits(end), room)+7)/8])
	p.putAck(buf, s.dtag, w, false)
	s.putBitmap(buf, p.ackHdr, w)
	s.reported, s.asked = w, true
	for p.f.CompoundAck && ok {
		next, more := s.lacking(w + 1)
		if !more || p.ackBits(end+step) > room || p.f.AckBytes > 0 && end+step > 8*int(p.f.AckBytes) {
			break
		}
		w = next
		bitio.Put(buf, end, int(p.f.WBits), uint64(w))
		s.putBitmap(buf, end+int(p.f.WBits), w)
		end += step
		s.reported = w
	}
	cut := p.cutBitmap(buf, end-ws, end)
	clearBits(buf, cut, end)
	return p.ackBits(cut)
}

// clearBits clears the bits from <= i < to.
func clearBits(b []byte, from, to int) {
	for ; from < to; from += 64 {
		bitio.Put(b, from, min(to-from, 64), 0)
	}
}

// lacking returns the lowest window, from w on, that is known to lack tiles.
func (s *Session) lacking(w uint32) (uint32, bool) {
	ws, tiles := uint32(s.p.f.WindowSize), s.tileMap()
	last := s.win
	if s.all1 {
		last = s.all1Win
	}
	for ; w < last; w++ {
		if (w+1)*ws > s.high || !tiles.full(w*ws, (w+1)*ws) {
			return w, true
		}
	}
	if w > last {
		return 0, false
	}
	if s.all1 && w == s.all1Win {
		return w, !s.lastWindowWhole()
	}
	// The window of an ACK REQ without tiles, or one with a gap.
	return w, s.high <= w*ws && s.high > 0 || !tiles.full(min(w*ws, s.high), s.high)
}

// lastWindowWhole reports whether nothing of the last window can be missing:
// all tiles are there, or as many as an RCS that counts says.
func (s *Session) lastWindowWhole() bool {
	ws, tiles := uint32(s.p.f.WindowSize), s.tileMap()
	first := s.all1Win * ws
	if s.p.f.RCSAlgorithm != RCSFragments {
		return s.p.f.CompoundAck && s.got != s.high && s.high == first+ws-1 && s.tail > 0 && tiles.full(first, s.high)
	}
	return s.rcs > 0 && s.high == first+s.rcs-1 && tiles.full(min(first, s.high), s.high)
}

// putBitmap writes the bitmap of window w at bit off.
func (s *Session) putBitmap(buf []byte, off int, w uint32) {
	ws := s.p.f.WindowSize
	if first := w * uint32(ws); first < s.high {
		bitio.Copy(buf, off, s.tileMap(), int(first), int(min(s.high-first, uint32(ws))))
	}
	// "the bit at the rightmost position corresponds either to the tile
	// numbered 0 or to a tile that is sent/received as the last one"
	if s.all1 && w == s.all1Win && s.placed() {
		bitio.Put(buf, off+int(ws)-1, 1, 1)
	}
}
