package report

import (
	"fmt"
	"strings"

	"github.com/schckit/schckit/schc"
)

// ProfileView shows the fragmentation Rule that an RFC gives for a link.
type ProfileView struct {
	Name       string          `json:"profile"`
	Title      string          `json:"title"`
	Spec       string          `json:"spec"`
	Rule       string          `json:"rule,omitempty"` // of fragments
	Parameters []ParameterView `json:"parameters"`
}

// ParameterView is one parameter: its name in RFC 9363 or ours, its value (sizes
// in bits, times in milliseconds, the largest packet in bytes), and where the
// RFC says so.
type ParameterView struct {
	Name    string `json:"parameter"`
	Value   string `json:"value"`
	Section string `json:"section"`
	Remark  string `json:"remark,omitempty"`
}

// NewProfileView shows p.
func NewProfileView(p *schc.NamedProfile) *ProfileView {
	v := &ProfileView{Name: p.Name, Title: p.Title, Spec: p.Spec, Parameters: []ParameterView{}}
	if p.Fragmentation.Mode != 0 {
		v.Rule = p.Rule.String()
	}
	for _, line := range strings.Split(strings.TrimSuffix(p.Notes, "\n"), "\n") {
		w := append(strings.SplitN(line, "\t", 4), "", "", "")
		v.Parameters = append(v.Parameters, ParameterView{w[0], w[1], w[2], w[3]})
	}
	return v
}

// Text returns v for people.
func (v *ProfileView) Text() string {
	t := Table{Indent: "  ", Head: []string{"parameter", "value", "section", "remark"}}
	for _, p := range v.Parameters {
		t.Add(p.Name, p.Value, p.Section, p.Remark)
	}
	rule := ""
	if v.Rule != "" {
		rule = ", Rule " + v.Rule
	}
	return fmt.Sprintf("%s: %s, %s%s\n%s", v.Name, v.Title, v.Spec, rule, t.String())
}

// ProfileHead is the heading of Rows.
var ProfileHead = []string{"profile", "spec", "parameter", "value", "section", "remark"}

// Rows returns v as rows of tab-separated values, one per parameter.
func (v *ProfileView) Rows() [][]string {
	var rows [][]string
	for _, p := range v.Parameters {
		rows = append(rows, []string{v.Name, v.Spec, p.Name, p.Value, p.Section, p.Remark})
	}
	return rows
}
