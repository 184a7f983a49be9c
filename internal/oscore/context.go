package oscore

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/schckit/schckit/internal/ccm"
)

const (
	algorithm = 10 // AES-CCM-16-64-128 in the COSE registry
	keyBytes  = 16
	ivBytes   = 13
	tagBytes  = 8
)

// maxSequence is the highest Sender Sequence Number.
const maxSequence = 1<<40 - 1

// Parameters are what the two endpoints agree on (RFC 8613, Section 3.2), and
// where this one stands.
type Parameters struct {
	MasterSecret []byte // required
	MasterSalt   []byte // default: empty
	SenderID     []byte // this endpoint, 0 to 7 bytes, not the RecipientID
	RecipientID  []byte // the other endpoint, 0 to 7 bytes
	IDContext    []byte // at most 255 bytes; nil: none, which is not the same as an empty one
	// SendIDContext puts the ID Context into every request as kid context.
	SendIDContext bool
	// NextSequence is the first Sender Sequence Number to use, below 2^40. A
	// number must never be used twice with the same other parameters.
	NextSequence uint64
	// ReplayWindow is the size of the replay window, 1 to 64; 0: 32. Everything
	// it has seen is forgotten by Reset, so never Reset with keys already used
	// for receiving requests.
	ReplayWindow uint8
}

// id is a Sender or Recipient ID, or a Partial IV.
type id struct {
	b [maxID]byte
	n uint8
}

func (x *id) set(b []byte) { x.n = uint8(copy(x.b[:], b)) }

func (x *id) bytes() []byte { return x.b[:x.n] }

// A Context is a Security Context (RFC 8613, Section 3.1), of one client with
// one server. The zero value is unusable; call Reset, or use NewContext.
type Context struct {
	sender, recipient     ccm.CCM
	senderID, recipientID id
	commonIV              [ivBytes]byte
	idContext             []byte
	sendContext           bool
	seq                   uint64 // next
	replay                window

	// Work space.
	nonce [ivBytes]byte
	aad   [48]byte
	piv   id // of the last response that has one
	plain []byte
}

// NewContext derives a Security Context.
func NewContext(p *Parameters) (*Context, error) {
	c := new(Context)
	if err := c.Reset(p); err != nil {
		return nil, err
	}
	return c, nil
}

// Reset derives keys and Common IV from p and forgets what c was. It keeps
// nothing of p. The error is ErrParameters; c is then unusable.
func (c *Context) Reset(p *Parameters) error {
	*c = Context{plain: c.plain[:0]}
	switch {
	case len(p.MasterSecret) == 0, len(p.SenderID) > maxID, len(p.RecipientID) > maxID, len(p.IDContext) > 255,
		string(p.SenderID) == string(p.RecipientID), // one key for both: nonces would repeat
		p.NextSequence > maxSequence, p.ReplayWindow > 64,
		p.SendIDContext && p.IDContext == nil:
		return ErrParameters
	}
	var sender, recipient [keyBytes]byte
	derive(sender[:], p, p.SenderID, "Key")
	derive(recipient[:], p, p.RecipientID, "Key")
	derive(c.commonIV[:], p, nil, "IV")
	for i, k := range [2]*[keyBytes]byte{&sender, &recipient} {
		b, err := aes.NewCipher(k[:])
		if err != nil {
			return ErrParameters
		}
		aead := &c.sender
		if i == 1 {
			aead = &c.recipient
		}
		if err := aead.Reset(b, ivBytes, tagBytes); err != nil {
			return ErrParameters
		}
		*k = [keyBytes]byte{}
	}
	c.senderID.set(p.SenderID)
	c.recipientID.set(p.RecipientID)
	if p.IDContext != nil {
		c.idContext = append([]byte{}, p.IDContext...)
	}
	c.sendContext = p.SendIDContext
	c.seq = p.NextSequence
	c.replay.size = p.ReplayWindow
	if c.replay.size == 0 {
		c.replay.size = 32
	}
	return nil
}

// NextSequence returns the Sender Sequence Number that the next message with a
// Partial IV will use: what to store before power is lost (RFC 8613, Appendix
// B.1.1). It is 2^40 when none is left.
func (c *Context) NextSequence() uint64 { return c.seq }

// derive fills out, at most 32 bytes, with HKDF-SHA-256 (RFC 5869) of the
// Master Secret and info (RFC 8613, Section 3.2.1).
func derive(out []byte, p *Parameters, id []byte, kind string) {
	extract := hmac.New(sha256.New, p.MasterSalt)
	extract.Write(p.MasterSecret)
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write(appendInfo(nil, id, p.IDContext, kind, len(out)))
	expand.Write([]byte{1}) // the first block is enough
	copy(out, expand.Sum(nil))
}

// appendInfo appends the CBOR array [id, id_context, alg_aead, type, L].
func appendInfo(dst, id, idContext []byte, kind string, length int) []byte {
	dst = appendBytes(append(dst, 0x85), id)
	if idContext == nil {
		dst = append(dst, 0xf6)
	} else {
		dst = appendBytes(dst, idContext)
	}
	dst = append(dst, algorithm, 0x60|byte(len(kind)))
	dst = append(dst, kind...)
	return append(dst, byte(length))
}

// appendBytes appends a CBOR byte string of at most 255 bytes.
func appendBytes(dst, b []byte) []byte {
	if len(b) < 24 {
		dst = append(dst, 0x40|byte(len(b)))
	} else {
		dst = append(dst, 0x58, byte(len(b)))
	}
	return append(dst, b...)
}

// setNonce computes the AEAD nonce of a Partial IV that the endpoint with the
// given ID chose (RFC 8613, Section 5.2).
func (c *Context) setNonce(who *id, piv []byte) {
	c.nonce = [ivBytes]byte{0: who.n}
	copy(c.nonce[1+maxID-int(who.n):], who.bytes())
	copy(c.nonce[ivBytes-len(piv):], piv)
	for i := range c.nonce {
		c.nonce[i] ^= c.commonIV[i]
	}
}

// additional returns Enc_structure (RFC 8613, Section 5.4) in c.aad.
func (c *Context) additional(r *Request) []byte {
	// ["Encrypt0", h'', external_aad]; its length is below 24 bytes.
	b := append(c.aad[:0], "\x83\x68Encrypt0\x40"...)
	at := len(b)
	b = append(b, 0x40, 0x85, 0x01, 0x81, algorithm) // [1, [alg_aead],
	b = appendBytes(b, r.kid.bytes())
	b = appendBytes(b, r.piv.bytes())
	b = append(b, 0x40) // no class I options]
	b[at] |= byte(len(b) - at - 1)
	return b
}
