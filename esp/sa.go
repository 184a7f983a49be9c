package esp

import (
	"slices"

	"github.com/schckit/schckit/internal/bitio"
	"github.com/schckit/schckit/internal/seqno"
)

// Mode is tunnel or transport (RFC 4301, Section 3.2).
type Mode uint8

// The modes. Zero is unset and invalid.
const (
	_ Mode = iota
	ModeTunnel
	ModeTransport
)

// String returns "tunnel" or "transport".
func (m Mode) String() string {
	switch m {
	case ModeTunnel:
		return "tunnel"
	case ModeTransport:
		return "transport"
	}
	return "unset"
}

// Sizes of the anti-replay window, in packets.
const (
	DefaultWindow = 64 // RFC 4303, Section 3.4.3
	MinWindow     = seqno.MinWindow
	MaxWindow     = seqno.MaxWindow
	NoWindow      = -1 // no anti-replay service
)

// WindowWords returns how many words Config.Memory needs for a window of size
// packets, 2 for DefaultWindow.
func WindowWords(size int) int { return seqno.Words(size) }

// MinSPI is the lowest SPI: 0 is never sent, 1 to 255 are reserved (RFC 4303,
// Section 2.1).
const MinSPI = 256

// Config is what a Security Association is, besides its keys.
type Config struct {
	SPI  uint32
	Mode Mode
	// Src and Dst are the addresses of the outer header. Tunnel mode needs them
	// to seal; else none is any.
	Src, Dst Addr
	ESN      bool     // sequence numbers have 64 bits (RFC 4303, Section 2.2.1)
	Seq      uint64   // the last number used, or the right edge of the window: all up to it were seen
	Window   int      // of the receiver, MinWindow to MaxWindow; 0: DefaultWindow; NoWindow
	Memory   []uint64 // of the window, WindowWords(Window) words; nil: it is allocated
	// UDP encapsulation (RFC 3948): both ports, 0 for none.
	SrcPort, DstPort uint16
	// Limits of life, 0 for none: packets and bytes of IP packets protected.
	MaxPackets, MaxBytes uint64
}

// An SA is one Security Association: one direction, one key. It is for one
// goroutine at a time. The zero value is unusable.
type SA struct {
	Config
	suite   *Suite
	window  seqno.Window
	seq     uint64 // last sent
	packets uint64
	bytes   uint64
	last    Opened
}

// Opened says what the last AppendOpen found.
type Opened struct {
	Seq        uint64
	NextHeader uint8
	Dummy      bool // a dummy packet (RFC 4303, Section 2.6): nothing was appended
	PadBytes   int  // of padding
	TFCBytes   int  // of traffic flow confidentiality padding behind the packet
}

// Init sets s up with a Suite, which s keeps, and which serves no other SA at
// the same time. It returns ErrMalformed for a configuration that cannot be: a
// reserved SPI, addresses of two kinds, a window size that is not between its
// limits, a sequence number of more bits than there are.
func (s *SA) Init(c Config, suite *Suite) error {
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	switch {
	case suite == nil || suite.info.kind == 0,
		c.SPI < MinSPI,
		c.Mode != ModeTunnel && c.Mode != ModeTransport,
		c.Src.n != 0 && c.Dst.n != 0 && c.Src.n != c.Dst.n,
		(c.SrcPort == 0) != (c.DstPort == 0),
		!c.ESN && c.Seq > 0xffffffff,
		c.ESN && c.Window == NoWindow, // nothing would say where a number is (RFC 4303, Section 3.4.3)
		c.Window != NoWindow && (c.Window < MinWindow || c.Window > MaxWindow):
		return ErrMalformed
	}
	*s = SA{Config: c, suite: suite, seq: c.Seq}
	if c.Window == NoWindow {
		return nil
	}
	memory := c.Memory
	if memory == nil {
		memory = bitio.Words(seqno.Words(c.Window))
	}
	if !s.window.Init(c.Window, memory) {
		return ErrMalformed
	}
	s.window.Reset(c.Seq)
	return nil
}

// Suite returns the algorithm with its keys.
func (s *SA) Suite() *Suite { return s.suite }

// Sent returns the last sequence number sent.
func (s *SA) Sent() uint64 { return s.seq }

// Edge returns the highest sequence number received.
func (s *SA) Edge() uint64 { return s.window.Edge() }

// Packets and Bytes return what the SA has protected, or verified.
func (s *SA) Packets() uint64 { return s.packets }

// Bytes returns the bytes of the IP packets that the SA has protected, or
// restored.
func (s *SA) Bytes() uint64 { return s.bytes }

// Last returns what the last successful AppendOpen found.
func (s *SA) Last() Opened { return s.last }

// LastSeq returns the highest sequence number that there is.
func (s *SA) LastSeq() uint64 {
	if s.ESN {
		return ^uint64(0)
	}
	return 0xffffffff
}

// Advance makes the next packet's sequence number higher than seq: a device
// that does not store its counter derives it from a clock (RFC 9333, Section 4).
// It returns ErrReplay if that would go back.
func (s *SA) Advance(seq uint64) error {
	switch {
	case seq < s.seq:
		return ErrReplay
	case seq > s.LastSeq():
		return ErrExhausted
	}
	s.seq = seq
	return nil
}

// spent reports whether a limit of life does not allow another n bytes.
func (s *SA) spent(n int) bool {
	return s.MaxPackets != 0 && s.packets >= s.MaxPackets ||
		s.MaxBytes != 0 && s.bytes+uint64(n) > s.MaxBytes
}

func (s *SA) count(n int) {
	s.packets++
	s.bytes += uint64(n)
}

// next takes the next sequence number, for a packet of n bytes. A number is
// never given twice, whatever becomes of the packet.
func (s *SA) next(n int) (uint64, Error) {
	if s.seq >= s.LastSeq() || s.spent(n) {
		return 0, ErrExhausted
	}
	s.seq++
	return s.seq, 0
}

// An SAD is a set of SAs of one direction, found by SPI and addresses (RFC 4301,
// Section 4.1). The zero value is empty.
type SAD struct {
	list  []*SA // by SPI, those with more addresses first
	ports []uint16
}

// Add adds an SA. It returns ErrMalformed if there is one with the same SPI and
// addresses.
func (d *SAD) Add(s *SA) error {
	for _, o := range d.list {
		if o.SPI == s.SPI && o.Src == s.Src && o.Dst == s.Dst {
			return ErrMalformed
		}
	}
	i, _ := slices.BinarySearchFunc(d.list, s, compareSAs)
	d.list = slices.Insert(d.list, i, s)
	for _, port := range [...]uint16{s.SrcPort, s.DstPort} {
		if port != 0 && !slices.Contains(d.ports, port) {
			d.ports = append(d.ports, port)
		}
	}
	return nil
}

// compareSAs orders by SPI, then the longest match first: both addresses, the
// destination, the source, none.
func compareSAs(a, b *SA) int {
	if a.SPI != b.SPI {
		if a.SPI < b.SPI {
			return -1
		}
		return 1
	}
	return b.precision() - a.precision()
}

func (s *SA) precision() int {
	n := 0
	if s.Dst.IsValid() {
		n += 2
	}
	if s.Src.IsValid() {
		n++
	}
	return n
}

// Lookup returns the SA for a packet with this SPI between these addresses, the
// one with the longest match, or nil. Cost: a binary search.
func (d *SAD) Lookup(spi uint32, src, dst Addr) *SA {
	lo, hi := 0, len(d.list)
	for lo < hi {
		if mid := (lo + hi) / 2; d.list[mid].SPI < spi {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for _, s := range d.list[lo:] {
		if s.SPI != spi {
			break
		}
		if s.Src.covers(&src) && s.Dst.covers(&dst) {
			return s
		}
	}
	return nil
}

// All returns the SAs, in order of SPI. The caller must not change the slice.
func (d *SAD) All() []*SA { return d.list }
