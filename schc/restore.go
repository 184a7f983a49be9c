package schc

import (
	"encoding/binary"
	"math/bits"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/inet"
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
	h := img[p : p+progHeader]
	tm := p + le16(h, progTmpl)
	if h[progFlags]&progFlat != 0 {
		copy(out, img[tm:tm+le16(h, progBlock)])
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
	at := p + le16(h, progCalc)
	recs := img[at : at+int(h[progNCalc])*recCalc]
	i := 0
	for ; wide && i+recCalc <= len(recs); i += recCalc {
		// Lengths of all that follows come first mostly: a loop without calls.
		rec := recs[i : i+recCalc]
		if calcRest>>(rec[0]&31)&1 == 0 {
			break
		}
		off := int(m.elems[rec[1]%maxElems].off)
		at := off + (int(rec[12])|int(rec[13])<<8)>>3
		n := len(out) - off - (int(rec[2]) | int(rec[3])<<8) - int(rec[15])
		binary.BigEndian.PutUint16(out[at:at+2], uint16(n))
		if n > 0xffff {
			return ErrMalformed
		}
	}
	for ; i+recCalc <= len(recs) && recs[i] < calcIPv4Sum; i += recCalc {
		if !m.compute(recs[i:i+recCalc], out) {
			return ErrMalformed
		}
	}
	if r.marker && r.payload > 0 {
		out[r.header-1] = 0xff
	}
	sum := uint64(0)
	if wide && h[progFlags]&progSummed != 0 {
		sum = bitio.CopySum(out[r.header:], r.pkt, end, r.payload)
	} else {
		bitio.Copy(out, r.header*8, r.pkt, end, r.payload*8)
	}
	for ; i+recCalc <= len(recs); i += recCalc {
		rec := recs[i : i+recCalc]
		if wide && rec[9] != 0 && rec[0] > calcIPv4Sum {
			at := (int(rec[12]) | int(rec[13])<<8) >> 3
			binary.BigEndian.PutUint16(out[at:at+2], r.checksum(rec, len(out), sum))
			continue
		}
		if !m.compute(rec, out) {
			return ErrMalformed
		}
	}
	if h[progFlags]&(progRecheck|progFlat) != progFlat {
		return d.recheck(r, out)
	}
	return 0
}

// checksum returns a checksum over a pseudo-header of a program whose template,
// residues and payload were added up on the way, so that bytes just written
// are not read again. size is the length of the packet, payload the sum of its
// payload.
func (r *residue) checksum(rec string, size int, payload uint64) uint16 {
	known := rec[9]
	length := uint32(size - (int(rec[2]) | int(rec[3])<<8))
	length = length>>16 + length&0xffff
	extra := uint32(le16(rec, 10)) + uint32(rec[8]) + length
	if known&sumLength != 0 {
		extra += length
	}
	odd := known & sumOdd
	if r.marker && r.payload > 0 {
		if odd != 0 {
			extra += 0xff
		} else {
			extra += 0xff00
		}
		odd ^= sumOdd
	}
	s, c := bits.Add64(r.sum, bits.RotateLeft64(payload, int(odd)), uint64(0))
	f := inet.Fold(inet.Add(s+c, extra))
	if f == 0 && rec[0] == calcUDPSum {
		f = 0xffff // RFC 768: zero means that there is no checksum
	}
	return f
}

// add adds the bits of a field, at the top of v at the byte that rec names, to
// the sum if the checksum covers them.
func (r *residue) add(rec string, v uint64) {
	if f := rec[10]; wide && f != 0 {
		s, c := bits.Add64(r.sum, bits.RotateLeft64(v, int(f&sumOdd)), 0)
		r.sum = s + c
	}
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
	h := img[r.prog : r.prog+progHeader]
	at := r.prog + le16(h, progEmit)
	steps := img[at : at+int(h[progNEmit])*recEmit]
	for i := 0; i+recEmit <= len(steps); i += recEmit {
		rec := steps[i : i+recEmit]
		// The commonest steps, in a loop without calls: it stays in registers.
		for pos, pkt := r.pos, r.pkt; wide && (rec[0] == emitBits || rec[0] == emitIndex); rec = steps[i : i+recEmit] {
			k, n, bit := uint(rec[5]), uint(rec[5]), uint(rec[4])
			if rec[0] == emitIndex {
				k = uint(rec[7])
			}
			from := pos >> 3
			off := int(m.elems[rec[1]%maxElems].off) + (int(rec[2]) | int(rec[3])<<8)
			if k > 56 || from+8 > len(pkt) || off+8 > len(out) {
				break
			}
			v := binary.BigEndian.Uint64(pkt[from:from+8]) << (uint(pos) & 7) >> 1 >> ((63 - k) & 63)
			if rec[0] == emitIndex {
				if int(v) >= le16(rec, 8) {
					return ErrMalformed
				}
				v = le64(img, int(le32(rec, 12))+8*int(v))
			}
			v <<= (64 - n - bit) & 63
			pos += int(k)
			r.pos = pos
			if f := rec[10]; f != 0 { // add, by hand
				s, c := bits.Add64(r.sum, bits.RotateLeft64(v, int(f&sumOdd)), 0)
				r.sum = s + c
			}
			if w := out[off : off+8]; bit+n <= 8 {
				w[0] |= byte(v >> 56)
			} else {
				binary.BigEndian.PutUint64(w, binary.BigEndian.Uint64(w)|v)
			}
			if i += recEmit; i+recEmit > len(steps) {
				return 0
			}
		}
		el := &m.elems[rec[1]%maxElems]
		off := int(el.off) + (int(rec[2]) | int(rec[3])<<8)
		data := int(le32(rec, 12))
		switch rec[0] {
		case emitBits:
			k, bit := int(rec[5]), int(rec[4])
			v := r.take(k)
			r.add(rec, v<<uint(64-k-bit))
			merge(out, off, bit, k, v)
		case emitConst:
			if r.take(int(rec[5])) != uint64(data) {
				return ErrMalformed
			}
		case emitIndex:
			i := int(r.take(int(rec[7])))
			if i >= le16(rec, 8) {
				return ErrMalformed
			}
			k, bit := int(rec[5]), int(rec[4])
			v := le64(img, data+8*i)
			r.add(rec, v<<uint(64-k-bit))
			merge(out, off, bit, k, v)
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
