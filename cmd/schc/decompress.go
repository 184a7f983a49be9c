package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// decompressFlags are the flags of schc decompress.
type decompressFlags struct {
	loudness
	rules  rulesFlags
	in     input
	out    output
	link   link
	dir    string
	pcapng bool
	hex    bool
}

func newDecompress(e *env) *cobra.Command {
	var f decompressFlags
	cmd := &cobra.Command{
		Use:   "decompress -C RULES [flags] [FILE]",
		Short: "Restore a compressed capture, or SCHC Packets in hex",
		Long: `Restore a capture that schc compress wrote: packet for packet, with its time
stamps, lengths and link types, and in its own format (classic pcap stays
classic pcap). The direction of each packet is that of its interface.

Captures from elsewhere are read too, if --dir tells the direction: frames of
the EtherType --ethertype, or packets of the link type USER0, are restored, other
frames are passed through.

The capture notes the fingerprint of the Rules that compressed it. Other Rules
restore it only if they have these Rules among them: there is a warning.

A SCHC Packet that cannot be restored is reported and left out, and the exit
code is 1. --filter looks at the restored packets.

With --hex, every line is a SCHC Packet in hex, perhaps followed by its length
in bits before padding (what is behind is ignored), and comes back as

    HEX RULE/LENGTH

the packet in hex, and the RuleID with its length in bits; or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc decompress -C rules.json -r small.pcapng -w again.pcap
  schc compress --hex -C rules.json < in.txt | schc decompress --hex -C rules.json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.hex {
				return decompressHex(cmd, e, &f, args)
			}
			return decompressCapture(cmd, e, &f, args)
		},
	}
	cmd.Flags().SortFlags = false
	f.rules.add(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	cmd.Flags().StringVar(&f.dir, "dir", "", "`DIR`ection of SCHC Packets where the capture does not tell: up or down")
	cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions([]string{"up", "down"}, cobra.ShellCompDirectiveNoFileComp))
	f.link.add(cmd)
	f.link.addEtherType(cmd)
	cmd.Flags().BoolVar(&f.pcapng, "pcapng", false, "write pcapng also where the compressed capture was classic pcap")
	addHex(cmd, &f.hex)
	f.loudness.add(cmd)
	return cmd
}

// direction reads --dir, which is up or down or not there.
func (f *decompressFlags) direction(cmd *cobra.Command) (schc.Direction, error) {
	if f.dir == "" && !given(cmd, "dir") {
		return 0, nil
	}
	d, err := parseDirection(f.dir)
	if err != nil || d == 0 {
		return 0, usagef(cmd, "--dir: %q is not up or down", f.dir)
	}
	return d, nil
}

func decompressCapture(cmd *cobra.Command, e *env, f *decompressFlags, args []string) error {
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	dir, err := f.direction(cmd)
	if err != nil {
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
	r, err := f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := f.out.create(cmd, e, true, r.Info(), rules.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	x := &extraction{
		restoredSide: restoredSide{r: r, out: out, pcapng: f.pcapng, rules: rules.ctx.Fingerprint()},
		rs:           newRestorer(rules.ctx, in),
		fallback:     origin{etherType: f.link.etherType, dir: dir},
	}
	damage, err := x.run(&f.in)
	progress.stop()
	if err != nil {
		return fmt.Errorf("%s: %w", f.in.name(), err)
	}
	if err := commit(out); err != nil {
		return err
	}
	x.failures.report(e, "packet")
	if x.others != "" && !f.quiet {
		fmt.Fprintf(e.stderr, "schc: warning: the capture was compressed with other Rules: their fingerprint is %s, that of these %x\n", x.others, x.rules)
	}
	if !f.quiet {
		fmt.Fprintf(e.stderr, "%s: %d restored, %d passed through, %d failed\n", report.Plural(int(x.packets), "packet"), x.restored, x.passed, x.failures.n)
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failures.n > 0 {
		return errFailed
	}
	return nil
}

// extraction restores a capture.
type extraction struct {
	restoredSide
	rs       *restorer
	fallback origin

	packets, restored, passed uint64
	failures                  failures
}

func (x *extraction) run(in *input) (damage, err error) {
	var p pcapio.Packet
	for n := uint64(1); in.count == 0 || x.packets < in.count; n++ {
		err = x.r.Next(&p)
		if x.known < len(x.r.Interfaces()) || x.w == nil {
			if err := x.sync(x.fallback); err != nil {
				return nil, err
			}
			if x.w == nil {
				if err := x.open(); err != nil {
					return nil, err
				}
			}
		}
		if err != nil {
			if damage, err = in.ended(err); err != nil {
				return nil, errors.Unwrap(err)
			}
			break
		}
		if err := x.packet(n, &p, in.flt); err != nil {
			return nil, classicLimit(err)
		}
	}
	return damage, x.w.Flush()
}

// packet restores one packet and writes it.
func (x *extraction) packet(n uint64, p *pcapio.Packet, flt *pcapio.Filter) error {
	f := &x.ifaces[p.Iface]
	restored := false
	if f.dir != 0 {
		data, err := x.restore(p, f)
		switch {
		case err == nil:
			p.Data, p.OrigLen = data, uint32(len(data))
			restored = true
		case err == errNoSCHC && f.pass:
		default:
			x.packets++
			x.failures.add(n, err)
			return nil
		}
	}
	if flt != nil {
		q := *p
		q.Interface = &x.orig[f.id]
		if !flt.Match(&q) {
			return nil
		}
	}
	x.packets++
	if restored {
		x.restored++
	} else {
		x.passed++
	}
	return x.w.WritePacket(f.id, p)
}

func (x *extraction) restore(p *pcapio.Packet, f *restoredIface) ([]byte, error) {
	if p.Snapped() {
		return nil, schc.ErrTruncated
	}
	return x.rs.restore(p.Data, &f.origin)
}

// errNoSCHC is for a frame without a SCHC Packet on an interface for them.
var errNoSCHC = errors.New("no SCHC Packet")

// failures collects what failed: the first few in full.
type failures struct {
	n    uint64
	list []string
}

const maxFailures = 10

func (f *failures) add(n uint64, err error) {
	text := err.Error()
	if err != errDiffers {
		text = restoreError(err)
	}
	f.addText(n, text)
}

func (f *failures) addText(n uint64, text string) {
	f.n++
	if len(f.list) < maxFailures {
		f.list = append(f.list, fmt.Sprintf("%d: %s", n, text))
	}
}

// report prints them, as errors about the items.
func (f *failures) report(e *env, item string) {
	for _, s := range f.list {
		fmt.Fprintf(e.stderr, "schc: error: %s %s\n", item, s)
	}
	if more := f.n - uint64(len(f.list)); more > 0 {
		fmt.Fprintf(e.stderr, "schc: error: and %d more\n", more)
	}
}
