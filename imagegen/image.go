package imagegen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// Layer is a finished layer of an image.
type Layer struct {
	v1.Layer
	Name   string // as in lockfile.SealedLayer
	Kind   string
	Inputs string
	Digest string
	DiffID string
	Size   int64
	// MediaType is that of a layer of another image; "" for our own.
	MediaType string
	// Remembered is set if the layer was not made but is what the store noted about its inputs.
	Remembered bool
	// Elsewhere is set if the layer was not made but is the sealed one, and is read from elsewhere.
	Elsewhere bool
}

// assembled is the image as its exact bytes; go-containerregistry's interfaces read from it.
type assembled struct {
	config   []byte
	manifest []byte
	layers   []Layer
}

// assemble makes the config and the manifest for the layers.
func assemble(p *Plan, layers []Layer) (*assembled, error) {
	cfg, err := marshal(newConfig(p, layers))
	if err != nil {
		return nil, fmt.Errorf("writing the image's config: %w", err)
	}
	m := manifest{
		SchemaVersion: 2,
		MediaType:     string(types.OCIManifestSchema1),
		Config:        descriptor{string(types.OCIConfigJSON), digestOf(cfg), int64(len(cfg))},
		Annotations:   map[string]string{"org.opencontainers.image.created": p.Created.UTC().Format(time.RFC3339)},
	}
	for _, l := range layers {
		kind := l.MediaType
		if kind == "" {
			kind = string(types.OCILayer)
		}
		m.Layers = append(m.Layers, descriptor{kind, l.Digest, l.Size})
	}
	raw, err := marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing the image's manifest: %w", err)
	}
	return &assembled{config: cfg, manifest: raw, layers: layers}, nil
}

func (a *assembled) image() (v1.Image, error) { return partial.CompressedToImage(a) }

func (a *assembled) digest() string { return digestOf(a.manifest) }

// MediaType implements partial.CompressedImageCore.
func (a *assembled) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest implements partial.CompressedImageCore.
func (a *assembled) RawManifest() ([]byte, error) { return a.manifest, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (a *assembled) RawConfigFile() ([]byte, error) { return a.config, nil }

// LayerByDigest implements partial.CompressedImageCore.
func (a *assembled) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range a.layers {
		if l.Digest == h.String() {
			return l.Layer, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
