package ccm

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"

	"github.com/schckit/schckit/internal/bitio"
)

const blockSize = 16

// CCM is a cipher in CCM mode with a key, a nonce size and a tag size. The
// zero value is unusable; call Reset, or use New.
type CCM struct {
	b     cipher.Block
	nonce uint8
	tag   uint8

	// Work space. It is here because what is passed to an interface's method
	// would be allocated. Blocks are written whole, or well before they are
	// encrypted: a load of 16 bytes right behind two stores of 8 would wait.
	mac [blockSize]byte // state of the CBC-MAC; at the end the tag
	ctr [group]byte     // A_i of RFC 3610, Section 2.3
	ks  [group]byte     // S_i
}

// group is the number of bytes that are worked on together: the encryptions
// of counter blocks fill the time that the CBC-MAC, which is serial, waits.
const group = 4 * blockSize

// New returns b in CCM mode with nonces of nonceSize bytes (7 to 13) and tags
// of tagSize bytes (4, 6, 8, 10, 12, 14 or 16).
func New(b cipher.Block, nonceSize, tagSize int) (*CCM, error) {
	c := new(CCM)
	if err := c.Reset(b, nonceSize, tagSize); err != nil {
		return nil, err
	}
	return c, nil
}

// Reset makes c what New returns, without allocating. On error c is unusable.
func (c *CCM) Reset(b cipher.Block, nonceSize, tagSize int) error {
	*c = CCM{}
	switch {
	case b == nil || b.BlockSize() != blockSize:
		return ErrBlockSize
	case nonceSize < 7 || nonceSize > 13:
		return ErrNonceSize
	case tagSize < 4 || tagSize > 16 || tagSize&1 != 0:
		return ErrTagSize
	}
	c.b, c.nonce, c.tag = b, uint8(nonceSize), uint8(tagSize)
	return nil
}

// NonceSize returns the length of nonces in bytes.
func (c *CCM) NonceSize() int { return int(c.nonce) }

// Overhead returns the length of the tag in bytes.
func (c *CCM) Overhead() int { return int(c.tag) }

// MaxPlaintext returns the length in bytes of the longest message: its length
// has 15 - NonceSize bytes in the first block (RFC 3610, Section 2.2).
func (c *CCM) MaxPlaintext() int {
	bits := 8 * (15 - uint(c.nonce))
	if most := uint64(1)<<bits - 1; bits < 63 && most < uint64(maxInt) {
		return int(most)
	}
	return maxInt
}

const maxInt = int(^uint(0) >> 1)

// Seal encrypts and authenticates plaintext, authenticates aad, appends
// ciphertext and tag to dst and returns the extended slice (RFC 3610, Sections
// 2.2 to 2.4).
//
// dst[:len(dst)] is kept. The room behind it may be plaintext itself
// (plaintext[:0] as dst), but must not overlap it otherwise, nor aad. Seal does
// not allocate when dst has room for len(plaintext) + Overhead() more bytes.
// It panics on a nonce of another size and on more than MaxPlaintext bytes:
// both are mistakes of the caller, and what they would produce is not safe.
func (c *CCM) Seal(dst, nonce, plaintext, aad []byte) []byte {
	if len(plaintext) > c.MaxPlaintext() {
		panic("ccm: message too long for the nonce size")
	}
	c.start(nonce, len(plaintext), aad)
	at, n := len(dst), len(plaintext)
	dst = bitio.Extend(dst, n+int(c.tag))
	out := dst[at : at+n : at+n]

	for i, src := uint64(1), plaintext; len(src) > 0; i += group / blockSize {
		k := min(group, len(src))
		c.counters(i)
		for j := 0; j < k; j += blockSize {
			subtle.XORBytes(c.mac[:], c.mac[:], src[j:min(j+blockSize, k)])
			c.b.Encrypt(c.mac[:], c.mac[:])
			c.b.Encrypt(c.ks[j:j+blockSize], c.ctr[j:j+blockSize])
		}
		subtle.XORBytes(out, src[:k], c.ks[:])
		src, out = src[k:], out[k:]
	}
	c.finish()
	copy(dst[at+n:], c.mac[:c.tag])
	return dst
}

// Open decrypts and verifies what Seal produced, appends the plaintext to dst
// and returns the extended slice. The tag is compared in constant time.
//
// On error, which is ErrOpen, dst is returned as it came, and of the plaintext
// nothing is left in the room behind it: it is zero there. dst and memory are
// as for Seal; ciphertext[:0] as dst decrypts in place. Open panics on a nonce
// of another size.
func (c *CCM) Open(dst, nonce, ciphertext, aad []byte) ([]byte, error) {
	at, n := len(dst), len(ciphertext)-int(c.tag)
	if n < 0 || n > c.MaxPlaintext() {
		return dst, ErrOpen
	}
	c.start(nonce, n, aad)
	dst = bitio.Extend(dst, n)
	out := dst[at : at+n : at+n]

	c.counters(1)
	for j := 0; j < min(group, n); j += blockSize {
		c.b.Encrypt(c.ks[j:j+blockSize], c.ctr[j:j+blockSize])
	}
	for i, src := uint64(1), ciphertext[:n]; len(src) > 0; {
		k := min(group, len(src))
		subtle.XORBytes(out, src[:k], c.ks[:])
		src = src[k:]
		i += group / blockSize
		c.counters(i)
		for j := 0; j < k; j += blockSize {
			subtle.XORBytes(c.mac[:], c.mac[:], out[j:min(j+blockSize, k)])
			c.b.Encrypt(c.mac[:], c.mac[:])
			if j < len(src) { // of the next group
				c.b.Encrypt(c.ks[j:j+blockSize], c.ctr[j:j+blockSize])
			}
		}
		out = out[k:]
	}
	c.finish()
	if subtle.ConstantTimeCompare(c.mac[:c.tag], ciphertext[n:]) != 1 {
		clear(dst[at:])
		return dst[:at], ErrOpen
	}
	return dst, nil
}

// start authenticates the first block and the associated data, and prepares the
// counter blocks.
func (c *CCM) start(nonce []byte, n int, aad []byte) {
	if c.b == nil || len(nonce) != int(c.nonce) {
		panic("ccm: wrong nonce size")
	}
	l := 15 - c.nonce
	binary.BigEndian.PutUint64(c.mac[8:], uint64(n)) // n is below 2^(8l), the nonce overwrites only zeros
	c.mac[0] = (c.tag-2)/2<<3 | (l - 1)
	if len(aad) > 0 {
		c.mac[0] |= 1 << 6
	}
	copy(c.mac[1:], nonce)

	for j := 0; j < group; j += blockSize {
		clear(c.ctr[j+8 : j+blockSize])
		c.ctr[j] = l - 1
		copy(c.ctr[j+1:], nonce)
	}

	c.b.Encrypt(c.mac[:], c.mac[:])
	if len(aad) > 0 {
		c.associated(aad)
	}
}

// associated adds the length of the associated data and the data, zero-padded.
func (c *CCM) associated(aad []byte) {
	at := 2
	if n := len(aad); n < 0xff00 {
		c.mac[0] ^= byte(n >> 8)
		c.mac[1] ^= byte(n)
	} else {
		if uint64(n) > 0xffffffff {
			panic("ccm: associated data of 2^32 bytes or more")
		}
		c.mac[0] ^= 0xff
		c.mac[1] ^= 0xfe
		for j := 0; j < 4; j++ {
			c.mac[2+j] ^= byte(uint32(n) >> uint(24-8*j))
		}
		at = 6
	}
	k := min(blockSize-at, len(aad))
	subtle.XORBytes(c.mac[at:], c.mac[at:], aad[:k])
	c.b.Encrypt(c.mac[:], c.mac[:])
	for aad = aad[k:]; len(aad) > 0; aad = aad[k:] {
		k = min(blockSize, len(aad))
		subtle.XORBytes(c.mac[:], c.mac[:], aad[:k])
		c.b.Encrypt(c.mac[:], c.mac[:])
	}
}

// counters numbers the counter blocks of a group i, i+1, ... The counter has
// 15 - NonceSize bytes, at most 8; it does not overflow them, because
// MaxPlaintext bounds the blocks (but may where a group ends behind the
// message: those blocks are not used).
func (c *CCM) counters(i uint64) {
	shift := 8 * (15 - uint(c.nonce))
	high := uint64(0) // what of the nonce is in the last 8 bytes
	low := ^uint64(0)
	if shift < 64 {
		low = 1<<shift - 1
		high = binary.BigEndian.Uint64(c.ctr[8:]) &^ low
	}
	for j := 0; j < group; j += blockSize {
		binary.BigEndian.PutUint64(c.ctr[j+8:j+blockSize], high|i&low)
		i++
	}
}

// finish encrypts the tag.
func (c *CCM) finish() {
	c.counters(0)
	c.b.Encrypt(c.ks[:blockSize], c.ctr[:blockSize])
	subtle.XORBytes(c.mac[:], c.mac[:], c.ks[:blockSize])
}
