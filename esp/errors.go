package esp

// Error is the class of a failure: one value per reaction of the caller. The
// values are constants: compare a value of type Error, not the interface
// (e, _ := err.(Error)).
type Error uint8

// The error classes of this package.
const (
	_              Error = iota
	ErrTruncated         // the packet ends early: drop
	ErrMalformed         // the packet can never be valid, or what is configured cannot: drop, or correct the configuration
	ErrShortBuffer       // dst is at its limit: retry with more room
	ErrUnsupported       // valid, but not handled here: a fragment, an unknown algorithm
	ErrAuth              // the ICV does not verify, or what it protects is not as a sender makes it: drop and count
	ErrReplay            // seen before, or too old to tell: drop and count
	ErrNoSA              // no Security Association for this packet: drop, or let it pass in the clear, as the policy says
	ErrExhausted         // the SA has used up its sequence numbers or its life: agree on a new key
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "esp: packet ends early"
	case ErrMalformed:
		return "esp: malformed"
	case ErrShortBuffer:
		return "esp: no room"
	case ErrUnsupported:
		return "esp: unsupported"
	case ErrAuth:
		return "esp: integrity check failed"
	case ErrReplay:
		return "esp: replayed packet"
	case ErrNoSA:
		return "esp: no Security Association"
	case ErrExhausted:
		return "esp: Security Association exhausted"
	}
	return "esp: no error"
}

// Class is the name that the command line and the vectors use.
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
	case ErrAuth:
		return "auth"
	case ErrReplay:
		return "replay"
	case ErrNoSA:
		return "no-sa"
	case ErrExhausted:
		return "exhausted"
	}
	return ""
}
