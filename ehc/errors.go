package ehc

// Error is the class of a failure: one value per reaction of the caller. The
// values are constants: compare a value of type Error, not the interface
// (e, _ := err.(Error)).
type Error uint8

// The error classes of this package.
const (
	_              Error = iota
	ErrTruncated         // the payload ends early: drop the message, or answer INVALID_SYNTAX
	ErrMalformed         // the payload can never be valid, or what is configured cannot: drop, or correct the configuration
	ErrUnsupported       // valid, but not handled here: leave it to another implementation, or answer with its error
	ErrRefused           // policy does not allow it, or it asks for too much: answer with the error notify, or delete the Child SA
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "ehc: payload ends early"
	case ErrMalformed:
		return "ehc: malformed"
	case ErrUnsupported:
		return "ehc: unsupported"
	case ErrRefused:
		return "ehc: refused"
	}
	return "ehc: no error"
}

// Class is the name that the command line and the vectors use.
func (e Error) Class() string {
	switch e {
	case ErrTruncated:
		return "truncated"
	case ErrMalformed:
		return "malformed"
	case ErrUnsupported:
		return "unsupported"
	case ErrRefused:
		return "refused"
	}
	return ""
}

// A NegotiationError says why a negotiation failed.
type NegotiationError struct {
	Err      Error
	Notify   uint16 // type of the error notify that tells the peer; 0: the initiator deletes the Child SA, or nothing was sent
	Group    uint16 // the key exchange method that is wanted, with INVALID_KE_PAYLOAD; else 0
	Proposal int    // place of the Proposal, from 1; 0: none
	Attr     Attr   // with HasAttr
	HasAttr  bool
	Text     string
}

// Error returns the text, such as "ehc: proposal 1: alignment: no value in common".
func (e *NegotiationError) Error() string {
	s := "ehc: "
	if e.Proposal > 0 {
		s += "proposal " + decimal(e.Proposal) + ": "
	}
	if e.HasAttr {
		s += e.Attr.String() + ": "
	}
	return s + e.Text
}

// Unwrap returns the class.
func (e *NegotiationError) Unwrap() error { return e.Err }

// refused is an error of class ErrRefused.
func refused(notify uint16, text string) error {
	return &NegotiationError{Err: ErrRefused, Notify: notify, Text: text}
}

// decimal returns a small number in decimal.
func decimal(n int) string {
	var b [8]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 || i == 0 {
			return string(b[i:])
		}
	}
}
