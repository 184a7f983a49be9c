package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Flags that do not go together, bad values, and bad files: exit code 2, an
// error and a hint that say so, no output.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := write("text.pcap", "this is not a capture\n")
	empty := write("empty.pcap", "")
	badJSON := write("bad.json", "[\n  {\"RuleID\": 1,\n")
	badRule := write("rule.json", `[{"RuleID": 1, "RuleIDLength": 3, "Compression": [
    {"FID": "IPV6.VER", "TV": 6, "MO": "equal", "CDA": "not-sent"}]}]`)
	coapOnly := write("coap.json", `[{"RuleID": 1, "RuleIDLength": 3, "Compression": [
    {"FID": "UDP.DEV_PORT", "MO": "ignore", "CDA": "value-sent"}, {"FID": "UDP.APP_PORT", "MO": "ignore", "CDA": "value-sent"},
    {"FID": "UDP.LEN", "MO": "ignore", "CDA": "value-sent"}, {"FID": "UDP.CKSUM", "MO": "ignore", "CDA": "value-sent"}]}]`)
	gz := write("text.gz", "\x1f\x8b\x08\x00 no gzip")
	out := filepath.Join(dir, "out.pcapng")
	const c = "-C testdata/rules/pass.json "
	for _, tt := range []struct {
		args string
		want string // part of what is said
	}{
		// Flags.
		{"compress", "no Rules are given"},
		{"compress -q -v " + c, "--quiet and --verbose"},
		{"compress --dir up --dev ::1 " + c, "--dev and --dir"},
		{"compress --dir auto --dev ::1 " + c, "--dev and --dir"},
		{"compress --dir left " + c, `"left" is not up, down or auto`},
		{"compress --dev nobody " + c, `"nobody" is not an IP address`},
		{"compress --dev ::1/129 " + c, "not an IP address"},
		{"compress --dev-iid 12 " + c, "16 hex digits"},
		{"compress --app-iid x " + c, "--app-iid"},
		{"compress --ethertype 0800 " + c, "taken by IP"},
		{"compress --ethertype 86dd " + c, "taken by IP"},
		{"compress --ethertype 8100 " + c, "taken by IP or VLAN"},
		{"compress --ethertype 05ff " + c, "is a length"},
		{"compress --ethertype 88b5b5 " + c, "4 hex digits"},
		{"compress -r a -c 1 " + c + " b", "given twice"},
		{"compress -c 0 " + c + coapPcap, "at least 1"},
		{"compress -c -1 " + c + coapPcap, "invalid argument"},
		{"compress --filter udp&& " + c + coapPcap, "filter"},
		{"compress -f json " + c, "unknown shorthand flag"},
		{"compress a b " + c, "2 arguments"},
		{"compress -C - -r -", "both come from standard input"},
		{"compress --hex --dev ::1 " + c, "--hex and --dev"},
		{"compress --hex --filter udp " + c, "--hex and --filter"},
		{"compress --hex --strip-trailer " + c, "--hex and --strip-trailer"},
		{"compress --hex --ethertype 88b6 " + c, "--hex and --ethertype"},
		{"compress --hex --strict " + c, "--hex and --strict"},
		{"compress --hex --dir auto " + c, `"auto" is not up or down`},
		{"compress --hex -q -v " + c, "--quiet and --verbose"},
		{"decompress --hex --pcapng " + c, "--hex and --pcapng"},
		{"decompress --hex --dir auto " + c, "not up or down"},
		{"decompress --dir auto " + c + coapPcap, "not up or down"},
		{"decompress --dir= " + c + coapPcap, "not up or down"},
		{"decompress --dev ::1 " + c, "unknown flag"},
		{"decompress --strict " + c, "unknown flag"},
		{"decompress -q -v " + c, "--quiet and --verbose"},
		{"verify -f xml " + c + coapPcap, `"xml" is not text`},
		{"stats --hex " + c, "unknown flag"},
		{"explain --packet 1 -c 1 " + c + coapPcap, "--packet and --count"},
		{"explain --packet 0 " + c + coapPcap, "numbered from 1"},
		{"explain --hex --filter udp " + c, "--hex and --filter"},
		{"rules", "no command"},
		{"rules check", "no rule file is given"},
		{"rules check -C a b", "given twice"},
		{"rules diff a", "takes two rule files"},
		{"rules diff - -", "only one of the files"},
		{"rules convert testdata/rules/pass.json", "the form to convert to is not given"},
		{"rules convert --to microschc testdata/rules/pass.json", "is not json"},
		{"rules convert --to json --to-sid x testdata/rules/pass.json", "--to-sid is for the form cbor"},
		{"version x", "1 arguments"},
		{"fields -f x", "is not text"},
		{"man --dir " + text, "invalid argument"},
		// Rule files.
		{"verify -C none.json " + coapPcap, "none.json: no such file"},
		{"verify -C " + dir + " " + coapPcap, "directory"},
		{"verify -C " + empty + " " + coapPcap, empty},
		{"verify -C " + badJSON + " " + coapPcap, badJSON + ":"},
		{"verify -C " + badRule + " " + coapPcap, badRule + ":1:"},
		{"rules check " + badRule, badRule + ":1:"},
		{"rules convert --to cbor " + badRule, badRule + ":1:"},
		{"verify -C " + coapOnly + " " + coapPcap, "starts with"},
		{"verify -C " + coapPcap + " " + coapPcap, coapPcap},
		// Captures.
		{"compress -w " + out + " " + c + "none.pcap", "none.pcap: no such file"},
		{"compress -w " + out + " " + c + dir, "a directory"},
		{"compress -w " + out + " " + c + text, "not a pcap or pcapng capture"},
		{"compress -w " + out + " " + c + empty, "the file is empty"},
		{"compress -w " + out + " " + c + gz, "gzip"},
		{"compress -w " + out + " " + c + "-r -", "the file is empty"},
		{"decompress -w " + out + " " + c + text, "not a pcap"},
		{"decompress -w " + out + " " + c + coapPcap, "does not say which packets are compressed"},
		{"verify " + c + text, "not a pcap"},
		{"stats " + c + text, "not a pcap"},
		{"explain " + c + text, "not a pcap"},
		// Outputs.
		{"compress -w " + dir + " " + c + coapPcap, "directory"},
		{"compress -w " + dir + "/no/out " + c + coapPcap, "no such file"},
		{"compress --write= " + c + coapPcap, "the name of the output is empty"},
		{"gen --package x --output= " + c, "the name of the output is empty"},
		{"compress -w " + coapPcap + " " + c + coapPcap, "overwrite an input"},
		{"compress -w testdata/rules/pass.json " + c + coapPcap, "overwrite an input"},
		{"decompress -w testdata/rules/pass.json " + c + coapPcap, "overwrite an input"},
		{"stats -w " + coapPcap + " " + c + coapPcap, "overwrite an input"},
		{"rules convert --to json testdata/rules/pass.json -w testdata/rules/pass.json", "overwrite an input"},
		{"compress --hex -r " + text + " -w " + text + " " + c, "overwrite an input"},
		{"compress --hex -r " + dir + " " + c, "directory"},
		{"compress --hex -r none.txt " + c, "no such file"},
	} {
		r := tool("", strings.Fields(tt.args)...)
		if r.code != exitError || r.stdout != "" || !strings.HasPrefix(r.stderr, "schc: error: ") || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("schc %s: exit %d\n%s%swant %q", tt.args, r.code, r.stdout, r.stderr, tt.want)
		}
		if n := strings.Count(r.stderr, "\n"); n > 2 || n == 2 && !strings.Contains(r.stderr, "\nschc: hint: ") {
			t.Errorf("schc %s: says %q", tt.args, r.stderr)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("schc %s: wrote a file", tt.args)
			os.Remove(out)
		}
	}
	leftovers(t, dir)
	leftovers(t, "testdata/rules")
	leftovers(t, "../../testdata/captures")
}

// leftovers looks for temporary files.
func leftovers(t *testing.T, dir string) {
	list, _ := filepath.Glob(filepath.Join(dir, ".*.tmp"))
	if len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("needs a user who may not read everything")
	}
	path := filepath.Join(t.TempDir(), "secret.pcap")
	os.WriteFile(path, mustRead(t, coapPcap), 0)
	if r := tool("", "verify", "-C", coapRules, path); r.code != exitError || !strings.Contains(r.stderr, "permission denied") {
		t.Errorf("%+v", r)
	}
}

// A capture that is cut off anywhere: all complete packets are processed and
// written, and the exit code is 1.
func TestTruncated(t *testing.T) {
	dir := t.TempDir()
	in, small, again := filepath.Join(dir, "in.pcap"), filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcap")
	whole := mustRead(t, coapPcap)
	for _, n := range []int{24, 25, 39, 40, 41, 124, 1000, len(whole) - 1, len(whole)} {
		os.WriteFile(in, whole[:n], 0o644)
		r := tool("", "compress", "-C", coapRules, in, "-w", small)
		want, _, damaged := readCapture(t, in)
		if damaged != (r.code == exitFailed) || !damaged && r.code != exitDone {
			t.Errorf("%d bytes: %+v", n, r)
		}
		if damaged && !strings.Contains(r.stderr, "schc: error: "+in+": capture cut short after packet") {
			t.Errorf("%d bytes: says %q", n, r.stderr)
		}
		if r := tool("", "decompress", "-C", coapRules, small, "-w", again); r.code != exitDone {
			t.Errorf("%d bytes: decompress: %+v", n, r)
		}
		if got := mustRead(t, again); !bytes.HasPrefix(whole, got) {
			t.Errorf("%d bytes: the restored capture is not a part of the original", n)
		}
		if got, _, _ := readCapture(t, again); len(got) != len(want) {
			t.Errorf("%d bytes: %d packets, want %d", n, len(got), len(want))
		}
		for _, args := range [][]string{{"verify"}, {"stats"}, {"explain", "-f", "jsonl"}} {
			if r2 := tool("", append(args, "-C", coapRules, in)...); r2.code != r.code || r2.stdout == "" && len(want) > 0 {
				t.Errorf("%d bytes: %s: exit %d, want %d", n, args, r2.code, r.code)
			}
		}
		// So is a compressed capture.
		if b := mustRead(t, small); len(want) > 2 {
			os.WriteFile(in, b[:len(b)-5], 0o644)
			if r := tool("", "decompress", "-C", coapRules, in, "-w", again); r.code != exitFailed {
				t.Errorf("%d bytes: decompress of a part: %+v", n, r)
			}
			if got, _, _ := readCapture(t, again); len(got) != len(want)-1 {
				t.Errorf("%d bytes: decompress of a part gives %d packets, want %d", n, len(got), len(want)-1)
			}
		}
	}
	// Garbage in the middle.
	b := bytes.Clone(whole)
	for i := range 16 {
		b[24+16+84+i] = 0xff
	}
	os.WriteFile(in, b, 0o644)
	if r := tool("", "stats", "-C", coapRules, in, "-f", "json"); r.code != exitFailed || !strings.Contains(r.stdout, `"packets": 1,`) || !strings.Contains(r.stdout, `"damage": "`) {
		t.Errorf("damaged: %+v", r)
	}
}

// Standard input and output, and gzip.
func TestStreams(t *testing.T) {
	whole := mustRead(t, coapPcap)
	small := tool(string(whole), "compress", "-C", coapRules, "-q")
	if small.code != exitDone || small.stderr != "" {
		t.Fatalf("%+v", small.stderr)
	}
	again := tool(small.stdout, "decompress", "-C", coapRules, "-q", "-r", "-", "-w", "-")
	if again.code != exitDone || again.stdout != string(whole) {
		t.Errorf("restored: exit %d, %d bytes, want %d; %s", again.code, len(again.stdout), len(whole), again.stderr)
	}
	var z bytes.Buffer
	gz := gzip.NewWriter(&z)
	gz.Write(whole)
	gz.Close()
	if r := tool(z.String(), "compress", "-C", coapRules, "-q"); r.code != exitDone {
		t.Errorf("gzip: %+v", r.stderr)
	} else if r := tool(r.stdout, "decompress", "-C", coapRules, "-q"); r.stdout != string(whole) {
		t.Error("gzip: not restored")
	}
	// Rules from standard input.
	if r := tool(string(mustRead(t, coapRules)), "verify", "-C", "-", "-f", "jsonl", coapPcap); r.code != exitDone {
		t.Errorf("rules: %+v", r)
	}
	if r := tool(string(mustRead(t, coapRules)), "rules", "check", "-"); r.code != exitDone || !strings.HasPrefix(r.stdout, "standard input: 21 Rules") {
		t.Errorf("rules: %+v", r)
	}
}

// Decompression with other Rules warns, also when everything comes back.
func TestOtherRules(t *testing.T) {
	dir := t.TempDir()
	rules := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := rules("one.json", `[{"RuleID": 1, "RuleIDLength": 8, "NoCompression": []}]`)
	more := rules("more.json", `[{"RuleID": 1, "RuleIDLength": 8, "NoCompression": []}, {"RuleID": 2, "RuleIDLength": 8, "NoCompression": []}]`)
	small := tool(string(mustRead(t, coapPcap)), "compress", "-q", "-C", one)
	for _, tt := range []struct {
		args string
		warn bool
	}{{"-C " + one, false}, {"-C " + more, true}, {"-q -C " + more, false}} {
		r := tool(small.stdout, append([]string{"decompress"}, strings.Fields(tt.args)...)...)
		if r.code != exitDone || r.stdout != string(mustRead(t, coapPcap)) || strings.Contains(r.stderr, "warning: the capture was compressed with other Rules") != tt.warn {
			t.Errorf("decompress %s: exit %d, %d bytes, %s", tt.args, r.code, len(r.stdout), r.stderr)
		}
	}
}

// Binary is not written to a terminal, and a capture is not read from one.
func TestTerminal(t *testing.T) {
	defer func(f func(any) bool) { isTerminal = f }(isTerminal)
	isTerminal = func(any) bool { return true }
	for _, args := range []string{
		"compress -C " + coapRules + " " + coapPcap, "decompress -C " + coapRules + " " + coapPcap, "rules convert --to cbor " + coapRules} {
		if r := tool("", strings.Fields(args)...); r.code != exitError || r.stdout != "" || !strings.Contains(r.stderr, "standard output is a terminal") {
			t.Errorf("schc %s: %+v", args, r)
		}
	}
	// Nor to one that has a name.
	if r := tool("", "compress", "-C", coapRules, "-w", os.DevNull, coapPcap); r.code != exitError || !strings.Contains(r.stderr, os.DevNull+" is a terminal") {
		t.Errorf("-w with the name of a terminal: %+v", r)
	}
	if r := tool("", "verify", "-C", coapRules); r.code != exitError || !strings.Contains(r.stderr, "standard input is a terminal") {
		t.Errorf("verify: %+v", r)
	}
	r := tool("", "compress", "-C", coapRules, coapPcap, "-w", "-")
	if r.code != exitDone || len(r.stdout) < 1000 {
		t.Errorf("-w -: exit %d, %d bytes", r.code, len(r.stdout))
	}
	if r := tool("", "rules", "convert", "--to", "json", coapRules); r.code != exitDone {
		t.Errorf("text: %+v", r.stderr)
	}
}

// The progress bar is on a terminal only, and erased at the end.
func TestProgress(t *testing.T) {
	defer func(f func(any) bool) { isTerminal = f }(isTerminal)
	whole := mustRead(t, coapPcap)
	for _, tt := range []struct {
		terminal bool
		args     string
	}{{true, ""}, {true, "-q"}, {false, ""}} {
		var stderr bytes.Buffer
		isTerminal = func(x any) bool { return tt.terminal && x == any(&stderr) }
		r, w := io.Pipe()
		go func() {
			w.Write(whole[:5000])
			time.Sleep(600 * time.Millisecond)
			w.Write(whole[5000:])
			w.Close()
		}()
		args := append([]string{"compress", "-C", coapRules}, strings.Fields(tt.args)...)
		if code := run(args, &env{r, io.Discard, &stderr}); code != exitDone {
			t.Fatalf("exit %d: %s", code, stderr.String())
		}
		const summary = "208 packets: 208 compressed, 0 passed through; 23106 -> 12234 bytes, 47.1% saved\n"
		bar, rest := strings.CutSuffix(stderr.String(), summary)
		if rest != (tt.args == "") || (bar != "") != (tt.terminal && tt.args == "") {
			t.Errorf("terminal %v, %q: %q", tt.terminal, tt.args, stderr.String())
		}
		if bar != "" && !strings.HasSuffix(bar, "\r\x1b[K") {
			t.Errorf("the bar is not erased: %q", bar)
		}
	}
}

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		n, size int64
		want    string
	}{
		{0, 1e6, "[                              ]   0%  0.0 MB of 1.0 MB  0.0 MB/s  0s left"},
		{500e3, 1e6, "[===============               ]  50%  0.5 MB of 1.0 MB  0.2 MB/s  2s left"},
		{1e10, 1e10, "[==============================] 100%  10000.0 MB of 10000.0 MB  5000.0 MB/s  0s left"},
		{5e6, -1, "5.0 MB  2.5 MB/s"},
	} {
		if got := bar(tt.n, tt.size, 2*time.Second); got != tt.want {
			t.Errorf("bar(%d, %d) = %q, want %q", tt.n, tt.size, got, tt.want)
		}
	}
}

// SCHC packets that cannot be restored are left out and reported.
func TestDamagedPackets(t *testing.T) {
	dir := t.TempDir()
	small, again := filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcap")
	tool("", "compress", "-C", coapRules, coapPcap, "-w", small, "-c", "30")
	// With other Rules nothing, or only some of it, can be restored.
	r := tool("", "decompress", "-C", "testdata/rules/pass.json", small, "-w", again)
	if r.code != exitFailed || !strings.Contains(r.stderr, "schc: error: packet 1: ") || !strings.Contains(r.stderr, "failed") {
		t.Errorf("other Rules: %+v", r)
	}
	if strings.Count(r.stderr, "error: packet ") > maxFailures {
		t.Errorf("too many errors: %s", r.stderr)
	}
	list, _, _ := readCapture(t, again)
	if len(list) == 30 {
		t.Error("all packets were restored with other Rules")
	}
}

// Compressed frames from elsewhere, without our interfaces.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	small, plain, again := filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "plain.pcap"), filepath.Join(dir, "again.pcapng")
	tool("", "compress", "-C", coapRules, coapPcap, "-w", small, "--dev", "2001:db8:1::/64", "--filter", "src net 2001:db8:1::/64")
	list, _, _ := readCapture(t, small)
	writePcap(t, plain, 1, list)
	if r := tool("", "decompress", "-C", coapRules, plain, "-w", again); r.code != exitError || !strings.Contains(r.stderr, "--dir up or --dir down") {
		t.Errorf("without --dir: %+v", r)
	}
	if r := tool("", "decompress", "-C", coapRules, plain, "-w", again, "--dir", "up"); r.code != exitDone {
		t.Errorf("with --dir: %+v", r)
	}
	got, _, _ := readCapture(t, again)
	all, _, _ := readCapture(t, coapPcap)
	i := 0
	for _, p := range all {
		if p.data[14+8:14+8+8] == "\x20\x01\x0d\xb8\x00\x01\x00\x00" {
			if i >= len(got) || got[i].data != p.data {
				t.Fatalf("packet %d differs", i+1)
			}
			i++
		}
	}
	if i != len(got) {
		t.Errorf("%d packets, want %d", len(got), i)
	}
	// Other frames are passed through.
	if r := tool("", "decompress", "-C", coapRules, coapPcap, "-w", again, "--dir", "up"); r.code != exitDone || !strings.Contains(r.stderr, "0 restored, 208 passed") {
		t.Errorf("plain: %+v", r)
	}
}

// Packet mode answers each line at once.
func TestHexInteractive(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan int)
	go func() {
		code := run([]string{"compress", "--hex", "-C", "testdata/rules/pass.json"}, &env{inR, outW, io.Discard})
		outW.Close()
		done <- code
	}()
	line := strings.SplitN(hexLines, "\n", 2)[0]
	buf := make([]byte, 100)
	for range 3 {
		io.WriteString(inW, line+"\n"+line[:10]) // and a part of the next
		if n, err := outR.Read(buf); err != nil || string(buf[:n]) != "05610100010170 56 0/3\n" {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
		io.WriteString(inW, line[10:]+"\n")
		if n, err := outR.Read(buf); err != nil || string(buf[:n]) != "05610100010170 56 0/3\n" {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
	}
	inW.Close()
	if n, err := outR.Read(buf); err != io.EOF {
		t.Errorf("read %q, %v at the end", buf[:n], err)
	}
	if code := <-done; code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestHexLong(t *testing.T) {
	skipRace(t)
	long := "60" + strings.Repeat("00", 3<<20)
	r := tool(long+"\r\n"+strings.Repeat("0", maxLine+10)+"\n60\n"+strings.Repeat("0", maxLine+10), "compress", "--hex", "-C", "testdata/rules/wide.json")
	lines := strings.Split(r.stdout, "\n")
	if r.code != exitFailed || len(lines) != 5 || !strings.HasSuffix(lines[0], " 25165836 15/4") ||
		!strings.HasPrefix(lines[1], "error: malformed: a line of more than") || lines[2] != "f600 12 15/4" || lines[3] != lines[1] {
		for _, l := range lines {
			t.Errorf("%d bytes: %.80s ... %s", len(l), l, l[max(0, len(l)-30):])
		}
	}
	// The inverse.
	if back := tool(lines[0]+"\n", "decompress", "--hex", "-C", "testdata/rules/wide.json"); back.stdout != long+" 15/4\n" {
		t.Errorf("decompress gives %d bytes", len(back.stdout))
	}
}

// Packet mode and captures agree.
func TestHexCapture(t *testing.T) {
	list, _, _ := readCapture(t, coapPcap)
	var in strings.Builder
	for _, p := range list {
		in.WriteString(hexText(p.data[14:]) + "\n")
	}
	up := tool(in.String(), "compress", "--hex", "-C", coapRules, "--dir", "up")
	back := tool(up.stdout, "decompress", "--hex", "-C", coapRules, "--dir", "up")
	want := strings.Split(in.String(), "\n")
	for i, line := range strings.Split(back.stdout, "\n") {
		if word, _, _ := strings.Cut(line, " "); word != want[i] {
			t.Fatalf("line %d: %s, want %s", i+1, word, want[i])
		}
	}
	// What decompress prints can be compressed again.
	if again := tool(back.stdout, "compress", "--hex", "-C", coapRules, "--dir", "up"); again != up {
		t.Error("compress of decompress of compress differs")
	}
}
