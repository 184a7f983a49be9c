package main

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/lowpan"
)

// compareFlags are what a comparison of methods needs besides Rules.
type compareFlags struct {
	lowpan lowpanOptions
	send   senderFlags
	svg    string
}

func (f *compareFlags) add(cmd *cobra.Command) {
	f.lowpan.add(cmd)
	cmd.Flags().BoolVar(&f.send.elide, "elide-checksum", false, "leave out UDP checksums that are right; only where an upper layer has another integrity check (RFC 6282, 4.3.2)")
	f.send.addFrames(cmd, false)
	f.lowpan.addDecompress(cmd)
	cmd.Flags().StringVar(&f.svg, "svg", "", "draw the table as a plot into `FILE`")
	cmd.MarkFlagFilename("svg", "svg")
}

// addCompare gives schc stats the flag --compare.
func addCompare(cmd *cobra.Command, e *env, f *compressFlags, form *format, o *output) {
	var c compareFlags
	var on bool
	cmd.Flags().BoolVar(&on, "compare", false, "compare with 6LoWPAN: bytes per packet with IPHC, with IPHC and GHC, and with SCHC")
	c.add(cmd)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if on {
			return compare(cmd, e, &c, f, form, o, args)
		}
		for _, name := range []string{"context", "link-iid", "elide-checksum", "link-src", "link-dst", "mtu", "strip-routing", "ti-fcs", "key", "svg"} {
			if given(cmd, name) {
				return usagef(cmd, "--%s needs --compare", name)
			}
		}
		return run(cmd, args)
	}
}

func newLowpanStats(e *env) *cobra.Command {
	var c compareFlags
	var f compressFlags
	var form format
	var out output
	var on bool
	cmd := &cobra.Command{
		Use:   "stats [flags] [FILE]",
		Short: "Show what IPHC, GHC and SCHC make of the packets of a capture",
		Long: `Compress every IPv6 packet of a capture with IPHC (and NHC) and with IPHC and GHC,
and with --compare also with SCHC Rules, and show the bytes per packet. The capture
has IPv6 packets or LoWPAN frames, whose packets are restored first.

What is counted is the frame payload of a packet with its dispatch byte, without
fragmentation: 41 for uncompressed IPv6, 44 in front of a SCHC Packet
(draft-ietf-6lo-schc-15dot4). A packet without a Rule counts as uncompressed IPv6.
The frames and the bytes sent are with fragmentation to frames of --mtu bytes: IPHC
and GHC then only reach what is in the first fragment (RFC 4944 fragments the
uncompressed packet), whereas a SCHC Packet is fragmented behind its compression.
Packets too long for fragmentation are left out.`,
		Example: `  schc lowpan stats --context 0=2001:db8:1::/64 in.pcap
  schc lowpan stats --compare -C rules.json --svg compare.svg in.pcap`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !on {
				for _, name := range []string{"rules", "device", "dir", "dev", "lossless", "first-match", "trust-computed", "dev-iid", "app-iid"} {
					if given(cmd, name) {
						return usagef(cmd, "--%s needs --compare", name)
					}
				}
				return compare(cmd, e, &c, &compressFlags{loudness: f.loudness, in: f.in}, &form, &out, args)
			}
			return compare(cmd, e, &c, &f, &form, &out, args)
		},
	}
	cmd.Flags().SortFlags = false
	f.in.add(cmd)
	c.add(cmd)
	cmd.Flags().BoolVar(&on, "compare", false, "compare with SCHC, too; needs Rules")
	f.rules.add(cmd)
	f.dir.add(cmd)
	f.rules.addChoice(cmd)
	f.link.add(cmd)
	form.add(cmd)
	out.add(cmd)
	f.loudness.add(cmd)
	return cmd
}

// The methods that are compared.
const (
	methodIPv6 = "IPv6"
	methodIPHC = "IPHC"
	methodGHC  = "IPHC+GHC"
	methodSCHC = "SCHC"
)

// compare compares methods on a capture. f says which Rules, if there are any.
func compare(cmd *cobra.Command, e *env, c *compareFlags, f *compressFlags, form *format, o *output, args []string) error {
	if err := errors.Join(form.check(cmd), f.loudness.check(cmd)); err != nil {
		return err
	}
	if err := c.lowpan.check(cmd); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	if c.svg == "-" && o.path == "-" {
		return usagef(cmd, "the table and the plot cannot both go to standard output")
	}
	x := &comparer{names: []string{methodIPv6, methodIPHC, methodGHC}}
	var err error
	if x.lowpanRun, err = newLowpanRun(cmd, &lowpanFlags{lowpanOptions: c.lowpan}, &c.send); err != nil {
		return err
	}
	if given(cmd, "compare") {
		if err := conflict(cmd, "compare", "strip-trailer"); err != nil {
			return err // there are no link layers in the comparison
		}
		if err := x.rules(cmd, e, f); err != nil {
			return err
		}
	}
	x.ghc = x.send.Options
	x.ghc.GHC = lowcap.NewGHC()
	r, err := f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := o.create(cmd, e, false, r.Info())
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	x.result = lowcap.NewComparison(x.names...)
	damage, err := f.in.each(r, x.step)
	progress.stop()
	if err != nil {
		return err
	}
	x.summary(damage)
	x.result.Finish(damage)
	if x.fr != nil {
		x.result.NoRule = &x.noRule
	}
	if err := x.result.Write(out, form.text); err != nil {
		return err
	}
	if c.svg != "" {
		svg, err := (&output{c.svg}).create(cmd, e, false, r.Info())
		if err != nil {
			return err
		}
		defer svg.Abort()
		if err := x.result.WriteSVG(svg, title(f.in.path)); err != nil {
			return err
		}
		if err := svg.Commit(); err != nil {
			return err
		}
	}
	if err := commit(out); err != nil {
		return err
	}
	if err := x.failed.verdict(e, damage); err != nil {
		return err
	}
	if f.strict && x.noRule > 0 {
		return errFailed
	}
	return nil
}

// title is the title of the plot.
func title(path string) string {
	if path == "-" {
		return "bytes per packet"
	}
	return filepath.Base(path) + ": bytes per packet"
}

// comparer compresses packets in several ways.
type comparer struct {
	*lowpanRun
	names  []string
	ghc    lowpan.Options
	fr     *framer // nil: no SCHC
	noRule uint64
	result *lowcap.Comparison
	small  []byte
	frag   lowpan.Fragmenter
	hdr    int
	sizes  []lowcap.Size
}

// rules prepares compression with SCHC.
func (x *comparer) rules(cmd *cobra.Command, e *env, f *compressFlags) error {
	if err := f.dir.check(cmd); err != nil {
		return err
	}
	in, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	rules, err := f.rules.load(cmd, e, &f.in, true)
	if err != nil {
		return err
	}
	x.fr = newFramer(rules.ctx, in, f.dir)
	x.fr.trust, x.fr.first = f.rules.opts.TrustComputed, f.rules.opts.FirstMatch
	x.names = append(x.names, methodSCHC)
	return nil
}

var rawInterface = pcapio.Interface{LinkType: pcapio.LinkTypeRaw, Resolution: pcapio.Micro}

func (x *comparer) step(n uint64, p *pcapio.Packet) error {
	pkt, link, _ := x.packet(n, p)
	if pkt == nil {
		x.result.LeftOut++
		return nil
	}
	room := x.send.Room(link)
	x.sizes = append(x.sizes[:0], lowcap.Fragments(1+len(pkt), room))
	for _, opts := range []lowpan.Options{x.send.Options, x.ghc} {
		size, err := x.iphc(pkt, link, room, opts)
		if e, _ := err.(lowpan.Error); e == lowpan.ErrUnsupported {
			x.result.LeftOut++ // too long for fragmentation
			return nil
		} else if err != nil {
			x.failed.add("packet", n, err)
			x.result.LeftOut++
			return nil
		}
		x.sizes = append(x.sizes, size)
	}
	if x.fr != nil {
		why := x.fr.compress(&pcapio.Packet{Data: pkt, OrigLen: uint32(len(pkt)), Interface: &rawInterface})
		if why == report.Done {
			x.sizes = append(x.sizes, lowcap.Fragments(1+len(x.fr.frame), room))
		} else {
			x.noRule++
			x.sizes = append(x.sizes, x.sizes[0])
		}
	}
	x.result.Add(pkt, x.hdr, x.sizes)
	return nil
}

// iphc is the Size of a packet with IPHC. The first call for a packet also finds
// the length of its headers.
func (x *comparer) iphc(pkt []byte, link lowpan.Link, room int, opts lowpan.Options) (size lowcap.Size, err error) {
	if x.small, err = lowpan.AppendCompress(x.small[:0], pkt, link, x.send.Table, opts); err != nil {
		return size, err
	}
	size.Bytes = len(x.small)
	if opts.GHC == nil {
		x.hdr, _ = headerBits(x.small, link, x.send)
	}
	if err := x.frag.Reset(pkt, link, x.send.Table, opts, 0, room); err != nil {
		return size, err
	}
	for more := true; more; size.Frames++ {
		if x.small, more, err = x.frag.AppendFrame(x.small[:0]); err != nil {
			return size, err
		}
		size.Sent += len(x.small)
	}
	return size, nil
}
