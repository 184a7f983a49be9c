// Package ikemsg reads and writes IKEv2 messages (RFC 7296, Section 3.1) and
// their Encrypted payload (Section 3.14; RFC 5282) with keys that are given: for
// showing what a capture has, and for tests. It is no IKE implementation: it
// keeps no state, derives no keys, and does not reassemble fragments (RFC 7383).
// Host only.
package ikemsg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/internal/ccm"
)

// Error is the class of a failure.
type Error uint8

// The error classes of this package.
const (
	_              Error = iota
	ErrTruncated         // the message ends early
	ErrMalformed         // the message can never be valid, or keys have a wrong length
	ErrUnsupported       // not IKEv2, a fragment, or no Encrypted payload to open
	ErrAuth              // the integrity check fails: another key, or a changed message
)

// Error returns the text of the class.
func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "ike: message ends early"
	case ErrMalformed:
		return "ike: malformed"
	case ErrUnsupported:
		return "ike: unsupported"
	case ErrAuth:
		return "ike: integrity check failed"
	}
	return "ike: no error"
}

// Class is the name that the command line uses.
func (e Error) Class() string {
	switch e {
	case ErrTruncated:
		return "truncated"
	case ErrMalformed:
		return "malformed"
	case ErrUnsupported:
		return "unsupported"
	case ErrAuth:
		return "auth"
	}
	return ""
}

// HeaderLen is the length of the IKE header.
const HeaderLen = 28

// Flags of the IKE header.
const (
	FlagInitiator = 0x08 // sent by the initiator of the IKE SA
	FlagResponse  = 0x20
)

// Exchange types.
const (
	ExchangeSAInit      = 34
	ExchangeAuth        = 35
	ExchangeCreateChild = 36
	ExchangeInfo        = 37
)

// ExchangeName returns the name of an exchange type, or "".
func ExchangeName(t uint8) string {
	switch t {
	case ExchangeSAInit:
		return "IKE_SA_INIT"
	case ExchangeAuth:
		return "IKE_AUTH"
	case ExchangeCreateChild:
		return "CREATE_CHILD_SA"
	case ExchangeInfo:
		return "INFORMATIONAL"
	}
	return ""
}

// A Header is the IKE header.
type Header struct {
	SPIi, SPIr   [8]byte
	Next         uint8
	Major, Minor uint8
	Exchange     uint8
	Flags        uint8
	MessageID    uint32
}

// Response reports whether the message answers another one.
func (h *Header) Response() bool { return h.Flags&FlagResponse != 0 }

// Parse reads a message and returns its payloads. ErrTruncated: it ends early;
// ErrMalformed: bytes follow it, or its Length is less than the header;
// ErrUnsupported: another major version.
func Parse(b []byte) (h Header, payloads []byte, err error) {
	if len(b) < HeaderLen {
		return h, nil, ErrTruncated
	}
	h = Header{SPIi: [8]byte(b), SPIr: [8]byte(b[8:]), Next: b[16], Major: b[17] >> 4, Minor: b[17] & 15, Exchange: b[18], Flags: b[19],
		MessageID: binary.BigEndian.Uint32(b[20:])}
	switch n := binary.BigEndian.Uint32(b[24:]); {
	case h.Major != 2:
		return h, nil, ErrUnsupported
	case n < HeaderLen:
		return h, nil, ErrMalformed
	case uint64(n) > uint64(len(b)):
		return h, nil, ErrTruncated
	case uint64(n) < uint64(len(b)):
		return h, nil, ErrMalformed
	}
	return h, b[HeaderLen:], nil
}

// Append appends a message of payloads in the clear.
func Append(dst []byte, h Header, payloads []byte) []byte {
	dst = append(append(dst, h.SPIi[:]...), h.SPIr[:]...)
	dst = append(dst, h.Next, h.Major<<4|h.Minor, h.Exchange, h.Flags)
	dst = binary.BigEndian.AppendUint32(dst, h.MessageID)
	dst = binary.BigEndian.AppendUint32(dst, uint32(HeaderLen+len(payloads)))
	return append(dst, payloads...)
}

// Keys are the keys of one direction of an IKE SA.
//
// AES-GCM: Encr is the key and 4 bytes of salt, AES-CCM: 3 bytes of salt, and Auth
// is empty (RFC 5282). AES-CBC with HMAC-SHA2-256-128: Encr is the key, Auth has
// 32 bytes.
type Keys struct {
	Encr, Auth []byte
	ICVLen     int // of AEADs: 8, 12 or 16; 0: 16
}

const ivLen = 8 // of AEADs

// crypter is the algorithm that fits the lengths of the keys.
type crypter struct {
	aead  cipher.AEAD
	salt  []byte
	block cipher.Block // AES-CBC
	auth  []byte
	icv   int
}

func (k Keys) crypter() (c crypter, err error) {
	n, salt := len(k.Encr), 0
	switch {
	case len(k.Auth) == sha256.Size:
	case len(k.Auth) == 0 && (n%8 == 4 || n%8 == 3):
		salt = n % 8
	default:
		return c, ErrMalformed
	}
	if c.icv = k.ICVLen; c.icv == 0 {
		c.icv = 16
	}
	block, err := aes.NewCipher(k.Encr[:n-salt])
	if err != nil {
		return c, ErrMalformed
	}
	c.salt = k.Encr[n-salt:]
	switch {
	case salt == 0 && c.icv == 16:
		c.block, c.auth = block, k.Auth
	case salt == 4 && (c.icv == 16 || c.icv == 12):
		c.aead, err = cipher.NewGCMWithTagSize(block, c.icv)
	case salt == 3 && (c.icv == 16 || c.icv == 12 || c.icv == 8):
		c.aead, err = ccm.New(block, 11, c.icv)
	default:
		return c, ErrMalformed
	}
	return c, err
}

// Check returns ErrMalformed for keys whose lengths are those of no algorithm.
func (k Keys) Check() error {
	_, err := k.crypter()
	return err
}

// ivLen returns the bytes of the IV.
func (c *crypter) ivLen() int {
	if c.aead == nil {
		return aes.BlockSize
	}
	return ivLen
}

func (c *crypter) nonce(iv []byte) []byte { return append(c.salt[:len(c.salt):len(c.salt)], iv...) }

func (c *crypter) mac(b []byte) []byte {
	m := hmac.New(sha256.New, c.auth)
	m.Write(b)
	return m.Sum(nil)[:c.icv]
}

// Open verifies and decrypts the Encrypted payload of a message and returns the
// payloads in it, and the type of the first. ErrUnsupported: there is none, or it
// is a fragment; ErrAuth: the keys are others, or the message was changed.
func Open(msg []byte, k Keys) (first uint8, payloads []byte, err error) {
	c, err := k.crypter()
	if err != nil {
		return 0, nil, err
	}
	h, b, err := Parse(msg)
	if err != nil {
		return 0, nil, err
	}
	var p ehc.Payload
	for l, at := ehc.NewPayloads(h.Next, b), HeaderLen; ; at += len(p.Raw) {
		var ok bool
		if p, ok, err = l.Next(); err != nil {
			return 0, nil, asError(err)
		}
		if !ok || p.Type == ehc.PayloadSKF {
			return 0, nil, ErrUnsupported
		}
		if p.Type == ehc.PayloadSK {
			if at+len(p.Raw) != len(msg) {
				return 0, nil, ErrMalformed
			}
			plain, err := c.open(msg, at+len(p.Raw)-len(p.Body))
			return p.Next, plain, err
		}
	}
}

func asError(err error) error {
	if e, _ := err.(ehc.Error); e == ehc.ErrTruncated {
		return ErrTruncated
	}
	return ErrMalformed
}

// open decrypts what is from at on.
func (c *crypter) open(msg []byte, at int) (plain []byte, err error) {
	body, n := msg[at:], c.ivLen()
	if len(body) < n+1+c.icv {
		return nil, ErrTruncated
	}
	iv, sealed := body[:n], body[n:]
	if c.aead != nil {
		plain, err = c.aead.Open(nil, c.nonce(iv), sealed, msg[:at])
		if err != nil {
			return nil, ErrAuth
		}
	} else {
		sealed = sealed[:len(sealed)-c.icv]
		if !hmac.Equal(c.mac(msg[:len(msg)-c.icv]), msg[len(msg)-c.icv:]) {
			return nil, ErrAuth
		}
		if len(sealed)%aes.BlockSize != 0 {
			return nil, ErrMalformed
		}
		plain = make([]byte, len(sealed))
		cipher.NewCBCDecrypter(c.block, iv).CryptBlocks(plain, sealed)
	}
	pad := int(plain[len(plain)-1])
	if pad+1 > len(plain) {
		return nil, ErrMalformed
	}
	return plain[:len(plain)-1-pad], nil
}

// Seal appends a message whose payloads are in an Encrypted payload. h.Next is
// the type of the first of them. iv has 8 bytes for AEADs, 16 for AES-CBC; no two
// messages may have the same.
func Seal(dst []byte, h Header, payloads []byte, k Keys, iv []byte) ([]byte, error) {
	c, err := k.crypter()
	if err != nil {
		return dst, err
	}
	if len(iv) != c.ivLen() {
		return dst, ErrMalformed
	}
	plain := append([]byte{}, payloads...)
	pad := 0
	if c.aead == nil {
		pad = (aes.BlockSize - (len(plain)+1)%aes.BlockSize) % aes.BlockSize
	}
	plain = append(append(plain, make([]byte, pad)...), uint8(pad))
	size := 4 + len(iv) + len(plain) + c.icv
	if size > 0xffff {
		return dst, ErrMalformed
	}
	inner := h.Next
	h.Next = ehc.PayloadSK
	at := len(dst)
	out := Append(dst, h, nil)
	binary.BigEndian.PutUint32(out[at+24:], uint32(HeaderLen+size))
	out = append(out, inner, 0, uint8(size>>8), uint8(size))
	aad := len(out)
	out = append(out, iv...)
	if c.aead != nil {
		return c.aead.Seal(out, c.nonce(iv), plain, out[at:aad:aad]), nil
	}
	n := len(out)
	out = append(out, plain...)
	cipher.NewCBCEncrypter(c.block, iv).CryptBlocks(out[n:], plain)
	return append(out, c.mac(out[at:])...), nil
}
