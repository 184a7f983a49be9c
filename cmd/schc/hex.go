package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/schc"
)

// maxLine bounds a line of packet mode.
const maxLine = 16 << 20

func addHex(cmd *cobra.Command, v *bool) {
	cmd.Flags().BoolVar(v, "hex", false, "packet mode: one packet in hex per line")
}

// className is the name of an error's class in results.
func className(err error) string {
	var e schc.Error
	errors.As(err, &e)
	switch e {
	case schc.ErrNoRule:
		return "no-rule"
	case schc.ErrTruncated:
		return "truncated"
	case schc.ErrShortBuffer:
		return "short-buffer"
	case schc.ErrUnsupported:
		return "unsupported"
	case schc.ErrRCS:
		return "rcs"
	case schc.ErrIncomplete:
		return "incomplete"
	}
	return "malformed"
}

// compressError and restoreError are "<class>: <text>" of an error.
func compressError(err error) string {
	if e, _ := err.(schc.Error); e == schc.ErrNoRule {
		return "no-rule: no Rule matches the packet"
	}
	return className(err) + ": " + clean(err)
}

func restoreError(err error) string {
	e, _ := err.(schc.Error)
	switch e {
	case schc.ErrNoRule:
		return "no-rule: no Rule has this RuleID, or it is not for this direction or needs an IID that is not given"
	case schc.ErrTruncated:
		return "truncated: the SCHC Packet ends early"
	case schc.ErrMalformed:
		return "malformed: no compressor sends this"
	case schc.ErrUnsupported:
		return "unsupported: a SCHC Fragment, or a packet that is too long"
	}
	return className(err) + ": " + clean(err)
}

// errLine is what is wrong with a line itself.
func errLine(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errMalformedLine}, args...)...)
}

var errMalformedLine = errors.New("malformed")

// hexFlags checks what does not go with --hex, and returns the direction.
func hexFlags(cmd *cobra.Command, in *input, dir string, args []string) (schc.Direction, error) {
	if err := conflict(cmd, "hex", "dev", "filter", "strip-trailer", "ethertype", "strict", "pcapng"); err != nil {
		return 0, err
	}
	if err := in.check(cmd, args); err != nil {
		return 0, err
	}
	if !given(cmd, "dir") {
		return schc.DirUp, nil
	}
	d, err := parseDirection(dir)
	if err != nil || d == 0 {
		return 0, usagef(cmd, "--dir: %q is not up or down, which --hex needs", dir)
	}
	return d, nil
}

func compressHex(cmd *cobra.Command, e *env, f *compressFlags, o *output, args []string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	dir, err := hexFlags(cmd, &f.in, f.dir.text, args)
	if err != nil {
		return err
	}
	link, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	rules, err := f.rules.load(cmd, e, &f.in, false)
	if err != nil {
		return err
	}
	var c schc.Compressor
	c.Reset(rules.ctx)
	c.SetInputs(link)
	var pkt, small []byte
	return eachLine(cmd, e, &f.in, o, rules.info, func(dst []byte, words [][]byte) ([]byte, error) {
		// A second word is allowed if it is what decompress puts there.
		if len(words) > 2 || len(words) == 2 && !isRuleID(words[1]) {
			return dst, errLine("more than one word; a packet is one word in hex")
		}
		var err error
		if pkt, err = decodeHex(pkt, words[0]); err != nil {
			return dst, err
		}
		var id schc.RuleID
		if small, id, err = c.AppendCompress(small[:0], pkt, dir); err != nil {
			return dst, errors.New(compressError(err))
		}
		dst = hex.AppendEncode(dst, small)
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64(c.Last().Bits), 10)
		return appendRuleID(append(dst, ' '), id), nil
	})
}

func decompressHex(cmd *cobra.Command, e *env, f *decompressFlags, args []string) error {
	dir, err := hexFlags(cmd, &f.in, f.dir, args)
	if err != nil {
		return err
	}
	link, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	rules, err := f.rules.load(cmd, e, &f.in, false)
	if err != nil {
		return err
	}
	var d schc.Decompressor
	d.Reset(rules.ctx)
	d.SetInputs(link)
	var small, pkt []byte
	return eachLine(cmd, e, &f.in, &f.out, rules.info, func(dst []byte, words [][]byte) ([]byte, error) {
		var err error
		if small, err = decodeHex(small, words[0]); err != nil {
			return dst, err
		}
		bits, err := bitCount(words, len(small))
		if err != nil {
			return dst, err
		}
		var id schc.RuleID
		if pkt, id, err = d.AppendDecompressBits(pkt[:0], small, bits, dir); err != nil {
			return dst, errors.New(restoreError(err))
		}
		if len(pkt) == 0 {
			return dst, errLine("the packet is empty")
		}
		dst = hex.AppendEncode(dst, pkt)
		return appendRuleID(append(dst, ' '), id), nil
	})
}

func appendRuleID(dst []byte, id schc.RuleID) []byte {
	dst = strconv.AppendUint(dst, uint64(id.Value), 10)
	dst = append(dst, '/')
	return strconv.AppendUint(dst, uint64(id.Bits), 10)
}

func isRuleID(b []byte) bool {
	v, n, ok := bytes.Cut(b, []byte{'/'})
	for _, c := range append(v[:len(v):len(v)], n...) {
		ok = ok && '0' <= c && c <= '9'
	}
	return ok && len(v) > 0 && len(n) > 0
}

// decodeHex reads hex into dst, whose contents it replaces.
func decodeHex(dst, word []byte) ([]byte, error) {
	dst, err := hex.AppendDecode(dst[:0], word)
	if err == hex.ErrLength {
		return dst, errLine("an odd number of hex digits")
	}
	if err != nil {
		return dst, errLine("not hex: %.40q", word)
	}
	return dst, nil
}

// decodePayload is decodeHex for what may have no bytes: "-" is that.
func decodePayload(dst, word []byte) ([]byte, error) {
	if string(word) == "-" {
		return dst[:0], nil
	}
	return decodeHex(dst, word)
}

// appendPayload appends b in hex, or "-" if it has no bytes.
func appendPayload(dst, b []byte) []byte {
	if len(b) == 0 {
		return append(dst, '-')
	}
	return hex.AppendEncode(dst, b)
}

// eachLine calls f with the words of each line that is not blank, and writes the
// line that f appends to dst, or the error in its place.
func eachLine(cmd *cobra.Command, e *env, in *input, o *output, rules os.FileInfo, f func(dst []byte, words [][]byte) ([]byte, error)) error {
	l := &lineLoop{e: e, in: in, out: o, rules: rules}
	var dst []byte
	l.each = func(w io.Writer, words [][]byte, err error) error {
		if err == nil {
			dst, err = f(dst[:0], words)
		}
		if err != nil {
			l.failed = true
			dst = append(append(dst[:0], "error: "...), err.Error()...)
		}
		_, err = w.Write(append(dst, '\n'))
		return err
	}
	return l.run(cmd)
}

// lineLoop goes over the lines of packet mode. Output is flushed before it waits
// for input, so that a script can talk to the tool.
type lineLoop struct {
	e     *env
	in    *input
	out   *output
	rules os.FileInfo

	// each gets the words of a line, or what is wrong with the line; end is
	// called behind the last line, unless it is nil.
	each   func(w io.Writer, words [][]byte, err error) error
	end    func(w io.Writer) error
	blank  func(w io.Writer) error // called for a blank line, unless it is nil
	failed bool                    // some line failed
}

func (l *lineLoop) run(cmd *cobra.Command) error {
	src, info := l.e.stdin, os.FileInfo(nil)
	if l.in.path != "-" {
		file, err := os.Open(l.in.path)
		if err != nil {
			return err
		}
		defer file.Close()
		if info, err = file.Stat(); err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("%s: a directory", l.in.path)
		}
		src = file
	}
	out, err := l.out.create(cmd, l.e, false, info, l.rules)
	if err != nil {
		return err
	}
	defer guard(out)()
	w := newBuffered(out)
	if err := l.lines(src, w); err != nil {
		return err
	}
	if l.end != nil {
		if err := l.end(w); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	if l.failed {
		return errFailed
	}
	return nil
}

func newBuffered(out io.Writer) *bufio.Writer { return bufio.NewWriterSize(out, 64<<10) }

func (l *lineLoop) lines(src io.Reader, w *bufio.Writer) error {
	lines := newLineReader(src)
	lines.wait = w.Flush
	var words [][]byte
	for n := uint64(0); l.in.count == 0 || n < l.in.count; {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil && err != errLongLine {
			return fmt.Errorf("%s: %w", l.in.name(), err)
		}
		words = appendFields(words[:0], line)
		if len(words) == 0 && err == nil {
			if l.blank != nil {
				if err := l.blank(w); err != nil {
					return err
				}
			}
			continue
		}
		n++
		if err := l.each(w, words, err); err != nil {
			return err
		}
	}
	return nil
}

// appendFields splits a line at blanks and tabs.
func appendFields(dst [][]byte, line []byte) [][]byte {
	for {
		line = bytes.TrimLeft(line, " \t\r")
		if len(line) == 0 {
			return dst
		}
		i := bytes.IndexAny(line, " \t\r")
		if i < 0 {
			return append(dst, line)
		}
		dst = append(dst, line[:i])
		line = line[i:]
	}
}

// lineReader reads lines of up to maxLine bytes. wait is called before reading
// more input, which may take time.
type lineReader struct {
	src      io.Reader
	buf      []byte
	pos, end int
	scanned  int // bytes behind pos without a line end
	wait     func() error
	err      error
}

var errLongLine = errLine("a line of more than %d bytes", maxLine)

func newLineReader(src io.Reader) *lineReader {
	return &lineReader{src: src, buf: make([]byte, 64<<10)}
}

// next returns the next line without its end, valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	long := false
	for {
		if i := bytes.IndexByte(l.buf[l.pos+l.scanned:l.end], '\n'); i >= 0 {
			line := l.buf[l.pos : l.pos+l.scanned+i]
			l.pos += l.scanned + i + 1
			l.scanned = 0
			if long || len(line) > maxLine {
				return nil, errLongLine
			}
			return line, nil
		}
		l.scanned = l.end - l.pos
		if l.err != nil {
			line := l.buf[l.pos:l.end]
			l.pos, l.scanned = l.end, 0
			if l.err == io.EOF && (long || len(line) > maxLine) {
				return nil, errLongLine
			}
			if l.err == io.EOF && len(line) > 0 {
				return line, nil
			}
			return nil, l.err
		}
		if l.scanned > maxLine {
			long = true
			l.pos, l.scanned = l.end, 0
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

func (l *lineReader) fill() error {
	if err := l.wait(); err != nil {
		return err
	}
	if l.pos > 0 {
		copy(l.buf, l.buf[l.pos:l.end])
		l.pos, l.end = 0, l.end-l.pos
	}
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
	n, err := l.src.Read(l.buf[l.end:])
	l.end += n
	l.err = err
	return nil
}
