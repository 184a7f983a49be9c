package dietesp

import (
	"encoding/binary"
	"slices"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/seqno"
	"github.com/schckit/schckit/schc"
)

// EECOnly compresses SPI and Sequence Number of standard ESP packets, and nothing
// else: it has no keys. What follows them stays as it is.
//
// Without keys nothing verifies a Sequence Number that was rebuilt. The receiver's
// model is that of RFC 4303, Appendix A2.2, with fewer bits: a window that moves
// with what it takes in, and of all numbers that the bits may stand for the one
// nearest to the number that is due. A packet that this model would not get right
// is not compressed. Both ends must see the same packets, in the same order: a
// tool that works on captures does, a lossy link does not. It is for one goroutine
// at a time.
type EECOnly struct {
	cfg    esp.Config
	attr   Attributes
	proto  uint8
	ctx    *schc.Context
	comp   schc.Compressor
	dec    schc.Decompressor
	window seqno.Window
	n      int // bytes of the compressed header
	tmp    [16]byte
}

// Init sets e up. Of a, which must pass Check, SPILSBBits, SNLSBBits and RuleID count, of o
// Protocol and EEC; of c all but the mode, the ports and the limits. It returns an
// *AttributeError or ErrMalformed.
func (e *EECOnly) Init(c esp.Config, a Attributes, o Options) error {
	o.setDefaults()
	if c.Window == 0 {
		c.Window = esp.DefaultWindow
	}
	// What has no part in it must not fail.
	c.Mode, c.SrcPort, c.DstPort = esp.ModeTransport, 0, 0
	any := c
	any.SPI = max(c.SPI, esp.MinSPI) // captures have reserved ones
	if err := a.check(&any, esp.Algorithm{Encr: esp.EncrAESGCM16, KeyBits: 128}); err != nil {
		return err
	}
	if c.Window == esp.NoWindow {
		c.Window = esp.DefaultWindow
	}
	memory := c.Memory
	if memory == nil {
		memory = make([]uint64, seqno.Words(min(max(c.Window, esp.MinWindow), esp.MaxWindow)))
	}
	rule := a.eec(&c)
	*e = EECOnly{cfg: c, attr: a, proto: o.Protocol, ctx: o.EEC, n: residueBits(&rule) / 8}
	if c.Src.IsValid() && c.Dst.IsValid() && c.Src.Len() != c.Dst.Len() ||
		!c.ESN && c.Seq > 0xffffffff || !e.window.Init(c.Window, memory) {
		return ErrMalformed
	}
	e.window.Reset(c.Seq)
	if e.ctx == nil {
		ctx, err := schc.NewContext([]schc.Rule{rule}, a.Options(EEC, c.Mode))
		if err != nil {
			return ErrMalformed
		}
		e.ctx = ctx
	}
	e.comp.Reset(e.ctx)
	e.dec.Reset(e.ctx)
	return nil
}

// covers reports whether packets between these addresses may be of e.
func (e *EECOnly) covers(h *esp.Headers) bool {
	src, dst := h.Src(), h.Dst()
	return (!e.cfg.Src.IsValid() || e.cfg.Src == src) && (!e.cfg.Dst.IsValid() || e.cfg.Dst == dst)
}

// last returns the highest Sequence Number that there is.
func (e *EECOnly) last() uint64 {
	if e.cfg.ESN {
		return ^uint64(0)
	}
	return 0xffffffff
}

// guess returns the number that low bits most likely stand for.
func (e *EECOnly) guess(low uint32, bits uint8) (uint64, bool) {
	list := e.window.Recover(low, bits, e.last())
	return list.Next()
}

// standard finds the Sequence Number of a standard ESP packet of e.
func (e *EECOnly) standard(espPkt []byte) (h esp.Headers, seq uint64, err Error) {
	if e.ctx == nil {
		return h, 0, ErrNoSA
	}
	if err = locate(&h, espPkt, protoESP); err != 0 {
		return h, 0, err
	}
	b := espPkt[h.End():]
	if len(b) < 8 {
		return h, 0, ErrTruncated
	}
	if binary.BigEndian.Uint32(b) != e.cfg.SPI || !e.covers(&h) {
		return h, 0, ErrNoSA
	}
	seq = uint64(binary.BigEndian.Uint32(b[4:]))
	if e.cfg.ESN {
		var ok bool
		if seq, ok = e.guess(uint32(seq), 32); !ok {
			return h, 0, ErrNoRule // left of the window
		}
	}
	return h, seq, 0
}

// AppendCompress compresses SPI and Sequence Number of a standard ESP packet,
// appends the result to dst and returns the extended slice. ErrNoRule says that
// the packet stays as it is, because the receiver's model would not recover its
// number; the other end calls Observe then. The other errors are those of
// SA.AppendCompress. It does not allocate when dst has room for len(espPkt) + 1
// bytes.
func (e *EECOnly) AppendCompress(dst, espPkt []byte) ([]byte, error) {
	h, seq, err := e.standard(espPkt)
	if err != 0 {
		return dst, err
	}
	mask := uint64(1)<<e.attr.SNLSBBits - 1
	seen, ok := e.guess(uint32(seq&mask), e.attr.SNLSBBits)
	e.observe(seq)
	if !ok || seen != seq || !h.ChecksumRight(espPkt) {
		return dst, ErrNoRule
	}
	at, end := len(dst), h.End()
	out := slices.Grow(dst, len(espPkt)+1)
	out = append(out, espPkt[:end]...)
	h.SetProtocol(out[at:], e.proto)
	binary.BigEndian.PutUint32(e.tmp[0:], e.cfg.SPI)
	binary.BigEndian.PutUint32(e.tmp[4:], uint32(seq&mask))
	out, _, fail := e.comp.AppendCompress(out, e.tmp[:8], schc.DirUp)
	if fail != nil {
		return dst, schcError(fail)
	}
	out = append(out, espPkt[end+8:]...)
	if !h.Fits(len(out) - at) {
		return dst, ErrNoRule
	}
	h.SetLength(out[at:])
	return out, nil
}

// Matches reports whether the compressed packet pkt may be of e.
func (e *EECOnly) Matches(pkt []byte) bool {
	var h esp.Headers
	err := locate(&h, pkt, e.proto)
	if err != 0 || e.ctx == nil || !e.covers(&h) {
		return false
	}
	_, err = e.header(pkt[h.End():])
	return err == 0
}

// header reads the bits of the Sequence Number in a compressed header.
func (e *EECOnly) header(b []byte) (low uint32, err Error) {
	if len(b) < e.n {
		return 0, ErrTruncated
	}
	head, _, fail := e.dec.AppendDecompress(e.tmp[:0], b[:e.n], schc.DirUp)
	if fail != nil || binary.BigEndian.Uint32(head) != e.cfg.SPI {
		return 0, ErrNoSA
	}
	return binary.BigEndian.Uint32(head[4:]), 0
}

// AppendDecompress restores the standard ESP packet of what AppendCompress made,
// appends it to dst and returns the extended slice. It is ErrNoSA for a packet
// that is not of e, ErrReplay if the bits stand for no number from the left edge
// of the window on. It does not allocate when dst has room for len(pkt) + 8 bytes.
func (e *EECOnly) AppendDecompress(dst, pkt []byte) ([]byte, error) {
	if e.ctx == nil {
		return dst, ErrNoSA
	}
	var h esp.Headers
	if err := locate(&h, pkt, e.proto); err != 0 {
		return dst, err
	}
	if !e.covers(&h) {
		return dst, ErrNoSA
	}
	low, err := e.header(pkt[h.End():])
	if err != 0 {
		return dst, err
	}
	seq, ok := e.guess(low, e.attr.SNLSBBits)
	if !ok {
		return dst, ErrReplay
	}
	at, end := len(dst), h.End()
	if !h.Fits(len(pkt) - e.n + 8) {
		return dst, ErrMalformed
	}
	e.observe(seq)
	out := slices.Grow(dst, len(pkt)+8)
	out = append(out, pkt[:end]...)
	h.SetProtocol(out[at:], protoESP)
	out = binary.BigEndian.AppendUint32(out, e.cfg.SPI)
	out = binary.BigEndian.AppendUint32(out, uint32(seq))
	out = append(out, pkt[end+e.n:]...)
	h.SetLength(out[at:])
	return out, nil
}

// Observe tells the window of a standard ESP packet that was not compressed. It
// returns ErrNoSA for a packet that is not of e, and ErrNoRule for one that is
// left of the window.
func (e *EECOnly) Observe(espPkt []byte) error {
	_, seq, err := e.standard(espPkt)
	if err != 0 {
		return err
	}
	e.observe(seq)
	return nil
}

func (e *EECOnly) observe(seq uint64) {
	if seq != 0 {
		e.window.Mark(seq)
	}
}

// An EECSet is EECOnly for several SAs. The zero value is empty.
type EECSet struct{ list []*EECOnly }

// Add adds an SA. It returns ErrMalformed if there is one with the same SPI and
// addresses, or e is not set up.
func (d *EECSet) Add(e *EECOnly) error {
	if e.ctx == nil {
		return ErrMalformed
	}
	for _, o := range d.list {
		if o.cfg.SPI == e.cfg.SPI && o.cfg.Src == e.cfg.Src && o.cfg.Dst == e.cfg.Dst {
			return ErrMalformed
		}
	}
	d.list = append(d.list, e)
	return nil
}

// find returns the SA of a standard ESP packet: the one with most addresses.
func (d *EECSet) find(espPkt []byte) (*EECOnly, Error) {
	var best *EECOnly
	class := ErrNoSA
	for _, e := range d.list {
		_, _, why := e.standard(espPkt)
		switch {
		case why == ErrNoSA:
		case why != 0 && why != ErrNoRule:
			class = why
		case best == nil || e.precision() > best.precision():
			best = e
		}
	}
	if best == nil {
		return nil, class
	}
	return best, 0
}

func (e *EECOnly) precision() int {
	n := 0
	if e.cfg.Dst.IsValid() {
		n += 2
	}
	if e.cfg.Src.IsValid() {
		n++
	}
	return n
}

// AppendCompress is EECOnly.AppendCompress with the SA that espPkt names. A packet
// that might be of another SA, too, once it is compressed, stays as it is:
// ErrNoRule.
func (d *EECSet) AppendCompress(dst, espPkt []byte) ([]byte, error) {
	e, err := d.find(espPkt)
	if err != 0 {
		return dst, err
	}
	out, fail := e.AppendCompress(dst, espPkt)
	if fail != nil {
		return dst, fail
	}
	for _, o := range d.list {
		if o != e && o.Matches(out[len(dst):]) {
			return dst, ErrNoRule
		}
	}
	return out, nil
}

// AppendDecompress is EECOnly.AppendDecompress with the SA that the packet is of.
// It is ErrNoSA if there is none, ErrUnsupported if there are several: nothing
// tells which it is.
func (d *EECSet) AppendDecompress(dst, pkt []byte) ([]byte, error) {
	var one *EECOnly
	for _, e := range d.list {
		if !e.Matches(pkt) {
			continue
		}
		if one != nil {
			return dst, ErrUnsupported
		}
		one = e
	}
	if one == nil {
		return dst, ErrNoSA
	}
	return one.AppendDecompress(dst, pkt)
}

// Observe is EECOnly.Observe with the SA that espPkt names.
func (d *EECSet) Observe(espPkt []byte) error {
	e, err := d.find(espPkt)
	if err != 0 {
		return err
	}
	return e.Observe(espPkt)
}
