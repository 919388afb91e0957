package compare

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// testLayer is a layer of a tar. Reading data is counted.
type testLayer struct {
	plain, data []byte
	promised    []byte // of which the digests are; data if nil
	made        string
	opened      int
}

func (l *testLayer) promise() []byte {
	if l.promised != nil {
		return l.promised
	}
	return l.data
}

func hashOf(data []byte) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(data))}
}

func (l *testLayer) Digest() (v1.Hash, error)             { return hashOf(l.promise()), nil }
func (l *testLayer) DiffID() (v1.Hash, error)             { return hashOf(l.plain), nil }
func (l *testLayer) Size() (int64, error)                 { return int64(len(l.promise())), nil }
func (l *testLayer) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }
func (l *testLayer) Uncompressed() (io.ReadCloser, error) { panic("not used") }
func (l *testLayer) Compressed() (io.ReadCloser, error) {
	l.opened++
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

// item is an entry of a test's tar: a file of that content, a folder if its name ends in a slash.
type item struct {
	name, content string
	change        func(*tar.Header)
}

var date = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range items {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: 0o644, ModTime: date}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if f.change != nil {
			f.change(h)
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zip(t testing.TB, data []byte, level int, change func(*gzip.Header)) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&z.Header)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stored(t testing.TB, made string, plain []byte) *testLayer {
	t.Helper()
	return &testLayer{plain: plain, data: zip(t, plain, 6, nil), made: made}
}

func layerOf(t testing.TB, made string, items ...item) *testLayer {
	t.Helper()
	return stored(t, made, tarOf(t, items...))
}

// image makes an image of layers; change may be nil.
func image(t testing.TB, change func(*v1.ConfigFile), layers ...*testLayer) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	var list []mutate.Addendum
	for _, l := range layers {
		list = append(list, mutate.Addendum{Layer: l, History: v1.History{CreatedBy: l.made}, MediaType: types.OCILayer})
	}
	img, err := mutate.Append(img, list...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", "amd64"
	if change != nil {
		change(c)
	}
	if img, err = mutate.ConfigFile(img, c); err != nil {
		t.Fatal(err)
	}
	return img
}

func compareImages(t testing.TB, a, b v1.Image, o Options) *Report {
	t.Helper()
	r, err := Images(context.Background(), Side{Image: a}, Side{Image: b}, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pairOf compares two tars as layers.
func pairOf(t testing.TB, a, b []byte, o Options) *LayerPair {
	t.Helper()
	return pairOfLayers(t, stored(t, "a", a), stored(t, "b", b), o)
}

func pairOfLayers(t testing.TB, a, b *testLayer, o Options) *LayerPair {
	t.Helper()
	p, err := Layers(context.Background(), Layer{Layer: a, Number: 1}, Layer{Layer: b, Number: 1}, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
