package pcapio

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestMeta(t *testing.T) {
	v24 := Format{Major: 2, Minor: 4}
	for _, m := range []Meta{
		{Role: RolePass, Format: v24, FCSLen: -1},
		{Role: RoleUp, Iface: 7, LinkType: 1, EtherType: 0x88b5, FCSLen: 4, Rules: "00ff", Name: `e"th 0=x`, Description: "schckit role=up\nü\x00\xff",
			Format: Format{NG: true, BigEndian: true, Gzip: true, Major: 2, Minor: 4}},
		{Role: RoleDown, LinkType: 108, LinkHeader: []byte{0, 0, 0, 24}, FCSLen: 0,
			Format: Format{Nano: true, SnapLen: 1<<32 - 1, Major: 2, Minor: 3, LinkFlags: 0xf400, Zone: -3600, SigFigs: 9}},
	} {
		got, ok := ParseMeta(m.String())
		if !ok || !reflect.DeepEqual(got, m) {
			t.Errorf("ParseMeta(%q) = %+v, %v, want %+v", m.String(), got, ok, m)
		}
	}
	const minimal = "schckit role=up iface=0 original=pcap-us-le linktype=1"
	if m, ok := ParseMeta(minimal + " future=1 other=\"a b\""); !ok || m.Role != RoleUp {
		t.Errorf("unknown keys: %+v, %v", m, ok)
	}
	for _, s := range []string{"", "eth0", "schckit", "schckit ", "schckit role=up", "schckit x",
		strings.Replace(minimal, "up", "sideways", 1), strings.Replace(minimal, "pcap-us", "pcap", 1),
		strings.Replace(minimal, "-le", "", 1), strings.Replace(minimal, "iface=0", "iface=-1", 1),
		minimal + " snaplen=x", minimal + " linkheader=0", minimal + ` name="x`, minimal + " version=2", minimal + " zone=a"} {
		if m, ok := ParseMeta(s); ok {
			t.Errorf("ParseMeta(%q) = %+v", s, m)
		}
	}
	if Role(0).String() != "unset" || Role(9).String() != "unset" {
		t.Error("Role.String")
	}
}

func TestDerive(t *testing.T) {
	format := Format{NG: true, Major: 2, Minor: 4}
	eth := &Interface{LinkType: LinkTypeEthernet, SnapLen: 96, Name: "eth0", Description: "the first", Resolution: 12,
		TimeOffset: -5, Extra: []Option{{optFCSLen, []byte{4}}, {12, []byte("Linux")}}}
	null := &Interface{LinkType: LinkTypeNull, Resolution: Micro}
	header := []byte{0, 0, 0, 30}
	for _, tt := range []struct {
		in       *Interface
		role     Role
		link     LinkType
		name     string
		wantType uint16
		wantHead []byte
	}{
		{eth, RolePass, LinkTypeEthernet, "eth0", 0, nil},
		{eth, RoleUp, LinkTypeEthernet, "schc up", 0x88b5, nil},
		{eth, RoleDown, LinkTypeEthernet, "schc down", 0x88b5, nil},
		{null, RolePass, LinkTypeNull, "", 0, nil},
		{null, RoleUp, LinkTypeUser0, "schc up", 0, header},
	} {
		d := tt.in.Derive(tt.role, 3, format, 0x88b5, header)
		if d.LinkType != tt.link || d.Name != tt.name || d.Resolution != tt.in.Resolution {
			t.Errorf("%v %v: %+v", tt.in.LinkType, tt.role, d)
		}
		// Through a file.
		var out bytes.Buffer
		w := NewNgWriter(&out, "")
		if _, err := w.AddInterface(d); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		r, _ := mustReadAll(t, out.Bytes())
		orig, m, ok := r.Interfaces()[0].Original()
		if !ok || m.Role != tt.role || m.Iface != 3 || m.EtherType != tt.wantType || !bytes.Equal(m.LinkHeader, tt.wantHead) || m.Format != format {
			t.Errorf("Original: %+v, %v", m, ok)
		}
		if len(orig.Extra) == 2 && orig.Extra[0].Code != optFCSLen {
			orig.Extra[0], orig.Extra[1] = orig.Extra[1], orig.Extra[0]
		}
		if !reflect.DeepEqual(orig, *tt.in) {
			t.Errorf("Original = %+v, want %+v", orig, *tt.in)
		}
	}
	if _, _, ok := eth.Original(); ok {
		t.Error("Original of an interface that is one")
	}
	// Texts of any length still fit.
	f := &Interface{Name: strings.Repeat("\x00", 4<<10), Description: strings.Repeat("\xff", 65535)}
	d := f.Derive(RoleUp, 0, format, 1, nil)
	if _, err := NewNgWriter(&bytes.Buffer{}, "").AddInterface(d); err != nil {
		t.Error(err)
	}
}

// A capture of each kind goes through three derived interfaces and comes back.
func TestRestoreClassic(t *testing.T) {
	for _, o := range orders {
		b := smallPcap(o.order, magicNano)
		b = b[:len(b)-16-31] // without the record whose fraction is too long
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		var ng bytes.Buffer
		w := NewNgWriter(&ng, "")
		var p Packet
		for role := RolePass; r.Next(&p) == nil; role++ {
			i, err := w.AddInterface(p.Interface.Derive(role, p.Iface, r.Format(), 0x88b5, nil))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WritePacket(i, &p); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		r, err = NewReader(bytes.NewReader(ng.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		var pw Writer
		for r.Next(&p) == nil {
			orig, m, ok := p.Interface.Original()
			if !ok {
				t.Fatal("no Meta")
			}
			if pw == nil {
				if pw, err = NewWriter(&out, m.Format, ""); err != nil {
					t.Fatal(err)
				}
				if _, err := pw.AddInterface(orig); err != nil {
					t.Fatal(err)
				}
			}
			if err := pw.WritePacket(m.Iface, &p); err != nil {
				t.Fatal(err)
			}
		}
		pw.Flush()
		if !bytes.Equal(out.Bytes(), b) {
			t.Errorf("%s: restored %x, want %x", o.name, out.Bytes(), b)
		}
	}
}
