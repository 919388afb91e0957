package sdistfile

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
)

// Names lists the files of a source distribution, a .tar.gz or .zip, below its one folder. Nothing of them is read.
//
// Errors: an archive that is damaged, goes beyond what is read, or is of another form.
func Names(ctx context.Context, name string, r io.ReaderAt, size int64) ([]string, error) {
	a := &archive{ctx: ctx, name: name}
	var list []string
	add := func(member string) error {
		if err := a.count(); err != nil {
			return err
		}
		if _, rest, ok := strings.Cut(path.Clean(member), "/"); ok && !strings.HasPrefix(rest, "../") {
			list = append(list, rest)
		}
		return nil
	}
	switch {
	case strings.HasSuffix(name, ".zip"):
		z, err := zip.NewReader(r, size)
		if err != nil {
			return nil, err
		}
		for _, f := range z.File {
			if err := add(f.Name); err != nil {
				return nil, err
			}
		}
		return list, nil
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		z, err := gzip.NewReader(io.NewSectionReader(r, 0, size))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		t := tar.NewReader(io.LimitReader(z, maxTar))
		for {
			h, err := t.Next()
			switch {
			case err == io.EOF:
				return list, nil
			case err != nil:
				return nil, err
			}
			if h.Typeflag == tar.TypeReg {
				if err := add(h.Name); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, fmt.Errorf("%s has a form whose files are not listed", name)
}
