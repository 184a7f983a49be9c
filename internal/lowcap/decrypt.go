package lowcap

import (
	"crypto/cipher"
	"encoding/binary"

	"github.com/schckit/schckit/internal/ccm"
	"github.com/schckit/schckit/lowpan"
)

// decrypt replaces the payload of an encrypted 802.15.4 frame by its plaintext, if
// one of the keys of r is the right one: the integrity code says so. Frames
// without one, and those whose nonce cannot be known (a short source address, a
// counter that is not sent), stay as they are.
func (r *Receiver) decrypt(f *Frame) {
	m := f.MAC
	if m.Src.Kind != lowpan.AddrExt || m.Security.NoCounter || m.Security.ASN || len(m.MIC) == 0 {
		return
	}
	secured := f.header[len(f.header) : len(f.header)+len(m.Payload)+len(m.MIC) : len(f.header)+len(m.Payload)+len(m.MIC)]
	for _, key := range r.Keys {
		plain, err := openFrame(r.plain[:0], key, m, f.header, secured)
		if err != nil {
			continue
		}
		r.plain = plain
		if f.Payload = withoutIEs(plain, m.HeaderIEs); len(f.Payload) == 0 {
			f.Status = NoPayload
			return
		}
		f.Status, f.Decrypted = LoWPAN, true
		f.classify()
		return
	}
}

// openFrame decrypts the secured part of a frame, which its header is
// authenticated with (802.15.4-2006, Section 7.6.3).
func openFrame(dst []byte, key cipher.Block, m *lowpan.Frame, header, secured []byte) ([]byte, error) {
	var nonce [13]byte // source address, frame counter, security level
	binary.BigEndian.PutUint64(nonce[:], m.Src.Value)
	binary.BigEndian.PutUint32(nonce[8:], m.Security.FrameCounter)
	nonce[12] = m.Security.Level
	var c ccm.CCM
	if err := c.Reset(key, len(nonce), len(m.MIC)); err != nil {
		return dst, err
	}
	return c.Open(dst, nonce[:], secured, header)
}

// withoutIEs takes the payload IEs off a payload that was encrypted.
func withoutIEs(b, headerIEs []byte) []byte {
	const (
		endOfHeader  = 0x3f00 // header termination 1: payload IEs follow
		endOfPayload = 15
	)
	if n := len(headerIEs); n < 2 || binary.LittleEndian.Uint16(headerIEs[n-2:]) != endOfHeader {
		return b
	}
	for len(b) > 0 {
		id, payload, _, n, err := lowpan.ParseIE(b)
		if err != nil || !payload {
			return nil
		}
		if b = b[n:]; id == endOfPayload {
			break
		}
	}
	return b
}
