package pcapio

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestReadPcap(t *testing.T) {
	for _, o := range orders {
		for _, magic := range []uint32{magicMicro, magicNano} {
			unit, res, name := uint64(1e6), Micro, "pcap-us-"+o.name
			if magic == magicNano {
				unit, res, name = 1e9, Nano, "pcap-ns-"+o.name
			}
			t.Run(name, func(t *testing.T) {
				r, all := mustReadAll(t, smallPcap(o.order, magic))
				f := r.Format()
				if f.String() != name || f.SnapLen != 65535 || f.LinkFlags != 0x1000 || f.Major != 2 || f.Minor != 4 {
					t.Errorf("Format = %+v", f)
				}
				ifc := Interface{LinkType: LinkTypeEthernet, SnapLen: 65535, Resolution: res}
				if !reflect.DeepEqual(*r.Interfaces()[0], ifc) {
					t.Errorf("interface %+v, want %+v", *r.Interfaces()[0], ifc)
				}
				long := []byte("longer than its original length")
				sameRecords(t, all, []record{
					{Packet{Data: []byte("abcde"), OrigLen: 60, Ticks: unit + 999_999}, ifc},
					{Packet{Ticks: math.MaxUint32 * unit}, ifc},
					{Packet{Data: long, OrigLen: 1, Ticks: 7*unit + 2_000_001}, ifc},
				})
				if !all[0].Snapped() || all[2].Snapped() {
					t.Error("Snapped")
				}
			})
		}
	}
}

func TestReadPcapng(t *testing.T) {
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			r, all := mustReadAll(t, small(o.order))
			if f := r.Format(); !f.NG || f.String() != "pcapng-"+o.name {
				t.Errorf("Format = %+v", f)
			}
			eth := Interface{LinkType: LinkTypeEthernet, SnapLen: 100, Name: "eth0", Description: "first", Resolution: Nano,
				Extra: []Option{{optFCSLen, []byte{4}}, {optSpeed, binary.LittleEndian.AppendUint64(nil, 1e9)}}}
			raw := Interface{LinkType: LinkTypeRaw, Resolution: 0x8a, TimeOffset: 1e9}
			if got := []Interface{*r.Interfaces()[0], *r.Interfaces()[1]}; !reflect.DeepEqual(got, []Interface{eth, raw}) {
				t.Errorf("interfaces %+v", got)
			}
			sameRecords(t, all, []record{
				{Packet{Data: []byte("abcde"), OrigLen: 60, Ticks: 1_700_000_000_123_456_789, Flags: 2, HasFlags: true}, eth},
				{Packet{Data: []byte{1, 2, 3}, OrigLen: 3, Iface: 1, Ticks: 5<<10 | 512}, raw},
				{Packet{Data: []byte("wxyz"), OrigLen: 4, NoTime: true}, eth},
				{Packet{Data: []byte("hi"), OrigLen: 9, Iface: 1, Ticks: 1024}, raw},
			})
			if !all[2].NoTime || all[1].NoTime {
				t.Error("NoTime")
			}
			if got, want := all[1].Time(), time.Unix(1_000_000_005, 5e8); !got.Equal(want) {
				t.Errorf("Time = %v, want %v", got, want)
			}
		})
	}
}

// A section of the other byte order follows; interfaces count from 0 again.
func TestReadSections(t *testing.T) {
	b := append(small(binary.LittleEndian), small(binary.BigEndian)...)
	r, all := mustReadAll(t, b)
	if len(r.Interfaces()) != 4 || len(all) != 8 {
		t.Fatalf("%d interfaces, %d packets", len(r.Interfaces()), len(all))
	}
	for i := range 4 {
		if all[i].Iface+2 != all[i+4].Iface || all[i].Ticks != all[i+4].Ticks {
			t.Errorf("packet %d of section 2: %+v", i, all[i+4].Packet)
		}
	}
	if r.Format().BigEndian {
		t.Error("Format is that of the second section")
	}
}

// Reads that come in pieces, compressed or not, give the same.
func TestReadPieces(t *testing.T) {
	plain := append(small(binary.BigEndian), small(binary.LittleEndian)...)
	_, want := mustReadAll(t, plain)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(plain[:100])
	z.Close()
	z.Reset(&zipped) // a second member
	z.Write(plain[100:])
	z.Close()
	for name, src := range map[string]io.Reader{
		"bytes":      iotest.OneByteReader(bytes.NewReader(plain)),
		"data+EOF":   iotest.DataErrReader(bytes.NewReader(plain)),
		"gzip":       bytes.NewReader(zipped.Bytes()),
		"gzip bytes": iotest.OneByteReader(bytes.NewReader(zipped.Bytes())),
	} {
		r, got, err := readAll(src)
		if err != io.EOF {
			t.Fatalf("%s: %v", name, err)
		}
		sameRecords(t, got, want)
		if r.Format().Gzip != strings.HasPrefix(name, "gzip") {
			t.Errorf("%s: Gzip = %v", name, r.Format().Gzip)
		}
	}
}

// A packet that is larger than the read buffer.
func TestReadLarge(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 300_000)
	w := &builder{order: binary.LittleEndian}
	w.pcapHeader(magicMicro, 0, 101)
	w.pcapRecord(1, 1, 5, []byte("first")).pcapRecord(2, 2, uint32(len(data)), data).pcapRecord(3, 3, 4, []byte("last"))
	_, all := mustReadAll(t, w.b)
	if len(all) != 3 || !bytes.Equal(all[1].Data, data) || string(all[2].Data) != "last" {
		t.Errorf("%d packets", len(all))
	}
	w = &builder{order: binary.LittleEndian}
	w.section().iface(101, 0, nil).block(77, func(b *builder) { b.bytes(data) }).packet(0, 1, 1, data, nil).packet(0, 2, 1, []byte("x"), nil)
	if _, all = mustReadAll(t, w.b); len(all) != 2 || !bytes.Equal(all[0].Data, data) {
		t.Errorf("%d packets", len(all))
	}
}

func TestReadErrors(t *testing.T) {
	le := func(f func(w *builder)) []byte {
		w := &builder{order: binary.LittleEndian}
		f(w)
		return w.b
	}
	ng := func(f func(w *builder)) []byte {
		return le(func(w *builder) { f(w.section().iface(1, 0, nil).packet(0, 0, 1, []byte{1}, nil)) })
	}
	pcap := func(f func(w *builder)) []byte {
		return le(func(w *builder) { f(w.pcapHeader(magicMicro, 65535, 1).pcapRecord(1, 2, 3, []byte("x"))) })
	}
	for _, tt := range []struct {
		name    string
		in      []byte
		want    Error
		packets int
	}{
		{"empty", nil, ErrFormat, 0},
		{"short", []byte{0xd4}, ErrFormat, 0},
		{"text", []byte("no capture at all, just text"), ErrFormat, 0},
		{"modified", le(func(w *builder) { w.pcapHeader(magicModified, 1, 1) }), ErrFormat, 0},
		{"pcap header cut", smallPcap(binary.LittleEndian, magicMicro)[:20], ErrFormat, 0},
		{"pcap version", le(func(w *builder) { w.u32(magicMicro).u16(3, 0).u32(0, 0, 0, 1) }), ErrFormat, 0},
		{"section cut", small(binary.LittleEndian)[:16], ErrFormat, 0},
		{"section magic", le(func(w *builder) {
			w.block(blockSectionHeader, func(b *builder) { b.u32(0, 0, 0, 0, 0) })
		}), ErrFormat, 0},
		{"section version", le(func(w *builder) {
			w.block(blockSectionHeader, func(b *builder) { b.u32(byteOrderMagic).u16(2, 0).u64(0) })
		}), ErrFormat, 0},
		{"gzip of nothing", []byte{0x1f, 0x8b}, ErrFormat, 0},
		{"record header cut", pcap(func(w *builder) { w.u32(1) }), ErrTruncated, 1},
		{"packet cut", pcap(func(w *builder) { w.u32(1, 2, 5, 5) }), ErrTruncated, 1},
		{"captured length", pcap(func(w *builder) { w.u32(1, 2, MaxPacketLen+1, 5) }), ErrCorrupt, 1},
		{"captured length below 0", pcap(func(w *builder) { w.u32(1, 2, 0xffffffff, 5) }), ErrCorrupt, 1},
		{"block header cut", ng(func(w *builder) { w.u32(6, 32) }), ErrTruncated, 1},
		{"block cut", ng(func(w *builder) { w.u32(6, 32, 0, 0) }), ErrTruncated, 1},
		{"skipped block cut", ng(func(w *builder) { w.u32(4, 1<<31, 0, 0) }), ErrTruncated, 1},
		{"block length 0", ng(func(w *builder) { w.u32(6, 0, 0, 0) }), ErrCorrupt, 1},
		{"block length odd", ng(func(w *builder) { w.u32(6, 33, 0, 0) }), ErrCorrupt, 1},
		{"block length huge", ng(func(w *builder) { w.u32(6, 0xfffffffc, 0, 0) }), ErrCorrupt, 1},
		{"block lengths differ", ng(func(w *builder) { w.u32(3, 16, 0, 20) }), ErrCorrupt, 1},
		{"skipped block lengths differ", ng(func(w *builder) { w.u32(4, 16, 0, 20) }), ErrCorrupt, 1},
		{"packet block too short", ng(func(w *builder) { w.u32(6, 16, 0, 16) }), ErrCorrupt, 1},
		{"old packet block too short", ng(func(w *builder) { w.u32(2, 16, 0, 16) }), ErrCorrupt, 1},
		{"simple packet block too short", ng(func(w *builder) { w.u32(3, 12, 12) }), ErrCorrupt, 1},
		{"interface block too short", ng(func(w *builder) { w.u32(1, 16, 0, 16) }), ErrCorrupt, 1},
		{"second section too short", ng(func(w *builder) { w.u32(blockSectionHeader, 16, byteOrderMagic, 16) }), ErrCorrupt, 1},
		{"second section magic", ng(func(w *builder) { w.u32(blockSectionHeader, 16, 0, 16) }), ErrCorrupt, 1},
		{"captured length over block", ng(func(w *builder) {
			w.block(6, func(b *builder) { b.u32(0, 0, 0, 5, 5, 0) })
		}), ErrCorrupt, 1},
		{"unknown interface", ng(func(w *builder) { w.packet(1, 0, 0, nil, nil) }), ErrCorrupt, 1},
		{"interface of last section", ng(func(w *builder) { w.section().packet(0, 0, 0, nil, nil) }), ErrCorrupt, 1},
		{"simple packet without interface", ng(func(w *builder) { w.section().u32(3, 16, 0, 16) }), ErrCorrupt, 1},
		{"interface option", ng(func(w *builder) {
			w.block(1, func(b *builder) { b.u32(1, 0).u16(2, 99).u32(0) })
		}), ErrCorrupt, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, all, err := readAll(bytes.NewReader(tt.in))
			if !errors.Is(err, tt.want) || len(all) != tt.packets {
				t.Errorf("%d packets, %v; want %d, %v", len(all), err, tt.packets, tt.want)
			}
		})
	}
}

func TestReadGzipErrors(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(smallPcap(binary.LittleEndian, magicMicro))
	z.Close()
	for cut := range b.Len() {
		if _, _, err := readAll(bytes.NewReader(b.Bytes()[:cut])); !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrFormat) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	bad := b.Bytes()
	bad[len(bad)-5] ^= 1 // the checksum
	if _, all, err := readAll(bytes.NewReader(bad)); !errors.Is(err, ErrCorrupt) || len(all) != 3 {
		t.Errorf("wrong checksum: %d packets, %v", len(all), err)
	}
}

// An error of the operating system is passed on as it is.
func TestReadOSError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, b := range [][]byte{nil, small(binary.LittleEndian), smallPcap(binary.BigEndian, magicNano)} {
		_, _, err := readAll(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)))
		if err != broken {
			t.Errorf("err = %v", err)
		}
	}
}

// Every prefix: no panic, all complete records first, and the right error.
func TestReadTruncated(t *testing.T) {
	for _, b := range [][]byte{small(binary.LittleEndian), small(binary.BigEndian), smallPcap(binary.LittleEndian, magicMicro)} {
		_, want := mustReadAll(t, b)
		for n := range b {
			_, got, err := readAll(bytes.NewReader(b[:n]))
			if err != io.EOF && !errors.Is(err, ErrTruncated) && !(n < sectionHeaderLen && errors.Is(err, ErrFormat)) {
				t.Fatalf("cut at %d: %v", n, err)
			}
			sameRecords(t, got, want[:len(got)])
		}
	}
}

// Every bit flipped: no panic and a documented error.
func TestReadFlipped(t *testing.T) {
	for _, b := range [][]byte{small(binary.LittleEndian), small(binary.BigEndian), smallPcap(binary.BigEndian, magicNano)} {
		for i := range b {
			for bit := range 8 {
				bad := bytes.Clone(b)
				bad[i] ^= 1 << bit
				checkHostile(t, bad)
			}
		}
	}
}

// checkHostile reads b, of any content, and checks what must always hold.
func checkHostile(t testing.TB, b []byte) {
	r, all, err := readAll(bytes.NewReader(b))
	if err != io.EOF && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
		t.Fatalf("reading %x: %v", b, err)
	}
	if r == nil {
		if !errors.Is(err, ErrFormat) {
			t.Fatalf("reading %x: %v without a Reader", b, err)
		}
		return
	}
	if !r.Format().Gzip && len(r.buf) > readBuffer {
		t.Fatalf("reading %d bytes: a buffer of %d", len(b), len(r.buf))
	}
	for i := range all {
		p := &all[i].Packet
		if p.Iface >= len(r.Interfaces()) || r.Interfaces()[p.Iface] != p.Interface || len(p.Data) > len(b) && !r.Format().Gzip {
			t.Fatalf("reading %x: packet %+v", b, p)
		}
		p.Time()
		p.Nanos()
	}
}

// A length that lies about 16 MiB allocates nothing.
func TestReadBoundedMemory(t *testing.T) {
	for _, b := range [][]byte{
		(&builder{order: binary.LittleEndian}).pcapHeader(magicMicro, 0, 1).u32(0, 0, MaxPacketLen, 0).b,
		(&builder{order: binary.LittleEndian}).section().u32(1, maxBlockLen, 0, 0).b,
	} {
		r, _, err := readAll(bytes.NewReader(b))
		if !errors.Is(err, ErrTruncated) || len(r.buf) > readBuffer {
			t.Errorf("%v, buffer of %d bytes", err, len(r.buf))
		}
	}
}

// Interface blocks without end stop at the limit.
func TestReadInterfaceLimit(t *testing.T) {
	w := (&builder{order: binary.LittleEndian}).section()
	one := (&builder{order: binary.LittleEndian}).iface(1, 0, nil).b
	src := io.MultiReader(bytes.NewReader(w.b), &repeat{b: one, n: maxInterfaces + 1})
	r, _, err := readAll(src)
	if !errors.Is(err, ErrCorrupt) || len(r.Interfaces()) != maxInterfaces {
		t.Errorf("%v after %d interfaces", err, len(r.Interfaces()))
	}
	one = (&builder{order: binary.LittleEndian}).iface(1, 0, func(b *builder) { b.option(3, make([]byte, 60000)) }).b
	if _, _, err = readAll(io.MultiReader(bytes.NewReader(w.b), &repeat{b: one, n: 1000})); !errors.Is(err, ErrCorrupt) {
		t.Errorf("long descriptions: %v", err)
	}
}

// repeat yields b n times.
type repeat struct {
	b      []byte
	n, off int
}

func (r *repeat) Read(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if r.n == 0 {
			return done, io.EOF
		}
		m := copy(p[done:], r.b[r.off:])
		done += m
		if r.off += m; r.off == len(r.b) {
			r.off = 0
			r.n--
		}
	}
	return done, nil
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.pcap")
	b := smallPcap(binary.LittleEndian, magicMicro)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	n := 0
	for ; r.Next(&p) == nil; n++ {
	}
	if n != 3 || r.Size() != int64(len(b)) || r.Offset() != int64(len(b)) || r.Info() == nil {
		t.Errorf("%d packets, size %d, offset %d", n, r.Size(), r.Offset())
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Next(&p); err != os.ErrClosed {
		t.Errorf("Next after Close: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if r, err = Open("-", bytes.NewReader(b)); err != nil || r.Size() != -1 || r.Info() != nil {
		t.Errorf("stdin: %v", err)
	}
	r.Close()
	if _, err = Open(filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err = Open(dir, nil); !errors.Is(err, ErrFormat) {
		t.Errorf("directory: %v", err)
	}
}

func TestResolution(t *testing.T) {
	for _, tt := range []struct {
		res   Resolution
		off   int64
		ticks uint64
		sec   int64
		nsec  uint32
	}{
		{0, 0, 7, 7, 0},
		{3, 0, 1234, 1, 234_000_000},
		{6, 0, 1_234_567, 1, 234_567_000},
		{9, -1, 1_234_567_890, 0, 234_567_890},
		{12, 0, 1_234_567_890_123, 1, 234_567_890},
		{19, 0, math.MaxUint64, 1, 844_674_407},
		{20, 0, math.MaxUint64, 0, 184_467_440},
		{28, 0, math.MaxUint64, 0, 1},
		{29, 0, math.MaxUint64, 0, 0},
		{127, 0, math.MaxUint64, 0, 0},
		{0x80, 0, 7, 7, 0},
		{0x80 | 10, 0, 1024 + 256, 1, 250_000_000},
		{0x80 | 63, 0, 1 << 63, 1, 0},
		{0x80 | 64, 0, 1 << 63, 0, 500_000_000},
		{0x80 | 65, 0, 1 << 63, 0, 250_000_000},
		{0xff, 0, math.MaxUint64, 0, 0},
		{0, 0, math.MaxUint64, math.MaxInt64, 0},
		{0, 5, math.MaxUint64, math.MaxInt64, 0},
		{0, math.MinInt64, 1, math.MinInt64 + 1, 0},
	} {
		f := Interface{Resolution: tt.res, TimeOffset: tt.off}
		if sec, nsec := f.Seconds(tt.ticks); sec != tt.sec || nsec != tt.nsec {
			t.Errorf("Seconds(%d) at %#x%+d = %d.%09d, want %d.%09d", tt.ticks, tt.res, tt.off, sec, nsec, tt.sec, tt.nsec)
		}
	}
	f := Interface{Resolution: Nano}
	if ns, ok := f.Nanos(1_700_000_000_123_456_789); ns != 1_700_000_000_123_456_789 || !ok {
		t.Errorf("Nanos = %d, %v", ns, ok)
	}
	if ns, ok := f.Nanos(math.MaxUint64); ns != math.MaxInt64 || ok {
		t.Errorf("Nanos = %d, %v", ns, ok)
	}
	f = Interface{TimeOffset: math.MinInt64}
	if ns, ok := f.Nanos(0); ns != math.MinInt64 || ok {
		t.Errorf("Nanos = %d, %v", ns, ok)
	}
}

func TestErrorTexts(t *testing.T) {
	for e := ErrFormat; e <= ErrFilter; e++ {
		if !strings.HasPrefix(e.Error(), "pcapio: ") || e.Error() == Error(99).Error() {
			t.Errorf("Error %d: %q", e, e.Error())
		}
	}
	err := error(&RecordError{Packet: 3, Off: 99, Msg: "why", Err: ErrCorrupt})
	if got, want := fmt.Sprint(err), "pcapio: damaged capture after packet 3, at byte 99: why"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
