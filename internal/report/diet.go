package report

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/schckit/schckit/dietesp"
)

// DietSummary is what Diet-ESP saves of the packets of a capture. Standard is
// ESP (RFC 4303) under the same SAs, with the least padding. Bytes are of whole
// packets from the outer IP header on; bits are of the headers and trailers that
// the three compressors are given and of what they send.
type DietSummary struct {
	Packets       uint64 `json:"packets"`
	Compressed    uint64 `json:"compressed"`
	PassedThrough uint64 `json:"passed_through"`
	NoSA          uint64 `json:"no_sa"`   // part of passed_through
	NoRule        uint64 `json:"no_rule"` // likewise
	Failed        uint64 `json:"failed"`  // likewise: broken, or they do not verify

	StandardBytes uint64      `json:"standard_bytes"`
	DietBytes     uint64      `json:"diet_bytes"`
	PayloadBytes  uint64      `json:"payload_bytes"` // not touched by any compressor
	OuterBytes    uint64      `json:"outer_bytes"`   // IP headers in front of ESP
	IVBytes       uint64      `json:"iv_bytes"`
	ICVBytes      uint64      `json:"icv_bytes"`
	StandardBits  uint64      `json:"standard_hdr_bits"` // all that the compressors are given
	DietBits      uint64      `json:"diet_hdr_bits"`
	HeaderSaving  *float64    `json:"header_saving_percent"`
	PacketSaving  *float64    `json:"packet_saving_percent"`
	Stages        []DietStage `json:"compressors"`
	// Reasons are the fields for which the Rules did not match, the most frequent
	// first.
	Reasons []DietReason `json:"no_rule_fields,omitempty"`

	byField bool
	reasons map[string]uint64
}

// DietStage is what one compressor saves.
type DietStage struct {
	Stage        string      `json:"compressor"`
	StandardBits uint64      `json:"standard_bits"`
	DietBits     uint64      `json:"diet_bits"`
	SavedBytes   float64     `json:"saved_bytes_per_packet"`
	Fields       []DietField `json:"fields,omitempty"`
}

// DietField is what is saved of one field.
type DietField struct {
	Field        string  `json:"field"`
	Packets      uint64  `json:"packets"` // that have it
	StandardBits uint64  `json:"standard_bits"`
	DietBits     uint64  `json:"diet_bits"`
	SavedBytes   float64 `json:"saved_bytes_per_packet"` // over all packets that were compressed
}

// DietReason is a field that did not match, and in how many packets.
type DietReason struct {
	Field   string `json:"field"`
	Packets uint64 `json:"packets"`
}

// NewDietSummary returns an empty summary; byField also keeps every field.
func NewDietSummary(byField bool) *DietSummary {
	s := &DietSummary{byField: byField, reasons: map[string]uint64{}}
	for _, st := range []dietesp.Stage{dietesp.IIPC, dietesp.CTEC, dietesp.EEC} {
		s.Stages = append(s.Stages, DietStage{Stage: st.String()})
	}
	return s
}

// Add counts one packet that an SA takes.
func (s *DietSummary) Add(x *dietesp.Explanation) {
	s.Packets++
	if x.Err != nil {
		s.PassedThrough++
		if e, _ := x.Err.(dietesp.Error); e != dietesp.ErrNoRule {
			s.Failed++
			return
		}
		s.NoRule++
		name := "other"
		if x.Why != nil && x.Why.FID != 0 {
			name = x.Why.FID.String()
		}
		s.reasons[name]++
		return
	}
	s.Compressed++
	s.StandardBytes += uint64(x.StandardBytes)
	s.DietBytes += uint64(x.DietBytes)
	s.PayloadBytes += uint64(x.PayloadBytes)
	s.OuterBytes += uint64(x.OuterBytes)
	s.IVBytes += uint64(x.IVBytes)
	s.ICVBytes += uint64(x.ICVBytes)
	for i := range x.Fields {
		f := &x.Fields[i]
		st := &s.Stages[f.Stage-dietesp.IIPC]
		st.StandardBits += uint64(f.Bits)
		st.DietBits += uint64(f.Sent)
		st.field(f)
	}
}

func (st *DietStage) field(f *dietesp.FieldSaving) {
	i := slices.IndexFunc(st.Fields, func(o DietField) bool { return o.Field == f.Name })
	if i < 0 {
		i = len(st.Fields)
		st.Fields = append(st.Fields, DietField{Field: f.Name})
	}
	d := &st.Fields[i]
	d.Packets++
	d.StandardBits += uint64(f.Bits)
	d.DietBits += uint64(f.Sent)
}

// PassNoSA counts a packet that no SA with attributes takes.
func (s *DietSummary) PassNoSA() {
	s.Packets++
	s.PassedThrough++
	s.NoSA++
}

// Finish computes the totals.
func (s *DietSummary) Finish() {
	n := float64(max(s.Compressed, 1))
	mean := func(standard, diet uint64) float64 {
		return float64(int64(standard)-int64(diet)) / 8 / n
	}
	s.StandardBits, s.DietBits = 0, 0
	for i := range s.Stages {
		st := &s.Stages[i]
		s.StandardBits += st.StandardBits
		s.DietBits += st.DietBits
		st.SavedBytes = mean(st.StandardBits, st.DietBits)
		for j := range st.Fields {
			st.Fields[j].SavedBytes = mean(st.Fields[j].StandardBits, st.Fields[j].DietBits)
		}
		if !s.byField {
			st.Fields = nil
		}
	}
	s.HeaderSaving = saving(float64(s.StandardBits), float64(s.DietBits))
	s.PacketSaving = saving(float64(s.StandardBytes), float64(s.DietBytes))
	s.Reasons = nil
	for f, k := range s.reasons {
		s.Reasons = append(s.Reasons, DietReason{f, k})
	}
	slices.SortFunc(s.Reasons, func(a, b DietReason) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Field, b.Field))
	})
}

// DietHead is the head of Rows.
var DietHead = []string{"compressor", "field", "packets", "standard_bits", "diet_bits", "saved_bytes_per_packet"}

// Rows are the compressors, each followed by its fields, for tab-separated values.
func (s *DietSummary) Rows() [][]string {
	var rows [][]string
	for i := range s.Stages {
		st := &s.Stages[i]
		rows = append(rows, []string{st.Stage, "", u(s.Compressed), u(st.StandardBits), u(st.DietBits), fixed2(st.SavedBytes)})
		for _, f := range st.Fields {
			rows = append(rows, []string{st.Stage, f.Field, u(f.Packets), u(f.StandardBits), u(f.DietBits), fixed2(f.SavedBytes)})
		}
	}
	return rows
}

func fixed2(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

// Text is the summary as a table.
func (s *DietSummary) Text() string {
	text := Plural(int(s.Packets), "packet") + ": " + u(s.Compressed) + " compressed, " + u(s.PassedThrough) +
		" passed through (no SA " + u(s.NoSA) + ", no Rule " + u(s.NoRule) + ", failed " + u(s.Failed) + ")\n"
	for _, r := range s.Reasons {
		text += "  no Rule because of " + r.Field + ": " + u(r.Packets) + "\n"
	}
	if s.Compressed == 0 {
		return text
	}
	n := float64(s.Compressed)
	t := Table{Head: []string{"bits per packet", "", "ESP", "Diet-ESP", "saved", "bytes"}, Right: []bool{false, false, true, true, true, true}}
	add := func(a, b string, standard, diet uint64) {
		saved := float64(int64(standard)-int64(diet)) / n
		t.Add(a, b, fixed2(float64(standard)/n), fixed2(float64(diet)/n), fixed2(saved), fixed2(saved/8))
	}
	for i := range s.Stages {
		st := &s.Stages[i]
		for _, f := range st.Fields {
			add(st.Stage, f.Field, f.StandardBits, f.DietBits)
		}
		if len(st.Fields) > 0 {
			t.Rule()
		}
		add(st.Stage, "all", st.StandardBits, st.DietBits)
		if len(st.Fields) > 0 {
			t.Rule()
		}
	}
	t.Rule()
	add("total", "", s.StandardBits, s.DietBits)
	text += "\n" + t.String()
	b := Table{Head: []string{"bytes", "ESP", "Diet-ESP", "saved"}, Right: []bool{false, true, true, true}}
	b.Add("headers and trailers", fixed2(float64(s.StandardBits)/8), fixed2(float64(s.DietBits)/8), percent(s.HeaderSaving))
	b.Add("packets", u(s.StandardBytes), u(s.DietBytes), percent(s.PacketSaving))
	b.Add("packets, mean", fixed2(float64(s.StandardBytes)/n), fixed2(float64(s.DietBytes)/n), fixed2(float64(int64(s.StandardBytes)-int64(s.DietBytes))/n))
	return text + "\n" + b.String()
}
