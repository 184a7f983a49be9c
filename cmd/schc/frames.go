package main

import (
	"encoding/binary"
	"net/netip"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// framer compresses the frames of a capture.
type framer struct {
	direction
	etherType uint16
	strip     bool // drop what is behind the datagram
	trust     bool // schc.Options.TrustComputed
	first     bool // schc.Options.FirstMatch

	comp   [2]schc.Compressor // up, down
	buf    [2][]byte
	screen *screen

	// What the last call of compress found.
	loc   pcapio.Loc
	dir   schc.Direction
	res   schc.Result
	frame []byte // the compressed frame, valid until the next call
}

func newFramer(ctx *schc.Context, in schc.Inputs, d direction) *framer {
	fr := &framer{direction: d, screen: newScreen(ctx.Rules())}
	for i := range fr.comp {
		fr.comp[i].Reset(ctx)
		fr.comp[i].SetInputs(in)
		fr.buf[i] = make([]byte, 0, 1<<16)
	}
	return fr
}

// compress compresses a frame, or says why it is passed through. It does not
// allocate, once its buffers have grown.
func (fr *framer) compress(p *pcapio.Packet) report.Reason {
	fr.loc = pcapio.Loc{}
	fr.frame = nil
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	if !ok {
		return report.NonIP
	}
	fr.loc = loc
	switch {
	case p.Snapped():
		return report.SnapCut
	case uint64(len(p.Data)) != uint64(p.OrigLen), fr.trust && (loc.Short || loc.NoLength):
		// With TrustComputed nobody else would notice the wrong length.
		return report.BadLength
	case loc.Trailer > 0 && !fr.strip:
		return report.Trailer
	}
	pkt := p.Data[loc.Off : loc.Off+loc.Len]
	fr.dir = fr.fixed
	if fr.nets != nil {
		if fr.dir = byAddress(fr.nets, pkt, loc.Version); fr.dir == 0 {
			return report.NoDirection
		}
	}
	head := 0
	if loc.TypeOff >= 0 {
		head = loc.Off
	}
	var i int
	var err error
	if fr.dir != 0 {
		i = index(fr.dir)
		fr.buf[i], _, err = fr.comp[i].AppendCompress(fr.buf[i][:head], pkt, fr.dir)
	} else {
		i, err = fr.both(pkt, head)
		fr.dir = schc.DirUp + schc.Direction(i)
	}
	if err != nil {
		if e, _ := err.(schc.Error); e == schc.ErrNoRule {
			return report.NoRule
		}
		return report.Failed
	}
	fr.res = fr.comp[i].Last()
	fr.frame = fr.buf[i]
	if head > 0 {
		copy(fr.frame, p.Data[:head])
		binary.BigEndian.PutUint16(fr.frame[loc.TypeOff:], fr.etherType)
	}
	return report.Done
}

// index is the place of a direction in the arrays of framer.
func index(d schc.Direction) int { return int(d - schc.DirUp) }

// both compresses in both directions and returns the better one: lossless
// before lossy before no compression, then the fewest bits, then up.
func (fr *framer) both(pkt []byte, head int) (int, error) {
	// In a direction that the screen rules out there is at best a no-compression
	// Rule, which is the same in both.
	up, down := fr.screen.may(0, pkt, fr.loc.Version), fr.screen.may(1, pkt, fr.loc.Version)
	if up != down || !up {
		i := 0
		if down {
			i = 1
		}
		var err error
		fr.buf[i], _, err = fr.comp[i].AppendCompress(fr.buf[i][:head], pkt, schc.DirUp+schc.Direction(i))
		if i == 1 && err == nil && fr.comp[1].Last().Nature == schc.NatureNoCompression {
			i = 0
			fr.buf[0], _, err = fr.comp[0].AppendCompress(fr.buf[0][:head], pkt, schc.DirUp)
		}
		return i, err
	}
	var err [2]error
	for i := range fr.comp {
		fr.buf[i], _, err[i] = fr.comp[i].AppendCompress(fr.buf[i][:head], pkt, schc.DirUp+schc.Direction(i))
	}
	switch {
	case err[1] != nil:
		return 0, err[0]
	case err[0] != nil:
		return 1, nil
	}
	a, b := fr.comp[0].Last(), fr.comp[1].Last()
	if better(&b, &a, fr.first) {
		return 1, nil
	}
	return 0, nil
}

// better reports whether a is a better result than b of the same packet in the
// other direction.
func better(a, b *schc.Result, first bool) bool {
	if ra, rb := rank(a, first), rank(b, first); ra != rb {
		return ra < rb
	}
	if first {
		return a.Rule < b.Rule
	}
	return a.Bits < b.Bits
}

func rank(r *schc.Result, first bool) int {
	switch {
	case r.Nature == schc.NatureNoCompression:
		return 2
	case r.Lossy && !first:
		return 1
	}
	return 0
}

// byAddress returns the direction of a packet by its addresses, or 0.
func byAddress(nets []netip.Prefix, pkt []byte, version uint8) schc.Direction {
	var src, dst netip.Addr
	switch {
	case version == 6 && len(pkt) >= 40:
		src, dst = netip.AddrFrom16([16]byte(pkt[8:24])), netip.AddrFrom16([16]byte(pkt[24:40]))
	case version == 4 && len(pkt) >= 20:
		src, dst = netip.AddrFrom4([4]byte(pkt[12:16])), netip.AddrFrom4([4]byte(pkt[16:20]))
	default:
		return 0
	}
	for _, n := range nets {
		if n.Contains(src) {
			return schc.DirUp
		}
	}
	for _, n := range nets {
		if n.Contains(dst) {
			return schc.DirDown
		}
	}
	return 0
}

// origin is where a compressed frame comes from: all that is needed besides the
// Rules to restore it.
type origin struct {
	linkType  pcapio.LinkType // of the compressed frame
	etherType uint16
	dir       schc.Direction
	head      []byte // in front of the datagram and not in the frame
}

// restorer restores the frames of a compressed capture.
type restorer struct {
	dec schc.Decompressor
	buf []byte
	off int // of the datagram in the last restored frame
}

func newRestorer(ctx *schc.Context, in schc.Inputs) *restorer {
	rs := &restorer{buf: make([]byte, 0, 1<<16)}
	rs.dec.Reset(ctx)
	rs.dec.SetInputs(in)
	return rs
}

// restore returns the frame that was compressed, valid until the next call. It
// does not allocate, once its buffer has grown.
func (rs *restorer) restore(frame []byte, o *origin) ([]byte, error) {
	loc, ok := pcapio.LocateEtherType(o.linkType, frame, o.etherType)
	if !ok {
		return nil, errNoSCHC
	}
	head := o.head
	if loc.TypeOff >= 0 {
		head = frame[:loc.Off]
	}
	var err error
	rs.off = len(head)
	rs.buf, _, err = rs.dec.AppendDecompress(append(rs.buf[:0], head...), frame[loc.Off:], o.dir)
	if err != nil {
		return nil, err
	}
	if loc.TypeOff >= 0 {
		v := byte(0)
		if rs.off < len(rs.buf) {
			v = rs.buf[rs.off] >> 4
		}
		if v != 4 && v != 6 {
			return nil, schc.ErrMalformed
		}
		binary.BigEndian.PutUint16(rs.buf[loc.TypeOff:], pcapio.EtherTypeOf(v))
	}
	return rs.buf, nil
}
