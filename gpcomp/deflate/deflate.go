package deflate

import (
	"bytes"
	"compress/flate"
	_ "embed" // the dictionary
	"errors"
	"io"
	"math/bits"

	"github.com/schckit/schckit/gpcomp"
)

//go:embed iot-1.dict
var iot1 []byte

// Dict returns the dictionary of a version, or nil if there is none. The caller must
// not change it.
func Dict(version uint8) []byte {
	if version == 1 {
		return iot1
	}
	return nil
}

// Codec is DEFLATE as a gpcomp.Codec. The zero value is that of RFC 2394, without a
// dictionary. It serves one goroutine at a time.
type Codec struct {
	version uint8 // of the dictionary; 0: none
	dict    []byte

	w    *flate.Writer // nil before the first payload
	out  sink
	r    io.ReadCloser // nil before the first payload
	in   bytes.Reader
	one  [1]byte
	back []byte // what a result is decompressed into
}

var _ gpcomp.Codec = (*Codec)(nil)

// NewDict returns a Codec with the dictionary of a version, for which both ends need
// the same one. gpcomp.ErrUnsupported says that there is none.
func NewDict(version uint8) (*Codec, error) {
	d := Dict(version)
	if d == nil {
		return nil, gpcomp.ErrUnsupported
	}
	return &Codec{version: version, dict: d}, nil
}

// Transform is that of RFC 2394, or our own with the version of the dictionary.
func (c *Codec) Transform() gpcomp.Transform {
	if c.version == 0 {
		return gpcomp.Transform{ID: gpcomp.TransformDeflate}
	}
	return gpcomp.DictTransform(c.version)
}

// Threshold is the 90 bytes of RFC 2394, Section 3, and 16 with a dictionary.
func (c *Codec) Threshold() int {
	if c.version == 0 {
		return 90
	}
	return 16
}

// MaxCompressedLen is n and 5 bytes for each block, which have 16 KiB or more, and for
// two blocks besides. With a dictionary compress/flate cannot store the first block as
// it is: that is an eighth more.
func (c *Codec) MaxCompressedLen(n int) int {
	most := n + blockHeader*(n/maxBlock+2)
	if c.version > 0 {
		most += min(n, maxBlock)/8 + 1
	}
	return most
}

const (
	blockHeader = 5       // of a block that is not compressed: 3 bits, padding, 2 lengths
	maxBlock    = 1 << 14 // symbols after which compress/flate begins another block
)

// AppendCompress is gpcomp.Codec's. What it appends was decompressed and compared.
// Cost: about 25 microseconds for a payload of 130 bytes, most of them to clear the tables
// of compress/flate.
func (c *Codec) AppendCompress(dst, src []byte, limit int) ([]byte, error) {
	if limit < 0 {
		return dst, gpcomp.ErrShortBuffer
	}
	if c.w == nil {
		w, err := flate.NewWriterDict(&c.out, flate.DefaultCompression, c.dict)
		if err != nil {
			return dst, gpcomp.ErrUnsupported // the level is a constant
		}
		c.w = w
	}
	// More than that will not become of use when the end is cut off.
	c.out.b, c.out.most = c.out.b[:0], min(limit, c.MaxCompressedLen(len(src)))+blockHeader
	c.w.Reset(&c.out)
	_, err := c.w.Write(src)
	if err == nil {
		err = c.w.Close()
	}
	if err != nil {
		return dst, gpcomp.ErrShortBuffer // the sink was full
	}
	out := c.out.b
	if short := c.trim(out, src); short != nil {
		out = short
	} else if !c.restores(out, src) {
		return dst, gpcomp.ErrUnsupported // compress/flate never fails
	}
	if len(out) > limit {
		return dst, gpcomp.ErrShortBuffer
	}
	return append(dst, out...), nil
}

// restores reports whether code decompresses to payload.
func (c *Codec) restores(code, payload []byte) bool {
	back, e := c.inflate(c.back[:0], code, len(payload))
	if e == 0 {
		c.back = back
	}
	return e == 0 && bytes.Equal(back, payload)
}

// sink takes what a flate.Writer writes, up to a number of bytes.
type sink struct {
	b    []byte
	most int
}

var errFull = errors.New("full")

func (s *sink) Write(p []byte) (int, error) {
	if len(p) > s.most-len(s.b) {
		return 0, errFull
	}
	s.b = append(s.b, p...)
	return len(p), nil
}

// trim returns code without the empty block that compress/flate ends a stream with, the
// block before it made the last one, if that decompresses to payload; else it leaves
// code as it is and returns nil. It is tried only where that block is the first one,
// whose header is at a known place.
func (c *Codec) trim(code, payload []byte) []byte {
	n := cut(code)
	if n == 0 || len(payload) >= maxBlock {
		return nil
	}
	first, end := code[0], code[n-1]
	// The empty block is the bits 1 00 and padding, then its lengths. So the highest bit
	// that is set belongs to it.
	short := code[:n]
	if short[n-1] &^= 1 << (bits.Len8(end) - 1); end == 1 {
		short = short[:n-1]
	}
	code[0] |= 1 // BFINAL
	if c.restores(short, payload) {
		return short
	}
	code[n-1] = end
	code[0] = first
	return nil
}

// cut is the length of code without the lengths of an empty block at its end and
// without zeros in front of them, or 0 if it has no such block.
func cut(code []byte) int {
	short, ok := bytes.CutSuffix(code, []byte{0, 0, 0xff, 0xff})
	if !ok {
		return 0
	}
	return len(bytes.TrimRight(short, "\x00"))
}

// AppendDecompress is gpcomp.Codec's. Bytes behind the end of the stream are malformed;
// bits behind it in its last byte may be any. No more is decompressed than limit
// bytes and a window of 32 KiB. Cost: 8 to 20 ns per byte.
func (c *Codec) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	out, e := c.inflate(dst, src, limit)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

func (c *Codec) inflate(dst, src []byte, limit int) ([]byte, gpcomp.Error) {
	if limit < 0 {
		return dst, gpcomp.ErrShortBuffer
	}
	c.in.Reset(src)
	defer c.in.Reset(nil)
	if c.r == nil {
		c.r = flate.NewReaderDict(&c.in, c.dict)
	} else if err := c.r.(flate.Resetter).Reset(&c.in, c.dict); err != nil {
		return dst, gpcomp.ErrUnsupported // it never fails
	}
	out := dst
	for {
		room := limit - (len(out) - len(dst))
		buf := c.one[:]
		if room > 0 {
			if len(out) == cap(out) {
				out = append(out, 0)[:len(out)]
			}
			buf = out[len(out):min(cap(out), len(out)+room)]
		}
		n, err := c.r.Read(buf)
		switch {
		case n > room:
			return dst, gpcomp.ErrShortBuffer
		case err == nil:
			out = out[:len(out)+n]
		case err == io.EOF && c.in.Len() == 0:
			return out[:len(out)+n], 0
		case err == io.ErrUnexpectedEOF:
			return dst, gpcomp.ErrTruncated
		default:
			return dst, gpcomp.ErrMalformed
		}
	}
}
