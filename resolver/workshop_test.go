package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep508"
)

// builder builds what its recipes say.
type builder struct {
	recipes map[string]*recipe // by project
	cannot  string             // platform that nothing can be built for

	mu    sync.Mutex
	log   []string // "wheel of old 1.0 in setuptools 60.0"
	known int      // wheels that were asked for by what a lock has
}

// recipe is how a project is built.
type recipe struct {
	requires []string // of [build-system]
	legacy   bool     // there is none
	asks     []string // what the hook asks for besides
	imports  []string // projects without which it fails, called as their modules are
	fetches  []string // requirements of projects that it would have fetched while it runs
	debs     []string
	needs    []string // requirements of the wheel
	tag      string   // of the wheel; "": py3-none-any
	version  string   // of the wheel; "": the source's
	header   string   // that is missing
	in       string   // the distribution's package that has it
}

func (b *builder) Inspect(_ context.Context, p lockfile.Package) (*BuildProject, error) {
	r := b.recipes[p.Name]
	if r == nil {
		return nil, fmt.Errorf("no recipe for %s", p.Name)
	}
	return &BuildProject{Requires: r.requires, Declared: !r.legacy, Packages: r.debs}, nil
}

func (b *builder) Build(_ context.Context, o BuildOrder) (*Built, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.recipes[o.Package.Name]
	platform := o.Environment.Targets[0].Platform
	if platform == b.cannot {
		return nil, diag.Wrap(&CannotBuild{Platform: platform, Why: "another architecture", Hint: "use that"}, diag.Failure, "")
	}
	if err := o.Environment.Validate(); err != nil {
		return nil, err
	}
	var in []string
	for _, p := range o.Environment.Packages {
		in = append(in, p.Name+" "+p.Version)
	}
	for _, d := range o.Environment.Base.Debs {
		if d.System {
			in = append(in, d.Name)
		}
	}
	if o.Known != nil {
		b.known++
	} else if o.Hook != RequiresHook {
		b.log = append(b.log, fmt.Sprintf("%s of %s %s in %s", o.Hook, o.Package.Name, o.Package.Version, strings.Join(in, ", ")))
	}
	if o.Hook == RequiresHook {
		return &Built{Requires: r.asks}, nil
	}
	for _, name := range r.imports {
		if !slices.ContainsFunc(in, func(s string) bool { return strings.HasPrefix(s, name+" ") }) {
			return nil, &BuildError{Hook: o.Hook, Module: name + ".x", Reason: "it failed", Output: "Traceback\nNo module named " + name}
		}
	}
	for _, text := range r.fetches {
		name, version, _ := strings.Cut(text, "==")
		if !slices.Contains(in, name+" "+version) {
			return nil, &BuildError{Hook: o.Hook, Asked: []string{text}, Reason: "setup.py asks for " + text + " while it runs"}
		}
	}
	if r.header != "" && !slices.Contains(in, r.in) {
		return nil, &BuildError{Hook: o.Hook, Header: r.header, Output: "fatal error: " + r.header}
	}
	version := o.Package.Version
	if r.version != "" {
		version = r.version
	}
	meta := &index.Metadata{Name: o.Package.Name, Version: version}
	for _, text := range r.needs {
		q, err := pep508.Parse(text)
		if err != nil {
			return nil, err
		}
		meta.Requires = append(meta.Requires, q)
	}
	built := &Built{Metadata: meta}
	if o.Hook == WheelHook {
		tag := r.tag
		if tag == "" {
			tag = "py3-none-any"
		}
		name := fmt.Sprintf("%s-%s-%s.whl", strings.ReplaceAll(o.Package.Name, "-", "_"), version, tag)
		built.Wheel = lockfile.File{Name: name, SHA256: hashOf(name + strings.Join(in, ",")), Size: 7}
	}
	return built, nil
}

// sourceWorld is an index where old has a source distribution alone, which setuptools builds.
func sourceWorld() (*world, *builder) {
	w := newWorld()
	w.add("setuptools", "59.0", rel{uploaded: published.AddDate(-2, 0, 0)})
	w.add("setuptools", "60.0", rel{})
	w.add("numpy", "1.0", rel{})
	w.add("numpy", "2.0", rel{})
	w.add("six", "1.0", rel{})
	w.add("old", "1.0", rel{noWheel: true, sdist: true, requires: []string{"six"}})
	b := &builder{recipes: map[string]*recipe{"old": {requires: []string{"setuptools"}, needs: []string{"six"}}}}
	return w, b
}

func buildWith(w *world, b *builder, m *manifest.Manifest, o Options) (*lockfile.Lock, []string, error) {
	var told []string
	o.Now = published.AddDate(1, 0, 0)
	o.Tell = func(text string) { told = append(told, text) }
	o.Warn = o.Tell
	if m.Python.Text == ">=3" {
		python(m, "3.11")
	}
	l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: &distros{}, Builder: b}, o)
	return l, told, err
}

func assume(w *world, file string) {
	own := *w.metadata[file]
	own.Assumed = "egg-info"
	w.metadata[file] = &own
}

func TestBuilt(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world, b *builder, m *manifest.Manifest)
		want   string // of what is locked
		log    []string
		told   string // a part of it
	}{
		{"a source distribution", nil, "old 1.0, six 1.0", []string{"wheel of old 1.0 in setuptools 60.0"}, "built old 1.0 from source, with setuptools 60.0"},
		{"as of a date", func(w *world, _ *builder, m *manifest.Manifest) {
			for _, name := range []string{"old", "six"} {
				for i := range w.projects[name].Files {
					w.projects[name].Files[i].Uploaded = published.AddDate(-2, 0, 0)
				}
			}
			setAsOf(t, m, published.AddDate(-1, 0, 0).Format(time.RFC3339))
		}, "old 1.0, six 1.0", []string{"wheel of old 1.0 in setuptools 59.0"}, ""},
		{"what the hook asks for", func(_ *world, b *builder, _ *manifest.Manifest) { b.recipes["old"].asks = []string{"numpy<2"} },
			"old 1.0, six 1.0", []string{"wheel of old 1.0 in numpy 1.0, setuptools 60.0"}, ""},
		{"a compiler", func(_ *world, b *builder, _ *manifest.Manifest) {
			b.recipes["old"].debs = []string{"gcc", PythonHeaders}
		},
			"old 1.0, six 1.0", []string{"wheel of old 1.0 in setuptools 60.0, gcc, python3.11-dev"}, "setuptools 60.0, 2 packages of debian:12"},
		{"dependencies that only a build tells", func(w *world, b *builder, _ *manifest.Manifest) {
			w.broken["old-1.0.tar.gz"] = &sdistfile.DynamicError{Project: "old-1.0.tar.gz", Reason: "dynamic"}
			b.recipes["old"].needs = []string{"numpy<2"}
		}, "numpy 1.0, old 1.0", []string{"metadata of old 1.0 in setuptools 60.0", "wheel of old 1.0 in setuptools 60.0"}, ""},
		{"dependencies that only a build tells, for GPUs", func(w *world, b *builder, m *manifest.Manifest) {
			w.broken["old-1.0.tar.gz"] = &sdistfile.DynamicError{Project: "old-1.0.tar.gz", Reason: "dynamic"}
			m.GPU = &manifest.GPU{}
		}, "old 1.0, six 1.0", []string{"metadata of old 1.0 in setuptools 60.0", "wheel of old 1.0 in setuptools 60.0"}, ""},
		{"dependencies that were assumed and are others", func(w *world, b *builder, _ *manifest.Manifest) {
			assume(w, "old-1.0.tar.gz")
			b.recipes["old"].needs = []string{"numpy"}
		}, "numpy 2.0, old 1.0", []string{"wheel of old 1.0 in setuptools 60.0"}, "old 1.0 needs numpy, as its wheel says, and not six, as was assumed"},
		{"dependencies that the manifest replaces", func(_ *world, b *builder, m *manifest.Manifest) {
			b.recipes["old"].needs = []string{"numpy"}
			m.Policies.Metadata = []manifest.Replacement{{Name: "old", NewRequires: true}}
		}, "old 1.0", []string{"wheel of old 1.0 in setuptools 60.0"}, ""},
		{"a wheel before a newer source", func(w *world, _ *builder, m *manifest.Manifest) {
			w.add("b", "1.0", rel{})
			w.add("b", "2.0", rel{noWheel: true, sdist: true})
			m.Requirements = requirements("b")
		}, "b 1.0", nil, `b 1.0 is taken, not 2.0, which has only a source distribution; ` + "`envpack lock -P b==2.0`" + ` builds it, and no-binary = ["b"] in [resolver] every version`},
		{"a source where the manifest pins it", func(w *world, b *builder, m *manifest.Manifest) {
			w.add("b", "1.0", rel{})
			w.add("b", "2.0", rel{noWheel: true, sdist: true})
			m.Requirements = requirements("b==2.0")
			b.recipes["b"] = b.recipes["old"]
			b.recipes["b"].needs = nil
		}, "b 2.0", []string{"wheel of b 2.0 in setuptools 60.0"}, ""},
		{"a source where no wheel fits what others need", func(w *world, b *builder, m *manifest.Manifest) {
			w.add("b", "1.0", rel{})
			w.add("b", "2.0", rel{noWheel: true, sdist: true})
			w.add("c", "1.0", rel{requires: []string{"b>1"}})
			m.Requirements = requirements("b", "c")
			b.recipes["b"] = b.recipes["old"]
			b.recipes["b"].needs = nil
		}, "b 2.0, c 1.0", []string{"wheel of b 2.0 in setuptools 60.0"}, ""},
		{"no binary", func(w *world, b *builder, m *manifest.Manifest) {
			w.add("b", "2.0", rel{sdist: true})
			m.Requirements = requirements("b")
			m.NoBinary = []string{"b"}
			b.recipes["b"] = b.recipes["old"]
			b.recipes["b"].needs = nil
		}, "b 2.0", []string{"wheel of b 2.0 in setuptools 60.0"}, ""},
		{"a build requirement that the image has", func(_ *world, b *builder, m *manifest.Manifest) {
			b.recipes["old"].requires = []string{"setuptools", "numpy"}
			m.Requirements = requirements("old", "numpy<2")
		}, "numpy 1.0, old 1.0, six 1.0", []string{"wheel of old 1.0 in numpy 1.0, setuptools 60.0"}, ""},
		{"a build requirement that is built", func(w *world, b *builder, _ *manifest.Manifest) {
			w.add("tool", "1.0", rel{noWheel: true, sdist: true})
			b.recipes["tool"] = &recipe{requires: []string{"setuptools<60"}}
			b.recipes["old"].requires = []string{"setuptools", "tool"}
		}, "old 1.0, six 1.0", []string{"wheel of tool 1.0 in setuptools 59.0", "wheel of old 1.0 in setuptools 60.0, tool 1.0"}, "built tool 1.0 from source"},
		{"a module that nobody declared", func(_ *world, b *builder, m *manifest.Manifest) {
			b.recipes["old"].legacy, b.recipes["old"].imports = true, []string{"numpy"}
			m.Requirements = requirements("old", "numpy<2")
		}, "numpy 1.0, old 1.0, six 1.0", []string{"wheel of old 1.0 in setuptools 60.0", "wheel of old 1.0 in numpy 1.0, setuptools 60.0"},
			"numpy was added: its build imports numpy.x, and it declares no build requirements"},
		{"what setup.py asks for while it runs", func(_ *world, b *builder, _ *manifest.Manifest) {
			b.recipes["old"].legacy, b.recipes["old"].fetches = true, []string{"numpy==1.0", "setuptools==59.0"}
		}, "old 1.0, six 1.0", []string{"wheel of old 1.0 in setuptools 60.0", "wheel of old 1.0 in numpy 1.0, setuptools 60.0", "wheel of old 1.0 in numpy 1.0, setuptools 59.0"},
			"numpy was added: its setup.py asks for numpy==1.0 while it runs; setuptools was added: its setup.py asks for setuptools==59.0 while it runs"},
		{"requires of the manifest", func(_ *world, _ *builder, m *manifest.Manifest) {
			m.Requirements = requirements("old", "numpy<2")
			m.Builds = []manifest.BuildPolicy{{Name: "old", Requires: requirements("numpy", "setuptools<60")}}
		}, "numpy 1.0, old 1.0, six 1.0", []string{"wheel of old 1.0 in numpy 1.0, setuptools 59.0"}, ""},
		{"packages of the manifest", func(_ *world, _ *builder, m *manifest.Manifest) {
			m.Builds = []manifest.BuildPolicy{{Name: "old", Packages: []manifest.SystemPackage{{Text: "cmake=3.1"}}}}
		}, "old 1.0, six 1.0", []string{"wheel of old 1.0 in setuptools 60.0, cmake"}, ""},
		{"no isolation", func(w *world, b *builder, m *manifest.Manifest) {
			w.add("user", "1.0", rel{requires: []string{"old"}})
			m.Requirements = requirements("user", "numpy<2")
			m.Builds = []manifest.BuildPolicy{{Name: "old", Shared: true}}
		}, "numpy 1.0, old 1.0, six 1.0, user 1.0", []string{"wheel of old 1.0 in numpy 1.0, setuptools 60.0, six 1.0"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, b := sourceWorld()
			m := project("old")
			if c.change != nil {
				c.change(w, b, m)
			}
			l, told, err := buildWith(w, b, m, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := chosen(l, amd64); got != c.want {
				t.Errorf("locked %s, want %s", got, c.want)
			}
			if !slices.Equal(b.log, c.log) {
				t.Errorf("built %q, want %q", b.log, c.log)
			}
			if c.told != "" && !strings.Contains(strings.Join(told, "\n"), c.told) {
				t.Errorf("told %q", told)
			}
			if again, err := lockfile.Parse("envpack.lock", lockfile.Encode(l)); err != nil || len(Unbuilt(again)) > 0 {
				t.Errorf("%v, unbuilt %q\n%s", err, Unbuilt(l), lockfile.Encode(l))
			}
			if err := CheckFiles(l); err != nil {
				t.Error(err)
			}
			// Locking again builds nothing, and changes nothing.
			b.log = nil
			same, _, err := buildWith(w, b, m, Options{Previous: l})
			if err != nil {
				t.Fatal(err)
			}
			if len(b.log) > 0 || string(lockfile.Encode(same)) != string(lockfile.Encode(l)) {
				t.Errorf("locking again built %q:\n%v", b.log, lockfile.Diff(l, same))
			}
		})
	}
}

func TestBuiltAnew(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, b *builder, m *manifest.Manifest, o *Options)
		log    []string
	}{
		"another setting": {func(_ *world, _ *builder, m *manifest.Manifest, _ *Options) {
			m.Builds[0].Env = map[string]string{"A": "1"}
		}, []string{"wheel of old 1.0 in numpy 1.0, setuptools 60.0"}},
		"another requirement": {func(_ *world, _ *builder, m *manifest.Manifest, _ *Options) {
			m.Builds[0].Requires = requirements("numpy", "six")
		}, []string{"wheel of old 1.0 in numpy 1.0, setuptools 60.0, six 1.0"}},
		"another version of what it is compiled against": {func(_ *world, _ *builder, m *manifest.Manifest, _ *Options) {
			m.Requirements = requirements("old", "numpy>1")
		}, []string{"wheel of old 1.0 in numpy 2.0, setuptools 60.0"}},
		"an upgrade": {func(w *world, _ *builder, _ *manifest.Manifest, o *Options) {
			w.add("setuptools", "61.0", rel{})
			o.Upgrade = true
		}, []string{"wheel of old 1.0 in numpy 1.0, setuptools 61.0"}},
		"newer tools, which nobody asks for": {func(w *world, _ *builder, _ *manifest.Manifest, _ *Options) {
			w.add("setuptools", "61.0", rel{})
		}, nil},
		"an older version of what it is compiled against": {func(_ *world, b *builder, m *manifest.Manifest, _ *Options) {
			m.Requirements = requirements("old", "numpy<1")
		}, []string{"wheel of old 1.0 in numpy 0.9, setuptools 60.0"}},
		"another package": {func(_ *world, _ *builder, m *manifest.Manifest, _ *Options) {
			m.Requirements = append(m.Requirements, requirements("setuptools")...)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := sourceWorld()
			w.add("numpy", "0.9", rel{})
			m := project("old", "numpy<2")
			m.Builds = []manifest.BuildPolicy{{Name: "old", Requires: requirements("numpy")}}
			l, _, err := buildWith(w, b, m, Options{})
			if err != nil {
				t.Fatal(err)
			}
			b.log = nil
			o := Options{Previous: l}
			c.change(w, b, m, &o)
			if _, _, err = buildWith(w, b, m, o); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(b.log, c.log) {
				t.Errorf("built %q, want %q", b.log, c.log)
			}
			if name == "another setting" && b.known > 0 {
				t.Error("the lock's wheel was asked for as one that the new setting makes")
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, b *builder, m *manifest.Manifest)
		want   []string
	}{
		"a promise that is not kept": {func(_ *world, b *builder, _ *manifest.Manifest) { b.recipes["old"].needs = []string{"numpy<2"} },
			[]string{"the wheel that was built of old 1.0 needs numpy<2, and its source promises six", `requires = ["numpy<2"]`}},
		"another version": {func(_ *world, b *builder, _ *manifest.Manifest) { b.recipes["old"].version = "0.0" },
			[]string{"building old 1.0 made a wheel of old 0.0"}},
		"a circle": {func(w *world, b *builder, _ *manifest.Manifest) {
			w.add("x", "1.0", rel{noWheel: true, sdist: true})
			b.recipes["old"].requires, b.recipes["x"] = []string{"x"}, &recipe{requires: []string{"old"}}
		}, []string{"old 1.0 is needed to build itself"}},
		"requirements that cannot be met": {func(_ *world, b *builder, _ *manifest.Manifest) {
			b.recipes["old"].requires = []string{"setuptools>=61"}
		},
			[]string{"nothing satisfies what old 1.0 needs to be built", "setuptools>=61"}},
		"requirements that are newer": {func(w *world, b *builder, m *manifest.Manifest) {
			w.add("setuptools", "61.0", rel{uploaded: published.AddDate(0, 1, 0)})
			b.recipes["old"].requires = []string{"setuptools>=61"}
			setAsOf(t, m, published.Format(time.RFC3339))
		}, []string{"nothing satisfies what old 1.0 needs to be built", "uploaded after", "[resolver.packages.setuptools]"}},
		"what it asks for is not there after all": {func(_ *world, b *builder, _ *manifest.Manifest) { b.recipes["old"].fetches = []string{"numpy"} },
			[]string{"building old 1.0 for linux/amd64: setup.py asks for numpy while it runs", `requires = ["numpy"]`}},
		"a module of nobody": {func(_ *world, b *builder, _ *manifest.Manifest) { b.recipes["old"].imports = []string{"secret"} },
			[]string{"building old 1.0 for linux/amd64: it imports secret.x, which is not there", "No module named secret", "[build.old]"}},
		"a header": {func(_ *world, b *builder, _ *manifest.Manifest) { b.recipes["old"].header = "png.h" },
			[]string{"it includes png.h, which is not there", "fatal error: png.h", "packages = "}},
		"a build that fails where another version has a wheel": {func(w *world, b *builder, m *manifest.Manifest) {
			w.add("user", "1.0", rel{requires: []string{"old"}})
			w.add("user", "0.9", rel{})
			m.Requirements = requirements("user")
			b.recipes["old"].header = "png.h"
		}, []string{"it includes png.h", "hint: `envpack lock --no-build` resolves, without old"}},
		"a machine that cannot": {func(_ *world, b *builder, _ *manifest.Manifest) { b.cannot = amd64 },
			[]string{"nothing can be built for linux/amd64 here: another architecture", "use that", "--defer-builds"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := sourceWorld()
			m := project("old")
			c.change(w, b, m)
			_, _, err := buildWith(w, b, m, Options{})
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error() + "\nhint: " + strings.Join(diag.HintsOf(err), "\nhint: ")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%s\nlacks %q", text, want)
				}
			}
		})
	}
}

// A pure wheel that was built for one platform is that of all; for others each needs a machine of its own.
func TestBuiltElsewhere(t *testing.T) {
	w, b := sourceWorld()
	m := project("old")
	m.Platforms = []string{amd64, arm64}
	b.cannot = arm64
	l, _, err := buildWith(w, b, m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(l.Packages, func(p lockfile.Package) bool { return p.Name == "old" })
	if p := l.Packages[i]; len(p.Files) != 1 || len(p.Files[0].Targets) != 2 || len(l.Builds) != 1 {
		t.Errorf("%s", lockfile.Encode(l))
	}
	b.recipes["old"].tag = "cp311-cp311-linux_x86_64"
	if _, _, err := buildWith(w, b, m, Options{}); err == nil || !strings.Contains(err.Error(), "nothing can be built for linux/arm64") {
		t.Errorf("%v", err)
	}
	// A machine that can build nothing keeps what the lock has.
	b.recipes["old"].tag, b.cannot = "", amd64
	m.Platforms = []string{amd64}
	w.add("more", "1.0", rel{})
	m.Requirements = append(m.Requirements, requirements("more")...)
	now, _, err := buildWith(w, b, m, Options{Previous: l})
	if err != nil || chosen(now, amd64) != "more 1.0, old 1.0, six 1.0" || len(now.Builds) != 1 {
		t.Errorf("%v", err)
	}
}

// Without building: refused, or recorded.
func TestNotBuilt(t *testing.T) {
	w, b := sourceWorld()
	if _, _, err := buildWith(w, b, project("old"), Options{NoBuild: true}); err == nil || !strings.Contains(err.Error(), "only source distributions") && !strings.Contains(err.Error(), "only a source distribution") {
		t.Errorf("%v", err)
	}
	l, _, err := buildWith(w, b, project("old"), Options{DeferBuilds: true})
	if err != nil || !slices.Equal(Unbuilt(l), []string{"old"}) || len(b.log) > 0 {
		t.Fatalf("%v, %q, built %q", err, Unbuilt(l), b.log)
	}
	l, _, err = buildWith(w, b, project("old"), Options{Previous: l}) // on a machine that can
	if err != nil || len(Unbuilt(l)) > 0 || len(b.log) != 1 {
		t.Errorf("%v, %q, built %q", err, Unbuilt(l), b.log)
	}
}
