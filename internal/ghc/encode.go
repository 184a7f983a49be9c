package ghc

import "github.com/schckit/schckit/internal/bitio"

// MemPerByte and MemFixed size an Encoder's memory: MemPerByte*n + MemFixed
// words of 16 bits let it find the shortest coding of payloads of up to n
// bytes. Longer payloads are coded in pieces of n bytes, each optimally.
const (
	MemPerByte = 4
	MemFixed   = DictLen + 1
)

// MaxPiece is the longest payload that is coded in one piece.
const MaxPiece = 0xf000 // keeps every distance and cost below the kinds

// An Encoder finds the shortest bytecode for a payload. The zero value has no
// memory and compresses nothing: give it some with Reset.
type Encoder struct {
	cost []uint16 // cost[i]: bytes of code that piece[i:] needs
	run  []uint16 // run[s-1]: length of the match at distance s
	num  []uint16 // num[i]: payload bytes of the best instruction at i
	dist []uint16 // dist[i]: its distance beyond num[i], or one of the kinds
}

// Kinds of instruction; smaller values of dist are back-references.
const (
	kindLiteral = 0xffff
	kindZeros   = 0xfffe
)

// Reset gives e its scratch memory: see MemPerByte. The content of mem does
// not matter; e uses it until the next Reset.
func (e *Encoder) Reset(mem []uint16) {
	n := (len(mem) - MemFixed) / MemPerByte
	if len(mem) < MemFixed+MemPerByte {
		*e = Encoder{}
		return
	}
	if n > MaxPiece {
		n = MaxPiece
	}
	e.cost, mem = mem[:n+1], mem[n+1:]
	e.run, mem = mem[:n+DictLen], mem[n+DictLen:]
	e.num, e.dist = mem[:n], mem[n:2*n]
}

// AppendCompress codes src, appends the bytecode to dst and returns the
// extended slice and true. If the code would be longer than limit bytes, or e
// has no memory, it returns dst as it came and false. No stop code is
// written. dst and src must not overlap.
//
// No shorter bytecode exists for a src of at most n bytes (MemPerByte). Where
// there are several of that size, back-references and runs of zeros are long,
// and literal runs end only before what saves something: this gives the
// examples of RFC 7400, Appendix A, byte for byte. The time is proportional to len(src) * (n+48): 50 microseconds for 100 bytes.
func (e *Encoder) AppendCompress(dst []byte, dict *Dict, src []byte, limit int) ([]byte, bool) {
	if len(e.num) == 0 || limit < 0 {
		return dst, false
	}
	base := len(dst)
	out := dst
	for start := 0; start < len(src); start += len(e.num) {
		end := start + len(e.num)
		if end > len(src) {
			end = len(src)
		}
		e.plan(dict, src[:end], start)
		if len(out)-base+int(e.cost[0]) > limit {
			return dst, false
		}
		out = e.write(out, src[start:end])
	}
	return out, true
}

// plan fills cost, num and dist for src[start:]; src[:start] is history.
//
// Why this is optimal: between two back-references the state sa, na carries
// over, but only a back-reference uses it and every one clears it. So the
// extensions may as well stand directly before their back-reference, which
// then costs the same wherever it is, and the cheapest coding of src[i:] does
// not depend on how src[:i] was coded.
func (e *Encoder) plan(dict *Dict, src []byte, start int) {
	n := len(src) - start
	run := e.run
	for s := range run {
		run[s] = 0
	}
	e.cost[n] = 0
	zero := 0 // zero bytes from i on
	for i := n - 1; i >= 0; i-- {
		at := start + i
		cost := e.cost[i : n+1]
		best, num, kind := e.literal(i, n)
		if src[at] == 0 {
			if zero < maxZeros {
				zero++
			}
			for k := 2; k <= zero; k++ {
				if c := 1 + cost[k]; c < best || c == best && uint16(k) > num {
					best, num, kind = c, uint16(k), kindZeros
				}
			}
		} else {
			zero = 0
		}
		// All distances, near ones first: of two sources for the same bytes
		// the nearer one never costs more.
		longest := 1
		x := src[at]
		for s := 1; s <= at+DictLen && s <= len(run); s++ {
			var y byte
			if s <= at {
				y = src[at-s]
			} else {
				y = dict[at-s+DictLen]
			}
			if x != y {
				run[s-1] = 0
				continue
			}
			run[s-1]++
			l := int(run[s-1])
			if l > s {
				l = s // a source may not overlap the output
			}
			for longest < l {
				longest++
				if c := refCost(longest, s-longest) + cost[longest]; c < best || c == best && uint16(longest) > num {
					best, num, kind = c, uint16(longest), uint16(s-longest)
				}
			}
		}
		e.cost[i], e.num[i], e.dist[i] = best, num, kind
	}
}

// literal is the cheapest way to start piece[i:] with a literal run. Of several
// it is the shortest before an instruction that saves something, or the
// longest.
func (e *Encoder) literal(i, n int) (best, num, kind uint16) {
	best = 0xffff
	ends := false // before an instruction that saves something
	for k := 1; k <= n-i && k <= maxLiteral; k++ {
		if c := uint16(1+k) + e.cost[i+k]; c < best || c == best && !ends {
			best, num, ends = c, uint16(k), k < n-i && e.saves(i+k)
		}
	}
	return best, num, kindLiteral
}

// saves reports whether the instruction at i is shorter than its bytes.
func (e *Encoder) saves(i int) bool {
	n, d := e.num[i], e.dist[i]
	return d == kindZeros || d != kindLiteral && refCost(int(n), int(d)) < n
}

// refCost is the size of a back-reference to n bytes, d bytes beyond them,
// with its extensions: each adds up to 15*8 to sa and up to 8 to na.
func refCost(n, d int) uint16 {
	far, long := (d>>3+14)/15, (n-2)>>3
	if far < long {
		far = long
	}
	return uint16(1 + far)
}

// write appends the planned instructions for piece.
func (e *Encoder) write(dst, piece []byte) []byte {
	for i := 0; i < len(piece); {
		n, d := int(e.num[i]), e.dist[i]
		switch d {
		case kindLiteral:
			dst = bitio.Append(bitio.AppendByte(dst, byte(n)), piece[i:i+n]...)
		case kindZeros:
			dst = bitio.AppendByte(dst, byte(codeZeros+n-2))
		default:
			far, long := int(d>>3), (n-2)>>3
			for far > 0 || long > 0 {
				c := byte(codeExtend)
				if long > 0 {
					c |= 16
					long--
				}
				x := far
				if x > 15 {
					x = 15
				}
				far -= x
				dst = bitio.AppendByte(dst, c|byte(x))
			}
			dst = bitio.AppendByte(dst, codeRef|byte((n-2)&7<<3)|byte(d&7))
		}
		i += n
	}
	return dst
}
