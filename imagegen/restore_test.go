package imagegen

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/envpack/envpack/imagegen/layertar"
)

// sparse is a tar with one file that is a hole, in GNU's PAX form 0.1: the map is in the extended header, and no data follow.
func sparse(t *testing.T, name string, size int64) []byte {
	t.Helper()
	records := ""
	for _, text := range []string{
		"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=" + name, "GNU.sparse.numblocks=1", "GNU.sparse.map=0,0",
		fmt.Sprintf("GNU.sparse.size=%d", size),
	} {
		n := len(text) + 2 // the space and the end of the line
		for n != len(text)+2+len(fmt.Sprint(n)) {
			n++
		}
		records += fmt.Sprintf("%d %s\n", n, text)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := bytes.Clone(b.Bytes()[:512])
	head[156] = tar.TypeXHeader
	copy(head[124:135], fmt.Sprintf("%011o", len(records)))
	copy(head[148:156], "        ") // the checksum's own field counts as spaces
	sum := 0
	for _, c := range head {
		sum += int(c)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	pax := append(head, records...)
	return append(append(pax, make([]byte, -len(records)&511)...), b.Bytes()...)
}

// TestRestoreSparse: a file with more holes than a layer may have bytes is not written out.
func TestRestoreSparse(t *testing.T) {
	const size = 1_000_000_000_000
	data := sparse(t, "app/hole", size)
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
