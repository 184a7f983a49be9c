package rulefile

import (
	"math"

	"github.com/schckit/schckit/schc"
)

// A yangWriter writes the model. Its methods are called in the order of the
// document.
type yangWriter interface {
	open(name string) // an object, or with name "" an element of a list
	close()           // the object
	list(name string, n int)
	endList()
	uint(name string, v uint64)
	boolean(name string, v bool)
	text(name, v string)
	binary(name string, v []byte)
	identity(name, v string)
	union(name, v string) // an identityref in a union
	// has reports whether a node that is not in RFC 9363 can be written, and
	// identified whether the party that reads knows an identity.
	has(name string) bool
	identified(v string) bool
}

// writeDocument writes the rule set of one device.
func writeDocument(w yangWriter, s *Set) *Error {
	w.open("schc")
	if s.DeviceID != "" {
		w.text("device-id", s.DeviceID)
	}
	w.list("rule", len(s.Rules))
	for i := range s.Rules {
		if err := writeRule(w, s, i); err != nil {
			return err
		}
	}
	w.endList()
	w.close()
	return nil
}

func writeRule(w yangWriter, s *Set, index int) *Error {
	r := &s.Rules[index]
	p := place{ruleIndex: index, hasID: true, id: r.ID, field: -1}
	fail := func(text string) *Error {
		return &Error{Offset: -1, Rule: p.rule(), Field: p.fieldName(), Err: schc.ErrMalformed, Text: text}
	}
	if text := checkRule(r); text != "" {
		return fail(text)
	}
	w.open("")
	w.uint("rule-id-value", uint64(r.ID.Value))
	w.uint("rule-id-length", uint64(r.ID.Bits))
	w.identity("rule-nature", r.Nature.String())
	if index < len(s.Descriptions) && s.Descriptions[index] != "" {
		w.text("description", s.Descriptions[index])
	}
	switch r.Nature {
	case schc.NatureCompression:
		w.list("entry", len(r.Fields))
		keys := entryKeys{}
		for i := range r.Fields {
			keys.add(normalField(r.Fields[i]))
		}
		for i := range r.Fields {
			d := normalField(r.Fields[i])
			p.field, p.fid = i, d.FID
			if text := checkField(&d); text != "" {
				return fail(text)
			}
			fp, ok := uint8(0), true
			if fp = position(&d); !w.has("entry-index") {
				fp, ok = keys.take(d)
			}
			if !ok {
				return fail("more entries of one field than a Rule can have in the model of RFC 9363, 255")
			}
			writeEntry(w, &d, i, fp)
		}
		w.endList()
	case schc.NatureFragmentation:
		if text := checkFragment(r.Fragment); text != "" {
			return fail(text)
		}
		writeFragment(w, normalFragment(*r.Fragment))
	}
	w.close()
	return nil
}

// entryKey is the key of an entry: field-id, field-position and
// direction-indicator.
type entryKey struct {
	id string
	fp uint8
	di schc.Direction
}

// entryKeys are the keys of a Rule's entries. Fields that share one, such as two
// options whose numbers have no identity, get positions that tell them apart.
type entryKeys map[entryKey]bool // whether an entry has taken it

func keyOf(d *schc.FieldDescriptor) entryKey {
	k := entryKey{d.FID.YANG(), position(d), d.DI}
	if _, option := d.FID.CoAPOption(); option && !registered(d.FID) {
		k.id = idOptionNumber
	}
	return k
}

// position is field-position as RFC 9363 has it: 0 is any.
func position(d *schc.FieldDescriptor) uint8 {
	if d.FP == schc.FPAny {
		return 0
	}
	return d.FP
}

func (m entryKeys) add(d schc.FieldDescriptor) { m[keyOf(&d)] = false }

// take returns the position under which d is written, its own if that is free.
func (m entryKeys) take(d schc.FieldDescriptor) (uint8, bool) {
	k := keyOf(&d)
	if m[k] {
		for k.fp = 1; ; k.fp++ {
			if _, used := m[k]; !used {
				break
			}
			if k.fp == schc.FPAny-1 {
				return 0, false
			}
		}
	}
	m[k] = true
	return k.fp, true
}

// writeEntry writes entry number index under the position fp.
func writeEntry(w yangWriter, d *schc.FieldDescriptor, index int, fp uint8) {
	w.open("")
	if w.has("entry-index") {
		w.uint("entry-index", uint64(index))
	}
	n, option := d.FID.CoAPOption()
	switch {
	case registered(d.FID) && w.identified(d.FID.YANG()):
		w.identity("field-id", d.FID.YANG())
	case option && w.has("space-id") && w.identified("space-id-coap"):
		w.identity("space-id", "space-id-coap")
		w.uint("universal-value", uint64(n))
	case option && !registered(d.FID):
		w.identity("field-id", idOptionNumber)
		w.uint("universal-value", uint64(n))
	default:
		w.identity("field-id", d.FID.YANG())
	}
	switch d.FL {
	case schc.FLVar:
		w.union("field-length", idFLVariable)
	case schc.FLVarBits:
		w.union("field-length", idFLVariableBit)
	case schc.FLTokenLength:
		w.union("field-length", idFLToken)
	case schc.FLOSCOREPIV:
		w.union("field-length", idFLOSCOREPIV)
	default:
		if d.FL <= 255 {
			w.uint("field-length", uint64(d.FL))
			break
		}
		w.union("field-length", idFLBits)
		w.uint("field-length-value", uint64(d.FL))
	}
	w.uint("field-position", uint64(fp))
	if own := position(d); fp != own {
		w.uint("field-position-value", uint64(own))
	}
	w.identity("direction-indicator", d.DI.String())
	if len(d.TV) > 0 {
		writeValues(w, "target-value", d.TV)
	}
	w.identity("matching-operator", d.MO.String())
	if d.MO == schc.MOMSB {
		x := []byte{byte(d.MSB >> 8), byte(d.MSB)}
		if x[0] == 0 {
			x = x[1:]
		}
		writeValues(w, "matching-operator-value", [][]byte{x})
	}
	w.identity("comp-decomp-action", d.CDA.String())
	w.close()
}

func writeValues(w yangWriter, name string, values [][]byte) {
	w.list(name, len(values))
	for i, v := range values {
		w.open("")
		w.uint("index", uint64(i))
		w.binary("value", v)
		w.close()
	}
	w.endList()
}

func writeFragment(w yangWriter, f schc.Fragmentation) {
	acks := f.Mode != schc.FragmentationNoAck
	w.identity("fragmentation-mode", f.Mode.String())
	w.uint("l2-word-size", uint64(f.L2WordBits))
	w.identity("direction", f.Direction.String())
	w.uint("dtag-size", uint64(f.DTagBits))
	if acks || f.WBits != 0 {
		w.uint("w-size", uint64(f.WBits))
	}
	w.uint("fcn-size", uint64(f.FCNBits))
	for name, v := range yangRCSs {
		if v == f.RCSAlgorithm {
			w.identity("rcs-algorithm", name)
		}
	}
	if f.RCSBits != 32 {
		w.uint("rcs-size", uint64(f.RCSBits))
	}
	w.uint("maximum-packet-size", uint64(f.MaxPacket))
	w.uint("window-size", uint64(f.WindowSize))
	w.uint("max-interleaved-frames", uint64(f.MaxInterleaved))
	if f.InactivityMs != 0 {
		writeTimer(w, "inactivity-timer", f.InactivityMs)
	}
	if f.RetransmissionMs != 0 {
		writeTimer(w, "retransmission-timer", f.RetransmissionMs)
	}
	if acks || f.MaxAckRequests != 0 {
		w.uint("max-ack-requests", uint64(f.MaxAckRequests))
	}
	// RFC 9363 has tiles of a fixed size in ACK-on-Error only.
	aoe := f.Mode == schc.FragmentationAckOnError
	if f.TileBits != 0 && aoe {
		w.uint("tile-size", uint64(min(f.TileBits, 255)))
	}
	if f.TileBits > 255 || f.TileBits != 0 && !aoe {
		w.uint("tile-size-value", uint64(f.TileBits))
	}
	for name, v := range yangAll1s {
		if v == f.All1Data {
			w.identity("tile-in-all-1", name)
		}
	}
	for name, v := range yangAcks {
		if v == f.AckBehavior {
			w.identity("ack-behavior", name)
		}
	}
	if f.CompoundAck {
		w.identity("bitmap-format", "bitmap-compound-ack")
	}
	if f.FullLastBitmap {
		w.boolean(map[bool]string{true: "last-bitmap-compression", false: "bitmap-compression"}[aoe], false)
	}
	writeOwn(w, &f)
}

// writeTimer writes a time in ticks, and in milliseconds too where ticks
// cannot say it exactly.
func writeTimer(w yangWriter, name string, ms uint32) {
	us := uint64(ms) * 1000
	d := 0
	for us>>d > math.MaxUint16 {
		d++
	}
	n := (us + 1<<d>>1) >> d // rounded
	if n > math.MaxUint16 {
		d++
		n = (us + 1<<d>>1) >> d
	}
	w.open(name)
	w.uint("ticks-duration", uint64(d))
	w.uint("ticks-numbers", n)
	if uint64(math.Round(math.Ldexp(float64(n), d)/1000)) != uint64(ms) {
		w.uint("milliseconds", uint64(ms))
	}
	w.close()
}
