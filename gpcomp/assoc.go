package gpcomp

import "github.com/schckit/schckit/internal/bitio"

// An Association is a GPCA, or an IPCA (draft-moskowitz-gpcomp-02, Section 5.1; RFC
// 3173, Section 4): what both ends know about payloads in one direction. A node has
// one for sending and one for receiving, perhaps with other codecs. It serves one
// goroutine at a time.
//
// There are three forms, each with a method to compress and one to decompress:
//
//	AppendCompress          implied: a flag outside says whether the payload is
//	                        compressed, as in SSE
//	AppendCompressHeader    explicit: a compressed payload has the GPComp header,
//	                        and something outside says that it is there, as the
//	                        protocol number 108 does for IPComp
//	AppendCompressUnmarked  explicit, and nothing outside says anything
//
// In all of them a payload is sent as it is unless the compressed one, with its
// header, is smaller (Section 3.3).
type Association struct {
	// CPI is chosen by the receiver. Not needed in the implied form.
	CPI CPI
	// Codec compresses. nil: nothing is compressed, and nothing decompressed.
	Codec Codec
	// NextHeader is that of the header where there is no other: in the unmarked
	// form.
	NextHeader uint8
	// Threshold is the size in bytes below which payloads are sent as they are.
	// 0: the codec's; 1: all are tried.
	Threshold int
	// MaxLen is the size in bytes above which no payload is restored, whatever a
	// compressed one promises. 0: 65535.
	MaxLen int
	// Backoff says when to stop trying. The zero value is the default.
	Backoff Backoff
	// Escape is about payloads of the unmarked form that cannot be sent as they
	// are, because they begin like a compressed one, and that do not get smaller:
	// they are sent compressed and longer, where else the error is ErrRefused.
	// Deviation: Section 3.3 has no such exception.
	Escape bool

	failed uint16 // payloads in a row that did not get smaller
	skip   uint16 // payloads that will not be tried
	next   uint16 // how many to skip after the next failure; 0: there was none
}

// Backoff is the adaptive algorithm of draft-moskowitz-gpcomp-02, Section 3.3, after
// payloads that did not get smaller: after Fails of them in a row the next Skip ones
// are not tried; after Retries further failures, Step more than the last time are not,
// up to MaxSkip. A success starts everything anew. Payloads below the threshold
// do not count.
type Backoff struct {
	Off     bool   // try every payload
	Fails   uint16 // i; 0: 4
	Skip    uint16 // k; 0: 8
	Retries uint16 // j; 0: 1
	Step    uint16 // n; 0: 8
	MaxSkip uint16 // 0: 64
}

func (b Backoff) or(v, def uint16) uint16 {
	if v == 0 {
		return def
	}
	return v
}

// DefaultMaxLen is the MaxLen of an Association that has none, in bytes.
const DefaultMaxLen = 65535

// Check reports what is wrong with the fields: ErrMalformed for values out of range
// and for a CPI of a well-known transform that is not the codec's. CPI 1 is that of no
// codec: well-known ones need no additional information (RFC 3173, Section 3.3), and
// "a vendor's" needs the vendor. A CPI of 0 is for the implied form.
func (a *Association) Check() error {
	switch {
	case a.Threshold < 0, a.MaxLen < 0, a.CPI != 0 && !a.CPI.Valid(), a.CPI == CPI(TransformOUI):
		return ErrMalformed
	case a.CPI != 0 && a.CPI < CPIReserved && a.Codec != nil && CPI(a.Codec.Transform().ID) != a.CPI:
		return ErrMalformed
	}
	return nil
}

// Reset forgets what failed before.
func (a *Association) Reset() { a.failed, a.skip, a.next = 0, 0, 0 }

// AppendCompress is for the sender of the implied form. It appends payload,
// compressed if that is smaller, and reports whether it is: the value of the flag.
// dst and payload must not overlap. Cost: the codec's, and a copy.
func (a *Association) AppendCompress(dst, payload []byte) ([]byte, bool) {
	if out, ok := a.try(dst, payload, len(dst)); ok {
		return out, true
	}
	return bitio.Append(dst, payload...), false
}

// AppendDecompress is for the receiver of the implied form: compressed is the flag.
// ErrUnsupported says that there is no codec; the others are Codec's. On error
// the result is dst as it came.
func (a *Association) AppendDecompress(dst, data []byte, compressed bool) ([]byte, error) {
	if !compressed {
		return bitio.Append(dst, data...), nil
	}
	if a.Codec == nil {
		return dst, ErrUnsupported
	}
	return a.Codec.AppendDecompress(dst, data, a.maxLen())
}

// AppendCompressHeader is for the sender of the explicit form. It appends the header
// with the number next and the compressed payload, if both together are smaller than
// payload, else payload, and reports which.
func (a *Association) AppendCompressHeader(dst []byte, next uint8, payload []byte) ([]byte, bool) {
	if out, ok := a.try(a.header(dst, next), payload, len(dst)); ok {
		return out, true
	}
	return bitio.Append(dst, payload...), false
}

// AppendDecompressHeader is for the receiver of the explicit form, of data that has
// the header: it restores the payload and returns it and the number in the header.
// ErrNoSA says that the CPI is another one.
func (a *Association) AppendDecompressHeader(dst, data []byte) ([]byte, uint8, error) {
	h, err := ParseHeader(data)
	if err != nil {
		return dst, 0, err
	}
	if h.CPI != a.CPI {
		return dst, 0, ErrNoSA
	}
	dst, err = a.AppendDecompress(dst, data[HeaderLen:], true)
	return dst, h.NextHeader, err
}

// AppendCompressUnmarked is for the sender of the explicit form where nothing outside
// tells the receiver whether the header is there ("uncompressing conundrum",
// draft-moskowitz-gpcomp-02, Section 3.2). The receiver goes by the first bytes. So a
// payload that begins like a header of this association is never sent as it is: if
// it cannot be made smaller the error is ErrRefused, or see Escape. Neither Threshold
// nor Backoff keep it from being tried.
func (a *Association) AppendCompressUnmarked(dst, payload []byte) ([]byte, bool, error) {
	if !a.Marked(payload) {
		out, ok := a.AppendCompressHeader(dst, a.NextHeader, payload)
		return out, ok, nil
	}
	if a.Codec == nil {
		return dst, false, ErrRefused
	}
	limit := len(payload) - HeaderLen - 1
	if a.Escape {
		limit = a.Codec.MaxCompressedLen(len(payload))
	}
	out, err := a.Codec.AppendCompress(a.header(dst, a.NextHeader), payload, limit)
	if err != nil {
		return dst, false, ErrRefused
	}
	if len(out)-len(dst) < len(payload) {
		a.Reset()
	}
	return out, true, nil
}

// AppendDecompressUnmarked is for the receiver of that form. It reports whether data
// was compressed; if not it is appended as it is.
func (a *Association) AppendDecompressUnmarked(dst, data []byte) ([]byte, bool, error) {
	if !a.Marked(data) {
		return bitio.Append(dst, data...), false, nil
	}
	dst, _, err := a.AppendDecompressHeader(dst, data)
	return dst, true, err
}

// Marked reports whether data begins like a header of a with its NextHeader; the
// flags, which a receiver must ignore, may be any.
func (a *Association) Marked(data []byte) bool {
	h, err := ParseHeader(data)
	return err == nil && h.NextHeader == a.NextHeader && h.CPI == a.CPI
}

func (a *Association) header(dst []byte, next uint8) []byte {
	return Header{NextHeader: next, CPI: a.CPI}.AppendTo(dst)
}

func (a *Association) maxLen() int {
	if a.MaxLen == 0 {
		return DefaultMaxLen
	}
	return a.MaxLen
}

// try appends payload compressed, if everything behind the first base bytes is then
// smaller than payload, and keeps the books of Backoff.
func (a *Association) try(dst, payload []byte, base int) ([]byte, bool) {
	threshold := a.Threshold
	if a.Codec == nil {
		return nil, false
	}
	if threshold == 0 {
		threshold = a.Codec.Threshold()
	}
	limit := len(payload) - 1 - (len(dst) - base)
	if len(payload) < threshold || limit <= 0 {
		return nil, false
	}
	if a.skip > 0 && !a.Backoff.Off {
		a.skip--
		return nil, false
	}
	out, err := a.Codec.AppendCompress(dst, payload, limit)
	if err == nil {
		a.Reset()
		return out, true
	}
	a.fail()
	return nil, false
}

func (a *Association) fail() {
	b := &a.Backoff
	if a.failed++; a.next == 0 && a.failed < b.or(b.Fails, 4) || a.next > 0 && a.failed < b.or(b.Retries, 1) {
		return
	}
	most := b.or(b.MaxSkip, 64)
	if a.next == 0 {
		a.next = b.or(b.Skip, 8)
	}
	if a.next > most {
		a.next = most
	}
	a.failed, a.skip = 0, a.next
	if step := b.or(b.Step, 8); a.next < most-step && step < most {
		a.next += step
	} else {
		a.next = most
	}
}

// Find returns the association of list with the CPI, or nil. It is for receivers
// that have several; a CPI means something together with the destination, so a list is
// that of one address.
func Find(list []*Association, cpi CPI) *Association {
	for _, a := range list {
		if a.CPI == cpi {
			return a
		}
	}
	return nil
}
