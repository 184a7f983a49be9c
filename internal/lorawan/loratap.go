package lorawan

import "encoding/binary"

// A LoRaTap header, version 0 (https://github.com/eriknl/LoRaTap), big-endian:
//
//	| version 1 | padding 1 | length 2 | frequency 4 | bandwidth 1 | SF 1 |
//	| packet, max, current RSSI 3 | SNR 1 | sync word 1 |
//
// Version 1 appends 20 bytes; length tells where the PHYPayload starts.
const (
	tapBytes     = 15
	syncLoRaWAN  = 0x34
	tapSync      = 14
	rssiUnknown  = 255
	tapBandwidth = 125_000 // a unit of the field
)

// phyPayload returns the LoRaWAN PHYPayload of a LoRaTap frame.
func phyPayload(b []byte) ([]byte, bool) {
	if len(b) < tapBytes || b[tapSync] != syncLoRaWAN {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < tapBytes || n > len(b) {
		return nil, false
	}
	return b[n:], true
}

// A Channel is what the LoRaTap header of a written frame says.
type Channel struct {
	FreqHz uint32
	HzWide uint32 // bandwidth: 125000, 250000 or 500000
	SF     uint8
}

// AppendHeader appends the header of a LoRaTap frame, whose signal strengths are
// not known.
func (c *Channel) AppendHeader(dst []byte) []byte {
	dst = append(dst, 0, 0, 0, tapBytes)
	dst = binary.BigEndian.AppendUint32(dst, c.FreqHz)
	return append(dst, byte(c.HzWide/tapBandwidth), c.SF, rssiUnknown, rssiUnknown, rssiUnknown, 0, syncLoRaWAN)
}
