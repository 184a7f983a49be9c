package lowpan

import (
	"encoding/binary"
	"math/bits"
)

// IPHC is the base encoding of a LOWPAN_IPHC header (RFC 6282, Section 3.1.1).
//
//	  0   1   2   3   4   5   6   7   8   9   0   1   2   3   4   5
//	+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
//	| 0 | 1 | 1 |  TF   |NH | HLIM  |CID|SAC|  SAM  | M |DAC|  DAM  |
//	+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
//
// TF: traffic class and flow label; NH: next header; HLIM: hop limit; CID:
// context identifier extension; SAC, DAC: source and destination address
// compression; SAM, DAM: source and destination address mode; M: multicast.
type IPHC uint16

const (
	iphcDispatch = 0x6000
	iphcNH       = 0x0400
	iphcCID      = 0x0080
	iphcM        = 0x0008
	iphcMax      = 2 + 1 + 4 + 1 + 1 + 16 + 16 // longest encoding
)

// ParseIPHC reads the base encoding that b begins with. ErrMalformed also says
// that b has a reserved combination of M, DAC and DAM.
func ParseIPHC(b []byte) (IPHC, error) {
	if len(b) < 2 {
		return 0, ErrTruncated
	}
	h := IPHC(binary.BigEndian.Uint16(b))
	if e := h.check(); e != 0 {
		return 0, e
	}
	return h, nil
}

func (h IPHC) check() Error {
	if h>>13 != iphcDispatch>>13 {
		return ErrMalformed
	}
	// Reserved: M=0 with DAC=1, DAM=00, and M=1 with DAC=1 and another DAM.
	switch h & 0x0f {
	case 0x04, 0x0d, 0x0e, 0x0f:
		return ErrMalformed
	}
	return 0
}

// TF is the two-bit field of that name, and so are HLIM, SAM and DAM; NH, CID,
// SAC, M and DAC are the flags.
func (h IPHC) TF() uint8   { return uint8(h >> 11 & 3) }
func (h IPHC) NH() bool    { return h&iphcNH != 0 }
func (h IPHC) HLIM() uint8 { return uint8(h >> 8 & 3) }
func (h IPHC) CID() bool   { return h&iphcCID != 0 }
func (h IPHC) SAC() bool   { return h&0x40 != 0 }
func (h IPHC) SAM() uint8  { return uint8(h >> 4 & 3) }
func (h IPHC) M() bool     { return h&iphcM != 0 }
func (h IPHC) DAC() bool   { return h&4 != 0 }
func (h IPHC) DAM() uint8  { return uint8(h & 3) }

// Sizes of in-line fields by TF, by HLIM, by SAC and SAM, by M, DAC and DAM.
const (
	tfSize   = "\x04\x03\x01\x00"
	hlimSize = "\x01\x00\x00\x00"
	srcSize  = "\x10\x08\x02\x00" + "\x00\x08\x02\x00"
	dstSize  = "\x10\x08\x02\x00" + "\x00\x08\x02\x00" + "\x10\x06\x04\x01" + "\x06\x00\x00\x00"
	hlimCode = "\x00\x01\x40\xff"
)

// Len is the length of the whole LOWPAN_IPHC header, in-line fields included.
func (h IPHC) Len() int {
	return 2 + int(h>>7&1) + int(tfSize[h>>11&3]) + int(^h>>10&1) + int(hlimSize[h>>8&3]) +
		int(srcSize[h>>4&7]) + int(dstSize[h&15])
}

// iids are the interface identifiers that an IPHC header may elide.
type iids struct {
	src, dst       uint64
	hasSrc, hasDst bool
}

func (l *Link) iids() (x iids) {
	x.src, x.hasSrc = l.Src.IID()
	x.dst, x.hasDst = l.Dst.IID()
	return x
}

// form is one way to write an address: SAC and SAM, or M, DAC and DAM; the
// context it needs; its in-line bytes.
type form struct {
	mode, cid, size uint8
}

// unicast returns the smallest form of an address with context 0 or none, and
// the smallest form with any context, if that is smaller still. Among forms of
// the same size stateless ones come first, then lower contexts.
func (t *Table) unicast(hi, lo, iid uint64, hasIID bool) (near, any form) {
	near = form{0, 0, 16}
	short := shortIID | lo&0xffff
	if hi == linkLocal {
		switch {
		case hasIID && lo == iid:
			return form{3, 0, 0}, form{3, 0, 0}
		case lo == short:
			near = form{2, 0, 2}
		default:
			near = form{1, 0, 8}
		}
	}
	any = near
	if t == nil {
		return near, any
	}
	for m := t.compress; m != 0; m &= m - 1 {
		cid := uint8(bits.TrailingZeros16(m))
		c := &t.ctx[cid]
		// RFC 6282, Section 3.1.1: "Bits covered by context information are
		// always used. Any IID bits not covered by context information are
		// taken [from the IID]. Any remaining bits are zero."
		if hi != c.hi || (lo^c.lo)&c.maskLo != 0 {
			continue
		}
		f := form{4 | 1, cid, 8}
		switch {
		case (hasIID || c.bits == 128) && (lo^iid)&^c.maskLo == 0:
			f = form{4 | 3, cid, 0}
		case (lo^short)&^c.maskLo == 0:
			f = form{4 | 2, cid, 2}
		}
		if f.size < any.size {
			any = f
			if cid == 0 {
				near = f
			}
		}
	}
	return near, any
}

// multicast is unicast for a destination that begins with ff.
func (t *Table) multicast(hi, lo uint64) (near, any form) {
	near = form{8, 0, 16}
	if hi&0x0000ffffffffffff == 0 {
		switch {
		case hi == 0xff02<<48 && lo < 1<<8: // ff02::00XX
			near = form{8 | 3, 0, 1}
		case lo < 1<<24: // ffxx::00xx:xxxx
			near = form{8 | 2, 0, 4}
		case lo < 1<<40: // ffxx::00xx:xxxx:xxxx
			near = form{8 | 1, 0, 6}
		}
	}
	any = near
	if t == nil || near.size <= 6 {
		return near, any
	}
	// ffxx:xxll:pppp:pppp:pppp:pppp:xxxx:xxxx, with length and prefix of a
	// context (Section 3.2.4). A prefix length over 64 does not fit the format
	// (RFC 3306, Section 4), and decoders differ on it.
	length, prefix := uint8(hi>>32), hi<<32|lo>>32
	for m := t.compress; m != 0; m &= m - 1 {
		cid := uint8(bits.TrailingZeros16(m))
		if c := &t.ctx[cid]; c.bits == length && length <= 64 && c.hi == prefix {
			any = form{8 | 4, cid, 6}
			if cid == 0 {
				near = any
			}
			return near, any
		}
	}
	return near, any
}

// putIPHC writes the smallest encoding of the IPv6 header h to b, which has
// room for iphcMax bytes, but no next header: the caller either sets the NH
// flag or inserts the number at nh. n is the length.
func putIPHC(b, h []byte, x *iids, t *Table) (n, nh int) {
	_, _ = b[iphcMax-1], h[39]
	srcHi, srcLo := binary.BigEndian.Uint64(h[8:]), binary.BigEndian.Uint64(h[16:])
	dstHi, dstLo := binary.BigEndian.Uint64(h[24:]), binary.BigEndian.Uint64(h[32:])

	var src, src2, dst, dst2 form
	if srcHi|srcLo == 0 {
		src = form{4, 0, 0} // the unspecified address
		src2 = src
	} else {
		src, src2 = t.unicast(srcHi, srcLo, x.src, x.hasSrc)
	}
	if dstHi>>56 == 0xff {
		dst, dst2 = t.multicast(dstHi, dstLo)
	} else {
		dst, dst2 = t.unicast(dstHi, dstLo, x.dst, x.hasDst)
	}
	word := uint16(iphcDispatch)
	n = 2
	if src2.size+dst2.size+1 < src.size+dst.size {
		src, dst = src2, dst2
		word |= iphcCID
		b[2] = src.cid<<4 | dst.cid
		n = 3
	}
	word |= uint16(src.mode)<<4 | uint16(dst.mode)

	// Section 3.2.1: ECN comes first in all encodings that have it.
	v := binary.BigEndian.Uint32(h)
	tc, label := uint8(v>>20), v&0xfffff
	tc = tc<<6 | tc>>2
	switch {
	case v<<4 == 0:
		word |= 3 << 11
	case label == 0:
		word |= 2 << 11
		b[n] = tc
		n++
	case tc&0x3f == 0: // no DSCP
		word |= 1 << 11
		b[n] = tc | byte(label>>16)
		b[n+1], b[n+2] = byte(label>>8), byte(label)
		n += 3
	default:
		binary.BigEndian.PutUint32(b[n:], uint32(tc)<<24|label)
		n += 4
	}
	nh = n
	switch h[7] {
	case 1:
		word |= 1 << 8
	case 64:
		word |= 2 << 8
	case 255:
		word |= 3 << 8
	default:
		b[n] = h[7]
		n++
	}
	b[0], b[1] = byte(word>>8), byte(word)
	n += putAddr(b[n:], h[8:24], src.size)
	if dst.mode&8 == 0 {
		return n + putAddr(b[n:], h[24:40], dst.size), nh
	}
	switch dst.size {
	case 16:
		copy(b[n:n+16], h[24:40])
	case 6:
		b[n] = h[25]
		if dst.mode&4 != 0 {
			b[n+1] = h[26]
		} else {
			b[n+1] = h[35]
		}
		copy(b[n+2:n+6], h[36:40])
	case 4:
		b[n] = h[25]
		copy(b[n+1:n+4], h[37:40])
	case 1:
		b[n] = h[39]
	}
	return n + int(dst.size), nh
}

// putAddr writes the last size bytes of the address a.
func putAddr(b, a []byte, size uint8) int {
	switch size {
	case 16:
		copy(b[:16], a[:16])
	case 8:
		copy(b[:8], a[8:16])
	case 2:
		b[0], b[1] = a[14], a[15]
	}
	return int(size)
}

// getIPHC restores the IPv6 header that in begins with into h, 40 bytes, but
// for the payload length, which it leaves zero. It returns the length of the
// encoding and whether the next header is compressed (then h[6] is zero, too).
func getIPHC(h, in []byte, x *iids, t *Table) (n int, nhc bool, err Error) {
	_ = h[39]
	if len(in) < 2 {
		return 0, false, ErrTruncated
	}
	w := IPHC(binary.BigEndian.Uint16(in))
	if e := w.check(); e != 0 {
		return 0, false, e
	}
	if len(in) < w.Len() {
		return 0, false, ErrTruncated
	}
	sci, dci := uint8(0), uint8(0)
	n = 2
	if w&iphcCID != 0 {
		sci, dci = in[2]>>4, in[2]&15
		n = 3
	}
	first := uint64(6) << 60
	if w.TF() != 3 {
		tc, label := uint8(0), uint32(0)
		switch w.TF() {
		case 0:
			v := binary.BigEndian.Uint32(in[n:])
			tc, label = uint8(v>>24), v&0xfffff
		case 1:
			tc = in[n] & 0xc0
			label = uint32(in[n]&15)<<16 | uint32(in[n+1])<<8 | uint32(in[n+2])
		case 2:
			tc = in[n]
		}
		tc = tc<<2 | tc>>6
		first |= uint64(tc)<<52 | uint64(label)<<32
		n += int(tfSize[w.TF()])
	}
	if w&iphcNH == 0 {
		first |= uint64(in[n]) << 8
		n++
	}
	if w&0x300 == 0 {
		first |= uint64(in[n])
		n++
	} else {
		first |= uint64(hlimCode[w>>8&3])
	}
	binary.BigEndian.PutUint64(h, first)

	var hi, lo uint64
	if w&0x70 != 0x40 { // SAC=1, SAM=00 is the unspecified address
		if hi, lo, err = t.getUnicast(in[n:], uint8(w>>4&7), sci, x.src, x.hasSrc); err != 0 {
			return 0, false, err
		}
		n += int(srcSize[w>>4&7])
	}
	binary.BigEndian.PutUint64(h[8:], hi)
	binary.BigEndian.PutUint64(h[16:], lo)
	if w&iphcM == 0 {
		hi, lo, err = t.getUnicast(in[n:], uint8(w&7), dci, x.dst, x.hasDst)
	} else {
		hi, lo, err = t.getMulticast(in[n:], uint8(w&7), dci)
	}
	binary.BigEndian.PutUint64(h[24:], hi)
	binary.BigEndian.PutUint64(h[32:], lo)
	return n + int(dstSize[w&15]), w&iphcNH != 0, err
}

// getUnicast restores an address from its in-line bytes. mode is SAC and SAM,
// or DAC and DAM, and not 4.
func (t *Table) getUnicast(in []byte, mode, cid uint8, iid uint64, hasIID bool) (hi, lo uint64, err Error) {
	switch mode & 3 {
	case 0:
		return binary.BigEndian.Uint64(in), binary.BigEndian.Uint64(in[8:]), 0
	case 1:
		lo, hasIID = binary.BigEndian.Uint64(in), true
	case 2:
		lo, hasIID = shortIID|uint64(binary.BigEndian.Uint16(in)), true
	case 3:
		lo = iid
	}
	hi = linkLocal
	if mode&4 != 0 {
		if t == nil || t.valid>>(cid&15)&1 == 0 {
			return 0, 0, ErrNoContext
		}
		c := &t.ctx[cid&15]
		hi, lo = c.hi, c.lo|lo&^c.maskLo
		hasIID = hasIID || c.bits == 128 // a whole address
	}
	if !hasIID {
		return 0, 0, ErrNoContext
	}
	return hi, lo, 0
}

// getMulticast is getUnicast for M=1; mode is DAC and DAM.
func (t *Table) getMulticast(in []byte, mode, cid uint8) (hi, lo uint64, err Error) {
	switch mode {
	case 0:
		return binary.BigEndian.Uint64(in), binary.BigEndian.Uint64(in[8:]), 0
	case 1:
		return 0xff<<56 | uint64(in[0])<<48, uint64(in[1])<<32 | uint64(binary.BigEndian.Uint32(in[2:])), 0
	case 2:
		v := binary.BigEndian.Uint32(in)
		return 0xff<<56 | uint64(v>>24)<<48, uint64(v & 0xffffff), 0
	case 3:
		return 0xff02 << 48, uint64(in[0]), 0
	}
	if t == nil || t.valid>>(cid&15)&1 == 0 {
		return 0, 0, ErrNoContext
	}
	c := &t.ctx[cid&15]
	if c.bits > 64 {
		return 0, 0, ErrMalformed // does not fit ffXX:XXLL:PPPP...
	}
	hi = 0xff<<56 | uint64(binary.BigEndian.Uint16(in))<<40 | uint64(c.bits)<<32 | c.hi>>32
	return hi, c.hi<<32 | uint64(binary.BigEndian.Uint32(in[2:])), 0
}
