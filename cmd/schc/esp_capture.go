package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/internal/safile"
)

// espFlags are the flags that all commands of schc esp with packets have.
type espFlags struct {
	loudness
	in  input
	out output
	sa  saFlags
	hex bool
}

// add adds the flags; own are those of the command.
func (f *espFlags) add(cmd *cobra.Command, own func(flags *pflag.FlagSet)) {
	cmd.Flags().SortFlags = false
	f.sa.add(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	own(cmd.Flags())
	addHex(cmd, &f.hex)
	f.loudness.add(cmd)
}

// load checks the flags and reads the SA file; noHex does not go with --hex.
func (f *espFlags) load(cmd *cobra.Command, e *env, args []string, noHex ...string) (*safile.File, os.FileInfo, error) {
	if err := f.loudness.check(cmd); err != nil {
		return nil, nil, err
	}
	if err := conflict(cmd, "hex", append(noHex, "filter", "quiet", "verbose")...); err != nil {
		return nil, nil, err
	}
	if err := f.in.check(cmd, args); err != nil {
		return nil, nil, err
	}
	return f.sa.load(cmd, e, &f.in)
}

// run does what x does to all packets of a capture, or to all lines.
func (f *espFlags) run(cmd *cobra.Command, e *env, info os.FileInfo, x *espCapture) error {
	if !f.hex {
		return x.run(cmd, e, &f.in, &f.out, info, &f.loudness)
	}
	var from, to []byte
	return eachLine(cmd, e, &f.in, &f.out, info, func(dst []byte, words [][]byte) ([]byte, error) {
		if len(words) != 1 {
			return dst, errLine("%d words; a packet is one word in hex", len(words))
		}
		var err error
		if from, err = decodeHex(from, words[0]); err != nil {
			return dst, err
		}
		to, err = x.do(to[:0], from)
		switch {
		case x.convert && passes(err):
			return append(dst, words[0]...), nil
		case err != nil:
			return dst, errors.New(espError(err, x.what == "sealed"))
		case len(to) == 0:
			return append(dst, "dummy"...), nil
		}
		return hex.AppendEncode(dst, to), nil
	})
}

// gatewayFlags are the flags of schc esp seal and open.
type gatewayFlags struct {
	espFlags
	drop bool
}

func (f *gatewayFlags) add(cmd *cobra.Command) {
	f.espFlags.add(cmd, func(flags *pflag.FlagSet) {
		flags.BoolVar(&f.drop, "drop", false, "leave out what would be passed through")
	})
}

func newESPSeal(e *env) *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use:   "seal --sa FILE [flags] [FILE]",
		Short: "Protect the packets of a capture with ESP, or packets in hex",
		Long: `Protect the IPv4 and IPv6 packets of a capture with ESP, as a gateway would. The first
SA of the file that takes a packet protects it: in transport mode, one with the
packet's addresses; in tunnel mode, one with its ts_src and ts_dst, which take any
packet if they are left out.

Packets that no SA takes are passed through, and so is what is not IP or was cut by
the snap length. A packet that an SA takes and cannot protect (fragments in transport
mode, an SA that is used up) is reported and left out: a gateway would not send it in
the clear. The exit code is then 1.

The output has the format, link layer, interfaces and time stamps of the input.
Ethernet padding behind protected packets is dropped.

Explicit IVs are the sequence number (for CBC, encrypted). The outer header of a
tunnel has hop limit 64, the traffic class of the packet and flow label 0; IPv4 has
identification 0 and "don't fragment".

With --hex, every line is an IP packet in hex and comes back as the one with ESP or,
where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.

Every run starts behind seq of the SA file. Two packets under one key and one sequence
number are not safe: raise seq before you seal others with the same keys.`,
		Example: `  schc esp seal --sa sa.json -r clear.pcap -w esp.pcap
  echo 6000... | schc esp seal --hex --sa sa.json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return runESP(cmd, e, &f, args, true) },
	}
	f.add(cmd)
	return cmd
}

func newESPOpen(e *env) *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use:   "open --sa FILE [flags] [FILE]",
		Short: "Verify and decrypt the ESP packets of a capture, or packets in hex",
		Long: `Verify and decrypt the ESP packets of a capture, in IP, behind IPv6 extension headers, or
in UDP, and write the packets that were protected in their place.

Packets without ESP (IKE and keepalives on UDP port 4500 among them) and ESP under an
SPI that the SA file does not have are passed through. Dummy packets are left out.
What fails (auth, replay, malformed...) is reported and left out, and the exit code is
then 1.

The output has the format, link layer, interfaces and time stamps of the input.
Ethernet padding behind opened packets is dropped.

With --hex, every line is an IP packet with ESP in hex and comes back as the packet
that was protected or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1. The line of a dummy packet is "dummy".`,
		Example: `  schc esp open --sa sa.json -r esp.pcap -w clear.pcap
  schc esp open --sa sa.json --drop --filter 'udp port 4500' esp.pcap -w clear.pcap
  echo 6000... | schc esp open --hex --sa sa.json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return runESP(cmd, e, &f, args, false) },
	}
	f.add(cmd)
	return cmd
}

func runESP(cmd *cobra.Command, e *env, f *gatewayFlags, args []string, seal bool) error {
	file, info, err := f.load(cmd, e, args, "drop")
	if err != nil {
		return err
	}
	g, err := newESPGateway(file)
	if err != nil {
		return err
	}
	x := &espCapture{do: g.open, what: "opened", drop: f.drop, open: !seal, diet: len(g.diet.All()) > 0}
	if seal {
		x.do, x.what = g.seal, "sealed"
	}
	return f.run(cmd, e, info, x)
}

// espCapture rewrites the packets of a capture with what a gateway or a converter
// does to them.
type espCapture struct {
	do      func(dst, pkt []byte) ([]byte, error)
	what    string // is done, such as "sealed"
	open    bool   // what is broken but not ESP is passed through
	convert bool   // all is passed through that do does not change
	drop    bool   // leave out what would be passed through
	diet    bool   // there are SAs of Diet-ESP

	sameSide
	buf []byte

	packets, done, passed, dropped, dummies uint64
	noSA, noRule, notIP, cut, trailers      uint64 // part of passed and dropped
	inBytes, outBytes                       uint64 // of the packets that were changed, from IP on
}

// run does the whole capture.
func (x *espCapture) run(cmd *cobra.Command, e *env, in *input, o *output, info os.FileInfo, f *loudness) error {
	x.longer, x.version = true, true
	return x.rewrite(cmd, e, in, o, f.quiet, x.packet, func() { x.report(e, f) }, info)
}

func (x *espCapture) packet(n uint64, p *pcapio.Packet) error {
	if err := x.sync(); err != nil {
		return err
	}
	x.packets++
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	switch {
	case !ok:
		x.notIP++
		return x.pass(p)
	case p.Snapped():
		x.cut++
		return x.pass(p)
	case x.convert && loc.Off+loc.Len < len(p.Data):
		x.trailers++ // the bytes behind the packet would be lost
		return x.pass(p)
	}
	pkt := p.Data[loc.Off : loc.Off+loc.Len]
	out, err := x.do(append(x.buf[:0], p.Data[:loc.Off]...), pkt)
	x.buf = out
	e, _ := err.(esp.Error)
	switch {
	case e == esp.ErrNoSA:
		x.noSA++
		return x.pass(p)
	case x.convert && passes(err):
		x.noRule++
		return x.pass(p)
	case x.open && (e == esp.ErrUnsupported || e == esp.ErrTruncated || e == esp.ErrMalformed) && !carriesESP(pkt, x.diet):
		return x.pass(p) // a fragment of something else, or otherwise broken
	case err != nil:
		x.failed.addText(n, espError(err, x.what == "sealed"))
		if x.convert {
			return x.pass(p)
		}
		return nil
	case len(out) == loc.Off:
		x.dummies++
		return nil
	}
	setVersion(out, p.Interface.LinkType, &loc)
	x.done++
	x.inBytes += uint64(loc.Len)
	x.outBytes += uint64(len(out) - loc.Off)
	q := *p
	q.Data, q.OrigLen = out, uint32(len(out))
	return x.w.WritePacket(p.Iface, &q)
}

func (x *espCapture) pass(p *pcapio.Packet) error {
	if x.drop {
		x.dropped++
		return nil
	}
	x.passed++
	return x.w.WritePacket(p.Iface, p)
}

func (x *espCapture) report(e *env, f *loudness) {
	x.failed.report(e, "packet")
	if f.quiet {
		return
	}
	s := fmt.Sprintf("%s: %d %s, %d passed through, %d failed", report.Plural(int(x.packets), "packet"), x.done, x.what, x.passed, x.failed.n)
	if x.dummies > 0 {
		s += fmt.Sprintf(", %s left out", report.Plural(int(x.dummies), "dummy packet"))
	}
	if x.drop {
		s += fmt.Sprintf(", %d left out", x.dropped)
	}
	if x.done > 0 {
		s += fmt.Sprintf("; %d -> %d bytes", x.inBytes, x.outBytes)
	}
	fmt.Fprintln(e.stderr, s)
	if !f.verbose {
		return
	}
	s = fmt.Sprintf("without an SA %d, not IP %d, cut by the snap length %d", x.noSA, x.notIP, x.cut)
	if x.convert {
		s += fmt.Sprintf(", without a Rule %d, with bytes behind the packet %d", x.noRule, x.trailers)
	}
	fmt.Fprintln(e.stderr, s)
}

// carriesESP reports whether a packet that cannot be opened, perhaps a fragment or
// cut, is one of ESP by its first headers, or of Diet-ESP: what else is broken is
// none of ours.
func carriesESP(pkt []byte, diet bool) bool {
	const fragment, protoESP, udp = 44, 50, 17
	at, proto, first := 0, byte(0), true
	switch {
	case len(pkt) >= 20 && pkt[0]>>4 == 4:
		at, proto = int(pkt[0]&15)*4, pkt[9]
		first = binary.BigEndian.Uint16(pkt[6:])&0x1fff == 0
	case len(pkt) >= 40 && pkt[0]>>4 == 6:
		at, proto = 40, pkt[6]
		for (proto == 0 || proto == 43 || proto == 60) && len(pkt) >= at+8 {
			proto, at = pkt[at], at+8+8*int(pkt[at+1])
		}
		if proto == fragment && len(pkt) >= at+8 {
			first = binary.BigEndian.Uint16(pkt[at+2:])>>3 == 0
			proto, at = pkt[at], at+8
		}
	}
	if proto == udp && first && len(pkt) >= at+4 {
		return binary.BigEndian.Uint16(pkt[at:]) == esp.Port || binary.BigEndian.Uint16(pkt[at+2:]) == esp.Port
	}
	return proto == protoESP || diet && proto == dietesp.Protocol
}

// setVersion makes the link header of a frame say the IP version of its packet.
func setVersion(frame []byte, t pcapio.LinkType, loc *pcapio.Loc) {
	v := frame[loc.Off] >> 4
	switch {
	case v == loc.Version:
	case loc.TypeOff >= 0:
		binary.BigEndian.PutUint16(frame[loc.TypeOff:], pcapio.EtherTypeOf(v))
	case t == pcapio.LinkTypeNull || t == pcapio.LinkTypeLoop:
		family := uint32(2) // AF_INET
		if v == 6 {
			family = 24 // the AF_INET6 that readers of all systems know
		}
		if t == pcapio.LinkTypeNull && binary.BigEndian.Uint32(frame) >= 1<<16 {
			binary.LittleEndian.PutUint32(frame, family)
			return
		}
		binary.BigEndian.PutUint32(frame, family)
	}
}

// endpoints returns the addresses of an IP packet.
func endpoints(pkt []byte) (src, dst netip.Addr, ok bool) {
	switch {
	case len(pkt) >= 40 && pkt[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(pkt[8:24])), netip.AddrFrom16([16]byte(pkt[24:40])), true
	case len(pkt) >= 20 && pkt[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(pkt[12:16])), netip.AddrFrom4([4]byte(pkt[16:20])), true
	}
	return src, dst, false
}
