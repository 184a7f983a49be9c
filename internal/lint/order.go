package lint

import "github.com/schckit/schckit/schc"

// place is where a field stands in an uplink packet, within its protocol.
type place struct {
	off, nth int
}

func (p place) before(q place) bool { return p.off < q.off || p.off == q.off && p.nth < q.nth }

// options is behind all fixed fields.
const options = 1 << 16

// places has the offsets of the fixed fields of each protocol.
type places map[schc.FID]int

// newPlaces parses a header of each protocol to learn where its fields are.
func newPlaces() places {
	at := places{}
	for p := schc.ProtoIPv6; p <= schc.ProtoCoAP; p++ {
		header := make([]byte, 64)
		switch p {
		case schc.ProtoIPv6:
			header[0], header[6] = 0x60, 59
		case schc.ProtoIPv4:
			header[0], header[9] = 0x45, 253
		case schc.ProtoTCP:
			header[12] = 0x50
		case schc.ProtoICMPv6:
			header[0] = 128
		case schc.ProtoICMPv4:
			header[0] = 8
		case schc.ProtoCoAP:
			header[0] = 0x40
		}
		fields, _ := schc.AppendFields(nil, header, schc.DirUp, schc.ParseOptions{Start: p, Alternates: true})
		for _, f := range fields {
			if _, ok := at[f.ID]; !ok && f.ID.Protocol() == p {
				at[f.ID] = int(f.OffBits)
			}
		}
	}
	return at
}

// of returns the place of a descriptor, if it has one of its own.
func (at places) of(d *schc.FieldDescriptor) (place, bool) {
	if n, ok := d.FID.CoAPOption(); ok {
		return place{options + int(n), max(int(d.FP), 1)}, d.FP != schc.FPAny
	}
	switch d.FID {
	case schc.FIDCoAPOSCOREFlags, schc.FIDCoAPOSCOREPIV, schc.FIDCoAPOSCOREKIDContext, schc.FIDCoAPOSCOREKID:
		return place{options + 9, int(d.FID)}, true // in the OSCORE option
	}
	off, ok := at[d.FID]
	return place{off, 0}, ok
}

// allPlaces never changes.
var allPlaces = newPlaces()

// order looks for the first field that is not in the order of the packet. Fields
// of different directions are not compared, and addresses and ports have the
// order of packets up. (The order of the protocols is checked by the Context.)
func (l *linter) order(i int) {
	r := &l.set.Rules[i]
	for _, dir := range []schc.Direction{schc.DirUp, schc.DirDown} {
		var prev *schc.FieldDescriptor
		var last place
		for j := range r.Fields {
			d := &r.Fields[j]
			if d.DI != 0 && d.DI != schc.DirBidirectional && d.DI != dir {
				continue
			}
			at, ok := allPlaces.of(d)
			if !ok {
				continue
			}
			if prev != nil && sameHeader(prev, d) && at.before(last) {
				l.add(FieldOrder, Warning, i, j, "described behind "+prev.FID.String()+", which it precedes in packets; residues are sent in the order of the Rule",
					"put the fields in the order of the packet, as other implementations may sort them")
				return
			}
			prev, last = d, at
		}
	}
}

// sameHeader reports whether two fields are in one header of a packet.
func sameHeader(a, b *schc.FieldDescriptor) bool {
	if a.FID.Protocol() != b.FID.Protocol() {
		return false
	}
	nth := func(d *schc.FieldDescriptor) uint8 {
		if _, option := d.FID.CoAPOption(); option {
			return 1
		}
		return max(d.FP, 1)
	}
	return nth(a) == nth(b)
}
