package esp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/rand"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// slowBody is the readable reference of Suite.Seal: what stands behind the
// sequence number, written from the RFCs with whole modes of the standard library
// and no work space. It shares the table of algorithms with the package and
// nothing else.
func slowBody(a Algorithm, key, authKey []byte, spi uint32, seq uint64, esn bool, iv, plain []byte) []byte {
	info := a.Encr.info()
	n := len(key) - int(info.salt)
	key, salt := key[:n], key[n:]
	header := binary.BigEndian.AppendUint32(nil, spi)
	aad := binary.BigEndian.AppendUint32(bytes.Clone(header), uint32(seq))
	header = bytes.Clone(aad)
	if esn {
		aad = binary.BigEndian.AppendUint64(header[:4:4], seq)
	}
	nonceIV := iv
	if a.Encr.Implicit() {
		nonceIV = binary.BigEndian.AppendUint64(nil, seq)
	}
	nonce := append(bytes.Clone(salt), nonceIV...)
	must := func(b cipher.Block, err error) cipher.Block {
		if err != nil {
			panic(err)
		}
		return b
	}
	var text []byte
	switch info.kind {
	case kindAEAD, kindGMAC:
		var aead cipher.AEAD
		var err error
		if a.Encr == EncrChaCha20Poly1305 || a.Encr == EncrChaCha20Poly1305IIV {
			aead, err = chacha20poly1305.New(key)
		} else {
			aead, err = cipher.NewGCM(must(aes.NewCipher(key)))
		}
		if err != nil {
			panic(err)
		}
		if info.kind == kindGMAC {
			// RFC 4543, Section 3.3: everything is associated data.
			tag := aead.Seal(nil, nonce, nil, bytes.Join([][]byte{aad, iv, plain}, nil))
			return bytes.Join([][]byte{iv, plain, tag}, nil)
		}
		text = aead.Seal(nil, nonce, plain, aad)
		return append(bytes.Clone(iv), text[:len(plain)+a.ICVLen()]...)
	case kindCCM:
		return append(bytes.Clone(iv), slowCCM(must(aes.NewCipher(key)), nonce, plain, aad, a.ICVLen())...)
	case kindCTR:
		text = make([]byte, len(plain))
		cipher.NewCTR(must(aes.NewCipher(key)), append(nonce, 0, 0, 0, 1)).XORKeyStream(text, plain)
	case kindCBC:
		text = make([]byte, len(plain))
		cipher.NewCBCEncrypter(must(aes.NewCipher(key)), iv).CryptBlocks(text, plain)
	default:
		text = plain
	}
	body := append(bytes.Clone(iv), text...)
	var mac hash.Hash
	switch a.Integ {
	case IntegHMACSHA196:
		mac = hmac.New(sha1.New, authKey)
	case IntegHMACSHA2256128:
		mac = hmac.New(sha256.New, authKey)
	default:
		return body
	}
	mac.Write(header)
	mac.Write(body)
	if esn {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(seq>>32)))
	}
	return append(body, mac.Sum(nil)[:a.ICVLen()]...)
}

// slowCCM is RFC 3610 with L = 4 (RFC 4309, Section 4), step by step.
func slowCCM(block cipher.Block, nonce, plain, aad []byte, m int) []byte {
	const l = 4
	b0 := append([]byte{1<<6 | byte((m-2)/2)<<3 | (l - 1)}, nonce...)
	b0 = binary.BigEndian.AppendUint32(b0, uint32(len(plain)))
	input := append(b0, byte(len(aad)>>8), byte(len(aad)))
	input = append(input, aad...)
	for len(input)%16 != 0 {
		input = append(input, 0)
	}
	input = append(input, plain...)
	for len(input)%16 != 0 {
		input = append(input, 0)
	}
	mac := make([]byte, len(input))
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(mac, input)
	tag := mac[len(mac)-16:]
	a0 := append([]byte{l - 1}, nonce...)
	stream := cipher.NewCTR(block, append(a0, 0, 0, 0, 0))
	stream.XORKeyStream(tag, tag)
	text := make([]byte, len(plain))
	stream.XORKeyStream(text, plain)
	return append(text, tag[:m]...)
}

// Every algorithm gives what the reference gives, for every length of plaintext
// that it takes, with and without extended sequence numbers.
func TestSlow(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewSource(seed))
	for _, a := range algorithms() {
		key, authKey := randomBytes(r, a.KeyLen()), randomBytes(r, a.AuthKeyLen())
		s := new(Suite)
		if err := s.Init(a, key, authKey); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < 100; n += a.BlockLen() {
			spi, seq, esn := r.Uint32(), uint64(r.Uint32()), n%2 == 1 || r.Intn(2) == 0
			if esn {
				seq |= uint64(r.Uint32()) << 32
			}
			iv, plain := randomBytes(r, s.IVLen()), randomBytes(r, n)
			want := slowBody(a, key, authKey, spi, seq, esn, iv, plain)
			body := make([]byte, len(want))
			copy(body[copy(body, iv):], plain)
			if err := s.Seal(body, spi, seq, esn); err != nil || !bytes.Equal(body, want) {
				t.Fatalf("seed %d, %v, %d bytes, esn %v: Seal = %x, %v, want %x", seed, a, n, esn, body, err, want)
			}
			got, err := s.AppendOpen(nil, want, spi, seq, esn)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("seed %d, %v, %d bytes: AppendOpen = %x, %v, want %x", seed, a, n, got, err, plain)
			}
		}
	}
}
