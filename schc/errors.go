package schc

// Error is the class of a failure: one value per reaction of the caller. The
// packet path returns a bare Error; functions that check or explain return a
// *FieldError that wraps one.
type Error uint8

// The error classes of this package.
const (
	_              Error = iota
	ErrNoRule            // no Rule matches, or the RuleID is unknown: drop, or send uncompressed
	ErrTruncated         // the input ends early: wait for more, or drop
	ErrMalformed         // the input can never be valid: drop
	ErrShortBuffer       // dst is at its limit: retry with more room
	ErrUnsupported       // valid, but not for this function: a SCHC Fragment, an oversized packet
	ErrRCS               // reassembled, but the Reassembly Check Sequence differs: have it sent again
	ErrIncomplete        // fragments are missing: wait for more, or have them sent again
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrNoRule:
		return "schc: no rule matches"
	case ErrTruncated:
		return "schc: input is truncated"
	case ErrMalformed:
		return "schc: input is malformed"
	case ErrShortBuffer:
		return "schc: buffer is too short"
	case ErrUnsupported:
		return "schc: not supported"
	case ErrRCS:
		return "schc: reassembly check failed"
	case ErrIncomplete:
		return "schc: fragments are missing"
	}
	return "schc: unknown error"
}

// A FieldError names the place of a failure: which Rule, which Field
// Descriptor of it, and what to do about it.
type FieldError struct {
	Rule  RuleID // the Rule; meaningful when Index >= 0
	Index int    // index of the Rule in the set, from 0; -1: the set as a whole
	Field int    // index of the Field Descriptor in the Rule, from 0; -1: the Rule as a whole
	FID   FID    // the field, or 0
	Err   Error  // the class
	Text  string // what is wrong and what to do, without a prefix
}

// Error returns "schc: rule 5/8: field 3 (IPV6.LEN): text".
func (e *FieldError) Error() string {
	s := "schc: "
	if e.Index >= 0 {
		s += "rule " + e.Rule.String() + ": "
	}
	if e.Field >= 0 {
		s += "field " + utoa(uint32(e.Field)+1) + " (" + e.FID.String() + "): "
	} else if e.FID != 0 {
		s += e.FID.String() + ": "
	}
	return s + e.Text
}

// Unwrap returns the class, so that errors.Is(err, ErrMalformed) works.
func (e *FieldError) Unwrap() error { return e.Err }

// utoa is strconv.FormatUint for firmware: strconv links 9.5 KB.
func utoa(v uint32) string {
	var b [10]byte
	i := len(b)
	for {
		i--
		b[i] = '0' + byte(v%10)
		v /= 10
		if v == 0 {
			return string(b[i:])
		}
	}
}

// count returns "1 byte", "2 bytes".
func count(n int, unit string) string {
	s := utoa(uint32(n)) + " " + unit
	if n != 1 {
		s += "s"
	}
	return s
}
