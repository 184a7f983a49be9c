package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

// lowpanCompressFlags are the flags of schc lowpan compress.
type lowpanCompressFlags struct {
	lowpanFlags
	send senderFlags
	out  output
	drop bool
	hex  hexLink
}

func newLowpanCompress(e *env) *cobra.Command {
	var f lowpanCompressFlags
	cmd := &cobra.Command{
		Use:   "compress [flags] [FILE]",
		Short: "Make an IEEE 802.15.4 capture of an IPv6 capture, or compress packets in hex",
		Long: `Compress the IPv6 packets of a capture and write them as IEEE 802.15.4 data
frames (LINKTYPE 230, or 195 with --fcs) to a pcapng capture, with the time stamps
of the packets. Of all forms that IPHC and NHC allow the smallest is taken. A
packet that does not fit in one frame is fragmented (RFC 4944).

The addresses of the frames are the 64-bit forms of the Ethernet addresses, or
those of --link-src and --link-dst, or else 0001 and 0002; packets to multicast
groups are broadcast. The Ethernet header itself and padding behind the packet are
not carried. What cannot be carried (not IPv6, cut by the snap length, longer than
2047 bytes) is passed through on an interface of its own, or left out with --drop.
schc lowpan decompress restores the packets and keeps what was passed through.

With --hex, every line is

    HEX SOURCE DESTINATION

an IPv6 packet and two link-layer addresses of 2 or 8 bytes, and comes back as the
frame payload in hex; or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc lowpan compress --context 0=2001:db8:1::/64 -r in.pcap -w wpan.pcapng
  schc lowpan compress --ghc --fcs --pan face -r in.pcap -w wpan.pcapng
  echo 6000... 0001 0002 | schc lowpan compress --hex`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.hex.on {
				return lowpanCompressHex(cmd, e, &f, args)
			}
			return lowpanCompressCapture(cmd, e, &f, args)
		},
	}
	f.add(cmd)
	f.out.add(cmd)
	f.send.addOptions(cmd)
	f.send.addFrames(cmd, true)
	cmd.Flags().BoolVar(&f.drop, "drop", false, "leave out what would be passed through")
	f.hex.add(cmd)
	f.loudness.add(cmd)
	return cmd
}

func lowpanCompressCapture(cmd *cobra.Command, e *env, f *lowpanCompressFlags, args []string) error {
	if err := f.hex.unused(cmd); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	s, err := f.send.sender(cmd, &f.lowpanOptions)
	if err != nil {
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
	w := &wpanSide{w: pcapio.NewNgWriter(out, application), r: r, linkType: lowcap.LinkTypeNoFCS}
	if f.send.fcs {
		w.linkType = lowcap.LinkTypeFCS
	}
	var c lowcap.Packets
	var failed lowFailures
	damage, err := f.in.each(r, func(n uint64, p *pcapio.Packet) error {
		pkt := lowpanPacket(p, &c)
		sent := false
		if pkt != nil {
			var err error
			sent, err = sendPacket(s, pkt, f.send.link(p, pkt), &c, func(frame, _ []byte) error { return w.frame(p, frame) })
			if le, _ := err.(lowpan.Error); le != 0 {
				failed.add("packet", n, err)
			} else if err != nil {
				return err
			}
		}
		if sent || f.drop {
			return nil
		}
		return w.pass(p)
	})
	if err == nil {
		err = w.end()
	}
	progress.stop()
	if err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	sum := lowcap.Summary{IPv6: &c}
	sum.Finish(damage)
	if f.verbose {
		sum.WriteText(e.stderr)
	} else if !f.quiet {
		fmt.Fprintln(e.stderr, c.Line())
	}
	return failed.verdict(e, damage)
}

// lowpanPacket returns the IPv6 packet of a captured frame, or nil and counts why
// there is none that can be compressed.
func lowpanPacket(p *pcapio.Packet, c *lowcap.Packets) []byte {
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	switch {
	case !ok || loc.Version != 6:
		c.NonIPv6++
	case p.Snapped():
		c.SnapCut++
	case uint64(len(p.Data)) != uint64(p.OrigLen), loc.Len < 40:
		c.BadLength++
	default:
		return p.Data[loc.Off : loc.Off+loc.Len]
	}
	return nil
}

// sendPacket sends a packet and counts it. It returns false for a packet that
// cannot be carried, with an error if that is not for its length.
func sendPacket(s *lowcap.Sender, pkt []byte, link lowpan.Link, c *lowcap.Packets, emit func(frame, payload []byte) error) (bool, error) {
	var whole bool
	var first, hdrIn, hdrOut int
	sent, err := s.Send(pkt, link, func(frame, payload []byte) error {
		if first++; first == 1 {
			whole = payload[0] == lowpan.DispatchIPv6
			hdrIn, hdrOut = headerBits(payload, link, s)
		}
		return emit(frame, payload)
	})
	if err != nil {
		var e lowpan.Error
		switch errors.As(err, &e); {
		case e == lowpan.ErrUnsupported:
			c.TooLong++
			return false, nil
		case e != 0:
			c.Errors++
		}
		return false, err
	}
	c.Compressed++
	if whole {
		c.Uncompressed++
	}
	if sent.Frames > 1 {
		c.Fragmented++
	}
	c.Frames += uint64(sent.Frames)
	c.InBytes += uint64(len(pkt))
	c.OutBytes += uint64(sent.OutBytes)
	c.AirBytes += uint64(sent.AirBytes)
	c.HdrInBytes += uint64(hdrIn)
	c.HdrOutBits += uint64(hdrOut)
	return true, nil
}

// headerBits returns the bytes of the headers that a frame payload begins with,
// and the bits that stand for them.
func headerBits(payload []byte, link lowpan.Link, s *lowcap.Sender) (in, out int) {
	parts, err := lowpan.Explain(payload, link, s.Table, lowpan.Options{LinkIID: s.Options.LinkIID})
	if err != nil {
		return 0, 0
	}
	for _, p := range parts {
		switch p.Name {
		case "payload", "frag1":
		case "packet": // as it is: its IPv6 header
			in, out = in+320, out+320
		default:
			in, out = in+int(p.InBits), out+int(p.LenBits)
		}
	}
	return in / 8, out
}

// wpanSide is an IEEE 802.15.4 capture that is written: for every input interface
// one for frames, and one for packets passed through once there is one.
type wpanSide struct {
	w        *pcapio.NgWriter
	r        *pcapio.Reader
	linkType pcapio.LinkType
	ids      [][2]int // frames and passed; -1: not there yet
}

func (w *wpanSide) id(iface, which int) (int, error) {
	for len(w.ids) <= iface {
		w.ids = append(w.ids, [2]int{-1, -1})
	}
	id := &w.ids[iface][which]
	if *id >= 0 {
		return *id, nil
	}
	n, err := w.w.AddInterface(lowcap.Derive(w.r.Interfaces()[iface], which == 1, w.linkType, iface, w.r.Format()))
	if err == nil {
		*id = n
	}
	return n, err
}

// frame writes a frame at the time of packet p.
func (w *wpanSide) frame(p *pcapio.Packet, frame []byte) error {
	id, err := w.id(p.Iface, 0)
	if err != nil {
		return err
	}
	q := *p
	q.Data, q.OrigLen = frame, uint32(len(frame))
	return w.w.WritePacket(id, &q)
}

// pass writes a packet as it is.
func (w *wpanSide) pass(p *pcapio.Packet) error {
	id, err := w.id(p.Iface, 1)
	if err != nil {
		return err
	}
	return w.w.WritePacket(id, p)
}

// end adds the interfaces without packets.
func (w *wpanSide) end() error {
	for i := range w.r.Interfaces() {
		if i < len(w.ids) && w.ids[i] != [2]int{-1, -1} {
			continue
		}
		if _, err := w.id(i, 0); err != nil {
			return err
		}
	}
	return w.w.Flush()
}
