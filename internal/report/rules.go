package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// RuleSet shows the Rules of one device.
type RuleSet struct {
	Device string     `json:"device,omitempty"`
	Rules  []RuleView `json:"rules"`
}

// RuleView shows one Rule.
type RuleView struct {
	Rule          string         `json:"rule"`
	Nature        string         `json:"nature"`
	Description   string         `json:"description,omitempty"`
	Fields        []FieldView    `json:"fields,omitempty"`
	Fragmentation *FragmentsView `json:"fragmentation,omitempty"`
}

// FieldView shows one Field Descriptor.
type FieldView struct {
	FID    string   `json:"fid"`
	FL     string   `json:"fl"`
	FP     string   `json:"fp"`
	DI     string   `json:"di"`
	TV     []string `json:"tv,omitempty"`
	MO     string   `json:"mo"`
	CDA    string   `json:"cda"`
	Sent   *int     `json:"residue_bits"` // what it adds to the residue; null: it varies
	values string
}

// FragmentsView shows the parameters of a fragmentation Rule, under the names of
// RFC 9363 with units.
type FragmentsView struct {
	Mode             string `json:"fragmentation_mode"`
	Direction        string `json:"direction"`
	L2WordBits       int    `json:"l2_word_bits"`
	DTagBits         int    `json:"dtag_bits"`
	WBits            int    `json:"w_bits"`
	FCNBits          int    `json:"fcn_bits"`
	WindowTiles      int    `json:"window_size_tiles"`
	TileBits         int    `json:"tile_bits"`
	RCSBits          int    `json:"rcs_bits"`
	MaxPacketBytes   int    `json:"maximum_packet_bytes"`
	MaxInterleaved   int    `json:"max_interleaved_frames"`
	MaxAckRequests   int    `json:"max_ack_requests"`
	RetransmissionMs int    `json:"retransmission_timer_ms"`
	InactivityMs     int    `json:"inactivity_timer_ms"`
	// Special are the parameters that change the messages or their order, as far
	// as they have not their defaults.
	Special []string `json:"special,omitempty"`
}

// NewRuleSet shows Rules as a Context takes them, with defaults spelled out.
func NewRuleSet(device string, rules []schc.Rule, descriptions []string) *RuleSet {
	s := &RuleSet{Device: device, Rules: []RuleView{}}
	for i := range rules {
		r := &rules[i]
		v := RuleView{Rule: r.ID.String(), Nature: strings.TrimPrefix(r.Nature.String(), "nature-"), Description: describe(descriptions, i)}
		for j := range r.Fields {
			v.Fields = append(v.Fields, newFieldView(&r.Fields[j]))
		}
		if r.Fragment != nil {
			v.Fragmentation = newFragmentsView(*r.Fragment)
		}
		s.Rules = append(s.Rules, v)
	}
	return s
}

func newFieldView(d *schc.FieldDescriptor) FieldView {
	fl := d.FL
	if fl == 0 {
		if fl = schc.FieldLength(d.FID.LenBits()); fl == 0 {
			fl = schc.FLVar
		}
	}
	v := FieldView{FID: d.FID.String(), FL: fl.String(), FP: strconv.Itoa(max(int(d.FP), 1)), DI: "bi", TV: values(d), MO: MOText(d), CDA: CDAText(d.CDA)}
	if d.FP == schc.FPAny {
		v.FP = "any"
	}
	switch d.DI {
	case schc.DirUp:
		v.DI = "up"
	case schc.DirDown:
		v.DI = "down"
	}
	v.values = list(v.TV, 60)
	if len(v.TV) > 1 {
		v.values = "[" + v.values + "]"
	}
	v.Sent = sentBits(d, fl)
	return v
}

// sentBits says how many bits d adds to the residue; nil: it varies.
func sentBits(d *schc.FieldDescriptor, fl schc.FieldLength) *int {
	n := int(fl)
	switch d.CDA {
	case schc.CDAMappingSent:
		bits := 0
		for len(d.TV) > 1<<bits {
			bits++
		}
		return &bits
	case schc.CDALSB:
		n -= int(d.MSB)
	case schc.CDAValueSent:
	default:
		n = 0
		return &n
	}
	if fl.Variable() {
		return nil
	}
	return &n
}

// sent is the text of Sent.
func (f *FieldView) sent() string {
	if f.Sent == nil {
		return "var"
	}
	return strconv.Itoa(*f.Sent)
}

func newFragmentsView(f schc.Fragmentation) *FragmentsView {
	or := func(v, def int) int {
		if v == 0 {
			return def
		}
		return v
	}
	return &FragmentsView{Mode: strings.TrimPrefix(f.Mode.String(), "fragmentation-mode-"), Direction: strings.TrimPrefix(f.Direction.String(), "di-"),
		L2WordBits: or(int(f.L2WordBits), 8), DTagBits: int(f.DTagBits), WBits: int(f.WBits), FCNBits: int(f.FCNBits),
		WindowTiles: or(int(f.WindowSize), 1<<min(f.FCNBits, 16)-1), TileBits: int(f.TileBits), RCSBits: or(int(f.RCSBits), 32),
		MaxPacketBytes: or(int(f.MaxPacket), 1280), MaxInterleaved: or(int(f.MaxInterleaved), 1), MaxAckRequests: or(int(f.MaxAckRequests), 4),
		RetransmissionMs: int(f.RetransmissionMs), InactivityMs: int(f.InactivityMs), Special: special(&f)}
}

// special lists the parameters of a Rule that not every Rule of its mode has.
func special(f *schc.Fragmentation) (list []string) {
	switch f.RCSAlgorithm {
	case schc.RCSFragments:
		list = append(list, "the RCS counts fragments")
	case schc.RCSOther:
		list = append(list, "RCS of another algorithm")
	}
	if f.Mode == schc.FragmentationAckOnError {
		list = append(list, map[schc.AckBehavior]string{0: "ACK after All-1", schc.AckAfterAll1: "ACK after All-1", schc.AckAfterAll0: "ACK after All-0",
			schc.AckByLayer2: "ACK by layer 2"}[f.AckBehavior],
			map[schc.All1Data]string{0: "no tile in All-1", schc.All1DataNo: "no tile in All-1", schc.All1DataYes: "last tile in All-1",
				schc.All1DataSenderChoice: "last tile where the sender wants"}[f.All1Data])
	}
	for _, p := range []struct {
		on   bool
		text string
	}{
		{f.CompoundAck, "Compound ACK"},
		{f.FullLastBitmap, "bitmaps are not compressed"},
		{f.PenultimateShort, "penultimate tile may be shorter"},
		{f.AckOnRepair, "ACK on repair"},
		{f.AttemptsPerAck, "attempts count for each ACK"},
		{f.NoAckReq, "no ACK REQ"},
		{f.All1Empty, "empty last tiles"},
		{f.HeaderPad, "headers are padded"},
		{f.CountDown, "FCN counts down"},
		{f.FragmentBytes > 0, fmt.Sprintf("fragments of %d bytes", f.FragmentBytes)},
		{f.AckBytes > 0, fmt.Sprintf("ACKs of %d bytes", f.AckBytes)},
		{f.ListenMs > 0, fmt.Sprintf("listens for %d ms", f.ListenMs)},
		{f.UplinkAckMs > 0, fmt.Sprintf("repeats ACKs after %d ms", f.UplinkAckMs)},
	} {
		if p.on {
			list = append(list, p.text)
		}
	}
	return list
}

// Keep keeps only the Rule with an ID such as "5/8", and reports whether there is
// one.
func (s *RuleSet) Keep(id string) bool {
	s.Rules = slices.DeleteFunc(s.Rules, func(r RuleView) bool { return r.Rule != id })
	return len(s.Rules) > 0
}

// Text returns s for people.
func (s *RuleSet) Text() string {
	var b strings.Builder
	if s.Device != "" {
		fmt.Fprintf(&b, "device %s\n\n", s.Device)
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "Rule %s, %s", r.Rule, r.Nature)
		if r.Description != "" {
			b.WriteString(": " + r.Description)
		}
		b.WriteByte('\n')
		if len(r.Fields) > 0 {
			b.WriteString(r.table())
		}
		if f := r.Fragmentation; f != nil {
			fmt.Fprintf(&b, "  %s, %s; DTag %d, W %d, FCN %d, RCS %d bits; windows of %d tiles", f.Mode, f.Direction, f.DTagBits, f.WBits, f.FCNBits,
				f.RCSBits, f.WindowTiles)
			if f.TileBits > 0 {
				fmt.Fprintf(&b, " of %d bits", f.TileBits)
			}
			fmt.Fprintf(&b, "\n  L2 words of %d bits, packets to %d bytes; %d ACK requests, timers %d and %d ms\n", f.L2WordBits, f.MaxPacketBytes,
				f.MaxAckRequests, f.RetransmissionMs, f.InactivityMs)
			if len(f.Special) > 0 {
				fmt.Fprintf(&b, "  %s\n", strings.Join(f.Special, ", "))
			}
		}
	}
	return b.String()
}

func (r *RuleView) table() string {
	t := Table{Indent: "  ", Head: []string{"", "field", "FL", "FP", "DI", "target value", "operator", "action", "sent"},
		Right: []bool{true, false, true, true, false, false, false, false, true}}
	sum, variable := 0, ""
	for i, f := range r.Fields {
		t.Add(strconv.Itoa(i+1), f.FID, f.FL, f.FP, f.DI, f.values, f.MO, f.CDA, f.sent())
		if f.Sent != nil {
			sum += *f.Sent
		} else {
			variable = "+"
		}
	}
	t.Rule()
	t.Add("", "", "", "", "", "", "", "bits", strconv.Itoa(sum)+variable)
	return t.String()
}

// RuleSetHead is the heading of Rows.
var RuleSetHead = []string{"device", "rule", "nature", "fid", "fl", "fp", "di", "tv", "mo", "cda", "residue_bits", "description"}

// Rows returns s as rows of tab-separated values, one per Field Descriptor.
func (s *RuleSet) Rows() [][]string {
	var rows [][]string
	for i := range s.Rules {
		r := &s.Rules[i]
		if len(r.Fields) == 0 {
			rows = append(rows, []string{s.Device, r.Rule, r.Nature, "", "", "", "", "", "", "", "", r.Description})
		}
		for _, f := range r.Fields {
			rows = append(rows, []string{s.Device, r.Rule, r.Nature, f.FID, f.FL, f.FP, f.DI, strings.Join(f.TV, ", "), f.MO, f.CDA, f.sent(), r.Description})
		}
	}
	return rows
}
