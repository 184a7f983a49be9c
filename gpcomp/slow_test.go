package gpcomp

import (
	"fmt"
	"strings"
)

// slowLZS decodes LZS as RFC 2395, Section 2.2 writes it, on a string of '0' and
// '1'. ok is false for anything but strings, then the end marker.
func slowLZS(code []byte) (payload []byte, ok bool) {
	var sb strings.Builder
	for _, c := range code {
		fmt.Fprintf(&sb, "%08b", c)
	}
	bits := sb.String()
	take := func(n int) int {
		if len(bits) < n {
			bits, n = "", 0
			ok = false
			return -1
		}
		v := 0
		for _, c := range bits[:n] {
			v = 2*v + int(c-'0')
		}
		bits = bits[n:]
		return v
	}
	ok = true
	for ok {
		if strings.HasPrefix(bits, "110000000") {
			return payload, true
		}
		if take(1) == 0 {
			if b := take(8); ok {
				payload = append(payload, byte(b))
			}
			continue
		}
		size := 11
		if take(1) == 1 {
			size = 7
		}
		offset := take(size)
		length, found := 0, false
		for _, l := range slowLengths {
			if strings.HasPrefix(bits, l.code) {
				bits, length, found = bits[len(l.code):], l.length, true
				break
			}
		}
		if !found { // 23 and more: 1111 1111, then 15 for each 1111
			if take(8) != 255 {
				return nil, false
			}
			length = 23
			for {
				n := take(4)
				if n < 0 {
					return nil, false
				}
				if length += n; n != 15 {
					break
				}
			}
		}
		for ; length > 0; length-- {
			if offset <= 0 || offset > len(payload) {
				return nil, false
			}
			payload = append(payload, payload[len(payload)-offset])
		}
	}
	return nil, false
}

// slowLengths is the table of RFC 2395, Section 2.2.
var slowLengths = []struct {
	code   string
	length int
}{
	{"00", 2}, {"01", 3}, {"10", 4}, {"1100", 5}, {"1101", 6}, {"1110", 7},
	{"11110000", 8}, {"11110001", 9}, {"11110010", 10}, {"11110011", 11}, {"11110100", 12}, {"11110101", 13},
	{"11110110", 14}, {"11110111", 15}, {"11111000", 16}, {"11111001", 17}, {"11111010", 18}, {"11111011", 19},
	{"11111100", 20}, {"11111101", 21}, {"11111110", 22},
}

// slowLZSBits is the size in bits of the shortest LZS code for payload, end marker
// included: every length at every offset is tried.
func slowLZSBits(payload []byte) int {
	n := len(payload)
	cost := make([]int, n+1) // of payload[i:]
	cost[n] = 9
	for i := n - 1; i >= 0; i-- {
		cost[i] = 9 + cost[i+1]
		for offset := 1; offset <= 2047 && offset <= i; offset++ {
			size := 1 + 1 + 7
			if offset > 127 {
				size = 1 + 1 + 11
			}
			for l := 1; i+l <= n && payload[i+l-1] == payload[i+l-1-offset]; l++ {
				if l < 2 {
					continue
				}
				bits := 8 + 4*((l-8)/15)
				for _, s := range slowLengths {
					if s.length == l {
						bits = len(s.code)
					}
				}
				if l > 22 {
					bits = 12 + 4*((l-23)/15)
				}
				if c := size + bits + cost[i+l]; c < cost[i] {
					cost[i] = c
				}
			}
		}
	}
	return cost[0]
}
