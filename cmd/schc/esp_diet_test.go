package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dietSAs = "../../testdata/sa/coap-diet.json"

// udpLine is an IPv6/UDP packet of the shipped SAs with a right checksum, in hex.
func udpLine(hops int, dstPort string, sum string) string {
	return fmt.Sprintf("60000000000911%02x20010db800010000000000000000000220010db8000200000000000000000001"+"9c40%s0009%s61", hops, dstPort, sum)
}

func TestDietHex(t *testing.T) {
	good := udpLine(64, "1633", checksumOf(t, udpLine(64, "1633", "0000")))
	lines := []string{
		good,
		udpLine(63, "1633", checksumOf(t, udpLine(63, "1633", "0000"))), // was forwarded: its hop limit would be lost
		udpLine(64, "1633", "0000"),                                     // a checksum that would be repaired
		strings.Replace(good, "20010db800010000", "20010db800030000", 1),
		good[:len(good)-2],
		strings.Replace(good, "60000000000911", "60000000000906", 1), // not UDP
		good,
	}
	r := tool(strings.Join(lines, "\n"), "esp", "seal", "--hex", "--sa", dietSAs)
	got := strings.Split(strings.TrimSpace(r.stdout), "\n")
	// Traffic class 0, flow label 0, 15 bytes of SCHC, hop limit 64; 1 byte of SPI, 1 of
	// Sequence Number, 5 of ports and payload, 8 of ICV.
	want := []string{"60000000000f914020010db800000000000000000000000120010db80000000000000000000000020101",
		"error: no-rule: the Rules of the SA would not restore the packet", "error: no-rule: ", "error: no-sa: ", "error: truncated: ", "error: no-sa: ",
		"60000000000f914020010db800000000000000000000000120010db80000000000000000000000020102"}
	if r.code != exitFailed || r.stderr != "" || len(got) != len(want) {
		t.Fatalf("seal: %+v", r)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) || i == 0 && len(got[i]) != 110 {
			t.Errorf("seal %s = %s, want %s", lines[i], got[i], want[i])
		}
	}
	flipped := got[0][:len(got[0])-1] + string("fedcba9876543210"[strings.IndexByte("0123456789abcdef", got[0][len(got[0])-1])])
	open := strings.Join([]string{flipped, got[6], got[0], got[0], got[0][:90], strings.Replace(got[0], "0101", "0301", 1), good}, "\n")
	r = tool(open, "esp", "open", "--hex", "--sa", dietSAs)
	got = strings.Split(strings.TrimSpace(r.stdout), "\n")
	want = []string{"error: auth: ", good, good, "error: replay: ", "error: truncated: ", "error: no-sa: ", "error: no-sa: "}
	if r.code != exitFailed || r.stderr != "" || len(got) != len(want) {
		t.Fatalf("open: %+v", r)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("open %d = %s, want %s", i, got[i], want[i])
		}
	}
}

// checksumOf computes the UDP checksum of an IPv6 packet in hex, of which it is 0.
func checksumOf(t *testing.T, line string) string {
	b, err := decodeHex(nil, []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	sum := uint32(len(b)-40) + 17
	for i := 8; i < len(b); i++ {
		sum += uint32(b[i]) << (8 * (1 - i&1))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return fmt.Sprintf("%04x", ^sum&0xffff)
}

// The shipped capture comes back byte for byte, under standard ESP and Diet-ESP.
func TestDietCapture(t *testing.T) {
	dir := t.TempDir()
	const in = "../../testdata/captures/coap.pcap"
	var sizes []int64
	for _, name := range []string{"esp", "diet"} {
		sealed, again := filepath.Join(dir, name+".pcap"), filepath.Join(dir, name+"-again.pcap")
		sa := "../../testdata/sa/coap-" + name + ".json"
		for _, args := range [][]string{
			{"esp", "seal", "--sa", sa, "-r", in, "-w", sealed},
			{"esp", "open", "--sa", sa, "-r", sealed, "-w", again},
		} {
			if r := tool("", args...); r.code != exitDone || !strings.HasPrefix(r.stderr, "208 packets: 208 ") {
				t.Fatalf("%q: %+v", args, r)
			}
		}
		want, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(again); err != nil || string(got) != string(want) {
			t.Errorf("%s: the capture that came back differs, %v", name, err)
		}
		info, err := os.Stat(sealed)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	// IPv6 and UDP but ports 44 bytes, SPI and Sequence Number 6, trailer at least 2.
	if d := sizes[0] - sizes[1]; d < 208*(44+6+2) {
		t.Errorf("Diet-ESP saves %d bytes of ESP's, want at least 52 a packet", d)
	}
}

func TestDietRules(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.json")
	r := tool("", "esp", "rules", "--sa", dietSAs, "--to", "json", "-w", rules)
	if r.code != exitDone || r.stdout != "" || r.stderr != "" {
		t.Fatalf("esp rules: %+v", r)
	}
	for _, form := range []string{"yang-json", "cbor"} {
		path := filepath.Join(dir, "rules."+form)
		if r := tool("", "esp", "rules", "--sa", dietSAs, "--to", form, "-w", path); r.code != exitDone {
			t.Errorf("--to %s: %+v", form, r)
		}
		if r := tool("", "rules", "diff", rules, path); r.code != exitDone {
			t.Errorf("rules diff of json and %s: %+v", form, r)
		}
	}
	if r := tool("", "rules", "check", rules); r.code != exitDone || strings.Contains(r.stderr, "warning:") {
		t.Errorf("rules check: %+v", r)
	}
	r = tool("", "esp", "rules", "--sa", dietSAs, "--spi", "0x1002", "-f", "tsv")
	if r.code != exitDone || strings.Contains(r.stdout, "0x1001") || !strings.Contains(r.stdout, "IPV6.HOP_LMT") || strings.Count(r.stdout, "ESP.SPI") != 1 {
		t.Errorf("esp rules --spi: %+v", r)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"esp", "rules", "--sa", espSAs}, "no SA of the file has Diet-ESP attributes"},
		{[]string{"esp", "rules", "--sa", dietSAs, "--spi", "1"}, "the file has no SA with Diet-ESP attributes and the SPI 1"},
		{[]string{"esp", "rules", "--sa", dietSAs, "--to", "xml"}, `"xml" is not json, yang-json or cbor`},
		{[]string{"esp", "rules", "--sa", dietSAs, "--to", "json", "-f", "tsv"}, "--to and --format do not go together"},
	} {
		if r := tool("", tt.args...); r.code != exitError || r.stdout != "" || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%q: %+v, want %s", tt.args, r, tt.want)
		}
	}
}

// What is wrong with attributes is said at its place in the file.
func TestDietUsage(t *testing.T) {
	const sa = `[{"spi": 4097, "src": "2001:db8::1", "dst": "2001:db8::2", "mode": "tunnel", "encr": "aes128gcm16",
 "key": "000102030405060708090a0b0c0d0e0f10111213", "udp_encap": %s,
 "diet": {%s}}]`
	for _, tt := range []struct{ encap, diet, want string }{
		{"false", `"esp_sn_lsb": 7`, "sa.json:3:11: SA 1: diet.esp_sn_lsb: esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8"},
		{"false", ``, "diet.ts_ip_version: is not known"},
		{"false", `"dscp_action": "sa"`, "diet.dscp_list: is empty, but dscp_action is sa"},
		{"true", `"ts_ip_version": "IPv6-only"`, "sa.json:2:53: SA 1: udp_encap: "},
		{"false", `"colour": 1`, "sa.json:3:11: SA 1: diet.colour: unknown key"},
	} {
		path := filepath.Join(t.TempDir(), "sa.json")
		if err := os.WriteFile(path, []byte(fmt.Sprintf(sa, tt.encap, tt.diet)), 0o600); err != nil {
			t.Fatal(err)
		}
		r := tool("", "esp", "seal", "--hex", "--sa", path)
		if r.code != exitError || r.stdout != "" || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%s: %+v, want %s", tt.diet, r, tt.want)
		}
	}
}
