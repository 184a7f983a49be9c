package learn

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"slices"

	"github.com/schckit/schckit/schc"
)

// A Packet is one IP datagram of a capture.
type Packet struct {
	Data  []byte // from the IP header on; valid during the call only
	Nanos int64  // time
	Link  uint64 // link-layer source address; 0: unknown
}

// A Source gives the packets of a capture: the same ones each time it is asked.
type Source interface {
	// Each calls f for every packet until f returns an error, and returns that
	// or its own.
	Each(f func(p *Packet) error) error
}

// Options says how to learn. The zero value is the default, except that nothing
// is held out.
type Options struct {
	HoldOut   float64        // part of the packets that is not learned from but measured, the last ones; 0 to 0.9
	MaxRules  int            // most Rules, the no-compression Rule included; 2 to 4096; 0: 64
	IDBits    int            // length of all RuleIDs, 1 to 16; 0: variable
	Sample    int            // most packets that are learned from, and most that entropies are computed of; 0: DefaultSample
	Seed      int64          // of the choice of the sample
	Dir       schc.Direction // of all packets; 0: by address
	Devices   []netip.Prefix // packets from there are uplink, to there downlink; none: guessed
	CoAPPorts []uint16       // UDP ports whose payload is CoAP; none: 5683
	NoDefault bool           // leave out the no-compression Rule; what no Rule describes is then not compressed
}

// DefaultMaxRules is Options.MaxRules where it is 0.
const DefaultMaxRules = 64

// Errors of Learn.
var (
	ErrNoPackets = errors.New("there is no packet to learn from")
	ErrOptions   = errors.New("an option is out of range")
	ErrVerify    = errors.New("a packet came back different")
)

// A Result is what was learned.
type Result struct {
	Rules        []schc.Rule
	Descriptions []string // of each Rule
	Report       *Report
}

// check fills in defaults.
func (o *Options) check() error {
	if o.MaxRules == 0 {
		o.MaxRules = DefaultMaxRules
		if o.IDBits > 0 {
			o.MaxRules = min(o.MaxRules, 1<<o.IDBits)
		}
	}
	if o.Sample == 0 {
		o.Sample = DefaultSample
	}
	switch {
	case !(o.HoldOut >= 0 && o.HoldOut <= 0.9):
		return fmt.Errorf("%w: the part held out is not from 0 to 90 %%", ErrOptions)
	case o.MaxRules < 2 || o.MaxRules > maxRuleSet:
		return fmt.Errorf("%w: the number of Rules is not from 2 to %d", ErrOptions, maxRuleSet)
	case o.IDBits < 0 || o.IDBits > 16:
		return fmt.Errorf("%w: the length of RuleIDs is not from 1 to 16 bits", ErrOptions)
	case o.IDBits > 0 && o.MaxRules > 1<<o.IDBits:
		return fmt.Errorf("%w: %d Rules do not fit RuleIDs of %d bits", ErrOptions, o.MaxRules, o.IDBits)
	case o.Sample < 1 || o.Sample > maxSample:
		return fmt.Errorf("%w: the sample is not from 1 to %d packets", ErrOptions, maxSample)
	}
	return nil
}

// learner is one run of Learn.
type learner struct {
	Options
	src     Source
	counts  [2]int // packets to learn from and held out
	skipped int    // packets without a direction
	total   int    // packets of the source
	cut     int    // number of the first packet that is held out, or -1
	after   int64  // time after which packets are held out, if cut is -1
	guessed string // why the device is taken for it; "": it was given
	report  *Report
}

// Learn derives Rules from the packets of src. They are compressed and
// decompressed again under the Rules before it returns; ErrVerify means that one
// came back different, which is an error of this package.
func Learn(src Source, opts Options) (*Result, error) {
	l := &learner{Options: opts, src: src}
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := l.scan(); err != nil {
		return nil, err
	}
	t, err := l.collect()
	if err != nil {
		return nil, err
	}
	if len(t.rows) == 0 {
		return nil, ErrNoPackets
	}
	limit := l.MaxRules
	if !l.NoDefault {
		limit--
	}
	p := tune(t, t.rows, limit, l.IDBits)
	f := newFitter(t, t.rows, p, l.IDBits, splitRows)
	z := f.fit()
	res := &Result{}
	for i := range z.rules {
		r := f.export(&z.rules[i])
		if _, err := schc.NewContext([]schc.Rule{r}, schc.Options{}); err != nil {
			// The engine cannot hold it: its packets go uncompressed.
			continue
		}
		res.Rules = append(res.Rules, r)
		res.Descriptions = append(res.Descriptions, f.name(&z.rules[i]))
	}
	if !l.NoDefault {
		res.Rules = append(res.Rules, schc.Rule{ID: z.none, Nature: schc.NatureNoCompression})
		res.Descriptions = append(res.Descriptions, "no compression")
	}
	l.report = newReport(l, t, p)
	res.Report = l.report
	return res, l.measure(res)
}

// scan counts the packets and finds the device and what is held out.
func (l *learner) scan() error {
	d := newDevices()
	var times []int64
	rng := rand.New(rand.NewSource(l.Seed))
	ordered, last := true, int64(-1<<63)
	err := l.src.Each(func(p *Packet) error {
		ordered = ordered && p.Nanos >= last
		last = p.Nanos
		if len(times) < maxTimes {
			times = append(times, p.Nanos)
		} else if i := rng.Intn(l.total + 1); i < maxTimes {
			times[i] = p.Nanos
		}
		if l.Dir == 0 && len(l.Devices) == 0 {
			d.add(p.Data, p.Link, l.total)
		}
		l.total++
		return nil
	})
	if err != nil {
		return err
	}
	if l.total == 0 {
		return ErrNoPackets
	}
	if l.Dir == 0 && len(l.Devices) == 0 {
		l.Devices, l.guessed = d.guess()
	}
	held := int(float64(l.total)*l.HoldOut + 0.5)
	if l.cut = l.total - held; !ordered && held > 0 {
		slices.Sort(times)
		at := min(len(times)-1, max(0, int(float64(len(times))*(1-l.HoldOut)+0.5)-1))
		l.cut, l.after = -1, times[at]
	}
	return nil
}

// held reports whether packet number n is held out.
func (l *learner) held(p *Packet, n int) bool {
	if l.cut >= 0 {
		return n >= l.cut
	}
	return p.Nanos > l.after
}

// direction returns the direction of a packet.
func (l *learner) direction(p *Packet) (int, bool) {
	if l.Dir != 0 {
		return int(l.Dir - schc.DirUp), true
	}
	return byAddress(l.Devices, p.Data)
}

// each calls f for the packets that have a direction.
func (l *learner) each(f func(p *Packet, dir int, held bool) error) error {
	n := 0
	l.skipped = 0
	return l.src.Each(func(p *Packet) error {
		held := l.held(p, n)
		n++
		dir, ok := l.direction(p)
		if !ok {
			l.skipped++
			return nil
		}
		return f(p, dir, held)
	})
}

// collect parses a sample of the packets.
func (l *learner) collect() (*table, error) {
	t := newTable(l.CoAPPorts)
	// Selection sampling (Knuth, Algorithm 3.4.2S): every packet has the same
	// chance, and they stay in order. The numbers are those of all packets:
	// at worst a few are missing because packets have no direction.
	var left, want [2]int
	if l.cut >= 0 {
		left = [2]int{l.cut, l.total - l.cut}
	} else {
		left = [2]int{l.total, l.total}
	}
	want = [2]int{min(left[0], l.Sample), min(left[1], l.Sample)}
	rng := rand.New(rand.NewSource(l.Seed))
	err := l.each(func(p *Packet, dir int, held bool) error {
		k := 0
		if held {
			k = 1
		}
		l.counts[k]++
		take := left[k] <= want[k] || rng.Intn(left[k]) < want[k]
		left[k]--
		if take && want[k] > 0 {
			want[k]--
			t.add(p.Data, dir, held)
		}
		return nil
	})
	return t, err
}

// measure compresses and decompresses all packets under the Rules.
func (l *learner) measure(res *Result) error {
	ctx, err := schc.NewContext(res.Rules, schc.Options{})
	if err != nil {
		return err
	}
	strict, err := schc.NewContext(res.Rules, schc.Options{Lossless: true})
	if err != nil {
		return err
	}
	var comp schc.Compressor
	var dec schc.Decompressor
	comp.Reset(strict)
	dec.Reset(ctx)
	var small, back []byte
	var fields []schc.Field
	l.report.rules(res)
	err = l.each(func(p *Packet, dir int, held bool) error {
		var end int
		fields, end = schc.AppendFields(fields[:0], p.Data, dirOf(dir), schc.ParseOptions{CoAPPorts: l.CoAPPorts})
		var err error
		if small, _, err = comp.AppendCompress(small[:0], p.Data, dirOf(dir)); err != nil {
			if l.NoDefault && err == schc.ErrNoRule {
				l.report.packet(nil, dir, held, end, len(p.Data))
				return nil
			}
			return fmt.Errorf("%w: %v", ErrVerify, err)
		}
		if back, _, err = dec.AppendDecompress(back[:0], small, dirOf(dir)); err != nil || !bytes.Equal(back, p.Data) {
			return fmt.Errorf("%w under Rule %v", ErrVerify, comp.Last().ID)
		}
		last := comp.Last()
		l.report.packet(&last, dir, held, end, len(p.Data))
		return nil
	})
	l.report.finish()
	return err
}
