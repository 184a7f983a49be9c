package dietesp

import (
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/schc"
)

// Error is the class of a failure: one value per reaction of the caller. The
// values are constants: compare a value of type Error, not the interface
// (e, _ := err.(Error)).
type Error uint8

// The error classes of this package.
const (
	_              Error = iota
	ErrTruncated         // the packet ends early: drop
	ErrMalformed         // the packet can never be valid, or what is configured cannot: drop, or correct the configuration
	ErrShortBuffer       // the result is longer than an IP packet can be: drop
	ErrUnsupported       // valid, but not handled here: a fragment, an unknown algorithm
	ErrAuth              // no ICV verifies: drop and count
	ErrReplay            // seen before, or too old to tell: drop and count
	ErrNoSA              // no Security Association for this packet: drop, or let it pass in the clear, as the policy says
	ErrExhausted         // the SA has used up its sequence numbers or its life: agree on a new key
	ErrNoRule            // the Rules of the SA cannot restore this packet: send it under another SA, or drop
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "dietesp: packet ends early"
	case ErrMalformed:
		return "dietesp: malformed"
	case ErrShortBuffer:
		return "dietesp: no room"
	case ErrUnsupported:
		return "dietesp: unsupported"
	case ErrAuth:
		return "dietesp: integrity check failed"
	case ErrReplay:
		return "dietesp: replayed packet"
	case ErrNoSA:
		return "dietesp: no Security Association"
	case ErrExhausted:
		return "dietesp: Security Association exhausted"
	case ErrNoRule:
		return "dietesp: the Rules of the Security Association do not describe the packet"
	}
	return "dietesp: no error"
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
	case ErrNoRule:
		return "no-rule"
	}
	return ""
}

// espError is the error of this package for one of package esp.
func espError(err error) Error {
	switch e, _ := err.(esp.Error); e {
	case esp.ErrTruncated:
		return ErrTruncated
	case esp.ErrShortBuffer:
		return ErrShortBuffer
	case esp.ErrUnsupported:
		return ErrUnsupported
	case esp.ErrAuth:
		return ErrAuth
	case esp.ErrReplay:
		return ErrReplay
	case esp.ErrNoSA:
		return ErrNoSA
	case esp.ErrExhausted:
		return ErrExhausted
	}
	return ErrMalformed
}

// schcError is the error of this package for one of the engine's.
func schcError(err error) Error {
	switch e, _ := err.(schc.Error); e {
	case schc.ErrNoRule:
		return ErrNoRule
	case schc.ErrTruncated:
		return ErrTruncated
	case schc.ErrShortBuffer:
		return ErrShortBuffer
	case schc.ErrUnsupported:
		return ErrUnsupported
	}
	return ErrMalformed
}

// An AttributeError says which attribute of an SA cannot be, and why.
type AttributeError struct {
	Attribute string // the draft's name, such as "esp_sn_lsb"
	Err       Error  // ErrMalformed or ErrUnsupported
	Text      string // what is wrong and what to do
}

// Error returns "dietesp: esp_sn_lsb: text".
func (e *AttributeError) Error() string { return "dietesp: " + e.Attribute + ": " + e.Text }

// Unwrap returns the class, so that errors.Is(err, ErrMalformed) works.
func (e *AttributeError) Unwrap() error { return e.Err }
