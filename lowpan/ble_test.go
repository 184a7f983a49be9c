package lowpan

import (
	"bytes"
	"testing"
)

// A CONNECT_IND packet and a data packet of its connection. TestBluetoothTshark in
// internal/lowcap has tshark check CRCs of this kind.
const (
	bleConnectInd = "d6be898e 05 22 332211eeffc0 66554450a000 78563412 efcdab 000000000000000000000000000000 f0b3cb"
	bleData       = "78563412 02 05 010004000a f09a33"
	bleToneData   = "78563412 22 05 aa 010004000a 17c057" // with constant tone extension
)

func TestParseBLE(t *testing.T) {
	f, err := ParseBLE(mustHex(t, bleConnectInd), false)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := f.Connection()
	want := BLEConnection{0x12345678, 0xabcdef, Addr{AddrBLE, 0xc0ffee112233}, Addr{AddrBLE, 0x00a050445566}}
	if !ok || c != want || !f.CRCOK(0x555555) || f.CRCOK(0x555554) {
		t.Errorf("Connection = %+v, %v, CRC %v, want %+v", c, ok, f.CRCOK(0x555555), want)
	}
	for _, s := range []string{bleData, bleToneData} {
		b := mustHex(t, s)
		for _, coded := range []bool{false, true} {
			if coded { // an indicator behind the access address
				b = append(append(append([]byte{}, b[:4]...), 1), b[4:]...)
			}
			f, err := ParseBLE(append(b, 0xff), coded)
			if err != nil || f.Access != 0x12345678 || f.LLID() != BLEStart || !bytes.Equal(f.Payload, mustHex(t, "010004000a")) || !f.CRCOK(0xabcdef) {
				t.Errorf("ParseBLE(%x) = %+v, %v", b, f, err)
			}
			if _, ok := f.Connection(); ok {
				t.Errorf("ParseBLE(%x) begins a connection", b)
			}
			for n := range b {
				if _, err := ParseBLE(b[:n], coded); err != ErrTruncated {
					t.Errorf("ParseBLE(%x) of %d bytes: %v", b, n, err)
				}
			}
		}
	}
	// Advertising that begins no connection, and a CONNECT_IND that is too short.
	for _, s := range []string{"d6be898e 02 06 332211eeffc0 000000", "d6be898e 05 06 332211eeffc0 000000"} {
		if f, err := ParseBLE(mustHex(t, s), false); err != nil {
			t.Errorf("ParseBLE(%s): %v", s, err)
		} else if _, ok := f.Connection(); ok {
			t.Errorf("ParseBLE(%s) begins a connection", s)
		}
	}
}

func TestParseBLERadio(t *testing.T) {
	for _, v := range []struct {
		head string
		want BLERadio
		err  error
	}{
		{"25 00 00 00 00000000 0100", BLERadio{}, nil},
		{"25 00 00 00 00000000 0101", BLERadio{Direction: 1}, nil},
		{"25 00 00 00 00000000 8101", BLERadio{Direction: 2}, nil},
		{"25 00 00 00 00000000 0102", BLERadio{}, nil}, // isochronous
		{"25 00 00 00 00000000 0904", BLERadio{Decrypted: true, CRCKnown: true}, nil},
		{"25 00 00 00 00000000 010c", BLERadio{CRCKnown: true, CRCOK: true}, nil},
		{"25 00 00 00 00000000 0108", BLERadio{}, nil}, // not checked
		{"25 00 00 00 00000000 0181", BLERadio{Direction: 1, Coded: true}, nil},
		{"25 00 00 00 00000000 0000", BLERadio{}, ErrUnsupported},
		{"25 00 00 00 00000000 00", BLERadio{}, ErrTruncated},
	} {
		b := mustHex(t, v.head)
		p, r, err := ParseBLERadio(append(b, 1, 2, 3))
		if v.err == ErrTruncated {
			p, r, err = ParseBLERadio(b)
		}
		if err != v.err || r != v.want || err == nil && !bytes.Equal(p, []byte{1, 2, 3}) {
			t.Errorf("ParseBLERadio(%s) = %x, %+v, %v, want %+v, %v", v.head, p, r, err, v.want, v.err)
		}
	}
}

func TestParseL2CAPSignal(t *testing.T) {
	for _, v := range []struct {
		hex  string
		want L2CAPSignal
		err  error
	}{
		{"14 07 0a00 2300 4100 0005 4000 0900", L2CAPSignal{Code: L2CAPConnectRequest, Identifier: 7, SPSM: SPSMIPSP, Channel: 0x41}, nil},
		{"15 07 0a00 4200 0005 4000 0900 0200", L2CAPSignal{Code: L2CAPConnectResponse, Identifier: 7, Channel: 0x42, Result: 2}, nil},
		{"06 08 0400 4200 4100", L2CAPSignal{Code: L2CAPDisconnectRequest, Identifier: 8, Channel: 0x42, Other: 0x41}, nil},
		{"07 08 0400 4200 4100", L2CAPSignal{Code: L2CAPDisconnectResponse, Identifier: 8, Channel: 0x42, Other: 0x41}, nil},
		{"16 09 0400 4100 0100", L2CAPSignal{Code: 0x16, Identifier: 9}, nil}, // credits
		{"14 07 0900 2300 4100 0005 4000 09", L2CAPSignal{}, ErrMalformed},
		{"06 08 0300 4200 41", L2CAPSignal{}, ErrMalformed},
		{"14 07 0a00 2300", L2CAPSignal{}, ErrTruncated},
		{"14 07 0a", L2CAPSignal{}, ErrTruncated},
	} {
		if s, err := ParseL2CAPSignal(mustHex(t, v.hex)); s != v.want || err != v.err {
			t.Errorf("ParseL2CAPSignal(%s) = %+v, %v, want %+v, %v", v.hex, s, err, v.want, v.err)
		}
	}
}
