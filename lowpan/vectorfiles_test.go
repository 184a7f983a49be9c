package lowpan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/vectors"
)

var updateVectors = flag.Bool("update-vectors", false, "write the vectors/lowpan/*.json that are made here anew")

// Notes of the flags.
var iphcNotes = map[string]string{
	"DecompressOnly": "a compressor that takes the smallest forms sends something else",
	"ElideChecksum":  "the UDP checksum may be elided",
	"LinkIID":        "nested headers take elided IIDs from the link layer (as OpenThread has it)",
	"StripRouting":   "the decompressor may drop 6LoWPAN routing headers (RFC 8138)",
}

const tsharkAnswer = "tshark 4.0.17 decompresses frame to packet"

// TestVectorFiles: the files are what this test writes with the readable
// reference, which does not call the code under test.
func TestVectorFiles(t *testing.T) {
	for name, f := range map[string]*vectors.IPHCFile{
		"forms.json":   {Spec: "RFC 6282, Sections 3.1 and 3.2", Groups: formGroups(t)},
		"nhc.json":     {Spec: "RFC 6282, Section 4", Groups: nhcGroups(t)},
		"headers.json": {Spec: "RFC 4944, RFC 8025, RFC 8138", Groups: headerGroups(t)},
	} {
		checkVectorFile(t, name, encodeIPHC(t, f))
	}
}

func checkVectorFile(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join("..", "vectors", "lowpan", name)
	if *updateVectors {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, data) {
		t.Errorf("%s is not what this test writes; run go test ./lowpan -run TestVectorFiles -update-vectors", name)
	}
}

// encodeIPHC numbers the tests and lays the file out, one test a line.
func encodeIPHC(t *testing.T, f *vectors.IPHCFile) []byte {
	n := 0
	used := map[string]string{}
	var groups bytes.Buffer
	for i := range f.Groups {
		g := &f.Groups[i]
		fmt.Fprintf(&groups, "  {\"source\": %q, \"contexts\": %s,", g.Source, jsonLine(t, g.Contexts))
		if g.Implementation != "" {
			fmt.Fprintf(&groups, " \"implementation\": %q,", g.Implementation)
		}
		groups.WriteString(" \"tests\": [\n")
		for j := range g.Tests {
			v := &g.Tests[j]
			n++
			v.ID = n
			for _, flag := range v.Flags {
				used[flag] = iphcNotes[flag]
			}
			fmt.Fprintf(&groups, "    %s%s\n", jsonLine(t, v), strings.Repeat(",", min(len(g.Tests)-1-j, 1)))
		}
		fmt.Fprintf(&groups, "  ]}%s\n", strings.Repeat(",", min(len(f.Groups)-1-i, 1)))
	}
	return vectorFile(t, vectors.SchemaIPHC, f.Spec, n, used, groups.Bytes())
}

// vectorFile puts a head before groups.
func vectorFile(t *testing.T, schema, spec string, n int, notes map[string]string, groups []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"schema\": %q, \"spec\": %q, \"numberOfTests\": %d,\n \"notes\": %s,\n \"groups\": [\n", schema, spec, n, jsonLine(t, notes))
	b.Write(groups)
	b.WriteString(" ]}\n")
	return b.Bytes()
}

func jsonLine(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// vectorTable makes the contexts of a group.
func vectorTable(t testing.TB, contexts map[string]string) *Table {
	tab := new(Table)
	for cid, s := range contexts {
		s, only := strings.CutSuffix(s, ",decompress-only")
		p := netip.MustParsePrefix(s)
		var i int
		if _, err := fmt.Sscan(cid, &i); err != nil {
			t.Fatal(err)
		}
		if err := tab.Set(i, Context{Prefix: p.Addr().As16(), PrefixLen: uint8(p.Bits()), Compress: !only}); err != nil {
			t.Fatal(err)
		}
	}
	return tab
}

// vectorMaker adds tests to a group.
type vectorMaker struct {
	t        testing.TB
	g        vectors.IPHCGroup
	tab      *Table
	src, dst string
}

func newVectors(t testing.TB, contexts map[string]string, src, dst string) *vectorMaker {
	m := &vectorMaker{t: t, tab: vectorTable(t, contexts), src: src, dst: dst}
	if contexts == nil {
		contexts = map[string]string{}
	}
	m.g = vectors.IPHCGroup{Source: "independent", Implementation: tsharkAnswer, Contexts: contexts}
	return m
}

// unanswered says that no other implementation was asked.
func (m *vectorMaker) unanswered() *vectorMaker {
	m.g.Implementation = ""
	return m
}

func (m *vectorMaker) add(comment string, flags []string, packet, frame []byte, result string) {
	if flags == nil {
		flags = []string{}
	}
	m.g.Tests = append(m.g.Tests, vectors.IPHCTest{Comment: comment, Flags: flags, Src: m.src, Dst: m.dst,
		Packet: hex.EncodeToString(packet), Frame: hex.EncodeToString(frame), Result: result})
}

// packet adds a packet with the frame that the reference makes of it.
func (m *vectorMaker) packet(comment string, pkt []byte, flags ...string) []byte {
	opts := Options{ElideChecksum: slices.Contains(flags, "ElideChecksum"), LinkIID: slices.Contains(flags, "LinkIID")}
	link := mustLink(m.t, m.src, m.dst)
	frame := slowPack(pkt, link, m.tab, opts)
	if back, _, ok := slowUnpack(frame, link, m.tab, opts.LinkIID); !ok || !bytes.Equal(back, pkt) {
		m.t.Fatalf("%s: %x is read as %x, want %x", comment, frame, back, pkt)
	}
	m.add(comment, flags, pkt, frame, "valid")
	return frame
}

// frame adds a frame with the packet that the reference makes of it.
func (m *vectorMaker) frame(comment string, frame []byte, flags ...string) {
	link := mustLink(m.t, m.src, m.dst)
	pkt, ghc, ok := slowUnpack(frame, link, m.tab, slices.Contains(flags, "LinkIID"))
	if ghc || !ok {
		m.t.Fatalf("%s: %x: the reference cannot restore it", comment, frame)
	}
	if opts := (Options{LinkIID: slices.Contains(flags, "LinkIID")}); !bytes.Equal(slowPack(pkt, link, m.tab, opts), frame) {
		flags = append(flags, "DecompressOnly")
	}
	m.add(comment, flags, pkt, frame, "valid")
}

// bad adds a frame that is refused.
func (m *vectorMaker) bad(comment, result, frame string) {
	m.add(comment, nil, nil, mustHex(m.t, frame), result)
}

// header is an IPv6 header with addresses as netip reads them.
func header(class, label uint32, next, hops byte, src, dst string, payload ...byte) []byte {
	b := make([]byte, 8, 48)
	binary.BigEndian.PutUint32(b, 6<<28|class<<20|label)
	b[5], b[4], b[6], b[7] = byte(len(payload)), byte(len(payload)>>8), next, hops
	for _, a := range []string{src, dst} {
		x := netip.MustParseAddr(a).As16()
		b = append(b, x[:]...)
	}
	return append(b, payload...)
}

// formGroups are the forms of the IPHC header: every first byte, every second
// byte, every pair of address forms, context prefixes of every kind of length, the
// edges of multicast forms, and every length at which a header can be cut.
func formGroups(t *testing.T) []vectors.IPHCGroup {
	contexts := map[string]string{"0": "2001:db8::/64", "1": "fd00:1::/64", "7": "fd00:7::/64", "15": "fd00:15::/64"}
	const src, dst = "a0b0", "0012740100010101"

	first := newVectors(t, contexts, src, dst)
	for tf, tc := range []struct{ class, label uint32 }{{0xb9, 0x12345}, {0x02, 0xfedcb}, {0xb8, 0}, {0, 0}} {
		for hl, hops := range []byte{63, 1, 64, 255} {
			for _, nh := range []byte{59, 17} {
				var payload []byte
				if nh == 17 {
					payload = mustHex(t, "16331634000a0001aabb")
				}
				first.packet(fmt.Sprintf("TF %02b, HLIM %02b, next header %d", tf, hl, nh), header(tc.class, tc.label, nh, hops, "fe80::ff:fe00:a0b0", "ff02::1", payload...))
			}
		}
	}
	for _, tc := range []struct {
		comment      string
		class, label uint32
	}{{"ECN only", 3, 0}, {"DSCP only", 0xfc, 0}, {"lowest bit of the flow label", 0, 1}, {"highest bit of the flow label", 0, 0x80000},
		{"all bits of the flow label", 0, 0xfffff}, {"lowest bit of DSCP and a flow label", 4, 1}, {"all bits", 0xff, 0xfffff}} {
		first.packet("traffic class and flow label: "+tc.comment, header(tc.class, tc.label, 59, 64, "fe80::ff:fe00:a0b0", "ff02::1"))
	}

	pairs := newVectors(t, contexts, src, dst)
	sources := []struct{ form, addr string }{{"SAC 0, SAM 00", "2001:db8:ffff::1"}, {"SAC 0, SAM 01", "fe80::1"}, {"SAC 0, SAM 10", "fe80::ff:fe00:1"},
		{"SAC 0, SAM 11", "fe80::ff:fe00:a0b0"}, {"SAC 1, SAM 00", "::"}, {"SAC 1, SAM 01", "2001:db8::1"}, {"SAC 1, SAM 10", "2001:db8::ff:fe00:1"}, {"SAC 1, SAM 11", "2001:db8::ff:fe00:a0b0"},
		{"SCI 7, SAM 01", "fd00:7::1"}, {"SCI 15, SAM 11", "fd00:15::ff:fe00:a0b0"}}
	targets := []struct{ form, addr string }{{"M 0, DAC 0, DAM 00", "2001:db8:ffff::2"}, {"M 0, DAC 0, DAM 01", "fe80::2"}, {"M 0, DAC 0, DAM 10", "fe80::ff:fe00:2"},
		{"M 0, DAC 0, DAM 11", "fe80::212:7401:1:101"}, {"M 0, DAC 1, DAM 01", "2001:db8::2"}, {"M 0, DAC 1, DAM 10", "2001:db8::ff:fe00:2"}, {"M 0, DAC 1, DAM 11", "2001:db8::212:7401:1:101"},
		{"M 1, DAC 0, DAM 00", "ff02:1::1"}, {"M 1, DAC 0, DAM 01", "ff05::1:ff00:2"}, {"M 1, DAC 0, DAM 10", "ff05::2"}, {"M 1, DAC 0, DAM 11", "ff02::2"},
		{"M 1, DAC 1, DAM 00", "ff35:40:2001:db8::8:1"}, {"DCI 7, DAM 10", "fd00:7::ff:fe00:2"}, {"DCI 15, DAM 11", "fd00:15::212:7401:1:101"}, {"M 1, DAC 1, DAM 00, DCI 1", "ff3e:40:fd00:1:0:0:1:2"}}
	for _, s := range sources {
		for _, d := range targets {
			pairs.packet(s.form+"; "+d.form, header(0, 0, 59, 64, s.addr, d.addr))
		}
	}

	// Every second byte that is not reserved, with random in-line bytes.
	r := rand.New(rand.NewSource(6282))
	second := newVectors(t, contexts, src, dst)
	for b := 0; b < 256; b++ {
		if x := b & 15; x == 4 || x > 12 {
			continue
		}
		frame := []byte{0x7a, byte(b)}
		if b&0x80 != 0 {
			frame = append(frame, []byte{0x00, 0x10, 0x07, 0x1f, 0xf1}[b%5])
		}
		frame = append(frame, 59)
		inline := make([]byte, 32)
		r.Read(inline)
		h, _ := ParseIPHC(frame)
		second.frame(fmt.Sprintf("second byte %02x", b), append(frame, inline[:h.Len()-len(frame)]...))
	}

	var lengths []vectors.IPHCGroup
	for _, p := range []struct {
		prefix string
		answer bool
		addrs  []string
	}{
		{"::/0", false, []string{"::1", "::ff:fe00:1", "::ff:fe00:a0b0", "1::1"}},
		{"8000::/1", true, []string{"8000::1", "8000::ff:fe00:a0b0", "c000::1"}},
		{"2001::/16", true, []string{"2001::ff:fe00:1", "2001:1::1"}},
		{"2001:db8::/48", true, []string{"2001:db8::1", "2001:db8:0:1::1"}},
		{"2001:db8:0:fffe::/63", true, []string{"2001:db8:0:fffe::1", "2001:db8:0:ffff::1"}},
		{"2001:db8:0:1::/64", true, []string{"2001:db8:0:1::1", "2001:db8:0:1::ff:fe00:a0b0"}},
		{"2001:db8:0:1:8000::/65", true, []string{"2001:db8:0:1:8000::1", "2001:db8:0:1:8000:ff:fe00:a0b0", "2001:db8:0:1::1"}},
		{"2001:db8:0:1::/96", true, []string{"2001:db8:0:1::1", "2001:db8:0:1::fe00:1", "2001:db8:0:1::fe00:a0b0", "2001:db8:0:1::1:fe00:1"}},
		{"2001:db8::ff:fe00:0/112", true, []string{"2001:db8::ff:fe00:1", "2001:db8::ff:fe00:a0b0", "2001:db8::ff:fe01:1"}},
		{"2001:db8::ff:fe00:a000/116", true, []string{"2001:db8::ff:fe00:a001", "2001:db8::ff:fe00:a0b0", "2001:db8::ff:fe00:b0b0"}},
		{"2001:db8::ff:fe00:a0b0/127", true, []string{"2001:db8::ff:fe00:a0b0", "2001:db8::ff:fe00:a0b1", "2001:db8::ff:fe00:a0b2"}},
		{"2001:db8::1234/128", true, []string{"2001:db8::1234", "2001:db8::1235"}},
		{"fe80::/10", true, []string{"fe80::ff:fe00:a0b0", "fe80::1", "fe80:0:0:1::1"}},
	} {
		for _, cid := range []string{"0", "9"} {
			if cid == "9" && !strings.HasSuffix(p.prefix, "/64") && !strings.HasSuffix(p.prefix, "/96") {
				continue
			}
			m := newVectors(t, map[string]string{cid: p.prefix}, src, dst)
			if !p.answer {
				m.unanswered() // tshark has no contexts of this length
			}
			for _, a := range p.addrs {
				m.packet(fmt.Sprintf("context %s is %s, source %s", cid, p.prefix, a), header(0, 0, 59, 64, a, "ff02::1"))
				m.packet(fmt.Sprintf("context %s is %s, destination %s", cid, p.prefix, a), header(0, 0, 59, 64, "::", a))
			}
			lengths = append(lengths, m.g)
		}
	}

	only := newVectors(t, map[string]string{"0": "2001:db8::/64,decompress-only", "2": "2001:db8::/32"}, src, dst)
	only.packet("context 0 is for decompression only, context 2 covers less", header(0, 0, 59, 64, "2001:db8::ff:fe00:a0b0", "ff02::1"))
	only.packet("context 2, the rest is zero", header(0, 0, 59, 64, "2001:db8::1", "2001:db8::212:7401:1:101"))
	only.frame("context 0 in use nevertheless", mustHex(t, "7a773b"))

	multicast := newVectors(t, map[string]string{"0": "2001:db8::/64", "3": "fd00:3::/48", "4": "::/64"}, src, dst)
	for _, a := range []string{"ff02::", "ff02::1", "ff02::ff", "ff02::100", "ff01::ff", "ff12::1", "ff02::ff:ffff", "ff02::100:0", "ff05::1:ffff:ffff", "ff0e::ff:ffff:ffff",
		"ff0e::100:0:0", "ff02:0:0:1::1", "ff02:0:1::1", "ff02:1::1", "ff02:100::1", "ff02::1:0:0:0", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"ff33:40:2001:db8::1", "ff33:40:2001:db8::ffff:ffff", "ff33:ff40:2001:db8::1", "ff33:41:2001:db8::1", "ff33:3f:2001:db8::1", "ff33:40:2001:db8:0:1:0:1", "ff33:40:2001:db9::1",
		"ff33:30:fd00:3::1", "ff33:30:fd00:3:0:1:0:1", "ff33:40:fd00:3::1"} {
		multicast.packet("multicast "+a, header(0, 0, 59, 64, "fe80::ff:fe00:a0b0", a))
	}
	multicast.packet("a multicast address as source", header(0, 0, 59, 64, "ff02::1", "ff02::1"))

	cut := newVectors(t, contexts, src, dst).unanswered()
	long := slowPack(header(0xb9, 0x12345, 59, 63, "fd00:7::1", "fd00:15::2"), Link{}, cut.tab, Options{})
	for n := range long {
		cut.bad(fmt.Sprintf("the first %d of %d bytes", n, len(long)), "truncated", hex.EncodeToString(long[:n]))
	}
	for b := 0; b < 16; b++ {
		if b == 4 || b > 12 {
			cut.bad(fmt.Sprintf("M, DAC, DAM %04b: reserved", b), "malformed", fmt.Sprintf("7a3%x3b"+strings.Repeat("00", 16), b))
		}
	}
	for _, v := range []struct{ what, frame string }{
		{"SAM 01", "7ad3 20 3b 0000000000000001"}, {"SAM 10", "7ae3 2f 3b 0001"}, {"SAM 11", "7af3 20 3b"},
		{"DAM 01", "7ab5 02 3b 0000000000000002"}, {"DAM 10", "7ab6 72 3b 0002"}, {"DAM 11", "7ab7 02 3b"}, {"M 1, DAM 00", "7abc 02 3b 350000000001"},
	} {
		cut.bad(v.what+", context 2 is not known", "no-rule", v.frame)
	}
	cut.frame("context 2 is named, but not used", mustHex(t, "7ab3 22 3b"))
	cut.frame("context 2 is named for the unspecified address", mustHex(t, "7acb 20 3b 01"))

	nolink := newVectors(t, contexts, "", "").unanswered()
	nolink.bad("SAM 11 without link-layer addresses", "no-rule", "7a303b00000000000000000000000000000002")
	nolink.bad("DAM 11 without link-layer addresses", "no-rule", "7a033b00000000000000000000000000000001")
	nolink.packet("no link-layer addresses", header(0, 0, 59, 64, "fe80::1", "2001:db8::ff:fe00:2"))

	groups := []vectors.IPHCGroup{first.g, pairs.g, second.g, only.g, multicast.g, cut.g, nolink.g}
	return append(groups, lengths...)
}

// nhcGroups are UDP, extension headers and nested IPv6.
func nhcGroups(t *testing.T) []vectors.IPHCGroup {
	const srcIP, dstIP = "fe80::ff:fe00:1", "fe80::ff:fe00:2"
	pkt := func(next byte, payload []byte) []byte { return header(0, 0, next, 64, srcIP, dstIP, payload...) }
	udp := func(src, dst uint16, payload string) []byte {
		b := make([]byte, 8)
		binary.BigEndian.PutUint16(b, src)
		binary.BigEndian.PutUint16(b[2:], dst)
		b = append(b, payload...)
		b[5] = byte(len(b))
		sum := slowChecksum(pkt(17, nil), b)
		b[6], b[7] = byte(sum>>8), byte(sum)
		return b
	}
	ports := newVectors(t, nil, "0001", "0002")
	edges := []uint16{0, 0xefff, 0xf000, 0xf0af, 0xf0b0, 0xf0bf, 0xf0c0, 0xf0ff, 0xf100, 0xffff}
	for _, a := range edges {
		for _, b := range edges {
			ports.packet(fmt.Sprintf("UDP ports %04x and %04x", a, b), pkt(17, udp(a, b, "payload")))
		}
	}
	ports.packet("UDP without payload", pkt(17, udp(0xf0b1, 0xf0b2, "")))
	for _, v := range []struct {
		what  string
		delta int
	}{{"one less", -1}, {"one more", 1}, {"7", 7 - 15}} {
		u := udp(0xf0b1, 0xf0b2, "payload")
		u[5] = byte(int(u[5]) + v.delta)
		ports.packet("UDP, length field "+v.what, pkt(17, u))
	}
	for n := 0; n < 8; n++ {
		ports.packet(fmt.Sprintf("UDP, %d of 8 header bytes", n), pkt(17, make([]byte, n)))
	}

	elided := newVectors(t, nil, "0001", "0002").unanswered() // tshark shows ffff for every elided checksum
	for _, p := range [][2]uint16{{0x1633, 0x1634}, {0x1633, 0xf012}, {0xf012, 0x1633}, {0xf0b1, 0xf0b2}} {
		elided.packet(fmt.Sprintf("checksum elided, ports %04x and %04x", p[0], p[1]), pkt(17, udp(p[0], p[1], "payload")), "ElideChecksum")
	}
	elided.packet("checksum elided, odd length", pkt(17, udp(0xf0b1, 0xf0b2, "odd")), "ElideChecksum")
	elided.packet("checksum elided, no payload", pkt(17, udp(0xf0b1, 0xf0b2, "")), "ElideChecksum")
	zero := udp(0xf0b1, 0xf0b2, "\x00\x00")
	binary.BigEndian.PutUint16(zero[8:], binary.BigEndian.Uint16(zero[6:]))
	zero[6], zero[7] = 0xff, 0xff
	elided.packet("checksum elided that computes to zero", pkt(17, zero), "ElideChecksum")
	for _, x := range []string{"0000", "ffff", "0001"} {
		u := udp(0xf0b1, 0xf0b2, "payload")
		copy(u[6:], mustHex(t, x))
		elided.packet("checksum "+x+" is wrong and stays", pkt(17, u), "ElideChecksum")
	}
	elided.packet("checksum elided behind options", pkt(60, append(mustHex(t, "1100010400000000"), udp(0xf0b1, 0xf0b2, "payload")...)), "ElideChecksum")

	ext := newVectors(t, nil, "0001", "0002")
	quiet := newVectors(t, nil, "0001", "0002").unanswered() // tshark shows nothing behind a last extension header
	for _, e := range []struct {
		name  string
		proto byte
		body  string // behind the next header number
	}{{"hop-by-hop", 0, "00050400010203"}, {"routing", 43, "00030000000000"}, {"fragment", 44, "00000001020304"}, {"destination options", 60, "00050401020304"}, {"mobility", 135, "00050000000000"}} {
		body := mustHex(t, e.body)
		chain := func(next byte, rest []byte) []byte { return append(append([]byte{next}, body...), rest...) }
		ext.packet(e.name+", UDP", pkt(e.proto, chain(17, udp(0xf0b1, 0x1633, "payload"))))
		ext.packet(e.name+", ICMPv6", pkt(e.proto, chain(58, mustHex(t, "80001234"))))
		ext.packet(e.name+", destination options, UDP", pkt(e.proto, chain(60, append(mustHex(t, "1100050200000100"), udp(0xf0b1, 0x1633, "payload")...))))
		inner := header(0, 0, 59, 64, srcIP, dstIP)
		ext.packet(e.name+", IPv6", pkt(e.proto, chain(41, inner)))
		quiet.packet(e.name+", no next header", pkt(e.proto, chain(59, nil)))
		quiet.packet(e.name+", 7 of 8 bytes", pkt(e.proto, chain(59, nil)[:7]))
		if e.proto != 44 {
			two := append(chain(59, nil), mustHex(t, "0506070000000000")...)
			two[1] = 1
			quiet.packet(e.name+", 16 bytes", pkt(e.proto, two))
			quiet.packet(e.name+", 15 of 16 bytes", pkt(e.proto, two[:15]))
		}
	}
	// Padding: an options header of 16 bytes that ends with n bytes of PadN or Pad1.
	for _, proto := range []byte{0, 60, 43} {
		for n := 0; n <= 14; n++ {
			b := make([]byte, 16)
			b[0], b[1] = 58, 1
			if o := b[2 : 16-n]; len(o) == 1 {
				continue
			} else if len(o) > 1 {
				o[0], o[1] = 5, byte(len(o)-2)
			}
			if n > 1 {
				b[16-n], b[16-n+1] = 1, byte(n-2)
			}
			ext.packet(fmt.Sprintf("header %d that ends with %d bytes of padding", proto, n), pkt(proto, append(b, 0x80, 0, 1, 2)))
		}
	}
	for _, v := range []struct{ what, options string }{
		{"two Pad1", "050200000000"}, {"Pad1, PadN", "050100000100"}, {"PadN, Pad1", "050100010000"}, {"PadN with data", "050101010101"}, {"PadN of 2 twice", "050001000100"},
		{"six Pad1", "000000000000"}, {"an option of type 0x41", "410400000000"}, {"a last option beyond the end", "050000000006"}, {"a length beyond the end", "050500000000"},
	} {
		for _, proto := range []byte{0, 60} {
			ext.packet(fmt.Sprintf("options %d: %s", proto, v.what), pkt(proto, append(mustHex(t, "3a00"+v.options), 0x80, 0, 1, 2)))
		}
	}
	for _, n := range []int{31, 32} { // units of 8 bytes behind the first
		b := make([]byte, 8*(n+1))
		b[0], b[1], b[2], b[3], b[4+98], b[5+98], b[6+196], b[7+196] = 58, byte(n), 5, 98, 5, 98, 5, byte(8*(n+1)-8-196)
		ext.packet(fmt.Sprintf("hop-by-hop of %d bytes", len(b)), pkt(0, append(b, 0x80, 0, 1, 2)))
		b[1] = byte(n)
		ext.packet(fmt.Sprintf("mobility of %d bytes", len(b)), pkt(135, append(b, 0x80, 0, 1, 2)))
	}
	for _, f := range []struct{ what, header string }{
		{"atomic", "110000000a0b0c0d"}, {"first of several", "110000010a0b0c0d"}, {"reserved bits set", "11ff00060a0b0c0d"},
		{"later: what follows is no header", "110000080a0b0c0d"}, {"last", "11001fff0a0b0c0d"},
	} {
		ext.packet("fragment, "+f.what, pkt(44, append(mustHex(t, f.header), udp(0xf0b1, 0xf0b2, "payload")...)))
	}
	all := mustHex(t, "2b00050200000100 2c00030000000000 3c000000 01020304 87 00 050401020304 1100050000000000")
	ext.packet("all five extension headers, UDP", pkt(0, append(all, udp(0xf0b1, 0xf0b2, "payload")...)))
	for _, n := range []int{15, 16, 17} {
		b := bytes.Repeat(mustHex(t, "3c00010400000000"), n)
		b[len(b)-8] = 17
		quiet.packet(fmt.Sprintf("%d destination options headers, UDP", n), pkt(60, append(b, udp(0xf0b1, 0xf0b2, "payload")...)))
	}

	nested := newVectors(t, map[string]string{"0": "2001:db8::/64"}, "0001", "0002")
	inner := func(src, dst string) []byte {
		return header(0, 0, 17, 255, src, dst, udp(0xf0b1, 0xf0b2, "payload")...)
	}
	for _, v := range []struct{ outerSrc, outerDst, innerSrc, innerDst string }{
		{srcIP, dstIP, srcIP, dstIP}, {"fe80::5", "fe80::6", "fe80::5", "fe80::6"}, {"fe80::5", "fe80::6", "2001:db8::5", "2001:db8::6"},
		{"2001:db8::5", "ff02::1", "fe80::5", dstIP}, {"fe80::5", "fe80::6", srcIP, dstIP}, {"2001:db8::5", "2001:db8::6", "2001:db8:1::5", "ff02::1"},
	} {
		nested.packet(fmt.Sprintf("from %s to %s: from %s to %s", v.outerSrc, v.outerDst, v.innerSrc, v.innerDst),
			header(0, 0, 41, 64, v.outerSrc, v.outerDst, inner(v.innerSrc, v.innerDst)...))
	}
	nested.packet("three IPv6 headers", header(0, 0, 41, 64, srcIP, dstIP, header(0, 0, 41, 64, "fe80::5", "fe80::6", inner("fe80::5", "fe80::6")...)...))
	nested.packet("options inside and outside", header(0, 0, 60, 64, srcIP, dstIP, append(mustHex(t, "2900010400000000"),
		header(0, 0, 60, 64, srcIP, dstIP, append(mustHex(t, "1100010400000000"), udp(0xf0b1, 0xf0b2, "payload")...)...)...)...))
	wrong := inner(srcIP, dstIP)
	wrong[5]++
	nested.packet("the inner length is wrong", header(0, 0, 41, 64, srcIP, dstIP, wrong...))
	for _, v := range []struct{ outerSrc, outerDst, innerSrc, innerDst string }{{"fe80::5", "fe80::6", srcIP, dstIP}, {"fe80::5", "fe80::6", "fe80::5", "fe80::6"}} {
		p := header(0, 0, 41, 64, v.outerSrc, v.outerDst, inner(v.innerSrc, v.innerDst)...)
		elided.packet(fmt.Sprintf("IIDs of the link layer: from %s to %s", v.innerSrc, v.innerDst), p, "LinkIID")
	}

	odd := newVectors(t, nil, "0001", "0002").unanswered()
	for _, v := range []struct{ what, frame string }{
		{"NH bit of a nested IPv6 header is unused", "7e33 ef 7a33 3b"},
		{"hop-by-hop that lacks 4 bytes of padding", "7e33 e0 3b 02 0500"},
		{"hop-by-hop that lacks 1 byte of padding", "7e33 e0 3b 05 0503000000"},
		{"hop-by-hop that lacks all of its content", "7e33 e0 3a 00 80"},
		{"destination options with nothing behind", "7e33 e6 3b 06 050401020304"},
		{"mobility with 14 bytes", "7e33 e8 3b 0e 0500000000000000000000000000"},
		{"UDP with a short port in the long form", "7e33 f0 1633 f0b1 1234"},
		{"an extension header in-line behind one that is compressed", "7e33 e0 3c 06 050400000000 3b00010400000000"},
		{"an IPv6 header in-line", "7a33 29 6000000000003b40fe80000000000000000000fffe000001fe80000000000000000000fffe000002"},
		{"UDP in-line", "7a33 11 16331634000a0001aabb"},
	} {
		odd.frame(v.what, mustHex(t, v.frame))
	}
	for _, v := range []struct{ what, result, frame string }{
		{"EID 5", "malformed", "7e33 ea 3b 06 000000000000"}, {"EID 6", "malformed", "7e33 ec 3b 06 000000000000"},
		{"routing of 7 bytes", "malformed", "7e33 e2 3b 05 0300000000"}, {"mobility of 4 bytes", "malformed", "7e33 e8 3b 02 0500"},
		{"no NHC at all", "truncated", "7e33"}, {"next header number missing", "truncated", "7e33 e0"}, {"length missing", "truncated", "7e33 e0 3b"},
		{"length missing, next header compressed", "truncated", "7e33 e1"}, {"content missing", "truncated", "7e33 e0 3b 06 0504000000"},
		{"next NHC missing", "truncated", "7e33 e1 06 050400000000"}, {"fragment cut", "truncated", "7e33 e4 3b 000000010203"}, {"fragment header without number", "truncated", "7e33 e4"},
		{"nested IPv6 cut", "truncated", "7e33 ee 7a"}, {"nested IPv6 without header", "truncated", "7e33 ee"}, {"nested IPv6 uncompressed", "malformed", "7e33 ee 41 60000000"},
		{"UDP, no ports", "truncated", "7e33 f0"}, {"UDP, one port", "truncated", "7e33 f0 1633 16"}, {"UDP, P 01 cut", "truncated", "7e33 f1 1633"}, {"UDP, P 10 cut", "truncated", "7e33 f2 b1 16"},
		{"UDP, P 11 cut", "truncated", "7e33 f3"}, {"UDP, checksum cut", "truncated", "7e33 f3 12 00"}, {"UDP, C set, cut", "truncated", "7e33 f7"},
		{"NHC 00", "unsupported", "7e33 00"}, {"NHC a0", "unsupported", "7e33 a0"}, {"NHC f8", "unsupported", "7e33 f8"}, {"NHC ff", "unsupported", "7e33 ff"}, {"NHC de", "unsupported", "7e33 de"},
		{"17 extension headers", "unsupported", "7e33 " + strings.Repeat("e700", 16) + "e63b00"},
	} {
		odd.bad(v.what, v.result, v.frame)
	}

	ghc := newVectors(t, nil, "0001", "0002").unanswered()
	ghc.g.Source = "self"
	for _, v := range []struct{ what, payload, frame string }{
		// The dictionary: source, destination, 16 constant bytes.
		{"ICMPv6 of literals", "3a 80001234", "df 04 80001234"},
		{"ICMPv6, empty", "3a", "df"},
		{"ICMPv6 with the destination address", "3a 8700000000000000 fe80000000000000000000fffe000002", "df 0187 85 b3 f0"},
		{"ICMPv6 with a stop code at its end", "3a 80001234", "df 04 80001234 90"},
		{"UDP, P 00", "11 1633 1634 000c beef 00000000", "d0 16331634 beef 82"},
		{"UDP, P 01", "11 1633 f012 000c beef 00000000", "d1 163312 beef 82"},
		{"UDP, P 10", "11 f012 1633 000c beef 00000000", "d2 121633 beef 82"},
		{"UDP, P 11", "11 f0b1 f0b2 000c beef 00000000", "d3 12 beef 82"},
		{"UDP, checksum elided", "11 f0b1 f0b2 000c 236d 00000000", "d7 12 82"},
		{"hop-by-hop", "00 3b 00 050400000000", "b0 3b 02 0504 82 90"},
		{"hop-by-hop, content without its padding", "00 3b 00 050201020100", "b0 3b 04 05020102 90"},
		{"routing", "2b 3b 00 030000000000", "b2 3b 01 03 83 90"},
		{"fragment, 6 bytes", "2c 3b 00 000001020304", "b4 3b 80 04 01020304 90"},
		{"fragment, 7 bytes with the reserved octet", "2c 3b 77 000001020304", "b4 3b 01 77 80 04 01020304 90"},
		{"destination options, then UDP with NHC", "3c 11 00 010400000000 f0b1 f0b2 0008 0001", "b7 02 0104 82 90 f3 12 0001"},
		{"destination options, then UDP with GHC", "3c 11 00 010400000000 f0b1 f0b2 000a 0001 0000", "b7 02 0104 82 90 d3 12 0001 80"},
		{"hop-by-hop with NHC, then ICMPv6 with GHC", "00 3a 00 010400000000 8000", "e1 00 df 02 8000"},
	} {
		b := mustHex(t, v.payload)
		frame := append([]byte{0x7e, 0x33}, mustHex(t, v.frame)...)
		ghc.add("GHC: "+v.what, []string{"DecompressOnly"}, pkt(b[0], b[1:]), frame, "valid")
	}
	for _, v := range []struct{ what, result, frame string }{
		{"mobility has none", "unsupported", "7e33 b8 3b 90"}, {"no stop code", "truncated", "7e33 b0 3b 06 050400000000"}, {"routing of 7 bytes", "malformed", "7e33 b2 3b 05 0300000000 90"},
		{"fragment of 5 bytes", "malformed", "7e33 b4 3b 05 0000010203 90"}, {"bytes behind the stop code", "malformed", "7e33 df 0180 90 00"}, {"a reserved code", "malformed", "7e33 d3 12 0001 7f"},
		{"UDP, checksum cut", "truncated", "7e33 d3 12 00"},
	} {
		ghc.bad("GHC: "+v.what, v.result, v.frame)
	}
	return []vectors.IPHCGroup{ports.g, elided.g, ext.g, quiet.g, nested.g, odd.g, ghc.g}
}

// headerGroups are dispatches, and headers in front of the IPv6 packet.
func headerGroups(t *testing.T) []vectors.IPHCGroup {
	plain := newVectors(t, nil, "0001", "0002")
	plain.g.Source = "self"
	plain.unanswered()
	valid := func(comment, prefix, src, dst string, flags ...string) {
		a, b := mustHex(t, src), mustHex(t, dst)
		l, err := ParseAddr(a)
		l2, err2 := ParseAddr(b)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		frame := mustHex(t, "7a333a8000")
		pkt, _, ok := slowUnpack(frame, Link{l, l2}, nil, false)
		if !ok {
			t.Fatal(comment)
		}
		plain.add(comment, append(flags, "DecompressOnly"), pkt, append(mustHex(t, prefix), frame...), "valid")
	}
	const long, long2 = "0012740100010101", "1322334455667788"
	valid("mesh, both addresses short", "b2 0003 0004", "0003", "0004")
	valid("mesh, originator long", "92"+long+"0004", long, "0004")
	valid("mesh, final address long", "a20003"+long, "0003", long)
	valid("mesh, both long", "82"+long+long2, long, long2)
	valid("mesh, no hops left", "b0 0003 0004", "0003", "0004")
	valid("mesh, 14 hops left", "be 0003 0004", "0003", "0004")
	valid("mesh, deep hops left", "bf 20 0003 0004", "0003", "0004")
	valid("broadcast", "50 07", "0001", "0002")
	valid("mesh, broadcast", "b2 0003 ffff 50 07", "0003", "ffff")
	valid("page 0", "f0", "0001", "0002")
	valid("page 1", "f1", "0001", "0002")
	valid("pages 2, 1", "f2 f1", "0001", "0002")
	valid("pages 1, 0", "f1 f0", "0001", "0002")
	valid("mesh, page 1", "b2 0003 0004 f1", "0003", "0004")
	for _, v := range []struct{ what, header string }{
		{"RPI, both parts in-line", "80 05 1e 0100"}, {"RPI, rank of one byte", "81 05 1e 01"}, {"RPI, no instance", "82 05 0100"}, {"RPI, one byte", "83 05 01"}, {"RPI with flags", "9f 05 01"},
		{"source routing, one hop of 1 byte", "80 00 0a"}, {"source routing, three hops of 2 bytes", "82 01 000a000b000c"}, {"source routing, hop of 4 bytes", "80 02 00fe000a"},
		{"source routing, hop of 8 bytes", "80 03 000000fffe00000a"}, {"source routing, hop of 16 bytes", "80 04 20010db8000000000000000000000001"},
		{"elective, unknown", "a3 2a 010203"}, {"elective, empty", "a0 2a"}, {"source routing, then RPI", "80 00 0a 83 05 01"},
	} {
		valid("6LoRH: "+v.what, "f1"+v.header, "0001", "0002", "StripRouting")
	}
	ipv6 := header(0, 0, 58, 64, "fe80::ff:fe00:1", "fe80::ff:fe00:2", 0x80, 0)
	plain.packet("lengths disagree: uncompressed", append(append([]byte{}, ipv6...), 0))
	plain.packet("lengths disagree, one byte missing", ipv6[:41])
	plain.add("uncompressed though lengths agree", []string{"DecompressOnly"}, ipv6, append([]byte{0x41}, ipv6...), "valid")
	for _, v := range []struct{ what, result, frame string }{
		{"empty", "truncated", ""}, {"not a LoWPAN frame", "unsupported", "3f00"}, {"ESC", "unsupported", "40"}, {"HC1", "unsupported", "42fb"}, {"unassigned 43", "unsupported", "43"},
		{"SCHC", "unsupported", "44 01"}, {"SCHC pointer", "unsupported", "45 01"}, {"SCHC in page 1", "unsupported", "f1 44 01"}, {"unassigned 60 in page 2", "unsupported", "f2 7a333a"},
		{"uncompressed IPv6 in page 1", "unsupported", "f1 41 60"}, {"page switch only", "unsupported", "f1"}, {"unassigned d0", "unsupported", "d0"}, {"recoverable fragment (RFC 8931)", "unsupported", "e800000000"},
		{"mesh cut", "truncated", "b2 0003 00"}, {"mesh, deep hops cut", "truncated", "bf"}, {"mesh, long address cut", "truncated", "82 00"}, {"mesh, nothing behind", "unsupported", "b2 0003 0004"},
		{"broadcast cut", "truncated", "50"}, {"broadcast, nothing behind", "unsupported", "5001"}, {"mesh behind broadcast", "unsupported", "5001 b2 0003 0004 7a333a"},
		{"6LoRH without permission", "unsupported", "f1 83 05 01 7a333a"}, {"6LoRH, critical and unknown", "unsupported", "f1 80 06 7a333a"},
		{"6LoRH cut", "truncated", "f1 80 05 1e"}, {"6LoRH, type missing", "truncated", "f1 80"}, {"6LoRH, IP-in-IP of 0 bytes", "malformed", "f1 a0 06 7a333a"}, {"6LoRH, IP-in-IP of 18 bytes", "malformed", "f1 b2 06" + strings.Repeat("00", 18) + "7a333a"},
		{"6LoRH in page 0", "truncated", "80 05 1e"}, {"first fragment", "incomplete", "c02a0001 7a333a"}, {"next fragment", "incomplete", "e02a0001 05 8000"},
		{"FRAG1 cut", "truncated", "c02a00"}, {"FRAGN cut", "truncated", "e02a0001"}, {"mesh, fragment", "incomplete", "b2 0003 0004 c02a0001 7a333a"},
		{"uncompressed, no byte", "truncated", "41"}, {"uncompressed, 39 bytes", "truncated", "41" + hex.EncodeToString(ipv6[:39])}, {"uncompressed IPv4", "malformed", "41 45"},
	} {
		plain.bad(v.what, v.result, v.frame)
	}
	return []vectors.IPHCGroup{plain.g}
}

// TestVectorsTshark has tshark decompress the vectors that name it.
func TestVectorsTshark(t *testing.T) {
	files, err := filepath.Glob("../vectors/lowpan/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	asked := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if schema, err := vectors.ReadSchema(data); err != nil || schema != vectors.SchemaIPHC {
			continue
		}
		f, err := vectors.ParseIPHC(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range f.Groups {
			if g.Implementation != tsharkAnswer {
				continue
			}
			var macs [][]byte
			for _, v := range g.Tests {
				link := mustLink(t, v.Src, v.Dst)
				m, err := AppendFrame(nil, &Frame{Type: FrameData, Version: Version2006, DstPAN: 0xabcd, SrcPAN: 0xabcd, Src: link.Src, Dst: link.Dst}, mustHex(t, v.Frame), FCSNone)
				if err != nil {
					t.Fatal(err)
				}
				macs = append(macs, m)
			}
			for i, sources := range tsharkSources(t, macs, vectorTable(t, g.Contexts)) {
				asked++
				if v := g.Tests[i]; !has(sources, mustHex(t, v.Packet)) {
					t.Errorf("%s %d, %s: tshark reads %s as %x, want %s", filepath.Base(file), v.ID, v.Comment, v.Frame, sources[1:], v.Packet)
				}
			}
		}
	}
	t.Logf("%d frames", asked)
}
