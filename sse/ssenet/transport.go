package ssenet

import (
	"errors"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/schckit/schckit/sse"
)

// Info says what a transport is and did.
type Info struct {
	ID     ID
	Stream bool     // else of datagrams
	Local  net.Addr // of the socket
	Remote net.Addr // nil: not known yet
	State  State
	Err    error // why it ended; nil: in an orderly way, or not yet

	Sent, Received Counters // of the packets that were authentic
	// What came and was dropped.
	NotAuthentic uint64 // failed verification, or of another SPI
	Malformed    uint64 // no packets of this session, or with what it cannot do
	Replayed     uint64 // were there before, perhaps over another transport
	Foreign      uint64 // datagrams from another address than the peer's
}

// Counters counts packets.
type Counters struct {
	Packets     uint64
	Payload     uint64 // bytes, before GPComp
	Bytes       uint64 // bytes of the packets, on this transport
	HeaderSaved uint64 // bytes less than with headers as they are
}

// State is what a transport is used for.
type State uint8

// The states.
const (
	StateUp      State = iota // sends and receives
	StateNew                  // was accepted; nothing of the peer has come over it yet
	StateLeaving              // was deleted; receives for a while
	StateEnded
)

// String returns "up", "new", "leaving" or "ended".
func (s State) String() string {
	switch s {
	case StateNew:
		return "new"
	case StateLeaving:
		return "leaving"
	case StateEnded:
		return "ended"
	}
	return "up"
}

// AddStream adds a transport that carries a reliable stream to the peer, such as a
// *net.TCPConn that this end dialed. The session owns it from now on, also on
// error. The error is ErrTransports or net.ErrClosed.
func (s *Session) AddStream(c net.Conn) (ID, error) { return s.add(&transport{stream: true, conn: c}) }

// AcceptStream is AddStream for a connection that somebody has made, as Accept of
// a net.Listener gives it: nothing is sent over it before a packet of the peer
// has come, and without one it is closed after Config.Handshake, with the error
// ErrSilent. When MaxTransports are there, the oldest one of these that still waits
// for its first packet makes room, for this or any other transport.
func (s *Session) AcceptStream(c net.Conn) (ID, error) {
	t := &transport{stream: true, conn: c}
	t.fresh.Store(true)
	return s.add(t)
}

// AddDatagram adds a transport of datagrams whose socket is connected to the
// peer, such as a *net.UDPConn of net.Dial: each Read gives one datagram, each
// Write sends one. Otherwise it is AddStream.
func (s *Session) AddDatagram(c net.Conn) (ID, error) { return s.add(&transport{conn: c}) }

// AddPacketConn adds a transport of datagrams whose socket is not connected, such
// as one of net.ListenPacket. With a peer, datagrams from other addresses are
// dropped. Without (nil), the peer is where the newest authentic packet came
// from: nothing can be sent before the first, and a peer whose address changes
// is followed. Otherwise it is AddStream.
func (s *Session) AddPacketConn(c net.PacketConn, peer net.Addr) (ID, error) {
	t := &transport{pc: c, fixed: peer != nil}
	if peer != nil {
		t.peer.Store(&peer)
	}
	return s.add(t)
}

// Delete takes a transport out of use: nothing more is sent over it. A stream is
// ended, if it can be (CloseWrite), once what is being written has gone. The
// transport still receives until the peer has ended the stream, or
// Config.Linger is over; OnEnd tells. Delete waits for a Write that has begun,
// but not longer than that. ErrUnknownID says that there is no such transport.
func (s *Session) Delete(id ID) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.list, func(t *transport) bool { return t.id == id && !t.leaving.Load() })
	if i < 0 {
		s.mu.Unlock()
		return ErrUnknownID
	}
	t := s.list[i]
	t.leaving.Store(true)
	s.mu.Unlock()
	t.setReadDeadline(time.Now().Add(s.cfg.Linger))
	wait := time.NewTimer(s.cfg.Linger)
	defer wait.Stop()
	select {
	case t.w <- struct{}{}:
		ok := t.flush() == nil
		if c, can := t.conn.(interface{ CloseWrite() error }); t.stream && can && ok {
			ok = c.CloseWrite() == nil
		}
		t.release()
		if !ok {
			t.fail(nil)
		}
	case <-t.dead:
	case <-wait.C:
		t.fail(nil)
	}
	return nil
}

// Transports returns what the transports are and did, in the order in which they
// were added. Those that have ended are not there; OnEnd has told of them.
func (s *Session) Transports() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Info, len(s.list))
	for i, t := range s.list {
		list[i] = t.info()
		switch {
		case t.leaving.Load():
			list[i].State = StateLeaving
		case t.fresh.Load():
			list[i].State = StateNew
		}
	}
	return list
}

// transport is one of a session's.
type transport struct {
	s      *Session
	id     ID
	stream bool
	conn   net.Conn       // nil: pc
	pc     net.PacketConn // not connected
	fixed  bool           // the peer's address is given
	peer   atomic.Pointer[net.Addr]

	leaving atomic.Bool // was deleted
	fresh   atomic.Bool // was accepted, and the peer has not shown itself

	ended bool          // guarded by s.mu
	err   error         // why; set before dead is closed
	dead  chan struct{} // closed when the transport ends

	// The holder of w, which has room for one, writes.
	w       chan struct{}
	tx      *sse.Headers
	txHalf  *half
	buf     []byte // for a compressed packet
	tail    []byte // of a packet that a stream has taken in part
	last    uint64 // Sequence Number
	mixed   bool   // other transports carry numbers, too
	wholeAt uint64 // Sequence Number of the last whole header
	burst   int    // whole headers to come

	// The reader, under s.in.mu.
	rx    [2]receiver
	plain []byte

	sent, received                             counters
	notAuthentic, malformed, replayed, strange atomic.Uint64
}

// receiver restores headers under one set of keys.
type receiver struct {
	h *half
	x *sse.Headers
}

type counters struct{ packets, payload, bytes, saved atomic.Uint64 }

func (c *counters) add(payload, size, whole int) {
	c.packets.Add(1)
	c.payload.Add(uint64(payload))
	c.bytes.Add(uint64(size))
	c.saved.Add(uint64(whole - size))
}

func (c *counters) get() Counters {
	return Counters{c.packets.Load(), c.payload.Load(), c.bytes.Load(), c.saved.Load()}
}

func (t *transport) info() Info {
	return Info{ID: t.id, Stream: t.stream, Local: t.local(), Remote: t.remote(), Sent: t.sent.get(), Received: t.received.get(),
		NotAuthentic: t.notAuthentic.Load(), Malformed: t.malformed.Load(), Replayed: t.replayed.Load(), Foreign: t.strange.Load()}
}

func (t *transport) local() net.Addr {
	if t.conn != nil {
		return t.conn.LocalAddr()
	}
	return t.pc.LocalAddr()
}

func (t *transport) remote() net.Addr {
	if t.conn != nil {
		return t.conn.RemoteAddr()
	}
	if p := t.peer.Load(); p != nil {
		return *p
	}
	return nil
}

func (t *transport) setWriteDeadline(at time.Time) {
	if t.conn != nil {
		t.conn.SetWriteDeadline(at)
		return
	}
	t.pc.SetWriteDeadline(at)
}

func (t *transport) setReadDeadline(at time.Time) {
	if t.conn != nil {
		t.conn.SetReadDeadline(at)
		return
	}
	t.pc.SetReadDeadline(at)
}

func (s *Session) add(t *transport) (ID, error) {
	t.s, t.w, t.dead = s, make(chan struct{}, 1), make(chan struct{})
	s.mu.Lock()
	var err error
	if s.isClosed {
		err = net.ErrClosed
	} else if len(s.list) >= s.cfg.MaxTransports {
		if old := s.makeRoom(); old != nil {
			defer old.shut()
		} else {
			err = ErrTransports
		}
	}
	if err != nil {
		s.mu.Unlock()
		t.shut()
		return 0, err
	}
	defer s.mu.Unlock()
	s.lastID++
	t.id = s.lastID
	s.list = append(s.list, t)
	s.running++
	t.setWriteDeadline(s.until)
	if t.fresh.Load() {
		t.setReadDeadline(time.Now().Add(s.cfg.Handshake))
	}
	s.notify()
	s.wg.Add(1)
	go t.run()
	return t.id, nil
}

// makeRoom takes the oldest transport from the list that waits for its first packet,
// and returns it; nil: there is none. s.mu is locked.
func (s *Session) makeRoom() *transport {
	for _, t := range s.list {
		if t.fresh.Load() {
			t.mark(ErrSilent)
			return t
		}
	}
	return nil
}

// shown takes note that the peer has shown itself.
func (t *transport) shown() {
	if !t.fresh.CompareAndSwap(true, false) {
		return
	}
	t.setReadDeadline(time.Time{})
	if t.leaving.Load() { // Delete has set it before that, or sets it later
		t.setReadDeadline(time.Now().Add(t.s.cfg.Linger))
	}
	t.s.mu.Lock()
	t.s.notify()
	t.s.mu.Unlock()
}

// run receives until the transport ends.
func (t *transport) run() {
	s := t.s
	defer s.wg.Done()
	var err error
	if t.stream {
		err = t.readStream()
	} else {
		err = t.readDatagrams()
	}
	t.fail(err)
	<-t.dead
	s.mu.Lock()
	s.running--
	if t.err != nil {
		s.end = &EndError{t.err}
	} else {
		s.end = errEOF
	}
	s.notify()
	s.mu.Unlock()
	if s.cfg.OnEnd != nil {
		i := t.info()
		i.State, i.Err = StateEnded, t.err
		s.cfg.OnEnd(i)
	}
}

// fail ends the transport, if it has not ended. err is why; nil: in an orderly
// way.
func (t *transport) fail(err error) {
	t.s.mu.Lock()
	first := t.mark(err)
	t.s.mu.Unlock()
	if first {
		t.shut()
	}
}

// mark takes the transport from the list, and reports whether it was not before:
// shut is then to be called, without s.mu, which is locked.
func (t *transport) mark(err error) bool {
	if t.ended {
		return false
	}
	t.ended, t.err = true, err
	s := t.s
	if i := slices.Index(s.list, t); i >= 0 {
		s.list = slices.Delete(s.list, i, i+1)
		s.notify()
	}
	return true
}

// shut closes the socket, which may take time.
func (t *transport) shut() {
	if t.conn != nil {
		t.conn.Close()
	} else {
		t.pc.Close()
	}
	close(t.dead)
}

var (
	errGone   = errors.New("ssenet: the transport has ended")
	errNoPeer = errors.New("ssenet: the peer's address is not known yet")
)

// acquire waits until no other Write uses the transport. errGone says that it has
// ended or was deleted.
func (t *transport) acquire() error {
	select {
	case t.w <- struct{}{}:
		select {
		case <-t.dead:
		default:
			if !t.leaving.Load() {
				return nil
			}
		}
		t.release()
		return t.gone()
	case <-t.dead:
		return t.gone()
	case <-t.s.closed:
		return net.ErrClosed
	case <-t.s.write.wait():
		return os.ErrDeadlineExceeded
	}
}

func (t *transport) gone() error {
	select {
	case <-t.s.closed:
		return net.ErrClosed
	default:
		return errGone
	}
}

func (t *transport) release() { <-t.w }

// put sends a packet. begun says that a stream has taken a part of it, ended that
// the transport has ended.
func (t *transport) put(p *packet) (begun, ended bool, err error) {
	if err := t.flush(); err != nil {
		return false, t.broken(err), t.public(err)
	}
	data, err := t.frame(p)
	if err != nil {
		return false, false, err
	}
	var n int
	if t.conn != nil {
		n, err = t.conn.Write(data)
	} else if peer := t.peer.Load(); peer == nil {
		return false, false, errNoPeer
	} else {
		n, err = t.pc.WriteTo(data, *peer)
	}
	if err == nil {
		t.sent.add(p.payload, len(data), len(p.data))
		return false, false, nil
	}
	if t.stream && errors.Is(err, os.ErrDeadlineExceeded) {
		if n > 0 {
			t.tail = append(t.tail[:0], data[n:]...)
			t.sent.add(p.payload, len(data), len(p.data))
		}
		return n > 0, false, err
	}
	return false, t.broken(err), t.public(err)
}

// flush writes what is left of a packet.
func (t *transport) flush() error {
	if len(t.tail) == 0 {
		return nil
	}
	n, err := t.conn.Write(t.tail)
	t.tail = t.tail[n:]
	return err
}

// broken ends the transport after an error of a write that is not of one packet
// only. Nothing that a socket of datagrams says is about the next datagram: nobody
// listens now, too long, no room, no route.
func (t *transport) broken(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || !t.stream && !errors.Is(err, net.ErrClosed) {
		return false
	}
	t.fail(err)
	return true
}

// public is the error of a write for the caller.
func (t *transport) public(err error) error {
	select {
	case <-t.s.closed:
		return net.ErrClosed
	default:
		return err
	}
}

// burstLen is how many datagrams in a row have whole headers when the receiver may
// have lost the Sequence Number: some of them may be lost, too.
const burstLen = 4

// frame returns the packet as it goes over this transport.
func (t *transport) frame(p *packet) ([]byte, error) {
	if t.txHalf != p.h {
		x, err := p.h.headers(t.stream)
		if err != nil {
			return nil, err
		}
		t.tx, t.txHalf, t.last, t.wholeAt, t.mixed, t.burst = x, p.h, p.h.base, p.h.base, false, 0
	}
	if t.tx == nil || !t.stream && t.whole(p.seq) {
		return p.data, nil
	}
	var err error
	t.buf, err = t.tx.AppendCompress(t.buf[:0], p.data)
	return t.buf, err
}

// whole reports whether the datagram with this number has its header whole,
// because the receiver could not find the number: see the package comment.
func (t *transport) whole(seq uint64) bool {
	half := max(uint64(1)<<t.tx.Compression().SNBits>>1, 1)
	gap, late := seq-t.last, seq < t.last
	t.last = max(t.last, seq)
	if late || gap > half {
		t.burst = burstLen
	}
	t.mixed = t.mixed || late || gap > 1
	if t.mixed && seq-t.wholeAt >= half {
		t.burst = max(t.burst, 1)
	}
	if t.burst == 0 {
		return false
	}
	t.burst--
	t.wholeAt = seq
	return true
}
