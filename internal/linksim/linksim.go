// Package linksim runs the state machines of schc over a simulated link, in
// virtual time: loss in bursts, duplicates, late and damaged messages, a
// maximum message size that changes. Nothing is random but the numbers of the
// caller's seed. It is for tests and tools on hosts.
package linksim

import (
	"math/rand"

	"github.com/schckit/schckit/schc"
)

// A Link is one direction. The zero value delivers everything at once, in
// order.
type Link struct {
	Loss      float64 // share of messages lost, 0..1
	Burst     float64 // mean number of messages lost in a row; below 1: independent losses
	Duplicate float64 // share delivered twice
	Reorder   float64 // share delayed by up to LateMs more
	Corrupt   float64 // share with a few bits inverted
	DelayMs   uint64  // from the end of sending to arrival
	LateMs    uint64  // of those reordered
	AirMs     uint64  // time that a message takes; the next one waits. At least 1
	// AirMsOf, if set, gives the time for a message of so many bits.
	AirMsOf func(bits int) uint64
	// GapMsOf, if set, gives how long the line stays quiet behind a message of
	// so many bits, such as a duty cycle asks for.
	GapMsOf func(bits int) uint64
	// MTUBits gives the largest message that may be sent at a time.
	MTUBits func(r *rand.Rand) int
	// Drop, if set, decides about the n-th message, from 0, instead of Loss.
	Drop func(n int, msg []byte, bits int) bool
}

// Stats counts the messages of one direction.
type Stats struct {
	Messages, Lost, Duplicated, Reordered, Corrupted int
	Bits                                             int
	AirMs                                            uint64
	Kinds                                            [8]int // by schc.MessageKind
}

// A Message is one that was sent, for Trace.
type Message struct {
	At      uint64
	Forward bool // in the fragments' direction
	Msg     []byte
	Bits    int
	Kind    schc.MessageKind
	Lost    bool
}

type arrival struct {
	at, seq uint64
	forward bool
	msg     []byte
	bits    int
}

type line struct {
	Link
	stats Stats
	free  uint64
	bad   bool // in a burst of losses
}

// A Sim connects senders of one device with a receiver.
type Sim struct {
	Now      uint64
	Senders  []*schc.Sender
	Receiver *schc.Receiver
	Forward  Link
	Back     Link
	// OnEvent is told what the receiver says.
	OnEvent func(schc.Event)
	// Until, if set, ends Run early.
	Until func() bool
	// Trace, if set, is told every message sent.
	Trace func(Message)

	rng      *rand.Rand
	fwd, bck line
	queue    []arrival // a heap
	seq      uint64
	wake     uint64 // when the receiver is to be called
	retry    uint64 // when a sender whose message did not fit is called again
	turn     int
	buf      [4096]byte
	pool     [][]byte
}

// Reset prepares for another run from time now, with the random numbers of r.
func (s *Sim) Reset(r *rand.Rand, now uint64) {
	s.rng, s.Now, s.wake, s.retry, s.seq, s.turn = r, now, now, 0, 0, 0
	s.fwd, s.bck = line{Link: s.Forward}, line{Link: s.Back}
	s.queue = s.queue[:0]
}

// Stats returns the counts of both directions since Reset.
func (s *Sim) Stats() (forward, back Stats) { return s.fwd.stats, s.bck.stats }

// Run runs until both sides are at rest: nothing is under way, no timer runs.
// It returns false if they are not after that many steps.
func (s *Sim) Run(steps int) bool {
	for ; steps > 0; steps-- {
		s.poll()
		if s.Until != nil && s.Until() {
			return true
		}
		at := s.next()
		if at == schc.Never {
			return true
		}
		s.Now = max(s.Now, at)
		for len(s.queue) > 0 && s.queue[0].at <= s.Now {
			s.arrive(s.pop())
		}
	}
	return false
}

func (s *Sim) arrive(a arrival) {
	if a.forward {
		ev, _ := s.Receiver.Receive(a.msg, a.bits, s.Now)
		s.event(ev)
		s.wake = s.Now
	} else {
		for _, t := range s.Senders {
			// The others answer that the DTag is not theirs.
			_ = t.Receive(a.msg, a.bits, s.Now)
		}
	}
	s.pool = append(s.pool, a.msg[:cap(a.msg)])
}

func (s *Sim) event(ev schc.Event) {
	if (ev.Kind != schc.EventNone || ev.Replaced) && s.OnEvent != nil {
		s.OnEvent(ev)
	}
}

// next returns when something happens next.
func (s *Sim) next() uint64 {
	at := schc.Never
	if len(s.queue) > 0 {
		at = s.queue[0].at
	}
	for _, t := range s.Senders {
		if d := t.Deadline(); d != schc.Never {
			at = min(at, max(d, s.fwd.free, s.retry))
		}
	}
	if s.wake != schc.Never {
		at = min(at, max(s.wake, s.bck.free))
	}
	return at
}

// poll lets both sides send what is due.
func (s *Sim) poll() {
	for i := range s.Senders {
		t := s.Senders[(s.turn+i)%len(s.Senders)]
		if t.Deadline() > s.Now || s.fwd.free > s.Now || s.retry > s.Now {
			continue
		}
		mtu := 8 * len(s.buf)
		if s.fwd.MTUBits != nil {
			mtu = s.fwd.MTUBits(s.rng)
		}
		out, err := t.Next(s.buf[:], mtu, s.Now)
		if err != nil {
			s.retry = s.Now + 1
		} else if out.Bits > 0 {
			s.send(&s.fwd, true, out)
			s.turn++
		}
	}
	for s.wake <= s.Now && s.bck.free <= s.Now {
		mtu := 8 * len(s.buf)
		if s.bck.MTUBits != nil {
			mtu = s.bck.MTUBits(s.rng)
		}
		out, err := s.Receiver.Next(s.buf[:], mtu, s.Now)
		s.wake = out.Deadline
		if err != nil {
			s.wake = min(s.wake, s.Now+1)
		}
		s.event(out.Event)
		if out.Bits > 0 {
			s.send(&s.bck, false, out)
		}
	}
}

// send puts a message on the line.
func (s *Sim) send(l *line, forward bool, out schc.Output) {
	air := max(l.AirMs, 1)
	if l.AirMsOf != nil {
		air = l.AirMsOf(out.Bits)
	}
	lost := s.lose(l, out)
	l.stats.Messages++
	l.stats.Bits += out.Bits
	l.stats.AirMs += air
	l.stats.Kinds[out.Kind]++
	l.free = s.Now + air
	if l.GapMsOf != nil {
		l.free += l.GapMsOf(out.Bits)
	}
	if s.Trace != nil {
		s.Trace(Message{s.Now, forward, append([]byte(nil), out.Msg...), out.Bits, out.Kind, lost})
	}
	if lost {
		l.stats.Lost++
		return
	}
	copies := 1
	if l.Duplicate > 0 && s.rng.Float64() < l.Duplicate {
		copies = 2
		l.stats.Duplicated++
	}
	for ; copies > 0; copies-- {
		a := arrival{at: s.Now + air + l.DelayMs, seq: s.seq, forward: forward, bits: out.Bits}
		s.seq++
		if n := len(s.pool); n > 0 && cap(s.pool[n-1]) >= len(out.Msg) {
			a.msg, s.pool = s.pool[n-1][:len(out.Msg)], s.pool[:n-1]
		} else {
			a.msg = make([]byte, len(out.Msg), 256+len(out.Msg))
		}
		copy(a.msg, out.Msg)
		if l.Reorder > 0 && s.rng.Float64() < l.Reorder {
			a.at += uint64(s.rng.Int63n(int64(l.LateMs) + 1))
			l.stats.Reordered++
		}
		if l.Corrupt > 0 && s.rng.Float64() < l.Corrupt {
			for k := 1 + s.rng.Intn(3); k > 0; k-- {
				i := s.rng.Intn(out.Bits)
				a.msg[i/8] ^= 0x80 >> (i % 8)
			}
			l.stats.Corrupted++
		}
		s.push(a)
	}
}

// lose decides whether a message is lost: independently, or by a chain with a
// good and a bad state (Gilbert) whose bad runs have the mean length Burst.
func (s *Sim) lose(l *line, out schc.Output) bool {
	switch {
	case l.Drop != nil:
		return l.Drop(l.stats.Messages, out.Msg, out.Bits)
	case l.Loss <= 0:
		return false
	case l.Burst <= 1 || l.Loss >= 1:
		return s.rng.Float64() < l.Loss
	}
	leave := 1 / l.Burst
	if l.bad {
		l.bad = s.rng.Float64() >= leave
	} else {
		l.bad = s.rng.Float64() < leave*l.Loss/(1-l.Loss)
	}
	return l.bad
}

// push and pop keep the queue a heap by time, then by order of sending.
func (s *Sim) push(a arrival) {
	s.queue = append(s.queue, a)
	for i := len(s.queue) - 1; i > 0 && s.less(i, (i-1)/2); i = (i - 1) / 2 {
		s.queue[i], s.queue[(i-1)/2] = s.queue[(i-1)/2], s.queue[i]
	}
}

func (s *Sim) pop() arrival {
	q := s.queue
	a := q[0]
	q[0] = q[len(q)-1]
	s.queue = q[:len(q)-1]
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(s.queue) {
			return a
		}
		if c+1 < len(s.queue) && s.less(c+1, c) {
			c++
		}
		if !s.less(c, i) {
			return a
		}
		s.queue[i], s.queue[c] = s.queue[c], s.queue[i]
		i = c
	}
}

func (s *Sim) less(i, j int) bool {
	a, b := &s.queue[i], &s.queue[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}
