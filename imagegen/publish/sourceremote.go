package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/envpack/envpack/internal/diag"
)

// openRemote finds the images of a reference. go-containerregistry checks manifests, configs and layers
// against their digests. Plain HTTP is used only for this machine's own addresses.
func openRemote(ctx context.Context, p place, opts OpenOptions) (*Source, error) {
	if opts.Offline {
		return nil, p.guessed(diag.New(diag.Fetch, "%s is in a registry, which --offline does not ask", p.given))
	}
	fail := func(err error) (*Source, error) { return nil, pullError(ctx, p, err) }
	got, err := remote.Get(p.ref, opts.options(ctx)...)
	if err != nil {
		return fail(err)
	}
	w := &remoteFinder{noted: noted{tolerant: opts.Tolerant}, place: p, platform: opts.Platform}
	switch {
	case got.MediaType.IsIndex():
		idx, err := got.ImageIndex()
		if err != nil {
			return fail(err)
		}
		if err := w.index(ctx, idx, 0); err != nil {
			return fail(err)
		}
	case got.MediaType.IsImage():
		img, err := got.Image()
		if err != nil {
			return fail(err)
		}
		if err := w.image(ctx, img, nil); err != nil {
			return fail(err)
		}
	default:
		return nil, diag.New(diag.Failure, "%s is not an image but %q", p.given, got.MediaType)
	}
	return choose(p.given, w.found, opts.Platform, w.others, nil, w.noted)
}

type remoteFinder struct {
	noted
	place    place
	platform string
	found    []Found
	others   []string
	seen     int
}

func (w *remoteFinder) index(ctx context.Context, idx v1.ImageIndex, depth int) error {
	if depth >= indexDepth {
		return diag.New(diag.Failure, "%s names indexes of indexes, more than %d deep", w.place.given, indexDepth)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		return err
	}
	raw, err := idx.RawManifest()
	if err != nil {
		return err
	}
	w.indexes = append(w.indexes, raw)
	for _, d := range m.Manifests {
		if w.seen++; w.seen > indexImages {
			return diag.New(diag.Failure, "%s names more than %d images", w.place.given, indexImages)
		}
		switch {
		case d.MediaType.IsIndex():
			nested, err := idx.ImageIndex(d.Digest)
			if err != nil {
				return err
			}
			if err := w.index(ctx, nested, depth+1); err != nil {
				return err
			}
		case !d.MediaType.IsImage() || attestation(d):
		case d.Platform != nil && !onPlatform(platformOf(d.Platform), w.platform):
			w.others = append(w.others, platformOf(d.Platform))
		default:
			img, err := idx.Image(d.Digest)
			if err != nil && w.tolerant && strings.Contains(err.Error(), "does not match requested digest") { // of a type that has no name
				w.troubles = append(w.troubles, Trouble{Document: "the manifest", Digest: d.Digest, Err: wrong("the registry gives another manifest for %s: %v", d.Digest, err)})
				continue
			}
			if err != nil {
				return err
			}
			if err := w.image(ctx, img, &d); err != nil {
				return err
			}
		}
	}
	return nil
}

// image takes an image, which an index may name.
func (w *remoteFinder) image(ctx context.Context, img v1.Image, named *v1.Descriptor) error {
	if m, err := img.Manifest(); err == nil && m.Config.Size > documentLimit { // it is read into memory
		return diag.New(diag.Failure, "the config %s of %s is larger than %d bytes", m.Config.Digest, w.place.given, documentLimit)
	}
	about, err := img.ConfigFile()
	if err != nil && w.tolerant {
		img, about, err = w.damaged(ctx, img, err)
	}
	if err != nil {
		return err
	}
	platform := platformOf(about.Platform())
	if !onPlatform(platform, w.platform) {
		w.others = append(w.others, platform)
		return nil
	}
	if named != nil {
		m, err := img.Manifest()
		if err != nil {
			return err
		}
		w.agree("the index "+w.place.given, *named, m, about)
	}
	w.found = append(w.found, Found{PlatformImage: PlatformImage{Platform: platform, Image: img}, Name: w.place.given})
	return nil
}

// guessed adds to an error that the reference may have been meant as a path.
func (p place) guessed(e *diag.Error) *diag.Error {
	if p.guess {
		return e.Hint("there is no file or folder %s, so it was taken for a reference in a registry", p.given)
	}
	return e
}

// pullError says what a failed read from a registry means and what to do.
func pullError(ctx context.Context, p place, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("reading %s: %w", p.given, ctx.Err())
	}
	var own *diag.Error
	if errors.As(err, &own) {
		return err
	}
	host := p.ref.Context().RegistryStr()
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return p.guessed(diag.Wrap(err, diag.Fetch, "reading %s: %s gives no permission", p.given, host).
				Hint("log in with `docker login %s` (or podman, skopeo, crane: envpack reads their credentials), or check the name: many registries answer so for what does not exist", host))
		case http.StatusNotFound:
			return p.guessed(diag.Wrap(err, diag.Fetch, "reading %s: %s does not have it", p.given, host).Hint("check the repository and the tag"))
		case http.StatusTooManyRequests:
			return diag.Wrap(err, diag.Fetch, "reading %s: %s asks to slow down", p.given, host).Hint("wait a while, or log in")
		}
		return diag.Wrap(err, diag.Fetch, "reading %s: %s answered with an error", p.given, host)
	}
	var network *url.Error
	if errors.As(err, &network) {
		return p.guessed(diag.Wrap(err, diag.Fetch, "reading %s: cannot reach %s", p.given, host).
			Hint("check the name of the registry and the connection; registries elsewhere than on this machine must speak HTTPS"))
	}
	return p.guessed(diag.Wrap(err, diag.Fetch, "reading %s", p.given))
}
