package lowpan

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestAddr(t *testing.T) {
	for _, v := range []struct {
		a     Addr
		bytes string
		iid   string
	}{
		{Addr{}, "", ""},
		{ShortAddr(0x1234), "1234", "000000fffe001234"},
		{ExtAddr(0x0011223344556677), "0011223344556677", "0211223344556677"},
		{Addr{AddrEUI48, 0x001122334455}, "001122334455", "021122fffe334455"},
		{BLEAddr([6]byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55}), "001122334455", "001122fffe334455"}, // RFC 7668, Section 3.2.2
		{Addr{AddrIID, 5}, "0000000000000005", "0000000000000005"},
	} {
		if b := v.a.AppendBytes([]byte("p")); !bytes.Equal(b[1:], mustHex(t, v.bytes)) || v.a.Len() != len(b)-1 {
			t.Errorf("%v: AppendBytes = %x, want %s", v.a, b, v.bytes)
		}
		iid, ok := v.a.IID()
		slow, ok2 := slowIID(v.a)
		if ok != (v.iid != "") || ok != ok2 || ok && (iid != binary.BigEndian.Uint64(mustHex(t, v.iid)) || iid != binary.BigEndian.Uint64(slow[:])) {
			t.Errorf("%v: IID = %016x, %v, want %s", v.a, iid, ok, v.iid)
		}
		if v.a.Kind <= AddrEUI48 {
			if a, err := ParseAddr(mustHex(t, v.bytes)); err != nil || a != v.a {
				t.Errorf("ParseAddr(%s) = %v, %v, want %v", v.bytes, a, err, v.a)
			}
		}
		if v.a.Kind.String() == "none" != (v.a.Kind == AddrNone) {
			t.Errorf("%d: %s", v.a.Kind, v.a.Kind)
		}
	}
	for _, n := range []int{1, 3, 4, 5, 7, 9} {
		if _, err := ParseAddr(make([]byte, n)); err != ErrMalformed {
			t.Errorf("ParseAddr of %d bytes: %v", n, err)
		}
	}
}

func TestEthernet(t *testing.T) {
	l := Link{Src: Addr{AddrEUI48, 0x021122334455}, Dst: Addr{AddrEUI48, 0x0266778899aa}}
	b, err := AppendEthernet(nil, l)
	if want := mustHex(t, "0266778899aa 021122334455 a0ed"); err != nil || !bytes.Equal(b, want) {
		t.Fatalf("AppendEthernet = %x, %v, want %x", b, err, want)
	}
	for _, tags := range []string{"", "81000001", "88a80001 81000001"} {
		b := mustHex(t, "0266778899aa 021122334455"+tags+"a0ed 7a33")
		got, p, err := ParseEthernet(b)
		if err != nil || got != l || !bytes.Equal(p, []byte{0x7a, 0x33}) {
			t.Errorf("ParseEthernet(%x) = %v, %x, %v", b, got, p, err)
		}
	}
	for _, v := range []struct {
		hex string
		err error
	}{
		{"0266778899aa 021122334455 a0", ErrTruncated},
		{"0266778899aa 021122334455 8100 0001 a0", ErrTruncated},
		{"0266778899aa 021122334455 86dd 60", ErrUnsupported},
		{"0266778899aa 021122334455 81000001 81000001 81000001 a0ed", ErrUnsupported},
	} {
		if _, _, err := ParseEthernet(mustHex(t, v.hex)); err != v.err {
			t.Errorf("ParseEthernet(%s): %v, want %v", v.hex, err, v.err)
		}
	}
	if b, err := AppendEthernet([]byte("p"), testLink); err != ErrMalformed || string(b) != "p" {
		t.Errorf("AppendEthernet with short addresses: %x, %v", b, err)
	}
}

func TestTAP(t *testing.T) {
	for _, v := range []struct {
		hex string
		fcs FCSKind
		err error
	}{
		{"00000400 6188", FCSNone, nil},
		{"00000c00 0000 0100 01 000000 6188", FCS16, nil},
		{"00001400 0300 0300 0b0000 00 0000 0100 02 000000 6188", FCS32, nil},
		{"00000900 0000 0100 01 6188", FCS16, nil}, // padding left out
		{"000004", 0, ErrTruncated},
		{"01000400 6188", 0, ErrUnsupported},
		{"00000300 6188", 0, ErrMalformed},
		{"00000c00 0000", 0, ErrTruncated},
		{"00000600 0000 6188", 0, ErrMalformed},
		{"00000800 0000 0100 6188", 0, ErrMalformed},
		{"00000c00 0000 0100 03 000000 6188", 0, ErrMalformed},
		{"00000800 0000 0000 6188", 0, ErrMalformed},
	} {
		f, fcs, err := ParseTAP(mustHex(t, v.hex))
		if err != v.err || fcs != v.fcs || err == nil && !bytes.Equal(f, []byte{0x61, 0x88}) {
			t.Errorf("ParseTAP(%s) = %x, %d, %v, want %d, %v", v.hex, f, fcs, err, v.fcs, v.err)
		}
	}
}

func TestL2CAP(t *testing.T) {
	f := L2CAP{Channel: 0x40, SDULen: 3, Payload: []byte{0x7a, 0x33, 0x3b}}
	b, err := AppendL2CAP(nil, f, true)
	if want := mustHex(t, "0500 4000 0300 7a333b"); err != nil || !bytes.Equal(b, want) {
		t.Fatalf("AppendL2CAP = %x, %v, want %x", b, err, want)
	}
	got, err := ParseL2CAP(append(b, 0xff), true)
	if err != nil || got.Channel != 0x40 || got.SDULen != 3 || !bytes.Equal(got.Payload, f.Payload) {
		t.Errorf("ParseL2CAP(%x) = %+v, %v", b, got, err)
	}
	b, _ = AppendL2CAP(nil, L2CAP{Channel: 4, Payload: []byte{1, 2}}, false)
	if got, err := ParseL2CAP(b, false); err != nil || !bytes.Equal(got.Payload, []byte{1, 2}) || len(b) != 6 {
		t.Errorf("ParseL2CAP(%x) = %+v, %v", b, got, err)
	}
	for _, v := range []struct {
		hex   string
		first bool
		err   error
	}{{"050040", false, ErrTruncated}, {"0500 4000 01020304", false, ErrTruncated}, {"0100 4000 01", true, ErrMalformed}, {"0500 4000 0200 010203", true, ErrMalformed}} {
		if _, err := ParseL2CAP(mustHex(t, v.hex), v.first); err != v.err {
			t.Errorf("ParseL2CAP(%s): %v, want %v", v.hex, err, v.err)
		}
	}
	if b, err := AppendL2CAP([]byte("p"), L2CAP{Payload: make([]byte, 65534)}, true); err != ErrShortBuffer || string(b) != "p" {
		t.Errorf("AppendL2CAP of 65534 bytes: %v", err)
	}
}
