package dietesp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// python seals with the cryptography package what is left of a packet of which
// the Rules elide all headers. A line of input is
//
//	AESGCM|AESCCM|CHACHA ICV KEY SALT SPI SEQ ESN PAYLOAD
//
// and a line of output IV-less ciphertext and ICV in hex: the nonce is salt and 64
// bits of Sequence Number (RFC 8750, Section 4), the associated data the whole SPI
// and Sequence Number (RFC 4106, Section 5).
const python = `
import sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESCCM, ChaCha20Poly1305
for line in sys.stdin:
    mode, icv, key, salt, spi, seq, esn, text = line.rstrip("\n").split(" ")
    key, salt, text = (bytes.fromhex(x) for x in (key, salt, text))
    spi, seq = int(spi), int(seq)
    c = {"AESGCM": lambda: AESGCM(key), "AESCCM": lambda: AESCCM(key, tag_length=int(icv)), "CHACHA": lambda: ChaCha20Poly1305(key)}[mode]()
    aad = spi.to_bytes(4, "big") + (seq.to_bytes(8, "big") if esn == "1" else seq.to_bytes(4, "big"))
    print(c.encrypt(salt + seq.to_bytes(8, "big"), text, aad).hex())
`

// TestPython: what goes over the wire is the low bits of the Sequence Number and
// what an independent implementation encrypts: the payload, nothing else.
func TestPython(t *testing.T) {
	const path = "/usr/bin/python3"
	if err := exec.Command(path, "-c", "import cryptography").Run(); err != nil {
		t.Skipf("%s with the package cryptography is absent", path)
	}
	var in strings.Builder
	var want [][]byte // what stands in front of the ciphertext
	var got [][]byte
	pkt := benchPacket()
	copy(pkt[48:], "a payload that is not all zero")
	putChecksum(pkt, 40, protoUDP)
	for _, x := range []struct{ name, mode string }{
		{"aes128gcm16iiv", "AESGCM"}, {"aes128ccm8iiv", "AESCCM"}, {"chacha20poly1305iiv", "CHACHA"},
	} {
		alg := mustAlgorithm(x.name)
		key := make([]byte, alg.KeyLen())
		for i := range key {
			key[i] = byte(i + 1)
		}
		salt := 4
		if x.mode == "AESCCM" {
			salt = 3
		}
		for _, esn := range []bool{false, true} {
			for _, seq := range []uint64{0, 255, 0x01020303, 0xfffffffe, 0x0102030405060708} {
				if !esn && seq > 0xfffffffe {
					continue
				}
				c := benchConfig
				c.ESN, c.Seq = esn, seq
				a := iotAttributes(4, 12)
				wire := seal(t, mustSA(t, c, alg, a), pkt)
				n := map[bool]int{true: 1}[esn]
				fmt.Fprintf(&in, "%s %d %x %x %d %d %d %x\n", x.mode, alg.ICVLen(), key[:len(key)-salt], key[len(key)-salt:], c.SPI, seq+1, n, pkt[48:])
				want = append(want, []byte{byte(c.SPI)<<4 | byte((seq+1)>>8)&15, byte(seq + 1)})
				got = append(got, wire[40:])
				if !bytes.Equal(wire[8:40], append(append([]byte(nil), c.Src.Bytes()...), c.Dst.Bytes()...)) || wire[6] != Protocol {
					t.Fatalf("outer header %x", wire[:40])
				}
			}
		}
	}
	cmd := exec.Command(path, "-c", python)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(got) {
		t.Fatalf("%d lines for %d packets", len(lines), len(got))
	}
	for i, line := range lines {
		text, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		if w := append(want[i], text...); !bytes.Equal(got[i], w) {
			t.Errorf("packet %d: %x behind the outer header, want %x", i, got[i], w)
		}
	}
}
