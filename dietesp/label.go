package dietesp

import (
	"encoding/binary"

	"github.com/schckit/schckit/internal/inet"
)

// flowLabel is the flow label that is generated for an IPv6 packet: a hash of
// addresses, protocol and ports, as RFC 6437, Section 3, has it, and not 0.
func flowLabel(pkt []byte) uint32 {
	h := uint32(2166136261)
	hash := func(b []byte) {
		for _, x := range b {
			h = (h ^ uint32(x)) * 16777619
		}
	}
	hash(pkt[6:7])
	hash(pkt[8:40])
	switch pkt[6] {
	case protoUDP, protoUDPLite, protoTCP, protoSCTP:
		hash(pkt[40:min(44, len(pkt))])
	}
	if label := h>>20 ^ h&0xfffff; label != 0 {
		return label
	}
	return 1
}

// generate puts a value of ours in the flow label or identification of a packet
// (flow_label_action "generated"). An identification gets the low bits of the
// Sequence Number, which do not repeat soon (RFC 6864, Section 4).
func generate(pkt []byte, seq uint64) {
	if pkt[0]>>4 == 4 {
		n := int(pkt[0]&15) * 4
		binary.BigEndian.PutUint16(pkt[4:], uint16(seq))
		pkt[10], pkt[11] = 0, 0
		binary.BigEndian.PutUint16(pkt[10:], inet.Fold(inet.Sum(0, pkt[:n])))
		return
	}
	binary.BigEndian.PutUint32(pkt, binary.BigEndian.Uint32(pkt)&^0xfffff|flowLabel(pkt))
}

// regenerated reports whether the receiver would make the flow label or
// identification that is in an IP packet.
func regenerated(pkt []byte, seq uint64) bool {
	if pkt[0]>>4 == 4 {
		return binary.BigEndian.Uint16(pkt[4:]) == uint16(seq) && !fragmented(pkt)
	}
	return binary.BigEndian.Uint32(pkt)&0xfffff == flowLabel(pkt)
}
