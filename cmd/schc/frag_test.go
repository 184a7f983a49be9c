package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

// fragLines are packets for schc frag --hex: of 60 bytes, of 62 bits, and what
// cannot be fragmented.
var fragLines = "2c" + strings.Repeat("0123456789", 12)[:118] + "\n\n2d010203040506fc 62 11/6\n" +
	"01 2 3\n01 17\nxyz\n01ff 9\n" + strings.Repeat("00", 400) + "\n"

// fragmentLines are the fragments of a packet under Rule 12/6, one with a wrong
// RCS, one that is not complete, the same under Rule 20/8, and no fragments.
const fragmentLines = `30168081018202
30e05b1a4641bf

30168081018202
30e05b1a4642bf

30168081018202

14361203040506070809
143f00000000

14361203040506070809
ff

14
30bb2
1437 33
`

// sharedFrag are the fragmentation triples of other implementations.
const sharedFrag = "../../../shared/interop/schc/"

func readShared(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(sharedFrag + name)
	if err != nil {
		t.Skipf("%s is absent", strings.TrimPrefix(sharedFrag+name, "../../"))
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// TestFragInteropLibschc gives libschc's packets and fragments to the tool. In
// four of nine its last tile is smaller than an L2 Word, which the RFC forbids.
func TestFragInteropLibschc(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name     string
			Packet   string `json:"schc_packet"`
			MTU      int    `json:"tile_or_mtu_bytes"`
			Messages []struct{ Hex string }
		}
	}
	readShared(t, "frag_libschc.json", &file)
	rules := filepath.Join(t.TempDir(), "rules.json")
	text := `[{"RuleID": 21, "RuleIDLength": 8, "Fragmentation": {"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"FCNSize": 1, "dtagSize": 0}}}]`
	if err := os.WriteFile(rules, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, v := range file.Vectors {
		want := ""
		for _, m := range v.Messages {
			want += m.Hex + "\n"
		}
		r := tool(v.Packet+"\n", "frag", "--hex", "-C", rules, "--rule", "21/8", "--mtu", fmt.Sprint(v.MTU), "--dir", "up")
		if r.code != exitDone {
			t.Errorf("%s: %+v", v.Name, r)
		}
		if r.stdout == want+"\n" {
			same++
		}
		for _, in := range []string{want, r.stdout} {
			if r := tool(in, "frag", "reassemble", "--hex", "-C", rules); r != (result{stdout: v.Packet + "\n"}) {
				t.Errorf("%s: reassemble: %+v, want %s", v.Name, r, v.Packet)
			}
		}
	}
	if len(file.Vectors) != 9 || same != 5 {
		t.Errorf("%d of %d are the same, want 5 of 9", same, len(file.Vectors))
	}
}

// TestFragInteropOpenSCHC gives openschc's rule files, packets and fragments to
// the tool. Where its fragments differ, ours still come back, and so do its own,
// but for the run that its own receiver fails, too.
func TestFragInteropOpenSCHC(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name      string
			Rules     json.RawMessage
			Packet    string
			MTUBits   int `json:"mtu_bits"`
			Direction string
			Checked   bool `json:"reassembly_checked"`
			Messages  []struct {
				From, Hex string
				Delivered bool
			}
		}
	}
	readShared(t, "frag_openschc.json", &file)
	rules := filepath.Join(t.TempDir(), "rules.json")
	same := 0
	for _, v := range file.Vectors {
		if err := os.WriteFile(rules, v.Rules, 0o644); err != nil {
			t.Fatal(err)
		}
		ip, _ := hex.DecodeString(v.Packet)
		bits := 6 + 8*len(ip)
		packet := make([]byte, len(ip)+1)
		packet[0] = 11 << 2
		for i, b := range ip {
			packet[i] |= b >> 6
			packet[i+1] = b << 2
		}
		line := fmt.Sprintf("%x %d\n", packet, bits)
		sender := map[string]string{"UP": "device", "DW": "core"}[v.Direction]
		want, arrived := "", ""
		for _, m := range v.Messages {
			if m.From == sender {
				want += m.Hex + "\n"
				if m.Delivered {
					arrived += m.Hex + "\n"
				}
			}
		}
		r := tool(line, "frag", "--hex", "-C", rules, "--rule", "12/6", "--mtu", fmt.Sprint(v.MTUBits/8), "--dir", strings.ToLower(v.Direction))
		if r.code != exitDone {
			t.Fatalf("%s: %+v", v.Name, r)
		}
		if r.stdout == want+"\n" {
			same++
		}
		inputs := []string{r.stdout}
		if v.Checked {
			inputs = append(inputs, arrived)
		}
		for _, in := range inputs {
			if r := tool(in, "frag", "reassemble", "--hex", "-C", rules); r != (result{stdout: line}) {
				t.Errorf("%s: reassemble: %+v, want %s", v.Name, r, line)
			}
		}
	}
	// The others have losses, or an All-1 that RFC 8724 does not allow, or a last
	// tile in the All-1 against the rule file.
	if len(file.Vectors) != 80 || same != 46 {
		t.Errorf("%d of %d are the same, want 46 of 80", same, len(file.Vectors))
	}
}

// TestFragInteropSigfox gives the sequences of schc-over-sigfox to the tool.
func TestFragInteropSigfox(t *testing.T) {
	var file struct {
		Sequences []struct {
			ID        string `json:"rule_id_bits"`
			Packet    string `json:"schc_packet"`
			Fragments []string
		} `json:"fragment_sequences"`
	}
	readShared(t, "frag_sigfox.json", &file)
	rules := filepath.Join(t.TempDir(), "rules.json")
	for _, v := range file.Sequences {
		n := namedProfiles(map[int]string{3: "sigfox-single-byte", 6: "sigfox-two-byte-1", 8: "sigfox-two-byte-2"}[len(v.ID)])[0]
		id := 0
		fmt.Sscanf(v.ID, "%b", &id)
		f := n.Fragmentation
		text := fmt.Sprintf(`[{"RuleID": %d, "RuleIDLength": %d, "Fragmentation": {"FRMode": "AckOnError", "FRDirection": "UP", "FRModeProfile": {
		 "WSize": %d, "FCNSize": %d, "windowSize": %d, "tileSize": %d, "MICAlgorithm": "rcs-fragments", "rcs-size": %d, "tile-in-all-1": "yes", "ackBehavior": "byLayer2",
		 "maximum-packet-size": %d, "all-1-empty": %v, "header-padding": true, "no-ack-req": true, "ack-bytes": 8, "bitmap-format": "bitmap-compound-ack",
		 "last-bitmap-compression": false, "attempts-per-ack": true, "listen-time": 60, "maxRetry": 5}}}]`,
			id, len(v.ID), f.WBits, f.FCNBits, f.WindowSize, f.TileBits, f.RCSBits, f.MaxPacket, f.All1Empty)
		if err := os.WriteFile(rules, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		want := strings.Join(v.Fragments, "\n") + "\n\n"
		if r := tool(v.Packet+"\n", "frag", "--hex", "-C", rules, "--mtu", "12"); r != (result{stdout: want}) {
			t.Errorf("%s, %s: %+v, want %s", v.ID, v.Packet, r, want)
		}
		if r := tool(want, "frag", "reassemble", "--hex", "-C", rules); r != (result{stdout: v.Packet + "\n"}) {
			t.Errorf("%s: reassemble: %+v, want %s", v.ID, r, v.Packet)
		}
	}
}

// TestFragHexRoundTrip: packets of any size come back under every profile, bit
// for bit where their Rule is known.
func TestFragHexRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, name := range profileNames() {
		p := namedProfiles(name)[0]
		f := p.Fragmentation
		mtu := map[bool]int{true: 12, false: 53}[strings.HasPrefix(name, "sigfox")]
		if name == "sigfox-down" {
			mtu = 8
		}
		limit := min(200, int(f.MaxPacket))
		if strings.HasPrefix(name, "nb-iot") {
			limit = map[bool]int{true: 14, false: 56}[name == "nb-iot-small"]
		}
		var in strings.Builder
		for size := 5; size < limit; size += 3 {
			b := make([]byte, size)
			r.Read(b)
			b[size-1] |= 1
			fmt.Fprintf(&in, "%x\n", b)
		}
		dir := dirName(f.Direction)
		frags := tool(in.String(), "frag", "--hex", "--profile", name, "--mtu", fmt.Sprint(mtu), "--dir", dir)
		if frags.code != exitDone {
			t.Errorf("%s: %s", name, frags.stdout[strings.Index(frags.stdout, "error"):])
			continue
		}
		back := tool(frags.stdout, "frag", "reassemble", "--hex", "--profile", name)
		if name == "sigfox-down" { // nothing tells where the last tile ends
			back.stdout = strings.ReplaceAll(back.stdout, "00", "")
			in2 := strings.ReplaceAll(in.String(), "00", "")
			in.Reset()
			in.WriteString(in2)
		}
		if back.code != exitDone || back.stdout != in.String() {
			t.Errorf("%s: %d, %s", name, back.code, firstDifference(back.stdout, in.String()))
		}
	}
}

// TestFragHexInterleaved: the DTag tells packets apart whose fragments come
// mixed, also where the rule file does not say that they may.
func TestFragHexInterleaved(t *testing.T) {
	for _, rule := range []string{
		`{"FRMode": "NoAck", "FRDirection": "UP"}`,
		`{"FRMode": "AckOnError", "FRDirection": "UP", "FRModeProfile": {"dtagSize": 2, "FCNSize": 3, "tileSize": 80}}`,
	} {
		rules := filepath.Join(t.TempDir(), "rules.json")
		if err := os.WriteFile(rules, []byte(`[{"RuleID": 20, "RuleIDLength": 8, "Fragmentation": `+rule+`}]`), 0o644); err != nil {
			t.Fatal(err)
		}
		var in strings.Builder
		for i := range 4 {
			fmt.Fprintf(&in, "%x\n", bytes.Repeat([]byte{byte(i + 1)}, 60))
		}
		frags := tool(in.String(), "frag", "--hex", "-C", rules, "--mtu", "24")
		packets := strings.Split(strings.TrimSuffix(frags.stdout, "\n\n"), "\n\n")
		if frags.code != exitDone || len(packets) != 4 {
			t.Fatalf("%s: %+v", rule, frags)
		}
		var mixed strings.Builder
		for i := range strings.Split(packets[0], "\n") {
			for _, p := range packets {
				mixed.WriteString(strings.Split(p, "\n")[i] + "\n")
			}
		}
		if r := tool(mixed.String(), "frag", "reassemble", "--hex", "-C", rules); r != (result{stdout: in.String()}) {
			t.Errorf("%s: %+v, want %s", rule, r, in.String())
		}
	}
}

// TestFragCaptures: a capture that is fragmented and put together again is that
// of schc compress, and comes back identical; whether it is compressed before or
// on the way makes no difference.
func TestFragCaptures(t *testing.T) {
	for _, c := range []struct{ rules, pcap, profile, mtu string }{
		{coapRules, coapPcap, "lorawan", "20"},
		{coapRules, coapPcap, "lorawan", "11"},
		{mixedRules, mixedPcap, "lorawan", "115"},
		{mixedRules, mixedPcap, "nb-iot", "40"},
	} {
		dir := t.TempDir()
		path := func(name string) string { return filepath.Join(dir, name) }
		read := func(name string) []byte {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		args := []string{"-q", "-C", c.rules, "--profile", c.profile}
		frag := append([]string{"frag", "--mtu", c.mtu}, args...)
		mustTool(t, "compress", "-q", "-C", c.rules, "-r", c.pcap, "-w", path("c"))
		tool("", append(frag, "-r", c.pcap, "-w", path("f"))...) // some packets are too large for the profile
		tool("", append(frag, "-r", path("c"), "-w", path("f2"))...)
		mustTool(t, append([]string{"frag", "reassemble", "-r", path("f"), "-w", path("s")}, args...)...)
		mustTool(t, "decompress", "-q", "-C", c.rules, "-r", path("s"), "-w", path("again"))
		if !bytes.Equal(read(path("f")), read(path("f2"))) {
			t.Errorf("%+v: fragments differ when the capture was compressed before", c)
		}
		if bytes.Equal(read(path("f")), read(path("s"))) || !bytes.Equal(read(path("s")), read(path("c"))) {
			t.Errorf("%+v: not put together as it was compressed", c)
		}
		if !bytes.Equal(read(path("again")), read(c.pcap)) {
			t.Errorf("%+v: not identical", c)
		}
	}
}

func mustTool(t *testing.T, args ...string) {
	t.Helper()
	if r := tool("", args...); r.code != exitDone {
		t.Fatalf("%s: %+v", strings.Join(args, " "), r)
	}
}

// TestFragSimulatePlot: the plot is a file of the form that its name says, the
// same each time, and its figures are in the report.
func TestFragSimulatePlot(t *testing.T) {
	dir := t.TempDir()
	for name, magic := range map[string]string{"a.svg": "<?xml", "a.png": "\x89PNG"} {
		var before []byte
		for range 2 {
			path := filepath.Join(dir, name)
			r := tool("", "frag", "simulate", "--profile", "lorawan", "--retransmission", "1m", "--packets", "3", "--plot", path, "-f", "json")
			b, err := os.ReadFile(path)
			if err != nil || r.code != exitDone || !bytes.HasPrefix(b, []byte(magic)) {
				t.Fatalf("%s: %v, %+v", name, err, r)
			}
			if before != nil && !bytes.Equal(b, before) {
				t.Errorf("%s differs from run to run", name)
			}
			before = b
			var v struct{ Sweep []struct{ Loss float64 } }
			if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || len(v.Sweep) != 11 || v.Sweep[10].Loss != 0.5 {
				t.Errorf("%s: sweep %+v, %v", name, v, err)
			}
		}
	}
}

// TestProfile154: the framing of IEEE 802.15.4 is what package lowpan has, and no
// fragmentation Rule.
func TestProfile154(t *testing.T) {
	r := tool("", "rules", "show", "--profile", "15dot4", "-f", "tsv")
	for _, want := range []string{
		fmt.Sprintf("\tdispatch\t0x%02x\t4.1.1\t", lowpan.DispatchSCHC), fmt.Sprintf("\tpointer-dispatch\t0x%02x\t4.3\t", lowpan.DispatchSCHCPointer),
		"\tfragmentation\t6LoWPAN\t8\t", "\tmaximum-packet-size\t1500\t10\t"} {
		if r.code != exitDone || !strings.Contains(r.stdout, want) {
			t.Errorf("rules show: %+v, want %q", r, want)
		}
	}
	if r := tool("", "rules", "show", "--profile", "15dot4"); !strings.HasPrefix(r.stdout, "15dot4: IEEE 802.15.4, behind a 6LoWPAN dispatch, draft-ietf-6lo-schc-15dot4-13\n") {
		t.Errorf("rules show: %+v", r)
	}
	if r := tool("00\n", "frag", "--hex", "--profile", "15dot4", "--mtu", "80"); r.code != exitError || !strings.Contains(r.stderr, "not fragmented as SCHC") {
		t.Errorf("frag: %+v", r)
	}
	a, b := tool("", "rules", "show", "--profile", "nbiot"), tool("", "rules", "show", "--profile", "nb-iot")
	if a != b || a.code != exitDone {
		t.Errorf("nbiot: %+v", a)
	}
	for _, n := range []string{"nbiot", "NB-IoT"} {
		if r := tool("", "frag", "simulate", "--profile", n, "--packets", "1", "--size", "20"); r.code != exitDone || !strings.Contains(r.stdout, "NB-IoT, 15 kHz") {
			t.Errorf("simulate: %+v", r)
		}
	}
}

// TestFragDTag: the DTag counts up from 0 with every packet that is fragmented,
// and goes round; the packets come back.
func TestFragDTag(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.json")
	text := `[{"RuleID": 3, "RuleIDLength": 6, "Fragmentation": {"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"FCNSize": 1, "dtagSize": 2}}}]`
	if err := os.WriteFile(rules, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	packet := strings.Repeat("ab", 20)
	in := packet + "\n" + packet + "\nxyz\n" + strings.Repeat(packet+"\n", 3)
	r := tool(in, "frag", "--hex", "-C", rules, "--mtu", "10")
	var dtags []string
	for _, group := range strings.Split(strings.TrimSpace(r.stdout), "\n\n") {
		if first := strings.Split(group, "\n")[0]; !strings.HasPrefix(first, "error") {
			dtags = append(dtags, first[1:2]) // RuleID 000011, DTag: the low bits of the first byte
		}
	}
	if got := strings.Join(dtags, " "); got != "c d e f c" {
		t.Errorf("DTags %s\n%s", got, r.stdout)
	}
	back := tool(r.stdout, "frag", "reassemble", "--hex", "-C", rules)
	lines := strings.Split(strings.TrimSpace(back.stdout), "\n")
	for i, line := range lines {
		if want := packet; i != 2 && line != want || i == 2 && !strings.HasPrefix(line, "error: malformed: ") {
			t.Errorf("reassemble, line %d: %s", i+1, line)
		}
	}
	if len(lines) != 6 {
		t.Errorf("reassemble: %s", back.stdout)
	}
}

// TestFragFlows: fragments of many senders do not take more memory than the
// limit; those that were quiet longest are given up, and said so.
func TestFragFlows(t *testing.T) {
	var b bytes.Buffer
	w := pcapio.NewNgWriter(&b, "")
	w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeEthernet, Resolution: pcapio.Micro, Name: "schc up"})
	w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeEthernet, Resolution: pcapio.Micro, Name: "schc down"})
	packet := strings.Repeat("5a", 30)
	frags := strings.Fields(tool(packet+"\n", "frag", "--hex", "--profile", "lorawan-up", "--mtu", "20").stdout)
	frame := func(iface, host int, msg string) {
		data := []byte{2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, byte(host >> 8), byte(host), 0x88, 0xb5}
		if iface == 1 {
			data = append(append(append([]byte{}, data[6:12]...), data[:6]...), data[12:14]...)
		}
		m, _ := hex.DecodeString(msg)
		data = append(data, m...)
		w.WritePacket(iface, &pcapio.Packet{Data: data, OrigLen: uint32(len(data))})
	}
	const hosts = 100
	for host := range hosts {
		frame(0, host, frags[0])
	}
	frame(1, 98, "14ffff") // a Receiver-Abort for one of them
	for host := hosts - 1; host >= 0; host-- {
		for _, m := range frags[1:] {
			frame(0, host, m)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	old := maxFlowBytes
	defer func() { maxFlowBytes = old }()
	for limit, want := range map[int]string{old: "99 reassembled from 300 fragments, 0 whole, 0 passed through, 1 left out, 2 failed", 40_000: "10 reassembled from 300 fragments"} {
		maxFlowBytes = limit
		out := filepath.Join(t.TempDir(), "out")
		r := tool("", "frag", "reassemble", "--profile", "lorawan-up", "-r", path, "-w", out)
		if r.code != exitFailed || !strings.Contains(r.stderr, want) {
			t.Errorf("limit %d: %d, %s; want %q", limit, r.code, r.stderr, want)
		}
		if limit == old && !strings.Contains(r.stderr, "packet 101: incomplete: aborted by the receiver\n") {
			t.Errorf("no abort: %s", r.stderr)
		}
	}
}

// TestFragTile: --tile makes room for larger packets under the profile of NB-IoT.
func TestFragTile(t *testing.T) {
	packet := strings.Repeat("5a", 1358)
	if r := tool(packet+"\n", "frag", "--hex", "--profile", "nb-iot", "--mtu", "120"); r.code != exitFailed || !strings.HasPrefix(r.stdout, "error: unsupported: ") {
		t.Errorf("tiles of 8 bits: %+v", r)
	}
	frags := tool(packet+"\n", "frag", "--hex", "--profile", "nb-iot", "--tile", "200", "--mtu", "120")
	if back := tool(frags.stdout, "frag", "reassemble", "--hex", "--profile", "nb-iot", "--tile", "200"); frags.code != exitDone || back != (result{stdout: packet + "\n"}) {
		t.Errorf("tiles of 200 bits: %+v, %+v", frags, back)
	}
	for args, want := range map[string]string{"--tile 200": "--tile changes a profile", "--profile nb-iot --tile 7": "smaller than an L2 Word", "--profile nb-iot --tile 70000": "70000"} {
		if r := tool("", strings.Fields("frag --hex -C "+coapRules+" --mtu 120 "+args)...); r.code != exitError || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: %+v, want %q", args, r, want)
		}
	}
}
