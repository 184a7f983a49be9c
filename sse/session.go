package sse

import (
	"crypto/cipher"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/seqno"
	"github.com/schckit/schckit/schc"
)

// Key is what one direction of a session has of its own: SPIs are typically
// unidirectional (draft-moskowitz-sse-05, Section 5.4). No two directions or
// sessions may share key and salt, as they would share nonces; for the same
// reason one key has one sender, also in a multicast group.
type Key struct {
	// SPI is the one that the key management agreed on, of 32 bits, without
	// regard to the format. Neither it nor what is left of it in the compact
	// format may be 0.
	SPI uint32
	// Block is AES with the key of 128, 192 or 256 bits, of crypto/aes or of a
	// board's own engine. nil: the session does not have this direction.
	Block cipher.Block
	// Salt is the beginning of the nonces, Suite.SaltLen() bytes: the last
	// bytes of the keying material, as in RFC 4106, Section 8.1.
	Salt []byte
}

// Config configures a Session.
type Config struct {
	Format Format // 0: FormatCompact
	Suite  Suite  // required
	Out    Key    // what this end sends with; one of both directions may be absent
	In     Key    // what it receives with

	// NextSeq is the Sequence Number of the first packet to send. 0: 1. After a
	// restart with old keys it must be above all numbers ever used.
	NextSeq uint64
	// LastSeq is the largest Sequence Number received before a restart; only
	// larger ones are accepted then. 0: none.
	LastSeq uint64
	// RekeyAt is the Sequence Number from which on NeedRekey reports true, in
	// either direction. 0: 7/8 of the format's numbers.
	RekeyAt uint64
	// Window is the size of the replay window: how far behind the largest
	// number received a packet may arrive, MinWindow to MaxWindow. 0: 64.
	Window int
	// Memory is that of the window, WindowWords(Window) words. nil: windows of
	// up to 64 need none, for others it is allocated.
	Memory []uint64
	// InOrder accepts increasing numbers only, as they come over a single
	// reliable transport: the window is not used.
	InOrder bool

	// CompressOut compresses the payloads that are sent and sets the flag C for
	// those that became smaller (GPComp, the implied form); CompressIn restores
	// payloads that have the flag. nil: such payloads are not sent, or refused.
	CompressOut, CompressIn *gpcomp.Association

	// Headers compresses the headers, in the compact format. nil: they are sent
	// as they are. FlagC must be set if CompressOut or the peer's is.
	Headers *Compression
	// Trials is how many Sequence Numbers are tried at most for a packet whose
	// header has only the low-order bits of it, 1 to 255: the likely ones first.
	// Each costs a decryption. 0: 4.
	Trials uint8
	// Dir is the direction of the packets that this end sends, in the sense of
	// the Rules. 0: DirUp; the other end then has DirDown.
	Dir schc.Direction
	// Context is the compiled Rule of Headers, if that was compiled before: see
	// Compression.NewContext. nil: it is compiled, which needs a heap.
	Context *schc.Context
}

// Sizes of the replay window, in packets.
const (
	DefaultWindow = 64
	MinWindow     = seqno.MinWindow
	MaxWindow     = seqno.MaxWindow
)

// WindowWords returns the words of memory for a window of size packets.
func WindowWords(size int) int { return seqno.Words(size) }

const defaultTrials = 4

// A Session is what both directions of an SSE session keep at this end. It is
// caller-owned memory for one goroutine: var s Session; s.Reset(cfg).
type Session struct {
	format  Format
	suite   Suite
	rekeyAt uint64
	out     outbound
	in      inbound
	headers Headers
	shrink  bool // headers are compressed
	trials  uint8
	head    [MaxHeaderLen]byte // the header at work
}

// outbound is the sending direction.
type outbound struct {
	aead
	on     bool
	spi    uint32
	next   uint64 // 0: all numbers are used
	gpcomp *gpcomp.Association
}

// inbound is the receiving direction.
type inbound struct {
	aead
	on      bool
	inOrder bool
	spi     uint32
	window  seqno.Window
	words   [2]uint64 // memory of a window of the default size
	gpcomp  *gpcomp.Association
	last    Header // of what was opened
}

// fresh reports whether a packet with this number may be accepted.
func (i *inbound) fresh(seq uint64) bool {
	return i.window.Fresh(seq) && (!i.inOrder || seq > i.window.Edge())
}

// Reset makes s the session that cfg describes. ErrMalformed says that a value
// is out of range or missing, ErrUnsupported that format or suite is not
// possible, ErrRefused that GPComp needs a flag that Headers elides. A Session
// must not be copied. Cost: an AES-GCM key is expanded for each direction, and
// the Rule is compiled.
func (s *Session) Reset(cfg Config) error {
	*s = Session{}
	if cfg.Format == 0 {
		cfg.Format = FormatCompact
	}
	if !cfg.Format.Valid() || !cfg.Suite.Valid() {
		return ErrUnsupported
	}
	if e := cfg.check(); e != 0 {
		return e
	}
	if err := s.reset(&cfg); err != nil {
		*s = Session{}
		return err
	}
	return nil
}

func (s *Session) reset(cfg *Config) error {
	s.format, s.suite = cfg.Format, cfg.Suite
	if s.trials = cfg.Trials; s.trials == 0 {
		s.trials = defaultTrials
	}
	s.rekeyAt = cfg.RekeyAt
	if s.rekeyAt == 0 {
		s.rekeyAt = cfg.Format.MaxSeq() - cfg.Format.MaxSeq()/8
	}
	if cfg.Out.Block != nil {
		if err := s.out.reset(cfg.Suite, &cfg.Out); err != nil {
			return err
		}
		s.out.on, s.out.spi, s.out.gpcomp = true, cfg.Format.TruncateSPI(cfg.Out.SPI), cfg.CompressOut
		s.out.next = max(cfg.NextSeq, 1)
	}
	if cfg.In.Block != nil {
		if err := s.in.reset(cfg.Suite, &cfg.In); err != nil {
			return err
		}
		s.in.on, s.in.spi, s.in.gpcomp = true, cfg.Format.TruncateSPI(cfg.In.SPI), cfg.CompressIn
		if !s.in.resetWindow(cfg) {
			return ErrMalformed
		}
	}
	if cfg.Headers != nil {
		return s.resetHeaders(cfg)
	}
	return nil
}

// resetWindow reports whether size and memory of the window are right.
func (i *inbound) resetWindow(cfg *Config) bool {
	size, memory := cfg.Window, cfg.Memory
	if size == 0 {
		size = DefaultWindow
	}
	if memory == nil {
		if memory = i.words[:]; seqno.Words(size) > len(memory) {
			memory = bitio.Words(seqno.Words(size))
		}
	}
	i.inOrder = cfg.InOrder
	if !i.window.Init(size, memory) {
		return false
	}
	i.window.Reset(cfg.LastSeq)
	return true
}

// check returns what is wrong with the values themselves.
func (c *Config) check() Error {
	switch {
	case c.Out.Block == nil && c.In.Block == nil,
		c.Out.Block != nil && c.Format.TruncateSPI(c.Out.SPI) == 0,
		c.In.Block != nil && c.Format.TruncateSPI(c.In.SPI) == 0,
		c.Window != 0 && (c.Window < MinWindow || c.Window > MaxWindow),
		c.NextSeq > c.Format.MaxSeq() || c.LastSeq > c.Format.MaxSeq() || c.RekeyAt > c.Format.MaxSeq(),
		c.Dir > schc.DirDown:
		return ErrMalformed
	case c.Headers != nil && c.Format != FormatCompact:
		return ErrUnsupported // the drafts compress no other
	case c.Headers != nil && c.CompressOut != nil && !c.Headers.FlagC:
		return ErrRefused // C would be lost
	}
	return 0
}

func (s *Session) resetHeaders(cfg *Config) error {
	up, down, dir := s.out.spi, s.in.spi, schc.DirUp
	if cfg.Dir == schc.DirDown {
		up, down, dir = down, up, schc.DirDown
	}
	ctx := cfg.Context
	if ctx == nil {
		var err error
		if ctx, err = cfg.Headers.NewContext(up, down); err != nil {
			return err
		}
	}
	s.shrink = true
	return s.headers.Reset(ctx, *cfg.Headers, cfg.Suite, dir)
}

// Format returns the format of the session.
func (s *Session) Format() Format { return s.format }

// Suite returns the suite of the session.
func (s *Session) Suite() Suite { return s.suite }

// OutSPI and InSPI return the SPIs as they stand in headers, 0 for a direction
// that the session does not have.
func (s *Session) OutSPI() uint32 { return s.out.spi }

// InSPI is described at OutSPI.
func (s *Session) InSPI() uint32 { return s.in.spi }

// NextSeq returns the Sequence Number of the next packet to send, and false if
// there is none left.
func (s *Session) NextSeq() (uint64, bool) { return s.out.next, s.out.on && s.out.next != 0 }

// LastSeq returns the largest Sequence Number received, 0 for none.
func (s *Session) LastSeq() uint64 { return s.in.window.Edge() }

// Opened returns the header of the last packet that was opened, as it is without
// compression: its Sequence Number puts packets of several transports in order.
func (s *Session) Opened() Header { return s.in.last }

// NeedRekey reports that one direction has used its Sequence Numbers up to the
// threshold: it is time to ask the key management for a new session. Packets
// are still sent and received until the numbers end.
func (s *Session) NeedRekey() bool {
	return s.out.on && (s.out.next == 0 || s.out.next >= s.rekeyAt) || s.in.on && s.in.window.Edge() >= s.rekeyAt
}
