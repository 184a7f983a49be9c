package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/spf13/cobra"
)

const sharedVectors = "../../../shared/interop/6lowpan/"

// lowpanInterop reads vectors of other implementations.
func lowpanInterop(t *testing.T, name string, v any) {
	b, err := os.ReadFile(sharedVectors + name)
	if err != nil {
		t.Skipf("%s is not there", sharedVectors+name)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

type lowpanVector struct {
	Name           string
	MacSrc         string `json:"mac_src"`
	MacDst         string `json:"mac_dst"`
	Compressed     string
	Uncompressed   string
	IPHC           string
	Error          bool
	OpenThread     bool `json:"openthread_roundtrip"`
	Tshark         bool `json:"tshark_agrees"`
	TestCompress   bool `json:"test_compress"`
	TestDecompress bool `json:"test_decompress"`
	Header         *int `json:"asserted_compressed_header_octets"`
	Payload        int  `json:"payload_octets"`
}

// hexRun runs packet mode over lines.
func hexRun(t *testing.T, lines []string, wantCode int, args ...string) []string {
	t.Helper()
	r := tool(strings.Join(lines, "\n"), append(args, "--hex")...)
	out := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
	if r.code != wantCode || len(out) != len(lines) {
		t.Fatalf("%v: exit %d, want %d; %d lines, want %d\n%.300s", args, r.code, wantCode, len(out), len(lines), r.stderr)
	}
	return out
}

// TestLowpanVectors runs the vectors of other stacks through packet mode: no
// output is longer than theirs, and all of it comes back.
func TestLowpanVectors(t *testing.T) {
	for _, f := range []struct {
		file     string
		contexts []string
	}{
		{"openthread_test_lowpan.json", []string{"0=fd00:cafe:face:1234::/64", "1=2001:2:0:1::/64", "2=2001:2:0:2::/64,decompress-only"}},
		{"iphc_openthread_compress.json", []string{"0=fd00:cafe:face:1234::/64", "1=2001:2:0:1::/64", "2=2001:2:0:2::/64,decompress-only"}},
		{"real_captures_tshark.json", []string{"0=aaaa::/64"}},
		{"zephyr_6lo_sizes.json", []string{"1=aabb::/64", "2=ccdd::/64"}},
	} {
		t.Run(f.file, func(t *testing.T) {
			var file struct{ Vectors []lowpanVector }
			lowpanInterop(t, f.file, &file)
			compress, decompress := []string{"lowpan", "compress"}, []string{"lowpan", "decompress"}
			for _, c := range f.contexts {
				compress, decompress = append(compress, "--context", c), append(decompress, "--context", c)
			}
			var pkts, theirs, bad []string
			var vs []lowpanVector
			for _, v := range file.Vectors {
				link := " " + v.MacSrc + " " + v.MacDst
				if v.Error {
					bad = append(bad, v.IPHC+link)
					continue
				}
				vs = append(vs, v)
				pkts = append(pkts, v.Uncompressed+link)
				theirs = append(theirs, v.Compressed+link)
			}
			if len(bad) > 0 {
				for i, s := range hexRun(t, bad, exitFailed, decompress...) {
					if !strings.HasPrefix(s, "error: ") {
						t.Errorf("%s: %s, want an error", bad[i], s)
					}
				}
			}
			if f.file != "zephyr_6lo_sizes.json" {
				for i, s := range hexRun(t, theirs, exitDone, decompress...) {
					// OpenThread elides a PadN of 8 octets, which cannot be restored.
					lost := f.file == "iphc_openthread_compress.json" && !vs[i].OpenThread
					if (s == vs[i].Uncompressed) == lost {
						t.Errorf("%s: decompressed %s, want %s", vs[i].Name, s, vs[i].Uncompressed)
					}
				}
			}
			small := hexRun(t, pkts, exitDone, compress...)
			again := make([]string, len(small))
			ours, others := 0, 0
			for i, s := range small {
				v := vs[i]
				again[i] = s + " " + v.MacSrc + " " + v.MacDst
				n, want := len(s)/2, len(v.Compressed)/2
				if v.Header != nil {
					want = *v.Header + v.Payload
				} else if v.Compressed == "" {
					continue
				}
				if f.file == "iphc_openthread_compress.json" && !v.OpenThread {
					continue // theirs is not legal
				}
				ours, others = ours+n, others+want
				if n > want || v.TestCompress && s != v.Compressed {
					t.Errorf("%s: %s is %d bytes, want %d: %s", v.Name, s, n, want, v.Compressed)
				}
			}
			for i, s := range hexRun(t, again, exitDone, decompress...) {
				if s != vs[i].Uncompressed {
					t.Errorf("%s: %s comes back as %s, want %s", vs[i].Name, small[i], s, vs[i].Uncompressed)
				}
			}
			t.Logf("%d vectors, %d refused; %d bytes, theirs %d", len(vs), len(bad), ours, others)
		})
	}
}

// ipv6Records are the IPv6 packets of a capture, with times in nanoseconds.
type ipv6Record struct {
	data string
	sec  int64
	nsec uint32
}

func ipv6Records(t *testing.T, path string) (list []ipv6Record, damaged bool) {
	r, err := pcapio.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var p pcapio.Packet
	for {
		if err := r.Next(&p); err != nil {
			return list, err != io.EOF
		}
		var c lowcap.Packets
		if pkt := lowpanPacket(&p, &c); pkt != nil {
			sec, nsec := p.Interface.Seconds(p.Ticks)
			list = append(list, ipv6Record{string(pkt), sec, nsec})
		}
	}
}

// lowpanSummary is a Summary, with what is to add up checked.
func lowpanSummary(t *testing.T, r result) lowcap.Summary {
	t.Helper()
	var s lowcap.Summary
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	records := uint64(0)
	if p := s.IPv6; p != nil {
		records += p.Packets
		if p.Packets != p.Compressed+p.PassedThrough || p.PassedThrough != p.NonIPv6+p.SnapCut+p.BadLength+p.TooLong+p.Errors ||
			p.Fragmented > p.Compressed || p.Frames < p.Compressed {
			t.Errorf("%+v does not add up", *p)
		}
	}
	if f := s.LoWPAN; f != nil {
		records += f.Frames
		if f.Frames != f.Whole+f.Fragments+f.LeftOut+f.Errors+f.Passed || f.Packets != f.Whole+f.Reassembled+f.Passed ||
			f.LeftOut != f.OtherLink+f.NoPayload+f.NotIPv6+f.Encrypted+f.SnapCut+f.Dropped ||
			f.Smaller != nil && *f.Smaller+*f.Same+*f.Larger != f.Whole {
			t.Errorf("%+v does not add up", *f)
		}
	}
	if s.Records != records {
		t.Errorf("%d records, want %d", s.Records, records)
	}
	return s
}

// TestLowpanCaptures takes all captures with IPv6 packets to IEEE 802.15.4 and
// back: every packet comes back with its time stamp, and what is not IPv6, too.
func TestLowpanCaptures(t *testing.T) {
	dir := t.TempDir()
	wpan, again := filepath.Join(dir, "wpan.pcapng"), filepath.Join(dir, "again.pcap")
	packets, frames, files, same := 0, uint64(0), 0, 0
	for i, path := range captures(t) {
		want, damaged := ipv6Records(t, path)
		all, _, _ := readCapture(t, path)
		if len(want) == 0 || testing.Short() && i > 20 {
			continue
		}
		wantCode := exitDone
		if damaged {
			wantCode = exitFailed
		}
		both := strings.Fields("--context 0=2001:db8:1::/64 --context 3=fe80::/64")
		compress := append([]string{"lowpan", "compress", "-q", "-r", path, "-w", wpan}, both...)
		if i%2 == 0 {
			compress = append(compress, "--elide-checksum")
		}
		if i%3 == 0 && len(want) < 1000 {
			compress = append(compress, "--ghc")
		}
		if i%5 == 0 {
			compress = append(compress, "--fcs", "--link-src", "0001", "--link-dst", "1122334455667788")
		}
		if r := tool("", compress...); r.code != wantCode {
			t.Errorf("%v: %+v", compress, r)
			continue
		}
		if r := tool("", append([]string{"lowpan", "decompress", "-q", "-r", wpan, "-w", again}, both...)...); r.code != exitDone {
			t.Errorf("decompress %s: %+v", path, r)
			continue
		}
		got, _ := ipv6Records(t, again)
		if len(got) != len(want) {
			t.Errorf("%s: %d packets, want %d", path, len(got), len(want))
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: packet %d is %x, want %x", path, i+1, got[i], want[i])
				break
			}
		}
		if list, _, _ := readCapture(t, again); len(list) != len(all) {
			t.Errorf("%s: %d records, want %d", path, len(list), len(all))
		}
		s := lowpanSummary(t, tool("", append([]string{"lowpan", "verify", "-f", "json", "-r", path}, both...)...))
		if s.IPv6 == nil || s.IPv6.Mismatched == nil || *s.IPv6.Mismatched != 0 || int(s.IPv6.Packets) != len(all) {
			t.Errorf("verify %s: %+v", path, s.IPv6)
			continue
		}
		// With Ethernet headers and the addresses they had the file may even be the same.
		tool("", "lowpan", "compress", "-q", "-r", path, "-w", wpan)
		tool("", "lowpan", "decompress", "-q", "--ethernet", "-r", wpan, "-w", again)
		if bytes.Equal(mustRead(t, path), mustRead(t, again)) {
			same++
		}
		packets, frames, files = packets+len(want), frames+s.IPv6.Frames, files+1
	}
	t.Logf("%d packets of %d captures in %d frames; with --ethernet %d files are the same", packets, files, frames, same)
	if packets == 0 || same == 0 {
		t.Error("nothing was compressed, or no file is the same")
	}
}

// TestLowpanFrames verifies all captures of LoWPAN frames: what other stacks sent
// is restored, and our own form of it is never larger.
func TestLowpanFrames(t *testing.T) {
	if testing.Short() {
		t.Skip("slow: large captures")
	}
	if _, err := os.Stat(sharedCaptures); err != nil {
		t.Skipf("%s is not there", sharedCaptures)
	}
	for _, dir := range []struct{ name, flags string }{
		{"salties", "--context 0=aaaa::/64 --key 000102030405060708090a0b0c0d0e0f"},
		{"made", "--ghc --elide-checksum --context 0=fd00:cafe:face:1234::/64 --context 1=2001:2:0:1::/64 --context 2=2001:2:0:2::/64,decompress-only"},
	} {
		names, _ := filepath.Glob(sharedCaptures + "/" + dir.name + "/*.pcap*")
		for _, path := range names {
			r := tool("", append([]string{"lowpan", "verify", "-f", "json", "-r", path}, strings.Fields(dir.flags)...)...)
			s := lowpanSummary(t, r)
			f := s.LoWPAN
			if f == nil {
				continue
			}
			if f.Encrypted > 0 || dir.name == "salties" && f.Packets == 0 {
				t.Errorf("verify %s: %d frames are still encrypted, %d packets", path, f.Encrypted, f.Packets)
			}
			// OpenThread's tests have frames that must be refused.
			refused := strings.Contains(path, "openthread_test")
			if *f.Mismatched != 0 || refused == (f.Errors == 0) || (r.code == exitDone) == refused {
				t.Errorf("verify %s: exit %d, %+v\n%s", path, r.code, *f, r.stderr)
			}
			if *f.Larger != 0 {
				t.Errorf("verify %s: %d frames are larger than captured: %+v", path, *f.Larger, *f)
			}
			t.Logf("%s: %d frames, %d packets, %d left out; %d bytes captured, %d ours", filepath.Base(path), f.Frames, f.Packets, f.LeftOut, f.InBytes, *f.AnewBytes)
		}
	}
}

// TestLowpanTshark has tshark read our IEEE 802.15.4 captures as the same IPv6
// packets, fragments put together.
func TestLowpanTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	if testing.Short() {
		t.Skip("slow: runs tshark")
	}
	wpan := filepath.Join(t.TempDir(), "wpan.pcapng")
	for _, path := range []string{coapPcap, mixedPcap} {
		for _, fcs := range []string{"--fcs=false", "--fcs"} {
			args := append([]string{"lowpan", "compress", "-q", "--drop", fcs, "-r", path, "-w", wpan}, strings.Fields(coapContexts)...)
			if r := tool("", args...); r.code != exitDone {
				t.Fatal(r)
			}
			want, _ := ipv6Records(t, path)
			out, err := exec.Command(tshark, "-n", "-x", "-r", wpan, "-o", "6lowpan.context0:2001:db8:1::/64", "-o", "6lowpan.context1:2001:db8:2::/64").Output()
			if err != nil {
				t.Fatalf("tshark: %v", err)
			}
			n := 0
			for _, frame := range strings.Split(string(out), "\n\n") {
				for _, source := range tsharkSources(t, frame) {
					if n < len(want) && source == want[n].data {
						n++
						break
					}
				}
			}
			if n != len(want) {
				t.Errorf("%s %s: tshark reads %d packets in order, want %d; next is %x", path, fcs, n, len(want), want[n].data)
			}
			t.Logf("%s: tshark reads %d packets", path, n)
		}
	}
}

// tsharkSources are the buffers that tshark -x shows of a frame.
func tsharkSources(t *testing.T, frame string) (list []string) {
	var data []byte
	for _, line := range append(strings.Split(frame, "\n"), "end):") {
		if strings.HasSuffix(line, "):") {
			list = append(list, string(data))
			data = nil
			continue
		}
		if len(line) < 6 {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line[6:min(53, len(line))], " ", ""))
		if err != nil {
			t.Fatalf("tshark: %q", line)
		}
		data = append(data, b...)
	}
	return list
}

// TestLowpanSVG: the plot is XML with the figures of the table.
func TestLowpanSVG(t *testing.T) {
	dir := t.TempDir()
	svg, again := filepath.Join(dir, "a.svg"), filepath.Join(dir, "b.svg")
	args := []string{"lowpan", "stats", "--compare", "-C", coapRules, "-f", "json", coapPcap, "--svg"}
	r := tool("", append(args, svg)...)
	if r.code != exitDone {
		t.Fatal(r)
	}
	var c lowcap.Comparison
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil {
		t.Fatal(err)
	}
	text := mustRead(t, svg)
	dec := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the plot is not XML: %v", err)
		}
	}
	for _, m := range c.Methods {
		for _, s := range []string{m.Name, fmt.Sprintf("%.1f", m.BytesPerPacket)} {
			if !bytes.Contains(text, []byte(">"+s+"<")) {
				t.Errorf("the plot does not say %q", s)
			}
		}
	}
	tool("", append(args, again)...)
	if !bytes.Equal(text, mustRead(t, again)) {
		t.Error("the plot is not the same the second time")
	}
	if r := tool("", append(args, "-")...); r.code != exitError {
		t.Errorf("plot and table on standard output: %+v", r)
	}
}

// TestLowpanSVGTicks: no tick has digits behind the point for nothing.
func TestLowpanSVGTicks(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "a.svg")
	if r := tool("", "lowpan", "stats", mixedPcap, "--svg", svg); r.code != exitDone {
		t.Fatal(r)
	}
	text := mustRead(t, svg)
	if !bytes.Contains(text, []byte(">0<")) || bytes.Contains(text, []byte(".00<")) {
		t.Errorf("ticks: %q", regexp.MustCompile(`>[0-9.]+<`).FindAll(text, -1))
	}
}

// TestLowpanCompareAddsUp: totals are the sums, and SCHC is what schc stats says.
func TestLowpanCompareAddsUp(t *testing.T) {
	r := tool("", "lowpan", "stats", "--compare", "-C", mixedRules, "-f", "json", mixedPcap)
	var c lowcap.Comparison
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil || r.code != exitDone {
		t.Fatal(err, r)
	}
	var packets, in uint64
	sums, sent := make([]uint64, len(c.Methods)), make([]uint64, len(c.Methods))
	for _, row := range c.Protocols {
		packets, in = packets+row.Packets, in+row.InBytes
		for i, m := range row.Methods {
			sums[i] += m.Bytes
			sent[i] += m.SentBytes
		}
	}
	for i, m := range c.Methods {
		if sums[i] != m.Bytes || sent[i] != m.SentBytes || m.Frames < c.Packets {
			t.Errorf("%s: %d bytes, %d sent, the rows have %d, %d", m.Name, m.Bytes, m.SentBytes, sums[i], sent[i])
		}
	}
	if packets != c.Packets || in != c.InBytes || c.Methods[0].Bytes != in+packets {
		t.Errorf("%d packets of %d bytes, the rows have %d of %d", c.Packets, c.InBytes, packets, in)
	}
	// Fragmentation is that of compress.
	v := lowpanSummary(t, tool("", "lowpan", "verify", "-f", "json", mixedPcap))
	if m := c.Methods[1]; m.Frames != v.IPv6.Frames || m.SentBytes != v.IPv6.OutBytes {
		t.Errorf("%s: %d bytes in %d frames, verify has %d in %d", m.Name, m.SentBytes, m.Frames, v.IPv6.OutBytes, v.IPv6.Frames)
	}
	r = tool("", "stats", "-C", mixedRules, "-f", "json", "--filter", "ip6", mixedPcap)
	var s struct {
		Packets  uint64
		OutBytes uint64 `json:"out_bytes"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatal(err, r)
	}
	// Every SCHC Packet has a dispatch byte in front, and so has every other packet.
	if got := c.Methods[len(c.Methods)-1].Bytes; s.Packets != c.Packets || got != s.OutBytes+s.Packets {
		t.Errorf("SCHC: %d bytes of %d packets, schc stats says %d of %d", got, c.Packets, s.OutBytes, s.Packets)
	}
}

// TestAddCompare: schc stats --compare is schc lowpan stats --compare.
func TestAddCompare(t *testing.T) {
	stats := func(args ...string) result {
		var stdout, stderr bytes.Buffer
		e := &env{strings.NewReader(""), &stdout, &stderr}
		var f compressFlags
		var form format
		var out output
		cmd := &cobra.Command{Use: "stats", SilenceErrors: true, SilenceUsage: true,
			RunE: func(*cobra.Command, []string) error { return errStop }}
		f.add(cmd)
		form.add(cmd)
		out.add(cmd)
		addCompare(cmd, e, &f, &form, &out)
		cmd.SetArgs(args)
		switch err := cmd.Execute(); err {
		case nil:
			return result{exitDone, stdout.String(), stderr.String()}
		case errStop: // the original command
			return result{-1, "", ""}
		case errFailed:
			return result{exitFailed, stdout.String(), stderr.String()}
		default:
			return result{exitError, "", err.Error()}
		}
	}
	want := tool("", "lowpan", "stats", "--compare", "-C", mixedRules, mixedPcap)
	if got := stats("--compare", "-C", mixedRules, mixedPcap); got != want || want.code != exitDone {
		t.Errorf("stats --compare = %+v, want %+v", got, want)
	}
	if got := stats("-C", mixedRules, mixedPcap); got.code != -1 {
		t.Errorf("stats without --compare = %+v", got)
	}
	if got := stats("--svg", "x.svg", mixedPcap); got.code != exitError {
		t.Errorf("stats --svg without --compare = %+v", got)
	}
	if got := stats("--compare", "--strict", "-C", "testdata/rules/pass.json", mixedPcap); got.code != exitFailed {
		t.Errorf("stats --strict = exit %d", got.code)
	}
	if got := stats("--compare", "--strip-trailer", "-C", coapRules, mixedPcap); got.code != exitError {
		t.Errorf("stats --strip-trailer = exit %d", got.code)
	}
}

// TestLowpanDamaged: what is complete in a cut capture is written, with exit 1.
func TestLowpanDamaged(t *testing.T) {
	dir := t.TempDir()
	cut, wpan := filepath.Join(dir, "cut.pcap"), filepath.Join(dir, "wpan.pcapng")
	b := mustRead(t, coapPcap)
	if err := os.WriteFile(cut, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if r := tool("", "lowpan", "compress", "-q", "-r", cut, "-w", wpan); r.code != exitFailed || !strings.Contains(r.stderr, "schc: error: ") {
		t.Errorf("%+v", r)
	}
	want, _ := ipv6Records(t, cut)
	if r := tool("", "lowpan", "decompress", "-r", wpan, "-w", "-"); r.code != exitDone || len(want) == 0 ||
		!strings.Contains(r.stderr, fmt.Sprintf("%d packets restored", len(want))) {
		t.Errorf("%d packets: exit %d, %s", len(want), r.code, r.stderr)
	}
}
