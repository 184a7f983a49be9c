package safile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

const session = `{
  "comment": "up", "format": "compact", "suite": "aes-ccm-8", "port": 5000,
  "up":   {"spi": "0x77010203", "key": "000102030405060708090a0b0c0d0e0f", "salt": "a0:a1:a2", "seq": 7},
  "down": {"spi": 263430, "key": "101112131415161718191a1b1c1d1e1f1011121314151617", "salt": "b0b1b2"},
  "headers": {"spi_bits": 3, "sn_bits": 8, "stream_sn_bits": 16}, "window": 128, "rekey_at": 1000, "trials": 2,
  "gpcomp": {"codec": "lzs", "threshold": 10, "max_len": 1000}
}`

func TestLoadSession(t *testing.T) {
	s, err := LoadSession([]byte(session), "s.json")
	if err != nil {
		t.Fatal(err)
	}
	up, down := s.SPIs()
	switch {
	case s.Format != sse.FormatCompact, s.Suite != sse.SuiteCCM8, s.Port != 5000, s.Up.SPI != 0x77010203, len(s.Up.Key) != 16,
		string(s.Up.Salt) != "\xa0\xa1\xa2", s.Up.Seq != 7, s.Down.SPI != 263430, len(s.Down.Key) != 24,
		*s.Headers != sse.Compression{SPIBits: 3, SNBits: 8, FlagC: true}, s.StreamBits != 16, s.Window != 128, s.RekeyAt != 1000, s.Trials != 2,
		*s.GPComp != SessionGPComp{"lzs", 10, 1000}, up != 0x010203, down != 263430, s.Direction(schc.DirDown) != &s.Down, !s.Has("up.seq"), s.Has("down.seq"):
		t.Errorf("%+v", s)
	}
	for _, d := range []schc.Direction{schc.DirUp, schc.DirDown} {
		a, err := s.Sender(d)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Receiver(d)
		if err != nil {
			t.Fatal(err)
		}
		var x, y sse.Session
		if err := errors.Join(x.Reset(a), y.Reset(b)); err != nil {
			t.Fatal(err)
		}
		pkt, err := x.AppendSeal(nil, []byte("payload"))
		if err != nil {
			t.Fatal(err)
		}
		if h, err := sse.ParseHeader(sse.FormatCompact, pkt); err != nil || d == schc.DirUp && h.Seq != 8 || d == schc.DirDown && h.Seq != 1 {
			t.Errorf("%+v, %v", h, err)
		}
		if got, err := y.AppendOpen(nil, pkt); err != nil || string(got) != "payload" {
			t.Errorf("%q, %v", got, err)
		}
	}
	path := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(path, []byte(session), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, info, err := ReadSession(path, nil); err != nil || info == nil || s.Name != path {
		t.Errorf("%+v, %v", s, err)
	}
	if s, info, err := ReadSession("-", strings.NewReader(session)); err != nil || info != nil || s.Name != "standard input" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, _, err := ReadSession(filepath.Join(path, "x"), nil); err == nil {
		t.Error("no error for a file that is not there")
	}
}

// Every mistake is found, and the error says where it is and does not show keys.
func TestSessionErrors(t *testing.T) {
	const key = `"key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2"`
	with := func(rest string) string {
		return "{\"suite\": \"aes-ccm-8\",\n \"up\": {\"spi\": 1, " + key + "}" + rest + "}"
	}
	for _, x := range []struct{ text, want string }{
		{`[]`, "s:1:1: a session file is an object"},
		{``, "s:1:1: the file ends early"},
		{`{"suite": "aes-ccm-8"`, "s:1:22: the file ends early"},
		{`{"suite": "aes-ccm-8"} x`, "s:1:24: something follows the object"},
		{`{"up": {"spi": 1}}`, "s:1:1: suite is missing"},
		{`{"suite": "aes-ccm-8"}`, "s:1:1: up and down are missing"},
		{`{"suite": "aes-gmac", "up": {"spi": 1}}`, `s:1:2: suite: "aes-gmac" is not aes-ccm-8`},
		{`{"suite": 10, "up": {"spi": 1}}`, `s:1:2: suite: not a string`},
		{with(`, "frob": 1`), "s:2:81: frob: unknown key"},
		{with(`, "down": {"frob": 1}`), "s:2:90: down.frob: unknown key"},
		{with(`, "down": 7`), "down: not an object"},
		{with(`, "down": {"spi": 1, "spi": 2}`), "down.spi: given twice"},
		{with(`, "up": {"spi": 1}`), "up: given twice"},
		{with(`, "format": "tiny"`), `format: "tiny" is not compact, large or extreme`},
		{with(`, "port": 0`), "port: 0 is not a port"},
		{with(`, "port": 65536`), "port: 65536 is not a port"},
		{with(`, "window": 31`), "window: 31 is not 32 to 4096"},
		{with(`, "window": 0`), "window: 0 is not a number of at least 1"},
		{with(`, "trials": 256`), "trials: 256 is not 1 to 255"},
		{with(`, "rekey_at": 1048576`), "rekey_at: more than the format's last Sequence Number, 1048575"},
		{with(`, "headers": {"sn_bits": 21}`), "headers.sn_bits: 21 is not 0 to 20"},
		{with(`, "headers": {"spi_bits": 25}`), "headers.spi_bits: 25 is not 0 to 24"},
		{with(`, "headers": {"flag_c": 1}`), "headers.flag_c: 1 is not true or false"},
		{with(`, "format": "large", "headers": {}`), "headers: only the compact format has compressed headers"},
		{with(`, "gpcomp": {}`), "gpcomp: codec is missing"},
		{with(`, "gpcomp": {"codec": "lzs"}, "headers": {"flag_c": false}`), "headers.flag_c: GPComp needs the flag C"},
		{with(`, "down": {"spi": 2, ` + key + `}`), "down.key: both directions have the same key and salt"},
		{with(`, "down": {"spi": 0}`), "down: spi is missing, or 0"},
		{with(`, "down": {"spi": "0xff000000"}`), "down.spi: nothing is left of it"},
		{with(`, "down": {"spi": 4294967296}`), "down.spi: 4294967296 is not a number of up to 32 bits"},
		{with(`, "down": {"spi": 2, "key": "00"}`), "down.key: 1 bytes, want 32; it may also have [16 24]"},
		{with(`, "down": {"spi": 2, "key": "deadbeefx"}`), "down.key: not hex"},
		{with(`, "down": {"spi": 2, "salt": "a0a1a2"}`), "down: key and salt go together"},
		{with(`, "down": {"spi": 2, "key": "101112131415161718191a1b1c1d1e1f", "salt": "a0a1a2a3"}`), "down.salt: 4 bytes; aes-ccm-8 takes 3"},
		{with(`, "down": {"spi": 2, "seq": 1048576}`), "down.seq: more than the format's last Sequence Number"},
	} {
		s, err := LoadSession([]byte(x.text), "s")
		var e *Error
		if !errors.As(err, &e) || s != nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %s", x.text, err, x.want)
			continue
		}
		for _, secret := range []string{"000102", "101112", "deadbeef"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%v shows a key", err)
			}
		}
	}
	if s, err := LoadSession([]byte(with(`, "port": null, "headers": null`)), "s"); err != nil || s.Has("port") || s.Headers != nil {
		t.Errorf("null: %+v, %v", s, err)
	}
	if _, err := LoadSession(make([]byte, MaxFileSize+1), "s"); err == nil {
		t.Error("no error for a file that is too long")
	}
}

// What a direction lacks is said when it is needed.
func TestSessionMissing(t *testing.T) {
	s, err := LoadSession([]byte(`{"suite": "aes-gcm-16", "up": {"spi": 1}}`), "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sender(schc.DirUp); err == nil || !strings.Contains(err.Error(), "up: key and salt are missing") {
		t.Error(err)
	}
	if _, err := s.Receiver(schc.DirDown); err == nil || !strings.Contains(err.Error(), "down is missing") {
		t.Error(err)
	}
	if s.Direction(schc.DirDown) != nil {
		t.Error("a direction that is not there")
	}
	s, err = LoadSession([]byte(`{"suite": "aes-ccm-8", "up": {"spi": 1, "key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2", "seq": 1048575}}`), "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sender(schc.DirUp); err == nil || !strings.Contains(err.Error(), "up.seq: the last Sequence Number is used") {
		t.Error(err)
	}
}

// FuzzSession: any file is an error or a session that can be used.
func FuzzSession(f *testing.F) {
	f.Add([]byte(session))
	f.Add([]byte(`{"suite": "aes-gcm-16", "format": "extreme", "down": {"spi": 1, "key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2a3"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := LoadSession(data, "s")
		if err != nil {
			return
		}
		for _, d := range []schc.Direction{schc.DirUp, schc.DirDown} {
			k := s.Direction(d)
			c, err := s.Sender(d)
			if (k == nil || k.Key == nil) != (err != nil) && (err == nil || !strings.Contains(err.Error(), "is used")) {
				t.Fatalf("%s: %v", data, err)
			}
			if err != nil {
				continue
			}
			var x sse.Session
			if err := x.Reset(c); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
		}
	})
}
