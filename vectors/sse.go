package vectors

import (
	"fmt"
	"slices"
)

// SchemaSSE is the schema of vectors for SSE packets, SchemaSSENegotiate that of
// vectors for its negotiation.
const (
	SchemaSSE          = "sse-1"
	SchemaSSENegotiate = "sse-negotiate-1"
)

// An SSEFile is one file of vectors for SSE packets.
type SSEFile struct {
	Schema        string            `json:"schema"`
	Spec          string            `json:"spec"`
	NumberOfTests int               `json:"numberOfTests"`
	Notes         map[string]string `json:"notes"`
	Groups        []SSEGroup        `json:"groups"`
}

// An SSEGroup is the packets that one receiver gets, in this order.
type SSEGroup struct {
	Source         string     `json:"source"`
	Implementation string     `json:"implementation,omitempty"`
	Session        SSESession `json:"session"`
	Tests          []SSETest  `json:"tests"`
}

// An SSESession is one direction of a session, at the receiver.
type SSESession struct {
	Format  string      `json:"format"`
	Suite   string      `json:"suite"`
	SPI     uint32      `json:"spi"` // of 32 bits, as the key management gave it
	Key     string      `json:"key"`
	Salt    string      `json:"salt"`
	Seq     uint64      `json:"seq,omitempty"` // largest Sequence Number received
	Window  int         `json:"window,omitempty"`
	Trials  uint8       `json:"trials,omitempty"`
	GPComp  string      `json:"gpcomp,omitempty"`
	Headers *SSEHeaders `json:"headers,omitempty"`
}

// SSEHeaders is how headers are compressed.
type SSEHeaders struct {
	SPIBits uint8 `json:"spi_bits"`
	SNBits  uint8 `json:"sn_bits"`
	FlagC   bool  `json:"flag_c,omitempty"`
	Stream  bool  `json:"stream,omitempty"`
}

// An SSETest is a packet and its payload.
type SSETest struct {
	ID      int      `json:"id"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags,omitempty"`
	Seq     uint64   `json:"seq"`              // the whole Sequence Number
	Header  string   `json:"header,omitempty"` // the whole header, which is authenticated
	Nonce   string   `json:"nonce,omitempty"`
	Payload string   `json:"payload,omitempty"`
	Packet  string   `json:"packet,omitempty"` // with the whole header
	Small   string   `json:"small,omitempty"`  // with the compressed header
	Result  string   `json:"result"`
}

// Has reports whether the test has the flag.
func (t *SSETest) Has(flag string) bool { return slices.Contains(t.Flags, flag) }

var sseResults = []string{"valid", "truncated", "malformed", "short-buffer", "unsupported", "no-rule", "no-sa", "auth", "replay", "exhausted"}

// ParseSSE reads a file of schema SchemaSSE, as strictly as ParseCompress.
func ParseSSE(data []byte) (*SSEFile, error) {
	f := new(SSEFile)
	if err := decode(data, f, &f.Schema, SchemaSSE); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *SSEGroup) (string, []SSETest, error) { return g.Source, g.Tests, nil },
		func(g *SSEGroup, t *SSETest) (int, []string, error) {
			return t.ID, t.Flags, t.check(g.Session.Headers != nil)
		})
}

func (t *SSETest) check(small bool) error {
	if !slices.Contains(sseResults, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	received := t.Packet
	if small {
		received = t.Small
	}
	if received == "" && !t.Has("SealOnly") {
		return fmt.Errorf("nothing to open")
	}
	return hexStrings(t.Header, t.Nonce, t.Payload, t.Packet, t.Small)
}

// An SSENegotiateFile is one file of vectors for the negotiation of SSE.
type SSENegotiateFile struct {
	Schema        string              `json:"schema"`
	Spec          string              `json:"spec"`
	NumberOfTests int                 `json:"numberOfTests"`
	Notes         map[string]string   `json:"notes"`
	Groups        []SSENegotiateGroup `json:"groups"`
}

// An SSENegotiateGroup is tests of one coding.
type SSENegotiateGroup struct {
	Source string             `json:"source"`
	Coding string             `json:"coding"` // hip: parameters; ike: body of a Security Association payload
	Tests  []SSENegotiateTest `json:"tests"`
}

// An SSENegotiateTest is a message and what it says or, with a policy, how it is
// answered.
type SSENegotiateTest struct {
	ID       int          `json:"id"`
	Comment  string       `json:"comment"`
	Flags    []string     `json:"flags,omitempty"`
	Message  string       `json:"message"`
	Proposal *SSEProposal `json:"proposal,omitempty"` // what the message says
	Policy   *SSEPolicy   `json:"policy,omitempty"`   // of who receives the message
	Offer    string       `json:"offer,omitempty"`    // with it, the message is an answer; else an offer
	Answer   string       `json:"answer,omitempty"`   // to the message
	Notify   uint16       `json:"notify,omitempty"`   // type of HIP NOTIFICATION, with the result refused
	Result   string       `json:"result"`
}

// An SSEProposal is what a message says, in the numbers of the draft.
type SSEProposal struct {
	SPI         uint32     `json:"spi,omitempty"`
	OldSPI      uint32     `json:"old_spi,omitempty"`
	KeymatIndex uint16     `json:"keymat_index,omitempty"`
	Suites      []uint16   `json:"suites,omitempty"`
	KeyBits     []uint16   `json:"key_bits,omitempty"`
	Formats     []uint8    `json:"formats,omitempty"`
	CPI         uint16     `json:"cpi,omitempty"`
	Comps       []uint8    `json:"comps,omitempty"`
	Widths      [][2]uint8 `json:"widths,omitempty"` // SPI, Sequence Number
}

// An SSEPolicy is what an end allows; what it prefers comes first.
type SSEPolicy struct {
	SPI     uint32     `json:"spi,omitempty"`
	Suites  []uint16   `json:"suites,omitempty"`
	KeyBits []uint16   `json:"key_bits,omitempty"`
	Formats []uint8    `json:"formats,omitempty"`
	CPI     uint16     `json:"cpi,omitempty"`
	Comps   []uint8    `json:"comps,omitempty"`
	Widths  [][2]uint8 `json:"widths,omitempty"`
}

// Has reports whether the test has the flag.
func (t *SSENegotiateTest) Has(flag string) bool { return slices.Contains(t.Flags, flag) }

// ParseSSENegotiate reads a file of schema SchemaSSENegotiate, as strictly as
// ParseCompress.
func ParseSSENegotiate(data []byte) (*SSENegotiateFile, error) {
	f := new(SSENegotiateFile)
	if err := decode(data, f, &f.Schema, SchemaSSENegotiate); err != nil {
		return nil, err
	}
	return f, checkTests(f.NumberOfTests, f.Notes, f.Groups,
		func(g *SSENegotiateGroup) (string, []SSENegotiateTest, error) {
			if g.Coding != "hip" && g.Coding != "ike" {
				return g.Source, nil, fmt.Errorf("unknown coding %q", g.Coding)
			}
			return g.Source, g.Tests, nil
		},
		func(_ *SSENegotiateGroup, t *SSENegotiateTest) (int, []string, error) {
			return t.ID, t.Flags, t.check()
		})
}

func (t *SSENegotiateTest) check() error {
	if !slices.Contains([]string{"valid", "truncated", "malformed", "refused"}, t.Result) {
		return fmt.Errorf("unknown result %q", t.Result)
	}
	return hexStrings(t.Message, t.Offer, t.Answer)
}
