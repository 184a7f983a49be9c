package deflate

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"
)

// TestPython: zlib restores what is compressed here, and what zlib compresses is
// restored here, with and without the dictionary.
func TestPython(t *testing.T) {
	const script = `
import sys, zlib
dic = bytes.fromhex(sys.stdin.readline())
for line in sys.stdin:
    use, payload, code = line.rstrip("\n").split(" ")
    payload, code = bytes.fromhex(payload), bytes.fromhex(code)
    d = zlib.decompressobj(-15, zdict=dic) if use == "1" else zlib.decompressobj(-15)
    good = d.decompress(code) == payload and d.eof and d.unused_data == b""
    c = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, dic) if use == "1" else zlib.compressobj(9, zlib.DEFLATED, -15)
    print(int(good), (c.compress(payload) + c.flush()).hex())
`
	python := ""
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import zlib").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		t.Skip("python3 with zlib is not installed")
	}
	list := samples(t)
	var in strings.Builder
	fmt.Fprintf(&in, "%x\n", Dict(1))
	codecs := both(t)
	for i, c := range codecs {
		for _, p := range list {
			code, err := c.AppendCompress(nil, p, math.MaxInt)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&in, "%d %x %x\n", i, p, code)
		}
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2*len(list) {
		t.Fatalf("%d lines, want %d", len(lines), 2*len(list))
	}
	for i, l := range lines {
		c, p := codecs[i/len(list)], list[i%len(list)]
		good, text, _ := strings.Cut(l, " ")
		code, err := hex.DecodeString(text)
		if err != nil || good != "1" {
			t.Errorf("%v: zlib does not restore %.100x, %v", c.Transform(), p, err)
		}
		if back, err := c.AppendDecompress(nil, code, len(p)); err != nil || !bytes.Equal(back, p) {
			t.Errorf("%v: AppendDecompress(%.200x) = %.100x, %v, want %.100x", c.Transform(), code, back, err, p)
		}
	}
}
