package lowcap

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/schckit/schckit/internal/report"
)

// Summary is what a run over a capture counted. Every record of the capture is
// an IP packet to compress or a frame to restore.
type Summary struct {
	Records uint64   `json:"records"` // ipv6.packets + lowpan.frames
	IPv6    *Packets `json:"ipv6,omitempty"`
	LoWPAN  *Frames  `json:"lowpan,omitempty"`
	// Damage says why the capture could not be read to its end, or is "".
	Damage string `json:"damage,omitempty"`
}

// Packets counts packets on the way to LoWPAN frames. packets = compressed +
// passed_through; passed_through is the sum of the counts behind it.
type Packets struct {
	Packets       uint64 `json:"packets"`
	Compressed    uint64 `json:"compressed"`
	Fragmented    uint64 `json:"fragmented"`   // of Compressed: took several frames
	Uncompressed  uint64 `json:"uncompressed"` // of Compressed: sent as they are, dispatch 0x41
	PassedThrough uint64 `json:"passed_through"`
	NonIPv6       uint64 `json:"non_ipv6"`
	SnapCut       uint64 `json:"snap_cut"`
	BadLength     uint64 `json:"bad_length"`
	TooLong       uint64 `json:"too_long"` // for fragmentation
	Errors        uint64 `json:"errors"`

	// Of compressed packets.
	Frames     uint64   `json:"frames"`
	InBytes    uint64   `json:"in_bytes"`     // IPv6 packets
	OutBytes   uint64   `json:"out_bytes"`    // frame payloads, with fragmentation headers
	AirBytes   uint64   `json:"air_bytes"`    // MAC frames
	HdrInBytes uint64   `json:"hdr_in_bytes"` // headers: IPv6, extension headers, UDP
	HdrOutBits uint64   `json:"hdr_out_bits"` // what stands for them
	HdrSaving  *float64 `json:"header_saving_percent"`
	PktSaving  *float64 `json:"packet_saving_percent"`

	// Mismatched came back different; nil if that was not looked at.
	Mismatched *uint64 `json:"mismatched,omitempty"`
}

// Frames counts frames on the way to IPv6 packets. frames = whole + fragments +
// left_out + errors; left_out is the sum of the counts behind it; packets = whole
// + reassembled + passed_through.
type Frames struct {
	Frames      uint64 `json:"frames"`
	Whole       uint64 `json:"whole"` // frames with a whole packet
	Fragments   uint64 `json:"fragments"`
	LeftOut     uint64 `json:"left_out"`
	OtherLink   uint64 `json:"other_link"` // another link layer or EtherType
	NoPayload   uint64 `json:"no_payload"` // beacons, acknowledgments, commands
	NotIPv6     uint64 `json:"not_ipv6"`   // dispatches of something else
	Encrypted   uint64 `json:"encrypted"`
	SnapCut     uint64 `json:"snap_cut"`
	Dropped     uint64 `json:"dropped"` // had been passed through, and were not wanted
	Errors      uint64 `json:"errors"`
	BadFCS      uint64 `json:"bad_fcs"`   // of Frames, whatever became of them
	Decrypted   uint64 `json:"decrypted"` // of Frames
	Passed      uint64 `json:"passed_through"`
	Packets     uint64 `json:"packets"`
	Reassembled uint64 `json:"reassembled"`
	Incomplete  uint64 `json:"incomplete"` // packets of which fragments are missing

	// Of whole packets and, without fragmentation headers, of reassembled ones.
	InBytes  uint64   `json:"in_bytes"`  // frame payloads
	OutBytes uint64   `json:"out_bytes"` // IPv6 packets
	Saving   *float64 `json:"packet_saving_percent"`

	// Verify only: packets that were compressed anew. They came back different;
	// they are of these lengths compared with how they were captured.
	Mismatched *uint64 `json:"mismatched,omitempty"`
	Smaller    *uint64 `json:"smaller,omitempty"`
	Same       *uint64 `json:"same,omitempty"`
	Larger     *uint64 `json:"larger,omitempty"`
	AnewBytes  *uint64 `json:"anew_bytes,omitempty"`
}

// LeaveOut counts a frame that holds no packet.
func (f *Frames) LeaveOut(s Status) {
	f.LeftOut++
	switch s {
	case OtherLink:
		f.OtherLink++
	case NoPayload:
		f.NoPayload++
	case NotIPv6:
		f.NotIPv6++
	case Encrypted:
		f.Encrypted++
	case Cut:
		f.SnapCut++
	}
}

// Finish adds up what the parts have counted.
func (s *Summary) Finish(damage error) {
	s.Records = 0
	if p := s.IPv6; p != nil {
		p.PassedThrough = p.NonIPv6 + p.SnapCut + p.BadLength + p.TooLong + p.Errors
		p.Packets = p.Compressed + p.PassedThrough
		p.HdrSaving = saving(8*p.HdrInBytes, p.HdrOutBits)
		p.PktSaving = saving(p.InBytes, p.OutBytes)
		s.Records += p.Packets
	}
	if f := s.LoWPAN; f != nil {
		f.Packets = f.Whole + f.Reassembled + f.Passed
		f.Saving = saving(f.OutBytes, f.InBytes)
		s.Records += f.Frames
	}
	if damage != nil {
		s.Damage = damage.Error()
	}
}

// saving returns what is saved in percent, to a tenth.
func saving(in, out uint64) *float64 {
	if in == 0 {
		return nil
	}
	s := math.Round(1000*(1-float64(out)/float64(in))) / 10
	if s == 0 {
		s = 0 // not -0
	}
	return &s
}

func percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return strconv.FormatFloat(*p, 'f', 1, 64) + "%"
}

func plural(n uint64, what string) string { return report.Plural(int(n), what) }

type count struct {
	n    uint64
	text string
}

// list joins the counts that are not zero, with text around them.
func list(before, after string, counts ...count) string {
	var l []string
	for _, c := range counts {
		if c.n > 0 {
			l = append(l, fmt.Sprintf("%d %s", c.n, c.text))
		}
	}
	if l == nil {
		return ""
	}
	return before + strings.Join(l, ", ") + after
}

func (p *Packets) why(before, after string) string {
	return list(before, after, count{p.NonIPv6, "not IPv6"}, count{p.SnapCut, "cut by the snap length"},
		count{p.BadLength, "of a wrong length"}, count{p.TooLong, "too long to fragment"}, count{p.Errors, "failed"})
}

func (f *Frames) why(before, after string) string {
	return list(before, after, count{f.OtherLink, "of other protocols"}, count{f.NoPayload, "without payload"},
		count{f.NotIPv6, "not IPv6"}, count{f.Encrypted, "encrypted"}, count{f.SnapCut, "cut by the snap length"},
		count{f.Dropped, "dropped"})
}

// Line returns the most important figures of compression in one line.
func (p *Packets) Line() string {
	return fmt.Sprintf("%s: %d compressed, %d passed through%s; %d -> %d bytes in %s, %s saved", plural(p.Packets, "packet"),
		p.Compressed, p.PassedThrough, p.why(" (", ")"), p.InBytes, p.OutBytes, plural(p.Frames, "frame"), percent(p.PktSaving))
}

// Line returns the most important figures of restoring in one line.
func (f *Frames) Line() string {
	return fmt.Sprintf("%s: %s restored, %d of them from fragments%s%s", plural(f.Frames, "frame"), plural(f.Whole+f.Reassembled, "packet"), f.Reassembled,
		list("; ", "", count{f.Passed, "passed through"}, count{f.LeftOut, "left out"}, count{f.Errors, "failed"}, count{f.Incomplete, "incomplete"}),
		f.why(" (left out: ", ")"))
}

// WriteText writes s for people.
func (s *Summary) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(name, form string, args ...any) { fmt.Fprintf(&b, "%-15s %s\n", name, fmt.Sprintf(form, args...)) }
	if p := s.IPv6; p != nil {
		line("packets", "%d", p.Packets)
		line("compressed", "%d%s", p.Compressed, list(": ", "", count{p.Fragmented, "fragmented"}, count{p.Uncompressed, "sent as they are"}))
		line("passed through", "%d%s", p.PassedThrough, p.why(": ", ""))
		if p.Mismatched != nil {
			line("mismatched", "%d", *p.Mismatched)
		}
		line("headers", "%d bytes -> %d bits (%.1f bytes), %s saved", p.HdrInBytes, p.HdrOutBits, float64(p.HdrOutBits)/8, percent(p.HdrSaving))
		line("whole packets", "%d bytes -> %d bytes, %s saved", p.InBytes, p.OutBytes, percent(p.PktSaving))
		line("on the air", "%d bytes in %s", p.AirBytes, plural(p.Frames, "frame"))
	}
	if f := s.LoWPAN; f != nil {
		if s.IPv6 != nil {
			b.WriteByte('\n')
		}
		line("frames", "%d%s", f.Frames, list(": ", "", count{f.Whole, "with a whole packet"}, count{f.Fragments, "fragments"},
			count{f.Passed, "passed through"}, count{f.Decrypted, "decrypted"}, count{f.BadFCS, "with a wrong FCS"}))
		line("left out", "%d%s", f.LeftOut, f.why(": ", ""))
		line("failed", "%d", f.Errors)
		line("packets", "%d%s", f.Packets, list(": ", "", count{f.Reassembled, "reassembled"}))
		line("incomplete", "%d", f.Incomplete)
		if f.Mismatched != nil {
			line("mismatched", "%d", *f.Mismatched)
			line("anew", "%d bytes: %d packets smaller than captured, %d the same, %d larger", *f.AnewBytes, *f.Smaller, *f.Same, *f.Larger)
		}
		line("whole packets", "%d bytes <- %d bytes, %s saved", f.OutBytes, f.InBytes, percent(f.Saving))
	}
	if s.Damage != "" {
		line("damaged", "%s", s.Damage)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Write writes s in a form: text, json, jsonl or tsv.
func (s *Summary) Write(w io.Writer, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, s)
	case "jsonl":
		return report.WriteJSONLine(w, s)
	case "tsv":
		return report.WriteTSV(w, s.rows())
	}
	return s.WriteText(w)
}

// rows are the counts by their names in JSON, one in a row.
func (s *Summary) rows() [][]string {
	rows := [][]string{{"part", "count", "value"}, {"", "records", num(s.Records)}}
	add := func(part string, cs ...count) {
		for _, c := range cs {
			rows = append(rows, []string{part, c.text, num(c.n)})
		}
	}
	opt := func(part, name string, p *uint64) {
		if p != nil {
			rows = append(rows, []string{part, name, num(*p)})
		}
	}
	if p := s.IPv6; p != nil {
		add("ipv6", count{p.Packets, "packets"}, count{p.Compressed, "compressed"}, count{p.Fragmented, "fragmented"}, count{p.Uncompressed, "uncompressed"},
			count{p.PassedThrough, "passed_through"}, count{p.NonIPv6, "non_ipv6"}, count{p.SnapCut, "snap_cut"},
			count{p.BadLength, "bad_length"}, count{p.TooLong, "too_long"}, count{p.Errors, "errors"}, count{p.Frames, "frames"},
			count{p.InBytes, "in_bytes"}, count{p.OutBytes, "out_bytes"}, count{p.AirBytes, "air_bytes"}, count{p.HdrInBytes, "hdr_in_bytes"},
			count{p.HdrOutBits, "hdr_out_bits"})
		opt("ipv6", "mismatched", p.Mismatched)
	}
	if f := s.LoWPAN; f != nil {
		add("lowpan", count{f.Frames, "frames"}, count{f.Whole, "whole"}, count{f.Fragments, "fragments"}, count{f.LeftOut, "left_out"},
			count{f.OtherLink, "other_link"}, count{f.NoPayload, "no_payload"}, count{f.NotIPv6, "not_ipv6"}, count{f.Encrypted, "encrypted"},
			count{f.SnapCut, "snap_cut"}, count{f.Dropped, "dropped"}, count{f.Errors, "errors"}, count{f.BadFCS, "bad_fcs"}, count{f.Decrypted, "decrypted"},
			count{f.Passed, "passed_through"}, count{f.Packets, "packets"}, count{f.Reassembled, "reassembled"}, count{f.Incomplete, "incomplete"},
			count{f.InBytes, "in_bytes"}, count{f.OutBytes, "out_bytes"})
		opt("lowpan", "mismatched", f.Mismatched)
		opt("lowpan", "smaller", f.Smaller)
		opt("lowpan", "same", f.Same)
		opt("lowpan", "larger", f.Larger)
		opt("lowpan", "anew_bytes", f.AnewBytes)
	}
	if s.Damage != "" {
		rows = append(rows, []string{"", "damage", s.Damage})
	}
	return rows
}

func num(n uint64) string { return strconv.FormatUint(n, 10) }
