package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/lockfile"
)

// held is the lock that images are held to in place of their own, and the project's files.
type held struct {
	from string // "file" or "project"
	path string
	lock *lockfile.Lock
	m    *manifest.Manifest
	tree *project.Tree // nil: those of the image
}

// heldTo reads what --lock and --project name; nil: nothing.
func (s *session) heldTo(ctx context.Context, o verifyOptions) (*held, error) {
	switch {
	case o.project != "":
		h := &held{from: "project"}
		return h, h.openProject(ctx, s, o.project, o.lock)
	case o.lock != "":
		h := &held{from: "file", path: o.lock, m: &manifest.Manifest{Dir: filepath.Dir(o.lock)}}
		var err error
		h.lock, err = readWhole(o.lock, "envpack lock --lock "+shellWord(o.lock))
		return h, err
	}
	return nil, nil
}

// openProject takes a project's lock, which must be up to date, and its files.
func (h *held) openProject(ctx context.Context, s *session, dir, lock string) error {
	flags := lockFlags{file: lock}
	opened, err := flags.openCurrent(dir)
	if err != nil {
		return err
	}
	h.lock, h.path, h.m = opened.lock, opened.path, opened.m
	store, err := s.storeDir()
	if err != nil {
		return err
	}
	h.tree, err = project.Select(ctx, h.m.Dir, h.lock.Image.Include, append(dataPaths(h.lock, h.m), store, h.path)...)
	return atPattern(err, h.m)
}

// verifying is the verifying of one image, or of a seal.
type verifying struct {
	*session
	spec     string
	source   *publish.Source
	found    publish.Found
	troubles []publish.Trouble // of its manifest and its config
	held     *held
	options  verifyOptions

	lock    *lockfile.Lock
	rebuilt *imagegen.Rebuilt
	lacking map[string]error
	builder *building
	plan    *imagegen.Plan
}

func (x *verifying) run(ctx context.Context) (*verify.Report, error) {
	v, err := verify.New(x.found.Image, x.found.NoManifest, verify.Options{
		Jobs: runtime.GOMAXPROCS(0), Deep: x.options.deep, Contents: lookedInto, Task: x.task,
		Explain: func(err error) error { return x.source.Explain(ctx, err) },
	})
	if err != nil {
		return nil, x.source.Explain(ctx, err)
	}
	r := v.Report
	r.Name, r.Platform = x.spec, x.found.Platform
	for _, t := range x.troubles {
		r.Find(changed(t))
	}
	lock, m := x.lockOf(ctx, v)
	if lock == nil {
		return r, v.Digests(ctx, nil)
	}
	if x.builder, err = x.builderOf(ctx, lock, m); err != nil {
		return nil, err
	}
	defer x.builder.supply.Close()
	spool, err := x.builder.builder.Store.TempFile()
	if err != nil {
		return nil, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	if err := x.prepare(ctx, v, lock, spool); err != nil {
		return nil, err
	}
	if err := x.rebuild(ctx, v.Stand); err != nil {
		return nil, err
	}
	if err := v.Digests(ctx, x.rebuilt); err != nil {
		return nil, err
	}
	if err := v.Layers(ctx, x.rebuilt); err != nil {
		return nil, err
	}
	if err := v.Documents(x.rebuilt); err != nil {
		return nil, err
	}
	x.project(r)
	x.seal(r)
	if x.options.deep {
		if err := v.Deeply(ctx, x.plan, x.rebuilt, x.builder.builder.Store, x.lacking); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// lockOf gives the lock that the image is held to, and the manifest that it is built with. Without one, the report says
// why.
func (x *verifying) lockOf(ctx context.Context, v *verify.Verification) (*lockfile.Lock, *manifest.Manifest) {
	r := v.Report
	if x.held != nil {
		r.Lock = x.held.from
		return x.held.lock, x.held.m
	}
	if !v.Made() {
		r.Add("layers", verify.None, "the image has no lock, so that nothing says what its layers should be")
		r.Note("envpack did not make this image, or another tool has changed it since: its digests were checked, and nothing else; --lock FILE holds it to a lock")
		return nil, nil
	}
	lock, err := v.Lock(ctx)
	if err != nil {
		r.Add("layers", verify.Unchecked, "the lock in the image cannot be read")
		r.Miss("layers", "what the lock in the image makes", err)
		return nil, nil
	}
	if !slices.ContainsFunc(lock.Targets, func(t lockfile.Target) bool { return t.Platform == r.Platform }) {
		r.Add("layers", verify.Differs, "the lock in the image is for another platform")
		r.Find(verify.Finding{Check: "layers", Text: fmt.Sprintf("the lock in the image is for %s, and the image for %s", platformsOf(lock), r.Platform)})
		return nil, nil
	}
	r.Lock = "image"
	return lock, &manifest.Manifest{Dir: "."}
}

// prepare gets ready to build what the image should be.
func (x *verifying) prepare(ctx context.Context, v *verify.Verification, lock *lockfile.Lock, spool *os.File) error {
	b := x.builder
	x.lock = lock
	var err, missing error
	if x.held != nil && x.held.tree != nil {
		b.tree = x.held.tree
	} else if b.tree, missing = v.Project(ctx, lock, spool); missing != nil && ctx.Err() != nil {
		return missing
	}
	if x.plan, err = imagegen.NewPlan(lock, v.Report.Platform, b.tree); err != nil {
		return err
	}
	x.plan.ProjectErr = missing
	return nil
}

// builderOf is what builds the images of a lock that is there: nothing is locked or sealed.
func (s *session) builderOf(ctx context.Context, lock *lockfile.Lock, m *manifest.Manifest) (*building, error) {
	st, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	b := &building{session: s, m: m, lock: lock}
	sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes, Codename: lock.Base.Codename}, b.supplyOptions(), fetching)
	if err != nil {
		return nil, err
	}
	b.supply = sup
	b.builder = &imagegen.Builder{Store: st, Supply: sup, Task: s.task, SameVersion: sameVersion}
	return b, nil
}

// rebuild makes the image again, as far as its files can be had.
func (x *verifying) rebuild(ctx context.Context, stand func(at, of int) (imagegen.Layer, bool)) (err error) {
	if x.lacking, err = x.builder.supply.Lacking(ctx, x.plan.Needs()); err != nil {
		return err
	}
	x.rebuilt, err = x.builder.builder.Rebuild(ctx, x.plan, x.lacking, stand)
	return err
}

// project says where the project's files were from.
func (x *verifying) project(r *verify.Report) {
	at := slices.IndexFunc(x.rebuilt.Parts, func(p imagegen.Part) bool { return p.Name == imagegen.ProjectLayer && p.Kind == imagegen.FilesFormat })
	tree := x.builder.tree
	switch {
	case x.plan.ProjectErr != nil:
		r.Add("project", verify.Unchecked, "its files could not be read from the image")
	case tree == nil || at < 0:
		r.Add("project", verify.None, "the image has no files of a project")
	case x.held != nil && x.held.tree != nil:
		r.Add("project", stateOf(r, at), plural(len(tree.Paths()), "file")+" of "+x.held.m.Dir)
	default:
		r.Add("project", stateOf(r, at), plural(len(tree.Paths()), "file")+", taken from the image: the lock says nothing of them, and the layer is as envpack writes such files")
	}
}

// stateOf is how the check of one layer ended.
func stateOf(r *verify.Report, at int) verify.Status {
	if at >= len(r.Layers) {
		return verify.Differs
	}
	switch r.Layers[at].State {
	case verify.Same, verify.Recompressed:
		return verify.OK
	case verify.Unread, verify.Intact:
		return verify.Unchecked
	}
	return verify.Differs
}

// seal holds what was made to the seal of the lock, if it has one.
func (x *verifying) seal(r *verify.Report) {
	if x.held == nil {
		return
	}
	sealed := x.lock.SealOf(r.Platform)
	switch {
	case sealed == nil:
		r.Add("seal", verify.None, "the lock is not sealed")
	case !sealed.Closed():
		r.Add("seal", verify.None, "the lock's seal is of layers alone, until a build closes it")
	case !x.rebuilt.Whole():
		r.Add("seal", verify.Unchecked, "not all was made again")
		r.Miss("seal", "the lock's seal", errors.New("not all layers could be made again"))
	default:
		now := x.rebuilt.Image.Seal()
		if d := compareSeals(*sealed, now); d != nil {
			r.Add("seal", verify.Differs, d.what)
			for i, line := range append([]string{d.what}, d.lines...) {
				if i > 0 || len(d.lines) == 0 {
					r.Find(verify.Finding{Check: "seal", Text: "the lock's seal: " + line})
				}
			}
			return
		}
		text := "the environment is the sealed one"
		if sealed.Project == now.Project {
			text = "the image is the sealed one"
		} else if sealed.Project != "" {
			text += "; the project's files are others than those that were sealed"
		}
		r.Add("seal", verify.OK, text)
	}
}

// publishable are images that were made again, as they would be published together.
type publishable struct {
	images []publish.PlatformImage
	part   bool // some are missing
}

func (p *publishable) add(x *verifying) {
	if x.rebuilt == nil || x.rebuilt.Image == nil || x.found.NoManifest {
		p.part = true
		return
	}
	p.images = append(p.images, publish.PlatformImage{Platform: x.found.Platform, Image: x.rebuilt.Image.Image})
}

// compare compares the index that names images of several platforms.
func (p *publishable) compare(result *verified, indexes [][]byte) {
	if p.part || len(p.images) < 2 || len(indexes) != 1 || len(result.Absent) > 0 {
		return
	}
	a, err := publish.New(p.images...)
	if err != nil {
		return // two of one platform, as no build of one lock has
	}
	r := result.Images[0]
	if bytes.Equal(a.Index(), indexes[0]) {
		r.Add("index", verify.OK, "made again: "+a.Digest())
		return
	}
	for _, each := range result.Images {
		if len(each.Findings)+len(each.Unchecked) > 0 {
			r.Add("index", verify.Unchecked, "it names other images than were made again")
			return
		}
	}
	f := verify.DocumentFinding("index", a.Index(), indexes[0])
	r.Add("index", verify.None, "another tool wrote it")
	r.Note("the index names the right images, and is not as envpack writes it (from byte %d on)", f.Byte.Offset)
}
