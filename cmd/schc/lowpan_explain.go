package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/lowpan"
)

// lowpanExplainFlags are the flags of schc lowpan explain.
type lowpanExplainFlags struct {
	lowpanFlags
	send   senderFlags
	form   format
	out    output
	hex    hexLink
	frames bool
	packet uint64
}

func newLowpanExplain(e *env) *cobra.Command {
	var f lowpanExplainFlags
	cmd := &cobra.Command{
		Use:   "explain [flags] [FILE]",
		Short: "Show the forms that are chosen for a packet, and the bits of each field",
		Long: `Show for each packet of an IPv6 capture the frames that it becomes, or for each
frame of a LoWPAN capture what it holds, field by field: the form that is used, the
bits in the frame, and the bits of the IPv6 packet that they stand for.

With --hex, every line is an IPv6 packet in hex and two link-layer addresses, or
with --frames a frame payload and its addresses.`,
		Example: `  schc lowpan explain --context 0=2001:db8:1::/64 -r in.pcap --packet 1
  echo 7a333a80... 0001 0002 | schc lowpan explain --hex --frames`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if err := f.form.check(cmd); err != nil {
				return err
			}
			if err := conflict(cmd, "packet", "count"); err != nil {
				return err
			}
			if given(cmd, "packet") && f.packet == 0 {
				return usagef(cmd, "--packet: packets are numbered from 1")
			}
			if f.hex.on {
				return lowpanExplainHex(cmd, e, &f, args)
			}
			return lowpanExplainCapture(cmd, e, &f, args)
		},
	}
	f.add(cmd)
	f.send.addOptions(cmd)
	f.send.addFrames(cmd, false)
	f.addDecompress(cmd)
	cmd.Flags().Uint64Var(&f.packet, "packet", 0, "explain only packet `N`, as numbered in the capture, or line N of --hex")
	f.form.add(cmd)
	f.out.add(cmd)
	f.hex.add(cmd)
	cmd.Flags().BoolVar(&f.frames, "frames", false, "with --hex: lines are frame payloads, not IPv6 packets")
	f.loudness.add(cmd)
	return cmd
}

// lowExplanation says what a frame payload consists of.
type lowExplanation struct {
	Packet   uint64    `json:"packet"`          // its number, from 1
	Frame    int       `json:"frame,omitempty"` // of a packet in several frames, from 1
	Src      string    `json:"link_src,omitempty"`
	Dst      string    `json:"link_dst,omitempty"`
	Passed   string    `json:"passed_through,omitempty"`
	Error    string    `json:"error,omitempty"`
	InBytes  int       `json:"in_bytes"`  // of the IPv6 packet
	OutBytes int       `json:"out_bytes"` // of the frame payload
	MACBytes int       `json:"mac_bytes,omitempty"`
	LoWPAN   string    `json:"lowpan,omitempty"` // the frame payload in hex
	Parts    []lowPart `json:"parts,omitempty"`
}

// lowPart is one field.
type lowPart struct {
	Name    string `json:"name"`
	Form    string `json:"form"`
	OffBits uint32 `json:"off_bits"`
	LenBits uint32 `json:"len_bits"` // in the frame payload
	InBits  uint32 `json:"in_bits"`  // in the IPv6 packet
}

// lowExplainer explains frame payloads and prints what it finds.
type lowExplainer struct {
	table *lowpan.Table
	opts  lowpan.Options
	w     io.Writer
	form  string
	recv  lowcap.Receiver
	n     int
}

var lowExplanationHead = []string{"packet", "frame", "name", "form", "off_bits", "len_bits", "in_bits"}

// frame explains one frame payload.
func (x *lowExplainer) frame(r *lowExplanation, payload []byte, link lowpan.Link) {
	r.Src, r.Dst = addrText(link.Src), addrText(link.Dst)
	r.OutBytes = len(payload)
	r.LoWPAN = hex.EncodeToString(payload)
	parts, err := lowpan.Explain(payload, link, x.table, x.opts)
	if err != nil {
		r.Error = lowpanError(err)
		return
	}
	in := uint32(0)
	for _, p := range parts {
		r.Parts = append(r.Parts, lowPart(p))
		in += p.InBits
	}
	r.InBytes = int(in / 8)
}

func addrText(a lowpan.Addr) string {
	if a.Kind == lowpan.AddrNone {
		return "none"
	}
	return hex.EncodeToString(a.AppendBytes(nil))
}

// print prints one explanation.
func (x *lowExplainer) print(r *lowExplanation) error {
	x.n++
	switch x.form {
	case "json":
		sep := ",\n"
		if x.n == 1 {
			sep = "[\n"
		}
		if _, err := io.WriteString(x.w, sep); err != nil {
			return err
		}
		return report.WriteJSON(x.w, r)
	case "jsonl":
		return report.WriteJSONLine(x.w, r)
	case "tsv":
		var rows [][]string
		if x.n == 1 {
			rows = append(rows, lowExplanationHead)
		}
		return report.WriteTSV(x.w, append(rows, r.rows()...))
	}
	if x.n > 1 {
		io.WriteString(x.w, "\n")
	}
	_, err := io.WriteString(x.w, r.text())
	return err
}

// end closes the JSON array.
func (x *lowExplainer) end() error {
	s := ""
	switch {
	case x.form == "json" && x.n == 0:
		s = "[]\n"
	case x.form == "json":
		s = "]\n"
	case x.form == "tsv" && x.n == 0:
		return report.WriteTSV(x.w, [][]string{lowExplanationHead})
	}
	_, err := io.WriteString(x.w, s)
	return err
}

func (r *lowExplanation) rows() [][]string {
	row := func(name, form string, off, n, in uint32) []string {
		return []string{fmt.Sprint(r.Packet), fmt.Sprint(r.Frame), name, form, fmt.Sprint(off), fmt.Sprint(n), fmt.Sprint(in)}
	}
	switch {
	case r.Passed != "":
		return [][]string{row("passed_through", r.Passed, 0, 0, 0)}
	case r.Error != "":
		return [][]string{row("error", r.Error, 0, 0, 0)}
	}
	var rows [][]string
	for _, p := range r.Parts {
		rows = append(rows, row(p.Name, p.Form, p.OffBits, p.LenBits, p.InBits))
	}
	return rows
}

func (r *lowExplanation) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "packet %d", r.Packet)
	if r.Frame > 0 {
		fmt.Fprintf(&b, ", frame %d", r.Frame)
	}
	switch {
	case r.Passed != "":
		fmt.Fprintf(&b, " is passed through: %s\n", r.Passed)
		return b.String()
	case r.Error != "" && r.LoWPAN == "":
		fmt.Fprintf(&b, ": error: %s\n", r.Error)
		return b.String()
	}
	fmt.Fprintf(&b, ", %s to %s: %d bytes of IPv6 in %d bytes", r.Src, r.Dst, r.InBytes, r.OutBytes)
	if r.MACBytes > 0 {
		fmt.Fprintf(&b, " and %d of the MAC frame", r.MACBytes)
	}
	fmt.Fprintf(&b, "\n  frame payload %s\n", r.LoWPAN)
	if r.Error != "" {
		fmt.Fprintf(&b, "  error: %s\n", r.Error)
		return b.String()
	}
	t := report.Table{Head: []string{"field", "form", "bits", "for bits"}, Right: []bool{false, false, true, true}, Indent: "  "}
	for _, p := range r.Parts {
		t.Add(p.Name, p.Form, fmt.Sprint(p.LenBits), fmt.Sprint(p.InBits))
	}
	b.WriteString(t.String())
	return b.String()
}

// leftOutText says why a frame holds no packet.
func leftOutText(s lowcap.Status) string {
	switch s {
	case lowcap.NoPayload:
		return "a frame without payload, or of another type than data"
	case lowcap.NotIPv6:
		return "what it carries is something else than IPv6"
	case lowcap.Encrypted:
		return "it is encrypted"
	case lowcap.Part:
		return "a part of a packet, which is explained with its last part"
	case lowcap.Cut:
		return "the capture holds only a part of it (snap length)"
	}
	return "it holds no IPv6 packet"
}

func lowpanExplainCapture(cmd *cobra.Command, e *env, f *lowpanExplainFlags, args []string) error {
	if err := f.hex.unused(cmd); err != nil {
		return err
	}
	if given(cmd, "frames") {
		return usagef(cmd, "--frames needs --hex: a capture says what it holds")
	}
	if err := f.in.check(cmd, args); err != nil {
		return err
	}
	s, err := f.send.sender(cmd, &f.lowpanOptions)
	if err != nil {
		return err
	}
	r, err := f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := f.out.create(cmd, e, false, r.Info())
	if err != nil {
		return err
	}
	defer guard(out)()
	w := newBuffered(out)
	x := &lowExplainer{table: &f.table, opts: f.opts, w: w, form: f.form.text, recv: lowcap.Receiver{TI: f.ti, Keys: f.blocks}}
	failed, last := false, uint64(0)
	damage, err := f.in.each(r, func(n uint64, p *pcapio.Packet) error {
		last = n
		if f.packet != 0 && n != f.packet {
			if n > f.packet {
				return errStop
			}
			if lowcap.IsBLE(p.Interface.LinkType) {
				x.recv.Locate(p) // what it says of connections
			}
			return nil
		}
		l, err := x.captured(n, p, s, &f.send)
		if err != nil {
			return err
		}
		for _, r := range l {
			failed = failed || r.Error != ""
			if err := x.print(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && err != errStop {
		return err
	}
	if f.packet != 0 && x.n == 0 {
		text := fmt.Errorf("%s: there is no packet %d", f.in.name(), f.packet)
		if f.in.flt != nil {
			return hint(text, "or the filter does not select it")
		}
		return hint(text, "the last one is %d", last)
	}
	if err := x.end(); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := commit(out); err != nil {
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

// captured explains a captured frame: the LoWPAN frame that it is, or those that
// its IPv6 packet becomes.
func (x *lowExplainer) captured(n uint64, p *pcapio.Packet, s *lowcap.Sender, flags *senderFlags) ([]*lowExplanation, error) {
	if f, ok := carriesFrames(p, &x.recv); ok {
		r := &lowExplanation{Packet: n, MACBytes: f.MACLen}
		switch f.Status {
		case lowcap.LoWPAN:
			x.frame(r, f.Payload, f.Link)
		case lowcap.BadFrame:
			r.Error = lowpanError(f.Err)
		default:
			r.MACBytes = 0
			r.Passed = leftOutText(f.Status)
		}
		return []*lowExplanation{r}, nil
	}
	var c lowcap.Packets
	pkt := lowpanPacket(p, &c)
	if pkt == nil {
		why := "it holds no IPv6 packet"
		switch {
		case c.SnapCut > 0:
			why = reasonText(report.SnapCut)
		case c.BadLength > 0:
			why = reasonText(report.BadLength)
		}
		return []*lowExplanation{{Packet: n, Passed: why}}, nil
	}
	return x.packet(n, pkt, flags.link(p, pkt), s)
}

// packet explains the frames that an IPv6 packet becomes.
func (x *lowExplainer) packet(n uint64, pkt []byte, link lowpan.Link, s *lowcap.Sender) (l []*lowExplanation, err error) {
	_, err = s.Send(pkt, link, func(frame, payload []byte) error {
		r := &lowExplanation{Packet: n, Frame: len(l) + 1, MACBytes: len(frame) - len(payload)}
		x.frame(r, payload, link)
		l = append(l, r)
		return nil
	})
	var e lowpan.Error
	switch errors.As(err, &e); {
	case e == lowpan.ErrUnsupported:
		return []*lowExplanation{{Packet: n, InBytes: len(pkt), Passed: "it is too long for fragmentation"}}, nil
	case e != 0:
		return []*lowExplanation{{Packet: n, InBytes: len(pkt), Error: lowpanPacketError(err)}}, nil
	}
	if len(l) == 1 {
		l[0].Frame = 0
	}
	return l, err
}

func lowpanExplainHex(cmd *cobra.Command, e *env, f *lowpanExplainFlags, args []string) error {
	if err := f.hex.check(cmd, &f.in, args); err != nil {
		return err
	}
	if f.frames {
		if err := conflict(cmd, "frames", "ghc", "elide-checksum"); err != nil {
			return err
		}
	}
	f.send.options(&f.lowpanOptions)
	x := &lowExplainer{table: &f.table, opts: f.opts, form: f.form.text}
	l := &lineLoop{e: e, in: &f.in, out: &f.out}
	n := uint64(0)
	l.each = func(w io.Writer, words [][]byte, err error) error {
		n++
		if f.packet != 0 && n != f.packet {
			return nil
		}
		x.w = w
		r := &lowExplanation{Packet: n}
		var b []byte
		var link lowpan.Link
		if err == nil {
			b, link, err = f.hex.line(nil, words)
		}
		switch {
		case err != nil:
			r.Error = err.Error()
		case f.frames:
			x.frame(r, b, link)
		default:
			small, err := lowpan.AppendCompress(nil, b, link, &f.table, f.opts)
			if err != nil {
				r.Error = lowpanPacketError(err)
			} else {
				x.frame(r, small, link)
			}
		}
		l.failed = l.failed || r.Error != ""
		return x.print(r)
	}
	l.end = func(w io.Writer) error {
		x.w = w
		if f.packet != 0 && x.n == 0 {
			return hint(fmt.Errorf("%s: there is no packet %d", f.in.name(), f.packet), "the last one is %d", n)
		}
		return x.end()
	}
	return l.run(cmd)
}
