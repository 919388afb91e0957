package compare

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// FuzzLayers compares two layers of any bytes: it ends, and finds the first byte that differs.
func FuzzLayers(f *testing.F) {
	plain := tarOf(f, base(nil)...)
	f.Add(plain, plain)
	f.Add(plain, zip(f, plain, 6, nil))
	f.Add(zip(f, plain, 6, nil), zip(f, tarOf(f, item{"etc/hosts", "x", nil}, item{"etc/.wh.a", "", nil}), 1, nil))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		p, err := Layers(ctx, Layer{Layer: &testLayer{data: a}, Number: 1}, Layer{Layer: &testLayer{data: b}, Number: 1}, Options{Contents: 3})
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(a, b) != (len(p.Bytes) == 0) && compression(a) != tarStored {
			t.Errorf("%+v", p)
		}
		for _, d := range p.Bytes {
			if d.Of == "stored" && (d.Offset > int64(min(len(a), len(b))) || !bytes.Equal(a[:d.Offset], b[:d.Offset])) {
				t.Errorf("%+v", d)
			}
		}
	})
}
