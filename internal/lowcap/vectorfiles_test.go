package lowcap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/vectors"
)

var updateVectors = flag.Bool("update-vectors", false, "write vectors/lowpan/receive.json anew")

const tsharkAnswer = "tshark 4.0.17 finds the same packets"

// TestVectorFiles: the file is what this test writes. Frames and packets are put
// together here by hand, byte by byte; the code under test is not called.
func TestVectorFiles(t *testing.T) {
	data := encodeReceive(t, []vectors.ReceiveGroup{macGroup(), otherMACs(), fragmentGroup(), refusedFragments(), bluetoothGroup()})
	path := filepath.Join("..", "..", "vectors", "lowpan", "receive.json")
	if *updateVectors {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, data) {
		t.Error("receive.json is not what this test writes; run go test ./internal/lowcap -run TestVectorFiles -update-vectors")
	}
	if _, err := vectors.ParseReceive(data); err != nil {
		t.Error(err)
	}
}

// encodeReceive numbers the tests and lays the file out, one test a line.
func encodeReceive(t *testing.T, groups []vectors.ReceiveGroup) []byte {
	line := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var b bytes.Buffer
	n := 0
	for i, g := range groups {
		fmt.Fprintf(&b, "  {\"source\": %q, \"contexts\": {},", g.Source)
		if g.Implementation != "" {
			fmt.Fprintf(&b, " \"implementation\": %q,", g.Implementation)
		}
		b.WriteString(" \"tests\": [\n")
		for j, v := range g.Tests {
			n++
			v.ID = n
			fmt.Fprintf(&b, "    %s%s\n", line(v), strings.Repeat(",", min(len(g.Tests)-1-j, 1)))
		}
		fmt.Fprintf(&b, "  ]}%s\n", strings.Repeat(",", min(len(groups)-1-i, 1)))
	}
	head := fmt.Sprintf("{\"schema\": %q, \"spec\": \"RFC 4944, RFC 6282, RFC 7668, IEEE 802.15.4\", \"numberOfTests\": %d,\n \"notes\": {},\n \"groups\": [\n", vectors.SchemaReceive, n)
	return append(append([]byte(head), b.Bytes()...), " ]}\n"...)
}

func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }

// one is a test of one frame.
func one(comment string, link uint32, frame, result, packet string) vectors.ReceiveTest {
	return vectors.ReceiveTest{Comment: comment, Frames: []vectors.ReceiveFrame{{Link: link, Frame: squeeze(frame), Result: result, Packet: squeeze(packet)}}}
}

// macAddr is an address as it stands in MAC frames, and the IID that it gives.
type macAddr struct{ name, wire, iid string }

var (
	noAddr    = macAddr{"none", "", ""}
	shortA    = macAddr{"short", "0100", "000000fffe000001"}
	shortB    = macAddr{"short", "0200", "000000fffe000002"}
	extendedA = macAddr{"extended", "0101010001741200", "0212740100010101"}
	extendedB = macAddr{"extended", "8877665544332213", "1122334455667788"}
)

// echo is a frame payload with an echo request and the packet that it is, between
// two addresses: IIDs are elided where there is an address.
func echo(src, dst macAddr) (payload, packet string) {
	enc, inline := 0x7a00, ""
	iids := [2]string{"00000000000000aa", "00000000000000bb"}
	for i, a := range []macAddr{src, dst} {
		shift := 4 - 4*i
		if a.iid == "" {
			enc |= 1 << shift
			inline += iids[i]
		} else {
			enc |= 3 << shift
			iids[i] = a.iid
		}
	}
	return fmt.Sprintf("%04x3a%s80001234", enc, inline), "6000000000043a40" + "fe80000000000000" + iids[0] + "fe80000000000000" + iids[1] + "80001234"
}

// fcs16 is the check sequence of a frame in hex, bit by bit.
func fcs16(frame string) string {
	b, err := hex.DecodeString(squeeze(frame))
	if err != nil {
		panic(err)
	}
	crc := uint16(0)
	for i := 0; i < 8*len(b); i++ {
		bit := uint16(b[i/8]>>(i%8)&1) ^ crc&1
		crc = crc>>1 ^ bit*0x8408
	}
	return hex.EncodeToString([]byte{byte(crc), byte(crc >> 8)})
}

// dataFrame is a 2006 data frame between two short addresses of one PAN.
func dataFrame(src, dst string, seq byte, payload string) string {
	return fmt.Sprintf("4188%02xcdab", seq) + dst + src + payload
}

// macGroup are frames whose packets tshark finds, too.
func macGroup() vectors.ReceiveGroup {
	g := vectors.ReceiveGroup{Source: "self", Implementation: tsharkAnswer, Contexts: map[string]string{}}
	mode := map[string]int{"none": 0, "short": 2, "extended": 3}
	frame := func(version int, comp, panDst, panSrc bool, dst, src macAddr, rest string) string {
		c := 1 | version<<12 | mode[dst.name]<<10 | mode[src.name]<<14
		if comp {
			c |= 0x40
		}
		s := fmt.Sprintf("%02x%02x07", c&0xff, c>>8)
		if panDst {
			s += "cdab"
		}
		s += dst.wire
		if panSrc {
			s += "efcd"
		}
		return s + src.wire + rest
	}
	srcs, dsts := []macAddr{noAddr, shortA, extendedA}, []macAddr{noAddr, shortB, extendedB}
	for version := 0; version < 2; version++ {
		for _, d := range dsts {
			for _, s := range srcs {
				for _, comp := range []bool{false, true} {
					if comp && (d.name == "none" || s.name == "none") || d.name == "none" && s.name == "none" {
						continue
					}
					payload, packet := echo(s, d)
					g.Tests = append(g.Tests, one(fmt.Sprintf("version %d, destination %s, source %s, PAN ID compression %v", version, d.name, s.name, comp), 230,
						frame(version, comp, d.name != "none", s.name != "none" && !comp, d, s, payload), "packet", packet))
				}
			}
		}
	}
	// 802.15.4-2015, Table 7-2: which PAN identifiers are there.
	for _, row := range []struct {
		dst, src string
		comp     bool
		pans     string
	}{
		{"none", "none", false, ""}, {"none", "none", true, "d"}, {"short", "none", false, "d"}, {"extended", "none", false, "d"}, {"short", "none", true, ""}, {"extended", "none", true, ""},
		{"none", "short", false, "s"}, {"none", "extended", false, "s"}, {"none", "short", true, ""}, {"none", "extended", true, ""},
		{"extended", "extended", false, "d"}, {"extended", "extended", true, ""},
		{"short", "short", false, "ds"}, {"short", "extended", false, "ds"}, {"extended", "short", false, "ds"},
		{"short", "extended", true, "d"}, {"extended", "short", true, "d"}, {"short", "short", true, "d"},
	} {
		d, s := dsts[max(mode[row.dst]-1, 0)], srcs[max(mode[row.src]-1, 0)]
		payload, packet := echo(s, d)
		g.Tests = append(g.Tests, one(fmt.Sprintf("version 2, destination %s, source %s, PAN ID compression %v", row.dst, row.src, row.comp), 230,
			frame(2, row.comp, strings.Contains(row.pans, "d"), strings.Contains(row.pans, "s"), d, s, payload), "packet", packet))
	}
	payload, packet := echo(shortA, shortB)
	plain := dataFrame("0100", "0200", 7, payload)
	add := func(comment string, link uint32, frame string) {
		g.Tests = append(g.Tests, one(comment, link, frame, "packet", packet))
	}
	add("frame pending and acknowledgment request", 230, "7188"+plain[4:])
	add("version 2, no sequence number", 230, "41a9"+plain[6:])
	add("right FCS", 195, plain+fcs16(plain))
	add("TAP without fields: no FCS", 283, "00000400"+plain)
	add("TAP, FCS type none", 283, "00000c00"+"0000010000000000"+plain)
	add("TAP, FCS of 16 bits", 283, "00000c00"+"0000010001000000"+plain+fcs16(plain))
	add("TAP, signal strength, then FCS type", 283, "00001400"+"010004000000a0c1"+"0000010001000000"+plain+fcs16(plain))
	add("version 2, header IEs, termination 2", 230, "41aa"+plain[4:18]+"0301"+"aabbcc"+"803f"+payload) // element 2, 3 bytes
	add("version 2, header and payload IEs", 230, "41aa"+plain[4:18]+"003f"+"0488aabbccdd"+"00f8"+payload)
	return g
}

// otherMACs are frames that tshark was not asked about, or that hold no packet.
func otherMACs() vectors.ReceiveGroup {
	g := vectors.ReceiveGroup{Source: "self", Contexts: map[string]string{}}
	payload, packet := echo(shortA, shortB)
	plain := dataFrame("0100", "0200", 7, payload)
	add := func(comment string, link uint32, frame, result string) {
		p := ""
		if result == "packet" {
			p = packet
		}
		g.Tests = append(g.Tests, one(comment, link, frame, result, p))
	}
	add("wrong FCS: the frame is taken", 195, plain+"0000", "packet")
	add("TAP, FCS of 32 bits", 283, "00000c00"+"0000010002000000"+plain+"00000000", "packet")
	for level := 1; level <= 3; level++ {
		mic := 2 << level
		add(fmt.Sprintf("security level %d: integrity only", level), 230, "49 98 07 cdab 0200 0100"+fmt.Sprintf("%02x", level)+"01000000"+payload+strings.Repeat("ee", mic), "packet")
	}
	for mode, key := range []string{"", "01", "0000000001", "000000000000000001"} {
		add(fmt.Sprintf("security level 5, key identifier mode %d: encrypted", mode), 230, "49 98 07 cdab 0200 0100"+fmt.Sprintf("%02x", 5|mode<<3)+"01000000"+key+payload+"eeeeeeee", "encrypted")
	}
	add("version 2, no frame counter, integrity only", 230, "49 a8 07 cdab 0200 0100"+"21"+payload+"eeeeeeee", "packet")
	add("beacon", 230, "0080 01 cdab 0100 ffcf 00 00", "no-payload")
	add("acknowledgment", 230, "0200 01", "no-payload")
	add("MAC command", 230, "6388 01 cdab 0200 0100 04", "no-payload")
	add("security of 2003, which has no security header", 230, "4988 07 cdab 0200 0100"+payload, "no-payload")
	add("multipurpose frame", 230, "0500 01", "no-payload")
	add("data frame without payload", 230, plain[:18], "no-payload")
	add("SCHC", 230, plain[:18]+"44aabb", "not-ipv6")
	add("SCHC pointer", 230, plain[:18]+"45aabb", "not-ipv6")
	add("SCHC in page 1, behind a 6LoRH", 230, plain[:18]+"f1830501 44aabb", "not-ipv6")
	add("not a LoWPAN frame", 230, plain[:18]+"0182", "not-ipv6")
	add("extension type (ESC)", 230, plain[:18]+"40", "not-ipv6")
	add("reserved addressing mode 1", 230, "4184 07 cdab 0200 0100"+payload, "malformed")
	add("reserved version 3", 230, "41b8 07 cdab 0200 0100"+payload, "malformed")
	for _, n := range []int{0, 1, 2, 4, 6, 8} {
		add(fmt.Sprintf("%d bytes of a MAC header of 9", n), 230, plain[:2*n], "truncated")
	}
	add("security header missing", 230, "4998 07 cdab 0200 0100", "truncated")
	add("integrity code missing", 230, "4998 07 cdab 0200 0100 01 01000000 7a33", "truncated")
	add("IE longer than the frame", 230, "41aa"+plain[4:18]+"7f01 aa", "truncated")
	add("payload IE among the header IEs", 230, "41aa"+plain[4:18]+"0488aabbccdd"+payload, "malformed")
	add("FCS only", 195, "0000", "truncated")
	add("TAP of another version", 283, "01000400"+plain, "unsupported")
	add("TAP longer than the frame", 283, "0000ff00"+plain, "truncated")
	add("TAP of less than 4 bytes", 283, "00000300"+plain, "malformed")
	add("TAP, a field longer than the header", 283, "00000800"+"00000900"+plain, "malformed")
	eth := func(tags string) string { return "0266778899aa021122334455" + tags + "a0ed" }
	ethPayload, ethPacket := echo(macAddr{"", "", "001122fffe334455"}, macAddr{"", "", "006677fffe8899aa"})
	for _, tags := range []string{"", "81000001", "88a8000181000001"} {
		g.Tests = append(g.Tests, one("Ethernet, EtherType A0ED, VLAN tags "+tags, 1, eth(tags)+ethPayload, "packet", ethPacket))
	}
	add("Ethernet, another EtherType", 1, "0266778899aa02112233445586dd"+payload, "other-link")
	return g
}

// A packet of 8-byte pieces, with and without compressed headers.
const (
	fragHeader = "6000000000 20 3b 40 fe80000000000000 000000fffe000001 fe80000000000000 000000fffe000002"
	piece0     = "0001020304050607"
	piece1     = "1011121314151617"
	piece2     = "2021222324252627"
	piece3     = "3031323334353637"
)

// fragments makes tests of the frame payloads of one link each.
type fragStep struct {
	ms      uint64
	src     string // short address, least significant byte first
	payload string
	result  string
	packet  string
}

func fragTest(comment string, steps ...fragStep) vectors.ReceiveTest {
	v := vectors.ReceiveTest{Comment: comment}
	for i, s := range steps {
		if s.src == "" {
			s.src = "0100"
		}
		v.Frames = append(v.Frames, vectors.ReceiveFrame{Link: 230, Ms: s.ms, Frame: squeeze(dataFrame(s.src, "0200", byte(i), s.payload)), Result: s.result, Packet: squeeze(s.packet)})
	}
	return v
}

// The datagram has 72 bytes (048), its tag is 0009.
const (
	first   = "c048 0009 7a33 3b" // and the pieces that are in it
	second  = "e048 0009"         // and the offset
	at40    = "05"
	at48    = "06"
	at56    = "07"
	at64    = "08"
	fragPkt = fragHeader + piece0 + piece1 + piece2 + piece3
)

// fragmentGroup are fragments that tshark puts together, too.
func fragmentGroup() vectors.ReceiveGroup {
	const whole = fragPkt
	udp := "6000000000 20 11 40 fe80000000000000 000000fffe000001 fe80000000000000 000000fffe000002" + "f0b1f0b20020beef" + piece1 + piece2 + piece3
	return vectors.ReceiveGroup{Source: "self", Implementation: tsharkAnswer, Contexts: map[string]string{}, Tests: []vectors.ReceiveTest{
		fragTest("in order", fragStep{payload: first + piece0 + piece1, result: "part"}, fragStep{payload: second + at56 + piece2, result: "part"}, fragStep{payload: second + at64 + piece3, result: "packet", packet: whole}),
		fragTest("only headers in the first", fragStep{payload: first, result: "part"}, fragStep{payload: second + at40 + piece0 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("UDP compressed in the first", fragStep{payload: "c048 0009 7e33 f3 12 beef" + piece1, result: "part"}, fragStep{payload: second + at56 + piece2 + piece3, result: "packet", packet: udp}),
		fragTest("an uncompressed header", fragStep{payload: "c048 0009 41" + fragHeader, result: "part"}, fragStep{payload: second + at40 + piece0 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("a last fragment of 3 bytes", fragStep{payload: "c033 0009 7a33 3b" + piece0, result: "part"}, fragStep{payload: "e033 0009" + at48 + "010203", result: "packet",
			packet: "6000000000 0b 3b 40" + fragHeader[19:] + piece0 + "010203"}),
		fragTest("of two senders with the same tag", fragStep{payload: first + piece0, result: "part"}, fragStep{src: "0300", payload: first + piece3, result: "part"},
			fragStep{payload: second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole},
			fragStep{src: "0300", payload: second + at48 + piece2 + piece1 + piece0, result: "packet", packet: "600000000020 3b 40 fe80000000000000 000000fffe000003 fe80000000000000 000000fffe000002" + piece3 + piece2 + piece1 + piece0}),
		fragTest("two tags in turn", fragStep{payload: first + piece0, result: "part"}, fragStep{payload: "c048 000a 7a33 3b" + piece3, result: "part"},
			fragStep{payload: second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole}, fragStep{payload: "e048 000a" + at48 + piece1 + piece2 + piece3, result: "packet", packet: fragHeader + piece3 + piece1 + piece2 + piece3}),
	}}
}

// refusedFragments are what receivers treat in their own ways where the RFC leaves
// it to them, and errors.
func refusedFragments() vectors.ReceiveGroup {
	const whole = fragPkt
	one, two, three := fragStep{payload: first + piece0, result: "part"}, fragStep{payload: second + at48 + piece1, result: "part"}, fragStep{payload: second + at56 + piece2 + piece3, result: "packet", packet: whole}
	at := func(ms uint64, s fragStep) fragStep { s.ms = ms; return s }
	part := func(s fragStep) fragStep { s.result, s.packet = "part", ""; return s }
	done := func(s fragStep) fragStep { s.result, s.packet = "packet", whole; return s }
	long := fragStep{payload: second + at48 + piece1 + piece2, result: "part"}
	return vectors.ReceiveGroup{Source: "self", Contexts: map[string]string{}, Tests: []vectors.ReceiveTest{
		fragTest("backwards", part(three), two, done(one)),
		fragTest("the first one last but one", two, one, three),
		fragTest("repeated fragments are ignored", one, one, two, two, three),
		fragTest("a longer fragment at the same offset: begun anew", one, two, long, fragStep{payload: second + at64 + piece3, result: "part"}, done(one)),
		fragTest("a shorter fragment at the same offset: begun anew", one, long, two, part(three), done(one)),
		fragTest("a fragment that covers two: begun anew", one, two, fragStep{payload: second + at40 + piece0 + piece1, result: "part"}, part(three), fragStep{payload: first, result: "packet", packet: whole}),
		fragTest("nothing after 60 seconds", at(10, one), at(20, two), at(60010, part(three)), at(60011, one), at(60012, done(two))),
		fragTest("everything within 60 seconds", at(10, one), at(60008, two), at(60009, three)),
		fragTest("another datagram size is another packet", one, fragStep{payload: "e050 0009" + at48 + piece1 + piece2 + piece3 + piece0, result: "part"}, fragStep{payload: second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("everything in the first fragment", fragStep{payload: first + piece0 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("an uncompressed header in two fragments", fragStep{payload: "c048 0009 41 600000000020 3b 40", result: "part"},
			fragStep{payload: second + "01 fe80000000000000 000000fffe000001 fe80000000000000 000000fffe000002" + piece0 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("a packet between the fragments", one, fragStep{payload: "7a333a80001234", result: "packet", packet: "6000000000 04 3a 40" + fragHeader[19:] + "80001234"}, fragStep{payload: second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("behind a mesh header: the originator counts, not the neighbour", fragStep{src: "0500", payload: "b2 0001 0002" + first + piece0, result: "part"},
			fragStep{src: "0600", payload: "b2 0001 0002" + second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("behind a broadcast header", fragStep{payload: "50 07" + first + piece0, result: "part"}, fragStep{payload: "50 08" + second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("elided checksum over all fragments", fragStep{payload: "c048 0009 7e33 f7 12" + piece1, result: "part"}, fragStep{payload: second + at56 + piece2 + piece3, result: "packet",
			packet: "6000000000 20 11 40" + fragHeader[19:] + "f0b1f0b20020" + "7d93" + piece1 + piece2 + piece3}),
		fragTest("page 1 in the first fragment", fragStep{payload: "c048 0009 f1 7a33 3b" + piece0, result: "part"}, fragStep{payload: second + at48 + piece1 + piece2 + piece3, result: "packet", packet: whole}),
		fragTest("a SCHC Datagram, which is no packet yet", fragStep{payload: "c018 0009 44" + piece0 + piece1, result: "part"}, fragStep{payload: "e018 0009 02" + piece2, result: "part"},
			fragStep{payload: "c018 0009 44" + piece0 + piece1, result: "part"}),
		fragTest("not a multiple of 8 bytes", fragStep{payload: second + at40 + "00010203040506", result: "malformed"}),
		fragTest("a first fragment that is not a multiple of 8 bytes", fragStep{payload: first + "00", result: "malformed"}),
		fragTest("no byte", fragStep{payload: second + at40, result: "malformed"}),
		fragTest("FRAGN at offset 0", fragStep{payload: second + "00" + piece0, result: "malformed"}),
		fragTest("beyond the size", fragStep{payload: second + "09" + piece0, result: "malformed"}),
		fragTest("across the size", fragStep{payload: second + at64 + piece0 + piece1, result: "malformed"}),
		fragTest("a first fragment longer than the size", fragStep{payload: "c030 0009 7a33 3b" + piece0 + piece1, result: "malformed"}),
		fragTest("FRAG1 cut", fragStep{payload: "c048 00", result: "truncated"}),
		fragTest("FRAGN cut", fragStep{payload: "e048 0009", result: "truncated"}),
		fragTest("FRAG1 with an IPHC header that is cut", fragStep{payload: "c048 0009 7a11 3b 00", result: "truncated"}),
		fragTest("a refused fragment changes nothing", one, fragStep{payload: second + at48 + "00", result: "malformed"}, two, three),
	}}
}

// bluetoothGroup are connections of Bluetooth LE.
func bluetoothGroup() vectors.ReceiveGroup {
	central, peripheral := macAddr{"", "", "c0ffeefffe112233"}, macAddr{"", "", "00a050fffe445566"}
	payload, packet := echo(central, peripheral)
	_, back := echo(peripheral, central)
	sdu := fmt.Sprintf("%02x00", len(payload)/2) + payload
	l2cap := func(channel, b string) string { return fmt.Sprintf("%02x00", len(squeeze(b))/2) + channel + squeeze(b) }
	acl := func(dir, handle, b string) string {
		return dir + "02" + handle + fmt.Sprintf("%02x00", len(squeeze(b))/2) + squeeze(b)
	}
	setup := []string{
		"00000001 04 0e0a 01 0910 00 332211eeffc0",
		"00000001 04 3e13 01 00 4000 00 00 66554450a000 00000000000000",
		acl("00000000", "4000", l2cap("0500", "14 07 0a00 2300 4100 0005 4000 0900")),
		acl("00000001", "4020", l2cap("0500", "15 07 0a00 4200 0005 4000 0900 0000")),
	}
	type step struct{ frame, result, packet string }
	hci := func(comment string, steps ...step) vectors.ReceiveTest {
		v := vectors.ReceiveTest{Comment: "HCI: " + comment}
		for _, s := range setup {
			v.Frames = append(v.Frames, vectors.ReceiveFrame{Link: 201, Frame: squeeze(s), Result: "no-payload"})
		}
		for _, s := range steps {
			v.Frames = append(v.Frames, vectors.ReceiveFrame{Link: 201, Frame: squeeze(s.frame), Result: s.result, Packet: squeeze(s.packet)})
		}
		return v
	}
	all := l2cap("4200", sdu)
	g := vectors.ReceiveGroup{Source: "self", Contexts: map[string]string{}, Tests: []vectors.ReceiveTest{
		hci("a packet", step{acl("00000000", "4000", all), "packet", packet}),
		hci("a packet from the peripheral", step{acl("00000001", "4020", l2cap("4100", sdu)), "packet", back}),
		hci("in two pieces of one L2CAP frame", step{acl("00000000", "4000", all[:14]), "part", ""}, step{acl("00000000", "4010", all[14:]), "packet", packet}),
		hci("in two L2CAP frames", step{acl("00000000", "4000", l2cap("4200", sdu[:8])), "part", ""}, step{acl("00000000", "4000", l2cap("4200", sdu[8:])), "packet", packet}),
		hci("both directions in turn", step{acl("00000000", "4000", all[:14]), "part", ""}, step{acl("00000001", "4020", l2cap("4100", sdu)), "packet", back}, step{acl("00000000", "4010", all[14:]), "packet", packet}),
		hci("another channel", step{acl("00000000", "4000", l2cap("0400", "0a0300")), "not-ipv6", ""}),
		hci("the channel of the other direction", step{acl("00000000", "4000", l2cap("4100", sdu)), "not-ipv6", ""}),
		hci("another connection", step{acl("00000000", "4100", all), "not-ipv6", ""}),
		hci("after the disconnection", step{"00000001 04 0504 00 4000 13", "no-payload", ""}, step{acl("00000000", "4000", all), "not-ipv6", ""}),
		hci("SCHC", step{acl("00000000", "4000", l2cap("4200", "0300 44aabb")), "not-ipv6", ""}),
		hci("longer than it says", step{acl("00000000", "4000", l2cap("4200", "0200 7a333b")), "malformed", ""}),
		hci("ACL longer than the frame", step{"00000000 02 4000 1100 0d00", "truncated", ""}),
		hci("a context that is not known", step{acl("00000000", "4000", l2cap("4200", "0300 7a773b")), "no-rule", ""}),
	}}
	monitor := vectors.ReceiveTest{Comment: "the monitor of Linux"}
	for _, s := range []step{
		{"0000 0000 00 01 332211eeffc0 6863693000000000", "no-payload", ""},
		{"0000 0003 3e13 01 00 4000 00 00 66554450a000 00000000000000", "no-payload", ""},
		{"0000 0004" + setup[2][10:], "no-payload", ""}, {"0000 0005" + setup[3][10:], "no-payload", ""},
		{"0000 0004" + acl("", "4000", all)[2:], "packet", packet},
	} {
		monitor.Frames = append(monitor.Frames, vectors.ReceiveFrame{Link: 254, Frame: squeeze(s.frame), Result: s.result, Packet: squeeze(s.packet)})
	}
	g.Tests = append(g.Tests, monitor)
	// On the air; the CRCs are those of the shift register of the specification.
	air := func(flags, access string, init uint32, pdu string) string {
		b, _ := hex.DecodeString(squeeze(pdu))
		return "25000000 00000000" + flags + access + pdu + hex.EncodeToString(crc24(init, b))
	}
	data := func(flags, head, b string) string {
		return air(flags, "78563412", 0xabcdef, head+fmt.Sprintf("%02x", len(squeeze(b))/2)+b)
	}
	const down, up = "0101", "8101"
	begin := []step{
		{air("0100", "d6be898e", 0x555555, "0522 332211eeffc0 66554450a000 78563412 efcdab 000000000000000000000000000000"), "no-payload", ""},
		{data(down, "02", l2cap("0500", "14 07 0a00 2300 4100 0005 4000 0900")), "no-payload", ""},
		{data(up, "02", l2cap("0500", "15 07 0a00 4200 0005 4000 0900 0000")), "no-payload", ""},
	}
	radio := func(comment string, steps ...step) {
		v := vectors.ReceiveTest{Comment: "on the air: " + comment}
		for _, s := range append(begin[:len(begin):len(begin)], steps...) {
			v.Frames = append(v.Frames, vectors.ReceiveFrame{Link: 256, Frame: squeeze(s.frame), Result: s.result, Packet: squeeze(s.packet)})
		}
		g.Tests = append(g.Tests, v)
	}
	radio("a packet", step{data(down, "0e", all), "packet", packet})
	radio("two pieces", step{data(down, "0e", all[:14]), "part", ""}, step{data(down, "05", all[14:]), "packet", packet})
	radio("a piece that is sent again", step{data(down, "0e", all[:14]), "part", ""}, step{data(down, "0e", all[:14]), "no-payload", ""}, step{data(down, "05", all[14:]), "packet", packet})
	radio("an empty packet in between", step{data(down, "0e", all[:14]), "part", ""}, step{data(down, "05", ""), "no-payload", ""}, step{data(down, "0d", all[14:]), "packet", packet})
	radio("a wrong CRC: nobody takes the frame", step{air(down, "78563412", 0, "0e"+fmt.Sprintf("%02x", len(all)/2)+all), "no-payload", ""})
	radio("encrypted", step{data(up, "0301", "")[:len(data(up, "0301", ""))-6], "truncated", ""}, step{data(up, "03", "05"), "no-payload", ""}, step{data(down, "0e", all), "encrypted", ""})
	radio("another access address", step{air(down, "78563413", 0xabcdef, "0e"+fmt.Sprintf("%02x", len(all)/2)+all), "not-ipv6", ""})
	return g
}

func TestReceiveTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("absent: tshark")
	}
	data, err := os.ReadFile("../../vectors/lowpan/receive.json")
	if err != nil {
		t.Fatal(err)
	}
	f, err := vectors.ParseReceive(data)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, g := range f.Groups {
		if g.Implementation != tsharkAnswer {
			continue
		}
		byLink := map[uint32][]vectors.ReceiveTest{}
		for _, v := range g.Tests {
			byLink[v.Frames[0].Link] = append(byLink[v.Frames[0].Link], v)
		}
		for link, tests := range byLink {
			var b bytes.Buffer
			put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
			put([]uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, link})
			ms := uint32(0)
			for _, v := range tests {
				ms += 100_000 // so that the tests have nothing to do with each other
				for _, x := range v.Frames {
					m := mustHex(t, x.Frame)
					at := ms + uint32(x.Ms)
					put([]uint32{at / 1000, at % 1000 * 1000, uint32(len(m)), uint32(len(m))})
					b.Write(m)
				}
			}
			file := filepath.Join(t.TempDir(), "a.pcap")
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tshark, "-n", "-x", "-r", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			blocks := strings.Split(strings.TrimSpace(string(out)), "\n\n")
			i := 0
			for _, v := range tests {
				for _, x := range v.Frames {
					var plain strings.Builder // all bytes of all buffers in a row
					for _, line := range strings.Split(blocks[i], "\n") {
						if !strings.HasSuffix(line, "):") {
							plain.WriteString(squeeze(line[6:min(53, len(line))]))
						}
					}
					i++
					if x.Packet != "" {
						if asked++; !strings.Contains(plain.String(), x.Packet) {
							t.Errorf("%d, %s: tshark reads %s as\n%s\nwant %s", v.ID, v.Comment, x.Frame, blocks[i-1], x.Packet)
						}
					}
				}
			}
			if i != len(blocks) {
				t.Errorf("tshark has %d frames, want %d", len(blocks), i)
			}
		}
	}
	t.Logf("%d packets", asked)
}
