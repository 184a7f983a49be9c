package pcapio

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

// coapFrame is an Ethernet frame with IPv6, UDP to port 5683 and 16 bytes.
var coapFrame = func() []byte {
	b := make([]byte, 12, 78)
	b = binary.BigEndian.AppendUint16(b, EtherTypeIPv6)
	b = append(b, 0x60, 0, 0, 0, 0, 24, 17, 64)
	b = append(b, bytes.Repeat([]byte{0xfd, 0, 0, 1}, 8)...)
	b = append(b, 0xc0, 0, 0x16, 0x33, 0, 24, 0, 0)
	return append(b, make([]byte, 16)...)
}()

// big returns a capture of n such frames.
func big(t testing.TB, ng bool, n int) []byte {
	var out bytes.Buffer
	w, err := NewWriter(&out, Format{NG: ng, SnapLen: 65535}, "")
	if err != nil {
		t.Fatal(err)
	}
	w.AddInterface(Interface{LinkType: LinkTypeEthernet, Resolution: Micro})
	for i := range n {
		w.WritePacket(0, &Packet{Data: coapFrame, OrigLen: uint32(len(coapFrame)), Ticks: 1_700_000_000_000_000 + uint64(i)})
	}
	w.Flush()
	return out.Bytes()
}

// One operation is one packet.
func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"pcap", "pcapng"} {
		b.Run(name, func(b *testing.B) {
			const n = 50_000
			file := big(b, name == "pcapng", n)
			b.SetBytes(int64(len(file) / n))
			b.ReportAllocs()
			var p Packet
			src := bytes.NewReader(nil)
			r := (*Reader)(nil)
			b.ResetTimer()
			for i := range b.N {
				if i%n == 0 {
					src.Reset(file)
					var err error
					if r, err = NewReader(io.Reader(src)); err != nil {
						b.Fatal(err)
					}
				}
				if err := r.Next(&p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, name := range []string{"pcap", "pcapng", "pcapng-flags"} {
		b.Run(name, func(b *testing.B) {
			w, err := NewWriter(io.Discard, Format{NG: name != "pcap"}, "")
			if err != nil {
				b.Fatal(err)
			}
			w.AddInterface(Interface{LinkType: 1, Resolution: Micro})
			p := Packet{Data: coapFrame, OrigLen: 78, Ticks: 1_700_000_000_000_000, HasFlags: name == "pcapng-flags",
				Interface: &Interface{Resolution: Micro}}
			b.SetBytes(int64(len(coapFrame)))
			b.ReportAllocs()
			for range b.N {
				if err := w.WritePacket(0, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLocate(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		if _, ok := Locate(LinkTypeEthernet, coapFrame); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	for _, expr := range []string{"ip6", "udp port 5683", "ip6 and udp and not net fe80::/10"} {
		b.Run(expr, func(b *testing.B) {
			f, err := CompileFilter(expr)
			if err != nil {
				b.Fatal(err)
			}
			p := Packet{Data: coapFrame, OrigLen: 78, Interface: &Interface{LinkType: LinkTypeEthernet}}
			b.ReportAllocs()
			for range b.N {
				if !f.Match(&p) {
					b.Fatal("no match")
				}
			}
		})
	}
}
