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
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen/mend"
	"github.com/envpack/envpack/internal/diag"
)

// Trouble is something that is wrong with a source beside what its images show themselves: documents that name
// images, and images that cannot be looked at. Only a tolerant [Open] lets it pass.
type Trouble struct {
	Document string  // "index.json", "oci-layout", "manifest.json", "the index", "the manifest", "the config"
	Digest   v1.Hash // that the document should have; zero: none is promised
	Data     []byte  // what is there; nil: nothing
	// Was is the document as it was, if one changed byte explains what is wrong; else nil.
	Was []byte
	Err error // a diag error that says what is wrong
}

// noted collects what a tolerant opening lets pass.
type noted struct {
	tolerant bool
	troubles []Trouble
	indexes  [][]byte
	searched int // documents in which the changed byte was looked for
}

// searches is of how many damaged documents the changed byte is looked for, which takes a while for each.
const searches = 5

// forgive notes an error and drops it, where that is allowed.
func (n *noted) forgive(t Trouble) error {
	if !n.tolerant {
		return t.Err
	}
	n.troubles = append(n.troubles, t)
	return nil
}

// document reads a document that a digest names. Of a tolerant opening, one that is not what the digest says is
// noted, and given as it was if one changed byte explains that, else as it is there.
func (n *noted) document(ctx context.Context, what string, d v1.Descriptor, read func() ([]byte, error)) ([]byte, error) {
	data, err := read()
	if err == nil || !n.tolerant || data == nil {
		return data, err
	}
	t := Trouble{Document: what, Digest: d.Digest, Data: data, Err: err}
	if n.searched++; n.searched <= searches {
		if _, was, ok := mend.Find(ctx, data, d.Digest.Hex); ok {
			t.Was = was
			data = was
		}
	}
	n.troubles = append(n.troubles, t)
	return data, nil
}

// wrong is an error about a document that cannot be as a digest promises.
func wrong(format string, args ...any) error {
	return diag.New(diag.Mismatch, format, args...).Hint(writeAgain)
}

// layoutFiles checks the files of a layout that no digest is of, as far as they say something that can be checked: not
// the names of images.
func (f *finder) layoutFiles(top []byte, small func(name string) ([]byte, error)) {
	if !f.tolerant {
		return
	}
	marker, err := small("oci-layout")
	var layout map[string]any
	switch {
	case err != nil:
		f.troubles = append(f.troubles, Trouble{Document: "oci-layout", Err: err})
	case marker == nil:
		f.troubles = append(f.troubles, Trouble{Document: "oci-layout", Err: wrong("%s has no file oci-layout", f.blobs.what())})
	case json.Unmarshal(marker, &layout) != nil || layout["imageLayoutVersion"] != "1.0.0":
		f.troubles = append(f.troubles, Trouble{Document: "oci-layout", Data: marker, Err: wrong("the oci-layout of %s is not one: %s", f.blobs.what(), excerpt(marker))})
	}
	if err := strictIndex(top); err != nil {
		f.troubles = append(f.troubles, Trouble{Document: "index.json", Data: top, Err: wrong("the index.json of %s: %v", f.blobs.what(), err)})
	}
}

func excerpt(data []byte) string {
	const longest = 80
	if len(data) > longest {
		return fmt.Sprintf("%q…", data[:longest])
	}
	return fmt.Sprintf("%q", data)
}

// The keys that the OCI image specification has (image-index.md, descriptor.md). Go's decoder takes them in any case.
var (
	indexKeys      = []string{"schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations"}
	descriptorKeys = []string{"mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"}
)

// dockerKeys are those of an image in Docker's manifest.json (the image specification 1.2, and what engines added).
var dockerKeys = []string{"Config", "RepoTags", "Layers", "Parent", "LayerSources"}

// near finds the blob that index.json, which no digest is of, may have meant by a digest that nothing has: the one whose
// digest differs in a single digit. What reading the missing one gave is err.
func (f *finder) near(top []byte, h v1.Hash, err error) (v1.Hash, bool) {
	all, ok := f.blobs.(interface{ digests() []string })
	if !f.tolerant || !ok || !errors.Is(err, fs.ErrNotExist) {
		return v1.Hash{}, false
	}
	var found []string
	for _, hex := range all.digests() {
		differ := 0
		for i := range min(len(hex), len(h.Hex)) {
			if hex[i] != h.Hex[i] {
				differ++
			}
		}
		if differ == 1 && len(hex) == len(h.Hex) {
			found = append(found, hex)
		}
	}
	if len(found) != 1 {
		return v1.Hash{}, false
	}
	f.troubles = append(f.troubles, Trouble{
		Document: "index.json", Data: top, Was: bytes.Replace(top, []byte(h.Hex), []byte(found[0]), 1),
		Err: wrong("the index.json of %s names %s, which is not there, and sha256:%s is", f.blobs.what(), h, found[0]),
	})
	return v1.Hash{Algorithm: h.Algorithm, Hex: found[0]}, true
}

func (f folder) digests() []string {
	entries, err := os.ReadDir(filepath.Join(f.dir, "blobs", "sha256"))
	if err != nil {
		return nil // then nothing is near
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func (t *tarFile) digests() []string {
	var list []string
	for name := range t.members {
		if hex, ok := strings.CutPrefix(name, "blobs/sha256/"); ok {
			list = append(list, hex)
		}
	}
	return list
}

// strictIndex finds what a lenient reader of an index passes over. A document that is no JSON is found elsewhere.
func strictIndex(raw []byte) error {
	var top map[string]json.RawMessage
	if json.Unmarshal(raw, &top) != nil {
		return nil
	}
	if err := onlyKeys(top, indexKeys); err != nil {
		return err
	}
	if v := string(top["schemaVersion"]); v != "2" {
		return fmt.Errorf("schemaVersion is %q and not 2", v)
	}
	var media types.MediaType
	if raw, ok := top["mediaType"]; ok && (json.Unmarshal(raw, &media) != nil || !media.IsIndex()) {
		return fmt.Errorf("mediaType is %s", excerpt(raw))
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(top["manifests"], &list) != nil || len(list) == 0 {
		return fmt.Errorf("it names no image")
	}
	for _, d := range list {
		if err := onlyKeys(d, descriptorKeys); err != nil {
			return err
		}
		if json.Unmarshal(d["mediaType"], &media) != nil || !media.IsIndex() && !media.IsImage() && !strings.HasPrefix(string(media), "application/") {
			return fmt.Errorf("the mediaType of an image is %s", excerpt(d["mediaType"]))
		}
	}
	return nil
}

func onlyKeys(m map[string]json.RawMessage, known []string) error {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, k) {
			return fmt.Errorf("it has the key %q, which is not known", k)
		}
	}
	return nil
}

// passedOver notes what of an index cannot be an image: that a descriptor says it is one of another kind.
func (f *finder) passedOver(d v1.Descriptor, depth int) {
	if f.tolerant && depth == 0 && !attestation(d) {
		f.troubles = append(f.troubles, Trouble{Document: "index.json", Err: wrong("the index.json of %s names %s as %q, which is no image", f.blobs.what(), d.Digest, d.MediaType)})
	}
}

// agree notes where what an index or a manifest says of a document is not what that says itself.
func (n *noted) agree(where string, d v1.Descriptor, m *v1.Manifest, config *v1.ConfigFile) {
	if !n.tolerant {
		return
	}
	if m.MediaType != "" && m.MediaType != d.MediaType {
		n.troubles = append(n.troubles, Trouble{Document: "the manifest", Err: wrong("%s names %s as %q, and the manifest itself says %q", where, d.Digest, d.MediaType, m.MediaType)})
	}
	has, says := platformOf(config.Platform()), platformOf(d.Platform)
	if d.Platform != nil && !onPlatform(has, says) && !onPlatform(says, has) { // of which one may leave out the variant
		n.troubles = append(n.troubles, Trouble{Document: "the index", Err: wrong("%s names %s as an image for %s, and its config says %s", where, d.Digest, says, has)})
	}
}

// dockerAgrees checks the manifest.json of an archive that is a layout as well: it must name the same images.
func (f *finder) dockerAgrees(raw []byte, small func(name string) ([]byte, error)) {
	if !f.tolerant || raw == nil {
		return
	}
	fault := func(format string, args ...any) {
		f.troubles = append(f.troubles, Trouble{Document: "manifest.json", Data: raw, Err: wrong("the manifest.json of %s: %s", f.blobs.what(), fmt.Sprintf(format, args...))})
	}
	var entries []dockerEntry
	var keys []map[string]json.RawMessage
	err := json.Unmarshal(raw, &entries)
	if err == nil {
		err = json.Unmarshal(raw, &keys)
	}
	if err != nil {
		fault("%v", err)
		return
	}
	for i, e := range entries {
		if err := onlyKeys(keys[i], dockerKeys); err != nil {
			fault("%v", err)
			continue
		}
		if !strings.HasPrefix(e.Config, "blobs/") {
			if data, err := small(e.Config); data == nil || err != nil { // of an engine that keeps other files for this
				fault("it names the config %q, which is not there", e.Config)
			}
			continue
		}
		at := slices.IndexFunc(f.found, func(found Found) bool {
			h, err := found.Image.ConfigName()
			return err == nil && blobName(h) == e.Config
		})
		if at < 0 {
			fault("it names the config %s, which is that of no image that index.json names", path.Base(e.Config))
			continue
		}
		m, err := f.found[at].Image.Manifest()
		if err != nil || len(m.Layers) != len(e.Layers) {
			fault("it names %d layers of the image for %s, and the image's manifest others", len(e.Layers), f.found[at].Platform)
			continue
		}
		for j, l := range m.Layers {
			if blobName(l.Digest) != e.Layers[j] {
				fault("it names layer %d of the image for %s as %s, and the image's manifest as %s", j+1, f.found[at].Platform, path.Base(e.Layers[j]), l.Digest.Hex)
				break
			}
		}
	}
}

func digestOf(data []byte) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(data))}
}

// blobsOf reads the blobs of an image of a registry whose config is not what its digest says.
type blobsOf struct {
	v1.Image
	place place
}

func (b blobsOf) what() string { return b.place.given }

func (b blobsOf) size(h v1.Hash) (int64, error) {
	l, err := b.LayerByDigest(h)
	if err != nil {
		return 0, err
	}
	return l.Size()
}

func (b blobsOf) open(h v1.Hash) (io.ReadCloser, error) {
	l, err := b.LayerByDigest(h)
	if err != nil {
		return nil, err
	}
	return l.Compressed()
}

// damaged is an image whose config is there with other bytes than its digest promises; err is what reading it the usual
// way gave, and is returned if that was for another reason.
func (w *remoteFinder) damaged(ctx context.Context, img v1.Image, err error) (v1.Image, *v1.ConfigFile, error) {
	blobs := blobsOf{img, w.place}
	m, merr := img.Manifest()
	if merr != nil {
		return nil, nil, err
	}
	r, oerr := blobs.open(m.Config.Digest)
	if oerr != nil {
		return nil, nil, err
	}
	defer r.Close()
	data, _ := io.ReadAll(io.LimitReader(r, documentLimit)) // its error is the digest's, or the connection's
	if len(data) == 0 {
		return nil, nil, err
	}
	data, derr := w.document(ctx, "the config", m.Config, func() ([]byte, error) {
		if got := digestOf(data); got != m.Config.Digest {
			return data, wrong("the config (%s) of %s has the digest %s", m.Config.Digest, w.place.given, got)
		}
		return data, nil
	})
	var about v1.ConfigFile
	if derr != nil || json.Unmarshal(data, &about) != nil {
		return nil, nil, err
	}
	media, merr := img.MediaType()
	if merr != nil {
		return nil, nil, err
	}
	raw, merr := img.RawManifest()
	if merr != nil {
		return nil, nil, err
	}
	damaged, merr := newLayoutImage(blobs, v1.Descriptor{MediaType: media}, raw, data, m.Layers, about.RootFS.DiffIDs)
	return damaged, &about, merr
}
