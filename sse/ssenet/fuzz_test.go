package ssenet

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/schckit/schckit/sse"
)

// pieces is a connection on which bytes come in pieces of any size, and then the
// end.
type pieces struct {
	net.Conn
	data, sizes []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := len(p.data)
	if len(p.sizes) > 0 {
		n = min(n, 1+int(p.sizes[0]))
		p.sizes = p.sizes[1:]
	}
	n = copy(b, p.data[:n])
	p.data = p.data[n:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error)      { return len(b), nil }
func (p *pieces) Close() error                     { return nil }
func (p *pieces) LocalAddr() net.Addr              { return nil }
func (p *pieces) RemoteAddr() net.Addr             { return nil }
func (p *pieces) SetReadDeadline(time.Time) error  { return nil }
func (p *pieces) SetWriteDeadline(time.Time) error { return nil }

// FuzzStream: packets come out of a stream in whatever pieces it comes, and nothing
// else: what is changed in it, at any place, ends it there.
func FuzzStream(f *testing.F) {
	f.Add([]byte{3, 0, 200, 1}, []byte{0, 7, 1, 255}, uint16(0), byte(0), byte(0))
	f.Add([]byte{3, 0, 200, 1}, []byte{}, uint16(20), byte(1), byte(1))
	f.Add([]byte{9, 9, 9}, []byte{1, 1, 1, 1, 1}, uint16(9), byte(0x80), byte(2))
	f.Add([]byte{9, 9, 9}, []byte{}, uint16(33+7), byte(3), byte(0)) // the second packet says that it is the first
	f.Fuzz(func(t *testing.T, lengths, sizes []byte, at uint16, flip, mode byte) {
		format := []sse.Format{sse.FormatCompact, sse.FormatCompact, sse.FormatLarge}[mode%3]
		x, y := keys(format, sse.SuiteGCM16)
		ca, cb := Config{SSE: x, Queue: 300}, Config{SSE: y, Queue: 300, MaxPayload: 256}
		if mode%3 == 1 {
			ca.SSE.Headers, cb.SSE.Headers = &sse.Compression{SPIBits: 3, SNBits: 9}, &sse.Compression{SPIBits: 3, SNBits: 9}
		}
		if len(lengths) > 200 {
			lengths = lengths[:200]
		}
		// What a sends, byte for byte.
		a, err := New(ca)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		sink := &written{closed: make(chan struct{})}
		if _, err := a.AddStream(sink); err != nil {
			t.Fatal(err)
		}
		var ends []int // of the packets
		for i, n := range lengths {
			if _, err := a.Write(bytes.Repeat([]byte{byte(i)}, int(n))); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, sink.buf.Len())
		}
		data := bytes.Clone(sink.buf.Bytes())
		good := len(ends)
		if len(data) > 0 && flip != 0 {
			i := int(at) % len(data)
			data[i] ^= flip
			for good = 0; ends[good] <= i; good++ {
			}
		}
		b, err := New(cb)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if _, err := b.AddStream(&pieces{data: data, sizes: sizes}); err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			m, err := b.ReadMessage()
			if err != nil {
				if i != good {
					t.Fatalf("%v after %d packets, want %d", err, i, good)
				}
				if (err == io.EOF) != (good == len(ends)) {
					t.Fatalf("ends with %v", err)
				}
				return
			}
			if i >= good || m.Seq != uint64(i+1) || !bytes.Equal(m.Payload, bytes.Repeat([]byte{byte(i)}, int(lengths[i]))) {
				t.Fatalf("packet %d: %+v", i, m)
			}
		}
	})
}

// written keeps what is written, and nothing comes from it until it is closed.
type written struct {
	pieces
	buf    bytes.Buffer
	closed chan struct{}
}

func (w *written) Read([]byte) (int, error) {
	<-w.closed
	return 0, net.ErrClosed
}
func (w *written) Write(b []byte) (int, error) { return w.buf.Write(b) }
func (w *written) Close() error                { close(w.closed); return nil }
