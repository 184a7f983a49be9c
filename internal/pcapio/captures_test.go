package pcapio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"
)

// Every capture, written again in its own format and as pcapng.
func TestCapturesRoundTrip(t *testing.T) {
	for _, path := range captures(t) {
		b := mustReadFile(t, path)
		r, want, err := readAll(bytes.NewReader(b))
		if err != io.EOF && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if err != io.EOF {
			t.Logf("%s: %v", path, err)
		}
		var out bytes.Buffer
		rewrite(t, b, NewNgWriter(&out, "test"))
		_, got := mustReadAll(t, out.Bytes())
		sameRecords(t, got, want)
		if r.Format().NG {
			continue
		}
		out.Reset()
		w, err := NewPcapWriter(&out, r.Format())
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, b, w)
		if !bytes.HasPrefix(b, out.Bytes()) {
			t.Errorf("%s: the copy differs", path)
		}
	}
}

// gopacket reads the same packets from every capture, and from what is written here.
func TestCapturesGopacket(t *testing.T) {
	for _, path := range captures(t) {
		b := mustReadFile(t, path)
		_, want, _ := readAll(bytes.NewReader(b))
		compareGopacket(t, path, b, want)
		var out bytes.Buffer
		rewrite(t, b, NewNgWriter(&out, "test"))
		compareGopacket(t, path+" as pcapng", out.Bytes(), want)
	}
}

func compareGopacket(t *testing.T, name string, b []byte, want []record) {
	var src gopacket.PacketDataSource
	ng, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if src = ng; err != nil {
		src, err = pcapgo.NewReader(bytes.NewReader(b))
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for i := range want {
		p := want[i]
		p.Interface = &p.ifc
		data, ci, err := src.ReadPacketData()
		if err != nil {
			if uint64(len(p.Data)) > uint64(p.OrigLen) || p.ifc.SnapLen != 0 && len(p.Data) > int(p.ifc.SnapLen) {
				return // it refuses those
			}
			t.Errorf("%s: packet %d: %v", name, i, err)
			return
		}
		if !bytes.Equal(data, p.Data) || ci.Length != int(p.OrigLen) || !ci.Timestamp.Equal(p.Time()) {
			t.Errorf("%s: packet %d: gopacket %v %d %x, here %v %d %x", name, i, ci.Timestamp, ci.Length, data, p.Time(), p.OrigLen, p.Data)
			return
		}
	}
	if _, _, err := src.ReadPacketData(); err == nil {
		t.Errorf("%s: more packets", name)
	}
}

// tshark reads the same times and lengths from the copy as from the original.
func TestCapturesTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	if testing.Short() {
		t.Skip("slow: runs tshark")
	}
	dir := t.TempDir()
	list := func(path string) string {
		out, err := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len",
			"-e", "frame.cap_len", "-e", "frame.encap_type", "-e", "frame.packet_flags").Output()
		if err != nil && len(out) == 0 {
			t.Logf("%s: %v", path, err)
		}
		return string(out)
	}
	files := captures(t)
	paths := []string{}
	for i, path := range files {
		if i%20 == 0 || strings.HasSuffix(path, "ng") { // a sample: each costs most of a second
			if info, err := os.Stat(path); err == nil && info.Size() < 200<<10 {
				paths = append(paths, path)
			}
		}
	}
	var made [][]byte
	for i, o := range orders {
		p := (&builder{order: o.order}).pcapHeader([]uint32{magicMicro, magicNano}[i], 65535, 1)
		made = append(made, p.pcapRecord(1<<32-1, 999_999, 1, []byte("longer than that")).pcapRecord(0, 1, 99, []byte("cut")).b)
		w := (&builder{order: o.order}).section()
		for i, res := range []byte{0, 3, 6, 9, 0x8a, 0x94} {
			w.iface(LinkTypeRaw, 0, func(b *builder) { b.option(optResolution, []byte{res}).u16(optTimeOffset, 8).u64(1000) })
			w.packet(uint32(i), 1_234_567, 70, []byte("abc"), func(b *builder) { b.u16(optPacketFlags, 4).u32(FlagsInbound).u16(0, 0) })
			w.block(blockPacket, func(b *builder) { b.u16(uint16(i), 3).u32(0, 1024, 2, 9).bytes([]byte("hi")) })
		}
		made = append(made, w.b)
	}
	for _, b := range made {
		path := filepath.Join(dir, fmt.Sprintf("made%d", len(paths)))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for _, path := range paths {
		b := mustReadFile(t, path)
		if _, _, err := readAll(bytes.NewReader(b)); err != io.EOF {
			continue
		}
		copied := filepath.Join(dir, "copy.pcapng")
		var out bytes.Buffer
		rewrite(t, b, NewNgWriter(&out, "test"))
		if err := os.WriteFile(copied, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		got, want := list(copied), list(path)
		if got != want {
			t.Errorf("%s: tshark lists\n%.500s\nof the copy, and of the original\n%.500s", path, got, want)
		}
	}
}
