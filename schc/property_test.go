package schc_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/schckit/schckit/schc"
)

var (
	propertySeed     = flag.Uint64("schc.seed", 0, "seed of the property tests; 0: by the clock")
	propertyTime     = flag.Duration("schc.time", 3*time.Second, "how long the property tests run; a tenth with -short")
	propertyRefusals = flag.Bool("schc.refusals", false, "list why NewContext refused Rules that match the packet they were made of")
)

// propertyRand returns a seeded source and prints the seed when the test fails.
func propertyRand(t *testing.T) *rand.Rand {
	seed := *propertySeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with: go test -run '^%s$' ./schc -schc.seed %d", t.Name(), seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// tally counts what the property test saw.
type tally struct {
	worlds, refused, refusedRules, packets, compressed, lossy, none, noComp, messages, restored, both int
	byErr                                                                                             map[Error]int
	oneWay, refusal                                                                                   map[string]int
}

// checkWorld compares the package with the slow reference on all packets of w.
func checkWorld(t *testing.T, g *gen, w *world, n *tally) {
	t.Helper()
	n.worlds++
	for _, x := range w.refusals {
		n.refusedRules++
		m := slowTry(&x.rule, x.pkt, x.dir, w.in, w.opts)
		if f := (*FieldError)(nil); errors.As(x.err, &f) && n.refusal != nil && m.why == "" && !m.lossy {
			n.refusal[f.Text]++
		}
	}
	if w.err != nil {
		n.refused++
		return
	}
	for i, pkt := range w.pkts {
		n.packets++
		spoil := spoiler(g)
		c := &checker{n: n, spoil: spoil}
		c.packet(w, pkt, w.dirs[i])
		if c.failure != "" {
			w, pkt = shrink(w, pkt, w.dirs[i], spoil)
			c = &checker{n: n, spoil: spoil}
			c.packet(w, pkt, w.dirs[i])
			t.Errorf("%s\npacket %x %v\n%v", c.failure, pkt, w.dirs[i], w)
			return
		}
	}
}

// spoiler gives the same mutations of a SCHC Packet each time.
func spoiler(g *gen) func([]byte) [][]byte {
	seed := uint64(g.intn(1 << 30))
	return func(msg []byte) (list [][]byte) {
		h := &gen{intn: rand.New(rand.NewPCG(seed, 2)).IntN}
		for range 3 {
			list = append(list, h.spoil(msg))
		}
		return list
	}
}

// shrink makes a world that fails smaller: fewer Rules, simpler fields, a
// shorter packet.
func shrink(w *world, pkt []byte, dir Direction, spoil func([]byte) [][]byte) (*world, []byte) {
	fails := func(v *world, pkt []byte) bool {
		if v.ctx, v.err = NewContext(v.rules, v.opts); v.err != nil {
			return false
		}
		c := &checker{n: &tally{byErr: map[Error]int{}}, spoil: spoil}
		c.packet(v, pkt, dir)
		return c.failure != ""
	}
	for again := true; again; {
		again = false
		try := func(v world) bool {
			if fails(&v, pkt) {
				w, again = &v, true
				return true
			}
			return false
		}
		for i := len(w.rules) - 1; i >= 0; i-- {
			v := *w
			v.rules = slices.Delete(slices.Clone(w.rules), i, i+1)
			try(v)
		}
		for i := range w.rules {
			edit := func(f func(r *Rule)) {
				v := *w
				v.rules = slices.Clone(w.rules)
				v.rules[i].Fields = slices.Clone(w.rules[i].Fields)
				f(&v.rules[i])
				try(v)
			}
			for j := len(w.rules[i].Fields) - 1; j >= 0; j-- {
				edit(func(r *Rule) { r.Fields = slices.Delete(r.Fields, j, j+1) })
			}
			for j := range w.rules[i].Fields {
				d := &w.rules[i].Fields[j]
				if d.MO != MOIgnore || d.CDA != CDAValueSent {
					edit(func(r *Rule) { f := &r.Fields[j]; f.MO, f.CDA, f.TV = MOIgnore, CDAValueSent, nil })
				}
				if d.FL != 0 && j < len(w.rules[i].Fields) {
					edit(func(r *Rule) { r.Fields[j].FL = 0 })
				}
				if d.DI != 0 {
					edit(func(r *Rule) { r.Fields[j].DI = 0 })
				}
				if len(d.TV) > 1 && d.MO == MOMatchMapping {
					for k := range d.TV {
						if k < len(w.rules[i].Fields[j].TV) {
							edit(func(r *Rule) { r.Fields[j].TV = slices.Delete(slices.Clone(r.Fields[j].TV), k, k+1) })
						}
					}
				}
			}
		}
		for _, n := range []int{64, 8, 1} {
			for len(pkt) >= n && fails(w, pkt[:len(pkt)-n]) {
				pkt, again = pkt[:len(pkt)-n], true
			}
		}
		fails(w, pkt)
	}
	return w, pkt
}

// checker compares on one packet and keeps the first difference.
type checker struct {
	failure string
	n       *tally
	spoil   func([]byte) [][]byte
}

func (k *checker) fail(format string, args ...any) {
	if k.failure == "" {
		k.failure = fmt.Sprintf(format, args...)
	}
}

func (k *checker) packet(w *world, pkt []byte, dir Direction) {
	fail, n := k.fail, k.n
	rules := w.usable(dir, n)
	if w.opts.TrustComputed {
		for i := range rules {
			right := w.opts
			right.TrustComputed = false
			if rules[i].Nature == NatureCompression && slowOnce(&rules[i], pkt, dir, w.in, w.opts).why == "" &&
				slowOnce(&rules[i], pkt, dir, w.in, right).why != "" {
				return // a packet that the caller must not trust
			}
		}
	}
	want := slowCompress(rules, w.opts, pkt, dir, w.in)
	var c Compressor
	c.Reset(w.ctx)
	c.SetInputs(w.in)
	before := bytes.Clone(pkt)
	prefix := []byte{1, 2, 3}
	got, id, err := c.AppendCompress(prefix[:3:3], pkt, dir)
	last := c.Last()
	if !bytes.Equal(pkt, before) {
		fail("AppendCompress changed the packet")
		return
	}
	if err != nil {
		e, _ := err.(Error)
		if e != want.err || string(got) != "\x01\x02\x03" {
			fail("AppendCompress = %x, %v, want rule %d, %s", got, err, want.rule, want.bits)
			return
		}
		n.none++
		k.explain(w, pkt, dir, &last, want, e)
		return
	}
	if want.rule < 0 {
		fail("AppendCompress = %x, rule %d (%v), want %v", got, last.Rule, id, want.err)
		return
	}
	if string(got[:3]) != "\x01\x02\x03" {
		fail("AppendCompress changed dst")
		return
	}
	got = got[3:]
	if last.Rule != want.rule || id != w.rules[want.rule].ID || last.ID != id || last.Bits != len(want.bits) ||
		!bytes.Equal(got, slowBytes(want.bits)) || last.Lossy != want.lossy {
		fail("AppendCompress = %x, rule %d (%v), %d bits, lossy %v\nwant %x, rule %d, %d bits, lossy %v",
			got, last.Rule, id, last.Bits, last.Lossy, slowBytes(want.bits), want.rule, len(want.bits), want.lossy)
		return
	}
	if len(got) > w.ctx.MaxCompressedLen(len(pkt)) {
		fail("%d bytes, MaxCompressedLen(%d) = %d", len(got), len(pkt), w.ctx.MaxCompressedLen(len(pkt)))
		return
	}
	n.compressed++
	if last.Lossy {
		n.lossy++
	}
	if last.Nature == NatureNoCompression {
		n.noComp++
	}
	// CompressInto: room to the byte, and one byte less.
	buf := make([]byte, len(got))
	if m, _, err := c.CompressInto(buf, pkt, dir); err != nil || m != len(got) || !bytes.Equal(buf, got) {
		fail("CompressInto = %d, %v, %x, want %x", m, err, buf, got)
	}
	if len(got) > 0 {
		buf = bytes.Repeat([]byte{0x5a}, len(got)-1)
		if _, _, err := c.CompressInto(buf, pkt, dir); err != ErrShortBuffer || bytes.Count(buf, []byte{0x5a}) != len(buf) {
			fail("CompressInto a short buffer = %v, %x", err, buf)
		}
	}
	back := k.message(w, got, len(want.bits), dir)
	if k.failure != "" {
		return
	}
	if !last.Lossy && !w.opts.TrustComputed && !bytes.Equal(back, pkt) {
		fail("AppendDecompress(%x) = %x", got, back)
		return
	}
	if back == nil {
		fail("AppendDecompress(%x) fails on what AppendCompress made", got)
		return
	}
	// What was restored compresses to the same bits under the same Rule.
	if last.Nature == NatureNoCompression {
		k.explain(w, pkt, dir, &last, want, 0)
		return
	}
	if m := slowTry(&w.rules[want.rule], back, dir, w.in, w.opts); m.why != "" || m.lossy || slowFront(slowID(id)+m.residue, w.opts)+slowBits(m.payload) != want.bits {
		fail("restored packet %x compresses to another: %+v", back, m)
		return
	}
	// Mutated SCHC Packets.
	// Cut off before the end of the residue, it is truncated and nothing else.
	if last.Nature == NatureCompression && len(w.rules) == 1 {
		for i := range min(len(got), 300) {
			var d Decompressor
			d.Reset(w.ctx)
			d.SetInputs(w.in)
			if _, _, err := d.AppendDecompress(nil, got[:i], dir); i*8 < int(id.Bits)+last.ResidueBits && err != ErrTruncated {
				fail("AppendDecompress(%x), %d of %d bytes = %v, want %v", got[:i], i, len(got), err, ErrTruncated)
			}
		}
	}
	if len(got) > 0 {
		for _, msg := range k.spoil(got) {
			k.message(w, msg, -1, dir)
		}
	}
	k.explain(w, pkt, dir, &last, want, 0)
}

// message decompresses a SCHC Packet and compares with the slow
// reference. bits is its length, or -1. It returns the packet, or nil.
func (k *checker) message(w *world, msg []byte, bits int, dir Direction) []byte {
	n := k.n
	n.messages++
	fail := func(format string, args ...any) {
		k.fail("%s\nmessage %x", fmt.Sprintf(format, args...), msg)
	}
	want, rule, werr := slowDecompress(w.usable(dir, n), w.opts, slowBits(msg), dir, w.in)
	var d Decompressor
	d.Reset(w.ctx)
	d.SetInputs(w.in)
	before := bytes.Clone(msg)
	prefix := []byte{9, 8, 7}
	got, id, err := d.AppendDecompress(prefix[:3:3], msg, dir)
	if !bytes.Equal(msg, before) {
		fail("AppendDecompress changed its input")
	}
	if err != nil {
		e, _ := err.(Error)
		n.byErr[e]++
		// A message may be for two reasons at once.
		both := e == ErrTruncated && werr == ErrMalformed || e == ErrMalformed && werr == ErrTruncated
		// Or wrong, and an IID of the link layer is missing.
		both = both || rule >= 0 && len(w.in.DevIID)*len(w.in.AppIID) != 64 &&
			(e == ErrNoRule && werr != 0 && werr != ErrUnsupported || werr == ErrNoRule && e != ErrUnsupported)
		if both {
			n.both++
		}
		if e != werr && !both || string(got) != "\x09\x08\x07" {
			fail("AppendDecompress = %x, %v, want rule %d, %x, %v", got, err, rule, want, werr)
		}
		return nil
	}
	if werr != 0 || string(got[:3]) != "\x09\x08\x07" || !bytes.Equal(got[3:], want) || id != w.rules[rule].ID || d.Last().Rule != rule {
		fail("AppendDecompress = %x, %v, want rule %d, %x, %v", got, id, rule, want, werr)
		return nil
	}
	got = got[3:]
	n.restored++
	buf := make([]byte, len(got))
	if m, _, err := d.DecompressInto(buf, msg, dir); err != nil || m != len(got) || !bytes.Equal(buf, got) {
		fail("DecompressInto = %d, %v, %x, want %x", m, err, buf, got)
	}
	if len(got) > 0 {
		if _, _, err := d.DecompressInto(buf[:len(got)-1], msg, dir); err != ErrShortBuffer {
			fail("DecompressInto a short buffer = %v", err)
		}
	}
	if bits >= 0 {
		exact, _, err := d.AppendDecompressBits(nil, msg, bits, dir)
		if err != nil || !bytes.Equal(exact, got) {
			fail("AppendDecompressBits(%d) = %x, %v, want %x", bits, exact, err, got)
		}
	}
	if got == nil {
		got = []byte{}
	}
	return got
}

// oneWay returns why NewContext refuses the Rule for packets of dir alone: a
// Rule may be for one direction only.
func (w *world) oneWay(rule int, dir Direction) error {
	r := w.rules[rule]
	r.Fields = nil
	for _, f := range w.rules[rule].Fields {
		if f.DI == 0 || f.DI == DirBidirectional || f.DI == dir {
			f.DI = dir
			r.Fields = append(r.Fields, f)
		}
	}
	_, err := NewContext([]Rule{r}, w.opts)
	return err
}

// usable returns the Rules, those that are not for packets of dir without
// fields.
func (w *world) usable(dir Direction, n *tally) []Rule {
	rules := slices.Clone(w.rules)
	for i := range rules {
		if rules[i].Nature == NatureCompression {
			var f *FieldError
			if errors.As(w.oneWay(i, dir), &f) {
				rules[i].Fields = nil
				if n.oneWay != nil {
					n.oneWay[f.Text]++
				}
			}
		}
	}
	return rules
}

// explain checks that Explain says what the Compressor did.
func (k *checker) explain(w *world, pkt []byte, dir Direction, last *Result, want slowResult, err Error) {
	fail := func(format string, args ...any) { k.fail("Explain: "+format, args...) }
	rules := w.usable(dir, k.n)
	e := w.ctx.Explain(pkt, dir, w.in)
	if err != 0 {
		if got, _ := e.Err.(Error); got != err {
			fail("error %v, want %v", e.Err, err)
		}
	} else {
		if e.Err != nil || e.Result != *last {
			fail("%+v, %v, want %+v", e.Result, e.Err, *last)
		}
		residue := 0
		for _, f := range e.Fields {
			residue += f.ResidueBits
			if s := slowBits(f.Residue); len(f.Residue) != (f.ResidueBits+7)/8 || len(s) < f.ResidueBits {
				fail("field %d: %d bits in %d bytes", f.Field, f.ResidueBits, len(f.Residue))
			}
		}
		if last.Nature == NatureCompression {
			payload := last.Bits - len(slowFront(slowNum(0, int(last.ID.Bits)+residue), w.opts))
			if residue != last.ResidueBits || payload%8 != 0 || payload/8 != len(pkt)-last.HeaderBytes {
				fail("residues are %d bits, Result has %+v", residue, *last)
			}
			m := slowTry(&w.rules[last.Rule], pkt, dir, w.in, w.opts)
			at, s := 0, m.residue
			for _, f := range e.Fields {
				if f.ResidueBits != m.sizes[f.Field] {
					fail("field %d (%v) has %d bits of residue, want %d", f.Field, f.FID, f.ResidueBits, m.sizes[f.Field])
					return
				}
				if got := slowBits(f.Residue)[:f.ResidueBits]; got != s[at:at+f.ResidueBits] {
					fail("field %d (%v) has the residue %s, want %s", f.Field, f.FID, got, s[at:at+f.ResidueBits])
				}
				at += f.ResidueBits
			}
			if len(e.Fields) != len(m.sizes) {
				fail("%d fields, want %d", len(e.Fields), len(m.sizes))
			}
		}
	}
	i := 0
	for j := range w.rules {
		if w.rules[j].Nature != NatureCompression {
			continue
		}
		rr := e.Rules[i]
		i++
		if rr.Rule != j || rr.ID != w.rules[j].ID {
			fail("report %d is of rule %d (%v)", i, rr.Rule, rr.ID)
			return
		}
		m := slowTry(&rules[j], pkt, dir, w.in, w.opts)
		if rr.Match != (m.why == "") || rr.Match && rr.Lossy != m.lossy {
			fail("rule %d: match %v, lossy %v (%s); want match %v (%s), lossy %v", j, rr.Match, rr.Lossy, rr.Reason, m.why == "", m.why, m.lossy)
			return
		}
		if rr.Chosen != (err == 0 && last.Rule == j) {
			fail("rule %d: chosen %v, but %d was", j, rr.Chosen, last.Rule)
		}
		if !rr.Chosen && rr.Reason == "" {
			fail("rule %d was not chosen, without a reason", j)
		}
		if rr.Match && rr.Bits != len(slowFront(slowID(rr.ID)+m.residue, w.opts))+8*len(m.payload) {
			fail("rule %d: %d bits, want %d", j, rr.Bits, int(rr.ID.Bits)+len(m.residue)+8*len(m.payload))
		}
	}
	if i != len(e.Rules) {
		fail("%d rule reports, want %d", len(e.Rules), i)
	}
}

// TestProperty compares the package with the slow reference on random Rule
// sets and packets.
func TestProperty(t *testing.T) {
	r := propertyRand(t)
	g := &gen{intn: r.IntN}
	d := *propertyTime
	if testing.Short() {
		d /= 10
	}
	n := tally{byErr: map[Error]int{}}
	if *propertyRefusals {
		n.oneWay, n.refusal = map[string]int{}, map[string]int{}
	}
	start := time.Now()
	for time.Since(start) < d && !t.Failed() {
		checkWorld(t, g, g.world(), &n)
	}
	t.Logf("%d rule sets (%d refused, and %d single rules), %d packets: %d compressed (%d lossy, %d no-compression), %d without rule; %d messages: %d restored, errors %v (%d for two reasons at once); %v",
		n.worlds, n.refused, n.refusedRules, n.packets, n.compressed, n.lossy, n.noComp, n.none, n.messages, n.restored, n.byErr, n.both, time.Since(start).Round(time.Millisecond))
	for text, m := range n.oneWay {
		t.Logf("one way only, %d: %s", m, text)
	}
	for text, m := range n.refusal {
		t.Logf("refused, %d: %s", m, text)
	}
}
