package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
)

// sharedCaptures are captures that are not part of the repository.
const sharedCaptures = "../../../shared/captures"

// captures returns our own captures, and those that happen to be there.
func captures(t *testing.T) []string {
	list := []string{coapPcap, mixedPcap, "testdata/odd.pcap", "testdata/raw.pcap"}
	if _, err := os.Stat(sharedCaptures); err != nil {
		t.Logf("%s is not there: only the captures of the repository are tested", sharedCaptures)
		return list
	}
	err := filepath.WalkDir(sharedCaptures, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(filepath.Ext(path), "cap") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// ruleFiles are rule files that lose nothing.
func ruleFiles(t *testing.T) []string {
	own, err := filepath.Glob("../../testdata/rules/*.json")
	if err != nil || len(own) == 0 {
		t.Fatal(own, err)
	}
	return append(own, "testdata/rules/pass.json", "testdata/rules/wide.json")
}

// record is one packet of a capture.
type record struct {
	data  string
	orig  uint32
	sec   int64
	nsec  uint32
	link  pcapio.LinkType
	iface int
	flags uint32
}

// readCapture returns all packets of a capture, and whether its end is damaged.
func readCapture(t *testing.T, path string) (list []record, format pcapio.Format, damaged bool) {
	r, err := pcapio.Open(path, nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer r.Close()
	var p pcapio.Packet
	for {
		if err = r.Next(&p); err != nil {
			return list, r.Format(), err != io.EOF
		}
		sec, nsec := p.Interface.Seconds(p.Ticks)
		list = append(list, record{string(p.Data), p.OrigLen, sec, nsec, p.Interface.LinkType, p.Iface, p.Flags})
	}
}

// comesBack compresses a capture of the packets want to the file small, restores
// that to the file again, and compares.
func comesBack(t *testing.T, path, rules, small, again string, want []record, wantCode int) (f pcapio.Format, ok bool) {
	if r := tool("", "compress", "-q", "-C", rules, "-r", path, "-w", small); r.code != wantCode {
		t.Errorf("compress %s with %s: %+v", path, rules, r)
		return f, false
	}
	if r := tool("", "decompress", "-q", "-C", rules, "-r", small, "-w", again); r.code != exitDone {
		t.Errorf("decompress %s with %s: %+v", path, rules, r)
		return f, false
	}
	got, f, _ := readCapture(t, again)
	if len(got) != len(want) {
		t.Errorf("%s with %s: %d packets, want %d", path, rules, len(got), len(want))
		return f, false
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s with %s: packet %d is %+v, want %+v", path, rules, i+1, got[i], want[i])
			return f, false
		}
	}
	return f, true
}

// Every capture comes back packet for packet, with every rule file.
func TestCapturesRoundTrip(t *testing.T) {
	dir := t.TempDir()
	small, again := filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcap")
	packets, compressed := 0, 0
	for i, path := range captures(t) {
		if raceEnabled && i > 3 && i%8 != 0 {
			continue // a sample; there is no concurrency in this
		}
		want, format, damaged := readCapture(t, path)
		wantCode := exitDone
		if damaged {
			wantCode = exitFailed
		}
		for _, rules := range ruleFiles(t) {
			gotFormat, ok := comesBack(t, path, rules, small, again, want, wantCode)
			if !ok {
				continue
			}
			format.Gzip = false
			gotFormat.SnapLen = format.SnapLen // of the file; pcapng has none
			if format.NG {
				format.BigEndian = false // pcapng is always written so
			}
			if gotFormat != format {
				t.Errorf("%s with %s: restored as %+v, want %+v", path, rules, gotFormat, format)
			}
			if !format.NG && !damaged {
				a, b := mustRead(t, path), mustRead(t, again)
				if !bytes.Equal(a, b) {
					t.Errorf("%s with %s: the packets are the same, the file differs", path, rules)
				}
			}
			// verify agrees.
			r := tool("", "verify", "-C", rules, "-r", path, "-f", "json")
			var s struct {
				Packets, Compressed, Mismatched int
			}
			if err := json.Unmarshal([]byte(r.stdout), &s); err != nil || r.code != wantCode || s.Mismatched != 0 || s.Packets != len(want) {
				t.Errorf("verify %s with %s: %+v", path, rules, r)
			}
			packets += s.Packets
			compressed += s.Compressed
		}
	}
	t.Logf("%d packets, %d compressed", packets, compressed)
	if compressed == 0 {
		t.Error("nothing was compressed")
	}
}

func mustRead(t testing.TB, path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tcpdump prints the same of the restored capture as of the original.
func TestCapturesTcpdump(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed")
	}
	if testing.Short() {
		t.Skip("slow: runs tcpdump")
	}
	list := func(path string) (string, error) {
		out, err := exec.Command(tcpdump, "-n", "-tt", "-e", "-xx", "-r", path).Output()
		return string(out), err
	}
	dir := t.TempDir()
	small, again := filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcap")
	compared := 0
	for i, path := range captures(t) {
		if info, err := os.Stat(path); err != nil || info.Size() > 300<<10 || i%3 != 0 {
			continue // a sample: the packets themselves are compared above
		}
		want, err := list(path)
		if err != nil {
			continue // cannot read the original either
		}
		tool("", "compress", "-q", "-C", "testdata/rules/wide.json", "-r", path, "-w", small)
		tool("", "decompress", "-q", "-C", "testdata/rules/wide.json", "-r", small, "-w", again)
		if got, err := list(again); err != nil || got != want {
			t.Errorf("%s: tcpdump prints of the restored capture (%v)\n%.300s\nof the original\n%.300s", path, err, got, want)
		}
		compared++
	}
	t.Logf("compared %d captures", compared)
}

// tshark reads compressed captures, and sees the direction.
func TestCapturesTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	if testing.Short() {
		t.Skip("slow: runs tshark")
	}
	small := filepath.Join(t.TempDir(), "small.pcapng")
	for path, want := range map[string]string{coapPcap: "0x88b5", "testdata/raw.pcap": ""} {
		if r := tool("", "compress", "-C", coapRules, "-r", path, "-w", small); r.code != exitDone {
			t.Fatal(r)
		}
		out, err := exec.Command(tshark, "-n", "-r", small, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "eth.type").Output()
		if err != nil {
			t.Fatalf("tshark: %v", err)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		packets, _, _ := readCapture(t, path)
		if len(lines) != len(packets) {
			t.Fatalf("%s: tshark reads %d packets, want %d", path, len(lines), len(packets))
		}
		for i, line := range lines {
			f := strings.Split(line, "\t")
			if f[2] != want || !strings.HasPrefix(f[0], "schc ") && packets[i].data != "" ||
				!strings.HasPrefix(f[1], fmt.Sprintf("%d.%09d", packets[i].sec, packets[i].nsec)) {
				t.Errorf("%s: packet %d: tshark reads %q", path, i+1, line)
			}
		}
	}
}
