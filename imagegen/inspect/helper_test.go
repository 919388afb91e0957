package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// testLayer is a layer that gives data, and promises what promised and plain have.
type testLayer struct {
	data, promised, plain []byte
	made                  string // the line of history
	fail                  error  // what reading ends with
	opened                int
}

func (l *testLayer) Digest() (v1.Hash, error)            { return v1.NewHash(digest(l.promised)) }
func (l *testLayer) DiffID() (v1.Hash, error)            { return v1.NewHash(digest(l.plain)) }
func (l *testLayer) Size() (int64, error)                { return int64(len(l.promised)), nil }
func (l *testLayer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l *testLayer) Compressed() (io.ReadCloser, error) {
	l.opened++
	var r io.Reader = bytes.NewReader(l.data)
	if l.fail != nil {
		r = io.MultiReader(r, failing{l.fail})
	}
	return io.NopCloser(r), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// file is an entry of a layer: a folder if its name ends in a slash.
type file struct{ name, content string }

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: 0o644}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
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

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func newLayer(t testing.TB, made string, files ...file) *testLayer {
	plain := tarOf(t, files...)
	data := zip(t, plain)
	return &testLayer{data: data, promised: data, plain: plain, made: made}
}

type testImage struct {
	config, manifest []byte
	layers           []*testLayer
}

func (m *testImage) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (m *testImage) RawManifest() ([]byte, error)        { return m.manifest, nil }
func (m *testImage) RawConfigFile() ([]byte, error)      { return m.config, nil }
func (m *testImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range m.layers {
		if digest(l.promised) == h.String() {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no layer %s", h)
}

func newImage(t testing.TB, change func(config map[string]any), layers ...*testLayer) v1.Image {
	t.Helper()
	diffs, descriptors, history := []string{}, []map[string]any{}, []map[string]any{{"created_by": "ENV A=b", "empty_layer": true}}
	for _, l := range layers {
		diffs = append(diffs, digest(l.plain))
		descriptors = append(descriptors, map[string]any{"mediaType": types.OCILayer, "digest": digest(l.promised), "size": len(l.promised)})
		history = append(history, map[string]any{"created_by": l.made})
	}
	about := map[string]any{"os": "linux", "architecture": "amd64", "created": "2026-01-02T03:04:05+01:00", "history": history,
		"config": map[string]any{"Cmd": []string{"python", "a b.py"}, "Env": []string{"A=b"}, "User": "1000:1000", "WorkingDir": "/app",
			"ExposedPorts": map[string]any{"8080/tcp": map[string]any{}}, "Labels": map[string]string{"k": "v"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}}
	if change != nil {
		change(about)
	}
	config := mustJSON(t, about)
	manifest := mustJSON(t, map[string]any{"schemaVersion": 2, "mediaType": types.OCIManifestSchema1,
		"config": map[string]any{"mediaType": types.OCIConfigJSON, "digest": digest(config), "size": len(config)}, "layers": descriptors})
	img, err := partial.CompressedToImage(&testImage{config, manifest, layers})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
