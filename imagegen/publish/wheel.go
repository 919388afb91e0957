package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen/layer"
)

// The media types of a wheel that is left in a repository.
const (
	wheelType    = "application/vnd.envpack.wheel.v1+zip"
	wheelsType   = "application/vnd.envpack.wheels.v1"
	nothingType  = "application/vnd.oci.empty.v1+json"
	nothing      = "{}"
	wheelTagSize = 32
)

// Wheel is a wheel that was built, and that others are spared to build.
type Wheel struct {
	Name   string // file name
	SHA256 string
	Size   int64
	Open   func() (io.ReadCloser, error)
}

// PushWheel leaves a wheel in a repository, under a tag that its hash makes: an artifact with nothing else (OCI image
// specification, Guidelines for artifact usage), since a registry throws away what no manifest names.
//
// Errors: those of [Push].
func PushWheel(ctx context.Context, to Repository, w Wheel, opts PushOptions) error {
	a, err := newWheelArtifact(w)
	if err != nil {
		return err
	}
	ref := to.Tag("wheel-" + w.SHA256[:wheelTagSize])
	if err := remote.Write(ref.tag, a, opts.options(ctx)...); err != nil {
		return pushError(ctx, ref, err)
	}
	return nil
}

// Wheel opens a wheel that somebody left in the cache, nil if it is not there. What is read of it is held to the hash. Errors: those of
// [Shelf.Layer].
func (s *Shelf) Wheel(ctx context.Context, sha256 string, size int64) (io.ReadCloser, error) {
	l, err := s.Layer(ctx, layer.Descriptor{Digest: "sha256:" + sha256, DiffID: "sha256:" + sha256, Size: size})
	if err != nil || l == nil {
		return nil, err
	}
	return l.Compressed()
}

// wheelArtifact is a manifest that names a wheel and has an empty config.
type wheelArtifact struct {
	layer    v1.Layer
	manifest v1.Manifest
	raw      []byte
}

func newWheelArtifact(w Wheel) (*wheelArtifact, error) {
	l, err := layer.New(layer.Descriptor{Digest: "sha256:" + w.SHA256, DiffID: "sha256:" + w.SHA256, Size: w.Size}, w.Open)
	if err != nil {
		return nil, err
	}
	digest, err := l.Digest()
	if err != nil {
		return nil, err
	}
	empty, size, err := v1.SHA256(bytes.NewReader([]byte(nothing)))
	if err != nil {
		return nil, err
	}
	a := &wheelArtifact{layer: l, manifest: v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  wheelsType,
		Config:        v1.Descriptor{MediaType: nothingType, Digest: empty, Size: size},
		Layers: []v1.Descriptor{{
			MediaType: wheelType, Digest: digest, Size: w.Size, Annotations: map[string]string{"org.opencontainers.image.title": w.Name},
		}},
	}}
	if a.raw, err = json.Marshal(a.manifest); err != nil {
		return nil, fmt.Errorf("describing the wheel %s: %w", w.Name, err)
	}
	return a, nil
}

// The rest implements v1.Image.

func (a *wheelArtifact) Layers() ([]v1.Layer, error)               { return []v1.Layer{a.layer}, nil }
func (a *wheelArtifact) MediaType() (types.MediaType, error)       { return types.OCIManifestSchema1, nil }
func (a *wheelArtifact) Size() (int64, error)                      { return int64(len(a.raw)), nil }
func (a *wheelArtifact) ConfigName() (v1.Hash, error)              { return a.manifest.Config.Digest, nil }
func (a *wheelArtifact) ConfigFile() (*v1.ConfigFile, error)       { return &v1.ConfigFile{}, nil }
func (a *wheelArtifact) RawConfigFile() ([]byte, error)            { return []byte(nothing), nil }
func (a *wheelArtifact) Digest() (v1.Hash, error)                  { return partial.Digest(a) }
func (a *wheelArtifact) Manifest() (*v1.Manifest, error)           { return &a.manifest, nil }
func (a *wheelArtifact) RawManifest() ([]byte, error)              { return a.raw, nil }
func (a *wheelArtifact) LayerByDigest(h v1.Hash) (v1.Layer, error) { return a.layerOf(h) }
func (a *wheelArtifact) LayerByDiffID(h v1.Hash) (v1.Layer, error) { return a.layerOf(h) }

func (a *wheelArtifact) layerOf(h v1.Hash) (v1.Layer, error) {
	if h == a.manifest.Config.Digest {
		return partial.ConfigLayer(a)
	}
	return a.layer, nil
}
