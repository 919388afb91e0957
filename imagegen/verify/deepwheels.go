package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/internal/wheelfile"
)

// wheels compares the files of wheels, several at once.
func (d *deep) wheels(ctx context.Context, wheels []imagegen.Wheel, python string) error {
	var mu sync.Mutex        // of the report
	had := map[string]bool{} // paths that are as some wheel has them, which is the one that has them by the lock
	var results []*wheelResult
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(d.Jobs, 1))
	var size int64
	for _, w := range wheels {
		size += w.File.Size
	}
	advance := func(int64) {}
	if d.Task != nil && size > 0 {
		advance = d.Task("comparing files of wheels", size)
	}
	for _, w := range wheels {
		if err := d.lacking[w.File.SHA256]; err != nil {
			mu.Lock()
			d.Report.Unchecked = append(d.Report.Unchecked, Gap{Check: "files", What: "files of " + w.File.Name, Why: diagText(err), Err: err})
			mu.Unlock()
			continue
		}
		group.Go(func() error {
			r := &wheelResult{deep: d}
			err := r.compare(ctx, w, python)
			if cerr := ctx.Err(); cerr != nil {
				return cerr
			}
			advance(w.File.Size)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				d.unreadable(w.File.Name, err)
				return nil
			}
			r.add(w.File.Name)
			for _, path := range r.paths {
				had[path] = true
			}
			results = append(results, r)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	slices.SortFunc(results, func(a, b *wheelResult) int { return strings.Compare(a.wheel, b.wheel) })
	for _, r := range results {
		for _, f := range r.faults {
			if !had[f.path] {
				f.report()
			}
		}
	}
	return nil
}

// wheelResult is what comparing one wheel gave.
type wheelResult struct {
	*deep
	same, written int64
	deviating     int64
	deviations    []string
	wheel         string
	paths         []string // that are as the wheel has them
	faults        []wheelFault
}

type wheelFault struct {
	path   string
	report func()
}

func (r *wheelResult) add(wheel string) {
	f := r.files
	f.Wheels++
	f.Wheel += r.same
	f.Written += r.written
	f.Deviating += r.deviating
	if len(r.deviations) > 0 {
		if f.Deviations == nil {
			f.Deviations = map[string][]string{}
		}
		f.Deviations[wheel] = r.deviations
	}
}

func (r *wheelResult) compare(ctx context.Context, w imagegen.Wheel, python string) error {
	r.wheel = w.File.Name
	blob, err := r.store.Blob(w.File.SHA256)
	if err != nil {
		return err
	}
	defer blob.Close()
	file, err := wheelfile.Open(w.File.Name, blob, blob.Size())
	if err != nil {
		return err
	}
	in, err := install.Plan(file, blob, install.Layout{Python: python, Prefix: imagegen.Prefix})
	if err != nil {
		return err
	}
	for _, deviation := range in.Deviations {
		r.deviations = append(r.deviations, deviation.String())
	}
	for _, s := range in.Sources() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.file(in, s, w.File.Name); err != nil {
			return err
		}
	}
	return nil
}

// file compares one file of a wheel.
func (r *wheelResult) file(in *install.Installed, s install.Source, wheel string) error {
	got, ok := r.tree.Lookup(s.Path)
	if !ok {
		if !r.broken() {
			r.fault(s.Path, 0, "of %s is missing", wheel)
		}
		return nil
	}
	sum := s.Sum
	if !s.Written {
		var err error
		if sum, err = r.member(in, s); err != nil {
			return err
		}
	}
	switch {
	case got.Type != regular:
		r.fault(s.Path, got.Layer, "is a %s, and a file in %s", got.Type, wheel)
	case got.Mode != modeOf(s.Mode):
		r.fault(s.Path, got.Layer, "has the mode %s, and %s by %s", got.Mode, modeOf(s.Mode), wheel)
	case !owned(got, 0, 0):
		r.fault(s.Path, got.Layer, "belongs to %d:%d, and what wheels bring belongs to 0:0", got.UID, got.GID)
	case sum != nil && fmt.Sprintf("%x", sum) != got.SHA256:
		r.fault(s.Path, got.Layer, "has the SHA-256 %s, and %x in %s", got.SHA256, sum, wheel)
	case s.Written:
		r.written++
		r.paths = append(r.paths, s.Path)
	default:
		r.same++
		r.paths = append(r.paths, s.Path)
	}
	return nil
}

// fault keeps what is wrong until the report is free.
func (r *wheelResult) fault(p string, layer int, format string, args ...any) {
	r.faults = append(r.faults, wheelFault{p, func() { r.deep.fault(p, layer, format, args...) }})
}

// member is the SHA-256 of a wheel's file, which is held to what RECORD states.
func (r *wheelResult) member(in *install.Installed, s install.Source) ([]byte, error) {
	own := sha256.New()
	var stated hash.Hash
	if s.Stated.Algorithm != "" && s.Stated.Algorithm != wheelfile.SHA256 {
		stated = wheelfile.NewHash(s.Stated.Algorithm)
	}
	err := in.ReadMember(s.Member, func(p []byte) error {
		own.Write(p)
		if stated != nil {
			stated.Write(p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sum := own.Sum(nil)
	says := sum
	if stated != nil {
		says = stated.Sum(nil)
	}
	if s.Stated.Algorithm != "" && !bytes.Equal(says, s.Stated.Sum) {
		r.deviating++
		r.deviations = append(r.deviations, fmt.Sprintf("%s: RECORD says %q, the file %q", s.Member, s.Stated.String(), wheelfile.Digest{Algorithm: s.Stated.Algorithm, Sum: says}.String()))
	}
	return sum, nil
}
