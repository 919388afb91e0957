package supply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/imagegen/interpreter"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
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
	want.Archives = map[string]string{}
	for name, source := range s.Sources.Archives {
		want.Archives[name] = source.URL
	}
	for _, file := range s.Sources.Keyrings {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "reading a keyring that the configuration names")
		}
		want.ExtraKeys = append(want.ExtraKeys, data)
	}
	for i := range want.Extra {
		a := &want.Extra[i]
		if a.KeyURL == "" {
			continue
		}
		data, err := s.Fetch.AptFetcher().Get(ctx, a.KeyURL, maxKey)
		if err != nil {
			return nil, diag.Wrap(err, diag.Fetch, "fetching the key of the archive %s", a.Name)
		}
		a.Keys = append(a.Keys, data)
	}
	want.Fetcher, want.Now, want.Memo = s.aptFetcher(), s.Now(), s.Store
	return apt.Resolve(ctx, want)
}

// archive is the address of an archive that the lock names.
func (s *Supply) archive(name string) (string, bool) {
	for _, a := range s.Archives {
		if a.Name == name {
			return strings.TrimSuffix(a.URL, "/"), true
		}
	}
	source, ok := s.Sources.Archives[name]
	return source.URL, ok
}

// Debs implements imagegen.Supply.
func (s *Supply) Debs(ctx context.Context, debs []lockfile.Deb) error {
	var jobs []job
	for _, d := range debs {
		jobs = append(jobs, job{
			sha256: d.SHA256, size: d.Size, what: fmt.Sprintf("package %s %s", d.Name, d.Version),
			find: func(context.Context) ([]string, error) {
				url, ok := s.archive(d.Archive)
				if !ok {
					return nil, diag.New(diag.Fetch, "the lock names the archive %q, for which there is no address", d.Archive).
						Hint("lock again, with archives that this envpack knows: `envpack lock --upgrade`")
				}
				return at(url+"/"+d.Path, nil)
			},
			gone: "the archive has it no more: a newer version took its place; `envpack lock --upgrade-base` locks what there is now",
		})
	}
	return s.bring(ctx, "distribution package", jobs)
}

// Published implements resolver.BaseSource.
func (s *Supply) Published(ctx context.Context, python pep440.Specifiers, platform string) (*resolver.Interpreter, error) {
	found, err := published.Find(python, platform)
	if err != nil || found == nil {
		return nil, err
	}
	i := lockfile.Interpreter{
		Target: platform, Version: found.Version, Archive: sources.PythonBuilds, Path: found.Path, SHA256: found.SHA256, Size: found.Size,
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
	return &resolver.Interpreter{Interpreter: i, Glibc: read.Glibc, Needed: read.Needed}, nil
}

// FetchInterpreter implements imagegen.Supply.
func (s *Supply) FetchInterpreter(ctx context.Context, i lockfile.Interpreter) error {
	if i.Archive == "" && !strings.Contains(i.Path, "://") {
		return s.takeFile(i)
	}
	return s.bring(ctx, "interpreter", []job{{
		sha256: i.SHA256, size: i.Size, what: "interpreter " + i.Path,
		find: func(context.Context) ([]string, error) {
			if i.Archive == "" {
				return at(i.Path, nil)
			}
			url, ok := s.archive(i.Archive)
			if !ok {
				return nil, diag.New(diag.Fetch, "the lock names the archive %q, for which there is no address", i.Archive).
					Hint("give its address: --apt-mirror %s=URL", i.Archive)
			}
			return at(url+"/"+i.Path, nil)
		},
		gone: "it is not there any more; keep a copy, and name it in system.python-archive",
	}})
}

// takeFile copies a file of the project into the store.
func (s *Supply) takeFile(i lockfile.Interpreter) error {
	if s.Store.Has(i.SHA256) {
		return nil
	}
	file, err := os.Open(filepath.Join(s.Dir, filepath.FromSlash(i.Path)))
	if err != nil {
		return diag.Wrap(err, diag.Fetch, "reading the interpreter archive")
	}
	defer file.Close()
	blob, err := s.Store.Create()
	if err != nil {
		return err
	}
	defer blob.Discard()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(blob, sum), file); err != nil {
		return fmt.Errorf("reading %s: %w", i.Path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != i.SHA256 {
		return diag.New(diag.Mismatch, "%s has the SHA-256 %s, and %s is wanted", i.Path, got, i.SHA256).
			Hint("the file was changed, or the manifest names another's hash")
	}
	_, _, err = blob.Commit()
	return err
}
