package pcapio

import (
	"math"
	"math/bits"
	"time"
)

// MaxPacketLen is the longest packet that is read or written. Anything longer
// is taken for a damaged length field.
const MaxPacketLen = 16 << 20

// Packet is one record of a capture.
type Packet struct {
	Data    []byte // captured bytes, valid until the next call of Reader.Next
	OrigLen uint32 // length on the wire; may be above (snapped) or below (broken file) len(Data)

	Iface     int        // index of the interface, counted over all sections of the file
	Interface *Interface // the interface itself, which stays valid

	Ticks  uint64 // time, in units of Interface.Resolution
	NoTime bool   // the record had none (Simple Packet Block); Ticks is 0

	Flags    uint32 // epb_flags, if HasFlags; bits 0-1 are the direction
	HasFlags bool
}

// Directions in Packet.Flags (bits 0 and 1 of epb_flags).
const (
	FlagsDirMask  = 3
	FlagsInbound  = 1
	FlagsOutbound = 2
)

// Snapped reports whether the capture holds only a part of the packet.
func (p *Packet) Snapped() bool { return uint64(len(p.Data)) < uint64(p.OrigLen) }

// Nanos returns the packet's time in nanoseconds since 1970, and false where
// an int64 cannot hold it (the nearest value is returned).
func (p *Packet) Nanos() (int64, bool) { return p.Interface.Nanos(p.Ticks) }

// Time returns the packet's time, cut to whole nanoseconds.
func (p *Packet) Time() time.Time {
	sec, nsec := p.Interface.Seconds(p.Ticks)
	return time.Unix(sec, int64(nsec)).UTC()
}

// Interface describes where packets were captured. A classic pcap file has
// exactly one.
type Interface struct {
	LinkType    LinkType
	SnapLen     uint32 // 0: unlimited
	Name        string // if_name
	Description string // if_description; see Meta
	Resolution  Resolution
	TimeOffset  int64    // if_tsoffset: seconds to add
	Extra       []Option // every other if_ option, numbers in little-endian order
}

// Option is a pcapng option that is carried as it is.
type Option struct {
	Code  uint16
	Value []byte
}

// Resolution is the unit of a tick in the coding of if_tsresol: 10 to the
// power of -n seconds, or, with the top bit set, 2 to the power of -n.
type Resolution uint8

// The usual resolutions. Note that the zero value is a valid one: a second.
const (
	Micro Resolution = 6
	Nano  Resolution = 9

	resolutionBinary = 0x80
)

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// split returns the whole seconds and nanoseconds of ticks, rounding down.
func (r Resolution) split(ticks uint64) (sec uint64, nsec uint32) {
	n := uint(r &^ resolutionBinary)
	if r&resolutionBinary != 0 {
		frac := ticks
		if n < 64 {
			sec, frac = ticks>>n, ticks&(1<<n-1)
		}
		hi, lo := bits.Mul64(frac, 1e9)
		if n < 64 {
			return sec, uint32(hi<<(64-n) | lo>>n)
		}
		return 0, uint32(hi >> (n - 64))
	}
	switch {
	case r == Micro: // constant divisors, for speed
		return ticks / 1e6, uint32(ticks%1e6) * 1e3
	case r == Nano:
		return ticks / 1e9, uint32(ticks % 1e9)
	case n < 9:
		return ticks / pow10[n], uint32(ticks % pow10[n] * pow10[9-n])
	case n < uint(len(pow10)):
		return ticks / pow10[n], uint32(ticks % pow10[n] / pow10[n-9])
	case n-9 < uint(len(pow10)):
		return 0, uint32(ticks / pow10[n-9]) // 10^n is beyond 2^64: less than a second
	}
	return 0, 0
}

// decimal returns ticks in units of 10^-n seconds (n at most 9) if that is
// exact and below 2^64.
func (r Resolution) decimal(ticks uint64, n uint) (uint64, bool) {
	e := uint(r &^ resolutionBinary)
	if r&resolutionBinary != 0 {
		hi, lo := bits.Mul64(ticks, pow10[n])
		if e == 0 {
			return lo, hi == 0
		}
		if e >= 64 {
			return hi >> (e - 64), lo == 0 && hi&(1<<(e-64)-1) == 0
		}
		return hi<<(64-e) | lo>>e, hi>>e == 0 && lo&(1<<e-1) == 0
	}
	if e <= n {
		hi, lo := bits.Mul64(ticks, pow10[n-e])
		return lo, hi == 0
	}
	if e-n >= uint(len(pow10)) {
		return 0, ticks == 0
	}
	return ticks / pow10[e-n], ticks%pow10[e-n] == 0
}

// Seconds returns the time of ticks as seconds since 1970 and nanoseconds.
// Seconds beyond the range of an int64 are cut to it.
func (f *Interface) Seconds(ticks uint64) (sec int64, nsec uint32) {
	s, nsec := f.Resolution.split(ticks)
	sec = int64(min(s, math.MaxInt64))
	switch off := f.TimeOffset; {
	case off > 0 && sec > math.MaxInt64-off:
		return math.MaxInt64, nsec
	default:
		return sec + off, nsec
	}
}

// Nanos returns the time of ticks as nanoseconds since 1970, and false where
// an int64 cannot hold it (the nearest value is returned).
func (f *Interface) Nanos(ticks uint64) (int64, bool) {
	sec, nsec := f.Seconds(ticks)
	const limit = math.MaxInt64 / 1_000_000_000
	switch {
	case sec >= limit:
		return math.MaxInt64, false
	case sec <= -limit:
		return math.MinInt64, false
	}
	return sec*1e9 + int64(nsec), true
}
