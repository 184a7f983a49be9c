package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

// gpcompFlags are the flags of schc gpcomp compress and decompress.
type gpcompFlags struct {
	loudness
	in     input
	out    output
	assoc  assocFlags
	hex    bool
	form   gpcompForm
	assocs []*gpcomp.Association
}

// gpcompForm is how payloads are sent in packet mode.
type gpcompForm struct {
	implied, ip, escape bool
	next                uint8
}

func (f *gpcompForm) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.implied, "implied", false, "with --hex: no header; the second word of a line is the flag, 1 for compressed")
	cmd.Flags().BoolVar(&f.ip, "ip", false, "with --hex: lines are IP packets, as in captures")
	cmd.Flags().Uint8Var(&f.next, "next-header", 0, "with --hex: Next Header of the GPComp header, `N`")
}

func newGPCompCompress(e *env) *cobra.Command {
	var f gpcompFlags
	cmd := &cobra.Command{
		Use:   "compress [flags] [FILE]",
		Short: "Compress IP packets of a capture to IPComp, or payloads in hex",
		Long: `Compress the payloads of the IPv4 and IPv6 packets of a capture and put them behind an
IPComp header (RFC 3173), where that makes packets smaller. IPv6 hop-by-hop, routing
and fragment headers stay in front. Fragments, ESP, AH and IPComp are passed through,
and so is what is not IP, was cut by the snap length, or could not be restored byte for
byte: packets with a wrong length or IPv4 checksum.

The output has the format, link layer, interfaces and time stamps of the input.
schc gpcomp decompress restores the capture packet for packet, unless it has IPComp
packets of the same CPI already, which are counted: they would be restored, too.

With --hex, every line is a payload in hex, or "-" for an empty one. It comes back behind
a GPComp header or, if that is not smaller, as it is (draft-moskowitz-gpcomp-02, Section
4.2). The receiver goes by Next Header and CPI; a payload that begins like these itself
and does not get smaller is refused, or with --escape sent compressed and longer. With
--implied there is no header: the line is the payload, compressed or not, and the flag 1
or 0. With --ip, lines are IP packets, and what comes back is IPComp or the packet as it
was. What fails comes back as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc gpcomp compress --codec deflate-dict -r in.pcap -w small.pcap
  echo 746865206361742074686520636174 | schc gpcomp compress --hex --codec ghc`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.assoc.codec == "" {
				f.assoc.codec = "lzs"
			}
			return f.run(cmd, e, args, &gpcompSender{})
		},
	}
	cmd.Flags().SortFlags = false
	f.assoc.addCodec(cmd, "default: lzs")
	f.assoc.addSending(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	addHex(cmd, &f.hex)
	f.form.add(cmd)
	cmd.Flags().BoolVar(&f.form.escape, "escape", false, "with --hex: send compressed and longer what would be refused")
	f.loudness.add(cmd)
	return cmd
}

func newGPCompDecompress(e *env) *cobra.Command {
	var f gpcompFlags
	cmd := &cobra.Command{
		Use:   "decompress [flags] [FILE]",
		Short: "Restore the IPComp packets of a capture, or payloads in hex",
		Long: `Restore the IPComp packets (RFC 3173) of a capture. The CPI says which codec; without
--codec those of all codecs are known, as schc gpcomp --help lists them.

Packets without IPComp and those of another CPI are passed through, and so are fragments
and what was cut by the snap length. What cannot be restored (malformed, truncated,
short-buffer) is reported and left out, and the exit code is then 1.

The output has the format, link layer, interfaces and time stamps of the input.

With --hex, lines are what schc gpcomp compress --hex printed, with the same flags
--codec, --cpi, --implied, --ip and --next-header. Without --codec a payload that begins
like the header of any codec is taken for a compressed one; --implied needs --codec.
What fails comes back as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc gpcomp decompress -r small.pcap -w again.pcap
  schc gpcomp decompress --codec lzs --cpi 300 --limit 1500 -r small.pcap -w again.pcap
  echo 0000f000087468652063617420e9 | schc gpcomp decompress --hex`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.form.implied && f.assoc.codec == "" {
				return usagef(cmd, "--implied needs --codec: nothing else says which it is")
			}
			return f.run(cmd, e, args, &gpcompReceiver{})
		},
	}
	cmd.Flags().SortFlags = false
	f.assoc.addCodec(cmd, "default: that of the CPI")
	f.assoc.addReceiving(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	addHex(cmd, &f.hex)
	f.form.add(cmd)
	f.loudness.add(cmd)
	return cmd
}

// gpcompEnd is one end: a sender or a receiver.
type gpcompEnd interface {
	// line handles a payload in hex; flag is the second word, nil if there is none.
	line(f *gpcompFlags, dst, payload, flag []byte) (out []byte, outFlag string, err error)
	// packet appends the other form of an IP packet to dst.
	packet(f *gpcompFlags, dst, pkt []byte) ([]byte, gpcompFate, error)
	longer() bool
	verb() string
}

// gpcompFate is what became of a packet.
type gpcompFate int

const (
	gpcompDone    gpcompFate = iota
	gpcompKept               // as it was
	gpcompAlready            // IPComp already, of a CPI in use
	gpcompUnknown            // IPComp of another CPI
	gpcompFailed
)

func (f *gpcompFlags) run(cmd *cobra.Command, e *env, args []string, end gpcompEnd) error {
	if err := f.loudness.check(cmd); err != nil {
		return err
	}
	if err := errors.Join(conflict(cmd, "hex", "filter", "quiet", "verbose"), conflict(cmd, "ip", "implied", "next-header", "escape"),
		conflict(cmd, "implied", "next-header", "escape", "cpi")); err != nil {
		return err
	}
	if !f.hex {
		for _, name := range []string{"implied", "ip", "next-header", "escape"} {
			if given(cmd, name) {
				return usagef(cmd, "--%s needs --hex", name)
			}
		}
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	var err error
	if f.assocs, err = f.assoc.load(cmd); err != nil {
		return err
	}
	for _, a := range f.assocs {
		a.NextHeader, a.Escape = f.form.next, f.form.escape
	}
	if f.hex {
		return f.lines(cmd, e, end)
	}
	x := &gpcompCapture{sameSide: sameSide{longer: end.longer()}, f: f, peer: end}
	return x.rewrite(cmd, e, &f.in, &f.out, f.quiet, x.packet, func() { x.report(e) })
}

func (f *gpcompFlags) lines(cmd *cobra.Command, e *env, end gpcompEnd) error {
	var from, to []byte
	return eachLine(cmd, e, &f.in, &f.out, nil, func(dst []byte, words [][]byte) ([]byte, error) {
		most := 1
		if f.form.implied && end.longer() {
			most = 2
		}
		if len(words) > most {
			return dst, errLine("%d words", len(words))
		}
		var err error
		if from, err = decodePayload(from, words[0]); err != nil {
			return dst, err
		}
		var flag []byte
		if most == 2 {
			if len(words) < 2 || string(words[1]) != "0" && string(words[1]) != "1" {
				return dst, errLine("the second word is the flag, 0 or 1")
			}
			flag = words[1]
		}
		var text string
		if f.form.ip {
			to, _, err = end.packet(f, to[:0], from)
		} else {
			to, text, err = end.line(f, to[:0], from, flag)
		}
		if err != nil {
			return dst, errors.New(gpcompError(err))
		}
		return append(appendPayload(dst, to), text...), nil
	})
}

// gpcompSender compresses.
type gpcompSender struct{}

func (gpcompSender) longer() bool { return false }
func (gpcompSender) verb() string { return "compressed" }

func (gpcompSender) line(f *gpcompFlags, dst, payload, _ []byte) ([]byte, string, error) {
	a := f.assocs[0]
	if !f.form.implied {
		out, _, err := a.AppendCompressUnmarked(dst, payload)
		return out, "", err
	}
	out, ok := a.AppendCompress(dst, payload)
	if ok {
		return out, " 1", nil
	}
	return out, " 0", nil
}

func (gpcompSender) packet(f *gpcompFlags, dst, pkt []byte) ([]byte, gpcompFate, error) {
	a := f.assocs[0]
	out, ok := a.AppendCompressIP(dst, pkt)
	if ok {
		return out, gpcompDone, nil
	}
	if h, _, err := gpcomp.ParseIP(pkt); err == nil && h.CPI == a.CPI {
		return out, gpcompAlready, nil
	}
	return out, gpcompKept, nil
}

// gpcompReceiver restores.
type gpcompReceiver struct{}

func (gpcompReceiver) longer() bool { return true }
func (gpcompReceiver) verb() string { return "restored" }

func (gpcompReceiver) line(f *gpcompFlags, dst, payload, flag []byte) ([]byte, string, error) {
	if f.form.implied {
		out, err := f.assocs[0].AppendDecompress(dst, payload, flag[0] == '1')
		return out, "", err
	}
	for _, a := range f.assocs {
		if a.Marked(payload) {
			out, _, err := a.AppendDecompressUnmarked(dst, payload)
			return out, "", err
		}
	}
	return append(dst, payload...), "", nil
}

func (gpcompReceiver) packet(f *gpcompFlags, dst, pkt []byte) ([]byte, gpcompFate, error) {
	h, _, err := gpcomp.ParseIP(pkt)
	if err != nil {
		return append(dst, pkt...), gpcompKept, nil
	}
	a := gpcomp.Find(f.assocs, h.CPI)
	if a == nil {
		return append(dst, pkt...), gpcompUnknown, nil
	}
	out, err := a.AppendDecompressIP(dst, pkt)
	if err != nil {
		return out, gpcompFailed, err
	}
	return out, gpcompDone, nil
}

// gpcompCapture rewrites the packets of a capture.
type gpcompCapture struct {
	sameSide
	f    *gpcompFlags
	peer gpcompEnd
	buf  []byte

	packets, done, passed uint64
	already, unknown      uint64 // part of passed
	notIP, cut            uint64 // part of passed
	inBytes, outBytes     uint64 // of the IP packets, from IP on, without those that failed
}

func (x *gpcompCapture) packet(n uint64, p *pcapio.Packet) error {
	if err := x.sync(); err != nil {
		return err
	}
	x.packets++
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	switch {
	case !ok:
		x.notIP++
		x.passed++
		return x.w.WritePacket(p.Iface, p)
	case p.Snapped(), uint64(len(p.Data)) != uint64(p.OrigLen):
		x.cut++
		x.passed++
		return x.w.WritePacket(p.Iface, p)
	}
	end := loc.Off + loc.Len
	out, fate, err := x.peer.packet(x.f, append(x.buf[:0], p.Data[:loc.Off]...), p.Data[loc.Off:end])
	x.buf = out
	switch fate {
	case gpcompFailed:
		x.failed.addText(n, gpcompError(err))
		return nil
	case gpcompDone:
		x.done++
	default:
		x.passed++
	}
	if fate == gpcompAlready {
		x.already++
	}
	if fate == gpcompUnknown {
		x.unknown++
	}
	x.inBytes += uint64(loc.Len)
	x.outBytes += uint64(len(out) - loc.Off)
	out = append(out, p.Data[end:]...) // Ethernet padding
	x.buf = out
	q := *p
	q.Data, q.OrigLen = out, uint32(len(out))
	return x.w.WritePacket(p.Iface, &q)
}

func (x *gpcompCapture) report(e *env) {
	x.failed.report(e, "packet")
	if x.f.quiet {
		return
	}
	s := fmt.Sprintf("%s: %d %s, %d passed through, %d failed", report.Plural(int(x.packets), "packet"), x.done, x.peer.verb(), x.passed, x.failed.n)
	fmt.Fprintf(e.stderr, "%s; %d -> %d bytes of IP\n", s, x.inBytes, x.outBytes)
	if x.already > 0 {
		fmt.Fprintf(e.stderr, "schc: note: %s of the CPI %d already; decompressing restores these, too (--cpi takes another one)\n",
			plurals(x.already, "packet is IPComp", "packets are IPComp"), x.f.assocs[0].CPI)
	}
	if x.f.verbose {
		fmt.Fprintf(e.stderr, "of another CPI %d, not IP %d, cut by the snap length %d\n", x.unknown, x.notIP, x.cut)
	}
}

// plurals is "1 one" or "2 many".
func plurals(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n) + " " + many
}
