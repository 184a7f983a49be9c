package vectors

import (
	"encoding/json"
	"fmt"
	"slices"
)

// SchemaEHC is the schema of vectors for the negotiation of Diet-ESP.
const SchemaEHC = "ehc-1"

// An EHCFile is one file of vectors for the negotiation of Diet-ESP.
type EHCFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []EHCGroup        `json:"groups"`
}

// An EHCGroup is a policy, and what comes of it.
type EHCGroup struct {
	Source  string          `json:"source"`
	Comment string          `json:"comment,omitempty"`
	Policy  json.RawMessage `json:"policy"` // the keys of a policy file
	Tests   []EHCTest       `json:"tests"`
}

// An EHCTest is an offer, or what becomes of one. Offer and Answer are Notify
// payloads with their generic header, in hex.
type EHCTest struct {
	ID         int            `json:"id"`
	Comment    string         `json:"comment"`
	Flags      []string       `json:"flags,omitempty"`
	Kind       string         `json:"kind"`                 // offer, select or accept
	Offer      string         `json:"offer"`                // that of the policy, one that is answered, or the one that was sent
	Answer     string         `json:"answer,omitempty"`     // that is made, perhaps a refusal, or one that is checked
	Attributes map[string]any `json:"attributes,omitempty"` // agreed on, with the keys of SA files
	Result     string         `json:"result"`
}

// Has reports whether the test has the flag.
func (t *EHCTest) Has(flag string) bool { return slices.Contains(t.Flags, flag) }

var (
	ehcKinds   = []string{"offer", "select", "accept"}
	ehcResults = []string{"valid", "acceptable", "truncated", "malformed", "refused"}
)

// ParseEHC reads a file of schema SchemaEHC, as strictly as ParseCompress.
func ParseEHC(data []byte) (*EHCFile, error) {
	f := new(EHCFile)
	if err := decode(data, f, &f.Schema, SchemaEHC); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *EHCGroup) (string, []EHCTest, error) { return g.Source, g.Tests, nil },
		func(_ *EHCGroup, t *EHCTest) (int, []string, error) { return t.ID, t.Flags, t.check() })
}

func (t *EHCTest) check() error {
	switch {
	case !slices.Contains(ehcKinds, t.Kind):
		return fmt.Errorf("unknown kind %q", t.Kind)
	case !slices.Contains(ehcResults, t.Result):
		return fmt.Errorf("unknown result %q", t.Result)
	case t.Offer == "" || t.Kind == "accept" && t.Answer == "":
		return fmt.Errorf("no offer, or no answer")
	case (t.Result == "valid" || t.Result == "acceptable") && t.Kind != "offer" != (t.Attributes != nil):
		return fmt.Errorf("attributes go with what is agreed on")
	}
	return hexStrings(t.Offer, t.Answer)
}
