package gpcomp

// Error is why a payload was not handled. The values are constants: compare a
// value of type Error, not the interface (e, _ := err.(Error)).
type Error uint8

const (
	_              Error = iota
	ErrTruncated         // the input ends early: drop
	ErrMalformed         // the input can never be valid: drop
	ErrShortBuffer       // the result exceeds a limit the caller set: drop, or raise the limit
	ErrUnsupported       // no codec, or one without memory to compress: configure one
	ErrNoSA              // no association has this CPI: drop
	ErrRefused           // the receiver would take this payload for a compressed one: send it otherwise
)

// Error returns the text, with the package's name first.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "gpcomp: input ends early"
	case ErrMalformed:
		return "gpcomp: malformed input"
	case ErrShortBuffer:
		return "gpcomp: result longer than allowed"
	case ErrUnsupported:
		return "gpcomp: unsupported"
	case ErrNoSA:
		return "gpcomp: unknown CPI"
	case ErrRefused:
		return "gpcomp: payload would be mistaken for a compressed one"
	}
	return "gpcomp: no error"
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
	case ErrNoSA:
		return "no-sa"
	case ErrRefused:
		return "refused"
	}
	return ""
}
