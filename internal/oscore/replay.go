package oscore

// window is the sliding replay window of a server (RFC 8613, Section 7.4).
type window struct {
	next uint64 // one above the highest number accepted
	seen uint64 // bit i: next-1-i was accepted
	size uint8  // 1 to 64
}

// fresh reports whether n was not accepted before and is not too old to tell.
func (w *window) fresh(n uint64) bool {
	if n >= w.next {
		return true
	}
	age := w.next - 1 - n
	return age < uint64(w.size) && w.seen>>age&1 == 0
}

// accept records n, which is fresh and authentic.
func (w *window) accept(n uint64) {
	if n >= w.next {
		w.seen = w.seen<<(n-w.next+1) | 1 // a shift of 64 or more gives 0
		w.next = n + 1
		return
	}
	w.seen |= 1 << (w.next - 1 - n)
}
