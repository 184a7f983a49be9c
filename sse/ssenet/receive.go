package ssenet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/schckit/schckit/sse"
)

var errEOF = io.EOF

// An EndError says that no transport is left and why the last one ended. It is
// ErrNoTransport and the error of that transport.
type EndError struct{ Err error }

// Error returns the text, with the package's name first.
func (e *EndError) Error() string { return ErrNoTransport.Error() + ": " + e.Err.Error() }

// Unwrap returns ErrNoTransport and the transport's error.
func (e *EndError) Unwrap() []error { return []error{ErrNoTransport, e.Err} }

// readStream receives packets until the stream ends or has anything else in it.
func (t *transport) readStream() error {
	s := t.s
	buf := make([]byte, min(4096, s.maxPacket()))
	from, to := 0, 0
	for {
		size, err := s.packetLen(t, buf[from:to])
		switch {
		case err != nil:
			t.count(err)
			return err
		case size > 0 && size <= to-from:
			if err := t.take(buf[from : from+size]); err != nil && err != sse.ErrReplay {
				return err
			}
			from += size
			continue
		}
		if from > 0 {
			from, to = 0, copy(buf, buf[from:to])
		}
		if to == len(buf) { // the buffer is for one packet
			buf = append(buf, make([]byte, min(max(size, 2*len(buf)), s.maxPacket())-len(buf))...)
		}
		n, err := t.conn.Read(buf[to:])
		if to += n; n > 0 {
			continue
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && to > 0:
			return io.ErrUnexpectedEOF
		case errors.Is(err, os.ErrDeadlineExceeded) && t.fresh.Load():
			return ErrSilent
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded): // Linger is over
			return nil
		default:
			return err
		}
	}
}

// packetLen returns the length of the packet that b begins with, 0 if that is not
// known yet. An error says that no packet of this session begins like that.
func (s *Session) packetLen(t *transport, b []byte) (int, error) {
	s.in.mu.Lock()
	halves := s.in.h
	s.in.mu.Unlock()
	h := halves[0]
	switch {
	case len(b) == 0:
		return 0, nil
	case h == nil:
		return 0, sse.ErrUnsupported
	}
	ours := func(spi uint32, bits uint8) bool {
		mask := uint32(uint64(1)<<bits - 1)
		return (h.spi^spi)&mask == 0 || halves[1] != nil && (halves[1].spi^spi)&mask == 0
	}
	var n uint64
	var spi uint32
	var err error
	bits := uint8(32)
	if c := h.c[form(true)]; c != nil {
		var m int
		m, err = c.PacketLen(h.s.Suite(), b)
		n, bits = uint64(m), c.SPIBits
		if err == nil {
			spi, err = c.SPI(b)
		}
	} else {
		var x sse.Header
		if x, err = sse.ParseHeader(h.s.Format(), b); err == nil {
			spi = x.SPI
			n, err = sse.PacketLen(h.s.Format(), h.s.Suite(), b)
			if x.Seq == 0 {
				err = sse.ErrMalformed
			}
		}
	}
	switch {
	case err == sse.ErrTruncated:
		return 0, nil
	case err != nil:
		return 0, err
	case !ours(spi, bits):
		return 0, sse.ErrNoSA
	case n > uint64(s.maxPacket()):
		return 0, sse.ErrMalformed
	}
	return int(n), nil
}

// readDatagrams receives until the socket is closed.
func (t *transport) readDatagrams() error {
	buf := make([]byte, t.s.maxPacket()+1)
	pause := time.Duration(0)
	for {
		var n int
		var from net.Addr
		var err error
		if t.conn != nil {
			n, err = t.conn.Read(buf)
		} else {
			n, from, err = t.pc.ReadFrom(buf)
		}
		switch {
		case err == nil:
			pause = 0
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF): // Linger is over
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			// Such as "connection refused", after the peer's host said so: see
			// broken. What stays wrong must not keep the processor busy.
			t.rest(pause)
			pause = min(2*pause+time.Millisecond, maxPause)
			continue
		}
		if t.pc != nil && t.fixed && !sameAddr(from, *t.peer.Load()) {
			t.strange.Add(1)
			continue
		}
		if n == len(buf) {
			t.count(sse.ErrMalformed)
			continue
		}
		if err := t.takeFrom(buf[:n], from); errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}

const maxPause = 100 * time.Millisecond

// rest waits, or until the transport ends.
func (t *transport) rest(d time.Duration) {
	if d == 0 {
		return
	}
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-t.dead:
	}
}

func (t *transport) take(pkt []byte) error { return t.takeFrom(pkt, nil) }

// takeFrom opens a packet, counts it, and puts its payload into the queue. It waits
// while that is full.
func (t *transport) takeFrom(pkt []byte, from net.Addr) error {
	s := t.s
	m, size, newest, ask, err := t.open(pkt)
	if err != nil {
		t.count(err)
		return err
	}
	t.shown()
	t.received.add(len(m.Payload), len(pkt), size)
	if t.pc != nil && !t.fixed && newest {
		if old := t.peer.Load(); old == nil || !sameAddr(*old, from) {
			t.peer.Store(&from)
		}
	}
	if ask && s.cfg.OnRekey != nil {
		s.cfg.OnRekey()
	}
	m.Payload = bytes.Clone(m.Payload)
	select {
	case s.queue <- m:
		return nil
	case <-s.closed:
		return net.ErrClosed
	}
}

// open opens a packet under the current keys or those before. The payload is valid
// until the next call; size is what the packet would have with a whole header;
// newest says that no higher number came before; ask, that OnRekey is to be called.
func (t *transport) open(pkt []byte) (m Message, size int, newest, ask bool, err error) {
	in := &t.s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	var first error = sse.ErrUnsupported
	for i, h := range in.h {
		if h == nil {
			break
		}
		if err = t.openUnder(h, pkt); err == nil {
			x := h.s.Opened()
			m = Message{Payload: t.plain, Transport: t.id, Seq: x.Seq}
			size = h.s.Format().HeaderLen() + int(x.Length) + h.s.Suite().ICVLen()
			newest = i == 0 && x.Seq == h.s.LastSeq()
			ask = i == 0 && !h.told && h.s.NeedRekey()
			h.told = h.told || ask
			return m, size, newest, ask, nil
		}
		if err == sse.ErrReplay && t.stream {
			err = t.copied(h, pkt)
		}
		if i == 0 || first == sse.ErrNoSA {
			first = err
		}
	}
	return Message{}, 0, false, false, first
}

// openUnder opens a packet under one set of keys, into t.plain.
func (t *transport) openUnder(h *half, pkt []byte) error {
	r, err := t.receiver(h)
	if err != nil {
		return err
	}
	var first error
	if r.x != nil && !t.stream && wholeHeader(h, pkt) {
		if t.plain, first = h.s.AppendOpenWith(t.plain[:0], pkt, nil); first == nil {
			return nil
		}
	}
	if t.plain, err = h.s.AppendOpenWith(t.plain[:0], pkt, r.x); err != nil && first == sse.ErrReplay {
		return first
	}
	return err
}

// copied is the error for a packet on a stream whose number was seen: ErrReplay if it
// is the peer's, as packets are that went over two transports.
func (t *transport) copied(h *half, pkt []byte) error {
	r, err := t.receiver(h)
	if err != nil {
		return err
	}
	if t.plain, err = h.s.Verify(t.plain, pkt, r.x); err != nil {
		return sse.ErrAuth
	}
	return sse.ErrReplay
}

// wholeHeader reports whether a datagram has a header that is not compressed, as
// far as SPI and Length say.
func wholeHeader(h *half, pkt []byte) bool {
	x, err := sse.ParseHeader(h.s.Format(), pkt)
	return err == nil && x.SPI == h.spi && h.s.Format().HeaderLen()+int(x.Length)+h.s.Suite().ICVLen() == len(pkt)
}

// receiver returns what restores headers under h.
func (t *transport) receiver(h *half) (*receiver, error) {
	for i := range t.rx {
		if t.rx[i].h == h {
			return &t.rx[i], nil
		}
	}
	x, err := h.headers(t.stream)
	if err != nil {
		return nil, err
	}
	t.rx[0], t.rx[1] = receiver{h, x}, t.rx[0]
	return &t.rx[0], nil
}

// count counts what was dropped.
func (t *transport) count(err error) {
	switch err {
	case sse.ErrReplay:
		t.replayed.Add(1)
	case sse.ErrAuth, sse.ErrNoSA:
		t.notAuthentic.Add(1)
	default:
		t.malformed.Add(1)
	}
}
