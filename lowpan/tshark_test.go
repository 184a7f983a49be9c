package lowpan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// source is one of the buffers that tshark made of a frame.
type source struct {
	title string // empty: the frame itself
	data  []byte
}

// tsharkRead has tshark dissect a capture and returns the buffers it made of
// each frame.
func tsharkRead(t *testing.T, file string, tab *Table, args ...string) [][]source {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("absent: tshark")
	}
	args = append(args, "-r", file, "-x", "-n")
	for cid := 0; cid < 16; cid++ {
		if c, ok := tab.Context(cid); ok {
			args = append(args, "-o", fmt.Sprintf("6lowpan.context%d:%s/%d", cid, netip.AddrFrom16(c.Prefix), c.PrefixLen))
		}
	}
	out, err := exec.Command(tshark, args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var all [][]source
	for _, block := range strings.Split(strings.TrimSpace(string(out)), "\n\n") {
		sources := []source{{}} // the frame has a title only if there is more
		for _, line := range strings.Split(block, "\n") {
			if strings.HasSuffix(line, "):") {
				if !strings.HasPrefix(line, "Frame (") {
					sources = append(sources, source{title: line})
				}
				continue
			}
			x, err := hex.DecodeString(strings.ReplaceAll(line[6:min(53, len(line))], " ", ""))
			if err != nil {
				t.Fatalf("tshark: %q", line)
			}
			s := &sources[len(sources)-1]
			s.data = append(s.data, x...)
		}
		all = append(all, sources)
	}
	return all
}

// tsharkSources is tsharkRead for MAC frames.
func tsharkSources(t *testing.T, macs [][]byte, tab *Table) [][]source {
	t.Helper()
	var b bytes.Buffer
	w := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	w([]uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, 230})
	for i, m := range macs {
		w([]uint32{uint32(i), 0, uint32(len(m)), uint32(len(m))})
		b.Write(m)
	}
	file := filepath.Join(t.TempDir(), "lowpan.pcap")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	all := tsharkRead(t, file, tab)
	if len(all) != len(macs) {
		t.Fatalf("tshark: %d frames, want %d", len(all), len(macs))
	}
	return all
}

// tsharkGen is a gen whose links and contexts tshark handles.
func tsharkGen(seed int64) *gen {
	g := newGen(seed)
	for cid := 0; cid < 16; cid++ {
		// A prefix of length 0 is "not set" to tshark.
		if c, ok := g.tab.Context(cid); ok && c.PrefixLen == 0 {
			g.tab.Delete(cid)
		}
	}
	for _, a := range []*Addr{&g.link.Src, &g.link.Dst} {
		if a.Kind != AddrShort {
			*a = ExtAddr(g.Uint64())
		}
	}
	return g
}

// noNextHeader reports whether extension headers end with next header 59.
func noNextHeader(pkt []byte) bool {
	next, at := pkt[6], 40
	for at+8 <= len(pkt) {
		if _, ok := extEID(next); !ok {
			break
		}
		n := 8
		if next != protoFragment {
			n += int(pkt[at+1]) * 8
		}
		next, at = pkt[at], at+n
	}
	return next == 59 && at > 40
}

func has(sources []source, pkt []byte) bool {
	for _, s := range sources[1:] {
		if bytes.Equal(s.data, pkt) {
			return true
		}
	}
	return false
}

// TestTshark has tshark decompress what AppendCompress wrote.
func TestTshark(t *testing.T) {
	const seed = 230
	frames, bad := 0, 0
	for s := int64(seed); s < seed+6; s++ {
		g := tsharkGen(s)
		var macs, pkts, payloads [][]byte
		for i := 0; i < 150; i++ {
			pkt := g.packet(1)
			if len(pkt) > 1280 {
				continue
			}
			c, err := AppendCompress(nil, pkt, g.link, g.tab, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c[0] == DispatchIPv6 {
				continue // tshark makes no buffer
			}
			m, err := AppendFrame(nil, &Frame{Type: FrameData, Version: Version2006, DstPAN: 0xabcd, SrcPAN: 0xabcd, Src: g.link.Src, Dst: g.link.Dst}, c, FCSNone)
			if err != nil {
				t.Fatal(err)
			}
			macs, pkts, payloads = append(macs, m), append(pkts, pkt), append(payloads, c)
		}
		for i, sources := range tsharkSources(t, macs, g.tab) {
			frames++
			if !has(sources, pkts[i]) {
				if bad++; bad < 6 {
					t.Errorf("seed %d, %v: AppendCompress(%x) = %x, which tshark reads as %x", s, g.link, pkts[i], payloads[i], sources[1:])
				}
			}
		}
	}
	t.Logf("%d frames, %d read otherwise", frames, bad)
}

// TestTsharkFragments has tshark reassemble what a Fragmenter wrote.
func TestTsharkFragments(t *testing.T) {
	g := tsharkGen(4944)
	var macs, pkts [][]byte
	var last []int
	for i := 0; i < 60; i++ {
		pkt := g.packet(0)
		pkt = append(pkt, make([]byte, g.Intn(900))...)
		g.Read(pkt[len(pkt)*2/3:])
		if len(pkt) > 1280 || len(pkt) < 200 || noNextHeader(pkt) {
			continue // tshark drops what is behind "no next header"
		}
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
		for _, f := range frames(t, pkt, g.link, g.tab, Options{}, uint16(i), 60+g.Intn(40)) {
			m, err := AppendFrame(nil, &Frame{Type: FrameData, Version: Version2006, Seq: uint8(len(macs)), DstPAN: 0xabcd, SrcPAN: 0xabcd, Src: g.link.Src, Dst: g.link.Dst}, f, FCSNone)
			if err != nil {
				t.Fatal(err)
			}
			macs = append(macs, m)
		}
		pkts, last = append(pkts, pkt), append(last, len(macs)-1)
	}
	all := tsharkSources(t, macs, g.tab)
	for i, at := range last {
		if !has(all[at], pkts[i]) {
			t.Errorf("packet %x: tshark has %x", pkts[i], all[at][1:])
		}
	}
	t.Logf("%d packets in %d frames", len(pkts), len(macs))
}
