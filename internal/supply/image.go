package supply

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// ReadImage implements resolver.BaseSource.
func (s *Supply) ReadImage(ctx context.Context, want resolver.ImageRequest) (*resolver.BaseImage, error) {
	origin, err := s.openOrigin(ctx, want.Reference, want.Platform, want.Digest)
	if err != nil {
		return nil, err
	}
	found, err := imagegen.ParentFacts(ctx, s.Store, origin.Image, parent.Options{Platform: want.Platform, Task: s.Task})
	if err != nil {
		return nil, err
	}
	for _, folder := range want.Folders {
		if err := found.CheckFolder(folder); err != nil {
			return nil, err
		}
	}
	result := &resolver.BaseImage{
		BaseImage: lockfile.BaseImage{
			Target: want.Platform, Digest: found.Digest, Config: found.Config, Created: found.Created,
			UserID: imagegen.UserID(found.Tree),
		},
		Distro: distroOf(found.Distro), Codename: found.Distro.Codename,
		Status: found.Status, Brought: map[string]bool{}, Env: found.Settings.Env,
	}
	switch found.Libc.Kind {
	case parent.Glibc:
		result.Glibc = found.Libc.Version
	case parent.Musl:
		result.Musl = found.Libc.Version
	}
	for _, p := range found.Packages {
		result.Packages = append(result.Packages, p.Name)
	}
	libraries, err := found.Libraries()
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the base image %s", want.Reference)
	}
	for _, l := range libraries {
		result.Brought[l.Name] = true
	}
	if want.Wanted != nil {
		wanted := func(p parent.Python) bool { return p.FreeThreaded == want.FreeThreaded && want.Wanted(p.Version) }
		python, err := found.Choose(wanted, want.What, imagegen.Prefix)
		if why := (*parent.Refusal)(nil); want.Bare && errors.As(err, &why) && why.Reason == parent.NoPython && len(why.Have) == 0 {
			err = nil // it has none at all, and could be stood upon with one
		}
		if err != nil {
			return nil, err
		}
		result.Python, result.Version = python.Path, python.Version
	} else if err := found.Foundation(imagegen.Prefix); err != nil {
		return nil, err
	}
	for _, l := range found.Layers {
		kind, err := l.OCIMediaType()
		if err != nil {
			return nil, err
		}
		result.Layers = append(result.Layers, lockfile.BaseLayer{Digest: l.Digest, DiffID: l.DiffID, Size: l.Size, MediaType: string(kind)})
	}
	return result, nil
}

// distroOf names what the image says of itself as a manifest names distributions.
func distroOf(d parent.Distro) string {
	switch {
	case d.ID == "":
		return "unknown"
	case d.Version == "":
		return d.ID
	}
	return d.ID + ":" + d.Version
}

// Image implements imagegen.Supply.
func (s *Supply) Image(ctx context.Context, reference string, image lockfile.BaseImage) (v1.Image, error) {
	origin, err := s.openOrigin(ctx, reference, image.Target, image.Digest)
	if err != nil {
		return nil, err
	}
	return origin.Image, nil
}

// Origin is the image that a target stands on, if Image opened one.
func (s *Supply) Origin(platform string) *publish.Origin {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.origins[platform]
}

// openOrigin opens an image, and closes it with the supply.
func (s *Supply) openOrigin(ctx context.Context, reference, platform, digest string) (*publish.Origin, error) {
	o := publish.OriginOptions{Digest: digest, Dir: s.Dir, Store: s.Store}
	o.Client, o.Platform = s.Registry, platform
	o.Offline = s.Offline
	origin, err := publish.OpenOrigin(ctx, s.Sources.Image(reference), o)
	if err != nil {
		return nil, diag.Wrap(err, 0, "opening the base image %s", reference)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.origins == nil {
		s.origins = map[string]*publish.Origin{}
	}
	if old := s.origins[platform]; old != nil {
		old.Close()
	}
	s.origins[platform] = origin
	return origin, nil
}

// Close closes what was opened.
func (s *Supply) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.origins {
		if err := o.Close(); err != nil {
			return fmt.Errorf("closing a base image: %w", err)
		}
	}
	s.origins = nil
	return nil
}
