package sse

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/seqno"
	"github.com/schckit/schckit/schc"
)

// Headers compresses and restores the headers of one session's packets in the
// compact format, under the Rule of a Compression. Session does so by itself if
// it is configured to; Headers is for those who keep the steps apart, have
// another form on each transport (Session.AppendOpenWith), or have no keys. It is
// caller-owned memory for one goroutine.
type Headers struct {
	c    Compression
	icv  int // bytes of ICV behind the payload
	comp schc.Compressor
	dec  schc.Decompressor
	out  schc.Direction // of what is compressed; the rest goes the other way

	head  [8]byte  // the header at work, which the engine takes for a whole packet
	small [16]byte // what it becomes

	window seqno.Window // from which AppendDecompress guesses
	words  [2]uint64
}

// Reset makes h work under ctx, which c.NewContext made, or under an image of
// that. s is the session's suite. dir is the direction of the packets that are
// compressed, DirUp or DirDown; what is decompressed comes the other way. It is
// ErrMalformed if c or dir is out of range, ErrUnsupported for a suite that no
// session can have.
func (h *Headers) Reset(ctx *schc.Context, c Compression, s Suite, dir schc.Direction) error {
	*h = Headers{}
	if err := c.Check(); err != nil {
		return err
	}
	if ctx == nil || dir != schc.DirUp && dir != schc.DirDown {
		return ErrMalformed
	}
	if !s.Valid() {
		return ErrUnsupported
	}
	h.c, h.icv, h.out = c, s.ICVLen(), dir
	h.comp.Reset(ctx)
	h.dec.Reset(ctx)
	return nil
}

// Compression returns what h was made for.
func (h *Headers) Compression() Compression { return h.c }

// CompressRoom returns how many bytes AppendCompress and AppendDecompress need
// behind dst for n bytes of input.
func CompressRoom(n int) int { return n + FormatCompact.HeaderLen() }

// AppendCompress appends the compressed form of pkt, one whole packet, to dst
// and returns the extended slice: the compressed header in whole bytes, then
// payload and ICV as they are.
//
// On error the returned slice is dst, unchanged up to len(dst): ErrTruncated if
// pkt is no packet, ErrNoRule if the Rule does not describe it (another SPI,
// other flags, a Length that is not that of pkt). AppendCompress retains neither
// dst nor pkt, never writes to pkt, and does not allocate when dst has room for
// CompressRoom(len(pkt)) more bytes; dst and pkt must not overlap.
func (h *Headers) AppendCompress(dst, pkt []byte) ([]byte, error) {
	hdr := FormatCompact.HeaderLen()
	x, err := ParseHeader(FormatCompact, pkt)
	if err != nil {
		return dst, err
	}
	if hdr+int(x.Length)+h.icv != len(pkt) {
		return dst, ErrNoRule
	}
	small, e := h.shrink(pkt[:hdr])
	if e != 0 {
		return dst, e
	}
	return bitio.Append(bitio.Append(dst, small...), pkt[hdr:]...), nil
}

// shrink returns what the header becomes, in memory of h. The engine gets the
// header alone: of the Sequence Number the low bits, and a Length of 0, which is
// what it computes, unless it is to stay.
func (h *Headers) shrink(head []byte) ([]byte, Error) {
	keep := uint64(1)<<h.c.SNBits - 1 | ^FormatCompact.MaxSeq()
	if !h.c.Stream {
		keep &^= uint64(FormatCompact.MaxLength()) << seqBits
	}
	binary.BigEndian.PutUint64(h.head[:], binary.BigEndian.Uint64(head)&keep)
	out, _, err := h.comp.AppendCompress(h.small[:0], h.head[:], h.out)
	if err != nil {
		return nil, schcError(err)
	}
	return out, 0
}

// AppendDecompress appends the packet that data stands for to dst and returns
// the extended slice. last is the largest Sequence Number that is known to be
// the peer's, 0 for none: of the numbers with the low-order bits in data the
// packet gets the one that is expected next to it. A wrong guess shows when
// the packet is opened.
//
// On error the returned slice is dst, unchanged up to len(dst): ErrTruncated
// and ErrMalformed for what no peer sends, or if the number would be beyond the
// last one; ErrNoRule if the Rule is not for this direction. AppendDecompress
// retains neither dst nor data, never writes to data, and does not allocate
// when dst has room for CompressRoom(len(data)) more bytes; dst and data must
// not overlap.
func (h *Headers) AppendDecompress(dst, data []byte, last uint64) ([]byte, error) {
	body, low, e := h.restore(data)
	if e != 0 {
		return dst, e
	}
	h.window.Init(DefaultWindow, h.words[:])
	h.window.Reset(last)
	list := h.window.Recover(low, h.c.SNBits, FormatCompact.MaxSeq())
	seq, ok := list.Next()
	if !ok {
		return dst, ErrMalformed
	}
	putSeq(h.head[:], seq)
	return bitio.Append(bitio.Append(dst, h.head[:]...), body...), nil
}

// restore puts the header, with nothing of its Sequence Number but the low bits,
// into h.head and returns what follows it, and those bits.
func (h *Headers) restore(data []byte) (body []byte, low uint32, e Error) {
	n := h.c.HeaderBytes()
	if len(data) < n+h.icv {
		return nil, 0, ErrTruncated
	}
	head, _, err := h.dec.AppendDecompressBits(h.head[:0], data[:n], h.c.HeaderBits(), h.out.Reverse())
	if err != nil {
		return nil, 0, schcError(err)
	}
	v, length := binary.BigEndian.Uint64(head), uint64(len(data)-n-h.icv)
	switch said := v >> seqBits & uint64(FormatCompact.MaxLength()); {
	case h.c.Stream && said > length:
		return nil, 0, ErrTruncated
	case h.c.Stream && said < length, length > uint64(FormatCompact.MaxLength()):
		return nil, 0, ErrMalformed
	case !h.c.Stream:
		v |= length << seqBits
	}
	binary.BigEndian.PutUint64(h.head[:], v)
	return data[n:], uint32(v & FormatCompact.MaxSeq()), 0
}

// putSeq writes the Sequence Number of a compact header.
func putSeq(pkt []byte, seq uint64) {
	head := binary.BigEndian.Uint64(pkt)
	binary.BigEndian.PutUint64(pkt, head&^FormatCompact.MaxSeq()|seq)
}

// schcError is the error of this package for one of the engine's.
func schcError(err error) Error {
	switch e, _ := err.(schc.Error); e {
	case schc.ErrNoRule:
		return ErrNoRule
	case schc.ErrTruncated:
		return ErrTruncated
	case schc.ErrShortBuffer:
		return ErrShortBuffer
	case schc.ErrUnsupported:
		return ErrUnsupported
	}
	return ErrMalformed
}
