package pcapio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// captureDirs hold captures that the tests read, where they are there.
var captureDirs = []string{"../../../shared/captures", "../../testdata/captures"}

// captures returns every capture file of captureDirs, or skips the test.
func captures(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, dir := range captureDirs {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".pcap") || strings.HasSuffix(path, ".pcapng")) {
				files = append(files, path)
			}
			return nil
		})
	}
	if len(files) == 0 {
		t.Skipf("no captures in %s", strings.Join(captureDirs, " or "))
	}
	return files
}

// record is a copy of a packet and its interface.
type record struct {
	Packet
	ifc Interface
}

// readAll returns all packets up to the error that ended reading.
func readAll(src io.Reader) (r *Reader, all []record, err error) {
	if r, err = NewReader(src); err != nil {
		return nil, nil, err
	}
	for {
		var p Packet
		if err := r.Next(&p); err != nil {
			if again := r.Next(&p); again != err {
				panic("a second call of Next gives another error")
			}
			return r, all, err
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, record{p, *p.Interface})
	}
}

func mustReadAll(t testing.TB, b []byte) (*Reader, []record) {
	t.Helper()
	r, all, err := readAll(bytes.NewReader(b))
	if err != io.EOF {
		t.Fatalf("reading: %v, want EOF", err)
	}
	return r, all
}

func mustReadFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rewrite reads b and writes it again with w.
func rewrite(t testing.TB, b []byte, w Writer) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	n := 0
	for {
		err := r.Next(&p)
		for ; n < len(r.Interfaces()); n++ {
			if i, err := w.AddInterface(*r.Interfaces()[n]); err != nil || i != n {
				t.Fatalf("AddInterface = %d, %v, want %d", i, err, n)
			}
		}
		if err != nil {
			if err != io.EOF && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			break
		}
		if err := w.WritePacket(p.Iface, &p); err != nil {
			t.Fatalf("WritePacket: %v", err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// sameRecords compares everything that a writer must carry.
func sameRecords(t testing.TB, got, want []record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := &got[i], &want[i]
		if !bytes.Equal(g.Data, w.Data) || g.OrigLen != w.OrigLen || g.Ticks != w.Ticks ||
			g.Flags != w.Flags || g.HasFlags != w.HasFlags || g.Iface != w.Iface ||
			g.ifc.LinkType != w.ifc.LinkType || g.ifc.Resolution != w.ifc.Resolution || g.ifc.TimeOffset != w.ifc.TimeOffset {
			t.Fatalf("packet %d: %+v on %+v, want %+v on %+v", i, g.Packet, g.ifc, w.Packet, w.ifc)
		}
	}
}

// builder writes test captures in either byte order, independently of the writers.
type builder struct {
	b     []byte
	order binary.AppendByteOrder
}

func (w *builder) u16(v ...uint16) *builder {
	for _, x := range v {
		w.b = w.order.AppendUint16(w.b, x)
	}
	return w
}

func (w *builder) u32(v ...uint32) *builder {
	for _, x := range v {
		w.b = w.order.AppendUint32(w.b, x)
	}
	return w
}

func (w *builder) u64(v uint64) *builder {
	w.b = w.order.AppendUint64(w.b, v)
	return w
}

func (w *builder) bytes(v []byte) *builder {
	w.b = append(w.b, v...)
	for len(w.b)%4 != 0 {
		w.b = append(w.b, 0)
	}
	return w
}

func (w *builder) option(code uint16, v []byte) *builder {
	return w.u16(code, uint16(len(v))).bytes(v)
}

// block appends a pcapng block with the body that f writes.
func (w *builder) block(typ uint32, f func(*builder)) *builder {
	body := &builder{order: w.order}
	f(body)
	n := uint32(len(body.b) + 12)
	w.u32(typ, n)
	w.b = append(w.b, body.b...)
	return w.u32(n)
}

func (w *builder) section() *builder {
	return w.block(blockSectionHeader, func(b *builder) { b.u32(byteOrderMagic).u16(1, 0).u64(1<<64 - 1) })
}

func (w *builder) iface(link LinkType, snap uint32, options func(*builder)) *builder {
	return w.block(blockInterface, func(b *builder) {
		b.u16(uint16(link), 0).u32(snap)
		if options != nil {
			options(b)
			b.u16(optEnd, 0)
		}
	})
}

func (w *builder) packet(iface uint32, ticks uint64, orig uint32, data []byte, options func(*builder)) *builder {
	return w.block(blockEnhancedPacket, func(b *builder) {
		b.u32(iface, uint32(ticks>>32), uint32(ticks), uint32(len(data)), orig).bytes(data)
		if options != nil {
			options(b)
		}
	})
}

// pcapHeader appends the header of a classic file.
func (w *builder) pcapHeader(magic, snap, network uint32) *builder {
	return w.u32(magic).u16(2, 4).u32(0, 0, snap, network)
}

func (w *builder) pcapRecord(sec, frac, orig uint32, data []byte) *builder {
	w.u32(sec, frac, uint32(len(data)), orig)
	w.b = append(w.b, data...)
	return w
}

var orders = []struct {
	name  string
	order binary.AppendByteOrder
}{{"le", binary.LittleEndian}, {"be", binary.BigEndian}}

// small returns a small pcapng file with every kind of block.
func small(order binary.AppendByteOrder) []byte {
	w := &builder{order: order}
	w.section()
	w.iface(LinkTypeEthernet, 100, func(b *builder) {
		b.option(optName, []byte("eth0")).option(optDescription, []byte("first"))
		b.option(optResolution, []byte{9}).option(optFCSLen, []byte{4})
		b.u16(optSpeed, 8).u64(1e9)
	})
	w.packet(0, 1_700_000_000_123_456_789, 60, []byte("abcde"), func(b *builder) {
		b.option(1, []byte("a comment")).u16(optPacketFlags, 4).u32(FlagsOutbound).u16(0, 0)
	})
	w.block(0x0bad, func(b *builder) { b.bytes([]byte("unknown block")) })
	w.iface(LinkTypeRaw, 0, func(b *builder) {
		b.option(optResolution, []byte{0x8a}).u16(optTimeOffset, 8).u64(1_000_000_000)
	})
	w.packet(1, 5<<10|512, 3, []byte{1, 2, 3}, nil)
	w.block(blockSimplePacket, func(b *builder) { b.u32(4).bytes([]byte("wxyz")) })
	w.block(blockPacket, func(b *builder) { b.u16(1, 0).u32(0, 1024, 2, 9).bytes([]byte("hi")) })
	w.block(5, func(b *builder) { b.u32(0, 0, 0) }) // Interface Statistics
	return w.b
}

func smallPcap(order binary.AppendByteOrder, magic uint32) []byte {
	w := &builder{order: order}
	w.pcapHeader(magic, 65535, 0x10000001)
	w.pcapRecord(1, 999_999, 60, []byte("abcde"))
	w.pcapRecord(0xffffffff, 0, 0, nil)
	w.pcapRecord(7, 2_000_001, 1, []byte("longer than its original length"))
	return w.b
}
