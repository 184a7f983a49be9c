package ehc

import (
	"bytes"
	"math/rand"
	"reflect"
	"testing"
)

func TestSelectors(t *testing.T) {
	dscp := Selector{Type: 241, DSCPs: []byte{1}}
	for _, tt := range []struct {
		name      string
		src, dst  []Selector
		protocols []uint8
		ok        bool
	}{
		{"one", []Selector{v6(17, 1, 1)}, []Selector{v6(17, 2, 2)}, []uint8{17}, true},
		{"any", []Selector{v6(0, 1, 1)}, []Selector{v6(0, 2, 2)}, nil, true},
		{"the protocol of one end", []Selector{v6(0, 1, 1)}, []Selector{v6(6, 2, 2)}, []uint8{6}, true},
		{"a list of protocols", []Selector{v6(17, 1, 1), v6(6, 1, 1), v6(1, 1, 1)}, []Selector{v6(6, 2, 2), v6(17, 2, 2)}, []uint8{17, 6}, true},
		{"with TS_DSCP", []Selector{v6(17, 1, 1), dscp}, []Selector{v6(17, 2, 2)}, []uint8{17}, true},
		{"two protocols", []Selector{v6(17, 1, 1)}, []Selector{v6(6, 2, 2)}, nil, false},
		{"two ranges", []Selector{v6(17, 1, 1), v6(17, 3, 3)}, []Selector{v6(17, 2, 2)}, nil, false},
		{"two IP versions", []Selector{v6(17, 1, 1)}, []Selector{v4(17, "0a000001", "0a000001")}, nil, false},
		{"OPAQUE", []Selector{v6(17, 1, 1, 0xffff, 0)}, []Selector{v6(17, 2, 2)}, nil, false},
		{"no addresses", []Selector{dscp}, []Selector{v6(17, 2, 2)}, nil, false},
	} {
		s, ok := selectors(tt.src, tt.dst)
		if ok != tt.ok || ok && !bytes.Equal(s.Protocols, tt.protocols) {
			t.Errorf("%s: %+v, %v", tt.name, s, ok)
		}
	}
}

func TestTS(t *testing.T) {
	list := []Selector{
		v6(17, 1, 9, 5683, 5684), v4(0, "0a000000", "0a0000ff"), {Type: 241, DSCPs: []byte{0, 10, 46}}, {Type: 9, Protocol: 5, Other: []byte{1, 2, 3}},
		v6(1, 0, 0, 0xffff, 0),
	}
	const want = "05000000" +
		"08110028 16331634 20010db8000000000000000000000001 20010db8000000000000000000000009" +
		"07000010 0000ffff 0a000000 0a0000ff" +
		"f1000007 000a2e" + "09050007 010203" +
		"08010028 ffff0000 20010db8000000000000000000000000 20010db8000000000000000000000000"
	got, err := AppendTS([]byte{7}, list, Numbers{})
	if err != nil || !bytes.Equal(got, append([]byte{7}, h(want)...)) {
		t.Fatalf("AppendTS = %x, %v, want %s", got, err, want)
	}
	back, err := ParseTS(nil, got[1:], Numbers{})
	if err != nil || !reflect.DeepEqual(back, list) {
		t.Errorf("ParseTS = %+v, %v", back, err)
	}
	for _, tt := range []struct {
		name, ts string
		want     Error
	}{
		{"nothing", "", ErrTruncated},
		{"no selector", "00000000", ErrMalformed},
		{"two where one is", "02000000 07000010 0000ffff 0a000000 0a0000ff", ErrTruncated},
		{"bytes behind it", "01000000 07000010 0000ffff 0a000000 0a0000ff 00", ErrMalformed},
		{"too long", "01000000 07000011 0000ffff 0a000000 0a0000ff", ErrTruncated},
		{"a length of IPv4 that cannot be", "01000000 0700000f 0000ffff 0a000000 0a0000", ErrMalformed},
		{"no length", "01000000 07000003", ErrMalformed},
		{"addresses upside down", "01000000 07000010 0000ffff 0a000001 0a000000", ErrMalformed},
		{"ports upside down", "01000000 07000010 00020001 0a000001 0a000001", ErrMalformed},
		{"no DSCP", "01000000 f1000004", ErrMalformed},
		{"DSCPs not in order", "01000000 f1000006 0201", ErrMalformed},
		{"a DSCP twice", "01000000 f1000006 0101", ErrMalformed},
		{"a DSCP too large", "01000000 f1000005 40", ErrMalformed},
	} {
		if got, err := ParseTS(nil, h(tt.ts), Numbers{}); class(err) != tt.want || got != nil {
			t.Errorf("%s: %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	for _, s := range [][]Selector{nil, make([]Selector, 256), {{Type: 7}}, {{Type: 241}}, {v6(0, 2, 1)}} {
		if got, err := AppendTS([]byte{1}, s, Numbers{}); class(err) != ErrMalformed || len(got) != 1 {
			t.Errorf("AppendTS(%+v) = %x, %v", s, got, err)
		}
	}
}

func TestNarrow(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewSource(seed))
	random := func() Selector {
		lo, hi := byte(r.Intn(8)), byte(r.Intn(8))
		p, q := uint16(r.Intn(4)), uint16(r.Intn(4))
		return v6([]uint8{0, 6, 17}[r.Intn(3)], min(lo, hi), max(lo, hi), min(p, q), max(p, q))
	}
	// packets of a selector: protocol, last byte of the address, port.
	packets := func(s *Selector) map[[3]int]bool {
		m := map[[3]int]bool{}
		for _, proto := range []int{6, 17} {
			if s.Protocol != 0 && int(s.Protocol) != proto {
				continue
			}
			for a := int(s.Start.Bytes()[15]); a <= int(s.End.Bytes()[15]); a++ {
				for port := int(s.StartPort); port <= int(s.EndPort); port++ {
					m[[3]int{proto, a, port}] = true
				}
			}
		}
		return m
	}
	for i := 0; i < 3000; i++ {
		offered, allowed := []Selector{random(), random()}, []Selector{random(), random()}
		got, ok := narrow(offered, allowed, TSIPv6Range)
		union := func(list []Selector) map[[3]int]bool {
			m := map[[3]int]bool{}
			for i := range list {
				for k := range packets(&list[i]) {
					m[k] = true
				}
			}
			return m
		}
		o, a := union(offered), union(allowed)
		some := false
		for k := range o {
			some = some || a[k]
		}
		if ok != some {
			t.Fatalf("seed %d: narrow(%v, %v) = %v, %v", seed, offered, allowed, got, ok)
		}
		if !ok {
			continue
		}
		mine := packets(&got)
		for k := range mine {
			if !o[k] || !a[k] {
				t.Fatalf("seed %d: narrow(%v, %v) = %v, which is too much", seed, offered, allowed, got)
			}
		}
		// "a subset that includes the initiator's first choices", where all of
		// them are allowed by one selector.
		if first := packets(&offered[0]); len(first) > 0 && (offered[0].within(&allowed[0]) || offered[0].within(&allowed[1])) {
			for k := range first {
				if !mine[k] {
					t.Fatalf("seed %d: narrow(%v, %v) = %v without %v", seed, offered, allowed, got, k)
				}
			}
		}
	}
}
