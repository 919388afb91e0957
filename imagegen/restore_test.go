package imagegen

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/testenv"
)

// TestRestoreSparse: a file with more holes than a layer may have bytes is not written out.
func TestRestoreSparse(t *testing.T) {
	const size = 1_000_000_000_000
	data := testenv.SparseTar("app/hole", nil, size)
	l := static.NewLayer(data, "application/vnd.oci.image.layer.v1.tar")
	digest, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	want := layertar.Promise{What: "layer 1", Digest: digest, DiffID: digest, Size: int64(len(data)), Limit: layertar.Limit(int64(len(data)))}
	err = layertar.Walk(t.Context(), l, want, nil, func(h *tar.Header, _ io.Reader) error {
		if h.Size != size {
			t.Errorf("%s has %d bytes: the tar is not read as it was meant", h.Name, h.Size)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	spool, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	if _, err := RestoreProject(t.Context(), l, want, "/app", spool); err == nil || !strings.Contains(err.Error(), "has files of more than") {
		t.Errorf("restored, %v", err)
	}
	if info, err := spool.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%v %v", info, err)
	}
}
