package gpcomp

import "github.com/schckit/schckit/internal/bitio"

// LZS (RFC 2395, Section 2.2, after ANSI X3.241-1994):
//
//	0 bbbbbbbb            one byte
//	1 1 bbbbbbb length    a copy from 1 to 127 bytes back
//	1 0 bbbbbbbbbbb       a copy from up to 2047 bytes back
//	   length
//	1 1 0000000           the end; what follows is padding
//
//	length  00, 01, 10              2 to 4
//	        1100, 1101, 1110        5 to 7
//	        1111 xxxx               8 to 22, xxxx < 15
//	        1111 1111 xxxx ...      each 1111 in between adds 15
const (
	lzsMinMatch  = 2
	lzsShort     = 127  // longest offset with 7 bits
	lzsWindow    = 2047 // longest offset
	lzsEndBits   = 9
	lzsTokenBits = 13 + 8 // longest token whose length is below 23
)

// LZS is the codec of RFC 2395. The zero value has no memory: it decompresses, for
// which it needs none besides the result, and does not compress.
type LZS struct {
	head []uint16 // by hash: 1 + last position, 0 for none
	prev []uint16 // ring, by position: 1 + the position before with that hash
	cost []uint16 // fewest bits for the first bytes of the block
	num  []uint16 // how many of them the last token of that makes
	dist []uint16 // and from where; 0: a single byte
}

// The memory of an LZS.
const (
	lzsHash     = 256
	lzsMinChain = 16
	lzsMaxChain = 2048
	lzsMaxBlock = 4096 // keeps costs in 16 bits
)

// LZSMem is the number of words of memory, of 16 bits, with which an LZS compresses
// payloads of up to n bytes best: about 1.3 KiB for 100 bytes, 5.5 KiB for 500,
// 13.3 KiB for 1500. Longer payloads than that are coded in parts of n bytes that
// refer to each other. The least is LZSMem(9), 604 bytes; more than for 4096 bytes
// is of no use.
func LZSMem(n int) int {
	if n < 9 {
		n = 9
	}
	if n > lzsMaxBlock {
		n = lzsMaxBlock
	}
	chain := lzsMinChain
	for chain < n && chain < lzsMaxChain {
		chain *= 2
	}
	return lzsHash + chain + 3*(n+1)
}

// Reset gives z its memory: see LZSMem. The content of mem does not matter; z uses
// it until the next Reset. Less than the least is as none.
func (z *LZS) Reset(mem []uint16) {
	*z = LZS{}
	for chain := lzsMaxChain; chain >= lzsMinChain; chain /= 2 {
		n := (len(mem)-lzsHash-chain)/3 - 1
		if n <= chain/2 {
			continue // too few bytes for offsets that long
		}
		if n > lzsMaxBlock {
			n = lzsMaxBlock
		}
		z.head, mem = mem[:lzsHash], mem[lzsHash:]
		z.prev, mem = mem[:chain], mem[chain:]
		z.cost, mem = mem[:n+1], mem[n+1:]
		z.num, mem = mem[:n+1], mem[n+1:]
		z.dist = mem[:n+1]
		return
	}
}

// Transform is that of RFC 2395.
func (z *LZS) Transform() Transform { return Transform{ID: TransformLZS} }

// Threshold is the 90 bytes of RFC 2395, Section 4.4.
func (z *LZS) Threshold() int { return 90 }

// MaxCompressedLen is 9 bits for a byte and the end marker.
func (z *LZS) MaxCompressedLen(n int) int { return (9*n + lzsEndBits + 7) / 8 }

// AppendCompress is Codec's. No shorter code exists for src of at most 256 bytes,
// if there is memory for as many; for longer ones it is at most 1 % shorter. The
// time is proportional to len(src): 30 to 200 ns a byte, 3 microseconds a byte
// for payloads made to be slow.
func (z *LZS) AppendCompress(dst, src []byte, limit int) ([]byte, error) {
	if len(z.num) == 0 {
		return dst, ErrUnsupported
	}
	if most := z.MaxCompressedLen(len(src)); limit > most {
		limit = most // 8*limit does not overflow
	}
	w := lzsWriter{out: dst}
	total := lzsEndBits
	size := len(z.num) - 1
	for start := 0; start < len(src); start += size {
		at := start % lzsSpan(size)
		if at == 0 {
			clear(z.head)
		}
		end := start + size
		if end > len(src) {
			end = len(src)
		}
		total += z.plan(src[start-at:end], at, 8*limit-total)
		if total > 8*limit {
			return dst, ErrShortBuffer
		}
		z.write(&w, src[start:end])
	}
	if total > 8*limit {
		return dst, ErrShortBuffer
	}
	w.put(3<<7, lzsEndBits)
	return w.flush(), nil
}

// lzsSpan is the number of bytes, a multiple of the block size, after which
// positions are counted anew so that they stay within 16 bits.
func lzsSpan(size int) int { return (1<<15 + size - 1) / size * size }

const (
	lzsDepth = 256 // how many candidates for a copy are looked at
	lzsNice  = 256 // a copy of this length is taken at once
)

// plan finds a cheapest coding of src[start:] and leaves it in num and dist for
// write. It returns its size in bits, or some number above max if it is above max.
//
// cost[j] is the size of the cheapest coding of j bytes. Lengths come in classes of
// the same cost. Of a class only the longest copy counts: from a coding of src[i:]
// follows one of src[i+1:] that is no longer.
func (z *LZS) plan(src []byte, start, max int) int {
	n := len(src) - start
	cost := z.cost[:n+1]
	for i := range cost {
		cost[i] = 0xffff
	}
	cost[0] = 0
	found := 0 // no search up to here: it is within a long copy
	for i := 0; i < n; i++ {
		here := int(cost[i])
		if i%64 == 63 {
			if least := z.least(i, n); least > max {
				return least
			}
		}
		z.relax(i, 1, here+9, 0)
		if n-i < lzsMinMatch {
			break
		}
		at := start + i
		if i < found {
			z.insert(src, at)
			continue
		}
		near, far := z.search(src, at)
		z.copies(i, near, here+9)
		z.copies(i, far, here+13)
		if near.len >= lzsNice {
			found = i + near.len
		}
		if far.len >= lzsNice {
			found = i + far.len // if there is one it is the longer one
		}
		z.insert(src, at)
	}
	total := int(cost[n])
	// From the end, note in cost[i] the length of the token that begins at i.
	for j := n; j > 0; {
		l := int(z.num[j])
		j -= l
		z.cost[j] = uint16(l)
	}
	return total
}

// least is the size that a coding of n bytes has at least, when plan has come to i:
// it has a token that ends at i or later and begins before.
func (z *LZS) least(i, n int) int {
	least := 0xffff
	for _, c := range z.cost[i : n+1] {
		if int(c) < least {
			least = int(c)
		}
	}
	return least
}

// relax offers a token of l bytes at i, cost bits in total.
func (z *LZS) relax(i, l, cost, dist int) {
	if cost < int(z.cost[i+l]) {
		z.cost[i+l], z.num[i+l], z.dist[i+l] = uint16(cost), uint16(l), uint16(dist)
	}
}

// copies offers copies at i; base is the cost without the length.
func (z *LZS) copies(i int, m lzsMatch, base int) {
	if m.len < lzsMinMatch {
		return
	}
	top, bits := 4, 2
	for {
		l := m.len
		if l > top {
			l = top
		}
		z.relax(i, l, base+bits, m.dist)
		if l == m.len {
			return
		}
		switch top {
		case 4:
			top, bits = 7, 4
		case 7:
			top, bits = 22, 8
		default:
			top, bits = top+15, bits+4
		}
	}
}

type lzsMatch struct{ len, dist int }

// search returns the longest copy for src[at:] with a short offset, and one with a
// long offset if that is longer.
func (z *LZS) search(src []byte, at int) (near, far lzsMatch) {
	best := lzsMinMatch - 1
	mask := len(z.prev) - 1
	max := len(src) - at
	c := int(z.head[lzsHashOf(src[at:])])
	for depth := 0; c != 0 && depth < lzsDepth; depth++ {
		p := c - 1
		d := at - p
		if d > mask { // at most lzsWindow; farther ones are overwritten
			break
		}
		if src[p+best] == src[at+best] {
			l := 0
			for l < max && src[p+l] == src[at+l] {
				l++
			}
			if l > best {
				best = l
				if d <= lzsShort {
					near = lzsMatch{l, d}
				} else {
					far = lzsMatch{l, d}
				}
				if l == max {
					break
				}
			}
		}
		c = int(z.prev[p&mask])
	}
	return near, far
}

func (z *LZS) insert(src []byte, at int) {
	h := &z.head[lzsHashOf(src[at:])]
	z.prev[at&(len(z.prev)-1)] = *h
	*h = uint16(at + 1)
}

func lzsHashOf(b []byte) byte { return b[0]*0x9b ^ b[1] }

// write appends the tokens that plan has found for block.
func (z *LZS) write(w *lzsWriter, block []byte) {
	for i := 0; i < len(block); {
		l := int(z.cost[i])
		d := uint32(z.dist[i+l])
		switch {
		case d == 0:
			w.put(uint32(block[i]), 9)
		case d <= lzsShort:
			w.put(3<<7|d, 9)
			w.length(l)
		default:
			w.put(2<<11|d, 13)
			w.length(l)
		}
		i += l
	}
}

// lzsWriter appends bits to out.
type lzsWriter struct {
	out []byte
	acc uint32 // the last n bits are not yet in out
	n   int
}

// put appends the low n bits of v, at most 16.
func (w *lzsWriter) put(v uint32, n int) {
	w.acc = w.acc<<n | v
	w.n += n
	for w.n >= 8 {
		w.n -= 8
		w.out = bitio.AppendByte(w.out, byte(w.acc>>w.n))
	}
}

func (w *lzsWriter) length(l int) {
	switch {
	case l < 5:
		w.put(uint32(l-2), 2)
	case l < 8:
		w.put(12+uint32(l-5), 4)
	default:
		w.put(15, 4)
		for l -= 8; l >= 15; l -= 15 {
			w.put(15, 4)
		}
		w.put(uint32(l), 4)
	}
}

// flush pads with zero bits.
func (w *lzsWriter) flush() []byte {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	return w.out
}
