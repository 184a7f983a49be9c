package oscore

const (
	maxPIV = 5 // bytes of a Partial IV
	maxID  = 7 // bytes of a Sender or Recipient ID: nonce length minus 6

	flagsPIV        = 0x07
	flagsKID        = 0x08
	flagsKIDContext = 0x10
)

// Option is the value of an OSCORE option (RFC 8613, Section 6.1):
//
//	 0 1 2 3 4 5 6 7 <------------- n bytes -------------->
//	+-+-+-+-+-+-+-+-+--------------------------------------+
//	|0 0 0|h|k|  n  |       Partial IV (if any)            |
//	+-+-+-+-+-+-+-+-+----+-------------------+-------------+
//	| s (if h), 1 byte   | kid context (s)   | kid (if k)  |
//	+--------------------+-------------------+-------------+
//
// h: kid context flag; k: kid flag; n: length of the Partial IV in bytes. A
// part that is absent is nil; one that is present and empty is not.
type Option struct {
	PIV        []byte // Partial IV, 1 to 5 bytes
	KIDContext []byte // at most 255 bytes
	KID        []byte
}

// ParseOption decodes the value of an OSCORE option. The parts are slices of v.
// The error is ErrMalformed: a reserved bit or length, a part that is cut off,
// bytes that belong to no part.
func ParseOption(v []byte) (Option, error) {
	var o Option
	if len(v) == 0 {
		return o, nil
	}
	f := v[0]
	n := int(f & flagsPIV)
	// RFC 8613, Section 2: if the flags are all zero, the value is empty.
	if f == 0 || f&^(flagsPIV|flagsKID|flagsKIDContext) != 0 || n > maxPIV || len(v) < 1+n {
		return Option{}, ErrMalformed
	}
	v = v[1:]
	if n > 0 {
		o.PIV, v = v[:n:n], v[n:]
	}
	if f&flagsKIDContext != 0 {
		if len(v) == 0 || len(v) < 1+int(v[0]) {
			return Option{}, ErrMalformed
		}
		s := 1 + int(v[0])
		o.KIDContext, v = v[1:s:s], v[s:]
	}
	if f&flagsKID != 0 {
		o.KID, v = v[:len(v):len(v)], nil
	}
	if len(v) > 0 {
		return Option{}, ErrMalformed
	}
	return o, nil
}

// AppendBinary appends the value of the option to dst. The error is
// ErrMalformed if a part is longer than it can be.
func (o Option) AppendBinary(dst []byte) ([]byte, error) {
	if len(o.PIV) > maxPIV || len(o.KIDContext) > 255 || o.PIV != nil && len(o.PIV) == 0 {
		return dst, ErrMalformed
	}
	f := byte(len(o.PIV))
	if o.KIDContext != nil {
		f |= flagsKIDContext
	}
	if o.KID != nil {
		f |= flagsKID
	}
	if f == 0 {
		return dst, nil
	}
	dst = append(append(dst, f), o.PIV...)
	if o.KIDContext != nil {
		dst = append(append(dst, byte(len(o.KIDContext))), o.KIDContext...)
	}
	return append(dst, o.KID...), nil
}

// len is the length of what AppendBinary appends.
func (o Option) len() int {
	n := len(o.PIV) + len(o.KID)
	if o.KIDContext != nil {
		n += 1 + len(o.KIDContext)
	}
	if n > 0 || o.KID != nil {
		n++
	}
	return n
}
