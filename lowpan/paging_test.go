package lowpan

import (
	"bytes"
	"reflect"
	"testing"
)

func TestParseHeaders(t *testing.T) {
	short, long := ShortAddr(0x1234), ExtAddr(0x0011223344556677)
	for _, v := range []struct {
		hex     string
		h       Headers
		routing string
		payload string
	}{
		{"7a33 3b", Headers{Kind: KindIPHC}, "", "7a333b"},
		{"41 60", Headers{Kind: KindIPv6}, "", "4160"},
		{"44 01", Headers{Kind: KindSCHC}, "", "4401"},
		{"45 01", Headers{Kind: KindSCHCPointer}, "", "4501"},
		{"40 21", Headers{Kind: KindESC}, "", "4021"},
		{"3f", Headers{Kind: KindNALP}, "", "3f"},
		{"42", Headers{Kind: KindOther}, "", "42"},
		{"b3 1234 1234 7a", Headers{Kind: KindIPHC, HasMesh: true, Mesh: Mesh{3, short, short}}, "", "7a"},
		{"9e 0011223344556677 1234 7a", Headers{Kind: KindIPHC, HasMesh: true, Mesh: Mesh{14, long, short}}, "", "7a"},
		{"af 20 1234 0011223344556677", Headers{HasMesh: true, Mesh: Mesh{32, short, long}}, "", ""},
		{"50 07 c4d2 ffff 7a", Headers{Kind: KindIPHC, HasBroadcast: true, BroadcastSeq: 7, Fragment: Fragment{FragmentFirst, 0x4d2, 0xffff, 0}}, "", "7a"},
		{"e7ff 0001 ff 7a", Headers{Kind: KindFragment, Fragment: Fragment{FragmentNext, 0x7ff, 1, 2040}}, "", "7a"},
		{"c020 0001 f1 44", Headers{Kind: KindSCHC, Page: 1, Fragment: Fragment{FragmentFirst, 32, 1, 0}}, "", "44"},
		{"f1 83 05 05 7a33", Headers{Kind: KindIPHC, Page: 1}, "830505", "7a33"},
		{"f1 81 01 11112222 8005 00 1234 a1 06 40 44", Headers{Kind: KindSCHC, Page: 1, tunneled: true}, "810111112222 8005001234 a10640", "44"},
		{"f1 41", Headers{Kind: KindOther, Page: 1}, "", "41"},
		{"ff 7a", Headers{Kind: KindOther, Page: 15}, "", "7a"},
		{"f1 f0 41", Headers{Kind: KindIPv6}, "", "41"},
	} {
		b := mustHex(t, v.hex)
		got, err := ParseHeaders(b, 0)
		want := v.h
		want.Payload = mustHex(t, v.payload)
		if v.routing != "" {
			want.Routing = mustHex(t, v.routing)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseHeaders(%s) = %+v, %v, want %+v", v.hex, got, err, want)
		}
	}
	for _, v := range []struct {
		hex string
		err error
	}{
		{"", ErrTruncated},
		{"80", ErrTruncated},
		{"bf", ErrTruncated},
		{"b0 1234 12", ErrTruncated},
		{"50", ErrTruncated},
		{"c0 2000", ErrTruncated},
		{"e0 200000", ErrTruncated},
		{"f1 80", ErrTruncated},
		{"f1 80 04 00", ErrTruncated},
		{"f1 80 06", ErrUnsupported},
		{"f1 a0 06", ErrMalformed},
		{"f1 a2 09 01", ErrTruncated},
		{"f1 a1 09 01 f1 a1 09 01 7a", ErrUnsupported},
	} {
		if got, err := ParseHeaders(mustHex(t, v.hex), 0); err != v.err {
			t.Errorf("ParseHeaders(%s) = %+v, %v, want %v", v.hex, got, err, v.err)
		}
	}
	if h, _ := ParseHeaders([]byte{0x46, 1}, 0x46); h.Kind != KindSCHC {
		t.Errorf("configured SCHC dispatch: %v", h.Kind)
	}
	if b := AppendSCHC([]byte("p"), []byte{1, 2}, 0); !bytes.Equal(b, []byte{'p', 0x44, 1, 2}) {
		t.Errorf("AppendSCHC = %x", b)
	}
	if b := AppendSCHC(nil, []byte{1, 2}, 0x46); !bytes.Equal(b, []byte{0x46, 1, 2}) {
		t.Errorf("AppendSCHC = %x", b)
	}
	names := map[string]bool{}
	for k := KindNone; k <= KindOther; k++ {
		names[k.String()] = true
	}
	if len(names) != int(KindOther)+1 {
		t.Errorf("kinds: %v", names)
	}
}

func TestAppendMesh(t *testing.T) {
	for _, m := range []Mesh{
		{0, ShortAddr(1), ShortAddr(2)}, {14, ExtAddr(1), ShortAddr(2)}, {15, ShortAddr(1), ExtAddr(2)}, {255, ExtAddr(1), ExtAddr(2)},
	} {
		b, err := AppendMesh(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseHeaders(append(b, 0x7a), 0)
		if err != nil || !h.HasMesh || h.Mesh != m {
			t.Errorf("ParseHeaders(%x) = %+v, %v, want %+v", b, h, err, m)
		}
	}
	if b, err := AppendMesh([]byte("p"), Mesh{1, ShortAddr(1), Addr{}}); err != ErrMalformed || string(b) != "p" {
		t.Errorf("AppendMesh without an address: %x, %v", b, err)
	}
}

// TestRPI has the four forms of RFC 8138, Figures 10 to 13.
func TestRPI(t *testing.T) {
	for _, v := range []struct {
		hex string
		r   RPI
	}{
		{"8305 01", RPI{SenderRank: 0x100}},
		{"8205 0102", RPI{SenderRank: 0x102}},
		{"9105 05 01", RPI{Down: true, InstanceID: 5, SenderRank: 0x100}},
		{"8c05 05 0102", RPI{RankError: true, ForwardingError: true, InstanceID: 5, SenderRank: 0x102}},
	} {
		b := mustHex(t, v.hex)
		h, n, err := ParseLoRH(append(b, 0x7a))
		r, ok := h.RPI()
		if err != nil || n != len(b) || !ok || r != v.r {
			t.Errorf("ParseLoRH(%s) = %+v, %d, %v; RPI %+v, want %+v", v.hex, h, n, err, r, v.r)
		}
		if got := AppendRPI(nil, v.r); !bytes.Equal(got, b) {
			t.Errorf("AppendRPI(%+v) = %x, want %x", v.r, got, b)
		}
		if _, size := h.Hops(); size != 0 {
			t.Error("RPI has hops")
		}
		if _, _, ok := h.IPinIP(); ok {
			t.Error("RPI is IP-in-IP")
		}
	}
}

func TestLoRH(t *testing.T) {
	h, n, err := ParseLoRH(mustHex(t, "8202 00000001 00000002 00000003 ff"))
	hops, size := h.Hops()
	if err != nil || n != 14 || size != 4 || len(hops) != 12 || hops[11] != 3 {
		t.Errorf("SRH: %+v, %d, %v, hops %x of %d", h, n, err, hops, size)
	}
	if _, ok := h.RPI(); ok {
		t.Error("SRH is RPI")
	}
	h, n, err = ParseLoRH(mustHex(t, "a306 3f abcd"))
	hl, enc, ok := h.IPinIP()
	if err != nil || n != 5 || !ok || hl != 63 || !bytes.Equal(enc, []byte{0xab, 0xcd}) {
		t.Errorf("IP-in-IP: %+v, %d, %v", h, n, err)
	}
	if _, _, err := ParseLoRH([]byte{0x7a, 0}); err != ErrMalformed {
		t.Errorf("not a 6LoRH: %v", err)
	}
}
