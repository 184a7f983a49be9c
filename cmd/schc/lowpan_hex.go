package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/lowpan"
)

// hexLink is --hex and what says of which kind the link-layer addresses are.
type hexLink struct {
	on   bool
	kind string
}

func (h *hexLink) add(cmd *cobra.Command) {
	addHex(cmd, &h.on)
	cmd.Flags().StringVar(&h.kind, "link", "802.15.4", "with --hex: `KIND` of the link-layer addresses: 802.15.4 (2 or 8 bytes), ethernet or ble (6 bytes)")
	cmd.RegisterFlagCompletionFunc("link", cobra.FixedCompletions([]string{"802.15.4", "ethernet", "ble"}, cobra.ShellCompDirectiveNoFileComp))
}

// unused refuses flags of packet mode without --hex.
func (h *hexLink) unused(cmd *cobra.Command) error {
	if given(cmd, "link") {
		return usagef(cmd, "--link needs --hex: frames have their own addresses")
	}
	return nil
}

// check refuses what does not go with --hex.
func (h *hexLink) check(cmd *cobra.Command, in *input, args []string) error {
	if err := conflict(cmd, "hex", "filter", "link-src", "link-dst", "mtu", "pan", "fcs", "drop", "ethernet", "pcapng", "ti-fcs", "key"); err != nil {
		return err
	}
	switch h.kind {
	case "802.15.4", "ethernet", "ble":
	default:
		return usagef(cmd, "--link: %q is not 802.15.4, ethernet or ble", h.kind)
	}
	return in.check(cmd, args)
}

// addr reads a link-layer address.
func (h *hexLink) addr(word []byte) (lowpan.Addr, error) {
	b, err := hex.DecodeString(string(word))
	if err != nil {
		return lowpan.Addr{}, errLine("not a link-layer address: %.40q", word)
	}
	if h.kind == "802.15.4" {
		if len(b) == 2 || len(b) == 8 {
			return lowpan.ParseAddr(b)
		}
		return lowpan.Addr{}, errLine("a link-layer address has 2 or 8 bytes, not %d", len(b))
	}
	if len(b) != 6 {
		return lowpan.Addr{}, errLine("a link-layer address has 6 bytes, not %d", len(b))
	}
	if h.kind == "ble" {
		return lowpan.BLEAddr([6]byte(b)), nil
	}
	return lowpan.ParseAddr(b)
}

// line reads the words of a line: a packet or frame payload, put into buf, and two
// addresses.
func (h *hexLink) line(buf []byte, words [][]byte) ([]byte, lowpan.Link, error) {
	var l lowpan.Link
	if len(words) != 3 {
		return buf, l, errLine("%d words; a line is HEX SOURCE DESTINATION", len(words))
	}
	buf, err := decodeHex(buf, words[0])
	if err != nil {
		return buf, l, err
	}
	if l.Src, err = h.addr(words[1]); err != nil {
		return buf, l, err
	}
	l.Dst, err = h.addr(words[2])
	return buf, l, err
}

func lowpanCompressHex(cmd *cobra.Command, e *env, f *lowpanCompressFlags, args []string) error {
	if err := f.hex.check(cmd, &f.in, args); err != nil {
		return err
	}
	f.send.options(&f.lowpanOptions)
	return lowpanHex(cmd, e, &f.hex, &f.in, &f.out, lowpanPacketError, func(dst, b []byte, l lowpan.Link) ([]byte, error) {
		return lowpan.AppendCompress(dst, b, l, &f.table, f.opts)
	})
}

func lowpanDecompressHex(cmd *cobra.Command, e *env, f *lowpanDecompressFlags, args []string) error {
	if err := f.hex.check(cmd, &f.in, args); err != nil {
		return err
	}
	return lowpanHex(cmd, e, &f.hex, &f.in, &f.out, lowpanError, func(dst, b []byte, l lowpan.Link) ([]byte, error) {
		return lowpan.AppendDecompress(dst, b, l, &f.table, f.opts)
	})
}

// lowpanHex gives the lines of packet mode to f; text is that of its errors.
func lowpanHex(cmd *cobra.Command, e *env, h *hexLink, in *input, o *output, text func(error) string, f func(dst, b []byte, l lowpan.Link) ([]byte, error)) error {
	var from, to []byte
	return eachLine(cmd, e, in, o, nil, func(dst []byte, words [][]byte) ([]byte, error) {
		var l lowpan.Link
		var err error
		if from, l, err = h.line(from, words); err != nil {
			return dst, err
		}
		if to, err = f(to[:0], from, l); err != nil {
			return dst, errors.New(text(err))
		}
		return hex.AppendEncode(dst, to), nil
	})
}

func newLowpanGHC(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ghc",
		Short: "Generic header compression (RFC 7400) of payloads in hex",
		Long: `Code the payload of an IPv6 packet as GHC bytecode (RFC 7400, Section 2) and
restore it. The dictionary is made of the addresses of the packet. The coding is
the shortest there is for payloads of up to 1280 bytes.`,
		Args: noCommand,
		RunE: noCommand,
	}
	for _, c := range []*cobra.Command{ghcCommand(e, true), ghcCommand(e, false)} {
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// ghcCommand is schc lowpan ghc compress and decompress.
func ghcCommand(e *env, compress bool) *cobra.Command {
	var in input
	var out output
	var on bool
	var src, dst string
	name, what, example := "compress", "Code payloads in hex as GHC bytecode", `  echo 9b00c7... | schc lowpan ghc compress --hex --src fe80::1 --dst ff02::1a`
	if !compress {
		name, what, example = "decompress", "Restore payloads from GHC bytecode in hex", `  echo 049b00c7... | schc lowpan ghc decompress --hex --src fe80::1 --dst ff02::1a`
	}
	cmd := &cobra.Command{
		Use:   name + " --hex --src IPV6 --dst IPV6 [flags] [FILE]",
		Short: what,
		Long: what + `, one a line. A line that failed comes back as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: example,
		Args:    maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !on {
				return usagef(cmd, "only --hex is there: one payload in hex per line")
			}
			if err := in.check(cmd, args); err != nil {
				return err
			}
			var addr [2][16]byte
			for i, s := range []string{src, dst} {
				a, err := netip.ParseAddr(s)
				if err != nil || !a.Is6() || a.Zone() != "" {
					return usagef(cmd, "%s: %q is not an IPv6 address", []string{"--src", "--dst"}[i], s)
				}
				addr[i] = a.As16()
			}
			g := lowcap.NewGHC()
			var from, to []byte
			return eachLine(cmd, e, &in, &out, nil, func(dst []byte, words [][]byte) ([]byte, error) {
				if len(words) != 1 {
					return dst, errLine("%d words; a payload is one word in hex", len(words))
				}
				var err error
				if from, err = decodeHex(from, words[0]); err != nil {
					return dst, err
				}
				if compress {
					if len(from) > maxPayload {
						return dst, errLine("%d bytes; a payload has at most %d", len(from), maxPayload)
					}
					to, err = lowpan.AppendGHC(to[:0], from, addr[0], addr[1], g)
				} else {
					to, err = lowpan.AppendUnGHC(to[:0], from, addr[0], addr[1], maxPayload)
				}
				if err != nil {
					return dst, errors.New(ghcError(err))
				}
				return hex.AppendEncode(dst, to), nil
			})
		},
	}
	cmd.Flags().SortFlags = false
	addHex(cmd, &on)
	cmd.Flags().Lookup("hex").Usage = "packet mode: one payload in hex per line"
	cmd.Flags().StringVar(&src, "src", "", "source `IPV6` address of the packet")
	cmd.Flags().StringVar(&dst, "dst", "", "destination `IPV6` address of the packet")
	cmd.Flags().StringVarP(&in.path, "read", "r", "-", "`FILE` to read; - is standard input")
	cmd.Flags().Uint64VarP(&in.count, "count", "c", 0, "stop after `N` payloads")
	out.add(cmd)
	return cmd
}

// maxPayload is the longest payload of an IPv6 packet.
const maxPayload = 65535

func ghcError(err error) string {
	e, _ := err.(lowpan.Error)
	switch e {
	case lowpan.ErrTruncated:
		return "truncated: the bytecode ends early"
	case lowpan.ErrShortBuffer:
		return fmt.Sprintf("short-buffer: the payload has more than %d bytes", maxPayload)
	}
	return e.Class() + ": a reserved code, or a reference to before the dictionary"
}
