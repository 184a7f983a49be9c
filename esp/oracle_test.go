package esp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
)

// oraclePacket is a packet that AppendSeal made, with all that another program
// needs to open it.
type oraclePacket struct {
	SPI     uint32 `json:"spi"`
	Seq     uint64 `json:"seq"`
	ESN     bool   `json:"esn"`
	Kind    string `json:"kind"`
	Scapy   string `json:"scapy"`
	IV      int    `json:"iv"`
	ICV     int    `json:"icv"`
	Key     string `json:"key"`
	Salt    string `json:"salt"`
	Auth    string `json:"auth"`
	AuthKey string `json:"auth_key"`
	Tunnel  bool   `json:"tunnel"`
	Offset  int    `json:"offset"`
	Packet  string `json:"packet"`

	alg   Algorithm
	inner []byte
	next  byte
}

// oraclePackets are packets of every algorithm in both modes and IP versions.
func oraclePackets(t *testing.T, r *rand.Rand) (list []oraclePacket) {
	kinds := map[kind]string{kindNull: "null", kindCBC: "cbc", kindCTR: "ctr", kindCCM: "ccm", kindAEAD: "gcm", kindGMAC: "gmac"}
	spi := uint32(0x2000)
	for _, a := range algorithms() {
		for i := 0; i < 8; i++ {
			v4, tunnel, esn := i&1 != 0, i&2 != 0, i&4 != 0
			key, authKey := randomBytes(r, a.KeyLen()), randomBytes(r, a.AuthKeyLen())
			suite := new(Suite)
			if err := suite.Init(a, key, authKey); err != nil {
				t.Fatal(err)
			}
			spi++
			c := Config{SPI: spi, Mode: ModeTransport, ESN: esn, Seq: uint64(r.Uint32() >> 1)}
			if esn {
				c.Seq |= uint64(r.Uint32()) << 32
			}
			inner, offset, src, dst := udp6(randomBytes(r, r.Intn(60))), 40, addr6a, addr6b
			if v4 {
				inner, offset, src, dst = udp4(randomBytes(r, r.Intn(60))), 20, addr4a, addr4b
			}
			// Ports that no dissector knows; the checksum is then not there.
			u := inner[offset:]
			copy(u, []byte{0xea, 0x60, 0xea, 0x61})
			if v4 {
				u[6], u[7] = 0, 0
			} else {
				u[6], u[7] = 0, 0
				binary.BigEndian.PutUint16(u[6:], udpChecksum(inner, 40))
			}
			p := oraclePacket{SPI: spi, ESN: esn, Kind: kinds[a.Encr.info().kind], IV: a.IVLen(), ICV: a.ICVLen(), Tunnel: tunnel,
				Offset: offset, AuthKey: hex.EncodeToString(authKey), alg: a, inner: inner, next: protoUDP}
			if tunnel {
				c.Mode, c.Src, c.Dst, p.next = ModeTunnel, src, dst, protoIPv6
				if v4 {
					p.next = protoIPv4
				}
			}
			n := len(key) - int(a.Encr.info().salt)
			p.Key, p.Salt = hex.EncodeToString(key[:n]), hex.EncodeToString(key[n:])
			p.Auth = a.Integ.info().name
			p.Scapy = scapyAlgorithm(a, esn)
			if strings.HasPrefix(a.String(), "chacha") {
				p.Kind = "chacha"
			}
			s := mustSA(t, c, suite)
			pkt, err := s.AppendSeal(nil, inner)
			if err != nil {
				t.Fatal(err)
			}
			p.Seq, p.Packet = s.Sent(), hex.EncodeToString(pkt)
			list = append(list, p)
		}
	}
	return list
}

// scapyAlgorithm is scapy's name, or "" for what it does not do rightly: implicit
// IVs, GCM with short ICVs, GMAC, ESN with an HMAC.
func scapyAlgorithm(a Algorithm, esn bool) string {
	switch {
	case a.Encr.Implicit() || esn && a.Integ != IntegNone:
	case a.Encr == EncrAESGCM16:
		return "AES-GCM"
	case a.Encr == EncrAESCCM8 || a.Encr == EncrAESCCM12 || a.Encr == EncrAESCCM16:
		return "AES-CCM"
	case a.Encr == EncrChaCha20Poly1305:
		return "CHACHA20-POLY1305"
	case a.Encr == EncrAESCBC:
		return "AES-CBC"
	case a.Encr == EncrAESCTR:
		return "AES-CTR"
	case a.Encr == EncrNull:
		return "NULL"
	}
	return ""
}

// What is sealed here opens in scapy and in python3-cryptography.
func TestPython(t *testing.T) {
	const python, seed = "/usr/bin/python3", 3
	if err := exec.Command(python, "-c", "import scapy, cryptography").Run(); err != nil {
		t.Skipf("%s with scapy and cryptography is absent", python)
	}
	list := oraclePackets(t, rand.New(rand.NewSource(seed)))
	var in bytes.Buffer
	for i := range list {
		b, err := json.Marshal(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(b, '\n'))
	}
	cmd := exec.Command(python, filepath.Join("testdata", "open.py"))
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(list) {
		t.Fatalf("%d lines of %d", len(lines), len(list))
	}
	scapy := 0
	for i, line := range lines {
		p := &list[i]
		words := strings.Fields(line)
		payload := p.inner
		if !p.Tunnel {
			payload = p.inner[p.Offset:]
		}
		if want := fmt.Sprintf("%02x%x", p.next, payload); words[1] != want {
			t.Errorf("%v, esn %v: cryptography opens %s to %s, want %s", p.alg, p.ESN, p.Packet, words[1], want)
		}
		if words[0] == "-" {
			continue
		}
		scapy++
		if want := hex.EncodeToString(p.inner); words[0] != want {
			t.Errorf("%v, esn %v, tunnel %v: scapy opens %s to %s, want %s", p.alg, p.ESN, p.Tunnel, p.Packet, words[0], want)
		}
	}
	t.Logf("%d packets opened by cryptography, %d by scapy", len(list), scapy)
}

// tsharkNames are tshark's names of the algorithms it knows.
func tsharkNames(p *oraclePacket) (encr, auth string) {
	auth = map[Integ]string{IntegNone: "NULL", IntegHMACSHA196: "HMAC-SHA-1-96 [RFC2404]", IntegHMACSHA2256128: "HMAC-SHA-256-128 [RFC4868]"}[p.alg.Integ]
	switch p.alg.Encr {
	case EncrNull:
		encr = "NULL"
	case EncrAESCBC:
		encr = "AES-CBC [RFC3602]"
	case EncrAESCTR:
		encr = "AES-CTR [RFC3686]"
	case EncrAESGCM8, EncrAESGCM12, EncrAESGCM16, EncrAESGCM8IIV, EncrAESGCM12IIV, EncrAESGCM16IIV:
		encr = fmt.Sprintf("AES-GCM with %d octet ICV [RFC4106]", p.ICV)
	}
	return encr, auth
}

// explicit puts the IV of an implicit-IV packet behind the sequence number: the
// nonce is the same, so that any program opens it.
func explicit(t *testing.T, p *oraclePacket) []byte {
	pkt := unhex(t, p.Packet)
	if !p.alg.Encr.Implicit() {
		return pkt
	}
	at := p.Offset + 8
	out := append(binary.BigEndian.AppendUint64(bytes.Clone(pkt[:at]), p.Seq), pkt[at:]...)
	pl := place{v4: pkt[0]>>4 == 4}
	pl.setLength(out)
	return out
}

// What is sealed here opens in tshark.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is absent")
	}
	const seed = 4
	path := filepath.Join(t.TempDir(), "esp.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := pcapio.NewWriter(f, pcapio.Format{SnapLen: 65535}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeRaw, Resolution: pcapio.Micro}); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", path, "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
		"-T", "fields", "-e", "esp.spi", "-e", "esp.contained_data", "-e", "esp.icv_good"}
	want := map[string]*oraclePacket{}
	list := oraclePackets(t, rand.New(rand.NewSource(seed)))
	for i := range list {
		p := &list[i]
		encr, auth := tsharkNames(p)
		if encr == "" {
			continue
		}
		spi := fmt.Sprintf("0x%08x", p.SPI)
		want[spi] = p
		pkt := explicit(t, p)
		version := map[bool]string{true: "IPv4", false: "IPv6"}[pkt[0]>>4 == 4]
		hexed := func(s string) string {
			if s == "" {
				return ""
			}
			return "0x" + s
		}
		args = append(args, "-o", fmt.Sprintf(`uat:esp_sa:"%s","*","*","%s","%s","%s","%s","%s"`, version, spi, encr, hexed(p.Key+p.Salt), auth, hexed(p.AuthKey)))
		if err := w.WritePacket(0, &pcapio.Packet{Data: pkt, OrigLen: uint32(len(pkt)), Interface: &pcapio.Interface{Resolution: pcapio.Micro}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	seen, verified := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Split(line, "\t")
		p := want[words[0]]
		if p == nil || len(words) != 3 {
			t.Errorf("line %q", line)
			continue
		}
		seen++
		payload := p.inner
		if !p.Tunnel {
			payload = p.inner[p.Offset:]
		}
		if data := strings.ReplaceAll(words[1], ":", ""); data != hex.EncodeToString(payload) {
			t.Errorf("%v, esn %v: tshark finds %s, want %x", p.alg, p.ESN, data, payload)
		}
		// It does not know the high half that is authenticated with ESN.
		if good := words[2] == "1" || words[2] == "True"; good {
			verified++
		} else if !p.ESN {
			t.Errorf("%v: tshark does not verify %s: %q", p.alg, p.Packet, line)
		}
	}
	t.Logf("%d packets opened by tshark, the ICV of %d verified", seen, verified)
	if seen != len(want) || seen == 0 {
		t.Errorf("%d packets of %d", seen, len(want))
	}
}
