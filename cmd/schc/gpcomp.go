package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/gpcomp/deflate"
)

func newGPComp(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gpcomp",
		Short: "Payload compression: GPComp, and IPComp (RFC 3173)",
		Long: `Compress payloads one by one, before they are encrypted: GPComp
(draft-moskowitz-gpcomp-02) in packet mode, and IPComp (RFC 3173) in captures, which
is the same inside IP (protocol 108).

A payload is sent as it is where compression does not make it smaller, its header
included. The codecs:

    lzs           LZS (RFC 2395), CPI 3: for devices and IPComp peers
    ghc           generic header compression (RFC 7400), CPI 61440: for the smallest devices
    deflate       DEFLATE (RFC 2394), CPI 2: for hosts and IPComp peers
    deflate-dict  DEFLATE with a static dictionary, CPI 61441: for hosts, short payloads

CPIs from 61440 on mean what they mean by mutual consent (RFC 3173, Section 3.3).`,
		Example: `  schc gpcomp compress --codec deflate-dict -r in.pcap -w small.pcap
  schc gpcomp decompress -r small.pcap -w again.pcap
  echo 5b7b22626e223a... | schc gpcomp compress --hex --implied --codec ghc
  schc gpcomp stats --hex --speed testdata/payloads/test/*.hex`,
		Args: noCommand,
		RunE: noCommand,
	}
	for _, add := range []func(*env) *cobra.Command{newGPCompCompress, newGPCompDecompress, newGPCompStats, newGPCompExplain} {
		c := add(e)
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// codecNames are the names of --codec.
var codecNames = []string{"lzs", "ghc", "deflate", "deflate-dict"}

// The longest payloads that codecs have memory to look at as a whole. GHC takes a
// time proportional to it.
const (
	lzsPart = 4096
	ghcPart = 500
)

// newCodec makes a codec; nil for an unknown name.
func newCodec(name string) gpcomp.Codec {
	switch name {
	case "lzs":
		z := new(gpcomp.LZS)
		z.Reset(make([]uint16, gpcomp.LZSMem(lzsPart)))
		return z
	case "ghc":
		g := new(gpcomp.GHC)
		g.Reset(make([]uint16, gpcomp.GHCMem(ghcPart)))
		return g
	case "deflate":
		return new(deflate.Codec)
	case "deflate-dict":
		d, err := deflate.NewDict(1)
		if err != nil {
			return nil // there is a version 1
		}
		return d
	}
	return nil
}

// codecName is the name of --codec for a transform.
func codecName(t gpcomp.Transform) string {
	if t == gpcomp.DictTransform(1) {
		return "deflate-dict"
	}
	return t.String()
}

// assocFlags say which associations there are.
type assocFlags struct {
	codec     string
	cpi       uint16
	threshold int
	limit     int
	backoff   bool
}

func (f *assocFlags) addCodec(cmd *cobra.Command, text string) {
	cmd.Flags().StringVar(&f.codec, "codec", "", "`CODEC`: "+strings.Join(codecNames, ", ")+" ("+text+")")
	cmd.Flags().Uint16Var(&f.cpi, "cpi", 0, "Compression Parameter Index, `N`: 256 to 65535, or the codec's own (default: that)")
	cmd.RegisterFlagCompletionFunc("codec", cobra.FixedCompletions(codecNames, cobra.ShellCompDirectiveNoFileComp))
}

func (f *assocFlags) addSending(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.threshold, "threshold", 0, "try no payloads of fewer than `N` bytes (default: the codec's, 90 for lzs and deflate, 8 for ghc, 16 for deflate-dict)")
	cmd.Flags().BoolVar(&f.backoff, "backoff", false, "after four payloads in a row that did not get smaller, leave out the next ones untried: 8, 16, ... up to 64")
}

func (f *assocFlags) addReceiving(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.limit, "limit", gpcomp.DefaultMaxLen, "restore no payloads of more than `N` bytes, whatever they promise")
}

// load makes the associations: that of --codec, or one for each codec.
func (f *assocFlags) load(cmd *cobra.Command) ([]*gpcomp.Association, error) {
	names := codecNames
	if f.codec != "" {
		if !slices.Contains(codecNames, f.codec) {
			return nil, usagef(cmd, "--codec: %q is not one of %s", f.codec, strings.Join(codecNames, ", "))
		}
		names = []string{f.codec}
	} else if given(cmd, "cpi") {
		return nil, usagef(cmd, "--cpi says nothing without --codec")
	}
	if given(cmd, "threshold") && f.threshold < 1 {
		return nil, usagef(cmd, "--threshold: %d is not a size of at least 1", f.threshold)
	}
	if given(cmd, "limit") && f.limit < 1 {
		return nil, usagef(cmd, "--limit: %d is not a size of at least 1", f.limit)
	}
	var list []*gpcomp.Association
	for _, name := range names {
		a := &gpcomp.Association{Codec: newCodec(name), Threshold: f.threshold, MaxLen: f.limit, Backoff: gpcomp.Backoff{Off: !f.backoff}}
		a.CPI = a.Codec.Transform().CPI()
		if given(cmd, "cpi") {
			if a.CPI = gpcomp.CPI(f.cpi); a.CPI == 0 || a.Check() != nil {
				return nil, hint(fmt.Errorf("--cpi: %d is not a CPI for %s", f.cpi, name), "256 to 65535, or its own, %d", a.Codec.Transform().CPI())
			}
		}
		list = append(list, a)
	}
	return list, nil
}

// gpcompError is "<class>: <text>" of an error.
func gpcompError(err error) string {
	var e gpcomp.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := strings.TrimPrefix(e.Error(), "gpcomp: ")
	switch e {
	case gpcomp.ErrTruncated:
		text = "what was compressed ends early"
	case gpcomp.ErrMalformed:
		text = "no compressor sends this"
	case gpcomp.ErrShortBuffer:
		text = "the payload is longer than --limit, or than an IP packet can be"
	case gpcomp.ErrUnsupported:
		text = "not a whole IP packet"
	case gpcomp.ErrNoSA:
		text = "no codec for this CPI"
	case gpcomp.ErrRefused:
		text = "the payload begins like a compressed one and does not get smaller; --escape sends it longer"
	}
	return e.Class() + ": " + text
}

// cpiText says what kind of CPI one is.
func cpiText(c gpcomp.CPI) string {
	switch {
	case c == 0:
		return "reserved"
	case c < gpcomp.CPIReserved:
		return "well known: " + gpcomp.TransformID(c).String()
	case c < gpcomp.CPINegotiated:
		return "reserved"
	case c < gpcomp.CPIPrivate:
		return "negotiated"
	}
	for _, t := range []gpcomp.Transform{gpcomp.GHCTransform(), gpcomp.DictTransform(1)} {
		if t.CPI() == c {
			return fmt.Sprintf("private use, here %s", codecName(t))
		}
	}
	return "private use"
}
