package lowpan

import (
	"testing"
)

// checkExplain wants the parts of a frame payload to add up.
func checkExplain(t testing.TB, frame []byte, link Link, tab *Table, opts Options, in int) []Part {
	t.Helper()
	parts, err := Explain(frame, link, tab, opts)
	if err != nil {
		t.Fatalf("Explain(%x): %v", frame, err)
	}
	at, sum := 0, 0
	for _, p := range parts {
		if int(p.OffBits) != at || p.Name == "" || p.Form == "" {
			t.Fatalf("Explain(%x): %+v, want offset %d", frame, p, at)
		}
		at += int(p.LenBits)
		sum += int(p.InBits)
	}
	if at != len(frame)*8 || sum != in*8 {
		t.Fatalf("Explain(%x): %d of %d bits, %d of %d bits of the packet", frame, at, len(frame)*8, sum, in*8)
	}
	return parts
}

func TestExplainRandom(t *testing.T) {
	const seed = 77
	ghc := newGHC()
	for s := int64(seed); s < seed+60; s++ {
		g := newGen(s)
		for i := 0; i < 20; i++ {
			pkt := g.packet(2)
			opts := Options{ElideChecksum: i&1 != 0, LinkIID: i&2 != 0}
			if i&4 != 0 {
				opts.GHC = ghc
			}
			frame, err := AppendCompress(nil, pkt, g.link, g.tab, opts)
			if err != nil {
				t.Fatal(err)
			}
			checkExplain(t, frame, g.link, g.tab, opts, len(pkt))
			if len(pkt) <= MaxDatagram {
				all := frames(t, pkt, g.link, g.tab, opts, 1, MinMTU+g.Intn(80))
				rest := len(pkt)
				for k := len(all) - 1; k > 0; k-- {
					checkExplain(t, all[k], g.link, g.tab, opts, len(all[k])-fragNLen)
					rest -= len(all[k]) - fragNLen
				}
				checkExplain(t, all[0], g.link, g.tab, opts, rest)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	frame := mustHex(t, "b300010002 5007 f1 830505 7e33 f7 1e 0102")
	parts := checkExplain(t, frame, Link{}, nil, Options{}, 50)
	for _, want := range []Part{
		{"mesh", "mesh addressing header", 0, 40, 0},
		{"broadcast", "sequence number", 40, 16, 0},
		{"page", "page switch", 56, 8, 0},
		{"6lorh", "RPL packet information", 64, 24, 0},
		{"iphc.tf", "11", 91, 2, 0},
		{"ipv6.src", "elided: fe80::/64, IID of the link", 104, 0, 128},
		{"udp.src-port", "f0bX", 112, 4, 16},
		{"udp.checksum", "elided: computed", 120, 0, 16},
		{"payload", "as it is", 120, 16, 16},
	} {
		found := false
		for _, p := range parts {
			found = found || p == want
		}
		if !found {
			t.Errorf("no %+v in %+v", want, parts)
		}
	}
	for _, hex := range []string{"44010203", "40010203", "00", "f1a20901028001aaaa 81 0111112222 a1063f 44"} {
		checkExplain(t, mustHex(t, hex), Link{}, nil, Options{}, 0)
	}
	for _, v := range []struct {
		hex string
		err error
	}{{"", ErrTruncated}, {"7a33", ErrTruncated}, {"7a333b", ErrNoContext}, {"83", ErrTruncated}} {
		if parts, err := Explain(mustHex(t, v.hex), Link{}, nil, Options{}); err != v.err {
			t.Errorf("Explain(%s) = %v, %v, want %v", v.hex, parts, err, v.err)
		}
	}
}

// What AppendDecompress refuses of an uncompressed packet Explain refuses, too.
func TestExplainRefusesUncompressed(t *testing.T) {
	long := append(mustHex(t, "4140"), make([]byte, 60)...)
	for _, frame := range [][]byte{{0x41}, {0x41, 0x60}, {0x41, 0x45}, long, append(mustHex(t, "c0300001"), long...)} {
		_, err := AppendDecompress(nil, frame, Link{}, nil, Options{})
		if e, _ := err.(Error); e == ErrIncomplete {
			err = ErrMalformed // its content is
		}
		if parts, got := Explain(frame, Link{}, nil, Options{}); got != err || err == nil {
			t.Errorf("Explain(%x) = %v, %v, want %v", frame, parts, got, err)
		}
	}
	// A first fragment may end inside the IPv6 header.
	if _, err := Explain(mustHex(t, "c0300001 41 6000000000081140"), Link{}, nil, Options{}); err != nil {
		t.Error(err)
	}
}
