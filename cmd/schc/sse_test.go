package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/inet"
	"github.com/schckit/schckit/internal/pcapio"
)

const (
	sseSmall = "testdata/sse/session.json"
	sseWhole = "testdata/sse/whole.json"
)

// sseLines are packets with whole headers: good ones, twice the same, another SPI,
// and broken ones.
var sseLines = strings.Join([]string{
	"01020300004000062c9dd311a1298db8ea3898ff",
	"01020300000000079f59a0a745a83e12",
	"01020300004000062c9dd311a1298db8ea3898ff",
	"01020300004000082c9dd311a1298db8ea3898ff",
	"04050600004000062c9dd311a1298db8ea3898ff",
	"01020302004000092c9dd311a1298db8ea3898ff",
	"01020301004000092c9dd311a1298db8ea3898ff",
	"01020300004000002c9dd311a1298db8ea3898ff",
	"01020300005000092c9dd311a1298db8ea3898ff",
	"01020300003000092c9dd311a1298db8ea3898ff",
	"010203", "01020", "xx", "01 02",
	"0102030000402000" + "2c9dd311a1298db8ea3898ff",
}, "\n") + "\n"

// sseSmallLines are packets with compressed headers.
var sseSmallLines = strings.Join([]string{
	"60c02c9dd311a1298db8ea3898ff", "60e09f59a0a745a83e12", "60c02c9dd311a1298db8ea3898ff", "60c12c9dd311a1298db8ea3898ff",
	"61002c9dd311a1298db8ea3898ff", "60c0", "01020300004000062c9dd311a1298db8ea3898ff",
}, "\n") + "\n"

// hipLines are HIP parameters, alone and among others, an IKEv2 payload, and broken
// ones.
var hipLines = strings.Join([]string{
	hipInfo + hipGPComp + hipTransform + hipFormat + hipWidths,
	hipTransform,
	"0fff0002aaaa0000" + hipTransform,
	"0fff0002aaaa0000",
	hipUnknown,
	hipTransform + hipGPComp,
	hipTransform + hipTransform,
	hipTransform[:20],
	"1005",
	"0000002801c90403770000010300000c01000010800e008003000008f100000100000008f2000008",
	"0000002801c90403770000010300000c01000010800e008003000008f100000100000008f20000",
	"0000000c010304007700000100000000",
	"zz", "00 00",
}, "\n") + "\n"

const (
	hipInfo      = "0042000c000001000000000a77000001"
	hipGPComp    = "0044000600030002000300" + "0000000000"
	hipTransform = "10050006" + "0000" + "000b" + "000a" + "000000000000"
	hipFormat    = "10060004" + "0000" + "0001"
	hipWidths    = "80000006" + "0000" + "0008" + "0810" + "000000000000"
	hipUnknown   = "10050008" + "0000" + "000e" + "03e8" + "000d" + "00000000" + "10060006" + "0000" + "0009" + "1234" + "000000000000"
)

// The demonstration runs, everything arrives, and its totals are the sums.
func TestSSEDemo(t *testing.T) {
	for _, n := range []int{2, 3, 300} {
		r := tool("", "sse", "demo", "-n", fmt.Sprint(n), "-f", "json")
		if r.code != exitDone || r.stderr != "" {
			t.Fatalf("%d payloads: %+v", n, r)
		}
		var d demoResult
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
			t.Fatal(err)
		}
		if d.Sent != n || d.Arrived != n || d.Twice+d.Wrong != 0 || len(d.Transport) != 2 {
			t.Errorf("%+v", d)
		}
		var sum demoRow
		for i := range d.Transport {
			x := &d.Transport[i]
			sum.add(x)
			if x.HdrSent+x.HdrSaved != x.HdrWhole || x.HdrWhole != 8*x.Packets || x.PacketBytes != x.HdrSent+x.PayloadBytes+8*x.Packets {
				t.Errorf("%+v", x)
			}
		}
		sum.Transport = "total"
		if sum != d.Total || d.Total.Packets != uint64(n) {
			t.Errorf("total %+v, want %+v", d.Total, sum)
		}
		if tcp := d.Transport[0]; tcp.State != "deleted" || tcp.Packets != uint64(n/2/2) {
			t.Errorf("%+v", tcp)
		}
	}
	for _, form := range []string{"text", "tsv", "jsonl"} {
		if r := tool("", "sse", "demo", "-n", "10", "-f", form); r.code != exitDone || !strings.Contains(r.stdout, "deleted") || !strings.Contains(r.stdout, "udp") {
			t.Errorf("%s: %+v", form, r)
		}
	}
}

// sseCaptures are captures with UDP and TCP, and a port of theirs.
var sseCaptures = []struct {
	path string
	port int
	tcp  bool
}{
	{coapPcap, 5683, false},
	{mixedPcap, 5683, false},
	{"../../../shared/captures/ndpi/anyconnect-vpn.pcap", 443, true},
	{"../../../shared/captures/ndpi/anyconnect-vpn.pcap", 53, false},
	{"../../../shared/captures/gopacket/pcap/test_ethernet.pcap", 80, true},
	{"../../../shared/captures/rohc/test/non_regression/rfc6846/inputs/ipv6/tcp/uk6x.pcap", 80, true},
	{"../../../shared/captures/microschc/leshan-thermostat.pcapng", 5683, false},
}

// Captures come back from seal and open, and from compress and decompress, packet
// for packet.
func TestSSECaptures(t *testing.T) {
	streams := 0
	for _, c := range sseCaptures {
		t.Run(fmt.Sprint(filepath.Base(c.path), "/", c.port), func(t *testing.T) {
			if _, err := os.Stat(c.path); err != nil {
				t.Skipf("%s is absent", strings.TrimPrefix(c.path, "../../"))
			}
			dir := t.TempDir()
			file := func(name, headers string) string {
				path := filepath.Join(dir, name)
				text := fmt.Sprintf(`{"suite": "aes-gcm-8", "port": %d, %s
					"up":   {"spi": 65793, "key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2a3"},
					"down": {"spi": 131586, "key": "101112131415161718191a1b1c1d1e1f", "salt": "b0b1b2b3"}}`, c.port, headers)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			whole, small := file("whole.json", ""), file("small.json", `"headers": {"spi_bits": 2, "sn_bits": 7},`)
			lzs := file("lzs.json", `"headers": {"sn_bits": 15}, "gpcomp": {"codec": "lzs", "threshold": 40},`)
			path := func(name string) string { return filepath.Join(dir, name) }
			run := func(args ...string) string {
				t.Helper()
				r := tool("", append([]string{"sse"}, args...)...)
				if r.code != exitDone {
					t.Fatalf("%q: %+v", args, r)
				}
				return r.stderr
			}
			for _, session := range []string{whole, small, lzs} {
				if said := run("seal", "--session", session, "-r", c.path, "-w", path("sealed")); strings.Contains(said, " 0 sealed") {
					t.Fatalf("nothing is sealed: %s", said)
				}
				run("open", "--session", session, "-r", path("sealed"), "-w", path("opened"))
				same(t, "opened", c.path, path("opened"))
			}
			run("seal", "--session", whole, "-r", c.path, "-w", path("sealed"))
			said := run("compress", "-v", "--session", small, "-r", path("sealed"), "-w", path("small.pcapng"))
			if strings.Contains(said, " 0 compressed") || strings.Contains(said, "bytes\n") && !strings.Contains(said, "not to be restored 0") {
				t.Errorf("compress: %s", said)
			}
			run("decompress", "--session", small, "-r", path("small.pcapng"), "-w", path("again"))
			a, err1 := os.ReadFile(path("sealed"))
			b, err2 := os.ReadFile(path("again"))
			if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
				same(t, "restored", path("sealed"), path("again")) // pcapng may be another file with the same packets
			}
			// And what is no SSE at all, on that port.
			run("compress", "--session", small, "-r", c.path, "-w", path("foreign.pcapng"))
			run("decompress", "--session", small, "-r", path("foreign.pcapng"), "-w", path("foreign"))
			same(t, "restored", c.path, path("foreign"))
			if c.tcp {
				streams++
			}
		})
	}
	if streams == 0 && !testing.Short() {
		t.Log("no capture with TCP was there")
	}
}

// same compares the IP packets of two captures.
func same(t *testing.T, what, want, got string) {
	t.Helper()
	a, b := packetsOf(t, want), packetsOf(t, got)
	if len(a) == 0 || len(a) != len(b) {
		t.Errorf("%s: %d packets, want %d", what, len(b), len(a))
		return
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("%s: packet %d is %x, want %x", what, i+1, b[i], a[i])
		}
	}
}

// tcpCapture writes a capture of raw IPv4 TCP segments from port 5683.
func tcpCapture(t *testing.T, path string, payloads ...[]byte) {
	t.Helper()
	var buf bytes.Buffer
	w, err := pcapio.NewWriter(&buf, pcapio.Format{SnapLen: 1 << 18}, application)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeRaw, Resolution: pcapio.Micro}); err != nil {
		t.Fatal(err)
	}
	for i, p := range payloads {
		pkt := make([]byte, 40, 40+len(p))
		pkt[0], pkt[8], pkt[9], pkt[32] = 0x45, 64, 6, 0x50
		binary.BigEndian.PutUint16(pkt[2:], uint16(40+len(p)))
		copy(pkt[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
		binary.BigEndian.PutUint16(pkt[20:], 5683)
		binary.BigEndian.PutUint16(pkt[22:], 4000)
		pkt[27] = byte(i)
		pkt = append(pkt, p...)
		binary.BigEndian.PutUint16(pkt[10:], inet.Fold(inet.Sum(0, pkt[:20])))
		binary.BigEndian.PutUint16(pkt[36:], inet.Fold(inet.Sum(inet.PseudoIPv4(pkt[12:20], uint32(len(pkt)-20), 6), pkt[20:])))
		if err := w.WritePacket(0, &pcapio.Packet{Data: pkt, OrigLen: uint32(len(pkt)), Ticks: uint64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TCP segments of several packets are handled as a whole; those with parts of
// packets are passed through and counted.
func TestSSESegments(t *testing.T) {
	r := tool("6f6e65\n74776f\n7468726565\n666f7572\n", "sse", "seal", "--hex", "--dir", "down", "--session", sseWhole)
	var pkts [][]byte
	for _, l := range strings.Fields(r.stdout) {
		b, err := decodeHex(nil, []byte(l))
		if err != nil {
			t.Fatal(err)
		}
		pkts = append(pkts, b)
	}
	if len(pkts) != 4 {
		t.Fatalf("%+v", r)
	}
	join := func(list ...[]byte) []byte { return bytes.Join(list, nil) }
	dir := t.TempDir()
	in, small, again, clear := filepath.Join(dir, "in"), filepath.Join(dir, "small"), filepath.Join(dir, "again"), filepath.Join(dir, "clear")
	tcpCapture(t, in, nil, join(pkts[0], pkts[1]), join(pkts[2], pkts[3][:5]), pkts[3][5:], []byte("something else"))
	c := tool("", "sse", "compress", "-v", "--session", sseSmall, "-r", in, "-w", small)
	if want := "5 packets: 1 compressed, 4 passed through, 0 failed; 78 -> 72 bytes\nnot of the session 0, TCP without payload 1, TCP with parts of packets 3,"; c.code != exitDone || !strings.HasPrefix(c.stderr, want) {
		t.Errorf("compress: %+v, want %s", c, want)
	}
	if d := tool("", "sse", "decompress", "--session", sseSmall, "-r", small, "-w", again); d.code != exitDone || !strings.Contains(d.stderr, "1 restored, 4 passed") {
		t.Errorf("decompress: %+v", d)
	}
	a, err1 := os.ReadFile(in)
	b, err2 := os.ReadFile(again)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("the restored capture differs: %v, %v", err1, err2)
	}
	if o := tool("", "sse", "open", "-v", "--session", sseWhole, "-r", in, "-w", clear); o.code != exitDone || !strings.Contains(o.stderr, "1 opened, 4 passed") {
		t.Errorf("open: %+v", o)
	}
	if got := packetsOf(t, clear)[1][40:]; got != "onetwo" {
		t.Errorf("opened %q", got)
	}
}

// A wrong checksum comes out as wrong, and back as it was.
func TestSegmentChecksums(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	for _, path := range []string{coapPcap, mixedPcap} {
		for _, pkt := range packetsOf(t, path) {
			for _, wrong := range []uint16{0, 1, 0x8000, 0x1234} {
				b := []byte(pkt)
				g, ok := locateSegment(b)
				if !ok {
					continue
				}
				sum := b[g.off+6:]
				if g.stream {
					sum = b[g.off+16:]
				}
				if wrong != 0 {
					v := binary.BigEndian.Uint16(sum) + wrong
					if v == 0 || v == 0xffff {
						continue
					}
					binary.BigEndian.PutUint16(sum, v)
				}
				payload := make([]byte, rnd.Intn(100))
				rnd.Read(payload)
				out, ok := g.appendSegment(nil, b, payload)
				if !ok {
					t.Fatalf("%x: too long", b)
				}
				h, ok := locateSegment(out)
				right := inet.Fold(h.sum(out)) == 0 || !g.stream && sum[0]|sum[1] == 0
				if !ok || right != (wrong == 0) || !bytes.Equal(out[h.payload:], payload) {
					t.Fatalf("%x with payload %x: %x, checksum right: %v", b, payload, out, right)
				}
				back, ok := h.appendSegment(nil, out, b[g.payload:])
				if !ok || !bytes.Equal(back, b) {
					t.Fatalf("%x comes back as %x", b, back)
				}
			}
		}
	}
}

// FuzzSegment: whatever the packet, another payload and then its own give it back,
// or restores says that they do not.
func FuzzSegment(f *testing.F) {
	f.Add([]byte("\x45\x00\x00\x1c\x00\x00\x40\x00\x40\x11\x26\x7f\x0a\x00\x00\x01\x08\x08\x08\x08\xc0\x01\x16\x33\x00\x08\x00\x00"), []byte("payload"))
	f.Add(append([]byte("\x60\x00\x00\x00\x00\x14\x06\x40"), make([]byte, 52)...), []byte("x"))
	f.Fuzz(func(t *testing.T, pkt, payload []byte) {
		g, ok := locateSegment(pkt)
		if !ok {
			return
		}
		kept := bytes.Clone(pkt)
		out, ok := g.appendSegment([]byte{7}, pkt, payload)
		if !bytes.Equal(pkt, kept) || out[0] != 7 {
			t.Fatalf("changed what is not its own")
		}
		if !ok {
			return
		}
		h, ok := locateSegment(out[1:])
		if !ok || h != g || !bytes.Equal(out[1+h.payload:], payload) {
			t.Fatalf("appendSegment(%x, %x) = %x", pkt, payload, out[1:])
		}
		if a, b := inet.Fold(g.sum(pkt)) == 0, inet.Fold(h.sum(out[1:])) == 0; a && !b {
			t.Fatalf("appendSegment(%x, %x) = %x has a wrong checksum", pkt, payload, out[1:])
		}
		back, _ := h.appendSegment(nil, out[1:], pkt[g.payload:])
		if restores(&g, pkt, payload) != bytes.Equal(back, pkt) {
			t.Fatalf("%x comes back as %x", pkt, back)
		}
	})
}

// When the numbers end, seal and open say that it is time for new keys, and then
// refuse.
func TestSSERekey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	write := func(rest string) {
		t.Helper()
		text := `{"suite": "aes-ccm-8", "up": {"spi": 1, "key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2"` + rest
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`, "seq": 1048573}}`)
	r := tool("00\n01\n02\n", "sse", "seal", "--hex", "--session", path)
	lines := strings.Split(r.stdout, "\n")
	if r.code != exitFailed || len(lines) != 4 || lines[2] != "error: exhausted: the session has used up its Sequence Numbers; it needs new keys" ||
		r.stderr != "schc: note: up has come to Sequence Number 1048575 of 1048575: it is time for new keys\n" {
		t.Errorf("seal: %+v", r)
	}
	if r := tool(lines[0]+"\n", "sse", "open", "--hex", "--session", path); r.code != exitDone || r.stdout != "00\n" ||
		r.stderr != "schc: note: up has come to Sequence Number 1048574 of 1048575: it is time for new keys\n" {
		t.Errorf("open: %+v", r)
	}
	write(`}, "rekey_at": 3}`)
	for n, want := range map[int]string{1: "", 2: "schc: note: up has come to Sequence Number 2 of 1048575: it is time for new keys\n"} {
		if r := tool(strings.Repeat("00\n", n), "sse", "seal", "--hex", "--session", path); r.code != exitDone || r.stderr != want {
			t.Errorf("%d payloads: %+v", n, r)
		}
	}
	write(`, "seq": 1048575}}`)
	if r := tool("00\n", "sse", "seal", "--hex", "--session", path); r.code != exitError || !strings.Contains(r.stderr, "up.seq: the last Sequence Number is used") {
		t.Errorf("seal without numbers: %+v", r)
	}
}
