package schc

import (
	"crypto/sha256"
	"slices"
)

// Options configures a Context. The zero value is the default.
type Options struct {
	// TrustComputed elides fields with the action compute without verifying
	// that the decompressor would restore them: lengths and checksums of the
	// packets must be right.
	TrustComputed bool
	// FirstMatch takes the first Rule of the set that matches, lossy or not,
	// instead of the lossless one with the fewest bits.
	FirstMatch bool
	// Lossless passes over a Rule for a packet that it would change (a field
	// with ignore and not-sent whose value is not the Target Value).
	Lossless bool
	// SSEICVBytes is the length of the Integrity Check Value behind an SSE
	// payload, which the Length field of SSE does not count: 0 to 64 bytes.
	SSEICVBytes uint8
	// OuterHeader says that Inputs.Outer gives the IP header in front of every
	// packet: checksums over a pseudo-header can be computed in Rules that start
	// with UDP, UDP-Lite, TCP or ICMPv6.
	OuterHeader bool
	// SplitHeader makes SCHC Packets as draft-ietf-ipsecme-diet-esp-10, Section
	// 6.1, does: zero bits pad RuleID and residue to a whole byte, in front of
	// the payload.
	SplitHeader bool
	// FixedHeaders makes payload of the IPv4 or TCP options of the last header
	// that a Rule describes, if it does not describe the options and sends their
	// length: in that draft "all the Header fields are of a fixed size".
	// Otherwise such a Rule is for packets without options.
	FixedHeaders bool
}

// maxCandidates bounds the Rules that are walked and verified per packet. The
// candidates are ordered when the Context is made: fewest bits first.
const maxCandidates = 256

// maxRules bounds a set.
const maxRules = 1 << 20

// A Context is a set of Rules that was checked once and compiled (RFC 8724,
// Section 5). It never changes and may be shared by any number of goroutines.
type Context struct {
	img   string
	rules []Rule
}

// NewContext checks and compiles a set of Rules. It keeps rules, which must
// not change afterwards. An error is a *FieldError that names the Rule and
// the field.
//
// Every Rule is checked for itself and against the others: RuleIDs are prefix-
// free, a protocol that a Rule describes is described whole, operators,
// actions, lengths and Target Values fit. A Rule that describes the packets of
// one direction only is not used in the other. Cost: a few microseconds a Rule.
func NewContext(rules []Rule, opts Options) (*Context, error) {
	img, err := compileImage(rules, &opts)
	if err != nil {
		return nil, err
	}
	return &Context{img: img, rules: rules}, nil
}

// Rules returns the Rules of the set. The caller must not change them. A
// Context of a generated image has none.
func (c *Context) Rules() []Rule { return c.rules }

// Serves reports whether Rule i of the set compresses packets of direction dir:
// a Rule that describes the fields of one direction only does not serve the
// other.
func (c *Context) Serves(i int, dir Direction) bool {
	if i < 0 || i >= c.NumRules() || dir != DirUp && dir != DirDown {
		return false
	}
	rec := int(le32(c.img, imgRuleTab)) + i*recRule
	return le32(c.img, rec+8+4*int(dir-DirUp)) != 0
}

// NumRules returns the number of Rules of the set.
func (c *Context) NumRules() int { return int(le32(c.img, imgRules)) }

// Fingerprint returns a hash of the set's canonical form: two ends whose
// fingerprints differ hold different Contexts. The order of the Rules counts,
// because it decides ties; options do not.
func (c *Context) Fingerprint() (f [16]byte) {
	copy(f[:], c.img[imgFinger:])
	return f
}

// Image returns the compiled form, for LoadImage.
func (c *Context) Image() string { return c.img }

// LoadImage makes c the Context of an image that Image returned, without heap
// and without checks beyond its frame: an image is code, not input. It returns
// ErrMalformed for anything that is not an image of this version.
func (c *Context) LoadImage(img string) error {
	if len(img) < imgHeader || img[:len(imgMagic)] != imgMagic || int(le32(img, imgLen)) != len(img) {
		return ErrMalformed
	}
	c.img, c.rules = img, nil
	return nil
}

// MaxCompressedLen returns the most bytes that a SCHC Packet of an n-byte
// packet can have.
func (c *Context) MaxCompressedLen(n int) int { return n + int(le32(c.img, imgExcess)+7)/8 }

func setError(class Error, text string) *FieldError {
	return &FieldError{Index: -1, Field: -1, Err: class, Text: text}
}

func compileImage(rules []Rule, opts *Options) (string, error) {
	if len(rules) > maxRules {
		return "", setError(ErrUnsupported, "the set has more than "+utoa(maxRules)+" Rules")
	}
	if opts.SSEICVBytes > 64 {
		return "", setError(ErrMalformed, "Options.SSEICVBytes is more than 64")
	}
	ids, err := sortedIDs(rules)
	if err != nil {
		return "", err
	}
	b := &builder{opts: opts, img: make([]byte, 0, 64+len(rules)*600)}
	b.img = append(b.img, imgMagic...)
	b.img = append(b.img, make([]byte, imgHeader-len(imgMagic))...)
	b.img[imgICV] = opts.SSEICVBytes
	if opts.FirstMatch {
		b.img[imgFlags] |= imgFirstMatch
	}
	if opts.Lossless {
		b.img[imgFlags] |= imgLossless
	}
	if opts.TrustComputed {
		b.img[imgFlags] |= imgTrustComputed
	}
	if opts.SplitHeader {
		b.img[imgFlags] |= imgSplitHeader
	}
	if opts.FixedHeaders {
		b.img[imgFlags] |= imgFixedHeaders
	}
	fp := fingerprint(rules)
	copy(b.img[imgFinger:], fp[:])

	table := make([]byte, 0, len(rules)*recRule)
	up := make([]candidate, 0, len(rules))
	down := make([]candidate, 0, len(rules))
	noComp := uint32(noRule)
	excess := 0
	words := 2 * indexBytes / 4 * min(len(rules), 1<<12) // of a small set at once
	masks := maskPool{make([]uint64, 0, words), make([]uint64, 0, words)}
	start := Protocol(0)
	for i := range rules {
		r := &rules[i]
		if err := checkRule(r, i); err != nil {
			return "", err
		}
		var pu, pd uint32
		switch r.Nature {
		case NatureNoCompression:
			if noComp == noRule {
				noComp = uint32(i)
			}
			excess = max(excess, int(r.ID.Bits))
		case NatureCompression:
			s := r.start()
			if start == 0 {
				start = s
			}
			if s != start {
				return "", &FieldError{Rule: r.ID, Index: i, Field: 0, FID: r.Fields[0].FID, Err: ErrMalformed,
					Text: "starts with " + s.String() + ", the set's first Rule with " + start.String() + "; make it a set of its own"}
			}
			var missing *FieldError
			for _, dir := range [...]Direction{DirUp, DirDown} {
				p := b.compile(r, i, dir)
				switch {
				case p != 0 && dir == DirUp:
					pu, up = p, append(up, masks.candidate(b, p, i))
				case p != 0:
					pd, down = p, append(down, masks.candidate(b, p, i))
				case b.err != nil && !b.missing:
					return "", b.err
				case b.err != nil && missing == nil:
					missing = b.err // a Rule for the other direction, maybe
				}
				if p != 0 {
					excess = max(excess, b.excess)
				}
			}
			if pu == 0 && pd == 0 {
				return "", missing
			}
		}
		table = put32(table, r.ID.Value)
		table = append(table, r.ID.Bits, byte(r.Nature), 0, 0)
		table = put32(put32(table, pu), pd)
	}
	b.put32(imgRules, uint32(len(rules)))
	b.put32(imgRuleTab, uint32(len(b.img)))
	b.img = append(b.img, table...)
	b.put32(imgIDTab, uint32(len(b.img)))
	for _, x := range ids {
		b.img = put32(put32(b.img, x.left), uint32(x.index))
	}
	first := opts.FirstMatch
	b.put32(imgTreeUp, b.tree(up, &masks, first, 0))
	b.put32(imgTreeDw, b.tree(down, &masks, first, 0))
	b.put32(imgNoComp, noComp)
	b.put32(imgExcess, uint32(excess))
	b.put32(imgLen, uint32(len(b.img)))
	return string(b.img), nil
}

func (b *builder) put32(at int, v uint32) { put32(b.img[at:at], v) }

// ruleKey is one RuleID, left-aligned in 32 bits, and where it stands.
type ruleKey struct {
	left  uint32
	bits  uint8
	index int
}

// sortedIDs checks that the RuleIDs are prefix-free and returns them in order
// of their bits.
func sortedIDs(rules []Rule) ([]ruleKey, error) {
	ids := make([]ruleKey, len(rules))
	for i := range rules {
		id := rules[i].ID
		if id.Bits > 32 {
			return nil, &FieldError{Rule: id, Index: i, Field: -1, Err: ErrMalformed, Text: "the RuleID is longer than 32 bits"}
		}
		if id.Bits < 32 && id.Value>>id.Bits != 0 {
			return nil, &FieldError{Rule: id, Index: i, Field: -1, Err: ErrMalformed, Text: "the RuleID's value does not fit its length"}
		}
		if id.Bits == 0 && len(rules) > 1 {
			return nil, &FieldError{Rule: id, Index: i, Field: -1, Err: ErrMalformed,
				Text: "an implicit RuleID (0 bits) is possible only in a set of one Rule; give it a length"}
		}
		left := uint32(0)
		if id.Bits > 0 {
			left = id.Value << (32 - id.Bits)
		}
		ids[i] = ruleKey{left, id.Bits, i}
	}
	slices.SortFunc(ids, func(a, b ruleKey) int {
		switch {
		case a.left != b.left:
			if a.left < b.left {
				return -1
			}
			return 1
		case a.bits != b.bits:
			return int(a.bits) - int(b.bits)
		}
		return a.index - b.index
	})
	// A prefix sorts right before what it is a prefix of, so neighbours tell.
	for i := 1; i < len(ids); i++ {
		p, q := ids[i-1], ids[i]
		if p.bits == 0 || (p.left^q.left)>>(32-p.bits) == 0 {
			a, z := rules[p.index].ID, rules[q.index].ID
			text := "the RuleID is a prefix of RuleID " + z.String() + "; no two may overlap"
			if a == z {
				text = "the RuleID is used twice"
			}
			return nil, &FieldError{Rule: a, Index: p.index, Field: -1, Err: ErrMalformed, Text: text}
		}
	}
	return ids, nil
}

// fingerprint hashes the canonical form of a set: every member in order, with
// defaults spelled out, lengths before contents.
func fingerprint(rules []Rule) [16]byte {
	h := sha256.New()
	var buf []byte
	buf = put32(append(buf, "schckit rules 1"...), uint32(len(rules)))
	for i := range rules {
		r := &rules[i]
		buf = append(put32(buf, r.ID.Value), r.ID.Bits, byte(r.Nature))
		buf = put32(buf, uint32(len(r.Fields)))
		for j := range r.Fields {
			f := &r.Fields[j]
			fl, fp, di := f.FL, f.FP, f.DI
			if fl == 0 {
				if fl = FieldLength(f.FID.LenBits()); fl == 0 {
					fl = FLVar
				}
			}
			if fp == 0 {
				fp = 1
			}
			if di == 0 {
				di = DirBidirectional
			}
			buf = put16(put32(buf, uint32(f.FID)), int(fl))
			buf = append(buf, fp, byte(di), byte(f.MO), byte(f.CDA))
			msb := f.MSB
			if f.MO != MOMSB {
				msb = 0
			}
			tvs := f.TV
			if len(tvs) == 0 && f.MO == MOIgnore && f.CDA == CDANotSent && !fl.Variable() {
				tvs = [][]byte{make([]byte, (int(fl)+7)/8)} // what is restored
			}
			buf = put32(put16(buf, int(msb)), uint32(len(tvs)))
			for _, v := range tvs {
				buf = append(put32(buf, uint32(len(v))), v...)
			}
		}
		if g := r.Fragment; g != nil {
			buf = append(buf, 1, byte(g.Mode), byte(g.Direction), g.L2WordBits, g.DTagBits, g.WBits, g.FCNBits,
				byte(g.RCSAlgorithm), g.RCSBits, g.MaxInterleaved, byte(g.AckBehavior), byte(g.All1Data), g.MaxAckRequests)
			buf = put16(put16(put16(buf, int(g.WindowSize)), int(g.TileBits)), int(g.MaxPacket))
			buf = put32(put32(buf, g.RetransmissionMs), g.InactivityMs)
			flags := 0
			for i, on := range [...]bool{g.CompoundAck, g.FullLastBitmap, g.PenultimateShort, g.AckOnRepair,
				g.AttemptsPerAck, g.NoAckReq, g.All1Empty, g.HeaderPad, g.CountDown} {
				if on {
					flags |= 1 << i
				}
			}
			buf = append(put16(buf, flags), g.FragmentBytes, g.AckBytes)
			buf = put32(put32(buf, g.ListenMs), g.UplinkAckMs)
		} else {
			buf = append(buf, 0)
		}
		if len(buf) > 4096 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
	var f [16]byte
	copy(f[:], h.Sum(nil))
	return f
}
