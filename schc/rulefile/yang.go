package rulefile

import (
	"math"
	"slices"
	"strings"

	"github.com/schckit/schckit/schc"
)

// A tree is a document of the model that is read node by node: JSON or CBOR.
type tree interface {
	// members reads an object and calls f for each member with its name
	// without module; f consumes the value.
	members(what string, f func(name string, off int) *Error) *Error
	// elements reads a list and calls f for each element.
	elements(what string, f func(i int) *Error) *Error
	uint(what string, limit uint64) (uint64, *Error)
	binary(what string) ([]byte, *Error)
	boolean(what string) (bool, *Error)
	text(what string) (string, *Error)
	// identity reads an identityref and returns its name without module.
	identity(what string) (string, *Error)
	// union reads a number or, with a name that is not empty, an identityref.
	union(what string, limit uint64) (uint64, string, *Error)
	skip() *Error
	offset() int
	errorAt(off int, class schc.Error, format string, args ...any) *Error
	at() *place
	spot(off int) spot
}

// loadDocument reads one document: the rule set of one device.
func (l *loader) loadDocument(t tree) *Error {
	off := t.offset()
	found := false
	err := t.members("a document with \"ietf-schc:schc\", an object,", func(name string, off int) *Error {
		if name != "schc" {
			return t.errorAt(off, schc.ErrUnsupported, "%q is not a rule set: the document has one node, \"ietf-schc:schc\"", clip([]byte(name)))
		}
		if found {
			return t.errorAt(off, schc.ErrMalformed, "\"ietf-schc:schc\" is there twice")
		}
		found = true
		return l.loadSchc(t)
	})
	if err == nil && !found {
		err = t.errorAt(off, schc.ErrMalformed, "no \"ietf-schc:schc\" in the document")
	}
	return err
}

func (l *loader) loadSchc(t tree) *Error {
	off := t.offset()
	if len(l.file.Sets) >= MaxSets {
		return t.errorAt(off, schc.ErrUnsupported, "more than %d sets of Rules in one file", MaxSets)
	}
	l.file.Sets = append(l.file.Sets, Set{})
	set := &l.file.Sets[len(l.file.Sets)-1]
	var seen nodesSeen
	return t.members("ietf-schc:schc, an object,", func(name string, off int) *Error {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		switch name {
		case "rule":
			return t.elements("rule, a list,", func(int) *Error { return l.loadRule(t, set) })
		case "device-id":
			var err *Error
			set.DeviceID, err = t.text("device-id")
			return err
		}
		return l.otherNode(t, name, off)
	})
}

// nodesSeen finds nodes that are there twice.
type nodesSeen struct {
	names [32]string
	n     int
}

func (n *nodesSeen) once(t tree, name string, off int) *Error {
	if slices.Contains(n.names[:n.n], name) {
		return t.errorAt(off, schc.ErrMalformed, "%q is there twice: drop one", clip([]byte(name)))
	}
	if n.n == len(n.names) {
		return t.errorAt(off, schc.ErrMalformed, "more than %d nodes in one object", n.n)
	}
	n.names[n.n] = name
	n.n++
	return nil
}

// otherNode is for a node that is not of this model: those of the access
// control module say nothing about packets and are left out.
func (l *loader) otherNode(t tree, name string, off int) *Error {
	if strings.HasPrefix(name, "ac-") {
		if len(l.file.Warnings) < 1000 {
			w := Warning{Rule: t.at().rule(), Text: name + " (access control) is not kept"}
			if _, ok := t.(jsonTree); ok {
				s := t.spot(off)
				w.Line, w.Col = int(s.line), int(s.col)
			}
			l.file.Warnings = append(l.file.Warnings, w)
		}
		return t.skip()
	}
	return t.errorAt(off, schc.ErrUnsupported, "the node %q is not known here: take it out", clip([]byte(name)))
}

// yangRule is a Rule while its nodes come in any order.
type yangRule struct {
	id, bits          uint64
	hasID, hasBits    bool
	nature            string
	natureAt, entryAt int
	fields            []schc.FieldDescriptor
	spots             []spot
	frag              schc.Fragmentation
	fragAt            int    // of the first fragmentation node, or -1
	fragName          string // its name
	fcn, tileLong     bool
	description       string
	retransmit, inact yangTimer
}

type yangTimer struct {
	present          bool
	duration, number uint64
	exact            bool // milliseconds is given
	ms               uint32
}

func (l *loader) loadRule(t tree, set *Set) *Error {
	if l.rules >= MaxRules {
		return t.errorAt(t.offset(), schc.ErrUnsupported, "more than %d Rules in one file", MaxRules)
	}
	*t.at() = place{ruleIndex: len(set.Rules), field: -1}
	defer func() { *t.at() = place{ruleIndex: -1, field: -1} }()
	off := t.offset()
	start := t.spot(off)
	y := yangRule{natureAt: -1, entryAt: -1, fragAt: -1}
	var seen nodesSeen
	err := t.members("a rule, an object,", func(name string, off int) *Error {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		return l.ruleNode(t, &y, name, off)
	})
	if err != nil {
		return err
	}
	r, err := y.rule(t, off)
	if err != nil {
		return err
	}
	if y.description != "" {
		set.describe(len(set.Rules), y.description)
	}
	l.addRule(set, r, start, y.spots)
	return nil
}

func (l *loader) ruleNode(t tree, y *yangRule, name string, off int) (err *Error) {
	switch name {
	case "rule-id-value":
		y.hasID = true
		y.id, err = t.uint(name, math.MaxUint32)
	case "rule-id-length":
		y.hasBits = true
		y.bits, err = t.uint(name, 32)
	case "rule-nature":
		y.natureAt = t.offset()
		y.nature, err = t.identity(name)
	case "entry":
		y.entryAt = off
		p := *t.at()
		err = t.elements("entry, a list,", func(i int) *Error {
			if i >= MaxFields {
				return t.errorAt(t.offset(), schc.ErrUnsupported, "more than %d fields in a Rule", MaxFields)
			}
			t.at().field, t.at().fid = i, 0
			y.spots = append(y.spots, t.spot(t.offset()))
			d, err := l.loadEntry(t)
			if err == nil {
				y.fields = append(y.fields, d)
				*t.at() = p
			}
			return err
		})
	case "description":
		y.description, err = t.text(name)
	default:
		known := false
		if known, err = y.fragmentNode(t, name); !known && err == nil {
			return l.otherNode(t, name, off)
		}
		if y.fragAt < 0 {
			y.fragAt, y.fragName = off, name
		}
	}
	return err
}

// byName has the values of identities by their YANG name.
func byName[T interface{ String() string }](values ...T) map[string]T {
	m := map[string]T{}
	for _, v := range values {
		m[v.String()] = v
	}
	return m
}

var (
	yangNatures = byName(schc.NatureCompression, schc.NatureNoCompression, schc.NatureFragmentation)
	yangModes   = byName(schc.FragmentationNoAck, schc.FragmentationAckAlways, schc.FragmentationAckOnError)
	yangDIs     = byName(schc.DirUp, schc.DirDown, schc.DirBidirectional)
	yangMOs     = byName(schc.MOEqual, schc.MOIgnore, schc.MOMSB, schc.MOMatchMapping)
	yangCDAs    = byName(schc.CDANotSent, schc.CDAValueSent, schc.CDAMappingSent, schc.CDALSB, schc.CDACompute, schc.CDADevIID, schc.CDAAppIID, schc.CDALower)
	yangAcks    = map[string]schc.AckBehavior{"ack-behavior-after-all-0": schc.AckAfterAll0, "ack-behavior-after-all-1": schc.AckAfterAll1, "ack-behavior-by-layer2": schc.AckByLayer2}
	yangAll1s   = map[string]schc.All1Data{"all-1-data-no": schc.All1DataNo, "all-1-data-yes": schc.All1DataYes, "all-1-data-sender-choice": schc.All1DataSenderChoice}
	yangRCSs    = map[string]schc.RCSAlgorithm{idRCS: schc.RCSCRC32, idRCSFragments: schc.RCSFragments, idRCSOther: schc.RCSOther}
)

// pick reads an identityref and looks it up.
func pick[T any](t tree, what string, names map[string]T) (T, *Error) {
	off := t.offset()
	name, err := t.identity(what)
	if err != nil {
		var none T
		return none, err
	}
	v, ok := names[name]
	if !ok {
		return v, t.errorAt(off, schc.ErrUnsupported, "%s is %q, which is not supported here: use %s", what, clip([]byte(name)), keyList(names))
	}
	return v, nil
}

func keyList[T any](m map[string]T) string {
	var l []string
	for k := range m {
		l = append(l, k)
	}
	slices.Sort(l)
	if n := len(l); n > 1 {
		return strings.Join(l[:n-1], ", ") + " or " + l[n-1]
	}
	return strings.Join(l, "")
}

// fragmentNode reads a node of a fragmentation Rule.
func (y *yangRule) fragmentNode(t tree, name string) (known bool, err *Error) {
	f := &y.frag
	num := func(limit uint64, set func(v uint64)) {
		var v uint64
		if v, err = t.uint(name, limit); err == nil {
			set(v)
		}
	}
	switch name {
	case "fragmentation-mode":
		f.Mode, err = pick(t, name, yangModes)
	case "direction":
		f.Direction, err = pick(t, name, map[string]schc.Direction{"di-up": schc.DirUp, "di-down": schc.DirDown})
	case "l2-word-size":
		num(255, func(v uint64) { f.L2WordBits = uint8(v) })
	case "dtag-size":
		num(32, func(v uint64) { f.DTagBits = uint8(v) })
	case "w-size":
		num(32, func(v uint64) { f.WBits = uint8(v) })
	case "fcn-size":
		y.fcn = true
		num(32, func(v uint64) { f.FCNBits = uint8(v) })
	case "rcs-algorithm":
		f.RCSAlgorithm, err = pick(t, name, yangRCSs)
	case "rcs-size":
		num(32, func(v uint64) { f.RCSBits = uint8(v) })
	case "maximum-packet-size":
		num(math.MaxUint16, func(v uint64) { f.MaxPacket = uint16(v) })
	case "window-size":
		num(math.MaxUint16, func(v uint64) { f.WindowSize = uint16(v) })
	case "max-interleaved-frames":
		num(255, func(v uint64) { f.MaxInterleaved = uint8(v) })
	case "max-ack-requests":
		num(255, func(v uint64) { f.MaxAckRequests = uint8(v) })
	case "tile-size":
		num(255, func(v uint64) {
			if !y.tileLong {
				f.TileBits = uint16(v)
			}
		})
	case "tile-size-value":
		y.tileLong = true
		num(math.MaxUint16, func(v uint64) { f.TileBits = uint16(v) })
	case "tile-in-all-1":
		f.All1Data, err = pick(t, name, yangAll1s)
	case "ack-behavior":
		f.AckBehavior, err = pick(t, name, yangAcks)
	case "inactivity-timer":
		y.inact, err = readTimer(t, name)
	case "retransmission-timer":
		y.retransmit, err = readTimer(t, name)
	case "bitmap-format":
		f.CompoundAck, err = pick(t, name, map[string]bool{"bitmap-RFC8724": false, "bitmap-compound-ack": true})
	case "last-bitmap-compression":
		var compressed bool
		compressed, err = t.boolean(name)
		f.FullLastBitmap = !compressed
	default:
		return ownNode(t, name, f)
	}
	return true, err
}

func readTimer(t tree, what string) (yangTimer, *Error) {
	timer := yangTimer{present: true, duration: 20}
	var seen nodesSeen
	off := t.offset()
	err := t.members(what+", an object,", func(name string, off int) (err *Error) {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		switch name {
		case "ticks-duration":
			timer.duration, err = t.uint(name, 255)
		case "ticks-numbers":
			timer.number, err = t.uint(name, math.MaxUint16)
		case "milliseconds":
			var v uint64
			timer.exact = true
			v, err = t.uint(name, math.MaxUint32)
			timer.ms = uint32(v)
		default:
			err = t.errorAt(off, schc.ErrUnsupported, "the node %q is not known here: take it out", clip([]byte(name)))
		}
		return err
	})
	if err != nil || timer.exact {
		return timer, err
	}
	ms := math.Round(math.Ldexp(float64(timer.number), int(timer.duration)) / 1000)
	if ms > math.MaxUint32 {
		return timer, t.errorAt(off, schc.ErrUnsupported, "%s is longer than 49 days", what)
	}
	timer.ms = uint32(ms)
	return timer, nil
}

// rule makes a Rule of the nodes read.
func (y *yangRule) rule(t tree, off int) (schc.Rule, *Error) {
	malformed := func(at int, format string, args ...any) (schc.Rule, *Error) {
		return schc.Rule{}, t.errorAt(at, schc.ErrMalformed, format, args...)
	}
	if !y.hasBits {
		return malformed(off, "the rule has no rule-id-length")
	}
	if !y.hasID && y.bits > 0 {
		return malformed(off, "the rule has no rule-id-value")
	}
	if y.id>>y.bits != 0 {
		return malformed(off, "rule-id-value %d does not fit %d bits: make rule-id-length larger", y.id, y.bits)
	}
	p := t.at()
	p.hasID, p.id = true, schc.RuleID{Value: uint32(y.id), Bits: uint8(y.bits)}
	if y.nature == "" {
		return malformed(off, "the rule has no rule-nature: add nature-compression, nature-no-compression or nature-fragmentation")
	}
	r := schc.Rule{ID: p.id}
	var ok bool
	if r.Nature, ok = yangNatures[y.nature]; !ok {
		return schc.Rule{}, t.errorAt(y.natureAt, schc.ErrUnsupported, "rule-nature is %q, which is not supported here: use %s", clip([]byte(y.nature)), keyList(yangNatures))
	}
	if y.entryAt >= 0 && r.Nature != schc.NatureCompression {
		return malformed(y.entryAt, "entry in a rule of %s: it belongs to nature-compression", y.nature)
	}
	if y.fragAt >= 0 && r.Nature != schc.NatureFragmentation {
		return malformed(y.fragAt, "%s in a rule of %s: it belongs to nature-fragmentation", y.fragName, y.nature)
	}
	r.Fields = y.fields
	if r.Nature != schc.NatureFragmentation {
		return r, nil
	}
	f := y.frag
	switch {
	case f.Mode == 0:
		return malformed(off, "the rule has no fragmentation-mode")
	case f.Direction == 0:
		return malformed(off, "the rule has no direction: add di-up or di-down")
	case !y.fcn:
		return malformed(off, "the rule has no fcn-size")
	}
	f.RetransmissionMs, f.InactivityMs = y.retransmit.ms, y.inact.ms
	f = normalFragment(f)
	r.Fragment = &f
	return r, nil
}
