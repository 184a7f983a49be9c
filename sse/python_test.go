package sse

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// python opens and seals with the cryptography package. A line of input is
//
//	open|seal AESGCM|AESCCM ICV KEY NONCE AAD TEXT
//
// and a line of output the result in hex.
const python = `
import sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESCCM
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
for line in sys.stdin:
    op, mode, icv, key, nonce, aad, text = line.rstrip("\n").split(" ")
    icv = int(icv)
    key, nonce, aad, text = (bytes.fromhex(x) for x in (key, nonce, aad, text))
    if mode == "AESCCM":
        c = AESCCM(key, tag_length=icv)
        print((c.encrypt if op == "seal" else c.decrypt)(nonce, text, aad).hex())
    elif op == "seal":
        out = AESGCM(key).encrypt(nonce, text, aad)
        print(out[:len(out) - 16 + icv].hex())
    else:
        d = Cipher(algorithms.AES(key), modes.GCM(nonce, text[-icv:], min_tag_length=8)).decryptor()
        d.authenticate_additional_data(aad)
        print((d.update(text[:-icv]) + d.finalize()).hex())
`

// TestPython: an independent implementation opens what is sealed here, and what
// it seals opens here, with the nonce and the associated data of the package
// comment.
func TestPython(t *testing.T) {
	const path = "/usr/bin/python3"
	if err := exec.Command(path, "-c", "import cryptography").Run(); err != nil {
		t.Skipf("%s with the package cryptography is absent", path)
	}
	type item struct {
		pkt, payload []byte
		b            *Session
		head         []byte
	}
	var in strings.Builder
	var items []item
	for _, f := range formats {
		for _, s := range suites {
			a, b := pair(t, f, s, nil)
			for seq := uint64(1); seq < 4; seq++ {
				if seq == 3 {
					a.out.next = f.MaxSeq() // a number of all bits
				}
				h, key, mode := Header{SPI: 0x010203}, hex.EncodeToString([]byte{1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}), "AESGCM"
				if s.SaltLen() == 3 {
					mode = "AESCCM"
				}
				payload := bytes.Repeat([]byte{byte(seq), 0x55}, int(seq)*9)
				h.Seq = a.out.next
				pkt := mustSeal(t, a, payload)
				salt := []byte{9, 8, 7, 6}[:s.SaltLen()]
				nonce := fmt.Sprintf("%x%016x", salt, h.Seq)
				fmt.Fprintf(&in, "open %s %d %s %s %x %x\n", mode, s.ICVLen(), key, nonce, pkt[:f.HeaderLen()], pkt[f.HeaderLen():])
				items = append(items, item{pkt: pkt, payload: payload})
				// The other way round, with another payload.
				h.Length = uint32(len(payload) + 1)
				head := slowHeader(f, h)
				payload = append(payload, 1)
				fmt.Fprintf(&in, "seal %s %d %s %s %x %x\n", mode, s.ICVLen(), key, nonce, head, payload)
				items = append(items, item{payload: payload, b: b, head: head})
			}
		}
	}
	cmd := exec.Command(path, "-c", python)
	cmd.Stdin = strings.NewReader(in.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(items) {
		t.Fatalf("%d lines for %d", len(lines), len(items))
	}
	for i, x := range items {
		text := mustHex(t, lines[i])
		if x.b == nil {
			if !bytes.Equal(text, x.payload) {
				t.Errorf("%x: python opens %x, want %x", x.pkt, text, x.payload)
			}
			continue
		}
		got, err := x.b.AppendOpen(nil, append(x.head, text...))
		if err != nil || !bytes.Equal(got, x.payload) {
			t.Errorf("AppendOpen(%x%x) = %x, %v, want %x", x.head, text, got, err, x.payload)
		}
	}
}
