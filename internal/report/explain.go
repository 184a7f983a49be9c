package report

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/schc"
)

// Explanation says what was done with one packet and why.
type Explanation struct {
	Packet  uint64 `json:"packet"` // its number, from 1
	Dir     string `json:"dir,omitempty"`
	InBytes int    `json:"in_bytes"` // from the IP header on
	// Passed says why a packet was passed through, Error why there is no packet.
	Passed string `json:"passed_through,omitempty"`
	Error  string `json:"error,omitempty"`

	Rule         string `json:"rule,omitempty"`
	Description  string `json:"description,omitempty"`
	Nature       string `json:"nature,omitempty"`
	Lossy        bool   `json:"lossy,omitempty"`
	OutBits      int    `json:"out_bits,omitempty"` // RuleID, residue and payload
	RuleIDBits   int    `json:"rule_id_bits,omitempty"`
	ResidueBits  int    `json:"residue_bits,omitempty"`
	HdrInBytes   int    `json:"hdr_in_bytes,omitempty"`
	PayloadBytes int    `json:"payload_bytes,omitempty"`
	SCHC         string `json:"schc,omitempty"` // the SCHC Packet in hex

	Fields []FieldLine `json:"fields,omitempty"`
	Others []RuleLine  `json:"other_rules,omitempty"`
}

// FieldLine is what the Rule does with one field.
type FieldLine struct {
	FID         string `json:"fid"`
	Pos         int    `json:"pos"`
	OffBits     int    `json:"off_bits"`
	LenBits     int    `json:"len_bits"`
	Value       string `json:"value"`
	Operator    string `json:"mo"`  // with its Target Values
	Action      string `json:"cda"` //
	ResidueBits int    `json:"residue_bits"`
	Residue     string `json:"residue,omitempty"` // binary, or hex behind 0x
}

// RuleLine is why another Rule was not chosen.
type RuleLine struct {
	Rule        string `json:"rule"`
	Description string `json:"description,omitempty"`
	Dir         string `json:"dir,omitempty"` // where both were tried
	Match       bool   `json:"match"`
	Lossy       bool   `json:"lossy,omitempty"`
	OutBits     int    `json:"out_bits,omitempty"`
	FID         string `json:"fid,omitempty"`   // the first field that failed
	Value       string `json:"value,omitempty"` // of the packet
	Target      string `json:"target,omitempty"`
	Reason      string `json:"reason"`
}

// AddResult fills e from what the engine explains of pkt. out is the SCHC
// Packet.
func (e *Explanation) AddResult(x *schc.Explanation, rules []schc.Rule, descriptions []string, pkt, out []byte) {
	r := &rules[x.Rule]
	e.Rule, e.Nature, e.Lossy = x.ID.String(), x.Nature.String(), x.Lossy
	e.Description = describe(descriptions, x.Rule)
	e.OutBits, e.RuleIDBits, e.ResidueBits = x.Bits, int(x.ID.Bits), x.ResidueBits
	e.HdrInBytes, e.PayloadBytes = x.HeaderBytes, len(pkt)-x.HeaderBytes
	e.SCHC = hex.EncodeToString(out)
	for i := range x.Fields {
		f := &x.Fields[i]
		e.Fields = append(e.Fields, FieldLine{FID: f.FID.String(), Pos: int(f.Pos), OffBits: f.OffBits, LenBits: f.LenBits,
			Value: packetValue(f.FID, pkt, f.OffBits, f.LenBits), Operator: operator(&r.Fields[f.Field]), Action: CDAText(f.CDA),
			ResidueBits: f.ResidueBits, Residue: bitText(f.Residue, f.ResidueBits)})
	}
}

// AddRules adds the Rules that were not chosen. dir is "" unless both
// directions are told.
func (e *Explanation) AddRules(x *schc.Explanation, rules []schc.Rule, descriptions []string, dir string) {
	for i := range x.Rules {
		rr := &x.Rules[i]
		if rr.Chosen {
			continue
		}
		l := RuleLine{Rule: rr.ID.String(), Description: describe(descriptions, rr.Rule), Dir: dir, Match: rr.Match, Lossy: rr.Lossy,
			OutBits: rr.Bits, Reason: rr.Reason}
		if rr.FID != 0 {
			l.FID = rr.FID.String()
			if rr.Reason == notThere {
				e.Others = append(e.Others, l)
				continue // Value and Target are those of another field
			}
			if rr.Value != nil {
				v := make([]byte, (rr.ValueBits+7)/8)
				bitio.Copy(v, len(v)*8-rr.ValueBits, rr.Value, 0, rr.ValueBits)
				l.Value = Value(rr.FID, v, rr.ValueBits)
			}
			if rr.Field >= 0 && rr.Target != nil {
				switch d := &rules[rr.Rule].Fields[rr.Field]; {
				case d.CDA == schc.CDADevIID || d.CDA == schc.CDAAppIID:
					l.Target = "the link layer's " + Value(d.FID, rr.Target, 8*len(rr.Target))
				case d.MO != schc.MOIgnore: // else it failed for another reason
					l.Target = operator(d)
				}
			}
		}
		e.Others = append(e.Others, l)
	}
}

// notThere is the engine's reason where the packet lacks a field.
const notThere = "the packet has no such field"

func describe(descriptions []string, i int) string {
	if i < len(descriptions) {
		return descriptions[i]
	}
	return ""
}

// maxOthers is how many other Rules the text shows unless all are wanted.
const maxOthers = 20

// WriteText writes e for people.
func (e *Explanation) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "packet %d", e.Packet)
	switch {
	case e.Error != "":
		fmt.Fprintf(&b, ": error: %s\n", e.Error)
	case e.Rule == "":
		if e.Dir != "" {
			b.WriteString(", " + e.Dir)
		}
		fmt.Fprintf(&b, ": %s passed through: %s\n", plural(uint64(e.InBytes), "byte"), e.Passed)
	default:
		e.head(&b)
	}
	if len(e.Fields) > 0 {
		t := Table{Indent: "  ", Head: []string{"field", "value", "bits", "operator", "action", "residue"}, Right: []bool{false, false, true}}
		for _, f := range e.Fields {
			name := f.FID
			if f.Pos > 1 {
				name += " #" + strconv.Itoa(f.Pos)
			}
			residue := f.Residue
			if f.ResidueBits > 16 {
				residue += " (" + strconv.Itoa(f.ResidueBits) + " bits)"
			}
			t.Add(name, cut(f.Value, 48), strconv.Itoa(f.LenBits), cut(f.Operator, 48), f.Action, cut(residue, 60))
		}
		b.WriteString(t.String())
	}
	e.others(&b, all)
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *Explanation) head(b *strings.Builder) {
	fmt.Fprintf(b, ", %s: %d -> %d bytes by Rule %s", e.Dir, e.InBytes, (e.OutBits+7)/8, e.Rule)
	if e.Description != "" {
		b.WriteString(", " + e.Description)
	}
	if e.Nature == schc.NatureNoCompression.String() && e.Description == "" {
		b.WriteString(" (no compression)")
	}
	if e.Lossy {
		b.WriteString(" (lossy: it will not come back the same)")
	}
	fmt.Fprintf(b, "\n  %d RuleID + %d residue", e.RuleIDBits, e.ResidueBits)
	if pad := e.OutBits - e.RuleIDBits - e.ResidueBits - e.PayloadBytes*8; pad > 0 { // schc.Options.SplitHeader
		fmt.Fprintf(b, " + %d padding", pad)
	}
	fmt.Fprintf(b, " + %d payload = %d bits", e.PayloadBytes*8, e.OutBits)
	if e.HdrInBytes > 0 {
		hdr := e.RuleIDBits + e.ResidueBits
		fmt.Fprintf(b, "; headers %d bytes -> %d bits, %s saved", e.HdrInBytes, hdr, percent(saving(float64(e.HdrInBytes*8), float64(hdr))))
	}
	fmt.Fprintf(b, "\n  SCHC Packet %s\n", cut(e.SCHC, 120))
}

func (e *Explanation) others(b *strings.Builder, all bool) {
	if len(e.Others) == 0 {
		return
	}
	b.WriteString("  other Rules\n")
	t := Table{Indent: "    "}
	for i, o := range e.Others {
		if i == maxOthers && !all {
			break
		}
		name := o.Rule
		if o.Dir != "" {
			name += " " + o.Dir
		}
		t.Add(name, o.text())
	}
	b.WriteString(t.String())
	if n := len(e.Others) - maxOthers; n > 0 && !all {
		fmt.Fprintf(b, "    and %d more; -v shows all\n", n)
	}
}

func (o *RuleLine) text() string {
	switch {
	case o.Match:
		return fmt.Sprintf("matches with %d bits, but: %s", o.OutBits, strings.TrimPrefix(o.Reason, "it matches, but "))
	case o.FID == "":
		return o.Reason
	case o.Value != "" && o.Target != "":
		return fmt.Sprintf("%s is %s, the Rule wants %s", o.FID, cut(o.Value, 48), cut(o.Target, 72))
	case o.Value != "":
		return fmt.Sprintf("%s is %s: %s", o.FID, cut(o.Value, 48), o.Reason)
	}
	return o.FID + ": " + o.Reason
}

func cut(s string, n int) string { return list([]string{s}, n) }

// ExplanationHead is the heading of Rows.
var ExplanationHead = []string{"packet", "dir", "rule", "fid", "pos", "off_bits", "len_bits", "value", "mo", "cda", "residue_bits", "residue"}

// Rows returns e as rows of tab-separated values, one per field.
func (e *Explanation) Rows() [][]string {
	n := u(e.Packet)
	if len(e.Fields) == 0 {
		why := e.Passed
		if e.Error != "" {
			why = "error: " + e.Error
		}
		return [][]string{{n, e.Dir, e.Rule, "", "", "", "", why, "", "", "", ""}}
	}
	var rows [][]string
	for _, f := range e.Fields {
		rows = append(rows, []string{n, e.Dir, e.Rule, f.FID, strconv.Itoa(f.Pos), strconv.Itoa(f.OffBits), strconv.Itoa(f.LenBits),
			f.Value, f.Operator, f.Action, strconv.Itoa(f.ResidueBits), f.Residue})
	}
	return rows
}
