package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

// A Decompressor restores packets under a Context. It is caller-owned memory
// for one goroutine: var d Decompressor; d.Reset(ctx).
type Decompressor struct {
	m    matcher
	last Result
	regs [numRegs]byte
}

// Reset makes d work under ctx, without link-layer inputs.
func (d *Decompressor) Reset(ctx *Context) { *d = Decompressor{m: matcher{img: ctx.img}} }

// SetInputs gives the link-layer inputs of the packets that follow. The slices
// are retained until the next call of SetInputs or Reset.
func (d *Decompressor) SetInputs(in Inputs) { d.m.in = in }

// Last returns what the last successful call did.
func (d *Decompressor) Last() Result { return d.last }

// AppendDecompress restores the packet of the SCHC Packet pkt, which a peer
// sent in direction dir, appends it to dst and returns the extended slice and
// the Rule (RFC 8724, Section 7.2). Up to seven bits of zero padding may end
// pkt.
//
// On error the returned slice is dst, unchanged up to len(dst): ErrNoRule for
// an unknown RuleID, a Rule that is not for packets of dir, or a missing IID;
// ErrTruncated if the residue ends early; ErrMalformed for what no compressor
// sends; ErrUnsupported for a SCHC Fragment. AppendDecompress retains neither
// dst nor pkt, never writes to pkt, and does not allocate when dst has room
// for the packet; dst and pkt must not overlap.
func (d *Decompressor) AppendDecompress(dst, pkt []byte, dir Direction) ([]byte, RuleID, error) {
	return d.AppendDecompressBits(dst, pkt, len(pkt)*8, dir)
}

// AppendDecompressBits is AppendDecompress for a SCHC Packet of a known length
// in bits, before padding; all bits behind must be zero.
func (d *Decompressor) AppendDecompressBits(dst, pkt []byte, bits int, dir Direction) ([]byte, RuleID, error) {
	var r residue
	n, e := d.open(&r, pkt, bits, bits == len(pkt)*8, dir)
	if e != 0 {
		return dst, RuleID{}, e
	}
	at := len(dst)
	out := dst
	if cap(dst)-at < n {
		out = append(dst, make([]byte, n)...)
	} else {
		out = dst[:at+n]
	}
	if e := d.write(&r, out[at:]); e != 0 {
		return dst, RuleID{}, e
	}
	return out, d.last.ID, nil
}

// DecompressInto restores the packet into the first bytes of buf and returns
// their number. It is AppendDecompress for firmware without a heap:
// ErrShortBuffer means that buf is too short. On other errors buf may have
// been written to.
func (d *Decompressor) DecompressInto(buf, pkt []byte, dir Direction) (int, RuleID, error) {
	var r residue
	n, e := d.open(&r, pkt, len(pkt)*8, true, dir)
	if e != 0 {
		return 0, RuleID{}, e
	}
	if len(buf) < n {
		return 0, RuleID{}, ErrShortBuffer
	}
	if e := d.write(&r, buf[:n]); e != 0 {
		return 0, RuleID{}, e
	}
	return n, d.last.ID, nil
}

// residue is a SCHC Packet that is being read.
type residue struct {
	pkt     []byte
	bits    int // all bits of pkt that count
	pos     int // the next bit to read
	start   int // the first bit of the residue
	prog    int // 0: no compression
	header  int // header bytes of the packet
	payload int // payload bytes
	marker  bool
}

// LookupRuleID returns the index of the Rule whose RuleID the SCHC message pkt
// starts with, and its nature: ErrNoRule if there is none, ErrTruncated if pkt
// ends within a RuleID.
func (c *Context) LookupRuleID(pkt []byte) (index int, nature Nature, err error) {
	i, e := lookupID(c.img, pkt, len(pkt)*8)
	if e != 0 {
		return 0, 0, e
	}
	return i, Nature(c.img[int(le32(c.img, imgRuleTab))+i*recRule+5]), nil
}

// lookupID finds the Rule whose RuleID is a prefix of pkt: the last one, in
// order of bits, that is not behind pkt.
func lookupID(img string, pkt []byte, bits int) (int, Error) {
	left := uint32(bitio.Load(pkt, 0) >> 32)
	if bits < 32 {
		left &= ^(^uint32(0) >> uint(bits))
	}
	tab := int(le32(img, imgIDTab))
	lo, hi := 0, int(le32(img, imgRules))
	for lo < hi {
		mid := (lo + hi) / 2
		if le32(img, tab+mid*recID) <= left {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo > 0 {
		rec := tab + (lo-1)*recID
		index := int(le32(img, rec+4))
		n := int(img[int(le32(img, imgRuleTab))+index*recRule+4])
		if n == 0 || (le32(img, rec)^left)>>uint(32-n) == 0 {
			if n > bits {
				return 0, ErrTruncated
			}
			return index, 0
		}
	}
	// What is there may be the beginning of the next RuleID.
	if hi := int(le32(img, imgRules)); lo < hi && bits < 32 {
		if next := le32(img, tab+lo*recID); bits == 0 || (next^left)>>uint(32-bits) == 0 {
			return 0, ErrTruncated
		}
	}
	return 0, ErrNoRule
}

// open reads the RuleID and the sizes of all residues, checks the padding, and
// returns the length of the packet. padded says that up to seven bits of
// padding follow the payload.
func (d *Decompressor) open(r *residue, pkt []byte, bits int, padded bool, dir Direction) (int, Error) {
	m := &d.m
	img := m.img
	switch {
	case len(img) == 0:
		return 0, ErrNoRule
	case dir != DirUp && dir != DirDown:
		return 0, ErrUnsupported
	case bits > len(pkt)*8:
		return 0, ErrTruncated
	case bits < 0:
		return 0, ErrMalformed
	}
	index, e := lookupID(img, pkt, bits)
	if e != 0 {
		return 0, e
	}
	rec := int(le32(img, imgRuleTab)) + index*recRule
	id := RuleID{le32(img, rec), img[rec+4]}
	// Field by field: r comes zeroed, and a whole literal would be copied.
	r.pkt, r.bits, r.pos, r.start = pkt, bits, int(id.Bits), int(id.Bits)
	nature := Nature(img[rec+5])
	d.last.Rule, d.last.ID, d.last.Nature = index, id, nature
	switch nature {
	case NatureFragmentation:
		return 0, ErrUnsupported
	case NatureCompression:
		at := rec + 8
		if dir == DirDown {
			at = rec + 12
		}
		r.prog = int(le32(img, at))
		if r.prog == 0 {
			return 0, ErrNoRule
		}
		if e := d.measure(r); e != 0 {
			return 0, e
		}
	}
	d.last.ResidueBits = r.pos - r.start
	rest := bits - r.pos
	if rest < 0 {
		return 0, ErrTruncated
	}
	r.payload = rest / 8
	if pad := rest & 7; pad != 0 {
		if !padded {
			return 0, ErrMalformed // the payload is whole bytes
		}
		if pkt[bits>>3-1]<<uint(8-pad) != 0 { // bits is a multiple of 8 here
			return 0, ErrMalformed
		}
	}
	if bits < len(pkt)*8 && !zeroBehind(pkt, bits) {
		return 0, ErrMalformed
	}
	if r.payload > 0 && r.marker {
		r.header++
	}
	d.last.Bits = r.pos + r.payload*8
	d.last.HeaderBytes = r.header
	return r.header + r.payload, 0
}

// zeroBehind reports whether all bits of pkt from bit n on are zero.
func zeroBehind(pkt []byte, n int) bool {
	i := n >> 3
	if k := n & 7; k != 0 {
		if pkt[i]<<uint(k) != 0 {
			return false
		}
		i++
	}
	for ; i < len(pkt); i++ {
		if pkt[i] != 0 {
			return false
		}
	}
	return true
}

// take reads n bits, n up to 64.
func (r *residue) take(n int) uint64 {
	pos := r.pos
	r.pos = pos + n
	if n > 56 {
		return bitio.Get(r.pkt, pos, n)
	}
	return bitio.Load(r.pkt, pos>>3) << uint(pos&7) >> uint(64-n)
}

// size reads the size of a variable-length residue (RFC 8724, Section 7.4.2).
// Only the shortest form is taken, so that one packet has one SCHC Packet.
func (r *residue) size() (int, Error) {
	n := int(r.take(4))
	if n == 15 {
		if n = int(r.take(8)); n == 255 {
			if n = int(r.take(16)); n < 255 && r.pos <= r.bits {
				return 0, ErrMalformed
			}
		} else if n < 15 && r.pos <= r.bits {
			return 0, ErrMalformed
		}
	}
	if r.pos > r.bits {
		return 0, ErrTruncated
	}
	return n, 0
}

// measure finds the end of the residue, and with it the length of every
// element of the packet.
func (d *Decompressor) measure(r *residue) Error {
	m := &d.m
	img := m.img
	p := r.prog
	flags := img[p+progFlags]
	r.header = le16(img, p+progBlock)
	m.elems[0].off, m.elems[0].n = 0, uint32(r.header)
	r.marker = flags&progCoAPTail != 0
	if flags&progFlat != 0 && flags&progFixedBits != 0 {
		r.pos = int(le32(img, p+progMinBits))
		if r.pos > r.bits {
			return ErrTruncated
		}
		return 0
	}
	copy(d.regs[1:], img[p+progRegs:p+progRegs+numRegs-1])
	at := p + le16(img, p+progEmit)
	for n := int(img[p+progNEmit]); n > 0; n-- {
		rec := img[at : at+recEmit]
		at += recEmit
		el := &m.elems[rec[1]%maxElems]
		known := le16(rec, 10)
		data := int(le32(rec, 12))
		switch rec[0] {
		case emitBits, emitConst:
			v := r.take(int(rec[5]))
			d.regs[rec[6]%numRegs] |= byte(v)
		case emitIndex:
			i := int(r.take(int(rec[7])))
			if i >= le16(rec, 8) || r.pos > r.bits {
				return r.malformed()
			}
			d.regs[rec[6]%numRegs] |= byte(le64(img, data+8*i))
		case emitIndexB:
			i := int(r.take(int(rec[7])))
			if i >= le16(rec, 8) || r.pos > r.bits {
				return r.malformed()
			}
			v := m.value(data, i)
			el.n = uint32(len(v))
			d.setFlags(rec[6], v)
		case emitIndexR:
			i := int(r.take(int(rec[7])))
			if i >= le16(rec, 8) || r.pos > r.bits {
				return r.malformed()
			}
			if len(m.value(data, i)) != known {
				return ErrMalformed // no such field is possible in this Rule
			}
		case emitVar, emitVarBit:
			k, e := r.size()
			if e != 0 {
				return e
			}
			if rec[0] == emitVar {
				k *= 8
			}
			if (k+known)&7 != 0 {
				return ErrMalformed // the field is whole bytes
			}
			el.n = uint32(k+known) / 8
			if rec[6] == regOSCFlags && el.n > 0 {
				d.regs[regOSCFlags] = d.firstByte(r, data, known)
			}
			r.pos += k
		case emitTail:
			k := int(d.regs[regTKL]&15) * 8
			if d.isPIV(r, int(rec[1])) {
				k = int(d.regs[regOSCFlags]&7) * 8
			}
			if k < known {
				return ErrMalformed
			}
			el.n = uint32(k / 8)
			r.pos += k - known
		case emitFill:
			v := m.value(data, 0)
			el.n = uint32(len(v))
			d.setFlags(rec[6], v)
		case emitDevIID, emitAppIID:
		}
		if r.pos > r.bits {
			return ErrTruncated
		}
	}
	if flags&progFlat != 0 {
		return 0
	}
	return d.layout(r)
}

// malformed is ErrTruncated if what was read was not there.
func (r *residue) malformed() Error {
	if r.pos > r.bits {
		return ErrTruncated
	}
	return ErrMalformed
}

func (d *Decompressor) setFlags(reg byte, v string) {
	if reg == regOSCFlags && len(v) > 0 {
		d.regs[regOSCFlags] = v[0]
	}
}

// firstByte returns the first byte of the element whose residue comes next.
func (d *Decompressor) firstByte(r *residue, data, known int) byte {
	if known >= 8 {
		return d.m.img[data]
	}
	x := byte(0)
	if known > 0 {
		x = d.m.img[data] &^ (0xff >> uint(known))
	}
	return x | byte(get(r.pkt, r.pos, 8-known))
}

// isPIV reports whether element e is the Partial IV of an OSCORE option.
func (d *Decompressor) isPIV(r *residue, e int) bool {
	img := d.m.img
	at := r.prog + le16(img, r.prog+progWalk)
	next := 1
	for n := int(img[r.prog+progNWalk]); n > 0; n-- {
		if img[at] == walkOSCORE {
			if e == next+1 {
				return true
			}
			next += 3
		}
		next++
		at += recWalk
	}
	return false
}

// layout gives every element its place, from the lengths, and finds the length
// of the header.
func (d *Decompressor) layout(r *residue) Error {
	m := &d.m
	img := m.img
	at := r.prog + le16(img, r.prog+progWalk)
	pos := uint32(r.header)
	e := 1
	for n := int(img[r.prog+progNWalk]); n > 0; n-- {
		rec := img[at : at+recWalk]
		at += recWalk
		el := &m.elems[e%maxElems]
		switch rec[0] {
		case walkBlock:
			el.n = uint32(le16(rec, 4))
		case walkICMP:
			n, ok := sizedBy(walkICMP, d.regs[regICMPType])
			if !ok {
				return ErrMalformed
			}
			el.n = uint32(n)
		case walkOption:
			pos += optionHeaderLen(le16(rec, 4), int(el.n))
		case walkOSCORE:
			q := (*[4]elem)(m.elems[e%(maxElems-3):])
			sum := q[0].n + q[1].n + q[2].n + q[3].n
			pos += optionHeaderLen(le16(rec, 4), int(sum))
			for i := range q {
				q[i].off = pos
				pos += q[i].n
			}
			e += 4
			continue
		case walkCoAPEnd:
			r.marker = true
			continue
		case walkEnd:
			continue
		}
		el.off = pos
		pos += el.n
		e++
	}
	if pos > 0x1ffff {
		return ErrMalformed
	}
	r.header = int(pos)
	return 0
}

// optionHeaderLen returns the bytes of a CoAP option header.
func optionHeaderLen(delta, length int) uint32 {
	_, _, d := optionNibble(delta)
	_, _, l := optionNibble(length)
	return uint32(1 + d + l)
}

// write restores the packet; len(out) is its length.
func (d *Decompressor) write(r *residue, out []byte) Error {
	m := &d.m
	img := m.img
	if r.prog == 0 {
		bitio.Copy(out, 0, r.pkt, r.pos, r.payload*8)
		return 0
	}
	end := r.pos
	p := r.prog
	tm := p + le16(img, p+progTmpl)
	if img[p+progFlags]&progFlat != 0 {
		copy(out, img[tm:tm+le16(img, p+progBlock)])
	} else {
		d.writeLayout(r, out, tm)
	}
	r.pos = r.start
	if e := d.writeFields(r, out); e != 0 {
		return e
	}
	// Lengths, then the payload, then checksums: the bytes that the checksums
	// add up have settled by then, and what merging header bits wrote behind
	// the header is overwritten.
	at := p + le16(img, p+progCalc)
	recs := img[at : at+int(img[p+progNCalc])*recCalc]
	for ; len(recs) >= recCalc && recs[0] < calcIPv4Sum; recs = recs[recCalc:] {
		rec := recs[:recCalc]
		if n, ok := m.restLength(rec, out); ok {
			bit, _ := m.calcPlace(rec)
			binary.BigEndian.PutUint16(out[bit>>3:], uint16(n))
			if n <= 0xffff {
				continue
			}
			return ErrMalformed
		}
		if !m.compute(rec, out) {
			return ErrMalformed
		}
	}
	if r.marker && r.payload > 0 {
		out[r.header-1] = 0xff
	}
	bitio.Copy(out, r.header*8, r.pkt, end, r.payload*8)
	for ; len(recs) >= recCalc; recs = recs[recCalc:] {
		rec := recs[:recCalc]
		if rec[0] == calcUDPSum { // the commonest, without a detour
			v, _ := m.calcSum(rec, out)
			bit, _ := m.calcPlace(rec)
			binary.BigEndian.PutUint16(out[bit>>3:], uint16(v))
			continue
		}
		if !m.compute(rec, out) {
			return ErrMalformed
		}
	}
	if img[p+progFlags]&(progRecheck|progFlat) != progFlat {
		return d.recheck(r, out)
	}
	return 0
}

// compute writes the computed field of a record.
func (m *matcher) compute(rec string, out []byte) bool {
	v, ok := m.calcValue(rec, out)
	bit, w := m.calcPlace(rec)
	if w == 16 {
		binary.BigEndian.PutUint16(out[bit>>3:], uint16(v))
	} else {
		bitio.Put(out, bit, w, v)
	}
	return ok
}

// recheck makes sure that residues did not contradict the structure that the
// Rule describes: what comes out is a packet that the Rule would compress.
func (d *Decompressor) recheck(r *residue, out []byte) Error {
	m := &d.m
	img := m.img
	p := r.prog
	flags := img[p+progFlags]
	if flags&progRecheck != 0 && !m.static(p, out) {
		return ErrMalformed
	}
	m.elems[0].n = uint32(le16(img, p+progBlock))
	if flags&progFlat == 0 {
		m.known = true
		header, ok := m.walk(p, out)
		m.known = false
		if !ok || header != r.header {
			return ErrMalformed
		}
		if flags&progRecheck != 0 && !m.compareElems(p+le16(img, p+progCmps)+int(img[p+progNCmp])*recCmp, int(img[p+progNCmpX]), out) {
			return ErrMalformed
		}
	}
	if flags&progRecheck != 0 && m.matches(p+le16(img, p+progMatch), int(img[p+progNMatch]), out) == noMatch {
		return ErrMalformed
	}
	return 0
}

// writeLayout writes the templates of the blocks, zeros for the elements of
// variable length, and the headers of CoAP options.
func (d *Decompressor) writeLayout(r *residue, out []byte, tm int) {
	m := &d.m
	img := m.img
	p := r.prog
	clear(out[:r.header])
	copy(out, img[tm:tm+le16(img, p+progBlock)])
	at := p + le16(img, p+progWalk)
	e := 1
	for n := int(img[p+progNWalk]); n > 0; n-- {
		rec := img[at : at+recWalk]
		at += recWalk
		el := &m.elems[e%maxElems]
		switch rec[0] {
		case walkBlock:
			t := tm + le16(rec, 6)
			copy(out[el.off:], img[t:t+int(el.n)])
		case walkOption:
			length := int(el.n)
			h := el.off - optionHeaderLen(le16(rec, 4), length)
			putOptionHeader(out[h:], le16(rec, 4), length)
		case walkOSCORE:
			q := (*[4]elem)(m.elems[e%(maxElems-3):])
			length := int(q[0].n + q[1].n + q[2].n + q[3].n)
			h := el.off - optionHeaderLen(le16(rec, 4), length)
			putOptionHeader(out[h:], le16(rec, 4), length)
			e += 3
		}
		e++
	}
}

// writeFields reads the residues again and puts each in its place.
func (d *Decompressor) writeFields(r *residue, out []byte) Error {
	m := &d.m
	img := m.img
	at := r.prog + le16(img, r.prog+progEmit)
	steps := img[at : at+int(img[r.prog+progNEmit])*recEmit]
	for ; len(steps) >= recEmit; steps = steps[recEmit:] {
		rec := steps[:recEmit]
		el := &m.elems[rec[1]%maxElems]
		off := int(el.off) + (int(rec[2]) | int(rec[3])<<8)
		data := int(le32(rec, 12))
		switch rec[0] {
		case emitBits:
			// The commonest step, inline: a few bits within one byte.
			k, bit := int(rec[5]), int(rec[4])
			if bit+k <= 8 {
				v := bitio.Load(r.pkt, r.pos>>3) << uint(r.pos&7) >> uint(64-k)
				r.pos += k
				out[off] |= byte(v << uint(8-bit-k))
				continue
			}
			merge(out, off, bit, k, r.take(k))
		case emitConst:
			if r.take(int(rec[5])) != uint64(data) {
				return ErrMalformed
			}
		case emitIndex:
			i := int(r.take(int(rec[7])))
			if i >= le16(rec, 8) {
				return ErrMalformed
			}
			merge(out, off, int(rec[4]), int(rec[5]), le64(img, data+8*i))
		case emitIndexB, emitIndexR:
			i := int(r.take(int(rec[7])))
			if i >= le16(rec, 8) {
				return ErrMalformed
			}
			v := m.value(data, i)
			if rec[0] == emitIndexR && len(v) != le16(rec, 10) {
				return ErrMalformed
			}
			copy(out[off:], v)
		case emitVar, emitVarBit:
			if _, e := r.size(); e != 0 {
				return e
			}
			d.writeVariable(r, out, el, data, le16(rec, 10))
		case emitTail:
			d.writeVariable(r, out, el, data, le16(rec, 10))
		case emitFill:
			copy(out[el.off:], m.value(data, 0))
		case emitDevIID:
			if len(m.in.DevIID) != 8 {
				return ErrNoRule
			}
			copy(out[off:], m.in.DevIID)
		case emitAppIID:
			if len(m.in.AppIID) != 8 {
				return ErrNoRule
			}
			copy(out[off:], m.in.AppIID)
		}
	}
	return 0
}

// writeVariable writes an element of variable length: the bits that the Rule
// knows, then those of the residue.
func (d *Decompressor) writeVariable(r *residue, out []byte, el *elem, data, known int) {
	n := int(el.n)*8 - known
	bitio.Copy(out, int(el.off)*8+known, r.pkt, r.pos, n)
	r.pos += n
	if known > 0 {
		i := copy(out[el.off:], d.m.img[data:data+known>>3])
		if k := uint(known & 7); k != 0 {
			x := &out[int(el.off)+i]
			*x = *x&(0xff>>k) | d.m.img[data+i]&^(0xff>>k)
		}
	}
}

// merge ORs the low n bits of v into zeros at bit k of byte off, k+n <= 64.
func merge(out []byte, off, k, n int, v uint64) {
	if k+n <= 8 {
		out[off] |= byte(v << uint(8-k-n))
		return
	}
	if off+8 <= len(out) {
		w := out[off : off+8]
		binary.BigEndian.PutUint64(w, binary.BigEndian.Uint64(w)|v<<uint(64-k-n))
		return
	}
	bitio.Put(out, off*8+k, n, v)
}
