package supply

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

const (
	// commitMemo keeps which blob has the files of a commit, by repository, commit and the project's folder.
	commitMemo = "commit-1"
	// commitFolder is where they are in it.
	commitFolder = "repository"
	// maxSubmodules and submoduleDepth bound the repositories that one brings with it.
	maxSubmodules  = 100
	submoduleDepth = 8
)

// commitNote is the note of commitMemo.
type commitNote struct {
	SHA256  string   `json:"sha256"` // of a tar
	LFS     []string `json:"lfs,omitempty"`
	Version string   `json:"version,omitempty"` // where the project reads it from git
}

// unpackCommit brings the files of a commit, and of the submodules that it has, into a folder. They are as git keeps them: neither
// filters nor attributes change them. Files are of the time when the commit was made.
func (s *Supply) unpackCommit(ctx context.Context, p lockfile.Package, dir string) (string, time.Time, error) {
	note, err := s.commitFiles(ctx, p)
	if err != nil {
		return "", time.Time{}, err
	}
	for _, name := range note.LFS {
		if p.Subdirectory == "" || strings.HasPrefix(name, p.Subdirectory+"/") {
			return "", time.Time{}, diag.New(diag.Fetch, "the repository %s keeps %s in Git LFS, which is not read", p.Git, name).
				Hint("what is built has to lie in the repository itself; or name a wheel in its place")
		}
	}
	blob, err := s.Store.Blob(note.SHA256)
	if err != nil {
		return "", time.Time{}, err
	}
	defer blob.Close()
	return backend.Unpack(ctx, commitFolder+".tar", blob, blob.Size(), dir)
}

// sourceVersion is the version that a build is told: the package's, or what the tags of its repository say; "" if that is not known.
func (s *Supply) sourceVersion(ctx context.Context, p lockfile.Package) (string, error) {
	if p.Version != "" || p.Git == "" {
		return p.Version, nil
	}
	note, err := s.commitFiles(ctx, p)
	return note.Version, err
}

// commitFiles gives the files of a commit from the store, or fetches them.
func (s *Supply) commitFiles(ctx context.Context, p lockfile.Package) (note commitNote, err error) {
	key := p.Git + "\x00" + p.Commit + "\x00" + p.Subdirectory
	if data, ok := s.Store.Memo(commitMemo, key); ok && json.Unmarshal(data, &note) == nil && s.Store.Has(note.SHA256) {
		return note, s.Store.Check(ctx, 1, note.SHA256)
	}
	if s.Offline {
		return note, diag.New(diag.Fetch, "the store does not have the files of the repository %s at %s, and --offline forbids to ask for them", p.Git, p.Commit)
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return note, diag.New(diag.Failure, "the repository %s cannot be read: there is no program git", p.Git).
			Hint("install git, or name an archive of the repository instead: NAME @ https://….tar.gz")
	}
	w, err := s.Store.Create()
	if err != nil {
		return note, err
	}
	defer w.Discard()
	ended := s.Task("fetching "+p.Git, 0)
	defer ended(0)
	x := &export{supply: s, program: program, w: tar.NewWriter(w), project: p.Subdirectory}
	if err := x.repository(ctx, p.Git, p.Commit, p.Revision, commitFolder, 0); err != nil {
		return note, err
	}
	if err := x.w.Close(); err != nil {
		return note, err
	}
	if note.SHA256, _, err = w.Commit(); err != nil {
		return note, err
	}
	note.LFS, note.Version = x.lfs, x.version
	if err := s.Store.NameBlob(note.SHA256, "files of "+p.Git+" at "+p.Commit); err != nil {
		return note, err
	}
	data, err := json.Marshal(note)
	if err != nil {
		return note, err
	}
	return note, s.Store.PutMemo(commitMemo, key, data)
}

// export writes repositories' files into a tar.
type export struct {
	supply     *Supply
	program    string
	w          *tar.Writer
	modified   time.Time // of the outermost commit
	project    string    // its folder in that
	version    string    // of it, where it is read from git
	submodules int
	lfs        []string
}

// repository writes a commit's files below a folder.
func (x *export) repository(ctx context.Context, address, commit, revision, folder string, depth int) error {
	dir, err := os.MkdirTemp("", "envpack-git-")
	if err != nil {
		return diag.Wrap(err, diag.Failure, "making a temporary folder")
	}
	defer os.RemoveAll(dir)
	g := &git{program: x.program, dir: dir, address: address, bounds: x.supply.GitBounds.orDefault(), full: true}
	if err := g.init(ctx, len(commit) == 64); err != nil {
		return err
	}
	if fullCommit().MatchString(revision) {
		revision = ""
	}
	if err := g.fetch(ctx, commit, revision); err != nil {
		return err
	}
	if depth == 0 {
		at, err := g.committed(ctx, commit)
		if err != nil {
			return err
		}
		x.modified = at
		if g.versioned(ctx, commit, x.project) {
			if x.version, err = g.version(ctx, commit); err != nil {
				return err
			}
		}
	}
	out, err := g.run(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return err
	}
	files, modules, err := x.listed(address, string(out))
	if err != nil {
		return err
	}
	if err := x.files(ctx, g, files, folder); err != nil {
		return err
	}
	if len(modules) == 0 {
		return nil
	}
	addresses, err := g.submodules(ctx, commit)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if err := x.submodule(ctx, address, m, addresses[m.path], folder, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// object is an entry of a tree.
type object struct{ mode, hash, path string }

// listed takes the answer of ls-tree apart, into files and submodules.
func (x *export) listed(address, out string) (files, modules []object, err error) {
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		head, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(head) // mode, type, object
		if len(fields) != 3 {
			continue // an empty tree
		}
		o := object{fields[0], fields[2], name}
		switch {
		case name != path.Clean(name) || path.IsAbs(name) || strings.HasPrefix(name, "../") || strings.ContainsAny(name, "\\"):
			return nil, nil, diag.New(diag.Fetch, "the repository %s has a file called %q, which is not unpacked", address, name)
		case o.mode == "160000":
			modules = append(modules, o)
		default:
			files = append(files, o)
		}
	}
	return files, modules, nil
}

// files writes the contents of files.
func (x *export) files(ctx context.Context, g *git, files []object, folder string) error {
	var list bytes.Buffer
	for _, f := range files {
		list.WriteString(f.hash + "\n")
	}
	return g.pipe(ctx, &list, func(r io.Reader) error {
		in := bufio.NewReaderSize(r, 1<<16)
		for _, f := range files {
			line, err := in.ReadString('\n')
			if err != nil {
				return err
			}
			fields := strings.Fields(line) // object, type, size
			if len(fields) != 3 || fields[1] != "blob" {
				return fmt.Errorf("%s: git has %q", f.path, strings.TrimSpace(line))
			}
			size, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return err
			}
			if err := x.file(f, path.Join(folder, f.path), io.LimitReader(in, size), size); err != nil {
				return err
			}
			if _, err := in.Discard(1); err != nil { // a line end
				return err
			}
		}
		return nil
	}, "cat-file", "--batch")
}

func (x *export) file(f object, name string, r io.Reader, size int64) error {
	h := &tar.Header{Name: name, Mode: 0o644, ModTime: x.modified, Typeflag: tar.TypeReg, Size: size, Format: tar.FormatPAX}
	switch f.mode {
	case "100755":
		h.Mode = 0o755
	case "120000":
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, string(target), 0
		return x.w.WriteHeader(h)
	}
	if err := x.w.WriteHeader(h); err != nil {
		return err
	}
	begin := make([]byte, min(size, int64(len(lfsPointer))))
	if _, err := io.ReadFull(r, begin); err != nil {
		return err
	}
	if string(begin) == lfsPointer {
		x.lfs = append(x.lfs, strings.TrimPrefix(name, commitFolder+"/"))
	}
	_, err := io.Copy(x.w, io.MultiReader(bytes.NewReader(begin), r))
	return err
}

// submodule writes the files of another repository at the commit that a tree names.
func (x *export) submodule(ctx context.Context, parent string, m object, address, folder string, depth int) error {
	what := fmt.Sprintf("the submodule %s of the repository %s", m.path, parent)
	if address == "" {
		return diag.New(diag.Fetch, "%s has no address in .gitmodules", what)
	}
	if x.submodules++; x.submodules > maxSubmodules || depth > submoduleDepth {
		return diag.New(diag.Fetch, "%s is one too many: at most %d are fetched, %d in each other", what, maxSubmodules, submoduleDepth)
	}
	full, err := submoduleAddress(parent, address)
	if err != nil {
		return diag.Wrap(err, diag.Fetch, "%s", what)
	}
	if err := x.repository(ctx, full, m.hash, "", path.Join(folder, m.path), depth); err != nil {
		return diag.Wrap(err, 0, "%s", what)
	}
	return nil
}

// submoduleAddress is where a submodule is: an address of its own, or one that begins with ./ or ../ and is relative to the
// repository's (docs: git-submodule, add). What a repository names must not reach what only this machine does: files, unless the
// repository is one of them and they lie in it or beside it, programs, and what a credential would be sent to in the clear.
func submoduleAddress(parent, address string) (string, error) {
	base, err := url.Parse(parent)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(address, "./") || strings.HasPrefix(address, "../") {
		joined := *base
		if joined.Path = path.Join(base.Path, address); joined.Path == "/" || strings.HasPrefix(joined.Path, "/..") {
			return "", fmt.Errorf("its address %s leads out of %s", address, base.Host)
		}
		joined.RawPath = ""
		if err := besideRepository(base, &joined); err != nil {
			return "", err
		}
		return joined.String(), nil
	}
	if at, rest, ok := strings.Cut(address, ":"); ok && !strings.Contains(at, "/") && !strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, ":") { // git@host:path
		address = "ssh://" + at + "/" + strings.TrimPrefix(rest, "/")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" && u.Scheme != "file" {
		return "", fmt.Errorf("its address %q is none of a repository", diag.Strip(address))
	}
	safe := []string{"https", "ssh", base.Scheme}
	if !slices.Contains(safe, u.Scheme) {
		return "", fmt.Errorf("its address %s has the protocol %s, which a submodule of a repository on %s is not fetched by", diag.Strip(address), u.Scheme, base.Scheme)
	}
	if err := besideRepository(base, u); err != nil {
		return "", err
	}
	return u.String(), nil
}

// besideRepository refuses folders of this machine that are neither in the folder of the repository nor beside it. A copy of a
// repository that others have made could name any other one here, and have its files taken along (git's protocol.file.allow, since
// CVE-2022-39253). Links count as what they lead to.
func besideRepository(base, u *url.URL) error {
	if u.Scheme != "file" {
		return nil
	}
	if u.Host != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" { // git reads all of it as a path
		return fmt.Errorf("its address %q is none of a folder", diag.Strip(u.String()))
	}
	real := func(name string) string {
		name = path.Clean(name)
		if found, err := filepath.EvalSymlinks(filepath.FromSlash(name)); err == nil {
			return filepath.ToSlash(found)
		}
		return name
	}
	parent, at := real(base.Path), real(u.Path)
	if around := path.Dir(parent); around != "/" && strings.HasPrefix(at, around+"/") || strings.HasPrefix(at, parent+"/") {
		return nil
	}
	return fmt.Errorf("its address %s leads to another place of this machine: a submodule on it is in the folder of its repository, or beside that", u)
}

// submodules are the addresses in .gitmodules, by path.
func (g *git) submodules(ctx context.Context, commit string) (map[string]string, error) {
	out, err := g.run(ctx, "config", "-z", "--blob", commit+":.gitmodules", "--get-regexp", `^submodule\..*\.(path|url)$`)
	if err != nil {
		return nil, diag.Wrap(err, diag.Fetch, "the repository %s has submodules, and no .gitmodules that can be read", g.address)
	}
	paths, urls := map[string]string{}, map[string]string{}
	for entry := range strings.SplitSeq(string(out), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		if name, ok := strings.CutSuffix(key, ".path"); ok {
			paths[name] = value
		} else if name, ok := strings.CutSuffix(key, ".url"); ok {
			urls[name] = value
		}
	}
	byPath := map[string]string{}
	for name, where := range paths {
		byPath[path.Clean(where)] = urls[name]
	}
	return byPath, nil
}

// pipe runs git with an input, and reads what it prints while it does.
func (g *git) pipe(ctx context.Context, in io.Reader, read func(r io.Reader) error, args ...string) error {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := g.command(bounded, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &limited{w: &stderr, left: 64 << 10}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return g.explain(err, args[0], "")
	}
	failed := read(out)
	if failed != nil {
		cancel(failed) // what it still has to say, nobody reads
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (failed == nil || stderr.Len() > 0):
		return g.explain(err, args[0], stderr.String())
	case failed != nil:
		return diag.Wrap(failed, diag.Fetch, "the repository %s", g.address)
	}
	return nil
}
