package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/fragsim"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
)

// simulateFlags are the flags of schc frag simulate.
type simulateFlags struct {
	frag                             fragRuleFlags
	in                               input
	out                              output
	form                             format
	dir, radio, dr, duty, plot       string
	mtu, size, packets, attempts     int
	loss, burst, reorder             float64
	duplicate, corrupt               float64
	seed                             int64
	retransmission, inactivity, late time.Duration
	perAck, compound                 bool
}

func newSimulate(e *env) *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate --profile NAME [flags]",
		Short: "Send SCHC Packets over a simulated link and report what it takes",
		Long: `Send SCHC Packets with the real state machines of sender and receiver over a link
that loses, duplicates, delays and damages messages, in both directions, and
report for each packet: fragments, retransmissions, ACKs, bytes, time on air,
and whether it was delivered. The same flags always give the same report.

The packets are random, --packets of --size bytes, or those of a capture (-r),
compressed with the Rules (-C) unless schc compress wrote it. Each is sent on
its own: it does not wait for others, nor do others disturb it.

Time on air is that of the LoRa modem (SX1276 datasheet) for a LoRaWAN frame, of
Sigfox uplinks at 100 bit/s, each sent three times, and downlinks at 600 bit/s,
or of NB-IoT's NPUSCH on one tone of 15 kHz. --duty-cycle holds each side to its
share of time.

The timers of RFC 9011 and RFC 9442 are 12 hours long, so that a lost ACK ends a
transfer; --retransmission 1m --inactivity 1h show what shorter ones do.

--plot draws the delivered share and the time on air against the share of losses
from 0 to 50 %, all else being equal; the figures are in the report, too.`,
		Example: `  schc frag simulate --profile lorawan --dr SF10 --loss 0.2 --burst 3 --reorder 0.05 --duplicate 0.05 --seed 1 --duty-cycle 1%
  schc frag simulate --profile sigfox --size 100 --loss 0.1 --retransmission 1m -f json
  schc frag simulate --profile lorawan --retransmission 1m --inactivity 1h --packets 200 --plot loss.svg`,
		Args: maxArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, args []string) error { return simulate(cmd, e, &f) },
	}
	cmd.Flags().SortFlags = false
	f.frag.add(cmd)
	cmd.Flags().StringVar(&f.dir, "dir", "up", "`DIR`ection of the packets: up or down")
	cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions([]string{"up", "down"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&f.radio, "radio", "", "`KIND` of link: lora, sigfox, nb-iot (default: that of the profile, else lora)")
	cmd.Flags().StringVar(&f.dr, "dr", "SF10", "data `RATE` of LoRaWAN: SF7 to SF12, SF7BW250, or DR0 to DR6 of Europe")
	cmd.Flags().IntVar(&f.mtu, "mtu", 0, "the largest message, in `BYTES` (default: that of the link, for LoRaWAN with the FPort)")
	cmd.Flags().StringVar(&f.duty, "duty-cycle", "", "`SHARE` of time that each side may send, such as 1% or 0.01")
	cmd.Flags().Float64Var(&f.loss, "loss", 0, "`SHARE` of messages that are lost, 0 to 1")
	cmd.Flags().Float64Var(&f.burst, "burst", 1, "mean `NUMBER` of messages lost in a row; 1: independent of each other")
	cmd.Flags().Float64Var(&f.reorder, "reorder", 0, "`SHARE` of messages that come late")
	cmd.Flags().DurationVar(&f.late, "late", 10*time.Second, "by up to this `TIME`")
	cmd.Flags().Float64Var(&f.duplicate, "duplicate", 0, "`SHARE` of messages that come twice")
	cmd.Flags().Float64Var(&f.corrupt, "corrupt", 0, "`SHARE` of messages that come with one to three bits inverted")
	cmd.Flags().Int64Var(&f.seed, "seed", 1, "`NUMBER` that the random choices follow from")
	cmd.Flags().IntVar(&f.packets, "packets", 10, "`NUMBER` of random packets")
	cmd.Flags().IntVar(&f.size, "size", 200, "their size in `BYTES`")
	cmd.Flags().StringVarP(&f.in.path, "read", "r", "", "capture `FILE` to take the packets from")
	cmd.Flags().Uint64VarP(&f.in.count, "count", "c", 0, "stop after `N` packets of the capture")
	cmd.Flags().StringVar(&f.in.expr, "filter", "", "take only packets that match the pcap-filter(7) `EXPR`ession")
	cmd.Flags().DurationVar(&f.retransmission, "retransmission", 0, "retransmission timer, `TIME` such as 1m (default: the Rule's)")
	cmd.Flags().DurationVar(&f.inactivity, "inactivity", 0, "inactivity timer, `TIME` such as 1h (default: the Rule's)")
	cmd.Flags().IntVar(&f.attempts, "attempts", 0, "MAX_ACK_REQUESTS, `N` (default: the Rule's)")
	cmd.Flags().BoolVar(&f.perAck, "attempts-per-ack", false, "count attempts for each ACK, as RFC 9363 and RFC 9442, not for a packet")
	cmd.Flags().BoolVar(&f.compound, "compound-ack", false, "ACK after the last window only, with Compound ACKs (RFC 9441)")
	cmd.Flags().StringVar(&f.plot, "plot", "", "draw delivered share and time on air against losses: `FILE`.svg or .png")
	f.form.add(cmd)
	f.out.add(cmd)
	return cmd
}

func simulate(cmd *cobra.Command, e *env, f *simulateFlags) error {
	f.frag.profile = canonicalProfile(f.frag.profile)
	if err := f.check(cmd); err != nil {
		return err
	}
	dir, err := parseDirection(f.dir)
	if err != nil || dir == 0 {
		return usagef(cmd, "--dir: %q is not up or down", f.dir)
	}
	if !given(cmd, "dir") && len(f.frag.ids) > 0 || !given(cmd, "dir") && strings.Contains(f.frag.profile, "-down") || f.frag.profile == "lorawan-multicast" {
		dir = 0
	}
	set, err := f.frag.load(cmd, e, &f.in, dir)
	if err != nil {
		return err
	}
	if dir == 0 {
		dir = set.profiles[0].Fragmentation().Direction
	}
	p, err := set.pick(dir)
	if err != nil {
		return err
	}
	c, err := f.config(cmd, p, dir)
	if err != nil {
		return err
	}
	packets, err := f.source(cmd, e, set, dir)
	if err != nil {
		return err
	}
	r, err := fragsim.Run(c, packets)
	if err == nil && f.plot != "" {
		var losses []float64
		for i := 0; i <= 10; i++ {
			losses = append(losses, float64(i)/20)
		}
		err = r.RunSweep(c, packets, losses)
	}
	if err != nil {
		return simulateError(err, c)
	}
	if f.plot != "" {
		plot := output{path: f.plot}
		err := plot.writeAll(cmd, e, false, func(w *pcapio.Output) error { return r.WritePlot(w, strings.HasSuffix(f.plot, ".png")) }, set.info)
		if err != nil {
			return err
		}
	}
	return f.out.writeAll(cmd, e, false, func(w *pcapio.Output) error { return r.Write(w, f.form.text) }, set.info)
}

func simulateError(err error, c *fragsim.Config) error {
	var class schc.Error
	if !errors.As(err, &class) {
		return err
	}
	_, text, _ := strings.Cut(sendError(err, c.MTUBytes), ": ")
	return hint(errors.New(text), "choose other sizes with --size or --mtu")
}

// check checks what does not need the Rules.
func (f *simulateFlags) check(cmd *cobra.Command) error {
	if err := f.form.check(cmd); err != nil {
		return err
	}
	for _, v := range []struct {
		name  string
		value float64
	}{{"loss", f.loss}, {"reorder", f.reorder}, {"duplicate", f.duplicate}, {"corrupt", f.corrupt}} {
		if !(v.value >= 0 && v.value <= 1) {
			return usagef(cmd, "--%s: %v is not from 0 to 1", v.name, v.value)
		}
	}
	switch {
	case !(f.burst >= 1 && f.burst <= 1e6):
		return usagef(cmd, "--burst: %v is not from 1 to 1000000", f.burst)
	case given(cmd, "burst") && f.loss > 0 && f.loss < 1 && f.loss/(1-f.loss) > f.burst:
		return usagef(cmd, "--burst: a loss of %v has runs of %.2g messages at least", f.loss, f.loss/(1-f.loss))
	case f.size < 1 || f.size > 65535:
		return usagef(cmd, "--size: %d is not from 1 to 65535", f.size)
	case f.packets < 1 || f.packets > 1_000_000:
		return usagef(cmd, "--packets: %d is not from 1 to 1000000", f.packets)
	case given(cmd, "mtu") && (f.mtu < 1 || f.mtu > maxMessage):
		return usagef(cmd, "--mtu: %d is not from 1 to %d", f.mtu, maxMessage)
	case given(cmd, "attempts") && (f.attempts < 1 || f.attempts > 255):
		return usagef(cmd, "--attempts: %d is not from 1 to 255", f.attempts)
	case f.late < 0 || f.late > 1000*time.Hour:
		return usagef(cmd, "--late: %v is not from 0 to 1000h", f.late)
	case f.plot != "" && !strings.HasSuffix(f.plot, ".svg") && !strings.HasSuffix(f.plot, ".png"):
		return usagef(cmd, "--plot: the name of the file ends in .svg or .png")
	}
	for name, d := range map[string]time.Duration{"retransmission": f.retransmission, "inactivity": f.inactivity} {
		if given(cmd, name) && (d < time.Millisecond || d > 1000*time.Hour) {
			return usagef(cmd, "--%s: %v is not from 1ms to 1000h", name, d)
		}
	}
	if f.in.path == "" {
		for _, name := range []string{"count", "filter"} {
			if given(cmd, name) {
				return usagef(cmd, "--%s needs a capture; name it with -r", name)
			}
		}
		return nil
	}
	if err := conflict(cmd, "read", "size", "packets"); err != nil {
		return err
	}
	return f.in.check(cmd, nil)
}

// parseShare reads 1% or 0.01.
func parseShare(s string) (float64, error) {
	text, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return 0, fmt.Errorf("%q is no share of time such as 1%% or 0.01", s)
	}
	return v, nil
}

// config makes the link and changes the Rule as the flags say.
func (f *simulateFlags) config(cmd *cobra.Command, p *schc.Profile, dir schc.Direction) (*fragsim.Config, error) {
	radio, err := f.link(cmd)
	if err != nil {
		return nil, err
	}
	c := &fragsim.Config{Radio: radio, MTUBytes: radio.UpBytes, BackBytes: radio.DownBytes, Loss: f.loss, Burst: f.burst, Reorder: f.reorder,
		LateMs: uint64(f.late.Milliseconds()), Duplicate: f.duplicate, Corrupt: f.corrupt, Seed: f.seed, Name: f.name(dir)}
	if dir == schc.DirDown {
		c.MTUBytes, c.BackBytes = c.BackBytes, c.MTUBytes
	}
	if f.mtu > 0 {
		c.MTUBytes = f.mtu
	}
	if f.duty != "" {
		if c.Duty, err = parseShare(f.duty); err != nil {
			return nil, usagef(cmd, "--duty-cycle: %w", err)
		}
	}
	r := p.Fragmentation()
	if f.retransmission > 0 {
		r.RetransmissionMs = uint32(min(f.retransmission.Milliseconds(), 1<<32-1))
	}
	if f.inactivity > 0 {
		r.InactivityMs = uint32(min(f.inactivity.Milliseconds(), 1<<32-1))
	}
	if f.attempts > 0 {
		r.MaxAckRequests = uint8(f.attempts)
	}
	r.AttemptsPerAck = r.AttemptsPerAck || f.perAck
	if f.compound {
		r.CompoundAck, r.AckBehavior = true, schc.AckAfterAll1
	}
	c.Profile = new(schc.Profile)
	if err := c.Profile.Init(p.Rule(), &r); err != nil {
		return nil, r.Check(p.Rule())
	}
	return c, nil
}

// name is what the report calls the Rule.
func (f *simulateFlags) name(dir schc.Direction) string {
	for _, n := range namedProfiles(f.frag.profile) {
		if n.Fragmentation.Direction == dir {
			return n.Name
		}
	}
	return f.frag.rules.file
}

// link returns the radio.
func (f *simulateFlags) link(cmd *cobra.Command) (fragsim.Radio, error) {
	kind := f.radio
	if kind == "" {
		kind = "lora"
		for _, k := range []string{"sigfox", "nb-iot"} {
			if strings.HasPrefix(f.frag.profile, k) {
				kind = k
			}
		}
	}
	if kind != "lora" && given(cmd, "dr") {
		return fragsim.Radio{}, usagef(cmd, "--dr is for LoRaWAN")
	}
	switch kind {
	case "lora":
		r, err := fragsim.ParseLoRa(f.dr)
		if err != nil {
			return r, usagef(cmd, "--dr: %w", err)
		}
		return r, nil
	case "sigfox":
		return fragsim.Sigfox(), nil
	case "nb-iot":
		return fragsim.NBIoT(), nil
	}
	return fragsim.Radio{}, usagef(cmd, "--radio: %q is not lora, sigfox or nb-iot", kind)
}

// source returns the packets: random ones or those of a capture.
func (f *simulateFlags) source(cmd *cobra.Command, e *env, set *fragSet, dir schc.Direction) ([]fragsim.Packet, error) {
	if f.in.path == "" {
		return fragsim.RandomPackets(f.packets, f.size, f.seed), nil
	}
	x := &fragmenter{set: set, trim: newTrimmer(set.ctx, schc.Inputs{}), etherType: defaultEtherType, fallback: dir}
	if set.set != nil {
		if err := checkStart(set.set); err != nil {
			return nil, err
		}
		x.fr = newFramer(set.ctx, schc.Inputs{}, direction{fixed: dir})
		x.fr.etherType = defaultEtherType
	}
	var list []fragsim.Packet
	x.collect = func(pkt []byte, bits int, d schc.Direction) {
		if d == dir {
			list = append(list, fragsim.Packet{Data: append([]byte(nil), pkt...), Bits: bits})
		}
	}
	r, err := f.in.open(cmd, e)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	x.compressedSide = compressedSide{w: pcapio.NewNgWriter(io.Discard, application), r: r, etherType: defaultEtherType}
	damage, err := f.in.each(r, x.packet)
	if err == nil {
		err = damage
	}
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: no packet goes %s under the Rules", f.in.name(), dirName(dir))
	}
	return list, err
}
