package schc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var updateFrag = flag.Bool("update-frag", false, "write vectors/frag anew")

// A figure is a sequence of an RFC. Its lines are those of the figure:
//
//	S 0 6          Regular SCHC Fragment, W=0, FCN=6, one tile
//	S 0 27 4       with four tiles
//	A 1            All-1 with the last tile; "A 1 -" without
//	Q 0            ACK REQ
//	+ 1            ACK, W=1, C=1
//	- 0 1101011    ACK, W=0, C=0, bitmap; more pairs: Compound ACK
//	!S !R          Sender-Abort, Receiver-Abort
//	TS TR          a timer of the sender or receiver expires
//	mtu 96         the L2 MTU changes, in bits
//
// and an X at the end for lost. W is the number of the window, not reduced to
// the bits of the field. The messages are made by the readable reference.
type figure struct {
	comment string
	flags   []string
	dtag    uint32
	bits    int
	tiles   []int // sizes, where the Rule has no tile size
	result  string
	refuses bool // the receiver has no session
	lines   string
}

type figureGroup struct {
	source string
	id     RuleID
	f      Fragmentation
	figs   []figure
}

// figurePacket is a packet of so many bits, with zeros behind.
func figurePacket(bits int, seed uint32) []byte {
	b := make([]byte, (bits+7)/8)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = byte(seed >> 24)
	}
	if k := bits % 8; k != 0 {
		b[len(b)-1] &= 0xff << (8 - k)
	}
	return b
}

// figureRun makes the messages of one figure.
type figureRun struct {
	slow   slowFrag
	packet string
	ends   []int // where the tiles end
	ws     int
	rcs    uint64
	t      fragTest
}

func (r *figureRun) tile(i int) string {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.packet[from:r.ends[i]]
}

func (g *figureGroup) run(fig *figure, seed uint32) fragTest {
	r := figureRun{slow: slowFrag{g.id, g.f, fig.dtag}}
	b := figurePacket(fig.bits, seed)
	r.packet = unpackBits(b, fig.bits)
	r.t = fragTest{Comment: fig.comment, Flags: fig.flags, DTag: fig.dtag, Packet: hex.EncodeToString(b), Bits: fig.bits, Result: fig.result, NoSession: fig.refuses}
	if r.t.Flags == nil {
		r.t.Flags = []string{}
	}
	if r.t.Result == "" {
		r.t.Result = "valid"
	}
	if r.ws = int(g.f.WindowSize); r.ws == 0 {
		r.ws = 1<<g.f.FCNBits - 1
	}
	sizes := fig.tiles
	if t := int(g.f.TileBits); t > 0 && sizes == nil {
		for n := fig.bits; n > 0; n -= t {
			sizes = append(sizes, min(n, t))
		}
		if g.f.All1Empty && fig.bits%t == 0 {
			sizes = append(sizes, 0)
		}
	}
	at := 0
	for _, n := range sizes {
		at += n
		r.ends = append(r.ends, at)
	}
	if at != fig.bits {
		panic(fig.comment + ": the tiles are not the packet")
	}
	if g.f.RCSAlgorithm == RCSFragments {
		n := len(sizes)
		if g.f.Mode != FragmentationNoAck {
			n = (n-1)%r.ws + 1
		}
		r.rcs = uint64(n)
	}
	mtu := 0
	for _, line := range strings.Split(strings.TrimSpace(fig.lines), "\n") {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		lost := w[len(w)-1] == "X"
		if lost {
			w = w[:len(w)-1]
		}
		if w[0] == "mtu" {
			mtu, _ = strconv.Atoi(w[1])
			continue
		}
		st := r.step(w)
		st.Lost = lost
		if st.From == "sender" {
			st.MTUBits, mtu = mtu, 0
		}
		r.t.Steps = append(r.t.Steps, st)
	}
	return r.t
}

func (r *figureRun) step(w []string) fragStep {
	num := func(i int) int {
		n, err := strconv.Atoi(w[i])
		if err != nil {
			panic(err)
		}
		return n
	}
	made := func(from, kind, m string) fragStep {
		return fragStep{From: from, Kind: kind, Msg: hex.EncodeToString(packBits(m)), Bits: len(m)}
	}
	s := &r.slow
	switch w[0] {
	case "TS":
		return fragStep{Timer: "sender"}
	case "TR":
		return fragStep{Timer: "receiver"}
	case "S":
		t := num(1)*r.ws + r.ws - 1 - num(2)
		if s.f.Mode == FragmentationNoAck {
			t = num(1) // the number of the fragment
		}
		n := 1
		if len(w) > 3 {
			n = num(3)
		}
		payload := ""
		for i := t; i < t+n; i++ {
			payload += r.tile(i)
		}
		m := s.regular(uint32(num(1)), uint32(num(2)), payload)
		if t+n == len(r.ends) { // with the last tile: the RCS covers its padding
			r.rcs = s.crc(r.packet, len(m)-len(s.header(s.tags(0)+bitsOf(0, int(s.f.FCNBits))))-len(payload))
		}
		return made("sender", "regular", m)
	case "A":
		payload := r.tile(len(r.ends) - 1)
		if len(w) > 2 {
			payload = ""
		}
		if s.f.RCSAlgorithm == RCSCRC32 && payload != "" {
			bare := len(s.header(s.tags(0) + strings.Repeat("1", int(s.f.FCNBits)) + bitsOf(0, 32)))
			r.rcs = s.crc(r.packet, len(s.all1(0, 0, payload))-bare-len(payload))
		}
		return made("sender", "all-1", s.all1(uint32(num(1)), r.rcs, payload))
	case "Q":
		return made("sender", "ack-req", s.ackReq(uint32(num(1))))
	case "!S":
		return made("sender", "sender-abort", s.senderAbort())
	case "!R":
		return made("receiver", "receiver-abort", s.receiverAbort())
	case "+":
		return made("receiver", "ack", s.success(uint32(num(1))))
	case "-":
		var ws []uint32
		var bs []string
		for i := 1; i+1 < len(w); i += 2 {
			ws, bs = append(ws, uint32(num(i))), append(bs, w[i+1])
		}
		return made("receiver", "ack", s.failure(ws, bs))
	}
	panic("line " + strings.Join(w, " "))
}

// down writes lines "S w fcn" with falling FCN.
func down(w, from, to int) string {
	var b strings.Builder
	for ; from >= to; from-- {
		fmt.Fprintf(&b, "S %d %d\n", w, from)
	}
	return b.String()
}

// lines joins parts of a sequence.
func lines(parts ...string) string { return strings.Join(parts, "\n") }

// fragFiles are the vectors: file name to contents.
func fragFiles() map[string]*fragFile {
	out := map[string]*fragFile{}
	for name, f := range map[string]struct {
		spec   string
		groups []figureGroup
	}{
		"rfc8724.json":   {"RFC 8724", figures8724()},
		"rfc9011.json":   {"RFC 9011", figures9011()},
		"rfc9441.json":   {"RFC 9441", figures9441()},
		"rfc9442.json":   {"RFC 9442", figures9442()},
		"behaviour.json": {"RFC 8724", figuresOwn()},
	} {
		file := &fragFile{Schema: "schc-frag-1", Spec: f.spec, Notes: map[string]string{}}
		for i := range f.groups {
			g := &f.groups[i]
			group := fragGroup{Source: g.source, Rule: newFragRule(g.id, &g.f)}
			for j := range g.figs {
				file.NumberOfTests++
				v := g.run(&g.figs[j], uint32(file.NumberOfTests))
				v.ID = file.NumberOfTests
				for _, fl := range v.Flags {
					file.Notes[fl] = fragNotes[fl]
				}
				group.Tests = append(group.Tests, v)
			}
			file.Groups = append(file.Groups, group)
		}
		out[name] = file
	}
	return out
}

var fragNotes = map[string]string{
	"MessageLost":    "a message is lost on the way",
	"VariableMTU":    "the L2 MTU changes during the packet",
	"PartialByte":    "the packet or its tiles do not end on a byte boundary",
	"CompoundAck":    "an ACK reports several windows",
	"Timer":          "a timer expires",
	"LastTileAlone":  "the last tile is in the All-1",
	"LastTileInRest": "the last tile is in a Regular SCHC Fragment",
	"Abort":          "one side gives up",
	"TextNotFigure":  "the figure contradicts the text of the RFC; the vector follows the text, see the comment",
}

// TestFragFiles: the vectors in the tree are what the figures give.
func TestFragFiles(t *testing.T) {
	for name, f := range fragFiles() {
		b, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, '\n')
		path := filepath.Join(fragVectorDir, name)
		if *updateFrag {
			if err := os.MkdirAll(fragVectorDir, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, b) {
			t.Errorf("%s is not what the figures give (%v): go test ./schc -run TestFragFiles -update-frag", path, err)
		}
	}
}
