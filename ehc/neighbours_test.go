package ehc

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

func TestNeighbours(t *testing.T) {
	type result struct {
		got any
		err error
	}
	r := func(got any, err error) result { return result{got, err} }
	rekey := func(s string) result {
		spi, ike, err := ParseOptimizedRekey(h(s))
		return r([]any{spi, ike}, err)
	}
	for _, tt := range []struct {
		name string
		got  result
		want any // nil: an error
	}{
		{"DSCP", r(ParseDSCP(h("0a2e00"))), h("0a2e00")},
		{"DSCP, none", r(ParseDSCP(h(""))), h("")},
		{"DSCP too large", r(ParseDSCP(h("40"))), nil},
		{"DSCP twice", r(ParseDSCP(h("0a0a"))), nil},
		{"OPTIMIZED_REKEY, IKE", rekey("0102030405060708"), []any{uint64(0x0102030405060708), true}},
		{"OPTIMIZED_REKEY, Child", rekey("01020304"), []any{uint64(0x01020304), false}},
		{"OPTIMIZED_REKEY, reserved", rekey("000000ff"), nil},
		{"OPTIMIZED_REKEY, zero", rekey("0000000000000000"), nil},
		{"OPTIMIZED_REKEY, empty", rekey(""), nil},
		{"IPCOMP_SUPPORTED", r(ParseIPComp(h("012303"))), IPComp{CPI: 0x123, Transform: 3}},
		{"IPCOMP_SUPPORTED, attributes", r(ParseIPComp(h("012303aa"))), IPComp{CPI: 0x123, Transform: 3, Attributes: h("aa")}},
		{"IPCOMP_SUPPORTED, CPI 0", r(ParseIPComp(h("000003"))), nil},
		{"IPCOMP_SUPPORTED, short", r(ParseIPComp(h("0123"))), nil},
		{"LMAP", r(ParseLMAP(h("6fff0500"))), LMAP{IPVersion: 6, FragLen: 0x500}},
		{"LMAP, version 5", r(ParseLMAP(h("50000500"))), nil},
		{"LMAP, short", r(ParseLMAP(h("400005"))), nil},
		{"LMAP, long", r(ParseLMAP(h("4000050000"))), nil},
		{"PTB", r(ParsePTB(h("000005dc00010000"))), PTB{LMTU: 1500, EMTUR: 65536}},
		{"PTB, short", r(ParsePTB(h("000005dc000100"))), nil},
		{"PTB, long", r(ParsePTB(h("000005dc0001000000"))), nil},
		{"LMAP_AND_PTB_SUPPORTED", r(0, ParseEmpty(nil)), 0},
		{"LMAP_AND_PTB_SUPPORTED with data", r(0, ParseEmpty(h("00"))), nil},
	} {
		if tt.want == nil {
			if tt.got.err == nil {
				t.Errorf("%s: %v, want an error", tt.name, tt.got.got)
			}
		} else if tt.got.err != nil || !reflect.DeepEqual(tt.got.got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, tt.got.got, tt.got.err, tt.want)
		}
	}
	p := []byte{7}
	for _, tt := range []struct {
		name string
		got  result
		want string // "": an error
	}{
		{"DSCP", r(AppendDSCP(p, []byte{10})), "070a"},
		{"DSCP too large", r(AppendDSCP(p, []byte{64})), ""},
		{"OPTIMIZED_REKEY", r(AppendOptimizedRekey(p, 0x100, false)), "0700000100"},
		{"OPTIMIZED_REKEY, IKE", r(AppendOptimizedRekey(p, 1, true)), "070000000000000001"},
		{"OPTIMIZED_REKEY, too large", r(AppendOptimizedRekey(p, 1<<32, false)), ""},
		{"OPTIMIZED_REKEY, reserved", r(AppendOptimizedRekey(p, 1, false)), ""},
		{"IPCOMP_SUPPORTED", r(AppendIPComp(p, IPComp{CPI: 0x123, Transform: 2, Attributes: []byte{9}})), "0701230209"},
		{"IPCOMP_SUPPORTED, none", r(AppendIPComp(p, IPComp{CPI: 1})), ""},
		{"LMAP", r(AppendLMAP(p, LMAP{IPVersion: 4, FragLen: 1280})), "0740000500"},
		{"LMAP, no version", r(AppendLMAP(p, LMAP{})), ""},
		{"PTB", r(AppendPTB(p, PTB{LMTU: 1280, EMTUR: 1500}), nil), "0700000500000005dc"},
	} {
		if tt.want == "" {
			if class(tt.got.err) != ErrMalformed || !bytes.Equal(tt.got.got.([]byte), p) {
				t.Errorf("%s: %x, %v, want an error", tt.name, tt.got.got, tt.got.err)
			}
		} else if tt.got.err != nil || hex.EncodeToString(tt.got.got.([]byte)) != tt.want {
			t.Errorf("%s: %x, %v, want %s", tt.name, tt.got.got, tt.got.err, tt.want)
		}
	}
	l4, l6 := LMAP{IPVersion: 4, FragLen: 1300}, LMAP{IPVersion: 6, FragLen: 1300}
	if l4.AtomicPacket() != 1300 || l6.AtomicPacket() != 1340 || l6.TunnelPacket(40, 30) != 1270 || l4.TunnelPacket(1200, 200) != 0 {
		t.Error("sizes of packets")
	}
}
