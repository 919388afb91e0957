package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

// PushOptions say how an artifact is pushed.
type PushOptions struct {
	Client
	Jobs     int                     // layers at once; 0: 4
	Shelf    *Shelf                  // knows where layers are; nil: nothing is known
	Progress func(done, total int64) // bytes, those that the registry has included. May be nil
}

const defaultJobs = 4

// Push puts the artifact into the registry. Layers that the repository has are asked for by digest and
// neither opened nor sent, and those that the shelf knows to be there are not asked for. Those that are elsewhere in the same
// registry, by the shelf or an [Origin], are mounted from there where it can, and copied from anywhere else. Failures that may pass are tried again. Plain HTTP is used only for this
// machine's own addresses. Errors are diag errors: 7 for a registry that cannot be reached, refuses or
// fails, 6 where it says that a layer is not what its digest promises.
func Push(ctx context.Context, ref Reference, a *Artifact, opts PushOptions) error {
	jobs := opts.Jobs
	if jobs <= 0 {
		jobs = defaultJobs
	}
	options := append(opts.options(ctx), remote.WithJobs(jobs))
	wait := func() {}
	if opts.Progress != nil {
		updates, done := make(chan v1.Update, 64), make(chan struct{})
		go func() {
			defer close(done)
			for u := range updates { // Push and Write close it
				if u.Error == nil {
					opts.Progress(u.Complete, u.Total)
				}
			}
		}()
		options = append(options, remote.WithProgress(updates))
		wait = func() { <-done }
	}
	to := ref.tag.Context()
	var err error
	if a.index != nil {
		err = remote.WriteIndex(ref.tag, &imageIndex{a, to, opts.Shelf}, options...)
	} else {
		err = remote.Write(ref.tag, &sending{a.images[0].Image, a.images[0].Origin, to, opts.Shelf}, options...)
	}
	wait()
	if err != nil {
		return pushError(ctx, ref, err)
	}
	return a.noted(opts.Shelf, to)
}

// noted puts the artifact's layers on the shelf: the repository has them now.
func (a *Artifact) noted(shelf *Shelf, in name.Repository) error {
	for _, each := range a.images {
		m, err := each.Image.Manifest()
		if err != nil {
			return err
		}
		for _, l := range m.Layers {
			shelf.note(l.Digest, in)
		}
	}
	return nil
}

// sending is an image on its way to a repository, as go-containerregistry's writer wants it: of the layers those alone that the repository is not
// known to have, and those marked that its registry may mount. They are known by their digest, whatever the image has made of them.
type sending struct {
	v1.Image
	origin *Origin // may be nil
	to     name.Repository
	shelf  *Shelf
}

// Layers implements v1.Image.
func (s *sending) Layers() ([]v1.Layer, error) {
	layers, err := s.Image.Layers()
	if err != nil {
		return nil, err
	}
	theirs := map[v1.Hash]bool{}
	if s.origin != nil && s.origin.Remote() && s.origin.repository.RegistryStr() == s.to.RegistryStr() {
		lower, err := s.origin.Image.Manifest()
		if err != nil {
			return nil, err
		}
		for _, l := range lower.Layers {
			theirs[l.Digest] = true
		}
	}
	var send []v1.Layer
	for _, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return nil, err
		}
		there, near := s.shelf.where(h, s.to)
		switch {
		case there:
			continue
		case near != (name.Repository{}):
			l = &remote.MountableLayer{Layer: l, Reference: near.Digest(h.String())}
		case theirs[h]:
			l = &remote.MountableLayer{Layer: l, Reference: s.origin.repository.Digest(s.origin.Digest)}
		}
		send = append(send, l)
	}
	return send, nil
}

// pushError says what a failed push means and what to do.
func pushError(ctx context.Context, ref Reference, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("pushing %s: %w", ref, ctx.Err())
	}
	var own *diag.Error
	if errors.As(err, &own) { // of reading a layer
		return fmt.Errorf("pushing %s: %w", ref, err)
	}
	var damaged *layer.MismatchError
	if errors.As(err, &damaged) { // the request was given up for it
		return diag.Wrap(damaged, diag.Mismatch, "pushing %s", ref)
	}
	host := ref.Registry()
	login := func(e *diag.Error) error {
		return e.Hint("log in with `docker login %s` (or podman, skopeo, crane: envpack reads their credentials)", host).
			Hint("if you are logged in, that account may not push to %s", ref.tag.RepositoryStr())
	}
	var answer *transport.Error
	if errors.As(err, &answer) {
		has := func(codes ...transport.ErrorCode) bool {
			for _, d := range answer.Errors {
				for _, c := range codes {
					if d.Code == c {
						return true
					}
				}
			}
			return false
		}
		switch {
		case has(transport.DigestInvalidErrorCode, transport.SizeInvalidErrorCode):
			return diag.Wrap(err, diag.Mismatch, "pushing %s: %s received other bytes than were announced", ref, host)
		case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden,
			has(transport.UnauthorizedErrorCode, transport.DeniedErrorCode):
			return login(diag.Wrap(err, diag.Fetch, "pushing %s: %s gives no permission", ref, host))
		case answer.StatusCode == http.StatusNotFound:
			return diag.Wrap(err, diag.Fetch, "pushing %s: %s does not have the repository", ref, host).
				Hint("some registries want it to be created first; check the name %s", ref.tag.RepositoryStr())
		case answer.StatusCode == http.StatusTooManyRequests:
			return diag.Wrap(err, diag.Fetch, "pushing %s: %s asks to slow down", ref, host).Hint("wait a while and push again; what was sent is kept")
		case answer.StatusCode == http.StatusRequestEntityTooLarge:
			return diag.Wrap(err, diag.Fetch, "pushing %s: a layer is larger than %s takes", ref, host).
				Hint("raise the limit of the registry or of the proxy before it")
		}
		return diag.Wrap(err, diag.Fetch, "pushing %s: %s answered with an error", ref, host).Hint("push again; what was sent is kept")
	}
	var network *url.Error
	if errors.As(err, &network) {
		return diag.Wrap(err, diag.Fetch, "pushing %s: cannot reach %s", ref, host).
			Hint("check the name of the registry and the connection; registries elsewhere than on this machine must speak HTTPS")
	}
	return diag.Wrap(err, diag.Fetch, "pushing %s", ref)
}
