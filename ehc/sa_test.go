package ehc

import (
	"bytes"
	"strings"
	"testing"

	"github.com/schckit/schckit/esp"
)

func TestSA(t *testing.T) {
	// Two proposals, as the example of RFC 7296, Section 3.3, has them.
	const sa = "02 00 0044 01 03 04 06 052357bb" +
		"03 00 000c 01 00 000c 800e0080" + "03 00 000c 01 00 000c 800e00c0" + "03 00 0008 03 00 0002" + "03 00 0008 03 00 0005" + "03 00 0008 05 00 0001" + "00 00 0008 05 00 0000" +
		"00 00 0028 02 03 04 03 35a1d6f2" +
		"03 00 000c 01 00 0012 800e0080" + "03 00 0008 05 00 0001" + "00 00 0008 05 00 0000"
	list, err := ParseSA(nil, h(sa))
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	all := make([][]Transform, 2)
	for i := range list {
		list[i].Each(func(t Transform) { all[i] = append(all[i], t) })
	}
	again, err := AppendSA(nil, list, func(i int) []Transform { return all[i] })
	if err != nil || !bytes.Equal(again, h(sa)) {
		t.Errorf("AppendSA = %x, %v, want %s", again, err, sa)
	}
	if all[0][1] != (Transform{Type: TransformEncr, ID: 12, KeyBits: 192}) || list[1].Num != 2 || !bytes.Equal(list[1].SPI, h("35a1d6f2")) {
		t.Errorf("%+v", all)
	}
	p := ChildPolicy{SPI: 0x300, Algorithms: []esp.Algorithm{{Encr: esp.EncrAESCBC, KeyBits: 192, Integ: esp.IntegHMACSHA196}, {Encr: esp.EncrAESGCM8, KeyBits: 128}}, ESN: []bool{false, true}}
	out, s, spi, err := p.selectSA(nil, h(sa))
	if want := h("00 00 0028 01 03 04 03 00000300 03 00 000c 01 00 000c 800e00c0 03 00 0008 03 00 0002 00 00 0008 05 00 0000"); err != nil || !bytes.Equal(out, want) {
		t.Errorf("selectSA = %x, %v, want %x", out, err, want)
	}
	if s.alg != p.Algorithms[0] || s.esn || spi != 0x052357bb {
		t.Errorf("%+v, %x", s, spi)
	}
	const one = "00 00 0028 01 03 04 03 052357bb 03 00 000c 01 00 0014 800e0080 03 00 0008 03 00 0000 00 00 0008 05 00 0000"
	for _, tt := range []struct {
		name, from, to string
		want           Error // 0: it parses; the proposal is acceptable if ok
		ok             bool
	}{
		{"INTEG of NONE", "", "", 0, true},
		{"another last", "00 00 0028", "01 00 0028", ErrMalformed, false},
		{"a proposal too long", "00 00 0028", "00 00 0029", ErrTruncated, false},
		{"bytes behind it", "00 00 0028", "00 00 0027", ErrMalformed, false},
		{"fewer transforms", "04 03 0523", "04 02 0523", ErrMalformed, false},
		{"more transforms", "04 03 0523", "04 04 0523", ErrMalformed, false},
		{"a transform too short", "03 00 000c", "03 00 0007", ErrMalformed, false},
		{"an attribute ends early", "800e0080", "000e0080", ErrTruncated, false},
		{"an unknown attribute", "800e0080", "800f0080", 0, false},
		{"an unknown transform type", "0008 05", "0008 06", 0, false},
		{"HMAC with GCM", "03 00 0000", "03 00 000c", 0, false},
		{"no SPI", "04 03 052357bb", "00 03", ErrTruncated, false},
		{"a reserved SPI", "052357bb", "000000ff", 0, false},
		{"IKE", "01 03 04", "01 01 04", 0, false},
		{"no ESN transform", "05 00 0000", "03 00 0001", 0, false},
	} {
		text := strings.Replace(one, tt.from, tt.to, 1)
		p := ChildPolicy{SPI: 0x300}
		_, _, _, err := p.selectSA(nil, h(text))
		want := tt.want
		if want == 0 && !tt.ok {
			want = ErrRefused
		}
		if class(err) != want {
			t.Errorf("%s: %v, want %v", tt.name, err, want)
		}
	}
	for _, numbers := range [][2]string{{"02 03 04 03 35a1d6f2", "03 03 04 03 35a1d6f2"}, {"02 03 04 03 35a1d6f2", "01 03 04 03 35a1d6f2"}} {
		if _, err := ParseSA(nil, h(strings.Replace(sa, numbers[0], numbers[1], 1))); class(err) != ErrMalformed {
			t.Errorf("proposal numbers that do not follow each other: %v", err)
		}
	}
	if _, err := AppendSA(nil, []SAProposal{{Num: 1}, {Num: 3}}, func(int) []Transform { return make([]Transform, 1) }); class(err) != ErrMalformed {
		t.Errorf("AppendSA with numbers apart: %v", err)
	}
}
