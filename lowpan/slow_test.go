package lowpan

import (
	"bytes"
	"encoding/binary"
)

// The readable reference for the address forms of IPHC: 16-byte arrays, one
// bit at a time, one branch per row of RFC 6282, Section 3.1.1.

// slowIID is RFC 6282, Section 3.2.2, and the RFCs of the other link layers.
func slowIID(a Addr) (iid [8]byte, ok bool) {
	b := a.AppendBytes(nil)
	switch a.Kind {
	case AddrShort:
		return [8]byte{0, 0, 0, 0xff, 0xfe, 0, b[0], b[1]}, true
	case AddrExt:
		copy(iid[:], b)
		iid[0] ^= 2
		return iid, true
	case AddrIID:
		copy(iid[:], b)
		return iid, true
	case AddrEUI48:
		return [8]byte{b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]}, true
	case AddrBLE:
		return [8]byte{b[0], b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]}, true
	}
	return iid, false
}

// slowForm is one row of the tables: bits are SAC and SAM, or M, DAC and DAM,
// as they stand in the header.
type slowForm struct {
	bits   string
	inline []byte
	cid    int // -1: no context
}

// slowExpand restores the address of a form; ok is false if that is impossible.
func slowExpand(f slowForm, source bool, link Addr, tab *Table) (a [16]byte, ok bool) {
	prefix := [8]byte{0xfe, 0x80}
	iid, hasIID := slowIID(link)
	var iidInline [8]byte
	haveIID := true
	mode := f.bits
	if !source {
		if mode[0] == '1' {
			return slowMulticast(f, tab)
		}
		mode = mode[1:]
	}
	stateful := mode[0] == '1'
	switch mode[1:] {
	case "00":
		if stateful {
			return a, source // unspecified; reserved for the destination
		}
		copy(a[:], f.inline)
		return a, len(f.inline) == 16
	case "01":
		copy(iidInline[:], f.inline)
	case "10":
		iidInline = [8]byte{0, 0, 0, 0xff, 0xfe, 0, f.inline[0], f.inline[1]}
	case "11":
		iidInline, haveIID = iid, hasIID
	}
	copy(a[:8], prefix[:])
	copy(a[8:], iidInline[:])
	if !stateful {
		return a, haveIID
	}
	c, known := tab.Context(f.cid)
	if !known {
		return a, false
	}
	for i := 0; i < 128; i++ {
		switch {
		case i < int(c.PrefixLen): // covered by the context
			setBit(&a, i, bitOf(c.Prefix[:], i))
		case i >= 64: // a bit of the IID
			setBit(&a, i, bitOf(iidInline[:], i-64))
		default:
			setBit(&a, i, 0)
		}
	}
	return a, haveIID || c.PrefixLen == 128
}

func slowMulticast(f slowForm, tab *Table) (a [16]byte, ok bool) {
	b := f.inline
	switch f.bits {
	case "1000":
		copy(a[:], b)
	case "1001":
		a = [16]byte{0xff, b[0], 0, 0, 0, 0, 0, 0, 0, 0, 0, b[1], b[2], b[3], b[4], b[5]}
	case "1010":
		a = [16]byte{0xff, b[0], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b[1], b[2], b[3]}
	case "1011":
		a = [16]byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b[0]}
	case "1100":
		c, known := tab.Context(f.cid)
		if !known || c.PrefixLen > 64 {
			return a, false
		}
		a = [16]byte{0xff, b[0], b[1], c.PrefixLen}
		copy(a[4:12], c.Prefix[:8])
		copy(a[12:], b[2:])
	default:
		return a, false
	}
	return a, true
}

func bitOf(b []byte, i int) byte { return b[i/8] >> (7 - uint(i)%8) & 1 }

func setBit(a *[16]byte, i int, v byte) {
	a[i/8] = a[i/8]&^(0x80>>(uint(i)%8)) | v<<(7-uint(i)%8)
}

// slowForms are all forms that represent address a.
func slowForms(a [16]byte, source bool, link Addr, tab *Table) (forms []slowForm) {
	try := func(f slowForm) {
		if got, ok := slowExpand(f, source, link, tab); ok && got == a {
			forms = append(forms, f)
		}
	}
	m := ""
	if !source {
		m = "0"
	}
	if !source && a[0] == 0xff { // M=1 says that the destination is multicast
		try(slowForm{"1000", a[:], -1})
		try(slowForm{"1001", []byte{a[1], a[11], a[12], a[13], a[14], a[15]}, -1})
		try(slowForm{"1010", []byte{a[1], a[13], a[14], a[15]}, -1})
		try(slowForm{"1011", a[15:], -1})
		for cid := 0; cid < 16; cid++ {
			if c, ok := tab.Context(cid); ok && c.Compress {
				try(slowForm{"1100", []byte{a[1], a[2], a[12], a[13], a[14], a[15]}, cid})
			}
		}
		return forms
	}
	try(slowForm{m + "000", a[:], -1})
	try(slowForm{m + "001", a[8:], -1})
	try(slowForm{m + "010", a[14:], -1})
	try(slowForm{m + "011", nil, -1})
	if source {
		try(slowForm{"100", nil, -1})
	}
	for cid := 0; cid < 16; cid++ {
		if c, ok := tab.Context(cid); ok && c.Compress {
			try(slowForm{m + "101", a[8:], cid})
			try(slowForm{m + "110", a[14:], cid})
			try(slowForm{m + "111", nil, cid})
		}
	}
	return forms
}

// slowAddrs is the smallest number of bytes for both addresses of a packet,
// the context identifier extension included.
func slowAddrs(src, dst [16]byte, link Link, tab *Table) int {
	best := 99
	for _, s := range slowForms(src, true, link.Src, tab) {
		for _, d := range slowForms(dst, false, link.Dst, tab) {
			n := len(s.inline) + len(d.inline)
			if s.cid > 0 || d.cid > 0 {
				n++
			}
			if n < best {
				best = n
			}
		}
	}
	return best
}

// slowIPHC reads the IPHC header in front of frame: source and destination
// address, all other fields of the IPv6 header, and what remains.
func slowIPHC(frame []byte, link Link, tab *Table) (h [40]byte, rest []byte, ok bool) {
	bit := func(i int) string { return string('0' + rune(bitOf(frame, i))) }
	if len(frame) < 2 || frame[0]>>5 != 3 {
		return h, nil, false
	}
	tf, nh, hlim, cid := bit(3)+bit(4), bit(5), bit(6)+bit(7), bit(8)
	sac, sam := bit(9), bit(10)+bit(11)
	m, dac, dam := bit(12), bit(13), bit(14)+bit(15)
	in := frame[2:]
	short := false
	take := func(n int) []byte {
		if len(in) < n {
			short = true
			return make([]byte, n)
		}
		x := in[:n]
		in = in[n:]
		return x
	}
	sci, dci := 0, 0
	if cid == "1" {
		x := take(1)[0]
		sci, dci = int(x>>4), int(x&15)
	}
	var ecn, dscp, label uint32
	switch tf {
	case "00":
		x := take(4)
		ecn, dscp = uint32(x[0]>>6), uint32(x[0]&0x3f)
		label = binary.BigEndian.Uint32(x) & 0xfffff
	case "01":
		x := take(3)
		ecn = uint32(x[0] >> 6)
		label = uint32(x[0]&15)<<16 | uint32(x[1])<<8 | uint32(x[2])
	case "10":
		x := take(1)
		ecn, dscp = uint32(x[0]>>6), uint32(x[0]&0x3f)
	}
	binary.BigEndian.PutUint32(h[:], 6<<28|dscp<<22|ecn<<20|label)
	if nh == "0" {
		h[6] = take(1)[0]
	}
	switch hlim {
	case "00":
		h[7] = take(1)[0]
	case "01":
		h[7] = 1
	case "10":
		h[7] = 64
	case "11":
		h[7] = 255
	}
	size := map[string]int{"000": 16, "001": 8, "010": 2, "0000": 16, "0001": 8, "0010": 2,
		"101": 8, "110": 2, "0101": 8, "0110": 2, "1000": 16, "1001": 6, "1010": 4, "1011": 1, "1100": 6}
	src, ok1 := slowExpand(slowForm{sac + sam, take(size[sac+sam]), sci}, true, link.Src, tab)
	dst, ok2 := slowExpand(slowForm{m + dac + dam, take(size[m+dac+dam]), dci}, false, link.Dst, tab)
	copy(h[8:], src[:])
	copy(h[24:], dst[:])
	return h, in, ok1 && ok2 && !short
}

func sameHeader(a, b []byte) bool { return bytes.Equal(a[:4], b[:4]) && bytes.Equal(a[6:40], b[6:40]) }
