package safile

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/esp"
)

const gcmKey = "000102030405060708090a0b0c0d0e0f10111213"

const example = `[
  {"spi": "0x1001", "src": "2001:db8::1", "dst": "2001:db8::2", "mode": "tunnel",
   "encr": "aes128gcm16", "key": "` + gcmKey + `", "esn": true, "seq": 4294967296,
   "udp_encap": true, "window": 128, "max_packets": 10, "max_bytes": 1000,
   "ts_src": "2001:db8:1::/64", "ts_dst": "2001:db8:2::7", "comment": "up",
   "diet": {"alignment": "8 bit", "esp_spi_lsb": 8}},
  {"spi": 4098, "mode": "transport", "encr": "aes128cbc", "key": "000102030405060708090a0b0c0d0e0f",
   "auth": "sha256", "auth_key": "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "src": null},
  {"spi": 4099, "mode": "transport", "encr": "aes128gcm16", "key": "` + gcmKey + `", "auth": null, "auth_key": null},
  {"spi": 4100, "encr": null, "key": null}
]`

func TestLoad(t *testing.T) {
	f, err := Load([]byte(example), "sa.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.SAs) != 4 {
		t.Fatalf("%d SAs, want 4", len(f.SAs))
	}
	a, b := f.SAs[0], f.SAs[1]
	switch {
	case a.SPI != 0x1001, a.Src != netip.MustParseAddr("2001:db8::1"), a.Dst != netip.MustParseAddr("2001:db8::2"),
		a.Mode != esp.ModeTunnel, a.Algorithm.String() != "aes128gcm16", len(a.Key) != 20, !a.ESN, a.Seq != 1<<32,
		a.UDPPort != 4500, a.Window != 128, a.MaxPackets != 10, a.MaxBytes != 1000,
		a.TSSrc != netip.MustParsePrefix("2001:db8:1::/64"), a.TSDst != netip.MustParsePrefix("2001:db8:2::7/128"),
		string(a.Diet) != `{"alignment": "8 bit", "esp_spi_lsb": 8}`, a.Number() != 1:
		t.Errorf("first SA: %+v", a)
	}
	switch {
	case b.SPI != 4098, b.Src.IsValid(), b.Has("src"), b.Mode != esp.ModeTransport, b.Algorithm.String() != "aes128cbc-sha256",
		len(b.AuthKey) != 32, b.ESN, b.Seq != 0, b.Diet != nil, b.Number() != 2:
		t.Errorf("second SA: %+v", b)
	}
	for _, s := range f.SAs[:3] {
		if _, err := s.New(); err != nil {
			t.Error(err)
		}
	}
	if c := f.SAs[3]; c.Has("encr") || c.HasAlg {
		t.Errorf("null is as if the key were missing: %+v", c)
	}
}

// Every mistake is found, and the error says where it is and does not show keys.
func TestErrors(t *testing.T) {
	one := func(rest string) string { return "[\n  {\"spi\": 256, " + rest + "}]" }
	const gcm = `"encr": "aes128gcm16", `
	for _, tt := range []struct{ file, want string }{
		{``, "sa.json:1:1: the file ends early"},
		{`{}`, "sa.json:1:1: an SA file is a list of objects: [{\"spi\": ...}]"},
		{`[]`, "sa.json:1:1: the list is empty"},
		{`[1]`, "sa.json:1:2: SA 1: an SA is an object: {\"spi\": ...}"},
		{`[{"spi": 256}] 1`, "sa.json:1:16: something follows the list"},
		{`[{"spi": 256}`, "sa.json:1:14: the file ends early"},
		{"[{\"spi\": 256,\n \"esn\": tru}]", "sa.json:2:9: SA 1: not JSON: invalid character '}' in literal true (expecting 'e')"},
		{`[{"mode": "tunnel"}]`, "sa.json:1:2: SA 1: spi is missing"},
		{`[{"spi": "0x100000000"}]`, `sa.json:1:3: SA 1: spi: "0x100000000" is not a number of up to 32 bits`},
		{`[{"spi": 256}, {"spi": -1}]`, `sa.json:1:17: SA 2: spi: -1 is not a number of up to 32 bits`},
		{one(`"spi": 257`), `sa.json:2:16: SA 1: spi: given twice`},
		{one(`"colour": 1`), `sa.json:2:16: SA 1: colour: unknown key`},
		{one(`"src": "2001:db8::g"`), `sa.json:2:16: SA 1: src: "2001:db8::g" is not an IP address`},
		{one(`"src": "192.0.2.1", "dst": "2001:db8::1"`), `sa.json:2:36: SA 1: dst: src and dst are of two IP versions`},
		{one(`"mode": "tunel"`), `sa.json:2:16: SA 1: mode: "tunel" is not tunnel or transport`},
		{one(`"esn": 1`), `sa.json:2:16: SA 1: esn: 1 is not true or false`},
		{one(`"seq": 4294967296`), `sa.json:2:16: SA 1: seq: more than 32 bits, which needs "esn": true`},
		{one(`"key": "00"`), `sa.json:2:16: SA 1: key: without encr`},
		{one(`"encr": "rot13", "key": ""`), `sa.json:2:16: SA 1: encr: "rot13" is not known; names are such as aes128gcm16, aes256ccm8, chacha20poly1305iiv, aes128cbc and null`},
		{one(`"encr": "` + strings.Repeat("x", 1000) + `"`), `sa.json:2:16: SA 1: encr: "` + strings.Repeat("x", 40) + `" is not known; names are such as aes128gcm16, aes256ccm8, chacha20poly1305iiv, aes128cbc and null`},
		{one(`"encr": "aes128cbc", "key": ""`), `sa.json:2:16: SA 1: encr: "aes128cbc" needs "auth": "sha256"`},
		{one(gcm + `"auth": "sha256"`), `sa.json:2:39: SA 1: auth: "sha256" does not go with aes128gcm16`},
		{one(gcm + `"auth": "crc"`), `sa.json:2:39: SA 1: auth: "crc" is not known; there are sha256 and sha1`},
		{one(gcm + `"key": "0011223344556677"`), `sa.json:2:39: SA 1: key: 8 bytes, want 20: aes128gcm16 takes the cipher key followed by the salt`},
		{one(gcm + `"key": "5ecre7"`), `sa.json:2:39: SA 1: key: not hex: aes128gcm16 takes the cipher key followed by the salt`},
		{one(gcm), `sa.json:2:39: SA 1: not JSON: invalid character '}' looking for beginning of object key string`},
		{one(`"udp_encap": 0`), `sa.json:2:16: SA 1: udp_encap: 0 is not true, false or a port`},
		{one(`"window": 16`), `sa.json:2:16: SA 1: window: 16 is not 0 or 32 to 4096`},
		{one(`"ts_src": "2001:db8::/129"`), `sa.json:2:16: SA 1: ts_src: "2001:db8::/129" is not an IP prefix`},
		{one(`"diet": []`), `sa.json:2:16: SA 1: diet: not an object`},
	} {
		_, err := Load([]byte(tt.file), "sa.json")
		if err == nil || err.Error() != tt.want {
			t.Errorf("Load(%s)\n = %v,\nwant %s", tt.file, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "5ecre7") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

// What only some commands need is an error of New.
func TestNew(t *testing.T) {
	alg := `"encr": "aes128gcm16", "key": "` + gcmKey + `"`
	for _, tt := range []struct{ file, want string }{
		{`[{"spi": 256, ` + alg + `}]`, "1:2: SA 1: mode is missing"},
		{`[{"spi": 256, "mode": "tunnel"}]`, "1:2: SA 1: encr is missing"},
		{`[{"spi": 255, "mode": "tunnel", ` + alg + `}]`, "1:3: SA 1: spi: 255 is reserved; SPIs start at 256"},
		{`[{"spi": 256, "mode": "tunnel", "esn": true, "window": 0, ` + alg + `}]`, "1:46: SA 1: window: extended sequence numbers need a window"},
	} {
		f, err := Load([]byte(tt.file), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.SAs[0].New(); err == nil || err.Error() != tt.want {
			t.Errorf("%s: New: %v, want %s", tt.file, err, tt.want)
		}
	}
}

func TestAlgorithmNames(t *testing.T) {
	key := func(n int) string { return strings.Repeat("0b", n) }
	for _, tt := range []struct {
		encr, auth string
		key, akey  int
		want       string
	}{
		{"aes128gcm16", "none", 20, 0, "aes128gcm16"},
		{"AES256CCM8", "", 35, 0, "aes256ccm8"},
		{"chacha20poly1305", "", 36, 0, "chacha20poly1305"},
		{"aes192gcm16iiv", "", 28, 0, "aes192gcm16iiv"},
		{"aes128ctr", "sha256", 20, 32, "aes128ctr-sha256"},
		{"null", "sha256", 0, 32, "null-sha256"},
		{"aes128gmac", "", 20, 0, "aes128gmac"},
		{"null", "none", 0, 0, "null-none"},
	} {
		file := `[{"spi": 256, "encr": "` + tt.encr + `", "auth": "` + tt.auth + `", "key": "` + key(tt.key) + `", "auth_key": "` + key(tt.akey) + `"}]`
		f, err := Load([]byte(file), "")
		if err != nil {
			t.Errorf("Load(%s): %v", file, err)
			continue
		}
		a := f.SAs[0]
		if got := a.Algorithm.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", file, got, tt.want)
		}
		if _, err := a.Suite(); err != nil {
			t.Error(err)
		}
	}
	_, err := Load([]byte(`[{"spi": 256, "encr": "des"}]`), "")
	if !errors.Is(err, esp.ErrUnsupported) {
		t.Errorf("an unknown algorithm: %v, want %v", err, esp.ErrUnsupported)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sa.json")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	f, info, err := ReadFile(path, nil)
	if err != nil || len(f.SAs) != 4 || info == nil {
		t.Errorf("ReadFile = %v, %v, %v", f, info, err)
	}
	f, info, err = ReadFile("-", strings.NewReader(example))
	if err != nil || f.Name != "standard input" || info != nil {
		t.Errorf("ReadFile(-) = %v, %v, %v", f, info, err)
	}
	if _, _, err := ReadFile(path+"x", nil); err == nil {
		t.Error("a file that is not there: no error")
	}
	if _, err := Load(bytes.Repeat([]byte{' '}, MaxFileSize+1), "x"); err == nil {
		t.Error("a file that is too long: no error")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`[{"spi": 256}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Load(data, "f")
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Text == "" || e.Name != "f" {
				t.Fatalf("Load: %#v", err)
			}
			return
		}
		for i, a := range file.SAs {
			if a.Number() != i+1 {
				t.Fatalf("SA %d has number %d", i+1, a.Number())
			}
			if s, err := a.New(); err == nil && s.SPI != a.SPI {
				t.Fatal("another SPI")
			}
		}
	})
}
