package dietesp

import (
	"testing"

	"github.com/schckit/schckit/esp"
)

// The examples of draft-mglt-ipsecme-diet-esp-10 (2023), Section "Illustrative
// Example", with payloads of 8 to 11 bytes: the bytes that are saved depend on the
// padding of standard ESP. drawn is what its figures save without that padding,
// said what its text says.
func TestDraftFigures(t *testing.T) {
	mote, server := addr(16, 0x100), addr(16, 0x7200)
	iot := func(p uint8) Attributes {
		a := DefaultAttributes(ProfileEHC2023)
		a.Alignment, a.SPILSBBits, a.SNLSBBits = Alignment8, 0, 16
		a.DSCP, a.DSCPs = ActionSA, []uint8{0}
		a.Selectors = Selectors{SrcStart: mote, SrcEnd: mote, DstStart: server, DstEnd: server, Protocols: []uint8{p},
			SrcPortStart: 5000, SrcPortEnd: 5000, DstPortStart: 5683, DstPortEnd: 5683}
		return a
	}
	vpn := func(version uint8) Attributes {
		a := DefaultAttributes(ProfileEHC2023)
		a.Alignment, a.SPILSBBits, a.SNLSBBits = Alignment8, 16, 16
		a.DSCP, a.DSCPs = ActionSA, []uint8{0}
		user := mote
		if version == 4 {
			user = addr(4, 1)
		}
		a.Selectors = Selectors{SrcStart: user, SrcEnd: user}
		return a
	}
	tcp := func(n int) []byte {
		b := make([]byte, 20+n)
		b[0], b[1], b[2], b[3], b[12] = 5000>>8, 5000&255, 5683>>8, 5683&255, 0x50
		return b
	}
	for _, test := range []struct {
		name        string
		a           Attributes
		encr        string
		src, dst    esp.Addr
		pkt         func(n int) []byte
		drawn, said int
		loss        int // bytes that the figure leaves out and a receiver cannot know
	}{
		{"UDP, IoT", iot(protoUDP), "aes128ccm8iiv", addr(16, 1), addr(16, 2), func(n int) []byte {
			return ipv6(0, 9, 64, protoUDP, mote.Bytes(), server.Bytes(), append([]byte{5000 >> 8, 5000 & 255, 5683 >> 8, 5683 & 255, 0, byte(8 + n), 0, 0}, make([]byte, n)...))
		}, 4 + 2 + 40 + 8 + 2, 53, 0},
		{"TCP, IoT", iot(protoTCP), "aes128ccm8iiv", addr(16, 1), addr(16, 2), func(n int) []byte {
			return ipv6(0, 9, 64, protoTCP, mote.Bytes(), server.Bytes(), tcp(n))
		}, 4 + 2 + 40 + 4 + 2 + 2, 55, 0},
		// The ESP Next Header, which is drawn, is elided, too: the version is known.
		{"IPv6 in IPv6, VPN", vpn(6), "aes128gcm16", addr(16, 1), addr(16, 2), func(n int) []byte {
			return ipv6(0, 9, 64, protoTCP, mote.Bytes(), server.Bytes(), tcp(n))
		}, 2 + 2 + 23 + 2 + 1, 32, 0},
		// IHL, Flags and Fragment Offset are not drawn: 20 bits; with the number of
		// padding bits they make 3 bytes, one of which the Next Header pays for.
		{"IPv4 in IPv4, VPN", vpn(4), "aes128gcm16", addr(4, 1), addr(4, 2), func(n int) []byte {
			user, any := addr(4, 1), addr(4, 0x7200)
			return ipv4(0, 9, 0x4000, 64, protoTCP, user.Bytes(), any.Bytes(), nil, tcp(n))
		}, 2 + 2 + 15 + 2 + 1, 24, 2},
	} {
		c := esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel, Src: test.src, Dst: test.dst}
		s := mustSA(t, c, mustAlgorithm(test.encr), test.a)
		most := 0
		for n := 8; n < 12; n++ {
			e := s.Explain(test.pkt(n))
			if e.Err != nil {
				t.Errorf("%s: %v, %+v", test.name, e.Err, e.Why)
				continue
			}
			checkExplanation(t, e)
			saved := e.StandardBytes - e.DietBytes
			pad := s.standardPad(len(test.pkt(n)))
			if saved < test.drawn-test.loss+pad {
				t.Errorf("%s, %d bytes of payload: %d bytes saved, the figure saves %d and padding of %d", test.name, n, saved, test.drawn, pad)
			}
			most = max(most, saved)
			t.Logf("%s, %d bytes of payload: %d bytes become %d, %d saved; the draft says %d", test.name, n, e.StandardBytes, e.DietBytes, saved, test.said)
		}
		if most < test.said && test.loss == 0 {
			t.Errorf("%s: %d bytes saved at most, the draft says %d", test.name, most, test.said)
		}
	}
}
