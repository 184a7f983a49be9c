package gpcomp

import "github.com/schckit/schckit/internal/ghc"

// GHC is generic header compression (RFC 7400, Section 2) as a codec, for devices
// of 1 KiB. Its dictionary is the 16 constant bytes of RFC 7400 behind 32 zero
// bytes, as payloads have no addresses. Package lowpan uses the same code with
// the addresses of packets. The zero value has no memory: it decompresses, for which
// it needs none besides the result, and does not compress.
type GHC struct {
	enc  ghc.Encoder
	part int // bytes that enc codes at once
}

// GHCMem is the number of words of memory, of 16 bits, with which a GHC finds the
// shortest code for payloads of up to n bytes: 8 bytes for each and 98. With 1 KiB
// that is 115 bytes. Longer payloads are coded in parts of n bytes that refer to
// each other.
func GHCMem(n int) int { return ghc.MemPerByte*n + ghc.MemFixed }

// Reset gives g its memory: see GHCMem. The content of mem does not matter; g uses
// it until the next Reset.
func (g *GHC) Reset(mem []uint16) {
	g.enc.Reset(mem)
	g.part = 0
	if len(mem) >= GHCMem(1) {
		g.part = (len(mem) - ghc.MemFixed) / ghc.MemPerByte
		if g.part > ghc.MaxPiece {
			g.part = ghc.MaxPiece
		}
	}
}

// Transform is our own: there is no number for GHC in IPComp.
func (g *GHC) Transform() Transform { return GHCTransform() }

// Threshold is 8 bytes.
func (g *GHC) Threshold() int { return 8 }

// MaxCompressedLen is one byte more in 95, for each part.
func (g *GHC) MaxCompressedLen(n int) int {
	if g.part == 0 || n <= g.part {
		return n + (n+94)/95
	}
	return n + (n+g.part-1)/g.part*((g.part+94)/95)
}

// AppendCompress is Codec's. No shorter code exists for src of at most as many
// bytes as there is memory for. The time is proportional to that number and to
// len(src): 50 microseconds for 100 bytes.
func (g *GHC) AppendCompress(dst, src []byte, limit int) ([]byte, error) {
	if g.part == 0 {
		return dst, ErrUnsupported
	}
	d := ghc.DictOf(nil, nil)
	out, ok := g.enc.AppendCompress(dst, &d, src, limit)
	if !ok {
		return dst, ErrShortBuffer
	}
	return out, nil
}

// AppendDecompress is Codec's. A stop code may end src, but nothing may follow it.
// Cost: about 2 ns per byte of the payload.
func (g *GHC) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	if most := 17 * len(src); limit > most {
		limit = most // a byte of code makes 17 of payload at most
	}
	d := ghc.DictOf(nil, nil)
	out, e := ghc.AppendDecompress(dst, &d, src, limit)
	switch e {
	case 0:
		return out, nil
	case ghc.ErrTruncated:
		return dst, ErrTruncated
	case ghc.ErrShortBuffer:
		return dst, ErrShortBuffer
	}
	return dst, ErrMalformed
}
