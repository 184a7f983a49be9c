package ssenet

import (
	"testing"

	"github.com/schckit/schckit/sse"
)

// BenchmarkSession sends 1,000-byte payloads over loopback: tcp as fast as it goes,
// udp one after the other.
func BenchmarkSession(b *testing.B) {
	for _, name := range []string{"tcp", "udp"} {
		b.Run(name, func(b *testing.B) {
			x, y := keys(sse.FormatLarge, sse.SuiteGCM16)
			from, to := pair(b, Config{SSE: x}, Config{SSE: y})
			if name == "tcp" {
				addTCP(b, from, to)
			} else {
				addUDP(b, from, to)
			}
			payload := make([]byte, 1000)
			turn := make(chan struct{}, 1)
			done := make(chan error, 1)
			go func() {
				for i := 0; i < b.N; i++ {
					if _, err := to.ReadMessage(); err != nil {
						done <- err
						return
					}
					if name == "udp" {
						turn <- struct{}{}
					}
				}
				done <- nil
			}()
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if _, err := from.Write(payload); err != nil {
					b.Fatal(err)
				}
				if name == "udp" {
					<-turn
				}
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
