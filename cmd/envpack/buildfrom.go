package main

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// notFrom are flags of build that are about a project, of which an image has none.
var notFrom = []string{"project", "lock", "group", "no-group", "locked", "seal", "smoke", "rebuild", "cache-repo"}

// checkFrom refuses what --from cannot be combined with.
func checkFrom(cmd *cobra.Command, args []string) error {
	if !cmd.Flags().Changed("from") {
		return nil
	}
	if len(args) > 0 {
		return diag.New(diag.Usage, "--from builds an image again by the lock in it, and takes no project: %s", args[0]).
			Hint("`envpack verify IMAGE --project %s` compares an image with a project", shellWord(args[0]))
	}
	for _, name := range notFrom {
		if cmd.Flags().Changed(name) {
			return diag.New(diag.Usage, "--from builds an image again by the lock in it, and --%s is about a project's", name)
		}
	}
	return nil
}

// buildFrom builds images again from nothing but where they are, by the locks in them, and compares them with what is
// there. Nothing is written unless they are the same.
func (s *session) buildFrom(ctx context.Context, from string, o buildOptions) (err error) {
	if o.push && s.offline {
		return diag.New(diag.Usage, "a push reaches a registry, which --offline forbids")
	}
	outputs, err := s.outputsOf(o.outputs)
	if err != nil {
		return err
	}
	if o.push && o.tag == "" {
		return diag.New(diag.Usage, "pushing needs the image's name").Hint("give --tag REGISTRY/REPOSITORY")
	}
	var ref publish.Reference
	if o.tag != "" {
		if ref, err = reference(o.tag, &manifest.Manifest{}, o.push); err != nil {
			return err
		}
	}
	if err := s.pingEngine(ctx, outputs); err != nil {
		return err
	}
	src, err := s.openImage(ctx, from, publish.OpenOptions{})
	if err != nil {
		return err
	}
	defer closeImage(src, &err)
	found, err := chosen(src, from, o.platforms)
	if err != nil {
		return err
	}
	for _, out := range outputs {
		if err := out.Check(len(found)); err != nil {
			return err
		}
	}
	again := &again{session: s, from: from, source: src}
	defer again.close()
	for _, f := range found {
		if err := again.build(ctx, f); err != nil {
			return err
		}
	}
	a, err := publish.New(again.artifacts...)
	if err != nil {
		return err
	}
	first := again.builds[0]
	first.beside = again.builds[1:]
	if err := first.publish(ctx, a, outputs, ref, o.push); err != nil {
		return err
	}
	if len(outputs) == 0 && !o.push {
		s.ui().Printf(writtenNowhere)
	}
	return s.report(again.images, a.Digest(), slices.ContainsFunc(outputs, publish.Output.IsStdout))
}

// chosen are the images of a source for the platforms that are asked for; none: all. One of each is wanted.
func chosen(src *publish.Source, from string, platforms []string) ([]publish.Found, error) {
	var images []publish.Found
	var has []string
	for _, f := range src.Images {
		has = append(has, f.Platform)
		if len(platforms) > 0 && !slices.Contains(platforms, f.Platform) {
			continue
		}
		if slices.ContainsFunc(images, func(o publish.Found) bool { return o.Platform == f.Platform }) {
			return nil, diag.New(diag.Usage, "%s holds several images for %s", from, f.Platform).
				Hint("name one with its tag: %s:TAG", from)
		}
		images = append(images, f)
	}
	for _, p := range platforms {
		if !slices.Contains(has, p) {
			return nil, diag.New(diag.Usage, "%s has no image for %s", from, p).Hint("it has %s", list(has))
		}
	}
	return images, nil
}

// again is the building of images that are there.
type again struct {
	*session
	from      string
	source    *publish.Source
	builds    []*building
	spools    []*os.File // of the projects' files
	images    []*imagegen.Image
	artifacts []publish.PlatformImage
}

func (a *again) close() {
	for _, b := range a.builds {
		b.supply.Close()
	}
	for _, f := range a.spools {
		f.Close()
		os.Remove(f.Name())
	}
}

// build makes one image again, and holds it to the one that is there.
func (a *again) build(ctx context.Context, found publish.Found) error {
	options := verify.Options{Explain: func(err error) error { return a.source.Explain(ctx, err) }}
	v, err := verify.New(found.Image, found.NoManifest, options)
	if err != nil {
		return a.source.Explain(ctx, err)
	}
	lock, err := v.Lock(ctx)
	if err != nil {
		return diag.Wrap(err, 0, "%s", a.from)
	}
	b, err := a.builderOf(ctx, lock, &manifest.Manifest{Dir: "."})
	if err != nil {
		return err
	}
	a.builds = append(a.builds, b)
	spool, err := b.builder.Store.TempFile()
	if err != nil {
		return err
	}
	a.spools = append(a.spools, spool)
	if b.tree, err = v.Project(ctx, lock, spool); err != nil {
		return diag.Wrap(err, 0, "%s", a.from)
	}
	if err := a.takeData(ctx, found, lock, b.builder.Store); err != nil {
		return a.source.Explain(ctx, err)
	}
	image, err := b.image(ctx, found.Platform)
	if err != nil {
		return err
	}
	if err := a.hold(ctx, found, image); err != nil {
		return err
	}
	files := "it has no files of a project"
	if b.tree != nil {
		files = plural(len(b.tree.Paths()), "file") + " of the project from the image itself"
	}
	a.ui().Printf("%s: built again by its own lock, and the same: %s", found.Platform, files)
	a.images = append(a.images, image)
	a.artifacts = append(a.artifacts, publish.PlatformImage{Platform: image.Platform, Image: image.Image, Origin: b.supply.Origin(image.Platform)})
	return nil
}

// takeData takes data files that the lock names by a path, which only the machine has that made it, out of the image. They are held to the
// lock's hashes; one that is not there, or another, is left for the build to miss.
func (a *again) takeData(ctx context.Context, found publish.Found, lock *lockfile.Lock, st *store.Store) error {
	for _, f := range lock.DataOn(found.Platform) {
		if f.Path == "" || st.Has(f.SHA256) {
			continue
		}
		config, err := found.Image.ConfigFile()
		if err != nil {
			return err
		}
		layers, err := found.Image.Layers()
		if err != nil {
			return err
		}
		filled := slices.DeleteFunc(slices.Clone(config.History), func(h v1.History) bool { return h.EmptyLayer })
		at := slices.IndexFunc(filled, func(h v1.History) bool { return h.CreatedBy == "envpack: file "+f.To })
		if at < 0 || at >= len(layers) {
			continue
		}
		if err := takeFile(ctx, layers[at], strings.TrimPrefix(f.To, "/"), f.SHA256, st); err != nil {
			return err
		}
	}
	return nil
}

// takeFile puts a file of a layer into the store if it is the one with the hash.
func takeFile(ctx context.Context, l v1.Layer, path, sha256 string, st *store.Store) error {
	r, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Name != path || h.Typeflag != tar.TypeReg {
			continue
		}
		err = st.Put(ctx, archive, sha256, h.Size)
		if errors.As(err, new(*store.MismatchError)) {
			return nil
		}
		return err
	}
}

// hold holds an image to the one that is there. If it is not that one by its digest, all is made anew and verified: the
// store may remember a layer wrongly, and another tool may have stored the image otherwise.
func (a *again) hold(ctx context.Context, found publish.Found, image *imagegen.Image) error {
	there, err := found.Image.Digest()
	if err != nil {
		return a.source.Explain(ctx, err)
	}
	config, err := found.Image.ConfigName()
	if err != nil {
		return a.source.Explain(ctx, err)
	}
	own, err := image.ConfigName()
	if err != nil {
		return err
	}
	if !found.NoManifest && there.String() == image.Digest || found.NoManifest && config == own {
		return nil
	}
	x := &verifying{session: a.session, spec: a.from, source: a.source, found: found}
	r, err := x.run(ctx)
	if err != nil {
		return err
	}
	r.Finish()
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, "  "+f.Text)
	}
	switch {
	case r.Verified && config == own:
		a.ui().Printf("%s: another tool stored the image otherwise than it is built here: with the same config, and the same tars as layers", found.Platform)
		return nil
	case len(lines) == 0:
		return diag.New(diag.Failure, "%s is not what was built, by what the store remembers of layers", a.from).
			Hint("they were made anew since: try the same command again")
	}
	return diag.New(diag.Mismatch, "%s is not what the lock in it makes:\n%s", a.from, strings.Join(lines, "\n")).
		Hint("`envpack verify %s` says where it differs", shellWord(a.from))
}
