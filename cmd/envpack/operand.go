package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// operand is one of the two things that diff compares: images, a lock, or a project.
type operand struct {
	*session
	name      string
	platforms []string
	source    *publish.Source // of images
	lock      *lockfile.Lock  // of a lock or a project
	project   string          // folder of a project
	flags     lockFlags       // of a project
	building  *building       // of a project, once it has to be built
}

func (s *session) openOperand(ctx context.Context, spec string, opts diffOptions) (*operand, error) {
	o := &operand{session: s, name: spec, flags: opts.lockFlags}
	platform := opts.platform
	file, project, err := lockOf(spec, o.flags)
	switch {
	case err != nil:
		return nil, err
	case file == "":
		return o, o.openImages(ctx, spec, platform)
	}
	o.project = project
	if o.lock, err = readWhole(file, "envpack lock "+shellWord(folderOf(spec))); err != nil {
		return nil, err
	}
	for _, t := range o.lock.Targets {
		if platform == "" || t.Platform == platform {
			o.platforms = append(o.platforms, t.Platform)
		}
	}
	if len(o.platforms) == 0 {
		return nil, diag.New(diag.Usage, "%s has no platform %s", file, platform).Hint("it has %s", platformsOf(o.lock))
	}
	return o, nil
}

// lockOf tells whether a lock or a project is meant: the lock's file, and the project's folder or manifest if it is one.
func lockOf(spec string, flags lockFlags) (file, project string, err error) {
	info, err := os.Stat(spec)
	if err != nil {
		return "", "", nil // a reference, or something that does not exist: whoever opens images says so
	}
	if !info.IsDir() {
		if base := filepath.Base(spec); base == manifest.FileName || base == manifest.PyProject {
			return flags.path(spec), spec, nil
		}
		f, err := os.Open(spec)
		if err != nil {
			return "", "", diag.Wrap(err, diag.Failure, "reading what to compare")
		}
		defer f.Close()
		head := make([]byte, 4096)
		n, err := io.ReadFull(f, head)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return "", "", diag.Wrap(err, diag.Failure, "reading what to compare")
		}
		if filepath.Ext(spec) == ".lock" || bytes.HasPrefix(head[:n], []byte(lockfile.Mark)) {
			return spec, "", nil
		}
		return "", "", nil
	}
	if exists(filepath.Join(spec, "index.json")) {
		return "", "", nil // an image layout
	}
	for _, name := range []string{manifest.FileName, manifest.PyProject} {
		if exists(filepath.Join(spec, name)) {
			return flags.path(spec), spec, nil
		}
	}
	if exists(filepath.Join(spec, lockfile.Name)) {
		return filepath.Join(spec, lockfile.Name), "", nil
	}
	return "", "", nil
}

func (o *operand) openImages(ctx context.Context, spec, platform string) error {
	var err error
	if o.source, err = o.openImage(ctx, spec, publish.OpenOptions{Platform: platform}); err != nil {
		return err
	}
	for _, found := range o.source.Images {
		if slices.Contains(o.platforms, found.Platform) {
			_ = o.source.Close()
			var names []string
			for _, f := range o.source.Images {
				names = append(names, f.Name+" ("+f.Platform+")")
			}
			return diag.New(diag.Usage, "%s holds several images for %s: %s", spec, found.Platform, list(names)).
				Hint("name one of them: oci:DIR:NAME, oci-archive:FILE:NAME or docker-archive:FILE:NAME")
		}
		o.platforms = append(o.platforms, found.Platform)
	}
	return nil
}

// side gives what is compared on a platform. images tells that images are compared, and not locks: then a project is
// built, unless its seal says all that is asked for.
func (o *operand) side(ctx context.Context, platform string, images bool, other *operand, opts compare.Options) (compare.Side, error) {
	side := compare.Side{Name: o.name, Platform: platform}
	if o.source != nil {
		for _, found := range o.source.Images {
			if found.Platform == platform {
				side.Image, side.NoManifest, side.Far = found.Image, found.NoManifest, o.source.Remote()
			}
		}
		return side, nil
	}
	side.Lock = o.lock
	if o.project == "" {
		return side, nil
	}
	if !images {
		_, err := o.readAnyway(o.flags, o.project) // for its warning
		return side, err
	}
	if err := o.prepare(ctx); err != nil {
		return side, err
	}
	if seal := o.sealed(platform); seal != nil && (opts.Shallow || other.has(platform, seal.Image)) {
		return side, nil
	}
	image, err := o.building.image(ctx, platform)
	if err != nil {
		return side, err
	}
	side.Image = image.Image
	return side, nil
}

// prepare gets a project ready to be built, as the command build does. Nothing is locked or sealed.
func (o *operand) prepare(ctx context.Context) error {
	if o.building != nil {
		return nil
	}
	m, path, err := o.flags.load(o.project)
	if err != nil {
		return err
	}
	st, err := o.openStore(ctx)
	if err != nil {
		return err
	}
	o.building, err = o.newBuild(ctx, st, m, path, true, nil)
	return err
}

// sealed is the seal of a platform, if the project's files are still those that it is of.
func (o *operand) sealed(platform string) *lockfile.Seal {
	if seal := o.building.lock.SealOf(platform); seal != nil && seal.Project == o.building.tree.Hash() {
		return seal
	}
	return nil
}

// has tells whether the images have one of that digest for the platform.
func (o *operand) has(platform, digest string) bool {
	if o.source == nil {
		return false
	}
	for _, found := range o.source.Images {
		if got, err := found.Image.Digest(); err == nil && !found.NoManifest && found.Platform == platform && got.String() == digest {
			return true
		}
	}
	return false
}

func (o *operand) close(err *error) {
	if o.building != nil {
		o.building.supply.Close()
	}
	if o.source == nil {
		return
	}
	if cerr := o.source.Close(); cerr != nil && *err == nil {
		*err = cerr
	}
}
