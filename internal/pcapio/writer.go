package pcapio

import "io"

// Writer is what NgWriter and PcapWriter have in common. Both copy what they
// are given; an error is final, except ErrRange, which writes nothing.
type Writer interface {
	// AddInterface adds an interface, at any time before its first packet, and
	// returns its number.
	AddInterface(f Interface) (int, error)
	// WritePacket appends p under the output interface iface. p.Iface is not looked at.
	WritePacket(iface int, p *Packet) error
	// Flush writes out what is buffered.
	Flush() error
}

// NewWriter returns a writer of format f: a PcapWriter for a classic one and
// an NgWriter otherwise.
func NewWriter(w io.Writer, f Format, application string) (Writer, error) {
	if f.NG {
		return NewNgWriter(w, application), nil
	}
	return NewPcapWriter(w, f)
}

// writeBuffer is how much is collected before it is written.
const writeBuffer = 256 << 10

// outBuffer collects output. Packets are copied once; one that is longer than
// the buffer is written directly.
type outBuffer struct {
	w   io.Writer
	buf []byte
	err error
}

func newOutBuffer(w io.Writer) outBuffer {
	return outBuffer{w: w, buf: make([]byte, 0, writeBuffer)}
}

// grow appends n bytes (few) of any content and returns them.
func (o *outBuffer) grow(n int) []byte {
	if cap(o.buf)-len(o.buf) < n {
		o.flush()
	}
	i := len(o.buf)
	o.buf = o.buf[:i+n]
	return o.buf[i:]
}

func (o *outBuffer) append(p []byte) {
	if cap(o.buf)-len(o.buf) < len(p) {
		o.flush()
		if len(p) > cap(o.buf) {
			o.write(p)
			return
		}
	}
	o.buf = append(o.buf, p...)
}

func (o *outBuffer) flush() error {
	o.write(o.buf)
	o.buf = o.buf[:0]
	return o.err
}

func (o *outBuffer) write(p []byte) {
	if o.err != nil || len(p) == 0 {
		return
	}
	n, err := o.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	o.err = err
}
