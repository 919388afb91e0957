package supply

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/resolver/index"
)

// job is one file to be brought into the store.
type job struct {
	sha256 string
	size   int64 // bytes; 0: not known
	what   string
	// find gives the addresses that may have the file, the first of which is where it should be.
	find func(ctx context.Context) ([]string, error)
	// anew gives the addresses again where those of find did not have the file, if what they are from may have been wrong. May be nil.
	anew func(ctx context.Context) ([]string, error)
	// former finds out, once no address of find had the file, where else it is. May be nil.
	former *former
	gone   []string // the hints for a file that is not there any more
	// replaced is the hint for a file that is another now; "": none.
	replaced string
	// either says that the addresses are of several files, one of which is it.
	either bool
	check  func() error // of the file when it is in the store; may be nil
	// then is done with the file as soon as it is there, while others are downloaded; may be nil. It is not done
	// with one that was there before.
	then func(context.Context) error
	// early, called before a download begins from an address, gives what can be done with the file while it grows.
	// It ends with its ctx, and before then begins; downloading ends with the download. May be nil.
	early func(address string) func(ctx, downloading context.Context)
}

// at is a find for a single address.
func at(address string, err error) ([]string, error) { return []string{address}, err }

// bring downloads what the store lacks; name is the kind of one. The first failure stops the rest.
func (s *Supply) bring(ctx context.Context, name string, jobs []job) error {
	missing, total := s.missing(jobs)
	if len(missing) == 0 {
		return check(jobs)
	}
	if len(missing) > 1 {
		name += "s"
	}
	done := s.Task(fmt.Sprintf("downloading %d %s", len(missing), name), total)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	reading := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, j := range missing {
		group.Go(func() error {
			if err := s.downloadReading(ctx, j, done); err != nil || j.then == nil {
				return err
			}
			reading <- struct{}{}
			defer func() { <-reading }()
			return j.then(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return check(jobs)
}

// missing are the jobs whose files the store lacks, each file once, and their size in bytes. The largest come first: reading one
// takes longest, and at the end nothing would be left to do beside it.
func (s *Supply) missing(jobs []job) (missing []job, total int64) {
	seen := map[string]bool{}
	for _, j := range jobs {
		if !seen[j.sha256] && !s.Store.Has(j.sha256) {
			missing = append(missing, j)
			total += j.size
		}
		seen[j.sha256] = true
	}
	slices.SortStableFunc(missing, func(a, b job) int { return cmp.Compare(b.size, a.size) })
	return missing, total
}

// check holds every file to what was said of it, also those that were in the store before.
func check(jobs []job) error {
	for _, j := range jobs {
		if j.check == nil {
			continue
		}
		if err := j.check(); err != nil {
			return err
		}
	}
	return nil
}

// downloadReading is download, with the file read early.
func (s *Supply) downloadReading(ctx context.Context, j job, done func(int64)) error {
	if j.early == nil {
		return s.download(ctx, j, done)
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	downloading, over := context.WithCancel(reading)
	defer over()
	var ended sync.WaitGroup
	find := j.find
	j.find = func(ctx context.Context) ([]string, error) {
		addresses, err := find(ctx)
		if err != nil || len(addresses) == 0 {
			return addresses, err
		}
		if _, local := index.LocalPath(addresses[0]); !local {
			run := j.early(addresses[0])
			ended.Go(func() { run(reading, downloading) })
		}
		return addresses, nil
	}
	err := s.download(ctx, j, done)
	over()
	if err != nil {
		cancel()
	} else {
		s.Store.Arrived(j.sha256)
	}
	ended.Wait()
	return err
}

// download tries the places of a file in turn. Wherever the bytes come from, their hash is the lock's, so
// that a further place changes nothing but whether they are found. The error is about the first place, and says
// which others were tried.
func (s *Supply) download(ctx context.Context, j job, done func(int64)) error {
	addresses, err := j.find(ctx)
	if err != nil {
		return err
	}
	err = s.downloadAny(ctx, addresses, j, done)
	if code := diag.CodeOf(err); j.anew != nil && ctx.Err() == nil && (code == diag.Fetch || code == diag.Mismatch) {
		others, again := j.anew(ctx)
		if again == nil && !slices.Equal(others, addresses) {
			return s.downloadAny(ctx, others, j, done)
		}
	}
	return err
}

// downloadAny is download from addresses that are known.
func (s *Supply) downloadAny(ctx context.Context, addresses []string, j job, done func(int64)) error {
	var first error
	var tried []string
	asked := j.former == nil
	for i := 0; i < len(addresses) || !asked; i++ {
		if i == len(addresses) {
			if asked = true; s.Offline {
				break
			}
			more, err := s.formerly(ctx, j.former)
			if ctx.Err() != nil {
				return wrapDownload(ctx.Err(), j)
			}
			if err != nil {
				tried = append(tried, hostOf(j.former.service))
			}
			addresses = append(addresses[:i:i], more...)
			i--
			continue
		}
		address := addresses[i]
		host := hostOf(address)
		if i > 0 && s.silent(host) {
			continue
		}
		err := s.downloadFrom(ctx, address, j, done)
		if err == nil || ctx.Err() != nil {
			return wrapDownload(err, j)
		}
		code := diag.CodeOf(err)
		if code == diag.Mismatch && j.replaced != "" {
			return diag.Wrap(err, 0, "%s", j.what).Hint("%s", j.replaced)
		}
		other := code == diag.Mismatch && (i > 0 || j.either) // what another place has instead is no news of the first
		if code != diag.Fetch && !other {
			return wrapDownload(err, j)
		}
		if i == 0 {
			first = err
			continue
		}
		if code == diag.Fetch && fetch.StatusOf(err) == 0 {
			s.quiet.Store(host, true)
		}
		tried = append(tried, host)
	}
	e := diag.Wrap(first, 0, "%s", j.what)
	if status := fetch.StatusOf(first); status == 404 || status == 410 {
		for _, hint := range j.gone {
			_ = e.Hint("%s", hint)
		}
	}
	slices.Sort(tried)
	if tried = slices.Compact(tried); len(tried) > 0 {
		_ = e.Hint("%s did not give it either", strings.Join(tried, ", "))
	}
	return e
}

func wrapDownload(err error, j job) error {
	if err == nil {
		return nil
	}
	return diag.Wrap(err, 0, "%s", j.what)
}

// silent tells whether a further place could not be reached before: with many files missing, waiting for it
// once is enough.
func (s *Supply) silent(host string) bool {
	_, ok := s.quiet.Load(host)
	return ok
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func (s *Supply) downloadFrom(ctx context.Context, address string, j job, done func(int64)) error {
	if path, ok := index.LocalPath(address); ok {
		return s.copyLocal(ctx, path, j, done)
	}
	var mu sync.Mutex
	var told int64
	size := j.size
	if size == 0 {
		size = -1
	}
	return s.Fetch.Download(ctx, address, j.sha256, size, s.Store, func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		done(n - told)
		told = n
	})
}
