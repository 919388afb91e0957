package supply

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/index"
)

// Index is an index besides the default one.
type Index struct {
	Name     string
	URL      string
	Path     string // instead of URL: a folder or file, relative to the project, with slashes
	Flat     bool   // all files of all packages are in one page or folder
	Undated  index.Undated
	Pos      diag.Position // of the address or path in the manifest; zero: of no place
	Default  bool
	Packages []string // that come from it alone; none: any
	// Variants are those of an index that is known by its name, and has neither URL nor Path, which come into question: the
	// first is what it is unless another one is asked for.
	Variants []string
}

// Options say where things come from.
type Options struct {
	Store    *store.Store
	Fetch    *fetch.Client
	Sources  *sources.Sources
	Registry publish.Client // speaks to registries, for images to stand on
	Indexes  []Index
	Undated  index.Undated // of the default index, where none of Indexes is it
	// SourcesFor finds the sources again, with the archives of the distribution of a codename.
	SourcesFor func(codename string) (*sources.Sources, error)
	KeyURLs    map[string]string    // addresses of the keys of archives that the manifest names, by archive
	Archives   []lockfile.Archive   // that a lock names
	Released   map[string]time.Time // dates of the newest releases that a lock was made from, by archive
	AsOf       time.Time            // the instant that a lock's distribution packages are of; zero: none
	// Replaced are packages whose requirements the manifest of a lock replaces: what an index said of them did not count.
	Replaced map[string]bool
	// Lock is the lock whose files are asked for: it says how wheels were built that nobody has any more. May be nil.
	Lock *lockfile.Lock
	// Shelf may have wheels that others built; nil: nothing has.
	Shelf Shelf
	Dir   string            // the project's folder, which has the files that manifest and lock name
	Tell  func(line string) // told where things come from; may be nil
	Warn  func(text string) // told what is left out; may be nil
	// GitBounds are for repositories that packages come from.
	GitBounds GitBounds
	Offline   bool
	Now       func() time.Time
	MaxAge    time.Duration // of cached index pages
	// Task is told of downloads; see imagegen.Builder. May be nil.
	Task func(name string, total int64) func(n int64)
}

// Supply answers for one command.
type Supply struct {
	Options
	set     *index.Set
	mu      sync.Mutex
	origins map[string]*publish.Origin  // by platform
	found   map[string]*sources.Sources // by codename
	keys    map[string][]byte           // that were fetched, by archive
	builds  builds
	step    func(context.Context, resolver.BuildOrder) (builtNote, error) // of a build; nil: buildStep
	quiet   sync.Map                                                      // hosts of further places that could not be reached
}

// parallel is how many files are downloaded at once: enough to fill a line, few enough for
// machines that allow 64 open files.
const parallel = 8

// New makes a supply. It makes no request.
func New(o Options) (*Supply, error) {
	if o.Task == nil {
		o.Task = func(string, int64) func(int64) { return func(int64) {} }
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	s := &Supply{Options: o}
	var list []index.Source
	hasDefault := false
	for _, i := range o.Indexes {
		if i.Default && o.Sources.Index.URL != "" {
			i.URL, i.Path, i.Pos = o.Sources.Index.URL, "", o.Sources.Index.Pos // a flag may have given it another address
		}
		src := index.Source{Packages: i.Packages, Variants: map[string]*index.Index{}}
		for _, variant := range i.Variants {
			of := i
			if of.URL = o.Sources.Variant(i.Name, variant); of.URL == "" {
				return nil, diag.New(diag.Failure, "envpack knows no index called %s, which the lock names without an address", i.Name).Hint("a newer envpack may")
			}
			if pos := o.Sources.Templates[i.Name].Pos; !pos.IsZero() {
				of.Pos = pos
			}
			x, err := s.newIndex(of)
			if err != nil {
				return nil, err
			}
			if src.Variants[variant] = x; src.Index == nil {
				src.Index = x
			}
		}
		if src.Index == nil {
			x, err := s.newIndex(i)
			if err != nil {
				return nil, err
			}
			src.Index = x
		}
		hasDefault = hasDefault || i.Default
		list = append(list, src)
	}
	if !hasDefault {
		x, err := s.newIndex(Index{Name: resolver.DefaultIndex, URL: o.Sources.Index.URL, Pos: o.Sources.Index.Pos, Undated: o.Undated})
		if err != nil {
			return nil, err
		}
		list = append(list, index.Source{Index: x})
	}
	var err error
	s.set, err = index.NewSet(list...)
	return s, err
}

func (s *Supply) newIndex(i Index) (*index.Index, error) {
	path := filepath.FromSlash(i.Path)
	if path != "" && !filepath.IsAbs(path) {
		var err error
		if path, err = filepath.Abs(filepath.Join(s.Dir, path)); err != nil {
			return nil, err
		}
	}
	return index.New(index.Options{
		URL: i.URL, Path: path, Flat: i.Flat, Undated: i.Undated, Name: i.Name, Pos: i.Pos, Forbids: len(i.Variants) > 0, Fetch: s.Fetch, Store: s.Store, MaxAge: s.MaxAge, Now: s.Now, Offline: s.Offline,
	})
}

// Packages are the indexes as the resolver wants them.
func (s *Supply) Packages() resolver.Packages { return s.set }

// Wheels implements imagegen.Supply.
func (s *Supply) Wheels(ctx context.Context, wheels []imagegen.Wheel) error {
	return s.wheels(ctx, wheels, nil)
}

// reader reads wheels while they are downloaded, by their place in a list.
type reader struct {
	early func(i int, address string) func(ctx, downloading context.Context) // as in job
	then  func(ctx context.Context, i int) error
}

// wheels is Wheels, with a reader of those that are downloaded; nil: none.
func (s *Supply) wheels(ctx context.Context, wheels []imagegen.Wheel, r *reader) error {
	var jobs []job
	for i, w := range wheels {
		if w.File.Build != "" {
			if err := s.takeBuilt(ctx, w); err != nil {
				return err
			}
			continue
		}
		if w.Package.Path != "" {
			if err := s.takeWheel(ctx, w); err != nil {
				return err
			}
			continue
		}
		if w.Package.URL != "" {
			jobs = append(jobs, remoteWheel(w))
		} else {
			jobs = append(jobs, s.indexWheel(w))
		}
		if r != nil {
			j := &jobs[len(jobs)-1]
			j.then = func(ctx context.Context) error { return r.then(ctx, i) }
			if w.File.Size >= largeWheel {
				j.early = func(address string) func(ctx, downloading context.Context) { return r.early(i, address) }
			}
		}
	}
	return s.bring(ctx, "wheel", jobs)
}

// indexWheel is the download of a wheel of an index.
func (s *Supply) indexWheel(w imagegen.Wheel) job {
	return job{
		sha256: w.File.SHA256, size: w.File.Size, what: "wheel " + w.File.Name,
		find:   func(ctx context.Context) ([]string, error) { return s.wheelURLs(ctx, w.Package, w.File) },
		anew:   func(ctx context.Context) ([]string, error) { return s.renewedURLs(ctx, w.Package, w.File) },
		either: true,
		gone:   []string{"the index has it no more; `envpack lock --upgrade-package " + w.Package.Name + "` chooses another"},
		check:  func() error { return s.checkMetadata(w) },
	}
}

// checkMetadata holds a wheel that was just downloaded to what the index had said of it when it was
// locked on this machine.
func (s *Supply) checkMetadata(w imagegen.Wheel) error {
	if s.Replaced[w.Package.Name] {
		return nil
	}
	if x := s.indexOf(w.Package); x != nil {
		return x.CheckMetadata(index.File{Filename: w.File.Name, SHA256: w.File.SHA256})
	}
	return nil
}

// Describe says where the default index's packages come from, for people; "" if it is the default.
func (s *Supply) Describe() string {
	if src := s.Sources.Index; !src.WellKnown {
		return fmt.Sprintf("packages from %s (%s)", cmp.Or(src.URL, src.Path), src.From)
	}
	return ""
}
