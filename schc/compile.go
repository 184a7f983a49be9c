package schc

import (
	"math/bits"
	"slices"

	"github.com/schckit/schckit/internal/bitio"
)

// place is where a field is: bits bits at bit of a fixed block, or the whole
// of a variable element.
type place struct {
	elem     int
	bit      int // from the start of the element
	bits     int
	variable bool // the element's length is known only per packet
}

// desc is one Field Descriptor in the direction being compiled.
type desc struct {
	*FieldDescriptor
	index  int // in Rule.Fields
	fl     FieldLength
	layer  int // index in builder.layers
	number uint16
	option bool // a CoAP option, number
	fp     uint8
	place  place
	placed bool
}

// layer is one header of the stack that a Rule describes.
type layer struct {
	proto Protocol
	nth   uint8
}

// block is a run of bytes with a fixed layout.
type block struct {
	elem int
	// one byte per byte of the block: compares, loss compares, template, and
	// the bits that come from residues
	mask, val, lmask, lval, tmpl, sent []byte
}

func (k *block) extend(n int) {
	for _, s := range [...]*[]byte{&k.mask, &k.val, &k.lmask, &k.lval, &k.tmpl, &k.sent} {
		at := len(*s)
		*s = slices.Grow(*s, n)[:at+n]
		clear((*s)[at:])
	}
}

type walkStep struct {
	kind, a byte
	b, c, d uint16
}

type matchStep struct {
	kind      byte
	elem      int
	off, bits int
	aux       int
	data      uint32
	count     int
}

type emitStep struct {
	kind    byte
	elem    int
	bit     int // from the start of the element
	n       int
	reg     byte
	idxBits int
	count   int
	aux     int
	data    uint32
}

type calcStep struct {
	kind   byte
	elem   int
	off    int
	ip     Protocol
	ipElem int
	ipOff  int
	proto  byte
	a      int
	b      int
}

// builder compiles Rules into programs of one image. Its slices are reused.
type builder struct {
	img  []byte
	opts *Options

	rule    *Rule
	index   int
	dir     Direction
	descs   []desc
	layers  []layer
	blocks  []block
	cur     *block
	elems   int
	walk    []walkStep
	match   []matchStep
	emit    []emitStep
	calc    []calcStep
	regs    [numRegs]byte
	tail    bool // CoAP options end behind the last element
	rest    bool // the last element takes all that remains
	ip      layer
	ipElem  int
	ipOff   int
	excess  int // most bits that a residue is longer than its field, summed
	err     *FieldError
	missing bool // err is that a field is not described

	score int32 // lower bound of the program's score

	head []byte // static mask and value of the program, for the selection tree
	hval []byte
}

func (b *builder) fail(d *desc, class Error, text string) {
	if b.err != nil {
		return
	}
	b.err = &FieldError{Rule: b.rule.ID, Index: b.index, Field: -1, Err: class, Text: text}
	if d != nil {
		b.err.Field, b.err.FID = d.index, d.FID
	}
}

func (b *builder) failMissing(f FID) {
	if b.err == nil {
		b.missing = true
		b.err = &FieldError{Rule: b.rule.ID, Index: b.index, Field: -1, FID: f, Err: ErrMalformed,
			Text: "is not described for direction " + dirName(b.dir) +
				"; a protocol that a Rule describes is described whole: add a Field Descriptor"}
	}
}

func dirName(d Direction) string {
	if d == DirUp {
		return "up"
	}
	return "down"
}

// need makes room for n bytes of fixed layout in the block that is being
// filled, or in a new one behind an element of variable length, and returns
// the block and the offset of the room.
func (b *builder) need(n int) (*block, int) {
	if b.cur == nil {
		if len(b.blocks) == cap(b.blocks) {
			b.blocks = append(b.blocks, block{})
		} else {
			b.blocks = b.blocks[:len(b.blocks)+1]
		}
		k := &b.blocks[len(b.blocks)-1]
		k.mask, k.val, k.lmask, k.lval = k.mask[:0], k.val[:0], k.lmask[:0], k.lval[:0]
		k.tmpl, k.sent = k.tmpl[:0], k.sent[:0]
		k.elem = b.elems
		if b.elems > 0 { // element 0 is implied
			b.walk = append(b.walk, walkStep{kind: walkBlock, a: byte(len(b.blocks) - 1)})
		}
		b.elems++
		b.cur = k
	}
	off := len(b.cur.tmpl)
	b.cur.extend(n)
	return b.cur, off
}

// variable adds a step that makes n elements of variable length.
func (b *builder) variable(s walkStep, n int) int {
	if b.elems == 0 {
		b.need(0) // element 0 is always a block
	}
	b.cur = nil
	b.walk = append(b.walk, s)
	e := b.elems
	b.elems += n
	return e
}

// putValue copies bits [from, from+n) of the value v, right-aligned in its
// bytes with width bits in all, to dst at bit.
func putValue(dst []byte, bit int, v []byte, width, from, n int) {
	bitio.Copy(dst, bit, v, len(v)*8-width+from, n)
}

// ones sets n bits at bit and reports whether one of them was set before.
func ones(dst []byte, bit, n int) (overlap bool) {
	for n > 0 {
		k := bit & 7
		w := min(8-k, n)
		m := byte(0xff) << uint(8-w) >> uint(k)
		overlap = overlap || dst[bit>>3]&m != 0
		dst[bit>>3] |= m
		bit, n = bit+w, n-w
	}
	return overlap
}

// constrain makes n bits at bit of a block equal the low n bits of v, n up to
// 64: the structure or a Target Value demands it. It reports whether no earlier
// constraint contradicts.
func (k *block) constrain(bit, n int, v uint64) bool {
	for n > 0 {
		at, w := bit>>3, min(8-bit&7, n)
		m := byte(0xff) << uint(8-w) >> uint(bit&7)
		x := byte(v>>uint(n-w)) << uint(8-w) >> uint(bit&7)
		if (k.val[at]^x)&k.mask[at]&m != 0 {
			return false
		}
		k.mask[at] |= m
		k.val[at] |= x
		bit, n = bit+w, n-w
	}
	return true
}

// agrees reports whether n bits at bit may have the value v, right-aligned in
// its bytes, by the constraints so far.
func (k *block) agrees(bit, n int, v []byte) bool {
	for i := 0; i < n; i += 8 {
		w := min(8, n-i)
		x := byte(bitio.Get(v, len(v)*8-n+i, w))
		if m := byte(bitio.Get(k.mask, bit+i, w)); (x^byte(bitio.Get(k.val, bit+i, w)))&m != 0 {
			return false
		}
	}
	return true
}

// compile compiles one Rule for one direction and appends the program to the
// image. It returns its offset, or 0 with b.err when the Rule cannot match
// packets of the direction.
func (b *builder) compile(r *Rule, index int, dir Direction) uint32 {
	b.rule, b.index, b.dir, b.err, b.missing = r, index, dir, nil, false
	b.descs, b.layers, b.blocks = b.descs[:0], b.layers[:0], b.blocks[:0]
	b.walk, b.match, b.emit, b.calc = b.walk[:0], b.match[:0], b.emit[:0], b.calc[:0]
	b.cur, b.elems, b.regs, b.tail, b.rest = nil, 0, [numRegs]byte{}, false, false
	b.ip, b.excess = layer{}, int(r.ID.Bits)

	b.gather()
	if b.err != nil || len(b.descs) == 0 {
		return 0
	}
	for i := range b.layers {
		b.addLayer(i)
		if b.err != nil {
			return 0
		}
	}
	for i := range b.descs {
		b.action(&b.descs[i])
	}
	if b.err != nil {
		return 0
	}
	return b.write()
}

// gather selects the descriptors of the direction and finds the layers.
func (b *builder) gather() {
	for i := range b.rule.Fields {
		f := &b.rule.Fields[i]
		if f.DI != DirBidirectional && f.DI != 0 && f.DI != b.dir {
			continue
		}
		d := desc{FieldDescriptor: f, index: i, fl: f.FL, fp: f.FP}
		if d.fl == 0 {
			d.fl = FieldLength(f.FID.LenBits())
			if d.fl == 0 {
				d.fl = FLVar
			}
		}
		if d.fp == 0 {
			d.fp = 1
		}
		if f.CDA == CDANotSent && len(f.TV) == 0 {
			// Without a Target Value, zero (or nothing) is restored.
			g := *f
			g.TV = [][]byte{nil}
			if !d.fl.Variable() {
				g.TV[0] = make([]byte, (int(d.fl)+7)/8)
			}
			d.FieldDescriptor = &g
		}
		d.number, d.option = f.FID.CoAPOption()
		l := layer{proto: f.FID.Protocol(), nth: d.fp}
		if d.option || d.fp == FPAny || isOSCORE(f.FID) || isEncoded(f.FID) {
			l.nth = 1
		}
		d.layer = -1
		for j := range b.layers {
			if b.layers[j] == l {
				d.layer = j
			}
		}
		if d.layer < 0 {
			below := l.nth == 1
			for j := range b.layers {
				below = below || b.layers[j].proto == l.proto && b.layers[j].nth == l.nth-1
			}
			if !below {
				b.fail(&d, ErrMalformed, "position "+utoa(uint32(l.nth))+" is described without position "+utoa(uint32(l.nth)-1))
				return
			}
			d.layer = len(b.layers)
			b.layers = append(b.layers, l)
			if n := len(b.layers); n > 1 && !follows(b.layers[n-2].proto, l.proto) {
				b.fail(&d, ErrMalformed, "cannot follow "+b.layers[n-2].proto.String()+
					"; list the protocols in the order of the packet's headers")
				return
			}
		}
		b.descs = append(b.descs, d)
	}
}

// isEncoded reports whether f is part of a CoAP option as it is encoded.
func isEncoded(f FID) bool { return f >= FIDCoAPOptDelta && f <= FIDCoAPMarker }

func isOSCORE(f FID) bool { return f >= FIDCoAPOSCOREFlags && f <= FIDCoAPOSCOREKID }

// find returns the descriptor of field f in layer i, or nil.
func (b *builder) find(i int, f FID) *desc {
	for j := range b.descs {
		if b.descs[j].layer == i && b.descs[j].FID == f {
			return &b.descs[j]
		}
	}
	return nil
}

// headerBytes is the length of the fixed part of each header.
func headerBytes(p Protocol) int {
	switch p {
	case ProtoIPv6:
		return 40
	case ProtoIPv4, ProtoTCP, ProtoSSEExtreme:
		return 20
	case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility:
		return 2
	case ProtoSCTP:
		return 12
	case ProtoSSELarge:
		return 16
	case ProtoICMPv6, ProtoICMPv4, ProtoCoAP:
		return 4
	case ProtoCoAPInner:
		return 1
	}
	return 8
}

// addLayer lays out header i and finds the place of each field in it.
func (b *builder) addLayer(i int) {
	l := b.layers[i]
	n := headerBytes(l.proto)
	skip := 0 // bits of the header that are not there
	if l.proto == ProtoCoAP && b.rule.start() == ProtoCoAPInner {
		n, skip = headerBytes(ProtoCoAPInner), 8
	}
	body := false // of ICMP: the second word is described
	for j := range b.descs {
		d := &b.descs[j]
		if d.layer == i && !d.option && d.FID.LenBits() > 0 && fieldBit(d.FID, b.dir) >= n*8 {
			body = true
		}
	}
	if body && (l.proto == ProtoICMPv6 || l.proto == ProtoICMPv4) {
		n = 8
	}
	k, off := b.need(n)
	elem := k.elem

	// Every bit of the header is described exactly once.
	var seen [40]byte
	for j := range b.descs {
		d := &b.descs[j]
		if d.layer != i || d.FID.LenBits() == 0 || isEncoded(d.FID) {
			continue
		}
		at, w := fieldBit(d.FID, b.dir)-skip, d.FID.LenBits()
		if ones(seen[:], at, w) {
			b.fail(d, ErrMalformed, "overlaps a field described before; describe each bit of the header once")
			return
		}
		d.place, d.placed = place{elem: elem, bit: off*8 + at, bits: w}, true
	}
	for t := 0; t < n*8; t++ {
		if seen[t>>3] == 0xff {
			t |= 7
		} else if seen[t>>3]&(0x80>>uint(t&7)) == 0 {
			b.failMissing(fieldAt(l.proto, t+skip, b.dir))
			return
		}
	}

	next := Protocol(0)
	if i+1 < len(b.layers) {
		next = b.layers[i+1].proto
	}
	switch l.proto {
	case ProtoIPv6:
		b.fix(k, off*8, 4, 6)
		b.nextHeader(k, off*8+48, next)
		b.ip, b.ipElem, b.ipOff = l, elem, off
		b.addCalc(i, FIDIPv6PayloadLength, calcStep{kind: calcIPv6Length, elem: elem, off: off})
	case ProtoIPv4:
		b.fix(k, off*8, 4, 4)
		b.nextHeader(k, off*8+72, next)
		if next != 0 {
			b.fix(k, off*8+51, 13, 0) // only the first fragment has the next header
		}
		b.ip, b.ipElem, b.ipOff = l, elem, off
		b.addCalc(i, FIDIPv4TotalLength, calcStep{kind: calcIPv4Length, elem: elem, off: off})
		b.addCalc(i, FIDIPv4Checksum, calcStep{kind: calcIPv4Sum, elem: elem, off: off})
		b.sized(i, FIDIPv4Options, FIDIPv4IHL, k, off*8+4, sizing{walkIPOpt, calcIPv4IHL, 4, 5, 0}, off)
	case ProtoIPv6HopByHop, ProtoIPv6Destination, ProtoIPv6Routing, ProtoIPv6Mobility:
		b.nextHeader(k, off*8, next)
		f := fieldAt(l.proto, 8, b.dir)
		b.sized(i, f+1, f, k, off*8+8, sizing{walkExt, calcExtLength, 8, 0, 6}, off+1)
	case ProtoIPv6Fragment:
		b.nextHeader(k, off*8, next)
		if next != 0 {
			b.fix(k, off*8+16, 13, 0)
		}
	case ProtoUDP:
		b.addCalc(i, FIDUDPLength, calcStep{kind: calcUDPLength, elem: elem, off: off})
		b.addSum(i, FIDUDPChecksum, calcUDPSum, elem, off, 17)
	case ProtoUDPLite:
		b.addCalc(i, FIDUDPLiteCoverage, calcStep{kind: calcUDPLength, elem: elem, off: off})
		b.addSum(i, FIDUDPLiteChecksum, calcUDPLiteSum, elem, off, 136)
	case ProtoTCP:
		b.addSum(i, FIDTCPChecksum, calcTCPSum, elem, off, 6)
		b.sized(i, FIDTCPOptions, FIDTCPDataOffset, k, off*8+96, sizing{walkTCPOpt, calcTCPOffset, 4, 5, 0}, off+12)
	case ProtoSCTP:
		b.addCalc(i, FIDSCTPChecksum, calcStep{kind: calcSCTPSum, elem: elem, off: off})
	case ProtoICMPv4:
		b.addCalc(i, FIDICMPv4Checksum, calcStep{kind: calcICMPv4Sum, elem: elem, off: off})
	case ProtoICMPv6:
		b.addSum(i, FIDICMPv6Checksum, calcICMPv6Sum, elem, off, 58)
	case ProtoSSECompact:
		b.addCalc(i, FIDSSECompactLength, calcStep{kind: calcSSECompact, elem: elem, off: off})
	case ProtoSSELarge:
		b.addCalc(i, FIDSSELargeLength, calcStep{kind: calcSSELarge, elem: elem, off: off})
	case ProtoSSEExtreme:
		b.addCalc(i, FIDSSEExtremeLength, calcStep{kind: calcSSEExtreme, elem: elem, off: off})
	case ProtoCoAP:
		if skip > 0 {
			b.options(i)
			return
		}
		b.fix(k, off*8, 2, 1) // RFC 7252, Section 3: other versions are silently ignored
		b.sized(i, FIDCoAPToken, FIDCoAPTKL, k, off*8+4, sizing{walkToken, calcCoAPTKL, 1, 0, 0}, off)
		b.options(i)
	}
	if l.proto == ProtoICMPv6 {
		b.icmpBody(i, k, off, body)
	}
	if l.proto == ProtoICMPv4 {
		b.icmp4Body(i, k, off, body)
	}
}

// fieldBit returns the offset in bits of a field in its header, or -1.
func fieldBit(f FID, dir Direction) int {
	if !f.Known() || f >= fidCoAPOption {
		return -1
	}
	if dir == DirDown {
		return int(fids[f].dwBits)
	}
	return int(fids[f].upBits)
}

// fieldAt returns the first field of p that holds bit t of its header.
func fieldAt(p Protocol, t int, dir Direction) FID {
	for f := FID(1); f < fidEnd; f++ {
		if fids[f].proto == p && fids[f].bits > 0 {
			if at := fieldBit(f, dir); t >= at && t < at+int(fids[f].bits) {
				return f
			}
		}
	}
	return 0
}

// fix adds a structural constraint.
func (b *builder) fix(k *block, bit, n int, v uint64) {
	if !k.constrain(bit, n, v) {
		b.fail(nil, ErrMalformed, "two fields of the Rule contradict each other; it can never match")
	}
}

// nextHeader demands the protocol number of the next layer.
func (b *builder) nextHeader(k *block, bit int, next Protocol) {
	if n, ok := next.number(); ok {
		b.fix(k, bit, 8, uint64(n))
	}
}

// addCalc adds a computed field if the Rule asks for it.
func (b *builder) addCalc(i int, f FID, c calcStep) {
	if d := b.find(i, f); d != nil && d.CDA == CDACompute {
		b.calc = append(b.calc, c)
	}
}

// addSum adds a checksum over a pseudo-header.
func (b *builder) addSum(i int, f FID, kind byte, elem, off int, proto byte) {
	d := b.find(i, f)
	if d == nil || d.CDA != CDACompute {
		return
	}
	if b.ip.proto == 0 {
		b.fail(d, ErrMalformed, "cannot be computed: the Rule does not describe the IP header that the checksum covers; use value-sent")
		return
	}
	b.calc = append(b.calc, calcStep{kind: kind, elem: elem, off: off, ip: b.ip.proto, ipElem: b.ipElem, ipOff: b.ipOff, proto: proto})
}

// sizing says how a length field counts: in unit bytes, base of which are the
// fixed header, extra bytes of which are not in the variable part.
type sizing struct {
	walk, calc byte
	unit, base int
	extra      int
}

// sized places a field of variable length whose length another field of the
// header gives: IPv4 and TCP options, the CoAP token, extension header data.
// Not described, it must be empty.
func (b *builder) sized(i int, f, lenFID FID, k *block, lenBit int, s sizing, refByte int) {
	lenBits := lenFID.LenBits()
	d, ld := b.find(i, f), b.find(i, lenFID)
	n, always := 0, true // length in bytes, if it is always the same
	switch {
	case d == nil:
		n = s.extra // the least that there is
	case !d.fl.Variable():
		n = int(d.fl) / 8
	case (d.MO == MOEqual && d.CDA == CDANotSent) && len(d.TV) == 1:
		n = len(d.TV[0])
	case ld.MO == MOEqual && len(ld.TV) == 1 && len(ld.TV[0]) == 1:
		n = (int(ld.TV[0][0])-s.base)*s.unit + s.extra
	default:
		always = false
	}
	if always {
		v := (n-s.extra)/s.unit + s.base
		if (n-s.extra)%s.unit != 0 || n < s.extra || v < 0 || v >= 1<<uint(lenBits) || f == FIDCoAPToken && n > 8 {
			if d == nil {
				d = ld
			}
			text := " cannot express this length"
			if n >= 0 {
				text = " cannot express a length of " + count(n, "byte")
			}
			b.fail(d, ErrMalformed, lenFID.String()+text)
			return
		}
		if d == nil && n > 0 {
			b.failMissing(f)
			return
		}
		if ld.CDA == CDACompute {
			b.calc = append(b.calc, calcStep{kind: s.calc, elem: k.elem, off: refByte, b: n})
		}
		b.fix(k, lenBit, lenBits, uint64(v))
		_, off := b.need(n)
		if d != nil {
			d.place, d.placed = place{elem: k.elem, bit: off * 8, bits: n * 8}, true
		}
		return
	}
	elem := b.variable(walkStep{kind: s.walk, a: byte(k.elem), b: uint16(refByte)}, 1)
	d.place, d.placed = place{elem: elem, variable: true}, true
	if ld.CDA == CDACompute {
		b.calc = append(b.calc, calcStep{kind: s.calc, elem: k.elem, off: refByte, a: elem})
		if d.fl == FLTokenLength {
			b.fail(d, ErrMalformed, "FL tkl needs COAP.TKL; it is computed from the token itself: use FL var")
		}
	}
	if d.fl == FLTokenLength && ld.index > d.index {
		b.fail(d, ErrMalformed, "FL tkl needs COAP.TKL before the token in the Rule")
	}
}

// icmpBody handles what follows the first word of an ICMPv6 header
// (draft-ietf-schc-icmpv6-compression-02, Section 4): the echo fields, MTU or
// pointer if described; the unused word of types 1 and 3, which no Rule
// describes, is zero; other messages have their payload there.
func (b *builder) icmpBody(i int, k *block, off int, body bool) {
	td := b.find(i, FIDICMPv6Type)
	switch {
	case b.find(i, FIDICMPv6Identifier) != nil:
		b.fix(k, off*8, 7, 64) // 128 or 129
	case b.find(i, FIDICMPv6Unused) != nil: // the draft leaves it out; others describe it
		b.fix(k, off*8, 6, 0) // 1 or 3
		b.fix(k, off*8+7, 1, 1)
	case b.find(i, FIDICMPv6MTU) != nil:
		b.fix(k, off*8, 8, 2)
	case b.find(i, FIDICMPv6Pointer) != nil:
		b.fix(k, off*8, 8, 4)
	case td.MO == MOEqual && len(td.TV) == 1 && len(td.TV[0]) == 1:
		switch t := td.TV[0][0]; t {
		case 1, 3:
			u, o := b.need(4)
			u.constrain(o*8, 32, 0)
		case 2:
			b.failMissing(FIDICMPv6MTU)
		case 4:
			b.failMissing(FIDICMPv6Pointer)
		case 128, 129:
			b.failMissing(FIDICMPv6Identifier)
		}
	default:
		b.variable(walkStep{kind: walkICMP, a: byte(k.elem), b: uint16(off)}, 1)
	}
	if d := b.find(i, FIDICMPv6Payload); d != nil {
		elem := b.variable(walkStep{kind: walkRest}, 1)
		d.place, d.placed = place{elem: elem, variable: true}, true
		b.rest = true
	}
}

// icmp4Body does the same for ICMPv4, of which only the echo is described:
// the messages that have an identifier are refused without it.
func (b *builder) icmp4Body(i int, k *block, off int, body bool) {
	if !body {
		td := b.find(i, FIDICMPv4Type)
		if td.MO == MOEqual && len(td.TV) == 1 && len(td.TV[0]) == 1 && (td.TV[0][0] == 8 || td.TV[0][0] == 0) {
			b.failMissing(FIDICMPv4Identifier)
		}
		b.match = append(b.match, matchStep{kind: matchNotEcho, elem: k.elem, off: off})
		return
	}
	b.fix(k, off*8, 4, 0) // 0 or 8
	b.fix(k, off*8+5, 3, 0)
}

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

func ceilLog2(n int) int {
	if n <= 1 {
		return 0
	}
	return bits.Len(uint(n - 1))
}
