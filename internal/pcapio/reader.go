package pcapio

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"sync/atomic"
)

// The reader is our own and not gopacket's pcapgo, which is used as the
// reference in the tests: pcapgo gives times as time.Time only (the resolution
// of the file is lost, and a write is always in nanoseconds), refuses packets
// longer than their original length, and on damaged pcapng input allocates
// by unchecked lengths and panics on short options.

// The read buffer starts small, for small files, and has its full size from the
// second read on. It grows for a longer record, in steps of two as the bytes arrive,
// so a damaged length allocates nothing.
const (
	firstBuffer = 32 << 10
	readBuffer  = 512 << 10
)

// Reader reads the packets of one capture. Create it with Open or NewReader.
type Reader struct {
	src   io.Reader
	count *countReader
	file  io.Closer // to close; nil for a stream
	info  os.FileInfo

	buf      []byte
	pos, end int
	base     int64 // offset of buf[0] in the stream
	srcErr   error // what ended the stream
	err      error // what Next returns from now on
	packets  uint64

	format  Format
	swap    bool // numbers are big-endian
	ifaces  []*Interface
	section int // index of the first interface of this section
	kept    int // bytes of interface options held
}

// countReader counts the bytes of the input as it is stored.
type countReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Open opens the capture at path; "-" means stdin.
func Open(path string, stdin io.Reader) (*Reader, error) {
	if path == "-" {
		r, err := NewReader(stdin)
		if err != nil {
			return nil, err
		}
		if f, ok := stdin.(*os.File); ok {
			r.info, _ = f.Stat() // only wanted for "is this also the output"
		}
		return r, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &RecordError{Msg: "a directory", Err: ErrFormat}
	}
	var r *Reader
	if err == nil {
		r, err = NewReader(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	r.file, r.info = f, info
	return r, nil
}

// NewReader reads the file header from src and returns a Reader of the
// packets behind it. What is not a capture gives ErrFormat. The Reader reads
// ahead; it does not close src.
func NewReader(src io.Reader) (*Reader, error) {
	count := &countReader{r: src}
	br := bufio.NewReaderSize(count, firstBuffer/2) // reads longer than its buffer pass it by
	r := &Reader{src: br, count: count}
	if magic, _ := br.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, r.headerError("damaged gzip header")
		}
		r.src, r.format.Gzip = z, true
	}
	r.buf = make([]byte, firstBuffer)
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reader) readHeader() error {
	if !r.need(4) {
		if r.end == 0 && r.srcErr == io.EOF {
			return r.headerError("the file is empty")
		}
		return r.headerError("shorter than a file header")
	}
	switch magic := binary.LittleEndian.Uint32(r.buf); magic {
	case blockSectionHeader:
		r.format.NG = true
		if err := r.readSection(); err != nil {
			return err
		}
		r.format.BigEndian = r.swap
		return nil
	case magicMicro, magicNano, bits.ReverseBytes32(magicMicro), bits.ReverseBytes32(magicNano):
		return r.readPcapHeader(magic)
	case magicModified, bits.ReverseBytes32(magicModified):
		return r.headerError("the modified pcap variant (magic a1b2cd34) is not supported")
	}
	return r.headerError(fmt.Sprintf("unknown magic number %x", r.buf[:4]))
}

// headerError reports a file without a usable header. An error of the
// operating system goes first.
func (r *Reader) headerError(msg string) error {
	if r.srcErr != nil && classify(r.srcErr) == 0 {
		return r.srcErr
	}
	return &RecordError{Msg: msg, Err: ErrFormat}
}

// classify returns the Error for what the source ended with, and 0 for an
// error of the operating system.
func classify(err error) Error {
	var corrupt flate.CorruptInputError
	switch {
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return ErrCorrupt
	}
	return 0
}

// Next reads the next packet into p. After the last one it returns io.EOF. A
// file that ends inside a record gives ErrTruncated and a damaged one
// ErrCorrupt, both as a *RecordError and after every complete record before
// the fault. Every further call returns the same error. p.Data is valid until
// the next call. Next does not allocate for packets within its buffer.
func (r *Reader) Next(p *Packet) error {
	if r.err != nil {
		return r.err
	}
	if r.format.NG {
		r.err = r.nextNg(p)
	} else {
		r.err = r.nextPcap(p)
	}
	if r.err != nil {
		p.Data = nil
		return r.err
	}
	r.packets++
	return nil
}

// Format says what kind of file is read.
func (r *Reader) Format() Format { return r.format }

// Interfaces returns the interfaces met so far, in the order of Packet.Iface.
// pcapng files may add some between packets. The slice must not be changed.
func (r *Reader) Interfaces() []*Interface { return r.ifaces }

// Info returns the file information of the input for Create, or nil if it is
// not a file.
func (r *Reader) Info() os.FileInfo { return r.info }

// Attach says what the stream of NewReader is made of: Close closes c, if it is
// not nil, and Info returns info.
func (r *Reader) Attach(c io.Closer, info os.FileInfo) { r.file, r.info = c, info }

// Size returns the size of the input in bytes as it is stored, or -1 where
// that is not known, and Offset how much of it was read, for a progress display.
func (r *Reader) Size() int64 {
	if r.info == nil || !r.info.Mode().IsRegular() {
		return -1
	}
	return r.info.Size()
}

// Offset returns how many bytes of the input were read.
func (r *Reader) Offset() int64 { return r.count.n.Load() }

// Close closes the file that Open opened. Data of the last packet is no longer valid.
func (r *Reader) Close() error {
	r.err = os.ErrClosed
	if r.file == nil {
		return nil
	}
	f := r.file
	r.file = nil
	return f.Close()
}

// need makes sure that n bytes are buffered from pos on.
func (r *Reader) need(n int) bool {
	for r.end-r.pos < n {
		if r.srcErr != nil {
			return false
		}
		r.fill(n)
	}
	return true
}

func (r *Reader) fill(n int) {
	if len(r.buf)-r.pos < n {
		buf := r.buf
		if len(buf) < readBuffer {
			buf = make([]byte, readBuffer)
		}
		copy(buf, r.buf[r.pos:r.end])
		r.buf = buf
		r.base += int64(r.pos)
		r.pos, r.end = 0, r.end-r.pos
	}
	if r.end == len(r.buf) { // one record fills it all, and it is longer
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	for range 100 {
		m, err := r.src.Read(r.buf[r.end:])
		r.end += m
		if err != nil {
			r.srcErr = err
		}
		if m > 0 || err != nil {
			return
		}
	}
	r.srcErr = io.ErrNoProgress
}

// skip drops n bytes, whatever their number, without holding them.
func (r *Reader) skip(n uint64) bool {
	for n > 0 {
		m := min(n, readBuffer)
		if !r.need(int(m)) {
			return false
		}
		r.pos += int(m)
		n -= m
	}
	return true
}

// ended is the error for a record at pos that is not complete: io.EOF if it
// does not exist at all.
func (r *Reader) ended(off int64, what string) error {
	kind := classify(r.srcErr)
	switch {
	case kind == 0:
		return r.srcErr
	case r.srcErr == io.EOF && off == r.base+int64(r.end):
		return io.EOF
	case kind == ErrCorrupt:
		what = r.srcErr.Error()
	}
	return &RecordError{Packet: r.packets, Off: off, Msg: what, Err: kind}
}

func (r *Reader) corrupt(off int64, format string, args ...any) error {
	return &RecordError{Packet: r.packets, Off: off, Msg: fmt.Sprintf(format, args...), Err: ErrCorrupt}
}

func (r *Reader) offset() int64 { return r.base + int64(r.pos) }

func (r *Reader) u16(b []byte) uint16 {
	if v := binary.LittleEndian.Uint16(b); !r.swap {
		return v
	} else {
		return bits.ReverseBytes16(v)
	}
}

func (r *Reader) u32(b []byte) uint32 {
	if v := binary.LittleEndian.Uint32(b); !r.swap {
		return v
	} else {
		return bits.ReverseBytes32(v)
	}
}
