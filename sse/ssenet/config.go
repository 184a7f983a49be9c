package ssenet

import (
	"time"

	"github.com/schckit/schckit/sse"
)

// Config configures a Session. The zero value of each field is the default.
type Config struct {
	// SSE is the session itself: keys, format, suite, GPComp. Of its members
	// Window is 4,096 by default here; Headers.Stream, Context and Memory are not
	// used. InOrder is for sessions with one stream transport only. CompressOut and
	// CompressIn must not share a codec, as both work at the same time; the
	// latter's MaxLen bounds the memory for a payload.
	SSE sse.Config
	// StreamHeaders is how headers on streams are compressed, with Stream set,
	// if SSE.Headers is not nil. nil: as SSE.Headers, but with all 20 bits of the
	// Sequence Number.
	StreamHeaders *sse.Compression
	// Schedule says which transport a payload goes over.
	Schedule Schedule
	// MaxPayload is the longest encrypted payload in bytes that is sent or
	// accepted, 1 to 1<<24. 0: 65,535; 4,095 in the compact format, which has no
	// more.
	MaxPayload int
	// MaxTransports is how many transports there may be at once. 0: 16.
	MaxTransports int
	// Queue is how many payloads wait for Read at most. 0: 64.
	Queue int
	// Linger is how long a deleted transport goes on receiving. 0: one second.
	Linger time.Duration
	// Handshake is how long an accepted stream may be silent at first. 0: 10
	// seconds.
	Handshake time.Duration
	// Wait makes Read and Write wait for a transport when there is none, until
	// their deadline.
	Wait bool
	// OnRekey is called when either direction has used its Sequence Numbers up to
	// SSE.RekeyAt, once for the keys of each direction, by a goroutine that sends
	// or receives: it must return soon, may call Rekey, and must not call Write or
	// Close. It asks the key management for new keys, which then go to Rekey.
	OnRekey func()
	// OnEnd is called when a transport has ended, with its last counters, by
	// the transport's goroutine. It may add a transport but not call Close.
	OnEnd func(Info)
}

// Schedule says which transport a payload goes over. Those that fail are passed
// over.
type Schedule uint8

// The schedules.
const (
	ScheduleFirst  Schedule = iota // the one that was added first; others stand by
	ScheduleRotate                 // each in turn
	ScheduleAll                    // all of them: the receiver takes what comes first
)

const (
	defaultMaxPayload    = 1<<16 - 1
	limitMaxPayload      = 1 << 24
	defaultMaxTransports = 16
	defaultQueue         = 64
	defaultLinger        = time.Second
	defaultHandshake     = 10 * time.Second
)

// fill sets the defaults and checks.
func (c *Config) fill() error {
	if c.SSE.Format == 0 {
		c.SSE.Format = sse.FormatCompact
	}
	for _, x := range []struct {
		v   *int
		def int
	}{{&c.MaxPayload, defaultMaxPayload}, {&c.MaxTransports, defaultMaxTransports}, {&c.Queue, defaultQueue}, {&c.SSE.Window, sse.MaxWindow}} {
		if *x.v == 0 {
			*x.v = x.def
		}
		if *x.v < 0 {
			return ErrConfig
		}
	}
	if c.Linger == 0 {
		c.Linger = defaultLinger
	}
	if c.Handshake == 0 {
		c.Handshake = defaultHandshake
	}
	if c.MaxPayload > limitMaxPayload || c.Schedule > ScheduleAll || c.Linger < 0 || c.Handshake < 0 {
		return ErrConfig
	}
	c.MaxPayload = min(c.MaxPayload, int(min(c.SSE.Format.MaxLength(), limitMaxPayload)))
	c.SSE.Context, c.SSE.Memory = nil, nil
	if c.SSE.Headers == nil {
		if c.StreamHeaders != nil {
			return ErrConfig
		}
		return nil
	}
	datagram := *c.SSE.Headers
	datagram.Stream = false
	stream := datagram
	stream.SNBits = 20
	if c.StreamHeaders != nil {
		stream = *c.StreamHeaders
	}
	stream.Stream = true
	if stream.FlagC != datagram.FlagC {
		return ErrConfig
	}
	c.SSE.Headers, c.StreamHeaders = &datagram, &stream
	return nil
}
