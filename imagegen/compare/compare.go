package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
)

// Images compares two images, two locks, or one of each, for one platform. Of a lock alone the layers are those of its
// seal.
//
// Errors are diag errors: 6 for what is not as its digest says, 1 for a layer that is damaged otherwise, or unpacks to
// more or has more entries than it may; or they are those of the images' sources. A [SideError] says whose they are,
// where they are of one side.
func Images(ctx context.Context, old, now Side, o Options) (*Report, error) {
	c := &comparison{Options: o, report: &Report{Meaning: []lockfile.Change{}, Layers: []LayerPair{}}}
	var err error
	if c.old, err = open(ctx, old); err != nil {
		return nil, of(0, err)
	}
	if c.now, err = open(ctx, now); err != nil {
		return nil, of(1, err)
	}
	c.report.Old, c.report.New = c.old.subject(), c.now.subject()
	if c.report.Old.Platform == c.report.New.Platform {
		c.report.Platform = c.report.New.Platform
	}
	return c.report, c.run(ctx)
}

// comparison is one run of [Images].
type comparison struct {
	Options
	old, now *opened
	report   *Report
}

// opened is a side, read as far as its manifest, its config and its lock.
type opened struct {
	Side
	about    *inspect.Report // nil: a lock alone
	lock     *lockfile.Lock  // of the platform alone; may be nil
	seal     *lockfile.Seal  // of a lock alone; may be nil
	layers   []inspect.Layer
	manifest []byte
	config   []byte
	images   []v1.Layer
	budget   *budget
}

func open(ctx context.Context, s Side) (*opened, error) {
	own := &opened{Side: s, budget: newBudget()}
	if s.Lock != nil {
		l, err := s.Lock.On(s.Platform)
		if err != nil {
			return nil, diag.Wrap(err, diag.Usage, "")
		}
		own.lock = l
	}
	if s.Image == nil {
		if seal := s.Lock.SealOf(s.Platform); seal.Closed() {
			own.seal, own.layers = seal, sealed(seal)
		}
		return own, nil
	}
	var err error
	if own.about, err = inspect.Read(ctx, s.Image, inspect.Options{}); err != nil {
		return nil, err
	}
	if own.lock == nil {
		own.lock = own.about.Lock
	}
	own.layers = own.about.Layers
	if own.manifest, err = s.Image.RawManifest(); err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if own.config, err = s.Image.RawConfigFile(); err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	if own.images, err = s.Image.Layers(); err != nil {
		return nil, fmt.Errorf("reading the layers: %w", err)
	}
	if len(own.images) != len(own.layers) {
		return nil, diag.New(diag.Failure, "the manifest names %d layers, and there are %d", len(own.layers), len(own.images))
	}
	return own, nil
}

// sealed are the layers of a seal.
func sealed(s *lockfile.Seal) []inspect.Layer {
	var list []inspect.Layer
	for i, l := range s.Layers {
		list = append(list, inspect.Layer{Number: i + 1, Contents: l.Name, Envpack: !strings.HasPrefix(l.Kind, "image/"), Size: l.Size, Digest: l.Digest, DiffID: l.DiffID})
	}
	return list
}

func (s *opened) subject() Subject {
	if s.about == nil {
		own := Subject{Name: s.Name, Kind: "lock"}
		for _, t := range s.lock.Targets {
			own.Platform = t.Platform
		}
		if s.seal != nil {
			own.Digest = s.seal.Image
			if own.Digest == "" {
				own.Digest = s.seal.Environment
			}
		}
		return own
	}
	own := Subject{Name: s.Name, Kind: "image", Platform: s.about.Platform, ID: s.about.ID}
	if !s.NoManifest {
		own.Digest = s.about.Digest
	}
	return own
}

func (s *opened) source(i int) (source, error) { return newSource(s.images[i], i+1, s.budget) }

func (c *comparison) note(format string, args ...any) {
	c.report.Notes = append(c.report.Notes, fmt.Sprintf(format, args...))
}

func (c *comparison) run(ctx context.Context) error {
	r := c.report
	pairs := pairLayers(c.old.layers, c.now.layers)
	r.Layers = pairs.list()
	r.Same = c.same()
	if r.Same {
		return nil
	}
	if err := c.documents(); err != nil {
		return err
	}
	for _, l := range []*opened{c.old, c.now} {
		if l.about != nil {
			for _, n := range l.about.Notes {
				c.note("%s: %s", l.called(), n)
			}
		} else if l.seal == nil {
			c.note("%s has no seal, so that its layers are not known: a build of it writes one", l.called())
		}
	}
	read := &readings{comparison: c, pairs: pairs}
	if c.old.about != nil && c.now.about != nil && !c.Shallow {
		if err := read.all(ctx); err != nil {
			return err
		}
	}
	if err := c.meaning(read); err != nil {
		return err
	}
	if c.IgnoreTimes && read.done {
		r.Same = c.onlyTimes()
	}
	return nil
}

// ofTimes are values that differ where dates do.
var ofTimes = pattern.New(`^(manifest (config|layers\[\d+\])\.(digest|size)|manifest annotations\["org\.opencontainers\.image\.created"\]|config (created|history\[\d+\]\.created|rootfs\.diff_ids\[\d+\]))$`)

// onlyTimes takes dates out of the values that differ, and tells whether nothing else differs.
func (c *comparison) onlyTimes() bool {
	r := c.report
	r.Values = slices.DeleteFunc(r.Values, func(v Value) bool { return !v.Form && ofTimes().MatchString(v.Document+" "+v.Path) })
	if len(r.Meaning)+len(r.Values) > 0 || r.Files.differ() {
		return false
	}
	for _, p := range r.Layers {
		if p.Files.differ() || r.Files == nil && (p.Match == Removed || p.Match == Added) {
			return false
		}
	}
	return true
}

// differ tells whether any file does. No list says nothing of any.
func (f *Files) differ() bool { return f != nil && f.Added+f.Removed+f.Changed > 0 }

func (s *opened) called() string {
	if s.Name != "" {
		return s.Name
	}
	return "one of the two"
}

// same tells whether nothing differs, by digests.
func (c *comparison) same() bool {
	a, b := c.report.Old, c.report.New
	switch {
	case a.Kind == "lock" && b.Kind == "lock":
		return sameLocks(c.old, c.now)
	case a.Kind == "lock":
		return c.old.describes(c.now)
	case b.Kind == "lock":
		return c.now.describes(c.old)
	case a.Digest != "" && b.Digest != "":
		return a.Digest == b.Digest
	case a.ID == b.ID:
		c.note("one of the two has no manifest, as archives of Docker have none: the images have the same config, and so the same files; how they are stored was not compared")
		return true
	}
	return false
}

// sameLocks tells whether two locks are of the same image, as far as they say.
func sameLocks(a, b *opened) bool {
	if string(lockfile.Encode(a.lock)) != string(lockfile.Encode(b.lock)) {
		return false
	}
	return a.seal == nil || b.seal == nil || a.seal.Environment == b.seal.Environment && (a.seal.Project != b.seal.Project || a.seal.Image == b.seal.Image)
}

// describes tells whether an image is the one that the lock is sealed with, with the project's files or without.
func (s *opened) describes(image *opened) bool {
	digest := image.about.Digest
	return s.seal != nil && !image.NoManifest && (s.seal.Image == digest || s.seal.Environment == digest)
}

// documents compares manifests and configs.
func (c *comparison) documents() error {
	if c.old.about == nil || c.now.about == nil {
		return nil
	}
	if c.old.NoManifest || c.now.NoManifest {
		c.note("manifests were not compared: archives of Docker have none")
	} else {
		v, err := Documents("manifest", c.old.manifest, c.now.manifest)
		if err != nil {
			return err
		}
		c.report.Values = append(c.report.Values, v...)
	}
	v, err := Documents("config", c.old.config, c.now.config)
	if err != nil {
		return err
	}
	c.report.Values = append(c.report.Values, v...)
	return nil
}
