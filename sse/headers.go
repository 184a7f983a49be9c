package sse

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/seqno"
	"github.com/schckit/schckit/schc"
)

// Headers compresses and restores the headers of one session's packets in the
// compact format, under the Rule of a Compression. Session does so by itself if
// it is configured to; Headers is for those who keep the steps apart, or who
// have no keys. It is caller-owned memory for one goroutine.
type Headers struct {
	c    Compression
	comp schc.Compressor
	dec  schc.Decompressor
	out  schc.Direction // of what is compressed; the rest goes the other way

	window seqno.Window // from which AppendDecompress guesses
	words  [2]uint64
}

// Reset makes h work under ctx, which c.NewContext made, or under an image of
// that. dir is the direction of the packets that are compressed, DirUp or
// DirDown; what is decompressed comes the other way. It is ErrMalformed if c or
// dir is out of range.
func (h *Headers) Reset(ctx *schc.Context, c Compression, dir schc.Direction) error {
	*h = Headers{}
	if err := c.Check(); err != nil {
		return err
	}
	if ctx == nil || dir != schc.DirUp && dir != schc.DirDown {
		return ErrMalformed
	}
	h.c, h.out = c, dir
	h.comp.Reset(ctx)
	h.dec.Reset(ctx)
	return nil
}

// Compression returns what h was made for.
func (h *Headers) Compression() Compression { return h.c }

// CompressRoom returns how many bytes AppendCompress and AppendDecompress need
// behind dst for n bytes of input.
func CompressRoom(n int) int { return 2*n + 2*MaxHeaderLen }

// AppendCompress appends the compressed form of pkt, one whole packet, to dst
// and returns the extended slice.
//
// On error the returned slice is dst, unchanged up to len(dst): ErrTruncated if
// pkt is no packet, ErrNoRule if the Rule does not describe it (another SPI,
// other flags, a Length that is not that of pkt). AppendCompress retains neither
// dst nor pkt, never writes to pkt, and does not allocate when dst has room for
// CompressRoom(len(pkt)) more bytes; dst and pkt must not overlap.
func (h *Headers) AppendCompress(dst, pkt []byte) ([]byte, error) {
	if len(pkt) < FormatCompact.HeaderLen() {
		return dst, ErrTruncated
	}
	out, err := h.shrinkTail(append(dst, pkt...), len(dst))
	if err != nil {
		return dst, err
	}
	return out, nil
}

// shrinkTail compresses the packet buf[at:] where it is: the engine writes
// behind it, and the result goes to the front.
func (h *Headers) shrinkTail(buf []byte, at int) ([]byte, error) {
	end := len(buf)
	putSeq(buf[at:], binary.BigEndian.Uint64(buf[at:])&(1<<h.c.SNBits-1))
	out, _, err := h.comp.AppendCompress(buf, buf[at:], h.out)
	if err != nil {
		return buf[:at], schcError(err)
	}
	n := copy(out[at:], out[end:])
	return out[:at+n], nil
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
	at := len(dst)
	out, low, err := h.restore(dst, data)
	if err != nil {
		return dst, schcError(err)
	}
	h.window.Init(DefaultWindow, h.words[:])
	h.window.Reset(last)
	list := h.window.Recover(low, h.c.SNBits, FormatCompact.MaxSeq())
	seq, ok := list.Next()
	if !ok {
		return dst, ErrMalformed
	}
	putSeq(out[at:], seq)
	return out, nil
}

// restore appends the packet with nothing of its Sequence Number but the low
// bits, and returns those, too. The error is the engine's.
func (h *Headers) restore(dst, data []byte) ([]byte, uint32, error) {
	out, _, err := h.dec.AppendDecompress(dst, data, h.out.Reverse())
	if err != nil {
		return dst, 0, err
	}
	return out, uint32(binary.BigEndian.Uint64(out[len(dst):]) & FormatCompact.MaxSeq()), nil
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
