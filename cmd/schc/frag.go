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
	tile    uint16
	ids     []string
}

func (f *fragRuleFlags) add(cmd *cobra.Command) {
	f.rules.add(cmd)
	cmd.Flags().StringVar(&f.profile, "profile", "", "fragmentation Rules of a link, `NAME`: "+strings.Join(profileNames(), ", ")+" (instead of those in the rule file)")
	cmd.Flags().Uint16Var(&f.tile, "tile", 0, "size of the profile's ACK-on-Error tiles in `BITS`, at both ends (NB-IoT: 8 bits make packets of 56 bytes at most)")
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

// sameProfile compares names of profiles: nbiot is nb-iot.
func sameProfile(a, b string) bool {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "") }
	return plain(a) == plain(b)
}

// canonicalProfile returns the name as it stands in profileNames, or name.
func canonicalProfile(name string) string {
	for _, n := range profileNames() {
		if sameProfile(n, name) {
			return n
		}
	}
	return name
}

// namedProfiles returns the profiles of a name, nil for an unknown one.
func namedProfiles(name string) []schc.NamedProfile {
	for _, g := range profileGroups {
		if sameProfile(g.name, name) {
			var list []schc.NamedProfile
			for _, p := range g.parts {
				list = append(list, p())
			}
			return list
		}
	}
	for _, p := range schc.Profiles() {
		if sameProfile(p.Name, name) {
			return []schc.NamedProfile{p}
		}
	}
	return nil
}

// dtags gives the packets that are fragmented their DTags: from 0 on, and from 0
// again when the field is used up, so that a receiver tells each from the last.
type dtags struct {
	next uint32
	bits uint8
}

func (d *dtags) used() { d.next = uint32((uint64(d.next) + 1) & (1<<d.bits - 1)) }

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
	file, info, err := f.loadFile(cmd, e, in)
	if err != nil {
		return nil, err
	}
	s := &fragSet{info: info}
	if file != nil {
		if s.set, err = file.Set(f.rules.device); err != nil {
			return nil, hint(err, "--device NAME picks one")
		}
	}
	return s, f.fill(cmd, s, dir)
}

// loadFile reads the rule file; it is nil if there is a profile only.
func (f *fragRuleFlags) loadFile(cmd *cobra.Command, e *env, in *input) (*rulefile.File, os.FileInfo, error) {
	if f.rules.file == "" && f.profile == "" {
		return nil, nil, usagef(cmd, "no fragmentation Rules are given; name a file with -C, or a link with --profile")
	}
	if f.rules.file == "-" && in.path == "-" {
		return nil, nil, usagef(cmd, "Rules and packets cannot both come from standard input")
	}
	if f.rules.file == "" && f.rules.device != "" {
		return nil, nil, usagef(cmd, "--device needs a rule file; name it with -C")
	}
	if f.rules.file == "" && f.rules.sids != nil {
		return nil, nil, usagef(cmd, "--sid is for a rule file; name it with -C")
	}
	if f.rules.file == "" {
		return nil, nil, nil
	}
	return f.rules.read(e)
}

// fill makes the context and the profiles of s, whose set is loaded.
func (f *fragRuleFlags) fill(cmd *cobra.Command, s *fragSet, dir schc.Direction) (err error) {
	if s.set != nil {
		s.rules = s.set.Rules
	}
	if f.tile != 0 && f.profile == "" {
		return usagef(cmd, "--tile changes a profile; name one with --profile, or change tileSize in the rule file")
	}
	if f.profile != "" {
		named := namedProfiles(f.profile)
		if sameProfile(f.profile, schc.IEEE802154().Name) {
			return hint(errors.New("over IEEE 802.15.4 SCHC Packets are not fragmented as SCHC but as 6LoWPAN (draft-ietf-6lo-schc-15dot4, Section 8)"),
				"schc rules show --profile 15dot4 has the framing; schc lowpan stats --compare counts its fragments")
		}
		if named == nil {
			return usagef(cmd, "--profile: there is no %q; there are %s", f.profile, strings.Join(profileNames(), ", "))
		}
		for i := range named {
			if r := &named[i].Fragmentation; f.tile != 0 && r.Mode == schc.FragmentationAckOnError {
				r.TileBits = f.tile
			}
		}
		if s.rules, s.notes, err = withProfiles(s.rules, named); err != nil {
			return err
		}
	}
	if s.ctx, err = schc.NewContext(s.rules, f.rules.opts); err != nil {
		if f.tile != 0 {
			return usagef(cmd, "--tile: %w", err)
		}
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
// largest packets and as many of them as may be interleaved: what the Rules say,
// but at least least, if the DTag tells so many apart.
func (s *fragSet) newReceiver(ack []byte, least int) *packetReceiver {
	const maxSessions = 64
	n, size := 0, 0
	interleaved := func(f *schc.Fragmentation) int {
		return max(int(f.MaxInterleaved), min(least, 1<<min(f.DTagBits, 8)))
	}
	for i := range s.profiles {
		f := s.profiles[i].Fragmentation()
		n += interleaved(&f)
		size = max(size, s.profiles[i].SessionBytes())
	}
	n = min(n, maxSessions)
	r := &packetReceiver{profiles: make([]schc.Profile, len(s.profiles)), sessions: make([]schc.Session, n), mem: make([]byte, n*size), ack: ack}
	for i := range s.profiles {
		// It only listens: what its ACKs would have asked for is not known, so that
		// nothing is given up for their number, and none is repeated.
		f := s.profiles[i].Fragmentation()
		f.MaxInterleaved = uint8(interleaved(&f))
		if f.Mode != schc.FragmentationNoAck {
			f.MaxAckRequests, f.AttemptsPerAck, f.UplinkAckMs = 255, true, 0
		}
		if f.Mode == schc.FragmentationAckOnError {
			// Nor does it make a packet of a window that comes again.
			f.AckBehavior = schc.AckAfterAll1
		}
		r.profiles[i].Init(s.profiles[i].Rule(), &f)
	}
	r.reset()
	return r
}

// newAckBuffer returns memory for ACKs, which nobody gets: a bitmap of any
// WINDOW_SIZE, and more. Receivers may share it.
func newAckBuffer() []byte { return make([]byte, 1<<14) }

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
