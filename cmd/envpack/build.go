package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

const buildLong = `Assembles the image that envpack.lock describes, and prints its digest as the last line.

Without a lock it makes one first. With a lock that the manifest has outgrown it locks again, or
stops with status 5 if --locked is given or CI is set. The first build writes the digests of image
and layers into the lock. Every later build must reproduce them, or ends with
status 6; after an edit of the project's files, those of the environment alone. --seal writes the
digests of today's files.

With --push or --cache-repo, layers that the lock's seal names are taken from the registry if it has
them, by their digests: they are not made, and no package of theirs is downloaded. The seal is then
believed as the rest of the lock is; --rebuild believes neither it nor the store, and makes all.

--from builds an image again from nothing but its name, by the lock in it, and compares; the project's
files, of which the lock says nothing, are those in the image. It ends with status 6, and writes
nothing, if the image comes out otherwise.`

const buildExample = `  envpack build -o oci:image                      # an OCI image layout, in a folder
  envpack build -o oci-archive:image.tar          # the same in a file, for podman and skopeo
  envpack build -o docker-archive:image.tar       # for docker load and podman load
  envpack build -o docker-archive:- | docker load # through a pipe, the digest on standard error
  envpack build -o docker-daemon:digits           # into the Docker engine that runs
  envpack build --push --tag registry.example/team/digits:v1
  envpack build --push --tag registry.example/team/digits:v1 --cache-repo registry.example/team/layers
  envpack build --lock serve.lock -o oci:serve    # another lock of the project, for other dependency groups
  envpack build --locked                          # in CI: the lock must be up to date
  envpack build --from registry.example/team/digits:v1 -o oci:again`

type buildOptions struct {
	lockFlags
	outputs   []string
	tag       string
	cacheRepo string
	push      bool
	locked    bool
	seal      bool
	rebuild   bool
	smoke     bool
	platforms []string
}

func newBuild(s *session) *cobra.Command {
	var o buildOptions
	var from string
	cmd := &cobra.Command{
		Use:     "build [DIR]",
		Short:   "Assemble the image and print its digest",
		Long:    buildLong,
		Example: buildExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := checkFrom(cmd, args); err != nil {
				return err
			}
			return atMostOneDir(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("from") {
				return s.buildFrom(cmd.Context(), from, o)
			}
			return s.build(cmd.Context(), dirOf(cmd, args), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.outputs, "output", "o", nil, "where to write the image, as `FORM:PATH`: oci:DIR, oci-archive:FILE or docker-archive:FILE, FILE being - for standard output, or docker-daemon:NAME; may be given several times")
	f.BoolVar(&o.push, "push", false, "push the image to the registry that its name says")
	f.BoolVar(&o.locked, "locked", false, "fail if the lock is missing or out of date")
	f.BoolVar(&o.seal, "seal", false, "write the image's digest into the lock's seal, also if that is of other project files")
	f.BoolVar(&o.smoke, "smoke", false, "before the image is written, import in it what the requirements are for, in a sandbox; exit status 8 if something cannot be")
	f.StringVar(&from, "from", "", "build this `IMAGE` again, by the lock in it, and fail if it comes out otherwise")
	completeFlag(cmd, "output", completeOutput)
	completeFlag(cmd, "from", completeImages(1))
	o.addGroups(cmd)
	o.addFlags(cmd, "build")
	return cmd
}

// addFlags adds the flags that build and push have in common.
func (o *buildOptions) addFlags(cmd *cobra.Command, verb string) {
	o.addTo(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.tag, "tag", "t", "", "the image's `NAME`, instead of the manifest's")
	f.StringArrayVar(&o.platforms, "platform", nil, verb+" this `PLATFORM` of the lock only; may be given several times")
	completeFlag(cmd, "platform", completeLocked)
	f.BoolVar(&o.rebuild, "rebuild", false, "make every layer again, whatever store and registry have, and hold it to the lock's seal")
	f.StringVar(&o.cacheRepo, "cache-repo", "", "a `REPOSITORY` that layers of the lock's seal are taken from, and that a push leaves them in, instead of the manifest's; none: no such repository")
	cmd.PreRunE = checkNames
}

func (s *session) build(ctx context.Context, dir string, o buildOptions) error {
	if o.push && s.offline {
		return diag.New(diag.Usage, "a push reaches a registry, which --offline forbids").
			Hint("`envpack build --offline -o oci:DIR` writes the image into a folder")
	}
	outputs, err := s.outputsOf(o.outputs)
	if err != nil {
		return err
	}
	m, path, err := o.load(dir)
	if err != nil {
		return err
	}
	if o.file != "" && !exists(path) { // a name that was mistyped would be a lock that nobody asked for
		return missingLock(path, lockCommand(m, path))
	}
	ref, err := reference(o.tag, m, o.push)
	if err != nil {
		return err
	}
	if err := s.pingEngine(ctx, outputs); err != nil {
		return err
	}
	cache, err := s.cacheRepo(o.cacheRepo, m)
	if err != nil {
		return err
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	b, err := s.newBuild(ctx, st, m, path, o.locked, outputs)
	if err != nil {
		return err
	}
	defer b.supply.Close()
	b.writeAhead(outputs)
	defer b.dropAhead()
	b.reseal, b.rebuild = o.seal, o.rebuild
	if err := b.lookElsewhere(ref, o.push, cache); err != nil {
		return err
	}
	platforms := b.platforms(o.platforms)
	for _, out := range outputs {
		if err := out.Check(len(platforms)); err != nil {
			return err
		}
	}
	images, err := b.images(ctx, platforms)
	if err != nil {
		return err
	}
	if o.smoke {
		if err := b.smokeImages(ctx, images); err != nil {
			return s.tellFailed(err)
		}
	}
	a, err := b.artifact(images)
	if err != nil {
		return err
	}
	if err := b.publish(ctx, a, outputs, ref, o.push); err != nil {
		return err
	}
	if o.push && !cache.IsZero() {
		if err := b.fillCache(ctx, images, cache); err != nil {
			return err
		}
	}
	s.remark(m, len(outputs) > 0 || o.push)
	return s.report(images, a.Digest(), slices.ContainsFunc(outputs, publish.Output.IsStdout))
}

// reference is the image's name: the flag's, else the manifest's, else, where it goes into no registry, the
// project's.
func reference(flag string, m *manifest.Manifest, push bool) (publish.Reference, error) {
	switch {
	case flag != "":
	case m.Image.Tag != "":
		flag = m.Image.Tag
	case push:
		return publish.Reference{}, diag.New(diag.Usage, "pushing needs the image's name").
			Hint("give --tag REGISTRY/REPOSITORY, or write tag = \"…\" below [image] in the manifest")
	default:
		flag = pep508.NormalizeName(m.Name)
	}
	if push && !strings.Contains(flag, "/") {
		return publish.Reference{}, diag.New(diag.Usage, "the name %q says no registry to push to", flag).
			Hint("as in registry.example/team/%s", flag)
	}
	return publish.ParseReference(flag)
}

// checkNames refuses a name that is empty, as that of a variable is that nobody set.
func checkNames(cmd *cobra.Command, _ []string) error {
	for _, name := range []string{"tag", "cache-repo", "from"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "" {
			return diag.New(diag.Usage, "--%s is empty", name).Hint("is the variable set that it was to be taken from?")
		}
	}
	return nil
}

// building is one build: a lock that is up to date, and what images are made with.
type building struct {
	*session
	m       *manifest.Manifest
	lock    *lockfile.Lock
	path    string
	tree    *project.Tree
	builder *imagegen.Builder
	supply  *supply.Supply
	reseal  bool // seals of other project files are written anew
	rebuild bool // every layer is made, whatever is known of it
	shelf   *publish.Shelf
	ahead   *publish.Ahead // nil: no output takes layers while they are made
	beside  []*building    // others, by locks of their own, whose images are published together with this one's
}

func (s *session) newBuild(ctx context.Context, st *store.Store, m *manifest.Manifest, path string, locked bool, outputs []publish.Output) (*building, error) {
	b := &building{session: s, m: m, path: path}
	lock, err := readLock(m, b.path)
	if err != nil {
		stale := diag.CodeOf(err) == diag.Stale && !errors.As(err, new(conflict))
		if !stale || locked || os.Getenv("CI") != "" && exists(b.path) {
			return nil, err
		}
		s.ui().Printf("%v; locking", err)
		if lock, err = s.relock(ctx, st, m, b.path); err != nil {
			return nil, err
		}
	}
	if err := buildable(ctx, lock, m, b.path, st.Dir()); err != nil {
		return nil, err
	}
	b.lock = lock
	var paths []string
	for _, out := range outputs {
		if out.IsPlace() {
			paths = append(paths, out.Path)
		}
	}
	paths = append(paths, st.Dir(), path) // a store in the project is no part of it
	paths = append(paths, dataPaths(lock, m)...)
	if b.tree, err = project.Select(ctx, m.Dir, lock.Image.Include, paths...); err != nil {
		return nil, atPattern(err, m)
	}
	for _, w := range b.tree.Warnings {
		s.ui().Warn("%s", w)
	}
	want := b.supplyOptions()
	want.Tell = func(line string) { s.ui().Printf("%s", line) }
	sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes, Codename: lock.Base.Codename}, want, fetching)
	if err != nil {
		return nil, err
	}
	b.supply = sup
	b.builder = &imagegen.Builder{Store: st, Supply: sup, Task: s.task, SameVersion: sameVersion}
	return b, nil
}

// dataPaths are the files of this machine that the lock's data files come from: they lie in the image as these.
func dataPaths(l *lockfile.Lock, m *manifest.Manifest) []string {
	var paths []string
	for _, f := range l.Data {
		if name := filepath.FromSlash(f.Path); filepath.IsAbs(name) {
			paths = append(paths, name)
		} else if name != "" {
			paths = append(paths, filepath.Join(m.Dir, name))
		}
	}
	return paths
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (s *session) relock(ctx context.Context, st *store.Store, m *manifest.Manifest, path string) (*lockfile.Lock, error) {
	if err := writable(path); err != nil {
		return nil, err
	}
	old, err := s.readPrevious(path)
	if err != nil {
		return nil, err
	}
	l, err := s.resolve(ctx, st, m, old.prefer, lockOptions{})
	if err != nil {
		return nil, err
	}
	old.settle(s, l)
	if old.compare != nil {
		for _, c := range lockfile.Diff(old.compare, l) {
			s.ui().Printf("%s", c)
		}
	}
	if err := l.Write(path); err != nil {
		return nil, notWritten(path, err)
	}
	return l, nil
}

// platforms are those that were asked for, each once; none: all of the lock.
func (b *building) platforms(asked []string) []string {
	if len(asked) == 0 {
		for _, t := range b.lock.Targets {
			asked = append(asked, t.Platform)
		}
	}
	var once []string
	for _, p := range asked {
		if !slices.Contains(once, p) {
			once = append(once, p)
		}
	}
	return once
}

// images builds the platforms, and seals the lock with what came out.
func (b *building) images(ctx context.Context, platforms []string) ([]*imagegen.Image, error) {
	var images []*imagegen.Image
	for _, platform := range platforms {
		image, err := b.image(ctx, platform)
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	b.warnIdle(images)
	b.seal(images)
	return images, nil
}

// image builds one platform and holds it to the lock's seal. Should a file in the store be damaged, it is
// fetched again, once.
func (b *building) image(ctx context.Context, platform string) (*imagegen.Image, error) {
	plan, err := imagegen.NewPlan(b.lock, platform, b.tree)
	if err != nil {
		return nil, diag.Wrap(err, 0, "")
	}
	plan.Fresh = b.rebuild
	image, err := b.builder.Build(ctx, plan)
	if mayBeDamage(ctx, err) && b.repaired(ctx, plan) {
		image, err = b.builder.Build(ctx, plan)
	}
	if err != nil {
		return nil, advise(err)
	}
	if image, err = b.hold(ctx, plan, image); err != nil {
		return nil, err
	}
	b.warnUnread(image.Unread)
	for _, wheel := range slices.Sorted(maps.Keys(image.Newer)) {
		b.warnOnce(fmt.Sprintf("%s is of wheel format %s, which is newer than 1.0; it was installed as 1.0 wants it", wheel, image.Newer[wheel]))
	}
	return image, nil
}

func (b *building) artifact(images []*imagegen.Image) (*publish.Artifact, error) {
	var list []publish.PlatformImage
	for _, i := range images {
		list = append(list, publish.PlatformImage{Platform: i.Platform, Image: i.Image, Origin: b.supply.Origin(i.Platform)})
	}
	return publish.New(list...)
}
