package sse

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/vectors"
)

var updateVectors = flag.Bool("update-vectors", false, "write vectors/sse/*.json anew")

// vectorNotes are the flags of the vectors.
var vectorNotes = map[string]string{
	"Seal":     "a sender whose next Sequence Number is seq makes exactly this packet of payload",
	"SealOnly": "sealing payload fails; a seq above the last number means that all are used",
	"Longest":  "as much payload as the format can carry",
	"Lost":     "packets before this one were lost",
	"Late":     "packets behind this one came before it",
	"Exact":    "what was parsed is coded as the same message",
}

// vectorMaker makes vectors with python3-cryptography and the readable header of
// slow_test.go, and without the code under test.
type vectorMaker struct {
	t     *testing.T
	in    strings.Builder
	seals []func(out []byte)
}

// vectorSession is a session and what it has in bytes.
type vectorSession struct {
	m         *vectorMaker
	g         *vectors.SSEGroup
	f         Format
	s         Suite
	key, salt []byte
	c         *Compression
}

func (m *vectorMaker) session(f Format, s Suite, keyLen int, more func(v *vectors.SSESession)) *vectorSession {
	x := &vectorSession{m: m, f: f, s: s}
	for i := 0; i < keyLen; i++ {
		x.key = append(x.key, byte(i*7+int(s)))
	}
	x.salt = []byte{0xa0, 0xa1, 0xa2, 0xa3}[:map[bool]int{true: 3, false: 4}[s <= SuiteCCM16]]
	v := vectors.SSESession{Format: f.String(), Suite: s.String(), SPI: 0x77010203, Key: hex.EncodeToString(x.key), Salt: hex.EncodeToString(x.salt)}
	if more != nil {
		more(&v)
	}
	if h := v.Headers; h != nil {
		x.c = &Compression{h.SPIBits, h.SNBits, h.FlagC, h.Stream}
	}
	x.g = &vectors.SSEGroup{Source: "independent", Implementation: "python3-cryptography", Session: v}
	return x
}

// header is that of a payload; change may make it another one.
func (x *vectorSession) header(seq uint64, n int, change func(h *Header)) []byte {
	h := Header{SPI: x.g.Session.SPI, Length: uint32(n), Seq: seq}
	if x.f == FormatCompact {
		h.SPI &= 1<<24 - 1
	}
	if change != nil {
		change(&h)
	}
	return slowHeader(x.f, h)
}

// add appends a test: payload is what is encrypted, and given what the application
// gave. change is for the header, damage for the packet as it is received.
func (x *vectorSession) add(result, comment string, flags []string, seq uint64, payload, given []byte, change func(h *Header), damage func(pkt []byte) []byte) {
	head := x.header(seq, len(payload), change)
	nonce := append(bytes.Clone(x.salt), packBits(bits(seq, 64))...)
	at := len(x.g.Tests)
	x.g.Tests = append(x.g.Tests, vectors.SSETest{Comment: comment, Flags: flags, Seq: seq, Result: result})
	mode := "AESGCM"
	if len(x.salt) == 3 {
		mode = "AESCCM"
	}
	icv := 8
	if x.s == SuiteCCM16 || x.s == SuiteGCM16 {
		icv = 16
	}
	fmt.Fprintf(&x.m.in, "seal %s %d %x %x %x %x\n", mode, icv, x.key, nonce, head, payload)
	x.m.seals = append(x.m.seals, func(out []byte) {
		v := &x.g.Tests[at]
		pkt := append(bytes.Clone(head), out...)
		if damage == nil {
			v.Header, v.Nonce = hex.EncodeToString(head), hex.EncodeToString(nonce)
		} else if x.c == nil {
			pkt = damage(pkt)
		}
		if result == "valid" {
			v.Payload = hex.EncodeToString(given)
		}
		if x.c == nil {
			v.Packet = hex.EncodeToString(pkt)
			return
		}
		small := slowCompress(*x.c, pkt)
		if damage == nil {
			v.Packet = hex.EncodeToString(pkt)
		} else {
			small = damage(small)
		}
		v.Small = hex.EncodeToString(small)
	})
}

func (x *vectorSession) seal(comment string, flags []string, seq uint64, payload []byte) {
	x.add("valid", comment, append([]string{"Seal"}, flags...), seq, payload, payload, nil, nil)
}

// only appends a test of a payload that cannot be sealed.
func (x *vectorSession) only(result, comment string, seq uint64, payload []byte) {
	x.g.Tests = append(x.g.Tests, vectors.SSETest{Comment: comment, Flags: []string{"SealOnly"}, Seq: seq, Payload: hex.EncodeToString(payload), Result: result})
}

func (m *vectorMaker) run(path string) {
	cmd := exec.Command(path, "-c", python)
	cmd.Stdin = strings.NewReader(m.in.String())
	out, err := cmd.Output()
	lines := strings.Fields(string(out))
	if err != nil || len(lines) != len(m.seals) {
		m.t.Fatalf("%v: %d lines for %d", err, len(lines), len(m.seals))
	}
	for i, l := range lines {
		m.seals[i](mustHex(m.t, l))
	}
}

func text(n int) []byte { return bytes.Repeat([]byte("temperature 21.5 "), n/17+1)[:n] }

// packets are those of every format and suite.
func packets(m *vectorMaker) (list []*vectorSession) {
	for i, f := range formats {
		for j, s := range suites {
			x := m.session(f, s, []int{16, 24, 32}[(i+j)%3], nil)
			for n, size := range []int{0, 1, 6, 16, 17, 100} {
				x.seal(fmt.Sprintf("%d bytes of payload", size), nil, uint64(n+1), text(size))
			}
			if f != FormatCompact {
				x.add("auth", "RESERVED is authenticated", nil, 8, text(4), nil, nil, func(b []byte) []byte { b[5]++; return b })
			}
			x.seal("the last Sequence Number", nil, f.MaxSeq(), text(5))
			list = append(list, x)
		}
	}
	return list
}

// smallHeaders are compressed headers.
func smallHeaders(m *vectorMaker) (list []*vectorSession) {
	for i, c := range []vectors.SSEHeaders{{SPIBits: 0, SNBits: 8}, {SPIBits: 8, SNBits: 16}, {}, {SPIBits: 24, SNBits: 20}, {SPIBits: 3, SNBits: 10},
		{SPIBits: 5, SNBits: 9, FlagC: true}, {SNBits: 7, FlagC: true}, {SNBits: 4, Stream: true}, {SNBits: 20, Stream: true}, {SPIBits: 7, SNBits: 9, FlagC: true, Stream: true}} {
		x := m.session(FormatCompact, suites[i%4], 16, func(v *vectors.SSESession) { v.Headers = &c })
		whole := Compression{c.SPIBits, c.SNBits, c.FlagC, c.Stream}
		size := func(n int) string {
			return fmt.Sprintf("a header of %d bits, payload of %d bytes", whole.HeaderBits(), n)
		}
		x.seal(size(6), nil, 1, text(6))
		x.seal(size(0), nil, 2, nil)
		x.seal(size(33), nil, 3, text(33))
		if c.SNBits == 0 {
			x.seal("one packet was lost: the number is found by trial", []string{"Lost"}, 5, text(3))
		} else {
			step := uint64(1) << c.SNBits >> 1
			x.seal("as many packets were lost as half of the numbers", []string{"Lost"}, 3+step, text(3))
			x.seal("a packet comes late", []string{"Late"}, 2+step, text(4))
		}
		if pad := (8 - whole.HeaderBits()%8) % 8; pad > 0 {
			at := (whole.HeaderBits() - 1) / 8
			x.add("malformed", "padding that is not zero", nil, 900, text(4), nil, nil, func(b []byte) []byte { b[at] |= 1; return b })
		}
		x.add("truncated", "shorter than header and ICV", nil, 4, nil, nil, nil, func(b []byte) []byte { return b[:len(b)-1] })
		if c.Stream {
			x.add("truncated", "shorter than its Length", nil, 4, text(9), nil, nil, func(b []byte) []byte { return b[:len(b)-1] })
			x.add("malformed", "longer than its Length", nil, 4, text(9), nil, nil, func(b []byte) []byte { return append(b, 0) })
		}
		if c.SPIBits > 0 && c.SPIBits < 24 {
			// What is not sent is the receiver's own, and authenticated.
			x.add("auth", "another SPI with the same low-order bits", nil, 4+1<<c.SNBits>>1, text(9), nil, func(h *Header) { h.SPI ^= 1 << 23 }, func(b []byte) []byte { return b })
		}
		list = append(list, x)
	}
	return list
}

// behaviour is what a receiver does in an order of packets.
func behaviour(m *vectorMaker) (list []*vectorSession) {
	for _, f := range formats {
		x := m.session(f, SuiteCCM16, 16, func(v *vectors.SSESession) { v.Seq = 3 })
		same := func(b []byte) []byte { return b }
		x.add("replay", "a number that was seen before the vectors begin", nil, 3, text(5), nil, nil, same)
		x.seal("the next number", nil, 4, text(5))
		x.add("replay", "the same packet again", nil, 4, text(5), nil, nil, same)
		x.seal("96 packets were lost", []string{"Lost"}, 100, text(6))
		x.seal("the oldest number in the window", []string{"Late"}, 37, text(7))
		x.add("replay", "the same packet again", nil, 37, text(7), nil, nil, same)
		x.add("replay", "left of the window", nil, 36, text(7), nil, nil, same)
		x.add("auth", "payload changed", nil, 101, text(8), nil, nil, func(b []byte) []byte { b[f.HeaderLen()] ^= 0x80; return b })
		x.add("auth", "ICV changed", nil, 101, text(8), nil, nil, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		x.add("auth", "Sequence Number changed", nil, 101, text(8), nil, nil, func(b []byte) []byte { b[f.HeaderLen()-1] ^= 2; return b })
		x.add("no-sa", "SPI changed", nil, 101, text(8), nil, nil, func(b []byte) []byte { b[0] ^= 1; return b })
		x.add("malformed", "a byte more than Length says", nil, 101, text(8), nil, nil, func(b []byte) []byte { return append(b, 0) })
		x.add("truncated", "a byte less than Length says", nil, 101, text(8), nil, nil, func(b []byte) []byte { return b[:len(b)-1] })
		x.add("truncated", "the header only", nil, 101, text(8), nil, nil, func(b []byte) []byte { return b[:f.HeaderLen()] })
		x.add("truncated", "a part of the header", nil, 101, text(8), nil, nil, func(b []byte) []byte { return b[:f.HeaderLen()-1] })
		x.add("malformed", "Sequence Number 0", nil, 0, text(8), nil, nil, same)
		x.add("unsupported", "a flag that is not defined", nil, 101, text(8), nil, func(h *Header) { h.Flags = 0x40 }, same)
		x.add("unsupported", "C, which nothing restores", nil, 101, text(8), nil, func(h *Header) { h.Flags = 1 }, same)
		if f != FormatCompact {
			x.add("valid", "RESERVED is ignored, but authenticated", nil, 102, text(8), text(8), func(h *Header) { h.Reserved = 0xabcdef }, nil)
		} else {
			x.seal("4,095 bytes are the most", []string{"Longest"}, 102, text(4095))
			x.only("unsupported", "4,096 bytes do not fit", 103, text(4096))
		}
		x.seal("after all that", nil, 103, text(8))
		if f != FormatExtreme {
			x.only("exhausted", "all numbers are used", f.MaxSeq()+1, text(8))
		}
		list = append(list, x)
	}
	wide := m.session(FormatCompact, SuiteGCM8, 16, func(v *vectors.SSESession) { v.Window = 200 })
	wide.seal("199 packets were lost", []string{"Lost"}, 200, text(1))
	wide.seal("the oldest number in a window of 200", []string{"Late"}, 1, text(2))
	list = append(list, wide)
	// LZS by hand (RFC 2395): literals are 0 and 8 bits, the copy 1, 1 and 7 bits of
	// offset, 4 bits for a length of 7, the end marker 1 1 0000000.
	lzs := packBits("0" + bits('A', 8) + "11" + bits(1, 7) + "1110" + "110000000")
	z := m.session(FormatCompact, SuiteGCM16, 16, func(v *vectors.SSESession) { v.GPComp = "lzs" })
	c := func(h *Header) { h.Flags = FlagGPComp }
	z.add("valid", "C: eight times A, compressed with LZS", []string{"Seal"}, 1, lzs, []byte("AAAAAAAA"), c, nil)
	z.seal("what does not get smaller is sent as it is", nil, 2, []byte("A"))
	z.add("truncated", "C: LZS without its end marker", nil, 3, lzs[:2], nil, c, func(b []byte) []byte { return b })
	z.add("replay", "its number is used", nil, 3, text(3), nil, nil, func(b []byte) []byte { return b })
	return append(list, z)
}

// TestVectorFiles: the files are what this test writes, with another
// implementation of the algorithms.
func TestVectorFiles(t *testing.T) {
	negotiate(t)
	const path = "/usr/bin/python3"
	if err := exec.Command(path, "-c", "import cryptography").Run(); err != nil {
		t.Skipf("%s with the package cryptography is absent", path)
	}
	for _, f := range []struct {
		name, spec string
		make       func(m *vectorMaker) []*vectorSession
	}{
		{"packets.json", "draft-moskowitz-sse-05, 5", packets},
		{"headers.json", "draft-moskowitz-sse-05, 5.1; RFC 8724, 7", smallHeaders},
		{"behaviour.json", "draft-moskowitz-sse-05, 5.4, 5.5", behaviour},
	} {
		m := &vectorMaker{t: t}
		sessions := f.make(m)
		m.run(path)
		var groups []string
		var tests [][]string
		var flags [][]string
		n := 0
		for _, x := range sessions {
			var lines []string
			for i := range x.g.Tests {
				v := &x.g.Tests[i]
				n++
				v.ID = n
				flags = append(flags, v.Flags)
				lines = append(lines, line(t, v))
			}
			groups = append(groups, fmt.Sprintf("{\"source\": %q, \"implementation\": %q,\n   \"session\": %s,", x.g.Source, x.g.Implementation, line(t, x.g.Session)))
			tests = append(tests, lines)
		}
		data := layOut(t, vectors.SchemaSSE, f.spec, groups, tests, flags)
		if _, err := vectors.ParseSSE(data); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		compare(t, f.name, data)
	}
}

func line(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// layOut writes a file, one test a line.
func layOut(t *testing.T, schema, spec string, groups []string, tests [][]string, used [][]string) []byte {
	n := 0
	for _, x := range tests {
		n += len(x)
	}
	var flags []string
	for _, x := range used {
		flags = append(flags, x...)
	}
	slices.Sort(flags)
	flags = slices.Compact(flags)
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"schema\": %q, \"spec\": %q, \"numberOfTests\": %d,\n \"notes\": {", schema, spec, n)
	for i, flag := range flags {
		fmt.Fprintf(&b, "%s\n  %s: %s", strings.Repeat(",", min(i, 1)), line(t, flag), line(t, vectorNotes[flag]))
	}
	b.WriteString("},\n \"groups\": [\n")
	for i, g := range groups {
		fmt.Fprintf(&b, "  %s\n   \"tests\": [\n", g)
		for j, v := range tests[i] {
			fmt.Fprintf(&b, "    %s%s\n", v, strings.Repeat(",", min(len(tests[i])-1-j, 1)))
		}
		fmt.Fprintf(&b, "  ]}%s\n", strings.Repeat(",", min(len(groups)-1-i, 1)))
	}
	b.WriteString(" ]}\n")
	return b.Bytes()
}

// compare compares a file with what it should be, or writes it.
func compare(t *testing.T, name string, data []byte) {
	path := filepath.Join("..", "vectors", "sse", name)
	if *updateVectors {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(old, data) {
		t.Errorf("%s is not what this test writes; run go test ./sse -run TestVectorFiles -update-vectors", name)
	}
}

// parameter draws a HIP parameter: Type, Length, contents, padding.
func parameter(typ int, words ...int) string {
	s := bits(uint64(typ), 16) + bits(uint64(2*len(words)), 16)
	for _, w := range words {
		s += bits(uint64(w), 16)
	}
	for len(s)%64 != 0 {
		s += "0"
	}
	return hex.EncodeToString(packBits(s))
}

// ikeProposal draws a proposal with its transforms (RFC 7296, 3.3.1 and 3.3.2).
func ikeProposal(last bool, protocol int, spi uint64, transforms ...[]int) string {
	s := ""
	for i, x := range transforms {
		size := 8
		if len(x) > 2 {
			size = 12
		}
		more := 3
		if i == len(transforms)-1 {
			more = 0
		}
		s += bits(uint64(more), 8) + bits(0, 8) + bits(uint64(size), 16) + bits(uint64(x[0]), 8) + bits(0, 8) + bits(uint64(x[1]), 16)
		if len(x) > 2 {
			s += "1" + bits(14, 15) + bits(uint64(x[2]), 16)
		}
	}
	more := 2
	if last {
		more = 0
	}
	head := bits(uint64(more), 8) + bits(0, 8) + bits(uint64(12+len(s)/8), 16) + bits(1, 8) + bits(uint64(protocol), 8) + bits(4, 8) + bits(uint64(len(transforms)), 8)
	return hex.EncodeToString(packBits(head + bits(spi, 32) + s))
}

// negotiate makes negotiate.json.
func negotiate(t *testing.T) {
	type test = vectors.SSENegotiateTest
	exact := []string{"Exact"}
	transform, widths := parameter(4101, 0, 11, 10), parameter(32768, 0, 0x0008, 0x0810)
	offer := parameter(66, 0, 0, 0, 0, 0x7700, 1) + parameter(68, 3, 3, 2) + parameter(4101, 0, 11, 10, 13) + parameter(4102, 0, 1, 2)
	ourWidths := [][2]uint8{{0, 8}}
	policy := &vectors.SSEPolicy{SPI: 0x88000002, Suites: []uint16{10, 11}, Comps: []uint8{3}, CPI: 300}
	wide := &vectors.SSEPolicy{SPI: 0x88000002, Suites: []uint16{10}, Widths: ourWidths}
	refused := func(comment, message string, notify uint16, p *vectors.SSEPolicy) test {
		return test{Comment: comment, Message: message, Policy: p, Notify: notify, Result: "refused"}
	}
	accept := func(comment, message string, notify uint16, p *vectors.SSEPolicy) test {
		x := test{Comment: comment, Message: message, Offer: offer, Policy: p, Notify: notify, Result: "valid"}
		if notify > 0 {
			x.Result = "refused"
		}
		return x
	}
	offerer := &vectors.SSEPolicy{SPI: 0x77000001, Suites: []uint16{11, 10, 13}, Formats: []uint8{1, 2}, Comps: []uint8{3, 2}, CPI: 3}
	info := parameter(66, 0, 0, 0, 0, 0x8800, 2)
	hip := []test{
		{Comment: "SSE_TRANSFORM with two suites", Flags: exact, Message: transform, Proposal: &vectors.SSEProposal{Suites: []uint16{11, 10}}, Result: "valid"},
		{Comment: "SSE_INFO: replaces an SPI", Flags: exact, Message: parameter(66, 0, 0x100, 0, 10, 0x7700, 1),
			Proposal: &vectors.SSEProposal{SPI: 0x77000001, OldSPI: 10, KeymatIndex: 256}, Result: "valid"},
		{Comment: "all parameters", Flags: exact, Message: offer, Result: "valid", Proposal: &vectors.SSEProposal{SPI: 0x77000001, Suites: []uint16{11, 10, 13},
			Formats: []uint8{1, 2}, CPI: 3, Comps: []uint8{3, 2}}},
		{Comment: "parameters of other types are skipped", Message: parameter(65, 1, 2) + transform + parameter(4103, 9), Proposal: &vectors.SSEProposal{Suites: []uint16{11, 10}}, Result: "valid"},
		{Comment: "more than six suites are understood, unknown ones too", Message: parameter(4101, 0, 14, 15, 16, 1000, 13, 12, 11), Result: "valid",
			Proposal: &vectors.SSEProposal{Suites: []uint16{14, 15, 16, 1000, 13, 12, 11}}},
		{Comment: "Reserved is ignored", Message: parameter(4101, 0xffff, 11), Proposal: &vectors.SSEProposal{Suites: []uint16{11}}, Result: "valid"},
		{Comment: "nothing about SSE", Message: parameter(65, 1, 2), Proposal: &vectors.SSEProposal{}, Result: "valid"},
		{Comment: "the parameter ends early", Message: transform[:24], Result: "truncated"},
		{Comment: "the padding is missing", Message: transform[:20], Result: "truncated"},
		{Comment: "types decrease", Message: parameter(4102, 0, 1) + transform, Result: "malformed"},
		{Comment: "a parameter twice", Message: transform + transform, Result: "malformed"},
		{Comment: "an odd length", Message: "10050005" + "0000000b0a" + "00000000000000", Result: "malformed"},
		{Comment: "no suite", Message: parameter(4101, 0), Result: "malformed"},
		{Comment: "Suite ID 0", Message: parameter(4101, 0, 11, 0), Result: "malformed"},
		{Comment: "a suite twice", Message: parameter(4101, 0, 11, 11), Result: "malformed"},
		{Comment: "SSE_INFO of 10 bytes", Message: parameter(66, 0, 0, 0, 0, 1), Result: "malformed"},
		{Comment: "the first of the policy that is offered", Message: offer, Policy: policy, Result: "valid",
			Answer: info + parameter(68, 300, 3) + parameter(4101, 0, 10) + parameter(4102, 0, 1)},
		{Comment: "without SSE_FORMAT the format is compact", Message: transform, Policy: policy, Result: "valid", Answer: info + parameter(4101, 0, 10) + parameter(4102, 0, 1)},
		refused("no suite in common", parameter(4101, 0, 12), 20, policy),
		refused("no format in common", transform+parameter(4102, 0, 2, 3), 22, policy),
		refused("a format of more than 8 bits only", transform+parameter(4102, 0, 256), 22, policy),
		accept("an answer that was offered", info+parameter(4101, 0, 13)+parameter(4102, 0, 2), 0, offerer),
		accept("an answer that was not offered: the suite", info+parameter(4101, 0, 12)+parameter(4102, 0, 1), 21, offerer),
		accept("an answer with two suites", info+parameter(4101, 0, 10, 11)+parameter(4102, 0, 1), 21, offerer),
		accept("an answer without a suite", info+parameter(4102, 0, 1), 21, offerer),
		accept("an answer that was not offered: the format", info+parameter(4101, 0, 11)+parameter(4102, 0, 3), 23, offerer),
		accept("an answer with two formats", info+parameter(4101, 0, 11)+parameter(4102, 0, 1, 2), 23, offerer),
	}
	ours := []test{
		{Comment: "widths of compressed headers", Flags: exact, Message: transform + widths, Result: "valid",
			Proposal: &vectors.SSEProposal{Suites: []uint16{11, 10}, Widths: [][2]uint8{{0, 8}, {8, 16}}}},
		{Comment: "widths out of range", Message: transform + parameter(32768, 0, 0x1900), Result: "malformed"},
		{Comment: "widths in common", Message: transform + widths, Policy: wide, Result: "valid",
			Answer: info + parameter(4101, 0, 10) + parameter(4102, 0, 1) + parameter(32768, 0, 8)},
		{Comment: "no widths in common: headers are not compressed", Message: transform + parameter(32768, 0, 0x0404), Policy: wide, Result: "valid",
			Answer: info + parameter(4101, 0, 10) + parameter(4102, 0, 1)},
		refused("an SPI of which nothing is left in the compact format", parameter(66, 0, 0, 0, 0, 0x7700, 0)+transform, 0, policy),
	}
	ikeOffer := ikeProposal(true, 201, 0x77000001, []int{1, 16, 128}, []int{1, 14, 128}, []int{241, 1}, []int{242, 8}, []int{242, 0xffff})
	ike := []test{
		{Comment: "an offer", Flags: exact, Message: ikeOffer, Result: "valid",
			Proposal: &vectors.SSEProposal{SPI: 0x77000001, Suites: []uint16{11, 10}, KeyBits: []uint16{128}, Formats: []uint8{1}, Widths: ourWidths}},
		{Comment: "its answer", Message: ikeOffer, Policy: wide, Result: "valid",
			Answer: ikeProposal(true, 201, 0x88000002, []int{1, 14, 128}, []int{241, 1}, []int{242, 8})},
		{Comment: "the proposal for SSE behind one for ESP", Message: ikeProposal(false, 3, 5, []int{1, 20, 256}) + ikeProposal(true, 201, 6, []int{1, 20, 256}), Result: "valid",
			Proposal: &vectors.SSEProposal{SPI: 6, Suites: []uint16{13}, KeyBits: []uint16{256}}},
		{Comment: "no proposal for SSE", Message: ikeProposal(true, 3, 5, []int{1, 20, 256}), Result: "refused"},
		{Comment: "ends early", Message: ikeOffer[:60], Result: "truncated"},
		{Comment: "something follows the last proposal", Message: ikeOffer + "00", Result: "malformed"},
		{Comment: "no proposal at all", Message: "", Result: "truncated"},
		refused("no suite in common", ikeProposal(true, 201, 7, []int{1, 18, 128}), 20, policy),
		refused("no length of key in common", ikeProposal(true, 201, 7, []int{1, 14, 256}), 20, policy),
	}
	var groups []string
	var tests [][]string
	var flags [][]string
	n := 0
	for _, g := range []struct {
		source, coding string
		tests          []test
	}{{"rfc", "hip", hip}, {"self", "hip", ours}, {"self", "ike", ike}} {
		var lines []string
		for _, v := range g.tests {
			n++
			v.ID = n
			flags = append(flags, v.Flags)
			lines = append(lines, line(t, v))
		}
		groups = append(groups, fmt.Sprintf("{\"source\": %q, \"coding\": %q,", g.source, g.coding))
		tests = append(tests, lines)
	}
	data := layOut(t, vectors.SchemaSSENegotiate, "draft-moskowitz-ssls-hip-02, 4", groups, tests, flags)
	if _, err := vectors.ParseSSENegotiate(data); err != nil {
		t.Errorf("negotiate.json: %v", err)
	}
	compare(t, "negotiate.json", data)
}
