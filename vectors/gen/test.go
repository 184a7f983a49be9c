package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/schckit/schckit/vectors"
)

// notes say what each flag means.
var notes = map[string]string{
	"AbsentVariable":   "a variable-length field of the Rule is absent from the packet: the Rule is disregarded (RFC 8724, 7.2), since size 0 cannot tell absent from empty",
	"AllAndOnly":       "the packet has a field that the Rule lacks, or the other way round (RFC 8724, 7.2)",
	"DecompressOnly":   "a compressor sends something else; what it stands for is clear",
	"DownlinkOrder":    "downlink, residues keep the Rule's order, not the packet's",
	"EmptyMarker":      "a CoAP payload marker with nothing behind it",
	"FieldOrder":       "the Rule lists fields in another order than the packet",
	"LeadingZeros":     "a value begins with zero bytes",
	"LongRuleID":       "a RuleID of more than 8 bits, most significant bit first",
	"Lossy":            "the Rule asks for a loss: restored is what decompression gives",
	"MSBZero":          "MSB(0): every bit is sent",
	"NonShortestSize":  "a size that is not encoded in its shortest form",
	"NoResidue":        "the residues are left out",
	"NotCoAP":          "a UDP payload on a CoAP port that is not CoAP is payload",
	"OptionEdge":       "a CoAP option delta or length at which its encoding changes",
	"OneEntryMapping":  "a list of one Target Value: an index of 0 bits",
	"OtherRule":        "the restored packet is one for another Rule",
	"Padding":          "about the bits behind the payload",
	"PartialByte":      "the residue does not end on a byte boundary",
	"PartialLSB":       "LSB of a field that is not a whole number of bytes",
	"PayloadIsHeader":  "a header that no Rule describes is payload",
	"RepeatedOption":   "an option occurs more than once",
	"SizeEdge":         "a residue size at which its encoding changes (RFC 8724, 7.4.2)",
	"SubByteMapping":   "a mapping of a field of less than 8 bits",
	"UnknownOption":    "a CoAP option that is not registered",
	"VariableMSB":      "MSB and LSB of a variable-length field: the size counts what is sent, in the unit of FL",
	"WrongComputed":    "a length or checksum of the packet is not what would be computed: it cannot be elided",
	"ZeroChecksum":     "the UDP checksum computes to zero and is sent as 0xffff, or is zero: none",
	"AbsentMarker":     "no payload, no marker",
	"UnsupportedInput": "valid, but not for a decompressor: a SCHC Fragment",
}

// group collects tests.
type group struct{ vectors.Group }

func newGroup(source, rules, comment string) *group {
	return &group{vectors.Group{Source: source, Rules: "rules/" + rules + ".json", Comment: comment}}
}

func file(spec, comment string, groups ...*group) *vectors.File {
	f := &vectors.File{Spec: spec, Comment: comment}
	for _, g := range groups {
		f.Groups = append(f.Groups, g.Group)
	}
	return f
}

func (g *group) add(t vectors.Test) *vectors.Test {
	g.Tests = append(g.Tests, t)
	return &g.Tests[len(g.Tests)-1]
}

// flags sets the flags of the test that was added last.
func (g *group) flags(f ...string) { g.Tests[len(g.Tests)-1].Flags = f }

// ok adds a packet that the Rule compresses: its last payload bytes are sent
// behind the residues.
func (g *group) ok(comment, dir string, pkt []byte, rule string, payload int, residue ...string) {
	schc, bits := message(rule, residue, pkt[len(pkt)-payload:])
	for i, r := range residue {
		residue[i] = pretty(r)
	}
	g.add(vectors.Test{Comment: comment, Dir: dir, Packet: hex.EncodeToString(pkt), Rule: rule, Residue: residue,
		SCHC: schc, Bits: bits, Result: "valid"})
}

// lossy adds a packet that comes back as restored.
func (g *group) lossy(comment, dir string, pkt, restored []byte, rule string, payload int, residue ...string) {
	g.ok(comment, dir, pkt, rule, payload, residue...)
	t := &g.Tests[len(g.Tests)-1]
	t.Restored = hex.EncodeToString(restored)
	t.Flags = []string{"Lossy"}
}

// none adds a packet that no Rule takes.
func (g *group) none(comment, dir string, pkt []byte) {
	g.add(vectors.Test{Comment: comment, Dir: dir, Packet: hex.EncodeToString(pkt), Result: "no-rule"})
}

// bad adds a SCHC Packet that cannot be: RuleID, residue and payload as bits,
// or x and hex.
func (g *group) bad(comment, dir, msg, result string) {
	b := bitsOf("- " + msg)
	g.add(vectors.Test{Comment: comment, Dir: dir, SCHC: hex.EncodeToString(pack(b)), Result: result})
}

// only adds a SCHC Packet that stands for a packet but is not what a
// compressor sends.
func (g *group) only(comment, dir, msg string, pkt []byte, rule string) {
	b := bitsOf("- " + msg)
	g.add(vectors.Test{Comment: comment, Dir: dir, Packet: hex.EncodeToString(pkt), Rule: rule, SCHC: hex.EncodeToString(pack(b)),
		Bits: len(b), Flags: []string{"DecompressOnly"}, Result: "valid"})
}

// message puts RuleID, residues and payload together.
func message(rule string, residue []string, payload []byte) (string, int) {
	value, length, _ := strings.Cut(rule, "/")
	v, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		panic(err)
	}
	n, err := strconv.Atoi(length)
	if err != nil {
		panic(err)
	}
	b := num(v, n)
	for _, r := range residue {
		b += bitsOf(r)
	}
	b += unpack(payload)
	return hex.EncodeToString(pack(b)), len(b)
}

// bitsOf returns the bits of "FIELD bits...".
func bitsOf(s string) string {
	_, bits, err := vectors.ParseResidue(s)
	if err != nil {
		panic(err)
	}
	return bits
}

// pretty leaves short residues in bits and keeps what the author wrote.
func pretty(s string) string { return strings.Join(strings.Fields(s), " ") }

func num(v uint64, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(v>>(n-1-i)&1)
	}
	return string(b)
}

func unpack(b []byte) string {
	var s strings.Builder
	for _, x := range b {
		s.WriteString(num(uint64(x), 8))
	}
	return s.String()
}

func pack(s string) []byte {
	b := make([]byte, (len(s)+7)/8)
	for i := range s {
		if s[i] == '1' {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return b
}

// sent returns the residues of fields that lie one behind the other in b and
// are sent as they are: "FIELD bits" for each "FIELD n".
func sent(b []byte, fields ...string) []string {
	s := unpack(b)
	var list []string
	for _, f := range fields {
		var name string
		var n int
		if _, err := fmt.Sscanf(f, "%s %d", &name, &n); err != nil {
			panic(err)
		}
		list = append(list, name+" "+digits(s[:n]))
		s = s[n:]
	}
	if s != "" {
		panic("bits are left")
	}
	return list
}

// digits writes bits as they are when there are few, else as hex.
func digits(s string) string {
	if len(s) <= 16 || len(s)%4 != 0 {
		return s
	}
	h := "x"
	for ; s != ""; s = s[4:] {
		v, _ := strconv.ParseUint(s[:4], 2, 4)
		h += strconv.FormatUint(v, 16)
	}
	return h
}
