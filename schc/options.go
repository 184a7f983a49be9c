package schc

// options places the CoAP options of layer i by number and occurrence.
func (b *builder) options(i int) {
	var order [64]int
	n := 0
	osc, encoded := false, false
	for j := range b.descs {
		d := &b.descs[j]
		if d.layer != i {
			continue
		}
		encoded = encoded || isEncoded(d.FID)
		if isOSCORE(d.FID) {
			osc = true
		}
		if !d.option {
			continue
		}
		if n == len(order) {
			b.fail(d, ErrMalformed, "a Rule describes at most 64 CoAP options")
			return
		}
		order[n] = j
		n++
	}
	if encoded {
		if n > 0 || osc {
			b.fail(&b.descs[order[0]], ErrMalformed, "options are described by number and as they are encoded; use one form")
			return
		}
		b.encodedOptions(i)
		return
	}
	// Insertion sort by number, then position, then order in the Rule: the
	// lists are short, and it is stable.
	for x := 1; x < n; x++ {
		for y := x; y > 0 && b.optionLess(order[y], order[y-1]); y-- {
			order[y], order[y-1] = order[y-1], order[y]
		}
	}
	// Explicit positions first, then those with "don't care" fill the gaps.
	last := -1
	for x := 0; x < n; {
		num := b.descs[order[x]].number
		y := x
		for y < n && b.descs[order[y]].number == num {
			y++
		}
		if !b.assign(order[x:y]) {
			return
		}
		for ; x < y; x++ {
			if osc && last < 9 && num > 9 {
				b.oscore(i, 9-max(last, 0))
				last, osc = 9, false
			}
			d := &b.descs[order[x]]
			if osc && num == 9 {
				b.fail(d, ErrMalformed, "the OSCORE option is described whole and by its parts; use one form")
				return
			}
			b.addOption(d, int(num)-max(last, 0))
			last = int(num)
		}
	}
	if osc {
		b.oscore(i, 9-max(last, 0))
	}
	if b.cur != nil && len(b.walk) == 0 {
		b.tail = true
		return
	}
	b.walk = append(b.walk, walkStep{kind: walkCoAPEnd})
}

func (b *builder) optionLess(x, y int) bool {
	p, q := &b.descs[x], &b.descs[y]
	if p.number != q.number {
		return p.number < q.number
	}
	return p.fp < q.fp // FPAny is the largest
}

// assign orders the descriptors of one option number by occurrence and
// reports whether they are the occurrences 1 to len(list).
func (b *builder) assign(list []int) bool {
	for x := range list {
		d := &b.descs[list[x]]
		if d.fp == uint8(x+1) {
			continue
		}
		if d.fp != FPAny && x > 0 && b.descs[list[x-1]].fp == d.fp {
			b.fail(d, ErrMalformed, "this position is described twice in direction "+dirName(b.dir)+"; number the occurrences 1, 2, ...")
			return false
		}
		// A gap: the next "don't care" descriptor takes it.
		y := x
		for y < len(list) && b.descs[list[y]].fp != FPAny {
			y++
		}
		if y == len(list) {
			b.fail(d, ErrMalformed, "position "+utoa(uint32(d.fp))+" is described without position "+utoa(uint32(x+1))+" in direction "+dirName(b.dir))
			return false
		}
		j := list[y]
		copy(list[x+1:y+1], list[x:y])
		list[x] = j
		b.descs[j].fp = uint8(x + 1)
	}
	return true
}

// putOptionHeader writes a CoAP option header (RFC 7252, Section 3.1), at most
// 5 bytes, to dst and returns its length.
func putOptionHeader(dst []byte, delta, length int) int {
	dn, dx, dl := optionNibble(delta)
	ln, lx, ll := optionNibble(length)
	dst[0] = byte(dn<<4 | ln)
	n := 1
	for _, e := range [2][2]int{{dx, dl}, {lx, ll}} {
		if e[1] == 2 {
			dst[n] = byte(e[0] >> 8)
			n++
		}
		if e[1] > 0 {
			dst[n] = byte(e[0])
			n++
		}
	}
	return n
}

// optionNibble returns the nibble, the extended value and its bytes.
func optionNibble(v int) (nibble, ext, extBytes int) {
	switch {
	case v < 13:
		return v, 0, 0
	case v < 269:
		return 13, v - 13, 1
	}
	return 14, v - 269, 2
}

// addOption places one option. One of known length is part of a fixed block.
func (b *builder) addOption(d *desc, delta int) {
	n := -1
	switch {
	case !d.fl.Variable():
		n = int(d.fl) / 8
	case d.MO == MOEqual && d.CDA == CDANotSent && len(d.TV) == 1:
		n = len(d.TV[0])
	}
	if n < 0 {
		elem := b.variable(walkStep{kind: walkOption, c: uint16(delta)}, 1)
		d.place, d.placed = place{elem: elem, variable: true}, true
		return
	}
	var hdr [5]byte
	h := hdr[:putOptionHeader(hdr[:], delta, n)]
	k, off := b.need(len(h) + n)
	for j, x := range h {
		k.mask[off+j], k.val[off+j], k.tmpl[off+j] = 0xff, x, x
	}
	d.place, d.placed = place{elem: k.elem, bit: (off + len(h)) * 8, bits: n * 8}, true
}

// oscore places the four parts of the OSCORE option (RFC 8824, Section 6.4).
// A part that is not described is empty.
func (b *builder) oscore(i, delta int) {
	elem := b.variable(walkStep{kind: walkOSCORE, c: uint16(delta)}, 4)
	fd := b.find(i, FIDCoAPOSCOREFlags)
	for j := 0; j < 4; j++ {
		f := FIDCoAPOSCOREFlags + FID(j)
		d := b.find(i, f)
		if d == nil {
			b.match = append(b.match, matchStep{kind: matchMaxBytes, elem: elem + j})
			continue
		}
		if d.fl == FLOSCOREPIV && (fd == nil || fd.index > d.index) {
			b.fail(d, ErrMalformed, "FL osc.piv needs COAP.OSCORE_FLAGS before it in the Rule")
		}
		d.place, d.placed = place{elem: elem + j, variable: true}, true
	}
}

// encodedOptions places options that the Rule describes as they are encoded:
// each COAP.OPT_DELTA starts one. Without COAP.MARKER there is no payload.
func (b *builder) encodedOptions(i int) {
	for j := 0; j < len(b.descs) && b.err == nil; {
		d := &b.descs[j]
		if d.layer != i || !isEncoded(d.FID) {
			j++
			continue
		}
		if d.FID == FIDCoAPMarker {
			k, off := b.need(1)
			b.fix(k, off*8, 8, 0xff)
			b.match = append(b.match, matchStep{kind: matchMarker, elem: k.elem, off: off})
			d.place, d.placed = place{elem: k.elem, bit: off * 8, bits: 8}, true
			for j++; j < len(b.descs); j++ {
				if isEncoded(b.descs[j].FID) {
					b.fail(&b.descs[j], ErrMalformed, "stands behind the payload marker")
				}
			}
			return
		}
		j = b.encodedOption(i, j)
	}
	b.walk = append(b.walk, walkStep{kind: walkEnd})
}

// encodedOption places the option whose delta is descriptor j, and returns the
// index of the next descriptor.
func (b *builder) encodedOption(i, j int) int {
	var part [5]*desc // delta, length, delta ext, length ext, value
	for ; j < len(b.descs); j++ {
		d := &b.descs[j]
		if d.layer != i || !isEncoded(d.FID) {
			continue
		}
		at := int(d.FID - FIDCoAPOptDelta)
		if d.FID == FIDCoAPMarker || at == 0 && part[0] != nil {
			break
		}
		if at > 0 && part[0] == nil || part[at] != nil {
			b.fail(d, ErrMalformed, "does not belong to an option; list delta, length, extensions and value of one after the other")
			return j
		}
		part[at] = d
	}
	if part[1] == nil {
		b.fail(part[0], ErrMalformed, "has no COAP.OPT_LENGTH with it")
		return j
	}
	k, off := b.need(1)
	part[0].place, part[0].placed = place{elem: k.elem, bit: off * 8, bits: 4}, true
	part[1].place, part[1].placed = place{elem: k.elem, bit: off*8 + 4, bits: 4}, true
	var ext [2]int
	for t := 0; t < 2; t++ {
		d := part[2+t]
		if d == nil {
			continue
		}
		if d.fl != 8 && d.fl != 16 {
			b.fail(d, ErrMalformed, "has FL "+d.fl.String()+"; an extension has 8 or 16 bits")
			return j
		}
		ext[t] = int(d.fl) / 8
		_, o := b.need(ext[t])
		d.place, d.placed = place{elem: k.elem, bit: o * 8, bits: ext[t] * 8}, true
		b.fix(k, off*8+4*t, 4, uint64(12+ext[t]))
	}
	// Nibbles of 13 and above announce extensions; those that are not
	// described must not be announced.
	b.match = append(b.match, matchStep{kind: matchNibbles, elem: k.elem, off: off, bits: ext[0], aux: ext[1]})
	v := part[4]
	switch {
	case v == nil:
		b.fix(k, off*8+4, 4, 0)
	case v.fl.Variable():
		elem := b.variable(walkStep{kind: walkEncoded, a: byte(k.elem), b: uint16(off), c: uint16(1 + ext[0]), d: uint16(ext[1])}, 1)
		v.place, v.placed = place{elem: elem, variable: true}, true
	default:
		n := int(v.fl) / 8
		nib, x, xn := optionNibble(n)
		if xn != ext[1] {
			b.fail(v, ErrMalformed, "has a length that COAP.OPT_LENGTH and its extension do not express")
			return j
		}
		b.fix(k, off*8+4, 4, uint64(nib))
		if xn > 0 {
			b.fix(k, part[3].place.bit, xn*8, uint64(x))
		}
		_, o := b.need(n)
		v.place, v.placed = place{elem: k.elem, bit: o * 8, bits: n * 8}, true
	}
	return j
}
