package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/internal/ikemsg"
)

// Policies of the tests.
const (
	devicePolicy  = "testdata/ehc/device.yaml"
	gatewayPolicy = "testdata/ehc/gateway.json"
	otherPolicy   = "testdata/ehc/other.yaml"
	ehcPolicy     = "testdata/ehc/ehc.yaml"
)

// ehcDemoKeys are those of schc ehc demo.
const ehcDemoKeys = " --sk-ei c9c2c54600fa78eeaa39a9dc4c183bbcf3834547 --sk-er a3182c27d4ae4157c8dc746b1284aa4dc547b1e1 "

// ehcGolden are runs whose results are kept in testdata/ehc, as golden.
var ehcGolden = []struct {
	name  string
	stdin string
	runs  []string
}{
	{name: "offer", runs: []string{
		"ehc offer -P " + devicePolicy,
		"ehc offer -P " + gatewayPolicy + " -f json",
		"ehc offer -P " + ehcPolicy + " -f jsonl",
		"ehc offer --dialect ehc -f tsv",
		"ehc offer --dialect hcp -w $T/offer.txt"}},
	{name: "select", stdin: ehcOffers, runs: []string{
		"ehc select -P " + gatewayPolicy,
		"ehc select -P " + gatewayPolicy + " -f jsonl",
		"ehc select -P " + devicePolicy + " -f tsv",
		"ehc select --dialect ehc -f json"}},
	{name: "accept", stdin: ehcAnswers, runs: []string{
		"ehc accept -P " + devicePolicy,
		"ehc accept -P " + devicePolicy + " -f json",
		"ehc accept --dialect hcp --offer 0000000c0000ec0001000000 -f jsonl",
		"ehc accept --dialect ehc -f tsv"}},
	{name: "decode", stdin: ehcMessages, runs: []string{
		"ehc decode --hex",
		"ehc decode --hex -f json",
		"ehc decode --hex -f tsv",
		"ehc decode --hex -P " + ehcPolicy + " -c 2 -f jsonl"}},
	{name: "decode-capture", runs: []string{
		"ehc demo -w $T/demo.pcap",
		"ehc decode -v $T/demo.pcap",
		"ehc decode $T/demo.pcap" + ehcDemoKeys,
		"ehc decode -f json -c 1 -r $T/demo.pcap" + ehcDemoKeys,
		"ehc decode -f tsv -r $T/demo.pcap" + ehcDemoKeys,
		"ehc decode $T/demo.pcap --sk-ei 00000000000000000000000000000000000000ff",
		"ehc decode $T/demo.pcap --ike-spi 00:00:00:00:00:00:00:01 -v",
		"ehc decode " + coapPcap}},
	{name: "demo", runs: []string{
		"ehc demo --initiator " + devicePolicy + " --responder " + gatewayPolicy,
		"ehc demo --initiator " + devicePolicy + " --responder " + otherPolicy,
		"ehc demo --initiator " + devicePolicy + " --responder " + otherPolicy + " --fallback",
		"ehc demo --dialect ehc --mode transport --encr aes128cbc --auth sha256 -f json",
		"ehc demo --dialect ehc --responder " + devicePolicy + " -f tsv",
		"ehc demo --seed 7 -f jsonl"}},
	{name: "usage", runs: []string{
		"ehc", "ehc frob", "ehc offer", "ehc offer --dialect x", "ehc offer -P x --dialect hcp", "ehc offer -P nowhere.yaml", "ehc offer -P testdata/esp/sa.json",
		"ehc offer --dialect hcp x", "ehc select -P -", "ehc select --dialect hcp a b", "ehc accept --dialect hcp --offer xyz", "ehc select --dialect hcp -f xml",
		"ehc decode --hex --filter udp", "ehc decode --sk-ei 00 x", "ehc decode --sk-ai 00 x", "ehc decode --sk-er zz x", "ehc decode --ike-spi 1 x", "ehc decode nowhere.pcap",
		"ehc decode --hex -q -v", "ehc demo x", "ehc demo --mode x", "ehc demo --encr rot13", "ehc demo --encr null --auth none", "ehc demo --initiator - --responder -",
		"ehc demo --dialect x"}},
	{name: "help", runs: []string{"ehc -h", "ehc offer -h", "ehc select -h", "ehc accept -h", "ehc decode -h", "ehc demo -h"}},
}

// ehcOffers are offers, good ones and all kinds of bad ones.
const ehcOffers = `0000000c0000ec0001000000
000000180000ec00010000107fff0008800400068004000880030000
000000180000ec00010000107fff0004800400068004000880030000 x

0000000c0000ec0001010000
000000080000ec01
000000100000ec0102000004
00
xyz
`

// ehcAnswers are answers to the offer of devicePolicy.
const ehcAnswers = `000000240000ec0001000018800000018001000180020001800300008004000880050008
000000240000ec0001000018800000018001000180020001800300008004000880050010 {"profile": "diet-esp-10"}
000000240000ec0001000018800000018001000180020001800300008004000880050008 x
000000240000ec0001000018800000018001000180020001800300008004000880050018
000000240000ec0001000018800000018001000180020001800300008004000880050007
000000240000ec0002000018800000018001000180020001800300008004000880050008
000000280000ec000100001c80000001800100018002000180030000800400088005000880050010
000000080000000e
0000001e0000ec0100148000000080010002800200088003000880040001
0000001c0000ec018000000080010002800200088003000880040001
000000240000ec00010000188000000180010001800200018003000080040008800500
`

// ehcMessages are IKE messages and Notify payloads.
const ehcMessages = `000000080000ec01
000000080000a001
000000140000ec00010100000200000480030009
000000180000ec000100000c7fff00048005000880050010
0000000a0000ec020a2e
000000090000ec0240
0000000c0000ec0401020304
0000000b00004003123403
0000000c0000ec0660000500
000000100000ec0700000500000005dc
000000080000ec08
000000090000ec08aa
0000000900004007ff
2900000c0304400911223344
00000008000001
1122334455667788000000000000000029202208000000000000002c29000008000040070000000800004016 x
1122334455667788000000000000000029202208000000000000002c29000008000040070000000800004016
1122334455667788000000000000000029202208000000000000002d290000090000ec0240000000080000ec08
11223344556677880000000000000000292022080000000000000024290000080000ec08
112233445566778800000000000000002e20230800000001000000342900001801020304050607080102030405060708090a0b0c
112233445566778800000000000000003520232000000001000000282900000c0001000201020304
1122334455667788000000000000000021202420000000070000006d2c00002c0000002801030403000010010300000c01000014800e0080030000080300000000000008050000002d000018010000000711001016331633c0000201c00002010000000d01000000f10000052e
112233445566778800000000000000002920220800000000000000
`

func TestEHCGolden(t *testing.T) {
	for _, g := range ehcGolden {
		t.Run(g.name, func(t *testing.T) { checkGolden(t, filepath.Join("testdata", "ehc", g.name+".txt"), g.stdin, g.runs) })
	}
}

// TestEHCPipe: offer, select and accept one behind the other.
func TestEHCPipe(t *testing.T) {
	for _, p := range [][2]string{{"-P " + devicePolicy, "-P " + gatewayPolicy}, {"--dialect hcp", "--dialect hcp"}, {"-P " + ehcPolicy, "-P " + ehcPolicy}} {
		offer := tool("", strings.Fields("ehc offer "+p[0])...)
		answer := tool(offer.stdout, strings.Fields("ehc select "+p[1])...)
		agreed := tool(answer.stdout, strings.Fields("ehc accept "+p[0])...)
		_, want, ok := strings.Cut(answer.stdout, " ")
		if !ok || offer.code+answer.code+agreed.code != 0 || agreed.stdout != want || !json.Valid([]byte(want)) {
			t.Errorf("%v: %+v, %+v, %+v", p, offer, answer, agreed)
		}
	}
}

// TestEHCDemo: packets come back, whatever was agreed on, and totals are sums.
func TestEHCDemo(t *testing.T) {
	for _, args := range []string{"", "--mode transport", "--encr aes256gcm16", "--encr aes128cbc --auth sha256", "--encr chacha20poly1305 --mode transport", "--dialect ehc", "--dialect ehc --encr aes128ctr --auth sha1 --mode transport",
		"--initiator " + devicePolicy} {
		r := tool("", strings.Fields("ehc demo -f json "+args)...)
		var d ehcDemo
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || r.code != exitDone || r.stderr != "" {
			t.Errorf("%s: %v, %+v", args, err, r)
			continue
		}
		sum := [3]int{}
		for _, p := range d.Packets {
			if p.Result != "same" || p.Saved < 10 || p.Saved != p.ESPBytes-p.DietBytes {
				t.Errorf("%s: %+v", args, p)
			}
			sum[0], sum[1], sum[2] = sum[0]+p.PlainBytes, sum[1]+p.ESPBytes, sum[2]+p.DietBytes
		}
		if sum != [3]int{d.PlainBytes, d.ESPBytes, d.DietBytes} || len(d.Packets) != len(demoPackets) {
			t.Errorf("%s: totals %+v, sums %v", args, d, sum)
		}
	}
}

// TestEHCStrongSwan: the exchanges of two strongSwan peers, with their keys.
func TestEHCStrongSwan(t *testing.T) {
	const dir = "../../../shared/corpus/strongswan/"
	data, err := os.ReadFile(dir + "keys.json")
	if err != nil {
		t.Skip("strongswan/keys.json is absent")
	}
	var keys struct {
		Runs []struct {
			Name string `json:"name"`
			Pcap string `json:"pcap"`
			EI   string `json:"sk_ei"`
			ER   string `json:"sk_er"`
			SPI  string `json:"ike_spi_i"`
			In   string `json:"spi_in_A"`
			Out  string `json:"spi_out_A"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.Runs {
		r := tool("", "ehc", "decode", "--sk-ei", k.EI, "--sk-er", k.ER, "--ike-spi", k.SPI, dir+k.Pcap)
		if r.code != exitDone || r.stderr != "" || strings.Contains(r.stdout, "no key") {
			t.Errorf("%s: %+v", k.Name, r)
		}
		for _, want := range []string{"IKE_SA_INIT request 0", "IKE_AUTH request 1", "IKE_AUTH response 1", "encrypted: opened", "ESP SPI " + k.In, "ESP SPI " + k.Out,
			"N(NAT_DETECTION_SOURCE_IP)", "IPv4 10.1.0.1-10.1.0.1, protocol 0, ports 0-65535"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: no %q in %s", k.Name, want, r.stdout)
			}
		}
		if r := tool("", "ehc", "decode", "--sk-ei", k.ER, dir+k.Pcap); r.code != exitFailed || !strings.Contains(r.stderr, "auth: integrity check failed") {
			t.Errorf("%s, with a wrong key: %+v", k.Name, r)
		}
	}
}

// TestEHCCaptures: captures of IKE of all kinds, many of them broken on purpose,
// are shown or refused.
func TestEHCCaptures(t *testing.T) {
	var list []string
	for _, glob := range []string{"made/ike-private-notify.pcap", "ndpi/ipsec_isakmp_esp.pcap", "ndpi/anyconnect-vpn.pcap", "scapy/test/pcaps/ikev2*", "tcpdump/tests/ik*.pcap", "tcpdump/tests/isakmp*"} {
		m, err := filepath.Glob("../../../shared/captures/" + glob)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m...)
	}
	if len(list) == 0 {
		t.Skip("the captures are absent")
	}
	messages := 0
	for _, path := range list {
		for _, keys := range []string{"", ehcDemoKeys} {
			r := tool("", strings.Fields("ehc decode "+path+keys)...)
			if r.code == exitError || strings.Contains(r.stderr, "panic") {
				t.Errorf("%s: %+v", path, r)
			}
			messages += len(regexp.MustCompile(`(?m)^packet `).FindAllString(r.stdout, -1))
		}
	}
	t.Logf("%d messages in %d captures, twice", messages, len(list))
	if r := tool("", "ehc", "decode", list[0]); !strings.Contains(r.stdout, "N(REDIRECT_SUPPORTED)") || !strings.Contains(r.stdout, "N(45000), data 646965742d657370") || r.code != exitDone {
		t.Errorf("%s: %+v", list[0], r)
	}
}

// TestEHCNoMessage: what is no message has its addresses and the error.
func TestEHCNoMessage(t *testing.T) {
	v := ikeView{Packet: 7, Src: "[2001:db8::1]:500", Dst: "[2001:db8::2]:500", Error: "truncated: message ends early"}
	if got, want := v.text(), "packet 7: [2001:db8::1]:500 > [2001:db8::2]:500; error: truncated: message ends early\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzEHCView: whatever comes is shown, or is an error with a class.
func FuzzEHCView(f *testing.F) {
	for _, line := range strings.Fields(ehcOffers + ehcAnswers + ehcMessages) {
		if b, err := hex.DecodeString(line); err == nil {
			f.Add(b)
		}
	}
	keys, err := hex.DecodeString(strings.Fields(ehcDemoKeys)[1])
	if err != nil {
		f.Fatal(err)
	}
	sk := &skFlags{keys: [2]*ikemsg.Keys{{Encr: keys}, {Encr: keys}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range []*ehc.Policy{{}, {Dialect: ehc.DialectEHC, NoZeroBytes: true, Numbers: ehc.Numbers{Trailer: 6}}} {
			v, err := viewMessage(data, sk, p)
			if err != nil {
				_, list := viewPayloads(ehc.PayloadNotify, data, p)
				if class, _, _ := strings.Cut(ehcError(err), ":"); class == "" || list != nil && !strings.Contains(ehcError(list), ": ") {
					t.Fatalf("%x: %v, %v", data, err, list)
				}
			}
			if text := v.text(); !strings.HasSuffix(text, "\n") {
				t.Fatalf("%q", text)
			}
			if _, err := json.Marshal(&v); err != nil {
				t.Fatal(err)
			}
		}
	})
}
