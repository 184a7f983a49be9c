package pcapio

import (
	"encoding/binary"
	"io"
	"math"
	"math/bits"
)

// Magic numbers of classic pcap files, as written by a little-endian machine.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34
)

const (
	pcapHeaderLen = 24
	pcapRecordLen = 16
)

// readPcapHeader reads the header of a classic pcap file:
//
//	0 magic   4 major, minor (2 each)   8 zone   12 sigfigs   16 snaplen   20 network
//
// The network field has the link type in its low 16 bits and the length of the
// frame check sequence in its top bits.
func (r *Reader) readPcapHeader(magic uint32) error {
	if !r.need(pcapHeaderLen) {
		return r.headerError("shorter than a pcap header")
	}
	r.swap = magic != magicMicro && magic != magicNano
	if r.swap {
		magic = bits.ReverseBytes32(magic)
	}
	b := r.buf[r.pos:]
	network := r.u32(b[20:])
	f := &r.format
	f.BigEndian = r.swap
	f.Nano = magic == magicNano
	f.Major, f.Minor = r.u16(b[4:]), r.u16(b[6:])
	f.Zone, f.SigFigs = int32(r.u32(b[8:])), r.u32(b[12:])
	f.SnapLen = r.u32(b[16:])
	f.LinkFlags = uint16(network >> 16)
	if f.Major != 2 {
		return r.headerError("unsupported pcap version")
	}
	ifc := &Interface{LinkType: LinkType(network), SnapLen: f.SnapLen, Resolution: Micro}
	if f.Nano {
		ifc.Resolution = Nano
	}
	r.ifaces = []*Interface{ifc}
	r.pos += pcapHeaderLen
	return nil
}

// nextPcap reads one record:
//
//	0 seconds   4 micro- or nanoseconds   8 captured length   12 original length   16 data
//
// The captured length is held against MaxPacketLen and not against the snap
// length of the header: many files lie there.
func (r *Reader) nextPcap(p *Packet) error {
	off := r.offset()
	if r.end-r.pos < pcapRecordLen && !r.need(pcapRecordLen) {
		return r.ended(off, "the file ends inside a record header")
	}
	b := r.buf[r.pos : r.pos+pcapRecordLen]
	n := r.u32(b[8:])
	if n > MaxPacketLen {
		return r.corrupt(off, "captured length of %d bytes", n)
	}
	sec, frac := r.u32(b), r.u32(b[4:])
	origLen := r.u32(b[12:])
	total := pcapRecordLen + int(n)
	if r.end-r.pos < total && !r.need(total) {
		return r.ended(off, "the file ends inside a packet")
	}
	unit := uint64(1e6)
	if r.format.Nano {
		unit = 1e9
	}
	p.Data = r.buf[r.pos+pcapRecordLen : r.pos+total : r.pos+total]
	p.OrigLen = origLen
	p.Iface, p.Interface = 0, r.ifaces[0]
	p.Ticks, p.NoTime = uint64(sec)*unit+uint64(frac), false
	p.Flags, p.HasFlags = 0, false
	r.pos += total
	return nil
}

// PcapWriter writes a classic pcap file: one link type, micro- or nanoseconds,
// seconds up to 2106. What such a file cannot hold gives ErrRange.
type PcapWriter struct {
	out    outBuffer
	format Format
	order  binary.ByteOrder
	ifc    Interface
	opened bool
	added  int
}

// NewPcapWriter returns a writer of the classic format f, which is a Format of
// a Reader, or parsed from a Meta, or a literal such as
// Format{SnapLen: 65535}: microseconds, little-endian.
func NewPcapWriter(w io.Writer, f Format) (*PcapWriter, error) {
	if f.NG {
		return nil, ErrRange
	}
	pw := &PcapWriter{out: newOutBuffer(w), format: f, order: binary.LittleEndian}
	if f.BigEndian {
		pw.order = binary.BigEndian
	}
	return pw, nil
}

// AddInterface sets the link type of the file and writes its header. Further
// interfaces of the same link type share it; another one gives ErrRange.
func (w *PcapWriter) AddInterface(f Interface) (int, error) {
	if w.opened {
		if f.LinkType != w.ifc.LinkType {
			return 0, ErrRange
		}
		w.added++
		return w.added - 1, nil
	}
	w.opened, w.added = true, 1
	w.ifc = f
	h := w.format
	if h.Major == 0 {
		h.Major, h.Minor = 2, 4
	}
	magic := uint32(magicMicro)
	if h.Nano {
		magic = magicNano
	}
	var b [pcapHeaderLen]byte
	w.order.PutUint32(b[0:], magic)
	w.order.PutUint16(b[4:], h.Major)
	w.order.PutUint16(b[6:], h.Minor)
	w.order.PutUint32(b[8:], uint32(h.Zone))
	w.order.PutUint32(b[12:], h.SigFigs)
	w.order.PutUint32(b[16:], h.SnapLen)
	w.order.PutUint32(b[20:], uint32(h.LinkFlags)<<16|uint32(f.LinkType))
	w.out.append(b[:])
	return 0, w.out.err
}

// WritePacket appends one record. p.Interface tells the resolution of p.Ticks
// (nil: that of the file). iface is one that AddInterface returned.
func (w *PcapWriter) WritePacket(iface int, p *Packet) error {
	if w.out.err != nil {
		return w.out.err
	}
	if iface < 0 || iface >= w.added || len(p.Data) > MaxPacketLen {
		return ErrRange
	}
	digits, unit := uint(6), uint64(1e6)
	if w.format.Nano {
		digits, unit = 9, 1e9
	}
	ticks := p.Ticks
	if f := p.Interface; f != nil && (f.Resolution != Resolution(digits) || f.TimeOffset != 0) {
		var ok bool
		if ticks, ok = f.decimal(ticks, digits); !ok {
			return ErrRange
		}
	}
	sec := min(ticks/unit, math.MaxUint32)
	frac := ticks - sec*unit // a second or more only at the very end of the range
	if frac > math.MaxUint32 {
		return ErrRange
	}
	b := w.out.grow(pcapRecordLen)
	w.order.PutUint32(b[0:], uint32(sec))
	w.order.PutUint32(b[4:], uint32(frac))
	w.order.PutUint32(b[8:], uint32(len(p.Data)))
	w.order.PutUint32(b[12:], p.OrigLen)
	w.out.append(p.Data)
	return w.out.err
}

// Flush writes out what is buffered. A file without any interface gives ErrRange:
// the classic header cannot do without a link type.
func (w *PcapWriter) Flush() error {
	if !w.opened && w.out.err == nil {
		return ErrRange
	}
	return w.out.flush()
}

// decimal returns the time of ticks since 1970 in units of 10^-n seconds if
// that is exact.
func (f *Interface) decimal(ticks uint64, n uint) (uint64, bool) {
	t, ok := f.Resolution.decimal(ticks, n)
	if !ok || f.TimeOffset == 0 {
		return t, ok
	}
	neg := f.TimeOffset < 0
	mag := uint64(f.TimeOffset)
	if neg {
		mag = -mag
	}
	hi, off := bits.Mul64(mag, pow10[n])
	switch {
	case hi != 0:
		return 0, false
	case neg:
		return t - off, t >= off
	}
	return t + off, t+off >= t
}
