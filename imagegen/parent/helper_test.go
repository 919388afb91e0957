package parent

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// testLayer is a layer that gives data, and promises what promised and plain have.
type testLayer struct {
	data, promised, plain []byte
	media                 types.MediaType
	opened                int
}

func (l *testLayer) Digest() (v1.Hash, error)            { return v1.NewHash(digest(l.promised)) }
func (l *testLayer) DiffID() (v1.Hash, error)            { return v1.NewHash(digest(l.plain)) }
func (l *testLayer) Size() (int64, error)                { return int64(len(l.promised)), nil }
func (l *testLayer) MediaType() (types.MediaType, error) { return l.media, nil }
func (l *testLayer) Compressed() (io.ReadCloser, error) {
	l.opened++
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

// file is "folder/", "name -> symlink", "name => hard link" or "name" with content.
type file struct{ name, content string }

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: 0o644}
		name, soft, isSoft := strings.Cut(f.name, " -> ")
		other, hard, isHard := strings.Cut(f.name, " => ")
		switch {
		case isSoft:
			h.Typeflag, h.Name, h.Linkname = tar.TypeSymlink, name, soft
		case isHard:
			h.Typeflag, h.Name, h.Linkname = tar.TypeLink, other, hard
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
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

func gzipped(t testing.TB, files ...file) *testLayer {
	plain := tarOf(t, files...)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(plain)
	z.Close()
	return &testLayer{data: b.Bytes(), promised: b.Bytes(), plain: plain, media: types.OCILayer}
}

func zstandard(t testing.TB, files ...file) *testLayer {
	plain := tarOf(t, files...)
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(plain)
	z.Close()
	return &testLayer{data: b.Bytes(), promised: b.Bytes(), plain: plain, media: types.OCILayerZStd}
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

func newImage(t testing.TB, architecture string, layers ...*testLayer) v1.Image {
	t.Helper()
	diffs, descriptors := []string{}, []map[string]any{}
	for _, l := range layers {
		diffs = append(diffs, digest(l.plain))
		descriptors = append(descriptors, map[string]any{"mediaType": l.media, "digest": digest(l.promised), "size": len(l.promised)})
	}
	marshal := func(v any) []byte {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	config := marshal(map[string]any{"os": "linux", "architecture": architecture, "created": "2026-01-02T03:04:05+01:00",
		"config": map[string]any{"Env": []string{"PATH=/usr/local/bin:/usr/bin:/bin", "A=b"}}, "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	manifest := marshal(map[string]any{"schemaVersion": 2, "mediaType": types.OCIManifestSchema1,
		"config": map[string]any{"mediaType": types.OCIConfigJSON, "digest": digest(config), "size": len(config)}, "layers": descriptors})
	img, err := partial.CompressedToImage(&testImage{config, manifest, layers})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func read(t testing.TB, layers ...*testLayer) *Parent {
	t.Helper()
	p, err := Read(context.Background(), newImage(t, "amd64", layers...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// binaryOf is the head of an ELF file for the machine, with a loader, and then text.
func binaryOf(architecture, loader, text string) string {
	order := binary.LittleEndian
	b := make([]byte, 64+56)
	copy(b, "\x7fELF\x02\x01\x01")
	order.PutUint16(b[18:], machines[architecture])
	order.PutUint64(b[32:], 64)
	order.PutUint16(b[54:], 56)
	order.PutUint16(b[56:], 1)
	if loader != "" {
		order.PutUint32(b[64:], ptInterp)
		order.PutUint64(b[64+8:], uint64(len(b)))
		order.PutUint64(b[64+32:], uint64(len(loader)+1))
		b = append(b, loader+"\x00"...)
	}
	return string(b) + text
}

const loader = "/lib64/ld-linux-x86-64.so.2"

func libc(architecture, version string) string {
	return binaryOf(architecture, "", "\x00GNU C Library (Debian GLIBC "+version+"-9) stable release version "+version+".\n")
}

// debian is a layer of a small Debian with the Python.
func debian(minor, version string) []file {
	return []file{
		{"etc/", ""}, {"etc/os-release -> ../usr/lib/os-release", ""},
		{"usr/", ""}, {"usr/lib/", ""}, {"lib -> usr/lib", ""}, {"bin -> usr/bin", ""}, {"lib64 -> usr/lib64", ""},
		{"usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"},
		{"usr/lib/x86_64-linux-gnu/libc.so.6", libc("amd64", "2.36")},
		{"usr/bin/", ""}, {"usr/bin/python3 -> python" + minor, ""},
		{"usr/bin/python" + minor, binaryOf("amd64", loader, "\x003.2.0\x00"+version+"\x00")},
		{"usr/lib/python" + minor + "/os.py", ""}, {"usr/lib/python" + minor + "/json/__init__.py", ""},
		{"usr/lib/python" + minor + "/ctypes/__init__.py", ""}, {"usr/lib/python" + minor + "/venv/__init__.py", ""},
		{"usr/lib/python" + minor + "/EXTERNALLY-MANAGED", ""}, {"usr/lib/python3/dist-packages/", ""},
		{"var/lib/dpkg/status", status("libc6", "2.36-9", "python"+minor+"-minimal", version+"-6+deb12u4")},
	}
}

func status(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nVersion: %s\nArchitecture: amd64\nDescription: a\n b\n .\n c\n\n", pairs[i], pairs[i+1])
	}
	return b.String()
}
