package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
)

// readAll returns all complete packets of a capture in memory, or false if it is
// none.
func readAll(b []byte) (list []record, ok bool) {
	r, err := pcapio.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	var p pcapio.Packet
	for r.Next(&p) == nil {
		sec, nsec := p.Interface.Seconds(p.Ticks)
		list = append(list, record{string(p.Data), p.OrigLen, sec, nsec, p.Interface.LinkType, p.Iface, p.Flags})
	}
	return list, true
}

// Whatever is read as a capture comes back from compression, as far as it could
// be read; anything else is refused, and nothing is written.
func FuzzCapture(f *testing.F) {
	for _, path := range []string{"testdata/odd.pcap", "testdata/raw.pcap"} {
		f.Add(mustRead(f, path))
	}
	packets := seeds(f)
	for i := range 8 {
		f.Add(randomCapture(f, rand.New(rand.NewPCG(uint64(i), 9)), packets))
	}
	rules, err := filepath.Abs("testdata/rules/wide.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, ok := readAll(b)
		var small, again bytes.Buffer
		code := run([]string{"compress", "-q", "-C", rules}, &env{bytes.NewReader(b), &small, io.Discard})
		if !ok {
			if code != exitError || small.Len() > 0 {
				t.Fatalf("not a capture: exit %d, %d bytes written", code, small.Len())
			}
			return
		}
		if code == exitError {
			t.Fatalf("compress: exit %d", code)
		}
		if code = run([]string{"decompress", "-q", "-C", rules}, &env{bytes.NewReader(small.Bytes()), &again, io.Discard}); code != exitDone {
			t.Fatalf("decompress: exit %d", code)
		}
		got, _ := readAll(again.Bytes())
		if len(got) != len(want) {
			t.Fatalf("%d packets, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("packet %d is %+v, want %+v", i+1, got[i], want[i])
			}
		}
	})
}

// Any compressed capture, whatever its interfaces say, gives an exit code and no
// panic; so do lines of packet mode.
func FuzzDecompress(f *testing.F) {
	for _, path := range []string{"testdata/odd.pcap", "testdata/raw.pcap"} {
		var small bytes.Buffer
		run([]string{"compress", "-q", "-C", "testdata/rules/wide.json"}, &env{bytes.NewReader(mustRead(f, path)), &small, io.Discard})
		f.Add(small.Bytes())
	}
	f.Add([]byte("a05170f701 40 160/8\n"))
	f.Add(mustRead(f, loraJSON))
	f.Add([]byte(fragmentLines))
	rules, err := filepath.Abs("testdata/rules/wide.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, args := range []string{"decompress", "decompress --dir up", "decompress --hex", "compress --hex --dir down", "explain --hex -f jsonl",
			"frag reassemble --profile lorawan --dir up --lorawan " + loraKeys, "frag reassemble --hex --profile lorawan", "frag --hex --profile nb-iot --mtu 40",
			"frag --profile lorawan --mtu 20 --dir up"} {
			code := run(append(strings.Fields(args), "-C", rules), &env{bytes.NewReader(b), io.Discard, io.Discard})
			if code < exitDone || code > exitError {
				t.Errorf("%s: exit %d", args, code)
			}
		}
	})
}

// Any capture gives an exit code and no panic in the commands of 6LoWPAN, and what
// they compressed comes back, packet for packet.
func FuzzLowpan(f *testing.F) {
	for _, path := range []string{"testdata/odd.pcap", "testdata/raw.pcap", "testdata/lowpan/frames.pcap", "testdata/lowpan/bluetooth.pcap"} {
		f.Add(mustRead(f, path))
	}
	const key = "--key c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, args := range []string{"decompress -w - " + key, "verify --ghc --mtu 60 " + key, "explain -f jsonl " + key, "stats", "decompress --hex", "compress --hex"} {
			code := run(append([]string{"lowpan"}, strings.Fields(args)...), &env{bytes.NewReader(b), io.Discard, io.Discard})
			if code < exitDone || code > exitError {
				t.Errorf("%s: exit %d", args, code)
			}
		}
		want, ok := readAll(b)
		var small, again bytes.Buffer
		code := run([]string{"lowpan", "compress", "-q", "--ghc"}, &env{bytes.NewReader(b), &small, io.Discard})
		if !ok {
			if code != exitError || small.Len() > 0 {
				t.Fatalf("not a capture: exit %d, %d bytes written", code, small.Len())
			}
			return
		}
		if code == exitError {
			t.Fatalf("compress: exit %d", code)
		}
		if code = run([]string{"lowpan", "decompress", "-q"}, &env{bytes.NewReader(small.Bytes()), &again, io.Discard}); code != exitDone {
			t.Fatalf("decompress: exit %d", code)
		}
		got, _ := readAll(again.Bytes())
		if len(got) != len(want) {
			t.Fatalf("%d packets, want %d", len(got), len(want))
		}
		for i := range got {
			p := pcapio.Packet{Data: []byte(want[i].data), OrigLen: want[i].orig, Interface: &pcapio.Interface{LinkType: want[i].link}}
			data := want[i].data
			if loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data); ok && loc.Version == 6 && got[i].link != want[i].link {
				data = data[loc.Off : loc.Off+loc.Len] // its link layer is gone
			}
			if got[i].data != data {
				t.Fatalf("packet %d is %x, want %x", i+1, got[i].data, data)
			}
		}
	})
}
