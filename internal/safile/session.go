package safile

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

// A Session is an SSE session of a session file:
//
//	{"format": "compact", "suite": "aes-ccm-8", "port": 5000,
//	 "up":   {"spi": "0x010203", "key": "0011..ff", "salt": "0a0b0c", "seq": 0},
//	 "down": {"spi": "0x040506", "key": "0011..fe", "salt": "0d0e0f"},
//	 "headers": {"spi_bits": 0, "sn_bits": 8}, "gpcomp": {"codec": "lzs"}}
//
// Zero values stand for keys that are missing.
type Session struct {
	Name       string
	Format     sse.Format // compact, if missing
	Suite      sse.Suite
	Port       uint16 // of the application, UDP and TCP
	Up, Down   SessionKey
	Headers    *sse.Compression // of datagrams; nil: headers are not compressed
	StreamBits uint8            // SNBits on streams
	GPComp     *SessionGPComp   // nil: payloads are not compressed
	Window     int
	RekeyAt    uint64
	Trials     uint8

	place scanner
	keys  map[string]int
}

// A SessionKey is one direction of a Session.
type SessionKey struct {
	SPI       uint32
	Key, Salt []byte // nil: only headers are compressed and restored
	Seq       uint64 // last Sequence Number used
}

// SessionGPComp is how payloads are compressed.
type SessionGPComp struct {
	Codec             string // its name
	Threshold, MaxLen int    // as in gpcomp.Association
}

// ReadSession reads the session file at path; "-" is stdin.
func ReadSession(path string, stdin io.Reader) (*Session, os.FileInfo, error) {
	data, name, info, err := read(path, stdin)
	if err != nil {
		return nil, nil, err
	}
	s, err := LoadSession(data, name)
	return s, info, err
}

// LoadSession reads a session file; name is for errors, which are *Error.
func LoadSession(data []byte, name string) (*Session, error) {
	s := &Session{Name: name, Format: sse.FormatCompact, StreamBits: 20, keys: map[string]int{}}
	if e := s.load(data); e != nil {
		return nil, e
	}
	return s, nil
}

func (s *Session) load(data []byte) *Error {
	s.place = *newScanner(data, s.Name)
	c := &s.place
	if len(data) > MaxFileSize {
		return &Error{Name: s.Name, Text: fmt.Sprintf("more than %d bytes", MaxFileSize)}
	}
	list, e := c.object("a session file is an object: {\"suite\": ...}")
	if e != nil {
		return e
	}
	if off := c.at(); off < len(data) {
		return c.errorf(off, "", "something follows the object")
	}
	if e := s.fill(c, "", list, s.members()); e != nil {
		return e
	}
	return s.check()
}

// sessionReader reads the value of one key; inner is for an object.
type sessionReader struct {
	read  func(raw []byte) error
	inner map[string]sessionReader
}

func value(read func(raw []byte) error) sessionReader { return sessionReader{read: read} }

func (s *Session) members() map[string]sessionReader {
	headers := func(set func(c *sse.Compression, v uint8), most uint32) sessionReader {
		return value(func(raw []byte) error {
			var v uint32
			if err := number(raw, 32, &v); err != nil {
				return err
			}
			if v > most {
				return fmt.Errorf("%d is not 0 to %d", v, most)
			}
			set(s.Headers, uint8(v))
			return nil
		})
	}
	return map[string]sessionReader{
		"format": value(func(raw []byte) error {
			return text(raw, &s.Format, named(sse.FormatCompact, sse.FormatLarge, sse.FormatExtreme), "compact, large or extreme")
		}),
		"suite": value(func(raw []byte) error {
			return text(raw, &s.Suite, named(sse.SuiteCCM8, sse.SuiteCCM16, sse.SuiteGCM8, sse.SuiteGCM16), "aes-ccm-8, aes-ccm-16, aes-gcm-8 or aes-gcm-16")
		}),
		"port": value(func(raw []byte) error {
			var v uint32
			if err := number(raw, 16, &v); err != nil || v == 0 {
				return fmt.Errorf("%.40s is not a port", raw)
			}
			s.Port = uint16(v)
			return nil
		}),
		"up":   {inner: s.Up.members()},
		"down": {inner: s.Down.members()},
		"headers": {inner: map[string]sessionReader{
			"spi_bits":       headers(func(c *sse.Compression, v uint8) { c.SPIBits = v }, 24),
			"sn_bits":        headers(func(c *sse.Compression, v uint8) { c.SNBits = v }, 20),
			"stream_sn_bits": headers(func(_ *sse.Compression, v uint8) { s.StreamBits = v }, 20),
			"flag_c":         value(func(raw []byte) error { return boolean(raw, &s.Headers.FlagC) }),
		}},
		"gpcomp": {inner: map[string]sessionReader{
			"codec":     value(func(raw []byte) error { return str(raw, &s.GPComp.Codec) }),
			"threshold": value(func(raw []byte) error { return positive(raw, &s.GPComp.Threshold) }),
			"max_len":   value(func(raw []byte) error { return positive(raw, &s.GPComp.MaxLen) }),
		}},
		"window":   value(func(raw []byte) error { return positive(raw, &s.Window) }),
		"rekey_at": value(func(raw []byte) error { return number(raw, 64, &s.RekeyAt) }),
		"trials": value(func(raw []byte) error {
			var v uint32
			if err := number(raw, 8, &v); err != nil || v == 0 {
				return fmt.Errorf("%.40s is not 1 to 255", raw)
			}
			s.Trials = uint8(v)
			return nil
		}),
		"comment": value(func(raw []byte) error { var c string; return str(raw, &c) }),
	}
}

func (k *SessionKey) members() map[string]sessionReader {
	return map[string]sessionReader{
		"spi":  value(func(raw []byte) error { return number(raw, 32, &k.SPI) }),
		"key":  value(func(raw []byte) error { return secretText(raw, &k.Key, 16, 24, 32) }),
		"salt": value(func(raw []byte) error { return secretText(raw, &k.Salt, 3, 4) }),
		"seq":  value(func(raw []byte) error { return number(raw, 64, &k.Seq) }),
	}
}

// named finds a value by its name.
func named[T fmt.Stringer](list ...T) func(string) (T, error) {
	return func(s string) (T, error) {
		for _, x := range list {
			if x.String() == s {
				return x, nil
			}
		}
		var none T
		return none, sse.ErrUnsupported
	}
}

func positive(raw []byte, v *int) error {
	var n uint32
	if err := number(raw, 31, &n); err != nil || n == 0 {
		return fmt.Errorf("%.40s is not a number of at least 1", raw)
	}
	*v = int(n)
	return nil
}

// secretText reads a string of hex digits of one of the lengths in bytes. The
// error does not show them.
func secretText(raw []byte, v *[]byte, lengths ...int) error {
	var s string
	if err := str(raw, &s); err != nil {
		return err
	}
	var err error
	for _, n := range lengths {
		if *v, err = secret(s, n); err == nil {
			return nil
		}
	}
	if len(lengths) > 1 {
		return fmt.Errorf("%v; it may also have %v", err, lengths[:len(lengths)-1])
	}
	return err
}

// fill reads the members of an object whose path is path.
func (s *Session) fill(c *scanner, path string, list []member, readers map[string]sessionReader) *Error {
	for _, m := range list {
		key := path + m.key
		r, known := readers[m.key]
		if !known {
			return c.errorf(m.off, key, "unknown key")
		}
		if string(m.raw) == "null" {
			continue // as if it were missing
		}
		s.keys[key] = m.off
		if r.inner == nil {
			if err := r.read(m.raw); err != nil {
				return c.errorf(m.off, key, "%v", err)
			}
			continue
		}
		switch key {
		case "headers":
			s.Headers = new(sse.Compression)
		case "gpcomp":
			s.GPComp = new(SessionGPComp)
		}
		in := c.inner(m)
		inner, e := in.object("not an object")
		if e != nil {
			e.Key = strings.TrimSuffix(key+"."+e.Key, ".")
			return e
		}
		if e := s.fill(in, key+".", inner, r.inner); e != nil {
			return e
		}
	}
	return nil
}

// check is about what depends on several keys.
func (s *Session) check() *Error {
	if !s.Has("suite") {
		return s.Errorf("", "suite is missing")
	}
	if !s.Has("up") && !s.Has("down") {
		return s.Errorf("", "up and down are missing")
	}
	for _, d := range []struct {
		name string
		k    *SessionKey
	}{{"up", &s.Up}, {"down", &s.Down}} {
		if e := s.checkKey(d.name, d.k); e != nil {
			return e
		}
	}
	if s.Up.Key != nil && slices.Equal(s.Up.Key, s.Down.Key) && slices.Equal(s.Up.Salt, s.Down.Salt) {
		return s.Errorf("down.key", "both directions have the same key and salt, and so the same nonces")
	}
	if s.Headers != nil && s.Format != sse.FormatCompact {
		return s.Errorf("headers", "only the compact format has compressed headers")
	}
	if s.GPComp != nil && s.GPComp.Codec == "" {
		return s.Errorf("gpcomp", "codec is missing")
	}
	if s.GPComp != nil && s.Headers != nil {
		if s.Has("headers.flag_c") && !s.Headers.FlagC {
			return s.Errorf("headers.flag_c", "GPComp needs the flag C")
		}
		s.Headers.FlagC = true
	}
	if s.Window != 0 && (s.Window < sse.MinWindow || s.Window > sse.MaxWindow) {
		return s.Errorf("window", "%d is not %d to %d", s.Window, sse.MinWindow, sse.MaxWindow)
	}
	if s.RekeyAt > s.Format.MaxSeq() {
		return s.Errorf("rekey_at", "more than the format's last Sequence Number, %d", s.Format.MaxSeq())
	}
	return nil
}

func (s *Session) checkKey(name string, k *SessionKey) *Error {
	if !s.Has(name) {
		return nil
	}
	switch {
	case s.Format.TruncateSPI(k.SPI) == 0 && k.SPI != 0:
		return s.Errorf(name+".spi", "nothing is left of it in the compact format, which has the lower 24 bits")
	case k.SPI == 0:
		return s.Errorf(name, "spi is missing, or 0")
	case (k.Key == nil) != (k.Salt == nil):
		return s.Errorf(name, "key and salt go together")
	case k.Salt != nil && len(k.Salt) != s.Suite.SaltLen():
		return s.Errorf(name+".salt", "%d bytes; %v takes %d", len(k.Salt), s.Suite, s.Suite.SaltLen())
	case k.Seq > s.Format.MaxSeq():
		return s.Errorf(name+".seq", "more than the format's last Sequence Number, %d", s.Format.MaxSeq())
	}
	return nil
}

// Has reports whether the file gives the key; those of inner objects have a path
// such as "up.spi".
func (s *Session) Has(key string) bool {
	_, ok := s.keys[key]
	return ok
}

// Errorf returns an error at a key, or at the beginning if there is no such key.
func (s *Session) Errorf(key, format string, args ...any) *Error {
	return s.place.errorf(s.keys[key], key, format, args...)
}

// Direction returns the keys of the packets in direction d; nil: the file has
// none.
func (s *Session) Direction(d schc.Direction) *SessionKey {
	name, k := "up", &s.Up
	if d == schc.DirDown {
		name, k = "down", &s.Down
	}
	if !s.Has(name) {
		return nil
	}
	return k
}

// SPIs returns the SPIs of both directions as headers have them, 0 for none.
func (s *Session) SPIs() (up, down uint32) {
	return s.Format.TruncateSPI(s.Up.SPI), s.Format.TruncateSPI(s.Down.SPI)
}

// Sender returns the configuration of the end that sends packets in direction d,
// without the other direction, headers and GPComp. An error says what is missing.
func (s *Session) Sender(d schc.Direction) (sse.Config, error) {
	c, k, err := s.config(d)
	if err != nil {
		return c, err
	}
	if k.Seq == s.Format.MaxSeq() {
		return c, s.Errorf(dirKey(d)+".seq", "the last Sequence Number is used; the session needs new keys")
	}
	c.Out, c.NextSeq, c.Dir = c.In, k.Seq+1, d
	c.In = sse.Key{}
	return c, nil
}

// Receiver is Sender for the end that receives them.
func (s *Session) Receiver(d schc.Direction) (sse.Config, error) {
	c, k, err := s.config(d)
	if err == nil {
		c.LastSeq, c.Dir = k.Seq, d.Reverse()
	}
	return c, err
}

func dirKey(d schc.Direction) string {
	if d == schc.DirDown {
		return "down"
	}
	return "up"
}

func (s *Session) config(d schc.Direction) (sse.Config, *SessionKey, error) {
	k := s.Direction(d)
	switch {
	case k == nil:
		return sse.Config{}, nil, s.Errorf("", "%s is missing", dirKey(d))
	case k.Key == nil:
		return sse.Config{}, nil, s.Errorf(dirKey(d), "key and salt are missing")
	}
	var block cipher.Block
	block, err := aes.NewCipher(k.Key)
	if err != nil {
		return sse.Config{}, nil, s.Errorf(dirKey(d)+".key", "%v", err)
	}
	return sse.Config{Format: s.Format, Suite: s.Suite, In: sse.Key{SPI: k.SPI, Block: block, Salt: k.Salt},
		Window: s.Window, RekeyAt: s.RekeyAt, Trials: s.Trials}, k, nil
}

// ParseSPI reads an SPI as it stands in JSON: a number, or a string of one in
// decimal or 0x and hex digits.
func ParseSPI(raw []byte) (uint32, error) {
	var v uint32
	if len(raw) == 0 {
		return 0, fmt.Errorf("is missing")
	}
	err := number(raw, 32, &v)
	return v, err
}
