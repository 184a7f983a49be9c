package main

import (
	"bytes"
	"errors"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

func newVerify(e *env) *cobra.Command {
	var f compressFlags
	var form format
	var out output
	cmd := &cobra.Command{
		Use:   "verify -C RULES [flags] [FILE]",
		Short: "Check that every packet of a capture comes back from compression",
		Long: `Compress and decompress every packet of a capture in memory and compare. The
exit code is 1 if a packet came back different, unless its Rule says so: packets
that lose a field with ignore and not-sent are counted as lossy.

In the result, packets = compressed + passed_through, and passed_through is the
sum of the counts behind it (no_rule to errors). in_bytes and out_bytes are from
the IP header on; hdr_in_bytes are the headers that Rules describe, hdr_out_bits
the RuleIDs and residues that stand for them.`,
		Example: `  schc verify -C rules.json -r in.pcap
  schc verify -C rules.json -r in.pcap -f json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return count(cmd, e, &f, &form, &out, args, true)
		},
	}
	f.add(cmd)
	form.add(cmd)
	out.add(cmd)
	return cmd
}

// count runs over a capture and prints the Summary, for verify and stats.
func count(cmd *cobra.Command, e *env, f *compressFlags, form *format, o *output, args []string, verify bool) error {
	if err := form.check(cmd); err != nil {
		return err
	}
	j, err := f.start(cmd, e, args)
	if err != nil {
		return err
	}
	defer j.r.Close()
	out, err := o.create(cmd, e, false, j.r.Info(), j.rules.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(j.r, f.quiet)
	var v *verifier
	if verify {
		v = &verifier{job: j, rs: newRestorer(j.rules.ctx, j.in)}
	}
	damage, err := f.in.each(j.r, func(n uint64, p *pcapio.Packet) error {
		if why := j.step(p); verify && why == report.Done {
			v.check(n, p)
		}
		return nil
	})
	progress.stop()
	if err != nil {
		return err
	}
	s := j.rec.Summary(damage, verify, !verify || f.verbose)
	if err := s.Write(out, form.text); err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	if v != nil {
		v.failures.report(e, "packet")
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	return f.verdict(s)
}

// verifier restores what was compressed and compares.
type verifier struct {
	*job
	rs       *restorer
	failures failures
}

var errDiffers = errors.New("comes back different")

// check restores the frame that was just compressed from p.
func (v *verifier) check(n uint64, p *pcapio.Packet) {
	fr := v.fr
	o := origin{linkType: p.Interface.LinkType, etherType: fr.etherType, dir: fr.dir}
	if fr.loc.TypeOff < 0 {
		o.linkType = pcapio.LinkTypeUser0
		o.head = p.Data[:fr.loc.Off]
	}
	got, err := v.rs.restore(fr.frame, &o)
	want := p.Data[:fr.loc.Off+fr.loc.Len]
	if err == nil && !fr.res.Lossy && !bytes.Equal(got, want) {
		err = errDiffers
	}
	if err != nil {
		v.rec.Mismatched()
		v.failures.add(n, err)
	}
}
