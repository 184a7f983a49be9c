package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
)

// sameSide is the output of commands that rewrite packets in place: it has the
// format, the interfaces and the link layers of the input.
type sameSide struct {
	r   *pcapio.Reader
	out io.Writer
	w   pcapio.Writer
	ids int // interfaces that the output has

	longer  bool // packets may become longer than the capture's snap length
	version bool // the IP version of a packet may change

	failed failures
}

// rewrite rewrites a capture: packet gets every packet and writes what becomes of it,
// report is called when all of it is written. inputs are other files that must not
// be written onto.
func (x *sameSide) rewrite(cmd *cobra.Command, e *env, in *input, o *output, quiet bool, packet func(n uint64, p *pcapio.Packet) error, report func(), inputs ...os.FileInfo) error {
	return rewriteCapture(cmd, e, in, o, quiet, rewriter{x.start, packet, x.end, report, &x.failed}, inputs...)
}

func (x *sameSide) start(r *pcapio.Reader, out io.Writer) { x.r, x.out = r, out }

// rewriter is what a command does with a capture: start gets both ends, packet every
// packet, end writes what is left, and report is called when all of it is written.
type rewriter struct {
	start  func(r *pcapio.Reader, out io.Writer)
	packet func(n uint64, p *pcapio.Packet) error
	end    func() error
	report func()
	failed *failures // makes the exit code
}

// rewriteCapture rewrites a capture. inputs are other files that must not be written
// onto.
func rewriteCapture(cmd *cobra.Command, e *env, in *input, o *output, quiet bool, x rewriter, inputs ...os.FileInfo) error {
	r, err := in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := o.create(cmd, e, true, append(inputs, r.Info())...)
	if err != nil {
		return err
	}
	defer guard(out)()
	x.start(r, out)
	progress := e.progress(r, quiet)
	damage, err := in.each(r, x.packet)
	if err == nil {
		err = x.end()
	}
	progress.stop()
	if err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	x.report()
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failed.n > 0 {
		return errFailed
	}
	return nil
}

// sync opens the output and adds new interfaces. The input's own link types do
// for both sides, but for those of one IP version only.
func (x *sameSide) sync() error {
	all := x.r.Interfaces()
	if x.w == nil {
		format := x.r.Format()
		format.Gzip = false
		if x.longer {
			format.SnapLen = max(format.SnapLen, 1<<18)
		}
		format.NG = format.NG || len(all) != 1
		var err error
		if x.w, err = pcapio.NewWriter(x.out, format, application); err != nil {
			return err
		}
	}
	for ; x.ids < len(all); x.ids++ {
		i := *all[x.ids]
		if x.longer {
			i.SnapLen = 0
		}
		if x.version && (i.LinkType == pcapio.LinkTypeIPv4 || i.LinkType == pcapio.LinkTypeIPv6) {
			i.LinkType = pcapio.LinkTypeRaw
		}
		if _, err := x.w.AddInterface(i); err != nil {
			return err
		}
	}
	return nil
}

// end writes what is left, and an output without packets if there were none.
func (x *sameSide) end() error {
	if err := x.sync(); err != nil {
		return err
	}
	return x.w.Flush()
}
