package resolver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// References is where files, folders and repositories come from that are named by address.
type References interface {
	// Reference reads what is at an address. Errors are diag errors; *[HashError], if it is not the file that the address
	// promises; *index.MetadataError, wrapped, for what it says of itself.
	Reference(ctx context.Context, ref direct.Reference, known Known) (*Referenced, error)
}

// Known is what the lock that is there has of an address that promises nothing: it stays.
type Known struct {
	SHA256 string   // of the file
	Commit string   // of the repository
	Sums   []string // algorithms of hashes that are wanted beside, "sha384" and "sha512"
	// AsOf is the moment whose state counts of what moves: a branch is what it was then. Zero: now.
	AsOf time.Time
}

// Referenced is what is at an address.
type Referenced struct {
	File     index.File // name, SHA-256 and size; without a name of a folder or repository
	Hashed   bool       // nobody promised the SHA-256
	Sums     []string   // the wanted hashes beside it, as "sha512:…"
	Commit   string     // of a repository
	Tree     string     // of a folder: SHA-256 of its files
	Metadata *index.Metadata
	// Dynamic says, in place of Metadata, that only a build tells them.
	Dynamic *sdistfile.DynamicError
}

// HashError says that a file is not the one whose hash its address promises.
type HashError struct {
	Algorithm string // as fragments have it, "sha256"
	Want, Got string // hexadecimal
}

// Error implements error.
func (e *HashError) Error() string {
	return fmt.Sprintf("the file has another %s than its address promises: expected %s, got %s", e.Algorithm, e.Want, e.Got)
}

// reference is the address of a project on one target, and who names it.
type reference struct {
	direct.Reference
	by      string // "demo 1.0"; "": the manifest
	pos     diag.Position
	hashPos diag.Position // of the hash in the address or behind it; zero if there is none
	place   direct.Place
	written []string // the address as requirements have it
	bound   bool     // a constraint names it: it counts if the project is needed
}

// who names it, for people.
func (r *reference) who() string {
	if r.by == "" {
		return "the manifest"
	}
	return r.by
}

// onceRead asks for each address once, whatever the number of targets.
type onceRead struct {
	References
	mu    sync.Mutex
	found map[string]*Referenced
}

func (o *onceRead) Reference(ctx context.Context, ref direct.Reference, known Known) (*Referenced, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := ref.String()
	if f := o.found[key]; f != nil {
		return f, nil
	}
	f, err := o.References.Reference(ctx, ref, known)
	if err == nil {
		if o.found == nil {
			o.found = map[string]*Referenced{}
		}
		o.found[key] = f
	}
	return f, err
}

// follow finds out which projects are named by address on the target: by the manifest, and by what is
// so named. A package of an index can name no address that the manifest does not: whoever publishes it
// would decide what is fetched from where. That is found out before solving, since a project that is
// named by address comes from there and from no index, whoever else asks for it.
func (c *catalogue) follow(ctx context.Context, m *manifest.Manifest) error {
	project, err := filepath.Abs(m.Dir)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "finding the project's folder")
	}
	var queue []pep508.Requirement
	for i, list := range [][]manifest.Requirement{m.Requirements, m.Constraints} {
		for _, r := range list {
			ok, err := c.target.applies(r.Marker, "")
			if err != nil {
				return manifestError(r, err)
			}
			if !ok {
				continue
			}
			if r.Direct != nil {
				named := &reference{Reference: *r.Direct, pos: r.Pos, hashPos: r.HashPos, place: direct.Place{Project: project, Folder: project}, written: []string{r.URL}, bound: i == 1}
				if err := c.name(r.Name, named); err != nil {
					return err
				}
			}
			if i == 0 {
				queue = append(queue, r.Requirement)
			}
		}
	}
	seen := map[pkg]bool{}
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		for _, extra := range append([]string{""}, r.Extras...) {
			if seen[pkg{r.Name, extra}] || c.direct[r.Name] == nil {
				continue
			}
			seen[pkg{r.Name, extra}] = true
			if ref := c.direct[r.Name]; ref.Kind() != direct.Wheel && !c.takesSource(r.Name) {
				return unbuildable(r.Name, ref) // a constraint's, and needed
			}
			more, err := c.namedBy(ctx, r.Name, extra)
			if err != nil {
				return err
			}
			queue = append(queue, more...)
		}
	}
	return nil
}

// namedBy notes what a project that is named by address itself names so, and gives its requirements.
func (c *catalogue) namedBy(ctx context.Context, name, extra string) ([]pep508.Requirement, error) {
	ref := c.direct[name]
	found, err := c.referenced(ctx, name, ref)
	if err != nil {
		return nil, err
	}
	place := direct.Place{Project: ref.place.Project}
	if ref.Path != "" { // what is on this machine may name what else is
		place.Folder = filepath.FromSlash(ref.Path)
		if !filepath.IsAbs(place.Folder) {
			place.Folder = filepath.Join(place.Project, place.Folder)
		}
		if ref.Kind() == direct.Folder {
			place.Folder = filepath.Join(place.Folder, filepath.FromSlash(ref.Subdirectory))
		} else {
			place.Folder = filepath.Dir(place.Folder)
		}
	}
	var list []pep508.Requirement
	for _, r := range found.Metadata.Requires {
		if extra != "" && !r.Marker.MentionsExtra() {
			continue
		}
		if ok, err := c.target.applies(r.Marker, extra); err != nil || !ok {
			continue // the solver will say what is wrong
		}
		r, wanted := c.policies.bounds(r)
		if !wanted {
			continue
		}
		list = append(list, r)
		if r.URL == "" {
			continue
		}
		by := name + " " + found.Metadata.Version
		to, err := direct.Parse(r.URL, place)
		if err != nil {
			if place.Folder == "" && c.accepts(r) {
				continue
			}
			return nil, diag.Wrap(err, diag.NoAnswer, "%s depends on %s @ …", by, r.Name).At(ref.pos)
		}
		if err := c.name(r.Name, &reference{Reference: to, by: by, pos: ref.pos, place: place, written: []string{r.URL}}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// name notes that a project comes from an address.
func (c *catalogue) name(project string, ref *reference) error {
	if old := c.direct[project]; old != nil {
		if !old.Same(&ref.Reference) {
			return diag.New(diag.NoAnswer, "%s is named by two addresses on %s: %s by %s, %s by %s",
				project, c.target.Platform, &old.Reference, old.who(), &ref.Reference, ref.who()).At(ref.pos).
				Hint("keep one of them (the first is at %s)", old.pos)
		}
		if old.Promise(&ref.Reference); old.hashPos.IsZero() {
			old.hashPos = ref.hashPos
		}
		old.written = append(old.written, ref.written...)
		return nil
	}
	if ref.Kind() != direct.Wheel && !c.takesSource(project) && !ref.bound {
		return unbuildable(project, ref)
	}
	if c.references == nil {
		return diag.New(diag.Failure, "%s: nobody follows addresses here", project)
	}
	c.direct[project] = ref
	return nil
}

// unbuildable is the error of an address that leads to no wheel.
func unbuildable(project string, ref *reference) error {
	what := map[direct.Kind]string{direct.Sdist: "a source distribution", direct.Folder: "a folder", direct.Repository: "a repository"}[ref.Kind()]
	e := diag.New(diag.Manifest, "%s is %s, which is not built: %s", project, what, &ref.Reference)
	if ref.by != "" {
		e = diag.New(diag.NoAnswer, "%s depends on %s, which is %s that is not built: %s", ref.by, project, what, &ref.Reference)
	}
	e = e.At(ref.pos).Hint("without --no-build `envpack lock` builds it; `envpack lock --defer-builds` records it as it is, if it says what it depends on").
		Hint("a wheel that you build yourself can be named in its place: %s @ ./wheels/….whl", project)
	if ref.Kind() == direct.Folder {
		return e.Hint("if its files are enough, they can be part of the image:\n    [image]\n    include = [%q]", ref.Path)
	}
	return e
}

// referenced reads what a project's address leads to, and holds it to the project's name.
func (c *catalogue) referenced(ctx context.Context, project string, ref *reference) (*Referenced, error) {
	found, err := c.references.Reference(ctx, ref.Reference, c.known(project, ref))
	var bad *index.MetadataError
	var other *HashError
	switch {
	case errors.As(err, &other):
		return nil, ref.replaced(project, other)
	case errors.As(err, &bad):
		return nil, diag.Wrap(bad, diag.NoAnswer, "%s cannot be used", project).At(ref.pos)
	case err != nil:
		return nil, diag.Wrap(err, 0, "%s @ %s", project, &ref.Reference).At(ref.pos)
	}
	if found.Metadata == nil {
		if found, err = c.built(ctx, project, ref, found); err != nil {
			return nil, err
		}
	}
	if found.Metadata.Name != project {
		return nil, diag.New(diag.NoAnswer, "%s is asked for, and %s is %s", project, &ref.Reference, found.Metadata.Name).At(ref.pos)
	}
	if _, err := pep440.Parse(found.Metadata.Version); err != nil {
		return nil, diag.Wrap(err, diag.NoAnswer, "%s cannot be used", project).At(ref.pos)
	}
	has := func(sum string) bool { return slices.Contains(c.hashes[project], sum) }
	if judge(c.hashes[project], found.File) != allowed && !slices.ContainsFunc(found.Sums, has) {
		return nil, c.wrongHash(project, found.File, found.Sums)
	}
	return found, nil
}

// at is the place of the hash that the address has, or of the address.
func (r *reference) at() diag.Position {
	if !r.hashPos.IsZero() {
		return r.hashPos
	}
	return r.pos
}

// replaced is the error of an address that leads to another file than it promises.
func (r *reference) replaced(project string, err *HashError) error {
	bare := r.Reference
	bare.SHA256, bare.Sums = "", ""
	e := diag.Wrap(err, diag.Mismatch, "%s @ %s", project, &bare).At(r.at())
	if r.by != "" {
		return e.Hint("%s names the file with that hash; it was replaced since, or something between alters it", r.by)
	}
	return e.Hint("if it is the right file, its hash is #%s=%s; if not, it was replaced, or something between alters it", err.Algorithm, err.Got)
}

// known is what the earlier lock has of an address, unless it is to move.
func (c *catalogue) known(project string, ref *reference) Known {
	wanted := Known{Sums: algorithms(c.policies.m, project), AsOf: c.policies.asOfOf(project)}
	old := c.earlier.Previous
	if old == nil || c.earlier.Upgrade || slices.Contains(c.earlier.Packages, project) {
		return wanted
	}
	for _, p := range old.Packages {
		switch {
		case p.Name != project || p.Subdirectory != ref.Subdirectory:
		case ref.Git != "" && p.Git == ref.Git && p.Revision == ref.Revision:
			wanted.Commit = p.Commit
			return wanted
		case ref.URL != "" && p.URL == ref.URL && len(p.Files) == 1:
			wanted.SHA256 = p.Files[0].SHA256
			return wanted
		}
	}
	return wanted
}

// ownMetadata is that of a file of a release, or of what its address leads to.
func (c *catalogue) ownMetadata(ctx context.Context, r *release, f index.File) (*index.Metadata, error) {
	if r.direct != nil {
		return r.found.Metadata, nil
	}
	return c.packages.Metadata(ctx, r.project, f)
}

// directRelease is a project with the one version that its address leads to.
func (c *catalogue) directRelease(ctx context.Context, name string, ref *reference) (*release, error) {
	if ref.Kind() != direct.Wheel && !c.takesSource(name) {
		return nil, unbuildable(name, ref)
	}
	found, err := c.referenced(ctx, name, ref)
	if err != nil {
		return nil, err
	}
	version, err := pep440.Parse(found.Metadata.Version)
	if err != nil {
		return nil, err
	}
	r := &release{project: &index.Project{Name: name, IndexName: DefaultIndex}, direct: ref, found: found}
	only := &candidate{version: version, settled: &settled{file: found.File}}
	if found.File.Filename != "" {
		r.project.Files = index.FilesOf(name, found.File)
	}
	only.once.Do(func() { // nothing of a page decides
		if w, err := tags.ParseWheel(found.File.Filename); err == nil {
			if _, fits := c.target.ranking.Rank(w); !fits {
				only.reason = reason{kind: noWheel}
			}
		}
	})
	r.candidates = []*candidate{only}
	return r, nil
}

// origin is where a package of the lock comes from.
func (r *release) origin() lockfile.Package {
	if r.direct == nil {
		return lockfile.Package{Index: indexName(r.project.IndexName)}
	}
	d := &r.direct.Reference
	return lockfile.Package{
		URL: d.URL, Path: d.Path, Git: d.Git, Revision: d.Revision, Subdirectory: d.Subdirectory,
		Commit: r.found.Commit, Tree: r.found.Tree,
	}
}

// vouched tells whether the index, or whoever names the address, promises a hash of a candidate's file.
func (r *release) vouched(c *candidate) bool {
	if r.direct != nil {
		return !r.found.Hashed
	}
	return c.file.Vouched()
}

// comes says of a project that is named by address which version that is.
func (r *release) comes(name string) string {
	return fmt.Sprintf("%s comes from %s, which is version %s", name, &r.direct.Reference, r.candidates[0].version)
}

// accepts tells whether a requirement's address is the one that its project comes from.
func (c *catalogue) accepts(r pep508.Requirement) bool {
	ref := c.direct[r.Name]
	if ref == nil {
		return false
	}
	if slices.Contains(ref.written, r.URL) {
		return true
	}
	to, err := direct.Parse(r.URL, direct.Place{Project: ref.place.Project})
	return err == nil && to.Same(&ref.Reference)
}
