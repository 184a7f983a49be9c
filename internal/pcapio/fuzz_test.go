package pcapio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"testing"
)

// Any input: no panic, documented errors only, and what was read is written
// and read again unchanged.
func FuzzReader(f *testing.F) {
	for _, o := range orders {
		f.Add(small(o.order))
		f.Add(smallPcap(o.order, magicMicro))
		f.Add(append(small(o.order), small(binary.BigEndian)...))
	}
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) && len(b) > 4096 {
			t.Skip("a compressed bomb takes long to read")
		}
		checkHostile(t, b)
		r, want, _ := readAll(bytes.NewReader(b))
		if r == nil {
			return
		}
		var out bytes.Buffer
		rewrite(t, b, NewNgWriter(&out, ""))
		_, got := mustReadAll(t, out.Bytes())
		sameRecords(t, got, want)
		if r.Format().NG || len(want) == 0 {
			return
		}
		out.Reset()
		w, err := NewPcapWriter(&out, r.Format())
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, b, w)
		_, got = mustReadAll(t, out.Bytes())
		sameRecords(t, got, want)
	})
}

// Whatever is found lies inside the frame, and the EtherType can be replaced and found.
func FuzzLocate(f *testing.F) {
	f.Add(uint16(1), coapFrame)
	f.Add(uint16(1), append(append([]byte(nil), coapFrame[:12]...), 0x81, 0, 0, 5, 8, 0, 0x45, 0, 0, 20))
	f.Add(uint16(0), []byte{30, 0, 0, 0, 0x60, 0, 0, 0, 0, 0})
	f.Add(uint16(113), append([]byte{0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0}, coapFrame[12:]...))
	f.Add(uint16(276), append([]byte{0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0}, coapFrame[14:]...))
	f.Add(uint16(101), coapFrame[14:])
	f.Fuzz(func(t *testing.T, link uint16, frame []byte) {
		frame = bytes.Clone(frame)
		lt := LinkType(link)
		if l, ok := LocateEtherType(lt, frame, 0x88b5); ok && (l.Off < 0 || l.Off+l.Len != len(frame)) {
			t.Fatalf("LocateEtherType(%d, %x) = %+v", link, frame, l)
		}
		l, ok := Locate(lt, frame)
		if !ok {
			if l != (Loc{}) {
				t.Fatalf("Locate(%d, %x) = %+v, false", link, frame, l)
			}
			return
		}
		if l.Off < 0 || l.Len <= 0 || l.Trailer < 0 || l.Off+l.Len+l.Trailer != len(frame) || l.TypeOff+2 > l.Off && l.TypeOff >= 0 ||
			frame[l.Off]>>4 != l.Version || l.Trailer > 0 && (l.Short || l.NoLength) {
			t.Fatalf("Locate(%d, %x) = %+v", link, frame, l)
		}
		checkSubstitution(t, lt, frame, l)
	})
}

// Any expression compiles or fails with a position inside it; a filter and its
// negation never both match; no packet makes it panic.
func FuzzFilter(f *testing.F) {
	for _, expr := range expressions {
		f.Add(expr, uint16(1), coapFrame)
	}
	f.Add("ip", uint16(101), coapFrame[14:])
	f.Add("vlan and tcp[tcp[12]>>2:4] = 5", uint16(0), coapFrame[10:])
	f.Fuzz(func(t *testing.T, expr string, link uint16, frame []byte) {
		flt, err := CompileFilter(expr)
		var fe *FilterError
		if err != nil {
			if !errors.As(err, &fe) || fe.Pos < 0 || fe.Pos > len(expr) || fe.Msg == "" {
				t.Fatalf("CompileFilter(%q): %v", expr, err)
			}
			return
		}
		p := &Packet{Data: frame, OrigLen: uint32(len(frame)), Interface: &Interface{LinkType: LinkType(link)}}
		match := flt.Match(p)
		if again, err := CompileFilter("(" + expr + ")"); err == nil && again.Match(p) != match {
			t.Fatalf("%q: another result in parentheses", expr)
		}
		if neg, err := CompileFilter("not (" + expr + ")"); err == nil && flt.test != nil && neg.Match(p) && match {
			t.Fatalf("%q: matches, and so does its negation", expr)
		}
	})
}

// FuzzMeta: what parses is written the same again.
func FuzzMeta(f *testing.F) {
	f.Add(Meta{Role: RoleUp, EtherType: 5, LinkHeader: []byte{1}, FCSLen: 4, Name: "x y", Format: Format{Zone: 1}}.String())
	f.Fuzz(func(t *testing.T, s string) {
		m, ok := ParseMeta(s)
		if !ok {
			return
		}
		again, ok := ParseMeta(m.String())
		if !ok || again.String() != m.String() {
			t.Fatalf("ParseMeta(%q) = %+v, again %+v", s, m, again)
		}
	})
}

// Seeds for FuzzReader that are too many for a list: prefixes of captures.
func TestCapturesHostile(t *testing.T) {
	for i, path := range captures(t) {
		info, err := os.Stat(path)
		if err != nil || info.Size() > 8<<10 || i%4 != 0 {
			continue
		}
		b := mustReadFile(t, path)
		_, want, _ := readAll(bytes.NewReader(b))
		for n := 0; n < len(b); n += 1 + n/256 {
			_, got, err := readAll(bytes.NewReader(b[:n]))
			if err == nil || len(got) > len(want) {
				t.Fatalf("%s cut at %d: %d packets, %v", path, n, len(got), err)
			}
			sameRecords(t, got, want[:len(got)])
			bad := bytes.Clone(b)
			bad[n] ^= byte(1 + n%255)
			checkHostile(t, bad)
		}
	}
}
