package dietesp

import (
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/inet"
)

// What random SAs and packets are made of.

var testAlgorithms = []string{"aes128gcm16", "aes128gcm16iiv", "aes128ccm8", "aes128ccm8iiv", "aes256gcm8", "chacha20poly1305", "chacha20poly1305iiv",
	"aes128cbc", "aes128ctr", "null", "aes128gmac"}

func mustAlgorithm(name string) esp.Algorithm {
	integ := ""
	switch name {
	case "aes128cbc", "aes128ctr", "null":
		integ = "sha256"
	}
	a, err := esp.ParseAlgorithm(name, integ)
	if err != nil {
		panic(err)
	}
	return a
}

func mustSuite(a esp.Algorithm) *esp.Suite {
	key, auth := make([]byte, a.KeyLen()), make([]byte, a.AuthKeyLen())
	for i := range key {
		key[i] = byte(i + 1)
	}
	for i := range auth {
		auth[i] = byte(0x80 + i)
	}
	s := new(esp.Suite)
	if err := s.Init(a, key, auth); err != nil {
		panic(err)
	}
	return s
}

func mustSA(t testing.TB, c esp.Config, a esp.Algorithm, at Attributes) *SA {
	t.Helper()
	s := new(SA)
	if err := s.Init(c, mustSuite(a), at, Options{}); err != nil {
		t.Fatalf("Init(%+v, %v, %+v): %v", c, a, at, err)
	}
	return s
}

// addr returns an address of n bytes that ends in v.
func addr(n int, v uint32) esp.Addr {
	b := make([]byte, n)
	if n == 16 {
		b[0], b[1] = 0x20, 0x01
	} else {
		b[0] = 10
	}
	binary.BigEndian.PutUint16(b[n-2:], uint16(v))
	b[n-3] = byte(v >> 16)
	return esp.AddrFromSlice(b)
}

type gen struct{ *rand.Rand }

func (g gen) chance(percent int) bool { return g.Intn(100) < percent }

func (g gen) bytes(n int) []byte {
	b := make([]byte, n)
	g.Read(b)
	return b
}

func pick[T any](g gen, list ...T) T { return list[g.Intn(len(list))] }

// attributes returns attributes that pass Check.
func (g gen) attributes(c *esp.Config, alg esp.Algorithm) Attributes {
	for {
		a := DefaultAttributes(Profile(g.Intn(2)))
		t := &a.Selectors
		t.Version = pick(g, uint8(4), 6)
		n := 16
		if t.Version == 4 {
			n = 4
		}
		if g.chance(80) {
			t.SrcStart, t.SrcEnd = addr(n, 0x100), addr(n, 0x100+pick(g, 0, 1, 5, uint32(0xff)))
		}
		if g.chance(80) {
			t.DstStart, t.DstEnd = addr(n, 0x7200), addr(n, 0x7200+pick(g, 0, 1, 5, uint32(0xff)))
		}
		if g.chance(70) {
			t.SrcPortStart = 5000
			t.SrcPortEnd = 5000 + pick(g, uint16(0), 0, 1, 7, 100, 5000)
		}
		if g.chance(70) {
			t.DstPortStart = 5683
			t.DstPortEnd = 5683 + pick(g, uint16(0), 0, 1, 7, 100, 5000)
		}
		switch g.Intn(6) {
		case 0:
		case 1:
			t.Protocols = []uint8{0}
		default:
			t.Protocols = []uint8{pick(g, uint8(protoUDP), protoUDP, protoUDPLite, protoTCP, protoSCTP, 58)}
			if a.Profile == ProfileEHC2023 && g.chance(50) {
				t.Protocols = []uint8{17, 6, 132, 136}[:2+g.Intn(3)]
			}
		}
		a.DSCP, a.ECN = Action(g.Intn(3)), Action(g.Intn(2))
		a.FlowLabel = pick(g, ActionNotCompressed, ActionLower, ActionZero, ActionLower, ActionGenerated)
		if a.Profile == ProfileEHC2023 {
			a.DSCP, a.ECN, a.FlowLabel = pick(g, ActionSA, ActionLower), ActionLower, pick(g, ActionNotCompressed, ActionLower)
		}
		if a.DSCP == ActionSA {
			a.DSCPs = []uint8{0, 46, 10, 63, 1}[:1+g.Intn(5)]
		}
		a.HopLimit = HopLimitAction(g.Intn(2))
		a.Alignment = pick(g, Alignment8, Alignment8, Alignment16, Alignment32, Alignment64)
		a.Trailer = pick(g, TrailerMandatory, TrailerOptional, TrailerOptional)
		a.RuleID = pick(g, RuleIDElided, RuleIDElided, RuleIDSent)
		if a.Profile == ProfileEHC2023 {
			a.Trailer, a.RuleID = TrailerOptional, RuleIDElided
		}
		if g.chance(10) && a.Profile == ProfileDietESP10 {
			a.IIPC = IIPCNotCompressed
		}
		a.SPILSBBits, a.SNLSBBits = uint8(g.Intn(33)), uint8(8+g.Intn(25))
		if g.chance(50) {
			a.SPILSBBits, a.SNLSBBits = 8*uint8(g.Intn(5)), 8*uint8(1+g.Intn(4))
		}
		if a.check(c, alg) == nil {
			return a
		}
	}
}

// config returns the configuration of an SA.
func (g gen) config() esp.Config {
	c := esp.Config{SPI: 256 + g.Uint32()>>1, Mode: pick(g, esp.ModeTunnel, esp.ModeTunnel, esp.ModeTransport), ESN: g.chance(40)}
	if c.Mode == esp.ModeTunnel {
		n := pick(g, 4, 16)
		c.Src, c.Dst = addr(n, 1), addr(n, 2)
	}
	if g.chance(50) {
		c.Seq = uint64(g.Intn(1 << 20))
		if c.ESN {
			c.Seq += 1<<32 - 1<<19
		}
	}
	return c
}

// packet returns an IP packet that the Rules of these attributes are likely to
// describe.
func (g gen) packet(a *Attributes) []byte {
	t := &a.Selectors
	proto := pick(g, uint8(protoUDP), protoTCP, protoUDPLite, protoSCTP, 58)
	if !t.any() && g.chance(95) {
		proto = t.Protocols[g.Intn(len(t.Protocols))]
	}
	body := g.segment(t, proto)
	dscp := byte(pick(g, 0, 0, 46, 10, 63, 1, 33)) << 2
	if len(a.DSCPs) > 0 && g.chance(80) {
		dscp = a.DSCPs[g.Intn(len(a.DSCPs))] << 2
	}
	tos := dscp | byte(g.Intn(4))
	hops := byte(64)
	if a.HopLimit == HopLimitValueSent {
		hops = byte(g.Intn(256))
	} else if g.chance(5) {
		hops = 63
	}
	label := uint32(0)
	if a.FlowLabel != ActionZero || g.chance(5) {
		label = pick(g, uint32(0), g.Uint32()&0xffff, g.Uint32()&0xfffff)
	}
	src := g.addrIn(t, &t.SrcStart, &t.SrcEnd)
	dst := g.addrIn(t, &t.DstStart, &t.DstEnd)
	if t.version() == 4 {
		var opts []byte
		if g.chance(10) {
			opts = g.bytes(4 * g.Intn(11))
		}
		return ipv4(tos, uint16(label), pick(g, uint16(0x4000), 0, 0x8000), hops, proto, src, dst, opts, body)
	}
	return ipv6(tos, label, hops, proto, src, dst, body)
}

func (g gen) addrIn(t *Selectors, start, end *esp.Addr) []byte {
	n := 16
	if t.version() == 4 {
		n = 4
	}
	if !start.IsValid() {
		return g.bytes(n)
	}
	b := append([]byte(nil), start.Bytes()...)
	b[n-1] += byte(g.Intn(int(end.Bytes()[n-1]-start.Bytes()[n-1]) + 1))
	return b
}

func (g gen) portIn(start, end uint16) uint16 {
	if end == 0 {
		return uint16(g.Uint32())
	}
	return start + uint16(g.Intn(int(end-start)+1))
}

// segment returns a segment of proto without its checksum.
func (g gen) segment(t *Selectors, proto uint8) []byte {
	payload := g.bytes(pick(g, 0, 1, 2, 3, 4, 7, 16, g.Intn(200)))
	var b []byte
	sp, dp := g.portIn(t.SrcPortStart, t.SrcPortEnd), g.portIn(t.DstPortStart, t.DstPortEnd)
	b = binary.BigEndian.AppendUint16(b, sp)
	b = binary.BigEndian.AppendUint16(b, dp)
	switch proto {
	case protoUDP, protoUDPLite:
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
		b = append(b, 0, 0)
	case protoTCP:
		n := 0
		if g.chance(50) {
			n = g.Intn(11)
		}
		b = append(b, g.bytes(8)...)
		b = append(b, byte(5+n)<<4|byte(g.Intn(16)), byte(g.Intn(256)))
		b = append(b, g.bytes(2)...)
		b = append(b, 0, 0)
		b = append(b, g.bytes(2)...)
		b = append(b, g.bytes(4*n)...)
	case protoSCTP:
		b = append(b, g.bytes(4)...)
		b = append(b, 0, 0, 0, 0)
	default:
		b = g.bytes(8)
	}
	return append(b, payload...)
}

func ipv6(tos byte, label uint32, hops, proto byte, src, dst, body []byte) []byte {
	b := make([]byte, 40, 40+len(body))
	binary.BigEndian.PutUint32(b, 6<<28|uint32(tos)<<20|label)
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	b[6], b[7] = proto, hops
	copy(b[8:], src)
	copy(b[24:], dst)
	b = append(b, body...)
	putChecksum(b, 40, proto)
	return b
}

func ipv4(tos byte, id, flags uint16, ttl, proto byte, src, dst, opts, body []byte) []byte {
	n := 20 + len(opts)
	b := make([]byte, n, n+len(body))
	b[0], b[1] = 0x40|byte(n/4), tos
	binary.BigEndian.PutUint16(b[2:], uint16(n+len(body)))
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], flags)
	b[8], b[9] = ttl, proto
	copy(b[12:], src)
	copy(b[16:], dst)
	copy(b[20:], opts)
	binary.BigEndian.PutUint16(b[10:], inet.Fold(inet.Sum(0, b)))
	b = append(b, body...)
	putChecksum(b, n, proto)
	return b
}

// putChecksum makes the checksum of the segment at off right.
func putChecksum(pkt []byte, off int, proto uint8) {
	at := 0
	switch proto {
	case protoUDP, protoUDPLite:
		at = 6
	case protoTCP:
		at = 16
	case protoSCTP:
		binary.BigEndian.PutUint32(pkt[off+8:], inet.CRC32c(pkt[off:], 8))
		return
	default:
		return
	}
	h := pkt[off:]
	h[at], h[at+1] = 0, 0
	s := inet.PseudoIPv4(pkt[12:20], uint32(len(h)), proto)
	if pkt[0]>>4 == 6 {
		s = inet.PseudoIPv6(pkt[8:40], uint32(len(h)), proto)
	}
	c := inet.Fold(inet.Sum(s, h))
	if c == 0 && proto != protoTCP {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(h[at:], c)
}
