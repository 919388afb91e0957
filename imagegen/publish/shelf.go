package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

// Shelf finds layers of known digests in repositories, so that they need not be made: it implements imagegen.Elsewhere.
// It remembers where they are, for [PushOptions]. Its methods may be called from several goroutines.
type Shelf struct {
	client Client
	target *repository // what is pushed to; nil: nothing is
	cache  *repository // may be nil

	mu sync.Mutex
	in map[v1.Hash][]name.Repository
}

// ShelfOptions say where a shelf looks.
type ShelfOptions struct {
	Client
	Target Reference  // what the image will be pushed to; zero: nothing
	Cache  Repository // zero: none
	// Warn is told, once, why the cache is not asked any more: an image needs none. May be nil.
	Warn func(error)
}

// NewShelf makes a shelf. It asks nothing yet.
func NewShelf(o ShelfOptions) *Shelf {
	s := &Shelf{client: o.Client, in: map[v1.Hash][]name.Repository{}}
	if !o.Target.IsZero() {
		s.target = &repository{repo: o.Target.tag.Context(), client: o.Client, scope: transport.PushScope}
		s.target.explain = func(ctx context.Context, err error) error { return pushError(ctx, o.Target, err) }
	}
	if !o.Cache.IsZero() && (s.target == nil || o.Cache.repo != s.target.repo) {
		s.cache = &repository{repo: o.Cache.repo, client: o.Client, scope: transport.PullScope}
		s.cache.explain = s.cache.readError
		s.cache.warn = o.Warn
		if o.Warn == nil {
			s.cache.warn = func(error) {}
		}
	}
	return s
}

// Layer gives the layer if a repository has it, the one that is pushed to first; else nil. Its bytes are fetched when they are read, and
// checked. Errors are diag errors: 6 where a repository says that it has something else under the digest; what
// a push would fail of, where it is the one that is pushed to.
func (s *Shelf) Layer(ctx context.Context, d layer.Descriptor) (v1.Layer, error) {
	h, err := v1.NewHash(d.Digest)
	if err != nil {
		return nil, fmt.Errorf("looking for a layer: %w", err)
	}
	for _, r := range []*repository{s.target, s.cache} {
		if r == nil {
			continue
		}
		switch there, err := r.has(ctx, h, d.Size); {
		case err != nil:
			return nil, err
		case there:
			s.note(h, r.repo)
			return layer.New(d, func() (io.ReadCloser, error) { return r.open(ctx, h) })
		}
	}
	return nil, nil
}

// note remembers that a repository has a blob.
func (s *Shelf) note(h v1.Hash, repo name.Repository) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in[h] = append(s.in[h], repo)
}

// where tells whether the repository is known to have a blob, and else of which of the same registry that is known.
func (s *Shelf) where(h v1.Hash, to name.Repository) (there bool, near name.Repository) {
	if s == nil {
		return false, near
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, repo := range s.in[h] {
		if repo == to {
			return true, near
		}
		if repo.RegistryStr() == to.RegistryStr() {
			near = repo
		}
	}
	return false, near
}

// repository is one that is asked for blobs.
type repository struct {
	repo    name.Repository
	client  Client
	scope   string
	explain func(ctx context.Context, err error) error
	warn    func(error) // nil: what fails is an error

	once   sync.Once
	http   *http.Client
	failed error

	mu     sync.Mutex
	gone   bool // it failed, and is not asked again
	puller *remote.Puller
}

// connect finds out how the registry wants to be spoken to.
func (r *repository) connect(ctx context.Context) error {
	r.once.Do(func() {
		auth, err := authn.Resolve(ctx, r.client.keychain(), r.repo)
		if err != nil {
			r.failed = err
			return
		}
		t, err := transport.NewWithContext(ctx, r.repo.Registry, auth, r.client.transport(), []string{r.repo.Scope(r.scope)})
		r.http, r.failed = &http.Client{Transport: t}, err
	})
	return r.failed
}

// has tells whether the repository has a blob of the digest and size.
func (r *repository) has(ctx context.Context, h v1.Hash, size int64) (bool, error) {
	r.mu.Lock()
	gone := r.gone
	r.mu.Unlock()
	if gone {
		return false, nil
	}
	there, err := r.ask(ctx, h, size)
	if err == nil || ctx.Err() != nil || diag.CodeOf(err) == diag.Mismatch {
		return there, err
	}
	err = r.explain(ctx, err)
	if r.warn == nil {
		return false, err
	}
	r.mu.Lock()
	first := !r.gone
	r.gone = true
	r.mu.Unlock()
	if first {
		r.warn(err)
	}
	return false, nil
}

func (r *repository) ask(ctx context.Context, h v1.Hash, size int64) (bool, error) {
	if err := r.connect(ctx); err != nil {
		return false, err
	}
	u := url.URL{Scheme: r.repo.Scheme(), Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + "/blobs/" + h.String()}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return false, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return false, err
	}
	other := func(what string, args ...any) error {
		return diag.New(diag.Mismatch, "%s has the layer %s %s", r.repo.Name(), h, fmt.Sprintf(what, args...)).
			Hint("the registry is damaged, or the lock's seal was edited; `envpack build` without a registry makes the layer and compares it with the seal")
	}
	if said := resp.Header.Get("Docker-Content-Digest"); said != "" && said != h.String() {
		return false, other("as %s", said)
	}
	// No layer is empty: nothing, or 0 for an answer without a body, says nothing of the size.
	if n := resp.ContentLength; n > 0 && n != size {
		return false, other("with %d bytes, and the lock's seal says %d", n, size)
	}
	return true, nil
}

// open reads a blob, and checks it.
func (r *repository) open(ctx context.Context, h v1.Hash) (io.ReadCloser, error) {
	explain := func(err error) error { return r.readError(ctx, err) }
	r.mu.Lock()
	if r.puller == nil {
		var err error
		if r.puller, err = remote.NewPuller(r.client.options(ctx)...); err != nil {
			r.mu.Unlock()
			return nil, explain(err)
		}
	}
	puller := r.puller
	r.mu.Unlock()
	return openBlob(ctx, puller, r.repo.Digest(h.String()), r.repo.Name(), explain)
}

func (r *repository) readError(ctx context.Context, err error) error {
	return pullError(ctx, place{form: inRegistry, ref: r.repo.Tag(""), given: r.repo.Name()}, err)
}

// openBlob reads a layer of a registry. explain says what errors mean that have no meaning yet; given is how people call
// the place.
func openBlob(ctx context.Context, puller *remote.Puller, ref name.Digest, given string, explain func(error) error) (io.ReadCloser, error) {
	say := func(err error) error {
		// go-containerregistry's error for it has no type that can be named.
		if strings.HasPrefix(err.Error(), "error verifying") {
			return diag.Wrap(err, diag.Mismatch, "the layer %s of %s is not what its digest says", ref.DigestStr(), given).
				Hint("something between the registry and here changes what is sent, or the registry is damaged")
		}
		return explain(err)
	}
	l, err := puller.Layer(ctx, ref)
	if err != nil {
		return nil, say(err)
	}
	rc, err := l.Compressed() // checks the digest
	if err != nil {
		return nil, say(err)
	}
	return &explained{rc, say}, nil
}

// Repository is a repository of a registry.
type Repository struct{ repo name.Repository }

// ParseRepository reads REGISTRY/REPOSITORY. Every error is a usage error.
func ParseRepository(s string) (Repository, error) {
	bad := func(why string) (Repository, error) {
		return Repository{}, diag.New(diag.Usage, "%q is no repository of a registry: %s", s, why).
			Hint("as in registry.example/team/layers, without a tag")
	}
	if !strings.Contains(s, "/") {
		return bad("it names no registry")
	}
	if last := s[strings.LastIndexByte(s, '/'):]; strings.ContainsAny(last, ":@") {
		return bad("it has a tag or a digest")
	}
	repo, err := name.NewRepository(s)
	if err != nil {
		var wrong *name.ErrBadName
		if errors.As(err, &wrong) {
			return bad(strings.TrimSuffix(wrong.Error(), "\n"))
		}
		return bad(err.Error())
	}
	return Repository{repo}, nil
}

// Tag is an image's name in the repository.
func (r Repository) Tag(tag string) Reference {
	t := r.repo.Tag(tag)
	return Reference{given: t.Name(), tag: t}
}

// IsZero tells whether there is none.
func (r Repository) IsZero() bool { return r.repo == (name.Repository{}) }

// String is the repository with its registry.
func (r Repository) String() string { return r.repo.Name() }
