package vectors

import (
	"fmt"
	"slices"
)

// SchemaESP is the schema of vectors for ESP.
const SchemaESP = "esp-1"

// An ESPFile is one file of vectors for ESP.
type ESPFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []ESPGroup        `json:"groups"`
}

// An ESPGroup is the packets that one receiver gets, in this order.
type ESPGroup struct {
	Source         string    `json:"source"`
	Implementation string    `json:"implementation,omitempty"`
	SA             ESPSA     `json:"sa"`
	Tests          []ESPTest `json:"tests"`
}

// An ESPSA is a Security Association. The keys are those of SA files.
type ESPSA struct {
	SPI        uint32 `json:"spi"`
	Src        string `json:"src,omitempty"`
	Dst        string `json:"dst,omitempty"`
	Mode       string `json:"mode"`
	Encr       string `json:"encr"`
	Key        string `json:"key"`
	Auth       string `json:"auth,omitempty"`
	AuthKey    string `json:"auth_key,omitempty"`
	ESN        bool   `json:"esn,omitempty"`
	Seq        uint64 `json:"seq,omitempty"`
	UDPEncap   bool   `json:"udp_encap,omitempty"`
	Window     int    `json:"window,omitempty"`
	MaxPackets uint64 `json:"max_packets,omitempty"`
	MaxBytes   uint64 `json:"max_bytes,omitempty"`
}

// An ESPTest is a packet and what it protects.
type ESPTest struct {
	ID      int      `json:"id"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags,omitempty"`
	Seq     uint64   `json:"seq"`              // the whole sequence number
	Offset  int      `json:"offset,omitempty"` // of the SPI in packet
	Inner   string   `json:"inner,omitempty"`
	Packet  string   `json:"packet,omitempty"`
	Result  string   `json:"result"`
}

// Has reports whether the test has the flag.
func (t *ESPTest) Has(flag string) bool { return slices.Contains(t.Flags, flag) }

var espResults = []string{"valid", "truncated", "malformed", "unsupported", "auth", "replay", "no-sa", "exhausted"}

// ParseESP reads a file of schema SchemaESP, as strictly as ParseCompress.
func ParseESP(data []byte) (*ESPFile, error) {
	f := new(ESPFile)
	if err := decode(data, f, &f.Schema, SchemaESP); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *ESPGroup) (string, []ESPTest, error) { return g.Source, g.Tests, nil },
		func(_ *ESPGroup, t *ESPTest) (int, []string, error) { return t.ID, t.Flags, t.check() })
}

func (t *ESPTest) check() error {
	if !slices.Contains(espResults, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	if t.Inner == "" && t.Packet == "" {
		return fmt.Errorf("neither inner nor packet")
	}
	return hexStrings(t.Inner, t.Packet)
}
