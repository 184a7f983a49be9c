package pcapio

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Block types and option codes of draft-ietf-opsawg-pcapng.
const (
	blockSectionHeader  = 0x0a0d0d0a
	blockInterface      = 1
	blockPacket         = 2 // obsolete
	blockSimplePacket   = 3
	blockEnhancedPacket = 6

	byteOrderMagic = 0x1a2b3c4d

	optEnd            = 0
	optUserAppl       = 4  // Section Header
	optName           = 2  // Interface Description, as the following
	optDescription    = 3  //
	optSpeed          = 8  // the first with a number in the byte order of the section
	optResolution     = 9  //
	optTimezone       = 10 //
	optFCSLen         = 13 //
	optTimeOffset     = 14 //
	optTxSpeed        = 16 //
	optRxSpeed        = 17 //
	optPacketFlags    = 2  // (Enhanced) Packet
	sectionHeaderLen  = 28 // with no options, with the closing length
	interfaceLen      = 20
	enhancedPacketLen = 32
	simplePacketLen   = 16
)

// Limits against hostile input. A block that is not read is skipped whatever
// its length.
const (
	maxBlockLen      = MaxPacketLen + 1<<16
	maxInterfaces    = 1 << 16
	maxInterfaceData = 16 << 20 // bytes of options held for all interfaces together
)

// block reads the head of the next block:
//
//	0 type   4 total length   8 body ...   total-4 total length
//
// and buffers all of it if want says that its body is of interest; otherwise
// only 12 bytes are buffered.
func (r *Reader) block() (b []byte, typ uint32, total uint64, err error) {
	off := r.offset()
	if r.end-r.pos < 12 && !r.need(12) {
		return nil, 0, 0, r.ended(off, "the file ends inside a block header")
	}
	b = r.buf[r.pos:r.end]
	if typ = r.u32(b); typ == blockSectionHeader {
		// It has its own byte order.
		switch binary.LittleEndian.Uint32(b[8:]) {
		case byteOrderMagic:
			r.swap = false
		case bits.ReverseBytes32(byteOrderMagic):
			r.swap = true
		default:
			return nil, 0, 0, r.corrupt(off, "section header with byte-order magic %x", b[8:12])
		}
	}
	n := r.u32(b[4:])
	if n < 12 || n&3 != 0 {
		return nil, 0, 0, r.corrupt(off, "block length of %d bytes", n)
	}
	switch typ {
	case blockEnhancedPacket, blockSimplePacket, blockPacket, blockInterface, blockSectionHeader:
	default:
		return b[:0], typ, uint64(n), nil
	}
	if n > maxBlockLen {
		return nil, 0, 0, r.corrupt(off, "block length of %d bytes", n)
	}
	if len(b) < int(n) {
		if !r.need(int(n)) {
			return nil, 0, 0, r.ended(off, "the file ends inside a block")
		}
		b = r.buf[r.pos:r.end]
	}
	b = b[:n]
	if tail := r.u32(b[n-4:]); tail != n {
		return nil, 0, 0, r.corrupt(off, "block length is %d in front and %d behind", n, tail)
	}
	return b, typ, uint64(n), nil
}

// readSection reads the Section Header that starts the file.
func (r *Reader) readSection() error {
	b, _, _, err := r.block()
	if err == nil {
		err = r.sectionHeader(b)
	}
	if err != nil {
		return r.headerError("pcapng section header: " + detail(err))
	}
	return nil
}

func detail(err error) string {
	if e, ok := err.(*RecordError); ok {
		return e.Msg
	}
	return err.Error()
}

// sectionHeader reads b and passes it by. Its interfaces count from here.
//
//	8 byte-order magic   12 major, minor (2 each)   16 section length (8)   24 options
func (r *Reader) sectionHeader(b []byte) error {
	if len(b) < sectionHeaderLen {
		return r.corrupt(r.offset(), "section header of %d bytes", len(b))
	}
	major, minor := r.u16(b[12:]), r.u16(b[14:])
	if major != 1 {
		return r.corrupt(r.offset(), "pcapng version %d.%d", major, minor)
	}
	if len(r.ifaces) == 0 {
		r.format.Major, r.format.Minor = major, minor
	}
	r.section = len(r.ifaces)
	r.pos += len(b)
	return nil
}

func (r *Reader) nextNg(p *Packet) error {
	for {
		b, typ, total, err := r.block()
		if err != nil {
			return err
		}
		switch typ {
		case blockEnhancedPacket:
			return r.enhancedPacket(p, b)
		case blockSimplePacket:
			return r.simplePacket(p, b)
		case blockPacket:
			return r.oldPacket(p, b)
		case blockInterface:
			err = r.interfaceBlock(b)
		case blockSectionHeader:
			err = r.sectionHeader(b)
		default:
			err = r.skipBlock(total)
		}
		if err != nil {
			return err
		}
	}
}

func (r *Reader) skipBlock(total uint64) error {
	off := r.offset()
	if !r.skip(total-4) || !r.need(4) {
		return r.ended(off, "the file ends inside a block")
	}
	if tail := r.u32(r.buf[r.pos:]); uint64(tail) != total {
		return r.corrupt(off, "block length is %d in front and %d behind", total, tail)
	}
	r.pos += 4
	return nil
}

// enhancedPacket reads
//
//	8 interface   12 time, high and low   20 captured length   24 original length   28 data, options
func (r *Reader) enhancedPacket(p *Packet, b []byte) error {
	if len(b) < enhancedPacketLen {
		return r.corrupt(r.offset(), "packet block of %d bytes", len(b))
	}
	p.Ticks = uint64(r.u32(b[12:]))<<32 | uint64(r.u32(b[16:]))
	p.OrigLen = r.u32(b[24:])
	return r.packet(p, b, r.u32(b[8:]), r.u32(b[20:]))
}

// oldPacket reads an obsolete Packet Block, which differs in
//
//	8 interface, drops (2 each)
func (r *Reader) oldPacket(p *Packet, b []byte) error {
	if len(b) < enhancedPacketLen {
		return r.corrupt(r.offset(), "packet block of %d bytes", len(b))
	}
	p.Ticks = uint64(r.u32(b[12:]))<<32 | uint64(r.u32(b[16:]))
	p.OrigLen = r.u32(b[24:])
	return r.packet(p, b, uint32(r.u16(b[8:])), r.u32(b[20:]))
}

// packet reads what both blocks have in common: data and options from 28 on.
func (r *Reader) packet(p *Packet, b []byte, iface, capLen uint32) error {
	body := b[28 : len(b)-4]
	if capLen > MaxPacketLen || int(capLen) > len(body) {
		return r.corrupt(r.offset(), "captured length of %d bytes in a block of %d", capLen, len(b))
	}
	if uint64(iface) >= uint64(len(r.ifaces)-r.section) {
		return r.corrupt(r.offset(), "packet of interface %d, which is not described", iface)
	}
	p.Data = body[:capLen:capLen]
	p.Iface = r.section + int(iface)
	p.Interface = r.ifaces[p.Iface]
	p.NoTime = false
	p.Flags, p.HasFlags = 0, false
	padded := int(capLen+3) &^ 3
	if padded+8 <= len(body) {
		r.packetOptions(p, body[padded:])
	}
	r.pos += len(b)
	return nil
}

// packetOptions looks for epb_flags. Damaged options do not make the packet
// unusable: they end the search.
func (r *Reader) packetOptions(p *Packet, opts []byte) {
	for len(opts) >= 4 {
		code, n := r.u16(opts), int(r.u16(opts[2:]))
		opts = opts[4:]
		if code == optEnd || n > len(opts) {
			return
		}
		if code == optPacketFlags && n == 4 {
			p.Flags, p.HasFlags = r.u32(opts), true
			return
		}
		opts = opts[min((n+3)&^3, len(opts)):]
	}
}

// simplePacket reads
//
//	8 original length   12 data
//
// The captured length is the smallest of that, of the snap length of the
// section's first interface, and of the room in the block.
func (r *Reader) simplePacket(p *Packet, b []byte) error {
	if len(b) < simplePacketLen {
		return r.corrupt(r.offset(), "packet block of %d bytes", len(b))
	}
	if r.section >= len(r.ifaces) {
		return r.corrupt(r.offset(), "packet of interface 0, which is not described")
	}
	p.Iface, p.Interface = r.section, r.ifaces[r.section]
	p.OrigLen = r.u32(b[8:])
	n := p.OrigLen
	if snap := p.Interface.SnapLen; snap != 0 {
		n = min(n, snap)
	}
	body := b[12 : len(b)-4]
	n = min(n, uint32(len(body)), MaxPacketLen)
	p.Data = body[:n:n]
	p.Ticks, p.NoTime = 0, true
	p.Flags, p.HasFlags = 0, false
	r.pos += len(b)
	return nil
}

// interfaceBlock reads
//
//	8 link type, reserved (2 each)   12 snap length   16 options
func (r *Reader) interfaceBlock(b []byte) error {
	if len(b) < interfaceLen {
		return r.corrupt(r.offset(), "interface block of %d bytes", len(b))
	}
	r.kept += len(b)
	if len(r.ifaces) == maxInterfaces || r.kept > maxInterfaceData {
		return r.corrupt(r.offset(), "too many interfaces")
	}
	f := &Interface{
		LinkType:   LinkType(r.u16(b[8:])),
		SnapLen:    r.u32(b[12:]),
		Resolution: Micro,
	}
	opts := b[16 : len(b)-4]
	for len(opts) >= 4 {
		code, n := r.u16(opts), int(r.u16(opts[2:]))
		opts = opts[4:]
		if code == optEnd {
			break
		}
		if n > len(opts) {
			return r.corrupt(r.offset(), "interface option of %d bytes", n)
		}
		r.interfaceOption(f, code, opts[:n])
		opts = opts[min((n+3)&^3, len(opts)):]
	}
	r.ifaces = append(r.ifaces, f)
	r.pos += len(b)
	return nil
}

func (r *Reader) interfaceOption(f *Interface, code uint16, v []byte) {
	switch {
	case code == optName:
		f.Name = text(v)
	case code == optDescription:
		f.Description = text(v)
	case code == optResolution && len(v) == 1:
		f.Resolution = Resolution(v[0])
	case code == optTimeOffset && len(v) == 8:
		v = r.number(v)
		f.TimeOffset = int64(binary.LittleEndian.Uint64(v))
	default:
		switch code {
		case optSpeed, optTxSpeed, optRxSpeed, optTimezone:
			v = r.number(v)
		}
		f.Extra = append(f.Extra, Option{code, append([]byte(nil), v...)})
	}
}

// number returns a copy of v in little-endian order.
func (r *Reader) number(v []byte) []byte {
	v = append([]byte(nil), v...)
	for i, j := 0, len(v)-1; r.swap && i < j; i, j = i+1, j-1 {
		v[i], v[j] = v[j], v[i]
	}
	return v
}

// text returns an option string; some writers count the closing zero byte.
func text(v []byte) string { return strings.TrimRight(string(v), "\x00") }
