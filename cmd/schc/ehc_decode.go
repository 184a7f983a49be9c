package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

// ehcDecodeFlags are the flags of schc ehc decode.
type ehcDecodeFlags struct {
	loudness
	policy policyFlags
	sk     skFlags
	in     input
	out    output
	form   format
	hex    bool
}

func newEHCDecode(e *env) *cobra.Command {
	var f ehcDecodeFlags
	cmd := &cobra.Command{
		Use:   "decode [flags] [FILE]",
		Short: "Show the IKEv2 messages of a capture, and what they negotiate",
		Long: `Show the IKEv2 messages of a capture, on UDP ports 500 and 4500: notifies of Diet-ESP and
its neighbours, SA payloads and traffic selectors. Messages are decrypted with the keys of
the IKE SA, where they are given: AES-GCM or AES-CCM (SK_e with the salt behind the key), or
AES-CBC with HMAC-SHA2-256-128. Other packets are passed over.

With --hex, every line is an IKE message, or a Notify payload, in hex.

A message that is broken, or that the keys do not open, is an error, and the exit code is 1.
A policy is used for its numbers only.`,
		Example: `  schc ehc decode -r ike.pcap
  schc ehc decode --sk-ei 8b61... --sk-er e22e... -f json ike.pcap
  schc ehc offer --dialect hcp | schc ehc decode --hex`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.loudness.check(cmd); err != nil {
				return err
			}
			if err := conflict(cmd, "hex", "filter", "quiet", "verbose"); err != nil {
				return err
			}
			if err := f.form.check(cmd); err != nil {
				return err
			}
			if err := f.in.check(cmd, args); err != nil {
				return err
			}
			if err := f.sk.check(cmd); err != nil {
				return err
			}
			p := &ehc.Policy{}
			if given(cmd, "policy") || given(cmd, "dialect") {
				var err error
				if p, err = f.policy.load(cmd, e, f.in.path); err != nil {
					return err
				}
			}
			x := &ehcDecoder{f: &f, p: p}
			if f.hex {
				return x.lines(cmd, e)
			}
			return x.capture(cmd, e)
		},
	}
	cmd.Flags().SortFlags = false
	f.in.add(cmd)
	f.sk.add(cmd)
	f.policy.add(cmd)
	f.form.add(cmd)
	f.out.add(cmd)
	addHex(cmd, &f.hex)
	f.loudness.add(cmd)
	return cmd
}

// ehcDecoder shows messages one by one.
type ehcDecoder struct {
	f        *ehcDecodeFlags
	p        *ehc.Policy
	w        io.Writer
	views    []ikeView // for json
	messages uint64
	packets  uint64
	cut      uint64
	failed   failures
}

func (x *ehcDecoder) lines(cmd *cobra.Command, e *env) error {
	l := &lineLoop{e: e, in: &x.f.in, out: &x.f.out}
	var line []byte
	n := uint64(0)
	l.each = func(w io.Writer, words [][]byte, err error) error {
		x.w = w
		n++
		if err == nil && len(words) > 1 {
			err = errLine("%d words; a message is one word in hex", len(words))
		}
		if err == nil {
			line, err = decodeHex(line, words[0])
		}
		v := ikeView{}
		switch {
		case err != nil:
			v.Error = err.Error()
		case isMessage(line):
			v, err = viewMessage(line, &x.f.sk, x.p)
		default:
			// A Notify payload: its Next Payload does not matter.
			alone := bytes.Clone(line)
			if len(alone) > 0 {
				alone[0] = 0
			}
			if v.Payloads, err = viewPayloads(ehc.PayloadNotify, alone, x.p); err != nil {
				v.Error = ehcError(err)
			}
		}
		l.failed = l.failed || err != nil
		if err != nil && v.Header == nil && len(v.Payloads) <= 1 && x.f.form.text == "text" && (len(v.Payloads) == 0 || v.Payloads[0].Notify == nil) {
			_, err := fmt.Fprintf(w, "error: %s\n", v.Error)
			return err
		}
		v.Packet = n
		return x.show(&v)
	}
	l.end = func(w io.Writer) error {
		x.w = w
		return x.end()
	}
	return l.run(cmd)
}

// isMessage reports whether b is an IKE message and no Notify payload: its length
// is where that of a message is.
func isMessage(b []byte) bool {
	return len(b) >= 28 && b[17]>>4 == 2 && binary.BigEndian.Uint32(b[24:]) == uint32(len(b)) && int(binary.BigEndian.Uint16(b[2:])) != len(b)
}

// show prints a message, or keeps it for the end.
func (x *ehcDecoder) show(v *ikeView) error {
	if v.Payloads == nil {
		v.Payloads = []payloadView{}
	}
	switch x.f.form.text {
	case "text":
		if x.f.hex && v.Header == nil {
			v.Packet = 0
		}
		_, err := io.WriteString(x.w, v.text())
		return err
	case "jsonl":
		return report.WriteJSONLine(x.w, v)
	}
	x.views = append(x.views, *v)
	return nil
}

// end prints what was kept.
func (x *ehcDecoder) end() error {
	switch x.f.form.text {
	case "json":
		if x.views == nil {
			x.views = []ikeView{}
		}
		return report.WriteJSON(x.w, x.views)
	case "tsv":
		rows := [][]string{{"packet", "src", "dst", "exchange", "kind", "message_id", "payload", "name", "data", "error"}}
		for i := range x.views {
			v := &x.views[i]
			head := []string{strconv.FormatUint(v.Packet, 10), v.Src, v.Dst, "", "", ""}
			if h := v.Header; h != nil {
				head = append(head[:3], h.Exchange, h.kind(), strconv.FormatUint(uint64(h.MessageID), 10))
			}
			if len(v.Payloads) == 0 {
				rows = append(rows, append(head, "", "", "", v.Error))
			}
			for j := range v.Payloads {
				p := &v.Payloads[j]
				name, data := "", ""
				if p.Notify != nil {
					name, data = p.Notify.Name, p.Notify.Data
				}
				rows = append(rows, append(head[:len(head):len(head)], p.Type, name, data, p.Error))
			}
		}
		return report.WriteTSV(x.w, rows)
	}
	return nil
}

func (x *ehcDecoder) capture(cmd *cobra.Command, e *env) error {
	r, err := x.f.in.open(cmd, e)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := x.f.out.create(cmd, e, false, r.Info())
	if err != nil {
		return err
	}
	defer guard(out)()
	w := newBuffered(out)
	x.w = w
	progress := e.progress(r, x.f.quiet)
	damage, err := x.f.in.each(r, x.packet)
	progress.stop()
	if err == nil {
		err = x.end()
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	x.failed.report(e, "packet")
	if x.f.verbose {
		fmt.Fprintf(e.stderr, "%s: %s of IKEv2, %d failed, %d cut by the snap length\n", report.Plural(int(x.packets), "packet"),
			report.Plural(int(x.messages), "message"), x.failed.n, x.cut)
	}
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failed.n > 0 {
		return errFailed
	}
	return nil
}

func (x *ehcDecoder) packet(n uint64, p *pcapio.Packet) error {
	x.packets++
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	if !ok {
		return nil
	}
	if p.Snapped() {
		x.cut++
		return nil
	}
	msg, src, dst, ok := ikeOf(p.Data[loc.Off : loc.Off+loc.Len])
	if !ok || len(msg) > 17 && msg[17]>>4 != 2 {
		return nil
	}
	if x.f.sk.only != nil && !bytes.HasPrefix(msg, x.f.sk.only) {
		return nil
	}
	x.messages++
	v, err := viewMessage(msg, &x.f.sk, x.p)
	if err != nil {
		x.failed.addText(n, v.Error)
	}
	v.Packet, v.Src, v.Dst = n, src.String(), dst.String()
	return x.show(&v)
}

// ikePort is the UDP port of IKE; on esp.Port it has a marker of four zero bytes
// in front, which no SPI of ESP is (RFC 3948, Section 2.2).
const ikePort = 500

// ikeOf returns the IKE message in an IP packet that is no fragment.
func ikeOf(pkt []byte) (msg []byte, src, dst netip.AddrPort, ok bool) {
	a, b, ok := endpoints(pkt)
	if !ok {
		return nil, src, dst, false
	}
	at, proto := 40, pkt[6]
	if pkt[0]>>4 == 4 {
		at, proto = int(pkt[0]&15)*4, pkt[9]
		if binary.BigEndian.Uint16(pkt[6:])&0x3fff != 0 {
			return nil, src, dst, false
		}
	} else {
		for (proto == 0 || proto == 43 || proto == 60) && len(pkt) >= at+8 {
			proto, at = pkt[at], at+8+8*int(pkt[at+1])
		}
	}
	if proto != 17 || len(pkt) < at+8 {
		return nil, src, dst, false
	}
	udp := pkt[at:]
	n := int(binary.BigEndian.Uint16(udp[4:]))
	if n < 8 || n > len(udp) {
		return nil, src, dst, false
	}
	sp, dp := binary.BigEndian.Uint16(udp), binary.BigEndian.Uint16(udp[2:])
	src, dst, msg = netip.AddrPortFrom(a, sp), netip.AddrPortFrom(b, dp), udp[8:n]
	switch {
	case sp == ikePort || dp == ikePort:
		return msg, src, dst, true
	case sp == esp.Port || dp == esp.Port:
		if len(msg) > 4 && binary.BigEndian.Uint32(msg) == 0 {
			return msg[4:], src, dst, true
		}
	}
	return nil, src, dst, false
}
