package ssenet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

// patience bounds waits for what must happen; nothing takes that long.
const patience = 20 * time.Second

func block(b byte) cipher.Block {
	c, err := aes.NewCipher(bytes.Repeat([]byte{b}, 16))
	if err != nil {
		panic(err)
	}
	return c
}

// keys returns both ends' configurations.
func keys(f sse.Format, s sse.Suite) (a, b sse.Config) {
	up := sse.Key{SPI: 0x010203, Block: block(1), Salt: make([]byte, s.SaltLen())}
	down := sse.Key{SPI: 0x0a0b0c, Block: block(2), Salt: make([]byte, s.SaltLen())}
	return sse.Config{Format: f, Suite: s, Out: up, In: down}, sse.Config{Format: f, Suite: s, Out: down, In: up, Dir: schc.DirDown}
}

// compact is the usual session.
func compact() (a, b Config) {
	x, y := keys(sse.FormatCompact, sse.SuiteCCM8)
	return Config{SSE: x}, Config{SSE: y}
}

// pair returns two ends without transports. They are closed at the end, and no
// goroutine of the package is left then.
func pair(t testing.TB, ca, cb Config) (a, b *Session) {
	t.Helper()
	a, err := New(ca)
	if err != nil {
		t.Fatal(err)
	}
	b, err = New(cb)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
		leaks(t)
	})
	return a, b
}

// leaks fails the test if a goroutine of this package is left after Close.
func leaks(t testing.TB) {
	t.Helper()
	buf := make([]byte, 1<<20)
	eventually(t, "all goroutines of the package end", func() bool {
		// Those that have told that they end may still be there for a moment.
		return !bytes.Contains(buf[:runtime.Stack(buf, true)], []byte("ssenet.(*transport).run"))
	})
}

// tcp returns both ends of a TCP connection.
func tcp(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	y, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return x.(*net.TCPConn), y.(*net.TCPConn)
}

// udp returns a socket that is connected to another, which is not, and its
// address.
func udp(t testing.TB) (a *net.UDPConn, b *net.UDPConn) {
	t.Helper()
	b, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	a, err = net.DialUDP("udp", nil, b.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// addTCP and addUDP add a transport to both ends.
func addTCP(t testing.TB, a, b *Session) (ID, ID) {
	t.Helper()
	x, y := tcp(t)
	return must[ID](t)(a.AddStream(x)), must[ID](t)(b.AddStream(y))
}

func addUDP(t testing.TB, a, b *Session) (ID, ID) {
	t.Helper()
	x, y := udp(t)
	return must[ID](t)(a.AddDatagram(x)), must[ID](t)(b.AddPacketConn(y, nil))
}

// send and receive fail the test on errors.
func send(t testing.TB, s *Session, payload string) {
	t.Helper()
	if n, err := s.Write([]byte(payload)); n != len(payload) || err != nil {
		t.Fatalf("Write(%.20q) = %d, %v", payload, n, err)
	}
}

func receive(t testing.TB, s *Session) Message {
	t.Helper()
	s.SetReadDeadline(time.Now().Add(patience))
	m, err := s.ReadMessage()
	if err != nil {
		t.Fatalf("ReadMessage: %v", err)
	}
	return m
}

// expect fails the test unless payload comes next.
func expect(t testing.TB, s *Session, payload string) Message {
	t.Helper()
	m := receive(t, s)
	if string(m.Payload) != payload {
		t.Fatalf("ReadMessage: %.40q, want %.40q", m.Payload, payload)
	}
	return m
}

// eventually waits for what another goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("does not happen: %s", what)
		}
	}
}

// TestNetConn: over a stream the session does what a net.Conn does, by the tests
// of golang.org/x/net/nettest.
func TestNetConn(t *testing.T) {
	for _, headers := range []*sse.Compression{nil, {SNBits: 8}} {
		t.Run(fmt.Sprintf("headers=%v", headers != nil), func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				ca, cb := compact()
				ca.SSE.Headers, cb.SSE.Headers = headers, headers
				a, err := New(ca)
				if err != nil {
					return nil, nil, nil, err
				}
				b, err := New(cb)
				if err != nil {
					return nil, nil, nil, err
				}
				addTCP(t, a, b)
				return a, b, func() {
					a.Close()
					b.Close()
					leaks(t)
				}, nil
			})
		})
	}
}

// TestForms: payloads of all sizes go both ways over each kind of transport, in
// each format, with and without compressed headers and GPComp.
func TestForms(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, f := range []sse.Format{sse.FormatCompact, sse.FormatLarge, sse.FormatExtreme} {
		for _, suite := range []sse.Suite{sse.SuiteCCM16, sse.SuiteGCM8} {
			for mode := 0; mode < 4; mode++ {
				if mode > 1 && f != sse.FormatCompact {
					continue
				}
				x, y := keys(f, suite)
				ca, cb := Config{SSE: x}, Config{SSE: y}
				for _, c := range []*Config{&ca, &cb} {
					if mode%2 == 1 {
						lzs := new(gpcomp.LZS)
						lzs.Reset(make([]uint16, gpcomp.LZSMem(4096)))
						c.SSE.CompressOut = &gpcomp.Association{Codec: lzs, Threshold: 1}
						c.SSE.CompressIn = &gpcomp.Association{Codec: new(gpcomp.LZS)}
					}
					if mode > 1 {
						c.SSE.Headers = &sse.Compression{SPIBits: 3, SNBits: 9, FlagC: mode == 3}
					}
				}
				t.Run(fmt.Sprintf("%v/%v/%d", f, suite, mode), func(t *testing.T) {
					a, b := pair(t, ca, cb)
					ua, _ := addUDP(t, a, b)
					ta, _ := addTCP(t, a, b)
					for i := 0; i < 60; i++ {
						payload := make([]byte, []int{0, 1, rnd.Intn(4096), 4095}[i%4])
						if i%3 == 0 {
							rnd.Read(payload)
						}
						id := ua
						if i%2 == 0 {
							id = ta
						}
						if _, err := a.WriteTo(payload, Addr{Transport: id}); err != nil {
							t.Fatal(err)
						}
						m := expect(t, b, string(payload))
						if m.Seq != uint64(i+1) {
							t.Fatalf("Sequence Number %d, want %d", m.Seq, i+1)
						}
						if _, err := b.WriteTo(payload, Addr{Transport: m.Transport}); err != nil {
							t.Fatal(err)
						}
						if m := expect(t, a, string(payload)); m.Transport != id {
							t.Fatalf("came over %d, want %d", m.Transport, id)
						}
					}
				})
			}
		}
	}
}

// TestDelete: a transport is deleted while data goes over it and another; all of it
// arrives.
func TestDelete(t *testing.T) {
	ca, cb := compact()
	ca.Schedule = ScheduleRotate
	ca.SSE.Headers, cb.SSE.Headers = &sse.Compression{SNBits: 8}, &sse.Compression{SNBits: 8}
	var ended atomic.Int32
	last := make(chan Info, 4)
	cb.OnEnd = func(i Info) { ended.Add(1); last <- i }
	a, b := pair(t, ca, cb)
	ta, _ := addTCP(t, a, b)
	ua, _ := addUDP(t, a, b)
	const total = 400
	seen := map[string]int{}
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := 0; i < total; i++ {
			m, err := b.ReadMessage()
			if err != nil {
				t.Errorf("ReadMessage: %v", err)
				return
			}
			seen[string(m.Payload)]++
		}
	}()
	b.SetReadDeadline(time.Now().Add(patience))
	for i := 0; i < total; i++ {
		if i == total/2 {
			if err := a.Delete(ta); err != nil {
				t.Fatal(err)
			}
			if err := a.Delete(ta); err != ErrUnknownID {
				t.Errorf("Delete again: %v", err)
			}
		}
		send(t, a, fmt.Sprint("payload ", i))
		if i%50 == 49 { // or the kernel may drop datagrams
			eventually(t, "datagrams arrive", func() bool {
				list := b.Transports()
				return list[len(list)-1].Received.Packets >= a.Transports()[len(a.Transports())-1].Sent.Packets
			})
		}
	}
	wg.Wait()
	if len(seen) != total {
		t.Errorf("%d payloads, want %d", len(seen), total)
	}
	for p, n := range seen {
		if n != 1 {
			t.Errorf("%q came %d times", p, n)
		}
	}
	i := <-last
	if !i.Stream || i.Err != nil || i.State != StateEnded || i.Received.Packets != total/4 {
		t.Errorf("what ended: %+v", i)
	}
	if i.Received.HeaderSaved != total/4*(8-4) {
		t.Errorf("the stream saved %d bytes, want 4 of each packet", i.Received.HeaderSaved)
	}
	list := a.Transports()
	if len(list) != 1 || list[0].ID != ua || list[0].Stream || list[0].Sent.Packets != total*3/4 {
		t.Errorf("what is left: %+v", list)
	}
	if err := a.Delete(77); err != ErrUnknownID {
		t.Errorf("Delete(77): %v", err)
	}
}

// TestSurvives: a stream that breaks, and all but the last transport, are no end.
func TestSurvives(t *testing.T) {
	ca, cb := compact()
	why := make(chan Info, 4)
	cb.OnEnd = func(i Info) { why <- i }
	a, b := pair(t, ca, cb)
	x, y := tcp(t)
	must[ID](t)(a.AddStream(x))
	must[ID](t)(b.AddStream(y))
	addTCP(t, a, b)
	addUDP(t, a, b)
	send(t, a, "one")
	if m := expect(t, b, "one"); m.Transport != 1 {
		t.Errorf("came over %d", m.Transport)
	}
	x.SetLinger(0) // a reset
	x.Close()
	if i := <-why; i.ID != 1 || i.Err == nil {
		t.Errorf("what ended: %+v", i)
	}
	send(t, a, "two")
	if m := expect(t, b, "two"); m.Transport != 2 {
		t.Errorf("came over %d", m.Transport)
	}
	if err := b.Delete(2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other end notices", func() bool { return len(a.Transports()) == 1 })
	send(t, a, "three")
	expect(t, b, "three")
	send(t, b, "four")
	expect(t, a, "four")
}

// TestEnd: what Read and Write do when no transport is left, and that a new one
// makes the session go on.
func TestEnd(t *testing.T) {
	ca, cb := compact()
	a, b := pair(t, ca, cb)
	if _, err := a.ReadMessage(); !errors.Is(err, ErrNoTransport) {
		t.Errorf("ReadMessage: %v", err)
	}
	if _, err := a.Write(nil); err != ErrNoTransport {
		t.Errorf("Write: %v", err)
	}
	ta, _ := addTCP(t, a, b)
	send(t, a, "last words")
	if err := a.Delete(ta); err != nil {
		t.Fatal(err)
	}
	expect(t, b, "last words")
	if _, err := b.ReadMessage(); err != io.EOF {
		t.Errorf("ReadMessage after the end: %v", err)
	}
	x, y := tcp(t)
	must[ID](t)(b.AddStream(y))
	x.Write([]byte{1, 2, 3})
	x.Close()
	var end *EndError
	if _, err := b.ReadMessage(); !errors.As(err, &end) || !errors.Is(err, ErrNoTransport) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadMessage after a part of a packet: %v", err)
	}
	eventually(t, "the deleted transport ends", func() bool { return len(a.Transports()) == 0 })
	addTCP(t, a, b)
	send(t, a, "again")
	expect(t, b, "again")
}

// TestWait: with Wait, Read and Write wait for a transport.
func TestWait(t *testing.T) {
	ca, cb := compact()
	ca.Wait, cb.Wait = true, true
	a, b := pair(t, ca, cb)
	a.SetDeadline(time.Now().Add(-time.Second))
	for _, f := range []func([]byte) (int, error){a.Read, a.Write} {
		if _, err := f([]byte{1}); err != os.ErrDeadlineExceeded {
			t.Errorf("past deadline: %v", err)
		}
	}
	a.SetDeadline(time.Time{})
	done := make(chan error)
	go func() { _, err := a.Write([]byte("early")); done <- err }()
	b.SetReadDeadline(time.Now().Add(patience))
	go func() { _, err := b.Read(make([]byte, 9)); done <- err }()
	addTCP(t, a, b)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	// What waits ends with Close.
	ta := a.Transports()[0].ID
	a.Delete(ta)
	eventually(t, "no transport", func() bool { return len(a.Transports()) == 0 })
	go func() { _, err := a.Write([]byte("late")); done <- err }()
	go func() { _, err := a.Read(make([]byte, 9)); done <- err }()
	a.Close()
	for range 2 {
		if err := <-done; err != net.ErrClosed {
			t.Error(err)
		}
	}
}

// TestHostileStream: a stream with anything but packets of the session is closed,
// and the session goes on.
func TestHostileStream(t *testing.T) {
	ca, cb := compact()
	long, err := sse.AppendHeader(nil, sse.FormatCompact, sse.Header{SPI: 0x010203, Length: 4095, Seq: 9})
	if err != nil {
		t.Fatal(err)
	}
	var sealer sse.Session
	if err := sealer.Reset(ca.SSE); err != nil {
		t.Fatal(err)
	}
	good, err := sealer.AppendSeal(nil, []byte("real"))
	if err != nil {
		t.Fatal(err)
	}
	next, err := sealer.AppendSeal(nil, []byte("next"))
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(next)
	forged[len(forged)-1]++
	seen := bytes.Clone(next) // that of good
	seen[7] ^= 3
	zero := bytes.Clone(next)
	zero[5] &= 0xf0
	zero[6], zero[7] = 0, 0
	why := make(chan Info, 1)
	cb.OnEnd = func(i Info) {
		if i.Stream {
			why <- i
		}
	}
	a, b := pair(t, ca, cb)
	addUDP(t, a, b)
	for _, x := range []struct {
		name  string
		bytes []byte
		want  error
	}{
		{"garbage", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), sse.ErrNoSA},
		{"zeros", make([]byte, 100000), sse.ErrMalformed},
		{"forged", forged, sse.ErrAuth},
		{"number 0", zero, sse.ErrMalformed},
		{"long and forged", append(bytes.Clone(long), make([]byte, 5000)...), sse.ErrAuth},
		{"real, then forged", append(bytes.Clone(good), forged...), sse.ErrAuth},
		{"real again, then forged", append(bytes.Clone(good), forged...), sse.ErrAuth},
		{"a number that was seen", seen, sse.ErrAuth},
		{"half a packet", next[:12], io.ErrUnexpectedEOF},
	} {
		c, d := tcp(t)
		must[ID](t)(b.AddStream(d))
		c.Write(x.bytes)
		if len(x.bytes) < len(next) {
			c.Close()
		}
		if i := <-why; !errors.Is(i.Err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, i.Err, x.want)
		}
		c.Close()
	}
	expect(t, b, "real")
	// Half a packet, and nothing then: the session does not wait for it.
	c, d := tcp(t)
	must[ID](t)(b.AddStream(d))
	c.Write(long)
	defer c.Close()
	send(t, a, "its number was used by the sealer")
	for i := 0; i < 3; i++ {
		send(t, a, fmt.Sprint("still here ", i))
		expect(t, b, fmt.Sprint("still here ", i))
	}
}

// TestHostileDatagrams: forged, replayed and foreign datagrams are counted, cost no
// memory, and the session goes on.
func TestHostileDatagrams(t *testing.T) {
	for _, headers := range []*sse.Compression{nil, {SNBits: 8}, {}} {
		t.Run(fmt.Sprintf("headers=%+v", headers), func(t *testing.T) {
			ca, cb := compact()
			ca.SSE.Headers, cb.SSE.Headers = headers, headers
			a, b := pair(t, ca, cb)
			x, y := udp(t)
			must[ID](t)(b.AddPacketConn(y, nil))
			// What goes out is also kept, for the replay.
			var tap bytes.Buffer
			must[ID](t)(a.AddDatagram(&tapConn{Conn: x, w: &tap}))
			enemy := must[*net.UDPConn](t)(net.DialUDP("udp", nil, y.LocalAddr().(*net.UDPAddr)))
			defer enemy.Close()
			rnd := rand.New(rand.NewSource(2))
			send(t, a, "first")
			expect(t, b, "first")
			const n = 2000
			for i := 0; i < n; i++ {
				p := make([]byte, rnd.Intn(200))
				rnd.Read(p)
				if i%3 == 0 && len(p) > 8 {
					binary.BigEndian.PutUint32(p, 0x01020300)
				}
				if i%10 == 0 {
					p = tap.Bytes()
				}
				enemy.Write(p)
				if i%20 == 19 {
					eventually(t, "the datagrams are dropped", func() bool {
						s := b.Transports()[0]
						return s.NotAuthentic+s.Malformed+s.Replayed >= uint64(i+1)
					})
				}
			}
			enemy.Write(make([]byte, 30000))
			eventually(t, "the long one is dropped", func() bool { s := b.Transports()[0]; return s.NotAuthentic+s.Malformed+s.Replayed == n+1 })
			s := b.Transports()[0]
			if s.NotAuthentic == 0 || s.Malformed == 0 || headers == nil && s.Replayed != n/10 || s.Received.Packets != 1 {
				t.Errorf("%+v", s)
			}
			if !sameAddr(s.Remote, x.LocalAddr()) {
				t.Errorf("the peer is %v, want %v", s.Remote, x.LocalAddr())
			}
			send(t, a, "second")
			expect(t, b, "second")
			send(t, b, "back")
			expect(t, a, "back")
		})
	}
}

// tapConn keeps what is written first.
type tapConn struct {
	net.Conn
	w *bytes.Buffer
}

func (c *tapConn) Write(b []byte) (int, error) {
	if c.w.Len() == 0 {
		c.w.Write(b)
	}
	return c.Conn.Write(b)
}

// TestForeign: with a fixed peer, datagrams from elsewhere are not even verified;
// without, a peer that moves is followed.
func TestForeign(t *testing.T) {
	for _, fixed := range []bool{true, false} {
		t.Run(fmt.Sprintf("fixed=%v", fixed), func(t *testing.T) {
			ca, cb := compact()
			a, b := pair(t, ca, cb)
			x, y := udp(t)
			var peer net.Addr
			if fixed {
				peer = x.LocalAddr()
			}
			must[ID](t)(b.AddPacketConn(y, peer))
			first := must[ID](t)(a.AddDatagram(x))
			if !fixed {
				if _, err := b.Write([]byte("whereto?")); err != errNoPeer {
					t.Errorf("Write without a peer: %v", err)
				}
			}
			send(t, a, "from here")
			expect(t, b, "from here")
			if err := a.Delete(first); err != nil {
				t.Fatal(err)
			}
			z := must[*net.UDPConn](t)(net.DialUDP("udp", nil, y.LocalAddr().(*net.UDPAddr)))
			must[ID](t)(a.AddDatagram(z))
			send(t, a, "from there")
			if fixed {
				eventually(t, "it is dropped", func() bool { return b.Transports()[0].Foreign == 1 })
				return
			}
			expect(t, b, "from there")
			if got := b.Transports()[0].Remote; !sameAddr(got, z.LocalAddr()) {
				t.Errorf("the peer is %v, want %v", got, z.LocalAddr())
			}
			send(t, b, "welcome")
			expect(t, a, "welcome")
		})
	}
}

// TestFailOver: what a stream held back does not keep the receiver from finding
// the Sequence Numbers of later datagrams, which have few bits of them.
func TestFailOver(t *testing.T) {
	for _, bits := range []uint8{0, 1, 4, 8} {
		t.Run(fmt.Sprintf("bits=%d", bits), func(t *testing.T) {
			ca, cb := compact()
			ca.SSE.Headers, cb.SSE.Headers = &sse.Compression{SNBits: bits}, &sse.Compression{SNBits: bits}
			a, b := pair(t, ca, cb)
			x, _ := tcp(t) // nobody reads at the other end
			id := must[ID](t)(a.AddStream(x))
			ua, _ := addUDP(t, a, b)
			for i := 0; i < 1000; i++ {
				send(t, a, "lost")
			}
			if err := a.Delete(id); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < 600; i++ {
				payload := fmt.Sprint("datagram ", i)
				send(t, a, payload)
				if m := expect(t, b, payload); m.Seq != uint64(1001+i) {
					t.Fatalf("%d bits: Sequence Number %d", bits, m.Seq)
				}
			}
			for _, s := range a.Transports() {
				if s.ID == ua && bits == 8 && s.Sent.HeaderSaved < 590*7 {
					t.Errorf("saved %d bytes of 600 headers", s.Sent.HeaderSaved)
				}
			}
		})
	}
}

// TestOneTransport: a session with one transport never sends whole headers, also
// one that goes on with later numbers.
func TestOneTransport(t *testing.T) {
	ca, cb := compact()
	ca.SSE.Headers, cb.SSE.Headers = &sse.Compression{SNBits: 4}, &sse.Compression{SNBits: 4}
	ca.SSE.NextSeq, cb.SSE.LastSeq = 70000, 69999
	a, b := pair(t, ca, cb)
	addUDP(t, a, b)
	for i := 0; i < 200; i++ {
		send(t, a, "x")
		if m := expect(t, b, "x"); m.Seq != uint64(70000+i) {
			t.Fatalf("Sequence Number %d", m.Seq)
		}
	}
	if s := a.Transports()[0]; s.Sent.HeaderSaved != 200*7 || s.Sent.Bytes != 200*(1+1+8) || s.Sent.Payload != 200 {
		t.Errorf("%+v", s.Sent)
	}
}

// TestBackPressure: when nobody reads, at most Queue payloads and what the kernel
// holds are taken, Write waits, and nothing is lost.
func TestBackPressure(t *testing.T) {
	ca, cb := compact()
	cb.Queue = 3
	a, b := pair(t, ca, cb)
	x, y := tcp(t)
	x.SetWriteBuffer(1 << 12)
	y.SetReadBuffer(1 << 12)
	must[ID](t)(a.AddStream(x))
	must[ID](t)(b.AddStream(y))
	payload := func(i int) string { return fmt.Sprintf("%4d%4000d", i, i) }
	sent := 0
	for ; ; sent++ {
		a.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := a.Write([]byte(payload(sent)))
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if n > 0 {
			sent++ // a part of it has gone, the other part goes first
			break
		}
		if sent > 10 {
			break
		}
		sent-- // this machine is slow
	}
	eventually(t, "the queue fills", func() bool { return len(b.queue) == 3 })
	a.SetWriteDeadline(time.Time{})
	done := make(chan error)
	go func() {
		_, err := a.Write([]byte("the last"))
		done <- err
	}()
	for i := 0; i < sent; i++ {
		expect(t, b, payload(i))
	}
	expect(t, b, "the last")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestMemory: a session that is flooded and not read stays within its bounds.
func TestMemory(t *testing.T) {
	x, y := keys(sse.FormatLarge, sse.SuiteGCM16)
	ca, cb := Config{SSE: x}, Config{SSE: y, MaxPayload: 10000, Queue: 4}
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	big, err := sse.AppendHeader(nil, sse.FormatLarge, sse.Header{SPI: 0x010203, Length: 1 << 31, Seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := 0; i < 50; i++ {
		c, d := tcp(t)
		c.Write(big)
		must[ID](t)(b.AddStream(d))
		eventually(t, "the stream is closed", func() bool { return len(b.Transports()) == 1 })
		c.Close()
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 50<<16 {
		t.Errorf("%d bytes for 50 headers that promise 2 GB", n)
	}
	send(t, a, strings.Repeat("x", 10000))
	expect(t, b, strings.Repeat("x", 10000))
}

// TestLimits: payloads and transports that are too many.
func TestLimits(t *testing.T) {
	ca, cb := compact()
	ca.MaxTransports = 2
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	if n, err := a.Write(make([]byte, 4096)); n != 0 || err != ErrTooLong {
		t.Errorf("Write of 4096 bytes: %d, %v", n, err)
	}
	send(t, a, strings.Repeat("x", 4095))
	if m := expect(t, b, strings.Repeat("x", 4095)); m.Seq != 1 {
		t.Errorf("Sequence Number %d after a payload that was too long", m.Seq)
	}
	addUDP(t, a, b)
	x, y := tcp(t)
	defer y.Close()
	if _, err := a.AddStream(x); err != ErrTransports {
		t.Errorf("a third transport: %v", err)
	}
	if _, err := x.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("its connection is not closed: %v", err)
	}
	a.Close()
	x, z := tcp(t)
	defer z.Close()
	if _, err := a.AddStream(x); err != net.ErrClosed {
		t.Errorf("AddStream after Close: %v", err)
	}
	if err := a.Close(); err != net.ErrClosed {
		t.Errorf("Close twice: %v", err)
	}
	for _, err := range []error{a.SetDeadline(time.Time{}), a.SetWriteDeadline(time.Time{})} {
		if err != net.ErrClosed {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestTooLongForDatagram: what a datagram cannot carry goes over the stream, and is
// an error if there is none.
func TestTooLongForDatagram(t *testing.T) {
	x, y := keys(sse.FormatLarge, sse.SuiteGCM16)
	ca, cb := Config{SSE: x, MaxPayload: 100000}, Config{SSE: y, MaxPayload: 100000}
	a, b := pair(t, ca, cb)
	addUDP(t, a, b)
	long := strings.Repeat("x", 99999)
	if n, err := a.Write([]byte(long)); err == nil || n != 0 {
		t.Errorf("Write over UDP: %d, %v", n, err)
	}
	send(t, a, "short")
	expect(t, b, "short")
	_, tb := addTCP(t, a, b)
	send(t, a, long)
	if m := expect(t, b, long); m.Transport != tb {
		t.Errorf("came over %d", m.Transport)
	}
	if len(a.Transports()) != 2 {
		t.Error("the datagram transport is gone")
	}
}

// TestAll: a payload over all transports comes once.
func TestAll(t *testing.T) {
	ca, cb := compact()
	ca.Schedule = ScheduleAll
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	addUDP(t, a, b)
	for i := 0; i < 50; i++ {
		send(t, a, fmt.Sprint(i))
		expect(t, b, fmt.Sprint(i))
	}
	eventually(t, "the copies are dropped", func() bool {
		list := b.Transports()
		return list[0].Replayed+list[1].Replayed == 50 && list[0].Received.Packets+list[1].Received.Packets == 50
	})
}

// TestRekey: the hook asks in time, packets under both sets of keys are taken, and
// the numbers end hard if nobody acts.
func TestRekey(t *testing.T) {
	ca, cb := compact()
	last := sse.FormatCompact.MaxSeq()
	var asked, heard atomic.Int32
	ca.SSE.NextSeq, ca.SSE.RekeyAt = last-4, last-2
	cb.SSE.LastSeq, cb.SSE.RekeyAt = last-5, last-2
	ca.OnRekey = func() { asked.Add(1) }
	cb.OnRekey = func() { heard.Add(1) }
	ca.SSE.Headers, cb.SSE.Headers = &sse.Compression{SNBits: 8}, &sse.Compression{SNBits: 8}
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	addUDP(t, a, b)
	for i := 0; i < 5; i++ {
		if want := int32(i / 3); asked.Load() != min(want, 1) && i != 2 {
			t.Errorf("before packet %d: asked %d times", i, asked.Load())
		}
		send(t, a, fmt.Sprint(i))
		expect(t, b, fmt.Sprint(i))
	}
	if _, err := a.Write([]byte("too late")); err != sse.ErrExhausted {
		t.Errorf("Write after the last number: %v", err)
	}
	if asked.Load() != 1 || heard.Load() != 1 {
		t.Errorf("asked %d times, heard %d times", asked.Load(), heard.Load())
	}
	na, nb := keys(sse.FormatCompact, sse.SuiteCCM8)
	na.Out = sse.Key{SPI: 0x111111, Block: block(7), Salt: make([]byte, 3)}
	nb.In = na.Out
	onlyIn, onlyOut := nb, na
	onlyIn.Out, onlyOut.In = sse.Key{}, sse.Key{}
	if err := b.Rekey(onlyIn); err != nil {
		t.Fatal(err)
	}
	if err := b.Rekey(onlyIn); err != sse.ErrRefused {
		t.Errorf("the same SPI again: %v", err)
	}
	if err := a.Rekey(onlyOut); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 20; i++ {
		id := ID(1 + i%2)
		if _, err := a.WriteTo([]byte("new keys"), Addr{Transport: id}); err != nil {
			t.Fatal(err)
		}
		if m := expect(t, b, "new keys"); m.Seq != uint64(i) {
			t.Errorf("Sequence Number %d, want %d", m.Seq, i)
		}
	}
	send(t, b, "the other direction has its old keys")
	expect(t, a, "the other direction has its old keys")
	if err := a.Rekey(onlyOut); err != sse.ErrRefused {
		t.Errorf("the same SPI again: %v", err)
	}
	other, _ := keys(sse.FormatCompact, sse.SuiteGCM16)
	if err := a.Rekey(other); err != ErrOtherSuite {
		t.Errorf("another suite: %v", err)
	}
	na.Out.SPI = 0xff000000
	if err := a.Rekey(na); err != sse.ErrMalformed {
		t.Errorf("an SPI of which nothing is left: %v", err)
	}
}

// TestRekeyOverlap: packets under the old keys that come after Rekey are taken.
func TestRekeyOverlap(t *testing.T) {
	ca, cb := compact()
	a, b := pair(t, ca, cb)
	addUDP(t, a, b)
	_, nb := keys(sse.FormatCompact, sse.SuiteCCM8)
	nb.Out = sse.Key{}
	nb.In = sse.Key{SPI: 0x111111, Block: block(7), Salt: make([]byte, 3)}
	if err := b.Rekey(nb); err != nil {
		t.Fatal(err)
	}
	send(t, a, "old keys")
	expect(t, b, "old keys")
	nb.In.SPI++
	if err := b.Rekey(nb); err != nil {
		t.Fatal(err)
	}
	send(t, a, "too old")
	eventually(t, "it is dropped", func() bool { return b.Transports()[0].NotAuthentic == 1 })
}

// TestRead: a Read that is too short leaves the rest to the next, ReadFrom drops
// it, and empty payloads are passed over.
func TestRead(t *testing.T) {
	ca, cb := compact()
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	for _, p := range []string{"", "abcdef", "", "ghi", "jklmno", ""} {
		send(t, a, p)
	}
	b.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4)
	for _, want := range []string{"abcd", "ef", "ghi"} {
		if n, err := b.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("Read: %q, %v, want %q", buf[:n], err, want)
		}
	}
	n, from, err := b.ReadFrom(buf)
	if err != io.ErrShortBuffer || string(buf[:n]) != "jklm" {
		t.Errorf("ReadFrom: %q, %v", buf[:n], err)
	}
	if addr, ok := from.(Addr); !ok || addr.Transport != 1 || addr.SPI != 0x0a0b0c || !strings.HasPrefix(addr.String(), "0a0b0c via tcp 127.0.0.1:") {
		t.Errorf("from %v", from)
	}
	if n, _, err := b.ReadFrom(buf); n != 0 || err != nil {
		t.Errorf("ReadFrom of an empty payload: %d, %v", n, err)
	}
	if _, err := b.WriteTo([]byte("reply"), from); err != nil {
		t.Error(err)
	}
	expect(t, a, "reply")
	if _, err := b.WriteTo([]byte("x"), &net.UDPAddr{}); err != ErrUnknownID {
		t.Errorf("WriteTo a UDP address: %v", err)
	}
	if _, err := b.WriteTo([]byte("x"), Addr{Transport: 9}); err != ErrUnknownID {
		t.Errorf("WriteTo transport 9: %v", err)
	}
	if _, err := b.WriteTo([]byte("any"), nil); err != nil {
		t.Error(err)
	}
	expect(t, a, "any")
	if l, r := b.LocalAddr(), b.RemoteAddr(); l.Network() != "sse" || !strings.HasPrefix(l.String(), "010203 via tcp ") || !strings.HasPrefix(r.String(), "0a0b0c via tcp ") {
		t.Errorf("addresses %v, %v", l, r)
	}
}

// TestConcurrent: many goroutines send, receive, add and delete at once; all
// payloads of streams arrive once.
func TestConcurrent(t *testing.T) {
	ca, cb := compact()
	ca.Schedule = ScheduleRotate
	ca.Linger, cb.Linger = patience, patience
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	addTCP(t, a, b)
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := 0; w < writers; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < each; i++ {
				if _, err := a.Write([]byte(fmt.Sprint(w, " ", i))); err != nil {
					t.Errorf("Write: %v", err)
				}
			}
		}()
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := 0; i < 5; i++ {
			addTCP(t, a, b)
			if err := a.Delete(a.Transports()[0].ID); err != nil && err != ErrUnknownID {
				t.Error(err)
			}
			a.LocalAddr()
			b.RemoteAddr()
		}
	}()
	seen := map[string]bool{}
	b.SetReadDeadline(time.Now().Add(patience))
	for len(seen) < writers*each {
		m, err := b.ReadMessage()
		if err != nil {
			t.Fatalf("ReadMessage: %v after %d payloads", err, len(seen))
		}
		if seen[string(m.Payload)] {
			t.Fatalf("%q came twice", m.Payload)
		}
		seen[string(m.Payload)] = true
	}
	wg.Wait()
}

// TestConfig has configurations that are refused.
func TestConfig(t *testing.T) {
	for name, x := range map[string]struct {
		change func(c *Config)
		want   error
	}{
		"payload":        {func(c *Config) { c.MaxPayload = 1<<24 + 1 }, ErrConfig},
		"queue":          {func(c *Config) { c.Queue = -1 }, ErrConfig},
		"linger":         {func(c *Config) { c.Linger = -1 }, ErrConfig},
		"handshake":      {func(c *Config) { c.Handshake = -1 }, ErrConfig},
		"schedule":       {func(c *Config) { c.Schedule = 3 }, ErrConfig},
		"window":         {func(c *Config) { c.SSE.Window = 5000 }, sse.ErrMalformed},
		"keys":           {func(c *Config) { c.SSE.In, c.SSE.Out = sse.Key{}, sse.Key{} }, sse.ErrMalformed},
		"stream headers": {func(c *Config) { c.StreamHeaders = &sse.Compression{} }, ErrConfig},
		"other flags": {func(c *Config) {
			c.SSE.Headers, c.StreamHeaders = &sse.Compression{FlagC: true}, &sse.Compression{}
		}, ErrConfig},
		"C would be elided": {func(c *Config) {
			c.SSE.CompressOut, c.SSE.Headers = &gpcomp.Association{Codec: new(gpcomp.LZS)}, &sse.Compression{}
		}, sse.ErrRefused},
		"widths": {func(c *Config) { c.SSE.Headers = &sse.Compression{SNBits: 21} }, sse.ErrMalformed},
	} {
		c, _ := compact()
		x.change(&c)
		if s, err := New(c); err != x.want || s != nil {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}

// TestOneWay: a session that only sends closes a stream on which something comes.
func TestOneWay(t *testing.T) {
	ca, cb := compact()
	ca.SSE.In, cb.SSE.Out = sse.Key{}, sse.Key{}
	a, b := pair(t, ca, cb)
	addTCP(t, a, b)
	send(t, a, "one way")
	expect(t, b, "one way")
	if _, err := b.Write([]byte("x")); err != sse.ErrUnsupported {
		t.Errorf("Write: %v", err)
	}
	if a.LocalAddr().(Addr).SPI != 0 || b.RemoteAddr().(Addr).SPI != 0 {
		t.Error("an SPI of a direction that is not there")
	}
}

func TestDeadline(t *testing.T) {
	var d deadline
	d.init()
	for i := 0; i < 3; i++ {
		d.set(time.Now().Add(time.Hour))
		if d.over() {
			t.Error("over in an hour")
		}
		d.set(time.Now().Add(-time.Hour))
		if !d.over() {
			t.Error("not over since an hour")
		}
		d.set(time.Now().Add(time.Microsecond))
		<-d.wait()
		d.set(time.Time{})
		if d.over() {
			t.Error("over without a deadline")
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for e := Error(1); e <= ErrSilent; e++ {
		if s := e.Error(); !strings.HasPrefix(s, "ssenet: ") || s == Error(0).Error() {
			t.Errorf("%d: %q", e, s)
		}
	}
	for s, want := range map[State]string{StateUp: "up", StateNew: "new", StateLeaving: "leaving", StateEnded: "ended"} {
		if s.String() != want {
			t.Errorf("%d: %v", s, s)
		}
	}
}

// TestAccept: connections of others take no place, get no payload, and are closed
// after a while; the peer's does and is not.
func TestAccept(t *testing.T) {
	ca, cb := compact()
	cb.MaxTransports, cb.Schedule = 4, ScheduleRotate
	why := make(chan Info, 100)
	cb.OnEnd = func(i Info) { why <- i }
	a, b := pair(t, ca, cb)
	connect := func() *net.TCPConn {
		x, y := tcp(t)
		must[ID](t)(b.AcceptStream(y))
		return x
	}
	var idle []*net.TCPConn
	for i := 0; i < 20; i++ {
		idle = append(idle, connect())
	}
	for i := 0; i < 16; i++ {
		if e := <-why; e.Err != ErrSilent {
			t.Errorf("%+v", e)
		}
	}
	if _, err := b.Write([]byte("nobody is there")); err != ErrNoTransport {
		t.Errorf("Write: %v", err)
	}
	must[ID](t)(a.AddStream(connect()))
	send(t, a, "it is me")
	m := expect(t, b, "it is me")
	for i := 0; i < 10; i++ {
		idle = append(idle, connect())
		send(t, b, "to the peer")
		if m := expect(t, a, "to the peer"); m.Seq != uint64(i+1) {
			t.Errorf("Sequence Number %d, want %d", m.Seq, i+1)
		}
	}
	for i, x := range b.Transports() {
		if want := map[bool]State{true: StateUp, false: StateNew}[x.ID == m.Transport]; x.State != want {
			t.Errorf("transport %d: %+v", i, x)
		}
	}
	// One that the application added takes the place of one that waits, too, but
	// not of the peer's.
	addUDP(t, a, b)
	for i := 0; i < 2; i++ {
		addTCP(t, a, b)
	}
	x, y := tcp(t)
	defer x.Close()
	if _, err := b.AcceptStream(y); err != ErrTransports {
		t.Errorf("a fifth transport: %v", err)
	}
	for _, c := range idle {
		c.Close()
	}
}

// TestSilent: an accepted stream on which nothing authentic comes is closed in time,
// one on which something came stays.
func TestSilent(t *testing.T) {
	ca, cb := compact()
	cb.Handshake = 1500 * time.Millisecond
	why := make(chan Info, 3)
	cb.OnEnd = func(i Info) { why <- i }
	a, b := pair(t, ca, cb)
	x, y := tcp(t)
	must[ID](t)(a.AddStream(x))
	send(t, a, "before it is accepted")
	mine := must[ID](t)(b.AcceptStream(y))
	expect(t, b, "before it is accepted")
	z, w := tcp(t)
	defer z.Close()
	silent := must[ID](t)(b.AcceptStream(w))
	if i := <-why; i.ID != silent || i.Err != ErrSilent {
		t.Errorf("%+v", i)
	}
	if list := b.Transports(); len(list) != 1 || list[0].ID != mine || list[0].State != StateUp {
		t.Errorf("%+v", list)
	}
	send(t, a, "still there")
	expect(t, b, "still there")
	// Deleting one that waits ends it.
	v, u := tcp(t)
	defer v.Close()
	if err := b.Delete(must[ID](t)(b.AcceptStream(u))); err != nil {
		t.Error(err)
	}
}
