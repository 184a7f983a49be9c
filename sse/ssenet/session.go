package ssenet

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/schckit/schckit/sse"
)

// A Session is one end of an SSE session over any number of transports. It is a
// net.Conn and a net.PacketConn; all methods may be called at the same time. It
// must be closed.
type Session struct {
	cfg Config

	out struct {
		mu sync.Mutex
		h  *half // nil: the session only receives
	}
	in struct {
		mu sync.Mutex
		h  [2]*half // current keys and those before; nil: none
	}

	mu       sync.Mutex
	list     []*transport // in the order of adding
	lastID   ID
	turn     int           // of ScheduleRotate
	running  int           // transports that may still give payloads
	end      error         // why the last of them ended
	changed  chan struct{} // closed and made anew when list or running changes
	isClosed bool
	until    time.Time // deadline of writes

	closed      chan struct{}
	queue       chan Message
	restMu      sync.Mutex
	rest        [][]byte // what did not fit a Read
	read, write deadline
	wg          sync.WaitGroup
	packets     sync.Pool // of *packet
}

// A Message is a payload that was received.
type Message struct {
	Payload   []byte
	Transport ID
	Seq       uint64 // Sequence Number
}

// packet is a sealed packet with its header as it is without compression.
type packet struct {
	data    []byte
	seq     uint64
	payload int
	h       *half
}

// New makes a session without a transport. The error is that of sse.Session.Reset
// or ErrConfig.
func New(cfg Config) (*Session, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	var probe sse.Session // checks what halves do not show
	if err := probe.Reset(cfg.SSE); err != nil {
		return nil, err
	}
	s := &Session{cfg: cfg, end: ErrNoTransport, changed: make(chan struct{}), closed: make(chan struct{}), queue: make(chan Message, cfg.Queue)}
	s.read.init()
	s.write.init()
	s.packets.New = func() any { return new(packet) }
	var err error
	if s.out.h, s.in.h[0], err = s.halves(&cfg.SSE); err != nil {
		return nil, err
	}
	return s, nil
}

// halves makes the directions that a configuration has.
func (s *Session) halves(c *sse.Config) (out, in *half, err error) {
	if c.Out.Block != nil {
		if out, err = newHalf(c, s.cfg.StreamHeaders, true); err != nil {
			return nil, nil, err
		}
	}
	if c.In.Block != nil {
		in, err = newHalf(c, s.cfg.StreamHeaders, false)
	}
	return out, in, err
}

// Rekey gives the session new keys, of one direction or of both: c.Out, c.In, and
// the sequence numbers of c. Format and suite must be the same (ErrOtherSuite);
// the other members are those of New. New keys have new SPIs (sse.ErrRefused): what
// comes under the keys before is accepted until the next Rekey, and keys that are
// not new would use their nonces again.
//
// Packets under new keys are not authentic to a peer that does not have them yet,
// and end a stream. So first both ends take their new In, then their new Out.
func (s *Session) Rekey(c sse.Config) error {
	if c.Format == 0 {
		c.Format = sse.FormatCompact
	}
	if c.Format != s.cfg.SSE.Format || c.Suite != s.cfg.SSE.Suite {
		return ErrOtherSuite
	}
	next := s.cfg.SSE
	next.Out, next.In, next.NextSeq, next.LastSeq, next.RekeyAt = c.Out, c.In, c.NextSeq, c.LastSeq, c.RekeyAt
	var probe sse.Session
	if err := probe.Reset(next); err != nil {
		return err
	}
	out, in, err := s.halves(&next)
	if err != nil {
		return err
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if old := s.in.h[0]; in != nil && old != nil && old.spi == in.spi {
		return sse.ErrRefused
	}
	if old := s.out.h; out != nil && old != nil && old.spi == out.spi {
		return sse.ErrRefused
	}
	if in != nil {
		s.in.h = [2]*half{in, s.in.h[0]}
	}
	if out != nil {
		s.out.h = out
	}
	return nil
}

// Write sends b as one packet over the transport that comes next by
// Config.Schedule or, if that fails, over another. It returns when a transport has
// taken the packet (with ScheduleAll, when all were tried), and waits as long as a
// stream does not.
//
// On error nothing was sent: ErrTooLong, ErrNoTransport (perhaps as an EndError,
// which has the reason), sse.ErrExhausted, sse.ErrUnsupported for a session without
// Out, os.ErrDeadlineExceeded, net.ErrClosed, or the error of the transport. One exception: if the deadline
// comes when a stream has taken a part of the packet, the result is len(b) and
// os.ErrDeadlineExceeded, and the other part goes before the next packet of that
// stream.
func (s *Session) Write(b []byte) (int, error) { return s.send(b, 0) }

// WriteTo is Write over the transport that addr, an Addr, names, and over no
// other. ErrUnknownID says that it is not there any more. nil, and an Addr without
// an ID, name none: it is Write then.
func (s *Session) WriteTo(b []byte, addr net.Addr) (int, error) {
	var to ID
	switch a := addr.(type) {
	case nil:
	case Addr:
		to = a.Transport
	default:
		return 0, ErrUnknownID
	}
	return s.send(b, to)
}

func (s *Session) send(b []byte, to ID) (int, error) {
	var p *packet
	defer func() {
		if p != nil {
			s.packets.Put(p)
		}
	}()
	var last error // of a transport that has ended
	for {
		select {
		case <-s.closed:
			return 0, net.ErrClosed
		case <-s.write.wait():
			return 0, os.ErrDeadlineExceeded
		default:
		}
		list, changed := s.choose(to)
		switch {
		case len(list) > 0:
		case to != 0:
			return 0, ErrUnknownID
		case !s.cfg.Wait && last != nil:
			return 0, &EndError{last}
		case !s.cfg.Wait:
			return 0, ErrNoTransport
		default:
			select {
			case <-s.closed:
			case <-s.write.wait():
			case <-changed:
			}
			continue
		}
		sent, gone := false, false
		var failed error
		for _, t := range list {
			if err := t.acquire(); err == errGone {
				gone = true
				continue
			} else if err != nil {
				if sent {
					break
				}
				return 0, err
			}
			if p == nil {
				var err error
				if p, err = s.seal(b); err != nil {
					t.release()
					return 0, err
				}
			}
			begun, ended, err := t.put(p)
			t.release()
			if err == nil {
				sent = true
				if s.cfg.Schedule != ScheduleAll || to != 0 {
					return len(b), nil
				}
				continue
			}
			if ended {
				last, gone = err, true
			} else {
				failed = err
			}
			switch {
			case sent || !errors.Is(err, os.ErrDeadlineExceeded):
			case begun:
				return len(b), os.ErrDeadlineExceeded
			default:
				return 0, os.ErrDeadlineExceeded
			}
		}
		switch {
		case sent:
			return len(b), nil
		case gone && to != 0:
			return 0, ErrUnknownID
		case !gone:
			return 0, failed
		}
		// Those that are left, or were added meanwhile.
	}
}

// choose lists the transports for one payload, in the order in which they are
// tried, and returns the channel that tells of changes.
func (s *Session) choose(to ID) (list []*transport, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.list {
		if !t.leaving.Load() && !t.fresh.Load() && (to == 0 || t.id == to) {
			list = append(list, t)
		}
	}
	switch s.cfg.Schedule {
	case ScheduleRotate:
		if len(list) > 1 {
			s.turn++
			n := s.turn % len(list)
			list = append(list[n:len(list):len(list)], list[:n]...)
		}
	case ScheduleAll: // datagrams first: they do not make the others wait
		slices.SortStableFunc(list, func(a, b *transport) int { return form(a.stream) - form(b.stream) })
	}
	return list, s.changed
}

// seal makes the packet of a payload.
func (s *Session) seal(b []byte) (*packet, error) {
	most := s.cfg.MaxPayload
	if g := s.cfg.SSE.CompressOut; g != nil { // which may make it fit
		most = max(most, g.MaxLen, defaultMaxPayload)
	}
	if len(b) > most {
		return nil, ErrTooLong
	}
	p := s.packets.Get().(*packet)
	s.out.mu.Lock()
	h := s.out.h
	if h == nil {
		s.out.mu.Unlock()
		return nil, sse.ErrUnsupported
	}
	seq, _ := h.s.NextSeq()
	data, err := h.s.AppendSeal(p.data[:0], b)
	ask := err == nil && !h.told && h.s.NeedRekey()
	h.told = h.told || ask
	s.out.mu.Unlock()
	if ask && s.cfg.OnRekey != nil {
		s.cfg.OnRekey()
	}
	p.data, p.seq, p.payload, p.h = data, seq, len(b), h
	if err == sse.ErrUnsupported || err == nil && len(data) > s.maxPacket() {
		err = ErrTooLong
	}
	if err != nil {
		s.packets.Put(p)
		return nil, err
	}
	return p, nil
}

// maxPacket is the longest packet that is sent or accepted, in bytes.
func (s *Session) maxPacket() int {
	return s.cfg.SSE.Format.HeaderLen() + s.cfg.MaxPayload + s.cfg.SSE.Suite.ICVLen()
}

// ReadMessage waits for a payload and returns it whole; the caller owns it. The
// errors are net.ErrClosed, os.ErrDeadlineExceeded and, when no transport is
// left, io.EOF or one that is ErrNoTransport.
func (s *Session) ReadMessage() (Message, error) {
	for {
		select {
		case <-s.closed:
			return Message{}, net.ErrClosed
		case <-s.read.wait():
			return Message{}, os.ErrDeadlineExceeded
		default:
		}
		s.mu.Lock()
		running, end, changed := s.running, s.end, s.changed
		s.mu.Unlock()
		select {
		case m := <-s.queue:
			return m, nil
		default:
		}
		if running == 0 && !s.cfg.Wait {
			return Message{}, end
		}
		select {
		case m := <-s.queue:
			return m, nil
		case <-s.closed:
		case <-s.read.wait():
		case <-changed:
		}
	}
}

// ReadFrom copies the next payload to b and returns the Addr of the transport
// that it came over. What does not fit b is lost, and the error is
// io.ErrShortBuffer then.
func (s *Session) ReadFrom(b []byte) (int, net.Addr, error) {
	m, err := s.ReadMessage()
	if err != nil {
		return 0, nil, err
	}
	n := copy(b, m.Payload)
	if n < len(m.Payload) {
		err = io.ErrShortBuffer
	}
	return n, s.remote(m.Transport), err
}

// Read copies the next payload to b, or what the Read before has left of it. It
// passes over payloads of 0 bytes.
func (s *Session) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		if n := s.takeRest(b); n > 0 {
			return n, nil
		}
		m, err := s.ReadMessage()
		if err != nil {
			return 0, err
		}
		n := copy(b, m.Payload)
		if n < len(m.Payload) {
			s.restMu.Lock()
			s.rest = append(s.rest, m.Payload[n:])
			s.restMu.Unlock()
		}
		if n > 0 {
			return n, nil
		}
	}
}

// over reports whether nothing can be read any more, or not now.
func (s *Session) over() bool {
	select {
	case <-s.closed:
	case <-s.read.wait():
	default:
		return false
	}
	return true
}

func (s *Session) takeRest(b []byte) int {
	if s.over() {
		return 0
	}
	s.restMu.Lock()
	defer s.restMu.Unlock()
	if len(s.rest) == 0 {
		return 0
	}
	n := copy(b, s.rest[0])
	if s.rest[0] = s.rest[0][n:]; len(s.rest[0]) == 0 {
		s.rest = s.rest[1:]
	}
	return n
}

// Close closes all transports at once, waits for the session's goroutines to end,
// and makes all waiting calls return net.ErrClosed. Payloads that wait for Read
// are dropped. To lose nothing, Delete the transports before and read until
// io.EOF.
func (s *Session) Close() error {
	s.mu.Lock()
	if s.isClosed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.isClosed = true
	close(s.closed)
	list := slices.Clone(s.list)
	for _, t := range list {
		t.mark(net.ErrClosed)
	}
	s.mu.Unlock()
	for _, t := range list {
		t.shut()
	}
	s.wg.Wait()
	s.read.stop()
	s.write.stop()
	return nil
}

// LocalAddr returns the SPI that this end receives with, and the address of the
// transport that was added first, if there is one.
func (s *Session) LocalAddr() net.Addr {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	var a Addr
	if h := s.in.h[0]; h != nil {
		a.SPI = h.spi
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) > 0 {
		a.Conn = s.list[0].local()
	}
	return a
}

// RemoteAddr returns the SPI that this end sends with, and the peer's address of
// the transport that was added first, if there is one.
func (s *Session) RemoteAddr() net.Addr {
	a := s.remote(0)
	a.Transport = 0
	return a
}

func (s *Session) remote(id ID) Addr {
	s.out.mu.Lock()
	a := Addr{Transport: id}
	if s.out.h != nil {
		a.SPI = s.out.h.spi
	}
	s.out.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.list {
		if id == 0 || t.id == id {
			a.Conn = t.remote()
			break
		}
	}
	return a
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (s *Session) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

// SetReadDeadline moves the time at which Read and its likes give up; the zero
// Time is never.
func (s *Session) SetReadDeadline(t time.Time) error {
	select {
	case <-s.closed:
		return net.ErrClosed
	default:
	}
	s.read.set(t)
	return nil
}

// SetWriteDeadline moves the time at which Write and WriteTo give up; the zero
// Time is never.
func (s *Session) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return net.ErrClosed
	}
	s.until = t
	s.write.set(t)
	for _, x := range s.list {
		x.setWriteDeadline(t)
	}
	return nil
}

// notify tells those who wait that list or running has changed. s.mu is locked.
func (s *Session) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}
