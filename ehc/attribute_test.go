package ehc

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

func TestAttribute(t *testing.T) {
	for _, tt := range []struct {
		a    Attribute
		want string
	}{
		{Attribute{Type: 14, Short: true, Value: 128}, "800e0080"},
		{Attribute{Type: 0x7fff, Short: true, Value: 0xffff}, "ffffffff"},
		{Attribute{Type: 14, Data: []byte{1, 2, 3}}, "000e0003010203"},
		{Attribute{Type: 0, Data: []byte{}}, "00000000"},
	} {
		got, err := AppendAttribute([]byte{1}, tt.a)
		if err != nil || hex.EncodeToString(got) != "01"+tt.want {
			t.Errorf("AppendAttribute(%+v) = %x, %v", tt.a, got, err)
		}
		a, rest, err := ParseAttribute(append(got[1:], 9))
		if err != nil || !reflect.DeepEqual(a, tt.a) || !bytes.Equal(rest, []byte{9}) {
			t.Errorf("ParseAttribute(%x) = %+v, %x, %v", got[1:], a, rest, err)
		}
		for n := range got[1:] {
			if _, _, err := ParseAttribute(got[1 : 1+n]); class(err) != ErrTruncated {
				t.Errorf("ParseAttribute(%x): %v", got[1:1+n], err)
			}
		}
	}
	for _, a := range []Attribute{{Type: 0x8000}, {Data: make([]byte, 0x10000)}, {Short: true, Data: []byte{1}}} {
		if got, err := AppendAttribute([]byte{1}, a); class(err) != ErrMalformed || len(got) != 1 {
			t.Errorf("AppendAttribute(%d): %x, %v", a.Type, got, err)
		}
	}
}
