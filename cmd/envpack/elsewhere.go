package main

import (
	"context"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
)

// noCache is what --cache-repo says to have none, whatever the manifest names.
const noCache = "none"

// cacheRepo is the repository for layers: the flag's, else the manifest's, which --offline leaves alone.
func (s *session) cacheRepo(flag string, m *manifest.Manifest) (publish.Repository, error) {
	switch {
	case flag == noCache:
		return publish.Repository{}, nil
	case flag != "" && s.offline:
		return publish.Repository{}, diag.New(diag.Usage, "--cache-repo reaches a registry, which --offline forbids")
	case flag != "":
		repo, err := publish.ParseRepository(flag)
		if err != nil {
			return repo, diag.Wrap(err, 0, "--cache-repo")
		}
		return repo, nil
	case m.Image.CacheRepo == "" || s.offline:
		return publish.Repository{}, nil
	}
	return publish.ParseRepository(m.Image.CacheRepo)
}

// lookElsewhere has layers of the lock's seal taken from where the image is pushed to, and from the cache.
func (b *building) lookElsewhere(ref publish.Reference, push bool, cache publish.Repository) error {
	if !push && cache.IsZero() {
		return nil
	}
	client, err := registryClient()
	if err != nil {
		return err
	}
	o := publish.ShelfOptions{Client: client, Cache: cache, Warn: func(err error) {
		b.ui().Warn("the layers in %s are not used: %v", cache, err)
	}}
	if push {
		o.Target = ref
	}
	b.shelf = publish.NewShelf(o)
	b.supply.Shelf = wheelShelf{b.shelf, b.builder.Store}
	if !b.rebuild { // else it only remembers for the push what the registry has
		b.builder.Elsewhere = b.shelf
	}
	return nil
}

// fillCache leaves the layers of what was pushed in the cache, as an image under a name that says which environment they are: a registry
// throws layers away that no image has. A cache that cannot be written is no failure, since the image is where it was to go.
func (b *building) fillCache(ctx context.Context, images []*imagegen.Image, cache publish.Repository) error {
	for _, image := range images {
		a, err := b.artifact([]*imagegen.Image{image})
		if err != nil {
			return err
		}
		hex := strings.TrimPrefix(image.Environment, "sha256:")
		if err := b.push(ctx, cache.Tag("environment-"+hex[:32]), a); err != nil {
			if ctx.Err() != nil {
				return err
			}
			b.ui().Warn("the layers were not left in %s: %v", cache, err)
			return nil
		}
	}
	return b.fillWheels(ctx, cache)
}
