package rulefile

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// fields reads the value of Compression.
func (l *loader) fields(s *scanner) ([]schc.FieldDescriptor, []spot, *Error) {
	if s.space() == '{' { // an old form: {"rule_set": [...]}
		at := 0
		err := s.object("", func(key []byte, off int) *Error {
			if fold(key) != "RULESET" || at != 0 {
				return s.malformed(off, "Compression is a list of fields: [{\"FID\": ...}, ...]")
			}
			at = s.pos
			return s.skip()
		})
		if err != nil || at == 0 {
			return []schc.FieldDescriptor{}, nil, err
		}
		s = s.at(at)
	}
	var fields []schc.FieldDescriptor
	var spots []spot
	p := s.place
	err := s.array("Compression, a list of fields,", func(i int) *Error {
		if i >= MaxFields {
			return s.unsupported(s.pos, "more than %d fields in a Rule", MaxFields)
		}
		off := s.pos
		s.place.field, s.place.fid = i, 0
		d, keep, err := l.field(s)
		s.place = p
		if err != nil || !keep {
			return err
		}
		fields = append(fields, d)
		spots = append(spots, s.spot(off))
		return nil
	})
	return fields, spots, err
}

// field reads one Field Descriptor; keep is false for the pseudo field
// COAP.END.
func (l *loader) field(s *scanner) (d schc.FieldDescriptor, keep bool, err *Error) {
	off := s.pos
	m, err := s.members("a field, an object,", fieldKeys, fieldNames)
	if err != nil {
		return d, false, err
	}
	if !m.has(keyFID) {
		return d, false, s.malformed(off, "the field has no FID: add \"FID\": \"IPV6.VER\" or another name")
	}
	t := s.at(m[keyFID].value)
	if t.space() != '"' {
		return d, false, t.unexpected("FID, a string,")
	}
	name, err := t.str()
	if err != nil {
		return d, false, err
	}
	if fold(name) == "COAP.END" {
		l.warn(s, s.spot(off), "COAP.END is not a field; it is left out, as OpenSCHC does")
		return d, false, nil
	}
	var ok bool
	if d.FID, ok = parseFID(name); !ok {
		return d, false, s.malformed(m[keyFID].value, "unknown field %q%s", clip(name), didYouMean(string(name), allFieldNames()))
	}
	s.place.fid = d.FID
	if err := s.lengthPositionDirection(&m, &d); err != nil {
		return d, false, err
	}
	if err := s.operatorAction(&m, off, &d); err != nil {
		return d, false, err
	}
	if m.has(keyTVInd) {
		return d, false, s.unsupported(m[keyTVInd].key, "TV.IND, an indirect target value, is not supported: write the value as TV")
	}
	if m.has(keyTV) {
		d.TV, err = l.values(s.at(m[keyTV].value), &d)
	}
	return d, true, err
}

// allFieldNames is for hints only.
func allFieldNames() []string {
	var names []string
	for _, f := range schc.FieldIDs(nil) {
		names = append(names, f.String())
	}
	return names
}

func (s *scanner) lengthPositionDirection(m *members, d *schc.FieldDescriptor) *Error {
	d.FL, d.FP, d.DI = ownLength(d.FID), 1, schc.DirBidirectional
	if d.FID == schc.FIDCoAPToken {
		d.FL = schc.FLTokenLength
	}
	if m.has(keyFL) {
		var err *Error
		if d.FL, err = s.at(m[keyFL].value).fieldLength(); err != nil {
			return err
		}
	}
	if m.has(keyFP) {
		v, err := s.at(m[keyFP].value).uint("FP", schc.FPAny-1)
		if err != nil {
			return err
		}
		if d.FP = uint8(v); v == 0 {
			d.FP = schc.FPAny
		}
	}
	if m.has(keyDI) {
		off := m[keyDI].value
		name, err := s.at(off).text("DI")
		if err != nil {
			return err
		}
		var ok bool
		if d.DI, ok = diNames[foldName(name)]; !ok {
			return s.malformed(off, "unknown direction %q: write UP, DW or BI", clip([]byte(name)))
		}
	}
	return nil
}

// foldName folds a name and drops the module of a YANG identity.
func foldName(name string) string {
	k := fold([]byte(name))
	if i := strings.LastIndexByte(k, ':'); i >= 0 {
		k = k[i+1:]
	}
	return k
}

const maxFixedLength = 0xff00 // schc's longest fixed FL

// fieldLength reads FL.
func (s *scanner) fieldLength() (schc.FieldLength, *Error) {
	off := s.pos
	if s.space() != '"' {
		v, err := s.uint("FL", maxFixedLength)
		if err == nil && v == 0 {
			err = s.malformed(off, "FL is 0: leave it out for the field's own length")
		}
		return schc.FieldLength(v), err
	}
	name, err := s.str()
	if err != nil {
		return 0, err
	}
	fl, ok := flNames[foldName(string(name))]
	if !ok {
		return 0, s.malformed(off, "unknown length %q: write a number of bits, \"var\", \"var-bits\", \"tkl\" or \"osc.piv\"", clip(name))
	}
	return fl, nil
}

func (s *scanner) operatorAction(m *members, off int, d *schc.FieldDescriptor) *Error {
	if !m.has(keyMO) {
		return s.malformed(off, "no MO: add equal, ignore, MSB or match-mapping")
	}
	if !m.has(keyCDA) {
		return s.malformed(off, "no CDA: add not-sent, value-sent, mapping-sent, LSB, compute-length, compute-checksum, DevIID, AppIID or lower")
	}
	at := m[keyMO].value
	name, err := s.at(at).text("MO")
	if err != nil {
		return err
	}
	base, arg, hasArg := argument(foldName(name))
	var ok bool
	if d.MO, ok = moNames[base]; !ok {
		switch strings.TrimPrefix(base, "MO") {
		case "REVRULEMATCH", "RULEMATCH", "MATCHREVRULE":
			return s.unsupported(at, "the operator %s, a packet inside a packet, is not supported", clip([]byte(name)))
		}
		return s.malformed(at, "unknown operator %q: write equal, ignore, MSB or match-mapping", clip([]byte(name)))
	}
	if d.MO == schc.MOMSB {
		if err := s.msb(m, at, arg, hasArg, d); err != nil {
			return err
		}
	} else if hasArg {
		return s.malformed(at, "the operator %s takes no number", base)
	}
	at = m[keyCDA].value
	if name, err = s.at(at).text("CDA"); err != nil {
		return err
	}
	base, arg, hasArg = argument(foldName(name))
	if d.CDA, ok = cdaNames[base]; !ok {
		if strings.Contains(base, "COMPRESS") {
			return s.unsupported(at, "the action %s, a packet inside a packet, is not supported", clip([]byte(name)))
		}
		return s.malformed(at, "unknown action %q: write not-sent, value-sent, mapping-sent, LSB, compute-length, compute-checksum, DevIID, AppIID or lower", clip([]byte(name)))
	}
	if hasArg && (d.CDA != schc.CDALSB || d.MO != schc.MOMSB || d.FL.Variable() || arg+uint64(d.MSB) != uint64(d.FL)) {
		return s.malformed(at, "%s: write LSB alone; it sends what MSB leaves", clip([]byte(name)))
	}
	return nil
}

// argument splits "MSB(12)".
func argument(name string) (base string, arg uint64, ok bool) {
	i := strings.IndexByte(name, '(')
	if i < 0 || !strings.HasSuffix(name, ")") {
		return name, 0, false
	}
	v, err := strconv.ParseUint(name[i+1:len(name)-1], 10, 16)
	if err != nil {
		return name, 0, false
	}
	return name[:i], v, true
}

// msb reads x of MSB(x).
func (s *scanner) msb(m *members, at int, arg uint64, hasArg bool, d *schc.FieldDescriptor) *Error {
	if m.has(keyMOVal) {
		v, err := s.at(m[keyMOVal].value).uint("MO.VAL", 1<<16-1)
		if err != nil {
			return err
		}
		if hasArg && arg != v {
			return s.malformed(m[keyMOVal].value, "MO.VAL is %d, but MO says MSB(%d): drop one", v, arg)
		}
		arg, hasArg = v, true
	}
	if !hasArg {
		return s.malformed(at, "MSB without a number of bits: add \"MO.VAL\": 12, or write \"MSB(12)\"")
	}
	d.MSB = uint16(arg)
	return nil
}

// values reads TV: one value, a list of them, or none.
func (l *loader) values(s *scanner, d *schc.FieldDescriptor) ([][]byte, *Error) {
	switch s.space() {
	case 'n':
		return nil, s.word("null")
	case '[':
		n, count := 0, s.at(s.pos)
		if err := count.array("", func(int) *Error { n++; return count.skip() }); err != nil {
			return nil, err
		}
		n = min(n, MaxValues)
		var list [][]byte
		err := s.array("", func(i int) *Error {
			if err := l.countValue(s, i); err != nil {
				return err
			}
			if s.space() == 'n' && bytes.HasPrefix(s.data[s.pos:], []byte("null")) {
				return s.unsupported(s.pos, "null as a target value, for a field that is not there, is not supported: make it a Rule of its own")
			}
			v, err := l.value(s, d)
			if list == nil {
				list = make([][]byte, 0, n)
			}
			list = append(list, v)
			return err
		})
		return list, err
	}
	if err := l.countValue(s, 0); err != nil {
		return nil, err
	}
	v, err := l.value(s, d)
	return [][]byte{v}, err
}

// countValue keeps to the limits before the i-th Target Value of a field.
func (l *loader) countValue(t interface {
	offset() int
	errorAt(off int, class schc.Error, format string, args ...any) *Error
}, i int) *Error {
	if i >= MaxValues {
		return t.errorAt(t.offset(), schc.ErrUnsupported, "more than %d target values", MaxValues)
	}
	if l.tvs++; l.tvs > maxAllTVs {
		return t.errorAt(t.offset(), schc.ErrUnsupported, "more than %d target values in one file", maxAllTVs)
	}
	return nil
}
