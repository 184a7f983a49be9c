package vectors

import (
	"encoding/hex"
	"fmt"
	"slices"
)

// SchemaFrag is the schema of vectors for fragmentation and reassembly.
const SchemaFrag = "schc-frag-1"

// A FragFile is one file of fragmentation vectors.
type FragFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []FragGroup       `json:"groups"`
}

// A FragGroup is a list of tests under one Rule.
type FragGroup struct {
	Source string     `json:"source"`
	Rule   FragRule   `json:"rule"`
	Tests  []FragTest `json:"tests"`
}

// A FragRule is a fragmentation Rule. Its keys have RFC 9363's names, and
// ours where it has none.
type FragRule struct {
	IDValue          uint32 `json:"rule-id-value"`
	IDLength         uint8  `json:"rule-id-length"`
	Mode             string `json:"fragmentation-mode"`
	Direction        string `json:"direction"`
	L2Word           uint8  `json:"l2-word-size"`
	DTag             uint8  `json:"dtag-size"`
	W                uint8  `json:"w-size"`
	FCN              uint8  `json:"fcn-size"`
	RCSAlgorithm     string `json:"rcs-algorithm"`
	RCSSize          uint8  `json:"rcs-size"`
	WindowSize       uint16 `json:"window-size,omitempty"`
	TileSize         uint16 `json:"tile-size,omitempty"`
	TileInAll1       string `json:"tile-in-all-1,omitempty"`
	AckBehavior      string `json:"ack-behavior,omitempty"`
	MaxAckRequests   uint8  `json:"max-ack-requests,omitempty"`
	Retransmission   uint32 `json:"retransmission-ms,omitempty"`
	Inactivity       uint32 `json:"inactivity-ms,omitempty"`
	MaxPacket        uint16 `json:"maximum-packet-size,omitempty"`
	CompoundAck      bool   `json:"compound-ack,omitempty"`
	FullLastBitmap   bool   `json:"full-last-bitmap,omitempty"`
	PenultimateShort bool   `json:"penultimate-short,omitempty"`
	AckOnRepair      bool   `json:"ack-on-repair,omitempty"`
	AttemptsPerAck   bool   `json:"attempts-per-ack,omitempty"`
	NoAckReq         bool   `json:"no-ack-req,omitempty"`
	All1Empty        bool   `json:"all-1-empty,omitempty"`
	HeaderPad        bool   `json:"header-pad,omitempty"`
	CountDown        bool   `json:"count-down,omitempty"`
	FragmentBytes    uint8  `json:"fragment-bytes,omitempty"`
	AckBytes         uint8  `json:"ack-bytes,omitempty"`
	Listen           uint32 `json:"listen-ms,omitempty"`
	UplinkAck        uint32 `json:"uplink-ack-ms,omitempty"`
}

// A FragTest is the exchange of one SCHC Packet, message by message.
type FragTest struct {
	ID      int      `json:"id"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags"`
	DTag    uint32   `json:"dtag"`
	Packet  string   `json:"packet"`
	Bits    int      `json:"bits"`
	// NoSession says that the receiver has no memory for the packet. It then
	// answers only where the table has an answer: it waits for an opportunity.
	NoSession bool       `json:"no-session,omitempty"`
	Steps     []FragStep `json:"steps"`
	// Result is "valid" (delivered, and the sender knows), or the class of
	// the error at the receiver, or "refused" if it gave up for other reasons.
	Result string `json:"result"`
}

// A FragStep is a message, or a timer that expires.
type FragStep struct {
	From    string `json:"from,omitempty"`  // "sender" or "receiver"
	Timer   string `json:"timer,omitempty"` // whose timer expires
	Kind    string `json:"kind,omitempty"`
	MTUBits int    `json:"mtu_bits,omitempty"`
	Msg     string `json:"msg,omitempty"`
	Bits    int    `json:"bits,omitempty"`
	Lost    bool   `json:"lost,omitempty"`
}

var (
	fragResults = []string{"valid", "rcs", "incomplete", "refused", "unanswered"}
	fragKinds   = []string{"regular", "all-1", "ack-req", "sender-abort", "ack", "receiver-abort"}
)

// ParseFrag reads a file of schema SchemaFrag, as strictly as ParseCompress.
func ParseFrag(data []byte) (*FragFile, error) {
	f := new(FragFile)
	if err := decode(data, f, &f.Schema, SchemaFrag); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *FragGroup) (string, []FragTest, error) { return g.Source, g.Tests, nil },
		func(_ *FragGroup, t *FragTest) (int, []string, error) { return t.ID, t.Flags, t.check() })
}

func (t *FragTest) check() error {
	if !slices.Contains(fragResults, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	if b, err := hex.DecodeString(t.Packet); err != nil || t.Bits < 1 || (t.Bits+7)/8 != len(b) {
		return fmt.Errorf("packet %q has not %d bits", t.Packet, t.Bits)
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		side := s.From + s.Timer
		switch {
		case side != "sender" && side != "receiver":
			return fmt.Errorf("step %d: unknown side %q", i, side)
		case s.Timer != "":
			continue
		case !slices.Contains(fragKinds, s.Kind):
			return fmt.Errorf("step %d: unknown kind %q", i, s.Kind)
		}
		if b, err := hex.DecodeString(s.Msg); err != nil || s.Bits < 1 || (s.Bits+7)/8 != len(b) {
			return fmt.Errorf("step %d: message %q has not %d bits", i, s.Msg, s.Bits)
		}
	}
	return nil
}
