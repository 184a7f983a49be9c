// Package ehcfile reads the policy files of schc ehc, as YAML or JSON, and writes
// what was agreed on as the "diet" object of an SA file.
//
// Load is strict: an unknown or repeated key, a value that there is none of, are
// errors that name the place. docs/ehc.md describes the keys. Host only.
package ehcfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
)

// MaxFileSize bounds a policy file.
const MaxFileSize = 1 << 20

// An Error says what is wrong with a policy file, and where.
type Error struct {
	Name      string // of the file
	Line, Col int    // from 1; 0: not known
	Key       string // or ""
	Text      string
	Err       error // an error of package ehc, or nil
}

// Error returns "name:line:col: key: text".
func (e *Error) Error() string {
	s := e.Name + ": "
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d: ", e.Name, e.Line, e.Col)
	}
	if e.Key != "" {
		s += e.Key + ": "
	}
	return s + e.Text
}

// Unwrap returns the error of package ehc.
func (e *Error) Unwrap() error { return e.Err }

// ReadFile reads the policy file at path; "-" is stdin.
func ReadFile(path string, stdin io.Reader) (*ehc.Policy, error) {
	name, src := path, stdin
	if path == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		src = f
	}
	data, err := io.ReadAll(io.LimitReader(src, MaxFileSize+1))
	if err != nil {
		return nil, err
	}
	return Load(data, name)
}

// Load reads a policy file; name is for errors, which are *Error.
func Load(data []byte, name string) (*ehc.Policy, error) {
	l := &loader{name: name}
	p, e := l.load(data)
	if e != nil {
		return nil, e
	}
	return p, nil
}

type loader struct {
	name string
	p    ehc.Policy
	sets []*yaml.Node // where each Set is
}

func (l *loader) load(data []byte) (*ehc.Policy, *Error) {
	if len(data) > MaxFileSize {
		return nil, &Error{Name: l.name, Text: fmt.Sprintf("more than %d bytes", MaxFileSize)}
	}
	if json.Valid(data) {
		// JSON may be indented with tabs, YAML not. Strings of JSON have none.
		data = bytes.ReplaceAll(data, []byte{'\t'}, []byte{' '})
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{Name: l.name, Text: "the file is empty"}
		}
		return nil, &Error{Name: l.name, Text: "neither YAML nor JSON: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &Error{Name: l.name, Text: "something follows the policy"}
	}
	root := doc.Content[0]
	if e := l.policy(root); e != nil {
		return nil, e
	}
	if err := l.p.Check(); err != nil {
		e := l.errorf(root, "", "%s", strings.TrimPrefix(err.Error(), "ehc: "))
		var n *ehc.NegotiationError
		if errors.As(err, &n) && n.Proposal > 0 && n.Proposal <= len(l.sets) {
			e = l.errorf(keyOf(l.sets[n.Proposal-1], n.Attr), n.Attr.String(), "%s", n.Text)
		}
		e.Err = err
		return nil, e
	}
	return &l.p, nil
}

// keyOf returns the key of an attribute in the mapping that states it, or the mapping.
func keyOf(mapping *yaml.Node, a ehc.Attr) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Value == a.String() || a == ehc.AttrFlowLabel && k.Value == "ts_flow_label" {
			return k
		}
	}
	return mapping
}

func (l *loader) errorf(n *yaml.Node, key, format string, args ...any) *Error {
	return &Error{Name: l.name, Line: n.Line, Col: n.Column, Key: key, Text: fmt.Sprintf(format, args...)}
}

// member is a key of a mapping.
type member struct {
	key   string
	node  *yaml.Node // of the key
	value *yaml.Node
}

// members returns the keys of a mapping.
func (l *loader) members(n *yaml.Node, what string) ([]member, *Error) {
	if n.Kind != yaml.MappingNode {
		return nil, l.errorf(n, "", "%s is a mapping of keys to values", what)
	}
	seen := map[string]bool{}
	var list []member
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Anchor != "" || v.Anchor != "" || v.Kind == yaml.AliasNode {
			return nil, l.errorf(k, "", "keys are words; anchors and aliases are not used")
		}
		if seen[k.Value] {
			return nil, l.errorf(k, k.Value, "the key is there twice")
		}
		seen[k.Value] = true
		list = append(list, member{k.Value, k, v})
	}
	return list, nil
}

// policy reads the file's mapping.
func (l *loader) policy(n *yaml.Node) *Error {
	list, e := l.members(n, "a policy")
	if e != nil {
		return e
	}
	for _, m := range list { // values depend on them
		var e *Error
		switch m.key {
		case "dialect":
			l.p.Dialect, e = one(l, m, "hcp or ehc", texts(ehc.DialectHCP, ehc.DialectEHC))
		case "zero_bytes":
			var on bool
			on, e = one(l, m, "true or false", map[string]bool{"true": true, "false": false})
			l.p.NoZeroBytes = !on
		}
		if e != nil {
			return e
		}
	}
	var set ehc.Set
	var proposals *yaml.Node
	own := false // attributes beside the proposals
	for _, m := range list {
		var e *Error
		switch m.key {
		case "dialect", "zero_bytes", "comment":
		case "proposals":
			proposals = m.value
		case "numbers":
			e = l.numbers(m)
		case "dscp_list":
			e = l.dscps(m)
		case "iipc_profile":
			l.p.Base.IIPC, e = one(l, m, "iipc_diet-esp or iipc_not_compressed", texts(dietesp.IIPCDietESP, dietesp.IIPCNotCompressed))
		case "hop_limit":
			l.p.Base.HopLimit, e = one(l, m, "lower or value-sent", texts(dietesp.HopLimitLower, dietesp.HopLimitValueSent))
		case "rule_id":
			l.p.Base.RuleID, e = one(l, m, "elided or sent", texts(dietesp.RuleIDElided, dietesp.RuleIDSent))
		default:
			own = true
			e = l.attribute(&set, m)
		}
		if e != nil {
			return e
		}
	}
	if proposals == nil {
		l.p.Sets, l.sets = []ehc.Set{set}, []*yaml.Node{n}
		return nil
	}
	if own {
		return l.errorf(proposals, "proposals", "attributes are either in proposals or beside them")
	}
	return l.proposals(proposals)
}

func (l *loader) proposals(n *yaml.Node) *Error {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return l.errorf(n, "proposals", "not a list of mappings")
	}
	for _, c := range n.Content {
		list, e := l.members(c, "a proposal")
		if e != nil {
			return e
		}
		var s ehc.Set
		for _, m := range list {
			if e := l.attribute(&s, m); e != nil {
				return e
			}
		}
		l.p.Sets, l.sets = append(l.p.Sets, s), append(l.sets, c)
	}
	return nil
}

// attribute reads the values of an attribute into a Set.
func (l *loader) attribute(s *ehc.Set, m member) (e *Error) {
	any := ehc.AnyPolicy(l.p.Dialect).Sets[0]
	actions := texts(dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionSA, dietesp.ActionGenerated, dietesp.ActionZero)
	switch m.key {
	case "dscp_action":
		s.DSCP, e = many(l, m, actions, any.DSCP)
	case "ecn_action":
		s.ECN, e = many(l, m, actions, any.ECN)
	case "flow_label_action":
		if s.FlowLabel != nil {
			return l.errorf(m.node, m.key, "is ts_flow_label under another name")
		}
		s.FlowLabel, e = many(l, m, actions, any.FlowLabel)
	case "ts_flow_label":
		if l.p.Dialect != ehc.DialectEHC {
			return l.errorf(m.node, m.key, "is of the dialect ehc")
		}
		if s.FlowLabel != nil {
			return l.errorf(m.node, m.key, "is flow_label_action under another name")
		}
		s.FlowLabel, e = many(l, m, map[string]dietesp.Action{"true": dietesp.ActionLower, "false": dietesp.ActionNotCompressed}, any.FlowLabel)
	case "alignment":
		s.Alignment, e = many(l, m, texts(dietesp.Alignment8, dietesp.Alignment16, dietesp.Alignment32, dietesp.Alignment64), any.Alignment)
	case "esp_trailer":
		s.Trailer, e = many(l, m, texts(dietesp.TrailerMandatory, dietesp.TrailerOptional), []dietesp.Trailer{dietesp.TrailerOptional, dietesp.TrailerMandatory})
	case "esp_spi_lsb":
		s.SPILSB, e = l.widths(m, any.SPILSB)
	case "esp_sn_lsb":
		s.SNLSB, e = l.widths(m, any.SNLSB)
	default:
		return l.errorf(m.node, m.key, "unknown key")
	}
	return e
}

// texts maps the names of values to them.
func texts[T fmt.Stringer](values ...T) map[string]T {
	r := map[string]T{}
	for _, v := range values {
		r[strings.ToLower(v.String())] = v
	}
	return r
}

// scalars returns the words of a value: one, or a list.
func (l *loader) scalars(m member) ([]*yaml.Node, *Error) {
	list := []*yaml.Node{m.value}
	if m.value.Kind == yaml.SequenceNode {
		if list = m.value.Content; len(list) == 0 {
			return nil, l.errorf(m.value, m.key, "an empty list allows nothing")
		}
	}
	for _, n := range list {
		if n.Kind != yaml.ScalarNode || n.Anchor != "" {
			return nil, l.errorf(n, m.key, "not a value, or a list of values")
		}
	}
	return list, nil
}

// one reads a value by name.
func one[T any](l *loader, m member, want string, names map[string]T) (v T, e *Error) {
	if m.value.Kind == yaml.ScalarNode {
		if v, ok := names[strings.ToLower(m.value.Value)]; ok {
			return v, nil
		}
	}
	return v, l.errorf(m.value, m.key, "not %s", want)
}

// many reads values by name, or "any", which stands for the list any.
func many[T fmt.Stringer](l *loader, m member, names map[string]T, any []T) (list []T, e *Error) {
	nodes, e := l.scalars(m)
	if e != nil {
		return nil, e
	}
	for _, n := range nodes {
		text := strings.ToLower(n.Value)
		if text == "any" && len(nodes) == 1 && any != nil {
			return any, nil
		}
		v, ok := names[text]
		if !ok {
			return nil, l.errorf(n, m.key, "%q is none of its values", n.Value)
		}
		list = append(list, v)
	}
	return list, nil
}

// widths reads numbers and ranges of them: bits, or bytes in the dialect ehc.
func (l *loader) widths(m member, any []uint8) (list []uint8, e *Error) {
	nodes, e := l.scalars(m)
	if e != nil {
		return nil, e
	}
	unit, top := uint64(1), "0 to 32 bits"
	if l.p.Dialect == ehc.DialectEHC {
		unit, top = 8, "0 to 4 bytes"
	}
	for _, n := range nodes {
		if strings.EqualFold(n.Value, "any") && len(nodes) == 1 {
			if l.p.NoZeroBytes {
				any = bytes.ReplaceAll(any, []byte{0}, nil)
			}
			return any, nil
		}
		a, b, ranged := strings.Cut(n.Value, "-")
		lo, err1 := strconv.ParseUint(strings.TrimSpace(a), 10, 8)
		hi, err2 := lo, error(nil)
		if ranged {
			hi, err2 = strconv.ParseUint(strings.TrimSpace(b), 10, 8)
		}
		if err1 != nil || err2 != nil || hi*unit > 32 || lo > hi {
			return nil, l.errorf(n, m.key, "%q is not a width of %s, or a range of them", n.Value, top)
		}
		for v := lo; v <= hi; v++ {
			if w := uint8(v * unit); !ranged || bytes.IndexByte(list, w) < 0 {
				list = append(list, w)
			}
		}
	}
	return list, nil
}

func (l *loader) dscps(m member) *Error {
	nodes, e := l.scalars(m)
	if e != nil {
		return e
	}
	for _, n := range nodes {
		v, err := strconv.ParseUint(n.Value, 0, 6)
		if err != nil || bytes.IndexByte(l.p.Base.DSCPs, uint8(v)) >= 0 {
			return l.errorf(n, m.key, "%q is not a DSCP, 0 to 63, or is there twice", n.Value)
		}
		l.p.Base.DSCPs = append(l.p.Base.DSCPs, uint8(v))
	}
	return nil
}

func (l *loader) numbers(m member) *Error {
	list, e := l.members(m.value, "numbers")
	if e != nil {
		return e
	}
	n := &l.p.Numbers
	for _, m := range list {
		v, err := strconv.ParseUint(m.value.Value, 0, 16)
		if m.value.Kind != yaml.ScalarNode || err != nil {
			return l.errorf(m.value, m.key, "not a number of 16 bits")
		}
		p := map[string]*uint16{
			"hcp_proposal": &n.HCPProposal, "ehc_supported": &n.EHCSupported, "ehc_unacceptable_parameter": &n.EHCUnacceptable, "dscp": &n.DSCP,
			"optimized_rekey_supported": &n.OptimizedRekeySupported, "optimized_rekey": &n.OptimizedRekey,
			"lmap_and_ptb_supported": &n.LMAPAndPTBSupported, "lmap": &n.LMAP, "ptb": &n.PTB, "separate_transports": &n.SeparateTransports,
			"range_afrg_proposal": &n.Range, "esp_trailer": &n.Trailer,
		}[m.key]
		switch {
		case p != nil:
			*p = uint16(v)
		case m.key == "ts_dscp" && v <= 255:
			n.TSDSCP = uint8(v)
		case m.key == "ts_dscp":
			return l.errorf(m.value, m.key, "not a number of 8 bits")
		default:
			return l.errorf(m.node, m.key, "unknown key")
		}
	}
	return nil
}
