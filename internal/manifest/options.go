package manifest

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep508"
)

// option reads an option of pip's on a line without a requirement.
func (r *requirementsReader) option(file string, o reqfile.Option, at diag.Position, constraints bool) error {
	fail := func(format string, args ...any) *diag.Error { return diag.New(diag.Manifest, format, args...).At(at) }
	switch o.Name {
	case "--requirement", "--constraint":
		return r.include(file, o.Name, o.Value, at)
	case "--require-hashes", "--no-require-hashes":
		must := o.Name == "--require-hashes"
		if r.mustPin = r.mustPin || must; !must {
			r.mayLack = true // as without it: a file of the lock has a hash anyway
		}
		if r.mustPin && r.mayLack {
			return fail("--require-hashes and --no-require-hashes contradict each other")
		}
		return nil
	case "--prefer-binary":
		return nil // wheels are preferred anyway
	case "--only-binary", "--no-binary":
		return r.formats.take(o.Name, o.Value, at)
	case "--pre":
		return fail("--pre is not read here").Hint("write into the manifest:\n    [resolver]\n    prereleases = \"allow\"")
	case "--all-releases", "--only-final":
		return r.releases(o, at)
	case "--index-url", "--pypi-url", "--extra-index-url", "--find-links":
		return r.place(o, at)
	case "--no-index":
		return fail("--no-index is not supported").
			Hint("write into the manifest which folder all packages come from:\n    [[index]]\n    name = \"wheels\"\n    path = \"…\"\n    format = \"flat\"\n    default = true")
	case "--hash":
		return fail("--hash has no requirement before it").Hint("it stands on the line of its requirement, which a backslash continues")
	case "--editable":
		return r.editable(file, o.Value, at, constraints)
	}
	return notYet(fail("option %s is not supported yet", o.Name), o.Name)
}

// place reads an option that names an index. What the manifest names as well may stay for pip's sake; it is the manifest that says which
// packages come from there.
func (r *requirementsReader) place(o reqfile.Option, at diag.Position) error {
	fail := func(format string, args ...any) *diag.Error { return diag.New(diag.Manifest, format, args...).At(at) }
	main := o.Name == "--index-url" || o.Name == "--pypi-url"
	named := func(i Index) bool {
		return sameAddress(i.URL, o.Value) && i.URL != "" && i.Flat == (o.Name == "--find-links") && i.Default == main
	}
	if r.m.names(o.Value) || slices.ContainsFunc(r.m.Indexes, named) {
		return nil
	}
	if t, variant := TemplateAt(o.Value); t != nil {
		hint := fmt.Sprintf("this has the form of the index %s, which envpack knows by name, for %s; write into the manifest, and the line may stay:\n%s",
			t.Name, strings.Join(t.Packages[:3], ", "), t.Lines(r.own.path("index"), variant))
		if variant != NoCUDA {
			hint += "\nwith [gpu] and without variant envpack chooses one that the driver runs; then take the line out"
		}
		return fail("%s is not supported: any package could come from there", o.Name).Hint("%s", hint)
	}
	switch {
	case main:
		return fail("%s is not supported yet", o.Name).
			Hint("write into the manifest:\n    [[index]]\n    name = \"main\"\n    url = %q\n    default = true", bareAddress(o.Value))
	case o.Name == "--extra-index-url":
		return fail("%s is not supported: any package could come from either index", o.Name).
			Hint("write into the manifest, with the packages that come from it:\n    [[index]]\n    name = \"extra\"\n    url = %q\n    packages = [\"…\"]", bareAddress(o.Value))
	}
	key, place := "path", strings.TrimPrefix(o.Value, "file://")
	if strings.Contains(place, "://") {
		key, place = "url", bareAddress(o.Value)
	}
	return fail("%s is not read here: any package could come from there", o.Name).
		Hint("write into the manifest, with the packages that come from it:\n    [[index]]\n    name = \"links\"\n    %s = %q\n    format = \"flat\"\n    packages = [\"…\"]", key, place)
}

// releases refuses the options that say of which packages pre-releases are taken, with what says it in the manifest.
func (r *requirementsReader) releases(o reqfile.Option, at diag.Position) error {
	policy := map[string]string{"--all-releases": "allow", "--only-final": "disallow"}[o.Name]
	e := diag.New(diag.Manifest, "%s is not read here", o.Name).At(at)
	if o.Value == ":all:" {
		return e.Hint("write into the manifest:\n    [resolver]\n    prereleases = %q", policy)
	}
	lines := "write into the manifest:"
	for name := range strings.SplitSeq(o.Value, ",") {
		if !nameForm().MatchString(name) {
			return e
		}
		lines += fmt.Sprintf("\n    [resolver.packages.%s]\n    prereleases = %q", pep508.NormalizeName(name), policy)
	}
	return e.Hint("%s", lines)
}

// include reads the file that -r or -c names, relative to the one that names it.
func (r *requirementsReader) include(file, name, value string, at diag.Position) error {
	switch {
	case value == "":
		return diag.New(diag.Manifest, "%s names no file", name).At(at)
	case strings.Contains(value, "://") || strings.HasPrefix(value, "file:"):
		return diag.New(diag.Manifest, "%s: addresses are not supported yet", name).At(at).Hint("keep the file in the project")
	case filepath.IsAbs(value):
		return diag.New(diag.Manifest, "%s: a path relative to %s is wanted", name, filepath.Base(file)).At(at)
	}
	return r.file(filepath.Join(filepath.Dir(file), filepath.FromSlash(value)), name == "--constraint", at)
}

// bareAddress is an index's address as the manifest may have it: without credentials, query and fragment.
func bareAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "https://…" // it may hold a password anywhere
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// editable reads what -e names: a folder or a repository, which is locked as any other.
func (r *requirementsReader) editable(file, value string, at diag.Position, constraints bool) error {
	if constraints {
		return diag.New(diag.Manifest, "a constraint cannot be editable").At(at).Hint("take the -e away")
	}
	var got Requirement
	req, err := pep508.Parse(value)
	if err == nil && req.URL != "" {
		got, err = r.m.follow(req, promised{}, filepath.Dir(file), at)
	} else {
		got, err = r.m.bare(value, promised{}, filepath.Dir(file), at)
	}
	if err != nil {
		return err
	}
	if k := got.Direct.Kind(); k != direct.Folder && k != direct.Repository {
		return diag.New(diag.Manifest, "-e is for folders and repositories").At(at).Hint("take the -e away")
	}
	return r.add(got, constraints)
}
