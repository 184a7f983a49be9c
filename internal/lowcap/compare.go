package lowcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/schckit/schckit/internal/report"
)

// Comparison is what the same IPv6 packets take with several methods. Lengths
// are those of frame payloads with their dispatch byte, without fragmentation.
type Comparison struct {
	Packets    uint64   `json:"packets"`
	LeftOut    uint64   `json:"left_out"` // records of the capture without an IPv6 packet
	InBytes    uint64   `json:"in_bytes"`
	HdrInBytes uint64   `json:"hdr_in_bytes"` // IPv6, extension headers, UDP
	Methods    []Method `json:"methods"`
	Protocols  []Row    `json:"protocols"` // they add up to Methods
	NoRule     *uint64  `json:"schc_without_rule,omitempty"`
	Damage     string   `json:"damage,omitempty"`

	names []string
	rows  map[string]*Row
}

// Method is what a number of packets take with one method.
type Method struct {
	Name           string  `json:"method"`
	Bytes          uint64  `json:"bytes"`
	BytesPerPacket float64 `json:"bytes_per_packet"`
	OneFrame       uint64  `json:"one_frame"` // packets that fit in one frame
	// What is sent in frames of a limited length: frames, and bytes with the
	// fragmentation headers.
	Frames    uint64 `json:"frames"`
	SentBytes uint64 `json:"sent_bytes"`
	// What is saved, in percent of the headers (IPv6 to UDP) and of the packets.
	// A method that also compresses what is behind may save more than the headers.
	HdrSaving *float64 `json:"header_saving_percent"`
	PktSaving *float64 `json:"packet_saving_percent"`
}

// Row is what the packets of one protocol take.
type Row struct {
	Protocol   string   `json:"protocol"`
	Packets    uint64   `json:"packets"`
	InBytes    uint64   `json:"in_bytes"`
	HdrInBytes uint64   `json:"hdr_in_bytes"`
	Methods    []Method `json:"methods"`
}

// NewComparison returns a Comparison of methods with these names.
func NewComparison(names ...string) *Comparison {
	return &Comparison{names: names, rows: make(map[string]*Row)}
}

// Size is what a packet takes with one method.
type Size struct {
	Bytes  int // without fragmentation
	Frames int
	Sent   int // with it
}

// Fragments is the Size of a datagram that takes n bytes with its dispatch and is
// put into fragments as it is, where frames have room for so many bytes: an
// uncompressed IPv6 packet, or a SCHC Datagram, which RFC 4944 fragments behind its
// compression (draft-ietf-6lo-schc-15dot4, Section 8). The dispatch is in the first
// fragment only.
func Fragments(n, room int) Size {
	s := Size{Bytes: n, Frames: 1, Sent: n}
	if n <= room {
		return s
	}
	s.Sent += 4
	for rest := n - ((room-5)&^7 + 1); rest > 0; s.Frames++ {
		s.Sent += 5
		if rest <= room-5 {
			rest = 0
		} else {
			rest -= (room - 5) &^ 7
		}
	}
	return s
}

// Add counts a packet: its length, of which hdr are headers, and what it takes
// with each method.
func (c *Comparison) Add(pkt []byte, hdr int, sizes []Size) {
	name := Protocol(pkt)
	r := c.rows[name]
	if r == nil {
		r = &Row{Protocol: name, Methods: make([]Method, len(c.names))}
		c.rows[name] = r
	}
	r.Packets++
	r.InBytes += uint64(len(pkt))
	r.HdrInBytes += uint64(hdr)
	for i, n := range sizes {
		m := &r.Methods[i]
		m.Bytes += uint64(n.Bytes)
		m.Frames += uint64(n.Frames)
		m.SentBytes += uint64(n.Sent)
		if n.Frames == 1 {
			m.OneFrame++
		}
	}
}

// Finish adds up the totals.
func (c *Comparison) Finish(damage error) {
	c.Methods = make([]Method, len(c.names))
	for _, name := range protocols {
		if r := c.rows[name]; r != nil {
			c.Packets += r.Packets
			c.InBytes += r.InBytes
			c.HdrInBytes += r.HdrInBytes
			for i := range r.Methods {
				c.Methods[i].Bytes += r.Methods[i].Bytes
				c.Methods[i].OneFrame += r.Methods[i].OneFrame
				c.Methods[i].Frames += r.Methods[i].Frames
				c.Methods[i].SentBytes += r.Methods[i].SentBytes
			}
			c.finish(r.Methods, r.Packets, r.InBytes, r.HdrInBytes)
			c.Protocols = append(c.Protocols, *r)
		}
	}
	c.finish(c.Methods, c.Packets, c.InBytes, c.HdrInBytes)
	if damage != nil {
		c.Damage = damage.Error()
	}
}

func (c *Comparison) finish(ms []Method, packets, in, hdr uint64) {
	for i := range ms {
		m := &ms[i]
		m.Name = c.names[i]
		if packets > 0 {
			m.BytesPerPacket = math.Round(100*float64(m.Bytes)/float64(packets)) / 100
		}
		m.PktSaving = saving(in, m.Bytes)
		if hdr > 0 {
			s := math.Round(1000*(float64(in)-float64(m.Bytes))/float64(hdr)) / 10
			m.HdrSaving = &s
		}
	}
}

// The protocols that are told apart, in the order of results.
var protocols = []string{"UDP, CoAP", "UDP, other", "ICMPv6", "TCP", "other"}

// Protocol names the protocol of an IPv6 packet, behind extension headers.
func Protocol(pkt []byte) string {
	next, at := pkt[6], 40
	for at+8 <= len(pkt) {
		switch next {
		case 0, 43, 60, 135:
			next, at = pkt[at], at+8+8*int(pkt[at+1])
			continue
		case 44:
			if pkt[at+2] != 0 || pkt[at+3]&^7 != 0 {
				return "other" // a later fragment
			}
			next, at = pkt[at], at+8
			continue
		}
		break
	}
	switch next {
	case 6:
		return "TCP"
	case 17:
		if at+4 <= len(pkt) {
			const coap = 5683
			if binary.BigEndian.Uint16(pkt[at:]) == coap || binary.BigEndian.Uint16(pkt[at+2:]) == coap {
				return "UDP, CoAP"
			}
		}
		return "UDP, other"
	case 58:
		return "ICMPv6"
	}
	return "other"
}

// Write writes c in a form: text, json, jsonl or tsv.
func (c *Comparison) Write(w io.Writer, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, c)
	case "jsonl":
		return report.WriteJSONLine(w, c)
	case "tsv":
		return report.WriteTSV(w, c.tsv())
	}
	_, err := io.WriteString(w, c.text())
	return err
}

func (c *Comparison) tsv() [][]string {
	rows := [][]string{{"protocol", "packets", "in_bytes", "hdr_in_bytes", "method", "bytes", "bytes_per_packet", "one_frame", "frames", "sent_bytes", "header_saving_percent", "packet_saving_percent"}}
	all := append(slices.Clone(c.Protocols), Row{"total", c.Packets, c.InBytes, c.HdrInBytes, c.Methods})
	for _, r := range all {
		for _, m := range r.Methods {
			rows = append(rows, []string{r.Protocol, num(r.Packets), num(r.InBytes), num(r.HdrInBytes), m.Name, num(m.Bytes),
				float(m.BytesPerPacket), num(m.OneFrame), num(m.Frames), num(m.SentBytes), value(m.HdrSaving), value(m.PktSaving)})
		}
	}
	return rows
}

func float(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func value(p *float64) string {
	if p == nil {
		return ""
	}
	return float(*p)
}

func (c *Comparison) text() string {
	var b strings.Builder
	b.WriteString("bytes per packet\n")
	t := report.Table{Head: append([]string{"", "packets"}, c.names...), Right: []bool{false}, Indent: "  "}
	for range len(c.names) + 1 {
		t.Right = append(t.Right, true)
	}
	line := func(name string, packets uint64, ms []Method) {
		cells := []string{name, num(packets)}
		for _, m := range ms {
			cells = append(cells, strconv.FormatFloat(m.BytesPerPacket, 'f', 1, 64))
		}
		t.Add(cells...)
	}
	for _, r := range c.Protocols {
		line(r.Protocol, r.Packets, r.Methods)
	}
	if len(c.Protocols) > 0 {
		t.Rule()
	}
	line("all", c.Packets, c.Methods)
	b.WriteString(t.String())
	fmt.Fprintf(&b, "\n%s of %d bytes, %d of them headers (IPv6 to UDP)\n", plural(c.Packets, "packet"), c.InBytes, c.HdrInBytes)
	t = report.Table{Head: []string{"", "bytes", "packets saved", "headers saved", "in one frame", "frames", "bytes sent"}, Right: []bool{false, true, true, true, true, true, true}, Indent: "  "}
	for _, m := range c.Methods {
		t.Add(m.Name, num(m.Bytes), percent(m.PktSaving), percent(m.HdrSaving), num(m.OneFrame), num(m.Frames), num(m.SentBytes))
	}
	b.WriteString(t.String())
	if c.NoRule != nil && *c.NoRule > 0 {
		fmt.Fprintf(&b, "\n%s without a Rule, as uncompressed IPv6\n", plural(*c.NoRule, "packet"))
	}
	if c.LeftOut > 0 {
		fmt.Fprintf(&b, "\n%s without an IPv6 packet left out\n", plural(c.LeftOut, "record"))
	}
	if c.Damage != "" {
		fmt.Fprintf(&b, "\ndamaged: %s\n", c.Damage)
	}
	return b.String()
}
