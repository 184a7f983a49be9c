package main

import (
	"bytes"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"github.com/schckit/schckit/schc"
)

const (
	coapRules  = "../../../testdata/rules/coap.json"
	mixedRules = "../../../testdata/rules/mixed.json"

	// An answer from the application to the device: IPv6, UDP, CoAP 2.05.
	packet = "6000000000161140" +
		"20010db800020000000000000000000120010db8000100000000000000000002" +
		"1633163500169fcf61450001aaff31323a30303a3030"
)

func TestRun(t *testing.T) {
	in := "down " + packet + "\n" +
		"down 60\n" +
		"up a05170f701\n" +
		"up 50\n" +
		"load nothing.json\n" +
		"load " + mixedRules + "\n" +
		"down " + packet + "\n"
	var out bytes.Buffer
	if err := run(coapRules, strings.NewReader(in), &out); err != nil {
		t.Fatalf("run: %v\n%s", err, out.Bytes())
	}
	lines := strings.Split(out.String(), "\n")
	want := []string{"Rule 166/8, 62 bytes to ", "Rule 255/8, 1 bytes to 2: ff60", "Rule 160/8, 5 bytes to 70: 60",
		"dropped: it is damaged", "the old Rules stay: ",
		"new Rules, fingerprint ", "Rule ", ""}
	for i := range want {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want[i]) {
			t.Fatalf("line %d of the output is not %q:\n%s", i+1, want[i], out.String())
		}
	}
}

func TestRunErrors(t *testing.T) {
	for _, c := range []struct{ rules, in string }{
		{"nothing.json", ""},
		{coapRules, "sideways 60\n"},
		{coapRules, "up 6\n"},
	} {
		var out bytes.Buffer
		if err := run(c.rules, strings.NewReader(c.in), &out); err == nil {
			t.Errorf("run(%q, %q) = nil, want an error", c.rules, c.in)
		}
	}
}

// Rules are replaced while other goroutines compress. Every packet is
// compressed whole under one Context or the other.
func TestSwap(t *testing.T) {
	p, err := hex.DecodeString(packet)
	if err != nil {
		t.Fatal(err)
	}
	g := new(gateway)
	want := map[string]string{}
	var contexts [2]*schc.Context
	for i, path := range []string{coapRules, mixedRules} {
		if err := g.load(path); err != nil {
			t.Fatal(err)
		}
		contexts[i] = g.ctx.Load()
		out, id, err := (&worker{g: g}).down(p)
		if err != nil {
			t.Fatal(err)
		}
		want[string(out)] = id.String()
	}
	if len(want) != 2 {
		t.Fatal("both Contexts compress alike: the test would prove nothing")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := &worker{g: g}
			for range 2000 {
				out, id, err := w.down(p)
				if err != nil || want[string(out)] != id.String() {
					t.Errorf("down = %x, %v, %v, which is neither Context's", out, id, err)
					return
				}
			}
		}()
	}
	for i := range 2000 {
		g.ctx.Store(contexts[i&1])
	}
	wg.Wait()
}
