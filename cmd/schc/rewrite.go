package main

import (
	"io"

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
