package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

func get(b []byte, bit, n int) uint64 { return bitio.Get(b, bit, n) }

// A Compressor compresses packets under a Context. It is caller-owned memory
// for one goroutine: var c Compressor; c.Reset(ctx).
type Compressor struct {
	m        matcher
	sel      selection // what choose decided
	id       RuleID
	pktBytes int
}

// Result describes what a Compressor or a Decompressor did last.
type Result struct {
	Rule        int    // index of the Rule in the set
	ID          RuleID // its RuleID
	Nature      Nature // NatureCompression or NatureNoCompression
	HeaderBytes int    // header bytes of the packet that the Rule describes, with a CoAP payload marker
	ResidueBits int    // bits of the residue, without RuleID and payload
	Bits        int    // bits of the whole SCHC Packet, before padding
	Lossy       bool   // compression only: decompression will not give this packet back
}

// Reset makes c work under ctx, without link-layer inputs.
func (c *Compressor) Reset(ctx *Context) { *c = Compressor{m: matcher{img: ctx.img}} }

// Use makes c work under another Context and keeps the inputs: one Compressor
// serves several stages.
func (c *Compressor) Use(ctx *Context) { c.m.img = ctx.img }

// SetInputs gives the link-layer inputs of the packets that follow. The slices
// are retained until the next call of SetInputs or Reset.
func (c *Compressor) SetInputs(in Inputs) { c.m.in = in }

// SetOuter sets Inputs.Outer and leaves the other inputs.
func (c *Compressor) SetOuter(outer []byte) { c.m.in.Outer = outer }

// Last returns what the last successful call did.
func (c *Compressor) Last() Result {
	r := Result{Rule: int(c.sel.order), ID: c.id, HeaderBytes: c.sel.header,
		ResidueBits: c.sel.bits - int(c.id.Bits), Lossy: c.sel.verdict == lossy}
	r.Bits = (c.pktBytes - c.sel.header) * 8
	if len(c.m.img) > 0 {
		r.Bits += c.m.front(c.sel.bits)
	}
	if c.sel.prog == 0 {
		r.Nature = NatureNoCompression
	}
	return r
}

// AppendCompress compresses pkt, appends the SCHC Packet to dst and returns
// the extended slice and the Rule used (RFC 8724, Section 7.2).
//
// The result is padded with zero bits to a whole byte. On error the returned
// slice is dst, unchanged up to len(dst): ErrNoRule if no Rule matches.
// AppendCompress retains neither dst nor pkt, never writes to pkt, and does
// not allocate when dst has room for MaxCompressedLen(len(pkt)) more bytes;
// dst and pkt must not overlap.
func (c *Compressor) AppendCompress(dst, pkt []byte, dir Direction) ([]byte, RuleID, error) {
	id, bits, e := c.choose(pkt, dir)
	if e != 0 {
		return dst, RuleID{}, e
	}
	at, n := len(dst), (bits+7)/8
	dst = bitio.Extend(dst, n)
	c.write(dst[at:], pkt)
	return dst, id, nil
}

// CompressInto compresses pkt into the first bytes of buf and returns their
// number. It is AppendCompress for firmware without a heap: it returns
// ErrShortBuffer, and leaves buf as it is, when buf is too short.
func (c *Compressor) CompressInto(buf, pkt []byte, dir Direction) (int, RuleID, error) {
	id, bits, e := c.choose(pkt, dir)
	if e != 0 {
		return 0, RuleID{}, e
	}
	n := (bits + 7) / 8
	if len(buf) < n {
		return 0, RuleID{}, ErrShortBuffer
	}
	c.write(buf[:n], pkt)
	return n, id, nil
}

// choose selects the Rule for pkt and returns the bits of the SCHC Packet;
// write does the rest.
func (c *Compressor) choose(pkt []byte, dir Direction) (RuleID, int, Error) {
	m := &c.m
	img := m.img
	if len(img) == 0 {
		return RuleID{}, 0, ErrNoRule
	}
	root := 0
	switch dir {
	case DirUp:
		root = int(le32(img, imgTreeUp))
	case DirDown:
		root = int(le32(img, imgTreeDw))
	default:
		return RuleID{}, 0, ErrUnsupported
	}
	m.sumKey = 0
	s := &c.sel
	*s = selection{order: noRule}
	if root != 0 {
		if img[root] == nodeLeaf && le16(img, root+2) == 1 && le32(img, root+4) == 0 {
			m.consider(s, int(le32(img, root+8)), pkt) // a set of one Rule
		} else {
			m.selectIn(s, root, pkt)
		}
	}
	c.pktBytes = len(pkt)
	if s.prog == 0 {
		i := le32(img, imgNoComp)
		if i == noRule {
			return RuleID{}, 0, ErrNoRule
		}
		rec := int(le32(img, imgRuleTab)) + int(i)*recRule
		s.order, c.id = i, RuleID{le32(img, rec), img[rec+4]}
		s.bits = int(c.id.Bits)
		return c.id, m.front(s.bits) + len(pkt)*8, 0
	}
	if s.rewalk && img[s.prog+progFlags]&progFlat == 0 {
		m.elems[0].n = uint32(le16(img, s.prog+progBlock))
		m.walk(s.prog, pkt)
	}
	c.id = RuleID{le32(img, s.prog+progID), img[s.prog+progIDBits]}
	return c.id, m.front(s.bits) + (len(pkt)-s.header)*8, 0
}

// front returns the bits in front of the payload when RuleID and residue have n.
func (m *matcher) front(n int) int {
	if m.img[imgFlags]&imgSplitHeader != 0 {
		n = (n + 7) &^ 7
	}
	return n
}

// selection is the best program found so far.
type selection struct {
	prog    int
	verdict verdict
	rewalk  bool // the elements are those of another program
	bits    int  // of RuleID and residue
	score   int  // bits less those of the header: what differs between Rules
	order   uint32
	header  int
	tried   int
}

// selectIn searches the selection tree from node at.
func (m *matcher) selectIn(s *selection, at int, pkt []byte) {
	img := m.img
	var stack [16]int
	sp := 0
	for {
		next := int(le32(img, at+4))
		if img[at] == nodeHash {
			off := le16(img, at+2)
			h := (bitio.Load(pkt, off) & le64(img, at+8)) * hashMul >> (64 - uint(img[at+1]))
			if child := int(le32(img, at+16+int(h)*4)); child != 0 {
				if next != 0 && sp < len(stack) {
					stack[sp] = next
					sp++
				}
				at = child
				continue
			}
		} else {
			n := le16(img, at+2)
			for i := at + 8; n > 0 && m.consider(s, int(le32(img, i)), pkt); n-- {
				i += 4
			}
			if s.tried >= maxCandidates {
				return
			}
		}
		if next == 0 {
			if sp == 0 {
				return
			}
			sp--
			next = stack[sp]
		}
		at = next
	}
}

// consider keeps program p if it is better than the best so far: lossless
// before lossy, then the fewest bits of the whole SCHC Packet (a Rule that
// describes more headers leaves less payload), then the order of the set. It
// reports whether programs that come later in the order of a leaf can be better.
func (m *matcher) consider(s *selection, p int, pkt []byte) bool {
	h := m.img[p : p+progHeader]
	flags := m.img[imgFlags]
	order := le32(h, progRule)
	if s.prog != 0 {
		if flags&imgFirstMatch != 0 {
			if order > s.order {
				return false
			}
		} else if least := int(int32(le32(h, progScore))); s.verdict == lossless &&
			(least > s.score || least == s.score && order > s.order) {
			return false
		}
	}
	if len(pkt) < le16(h, progBlock) {
		return true
	}
	cmps := p + le16(h, progCmps)
	if !compare(m.img[cmps:cmps+int(h[progNCmp])*recCmp], pkt) {
		return true
	}
	s.tried++
	more := s.tried < maxCandidates
	v, header := m.fit(p, h, pkt)
	if v == noMatch || v == lossy && flags&imgLossless != 0 {
		s.rewalk = s.prog != 0
		return more
	}
	bits := int(le32(h, progMinBits))
	if h[progFlags]&progFixedBits == 0 {
		bits = m.countBits(p)
	}
	score := bits - header*8
	if s.prog != 0 && flags&imgFirstMatch == 0 &&
		(v < s.verdict || v == s.verdict && (score > s.score || score == s.score && order > s.order)) {
		s.rewalk = true
		return more
	}
	s.prog, s.verdict, s.rewalk, s.bits, s.score, s.order, s.header = p, v, false, bits, score, order, header
	return more
}

// countBits returns the bits of RuleID and residue of a program that was
// walked.
func (m *matcher) countBits(p int) int {
	img := m.img
	bits := int(img[p+progIDBits])
	at := p + le16(img, p+progEmit)
	for n := int(img[p+progNEmit]); n > 0; n-- {
		rec := img[at : at+recEmit]
		at += recEmit
		switch rec[0] {
		case emitBits, emitConst:
			bits += int(rec[5])
		case emitIndex, emitIndexB, emitIndexR:
			bits += int(rec[7])
		case emitVar:
			k := int(m.elems[rec[1]%maxElems].n)*8 - le16(rec, 10)
			_, w := sizeCode(k / 8)
			bits += k + w
		case emitVarBit:
			k := int(m.elems[rec[1]%maxElems].n)*8 - le16(rec, 10)
			_, w := sizeCode(k)
			bits += k + w
		case emitTail:
			bits += int(m.elems[rec[1]%maxElems].n)*8 - le16(rec, 10)
		}
	}
	return bits
}

// bitWriter appends bits to buf through a 64-bit accumulator; acc holds n bits
// at its top, n below 64.
type bitWriter struct {
	buf []byte
	off int
	acc uint64
	n   uint
}

// put appends the low n bits of v, n from 0 to 64; higher bits must be 0.
func (w *bitWriter) put(v uint64, n uint) {
	free := 64 - w.n
	if n < free {
		w.acc |= v << ((free - n) & 63)
		w.n += n
		return
	}
	over := n - free
	binary.BigEndian.PutUint64(w.buf[w.off:], w.acc|v>>over)
	w.off += 8
	w.n = over
	w.acc = v << (64 - over) // 0 if over is 0
}

// write writes the SCHC Packet that choose decided on; len(buf) is its length.
func (c *Compressor) write(buf, pkt []byte) {
	m := &c.m
	w := bitWriter{buf: buf}
	w.put(uint64(c.id.Value), uint(c.id.Bits))
	if p := c.sel.prog; p != 0 {
		h := m.img[p : p+progHeader]
		at := p + le16(h, progEmit)
		steps := m.img[at : at+int(h[progNEmit])*recEmit]
	Steps:
		for i := 0; i+recEmit <= len(steps); i += recEmit {
			rec := steps[i : i+recEmit]
			// The commonest steps, in a loop without calls: it stays in registers.
			for acc, n := w.acc, w.n; wide && rec[0] == emitBits; rec = steps[i : i+recEmit] {
				k := uint(rec[5])
				off := int(m.elems[rec[1]%maxElems].off) + (int(rec[2]) | int(rec[3])<<8)
				if n+k >= 64 || off+8 > len(pkt) {
					break
				}
				n += k
				acc |= binary.BigEndian.Uint64(pkt[off:off+8]) << (rec[4] & 63) >> ((64 - k) & 63) << ((64 - n) & 63)
				w.acc, w.n = acc, n
				if i += recEmit; i+recEmit > len(steps) {
					break Steps
				}
			}
			el := &m.elems[rec[1]%maxElems]
			off := int(el.off) + (int(rec[2]) | int(rec[3])<<8)
			var v uint64
			k := rec[7] // bits of an index
			switch rec[0] {
			case emitBits:
				k = rec[5]
				v = bitio.Load(pkt, off) << (rec[4] & 63) >> ((64 - k) & 63)
			case emitConst:
				v, k = uint64(le32(rec, 12)), rec[5]
			case emitIndex:
				x := bitio.Load(pkt, off) << (rec[4] & 63) >> ((64 - rec[5]) & 63)
				v = uint64(m.indexWord(int(le32(rec, 12)), le16(rec, 8), x))
			case emitIndexB:
				v = uint64(m.indexBytes(int(le32(rec, 12)), le16(rec, 8), pkt[el.off:el.off+el.n]))
			case emitIndexR:
				v = uint64(m.indexBytes(int(le32(rec, 12)), le16(rec, 8), pkt[off:off+le16(rec, 10)]))
			case emitVar, emitVarBit, emitTail:
				w.variable(rec, pkt[el.off:el.off+el.n])
				continue
			default:
				continue
			}
			w.put(v, uint(k))
		}
	}
	if m.img[imgFlags]&imgSplitHeader != 0 {
		w.n = (w.n + 7) &^ 7
	}
	finish(w.buf[w.off:], w.acc, w.n, pkt[c.sel.header:])
}

// finish writes the n bits at the top of acc, n up to 64, and b, padded with
// zero bits, to d, which has the length of it all.
func finish(d []byte, acc uint64, n uint, b []byte) {
	// The whole bytes of acc; what is written too much is overwritten.
	k := n >> 3
	if wide && len(d) >= 8 {
		binary.BigEndian.PutUint64(d, acc)
	} else {
		x := acc
		for i := 0; i < 8 && i < len(d); i++ {
			d[i] = byte(x >> 56)
			x <<= 8
		}
	}
	d = d[k:]
	n &= 7
	if n == 0 {
		copy(d, b)
		return
	}
	rest := acc << (k * 8 & 63)
	if m := len(b); wide && m >= 8 && len(d) > m {
		// Whole words, and a last one that overlaps the one before.
		e := d[:m]
		for i := 0; i <= len(b)-8 && i <= len(e)-8; i += 8 {
			v := binary.BigEndian.Uint64(b[i : i+8])
			binary.BigEndian.PutUint64(e[i:i+8], rest|v>>n)
			rest = v << ((64 - n) & 63)
		}
		binary.BigEndian.PutUint64(d[m-7:m+1], binary.BigEndian.Uint64(b[m-8:])<<(8-n))
		return
	}
	x := byte(rest >> 56)
	for i, v := range b {
		d[i] = x | v>>n
		x = v << (8 - n)
	}
	d[len(b)] = x
}

// variable writes the residue of a field of variable length (RFC 8724, Section
// 7.4.2): the size, unless another field gives it, and the bits behind those
// that the Rule knows.
func (w *bitWriter) variable(rec string, v []byte) {
	known := le16(rec, 10)
	bits := len(v)*8 - known
	size := bits
	if rec[0] == emitVar {
		size /= 8
	}
	if rec[0] != emitTail {
		s, k := sizeCode(size)
		w.put(uint64(s), uint(k))
	}
	v = v[known>>3:]
	if k := known & 7; k != 0 {
		w.put(uint64(v[0]&(0xff>>uint(k))), uint(8-k))
		v = v[1:]
	}
	for ; len(v) >= 8; v = v[8:] {
		w.put(binary.BigEndian.Uint64(v), 64)
	}
	for _, x := range v {
		w.put(uint64(x), 8)
	}
}
