package schc

import "github.com/schckit/schckit/internal/bitio"

// EventKind says what became of a packet at a Receiver.
type EventKind uint8

// The kinds of events. Zero is none.
const (
	EventNone    EventKind = iota
	EventPacket            // a SCHC Packet was reassembled
	EventDropped           // a packet that was begun is given up; Reason says why
	EventRefused           // a packet was not begun; Reason says why
)

// An Event is what became of a packet at a Receiver.
type Event struct {
	Kind   EventKind
	Reason Reason
	Rule   RuleID
	DTag   uint32
	// Packet is the SCHC Packet of an EventPacket, with the padding of its
	// last fragment, which only decompression can tell apart: Bits counts it.
	// The bits behind it are zero. It is memory of the Receiver and valid
	// until the next call of Receive.
	Packet []byte
	Bits   int
	// Replaced says that the message began a packet that took the place of
	// another one, not finished, with the DTag ReplacedDTag.
	Replaced     bool
	ReplacedDTag uint32
}

// A Session is a Receiver's state for one packet. Its memory belongs to the
// caller, who has no other use for it.
type Session struct {
	p    *Profile
	mem  []byte // the session's share: buffer, last tile, bitmap, table
	seen uint64 // when a message came last
	ack  uint64 // ACK-Always: when to repeat the ACK; Never

	room  int // bytes of the buffer
	bits  int // assembled so far; of a finished packet: all
	start int // ACK-Always: the first bit of the window
	tail  int // ACK-on-Error: bits of the payload of the All-1

	dtag, rcs  uint32
	win        uint32 // ACK-Always: number of the window; ACK-on-Error: the highest one heard of
	all1Win    uint32 // ACK-on-Error: window of the All-1
	got, high  uint32 // ACK-on-Error: how many tiles are there, and one more than the highest
	part       uint32 // ACK-on-Error: the tile that is not whole
	partBits   int    // and how much of it there is
	shortTile  uint32 // ACK-on-Error: the penultimate tile, if short
	carried    uint32 // ACK-on-Error: tiles below may be copies of the packet before
	reported   uint32 // ACK-on-Error: the highest window of the last ACK
	tiles      uint32 // ACK-on-Error, finished: tiles besides that of the All-1; No-ACK: fragments
	attempts   uint8
	state      uint8
	phase      uint8 // ACK-Always
	reason     Reason
	wantAck    bool
	all1       bool // the All-1 was received
	short      bool // ACK-on-Error: the penultimate tile is an L2 Word shorter
	asked      bool // ACK-on-Error: an ACK was sent that reports tiles missing
	progressed bool // something new came since the last ACK
	unasked    bool // ACK-on-Error: the ACK that is due was not asked for
}

const (
	sessionFree = iota
	sessionActive
	sessionDone  // delivered; kept to repeat the ACK and to know remnants
	sessionAbort // given up; a Receiver-Abort is to be sent
)

// A Receiver reassembles SCHC Packets (RFC 8724, Sections 8.4.1.2, 8.4.2.2 and
// 8.4.3.2), from one peer and in one direction, for any number of
// fragmentation Rules. It has no clock: every call takes the time, in
// milliseconds of any monotonic clock, and Next says when it wants to be
// called again.
//
//	r.Reset(profiles, make([]schc.Session, n), make([]byte, n*profile.SessionBytes()))
//	ev, err := r.Receive(msg, bits, now) // ev may be a packet
//	out, err := r.Next(buf, mtuBits, now) // ACKs and aborts, until there is none
//
// The number of packets at a time and their size is bounded by the memory that
// Reset is given. A packet that finds no session is refused with a
// Receiver-Abort, or in No-ACK silently; packets under way are not given up
// for it, except where more than MaxInterleaved of one Rule would be: then the
// one that was quiet longest is over at its sender. A finished session is kept
// as long as nobody needs it, up to the Inactivity Timer, "the RECOMMENDED
// lifetime for the DTag value at the receiver": it repeats lost ACKs and
// recognizes late copies.
//
// A Receiver is for one goroutine at a time and never allocates.
type Receiver struct {
	profiles []Profile
	sessions []Session
	turn     int      // the session that Next looks at first
	refused  *Profile // of a packet that a Receiver-Abort is to be sent for
	refusal  uint32   // its DTag
}

// Reset makes r a Receiver for fragments under the profiles, with one session
// each for as many packets at a time. mem is divided evenly among them;
// Profile.SessionBytes says what one needs. r keeps all three.
func (r *Receiver) Reset(profiles []Profile, sessions []Session, mem []byte) {
	*r = Receiver{profiles: profiles, sessions: sessions}
	if len(sessions) == 0 {
		return
	}
	n := len(mem) / len(sessions)
	for i := range sessions {
		sessions[i] = Session{mem: mem[i*n : (i+1)*n : (i+1)*n]}
	}
}

// Active returns how many packets are under way.
func (r *Receiver) Active() int {
	n := 0
	for i := range r.sessions {
		if r.sessions[i].state == sessionActive {
			n++
		}
	}
	return n
}

// Held returns how many sessions hold something: packets under way, aborts to
// be sent, and finished packets.
func (r *Receiver) Held() int {
	n := 0
	for i := range r.sessions {
		if r.sessions[i].state != sessionFree {
			n++
		}
	}
	return n
}

// Receive takes a message of so many bits in the fragments' direction. A
// message that does not concern a packet under way and begins none is ignored.
//
// It returns ErrNoRule for a message with the RuleID of none of the profiles,
// ErrTruncated or ErrMalformed for one that is no SCHC Fragment, ACK REQ or
// Sender-Abort, or that does not fit the Rule.
func (r *Receiver) Receive(msg []byte, bits int, now uint64) (ev Event, err error) {
	var p *Profile
	for i := range r.profiles {
		if r.profiles[i].Matches(msg, bits) {
			p = &r.profiles[i]
			break
		}
	}
	if p == nil {
		return ev, ErrNoRule
	}
	m, err := p.ParseFragment(msg, bits)
	if err == nil {
		err = p.checkMessage(&m)
	}
	if err != nil {
		return ev, err
	}
	s := r.find(p, m.DTag)
	if m.Kind == MessageSenderAbort {
		if s != nil {
			// "The SCHC Sender-Abort MUST NOT be acknowledged" (RFC 8724,
			// Section 8.3.4); Section 8.4.2.2 wants a Receiver-Abort for it,
			// which nobody waits for.
			if s.state == sessionActive {
				ev = s.event(EventDropped, ReasonSenderAbort)
			}
			s.free()
		}
		return ev, nil
	}
	if s == nil {
		if !begins(p, &m) {
			return ev, nil
		}
		if s = r.open(p, m.DTag, now, &ev); s == nil {
			return ev, nil
		}
	}
	s.seen = now
	s.receive(&m, msg, now, &ev)
	return ev, nil
}

// checkMessage checks a message against the Rule.
func (p *Profile) checkMessage(m *Message) error {
	f, bad := &p.f, false
	switch {
	case m.Kind == MessageAll1 && f.Mode == FragmentationAckOnError:
		// "If the size of the SCHC Fragment Payload exceeds or equals the
		// size of one regular tile plus the size of an L2 Word, this SHOULD
		// raise an error flag."
		bad = m.LenBits >= int(f.TileBits)+p.l2
	case m.Kind != MessageRegular:
	case f.Mode != FragmentationNoAck && m.FCN >= uint32(f.WindowSize):
		bad = true
	case f.Mode != FragmentationAckOnError:
		bad = m.LenBits < p.l2 || f.TileBits > 0 && m.LenBits != int(f.TileBits)
	case f.All1Data == All1DataYes:
		// Tiles that are not the last are whole, or a little shorter.
		rest := m.LenBits % int(f.TileBits)
		bad = m.LenBits < p.l2 || rest >= p.l2 && !(f.PenultimateShort && rest >= int(f.TileBits)-p.l2)
	}
	if bad {
		return ErrMalformed
	}
	return nil
}

// begins reports whether a message may begin a packet.
func begins(p *Profile, m *Message) bool {
	switch p.f.Mode {
	case FragmentationAckAlways:
		// The first window is number 0: with other windows the message is a
		// remnant. An ACK REQ for it says that its fragments were lost; that it
		// is none of a later window only an RCS over the contents tells.
		return m.W == 0 && (m.Kind != MessageAckReq || p.f.WBits == 0 || p.f.RCSAlgorithm != RCSFragments)
	case FragmentationNoAck:
		return m.Kind != MessageAckReq
	}
	return true
}

func (s *Session) event(k EventKind, why Reason) Event {
	return Event{Kind: k, Reason: why, Rule: s.p.id, DTag: s.dtag}
}

// free gives the session back.
func (s *Session) free() { *s = Session{mem: s.mem} }

func (r *Receiver) find(p *Profile, dtag uint32) *Session {
	for i := range r.sessions {
		if s := &r.sessions[i]; s.state != sessionFree && s.p == p && s.dtag == dtag {
			return s
		}
	}
	return nil
}

// open finds a session for a new packet: a free one, else a finished one, else
// one that no timer would ever free. Else it refuses the packet.
func (r *Receiver) open(p *Profile, dtag uint32, now uint64, ev *Event) *Session {
	var own, best *Session
	rank, active := 0, 0
	for i := range r.sessions {
		s := &r.sessions[i]
		if s.state == sessionActive && s.p == p {
			active++
			if own == nil || s.seen < own.seen {
				own = s
			}
		}
		k := 0
		switch {
		case s.state == sessionFree:
			k = 4
		case s.state == sessionAbort:
			k = 3
		case s.state == sessionDone:
			k = 2
		case s.p.f.InactivityMs == 0:
			k = 1
		}
		if k > rank || k == rank && k > 0 && s.seen < best.seen {
			best, rank = s, k
		}
	}
	// "more than max-interleaved-frames MUST NOT be active at any time" (RFC
	// 9363): the sender has given up the one that was quiet longest.
	if active >= int(p.f.MaxInterleaved) {
		best, rank = own, 1
	}
	if best == nil || !best.fits(p) {
		*ev = Event{Kind: EventRefused, Reason: ReasonNoSession, Rule: p.id, DTag: dtag}
		if p.f.Mode != FragmentationNoAck {
			// "If the receiver is under-resourced to do this, it MUST
			// respond to the sender with a SCHC Receiver-Abort."
			r.refused, r.refusal = p, dtag
		}
		return nil
	}
	if rank == 1 {
		ev.Replaced, ev.ReplacedDTag, ev.Rule = true, best.dtag, best.p.id
	}
	best.begin(p, dtag)
	best.seen = now
	return best
}

// fits reports whether the session's memory can hold any packet of p.
func (s *Session) fits(p *Profile) bool { return s.bufferBytes(p) > 0 }

// bufferBytes returns the size of the buffer in the session's memory.
func (s *Session) bufferBytes(p *Profile) int {
	n := len(s.mem)
	switch p.f.Mode {
	case FragmentationAckAlways:
		n -= p.overhead(0)
	case FragmentationAckOnError:
		// The tail, and a bit for every tile and two more.
		n -= p.overhead(0)
		t := int64(p.f.TileBits)
		n = int(int64(n)*t/(t+1)) - 1
	}
	return min(n, int(p.f.MaxPacket)+packetSlack+(p.l2+7)/8)
}

// begin makes s the session of a packet of which nothing was received.
func (s *Session) begin(p *Profile, dtag uint32) {
	*s = Session{p: p, mem: s.mem, dtag: dtag, seen: s.seen, ack: Never, state: sessionActive}
	s.room = s.bufferBytes(p)
	clear(s.tileMap())
}

// restart drops what was received and begins another packet with the same
// DTag.
func (s *Session) restart(ev *Event) {
	if s.state == sessionActive {
		ev.Replaced, ev.ReplacedDTag, ev.Rule = true, s.dtag, s.p.id
	}
	s.begin(s.p, s.dtag)
}

// buffer, tailBuffer and tileMap are the parts of the session's memory.
func (s *Session) buffer() []byte { return s.mem[:s.room] }

func (s *Session) tailBytes() int {
	if s.p.f.Mode == FragmentationAckOnError {
		return (int(s.p.f.TileBits) + s.p.l2 + 7) / 8
	}
	return 0
}

func (s *Session) tailBuffer() []byte { return s.mem[s.room : s.room+s.tailBytes()] }

func (s *Session) tileMap() bitmap {
	b := s.mem[s.room+s.tailBytes():]
	switch s.p.f.Mode {
	case FragmentationAckAlways:
		return b[:(int(s.p.f.WindowSize)+7)/8]
	case FragmentationAckOnError:
		return b[:(8*s.room/int(s.p.f.TileBits)+2+7)/8]
	}
	return nil
}

func (s *Session) receive(m *Message, msg []byte, now uint64, ev *Event) {
	if s.state == sessionAbort {
		s.begin(s.p, s.dtag) // a new attempt; the abort comes too late
		s.seen = now
		if !begins(s.p, m) {
			s.free()
			return
		}
	}
	switch s.p.f.Mode {
	case FragmentationNoAck:
		s.receiveNoAck(m, msg, ev)
	case FragmentationAckAlways:
		s.receiveAlways(m, msg, ev)
	default:
		s.receiveOnError(m, msg, ev)
	}
}

// fail gives the packet up. Modes with ACKs send a Receiver-Abort.
func (s *Session) fail(why Reason, ev *Event) {
	r := s.event(EventDropped, why)
	r.Replaced, r.ReplacedDTag = ev.Replaced, ev.ReplacedDTag
	*ev = r
	if s.p.f.Mode == FragmentationNoAck {
		s.free()
		return
	}
	s.state, s.reason, s.wantAck = sessionAbort, why, false
}

// deliver hands the packet over. The session is kept where ACKs may have to be
// repeated.
func (s *Session) deliver(bits int, ev *Event) {
	s.bits = bits
	buf := s.buffer()
	if k := bits & 7; k != 0 {
		buf[bits>>3] &= 0xff << uint(8-k)
	}
	r := s.event(EventPacket, 0)
	r.Packet, r.Bits = buf[:(bits+7)/8], bits
	r.Replaced, r.ReplacedDTag = ev.Replaced, ev.ReplacedDTag
	*ev = r
	if s.p.f.Mode == FragmentationNoAck {
		s.free()
		return
	}
	// The ACK of success has its own count of repetitions.
	s.state, s.attempts, s.progressed = sessionDone, 0, true
}

// check compares the Reassembly Check Sequence of the assembled bits.
func (s *Session) check(bits int) bool {
	return s.p.rcs != nil && s.p.rcs(s.buffer(), bits)&lowOnes(s.p.f.RCSBits) == s.rcs
}

// put stores n bits of msg at bit at of the buffer. It returns false if they
// do not fit.
func (s *Session) put(at int, msg []byte, off, n int) bool {
	if at < 0 || n > 8*s.room-at {
		return false
	}
	bitio.Copy(s.buffer(), at, msg, off, n)
	return true
}

// same reports whether n bits of msg are at bit at of the buffer.
func (s *Session) same(at int, msg []byte, off, n int) bool {
	return bitio.Equal(s.buffer(), at, msg, off, n)
}

// receiveNoAck handles a fragment of No-ACK (RFC 8724, Section 8.4.1.2).
func (s *Session) receiveNoAck(m *Message, msg []byte, ev *Event) {
	f := &s.p.f
	if f.CountDown && m.Kind == MessageRegular {
		// The FCN says how many more fragments are to come (RFC 9442, Section
		// 3.5.1.3.1).
		switch {
		case s.tiles == 0 || m.FCN == s.got-1:
		case m.FCN == s.got && s.same(s.bits-m.LenBits, msg, m.OffBits, m.LenBits):
			return // a copy
		default:
			s.restart(ev) // some are missing, or it is the next packet
		}
		s.got = m.FCN
	}
	if !s.put(s.bits, msg, m.OffBits, m.LenBits) {
		s.fail(ReasonTooLarge, ev)
		return
	}
	s.bits += m.LenBits
	s.tiles++
	if m.Kind != MessageAll1 {
		return
	}
	s.rcs = m.RCS
	switch {
	case f.RCSAlgorithm == RCSFragments && (s.tiles&lowOnes(f.RCSBits) != m.RCS || f.CountDown && s.tiles > 1 && s.got != 1):
		s.fail(ReasonMissing, ev)
	case f.RCSAlgorithm != RCSFragments && !s.check(s.bits):
		s.fail(ReasonRCS, ev)
	default:
		s.deliver(s.bits, ev)
	}
}

// Next writes the next ACK or abort to buf, if one is due, and says when to
// call it again; it also runs the timers, so Output.Event may say that a
// packet was given up. mtuBits is the largest message that the layer below
// takes now; 0 runs the timers only.
//
// It returns ErrShortBuffer if a message that is due does not fit; it remains
// due.
func (r *Receiver) Next(buf []byte, mtuBits int, now uint64) (out Output, err error) {
	room := min(mtuBits, 8*len(buf))
	if p := r.refused; p != nil && room > 0 {
		if max(p.abortBits(), 8*int(p.f.AckBytes)) <= room {
			r.refused = nil
			out.Bits = r.abortTo(buf, p, r.refusal)
			out.Kind = MessageReceiverAbort
		} else {
			err = ErrShortBuffer
		}
	}
	for i := 0; i < len(r.sessions) && out.Bits == 0 && out.Event.Kind == EventNone; i++ {
		s := &r.sessions[(r.turn+i)%len(r.sessions)]
		if s.state == sessionFree {
			continue
		}
		if e := s.next(buf, room, now, &out); e != nil && room > 0 {
			err = e
		}
		if out.Bits > 0 {
			r.turn = (r.turn + i + 1) % len(r.sessions)
		}
	}
	if out.Bits > 0 {
		out.Msg, err = buf[:(out.Bits+7)/8], nil
	}
	out.Deadline = r.deadline(now, out.Bits > 0 || out.Event.Kind != EventNone)
	return out, err
}

// abortTo writes a Receiver-Abort.
func (r *Receiver) abortTo(buf []byte, p *Profile, dtag uint32) int {
	clear(buf[:(max(p.abortBits(), 8*int(p.f.AckBytes))+7)/8])
	return p.putReceiverAbort(buf, dtag)
}

// deadline returns when the next timer expires. busy says that something was
// done, so that more may be due at once.
func (r *Receiver) deadline(now uint64, busy bool) uint64 {
	at := Never
	for i := range r.sessions {
		s := &r.sessions[i]
		switch {
		case s.state == sessionFree:
			continue
		case busy && (s.wantAck || s.state == sessionAbort):
			return now
		}
		at = min(at, after(s.seen, s.p.f.InactivityMs), s.ack)
	}
	return at
}

// next runs the timers of one session and writes its message.
func (s *Session) next(buf []byte, room int, now uint64, out *Output) error {
	p := s.p
	if now >= after(s.seen, p.f.InactivityMs) {
		if s.state != sessionActive {
			s.free()
			return nil
		}
		// "Upon expiration of the Inactivity Timer, the receiver MUST send a
		// SCHC Receiver-Abort"; in No-ACK it drops the packet silently.
		s.fail(ReasonInactive, &out.Event)
		s.seen = now
		if s.state == sessionFree {
			return nil
		}
	}
	if now >= s.ack {
		s.wantAck, s.ack = true, Never
	}
	if s.progressed && p.f.AttemptsPerAck {
		s.attempts = 0
	}
	if s.wantAck && !s.unasked && s.state == sessionActive && s.attempts >= p.f.MaxAckRequests {
		// RFC 8724 says "when Attempts reaches MAX_ACK_REQUESTS" for
		// ACK-Always and "exceeding" for ACK-on-Error. Both are read as RFC
		// 9011, Section 5.6.3.5.1: MAX_ACK_REQUESTS ACKs are sent, then the
		// packet is given up.
		s.fail(ReasonAttempts, &out.Event)
	}
	switch {
	case s.state == sessionAbort:
		if max(p.abortBits(), 8*int(p.f.AckBytes)) > room {
			return ErrShortBuffer
		}
		clear(buf[:(max(p.abortBits(), 8*int(p.f.AckBytes))+7)/8])
		out.Bits, out.Kind = p.putReceiverAbort(buf, s.dtag), MessageReceiverAbort
		s.free()
	case s.wantAck && s.state == sessionDone && s.attempts >= p.f.MaxAckRequests:
		s.wantAck = false // reassembly has concluded: nothing to give up
	case s.wantAck:
		return s.sendAck(buf, room, now, out)
	}
	return nil
}

// sendAck writes the ACK that is due.
func (s *Session) sendAck(buf []byte, room int, now uint64, out *Output) error {
	p := s.p
	var bits int
	if s.state == sessionDone {
		if bits = p.ackBits(p.ackHdr); bits <= room {
			clear(buf[:(bits+7)/8])
			p.putAck(buf, s.dtag, s.lastWin(), true)
		}
	} else if p.f.Mode == FragmentationAckAlways {
		bits = s.bitmapAlways(buf, room)
	} else {
		bits = s.bitmapsOnError(buf, room)
	}
	if bits > room {
		return ErrShortBuffer
	}
	out.Bits, out.Kind, out.Listen = bits, MessageAck, s.state == sessionActive
	// "Upon sending a SCHC ACK, the receiver MUST increase the Attempts
	// counter", which "counts the requests for SCHC ACKs" (RFC 8724, Sections
	// 8.4.3.2 and 8.2.2.4): an ACK behind every window is no request. For
	// AttemptsPerAck see Sender.request.
	if !s.unasked && !(s.progressed && p.f.AttemptsPerAck) {
		s.attempts++
	}
	s.wantAck, s.unasked, s.progressed = false, false, false
	if p.f.Mode == FragmentationAckAlways && s.phase == phaseRepair && s.state == sessionActive {
		s.ack = after(now, p.f.UplinkAckMs)
	}
	return nil
}

// lastWin is the number of the last window.
func (s *Session) lastWin() uint32 {
	if s.p.f.Mode == FragmentationAckAlways {
		return s.win
	}
	return s.all1Win
}
