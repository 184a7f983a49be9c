package esp

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/vectors"
)

var updateVectors = flag.Bool("update-vectors", false, "write vectors/esp/*.json anew")

// espNotes are the flags of the vectors.
var espNotes = map[string]string{
	"Seal":     "an SA whose last number is seq - 1 makes exactly this packet of inner: IVs are the sequence number, encrypted for CBC; the outer header has hop limit 64, the inner traffic class, flow label 0, for IPv4 identification 0 and DF",
	"SealOnly": "sealing inner fails",
	"Dummy":    "opens to nothing: a dummy packet (RFC 4303, 2.6)",
	"TFC":      "bytes behind the inner packet are dropped (RFC 4303, 2.7)",
	"LongPad":  "more padding than is needed",
}

// TestVectorFiles: the files are what this test writes, from the packets of other
// implementations where they are present, and with the readable reference.
func TestVectorFiles(t *testing.T) {
	files := map[string]*vectors.ESPFile{
		"behaviour.json":  {Spec: "RFC 4303, RFC 3948", Groups: behaviour(t)},
		"rfc7634.json":    {Spec: "RFC 7634, Appendix A", Groups: rfc7634()},
		"algorithms.json": {Spec: "RFC 3602, 3686, 4106, 4309, 4543, 4868, 7634, 8750", Groups: everyAlgorithm(t)},
	}
	if g := scapyGroups(t); g != nil {
		files["scapy.json"] = &vectors.ESPFile{Spec: "RFC 4303", Groups: g}
	}
	if g := strongSwanGroups(t); g != nil {
		files["strongswan.json"] = &vectors.ESPFile{Spec: "RFC 4303", Groups: g}
	}
	for name, f := range files {
		data := encodeVectors(t, f)
		path := filepath.Join("..", "vectors", "esp", name)
		if *updateVectors {
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(old, data) {
			t.Errorf("%s is not what this test writes; run go test ./esp -run TestVectorFiles -update-vectors", name)
		}
		if _, err := vectors.ParseESP(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// encodeVectors numbers the tests and lays the file out, one test a line.
func encodeVectors(t *testing.T, f *vectors.ESPFile) []byte {
	used := map[string]string{}
	n := 0
	for i := range f.Groups {
		for j := range f.Groups[i].Tests {
			v := &f.Groups[i].Tests[j]
			n++
			v.ID = n
			for _, flag := range v.Flags {
				used[flag] = espNotes[flag]
			}
		}
	}
	line := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"schema\": %q, \"spec\": %q, \"numberOfTests\": %d,\n \"notes\": {", vectors.SchemaESP, f.Spec, n)
	var flags []string
	for flag := range used {
		flags = append(flags, flag)
	}
	slices.Sort(flags)
	for i, flag := range flags {
		fmt.Fprintf(&b, "%s\n  %s: %s", strings.Repeat(",", min(i, 1)), line(flag), line(used[flag]))
	}
	b.WriteString("},\n \"groups\": [\n")
	for i, g := range f.Groups {
		fmt.Fprintf(&b, "  {\"source\": %q,", g.Source)
		if g.Implementation != "" {
			fmt.Fprintf(&b, " \"implementation\": %q,", g.Implementation)
		}
		fmt.Fprintf(&b, "\n   \"sa\": %s,\n   \"tests\": [\n", line(g.SA))
		for j, v := range g.Tests {
			fmt.Fprintf(&b, "    %s%s\n", line(v), strings.Repeat(",", min(len(g.Tests)-1-j, 1)))
		}
		fmt.Fprintf(&b, "  ]}%s\n", strings.Repeat(",", min(len(f.Groups)-1-i, 1)))
	}
	b.WriteString(" ]}\n")
	return b.Bytes()
}

// rfc7634 is the packet of RFC 7634, Appendix A.
func rfc7634() []vectors.ESPGroup {
	return []vectors.ESPGroup{{Source: "rfc",
		SA:    vectors.ESPSA{SPI: 0x01020304, Src: "203.0.113.153", Dst: "203.0.113.5", Mode: "tunnel", Encr: "chacha20poly1305", Key: rfc7634Key, Seq: 4},
		Tests: []vectors.ESPTest{{Comment: "an ICMP packet, IV 1011121314151617", Seq: 5, Offset: 20, Inner: rfc7634Inner, Packet: rfc7634ESP, Result: "valid"}}}}
}

// scapyGroups are the packets of ../shared/corpus/esp_scapy.json.
func scapyGroups(t *testing.T) (list []vectors.ESPGroup) {
	if _, err := os.Stat(filepath.Join(corpusDir, "esp_scapy.json")); err != nil {
		t.Log("esp_scapy.json is absent: scapy.json is not compared")
		return nil
	}
	c := loadScapy(t)
	for i := range c.SAs {
		a := &c.SAs[i]
		encr, auth := scapyNames(a.Suite, a.ImplicitIV)
		g := vectors.ESPGroup{Source: "independent", Implementation: "scapy 2.5.0 SecurityAssociation over python3-cryptography 38.0.4",
			SA: vectors.ESPSA{SPI: a.SPI, Mode: a.Mode, Encr: encr, Key: a.EncKey + a.Salt, Auth: auth, AuthKey: a.AuthKey, ESN: a.ESN, Window: 1024}}
		if a.ESN {
			g.SA.Seq = a.ESNHigh << 32
		}
		for j := range c.Packets {
			p := &c.Packets[j]
			if p.SPI != a.SPI {
				continue
			}
			seq := p.Seq&0xffffffff | g.SA.Seq
			g.Tests = append(g.Tests, vectors.ESPTest{Comment: p.Summary, Seq: seq, Offset: p.Offset, Inner: p.Inner, Packet: p.Packet, Result: "valid"})
		}
		list = append(list, g)
	}
	return list
}

// strongSwanGroups are the packets of ../shared/corpus/strongswan: each end's in
// a group, with the packet that the other end gave out.
func strongSwanGroups(t *testing.T) (list []vectors.ESPGroup) {
	dir := filepath.Join(corpusDir, "strongswan")
	data, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Log("strongswan/keys.json is absent: strongswan.json is not compared")
		return nil
	}
	var keys struct {
		Runs []strongSwanRun `json:"runs"`
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for _, run := range keys.Runs {
		names := strongSwanNames[strings.TrimSuffix(run.Proposal, "/NO_EXT_SEQ")]
		clear := ipPackets(t, filepath.Join(dir, run.Inner))
		for i, k := range [][3]string{{run.SPIOut, run.EncI, run.IntI}, {run.SPIIn, run.EncR, run.IntR}} {
			suite := mustSuite(t, names[0], names[1], unhex(t, k[1]), unhex(t, k[2]))
			g := vectors.ESPGroup{Source: "independent", Implementation: "strongSwan 5.9.8 (kernel-libipsec), " + run.Name + []string{", A to B", ", B to A"}[i],
				SA: vectors.ESPSA{SPI: binary.BigEndian.Uint32(unhex(t, k[0])), Mode: "tunnel", Encr: names[0], Key: k[1], Auth: names[1], AuthKey: k[2]}}
			for _, p := range ipPackets(t, filepath.Join(dir, run.Pcap)) {
				l, err := Locate(p, nil)
				if err != nil || l.SPI != g.SA.SPI {
					continue
				}
				// Which of the clear packets it is, decryption says; that it is
				// one of them is what makes it an expected value.
				plain, err := suite.AppendOpen(nil, p[l.at+8:], l.SPI, uint64(l.SN), false)
				if err != nil {
					t.Errorf("%s: %v", run.Name, err)
					continue
				}
				j := slices.IndexFunc(clear, func(c []byte) bool { return bytes.HasPrefix(plain, c) })
				if j < 0 {
					t.Errorf("%s: %x holds none of the clear packets", run.Name, p)
					continue
				}
				g.Tests = append(g.Tests, vectors.ESPTest{Comment: "a live packet", Seq: uint64(l.SN), Offset: l.at,
					Inner: hex.EncodeToString(clear[j]), Packet: hex.EncodeToString(p), Result: "valid"})
			}
			if len(g.Tests) > 0 {
				list = append(list, g)
			}
		}
	}
	return list
}

// maker makes the packets of a group with the readable reference.
type maker struct {
	alg   Algorithm
	group vectors.ESPGroup
	key   []byte
	akey  []byte
	head  func(n int, tos byte) []byte // the outer header for n bytes behind it
}

func newMaker(t *testing.T, encr, auth string, sa vectors.ESPSA) *maker {
	alg, err := ParseAlgorithm(encr, auth)
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{alg: alg}
	for i := 0; i < alg.KeyLen(); i++ {
		m.key = append(m.key, byte(i))
	}
	for i := 0; i < alg.AuthKeyLen(); i++ {
		m.akey = append(m.akey, byte(0x80+i))
	}
	sa.Encr, sa.Auth, sa.Key, sa.AuthKey = encr, auth, hex.EncodeToString(m.key), hex.EncodeToString(m.akey)
	if sa.SPI == 0 {
		sa.SPI = 0x1001
	}
	m.group = vectors.ESPGroup{Source: "self", SA: sa}
	m.head = func(n int, tos byte) []byte { return outer6(n, tos, protoESP) }
	return m
}

// outer6 is the outer header of a tunnel from 2001:db8::1 to 2001:db8::2.
func outer6(n int, tos, proto byte) []byte {
	return unhexOuter(fmt.Sprintf("6%02x00000%04x%02x40%s%s", tos, n, proto, outerA, outerB))
}

// outer4 is that from 192.0.2.1 to 192.0.2.2.
func outer4(n int, tos, proto byte) []byte {
	h := unhexOuter(fmt.Sprintf("45%02x%04x0000400040%02x0000c0000201c0000202", tos, 20+n, proto))
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	sum = sum>>16 + sum&0xffff
	sum += sum >> 16
	binary.BigEndian.PutUint16(h[10:], ^uint16(sum))
	return h
}

const (
	outerA = "20010db8000000000000000000000001"
	outerB = "20010db8000000000000000000000002"
)

func unhexOuter(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// iv is the IV of the flag Seal.
func (m *maker) iv(seq uint64) []byte {
	iv := make([]byte, m.alg.IVLen())
	switch len(iv) {
	case 8:
		binary.BigEndian.PutUint64(iv, seq)
	case 16:
		block, err := aes.NewCipher(m.key[:len(m.key)-int(m.alg.Encr.info().salt)])
		if err != nil {
			panic(err)
		}
		binary.BigEndian.PutUint64(iv[8:], seq)
		block.Encrypt(iv, iv)
	}
	return iv
}

// padded appends the trailer: as much padding as is needed.
func (m *maker) padded(payload []byte, next byte) []byte {
	plain := bytes.Clone(payload)
	for i := byte(1); (len(plain)+2)%max(4, m.alg.BlockLen()) != 0; i++ {
		plain = append(plain, i)
	}
	return append(plain, byte(len(plain)-len(payload)), next)
}

// packet is the whole packet with a plaintext.
func (m *maker) packet(seq uint64, tos byte, plain []byte) []byte {
	sa := &m.group.SA
	body := slowBody(m.alg, m.key, m.akey, sa.SPI, seq, sa.ESN, m.iv(seq), plain)
	esp := binary.BigEndian.AppendUint32(nil, sa.SPI)
	esp = binary.BigEndian.AppendUint32(esp, uint32(seq))
	esp = append(esp, body...)
	return append(m.head(len(esp), tos), esp...)
}

func (m *maker) add(comment, result string, seq uint64, inner, pkt []byte, flags ...string) {
	v := vectors.ESPTest{Comment: comment, Flags: flags, Seq: seq, Inner: hex.EncodeToString(inner), Packet: hex.EncodeToString(pkt), Result: result}
	if result == "valid" {
		v.Offset = len(m.head(0, 0))
	}
	m.group.Tests = append(m.group.Tests, v)
}

// good adds a packet that a sender makes.
func (m *maker) good(comment string, seq uint64, inner []byte) []byte {
	next, tos := byte(protoIPv6), inner[0]<<4|inner[1]>>4
	if inner[0]>>4 == 4 {
		next, tos = protoIPv4, inner[1]
	}
	pkt := m.packet(seq, tos, m.padded(inner, next))
	m.add(comment, "valid", seq, inner, pkt, "Seal")
	return pkt
}

var tunnel6 = vectors.ESPSA{Mode: "tunnel", Src: "2001:db8::1", Dst: "2001:db8::2"}

// everyAlgorithm is a packet under each algorithm.
func everyAlgorithm(t *testing.T) (list []vectors.ESPGroup) {
	for _, a := range algorithms() {
		encr, auth, _ := strings.Cut(a.String(), "-")
		m := newMaker(t, encr, auth, tunnel6)
		m.good(a.String(), 1, udp6([]byte("21.5 C")))
		list = append(list, m.group)
		if a.KeyBits == 192 || a.Integ == IntegHMACSHA196 {
			continue
		}
		sa := tunnel6
		sa.ESN, sa.Seq = true, 1<<32+5
		m = newMaker(t, encr, auth, sa)
		m.good(a.String()+" with extended sequence numbers", 1<<32+6, udp6([]byte("21.5 C")))
		list = append(list, m.group)
	}
	return list
}

// behaviour is what receivers and senders must do, in the words of the RFCs.
func behaviour(t *testing.T) []vectors.ESPGroup {
	return []vectors.ESPGroup{
		receiverVectors(t), contentVectors(t), transportVectors(t), encapsulated(t), extended(t), lifeVectors(t, 1<<32-1, 0, 0), lifeVectors(t, 0, 1, 0), lifeVectors(t, 0, 0, 60),
	}
}

// changed returns b with a bit flipped.
func changed(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func receiverVectors(t *testing.T) vectors.ESPGroup {
	m := newMaker(t, "aes128gcm16", "", tunnel6)
	inner := udp6([]byte("21.5 C"))
	first := m.good("the first packet", 1, inner)
	m.add("the same again", "replay", 1, nil, first)
	two := m.packet(2, 0, m.padded(inner, protoIPv6))
	m.add("a bit of the ICV changed", "auth", 2, nil, changed(two, len(two)-1))
	m.add("a bit of the ciphertext changed", "auth", 2, nil, changed(two, 60))
	m.add("a bit of the IV changed", "auth", 2, nil, changed(two, 55))
	m.add("another sequence number", "auth", 3, nil, changed(two, 47))
	m.add("another SPI", "no-sa", 2, nil, changed(two, 43))
	m.add("another destination", "no-sa", 2, nil, changed(two, 39))
	m.add("sequence number 0", "replay", 0, nil, m.packet(0, 0, m.padded(inner, protoIPv6)))
	m.add("none of that moved the window", "valid", 2, inner, two)
	m.add("the end is missing", "truncated", 2, nil, two[:len(two)-1])
	m.add("nothing behind the sequence number", "truncated", 2, nil, append(outer6(8, 0, protoESP), two[40:48]...))
	m.add("no room for IV and ICV", "truncated", 2, nil, append(outer6(26, 0, protoESP), two[40:66]...))
	m.add("half a header", "truncated", 2, nil, append(outer6(4, 0, protoESP), two[40:44]...))
	m.add("bytes behind the packet", "malformed", 2, nil, append(bytes.Clone(two), 0))
	m.add("not IP", "malformed", 2, nil, append([]byte{0x50}, two[1:]...))
	m.add("UDP", "no-sa", 2, nil, inner)
	m.add("a fragment", "unsupported", 2, nil, append(outer6(len(two)-32, 0, protoFragment), append([]byte{protoESP, 0, 0, 1, 0, 0, 0, 9}, two[40:]...)...))
	m.good("far ahead", 100, inner)
	m.add("left of a window of 64", "replay", 36, nil, m.packet(36, 0, m.padded(inner, protoIPv6)))
	m.good("the left edge", 37, inner)
	m.add("the left edge again", "replay", 37, nil, m.packet(37, 0, m.padded(inner, protoIPv6)))
	m.good("the last number", 1<<32-1, inner)
	m.add("all others are too old then", "replay", 101, nil, m.packet(101, 0, m.padded(inner, protoIPv6)))
	return m.group
}

func contentVectors(t *testing.T) vectors.ESPGroup {
	m := newMaker(t, "aes128ccm8", "", tunnel6)
	inner, inner4 := udp6([]byte("x")), udp4([]byte("y"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	m.good("IPv4 in IPv6", 1, inner4)
	m.add("a dummy packet", "valid", 2, nil, m.packet(2, 0, []byte{9, 9, 9, 9, 1, 1, 0, 59}), "Dummy")
	m.add("an empty dummy packet", "valid", 3, nil, m.packet(3, 0, []byte{1, 2, 2, 59}), "Dummy")
	m.add("TFC padding", "valid", 4, inner, m.packet(4, 0, join(inner, make([]byte, 25), []byte{0, 41})), "TFC")
	m.add("more padding than needed", "valid", 5, inner, m.packet(5, 0, join(inner, []byte{1, 2, 3, 4, 5, 5, 41})), "LongPad")
	long := make([]byte, 255)
	for i := range long {
		long[i] = byte(i + 1)
	}
	m.add("the most padding", "valid", 6, inner, m.packet(6, 0, join(inner, long, []byte{255, 41})), "LongPad")
	bad := m.packet(7, 0, join(inner, []byte{1, 2, 4, 3, 41}))
	m.add("padding that is not 1, 2, 3 (RFC 4303, 2.4)", "malformed", 7, nil, bad)
	m.add("its number is used up", "replay", 7, nil, bad)
	m.add("padding longer than the packet", "malformed", 8, nil, m.packet(8, 0, []byte{1, 2, 9, 41}))
	m.add("IPv4 announced, IPv6 there", "malformed", 9, nil, m.packet(9, 0, join(inner, []byte{1, 1, 4})))
	m.add("not IP in a tunnel", "malformed", 10, nil, m.packet(10, 0, join(inner, []byte{1, 1, 17})))
	m.add("the inner packet is cut", "malformed", 11, nil, m.packet(11, 0, join(inner[:48], []byte{1, 2, 2, 41})))
	return m.group
}

// transportVectors have ESP behind the headers that stay outside.
func transportVectors(t *testing.T) vectors.ESPGroup {
	m := newMaker(t, "aes256gcm16", "", vectors.ESPSA{Mode: "transport"})
	const hop, routing, opts = "3c00050200000100", "3c00000000000000", "1100010400000000"
	udp := udp6([]byte("21.5 C"))[40:]
	for i, c := range []struct {
		comment     string
		proto       byte
		outside     string // headers in front of ESP, with the type of the next
		inside      string
		insideProto byte
	}{
		{"UDP", protoUDP, "", "", protoUDP},
		{"hop-by-hop options outside", protoHopByHop, "1100050200000100", "", protoUDP},
		{"destination options inside", protoDestOpts, "", opts, protoDestOpts},
		{"options outside, destination options inside", protoHopByHop, hop, opts, protoDestOpts},
		{"destination options in front of a routing header stay outside", protoDestOpts, "2b00010400000000" + routing, opts, protoDestOpts},
	} {
		outside, inside := unhexOuter(c.outside), append(unhexOuter(c.inside), udp...)
		inner := append(append(outer6(len(outside)+len(inside), 0x2e, c.proto), outside...), inside...)
		m.head = func(n int, _ byte) []byte {
			h := append(outer6(len(outside)+n, 0x2e, c.proto), outside...)
			if len(outside) == 0 {
				h[6] = protoESP
			} else {
				h[len(h)-8] = protoESP
			}
			return h
		}
		seq := uint64(i + 1)
		m.add(c.comment, "valid", seq, inner, m.packet(seq, 0, m.padded(inside, c.insideProto)), "Seal")
	}
	return m.group
}

// encapsulated is ESP in UDP (RFC 3948).
func encapsulated(t *testing.T) vectors.ESPGroup {
	m := newMaker(t, "chacha20poly1305", "", vectors.ESPSA{Mode: "tunnel", Src: "192.0.2.1", Dst: "192.0.2.2", UDPEncap: true})
	m.head = func(n int, tos byte) []byte {
		return append(outer4(8+n, tos, protoUDP), unhexOuter(fmt.Sprintf("11941194%04x0000", 8+n))...)
	}
	m.good("IPv4 in IPv4", 1, udp4([]byte("21.5 C")))
	m.good("IPv6 in IPv4", 2, udp6([]byte("21.5 C")))
	m.add("a keepalive (RFC 3948, 2.3)", "no-sa", 0, nil, append(m.head(1, 0), 0xff))
	m.add("IKE: the non-ESP marker (RFC 3948, 2.2)", "no-sa", 0, nil, append(m.head(12, 0), 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8))
	plain := append(outer4(20, 0, protoESP), unhexOuter("00001001"+"00000003"+"000000000000000000000000")...)
	m.add("ESP that is not in UDP, and too short", "truncated", 3, nil, plain)
	pkt := m.packet(3, 0, m.padded(udp4([]byte("z")), protoIPv4))
	pkt[25]--
	m.add("a UDP length that is too small", "malformed", 3, nil, pkt)
	return m.group
}

// extended are sequence numbers of which the high half is not sent.
func extended(t *testing.T) vectors.ESPGroup {
	sa := tunnel6
	sa.ESN, sa.Seq = true, 1<<32-3
	m := newMaker(t, "aes128cbc", "sha256", sa)
	inner := udp6([]byte("21.5 C"))
	m.good("before the low half wraps", 1<<32-2, inner)
	m.good("behind", 1<<32+1, inner)
	m.good("the last before, late", 1<<32-1, inner)
	m.good("the low half is 0", 1<<32, inner)
	pkt := m.packet(1<<32, 0, m.padded(inner, protoIPv6))
	m.add("again", "replay", 1<<32, nil, pkt)
	m.add("sealed with the high half before", "auth", 2, nil, m.packet(2, 0, m.padded(inner, protoIPv6)))
	m.good("the same low half with the right one", 1<<32+2, inner)
	return m.group
}

// lifeVectors are SAs that come to their end: of sequence numbers, packets, bytes.
func lifeVectors(t *testing.T, seq, packets, maxBytes uint64) vectors.ESPGroup {
	sa := tunnel6
	sa.MaxPackets, sa.MaxBytes = packets, maxBytes
	if seq > 0 {
		sa.Seq = seq - 1
	}
	m := newMaker(t, "aes128gcm16iiv", "", sa)
	inner := udp6([]byte("21.5 C")) // 54 bytes
	switch {
	case seq > 0:
		m.good("the last sequence number", seq, inner)
		m.add("no number is left", "exhausted", seq+1, inner, nil, "SealOnly")
	case packets > 0:
		m.good("the only packet", 1, inner)
		m.add("one more than the SA may carry", "exhausted", 2, nil, m.packet(2, 0, m.padded(inner, protoIPv6)))
	default:
		m.good("54 of 60 bytes", 1, inner)
		m.add("a packet of 61 bytes", "exhausted", 2, udp6([]byte("21.5 C at home")[:13]), nil, "SealOnly")
	}
	return m.group
}
