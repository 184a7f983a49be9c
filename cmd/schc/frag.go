package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// fragRuleFlags choose the fragmentation Rules: those of a rule file, or the
// profile of a link.
type fragRuleFlags struct {
	rules   rulesFlags
	profile string
	ids     []string
}

func (f *fragRuleFlags) add(cmd *cobra.Command) {
	f.rules.add(cmd)
	cmd.Flags().StringVar(&f.profile, "profile", "", "fragmentation Rules of a link, `NAME`: "+strings.Join(profileNames(), ", ")+" (instead of those in the rule file)")
	cmd.Flags().StringArrayVar(&f.ids, "rule", nil, "fragmentation Rule to use, `ID/LENGTH` such as 20/8 (once for each direction)")
	cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(profileNames(), cobra.ShellCompDirectiveNoFileComp))
}

// profileGroups are the profiles of a link in both directions.
var profileGroups = []struct {
	name  string
	parts []func() schc.NamedProfile
}{
	{"lorawan", []func() schc.NamedProfile{schc.LoRaWANUp, schc.LoRaWANDown}},
	{"lorawan-c", []func() schc.NamedProfile{schc.LoRaWANUp, schc.LoRaWANDownC}},
	{"sigfox", []func() schc.NamedProfile{schc.SigfoxSingleByte, schc.SigfoxDown}},
	{"nb-iot", []func() schc.NamedProfile{schc.NBIoTLarge, nbIoTDown}},
}

// nbIoTDown is RFC 9391's profile for the other direction. The RuleID is free.
func nbIoTDown() schc.NamedProfile {
	p := schc.NBIoTLarge()
	p.Name, p.Rule.Value, p.Fragmentation.Direction = "nb-iot-large-down", 1, schc.DirDown
	return p
}

func profileNames() []string {
	var names []string
	for _, g := range profileGroups {
		names = append(names, g.name)
	}
	for _, p := range schc.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// namedProfiles returns the profiles of a name, nil for an unknown one.
func namedProfiles(name string) []schc.NamedProfile {
	for _, g := range profileGroups {
		if g.name == name {
			var list []schc.NamedProfile
			for _, p := range g.parts {
				list = append(list, p())
			}
			return list
		}
	}
	for _, p := range schc.Profiles() {
		if p.Name == name {
			return []schc.NamedProfile{p}
		}
	}
	return nil
}

// fragSet are the Rules of a device and those of them that fragment.
type fragSet struct {
	rules    []schc.Rule
	set      *rulefile.Set // nil without a file
	ctx      *schc.Context
	profiles []schc.Profile // of the fragmentation Rules in use
	info     os.FileInfo
	notes    []string // what the user should know
}

// say prints the notes.
func (s *fragSet) say(e *env, l *loudness) {
	for _, n := range s.notes {
		if !l.quiet {
			fmt.Fprintf(e.stderr, "schc: note: %s\n", n)
		}
	}
}

// load reads the Rules. dir, if not 0, is the direction that all of them have.
func (f *fragRuleFlags) load(cmd *cobra.Command, e *env, in *input, dir schc.Direction) (*fragSet, error) {
	s := new(fragSet)
	if f.rules.file == "" && f.profile == "" {
		return nil, usagef(cmd, "no fragmentation Rules are given; name a file with -C, or a link with --profile")
	}
	if f.rules.file == "-" && in.path == "-" {
		return nil, usagef(cmd, "Rules and packets cannot both come from standard input")
	}
	if f.rules.file == "" && f.rules.device != "" {
		return nil, usagef(cmd, "--device needs a rule file; name it with -C")
	}
	if f.rules.file == "" && f.rules.sids != nil {
		return nil, usagef(cmd, "--sid is for a rule file; name it with -C")
	}
	if f.rules.file != "" {
		file, info, err := f.rules.read(e)
		if err != nil {
			return nil, err
		}
		if s.set, err = file.Set(f.rules.device); err != nil {
			return nil, hint(err, "--device NAME picks one")
		}
		s.info = info
	}
	return s, f.fill(cmd, s, dir)
}

// fill makes the context and the profiles of s, whose set is loaded.
func (f *fragRuleFlags) fill(cmd *cobra.Command, s *fragSet, dir schc.Direction) (err error) {
	if s.set != nil {
		s.rules = s.set.Rules
	}
	if f.profile != "" {
		named := namedProfiles(f.profile)
		if named == nil {
			return usagef(cmd, "--profile: there is no %q; there are %s", f.profile, strings.Join(profileNames(), ", "))
		}
		if s.rules, s.notes, err = withProfiles(s.rules, named); err != nil {
			return err
		}
	}
	if s.ctx, err = schc.NewContext(s.rules, f.rules.opts); err != nil {
		if f.profile == "" {
			err = s.set.Locate(err)
		}
		return hint(err, "correct the Rule; schc rules check finds more")
	}
	return f.choose(cmd, s, dir)
}

// withProfiles returns the Rules with their fragmentation Rules replaced. A
// profile whose RuleID is taken, or overlaps with others, gets the next value
// of the same length that is free: RFC 9011 and RFC 9442 recommend RuleIDs, but
// leave them to the set of Rules. The notes say so.
func withProfiles(rules []schc.Rule, named []schc.NamedProfile) (list []schc.Rule, notes []string, err error) {
	for i := range rules {
		if rules[i].Nature != schc.NatureFragmentation {
			list = append(list, rules[i])
		}
	}
	for i := range named {
		p := &named[i]
		id, ok := freeRuleID(list, p.Rule)
		if !ok {
			return nil, nil, fmt.Errorf("the Rules leave no RuleID of %d bits for the profile %s", p.Rule.Bits, p.Name)
		}
		if id != p.Rule {
			notes = append(notes, fmt.Sprintf("RuleID %v of the profile %s overlaps with the Rules; it has %v here", p.Rule, p.Name, id))
		}
		list = append(list, schc.Rule{ID: id, Nature: schc.NatureFragmentation, Fragment: &p.Fragmentation})
	}
	return list, notes, nil
}

// freeRuleID returns the RuleID id or the next one of its length, counting up
// and then from 0, that overlaps with none of the Rules.
func freeRuleID(rules []schc.Rule, id schc.RuleID) (schc.RuleID, bool) {
	last := uint32(1)<<id.Bits - 1 // RuleIDs of profiles have 8 bits at most
	for n := uint32(0); n <= last; n++ {
		free := true
		for i := range rules {
			r := rules[i].ID
			short := min(r.Bits, id.Bits)
			free = free && r.Value>>(r.Bits-short) != id.Value>>(id.Bits-short)
		}
		if free {
			return id, true
		}
		id.Value = (id.Value + 1) & last
	}
	return id, false
}

// choose puts the fragmentation Rules that the flags name, or all, in s.
func (f *fragRuleFlags) choose(cmd *cobra.Command, s *fragSet, dir schc.Direction) error {
	want := map[string]bool{}
	for _, id := range f.ids {
		if !isRuleID([]byte(id)) {
			return usagef(cmd, "--rule: %q is not a RuleID such as 20/8", id)
		}
		want[id] = true
	}
	for i := range s.rules {
		r := &s.rules[i]
		if r.Nature != schc.NatureFragmentation || len(f.ids) > 0 && !want[r.ID.String()] {
			continue
		}
		delete(want, r.ID.String())
		if dir != 0 && r.Fragment.Direction != dir {
			if len(f.ids) > 0 {
				return usagef(cmd, "Rule %v is for fragments that go %s, not %s", r.ID, dirName(r.Fragment.Direction), dirName(dir))
			}
			continue
		}
		var p schc.Profile
		if err := p.Init(r.ID, r.Fragment); err != nil {
			return r.Fragment.Check(r.ID) // NewContext has said so
		}
		if p.Fragmentation().RCSAlgorithm == schc.RCSOther {
			return fmt.Errorf("rule %v: the Reassembly Check Sequence has an algorithm that is not known here", r.ID)
		}
		s.profiles = append(s.profiles, p)
	}
	for _, id := range f.ids {
		if want[id] {
			return hint(fmt.Errorf("there is no fragmentation Rule %s", id), "schc rules show lists the Rules of a file")
		}
	}
	if len(s.profiles) == 0 {
		text := "the Rules have none for fragmentation"
		if dir != 0 {
			text += " of packets that go " + dirName(dir)
		}
		return hint(errors.New(text), "--profile lorawan, for one, brings its own")
	}
	return nil
}

// pick returns the only profile for packets of a direction; nil if there is
// none.
func (s *fragSet) pick(dir schc.Direction) (*schc.Profile, error) {
	var found *schc.Profile
	for i := range s.profiles {
		p := &s.profiles[i]
		if p.Fragmentation().Direction != dir {
			continue
		}
		if found != nil {
			return nil, hint(fmt.Errorf("the Rules %v and %v both fragment packets that go %s", found.Rule(), p.Rule(), dirName(dir)), "choose one with --rule")
		}
		found = p
	}
	return found, nil
}

// newReceiver returns a Receiver for the profiles of s, with memory for the
// largest packets and as many of them as may be interleaved.
func (s *fragSet) newReceiver() *packetReceiver {
	const maxSessions = 64
	n, size := 0, 0
	for i := range s.profiles {
		f := s.profiles[i].Fragmentation()
		n += int(f.MaxInterleaved)
		size = max(size, s.profiles[i].SessionBytes())
	}
	n = min(n, maxSessions)
	r := &packetReceiver{profiles: s.profiles, sessions: make([]schc.Session, n), mem: make([]byte, n*size), ack: make([]byte, 1<<14)}
	r.reset()
	return r
}

// packetReceiver reassembles SCHC Packets and says what became of each, once.
type packetReceiver struct {
	schc.Receiver
	profiles []schc.Profile
	sessions []schc.Session
	mem, ack []byte
}

func (r *packetReceiver) reset() { r.Reset(r.profiles, r.sessions, r.mem) }

// outcome is what became of a packet: the packet, or why not.
type outcome struct {
	packet []byte
	bits   int
	dir    schc.Direction
	why    schc.Reason
}

// receive takes a message and calls done for each packet that is finished or
// given up because of it. The error is that of the message.
func (r *packetReceiver) receive(msg []byte, bits int, now uint64, done func(outcome) error) error {
	ev, err := r.Receive(msg, bits, now)
	if err != nil {
		return err
	}
	if err := r.event(ev, done); err != nil {
		return err
	}
	for {
		out, err := r.Next(r.ack, 8*len(r.ack), now)
		if err != nil {
			return err
		}
		if err := r.event(out.Event, done); err != nil {
			return err
		}
		if out.Bits == 0 {
			return nil
		}
	}
}

func (r *packetReceiver) event(ev schc.Event, done func(outcome) error) error {
	if ev.Replaced {
		if err := done(outcome{why: schc.ReasonReplaced}); err != nil {
			return err
		}
	}
	switch ev.Kind {
	case schc.EventPacket:
		return done(outcome{packet: ev.Packet, bits: ev.Bits, dir: r.direction(ev.Rule)})
	case schc.EventDropped, schc.EventRefused:
		return done(outcome{why: ev.Reason})
	}
	return nil
}

func (r *packetReceiver) direction(id schc.RuleID) schc.Direction {
	for i := range r.profiles {
		if r.profiles[i].Rule() == id {
			return r.profiles[i].Fragmentation().Direction
		}
	}
	return schc.DirUp
}

// end gives up the packets that are not finished.
func (r *packetReceiver) end(done func(outcome) error) error {
	for r.Active() > 0 {
		if err := done(outcome{why: r.Drop().Reason}); err != nil {
			return err
		}
	}
	r.reset()
	return nil
}

// trimmer finds where a reassembled SCHC Packet ends: it has up to seven bits of
// padding, which only decompression can tell apart.
type trimmer struct {
	dec schc.Decompressor
	buf []byte
}

func newTrimmer(ctx *schc.Context, in schc.Inputs) *trimmer {
	t := new(trimmer)
	t.dec.Reset(ctx)
	t.dec.SetInputs(in)
	return t
}

// bits returns the length of the packet without padding. Where the Rules do not
// have that of the packet, zero bits behind its last whole byte are taken for
// padding.
func (t *trimmer) bits(pkt []byte, bits int, dir schc.Direction) int {
	// The payload has whole bytes, so one length at most is right.
	for n := bits; n > max(bits-8, 0); n-- {
		var err error
		if t.buf, _, err = t.dec.AppendDecompressBits(t.buf[:0], pkt, n, dir); err == nil {
			return t.dec.Last().Bits
		}
		if e, _ := err.(schc.Error); e == schc.ErrNoRule {
			break
		}
	}
	if k := bits % 8; k > 0 && pkt[bits/8]>>(8-k) == 0 {
		return bits - k
	}
	return bits
}

// dropText is "<class>: <text>" of a reason.
func dropText(why schc.Reason) string {
	return className(why.Err()) + ": " + why.String()
}

// fragmentError is "<class>: <text>" of an error of Receiver.Receive.
func fragmentError(err error) string {
	e, _ := err.(schc.Error)
	switch e {
	case schc.ErrNoRule:
		return "no-rule: no fragmentation Rule has this RuleID"
	case schc.ErrTruncated:
		return "truncated: the SCHC Fragment ends early"
	case schc.ErrMalformed:
		return "malformed: no sender sends this under the Rule"
	}
	return className(err) + ": " + clean(err)
}

// sendError is "<class>: <text>" of an error of linksim.Exchange.
func sendError(err error, mtu int) string {
	e, _ := err.(schc.Error)
	switch e {
	case schc.ErrMalformed:
		return "malformed: the packet is empty, or there are bits behind its end"
	case schc.ErrUnsupported:
		return "unsupported: the packet has more tiles than the Rule can number, or its end would look like an abort"
	case schc.ErrShortBuffer:
		return "short-buffer: the packet is larger than the Rule allows, or a tile does not fit " + strconv.Itoa(mtu) + " bytes"
	}
	return className(err) + ": " + clean(err)
}
