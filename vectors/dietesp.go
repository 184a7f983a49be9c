package vectors

import (
	"encoding/json"
	"fmt"
	"slices"
)

// SchemaDietESP is the schema of vectors for Diet-ESP.
const SchemaDietESP = "diet-esp-1"

// A DietESPFile is one file of vectors for Diet-ESP.
type DietESPFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []DietESPGroup    `json:"groups"`
}

// A DietESPGroup is the packets that one receiver gets, in this order.
type DietESPGroup struct {
	Source string `json:"source"`
	// SA is an entry of an SA file, with attributes (docs/diet-esp.md).
	SA    json.RawMessage `json:"sa"`
	Tests []DietESPTest   `json:"tests"`
}

// A DietESPTest is a packet and what it protects.
type DietESPTest struct {
	ID       int      `json:"id"`
	Comment  string   `json:"comment"`
	Flags    []string `json:"flags,omitempty"`
	Seq      uint64   `json:"seq"`                // the whole sequence number
	Inner    string   `json:"inner,omitempty"`    // the packet that is protected
	Restored string   `json:"restored,omitempty"` // what comes out, where that differs
	Clear    string   `json:"clear,omitempty"`    // the clear text: compressed headers, payload, trailer
	Packet   string   `json:"packet,omitempty"`   // Diet-ESP
	Standard string   `json:"standard,omitempty"` // standard ESP under the same SA and number
	Result   string   `json:"result"`
}

// Has reports whether the test has the flag.
func (t *DietESPTest) Has(flag string) bool { return slices.Contains(t.Flags, flag) }

var dietResults = append([]string{"no-rule"}, espResults...)

// ParseDietESP reads a file of schema SchemaDietESP, as strictly as ParseCompress;
// the SAs are read by who runs it.
func ParseDietESP(data []byte) (*DietESPFile, error) {
	f := new(DietESPFile)
	if err := decode(data, f, &f.Schema, SchemaDietESP); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *DietESPGroup) (string, []DietESPTest, error) { return g.Source, g.Tests, nil },
		func(_ *DietESPGroup, t *DietESPTest) (int, []string, error) { return t.ID, t.Flags, t.check() })
}

func (t *DietESPTest) check() error {
	if !slices.Contains(dietResults, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	if t.Inner == "" && t.Packet == "" {
		return fmt.Errorf("neither inner nor packet")
	}
	return hexStrings(t.Inner, t.Restored, t.Clear, t.Packet, t.Standard)
}
