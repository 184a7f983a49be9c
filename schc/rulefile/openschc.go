package rulefile

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// A loader builds a File. All loaders share its limits.
type loader struct {
	file  *File
	rules int // in all sets
	tvs   int // Target Values in all Rules
	size  int // of the input
	room  int // bytes left for Target Values of fixed length
	arena []byte
}

// newLoader returns the loader of an input of size bytes. A Target Value of
// fixed length takes that length, however short it is in the file: what all of
// them may take grows with the file.
func newLoader(size int) *loader {
	return &loader{file: &File{}, size: size, room: min(1<<20+8*size, MaxFileSize)}
}

// zero gives d the Target Value that it has where the file has none.
func (l *loader) zero(t located, off int, d *schc.FieldDescriptor) *Error {
	if !restoresZero(d) {
		return nil
	}
	n := zeroBytes(d.FL)
	if err := l.take(t, off, n); err != nil {
		return err
	}
	d.TV = [][]byte{l.bytes(n)}
	return nil
}

// take is called before n bytes are taken for a Target Value of fixed length.
func (l *loader) take(t located, off, n int) *Error {
	if l.room -= n; l.room < 0 {
		return t.errorAt(off, schc.ErrUnsupported, "the target values take more than %d bytes of memory, too much for a file of %d", min(1<<20+8*l.size, MaxFileSize), l.size)
	}
	return nil
}

// located makes errors about places in a file.
type located interface {
	offset() int
	errorAt(off int, class schc.Error, format string, args ...any) *Error
}

// bytes returns n zero bytes that are kept, from a common piece of memory.
func (l *loader) bytes(n int) []byte {
	if n > 256 {
		return make([]byte, n)
	}
	if n == 0 {
		return []byte{}
	}
	if len(l.arena) < n {
		l.arena = make([]byte, 4096)
	}
	b := l.arena[:n:n]
	l.arena = l.arena[n:]
	return b
}

func (l *loader) keep(v []byte) []byte {
	b := l.bytes(len(v))
	copy(b, v)
	return b
}

func (l *loader) warn(s *scanner, at spot, text string) {
	const most = 1000
	if len(l.file.Warnings) < most {
		l.file.Warnings = append(l.file.Warnings, Warning{Line: int(at.line), Col: int(at.col), Rule: s.place.rule(), Text: text})
	}
}

// addRule appends r to set, with the places of the Rule and of its fields.
func (l *loader) addRule(set *Set, r schc.Rule, at spot, fields []spot) {
	l.rules++
	set.Rules = append(set.Rules, r)
	set.spots = append(set.spots, at)
	set.field = append(set.field, fields)
}

// loadJSON reads JSON in the style of OpenSCHC.
func loadJSON(data []byte, name string) (*File, *Error) {
	l, s := newLoader(len(data)), newScanner(data, name)
	seen := map[string]bool{}
	var err *Error
	switch c := s.space(); {
	case c == '{':
		err = l.object(s, seen)
	case c == '[':
		err = l.list(s, seen)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		err = s.malformed(0, "the file is UTF-16: save it as UTF-8")
	case s.pos == len(s.data):
		err = s.malformed(s.pos, "the file is empty: a rule file holds a list of Rules")
	default:
		err = s.unexpected("a list of Rules")
	}
	if err == nil {
		err = s.end()
	}
	return l.file, err
}

// Keys of the objects, folded. Where a key has several spellings the first
// is ours.
var (
	setKeys = map[string]int{
		"DEVICEID": keyDeviceID, "DEVICE": keyDeviceID,
		"SOR": keySoR, "RULES": keySoR, "RULE": keySoR, "SETOFRULES": keySoR,
		"DEVICES": keyDevices, "SETS": keyDevices, "CONTEXTS": keyDevices,
		"COMMENT": keyComment, "DESCRIPTION": keyComment, "META": keyComment, "INDEXES": keyComment, "NAME": keyComment,
	}
	ruleKeys = map[string]int{
		"RULEID": keyRuleID, "RULEIDVALUE": keyRuleID, "RULEIDLENGTH": keyRuleIDLength, "RULELENGTH": keyRuleIDLength,
		"COMPRESSION": keyCompression, "NOCOMPRESSION": keyNoCompression, "FRAGMENTATION": keyFragmentation,
		"DESCRIPTION": keyDescription, "ACTION": keyAction, "PROFILE": keyProfile,
		"COMMENT": keyComment, "META": keyComment, "NAME": keyComment,
	}
	fieldKeys = map[string]int{
		"FID": keyFID, "FL": keyFL, "FP": keyFP, "DI": keyDI, "TV": keyTV, "MO": keyMO,
		"MO.VAL": keyMOVal, "MOVAL": keyMOVal, "MOA": keyMOVal, "MO.ARG": keyMOVal, "CDA": keyCDA,
		"TV.IND": keyTVInd, "SB": keyComment, "CDAA": keyComment, "COMMENT": keyComment, "DESCRIPTION": keyComment,
	}
	setNames   = []string{"DeviceID", "SoR", "Rules"}
	ruleNames  = []string{"RuleID", "RuleIDLength", "Compression", "NoCompression", "Fragmentation", "Description"}
	fieldNames = []string{"FID", "FL", "FP", "DI", "TV", "MO", "MO.VAL", "CDA"}
)

const (
	keyUnknown = iota
	keyComment
	keyDeviceID
	keySoR
	keyDevices
	keyRuleID
	keyRuleIDLength
	keyCompression
	keyNoCompression
	keyFragmentation
	keyDescription
	keyAction
	keyProfile
	keyFID
	keyFL
	keyFP
	keyDI
	keyTV
	keyTVInd
	keyMO
	keyMOVal
	keyCDA
	numKeys
)

// members are the offsets of the values of an object by key; 0: not there.
type members [numKeys]struct{ value, key int }

func (m *members) has(k int) bool { return m[k].value > 0 }

// comment reports whether a key is one that no loader reads.
func comment(key []byte) bool { return len(key) > 0 && key[0] == '_' }

// members reads an object whose keys are in known, and leaves the values for
// later.
func (s *scanner) members(what string, known map[string]int, names []string) (members, *Error) {
	var m members
	var spelled [numKeys]string
	var comments map[string]bool
	err := s.object(what, func(key []byte, off int) *Error {
		k := known[string(key)]
		if k == 0 {
			k = known[fold(key)]
		}
		switch {
		case comment(key) || k == keyComment:
			if comments == nil {
				comments = map[string]bool{}
			}
			if comments[string(key)] {
				return s.malformed(off, "the key %q is there twice: drop one", clip(key))
			}
			comments[string(key)] = true
		case k == keyUnknown:
			return s.malformed(off, "unknown key %q%s (a key that starts with \"_\" is a comment)", clip(key), didYouMean(string(key), names))
		case m.has(k) && spelled[k] == string(key):
			return s.malformed(off, "the key %q is there twice: drop one", clip(key))
		case m.has(k):
			return s.malformed(off, "the keys %q and %q mean the same: drop one", spelled[k], clip(key))
		default:
			m[k].value, m[k].key = s.pos, off
			spelled[k] = string(key)
		}
		return s.skip()
	})
	return m, err
}

// list reads the top-level list: of Rules, or of objects with a DeviceID.
func (l *loader) list(s *scanner, seen map[string]bool) *Error {
	var rules *Set
	err := s.array("a list of Rules", func(i int) *Error {
		off := s.pos
		isSet, err := s.at(off).looksLikeSet("a Rule, an object,")
		if err != nil {
			return err
		}
		if isSet {
			if rules != nil {
				return s.malformed(off, "a set of Rules in a list of Rules: put the Rules in a set as well")
			}
			return l.object(s, seen)
		}
		if rules == nil {
			if i > 0 {
				return s.malformed(off, "a Rule in a list of sets: put it into the SoR of a set")
			}
			l.file.Sets = append(l.file.Sets, Set{})
			rules = &l.file.Sets[0]
		}
		return l.rule(s, rules)
	})
	if err == nil && len(l.file.Sets) == 0 {
		l.file.Sets = []Set{{}}
	}
	return err
}

// looksLikeSet tells by its first telling key whether the object at s is a set
// of Rules or a Rule, and leaves s somewhere in the object. An object that is
// neither is an error.
func (s *scanner) looksLikeSet(what string) (isSet bool, err *Error) {
	off := s.pos
	var told Error
	err = s.object(what, func(key []byte, _ int) *Error {
		k := fold(key)
		switch setKeys[k] {
		case keyDeviceID, keySoR, keyDevices:
			isSet = true
			return &told
		}
		switch ruleKeys[k] {
		case 0, keyComment, keyDescription, keyProfile:
			return s.skip()
		}
		return &told
	})
	switch err {
	case &told:
		return isSet, nil
	case nil:
		err = s.malformed(off, "neither a Rule (RuleID, RuleIDLength, Compression ...) nor a set of Rules (DeviceID, SoR): is this a rule file?")
	}
	return false, err
}

// object reads a set of Rules, an object that holds a list of sets, or one
// Rule, and consumes it.
func (l *loader) object(s *scanner, seen map[string]bool) *Error {
	off := s.pos
	isSet, err := s.at(off).looksLikeSet("a set of Rules, an object,")
	if err != nil {
		return err
	}
	if !isSet {
		l.file.Sets = append(l.file.Sets, Set{})
		return l.rule(s, &l.file.Sets[len(l.file.Sets)-1])
	}
	m, err := s.members("a set of Rules", setKeys, setNames)
	if err != nil {
		return err
	}
	if m.has(keyDevices) {
		if m.has(keySoR) || m.has(keyDeviceID) || len(l.file.Sets) > 0 {
			return s.malformed(m[keyDevices].key, "a list of sets inside a set: put the sets side by side")
		}
		return l.list(s.at(m[keyDevices].value), seen)
	}
	if len(l.file.Sets) >= MaxSets {
		return s.unsupported(off, "more than %d sets of Rules in one file", MaxSets)
	}
	l.file.Sets = append(l.file.Sets, Set{})
	set := &l.file.Sets[len(l.file.Sets)-1]
	if m.has(keyDeviceID) {
		if set.DeviceID, err = s.at(m[keyDeviceID].value).deviceID(); err != nil {
			return err
		}
	}
	if seen[set.DeviceID] {
		return s.malformed(off, "a second set of Rules for device %q: put the Rules of a device into one set", clip([]byte(set.DeviceID)))
	}
	seen[set.DeviceID] = true
	if !m.has(keySoR) {
		return s.malformed(off, "the set has no SoR: add \"SoR\": [...], the list of its Rules")
	}
	t := s.at(m[keySoR].value)
	return t.array("SoR, a list of Rules,", func(int) *Error { return l.rule(t, set) })
}

// deviceID reads a DeviceID: a string, a number or null.
func (s *scanner) deviceID() (string, *Error) {
	switch c := s.space(); {
	case c == 'n':
		return "", s.word("null")
	case '0' <= c && c <= '9':
		b, err := s.number()
		return string(b), err
	}
	return s.text("DeviceID")
}

// rule reads one Rule into set and consumes it.
func (l *loader) rule(s *scanner, set *Set) *Error {
	off := s.pos
	s.place = place{ruleIndex: len(set.Rules), field: -1}
	defer func() { s.place = place{ruleIndex: -1, field: -1} }()
	if l.rules >= MaxRules {
		return s.unsupported(off, "more than %d Rules in one file", MaxRules)
	}
	m, err := s.members("a Rule, an object,", ruleKeys, ruleNames)
	if err != nil {
		return err
	}
	var r schc.Rule
	if r.ID, err = s.ruleID(&m, off); err != nil {
		return err
	}
	s.place.hasID, s.place.id = true, r.ID
	if m.has(keyDescription) {
		text, err := s.at(m[keyDescription].value).text("Description")
		if err != nil {
			return err
		}
		set.describe(len(set.Rules), text)
	}
	if m.has(keyAction) {
		l.warn(s, s.spot(off), "Action is an experiment of OpenSCHC; it is not kept")
	}
	kinds := 0
	for _, k := range []int{keyCompression, keyNoCompression, keyFragmentation} {
		if m.has(k) {
			if kinds++; kinds > 1 {
				return s.malformed(m[k].key, "a Rule is for compression, for no compression or for fragmentation: make it two Rules")
			}
		}
	}
	at := s.spot(off)
	var fields []spot
	switch {
	case m.has(keyCompression):
		r.Fields, fields, err = l.fields(s.at(m[keyCompression].value))
	case m.has(keyNoCompression):
		r.Nature = schc.NatureNoCompression
		err = s.at(m[keyNoCompression].value).noCompression()
	case m.has(keyFragmentation):
		r.Nature = schc.NatureFragmentation
		profile := -1
		if m.has(keyProfile) {
			profile = m[keyProfile].value
		}
		var unused string
		if r.Fragment, unused, err = s.at(m[keyFragmentation].value).fragmentation(profile); unused != "" {
			l.warn(s, s.spot(m[keyFragmentation].value), unused)
		}
	default:
		err = s.malformed(off, "the Rule has neither Compression nor NoCompression nor Fragmentation: add one")
	}
	if err != nil {
		return err
	}
	if m.has(keyProfile) && !m.has(keyFragmentation) {
		return s.malformed(m[keyProfile].key, "profile belongs to a fragmentation Rule")
	}
	l.addRule(set, r, at, fields)
	return nil
}

func (s *Set) describe(rule int, text string) {
	if text == "" {
		return
	}
	for len(s.Descriptions) < rule {
		s.Descriptions = append(s.Descriptions, "")
	}
	s.Descriptions = append(s.Descriptions, text)
}

func (s *scanner) ruleID(m *members, off int) (schc.RuleID, *Error) {
	if !m.has(keyRuleID) {
		return schc.RuleID{}, s.malformed(off, "the Rule has no RuleID: add \"RuleID\": 5, \"RuleIDLength\": 8")
	}
	if !m.has(keyRuleIDLength) {
		return schc.RuleID{}, s.malformed(off, "the Rule has no RuleIDLength: add the length of the RuleID in bits")
	}
	bits, err := s.at(m[keyRuleIDLength].value).uint("RuleIDLength", 32)
	if err != nil {
		return schc.RuleID{}, err
	}
	at := m[keyRuleID].value
	v, err := s.at(at).idValue()
	if err != nil {
		return schc.RuleID{}, err
	}
	if v>>bits != 0 {
		return schc.RuleID{}, s.malformed(at, "RuleID %d does not fit %d bits: make RuleIDLength larger", v, bits)
	}
	return schc.RuleID{Value: uint32(v), Bits: uint8(bits)}, nil
}

// idValue reads a RuleID: a number, or "0x.." or "0b..".
func (s *scanner) idValue() (uint64, *Error) {
	if s.space() != '"' {
		return s.uint("RuleID", 1<<32-1)
	}
	off := s.pos
	b, err := s.str()
	if err != nil {
		return 0, err
	}
	if t := string(b); len(t) > 2 && (hasPrefixFold(t, "0x") || hasPrefixFold(t, "0b")) && !strings.Contains(t, "_") {
		if v, perr := strconv.ParseUint(t, 0, 32); perr == nil {
			return v, nil
		}
	}
	return 0, s.malformed(off, "RuleID is %q: write a number, or \"0x..\" or \"0b..\" of at most 32 bits", clip(b))
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// noCompression reads the value of NoCompression, which says nothing.
func (s *scanner) noCompression() *Error {
	off := s.pos
	switch s.space() {
	case '[':
		return s.array("", func(int) *Error {
			return s.malformed(s.pos, "a no-compression Rule has no fields: write \"NoCompression\": []")
		})
	case '{':
		return s.object("", func(key []byte, off int) *Error {
			return s.malformed(off, "a no-compression Rule has no parameters: write \"NoCompression\": []")
		})
	case 'n':
		return s.word("null")
	case 't':
		return s.word("true")
	case '"':
		if b, err := s.str(); err != nil || len(b) == 0 {
			return err
		}
	}
	return s.malformed(off, "NoCompression has no value: write \"NoCompression\": []")
}
