package publish

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/envpack/envpack/internal/diag"
)

// writtenAhead writes layers ahead of the output.
func writtenAhead(t *testing.T, out Output, layers ...*testLayer) *Ahead {
	t.Helper()
	a := NewAhead(out)
	for _, l := range layers {
		d := a.Begin()
		for _, part := range [][]byte{l.data[:10], l.data[10:]} {
			if n, err := d.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		d.Keep(l.digest)
	}
	return a
}

func filesBelow(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n++
		}
		return nil
	})
	return n
}

func TestAhead(t *testing.T) {
	out := Output{Layout, filepath.Join(t.TempDir(), "a", "image")}
	img, layers := sample(t, "linux/amd64")
	ahead := writtenAhead(t, out, layers[0], layers[1], layers[1])
	other := ahead.Begin()
	other.Write(layers[2].data)
	other.Discard()
	if n := filesBelow(t, out.Path); n != 2 {
		t.Errorf("there are %d files before the image is written, not 2", n)
	}
	if err := out.Check(1); err != nil {
		t.Error("the begun layout is refused:", err)
	}
	var done, total int64
	opts := Options{Ahead: ahead, Progress: func(d, t int64) { done, total = d, t }}
	if err := Write(context.Background(), out, artifact(t, img), opts); err != nil {
		t.Fatal(err)
	}
	ahead.Close()
	if done != total || total < layers[1].size {
		t.Errorf("%d of %d bytes are told of", done, total)
	}
	for i, want := range []int64{0, 0, 1} {
		if got := layers[i].opened.Load(); got != want {
			t.Errorf("layer %d was read %d times, not %d", i, got, want)
		}
		data, err := os.ReadFile(filepath.Join(out.Path, "blobs", "sha256", layers[i].digest[len("sha256:"):]))
		if err != nil || !bytes.Equal(data, layers[i].data) {
			t.Errorf("layer %d is not in the layout: %v", i, err)
		}
	}
	if n := filesBelow(t, out.Path); n != 3+2+2 { // layers, config and manifest, index and version
		t.Errorf("there are %d files", n)
	}
}

// TestAheadIsDropped has an image that is not written in the end.
func TestAheadIsDropped(t *testing.T) {
	top := t.TempDir()
	out := Output{Layout, filepath.Join(top, "a", "image")}
	_, layers := sample(t, "linux/amd64")
	writtenAhead(t, out, layers...).Close()
	if list, err := os.ReadDir(top); err != nil || len(list) > 0 {
		t.Error("left behind:", list, err)
	}
	// What was there stays.
	if err := os.MkdirAll(filepath.Join(out.Path, "blobs", "sha256", "kept"), 0o777); err != nil {
		t.Fatal(err)
	}
	writtenAhead(t, out, layers...).Close()
	if list, err := os.ReadDir(filepath.Join(out.Path, "blobs", "sha256")); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}

// TestAheadOfAnother: what was written ahead of one output, or is not what the image has, is not taken.
func TestAheadOfAnother(t *testing.T) {
	top := t.TempDir()
	out := Output{Layout, filepath.Join(top, "image")}
	img, layers := sample(t, "linux/amd64")
	ahead := NewAhead(Output{Layout, filepath.Join(top, "other")})
	defer ahead.Close()
	d := ahead.Begin()
	d.Write(layers[0].data)
	d.Keep(layers[0].digest)
	if err := Write(context.Background(), out, artifact(t, img), Options{Ahead: ahead}); err != nil || layers[0].opened.Load() != 1 {
		t.Error(err, layers[0].opened.Load())
	}
	short := NewAhead(out)
	os.RemoveAll(out.Path)
	d = short.Begin()
	d.Write(layers[0].data[1:])
	d.Keep(layers[0].digest)
	if err := Write(context.Background(), out, artifact(t, img), Options{Ahead: short}); err != nil || layers[0].opened.Load() != 2 {
		t.Error(err, layers[0].opened.Load())
	}
	short.Close()
	if n := filesBelow(t, out.Path); n != 3+2+2 {
		t.Errorf("there are %d files", n)
	}
}

// TestAheadOfNothing has no folder that layers could be written into: writing the output says so.
func TestAheadOfNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	out := Output{Layout, filepath.Join(file, "image")}
	img, layers := sample(t, "linux/amd64")
	ahead := writtenAhead(t, out, layers...)
	err := Write(context.Background(), out, artifact(t, img), Options{Ahead: ahead})
	if err == nil || diag.CodeOf(err) != diag.Failure {
		t.Error(err)
	}
	ahead.Close()
}

// TestAheadGivesUp has a disk that takes no more: the layer is written once more in the end.
func TestAheadGivesUp(t *testing.T) {
	out := Output{Layout, filepath.Join(t.TempDir(), "image")}
	img, layers := sample(t, "linux/amd64")
	ahead := NewAhead(out)
	d := ahead.Begin()
	d.Write(layers[0].data[:10])
	d.file.Close()
	if n, err := d.Write(layers[0].data[10:]); err != nil || n != len(layers[0].data)-10 {
		t.Error(n, err)
	}
	d.Keep(layers[0].digest)
	if err := Write(context.Background(), out, artifact(t, img), Options{Ahead: ahead}); err != nil || layers[0].opened.Load() != 1 {
		t.Error(err, layers[0].opened.Load())
	}
	ahead.Close()
	if n := filesBelow(t, out.Path); n != 3+2+2 {
		t.Errorf("there are %d files", n)
	}
}
