package learn

import (
	"math"
	"slices"

	"github.com/schckit/schckit/schc"
)

// A Report is what a learned set is worth.
type Report struct {
	Packets     int      `json:"packets"`      // of the source
	NoDirection int      `json:"no_direction"` // of them, from and to others than the device: left out
	Learned     int      `json:"learned"`      // learned from
	Sampled     int      `json:"sampled"`      // of Learned, in the sample
	HeldOut     int      `json:"held_out"`     // measured only
	Clipped     int      `json:"clipped"`      // of the samples, described in part because of a limit
	TableFull   bool     `json:"table_full"`   // sampling ended early because of a limit
	Device      []string `json:"device,omitempty"`
	Guess       string   `json:"device_guess,omitempty"` // why these are taken for the device's
	Parameters  Tuned    `json:"parameters"`

	RuleCount int     `json:"rules"` // the no-compression Rule included
	Held      Figures `json:"held_out_figures"`
	Train     Figures `json:"learned_figures"`
	All       Figures `json:"all_figures"`

	PerRule []RuleFigures `json:"per_rule"`
}

// Tuned are the parameters that were found best (see tune.go).
type Tuned struct {
	GenericSides int     `json:"generic_sides"` // for packets that are like none seen, per direction
	RolesSwapped bool    `json:"roles_swapped"` // these are also for the roles of device and application swapped
	UnseenPart   float64 `json:"unseen_part"`   // part of the packets that is taken to need them
	MissBits     float64 `json:"miss_bits"`     // price of a packet whose Rule does not match any more
	CautionBits  float64 `json:"caution_bits"`  // the same for generic sides
	ModelWeight  float64 `json:"model_weight"`  // weight of the description of the Rules
}

// Figures are about a part of the packets; bits are averages per packet. The
// headers are all that the parser knows: what a Rule leaves in the payload
// counts in HeaderBits as it is, so that a Rule that describes less does not
// look better.
type Figures struct {
	Packets                int     `json:"packets"`
	InBytes                int     `json:"in_bytes"`
	OutBytes               int     `json:"out_bytes"`                // SCHC Packets, each padded to bytes
	PlainBits              float64 `json:"plain_header_bits"`        // headers as they are: without compression
	HeaderBits             float64 `json:"header_bits"`              // RuleID, residue, headers that the Rule does not describe
	RuleBits               float64 `json:"rule_id_and_residue_bits"` // RuleID and residue alone
	FieldEntropy           float64 `json:"field_entropy_bits"`       // see entropy.go
	ShapeEntropy           float64 `json:"shape_entropy_bits"`       //
	NoCompression          int     `json:"no_compression"`           // packets under the no-compression Rule
	NoRule                 int     `json:"no_rule"`                  // packets without any Rule
	plain, header, residue int64
}

// RuleFigures are the figures of one Rule.
type RuleFigures struct {
	Rule        string  `json:"rule"`
	Fields      int     `json:"fields"`
	Up          int     `json:"up"`
	Down        int     `json:"down"`
	HeldOut     int     `json:"held_out"` // of Up and Down
	HeaderBits  float64 `json:"header_bits"`
	Description string  `json:"description"`
	header      int64
}

func newReport(l *learner, t *table, p params) *Report {
	r := &Report{Packets: l.total, Learned: l.counts[0], HeldOut: l.counts[1], Sampled: len(t.rows), NoDirection: l.skipped,
		Clipped: t.clipped, TableFull: t.full, Guess: l.guessed,
		Parameters: Tuned{p.generic, p.mirror, p.unseen, p.escape, p.caution, p.model}}
	for _, n := range l.Devices {
		if n.IsSingleIP() {
			r.Device = append(r.Device, n.Addr().String())
		} else {
			r.Device = append(r.Device, n.String())
		}
	}
	r.Train.FieldEntropy, r.Train.ShapeEntropy = t.entropy(t.rows)
	r.Held.FieldEntropy, r.Held.ShapeEntropy = t.entropy(t.held)
	r.All.FieldEntropy, r.All.ShapeEntropy = t.entropy(slices.Concat(t.rows, t.held))
	return r
}

func (r *Report) rules(res *Result) {
	r.RuleCount = len(res.Rules)
	for i := range res.Rules {
		r.PerRule = append(r.PerRule, RuleFigures{Rule: res.Rules[i].ID.String(), Fields: len(res.Rules[i].Fields), Description: res.Descriptions[i]})
	}
}

// packet counts a packet with n bytes of headers.
func (r *Report) packet(res *schc.Result, dir int, held bool, n, bytes int) {
	part := &r.Train
	if held {
		part = &r.Held
	}
	bits, residue, out := n*8, 0, bytes
	if res != nil {
		bits = res.Bits - (bytes-n)*8
		residue = res.ResidueBits + int(res.ID.Bits)
		out = (res.Bits + 7) / 8
		x := &r.PerRule[res.Rule]
		if dir == up {
			x.Up++
		} else {
			x.Down++
		}
		if held {
			x.HeldOut++
		}
		x.header += int64(bits)
	}
	for _, f := range []*Figures{part, &r.All} {
		f.Packets++
		f.InBytes += bytes
		f.OutBytes += out
		f.plain += int64(n) * 8
		f.header += int64(bits)
		f.residue += int64(residue)
		switch {
		case res == nil:
			f.NoRule++
		case res.Nature == schc.NatureNoCompression:
			f.NoCompression++
		}
	}
}

func (r *Report) finish() {
	for _, f := range []*Figures{&r.Train, &r.Held, &r.All} {
		n := float64(max(1, f.Packets))
		f.PlainBits, f.HeaderBits, f.RuleBits = round(float64(f.plain)/n), round(float64(f.header)/n), round(float64(f.residue)/n)
		f.FieldEntropy, f.ShapeEntropy = round(f.FieldEntropy), round(f.ShapeEntropy)
	}
	for i := range r.PerRule {
		x := &r.PerRule[i]
		x.HeaderBits = round(float64(x.header) / float64(max(1, x.Up+x.Down)))
	}
}

func round(x float64) float64 { return math.Round(x*100) / 100 }
