// Package fragsim simulates the fragmentation of SCHC Packets over a link with
// losses, with the state machines of package schc, and reports what that takes:
// messages, bytes, time on air. It is for hosts. The same Config always gives
// the same Report.
package fragsim

import (
	"fmt"
	"strconv"
	"strings"
)

// A Radio says how long a message is on the air, and how the link behaves.
type Radio struct {
	Name string // such as "LoRa SF10, 125 kHz"
	// Air gives the time on air of a message of so many bytes, in microseconds,
	// as the device sends it (up) or gets it.
	Air func(bytes int, up bool) uint64
	// MTUBytes are the largest messages up and down; 0: unknown.
	UpBytes, DownBytes int
	// DelayMs is the time from the end of a message to the first answer.
	DelayMs uint64
}

// LoRa is a modulation of LoRa.
type LoRa struct {
	SF       int  // spreading factor, 6 to 12
	HzWidth  int  // bandwidth: 125000, 250000 or 500000
	Preamble int  // symbols; LoRaWAN has 8
	CodeRate int  // 1 to 4, for 4/5 to 4/8
	CRC      bool // payload CRC: uplinks have it
	Implicit bool // no header
}

// AirUs returns the time on air of a PHY payload of so many bytes, in
// microseconds, rounded (SX1276 datasheet, Section 4.1.1.6 and 4.1.1.7; AN1200.13).
// Low data rate optimization is on where a symbol takes more than 16 ms.
func (l LoRa) AirUs(bytes int) uint64 {
	// All times are in quarters of a symbol.
	symbolNs := (int64(1) << l.SF) * 1_000_000_000 / int64(l.HzWidth)
	optimized := 0
	if symbolNs > 16_000_000 {
		optimized = 1
	}
	bits := 8*bytes - 4*l.SF + 28
	if l.CRC {
		bits += 16
	}
	if l.Implicit {
		bits -= 20
	}
	per := 4 * (l.SF - 2*optimized)
	symbols := 8 + max((bits+per-1)/per, 0)*(l.CodeRate+4)
	quarters := int64(4*l.Preamble+17) + 4*int64(symbols)
	return uint64((quarters*symbolNs + 2000) / 4000)
}

// loRaWANOverhead is what a LoRaWAN data frame has besides FPort and FRMPayload:
// MHDR, DevAddr, FCtrl, FCnt and MIC (LoRaWAN 1.0.4, Section 4).
const loRaWANOverhead = 1 + 4 + 1 + 2 + 4

// loRaMax are the largest FRMPayloads in Europe by spreading factor (LoRaWAN
// Regional Parameters, EU863-870, without a repeater).
var loRaMax = map[int]int{7: 222, 8: 222, 9: 115, 10: 51, 11: 51, 12: 51}

// ParseDataRate reads a LoRaWAN data rate: "SF10", "SF7BW250", or "DR0" to "DR6"
// of Europe. It returns the spreading factor and the bandwidth in Hz.
func ParseDataRate(s string) (sf, hz int, err error) {
	text := strings.ToUpper(s)
	if n, ok := strings.CutPrefix(text, "DR"); ok {
		if v, err := strconv.Atoi(n); err == nil && v >= 0 && v <= 6 && n == strconv.Itoa(v) {
			text = [...]string{"SF12", "SF11", "SF10", "SF9", "SF8", "SF7", "SF7BW250"}[v]
		}
	}
	num, bw, wide := strings.Cut(strings.TrimPrefix(text, "SF"), "BW")
	sf, err = strconv.Atoi(num)
	if err != nil || !strings.HasPrefix(text, "SF") || sf < 7 || sf > 12 {
		return 0, 0, fmt.Errorf("%q is no LoRaWAN data rate; write SF7 to SF12, SF7BW250, or DR0 to DR6", s)
	}
	if !wide {
		return sf, 125_000, nil
	}
	switch bw {
	case "125", "250", "500":
		w, _ := strconv.Atoi(bw)
		return sf, 1000 * w, nil
	}
	return 0, 0, fmt.Errorf("%q: the bandwidth is 125, 250 or 500 kHz", s)
}

// ParseLoRa returns the radio of a LoRaWAN data rate, as ParseDataRate reads it.
func ParseLoRa(s string) (Radio, error) {
	l := LoRa{Preamble: 8, CodeRate: 1}
	var err error
	if l.SF, l.HzWidth, err = ParseDataRate(s); err != nil {
		return Radio{}, err
	}
	return Radio{
		Name:    fmt.Sprintf("LoRaWAN SF%d, %d kHz", l.SF, l.HzWidth/1000),
		UpBytes: loRaMax[l.SF] + 1, DownBytes: loRaMax[l.SF] + 1, // and the FPort
		DelayMs: 1000, // RX1
		Air: func(bytes int, up bool) uint64 {
			m := l
			m.CRC = up
			return m.AirUs(bytes + loRaWANOverhead)
		},
	}, nil
}

// Sigfox returns the radio of Sigfox in Europe: uplinks at 100 bit/s, each sent
// three times; downlinks at 600 bit/s. An uplink has 14 bytes around a payload
// of 1, 4, 8 or 12 bytes, a downlink 160 bits around 8 bytes.
func Sigfox() Radio {
	return Radio{
		Name: "Sigfox, 100 bit/s, 3 repetitions", UpBytes: 12, DownBytes: 8, DelayMs: 20_000,
		Air: func(bytes int, up bool) uint64 {
			if !up {
				return (160 + 64) * 1_000_000 / 600
			}
			size := 12
			for _, n := range []int{8, 4, 1} {
				if bytes <= n {
					size = n
				}
			}
			return uint64(3 * 8 * (14 + size) * 1_000_000 / 100)
		},
	}
}

// nbIoTBlocks are the bits of a transport block on 1 to 6, 8 and 10 resource
// units at I_TBS 10 (3GPP TS 36.213, Table 16.5.1.2-2).
var nbIoTBlocks = []struct{ bits, units int }{
	{144, 1}, {328, 2}, {504, 3}, {680, 4}, {872, 5}, {1000, 6},
}

// NBIoT returns a radio like NB-IoT's uplink: NPUSCH format 1 on a single tone
// of 15 kHz, where a resource unit takes 8 ms, at I_TBS 10 and without
// repetitions. Longer messages take several blocks. Signalling is not counted.
func NBIoT() Radio {
	return Radio{
		Name: "NB-IoT, 15 kHz single tone, I_TBS 10", UpBytes: 125, DownBytes: 125, DelayMs: 100,
		Air: func(bytes int, up bool) uint64 {
			units, bits := 0, 8*bytes
			for last := nbIoTBlocks[len(nbIoTBlocks)-1]; bits > last.bits; bits -= last.bits {
				units += last.units
			}
			for _, b := range nbIoTBlocks {
				if bits <= b.bits {
					units += b.units
					break
				}
			}
			return uint64(units) * 8000
		},
	}
}
