package lowpan

import "encoding/binary"

// AddrKind says what an Addr is and thereby how an interface identifier (IID)
// comes from it.
type AddrKind uint8

const (
	AddrNone  AddrKind = iota // unknown or absent: no IID
	AddrShort                 // 802.15.4 16-bit address: 0000:00ff:fe00:xxxx
	AddrExt                   // 802.15.4 64-bit address (EUI-64): universal/local bit inverted
	AddrEUI48                 // 48-bit Ethernet address: fffe in the middle, universal/local bit inverted
	AddrBLE                   // 48-bit Bluetooth device address: fffe in the middle
	AddrIID                   // the 64 bits of Value are the IID itself
)

// String returns the kind as text.
func (k AddrKind) String() string {
	switch k {
	case AddrShort:
		return "short"
	case AddrExt:
		return "extended"
	case AddrEUI48:
		return "eui48"
	case AddrBLE:
		return "ble"
	case AddrIID:
		return "iid"
	}
	return "none"
}

// Addr is a link-layer address: the low 16, 48 or 64 bits of Value, in the
// order in which people write them (the first byte is the most significant).
// The zero value is no address. Addresses compare with ==.
type Addr struct {
	Kind  AddrKind
	Value uint64
}

// ShortAddr is the 802.15.4 16-bit address v.
func ShortAddr(v uint16) Addr { return Addr{AddrShort, uint64(v)} }

// ExtAddr is the 802.15.4 64-bit address v.
func ExtAddr(v uint64) Addr { return Addr{AddrExt, v} }

// ParseAddr makes an address of its bytes, most significant byte first: 2 and
// 8 bytes are 802.15.4 addresses, 6 bytes an Ethernet address, none is no
// address. Other lengths are ErrMalformed.
func ParseAddr(b []byte) (Addr, error) {
	switch len(b) {
	case 0:
		return Addr{}, nil
	case 2:
		return ShortAddr(binary.BigEndian.Uint16(b)), nil
	case 6:
		return Addr{AddrEUI48, be48(b)}, nil
	case 8:
		return ExtAddr(binary.BigEndian.Uint64(b)), nil
	}
	return Addr{}, ErrMalformed
}

// BLEAddr is the address of a Bluetooth LE device, 6 bytes, most significant
// byte first.
func BLEAddr(b [6]byte) Addr { return Addr{AddrBLE, be48(b[:])} }

// Len is the number of bytes that AppendBytes writes.
func (a Addr) Len() int {
	switch a.Kind {
	case AddrShort:
		return 2
	case AddrEUI48, AddrBLE:
		return 6
	case AddrExt, AddrIID:
		return 8
	}
	return 0
}

// AppendBytes appends the address, most significant byte first.
func (a Addr) AppendBytes(dst []byte) []byte {
	for i := a.Len() - 1; i >= 0; i-- {
		dst = append(dst, byte(a.Value>>(8*uint(i))))
	}
	return dst
}

const (
	shortIID     = 0x000000fffe000000 // RFC 6282, Section 3.2.2
	universalBit = 0x0200000000000000
	linkLocal    = 0xfe80000000000000 // fe80::/64
)

// IID is the interface identifier that belongs to the address, and whether
// there is one.
//
// RFC 6282, Section 3.2.2 for 802.15.4; RFC 2464, Section 4 for Ethernet. RFC
// 7668, Section 3.2.2 for Bluetooth LE puts fffe into the middle and leaves
// the universal/local bit alone, unlike the others.
func (a Addr) IID() (iid uint64, ok bool) {
	switch a.Kind {
	case AddrShort:
		return shortIID | a.Value&0xffff, true
	case AddrExt:
		return a.Value ^ universalBit, true
	case AddrIID:
		return a.Value, true
	case AddrEUI48:
		return eui64of48(a.Value) ^ universalBit, true
	case AddrBLE:
		return eui64of48(a.Value), true
	}
	return 0, false
}

func eui64of48(v uint64) uint64 {
	return v>>24&0xffffff<<40 | 0xfffe<<24 | v&0xffffff
}

func be48(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

// Link is the pair of link-layer addresses of a frame, or the originator and
// the final destination if the frame has a mesh header.
type Link struct {
	Src, Dst Addr
}
