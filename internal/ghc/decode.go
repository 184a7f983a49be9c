package ghc

import "github.com/schckit/schckit/internal/bitio"

// AppendDecompress decodes all of src, appends the payload to dst and returns
// the extended slice. At most limit bytes are appended. A stop code may end
// src, but nothing may follow it. On error the result is dst as it came. dst
// and src must not overlap. Cost: about 2 ns per byte of output.
func AppendDecompress(dst []byte, dict *Dict, src []byte, limit int) ([]byte, Error) {
	out, n, _, err := decode(dst, dict, src, limit)
	if err == 0 && n != len(src) {
		err = ErrMalformed // bytes behind the stop code
	}
	if err != 0 {
		return dst, err
	}
	return out, 0
}

// AppendDecompressStop is AppendDecompress for bytecode that ends with a stop
// code and has other bytes behind it. It also returns the number of bytes of
// src used, stop code included.
func AppendDecompressStop(dst []byte, dict *Dict, src []byte, limit int) ([]byte, int, Error) {
	out, n, stopped, err := decode(dst, dict, src, limit)
	if err == 0 && !stopped {
		err = ErrTruncated
	}
	if err != 0 {
		return dst, 0, err
	}
	return out, n, 0
}

func decode(dst []byte, dict *Dict, src []byte, limit int) (out []byte, used int, stopped bool, err Error) {
	base, sa, na := len(dst), 0, 0
	max := base + limit
	for i := 0; i < len(src); {
		c := src[i]
		i++
		switch {
		case c >= codeRef:
			n := na + int(c>>3&7) + 2
			s := sa + int(c&7) + n
			sa, na = 0, 0
			if len(dst)+n > max {
				return dst, i, false, ErrShortBuffer
			}
			from := len(dst) - s
			if from < base {
				if from < base-DictLen {
					return dst, i, false, ErrMalformed
				}
				// The source begins in the dictionary and may run on into
				// the payload: s >= n, so that much of it is there already.
				for ; n > 0 && from < base; n-- {
					dst = bitio.AppendByte(dst, dict[from-base+DictLen])
					from++
				}
				if n == 0 {
					continue
				}
			}
			dst = bitio.Append(dst, dst[from:from+n]...)
		case c <= maxLiteral:
			k := int(c)
			if k > len(src)-i {
				return dst, i, false, ErrTruncated
			}
			if len(dst)+k > max {
				return dst, i, false, ErrShortBuffer
			}
			dst = bitio.Append(dst, src[i:i+k]...)
			i += k
		case c >= codeExtend:
			sa += int(c&15) << 3
			na += int(c & 16 >> 1)
		case c >= codeZeros && c < Stop:
			n := int(c&15) + 2
			if len(dst)+n > max {
				return dst, i, false, ErrShortBuffer
			}
			dst = bitio.Extend(dst, n)
			clear(dst[len(dst)-n:])
		case c == Stop:
			return dst, i, true, 0
		default: // 011xxxxx and 1001nnnn, n > 0: reserved
			return dst, i, false, ErrMalformed
		}
	}
	return dst, len(src), false, 0
}
