package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
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

// convert runs esp compress and esp decompress over a capture, and returns what
// compress said.
func convert(t *testing.T, sa, in string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	diet, again := filepath.Join(dir, "diet.pcap"), filepath.Join(dir, "again.pcap")
	c := tool("", append([]string{"esp", "compress", "--sa", sa, "-r", in, "-w", diet}, flags...)...)
	d := tool("", append([]string{"esp", "decompress", "--sa", sa, "-r", diet, "-w", again}, flags...)...)
	if c.code != exitDone || d.code != exitDone {
		t.Errorf("%s: compress %+v, decompress %+v", in, c, d)
		return c.stderr
	}
	if want, got := framesOf(t, in), framesOf(t, again); fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
		t.Errorf("%s: the %d frames that came back differ from the %d", in, len(got), len(want))
	}
	return c.stderr
}

// framesOf returns the records of a capture with their times and lengths.
func framesOf(t *testing.T, path string) (list []string) {
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
			return append(list, "damaged")
		}
		list = append(list, fmt.Sprint(p.Time(), p.OrigLen, string(p.Data)))
	}
}

// Standard ESP becomes what seal makes under the same SAs, and comes back.
func TestDietConvert(t *testing.T) {
	dir := t.TempDir()
	const clear = "../../testdata/captures/coap.pcap"
	standard, sealed, compressed := filepath.Join(dir, "esp.pcap"), filepath.Join(dir, "sealed.pcap"), filepath.Join(dir, "compressed.pcap")
	for _, args := range [][]string{
		{"esp", "seal", "--sa", "../../testdata/sa/coap-esp.json", "-r", clear, "-w", standard},
		{"esp", "seal", "--sa", dietSAs, "-r", clear, "-w", sealed},
		{"esp", "compress", "--sa", dietSAs, "-r", standard, "-w", compressed},
	} {
		if r := tool("", args...); r.code != exitDone {
			t.Fatalf("%q: %+v", args, r)
		}
	}
	a, err1 := os.ReadFile(sealed)
	b, err2 := os.ReadFile(compressed)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("esp compress of esp seal is not what esp seal makes with attributes: %v, %v", err1, err2)
	}
	if s := convert(t, dietSAs, standard); !strings.HasPrefix(s, "208 packets: 208 compressed, 0 passed through, 0 failed; 35460 -> 24354 bytes") {
		t.Errorf("compress: %s", s)
	}
	if s := convert(t, dietSAs, standard, "--eec-only"); !strings.HasPrefix(s, "208 packets: 208 compressed, 0 passed through, 0 failed; 35460 -> 34212 bytes") {
		t.Errorf("compress --eec-only: %s", s)
	}
	// What is Diet-ESP already would come back as something else.
	r := tool("", "esp", "compress", "--sa", dietSAs, "-r", sealed, "-w", compressed)
	if r.code != exitFailed || !strings.Contains(r.stderr, "208 packets: 0 compressed, 208 passed through, 208 failed") {
		t.Errorf("compress of Diet-ESP: %+v", r)
	}
	// Packet mode: two packets, one of them damaged, and what is no ESP.
	list := packetsOf(t, standard)[:2]
	one, broken := hex.EncodeToString([]byte(list[0])), hex.EncodeToString([]byte(list[1]+"x"))
	lines := one + "\n" + broken[:len(broken)-2] + "\n" + one + "\n" + "60\nxyz\n"
	r = tool(lines, "esp", "compress", "--hex", "--sa", dietSAs)
	got := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != exitFailed || len(got) != 5 || len(got[0]) >= len(one) || got[2] != one || got[3] != "60" || !strings.HasPrefix(got[4], "error: malformed: ") {
		t.Errorf("compress --hex: %+v", r)
	}
	r = tool(got[0]+"\n"+got[0]+"\n", "esp", "decompress", "--hex", "--sa", dietSAs)
	if want := one + "\nerror: replay: the sequence number was seen before, or is too old\n"; r.code != exitFailed || r.stdout != want {
		t.Errorf("decompress --hex: %+v, want %s", r, want)
	}
}

// Every ESP capture there is comes back, with SPI and Sequence Number compressed.
func TestDietEECCaptures(t *testing.T) {
	const dir = "../../../shared/captures"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("shared/captures is absent")
	}
	compressed := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "esp") && !strings.Contains(path, "ipsec") || !strings.Contains(d.Name(), ".pcap") {
			return err
		}
		first := map[uint32]uint32{} // by SPI: the first Sequence Number
		for _, p := range packetsOf(t, path) {
			if l, err := esp.Locate([]byte(p), nil); err == nil {
				if _, ok := first[l.SPI]; !ok {
					first[l.SPI] = l.SN
				}
			}
		}
		var list []string
		for spi, sn := range first {
			list = append(list, fmt.Sprintf(`{"spi": %d, "seq": %d, "diet": {"esp_spi_lsb": 8, "esp_sn_lsb": 8}}`, spi, max(sn, 1)-1))
		}
		if len(list) == 0 {
			return nil
		}
		slices.Sort(list)
		sa := filepath.Join(t.TempDir(), "sa.json")
		if err := os.WriteFile(sa, []byte("["+strings.Join(list, ",\n")+"]"), 0o600); err != nil {
			return err
		}
		s := convert(t, sa, path, "--eec-only")
		var all, n int
		if _, err := fmt.Sscanf(s, "%d packets: %d compressed", &all, &n); err != nil {
			t.Errorf("%s: %s", path, s)
		}
		compressed += n
		t.Logf("%s: %s", path, strings.TrimSpace(s))
		return nil
	})
	if err != nil || compressed < 500 {
		t.Errorf("%d packets were compressed, %v", compressed, err)
	}
}

// Packets that scapy sealed come back, those of every algorithm and mode.
func TestDietScapy(t *testing.T) {
	data, err := os.ReadFile("../../../shared/corpus/esp_scapy.json")
	if err != nil {
		t.Skip("shared/corpus/esp_scapy.json is absent")
	}
	var corpus struct {
		SAs []struct {
			SPI     uint32 `json:"spi"`
			Suite   string `json:"suite"`
			Mode    string `json:"mode"`
			IIV     bool   `json:"implicit_iv"`
			AuthKey string `json:"auth_key"`
			EncKey  string `json:"enc_key"`
			Salt    string `json:"salt"`
			ESN     bool   `json:"esn"`
			ESNHigh uint64 `json:"esn_high"`
		} `json:"sas"`
		Packets []struct {
			SPI    uint32 `json:"spi"`
			Packet string `json:"packet"`
		} `json:"packets"`
	}
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, a := range corpus.SAs {
		name := strings.ReplaceAll(a.Suite, "-", "")
		auth := ""
		if name == "nullnull" {
			continue // Diet-ESP needs an ICV
		}
		for _, h := range []string{"sha256128", "sha196"} {
			if n, ok := strings.CutSuffix(name, h); ok {
				name, auth = n, map[string]string{"sha256128": "sha256", "sha196": "sha1"}[h]
			}
		}
		if name == "chacha20poly1305" {
			a.EncKey = a.EncKey[:64]
		}
		if a.IIV {
			name += "iiv"
		}
		var in []string
		for _, p := range corpus.Packets {
			if p.SPI == a.SPI {
				in = append(in, p.Packet)
			}
		}
		for _, version := range []string{"IPv4-only", "IPv6-only"} {
			sa := filepath.Join(t.TempDir(), "sa.json")
			text := fmt.Sprintf(`[{"spi": %d, "mode": %q, "encr": %q, "key": "%s%s", "auth": %q, "auth_key": %q, "esn": %v, "seq": %d, "window": 1024,
 "diet": {"ts_ip_version": %q, "alignment": "8 bit", "esp_spi_lsb": 0, "esp_sn_lsb": 16, "hop_limit": "value-sent"}}]`,
				a.SPI, a.Mode, name, a.EncKey, a.Salt, auth, a.AuthKey, a.ESN, a.ESNHigh<<32, version)
			if err := os.WriteFile(sa, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := tool(strings.Join(in, "\n"), "esp", "compress", "--hex", "--sa", sa)
			d := tool(c.stdout, "esp", "decompress", "--hex", "--sa", sa)
			if c.code != exitDone || d.code != exitDone || strings.TrimSpace(d.stdout) != strings.Join(in, "\n") {
				t.Errorf("SPI %d: compress %+v, decompress %+v", a.SPI, c, d)
			}
			for i, l := range strings.Split(strings.TrimSpace(c.stdout), "\n") {
				if len(l) < len(in[i]) {
					total++
				}
			}
		}
	}
	if total == 0 {
		t.Error("no packet was compressed")
	}
	t.Logf("%d packets were compressed", total)
}

// What the fields save is what the packets save.
func TestDietStats(t *testing.T) {
	r := tool("", "esp", "stats", "--sa", dietSAs, "--by-field", "-f", "json", "-r", "../../testdata/captures/coap.pcap")
	var s report.DietSummary
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil || r.code != exitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	var in, out uint64
	for _, st := range s.Stages {
		var a, b uint64
		for _, f := range st.Fields {
			a, b = a+f.StandardBits, b+f.DietBits
		}
		if a != st.StandardBits || b != st.DietBits {
			t.Errorf("%s: the fields add up to %d and %d bits, not to %d and %d", st.Stage, a, b, st.StandardBits, st.DietBits)
		}
		in, out = in+a, out+b
	}
	same := s.PayloadBytes + s.OuterBytes + s.IVBytes + s.ICVBytes
	if in != s.StandardBits || out != s.DietBits || in != 8*(s.StandardBytes-same) || out != 8*(s.DietBytes-same) {
		t.Errorf("%d and %d bits of headers, %d bytes besides, are not %d and %d bytes of packets", in, out, same, s.StandardBytes, s.DietBytes)
	}
	if s.Packets != 208 || s.Compressed != 208 || s.StandardBytes != 35460 || s.DietBytes != 24354 {
		t.Errorf("%+v, want what esp compress does", s)
	}
	for _, form := range []string{"text", "jsonl", "tsv"} {
		if r := tool("", "esp", "stats", "--sa", dietSAs, "-f", form, "-r", "../../testdata/captures/mixed.pcap"); r.code != exitDone || r.stdout == "" {
			t.Errorf("-f %s: %+v", form, r)
		}
	}
	if r := tool("", "esp", "stats", "--sa", espSAs, "-r", "../../testdata/captures/coap.pcap"); r.code != exitError || !strings.Contains(r.stderr, "no SA of the file has Diet-ESP attributes") {
		t.Errorf("without attributes: %+v", r)
	}
}
