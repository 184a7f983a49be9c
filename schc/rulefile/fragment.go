package rulefile

import (
	"math"
	"strconv"

	"github.com/schckit/schckit/schc"
)

// Keys of Fragmentation and of FRModeProfile, folded. RFC 9363's names are
// accepted beside those of OpenSCHC.
var fragmentKeys = map[string]int{
	"FRMODE": fragMode, "FRAGMENTATIONMODE": fragMode, "MODE": fragMode,
	"FRDIRECTION": fragDirection, "DIRECTION": fragDirection,
	"FRMODEPROFILE": fragProfile, "FRMODEPROFILER": fragProfile,
	"COMMENT": fragComment,
}

var profileKeys = withOwn(map[string]int{
	"DTAGSIZE": fragDTag, "WSIZE": fragW, "FCNSIZE": fragFCN,
	"WINDOWSIZE": fragWindow, "TILESIZE": fragTile,
	"ACKBEHAVIOR": fragAckBehavior, "ACKBEHAVIOUR": fragAckBehavior,
	"LASTTILEINALL1": fragLastTile, "TILEINALL1": fragTileInAll1,
	"MICALGORITHM": fragRCS, "RCSALGORITHM": fragRCS, "MICWORDSIZE": fragMICWord, "RCSSIZE": fragRCSSize,
	"L2WORDSIZE": fragL2Word, "MAXRETRY": fragMaxRetry, "MAXACKREQUESTS": fragMaxRetry,
	"TIMEOUT": fragTimeout, "RETRANSMISSIONTIMER": fragTimeout, "INACTIVITYTIMER": fragInactivity,
	"MAXPCKTSIZE": fragMaxPacket, "MAXIMUMPACKETSIZE": fragMaxPacket,
	"MAXINTERFRAME": fragInterleaved, "MAXINTERLEAVEDFRAMES": fragInterleaved,
	"BITMAPFORMAT": fragBitmap, "LASTBITMAPCOMPRESSION": fragLastBitmap,
	"COMMENT": fragComment,
})

const (
	fragComment = iota + 1
	fragMode
	fragDirection
	fragProfile
	fragDTag
	fragW
	fragFCN
	fragWindow
	fragTile
	fragAckBehavior
	fragLastTile
	fragTileInAll1
	fragRCS
	fragMICWord
	fragRCSSize
	fragL2Word
	fragMaxRetry
	fragTimeout
	fragInactivity
	fragMaxPacket
	fragInterleaved
	fragBitmap
	fragLastBitmap
	numFragKeys
)

var (
	fragmentNames = []string{"FRMode", "FRDirection", "FRModeProfile"}
	profileNames  = ownNames([]string{
		"dtagSize", "WSize", "FCNSize", "windowSize", "tileSize", "ackBehavior", "lastTileInAll1", "MICAlgorithm",
		"MICWordSize", "L2WordSize", "maxRetry", "timeout", "tile-in-all-1", "inactivity-timer",
		"maximum-packet-size", "max-interleaved-frames", "rcs-size",
		"bitmap-format", "last-bitmap-compression",
	})
	frModes = map[string]schc.FragmentationMode{
		"NOACK": schc.FragmentationNoAck, "FRAGMENTATIONMODENOACK": schc.FragmentationNoAck,
		"ACKALWAYS": schc.FragmentationAckAlways, "FRAGMENTATIONMODEACKALWAYS": schc.FragmentationAckAlways,
		"ACKONERROR": schc.FragmentationAckOnError, "FRAGMENTATIONMODEACKONERROR": schc.FragmentationAckOnError,
	}
	ackBehaviors = map[string]schc.AckBehavior{
		"AFTERALL0": schc.AckAfterAll0, "ACKBEHAVIORAFTERALL0": schc.AckAfterAll0,
		"AFTERALL1": schc.AckAfterAll1, "ACKBEHAVIORAFTERALL1": schc.AckAfterAll1,
		"BYLAYER2": schc.AckByLayer2, "ACKBEHAVIORBYLAYER2": schc.AckByLayer2,
	}
	all1Datas = map[string]schc.All1Data{
		"NO": schc.All1DataNo, "ALL1DATANO": schc.All1DataNo,
		"YES": schc.All1DataYes, "ALL1DATAYES": schc.All1DataYes,
		"SENDERCHOICE": schc.All1DataSenderChoice, "ALL1DATASENDERCHOICE": schc.All1DataSenderChoice,
	}
	bitmapFormats = map[string]bool{
		"BITMAPRFC8724": false, "RFC8724": false, "BITMAPCOMPOUNDACK": true, "COMPOUNDACK": true,
	}
	rcsNames = map[string]schc.RCSAlgorithm{
		"RCSCRC32": schc.RCSCRC32, "RCSRFC8724": schc.RCSCRC32, "CRC32": schc.RCSCRC32,
		"RCSFRAGMENTS": schc.RCSFragments, "RCSRFC9442": schc.RCSFragments, "RCSOTHER": schc.RCSOther,
	}
)

// fragMembers is members for the keys of this file.
type fragMembers [maxFragKeys]struct{ value, key int }

func (m *fragMembers) has(k int) bool { return m[k].value > 0 }

func (s *scanner) fragMembers(m *fragMembers, what string, known map[string]int, names []string) *Error {
	var spelled [maxFragKeys]string
	return s.object(what, func(key []byte, off int) *Error {
		k := known[fold(key)]
		switch {
		case comment(key) || k == fragComment:
		case k == 0:
			return s.malformed(off, "unknown key %q%s (a key that starts with \"_\" is a comment)", clip(key), didYouMean(string(key), names))
		case m.has(k) && spelled[k] == string(key):
			return s.malformed(off, "the key %q is there twice: drop one", clip(key))
		case m.has(k):
			return s.malformed(off, "the key %q says again what an earlier key says: drop one", clip(key))
		default:
			m[k].value, m[k].key = s.pos, off
			spelled[k] = string(key)
		}
		return s.skip()
	})
}

// fragmentation reads the value of Fragmentation. profile is the offset of
// the value of an old-style "profile" beside it, or -1. unused names parameters
// that the mode does not know, which are not kept.
func (s *scanner) fragmentation(profile int) (_ *schc.Fragmentation, unused string, _ *Error) {
	off := s.pos
	var m fragMembers
	if err := s.fragMembers(&m, "Fragmentation, an object,", fragmentKeys, fragmentNames); err != nil {
		return nil, "", err
	}
	if !m.has(fragMode) {
		return nil, "", s.malformed(off, "no FRMode: add NoAck, AckAlways or AckOnError")
	}
	if !m.has(fragDirection) {
		return nil, "", s.malformed(off, "no FRDirection: add \"FRDirection\": \"UP\" or \"DW\", the direction of the fragments")
	}
	f := &schc.Fragmentation{}
	var err *Error
	if f.Mode, err = choose(s, m[fragMode].value, "FRMode", frModes, "NoAck, AckAlways or AckOnError"); err != nil {
		return nil, "", err
	}
	if f.Direction, err = choose(s, m[fragDirection].value, "FRDirection", diNames, "UP or DW"); err != nil {
		return nil, "", err
	}
	if f.Direction == schc.DirBidirectional {
		return nil, "", s.malformed(m[fragDirection].value, "FRDirection is UP or DW: fragments go one way")
	}
	if m.has(fragProfile) {
		if err := s.at(m[fragProfile].value).fragMembers(&m, "FRModeProfile, an object,", profileKeys, profileNames); err != nil {
			return nil, "", err
		}
	}
	if profile >= 0 {
		if err := s.at(profile).fragMembers(&m, "profile, an object,", profileKeys, profileNames); err != nil {
			return nil, "", err
		}
	}
	if err := s.fragmentParameters(&m, f, off); err != nil {
		return nil, "", err
	}
	switch {
	case f.Mode == schc.FragmentationNoAck && (f.MaxAckRequests != 0 || f.RetransmissionMs != 0):
		unused = "maxRetry and timeout are for modes with ACKs; they are not kept"
	case f.Mode != schc.FragmentationAckOnError && (f.AckBehavior != 0 || f.All1Data != 0):
		unused = "ackBehavior and lastTileInAll1 are for ACK-on-Error; they are not kept"
	}
	*f = normalFragment(*f)
	return f, unused, nil
}

// choose reads a name and looks it up.
func choose[T any](s *scanner, at int, what string, names map[string]T, list string) (T, *Error) {
	var none T
	name, err := s.at(at).text(what)
	if err != nil {
		return none, err
	}
	v, ok := names[foldName(name)]
	if !ok {
		return none, s.malformed(at, "unknown %s %q: write %s", what, clip([]byte(name)), list)
	}
	return v, nil
}

// fragmentParameters fills f from the profile, with OpenSCHC's defaults.
func (s *scanner) fragmentParameters(m *fragMembers, f *schc.Fragmentation, off int) *Error {
	acks := f.Mode != schc.FragmentationNoAck
	if f.Mode == schc.FragmentationAckOnError && !m.has(fragFCN) {
		return s.malformed(off, "no FCNSize: AckOnError needs one in FRModeProfile")
	}
	f.FCNBits = 1
	if f.Mode == schc.FragmentationNoAck && !m.has(fragProfile) {
		f.DTagBits = 2
	}
	if acks {
		f.WBits, f.MaxAckRequests, f.RetransmissionMs = 1, 4, 600_000
	}
	for _, p := range []struct {
		key   int
		name  string
		limit uint64
		set   func(v uint64)
	}{
		{fragDTag, "dtagSize", 32, func(v uint64) { f.DTagBits = uint8(v) }},
		{fragW, "WSize", 32, func(v uint64) { f.WBits = uint8(v) }},
		{fragFCN, "FCNSize", 32, func(v uint64) { f.FCNBits = uint8(v) }},
		{fragWindow, "windowSize", 1<<16 - 1, func(v uint64) { f.WindowSize = uint16(v) }},
		{fragTile, "tileSize", 1<<16 - 1, func(v uint64) { f.TileBits = uint16(v) }},
		{fragRCSSize, "rcs-size", 32, func(v uint64) { f.RCSBits = uint8(v) }},
		{fragL2Word, "L2WordSize", 255, func(v uint64) { f.L2WordBits = uint8(v) }},
		{fragMaxRetry, "maxRetry", 255, func(v uint64) { f.MaxAckRequests = uint8(v) }},
		{fragMaxPacket, "maximum-packet-size", 1<<16 - 1, func(v uint64) { f.MaxPacket = uint16(v) }},
		{fragInterleaved, "max-interleaved-frames", 255, func(v uint64) { f.MaxInterleaved = uint8(v) }},
	} {
		if m.has(p.key) {
			t := s.at(m[p.key].value)
			if t.space() == 'n' { // OpenSCHC's "not given"
				continue
			}
			v, err := t.uint(p.name, p.limit)
			if err != nil {
				return err
			}
			p.set(v)
		}
	}
	if err := s.fragmentTimers(m, f); err != nil {
		return err
	}
	if err := s.loadOwn(m, f); err != nil {
		return err
	}
	return s.fragmentChoices(m, f)
}

func (s *scanner) fragmentTimers(m *fragMembers, f *schc.Fragmentation) *Error {
	var err *Error
	if m.has(fragTimeout) {
		if f.RetransmissionMs, err = s.at(m[fragTimeout].value).seconds("timeout"); err != nil {
			return err
		}
	}
	if m.has(fragInactivity) {
		f.InactivityMs, err = s.at(m[fragInactivity].value).seconds("inactivity-timer")
	}
	return err
}

// seconds reads a time in seconds, with up to three decimals.
func (s *scanner) seconds(what string) (uint32, *Error) {
	off := s.pos
	c := s.space()
	if c != '-' && (c < '0' || c > '9') {
		return 0, s.unexpected(what + ", a number of seconds,")
	}
	text, err := s.number()
	if err != nil {
		return 0, err
	}
	v, perr := strconv.ParseFloat(string(text), 64)
	ms := math.Round(v * 1000)
	if perr != nil || ms < 0 || ms > math.MaxUint32 || math.Abs(ms-v*1000) > 1e-4 {
		return 0, s.malformed(off, "%s is %s: it is in seconds, from 0 to 4294967 with at most three decimals", what, clip(text))
	}
	return uint32(ms), nil
}

func (s *scanner) fragmentChoices(m *fragMembers, f *schc.Fragmentation) (err *Error) {
	if m.has(fragBitmap) {
		if f.CompoundAck, err = choose(s, m[fragBitmap].value, "bitmap-format", bitmapFormats, "bitmap-RFC8724 or bitmap-compound-ack"); err != nil {
			return err
		}
	}
	if m.has(fragLastBitmap) {
		compressed, err := s.at(m[fragLastBitmap].value).boolean("last-bitmap-compression, true or false,")
		if err != nil {
			return err
		}
		f.FullLastBitmap = !compressed
	}
	if m.has(fragMICWord) {
		at := m[fragMICWord].value
		v, err := s.at(at).uint("MICWordSize", 64)
		if err != nil {
			return err
		}
		if v != 8 {
			return s.unsupported(at, "MICWordSize is %d; only 8 is supported", v)
		}
	}
	if m.has(fragRCS) {
		if f.RCSAlgorithm, err = choose(s, m[fragRCS].value, "MICAlgorithm", rcsNames, "RCS_CRC32, RCS_FRAGMENTS or RCS_OTHER"); err != nil {
			return err
		}
	}
	if m.has(fragAckBehavior) {
		if f.AckBehavior, err = choose(s, m[fragAckBehavior].value, "ackBehavior", ackBehaviors, "afterAll0, afterAll1 or byLayer2"); err != nil {
			return err
		}
	}
	if m.has(fragLastTile) {
		last, err := s.at(m[fragLastTile].value).boolean("lastTileInAll1, true or false,")
		if err != nil {
			return err
		}
		if f.All1Data = schc.All1DataNo; last {
			f.All1Data = schc.All1DataYes
		}
	}
	if m.has(fragTileInAll1) {
		if m.has(fragLastTile) {
			return s.malformed(m[fragTileInAll1].key, "tile-in-all-1 says again what lastTileInAll1 says: drop one")
		}
		f.All1Data, err = choose(s, m[fragTileInAll1].value, "tile-in-all-1", all1Datas, "no, yes or sender-choice")
	}
	return err
}
