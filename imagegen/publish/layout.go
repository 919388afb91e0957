package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/newfile"
)

// writers is how many blobs are written at once.
const writers = 4

// writeLayout writes an OCI image layout into a folder. Blobs come first, index.json last, so whoever reads
// the folder at any moment finds a complete image: the old one or the new. Blobs that are there stay, those of
// other images too; index.json then names this image alone.
func writeLayout(ctx context.Context, dir string, a *Artifact, blobs []blob, opts Options, m *meter) error {
	if err := checkFolder(dir); err != nil {
		return err
	}
	blobDir := blobFolder(dir)
	if err := os.MkdirAll(blobDir, 0o777); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, b := range blobs {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			path := filepath.Join(blobDir, b.digest.Hex)
			if opts.Ahead.take(b, path) || have(path, b) {
				m.add(b.size)
				return nil
			}
			return newfile.Replace(path, 0, func(w io.Writer) error { return copyBlob(ctx, w, b, m) })
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var annotations map[string]string
	if !opts.Reference.IsZero() {
		annotations = map[string]string{refName: opts.Reference.Tag()}
	}
	top, err := layoutIndex(a, annotations)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"oci-layout", []byte(layoutFile)}, {"index.json", top}} {
		err := newfile.Replace(filepath.Join(dir, f.name), 0, func(w io.Writer) error { _, err := w.Write(f.data); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// blobFolder is where a layout has its blobs.
func blobFolder(layout string) string { return filepath.Join(layout, "blobs", "sha256") }

// checkFolder refuses to put an image among other things: the folder must be new, empty, or a layout,
// finished or not.
func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
		if name := e.Name(); name != "blobs" && name != "oci-layout" && name != "index.json" && filepath.Ext(name) != ".tmp" {
			return diag.New(diag.Usage, "the folder %s holds %s, so it is not an image layout", dir, name).
				Hint("choose a new or an empty folder")
		}
	}
	if names["index.json"] && !names["oci-layout"] && !names["blobs"] {
		return diag.New(diag.Usage, "the folder %s holds an index.json but no oci-layout, so it is not an image layout", dir).
			Hint("choose a new or an empty folder")
	}
	return nil
}

// have tells whether the blob is there already, by its content: other programs write layouts too, and disks fail.
func have(path string, b blob) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != b.size {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && fmt.Sprintf("%x", h.Sum(nil)) == b.digest.Hex
}
