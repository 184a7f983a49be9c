package pcapio

import (
	"encoding/binary"
	"io"
	"math"
)

// NgWriter writes a pcapng file of one section, in little-endian order, with
// any number of interfaces.
type NgWriter struct {
	out    outBuffer
	app    string
	opened bool
	ifaces int
}

// NewNgWriter returns a writer of pcapng. application is written as
// shb_userappl unless it is empty.
func NewNgWriter(w io.Writer, application string) *NgWriter {
	return &NgWriter{out: newOutBuffer(w), app: application}
}

// AddInterface appends an Interface Description. It can be called at any time.
// Texts and option values above 65,535 bytes give ErrRange.
func (w *NgWriter) AddInterface(f Interface) (int, error) {
	if w.out.err != nil {
		return 0, w.out.err
	}
	if len(f.Name) > math.MaxUint16 || len(f.Description) > math.MaxUint16 || w.ifaces == maxInterfaces {
		return 0, ErrRange
	}
	b := startBlock(blockInterface)
	b = binary.LittleEndian.AppendUint16(b, uint16(f.LinkType))
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint32(b, f.SnapLen)
	if f.Name != "" {
		b = appendOption(b, optName, []byte(f.Name))
	}
	if f.Description != "" {
		b = appendOption(b, optDescription, []byte(f.Description))
	}
	b = appendOption(b, optResolution, []byte{byte(f.Resolution)})
	if f.TimeOffset != 0 {
		b = appendOption(b, optTimeOffset, binary.LittleEndian.AppendUint64(nil, uint64(f.TimeOffset)))
	}
	for _, o := range f.Extra {
		if len(o.Value) > math.MaxUint16 {
			return 0, ErrRange
		}
		b = appendOption(b, o.Code, o.Value)
	}
	b = closeBlock(appendOption(b, optEnd, nil))
	if len(b) > maxBlockLen {
		return 0, ErrRange
	}
	w.open()
	w.out.append(b)
	w.ifaces++
	return w.ifaces - 1, w.out.err
}

// WritePacket appends an Enhanced Packet Block. p.Ticks must be in the
// resolution of the output interface iface: it is written as it is.
func (w *NgWriter) WritePacket(iface int, p *Packet) error {
	if w.out.err != nil {
		return w.out.err
	}
	if iface < 0 || iface >= w.ifaces || len(p.Data) > MaxPacketLen {
		return ErrRange
	}
	pad := -len(p.Data) & 3
	total := uint32(enhancedPacketLen + len(p.Data) + pad)
	if p.HasFlags {
		total += 12
	}
	b := w.out.grow(28)
	binary.LittleEndian.PutUint32(b[0:], blockEnhancedPacket)
	binary.LittleEndian.PutUint32(b[4:], total)
	binary.LittleEndian.PutUint32(b[8:], uint32(iface))
	binary.LittleEndian.PutUint32(b[12:], uint32(p.Ticks>>32))
	binary.LittleEndian.PutUint32(b[16:], uint32(p.Ticks))
	binary.LittleEndian.PutUint32(b[20:], uint32(len(p.Data)))
	binary.LittleEndian.PutUint32(b[24:], p.OrigLen)
	w.out.append(p.Data)
	tail := pad + 4
	if p.HasFlags {
		tail += 12
	}
	b = w.out.grow(tail)
	clear(b[:pad])
	b = b[pad:]
	if p.HasFlags {
		binary.LittleEndian.PutUint32(b[0:], optPacketFlags|4<<16)
		binary.LittleEndian.PutUint32(b[4:], p.Flags)
		binary.LittleEndian.PutUint32(b[8:], optEnd)
		b = b[12:]
	}
	binary.LittleEndian.PutUint32(b, total)
	return w.out.err
}

// Flush writes out what is buffered. A file without packets gets its Section
// Header here.
func (w *NgWriter) Flush() error {
	w.open()
	return w.out.flush()
}

// open writes the Section Header, once.
func (w *NgWriter) open() {
	if w.opened {
		return
	}
	w.opened = true
	b := startBlock(blockSectionHeader)
	b = binary.LittleEndian.AppendUint32(b, byteOrderMagic)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, math.MaxUint64) // section length: not given
	if w.app != "" && len(w.app) <= math.MaxUint16 {
		b = appendOption(b, optUserAppl, []byte(w.app))
		b = appendOption(b, optEnd, nil)
	}
	w.out.append(closeBlock(b))
}

func startBlock(typ uint32) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 256), typ)
	return binary.LittleEndian.AppendUint32(b, 0)
}

func closeBlock(b []byte) []byte {
	n := uint32(len(b) + 4)
	binary.LittleEndian.PutUint32(b[4:], n)
	return binary.LittleEndian.AppendUint32(b, n)
}

func appendOption(b []byte, code uint16, v []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
	b = append(b, v...)
	for range -len(v) & 3 {
		b = append(b, 0)
	}
	return b
}
