package lowpan

// Error is why a frame or a packet was not handled. The values are constants:
// compare a value of type Error, not the interface (e, _ := err.(Error)).
type Error uint8

const (
	_              Error = iota
	ErrTruncated         // the input ends early: drop
	ErrMalformed         // the input can never be valid: drop
	ErrShortBuffer       // the result exceeds a limit the caller set: drop, or raise the limit
	ErrUnsupported       // valid, but not implemented here: drop, or handle the dispatch elsewhere
	ErrNoContext         // needs a context or a link address that is not known: drop, ask a router for contexts
	ErrIncomplete        // one fragment of a packet: give it to a Reassembler
)

// Error returns the text, with the package's name first.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "lowpan: input ends early"
	case ErrMalformed:
		return "lowpan: malformed input"
	case ErrShortBuffer:
		return "lowpan: result longer than allowed"
	case ErrUnsupported:
		return "lowpan: unsupported"
	case ErrNoContext:
		return "lowpan: unknown context or link address"
	case ErrIncomplete:
		return "lowpan: fragment of a packet"
	}
	return "lowpan: no error"
}

// Class is the name that the command line and the vectors use. A context that
// is not known is the counterpart of a Rule that is not known: "no-rule".
func (e Error) Class() string {
	switch e {
	case ErrTruncated:
		return "truncated"
	case ErrMalformed:
		return "malformed"
	case ErrShortBuffer:
		return "short-buffer"
	case ErrUnsupported:
		return "unsupported"
	case ErrNoContext:
		return "no-rule"
	case ErrIncomplete:
		return "incomplete"
	}
	return ""
}
