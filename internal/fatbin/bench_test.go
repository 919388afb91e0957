package fatbin

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// BenchmarkFinder reads chunks as inflating gives them. Inflating has about 500 MB/s; this is what comes on top.
func BenchmarkFinder(b *testing.B) {
	random := make([]byte, 64<<20)
	source := rand.NewChaCha8([32]byte{})
	source.Read(random)
	var code []byte
	for one := (bin{{Code: "sm_75", Payload: random[:100_000]}, {Code: "sm_90", Payload: random[:200_000]}}).Bytes(); len(code) < 64<<20; {
		code = append(code, one...)
	}
	for name, data := range map[string][]byte{"code": code, "random": random, "zeros": bytes.Repeat([]byte{0}, 64<<20)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				f := &Finder{}
				for rest := data; len(rest) > 0; {
					n := min(len(rest), 32<<10)
					f.Write(rest[:n])
					rest = rest[n:]
				}
				if _, err := f.Summary(nil, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
