//go:build gc.none

package bitio

// Append is append to a slice that has room.
func Append(dst []byte, b ...byte) []byte {
	n := len(dst)
	dst = dst[:n+len(b)]
	copy(dst[n:], b)
	return dst
}

// AppendByte is append of one byte to a slice that has room.
func AppendByte(dst []byte, b byte) []byte {
	n := len(dst)
	dst = dst[:n+1]
	dst[n] = b
	return dst
}

// Grow is a hint that is not taken.
func Grow(dst []byte, _ int) []byte { return dst }

// Extend extends dst by n bytes of any content. It has room.
func Extend(dst []byte, n int) []byte { return dst[:len(dst)+n] }

// Words is nil: there is no allocator.
func Words(int) []uint64 { return nil }
