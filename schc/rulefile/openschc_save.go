package rulefile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// A saver writes JSON in the style of OpenSCHC.
type saver struct {
	b strings.Builder
	p place
}

func (w *saver) fail(class schc.Error, format string, args ...any) *Error {
	return &Error{Offset: -1, Rule: w.p.rule(), Field: w.p.fieldName(), Err: class, Text: fmt.Sprintf(format, args...)}
}

func saveJSON(f *File) ([]byte, *Error) {
	w := &saver{}
	w.p.ruleIndex, w.p.field = -1, -1
	switch {
	case len(f.Sets) == 0:
		w.b.WriteString("[]")
	case len(f.Sets) == 1 && f.Sets[0].DeviceID == "":
		if err := w.rules(&f.Sets[0], ""); err != nil {
			return nil, err
		}
	case len(f.Sets) == 1:
		if err := w.set(&f.Sets[0]); err != nil {
			return nil, err
		}
	default:
		seen := map[string]bool{}
		for i := range f.Sets {
			if seen[f.Sets[i].DeviceID] {
				return nil, w.fail(schc.ErrMalformed, "two sets for device %q", f.Sets[i].DeviceID)
			}
			seen[f.Sets[i].DeviceID] = true
			w.b.WriteString([]string{",\n", "["}[b2i(i == 0)])
			if err := w.set(&f.Sets[i]); err != nil {
				return nil, err
			}
		}
		w.b.WriteByte(']')
	}
	w.b.WriteByte('\n')
	return []byte(w.b.String()), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *saver) set(s *Set) *Error {
	id := "null"
	if s.DeviceID != "" {
		id = quote(s.DeviceID)
	}
	w.b.WriteString("{\"DeviceID\": " + id + ", \"SoR\": ")
	err := w.rules(s, "  ")
	w.b.WriteByte('}')
	return err
}

func (w *saver) rules(s *Set, indent string) *Error {
	if len(s.Rules) == 0 {
		w.b.WriteString("[]")
		return nil
	}
	w.b.WriteString("[\n")
	for i := range s.Rules {
		if i > 0 {
			w.b.WriteString(",\n")
		}
		text := ""
		if i < len(s.Descriptions) {
			text = s.Descriptions[i]
		}
		if err := w.rule(s, i, text, indent+"  "); err != nil {
			return err
		}
	}
	w.p.ruleIndex = -1
	w.b.WriteString("\n" + indent + "]")
	return nil
}

func (w *saver) rule(s *Set, index int, text, indent string) *Error {
	r := &s.Rules[index]
	w.p = place{ruleIndex: index, hasID: true, id: r.ID, field: -1}
	if text := checkRule(r); text != "" {
		return w.fail(schc.ErrMalformed, "%s", text)
	}
	fmt.Fprintf(&w.b, "%s{\"RuleID\": %d, \"RuleIDLength\": %d, ", indent, r.ID.Value, r.ID.Bits)
	if text != "" {
		w.b.WriteString("\"Description\": " + quote(text) + ", ")
	}
	switch r.Nature {
	case schc.NatureCompression:
		return w.fields(r.Fields, indent)
	case schc.NatureFragmentation:
		return w.fragment(r.Fragment, indent)
	}
	w.b.WriteString("\"NoCompression\": []}")
	return nil
}

// checkRule says what makes r impossible to write in any form, or "".
func checkRule(r *schc.Rule) string {
	switch {
	case r.ID.Bits > 32 || uint64(r.ID.Value)>>r.ID.Bits != 0:
		return "the RuleID does not fit its length"
	case r.Nature > schc.NatureFragmentation:
		return "a Rule of unknown nature"
	case r.Nature == schc.NatureCompression && r.Fragment != nil:
		return "a compression Rule with fragmentation parameters"
	case r.Nature == schc.NatureNoCompression && (r.Fragment != nil || len(r.Fields) > 0):
		return "a no-compression Rule with fields"
	case r.Nature == schc.NatureFragmentation && (r.Fragment == nil || len(r.Fields) > 0):
		return "a fragmentation Rule has parameters and no fields"
	}
	return ""
}

// fields writes Compression, with FID and FL in columns.
func (w *saver) fields(fields []schc.FieldDescriptor, indent string) *Error {
	if len(fields) == 0 {
		w.b.WriteString("\"Compression\": []}")
		return nil
	}
	fidWidth, flWidth := 0, 0
	for i := range fields {
		d := normalField(fields[i])
		fidWidth = max(fidWidth, len(d.FID.String()))
		flWidth = max(flWidth, len(lengthText(d.FL)))
	}
	w.b.WriteString("\"Compression\": [\n")
	for i := range fields {
		if i > 0 {
			w.b.WriteString(",\n")
		}
		d := normalField(fields[i])
		w.p.field, w.p.fid = i, d.FID
		if err := w.field(&d, fidWidth, flWidth, indent+"  "); err != nil {
			return err
		}
	}
	w.p.field = -1
	w.b.WriteString("\n" + indent + "]}")
	return nil
}

func lengthText(l schc.FieldLength) string {
	if l.Variable() {
		return `"` + l.String() + `"`
	}
	return l.String()
}

func pad(n int) string {
	const blanks = "                                        "
	return blanks[:min(max(n, 0), len(blanks))]
}

var diTexts = map[schc.Direction]string{schc.DirUp: "UP", schc.DirDown: "DW", schc.DirBidirectional: "BI"}

var moTexts = map[schc.MO]string{
	schc.MOEqual: "equal", schc.MOIgnore: "ignore", schc.MOMSB: "MSB", schc.MOMatchMapping: "match-mapping",
}

var cdaTexts = map[schc.CDA]string{
	schc.CDANotSent: "not-sent", schc.CDAValueSent: "value-sent", schc.CDAMappingSent: "mapping-sent",
	schc.CDALSB: "LSB", schc.CDACompute: "compute-length", schc.CDADevIID: "DevIID", schc.CDAAppIID: "AppIID",
	schc.CDALower: "lower",
}

// checkField says what makes d impossible to write in any form, or "".
func checkField(d *schc.FieldDescriptor) string {
	switch {
	case !d.FID.Known():
		return "an unknown field"
	case diTexts[d.DI] == "":
		return "an unknown direction"
	case moTexts[d.MO] == "":
		return "no operator, or an unknown one"
	case cdaTexts[d.CDA] == "":
		return "no action, or an unknown one"
	case !d.FL.Variable() && d.FL > maxFixedLength:
		return "an unknown length"
	case len(d.TV) > MaxValues:
		return "too many target values"
	}
	for _, v := range d.TV {
		if text := checkValue(v, d); text != "" {
			return text
		}
	}
	return ""
}

func (w *saver) field(d *schc.FieldDescriptor, fidWidth, flWidth int, indent string) *Error {
	if text := checkField(d); text != "" {
		return w.fail(schc.ErrMalformed, "%s", text)
	}
	fp := int(d.FP)
	if d.FP == schc.FPAny {
		fp = 0
	}
	name, fl := d.FID.String(), lengthText(d.FL)
	w.b.WriteString(indent + "{\"FID\": \"" + name + "\"," + pad(fidWidth-len(name)) +
		" \"FL\": " + fl + "," + pad(flWidth-len(fl)) +
		" \"FP\": " + strconv.Itoa(fp) + ", \"DI\": \"" + diTexts[d.DI] + "\", ")
	if len(d.TV) > 0 {
		w.b.WriteString("\"TV\": ")
		list := len(d.TV) > 1 || d.MO == schc.MOMatchMapping
		if list {
			w.b.WriteByte('[')
		}
		for i, v := range d.TV {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.b.WriteString(valueText(v, d))
		}
		if list {
			w.b.WriteByte(']')
		}
		w.b.WriteString(", ")
	}
	w.b.WriteString("\"MO\": \"" + moTexts[d.MO] + "\", ")
	if d.MO == schc.MOMSB {
		w.b.WriteString("\"MO.VAL\": " + strconv.Itoa(int(d.MSB)) + ", ")
	}
	cda := cdaTexts[d.CDA]
	if d.CDA == schc.CDACompute && strings.HasSuffix(name, "CKSUM") {
		cda = "compute-checksum"
	}
	w.b.WriteString("\"CDA\": \"" + cda + "\"}")
	return nil
}

var modeTexts = map[schc.FragmentationMode]string{
	schc.FragmentationNoAck: "NoAck", schc.FragmentationAckAlways: "AckAlways", schc.FragmentationAckOnError: "AckOnError",
}

var rcsTexts = map[schc.RCSAlgorithm]string{
	schc.RCSCRC32: `"RCS_CRC32"`, schc.RCSFragments: `"RCS_FRAGMENTS"`, schc.RCSOther: `"RCS_OTHER"`,
}

// checkFragment says what makes f impossible to write in any form, or "".
func checkFragment(f *schc.Fragmentation) string {
	switch {
	case modeTexts[f.Mode] == "":
		return "no fragmentation mode, or an unknown one"
	case f.Direction != schc.DirUp && f.Direction != schc.DirDown:
		return "the direction of the fragments is neither up nor down"
	case f.DTagBits > 32 || f.WBits > 32 || f.FCNBits > 32 || f.RCSBits > 32:
		return "a size of a fragment header field over 32 bits"
	case f.AckBehavior > schc.AckByLayer2 || f.All1Data > schc.All1DataSenderChoice || f.RCSAlgorithm > schc.RCSOther:
		return "an unknown parameter value"
	}
	return ""
}

func (w *saver) fragment(in *schc.Fragmentation, indent string) *Error {
	if text := checkFragment(in); text != "" {
		return w.fail(schc.ErrMalformed, "%s", text)
	}
	f := normalFragment(*in)
	fmt.Fprintf(&w.b, "\"Fragmentation\": {\n%s  \"FRMode\": %q, \"FRDirection\": %q,\n%s  \"FRModeProfile\": {\n",
		indent, modeTexts[f.Mode], diTexts[f.Direction], indent)
	first := true
	key := func(name, value string) {
		if !first {
			w.b.WriteString(",\n")
		}
		first = false
		w.b.WriteString(indent + "    \"" + name + "\": " + value)
	}
	num := func(name string, v int) { key(name, strconv.Itoa(v)) }
	num("dtagSize", int(f.DTagBits))
	num("WSize", int(f.WBits))
	num("FCNSize", int(f.FCNBits))
	num("windowSize", int(f.WindowSize))
	if f.TileBits != 0 || f.Mode == schc.FragmentationAckOnError {
		num("tileSize", int(f.TileBits))
	}
	key("MICAlgorithm", rcsTexts[f.RCSAlgorithm])
	if f.RCSBits != 32 {
		num("rcs-size", int(f.RCSBits))
	}
	num("L2WordSize", int(f.L2WordBits))
	switch f.AckBehavior {
	case schc.AckAfterAll0:
		key("ackBehavior", `"afterAll0"`)
	case schc.AckAfterAll1:
		key("ackBehavior", `"afterAll1"`)
	case schc.AckByLayer2:
		key("ackBehavior", `"byLayer2"`)
	}
	switch f.All1Data {
	case schc.All1DataNo:
		key("lastTileInAll1", "false")
	case schc.All1DataYes:
		key("lastTileInAll1", "true")
	case schc.All1DataSenderChoice:
		key("tile-in-all-1", `"sender-choice"`)
	}
	if f.Mode != schc.FragmentationNoAck || f.MaxAckRequests != 0 {
		num("maxRetry", int(f.MaxAckRequests))
	}
	if f.Mode != schc.FragmentationNoAck || f.RetransmissionMs != 0 {
		key("timeout", secondsText(f.RetransmissionMs))
	}
	if f.InactivityMs != 0 {
		key("inactivity-timer", secondsText(f.InactivityMs))
	}
	if f.CompoundAck {
		key("bitmap-format", `"bitmap-compound-ack"`)
	}
	if f.FullLastBitmap {
		key("last-bitmap-compression", "false")
	}
	for _, p := range ownParameters {
		switch {
		case p.flag != nil && *p.flag(&f):
			key(p.name, "true")
		case p.bytes != nil && *p.bytes(&f) != 0:
			num(p.name, int(*p.bytes(&f)))
		case p.ms != nil && *p.ms(&f) != 0:
			key(p.name, secondsText(*p.ms(&f)))
		}
	}
	num("maximum-packet-size", int(f.MaxPacket))
	num("max-interleaved-frames", int(f.MaxInterleaved))
	w.b.WriteString("\n" + indent + "  }\n" + indent + "}}")
	return nil
}

// secondsText returns milliseconds as seconds.
func secondsText(ms uint32) string {
	s := strconv.Itoa(int(ms / 1000))
	if r := ms % 1000; r != 0 {
		d := strconv.Itoa(int(1000 + r))[1:]
		s += "." + strings.TrimRight(d, "0")
	}
	return s
}
