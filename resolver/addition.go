package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// buildModules are the packages that builds import without saying so, by module: before there was a [build-system], a build ran
// where they were installed already. Each was read off the package's own list of top-level modules.
var buildModules = map[string]string{
	"cython":         "cython",
	"numpy":          "numpy",
	"scipy":          "scipy",
	"torch":          "torch",
	"tensorflow":     "tensorflow",
	"pybind11":       "pybind11",
	"cffi":           "cffi",
	"setuptools":     "setuptools",
	"distutils":      "setuptools", // which has had its own since Python lost it
	"pkg_resources":  "setuptools",
	"setuptools_scm": "setuptools-scm",
	"setuptools_git": "setuptools-git",
	"wheel":          "wheel",
	"pip":            "pip",
	"pbr":            "pbr",
	"six":            "six",
	"packaging":      "packaging",
	"yaml":           "pyyaml",
	"toml":           "toml",
	"requests":       "requests",
	"tqdm":           "tqdm",
	"skbuild":        "scikit-build",
	"cmake":          "cmake",
	"ninja":          "ninja",
	"mako":           "mako",
	"jinja2":         "jinja2",
	"psutil":         "psutil",
	"ptr":            "pytest-runner",
	"mpi4py":         "mpi4py",
	"pytest_runner":  "pytest-runner",
	"future":         "future",
}

// moduleProject is the project that a module is of, "" if that is not known.
func moduleProject(module string) string {
	top, _, _ := strings.Cut(module, ".")
	return buildModules[strings.ToLower(top)]
}

// add adds what a build turned out to lack: a module, if the package that has it is known or chosen for the image, or what it asked
// for. It tells whether it did.
func (j *job) add(ctx context.Context, why *BuildError) bool {
	if len(why.Asked) > 0 {
		return j.addAsked(why.Asked)
	}
	if why.Module == "" {
		return j.addFile(ctx, why)
	}
	name := moduleProject(why.Module)
	if name == "" {
		top, _, _ := strings.Cut(why.Module, ".")
		normal := pep508.NormalizeName(top)
		if !j.chosen(normal) {
			return false
		}
		name = normal
	}
	if name == j.source.Name || slices.ContainsFunc(j.requires, func(r manifest.Requirement) bool { return r.Name == name }) {
		return false // it is there, and lacks the module
	}
	reason := fmt.Sprintf("its build imports %s, and it declares no build requirements", why.Module)
	if j.project.Declared {
		reason = fmt.Sprintf("its build imports %s, which its [build-system] does not declare", why.Module)
	}
	r := manifest.Requirement{Requirement: pep508.Requirement{Name: name, RawName: name}, Pos: diag.Position{File: "what " + j.name() + " imports"}}
	j.need(j.bounded(r), reason)
	return true
}

// addAsked adds requirements that setup.py would have had fetched while it ran.
func (j *job) addAsked(asked []string) bool {
	added := false
	for _, text := range asked {
		r, err := pep508.Parse(text)
		if err != nil || r.Name == j.source.Name {
			continue
		}
		more := j.bounded(manifest.Requirement{Requirement: r, Pos: diag.Position{File: "what " + j.name() + " asks for"}})
		if slices.ContainsFunc(j.requires, func(r manifest.Requirement) bool { return r.String() == more.String() }) {
			continue // it is there, and not what was asked for
		}
		j.need(more, fmt.Sprintf("its setup.py asks for %s while it runs", text))
		added = true
	}
	return added
}

// chosen tells whether the image has a project, or, while that is looked for, the manifest asks for it.
func (j *job) chosen(name string) bool {
	if j.solved != nil {
		return j.solved.has(name)
	}
	return slices.ContainsFunc(j.workshop.m.Requirements, func(r manifest.Requirement) bool { return r.Name == name })
}

// addFile adds the distribution's packages that have a file which a build lacks, and what it is of little use without. Later builds of
// the source begin with them.
func (j *job) addFile(ctx context.Context, why *BuildError) bool {
	added := false
	for _, name := range j.workshop.finds(ctx, j, why) {
		if slices.Contains(j.debs, name) {
			continue
		}
		addition := lockfile.Addition{Name: "deb:" + name, Reason: why.Error()}
		j.debs = append(j.debs, name)
		j.added = append(j.added, addition)
		w, key := j.workshop, j.key()
		w.mu.Lock()
		w.lacked[key] = append(w.lacked[key], addition)
		w.mu.Unlock()
		added = true
	}
	return added
}

// key tells a source and what it is built for apart from others.
func (j *job) key() string { return j.provider.target.Platform + "\x00" + sourceKey(j.source) }

// again adds what an earlier build of the source turned out to lack.
func (j *job) again() {
	w := j.workshop
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.lacked[j.key()] {
		if name := strings.TrimPrefix(a.Name, "deb:"); !slices.Contains(j.debs, name) {
			j.debs = append(j.debs, name)
			j.added = append(j.added, a)
		}
	}
}
