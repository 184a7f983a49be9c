package ccm

// Error is the class of a failure.
type Error uint8

// The error classes of this package.
const (
	_            Error = iota
	ErrBlockSize       // the cipher's blocks are not 16 bytes: use another
	ErrNonceSize       // the nonce size is not 7 to 13 bytes: a wrong configuration
	ErrTagSize         // the tag size is not 4, 6, 8, 10, 12, 14 or 16 bytes: a wrong configuration
	ErrOpen            // the message is not authentic: drop
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrBlockSize:
		return "ccm: cipher does not have 16-byte blocks"
	case ErrNonceSize:
		return "ccm: nonce is not 7 to 13 bytes"
	case ErrTagSize:
		return "ccm: tag is not an even number of 4 to 16 bytes"
	case ErrOpen:
		return "ccm: message authentication failed"
	}
	return "ccm: unknown error"
}
