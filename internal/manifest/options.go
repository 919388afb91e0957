package manifest

import (
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/direct"
)

// requirementOptions are pip's options behind a requirement, beside --hash.
var requirementOptions = []string{"--global-option", "--config-settings", "--config-setting", "--install-option"}

// fileOptions are pip's options that may stand on a line of their own (pip's documentation,
// Requirements File Format, Global options), and some that old files have.
var fileOptions = []string{
	"--requirement", "--constraint", "--editable", "--index-url", "--extra-index-url", "--no-index", "--find-links",
	"--no-binary", "--only-binary", "--prefer-binary", "--require-hashes", "--pre", "--trusted-host", "--use-feature",
	"--always-unzip", "--use-wheel", "--no-use-wheel", "--allow-external", "--allow-unverified", "--process-dependency-links", "--pypi-url",
}

var shortOptions = map[string]string{
	"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links", "-Z": "--always-unzip",
}

// splitOption gives the long name of an option and its value, as in --name=value, --name value, -r
// value and -rvalue.
func splitOption(text string) (name, value string) {
	if !strings.HasPrefix(text, "--") && len(text) >= 2 {
		name, value = text[:2], strings.TrimPrefix(text[2:], "=")
		if long := shortOptions[name]; long != "" {
			name = long
		}
	} else if i := strings.IndexAny(text, "= \t"); i >= 0 {
		name, value = text[:i], text[i+1:]
	} else {
		name = text
	}
	value = strings.TrimSpace(value)
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	return name, value
}

// option reads a line that is an option of pip's.
func (r *requirementsReader) option(file, text string, at diag.Position, constraints bool) error {
	name, value := splitOption(text)
	fail := func(format string, args ...any) *diag.Error { return diag.New(diag.Manifest, format, args...).At(at) }
	if withoutSecrets(value) != value {
		at.Source = "" // errors end up in logs
	}
	switch name {
	case "--requirement", "--constraint":
		return r.include(file, name, value, at)
	case "--require-hashes":
		r.mustPin = true
		return nil
	case "--prefer-binary":
		return nil // wheels are preferred anyway
	case "--only-binary":
		if value == ":none:" {
			return fail("--only-binary :none: is not supported yet").Hint("take the line out: envpack installs wheels only")
		}
		return nil // only wheels are installed
	case "--pre":
		return fail("--pre is not read here").Hint("write into the manifest:\n    [resolver]\n    prereleases = \"allow\"")
	case "--index-url", "--pypi-url":
		return fail("%s is not supported yet", name).
			Hint("write into the manifest:\n    [[index]]\n    name = \"main\"\n    url = %q\n    default = true", withoutSecrets(value))
	case "--extra-index-url":
		return fail("%s is not supported: any package could come from either index", name).
			Hint("write into the manifest, with the packages that come from it:\n    [[index]]\n    name = \"extra\"\n    url = %q\n    packages = [\"…\"]", withoutSecrets(value))
	case "--find-links":
		key, place := "path", strings.TrimPrefix(value, "file://")
		if strings.Contains(place, "://") {
			key, place = "url", withoutSecrets(value)
		}
		return fail("%s is not read here: any package could come from there", name).
			Hint("write into the manifest, with the packages that come from it:\n    [[index]]\n    name = \"links\"\n    %s = %q\n    format = \"flat\"\n    packages = [\"…\"]", key, place)
	case "--editable":
		return r.editable(file, value, at, constraints)
	}
	if known(fileOptions, name) {
		return notYet(fail("option %s is not supported yet", name), name)
	}
	e := fail("unknown option %s", name)
	if near := nearest(name, fileOptions); near != "" {
		return e.Hint("did you mean %s?", near)
	}
	return e
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

// withoutSecrets is an address without credentials.
func withoutSecrets(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return address
	}
	host, path, slash := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	if slash {
		host += "/" + path
	}
	return scheme + "://" + host
}

// editable reads what -e names: a folder or a repository, which is locked as any other.
func (r *requirementsReader) editable(file, value string, at diag.Position, constraints bool) error {
	if constraints {
		return diag.New(diag.Manifest, "a constraint cannot be editable").At(at).Hint("take the -e away")
	}
	got, err := r.m.bare(value, nil, filepath.Dir(file), at)
	if err != nil {
		return err
	}
	if k := got.Direct.Kind(); k != direct.Folder && k != direct.Repository {
		return diag.New(diag.Manifest, "-e is for folders and repositories").At(at).Hint("take the -e away")
	}
	return r.add(got, constraints)
}
