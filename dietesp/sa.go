package dietesp

import (
	"math/bits"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// Protocol is the IP protocol number of Diet-ESP packets unless Options says
// otherwise: the one that draft-ietf-schc-protocol-numbers-06 recommends for
// SCHC. It tells them from standard ESP, which has 50.
const Protocol = 145

// Defaults of the limits in Options.
const (
	DefaultTrials = 8
	DefaultBudget = 1024
)

// Options configures an SA or an SAD beyond what both ends agree on. The zero
// value is the default.
type Options struct {
	// Protocol is the IP protocol number of Diet-ESP packets, the same at both
	// ends. 0: Protocol (145).
	Protocol uint8
	// Trials is how many ICVs are verified at most for one packet, over all SAs
	// and Sequence Numbers that it may be of, 1 to 255, and one number more for
	// each SA, to find out that it was seen. 0: DefaultTrials.
	Trials uint8
	// Budget is how many verifications may fail, beyond the first of each
	// packet, until one succeeds or Refill is called. When it is used up only
	// the most likely SA and Sequence Number of each packet is tried: a flood
	// costs one verification a packet, as with standard ESP. 0: DefaultBudget.
	Budget uint32
	// IIPC, CTEC and EEC are the compiled Rules of the SA, if they were compiled
	// before (schc.Context.LoadImage), for devices without a heap (Load). nil: they
	// are compiled by Init. An SAD does not use them.
	IIPC, CTEC, EEC *schc.Context
	IIPCOther       []*schc.Context // of Rules.IIPCOther, if IIPC is set
}

func (o *Options) setDefaults() {
	if o.Protocol == 0 {
		o.Protocol = Protocol
	}
	if o.Trials == 0 {
		o.Trials = DefaultTrials
	}
	if o.Budget == 0 {
		o.Budget = DefaultBudget
	}
}

// An SA is one Security Association with Diet-ESP: one direction, one key. Its
// embedded esp.SA has the counters, the replay window and the addresses. It is
// for one goroutine at a time, and must not be copied. The zero value is
// unusable.
type SA struct {
	esp.SA
	attr  Attributes
	opt   Options
	rules Rules

	ctx  [EEC + 1]*schc.Context // by Stage
	more []variant              // other Contexts of IIPC
	comp schc.Compressor
	dec  schc.Decompressor

	generates bool  // flow labels or identifications
	segments  uint8 // the one protocol that transport mode describes, 0: several, or none
	whole     bool  // IIPC is not performed, but for variants
	nextBit   int   // where a residue of IIPC has the Next Header
	nextBits  int
	eecLen    int // bytes of the compressed ESP header
	ctecBits  int // of the RuleID and the residue of the trailer
	align     int // bytes that the clear text is a multiple of
	room      int // what SealRoom adds
	// The 2023 profile: bits that say how much padding there is; none if nothing
	// needs padding.
	padBits int

	tunnel esp.Headers // of what is sealed, in tunnel mode
	input  esp.Headers // of the packet that is being sealed
	outer  [40]byte    // that header, with traffic class and label 0
	limit  limiter
	tmp    [16]byte // what the engine reads and writes of headers
	sent   trailer  // the last that was compressed
	got    trailer  // the last that was decompressed
	trials [1]trial
}

// Init sets s up with a Suite, which s keeps and which serves no other SA at the
// same time. It returns the *AttributeError of Check, or one of the Error classes
// for what esp.SA.Init refuses. It allocates; firmware that must not calls Load.
func (s *SA) Init(c esp.Config, suite *esp.Suite, a Attributes, o Options) error {
	if suite == nil {
		return ErrMalformed
	}
	alg := suite.Algorithm()
	if e := a.check(&c, alg); e != nil {
		return e
	}
	o.setDefaults()
	*s = SA{attr: a, opt: o, rules: a.rules(&c, alg)}
	if err := s.SA.Init(c, suite); err != nil {
		return espError(err)
	}
	for st, given := range [...]*schc.Context{IIPC: o.IIPC, CTEC: o.CTEC, EEC: o.EEC} {
		if st == 0 {
			continue
		}
		if s.ctx[st] = given; given != nil {
			continue
		}
		ctx, err := schc.NewContext([]schc.Rule{*s.rules.stage(Stage(st))}, a.Options(Stage(st), c.Mode))
		if err != nil {
			return ErrMalformed // no attributes that pass Check do this
		}
		s.ctx[st] = ctx
	}
	if e := s.variants(c.Mode); e != 0 {
		return e
	}
	s.whole = s.rules.IIPC.Nature == schc.NatureNoCompression
	s.ready(alg, residueBits(&s.rules.EEC), residueBits(&s.rules.CTEC))
	s.pad2023()
	return nil
}

// Load is Init without a heap: o has the Contexts of the Rules, c.Memory the
// memory of the window, and a is what the Rules were derived from and has passed
// Check when they were. It does not check a again. It returns ErrUnsupported for
// ProfileEHC2023, ErrMalformed for Contexts that are not of these attributes, as
// far as lengths and the SPI show it, and what esp.SA.Init refuses. Rules is empty
// afterwards.
func (s *SA) Load(c esp.Config, suite *esp.Suite, a Attributes, o Options) error {
	if a.Profile != ProfileDietESP10 {
		return ErrUnsupported
	}
	if suite == nil || o.IIPC == nil || o.CTEC == nil || o.EEC == nil || c.SrcPort != 0 || c.DstPort != 0 {
		return ErrMalformed
	}
	// Fields, because a literal of this size, or a pointer to an argument, would
	// be to the heap under TinyGo.
	*s = SA{}
	s.attr, s.opt = a, o
	s.opt.setDefaults()
	s.ctx[IIPC], s.ctx[CTEC], s.ctx[EEC] = o.IIPC, o.CTEC, o.EEC
	if err := s.SA.Init(c, suite); err != nil {
		return espError(err)
	}
	proto := s.attr.Selectors.protocol()
	s.whole = s.attr.IIPC != IIPCDietESP || c.Mode == esp.ModeTransport && !has(transports[:], proto)
	// The residues of CTEC and EEC have the same length for all packets.
	s.tmp = [16]byte{byte(c.SPI >> 24), byte(c.SPI >> 16), byte(c.SPI >> 8), byte(c.SPI)}
	eec, ok := s.measure(EEC, s.tmp[:8])
	s.tmp[0], s.tmp[1] = 0, protoIPv6
	switch {
	case c.Mode == esp.ModeTransport && !s.attr.Selectors.any():
		s.tmp[1] = s.attr.Selectors.Protocols[0]
	case s.attr.Selectors.version() == 4:
		s.tmp[1] = protoIPv4
	}
	ctec, ok2 := s.measure(CTEC, s.tmp[:2])
	id := 0
	if s.attr.RuleID == RuleIDSent {
		id = 8
	}
	if !ok || !ok2 || eec != id+int(s.attr.SPILSBBits)+int(s.attr.SNLSBBits) {
		*s = SA{}
		return ErrMalformed
	}
	s.ready(suite.Algorithm(), eec, ctec)
	return nil
}

// measure returns the bits that a compressor makes of what it is given, and false
// if none of its Rules is for that.
func (s *SA) measure(st Stage, b []byte) (int, bool) {
	s.comp.Reset(s.ctx[st])
	_, _, err := s.comp.CompressInto(s.outer[:], b, schc.DirUp)
	clear(s.outer[:])
	return s.comp.Last().Bits, err == nil
}

// A trailer is Pad Length and Next Header, and the SCHC Packet of both.
type trailer struct {
	trailer [2]byte
	residue [4]byte
	n       uint8 // bytes of residue
	ok      bool
}

// A variant is IIPC for packets of one transport protocol.
type variant struct {
	proto uint8
	ctx   *schc.Context
}

// variants compiles Rules.IIPCOther.
func (s *SA) variants(m esp.Mode) Error {
	list := s.rules.IIPCOther
	if s.opt.IIPC != nil && len(s.opt.IIPCOther) != len(list) {
		return ErrMalformed
	}
	n := 0
	for _, p := range transports {
		if n == len(list) || !s.attr.Selectors.any() && !has(s.attr.Selectors.Protocols, p) {
			continue
		}
		v := variant{proto: p}
		if s.opt.IIPC != nil {
			v.ctx = s.opt.IIPCOther[n]
		} else {
			ctx, err := schc.NewContext(list[n:n+1], s.attr.Options(IIPC, m))
			if err != nil {
				return ErrMalformed
			}
			v.ctx = ctx
		}
		s.more = append(s.more, v)
		n++
	}
	// All Rules have the same fields up to the Next Header.
	for i := range s.rules.IIPC.Fields {
		f := &s.rules.IIPC.Fields[i]
		n := fieldBits(f)
		if f.FID == schc.FIDIPv6NextHeader || f.FID == schc.FIDIPv4Protocol {
			s.nextBits = n
			break
		}
		s.nextBit += n
	}
	return 0
}

// describes reports whether the Rules are for payloads of ESP with this Next
// Header: in transport mode nothing else in the Rule of IIPC says so.
func (s *SA) describes(next uint8) bool { return s.segments == 0 || s.segments == next }

// context returns the Context of IIPC for packets of a protocol, nil if IIPC is
// not performed.
func (s *SA) context(proto uint8) *schc.Context {
	for i := range s.more {
		if s.more[i].proto == proto {
			return s.more[i].ctx
		}
	}
	if s.whole {
		return nil
	}
	return s.ctx[IIPC]
}

// inner returns the protocol of a clear text that is compressed by IIPC, if more
// than one Context may be its.
func (s *SA) inner(text []byte, next uint8) uint8 {
	if len(s.more) == 0 || s.Mode == esp.ModeTransport {
		return next
	}
	v := bitio.Get(text, s.nextBit, s.nextBits)
	if s.attr.Selectors.any() {
		return uint8(v)
	}
	if v < uint64(len(s.attr.Selectors.Protocols)) {
		return s.attr.Selectors.Protocols[v]
	}
	return protoNone // the engine refuses the index
}

// stage returns the Rule of one compressor.
func (r *Rules) stage(s Stage) *schc.Rule {
	switch s {
	case IIPC:
		return &r.IIPC
	case CTEC:
		return &r.CTEC
	}
	return &r.EEC
}

// ready sets up what is the same for all packets; eec and ctec are the bits of
// residues.
func (s *SA) ready(alg esp.Algorithm, eec, ctec int) {
	s.comp.Reset(s.ctx[IIPC])
	s.dec.Reset(s.ctx[IIPC])
	s.generates = s.attr.FlowLabel == ActionGenerated && s.attr.IIPC == IIPCDietESP && s.Mode == esp.ModeTunnel
	if s.Mode == esp.ModeTransport && !s.whole {
		s.segments = s.attr.Selectors.protocol()
	}
	s.eecLen, s.ctecBits = eec/8, ctec
	s.align = max(s.attr.Alignment.Bytes(), alg.BlockLen())
	most := s.ctx[IIPC].MaxCompressedLen(0)
	for i := range s.more {
		most = max(most, s.more[i].ctx.MaxCompressedLen(0))
	}
	s.room = most + 40 + s.eecLen + alg.IVLen() + 3 + 2*s.align + alg.ICVLen()
	if s.Mode == esp.ModeTunnel && s.Src.IsValid() && s.Dst.IsValid() {
		s.PutOuter(&s.tunnel, s.outer[:], s.opt.Protocol, 0)
	}
	s.limit.init(&s.opt)
}

// pad2023 decides whether the 2023 profile says how many padding bits there are.
// The text has a field for that number always, the figures never. It is not
// needed if there are whole bytes in front of it anyway.
func (s *SA) pad2023() {
	if s.attr.Profile != ProfileEHC2023 {
		return
	}
	odd := residueBits(&s.rules.IIPC) + s.ctecBits
	for i := range s.rules.IIPCOther {
		odd |= residueBits(&s.rules.IIPCOther[i]) + s.ctecBits
	}
	if s.align > 1 || odd%8 != 0 {
		s.padBits = bits.Len(uint(s.align*8)) - 1
	}
}

// Attributes returns what the SA was set up with.
func (s *SA) Attributes() Attributes { return s.attr }

// Rules returns the Rules of the SA. The caller must not change them.
func (s *SA) Rules() Rules { return s.rules }

// Context returns the compiled Rule of one compressor.
func (s *SA) Context(st Stage) *schc.Context { return s.ctx[st] }

// HeaderLen returns the bytes of the compressed ESP header.
func (s *SA) HeaderLen() int { return s.eecLen }

// Stats returns what opening packets has cost so far.
func (s *SA) Stats() Stats { return s.limit.stats }

// Refill makes the budget of failing verifications whole again. A caller with a
// clock calls it now and then, such as every second.
func (s *SA) Refill() { s.limit.left = s.limit.budget }
