package main

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

// lowpanVerifyFlags are the flags of schc lowpan verify.
type lowpanVerifyFlags struct {
	lowpanFlags
	send senderFlags
	form format
	out  output
}

func newLowpanVerify(e *env) *cobra.Command {
	var f lowpanVerifyFlags
	cmd := &cobra.Command{
		Use:   "verify [flags] [FILE]",
		Short: "Check that packets come back from 6LoWPAN compression",
		Long: `For an IPv6 capture: compress, fragment, reassemble and decompress every packet in
memory and compare. For a capture of LoWPAN frames (IEEE 802.15.4, Bluetooth LE, or
Ethernet with EtherType A0ED): restore every packet, compress it anew, restore it
again and compare; and say whether the new form is smaller or larger than the
captured one. The exit code is 1 if a packet came back different or failed.

In the result, under ipv6: packets = compressed + passed_through, and passed_through
is the sum of the counts behind it (non_ipv6 to errors). Under lowpan: frames = whole
+ fragments + left_out + errors, left_out is the sum of the counts behind it, and
packets = whole + reassembled; smaller + same + larger = whole.`,
		Example: `  schc lowpan verify --context 0=2001:db8:1::/64 --ghc -r in.pcap
  schc lowpan verify --context 0=aaaa::/64 -r wpan.pcap -f json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return lowpanVerify(cmd, e, &f, args)
		},
	}
	f.add(cmd)
	f.send.addOptions(cmd)
	f.send.addFrames(cmd, false)
	f.addDecompress(cmd)
	f.form.add(cmd)
	f.out.add(cmd)
	f.loudness.add(cmd)
	return cmd
}

// lowpanRun is a run over a capture of IPv6 packets or LoWPAN frames.
type lowpanRun struct {
	send   *lowcap.Sender
	flags  *senderFlags
	recv   lowcap.Receiver
	frame  lowcap.Frame    // the last one
	ipv6   *lowcap.Packets // nil until there is one
	lowpan *lowcap.Frames
	failed lowFailures
}

func newLowpanRun(cmd *cobra.Command, l *lowpanFlags, s *senderFlags) (*lowpanRun, error) {
	send, err := s.sender(cmd, &l.lowpanOptions)
	if err != nil {
		return nil, err
	}
	return &lowpanRun{send: send, flags: s, recv: lowcap.Receiver{Table: &l.table, Options: l.opts, TI: l.ti, Keys: l.blocks}}, nil
}

// carriesFrames reports whether a captured frame is to be restored: it is not
// IP, and it is IEEE 802.15.4 or Bluetooth, or has the EtherType of LoWPAN.
func carriesFrames(p *pcapio.Packet, r *lowcap.Receiver) (lowcap.Frame, bool) {
	f, t := r.Locate(p), p.Interface.LinkType
	return f, lowcap.Is802154(t) || lowcap.IsBLE(t) || f.Status != lowcap.OtherLink && f.Status != lowcap.Cut
}

// packet returns the IPv6 packet of a captured frame, or of the frames that this
// one completes, and the addresses it goes between; or nil, and counts why.
func (x *lowpanRun) packet(n uint64, p *pcapio.Packet) (pkt []byte, link lowpan.Link, restored bool) {
	f, ok := carriesFrames(p, &x.recv)
	if x.frame = f; ok {
		if x.lowpan == nil {
			x.lowpan = new(lowcap.Frames)
		}
		x.lowpan.Frames++
		if pkt = restoreFrame(n, p, &f, &x.recv, x.lowpan, &x.failed); pkt != nil {
			x.lowpan.OutBytes += uint64(len(pkt))
		}
		return pkt, f.Link, true
	}
	if x.ipv6 == nil {
		x.ipv6 = new(lowcap.Packets)
	}
	if pkt = lowpanPacket(p, x.ipv6); pkt == nil {
		return nil, link, false
	}
	return pkt, x.flags.link(p, pkt), false
}

func (x *lowpanRun) summary(damage error) *lowcap.Summary {
	x.recv.End()
	if x.lowpan != nil {
		x.lowpan.Incomplete = x.recv.Incomplete
	}
	if x.lowpan == nil && x.ipv6 == nil {
		x.ipv6 = new(lowcap.Packets)
	}
	s := &lowcap.Summary{IPv6: x.ipv6, LoWPAN: x.lowpan}
	s.Finish(damage)
	return s
}

func lowpanVerify(cmd *cobra.Command, e *env, f *lowpanVerifyFlags, args []string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	if err := f.form.check(cmd); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	x, err := newLowpanRun(cmd, &f.lowpanFlags, &f.send)
	if err != nil {
		return err
	}
	r, err := f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := f.out.create(cmd, e, false, r.Info())
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	v := &lowpanVerifier{lowpanRun: x, again: lowcap.Receiver{Table: &f.table, Options: f.opts}}
	damage, err := f.in.each(r, v.step)
	progress.stop()
	if err != nil {
		return err
	}
	sum := x.summary(damage)
	if x.ipv6 != nil {
		x.ipv6.Mismatched = &v.mismatched[0]
	}
	if c := x.lowpan; c != nil {
		c.Mismatched, c.Smaller, c.Same, c.Larger, c.AnewBytes = &v.mismatched[1], &v.sizes[0], &v.sizes[1], &v.sizes[2], &v.anew
	}
	if err := sum.Write(out, f.form.text); err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	return x.failed.verdict(e, damage)
}

// lowpanVerifier compresses packets, restores them and compares.
type lowpanVerifier struct {
	*lowpanRun
	again      lowcap.Receiver
	small      []byte
	mismatched [2]uint64 // IPv6, LoWPAN
	sizes      [3]uint64 // smaller than captured, same, larger
	anew       uint64
}

func (v *lowpanVerifier) step(n uint64, p *pcapio.Packet) error {
	pkt, link, restored := v.packet(n, p)
	if pkt == nil {
		return nil
	}
	if !restored {
		err := v.fragments(p, pkt, link)
		if le, _ := err.(lowpan.Error); le != 0 || err == errDiffers {
			v.failed.add("packet", n, err)
			err = nil
		}
		return err
	}
	small, err := lowpan.AppendCompress(v.small[:0], pkt, link, v.send.Table, v.send.Options)
	if err == nil {
		v.small = small
		v.compareSize(small)
		var back []byte
		back, err = lowpan.AppendDecompress(nil, small, link, v.send.Table, v.recv.Options)
		if err == nil && !bytes.Equal(back, pkt) {
			err = errDiffers
		}
	}
	if err != nil {
		v.mismatched[1]++
		v.failed.add("frame", n, err)
	}
	return nil
}

// compareSize compares the new form of a packet with the captured one, if the
// last frame is all of that.
func (v *lowpanVerifier) compareSize(small []byte) {
	v.anew += uint64(len(small))
	h, err := lowpan.ParseHeaders(v.frame.Payload, 0)
	if err != nil || h.Fragment.Kind != lowpan.FragmentNone || v.frame.Parts > 1 {
		return // what fragments held of headers is not known any more
	}
	switch was := len(h.Payload); {
	case len(small) < was:
		v.sizes[0]++
	case len(small) == was:
		v.sizes[1]++
	default:
		v.sizes[2]++
	}
}

// fragments sends a packet in as many frames as it takes and restores it.
func (v *lowpanVerifier) fragments(p *pcapio.Packet, pkt []byte, link lowpan.Link) error {
	var back []byte
	var failed error
	sent, err := sendPacket(v.send, pkt, link, v.ipv6, func(_, payload []byte) error {
		out, _, err := v.again.Packet(p, &lowcap.Frame{Payload: payload, Link: link})
		if err != nil {
			failed = err
		}
		if out != nil {
			back = out
		}
		return nil
	})
	if err != nil || !sent {
		return err
	}
	if failed == nil && !bytes.Equal(back, pkt) {
		failed = errDiffers
	}
	if failed != nil {
		v.mismatched[0]++
	}
	return failed
}
