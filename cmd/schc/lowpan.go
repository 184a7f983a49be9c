package main

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

func newLowpan(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lowpan",
		Short: "6LoWPAN: IPHC, NHC, GHC and fragmentation on captures and packets",
		Long: `6LoWPAN (RFC 4944, 6282, 7400, 8025): the header compression that IEEE 802.15.4
and Bluetooth LE networks use today. IPv6 captures become IEEE 802.15.4 captures
and back, and are compared with what SCHC makes of them.

Contexts are given with --context, as all nodes of a network have them.`,
		Example: `  schc lowpan compress --context 0=2001:db8::/64 -r in.pcap -w wpan.pcapng
  schc lowpan decompress --context 0=2001:db8::/64 -r wpan.pcapng -w again.pcap
  schc lowpan stats --compare -C rules.json --svg compare.svg in.pcap`,
		Args: noCommand,
		RunE: noCommand,
	}
	for _, add := range []func(*env) *cobra.Command{
		newLowpanCompress,
		newLowpanDecompress,
		newLowpanVerify,
		newLowpanStats,
		newLowpanExplain,
		newLowpanGHC,
	} {
		c := add(e)
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// lowpanFlags are the flags of all lowpan commands but ghc.
type lowpanFlags struct {
	loudness
	in input
	lowpanOptions
}

func (f *lowpanFlags) add(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	f.in.add(cmd)
	f.lowpanOptions.add(cmd)
}

func (f *lowpanFlags) check(cmd *cobra.Command) error {
	if err := f.loudness.check(cmd); err != nil {
		return err
	}
	return f.lowpanOptions.check(cmd)
}

// lowpanOptions are what both ends of 6LoWPAN must agree on.
type lowpanOptions struct {
	contexts []string
	opts     lowpan.Options
	table    lowpan.Table
	ti       bool
	keys     []string
	blocks   []cipher.Block // of keys
}

func (f *lowpanOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.contexts, "context", nil, "context `N=PREFIX[,decompress-only]`, as in 0=2001:db8::/64 (may be repeated)")
	cmd.Flags().BoolVar(&f.opts.LinkIID, "link-iid", false, "nested IPv6 headers take elided IIDs from the link layer, as OpenThread has it, not from the header around them")
}

// addDecompress adds the flags of commands that read frames.
func (f *lowpanOptions) addDecompress(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.ti, "ti-fcs", false, "frame check sequences are the metadata that sniffers with Texas Instruments radios write in their place")
	cmd.Flags().StringArrayVar(&f.keys, "key", nil, "key of IEEE 802.15.4 security, 32 `HEX` digits (may be repeated); frames with an extended source address are decrypted with it")
	cmd.Flags().BoolVar(&f.opts.StripRouting, "strip-routing", false, "drop 6LoWPAN routing headers (RFC 8138) instead of failing on frames that have some")
}

// check reads the contexts and keys.
func (f *lowpanOptions) check(cmd *cobra.Command) error {
	for _, s := range f.contexts {
		cid, c, err := parseContext(s)
		if err != nil {
			return usagef(cmd, "--context: %w", err)
		}
		if _, taken := f.table.Context(cid); taken {
			return usagef(cmd, "--context: %d is given twice", cid)
		}
		if err := f.table.Set(cid, c); err != nil {
			return usagef(cmd, "--context: %w", err)
		}
	}
	for _, s := range f.keys {
		b, err := parseHex(s, 16)
		if err != nil {
			return usagef(cmd, "--key: %w", err)
		}
		block, err := aes.NewCipher(b)
		if err != nil {
			return err
		}
		f.blocks = append(f.blocks, block)
	}
	return nil
}

// parseContext reads N=PREFIX[,decompress-only].
func parseContext(s string) (int, lowpan.Context, error) {
	var c lowpan.Context
	number, rest, ok := strings.Cut(s, "=")
	prefix, note, noted := strings.Cut(rest, ",")
	cid, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || cid > 15 {
		return 0, c, fmt.Errorf("%q is not N=PREFIX with N from 0 to 15", s)
	}
	p, err := netip.ParsePrefix(prefix)
	if err != nil || !p.Addr().Is6() || p.Addr().Is4In6() && p.Bits() < 96 {
		return 0, c, fmt.Errorf("%q is not an IPv6 prefix such as 2001:db8::/64", prefix)
	}
	if p != p.Masked() {
		return 0, c, fmt.Errorf("%q has bits behind the prefix; %s has not", prefix, p.Masked())
	}
	if noted && note != "decompress-only" {
		return 0, c, fmt.Errorf("%q: behind the prefix there may be ,decompress-only", s)
	}
	c = lowpan.Context{Prefix: p.Addr().As16(), PrefixLen: uint8(p.Bits()), Compress: !noted}
	return int(cid), c, nil
}

// senderFlags are the flags of commands that compress.
type senderFlags struct {
	ghc, elide       bool
	src, dst         string
	pan              string
	fcs              bool
	mtu              int
	srcAddr, dstAddr lowpan.Addr
}

// addOptions adds what is about compression only.
func (f *senderFlags) addOptions(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.ghc, "ghc", false, "allow generic header compression (RFC 7400)")
	cmd.Flags().BoolVar(&f.elide, "elide-checksum", false, "leave out UDP checksums that are right; only where an upper layer has another integrity check (RFC 6282, 4.3.2)")
}

// addFrames adds what is about frames.
func (f *senderFlags) addFrames(cmd *cobra.Command, fcs bool) {
	cmd.Flags().StringVar(&f.src, "link-src", "", "source `ADDR`ess of all frames: 2 or 8 bytes in hex (default: that of the Ethernet frame, else 0001)")
	cmd.Flags().StringVar(&f.dst, "link-dst", "", "destination `ADDR`ess of frames with unicast packets (default: that of the Ethernet frame, else 0002)")
	cmd.Flags().IntVar(&f.mtu, "mtu", lowcap.DefaultMTU, "longest frame in `BYTES`, with MAC header and frame check sequence; longer ones are fragmented")
	if fcs {
		cmd.Flags().StringVar(&f.pan, "pan", "abcd", "PAN ID of the frames, 4 `HEX` digits")
		cmd.Flags().BoolVar(&f.fcs, "fcs", false, "write frame check sequences (LINKTYPE 195, not 230)")
	}
}

// sender makes a Sender as the flags want it.
func (f *senderFlags) sender(cmd *cobra.Command, l *lowpanOptions) (*lowcap.Sender, error) {
	f.options(l)
	var err error
	if f.srcAddr, err = parseLinkAddr(f.src); err != nil {
		return nil, usagef(cmd, "--link-src: %w", err)
	}
	if f.dstAddr, err = parseLinkAddr(f.dst); err != nil {
		return nil, usagef(cmd, "--link-dst: %w", err)
	}
	s := &lowcap.Sender{Table: &l.table, Options: l.opts, MTU: f.mtu, PAN: 0xabcd}
	if f.pan != "" {
		b, err := parseHex(f.pan, 2)
		if err != nil {
			return nil, usagef(cmd, "--pan: %w", err)
		}
		s.PAN = uint16(b[0])<<8 | uint16(b[1])
	}
	if f.fcs {
		s.FCS = lowpan.FCS16
	}
	if s.Room(lowpan.Link{Src: lowpan.ExtAddr(0), Dst: lowpan.ExtAddr(0)}) < lowpan.MinMTU {
		return nil, usagef(cmd, "--mtu: %d bytes are too few for a frame; at least %d", f.mtu, 23+lowpan.MinMTU)
	}
	if f.mtu > maxMTU {
		return nil, usagef(cmd, "--mtu: a frame has at most %d bytes", maxMTU)
	}
	return s, nil
}

// maxMTU is the longest frame of IEEE 802.15.4 (smart utility networks).
const maxMTU = 2047

// options puts the flags into Options.
func (f *senderFlags) options(l *lowpanOptions) {
	l.opts.ElideChecksum = f.elide
	if f.ghc {
		l.opts.GHC = lowcap.NewGHC()
	}
}

func parseLinkAddr(s string) (lowpan.Addr, error) {
	if s == "" {
		return lowpan.Addr{}, nil
	}
	for _, n := range []int{2, 8} {
		if b, err := parseHex(s, n); err == nil {
			return lowpan.ParseAddr(b)
		}
	}
	return lowpan.Addr{}, fmt.Errorf("%q is not 4 or 16 hex digits", s)
}

// link finds the addresses of the frames for an IPv6 packet: those of the
// Ethernet frame that it came in, unless flags say otherwise.
func (f *senderFlags) link(p *pcapio.Packet, pkt []byte) lowpan.Link {
	l := lowpan.Link{Src: f.srcAddr, Dst: f.dstAddr}
	ethernet := p.Interface.LinkType == pcapio.LinkTypeEthernet && len(p.Data) >= 12
	if l.Src.Kind == lowpan.AddrNone {
		l.Src = lowpan.ShortAddr(1)
		if ethernet {
			l.Src = lowcap.EUI64(p.Data[6:])
		}
	}
	switch {
	case len(pkt) >= 40 && pkt[24] == 0xff:
		l.Dst = lowpan.ShortAddr(lowpan.Broadcast)
	case l.Dst.Kind != lowpan.AddrNone:
	case ethernet:
		l.Dst = lowcap.EUI64(p.Data)
	default:
		l.Dst = lowpan.ShortAddr(2)
	}
	return l
}

// lowpanError is "<class>: <text>" of an error.
func lowpanError(err error) string {
	var e lowpan.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := strings.TrimPrefix(e.Error(), "lowpan: ")
	switch e {
	case lowpan.ErrTruncated:
		text = "the frame ends early"
	case lowpan.ErrMalformed:
		text = "no compressor sends this"
	case lowpan.ErrNoContext:
		text = "it needs a context or a link-layer address that is not known"
	case lowpan.ErrUnsupported:
		text = "a dispatch or header that is not known, or that cannot be expanded"
	case lowpan.ErrIncomplete:
		text = "a fragment; a packet in fragments is restored from a capture"
	}
	return e.Class() + ": " + text
}

// lowpanPacketError is lowpanError for a packet that is to be compressed.
func lowpanPacketError(err error) string {
	switch e, _ := err.(lowpan.Error); e {
	case lowpan.ErrTruncated:
		return "truncated: fewer than the 40 bytes of an IPv6 header"
	case lowpan.ErrMalformed:
		return "malformed: not an IPv6 packet"
	}
	return lowpanError(err)
}

// lowFailures collects what failed: the first few in full.
type lowFailures struct {
	n    uint64
	list []string
}

func (f *lowFailures) add(what string, n uint64, err error) {
	f.n++
	if len(f.list) < maxFailures {
		f.list = append(f.list, fmt.Sprintf("%s %d: %s", what, n, lowpanError(err)))
	}
}

func (f *lowFailures) report(e *env) {
	for _, s := range f.list {
		fmt.Fprintf(e.stderr, "schc: error: %s\n", s)
	}
	if more := f.n - uint64(len(f.list)); more > 0 {
		fmt.Fprintf(e.stderr, "schc: error: and %d more\n", more)
	}
}

// verdict reports damage and failures and returns the error that ends the command.
func (f *lowFailures) verdict(e *env, damage error) error {
	f.report(e)
	if err := e.damaged(damage); err != nil {
		return err
	}
	if f.n > 0 {
		return errFailed
	}
	return nil
}
