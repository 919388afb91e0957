package compare

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"io"
	"math/rand"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/deflate"
)

// TestBlockAt counts blocks of all kinds, as a writer made them and a decoder decodes them.
func TestBlockAt(t *testing.T) {
	noise := make([]byte, 70_000)
	rand.New(rand.NewSource(2)).Read(noise)
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	type end struct {
		at  int64 // offset behind what was written so far
		out int64
	}
	var ends []end
	out := 0
	for _, part := range [][]byte{[]byte("short"), noise, []byte(strings.Repeat("some text, and the same again; ", 3000)), bytes.Repeat([]byte{0}, 100_000), noise[:10]} {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		out += len(part)
		ends = append(ends, end{int64(b.Len()), int64(out)})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	last := 0
	for _, e := range ends {
		block, decoded, ok := blockAt(bytes.NewReader(data), 0, e.at)
		if !ok || decoded != e.out || block <= last {
			t.Errorf("at %d: block %d, %d decoded, %t; want %d", e.at, block, decoded, ok, e.out)
		}
		last = block
	}
	if _, _, ok := blockAt(bytes.NewReader(data), 0, int64(len(data))+1); ok {
		t.Error("there is a byte behind the end")
	}
	// Every offset: what was decoded never goes back, and blocks neither.
	block, decoded := 0, int64(0)
	for at := int64(0); at < int64(len(data)); at += 997 {
		n, out, ok := blockAt(bytes.NewReader(append([]byte("head"), data...)), 4, at+4)
		if !ok || n < block || out < decoded {
			t.Fatalf("at %d: block %d, %d decoded", at, n, out)
		}
		block, decoded = n, out
	}
}

func FuzzBlockAt(f *testing.F) {
	var b bytes.Buffer
	e := deflate.NewEncoder(&b)
	if _, err := io.WriteString(e, strings.Repeat("some text ", 100)); err != nil {
		f.Fatal(err)
	}
	if err := e.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{3, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &blocks1951{r: bytes.NewReader(data), stop: int64(len(data)) + 1}
		err := s.run()
		var d deflate.Decoder
		if st, derr := d.DecodeBytes(data, 1<<24, nil); derr == nil && (err != io.EOF || s.out != st.Size) {
			t.Errorf("%d bytes and %v, and the decoder has %d", s.out, err, st.Size)
		}
	})
}

// flushed is gzip of data in which blocks end at some places.
func flushed(t *testing.T, data []byte, at ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	from := 0
	for _, to := range append(at, len(data)) {
		if _, err := z.Write(data[from:to]); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
		from = to
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRecompressed names the entry whose compression differs.
func TestRecompressed(t *testing.T) {
	var text strings.Builder
	r := rand.New(rand.NewSource(3))
	for range 20_000 {
		text.WriteString([]string{"alpha ", "beta ", "gamma\n", "delta, "}[r.Intn(4)])
	}
	noise := make([]byte, 50_000)
	r.Read(noise)
	plain := tarOf(t, item{"a/noise", string(noise), nil}, item{"b/text", text.String(), nil}, item{"c", "end", nil})
	a, b := stored(t, "x", plain), stored(t, "x", plain)
	a.data = flushed(t, plain, 51_000)
	b.data = flushed(t, plain, 51_000, 60_000) // another block in the midst of the text
	got := compareImages(t, image(t, nil, a), image(t, nil, b), Options{})
	p := got.Layers[0]
	if p.Match != Recompressed || len(p.Bytes) != 1 {
		t.Fatalf("%+v", p)
	}
	d := p.Bytes[0]
	if d.Place != "deflate data" || d.Block < 2 || d.Decoded < 51_000 || d.Decoded > 60_000 || d.Path != "b/text" {
		t.Errorf("%+v", d)
	}
	if err := inDeflate(context.Background(), nil, source{}); err != nil {
		t.Error(err)
	}
}
