package lowpan

import "encoding/binary"

// BLEAdvertising is the access address of all advertising packets.
const BLEAdvertising = 0x8e89bed6

// BLE is a link-layer packet of Bluetooth LE, without its preamble (Bluetooth
// Core Specification, Volume 6, Part B, Section 2.1).
//
//	+-------------------+------+--------+-----+---------+--------+
//	| access address, 4 | head | length | (1) | payload | CRC, 3 |  little-endian
//	+-------------------+------+--------+-----+---------+--------+
//
// The byte in brackets is there in data packets only, if the head says so
// (constant tone extension).
type BLE struct {
	Access  uint32
	Head    uint8 // the first byte of the header
	Payload []byte
	CRC     [3]byte

	body []byte // what the CRC is computed over
}

// The kinds of data packets (LLID: the low two bits of the head).
const (
	BLEContinue = 1 // more of an L2CAP frame; empty if there is nothing to send
	BLEStart    = 2 // an L2CAP frame begins
	BLEControl  = 3 // for the link layer itself
)

// LLID says what a data packet holds: BLEContinue, BLEStart or BLEControl.
func (f *BLE) LLID() uint8 { return f.Head & 3 }

// ParseBLE reads a link-layer packet; coded says that a coding indicator follows
// the access address, as on the coded PHY. The result refers to b.
func ParseBLE(b []byte, coded bool) (f BLE, err error) {
	at := 4
	if coded {
		at = 5
	}
	if len(b) < at+2 {
		return BLE{}, ErrTruncated
	}
	f.Access = binary.LittleEndian.Uint32(b)
	b = b[at:]
	f.Head = b[0]
	head, n := 2, int(b[1])
	if f.Access != BLEAdvertising && f.Head&0x20 != 0 {
		head = 3
	}
	if len(b) < head+n+len(f.CRC) {
		return BLE{}, ErrTruncated
	}
	f.body = b[:head+n]
	f.Payload = f.body[head:]
	copy(f.CRC[:], b[head+n:])
	return f, nil
}

// CRCOK reports whether the CRC is right. init is that of the connection
// (BLEConnection), or 0x555555 for advertising.
func (f *BLE) CRCOK(init uint32) bool {
	crc := uint32(0) // init with its 24 bits reversed
	for i := uint(0); i < 24; i++ {
		crc |= init >> i & 1 << (23 - i)
	}
	for _, x := range f.body {
		crc ^= uint32(x)
		for i := 0; i < 8; i++ {
			crc = crc>>1 ^ 0xda6000&-(crc&1) // x^24+x^10+x^9+x^6+x^4+x^3+x+1
		}
	}
	return f.CRC == [3]byte{byte(crc), byte(crc >> 8), byte(crc >> 16)}
}

// BLEConnection is what a CONNECT_IND packet says of the connection that it
// begins.
type BLEConnection struct {
	Access              uint32 // of the data packets
	CRCInit             uint32
	Central, Peripheral Addr
}

// Connection reads a CONNECT_IND packet (Section 2.3.3.1); ok is false for
// another one.
func (f *BLE) Connection() (c BLEConnection, ok bool) {
	p := f.Payload
	if f.Access != BLEAdvertising || f.Head&15 != 5 || len(p) < 34 {
		return c, false
	}
	c.Central, c.Peripheral = bleAddr(p), bleAddr(p[6:])
	c.Access = binary.LittleEndian.Uint32(p[12:])
	c.CRCInit = uint32(p[16]) | uint32(p[17])<<8 | uint32(p[18])<<16
	return c, true
}

// bleAddr reads an address as it is sent, least significant byte first.
func bleAddr(b []byte) Addr {
	return Addr{AddrBLE, uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32}
}

// BLERadio is what the header of LINKTYPE 256 says of a packet.
type BLERadio struct {
	// Direction of a data packet: 0 unknown, 1 from the central, 2 from the
	// peripheral.
	Direction uint8
	Decrypted bool // it was encrypted; its integrity code was taken off, too
	CRCKnown  bool // the CRC was checked by the one who captured it
	CRCOK     bool // and is right
	Coded     bool // the packet is of the coded PHY: see ParseBLE
}

// ParseBLERadio takes the header off a packet of LINKTYPE 256: channel, signal,
// noise, offenses, a reference access address, and flags, 10 bytes in all. The
// packet is as ParseBLE wants it. ErrUnsupported: it is whitened.
func ParseBLERadio(b []byte) (packet []byte, r BLERadio, err error) {
	if len(b) < 10 {
		return nil, r, ErrTruncated
	}
	flags := binary.LittleEndian.Uint16(b[8:])
	if flags&1 == 0 {
		return nil, r, ErrUnsupported
	}
	if kind := uint8(flags >> 7 & 7); kind == 2 || kind == 3 {
		r.Direction = kind - 1
	}
	r.Decrypted = flags&0x0008 != 0
	r.CRCKnown, r.CRCOK = flags&0x0400 != 0, flags&0x0c00 == 0x0c00
	r.Coded = flags>>14 == 2
	return b[10:], r, nil
}

// SPSMIPSP is the number by which channels for IPv6 are asked for: Internet
// Protocol Support Profile (RFC 7668, Section 2.4).
const SPSMIPSP = 0x0023

// L2CAPSignaling is the channel of the signals of Bluetooth LE.
const L2CAPSignaling = 5

// L2CAPSignal is a signal about channels with LE credit-based flow control
// (Core Specification, Volume 3, Part A, Section 4).
//
//	+------+------------+-----------+------
//	| code | identifier | length, 2 | data   little-endian
//	+------+------------+-----------+------
type L2CAPSignal struct {
	Code       uint8 // one of those below, or another one, with nothing else set
	Identifier uint8 // the same in request and response
	SPSM       uint16
	// Channel is the source of a request and the destination of a response to
	// connect: the channel at which the sender of the signal listens. It is the
	// destination in signals to disconnect, and Other the source.
	Channel, Other uint16
	Result         uint16 // of a response; 0 is success
}

// Codes of L2CAPSignal.
const (
	L2CAPDisconnectRequest  = 0x06
	L2CAPDisconnectResponse = 0x07
	L2CAPConnectRequest     = 0x14
	L2CAPConnectResponse    = 0x15
)

// ParseL2CAPSignal reads the payload of an L2CAP frame on channel 5.
func ParseL2CAPSignal(b []byte) (s L2CAPSignal, err error) {
	if len(b) < 4 {
		return L2CAPSignal{}, ErrTruncated
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if len(b)-4 < n {
		return L2CAPSignal{}, ErrTruncated
	}
	s.Code, s.Identifier = b[0], b[1]
	d := b[4 : 4+n]
	need := 0
	switch s.Code {
	case L2CAPConnectRequest, L2CAPConnectResponse:
		need = 10
	case L2CAPDisconnectRequest, L2CAPDisconnectResponse:
		need = 4
	}
	if n < need {
		return L2CAPSignal{}, ErrMalformed
	}
	switch s.Code {
	case L2CAPConnectRequest:
		s.SPSM, s.Channel = binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[2:])
	case L2CAPConnectResponse:
		s.Channel, s.Result = binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[8:])
	case L2CAPDisconnectRequest, L2CAPDisconnectResponse:
		s.Channel, s.Other = binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[2:])
	}
	return s, nil
}
