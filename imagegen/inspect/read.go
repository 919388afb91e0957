package inspect

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// Options say how far to look.
type Options struct {
	Files bool // read every layer
	// MaxUnpacked is the most bytes that a layer may unpack to; 0: [layertar.Limit].
	MaxUnpacked int64
	// Task shows the reading of layers: total bytes, and then how many more. May be nil.
	Task func(name string, total int64) func(n int64)
}

const (
	historyPrefix = "envpack: " // as imagegen writes it
	lockContents  = "lock"      // the layer that holds the lock
	lockPath      = "opt/env/" + lockfile.Name
	// lockLayerLimit is how large, in bytes, a layer may be to be read for its lock without being asked to.
	lockLayerLimit = 16 << 20
)

// Read tells what is in the image. Without Options.Files it reads the manifest, the config and, if there is
// one, the layer with the lock. Errors are diag errors: 6 for what is not as its digest says, 1 for a layer
// that is damaged otherwise or unpacks to more than it may, or they are those of the image's source.
func Read(ctx context.Context, img v1.Image, opts Options) (*Report, error) {
	r := &reader{opts: opts}
	if err := r.describe(img); err != nil {
		return nil, err
	}
	if err := r.readLayers(ctx, img); err != nil {
		return nil, err
	}
	r.environment()
	return &r.report, nil
}

// Describe tells what manifest and config say of an image, and reads no layer. That the config has the digest that the
// manifest says is not checked. Errors: those of the image's source, and diag errors for what makes no sense.
func Describe(img v1.Image) (*Report, error) {
	r := &reader{lenient: true}
	if err := r.describe(img); err != nil {
		return nil, err
	}
	return &r.report, nil
}

// reader is one reading.
type reader struct {
	opts    Options
	lenient bool // the config's digest is not checked
	report  Report
	seen    contents
	wanted  []layertar.Promise // of the layers
}

func (r *reader) note(format string, args ...any) {
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, args...))
}

// describe reads what manifest and config say.
func (r *reader) describe(img v1.Image) error {
	m, err := img.Manifest()
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	media, err := img.MediaType()
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return fmt.Errorf("reading the config: %w", err)
	}
	if got, _, err := v1.SHA256(strings.NewReader(string(raw))); !r.lenient && (err != nil || got != m.Config.Digest) {
		return diag.New(diag.Mismatch, "the config should have the digest %s and has %s", m.Config.Digest, got)
	}
	c, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the config: %w", err)
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return diag.New(diag.Failure, "the manifest names %d layers, and the config %d", len(m.Layers), len(c.RootFS.DiffIDs))
	}
	r.report = Report{
		Platform:    platform(c),
		Digest:      digest.String(),
		ID:          m.Config.Digest.String(),
		MediaType:   string(media),
		Annotations: m.Annotations,
		Config: Config{
			Entrypoint: c.Config.Entrypoint, Command: c.Config.Cmd,
			User: c.Config.User, Workdir: c.Config.WorkingDir, Env: c.Config.Env,
			Ports: slices.Sorted(maps.Keys(c.Config.ExposedPorts)), Volumes: slices.Sorted(maps.Keys(c.Config.Volumes)),
			Labels: c.Config.Labels,
		},
	}
	if !c.Created.IsZero() {
		r.report.Created = c.Created.UTC().Format(time.RFC3339)
	}
	makers := r.makers(c, len(m.Layers))
	for i, l := range m.Layers {
		if l.Size < 0 {
			return diag.New(diag.Failure, "the manifest gives layer %d a size below zero", i+1)
		}
		made := makers[i]
		name, ours := strings.CutPrefix(made, historyPrefix)
		r.report.Layers = append(r.report.Layers, Layer{
			Number: i + 1, Contents: name, Envpack: ours, MediaType: string(l.MediaType), Size: l.Size,
			Digest: l.Digest.String(), DiffID: c.RootFS.DiffIDs[i].String(),
		})
		r.report.Size = sum(r.report.Size, l.Size)
		r.wanted = append(r.wanted, layertar.Promise{
			What: fmt.Sprintf("layer %d (%s)", i+1, l.Digest), Digest: l.Digest, DiffID: c.RootFS.DiffIDs[i], Size: l.Size, Limit: r.limit(l.Size),
		})
	}
	return nil
}

func (r *reader) limit(size int64) int64 {
	if r.opts.MaxUnpacked > 0 {
		return r.opts.MaxUnpacked
	}
	return layertar.Limit(size)
}

// makers are the history's lines of the layers. A history may be missing, but then as a whole.
func (r *reader) makers(c *v1.ConfigFile, layers int) []string {
	var lines []string
	for _, h := range c.History {
		if !h.EmptyLayer {
			lines = append(lines, h.CreatedBy)
		}
	}
	if len(lines) != layers {
		if len(lines) > 0 {
			r.note("the history is of %d layers, and the image has %d: what made them is not known", len(lines), layers)
		}
		return make([]string, layers)
	}
	return lines
}

func platform(c *v1.ConfigFile) string {
	s := c.OS + "/" + c.Architecture
	if c.Variant != "" {
		s += "/" + c.Variant
	}
	return s
}

// sum adds sizes that an image claims, which may be absurd.
func sum(a, b int64) int64 {
	if a > (1<<63-1)-b {
		return 1<<63 - 1
	}
	return a + b
}

// readLayers reads all layers, or only the one with the lock.
func (r *reader) readLayers(ctx context.Context, img v1.Image) error {
	n := len(r.report.Layers)
	first := 0
	if !r.opts.Files {
		if first = n - 1; n == 0 || !r.report.Layers[first].Envpack || r.report.Layers[first].Contents != lockContents {
			return nil
		}
		if r.report.Layers[first].Size > lockLayerLimit {
			r.note("the layer of the lock is larger than locks are, and was not read")
			return nil
		}
	}
	layers, err := img.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers: %w", err)
	}
	if len(layers) != n {
		return diag.New(diag.Failure, "the manifest names %d layers, and there are %d", n, len(layers))
	}
	advance := func(int64) {}
	if r.opts.Files && r.opts.Task != nil {
		advance = r.opts.Task("reading layers", r.report.Size)
	}
	for i := first; i < n; i++ {
		files := &Files{Top: []Entry{}}
		tops := newTops()
		r.seen.layer()
		err := layertar.Walk(ctx, layers[i], r.wanted[i], advance, func(h *tar.Header, content io.Reader) error {
			files.Entries++
			var size int64
			if h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeGNUSparse {
				size = h.Size
			}
			files.Unpacked = sum(files.Unpacked, size)
			p := layertar.Clean(h.Name)
			tops.add(p, h.Typeflag == tar.TypeDir, size)
			return r.seen.entry(p, h, content)
		})
		if err != nil {
			return err
		}
		if r.opts.Files {
			files.Top = tops.list()
			r.report.Layers[i].Files = files
		}
	}
	return nil
}
