package schc

// write appends the program to the image and returns its offset.
func (b *builder) write() uint32 {
	static := &b.blocks[0]
	minBits, fixed := b.residueBits()
	b.initRegs()

	at := len(b.img)
	h := make([]byte, 0, progHeader)
	h = put32(h, uint32(b.index))
	h = put32(h, uint32(minBits))
	h = put16(h, len(static.tmpl))
	h = append(h, b.flags(fixed), b.rule.ID.Bits)
	h = put32(h, b.rule.ID.Value)
	b.img = append(b.img, h...)
	b.img = append(b.img, make([]byte, progHeader-len(h))...)

	sect := func(field int) { b.set16(at+field, len(b.img)-at) }
	sect(progCmps)
	cmps := b.writeCompares()
	sect(progWalk)
	b.writeWalk()
	sect(progMatch)
	b.writeMatch()
	sect(progEmit)
	b.writeEmit()
	sect(progCalc)
	b.writeCalc()
	sect(progTmpl)
	b.set16(at+progTmplLen, b.writeTemplates())

	b.score = int32(minBits - b.mostHeaderBits())
	b.put32(at+progScore, uint32(b.score))
	counts := [...]int{cmps[0], cmps[1], cmps[2], cmps[3], len(b.walk), len(b.match), len(b.emit), len(b.calc)}
	for i, c := range counts {
		if c > 255 {
			b.fail(nil, ErrUnsupported, "has too many fields; split it")
			return 0
		}
		b.img[at+progNCmp+i] = byte(c)
	}
	copy(b.img[at+progRegs:], b.regs[1:])
	if len(b.img)-at > 0xffff || b.elems > maxElems {
		b.fail(nil, ErrUnsupported, "is too large when compiled; split it")
		return 0
	}
	b.head, b.hval = static.mask, static.val
	return uint32(at)
}

// residueBits returns the fewest bits of RuleID and residue, and whether they
// are also the most.
func (b *builder) residueBits() (n int, fixed bool) {
	n, fixed = int(b.rule.ID.Bits), true
	for i := range b.emit {
		switch s := &b.emit[i]; s.kind {
		case emitBits, emitConst:
			n += s.n
		case emitIndex, emitIndexB, emitIndexR:
			n += s.idxBits
		case emitVar, emitVarBit:
			n += 4
			fixed = false
		case emitTail:
			fixed = false
		}
	}
	return n, fixed
}

// flags returns the flags of the program.
func (b *builder) flags(fixed bool) byte {
	flags := byte(0)
	if len(b.walk) == 0 {
		flags |= progFlat
		if b.tail {
			flags |= progCoAPTail
		}
	}
	if fixed {
		flags |= progFixedBits
	}
	if b.contradicts() {
		flags |= progRecheck
	}
	if b.outer {
		flags |= progOuter
	}
	return flags
}

// contradicts reports whether a residue can contradict what the Rule demands:
// something that is sent or computed must also match.
func (b *builder) contradicts() bool {
	for i := range b.blocks {
		k := &b.blocks[i]
		for j := range k.mask {
			if k.mask[j]&k.sent[j] != 0 {
				return true
			}
		}
	}
	for i := range b.match {
		if k := b.match[i].kind; k == matchNibbles || k == matchNotEcho || k == matchMarker {
			return true
		}
	}
	for i := range b.descs {
		if d := &b.descs[i]; d.MO != MOIgnore && (d.CDA == CDAValueSent || d.CDA == CDACompute) {
			return true
		}
	}
	return false
}

// writeCompares writes the compares in the static block, those in later
// elements, and the same for losses, and returns their numbers.
func (b *builder) writeCompares() (n [4]int) {
	for pass := range n {
		for i := range b.blocks {
			k := &b.blocks[i]
			if (k.elem == 0) != (pass&1 == 0) {
				continue
			}
			if pass < 2 {
				n[pass] += b.compares(k.elem, k.mask, k.val)
			} else {
				n[pass] += b.compares(k.elem, k.lmask, k.lval)
			}
		}
	}
	return n
}

func (b *builder) writeWalk() {
	for i := range b.walk {
		w := b.walk[i]
		if w.kind == walkBlock {
			k := &b.blocks[w.a]
			tm := 0 // where its template starts among the templates
			for j := 0; j < int(w.a); j++ {
				tm += len(b.blocks[j].tmpl)
			}
			w.a, w.c, w.d = 0, uint16(len(k.tmpl)), uint16(tm)
		}
		b.img = append(b.img, w.kind, w.a)
		b.img = put16(put16(put16(b.img, int(w.b)), int(w.c)), int(w.d))
	}
}

func (b *builder) writeMatch() {
	for i := range b.match {
		m := &b.match[i]
		b.img = append(b.img, m.kind, byte(m.elem))
		b.img = put16(put16(put16(b.img, m.off), m.bits), m.aux)
		b.img = put16(put16(put32(b.img, m.data), m.count), 0)
	}
}

func (b *builder) writeEmit() {
	for i := range b.emit {
		s := &b.emit[i]
		b.img = append(b.img, s.kind, byte(s.elem))
		b.img = put16(b.img, s.bit/8)
		b.img = append(b.img, byte(s.bit&7), byte(min(s.n, 255)), s.reg, byte(s.idxBits))
		b.img = put32(put16(put16(b.img, s.count), s.aux), s.data)
	}
}

func (b *builder) writeCalc() {
	b.sortCalc()
	for i := range b.calc {
		c := &b.calc[i]
		b.img = append(b.img, c.kind, byte(c.elem))
		b.img = put16(b.img, c.off)
		b.img = append(b.img, byte(c.ip), byte(c.ipElem))
		b.img = put16(b.img, c.ipOff)
		b.img = append(b.img, c.proto, byte(c.a))
		bit, w := calcPlace(c.kind)
		b.img = put16(put16(b.img, c.b), c.off*8+bit)
		b.img = append(b.img, byte(w), 0)
	}
}

// writeTemplates writes the templates of all blocks and returns their length.
func (b *builder) writeTemplates() int {
	at := len(b.img)
	for i := range b.blocks {
		b.img = append(b.img, b.blocks[i].tmpl...)
	}
	return len(b.img) - at
}

// mostHeaderBits returns an upper bound of the header bits that the program
// elides besides those that come back in the fewest bits of its residue.
func (b *builder) mostHeaderBits() int {
	const unbounded = 1 << 20
	n := 0
	for i := range b.blocks {
		n += len(b.blocks[i].tmpl) * 8
	}
	if b.tail {
		n += 8 // the payload marker
	}
	for i := range b.walk {
		switch b.walk[i].kind {
		case walkOption, walkOSCORE:
			n += 5 * 8
		case walkCoAPEnd:
			n += 8
		case walkICMP:
			n += 32
		}
	}
	for i := range b.descs {
		d := &b.descs[i]
		if !d.place.variable {
			continue
		}
		switch d.CDA {
		case CDALSB:
			n += int(d.MSB)
		case CDAValueSent:
		default:
			if d.MO != MOEqual && d.MO != MOMatchMapping {
				return unbounded // lossy: a field of any length is elided
			}
			longest := 0
			for _, v := range d.TV {
				longest = max(longest, len(v)*8)
			}
			n += longest
		}
	}
	return n
}

func (b *builder) set16(at, v int) { b.img[at], b.img[at+1] = byte(v), byte(v>>8) }

// compares writes masked 64-bit compares that cover all bits of mask and
// returns their number. The last bytes come first: Rules of one set mostly
// agree on the IP header and differ above it, so most fail at once.
func (b *builder) compares(elem int, mask, val []byte) int {
	n := 0
	for i := len(mask); i > 0; {
		if mask[i-1] == 0 {
			i--
			continue
		}
		at := max(i-8, 0)
		var m, v uint64
		for j := at; j < at+8; j++ {
			m, v = m<<8, v<<8
			if j < i {
				m, v = m|uint64(mask[j]), v|uint64(val[j])
			}
		}
		b.img = append(b.img, byte(elem), 0)
		b.img = put64(put64(put16(b.img, at), m), v&m)
		i = at
		n++
	}
	return n
}

// initRegs sets the registers to what the Rule itself says of the fields.
func (b *builder) initRegs() {
	for i := range b.descs {
		d := &b.descs[i]
		r := b.regOf(d)
		switch {
		case r == regNone:
		case d.place.variable:
			if len(d.TV) == 1 && len(d.TV[0]) > 0 {
				b.regs[r] = d.TV[0][0]
			}
		default:
			x := b.blockOf(d.place.elem).tmpl[d.place.bit/8]
			if r == regTKL {
				x &= 15
			}
			b.regs[r] = x
		}
	}
}

// sortCalc puts lengths before checksums, and the innermost checksum first:
// outer checksums cover inner ones.
func (b *builder) sortCalc() {
	for i, j := 0, len(b.calc)-1; i < j; i, j = i+1, j-1 {
		b.calc[i], b.calc[j] = b.calc[j], b.calc[i]
	}
	for x := 1; x < len(b.calc); x++ {
		for y := x; y > 0 && b.calc[y].kind < calcIPv4Sum && b.calc[y-1].kind >= calcIPv4Sum; y-- {
			b.calc[y], b.calc[y-1] = b.calc[y-1], b.calc[y]
		}
	}
}
