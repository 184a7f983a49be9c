package sse

import (
	"encoding/binary"

	"github.com/schckit/schckit/gpcomp"
)

// HIPTypes are the numbers of the HIP parameters. The zero value has the
// defaults, as none is assigned.
//
// Odd types are critical: a host that does not know one drops the packet (RFC
// 7401, Section 5.2.1). 4101 is what sse-05 recommends, and is; the others are
// even, as RFC 7401, Section 5.2.2, wants new ones.
type HIPTypes struct {
	Info        uint16 // SSE_INFO; default 66, of the range 66 to 127
	GPComp      uint16 // GPCOMP_INFO; default 68, greater than SSE_INFO, of the same range
	Transform   uint16 // SSE_TRANSFORM; default 4101 (sse-05, Section 7.2)
	Format      uint16 // SSE_FORMAT; default 4102, of the range 4096 to 4480
	Compression uint16 // ours, the widths of compressed headers; default 32768, for private use
}

func (t HIPTypes) defaults() HIPTypes {
	for _, x := range []struct {
		v   *uint16
		def uint16
	}{{&t.Info, 66}, {&t.GPComp, 68}, {&t.Transform, 4101}, {&t.Format, 4102}, {&t.Compression, 32768}} {
		if *x.v == 0 {
			*x.v = x.def
		}
	}
	return t
}

// AppendHIP appends the parameters of a proposal, in the order of their types
// (draft-moskowitz-ssls-hip-02, Section 4; RFC 7401, Section 5.2.1). Of empty
// lists and zero SPIs there is no parameter. ErrMalformed says that the types
// are not increasing or that a list is too long; dst comes back as it was then.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|             Type              |             Length            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| Reserved (GPCOMP_INFO: CPI)   |             ID #1             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|             ID #n             |            Padding            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// Length counts what is between it and the padding to a multiple of 8 bytes.
// Our parameter of widths has the same form: each ID is SPIBits, then SNBits, a
// byte each.
func AppendHIP(dst []byte, p Proposal, t HIPTypes) ([]byte, error) {
	t = t.defaults()
	if t.Info >= t.GPComp || t.GPComp >= t.Transform || t.Transform >= t.Format || t.Format >= t.Compression {
		return dst, ErrMalformed
	}
	w := hipWriter{buf: dst}
	if p.SPI != 0 || p.OldSPI != 0 {
		w.begin(t.Info, 0)
		w.put16(p.KeymatIndex)
		w.put32(p.OldSPI)
		w.put32(p.SPI)
		w.end()
	}
	list(&w, t.GPComp, uint16(p.CPI), p.Comps, func(c gpcomp.TransformID) uint16 { return uint16(c) })
	list(&w, t.Transform, 0, p.Suites, func(s Suite) uint16 { return uint16(s) })
	list(&w, t.Format, 0, p.Formats, func(f Format) uint16 { return uint16(f) })
	list(&w, t.Compression, 0, p.Widths, func(x Widths) uint16 { return uint16(x.SPIBits)<<8 | uint16(x.SNBits) })
	if w.tooLong {
		return dst, ErrMalformed
	}
	return w.buf, nil
}

// list appends a parameter that is a list of identifiers, if it is not empty.
func list[T any](w *hipWriter, typ, head uint16, ids []T, id func(T) uint16) {
	if len(ids) == 0 {
		return
	}
	w.begin(typ, head)
	for _, x := range ids {
		w.put16(id(x))
	}
	w.end()
}

// hipWriter appends parameters.
type hipWriter struct {
	buf     []byte
	at      int // of the parameter
	tooLong bool
}

func (w *hipWriter) put16(v uint16) { w.buf = binary.BigEndian.AppendUint16(w.buf, v) }
func (w *hipWriter) put32(v uint32) { w.buf = binary.BigEndian.AppendUint32(w.buf, v) }

// begin appends Type, Length and the 16 bits behind them.
func (w *hipWriter) begin(typ, head uint16) {
	w.at = len(w.buf)
	w.put16(typ)
	w.put16(0)
	w.put16(head)
}

// end writes the Length and pads.
func (w *hipWriter) end() {
	n := len(w.buf) - w.at - 4
	w.tooLong = w.tooLong || n > 0xffff
	binary.BigEndian.PutUint16(w.buf[w.at+2:], uint16(n))
	for (len(w.buf)-w.at)%8 != 0 {
		w.buf = append(w.buf, 0)
	}
}

// ParseHIP reads the parameters about SSE out of those of a HIP message, or of
// the signed part of one; others are skipped. Suites, formats and algorithms
// that are not known are in the lists, for Select to pass over, but for 0,
// which is reserved.
//
// ErrTruncated says that a parameter ends early; ErrMalformed that types
// decrease, that a parameter occurs twice or has a length that it cannot have,
// or that an identifier is 0 or occurs twice.
func ParseHIP(b []byte, t HIPTypes) (Proposal, error) {
	t = t.defaults()
	var p Proposal
	last := -1
	for len(b) > 0 {
		if len(b) < 8 {
			return Proposal{}, ErrTruncated
		}
		typ, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		total := 11 + n - (n+3)%8 // RFC 7401, Section 5.2.1
		if total > len(b) {
			return Proposal{}, ErrTruncated
		}
		if int(typ) < last {
			return Proposal{}, ErrMalformed
		}
		if e := p.hipParameter(typ, b[4:4+n], &t, int(typ) == last); e != 0 {
			return Proposal{}, e
		}
		last = int(typ)
		b = b[total:]
	}
	return p, nil
}

// hipParameter takes one parameter, whose type is again that of the one before.
func (p *Proposal) hipParameter(typ uint16, c []byte, t *HIPTypes, again bool) Error {
	switch typ {
	default:
		return 0
	case t.Info:
		if again || len(c) != 12 {
			return ErrMalformed
		}
		p.KeymatIndex, p.OldSPI, p.SPI = binary.BigEndian.Uint16(c[2:]), binary.BigEndian.Uint32(c[4:]), binary.BigEndian.Uint32(c[8:])
		return 0
	case t.GPComp, t.Transform, t.Format, t.Compression:
	}
	if again || len(c) < 4 || len(c)%2 != 0 {
		return ErrMalformed
	}
	if typ == t.GPComp {
		p.CPI = gpcomp.CPI(binary.BigEndian.Uint16(c))
	}
	for i := 2; i < len(c); i += 2 {
		if e := p.hipID(typ, binary.BigEndian.Uint16(c[i:]), t); e != 0 {
			return e
		}
	}
	return 0
}

func (p *Proposal) hipID(typ, id uint16, t *HIPTypes) Error {
	ok := id != 0
	switch typ {
	case t.GPComp:
		if id > 0xff {
			return 0 // the registry of IPComp transforms has 8 bits
		}
		p.Comps, ok = appendNew(p.Comps, gpcomp.TransformID(id), ok)
	case t.Transform:
		p.Suites, ok = appendNew(p.Suites, Suite(id), ok)
	case t.Format:
		if id > 0xff {
			p.Formats, _ = appendNew(p.Formats, formatUnknown, true)
			return 0
		}
		p.Formats, ok = appendNew(p.Formats, Format(id), ok)
	case t.Compression:
		w := Widths{uint8(id >> 8), uint8(id)}
		p.Widths, ok = appendNew(p.Widths, w, w.valid())
	}
	if !ok {
		return ErrMalformed
	}
	return 0
}

// formatUnknown stands for formats that cannot be told apart here. It keeps a
// list from being empty, which would mean the mandatory format.
const formatUnknown Format = 0xff

// maxList bounds the lists of a proposal.
const maxList = 256

// appendNew appends x, if it is valid and not there yet.
func appendNew[T comparable](list []T, x T, valid bool) ([]T, bool) {
	if !valid || len(list) >= maxList {
		return list, false
	}
	for _, y := range list {
		if x == y {
			return list, false
		}
	}
	return append(list, x), true
}
