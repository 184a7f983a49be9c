package deflate

import (
	"math"
	"testing"

	"github.com/schckit/schckit/gpcomp"
)

// BenchmarkCorpus compresses and restores the test part of testdata/payloads with each
// codec; MB/s are of the payloads.
func BenchmarkCorpus(b *testing.B) {
	list := read(b, "test")
	var lzs gpcomp.LZS
	lzs.Reset(make([]uint16, gpcomp.LZSMem(500)))
	var ghc gpcomp.GHC
	ghc.Reset(make([]uint16, gpcomp.GHCMem(500)))
	codecs := []gpcomp.Codec{&lzs, &ghc}
	for _, c := range both(b) {
		codecs = append(codecs, c)
	}
	total := 0
	for _, p := range list {
		total += len(p)
	}
	for _, c := range codecs {
		codes := make([][]byte, len(list))
		for i, p := range list {
			var err error
			if codes[i], err = c.AppendCompress(nil, p, math.MaxInt); err != nil {
				b.Fatal(err)
			}
		}
		dst := make([]byte, 0, 1000)
		b.Run("compress/"+c.Transform().String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(total))
			for b.Loop() {
				for _, p := range list {
					if _, err := c.AppendCompress(dst, p, math.MaxInt); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run("decompress/"+c.Transform().String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(total))
			for b.Loop() {
				for _, code := range codes {
					if _, err := c.AppendDecompress(dst, code, 1000); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
