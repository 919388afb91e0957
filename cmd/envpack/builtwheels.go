package main

import (
	"context"
	"io"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
)

// wheelShelf brings wheels that others built from a repository into the store. It implements supply.Shelf.
type wheelShelf struct {
	shelf *publish.Shelf
	store *store.Store
}

// Wheel implements supply.Shelf.
func (w wheelShelf) Wheel(ctx context.Context, f lockfile.File) (bool, error) {
	r, err := w.shelf.Wheel(ctx, f.SHA256, f.Size)
	if err != nil || r == nil {
		return false, err
	}
	defer r.Close()
	if err := w.store.Put(ctx, r, f.SHA256, f.Size); err != nil {
		return false, err
	}
	return true, w.store.NameBlob(f.SHA256, f.Name)
}

// shelve has wheels that others built, as a lock knows them, taken from the manifest's cache repository while a lock is made.
func (s *session) shelve(sup *supply.Supply, st *store.Store, m *manifest.Manifest) error {
	cache, err := s.cacheRepo("", m)
	if err != nil || cache.IsZero() {
		return err
	}
	client, err := registryClient()
	if err != nil {
		return err
	}
	sup.Shelf = wheelShelf{publish.NewShelf(publish.ShelfOptions{Client: client, Cache: cache, Warn: func(err error) {
		s.ui().Warn("wheels that were built are not looked for in %s: %v", cache, err)
	}}), st}
	return nil
}

// fillWheels leaves the wheels that were built when the lock was made in the cache, so that who needs one, as for a lock whose seal
// has not the layer, does not build it. One that this machine does not have, since it needed only its layer, is passed over.
func (b *building) fillWheels(ctx context.Context, cache publish.Repository) error {
	client, err := registryClient()
	if err != nil {
		return err
	}
	for _, p := range b.lock.Packages {
		for _, f := range p.Files {
			if f.Build == "" || !b.builder.Store.Has(f.SHA256) {
				continue
			}
			w := publish.Wheel{Name: f.Name, SHA256: f.SHA256, Size: f.Size, Open: func() (io.ReadCloser, error) {
				blob, err := b.builder.Store.Blob(f.SHA256)
				if err != nil {
					return nil, err
				}
				return struct {
					io.Reader
					io.Closer
				}{io.NewSectionReader(blob, 0, blob.Size()), blob}, nil
			}}
			if err := publish.PushWheel(ctx, cache, w, publish.PushOptions{Client: client}); err != nil {
				if ctx.Err() != nil {
					return err
				}
				b.ui().Warn("the wheel %s was not left in %s: %v", f.Name, cache, err)
				return nil
			}
		}
	}
	return nil
}
