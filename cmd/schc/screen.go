package main

import (
	"encoding/binary"

	"github.com/schckit/schckit/schc"
)

// screen tells quickly that no Rule can match a packet in one direction: by the
// bits of the IP header that all Rules want alike, such as the device's prefix.
// It only saves time: most packets then need not be tried both ways.
type screen struct {
	// By direction and by whether the packet is IPv6.
	want [2][2]want
}

// want is what all Rules want of the first bytes of a packet.
type want struct {
	some        bool // there are Rules at all
	mask, value [5]uint64
}

// newScreen makes the screen for a set of Rules that start with IP.
func newScreen(rules []schc.Rule) *screen {
	var s screen
	for d := range s.want {
		for i := range rules {
			if rules[i].Nature != schc.NatureCompression {
				continue
			}
			w := wantOf(&rules[i], schc.DirUp+schc.Direction(d))
			for v6 := range s.want[d] {
				version := uint64(4 + 2*v6)
				if w.mask[0]>>60&(w.value[0]>>60^version) == 0 {
					s.want[d][v6].join(&w)
				}
			}
		}
	}
	return &s
}

// wantOf returns what one Rule wants of packets of direction dir.
func wantOf(r *schc.Rule, dir schc.Direction) want {
	// A header alone, to learn where its fields are.
	header := make([]byte, 40)
	header[0], header[6] = 0x60, 59
	if r.Fields[0].FID.Protocol() == schc.ProtoIPv4 {
		header = header[:20]
		header[0], header[9] = 0x45, 253
	}
	fields, _ := schc.AppendFields(nil, header, dir, schc.ParseOptions{Alternates: true})
	w := want{some: true}
	for i := range r.Fields {
		d := &r.Fields[i]
		if d.DI != 0 && d.DI != schc.DirBidirectional && d.DI != dir {
			continue
		}
		if d.FP > 1 || d.CDA == schc.CDACompute {
			continue // of an inner header; compared with what is computed
		}
		n := d.FID.LenBits()
		switch d.MO {
		case schc.MOEqual:
		case schc.MOMSB:
			n = min(n, int(d.MSB))
		default:
			continue
		}
		for _, f := range fields {
			if f.ID == d.FID && len(d.TV) == 1 {
				w.field(int(f.OffBits), int(f.LenBits), n, d.TV[0])
			}
		}
	}
	return w
}

// field adds the first n bits of a field of size bits, whose right-aligned value
// is tv.
func (w *want) field(off, size, n int, tv []byte) {
	for i := range n {
		bit := len(tv)*8 - size + i
		if bit < 0 {
			return
		}
		one := uint64(1) << (63 - (off+i)%64)
		w.mask[(off+i)/64] |= one
		if tv[bit/8]>>(7-bit%8)&1 != 0 {
			w.value[(off+i)/64] |= one
		}
	}
}

// join weakens w to what w and x both want.
func (w *want) join(x *want) {
	if !w.some {
		*w = *x
		return
	}
	for i := range w.mask {
		w.mask[i] &= x.mask[i] &^ (w.value[i] ^ x.value[i])
		w.value[i] &= w.mask[i]
	}
}

// may reports whether some Rule may match pkt in the direction of index d.
func (s *screen) may(d int, pkt []byte, version uint8) bool {
	w := &s.want[d][version>>1&1]
	if !w.some {
		return false
	}
	if len(pkt) < 40 {
		return true
	}
	var diff uint64
	for i := range w.mask {
		diff |= (binary.BigEndian.Uint64(pkt[8*i:]) ^ w.value[i]) & w.mask[i]
	}
	return diff == 0
}
