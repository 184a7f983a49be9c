package dietesp

import (
	"slices"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/seqno"
)

// Stats says what opening packets has cost.
type Stats struct {
	Packets uint64 // that an SA was found for
	Trials  uint64 // ICVs verified
	Failed  uint64 // of them, those that did not verify
	Limited uint64 // packets that were given up with numbers left to try
}

// limiter bounds the verifications that packets can cost.
type limiter struct {
	trials int
	budget uint32
	left   uint32 // of the budget
	stats  Stats
}

func (l *limiter) init(o *Options) {
	*l = limiter{trials: int(o.Trials), budget: o.Budget, left: o.Budget}
}

// A trial is an SA that a packet may be of, and the Sequence Numbers that it may
// have there.
type trial struct {
	sa   *SA
	list seqno.Candidates
	only bool   // seq is the only one
	seq  uint64 // tried next if only
	seen bool   // a number that is not fresh was tried
	n    uint8  // of calls of next, up to 2
}

// start lists the numbers that the low bits of one may stand for.
func (t *trial) start(s *SA, low uint32) {
	t.sa, t.only, t.seen, t.n = s, false, false, 0
	if s.Window == esp.NoWindow {
		t.only, t.seq = true, uint64(low)
		return
	}
	s.Candidates(&t.list, low, s.attr.SNLSBBits)
}

// partial reports whether not all bits of the number were sent.
func (t *trial) partial() bool { return t.sa.attr.SNLSBBits < 32 || t.sa.ESN }

// next returns the next number to try. One that was seen is tried, too, unless all
// its bits were sent: if it verifies, the packet is a replay, and nothing else
// would tell that from a forgery. It is the first of the list, in its turn, or, if
// the window has none, the nearest number left of it.
func (t *trial) next() (seq uint64, fresh, ok bool) {
	if t.only {
		t.only = false
		return t.seq, true, t.seq != 0
	}
	if t.n < 2 {
		t.n++
		if t.n == 2 && !t.seen && t.partial() {
			if seq = t.list.Before(); seq != 0 {
				t.seen = true
				return seq, false, true
			}
		}
	}
	for {
		seq, ok := t.list.Next()
		if !ok || t.sa.Fresh(seq) {
			return seq, true, ok
		}
		if t.partial() && !t.seen {
			t.seen = true
			return seq, false, true
		}
	}
}

// search verifies a packet under the SAs of list: first the most likely Sequence
// Number of each, in order, then the second of each, and so on.
func search(dst, pkt []byte, h *esp.Headers, list []trial, l *limiter) ([]byte, *SA, Error) {
	l.stats.Packets++
	tried, all := 0, 0 // numbers that were not seen, and all
	for more := true; more; {
		more = false
		for i := range list {
			t := &list[i]
			if t.sa == nil {
				continue
			}
			seq, fresh, ok := t.next()
			if !ok {
				t.sa = nil
				continue
			}
			if all > 0 && (fresh && tried >= l.trials || l.left == 0) {
				l.stats.Limited++
				return dst, nil, ErrAuth
			}
			more = true
			all++
			if fresh {
				tried++
			}
			l.stats.Trials++
			out, e := t.sa.open(dst, pkt, h, seq)
			if e == ErrReplay {
				return dst, nil, e
			}
			if e != ErrAuth {
				l.left = l.budget
				return out, t.sa, e
			}
			l.stats.Failed++
			if all > 1 {
				l.left--
			}
		}
	}
	if all == 0 {
		return dst, nil, ErrReplay
	}
	return dst, nil, ErrAuth
}

// An SAD is a set of inbound SAs with Diet-ESP, found by what packets have of
// the SPI, and by addresses (draft-ietf-ipsecme-diet-esp-10, Section 9). The zero
// value is empty and has the default Options. It is for one goroutine at a time,
// as its SAs are.
type SAD struct {
	opt    Options
	groups []group
	list   []*SA // in the order of Add
	found  []trial
	limit  limiter
	ready  bool
}

// group is the SAs that are found in the same way.
type group struct {
	precision uint8 // 3: both addresses, 2: destination, 1: source, 0: none
	idBytes   uint8 // of RuleID
	spiBits   uint8
	sas       []*SA // by addresses, then by the bits of the SPI, then by SPI
}

// Reset makes d empty, with limits: Protocol, Trials and Budget of o.
func (d *SAD) Reset(o Options) {
	*d = SAD{opt: o}
	d.opt.setDefaults()
	d.limit.init(&d.opt)
	d.ready = true
}

// Add adds an SA. It returns ErrMalformed if there is one with the same SPI and
// addresses, or the SA is not set up or has another protocol number than d.
func (d *SAD) Add(s *SA) error {
	if !d.ready {
		d.Reset(d.opt)
	}
	if s.ctx[IIPC] == nil || s.opt.Protocol != d.opt.Protocol {
		return ErrMalformed
	}
	for _, o := range d.list {
		if o.SPI == s.SPI && o.Src == s.Src && o.Dst == s.Dst {
			return ErrMalformed
		}
	}
	k := group{spiBits: s.attr.SPILSBBits}
	if s.Dst.IsValid() {
		k.precision |= 2
	}
	if s.Src.IsValid() {
		k.precision |= 1
	}
	if s.attr.RuleID == RuleIDSent {
		k.idBytes = 1
	}
	i, ok := slices.BinarySearchFunc(d.groups, k, func(g, k group) int { return g.order(&k) })
	if !ok {
		d.groups = slices.Insert(d.groups, i, k)
	}
	g := &d.groups[i]
	j, _ := slices.BinarySearchFunc(g.sas, s, g.compare)
	g.sas = slices.Insert(g.sas, j, s)
	d.list = append(d.list, s)
	if d.found == nil {
		d.found = make([]trial, 0, d.opt.Trials)
	}
	return nil
}

// order puts the groups that say most of a packet first.
func (g *group) order(k *group) int {
	switch {
	case g.precision != k.precision:
		return int(k.precision) - int(g.precision)
	case g.spiBits != k.spiBits:
		return int(k.spiBits) - int(g.spiBits)
	}
	return int(k.idBytes) - int(g.idBytes)
}

func (g *group) compare(a, b *SA) int {
	if c := g.compareKey(a, a.Src, a.Dst, 0, b); c != 0 {
		return c
	}
	switch {
	case a.SPI < b.SPI:
		return -1
	case a.SPI > b.SPI:
		return 1
	}
	return 0
}

func (g *group) low(spi uint32) uint32 { return spi & uint32(uint64(1)<<g.spiBits-1) }

// compareKey compares the key of a, or if that is nil the key src, dst, spi, with
// that of b.
func (g *group) compareKey(a *SA, src, dst esp.Addr, spi uint32, b *SA) int {
	if a != nil {
		spi = a.SPI
	}
	for bit, p := range [...][2]*esp.Addr{{&src, &b.Src}, {&dst, &b.Dst}} {
		if g.precision>>bit&1 == 0 {
			continue
		}
		if n := p[0].Len() - p[1].Len(); n != 0 {
			return n
		}
		if c := compare(p[0].Bytes(), p[1].Bytes()); c != 0 {
			return c
		}
	}
	x, y := g.low(spi), g.low(b.SPI)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// from returns the SAs of g from the first on that a packet with these headers and
// these low bits of the SPI may be of.
func (g *group) from(h *esp.Headers, spi uint32) []*SA {
	lo, hi := 0, len(g.sas)
	for lo < hi {
		mid := (lo + hi) / 2
		if g.compareKey(nil, h.Src(), h.Dst(), spi, g.sas[mid]) > 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return g.sas[lo:]
}

// find collects the SAs that a packet may be of, at most as many as there are
// trials. The result is the most telling error if there are none.
func (d *SAD) find(pkt []byte, h *esp.Headers) Error {
	b := pkt[h.End():]
	e := ErrNoSA
	d.found = d.found[:0]
	for i := range d.groups {
		g := &d.groups[i]
		skip := int(g.idBytes) * 8
		if len(b)*8 < skip+int(g.spiBits) {
			if e == ErrNoSA {
				e = ErrTruncated
			}
			continue
		}
		spi := uint32(bitio.Get(b, skip, int(g.spiBits)))
		for _, s := range g.from(h, spi) {
			if len(d.found) == cap(d.found) || g.compareKey(nil, h.Src(), h.Dst(), spi, s) != 0 {
				break
			}
			n := len(d.found)
			d.found = d.found[:n+1]
			if err := s.start(&d.found[n], b); err != 0 {
				d.found = d.found[:n]
				if e == ErrNoSA {
					e = err
				}
			}
		}
	}
	if len(d.found) > 0 {
		return 0
	}
	return e
}

// AppendOpen verifies and decrypts the packet pkt under the SAs that it may be
// of, appends the IP packet that was protected to dst, and returns the extended
// slice and the SA. See SA.AppendOpen.
//
// SAs with both addresses come first, then those with a destination, a source,
// none; of these, those with the most bits of the SPI; then in order of the SPI.
// First the most likely Sequence Number of each SA is tried, then the second of
// each, and so on, until an ICV verifies: no more than Options.Trials ICVs for a
// packet, and within Options.Budget. If none does the SA is nil.
func (d *SAD) AppendOpen(dst, pkt []byte) ([]byte, *SA, error) {
	if !d.ready {
		return dst, nil, ErrNoSA
	}
	var h esp.Headers
	if e := locate(&h, pkt, d.opt.Protocol); e != 0 {
		return dst, nil, e
	}
	if e := d.find(pkt, &h); e != 0 {
		return dst, nil, e
	}
	out, s, e := search(dst, pkt, &h, d.found, &d.limit)
	if e != 0 {
		return dst, s, e
	}
	return out, s, nil
}

// All returns the SAs, in the order of Add. The caller must not change the slice.
func (d *SAD) All() []*SA { return d.list }

// Stats returns what opening packets has cost so far.
func (d *SAD) Stats() Stats { return d.limit.stats }

// Refill makes the budget of failing verifications whole again.
func (d *SAD) Refill() { d.limit.left = d.limit.budget }
