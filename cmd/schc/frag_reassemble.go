package main

import (
	"container/list"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// reassembleFlags are the flags of schc frag reassemble.
type reassembleFlags struct {
	loudness
	frag fragRuleFlags
	in   input
	out  output
	link link
	dir  string
	hex  bool
}

func newReassemble(e *env) *cobra.Command {
	var f reassembleFlags
	cmd := &cobra.Command{
		Use:   "reassemble -C RULES [flags] [FILE]",
		Short: "Put SCHC Packets together from their fragments",
		Long: `Put the SCHC Packets of a capture together again. Of a capture that schc frag
wrote, what comes out is that of schc compress, which schc decompress restores.
Messages that are no fragments are kept as they are; ACKs are left out. A packet
has the time stamp of its last fragment.

Captures from elsewhere are read too: packets of the link type USER0, and frames
of the EtherType --ethertype on interfaces named "schc up" or "schc down". Where
the interface does not tell, --dir says the direction.

LoRaWAN traffic is read as by schc decompress: LoRaTap captures with --lorawan
FILE, and uplink events in JSON.

A packet that cannot be put together is reported and left out, and the exit code
is 1.

Up to seven bits of padding follow a packet, which only its Rule can tell apart:
with the Rules for decompression at hand (-C), it comes back bit for bit. Where
the Rules do not have that of a packet, zero bits behind its last whole byte are
taken for padding.

With --hex, every line is a message in hex, perhaps followed by its length in
bits, and every packet that is complete is a line: the packet in hex, followed
by its length in bits if that is no whole number of bytes. An empty line ends a
packet. One that is not complete comes back as

    error: CLASS: TEXT

and so does a line that is no fragment; the exit code is then 1.`,
		Example: `  schc frag reassemble -C rules.json --profile lorawan -r frames.pcapng -w small.pcapng
  schc frag reassemble -C rules.json --lorawan keys.json -r radio.pcapng -w small.pcapng
  schc frag --hex -C rules.json --mtu 51 < in.txt | schc frag reassemble --hex -C rules.json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.hex {
				return reassembleHex(cmd, e, &f, args)
			}
			return reassembleCapture(cmd, e, &f, args)
		},
	}
	cmd.Flags().SortFlags = false
	f.frag.add(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	cmd.Flags().StringVar(&f.dir, "dir", "", "`DIR`ection of the packets where the capture does not tell: up or down")
	cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions([]string{"up", "down"}, cobra.ShellCompDirectiveNoFileComp))
	f.link.add(cmd)
	f.link.addEtherType(cmd)
	addHex(cmd, &f.hex)
	f.loudness.add(cmd)
	return cmd
}

func reassembleCapture(cmd *cobra.Command, e *env, f *reassembleFlags, args []string) error {
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	dir := schc.Direction(0)
	if given(cmd, "dir") {
		var err error
		if dir, err = parseDirection(f.dir); err != nil || dir == 0 {
			return usagef(cmd, "--dir: %q is not up or down", f.dir)
		}
	}
	in, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	sets, err := f.sets(cmd, e, in)
	if err != nil {
		return err
	}
	t, err := f.in.openTraffic(cmd, e, &f.link)
	if err != nil {
		return err
	}
	r := t.Reader
	defer r.Close()
	out, err := f.out.create(cmd, e, true, r.Info(), sets.info, f.link.lorawan.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	x := &reassembler{e: e, quiet: f.quiet, sets: sets, fallback: dir, etherType: f.link.etherType,
		w: pcapio.NewNgWriter(out, application), r: r, flows: map[flowKey]*list.Element{}, links: map[string][]int{}, ack: newAckBuffer(), limit: maxFlowBytes}
	damage, err := f.in.each(r, x.packet)
	if err == nil {
		err = x.end()
	}
	progress.stop()
	if err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	t.say(e, f.quiet)
	x.failures.report(e, "packet")
	if !f.quiet {
		fmt.Fprintf(e.stderr, "%s: %d reassembled from %s, %d whole, %d passed through, %d left out, %d failed\n", report.Plural(int(x.messages), "message"),
			x.packets, report.Plural(int(x.fragments), "fragment"), x.whole, x.passed, x.acks, x.failures.n)
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failures.n+t.fail.n > 0 {
		return errFailed
	}
	return nil
}

// deviceFragSets are the Rules of a capture: one set, or one for each device
// that has an interface.
type deviceFragSets struct {
	cmd   *cobra.Command
	e     *env
	flags *reassembleFlags
	sets  *deviceSets // nil without a rule file
	info  os.FileInfo
	in    schc.Inputs
	ready map[string]*deviceFragSet // by the name of the interface
}

// deviceFragSet is one of them, or why there is none.
type deviceFragSet struct {
	*fragSet
	trim *trimmer
	err  error
}

// sets loads the Rules.
func (f *reassembleFlags) sets(cmd *cobra.Command, e *env, in schc.Inputs) (*deviceFragSets, error) {
	file, info, err := f.frag.loadFile(cmd, e, &f.in)
	if err != nil {
		return nil, err
	}
	d := &deviceFragSets{cmd: cmd, e: e, flags: f, info: info, in: in, ready: map[string]*deviceFragSet{}}
	if file != nil {
		d.sets = newDeviceSets(file, f.frag.rules.device, &f.link.lorawan)
		if len(file.Sets) > 1 && f.frag.rules.device == "" {
			return d, nil // the capture tells the devices
		}
	}
	_, err = d.find("")
	return d, err
}

// find returns the Rules for an interface of that name.
func (d *deviceFragSets) find(name string) (*deviceFragSet, error) {
	if _, ok := deviceOf(name); !ok || d.sets == nil {
		name = "" // all the same
	}
	if s := d.ready[name]; s != nil {
		return s, nil
	}
	s, in := &deviceFragSet{fragSet: &fragSet{info: d.info}}, d.in
	if d.sets != nil {
		if s.set, in, s.err = d.sets.find(name, in); s.err != nil && s.err != errNoSet {
			return nil, s.err
		}
	}
	if s.err == nil {
		if err := d.flags.frag.fill(d.cmd, s.fragSet, 0); err != nil {
			return nil, err
		}
		if len(d.ready) == 0 {
			s.say(d.e, &d.flags.loudness)
		}
		s.trim = newTrimmer(s.ctx, in)
	}
	d.ready[name] = s
	return s, nil
}

// flowKey tells the senders of fragments in a capture apart.
type flowKey struct {
	iface int
	head  string // the link header
}

// flow is the fragments of one sender.
type flow struct {
	key flowKey
	r   *packetReceiver
}

// bytes is about what the flow holds.
func (fl *flow) bytes() int { return len(fl.r.mem) + 1024 + len(fl.key.head) }

// maxFlowBytes bounds the memory of all flows; the one that was quiet longest is
// given up for another. A test changes it.
var maxFlowBytes = 256 << 20

// reassembler restores the SCHC Packets of a capture.
type reassembler struct {
	e         *env
	quiet     bool
	sets      *deviceFragSets
	by        []*deviceFragSet // by interface; nil: no SCHC Packets
	fallback  schc.Direction
	etherType uint16
	w         *pcapio.NgWriter
	r         *pcapio.Reader
	origins   []schcSide
	flows     map[flowKey]*list.Element // of a *flow
	order     list.List                 // the one that was quiet longest comes first
	links     map[string][]int          // interfaces of each link
	held      int                       // bytes of the flows
	limit     int
	ack       []byte // of all flows
	now       uint64
	last      uint64 // the number of the last packet

	messages, fragments, packets, whole, passed, acks uint64
	failures                                          failures
}

func (x *reassembler) sync() error {
	all := x.r.Interfaces()
	for i := len(x.origins); i < len(all); i++ {
		o := schcSideOf(all[i], x.fallback, x.etherType)
		if o.dir == 0 && all[i].LinkType == pcapio.LinkTypeUser0 && !o.pass {
			return hint(errNoDirection, "give the direction with --dir up or --dir down")
		}
		if o.dir == 0 && all[i].LinkType == pcapio.LinkTypeLoRaTap && !o.pass && !x.quiet {
			fmt.Fprintf(x.e.stderr, "schc: note: %v, and are kept as they are; --lorawan FILE names the devices and their session keys\n", errLoRaTap)
		}
		f := *all[i]
		f.SetFragments(false)
		if _, err := x.w.AddInterface(f); err != nil {
			return err
		}
		var set *deviceFragSet
		if o.dir != 0 {
			orig, _, ok := all[i].Original()
			if !ok {
				orig.Name = all[i].Name
			}
			var err error
			if set, err = x.sets.find(orig.Name); err != nil {
				return err
			}
		}
		if name := x.link(i); o.dir != 0 && len(x.links[name]) < maxLinkIfaces {
			x.links[name] = append(x.links[name], i)
		}
		x.origins, x.by = append(x.origins, o), append(x.by, set)
	}
	return nil
}

func (x *reassembler) packet(n uint64, p *pcapio.Packet) error {
	if err := x.sync(); err != nil {
		return err
	}
	x.messages++
	x.last = n
	o := &x.origins[p.Iface]
	loc, ok := pcapio.LocateEtherType(p.Interface.LinkType, p.Data, o.etherType)
	if o.dir == 0 || !ok {
		x.passed++
		return x.w.WritePacket(p.Iface, p)
	}
	msg, set := p.Data[loc.Off:], x.by[p.Iface]
	if set.err != nil {
		x.failures.addText(n, set.err.Error())
		return nil
	}
	var profile *schc.Profile
	for i := range set.profiles {
		if set.profiles[i].Matches(msg, 8*len(msg)) {
			profile = &set.profiles[i]
		}
	}
	switch {
	case profile == nil:
		x.whole++
		return x.w.WritePacket(p.Iface, p)
	case profile.Fragmentation().Direction != o.dir:
		x.acks++
		if !p.Snapped() {
			x.hear(n, p, p.Data[:loc.Off], msg, profile)
		}
		return nil
	case p.Snapped():
		x.failures.addText(n, "truncated: the capture holds only a part of the fragment")
		return nil
	}
	x.fragments++
	return x.fragment(n, p, p.Data[:loc.Off], msg, o)
}

// fragment takes a fragment and writes the packet that it completes.
func (x *reassembler) fragment(n uint64, p *pcapio.Packet, head, msg []byte, o *schcSide) error {
	key := flowKey{p.Iface, string(head)}
	at := x.flows[key]
	set := x.by[p.Iface]
	if at == nil {
		fl := &flow{key, set.newReceiver(x.ack, 0)}
		if err := x.room(n, fl.bytes()); err != nil {
			return err
		}
		at = x.order.PushBack(fl)
		x.flows[key] = at
	}
	x.order.MoveToBack(at)
	fl := at.Value.(*flow)
	if ns, ok := p.Nanos(); ok && ns > 0 {
		x.now = max(x.now, uint64(ns)/1e6)
	}
	finished := false
	err := fl.r.receive(msg, 8*len(msg), x.now, func(r outcome) error {
		if r.why != 0 {
			x.failures.addText(n, dropText(r.why))
			return nil
		}
		finished = true
		x.packets++
		bits := set.trim.bits(r.packet, r.bits, o.dir)
		q := *p
		q.Data = append([]byte(key.head), r.packet[:(bits+7)/8]...)
		q.OrigLen = uint32(len(q.Data))
		return x.w.WritePacket(p.Iface, &q)
	})
	var class schc.Error
	if errors.As(err, &class) {
		x.failures.addText(n, fragmentError(err))
		return nil
	}
	// What schc frag wrote has no repetitions: an equal fragment is that of an
	// equal packet.
	if finished && o.fragments && fl.r.Active() == 0 {
		fl.r.reset()
	}
	return err
}

// hear takes an answer to fragments: a Receiver-Abort ends the packet.
func (x *reassembler) hear(n uint64, p *pcapio.Packet, head, msg []byte, profile *schc.Profile) {
	m, err := profile.ParseAck(msg, 8*len(msg))
	if err != nil || m.Kind != schc.MessageReceiverAbort {
		return
	}
	from := sender(head)
	for _, iface := range x.links[x.link(p.Iface)] {
		at := x.flows[flowKey{iface, from}]
		if at == nil {
			continue
		}
		if ev := at.Value.(*flow).r.DropPacket(profile.Rule(), m.DTag, schc.ReasonReceiverAbort); ev.Kind != schc.EventNone {
			x.failures.addText(n, dropText(ev.Reason))
		}
	}
}

// maxLinkIfaces is how many interfaces of one link are looked at: up and down, on
// loopback for either IP version.
const maxLinkIfaces = 8

// link names the link that an interface is one direction of.
func (x *reassembler) link(iface int) string {
	f := x.r.Interfaces()[iface]
	orig, m, ok := f.Original()
	if !ok {
		return "" // no more is known: one link
	}
	return fmt.Sprint(m.Iface, " ", orig.Name)
}

// sender returns the link header of the fragments that a frame with this one
// answers: on Ethernet the addresses change places.
func sender(head []byte) string {
	if len(head) < 14 {
		return string(head)
	}
	return string(head[6:12]) + string(head[:6]) + string(head[12:])
}

// room makes room for a flow of so many bytes.
func (x *reassembler) room(n uint64, bytes int) error {
	for x.held+bytes > x.limit && len(x.flows) > 0 {
		fl := x.order.Remove(x.order.Front()).(*flow)
		delete(x.flows, fl.key)
		x.held -= fl.bytes()
		if err := x.over(n, fl); err != nil {
			return err
		}
	}
	x.held += bytes
	return nil
}

// over gives up what a flow has not finished.
func (x *reassembler) over(n uint64, fl *flow) error {
	return fl.r.end(func(r outcome) error {
		x.failures.addText(n, dropText(r.why))
		return nil
	})
}

func (x *reassembler) end() error {
	for at := x.order.Front(); at != nil; at = at.Next() {
		if err := x.over(x.last, at.Value.(*flow)); err != nil {
			return err
		}
	}
	if err := x.sync(); err != nil {
		return err
	}
	return x.w.Flush()
}
