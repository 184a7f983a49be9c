package dietesp

import (
	"encoding/binary"
	"testing"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/inet"
)

// draftPacket is an inner packet of the drafts' examples: hop limit 64, nothing
// else set, and 11 bytes of payload, for which standard ESP needs 3 bytes of
// padding, as the figures draw it.
func draftPacket(src, dst esp.Addr, proto uint8, sport, dport uint16) []byte {
	const payload = "application"
	head := 8
	if proto == protoTCP {
		head = 20
	}
	b := make([]byte, head, head+len(payload))
	binary.BigEndian.PutUint16(b, sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	sum := 6
	if proto == protoTCP {
		b[12], b[13], sum = 5<<4, 0x18, 16
		copy(b[4:12], "\x01\x02\x03\x04\x05\x06\x07\x08")
		copy(b[14:], "\xfa\xf0")
	} else {
		binary.BigEndian.PutUint16(b[4:], uint16(head+len(payload)))
	}
	b = append(b, payload...)
	var ip []byte
	if src.Len() == 16 {
		ip = make([]byte, 40)
		ip[0], ip[6], ip[7] = 0x60, proto, 64
		binary.BigEndian.PutUint16(ip[4:], uint16(len(b)))
		copy(ip[8:], src.Bytes())
		copy(ip[24:], dst.Bytes())
	} else {
		ip = make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, 64, proto
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(b)))
		copy(ip[12:], src.Bytes())
		copy(ip[16:], dst.Bytes())
		binary.BigEndian.PutUint16(ip[10:], inet.Fold(inet.Sum(0, ip)))
	}
	s := inet.Sum(0, src.Bytes())
	s = inet.Sum(s, dst.Bytes())
	s = inet.Sum(s, []byte{0, proto, byte(len(b) >> 8), byte(len(b))})
	binary.BigEndian.PutUint16(b[sum:], inet.Fold(inet.Sum(s, b)))
	return append(ip, b...)
}

// The examples of draft-mglt-ipsecme-diet-esp-10 (June 2023) and of
// draft-ietf-ipsecme-diet-esp-10, Appendix A: what the draft says is saved, what
// its figures draw, and what is saved here, losing nothing.
func TestDraftExamples(t *testing.T) {
	mote, server := addr(16, 0x1234), addr(16, 0x5678)
	iot := DefaultAttributes(ProfileEHC2023)
	iot.Alignment, iot.SPILSBBits, iot.SNLSBBits = Alignment8, 0, 16
	iot.DSCP, iot.DSCPs = ActionSA, []uint8{0}
	iot.Selectors = Selectors{SrcStart: mote, SrcEnd: mote, DstStart: server, DstEnd: server, Protocols: []uint8{protoUDP},
		SrcPortStart: 5001, SrcPortEnd: 5001, DstPortStart: 4500, DstPortEnd: 4500}
	iotTCP := iot
	iotTCP.Selectors.Protocols = []uint8{protoTCP}
	vpn := iot
	vpn.SPILSBBits = 16
	vpn.Selectors = Selectors{SrcStart: mote, SrcEnd: mote}
	vpn4 := vpn
	user, web := addr(4, 1), addr(4, 0x5678)
	vpn4.Selectors = Selectors{SrcStart: user, SrcEnd: user}

	ten := DefaultAttributes(ProfileDietESP10)
	ten.DSCP, ten.ECN, ten.Alignment, ten.SPILSBBits, ten.SNLSBBits = ActionLower, ActionLower, Alignment8, 8, 8
	ten.Selectors = iot.Selectors
	ten64 := ten // as the JSON of Appendix A has it: "64 bit"
	ten64.Alignment = Alignment64
	transport := ten
	transport.Selectors.SrcPortStart, transport.Selectors.SrcPortEnd = 1234, 1234
	transport.Selectors.DstPortStart, transport.Selectors.DstPortEnd = 5678, 5678

	for _, c := range []struct {
		name      string
		attr      Attributes
		encr      string
		mode      esp.Mode
		pkt       []byte
		said      int // by the draft; 0: nothing
		drawn     int // by its figures; 0: there is none
		saved     int
		bitsShort int // of what is drawn: fields that the figures leave out and that cannot be restored
	}{
		// SPI 4, SN 2, IPv6 40, UDP 8, Padding 3, Pad Length 1, Next Header 1.
		{"2023: UDP, AES-CCM_8_IIV", iot, "aes128ccm8iiv", esp.ModeTunnel, draftPacket(mote, server, protoUDP, 5001, 4500), 53, 59, 59, 0},
		// SPI 4, SN 2, IPv6 40, TCP ports and checksum 6, trailer 5.
		{"2023: TCP, AES-CCM_8_IIV", iotTCP, "aes128ccm8iiv", esp.ModeTunnel, draftPacket(mote, server, protoTCP, 5001, 4500), 55, 57, 57, 0},
		// SPI 2, SN 2, IPv6 23, TCP checksum 2, Padding 3, Pad Length 1; the figure keeps the
		// Next Header of ESP, because it knows no version.
		{"2023: VPN, IPv6 in IPv6, AES-GCM_16", vpn, "aes128gcm16", esp.ModeTunnel, draftPacket(mote, server, protoTCP, 40000, 443), 32, 33, 34, 0},
		// SPI 2, SN 2, IPv4 15, TCP checksum 2, Padding 2, Pad Length 1, Next Header 1;
		// the figure has 4 bytes of IPv4 options more, which come and go. It leaves
		// out IHL, Flags and Fragment Offset, 20 bits.
		{"2023: VPN, IPv4 in IPv4, AES-GCM_16", vpn4, "aes128gcm16", esp.ModeTunnel, draftPacket(user, web, protoTCP, 40000, 443), 24, 25, 23, 20},
		// IPv6 40 less the flow label, UDP 8, SPI 3, SN 3, trailer 5.
		{"-10: A.1, tunnel, 8 bit", ten, "aes128ccm8iiv", esp.ModeTunnel, draftPacket(mote, server, protoUDP, 5001, 4500), 0, 0, 56, 0},
		{"-10: A.1, tunnel, 64 bit", ten64, "aes128ccm8iiv", esp.ModeTunnel, draftPacket(mote, server, protoUDP, 5001, 4500), 0, 0, 54, 0},
		{"-10: A.2, transport, 8 bit", transport, "aes128ccm8iiv", esp.ModeTransport, draftPacket(mote, server, protoUDP, 1234, 5678), 0, 0, 19, 0},
	} {
		config := esp.Config{SPI: 0x1001, Mode: c.mode, Src: addr(16, 1), Dst: addr(16, 2)}
		if c.attr.Selectors.SrcStart.Len() == 4 {
			config.Src, config.Dst = addr(4, 0x101), addr(4, 0x102)
		}
		if c.mode == esp.ModeTransport {
			config.Src, config.Dst = mote, server
		}
		alg := mustAlgorithm(c.encr)
		out, in := mustSA(t, config, alg, c.attr), mustSA(t, config, alg, c.attr)
		x := out.Explain(c.pkt)
		if x.Err != nil {
			t.Errorf("%s: %v", c.name, x.Err)
			continue
		}
		saved := x.StandardBytes - x.DietBytes
		given, sent := x.Sum(0)
		if saved*8 != given-sent {
			t.Errorf("%s: the fields save %d bits, the packet %d bytes", c.name, given-sent, saved)
		}
		if saved != c.saved || saved*8+c.bitsShort < c.drawn*8-7 {
			t.Errorf("%s: %d bytes are saved, want %d; %d are drawn", c.name, saved, c.saved, c.drawn)
			for _, f := range x.Fields {
				t.Logf("  %v %s: %d bits, %d sent", f.Stage, f.Name, f.Bits, f.Sent)
			}
		}
		pkt, err := out.AppendSeal(nil, c.pkt)
		if err != nil || len(pkt) != x.DietBytes {
			t.Errorf("%s: AppendSeal: %d bytes, %v, want %d", c.name, len(pkt), err, x.DietBytes)
			continue
		}
		if got, err := in.AppendOpen(nil, pkt); err != nil || string(got) != string(c.pkt) {
			t.Errorf("%s: AppendOpen = %x, %v, want %x", c.name, got, err, c.pkt)
		}
		t.Logf("%s: %d -> %d bytes, saved %d; the draft says %d, draws %d", c.name, x.StandardBytes, x.DietBytes, saved, c.said, c.drawn)
	}
}
