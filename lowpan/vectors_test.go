package lowpan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// interop reads a file of vectors of other implementations.
func interop(t testing.TB, file string, v any) {
	t.Helper()
	b, err := os.ReadFile("../../shared/interop/6lowpan/" + file)
	if err != nil {
		t.Skip("absent: interop/6lowpan/" + file)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func mustLink(t testing.TB, src, dst string) Link {
	t.Helper()
	s, err1 := ParseAddr(mustHex(t, src))
	d, err2 := ParseAddr(mustHex(t, dst))
	if err1 != nil || err2 != nil {
		t.Fatalf("link addresses %s, %s", src, dst)
	}
	return Link{s, d}
}

func mustTable(t testing.TB, contexts map[string]string) *Table {
	t.Helper()
	tab := new(Table)
	for cid, s := range contexts {
		word, note, _ := strings.Cut(s, " ")
		p, err := netip.ParsePrefix(word)
		if err != nil {
			t.Fatal(err)
		}
		c := Context{Prefix: p.Addr().As16(), PrefixLen: uint8(p.Bits()), Compress: !strings.Contains(note, "C=0")}
		if err := tab.Set(int(cid[0]-'0'), c); err != nil {
			t.Fatal(err)
		}
	}
	return tab
}

// newGHC is a GHC for packets.
func newGHC() *GHC {
	g := new(GHC)
	g.Reset(make([]uint16, GHCMemPerByte*1500+GHCMemFixed))
	return g
}

// roundTrip compresses pkt in all ways and wants it back. It returns the
// result with the default options.
func roundTrip(t testing.TB, pkt []byte, link Link, tab *Table, g *GHC) []byte {
	t.Helper()
	var plain []byte
	for i := 0; i < 8; i++ {
		var opts Options
		opts.ElideChecksum, opts.LinkIID = i&1 != 0, i&4 != 0
		if i&2 != 0 {
			opts.GHC = g
		}
		c, err := AppendCompress(nil, pkt, link, tab, opts)
		if err != nil {
			t.Fatalf("AppendCompress(%x): %v", pkt, err)
		}
		if i == 0 {
			plain = c
		}
		if len(c) > MaxCompressedLen(len(pkt)) || opts.GHC != nil && !opts.LinkIID && len(c) > len(plain) {
			t.Fatalf("AppendCompress(%x, %+v) = %x: %d bytes, %d without options", pkt, opts, c, len(c), len(plain))
		}
		back, err := AppendDecompress(nil, c, link, tab, Options{LinkIID: opts.LinkIID})
		if err != nil || !bytes.Equal(back, pkt) {
			t.Fatalf("AppendDecompress(%x, %+v) = %x, %v, want %x", c, link, back, err, pkt)
		}
	}
	return plain
}

// TestOpenThreadVectors runs the vectors of OpenThread's unit test.
func TestOpenThreadVectors(t *testing.T) {
	var f struct {
		Contexts map[string]string
		Vectors  []struct {
			Name           string
			MacSrc         string `json:"mac_src"`
			MacDst         string `json:"mac_dst"`
			IPHC           string
			Error          bool
			TestCompress   bool `json:"test_compress"`
			TestDecompress bool `json:"test_decompress"`
			Compressed     string
			Uncompressed   string
		}
	}
	interop(t, "openthread_test_lowpan.json", &f)
	tab := mustTable(t, f.Contexts)
	g := newGHC()
	for _, v := range f.Vectors {
		link := mustLink(t, v.MacSrc, v.MacDst)
		if v.Error {
			if got, err := AppendDecompress(nil, mustHex(t, v.IPHC), link, tab, Options{}); err == nil {
				t.Errorf("%s: AppendDecompress(%s) = %x, want an error", v.Name, v.IPHC, got)
			}
			continue
		}
		pkt, want := mustHex(t, v.Uncompressed), mustHex(t, v.Compressed)
		if v.TestDecompress {
			if got, err := AppendDecompress(nil, want, link, tab, Options{}); err != nil || !bytes.Equal(got, pkt) {
				t.Errorf("%s: AppendDecompress(%x) = %x, %v, want %x", v.Name, want, got, err, pkt)
			}
		}
		if got := roundTrip(t, pkt, link, tab, g); len(got) > len(want) || v.TestCompress && !bytes.Equal(got, want) {
			t.Errorf("%s: AppendCompress(%x) = %x, want %x", v.Name, pkt, got, want)
		}
	}
}

// elidesEight reports whether the packet has a hop-by-hop header that ends with a
// PadN option of 8 octets, which OpenThread elides and RFC 6282 does not allow.
func elidesEight(pkt []byte) bool {
	return len(pkt) >= 56 && pkt[6] == 0 && pkt[41] == 1 && bytes.Equal(pkt[48:56], []byte{1, 6, 0, 0, 0, 0, 0, 0})
}

func TestOpenThreadCorpus(t *testing.T) {
	var f struct {
		Contexts map[string]string
		Vectors  []struct {
			MacSrc       string `json:"mac_src"`
			MacDst       string `json:"mac_dst"`
			Compressed   string
			Uncompressed string
			OpenThread   bool `json:"openthread_roundtrip"`
			Tshark       bool `json:"tshark_agrees"`
		}
	}
	interop(t, "iphc_openthread_compress.json", &f)
	for cid, s := range f.Contexts { // "(C=0: not used to compress)"
		f.Contexts[cid] = strings.ReplaceAll(s, ":  ", " ")
	}
	tab := mustTable(t, f.Contexts)
	g := newGHC()
	same, smaller, eight, theirs, ours := 0, 0, 0, 0, 0
	for _, v := range f.Vectors {
		link := mustLink(t, v.MacSrc, v.MacDst)
		pkt, want := mustHex(t, v.Uncompressed), mustHex(t, v.Compressed)
		back, err := AppendDecompress(nil, want, link, tab, Options{})
		if agrees := err == nil && bytes.Equal(back, pkt); agrees != (v.OpenThread && v.Tshark) {
			t.Errorf("AppendDecompress(%x) = %x, %v, want %x", want, back, err, pkt)
		}
		got := roundTrip(t, pkt, link, tab, g)
		if elidesEight(pkt) {
			eight++
			continue
		}
		if !v.OpenThread {
			t.Errorf("%x disagrees for another reason", pkt)
		}
		switch {
		case bytes.Equal(got, want):
			same++
		case len(got) > len(want):
			t.Errorf("AppendCompress(%x) = %x, longer than %x", pkt, got, want)
		case len(got) < len(want):
			smaller++
		}
		theirs, ours = theirs+len(want), ours+len(got)
	}
	t.Logf("%d rows: %d the same, %d smaller, %d with an 8-octet PadN; %d bytes there, %d here", len(f.Vectors), same, smaller, eight, theirs, ours)
}

func TestRealCaptures(t *testing.T) {
	var f struct {
		Contexts map[string]string
		Vectors  []struct {
			File         string
			Frame        int
			MacSrc       string `json:"mac_src"`
			MacDst       string `json:"mac_dst"`
			Compressed   string
			Uncompressed string
		}
	}
	interop(t, "real_captures_tshark.json", &f)
	tab := mustTable(t, f.Contexts)
	g := newGHC()
	same, smaller, theirs, ours, ghc := 0, 0, 0, 0, 0
	for _, v := range f.Vectors {
		link := mustLink(t, v.MacSrc, v.MacDst)
		pkt, want := mustHex(t, v.Uncompressed), mustHex(t, v.Compressed)
		if back, err := AppendDecompress(nil, want, link, tab, Options{}); err != nil || !bytes.Equal(back, pkt) {
			t.Errorf("%s %d: AppendDecompress(%x) = %x, %v, want %x", v.File, v.Frame, want, back, err, pkt)
		}
		got := roundTrip(t, pkt, link, tab, g)
		if len(got) > len(want) {
			t.Errorf("%s %d: AppendCompress(%x) = %x, longer than %x", v.File, v.Frame, pkt, got, want)
		}
		if bytes.Equal(got, want) {
			same++
		} else if len(got) < len(want) {
			smaller++
		}
		short, _ := AppendCompress(nil, pkt, link, tab, Options{GHC: g})
		theirs, ours, ghc = theirs+len(want), ours+len(got), ghc+len(short)
	}
	t.Logf("%d frames: %d the same, %d smaller; %d bytes there, %d here, %d with GHC", len(f.Vectors), same, smaller, theirs, ours, ghc)
}

func TestZephyrSizes(t *testing.T) {
	var f struct {
		Vectors []struct {
			Name         string
			MacSrc       string `json:"mac_src"`
			MacDst       string `json:"mac_dst"`
			Uncompressed string
			Header       *int `json:"asserted_compressed_header_octets"`
			Payload      int  `json:"payload_octets"`
		}
	}
	interop(t, "zephyr_6lo_sizes.json", &f)
	tab := mustTable(t, map[string]string{"1": "aabb::/64", "2": "ccdd::/64"})
	for _, v := range f.Vectors {
		link := mustLink(t, v.MacSrc, v.MacDst)
		pkt := mustHex(t, v.Uncompressed)
		got := roundTrip(t, pkt, link, tab, newGHC())
		if v.Header == nil {
			continue
		}
		if want := *v.Header + v.Payload; len(got) > want {
			t.Errorf("%s: AppendCompress(%x) = %x, %d bytes, want at most %d (length field %d of %d bytes)", v.Name, pkt, got, len(got), want,
				binary.BigEndian.Uint16(pkt[4:]), len(pkt)-40)
		}
	}
}

func TestRIOTVectors(t *testing.T) {
	var f struct {
		Vectors []struct {
			Name         string
			MacSrc       string `json:"mac_src"`
			MacDst       string `json:"mac_dst"`
			Fragments    []string
			Uncompressed string
			Compressed   string
			Prefix       string `json:"uncompressed_prefix"`
			Size         int    `json:"datagram_size"`
			Expect       struct {
				Src, Dst string
				NH, HLIM byte
				Payload  int `json:"payload_len"`
			}
		}
	}
	interop(t, "riot_gnrc.json", &f)
	for _, v := range f.Vectors {
		link := mustLink(t, v.MacSrc, v.MacDst)
		if len(v.Fragments) > 0 {
			r := Reassembler{Slots: []Slot{{Buf: make([]byte, 1280)}}}
			var got []byte
			done := false
			for i, s := range v.Fragments {
				if done {
					t.Fatalf("%s: done after %d of %d fragments", v.Name, i, len(v.Fragments))
				}
				var err error
				if got, done, err = r.AppendPacket(nil, mustHex(t, s), link, nil, Options{}, 0); err != nil {
					t.Fatalf("%s, fragment %d: %v", v.Name, i, err)
				}
			}
			if want := mustHex(t, v.Uncompressed); !done || !bytes.Equal(got, want) {
				t.Errorf("%s: %x, %v, want %x", v.Name, got, done, want)
			}
			continue
		}
		// The content of a first fragment.
		frame := mustHex(t, v.Compressed)
		u := unpacker{link: link.iids()}
		got, e := u.unpack(nil, frame, v.Size, maxPacket, 16)
		if e != 0 {
			t.Fatalf("%s: %v", v.Name, e)
		}
		if v.Prefix != "" && !bytes.Equal(got, mustHex(t, v.Prefix)) {
			t.Errorf("%s: %x, want %s", v.Name, got, v.Prefix)
		}
		if x := v.Expect; x.Src != "" {
			src, dst := netip.AddrFrom16([16]byte(got[8:24])).String(), netip.AddrFrom16([16]byte(got[24:40])).String()
			if src != x.Src || dst != x.Dst || got[6] != x.NH || got[7] != x.HLIM || int(binary.BigEndian.Uint16(got[4:])) != x.Payload {
				t.Errorf("%s: %x, want %+v", v.Name, got[:40], x)
			}
		}
	}
}

func TestContikiFuzzInputs(t *testing.T) {
	type input struct{ Name, Hex string }
	var f struct{ Sicslowpan, Uip []input }
	interop(t, "contiki_fuzz_inputs.json", &f)
	tab := testTable()
	link := Link{ShortAddr(1), ExtAddr(2)}
	g := newGHC()
	ok := 0
	r := Reassembler{Slots: []Slot{{Buf: make([]byte, 1280)}, {Buf: make([]byte, 100)}}}
	for i, v := range f.Sicslowpan {
		b := mustHex(t, v.Hex)
		if pkt, err := AppendDecompress(nil, b, link, tab, Options{}); err == nil {
			roundTrip(t, pkt, link, tab, g)
			ok++
		}
		if pkt, done, err := r.AppendPacket(nil, b, link, tab, Options{}, uint64(i)); err == nil && done {
			roundTrip(t, pkt, link, tab, g)
		}
		for fcs := FCSNone; fcs <= FCS32; fcs++ {
			ParseFrame(b, fcs)
		}
	}
	for _, v := range f.Uip {
		b := mustHex(t, v.Hex)
		if checkIPv6(b) == 0 {
			roundTrip(t, b, link, tab, g)
			ok++
		}
	}
	t.Logf("%d of %d handled", ok, len(f.Sicslowpan)+len(f.Uip))
}

// name describes a packet in failure texts.
func name(pkt []byte) string { return fmt.Sprintf("next header %d, %d bytes", pkt[6], len(pkt)) }
