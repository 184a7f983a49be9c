package esp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func words(t testing.TB, s string) []byte {
	t.Helper()
	return unhex(t, strings.Join(strings.Fields(s), ""))
}

// RFC 3602, Section 4, and RFC 3686, Section 6: the ciphers alone, as the packets
// there have no ICV.
func TestCipherVectors(t *testing.T) {
	for _, tt := range []struct{ name, encr, key, iv, plain, cipher string }{
		{"RFC 3602, case 5", "aes128cbc", "90d382b4 10eeba7a d938c46c ec1a82bf", "e96e8c08 ab465763 fd098d45 dd3ff893",
			`08000ebd a70a0000 8e9c083d b95b0700 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627
			 28292a2b 2c2d2e2f 30313233 34353637 01020304 05060708 090a0b0c 0d0e0e01`,
			`f663c25d 325c18c6 a9453e19 4e120849 a4870b66 cc6b9965 330013b4 898dc856 a4699e52 3a55db08 0b59ec3a 8e4b7e52
			 775b07d1 db34ed9c 538ab50c 551b874a a269add0 47ad2d59 13ac19b7 cfbad4a6`},
		{"RFC 3602, case 6", "aes128cbc", "90d382b4 10eeba7a d938c46c ec1a82bf", "69d08df7 d203329d b093fc49 24e5bd80",
			"0800b5e8 a80a0500 a69c083d 0b660e00 77777777 77777777 77777777 01020201",
			"f5199588 1ec4e0c4 488987ce 742e8109 689bb379 d2d750c0 d915dca3 46a89f75"},
		{"RFC 3686, vector 1", "aes128ctr", "AE 68 52 F8 12 10 67 CC 4B F7 A5 76 55 77 F3 9E 00 00 00 30", "00 00 00 00 00 00 00 00",
			"53 69 6E 67 6C 65 20 62 6C 6F 63 6B 20 6D 73 67", "E4 09 5D 4F B7 A7 B3 79 2D 61 75 A3 26 13 11 B8"},
		{"RFC 3686, vector 2", "aes128ctr", "7E 24 06 78 17 FA E0 D7 43 D6 CE 1F 32 53 91 63 00 6C B6 DB", "C0 54 3B 59 DA 48 D9 0B",
			"00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F",
			"51 04 A1 06 16 8A 72 D9 79 0D 41 EE 8E DA D3 88 EB 2E 1E FC 46 DA 57 C8 FC E6 30 DF 91 41 BE 28"},
	} {
		s := mustSuite(t, tt.encr, "sha256", words(t, tt.key), make([]byte, 32))
		iv, plain, want := words(t, tt.iv), words(t, tt.plain), words(t, tt.cipher)
		got := bytes.Clone(plain)
		if s.crypt(got, iv, true); !bytes.Equal(got, want) {
			t.Errorf("%s: encrypts to %x, want %x", tt.name, got, want)
		}
		if s.crypt(got, iv, false); !bytes.Equal(got, plain) {
			t.Errorf("%s: decrypts to %x, want %x", tt.name, got, plain)
		}
	}
}

// RFC 7634, Appendix A: a whole packet in a tunnel.
const (
	rfc7634Key   = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f" + "a0a1a2a3"
	rfc7634Inner = "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
	rfc7634ESP   = "4500008c234500004032de5bcb007199cb00710501020304000000051011121314151617" +
		"24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0" +
		"76aaa8266b7fb0f7b11b369907e1ad43"
)

func TestRFC7634(t *testing.T) {
	s := mustSA(t, Config{SPI: 0x01020304, Mode: ModeTunnel, Src: AddrFromSlice([]byte{203, 0, 113, 153}), Dst: AddrFromSlice([]byte{203, 0, 113, 5}), Seq: 4},
		mustSuite(t, "chacha20poly1305", "", unhex(t, rfc7634Key), nil))
	got, err := s.AppendOpen(nil, unhex(t, rfc7634ESP))
	if err != nil || hex.EncodeToString(got) != rfc7634Inner {
		t.Errorf("AppendOpen = %x, %v, want %s", got, err, rfc7634Inner)
	}
}
