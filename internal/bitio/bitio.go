// Package bitio reads and writes values that do not end on byte boundaries.
// It is the only place of the module that shifts bits across bytes. Bit 0 is
// the most significant bit of byte 0. Nothing allocates.
package bitio

import "encoding/binary"

// Load returns the 64 bits that start at byte off of b; bits behind the end of
// b are zero. off must not be negative.
func Load(b []byte, off int) uint64 {
	if end := off + 8; end <= len(b) {
		return binary.BigEndian.Uint64(b[off:end:end])
	}
	return loadTail(b, off)
}

// loadTail loads across the end of b. Kept out of line: it is rare, and Load
// is everywhere.
//
//go:noinline
func loadTail(b []byte, off int) uint64 {
	if n := len(b); n >= 8 && off < n {
		return binary.BigEndian.Uint64(b[n-8:]) << uint(8*(off+8-n))
	}
	var v uint64
	shift := 56
	for ; off < len(b); off++ {
		v |= uint64(b[off]) << uint(shift)
		shift -= 8
	}
	return v
}

// Get returns the n bits of b that start at bit off, right-aligned. n is at
// most 64; bits behind the end of b are zero.
func Get(b []byte, off, n int) uint64 {
	if n == 0 {
		return 0
	}
	v := Load(b, off>>3)
	k := off & 7
	if k+n <= 64 {
		return v << uint(k) >> uint(64-n)
	}
	var x byte // a ninth byte
	if i := off>>3 + 8; i < len(b) {
		x = b[i]
	}
	return (v<<uint(k) | uint64(x)>>uint(8-k)) >> uint(64-n)
}

// Put overwrites the n bits of b that start at bit off with the low n bits of
// v. n is at most 64; the caller has checked that b is long enough.
func Put(b []byte, off, n int, v uint64) {
	for n > 0 {
		k := off & 7
		m := 8 - k
		if m > n {
			m = n
		}
		x := byte(v>>uint(n-m)) << uint(8-m) >> uint(k)
		mask := byte(0xff) << uint(8-m) >> uint(k)
		b[off>>3] = b[off>>3]&^mask | x
		off += m
		n -= m
	}
}

// Copy copies n bits from bit srcOff of src to bit dstOff of dst. The ranges
// must not overlap and the caller has checked that both are long enough. Bits
// of dst outside the range keep their value. Cost: about one load and one
// store per 8 bytes.
func Copy(dst []byte, dstOff int, src []byte, srcOff, n int) {
	// Reach a byte boundary of dst, then store whole words.
	if k := dstOff & 7; k != 0 {
		m := 8 - k
		if m > n {
			m = n
		}
		Put(dst, dstOff, m, Get(src, srcOff, m))
		dstOff, srcOff, n = dstOff+m, srcOff+m, n-m
	}
	if srcOff&7 == 0 {
		copy(dst[dstOff>>3:], src[srcOff>>3:srcOff>>3+n>>3])
		dstOff, srcOff, n = dstOff+n&^7, srcOff+n&^7, n&7
		if n > 0 {
			Put(dst, dstOff, n, Get(src, srcOff, n))
		}
		return
	}
	k := uint(srcOff & 7)
	d, s := dst[dstOff>>3:], src[srcOff>>3:]
	if m := n >> 3; m >= 8 && len(s) > m {
		// Whole words, and a last one that overlaps the one before: all of a
		// payload's bytes without a loop over single bytes.
		for i := 0; i <= m-8; i += 8 {
			w := s[i : i+9]
			binary.BigEndian.PutUint64(d[i:i+8], binary.BigEndian.Uint64(w)<<k|uint64(w[8]>>(8-k)))
		}
		binary.BigEndian.PutUint64(d[m-8:], binary.BigEndian.Uint64(s[m-8:])<<k|uint64(s[m]>>(8-k)))
		d, s, n = d[m:], s[m:], n&7
	}
	for ; n >= 8 && len(s) > 1; n -= 8 {
		d[0] = s[0]<<k | s[1]>>(8-k)
		d, s = d[1:], s[1:]
	}
	if n > 0 {
		Put(d, 0, n, Get(s, int(k), n))
	}
}

// Equal reports whether n bits from bit aOff of a equal those from bit bOff of
// b. The caller has checked that both are long enough.
func Equal(a []byte, aOff int, b []byte, bOff, n int) bool {
	for n > 64 {
		if Get(a, aOff, 64) != Get(b, bOff, 64) {
			return false
		}
		aOff, bOff, n = aOff+64, bOff+64, n-64
	}
	return Get(a, aOff, n) == Get(b, bOff, n)
}
