package publish

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// testLayer counts how often it is opened.
type testLayer struct {
	data, diff []byte
	digest     string // what it says of itself
	size       int64
	opened     *atomic.Int64
	fail       error // what reading ends with
}

func newLayer(name, content string) *testLayer {
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755})
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644})
	io.WriteString(w, content)
	w.Close()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(plain.Bytes())
	z.Close()
	return &testLayer{data: zipped.Bytes(), diff: plain.Bytes(), digest: digest(zipped.Bytes()), size: int64(zipped.Len()), opened: new(atomic.Int64)}
}

func (l *testLayer) Digest() (v1.Hash, error)            { return v1.NewHash(l.digest) }
func (l *testLayer) DiffID() (v1.Hash, error)            { return v1.NewHash(digest(l.diff)) }
func (l *testLayer) Size() (int64, error)                { return l.size, nil }
func (l *testLayer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l *testLayer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.diff)), nil
}
func (l *testLayer) Compressed() (io.ReadCloser, error) {
	l.opened.Add(1)
	if l.fail != nil {
		return io.NopCloser(io.MultiReader(bytes.NewReader(l.data[:10]), failing{l.fail})), nil
	}
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type testImage struct {
	config, manifest []byte
	layers           []*testLayer
}

func (m *testImage) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (m *testImage) RawManifest() ([]byte, error)        { return m.manifest, nil }
func (m *testImage) RawConfigFile() ([]byte, error)      { return m.config, nil }
func (m *testImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range m.layers {
		if l.digest == h.String() {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no layer %s", h)
}

func newImage(t testing.TB, platform string, layers ...*testLayer) PlatformImage {
	t.Helper()
	system, arch, _ := strings.Cut(platform, "/")
	var diffs []string
	var descriptors []map[string]any
	for _, l := range layers {
		diffs = append(diffs, digest(l.diff))
		descriptors = append(descriptors, map[string]any{"mediaType": types.OCILayer, "digest": l.digest, "size": l.size})
	}
	config, err := json.Marshal(map[string]any{"os": system, "architecture": arch, "config": map[string]any{"Cmd": []string{"/none"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": types.OCIManifestSchema1,
		"config": map[string]any{"mediaType": types.OCIConfigJSON, "digest": digest(config), "size": len(config)}, "layers": descriptors})
	if err != nil {
		t.Fatal(err)
	}
	img, err := partial.CompressedToImage(&testImage{config, manifest, layers})
	if err != nil {
		t.Fatal(err)
	}
	return PlatformImage{Platform: platform, Image: img}
}

// sample is an image of three layers, one of them larger than a buffer.
func sample(t testing.TB, platform string) (PlatformImage, []*testLayer) {
	noise := make([]byte, 300_000)
	rand.New(rand.NewSource(1)).Read(noise)
	layers := []*testLayer{newLayer("etc/os-release", "ID=test\n"), newLayer("etc/noise", string(noise)), newLayer("etc/platform", platform)}
	return newImage(t, platform, layers...), layers
}

func artifact(t testing.TB, images ...PlatformImage) *Artifact {
	t.Helper()
	a, err := New(images...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func reference(t testing.TB, s string) Reference {
	t.Helper()
	r, err := ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t testing.TB, out string, a *Artifact, opts Options) error {
	t.Helper()
	o, err := ParseOutput(out)
	if err != nil {
		t.Fatal(err)
	}
	return Write(context.Background(), o, a, opts)
}
