package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// fragFlags are the flags of schc frag.
type fragFlags struct {
	loudness
	frag   fragRuleFlags
	in     input
	out    output
	dir    direction
	link   link
	mtu    int
	tap    tapFlags
	strip  bool
	strict bool
	hex    bool
}

func newFrag(e *env) *cobra.Command {
	var f fragFlags
	cmd := &cobra.Command{
		Use:   "frag -C RULES --mtu N [flags] [FILE]",
		Short: "Fragment SCHC Packets; reassemble them; simulate a link",
		Long: `Fragment the SCHC Packets of a capture (RFC 8724, Section 8), as a sender does
over a link that loses nothing.

A capture that schc compress wrote keeps its interfaces; the packets of any other
are compressed with the Rules on the way. A SCHC Packet of at most --mtu bytes
is sent whole; so is one that cannot be fragmented, which is reported and makes
the exit code 1. What was passed through stays as it is. Every fragment has the
link header and the time stamp of its packet. schc frag reassemble puts the
packets together again, byte for byte.

--mtu counts every byte of a message: over LoRaWAN the FPort, which is the
RuleID, and the FRMPayload.

With --loratap the messages become LoRaWAN frames of a device (--lorawan FILE,
and --dev-eui where that has several), encrypted and with their MIC, in LoRaTap
(link type 270). The link header of a packet is then lost.

With --hex, every line is a SCHC Packet in hex, perhaps followed by its length in
bits before padding; what schc compress --hex prints will do. Out come its
fragments, one a line, in hex, and an empty line. A number of bits follows where
a message does not end on a byte boundary. A packet that failed comes back as

    error: CLASS: TEXT

and the exit code is then 1. All packets are fragmented, also those that would
fit. The first has the DTag 0, and each the next one.`,
		Example: `  schc frag -C rules.json --profile lorawan --mtu 51 -r in.pcap -w frames.pcapng
  schc frag reassemble -C rules.json --profile lorawan -r frames.pcapng | schc decompress -C rules.json -w again.pcap
  schc compress --hex -C rules.json < packets.txt | schc frag --hex -C rules.json --rule 20/8 --mtu 51 --dir up
  schc frag -C rules.json --profile lorawan --mtu 51 --lorawan keys.json --loratap -r in.pcap -w radio.pcapng
  schc frag simulate --profile lorawan --dr SF10 --loss 0.2`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if !given(cmd, "mtu") {
				return usagef(cmd, "the largest message is not given; say --mtu N, in bytes")
			}
			if f.mtu < 1 || f.mtu > maxMessage {
				return usagef(cmd, "--mtu: %d is not from 1 to %d", f.mtu, maxMessage)
			}
			if err := f.tap.check(cmd, f.mtu); err != nil {
				return err
			}
			if f.hex {
				return fragHex(cmd, e, &f, args)
			}
			return fragCapture(cmd, e, &f, args)
		},
	}
	cmd.Flags().SortFlags = false
	f.frag.add(cmd)
	cmd.Flags().IntVar(&f.mtu, "mtu", 0, "the largest message, in `BYTES`")
	f.in.add(cmd)
	f.out.add(cmd)
	f.dir.add(cmd)
	f.frag.rules.addChoice(cmd)
	f.link.add(cmd)
	f.link.addEtherType(cmd)
	f.tap.add(cmd)
	cmd.Flags().BoolVar(&f.strip, "strip-trailer", false, "drop the bytes behind an IP datagram (Ethernet padding) instead of passing the frame through")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "exit with 1 if a packet has no Rule")
	addHex(cmd, &f.hex)
	f.loudness.add(cmd)
	for _, c := range []*cobra.Command{newReassemble(e), newSimulate(e)} {
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

const maxMessage = 65535

func fragCapture(cmd *cobra.Command, e *env, f *fragFlags, args []string) error {
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	if err := f.dir.check(cmd); err != nil {
		return err
	}
	in, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	set, err := f.frag.load(cmd, e, &f.in, 0)
	if err != nil {
		return err
	}
	set.say(e, &f.loudness)
	tap, err := f.tap.open(cmd, &f.link.lorawan, set)
	if err != nil {
		return err
	}
	x := &fragmenter{tap: tap, set: set, mtu: f.mtu, trim: newTrimmer(set.ctx, in), etherType: f.link.etherType}
	for _, d := range []schc.Direction{schc.DirUp, schc.DirDown} {
		p, err := set.pick(d)
		if err != nil {
			return err
		}
		if p != nil {
			x.way[index(d)] = new(linksim.Exchange)
			x.way[index(d)].Reset(p)
			x.dtags[index(d)].bits = p.Fragmentation().DTagBits
		}
	}
	if f.frag.rules.file != "" {
		if err := checkStart(set.set); err != nil {
			return err
		}
		x.fr = newFramer(set.ctx, in, f.dir)
		x.fr.etherType, x.fr.strip = f.link.etherType, f.strip
		x.fr.trust, x.fr.first = f.frag.rules.opts.TrustComputed, f.frag.rules.opts.FirstMatch
	}
	x.fallback = f.dir.fixed
	r, err := f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := f.out.create(cmd, e, true, r.Info(), set.info, f.link.lorawan.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	x.compressedSide = compressedSide{w: pcapio.NewNgWriter(out, application), r: r, etherType: f.link.etherType, fragments: true}
	if x.fr != nil {
		// As in the file, which decompresses: without the Rules of a profile.
		if ctx, err := schc.NewContext(set.set.Rules, schc.Options{}); err == nil {
			x.rules = ctx.Fingerprint()
		}
	}
	damage, err := f.in.each(r, x.packet)
	if err == nil {
		err = x.sync()
	}
	if err == nil {
		err = x.w.Flush()
	}
	progress.stop()
	if err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	x.failures.report(e, "packet")
	if !f.quiet {
		fmt.Fprintf(e.stderr, "%s: %d in %s, %d whole, %d passed through, %d not to be fragmented\n", report.Plural(int(x.packets), "packet"),
			x.fragmented, report.Plural(int(x.messages), "fragment"), x.whole, x.passed, x.failures.n)
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failures.n > 0 || f.strict && x.noRule > 0 {
		return errFailed
	}
	return nil
}

// fragmenter fragments the packets of a capture.
type fragmenter struct {
	compressedSide
	set       *fragSet
	tap       *tap // nil: messages are written as they are
	mtu       int
	way       [2]*linksim.Exchange // up, down; nil: no Rule
	dtags     [2]dtags
	trim      *trimmer
	fr        *framer        // nil: there are no Rules to compress with
	fallback  schc.Direction // of SCHC Packets whose interface does not tell
	etherType uint16
	origins   []schcSide // of the input's interfaces
	msgs      []byte
	ends      []int
	collect   func(pkt []byte, bits int, dir schc.Direction) // instead of send

	packets, fragmented, messages, whole, passed, noRule uint64
	failures                                             failures
}

// schcSide says what an input interface holds: SCHC Packets of one direction, or
// what was passed through, or something else.
type schcSide struct {
	dir       schc.Direction // 0: no SCHC Packets
	pass      bool           // packets that schc compress passed through
	fragments bool           // marked as the output of schc frag
	etherType uint16
}

// schcSideOf reads what schc compress wrote in an interface's description.
// fallback is the direction where nothing tells.
func schcSideOf(f *pcapio.Interface, fallback schc.Direction, etherType uint16) schcSide {
	s := schcSide{etherType: etherType}
	if m, ok := pcapio.ParseMeta(f.Description); ok {
		s.fragments = m.Fragments
		if m.EtherType != 0 {
			s.etherType = m.EtherType
		}
		switch m.Role {
		case pcapio.RoleUp:
			s.dir = schc.DirUp
		case pcapio.RoleDown:
			s.dir = schc.DirDown
		default:
			s.pass = true
		}
		return s
	}
	switch {
	case f.Name == "schc up":
		s.dir = schc.DirUp
	case f.Name == "schc down":
		s.dir = schc.DirDown
	case f.LinkType == pcapio.LinkTypeUser0:
		s.dir = fallback
	}
	return s
}

// sync adds the interfaces of the input that are new.
func (x *fragmenter) sync() error {
	all := x.r.Interfaces()
	for i := len(x.ifaces); i < len(all); i++ {
		o := schcSideOf(all[i], x.fallback, x.etherType)
		if o.fragments {
			return errors.New("the capture holds SCHC Fragments already")
		}
		if o.dir == 0 && all[i].LinkType == pcapio.LinkTypeUser0 && !o.pass {
			return hint(errNoDirection, "give the direction with --dir up or --dir down")
		}
		f := *all[i]
		if o.dir == 0 && !o.pass {
			f = f.Derive(pcapio.RolePass, i, x.r.Format(), 0, nil)
		}
		f.SetFragments(o.dir != 0)
		id, err := x.w.AddInterface(f)
		if err != nil {
			return err
		}
		x.ifaces = append(x.ifaces, sides{pass: id})
		x.origins = append(x.origins, o)
	}
	return nil
}

func (x *fragmenter) packet(n uint64, p *pcapio.Packet) error {
	if p.Iface >= len(x.ifaces) {
		if err := x.sync(); err != nil {
			return err
		}
	}
	x.packets++
	o, id := &x.origins[p.Iface], x.ifaces[p.Iface].pass
	switch {
	case o.pass:
		x.passed++
		return x.w.WritePacket(id, p)
	case o.dir != 0:
		loc, ok := pcapio.LocateEtherType(p.Interface.LinkType, p.Data, o.etherType)
		if !ok || p.Snapped() {
			x.passed++
			return x.w.WritePacket(id, p)
		}
		pkt := p.Data[loc.Off:]
		return x.send(n, p, id, p.Data[:loc.Off], pkt, x.trim.bits(pkt, 8*len(pkt), o.dir), o.dir)
	case x.fr == nil:
		return hint(errors.New("the capture is not compressed, and there are no Rules to compress it with"), "name a rule file with -C")
	}
	return x.compress(n, p, id)
}

// compress compresses a packet and sends it.
func (x *fragmenter) compress(n uint64, p *pcapio.Packet, pass int) error {
	switch why := x.fr.compress(p); why {
	case report.Done:
	case report.NoRule:
		x.noRule++
		fallthrough
	default:
		x.passed++
		return x.w.WritePacket(pass, p)
	}
	loc := &x.fr.loc
	var head, linkHead []byte
	if loc.TypeOff < 0 {
		linkHead = p.Data[:loc.Off]
	} else {
		head = x.fr.frame[:loc.Off]
	}
	id := 0
	if x.tap == nil {
		var err error
		if id, err = x.id(p, x.fr.dir, linkHead); err != nil {
			return err
		}
	}
	return x.send(n, p, id, head, x.fr.frame[len(head):], x.fr.res.Bits, x.fr.dir)
}

// send writes a SCHC Packet behind the link header head, in fragments if it is
// larger than the MTU.
func (x *fragmenter) send(n uint64, p *pcapio.Packet, id int, head, pkt []byte, bits int, dir schc.Direction) error {
	if x.collect != nil {
		x.collect(pkt, bits, dir)
		return nil
	}
	why := ""
	if len(pkt) > x.mtu {
		if why = x.split(pkt, bits, dir); why == "" {
			x.fragmented++
			x.messages += uint64(len(x.ends))
			head, at := slices.Clone(head), 0
			for _, end := range x.ends {
				if err := x.write(n, p, id, head, x.msgs[at:end], dir); err != nil {
					return err
				}
				at = end
			}
			return nil
		}
	} else if isFragment(x.set.profiles, pkt) {
		why = "refused: the packet begins with the RuleID of a fragmentation Rule"
	}
	if why != "" {
		x.failures.addText(n, why)
	} else {
		x.whole++
	}
	return x.write(n, p, id, head, pkt, dir)
}

// write writes a message with the time of packet p.
func (x *fragmenter) write(n uint64, p *pcapio.Packet, id int, head, msg []byte, dir schc.Direction) error {
	q := *p
	if x.tap != nil {
		return x.tap.write(x, n, &q, msg, dir)
	}
	q.Data = append(append([]byte(nil), head...), msg...)
	q.OrigLen = uint32(len(q.Data))
	return x.w.WritePacket(id, &q)
}

// isFragment reports whether a message belongs to one of the fragmentation Rules.
func isFragment(profiles []schc.Profile, msg []byte) bool {
	for i := range profiles {
		if profiles[i].Matches(msg, 8*len(msg)) {
			return true
		}
	}
	return false
}

// split fragments a packet, makes sure that it can be put together again, and
// says why not.
func (x *fragmenter) split(pkt []byte, bits int, dir schc.Direction) string {
	way := x.way[index(dir)]
	if way == nil {
		return "no-rule: no fragmentation Rule is for packets that go " + dirName(dir)
	}
	x.msgs, x.ends = x.msgs[:0], x.ends[:0]
	dtag := &x.dtags[index(dir)]
	got, n, err := way.Run(pkt, bits, x.mtu, dtag.next, func(msg []byte, _ int) {
		x.msgs = append(x.msgs, msg...)
		x.ends = append(x.ends, len(x.msgs))
	})
	if err != nil {
		return sendError(err, x.mtu)
	}
	dtag.used()
	if n = x.trim.bits(got, n, dir); !slices.Equal(got[:(n+7)/8], pkt) {
		return "unsupported: the fragments do not tell where the packet ends"
	}
	return ""
}
