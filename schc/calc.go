package schc

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/inet"
)

// A computed field is described by one record of the program; these functions
// give its place and the value it must have, from the packet alone, so that
// the compressor's check and the decompressor's work are the same code.

// calcPlace returns the first bit and the width of the field of a record.
func (m *matcher) calcPlace(rec string) (bit, n int) {
	return int(m.elems[rec[1]%maxElems].off)*8 + (int(rec[12]) | int(rec[13])<<8), int(rec[14])
}

// restLength returns the value of the commonest computed fields, lengths in 16
// bits of all that follows; false for others. It is small enough to be inlined.
func (m *matcher) restLength(rec string, pkt []byte) (int, bool) {
	n := len(pkt) - int(m.elems[rec[1]%maxElems].off) - (int(rec[2]) | int(rec[3])<<8)
	if rec[0] == calcIPv6Length {
		n -= 40 // RFC 8200, Section 3: without the header
	}
	return n, calcRest>>(rec[0]&31)&1 != 0
}

const calcRest = 1<<calcIPv6Length | 1<<calcIPv4Length | 1<<calcUDPLength

// calcValue returns the value of the field of a record over pkt, and false if
// none can be: a length that the field cannot express.
func (m *matcher) calcValue(rec string, pkt []byte) (uint64, bool) {
	if n, ok := m.restLength(rec, pkt); ok {
		return uint64(n), n <= 0xffff
	}
	off := int(m.elems[rec[1]%maxElems].off) + (int(rec[2]) | int(rec[3])<<8)
	rest := len(pkt) - off
	switch rec[0] {
	case calcIPv4IHL, calcTCPOffset:
		n := m.calcSize(rec)
		return uint64(5 + n/4), n%4 == 0 && n <= 40
	case calcCoAPTKL:
		n := m.calcSize(rec)
		return uint64(n), n <= 8
	case calcExtLength:
		n := m.calcSize(rec)
		return uint64((n - 6) / 8), n >= 6 && (n-6)%8 == 0 && n <= 255*8+6
	case calcSSECompact:
		n := rest - 8 - int(m.img[imgICV])
		return uint64(n), n >= 0 && n <= 0xfff
	case calcSSELarge, calcSSEExtreme:
		n := rest - 16 - int(m.img[imgICV])
		if rec[0] == calcSSEExtreme {
			n -= 4
		}
		return uint64(n), n >= 0
	case calcIPv4Sum:
		n := int(pkt[off]&15) * 4
		if n < 20 || n > rest {
			return 0, false
		}
		h := pkt[off : off+n]
		return uint64(inet.Fold(inet.Sum(inet.Sum(0, h[:10]), h[12:]))), true
	case calcICMPv4Sum:
		h := pkt[off:]
		return uint64(inet.Fold(inet.Sum(inet.Sum(0, h[:2]), h[4:]))), true
	case calcSCTPSum:
		return uint64(inet.CRC32c(pkt[off:], 8)), true
	}
	return m.calcSum(rec, pkt)
}

// calcSize is the length in bytes of the field that a length field counts.
func (m *matcher) calcSize(rec string) int {
	if a := rec[9]; a != 0 {
		return int(m.elems[a%maxElems].n)
	}
	return int(rec[10]) | int(rec[11])<<8
}

// calcSum returns a checksum over a pseudo-header.
func (m *matcher) calcSum(rec string, pkt []byte) (uint64, bool) {
	off := int(m.elems[rec[1]%maxElems].off) + (int(rec[2]) | int(rec[3])<<8)
	h := pkt[off:]
	at := 6 // of the checksum in the header
	cover := len(h)
	switch rec[0] {
	case calcTCPSum:
		at = 16
	case calcICMPv6Sum:
		at = 2
	case calcUDPLiteSum:
		// RFC 3828, Section 3.1: 0 covers all; 1 to 7 are illegal.
		if c := int(binary.BigEndian.Uint16(h[4:])); c != 0 {
			if c < 8 || c > len(h) {
				return 0, false
			}
			cover = c
		}
	}
	// The checksum field counts as zero: what it adds is taken off again, which
	// in one's complement is adding its complement. The sum is never 0, so
	// there is one way to write it.
	s := inet.Add(0, uint32(len(h)>>16+len(h)&0xffff)+uint32(rec[8])+uint32(^binary.BigEndian.Uint16(h[at:])))
	addrs, n := int(m.elems[rec[5]%maxElems].off)+(int(rec[6])|int(rec[7])<<8)+12, 8
	switch Protocol(rec[4]) {
	case ProtoIPv6:
		addrs, n = addrs-4, 32
	case 0: // of the layer below
		ip := m.in.Outer[12:20]
		if m.in.Outer[0]>>4 == 6 {
			ip = m.in.Outer[8:40]
		}
		s, addrs, n = inet.Sum(s, ip), off, 0
	}
	if addrs+n == off {
		s = inet.Sum(s, pkt[addrs:off+cover])
	} else {
		s = inet.Sum(inet.Sum(s, pkt[addrs:addrs+n]), h[:cover])
	}
	f := inet.Fold(s)
	if f == 0 && (rec[0] == calcUDPSum || rec[0] == calcUDPLiteSum) {
		f = 0xffff // RFC 768: zero means that there is no checksum
	}
	return uint64(f), true
}

// verify reports whether every field that the computed-field records recs
// elide has the value that the decompressor will compute.
func (m *matcher) verify(recs string, pkt []byte) bool {
	for ; len(recs) >= recCalc; recs = recs[recCalc:] {
		rec := recs[:recCalc]
		bit, w := m.calcPlace(rec)
		if n, ok := m.restLength(rec, pkt); ok {
			if n != int(binary.BigEndian.Uint16(pkt[bit>>3:])) {
				return false
			}
			continue
		}
		var got uint64
		if w == 16 {
			got = uint64(binary.BigEndian.Uint16(pkt[bit>>3:]))
		} else {
			got = get(pkt, bit, w)
		}
		if kind := rec[0]; kind >= calcUDPSum {
			key := uint64(kind)<<48 | uint64(bit)
			if m.sumKey != key {
				want, ok := m.calcValue(rec, pkt)
				m.sumKey, m.sumOK = key, ok && want == got
			}
			if !m.sumOK {
				return false
			}
			continue
		}
		if want, ok := m.calcValue(rec, pkt); !ok || want != got {
			return false
		}
	}
	return true
}
