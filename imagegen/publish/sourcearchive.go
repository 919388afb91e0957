package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/internal/diag"
)

// tarFile is a tar whose members are read where they lie: only its headers are read to open it.
type tarFile struct {
	file    *os.File
	called  string            // for people; "": by the file's name
	members map[string]member // by clean path; of several with one path the last, as tar has it
}

type member struct {
	offset, size int64
	link         string // clean path of another member: this one is a link to it
}

func (t *tarFile) what() string {
	if t.called != "" {
		return t.called
	}
	return "the archive " + t.file.Name()
}

// linkDepth is how many links may lead to a member: Docker's old archives name a shared layer by one.
const linkDepth = 8

func (t *tarFile) find(name string) (member, error) {
	name = path.Clean(name)
	for range linkDepth {
		m, ok := t.members[name]
		if !ok {
			return member{}, fmt.Errorf("%s in %s: %w", name, t.what(), fs.ErrNotExist)
		}
		if m.link == "" {
			return m, nil
		}
		name = m.link
	}
	return member{}, fmt.Errorf("%s in %s: too many links", name, t.what())
}

func (t *tarFile) reader(m member) io.ReadCloser {
	return io.NopCloser(io.NewSectionReader(t.file, m.offset, m.size))
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func (t *tarFile) size(h v1.Hash) (int64, error) {
	m, err := t.find(blobName(h))
	return m.size, err
}

func (t *tarFile) open(h v1.Hash) (io.ReadCloser, error) {
	m, err := t.find(blobName(h))
	if err != nil {
		return nil, err
	}
	return t.reader(m), nil
}

// content is a small member as a whole; nil if there is none.
func (t *tarFile) content(name string) ([]byte, error) {
	m, err := t.find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the image")
	}
	return readDocument(t.reader(m), name+" of "+t.what())
}

func openArchive(ctx context.Context, file string, form Form, opts OpenOptions) (*Source, error) {
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.New(diag.Failure, "there is no file %s", file).Hint(sourceForms)
	case err != nil:
		return nil, diag.Wrap(err, diag.Failure, "reading the image")
	case info.IsDir():
		return nil, diag.New(diag.Usage, "%s is a folder, and %s:FILE a file", file, form).Hint("oci:DIR is a folder")
	case !info.Mode().IsRegular():
		return nil, diag.New(diag.Usage, "%s is a pipe or device, and an archive is read in several places", file).Hint("write it into a file first")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the image")
	}
	src, err := openTar(ctx, &tarFile{file: f}, form, opts)
	if err != nil {
		f.Close()
		return nil, err
	}
	src.close = f.Close
	return src, nil
}

// openTar opens what is in a tar. Its file stays open.
func openTar(ctx context.Context, t *tarFile, form Form, opts OpenOptions) (src *Source, err error) {
	t.members = map[string]member{}
	if err := t.scan(ctx); err != nil {
		if opts.Tolerant && len(t.members) > 0 && ctx.Err() == nil {
			return nil, diag.Wrap(err, diag.Mismatch, "")
		}
		return nil, err
	}
	top, err := t.content("index.json")
	if err != nil {
		return nil, err
	}
	manifest, err := t.content("manifest.json")
	if err != nil {
		return nil, err
	}
	switch {
	case form == DockerArchive && manifest == nil:
		return nil, diag.New(diag.Failure, "%s is not a Docker archive: it has no manifest.json", t.what()).Hint("for an image layout in a tar it is oci-archive:%s", t.file.Name())
	case form == LayoutArchive && top == nil:
		return nil, diag.New(diag.Failure, "%s holds no image layout: it has no index.json", t.what()).Hint("what `docker save` writes is docker-archive:%s", t.file.Name())
	case top != nil: // in a hybrid it says more: the digest
		src, err = fromIndex(ctx, t, top, opts, t.content)
	case manifest != nil:
		src, err = fromDocker(ctx, t, manifest, opts)
	default:
		return nil, diag.New(diag.Failure, "%s holds no image: it has neither index.json nor manifest.json", t.what()).Hint(sourceForms)
	}
	return src, err
}

// scan reads the headers.
func (t *tarFile) scan(ctx context.Context) error {
	start := make([]byte, 4)
	n, _ := t.file.ReadAt(start, 0)
	switch start = start[:n]; {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return diag.New(diag.Failure, "%s is compressed as a whole", t.what()).Hint("unpack it first: gzip -d < %s > image.tar", t.file.Name())
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return diag.New(diag.Failure, "%s is compressed as a whole", t.what()).Hint("unpack it first: zstd -d < %s > image.tar", t.file.Name())
	}
	r := tar.NewReader(t.file) // reads no further than a header, and seeks over the rest
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if len(t.members) == 0 {
				return diag.New(diag.Failure, "%s is not an image: it is no tar archive", strings.TrimPrefix(t.what(), "the archive ")).Hint(sourceForms)
			}
			return diag.Wrap(err, diag.Failure, "%s is damaged or cut off", t.what()).Hint("write or copy it again")
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			if h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != "" {
				return diag.New(diag.Failure, "%s holds %s as a sparse file, which is not supported", t.what(), name)
			}
			at, err := t.file.Seek(0, io.SeekCurrent)
			if err != nil {
				return diag.Wrap(err, diag.Failure, "reading %s", t.what())
			}
			t.members[name] = member{offset: at, size: h.Size}
		case tar.TypeSymlink:
			t.members[name] = member{link: path.Join(path.Dir(name), h.Linkname)}
		case tar.TypeLink:
			t.members[name] = member{link: path.Clean(h.Linkname)}
		case tar.TypeGNUSparse:
			return diag.New(diag.Failure, "%s holds %s as a sparse file, which is not supported", t.what(), name)
		}
	}
}

// dockerEntry is one image of Docker's manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// fromDocker reads what `docker save` writes without an image layout: configs and tars by path.
func fromDocker(ctx context.Context, t *tarFile, manifest []byte, opts OpenOptions) (*Source, error) {
	var entries []dockerEntry
	n := &noted{tolerant: opts.Tolerant}
	platform := opts.Platform
	if err := json.Unmarshal(manifest, &entries); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "the manifest.json of %s", t.what())
	}
	if len(entries) > indexImages {
		return nil, diag.New(diag.Failure, "%s names more than %d images", t.what(), indexImages)
	}
	var found []Found
	var others []string
	for _, e := range entries {
		img, about, err := dockerImage(ctx, t, e, n)
		if err != nil {
			return nil, err
		}
		name := platformOf(about.Platform())
		if !onPlatform(name, platform) {
			others = append(others, name)
			continue
		}
		found = append(found, Found{PlatformImage: PlatformImage{Platform: name, Image: img}, Name: strings.Join(e.RepoTags, ", "), NoManifest: true})
	}
	return choose(t.what(), found, platform, others, nil, *n)
}

// hashIn is the SHA-256 that the name of a file in Docker's archives states; zero: none.
func hashIn(name string) v1.Hash {
	h := v1.Hash{Algorithm: "sha256", Hex: strings.TrimSuffix(path.Base(name), ".json")}
	if checkHash(h) != nil {
		return v1.Hash{}
	}
	return h
}

func dockerImage(ctx context.Context, t *tarFile, e dockerEntry, n *noted) (v1.Image, *v1.ConfigFile, error) {
	config, err := t.content(e.Config)
	if err != nil {
		return nil, nil, err
	}
	if config == nil {
		return nil, nil, missing(fs.ErrNotExist, fmt.Sprintf("the config %q of %s", e.Config, t.what()))
	}
	if promised := hashIn(e.Config); promised != (v1.Hash{}) {
		config, err = n.document(ctx, "the config", v1.Descriptor{Digest: promised}, func() ([]byte, error) {
			if got := digestOf(config); got != promised && n.tolerant {
				return config, wrong("the config %q of %s has the digest %s", e.Config, t.what(), got)
			}
			return config, nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	about := &v1.ConfigFile{}
	if err := json.Unmarshal(config, about); err != nil {
		return nil, nil, diag.Wrap(err, diag.Failure, "the config %q of %s", e.Config, t.what())
	}
	diffIDs := about.RootFS.DiffIDs
	if len(e.Layers) != len(diffIDs) {
		return nil, nil, diag.New(diag.Failure, "%s names %d layers, and the image's config %d", t.what(), len(e.Layers), len(diffIDs))
	}
	id, _, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, nil, err
	}
	made := v1.Manifest{SchemaVersion: 2, MediaType: types.DockerManifestSchema2,
		Config: v1.Descriptor{MediaType: types.DockerConfigJSON, Digest: id, Size: int64(len(config))}}
	store := &dockerLayers{tarFile: t, byDigest: map[v1.Hash]member{}}
	for i, name := range e.Layers {
		m, err := t.find(name)
		if err != nil {
			return nil, nil, missing(err, fmt.Sprintf("layer %d (%q) of %s", i+1, name, t.what()))
		}
		d := v1.Descriptor{MediaType: types.DockerUncompressedLayer, Digest: diffIDs[i], Size: m.size}
		if t.compressed(m) {
			d.MediaType = types.DockerLayer
			if d.Digest, err = t.hash(ctx, m); err != nil {
				return nil, nil, err
			}
		}
		store.byDigest[d.Digest] = m
		made.Layers = append(made.Layers, d)
	}
	raw, err := json.Marshal(made)
	if err != nil {
		return nil, nil, err
	}
	img, err := partial.CompressedToImage(&layoutImage{store, types.DockerManifestSchema2, raw, config, made.Layers, diffIDs})
	return img, about, err
}

// dockerLayers are layers that lie in the archive under any name.
type dockerLayers struct {
	*tarFile
	byDigest map[v1.Hash]member
}

func (d *dockerLayers) size(h v1.Hash) (int64, error) { return d.byDigest[h].size, nil }

func (d *dockerLayers) open(h v1.Hash) (io.ReadCloser, error) {
	m, ok := d.byDigest[h]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return d.reader(m), nil
}

// compressed tells whether a layer is more than a tar, by its first bytes: gzip's, or Zstandard's.
func (t *tarFile) compressed(m member) bool {
	start := make([]byte, 4)
	n, _ := io.ReadFull(t.reader(m), start)
	return bytes.HasPrefix(start[:n], []byte{0x1f, 0x8b}) || bytes.Equal(start[:n], []byte{0x28, 0xb5, 0x2f, 0xfd})
}

func (t *tarFile) hash(ctx context.Context, m member) (v1.Hash, error) {
	h := sha256.New()
	if _, err := io.Copy(h, &contextReader{ctx: ctx, r: t.reader(m)}); err != nil {
		return v1.Hash{}, err
	}
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", h.Sum(nil))}, nil
}
