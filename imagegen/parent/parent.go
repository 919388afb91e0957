package parent

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
)

// Format names the form of a remembered Parent: whatever changes what Read gives for an image changes it.
const Format = "parent/5"

// Parent is an image to stand on. All of it follows from the image.
type Parent struct {
	Platform string    `json:"platform"` // "linux/amd64", "linux/arm/v7"; arm64's usual variant v8 is left out
	Digest   string    `json:"digest"`   // of the manifest
	Config   string    `json:"config"`   // digest of the config
	Created  time.Time `json:"created"`  // zero: not stated
	Layers   []Layer   `json:"layers"`
	// Settings is what the config says of processes: Env, Entrypoint, Cmd, User, and so on.
	Settings v1.Config    `json:"settings"`
	History  []v1.History `json:"history"`

	Distro   Distro    `json:"distro"`
	Libc     Libc      `json:"libc"`
	Pythons  []Python  `json:"pythons"` // those that a shell finds first at first
	Packages []Package `json:"packages"`
	// Status is dpkg's database as one text, in the form of its status file; nil if there is none. Parted tells that
	// the image keeps it in the folder status.d.
	Status []byte `json:"status"`
	Parted bool   `json:"parted"`
	Tree   *Tree  `json:"tree"`
	// Notes say what was seen and not understood, a sentence each.
	Notes []string `json:"notes"`
}

// Layer is one layer of the image.
type Layer struct {
	Digest    string `json:"digest"`
	DiffID    string `json:"diffID"`
	Size      int64  `json:"size"`      // bytes, as stored
	MediaType string `json:"mediaType"` // as the image's manifest has it
}

// Options say what is wanted of an image before its layers are read.
type Options struct {
	// Platform refuses images for others: "linux/arm64" means every variant of it. "": any.
	Platform string
	// Task shows the reading of layers: total bytes, and then how many more. May be nil.
	Task func(name string, total int64) func(n int64)
}

// Read reads the image: manifest and config, and then each layer once, from the lowest on.
//
// Errors are diag errors: a [*Refusal] for an image that none can stand on whatever is in it (another platform,
// layers that may not be passed on or are of an unknown kind), 6 for what is not as its digest says, 1 for layers
// that are damaged otherwise; or they are those of the image's source.
func Read(ctx context.Context, img v1.Image, opts Options) (*Parent, error) {
	p, err := describe(img)
	if err != nil {
		return nil, err
	}
	if err := p.checkPlatform(opts.Platform); err != nil {
		return nil, err
	}
	if err := p.checkLayers(); err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the layers: %w", err)
	}
	if len(layers) != len(p.Layers) {
		return nil, diag.New(diag.Failure, "the manifest names %d layers, and there are %d", len(p.Layers), len(layers))
	}
	advance := func(int64) {}
	if opts.Task != nil {
		advance = opts.Task("reading the base image", p.size())
	}
	a := &applier{tree: newTree(), note: p.note}
	for i, l := range layers {
		a.layer = i + 1
		want, err := p.Layers[i].promise(i)
		if err != nil {
			return nil, err
		}
		err = layertar.Walk(ctx, l, want, advance, func(h *tar.Header, r io.Reader) error { return a.entry(h, r) })
		if err != nil {
			return nil, err
		}
	}
	p.Tree = a.tree
	return p, p.learn()
}

// learn finds out what the files tell.
func (p *Parent) learn() error {
	p.Distro = p.Tree.distro()
	p.Status, p.Parted = p.Tree.dpkg()
	var err error
	if p.Packages, err = Installed(p.Status); err != nil {
		return diag.Wrap(err, diag.Failure, "reading the image's packages")
	}
	arch := p.architecture()
	p.Libc = p.Tree.libc(arch)
	p.pythons(arch)
	return nil
}

const maxNotes = 50

func (p *Parent) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); len(p.Notes) < maxNotes && !slices.Contains(p.Notes, s) {
		p.Notes = append(p.Notes, s)
	}
}

// architecture is the platform's second part.
func (p *Parent) architecture() string {
	parts := strings.Split(p.Platform, "/")
	return parts[1]
}

func (p *Parent) size() int64 {
	var n int64
	for _, l := range p.Layers {
		n += min(l.Size, 1<<62-n)
	}
	return n
}

func (l Layer) promise(i int) (layertar.Promise, error) {
	want := layertar.Promise{What: fmt.Sprintf("layer %d (%s)", i+1, l.Digest), Size: l.Size, Limit: layertar.Limit(l.Size)}
	var err error
	if want.Digest, err = v1.NewHash(l.Digest); err != nil {
		return want, diag.Wrap(err, diag.Failure, "reading the manifest")
	}
	if want.DiffID, err = v1.NewHash(l.DiffID); err != nil {
		return want, diag.Wrap(err, diag.Failure, "reading the config")
	}
	return want, nil
}

// describe reads what manifest and config say.
func describe(img v1.Image) (*Parent, error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	if got, _, err := v1.SHA256(strings.NewReader(string(raw))); err != nil || got != m.Config.Digest {
		return nil, diag.New(diag.Mismatch, "the config should have the digest %s and has %s", m.Config.Digest, got)
	}
	var c v1.ConfigFile
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the config")
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return nil, diag.New(diag.Failure, "the manifest names %d layers, and the config %d", len(m.Layers), len(c.RootFS.DiffIDs))
	}
	p := &Parent{
		Platform: platformOf(&c), Digest: digest.String(), Config: m.Config.Digest.String(),
		Created: c.Created.UTC(), Settings: c.Config, History: c.History,
	}
	for i, l := range m.Layers {
		if l.Size < 0 {
			return nil, diag.New(diag.Failure, "the manifest gives layer %d a size below zero", i+1)
		}
		p.Layers = append(p.Layers, Layer{l.Digest.String(), c.RootFS.DiffIDs[i].String(), l.Size, string(l.MediaType)})
	}
	return p, nil
}

func platformOf(c *v1.ConfigFile) string {
	s := c.OS + "/" + c.Architecture
	if c.Variant != "" && !(c.Architecture == "arm64" && c.Variant == "v8") {
		s += "/" + c.Variant
	}
	return s
}

// OCIMediaType is the layer's media type in an OCI manifest. Docker's types are of the same bytes.
// Errors: a type that no layer of such an image has.
func (l Layer) OCIMediaType() (types.MediaType, error) {
	switch t := types.MediaType(l.MediaType); t {
	case types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer:
		return t, nil
	case types.DockerLayer:
		return types.OCILayer, nil
	case types.DockerUncompressedLayer:
		return types.OCIUncompressedLayer, nil
	case dockerZstd:
		return types.OCILayerZStd, nil
	}
	return "", fmt.Errorf("%q is no type of layers", l.MediaType)
}

// dockerZstd is what containerd and BuildKit write for Zstandard in Docker's manifests.
const dockerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"
