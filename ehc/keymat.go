package ehc

import "hash"

// AppendKeymat appends n bytes of prf+(K, S) (RFC 7296, Section 2.13). prf is the
// pseudorandom function with its key, such as hmac.New(sha256.New, SK_d) for
// PRF_HMAC_SHA2_256; S is the parts one behind the other. Keys of Child SAs are
// prf+(SK_d, [g^ir |] Ni | Nr) (Section 2.17).
//
// ErrMalformed: n is more than 255 times what prf gives, for which prf+ is not
// defined; dst comes back as it was then. It does not allocate when dst has room
// for n + prf.Size() bytes.
func AppendKeymat(dst []byte, n int, prf hash.Hash, parts ...[]byte) ([]byte, error) {
	size := prf.Size()
	if n < 0 || n > 255*size {
		return dst, ErrMalformed
	}
	at := len(dst)
	var t []byte
	for i := byte(1); len(dst) < at+n; i++ {
		prf.Reset()
		prf.Write(t)
		for _, p := range parts {
			prf.Write(p)
		}
		end := len(dst)
		dst = append(dst, i) // a byte of its own would be allocated
		prf.Write(dst[end:])
		dst = prf.Sum(dst[:end])
		t = dst[len(dst)-size:]
	}
	return dst[:at+n], nil
}

// Keys are those of one SA, parts of the keying material.
type Keys struct {
	Encr []byte // of the cipher, with the salt behind it: what esp.Suite.Init takes
	Auth []byte // of the integrity transform
}

// KeymatLen returns the bytes of keying material that the pair of SAs takes.
func (c *Child) KeymatLen() int { return 2 * (c.Algorithm.KeyLen() + c.Algorithm.AuthKeyLen()) }

// Split takes the keys out of KeymatLen bytes of keying material (RFC 7296,
// Section 2.17): first those of the SA from the initiator, of each SA the
// encryption key first. ErrTruncated: there are fewer.
func (c *Child) Split(keymat []byte) (out, in Keys, err error) {
	if len(keymat) < c.KeymatLen() {
		return out, in, ErrTruncated
	}
	take := func(n int) []byte {
		k := keymat[:n:n]
		keymat = keymat[n:]
		return k
	}
	e, a := c.Algorithm.KeyLen(), c.Algorithm.AuthKeyLen()
	i := Keys{take(e), take(a)}
	r := Keys{take(e), take(a)}
	if c.Initiator {
		return i, r, nil
	}
	return r, i, nil
}
