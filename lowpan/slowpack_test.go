package lowpan

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"
)

// The readable reference for whole frames without GHC: one recursion over the
// headers, every result built from its parts (RFC 6282, Sections 3 and 4).

// slowPack compresses a packet: the smallest forms, at most left headers with
// NHC.
func slowPack(pkt []byte, link Link, tab *Table, opts Options) []byte {
	if int(pkt[4])<<8+int(pkt[5]) != len(pkt)-40 {
		return append([]byte{0x41}, pkt...)
	}
	left := 16
	return slowPackIPv6(pkt, link, tab, opts, &left)
}

func slowPackIPv6(pkt []byte, link Link, tab *Table, opts Options, left *int) []byte {
	tail, nhc := slowPackNext(pkt[6], pkt[40:], pkt, link, tab, opts, left)
	return append(slowPackIPHC(pkt, link, tab, nhc), tail...)
}

// slowPackIPHC is the IPHC header of the IPv6 header in front of pkt. Of address
// forms of equal size the first in the order of slowForms counts, and one
// without context identifiers before one with them.
func slowPackIPHC(pkt []byte, link Link, tab *Table, nhc bool) []byte {
	var best []byte
	for _, extension := range []bool{false, true} {
		for _, s := range slowForms([16]byte(pkt[8:24]), true, link.Src, tab) {
			for _, d := range slowForms([16]byte(pkt[24:40]), false, link.Dst, tab) {
				if (s.cid > 0 || d.cid > 0) != extension {
					continue
				}
				bits, inline := "011", []byte{}
				ecn, dscp := pkt[1]>>4&3, pkt[0]<<2&0x3f|pkt[1]>>6
				label := []byte{pkt[1] & 15, pkt[2], pkt[3]}
				noLabel := bytes.Equal(label, []byte{0, 0, 0})
				switch {
				case noLabel && ecn == 0 && dscp == 0:
					bits += "11"
				case noLabel:
					bits, inline = bits+"10", append(inline, ecn<<6|dscp)
				case dscp == 0:
					bits, inline = bits+"01", append(inline, ecn<<6|label[0], label[1], label[2])
				default:
					bits, inline = bits+"00", append(inline, ecn<<6|dscp, label[0], label[1], label[2])
				}
				if nhc {
					bits += "1"
				} else {
					bits, inline = bits+"0", append(inline, pkt[6])
				}
				switch pkt[7] {
				case 1:
					bits += "01"
				case 64:
					bits += "10"
				case 255:
					bits += "11"
				default:
					bits, inline = bits+"00", append(inline, pkt[7])
				}
				ids := []byte{}
				if extension {
					bits, ids = bits+"1", []byte{byte(max(s.cid, 0))<<4 | byte(max(d.cid, 0))}
				} else {
					bits += "0"
				}
				bits += s.bits + d.bits
				b := []byte{0, 0}
				for i, x := range bits {
					b[i/8] |= byte(x-'0') << (7 - uint(i)%8)
				}
				b = append(append(append(append(b, ids...), inline...), s.inline...), d.inline...)
				if best == nil || len(b) < len(best) {
					best = b
				}
			}
		}
	}
	return best
}

// slowPackNext codes what follows a header. nhc says that it begins with an NHC;
// then the header before it has no next header field. ip is the IPv6 header that
// it belongs to.
func slowPackNext(next byte, rest, ip []byte, link Link, tab *Table, opts Options, left *int) (b []byte, nhc bool) {
	u16 := func(b []byte) int { return int(b[0])<<8 | int(b[1]) }
	eids := map[byte]byte{0: 0, 43: 1, 44: 2, 60: 3, 135: 4}
	eid, isExt := eids[next]
	switch {
	case next == 17 && len(rest) >= 8 && u16(rest[4:]) == len(rest):
		src, dst, sum := rest[0:2], rest[2:4], rest[6:8]
		switch {
		case u16(src)&0xfff0 == 0xf0b0 && u16(dst)&0xfff0 == 0xf0b0:
			b = []byte{0xf3, src[1]<<4 | dst[1]&15}
		case src[0] == 0xf0:
			b = []byte{0xf2, src[1], dst[0], dst[1]}
		case dst[0] == 0xf0:
			b = []byte{0xf1, src[0], src[1], dst[1]}
		default:
			b = []byte{0xf0, src[0], src[1], dst[0], dst[1]}
		}
		if opts.ElideChecksum && slowChecksum(ip, rest) == u16(sum) {
			b[0] |= 4
		} else {
			b = append(b, sum...)
		}
		return append(b, rest[8:]...), true
	case next == 41 && len(rest) >= 40 && rest[0]>>4 == 6 && u16(rest[4:]) == len(rest)-40 && *left > 0:
		*left--
		return append([]byte{0xee}, slowPackIPv6(rest, slowInner(ip, link, opts.LinkIID), tab, opts, left)...), true
	case isExt && len(rest) >= 8 && *left > 0:
		n := 8
		if next != 44 {
			n += 8 * int(rest[1])
		}
		if n > len(rest) {
			return rest, false
		}
		var tail, content []byte
		more := false
		if next == 44 {
			content = rest[1:8]
			if u16(rest[2:])>>3 == 0 {
				*left--
				tail, more = slowPackNext(rest[0], rest[n:], ip, link, tab, opts, left)
			} else {
				tail = rest[n:]
			}
		} else {
			body := slowWithoutPad(next, rest[2:n])
			if len(body) > 255 {
				return rest, false
			}
			content = append([]byte{byte(len(body))}, body...)
			*left--
			tail, more = slowPackNext(rest[0], rest[n:], ip, link, tab, opts, left)
		}
		if more {
			b = append([]byte{0xe1 | eid<<1}, content...)
		} else {
			b = append([]byte{0xe0 | eid<<1, rest[0]}, content...)
		}
		return append(b, tail...), true
	}
	return rest, false
}

// slowInner is where a header nested in the IPv6 header ip takes IIDs from.
func slowInner(ip []byte, link Link, linkIID bool) Link {
	if linkIID {
		return link
	}
	link.Src = Addr{AddrIID, binary.BigEndian.Uint64(ip[16:])}
	if ip[24] != 0xff {
		link.Dst = Addr{AddrIID, binary.BigEndian.Uint64(ip[32:])}
	}
	return link
}

// slowChecksum is the UDP checksum with the bytes of the pseudo-header in a row.
func slowChecksum(ip, udp []byte) int {
	b := append([]byte{}, ip[8:40]...)
	b = append(b, 0, 0, byte(len(udp)>>8), byte(len(udp)), 0, 0, 0, 17)
	b = append(append(append(b, udp[:6]...), 0, 0), udp[8:]...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	sum := 0
	for i := 0; i < len(b); i += 2 {
		sum += int(b[i])<<8 | int(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum != 0xffff {
		sum ^= 0xffff // else what is sent instead of 0
	}
	return sum
}

// slowWithoutPad takes off the padding option that may be elided.
func slowWithoutPad(proto byte, options []byte) []byte {
	if proto != 0 && proto != 60 {
		return options
	}
	var list [][]byte
	for b := options; len(b) > 0; {
		n := 1
		if b[0] != 0 {
			if len(b) < 2 || len(b) < 2+int(b[1]) {
				return options
			}
			n = 2 + int(b[1])
		}
		list = append(list, b[:n])
		b = b[n:]
	}
	last := list[len(list)-1]
	single := len(list) == 1 || list[len(list)-2][0] > 1
	zero := len(last) < 2 || len(bytes.Trim(last[2:], "\x00")) == 0
	if last[0] > 1 || len(last) > 7 || !single || !zero {
		return options
	}
	return options[:len(options)-len(last)]
}

// slowUnpack restores a packet from what slowPack and others make: ok is false
// for what cannot be restored, ghc is true if it cannot say.
func slowUnpack(frame []byte, link Link, tab *Table, linkIID bool) (pkt []byte, ghc, ok bool) {
	if len(frame) > 0 && frame[0] == 0x41 {
		return frame[1:], false, len(frame) > 40 && frame[1]>>4 == 6
	}
	left := 16
	return slowUnpackIPv6(frame, link, tab, linkIID, &left)
}

func slowUnpackIPv6(frame []byte, link Link, tab *Table, linkIID bool, left *int) (pkt []byte, ghc, ok bool) {
	h, rest, ok := slowIPHC(frame, link, tab)
	if !ok {
		return nil, false, false
	}
	if frame[0]&4 != 0 {
		if h[6], rest, ghc, ok = slowUnpackNext(rest, h[:], link, tab, linkIID, left); !ok || ghc {
			return nil, ghc, ok
		}
	}
	h[4], h[5] = byte(len(rest)>>8), byte(len(rest))
	return append(h[:], rest...), false, true
}

// slowUnpackNext restores the header that the NHC in front of in stands for, and
// all behind it.
func slowUnpackNext(in, ip []byte, link Link, tab *Table, linkIID bool, left *int) (proto byte, out []byte, ghc, ok bool) {
	take := func(n int) []byte {
		if len(in) < n {
			ok = false
			return make([]byte, n)
		}
		b := in[:n]
		in = in[n:]
		return b
	}
	ok = true
	c := take(1)[0]
	switch {
	case !ok:
		return 0, nil, false, false
	case c&0xf8 == 0xb0, c&0xf8 == 0xd0, c == 0xdf:
		return 0, nil, true, true
	case c&0xf8 == 0xf0:
		var ports []byte
		switch c & 3 {
		case 0:
			ports = take(4)
		case 1:
			b := take(3)
			ports = []byte{b[0], b[1], 0xf0, b[2]}
		case 2:
			b := take(3)
			ports = []byte{0xf0, b[0], b[1], b[2]}
		case 3:
			b := take(1)
			ports = []byte{0xf0, 0xb0 | b[0]>>4, 0xf0, 0xb0 | b[0]&15}
		}
		sum := []byte{0, 0}
		if c&4 == 0 {
			sum = take(2)
		}
		n := 8 + len(in)
		out = append(append(append(append(out, ports...), byte(n>>8), byte(n)), sum...), in...)
		if c&4 != 0 && ok {
			s := slowChecksum(ip, out)
			out[6], out[7] = byte(s>>8), byte(s)
		}
		return 17, out, false, ok
	case c&0xfe == 0xee && *left > 0:
		*left--
		out, ghc, ok = slowUnpackIPv6(in, slowInner(ip, link, linkIID), tab, linkIID, left)
		return 41, out, ghc, ok
	case c&0xf0 == 0xe0 && c>>1&7 <= 4 && *left > 0:
		*left--
		proto = []byte{0, 43, 44, 60, 135}[c>>1&7]
		head := []byte{0, 0}
		if c&1 == 0 {
			head[0] = take(1)[0]
		}
		if proto == 44 {
			head = append(head[:1], take(7)...)
		} else {
			head = append(head, take(int(take(1)[0]))...)
			if len(head)%8 != 0 && proto != 0 && proto != 60 {
				return 0, nil, false, false
			}
			if n := 8 - len(head)%8; n == 1 {
				head = append(head, 0)
			} else if n < 8 {
				head = append(head, append([]byte{1, byte(n - 2)}, make([]byte, n-2)...)...)
			}
			head[1] = byte(len(head)/8 - 1)
		}
		if !ok {
			return 0, nil, false, false
		}
		if c&1 == 0 {
			return proto, append(head, in...), false, true
		}
		next, tail, ghc, ok := slowUnpackNext(in, ip, link, tab, linkIID, left)
		head[0] = next
		return proto, append(head, tail...), ghc, ok
	}
	return 0, nil, false, false
}

// TestSlowReference compares whole frames with the readable reference: what is
// compressed, byte for byte, and what is restored, from right frames and from
// damaged ones.
func TestSlowReference(t *testing.T) {
	const seed = 6000
	t.Logf("seeds from %d", seed)
	frames, damaged, bad := 0, 0, 0
	for s := int64(seed); s < seed+100; s++ {
		g := newGen(s)
		for i := 0; i < 40; i++ {
			pkt := g.packet(3)
			opts := Options{ElideChecksum: i&1 != 0, LinkIID: i&2 != 0}
			got, err := AppendCompress(nil, pkt, g.link, g.tab, opts)
			if want := slowPack(pkt, g.link, g.tab, opts); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: AppendCompress(%x, %v, %+v) = %x, %v, want %x", s, pkt, g.link, opts, got, err, want)
			}
			frames++
			for n := 0; n < 6; n++ {
				frame := append([]byte{}, got...)
				switch damage(g.Rand, &frame); {
				case n == 0:
					frame = got
				case frame[0]>>5 != 3 && frame[0] != 0x41:
					continue // another dispatch
				}
				damaged++
				want, ghc, ok := slowUnpack(frame, g.link, g.tab, opts.LinkIID)
				if ghc {
					continue
				}
				back, err := AppendDecompress(nil, frame, g.link, g.tab, opts)
				if ok != (err == nil) || ok && !bytes.Equal(back, want) {
					t.Fatalf("seed %d: AppendDecompress(%x, %v, %+v) = %x, %v, want %x, %v", s, frame, g.link, opts, back, err, want, ok)
				}
				if !ok {
					bad++
				}
			}
		}
	}
	t.Logf("%d packets; %d frames, %d of them cannot be restored", frames, damaged, bad)
}

// damage changes, cuts or doubles something near the start of a frame.
func damage(r *rand.Rand, b *[]byte) {
	switch at := r.Intn(min(len(*b), 60)); r.Intn(4) {
	case 0:
		(*b)[at] ^= 1 << r.Intn(8)
	case 1:
		(*b)[at] = byte(r.Intn(256))
	case 2:
		*b = (*b)[:at+1]
	case 3:
		*b = append((*b)[:at:at], (*b)[min(at+1, len(*b)-1):]...)
	}
}
