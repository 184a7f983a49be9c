package vectors

import (
	"encoding/hex"
	"fmt"
	"slices"
)

// The schemas of vectors for 6LoWPAN header compression and for generic header
// compression.
const (
	SchemaIPHC = "lowpan-iphc-1"
	SchemaGHC  = "ghc-1"
)

// An IPHCFile is one file of vectors for LOWPAN_IPHC and LOWPAN_NHC.
type IPHCFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []IPHCGroup       `json:"groups"`
}

// An IPHCGroup is a list of tests with the same contexts.
type IPHCGroup struct {
	Source         string            `json:"source"`
	Contexts       map[string]string `json:"contexts"` // CID: prefix, perhaps with ",decompress-only"
	Implementation string            `json:"implementation,omitempty"`
	Tests          []IPHCTest        `json:"tests"`
}

// An IPHCTest is a packet and its frame.
type IPHCTest struct {
	ID      int      `json:"id"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags"`
	Src     string   `json:"src"` // link-layer addresses, 2 or 8 bytes
	Dst     string   `json:"dst"`
	Packet  string   `json:"packet,omitempty"`
	Frame   string   `json:"frame"`
	Result  string   `json:"result"`
}

// A GHCFile is one file of vectors for generic header compression.
type GHCFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []GHCGroup        `json:"groups"`
}

// A GHCGroup is a list of tests.
type GHCGroup struct {
	Source string    `json:"source"`
	Tests  []GHCTest `json:"tests"`
}

// A GHCTest is a payload and a bytecode for it, not always the shortest.
type GHCTest struct {
	ID      int    `json:"id"`
	Comment string `json:"comment"`
	Src     string `json:"src"` // IPv6 addresses, in hex
	Dst     string `json:"dst"`
	Payload string `json:"payload,omitempty"`
	Code    string `json:"code"`
	Result  string `json:"result"`
}

// ParseIPHC reads a file of schema SchemaIPHC, as strictly as ParseCompress.
func ParseIPHC(data []byte) (*IPHCFile, error) {
	f := new(IPHCFile)
	if err := decode(data, f, &f.Schema, SchemaIPHC); err != nil {
		return nil, err
	}
	n := counter{want: f.NumberOfTests}
	for i := range f.Groups {
		g := &f.Groups[i]
		if err := n.group(i, g.Source); err != nil {
			return nil, err
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			if err := n.test(t.ID, t.Flags, f.Notes, checkHex(t.Result, t.Src, t.Dst, t.Packet, t.Frame)); err != nil {
				return nil, err
			}
		}
	}
	return f, n.end()
}

// ParseGHC reads a file of schema SchemaGHC, as strictly as ParseCompress.
func ParseGHC(data []byte) (*GHCFile, error) {
	f := new(GHCFile)
	if err := decode(data, f, &f.Schema, SchemaGHC); err != nil {
		return nil, err
	}
	n := counter{want: f.NumberOfTests}
	for i := range f.Groups {
		g := &f.Groups[i]
		if err := n.group(i, g.Source); err != nil {
			return nil, err
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			err := checkHex(t.Result, t.Src, t.Dst, t.Payload, t.Code)
			if err == nil && (len(t.Src) != 32 || len(t.Dst) != 32) {
				err = fmt.Errorf("an address has not 16 bytes")
			}
			if err := n.test(t.ID, nil, nil, err); err != nil {
				return nil, err
			}
		}
	}
	return f, n.end()
}

// checkHex checks a result and values in hex.
func checkHex(result string, values ...string) error {
	if !slices.Contains(results, result) {
		return fmt.Errorf("unknown result %q", result)
	}
	for _, v := range values {
		if _, err := hex.DecodeString(v); err != nil {
			return err
		}
	}
	return nil
}
