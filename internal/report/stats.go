// Package report counts what compression did to packets and prints it: as text,
// JSON, JSON lines and tab-separated values, all from one Summary.
package report

import (
	"math"

	"github.com/schckit/schckit/schc"
)

// Reason says why a packet was passed through instead of compressed.
type Reason uint8

// The reasons. Zero is none: the packet was compressed.
const (
	Done        Reason = iota
	NoRule             // no Rule matches
	NoDirection        // neither from nor to the device
	SnapCut            // the capture holds only a part of it
	Trailer            // there are bytes behind the IP datagram
	NonIP              // no IP datagram was found in it
	BadLength          // its recorded length or the IP length cannot be right
	Failed             // the compressor failed on it
	numReasons
)

// Counts is what is counted of a group of packets. Bytes are from the IP header
// on; those of packets without one are not counted.
type Counts struct {
	Packets    uint64 `json:"packets"`
	InBytes    uint64 `json:"in_bytes"`
	OutBytes   uint64 `json:"out_bytes"`
	HdrInBytes uint64 `json:"hdr_in_bytes"` // headers that a Rule described
	HdrOutBits uint64 `json:"hdr_out_bits"` // RuleIDs and residues
	// What was saved, in percent: of the headers and of the packets. Nil where
	// there is nothing to compare.
	HeaderSaving *float64 `json:"header_saving_percent"`
	PacketSaving *float64 `json:"packet_saving_percent"`
}

func (c *Counts) add(d *Counts) {
	c.Packets += d.Packets
	c.InBytes += d.InBytes
	c.OutBytes += d.OutBytes
	c.HdrInBytes += d.HdrInBytes
	c.HdrOutBits += d.HdrOutBits
}

func (c *Counts) finish() {
	c.HeaderSaving = saving(float64(c.HdrInBytes)*8, float64(c.HdrOutBits))
	c.PacketSaving = saving(float64(c.InBytes), float64(c.OutBytes))
}

// saving returns what is saved in percent, to a tenth.
func saving(in, out float64) *float64 {
	if in == 0 {
		return nil
	}
	s := math.Round(1000*(1-out/in)) / 10
	if s == 0 {
		s = 0 // not -0
	}
	return &s
}

// RuleCounts is what is counted per Rule.
type RuleCounts struct {
	Rule        string `json:"rule"`
	Nature      string `json:"nature"`
	Description string `json:"description,omitempty"`
	Counts
	Up    uint64 `json:"up"`
	Down  uint64 `json:"down"`
	Lossy uint64 `json:"lossy"`
}

// DirCounts is what is counted per direction, of compressed packets.
type DirCounts struct {
	Dir string `json:"dir"`
	Counts
}

// Summary is what a run over packets counted. Every packet is either compressed
// or passed through, for one reason.
type Summary struct {
	Counts
	Compressed    uint64 `json:"compressed"`
	NoCompression uint64 `json:"no_compression"` // of Compressed: by a no-compression Rule
	Lossy         uint64 `json:"lossy"`          // of Compressed: will not come back the same, as a Rule asks
	Stripped      uint64 `json:"stripped"`       // of Compressed: trailers were dropped, as was asked
	// Of Compressed: came back different; nil if that was not looked at.
	Mismatched    *uint64 `json:"mismatched,omitempty"`
	PassedThrough uint64  `json:"passed_through"`
	NoRule        uint64  `json:"no_rule"` // this and the following: of PassedThrough
	NoDirection   uint64  `json:"no_direction"`
	SnapCut       uint64  `json:"snap_cut"`
	Trailer       uint64  `json:"trailer"`
	NonIP         uint64  `json:"non_ip"`
	BadLength     uint64  `json:"bad_length"`
	Errors        uint64  `json:"errors"`
	// Damage says why the capture could not be read to its end, or is "".
	Damage      string `json:"damage,omitempty"`
	UnusedRules *int   `json:"unused_rules,omitempty"`
	// With detail only: the directions, what was passed through, and the Rules
	// that were used, in the order of the set. They add up to the totals.
	Directions []DirCounts  `json:"directions,omitempty"`
	Passed     *Counts      `json:"passed,omitempty"`
	Rules      []RuleCounts `json:"rules,omitempty"`
}

// Recorder counts packets. It does not allocate per packet.
type Recorder struct {
	rules    []RuleCounts
	dirs     [2]Counts
	passed   Counts
	reasons  [numReasons]uint64
	noComp   uint64
	mismatch uint64
	stripped uint64
}

// NewRecorder returns a Recorder for a set of Rules, with their descriptions
// (nil: none).
func NewRecorder(rules []schc.Rule, descriptions []string) *Recorder {
	r := &Recorder{rules: make([]RuleCounts, len(rules))}
	for i := range rules {
		r.rules[i].Rule = rules[i].ID.String()
		r.rules[i].Nature = rules[i].Nature.String()
		if i < len(descriptions) {
			r.rules[i].Description = descriptions[i]
		}
	}
	return r
}

// Compressed counts a compressed packet of in bytes.
func (r *Recorder) Compressed(dir schc.Direction, res *schc.Result, in int) {
	out := uint64(res.Bits+7) / 8
	hdr := uint64(res.Bits) - 8*uint64(in-res.HeaderBytes)
	rc := &r.rules[res.Rule]
	count(&rc.Counts, uint64(in), out, uint64(res.HeaderBytes), hdr)
	if dir == schc.DirDown {
		rc.Down++
		count(&r.dirs[1], uint64(in), out, uint64(res.HeaderBytes), hdr)
	} else {
		rc.Up++
		count(&r.dirs[0], uint64(in), out, uint64(res.HeaderBytes), hdr)
	}
	if res.Lossy {
		rc.Lossy++
	}
	if res.Nature == schc.NatureNoCompression {
		r.noComp++
	}
}

func count(c *Counts, in, out, hdrIn, hdrOut uint64) {
	c.Packets++
	c.InBytes += in
	c.OutBytes += out
	c.HdrInBytes += hdrIn
	c.HdrOutBits += hdrOut
}

// PassedThrough counts a packet of n bytes that was passed through.
func (r *Recorder) PassedThrough(why Reason, n int) {
	r.reasons[why]++
	count(&r.passed, uint64(n), uint64(n), 0, 0)
}

// Mismatched counts a compressed packet that came back different.
func (r *Recorder) Mismatched() { r.mismatch++ }

// Stripped counts a compressed packet whose trailer was dropped.
func (r *Recorder) Stripped() { r.stripped++ }

// Summary adds up what was counted. verified says that packets were compared;
// detail keeps the parts.
func (r *Recorder) Summary(damage error, verified, detail bool) *Summary {
	s := &Summary{
		NoCompression: r.noComp,
		Stripped:      r.stripped,
		NoRule:        r.reasons[NoRule],
		NoDirection:   r.reasons[NoDirection],
		SnapCut:       r.reasons[SnapCut],
		Trailer:       r.reasons[Trailer],
		NonIP:         r.reasons[NonIP],
		BadLength:     r.reasons[BadLength],
		Errors:        r.reasons[Failed],
	}
	if verified {
		s.Mismatched = &r.mismatch
	}
	if damage != nil {
		s.Damage = damage.Error()
	}
	unused := 0
	for i := range r.rules {
		rc := &r.rules[i]
		if rc.Packets == 0 {
			if rc.Nature != schc.NatureFragmentation.String() {
				unused++
			}
			continue
		}
		s.Counts.add(&rc.Counts)
		s.Lossy += rc.Lossy
		if detail {
			rc.finish()
			s.Rules = append(s.Rules, *rc)
		}
	}
	s.Compressed = s.Packets
	s.PassedThrough = r.passed.Packets
	s.Counts.add(&r.passed)
	s.Counts.finish()
	if detail {
		for i, name := range []string{"up", "down"} {
			r.dirs[i].finish()
			s.Directions = append(s.Directions, DirCounts{name, r.dirs[i]})
		}
		r.passed.finish()
		s.Passed, s.UnusedRules = &r.passed, &unused
	}
	return s
}
