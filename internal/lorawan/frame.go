package lorawan

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// Message types of the MHDR (LoRaWAN 1.0.4, Section 4.2.1).
const (
	typeUpUnconfirmed   = 2
	typeDownUnconfirmed = 3
	typeUpConfirmed     = 4
	typeDownConfirmed   = 5
)

// frame is a data frame taken apart; its slices are parts of the PHYPayload.
//
//	| MHDR 1 | DevAddr 4 | FCtrl 1 | FCnt 2 | FOpts 0-15 | FPort 0-1 | FRMPayload | MIC 4 |
//
// Numbers are little-endian; the low 4 bits of FCtrl are the length of FOpts.
type frame struct {
	up      bool
	addr    uint32
	cnt     uint16
	port    int // -1: none
	payload []byte
	mic     [4]byte
}

const (
	headerBytes = 1 + 4 + 1 + 2 // MHDR, DevAddr, FCtrl, FCnt
	micBytes    = 4
)

// parseFrame takes a PHYPayload apart. It returns false for what is no data
// frame.
func parseFrame(phy []byte) (f frame, ok bool) {
	if len(phy) < headerBytes+micBytes || phy[0]&0x1f != 0 { // RFU, and Major 0
		return f, false
	}
	switch phy[0] >> 5 {
	case typeUpUnconfirmed, typeUpConfirmed:
		f.up = true
	case typeDownUnconfirmed, typeDownConfirmed:
	default:
		return f, false
	}
	f.addr, f.cnt, f.port = binary.LittleEndian.Uint32(phy[1:]), binary.LittleEndian.Uint16(phy[6:]), -1
	body := phy[headerBytes : len(phy)-micBytes]
	opts := int(phy[5] & 0x0f)
	if opts > len(body) {
		return f, false
	}
	if body = body[opts:]; len(body) > 0 {
		f.port, f.payload = int(body[0]), body[1:]
	}
	copy(f.mic[:], phy[len(phy)-micBytes:])
	return f, true
}

// carriesSCHC reports whether an FPort is an application's.
func carriesSCHC(port int) bool { return port >= 1 && port <= 223 }

// block writes the block B0 (first 0x49) or A_i (0x01) of LoRaWAN 1.0.4,
// Sections 4.3.3 and 4.4; last is the length or i.
func block(b *[16]byte, first byte, up bool, addr, cnt uint32, last byte) {
	*b = [16]byte{0: first, 15: last}
	if !up {
		b[5] = 1
	}
	binary.LittleEndian.PutUint32(b[6:], addr)
	binary.LittleEndian.PutUint32(b[10:], cnt)
}

// crypt encrypts or decrypts an FRMPayload in place.
func crypt(app cipher.Block, up bool, addr, cnt uint32, payload []byte) {
	var a, s [16]byte
	for i := byte(1); len(payload) > 0; i++ {
		block(&a, 0x01, up, addr, cnt, i)
		app.Encrypt(s[:], a[:])
		n := min(len(payload), len(s))
		for j := range n {
			payload[j] ^= s[j]
		}
		payload = payload[n:]
	}
}

// micOf returns the MIC of the PHYPayload msg without its MIC.
func micOf(nwk cipher.Block, up bool, addr, cnt uint32, msg []byte) (mic [4]byte) {
	var b0 [16]byte
	block(&b0, 0x49, up, addr, cnt, byte(len(msg)))
	tag := cmac(nwk, b0[:], msg)
	copy(mic[:], tag[:])
	return mic
}

// cmac is AES-CMAC (RFC 4493) of a, one whole block, and b behind it.
func cmac(c cipher.Block, a, b []byte) (x [16]byte) {
	var k [16]byte
	c.Encrypt(k[:], k[:])
	double(&k)
	xor := func(p []byte) {
		for i := range p {
			x[i] ^= p[i]
		}
	}
	xor(a)
	for ; len(b) > 16; b = b[16:] {
		c.Encrypt(x[:], x[:])
		xor(b[:16])
	}
	if len(b) > 0 {
		c.Encrypt(x[:], x[:])
	}
	xor(b)
	if n := len(b); n > 0 && n < 16 {
		x[n] ^= 0x80
		double(&k)
	}
	xor(k[:])
	c.Encrypt(x[:], x[:])
	return x
}

// double multiplies by x in GF(2^128).
func double(k *[16]byte) {
	hi, lo := binary.BigEndian.Uint64(k[:]), binary.BigEndian.Uint64(k[8:])
	carry := hi >> 63
	binary.BigEndian.PutUint64(k[:], hi<<1|lo>>63)
	binary.BigEndian.PutUint64(k[8:], lo<<1^0x87&-carry)
}

// MaxFrame is the largest PHYPayload, that of LoRa.
const MaxFrame = 255

// Errors of Device.AppendFrame.
var (
	ErrNoKeys   = errors.New("frames need dev_addr, app_s_key and nwk_s_key of the device")
	ErrPort     = errors.New("the RuleID is no FPort from 1 to 223")
	ErrTooLong  = errors.New("longer than a LoRaWAN frame can be")
	ErrExhausts = errors.New("the frame counter is used up: the device needs new session keys")
)

// CanSeal reports whether AppendFrame has what it needs.
func (d *Device) CanSeal() bool { return d.HasAddr && d.app != nil && d.nwk != nil }

// AppendFrame appends the PHYPayload of an unconfirmed data frame that carries
// the message, and counts it.
func (d *Device) AppendFrame(dst, msg []byte, up bool) ([]byte, error) {
	switch {
	case !d.CanSeal():
		return dst, ErrNoKeys
	case len(msg) == 0 || !carriesSCHC(int(msg[0])):
		return dst, ErrPort
	case headerBytes+len(msg)+micBytes > MaxFrame:
		return dst, ErrTooLong
	}
	t, cnt := byte(typeUpUnconfirmed), &d.upCount
	if !up {
		t, cnt = typeDownUnconfirmed, &d.downCount
	}
	if cnt.next > 1<<32-1 {
		return dst, ErrExhausts
	}
	n := uint32(cnt.next)
	cnt.next++
	start := len(dst)
	dst = append(dst, t<<5)
	dst = binary.LittleEndian.AppendUint32(dst, d.Addr)
	dst = append(dst, 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
	dst = append(dst, msg...)
	crypt(d.app, up, d.Addr, n, dst[start+headerBytes+1:])
	mic := micOf(d.nwk, up, d.Addr, n, dst[start:])
	return append(dst, mic[:]...), nil
}

// counter follows the 32-bit frame counter of one direction, of which frames
// carry the low 16 bits.
type counter struct {
	next uint64 // the lowest number that is expected
	seen bool   // last and mic are those of a frame
	last uint32
	mic  [4]byte
}

// verdict says what a frame is to its device.
type verdict uint8

const (
	good verdict = iota
	repeated
	badMIC
)

// open checks the frame f of d, whose PHYPayload is phy, and returns its frame
// counter. Without a nwk_s_key the MIC is not looked at.
func (d *Device) open(f *frame, phy []byte) (cnt uint32, v verdict) {
	c := &d.upCount
	if !f.up {
		c = &d.downCount
	}
	if c.seen && uint16(c.last) == f.cnt && c.mic == f.mic {
		return c.last, repeated // the same frame, over another gateway or sent again
	}
	// The number nearest to the one that is expected.
	near := int64(c.next) + int64(int16(f.cnt-uint16(c.next)))
	if near < 0 || near > 1<<32-1 {
		near = int64(f.cnt)
	}
	cnt = uint32(near)
	if d.nwk != nil {
		// Where frames are missing or the capture begins later, other upper
		// halves are possible; the MIC tells.
		msg, ok := phy[:len(phy)-micBytes], false
		for _, n := range []uint32{cnt, cnt + 1<<16, cnt - 1<<16, uint32(f.cnt)} {
			cnt = n
			if ok = micOf(d.nwk, f.up, f.addr, cnt, msg) == f.mic; ok {
				break
			}
		}
		if !ok {
			return 0, badMIC
		}
	}
	*c = counter{next: max(c.next, uint64(cnt)+1), seen: true, last: cnt, mic: f.mic}
	return cnt, good
}

// newAES returns AES with a key of 16 bytes.
func newAES(key []byte) cipher.Block {
	c, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is right
	}
	return c
}
