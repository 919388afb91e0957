package install_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

// TestSplicedVerbatim finds the compressed bytes of each real wheel's largest member in the wheel's
// layer, as the wheel has them: but for the bit that ends the stream, in the header of its last
// block, and the unused bits of its last byte. What lies before and between them is compared whole.
func TestSplicedVerbatim(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(testenv.Wheels(t), "*.whl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no wheels: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			w, err := wheelfile.Open(filepath.Base(name), bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			var largest wheelfile.Entry
			for _, e := range w.Entries {
				if e.Method == wheelfile.Deflate && e.CompressedSize > largest.CompressedSize {
					largest = e
				}
			}
			in, _ := planFile(t, name)
			var out bytes.Buffer
			if _, err := layer.Write(context.Background(), layer.WithParents(in.Entries()), layer.Options{Output: &out}); err != nil {
				t.Fatal(err)
			}
			raw := data[largest.DataOffset : largest.DataOffset+largest.CompressedSize]
			if at, differ := findSpliced(out.Bytes(), raw); at < 0 || differ > 2 {
				t.Errorf("%s: its %d compressed bytes are not in the layer (at %d, %d differ)", largest.Name, len(raw), at, differ)
			} else {
				t.Logf("%s: %d bytes at %d, %d of them differ", largest.Name, len(raw), at, differ)
			}
		})
	}
}

// findSpliced looks for raw in the layer by a piece from its middle, and counts the bytes that differ.
func findSpliced(out, raw []byte) (at, differ int) {
	middle := len(raw) / 3
	i := bytes.Index(out, raw[middle:middle+min(64, len(raw)-middle)])
	if i < 0 || i-middle < 0 || i-middle+len(raw) > len(out) {
		return -1, 0
	}
	at = i - middle
	for j := range raw {
		if out[at+j] != raw[j] {
			differ++
		}
	}
	return at, differ
}
