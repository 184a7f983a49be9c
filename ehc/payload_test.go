package ehc

import (
	"bytes"
	"strings"
	"testing"
)

func TestPayloads(t *testing.T) {
	var c Chain
	if err := c.Add(PayloadNotify, h("00004007")); err != nil {
		t.Fatal(err)
	}
	if err := c.Add(PayloadNonce, h("0102")); err != nil {
		t.Fatal(err)
	}
	if c.First != PayloadNotify || !bytes.Equal(c.Bytes, h("2800000800004007 000000060102")) {
		t.Errorf("%d %x", c.First, c.Bytes)
	}
	if err := c.Add(PayloadNonce, make([]byte, 0xfffc)); class(err) != ErrMalformed || len(c.Bytes) != 14 {
		t.Errorf("a payload too long: %v", err)
	}
	for _, tt := range []struct {
		name, chain string
		first       uint8
		want        Error
	}{
		{"none", "", 0, 0},
		{"bytes and no payload", "00", 0, ErrMalformed},
		{"a payload and no bytes", "", 41, ErrTruncated},
		{"one missing", "29000004", 41, ErrTruncated},
		{"too short", "00000003", 41, ErrMalformed},
		{"bytes behind the last", "0000000400", 41, ErrMalformed},
		{"behind SK", "2900000400000004", PayloadSK, ErrMalformed},
		{"SK names what is inside", "29000004", PayloadSK, 0},
		{"too many", strings.Repeat("29000004", 65), 41, ErrRefused},
	} {
		l := NewPayloads(tt.first, h(tt.chain))
		var err error
		for ok := true; ok && err == nil; {
			_, ok, err = l.Next()
		}
		if class(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if n, err := ParseNotify(h("0304 4009 11223344 55")); err != nil || n.Protocol != 3 || n.Type != NotifyRekeySA || !bytes.Equal(n.SPI, h("11223344")) || !bytes.Equal(n.Data, h("55")) {
		t.Errorf("%+v, %v", n, err)
	}
	if n, err := ParseNotify(h("0300 4009")); err != nil || n.Protocol != 0 {
		t.Errorf("the protocol without an SPI: %+v, %v", n, err)
	}
	if _, err := ParseNotify(h("0304 4009 112233")); class(err) != ErrTruncated {
		t.Errorf("the SPI ends early: %v", err)
	}
	for _, n := range []Notify{{Protocol: 3}, {SPI: []byte{1}}, {Protocol: 3, SPI: make([]byte, 256)}} {
		if _, err := AppendNotify(nil, n); class(err) != ErrMalformed {
			t.Errorf("AppendNotify(%+v): %v", n, err)
		}
	}
	// An unknown payload is skipped, unless it is critical.
	p := ChildPolicy{}
	if _, err := p.parsePayloads(49, h("00000004")); err != nil {
		t.Errorf("an unknown payload: %v", err)
	}
	if _, err := p.parsePayloads(49, h("00800004")); class(err) != ErrUnsupported || err.(*NegotiationError).Notify != NotifyUnsupportedCriticalPayload {
		t.Errorf("a critical one: %v", err)
	}
	if _, err := p.parsePayloads(PayloadVendor, h("00800004")); err != nil {
		t.Errorf("a known one: %v", err)
	}
}
