//go:build !gc.none

package bitio

import "slices"

// The functions of this file are what the packages that append to slices use
// for it, so that they link into firmware without an allocator (TinyGo,
// -gc=none): there a slice that has no room is a mistake of the caller, and a
// panic.

// Append is append.
func Append(dst []byte, b ...byte) []byte { return append(dst, b...) }

// AppendByte is append of one byte.
func AppendByte(dst []byte, b byte) []byte { return append(dst, b) }

// Grow is slices.Grow.
func Grow(dst []byte, n int) []byte { return slices.Grow(dst, n) }

// Extend extends dst by n bytes of any content.
func Extend(dst []byte, n int) []byte {
	if total := len(dst) + n; total <= cap(dst) {
		return dst[:total]
	}
	return append(dst, make([]byte, n)...)
}

// Words is make([]uint64, n), and nil without an allocator.
func Words(n int) []uint64 { return make([]uint64, n) }
