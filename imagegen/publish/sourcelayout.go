package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/internal/diag"
)

const (
	// documentLimit is the most bytes that a manifest, index or config may have: they are read into memory.
	// Registries allow 4 MiB; configs with a long history are larger.
	documentLimit = 16 << 20
	// indexDepth is how deep indexes may name indexes, and indexImages how many images they may name.
	indexDepth  = 4
	indexImages = 1000
)

// blobStore is where a layout's blobs lie: a folder, or an archive. Errors of a missing one are fs.ErrNotExist.
type blobStore interface {
	what() string // for errors: "the layout DIR"
	size(h v1.Hash) (int64, error)
	open(h v1.Hash) (io.ReadCloser, error)
}

// folder is an OCI image layout in a folder.
type folder struct{ dir string }

func (f folder) what() string { return "the image layout " + f.dir }

func (f folder) path(h v1.Hash) string { return filepath.Join(f.dir, "blobs", h.Algorithm, h.Hex) }

func (f folder) size(h v1.Hash) (int64, error) {
	info, err := os.Stat(f.path(h))
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a file", f.path(h))
	}
	return info.Size(), nil
}

func (f folder) open(h v1.Hash) (io.ReadCloser, error) { return os.Open(f.path(h)) }

func openLayout(ctx context.Context, dir string, opts OpenOptions) (*Source, error) {
	f := folder{dir}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.New(diag.Failure, "there is no folder %s", dir).Hint(sourceForms)
	case err != nil:
		return nil, diag.Wrap(err, diag.Failure, "reading the image")
	case !info.IsDir():
		return nil, diag.New(diag.Usage, "%s is a file, and oci:DIR a folder", dir).Hint("oci-archive:FILE and docker-archive:FILE are files")
	}
	file, err := os.Open(filepath.Join(dir, "index.json"))
	if errors.Is(err, fs.ErrNotExist) {
		e := diag.New(diag.Failure, "the folder %s is not an image layout: it has no index.json", dir)
		for _, manifest := range []string{"envpack.toml", "envpack.lock", "pyproject.toml"} {
			if _, err := os.Stat(filepath.Join(dir, manifest)); err == nil {
				return nil, e.Hint("it is a project; build its image first: `envpack build %s -o oci:image`", dir)
			}
		}
		return nil, e.Hint(sourceForms)
	}
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the image")
	}
	defer file.Close()
	top, err := readDocument(file, "the index.json of "+f.what())
	if err != nil {
		return nil, err
	}
	return fromIndex(ctx, f, top, opts, func(name string) ([]byte, error) {
		file, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "reading the image")
		}
		defer file.Close()
		return readDocument(file, "the "+name+" of "+f.what())
	})
}

func readDocument(r io.Reader, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, documentLimit+1))
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading %s", what)
	}
	if len(data) > documentLimit {
		return nil, diag.New(diag.Failure, "%s is larger than %d bytes", what, documentLimit)
	}
	return data, nil
}

// document is a blob that is read into memory, and what its digest promises. Of one that is not, it gives the bytes as
// well.
func document(b blobStore, d v1.Descriptor, what string) ([]byte, error) {
	what = fmt.Sprintf("%s (%s) of %s", what, d.Digest, b.what())
	if err := checkHash(d.Digest); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "%s", what)
	}
	r, err := b.open(d.Digest)
	if err != nil {
		return nil, missing(err, what)
	}
	defer r.Close()
	data, err := readDocument(r, what)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != d.Size {
		return data, diag.New(diag.Mismatch, "%s should have %d bytes and has %d", what, d.Size, len(data)).Hint(writeAgain)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != d.Digest.Hex {
		return data, diag.New(diag.Mismatch, "%s has the digest sha256:%s", what, got).Hint(writeAgain)
	}
	return data, nil
}

const writeAgain = "the image is damaged; write or copy it again"

func missing(err error, what string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return diag.Wrap(fs.ErrNotExist, diag.Failure, "%s is missing", what).Hint("the image is not complete; write or copy it again")
	}
	return diag.Wrap(err, 0, "reading %s", what)
}

// checkHash keeps what is no digest from becoming a path. Only SHA-256 is supported, which is the only
// algorithm in use.
func checkHash(h v1.Hash) error {
	if h.Algorithm != "sha256" || len(h.Hex) != 2*sha256.Size || strings.Trim(h.Hex, "0123456789abcdef") != "" {
		return fmt.Errorf("%q is not a SHA-256 digest", h.Algorithm+":"+h.Hex)
	}
	return nil
}

// finder walks the indexes of a layout.
type finder struct {
	noted
	blobs    blobStore
	platform string
	found    []Found
	others   []string // platforms that were not asked for
	absent   []string
	seen     int
}

// fromIndex finds the images of a layout; small reads a file at its top, and gives nil if there is none.
func fromIndex(ctx context.Context, b blobStore, top []byte, opts OpenOptions, small func(name string) ([]byte, error)) (*Source, error) {
	f := &finder{noted: noted{tolerant: opts.Tolerant}, blobs: b, platform: opts.Platform}
	f.layoutFiles(top, small)
	if err := f.index(ctx, top, "the index.json of "+b.what(), "", 0); err != nil {
		if err = f.forgive(Trouble{Document: "index.json", Data: top, Err: err}); err != nil {
			return nil, err
		}
	}
	if f.tolerant {
		docker, err := small("manifest.json")
		if err != nil {
			return nil, err
		}
		f.dockerAgrees(docker, small)
	}
	return choose(b.what(), f.found, opts.Platform, f.others, f.absent, f.noted)
}

func (f *finder) index(ctx context.Context, raw []byte, what, known string, depth int) error {
	if depth >= indexDepth {
		return diag.New(diag.Failure, "%s names indexes of indexes, more than %d deep", f.blobs.what(), indexDepth)
	}
	idx, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return diag.Wrap(err, diag.Failure, "%s is not an image index", what)
	}
	for _, d := range idx.Manifests {
		if f.seen++; f.seen > indexImages {
			return diag.New(diag.Failure, "%s names more than %d images", f.blobs.what(), indexImages)
		}
		tag := known
		for _, key := range []string{containerdName, refName} {
			if tag == "" {
				tag = d.Annotations[key]
			}
		}
		switch {
		case d.MediaType.IsIndex():
			nested, err := f.read(ctx, d, "the index")
			if err != nil {
				if err = f.forgive(Trouble{Document: "the index", Digest: d.Digest, Err: err}); err != nil {
					return err
				}
				continue
			}
			f.indexes = append(f.indexes, nested)
			if err := f.index(ctx, nested, "the index "+d.Digest.String(), tag, depth+1); err != nil {
				if err = f.forgive(Trouble{Document: "the index", Err: err}); err != nil {
					return err
				}
			}
		case d.MediaType.IsImage() && !attestation(d):
			err := f.image(ctx, d, tag, depth > 0)
			if near, ok := f.near(raw, d.Digest, err); ok && depth == 0 {
				d.Digest = near
				err = f.image(ctx, d, tag, false)
			}
			if err != nil {
				if err = f.forgive(Trouble{Document: "the manifest", Digest: d.Digest, Err: err}); err != nil {
					return err
				}
			}
		default:
			f.passedOver(d, depth)
		}
	}
	return nil
}

// attestation tells whether BuildKit put a statement about an image here, in the shape of an image.
func attestation(d v1.Descriptor) bool {
	return d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// read reads a document that a digest names.
func (f *finder) read(ctx context.Context, d v1.Descriptor, what string) ([]byte, error) {
	return f.document(ctx, what, d, func() ([]byte, error) { return document(f.blobs, d, what) })
}

// image adds the image. In an index of platforms it may be absent.
func (f *finder) image(ctx context.Context, d v1.Descriptor, tag string, nested bool) error {
	if d.Platform != nil && !onPlatform(platformOf(d.Platform), f.platform) {
		f.others = append(f.others, platformOf(d.Platform))
		return nil
	}
	raw, err := f.read(ctx, d, "the manifest")
	if err != nil {
		if nested && d.Platform != nil && errors.Is(err, fs.ErrNotExist) {
			f.absent = append(f.absent, platformOf(d.Platform))
			return nil
		}
		return err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return diag.Wrap(err, diag.Failure, "the manifest %s of %s", d.Digest, f.blobs.what())
	}
	config, err := f.read(ctx, m.Config, "the config")
	if err != nil {
		return err
	}
	var about v1.ConfigFile
	if err := json.Unmarshal(config, &about); err != nil {
		return diag.Wrap(err, diag.Failure, "the config %s of %s", m.Config.Digest, f.blobs.what())
	}
	platform := platformOf(about.Platform())
	if !onPlatform(platform, f.platform) {
		f.others = append(f.others, platform)
		return nil
	}
	img, err := newLayoutImage(f.blobs, d, raw, config, m.Layers, about.RootFS.DiffIDs)
	if err != nil {
		return err
	}
	for i, l := range m.Layers {
		if err := f.layer(i, l); err != nil && !f.tolerant { // who reads it says so
			return err
		}
	}
	f.agree(f.blobs.what(), d, m, &about)
	f.found = append(f.found, Found{PlatformImage: PlatformImage{Platform: platform, Image: img}, Name: tag})
	return nil
}

func (f *finder) layer(i int, l v1.Descriptor) error {
	what := fmt.Sprintf("layer %d (%s) of %s", i+1, l.Digest, f.blobs.what())
	if err := checkHash(l.Digest); err != nil {
		return diag.Wrap(err, diag.Failure, "%s", what)
	}
	size, err := f.blobs.size(l.Digest)
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && len(l.URLs) > 0) {
		return missing(err, what)
	}
	if err == nil && size != l.Size {
		return diag.New(diag.Mismatch, "%s should have %d bytes and has %d", what, l.Size, size).Hint(writeAgain)
	}
	return nil
}

func platformOf(p *v1.Platform) string {
	if p == nil {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// layoutImage is an image whose layers are blobs; it implements partial.CompressedImageCore.
type layoutImage struct {
	blobs            blobStore
	media            types.MediaType
	manifest, config []byte
	layers           []v1.Descriptor
	diffIDs          []v1.Hash // as many
}

func (m *layoutImage) MediaType() (types.MediaType, error) { return m.media, nil }
func (m *layoutImage) RawManifest() ([]byte, error)        { return m.manifest, nil }
func (m *layoutImage) RawConfigFile() ([]byte, error)      { return m.config, nil }

func (m *layoutImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	i := slices.IndexFunc(m.layers, func(d v1.Descriptor) bool { return d.Digest == h })
	if i < 0 {
		return nil, fmt.Errorf("the image has no layer %s", h)
	}
	return &blobLayer{m.blobs, m.layers[i], m.diffIDs[i]}, nil
}

func newLayoutImage(b blobStore, d v1.Descriptor, manifest, config []byte, layers []v1.Descriptor, diffIDs []v1.Hash) (v1.Image, error) {
	if len(layers) != len(diffIDs) {
		return nil, diag.New(diag.Failure, "the manifest %s of %s names %d layers, and its config %d", d.Digest, b.what(), len(layers), len(diffIDs))
	}
	return partial.CompressedToImage(&layoutImage{b, d.MediaType, manifest, config, layers, diffIDs})
}

// blobLayer implements partial.CompressedLayer.
type blobLayer struct {
	blobs  blobStore
	desc   v1.Descriptor
	diffID v1.Hash
}

func (l *blobLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *blobLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *blobLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *blobLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *blobLayer) Compressed() (io.ReadCloser, error) {
	r, err := l.blobs.open(l.desc.Digest)
	if err != nil {
		return nil, missing(err, fmt.Sprintf("the layer %s of %s", l.desc.Digest, l.blobs.what()))
	}
	return r, nil
}
