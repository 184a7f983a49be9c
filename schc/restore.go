package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

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
		case emitLower:
			merge(out, off, int(rec[4]), int(rec[5]), m.low.get(byte(data), int(rec[5])))
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
