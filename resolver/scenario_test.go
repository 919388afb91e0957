package resolver

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// scenario is a file in the format of uv's resolver scenarios (test/scenarios there, after packse):
// an index, a request and what must come of it.
type scenario struct {
	Name        string `toml:"name"`
	Description string `toml:"description"`
	Root        struct {
		Requires       []string `toml:"requires"`
		RequiresPython string   `toml:"requires_python"`
	} `toml:"root"`
	Packages map[string]struct {
		Versions map[string]struct {
			Requires       []string            `toml:"requires"`
			Extras         map[string][]string `toml:"extras"`
			RequiresPython *string             `toml:"requires_python"`
			Sdist          *bool               `toml:"sdist"`
			Wheel          *bool               `toml:"wheel"`
			Yanked         bool                `toml:"yanked"`
			WheelTags      []string            `toml:"wheel_tags"`
		} `toml:"versions"`
	} `toml:"packages"`
	Environment struct {
		Python string `toml:"python"`
	} `toml:"environment"`
	Options struct {
		Python      string   `toml:"python"`
		Prereleases *bool    `toml:"prereleases"`
		Resolution  string   `toml:"resolution"`
		Universal   bool     `toml:"universal"`
		Platform    string   `toml:"python_platform"`
		NoBinary    []string `toml:"no_binary"`
	} `toml:"resolver_options"`
	Expected struct {
		Satisfiable bool              `toml:"satisfiable"`
		Packages    map[string]string `toml:"packages"`
	} `toml:"expected"`
}

// inapplicable are published scenarios that ask for what envpack does not do, by name, with what that
// is. They run nevertheless: one that has come to hold must leave this table.
var inapplicable = map[string]string{
	"conflict-in-fork":                          "the conflict is on a platform that is not Linux",
	"preferences-dependent-forking-conflicting": "the conflict is of two platforms that have to agree, and envpack's need not",
}

// TestScenarios runs our own scenarios.
func TestScenarios(t *testing.T) { runScenarios(t, "testdata/scenarios", nil) }

// TestPublishedScenarios runs uv's, and those in the folder that ENVPACK_SCENARIOS names, if it does.
func TestPublishedScenarios(t *testing.T) {
	names := runScenarios(t, "testdata/published", inapplicable)
	for name, why := range inapplicable {
		if !names[name] {
			t.Errorf("there is no scenario %s any more, which does not apply since %s", name, why)
		}
	}
	if dir := os.Getenv("ENVPACK_SCENARIOS"); dir != "" {
		t.Run("more", func(t *testing.T) { runScenarios(t, dir, inapplicable) })
	}
}

// runScenarios runs those of a folder and all below it, and gives their names.
func runScenarios(t *testing.T, dir string, inapplicable map[string]string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".toml" {
			return err
		}
		var s scenario
		if _, err := toml.DecodeFile(path, &s); err != nil {
			return err
		}
		if names[s.Name] {
			t.Errorf("%s: there is another scenario %s", path, s.Name)
		}
		names[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			err := s.run(t)
			switch why := inapplicable[s.Name]; {
			case why == "" && err != nil:
				t.Errorf("%s\n%v", s.Description, err)
			case why != "" && err == nil:
				t.Errorf("it holds, and is said not to apply since %s", why)
			case why != "":
				t.Logf("does not apply, since %s: %v", why, err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no scenarios in %s", dir)
	}
	return names
}

func (s *scenario) world() *world {
	w := newWorld()
	for name, p := range s.Packages {
		for version, v := range p.Versions {
			python := ">=3.12"
			if v.RequiresPython != nil {
				python = *v.RequiresPython
			}
			w.add(name, version, rel{
				requires: v.Requires, extras: v.Extras, python: python, tags: v.WheelTags, yanked: v.Yanked,
				noWheel: v.Wheel != nil && !*v.Wheel, sdist: v.Sdist == nil || *v.Sdist,
			})
		}
	}
	return w
}

func (s *scenario) manifest() *manifest.Manifest {
	m := project(s.Root.Requires...)
	if python := s.Root.RequiresPython; python != "" && s.Options.Python == "" {
		m.Python = manifest.Python{Text: python, Specifiers: pep440.MustParseSpecifiers(python)}
	}
	if s.Options.Prereleases != nil {
		m.Prereleases = map[bool]manifest.Prereleases{true: manifest.Allow, false: manifest.Disallow}[*s.Options.Prereleases]
	}
	m.NoBinary = s.Options.NoBinary
	if s.Options.Universal {
		m.Platforms = []string{"linux/amd64", "linux/arm64"}
	}
	return m
}

func (s *scenario) python() string {
	python := s.Options.Python
	if python == "" {
		python = s.Environment.Python
	}
	if python == "" {
		python = "3.12"
	}
	if strings.Count(python, ".") == 1 {
		python += ".8"
	}
	return python
}

// run tells how what comes of the scenario differs from what must.
func (s *scenario) run(t *testing.T) error {
	w, m := s.world(), s.manifest()
	l, err := Resolve(t.Context(), m, Sources{Packages: w, Base: fakeBase{s.python()}}, Options{Now: published, DeferBuilds: true})
	if code := diag.CodeOf(err); err != nil && code != diag.NoAnswer && code != diag.Manifest {
		t.Fatal(err)
	}
	if got := err == nil; got != s.Expected.Satisfiable {
		return fmt.Errorf("satisfiable: %v, want %v; %v", got, s.Expected.Satisfiable, err)
	}
	if err != nil {
		t.Log(err)
		return nil
	}
	for _, platform := range m.Platforms {
		if err := holds(l, w, m, platform, s.python()); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	if len(s.Expected.Packages) == 0 || s.Options.Universal {
		return nil
	}
	var want []string
	for _, name := range slices.Sorted(maps.Keys(s.Expected.Packages)) {
		want = append(want, name+" "+s.Expected.Packages[name])
	}
	if got := chosen(l, m.Platforms[0]); got != strings.Join(want, ", ") {
		return fmt.Errorf("got  %s\nwant %s", got, strings.Join(want, ", "))
	}
	return nil
}

// holds tells whether what a lock has for a platform satisfies everything, and has nothing that is
// not needed. It knows nothing of the solver and of how the resolver reads metadata.
func holds(l *lockfile.Lock, w *world, m *manifest.Manifest, platform, python string) error {
	t, err := newTarget(lockfile.Target{Platform: platform, Python: python, Glibc: "2.36"})
	if err != nil {
		return err
	}
	have := map[string]string{}  // project → version
	files := map[string]string{} // project → file
	for _, p := range l.Packages {
		for _, f := range p.Files {
			for _, on := range f.Targets {
				if on == platform {
					if have[p.Name] != "" {
						return fmt.Errorf("%s twice", p.Name)
					}
					have[p.Name], files[p.Name] = p.Version, f.Name
				}
			}
		}
	}
	reached := map[string]bool{}
	var need func(r pep508.Requirement, from string) error
	need = func(r pep508.Requirement, from string) error {
		v, ok := have[r.Name]
		if !ok {
			return fmt.Errorf("%s needs %s, which is not there", from, r)
		}
		if !r.Specifiers.Contains(pep440.MustParse(v)) {
			return fmt.Errorf("%s needs %s, and there is %s", from, r, v)
		}
		for _, extra := range append([]string{""}, r.Extras...) {
			key := r.Name + "[" + extra + "]"
			if reached[key] {
				continue
			}
			reached[key], reached[r.Name] = true, true
			for _, q := range w.metadata[files[r.Name]].Requires {
				ok, err := t.applies(q.Marker, extra)
				if err != nil {
					return err
				}
				if ok {
					if err := need(q, r.Name+" "+v); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	for _, r := range m.Requirements {
		if ok, err := t.applies(r.Marker, ""); err != nil {
			return err
		} else if ok {
			if err := need(r.Requirement, "the project"); err != nil {
				return err
			}
		}
	}
	for name := range have {
		if !reached[name] {
			return errors.New(name + " is not needed")
		}
	}
	for _, c := range m.Constraints {
		if v, ok := have[c.Name]; ok && !c.Specifiers.Contains(pep440.MustParse(v)) {
			return fmt.Errorf("%s %s is against the constraint %s", c.Name, v, c.Requirement)
		}
	}
	return nil
}
