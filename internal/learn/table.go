package learn

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// Directions are indexes here: most tables have one half for each.
const (
	up   = 0
	down = 1
)

func dirOf(i int) schc.Direction { return schc.DirUp + schc.Direction(i) }

// kind says what the column of a field holds.
type kind uint8

const (
	kindValue    kind = iota // values
	kindComputed             // computed (id 0) or, where compute does not give it, the value
	kindFlag                 // computed (id 0) or not (id 1): the values are in another column
)

// colSpec is one column of a header: a field, or one way to describe it.
// Columns of the same group other than 0 describe the same bits in two forms:
// a Rule uses all columns of form 0 or all of form 1.
type colSpec struct {
	fid    schc.FID
	pos    uint8
	bits   int // 0: variable length
	kind   kind
	group  uint8
	form   uint8
	mirror int // index in the layer of the column that it changes places with when roles are swapped
	space  int // of values
}

// layer is one header with its fields. Packets whose headers are the same
// sequence of layers can be described by one Rule.
type layer struct {
	proto schc.Protocol
	pos   uint8
	cols  []colSpec
}

// shape is a sequence of layers.
type shape struct {
	layers []int // indexes in table.layers
	start  []int // first column of each layer
	cols   int
}

// value is one value of a field, left-aligned.
type value struct {
	s    string // at most maxValueBytes
	bits int
	num  uint64 // the first 64 bits
}

// space is the set of values of a field. Ports of device and application share
// one. Id 0 is "computed".
type space struct {
	ids  map[string]uint32
	vals []value
}

// row is one packet.
type row struct {
	shape int32 // -1: no Rule can describe it
	dir   uint8
	at    int    // in table.vals: the ids of all columns, then the end of each layer in bits
	bits  uint32 // of all headers
}

// table holds the packets that were sampled.
type table struct {
	layers   []layer
	layerKey map[string]int
	shapes   []shape
	shapeKey map[string]int
	spaces   []space
	spaceOf  map[schc.FID]int
	vals     []uint32
	rows     []row // learned from
	held     []row // held out
	bytes    int
	full     bool

	ports   []uint16
	probes  map[probeKey]*probe
	fields  []schc.Field
	key     []byte
	buf     []byte
	noShape int // packets that no Rule can describe
	clipped int // packets described only in part, because of a limit
}

func newTable(ports []uint16) *table {
	return &table{layerKey: map[string]int{}, shapeKey: map[string]int{}, spaceOf: map[schc.FID]int{},
		probes: map[probeKey]*probe{}, ports: ports}
}

// keep reports whether a field that the parser found becomes a column, and in
// which group and form.
func keep(f schc.FID) (group, form uint8, ok bool) {
	switch f {
	case schc.FIDIPv6SrcAddress, schc.FIDIPv6DstAddress, schc.FIDIPv4SrcAddress, schc.FIDIPv4DstAddress,
		schc.FIDUDPSrcPort, schc.FIDUDPDstPort, schc.FIDUDPLiteSrcPort, schc.FIDUDPLiteDstPort,
		schc.FIDTCPSrcPort, schc.FIDTCPDstPort, schc.FIDSCTPSrcPort, schc.FIDSCTPDstPort,
		schc.FIDCoAPCodeClass, schc.FIDCoAPCodeDetail, schc.FIDICMPv6Payload:
		return 0, 0, false
	case schc.FIDIPv6TrafficClass:
		return 1, 0, true
	case schc.FIDIPv6DSCP, schc.FIDIPv6ECN:
		return 1, 1, true
	case schc.FIDIPv6DevPrefix, schc.FIDIPv6DevIID:
		return 2, 0, true
	case schc.FIDIPv6DevAddress:
		return 2, 1, true
	case schc.FIDIPv6AppPrefix, schc.FIDIPv6AppIID:
		return 3, 0, true
	case schc.FIDIPv6AppAddress:
		return 3, 1, true
	case schc.FIDIPv4DSCP, schc.FIDIPv4ECN:
		return 1, 0, true
	case schc.FIDIPv4TOS:
		return 1, 1, true
	case schc.FIDCoAPOption(9):
		return 4, 0, true
	case schc.FIDCoAPOSCOREFlags, schc.FIDCoAPOSCOREPIV, schc.FIDCoAPOSCOREKIDContext, schc.FIDCoAPOSCOREKID:
		return 4, 1, true
	}
	if f >= schc.FIDCoAPOptDelta && f <= schc.FIDCoAPMarker {
		return 0, 0, false
	}
	return 0, 0, true
}

// order returns the place of a field in its header, uplink: that of its first
// bit, of two forms the one that RFC 9363 names first.
func order(f schc.FID) int {
	switch f {
	case schc.FIDIPv6DevAddress:
		return int(schc.FIDIPv6DevPrefix)*8 + 1
	case schc.FIDIPv6AppAddress:
		return int(schc.FIDIPv6AppPrefix)*8 + 1
	case schc.FIDCoAPOSCOREFlags, schc.FIDCoAPOSCOREPIV, schc.FIDCoAPOSCOREKIDContext, schc.FIDCoAPOSCOREKID:
		return int(schc.FIDCoAPOption(9))*8 + 1 + int(f-schc.FIDCoAPOSCOREFlags)
	}
	return int(f) * 8
}

// swapped returns the field that f becomes when device and application change
// roles, f itself if it is not a port.
func swapped(f schc.FID) schc.FID {
	switch f {
	case schc.FIDUDPDevPort, schc.FIDUDPLiteDevPort, schc.FIDTCPDevPort, schc.FIDSCTPDevPort:
		return f + 1
	case schc.FIDUDPAppPort, schc.FIDUDPLiteAppPort, schc.FIDTCPAppPort, schc.FIDSCTPAppPort:
		return f - 1
	}
	return f
}

// sizeField reports whether f is a length that can be computed but that is as
// often described by its value.
func sizeField(f schc.FID) bool {
	switch f {
	case schc.FIDIPv4IHL, schc.FIDTCPDataOffset, schc.FIDIPv6HopByHopLength, schc.FIDIPv6DestinationLength,
		schc.FIDIPv6RoutingLength, schc.FIDIPv6MobilityLength:
		return true
	}
	return false
}

// computable reports whether Rules may compute f. COAP.TKL is left out: the
// token has its length from there.
func computable(f schc.FID) bool {
	switch f {
	case schc.FIDIPv6PayloadLength, schc.FIDIPv4TotalLength, schc.FIDIPv4Checksum, schc.FIDUDPLength, schc.FIDUDPChecksum,
		schc.FIDUDPLiteCoverage, schc.FIDUDPLiteChecksum, schc.FIDTCPChecksum, schc.FIDSCTPChecksum,
		schc.FIDICMPv6Checksum, schc.FIDICMPv4Checksum, schc.FIDSSECompactLength, schc.FIDSSELargeLength, schc.FIDSSEExtremeLength:
		return true
	}
	return sizeField(f)
}

// layerOf returns the index of the layer that the fields describe. The fields
// are those of one header.
func (t *table) layerOf(fields []schc.Field, pkt []byte) int {
	proto, pos := fields[0].ID.Protocol(), fields[0].Pos
	t.key = append(t.key[:0], byte(proto), pos)
	if proto == schc.ProtoICMPv6 {
		// Types 1 and 3 have an unused word that no field describes.
		if ty := pkt[fields[0].OffBits/8]; ty == 1 || ty == 3 {
			t.key = append(t.key, ty)
		}
	}
	for _, f := range fields {
		t.key = binary.BigEndian.AppendUint32(t.key, uint32(f.ID))
		t.key = append(t.key, f.Pos)
	}
	if i, ok := t.layerKey[string(t.key)]; ok {
		return i
	}
	l := layer{proto: proto, pos: pos}
	for _, f := range fields {
		group, form, ok := keep(f.ID)
		if !ok {
			continue
		}
		c := colSpec{fid: f.ID, pos: f.Pos, bits: f.ID.LenBits(), group: group, form: form, space: t.spaceIndex(f.ID)}
		switch {
		case sizeField(f.ID):
			flag := c
			flag.kind, flag.group, flag.form, flag.space = kindFlag, 5, 0, -1
			l.cols = append(l.cols, flag)
			c.group, c.form = 5, 1
		case computable(f.ID):
			c.kind = kindComputed
		}
		l.cols = append(l.cols, c)
	}
	for i := range l.cols {
		want := swapped(l.cols[i].fid)
		l.cols[i].mirror = i
		for j := range l.cols {
			if l.cols[j].fid == want && want != l.cols[i].fid {
				l.cols[i].mirror = j
			}
		}
	}
	i := len(t.layers)
	t.layers = append(t.layers, l)
	t.layerKey[string(t.key)] = i
	return i
}

func (t *table) spaceIndex(f schc.FID) int {
	if s := swapped(f); s < f {
		f = s
	}
	i, ok := t.spaceOf[f]
	if !ok {
		i = len(t.spaces)
		t.spaces = append(t.spaces, space{ids: map[string]uint32{}, vals: make([]value, 1)})
		t.spaceOf[f] = i
	}
	return i
}

// shapeOf returns the shape of a sequence of layers, or -1 if there are too
// many.
func (t *table) shapeOf(layers []int) int {
	t.key = t.key[:0]
	for _, l := range layers {
		t.key = binary.BigEndian.AppendUint32(t.key, uint32(l))
	}
	if i, ok := t.shapeKey[string(t.key)]; ok {
		return i
	}
	if len(t.shapes) >= maxShapes {
		return -1
	}
	s := shape{layers: slices.Clone(layers)}
	for _, l := range layers {
		s.start = append(s.start, s.cols)
		s.cols += len(t.layers[l].cols)
	}
	i := len(t.shapes)
	t.shapes = append(t.shapes, s)
	t.shapeKey[string(t.key)] = i
	return i
}

// intern returns the id of n bits of pkt at bit off as a value of space s.
func (t *table) intern(s int, pkt []byte, off, n int) uint32 {
	full := (n + 7) / 8
	kept := min(full, maxValueBytes)
	if cap(t.buf) < kept+4 {
		t.buf = make([]byte, maxValueBytes+4)
	}
	b := t.buf[:kept+4]
	clear(b)
	binary.BigEndian.PutUint32(b, uint32(n))
	bitio.Copy(b[4:], 0, pkt, off, min(n, kept*8))
	sp := &t.spaces[s]
	if id, ok := sp.ids[string(b)]; ok {
		return id
	}
	v := value{s: string(b[4:]), bits: n}
	var first [8]byte
	copy(first[:], v.s)
	v.num = binary.BigEndian.Uint64(first[:])
	id := uint32(len(sp.vals))
	sp.vals = append(sp.vals, v)
	sp.ids[string(b)] = id
	t.bytes += 2*kept + 120
	return id
}

// add parses a packet and appends it to the rows, or to those held out.
func (t *table) add(pkt []byte, dir int, held bool) {
	if t.full {
		return
	}
	var end int
	t.fields, end = schc.AppendFields(t.fields[:0], pkt, dirOf(dir), schc.ParseOptions{CoAPPorts: t.ports, Alternates: true})
	fields := t.fields
	var first [17]int // field with which each layer starts, and the end
	var ends [16]int  // of each layer, in bits
	n := 0
	for i := range fields {
		p := fields[i].ID.Protocol()
		if i > 0 {
			q := &fields[first[n-1]]
			if p == q.ID.Protocol() && (p == schc.ProtoCoAP || fields[i].Pos == q.Pos) {
				continue
			}
		}
		if n == len(ends) {
			break
		}
		if n > 0 {
			ends[n-1] = int(fields[i].OffBits)
		}
		first[n] = i
		n++
		first[n] = len(fields)
	}
	if n > 0 {
		ends[n-1] = end * 8
	}
	if n > 0 && fields[first[n-1]].ID.Protocol() == schc.ProtoCoAP {
		options := 0
		for _, f := range fields[first[n-1]:] {
			if _, ok := f.ID.CoAPOption(); ok {
				options++
			}
		}
		if options > maxOptions {
			n--
			t.clipped++
		}
	}
	// The deepest description that the engine can restore the packet from.
	var layers [16]int
	for i := 0; i < n; i++ {
		// In the same order in both directions.
		slices.SortFunc(fields[first[i]:first[i+1]], func(a, b schc.Field) int {
			if x, y := order(a.ID), order(b.ID); x != y {
				return x - y
			}
			return int(a.Pos) - int(b.Pos)
		})
		layers[i] = t.layerOf(fields[first[i]:first[i+1]], pkt)
	}
	for ; n > 0; n-- {
		s := t.shapeOf(layers[:n])
		if s < 0 {
			t.clipped++
			continue
		}
		pr := t.probe(s, dir)
		if failed, ok := pr.try(pkt); ok {
			t.addRow(pkt, fields, s, dir, held, ends[:n], uint32(end*8), failed)
			return
		}
	}
	t.noShape++
	t.addRow(pkt, nil, -1, dir, held, nil, uint32(end*8), nil)
}

func (t *table) addRow(pkt []byte, fields []schc.Field, s, dir int, held bool, ends []int, bits uint32, failed []schc.Field) {
	r := row{shape: int32(s), dir: uint8(dir), at: len(t.vals), bits: bits}
	if s >= 0 {
		sh := &t.shapes[s]
		i := 0 // fields of a layer are few: search from where the layer starts
		for _, li := range sh.layers {
			l := &t.layers[li]
			for i < len(fields) && (fields[i].ID.Protocol() != l.proto || l.proto != schc.ProtoCoAP && fields[i].Pos != l.pos) {
				i++
			}
			for c := range l.cols {
				t.vals = append(t.vals, t.cell(&l.cols[c], pkt, fields[i:], failed))
			}
		}
		for _, e := range ends {
			t.vals = append(t.vals, uint32(e))
		}
		t.bytes += (sh.cols+len(ends))*4 + 40
	}
	if held {
		t.held = append(t.held, r)
	} else {
		t.rows = append(t.rows, r)
	}
	t.full = t.bytes > maxTableBytes
}

// cell returns the id of the value of one column.
func (t *table) cell(c *colSpec, pkt []byte, fields, failed []schc.Field) uint32 {
	find := func(list []schc.Field) *schc.Field {
		for i := range list {
			if list[i].ID == c.fid && list[i].Pos == c.pos {
				return &list[i]
			}
		}
		return nil
	}
	if c.kind != kindValue {
		f := find(failed)
		switch {
		case f == nil:
			return 0
		case c.kind == kindFlag:
			return 1
		}
	}
	f := find(fields)
	if f == nil {
		return 0 // a part of OSCORE that is not there
	}
	return t.intern(c.space, pkt, int(f.OffBits), int(f.LenBits))
}
