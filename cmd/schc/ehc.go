package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/internal/ehcfile"
	"github.com/schckit/schckit/internal/ikemsg"
	"github.com/schckit/schckit/internal/report"
)

func newEHC(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ehc",
		Short: "Negotiate Diet-ESP in IKEv2: offers, answers, captures of IKE",
		Long: `Negotiate the attributes of Diet-ESP with notifies of IKEv2, in two dialects:

    hcp   HCP_PROPOSAL (draft-ietf-ipsecme-ikev2-diet-esp-extension-04)
    ehc   EHC_SUPPORTED (draft-mglt-ipsecme-ikev2-diet-esp-extension-04)

Notifies are Notify payloads in hex, with their generic header, one a line.

A policy file is YAML or JSON. A key that is left out allows the default only; of
several values the preferred one comes first; "any" is all that lose nothing:

    dialect: hcp                       # or ehc
    alignment: [8 bit, 16 bit]         # 8 bit, 16 bit, 32 bit, 64 bit
    esp_spi_lsb: [8, 0-32]             # bits; bytes in the dialect ehc
    esp_sn_lsb: 8-32
    flow_label_action: [lower, zero]   # not_compressed, lower, generated, zero
    dscp_action: any                   # not_compressed, lower, sa
    ecn_action: any                    # not_compressed, lower
    ts_flow_label: [true, false]       # flow_label_action in the dialect ehc
    esp_trailer: any                   # Mandatory, Optional; needs numbers: {esp_trailer: 6}
    proposals: [{...}, {...}]          # alternatives, each with the keys above
    dscp_list: [10, 46]                # what both ends have for dscp_action: sa
    zero_bytes: false                  # dialect ehc: no width of 0 bytes
    numbers: {hcp_proposal: 60416}     # what drafts have no number for

docs/ehc.md has the rest. Without a policy file --dialect allows "any" of everything.`,
		Example: `  schc ehc offer -P device.yaml
  schc ehc offer -P device.yaml | schc ehc select -P gateway.yaml
  schc ehc decode -r ike.pcap --sk-ei 8b61... --sk-er e22e...
  schc ehc demo`,
		Args: noCommand,
		RunE: noCommand,
	}
	for _, add := range []func(*env) *cobra.Command{newEHCOffer, newEHCSelect, newEHCAccept, newEHCDecode, newEHCDemo} {
		c := add(e)
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// policyFlags are --policy and --dialect.
type policyFlags struct {
	path, dialect string
}

func (f *policyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.path, "policy", "P", "", "policy `FILE`, YAML or JSON; schc ehc --help describes it")
	cmd.Flags().StringVar(&f.dialect, "dialect", "", "without a policy file: `NAME` of the dialect, hcp or ehc; any value is allowed that loses nothing")
	cmd.MarkFlagFilename("policy", "yaml", "yml", "json")
	cmd.RegisterFlagCompletionFunc("dialect", cobra.FixedCompletions([]string{"hcp", "ehc"}, cobra.ShellCompDirectiveNoFileComp))
}

// load reads the policy. input is where lines come from, "" for none.
func (f *policyFlags) load(cmd *cobra.Command, e *env, input string) (*ehc.Policy, error) {
	if err := conflict(cmd, "policy", "dialect"); err != nil {
		return nil, err
	}
	if f.path == "" && f.dialect == "" {
		return nil, usagef(cmd, "no policy is given; name a file with --policy, or a dialect with --dialect")
	}
	if f.path == "-" && input == "-" {
		return nil, usagef(cmd, "the policy and the payloads cannot both come from standard input")
	}
	return f.read(cmd, e)
}

func (f *policyFlags) read(cmd *cobra.Command, e *env) (*ehc.Policy, error) {
	if f.path != "" {
		p, err := ehcfile.ReadFile(f.path, e.stdin)
		var pe *ehcfile.Error
		if errors.As(err, &pe) {
			err = hint(err, "schc ehc --help describes policy files")
		}
		return p, err
	}
	d, err := parseDialect(f.dialect)
	if err != nil {
		return nil, usagef(cmd, "--dialect: %w", err)
	}
	p := ehc.AnyPolicy(d)
	return &p, nil
}

func parseDialect(s string) (ehc.Dialect, error) {
	for _, d := range []ehc.Dialect{ehc.DialectHCP, ehc.DialectEHC} {
		if strings.EqualFold(s, d.String()) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%q is not hcp or ehc", s)
}

// ehcError is "<class>: <text>" of an error.
func ehcError(err error) string {
	text := err.Error()
	for _, p := range []string{"ehc: ", "ike: ", "dietesp: "} {
		text = strings.TrimPrefix(text, p)
	}
	switch e, _ := err.(ehc.Error); e {
	case ehc.ErrTruncated:
		text = "a payload, or something in it, ends early"
	case ehc.ErrMalformed:
		text = "lengths, counts or values are none that the specifications allow"
	case ehc.ErrUnsupported:
		text = "not handled here"
	case ehc.ErrRefused:
		text = "more payloads, proposals or attributes than are looked at"
	}
	var n *ehc.NegotiationError
	var c interface{ Class() string }
	switch {
	case errors.As(err, &n):
		return n.Err.Class() + ": " + text
	case errors.As(err, &c):
		return c.Class() + ": " + text
	}
	return text
}

// ehcResult is what became of an offer or an answer.
type ehcResult struct {
	Offer      string        `json:"offer,omitempty"`
	Answer     string        `json:"answer,omitempty"` // or the notify that refuses
	Bytes      int           `json:"answer_bytes,omitempty"`
	Attributes *ehcfile.Diet `json:"diet,omitempty"`
	Error      string        `json:"error,omitempty"`
}

// text is the line of a result.
func (r *ehcResult) text(attributes bool) (string, error) {
	switch {
	case r.Error != "" && r.Answer != "" && !attributes:
		return "error: " + r.Error + " (answer " + r.Answer + ")", nil
	case r.Error != "":
		return "error: " + r.Error, nil
	}
	var words []string
	if !attributes {
		words = append(words, r.Answer)
	}
	if r.Attributes != nil {
		b, err := json.Marshal(r.Attributes)
		if err != nil {
			return "", err
		}
		words = append(words, string(b))
	}
	return strings.Join(words, " "), nil
}

func newEHCOffer(e *env) *cobra.Command {
	var f struct {
		policy policyFlags
		form   format
		out    output
	}
	cmd := &cobra.Command{
		Use:   "offer (--policy FILE | --dialect NAME) [flags]",
		Short: "Print the notify that offers what a policy allows",
		Example: `  schc ehc offer -P device.yaml
  schc ehc offer --dialect ehc -f json`,
		Args: maxArgs(0, "none"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.form.check(cmd); err != nil {
				return err
			}
			p, err := f.policy.load(cmd, e, "")
			if err != nil {
				return err
			}
			offer, err := ehc.Offer(nil, p)
			if err != nil {
				return err
			}
			view, err := viewNotify(offer[4:], p)
			if err != nil {
				return err
			}
			return writeResult(cmd, e, &f.out, func(w io.Writer) error {
				switch f.form.text {
				case "text":
					_, err := fmt.Fprintf(w, "%x\n", offer)
					return err
				case "tsv":
					return report.WriteTSV(w, [][]string{{"payload", "bytes"}, {hex.EncodeToString(offer), fmt.Sprint(len(offer))}})
				}
				r := struct {
					Payload string      `json:"payload"`
					Bytes   int         `json:"payload_bytes"`
					Notify  *notifyView `json:"notify"`
				}{hex.EncodeToString(offer), len(offer), view}
				if f.form.text == "json" {
					return report.WriteJSON(w, r)
				}
				return report.WriteJSONLine(w, r)
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.policy.add(cmd)
	f.form.add(cmd)
	f.out.add(cmd)
	return cmd
}

// writeResult writes text to the output.
func writeResult(cmd *cobra.Command, e *env, o *output, write func(w io.Writer) error) error {
	out, err := o.create(cmd, e, false)
	if err != nil {
		return err
	}
	defer guard(out)()
	w := newBuffered(out)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return commit(out)
}

// ehcLines are the flags of commands that take a notify a line.
type ehcLines struct {
	policy policyFlags
	form   format
	in     input
	out    output
}

func (f *ehcLines) add(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	f.policy.add(cmd)
	f.form.add(cmd)
	cmd.Flags().StringVarP(&f.in.path, "read", "r", "-", "`FILE` of notifies in hex, one a line; - is standard input")
	f.out.add(cmd)
}

// run calls do for the notify of each line.
func (f *ehcLines) run(cmd *cobra.Command, e *env, args []string, attributes bool, do func(p *ehc.Policy, payload []byte) ehcResult) error {
	if err := f.form.check(cmd); err != nil {
		return err
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	p, err := f.policy.load(cmd, e, f.in.path)
	if err != nil {
		return err
	}
	l := &lineLoop{e: e, in: &f.in, out: &f.out}
	var results []ehcResult
	var payload []byte
	l.each = func(w io.Writer, words [][]byte, err error) error {
		var r ehcResult
		// What select prints behind an answer may stay there.
		if err == nil && len(words) > 1 && !(attributes && bytes.HasPrefix(words[1], []byte{'{'})) {
			err = errLine("%d words; a notify is one word in hex", len(words))
		}
		if err == nil {
			payload, err = decodeHex(payload, words[0])
		}
		if err != nil {
			r.Error = err.Error()
		} else {
			r = do(p, payload)
		}
		l.failed = l.failed || r.Error != ""
		switch f.form.text {
		case "text":
			text, err := r.text(attributes)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(w, text)
			return err
		case "jsonl":
			return report.WriteJSONLine(w, &r)
		}
		results = append(results, r)
		return nil
	}
	l.end = func(w io.Writer) error {
		switch f.form.text {
		case "json":
			if results == nil {
				results = []ehcResult{}
			}
			return report.WriteJSON(w, results)
		case "tsv":
			rows := [][]string{{"offer", "answer", "diet", "error"}}
			for i := range results {
				r := &results[i]
				diet := ""
				if r.Attributes != nil {
					b, err := json.Marshal(r.Attributes)
					if err != nil {
						return err
					}
					diet = string(b)
				}
				rows = append(rows, []string{r.Offer, r.Answer, diet, r.Error})
			}
			return report.WriteTSV(w, rows)
		}
		return nil
	}
	return l.run(cmd)
}

func newEHCSelect(e *env) *cobra.Command {
	var f ehcLines
	cmd := &cobra.Command{
		Use:   "select (--policy FILE | --dialect NAME) [flags] [FILE]",
		Short: "Answer offers as a policy wants, and show what is agreed on",
		Long: `Answer each offer, a notify in hex, as a responder with this policy does. A line of the
result is the answer in hex, then what is agreed on: the "diet" object of an SA file.
What is not acceptable gives

    error: CLASS: TEXT (answer HEX)

with the notify that refuses it, and the exit code 1.`,
		Example: `  schc ehc offer -P device.yaml | schc ehc select -P gateway.yaml`,
		Args:    maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, e, args, false, func(p *ehc.Policy, offer []byte) ehcResult {
				r := ehcResult{Offer: hex.EncodeToString(offer)}
				answer, a, err := ehc.Select(nil, offer, p)
				var n *ehc.NegotiationError
				switch {
				case err == nil:
					r.Attributes = ehcfile.NewDiet(&a)
				case errors.As(err, &n) && n.Err == ehc.ErrRefused:
					r.Error = ehcError(err)
					if answer, err = ehc.AppendRefusal(nil, p); err != nil {
						r.Error = ehcError(err)
					}
				default:
					r.Error = ehcError(err)
				}
				r.Answer, r.Bytes = hex.EncodeToString(answer), len(answer)
				return r
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newEHCAccept(e *env) *cobra.Command {
	var f ehcLines
	var offerText string
	cmd := &cobra.Command{
		Use:   "accept (--policy FILE | --dialect NAME) [--offer HEX] [flags] [FILE]",
		Short: "Check answers against an offer and a policy",
		Long: `Check each answer, a notify in hex, as the initiator does that has sent the offer. A line
of the result is what is agreed on, the "diet" object of an SA file, or

    error: CLASS: TEXT

and the exit code is then 1: the initiator deletes the Child SA.

The offer is that of the policy, unless --offer has another one.`,
		Example: `  schc ehc offer -P a.yaml | schc ehc select -P b.yaml | schc ehc accept -P a.yaml`,
		Args:    maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var offer []byte
			if given(cmd, "offer") {
				var err error
				if offer, err = hex.DecodeString(offerText); err != nil {
					return usagef(cmd, "--offer: %q is not hex", offerText)
				}
			}
			return f.run(cmd, e, args, true, func(p *ehc.Policy, answer []byte) ehcResult {
				r := ehcResult{Answer: hex.EncodeToString(answer), Bytes: len(answer)}
				sent, err := offer, error(nil)
				if sent == nil {
					sent, err = ehc.Offer(nil, p)
				}
				var a dietesp.Attributes
				if err == nil {
					r.Offer = hex.EncodeToString(sent)
					a, err = ehc.Accept(sent, answer, p)
				}
				if err != nil {
					r.Error = ehcError(err)
				} else {
					r.Attributes = ehcfile.NewDiet(&a)
				}
				return r
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&offerText, "offer", "", "the offer, a notify in `HEX`, if it is not the one of the policy")
	return cmd
}

// skFlags are the keys of an IKE SA.
type skFlags struct {
	ei, er, ai, ar string
	icv            int
	spi            string

	keys [2]*ikemsg.Keys // of the initiator and of the responder
	only []byte          // SPI of the initiator
}

func (f *skFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.ei, "sk-ei", "", "`HEX` of SK_ei: cipher key, with the salt behind it for AES-GCM and AES-CCM")
	cmd.Flags().StringVar(&f.er, "sk-er", "", "`HEX` of SK_er")
	cmd.Flags().StringVar(&f.ai, "sk-ai", "", "`HEX` of SK_ai, for AES-CBC with HMAC-SHA2-256-128")
	cmd.Flags().StringVar(&f.ar, "sk-ar", "", "`HEX` of SK_ar")
	cmd.Flags().IntVar(&f.icv, "icv", 16, "`BYTES` of the ICV of AES-GCM or AES-CCM")
	cmd.Flags().StringVar(&f.spi, "ike-spi", "", "show only the IKE SA whose initiator has this SPI, 16 `HEX` digits")
}

func (f *skFlags) check(cmd *cobra.Command) error {
	for i, k := range [][2]string{{f.ei, f.ai}, {f.er, f.ar}} {
		name := [2][2]string{{"sk-ei", "sk-ai"}, {"sk-er", "sk-ar"}}[i]
		if k[0] == "" && k[1] == "" {
			continue
		}
		enc, err := hex.DecodeString(k[0])
		if err != nil || len(enc) == 0 {
			return usagef(cmd, "--%s is not hex, or is missing", name[0])
		}
		auth, err := hex.DecodeString(k[1])
		if err != nil {
			return usagef(cmd, "--%s is not hex", name[1])
		}
		keys := &ikemsg.Keys{Encr: enc, Auth: auth, ICVLen: f.icv}
		if err := keys.Check(); err != nil {
			return usagef(cmd, "--%s and --%s have no lengths of AES-GCM (16, 24 or 32 bytes and 4 of salt), AES-CCM (and 3), or AES-CBC with an HMAC key of 32 bytes, or --icv is not theirs", name[0], name[1])
		}
		f.keys[i] = keys
	}
	if f.spi != "" {
		var err error
		if f.only, err = parseHex(f.spi, 8); err != nil {
			return usagef(cmd, "--ike-spi: %w", err)
		}
	}
	return nil
}
