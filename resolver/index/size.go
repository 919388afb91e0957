package index

import (
	"context"
	"fmt"

	"github.com/envpack/envpack/internal/diag"
)

// Size is how many bytes a file has, for indexes that do not say: HTML pages have no sizes (PEP 503).
// The server is asked for the file's last byte; one that knows no ranges has to send the whole file,
// which then is in the store. Errors are diag errors of fetching.
func (x *Index) Size(ctx context.Context, f File) (int64, error) {
	if f.Size >= 0 {
		return f.Size, nil
	}
	if f.SHA256 != "" {
		if b, err := x.o.Store.Blob(f.SHA256); err == nil {
			defer b.Close()
			return b.Size(), nil
		}
	}
	if path, ok := LocalPath(f.URL); ok {
		file, size, err := x.openLocal(path)
		if err == nil {
			file.Close()
		}
		return size, err
	}
	part, err := x.o.Fetch.Suffix(ctx, f.URL, 1)
	if err == nil {
		return part.Total, nil
	}
	if rangesRefused(err) {
		if f, err = x.Learn(ctx, f); err == nil && f.Size < 0 {
			err = x.o.Fetch.Download(ctx, f.URL, f.SHA256, -1, x.o.Store, nil)
		}
		if err == nil && f.Size >= 0 {
			return f.Size, nil
		}
		if err == nil {
			b, err := x.o.Store.Blob(f.SHA256)
			if err != nil {
				return 0, err
			}
			defer b.Close()
			return b.Size(), nil
		}
	}
	return 0, diag.Wrap(err, diag.Fetch, "asking index %s how large %s is", x.o.Name, f.Filename)
}

// Size gives the size of a file of a project that this set gave. Errors are those of Index.Size.
func (s *Set) Size(ctx context.Context, p *Project, f File) (int64, error) {
	x := s.byName[p.IndexName]
	if x == nil {
		return 0, fmt.Errorf("no index has the name %q", p.IndexName)
	}
	return x.Size(ctx, f)
}
