package sse

import (
	"crypto/cipher"
	"crypto/subtle"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/ccm"
)

// Suite is an AEAD algorithm, by its Suite ID (draft-moskowitz-ssls-hip-02,
// Section 4.2).
type Suite uint16

// The Suite IDs. 14 and 15 only authenticate; SSE must encrypt (sse-05, Section
// 5.5), so no session can have them.
const (
	SuiteCCM8   Suite = 10 // AES-CCM, ICV of 8 bytes (RFC 4309)
	SuiteCCM16  Suite = 11 // AES-CCM, ICV of 16 bytes; mandatory
	SuiteGCM8   Suite = 12 // AES-GCM, ICV of 8 bytes (RFC 4106)
	SuiteGCM16  Suite = 13 // AES-GCM, ICV of 16 bytes
	SuiteCMAC96 Suite = 14 // AES-CMAC-96: known, not possible here
	SuiteGMAC   Suite = 15 // AES-GMAC: known, not possible here
)

// String returns the name that the tool and the vectors use.
func (s Suite) String() string {
	switch s {
	case SuiteCCM8:
		return "aes-ccm-8"
	case SuiteCCM16:
		return "aes-ccm-16"
	case SuiteGCM8:
		return "aes-gcm-8"
	case SuiteGCM16:
		return "aes-gcm-16"
	case SuiteCMAC96:
		return "aes-cmac-96"
	case SuiteGMAC:
		return "aes-gmac"
	}
	return "unknown"
}

// Valid reports whether a session can have the suite.
func (s Suite) Valid() bool { return s >= SuiteCCM8 && s <= SuiteGCM16 }

// ICVLen returns the length of the Integrity Check Value in bytes, 0 for no
// suite of Valid.
func (s Suite) ICVLen() int {
	switch s {
	case SuiteCCM8, SuiteGCM8:
		return 8
	case SuiteCCM16, SuiteGCM16:
		return 16
	}
	return 0
}

// SaltLen returns the length of the salt in bytes: 3 for AES-CCM (RFC 4309,
// Section 4), 4 for AES-GCM (RFC 4106, Section 4), 0 for no suite of Valid.
func (s Suite) SaltLen() int {
	switch s {
	case SuiteCCM8, SuiteCCM16:
		return 3
	case SuiteGCM8, SuiteGCM16:
		return 4
	}
	return 0
}

const (
	gcmTag   = 16
	maxNonce = 12 // AES-GCM: 4 bytes of salt and 8 of sequence number; AES-CCM has 11
)

// aead is a suite with a key, and the nonce, which lives here because what is
// passed to an interface's method would be allocated.
type aead struct {
	suite Suite
	gcm   cipher.AEAD
	ccm   ccm.CCM
	nonce [maxNonce]byte
}

// reset takes the key. It allocates for AES-GCM only, which programs without an
// allocator do not have.
func (a *aead) reset(s Suite, k *Key) error {
	*a = aead{suite: s}
	if k.Block == nil || k.Block.BlockSize() != 16 || len(k.Salt) != s.SaltLen() {
		return ErrMalformed
	}
	copy(a.nonce[:], k.Salt)
	switch s {
	case SuiteCCM8, SuiteCCM16:
		if err := a.ccm.Reset(k.Block, s.SaltLen()+8, s.ICVLen()); err != nil {
			return ErrMalformed
		}
	case SuiteGCM8, SuiteGCM16:
		gcm, err := newGCM(k.Block)
		if err != nil {
			return ErrUnsupported // without an allocator
		}
		a.gcm = gcm
	default:
		return ErrUnsupported
	}
	return nil
}

// at returns the nonce for sequence number seq: the salt, then the number in
// 64 bits, as RFC 8750, Section 3, has it for ESP.
func (a *aead) at(seq uint64) []byte {
	n := a.suite.SaltLen()
	for i := 0; i < 8; i++ {
		a.nonce[n+i] = byte(seq >> (56 - 8*uint(i)))
	}
	return a.nonce[:n+8]
}

// seal encrypts pkt[from:] in place and appends the ICV. head is authenticated
// with it. pkt needs room for sealScratch() bytes behind it.
func (a *aead) seal(pkt []byte, from int, head []byte, seq uint64) []byte {
	text := pkt[from:]
	if a.gcm == nil {
		return a.ccm.Seal(pkt[:from], a.at(seq), text, head)
	}
	out := a.gcm.Seal(pkt[:from], a.at(seq), text, head)
	return out[:len(pkt)+a.suite.ICVLen()]
}

// open appends the plaintext of body, which ends with the ICV, to dst. head is
// authenticated with it.
func (a *aead) open(dst, head, body []byte, seq uint64) ([]byte, error) {
	var out []byte
	var err error
	switch a.suite {
	case SuiteGCM16:
		out, err = a.gcm.Open(dst, a.at(seq), body, head)
	case SuiteGCM8:
		return a.openShort(dst, head, body, seq)
	default:
		out, err = a.ccm.Open(dst, a.at(seq), body, head)
	}
	if err != nil {
		return dst, ErrAuth
	}
	return out, nil
}

// openShort is for AES-GCM with 8 bytes of ICV, which crypto/cipher cannot
// open. Encryption is its own inverse there but for the tag. So what is sealed
// once is decrypted, and sealing that again gives the whole tag, of which the
// first bytes are compared in constant time.
func (a *aead) openShort(dst, head, body []byte, seq uint64) ([]byte, error) {
	icv := a.suite.ICVLen()
	n := len(body) - icv
	at := len(dst)
	dst = bitio.Extend(dst, 2*n+gcmTag)
	a.gcm.Seal(dst[at:at], a.at(seq), body[:n], nil) // and a tag of no use, overwritten next
	text := dst[at : at+n]
	tag := a.gcm.Seal(dst[at+n:at+n], a.at(seq), text, head)[n:]
	ok := subtle.ConstantTimeCompare(tag[:icv], body[n:]) == 1
	clear(dst[at+n:])
	if !ok {
		clear(text)
		return dst[:at], ErrAuth
	}
	return dst[:at+n], nil
}

// openScratch is how many bytes more than the plaintext open needs behind dst,
// for n bytes of plaintext.
func (s Suite) openScratch(n int) int {
	if s == SuiteGCM8 {
		return n + gcmTag
	}
	return 0
}

// sealScratch is how many bytes seal needs behind the plaintext.
func (s Suite) sealScratch() int {
	if s == SuiteGCM8 || s == SuiteGCM16 {
		return gcmTag
	}
	return s.ICVLen()
}
