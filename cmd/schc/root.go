package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// commands are all subcommands, in the order of the help text.
var commands = []func(*env) *cobra.Command{
	newCompress,
	newDecompress,
	newVerify,
	newStats,
	newExplain,
	newFrag,
	newLowpan,
	newESP,
	newGPComp,
	newEHC,
	newSSE,
	newRules,
	newLearn,
	newGen,
	newVectors,
	newFields,
	newVersion,
	newMan,
}

func newRoot(e *env) *cobra.Command {
	cobra.EnableCommandSorting = false // the table has the better order
	root := &cobra.Command{
		Use:   "schc",
		Short: "Static Context Header Compression (RFC 8724) for captures and packets",
		Long: `schc compresses the packets of a capture with SCHC (RFC 8724), shows what that
saved, and restores them.

Captures are pcap or pcapng, plain or gzip-compressed: Ethernet (with VLAN
tags), Linux cooked, raw IP and loopback. With --hex, compress and decompress
take one packet a line.

Exit codes: 0 done; 1 done, but packets failed or differed, or the end of the
capture is damaged (everything complete was written); 2 usage, file or rules
error, nothing written.`,
		Example: `  schc stats -C rules.json -r in.pcap
  schc compress -C rules.json -r in.pcap -w small.pcapng
  schc decompress -C rules.json -r small.pcapng -w again.pcap
  echo 6000... | schc compress --hex -C rules.json --dir up`,
		Version:       "-", // the text is the version command's
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          noCommand,
	}
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetVersionTemplate(versionInfo().text())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err) })
	root.PersistentFlags().SortFlags = false
	for _, add := range commands {
		root.AddCommand(add(e))
	}
	root.Flags().Bool("version", false, "show the version and the specifications implemented")
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true
	}
	return root
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return noCommand(cmd.Root(), args)
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// noCommand is what schc and its groups of commands do on their own.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(cmd, errors.New("no command is given"))
	}
	text := fmt.Sprintf("there is no command %q", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "schc "))
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		text += fmt.Sprintf("; did you mean %q?", s[0])
	}
	return usage(cmd, errors.New(text))
}

// usage makes err a usage error of cmd.
func usage(cmd *cobra.Command, err error) error {
	return hint(err, "%s --help", cmd.CommandPath())
}

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return usage(cmd, fmt.Errorf(format, args...))
}

// maxArgs allows at most n arguments, which the texts name.
func maxArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef(cmd, "%d arguments, but %s takes %s", len(args), cmd.CommandPath(), what)
		}
		return nil
	}
}

// conflict returns an error if flag a and one of others are both given.
func conflict(cmd *cobra.Command, a string, others ...string) error {
	if !given(cmd, a) {
		return nil
	}
	for _, b := range others {
		if given(cmd, b) {
			return usagef(cmd, "--%s and --%s do not go together", a, b)
		}
	}
	return nil
}

func given(cmd *cobra.Command, flag string) bool {
	f := cmd.Flags().Lookup(flag)
	return f != nil && f.Changed
}
