package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	if os.Getenv("SCHC_TEST_TOOL") != "" { // TestDocs runs this program as the tool
		os.Exit(run(os.Args[1:], &env{os.Stdin, os.Stdout, os.Stderr}))
	}
	flag.Parse()
	// What depends on the build and on the day.
	buildInfo = func() (*debug.BuildInfo, bool) {
		return &debug.BuildInfo{GoVersion: "go1.25.0", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}, {Key: "vcs.time", Value: "2026-11-20T12:00:00Z"},
			{Key: "vcs.modified", Value: "true"}, {Key: "GOOS", Value: "plan9"}}}, true
	}
	now = func() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }
	os.Exit(m.Run())
}

// result is what a run of the tool did.
type result struct {
	code           int
	stdout, stderr string
}

// tool runs the tool.
func tool(stdin string, args ...string) result {
	var out, err bytes.Buffer
	code := run(args, &env{strings.NewReader(stdin), &out, &err})
	return result{code, out.String(), err.String()}
}

// The files of the tests.
const (
	coapRules  = "../../testdata/rules/coap.json"
	mixedRules = "../../testdata/rules/mixed.json"
	coapPcap   = "../../testdata/captures/coap.pcap"
	mixedPcap  = "../../testdata/captures/mixed.pcap"
)

// golden are runs whose results are kept in testdata/golden. $T is a temporary
// directory; what is left there is part of the result. Runs of one case happen
// in order.
var golden = []struct {
	name  string
	stdin string
	runs  []string
}{
	{name: "compress", runs: []string{
		"compress -C " + coapRules + " -c 4 -r " + coapPcap + " -w $T/small.pcapng",
		"decompress -C " + coapRules + " -r $T/small.pcapng -w $T/again.pcap"}},
	{name: "compress-verbose", runs: []string{
		"compress -v -C " + mixedRules + " -w $T/small.pcapng --filter arp " + mixedPcap,
		"compress -q -C " + mixedRules + " -w $T/small2.pcapng --filter arp " + mixedPcap}},
	{name: "compress-raw", runs: []string{
		"compress -C " + coapRules + " --dir up -r testdata/raw.pcap -w $T/small.pcapng",
		"decompress -C " + coapRules + " -r $T/small.pcapng -w $T/again.pcap",
		"decompress -C " + coapRules + " --pcapng -q -r $T/small.pcapng -w $T/again.pcapng"}},
	{name: "compress-dev", runs: []string{
		"stats -C " + coapRules + " --dev 2001:db8:1::/64 -r " + coapPcap,
		"stats -C " + coapRules + " --dev 2001:db8:1::2 -f tsv -r " + coapPcap,
		"stats -C " + coapRules + " --dev 2001:db8:2::1 -r " + coapPcap,
		"verify -C " + coapRules + " --dev 2001:db8:3::/64 --strict " + coapPcap}},
	{name: "trailer", runs: []string{
		"compress -C testdata/rules/pass.json -r testdata/odd.pcap -w $T/a.pcapng",
		"compress -C testdata/rules/pass.json --strip-trailer --ethertype 88b6 -r testdata/odd.pcap -w $T/b.pcapng",
		"decompress -C testdata/rules/pass.json -r $T/b.pcapng -w $T/b.pcap",
		"verify -C testdata/rules/pass.json -r testdata/odd.pcap",
		"verify --strict -C testdata/rules/pass.json -r testdata/odd.pcap -f json",
		"explain -C testdata/rules/pass.json -r testdata/odd.pcap"}},
	{name: "verify", runs: []string{
		"verify -C " + coapRules + " -r " + coapPcap,
		"verify -C " + mixedRules + " -r " + mixedPcap + " -f json",
		"verify -C " + mixedRules + " -r " + mixedPcap + " -f jsonl",
		"verify -C " + mixedRules + " -r " + mixedPcap + " -f tsv",
		"verify -v -C " + mixedRules + " -r " + mixedPcap + " -w $T/result.txt"}},
	{name: "lossy", runs: []string{
		"verify -C testdata/rules/lossy.json -r " + coapPcap,
		"verify --lossless -C testdata/rules/lossy.json -r " + coapPcap,
		"verify --first-match -C testdata/rules/lossy.json -r " + coapPcap,
		"rules check testdata/rules/lossy.json",
		"rules check --strict testdata/rules/lossy.json -f json",
		"rules check testdata/rules/lossy.json -f jsonl",
		"rules check testdata/rules/lossy.json -f tsv"}},
	{name: "stats", runs: []string{
		"stats -C " + coapRules + " -r " + coapPcap,
		"stats -C " + mixedRules + " -r " + mixedPcap + " -f json --filter udp",
		"stats -C " + mixedRules + " -r " + mixedPcap + " -f jsonl --filter udp",
		"stats -C " + mixedRules + " -r " + mixedPcap + " -f tsv"}},
	{name: "explain", runs: []string{
		"explain -C " + coapRules + " -r " + coapPcap + " --packet 2",
		"explain -C " + coapRules + " -r " + coapPcap + " -c 2 -f tsv",
		"explain -C " + coapRules + " -r " + coapPcap + " --packet 7 --dir down",
		"explain -v -C " + mixedRules + " -r " + mixedPcap + " --filter tcp -c 1",
		"explain -C " + coapRules + " -r " + coapPcap + " -f json -c 2 --dir up",
		"explain -C " + coapRules + " -r " + coapPcap + " -f json --filter arp",
		"explain -C " + coapRules + " -r " + coapPcap + " --packet 9999",
		"explain -C " + coapRules + " -r " + coapPcap + " --packet 2 --filter arp"}},
	{name: "explain-hex", stdin: hexLines, runs: []string{
		"explain -C testdata/rules/pass.json --hex",
		"explain -C testdata/rules/pass.json --hex -f jsonl --dir down",
		"explain -C testdata/rules/pass.json --hex --packet 2",
		"explain -C testdata/rules/pass.json --hex --packet 12"}},
	{name: "hex", stdin: hexLines, runs: []string{
		"compress -C testdata/rules/pass.json --hex",
		"compress -C " + coapRules + " --hex --dir dw",
		"compress -C testdata/rules/pass.json --hex -c 1",
		"compress -C testdata/rules/pass.json --hex -w $T/small.txt",
		"decompress -C testdata/rules/pass.json --hex -r $T/small.txt -w $T/again.txt"}},
	{name: "iid", stdin: "60000000000a114020010db8000100000200005e005302ff20010db8000200000000000000000001163516330000000041420000\n", runs: []string{
		"compress --hex -C testdata/rules/iid.json",
		"compress --hex -C testdata/rules/iid.json --dev-iid 02:00:00:5e:00:53:02:ff --app-iid 0x0000000000000001",
		"compress --hex -C testdata/rules/iid.json --dev-iid 0200005e005302fe --app-iid 0x0000000000000001",
		"compress --hex -C testdata/rules/iid.json --dev-iid 0200005e005302ff --app-iid 0x0000000000000001 -w $T/small.txt",
		"decompress --hex -C testdata/rules/iid.json -r $T/small.txt --dev-iid 0200005e005302ff --app-iid 0000000000000001",
		"decompress --hex -C testdata/rules/iid.json -r $T/small.txt",
		"explain --hex -C testdata/rules/iid.json --dev-iid 0200005e005302fe --app-iid 0x0000000000000001"}},
	{name: "trust", runs: []string{
		"verify -C testdata/rules/pass.json -r testdata/odd.pcap --trust-computed -f tsv",
		"compress -C testdata/rules/pass.json -r testdata/odd.pcap --strict -w $T/a.pcapng",
		"explain -C testdata/rules/pass.json -r testdata/odd.pcap --strict --packet 7 -f jsonl"}},
	{name: "hex-decompress", stdin: "a05170f701 40 160/8\na05170f701\na05170f701 39\na05170f701 41\na05170f701 32\n" +
		"a05170f701 x\nA05170F701 40\r\n\n  \nff\n00\nzz\nabc\nee11\n\xff\xfe 3\na0 ", runs: []string{
		"decompress -C " + coapRules + " --hex",
		"decompress -C " + coapRules + " --hex --dir down"}},
	{name: "rules", runs: []string{
		"rules check " + coapRules + " " + mixedRules,
		"rules check -C " + mixedRules,
		"rules check testdata/rules/review.json",
		"rules check testdata/rules/wrong.json",
		"rules check testdata/rules/two.json --device beta",
		"rules check testdata/rules/two.json",
		"rules show testdata/rules/two.json",
		"rules show testdata/rules/two.json --device beta -f json",
		"rules show testdata/rules/two.json --rule 1/2 -f jsonl",
		"rules show testdata/rules/two.json --rule 9/2",
		"rules show testdata/rules/two.json --device gamma",
		"rules show testdata/rules/two.json -f tsv",
		"rules diff testdata/rules/two.json testdata/rules/two.json",
		"rules diff testdata/rules/two.json testdata/rules/pass.json",
		"rules diff -f json testdata/rules/pass.json testdata/rules/lossy.json",
		"rules diff -f jsonl testdata/rules/pass.json testdata/rules/lossy.json",
		"rules diff -f tsv testdata/rules/pass.json testdata/rules/lossy.json",
		"rules diff -q testdata/rules/pass.json testdata/rules/lossy.json"}},
	{name: "rules-convert", runs: []string{
		"rules convert testdata/rules/pass.json -w $T/pass.json",
		"rules diff testdata/rules/pass.json $T/pass.json",
		"rules convert testdata/rules/pass.json --to yang-json -w $T/pass.yang",
		"rules diff testdata/rules/pass.json $T/pass.yang",
		"rules convert $T/pass.yang -w $T/pass.cbor",
		"rules diff testdata/rules/pass.json $T/pass.cbor",
		"rules convert testdata/rules/wrong.json --to cbor -w $T/wrong.cbor",
		"rules convert testdata/rules/wrong.json --to cbor -w $T/wrong.cbor --no-check",
		"rules check $T/wrong.cbor",
		"rules diff testdata/rules/wrong.json $T/wrong.cbor",
		"rules convert $T/pass.cbor",
		"rules convert $T/pass.cbor --to xml",
		"rules convert $T/pass.cbor --to cbor -w $T/pass.cbor",
		"rules convert --to cbor --sid testdata/rules/pass.json testdata/rules/pass.json"}},
	{name: "devices", runs: []string{
		"verify -C testdata/rules/two.json " + coapPcap,
		"verify -C testdata/rules/two.json --device alpha " + coapPcap,
		"verify -C testdata/rules/two.json --device gamma " + coapPcap}},
	{name: "version", runs: []string{"version", "--version", "version -f json", "version -f tsv"}},
	{name: "fields", runs: []string{"fields -l coap.oscore_p", "fields ipv6.dev -f json", "fields UDP.C -f jsonl", "fields esp -f tsv", "fields x"}},
	{name: "frag-hex", stdin: fragLines, runs: []string{
		"frag --hex -C testdata/rules/frag.json --rule 20/8 --mtu 30 --dir up",
		"frag --hex -C testdata/rules/frag.json --rule 12/6 --mtu 16",
		"frag --hex -C testdata/rules/frag.json --dir dw --mtu 20",
		"frag --hex --profile sigfox-single-byte --mtu 12",
		"frag --hex --profile lorawan --mtu 51 -c 2",
		"frag --hex -C testdata/rules/frag.json --rule 20/8 --mtu 8"}},
	{name: "frag-reassemble-hex", stdin: fragmentLines, runs: []string{
		"frag reassemble --hex -C testdata/rules/frag.json"}},
	{name: "frag-usage", runs: []string{
		"frag --hex -C testdata/rules/frag.json --rule 20/8",
		"frag --hex -C testdata/rules/frag.json --mtu 51",
		"frag --hex -C testdata/rules/frag.json --mtu 51 --rule 20/8 --dir down",
		"frag --hex -C testdata/rules/frag.json --mtu 51 --rule 20",
		"frag --hex -C testdata/rules/frag.json --mtu 51 --rule 7/8",
		"frag --hex --mtu 51",
		"frag --hex --mtu 51 --profile wifi",
		"frag --hex --mtu 51 --profile lorawan --device x",
		"frag --hex --mtu 51 --profile lorawan --strict",
		"frag --hex --mtu 51 --profile lorawan-down",
		"frag --hex --mtu 0 --profile lorawan",
		"frag --mtu 51 --profile lorawan -r " + coapPcap + " -w $T/a.pcapng",
		"frag --mtu 51 -C " + coapRules + " -r " + coapPcap + " -w $T/a.pcapng",
		"frag reassemble --profile lorawan --dir auto -r " + coapPcap + " -w $T/a.pcapng"}},
	{name: "frag-simulate", runs: []string{
		"frag simulate --profile lorawan --mtu 51 --dr SF10 --loss 0.2 --burst 3 --reorder 0.05 --duplicate 0.05 --seed 1 --duty-cycle 1%",
		"frag simulate --profile sigfox --size 100 --packets 2 --loss 0.1 --retransmission 1m -f json",
		"frag simulate --profile lorawan --dir down --dr DR5 --packets 2 -f jsonl",
		"frag simulate --profile nb-iot --size 40 --packets 2 --corrupt 0.2 -f tsv",
		"frag simulate -C testdata/rules/frag.json --rule 20/8 --size 80 --packets 2 --compound-ack --attempts-per-ack --attempts 2 --inactivity 1h",
		"frag simulate --profile lorawan -C " + coapRules + " -r " + coapPcap + " -c 4 --late 1s",
		"frag simulate --profile lorawan-multicast --packets 1 -w $T/report.txt",
		"frag simulate --profile nb-iot --size 2000",
		"frag simulate --profile lorawan --mtu 8",
		"frag simulate",
		"frag simulate --profile lorawan x",
		"frag simulate --profile lorawan --loss 2",
		"frag simulate --profile lorawan --burst 0.5",
		"frag simulate --profile lorawan --loss 0.9 --burst 2",
		"frag simulate --profile lorawan --dr SF13",
		"frag simulate --profile sigfox --dr SF7",
		"frag simulate --profile lorawan --radio wifi",
		"frag simulate --profile lorawan --duty-cycle 0",
		"frag simulate --profile lorawan --plot a.gif",
		"frag simulate --profile lorawan --filter udp",
		"frag simulate --profile lorawan --size 5 -r x.pcap",
		"frag simulate --profile lorawan --dir auto",
		"frag simulate --profile lorawan --retransmission 1us",
		"frag simulate --profile lorawan -f xml"}},
	{name: "rules-profile", runs: []string{
		"rules show --profile lorawan",
		"rules show --profile sigfox-single-byte -f json",
		"rules show --profile nb-iot -f tsv",
		"rules show --profile lorawan-multicast -f jsonl",
		"rules show --profile wifi",
		"rules show --profile lorawan x.json",
		"rules show --profile lorawan -C x.json",
		"rules show testdata/rules/frag.json"}},
	{name: "frag-capture", runs: []string{
		"frag -C " + coapRules + " --profile lorawan --mtu 51 -c 4 -r " + coapPcap + " -w $T/frames.pcapng",
		"frag reassemble -C " + coapRules + " --profile lorawan -r $T/frames.pcapng -w $T/small.pcapng",
		"decompress -q -C " + coapRules + " -r $T/small.pcapng -w $T/again.pcap",
		"frag -C " + coapRules + " --profile lorawan --mtu 51 -r $T/frames.pcapng -w $T/twice.pcapng"}},
	{name: "sse-hex", stdin: "32312e35\n-\n\n3132 33\nxx\n" + strings.Repeat("00", 4095) + "\n" + strings.Repeat("00", 4096) + "\n", runs: []string{
		"sse seal --hex --session " + sseWhole + " -c 2",
		"sse seal --hex --session " + sseWhole + " --dir down -c 2",
		"sse seal --hex --session " + sseSmall,
		"sse seal --hex --session " + sseSmall + " --stream -c 2"}},
	{name: "sse-open-hex", stdin: sseLines, runs: []string{
		"sse open --hex --session " + sseWhole, "sse open --hex --session " + sseWhole + " --dir down",
		"sse compress --hex --session " + sseSmall, "sse compress --hex --stream --session " + sseSmall}},
	{name: "sse-small-hex", stdin: sseSmallLines, runs: []string{
		"sse open --hex --session " + sseSmall, "sse decompress --hex --session " + sseSmall}},
	{name: "sse-capture", runs: []string{
		"sse seal -c 6 --session " + sseWhole + " -r " + coapPcap + " -w $T/sealed.pcap",
		"sse compress -v --session " + sseSmall + " -r $T/sealed.pcap -w $T/small.pcapng",
		"sse decompress --session " + sseSmall + " -r $T/small.pcapng -w $T/restored.pcap",
		"sse open --session " + sseWhole + " -r $T/restored.pcap -w $T/opened.pcap",
		"sse open -v -c 3 --session " + sseWhole + " -r " + coapPcap + " -w $T/again.pcap"}},
	{name: "sse-rules", runs: []string{"sse rules --session " + sseSmall, "sse rules --stream --session " + sseSmall,
		"sse rules --session " + sseSmall + " --to yang-json", "sse rules --session " + sseSmall + " -w $T/rule.cbor",
		"rules show $T/rule.cbor", "sse rules --session " + sseSmall + " -w $T/rule.json",
		"compress --hex -C $T/rule.json --sse-icv 8 --split-header -r testdata/sse/packets.txt",
		"explain --hex -C $T/rule.json --sse-icv 8 --split-header -r testdata/sse/packets.txt",
		"sse compress --hex --session " + sseSmall + " -r testdata/sse/packets.txt", "sse rules --session " + sseWhole}},
	{name: "sse-negotiate", runs: []string{"sse negotiate testdata/sse/responder.json testdata/sse/initiator.json",
		"sse negotiate -f json testdata/sse/responder.json testdata/sse/initiator.json",
		"sse negotiate --ike -f tsv testdata/sse/initiator.json testdata/sse/responder.json",
		"sse negotiate testdata/sse/responder.json testdata/sse/strict.json", "sse negotiate testdata/sse/responder.json " + sseSmall,
		"sse negotiate testdata/sse/responder.json"}},
	{name: "sse-decode", stdin: hipLines, runs: []string{"sse decode", "sse decode --json", "sse decode --ike"}},
	{name: "sse-usage", runs: []string{"sse", "sse frob", "sse seal", "sse seal --session - --hex", "sse seal --session " + sseSmall + " --dir down",
		"sse open --hex --stream --filter udp --session " + sseSmall, "sse compress --session " + sseWhole + " --hex", "sse decompress --session $T/none.json --hex",
		"sse seal --hex --dir auto --session " + sseWhole, "sse demo -n 1", "sse rules --to xml --session " + sseSmall,
		"sse decompress --session " + sseSmall + " -r testdata/raw.pcap -w $T/x.pcap"}},
	{name: "sse-help", runs: []string{"sse --help", "sse seal --help", "sse open --help", "sse compress --help", "sse decompress --help",
		"sse rules --help", "sse negotiate --help", "sse decode --help", "sse demo --help"}},
	{name: "help", runs: []string{"", "help compress", "decompress -h", "verify -h", "stats -h", "explain -h", "rules -h", "rules check -h",
		"rules show -h", "rules convert -h", "rules diff -h", "fields -h", "version -h", "man -h", "frob", "rules frob", "compres", "help frob"}},
	{name: "man", runs: []string{"man compress", "man rules check", "man frob", "man --dir $T/none", "man --dir $T compress"}},
}

// hexLines are lines of packet mode: good ones, and all kinds of bad ones.
const hexLines = `60000000000e114020010db800010000000000000000000220010db800020000000000000000000116351633000e1580610100010170
60000000000c11402001	0db8
6000000000000
60zz

   60000000000a11ff20010db800010000000000000000000220010db800020000000000000000000116351633000a36b84142 7/3 ` + `
60000000000a11ff20010db800010000000000000000000220010db800020000000000000000000116351633000a36b84142 7/3 8
` + "45000020000100004011f6c8c0000202c000020112345678000c000001020304\r\n60"

func TestGolden(t *testing.T) {
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			checkGolden(t, filepath.Join("testdata", "golden", g.name+".txt"), g.stdin, g.runs)
		})
	}
}

// checkGolden compares the results of runs with a golden file.
func checkGolden(t *testing.T, path, stdin string, runs []string) {
	dir := t.TempDir()
	var got strings.Builder
	for _, line := range runs {
		args := strings.Fields(strings.ReplaceAll(line, "$T", dir))
		r := tool(stdin, args...)
		fmt.Fprintf(&got, "$ schc %s\nexit %d\n%s%s\n", line, r.code, section("stdout", r.stdout), section("stderr", r.stderr))
	}
	got.WriteString(describeDir(t, dir))
	text := strings.ReplaceAll(got.String(), dir, "$T")
	text = strings.ReplaceAll(text, "plan9/"+runtime.GOARCH, "plan9/amd64")
	text = regexp.MustCompile(`(?m) +$`).ReplaceAllString(text, "")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the result differs from %s; -update rewrites it:\n%s", path, firstDifference(text, string(want)))
	}
}

// Every command has help, and a manual page.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	if r := tool("", "man", "--dir", dir); r != (result{}) {
		t.Fatalf("%+v", r)
	}
	help := tool("", "help")
	if all := tool("", "--help"); help.code != exitDone || all != help {
		t.Errorf("help says %+v, --help %+v", help, all)
	}
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil || !bytes.Contains(page, []byte("SH SYNOPSIS")) || !bytes.Contains(page, []byte(c.Short)) {
			t.Errorf("%s: manual page: %v", c.CommandPath(), err)
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short help is %q", c.CommandPath(), c.Short)
		}
		if c.Name() == "completion" {
			return
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" {
				check(sub)
			}
		}
	}
	root := newRoot(&env{strings.NewReader(""), io.Discard, io.Discard})
	check(root)
	for _, c := range root.Commands() {
		if !strings.Contains(help.stdout, "\n  "+c.Name()+" ") {
			t.Errorf("the help lacks %s", c.Name())
		}
	}
	leftovers(t, dir)
}

// The shells' completion scripts are there, and flags complete.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := tool("", "completion", shell); r.code != exitDone || len(r.stdout) < 1000 {
			t.Errorf("%s: exit %d, %d bytes", shell, r.code, len(r.stdout))
		}
	}
	for args, want := range map[string]string{"compress --dir ": "up\ndown\nauto\n", "verify -f j": "text\njson", "rules con": "convert\t"} {
		if r := tool("", append([]string{"__complete"}, strings.Split(args, " ")...)...); !strings.HasPrefix(r.stdout, want) {
			t.Errorf("%s completes to %q, want %q", args, r.stdout, want)
		}
	}
}

func section(name, text string) string {
	if text == "" {
		return ""
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\\ no line end\n"
	}
	return "-- " + name + " --\n" + text
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			w := "(nothing)"
			if i < len(b) {
				w = b[i]
			}
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, a[i], w)
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(a), len(b))
}

// describeDir shows the files that runs left in dir.
func describeDir(t *testing.T, dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	s := ""
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(name, ".pcap"):
			s += section("file "+name, listCapture(t, b))
		case strings.HasSuffix(name, ".cbor"):
			s += section("file "+name, fmt.Sprintf("%x\n", b))
		default:
			s += section("file "+name, string(b))
		}
	}
	return s
}

// listCapture shows all of a capture.
func listCapture(t *testing.T, b []byte) string {
	r, err := pcapio.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	var p pcapio.Packet
	for {
		err := r.Next(&p)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s += fmt.Sprintf("%s on %d, %d bytes: %x\n", p.Time().Format("15:04:05.000000000"), p.Iface, p.OrigLen, p.Data)
	}
	head := r.Format().String() + "\n"
	for i, f := range r.Interfaces() {
		head += fmt.Sprintf("%d: %v snaplen %d name %q description %q resolution %d\n", i, f.LinkType, f.SnapLen, f.Name, f.Description, f.Resolution)
	}
	return head + s
}

// skipRace skips what is slow with the race detector. The commands have one
// goroutine for packets; the tests of 32-bit programs run all of this.
func skipRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("slow with the race detector, and without concurrency")
	}
}
