package imagegen

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/internal/diag"
)

// RestoreProject gives the project's files as an image's layer has them, so that the image can be built again where the
// project is not. Their contents are written into spool, which has to stay as long as the tree is used. Entries that no
// project's layer has are passed over: a layer that is built of the tree is another one then.
//
// Errors: those of [layertar.Walk], of writing, and of [project.FromFiles].
func RestoreProject(ctx context.Context, l v1.Layer, want layertar.Promise, workdir string, spool *os.File) (*project.Tree, error) {
	root := layertar.Clean(workdir)
	if root != "" {
		root += "/"
	}
	var files []project.File
	var end int64
	err := layertar.Walk(ctx, l, want, nil, func(h *tar.Header, content io.Reader) error {
		p, inside := strings.CutPrefix(layertar.Clean(h.Name), root)
		if !inside || p == "" {
			return nil
		}
		switch h.Typeflag {
		case tar.TypeSymlink:
			files = append(files, project.File{Path: p, Link: h.Linkname})
		case tar.TypeReg:
			if h.Size > want.Limit-end { // holes of a sparse file take no bytes of the tar
				return diag.New(diag.Failure, "%s has files of more than %d bytes", want.What, want.Limit).
					Hint("it looks made to exhaust who reads it; do not run this image")
			}
			f := project.File{Path: p, Executable: h.Mode&0o100 != 0, Host: spool.Name(), Offset: end}
			sum := sha256.New()
			var err error
			if f.Size, err = io.Copy(io.MultiWriter(spool, sum), content); err != nil {
				return fmt.Errorf("keeping a project file: %w", err)
			}
			sum.Sum(f.Sum[:0])
			end += f.Size
			files = append(files, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return project.FromFiles(files)
}
