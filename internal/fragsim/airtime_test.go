package fragsim

import (
	"math"
	"testing"
)

// TestLoRaAir compares with published values: those of LoRa Modem Designer's
// Guide calculators and of the air time tables for EU868.
func TestLoRaAir(t *testing.T) {
	for _, v := range []struct {
		sf, hz, bytes int
		ms            float64
	}{
		// 10 bytes of FRMPayload, 23 of PHY payload.
		{7, 125_000, 23, 61.696}, {8, 125_000, 23, 113.152}, {9, 125_000, 23, 205.824},
		{10, 125_000, 23, 370.688}, {11, 125_000, 23, 823.296}, {12, 125_000, 23, 1482.752},
		{9, 125_000, 13, 164.864},   // the example of the public AN1200.13 sheet
		{12, 125_000, 64, 2793.472}, // 51 bytes of FRMPayload
		{10, 125_000, 64, 698.368},
		{7, 125_000, 235, 368.896}, // 222 bytes
		{7, 250_000, 23, 30.848},
	} {
		l := LoRa{SF: v.sf, HzWidth: v.hz, Preamble: 8, CodeRate: 1, CRC: true}
		if got := float64(l.AirUs(v.bytes)) / 1000; math.Abs(got-v.ms) > 0.001 {
			t.Errorf("SF%d, %d Hz, %d bytes: %.3f ms, want %.3f", v.sf, v.hz, v.bytes, got, v.ms)
		}
		// The datasheet's formula, in floating point.
		ts := math.Exp2(float64(v.sf)) / float64(v.hz) * 1000
		de := 0.0
		if ts > 16 {
			de = 1
		}
		n := 8 + math.Max(math.Ceil((8*float64(v.bytes)-4*float64(v.sf)+28+16)/(4*(float64(v.sf)-2*de)))*5, 0)
		if want := (8+4.25)*ts + n*ts; math.Abs(float64(l.AirUs(v.bytes))/1000-want) > 0.001 {
			t.Errorf("SF%d, %d bytes: %d us, the datasheet gives %.3f ms", v.sf, v.bytes, l.AirUs(v.bytes), want)
		}
	}
}

// TestOtherAir: a Sigfox uplink of 12 bytes is known to take 2.08 s, three times.
func TestOtherAir(t *testing.T) {
	s := Sigfox()
	for bytes, want := range map[int]uint64{12: 3 * 2_080_000, 9: 3 * 2_080_000, 8: 3 * 1_760_000, 2: 3 * 1_440_000, 1: 3 * 1_200_000} {
		if got := s.Air(bytes, true); got != want {
			t.Errorf("Sigfox, %d bytes: %d us, want %d", bytes, got, want)
		}
	}
	if got := s.Air(8, false); got != 373_333 {
		t.Errorf("Sigfox downlink: %d us", got)
	}
	n := NBIoT()
	for bytes, want := range map[int]uint64{1: 8_000, 18: 8_000, 19: 16_000, 125: 48_000, 126: 56_000, 250: 96_000} {
		if got := n.Air(bytes, true); got != want {
			t.Errorf("NB-IoT, %d bytes: %d us, want %d", bytes, got, want)
		}
	}
}

func TestParseLoRa(t *testing.T) {
	for s, want := range map[string]string{"SF10": "LoRaWAN SF10, 125 kHz", "sf7bw250": "LoRaWAN SF7, 250 kHz", "DR0": "LoRaWAN SF12, 125 kHz", "dr6": "LoRaWAN SF7, 250 kHz"} {
		if r, err := ParseLoRa(s); err != nil || r.Name != want {
			t.Errorf("%s: %q, %v, want %q", s, r.Name, err, want)
		}
	}
	for _, s := range []string{"", "SF", "SF6", "SF13", "DR7", "DR", "SF7BW", "SF7BW100", "10", "DR05", "SF-7"} {
		if r, err := ParseLoRa(s); err == nil {
			t.Errorf("%s: %q", s, r.Name)
		}
	}
}
