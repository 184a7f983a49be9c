// Package seqno keeps track of sequence numbers: an anti-replay window (RFC
// 6479), and the recovery of a number from its low bits (RFC 4303, Appendix A;
// Diet-ESP and SSE, which send fewer). It is shared by esp, dietesp and sse.
//
// Sequence numbers have 64 bits here and are counted from 1; 0 is never sent.
// Nothing allocates. No type is safe for more than one goroutine at a time.
package seqno

import "math/bits"

// Sizes of a Window in numbers.
const (
	MinWindow = 32
	MaxWindow = 4096
)

// A Window remembers which of the last numbers were seen (RFC 4303, Section
// 3.4.3). Its bitmap is a ring of words of which the oldest is cleared as a whole
// when the window moves, so that nothing is ever shifted (RFC 6479).
type Window struct {
	edge  uint64 // the highest number seen, the right edge
	size  uint64
	words []uint64 // a power of two of them, one more word than the size needs
}

// Words returns how many words of memory a window of size numbers needs.
func Words(size int) int {
	n := (size+63)/64 + 1
	return 1 << bits.Len(uint(n-1))
}

// Init makes w a window of size numbers, from MinWindow to MaxWindow, with
// memory of at least Words(size) words, which w keeps. It returns false for
// other sizes and too little memory.
func (w *Window) Init(size int, memory []uint64) bool {
	if size < MinWindow || size > MaxWindow || len(memory) < Words(size) {
		return false
	}
	*w = Window{size: uint64(size), words: memory[:Words(size)]}
	clear(w.words)
	return true
}

// Edge returns the highest number seen, 0 before the first.
func (w *Window) Edge() uint64 { return w.edge }

// Size returns the size of the window in numbers.
func (w *Window) Size() int { return int(w.size) }

// Reset makes w as if all numbers up to edge had been seen.
func (w *Window) Reset(edge uint64) {
	w.edge = edge
	for i := range w.words {
		w.words[i] = ^uint64(0)
	}
	// The numbers behind the edge in its own word were not seen.
	w.words[edge>>6&w.mask()] = 1<<(edge&63)<<1 - 1
}

func (w *Window) mask() uint64 { return uint64(len(w.words) - 1) }

// Fresh reports whether a packet with this number may be new: it is not 0, not
// left of the window, and was not seen.
func (w *Window) Fresh(seq uint64) bool {
	if seq > w.edge {
		return true
	}
	if seq == 0 || w.edge-seq >= w.size {
		return false
	}
	return w.words[seq>>6&w.mask()]>>(seq&63)&1 == 0
}

// Mark says that the number was seen. It is called after the packet was
// verified, and only if Fresh.
func (w *Window) Mark(seq uint64) {
	if seq > w.edge {
		from, to := w.edge>>6, seq>>6
		if to-from > uint64(len(w.words)) {
			from = to - uint64(len(w.words))
		}
		for i := from + 1; i <= to; i++ {
			w.words[i&w.mask()] = 0
		}
		w.edge = seq
	} else if w.edge-seq >= w.size {
		return
	}
	w.words[seq>>6&w.mask()] |= 1 << (seq & 63)
}

// Candidates lists the numbers that low bits may stand for, the most likely
// first: the one nearest to the number that is due. Numbers left of the window
// are not listed, they would be refused; so a peer may be ahead by nearly
// 2^bits, and the first candidate is that of RFC 4303, Appendix A2.2.
type Candidates struct {
	up, down uint64 // the next candidates on both sides of due
	upOK     bool
	downOK   bool
	due      uint64
	first    uint64 // the left end of the window
	last     uint64 // the highest number there is
	step     uint64
}

// Recover lists the candidates of the low bits of a number, width bits of them
// (0 to 32), for a window. last is the highest number that the sender can use:
// 2^32-1, or 2^64-1 with extended numbers.
func (w *Window) Recover(low uint32, width uint8, last uint64) (c Candidates) {
	w.RecoverTo(&c, low, width, last)
	return c
}

// RecoverTo is Recover for a list that is there.
func (w *Window) RecoverTo(c *Candidates, low uint32, width uint8, last uint64) {
	due := w.edge + 1
	if w.edge == ^uint64(0) {
		due = w.edge
	}
	first := uint64(1)
	if w.edge >= w.size {
		first = w.edge - w.size + 1
	}
	c.reset(low, width, due, first, last)
}

func (c *Candidates) reset(low uint32, width uint8, due, first, last uint64) {
	c.due, c.first, c.last, c.step = due, first, last, 1<<min(width, 32)
	mask := c.step - 1
	// The next number from due on that ends in low.
	ahead := (uint64(low) - due) & mask
	c.up, c.upOK = due+ahead, due+ahead >= due
	c.down, c.downOK = due+ahead-c.step, due+ahead >= c.step
	if !c.upOK { // due+ahead wrapped around
		c.down, c.downOK = due-(c.step-ahead), due >= c.step-ahead
	}
	c.trim()
}

// Before returns the highest number left of the window that the bits may stand
// for, 0 if there is none, or if they may stand for one within the window.
func (c *Candidates) Before() uint64 {
	lowest := c.first + (c.up-c.first)&(c.step-1)
	if lowest < c.due || lowest <= c.step {
		return 0
	}
	return lowest - c.step
}

func (c *Candidates) trim() {
	c.upOK = c.upOK && c.up >= c.first && c.up <= c.last
	c.downOK = c.downOK && c.down >= c.first && c.down <= c.last
}

// Next returns the next candidate, and false if there is none left.
func (c *Candidates) Next() (uint64, bool) {
	if c.upOK && (!c.downOK || c.up-c.due <= c.due-c.down) {
		seq := c.up
		c.up += c.step
		c.upOK = c.up > seq
		c.trim()
		return seq, true
	}
	if c.downOK {
		seq := c.down
		c.down -= c.step
		c.downOK = seq > c.step
		c.trim()
		return seq, true
	}
	return 0, false
}
