package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// decompressFlags are the flags of schc decompress.
type decompressFlags struct {
	loudness
	rules  rulesFlags
	in     input
	out    output
	link   link
	dir    string
	pcapng bool
	hex    bool
}

func newDecompress(e *env) *cobra.Command {
	var f decompressFlags
	cmd := &cobra.Command{
		Use:   "decompress -C RULES [flags] [FILE]",
		Short: "Restore a compressed capture, or SCHC Packets in hex",
		Long: `Restore a capture that schc compress wrote: packet for packet, with its time
stamps, lengths and link types, and in its own format (classic pcap stays
classic pcap). The direction of each packet is that of its interface.

Captures from elsewhere are read too, if --dir tells the direction: frames of
the EtherType --ethertype, or packets of the link type USER0, are restored, other
frames are passed through.

LoRaWAN traffic is read as well, and becomes IP packets on an interface for each
device, named lorawan:DEVEUI: LoRaTap captures (link type 270) with the keys of
--lorawan FILE, and uplink events of The Things Stack v3 and ChirpStack v3 and v4
in JSON, one a line or in an array. In a rule file of several devices the Rules
are those whose DeviceID is the DevEUI. Fragments are for schc frag reassemble,
whose output goes here.

The capture notes the fingerprint of the Rules that compressed it. Other Rules
restore it only if they have these Rules among them: there is a warning.

A SCHC Packet that cannot be restored is reported and left out, and the exit
code is 1. --filter looks at the restored packets.

With --hex, every line is a SCHC Packet in hex, perhaps followed by its length
in bits before padding (what is behind is ignored), and comes back as

    HEX RULE/LENGTH

the packet in hex, and the RuleID with its length in bits; or, where it failed, as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  schc decompress -C rules.json -r small.pcapng -w again.pcap
  schc compress --hex -C rules.json < in.txt | schc decompress --hex -C rules.json
  schc frag reassemble -C rules.json uplinks.jsonl | schc decompress -C rules.json --lorawan keys.json -w packets.pcapng`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.hex {
				return decompressHex(cmd, e, &f, args)
			}
			return decompressCapture(cmd, e, &f, args)
		},
	}
	cmd.Flags().SortFlags = false
	f.rules.add(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	cmd.Flags().StringVar(&f.dir, "dir", "", "`DIR`ection of SCHC Packets where the capture does not tell: up or down")
	cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions([]string{"up", "down"}, cobra.ShellCompDirectiveNoFileComp))
	f.link.add(cmd)
	f.link.addEtherType(cmd)
	cmd.Flags().BoolVar(&f.pcapng, "pcapng", false, "write pcapng also where the compressed capture was classic pcap")
	addHex(cmd, &f.hex)
	f.loudness.add(cmd)
	return cmd
}

// direction reads --dir, which is up or down or not there.
func (f *decompressFlags) direction(cmd *cobra.Command) (schc.Direction, error) {
	if f.dir == "" && !given(cmd, "dir") {
		return 0, nil
	}
	d, err := parseDirection(f.dir)
	if err != nil || d == 0 {
		return 0, usagef(cmd, "--dir: %q is not up or down", f.dir)
	}
	return d, nil
}

func decompressCapture(cmd *cobra.Command, e *env, f *decompressFlags, args []string) error {
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	dir, err := f.direction(cmd)
	if err != nil {
		return err
	}
	in, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	restorers, err := f.restorers(cmd, e, in)
	if err != nil {
		return err
	}
	t, err := f.in.openTraffic(cmd, e, &f.link)
	if err != nil {
		return err
	}
	r := t.Reader
	defer r.Close()
	out, err := f.out.create(cmd, e, true, r.Info(), restorers.info, f.link.lorawan.info)
	if err != nil {
		return err
	}
	defer guard(out)()
	progress := e.progress(r, f.quiet)
	x := &extraction{
		restoredSide: restoredSide{r: r, out: out, pcapng: f.pcapng, rules: restorers.fingerprint},
		restorers:    restorers,
		fallback:     origin{etherType: f.link.etherType, dir: dir},
	}
	damage, err := x.run(&f.in)
	progress.stop()
	if err != nil {
		return fmt.Errorf("%s: %w", f.in.name(), err)
	}
	if err := commit(out); err != nil {
		return err
	}
	t.say(e, f.quiet)
	x.failures.report(e, "packet")
	if x.others != "" && !f.quiet {
		fmt.Fprintf(e.stderr, "schc: warning: the capture was compressed with other Rules: their fingerprint is %s, that of these %x\n", x.others, x.rules)
	}
	if !f.quiet {
		fmt.Fprintf(e.stderr, "%s: %d restored, %d passed through, %d failed\n", report.Plural(int(x.packets), "packet"), x.restored, x.passed, x.failures.n)
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failures.n+t.fail.n > 0 {
		return errFailed
	}
	return nil
}

// deviceRestorers are the restorers of a capture: one, or one for each device
// that has an interface.
type deviceRestorers struct {
	flags *rulesFlags
	sets  *deviceSets
	info  os.FileInfo
	in    schc.Inputs
	ready map[string]deviceRestorer // by the name of the interface

	fingerprint [16]byte // of the Rules, if they are the same for all
}

type deviceRestorer struct {
	rs  *restorer
	err error
}

// restorers loads the Rules.
func (f *decompressFlags) restorers(cmd *cobra.Command, e *env, in schc.Inputs) (*deviceRestorers, error) {
	file, info, err := f.rules.loadFile(cmd, e, &f.in)
	if err != nil {
		return nil, err
	}
	d := &deviceRestorers{flags: &f.rules, sets: newDeviceSets(file, f.rules.device, &f.link.lorawan), info: info, in: in,
		ready: map[string]deviceRestorer{}}
	if len(file.Sets) > 1 && f.rules.device == "" {
		return d, nil // the capture tells the devices
	}
	_, err = d.find("")
	return d, err
}

// find returns the restorer for an interface of that name. Rules that do not
// compile are an error; without Rules for the device, every packet has one.
func (d *deviceRestorers) find(name string) (r deviceRestorer, err error) {
	if _, ok := deviceOf(name); !ok {
		name = "" // all the same
	}
	r, ok := d.ready[name]
	if ok {
		return r, nil
	}
	set, in, err := d.sets.find(name, d.in)
	if err == errNoSet {
		r.err = err
	} else if err != nil {
		return r, err
	} else {
		rules, err := d.flags.compile(set, d.info, true)
		if err != nil {
			return r, err
		}
		r.rs = newRestorer(rules.ctx, in)
		if name == "" {
			d.fingerprint = rules.ctx.Fingerprint()
		}
	}
	d.ready[name] = r
	return r, nil
}

// extraction restores a capture.
type extraction struct {
	restoredSide
	restorers *deviceRestorers
	by        []deviceRestorer // by interface of the output
	fallback  origin

	packets, restored, passed uint64
	failures                  failures
}

func (x *extraction) run(in *input) (damage, err error) {
	var p pcapio.Packet
	for n := uint64(1); in.count == 0 || x.packets < in.count; n++ {
		err = x.r.Next(&p)
		if x.known < len(x.r.Interfaces()) || x.w == nil {
			if err := x.sync(x.fallback); err != nil {
				return nil, err
			}
			if err := x.syncRestorers(); err != nil {
				return nil, err
			}
			if x.w == nil {
				if err := x.open(); err != nil {
					return nil, err
				}
			}
		}
		if err != nil {
			if damage, err = in.ended(err); err != nil {
				return nil, errors.Unwrap(err)
			}
			break
		}
		if err := x.packet(n, &p, in.flt); err != nil {
			return nil, classicLimit(err)
		}
	}
	return damage, x.w.Flush()
}

// packet restores one packet and writes it.
func (x *extraction) packet(n uint64, p *pcapio.Packet, flt *pcapio.Filter) error {
	f := &x.ifaces[p.Iface]
	restored := false
	if f.dir != 0 {
		data, err := x.restore(p, f)
		switch {
		case err == nil:
			p.Data, p.OrigLen = data, uint32(len(data))
			restored = true
		case err == errNoSCHC && f.pass:
		default:
			x.packets++
			x.failures.add(n, err)
			return nil
		}
	}
	if flt != nil {
		q := *p
		q.Interface = &x.orig[f.id]
		if !flt.Match(&q) {
			return nil
		}
	}
	x.packets++
	if restored {
		x.restored++
	} else {
		x.passed++
	}
	return x.w.WritePacket(f.id, p)
}

// syncRestorers finds the restorers of new interfaces.
func (x *extraction) syncRestorers() error {
	for i := range x.ifaces {
		f := &x.ifaces[i]
		for len(x.by) <= f.id {
			x.by = append(x.by, deviceRestorer{})
		}
		if r := &x.by[f.id]; f.dir != 0 && r.rs == nil && r.err == nil {
			var err error
			if *r, err = x.restorers.find(x.orig[f.id].Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *extraction) restore(p *pcapio.Packet, f *restoredIface) ([]byte, error) {
	if p.Snapped() {
		return nil, schc.ErrTruncated
	}
	r := &x.by[f.id]
	if r.err != nil {
		return nil, r.err
	}
	return r.rs.restore(p.Data, &f.origin)
}

// errNoSCHC is for a frame without a SCHC Packet on an interface for them.
var errNoSCHC = errors.New("no SCHC Packet")

// failures collects what failed: the first few in full.
type failures struct {
	n    uint64
	list []string
}

const maxFailures = 10

func (f *failures) add(n uint64, err error) {
	text := err.Error()
	if err != errDiffers && err != errNoSet {
		text = restoreError(err)
	}
	f.addText(n, text)
}

func (f *failures) addText(n uint64, text string) {
	f.n++
	if len(f.list) < maxFailures {
		f.list = append(f.list, fmt.Sprintf("%d: %s", n, text))
	}
}

// report prints them, as errors about the items.
func (f *failures) report(e *env, item string) {
	for _, s := range f.list {
		fmt.Fprintf(e.stderr, "schc: error: %s %s\n", item, s)
	}
	if more := f.n - uint64(len(f.list)); more > 0 {
		fmt.Fprintf(e.stderr, "schc: error: and %d more\n", more)
	}
}
