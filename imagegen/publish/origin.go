package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// OriginOptions say which image is to be stood upon, and how it is found.
type OriginOptions struct {
	OpenOptions // of which Platform must be given
	// Digest is that of the image's manifest, as it was found before: in a registry it is asked for, whatever the tag
	// means now; elsewhere the image must still have it. "": whatever is there now.
	Digest string
	// Dir is the folder that relative paths are relative to. "": the current one.
	Dir string
	// Store keeps manifests, configs and layers of registries that were read, so that an image of a known digest is
	// opened without asking for it. nil: nothing is kept.
	Store *store.Store
}

// Origin is an image of one platform that others stand on. Its layers are opened when they are read, and not for a
// registry that has them already.
type Origin struct {
	PlatformImage
	Digest     string // of its manifest
	NoManifest bool   // as in [Found]: the digest is of a manifest that was made up, always alike
	src        *Source
	repository name.Repository // the zero value: it is in no registry
}

// Close frees the origin.
func (o *Origin) Close() error {
	if o.src == nil {
		return nil
	}
	return o.src.Close()
}

// Remote tells whether the image is in a registry. Another one than that may not have it.
func (o *Origin) Remote() bool { return o.repository != (name.Repository{}) }

// OpenOrigin finds the image. The spec is oci:DIR, oci-archive:FILE, docker-archive:FILE, docker://REF or REF: unlike
// for [Open], no file or folder decides what it means. What is read of a registry's layers is checked, and its errors
// are explained.
//
// Errors: those of [Open]; a usage error where there is more than one image for the platform; 6 where a local image
// is no longer the one of the digest.
func OpenOrigin(ctx context.Context, spec string, opts OriginOptions) (*Origin, error) {
	p, err := parseOrigin(spec, opts.Dir)
	if err != nil {
		return nil, err
	}
	if opts.Platform == "" {
		return nil, fmt.Errorf("opening %s: no platform is given", p.given)
	}
	if p.form == inRegistry {
		return openRemoteOrigin(ctx, p, opts)
	}
	src, err := Open(ctx, string(p.form)+":"+p.path, opts.OpenOptions)
	if err != nil {
		return nil, err
	}
	o, err := src.only(opts.Platform, opts.Digest)
	if err != nil {
		src.Close()
		return nil, err
	}
	return o, nil
}

func parseOrigin(spec, dir string) (place, error) {
	form, rest, ok := strings.Cut(spec, ":")
	switch {
	case ok && (Form(form) == Layout || Form(form) == LayoutArchive || Form(form) == DockerArchive):
		p, err := parseSource(spec)
		if err == nil && dir != "" && !filepath.IsAbs(p.path) {
			p.path = filepath.Join(dir, p.path)
		}
		return p, err
	case ok && Form(form) == DockerDaemon:
		return place{}, diag.New(diag.Usage, "image %q: to stand on an image in an engine is not supported, since other machines do not have it", spec).
			Hint("push it to a registry, or save it: `docker save -o image.tar %s`, and docker-archive:image.tar", rest)
	case ok && form == "containers-storage":
		return parseSource(spec)
	case ok && form == "docker" && strings.HasPrefix(rest, "//"):
		return parseRemote(rest[2:], false)
	case looksLikePath(spec):
		return place{}, diag.New(diag.Usage, "image %q looks like a path", spec).Hint(sourceForms)
	}
	return parseRemote(spec, false)
}

const movedHint = "to take the image that is there now, lock again: `envpack lock --upgrade-base`"

// only is the source's one image for the platform, which must have the digest if one is given.
func (s *Source) only(platform, digest string) (*Origin, error) {
	var found []*Origin
	var has []string
	for _, f := range s.Images {
		h, err := f.Image.Digest()
		if err != nil {
			return nil, s.Explain(context.Background(), err)
		}
		known := false
		for _, o := range found {
			known = known || o.Digest == h.String()
		}
		if known {
			continue
		}
		has = append(has, h.String())
		if digest == "" || digest == h.String() {
			found = append(found, &Origin{PlatformImage: f.PlatformImage, Digest: h.String(), NoManifest: f.NoManifest, src: s})
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return nil, diag.New(diag.Mismatch, "%s for %s is %s, and %s is wanted", s.place.given, platform, strings.Join(has, " and "), digest).Hint(movedHint)
	}
	e := diag.New(diag.Usage, "%s has %d images for %s, and one is wanted", s.place.given, len(found), platform)
	if s.place.form == inRegistry {
		return nil, e.Hint("name one of them by its digest (%s), or a platform with its variant", strings.Join(has, ", "))
	}
	return nil, e.Hint("copy the one that is meant to a place of its own, or name a platform with its variant")
}

func openRemoteOrigin(ctx context.Context, p place, opts OriginOptions) (*Origin, error) {
	repository := p.ref.Context()
	blobs := &remoteBlobs{ctx: ctx, place: p, opts: opts}
	if opts.Digest != "" {
		pinned := repository.Digest(opts.Digest)
		p.ref = pinned
		switch o, err := blobs.kept(opts.Digest); {
		case err != nil:
			return nil, err
		case o != nil:
			o.repository = repository
			return o, nil
		}
	}
	src, err := openRemote(ctx, p, opts.OpenOptions)
	if err != nil {
		var answer *transport.Error
		var own *diag.Error
		if opts.Digest != "" && errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound && errors.As(err, &own) {
			own.Hint("the lock names the image %s, which may have been removed since; %s", opts.Digest, movedHint)
		}
		return nil, err
	}
	src.place = p
	o, err := src.only(opts.Platform, opts.Digest)
	if err != nil {
		return nil, err
	}
	o.repository = repository
	if err := blobs.take(o); err != nil {
		return nil, src.Explain(ctx, err)
	}
	return o, nil
}

// explained gives errors of reading a registry's layer as [Source.Explain] does.
type explained struct {
	io.ReadCloser
	explain func(error) error
}

// Read implements io.Reader.
func (e *explained) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = e.explain(err)
	}
	return n, err
}
