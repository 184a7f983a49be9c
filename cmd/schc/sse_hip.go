package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/internal/safile"
	"github.com/schckit/schckit/sse"
)

// sseProposal is sse.Proposal in results.
type sseProposal struct {
	SPI         string      `json:"spi,omitempty"`
	OldSPI      string      `json:"old_spi,omitempty"`
	KeymatIndex uint16      `json:"keymat_index,omitempty"`
	Suites      []string    `json:"suites"`
	KeyBits     []uint16    `json:"key_bits,omitempty"`
	Formats     []string    `json:"formats,omitempty"`
	CPI         uint16      `json:"cpi,omitempty"`
	Comps       []string    `json:"comps,omitempty"`
	Widths      []sseWidths `json:"widths,omitempty"`
}

type sseWidths struct {
	SPIBits uint8 `json:"spi_bits"`
	SNBits  uint8 `json:"sn_bits"`
}

// numbered is the name of a value, or its number if it has none.
func numbered[T interface {
	fmt.Stringer
	~uint8 | ~uint16
}](v T) string {
	switch s := v.String(); s {
	case "unknown", "unset":
		return fmt.Sprint(uint16(v))
	default:
		return s
	}
}

func spiText(v uint32) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("0x%08x", v)
}

func newProposal(p *sse.Proposal) sseProposal {
	r := sseProposal{SPI: spiText(p.SPI), OldSPI: spiText(p.OldSPI), KeymatIndex: p.KeymatIndex, KeyBits: p.KeyBits, CPI: uint16(p.CPI), Suites: []string{}}
	for _, s := range p.Suites {
		r.Suites = append(r.Suites, numbered(s))
	}
	for _, f := range p.Formats {
		r.Formats = append(r.Formats, numbered(f))
	}
	for _, c := range p.Comps {
		r.Comps = append(r.Comps, numbered(c))
	}
	for _, w := range p.Widths {
		r.Widths = append(r.Widths, sseWidths(w))
	}
	return r
}

// text is the proposal in one line.
func (p *sseProposal) text() string {
	var b strings.Builder
	add := func(name string, v string) {
		if v == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + " " + v)
	}
	add("SPI", p.SPI)
	add("replaces", p.OldSPI)
	if p.KeymatIndex != 0 {
		add("keymat index", fmt.Sprint(p.KeymatIndex))
	}
	add("suites", strings.Join(p.Suites, ", "))
	add("key bits", strings.Trim(fmt.Sprint(p.KeyBits), "[]"))
	add("formats", strings.Join(p.Formats, ", "))
	add("GPComp", strings.Join(p.Comps, ", "))
	if p.CPI != 0 {
		add("CPI", fmt.Sprint(p.CPI))
	}
	var widths []string
	for _, w := range p.Widths {
		widths = append(widths, fmt.Sprintf("SPI %d + SN %d", w.SPIBits, w.SNBits))
	}
	add("header bits", strings.Join(widths, ", "))
	if b.Len() == 0 {
		return "nothing about SSE"
	}
	return b.String()
}

func newSSEDecode(e *env) *cobra.Command {
	var in input
	var out output
	var ike, asJSON bool
	cmd := &cobra.Command{
		Use:   "decode [flags] [FILE]",
		Short: "Show HIP parameters or IKEv2 proposals about SSE",
		Long: `Show what HIP parameters (draft-moskowitz-ssls-hip-02) say about SSE. Every line of the
input is the parameters of a HIP message in hex; those that are not about SSE are
skipped. With --ike a line is the body of an IKEv2 Security Association payload, with
this project's numbers (docs/sse.md). What cannot be read comes back as

    error: CLASS: TEXT

and the exit code is then 1.`,
		Example: `  echo 1005000600000000000b00000000... | schc sse decode
  schc sse negotiate r.json i.json -f json | jq -r .offer_hex | schc sse decode --json`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := in.check(cmd, args); err != nil {
				return err
			}
			var b []byte
			return eachLine(cmd, e, &in, &out, nil, func(dst []byte, words [][]byte) ([]byte, error) {
				if len(words) != 1 {
					return dst, errLine("%d words; a line is one word in hex", len(words))
				}
				var err error
				if b, err = decodeHex(b, words[0]); err != nil {
					return dst, err
				}
				p, err := parseProposal(b, ike)
				if err != nil {
					return dst, errors.New(hipError(err))
				}
				r := newProposal(&p)
				if !asJSON {
					return append(dst, r.text()...), nil
				}
				var line bytes.Buffer
				if err := report.WriteJSONLine(&line, r); err != nil {
					return dst, err
				}
				return append(dst, bytes.TrimSpace(line.Bytes())...), nil
			})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVarP(&in.path, "read", "r", "-", "`FILE` to read; - is standard input")
	cmd.Flags().Uint64VarP(&in.count, "count", "c", 0, "stop after `N` lines")
	out.add(cmd)
	cmd.Flags().BoolVar(&ike, "ike", false, "lines are IKEv2 Security Association payloads")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each line")
	return cmd
}

func parseProposal(b []byte, ike bool) (sse.Proposal, error) {
	if !ike {
		return sse.ParseHIP(b, sse.HIPTypes{})
	}
	p, _, err := sse.ParseIKE(b, sse.IKENumbers{})
	return p, err
}

func hipError(err error) string {
	e, _ := err.(sse.Error)
	text := strings.TrimPrefix(e.Error(), "sse: ")
	switch e {
	case sse.ErrTruncated:
		text = "a parameter ends early"
	case sse.ErrMalformed:
		text = "the order, a length, or an identifier of a parameter is wrong"
	case sse.ErrRefused:
		text = "no proposal is for SSE"
	}
	return e.Class() + ": " + text
}

// ssePolicy is a policy file.
type ssePolicy struct {
	SPI     json.RawMessage `json:"spi"`
	Suites  []string        `json:"suites"`
	KeyBits []uint16        `json:"key_bits"`
	Formats []string        `json:"formats"`
	CPI     uint16          `json:"cpi"`
	Comps   []string        `json:"comps"`
	Widths  []sseWidths     `json:"widths"`
}

func loadPolicy(path string) (sse.Policy, error) {
	var p sse.Policy
	file, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer file.Close()
	d := json.NewDecoder(io.LimitReader(file, safile.MaxFileSize))
	d.DisallowUnknownFields()
	var x ssePolicy
	if err = d.Decode(&x); err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows the object")
		}
	}
	if err == nil {
		err = x.fill(&p)
	}
	if err != nil {
		return p, hint(fmt.Errorf("%s: %w", path, err), "schc sse negotiate --help describes policy files")
	}
	return p, nil
}

func (x *ssePolicy) fill(p *sse.Policy) error {
	if x.SPI != nil {
		var err error
		if p.SPI, err = safile.ParseSPI(x.SPI); err != nil {
			return fmt.Errorf("spi: %w", err)
		}
	}
	p.KeyBits, p.CPI = x.KeyBits, gpcomp.CPI(x.CPI)
	for _, w := range x.Widths {
		p.Widths = append(p.Widths, sse.Widths(w))
	}
	var err error
	if p.Suites, err = byName("suites", x.Suites, sse.SuiteCCM8, sse.SuiteGMAC); err != nil {
		return err
	}
	if p.Formats, err = byName("formats", x.Formats, sse.FormatCompact, sse.FormatExtreme); err != nil {
		return err
	}
	p.Comps, err = byName("comps", x.Comps, gpcomp.TransformOUI, gpcomp.TransformLZJH)
	return err
}

// byName finds the values of names, from first to last.
func byName[T interface {
	fmt.Stringer
	~uint8 | ~uint16
}](what string, names []string, first, last T) (list []T, err error) {
names:
	for _, name := range names {
		for v := first; v <= last; v++ {
			if v.String() == name {
				list = append(list, v)
				continue names
			}
		}
		return nil, fmt.Errorf("%s: %q is not known", what, name)
	}
	return list, nil
}

// negotiated is the result of schc sse negotiate.
type negotiated struct {
	Offer     sseProposal `json:"offer"`
	OfferHex  string      `json:"offer_hex"`
	Answer    sseProposal `json:"answer"`
	AnswerHex string      `json:"answer_hex"`
	Format    string      `json:"format"`
	Suite     string      `json:"suite"`
	KeyBits   uint16      `json:"key_bits"`
	First     string      `json:"first_spi"` // that the end receives with which offers
	Second    string      `json:"second_spi"`
	Comp      string      `json:"comp,omitempty"`
	Headers   *sseWidths  `json:"headers,omitempty"`
	Bytes     int         `json:"hdr_bytes"` // of a header in a datagram
}

func newSSENegotiate(e *env) *cobra.Command {
	var ike bool
	var f format
	cmd := &cobra.Command{
		Use:   "negotiate [flags] FIRST SECOND",
		Short: "Negotiate a session between two policies, over HIP parameters or IKEv2",
		Long: `Let two ends negotiate: the one of policy file FIRST offers (HIP: the responder, in R1;
IKEv2: the initiator), the one of SECOND selects, and the first checks the answer. Shows
the messages in hex and what they agreed on. A policy file is a JSON object:

    {"spi": "0x77000001", "suites": ["aes-ccm-16", "aes-ccm-8"], "formats": ["compact"],
     "key_bits": [128], "comps": ["lzs"], "cpi": 3, "widths": [{"spi_bits": 0, "sn_bits": 8}]}

What is preferred comes first; what is missing is the draft's mandatory choice. When
nothing is acceptable, the exit code is 1 and the error names the notify message.`,
		Example: `  schc sse negotiate r.json i.json
  schc sse negotiate --ike -f json i.json r.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef(cmd, "%d arguments, but %s takes two policy files", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			first, err := loadPolicy(args[0])
			if err != nil {
				return err
			}
			second, err := loadPolicy(args[1])
			if err != nil {
				return err
			}
			r, err := negotiate(first, second, ike)
			var no *sse.NegotiationError
			if errors.As(err, &no) {
				fmt.Fprintf(e.stderr, "schc: error: refused: %s\n", strings.TrimPrefix(no.Error(), "sse: "))
				return errFailed
			}
			if err != nil {
				return err
			}
			return r.write(e.stdout, f.text)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&ike, "ike", false, "IKEv2 Security Association payloads, not HIP parameters")
	f.add(cmd)
	return cmd
}

// negotiate runs both ends over messages.
func negotiate(first, second sse.Policy, ike bool) (*negotiated, error) {
	encode := func(p sse.Proposal, offer bool) ([]byte, sse.Proposal, error) {
		var b []byte
		var err error
		if ike {
			if p.SPI == 0 {
				return nil, p, errors.New("a policy without spi; IKEv2 needs one")
			}
			b, err = sse.AppendIKE(nil, 1, p, offer, sse.IKENumbers{})
		} else {
			b, err = sse.AppendHIP(nil, p, sse.HIPTypes{})
		}
		if err != nil {
			return nil, p, err
		}
		p, err = parseProposal(b, ike)
		return b, p, err
	}
	offer, err := sse.Offer(first)
	if err != nil {
		return nil, err
	}
	offerBytes, heard, err := encode(offer, true)
	if err != nil {
		return nil, err
	}
	answer, _, err := sse.Select(heard, second)
	if err != nil {
		return nil, err
	}
	answerBytes, reply, err := encode(answer, false)
	if err != nil {
		return nil, err
	}
	a, err := sse.Accept(offer, reply, first)
	if err != nil {
		return nil, err
	}
	r := &negotiated{Offer: newProposal(&heard), OfferHex: hex.EncodeToString(offerBytes), Answer: newProposal(&reply),
		AnswerHex: hex.EncodeToString(answerBytes), Format: a.Format.String(), Suite: a.Suite.String(), KeyBits: a.KeyBits,
		First: spiText(a.InSPI), Second: spiText(a.OutSPI), Bytes: a.Format.HeaderLen()}
	if a.Comp != 0 {
		r.Comp = a.Comp.String()
	}
	if a.Compress {
		r.Headers = &sseWidths{a.Headers.SPIBits, a.Headers.SNBits}
		r.Bytes = a.Headers.HeaderBytes()
	}
	return r, nil
}

func (r *negotiated) write(w io.Writer, form string) error {
	agreed := [][]string{{"format", r.Format}, {"suite", r.Suite}, {"key_bits", fmt.Sprint(r.KeyBits)}, {"first_spi", r.First},
		{"second_spi", r.Second}, {"comp", r.Comp}, {"hdr_bytes", fmt.Sprint(r.Bytes)}}
	switch form {
	case "json":
		return report.WriteJSON(w, r)
	case "jsonl":
		return report.WriteJSONLine(w, r)
	case "tsv":
		return report.WriteTSV(w, append([][]string{{"key", "value"}, {"offer_hex", r.OfferHex}, {"answer_hex", r.AnswerHex}}, agreed...))
	}
	headers := "whole"
	if r.Headers != nil {
		headers = fmt.Sprintf("SPI %d + SN %d bits", r.Headers.SPIBits, r.Headers.SNBits)
	}
	comp := r.Comp
	if comp == "" {
		comp = "none"
	}
	_, err := fmt.Fprintf(w, `offer   %s
        %s
answer  %s
        %s
agreed  %s, %s with %d bits, SPIs %s and %s, GPComp %s,
        headers %s: %s
`, r.OfferHex, r.Offer.text(), r.AnswerHex, r.Answer.text(), r.Format, r.Suite, r.KeyBits, orNone(r.First), orNone(r.Second), comp,
		headers, report.Plural(r.Bytes, "byte"))
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
