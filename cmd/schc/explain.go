package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// explainFlags are the flags of schc explain.
type explainFlags struct {
	compressFlags
	form   format
	out    output
	hex    bool
	packet uint64
}

func newExplain(e *env) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain -C RULES [flags] [FILE]",
		Short: "Show how packets are compressed, field by field, and why no other way",
		Long: `Show for each packet the Rule that is chosen and what it does with each field:
its value, the operator with its target value, the action, and the bits that are
sent; and for each Rule that is not chosen the first field that keeps it from
matching, with both values, or why it matches and is not the best.

With --hex, every line is a packet in hex.`,
		Example: `  schc explain -C rules.json -r in.pcap --packet 12
  echo 6000... | schc explain -C rules.json --hex --dir up -f json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.form.check(cmd); err != nil {
				return err
			}
			if err := conflict(cmd, "packet", "count"); err != nil {
				return err
			}
			if given(cmd, "packet") && f.packet == 0 {
				return usagef(cmd, "--packet: packets are numbered from 1")
			}
			if f.hex {
				return explainHex(cmd, e, &f, args)
			}
			return explainCapture(cmd, e, &f, args)
		},
	}
	f.add(cmd)
	cmd.Flags().Lookup("verbose").Usage = "show all other Rules, not only the first ones"
	cmd.Flags().Uint64Var(&f.packet, "packet", 0, "explain only packet `N`, as numbered in the capture, or line N of --hex")
	f.form.add(cmd)
	f.out.add(cmd)
	addHex(cmd, &f.hex)
	return cmd
}

// explainer explains packets and prints what it finds.
type explainer struct {
	listing
	rules *loaded
	in    schc.Inputs
	all   bool
	first bool // schc.Options.FirstMatch
}

// print prints one explanation.
func (x *explainer) print(r *report.Explanation) error {
	return x.listing.print(r, r.Rows, func(w io.Writer) error { return r.WriteText(w, x.all) })
}

// packet explains packet n in a direction; 0 tries both.
func (x *explainer) packet(n uint64, pkt []byte, dir schc.Direction) *report.Explanation {
	r := &report.Explanation{Packet: n, InBytes: len(pkt)}
	ctx, set := x.rules.ctx, x.rules.set
	if dir != 0 {
		e := ctx.Explain(pkt, dir, x.in)
		r.Dir = dirName(dir)
		x.chosen(r, e, pkt, dir)
		r.AddRules(e, set.Rules, set.Descriptions, "")
		return r
	}
	up, down := ctx.Explain(pkt, schc.DirUp, x.in), ctx.Explain(pkt, schc.DirDown, x.in)
	if up.Err != nil && down.Err != nil {
		x.chosen(r, up, pkt, 0)
		r.AddRules(up, set.Rules, set.Descriptions, "up")
		r.AddRules(down, set.Rules, set.Descriptions, "down")
		return r
	}
	e, dir := up, schc.DirUp
	if up.Err != nil || down.Err == nil && better(&down.Result, &up.Result, x.first) {
		e, dir = down, schc.DirDown
	}
	r.Dir = dirName(dir)
	x.chosen(r, e, pkt, dir)
	r.AddRules(e, set.Rules, set.Descriptions, "")
	return r
}

// chosen adds the Rule that was chosen, if there is one.
func (x *explainer) chosen(r *report.Explanation, e *schc.Explanation, pkt []byte, dir schc.Direction) {
	if e.Err != nil {
		r.Passed = "no Rule matches"
		return
	}
	var c schc.Compressor
	c.Reset(x.rules.ctx)
	c.SetInputs(x.in)
	out, _, err := c.AppendCompress(nil, pkt, dir)
	if err != nil {
		r.Error = compressError(err)
		return
	}
	r.AddResult(e, x.rules.set.Rules, x.rules.set.Descriptions, pkt, out)
}

// reasonText says why a frame is passed through.
func reasonText(why report.Reason) string {
	switch why {
	case report.NoRule:
		return "no Rule matches"
	case report.NoDirection:
		return "it is neither from nor to the device"
	case report.SnapCut:
		return "the capture holds only a part of it (snap length)"
	case report.Trailer:
		return "there are bytes behind the IP datagram (--strip-trailer drops them)"
	case report.NonIP:
		return "it holds no IP datagram"
	case report.BadLength:
		return "its recorded length is wrong"
	}
	return "it failed"
}

func explainCapture(cmd *cobra.Command, e *env, f *explainFlags, args []string) error {
	j, err := f.start(cmd, e, args)
	if err != nil {
		return err
	}
	defer j.r.Close()
	out, err := f.out.create(cmd, e, false, j.r.Info(), j.rules.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	w := newBuffered(out)
	x := &explainer{listing: listing{w: w, form: f.form.text, head: report.ExplanationHead}, rules: j.rules, in: j.in, all: f.verbose, first: f.rules.opts.FirstMatch}
	last, noRule := uint64(0), false
	damage, err := f.in.each(j.r, func(n uint64, p *pcapio.Packet) error {
		last = n
		if f.packet != 0 && n != f.packet {
			if n > f.packet {
				return errStop
			}
			return nil
		}
		why := j.fr.compress(p)
		noRule = noRule || why == report.NoRule
		loc := j.fr.loc
		var r *report.Explanation
		if why == report.Done || why == report.NoRule {
			dir := j.fr.fixed
			if j.fr.nets != nil {
				dir = j.fr.dir
			}
			r = x.packet(n, p.Data[loc.Off:loc.Off+loc.Len], dir)
		} else {
			r = &report.Explanation{Packet: n, InBytes: loc.Len, Passed: reasonText(why)}
		}
		return x.print(r)
	})
	if err != nil && err != errStop {
		return err
	}
	if f.packet != 0 && x.n == 0 {
		text := fmt.Errorf("%s: there is no packet %d", f.in.name(), f.packet)
		if f.in.flt != nil {
			return hint(text, "or the filter does not select it")
		}
		return hint(text, "the last one is %d", last)
	}
	if err := x.end(); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if f.strict && noRule {
		return errFailed
	}
	return nil
}

// errStop ends a loop over packets early.
var errStop = errors.New("stop")

func explainHex(cmd *cobra.Command, e *env, f *explainFlags, args []string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	dir, err := hexFlags(cmd, &f.in, f.dir.text, args)
	if err != nil {
		return err
	}
	in, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	rules, err := f.rules.load(cmd, e, &f.in, false)
	if err != nil {
		return err
	}
	x := &explainer{listing: listing{form: f.form.text, head: report.ExplanationHead}, rules: rules, in: in, all: f.verbose, first: f.rules.opts.FirstMatch}
	l := &lineLoop{e: e, in: &f.in, out: &f.out, rules: rules.info}
	n := uint64(0)
	l.each = func(w io.Writer, words [][]byte, err error) error {
		n++
		if f.packet != 0 && n != f.packet {
			return nil
		}
		x.w = w
		var pkt []byte
		if err == nil && len(words) > 2 {
			err = errLine("more than one word; a packet is one word in hex")
		}
		if err == nil {
			pkt, err = decodeHex(nil, words[0])
		}
		if err != nil {
			l.failed = true
			return x.print(&report.Explanation{Packet: n, Error: err.Error()})
		}
		return x.print(x.packet(n, pkt, dir))
	}
	l.end = func(w io.Writer) error {
		x.w = w
		if f.packet != 0 && x.n == 0 {
			return hint(fmt.Errorf("%s: there is no packet %d", f.in.name(), f.packet), "the last one is %d", n)
		}
		return x.end()
	}
	return l.run(cmd)
}
