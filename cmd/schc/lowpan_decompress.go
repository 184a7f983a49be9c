package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

// lowpanDecompressFlags are the flags of schc lowpan decompress.
type lowpanDecompressFlags struct {
	lowpanFlags
	out              output
	drop, ether, png bool
	ghc              bool
	hex              hexLink
}

func newLowpanDecompress(e *env) *cobra.Command {
	var f lowpanDecompressFlags
	cmd := &cobra.Command{
		Use:   "decompress [flags] [FILE]",
		Short: "Restore IPv6 packets from an IEEE 802.15.4 capture, or from frame payloads in hex",
		Long: `Restore the IPv6 packets of a capture of IEEE 802.15.4 frames (LINKTYPE 195, 230
and 283), of Ethernet frames with EtherType A0ED or of Bluetooth LE (LINKTYPE 201,
251, 254 and 256), fragmented ones included, and write them as a raw IP capture. A
packet in fragments has the time stamp of the fragment that completes it. Of
Bluetooth the capture needs to have the beginning of the connection, for its
addresses, and the request for the channel.

Captures that schc lowpan compress wrote come back packet for packet, with their
time stamps and in their own format. What was passed through is kept, unless --drop
is given; a file of several link types is pcapng. Ethernet headers are not restored:
the packets are raw IP, or with --ethernet get a header made of the addresses of
the frames, which is the original one unless that had VLAN tags or other than the
usual group addresses.

In other captures frames without an IPv6 packet are left out: beacons,
acknowledgments, other dispatches, and encrypted frames, unless --key has their
key. A frame that should hold a packet and cannot be restored is reported, and the
exit code is 1. --filter looks at the frames.

With --hex, every line is

    HEX SOURCE DESTINATION

a frame payload from the dispatch byte on and two link-layer addresses of 2 or 8
bytes, and comes back as the IPv6 packet in hex; or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc lowpan decompress --context 0=2001:db8:1::/64 -r wpan.pcapng -w again.pcap
  echo 7a333a80... 0001 0002 | schc lowpan decompress --hex`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.hex.on {
				return lowpanDecompressHex(cmd, e, &f, args)
			}
			return lowpanDecompressCapture(cmd, e, &f, args)
		},
	}
	f.add(cmd)
	f.out.add(cmd)
	f.addDecompress(cmd)
	cmd.Flags().BoolVar(&f.drop, "drop", false, "leave out what was passed through")
	cmd.Flags().BoolVar(&f.ether, "ethernet", false, "give packets from Ethernet captures an Ethernet header again")
	cmd.Flags().BoolVar(&f.png, "pcapng", false, "write pcapng also where the captured packets were in classic pcap")
	cmd.Flags().BoolVar(&f.ghc, "ghc", false, "as for compress; generic header compression (RFC 7400) is always understood")
	f.hex.add(cmd)
	f.loudness.add(cmd)
	return cmd
}

func lowpanDecompressCapture(cmd *cobra.Command, e *env, f *lowpanDecompressFlags, args []string) error {
	if err := f.hex.unused(cmd); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	r, err := f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := f.out.create(cmd, e, true, r.Info())
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	x := &wpanRestorer{r: r, out: out, flags: f, recv: lowcap.Receiver{Table: &f.table, Options: f.opts, TI: f.ti, Keys: f.blocks}}
	damage, err := f.in.each(r, x.packet)
	if err == nil {
		err = x.end()
	}
	progress.stop()
	if err != nil {
		return classicLimit(err)
	}
	if err := commit(out); err != nil {
		return err
	}
	sum := lowcap.Summary{LoWPAN: &x.c}
	sum.Finish(damage)
	if f.verbose {
		sum.WriteText(e.stderr)
	} else if !f.quiet {
		fmt.Fprintln(e.stderr, x.c.Line())
	}
	return x.failed.verdict(e, damage)
}

// wpanRestorer restores a capture.
type wpanRestorer struct {
	r     *pcapio.Reader
	out   io.Writer
	flags *lowpanDecompressFlags
	recv  lowcap.Receiver

	c      lowcap.Frames
	failed lowFailures

	w      pcapio.Writer
	ifaces []wpanOrigin // by number in the input
	keys   []wpanKey
	orig   []pcapio.Interface // by number in the output
	buf    []byte
}

// wpanOrigin is where the packets of one interface come from and go to.
type wpanOrigin struct {
	passed, ours bool
	ether        bool // they get an Ethernet header
	id           int
	format       pcapio.Format
	mixed        bool // what is passed through is of another link type than what is restored
}

// wpanKey tells the output interfaces apart.
type wpanKey struct {
	iface int
	t     pcapio.LinkType
}

// sync takes note of new interfaces.
func (x *wpanRestorer) sync() error {
	all := x.r.Interfaces()
	for len(x.ifaces) < len(all) {
		n := len(x.ifaces)
		orig, m, ours := lowcap.Original(all[n])
		o := wpanOrigin{ours: ours, format: m.Format}
		key := wpanKey{iface: m.Iface}
		if !ours {
			orig, key.iface, o.format = *all[n], n, x.r.Format()
			orig.SnapLen, orig.Extra = 0, nil
		}
		o.passed = ours && m.Role == pcapio.RolePass
		restored := pcapio.LinkTypeRaw
		switch wire := orig.LinkType; {
		case x.flags.ether && wire == pcapio.LinkTypeEthernet:
			restored, o.ether = wire, true
		case ours && isRaw(wire):
			restored = wire
		}
		o.mixed = ours && restored != orig.LinkType && !x.flags.drop
		if !o.passed {
			orig.LinkType = restored
		}
		key.t = orig.LinkType
		if o.id = slices.Index(x.keys, key); o.id < 0 && !(o.passed && x.flags.drop) {
			o.id = len(x.keys)
			x.keys = append(x.keys, key)
			x.orig = append(x.orig, orig)
			if x.w != nil {
				if _, err := x.w.AddInterface(orig); err != nil {
					return err
				}
			}
		}
		x.ifaces = append(x.ifaces, o)
	}
	return nil
}

func isRaw(t pcapio.LinkType) bool {
	switch t {
	case pcapio.LinkTypeRaw, pcapio.LinkTypeRaw12, pcapio.LinkTypeRaw14, pcapio.LinkTypeIPv6:
		return true
	}
	return false
}

// open starts the output: in the format of the capture that the packets were in,
// if that can hold them.
func (x *wpanRestorer) open() error {
	format := x.r.Format()
	if len(x.ifaces) > 0 {
		format = x.ifaces[0].format
	}
	if len(x.orig) != 1 || x.flags.png {
		format.NG = true
	}
	for _, o := range x.ifaces {
		format.NG = format.NG || o.mixed
	}
	format.Gzip = false
	if len(x.ifaces) > 0 && !x.ifaces[0].ours {
		format.SnapLen = 1 << 18 // a packet is longer than its frame
		format.LinkFlags = 0
	}
	var err error
	if x.w, err = pcapio.NewWriter(x.out, format, application); err != nil {
		return err
	}
	for _, o := range x.orig {
		if _, err := x.w.AddInterface(o); err != nil {
			return err
		}
	}
	return nil
}

func (x *wpanRestorer) ready() error {
	if len(x.ifaces) < len(x.r.Interfaces()) {
		if err := x.sync(); err != nil {
			return err
		}
	}
	if x.w == nil {
		return x.open()
	}
	return nil
}

func (x *wpanRestorer) end() error {
	x.recv.End()
	x.c.Incomplete = x.recv.Incomplete
	if err := x.ready(); err != nil {
		return err
	}
	return x.w.Flush()
}

// packet restores one frame and writes the packet that it completes.
func (x *wpanRestorer) packet(n uint64, p *pcapio.Packet) error {
	if err := x.ready(); err != nil {
		return err
	}
	o := &x.ifaces[p.Iface]
	x.c.Frames++
	if o.passed {
		if x.flags.drop {
			x.c.LeftOut++
			x.c.Dropped++
			return nil
		}
		x.c.Passed++
		return x.w.WritePacket(o.id, p)
	}
	f := x.recv.Locate(p)
	pkt := restoreFrame(n, p, &f, &x.recv, &x.c, &x.failed)
	if pkt == nil {
		return nil
	}
	x.c.OutBytes += uint64(len(pkt))
	if o.ether {
		x.buf = append(etherHeader(x.buf[:0], f.Link, pkt), pkt...)
		pkt = x.buf
	}
	q := *p
	q.Data, q.OrigLen = pkt, uint32(len(pkt))
	return x.w.WritePacket(o.id, &q)
}

// restoreFrame returns the packet that a frame completes, or nil, and counts.
func restoreFrame(n uint64, p *pcapio.Packet, f *lowcap.Frame, r *lowcap.Receiver, c *lowcap.Frames, failed *lowFailures) []byte {
	if f.BadFCS {
		c.BadFCS++
	}
	if f.Decrypted {
		c.Decrypted++
	}
	switch f.Status {
	case lowcap.LoWPAN:
	case lowcap.Part:
		c.Fragments++
		return nil
	case lowcap.BadFrame:
		c.Errors++
		failed.add("frame", n, f.Err)
		return nil
	default:
		c.LeaveOut(f.Status)
		return nil
	}
	pkt, fragment, err := r.Packet(p, f)
	switch {
	case err != nil:
		c.Errors++
		failed.add("frame", n, err)
		return nil
	case fragment:
		c.Fragments++
	default:
		c.Whole++
	}
	c.InBytes += uint64(len(f.Payload)) - fragmentHeader(f.Payload)
	if pkt != nil && fragment {
		c.Reassembled++
	}
	return pkt
}

// fragmentHeader is the length of a fragmentation header.
func fragmentHeader(payload []byte) uint64 {
	h, err := lowpan.ParseHeaders(payload, 0)
	switch {
	case err == nil && h.Fragment.Kind == lowpan.FragmentFirst:
		return 4
	case err == nil && h.Fragment.Kind == lowpan.FragmentNext:
		return 5
	}
	return 0
}

// etherHeader appends the Ethernet header of a packet that came over link.
func etherHeader(dst []byte, link lowpan.Link, pkt []byte) []byte {
	for i, a := range []lowpan.Addr{link.Dst, link.Src} {
		b, ok := lowcap.AppendMAC(dst, a)
		switch {
		case ok:
			dst = b
		case i == 0 && pkt[24] == 0xff:
			dst = append(append(dst, 0x33, 0x33), pkt[36:40]...) // RFC 2464, Section 7
		default: // a locally administered address that nobody has
			v := a.Value
			dst = append(dst, 0x02, byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
		}
	}
	return append(dst, 0x86, 0xdd)
}
