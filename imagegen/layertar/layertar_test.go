package layertar_test

import (
	"archive/tar"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
)

// TestHole: who reads a sparse file reads no more of its hole than a layer may have bytes.
func TestHole(t *testing.T) {
	for _, test := range []struct {
		size int64
		want string
	}{{1 << 20, ""}, {1 << 60, "layer 1 has 3072 bytes and unpacks to more than 10000000"}} {
		data := testenv.SparseTar("usr/bin/python3", []byte("\x7fELF"), test.size)
		l := static.NewLayer(data, "application/vnd.oci.image.layer.v1.tar")
		digest, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		read := int64(0)
		want := layertar.Promise{What: "layer 1", Digest: digest, DiffID: digest, Size: int64(len(data)), Limit: 10_000_000}
		err = layertar.Walk(t.Context(), l, want, nil, func(h *tar.Header, content io.Reader) (err error) {
			if h.Size != test.size {
				t.Errorf("%s has %d bytes", h.Name, h.Size)
			}
			read, err = io.Copy(io.Discard, content)
			return err
		})
		if test.want == "" && (err != nil || read != test.size) || test.want != "" && (diag.CodeOf(err) != diag.Failure || !strings.Contains(err.Error(), test.want)) || read > want.Limit {
			t.Errorf("%d bytes: %d read, %v", test.size, read, err)
		}
	}
}
