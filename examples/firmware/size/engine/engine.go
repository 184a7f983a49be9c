// Package engine stands in the measured programs where a board has the driver of
// its AES engine. It is no cipher.
package engine

// A Block has the methods of cipher.Block.
type Block struct{ Key byte }

// BlockSize is that of AES.
//
//go:noinline
func (b *Block) BlockSize() int { return 16 }

// Encrypt is what the engine does.
//
//go:noinline
func (b *Block) Encrypt(dst, src []byte) {
	for i := 0; i < 16; i++ {
		dst[i] = src[i] ^ b.Key
	}
}

// Decrypt is what the engine does.
//
//go:noinline
func (b *Block) Decrypt(dst, src []byte) { b.Encrypt(dst, src) }
