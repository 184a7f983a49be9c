package ghc

// slowDecode is RFC 7400, Table 1, line by line: one buffer that starts with
// the dictionary, one byte at a time.
func slowDecode(dict *Dict, code []byte) (payload []byte, rest []byte, ok bool) {
	buf := append([]byte{}, dict[:]...)
	sa, na := 0, 0
	for len(code) > 0 {
		c := code[0]
		code = code[1:]
		switch {
		case c < 96: // 0kkkkkkk
			k := int(c)
			if len(code) < k {
				return nil, nil, false
			}
			buf = append(buf, code[:k]...)
			code = code[k:]
		case c>>4 == 8: // 1000nnnn
			for k := 0; k < int(c&0x0f)+2; k++ {
				buf = append(buf, 0)
			}
		case c == 0x90: // stop code
			return buf[DictLen:], code, true
		case c>>5 == 5: // 101nssss
			sa += int(c&0x0f) << 3
			na += int(c>>4&1) << 3
		case c>>6 == 3: // 11nnnkkk
			n := na + int(c>>3&7) + 2
			s := int(c&7) + sa + n
			sa, na = 0, 0
			for k := 0; k < n; k++ {
				at := len(buf) - s
				if at < 0 {
					return nil, nil, false
				}
				buf = append(buf, buf[at])
			}
		default:
			return nil, nil, false
		}
	}
	return buf[DictLen:], nil, true
}

// slowSize is the length of the shortest bytecode for payload, by breadth-first
// search over everything a decoder remembers: output position, sa and na. It
// makes no use of the argument in Encoder.plan.
func slowSize(dict *Dict, payload []byte) int {
	type state struct{ at, sa, na int }
	buf := append(append([]byte{}, dict[:]...), payload...)
	end := len(payload)
	maxS := len(buf)
	// waiting[c] are the states that cost c bytes.
	waiting := [][]state{{{0, 0, 0}}}
	seen := map[state]bool{}
	for cost := 0; ; cost++ {
		for i := 0; i < len(waiting[cost]); i++ {
			st := waiting[cost][i]
			if seen[st] {
				continue
			}
			seen[st] = true
			if st.at == end {
				return cost
			}
			push := func(c int, s state) {
				for len(waiting) <= cost+c {
					waiting = append(waiting, nil)
				}
				waiting[cost+c] = append(waiting[cost+c], s)
			}
			for k := 1; k < 96 && st.at+k <= end; k++ {
				push(1+k, state{st.at + k, st.sa, st.na})
			}
			for k := 2; k <= 17 && st.at+k <= end && payload[st.at+k-1] == 0; k++ {
				if k == 2 && payload[st.at] != 0 {
					break
				}
				push(1, state{st.at + k, st.sa, st.na})
			}
			for ssss := 0; ssss < 16; ssss++ {
				for n := 0; n < 2; n++ {
					s := state{st.at, st.sa + ssss<<3, st.na + n<<3}
					if s.sa <= maxS && s.na <= end {
						push(1, s)
					}
				}
			}
			for nnn := 0; nnn < 8; nnn++ {
				for kkk := 0; kkk < 8; kkk++ {
					n := st.na + nnn + 2
					s := kkk + st.sa + n
					from := DictLen + st.at - s
					if from < 0 || st.at+n > end {
						continue
					}
					if string(buf[from:from+n]) == string(payload[st.at:st.at+n]) {
						push(1, state{st.at + n, 0, 0})
					}
				}
			}
		}
	}
}
