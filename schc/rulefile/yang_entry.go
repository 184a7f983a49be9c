package rulefile

import (
	"math"
	"slices"

	"github.com/schckit/schckit/schc"
)

// yangEntry is an entry while its nodes come in any order.
type yangEntry struct {
	fid               schc.FID
	fidName           string
	fidAt             int
	fl                uint64
	flName            string
	flAt              int
	flValue           uint64
	hasFL, hasFLValue bool
	universal         uint64
	hasUniversal      bool
	space             string
	fp                uint64
	hasFP             bool
	fpValue           uint64
	hasFPValue        bool
	di                schc.Direction
	mo                schc.MO
	cda               schc.CDA
	tv, arg           [][]byte
	tvAt, argAt       []int
}

func (l *loader) loadEntry(t tree) (schc.FieldDescriptor, *Error) {
	off := t.offset()
	e := yangEntry{fidAt: off, flAt: off}
	var seen nodesSeen
	err := t.members("an entry, an object,", func(name string, off int) *Error {
		if err := seen.once(t, name, off); err != nil {
			return err
		}
		return l.entryNode(t, &e, name, off)
	})
	if err != nil {
		return schc.FieldDescriptor{}, err
	}
	return l.entry(t, &e, off)
}

func (l *loader) entryNode(t tree, e *yangEntry, name string, off int) (err *Error) {
	switch name {
	case "field-id":
		e.fidAt = t.offset()
		if e.fidName, err = t.identity(name); err == nil {
			if f, ok := yangField(e.fidName); ok {
				e.fid, t.at().fid = f, f
			}
		}
	case "field-length":
		e.flAt, e.hasFL = t.offset(), true
		e.fl, e.flName, err = t.union(name, 255)
	case "field-length-value":
		e.hasFLValue = true
		e.flValue, err = t.uint(name, maxFixedLength)
	case "space-id":
		e.space, err = t.identity(name)
	case "universal-value":
		e.hasUniversal = true
		e.universal, err = t.uint(name, math.MaxUint16)
	case "entry-index":
		_, err = t.uint(name, math.MaxUint16)
	case "field-position":
		e.hasFP = true
		e.fp, err = t.uint(name, schc.FPAny-1)
	case "field-position-value":
		e.hasFPValue = true
		e.fpValue, err = t.uint(name, schc.FPAny-1)
	case "direction-indicator":
		e.di, err = pick(t, name, yangDIs)
	case "matching-operator":
		e.mo, err = pick(t, name, yangMOs)
	case "comp-decomp-action":
		e.cda, err = pick(t, name, yangCDAs)
	case "target-value":
		e.tv, e.tvAt, err = l.valueList(t, name)
	case "matching-operator-value":
		e.arg, e.argAt, err = l.valueList(t, name)
	case "comp-decomp-action-value":
		var args [][]byte
		at := t.offset()
		if args, _, err = l.valueList(t, name); err == nil && len(args) > 0 {
			err = t.errorAt(at, schc.ErrUnsupported, "comp-decomp-action-value: no action known here has an argument")
		}
	default:
		return l.otherNode(t, name, off)
	}
	return err
}

// valueList reads a list of index and value, in any order.
func (l *loader) valueList(t tree, what string) ([][]byte, []int, *Error) {
	var list [][]byte
	var at []int
	off := t.offset()
	count := 0
	err := t.elements(what+", a list,", func(i int) *Error {
		if err := l.countValue(t, i); err != nil {
			return err
		}
		count++
		index, value, valueAt, start := uint64(i), []byte(nil), 0, t.offset()
		var seen nodesSeen
		err := t.members("an element of "+what+", an object,", func(name string, off int) (err *Error) {
			if err := seen.once(t, name, off); err != nil {
				return err
			}
			switch name {
			case "index", "position":
				index, err = t.uint(name, MaxValues-1)
			case "value":
				valueAt = t.offset()
				if value, err = t.binary(name); value == nil {
					value = []byte{}
				}
			case "operator", "operator-index":
				err = t.errorAt(off, schc.ErrUnsupported, "indirect values are not supported: write the value itself")
			default:
				err = t.errorAt(off, schc.ErrUnsupported, "the node %q is not known here: take it out", clip([]byte(name)))
			}
			return err
		})
		if err != nil {
			return err
		}
		if value == nil {
			return t.errorAt(start, schc.ErrMalformed, "an element of %s without value", what)
		}
		for uint64(len(list)) <= index {
			list, at = append(list, nil), append(at, 0)
		}
		if list[index] != nil {
			return t.errorAt(start, schc.ErrMalformed, "%s has the index %d twice", what, index)
		}
		list[index], at[index] = value, valueAt
		return nil
	})
	if err == nil && count != len(list) {
		err = t.errorAt(off, schc.ErrMalformed, "the indexes of %s are not 0 to %d: number them without gaps", what, count-1)
	}
	return list, at, err
}

// entry makes a Field Descriptor of the nodes read.
func (l *loader) entry(t tree, e *yangEntry, off int) (schc.FieldDescriptor, *Error) {
	malformed := func(at int, format string, args ...any) (schc.FieldDescriptor, *Error) {
		return schc.FieldDescriptor{}, t.errorAt(at, schc.ErrMalformed, format, args...)
	}
	d := schc.FieldDescriptor{FID: e.fid, DI: e.di, MO: e.mo, CDA: e.cda, FP: uint8(e.fp)}
	if err := e.universalField(t, &d); err != nil {
		return d, err
	}
	switch {
	case d.FID == 0 && e.fidName == "":
		return malformed(off, "the entry has no field-id")
	case d.FID == 0:
		return schc.FieldDescriptor{}, t.errorAt(e.fidAt, schc.ErrUnsupported, "unknown field %q%s", clip([]byte(e.fidName)), didYouMean(e.fidName, fieldIdentities()))
	}
	t.at().fid = d.FID
	switch {
	case !e.hasFL:
		return malformed(off, "the entry has no field-length")
	case !e.hasFP:
		return malformed(off, "the entry has no field-position")
	case d.DI == 0:
		return malformed(off, "the entry has no direction-indicator")
	case d.MO == 0:
		return malformed(off, "the entry has no matching-operator")
	case d.CDA == 0:
		return malformed(off, "the entry has no comp-decomp-action")
	}
	if e.hasFPValue {
		d.FP = uint8(e.fpValue)
	}
	if d.FP == 0 {
		d.FP = schc.FPAny
	}
	if err := e.length(t, &d); err != nil {
		return d, err
	}
	if err := e.argument(t, &d, off); err != nil {
		return d, err
	}
	for i, v := range e.tv {
		if !d.FL.Variable() {
			w := (int(d.FL) + 7) / 8
			for len(v) > w && v[0] == 0 {
				v = v[1:]
			}
			if len(v) > w || len(v) == w && w > 0 && d.FL%8 != 0 && v[0]>>(d.FL%8) != 0 {
				return malformed(e.tvAt[i], "the target value does not fit the field's %d bits", d.FL)
			}
			if err := l.take(t, e.tvAt[i], w); err != nil {
				return d, err
			}
			b := l.bytes(w)
			copy(b[w-len(v):], v)
			e.tv[i] = b
		}
	}
	d.TV = e.tv
	return d, l.zero(t, off, &d)
}

func fieldIdentities() []string {
	var l []string
	for n := range yangFields {
		l = append(l, n)
	}
	slices.Sort(l)
	return l
}

// universalField finds the field of an entry whose option number is in
// universal-value.
func (e *yangEntry) universalField(t tree, d *schc.FieldDescriptor) *Error {
	coap := e.space == "space-id-coap" || e.fidName == idOptionNumber
	switch {
	case e.space != "" && e.space != "space-id-coap":
		return t.errorAt(e.fidAt, schc.ErrUnsupported, "options of %q are not supported, only those of space-id-coap", clip([]byte(e.space)))
	case coap && !e.hasUniversal:
		return t.errorAt(e.fidAt, schc.ErrMalformed, "a CoAP option without its number in universal-value")
	case !coap && e.hasUniversal:
		return t.errorAt(e.fidAt, schc.ErrMalformed, "universal-value without space-id: which protocol's option is it?")
	case coap && d.FID != 0:
		return t.errorAt(e.fidAt, schc.ErrMalformed, "the entry has a field-id and an option number: drop one")
	case coap:
		d.FID = schc.FIDCoAPOption(uint16(e.universal))
	}
	return nil
}

func (e *yangEntry) length(t tree, d *schc.FieldDescriptor) *Error {
	value := e.flValue
	switch e.flName {
	case "":
		if value = e.fl; value == 0 {
			return t.errorAt(e.flAt, schc.ErrMalformed, "field-length is 0")
		}
	case idFLVariable:
		d.FL = schc.FLVar
	case idFLVariableBit, "fl-variable-bits":
		d.FL = schc.FLVarBits
	case idFLToken:
		d.FL = schc.FLTokenLength
	case idFLOSCOREPIV:
		d.FL = schc.FLOSCOREPIV
	case idFLBytes, idFLBits:
		if e.flName == idFLBytes {
			value *= 8
		}
		if value == 0 || value > maxFixedLength {
			return t.errorAt(e.flAt, schc.ErrMalformed, "%s without a length in field-length-value from 1 to %d bits", e.flName, maxFixedLength)
		}
	default:
		return t.errorAt(e.flAt, schc.ErrUnsupported, "field-length is %q, which is not supported here", clip([]byte(e.flName)))
	}
	if d.FL == 0 {
		d.FL = schc.FieldLength(value)
	} else if e.hasFLValue {
		return t.errorAt(e.flAt, schc.ErrMalformed, "field-length-value beside %s: drop one", e.flName)
	}
	if e.flName == "" && e.hasFLValue && e.flValue != e.fl {
		return t.errorAt(e.flAt, schc.ErrMalformed, "field-length and field-length-value differ: drop one")
	}
	return nil
}

// argument reads x of MSB(x).
func (e *yangEntry) argument(t tree, d *schc.FieldDescriptor, off int) *Error {
	if d.MO != schc.MOMSB {
		if len(e.arg) > 0 {
			return t.errorAt(e.argAt[0], schc.ErrMalformed, "matching-operator-value: %s has no argument", d.MO)
		}
		return nil
	}
	if len(e.arg) != 1 {
		return t.errorAt(off, schc.ErrMalformed, "mo-msb has %d values in matching-operator-value; it needs one, the number of bits", len(e.arg))
	}
	v := e.arg[0]
	for len(v) > 0 && v[0] == 0 {
		v = v[1:]
	}
	if len(v) > 2 {
		return t.errorAt(e.argAt[0], schc.ErrMalformed, "MSB of more than 65535 bits")
	}
	d.MSB = uint16(number(v))
	return nil
}
