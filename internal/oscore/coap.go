package oscore

// Option numbers that are treated in a way of their own.
const (
	optUriHost           = 3
	optObserve           = 6
	optUriPort           = 7
	optOSCORE            = 9
	optHopLimit          = 16
	optEDHOC             = 21
	optProxyURI          = 35
	optProxyScheme       = 39
	optProxyCRI          = 235
	optProxySchemeNumber = 239
)

// Codes (RFC 7252, Section 12.1; RFC 8132).
const (
	codePOST    = 2
	codeFETCH   = 5
	codeChanged = 2<<5 | 4
	codeContent = 2<<5 | 5
)

const payloadMarker = 0xff

// classU reports whether an option stays outside only (RFC 8613, Figure 5, and
// the registrations of later options). All others are class E: the sending
// endpoint moves them inside, the receiving one discards what is outside.
// "Unknown CoAP options SHALL be processed as Class E."
func classU(number int) bool {
	switch number {
	case optUriHost, optUriPort, optOSCORE, optProxyURI, optProxyScheme, // RFC 8613
		optHopLimit,                       // RFC 8768
		optEDHOC,                          // RFC 9668
		optProxyCRI, optProxySchemeNumber: // draft-ietf-core-href
		return true
	}
	return false
}

func isRequest(code byte) bool { return code>>5 == 0 && code != 0 }

func isResponse(code byte) bool { return code>>5 == 2 || code>>5 == 4 || code>>5 == 5 }

// options is a cursor over CoAP options (RFC 7252, Section 3.1).
type options struct {
	b      []byte // what is left
	number int    // of the last option
	value  []byte // of the last option
}

// next moves to the next option. It returns false at the end, which is the end
// of the bytes or a payload marker: b starts with the marker, or is empty.
func (o *options) next() (bool, Error) {
	if len(o.b) == 0 || o.b[0] == payloadMarker {
		return false, 0
	}
	delta, length := int(o.b[0]>>4), int(o.b[0]&15)
	at := 1
	for _, v := range [2]*int{&delta, &length} {
		switch *v {
		case 13:
			if len(o.b) < at+1 {
				return false, ErrMalformed
			}
			*v, at = 13+int(o.b[at]), at+1
		case 14:
			if len(o.b) < at+2 {
				return false, ErrMalformed
			}
			*v, at = 269+int(o.b[at])<<8+int(o.b[at+1]), at+2
		case 15:
			return false, ErrMalformed
		}
	}
	o.number += delta
	if o.number > 0xffff || len(o.b)-at < length {
		return false, ErrMalformed
	}
	o.value, o.b = o.b[at:at+length], o.b[at+length:]
	return true, 0
}

// appendOption appends an option behind one with number last.
func appendOption(dst []byte, last, number int, value []byte) []byte {
	dst = appendOptionHeader(dst, number-last, len(value))
	return append(dst, value...)
}

func appendOptionHeader(dst []byte, delta, length int) []byte {
	at := len(dst)
	dst = append(dst, 0)
	var nibble [2]byte
	for i, v := range [2]int{delta, length} {
		switch {
		case v < 13:
			nibble[i] = byte(v)
		case v < 269:
			nibble[i] = 13
			dst = append(dst, byte(v-13))
		default:
			nibble[i] = 14
			dst = append(dst, byte((v-269)>>8), byte(v-269))
		}
	}
	dst[at] = nibble[0]<<4 | nibble[1]
	return dst
}

// message is a view of a CoAP message over UDP.
type message struct {
	header  []byte // 4 bytes and the token
	options []byte // with marker and payload behind them
	payload []byte // without the marker
	observe bool   // there is an Observe option
	oscore  []byte // value of the OSCORE option
	secured bool   // there is one
}

func (m *message) code() byte { return m.header[1] }

// parse checks a whole message. It is the only place that reads headers.
func parse(msg []byte) (message, Error) {
	var m message
	if len(msg) < 4 || msg[0]>>6 != 1 || msg[0]&15 > 8 || len(msg) < 4+int(msg[0]&15) {
		return m, ErrMalformed
	}
	n := 4 + int(msg[0]&15)
	m.header, m.options = msg[:n], msg[n:]
	e := m.scan(m.options)
	return m, e
}

// scan reads the options and finds the payload.
func (m *message) scan(b []byte) Error {
	o := options{b: b}
	for {
		more, e := o.next()
		if e != 0 {
			return e
		}
		if !more {
			break
		}
		switch o.number {
		case optObserve:
			m.observe = true
		case optOSCORE:
			if m.secured {
				return ErrMalformed
			}
			m.oscore, m.secured = o.value, true
		}
	}
	if len(o.b) == 1 {
		return ErrMalformed // a marker with nothing behind it
	}
	if len(o.b) > 0 {
		m.payload = o.b[1:]
	}
	return 0
}

// AppendPlaintext appends the plaintext of msg, an unprotected CoAP message, to
// dst: code, class E options, and payload with its marker (RFC 8613, Section
// 5.3). The Observe option of a notification is empty there (Section 4.1.3.5.2).
//
// The error is ErrMalformed, also for an Empty message and one that has an
// OSCORE option, or ErrUnsupported for Proxy-Uri and for signaling messages.
func AppendPlaintext(dst, msg []byte) ([]byte, error) {
	m, e := unprotected(msg)
	if e != 0 {
		return dst, e
	}
	return m.appendPlaintext(dst), nil
}

// unprotected parses a message that can be protected.
func unprotected(msg []byte) (message, Error) {
	m, e := parse(msg)
	switch {
	case e != 0:
		return m, e
	case m.code()>>5 == 7:
		return m, ErrUnsupported
	case m.secured || !isRequest(m.code()) && !isResponse(m.code()):
		return m, ErrMalformed
	}
	o := options{b: m.options}
	for {
		more, _ := o.next()
		if !more {
			return m, 0
		}
		if o.number == optProxyURI {
			return m, ErrUnsupported
		}
	}
}

func (m *message) appendPlaintext(dst []byte) []byte {
	dst = append(dst, m.code())
	o, last := options{b: m.options}, 0
	for {
		more, _ := o.next()
		if !more {
			return append(dst, o.b...)
		}
		if classU(o.number) {
			continue
		}
		v := o.value
		if o.number == optObserve && isResponse(m.code()) {
			v = nil
		}
		dst = appendOption(dst, last, o.number, v)
		last = o.number
	}
}

// AppendOuter appends the OSCORE message of msg up to the payload marker: the
// header with the outer code, the class U options, the OSCORE option with the
// value opt. The ciphertext goes behind it. Errors are those of
// AppendPlaintext, and ErrMalformed for an opt that cannot be encoded.
func AppendOuter(dst, msg []byte, opt Option) ([]byte, error) {
	m, e := unprotected(msg)
	if e != 0 {
		return dst, e
	}
	return m.appendOuter(dst, opt)
}

func (m *message) appendOuter(dst []byte, opt Option) ([]byte, error) {
	at := len(dst)
	dst = append(dst, m.header...)
	dst[at+1] = m.outerCode()
	last, done := 0, false
	o := options{b: m.options}
	for {
		more, _ := o.next()
		if !done && (!more || o.number > optOSCORE) {
			dst = appendOptionHeader(dst, optOSCORE-last, opt.len())
			var err error
			if dst, err = opt.AppendBinary(dst); err != nil {
				return dst[:at], err
			}
			last, done = optOSCORE, true
		}
		if !more {
			return append(dst, payloadMarker), nil
		}
		if classU(o.number) || o.number == optObserve {
			dst = appendOption(dst, last, o.number, o.value)
			last = o.number
		}
	}
}

// outerCode hides the code (RFC 8613, Sections 4.1.3.5 and 4.2).
func (m *message) outerCode() byte {
	switch {
	case isRequest(m.code()) && m.observe:
		return codeFETCH
	case isRequest(m.code()):
		return codePOST
	case m.observe:
		return codeContent
	}
	return codeChanged
}

// ParseOuter returns the OSCORE option and the ciphertext of an OSCORE message.
// Both are slices of msg. The error is ErrMalformed; a message that has no
// OSCORE option or no payload is malformed, too (RFC 8613, Section 2).
func ParseOuter(msg []byte) (Option, []byte, error) {
	m, e := parse(msg)
	if e != 0 {
		return Option{}, nil, e
	}
	if !m.secured || len(m.payload) == 0 {
		return Option{}, nil, ErrMalformed
	}
	opt, err := ParseOption(m.oscore)
	return opt, m.payload, err
}

// AppendMessage appends the CoAP message that outer, an OSCORE message,
// protects: its header and class U options with code, options and payload of
// plaintext (RFC 8613, Sections 8.2 and 8.4). opt is the OSCORE option of
// outer; the Observe option of a notification becomes the low 3 bytes of its
// Partial IV (Section 4.1.3.5.2). The error is ErrMalformed.
func AppendMessage(dst, outer, plaintext []byte, opt Option) ([]byte, error) {
	m, e := parse(outer)
	if e != 0 {
		return dst, e
	}
	if len(plaintext) == 0 || !isRequest(plaintext[0]) && !isResponse(plaintext[0]) {
		return dst, ErrMalformed
	}
	var in message
	if e := in.scan(plaintext[1:]); e != 0 {
		return dst, e
	}
	if in.secured {
		return dst, ErrMalformed // Section 4.1.3.7: nested use is not supported
	}
	at := len(dst)
	dst = append(dst, m.header...)
	dst[at+1] = plaintext[0]

	// Merge by number; the outer options first where they are equal.
	a, b := options{b: m.options}, options{b: plaintext[1:]}
	moreA := a.nextU()
	moreB, _ := b.next()
	last := 0
	for moreA || moreB {
		var p *options
		if moreA && (!moreB || a.number <= b.number) {
			p = &a
		} else {
			p = &b
		}
		v := p.value
		if p.number == optObserve && isResponse(plaintext[0]) && len(v) == 0 {
			v = observeValue(opt.PIV)
		}
		dst = appendOption(dst, last, p.number, v)
		last = p.number
		if p == &a {
			moreA = a.nextU()
		} else {
			moreB, _ = b.next()
		}
	}
	return append(dst, b.b...), nil
}

// nextU moves to the next option that the receiving endpoint keeps, of options
// that were checked.
func (o *options) nextU() bool {
	for {
		more, _ := o.next()
		if !more || classU(o.number) && o.number != optOSCORE {
			return more
		}
	}
}

// observeValue is a Partial IV as a CoAP uint of at most 3 bytes.
func observeValue(piv []byte) []byte {
	if len(piv) > 3 {
		piv = piv[len(piv)-3:]
	}
	for len(piv) > 0 && piv[0] == 0 {
		piv = piv[1:]
	}
	return piv
}
