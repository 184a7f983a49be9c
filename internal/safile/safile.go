package safile

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/schckit/schckit/esp"
)

// MaxFileSize bounds an SA file.
const MaxFileSize = 16 << 20

// A File is the SAs of a file, in its order.
type File struct {
	Name string
	SAs  []*SA
}

// An SA is one entry. Zero values stand for keys that are missing.
type SA struct {
	SPI        uint32
	Src, Dst   netip.Addr // the zero Addr: any
	Mode       esp.Mode
	HasAlg     bool // encr and key are there
	Algorithm  esp.Algorithm
	Key        []byte // cipher key, salt
	AuthKey    []byte
	ESN        bool
	Seq        uint64
	UDPPort    uint16 // both ports of UDP encapsulation
	Window     int    // as in esp.Config
	MaxPackets uint64
	MaxBytes   uint64
	// What a tunnel takes to seal: packets from and to these prefixes. The zero
	// Prefix: any.
	TSSrc, TSDst netip.Prefix
	// Diet is the object of Diet-ESP attributes as it stands in the file, nil if
	// there is none.
	Diet json.RawMessage

	place scanner        // where errors are
	off   int            // of the object
	keys  map[string]int // offsets of the keys
}

// ReadFile reads the SA file at path; "-" is stdin.
func ReadFile(path string, stdin io.Reader) (*File, os.FileInfo, error) {
	data, name, info, err := read(path, stdin)
	if err != nil {
		return nil, nil, err
	}
	file, err := Load(data, name)
	return file, info, err
}

// read reads a file of up to MaxFileSize bytes and one more.
func read(path string, stdin io.Reader) (data []byte, name string, info os.FileInfo, err error) {
	name, src := path, stdin
	if path == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, name, nil, err
		}
		defer f.Close()
		if info, err = f.Stat(); err != nil {
			return nil, name, nil, err
		}
		src = f
	}
	data, err = io.ReadAll(io.LimitReader(src, MaxFileSize+1))
	return data, name, info, err
}

// Load reads an SA file; name is for errors, which are *Error.
func Load(data []byte, name string) (*File, error) {
	f := &File{Name: name}
	if e := f.load(data); e != nil {
		return nil, e
	}
	return f, nil
}

func (f *File) load(data []byte) *Error {
	if len(data) > MaxFileSize {
		return &Error{Name: f.Name, Text: fmt.Sprintf("more than %d bytes", MaxFileSize)}
	}
	s := newScanner(data, f.Name)
	if e := s.delim('[', "an SA file is a list of objects: [{\"spi\": ...}]"); e != nil {
		return e
	}
	for s.dec.More() {
		s.sa++
		a := &SA{place: *s, off: s.at(), keys: map[string]int{}}
		list, e := s.object("an SA is an object: {\"spi\": ...}")
		if e != nil {
			return e
		}
		if e := a.fill(list); e != nil {
			return e
		}
		f.SAs = append(f.SAs, a)
	}
	s.sa = 0
	if e := s.delim(']', "the list does not end here"); e != nil {
		return e
	}
	if off := s.at(); off < len(data) {
		return s.errorf(off, "", "something follows the list")
	}
	if len(f.SAs) == 0 {
		return s.errorf(0, "", "the list is empty")
	}
	return nil
}

// reader reads the value of one key into a.
type reader func(a *SA, raw []byte) error

// readers are all keys but those of words, which depend on each other.
var readers = map[string]reader{
	"spi":         func(a *SA, raw []byte) error { return number(raw, 32, &a.SPI) },
	"src":         func(a *SA, raw []byte) error { return text(raw, &a.Src, netip.ParseAddr, "an IP address") },
	"dst":         func(a *SA, raw []byte) error { return text(raw, &a.Dst, netip.ParseAddr, "an IP address") },
	"mode":        func(a *SA, raw []byte) error { return text(raw, &a.Mode, parseMode, "tunnel or transport") },
	"esn":         func(a *SA, raw []byte) error { return boolean(raw, &a.ESN) },
	"seq":         func(a *SA, raw []byte) error { return number(raw, 64, &a.Seq) },
	"udp_encap":   readPort,
	"window":      readWindow,
	"max_packets": func(a *SA, raw []byte) error { return number(raw, 64, &a.MaxPackets) },
	"max_bytes":   func(a *SA, raw []byte) error { return number(raw, 64, &a.MaxBytes) },
	"ts_src":      func(a *SA, raw []byte) error { return text(raw, &a.TSSrc, parsePrefix, "an IP prefix") },
	"ts_dst":      func(a *SA, raw []byte) error { return text(raw, &a.TSDst, parsePrefix, "an IP prefix") },
	"comment":     func(a *SA, raw []byte) error { var s string; return str(raw, &s) },
	"diet":        readDiet,
}

// wordKeys are the keys that say what the algorithm and its keys are.
var wordKeys = [...]string{"encr", "key", "auth", "auth_key"}

// fill reads the keys of an object.
func (a *SA) fill(list []member) *Error {
	var words [4]string
	for _, m := range list {
		read, known := readers[m.key]
		word := slices.Index(wordKeys[:], m.key)
		if string(m.raw) == "null" && (known || word >= 0) {
			continue // as if it were missing
		}
		a.keys[m.key] = m.off
		var err error
		switch {
		case known:
			err = read(a, m.raw)
		case word >= 0:
			err = str(m.raw, &words[word])
		default:
			return a.Errorf(m.key, "unknown key")
		}
		if err != nil {
			return a.Errorf(m.key, "%v", err)
		}
	}
	if !a.Has("spi") {
		return a.Errorf("", "spi is missing")
	}
	if a.Src.IsValid() && a.Dst.IsValid() && a.Src.Is4() != a.Dst.Is4() {
		return a.Errorf("dst", "src and dst are of two IP versions")
	}
	if a.Seq > 1<<32-1 && !a.ESN {
		return a.Errorf("seq", "more than 32 bits, which needs \"esn\": true")
	}
	return a.algorithm(words)
}

// algorithm reads the values of wordKeys.
func (a *SA) algorithm(words [4]string) *Error {
	if !a.Has("encr") {
		for _, k := range wordKeys[1:] {
			if a.Has(k) {
				return a.Errorf(k, "without encr")
			}
		}
		return nil
	}
	auth := words[2]
	alg, err := esp.ParseAlgorithm(words[0], auth)
	if err != nil && strings.EqualFold(auth, "none") {
		alg, err = esp.ParseAlgorithm(words[0], "") // of an AEAD
	}
	if err != nil {
		return a.algorithmError(words[0], auth, err)
	}
	a.Algorithm = alg
	a.Key, err = secret(words[1], a.Algorithm.KeyLen())
	if err != nil {
		return a.Errorf("key", "%v: %v takes the cipher key followed by the salt", err, a.Algorithm)
	}
	a.AuthKey, err = secret(words[3], a.Algorithm.AuthKeyLen())
	if err != nil {
		return a.Errorf("auth_key", "%v", err)
	}
	a.HasAlg = true
	return nil
}

// algorithmError says which of encr and auth is wrong.
func (a *SA) algorithmError(encr, auth string, err error) *Error {
	var e *Error
	switch alg, _ := esp.ParseAlgorithm("null", auth); {
	case auth != "" && alg == (esp.Algorithm{}):
		e = a.Errorf("auth", "%.40q is not known; there are sha256 and sha1", auth)
	case err == esp.ErrUnsupported:
		e = a.Errorf("encr", "%.40q is not known; names are such as aes128gcm16, aes256ccm8, chacha20poly1305iiv, aes128cbc and null", encr)
	case auth == "":
		e = a.Errorf("encr", "%.40q needs \"auth\": \"sha256\"", encr)
	default:
		e = a.Errorf("auth", "%.40q does not go with %.40s", auth, encr)
	}
	e.Err = err
	return e
}

// Has reports whether the file gives the key.
func (a *SA) Has(key string) bool {
	_, ok := a.keys[key]
	return ok
}

// Number returns which SA of the file a is, from 1.
func (a *SA) Number() int { return a.place.sa }

// Errorf returns an error at a key of a, or at a itself if it has no such key.
func (a *SA) Errorf(key, format string, args ...any) *Error {
	off, ok := a.keys[key]
	if !ok {
		off = a.off
	}
	return a.place.errorf(off, key, format, args...)
}

// Config returns the configuration of the esp.SA. The error says what is missing
// or cannot be.
func (a *SA) Config() (esp.Config, error) {
	for _, k := range []string{"mode", "encr"} {
		if !a.Has(k) {
			return esp.Config{}, a.Errorf("", "%s is missing", k)
		}
	}
	if a.SPI < esp.MinSPI {
		return esp.Config{}, a.Errorf("spi", "%d is reserved; SPIs start at %d", a.SPI, esp.MinSPI)
	}
	if a.ESN && a.Window == esp.NoWindow {
		return esp.Config{}, a.Errorf("window", "extended sequence numbers need a window")
	}
	return esp.Config{
		SPI: a.SPI, Mode: a.Mode, Src: addr(a.Src), Dst: addr(a.Dst), ESN: a.ESN, Seq: a.Seq, Window: a.Window,
		SrcPort: a.UDPPort, DstPort: a.UDPPort, MaxPackets: a.MaxPackets, MaxBytes: a.MaxBytes,
	}, nil
}

// HeaderConfig returns what of the configuration concerns the ESP header, for use
// without keys; mode and algorithm may be missing.
func (a *SA) HeaderConfig() esp.Config {
	return esp.Config{SPI: a.SPI, Mode: a.Mode, Src: addr(a.Src), Dst: addr(a.Dst), ESN: a.ESN, Seq: a.Seq, Window: a.Window}
}

// Suite returns the algorithm with its keys.
func (a *SA) Suite() (*esp.Suite, error) {
	if !a.HasAlg {
		return nil, a.Errorf("", "encr is missing")
	}
	s := new(esp.Suite)
	if err := s.Init(a.Algorithm, a.Key, a.AuthKey); err != nil {
		e := a.Errorf("key", "%v", err)
		e.Err = err
		return nil, e
	}
	return s, nil
}

// New returns the esp.SA, one end of it.
func (a *SA) New() (*esp.SA, error) {
	c, err := a.Config()
	if err != nil {
		return nil, err
	}
	suite, err := a.Suite()
	if err != nil {
		return nil, err
	}
	s := new(esp.SA)
	if err := s.Init(c, suite); err != nil {
		e := a.Errorf("", "%v", err)
		e.Err = err
		return nil, e
	}
	return s, nil
}

func addr(a netip.Addr) esp.Addr { return esp.AddrFromSlice(a.AsSlice()) }

// number reads a number, or a string of one in decimal or 0x and hex digits.
func number[T uint32 | uint64](raw []byte, bits int, v *T) error {
	s := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
	}
	base, digits := 10, s
	if h, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok && raw[0] == '"' {
		base, digits = 16, h
	}
	n, err := strconv.ParseUint(digits, base, bits)
	if err != nil {
		return fmt.Errorf("%.40s is not a number of up to %d bits", raw, bits)
	}
	*v = T(n)
	return nil
}

func str(raw []byte, v *string) error {
	if raw[0] != '"' {
		return fmt.Errorf("not a string")
	}
	return json.Unmarshal(raw, v)
}

func boolean(raw []byte, v *bool) error {
	switch string(raw) {
	case "true":
		*v = true
	case "false":
		*v = false
	default:
		return fmt.Errorf("%.40s is not true or false", raw)
	}
	return nil
}

// text reads a string with parse.
func text[T any](raw []byte, v *T, parse func(string) (T, error), what string) error {
	var s string
	if err := str(raw, &s); err != nil {
		return err
	}
	x, err := parse(s)
	if err != nil {
		return fmt.Errorf("%.60q is not %s", s, what)
	}
	*v = x
	return nil
}

func parseMode(s string) (esp.Mode, error) {
	for _, m := range []esp.Mode{esp.ModeTunnel, esp.ModeTransport} {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, esp.ErrMalformed
}

// parsePrefix reads a prefix, or an address, which is a prefix of its length.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Prefix(a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// readPort reads udp_encap: true, false or a port.
func readPort(a *SA, raw []byte) error {
	var on bool
	if boolean(raw, &on) == nil {
		if on {
			a.UDPPort = esp.Port
		}
		return nil
	}
	var port uint32
	if err := number(raw, 16, &port); err != nil || port == 0 {
		return fmt.Errorf("%.40s is not true, false or a port", raw)
	}
	a.UDPPort = uint16(port)
	return nil
}

// readWindow reads window: packets, or 0 for none.
func readWindow(a *SA, raw []byte) error {
	var n uint32
	if err := number(raw, 32, &n); err != nil {
		return err
	}
	a.Window = int(n)
	switch {
	case n == 0:
		a.Window = esp.NoWindow
	case n < esp.MinWindow || n > esp.MaxWindow:
		return fmt.Errorf("%d is not 0 or %d to %d", n, esp.MinWindow, esp.MaxWindow)
	}
	return nil
}

func readDiet(a *SA, raw []byte) error {
	if raw[0] != '{' {
		return fmt.Errorf("not an object")
	}
	a.Diet = bytes.Clone(raw)
	return nil
}

// secret reads n bytes in hex, perhaps with 0x, blanks, colons or hyphens. The
// error does not show them.
func secret(s string, n int) ([]byte, error) {
	digits := strings.NewReplacer(":", "", "-", "", " ", "").Replace(strings.TrimPrefix(s, "0x"))
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("not hex")
	}
	if len(b) != n {
		return nil, fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	return b, nil
}
