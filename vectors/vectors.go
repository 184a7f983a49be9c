// Package vectors holds the conformance vectors of this module as embedded JSON
// files, and the types to read them with. README.md describes the format, which
// any implementation can use; package vectors/run runs them.
package vectors

import (
	"bytes"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// FS holds the vectors (one folder per package), rules (the rule sets that they
// name) and schema (JSON Schemas of the files).
//
//go:embed rules schc frag ghc lowpan esp dietesp ehc sse gpcomp schema
var FS embed.FS

// SchemaCompress is the schema of vectors for compression and decompression.
const SchemaCompress = "schc-compress-1"

// A File is one file of compression vectors.
type File struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	Comment       string            `json:"comment,omitempty"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"` // what each flag means
	Groups        []Group           `json:"groups"`
}

// A Group is a list of tests that share a rule set.
type Group struct {
	Comment string  `json:"comment,omitempty"`
	Source  string  `json:"source"` // rfc, interop, independent or self
	Rules   string  `json:"rules"`  // path of the rule file
	Options Options `json:"options,omitzero"`
	Inputs  Inputs  `json:"inputs,omitzero"`
	Tests   []Test  `json:"tests"`
}

// Options are those of the Context that differ from the default.
type Options struct {
	TrustComputed bool  `json:"trust_computed,omitempty"`
	FirstMatch    bool  `json:"first_match,omitempty"`
	Lossless      bool  `json:"lossless,omitempty"`
	SSEICVBytes   uint8 `json:"sse_icv_bytes,omitempty"`
	OuterHeader   bool  `json:"outer_header,omitempty"`
}

// Inputs are the Interface Identifiers of the link layer, and the IP header of
// the layer below, in hex.
type Inputs struct {
	DevIID string `json:"dev_iid,omitempty"`
	AppIID string `json:"app_iid,omitempty"`
	Outer  string `json:"outer,omitempty"`
}

// A Test is one vector. With a packet it is compressed; with a SCHC Packet
// that is decompressed.
type Test struct {
	ID      int      `json:"id"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags,omitempty"`
	Dir     string   `json:"dir"`              // up or down
	Packet  string   `json:"packet,omitempty"` // hex
	Rule    string   `json:"rule,omitempty"`   // RuleID value/bits
	// Residue lists, in the order of the Rule, what each field adds to the
	// residue: its name, then bits, or "x" and hex digits, in groups.
	Residue  []string `json:"residue,omitempty"`
	SCHC     string   `json:"schc,omitempty"` // hex, padded with zero bits
	Bits     int      `json:"bits,omitempty"` // of the SCHC Packet without padding
	Restored string   `json:"restored,omitempty"`
	Result   string   `json:"result"` // valid, acceptable, or an error class
}

// Results and sources that a file may use.
var (
	results = []string{"valid", "acceptable", "malformed", "truncated", "no-rule", "unsupported", "short-buffer", "incomplete"}
	sources = []string{"rfc", "interop", "independent", "self"}
)

// ReadSchema returns the schema that the file of data names.
func ReadSchema(data []byte) (string, error) {
	var f struct {
		Schema string `json:"schema"`
	}
	err := json.Unmarshal(data, &f)
	return f.Schema, err
}

// ParseCompress reads a file of schema SchemaCompress. Unknown keys, flags
// without a note and counts that are wrong are errors.
func ParseCompress(data []byte) (*File, error) {
	f := new(File)
	if err := decode(data, f, &f.Schema, SchemaCompress); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *Group) (string, []Test, error) { return g.Source, g.Tests, nil },
		func(_ *Group, t *Test) (int, []string, error) { return t.ID, t.Flags, t.check() })
}

// decode reads a file into f, whose schema is then in *schema. Unknown keys are
// errors.
func decode(data []byte, f any, schema *string, want string) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the object")
	}
	if *schema != want {
		return fmt.Errorf("schema %q, want %q", *schema, want)
	}
	return nil
}

// checkTests checks what files of all schemas have in common. group returns source and
// tests of a group and what else is wrong with it, test the number and flags of a
// test and what else is wrong with that.
func checkTests[G, T any](want int, notes map[string]string, groups []G,
	group func(g *G) (source string, tests []T, err error), test func(g *G, t *T) (id int, flags []string, err error)) error {
	due := 0
	for i := range groups {
		source, tests, err := group(&groups[i])
		if !slices.Contains(sources, source) {
			err = fmt.Errorf("unknown source %q", source)
		}
		if err != nil {
			return fmt.Errorf("group %d: %w", i+1, err)
		}
		for j := range tests {
			id, flags, err := test(&groups[i], &tests[j])
			if due++; id != due {
				return fmt.Errorf("id %d where %d is due", id, due)
			}
			for _, flag := range flags {
				if notes[flag] == "" {
					return fmt.Errorf("test %d: unknown flag %q", id, flag)
				}
			}
			if err != nil {
				return fmt.Errorf("test %d: %w", id, err)
			}
		}
	}
	if due != want {
		return fmt.Errorf("numberOfTests is %d, there are %d", want, due)
	}
	return nil
}

func (t *Test) check() error {
	if !slices.Contains(results, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	if t.Dir != "up" && t.Dir != "down" {
		return fmt.Errorf("unknown dir %q", t.Dir)
	}
	if t.Packet == "" && t.SCHC == "" {
		return fmt.Errorf("neither packet nor schc")
	}
	if err := hexStrings(t.Packet, t.SCHC, t.Restored); err != nil {
		return err
	}
	for _, r := range t.Residue {
		if _, _, err := ParseResidue(r); err != nil {
			return err
		}
	}
	return nil
}

// Has reports whether the test has the flag.
func (t *Test) Has(flag string) bool { return slices.Contains(t.Flags, flag) }

// hexStrings returns the error of the first one that is not hex.
func hexStrings(list ...string) error {
	for _, h := range list {
		if _, err := hex.DecodeString(h); err != nil {
			return err
		}
	}
	return nil
}

// ParseResidue splits an entry of Test.Residue into the name of the field and
// its bits, a string of '0' and '1'.
func ParseResidue(s string) (field, bits string, err error) {
	parts := strings.Fields(s)
	if len(parts) == 0 {
		return "", "", fmt.Errorf("empty residue")
	}
	var b strings.Builder
	for _, p := range parts[1:] {
		if h, ok := strings.CutPrefix(p, "x"); ok {
			for i := range h {
				v, err := strconv.ParseUint(h[i:i+1], 16, 4)
				if err != nil {
					return "", "", fmt.Errorf("residue %q: %w", s, err)
				}
				fmt.Fprintf(&b, "%04b", v)
			}
			continue
		}
		if strings.Trim(p, "01") != "" {
			return "", "", fmt.Errorf("residue %q is neither bits nor x and hex", s)
		}
		b.WriteString(p)
	}
	return parts[0], b.String(), nil
}

// Files returns the paths of all vector files of fsys in order.
func Files(fsys fs.FS) ([]string, error) {
	var list []string
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		top, _, _ := strings.Cut(path, "/")
		if !d.IsDir() && strings.HasSuffix(path, ".json") && top != "rules" && top != "schema" {
			list = append(list, path)
		}
		return nil
	})
	return list, err
}
