package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

func hexText(s string) string { return hex.EncodeToString([]byte(s)) }

// writePcap writes a classic capture.
func writePcap(t testing.TB, path string, link pcapio.LinkType, list []record) {
	var b bytes.Buffer
	w, err := pcapio.NewPcapWriter(&b, pcapio.Format{SnapLen: 65535})
	if err != nil {
		t.Fatal(err)
	}
	w.AddInterface(pcapio.Interface{LinkType: link, Resolution: pcapio.Micro})
	for _, r := range list {
		p := pcapio.Packet{Data: []byte(r.data), OrigLen: r.orig, Ticks: uint64(r.sec)*1e6 + uint64(r.nsec)/1e3}
		if err := w.WritePacket(0, &p); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func loadContext(t testing.TB, path string, opts schc.Options) *schc.Context {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := rulefile.Load(data, path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := schc.NewContext(f.Sets[0].Rules, opts)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// seeds are the packets of our captures, from the IP header on.
func seeds(t testing.TB) [][]byte {
	var list [][]byte
	for _, path := range []string{coapPcap, mixedPcap} {
		r, err := pcapio.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var p pcapio.Packet
		for r.Next(&p) == nil {
			if loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data); ok {
				list = append(list, bytes.Clone(p.Data[loc.Off:loc.Off+loc.Len]))
			}
		}
		r.Close()
	}
	return list
}

// mutate changes a few bytes of a packet, or its length.
func mutate(rnd *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	for range rnd.IntN(3) {
		if len(p) > 0 {
			p[rnd.IntN(len(p))] = byte(rnd.Uint32())
		}
	}
	switch rnd.IntN(6) {
	case 0:
		p = p[:rnd.IntN(len(p)+1)]
	case 1:
		p = append(p, make([]byte, rnd.IntN(20))...)
	}
	return p
}

// frame puts a link header in front of a packet, which it often fits.
func frame(rnd *rand.Rand, link pcapio.LinkType, p []byte) []byte {
	version := uint8(6)
	if len(p) > 0 && p[0]>>4 == 4 {
		version = 4
	}
	etherType := pcapio.EtherTypeOf(version)
	switch rnd.IntN(12) {
	case 0:
		etherType = defaultEtherType
	case 1:
		etherType = uint16(rnd.Uint32())
	}
	var b []byte
	switch link {
	case pcapio.LinkTypeEthernet:
		b = append(b, "\x00\x00\x5e\x00\x53\x01\x00\x00\x5e\x00\x53\x02"...)
		for rnd.IntN(3) == 0 {
			b = append(b, 0x81, 0, 0, byte(rnd.Uint32()))
		}
		b = binary.BigEndian.AppendUint16(b, etherType)
	case pcapio.LinkTypeSLL:
		b = append(b, 0, byte(rnd.IntN(5)), 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0)
		b = binary.BigEndian.AppendUint16(b, etherType)
	case pcapio.LinkTypeSLL2:
		b = binary.BigEndian.AppendUint16(b, etherType)
		b = append(b, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0)
	case pcapio.LinkTypeNull, pcapio.LinkTypeLoop:
		family := []uint32{2, 2, 10, 24, 28, 30, 7}[rnd.IntN(7)]
		if rnd.IntN(2) == 0 {
			b = binary.BigEndian.AppendUint32(b, family)
		} else {
			b = binary.LittleEndian.AppendUint32(b, family)
		}
	}
	return append(b, p...)
}

// randomCapture writes a capture of random packets on random interfaces.
func randomCapture(t testing.TB, rnd *rand.Rand, packets [][]byte) []byte {
	links := []pcapio.LinkType{pcapio.LinkTypeEthernet, pcapio.LinkTypeSLL, pcapio.LinkTypeSLL2, pcapio.LinkTypeNull, pcapio.LinkTypeLoop,
		pcapio.LinkTypeRaw, pcapio.LinkTypeRaw12, pcapio.LinkTypeIPv4, pcapio.LinkTypeIPv6, pcapio.LinkTypeUser0, 195}
	format := pcapio.Format{NG: rnd.IntN(2) == 0, Nano: rnd.IntN(2) == 0, BigEndian: rnd.IntN(2) == 0, SnapLen: rnd.Uint32N(1 << 18)}
	var b bytes.Buffer
	w, err := pcapio.NewWriter(&b, format, "test")
	if err != nil {
		t.Fatal(err)
	}
	var ifaces []pcapio.Interface
	for range 1 + rnd.IntN(3) {
		f := pcapio.Interface{LinkType: links[rnd.IntN(len(links))], SnapLen: format.SnapLen, Resolution: pcapio.Micro}
		if format.NG {
			f.Resolution = pcapio.Resolution(rnd.IntN(13))
			f.Name = []string{"", "eth0", "schc up"}[rnd.IntN(3)]
			f.Description = []string{"", "a \"b\" \n c", "schckit role=up iface=0"}[rnd.IntN(3)]
			f.TimeOffset = int64(rnd.IntN(3)) * 1000
		} else if format.Nano {
			f.Resolution = pcapio.Nano
		}
		if _, err := w.AddInterface(f); err != nil {
			t.Fatal(err)
		}
		ifaces = append(ifaces, f)
		if !format.NG {
			break
		}
	}
	for range rnd.IntN(60) {
		i := rnd.IntN(len(ifaces))
		data := frame(rnd, ifaces[i].LinkType, mutate(rnd, packets[rnd.IntN(len(packets))]))
		p := pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Interface: &ifaces[i], Ticks: uint64(rnd.Uint32()) * 1000}
		switch rnd.IntN(12) {
		case 0:
			p.OrigLen += rnd.Uint32N(100)
		case 1:
			p.OrigLen -= min(p.OrigLen, rnd.Uint32N(4))
		}
		if format.NG && rnd.IntN(4) == 0 {
			p.Flags, p.HasFlags = rnd.Uint32N(4), true
		}
		if err := w.WritePacket(i, &p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Random captures of any kind come back packet for packet, and verify finds no
// fault.
func TestRandomCaptures(t *testing.T) {
	n := 300
	if testing.Short() || raceEnabled {
		n = 30
	}
	packets := seeds(t)
	dir := t.TempDir()
	in, small, again := filepath.Join(dir, "in"), filepath.Join(dir, "small"), filepath.Join(dir, "again")
	rules := []string{coapRules, mixedRules, "testdata/rules/pass.json", "testdata/rules/wide.json"}
	for seed := range n {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		if err := os.WriteFile(in, randomCapture(t, rnd, packets), 0o644); err != nil {
			t.Fatal(err)
		}
		c := rules[rnd.IntN(len(rules))]
		extra := [][]string{nil, {"--dir", "up"}, {"--dir", "down"}, {"--dev", "2001:db8:1::/64", "--dev", "192.0.2.2"}, {"--first-match"}, {"--lossless"}}[rnd.IntN(6)]
		if r := tool("", append([]string{"compress", "-C", c, "-r", in, "-w", small}, extra...)...); r.code != exitDone {
			t.Fatalf("seed %d: %+v", seed, r)
		}
		if r := tool("", "decompress", "-C", c, "-r", small, "-w", again); r.code != exitDone {
			t.Fatalf("seed %d: %+v", seed, r)
		}
		want, format, _ := readCapture(t, in)
		got, gotFormat, _ := readCapture(t, again)
		if len(got) != len(want) || format.NG != gotFormat.NG {
			t.Fatalf("seed %d: %d packets (%v), want %d (%v)", seed, len(got), gotFormat, len(want), format)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("seed %d: packet %d is %+v, want %+v", seed, i+1, got[i], want[i])
			}
		}
		if !format.NG && !bytes.Equal(mustRead(t, in), mustRead(t, again)) {
			t.Fatalf("seed %d: the file differs", seed)
		}
		if r := tool("", append([]string{"verify", "-C", c, "-r", in}, extra...)...); r.code != exitDone {
			t.Fatalf("seed %d: verify: %+v", seed, r)
		}
	}
}

// The direction that auto finds is the best of both, with and without the screen.
func TestBoth(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	packets := seeds(t)
	screened := 0
	for _, path := range []string{coapRules, mixedRules, "testdata/rules/pass.json", "testdata/rules/lossy.json", "testdata/rules/wide.json"} {
		for _, opts := range []schc.Options{{}, {FirstMatch: true}, {Lossless: true}} {
			ctx := loadContext(t, path, opts)
			fr := newFramer(ctx, schc.Inputs{}, direction{})
			fr.first = opts.FirstMatch
			for range 5000 {
				pkt := mutate(rnd, packets[rnd.IntN(len(packets))])
				if len(pkt) == 0 {
					continue
				}
				p := pcapio.Packet{Data: pkt, OrigLen: uint32(len(pkt)), Interface: &pcapio.Interface{LinkType: pcapio.LinkTypeRaw}}
				why := fr.compress(&p)
				if why != report.Done && why != report.NoRule {
					continue
				}
				if !fr.screen.may(0, pkt[:fr.loc.Len], fr.loc.Version) || !fr.screen.may(1, pkt[:fr.loc.Len], fr.loc.Version) {
					screened++
				}
				dir, res, ok := slowBoth(ctx, pkt[:fr.loc.Len], opts.FirstMatch)
				if ok != (why == report.Done) || ok && (dir != fr.dir || res != fr.res) {
					t.Fatalf("%s %+v: %x: %v %+v, want %v %+v", path, opts, pkt, fr.dir, fr.res, dir, res)
				}
			}
		}
	}
	if screened == 0 {
		t.Error("nothing was screened")
	}
}

// slowBoth says the same as the CONTRACT of auto: lossless before lossy, a
// no-compression Rule last, fewest bits, up.
func slowBoth(ctx *schc.Context, pkt []byte, first bool) (dir schc.Direction, best schc.Result, ok bool) {
	for _, d := range []schc.Direction{schc.DirUp, schc.DirDown} {
		var c schc.Compressor
		c.Reset(ctx)
		if _, _, err := c.AppendCompress(nil, pkt, d); err != nil {
			continue
		}
		r := c.Last()
		key := func(r schc.Result) [3]int {
			k := [3]int{0, 0, r.Bits}
			if r.Nature == schc.NatureNoCompression {
				k[0] = 1
			}
			if first {
				k[2] = r.Rule
			} else if r.Lossy {
				k[1] = 1
			}
			return k
		}
		a, b := key(r), key(best)
		less := false
		for i := range a {
			if a[i] != b[i] {
				less = a[i] < b[i]
				break
			}
		}
		if !ok || less {
			dir, best, ok = d, r, true
		}
	}
	return dir, best, ok
}

// Nothing is allocated per packet.
func TestAllocs(t *testing.T) {
	ctx := loadContext(t, coapRules, schc.Options{})
	rec := report.NewRecorder(ctx.Rules(), nil)
	j := &job{fr: newFramer(ctx, schc.Inputs{}, direction{}), rec: rec}
	j.fr.etherType = defaultEtherType
	v := &verifier{job: j, rs: newRestorer(ctx, schc.Inputs{})}
	pkt := seeds(t)[0]
	data := append([]byte("\x00\x00\x5e\x00\x53\x01\x00\x00\x5e\x00\x53\x02\x86\xdd"), pkt...)
	p := pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Interface: &pcapio.Interface{LinkType: pcapio.LinkTypeEthernet}}
	w := pcapio.NewNgWriter(io.Discard, "")
	w.AddInterface(*p.Interface)
	n := testing.AllocsPerRun(1000, func() {
		if why := j.step(&p); why != report.Done {
			panic(fmt.Sprint("not compressed: ", why))
		}
		v.check(1, &p)
		q := p
		q.Data = j.fr.frame
		if err := w.WritePacket(0, &q); err != nil {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocs per packet, want 0", n)
	}
	if s := rec.Summary(nil, true, false); *s.Mismatched != 0 {
		t.Errorf("%d mismatched", *s.Mismatched)
	}
}

// One operation is one packet, from file to file. The capture has packets of at
// most 100 bytes.
func BenchmarkFile(b *testing.B) {
	var list []record
	for _, p := range seeds(b) {
		if len(p) <= 100 && p[0]>>4 == 6 && len(list) < 150 {
			data := "\x00\x00\x5e\x00\x53\x01\x00\x00\x5e\x00\x53\x02\x86\xdd" + string(p)
			list = append(list, record{data: data, orig: uint32(len(data))})
		}
	}
	n := 200_000
	many := make([]record, n)
	for i := range many {
		many[i] = list[i%len(list)]
		many[i].sec = int64(i)
	}
	dir := b.TempDir()
	in, small, again := filepath.Join(dir, "in.pcap"), filepath.Join(dir, "small.pcapng"), filepath.Join(dir, "again.pcap")
	writePcap(b, in, pcapio.LinkTypeEthernet, many)
	for _, args := range [][]string{
		{"compress", "-q", "-C", coapRules, "-r", in, "-w", small},
		{"compress", "-q", "-C", coapRules, "-r", in, "-w", small, "--dev", "2001:db8:1::/64"},
		{"decompress", "-q", "-C", coapRules, "-r", small, "-w", again},
		{"verify", "-q", "-C", coapRules, "-r", in, "-f", "jsonl"},
	} {
		name := args[0]
		if len(args) > 8 {
			name += "-dev"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for done := 0; done < b.N; done += n {
				if r := tool("", args...); r.code != exitDone {
					b.Fatal(r)
				}
			}
		})
	}
}
