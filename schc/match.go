package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// elem is where an element of the packet is: off and n in bytes.
type elem struct {
	off, n uint32
}

// matcher walks a packet under a program. It is the memory that Compressor and
// Decompressor share.
type matcher struct {
	img   string
	in    Inputs
	low   below // of in.Outer
	elems [maxElems]elem
	// known says that the elements are the decompressor's: walking what it
	// restored must find the same.
	known bool
	// sumKey and sumOK remember the last checksum that was verified, so that
	// several candidates do not add up the packet again.
	sumKey uint64
	sumOK  bool
}

// Inputs are what a Rule may need besides the packet (RFC 8724, Section
// 7.4.7). Each IID is 8 bytes, used as they are; nil if there is none, and
// then Rules with the action DevIID or AppIID do not match.
//
// Outer is the IPv4 or IPv6 header of the layer below, as in a tunnel, for the
// action lower and for Options.OuterHeader: at least its fixed part. Without it
// Rules that need it do not match.
type Inputs struct {
	DevIID, AppIID []byte
	Outer          []byte
}

// below are the fields of the layer below, by kind (lowerDSCP ...).
type below [8]uint32

// read reads an IP header and reports whether it is one.
func (l *below) read(h []byte) bool {
	switch n := len(h); {
	case n >= 40 && h[0]>>4 == 6:
		x := binary.BigEndian.Uint32(h)
		l[lowerClass], l[lowerLabel], l[lowerHops] = x>>20&0xff, x&0xfffff, uint32(h[7])
	case n >= 20 && h[0]>>4 == 4:
		l[lowerClass], l[lowerLabel], l[lowerHops] = uint32(h[1]), uint32(h[4])<<8|uint32(h[5]), uint32(h[8])
	default:
		return false
	}
	l[lowerDSCP], l[lowerECN] = l[lowerClass]>>2, l[lowerClass]&3
	return true
}

// get returns what a field of n bits has there. Between a Flow Label and an
// Identification the 16 low-order bits count (draft-ietf-ipsecme-diet-esp-10,
// Sections 6.1.2, 6.1.3).
func (l *below) get(kind byte, n int) uint64 { return uint64(l[kind&7] & (1<<uint(n) - 1)) }

// static reports whether the static block of program p matches pkt.
func (m *matcher) static(p int, pkt []byte) bool {
	if len(pkt) < le16(m.img, p+progBlock) {
		return false
	}
	at := p + le16(m.img, p+progCmps)
	return compare(m.img[at:at+int(m.img[p+progNCmp])*recCmp], pkt)
}

// compare makes masked compares of the first element.
func compare(recs string, pkt []byte) bool {
	for ; len(recs) >= recCmp; recs = recs[recCmp:] {
		off := int(recs[2]) | int(recs[3])<<8
		if (bitio.Load(pkt, off)^le64(recs, 12))&le64(recs, 4) != 0 {
			return false
		}
	}
	return true
}

// compareElems makes n masked compares in later elements.
func (m *matcher) compareElems(at, n int, pkt []byte) bool {
	for ; n > 0; n-- {
		rec := m.img[at : at+recCmp]
		off := int(rec[2]) | int(rec[3])<<8
		off += int(m.elems[rec[0]%maxElems].off)
		if (bitio.Load(pkt, off)^le64(rec, 12))&le64(rec, 4) != 0 {
			return false
		}
		at += recCmp
	}
	return true
}

// verdict is how a program fits a packet.
type verdict uint8

const (
	noMatch verdict = iota
	lossy           // it matches, but would change the packet
	lossless
)

// fit walks and compares pkt, whose static block matched, under program p with
// header h. header is the offset in bytes of the payload, behind a CoAP payload
// marker if there is one.
func (m *matcher) fit(p int, h string, pkt []byte) (v verdict, header int) {
	flags := h[progFlags]
	header = le16(h, progBlock)
	m.elems[0].off, m.elems[0].n = 0, uint32(header)
	cmps := p + le16(h, progCmps) + int(h[progNCmp])*recCmp
	if flags&progFlat != 0 {
		if flags&progCoAPTail != 0 {
			var ok bool
			if header, ok = coapEnd(pkt, header); !ok {
				return noMatch, 0
			}
		}
	} else {
		var ok bool
		if header, ok = m.walk(p, pkt); !ok {
			return noMatch, 0
		}
		if !m.compareElems(cmps, int(h[progNCmpX]), pkt) {
			return noMatch, 0
		}
	}
	if flags&progOuter != 0 && !m.low.read(m.in.Outer) {
		return noMatch, 0
	}
	v = lossless
	if n := int(h[progNMatch]); n > 0 {
		if v = m.matches(p+le16(h, progMatch), n, pkt); v == noMatch {
			return noMatch, 0
		}
	}
	if n := int(h[progNCalc]); n > 0 && m.img[imgFlags]&imgTrustComputed == 0 {
		at := p + le16(h, progCalc)
		if !m.verify(m.img[at:at+n*recCalc], pkt) {
			return noMatch, 0
		}
	}
	if n := int(h[progNLoss]); n > 0 {
		loss := cmps + int(h[progNCmpX])*recCmp
		if !compare(m.img[loss:loss+n*recCmp], pkt) {
			v = lossy
		}
	}
	if n := int(h[progNLossX]); n > 0 {
		loss := cmps + (int(h[progNCmpX])+int(h[progNLoss]))*recCmp
		if !m.compareElems(loss, n, pkt) {
			v = lossy
		}
	}
	return v, header
}

// coapEnd returns the offset of the payload when the CoAP options end at off:
// at the end of the packet, or at a payload marker with at least one byte
// behind it (RFC 7252, Section 3).
func coapEnd(pkt []byte, off int) (int, bool) {
	switch {
	case off == len(pkt):
		return off, true
	case off+1 < len(pkt) && pkt[off] == 0xff:
		return off + 1, true
	}
	return 0, false
}

// walk finds the elements behind the static block.
func (m *matcher) walk(p int, pkt []byte) (header int, ok bool) {
	img := m.img
	at := p + le16(img, p+progWalk)
	pos := int(m.elems[0].n)
	e := 1
	for n := int(img[p+progNWalk]); n > 0; n-- {
		rec := img[at : at+recWalk]
		at += recWalk
		size := 0
		switch kind := rec[0]; kind {
		case walkBlock:
			size = int(rec[4]) | int(rec[5])<<8
		case walkToken, walkIPOpt, walkTCPOpt, walkExt, walkICMP:
			i := int(m.elems[rec[1]%maxElems].off) + (int(rec[2]) | int(rec[3])<<8)
			if uint(i) >= uint(len(pkt)) {
				return 0, false
			}
			if size, ok = sizedBy(kind, pkt[i]); !ok {
				return 0, false
			}
			if kind == walkICMP && pos+size <= len(pkt) && bitio.Get(pkt, pos*8, size*8) != 0 {
				return 0, false // the unused word is elided
			}
		case walkOption, walkOSCORE:
			delta, length, next, ok := parseOption(pkt, pos)
			if !ok || delta != int(rec[4])|int(rec[5])<<8 || length > len(pkt)-next {
				return 0, false
			}
			pos, size = next, length
			if kind == walkOSCORE {
				var q [4]elem
				if !splitOSCORE(&q, pkt, pos, size) {
					return 0, false
				}
				for i := range q {
					if !m.set(e, q[i]) {
						return 0, false
					}
					e++
				}
				pos += size
				continue
			}
		case walkEncoded:
			i := int(m.elems[rec[1]%maxElems].off) + le16(rec, 2)
			size = encodedLength(pkt, i, le16(rec, 4), le16(rec, 6))
		case walkEnd:
			return pos, pos == len(pkt)
		case walkRest:
			size = len(pkt) - pos
		case walkCoAPEnd:
			return coapEnd(pkt, pos)
		}
		if size > len(pkt)-pos {
			return 0, false
		}
		if !m.set(e, elem{uint32(pos), uint32(size)}) {
			return 0, false
		}
		e++
		pos += size
	}
	return pos, true
}

// set notes where element e is, or reports false if it is known to be
// elsewhere.
func (m *matcher) set(e int, x elem) bool {
	p := &m.elems[e%maxElems]
	if m.known && *p != x {
		return false
	}
	*p = x
	return true
}

// encodedLength returns the length of a CoAP option's value from its header at
// off, whose length extension of n bytes is at off+ext.
func encodedLength(pkt []byte, off, ext, n int) int {
	switch n {
	case 1:
		return 13 + int(pkt[off+ext])
	case 2:
		return 269 + int(pkt[off+ext])<<8 + int(pkt[off+ext+1])
	}
	return int(pkt[off] & 15)
}

// extensionBytes returns how many bytes of extension a nibble of a CoAP option
// header announces, or -1 for the reserved value.
func extensionBytes(nibble byte) int {
	switch nibble {
	case 13:
		return 1
	case 14:
		return 2
	case 15:
		return -1
	}
	return 0
}

// sizedBy returns the length in bytes of an element that byte x of a header
// gives, and false if x cannot be.
func sizedBy(kind, x byte) (int, bool) {
	switch kind {
	case walkToken:
		return int(x & 15), x&15 <= 8 // RFC 7252, Section 3: 9-15 are reserved
	case walkIPOpt:
		return (int(x&15) - 5) * 4, x&15 >= 5
	case walkTCPOpt:
		return (int(x>>4) - 5) * 4, x>>4 >= 5
	case walkExt:
		return int(x)*8 + 6, true
	}
	// walkICMP: the types whose second word is unused; those whose second
	// word is a field that the Rule does not describe; the others.
	switch x {
	case 1, 3:
		return 4, true
	case 2, 4, 128, 129:
		return 0, false
	}
	return 0, true
}

// parseOption reads the CoAP option header at off (RFC 7252, Section 3.1).
func parseOption(pkt []byte, off int) (delta, length, next int, ok bool) {
	if off >= len(pkt) {
		return 0, 0, 0, false
	}
	b := int(pkt[off])
	off++
	delta, off, ok = optionExt(pkt, off, b>>4)
	if !ok {
		return 0, 0, 0, false
	}
	length, off, ok = optionExt(pkt, off, b&15)
	return delta, length, off, ok
}

func optionExt(pkt []byte, off, nibble int) (v, next int, ok bool) {
	switch {
	case nibble < 13:
		return nibble, off, true
	case nibble == 13 && off < len(pkt):
		return 13 + int(pkt[off]), off + 1, true
	case nibble == 14 && off+1 < len(pkt):
		return 269 + int(pkt[off])<<8 + int(pkt[off+1]), off + 2, true
	}
	return 0, 0, false // 15 is reserved: the payload marker
}

// splitOSCORE finds flags, Partial IV, kid context and kid in the value of an
// OSCORE option (RFC 8613, Section 6.1; RFC 8824, Section 6.4).
func splitOSCORE(e *[4]elem, pkt []byte, off, n int) bool {
	end := off + n
	if n == 0 {
		for i := range e {
			e[i] = elem{uint32(off), 0}
		}
		return true
	}
	f := pkt[off]
	e[0] = elem{uint32(off), 1}
	off++
	piv := int(f & 7)
	if piv > 5 || piv > end-off { // 6 and 7 are reserved
		return false
	}
	e[1] = elem{uint32(off), uint32(piv)}
	off += piv
	ctx := 0
	if f&0x10 != 0 {
		if off >= end {
			return false
		}
		if ctx = 1 + int(pkt[off]); ctx > end-off {
			return false
		}
	}
	e[2] = elem{uint32(off), uint32(ctx)}
	off += ctx
	e[3] = elem{uint32(off), uint32(end - off)}
	return f&8 != 0 || off == end
}

// matches makes n match steps.
func (m *matcher) matches(at, n int, pkt []byte) verdict {
	v := lossless
	for ; n > 0; n-- {
		rec := m.img[at : at+recMatch]
		at += recMatch
		el := &m.elems[rec[1]%maxElems]
		off := int(el.off) + (int(rec[2]) | int(rec[3])<<8)
		if rec[0] == matchLower { // short, as tunnels have several
			if bitio.Load(pkt, off)<<(rec[6]&7)>>((64-rec[4])&63) != m.low.get(rec[8], int(rec[4])) {
				return noMatch
			}
			continue
		}
		nbits, aux := le16(rec, 4), le16(rec, 6)
		data := int(le32(rec, 8))
		ok := true
		switch rec[0] {
		case matchWord:
			x := bitio.Load(pkt, off) << uint(aux) >> uint(64-nbits)
			ok = m.indexWord(data, le16(rec, 12), x) >= 0
		case matchBytes:
			ok = m.indexBytes(data, le16(rec, 12), pkt[el.off:el.off+el.n]) >= 0
		case matchRange:
			ok = m.indexBytes(data, le16(rec, 12), pkt[off:off+nbits/8]) >= 0
		case matchPrefix:
			ok = int(el.n)*8 >= nbits && equalBits(pkt[el.off:el.off+el.n], m.img[data:], nbits)
		case matchDevIID:
			ok = len(m.in.DevIID) == 8 && bitio.Load(m.in.DevIID, 0) == bitio.Load(pkt, off)
		case matchAppIID:
			ok = len(m.in.AppIID) == 8 && bitio.Load(m.in.AppIID, 0) == bitio.Load(pkt, off)
		case matchMaxBytes:
			ok = int(el.n) <= aux
		case matchExactBytes:
			ok = int(el.n) == aux
		case matchKID:
			f := &m.elems[(rec[1]-3)%maxElems]
			ok = f.n > 0 && pkt[f.off]&8 != 0
		case matchMarker:
			ok = off+1 < len(pkt)
		case matchNibbles:
			ok = extensionBytes(pkt[off]>>4) == nbits && extensionBytes(pkt[off]&15) == aux
		case matchNotEcho:
			ok = pkt[off]&^8 != 0
		case matchLoss:
			if m.indexBytes(data, 1, pkt[el.off:el.off+el.n]) < 0 {
				v = lossy
				// What is restored must have lengths that can be computed.
				ok = len(pkt)-int(el.n)+le16(m.img, data) <= 0xffff
			}
		}
		if !ok {
			return noMatch
		}
	}
	return v
}

// indexWord returns which of n 64-bit values at data is x, or -1.
func (m *matcher) indexWord(data, n int, x uint64) int {
	list := m.img[data : data+8*n]
	for i := 0; len(list) >= 8; i++ {
		if le64(list, 0) == x {
			return i
		}
		list = list[8:]
	}
	return -1
}

// indexBytes returns which of n values at data is v, or -1.
func (m *matcher) indexBytes(data, n int, v []byte) int {
	for i := 0; i < n; i++ {
		l := le16(m.img, data)
		data += 2
		if l == len(v) && equalBits(v, m.img[data:], l*8) {
			return i
		}
		data += l
	}
	return -1
}

// value returns the i-th of the values at data.
func (m *matcher) value(data, i int) string {
	for ; i > 0; i-- {
		data += 2 + le16(m.img, data)
	}
	l := le16(m.img, data)
	return m.img[data+2 : data+2+l]
}

// equalBits reports whether the first n bits of b and s are equal.
func equalBits(b []byte, s string, n int) bool {
	i := 0
	for ; n >= 8; n -= 8 {
		if b[i] != s[i] {
			return false
		}
		i++
	}
	return n == 0 || (b[i]^s[i])>>uint(8-n) == 0
}
