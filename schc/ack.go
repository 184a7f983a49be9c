package schc

import "github.com/schckit/schckit/internal/bitio"

// A WindowReport is what a SCHC ACK says about one window.
type WindowReport struct {
	W       uint32 // the window, or its low bits
	OffBits int    // where the bitmap starts in the message
	LenBits int    // its bits that are there; the ones behind them are all 1
}

// Has reports whether tile i of the window was received, counted from the
// window's first tile: i = WINDOW_SIZE - 1 - tile index.
func (r *WindowReport) Has(msg []byte, i uint32) bool {
	return int(i) >= r.LenBits || bitio.Get(msg, r.OffBits+int(i), 1) == 1
}

// ParseAck takes apart a message of so many bits that goes against the
// fragments' direction: a SCHC ACK, a SCHC Compound ACK or a Receiver-Abort
// (RFC 8724, Sections 8.3.2 and 8.3.5; RFC 9441, Section 3.1).
//
//	|--- SCHC ACK Header ----|
//	         |-- T --|-M-| 1 |
//	+-- ... -+- ... -+---+---+------ ... ------+~~~~~~~~~~~~~~~
//	| RuleID |  DTag | W |C=0|Compressed Bitmap| pad. as needed
//	+-- ... -+- ... -+---+---+------ ... ------+~~~~~~~~~~~~~~~
//
// It returns ErrNoRule for another RuleID, ErrTruncated, or ErrMalformed. All
// bitmaps are checked; Report gives them one by one.
func (p *Profile) ParseAck(msg []byte, bits int) (m Message, err error) {
	if err := p.frame(msg, bits, p.ackHdr, int(p.f.AckBytes)); err != nil {
		return m, err
	}
	off := p.parseTags(msg, &m)
	m.Kind, m.C = MessageAck, bitio.Get(msg, off, 1) == 1
	if !m.C {
		m.OffBits, m.LenBits = p.ackHdr, bits-p.ackHdr
		return m, p.checkReports(msg, bits)
	}
	// A success ACK is padded with zeros, a Receiver-Abort with ones up to
	// the L2 Word boundary and for one L2 Word more.
	if zeroBits(msg, p.ackHdr, bits) && (p.f.AckBytes > 0 || bits == p.up(p.ackHdr)) {
		return m, nil
	}
	end := p.up(p.ackHdr) + p.l2
	if bits < end || p.f.AckBytes == 0 && bits > end || m.W != p.maxW() ||
		!oneBits(msg, p.ackHdr, end) || !zeroBits(msg, end, bits) {
		return m, ErrMalformed
	}
	m.Kind = MessageReceiverAbort
	return m, nil
}

// oneBits reports whether the bits from <= i < to of b are one.
func oneBits(b []byte, from, to int) bool {
	for ; from < to; from += 64 {
		n := min(to-from, 64)
		if bitio.Get(b, from, n) != ^uint64(0)>>uint(64-n) {
			return false
		}
	}
	return true
}

// Report returns the i-th window, from 0, that a SCHC ACK with C=0 of so many
// bits reports, and false behind the last.
func (p *Profile) Report(msg []byte, bits, i int) (r WindowReport, ok bool) {
	ws, m := int(p.f.WindowSize), int(p.f.WBits)
	r.OffBits = p.ackHdr + i*(m+ws)
	if i == 0 {
		r.W = uint32(bitio.Get(msg, p.ackHdr-1-m, m))
	} else {
		// Less than M bits are padding, and so is a W of zero: window 0
		// can only come first (RFC 9441, Section 3.1).
		if !p.f.CompoundAck || r.OffBits > bits {
			return r, false
		}
		if r.W = uint32(bitio.Get(msg, r.OffBits-m, m)); r.W == 0 {
			return r, false
		}
	}
	r.LenBits = min(bits-r.OffBits, ws)
	return r, r.LenBits >= 0
}

// checkReports checks the bitmaps of a failure ACK: window numbers rise, only
// the last bitmap may be compressed, what follows is padding.
func (p *Profile) checkReports(msg []byte, bits int) error {
	end := p.ackHdr
	for i, last := 0, uint32(0); ; i++ {
		r, ok := p.Report(msg, bits, i)
		if !ok {
			break
		}
		// "MUST be ordered from the lowest-numbered to the highest-numbered
		// window"; "duplicate W values [...] it MUST discard the whole".
		if i > 0 && r.W <= last {
			return ErrMalformed
		}
		last, end = r.W, r.OffBits+r.LenBits
		// Bitmaps of ACK-Always are read compressed or not, as they come.
		if r.LenBits < int(p.f.WindowSize) && p.f.FullLastBitmap && p.f.CompoundAck {
			return ErrTruncated
		}
	}
	pad := bits - end
	if !zeroBits(msg, end, bits) || p.f.AckBytes == 0 && pad >= p.l2 {
		return ErrMalformed
	}
	return nil
}

// putAck writes a SCHC ACK with C=1 or, without a bitmap yet, C=0, and returns
// the length of its header in bits.
func (p *Profile) putAck(dst []byte, dtag, w uint32, c bool) int {
	off := p.putTags(dst, dtag, w)
	if c {
		bitio.Put(dst, off, 1, 1)
	}
	return p.ackHdr
}

// ackBits returns the length in bits of an ACK that ends at bit end.
func (p *Profile) ackBits(end int) int {
	if p.f.AckBytes > 0 {
		return 8 * int(p.f.AckBytes)
	}
	return p.up(end)
}

// cutBitmap returns where a SCHC ACK ends whose last bitmap, uncompressed, has
// the bits from <= i < end (RFC 8724, Section 8.3.2.1).
func (p *Profile) cutBitmap(msg []byte, from, end int) int {
	if p.f.FullLastBitmap {
		return end
	}
	cut := end
	for cut > from && bitio.Get(msg, cut-1, 1) == 1 {
		cut--
	}
	return min(p.up(cut), end)
}

// putReceiverAbort writes a Receiver-Abort to a zeroed message and returns its
// length in bits (RFC 8724, Section 8.3.5).
//
//	|-- Receiver-Abort Header ---|
//	           |--- T ---|-M-| 1 |
//	+--- ... --+-- ... --+---+---+-+-+-+-+-+-+-+-+-+-+-+
//	|  RuleID  |   DTag  | W |C=1| 1..1|      1..1     |
//	+--- ... --+-- ... --+---+---+-+-+-+-+-+-+-+-+-+-+-+
//	           next L2 Word boundary ->|<-- L2 Word -->|
func (p *Profile) putReceiverAbort(dst []byte, dtag uint32) int {
	off := p.putAck(dst, dtag, p.maxW(), true)
	end := p.abortBits()
	for off < end {
		n := min(end-off, 64)
		bitio.Put(dst, off, n, ^uint64(0))
		off += n
	}
	return p.ackBits(end)
}

// abortBits is the length of a Receiver-Abort without the padding of messages
// of a fixed length.
func (p *Profile) abortBits() int { return p.up(p.ackHdr) + p.l2 }
