package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

func newESPStats(e *env) *cobra.Command {
	var in input
	var sa saFlags
	var form format
	var out output
	var byField bool
	cmd := &cobra.Command{
		Use:   "stats --sa FILE [flags] [FILE]",
		Short: "Show what each compressor of Diet-ESP saves on a capture",
		Long: `Show what Diet-ESP saves against standard ESP under the same SAs, for each of the three
compressors, and with --by-field for each field. The capture has clear packets, as schc
esp seal takes them, or standard ESP under the SAs of the file.

Bits are those that standard ESP sends and those that Diet-ESP sends instead, mean per
packet; the padding that aligns both counts as fields. IVs, ICVs, payload and the IP
header in front of ESP are the same in both. What is saved is given of headers and
trailers, and of whole packets.`,
		Example: `  schc esp stats --sa sa.json -r clear.pcap
  schc esp stats --sa sa.json --by-field -r esp.pcap -f json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			if err := in.check(cmd, args); err != nil {
				return err
			}
			file, info, err := sa.load(cmd, e, &in)
			if err != nil {
				return err
			}
			g, err := newESPGateway(file)
			if err != nil {
				return err
			}
			if len(g.diet.All()) == 0 {
				return errNoDiet(cmd)
			}
			r, err := in.open(cmd, e)
			if err != nil {
				return err
			}
			defer r.Close()
			sum := report.NewDietSummary(byField)
			damage, err := in.each(r, func(_ uint64, p *pcapio.Packet) error {
				loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
				if !ok || p.Snapped() {
					sum.PassNoSA()
					return nil
				}
				g.explain(sum, p.Data[loc.Off:loc.Off+loc.Len])
				return nil
			})
			if err != nil {
				return err
			}
			sum.Finish()
			err = out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return writeDietSummary(w, sum, form.text) }, r.Info(), info)
			if err != nil {
				return err
			}
			return e.damaged(damage)
		},
	}
	cmd.Flags().SortFlags = false
	sa.add(cmd)
	in.add(cmd)
	cmd.Flags().BoolVar(&byField, "by-field", false, "show every field")
	form.add(cmd)
	out.add(cmd)
	return cmd
}

// explain adds a clear packet, or one of standard ESP, to a summary.
func (g *espGateway) explain(sum *report.DietSummary, pkt []byte) {
	for _, s := range g.diet.All() {
		x := s.ExplainESP(pkt)
		if e, _ := x.Err.(dietesp.Error); e != dietesp.ErrNoSA {
			if x.Err == nil || e != dietesp.ErrTruncated && e != dietesp.ErrMalformed && e != dietesp.ErrUnsupported {
				sum.Add(x)
				return
			}
		}
	}
	for i := range g.out {
		o := &g.out[i]
		if o.diet == nil || !o.takes(pkt) {
			continue
		}
		if x := o.diet.Explain(pkt); x.Err != dietesp.ErrNoSA {
			sum.Add(x)
			return
		}
	}
	sum.PassNoSA()
}

func writeDietSummary(w io.Writer, s *report.DietSummary, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, s)
	case "jsonl":
		return report.WriteJSONLine(w, s)
	case "tsv":
		return report.WriteTSV(w, append([][]string{report.DietHead}, s.Rows()...))
	}
	_, err := io.WriteString(w, s.Text())
	return err
}
