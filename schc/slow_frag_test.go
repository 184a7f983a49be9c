package schc

import (
	"fmt"
	"hash/crc32"
	"strings"
)

// slowFrag is the readable reference for the messages of RFC 8724, Section
// 8.3: strings of '0' and '1', put together as the figures draw them. It knows
// nothing of Profile.
type slowFrag struct {
	id   RuleID
	f    Fragmentation
	dtag uint32
}

func bitsOf(v uint64, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%0*b", n, v&(1<<n-1))
}

func (s *slowFrag) l2() int {
	if s.f.L2WordBits == 0 {
		return 8
	}
	return int(s.f.L2WordBits)
}

func (s *slowFrag) pad(m string) string {
	return m + strings.Repeat("0", (s.l2()-len(m)%s.l2())%s.l2())
}

func (s *slowFrag) tags(w uint32) string {
	return bitsOf(uint64(s.id.Value), int(s.id.Bits)) + bitsOf(uint64(s.dtag), int(s.f.DTagBits)) + bitsOf(uint64(w), int(s.f.WBits))
}

// forward pads a message to L2 Words, or to the fixed length.
func (s *slowFrag) forward(m string) string {
	m = s.pad(m)
	if n := 8 * int(s.f.FragmentBytes); n > len(m) {
		m += strings.Repeat("0", n-len(m))
	}
	return m
}

func (s *slowFrag) header(m string) string {
	if s.f.HeaderPad {
		return s.pad(m)
	}
	return m
}

func (s *slowFrag) regular(w, fcn uint32, payload string) string {
	return s.forward(s.header(s.tags(w)+bitsOf(uint64(fcn), int(s.f.FCNBits))) + payload)
}

func (s *slowFrag) all1(w uint32, rcs uint64, payload string) string {
	u := int(s.f.RCSBits)
	if u == 0 {
		u = 32
	}
	return s.forward(s.header(s.tags(w)+strings.Repeat("1", int(s.f.FCNBits))+bitsOf(rcs, u)) + payload)
}

func (s *slowFrag) ackReq(w uint32) string {
	return s.forward(s.tags(w) + strings.Repeat("0", int(s.f.FCNBits)))
}

func (s *slowFrag) senderAbort() string {
	return s.forward(s.tags(1<<s.f.WBits-1) + strings.Repeat("1", int(s.f.FCNBits)))
}

// back pads a message in the other direction.
func (s *slowFrag) back(m string) string {
	m = s.pad(m)
	if n := 8 * int(s.f.AckBytes); n > len(m) {
		m += strings.Repeat("0", n-len(m))
	}
	return m
}

func (s *slowFrag) success(w uint32) string { return s.back(s.tags(w) + "1") }

func (s *slowFrag) receiverAbort() string {
	m := s.tags(1<<s.f.WBits-1) + "1"
	for len(m)%s.l2() != 0 {
		m += "1"
	}
	return s.back(m + strings.Repeat("1", s.l2()))
}

// failure is a SCHC ACK with C=0, or a Compound ACK, with the bitmaps whole.
func (s *slowFrag) failure(windows []uint32, bitmaps []string) string {
	m := s.tags(windows[0]) + "0"
	for i, b := range bitmaps {
		if i > 0 {
			m += bitsOf(uint64(windows[i]), int(s.f.WBits))
		}
		if i < len(bitmaps)-1 || s.f.FullLastBitmap {
			m += b
			continue
		}
		// The steps of Section 8.3.2.1, by the letter.
		head, tmp := len(m), m+b
		scissors := len(tmp)
		for scissors > head && tmp[scissors-1] == '1' {
			scissors--
		}
		for scissors%s.l2() != 0 && scissors < len(tmp) {
			scissors++
		}
		m = tmp[:scissors]
	}
	return s.back(m)
}

// crc is the default RCS of packet and padding, as bits.
func (s *slowFrag) crc(packet string, pad int) uint64 {
	b := packet + strings.Repeat("0", pad)
	return uint64(crc32.ChecksumIEEE(packBits(b)))
}

// packBits makes bytes of a string of bits, with zeros behind.
func packBits(s string) []byte {
	b := make([]byte, (len(s)+7)/8)
	for i, c := range s {
		if c == '1' {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return b
}

// unpackBits is its inverse.
func unpackBits(b []byte, n int) string {
	var s strings.Builder
	for i := 0; i < n; i++ {
		s.WriteByte('0' + b[i/8]>>(7-i%8)&1)
	}
	return s.String()
}
