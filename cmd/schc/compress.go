package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// compressFlags are the flags of the commands that compress captures.
type compressFlags struct {
	loudness
	rules  rulesFlags
	in     input
	dir    direction
	link   link
	strip  bool
	strict bool
}

func (f *compressFlags) add(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	f.rules.add(cmd)
	f.in.add(cmd)
	f.dir.add(cmd)
	f.rules.addChoice(cmd)
	f.link.add(cmd)
	cmd.Flags().BoolVar(&f.strip, "strip-trailer", false, "drop the bytes behind an IP datagram (Ethernet padding) instead of passing the frame through")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "exit with 1 if a packet has no Rule")
	f.loudness.add(cmd)
}

// job is a run over a capture that compresses.
type job struct {
	rules *loaded
	in    schc.Inputs
	r     *pcapio.Reader
	fr    *framer
	rec   *report.Recorder
}

// start checks the flags, loads the Rules and opens the capture.
func (f *compressFlags) start(cmd *cobra.Command, e *env, args []string) (*job, error) {
	if err := f.check(cmd); err != nil {
		return nil, err
	}
	if err := f.in.check(cmd, args); err != nil {
		return nil, err
	}
	if err := f.dir.check(cmd); err != nil {
		return nil, err
	}
	in, err := f.link.inputs(cmd)
	if err != nil {
		return nil, err
	}
	rules, err := f.rules.load(cmd, e, &f.in, true)
	if err != nil {
		return nil, err
	}
	r, err := f.in.open(cmd, e)
	if err != nil {
		return nil, err
	}
	fr := newFramer(rules.ctx, in, f.dir)
	fr.etherType, fr.strip = f.link.etherType, f.strip
	fr.trust, fr.first = f.rules.opts.TrustComputed, f.rules.opts.FirstMatch
	return &job{rules, in, r, fr, report.NewRecorder(rules.set.Rules, rules.set.Descriptions)}, nil
}

// step compresses one packet and counts it.
func (j *job) step(p *pcapio.Packet) report.Reason {
	why := j.fr.compress(p)
	if why != report.Done {
		j.rec.PassedThrough(why, j.fr.loc.Len)
		return why
	}
	j.rec.Compressed(j.fr.dir, &j.fr.res, j.fr.loc.Len)
	if j.fr.loc.Trailer > 0 {
		j.rec.Stripped()
	}
	return why
}

// verdict is the error that ends the command: errFailed if packets failed.
func (f *compressFlags) verdict(s *report.Summary) error {
	if s.Mismatched != nil && *s.Mismatched > 0 || s.Errors > 0 || f.strict && s.NoRule > 0 {
		return errFailed
	}
	return nil
}

func newCompress(e *env) *cobra.Command {
	var f compressFlags
	var out output
	var hex bool
	cmd := &cobra.Command{
		Use:   "compress -C RULES [flags] [FILE]",
		Short: "Compress a capture, or packets in hex",
		Long: `Compress the packets of a capture. The output is pcapng; schc decompress restores
it packet for packet.

Packets that no Rule compresses are passed through unchanged, and so are those
that could not be restored: cut by the snap length, with bytes behind the IP
datagram, or not IP. For every input interface the output has one for these and
up to two, "schc up" and "schc down", for compressed packets. On Ethernet and
Linux cooked captures a compressed frame keeps its link header and VLAN tags and
has the EtherType --ethertype; on others the link type is USER0 (147) and the
frame is the SCHC Packet.

With --hex, every line is a packet in hex, and comes back as

    HEX BITS RULE/LENGTH

the SCHC Packet in hex, its length in bits before padding, and the RuleID with its
length in bits; or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc compress -C rules.json -r in.pcap -w small.pcapng
  schc compress -C rules.json --dev 2001:db8:1::/64 --filter 'udp port 5683' in.pcap -w small.pcapng
  schc compress -C rules.json --hex --dir down < packets.txt`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if hex {
				return compressHex(cmd, e, &f, &out, args)
			}
			return compressCapture(cmd, e, &f, &out, args)
		},
	}
	f.add(cmd)
	out.add(cmd)
	f.link.addEtherType(cmd)
	addHex(cmd, &hex)
	return cmd
}

func compressCapture(cmd *cobra.Command, e *env, f *compressFlags, o *output, args []string) error {
	j, err := f.start(cmd, e, args)
	if err != nil {
		return err
	}
	defer j.r.Close()
	out, err := o.create(cmd, e, true, j.r.Info(), j.rules.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(j.r, f.quiet)
	damage, err := j.compress(f, out)
	progress.stop()
	if err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	s := j.rec.Summary(damage, false, f.verbose)
	if !f.quiet {
		if f.verbose {
			s.WriteText(e.stderr)
		} else {
			fmt.Fprintln(e.stderr, s.Line())
		}
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	return f.verdict(s)
}

// compress writes the compressed capture.
func (j *job) compress(f *compressFlags, out *pcapio.Output) (damage, err error) {
	c := &compressedSide{w: pcapio.NewNgWriter(out, application), r: j.r, etherType: f.link.etherType, rules: j.rules.ctx.Fingerprint()}
	damage, err = f.in.each(j.r, func(_ uint64, p *pcapio.Packet) error {
		if p.Iface >= len(c.ifaces) {
			if err := c.sync(); err != nil {
				return err
			}
		}
		if j.step(p) != report.Done {
			return c.w.WritePacket(c.ifaces[p.Iface].pass, p)
		}
		var head []byte
		if loc := &j.fr.loc; loc.TypeOff < 0 {
			head = p.Data[:loc.Off]
		}
		id, err := c.id(p, j.fr.dir, head)
		if err != nil {
			return err
		}
		p.Data, p.OrigLen = j.fr.frame, uint32(len(j.fr.frame))
		return c.w.WritePacket(id, p)
	})
	if err == nil {
		err = c.sync() // also interfaces without packets
	}
	if err == nil {
		err = c.w.Flush()
	}
	return damage, err
}
