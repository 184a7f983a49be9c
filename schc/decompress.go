package schc

import (
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

// Use makes d work under another Context and keeps the inputs: one Decompressor
// serves several stages.
func (d *Decompressor) Use(ctx *Context) { d.m.img = ctx.img }

// SetInputs gives the link-layer inputs of the packets that follow. The slices
// are retained until the next call of SetInputs or Reset.
func (d *Decompressor) SetInputs(in Inputs) { d.m.in = in }

// SetOuter sets Inputs.Outer and leaves the other inputs.
func (d *Decompressor) SetOuter(outer []byte) { d.m.in.Outer = outer }

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
	out := bitio.Extend(dst, n)
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
	sum     uint64 // one's complement sum of residues that a checksum covers
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
	if le32(img, imgRules) == 1 && img[int(le32(img, imgRuleTab))+4] == 0 {
		return 0, 0 // implicit
	}
	left := uint32(bitio.Load(pkt, 0) >> 32)
	if bits < 32 {
		left &= ^(^uint32(0) >> uint(bits))
	}
	head := img[:imgHeader]
	tab := int(le32(head, imgIDTab))
	lo, hi := 0, int(le32(head, imgRules))
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if le32(img, tab+mid*recID) <= left {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo > 0 {
		at := tab + (lo-1)*recID
		rec := img[at : at+recID]
		index := int(le32(rec, 4))
		n := int(img[int(le32(head, imgRuleTab))+index*recRule+4])
		if uint64(le32(rec, 0)^left)>>((32-uint(n))&63) == 0 {
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
	at := int(le32(img[:imgHeader], imgRuleTab)) + index*recRule
	rec := img[at : at+recRule]
	id := RuleID{le32(rec, 0), rec[4]}
	// Field by field: r comes zeroed, and a whole literal would be copied.
	r.pkt, r.bits, r.pos, r.start = pkt, bits, int(id.Bits), int(id.Bits)
	nature := Nature(rec[5])
	d.last.Rule, d.last.ID, d.last.Nature = index, id, nature
	switch nature {
	case NatureFragmentation:
		return 0, ErrUnsupported
	case NatureCompression:
		r.prog = int(le32(rec, 8))
		if dir == DirDown {
			r.prog = int(le32(rec, 12))
		}
		if r.prog == 0 {
			return 0, ErrNoRule
		}
		if img[r.prog+progFlags]&progOuter != 0 && !m.low.read(m.in.Outer) {
			return 0, ErrNoRule
		}
		if e := d.measure(r); e != 0 {
			return 0, e
		}
	}
	d.last.ResidueBits = r.pos - r.start
	if end := m.front(r.pos); end != r.pos && end <= bits {
		if get(pkt, r.pos, end-r.pos) != 0 {
			return 0, ErrMalformed
		}
		r.pos = end
	} else if end > bits {
		return 0, ErrTruncated
	}
	rest := bits - r.pos
	if rest < 0 {
		return 0, ErrTruncated
	}
	r.payload = rest >> 3
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
	h := img[p : p+progHeader]
	flags := h[progFlags]
	r.header = le16(h, progBlock)
	m.elems[0].off, m.elems[0].n = 0, uint32(r.header)
	r.marker = flags&progCoAPTail != 0
	if flags&progFlat != 0 && flags&progFixedBits != 0 {
		r.pos = int(le32(h, progMinBits))
		if r.pos > r.bits {
			return ErrTruncated
		}
		return 0
	}
	copy(d.regs[1:], h[progRegs:progRegs+numRegs-1])
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
		case emitDevIID, emitAppIID, emitLower:
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
