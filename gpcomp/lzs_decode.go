package gpcomp

import "github.com/schckit/schckit/internal/bitio"

// AppendDecompress is Codec's. It needs no memory but dst: the window is what was
// appended. Bits and bytes behind the end marker are padding (RFC 2395, Section
// 2.3). An offset of 0 in 11 bits or to the left of the payload is malformed; one
// below 128 in 11 bits is not, although no good compressor sends it. Cost: 1 to 3
// ns per byte of the payload.
func (z *LZS) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	out := dst
	total := 8 * len(src)
	var v uint64 // the next n bits, left-aligned
	for pos, n := 0, 0; ; {
		if n < lzsTokenBits {
			v = bitio.Load(src, pos>>3) << uint(pos&7)
			n = 64 - pos&7
		}
		if v>>63 == 0 {
			if pos += 9; pos > total {
				return dst, ErrTruncated
			}
			if len(out)-len(dst) >= limit {
				return dst, ErrShortBuffer
			}
			out = bitio.AppendByte(out, byte(v>>55))
			v, n = v<<9, n-9
			continue
		}
		used, d := 13, int(v>>51&lzsWindow)
		if v>>62 == 3 {
			used, d = 9, int(v>>55&lzsShort)
		}
		if pos+used > total {
			return dst, ErrTruncated
		}
		if d == 0 {
			if used == lzsEndBits {
				return out, nil
			}
			return dst, ErrMalformed
		}
		l := 2
		switch w := v << uint(used); {
		case w>>62 != 3:
			l, used = 2+int(w>>62), used+2
		case w>>60 != 15:
			l, used = 5+int(w>>60&3), used+4
		default:
			l, used = 8+int(w>>56&15), used+8
			for more := w>>56&15 == 15; more; {
				if pos+used > total {
					return dst, ErrTruncated
				}
				x := int(bitio.Get(src, pos+used, 4))
				if used += 4; l <= limit {
					l += x
				}
				more = x == 15
			}
			n = used // what v has may be used up
		}
		if pos += used; pos > total {
			return dst, ErrTruncated
		}
		from := len(out) - d
		if from < len(dst) {
			return dst, ErrMalformed
		}
		if l > limit-(len(out)-len(dst)) {
			return dst, ErrShortBuffer
		}
		for l > 0 {
			k := len(out) - from // grows with a copy that overlaps itself
			if k > l {
				k = l
			}
			out = bitio.Append(out, out[from:from+k]...)
			l -= k
		}
		v, n = v<<uint(used), n-used
	}
}
