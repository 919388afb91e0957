package publish

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/internal/diag"
)

// PlatformImage is the image of one platform.
type PlatformImage struct {
	Platform string // "linux/amd64", "linux/arm/v7"
	Image    v1.Image
	// Origin is what the image stands on, if its lower layers are another image's: a push mounts them from there where
	// the registry can. May be nil.
	Origin *Origin
}

// Artifact is what is published: the image of one platform as it is, or an index of those of several.
type Artifact struct {
	images   []PlatformImage // by platform
	manifest descriptor      // of the image, or of the index
	index    []byte          // nil for one platform
}

// The types of JSON documents are our own, so that their bytes depend on no library's release: the order
// of fields is the order of keys.
type descriptor struct {
	MediaType   types.MediaType   `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

type index struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     types.MediaType `json:"mediaType"`
	Manifests     []descriptor    `json:"manifests"`
}

// New makes an artifact of images, one per platform. One image stays what it is, with its own digest;
// several are put into an OCI image index, sorted by platform.
func New(images ...PlatformImage) (*Artifact, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("there is no image to publish")
	}
	a := &Artifact{images: slices.Clone(images)}
	slices.SortFunc(a.images, func(x, y PlatformImage) int { return strings.Compare(x.Platform, y.Platform) })
	list := index{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for i, each := range a.images {
		if i > 0 && a.images[i-1].Platform == each.Platform {
			return nil, fmt.Errorf("there are two images for %s", each.Platform)
		}
		d, err := describe(each.Image)
		if err != nil {
			return nil, fmt.Errorf("describing the image for %s: %w", each.Platform, err)
		}
		a.manifest = d
		parts := strings.SplitN(each.Platform, "/", 3)
		if len(parts) < 2 {
			return nil, fmt.Errorf("%q is not a platform", each.Platform)
		}
		d.Platform = &platform{OS: parts[0], Architecture: parts[1]}
		if len(parts) == 3 {
			d.Platform.Variant = parts[2]
		}
		list.Manifests = append(list.Manifests, d)
	}
	if len(a.images) == 1 {
		return a, nil
	}
	raw, err := marshal(list)
	if err != nil {
		return nil, err
	}
	h, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	a.index = raw
	a.manifest = descriptor{MediaType: types.OCIImageIndex, Digest: h.String(), Size: size}
	return a, nil
}

// Digest is that of the image's manifest, or of the index if there are several platforms.
func (a *Artifact) Digest() string { return a.manifest.Digest }

// Index is the index of several platforms, as it is published; nil of one platform.
func (a *Artifact) Index() []byte { return a.index }

func describe(img v1.Image) (descriptor, error) {
	media, err := img.MediaType()
	if err != nil {
		return descriptor{}, err
	}
	h, err := img.Digest()
	if err != nil {
		return descriptor{}, err
	}
	size, err := img.Size()
	if err != nil {
		return descriptor{}, err
	}
	return descriptor{MediaType: media, Digest: h.String(), Size: size}, nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// blob is one of the files that a layout is made of.
type blob struct {
	digest v1.Hash
	size   int64
	what   string // for errors
	open   func() (io.ReadCloser, error)
}

// blobs are all that the artifact consists of, each once, by digest.
func (a *Artifact) blobs() ([]blob, error) {
	var list []blob
	if a.index != nil {
		b, err := inMemory("the index", a.index)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	for _, each := range a.images {
		more, err := imageBlobs(each)
		if err != nil {
			return nil, fmt.Errorf("listing the image for %s: %w", each.Platform, err)
		}
		list = append(list, more...)
	}
	slices.SortFunc(list, func(x, y blob) int { return strings.Compare(x.digest.String(), y.digest.String()) })
	return slices.CompactFunc(list, func(x, y blob) bool { return x.digest == y.digest }), nil
}

func imageBlobs(p PlatformImage) ([]blob, error) {
	manifest, err := p.Image.RawManifest()
	if err != nil {
		return nil, err
	}
	config, err := p.Image.RawConfigFile()
	if err != nil {
		return nil, err
	}
	var list []blob
	for what, data := range map[string][]byte{"the manifest for " + p.Platform: manifest, "the config for " + p.Platform: config} {
		b, err := inMemory(what, data)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	layers, err := p.Image.Layers()
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return nil, err
		}
		size, err := l.Size()
		if err != nil {
			return nil, err
		}
		list = append(list, blob{h, size, fmt.Sprintf("layer %d of the image for %s", i+1, p.Platform), l.Compressed})
	}
	return list, nil
}

func inMemory(what string, data []byte) (blob, error) {
	h, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return blob{}, err
	}
	return blob{h, size, what, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}, nil
}

// imageIndex implements v1.ImageIndex, for go-containerregistry's writer.
type imageIndex struct {
	a     *Artifact
	to    name.Repository
	shelf *Shelf
}

func (x *imageIndex) MediaType() (types.MediaType, error) { return x.a.manifest.MediaType, nil }
func (x *imageIndex) Digest() (v1.Hash, error)            { return v1.NewHash(x.a.manifest.Digest) }
func (x *imageIndex) Size() (int64, error)                { return x.a.manifest.Size, nil }
func (x *imageIndex) RawManifest() ([]byte, error)        { return x.a.index, nil }

func (x *imageIndex) IndexManifest() (*v1.IndexManifest, error) {
	return v1.ParseIndexManifest(bytes.NewReader(x.a.index))
}

func (x *imageIndex) Image(h v1.Hash) (v1.Image, error) {
	for _, each := range x.a.images {
		if d, err := each.Image.Digest(); err == nil && d == h {
			return &sending{each.Image, each.Origin, x.to, x.shelf}, nil
		}
	}
	return nil, fmt.Errorf("the index has no image %s", h)
}

func (x *imageIndex) ImageIndex(h v1.Hash) (v1.ImageIndex, error) {
	return nil, fmt.Errorf("the index has no index %s", h)
}

// onlyImage is the artifact's image, for forms that hold one.
func (a *Artifact) onlyImage(form Form) (v1.Image, error) {
	if a.index != nil {
		return nil, tooMany(form, len(a.images))
	}
	return a.images[0].Image, nil
}

func tooMany(form Form, platforms int) error {
	return diag.New(diag.Usage, "%s holds one platform, and there are %d", form, platforms).
		Hint("choose one with --platform, or write oci-archive:FILE")
}
