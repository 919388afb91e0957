package verify

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/mend"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// Options say how an image is verified.
type Options struct {
	Jobs int // layers read at once; 0: one
	// Deep compares every file with the package that it comes from.
	Deep bool
	// Contents is of how many changed files of a layer it is found out where they begin to differ.
	Contents int
	// Task shows the reading of layers; see [compare.Options].
	Task func(name string, total int64) func(n int64)
	// Explain says what an error of reading a layer means; nil: what it says itself.
	Explain func(error) error
}

// Verification is the verifying of one image.
type Verification struct {
	Options
	Report *Report

	image      v1.Image
	noManifest bool
	manifest   *v1.Manifest
	raw        []byte // the manifest
	config     []byte
	layers     []v1.Layer
	wants      []layertar.Promise
	tree       *compare.Tree // of a deep verification
	trusted    []bool        // layers that are the ones that were made again, by place
	asBuilt    bool          // all layers are paired with parts by place
	searched   int           // layers in which the changed byte was looked for
}

// New begins to verify an image, whose manifest and config can be read. noManifest says that the manifest is made up.
// Errors: those of the image's source, and diag errors for an image that makes no sense.
func New(img v1.Image, noManifest bool, o Options) (*Verification, error) {
	v := &Verification{Options: o, image: img, noManifest: noManifest, Report: &Report{Checks: []Check{}, Layers: []Layer{}}}
	var err error
	if v.raw, err = img.RawManifest(); err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if v.manifest, err = img.Manifest(); err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if v.config, err = img.RawConfigFile(); err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	about, err := inspect.Describe(img)
	if err != nil {
		return nil, err
	}
	if v.layers, err = img.Layers(); err != nil {
		return nil, fmt.Errorf("reading the layers: %w", err)
	}
	if len(about.Layers) != len(v.layers) {
		return nil, diag.New(diag.Failure, "the manifest names %d layers, and there are %d", len(about.Layers), len(v.layers))
	}
	r := v.Report
	r.Platform, r.ID, r.Size = about.Platform, about.ID, about.Size
	if !noManifest {
		r.Digest = about.Digest
	}
	for i, l := range about.Layers {
		r.Layers = append(r.Layers, Layer{Layer: l, State: Intact})
		want, err := promiseOf(l)
		if err != nil {
			return nil, err
		}
		want.What = v.called(i)
		v.wants = append(v.wants, want)
	}
	v.trusted = make([]bool, len(v.layers))
	return v, nil
}

const (
	lockLayer = "lock"
	lockPath  = imagegen.Prefix + "/" + lockfile.Name
	// lockLimit is how large, in bytes, the layer of a lock may be.
	lockLimit = 16 << 20
)

// promiseOf is what manifest and config say of a layer.
func promiseOf(l inspect.Layer) (p layertar.Promise, err error) {
	if p.Digest, err = v1.NewHash(l.Digest); err != nil {
		return p, fmt.Errorf("layer %d: %w", l.Number, err)
	}
	if p.DiffID, err = v1.NewHash(l.DiffID); err != nil {
		return p, fmt.Errorf("layer %d: %w", l.Number, err)
	}
	p.Size, p.Limit = l.Size, layertar.Limit(l.Size)
	return p, nil
}

// called names a layer for people.
func (v *Verification) called(i int) string {
	l := v.Report.Layers[i]
	if l.Envpack && l.Contents != "" {
		return fmt.Sprintf("layer %d %s (%s)", l.Number, l.Contents, l.Digest)
	}
	return fmt.Sprintf("layer %d (%s)", l.Number, l.Digest)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// named is the place of the last layer that envpack called so; -1: there is none.
func (v *Verification) named(name string) int {
	for i := len(v.layers) - 1; i >= 0; i-- {
		if l := v.Report.Layers[i]; l.Envpack && l.Contents == name {
			return i
		}
	}
	return -1
}

// Made tells whether envpack made the image, as far as the image says.
func (v *Verification) Made() bool { return v.named(lockLayer) >= 0 }

// Lock is the lock that the image has in it. Of a damaged layer it is the lock as it was, if one changed byte explains
// the damage. Errors: diag errors; of code Mismatch for a layer that is damaged otherwise.
func (v *Verification) Lock(ctx context.Context) (*lockfile.Lock, error) {
	i := v.named(lockLayer)
	if i < 0 {
		return nil, diag.New(diag.Failure, "the image has no lock in it, so that envpack did not make it, or another tool changed it since")
	}
	want := v.wants[i]
	if want.Size > lockLimit {
		return nil, diag.New(diag.Failure, "%s is larger than locks are", want.What)
	}
	var text []byte
	err := layertar.Walk(ctx, v.sound(ctx, i), want, nil, func(h *tar.Header, content io.Reader) error {
		if layertar.Clean(h.Name) != lockPath {
			return nil
		}
		var err error
		text, err = io.ReadAll(io.LimitReader(content, 2*lockLimit))
		return err
	})
	if diag.CodeOf(err) == diag.Mismatch {
		return nil, diag.Wrap(err, 0, "the lock in the image is not to be relied on").Hint("--lock FILE holds the image to a lock that you have")
	}
	if err != nil {
		return nil, v.explain(err)
	}
	if text == nil {
		return nil, diag.New(diag.Failure, "%s has no %s", want.What, lockPath)
	}
	lock, err := lockfile.Parse(lockPath, text)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the lock in the image")
	}
	return lock, nil
}

// read reads a layer as it is stored into memory. A registry's layer that is not what its digest says gives its bytes
// and an error.
func read(l v1.Layer, want layertar.Promise) ([]byte, error) {
	rc, err := l.Compressed()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", want.What, err)
	}
	defer rc.Close()
	data, err := io.ReadAll(io.LimitReader(rc, want.Size+1))
	if err != nil && int64(len(data)) < want.Size {
		return nil, fmt.Errorf("reading %s: %w", want.What, err)
	}
	return data, nil
}

// sound is a layer as it was, if it is small and one changed byte explains why it is not what its digest says; else it is
// the layer as it is there.
func (v *Verification) sound(ctx context.Context, i int) v1.Layer {
	l, want := v.layers[i], v.wants[i]
	if want.Size > locateLimit {
		return l
	}
	data, err := read(l, want)
	if err != nil || hexOf(data) == want.Digest.Hex {
		return l // of an error who reads it will say
	}
	if v.searched++; v.searched > searches {
		return l
	}
	if _, was, ok := mend.Find(ctx, data, want.Digest.Hex); ok {
		return inMemory{l, was}
	}
	return l
}

// searches is in how many damaged layers the changed byte is looked for, which takes a while for each.
const searches = 5

func hexOf(data []byte) string { return strings.TrimPrefix(digestOf(data), "sha256:") }

// inMemory is a layer whose bytes are here.
type inMemory struct {
	v1.Layer
	data []byte
}

// Compressed implements v1.Layer.
func (m inMemory) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m.data)), nil
}

// explain says what an error of reading means.
func (v *Verification) explain(err error) error {
	var own *diag.Error
	if v.Explain == nil || errors.As(err, &own) {
		return err
	}
	return v.Explain(err)
}

// Project gives the project's files as the image has them; nil if it has none. spool takes their contents. Errors: those
// of reading the layer.
func (v *Verification) Project(ctx context.Context, lock *lockfile.Lock, spool *os.File) (*project.Tree, error) {
	i := v.named(imagegen.ProjectLayer)
	if i < 0 {
		return nil, nil
	}
	tree, err := imagegen.RestoreProject(ctx, v.sound(ctx, i), v.wants[i], lock.Image.Workdir, spool)
	if err != nil {
		return nil, v.explain(err)
	}
	return tree, nil
}

// Stand gives the image's own layer in place of one that could not be made, if as many layers were.
func (v *Verification) Stand(at, of int) (imagegen.Layer, bool) {
	if of != len(v.layers) {
		return imagegen.Layer{}, false
	}
	l := v.Report.Layers[at]
	own := imagegen.Layer{Layer: v.layers[at], Digest: l.Digest, DiffID: l.DiffID, Size: l.Size, MediaType: l.MediaType}
	if types.MediaType(l.MediaType) == types.OCILayer {
		own.MediaType = ""
	}
	return own, true
}
