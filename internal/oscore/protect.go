package oscore

// A Request binds the responses of one request to it (RFC 8613, Section 7.1).
// SealRequest and OpenRequest fill it, and the functions for responses use and
// update it; keep it, without copying it, until all responses are through.
type Request struct {
	// Observe says that the request registers an observation: more than one
	// response may come. ProtectRequest and UnprotectRequest set it; who uses
	// SealRequest sets it afterwards.
	Observe bool

	kid, piv id
	spent    bool // one response used the nonce of the request
	single   bool // one response was accepted that leaves no room for others
	notified bool // one notification with a Partial IV was accepted
	highest  uint64
}

// SealRequest encrypts plaintext as a request, appends ciphertext and tag to
// dst and returns the OSCORE option to send with it (RFC 8613, Section 8.1,
// steps 2 to 4). plaintext is opaque here: AppendPlaintext made it, and SCHC
// may have compressed it. The parts of the option are memory of c and of req.
//
// It uses one Sender Sequence Number. The error is ErrExhausted, or
// ErrUnsupported for a plaintext of more than 65,535 bytes. plaintext may be
// the room behind dst, else they must not overlap.
func (c *Context) SealRequest(dst, plaintext []byte, req *Request) ([]byte, Option, error) {
	*req = Request{}
	if err := c.nextPIV(&req.piv, len(plaintext)); err != nil {
		return dst, Option{}, err
	}
	req.kid = c.senderID
	c.setNonce(&c.senderID, req.piv.bytes())
	dst = c.sender.Seal(dst, c.nonce[:], plaintext, c.additional(req))
	return dst, c.requestOption(req), nil
}

func (c *Context) requestOption(req *Request) Option {
	o := Option{PIV: req.piv.bytes(), KID: req.kid.bytes()}
	if c.sendContext {
		o.KIDContext = c.idContext
	}
	return o
}

// nextPIV takes the next sequence number for n bytes of plaintext.
func (c *Context) nextPIV(piv *id, n int) error {
	if n > c.sender.MaxPlaintext() {
		return ErrUnsupported
	}
	if c.seq > maxSequence {
		return ErrExhausted
	}
	// "All leading bytes of value zero SHALL be removed [...] except in the
	// case of Partial IV value 0" (Section 5).
	b := [maxPIV]byte{byte(c.seq >> 32), byte(c.seq >> 24), byte(c.seq >> 16), byte(c.seq >> 8), byte(c.seq)}
	i := 0
	for i < maxPIV-1 && b[i] == 0 {
		i++
	}
	piv.set(b[i:])
	c.seq++
	return nil
}

func number(piv []byte) (n uint64) {
	for _, x := range piv {
		n = n<<8 | uint64(x)
	}
	return n
}

// OpenRequest decrypts a request, appends its plaintext to dst, and fills req
// (RFC 8613, Section 8.2, steps 2 to 6). The replay window moves only for an
// authentic request.
//
// The error is ErrMalformed for an option that no request has, ErrNoContext if
// kid or kid context are not those of c, ErrReplay or ErrAuth.
func (c *Context) OpenRequest(dst []byte, opt Option, ciphertext []byte, req *Request) ([]byte, error) {
	*req = Request{}
	if len(opt.PIV) == 0 || len(opt.PIV) > maxPIV || opt.KID == nil {
		return dst, ErrMalformed
	}
	if string(opt.KID) != string(c.recipientID.bytes()) ||
		opt.KIDContext != nil && (c.idContext == nil || string(opt.KIDContext) != string(c.idContext)) {
		return dst, ErrNoContext
	}
	n := number(opt.PIV)
	if !c.replay.fresh(n) {
		return dst, ErrReplay
	}
	req.kid.set(opt.KID)
	req.piv.set(opt.PIV)
	c.setNonce(&c.recipientID, opt.PIV)
	dst, err := c.recipient.Open(dst, c.nonce[:], ciphertext, c.additional(req))
	if err != nil {
		*req = Request{}
		return dst, ErrAuth
	}
	c.replay.accept(n)
	return dst, nil
}

// SealResponse is SealRequest for a response to req (RFC 8613, Section 8.3).
// The first response to a request uses the nonce of the request, unless newPIV
// asks for a Partial IV of its own, which costs bytes; every further one always
// has one, so that no nonce is used twice. The Partial IV of the option is memory
// of c, valid until its next response. Errors are those of SealRequest, and
// ErrParameters if req is not of an opened request.
func (c *Context) SealResponse(dst, plaintext []byte, req *Request, newPIV bool) ([]byte, Option, error) {
	if req.piv.n == 0 || string(req.kid.bytes()) != string(c.recipientID.bytes()) {
		return dst, Option{}, ErrParameters
	}
	var o Option
	if newPIV || req.spent {
		if err := c.nextPIV(&c.piv, len(plaintext)); err != nil {
			return dst, o, err
		}
		o.PIV = c.piv.bytes()
		c.setNonce(&c.senderID, o.PIV)
	} else {
		if len(plaintext) > c.sender.MaxPlaintext() {
			return dst, Option{}, ErrUnsupported
		}
		c.setNonce(&c.recipientID, req.piv.bytes())
		req.spent = true
	}
	return c.sender.Seal(dst, c.nonce[:], plaintext, c.additional(req)), o, nil
}

// OpenResponse is OpenRequest for a response to req (RFC 8613, Section 8.4). Of
// the responses to a request without Observe one is accepted. Of those to an
// observation each with a Partial IV above all before, and one without a
// Partial IV before them (Section 7.4.1). The others are ErrReplay.
func (c *Context) OpenResponse(dst []byte, opt Option, ciphertext []byte, req *Request) ([]byte, error) {
	if req.piv.n == 0 || string(req.kid.bytes()) != string(c.senderID.bytes()) {
		return dst, ErrParameters
	}
	if len(opt.PIV) > maxPIV {
		return dst, ErrMalformed
	}
	if opt.KID != nil && string(opt.KID) != string(c.recipientID.bytes()) {
		return dst, ErrNoContext
	}
	n := number(opt.PIV)
	switch {
	case req.single:
		return dst, ErrReplay
	case len(opt.PIV) == 0 && (req.spent || req.notified):
		return dst, ErrReplay
	case len(opt.PIV) > 0 && req.notified && n <= req.highest:
		return dst, ErrReplay
	}
	if len(opt.PIV) > 0 {
		c.setNonce(&c.recipientID, opt.PIV)
	} else {
		c.setNonce(&c.senderID, req.piv.bytes())
	}
	dst, err := c.recipient.Open(dst, c.nonce[:], ciphertext, c.additional(req))
	if err != nil {
		return dst, ErrAuth
	}
	if len(opt.PIV) > 0 {
		req.notified, req.highest = true, n
	} else {
		req.spent = true
	}
	req.single = !req.Observe
	return dst, nil
}

// ProtectRequest appends the OSCORE message of msg, a CoAP request, to dst and
// fills req (RFC 8613, Section 8.1). It does not allocate when dst has room for
// the message. Errors are those of AppendPlaintext and SealRequest.
func (c *Context) ProtectRequest(dst, msg []byte, req *Request) ([]byte, error) {
	*req = Request{}
	m, e := unprotected(msg)
	if e != 0 {
		return dst, e
	}
	if !isRequest(m.code()) {
		return dst, ErrMalformed
	}
	c.plain = m.appendPlaintext(c.plain[:0])
	sealed, opt, err := c.SealRequest(c.plain[:0], c.plain, req)
	if err != nil {
		return dst, err
	}
	c.plain, req.Observe = sealed, m.observe
	return m.appendProtected(dst, opt, sealed)
}

// appendProtected appends the OSCORE message.
func (m *message) appendProtected(dst []byte, opt Option, ciphertext []byte) ([]byte, error) {
	dst, err := m.appendOuter(dst, opt)
	if err != nil {
		return dst, err
	}
	return append(dst, ciphertext...), nil
}

// UnprotectRequest appends the CoAP request that msg, an OSCORE message,
// protects, to dst and fills req (RFC 8613, Section 8.2). Errors are those of
// ParseOuter and OpenRequest, and ErrMalformed for an authentic plaintext that
// is not a request.
func (c *Context) UnprotectRequest(dst, msg []byte, req *Request) ([]byte, error) {
	*req = Request{}
	opt, ct, err := ParseOuter(msg)
	if err != nil {
		return dst, err
	}
	if c.plain, err = c.OpenRequest(c.plain[:0], opt, ct, req); err != nil {
		return dst, err
	}
	if !c.plaintextIs(isRequest) {
		return dst, ErrMalformed
	}
	out, err := AppendMessage(dst, msg, c.plain, opt)
	if err != nil {
		return dst, err
	}
	req.Observe = hasObserve(c.plain[1:])
	return out, nil
}

func (c *Context) plaintextIs(kind func(byte) bool) bool {
	return len(c.plain) > 0 && kind(c.plain[0])
}

func hasObserve(b []byte) bool {
	var m message
	return m.scan(b) == 0 && m.observe
}

// ProtectResponse is ProtectRequest for a response to req (RFC 8613, Section
// 8.3). newPIV and errors are those of SealResponse.
func (c *Context) ProtectResponse(dst, msg []byte, req *Request, newPIV bool) ([]byte, error) {
	m, e := unprotected(msg)
	if e != 0 {
		return dst, e
	}
	if !isResponse(m.code()) {
		return dst, ErrMalformed
	}
	c.plain = m.appendPlaintext(c.plain[:0])
	sealed, opt, err := c.SealResponse(c.plain[:0], c.plain, req, newPIV)
	if err != nil {
		return dst, err
	}
	c.plain = sealed
	return m.appendProtected(dst, opt, sealed)
}

// UnprotectResponse is UnprotectRequest for a response to req (RFC 8613,
// Section 8.4). Errors are those of ParseOuter and OpenResponse, and
// ErrMalformed for an authentic plaintext that is not a response, or is a
// notification that was not asked for.
func (c *Context) UnprotectResponse(dst, msg []byte, req *Request) ([]byte, error) {
	opt, ct, err := ParseOuter(msg)
	if err != nil {
		return dst, err
	}
	if c.plain, err = c.OpenResponse(c.plain[:0], opt, ct, req); err != nil {
		return dst, err
	}
	if !c.plaintextIs(isResponse) || !req.Observe && hasObserve(c.plain[1:]) {
		return dst, ErrMalformed
	}
	return AppendMessage(dst, msg, c.plain, opt)
}
