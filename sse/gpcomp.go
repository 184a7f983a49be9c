package sse

import "github.com/schckit/schckit/gpcomp"

// restores reports whether payloads with the flag C can be restored.
func (i *inbound) restores() bool { return i.gpcomp != nil && i.gpcomp.Codec != nil }

// gpcompError is the error of this package for one of GPComp's.
func gpcompError(err error) Error {
	switch e, _ := err.(gpcomp.Error); e {
	case gpcomp.ErrTruncated:
		return ErrTruncated
	case gpcomp.ErrShortBuffer:
		return ErrShortBuffer
	case gpcomp.ErrUnsupported:
		return ErrUnsupported
	}
	return ErrMalformed
}
