package lowpan

import (
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/ghc"
)

// NHC of headers with generic header compression (RFC 7400, Section 3).
//
//	+---+---+---+---+---+---+---+---+
//	| 1 | 0 | 1 | 1 | 0 |  EID  |NH |  extension header, IDs 0 to 3
//	+---+---+---+---+---+---+---+---+
//	| 1 | 1 | 0 | 1 | 0 | C |   P   |  UDP
//	+---+---+---+---+---+---+---+---+
//	| 1 | 1 | 0 | 1 | 1 | 1 | 1 | 1 |  ICMPv6
//	+---+---+---+---+---+---+---+---+
const (
	nhcExtGHC  = 0xb0
	nhcUDPGHC  = 0xd0
	nhcICMPGHC = 0xdf
)

// GHC is the memory of a generic header compressor, for one goroutine at a
// time. Reset gives it GHCMemPerByte*n + GHCMemFixed words, with which it finds
// the shortest coding of payloads of up to n bytes; longer ones it codes in
// pieces.
type GHC = ghc.Encoder

// The size of a GHC's memory, in words of 16 bits.
const (
	GHCMemPerByte = ghc.MemPerByte
	GHCMemFixed   = ghc.MemFixed
)

// AppendGHC codes payload for a packet between the IPv6 addresses src and dst,
// 16 bytes each, and appends the bytecode to out (RFC 7400, Section 2). It
// writes no stop code. ErrShortBuffer says that g has no memory. The bytecode
// of an incompressible payload is longer than it by one byte in 95.
func AppendGHC(out, payload []byte, src, dst [16]byte, g *GHC) ([]byte, error) {
	d := ghc.DictOf(src[:], dst[:])
	res, ok := g.AppendCompress(out, &d, payload, 2*len(payload)+1)
	if !ok {
		return out, ErrShortBuffer
	}
	return res, nil
}

// AppendUnGHC restores a payload of at most limit bytes from its bytecode. On
// error the result is out as it came.
func AppendUnGHC(out, code []byte, src, dst [16]byte, limit int) ([]byte, error) {
	d := ghc.DictOf(src[:], dst[:])
	res, e := ghc.AppendDecompress(out, &d, code, limit)
	if e != 0 {
		return out, ghcError(e)
	}
	return res, nil
}

func ghcError(e ghc.Error) Error {
	switch e {
	case 0:
		return 0
	case ghc.ErrTruncated:
		return ErrTruncated
	case ghc.ErrShortBuffer:
		return ErrShortBuffer
	}
	return ErrMalformed
}

// dict is the dictionary of the packet whose IPv6 header is h. In a tunnel
// that is the header nearest to the payload.
func dict(h []byte) ghc.Dict { return ghc.DictOf(h[8:24], h[24:40]) }

// ghcPayload appends rest as GHC behind a UDP or for an ICMPv6 header, if that
// takes at most limit bytes (UDP) or limit+1 with its NHC byte (ICMPv6). Either
// way it replaces len(rest), or that and a next header number.
func (p *packer) ghcPayload(dst, rest []byte, limit int) ([]byte, bool) {
	n := len(dst)
	switch {
	case p.udpAt != 0:
	case p.next == protoICMPv6 && p.flag != 0:
		dst = bitio.Append(dst, nhcICMPGHC)
	default:
		return dst, false
	}
	d := dict(p.pkt[p.ip:])
	out, ok := p.opts.GHC.AppendCompress(dst, &d, rest, limit)
	if !ok {
		return dst[:n], false
	}
	if p.udpAt != 0 {
		out[p.udpAt] ^= nhcUDPBits ^ nhcUDPGHC
	} else {
		out[p.flagAt] |= p.flag
	}
	return out, true
}

// ghcExtension appends the body of an extension header (without next header
// and length) as GHC with its stop code, if that is shorter than a length and
// plain bytes; dst ends with the NHC byte.
//
// RFC 7400, Section 3.2 elides the length and says nothing about padding: all
// of the body is coded, so that a decompressor need not pad.
func (p *packer) ghcExtension(dst, body []byte, plain int) ([]byte, bool) {
	d := dict(p.pkt[p.ip:])
	out, ok := p.opts.GHC.AppendCompress(dst, &d, body, plain-1)
	if !ok {
		return dst, false
	}
	out[len(dst)-1] ^= nhcExt ^ nhcExtGHC
	return bitio.Append(out, ghc.Stop), true
}

// ghcPayload restores the payload behind the headers, at most room bytes.
func (u *unpacker) ghcPayload(dst, code []byte, room int) ([]byte, Error) {
	d := dict(dst[u.ip:])
	out, e := ghc.AppendDecompress(dst, &d, code, room)
	return out, ghcError(e)
}

// ghcExtension restores the body of an extension header.
func (u *unpacker) ghcExtension(dst, code []byte, room int) ([]byte, int, Error) {
	if room < 0 {
		return dst, 0, ErrShortBuffer
	}
	d := dict(dst[u.ip:])
	out, n, e := ghc.AppendDecompressStop(dst, &d, code, room)
	return out, n, ghcError(e)
}
