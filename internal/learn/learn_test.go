package learn

import (
	"errors"
	"fmt"
	"math"
	"math/rand"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

const (
	coapPcap  = capture("../../testdata/captures/coap.pcap")
	mixedPcap = capture("../../testdata/captures/mixed.pcap")
)

// mustLearn learns and checks what must hold of every result.
func mustLearn(t *testing.T, src Source, opts Options) *Result {
	t.Helper()
	res, err := Learn(src, opts)
	if err != nil {
		t.Fatalf("Learn: %v", err)
	}
	limit := opts.MaxRules
	if limit == 0 {
		limit = DefaultMaxRules
	}
	if len(res.Rules) > limit || len(res.Rules) != len(res.Descriptions) || len(res.Rules) != res.Report.RuleCount {
		t.Errorf("%d Rules with %d descriptions, at most %d are allowed", len(res.Rules), len(res.Descriptions), limit)
	}
	if _, err := schc.NewContext(res.Rules, schc.Options{}); err != nil {
		t.Fatalf("NewContext: %v", err)
	}
	noComp := 0
	for i := range res.Rules {
		r := &res.Rules[i]
		if r.Nature == schc.NatureNoCompression {
			noComp++
		}
		if opts.IDBits > 0 && int(r.ID.Bits) != opts.IDBits || r.ID.Bits > 16 {
			t.Errorf("RuleID %v", r.ID)
		}
		for j := range r.Fields {
			if f := &r.Fields[j]; f.CDA == schc.CDANotSent && f.MO != schc.MOEqual {
				t.Errorf("Rule %v: %v loses bits", r.ID, f.FID)
			}
		}
	}
	if want := map[bool]int{false: 1, true: 0}[opts.NoDefault]; noComp != want {
		t.Errorf("%d no-compression Rules", noComp)
	}
	// What is written can be read again.
	data, err := rulefile.Save(&rulefile.File{Sets: []rulefile.Set{{Rules: res.Rules, Descriptions: res.Descriptions}}})
	if err != nil {
		t.Fatalf("Save: %v", err)
	}
	if f, err := rulefile.Load(data, ""); err != nil {
		t.Fatalf("Load: %v", err)
	} else if !rulefile.Equal(f, &rulefile.File{Sets: []rulefile.Set{{Rules: res.Rules}}}) {
		t.Error("saving and loading changes the Rules")
	}
	sum(t, res.Report)
	return res
}

// sum checks that the parts of a report add up.
func sum(t *testing.T, r *Report) {
	t.Helper()
	if r.Held.Packets+r.Train.Packets != r.All.Packets || r.All.Packets+r.NoDirection != r.Packets ||
		r.Learned != r.Train.Packets || r.HeldOut != r.Held.Packets || r.Sampled > r.Learned ||
		r.Held.OutBytes+r.Train.OutBytes != r.All.OutBytes {
		t.Errorf("packets do not add up: %+v", r)
	}
	n := 0
	for _, x := range r.PerRule {
		n += x.Up + x.Down
	}
	if n+r.All.NoRule != r.All.Packets {
		t.Errorf("%d packets in the Rules, %d in all", n, r.All.Packets)
	}
}

// hand returns the figures of a set of Rules made by hand.
func hand(t *testing.T, src Source, file string, devices []netip.Prefix, holdOut float64) (*Report, int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := rulefile.Load(data, file)
	if err != nil {
		t.Fatal(err)
	}
	set, err := f.Set("")
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{Options: Options{HoldOut: holdOut, Devices: devices}, src: src}
	if err := l.check(); err != nil {
		t.Fatal(err)
	}
	if err := l.scan(); err != nil {
		t.Fatal(err)
	}
	l.report = &Report{}
	if err := l.measure(&Result{Rules: set.Rules, Descriptions: make([]string, len(set.Rules))}); err != nil {
		t.Fatal(err)
	}
	return l.report, len(set.Rules)
}

// The project's captures: bounds on what learning gives, never more Rules than
// are allowed, more Rules are better, and better than by hand.
func TestCaptures(t *testing.T) {
	for _, c := range []struct {
		src       capture
		rules     string
		max       int // Rules of the set made by hand
		all, held map[int]float64
	}{
		{coapPcap, "../../testdata/rules/coap.json", 21,
			map[int]float64{4: 120, 8: 90, 16: 75, 64: 72}, map[int]float64{4: 145, 8: 142, 16: 128, 64: 120}},
		{mixedPcap, "../../testdata/rules/mixed.json", 13,
			map[int]float64{4: 205, 8: 140, 16: 125, 64: 95}, map[int]float64{4: 190, 8: 175, 16: 175, 64: 150}},
	} {
		t.Run(string(c.src), func(t *testing.T) {
			last, lastHeld := math.Inf(1), math.Inf(1)
			sizes := []int{4, 8, 16, 64}
			if slow() {
				sizes = sizes[2:3]
			}
			for _, n := range sizes {
				r := mustLearn(t, c.src, Options{HoldOut: 0.2, MaxRules: n}).Report
				t.Logf("%2d of %2d Rules: held out %.1f, all %.1f bits per packet, %d -> %d bytes", r.RuleCount, n, r.Held.HeaderBits, r.All.HeaderBits, r.All.InBytes, r.All.OutBytes)
				if r.Held.HeaderBits > c.held[n] || r.All.HeaderBits > c.all[n] {
					t.Errorf("%d Rules: %.1f bits per packet held out, %.1f of all; want at most %v and %v", n, r.Held.HeaderBits, r.All.HeaderBits, c.held[n], c.all[n])
				}
				if r.Held.RuleBits > 80 || n >= 16 && c.src == coapPcap && r.All.HeaderBits > 80 {
					t.Errorf("%d Rules: RuleID and residue have %.1f bits per packet held out", n, r.Held.RuleBits)
				}
				// Of the packets held out there are few: a little noise is allowed.
				if r.All.HeaderBits > last || r.Held.HeaderBits > lastHeld*1.02 {
					t.Errorf("%d Rules: %.1f bits per packet, held out %.1f; fewer Rules have %.1f, %.1f", n, r.All.HeaderBits, r.Held.HeaderBits, last, lastHeld)
				}
				last, lastHeld = r.All.HeaderBits, min(lastHeld, r.Held.HeaderBits)
			}
			r := mustLearn(t, c.src, Options{HoldOut: 0.2, MaxRules: c.max}).Report
			var devices []netip.Prefix
			for _, d := range r.Device {
				devices = append(devices, netip.MustParsePrefix(d+map[bool]string{true: "/128", false: "/32"}[strings.Contains(d, ":")]))
			}
			h, n := hand(t, c.src, c.rules, devices, 0.2)
			t.Logf("%d Rules by hand: held out %.1f, all %.1f bits per packet, %d bytes", n, h.Held.HeaderBits, h.All.HeaderBits, h.All.OutBytes)
			if n != c.max || r.RuleCount > n || r.All.OutBytes >= h.All.OutBytes || r.All.HeaderBits >= h.All.HeaderBits {
				t.Errorf("%d Rules: %d bytes, %.1f bits per packet; by hand %d Rules: %d bytes, %.1f bits", r.RuleCount, r.All.OutBytes, r.All.HeaderBits, n, h.All.OutBytes, h.All.HeaderBits)
			}
			full := mustLearn(t, c.src, Options{MaxRules: c.max}).Report
			t.Logf("nothing held out: %d Rules, %.1f bits per packet, %d bytes", full.RuleCount, full.All.HeaderBits, full.All.OutBytes)
			if full.HeldOut != 0 || full.All.OutBytes >= h.All.OutBytes {
				t.Errorf("nothing held out: %d bytes; by hand %d", full.All.OutBytes, h.All.OutBytes)
			}
		})
	}
}

// The same input, flags and seed give the same Rules.
func TestDeterministic(t *testing.T) {
	src := random(7, 600)
	opts := Options{HoldOut: 0.2, Sample: 200, Seed: 3}
	if slow() {
		opts.MaxRules = 6
	}
	a, b := mustLearn(t, src, opts), mustLearn(t, src, opts)
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs differ")
	}
	opts.Seed = 4
	if c := mustLearn(t, src, opts); c.Report.Sampled > 200 || c.Report.Sampled < 180 || reflect.DeepEqual(a.Report.Train.FieldEntropy, c.Report.Train.FieldEntropy) {
		t.Errorf("another seed gives the same sample, of %d packets", c.Report.Sampled)
	}
}

// random returns n packets of the deployment with this seed.
func random(seed int64, n int) packets {
	tr := newTraffic(seed)
	var list packets
	for i := 0; i < n; i++ {
		list = append(list, Packet{Data: tr.next(), Nanos: int64(i) * 1e6})
	}
	return list
}

// Random traffic, with damaged packets: whatever is learned gives back every
// packet, those to come included.
func TestRandomTraffic(t *testing.T) {
	seeds := int64(16)
	if slow() {
		seeds = 5
	}
	for seed := int64(0); seed < seeds; seed++ {
		tr := newTraffic(seed)
		var list packets
		for i := 0; i < 40+int(seed)*7; i++ {
			list = append(list, Packet{Data: tr.next(), Nanos: int64(i)})
		}
		opts := Options{HoldOut: float64(seed%4) / 10, MaxRules: 2 + int(seed*5)%40, NoDefault: seed%7 == 6}
		switch seed % 3 {
		case 0:
			opts.Devices = tr.prefix()
		case 1:
			opts.Dir = schc.DirDown
		}
		if seed%5 == 4 {
			opts.IDBits = 6
		}
		res := mustLearn(t, list, opts)
		ctx, err := schc.NewContext(res.Rules, schc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var c schc.Compressor
		var d schc.Decompressor
		c.Reset(ctx)
		d.Reset(ctx)
		for i := 0; i < 200; i++ {
			p := tr.next()
			for _, dir := range []schc.Direction{schc.DirUp, schc.DirDown} {
				small, _, err := c.AppendCompress(nil, p, dir)
				if err != nil {
					if !opts.NoDefault {
						t.Fatalf("seed %d: AppendCompress(%x): %v", seed, p, err)
					}
					continue
				}
				if back, _, err := d.AppendDecompress(nil, small, dir); err != nil || string(back) != string(p) {
					t.Fatalf("seed %d: %x comes back as %x, %v", seed, p, back, err)
				}
			}
		}
	}
}

// mustCollect does what Learn does before it fits Rules.
func mustCollect(t *testing.T, l *learner) *table {
	t.Helper()
	if err := l.check(); err != nil {
		t.Fatal(err)
	}
	if err := l.scan(); err != nil {
		t.Fatal(err)
	}
	tb, err := l.collect()
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// The fast model and the engine agree on the bits of every packet.
func TestModel(t *testing.T) {
	for _, src := range []Source{coapPcap, mixedPcap, random(1, 400), random(2, 400), random(5, 400)} {
		l := &learner{Options: Options{MaxRules: 24}, src: src}
		tb := mustCollect(t, l)
		p := defaults
		p.rules = 23
		f := newFitter(tb, tb.rows, p, 0, splitRows)
		z := f.fit()
		var rules []schc.Rule
		for i := range z.rules {
			rules = append(rules, f.export(&z.rules[i]))
		}
		rules = append(rules, schc.Rule{ID: z.none, Nature: schc.NatureNoCompression})
		ctx, err := schc.NewContext(rules, schc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var c schc.Compressor
		c.Reset(ctx)
		id := func(s *side) float64 { return float64(z.rules[s.id].id.Bits) }
		i := 0
		err = l.each(func(p *Packet, dir int, _ bool) error {
			r := fitRow{row: &tb.rows[i], dir: dir}
			i++
			if _, _, err := c.AppendCompress(nil, p.Data, dirOf(dir)); err != nil {
				return err
			}
			last := c.Last()
			got := last.Bits - (len(p.Data)*8 - int(r.bits))
			want := float64(r.bits) + float64(z.none.Bits)
			if s, n := f.choose(z, &r, id); s != nil {
				want = n
			}
			// The engine takes a Rule where there is one, even if none is shorter.
			if last.Nature == schc.NatureNoCompression && float64(got) != want || float64(got) > want {
				t.Errorf("packet %d: %d bits under %v, the model says %v", i, got, last.ID, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// udp makes an IPv6/UDP packet to port 5000 with a right checksum.
func udp(port uint16, payload ...byte) []byte {
	p := append([]byte{0x60, 0, 0, 0, 0, byte(8 + len(payload)), 17, 64},
		"\x20\x01\x0d\xb8\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x20\x01\x0d\xb8\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"...)
	u := append([]byte{byte(port >> 8), byte(port), 5000 >> 8, 5000 & 255, 0, byte(8 + len(payload)), 0, 0}, payload...)
	s := ^onesSum(u, uint32(17+len(u))+uint32(onesSum(p[8:40], 0)))
	u[6], u[7] = byte(s>>8), byte(s)
	return append(p, u...)
}

func find(t *testing.T, res *Result, fid schc.FID) *schc.FieldDescriptor {
	t.Helper()
	for i := range res.Rules[0].Fields {
		if f := &res.Rules[0].Fields[i]; f.FID == fid {
			return f
		}
	}
	t.Fatalf("Rule %v has no %v", res.Rules[0].ID, fid)
	return nil
}

// How a field is described follows from what it costs.
func TestActions(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for _, c := range []struct {
		name string
		port func(i int) uint16
		want string
	}{
		{"constant", func(int) uint16 { return 4000 }, "mo-equal/cda-not-sent/1"},
		{"four values in turn", func(i int) uint16 { return uint16(1000 + i%4*13001) }, "mo-match-mapping/cda-mapping-sent/4"},
		{"near values", func(i int) uint16 { return 0x8000 + uint16(rng.Intn(4096)) }, "mo-msb/cda-lsb/1"},
		{"a hundred values seen once", func(i int) uint16 { return uint16(rng.Intn(1 << 16)) }, "mo-ignore/cda-value-sent/0"},
	} {
		var list packets
		for i := 0; i < 100; i++ {
			list = append(list, Packet{Data: udp(c.port(i), byte(i)), Nanos: int64(i)})
		}
		res := mustLearn(t, list, Options{MaxRules: 3, Dir: schc.DirUp})
		f := find(t, res, schc.FIDUDPDevPort)
		if got := fmt.Sprintf("%v/%v/%d", f.MO, f.CDA, len(f.TV)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		for _, fid := range []schc.FID{schc.FIDIPv6PayloadLength, schc.FIDUDPLength, schc.FIDUDPChecksum} {
			if f := find(t, res, fid); f.CDA != schc.CDACompute {
				t.Errorf("%s: %v: %v", c.name, fid, f.CDA)
			}
		}
	}
}

// A checksum that is wrong now and then is not computed for these packets.
func TestComputeOnlyWhatVerifies(t *testing.T) {
	var list packets
	for i := 0; i < 60; i++ {
		p := udp(4000, byte(i))
		p[46] ^= 0x55
		list = append(list, Packet{Data: p, Nanos: int64(i)})
	}
	res := mustLearn(t, list, Options{MaxRules: 2, Dir: schc.DirUp})
	if f := find(t, res, schc.FIDUDPChecksum); f.CDA == schc.CDACompute {
		t.Error("wrong checksums are computed")
	}
	if f := find(t, res, schc.FIDUDPLength); f.CDA != schc.CDACompute {
		t.Error("right lengths are not computed")
	}
}

// One Rule serves both directions of a request and its answer.
func TestBothDirections(t *testing.T) {
	res := mustLearn(t, coapPcap, Options{MaxRules: 16})
	both := false
	for i := range res.Rules {
		up, down := 0, 0
		for _, f := range res.Rules[i].Fields {
			if f.FID == schc.FIDCoAPCode {
				if f.DI == schc.DirUp {
					up++
				} else if f.DI == schc.DirDown {
					down++
				}
			}
		}
		both = both || up == 1 && down == 1
	}
	if !both {
		t.Error("no Rule has different codes up and down")
	}
}

// Where there are more groups than merging can work with, the rarest become one
// of their own shape first, so that their CoAP headers are still described.
func TestManyGroups(t *testing.T) {
	l := &learner{src: coapPcap}
	tb := mustCollect(t, l)
	f := newFitter(tb, tb.rows, defaults, 0, splitRows)
	byShape := map[int32][]int32{}
	var list []*group
	for i := range f.rows {
		if r := &f.rows[i]; r.dir == up {
			byShape[r.shape] = append(byShape[r.shape], int32(i))
		}
	}
	rows := 0
	for shape := range int32(len(tb.shapes)) {
		for n := 0; len(byShape[shape]) > 0 && n < 20; n++ {
			g := &group{rows: byShape[shape]}
			f.build(g, g.rows, int(shape), len(tb.shapes[shape].layers), 1, nil)
			f.price(g, up)
			list = append(list, g)
			rows += len(g.rows)
		}
	}
	for _, most := range []int{maxGroups, maxGroups / 2} {
		f.split = splitRows
		if most < maxGroups {
			f.split = splitRows / 4
		}
		out := f.coarse(slices.Clone(list), up)
		left, deep := 0, 0
		for _, g := range out {
			left += len(g.rows)
			if g.depth == len(tb.shapes[g.shape].layers) {
				deep += len(g.rows)
			}
			if g.w != int64(len(g.rows))*weight || len(g.actions) != len(g.hists) {
				t.Errorf("a group of %d rows, of weight %d, with %d actions for %d columns", len(g.rows), g.w, len(g.actions), len(g.hists))
			}
		}
		if len(list) <= most || len(out) > most || left != rows || deep != rows {
			t.Errorf("%d groups of %d shapes, %d rows, become %d with %d rows, at most %d; %d rows are described whole", len(list), len(byShape), rows, len(out), left, most, deep)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{HoldOut: -0.1}, {HoldOut: 0.95}, {HoldOut: math.NaN()}, {MaxRules: 1}, {MaxRules: -1}, {MaxRules: 5000},
		{IDBits: 17}, {IDBits: -1}, {IDBits: 3, MaxRules: 9}, {Sample: -1}, {Sample: maxSample + 1}} {
		if _, err := Learn(coapPcap, o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := Learn(packets{}, Options{}); !errors.Is(err, ErrNoPackets) {
		t.Errorf("no packets: %v", err)
	}
	if _, err := Learn(packets{{Data: udp(1)}}, Options{Devices: []netip.Prefix{netip.MustParsePrefix("fd00::/8")}}); !errors.Is(err, ErrNoPackets) {
		t.Errorf("no packets of the device: %v", err)
	}
	bad := errors.New("reading failed")
	if _, err := Learn(failing{bad}, Options{}); err != bad {
		t.Errorf("a failing source: %v", err)
	}
	if r := mustLearn(t, coapPcap, Options{IDBits: 3}); len(r.Rules) > 8 {
		t.Errorf("%d Rules with RuleIDs of 3 bits", len(r.Rules))
	}
}

type failing struct{ err error }

func (f failing) Each(func(*Packet) error) error { return f.err }

// Held out are the last packets by time, whatever their order.
func TestHoldOut(t *testing.T) {
	ordered := random(11, 500)
	l := &learner{Options: Options{HoldOut: 0.2, Dir: schc.DirUp}, src: ordered}
	shuffled := slices.Clone(ordered)
	rand.New(rand.NewSource(1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	k := &learner{Options: l.Options, src: shuffled}
	for _, x := range []*learner{l, k} {
		if err := x.scan(); err != nil {
			t.Fatal(err)
		}
		if err := x.each(func(p *Packet, _ int, held bool) error {
			if want := p.Nanos >= 400*1e6; held != want {
				t.Errorf("time %d: held out %t", p.Nanos, held)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGuess(t *testing.T) {
	device := netip.MustParseAddr("2001:db8:1::2")
	for _, c := range []struct {
		name string
		src  Source
		want []string
		why  string
	}{
		{"two hosts", coapPcap, []string{"2001:db8:1::2"}, "in 26 of 26 flows, 1 peers"},
		{"two hosts with several addresses", mixedPcap, []string{"2001:db8:1::2", "192.0.2.2", "fe80::200:5eff:fe00:5302"}, ""},
		{"a host and itself", packets{{Data: loop(1, 2)}, {Data: loop(2, 1)}, {Data: loop(3, 2)}}, []string{"2001:db8:1::2"}, "in 2 of 2 flows, 1 peers"},
		{"one device, many servers", star(device, true), []string{device.String()}, "in 50 of 50 flows, 50 peers"},
	} {
		l := &learner{src: c.src}
		if err := l.scan(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range l.Devices {
			got = append(got, n.Addr().String())
		}
		if !slices.Equal(got, c.want) || l.guessed == "" || c.why != "" && l.guessed != c.why {
			t.Errorf("%s: %v (%s), want %v (%s)", c.name, got, l.guessed, c.want, c.why)
		}
	}
}

// loop makes a packet of a host to itself, from port a to port b.
func loop(a, b uint16) []byte {
	p := udp(a)
	copy(p[24:40], p[8:24])
	p[42], p[43] = byte(b>>8), byte(b)
	return p
}

// star makes packets between hub and many others.
func star(hub netip.Addr, out bool) packets {
	var list packets
	for i := 0; i < 50; i++ {
		p := udp(uint16(i))
		copy(p[8:], hub.AsSlice())
		p[39] = byte(i)
		list = append(list, Packet{Data: p, Nanos: int64(i)})
	}
	return list
}

// Codes are prefix-free, complete, and as short as can be.
func TestCodeLengths(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for n := 1; n < 200; n += 1 + n/9 {
		w := make([]float64, n)
		for i := range w {
			w[i] = math.Floor(math.Exp(rng.Float64() * 20))
		}
		slices.Sort(w)
		slices.Reverse(w)
		for _, limit := range []int{8, 16, 60} {
			l := codeLengths(w, limit)
			kraft := 0.0
			for _, x := range l {
				kraft += math.Ldexp(1, -x)
			}
			if !slices.IsSorted(l) || n > 1 && kraft != 1 || l[n-1] > max(limit, log2(n)) {
				t.Fatalf("codeLengths(%v, %d) = %v", w, limit, l)
			}
			if limit == 60 && n > 1 {
				total, cost := 0.0, 0.0
				for i := range w {
					total += w[i]
					cost += w[i] * float64(l[i])
				}
				entropy := 0.0
				for i := range w {
					entropy += w[i] * math.Log2(total/w[i])
				}
				if cost < entropy-1e-6 || cost > entropy+total {
					t.Errorf("%d symbols: %v bits, entropy %v", n, cost, entropy)
				}
			}
		}
	}
}

// The no-compression Rule has one of the longest RuleIDs, and its sibling is
// free.
func TestRuleIDs(t *testing.T) {
	res := mustLearn(t, coapPcap, Options{MaxRules: 16})
	none := res.Rules[len(res.Rules)-1].ID
	free := schc.RuleID{Value: none.Value ^ 1, Bits: none.Bits}
	for i := range res.Rules {
		if res.Rules[i].ID.Bits > none.Bits {
			t.Errorf("RuleID %v is longer than that of the no-compression Rule, %v", res.Rules[i].ID, none)
		}
	}
	rules := append(slices.Clone(res.Rules), schc.Rule{ID: free, Nature: schc.NatureNoCompression})
	if _, err := schc.NewContext(rules, schc.Options{}); err != nil {
		t.Errorf("RuleID %v is not free: %v", free, err)
	}
}
