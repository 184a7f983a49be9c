package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/pcapio"
)

// gpcompLines are payloads: too short, compressible, not compressible, like a header, bad.
const gpcompLines = "746865\n" +
	"5b7b226e223a2274656d70222c2276223a32312e357d2c7b226e223a2274656d70222c2276223a32312e367d5d\n" +
	"\n000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n" +
	"0000f00041\n" +
	"00550003" + "616161616161616161616161616161616161616161616161616161616161616161616161\n" +
	"0000 00\nabc\nxyz\n"

// gpcompCodes are codes with a GPComp header: good, cut, malformed, with flags
// that are ignored; of other codecs.
const gpcompCodes = "0000000300154000330e07ff3000\n0000000300154000330e07ff\n00000003ffc0\n00ff000300154000330e07ff3000\n" +
	"0000f00003616263\n0000f00060\n0000012c616263\n616263\n"

func init() {
	golden = append(golden, []struct {
		name  string
		stdin string
		runs  []string
	}{
		{name: "gpcomp-hex", stdin: gpcompLines, runs: []string{
			"gpcomp compress --hex",
			"gpcomp compress --hex --codec ghc",
			"gpcomp compress --hex --codec ghc --escape -w $T/small.txt",
			"gpcomp decompress --hex -r $T/small.txt",
			"gpcomp compress --hex --codec lzs --threshold 1 --next-header 17 --cpi 300",
			"gpcomp compress --hex --codec ghc --implied -w $T/flagged.txt",
			"gpcomp decompress --hex --codec ghc --implied -r $T/flagged.txt",
			"gpcomp compress --hex --ip --codec ghc -c 2",
			"gpcomp explain --hex --codec ghc",
			"gpcomp explain --hex --codec ghc --header -f jsonl -c 2"}},
		{name: "gpcomp-codes", stdin: gpcompCodes, runs: []string{
			"gpcomp decompress --hex",
			"gpcomp decompress --hex --limit 30",
			"gpcomp decompress --hex --codec lzs --cpi 300",
			"gpcomp decompress --hex --codec lzs --implied",
			"gpcomp explain --hex --codec lzs -f tsv"}},
		{name: "gpcomp-capture", runs: []string{
			"gpcomp compress -c 4 -r " + coapPcap + " -w $T/small.pcap",
			"gpcomp decompress -v -r $T/small.pcap -w $T/again.pcap",
			"gpcomp decompress --limit 100 -r $T/small.pcap -w $T/limit.pcap",
			"gpcomp decompress -q --codec lzs --cpi 300 -c 2 -r $T/small.pcap -w $T/other.pcap",
			"gpcomp decompress -v --codec lzs --cpi 300 -c 2 -r $T/small.pcap -w $T/other.pcap",
			"gpcomp compress -r $T/small.pcap -c 2 -w $T/twice.pcap",
			"gpcomp explain -r $T/small.pcap --codec lzs",
			"gpcomp explain -c 2 -r $T/small.pcap --codec ghc",
			"gpcomp stats -r $T/small.pcap --codec ghc",
			"gpcomp stats -r $T/small.pcap --codec lzs --limit 9",
			"gpcomp explain -c 1 -r $T/small.pcap --codec lzs -f json"}},
		{name: "gpcomp-stats", stdin: gpcompLines, runs: []string{
			"gpcomp stats --codec lzs " + mixedPcap,
			"gpcomp stats --codec ghc -c 30 -f json " + coapPcap,
			"gpcomp stats --codec ghc --threshold 100 -f tsv " + coapPcap,
			"gpcomp stats --codec ghc --hex",
			"gpcomp stats --codec ghc --hex --header --threshold 1 -f jsonl",
			"gpcomp stats --codec lzs --hex ../../testdata/payloads/test/coap.hex ../../testdata/payloads/test/senml-json.hex"}},
		{name: "gpcomp-usage", runs: []string{
			"gpcomp", "gpcomp frob",
			"gpcomp compress --codec zip",
			"gpcomp compress --codec lzs --cpi 2 " + coapPcap,
			"gpcomp compress --codec ghc --cpi 1 " + coapPcap,
			"gpcomp compress --codec ghc --cpi 100 " + coapPcap,
			"gpcomp decompress --cpi 300 " + coapPcap,
			"gpcomp compress --threshold 0 " + coapPcap,
			"gpcomp decompress --limit 0 " + coapPcap,
			"gpcomp compress --implied " + coapPcap,
			"gpcomp compress --hex --implied --ip",
			"gpcomp compress --hex --implied --next-header 17",
			"gpcomp compress --hex -q",
			"gpcomp decompress --hex --implied",
			"gpcomp decompress -r none.pcap",
			"gpcomp stats " + coapPcap + " " + mixedPcap,
			"gpcomp stats --header " + coapPcap,
			"gpcomp stats --hex none.hex",
			"gpcomp stats --hex -r a b",
			"gpcomp stats -f xml " + coapPcap,
			"gpcomp explain --header " + coapPcap,
			"gpcomp explain -r $T",
			"gpcomp compress -h", "gpcomp decompress -h", "gpcomp stats -h", "gpcomp explain -h"}},
	}...)
}

// Every codec restores every capture packet for packet, and what is in between is IPComp.
func TestGPCompCaptures(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{coapPcap, mixedPcap, "testdata/raw.pcap", "testdata/odd.pcap"} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, codec := range codecNames {
			small, again := filepath.Join(dir, "small.pcap"), filepath.Join(dir, "again.pcap")
			r := tool("", "gpcomp", "compress", "--codec", codec, "-r", path, "-w", small)
			if r.code != exitDone {
				t.Fatalf("%s, %s: %+v", path, codec, r)
			}
			if r := tool("", "gpcomp", "decompress", "-r", small, "-w", again); r.code != exitDone {
				t.Fatalf("%s, %s: %+v", path, codec, r)
			}
			got, err := os.ReadFile(again)
			if err != nil || string(got[24:]) != string(want[24:]) {
				t.Errorf("%s, %s: the records differ, %v", path, codec, err)
			}
			compressed := 0
			for _, p := range packetsOf(t, small) {
				if h, _, err := gpcomp.ParseIP([]byte(p)); err == nil {
					compressed++
					if h.CPI != newCodec(codec).Transform().CPI() || h.Flags != 0 {
						t.Errorf("%s, %s: %+v", path, codec, h)
					}
				}
			}
			if compressed == 0 && (path == coapPcap || path == mixedPcap) || !strings.Contains(r.stderr, fmt.Sprintf(" %d compressed,", compressed)) {
				t.Errorf("%s, %s: %d packets of IPComp: %s", path, codec, compressed, r.stderr)
			}
		}
	}
}

// Interfaces, link headers, padding behind the datagram, time stamps and flags stay.
func TestGPCompFrames(t *testing.T) {
	dir := t.TempDir()
	in, small, again := filepath.Join(dir, "in.pcapng"), filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcapng")
	f, err := os.Create(in)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pcapio.NewWriter(f, pcapio.Format{NG: true}, "test")
	if err != nil {
		t.Fatal(err)
	}
	pkt, err := hex.DecodeString(ip6(fe80a, fe80b, strings.Repeat("all work and no play; ", 9)))
	if err != nil {
		t.Fatal(err)
	}
	for i, link := range []pcapio.LinkType{pcapio.LinkTypeEthernet, pcapio.LinkTypeIPv6, pcapio.LinkTypeNull, pcapio.LinkTypeSLL} {
		if _, err := w.AddInterface(pcapio.Interface{LinkType: link, Name: fmt.Sprint("if", i)}); err != nil {
			t.Fatal(err)
		}
		head := map[pcapio.LinkType]string{pcapio.LinkTypeEthernet: "02000000000102000000000281000005" + "86dd", pcapio.LinkTypeNull: "1e000000",
			pcapio.LinkTypeSLL: "00000001000602000000000100008" + "6dd"}[link]
		frame, err := hex.DecodeString(head)
		if err != nil {
			t.Fatal(err)
		}
		frame = append(frame, pkt...)
		if link == pcapio.LinkTypeEthernet {
			frame = append(frame, "padding"...)
		}
		p := pcapio.Packet{Data: frame, OrigLen: uint32(len(frame)), Iface: i, Ticks: 1764153600000000 + uint64(i), Flags: uint32(i % 3), HasFlags: i > 0}
		if err := w.WritePacket(i, &p); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, codec := range codecNames {
		if r := tool("", "gpcomp", "compress", "--codec", codec, "-r", in, "-w", small); r.code != exitDone || !strings.Contains(r.stderr, "4 packets: 4 compressed") {
			t.Errorf("%s: %+v", codec, r)
		}
		if r := tool("", "gpcomp", "decompress", "-r", small, "-w", again); r.code != exitDone || !strings.Contains(r.stderr, "4 packets: 4 restored") {
			t.Errorf("%s: %+v", codec, r)
		}
		want, err1 := os.ReadFile(in)
		got, err2 := os.ReadFile(again)
		if err1 != nil || err2 != nil || listCapture(t, want) != listCapture(t, got) {
			t.Errorf("%s: %v, %v: got\n%swant\n%s", codec, err1, err2, listCapture(t, got), listCapture(t, want))
		}
	}
}

// The lines of a file come back with every codec, in every form.
func TestGPCompLines(t *testing.T) {
	skipRace(t)
	for _, file := range []string{"coap", "senml-cbor", "json-events", "recorded-gpsd"} {
		data, err := os.ReadFile("../../testdata/payloads/test/" + file + ".hex")
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, "-\n"...) // a payload without bytes
		for _, codec := range codecNames {
			for _, form := range [][]string{nil, {"--implied"}, {"--threshold", "1"}, {"--escape", "--next-header", "17"}, {"--backoff"}} {
				args := append([]string{"gpcomp", "compress", "--hex", "--codec", codec}, form...)
				small := tool(string(data), args...)
				if small.code != exitDone || form == nil && len(small.stdout) > len(data) {
					t.Fatalf("%s, %s %v: %+v", file, codec, form, small)
				}
				args = []string{"gpcomp", "decompress", "--hex", "--codec", codec}
				switch {
				case len(form) == 3:
					args = append(args, form[1:]...)
				case len(form) == 1 && form[0] == "--implied":
					args = append(args, form...)
				}
				if again := tool(small.stdout, args...); again.code != exitDone || again.stdout != string(data) {
					t.Errorf("%s, %s %v: %.300s, want %.300s", file, codec, form, again.stdout, data)
				}
			}
		}
	}
}

// Totals of the statistics are the sums, and the text has what JSON has.
func TestGPCompStats(t *testing.T) {
	skipRace(t)
	files, err := filepath.Glob("../../testdata/payloads/test/*.hex")
	if err != nil {
		t.Fatal(err)
	}
	r := tool("", append([]string{"gpcomp", "stats", "--hex", "--speed", "-f", "json"}, files...)...)
	var got gpcompResult
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != exitDone || len(got.Files) != len(files) || len(got.Codecs) != len(codecNames) {
		t.Fatalf("%v: %+v", err, r)
	}
	sum := map[string]uint64{}
	for _, f := range got.Files {
		sum["payloads"] += f.Payloads
		sum["in"] += f.InBytes
		for codec, n := range f.OutBytes {
			sum[codec] += n
		}
	}
	if got.Payloads != sum["payloads"] || got.InBytes != sum["in"] || got.Payloads < 600 {
		t.Errorf("%d payloads of %d bytes, sums %v", got.Payloads, got.InBytes, sum)
	}
	for i, c := range got.Codecs {
		if c.Codec != codecNames[i] || c.OutBytes != sum[c.Codec] || c.Smaller > c.Tried || c.Tried > got.Payloads || c.OutBytes > got.InBytes {
			t.Errorf("%+v, sums %v", c, sum)
		}
		if c.CompressNs == nil || *c.CompressNs <= 0 || c.DecompressNs == nil || *c.DecompressNs <= 0 {
			t.Errorf("%s: no times", c.Codec)
		}
	}
}

// tshark inflates IPComp with DEFLATE: what it then sees of TCP, UDP, DNS, CoAP, HTTP and
// ICMP is what it sees in the capture that was compressed.
func TestGPCompTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	small := filepath.Join(t.TempDir(), "small.pcap")
	if r := tool("", "gpcomp", "compress", "--codec", "deflate", "-r", mixedPcap, "-w", small); r.code != exitDone {
		t.Fatalf("%+v", r)
	}
	fields := func(path string, names ...string) []string {
		args := []string{"-r", path, "-T", "fields"}
		for _, n := range names {
			args = append(args, "-e", n)
		}
		out, err := exec.Command("tshark", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	}
	cpis := 0
	for _, l := range fields(small, "ipcomp.cpi") {
		if l != "" {
			cpis++
		}
	}
	compressed := 0
	for _, p := range packetsOf(t, small) {
		if _, _, err := gpcomp.ParseIP([]byte(p)); err == nil {
			compressed++
		}
	}
	if cpis != compressed || compressed < 50 {
		t.Errorf("tshark sees %d packets of IPComp, there are %d", cpis, compressed)
	}
	names := []string{"frame.time_epoch", "tcp.srcport", "tcp.checksum", "tcp.len", "udp.srcport", "udp.length", "udp.checksum", "dns.id", "dns.a", "coap.mid",
		"icmp.checksum", "icmpv6.checksum", "http.content_length_header"}
	want, got := fields(mixedPcap, names...), fields(small, names...)
	if len(want) != len(got) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("packet %d: %q, want %q", i+1, got[i], want[i])
		}
	}
}

// A packet that was IPComp before is counted, as it will be restored.
func TestGPCompAlready(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.pcap"), filepath.Join(dir, "b.pcap")
	tool("", "gpcomp", "compress", "-r", mixedPcap, "-w", a)
	r := tool("", "gpcomp", "compress", "-r", a, "-w", b)
	if r.code != exitDone || !strings.Contains(r.stderr, "52 packets are IPComp of the CPI 3 already") {
		t.Errorf("%+v", r)
	}
	// Under another CPI all of it comes back.
	c := filepath.Join(dir, "c.pcap")
	tool("", "gpcomp", "compress", "--codec", "ghc", "--cpi", "300", "-r", a, "-w", b)
	tool("", "gpcomp", "decompress", "--codec", "ghc", "--cpi", "300", "-r", b, "-w", c)
	want, err1 := os.ReadFile(a)
	got, err2 := os.ReadFile(c)
	if err1 != nil || err2 != nil || hex.EncodeToString(got[24:]) != hex.EncodeToString(want[24:]) {
		t.Errorf("IPComp within another CPI differs: %v, %v", err1, err2)
	}
}
