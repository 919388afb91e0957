package imagegen

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/project"
)

// RestoreProject gives the project's files as an image's layer has them, so that the image can be built again where the
// project is not. Their contents are written into dir, which has to stay as long as the tree is used. Entries that no
// project's layer has are passed over: a layer that is built of the tree is another one then.
//
// Errors: those of [layertar.Walk], of writing, and of [project.FromFiles].
func RestoreProject(ctx context.Context, l v1.Layer, want layertar.Promise, workdir, dir string, advance func(int64)) (*project.Tree, error) {
	root := layertar.Clean(workdir)
	if root != "" {
		root += "/"
	}
	var files []project.File
	err := layertar.Walk(ctx, l, want, advance, func(h *tar.Header, content io.Reader) error {
		p, inside := strings.CutPrefix(layertar.Clean(h.Name), root)
		if !inside || p == "" {
			return nil
		}
		switch h.Typeflag {
		case tar.TypeSymlink:
			files = append(files, project.File{Path: p, Link: h.Linkname})
		case tar.TypeReg:
			f := project.File{Path: p, Executable: h.Mode&0o100 != 0, Host: filepath.Join(dir, fmt.Sprintf("%08d", len(files)))}
			if err := copyOut(&f, content); err != nil {
				return err
			}
			files = append(files, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return project.FromFiles(files)
}

// copyOut writes a file's content to its place.
func copyOut(f *project.File, content io.Reader) error {
	out, err := os.OpenFile(f.Host, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a project file: %w", err)
	}
	h := sha256.New()
	f.Size, err = io.Copy(io.MultiWriter(out, h), content)
	if cerr := out.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing a project file: %w", err)
	}
	h.Sum(f.Sum[:0])
	return nil
}
