package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// A Reason says why a packet was given up.
type Reason uint8

// The reasons. Zero is none.
const (
	_                   Reason = iota
	ReasonAttempts             // MAX_ACK_REQUESTS was reached
	ReasonInactive             // the Inactivity Timer expired
	ReasonSenderAbort          // the sender sent a Sender-Abort
	ReasonReceiverAbort        // the receiver sent a Receiver-Abort
	ReasonRCS                  // all tiles were received, and the Reassembly Check Sequence differs
	ReasonMissing              // No-ACK: fragments are missing
	ReasonMismatch             // an ACK reports tiles that were not sent
	ReasonTooLarge             // the packet does not fit the receiver's memory
	ReasonNoSession            // the receiver has no session left
	ReasonReplaced             // another packet took the session
	ReasonLocal                // Abort was called
)

// String returns a short text.
func (r Reason) String() string {
	switch r {
	case ReasonAttempts:
		return "too many ACK requests"
	case ReasonInactive:
		return "inactivity timer expired"
	case ReasonSenderAbort:
		return "aborted by the sender"
	case ReasonReceiverAbort:
		return "aborted by the receiver"
	case ReasonRCS:
		return "reassembly check failed"
	case ReasonMissing:
		return "fragments are missing"
	case ReasonMismatch:
		return "the ACK does not fit the packet"
	case ReasonTooLarge:
		return "the packet is too large"
	case ReasonNoSession:
		return "no session is free"
	case ReasonReplaced:
		return "replaced by another packet"
	case ReasonLocal:
		return "aborted"
	}
	return "none"
}

// Err returns the class of the reason: ErrRCS, ErrIncomplete, ErrShortBuffer
// for want of memory, or nil for none.
func (r Reason) Err() error {
	switch r {
	case 0:
		return nil
	case ReasonRCS:
		return ErrRCS
	case ReasonTooLarge, ReasonNoSession:
		return ErrShortBuffer
	}
	return ErrIncomplete
}

// An Output is what a Sender or a Receiver has to send, and when it is to be
// called again.
type Output struct {
	Msg      []byte      // the message, at the start of the caller's buffer; nil: nothing to send now
	Bits     int         // its length in bits, a multiple of the L2 Word
	Kind     MessageKind // what it is
	Listen   bool        // an answer may follow: open a receive window, ask for a downlink
	Deadline uint64      // call Next at that time at the latest; Never
	Event    Event       // a Receiver's: what became of a session
}

// SenderState says what a Sender is doing.
type SenderState uint8

// The states. Zero is SenderIdle.
const (
	SenderIdle    SenderState = iota // nothing was started
	SenderSending                    // Next has a message
	SenderWaiting                    // an ACK or a timer is awaited
	SenderDone                       // everything was sent; with ACKs: and received
	SenderFailed                     // given up; Reason says why
)

// A Sender fragments one SCHC Packet at a time (RFC 8724, Sections 8.4.1.1,
// 8.4.2.1 and 8.4.3.1). It has no clock: every call takes the time, in
// milliseconds of any monotonic clock, and Next says when it wants to be
// called again. Packets that are interleaved under one RuleID take one Sender
// each, with different DTags.
//
//	s.Reset(&profile, make([]byte, profile.SenderBytes(bits)))
//	err := s.Start(packet, bits, dtag, now)
//	out, err := s.Next(buf, mtuBits, now) // until there is nothing to send
//	err = s.Receive(msg, bits, now)       // an ACK came
//
// The zero value is idle. A Sender is for one goroutine at a time and never
// allocates.
type Sender struct {
	p        *Profile
	packet   []byte
	mem      bitmap // tiles to be sent; ACK-Always with tiles of any size: and where they end
	deadline uint64
	bits     int    // of the packet
	off      int    // No-ACK, ACK-Always: the first bit that was never sent
	start    int    // ACK-Always: the first bit of the window
	pad      int    // ACK-on-Error: padding behind the last tile in a Regular SCHC Fragment
	dtag     uint32 // of the packet
	tiles    uint32 // of the packet, if tiles have a fixed size; in ACK-Always: of the window, sent so far
	next     uint32 // ACK-on-Error: tiles below were sent at least once
	lim      uint32 // ACK-on-Error: tiles below may be sent
	win      uint32 // ACK-Always: number of the window
	rounds   uint32 // ACKs that set attempts back
	attempts uint16
	group    uint8 // ACK-on-Error: this many tiles at the end go in one Regular SCHC Fragment of their own
	state    SenderState
	reason   Reason
	want     MessageKind // to be sent when no tile is left to send
	last     uint8       // where the last tile goes: lastOpen, lastAll1, lastRegular
	again    bool        // want repeats a request that was not answered
	pair     bool        // ACK-on-Error: in a Regular SCHC Fragment, the last tile must not be alone
	short    bool        // ACK-on-Error: the penultimate tile is an L2 Word shorter
	listen   bool        // ACK-on-Error: waiting behind a window that is not the last
	all1Sent bool        // the All-1 was sent; in ACK-Always: of this window
	all1Seen bool        // ACK-on-Error: the receiver has the tile in the All-1
}

const (
	lastOpen = iota
	lastAll1
	lastRegular
)

// Reset makes s idle, for packets under p, with memory for its bitmap, of
// p.SenderBytes. s keeps both.
func (s *Sender) Reset(p *Profile, mem []byte) {
	*s = Sender{p: p, mem: mem, deadline: Never}
}

// Start begins to send the SCHC Packet of so many bits at the start of packet,
// dropping an earlier one. The bits behind it, up to a whole byte, must be
// zero. s keeps packet until it is done or failed.
//
// It returns ErrMalformed for an empty packet or one with other bits behind
// it, ErrUnsupported if the packet needs more tiles than the Profile can
// number or the DTag does not fit, ErrShortBuffer if the memory of Reset is
// too small. Then s is idle.
func (s *Sender) Start(packet []byte, bits int, dtag uint32, now uint64) error {
	p := s.p
	if p == nil {
		return ErrUnsupported
	}
	s.Reset(p, s.mem)
	switch {
	case bits <= 0 || bits > 8*len(packet) || bits&7 != 0 && !zeroBits(packet, bits, (bits+7)&^7):
		return ErrMalformed
	case dtag > lowOnes(p.f.DTagBits), p.up(p.all1Hdr+bits) <= p.up(p.hdr):
		return ErrUnsupported
	case len(s.mem) < p.SenderBytes(bits):
		return ErrShortBuffer
	}
	s.packet, s.bits, s.dtag = packet, bits, dtag
	clear(s.mem[:p.SenderBytes(bits)])
	if p.f.TileBits > 0 {
		if err := s.startTiles(); err != nil {
			s.Reset(p, s.mem)
			return err
		}
	}
	s.state, s.deadline = SenderSending, now
	return nil
}

// startTiles counts the tiles of a packet that has tiles of a fixed size.
func (s *Sender) startTiles() error {
	p, t := s.p, int(s.p.f.TileBits)
	n := (s.bits + t - 1) / t
	if p.f.All1Empty {
		n = s.bits/t + 1
	}
	if p.f.Mode == FragmentationAckOnError {
		return s.startAckOnError(uint32(n))
	}
	limit := uint64(1) << 31
	switch {
	case p.f.CountDown:
		limit = uint64(p.all1())
	case p.f.Mode == FragmentationAckAlways && p.f.WBits == 0:
		limit = uint64(p.f.WindowSize)
	}
	// The last tile must not make the All-1 look like a Sender-Abort.
	if uint64(n) > limit || p.up(p.all1Hdr+s.bits-(n-1)*t) <= p.up(p.hdr) {
		return ErrUnsupported
	}
	s.tiles = uint32(n)
	if p.f.Mode == FragmentationAckAlways {
		s.tiles = 0
	}
	return nil
}

// State returns what s is doing.
func (s *Sender) State() SenderState { return s.state }

// Reason returns why s failed, or zero.
func (s *Sender) Reason() Reason { return s.reason }

// DTag returns the datagram tag of the packet.
func (s *Sender) DTag() uint32 { return s.dtag }

// Deadline returns when Next is to be called at the latest, or Never.
func (s *Sender) Deadline() uint64 { return s.deadline }

// Active reports whether a packet is under way.
func (s *Sender) Active() bool { return s.state == SenderSending || s.state == SenderWaiting }

// Abort gives the packet up; Next returns a Sender-Abort.
func (s *Sender) Abort(now uint64) {
	if s.Active() {
		s.abort(ReasonLocal, now)
	}
}

func (s *Sender) abort(r Reason, now uint64) {
	s.state, s.want, s.reason, s.deadline = SenderSending, MessageSenderAbort, r, now
}

func (s *Sender) finish(st SenderState, r Reason) {
	s.state, s.reason, s.deadline, s.packet = st, r, Never, nil
}

// wait starts the Retransmission Timer.
func (s *Sender) wait(now uint64) {
	s.state, s.want, s.deadline = SenderWaiting, MessageNone, after(now, s.p.f.RetransmissionMs)
}

// after returns the time ms after now; 0 is a timer that does not run.
func after(now uint64, ms uint32) uint64 {
	if ms == 0 || now > Never-uint64(ms) {
		return Never
	}
	return now + uint64(ms)
}

// Next writes the next message to buf, if one is due, and says when to call it
// again. mtuBits is the largest message that the layer below takes now; it may
// change from call to call, in ACK-Always only where tiles of any size were
// not yet sent. A message is never longer than buf. Without one, Output.Msg is
// nil.
//
// It returns ErrShortBuffer if not even one tile or the message to be sent
// fits; nothing has changed then, call it again with more room.
func (s *Sender) Next(buf []byte, mtuBits int, now uint64) (out Output, err error) {
	if s.state == SenderWaiting && now >= s.deadline {
		s.timeout(now)
	}
	if s.state == SenderSending {
		room := s.p.down(min(mtuBits, 8*len(buf)))
		switch {
		case s.want == MessageSenderAbort:
			err = s.sendAbort(buf, room, &out)
		case s.p.f.Mode == FragmentationAckOnError:
			err = s.nextAckOnError(buf, room, now, &out)
		default:
			err = s.nextInOrder(buf, room, now, &out)
		}
		if out.Bits > 0 {
			out.Msg = buf[:(out.Bits+7)/8]
		}
		if err == nil && s.state == SenderSending {
			s.deadline = now
		}
	}
	out.Deadline = s.deadline
	if err != nil {
		out.Deadline = Never
	}
	return out, err
}

// sendAbort sends a Sender-Abort: W is all ones (RFC 8724, Section 8.3.4).
func (s *Sender) sendAbort(buf []byte, room int, out *Output) error {
	p := s.p
	if p.up(p.hdr) > room || int(p.f.FragmentBytes)*8 > room {
		return ErrShortBuffer
	}
	out.Kind = MessageSenderAbort
	out.Bits = p.putFragment(buf, s.dtag, p.maxW(), p.all1(), p.hdr, nil, 0, 0)
	s.finish(SenderFailed, s.reason)
	return nil
}

// sendAckReq sends an ACK REQ (RFC 8724, Section 8.3.3).
func (s *Sender) sendAckReq(buf []byte, room int, w uint32, out *Output) error {
	p := s.p
	if p.up(p.hdr) > room {
		return ErrShortBuffer
	}
	out.Kind, out.Listen = MessageAckReq, true
	out.Bits = p.putFragment(buf, s.dtag, w, 0, p.hdr, nil, 0, 0)
	return nil
}

// sendRegular sends the bits from <= i < to of the packet. The caller has
// checked that they fit.
func (s *Sender) sendRegular(buf []byte, w, fcn uint32, from, to int, out *Output) {
	p := s.p
	out.Kind = MessageRegular
	out.Bits = p.putFragment(buf, s.dtag, w, fcn, p.regHdr, s.packet, from, to-from)
}

// sendAll1 sends an All-1 with the bits from <= i < to of the packet. pad is
// the padding that the RCS covers, or -1 for that of the All-1 itself. count
// is the RCS of a Profile that counts fragments.
func (s *Sender) sendAll1(buf []byte, room int, w uint32, from, to, pad int, count uint32, out *Output) error {
	p := s.p
	bits := max(p.up(p.all1Hdr+to-from), 8*int(p.f.FragmentBytes))
	if bits > room {
		return ErrShortBuffer
	}
	if pad < 0 {
		pad = bits - p.all1Hdr - (to - from)
	}
	rcs := count
	switch {
	case p.f.RCSAlgorithm != RCSFragments && p.rcs != nil:
		// "The RCS MUST be computed on the full SCHC Packet concatenated
		// with the padding bits, if any, of the SCHC Fragment carrying the
		// last tile" (RFC 8724, Section 8.2.3).
		rcs = p.rcs(s.packet[:(s.bits+7)/8], s.bits+pad)
	case p.f.RCSAlgorithm != RCSFragments:
		return ErrUnsupported
	}
	out.Kind, out.Listen = MessageAll1, p.f.Mode != FragmentationNoAck
	out.Bits = p.putFragment(buf, s.dtag, w, p.all1(), p.all1Hdr, s.packet, from, to-from)
	bitio.Put(buf, p.hdr, int(p.f.RCSBits), uint64(rcs))
	return nil
}

// Receive takes a message of so many bits that came against the fragments'
// direction. A message that does not concern s now is ignored.
//
// It returns ErrNoRule for a message with another RuleID or DTag, or if no
// packet is under way, and ErrMalformed or ErrTruncated for one that is no
// SCHC ACK or Receiver-Abort.
func (s *Sender) Receive(msg []byte, bits int, now uint64) error {
	if !s.Active() || s.p.f.Mode == FragmentationNoAck {
		return ErrNoRule
	}
	m, err := s.p.ParseAck(msg, bits)
	if err != nil {
		return err
	}
	if m.DTag != s.dtag {
		return ErrNoRule
	}
	switch {
	case s.want == MessageSenderAbort: // nothing can change that
	case m.Kind == MessageReceiverAbort:
		s.finish(SenderFailed, ReasonReceiverAbort)
	case s.p.f.Mode == FragmentationAckOnError:
		s.ackOnError(&m, msg, bits, now)
	default:
		s.ackAlways(&m, msg, bits, now)
	}
	return nil
}

// request counts a request for an ACK. RFC 8724 counts all requests of a
// packet, in ACK-Always all of a window; RFC 9363 ("the maximum number of
// retries for a specific SCHC ACK") and RFC 9442, Section 3.5.1.1 ("repeated
// All-1s sent in sequence, without a Compound ACK reception in between") count
// repetitions only.
func (s *Sender) request(now uint64) {
	if s.again || !s.p.f.AttemptsPerAck {
		s.attempts++
	}
	s.again = false
	s.wait(now)
}

// retry is the expiry of the Retransmission Timer: it asks again with want, or
// gives up.
func (s *Sender) retry(want MessageKind, now uint64) {
	if s.attempts >= uint16(s.p.f.MaxAckRequests) {
		s.abort(ReasonAttempts, now)
		return
	}
	if s.p.f.NoAckReq {
		want = MessageAll1
	}
	s.again = true
	s.state, s.want, s.deadline = SenderSending, want, now
}

func (s *Sender) timeout(now uint64) {
	if s.p.f.Mode == FragmentationAckOnError {
		s.timeoutAckOnError(now)
		return
	}
	s.retry(MessageAckReq, now)
}

// tileEnd and setTileEnd keep, in ACK-Always with tiles of any size, where
// tile i of the window ends.
func (s *Sender) tileEnd(i uint32) int {
	if t := int(s.p.f.TileBits); t > 0 {
		return min(s.start+int(i+1)*t, s.off)
	}
	return int(binary.LittleEndian.Uint32(s.mem[s.tileAt(i):]))
}

func (s *Sender) setTileEnd(i uint32, end int) {
	if s.p.f.TileBits == 0 {
		binary.LittleEndian.PutUint32(s.mem[s.tileAt(i):], uint32(end))
	}
}

func (s *Sender) tileAt(i uint32) int { return (int(s.p.f.WindowSize)+7)/8 + 4*int(i) }
