package sse

// Error is why a packet was not handled. The values are constants: compare a
// value of type Error, not the interface (e, _ := err.(Error)).
type Error uint8

const (
	_              Error = iota
	ErrTruncated         // the input ends early: wait for more of the stream, or drop
	ErrMalformed         // the input can never be valid: drop
	ErrShortBuffer       // the result exceeds a limit the caller set: drop, or raise the limit
	ErrUnsupported       // valid, but not possible in this session: another format, flag, suite, or a smaller payload
	ErrNoRule            // the Rule does not describe the header: send it uncompressed
	ErrNoSA              // the SPI is of no session: drop
	ErrAuth              // not from the peer, or changed on the way: drop and count
	ErrReplay            // was there before, or is too old to tell: drop
	ErrExhausted         // no sequence numbers are left: negotiate new keys
	ErrRefused           // policy does not allow it: negotiate again, or give up
)

// Error returns the text, with the package's name first.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "sse: input ends early"
	case ErrMalformed:
		return "sse: malformed input"
	case ErrShortBuffer:
		return "sse: result longer than allowed"
	case ErrUnsupported:
		return "sse: unsupported"
	case ErrNoRule:
		return "sse: no Rule matches"
	case ErrNoSA:
		return "sse: unknown SPI"
	case ErrAuth:
		return "sse: packet is not authentic"
	case ErrReplay:
		return "sse: packet was replayed"
	case ErrExhausted:
		return "sse: sequence numbers are used up"
	case ErrRefused:
		return "sse: refused"
	}
	return "sse: no error"
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
	case ErrNoRule:
		return "no-rule"
	case ErrNoSA:
		return "no-sa"
	case ErrAuth:
		return "auth"
	case ErrReplay:
		return "replay"
	case ErrExhausted:
		return "exhausted"
	case ErrRefused:
		return "refused"
	}
	return ""
}
