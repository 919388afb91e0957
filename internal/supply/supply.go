package supply

import (
	"context"
	"errors"
	"fmt"
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
	Default  bool
	Packages []string // that come from it alone; none: any
}

// Options say where things come from.
type Options struct {
	Store    *store.Store
	Fetch    *fetch.Client
	Sources  *sources.Sources
	Registry publish.Client // speaks to registries, for images to stand on
	Indexes  []Index
	// SourcesFor finds the sources again, with the archives of the distribution of a codename.
	SourcesFor func(codename string) (*sources.Sources, error)
	KeyURLs    map[string]string    // addresses of the keys of archives that the manifest names, by archive
	Archives   []lockfile.Archive   // that a lock names
	Released   map[string]time.Time // dates of the newest releases that a lock was made from, by archive
	AsOf       time.Time            // the instant that a lock's distribution packages are of; zero: none
	// Replaced are packages whose requirements the manifest of a lock replaces: what an index said of them did not count.
	Replaced map[string]bool
	Dir      string            // the project's folder, which has the files that manifest and lock name
	Tell     func(line string) // told where things come from; may be nil
	Offline  bool
	Now      func() time.Time
	MaxAge   time.Duration // of cached index pages
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
	quiet   sync.Map                    // hosts of further places that could not be reached
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
	s := &Supply{Options: o}
	var list []index.Source
	hasDefault := false
	for _, i := range o.Indexes {
		if i.Default {
			i.URL = o.Sources.Index.URL // a flag may have given it another address
		}
		x, err := s.newIndex(i.Name, i.URL)
		if err != nil {
			return nil, err
		}
		hasDefault = hasDefault || i.Default
		list = append(list, index.Source{Index: x, Packages: i.Packages})
	}
	if !hasDefault {
		x, err := s.newIndex(resolver.DefaultIndex, o.Sources.Index.URL)
		if err != nil {
			return nil, err
		}
		list = append(list, index.Source{Index: x})
	}
	var err error
	s.set, err = index.NewSet(list...)
	return s, err
}

func (s *Supply) newIndex(name, url string) (*index.Index, error) {
	return index.New(index.Options{
		URL: url, Name: name, Fetch: s.Fetch, Store: s.Store, MaxAge: s.MaxAge, Now: s.Now, Offline: s.Offline,
	})
}

// Packages are the indexes as the resolver wants them.
func (s *Supply) Packages() resolver.Packages { return s.set }

// Wheels implements imagegen.Supply.
func (s *Supply) Wheels(ctx context.Context, wheels []imagegen.Wheel) error {
	var jobs []job
	for _, w := range wheels {
		jobs = append(jobs, job{
			sha256: w.File.SHA256, size: w.File.Size, what: "wheel " + w.File.Name,
			find:  func(ctx context.Context) ([]string, error) { return at(s.WheelURL(ctx, w.Package, w.File)) },
			gone:  "the index has it no more; `envpack lock --upgrade-package " + w.Package.Name + "` chooses another",
			check: func() error { return s.checkMetadata(w) },
		})
	}
	return s.bring(ctx, "wheel", jobs)
}

// checkMetadata holds a wheel that was just downloaded to what the index had said of it when it was
// locked on this machine.
func (s *Supply) checkMetadata(w imagegen.Wheel) error {
	if s.Replaced[w.Package.Name] {
		return nil
	}
	name := w.Package.Index
	if name == "" {
		name = resolver.DefaultIndex
	}
	if x := s.set.Index(name); x != nil {
		return x.CheckMetadata(index.File{Filename: w.File.Name, SHA256: w.File.SHA256})
	}
	return nil
}

// WheelURL finds the address of a locked wheel: the index's file of that name and hash. An index's
// page from the cache may be older than the lock; where it lacks the file, the index is asked.
//
// Errors, as diag errors: of code Mismatch where the file was replaced by another; of code Fetch
// where the index has it no more, is not configured, or cannot be asked.
func (s *Supply) WheelURL(ctx context.Context, p lockfile.Package, f lockfile.File) (string, error) {
	name := p.Index
	if name == "" {
		name = resolver.DefaultIndex
	}
	x := s.set.Index(name)
	if x == nil {
		return "", diag.New(diag.Fetch, "the lock takes %s from the index %q, which is not configured", p.Name, name).
			Hint("lock again, so that the lock and the manifest name the same indexes: `envpack lock`")
	}
	url, err := wheelURL(ctx, x.Project, p, f)
	if errors.As(err, new(*missingError)) {
		url, err = wheelURL(ctx, x.Renewed, p, f)
	}
	return url, explain(err)
}

// missingError says that an index's page lacks a locked file.
type missingError struct {
	pkg      lockfile.Package
	file     lockfile.File
	replaced string // SHA-256 of the file that has its name now; "": there is none
}

// Error implements error.
func (e *missingError) Error() string {
	if e.replaced != "" {
		return fmt.Sprintf("%s: the lock has the SHA-256 %s, the index now %s", e.file.Name, e.file.SHA256, e.replaced)
	}
	return fmt.Sprintf("the index has no file %s any more", e.file.Name)
}

// explain says what to do about a missing file; other errors stay as they are.
func explain(err error) error {
	var e *missingError
	if !errors.As(err, &e) {
		return err
	}
	if e.replaced != "" {
		return diag.New(diag.Mismatch, "%s", e).
			Hint("the file was replaced in the index; if that is expected, lock it again: `envpack lock --upgrade-package %s`", e.pkg.Name)
	}
	return diag.New(diag.Fetch, "%s", e).Hint("`envpack lock --upgrade-package %s` chooses another", e.pkg.Name)
}

// wheelURL looks for the wheel in what ask gives. Errors: *missingError; those of ask.
func wheelURL(ctx context.Context, ask func(context.Context, string) (*index.Project, error), p lockfile.Package, f lockfile.File) (string, error) {
	project, err := ask(ctx, p.Name)
	if errors.Is(err, index.ErrNoProject) {
		return "", &missingError{pkg: p, file: f}
	}
	if err != nil {
		return "", err
	}
	missing := &missingError{pkg: p, file: f}
	for _, file := range project.Files {
		switch {
		case file.Filename != f.Name:
		case file.SHA256 == f.SHA256 || file.SHA256 == "":
			return file.URL, nil
		default:
			missing.replaced = file.SHA256
		}
	}
	return "", missing
}

// Describe says where the default index's packages come from, for people; "" if it is the default.
func (s *Supply) Describe() string {
	if src := s.Sources.Index; !src.WellKnown {
		return fmt.Sprintf("packages from %s (%s)", src.URL, src.From)
	}
	return ""
}
