package pcapio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"
)

// A classic file comes back byte for byte.
func TestWritePcapIdentical(t *testing.T) {
	for _, o := range orders {
		for _, magic := range []uint32{magicMicro, magicNano} {
			w := &builder{order: o.order}
			w.u32(magic).u16(2, 3).u32(0xfffffff0, 7, 0, 0xf4000071)
			w.pcapRecord(0, 0, 0, nil).pcapRecord(math.MaxUint32, 999_999, 3, []byte("four")).pcapRecord(1, 2, 300, []byte{1})
			r, all := mustReadAll(t, w.b)
			var out bytes.Buffer
			pw, err := NewPcapWriter(&out, r.Format())
			if err != nil {
				t.Fatal(err)
			}
			rewrite(t, w.b, pw)
			if !bytes.Equal(out.Bytes(), w.b) {
				t.Errorf("%v: wrote %x, want %x", r.Format(), out.Bytes(), w.b)
			}
			// And by way of pcapng, with the format remembered.
			var ng bytes.Buffer
			rewrite(t, w.b, NewNgWriter(&ng, "test"))
			_, again := mustReadAll(t, ng.Bytes())
			sameRecords(t, again, all)
			out.Reset()
			f, ok := ParseMeta(Meta{Role: RolePass, Format: r.Format(), LinkType: 1}.String())
			if !ok {
				t.Fatal("ParseMeta")
			}
			if pw, err = NewPcapWriter(&out, f.Format); err != nil {
				t.Fatal(err)
			}
			rewrite(t, ng.Bytes(), pw)
			if !bytes.Equal(out.Bytes(), w.b) {
				t.Errorf("%v by pcapng: wrote %x, want %x", r.Format(), out.Bytes(), w.b)
			}
		}
	}
}

// A fraction of a second or more is carried; at the end of the range it stays.
func TestWritePcapFraction(t *testing.T) {
	w := (&builder{order: binary.LittleEndian}).pcapHeader(magicMicro, 0, 1)
	w.pcapRecord(7, 2_000_001, 0, nil).pcapRecord(math.MaxUint32, 2_000_001, 0, nil)
	var out bytes.Buffer
	pw, _ := NewPcapWriter(&out, Format{})
	rewrite(t, w.b, pw)
	want := (&builder{order: binary.LittleEndian}).pcapHeader(magicMicro, 0, 1)
	want.pcapRecord(9, 1, 0, nil).pcapRecord(math.MaxUint32, 2_000_001, 0, nil)
	if !bytes.Equal(out.Bytes(), want.b) {
		t.Errorf("wrote %x, want %x", out.Bytes(), want.b)
	}
}

func TestWritePcapng(t *testing.T) {
	for _, o := range orders {
		b := append(small(o.order), small(binary.BigEndian)...)
		r, want := mustReadAll(t, b)
		var out bytes.Buffer
		rewrite(t, b, NewNgWriter(&out, ""))
		r2, got := mustReadAll(t, out.Bytes())
		sameRecords(t, got, want)
		for i, f := range r.Interfaces() {
			if !reflect.DeepEqual(f, r2.Interfaces()[i]) {
				t.Errorf("interface %d: %+v, want %+v", i, r2.Interfaces()[i], f)
			}
		}
		// What the writer wrote once it writes again.
		var again bytes.Buffer
		rewrite(t, out.Bytes(), NewNgWriter(&again, ""))
		if !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Error("a second copy differs")
		}
	}
}

func TestWriteTimes(t *testing.T) {
	var out bytes.Buffer
	w := NewNgWriter(&out, "")
	var want []record
	for i, res := range []Resolution{0, 3, 6, 9, 12, 19, 127, 0x80, 0x8a, 0xbf, 0xff} {
		f := Interface{LinkType: LinkTypeRaw, Resolution: res, TimeOffset: int64(i-3) * math.MaxInt32}
		if _, err := w.AddInterface(f); err != nil {
			t.Fatal(err)
		}
		for _, ticks := range []uint64{0, 1, 1<<32 - 1, 1 << 63, math.MaxUint64} {
			p := Packet{Data: []byte{}, Iface: i, Ticks: ticks, OrigLen: math.MaxUint32, HasFlags: i&1 == 0, Flags: uint32(i)}
			if i&1 != 0 {
				p.Flags = 0
			}
			if err := w.WritePacket(i, &p); err != nil {
				t.Fatal(err)
			}
			want = append(want, record{p, f})
		}
	}
	w.Flush()
	_, got := mustReadAll(t, out.Bytes())
	sameRecords(t, got, want)
}

// Lengths around the size of the buffer.
func TestWriteSizes(t *testing.T) {
	var want []record
	for _, n := range []int{0, 1, 2, 3, 4, 5, writeBuffer - 61, writeBuffer - 60, writeBuffer - 33, writeBuffer - 32, writeBuffer - 28,
		writeBuffer - 1, writeBuffer, writeBuffer + 1, 3 * writeBuffer, 7} {
		want = append(want, record{Packet: Packet{Data: bytes.Repeat([]byte{byte(n)}, n), Flags: 1, HasFlags: true}})
	}
	f := Interface{LinkType: 1, Resolution: Micro}
	var ng, classic bytes.Buffer
	pw, _ := NewPcapWriter(&classic, Format{})
	writers := []Writer{NewNgWriter(&ng, ""), pw}
	for _, w := range writers {
		w.AddInterface(f)
		for i := range want {
			want[i].ifc = f
			if err := w.WritePacket(0, &want[i].Packet); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	_, got := mustReadAll(t, ng.Bytes())
	sameRecords(t, got, want)
	for i := range want {
		want[i].Flags, want[i].HasFlags = 0, false
	}
	_, got = mustReadAll(t, classic.Bytes())
	sameRecords(t, got, want)
}

func TestWriteRange(t *testing.T) {
	var out bytes.Buffer
	ng := NewNgWriter(&out, "")
	long := string(make([]byte, math.MaxUint16+1))
	for _, f := range []Interface{{Name: long}, {Description: long}, {Extra: []Option{{1, []byte(long)}}}} {
		if _, err := ng.AddInterface(f); err != ErrRange {
			t.Errorf("AddInterface: %v", err)
		}
	}
	if err := ng.WritePacket(0, &Packet{}); err != ErrRange {
		t.Errorf("no interface: %v", err)
	}
	if i, err := ng.AddInterface(Interface{}); i != 0 || err != nil {
		t.Errorf("AddInterface = %d, %v", i, err)
	}
	big := &Packet{Data: make([]byte, MaxPacketLen+1)}
	if err := ng.WritePacket(0, big); err != ErrRange {
		t.Errorf("long packet: %v", err)
	}

	if _, err := NewPcapWriter(&out, Format{NG: true}); err != ErrRange {
		t.Errorf("NewPcapWriter: %v", err)
	}
	pw, _ := NewPcapWriter(&out, Format{})
	if err := pw.Flush(); err != ErrRange {
		t.Errorf("no interface: %v", err)
	}
	pw.AddInterface(Interface{LinkType: 1})
	if i, err := pw.AddInterface(Interface{LinkType: 1}); i != 1 || err != nil {
		t.Errorf("same link type: %d, %v", i, err)
	}
	if _, err := pw.AddInterface(Interface{LinkType: 2}); err != ErrRange {
		t.Errorf("other link type: %v", err)
	}
	for _, tt := range []struct {
		res   Resolution
		off   int64
		ticks uint64
		ok    bool
	}{
		{Micro, 0, math.MaxUint32*1e6 + math.MaxUint32, true},
		{Micro, 0, math.MaxUint32*1e6 + math.MaxUint32 + 1, false},
		{Nano, 0, 1000, true}, {Nano, 0, 1001, false},
		{0, 0, 5, true}, {0, 0, math.MaxUint64, false},
		{0, -5, 5, true}, {0, -5, 4, false}, {0, 1 << 60, 4, false}, {0, math.MinInt64, 4, false},
		{30, 0, 0, true}, {30, 0, 1, false}, {12, 0, 3e6, true}, {12, 1, 3, false},
		{0x80, 0, 5, true}, {0x80, 0, math.MaxUint64, false}, {0x81, 0, 1, true}, {0x87, 0, 1, false}, {0x86, 0, 1, true},
		{0xc0, 0, 1 << 63, true}, {0xc0, 0, 1, false}, {0xff, 0, 1, false}, {0xff, 0, 0, true},
	} {
		err := pw.WritePacket(1, &Packet{Ticks: tt.ticks, Interface: &Interface{Resolution: tt.res, TimeOffset: tt.off}})
		if (err == nil) != tt.ok || err != nil && err != ErrRange {
			t.Errorf("%d at %#x%+d: %v, want %v", tt.ticks, tt.res, tt.off, err, tt.ok)
		}
	}
	if err := pw.WritePacket(2, &Packet{}); err != ErrRange {
		t.Errorf("unknown interface: %v", err)
	}
	if err := pw.WritePacket(0, big); err != ErrRange {
		t.Errorf("long packet: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write(p []byte) (int, error) { return len(p) / 2, w.err }

func TestWriteErrors(t *testing.T) {
	for _, fail := range []error{errors.New("full"), nil} {
		pw, _ := NewPcapWriter(failingWriter{fail}, Format{})
		for _, w := range []Writer{NewNgWriter(failingWriter{fail}, ""), pw} {
			if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
				t.Fatal(err)
			}
			p := &Packet{Data: make([]byte, 1000)}
			var err error
			for range 1000 {
				if err = w.WritePacket(0, p); err != nil {
					break
				}
			}
			if err == nil || fail != nil && err != fail || w.Flush() != err {
				t.Errorf("%T: %v, want %v", w, err, fail)
			}
		}
	}
}

func TestNewWriter(t *testing.T) {
	for _, f := range []Format{{}, {NG: true}} {
		var out bytes.Buffer
		w, err := NewWriter(&out, f, "app")
		if err != nil {
			t.Fatal(err)
		}
		w.AddInterface(Interface{LinkType: 1, Resolution: Micro})
		w.Flush()
		if r, _ := mustReadAll(t, out.Bytes()); r.Format().NG != f.NG {
			t.Errorf("NewWriter(%v) wrote %v", f, r.Format())
		}
	}
	// Without any interface or packet.
	var out bytes.Buffer
	NewNgWriter(&out, "").Flush()
	mustReadAll(t, out.Bytes())
}

func TestAllocs(t *testing.T) {
	b := big(t, true, 2000)
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	flt, err := CompileFilter("ip6 and udp port 5683 and not tcp[0] = 1 or len > 2000")
	if err != nil {
		t.Fatal(err)
	}
	w := NewNgWriter(&bytes.Buffer{}, "")
	w.AddInterface(Interface{})
	var p Packet
	n := testing.AllocsPerRun(1000, func() {
		if err := r.Next(&p); err != nil {
			panic(err)
		}
		if !flt.Match(&p) {
			panic("no match")
		}
		if _, ok := Locate(p.Interface.LinkType, p.Data); !ok {
			panic("no datagram")
		}
		if err := w.WritePacket(0, &p); err != nil {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("Next, Match, Locate, WritePacket: %v allocs per run, want 0", n)
	}
}
