package supply

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
)

// Lacking brings files into the store as far as they can be had, and says of the others why not, by SHA-256. One that
// fails does not stop the rest; a host that could not be reached is not asked for every file. Errors: of the context.
func (s *Supply) Lacking(ctx context.Context, n imagegen.Needs) (map[string]error, error) {
	var jobs []job
	lacking := map[string]error{}
	for _, w := range n.Wheels {
		switch {
		case w.File.Build != "":
			if err := s.takeBuilt(ctx, w); err != nil {
				lacking[w.File.SHA256] = err
			}
		case w.Package.Path != "":
			if err := s.takeWheel(ctx, w); err != nil {
				lacking[w.File.SHA256] = err
			}
		case w.Package.URL != "":
			jobs = append(jobs, remoteWheel(w))
		default:
			jobs = append(jobs, s.indexWheel(w))
		}
	}
	jobs = append(jobs, s.debJobs(n.Debs)...)
	for _, f := range n.Data {
		if f.Path == "" {
			jobs = append(jobs, s.dataJob(f))
		} else if err := s.takeData(ctx, f); err != nil {
			lacking[f.SHA256] = err
		}
	}
	if i := n.Interpreter; i != nil {
		if err := s.FetchInterpreter(ctx, *i); err != nil {
			lacking[i.SHA256] = err
		}
	}
	if missing, total := s.missing(jobs); len(missing) > 0 {
		s.bringEach(ctx, missing, total, lacking)
	}
	return lacking, ctx.Err()
}

// bringEach downloads files, and notes for which that fails.
func (s *Supply) bringEach(ctx context.Context, jobs []job, total int64, lacking map[string]error) {
	name := "files"
	if len(jobs) == 1 {
		name = "file"
	}
	done := s.Task(fmt.Sprintf("downloading %d %s", len(jobs), name), total)
	var mu sync.Mutex
	silent := map[string]error{} // of the first file whose place could not be reached, by kind of file
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, j := range jobs {
		group.Go(func() error {
			kind, _, _ := strings.Cut(j.what, " ")
			mu.Lock()
			err := silent[kind]
			mu.Unlock()
			if err == nil {
				err = s.download(ctx, j, done)
			} else {
				err = diag.Wrap(err, 0, "%s was not asked for, since another could not be reached", j.what)
			}
			if err == nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			lacking[j.sha256] = err
			if silent[kind] == nil && errors.As(err, new(net.Error)) {
				silent[kind] = err
			}
			return nil
		})
	}
	_ = group.Wait()
}
