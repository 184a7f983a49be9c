package schc_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	. "github.com/schckit/schckit/schc"
)

// transportSum writes the checksum at byte at of the transport header at off.
func transportSum(pkt []byte, off, at int, proto byte) {
	addrs := pkt[off-8 : off]
	if pkt[0]>>4 == 6 {
		addrs = pkt[off-32 : off]
	}
	pkt[off+at], pkt[off+at+1] = 0, 0
	n := len(pkt) - off
	pseudo := append(bytes.Clone(addrs), 0, 0, byte(n>>8), byte(n), 0, 0, 0, proto)
	sum := slowSum(append(pseudo, pkt[off:]...))
	if sum == 0 && proto == 17 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(pkt[off+at:], uint16(sum))
}

// TestChecksumParts restores packets whose checksum the decompressor adds up
// from the Rule's values, residues and payload: residues that adjoin the
// addresses, headers and payloads of odd length, every alignment of the
// payload in the SCHC Packet.
func TestChecksumParts(t *testing.T) {
	udp := []FID{FIDUDPDevPort, FIDUDPAppPort, FIDUDPLength, FIDUDPChecksum}
	tcp := []FID{FIDTCPDevPort, FIDTCPAppPort, FIDTCPSequence, FIDTCPAcknowledgment, FIDTCPDataOffset, FIDTCPReserved, FIDTCPFlags, FIDTCPWindow, FIDTCPChecksum, FIDTCPUrgent}
	coap := []FID{FIDCoAPVersion, FIDCoAPType, FIDCoAPTKL, FIDCoAPCode, FIDCoAPMID}
	ip6 := []FID{FIDIPv6Version, FIDIPv6TrafficClass, FIDIPv6FlowLabel, FIDIPv6PayloadLength, FIDIPv6NextHeader, FIDIPv6HopLimit,
		FIDIPv6DevPrefix, FIDIPv6DevIID, FIDIPv6AppPrefix, FIDIPv6AppIID}
	ip4 := ipv4Fields[:len(ipv4Fields)-1]
	compute := func(f FID) FieldDescriptor { return FieldDescriptor{FID: f, MO: MOIgnore, CDA: CDACompute} }
	fixed := func(f FID, v ...byte) FieldDescriptor {
		return FieldDescriptor{FID: f, TV: [][]byte{v}, MO: MOEqual, CDA: CDANotSent}
	}
	for _, k := range []struct {
		name   string
		ip     []FID
		upper  []FID
		proto  byte
		at     int // of the checksum
		header []byte
		set    []FieldDescriptor
	}{
		{"IPv6/UDP", ip6, udp, 17, 6, make([]byte, 8), []FieldDescriptor{compute(FIDUDPLength), compute(FIDUDPChecksum)}},
		{"IPv6/UDP with its length sent", ip6, udp, 17, 6, make([]byte, 8), []FieldDescriptor{compute(FIDUDPChecksum)}},
		{"IPv6/UDP/CoAP of 5 bytes", ip6, append(udp[:4:4], coap...), 17, 6, append(make([]byte, 8), 0x41, 2, 0x12, 0x34),
			[]FieldDescriptor{compute(FIDUDPLength), compute(FIDUDPChecksum), fixed(FIDCoAPTKL, 1)}},
		{"IPv6/TCP", ip6, tcp, 6, 16, append(make([]byte, 12), 0x50, 0x10, 0, 0, 0, 0, 0, 0),
			[]FieldDescriptor{compute(FIDTCPChecksum), fixed(FIDTCPDataOffset, 5)}},
		{"IPv6/ICMPv6", ip6, []FID{FIDICMPv6Type, FIDICMPv6Code, FIDICMPv6Checksum, FIDICMPv6Identifier, FIDICMPv6Sequence}, 58, 2,
			append([]byte{128}, make([]byte, 7)...), []FieldDescriptor{compute(FIDICMPv6Checksum), fixed(FIDICMPv6Type, 128)}},
		{"IPv4/UDP", ip4, udp, 17, 6, make([]byte, 8), []FieldDescriptor{compute(FIDUDPLength), compute(FIDUDPChecksum), compute(FIDIPv4Checksum)}},
		{"IPv4/UDP with its checksum sent", ip4, udp, 17, 6, make([]byte, 8), []FieldDescriptor{compute(FIDUDPLength), compute(FIDUDPChecksum)}},
	} {
		t.Run(k.name, func(t *testing.T) {
			rng := propertyRand(t)
			for bits := uint8(1); bits <= 9; bits++ {
				r := sentRule(RuleID{1, bits}, append(k.ip[:len(k.ip):len(k.ip)], k.upper...)...)
				for _, d := range k.set {
					r = set(r, d)
				}
				if k.name == "IPv6/UDP/CoAP of 5 bytes" {
					d := sentField(FIDCoAPToken)
					d.FL = 8
					r.Fields = append(r.Fields, d)
				}
				if k.proto == 17 && bits&1 != 0 { // an address from the Rule
					r = set(r, FieldDescriptor{FID: k.ip[len(k.ip)-1], MO: MOMatchMapping, CDA: CDAMappingSent,
						TV: [][]byte{bytes.Repeat([]byte{0xa5}, int(k.ip[len(k.ip)-1].LenBits())/8), bytes.Repeat([]byte{0xff}, int(k.ip[len(k.ip)-1].LenBits())/8)}})
				}
				ctx, err := NewContext(oneRule(r), Options{})
				if err != nil {
					t.Fatal(err)
				}
				var c Compressor
				var d Decompressor
				c.Reset(ctx)
				d.Reset(ctx)
				for payload := 0; payload < 40; payload++ {
					pkt := make([]byte, 40+len(k.header)+payload)
					off := 40
					if k.ip[0] != FIDIPv6Version {
						pkt = pkt[20:]
						off = 20
					}
					for i := range pkt {
						pkt[i] = byte(rng.IntN(256))
					}
					copy(pkt[off:], k.header)
					if off == 40 {
						pkt[0], pkt[6] = 0x60|pkt[0]&15, k.proto
						binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
					} else {
						pkt[0], pkt[6], pkt[7], pkt[9] = 0x45, 0x40, 0, k.proto
						binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
						pkt[10], pkt[11] = 0, 0
					}
					if k.proto == 17 {
						binary.BigEndian.PutUint16(pkt[off+4:], uint16(len(pkt)-off))
						if bits&1 != 0 {
							n := int(k.ip[len(k.ip)-1].LenBits()) / 8
							copy(pkt[off-n:off], bytes.Repeat([]byte{[]byte{0xa5, 0xff}[payload&1]}, n))
						}
					}
					if len(k.header) == 12 { // CoAP: a token, and a marker if anything is behind it
						if payload == 0 {
							pkt = append(pkt, 9)
							binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
							binary.BigEndian.PutUint16(pkt[off+4:], uint16(len(pkt)-off))
						}
						if len(pkt) > off+13 {
							pkt[off+13] = 0xff
						}
						if len(pkt) == off+14 {
							continue // a marker alone
						}
					}
					if off == 20 {
						binary.BigEndian.PutUint16(pkt[10:], uint16(slowSum(pkt[:20])))
					}
					transportSum(pkt, off, k.at, k.proto)
					if last := pkt[off+len(k.header)&^1+payload&^1-2:]; payload > 3 && payload&2 != 0 && len(k.header) != 12 {
						// One that adds up to zero.
						x := int(last[0])<<8 + int(last[1]) + int(pkt[off+k.at])<<8 + int(pkt[off+k.at+1])
						binary.BigEndian.PutUint16(last, uint16(x&0xffff+x>>16))
						transportSum(pkt, off, k.at, k.proto)
						if f := binary.BigEndian.Uint16(pkt[off+k.at:]); f != 0 && f != 0xffff {
							t.Fatalf("the checksum of %x is not zero", pkt)
						}
					}
					s, _, err := c.AppendCompress(nil, pkt, DirUp)
					if err != nil {
						t.Fatalf("AppendCompress(%x): %v", pkt, err)
					}
					got, _, err := d.AppendDecompress(nil, s, DirUp)
					if err != nil || !bytes.Equal(got, pkt) {
						t.Fatalf("AppendDecompress(%x) = %x, %v, want %x", s, got, err, pkt)
					}
				}
			}
		})
	}
}
