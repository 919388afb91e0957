package supply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/index"
)

const (
	// maxFile bounds a file of which no size is known.
	maxFile = 1 << 40
	// maxProjectFile bounds what is read of a project's pyproject.toml and the like.
	maxProjectFile = 16 << 20
)

// Reference implements resolver.References.
func (s *Supply) Reference(ctx context.Context, ref direct.Reference, known resolver.Known) (*resolver.Referenced, error) {
	switch {
	case ref.Git != "":
		return s.repository(ctx, ref, known)
	case ref.Kind() == direct.Folder:
		return s.folder(ctx, ref)
	}
	found := &resolver.Referenced{Hashed: !ref.Vouched()}
	var sum string
	var err error
	if ref.Path != "" {
		sum, err = s.takeLocal(ctx, ref)
	} else {
		sum, err = s.takeRemote(ctx, ref, known)
	}
	if err != nil {
		return nil, err
	}
	if err := s.holdSums(&ref, sum); err != nil {
		return nil, err
	}
	for _, algorithm := range known.Sums {
		other, err := index.DigestOf(s.Store, sum, algorithm)
		if err != nil {
			return nil, err
		}
		found.Sums = append(found.Sums, algorithm+":"+other)
	}
	blob, err := s.Store.Blob(sum)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	name := ref.Filename()
	found.File = index.File{Filename: name, URL: ref.URL, SHA256: sum, Size: blob.Size()}
	if ref.Kind() == direct.Sdist {
		raw, err := index.ReadSdist(ctx, s.Store, name, sum, ref.Subdirectory)
		if errors.As(err, &found.Dynamic) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found.Metadata, err = interpret(&ref, raw)
		return found, err
	}
	dir, err := wheelfile.ReadDirectory(name, blob, blob.Size())
	if err != nil {
		return nil, err
	}
	raw, err := dir.Metadata()
	if err != nil {
		return nil, err
	}
	found.Metadata, err = index.InterpretWheel(name, raw)
	return found, err
}

// interpret makes sense of what a project says without being built.
func interpret(ref *direct.Reference, raw *sdistfile.Metadata) (*index.Metadata, error) {
	m, err := index.Interpret(ref.String(), &raw.Metadata)
	if err == nil && raw.Assumed {
		m.Assumed = raw.From
	}
	return m, err
}

// holdSums holds a file of the store to what its address promises beside the SHA-256. Errors: *[resolver.HashError].
func (s *Supply) holdSums(ref *direct.Reference, sum string) error {
	for algorithm, want := range ref.EachSum() {
		got, err := index.DigestOf(s.Store, sum, algorithm)
		if err != nil {
			return err
		}
		if got != want {
			return &resolver.HashError{Algorithm: algorithm, Want: want, Got: got}
		}
	}
	return nil
}

// takeRemote brings a file into the store and gives its hash.
func (s *Supply) takeRemote(ctx context.Context, ref direct.Reference, known resolver.Known) (string, error) {
	sum := ref.SHA256
	if sum == "" && known.SHA256 != "" {
		switch there := s.Store.Has(known.SHA256); {
		case there && s.holdSums(&ref, known.SHA256) == nil, !there && !ref.Vouched():
			sum = known.SHA256
		default: // the address may promise another file since the lock was made, and what it promises is enough
		}
	}
	if sum == "" {
		sum, _, err := s.Fetch.DownloadUnhashed(ctx, ref.URL, maxFile, s.Store, nil)
		return sum, err
	}
	if s.Store.Has(sum) {
		return sum, nil
	}
	err := s.Fetch.Download(ctx, ref.URL, sum, -1, s.Store, nil)
	if other := (*store.MismatchError)(nil); ref.SHA256 != "" && errors.As(err, &other) {
		return "", &resolver.HashError{Algorithm: "sha256", Want: other.SHA256, Got: other.Got}
	}
	if diag.CodeOf(err) == diag.Mismatch {
		return "", diag.Wrap(err, 0, "the lock has another hash of it").
			Hint("if the file was replaced on purpose, `envpack lock --upgrade` takes it as it is now")
	}
	return sum, err
}

// takeLocal brings a file of this machine into the store and gives its hash.
func (s *Supply) takeLocal(ctx context.Context, ref direct.Reference) (string, error) {
	name := s.local(ref.Path)
	sum, err := hashOf(ctx, name)
	if err != nil {
		return "", err
	}
	if ref.SHA256 != "" && sum != ref.SHA256 {
		return "", &resolver.HashError{Algorithm: "sha256", Want: ref.SHA256, Got: sum}
	}
	return sum, s.keep(ctx, name, sum)
}

// local is the path of a file or folder that manifest or lock name.
func (s *Supply) local(path string) string {
	name := filepath.FromSlash(path)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Dir, name)
}

// keep copies a file into the store.
func (s *Supply) keep(ctx context.Context, name, sum string) error {
	if s.Store.Has(sum) {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return diag.Wrap(err, diag.Manifest, "")
	}
	defer file.Close()
	err = s.Store.Put(ctx, file, sum, -1)
	if other := (*store.MismatchError)(nil); errors.As(err, &other) {
		return diag.New(diag.Failure, "%s changes while it is read", name)
	}
	if err != nil {
		return err
	}
	return s.Store.NameBlob(sum, filepath.ToSlash(name))
}

// hashOf is the SHA-256 of a file. Errors are diag errors of code Manifest: there is none, or it is no file.
func hashOf(ctx context.Context, name string) (string, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		return "", diag.New(diag.Manifest, "%s is not a file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", diag.Wrap(err, diag.Manifest, "")
	}
	defer file.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := file.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", diag.Wrap(err, diag.Failure, "reading %s", name)
		}
	}
}

// folder reads a project's folder. Its hash is that of the files that would be taken into an image.
func (s *Supply) folder(ctx context.Context, ref direct.Reference) (*resolver.Referenced, error) {
	dir := s.local(ref.Path)
	if info, err := os.Stat(dir); err != nil {
		return nil, diag.Wrap(err, diag.Manifest, "")
	} else if !info.IsDir() {
		return nil, diag.New(diag.Manifest, "%s is neither a folder nor named as a wheel or source distribution is", ref.Path)
	}
	tree, err := treeOf(ctx, dir, s.Store.Dir())
	if err != nil {
		return nil, diag.Wrap(err, 0, "reading the folder %s", ref.Path)
	}
	inner := filepath.Join(dir, filepath.FromSlash(ref.Subdirectory))
	if info, err := os.Stat(inner); err != nil || !info.IsDir() {
		return nil, diag.New(diag.Manifest, "%s has no folder %s", ref.Path, ref.Subdirectory)
	}
	files, err := projectFiles(os.DirFS(inner))
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the folder %s", ref.Path)
	}
	found, err := s.described(&ref, files)
	if found == nil {
		return nil, err
	}
	found.Tree = tree
	return found, err
}

// treeOf is the hash of a folder's files, as far as they would be taken into an image.
func treeOf(ctx context.Context, dir, store string) (string, error) {
	tree, err := project.Select(ctx, dir, nil, store)
	if err != nil {
		return "", err
	}
	return tree.Hash(), nil
}

// described is what a project's files say of it. With a *[sdistfile.DynamicError] what it gives is not nil either.
func (s *Supply) described(ref *direct.Reference, files sdistfile.Files) (*resolver.Referenced, error) {
	raw, err := sdistfile.Interpret(ref.String(), files)
	var dynamic *sdistfile.DynamicError
	switch {
	case errors.As(err, &dynamic):
		return &resolver.Referenced{Dynamic: dynamic}, nil
	case err != nil:
		return nil, &index.MetadataError{File: ref.String(), Err: err}
	}
	m, err := interpret(ref, raw)
	return &resolver.Referenced{Metadata: m}, err
}

// projectFiles reads what describes the project in a folder.
func projectFiles(dir fs.FS) (sdistfile.Files, error) {
	files := sdistfile.Files{}
	for _, pattern := range []string{"PKG-INFO", "pyproject.toml", "*.egg-info/*", "src/*.egg-info/*", "lib/*.egg-info/*"} {
		names, err := fs.Glob(dir, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if !sdistfile.Wanted(name) {
				continue
			}
			f, err := dir.Open(name)
			if err != nil {
				return nil, err
			}
			data, err := io.ReadAll(io.LimitReader(f, maxProjectFile+1))
			f.Close()
			if err != nil {
				return nil, err
			}
			if len(data) > maxProjectFile {
				return nil, fmt.Errorf("%s has more bytes than metadata can have", name)
			}
			files[name] = data
		}
	}
	return files, nil
}

// takeWheel brings a wheel that the lock names by path. It is looked at although the store may have what the
// lock means: whoever made it anew expects it to be used.
func (s *Supply) takeWheel(ctx context.Context, w imagegen.Wheel) error {
	name := s.local(w.Package.Path)
	sum, err := hashOf(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.Store.Has(w.File.SHA256):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return diag.New(diag.Fetch, "wheel %s: %s does not exist", w.File.Name, w.Package.Path).
			Hint("it is looked for in %s; the lock wants the SHA-256 %s", filepath.Dir(name), w.File.SHA256)
	case err != nil:
		return diag.Wrap(err, 0, "wheel %s", w.File.Name)
	case sum != w.File.SHA256:
		return diag.New(diag.Mismatch, "%s changed: it has the SHA-256 %s, and the lock %s", w.Package.Path, sum, w.File.SHA256).
			Hint("`envpack lock` takes it as it is now")
	}
	return s.keep(ctx, name, sum)
}

// remoteWheel is the download of a wheel that the lock names by its address.
func remoteWheel(w imagegen.Wheel) job {
	again := "`envpack lock --upgrade-package " + w.Package.Name + "` takes what is there now"
	return job{
		sha256: w.File.SHA256, size: w.File.Size, what: "wheel " + w.File.Name,
		find: func(context.Context) ([]string, error) { return at(w.Package.URL, nil) },
		gone: []string{"it is not there any more; " + again}, replaced: "the file was replaced; if that is expected, " + again,
	}
}

// Changed names the files and folders that a lock names by path and that are not what the lock says, for the project in
// dir and the store in a folder. Those that are not there are none of them. Errors are those of reading.
func Changed(ctx context.Context, l *lockfile.Lock, dir, store string, now func() time.Time) ([]string, error) {
	s := &Supply{Options: Options{Dir: dir, Now: now}}
	list, err := s.changedData(ctx, l, store)
	if err != nil {
		return nil, err
	}
	for _, p := range l.Packages {
		if p.Path == "" {
			continue
		}
		var sum, want string
		var err error
		switch {
		case p.Tree != "":
			want = p.Tree
			sum, err = treeOf(ctx, s.local(p.Path), store)
		case len(p.Sources) > 0:
			want = p.Sources[0].SHA256
			sum, err = hashOf(ctx, s.local(p.Path))
		default:
			want = p.Files[0].SHA256
			sum, err = hashOf(ctx, s.local(p.Path))
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if sum != want {
			list = append(list, p.Path)
		}
	}
	return list, nil
}
