package rulefile

import (
	"encoding/hex"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// microFields are the fields of microschc by their names. Options appear as
// they are encoded or, in its other mode, by name.
var microFields = func() map[string]schc.FID {
	m := map[string]schc.FID{
		"IPv6:Version": schc.FIDIPv6Version, "IPv6:Traffic Class": schc.FIDIPv6TrafficClass, "IPv6:Flow Label": schc.FIDIPv6FlowLabel,
		"IPv6:Payload Length": schc.FIDIPv6PayloadLength, "IPv6:Next Header": schc.FIDIPv6NextHeader, "IPv6:Hop Limit": schc.FIDIPv6HopLimit,
		"IPv6:Source Address": schc.FIDIPv6SrcAddress, "IPv6:Destination Address": schc.FIDIPv6DstAddress,
		"IPv4:Version": schc.FIDIPv4Version, "IPv4:Header Length": schc.FIDIPv4IHL, "IPv4:Internet Header Length": schc.FIDIPv4IHL,
		"IPv4:Type of Service": schc.FIDIPv4TOS, "IPv4:Total Length": schc.FIDIPv4TotalLength, "IPv4:Identification": schc.FIDIPv4ID,
		"IPv4:Flags": schc.FIDIPv4Flags, "IPv4:Fragment Offset": schc.FIDIPv4FragmentOffset, "IPv4:Time To Live": schc.FIDIPv4TTL,
		"IPv4:Protocol": schc.FIDIPv4Protocol, "IPv4:Header Checksum": schc.FIDIPv4Checksum,
		"IPv4:Source Address": schc.FIDIPv4SrcAddress, "IPv4:Destination Address": schc.FIDIPv4DstAddress, "IPv4:Options": schc.FIDIPv4Options,
		"UDP:Source Port": schc.FIDUDPSrcPort, "UDP:Destination Port": schc.FIDUDPDstPort, "UDP:Length": schc.FIDUDPLength, "UDP:Checksum": schc.FIDUDPChecksum,
		"SCTP:Source Port Number": schc.FIDSCTPSrcPort, "SCTP:Destination Port Number": schc.FIDSCTPDstPort,
		"SCTP:Verification Tag": schc.FIDSCTPVerificationTag, "SCTP:Checksum": schc.FIDSCTPChecksum,
		"CoAP:Version": schc.FIDCoAPVersion, "CoAP:Type": schc.FIDCoAPType, "CoAP:Token Length": schc.FIDCoAPTKL, "CoAP:Code": schc.FIDCoAPCode,
		"CoAP:Message ID": schc.FIDCoAPMID, "CoAP:Token": schc.FIDCoAPToken, "CoAP:Payload Marker": schc.FIDCoAPMarker,
		"CoAP:Option Delta": schc.FIDCoAPOptDelta, "CoAP:Option Length": schc.FIDCoAPOptLength,
		"CoAP:Option Delta Extended": schc.FIDCoAPOptDeltaExt, "CoAP:Option Length Extended": schc.FIDCoAPOptLengthExt,
		"CoAP:Option Value": schc.FIDCoAPOptValue,
	}
	for _, f := range schc.FieldIDs(nil) {
		if _, ok := f.CoAPOption(); ok {
			m["CoAP:Option "+strings.TrimPrefix(f.String(), "COAP.")] = f
		}
	}
	return m
}()

// microField finds a field by its microschc name.
func microField(name string) (schc.FID, bool) {
	if f, ok := microFields[name]; ok {
		return f, true
	}
	if t, ok := strings.CutPrefix(name, "CoAP:Option Unknown("); ok {
		n, err := strconv.ParseUint(strings.TrimSuffix(t, ")"), 10, 16)
		return schc.FIDCoAPOption(uint16(n)), err == nil
	}
	if t, ok := strings.CutPrefix(name, "CoAP:Option "); ok {
		f, ok := microFields["CoAP:Option "+strings.ToUpper(t)]
		return f, ok
	}
	return 0, false
}

// loadMicroSCHC reads a context of microschc: an object with id and ruleset,
// a list of such objects, or one rule or list of rules alone.
func loadMicroSCHC(data []byte, name string) (*File, *Error) {
	l, t := newLoader(len(data)), jsonTree{newScanner(data, name)}
	var err *Error
	if t.space() == '[' {
		var rules *Set
		err = t.array("", func(i int) *Error {
			if isContext, err := t.scanner.at(t.pos).microContext(); err != nil || isContext {
				if err != nil {
					return err
				}
				return l.microSet(t)
			}
			if rules == nil {
				if i > 0 {
					return t.malformed(t.pos, "a rule in a list of contexts: put it into a ruleset")
				}
				l.file.Sets = append(l.file.Sets, Set{})
				rules = &l.file.Sets[0]
			}
			return l.microRule(t, rules)
		})
	} else if isContext, cerr := t.scanner.at(t.offset()).microContext(); cerr != nil {
		err = cerr
	} else if isContext {
		err = l.microSet(t)
	} else {
		l.file.Sets = []Set{{}}
		err = l.microRule(t, &l.file.Sets[0])
	}
	if err == nil {
		err = t.end()
	}
	if err == nil {
		err = l.checkDevices(t)
	}
	return l.file, err
}

// microContext skips the object at s and tells whether it has a ruleset.
func (s *scanner) microContext() (bool, *Error) {
	found := false
	err := s.object("a context of microschc, an object,", func(key []byte, _ int) *Error {
		found = found || string(key) == "ruleset"
		return s.skip()
	})
	return found, err
}

func (l *loader) microSet(t jsonTree) *Error {
	if len(l.file.Sets) >= MaxSets {
		return t.unsupported(t.pos, "more than %d sets of Rules in one file", MaxSets)
	}
	l.file.Sets = append(l.file.Sets, Set{})
	set := &l.file.Sets[len(l.file.Sets)-1]
	var seen nodesSeen
	return t.members("a context, an object,", func(name string, off int) (err *Error) {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		switch name {
		case "id":
			set.DeviceID, err = t.text(name)
			return err
		case "description", "interface_id", "parser_id":
			return t.skip()
		case "ruleset":
			return t.elements("ruleset, a list,", func(int) *Error { return l.microRule(t, set) })
		}
		return t.malformed(off, "unknown key %q in a context of microschc", clip([]byte(name)))
	})
}

// A microBuffer is microschc's Buffer: length bits, in the low bits of content
// or, with padding right, in its high ones.
type microBuffer struct {
	content []byte
	length  uint64
	right   bool
}

// bits returns the buffer's bits in the top of ceil(n/8) bytes, zeros behind.
func (b *microBuffer) leftAligned() []byte {
	n := int(b.length+7) / 8
	out := make([]byte, n)
	k := uint(0)
	if !b.right {
		k = uint(n*8 - int(b.length))
	}
	for i := range out {
		out[i] = b.content[i] << k
		if k > 0 && i+1 < n {
			out[i] |= b.content[i+1] >> (8 - k)
		}
	}
	if r := b.length % 8; r != 0 {
		out[n-1] &= 0xff << (8 - r)
	}
	return out
}

// rightAligned returns the buffer's bits, followed by zeros to width bits, in
// the low bits of ceil(width/8) bytes.
func (b *microBuffer) rightAligned(width int) []byte {
	n := (width + 7) / 8
	left := append(b.leftAligned(), make([]byte, n)...)[:n]
	k := uint(n*8 - width)
	if k == 0 {
		return left
	}
	for i := n - 1; i >= 0; i-- {
		left[i] >>= k
		if i > 0 {
			left[i] |= left[i-1] << (8 - k)
		}
	}
	return left
}

func (t jsonTree) microBuffer(what string) (b microBuffer, err *Error) {
	start := t.offset()
	var seen nodesSeen
	has := false
	err = t.members(what+", an object with content and length,", func(name string, off int) (err *Error) {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		switch name {
		case "content":
			var text string
			at := t.offset()
			if text, err = t.text(name); err != nil {
				return err
			}
			c, herr := hex.DecodeString(text)
			if herr != nil {
				return t.malformed(at, "content is not hex")
			}
			b.content = c
		case "length":
			has = true
			b.length, err = t.uint(name, maxFixedLength)
		case "padding":
			var text string
			at := t.offset()
			if text, err = t.text(name); err == nil && text != "left" && text != "right" {
				err = t.malformed(at, "padding is %q: it is left or right", clip([]byte(text)))
			}
			b.right = text == "right"
		default:
			err = t.malformed(off, "unknown key %q in a buffer of microschc", clip([]byte(name)))
		}
		return err
	})
	if err == nil && !has {
		b.length = min(uint64(len(b.content))*8, maxFixedLength)
	}
	if b.length == 0 {
		b.content = nil
	}
	if n := int(b.length+7) / 8; err == nil && len(b.content) != n {
		err = t.malformed(start, "%s has %d bits in %d bytes; it needs %d bytes", what, b.length, len(b.content), n)
	}
	return b, err
}

func (l *loader) microRule(t jsonTree, set *Set) *Error {
	if l.rules >= MaxRules {
		return t.unsupported(t.pos, "more than %d Rules in one file", MaxRules)
	}
	t.place = place{ruleIndex: len(set.Rules), field: -1}
	defer func() { t.place = place{ruleIndex: -1, field: -1} }()
	off := t.offset()
	start := t.scanner.spot(off)
	var id microBuffer
	var r schc.Rule
	var spots []spot
	nature, fieldsAt := "", -1
	count := map[microKey]int{}
	var seen nodesSeen
	err := t.members("a rule, an object,", func(name string, off int) (err *Error) {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		switch name {
		case "id":
			if id, err = t.microBuffer("id"); err == nil && id.length > 32 {
				err = t.malformed(off, "a RuleID of %d bits; at most 32 are possible", id.length)
			}
		case "nature":
			at := t.offset()
			nature, err = t.text(name)
			if err == nil && nature != "compression" && nature != "no-compression" {
				err = t.unsupported(at, "nature is %q; microschc's contexts have compression and no-compression", clip([]byte(nature)))
			}
		case "field_descriptors":
			fieldsAt = off
			p := t.place
			err = t.elements("field_descriptors, a list,", func(i int) *Error {
				if i >= MaxFields {
					return t.unsupported(t.pos, "more than %d fields in a Rule", MaxFields)
				}
				t.place.field, t.place.fid = i, 0
				spots = append(spots, t.scanner.spot(t.offset()))
				d, err := l.microField(t, count)
				if err == nil {
					r.Fields = append(r.Fields, d)
					t.place = p
				}
				return err
			})
		default:
			err = t.malformed(off, "unknown key %q in a rule of microschc", clip([]byte(name)))
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case nature == "":
		return t.malformed(off, "the rule has no nature")
	case nature == "no-compression" && len(r.Fields) > 0:
		return t.malformed(fieldsAt, "a no-compression rule with fields")
	case nature == "no-compression":
		r.Nature = schc.NatureNoCompression
	}
	if id.length > 0 {
		r.ID = schc.RuleID{Value: uint32(number(id.rightAligned(int(id.length)))), Bits: uint8(id.length)}
	}
	l.addRule(set, r, start, spots)
	return nil
}

// microKey counts the occurrences of a field in one direction.
type microKey struct {
	fid schc.FID
	di  schc.Direction
}

var microMOs = map[string]schc.MO{
	"equal": schc.MOEqual, "ignore": schc.MOIgnore, "most-significant-bits": schc.MOMSB, "match-mapping": schc.MOMatchMapping,
}

var microCDAs = map[string]schc.CDA{
	"not-sent": schc.CDANotSent, "value-sent": schc.CDAValueSent, "mapping-sent": schc.CDAMappingSent,
	"least-significant-bits": schc.CDALSB, "compute": schc.CDACompute,
}

// microField reads one Field Descriptor. Positions are counted: microschc
// takes the fields in the order of the rule.
func (l *loader) microField(t jsonTree, count map[microKey]int) (d schc.FieldDescriptor, err *Error) {
	start := t.offset()
	length, lengthName, tvAt := uint64(0), "", -1
	var seen nodesSeen
	err = t.members("a field, an object,", func(name string, off int) (err *Error) {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		at := t.offset()
		switch name {
		case "id":
			var text string
			var ok bool
			if text, err = t.text(name); err != nil {
				return err
			}
			if d.FID, ok = microField(text); !ok {
				return t.unsupported(at, "unknown field %q", clip([]byte(text)))
			}
			t.place.fid = d.FID
		case "length":
			length, lengthName, err = t.union(name, maxFixedLength)
		case "position":
			_, err = t.uint(name, math.MaxUint16)
		case "direction":
			d.DI, err = choose(t.scanner, at, name, diNames, "Up, Dw or Bi")
			if err == nil {
				err = t.skip()
			}
		case "target_value":
			tvAt = at
			err = t.skip()
		case "matching_operator":
			d.MO, err = pick(t, name, microMOs)
		case "compression_decompression_action":
			d.CDA, err = pick(t, name, microCDAs)
		default:
			err = t.malformed(off, "unknown key %q in a field of microschc", clip([]byte(name)))
		}
		return err
	})
	if err != nil {
		return d, err
	}
	switch {
	case d.FID == 0:
		return d, t.malformed(start, "the field has no id")
	case d.MO == 0:
		return d, t.malformed(start, "the field has no matching_operator")
	case d.CDA == 0:
		return d, t.malformed(start, "the field has no compression_decompression_action")
	}
	if d.DI == 0 {
		d.DI = schc.DirBidirectional
	}
	switch {
	case lengthName == "fl-variable":
		d.FL = schc.FLVar
	case lengthName == "fl-variable-bits" || lengthName == "" && length == 0:
		d.FL = schc.FLVarBits // the size of the residue is in bits
	case lengthName != "":
		return d, t.malformed(start, "unknown length %q", clip([]byte(lengthName)))
	default:
		d.FL = schc.FieldLength(length)
	}
	if err := t.microPosition(&d, count, start); err != nil {
		return d, err
	}
	if tvAt >= 0 {
		err = l.microValues(jsonTree{t.scanner.at(tvAt)}, &d)
	}
	if err == nil {
		err = l.zero(t, start, &d)
	}
	return d, err
}

// microPosition numbers the occurrences of a field, in each direction.
func (t jsonTree) microPosition(d *schc.FieldDescriptor, count map[microKey]int, off int) *Error {
	n := 0
	for _, di := range []schc.Direction{schc.DirUp, schc.DirDown} {
		if d.DI == di || d.DI == schc.DirBidirectional {
			k := microKey{d.FID, di}
			count[k]++
			if n != 0 && n != count[k] {
				return t.unsupported(off, "the field is number %d upwards and number %d downwards: give it twice, once for each direction", n, count[k])
			}
			n = count[k]
		}
	}
	if n >= schc.FPAny {
		return t.unsupported(off, "the field occurs more than %d times", schc.FPAny-1)
	}
	d.FP = uint8(n)
	return nil
}

// microValues reads target_value: a buffer, or the list of a mapping.
func (l *loader) microValues(t jsonTree, d *schc.FieldDescriptor) *Error {
	off := t.offset()
	if t.space() == 'n' {
		return t.word("null")
	}
	if t.space() == '[' {
		return l.microMapping(t, d)
	}
	b, err := t.microBuffer("target_value")
	switch {
	case err != nil:
		return err
	case d.MO == schc.MOMSB:
		if !d.FL.Variable() && b.length > uint64(d.FL) {
			return t.malformed(off, "a pattern of %d bits for a field of %d", b.length, d.FL)
		}
		d.MSB = uint16(b.length)
	case b.length == 0: // none
		if d.MO != schc.MOIgnore && d.FL.Variable() {
			d.TV = [][]byte{{}}
		}
		return nil
	}
	v, err := l.microValue(t, off, &b, d)
	if err == nil {
		d.TV = [][]byte{v}
	}
	return err
}

// microValue makes a target value of d from a buffer.
func (l *loader) microValue(t jsonTree, off int, b *microBuffer, d *schc.FieldDescriptor) ([]byte, *Error) {
	switch {
	case !d.FL.Variable() && d.MO != schc.MOMSB && b.length != uint64(d.FL):
		return nil, t.malformed(off, "a target value of %d bits for a field of %d", b.length, d.FL)
	case !d.FL.Variable():
		if err := l.take(t, off, (int(d.FL)+7)/8); err != nil {
			return nil, err
		}
		return b.rightAligned(int(d.FL)), nil
	case d.MO != schc.MOMSB && b.length%8 != 0:
		return nil, t.malformed(off, "a target value of %d bits for a field of whole bytes", b.length)
	}
	return b.leftAligned(), nil
}

func (l *loader) microMapping(t jsonTree, d *schc.FieldDescriptor) *Error {
	var indexes []microBuffer
	var values [][]byte
	start := t.offset()
	err := t.elements("", func(i int) *Error {
		if err := l.countValue(t, i); err != nil {
			return err
		}
		off := t.offset()
		var index, value microBuffer
		var seen nodesSeen
		hasIndex, hasValue := false, false
		err := t.members("an element of target_value, an object,", func(name string, off int) (err *Error) {
			if err := seen.once(t, name, off); err != nil {
				return err
			}
			switch name {
			case "index":
				hasIndex = true
				index, err = t.microBuffer(name)
			case "value":
				hasValue = true
				value, err = t.microBuffer(name)
			default:
				err = t.malformed(off, "unknown key %q in a mapping of microschc", clip([]byte(name)))
			}
			return err
		})
		if err == nil && !(hasIndex && hasValue) {
			err = t.malformed(off, "an element of a mapping needs index and value")
		}
		if err != nil {
			return err
		}
		v, err := l.microValue(t, off, &value, d)
		indexes, values = append(indexes, index), append(values, v)
		return err
	})
	if err != nil || len(values) == 0 {
		return err
	}
	width := bits.Len(uint(len(values) - 1)) // ceil(log2 n)
	d.TV = make([][]byte, len(values))
	for i, x := range indexes {
		n := uint64(math.MaxUint64)
		if x.length == uint64(width) {
			n = number(x.rightAligned(width))
		}
		if n >= uint64(len(values)) || d.TV[n] != nil {
			return t.unsupported(start, "a mapping whose indexes are not 0 to %d in %d bits each: number them so", len(values)-1, width)
		}
		d.TV[n] = values[i]
	}
	return nil
}
