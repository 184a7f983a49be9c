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
	if cap(dst)-at < n {
		dst = append(dst, make([]byte, n)...)
	} else {
		dst = dst[:at+n]
	}
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
			for i := at + 8; n > 0; n-- {
				m.consider(s, int(le32(img, i)), pkt)
				i += 4
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
// describes more headers leaves less payload), then the order of the set.
func (m *matcher) consider(s *selection, p int, pkt []byte) {
	h := m.img[p : p+progHeader]
	flags := m.img[imgFlags]
	order := le32(h, progRule)
	if s.prog != 0 {
		if flags&imgFirstMatch != 0 {
			if order > s.order {
				return
			}
		} else if least := int(int32(le32(h, progScore))); s.verdict == lossless &&
			(least > s.score || least == s.score && order > s.order) {
			return
		}
	}
	if len(pkt) < le16(h, progBlock) {
		return
	}
	cmps := p + le16(h, progCmps)
	if !compare(m.img[cmps:cmps+int(h[progNCmp])*recCmp], pkt) {
		return
	}
	if s.tried >= maxCandidates {
		return
	}
	s.tried++
	v, header := m.fit(p, h, pkt)
	if v == noMatch || v == lossy && flags&imgLossless != 0 {
		s.rewalk = s.prog != 0
		return
	}
	bits := int(le32(h, progMinBits))
	if h[progFlags]&progFixedBits == 0 {
		bits = m.countBits(p)
	}
	score := bits - header*8
	if s.prog != 0 && flags&imgFirstMatch == 0 &&
		(v < s.verdict || v == s.verdict && (score > s.score || score == s.score && order > s.order)) {
		s.rewalk = true
		return
	}
	s.prog, s.verdict, s.rewalk, s.bits, s.score, s.order, s.header = p, v, false, bits, score, order, header
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
// at its top.
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
		w.acc |= v << (free - n)
		w.n += n
		return
	}
	over := n - free
	binary.BigEndian.PutUint64(w.buf[w.off:], w.acc|v>>over)
	w.off += 8
	w.n = over
	w.acc = v << (64 - over) // 0 if over is 0
}

// finish appends whole bytes and pads with zero bits to the end of buf.
func (w *bitWriter) finish(b []byte) {
	n := w.n & 7
	w.n -= n
	rest := w.acc << w.n
	if w.n == 64 {
		rest = 0
	}
	w.flush()
	d := w.buf[w.off:]
	if n == 0 {
		copy(d, b)
		return
	}
	if m := len(b); m >= 8 {
		// Whole words, and a last one that overlaps the one before.
		for i := 0; i+8 <= m; i += 8 {
			v := binary.BigEndian.Uint64(b[i:])
			binary.BigEndian.PutUint64(d[i:], rest|v>>n)
			rest = v << (64 - n)
		}
		binary.BigEndian.PutUint64(d[m-7:], binary.BigEndian.Uint64(b[m-8:])<<(8-n))
		return
	}
	x := byte(rest >> 56)
	for i, v := range b {
		d[i] = x | v>>n
		x = v << (8 - n)
	}
	d[len(b)] = x
}

// flush stores the accumulator, which holds whole bytes.
func (w *bitWriter) flush() {
	d := w.buf[w.off:]
	acc := w.acc
	k := w.n / 8
	w.off += int(k)
	if k == 8 {
		binary.BigEndian.PutUint64(d, acc)
	}
	if k&4 != 0 {
		binary.BigEndian.PutUint32(d, uint32(acc>>32))
		d, acc = d[4:], acc<<32
	}
	if k&2 != 0 {
		binary.BigEndian.PutUint16(d, uint16(acc>>48))
		d, acc = d[2:], acc<<16
	}
	if k&1 != 0 {
		d[0] = byte(acc >> 56)
	}
	w.n, w.acc = 0, 0
}

// write writes the SCHC Packet that choose decided on; len(buf) is its length.
func (c *Compressor) write(buf, pkt []byte) {
	m := &c.m
	w := bitWriter{buf: buf}
	w.put(uint64(c.id.Value), uint(c.id.Bits))
	if p := c.sel.prog; p != 0 {
		at := p + le16(m.img, p+progEmit)
		steps := m.img[at : at+int(m.img[p+progNEmit])*recEmit]
		for ; len(steps) >= recEmit; steps = steps[recEmit:] {
			rec := steps[:recEmit]
			el := &m.elems[rec[1]%maxElems]
			off := int(el.off) + (int(rec[2]) | int(rec[3])<<8)
			switch rec[0] {
			case emitBits:
				w.put(bitio.Load(pkt, off)<<(rec[4]&7)>>((64-rec[5])&63), uint(rec[5]))
			case emitConst:
				w.put(uint64(le32(rec, 12)), uint(rec[5]))
			case emitIndex:
				x := bitio.Load(pkt, off) << (rec[4] & 7) >> ((64 - rec[5]) & 63)
				w.put(uint64(m.indexWord(int(le32(rec, 12)), le16(rec, 8), x)), uint(rec[7]))
			case emitIndexB:
				w.put(uint64(m.indexBytes(int(le32(rec, 12)), le16(rec, 8), pkt[el.off:el.off+el.n])), uint(rec[7]))
			case emitIndexR:
				w.put(uint64(m.indexBytes(int(le32(rec, 12)), le16(rec, 8), pkt[off:off+le16(rec, 10)])), uint(rec[7]))
			case emitVar, emitVarBit, emitTail:
				w.variable(rec, pkt[el.off:el.off+el.n])
			}
		}
	}
	if m.img[imgFlags]&imgSplitHeader != 0 {
		w.put(0, -w.n&7)
	}
	w.finish(pkt[c.sel.header:])
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
