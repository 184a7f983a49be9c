package vectors

import (
	"fmt"
	"slices"
)

// The schemas of vectors for 6LoWPAN header compression, for receivers of captured
// frames, and for generic header compression.
const (
	SchemaIPHC    = "lowpan-iphc-1"
	SchemaReceive = "lowpan-receive-1"
	SchemaGHC     = "ghc-1"
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

// A ReceiveFile is one file of vectors for receivers of LoWPAN frames.
type ReceiveFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []ReceiveGroup    `json:"groups"`
}

// A ReceiveGroup is a list of tests with the same contexts.
type ReceiveGroup struct {
	Source         string            `json:"source"`
	Contexts       map[string]string `json:"contexts"` // as in IPHCGroup
	Implementation string            `json:"implementation,omitempty"`
	Tests          []ReceiveTest     `json:"tests"`
}

// A ReceiveTest is what a receiver gets, frame by frame.
type ReceiveTest struct {
	ID      int            `json:"id"`
	Comment string         `json:"comment"`
	Frames  []ReceiveFrame `json:"frames"`
}

// A ReceiveFrame is one captured frame and what becomes of it: Result is
// "packet", "part" (of a packet that lacks more), why there is none ("no-payload",
// "not-ipv6", "encrypted", "other-link"), or the class of an error.
type ReceiveFrame struct {
	Link   uint32 `json:"link"` // LINKTYPE of the capture
	Ms     uint64 `json:"ms,omitempty"`
	Frame  string `json:"frame"`
	Result string `json:"result"`
	Packet string `json:"packet,omitempty"`
}

// receiveResults are the results of a ReceiveFrame besides the classes of errors.
var receiveResults = []string{"packet", "part", "no-payload", "not-ipv6", "encrypted", "other-link"}

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
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *IPHCGroup) (string, []IPHCTest, error) { return g.Source, g.Tests, nil },
		func(_ *IPHCGroup, t *IPHCTest) (int, []string, error) {
			return t.ID, t.Flags, checkHex(t.Result, t.Src, t.Dst, t.Packet, t.Frame)
		})
}

// ParseReceive reads a file of schema SchemaReceive, as strictly as ParseCompress.
func ParseReceive(data []byte) (*ReceiveFile, error) {
	f := new(ReceiveFile)
	if err := decode(data, f, &f.Schema, SchemaReceive); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, nil, f.Groups,
		func(g *ReceiveGroup) (string, []ReceiveTest, error) { return g.Source, g.Tests, nil },
		func(_ *ReceiveGroup, t *ReceiveTest) (int, []string, error) { return t.ID, nil, checkFrames(t.Frames) })
}

func checkFrames(frames []ReceiveFrame) error {
	if len(frames) == 0 {
		return fmt.Errorf("no frame")
	}
	ms := uint64(0)
	for _, f := range frames {
		result := f.Result
		if slices.Contains(receiveResults, result) {
			result = "valid"
		} else if result == "valid" {
			return fmt.Errorf("unknown result %q", result)
		}
		if err := checkHex(result, f.Frame, f.Packet); err != nil {
			return err
		}
		if (f.Result == "packet") != (f.Packet != "") {
			return fmt.Errorf("result %q, packet %q", f.Result, f.Packet)
		}
		if f.Ms < ms {
			return fmt.Errorf("time runs backwards")
		}
		ms = f.Ms
	}
	return nil
}

// ParseGHC reads a file of schema SchemaGHC, as strictly as ParseCompress.
func ParseGHC(data []byte) (*GHCFile, error) {
	f := new(GHCFile)
	if err := decode(data, f, &f.Schema, SchemaGHC); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, nil, f.Groups,
		func(g *GHCGroup) (string, []GHCTest, error) { return g.Source, g.Tests, nil },
		func(_ *GHCGroup, t *GHCTest) (int, []string, error) {
			err := checkHex(t.Result, t.Src, t.Dst, t.Payload, t.Code)
			if err == nil && (len(t.Src) != 32 || len(t.Dst) != 32) {
				err = fmt.Errorf("an address has not 16 bytes")
			}
			return t.ID, nil, err
		})
}

// checkHex checks a result and values in hex.
func checkHex(result string, values ...string) error {
	if !slices.Contains(results, result) {
		return fmt.Errorf("unknown result %q", result)
	}
	return hexStrings(values...)
}
