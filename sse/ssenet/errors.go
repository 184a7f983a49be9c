package ssenet

// Error is why something was not done. The values are constants.
type Error uint8

const (
	_              Error = iota
	ErrNoTransport       // the session has no transport that can be used: add one
	ErrTooLong           // the payload does not fit a packet: send less
	ErrTransports        // as many transports as allowed are there: delete one
	ErrUnknownID         // no transport has this ID: it has ended, or never was
	ErrConfig            // a value of the configuration is out of range: correct it
	ErrOtherSuite        // new keys for another format or suite: make a new session
	ErrSilent            // nothing of the peer came over an accepted stream in time: none of the peer's, or too slow
)

// Error returns the text, with the package's name first.
func (e Error) Error() string {
	switch e {
	case ErrNoTransport:
		return "ssenet: no transport"
	case ErrTooLong:
		return "ssenet: payload too long"
	case ErrTransports:
		return "ssenet: too many transports"
	case ErrUnknownID:
		return "ssenet: unknown transport"
	case ErrConfig:
		return "ssenet: configuration out of range"
	case ErrOtherSuite:
		return "ssenet: keys of another format or suite"
	case ErrSilent:
		return "ssenet: nothing of the peer has come"
	}
	return "ssenet: no error"
}
