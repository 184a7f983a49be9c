package oscore

// Error is the class of a failure: one value per reaction of the caller.
type Error uint8

// The error classes of this package.
const (
	_              Error = iota
	ErrParameters        // the Security Context cannot be made of these: a wrong configuration
	ErrMalformed         // the message can never be valid: drop, or answer 4.02
	ErrUnsupported       // valid, but not implemented here: see the package comment
	ErrNoContext         // the message is for another Security Context: try the next, or answer 4.01
	ErrAuth              // the message is not authentic: drop, or answer 4.00
	ErrReplay            // the message was received before: drop, or answer 4.01
	ErrExhausted         // no sequence number is left: make a new Security Context
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrParameters:
		return "oscore: parameters make no security context"
	case ErrMalformed:
		return "oscore: message is malformed"
	case ErrUnsupported:
		return "oscore: not supported"
	case ErrNoContext:
		return "oscore: no security context for this message"
	case ErrAuth:
		return "oscore: message authentication failed"
	case ErrReplay:
		return "oscore: message was received before"
	case ErrExhausted:
		return "oscore: sequence numbers are exhausted"
	}
	return "oscore: unknown error"
}
