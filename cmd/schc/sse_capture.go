package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/internal/safile"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

// sseFlags are the flags of schc sse seal, open, compress and decompress.
type sseFlags struct {
	loudness
	session sessionFlags
	in      input
	out     output
	drop    bool
	pcapng  bool
	hex     bool
	stream  bool
	dir     string
}

func (f *sseFlags) add(cmd *cobra.Command, v verb) {
	cmd.Flags().SortFlags = false
	f.session.add(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	if v == verbOpen {
		cmd.Flags().BoolVar(&f.drop, "drop", false, "leave out what would be passed through")
	}
	if v == verbDecompress {
		cmd.Flags().BoolVar(&f.pcapng, "pcapng", false, "write pcapng also where the compressed capture was classic pcap")
	}
	addHex(cmd, &f.hex)
	cmd.Flags().StringVar(&f.dir, "dir", "up", "with --hex: `DIR`ection of the packets: up or down")
	cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions([]string{"up", "down"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&f.stream, "stream", false, "with --hex: headers as over TCP, which keep the Length")
	f.loudness.add(cmd)
}

func sseCommand(e *env, v verb, cmd *cobra.Command) *cobra.Command {
	var f sseFlags
	cmd.Args = maxArgs(1, "one FILE")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runSSE(cmd, e, &f, args, v) }
	f.add(cmd, v)
	return cmd
}

func newSSESeal(e *env) *cobra.Command {
	return sseCommand(e, verbSeal, &cobra.Command{
		Use:   "seal --session FILE [flags] [FILE]",
		Short: "Protect the UDP and TCP payloads of a capture with SSE, or payloads in hex",
		Long: `Protect the payloads of the UDP and TCP packets of a capture to and from the session's
port with SSE: one payload becomes one packet. With "headers" in the session file the
headers are compressed.

Other packets are passed through, and so are fragments, TCP segments without payload,
and what was cut by the snap length. A payload that cannot be protected (too long for
the format, Sequence Numbers used up) is reported and left out: it must not go in the
clear. The exit code is then 1.

Lengths and checksums follow the payload (a wrong checksum stays wrong); TCP sequence
numbers stay as they are. The output has the format, link layer, interfaces and time
stamps of the input. Ethernet padding behind changed packets is dropped.

With --hex, every line is a payload in hex, or "-" for an empty one, and comes back as
the packet or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.

Every run starts behind seq of the session file. Two packets under one key and one
Sequence Number are not safe: raise seq before you seal others with the same keys.`,
		Example: `  schc sse seal --session s.json -r clear.pcap -w sse.pcap
  echo 32312e35 | schc sse seal --hex --session s.json --dir down`,
	})
}

func newSSEOpen(e *env) *cobra.Command {
	return sseCommand(e, verbOpen, &cobra.Command{
		Use:   "open --session FILE [flags] [FILE]",
		Short: "Verify and decrypt the SSE packets of a capture, or packets in hex",
		Long: `Verify and decrypt the SSE packets in UDP and TCP to and from the session's port, and
put the payloads in their place. Headers are compressed if the session file has
"headers"; a datagram with a whole header is opened, too.

A TCP segment is opened if it consists of whole packets; then it gets their payloads
one behind the other. Others (a packet that begins or ends in another segment) are
passed through and counted, and so are packets under another SPI, packets of other
ports, fragments, and what was cut by the snap length. What fails (auth, replay,
malformed...) is reported and left out, and the exit code is then 1.

The output has the format, link layer, interfaces and time stamps of the input.
Ethernet padding behind opened packets is dropped.

With --hex, every line is a packet in hex and comes back as the payload in hex, "-" for
an empty one, or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc sse open --session s.json -r sse.pcap -w clear.pcap
  echo 0102030000400001... | schc sse open --hex --session s.json`,
	})
}

func newSSECompress(e *env) *cobra.Command {
	return sseCommand(e, verbCompress, &cobra.Command{
		Use:   "compress --session FILE [flags] [FILE]",
		Short: "Compress the compact headers of SSE packets, without keys",
		Long: `Compress the headers of the SSE packets (compact format) in UDP and TCP to and from the
session's port, as "headers" of the session file says. No keys are needed. schc sse
decompress restores the capture packet for packet.

A TCP segment is compressed if it consists of whole packets. Passed through are: packets
that a receiver would not restore (another SPI, other flags, a Sequence Number that its
low-order bits do not tell), segments with parts of packets, packets of other ports,
fragments, frames with Ethernet padding, and what was cut by the snap length. All are
counted; -v says how many of each.

The output is pcapng. For every input interface it has one for what is passed through,
and up to two, "sse up" and "sse down", for compressed packets.

With --hex, every line is a packet in hex and comes back with a compressed header or,
where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc sse compress --session s.json -r sse.pcap -w small.pcapng
  echo 0102030000400001... | schc sse compress --hex --session s.json`,
	})
}

func newSSEDecompress(e *env) *cobra.Command {
	return sseCommand(e, verbDecompress, &cobra.Command{
		Use:   "decompress --session FILE [flags] [FILE]",
		Short: "Restore the compact headers of SSE packets, without keys",
		Long: `Restore a capture that schc sse compress wrote: packet for packet, in its own format.
No keys are needed.

Captures from elsewhere are read, too: there, all UDP payloads and all TCP segments of
whole packets to and from the session's port have compressed headers, but datagrams
with a whole header are passed through. Sequence Numbers are the ones expected next,
which is right as long as not too many packets are missing.

What cannot be restored is reported and left out, and the exit code is then 1.

With --hex, every line is a packet with a compressed header in hex and comes back with
its whole header or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc sse decompress --session s.json -r small.pcapng -w again.pcap
  schc sse compress --hex --session s.json < in.txt | schc sse decompress --hex --session s.json`,
	})
}

func runSSE(cmd *cobra.Command, e *env, f *sseFlags, args []string, v verb) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	if err := conflict(cmd, "hex", "filter", "drop", "pcapng", "quiet", "verbose"); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	dir, err := parseDirection(f.dir)
	if err != nil || dir == 0 {
		return usagef(cmd, "--dir: %q is not up or down", f.dir)
	}
	for _, flag := range []string{"dir", "stream"} {
		if given(cmd, flag) && !f.hex {
			return usagef(cmd, "--%s needs --hex: in captures the port and the protocol tell", flag)
		}
	}
	file, info, err := f.session.load(cmd, e, &f.in)
	if err != nil {
		return err
	}
	if f.hex {
		return sseHex(cmd, e, f, file, info, dir, v)
	}
	if file.Port == 0 {
		return sessionHint(file.Errorf("", "port is missing: it tells which packets of a capture are the session's"))
	}
	x := &sseCapture{port: file.Port, verb: v, drop: f.drop}
	for i, d := range []schc.Direction{schc.DirUp, schc.DirDown} {
		if x.side[i], err = newSide(file, d, v); err != nil {
			return err
		}
	}
	return x.run(cmd, e, f, info)
}

func sseHex(cmd *cobra.Command, e *env, f *sseFlags, file *safile.Session, info os.FileInfo, dir schc.Direction, v verb) error {
	side, err := newSide(file, dir, v)
	if err != nil {
		return err
	}
	if side == nil {
		return sessionHint(file.Errorf("", "%s is missing", dirName(dir)))
	}
	do := side.do(v)
	defer side.rekey(e, dir, v)
	var from, to []byte
	return eachLine(cmd, e, &f.in, &f.out, info, func(dst []byte, words [][]byte) ([]byte, error) {
		if len(words) != 1 {
			return dst, errLine("%d words; a line is one word in hex", len(words))
		}
		read := decodeHex
		if v == verbSeal {
			read = decodePayload
		}
		var err error
		if from, err = read(from, words[0]); err != nil {
			return dst, err
		}
		if to, err = do(to[:0], from, f.stream); err != nil {
			return dst, errors.New(sseError(err, v))
		}
		return appendPayload(dst, to), nil
	})
}

// sseCapture rewrites the payloads of a capture.
type sseCapture struct {
	port uint16
	verb verb
	drop bool
	side [2]*sseSide // up, down; nil: the file has none

	sameSide              // its methods are those of seal and open
	ifaces   []sseIfaces  // of compress: the output's interfaces of each input interface
	back     restoredSide // of decompress
	buf      []byte
	pkt      []byte

	packets, done, passed, dropped                 uint64
	notIP, cut, other, empty, partial, lost, extra uint64 // part of passed and dropped
	inBytes, outBytes                              uint64 // of the packets that were changed, from IP on
}

type sseIfaces struct {
	pass  int
	small [2]int // up, down; -1: none yet
}

func (x *sseCapture) run(cmd *cobra.Command, e *env, f *sseFlags, info os.FileInfo) error {
	x.longer = true
	return rewriteCapture(cmd, e, &f.in, &f.out, f.quiet, rewriter{
		start: func(r *pcapio.Reader, out io.Writer) {
			x.start(r, out)
			x.back = restoredSide{r: r, out: out, pcapng: f.pcapng}
		},
		packet: func(n uint64, p *pcapio.Packet) error { return classicLimit(x.packet(n, p)) },
		end:    func() error { return classicLimit(x.end()) },
		report: func() { x.report(e, f) },
		failed: &x.failed,
	}, info)
}

// sync opens the output and adds new interfaces.
func (x *sseCapture) sync() error {
	all := x.r.Interfaces()
	switch x.verb {
	case verbDecompress:
		for _, f := range all[x.back.known:] {
			if _, m, ours := f.Original(); ours && m.Role != pcapio.RolePass || !ours && f.LinkType == pcapio.LinkTypeUser0 {
				return hint(errSCHCCapture, "schc decompress restores it")
			}
		}
		// A capture that does not tell is none of SCHC Packets.
		if err := x.back.sync(origin{dir: schc.DirUp}); err != nil {
			return err
		}
		if x.back.w != nil {
			return nil
		}
		if len(all) > 0 {
			if _, _, ours := all[0].Original(); !ours {
				x.back.format = x.r.Format()
				x.back.format.Gzip = false
			}
		}
		return x.back.open()
	case verbCompress:
		if x.w == nil {
			x.w = pcapio.NewNgWriter(x.out, application)
		}
		for i := len(x.ifaces); i < len(all); i++ {
			id, err := x.w.AddInterface(all[i].Derive(pcapio.RolePass, i, x.r.Format(), 0, nil))
			if err != nil {
				return err
			}
			x.ifaces = append(x.ifaces, sseIfaces{id, [2]int{-1, -1}})
		}
		return nil
	}
	return x.sameSide.sync()
}

func (x *sseCapture) end() error {
	if err := x.sync(); err != nil {
		return err
	}
	if x.verb == verbDecompress {
		return x.back.w.Flush()
	}
	return x.w.Flush()
}

// The names of interfaces with compressed packets.
var sseNames = [2]string{"sse up", "sse down"}

// id returns the interface of the output for a packet; i is its direction, and
// changed says that it was.
func (x *sseCapture) id(p *pcapio.Packet, i int, changed bool) (int, error) {
	switch {
	case x.verb == verbDecompress:
		return x.back.ifaces[p.Iface].id, nil
	case x.verb != verbCompress:
		return p.Iface, nil
	case !changed:
		return x.ifaces[p.Iface].pass, nil
	}
	id := &x.ifaces[p.Iface].small[i]
	if *id >= 0 {
		return *id, nil
	}
	f := p.Interface.Derive(pcapio.RolePass, p.Iface, x.r.Format(), 0, nil)
	f.Name = sseNames[i]
	var err error
	*id, err = x.w.AddInterface(f)
	return *id, err
}

// errSCHCCapture is for captures that schc compress wrote.
var errSCHCCapture = errors.New("the capture has SCHC Packets, not packets with compressed SSE headers")

// errUnchanged is for packets that are passed through.
var errUnchanged = errors.New("unchanged")

func (x *sseCapture) packet(n uint64, p *pcapio.Packet) error {
	if err := x.sync(); err != nil {
		return err
	}
	x.packets++
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	switch {
	case !ok || loc.Short || loc.NoLength:
		x.notIP++
		return x.pass(p)
	case p.Snapped():
		x.cut++
		return x.pass(p)
	case loc.Trailer > 0 && x.verb >= verbCompress:
		x.extra++
		return x.pass(p)
	}
	pkt := p.Data[loc.Off : loc.Off+loc.Len]
	g, ok := locateSegment(pkt)
	dir := g.direction(x.port)
	if !ok || dir == 0 || x.side[index(dir)] == nil {
		x.other++
		return x.pass(p)
	}
	i := index(dir)
	if x.verb == verbDecompress && !x.compressed(p, i) {
		x.observe(x.side[i], &g, pkt)
		return x.pass(p)
	}
	payload, err := x.change(x.side[i], &g, pkt)
	if err == errUnchanged {
		if x.verb == verbCompress {
			x.observe(x.side[i], &g, pkt)
		}
		return x.pass(p)
	}
	if err != nil {
		x.failed.addText(n, sseError(err, x.verb))
		return nil
	}
	out, ok := g.appendSegment(append(x.pkt[:0], p.Data[:loc.Off]...), pkt, payload)
	x.pkt = out
	if !ok {
		x.failed.addText(n, "short-buffer: longer than an IP packet can be")
		return nil
	}
	x.done++
	x.inBytes += uint64(loc.Len)
	x.outBytes += uint64(len(out) - loc.Off)
	id, err := x.id(p, i, true)
	if err != nil {
		return err
	}
	q := *p
	q.Data, q.OrigLen = out, uint32(len(out))
	return x.write(id, &q)
}

// compressed reports whether the packets of p's interface are compressed in
// direction i, by what schc sse compress wrote, or because something else did.
func (x *sseCapture) compressed(p *pcapio.Packet, i int) bool {
	_, _, ours := p.Interface.Original()
	return !ours || p.Interface.Name == sseNames[i]
}

// change returns the new payload of a segment, valid until the next call. errUnchanged:
// it stays as it is.
func (x *sseCapture) change(side *sseSide, g *segment, pkt []byte) ([]byte, error) {
	b := pkt[g.payload:]
	list := [][]byte{b}
	if g.stream {
		if len(b) == 0 {
			x.empty++
			return nil, errUnchanged
		}
		if x.verb != verbSeal {
			var ok bool
			if list, ok = side.split(b, x.verb); !ok {
				x.partial++
				return nil, errUnchanged
			}
		}
	}
	if x.verb == verbDecompress && !g.stream && side.isWhole(b) {
		side.saw(b)
		return nil, errUnchanged
	}
	do, last := side.do(x.verb), side.last
	out := x.buf[:0]
	for _, one := range list {
		var err error
		if out, err = do(out, one, g.stream); err != nil {
			side.last = last
			e, _ := err.(sse.Error)
			if x.verb == verbCompress {
				x.lost++
				return nil, errUnchanged
			}
			if e == sse.ErrNoSA || x.verb == verbOpen && side.h[0] == nil && len(one) < side.form.HeaderLen() {
				x.other++
				return nil, errUnchanged
			}
			return nil, err
		}
	}
	x.buf = out
	if x.verb == verbCompress && !restores(g, pkt, out) {
		side.last = last
		x.lost++
		return nil, errUnchanged
	}
	return out, nil
}

// restores reports whether a packet that gets a payload, and then its own again,
// is what it was: not, if its checksum is the zero that nobody computes.
func restores(g *segment, pkt, payload []byte) bool {
	small, ok := g.appendSegment(nil, pkt, payload)
	if !ok {
		return false
	}
	again, ok := g.appendSegment(nil, small, pkt[g.payload:])
	return ok && bytes.Equal(again, pkt)
}

// observe takes note of the Sequence Numbers in what is passed through, on both
// sides of compression.
func (x *sseCapture) observe(side *sseSide, g *segment, pkt []byte) {
	list := [][]byte{pkt[g.payload:]}
	if g.stream {
		list, _ = side.split(pkt[g.payload:], verbCompress)
	}
	for _, one := range list {
		side.saw(one)
	}
}

func (x *sseCapture) pass(p *pcapio.Packet) error {
	if x.drop {
		x.dropped++
		return nil
	}
	x.passed++
	id, err := x.id(p, 0, false)
	if err != nil {
		return err
	}
	return x.write(id, p)
}

func (x *sseCapture) write(id int, p *pcapio.Packet) error {
	if x.verb == verbDecompress {
		return x.back.w.WritePacket(id, p)
	}
	return x.w.WritePacket(id, p)
}

func (x *sseCapture) report(e *env, f *sseFlags) {
	x.failed.report(e, "packet")
	x.side[0].rekey(e, schc.DirUp, x.verb)
	x.side[1].rekey(e, schc.DirDown, x.verb)
	if f.quiet {
		return
	}
	what := []string{"sealed", "opened", "compressed", "restored"}[x.verb]
	s := fmt.Sprintf("%s: %d %s, %d passed through, %d failed", report.Plural(int(x.packets), "packet"), x.done, what, x.passed, x.failed.n)
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
	fmt.Fprintf(e.stderr, "not of the session %d, TCP without payload %d, TCP with parts of packets %d, not to be restored %d, with Ethernet padding %d, not IP %d, cut by the snap length %d\n",
		x.other, x.empty, x.partial, x.lost, x.extra, x.notIP, x.cut)
}
