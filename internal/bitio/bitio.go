// Package bitio reads and writes values that do not end on byte boundaries.
// It is the only place of the module that shifts bits across bytes. Bit 0 is
// the most significant bit of byte 0. Nothing allocates.
package bitio

import (
	"encoding/binary"
	"math/bits"
)

// Load returns the 64 bits that start at byte off of b; bits behind the end of
// b are zero. off must not be negative.
func Load(b []byte, off int) uint64 {
	if off+8 <= len(b) {
		return binary.BigEndian.Uint64(b[off:])
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
		e, t := d[:m], s[:m+1]
		i, cur := 0, binary.BigEndian.Uint64(t)
		for ; i <= len(e)-8 && i <= len(t)-16; i += 8 {
			next := binary.BigEndian.Uint64(t[i+8 : i+16])
			binary.BigEndian.PutUint64(e[i:i+8], cur<<k|next>>((64-k)&63))
			cur = next
		}
		if i <= m-8 {
			binary.BigEndian.PutUint64(e[i:], cur<<k|uint64(t[i+8]>>(8-k)))
		}
		binary.BigEndian.PutUint64(e[m-8:], binary.BigEndian.Uint64(t[m-8:])<<k|uint64(t[m]>>(8-k)))
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

// CopySum copies n bytes from bit srcOff of src to the start of dst and returns
// their one's complement sum in 64-bit words, an incomplete last one filled up
// with zeros: the running sum that a checksum of 16 bits folds (RFC 1071). The
// caller has checked that both are long enough. It saves reading again what was
// just written. Cost: about one load, one store and one add per 8 bytes.
func CopySum(dst, src []byte, srcOff, n int) (sum uint64) {
	if n < 8 {
		Copy(dst, 0, src, srcOff, n*8)
		var v uint64
		for i := 0; i < n; i++ {
			v |= uint64(dst[i]) << uint(56-8*i)
		}
		return v
	}
	k := uint(srcOff & 7)
	d, s := dst[:n], src[srcOff>>3:]
	// Shifting by 1 first keeps the shift count of k = 0 below 64.
	cur, c := binary.BigEndian.Uint64(s), uint64(0)
	i := 0
	for ; i <= len(d)-8 && i <= len(s)-16; i += 8 {
		next := binary.BigEndian.Uint64(s[i+8 : i+16])
		v := cur<<k | next>>1>>((63-k)&63)
		binary.BigEndian.PutUint64(d[i:i+8], v)
		sum, c = bits.Add64(sum, v, 0)
		sum += c
		cur = next
	}
	if i <= n-8 { // src ends before another whole word
		v := cur << k
		if k != 0 {
			v |= uint64(s[i+8] >> (8 - k))
		}
		binary.BigEndian.PutUint64(d[i:], v)
		sum, c = bits.Add64(sum, v, 0)
		sum += c
		i += 8
	}
	if i < n { // a last word that overlaps the one before
		v := binary.BigEndian.Uint64(s[n-8:]) << k
		if k != 0 {
			v |= uint64(s[n] >> (8 - k))
		}
		binary.BigEndian.PutUint64(d[n-8:], v)
		sum, c = bits.Add64(sum, v<<(uint(8-(n-i))*8), 0)
		sum += c
	}
	return sum
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
