package ssenet

import (
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

// A half is one direction of the session under one set of keys. It has a
// sse.Session to itself, so that sending and receiving do not wait for each
// other.
type half struct {
	s    sse.Session
	spi  uint32
	base uint64 // the Sequence Number before the first
	dir  schc.Direction
	c    [2]*sse.Compression // of datagrams, of streams; nil: none
	ctx  [2]*schc.Context
	told bool // OnRekey was called
}

// newHalf takes one direction of a configuration that fill was called for.
func newHalf(c *sse.Config, stream *sse.Compression, out bool) (*half, error) {
	one := *c
	one.Headers = nil
	h := &half{dir: c.Dir, base: c.LastSeq}
	if h.dir == 0 {
		h.dir = schc.DirUp
	}
	if out {
		one.In, h.base = sse.Key{}, max(c.NextSeq, 1)-1
	} else {
		one.Out = sse.Key{}
	}
	if err := h.s.Reset(one); err != nil {
		return nil, err
	}
	h.spi = h.s.InSPI()
	if out {
		h.spi = h.s.OutSPI()
	}
	if c.Headers == nil {
		return h, nil
	}
	up, down := h.spi, uint32(0)
	if out != (h.dir == schc.DirUp) {
		up, down = down, up
	}
	h.c = [2]*sse.Compression{c.Headers, stream}
	for i, x := range h.c {
		var err error
		if h.ctx[i], err = x.NewContext(up, down); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func form(stream bool) int {
	if stream {
		return 1
	}
	return 0
}

// headers returns what compresses and restores headers for one transport; nil:
// they are as they are.
func (h *half) headers(stream bool) (*sse.Headers, error) {
	i := form(stream)
	if h.c[i] == nil {
		return nil, nil
	}
	x := new(sse.Headers)
	return x, x.Reset(h.ctx[i], *h.c[i], h.s.Suite(), h.dir)
}
