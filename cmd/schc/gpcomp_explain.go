package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

// gpcompExplanation is about one packet or payload.
type gpcompExplanation struct {
	Packet    uint64          `json:"packet"`
	InBytes   int             `json:"in_bytes"`
	Header    *gpcompHeader   `json:"header,omitempty"` // there is one
	Code      int             `json:"code_bytes,omitempty"`
	Restored  int             `json:"restored_bytes,omitempty"`
	Error     string          `json:"error,omitempty"`
	Passed    string          `json:"passed_through,omitempty"`
	Decisions []codecDecision `json:"decisions,omitempty"` // what each codec makes of it
}

type gpcompHeader struct {
	NextHeader uint8  `json:"next_header"`
	Flags      uint8  `json:"flags"`
	CPI        uint16 `json:"cpi"`
	Kind       string `json:"kind"`
	Codec      string `json:"codec,omitempty"`
}

type codecDecision struct {
	Codec  string         `json:"codec"`
	Result gpcompDecision `json:"result"`
	Bytes  int            `json:"bytes"`
}

// gpcompExplainer explains and prints.
type gpcompExplainer struct {
	listing
	assocs []*gpcomp.Association
	header bool
}

func newGPCompExplain(e *env) *cobra.Command {
	var in input
	var out output
	var form format
	var assoc assocFlags
	var hexMode, header bool
	var next uint8
	cmd := &cobra.Command{
		Use:   "explain [flags] [FILE]",
		Short: "Show IPComp headers, and what each codec makes of a packet and why",
		Long: `Show for each IPComp packet of a capture its header and what it holds; and for each
other IP packet, and for what IPComp packets hold, the size that each codec makes of it,
or why it is sent as it is: it is below the codec's threshold, or would not be smaller.

With --hex, every line is a payload in hex, perhaps with a GPComp header.`,
		Example: `  schc gpcomp explain -c 2 testdata/captures/coap.pcap
  echo 746865206361742074686520636174 | schc gpcomp explain --hex`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			if err := conflict(cmd, "hex", "filter"); err != nil {
				return err
			}
			if !hexMode && (header || given(cmd, "next-header")) {
				return usagef(cmd, "--header and --next-header need --hex")
			}
			if err := in.check(cmd, args); err != nil {
				return err
			}
			assocs, err := assoc.load(cmd)
			if err != nil {
				return err
			}
			for _, a := range assocs {
				a.NextHeader = next
			}
			x := &gpcompExplainer{listing: listing{form: form.text, head: gpcompExplanationHead}, assocs: assocs, header: header}
			if hexMode {
				return x.lines(cmd, e, &in, &out)
			}
			return x.capture(cmd, e, &in, &out)
		},
	}
	cmd.Flags().SortFlags = false
	assoc.addCodec(cmd, "default: all")
	cmd.Flags().IntVar(&assoc.threshold, "threshold", 0, "try no payloads of fewer than `N` bytes (default: the codec's)")
	assoc.addReceiving(cmd)
	in.add(cmd)
	out.add(cmd)
	form.add(cmd)
	addHex(cmd, &hexMode)
	cmd.Flags().BoolVar(&header, "header", false, "with --hex: count the GPComp header of 4 bytes")
	cmd.Flags().Uint8Var(&next, "next-header", 0, "with --hex: Next Header of the GPComp header, `N`")
	return cmd
}

// describe is the header with its names.
func (x *gpcompExplainer) describe(h gpcomp.Header) *gpcompHeader {
	d := &gpcompHeader{h.NextHeader, h.Flags, uint16(h.CPI), cpiText(h.CPI), ""}
	if a := gpcomp.Find(x.assocs, h.CPI); a != nil {
		d.Codec = codecName(a.Codec.Transform())
	}
	return d
}

// payload explains a payload, or an IP packet.
func (x *gpcompExplainer) payload(n uint64, p []byte, ip bool) *gpcompExplanation {
	r := &gpcompExplanation{Packet: n, InBytes: len(p)}
	if a, ok := x.begin(r, p, ip); ok {
		if a == nil {
			return r
		}
		var err error
		if ip {
			p, err = a.AppendDecompressIP(nil, p)
		} else {
			p, _, err = a.AppendDecompressHeader(nil, p)
		}
		if err != nil {
			r.Error = gpcompError(err)
			return r
		}
		r.Restored = len(p)
	}
	var buf []byte
	for _, a := range x.assocs {
		var fate gpcompDecision
		buf, fate = decide(a, buf[:0], p, ip, x.header)
		r.Decisions = append(r.Decisions, codecDecision{codecName(a.Codec.Transform()), fate, len(buf)})
	}
	return r
}

// begin reports whether p is compressed, and with which association, nil if none is
// known.
func (x *gpcompExplainer) begin(r *gpcompExplanation, p []byte, ip bool) (*gpcomp.Association, bool) {
	if ip {
		h, off, err := gpcomp.ParseIP(p)
		if err != nil {
			return nil, false
		}
		r.Header = x.describe(h)
		r.Code = len(p) - off - gpcomp.HeaderLen
		a := gpcomp.Find(x.assocs, h.CPI)
		if a == nil {
			r.Error = gpcompError(gpcomp.ErrNoSA)
		}
		return a, true
	}
	for _, a := range x.assocs {
		if a.Marked(p) {
			h, _ := gpcomp.ParseHeader(p)
			r.Header = x.describe(h)
			r.Code = len(p) - gpcomp.HeaderLen
			return a, true
		}
	}
	return nil, false
}

func (x *gpcompExplainer) lines(cmd *cobra.Command, e *env, in *input, out *output) error {
	l := &lineLoop{e: e, in: in, out: out}
	n := uint64(0)
	var b []byte
	l.each = func(w io.Writer, words [][]byte, err error) error {
		n++
		x.w = w
		if err == nil && len(words) > 1 {
			err = errLine("%d words", len(words))
		}
		if err == nil {
			b, err = decodePayload(b, words[0])
		}
		if err != nil {
			l.failed = true
			return x.print(&gpcompExplanation{Packet: n, Error: err.Error()})
		}
		r := x.payload(n, b, false)
		l.failed = l.failed || r.Error != ""
		return x.print(r)
	}
	l.end = func(w io.Writer) error {
		x.w = w
		return x.end()
	}
	return l.run(cmd)
}

func (x *gpcompExplainer) capture(cmd *cobra.Command, e *env, in *input, o *output) error {
	r, err := in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	var infos []os.FileInfo
	out, err := o.create(cmd, e, false, append(infos, r.Info())...)
	if err != nil {
		return err
	}
	defer guard(out)()
	w := newBuffered(out)
	x.w = w
	failed := false
	damage, err := in.each(r, func(n uint64, p *pcapio.Packet) error {
		loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
		switch {
		case !ok:
			return x.print(&gpcompExplanation{Packet: n, Passed: reasonText(report.NonIP)})
		case p.Snapped():
			return x.print(&gpcompExplanation{Packet: n, InBytes: loc.Len, Passed: reasonText(report.SnapCut)})
		}
		r := x.payload(n, p.Data[loc.Off:loc.Off+loc.Len], true)
		failed = failed || r.Error != "" && r.Header.Codec != ""
		return x.print(r)
	})
	if err == nil {
		err = x.end()
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = commit(out)
	}
	if err != nil {
		return err
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if failed {
		return errFailed
	}
	return nil
}

func (x *gpcompExplainer) print(r *gpcompExplanation) error {
	return x.listing.print(r, r.rows, r.text)
}

// gpcompExplanationHead is the head of the table.
var gpcompExplanationHead = []string{"packet", "in_bytes", "cpi", "restored_bytes", "codec", "result", "bytes", "text"}

func (r *gpcompExplanation) rows() (rows [][]string) {
	cpi := ""
	if r.Header != nil {
		cpi = strconv.Itoa(int(r.Header.CPI))
	}
	row := func(codec, result, bytes, text string) {
		rows = append(rows, []string{strconv.FormatUint(r.Packet, 10), strconv.Itoa(r.InBytes), cpi, strconv.Itoa(r.Restored), codec, result, bytes, text})
	}
	switch {
	case r.Error != "":
		row("", "error", "", r.Error)
	case r.Passed != "":
		row("", string(fateOutside), "", r.Passed)
	}
	for _, d := range r.Decisions {
		row(d.Codec, string(d.Result), strconv.Itoa(d.Bytes), "")
	}
	return rows
}

func (r *gpcompExplanation) text(w io.Writer) error {
	s := fmt.Sprintf("packet %d: %d bytes", r.Packet, r.InBytes)
	switch {
	case r.Header != nil:
		s += fmt.Sprintf("\n  header: Next Header %d, Flags %d, CPI %d (%s)\n", r.Header.NextHeader, r.Header.Flags, r.Header.CPI, r.Header.Kind)
		if r.Restored > 0 {
			s += fmt.Sprintf("  %d bytes of code; restored: %d bytes\n", r.Code, r.Restored)
		}
	case r.Passed != "":
		s += ": " + r.Passed + "\n"
	default:
		s += "\n"
	}
	if r.Error != "" {
		s += "  error: " + r.Error + "\n"
	}
	t := report.Table{Indent: "  ", Right: []bool{false, true}}
	for _, d := range r.Decisions {
		text := ""
		switch d.Result {
		case fateBelow:
			text = "as it is: below the threshold"
		case fateNotSmaller:
			text = "as it is: it would not be smaller"
		case fateOutside:
			text = "as it is: not for IPComp, or it could not be restored byte for byte"
		}
		t.Add(d.Codec, strconv.Itoa(d.Bytes), text)
	}
	if len(r.Decisions) > 0 {
		s += t.String()
	}
	_, err := io.WriteString(w, s)
	return err
}
