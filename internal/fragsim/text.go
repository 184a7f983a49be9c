package fragsim

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
)

// head are the columns of the table.
var head = []string{"packet", "bytes", "fragments", "again", "ACK REQ", "ACKs", "aborts", "lost", "sent", "received", "air s", "seconds", "delivered"}

// Text returns r for people.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "profile   %s, Rule %s, %s\nlink      %s, messages to %d bytes\nerrors    loss %s", r.Profile, r.Rule,
		strings.TrimPrefix(r.Mode, "fragmentation-mode-"), r.Radio, r.MTUBytes, share(r.Loss))
	if r.Burst > 1 {
		fmt.Fprintf(&b, " in runs of %s", short(r.Burst))
	}
	fmt.Fprintf(&b, ", reordered %s, duplicated %s, corrupted %s; seed %d\n", share(r.Reorder), share(r.Duplicate), share(r.Corrupt), r.Seed)
	if r.Duty > 0 {
		fmt.Fprintf(&b, "duty      %s\n", share(r.Duty))
	}
	if l := &r.Limits; l.MaxAckRequests > 0 {
		per := "a packet"
		if l.AttemptsPerAck {
			per = "an ACK"
		} else if r.Mode == schc.FragmentationAckAlways.String() {
			per = "a window"
		}
		fmt.Fprintf(&b, "limits    %d ACK requests %s, retransmission timer %s, inactivity timer %s\n", l.MaxAckRequests, per, timer(l.RetransmissionMs), timer(l.InactivityMs))
	}
	b.WriteByte('\n')
	t := report.Table{Head: head, Right: []bool{true, true, true, true, true, true, true, true, true, true, true, true, false}}
	for i := range r.Packets {
		p := &r.Packets[i]
		t.Add(append(p.cells(strconv.Itoa(p.Packet)), strconv.FormatFloat(float64(p.DurationMs)/1000, 'f', 1, 64), p.verdict())...)
	}
	t.Rule()
	t.Add(append(r.Total.cells("all"), "", fmt.Sprintf("%d of %d, %s", r.Total.Delivered, r.Total.Packets, share(r.Total.DeliveredShare)))...)
	b.WriteString(t.String())
	for _, why := range slices.Sorted(maps.Keys(r.Total.Reasons)) {
		fmt.Fprintf(&b, "not delivered: %d, %s\n", r.Total.Reasons[why], why)
	}
	if len(r.Sweep) > 0 {
		b.WriteByte('\n')
		t := report.Table{Head: []string{"loss", "delivered", "confirmed", "air s a packet"}, Right: []bool{true, true, true, true}}
		for _, p := range r.Sweep {
			t.Add(share(p.Loss), share(p.DeliveredShare), share(p.ConfirmedShare), strconv.FormatFloat(p.AirMsPerPacket/1000, 'f', 2, 64))
		}
		b.WriteString(t.String())
	}
	return b.String()
}

func (c *Counts) cells(name string) []string {
	list := []string{name}
	for _, n := range []int{c.Bytes, c.Fragments, c.Retransmissions, c.AckRequests, c.Acks, c.Aborts, c.Lost, c.ForwardBytes, c.BackBytes} {
		list = append(list, strconv.Itoa(n))
	}
	return append(list, strconv.FormatFloat(float64(c.ForwardAirUs+c.BackAirUs)/1e6, 'f', 2, 64))
}

// verdict is what became of a packet.
func (p *Result) verdict() string {
	switch {
	case p.Delivered && p.Confirmed:
		return "yes"
	case p.Delivered:
		return "yes, the sender does not know"
	}
	return "no: " + p.Reason
}

// timer is a time for people.
func timer(ms uint32) string {
	if ms == 0 {
		return "none"
	}
	s := (time.Duration(ms) * time.Millisecond).String()
	if t, ok := strings.CutSuffix(s, "m0s"); ok {
		s = t + "m"
	}
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		s = t + "h"
	}
	return s
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func share(v float64) string { return short(100*v) + " %" }

// Write writes r as text, json, jsonl (a line for each packet, then the totals)
// or tsv (the packets).
func (r *Report) Write(w io.Writer, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, r)
	case "jsonl":
		for i := range r.Packets {
			if err := report.WriteJSONLine(w, &r.Packets[i]); err != nil {
				return err
			}
		}
		return report.WriteJSONLine(w, struct {
			Total *Total  `json:"total"`
			Sweep []Point `json:"sweep,omitempty"`
		}{&r.Total, r.Sweep})
	case "tsv":
		rows := [][]string{{"packet", "bytes", "fragments", "retransmissions", "ack_requests", "acks", "aborts", "lost_messages",
			"forward_bytes", "back_bytes", "forward_air_us", "back_air_us", "duration_ms", "delivered", "confirmed", "reason"}}
		for i := range r.Packets {
			p := &r.Packets[i]
			cells := p.cells(strconv.Itoa(p.Packet))
			rows = append(rows, append(cells[:len(cells)-1], strconv.FormatUint(p.ForwardAirUs, 10), strconv.FormatUint(p.BackAirUs, 10),
				strconv.FormatUint(p.DurationMs, 10), strconv.FormatBool(p.Delivered), strconv.FormatBool(p.Confirmed), p.Reason))
		}
		return report.WriteTSV(w, rows)
	}
	_, err := io.WriteString(w, r.Text())
	return err
}
