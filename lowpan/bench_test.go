package lowpan

import (
	"bytes"
	"encoding/binary"
	"testing"
)

type benchCase struct {
	name string
	pkt  []byte
	opts Options
}

// benchCases are packets between nodes with a common context.
func benchCases(b *testing.B) (Link, *Table, []benchCase) {
	tab := new(Table)
	_ = tab.Set(0, Context{Prefix: prefix(0x20010db8<<32, 0), PrefixLen: 64, Compress: true})
	_ = tab.Set(1, Context{Prefix: prefix(0xfd00<<48, 0), PrefixLen: 64, Compress: true})
	packet := func(next byte, rest []byte) []byte {
		p := mustHex(b, "6000000000000040"+"20010db8000000000000"+"00fffe000001"+"20010db8000000000000"+"00fffe000002")
		p[6] = next
		binary.BigEndian.PutUint16(p[4:], uint16(len(rest)))
		return append(p, rest...)
	}
	udp := append(mustHex(b, "1633 1633 0020 1234"), "24 bytes of some payload"...)
	icmp := mustHex(b, "9b02587d018000f1051200802002 0db8000000000000 00fffe0033440614 0080f100fe800000 0000000000 0000fffe001122")
	hbh := append(mustHex(b, "1100 05020000 0100"), udp...)
	g := newGHC()
	return testLink, tab, []benchCase{
		{"udp", packet(17, udp), Options{}},
		{"udp-elide", fixUDP(packet(17, udp)), Options{ElideChecksum: true}},
		{"hop-by-hop-udp", packet(0, hbh), Options{}},
		{"icmpv6", packet(58, icmp), Options{}},
		{"icmpv6-ghc", packet(58, icmp), Options{GHC: g}},
		{"plain", packet(6, bytes.Repeat([]byte{1}, 1200)), Options{}},
	}
}

func fixUDP(p []byte) []byte {
	binary.BigEndian.PutUint16(p[46:], udpChecksum(p, p[40:]))
	return p
}

func BenchmarkCompress(b *testing.B) {
	link, tab, cases := benchCases(b)
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			dst := make([]byte, 0, MaxCompressedLen(len(c.pkt)))
			b.ReportAllocs()
			b.SetBytes(int64(len(c.pkt)))
			for i := 0; i < b.N; i++ {
				if _, err := AppendCompress(dst, c.pkt, link, tab, c.opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	link, tab, cases := benchCases(b)
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			frame, err := AppendCompress(nil, c.pkt, link, tab, c.opts)
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, len(c.pkt))
			b.ReportAllocs()
			b.SetBytes(int64(len(c.pkt)))
			for i := 0; i < b.N; i++ {
				if _, err := AppendDecompress(dst, frame, link, tab, c.opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGHCDecompress is on the router advertisement of RFC 7400, Figure 14.
func BenchmarkGHCDecompress(b *testing.B) {
	var src, dst [16]byte
	copy(src[:], mustHex(b, "fe80000000000000103400fffe001122"))
	copy(dst[:], mustHex(b, "fe80000000000000aede480000000001"))
	payload := mustHex(b, "860055c940000fa01c5a3817000007d0 01011122000000000304 4040ffffffff ffffffff0000000020020db800000000"+
		"00000000000000002002401000 0003e8 20020db8000000002103000100000000 20020db80000000000 0000fffe001122")
	code, err := AppendGHC(nil, payload, src, dst, newGHC())
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 0, len(payload))
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for i := 0; i < b.N; i++ {
		if _, err := AppendUnGHC(out, code, src, dst, len(payload)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(payload)), "ns/byte")
}

func BenchmarkFragments(b *testing.B) {
	link, tab, cases := benchCases(b)
	pkt := cases[len(cases)-1].pkt
	r := newReassembler(1, 1280)
	frame, out := make([]byte, 0, 1300), make([]byte, 0, 1300)
	b.ReportAllocs()
	b.SetBytes(int64(len(pkt)))
	for i := 0; i < b.N; i++ {
		var f Fragmenter
		if err := f.Reset(pkt, link, tab, Options{}, uint16(i), 100); err != nil {
			b.Fatal(err)
		}
		for more := true; more; {
			var err error
			if frame, more, err = f.AppendFrame(frame[:0]); err != nil {
				b.Fatal(err)
			}
			if _, _, err := r.AppendPacket(out, frame, link, tab, Options{}, 0); err != nil {
				b.Fatal(err)
			}
		}
	}
}
