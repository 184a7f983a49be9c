package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/ccm"
)

// A Suite is an algorithm with its keys: what encrypts, decrypts and
// authenticates the body of ESP packets, that is all behind the sequence number.
//
//	+----+------------------------+-----+
//	| IV | Payload, ESP trailer   | ICV |
//	+----+------------------------+-----+
//
// SPI and sequence number are arguments, because Diet-ESP does not send them as
// they are. A Suite has work space: it is for one goroutine at a time, and must
// not be copied once it is set up. The zero value is unusable.
type Suite struct {
	alg  Algorithm
	info encrInfo
	salt [4]byte
	icv  uint8 // bytes, of the algorithm

	aead  cipher.AEAD // kindAEAD, kindGMAC; its tags may be longer than the ICV
	ccm   ccm.CCM
	block cipher.Block // kindCBC, kindCTR
	mac   hash.Hash

	// Work space. It is here because what is passed to an interface's method
	// would be allocated.
	nonce [12]byte
	head  [12]byte // SPI and sequence number as they are authenticated
	tmp   [16]byte
	tmp2  [16]byte
	tag   [sha256.Size]byte
	buf   []byte // GMAC and GCM with a shorter ICV: as long as the longest body
}

// Init sets s up from keys: key is the cipher's key with the salt behind it
// (RFC 4106, Section 8.1 and its likes), authKey that of the integrity
// transform, nil if there is none. It returns the errors of Algorithm.Check,
// and ErrMalformed for keys of a wrong length. It allocates; firmware that must
// not calls InitAEAD or InitBlock.
func (s *Suite) Init(a Algorithm, key, authKey []byte) error {
	if e := a.check(); e != 0 {
		return e
	}
	info := a.Encr.info()
	if len(key) != a.KeyLen() {
		return ErrMalformed
	}
	if len(authKey) != a.AuthKeyLen() { // RFC 4868, Section 2.1.1
		return ErrMalformed
	}
	var mac hash.Hash
	switch a.Integ {
	case IntegHMACSHA196:
		mac = hmac.New(sha1.New, authKey)
	case IntegHMACSHA2256128:
		mac = hmac.New(sha256.New, authKey)
	}
	n := len(key) - int(info.salt)
	key, salt := key[:n], key[n:]
	if info.key == 256 {
		aead, err := chacha20poly1305.New(key)
		if err != nil {
			return ErrMalformed
		}
		return s.InitAEAD(a, aead, salt)
	}
	var block cipher.Block
	if info.key != 0 {
		var err error
		if block, err = aes.NewCipher(key); err != nil {
			return ErrMalformed
		}
	}
	if info.kind == kindAEAD || info.kind == kindGMAC {
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return ErrMalformed
		}
		return s.InitAEAD(a, aead, salt)
	}
	return s.InitBlock(a, block, salt, mac)
}

// InitAEAD sets s up for AES-GCM, AES-GMAC or ChaCha20-Poly1305, with an AEAD
// that has 12-byte nonces and 16-byte tags, such as that of a processor's AES
// engine, and 4 bytes of salt. It does not allocate. The AEAD is the caller's;
// it must not be used elsewhere while s works.
func (s *Suite) InitAEAD(a Algorithm, aead cipher.AEAD, salt []byte) error {
	if e := a.check(); e != 0 {
		return e
	}
	info := a.Encr.info()
	if aead == nil || info.kind != kindAEAD && info.kind != kindGMAC || len(salt) != 4 ||
		aead.NonceSize() != 12 || aead.Overhead() != 16 {
		return ErrMalformed
	}
	*s = Suite{alg: a, info: *info, icv: uint8(a.ICVLen()), aead: aead}
	copy(s.salt[:], salt)
	return nil
}

// InitBlock sets s up for AES-CCM, AES-CTR, AES-CBC or NULL, with a block
// cipher that has its key (nil for NULL), the salt, and the keyed hash of the
// integrity transform (nil for AES-CCM). It does not allocate.
func (s *Suite) InitBlock(a Algorithm, block cipher.Block, salt []byte, mac hash.Hash) error {
	if e := a.check(); e != 0 {
		return e
	}
	info := a.Encr.info()
	if info.kind == kindAEAD || info.kind == kindGMAC || len(salt) != int(info.salt) ||
		(block == nil) != (info.kind == kindNull) || block != nil && block.BlockSize() != 16 ||
		(mac == nil) != (a.AuthKeyLen() == 0) || mac != nil && mac.Size() != a.AuthKeyLen() {
		return ErrMalformed
	}
	*s = Suite{alg: a, info: *info, icv: uint8(a.ICVLen()), block: block, mac: mac}
	copy(s.salt[:], salt)
	if info.kind == kindCCM {
		if s.ccm.Reset(block, 11, int(info.icv)) != nil {
			return ErrMalformed
		}
	}
	return nil
}

// Algorithm returns the algorithm, the zero value before Init.
func (s *Suite) Algorithm() Algorithm { return s.alg }

// IVLen returns the bytes of the IV in front of the body.
func (s *Suite) IVLen() int { return int(s.info.iv) }

// ICVLen returns the bytes of the ICV behind the body.
func (s *Suite) ICVLen() int { return int(s.icv) }

// BlockLen returns the bytes that the plaintext must be a multiple of.
func (s *Suite) BlockLen() int { return int(s.info.block) }

// header fills the authenticated header: SPI, with ESN the high half of the
// sequence number for combined modes, and the low half (RFC 4106, Section 5).
func (s *Suite) header(spi uint32, seq uint64, esn bool) []byte {
	binary.BigEndian.PutUint32(s.head[0:], spi)
	if esn {
		binary.BigEndian.PutUint64(s.head[4:], seq)
		return s.head[:12]
	}
	binary.BigEndian.PutUint32(s.head[4:], uint32(seq))
	return s.head[:8]
}

// nonceFor returns the nonce: salt and IV. Implicit IVs are the sequence number,
// of 64 bits (RFC 8750, Section 4).
func (s *Suite) nonceFor(iv []byte, seq uint64) []byte {
	n := int(s.info.salt)
	copy(s.nonce[:], s.salt[:n])
	if s.info.iv == 0 {
		binary.BigEndian.PutUint64(s.nonce[n:], seq)
	} else {
		copy(s.nonce[n:n+8], iv)
	}
	return s.nonce[:n+8]
}

// PutIV writes the explicit IV of a packet with this sequence number to iv,
// which has IVLen bytes. It is the 64-bit sequence number, which never repeats
// under one key (RFC 4106, Section 3.1), and for CBC, where it must not be
// predictable, that number encrypted under the same key (NIST SP 800-38A,
// Appendix C).
func (s *Suite) PutIV(iv []byte, seq uint64) {
	switch len(iv) {
	case 8:
		binary.BigEndian.PutUint64(iv, seq)
	case 16:
		clear(s.tmp[:8])
		binary.BigEndian.PutUint64(s.tmp[8:], seq)
		s.block.Encrypt(s.tmp2[:], s.tmp[:])
		copy(iv, s.tmp2[:])
	}
}

// Seal encrypts and authenticates a body in place: IV, plaintext, and room for
// the ICV. seq is the whole sequence number; esn says that 64 bits of it count.
// The caller sees to it that no sequence number is used twice, and that the
// plaintext is a multiple of BlockLen.
//
// It returns ErrMalformed for a body that is too short or not whole blocks. It
// does not allocate, but for transforms with buf (GMAC, GCM with an ICV of 8 or
// 12 bytes) when a body is longer than all before.
func (s *Suite) Seal(body []byte, spi uint32, seq uint64, esn bool) error {
	if e := s.seal(body, spi, seq, esn); e != 0 {
		return e
	}
	return nil
}

func (s *Suite) seal(body []byte, spi uint32, seq uint64, esn bool) Error {
	iv, icv := s.IVLen(), s.ICVLen()
	end := len(body) - icv
	if s.info.kind == 0 || end < iv || (end-iv)%int(s.info.block) != 0 {
		return ErrMalformed
	}
	text := body[iv:end]
	switch s.info.kind {
	case kindAEAD:
		nonce, aad := s.nonceFor(body, seq), s.header(spi, seq, esn)
		if icv == 16 {
			s.aead.Seal(text[:0], nonce, text, aad)
			break
		}
		// The tag is longer than its place: RFC 4106 truncates it.
		s.aead.Seal(s.work(len(text) + 16)[:0], nonce, text, aad)
		copy(body[iv:], s.buf[:len(text)+icv])
	case kindCCM:
		s.ccm.Seal(text[:0], s.nonceFor(body, seq), text, s.header(spi, seq, esn))
	case kindGMAC:
		s.gmac(body[:end], spi, seq, esn)
		copy(body[end:], s.tag[:icv])
	default:
		s.crypt(text, body[:iv], true)
		s.hmac(body[:end], spi, seq, esn)
		copy(body[end:], s.tag[:icv])
	}
	return 0
}

// AppendOpen verifies a body (IV, ciphertext, ICV) under a sequence number,
// decrypts it, appends the plaintext to dst and returns the extended slice. The
// body is not changed, so that another sequence number can be tried; nothing of
// the plaintext is left behind dst unless it verifies. dst must not overlap the
// body.
//
// It returns dst and ErrTruncated for a body that is too short, ErrMalformed
// for one that is not whole blocks, ErrAuth if the ICV does not verify. It does
// not allocate when dst has room for len(body) bytes, with the exception that
// Seal has.
func (s *Suite) AppendOpen(dst, body []byte, spi uint32, seq uint64, esn bool) ([]byte, error) {
	out, e := s.appendOpen(dst, body, spi, seq, esn)
	if e != 0 {
		return dst, e
	}
	return out, nil
}

func (s *Suite) appendOpen(dst, body []byte, spi uint32, seq uint64, esn bool) ([]byte, Error) {
	iv, icv := s.IVLen(), s.ICVLen()
	end := len(body) - icv
	if s.info.kind == 0 || end < iv {
		return dst, ErrTruncated
	}
	if (end-iv)%int(s.info.block) != 0 {
		return dst, ErrMalformed
	}
	at := len(dst)
	switch s.info.kind {
	case kindAEAD:
		if icv < 16 {
			return s.openShort(dst, body, spi, seq, esn)
		}
		out, err := s.aead.Open(dst, s.nonceFor(body, seq), body[iv:], s.header(spi, seq, esn))
		if err != nil {
			return dst, ErrAuth
		}
		return out, 0
	case kindCCM:
		out, err := s.ccm.Open(dst, s.nonceFor(body, seq), body[iv:], s.header(spi, seq, esn))
		if err != nil {
			return dst, ErrAuth
		}
		return out, 0
	case kindGMAC:
		s.gmac(body[:end], spi, seq, esn)
	default:
		s.hmac(body[:end], spi, seq, esn)
	}
	if subtle.ConstantTimeCompare(s.tag[:icv], body[end:]) != 1 {
		return dst, ErrAuth
	}
	dst = bitio.Append(dst, body[iv:end]...)
	if s.info.kind != kindGMAC {
		s.crypt(dst[at:], body[:iv], false)
	}
	return dst, 0
}

// openShort opens AES-GCM with an ICV of less than 16 bytes, which the AEAD does
// not do. GCM encrypts with a key stream, so that encrypting the ciphertext
// gives the plaintext; encrypting that again gives the whole tag.
func (s *Suite) openShort(dst, body []byte, spi uint32, seq uint64, esn bool) ([]byte, Error) {
	iv, icv := s.IVLen(), s.ICVLen()
	n := len(body) - icv - iv
	text := body[iv : iv+n]
	nonce, aad := s.nonceFor(body, seq), s.header(spi, seq, esn)
	w := s.work(2 * (n + 16))
	plain := s.aead.Seal(w[:0:n+16], nonce, text, aad)[:n]
	again := s.aead.Seal(w[n+16:n+16], nonce, plain, aad)
	ok := subtle.ConstantTimeCompare(again[n:n+icv], body[iv+n:])
	if ok == 1 {
		dst = bitio.Append(dst, plain...)
	}
	clear(w)
	if ok != 1 {
		return dst, ErrAuth
	}
	return dst, 0
}

// work returns n bytes of work space.
func (s *Suite) work(n int) []byte {
	if cap(s.buf) < n {
		s.buf = bitio.Extend(nil, n+n/2)
	}
	s.buf = s.buf[:n]
	return s.buf
}

// gmac computes the tag of RFC 4543, Section 3: of the header, the IV and all
// that follows.
func (s *Suite) gmac(body []byte, spi uint32, seq uint64, esn bool) {
	head := s.header(spi, seq, esn)
	w := bitio.Append(bitio.Append(s.work(len(head) + len(body))[:0], head...), body...)
	s.aead.Seal(s.tag[:0], s.nonceFor(body, seq), nil, w)
}

// hmac computes the ICV of RFC 4303, Section 3.3.2.1: of the header, the body,
// and the high half of an Extended Sequence Number, which is not sent.
func (s *Suite) hmac(body []byte, spi uint32, seq uint64, esn bool) {
	if s.mac == nil {
		return // IntegAbsent
	}
	s.mac.Reset()
	s.mac.Write(s.header(spi, seq, false))
	s.mac.Write(body)
	if esn {
		binary.BigEndian.PutUint32(s.head[8:], uint32(seq>>32))
		s.mac.Write(s.head[8:12])
	}
	s.mac.Sum(s.tag[:0])
}

// crypt encrypts or decrypts text in place with AES-CBC, AES-CTR or not at all.
// crypto/cipher has both modes, but allocates their state for every packet.
func (s *Suite) crypt(text, iv []byte, encrypt bool) {
	switch s.info.kind {
	case kindCTR:
		s.ctr(text, iv)
	case kindCBC:
		if encrypt {
			s.cbcEncrypt(text, iv)
		} else {
			s.cbcDecrypt(text, iv)
		}
	}
}

// ctr XORs text with the key stream of RFC 3686, Section 4: the counter block
// is nonce, IV, and a count of blocks from 1.
func (s *Suite) ctr(text, iv []byte) {
	copy(s.tmp[:4], s.salt[:])
	copy(s.tmp[4:12], iv)
	for n := uint32(1); len(text) > 0; n++ {
		binary.BigEndian.PutUint32(s.tmp[12:], n)
		s.block.Encrypt(s.tmp2[:], s.tmp[:])
		text = text[subtle.XORBytes(text, text, s.tmp2[:]):]
	}
}

func (s *Suite) cbcEncrypt(text, iv []byte) {
	copy(s.tmp[:], iv)
	for ; len(text) >= 16; text = text[16:] {
		subtle.XORBytes(s.tmp[:], s.tmp[:], text)
		s.block.Encrypt(s.tmp2[:], s.tmp[:])
		copy(text, s.tmp2[:])
		s.tmp = s.tmp2
	}
}

func (s *Suite) cbcDecrypt(text, iv []byte) {
	copy(s.tmp[:], iv)
	for ; len(text) >= 16; text = text[16:] {
		s.block.Decrypt(s.tmp2[:], text[:16])
		subtle.XORBytes(s.tmp2[:], s.tmp2[:], s.tmp[:])
		copy(s.tmp[:], text)
		copy(text, s.tmp2[:])
	}
}
