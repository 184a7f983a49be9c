package esp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
)

const corpusDir = "../../shared/corpus"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustSuite(t testing.TB, encr, integ string, key, authKey []byte) *Suite {
	t.Helper()
	a, err := ParseAlgorithm(encr, integ)
	if err != nil {
		t.Fatalf("ParseAlgorithm(%q, %q): %v", encr, integ, err)
	}
	s := new(Suite)
	if err := s.Init(a, key, authKey); err != nil {
		t.Fatalf("%v: %v", a, err)
	}
	return s
}

// scapyCorpus is ../shared/corpus/esp_scapy.json.
type scapyCorpus struct {
	SAs []struct {
		SPI        uint32 `json:"spi"`
		Suite      string `json:"suite"`
		Mode       string `json:"mode"`
		ESN        bool   `json:"esn"`
		ESNHigh    uint64 `json:"esn_high"`
		ImplicitIV bool   `json:"implicit_iv"`
		EncKey     string `json:"enc_key"`
		Salt       string `json:"salt"`
		AuthKey    string `json:"auth_key"`
	} `json:"sas"`
	Packets []struct {
		N      int    `json:"n"`
		SPI    uint32 `json:"spi"`
		Seq    uint64 `json:"seq"`
		IV     string `json:"iv"`
		Inner  string `json:"inner"`
		Packet string `json:"packet"`
		Offset int    `json:"esp_offset"`
		ESP    string `json:"esp"`

		Summary string `json:"inner_summary"`
	} `json:"packets"`
}

func loadScapy(t testing.TB) *scapyCorpus {
	t.Helper()
	path := filepath.Join(corpusDir, "esp_scapy.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("%s is absent", path)
	}
	var c scapyCorpus
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// scapyNames splits "aes128-cbc-sha256" and its likes.
func scapyNames(suite string, implicit bool) (encr, integ string) {
	name := suite
	if name == "null-null" {
		return "null", "none"
	}
	if s, ok := strings.CutSuffix(name, "-sha1-96"); ok {
		return s, "sha1"
	}
	for _, tail := range []string{"-hmac-sha256-128", "-sha256-128", "-hmac-sha256", "-sha256"} {
		if s, ok := strings.CutSuffix(name, tail); ok {
			name, integ = s, "sha256"
			break
		}
	}
	if implicit {
		name += "iiv"
	}
	return name, integ
}

// Every packet that scapy sealed opens to the packet that it sealed, and with
// scapy's IV comes out as scapy's again.
func TestScapyCorpus(t *testing.T) {
	c := loadScapy(t)
	sas := map[uint32]*SA{}
	for i := range c.SAs {
		a := &c.SAs[i]
		encr, integ := scapyNames(a.Suite, a.ImplicitIV)
		suite := mustSuite(t, encr, integ, unhex(t, a.EncKey+a.Salt), unhex(t, a.AuthKey))
		s := new(SA)
		cfg := Config{SPI: a.SPI, Mode: ModeTunnel, ESN: a.ESN, Window: MaxWindow}
		if a.Mode == "transport" {
			cfg.Mode = ModeTransport
		}
		if a.ESN {
			cfg.Seq = a.ESNHigh << 32
		}
		if err := s.Init(cfg, suite); err != nil {
			t.Fatal(err)
		}
		sas[a.SPI] = s
	}
	opened := 0
	for i := range c.Packets {
		p := &c.Packets[i]
		s := sas[p.SPI]
		pkt, inner := unhex(t, p.Packet), unhex(t, p.Inner)
		got, err := s.AppendOpen(nil, pkt)
		if err != nil || !bytes.Equal(got, inner) {
			t.Errorf("packet %d (%v, %v, esn %v): AppendOpen(%x) = %x, %v, want %x", p.N, s.suite.Algorithm(), s.Mode, s.ESN, pkt, got, err, inner)
			continue
		}
		opened++
		if again, err := s.AppendOpen(nil, pkt); err != ErrReplay {
			t.Errorf("packet %d again: AppendOpen = %x, %v, want %v", p.N, again, err, ErrReplay)
		}
		// The body with the same IV.
		esp := unhex(t, p.ESP)
		body := append([]byte(nil), esp[8:]...)
		plain, err := s.suite.AppendOpen(nil, body, s.SPI, s.Last().Seq, s.ESN)
		if err != nil {
			t.Fatal(err)
		}
		iv := s.suite.IVLen()
		copy(body[iv:], plain)
		clear(body[iv+len(plain):])
		if err := s.suite.Seal(body, s.SPI, s.Last().Seq, s.ESN); err != nil || !bytes.Equal(body, esp[8:]) {
			t.Errorf("packet %d: Seal = %x, %v, want %x", p.N, body, err, esp[8:])
		}
	}
	t.Logf("%d of %d packets of %d SAs opened", opened, len(c.Packets), len(c.SAs))
	if opened != len(c.Packets) || opened == 0 {
		t.Errorf("%d of %d packets opened", opened, len(c.Packets))
	}
}

type strongSwanRun struct {
	Name     string `json:"name"`
	Pcap     string `json:"pcap"`
	Inner    string `json:"inner_pcap"`
	Proposal string `json:"proposal_esp"`
	EncI     string `json:"encryption_initiator_key"`
	EncR     string `json:"encryption_responder_key"`
	IntI     string `json:"integrity_initiator_key"`
	IntR     string `json:"integrity_responder_key"`
	SPIIn    string `json:"spi_in_A"`
	SPIOut   string `json:"spi_out_A"`
}

var strongSwanNames = map[string][2]string{
	"AES_GCM_16_128":                {"aes128gcm16", ""},
	"AES_GCM_16_256":                {"aes256gcm16", ""},
	"AES_CCM_16_128":                {"aes128ccm16", ""},
	"AES_CCM_8_128":                 {"aes128ccm8", ""},
	"AES_CBC_128/HMAC_SHA2_256_128": {"aes128cbc", "sha256"},
	"NULL/HMAC_SHA2_256_128":        {"null", "sha256"},
	"CHACHA20_POLY1305_256":         {"chacha20poly1305", ""},
	"CHACHA20_POLY1305":             {"chacha20poly1305", ""},
}

// ipPackets returns the IP packets of a capture.
func ipPackets(t testing.TB, path string) (list [][]byte) {
	t.Helper()
	r, err := pcapio.Open(path, nil)
	if err != nil {
		t.Skipf("%s is absent: %v", path, err)
	}
	defer r.Close()
	for {
		var p pcapio.Packet
		err := r.Next(&p)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := pcapio.Locate(p.Interface.LinkType, p.Data); ok {
			list = append(list, append([]byte(nil), p.Data[l.Off:l.Off+l.Len]...))
		}
	}
}

// Every ESP packet between two strongSwan peers opens to a packet that went in
// or came out at the ends.
func TestStrongSwan(t *testing.T) {
	path := filepath.Join(corpusDir, "strongswan", "keys.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("%s is absent", path)
	}
	var keys struct {
		Runs []strongSwanRun `json:"runs"`
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for _, run := range keys.Runs {
		t.Run(run.Name, func(t *testing.T) {
			dir := filepath.Dir(path)
			names, ok := strongSwanNames[strings.TrimSuffix(run.Proposal, "/NO_EXT_SEQ")]
			if !ok {
				t.Fatalf("unknown proposal %q", run.Proposal)
			}
			var d SAD
			for _, k := range [][3]string{{run.SPIOut, run.EncI, run.IntI}, {run.SPIIn, run.EncR, run.IntR}} {
				s := new(SA)
				spi := binary.BigEndian.Uint32(unhex(t, k[0]))
				if err := s.Init(Config{SPI: spi, Mode: ModeTunnel}, mustSuite(t, names[0], names[1], unhex(t, k[1]), unhex(t, k[2]))); err != nil {
					t.Fatal(err)
				}
				if err := d.Add(s); err != nil {
					t.Fatal(err)
				}
			}
			clear := map[string]int{}
			for _, p := range ipPackets(t, filepath.Join(dir, run.Inner)) {
				clear[string(p)]++
			}
			opened, other := 0, 0
			for _, p := range ipPackets(t, filepath.Join(dir, run.Pcap)) {
				got, s, err := d.AppendOpen(nil, p)
				if err == ErrNoSA {
					other++ // IKE
					continue
				}
				if err != nil {
					t.Errorf("AppendOpen(%x): %v", p, err)
					continue
				}
				if s.Last().Dummy {
					continue
				}
				if clear[string(got)] == 0 {
					t.Errorf("AppendOpen(%x) = %x, which is not a packet of the ends", p, got)
				}
				opened++
			}
			t.Logf("%d packets opened, %d others", opened, other)
			if opened == 0 {
				t.Error("no packet opened")
			}
		})
	}
}
