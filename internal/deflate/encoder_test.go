package deflate

import (
	"bytes"
	stdflate "compress/flate"
	"io"
	"os"
	"testing"
)

func BenchmarkDeflate(b *testing.B) {
	name := os.Getenv("DEFLATE_BENCH_FILE")
	if name == "" {
		b.Skip("DEFLATE_BENCH_FILE names no file")
	}
	src, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	e := new(Encoder)
	b.SetBytes(int64(len(src)))
	for range b.N {
		out.Reset()
		e.Reset(&out)
		if _, err := e.Write(src); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len()), "bytes-out")
	b.StopTimer()
	back, err := io.ReadAll(stdflate.NewReader(&out))
	if err != nil || !bytes.Equal(back, src) {
		b.Fatal("not read back:", err)
	}
}
