package learn

import (
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/schckit/schckit/schc"
)

// Packets made to be expensive: noise, many options, long values, a new shape
// and new values each.
func TestHostile(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	coap := func(options func(i int) []byte) packets {
		var list packets
		for i := 0; i < 60; i++ {
			m := append([]byte{0x40, 1, byte(i >> 8), byte(i)}, options(i)...)
			p := udp(4000)[:48]
			p = append(p, m...)
			p[42], p[43] = 5683>>8, 5683&255
			binary.BigEndian.PutUint16(p[4:], uint16(8+len(m)))
			binary.BigEndian.PutUint16(p[44:], uint16(8+len(m)))
			list = append(list, Packet{Data: p, Nanos: int64(i)})
		}
		return list
	}
	for name, src := range map[string]packets{
		"noise": func() (list packets) {
			for i := 0; i < 60; i++ {
				b := make([]byte, rng.Intn(200))
				rng.Read(b)
				if len(b) > 0 {
					b[0] = []byte{0x45, 0x60, 0x4f, 0x6f}[rng.Intn(4)]
				}
				list = append(list, Packet{Data: b, Nanos: rng.Int63() - rng.Int63()})
			}
			return list
		}(),
		"empty packets": make(packets, 50),
		"many options":  coap(func(int) []byte { return make([]byte, 1000) }),
		"long values":   coap(func(i int) []byte { return append([]byte{0xbe, byte(i), byte(i)}, make([]byte, 269+i*257)...) }),
		"a shape each":  coap(func(i int) []byte { return []byte{0xd0, byte(i), 0xe0, byte(i), byte(i * 7)} }),
		"extension headers": func() (list packets) {
			for i := 0; i < 60; i++ {
				p := udp(4000)
				p[6] = 0
				for k := 0; k < i%20; k++ {
					p = append(p[:40:40], append([]byte{0, byte(i % 3), 1, 4, 0, 0, 0, 0}, p[40:]...)...)
				}
				list = append(list, Packet{Data: p, Nanos: int64(i)})
			}
			return list
		}(),
		"IP in IP in IP": func() (list packets) {
			for i := 0; i < 60; i++ {
				p := udp(4000)
				for k := 0; k < i%25; k++ {
					h := append([]byte(nil), p[:40]...)
					h[6] = 41
					binary.BigEndian.PutUint16(h[4:], uint16(len(p)))
					p = append(h, p...)
				}
				list = append(list, Packet{Data: p, Nanos: int64(i)})
			}
			return list
		}(),
	} {
		for _, dir := range []schc.Direction{schc.DirUp, schc.DirDown} {
			if slow() && dir == schc.DirDown {
				continue
			}
			t.Run(name, func(t *testing.T) { mustLearn(t, src, Options{HoldOut: 0.2, Dir: dir}) })
		}
	}
}

// slow reports whether tests do a part of their work only: with the race
// detector, which is there for the goroutines, or in short mode.
func slow() bool { return raceEnabled || testing.Short() }

// Learn takes any packets without a panic, and its own check never fails.
func FuzzLearn(f *testing.F) {
	tr := newTraffic(3)
	var seed []byte
	for i := 0; i < 12; i++ {
		p := tr.next()
		seed = append(append(seed, byte(len(p))), p...)
	}
	f.Add(seed, uint8(4), uint8(1))
	f.Add([]byte{}, uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, max, dir uint8) {
		var list packets
		for i := 0; len(data) > 0 && i < 64; i++ {
			n := min(int(data[0]), len(data)-1)
			list = append(list, Packet{Data: data[1 : 1+n], Nanos: int64(i)})
			data = data[1+n:]
		}
		opts := Options{HoldOut: 0.25, MaxRules: 2 + int(max)%20, Dir: schc.Direction(dir % 3)}
		res, err := Learn(list, opts)
		if err == ErrNoPackets {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Rules) > opts.MaxRules {
			t.Fatalf("%d Rules, at most %d", len(res.Rules), opts.MaxRules)
		}
	})
}
