package pcapio

import (
	"encoding/binary"
	"strconv"
)

// LinkType is the link layer of a capture (the LINKTYPE_ values of tcpdump.org).
type LinkType uint16

// Link layers in which IP datagrams or SCHC Packets are found.
const (
	LinkTypeNull     LinkType = 0   // BSD loopback: 4-byte family in the byte order of the host
	LinkTypeEthernet LinkType = 1   //
	LinkTypeRaw12    LinkType = 12  // raw IP; DLT_RAW written as it is
	LinkTypeRaw14    LinkType = 14  // raw IP; DLT_RAW of OpenBSD
	LinkTypeRaw      LinkType = 101 // raw IP
	LinkTypeLoop     LinkType = 108 // OpenBSD loopback: 4-byte family in network order
	LinkTypeSLL      LinkType = 113 // Linux cooked capture
	LinkTypeUser0    LinkType = 147 // bare SCHC Packets
	LinkTypeIPv4     LinkType = 228 // raw IPv4
	LinkTypeIPv6     LinkType = 229 // raw IPv6
	LinkTypeLoRaTap  LinkType = 270 // LoRa frames; package lorawan reads them
	LinkTypeSLL2     LinkType = 276 // Linux cooked capture, version 2
)

func (t LinkType) String() string {
	switch t {
	case LinkTypeNull:
		return "NULL"
	case LinkTypeEthernet:
		return "ETHERNET"
	case LinkTypeRaw12, LinkTypeRaw14, LinkTypeRaw:
		return "RAW"
	case LinkTypeLoop:
		return "LOOP"
	case LinkTypeSLL:
		return "LINUX_SLL"
	case LinkTypeUser0:
		return "USER0"
	case LinkTypeIPv4:
		return "IPV4"
	case LinkTypeIPv6:
		return "IPV6"
	case LinkTypeLoRaTap:
		return "LORATAP"
	case LinkTypeSLL2:
		return "LINUX_SLL2"
	}
	return strconv.Itoa(int(t))
}

// HasEtherType reports whether a frame names its payload by an EtherType, in
// whose place the SCHC EtherType can be put.
func (t LinkType) HasEtherType() bool {
	return t == LinkTypeEthernet || t == LinkTypeSLL || t == LinkTypeSLL2
}

// Carries reports whether Locate knows the link layer at all.
func (t LinkType) Carries() bool {
	switch t {
	case LinkTypeNull, LinkTypeEthernet, LinkTypeRaw12, LinkTypeRaw14, LinkTypeRaw,
		LinkTypeLoop, LinkTypeSLL, LinkTypeIPv4, LinkTypeIPv6, LinkTypeSLL2:
		return true
	}
	return false
}

// EtherTypes.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeIPv6 = 0x86dd

	etherTypeVLAN = 0x8100
	etherTypeQinQ = 0x88a8
	etherTypeOld  = 0x9100 // QinQ before 802.1ad

	maxVLANTags = 4
)

// EtherTypeOf returns the EtherType of IP version 4 or 6.
func EtherTypeOf(version uint8) uint16 {
	if version == 4 {
		return EtherTypeIPv4
	}
	return EtherTypeIPv6
}

func isVLAN(t uint16) bool {
	return t == etherTypeVLAN || t == etherTypeQinQ || t == etherTypeOld
}

// Loc is where in a frame the datagram or the SCHC Packet is:
//
//	frame[:Off] link header, frame[Off:Off+Len] packet, then Trailer bytes
//
// All of it is inside the frame.
type Loc struct {
	Off     int
	Len     int
	Trailer int   // bytes behind the datagram (Ethernet padding, a frame check sequence)
	TypeOff int   // offset of the 2-byte EtherType, or -1 where the link layer has none
	Version uint8 // 4 or 6; 0 for a SCHC Packet
	// Short: the datagram is longer than the frame by its own length field, or
	// cut inside the first header's length field.
	Short bool
	// NoLength: the length field says nothing (a jumbogram, segmentation
	// offload, a broken header): the datagram is taken to reach to the end.
	NoLength bool
}

// Locate finds the IP datagram in a frame. It returns false if there is none:
// another protocol, an unknown link layer, a frame that ends before it, or a
// version that disagrees with the link layer's. It does not allocate.
func Locate(t LinkType, frame []byte) (Loc, bool) {
	off, typeOff, version := 0, -1, uint8(0)
	switch t {
	case LinkTypeRaw, LinkTypeRaw12, LinkTypeRaw14:
	case LinkTypeIPv4:
		version = 4
	case LinkTypeIPv6:
		version = 6
	case LinkTypeNull, LinkTypeLoop:
		if len(frame) < 4 {
			return Loc{}, false
		}
		off, version = 4, familyVersion(frame)
		if version == 0 {
			return Loc{}, false
		}
	default:
		var ok bool
		if off, typeOff, ok = etherTypeAt(t, frame); !ok {
			return Loc{}, false
		}
		switch binary.BigEndian.Uint16(frame[typeOff:]) {
		case EtherTypeIPv4:
			version = 4
		case EtherTypeIPv6:
			version = 6
		default:
			return Loc{}, false
		}
	}
	if off >= len(frame) {
		return Loc{}, false
	}
	if v := frame[off] >> 4; version == 0 {
		version = v
	} else if v != version {
		return Loc{}, false
	}
	l := Loc{Off: off, TypeOff: typeOff, Version: version}
	switch version {
	case 4:
		l.measureIPv4(frame[off:])
	case 6:
		l.measureIPv6(frame[off:])
	default:
		return Loc{}, false
	}
	return l, true
}

func (l *Loc) measureIPv4(b []byte) {
	if len(b) < 4 {
		l.Len, l.Short = len(b), true
		return
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < 20 { // 0 from segmentation offload, or broken
		l.Len, l.NoLength, l.Short = len(b), true, len(b) < 20
		return
	}
	l.cut(b, n)
}

func (l *Loc) measureIPv6(b []byte) {
	if len(b) < 6 {
		l.Len, l.Short = len(b), true
		return
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n == 0 && len(b) > 40 { // a jumbogram, or an empty datagram with a trailer: not to be told apart here
		l.Len, l.NoLength = len(b), true
		return
	}
	l.cut(b, 40+n)
}

func (l *Loc) cut(b []byte, n int) {
	l.Len = min(n, len(b))
	l.Trailer = len(b) - l.Len
	l.Short = n > len(b)
}

// LocateEtherType finds the payload of the given EtherType in a frame; it
// reaches to the end of the frame. On LinkTypeUser0 the frame is the packet.
// It returns false for other frames, and does not allocate.
func LocateEtherType(t LinkType, frame []byte, etherType uint16) (Loc, bool) {
	if t == LinkTypeUser0 {
		return Loc{Len: len(frame), TypeOff: -1}, true
	}
	off, typeOff, ok := etherTypeAt(t, frame)
	if !ok || binary.BigEndian.Uint16(frame[typeOff:]) != etherType {
		return Loc{}, false
	}
	return Loc{Off: off, Len: len(frame) - off, TypeOff: typeOff}, true
}

// etherTypeAt returns where the payload and the EtherType of a frame are,
// behind the VLAN tags. A frame with more tags than maxVLANTags gives the
// EtherType of a tag.
//
//	Ethernet     6 destination, 6 source, { 2 tag type, 2 tag }, 2 EtherType
//	Linux SLL    2 packet type, 2 ARPHRD, 2 + 8 address, 2 protocol
//	Linux SLL2   2 protocol, 2 reserved, 4 interface, 2 ARPHRD, 1 packet type, 1 + 8 address
func etherTypeAt(t LinkType, frame []byte) (off, typeOff int, ok bool) {
	const arphrdNetlink = 824 // the protocol is a netlink family
	switch t {
	case LinkTypeEthernet:
		typeOff = 12
		off = 14
	case LinkTypeSLL:
		typeOff, off = 14, 16
		if len(frame) < off || binary.BigEndian.Uint16(frame[2:]) == arphrdNetlink {
			return 0, 0, false
		}
	case LinkTypeSLL2:
		if len(frame) < 20 || binary.BigEndian.Uint16(frame[8:]) == arphrdNetlink {
			return 0, 0, false
		}
		return 20, 0, true // a tag would follow the whole header: not seen, not supported
	default:
		return 0, 0, false
	}
	for range maxVLANTags {
		if len(frame) < off {
			return 0, 0, false
		}
		if !isVLAN(binary.BigEndian.Uint16(frame[typeOff:])) {
			break
		}
		typeOff, off = off+2, off+4
	}
	return off, typeOff, len(frame) >= off
}

// familyVersion returns the IP version of a loopback header, in either byte
// order: AF_INET is 2 everywhere, AF_INET6 is 10 on Linux, 24 on NetBSD,
// OpenBSD and BSD/OS, 28 on FreeBSD, 30 on macOS. 0: something else.
func familyVersion(frame []byte) uint8 {
	family := binary.BigEndian.Uint32(frame)
	if family >= 1<<16 {
		family = binary.LittleEndian.Uint32(frame)
	}
	switch family {
	case 2:
		return 4
	case 10, 24, 28, 30:
		return 6
	}
	return 0
}
