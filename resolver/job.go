package resolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// job is the build of one source for one target, up to a hook.
type job struct {
	workshop *workshop
	provider *provider
	solved   *solved // what was chosen for the target; nil while that is looked for
	source   lockfile.Package
	hook     BuildHook

	project  *BuildProject
	requires []manifest.Requirement // build requirements
	debs     []string               // packages of the distribution
	added    []lockfile.Addition
	room     *room // the environment that they make
	declared int   // how many of requires the source declares
}

// mostAdded bounds how often a build is tried again with something more.
const mostAdded = 12

// run does the hook. What nobody declared and turns out to be missing is added, if it is known, and the build tried again.
//
// Errors: diag errors, with what to do; *[CannotBuild], wrapped.
func (j *job) run(ctx context.Context) (*Built, error) {
	w := j.workshop
	if err := j.prepare(ctx); err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		w.progress("building " + j.name() + " for " + j.provider.target.Platform)
		built, err := j.attempt(ctx)
		failed := (*BuildError)(nil)
		if err == nil || !errors.As(err, &failed) {
			return built, j.wrap(err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if tries == mostAdded || !j.add(ctx, failed) {
			return nil, j.failed(err, failed)
		}
	}
}

func (j *job) name() string { return strings.TrimSpace(j.source.Name + " " + j.source.Version) }

// wrap says of an error what was built; nil stays nil.
func (j *job) wrap(err error) error {
	if err == nil {
		return nil
	}
	if cannot := (*CannotBuild)(nil); errors.As(err, &cannot) {
		e := diag.Wrap(err, diag.Failure, "%s has no wheel that fits and has to be built", j.name()).At(j.pos())
		if cannot.Hint != "" {
			e = e.Hint("%s", cannot.Hint)
		}
		return e.Hint("`envpack lock --defer-builds` records it as it is, and `envpack lock` on a machine that can builds it").
			Hint("`envpack lock --no-build` looks for versions that have wheels")
	}
	return diag.Wrap(err, 0, "building %s", j.name())
}

// pos is where the manifest asks for the source, zero if it does not.
func (j *job) pos() diag.Position {
	if b := j.workshop.m.BuildOf(j.source.Name); b != nil {
		return b.Pos
	}
	for _, r := range slices.Concat(j.workshop.m.Requirements, j.workshop.m.Constraints) {
		if r.Name == j.source.Name {
			return r.Pos
		}
	}
	return diag.Position{}
}

// prepare finds out what the build needs before its backend is asked.
func (j *job) prepare(ctx context.Context) (err error) {
	if j.project, err = j.workshop.builder.Inspect(ctx, j.source); err != nil {
		return j.wrap(err)
	}
	from := diag.Position{File: "the build requirements of " + j.name()}
	for _, text := range j.project.Requires {
		r, err := pep508.Parse(text)
		if err != nil {
			return diag.Wrap(err, diag.NoAnswer, "building %s: its build requirement %q", j.name(), text).
				Hint("a patch may mend it:\n    [build.%s]\n    patches = [\"…\"]", j.source.Name)
		}
		j.requires = append(j.requires, manifest.Requirement{Requirement: r, Pos: from})
	}
	j.declared = len(j.requires)
	for _, deb := range j.project.Packages {
		if deb == PythonHeaders {
			if deb = j.headers(); deb == "" {
				continue
			}
		}
		j.debs = append(j.debs, deb)
	}
	if err := j.settings(); err != nil {
		return err
	}
	j.again()
	return nil
}

// headers is the distribution's package with the headers of the target's Python, "" if an archive brings it.
func (j *job) headers() string {
	b := j.workshop.bases
	t := j.provider.target
	if b.interpreters[t.Platform] != nil {
		return ""
	}
	return "python" + t.Minor() + "-dev"
}

// settings adds what the manifest says of the build.
func (j *job) settings() error {
	policy := j.workshop.m.BuildOf(j.source.Name)
	if policy == nil {
		return nil
	}
	table := "build." + j.source.Name
	for _, r := range policy.Requires {
		if ok, err := j.provider.target.applies(r.Marker, ""); err != nil {
			return manifestError(r, err)
		} else if ok {
			j.need(j.bounded(r), table+".requires")
		}
	}
	for _, p := range policy.Packages {
		j.debs = append(j.debs, relation(p.Text))
		name, _, _ := strings.Cut(p.Text, "=")
		j.added = append(j.added, lockfile.Addition{Name: "deb:" + name, Reason: table + ".packages"})
	}
	if policy.Shared {
		for _, r := range j.environment() {
			j.need(r, table+".isolation = false")
		}
	}
	return nil
}

// need adds a build requirement that the source does not declare.
func (j *job) need(r manifest.Requirement, reason string) {
	j.requires = append(j.requires, r)
	if !slices.ContainsFunc(j.added, func(a lockfile.Addition) bool { return a.Name == r.Name }) {
		j.added = append(j.added, lockfile.Addition{Name: r.Name, Reason: reason})
	}
}

// bounded gives a requirement without bounds the version that the environment has, so that what is compiled against a package fits
// it. While that is still looked for, it is what the manifest asks for.
func (j *job) bounded(r manifest.Requirement) manifest.Requirement {
	if r.Specifiers.Len() > 0 || r.URL != "" {
		return r
	}
	if j.solved != nil {
		if v, there := j.solved.versions[r.Name]; there {
			r.Specifiers = exactly(v)
		}
		return r
	}
	for _, other := range slices.Concat(j.workshop.m.Requirements, j.workshop.m.Constraints) {
		if ok, err := j.provider.target.applies(other.Marker, ""); ok && err == nil && other.Name == r.Name && other.URL == "" {
			r.Specifiers = r.Specifiers.And(other.Specifiers)
		}
	}
	return r
}

func exactly(v pep440.Version) pep440.Specifiers {
	specs, err := pep440.ParseSpecifiers("==" + v.String())
	if err != nil {
		panic(err) // it is a version
	}
	return specs
}

// environment is what the image has besides the source and what needs it: exact requirements. While that is looked for, it is what the
// manifest requires.
func (j *job) environment() []manifest.Requirement {
	from := diag.Position{File: "the environment"}
	var list []manifest.Requirement
	if j.solved == nil {
		for _, r := range j.workshop.m.Requirements {
			if ok, err := j.provider.target.applies(r.Marker, ""); ok && err == nil && r.Name != j.source.Name && r.URL == "" {
				list = append(list, manifest.Requirement{Requirement: r.Requirement, Pos: from})
			}
		}
		return list
	}
	for _, name := range j.solved.without(j.source.Name) {
		r := pep508.Requirement{Name: name, RawName: name, Specifiers: exactly(j.solved.versions[name]), Extras: j.solved.extras[name]}
		list = append(list, manifest.Requirement{Requirement: r, Pos: from})
	}
	return list
}

// attempt does the hook with what is known to be needed.
func (j *job) attempt(ctx context.Context) (*Built, error) {
	w := j.workshop
	var err error
	if j.room, err = w.roomFor(ctx, j, nil); err != nil {
		return nil, err
	}
	asked, err := w.builder.Build(ctx, j.order(RequiresHook))
	if err != nil {
		return nil, err
	}
	var more []manifest.Requirement
	for _, text := range asked.Requires {
		r, err := pep508.Parse(text)
		if err != nil {
			return nil, diag.Wrap(err, diag.NoAnswer, "its build asks for %q", text)
		}
		more = append(more, manifest.Requirement{Requirement: r, Pos: diag.Position{File: "what the build of " + j.name() + " asks for"}})
	}
	if len(more) > 0 {
		if j.room, err = w.roomFor(ctx, j, more); err != nil {
			return nil, err
		}
	}
	return w.builder.Build(ctx, j.order(j.hook))
}

func (j *job) order(hook BuildHook) BuildOrder {
	return BuildOrder{Package: j.source, Environment: j.room.lock, Hook: hook, Settings: j.workshop.settingsOf(j.source.Name)}
}

// settingsOf is what the manifest sets for a build.
func (w *workshop) settingsOf(name string) BuildSettings {
	policy := w.m.BuildOf(name)
	if policy == nil {
		return BuildSettings{}
	}
	s := BuildSettings{Env: policy.Env}
	for _, p := range policy.Patches {
		s.Patches = append(s.Patches, lockfile.Patch{Path: p.Path, SHA256: p.SHA256})
	}
	return s
}

// equal tells whether a build was done with the settings.
func (s BuildSettings) equal(b *lockfile.Build) bool {
	samePatch := func(a, b lockfile.Patch) bool { return a.SHA256 == b.SHA256 }
	return sameStrings(s.Env, b.Env) && slices.EqualFunc(s.Patches, b.Patches, samePatch)
}

// entry is the build that was done, as a lock has it, and the builds of its packages.
func (j *job) entry() (lockfile.Build, []lockfile.Build) {
	b := j.room.build
	s := j.workshop.settingsOf(j.source.Name)
	b.Env, b.Patches, b.Added = s.Env, s.Patches, j.added
	b.ID = b.Sum()
	return b, j.room.inner
}

// news says what was built, in what, and what was added.
func (j *job) news() string {
	var in []string
	for _, p := range j.room.build.Packages {
		in = append(in, p.Name+" "+p.Version)
	}
	if n := len(j.room.build.Debs); n > 0 {
		in = append(in, fmt.Sprintf("%d packages of %s", n, j.workshop.bases.lock.Base.Distro))
	}
	text := fmt.Sprintf("built %s from source", j.name())
	if len(j.workshop.bases.lock.Targets) > 1 {
		text += " for " + j.provider.target.Platform
	}
	if len(in) > 0 {
		text += ", with " + some(in)
	}
	for _, a := range j.added {
		if !strings.HasPrefix(a.Reason, "build.") {
			text += fmt.Sprintf("; %s was added: %s", strings.TrimPrefix(a.Name, "deb:"), a.Reason)
		}
	}
	return text
}

// buildTools are packages that builds run and compile nothing against.
var buildTools = map[string]bool{"pip": true, "setuptools": true, "wheel": true, "packaging": true, "cython": true, "ninja": true, "cmake": true}

// nearest are the versions that the image has of what a build asks for, to be tried before others: what is compiled against a package
// runs with it, and not always with an older one.
func (j *job) nearest(requires []manifest.Requirement) map[string][]pep440.Version {
	if j.solved == nil {
		return nil
	}
	near := map[string][]pep440.Version{}
	for _, r := range requires {
		if v, there := j.solved.versions[r.Name]; there && !buildTools[r.Name] {
			near[r.Name] = []pep440.Version{v}
		}
	}
	return near
}

// fits tells whether a build is one that would be done now, as far as the manifest and what was chosen decide it.
func (j *job) fits(b *lockfile.Build) bool {
	now := &job{workshop: j.workshop, provider: j.provider, solved: j.solved, source: j.source}
	if err := now.settings(); err != nil {
		return false
	}
	told := func(list []lockfile.Addition) (out []string) {
		for _, a := range list {
			if strings.HasPrefix(a.Reason, "build.") {
				out = append(out, a.Name)
			}
		}
		slices.Sort(out)
		return out
	}
	if !slices.Equal(told(now.added), told(b.Added)) || !j.workshop.settingsOf(j.source.Name).equal(b) {
		return false
	}
	has := map[string]pep440.Version{}
	for _, p := range b.Packages {
		if v, err := pep440.Parse(p.Version); err == nil {
			has[p.Name] = v
		}
	}
	for _, r := range now.requires {
		if v, there := has[r.Name]; !there || r.URL == "" && !pep440.FromSpecifiers(r.Specifiers).Contains(v) {
			return false
		}
	}
	for _, a := range b.Added {
		v, there := j.solved.versions[a.Name]
		if old, was := has[a.Name]; there && was && !strings.HasPrefix(a.Reason, "build.") && !v.Equal(old) {
			return false // what was compiled against it fits it no more
		}
	}
	for name, old := range has {
		if v, there := j.solved.versions[name]; there && !buildTools[name] && v.Less(old) {
			return false // so it is with an older one
		}
	}
	return true
}

func sameStrings(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, there := b[k]; !there || w != v {
			return false
		}
	}
	return true
}

// failed is the error of a build that failed for good.
func (j *job) failed(err error, why *BuildError) error {
	e := diag.Wrap(err, diag.NoAnswer, "building %s for %s", j.name(), j.provider.target.Platform).At(j.pos())
	if out := strings.TrimSpace(why.Output); out != "" {
		e = diag.New(diag.NoAnswer, "building %s for %s: %s\nthe end of what its build printed:\n%s", j.name(), j.provider.target.Platform, why.Error(), indent(lastLines(out, shownLines))).At(j.pos())
	}
	name := j.source.Name
	switch {
	case why.Module != "":
		e = e.Hint("if a package has that module, name it:\n    [build.%s]\n    requires = [%q]", name, cmp.Or(moduleProject(why.Module), "…"))
	case len(why.Asked) > 0:
		e = e.Hint("name what it asks for:\n    [build.%s]\n    requires = [\"%s\"]", name, strings.Join(why.Asked, `", "`))
	case why.Header != "" || why.Library != "" || why.Config != "" || why.Program != "":
		e = e.Hint("name the package of %s that has it:\n    [build.%s]\n    packages = [\"…\"]", j.workshop.bases.lock.Base.Distro, name)
	}
	if len(j.room.build.Packages) > 0 {
		var in []string
		for _, p := range j.room.build.Packages {
			in = append(in, p.Name+" "+p.Version)
		}
		e = e.Hint("it was built with %s; [build.%s] requires may bound them, as in requires = [\"setuptools<60\"]", some(in), name)
	}
	return &unmade{j.source.Name, why, e}
}
