package supply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/imagegen/interpreter"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/apt"
	published "github.com/envpack/envpack/resolver/interpreter"
	"github.com/envpack/envpack/resolver/pep440"
)

// maxKey bounds a file of public keys.
const maxKey = 1 << 20

// Base implements resolver.BaseSource.
func (s *Supply) Base(ctx context.Context, want apt.Options) (*apt.Result, error) {
	if err := s.reach(ctx, &want); err != nil {
		return nil, err
	}
	return apt.Resolve(ctx, want)
}

// Contents implements resolver.Scanner.
func (s *Supply) Contents(ctx context.Context, want apt.Options) (*apt.Contents, error) {
	if err := s.reach(ctx, &want); err != nil {
		return nil, err
	}
	return apt.ReadContents(ctx, want)
}

// reach says how the archives of a distribution are reached, and whom to trust.
func (s *Supply) reach(ctx context.Context, want *apt.Options) error {
	found, err := s.sourcesOf(want.Distro)
	if err != nil {
		return err
	}
	want.Archives, want.Further = map[string]string{}, map[string][]string{}
	for name, source := range found.Archives {
		want.Archives[name], want.Further[name] = source.URL, source.Further
	}
	if !want.AsOf.IsZero() {
		want.Snapshots = map[string]string{}
		for name, source := range found.Archives {
			want.Snapshots[name] = source.SnapshotAt(want.AsOf)
		}
	}
	for _, file := range found.Keyrings {
		data, err := os.ReadFile(file)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "reading a keyring that the configuration names")
		}
		want.ExtraKeys = append(want.ExtraKeys, data)
	}
	for i := range want.Extra {
		a := &want.Extra[i]
		url, ok := s.KeyURLs[a.Name]
		if !ok {
			continue
		}
		key, err := s.key(ctx, a.Name, url)
		if err != nil {
			return err
		}
		a.Keys = append(a.Keys, key)
	}
	want.Fetcher, want.Now, want.Memo = s.aptFetcher(), s.Now(), s.Store
	return nil
}

// key fetches the key of an archive, once.
func (s *Supply) key(ctx context.Context, archive, url string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.keys[archive]; ok {
		return key, nil
	}
	key, err := s.aptFetcher().Get(ctx, url, maxKey)
	if err != nil {
		return nil, &apt.ArchiveError{Archive: archive, Err: diag.Wrap(err, diag.Fetch, "fetching the key of the archive %s", archive)}
	}
	if s.keys == nil {
		s.keys = map[string][]byte{}
	}
	s.keys[archive] = key
	return key, nil
}

// sourcesOf finds the archives of a distribution: which entries of apt's configuration are about it depends on
// its codename. What they are is told, once for each.
func (s *Supply) sourcesOf(distro string) (*sources.Sources, error) {
	d, err := apt.Find(distro)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found = map[string]*sources.Sources{}
	}
	if known := s.found[d.Codename]; known != nil {
		return known, nil
	}
	found, err := s.SourcesFor(d.Codename)
	if err != nil {
		return nil, err
	}
	s.found[d.Codename], s.Sources = found, found
	family, _, _ := strings.Cut(d.Name, ":")
	for _, name := range slices.Sorted(maps.Keys(found.Archives)) {
		if source := found.Archives[name]; !source.WellKnown && strings.HasPrefix(name, family) {
			s.Tell(fmt.Sprintf("%s from %s (%s)", name, source.URL, source.From))
		}
	}
	return found, nil
}

// Debs implements imagegen.Supply.
func (s *Supply) Debs(ctx context.Context, debs []lockfile.Deb) error {
	return s.bring(ctx, "distribution package", s.debJobs(debs))
}

func (s *Supply) debJobs(debs []lockfile.Deb) []job {
	var jobs []job
	for _, d := range debs {
		jobs = append(jobs, job{
			sha256: d.SHA256, size: d.Size, what: fmt.Sprintf("package %s %s", d.Name, d.Version),
			find:   func(context.Context) ([]string, error) { return s.places(d) },
			former: s.former(d),
			gone:   s.superseded(d),
		})
	}
	return jobs
}

// superseded are the hints for a package that its archive has no more.
func (s *Supply) superseded(d lockfile.Deb) []string {
	if !s.AsOf.IsZero() {
		return []string{fmt.Sprintf("the archive has it no more, and only its snapshot of %s still may; system.as-of in the manifest says of when packages are",
			s.AsOf.UTC().Format(time.RFC3339))}
	}
	return append(s.unasked(d), "the archive has it no more: a newer version took its place; `envpack lock --upgrade-base` locks what there is now")
}

// places are the addresses that may have a package: its archive, where that moves when its support ends, the
// distribution's snapshot service, as of the instant that the lock is of, else as of the release that it was made
// from, and the library of its packages. Where somebody named a mirror of the archive, these two are asked only if somebody named them,
// or the lock's instant, too. See [Supply.former] as well.
func (s *Supply) places(d lockfile.Deb) ([]string, error) {
	for _, a := range s.Archives {
		if a.Name == d.Archive {
			return []string{strings.TrimSuffix(a.URL, "/") + "/" + d.Path}, nil
		}
	}
	source, ok := s.Sources.Archives[d.Archive]
	if !ok {
		return nil, diag.New(diag.Fetch, "the lock names the archive %q, for which there is no address", d.Archive).
			Hint("lock again, with archives that this envpack knows: `envpack lock --upgrade`")
	}
	list := []string{source.URL + "/" + d.Path}
	for _, further := range source.Further {
		list = append(list, further+"/"+d.Path)
	}
	at := s.AsOf
	if at.IsZero() && (source.WellKnown || source.SnapshotFrom != "") {
		at = s.Released[d.Archive]
	}
	if url := source.SnapshotAt(at); url != "" && !at.IsZero() {
		list = append(list, url+"/"+d.Path)
	}
	if source.Files != "" {
		list = append(list, source.Files+"/"+path.Base(d.Path))
	}
	return list, nil
}

// Published implements resolver.BaseSource.
func (s *Supply) Published(ctx context.Context, python manifest.Python, platform string) (*resolver.Interpreter, error) {
	found, err := published.Find(pep440.FromSpecifiers(python.Specifiers), platform, python.FreeThreaded)
	if diag.CodeOf(err) == diag.NoAnswer {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	i := lockfile.Interpreter{
		Target: platform, Version: found.Version.String(), Archive: sources.PythonBuilds, Path: found.Path, SHA256: found.SHA256,
	}
	return s.readInterpreter(ctx, i)
}

// Interpreter implements resolver.BaseSource.
func (s *Supply) Interpreter(ctx context.Context, a manifest.PythonArchive, platform string) (*resolver.Interpreter, error) {
	i := lockfile.Interpreter{Target: platform, Path: a.URL, SHA256: a.SHA256}
	if i.Path == "" {
		i.Path = a.Path
	}
	return s.readInterpreter(ctx, i)
}

// readInterpreter looks into an archive for what the lock does not say of it yet.
func (s *Supply) readInterpreter(ctx context.Context, i lockfile.Interpreter) (*resolver.Interpreter, error) {
	if err := s.FetchInterpreter(ctx, i); err != nil {
		return nil, err
	}
	blob, err := s.Store.Blob(i.SHA256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	spool, err := s.Store.TempFile()
	if err != nil {
		return nil, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	_, arch, _ := strings.Cut(i.Target, "/")
	read, err := interpreter.Read(ctx, blob, blob.Size(), interpreter.Want{Version: i.Version, Architecture: arch, Spool: spool})
	if err != nil {
		return nil, diag.Wrap(err, 0, "reading the interpreter %s", i.Path)
	}
	i.Version, i.Size = read.Version, blob.Size()
	return &resolver.Interpreter{Interpreter: i, Glibc: read.Glibc, Needed: read.Needed, FreeThreaded: read.FreeThreaded, Musl: read.Musl}, nil
}

// FetchInterpreter implements imagegen.Supply.
func (s *Supply) FetchInterpreter(ctx context.Context, i lockfile.Interpreter) error {
	if i.Archive == "" && !strings.Contains(i.Path, "://") {
		return s.takeFile(ctx, i)
	}
	return s.bring(ctx, "interpreter", []job{{
		sha256: i.SHA256, size: i.Size, what: "interpreter " + i.Path,
		find: func(context.Context) ([]string, error) {
			if i.Archive == "" {
				return at(i.Path, nil)
			}
			source, ok := s.Sources.Archives[i.Archive]
			if !ok {
				return nil, diag.New(diag.Fetch, "the lock names the archive %q, for which there is no address", i.Archive).
					Hint("give its address: --apt-mirror %s=URL", i.Archive)
			}
			return at(source.URL+"/"+i.Path, nil)
		},
		gone: []string{"it is not there any more; keep a copy, and name it in system.python-archive"},
	}})
}

// takeFile copies a file of the project into the store.
func (s *Supply) takeFile(ctx context.Context, i lockfile.Interpreter) error {
	if s.Store.Has(i.SHA256) {
		return nil
	}
	file, err := os.Open(filepath.Join(s.Dir, filepath.FromSlash(i.Path)))
	if err != nil {
		return diag.Wrap(err, diag.Manifest, "reading the interpreter archive")
	}
	defer file.Close()
	err = s.Store.Put(ctx, file, i.SHA256, -1)
	if other := (*store.MismatchError)(nil); errors.As(err, &other) {
		return diag.New(diag.Mismatch, "%s has the SHA-256 %s, and %s is wanted", i.Path, other.Got, i.SHA256).
			Hint("the file was changed, or the manifest names another's hash")
	}
	if err != nil {
		return err
	}
	return s.Store.NameBlob(i.SHA256, i.Path)
}

// AptSources implements imagegen.Supply.
func (s *Supply) AptSources(distro, codename, architecture string) string {
	return sources.List(distro, codename, architecture)
}

// Development lists the packages of a distribution that have a header or a pkg-config file, the best first.
func (s *Supply) Development(ctx context.Context, want apt.Options, d apt.Development) ([]string, error) {
	if err := s.reach(ctx, &want); err != nil {
		return nil, err
	}
	return apt.FindDevelopment(ctx, want, d)
}
