package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/learn"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc/rulefile"
)

func newLearn(e *env) *cobra.Command {
	var f learnFlags
	cmd := &cobra.Command{
		Use:   "learn -r CAPTURE -o RULES [flags] [FILE]",
		Short: "Derive a set of Rules from captured traffic",
		Long: `Derive Rules from the packets of a capture: which headers are described, which
fields are elided, mapped, sent in part or computed is decided by what it costs
in bits. The Rules lose nothing. Before they are written, every packet of the
capture is compressed and decompressed again and compared.

The last packets by time (--hold-out) take no part in this. What the Rules do to
them is what they can be expected to do to traffic to come; the report compares
it with the headers as they are and with the Shannon entropy of the fields.

Without --dev or --dir the device is guessed: it is the address that takes part
in most flows; among equals the one with the fewest peers, then the one that
sent the first packet. Its other addresses are those that send from the same
link-layer address. The guess is stated on standard error.

The report goes to standard output, or to standard error if the Rules go there.
Exit code 1 means that a packet came back different, and that nothing was
written, or that the end of the capture is damaged.`,
		Example: `  schc learn -r in.pcap -o rules.json
  schc learn -r in.pcap -o rules.json --max-rules 16 --dev 2001:db8:1::2
  schc learn -r in.pcap -o rules.json --hold-out 0 -f json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, e, args) },
	}
	f.add(cmd)
	return cmd
}

// learnFlags are the flags of learn.
type learnFlags struct {
	loudness
	in      input
	out     output
	dir     direction
	form    format
	opts    learn.Options
	holdOut string
	noComp  bool
	ports   []uint
	device  string
}

func (f *learnFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	f.in.add(cmd)
	fl.StringVarP(&f.out.path, "output", "o", "", "`FILE` of Rules to write; - is standard output; none: only report")
	cmd.MarkFlagFilename("output", "json")
	fl.IntVar(&f.opts.MaxRules, "max-rules", learn.DefaultMaxRules, "at most `N` Rules, the no-compression Rule included")
	fl.IntVar(&f.opts.IDBits, "rule-id-bits", 0, "give all RuleIDs `N` bits; 0: as many as suits how often each Rule is used, at most 16")
	fl.StringVar(&f.holdOut, "hold-out", "20%", "`PART` of the packets that is measured and not learned from, the last ones, such as 20% or 0")
	fl.BoolVar(&f.noComp, "no-compression", true, "add a no-compression Rule")
	f.dir.add(cmd)
	fl.Lookup("dir").Usage = "direction of the packets: `up`, down, or auto, which finds it by the address of the device"
	fl.UintSliceVar(&f.ports, "coap-port", []uint{5683}, "UDP `PORT` whose payload is CoAP (may be repeated)")
	fl.StringVar(&f.device, "device", "", "`NAME` of the device, for the file of Rules")
	fl.IntVar(&f.opts.Sample, "sample", learn.DefaultSample, "learn from at most `N` packets, chosen at random")
	fl.Int64Var(&f.opts.Seed, "seed", 0, "`N` that the random choice starts from")
	f.form.add(cmd)
	f.loudness.add(cmd)
}

// check reads the flags.
func (f *learnFlags) check(cmd *cobra.Command, args []string) error {
	if err := f.loudness.check(cmd); err != nil {
		return err
	}
	if err := f.form.check(cmd); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	if err := f.dir.check(cmd); err != nil {
		return err
	}
	var err error
	if f.opts.HoldOut, err = parsePart(f.holdOut); err != nil {
		return usagef(cmd, "--hold-out: %w", err)
	}
	if !given(cmd, "max-rules") {
		f.opts.MaxRules = 0
	} else if f.opts.MaxRules == 0 {
		f.opts.MaxRules = -1
	}
	if given(cmd, "sample") && f.opts.Sample == 0 {
		f.opts.Sample = -1
	}
	for _, p := range f.ports {
		if p > 0xffff {
			return usagef(cmd, "--coap-port: %d is not a port", p)
		}
		f.opts.CoAPPorts = append(f.opts.CoAPPorts, uint16(p))
	}
	f.opts.NoDefault = !f.noComp
	f.opts.Dir, f.opts.Devices = f.dir.fixed, f.dir.nets
	return nil
}

// parsePart reads a part of a whole: 20% or 0.2.
func parsePart(s string) (float64, error) {
	t, percent := strings.CutSuffix(s, "%")
	x, err := strconv.ParseFloat(t, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a part such as 20%% or 0.2", s)
	}
	if percent {
		x /= 100
	}
	if !(x >= 0 && x <= 0.9) {
		return 0, fmt.Errorf("%q is not from 0 to 90%%", s)
	}
	return x, nil
}

func (f *learnFlags) run(cmd *cobra.Command, e *env, args []string) error {
	if err := f.check(cmd, args); err != nil {
		return err
	}
	src := &captureSource{cmd: cmd, e: e, in: &f.in, quiet: f.quiet}
	defer src.close()
	if err := src.start(); err != nil {
		return err
	}
	res, err := learn.Learn(src, f.opts)
	switch {
	case errors.Is(err, learn.ErrVerify):
		e.report(hint(err, "nothing was written; this is an error of schc: please report it"))
		return errFailed
	case errors.Is(err, learn.ErrOptions):
		return usage(cmd, err)
	case errors.Is(err, learn.ErrNoPackets):
		return hint(fmt.Errorf("%s: %w", f.in.name(), err), "a packet is learned from if it is IP, complete, and from or to the device")
	case err != nil:
		return err
	}
	r := res.Report
	if r.Guess != "" && !f.quiet {
		fmt.Fprintf(e.stderr, "schc: the device is taken to be %s (%s); name it with --dev\n", strings.Join(r.Device, ", "), r.Guess)
	}
	if f.verbose {
		p := r.Parameters
		fmt.Fprintf(e.stderr, "schc: %d generic sides (roles swapped: %t), unseen %g, miss %g bits, caution %g bits, model %g\n",
			p.GenericSides, p.RolesSwapped, p.UnseenPart, p.MissBits, p.CautionBits, p.ModelWeight)
	}
	full := &learnReport{Report: r, NotLearned: src.skipped}
	if f.out.path == "" {
		if err := full.write(e.stdout, f.form.text); err != nil {
			return err
		}
		return e.damaged(src.damage)
	}
	data, err := rulefile.Save(&rulefile.File{Sets: []rulefile.Set{{DeviceID: f.device, Rules: res.Rules, Descriptions: res.Descriptions}}})
	if err != nil {
		return err
	}
	if err := f.out.writeAll(cmd, e, false, func(w *pcapio.Output) error {
		_, err := w.Write(data)
		return err
	}, src.info); err != nil {
		return err
	}
	to := e.stdout
	if f.out.path == "-" {
		to = e.stderr
	}
	if err := full.write(to, f.form.text); err != nil {
		return err
	}
	return e.damaged(src.damage)
}

// learnReport is the report of learn, with what was left out of the capture.
type learnReport struct {
	*learn.Report
	NotLearned skipped `json:"not_learned"`
}

// skipped counts the frames of a capture that are not learned from.
type skipped struct {
	NonIP     int `json:"non_ip"`
	SnapCut   int `json:"snap_cut"`
	BadLength int `json:"bad_length"`
}

func (r *learnReport) write(w io.Writer, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, r)
	case "jsonl":
		return report.WriteJSONLine(w, r)
	case "tsv":
		return report.WriteTSV(w, r.Rows())
	}
	s := r.NotLearned
	for _, x := range []struct {
		n    int
		text string
	}{{s.NonIP, "not IP"}, {s.SnapCut, "cut by the snap length"}, {s.BadLength, "of a wrong length"}} {
		if x.n > 0 {
			if _, err := fmt.Fprintf(w, "left out  %d %s\n", x.n, x.text); err != nil {
				return err
			}
		}
	}
	return r.WriteText(w)
}

// captureSource gives the packets of a capture as often as they are needed.
type captureSource struct {
	cmd     *cobra.Command
	e       *env
	in      *input
	quiet   bool
	spool   string // a copy of standard input
	damage  error
	skipped skipped
	info    os.FileInfo
}

// start makes a capture on standard input readable more than once.
func (s *captureSource) start() error {
	if s.in.path == "-" {
		if isTerminal(s.e.stdin) {
			return usagef(s.cmd, "no capture is given, and standard input is a terminal; name a file with -r")
		}
		tmp, err := os.CreateTemp("", "schc-learn-*")
		if err != nil {
			return err
		}
		s.spool = tmp.Name()
		_, err = io.Copy(tmp, s.e.stdin)
		if e := tmp.Close(); err == nil {
			err = e
		}
		return err
	}
	f, err := os.Stat(s.in.path)
	if err != nil {
		return err
	}
	if !f.Mode().IsRegular() {
		return hint(fmt.Errorf("%s is not a regular file", s.in.path), "the capture is read several times; give it on standard input")
	}
	return nil
}

func (s *captureSource) close() {
	if s.spool != "" {
		os.Remove(s.spool)
	}
}

// Each implements learn.Source.
func (s *captureSource) Each(f func(p *learn.Packet) error) error {
	path := s.in.path
	if s.spool != "" {
		path = s.spool
	}
	r, err := pcapio.Open(path, nil)
	if errors.Is(err, pcapio.ErrFormat) {
		err = hint(fmt.Errorf("%s: %w", s.in.name(), err), "captures are pcap or pcapng files, plain or gzip-compressed")
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if s.spool == "" {
		s.info = r.Info()
	}
	bar := s.e.progress(r, s.quiet)
	defer bar.stop()
	s.skipped = skipped{}
	var q learn.Packet
	s.damage, err = s.in.each(r, func(_ uint64, p *pcapio.Packet) error {
		loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
		switch {
		case !ok:
			s.skipped.NonIP++
			return nil
		case p.Snapped():
			s.skipped.SnapCut++
			return nil
		case uint64(len(p.Data)) != uint64(p.OrigLen):
			s.skipped.BadLength++
			return nil
		}
		q.Data, q.Link = p.Data[loc.Off:loc.Off+loc.Len], linkSource(p)
		q.Nanos, _ = p.Nanos()
		return f(&q)
	})
	return err
}

// linkSource returns the link-layer address that a frame is from, or 0.
func linkSource(p *pcapio.Packet) uint64 {
	off := 6
	switch p.Interface.LinkType {
	case pcapio.LinkTypeEthernet:
	case pcapio.LinkTypeSLL:
	case pcapio.LinkTypeSLL2:
		off = 12
	default:
		return 0
	}
	if len(p.Data) < off+6 {
		return 0
	}
	x := uint64(0)
	for _, b := range p.Data[off : off+6] {
		x = x<<8 | uint64(b)
	}
	return x
}
