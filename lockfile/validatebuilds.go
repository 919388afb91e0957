package lockfile

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var (
	buildID      = regexp.MustCompile(`^[0-9a-f]{32}$`)
	additionName = regexp.MustCompile(`^(deb:)?[a-z0-9][a-z0-9+.-]*$`)
)

// buildList holds the builds to their form. What a build has decides its ID, so that none can be part of itself.
func (v *validator) buildList() {
	for i := range v.lock.Builds {
		b := &v.lock.Builds[i]
		at := fmt.Sprintf("build[%d].", i)
		v.form(at+"id", b.ID, buildID, "the ID of a build, of 32 hexadecimal digits")
		if v.builds[b.ID] {
			v.fail(at+"id", "%s stands twice", b.ID)
		}
		v.builds[b.ID] = true
	}
	for i := range v.lock.Builds {
		b := &v.lock.Builds[i]
		at := fmt.Sprintf("build[%d].", i)
		v.platforms(at+"target", []string{b.Target}, true)
		v.variables(at+"env.", b.Env)
		for j, p := range b.Patches {
			at := fmt.Sprintf("%spatch[%d].", at, j)
			if p.Path == "" || path.Clean(p.Path) != p.Path || strings.ContainsAny(p.Path, "\\\x00") {
				v.fail(at+"path", "%q is not a path in its shortest form", p.Path)
			}
			v.hash(at+"sha256", p.SHA256)
		}
		for j, a := range b.Added {
			v.form(fmt.Sprintf("%sadded[%d].name", at, j), a.Name, additionName, "a normalised name of a package")
		}
		for j, d := range b.Debs {
			v.deb(fmt.Sprintf("%sdeb[%d].", at, j), d)
		}
		v.buildPackages(at, b)
		if sum := b.Sum(); sum != b.ID {
			v.fail(at+"id", "what the build has comes to %s", sum)
		}
	}
}

func (v *validator) buildPackages(at string, b *Build) {
	names := map[string]bool{}
	for j, p := range b.Packages {
		at := fmt.Sprintf("%spackage[%d].", at, j)
		v.form(at+"name", p.Name, pythonName, "a normalised package name")
		if names[p.Name] {
			v.fail(at+"name", "%s stands twice", p.Name)
		}
		names[p.Name] = true
		v.form(at+"version", p.Version, oneWord, "a version")
		if p.Index != "" && !v.indexes[p.Index] {
			v.fail(at+"index", "there is no index %q", p.Index)
		}
		if len(p.Files) != 1 {
			v.fail(at+"file", "a build has one file of each of its packages")
		}
		v.origin(at, p)
		v.file(at+"file[0].", p, p.Files[0])
		if !p.Files[0].IsWheel() {
			v.fail(at+"file[0].name", "%s is no wheel", p.Files[0].Name)
		}
		v.sources(at, p)
		if len(p.Requires) > 0 || len(p.Files[0].Targets) > 0 || len(p.Targets) > 0 {
			v.fail(at+"name", "the packages of a build have neither edges nor targets")
		}
	}
}

// file holds what a file has, apart from its targets, to its form.
func (v *validator) file(at string, p Package, f File) {
	v.form(at+"name", f.Name, plainFile, "the file name of a wheel or source distribution")
	v.hash(at+"sha256", f.SHA256)
	v.size(at+"size", f.Size)
	v.instant(at+"uploaded", f.Uploaded)
	v.kernels(at, f.Kernels)
	if f.Build == "" {
		return
	}
	if !v.builds[f.Build] {
		v.fail(at+"build", "there is no build %q", f.Build)
	}
	if !f.IsWheel() {
		v.fail(at+"build", "%s is no wheel", f.Name)
	}
	if len(p.Sources) == 0 && p.Git == "" && p.Tree == "" {
		v.fail(at+"build", "nothing says what %s was built from", f.Name)
	}
}

func (v *validator) sources(at string, p Package) {
	if len(p.Sources) > 0 && !p.built() {
		v.fail(at+"source", "nothing was built of it")
	}
	if len(p.Sources) > 0 && (p.Git != "" || p.Tree != "") {
		v.fail(at+"source", "%s comes from a folder or repository", p.Name)
	}
	names := map[string]bool{}
	for j, s := range p.Sources {
		at := fmt.Sprintf("%ssource[%d].", at, j)
		v.form(at+"name", s.Name, plainSource, "the file name of a source distribution")
		if names[s.Name] {
			v.fail(at+"name", "%s stands twice", s.Name)
		}
		names[s.Name] = true
		v.hash(at+"sha256", s.SHA256)
		v.size(at+"size", s.Size)
		v.instant(at+"uploaded", s.Uploaded)
	}
}

var plainSource = regexp.MustCompile(`^[^/\\\x00]+\.(tar\.gz|zip|tar\.bz2|tgz|tar|tar\.xz)$`)
