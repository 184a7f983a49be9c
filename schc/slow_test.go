package schc_test

import (
	"strings"

	. "github.com/schckit/schckit/schc"
)

// This file is compression and decompression once more: written from the text
// of RFC 8724, RFC 8824 and draft-ietf-schc-icmpv6-compression, on strings of
// '0' and '1', with no thought for speed and no code of the package. Property
// and fuzz tests compare the two. What it takes from the package is types,
// names and errors.

// slowBits returns the bits of b.
func slowBits(b []byte) string {
	s := make([]byte, 0, 8*len(b))
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			s = append(s, '0'+x>>i&1)
		}
	}
	return string(s)
}

// slowBytes is the inverse; s is padded with zeros to whole bytes.
func slowBytes(s string) []byte {
	b := make([]byte, (len(s)+7)/8)
	for i := range s {
		if s[i] == '1' {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return b
}

func slowUint(s string) int {
	n := 0
	for i := range s {
		n = n<<1 | int(s[i]-'0')
	}
	return n
}

func slowNum(v uint64, bits int) string {
	b := make([]byte, bits)
	for i := range b {
		b[i] = '0' + byte(v>>(bits-1-i)&1)
	}
	return string(b)
}

// slowDesc is a Field Descriptor of one direction, with the defaults filled in
// and the position made definite.
type slowDesc struct {
	FieldDescriptor
	index int
	pos   int
	bits  int // of a fixed length; -1: variable
}

// slowDescs returns the descriptors of r for packets of dir, and the layers
// that they describe.
func slowDescs(r *Rule, dir Direction) ([]slowDesc, []slowLayer) {
	var ds []slowDesc
	var layers []slowLayer
	for i, f := range r.Fields {
		if f.DI != 0 && f.DI != DirBidirectional && f.DI != dir {
			continue
		}
		d := slowDesc{FieldDescriptor: f, index: i, pos: int(f.FP), bits: int(f.FL)}
		if d.FP == 0 {
			d.pos = 1
		}
		if d.FL == 0 {
			d.bits = f.FID.LenBits()
		}
		if d.FL.Variable() || d.bits == 0 {
			d.bits = -1
		}
		ds = append(ds, d)
	}
	// The parts of options that are described as they are encoded belong to
	// the delta before them: their position is that of the option.
	option := 0
	for i := range ds {
		if f := ds[i].FID; f >= FIDCoAPOptDelta && f < FIDCoAPMarker {
			if f == FIDCoAPOptDelta {
				option++
			}
			ds[i].pos = option
		}
	}
	// "Don't care" takes the occurrences that no other descriptor names.
	for i := range ds {
		if ds[i].FP != FPAny {
			continue
		}
		for pos := 1; ; pos++ {
			free := true
			for j := range ds {
				if ds[j].FID == ds[i].FID && ds[j].pos == pos {
					free = false
				}
			}
			if free {
				ds[i].pos = pos
				break
			}
		}
	}
	// A Rule with a CoAP code and none of the other header fields is for the
	// plaintext of OSCORE messages.
	inner := len(r.Fields) > 0 && r.Fields[0].FID.Protocol() == ProtoCoAP
	for _, f := range r.Fields {
		switch f.FID {
		case FIDCoAPVersion, FIDCoAPType, FIDCoAPTKL, FIDCoAPMID, FIDCoAPToken:
			inner = false
		}
	}
	for _, d := range ds {
		l := slowLayer{d.FID.Protocol(), d.pos}
		if _, opt := d.FID.CoAPOption(); opt || l.proto == ProtoCoAP {
			l.nth = 1
		}
		if inner && l.proto == ProtoCoAP {
			l.proto = ProtoCoAPInner
		}
		known := false
		for _, x := range layers {
			known = known || x == l
		}
		if !known {
			layers = append(layers, l)
		}
	}
	return ds, layers
}

// slowTV returns a Target Value in bits: of a fixed length right-aligned, else
// the whole of it.
func (d *slowDesc) slowTV(i int) string {
	if len(d.TV) <= i {
		return strings.Repeat("0", max(d.bits, 0)) // without one, zero is restored
	}
	s := slowBits(d.TV[i])
	if d.bits >= 0 && len(s) > d.bits {
		s = s[len(s)-d.bits:]
	}
	return s
}

// slowIndexBits is the minimal size for coding all the possible indices.
func slowIndexBits(n int) int {
	bits := 0
	for 1<<bits < n {
		bits++
	}
	return bits
}

// slowSize encodes a size (RFC 8724, Section 7.4.2).
func slowSize(n int) (string, bool) {
	switch {
	case n <= 14:
		return slowNum(uint64(n), 4), true
	case n <= 254:
		return "1111" + slowNum(uint64(n), 8), true
	case n <= 65535:
		return "111111111111" + slowNum(uint64(n), 16), true
	}
	return "", false
}

// slowResidueOf puts the size before a residue of variable length.
func (d *slowDesc) slowResidueOf(v string) (string, bool) {
	if d.bits >= 0 || d.FL == FLTokenLength || d.FL == FLOSCOREPIV {
		return v, true
	}
	n := len(v)
	if d.FL != FLVarBits {
		n /= 8
	}
	size, ok := slowSize(n)
	return size + v, ok
}

// slowWhole reports whether the descriptors describe each fixed header bit of
// the layers once: "all and only" (RFC 8724, Section 7.2).
func slowWhole(ds []slowDesc, layers []slowLayer, dir Direction) bool {
	for _, l := range layers {
		for _, u := range slowHeader(l.proto, dir) {
			covered := 0
			for _, alt := range u.alts {
				for _, f := range alt {
					for _, d := range ds {
						if d.FID == f && d.pos == l.nth {
							n := slowFieldBits(f)
							if n == 0 {
								n = u.bits
							}
							covered += n
						}
					}
				}
			}
			if covered != u.bits {
				return false
			}
		}
	}
	return true
}

// slowSized reports whether a decompressor can know the length of d, whose FL
// is tkl or osc.piv, when its turn comes: from a field before it in the Rule or
// from the Rule alone.
func slowSized(ds []slowDesc, i int) bool {
	d := &ds[i]
	by := slowKey{FIDCoAPTKL, 1}
	if d.FL == FLOSCOREPIV {
		by = slowKey{FIDCoAPOSCOREFlags, d.pos}
	}
	if d.FL != FLTokenLength && d.FL != FLOSCOREPIV || d.CDA != CDAValueSent && d.CDA != CDALSB {
		return true
	}
	for j := range ds {
		if x := &ds[j]; (slowKey{x.FID, x.pos}) == by {
			return x.CDA == CDANotSent || x.MO == MOEqual || j < i && x.CDA != CDACompute
		}
	}
	return d.FL == FLOSCOREPIV // flags that are not described are empty
}

// slowMatch is what a Rule makes of a packet.
type slowMatch struct {
	why     string // it does not match: this is why
	field   int    // and this descriptor failed, or -1
	lossy   bool
	residue string
	payload []byte
	sizes   map[int]int // residue bits by descriptor
}

// slowTry matches pkt against r and compresses it (RFC 8724, Sections 7.2 to
// 7.4).
func slowTry(r *Rule, pkt []byte, dir Direction, in Inputs, opts Options) slowMatch {
	m := slowOnce(r, pkt, dir, in, opts)
	if m.why == "" && m.lossy {
		// What the Rule's author gives up is the value of a field, not the
		// packet: it must come back as one of this Rule.
		rd := &slowReader{s: m.residue + slowBits(m.payload), front: -1}
		if _, err := slowRestore(r, rd, dir, in, opts); err != 0 {
			return slowMatch{why: "what is restored is no packet of the Rule", field: -1}
		}
	}
	return m
}

// slowOnce does it without asking what becomes of lost values.
func slowOnce(r *Rule, pkt []byte, dir Direction, in Inputs, opts Options) slowMatch {
	no := func(field int, why string) slowMatch { return slowMatch{why: why, field: field} }
	ds, layers := slowDescs(r, dir)
	if len(ds) == 0 || !slowWhole(ds, layers, dir) {
		return no(-1, "not for this direction")
	}
	byKey := map[slowKey]*slowDesc{}
	for i := range ds {
		byKey[slowKey{ds[i].FID, ds[i].pos}] = &ds[i]
	}
	p, text := slowParse(pkt, layers, dir, func(k slowKey) bool { return byKey[k] != nil }, slowSplit(ds, layers, opts))
	if text == "" {
		p.outer = in.Outer
		if slowNeedsOuter(ds, layers) && !slowOuter(in.Outer) {
			text = "no IP header of the layer below"
		}
	}
	if text != "" {
		return no(-1, text)
	}
	// All and only.
	for _, k := range p.order {
		if byKey[k] == nil {
			return no(-1, "the packet has a field that the Rule lacks: "+k.id.String())
		}
	}
	m := slowMatch{payload: p.payload, sizes: map[int]int{}, field: -1}
	for i := range ds {
		d := &ds[i]
		if !slowSized(ds, i) {
			return no(d.index, "its length cannot be known")
		}
		v, ok := p.fields[slowKey{d.FID, d.pos}]
		if !ok {
			return no(d.index, "the packet lacks a field of the Rule: "+d.FID.String())
		}
		if d.bits >= 0 && len(v) != d.bits {
			return no(d.index, "another length")
		}
		res, back := "", v
		index := -1
		switch d.MO {
		case MOEqual:
			ok = v == d.slowTV(0)
		case MOIgnore:
		case MOMSB:
			x := int(d.MSB)
			ok = len(v) >= x && len(d.slowTV(0)) >= x && v[:x] == d.slowTV(0)[:x]
		case MOMatchMapping:
			for j := range d.TV {
				if v == d.slowTV(j) {
					index = j
					break
				}
			}
			ok = index >= 0
		}
		if !ok {
			return no(d.index, "the operator says no")
		}
		ok = true
		switch d.CDA {
		case CDANotSent:
			back = d.slowTV(0)
		case CDAValueSent:
			res, ok = d.slowResidueOf(v)
		case CDAMappingSent:
			res = slowNum(uint64(index), slowIndexBits(len(d.TV)))
		case CDALSB:
			res, ok = d.slowResidueOf(v[d.MSB:])
		case CDACompute:
			want, can := slowComputed(pkt, p, layers, d, opts)
			if !opts.TrustComputed && (!can || want != v) {
				return no(d.index, "the computed value is another")
			}
		case CDALower:
			ok = slowLower(in.Outer, d.FID) == v
		case CDADevIID:
			ok = len(in.DevIID) == 8 && slowBits(in.DevIID) == v
		case CDAAppIID:
			ok = len(in.AppIID) == 8 && slowBits(in.AppIID) == v
		}
		if !ok {
			return no(d.index, "the action cannot")
		}
		m.lossy = m.lossy || back != v
		m.residue += res
		m.sizes[d.index] = len(res)
	}
	return m
}

// slowResult is what the slow Compressor says.
type slowResult struct {
	rule  int
	lossy bool
	bits  string // RuleID, residue, padding, payload
	n     int    // of them, without padding
	err   Error
}

func slowID(id RuleID) string { return slowNum(uint64(id.Value), int(id.Bits)) }

// slowCompress selects a Rule: the lossless one with the fewest bits, else the
// lossy one with the fewest, ties by order, else no compression.
func slowCompress(rules []Rule, opts Options, pkt []byte, dir Direction, in Inputs) slowResult {
	best := slowResult{rule: -1, err: ErrNoRule}
	for i := range rules {
		if rules[i].Nature != NatureCompression {
			continue
		}
		m := slowTry(&rules[i], pkt, dir, in, opts)
		if m.why != "" || m.lossy && opts.Lossless {
			continue
		}
		front := slowID(rules[i].ID) + m.residue
		s := slowResult{rule: i, lossy: m.lossy, bits: slowFront(front, opts) + slowBits(m.payload), n: len(front) + 8*len(m.payload)}
		if best.rule < 0 || best.lossy && !s.lossy || best.lossy == s.lossy && s.n < best.n {
			best = s
		}
		if opts.FirstMatch {
			return best
		}
	}
	for i := range rules {
		if best.rule < 0 && rules[i].Nature == NatureNoCompression {
			return slowResult{rule: i, bits: slowFront(slowID(rules[i].ID), opts) + slowBits(pkt)}
		}
	}
	return best
}

// slowReader reads a SCHC Packet. The first failure stays.
type slowReader struct {
	s     string
	err   Error
	front int // bits of RuleID before s, if padding follows the residue; else -1
}

func (r *slowReader) take(n int) string {
	if r.err != 0 {
		return ""
	}
	if n > len(r.s) {
		r.err = ErrTruncated
		return ""
	}
	v := r.s[:n]
	r.s = r.s[n:]
	return v
}

// size reads a size; only its shortest form is right.
func (r *slowReader) size() int {
	n := slowUint(r.take(4))
	if n == 15 {
		if n = slowUint(r.take(8)); n == 255 {
			if n = slowUint(r.take(16)); n < 255 && r.err == 0 {
				r.err = ErrMalformed
			}
		} else if n < 15 && r.err == 0 {
			r.err = ErrMalformed
		}
	}
	return n
}

// slowDecompress restores the packet of the SCHC Packet s, a string of bits
// that may end with up to seven bits of padding.
func slowDecompress(rules []Rule, opts Options, s string, dir Direction, in Inputs) (pkt []byte, rule int, err Error) {
	rule = -1
	partial := false
	for i := range rules {
		id := slowID(rules[i].ID)
		if strings.HasPrefix(s, id) {
			rule = i
		}
		partial = partial || strings.HasPrefix(id, s)
	}
	if rule < 0 {
		if partial {
			return nil, -1, ErrTruncated
		}
		return nil, -1, ErrNoRule
	}
	r := &rules[rule]
	rd := &slowReader{s: s[r.ID.Bits:], front: -1}
	if opts.SplitHeader {
		rd.front = int(r.ID.Bits)
	}
	switch r.Nature {
	case NatureFragmentation:
		return nil, rule, ErrUnsupported
	case NatureNoCompression:
		rd.padding(len(rd.s))
		pkt, err = rd.payload()
		return pkt, rule, err
	}
	pkt, err = slowRestore(r, rd, dir, in, opts)
	return pkt, rule, err
}

// padding takes the zero bits between residue and payload; all is the length of
// what followed the RuleID.
func (r *slowReader) padding(all int) {
	if r.front < 0 || r.err != 0 {
		return
	}
	n := r.front + all - len(r.s)
	if strings.Contains(r.take((8-n%8)%8), "1") {
		r.err = ErrMalformed
	}
}

// payload takes what remains: whole bytes, then zeros.
func (r *slowReader) payload() ([]byte, Error) {
	n := len(r.s) / 8 * 8
	body := r.take(n)
	if r.err == 0 && strings.Contains(r.s, "1") {
		r.err = ErrMalformed
	}
	return slowBytes(body), r.err
}

// slowRestore reads the residue of r and builds the packet.
func slowRestore(r *Rule, rd *slowReader, dir Direction, in Inputs, opts Options) ([]byte, Error) {
	ds, layers := slowDescs(r, dir)
	if len(ds) == 0 || !slowWhole(ds, layers, dir) {
		return nil, ErrNoRule
	}
	if slowNeedsOuter(ds, layers) && !slowOuter(in.Outer) {
		return nil, ErrNoRule
	}
	all := len(rd.s)
	residue := "" // as a compressor would send it
	vals := slowValues{}
	// Values that the Rule alone gives may be needed before their turn.
	for i := range ds {
		if d := &ds[i]; d.CDA == CDANotSent || d.MO == MOEqual {
			vals[slowKey{d.FID, d.pos}] = d.slowTV(0)
		}
	}
	for i := range ds {
		d := &ds[i]
		v, before := "", rd.s
		// known is the part of the field that the Rule gives.
		known := ""
		if d.CDA == CDALSB {
			known = d.slowTV(0)[:d.MSB]
		}
		switch d.CDA {
		case CDANotSent:
			v = d.slowTV(0)
		case CDAValueSent, CDALSB:
			n := d.bits - len(known)
			if d.bits < 0 {
				switch d.FL {
				case FLTokenLength:
					n = slowUint(vals[slowKey{FIDCoAPTKL, 1}])*8 - len(known)
				case FLOSCOREPIV:
					flags := vals[slowKey{FIDCoAPOSCOREFlags, d.pos}]
					n = -len(known)
					if flags != "" {
						n += slowUint(flags) % 8 * 8
					}
				case FLVarBits:
					n = rd.size()
				default:
					n = rd.size() * 8
				}
			}
			if rd.err == 0 && (n < 0 || d.bits < 0 && (n+len(known))%8 != 0) {
				rd.err = ErrMalformed
			}
			v = known + rd.take(n)
		case CDAMappingSent:
			index := slowUint(rd.take(slowIndexBits(len(d.TV))))
			if rd.err == 0 && index >= len(d.TV) {
				rd.err = ErrMalformed
			}
			if rd.err == 0 {
				v = d.slowTV(index)
			}
		case CDALower:
			v = slowLower(in.Outer, d.FID)
		case CDADevIID, CDAAppIID:
			iid := in.DevIID
			if d.CDA == CDAAppIID {
				iid = in.AppIID
			}
			if len(iid) != 8 && rd.err == 0 {
				rd.err = ErrNoRule
			}
			v = slowBits(iid)
		case CDACompute:
			continue
		}
		if rd.err != 0 {
			return nil, rd.err
		}
		vals[slowKey{d.FID, d.pos}] = v
		res := before[:len(before)-len(rd.s)]
		for j := range d.TV {
			// An index may name a value that an earlier one names too.
			if d.CDA == CDAMappingSent && d.slowTV(j) == v {
				res = slowNum(uint64(j), len(res))
				break
			}
		}
		residue += res
	}
	rd.padding(all)
	payload, err := rd.payload()
	if err != 0 {
		return nil, err
	}
	pkt, ok := slowBuild(ds, layers, vals, payload, dir, in, opts)
	if !ok {
		return nil, ErrMalformed
	}
	// What comes out must be a packet that the Rule matches, with the fields
	// that were received: no compressor sends anything else. (Which of two
	// equal Target Values an index names does not matter.)
	m := slowOnce(r, pkt, dir, in, Options{SSEICVBytes: opts.SSEICVBytes, FixedHeaders: opts.FixedHeaders})
	if m.why != "" || m.lossy || m.residue != residue || string(m.payload) != string(payload) {
		return nil, ErrMalformed
	}
	return pkt, 0
}
