package schc

import (
	"math/bits"

	"github.com/schckit/schckit/internal/bitio"
)

// action adds the match and emit steps of one descriptor. The checks that do
// not depend on the direction were made by checkRule.
func (b *builder) action(d *desc) {
	if b.err != nil {
		return
	}
	if !d.placed {
		b.fail(d, ErrMalformed, "has no place in the headers that the Rule describes")
		return
	}
	if b.restores(d) {
		b.fail(d, ErrMalformed, "is restored without being compared, but the lengths of other fields depend on it; use equal or send it")
		return
	}
	if d.place.variable {
		b.actionVariable(d)
		return
	}
	k := b.blockOf(d.place.elem)
	at, n := d.place.bit, d.place.bits

	// Target Values of this field: right-aligned if the Rule gives a fixed
	// length, else whole bytes of any length, of which only n bits fit here.
	if d.fl.Variable() {
		switch d.MO {
		case MOEqual:
			if len(d.TV[0])*8 != n {
				b.fail(d, ErrMalformed, "the Target Value's length contradicts another field of the Rule")
				return
			}
		case MOMSB:
			if int(d.MSB) > n {
				b.fail(d, ErrMalformed, "MSB is longer than the field can be in this Rule")
				return
			}
		}
	}

	known := 0 // bits that the Rule gives the decompressor
	switch d.MO {
	case MOEqual:
		known = n
	case MOMSB:
		known = int(d.MSB)
	case MOMatchMapping:
		b.mapping(d)
	}
	if known > 0 {
		b.equal(d, k, at, n, known)
	}
	switch d.CDA {
	case CDANotSent:
		if b.tvBits(d, d.TV[0], n) != n || !k.agrees(at, n, d.TV[0]) {
			b.fail(d, ErrMalformed, "the Target Value contradicts the headers that the Rule describes; what it restores would be another packet")
			return
		}
		putValue(k.tmpl, at, d.TV[0], b.tvBits(d, d.TV[0], n), 0, n)
		if d.MO == MOIgnore || d.MO == MOMSB && known < n {
			putValue(k.lval, at, d.TV[0], b.tvBits(d, d.TV[0], n), 0, n)
			ones(k.lmask, at, n)
		}
	case CDAValueSent:
		b.size(d, n)
		b.sendBits(d, k, at, n)
	case CDALSB:
		putValue(k.tmpl, at, d.TV[0], b.tvBits(d, d.TV[0], n), 0, known)
		b.size(d, n-known)
		b.sendBits(d, k, at+known, n-known)
	case CDAMappingSent:
		ones(k.sent, at, n)
		s := emitStep{elem: d.place.elem, bit: at, n: n, idxBits: ceilLog2(len(d.TV)), count: len(d.TV), reg: b.regOf(d)}
		if b.byWord(d) {
			s.kind, s.data = emitIndex, b.words(d)
		} else {
			s.kind, s.aux, s.data = emitIndexR, n/8, b.values(d)
		}
		b.excess += s.idxBits
		b.emit = append(b.emit, s)
	case CDACompute:
		ones(k.sent, at, n) // not known before the end
		if !b.computed(d) {
			b.fail(d, ErrMalformed, "cannot be computed in this Rule; use value-sent")
		}
	case CDALower:
		ones(k.sent, at, n)
		b.lower(d)
	case CDADevIID, CDAAppIID:
		ones(k.sent, at, n)
		m, e := byte(matchDevIID), byte(emitDevIID)
		if d.CDA == CDAAppIID {
			m, e = matchAppIID, emitAppIID
		}
		b.match = append(b.match, matchStep{kind: m, elem: d.place.elem, off: at / 8})
		b.emit = append(b.emit, emitStep{kind: e, elem: d.place.elem, bit: at})
	}
}

// tvBits is the width in bits of a Target Value of a field of n bits.
func (b *builder) tvBits(d *desc, v []byte, n int) int {
	if d.fl.Variable() {
		return len(v) * 8
	}
	return n
}

func (b *builder) blockOf(elem int) *block {
	for i := range b.blocks {
		if b.blocks[i].elem == elem {
			return &b.blocks[i]
		}
	}
	return nil
}

// equal demands that the first n bits of the field are those of its value.
func (b *builder) equal(d *desc, k *block, at, bits, n int) {
	v := d.TV[0]
	lead := len(v)*8 - b.tvBits(d, v, bits)
	for i := 0; i < n; i += 64 {
		w := min(64, n-i)
		if !k.constrain(at+i, w, bitio.Get(v, lead+i, w)) {
			b.fail(d, ErrMalformed, "the Target Value contradicts the headers that the Rule describes; it can never match")
			return
		}
	}
}

// byWord reports whether the Target Values fit 64-bit words at one load.
func (b *builder) byWord(d *desc) bool {
	return !d.fl.Variable() && d.place.bits <= 64 && d.place.bit&7+d.place.bits <= 64
}

// words adds the Target Values to the image as 64-bit numbers.
func (b *builder) words(d *desc) uint32 {
	at := uint32(len(b.img))
	for _, v := range d.TV {
		var x uint64
		for _, c := range v {
			x = x<<8 | uint64(c)
		}
		b.img = put64(b.img, x)
	}
	return at
}

// values adds the Target Values to the image, each with its length.
func (b *builder) values(d *desc) uint32 {
	at := uint32(len(b.img))
	for _, v := range d.TV {
		b.img = put16(b.img, len(v))
		b.img = append(b.img, v...)
	}
	return at
}

func (b *builder) mapping(d *desc) {
	m := matchStep{elem: d.place.elem, off: d.place.bit / 8, bits: d.place.bits, aux: d.place.bit & 7, count: len(d.TV)}
	if b.byWord(d) {
		m.kind, m.data = matchWord, b.words(d)
	} else {
		m.kind, m.data = matchRange, b.values(d)
	}
	b.match = append(b.match, m)
}

// size adds the constant size of a residue whose field is of variable length
// but always has n bits in this Rule (RFC 8724, Section 7.4.2).
func (b *builder) size(d *desc, n int) {
	switch d.fl {
	case FLVar:
		v, w := sizeCode(n / 8)
		b.excess += w
		b.emit = append(b.emit, emitStep{kind: emitConst, n: w, data: v})
	case FLVarBits:
		v, w := sizeCode(n)
		b.excess += w
		b.emit = append(b.emit, emitStep{kind: emitConst, n: w, data: v})
	}
}

// sizeCode returns the shortest code of a size and its bits: 4, 12 or 28 (RFC
// 8724, Section 7.4.2).
func sizeCode(n int) (uint32, int) {
	switch {
	case n < 15:
		return uint32(n), 4
	case n < 255:
		return 0xf00 | uint32(n), 12
	}
	return 0xfff0000 | uint32(n), 28
}

// sendBits emits n bits of a block in pieces that one 64-bit load covers,
// joined with the piece before where they adjoin.
func (b *builder) sendBits(d *desc, k *block, at, n int) {
	ones(k.sent, at, n)
	reg := b.regOf(d)
	for n > 0 {
		m := min(n, 64-at&7)
		if i := len(b.emit) - 1; i >= 0 && reg == regNone {
			p := &b.emit[i]
			if p.kind == emitBits && p.reg == regNone && p.elem == k.elem && p.bit+p.n == at && p.bit&7+p.n+m <= 64 {
				p.n += m
				at, n = at+m, n-m
				continue
			}
		}
		b.emit = append(b.emit, emitStep{kind: emitBits, elem: k.elem, bit: at, n: m, reg: reg})
		at, n = at+m, n-m
	}
}

// regOf returns the register that the decompressor fills from the residue of d.
func (b *builder) regOf(d *desc) byte {
	switch d.FID {
	case FIDCoAPTKL:
		return regTKL
	case FIDICMPv6Type:
		return regICMPType
	case FIDCoAPOSCOREFlags:
		return regOSCFlags
	}
	return regNone
}

// lower adds the steps of a field that the layer below has, too. DSCP and ECN
// are joined.
func (b *builder) lower(d *desc) {
	b.outer = true
	kind, at, n := uint32(d.FID.lowerKind()), d.place.bit, d.place.bits
	if i := len(b.match) - 1; kind == lowerECN && i >= 0 && b.match[i].kind == matchLower && b.match[i].data == lowerDSCP &&
		b.match[i].elem == d.place.elem && b.match[i].off*8+b.match[i].aux+6 == at {
		if j := len(b.emit) - 1; b.emit[j].kind == emitLower && b.emit[j].data == lowerDSCP {
			b.match[i].data, b.match[i].bits = lowerClass, 8
			b.emit[j].data, b.emit[j].n = lowerClass, 8
			return
		}
	}
	b.match = append(b.match, matchStep{kind: matchLower, elem: d.place.elem, off: at / 8, bits: n, aux: at & 7, data: kind})
	b.emit = append(b.emit, emitStep{kind: emitLower, elem: d.place.elem, bit: at, n: n, data: kind})
}

func (b *builder) computed(d *desc) bool {
	if !fids[d.FID].compute {
		return false
	}
	// addLayer and sized added the step; it names the field's own place.
	for i := range b.calc {
		if calcField(b.calc[i].kind, b.layers[d.layer].proto) == d.FID {
			return true
		}
	}
	return false
}

// calcField returns the field that a computation of kind fills in a header of
// protocol p.
func calcField(kind byte, p Protocol) FID {
	switch kind {
	case calcIPv6Length:
		return FIDIPv6PayloadLength
	case calcIPv4Length:
		return FIDIPv4TotalLength
	case calcIPv4IHL:
		return FIDIPv4IHL
	case calcUDPLength:
		if p == ProtoUDPLite {
			return FIDUDPLiteCoverage
		}
		return FIDUDPLength
	case calcTCPOffset:
		return FIDTCPDataOffset
	case calcCoAPTKL:
		return FIDCoAPTKL
	case calcExtLength:
		return fieldAt(p, 8, DirUp)
	case calcSSECompact:
		return FIDSSECompactLength
	case calcSSELarge:
		return FIDSSELargeLength
	case calcSSEExtreme:
		return FIDSSEExtremeLength
	case calcIPv4Sum:
		return FIDIPv4Checksum
	case calcUDPSum:
		return FIDUDPChecksum
	case calcUDPLiteSum:
		return FIDUDPLiteChecksum
	case calcTCPSum:
		return FIDTCPChecksum
	case calcICMPv6Sum:
		return FIDICMPv6Checksum
	case calcICMPv4Sum:
		return FIDICMPv4Checksum
	case calcSCTPSum:
		return FIDSCTPChecksum
	}
	return 0
}

// calcPlace returns the first bit, from the offset that a step gives, and the
// width of the field that it fills.
func calcPlace(kind byte) (bit, n int) {
	switch kind {
	case calcIPv6Length, calcUDPLength:
		return 32, 16
	case calcIPv4Length, calcICMPv6Sum, calcICMPv4Sum:
		return 16, 16
	case calcIPv4IHL, calcCoAPTKL:
		return 4, 4
	case calcTCPOffset:
		return 0, 4
	case calcExtLength:
		return 0, 8
	case calcSSECompact:
		return 32, 12
	case calcSSELarge, calcSSEExtreme, calcSCTPSum:
		return 64, 32
	case calcIPv4Sum:
		return 80, 16
	case calcTCPSum:
		return 128, 16
	}
	return 48, 16 // calcUDPSum, calcUDPLiteSum
}

// actionVariable handles a field whose length is known only per packet.
func (b *builder) actionVariable(d *desc) {
	e := d.place.elem
	known := 0
	switch d.MO {
	case MOEqual:
		b.match = append(b.match, matchStep{kind: matchBytes, elem: e, count: 1, data: b.values(d)})
	case MOMatchMapping:
		b.match = append(b.match, matchStep{kind: matchBytes, elem: e, count: len(d.TV), data: b.values(d)})
	case MOMSB:
		known = int(d.MSB)
		at := uint32(len(b.img))
		b.img = append(b.img, d.TV[0]...)
		b.match = append(b.match, matchStep{kind: matchPrefix, elem: e, bits: known, data: at})
	}
	s := emitStep{elem: e, reg: b.regOf(d)}
	switch d.CDA {
	case CDANotSent:
		if !encodable(d.FID, len(d.TV[0])) {
			b.fail(d, ErrMalformed, "has a Target Value of a length that the header cannot express")
			return
		}
		s.kind, s.data = emitFill, b.values(d)
		if d.MO == MOIgnore || d.MO == MOMSB {
			b.match = append(b.match, matchStep{kind: matchLoss, elem: e, count: 1, data: s.data})
			if d.FID == FIDCoAPOSCOREKID && len(d.TV[0]) > 0 {
				b.match = append(b.match, matchStep{kind: matchKID, elem: e})
			}
			if b.lengthElsewhere(d) {
				// A value of another length would contradict the field that
				// gives the length.
				b.match = append(b.match, matchStep{kind: matchExactBytes, elem: e, aux: len(d.TV[0])})
			}
		}
	case CDAValueSent, CDALSB:
		if d.CDA == CDAValueSent {
			known = 0
		}
		s.kind, s.aux = emitVar, known
		max := 0xffff + known/8
		switch d.fl {
		case FLVarBits:
			s.kind, max = emitVarBit, (0xffff+known)/8
		case FLTokenLength, FLOSCOREPIV:
			s.kind = emitTail
		}
		if known > 0 {
			s.data = uint32(len(b.img))
			b.img = append(b.img, d.TV[0][:(known+7)/8]...)
		}
		if s.kind != emitTail {
			b.match = append(b.match, matchStep{kind: matchMaxBytes, elem: e, aux: min(max, 0xffff)})
			b.excess += 28
		}
	case CDAMappingSent:
		s.kind, s.idxBits, s.count, s.data = emitIndexB, ceilLog2(len(d.TV)), len(d.TV), b.values(d)
		b.excess += s.idxBits
	default:
		b.fail(d, ErrMalformed, d.CDA.String()+" is not possible for a field of variable length")
		return
	}
	b.emit = append(b.emit, s)
}

// encodable reports whether a variable field can have n bytes.
func encodable(f FID, n int) bool {
	switch f {
	case FIDIPv4Options, FIDTCPOptions:
		return n%4 == 0 && n <= 40
	case FIDCoAPToken:
		return n <= 8
	case FIDCoAPOSCOREFlags:
		return n <= 1
	case FIDCoAPOSCOREPIV:
		return n <= 5
	case FIDIPv6HopByHopData, FIDIPv6DestinationData, FIDIPv6RoutingData, FIDIPv6MobilityData:
		return n%8 == 6 && n <= 255*8+6
	}
	return true
}

// lengthElsewhere reports whether another field of the packet, which is not
// computed, gives the length of the variable field d.
func (b *builder) lengthElsewhere(d *desc) bool {
	var f FID
	switch d.FID {
	case FIDCoAPToken:
		f = FIDCoAPTKL
	case FIDIPv4Options:
		f = FIDIPv4IHL
	case FIDTCPOptions:
		f = FIDTCPDataOffset
	case FIDICMPv6Payload, FIDCoAPOSCOREKID:
		return false // all that remains
	default:
		if d.option {
			return false // the option's own header does
		}
		if f = fieldAt(d.FID.Protocol(), 8, DirUp); d.FID != f+1 {
			return true // parts of the OSCORE option, encoded options
		}
	}
	ld := b.find(d.layer, f)
	return ld == nil || ld.CDA != CDACompute
}

// restores reports whether the lossy field d, which is restored without having
// been compared, can contradict the lengths of other fields.
func (b *builder) restores(d *desc) bool {
	if d.CDA != CDANotSent || d.MO == MOEqual || d.MO == MOMatchMapping {
		return false
	}
	switch d.FID {
	case FIDCoAPOSCOREFlags, FIDCoAPOptDelta, FIDCoAPOptLength, FIDCoAPOptDeltaExt, FIDCoAPOptLengthExt:
		return true
	case FIDCoAPOSCOREKIDContext:
		v := d.TV[0]
		return len(v) > 0 && int(v[0]) != len(v)-1
	case FIDICMPv4Type:
		return b.find(d.layer, FIDICMPv4Identifier) == nil && d.TV[0][0]&^8 == 0
	case FIDUDPLiteCoverage:
		c := int(d.TV[0][0])<<8 | int(d.TV[0][1])
		s := b.find(d.layer, FIDUDPLiteChecksum)
		return c != 0 && c != 8 && s != nil && s.CDA == CDACompute
	}
	for i := range b.walk {
		w := &b.walk[i]
		switch w.kind {
		case walkToken, walkIPOpt, walkTCPOpt, walkExt, walkICMP:
			// The byte that gives the length is that of d.
			if !d.place.variable && d.place.elem == int(w.a) && d.place.bit/8 == int(w.b) &&
				(d.FID.LenBits() < 8 == (w.kind != walkExt && w.kind != walkICMP)) && d.FID != FIDIPv4Version && d.FID != FIDTCPReserved &&
				d.FID != FIDCoAPVersion && d.FID != FIDCoAPType {
				return true
			}
		}
	}
	return false
}

func ceilLog2(n int) int {
	if n <= 1 {
		return 0
	}
	return bits.Len(uint(n - 1))
}
