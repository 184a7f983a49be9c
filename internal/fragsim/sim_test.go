package fragsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

// config is a Config for a profile, with repetitions after a minute.
func config(t testing.TB, n schc.NamedProfile, radio Radio) *Config {
	t.Helper()
	n.Fragmentation.RetransmissionMs, n.Fragmentation.InactivityMs = 60_000, 3_600_000
	p := new(schc.Profile)
	if err := p.Init(n.Rule, &n.Fragmentation); err != nil {
		t.Fatal(err)
	}
	c := &Config{Profile: p, Name: n.Name, Radio: radio, MTUBytes: radio.UpBytes, BackBytes: radio.DownBytes, LateMs: 10_000, Seed: 1}
	if n.Fragmentation.Direction == schc.DirDown {
		c.MTUBytes, c.BackBytes = c.BackBytes, c.MTUBytes
	}
	return c
}

func lora(t testing.TB) Radio {
	r, err := ParseLoRa("SF10")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNoLosses: nothing is lost, nothing repeated; the figures are those that
// follow from the RFC by hand.
func TestNoLosses(t *testing.T) {
	r, err := Run(config(t, schc.LoRaWANUp(), lora(t)), RandomPackets(3, 300, 1))
	if err != nil {
		t.Fatal(err)
	}
	// 30 tiles of 10 bytes; 5 of them and 2 bytes of header fit 52 bytes: six
	// Regular SCHC Fragments with 29 tiles, as the last tile is in the All-1.
	want := Counts{Bytes: 300, Fragments: 7, Acks: 1, ForwardBytes: 5*52 + 42 + 16, BackBytes: 2}
	for i, p := range r.Packets {
		air := LoRa{SF: 10, HzWidth: 125_000, Preamble: 8, CodeRate: 1, CRC: true}
		want.ForwardAirUs = 5*air.AirUs(64) + air.AirUs(54) + air.AirUs(28)
		air.CRC = false
		want.BackAirUs = air.AirUs(14)
		if p.Packet != i+1 || p.Counts != want || !p.Delivered || !p.Confirmed {
			t.Errorf("%+v, want %+v", p, want)
		}
	}
}

// TestTotals: totals equal the sums, in the struct and in what is printed.
func TestTotals(t *testing.T) {
	for _, n := range schc.Profiles() {
		radio := lora(t)
		size := 150
		switch {
		case strings.HasPrefix(n.Name, "sigfox"):
			radio = Sigfox()
		case strings.HasPrefix(n.Name, "nb-iot"):
			radio, size = NBIoT(), 14
		}
		c := config(t, n, radio)
		c.Loss, c.Burst, c.Reorder, c.Duplicate = 0.2, 3, 0.05, 0.05
		r, err := Run(c, RandomPackets(20, size, 2))
		if err != nil {
			t.Fatalf("%s: %v", n.Name, err)
		}
		var sum Counts
		delivered, confirmed := 0, 0
		for i := range r.Packets {
			p := &r.Packets[i]
			v, s := reflect.ValueOf(p.Counts), reflect.ValueOf(&sum).Elem()
			for f := range v.NumField() {
				if v.Field(f).CanInt() {
					s.Field(f).SetInt(s.Field(f).Int() + v.Field(f).Int())
				} else {
					s.Field(f).SetUint(s.Field(f).Uint() + v.Field(f).Uint())
				}
			}
			if p.Delivered {
				delivered++
			} else if p.Reason == "" {
				t.Errorf("%s: %+v: no reason", n.Name, p)
			}
			if p.Confirmed {
				confirmed++
			}
			if p.ForwardBytes > 0 && p.Fragments == 0 {
				t.Errorf("%s: %+v: no fragments", n.Name, p)
			}
		}
		if r.Total.Counts != sum || r.Total.Packets != 20 || r.Total.Delivered != delivered || r.Total.Confirmed != confirmed ||
			r.Total.DeliveredShare != float64(delivered)/20 || r.Total.AirMsPerPacket != float64(sum.ForwardAirUs+sum.BackAirUs)/20_000 {
			t.Errorf("%s: %+v, want %+v, %d, %d", n.Name, r.Total, sum, delivered, confirmed)
		}
		reasons := 0
		for why, k := range r.Total.Reasons {
			reasons += k
			if !strings.Contains(r.Text(), fmt.Sprintf("\nnot delivered: %d, %s\n", k, why)) {
				t.Errorf("%s: the text lacks %d %q:\n%s", n.Name, k, why, r.Text())
			}
		}
		if reasons != 20-delivered {
			t.Errorf("%s: reasons %v, %d not delivered", n.Name, r.Total.Reasons, 20-delivered)
		}
		if n.Fragmentation.Mode == schc.FragmentationAckOnError && sum.Retransmissions == 0 {
			t.Errorf("%s: nothing was sent again", n.Name)
		}
		var b bytes.Buffer
		if err := r.Write(&b, "json"); err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || !reflect.DeepEqual(&back, r) {
			t.Errorf("%s: JSON gives %+v, %v", n.Name, back, err)
		}
	}
}

// TestLimits: a packet that is given up for its limits says so, not that the
// sender sent an abort, and the limits are in the report.
func TestLimits(t *testing.T) {
	c := config(t, schc.LoRaWANUp(), lora(t))
	c.Loss = 0.45
	r, err := Run(c, RandomPackets(30, 600, 2))
	if err != nil {
		t.Fatal(err)
	}
	if r.Total.Reasons[schc.ReasonAttempts.String()] == 0 || r.Total.Reasons[schc.ReasonSenderAbort.String()] != 0 {
		t.Errorf("reasons %v", r.Total.Reasons)
	}
	if want := (Limits{8, false, 60_000, 3_600_000}); r.Limits != want || !strings.Contains(r.Text(), "limits    8 ACK requests a packet, retransmission timer 1m, inactivity timer 1h\n") {
		t.Errorf("limits %+v, want %+v\n%s", r.Limits, want, r.Text())
	}
}

// TestDeterministic: the same seed gives the same report and plot, another seed
// another one; a packet does not depend on those before.
func TestDeterministic(t *testing.T) {
	make1 := func(seed int64, n int) (*Report, string) {
		c := config(t, schc.LoRaWANUp(), lora(t))
		c.Loss, c.Reorder, c.Duplicate, c.Corrupt, c.Duty, c.Seed = 0.2, 0.1, 0.1, 0.02, 0.01, seed
		packets := RandomPackets(5, 300, 7)
		r, err := Run(c, packets[:n])
		if err != nil {
			t.Fatal(err)
		}
		if err := r.RunSweep(c, packets[:n], []float64{0, 0.3}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.WritePlot(&b, false); err != nil {
			t.Fatal(err)
		}
		return r, b.String()
	}
	a, plotA := make1(1, 5)
	b, plotB := make1(1, 5)
	if !reflect.DeepEqual(a, b) || plotA != plotB {
		t.Error("the same seed gives something else")
	}
	if c, _ := make1(2, 5); reflect.DeepEqual(a.Packets, c.Packets) {
		t.Error("another seed gives the same")
	}
	if d, _ := make1(1, 3); !reflect.DeepEqual(a.Packets[:3], d.Packets) {
		t.Error("the first packets depend on the number of packets")
	}
	if !strings.Contains(plotA, "<svg") || len(a.Sweep) != 2 || a.Sweep[0].DeliveredShare < a.Sweep[1].DeliveredShare {
		t.Errorf("sweep: %+v", a.Sweep)
	}
	var png bytes.Buffer
	if err := a.WritePlot(&png, true); err != nil || !bytes.HasPrefix(png.Bytes(), []byte("\x89PNG")) {
		t.Errorf("PNG: %v", err)
	}
}

// TestDuty: with a duty cycle of 1 % a transfer takes about a hundred times its
// time on air.
func TestDuty(t *testing.T) {
	c := config(t, schc.LoRaWANUp(), lora(t))
	c.Duty = 0.01
	r, err := Run(c, RandomPackets(1, 300, 1))
	if err != nil {
		t.Fatal(err)
	}
	p := &r.Packets[0]
	// The last message and the ACK have nothing to wait for.
	if got, want := float64(p.DurationMs), float64(p.ForwardAirUs)/10; got < 0.85*want || got > 1.1*want {
		t.Errorf("%d ms for %d us on air", p.DurationMs, p.ForwardAirUs)
	}
}

// TestMTUTooSmall: not even a tile fits.
func TestMTUTooSmall(t *testing.T) {
	c := config(t, schc.LoRaWANUp(), lora(t))
	c.MTUBytes = 11
	if _, err := Run(c, RandomPackets(1, 300, 1)); err != error(schc.ErrShortBuffer) {
		t.Errorf("%v", err)
	}
}
