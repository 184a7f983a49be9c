package vectors

import (
	"fmt"
	"slices"
)

// SchemaGPComp is the schema of vectors for payload compression.
const SchemaGPComp = "gpcomp-1"

// A GPCompFile is one file of vectors for GPComp and IPComp.
type GPCompFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	Comment       string            `json:"comment,omitempty"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []GPCompGroup     `json:"groups"`
}

// A GPCompGroup is a list of tests of one association, which a sender gets in this
// order.
type GPCompGroup struct {
	Comment    string         `json:"comment,omitempty"`
	Source     string         `json:"source"`
	Form       string         `json:"form"`                  // header, codec, implied, explicit, unmarked or ip
	Codec      string         `json:"codec,omitempty"`       // lzs, ghc, deflate or iot-1
	CPI        uint16         `json:"cpi,omitempty"`         // of the association
	NextHeader uint8          `json:"next_header,omitempty"` // of the header
	Threshold  int            `json:"threshold,omitempty"`   // bytes below which nothing is tried; 0: the codec's
	MaxLen     int            `json:"max_len,omitempty"`     // bytes above which nothing is restored; 0: 65535
	Escape     bool           `json:"escape,omitempty"`      // ambiguous payloads may be sent longer
	Backoff    *GPCompBackoff `json:"backoff,omitempty"`     // none: every payload is tried
	Tests      []GPCompTest   `json:"tests"`
}

// GPCompBackoff are the numbers i, k, j and n of draft-moskowitz-gpcomp-02, Section
// 3.3, and the most payloads that are skipped.
type GPCompBackoff struct {
	Fails   uint16 `json:"fails"`
	Skip    uint16 `json:"skip"`
	Retries uint16 `json:"retries"`
	Step    uint16 `json:"step"`
	MaxSkip uint16 `json:"max_skip"`
}

// A GPCompTest is a payload and what is sent for it.
type GPCompTest struct {
	ID         int      `json:"id"`
	Comment    string   `json:"comment"`
	Flags      []string `json:"flags,omitempty"`
	Payload    string   `json:"payload,omitempty"` // hex; of form ip a packet
	Sent       string   `json:"sent"`              // hex; of form codec the code
	Compressed bool     `json:"compressed,omitempty"`
	NextHeader uint8    `json:"next_header,omitempty"` // of form header
	CPI        uint16   `json:"cpi,omitempty"`         // of form header
	Result     string   `json:"result"`
}

// Forms, codecs and results that a file may use.
var (
	gpcompForms   = []string{"header", "codec", "implied", "explicit", "unmarked", "ip"}
	gpcompCodecs  = []string{"", "lzs", "ghc", "deflate", "iot-1"}
	gpcompResults = []string{"valid", "malformed", "truncated", "short-buffer", "unsupported", "no-sa", "refused"}
)

// ParseGPComp reads a file of schema SchemaGPComp, as strictly as ParseCompress.
func ParseGPComp(data []byte) (*GPCompFile, error) {
	f := new(GPCompFile)
	if err := decode(data, f, &f.Schema, SchemaGPComp); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *GPCompGroup) (string, []GPCompTest, error) {
			if !slices.Contains(gpcompForms, g.Form) || !slices.Contains(gpcompCodecs, g.Codec) || (g.Form == "header") != (g.Codec == "") {
				return g.Source, nil, fmt.Errorf("unknown form %q or codec %q", g.Form, g.Codec)
			}
			return g.Source, g.Tests, nil
		},
		func(_ *GPCompGroup, t *GPCompTest) (int, []string, error) { return t.ID, t.Flags, t.check() })
}

func (t *GPCompTest) check() error {
	if !slices.Contains(gpcompResults, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	return hexStrings(t.Payload, t.Sent)
}

// Has reports whether the test has the flag.
func (t *GPCompTest) Has(flag string) bool { return slices.Contains(t.Flags, flag) }
