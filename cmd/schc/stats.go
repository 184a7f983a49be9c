package main

import "github.com/spf13/cobra"

func newStats(e *env) *cobra.Command {
	var f compressFlags
	var form format
	var out output
	cmd := &cobra.Command{
		Use:   "stats -C RULES [flags] [FILE]",
		Short: "Show what compression saves on a capture, per Rule and in total",
		Long: `Compress every packet of a capture in memory and show, per Rule, per direction and
in total, the packets and their bytes before and after.

What is saved is given twice: of the headers that the Rules describe, and of the
whole packets from the IP header on, with payload.`,
		Example: `  schc stats -C rules.json -r in.pcap
  schc stats -C rules.json -r in.pcap -f tsv`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return count(cmd, e, &f, &form, &out, args, false)
		},
	}
	f.add(cmd)
	form.add(cmd)
	out.add(cmd)
	addCompare(cmd, e, &f, &form, &out)
	return cmd
}
