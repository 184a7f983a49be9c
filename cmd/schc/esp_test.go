package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
)

const espSAs = "testdata/esp/sa.json"

// ip6 is an IPv6/UDP packet with a zero checksum, in hex.
func ip6(src, dst string, payload string) string {
	data := hex.EncodeToString([]byte(payload))
	return fmt.Sprintf("60000000%04x1140%s%sc0011f40%04x0000%s", 8+len(payload), src, dst, 8+len(payload), data)
}

const (
	fe80a = "fe800000000000000000000000000001"
	fe80b = "fe800000000000000000000000000002"
	fe80c = "fe800000000000000000000000000003"
	fe80d = "fe800000000000000000000000000004"
	glob  = "20010db8000100000000000000000007"
)

// espLines are packets for every SA of the file and for none.
var espLines = strings.Join([]string{
	ip6(glob, fe80b, "21.5"),
	ip6(fe80a, fe80b, "transport"),
	"4500001c000040004011267f0a00000108080808c0011f4000080000",
	ip6(fe80c, fe80d, "the last"),
	ip6(fe80c, fe80d, "one more"),
	ip6(fe80b, fe80a, "no SA"),
	ip6(fe80a, fe80b, "short")[:100],
	"4500",
	"70",
	"xyz",
	"60 00",
	"60000000000a2c40" + fe80a + fe80b + "1100000100000001c001",
}, "\n") + "\n"

func TestESPHex(t *testing.T) {
	sealed := tool(espLines, "esp", "seal", "--hex", "--sa", espSAs)
	want := []string{
		"6000000000582" + "240", "600000000", "45000054000040004011", "600000000", "error: exhausted: ", "error: no-sa: ", "error: truncated: ",
		"error: truncated: ", "error: malformed: ", "error: malformed: not hex: \"xyz\"", "error: malformed: 2 words", "error: unsupported: ",
	}
	lines := strings.Split(strings.TrimSpace(sealed.stdout), "\n")
	if sealed.code != exitFailed || sealed.stderr != "" || len(lines) != len(want) {
		t.Fatalf("seal: %+v", sealed)
	}
	in := strings.Split(espLines, "\n")
	for i, l := range lines {
		if strings.HasPrefix(want[i], "error") != strings.HasPrefix(l, "error") || strings.HasPrefix(want[i], "error") && !strings.HasPrefix(l, want[i]) {
			t.Errorf("seal %s = %s, want %s", in[i], l, want[i])
		}
	}
	flipped := []byte(lines[1])
	flipped[len(flipped)-1] ^= 1
	try := strings.Join([]string{string(flipped), lines[0], lines[1], lines[2], lines[3], lines[0], in[0], lines[1][:80], "4500", "x"}, "\n")
	opened := tool(try, "esp", "open", "--hex", "--sa", espSAs)
	wantOpen := []string{"error: auth: ", in[0], in[1], in[2], in[3], "error: replay: ", "error: no-sa: ", "error: truncated: ", "error: truncated: ", "error: malformed: "}
	got := strings.Split(strings.TrimSpace(opened.stdout), "\n")
	if opened.code != exitFailed || opened.stderr != "" || len(got) != len(wantOpen) {
		t.Fatalf("open: %+v", opened)
	}
	for i, l := range got {
		if !strings.HasPrefix(l, wantOpen[i]) || !strings.HasPrefix(l, "error") && l != wantOpen[i] {
			t.Errorf("open %d = %s, want %s", i, l, wantOpen[i])
		}
	}
}

// The explicit IV is the sequence number, and the outer header is as documented.
func TestESPOuter(t *testing.T) {
	r := tool(ip6(glob, fe80b, "x"), "esp", "seal", "--hex", "--sa", espSAs)
	// Traffic class 0, flow label 0, 84 bytes, ESP, hop limit 64; SPI, SN, IV.
	want := "6000000000543240" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "00001001" + "00000007" + "0000000000000007"
	if r.code != exitDone || !strings.HasPrefix(r.stdout, want) {
		t.Errorf("seal: %+v, want %s...", r, want)
	}
}

func TestESPUsage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const alg = `"mode": "transport", "encr": "aes128gcm16", "key": "000102030405060708090a0b0c0d0e0f10111213"`
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"esp"}, "no command is given"},
		{[]string{"esp", "seal", "--hex"}, "no Security Associations are given; name a file with --sa"},
		{[]string{"esp", "open", "--hex", "--sa", "-"}, "Security Associations and packets cannot both come from standard input"},
		{[]string{"esp", "open", "--sa", espSAs, "--hex", "--filter", "udp"}, "--hex and --filter do not go together"},
		{[]string{"esp", "open", "--sa", espSAs, "-q", "-v"}, "--quiet and --verbose do not go together"},
		{[]string{"esp", "open", "--sa", filepath.Join(dir, "none.json")}, "no such file"},
		{[]string{"esp", "open", "--sa", write("a.json", "{}")}, "a.json:1:1: an SA file is a list of objects"},
		{[]string{"esp", "open", "--sa", write("b.json", `[{"spi": 256, `+alg+`}, {"spi": 256, `+alg+`}]`)}, "SA 2: spi: another SA has the same SPI and addresses"},
		{[]string{"esp", "open", "--sa", write("c.json", `[{"spi": 256}]`)}, "SA 1: mode is missing"},
	} {
		r := tool("", tt.args...)
		if r.code != exitError || r.stdout != "" || !strings.Contains(r.stderr, tt.want) || !strings.HasPrefix(r.stderr, "schc: error: ") {
			t.Errorf("%q: %+v, want %s", tt.args, r, tt.want)
		}
	}
}

// packetsOf returns the IP packets of a capture.
func packetsOf(t *testing.T, path string) (list []string) {
	t.Helper()
	r, err := pcapio.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		var p pcapio.Packet
		if err := r.Next(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if l, ok := pcapio.Locate(p.Interface.LinkType, p.Data); ok {
			list = append(list, string(p.Data[l.Off:l.Off+l.Len]))
		}
	}
}

// A capture is the same after seal and open: its packets, time stamps and link
// headers, but for Ethernet padding.
func TestESPCapture(t *testing.T) {
	dir := t.TempDir()
	sa := filepath.Join(dir, "sa.json")
	const key = `"encr": "aes256gcm12", "key": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"`
	for _, outer := range []string{`"src": "192.0.2.1", "dst": "192.0.2.2"`, `"src": "2001:db8::1", "dst": "2001:db8::2"`} {
		if err := os.WriteFile(sa, []byte(`[{"spi": 4097, "mode": "tunnel", `+outer+`, `+key+`}]`), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{coapPcap, mixedPcap, "testdata/raw.pcap"} {
			sealed, again := filepath.Join(dir, "sealed.pcap"), filepath.Join(dir, "again.pcap")
			if r := tool("", "esp", "seal", "--sa", sa, "-r", path, "-w", sealed); r.code != exitDone || !strings.Contains(r.stderr, " sealed, ") {
				// Truncated packets are refused by a gateway.
				if r.code != exitFailed {
					t.Errorf("seal %s: %+v", path, r)
				}
				continue
			}
			if r := tool("", "esp", "open", "--sa", sa, "-r", sealed, "-w", again); r.code != exitDone || !strings.Contains(r.stderr, " opened, ") {
				t.Errorf("open %s: %+v", path, r)
				continue
			}
			want, got := packetsOf(t, path), packetsOf(t, again)
			if len(want) == 0 || fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
				t.Errorf("%s: %d packets, want %d the same", path, len(got), len(want))
			}
			for _, p := range packetsOf(t, sealed) {
				if !bytes.Contains([]byte(p), []byte{0, 0, 0x10, 1}) {
					t.Errorf("%s: %x is not sealed", path, p)
				}
			}
			a, err1 := os.ReadFile(path)
			b, err2 := os.ReadFile(again)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if path == "testdata/raw.pcap" && !bytes.Equal(a[24:], b[24:]) {
				t.Errorf("%s: the records differ", path)
			}
		}
	}
}

func TestCarriesESP(t *testing.T) {
	for _, tt := range []struct {
		name, pkt string
		want      bool
	}{
		{"Diet-ESP", "6000000000059140" + fe80a + fe80b + "0100000000", true},
		{"ESP", "6000000000083240" + fe80a + fe80b + "0000100100000001", true},
		{"behind hop-by-hop options", "6000000000100040" + fe80a + fe80b + "3200050200000100" + "0000100100000001", true},
		{"a fragment", "6000000000102c40" + fe80a + fe80b + "3200000100000001" + "0000100100000001", true},
		{"UDP", ip6(fe80a, fe80b, "x"), false},
		{"a fragment of UDP", "6000000000102c40" + fe80a + fe80b + "1100000100000001" + "c0011f4000100000", false},
		{"port 4500", "6000000000081140" + fe80a + fe80b + "c001119400080000", true},
		{"IPv4", "45000054000020004032000001020304010203040000100100000001", true},
		{"a later fragment on port 4500", "45000054000020014011000001020304010203041194119400080000", false},
		{"IPv4, TCP", "45000054000040004006000001020304010203041194119400080000", false},
		{"half a header", "4500", false},
	} {
		pkt, err := hex.DecodeString(tt.pkt)
		if err != nil {
			t.Fatal(err)
		}
		if got := carriesESP(pkt, true); got != tt.want {
			t.Errorf("%s: carriesESP(%x) = %v, want %v", tt.name, pkt, got, tt.want)
		}
		if got := carriesESP(pkt, false); got != (tt.want && tt.name != "Diet-ESP") {
			t.Errorf("%s: carriesESP(%x) = %v without SAs of Diet-ESP", tt.name, pkt, got)
		}
	}
}

// strongSwan's captures open to packets that were seen at the ends.
func TestESPStrongSwan(t *testing.T) {
	const dir = "../../../shared/corpus/strongswan/"
	data, err := os.ReadFile(dir + "keys.json")
	if err != nil {
		t.Skipf("%s is absent", strings.TrimPrefix(dir, "../../")+"keys.json")
	}
	var keys struct {
		Runs []struct {
			Name     string `json:"name"`
			Pcap     string `json:"pcap"`
			Inner    string `json:"inner_pcap"`
			Proposal string `json:"proposal_esp"`
			EncI     string `json:"encryption_initiator_key"`
			EncR     string `json:"encryption_responder_key"`
			In       string `json:"spi_in_A"`
			Out      string `json:"spi_out_A"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, k := range keys.Runs {
		if k.Proposal != "AES_GCM_16_128/NO_EXT_SEQ" && k.Proposal != "AES_CCM_8_128/NO_EXT_SEQ" {
			continue
		}
		ran++
		name := map[bool]string{true: "aes128gcm16", false: "aes128ccm8"}[strings.Contains(k.Proposal, "GCM")]
		tmp := t.TempDir()
		sa := filepath.Join(tmp, "sa.json")
		text := fmt.Sprintf(`[{"spi": "0x%[1]s", "mode": "tunnel", "encr": "%[3]s", "key": "%[2]s"}, {"spi": "0x%[4]s", "mode": "tunnel", "encr": "%[3]s", "key": "%[5]s"}]`,
			k.Out, k.EncI, name, k.In, k.EncR)
		if err := os.WriteFile(sa, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := tool("", "esp", "open", "--drop", "--sa", sa, "-r", dir+k.Pcap, "-w", filepath.Join(tmp, "clear.pcap"))
		if r.code != exitDone {
			t.Errorf("%s: %+v", k.Name, r)
			continue
		}
		ends := map[string]bool{}
		for _, p := range packetsOf(t, dir+k.Inner) {
			ends[p] = true
		}
		list := packetsOf(t, filepath.Join(tmp, "clear.pcap"))
		for _, p := range list {
			if !ends[p] {
				t.Errorf("%s: %x is not a packet of the ends", k.Name, p)
			}
		}
		if len(list) == 0 {
			t.Errorf("%s: no packet", k.Name)
		}
	}
	if ran == 0 {
		t.Error("no run")
	}
}
