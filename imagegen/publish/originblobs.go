package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// remoteBlobs are the blobs of an image in a registry, some of which the store has. It implements blobStore.
type remoteBlobs struct {
	ctx   context.Context
	place place
	opts  OriginOptions

	once   sync.Once
	puller *remote.Puller // one login for all layers
	err    error
}

func (b *remoteBlobs) what() string { return b.place.given }

// size implements blobStore, for what is in the store.
func (b *remoteBlobs) size(h v1.Hash) (int64, error) {
	blob, err := b.stored(h)
	if err != nil {
		return 0, err
	}
	return blob.Size(), nil
}

func (b *remoteBlobs) stored(h v1.Hash) (*store.Blob, error) {
	if b.opts.Store == nil {
		return nil, fs.ErrNotExist
	}
	blob, err := b.opts.Store.Blob(h.Hex)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fs.ErrNotExist
	}
	return blob, err
}

func (b *remoteBlobs) open(h v1.Hash) (io.ReadCloser, error) {
	blob, err := b.stored(h)
	if err == nil {
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(blob, 0, blob.Size()), blob}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if b.opts.Offline {
		return nil, diag.New(diag.Fetch, "the layer %s of %s is in a registry, which --offline does not ask", h, b.place.given)
	}
	explain := func(err error) error { return pullError(b.ctx, b.place, err) }
	b.once.Do(func() { b.puller, b.err = remote.NewPuller(b.opts.options(b.ctx)...) })
	if b.err != nil {
		return nil, explain(b.err)
	}
	rc, err := openBlob(b.ctx, b.puller, b.place.ref.Context().Digest(h.String()), b.place.given, explain)
	if err != nil {
		return nil, err
	}
	if b.opts.Store == nil {
		return rc, nil
	}
	w, err := b.opts.Store.Create()
	if err != nil {
		rc.Close()
		return nil, err
	}
	return &keeping{rc, b.opts.Store, w, h}, nil
}

// keeping puts what is read to its end into the store.
type keeping struct {
	io.ReadCloser
	st   *store.Store
	w    *store.Writer
	want v1.Hash
}

// Read implements io.Reader.
func (k *keeping) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	if k.w == nil {
		return n, err
	}
	if _, werr := k.w.Write(p[:n]); werr != nil {
		return n, werr
	}
	if err == io.EOF {
		w := k.w
		k.w = nil
		got, _, cerr := w.Commit()
		if cerr != nil {
			return n, cerr
		}
		if got != k.want.Hex {
			return n, diag.New(diag.Mismatch, "the layer %s has the digest sha256:%s", k.want, got)
		}
		if nerr := k.st.NameBlob(got, "layer of an image below"); nerr != nil {
			return n, nerr
		}
	}
	return n, err
}

// Close implements io.Closer.
func (k *keeping) Close() error {
	if k.w != nil {
		k.w.Discard()
	}
	return k.ReadCloser.Close()
}

// kept is the image if the store has its manifest and config; else nil.
func (b *remoteBlobs) kept(digest string) (*Origin, error) {
	h, err := v1.NewHash(digest)
	if err == nil {
		err = checkHash(h)
	}
	if err != nil {
		return nil, diag.Wrap(err, diag.Usage, "opening %s", b.place.given)
	}
	manifest, err := b.document(h)
	if manifest == nil || err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return nil, nil // an index, whose digest was taken for an image's: the registry will tell
	}
	config, err := b.document(m.Config.Digest)
	if config == nil || err != nil {
		return nil, err
	}
	return b.origin(h, m, manifest, config)
}

// document is a blob that the store has, read and checked; nil if it has it not, or not any more because it was damaged.
func (b *remoteBlobs) document(h v1.Hash) ([]byte, error) {
	if b.opts.Store != nil {
		err := b.opts.Store.Check(b.ctx, 1, h.Hex)
		if damage := (*store.DamageError)(nil); errors.Is(err, store.ErrNotFound) || errors.As(err, &damage) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	size, err := b.size(h)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return document(b, v1.Descriptor{Digest: h, Size: size}, "the document")
}

// take makes the origin's image one whose layers are read through the store, and keeps its documents there.
func (b *remoteBlobs) take(o *Origin) error {
	manifest, err := o.Image.RawManifest()
	if err != nil {
		return err
	}
	config, err := o.Image.RawConfigFile()
	if err != nil {
		return err
	}
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return err
	}
	h, err := v1.NewHash(o.Digest)
	if err != nil {
		return err
	}
	if b.opts.Store != nil {
		for digest, data := range map[v1.Hash][]byte{h: manifest, m.Config.Digest: config} {
			if err := b.opts.Store.Put(b.ctx, bytes.NewReader(data), digest.Hex, int64(len(data))); err != nil {
				return err
			}
			if err := b.opts.Store.NameBlob(digest.Hex, "manifest or config of an image below"); err != nil {
				return err
			}
		}
	}
	made, err := b.origin(h, m, manifest, config)
	if err != nil {
		return err
	}
	o.PlatformImage = made.PlatformImage
	return nil
}

func (b *remoteBlobs) origin(h v1.Hash, m *v1.Manifest, manifest, config []byte) (*Origin, error) {
	var about v1.ConfigFile
	if err := json.Unmarshal(config, &about); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "the config %s of %s", m.Config.Digest, b.what())
	}
	platform := platformOf(about.Platform())
	if !onPlatform(platform, b.opts.Platform) {
		return nil, diag.New(diag.Usage, "%s (%s) is for %s, and %s is wanted", b.what(), h, platform, b.opts.Platform)
	}
	d := v1.Descriptor{MediaType: m.MediaType, Digest: h}
	if d.MediaType == "" {
		d.MediaType = types.OCIManifestSchema1
	}
	for i, l := range m.Layers {
		if err := checkHash(l.Digest); err != nil {
			return nil, diag.Wrap(err, diag.Failure, "layer %d of %s", i+1, b.what())
		}
	}
	img, err := newLayoutImage(b, d, manifest, config, m.Layers, about.RootFS.DiffIDs)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", b.what(), err)
	}
	return &Origin{PlatformImage: PlatformImage{Platform: platform, Image: img}, Digest: h.String()}, nil
}
