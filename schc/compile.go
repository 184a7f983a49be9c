package schc

import (
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
	outer   bool // Inputs.Outer is needed
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
	b.cur, b.elems, b.regs, b.tail, b.rest, b.outer = nil, 0, [numRegs]byte{}, false, false, false
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
