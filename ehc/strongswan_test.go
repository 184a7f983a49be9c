package ehc_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/ikemsg"
	"github.com/schckit/schckit/internal/pcapio"
)

// ikeMessages returns the IKE messages of a capture, on UDP ports 500 and 4500.
func ikeMessages(t *testing.T, path string) (list [][]byte) {
	t.Helper()
	r, err := pcapio.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		var p pcapio.Packet
		if err := r.Next(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		l, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
		if !ok {
			continue
		}
		b := p.Data[l.Off : l.Off+l.Len]
		if b[0]>>4 != 4 || b[9] != 17 {
			continue
		}
		udp := b[int(b[0]&15)*4:]
		port := int(udp[2])<<8 | int(udp[3])
		data := udp[8:]
		if port == 4500 && len(data) > 4 && bytes.Equal(data[:4], make([]byte, 4)) {
			list = append(list, bytes.Clone(data[4:]))
		} else if port == 500 {
			list = append(list, bytes.Clone(data))
		}
	}
}

type ikeRun struct {
	Name     string `json:"name"`
	Pcap     string `json:"pcap"`
	IKE      string `json:"proposal_ike"`
	ESP      string `json:"proposal_esp"`
	SKd      string `json:"sk_d"`
	SKei     string `json:"sk_ei"`
	SKer     string `json:"sk_er"`
	EncI     string `json:"encryption_initiator_key"`
	EncR     string `json:"encryption_responder_key"`
	IntegI   string `json:"integrity_initiator_key"`
	IntegR   string `json:"integrity_responder_key"`
	In       string `json:"spi_in_A"`
	Out      string `json:"spi_out_A"`
	messages [][]byte
}

func ikeRuns(t *testing.T) []ikeRun {
	const dir = "../../shared/corpus/strongswan"
	data, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Skip("strongswan/keys.json is absent")
	}
	var keys struct {
		Runs []ikeRun `json:"runs"`
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for i := range keys.Runs {
		keys.Runs[i].messages = ikeMessages(t, filepath.Join(dir, keys.Runs[i].Pcap))
	}
	return keys.Runs
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestStrongSwan: from what two strongSwan peers said to each other comes the
// Child SA that they had: algorithm, SPIs and keys.
func TestStrongSwan(t *testing.T) {
	runs := ikeRuns(t)
	for _, run := range runs {
		var nonces [2][]byte
		var auth [2][]byte // payloads of IKE_AUTH
		var first [2]uint8
		var dump []string
		for _, m := range run.messages {
			h, payloads, err := ikemsg.Parse(m)
			if err != nil {
				t.Fatalf("%s: Parse(%x): %v", run.Name, m, err)
			}
			side, key := 0, run.SKei
			if h.Response() {
				side, key = 1, run.SKer
			}
			switch h.Exchange {
			case ikemsg.ExchangeSAInit:
				l := ehc.NewPayloads(h.Next, payloads)
				for {
					p, ok, err := l.Next()
					if err != nil {
						t.Fatalf("%s: %v", run.Name, err)
					}
					if !ok {
						break
					}
					if p.Type == ehc.PayloadNonce {
						nonces[side] = p.Body
					}
				}
			case ikemsg.ExchangeAuth:
				first[side], auth[side], err = ikemsg.Open(m, ikemsg.Keys{Encr: unhex(t, key)})
				if err != nil {
					t.Fatalf("%s: Open(%x): %v", run.Name, m, err)
				}
				dump = append(dump, hex.EncodeToString(auth[side]))
			}
		}
		if nonces[0] == nil || nonces[1] == nil || auth[0] == nil || auth[1] == nil {
			t.Fatalf("%s: the exchange is not whole", run.Name)
		}
		alg := swanAlgorithm(t, run.ESP)
		in := unhex(t, run.In)
		any4 := []ehc.Selector{{Type: ehc.TSIPv4Range, EndPort: 0xffff, Start: esp.AddrFromSlice(make([]byte, 4)), End: esp.AddrFromSlice([]byte{255, 255, 255, 255})}}
		policy := ehc.ChildPolicy{SPI: uint32(in[0])<<24 | uint32(in[1])<<16 | uint32(in[2])<<8 | uint32(in[3]), Algorithms: []esp.Algorithm{alg}, Local: any4, Remote: any4}
		c, err := policy.Accept(first[0], auth[0], first[1], auth[1])
		if err != nil {
			t.Errorf("%s: Accept(%s): %v", run.Name, dump, err)
			continue
		}
		if c.Algorithm != alg || fmt.Sprintf("%08x", c.OutSPI) != run.Out || c.ESN || c.Mode != esp.ModeTunnel || len(c.Local) != 2 || len(c.Remote) != 2 {
			t.Errorf("%s: %v, SPI %08x, selectors %v and %v", run.Name, c.Algorithm, c.OutSPI, c.Local, c.Remote)
		}
		keymat, err := ehc.AppendKeymat(nil, c.KeymatLen(), hmac.New(sha256.New, unhex(t, run.SKd)), nonces[0], nonces[1])
		if err != nil {
			t.Fatal(err)
		}
		out, inKeys, err := c.Split(keymat)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(out.Encr) != run.EncI || hex.EncodeToString(inKeys.Encr) != run.EncR ||
			hex.EncodeToString(out.Auth) != run.IntegI || hex.EncodeToString(inKeys.Auth) != run.IntegR {
			t.Errorf("%s: keys %x and %x, want %s %s and %s %s", run.Name, out, inKeys, run.EncI, run.IntegI, run.EncR, run.IntegR)
		}
	}
	t.Logf("%d exchanges", len(runs))
}

// swanAlgorithm reads strongSwan's name of a proposal.
func swanAlgorithm(t *testing.T, s string) esp.Algorithm {
	t.Helper()
	name, _, _ := strings.Cut(s, "/NO_EXT_SEQ")
	for text, a := range map[string]esp.Algorithm{
		"AES_GCM_16_128":                {Encr: esp.EncrAESGCM16, KeyBits: 128},
		"AES_GCM_16_256":                {Encr: esp.EncrAESGCM16, KeyBits: 256},
		"AES_CCM_16_128":                {Encr: esp.EncrAESCCM16, KeyBits: 128},
		"AES_CCM_8_128":                 {Encr: esp.EncrAESCCM8, KeyBits: 128},
		"AES_CBC_128/HMAC_SHA2_256_128": {Encr: esp.EncrAESCBC, KeyBits: 128, Integ: esp.IntegHMACSHA2256128},
		"NULL/HMAC_SHA2_256_128":        {Encr: esp.EncrNull, Integ: esp.IntegHMACSHA2256128},
	} {
		if name == text {
			return a
		}
	}
	t.Fatalf("%s is not known", s)
	return esp.Algorithm{}
}
