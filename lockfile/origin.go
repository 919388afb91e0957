package lockfile

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Origin says for people where a package comes from.
func (p Package) Origin() string {
	switch {
	case p.Git != "":
		text := p.Git + " at " + p.Commit
		if p.Subdirectory != "" {
			text += " in " + p.Subdirectory
		}
		return text
	case p.URL != "" || p.Path != "":
		return p.URL + p.Path
	}
	return cmp.Or(p.Index, "the default index")
}

// origin holds what a package says of where it comes from to its form. at is the package's path with its dot.
func (v *validator) origin(at string, p Package) {
	given := 0
	for _, text := range []string{p.Index, p.URL, p.Path, p.Git} {
		if text != "" {
			given++
		}
	}
	if given > 1 {
		v.fail(at+"name", "%s comes from one place: only one of index, url, path and git can be given", p.Name)
	}
	if len(p.Files) == 0 {
		v.platforms(at+"targets", p.Targets, false)
		if len(p.Targets) == 0 || p.Path == "" && p.Git == "" {
			v.fail(at+"file", "is missing: no target installs %s", p.Name)
		}
	} else if len(p.Targets) > 0 {
		v.fail(at+"targets", "the files of %s say which targets install it", p.Name)
	}
	if p.URL != "" {
		v.address(at+"url", p.URL)
		if strings.Contains(p.URL, "#") {
			v.fail(at+"url", "a fragment has no place here")
		}
	}
	if p.Path != "" && (path.Clean(p.Path) != p.Path || strings.ContainsAny(p.Path, "\\\x00")) {
		v.fail(at+"path", "%q is not a path in its shortest form", p.Path)
	}
	if p.Subdirectory != "" && (path.Clean(p.Subdirectory) != p.Subdirectory || path.IsAbs(p.Subdirectory) || strings.HasPrefix(p.Subdirectory, "..")) {
		v.fail(at+"subdirectory", "%q is not a folder below the root", p.Subdirectory)
	}
	switch {
	case p.Git != "":
		v.repository(at+"git", p.Git)
		v.form(at+"commit", p.Commit, gitCommit, "the full hash of a commit")
		if p.Revision != "" && (strings.HasPrefix(p.Revision, "-") || strings.ContainsAny(p.Revision, "~^:?*[\\") || strings.Contains(p.Revision, "..") ||
			strings.ContainsFunc(p.Revision, func(r rune) bool { return r <= ' ' || r == 0x7f })) { // git-check-ref-format; git would read an option
			v.fail(at+"revision", "%q is not the name of a branch, tag or commit", p.Revision)
		}
	case p.Commit+p.Revision != "":
		v.fail(at+"git", "is missing: there is a commit or a revision")
	}
	switch folder := p.Path != "" && (len(p.Files) == 0 || p.built() && len(p.Sources) == 0); {
	case folder:
		v.hash(at+"tree", p.Tree)
	case p.Tree != "":
		v.fail(at+"tree", "only a folder has one")
	}
	if p.Path != "" && len(p.Files) == 1 && p.Files[0].Build == "" && p.Files[0].Name != path.Base(p.Path) {
		v.fail(at+"path", "its file is %s", p.Files[0].Name)
	}
	if p.Path != "" && len(p.Sources) == 1 && p.Sources[0].Name != path.Base(p.Path) {
		v.fail(at+"path", "its file is %s", p.Sources[0].Name)
	}
}

// repository holds the address of one to what a manifest may name: a protocol that fetches and runs nothing of this machine's, and
// no credentials but the user of ssh, who is the same for all.
func (v *validator) repository(at, address string) {
	u, err := url.Parse(address)
	if err != nil || u.User == nil || u.Scheme != "ssh" {
		v.address(at, address)
	} else if _, secret := u.User.Password(); secret {
		v.fail(at, "holds credentials, which do not belong into a lock")
	}
	if err == nil && !slices.Contains([]string{"https", "http", "ssh", "file", "git"}, u.Scheme) {
		v.fail(at, "nothing is known to be fetched by %q", u.Scheme)
	}
	if err == nil && strings.HasPrefix(u.Host, "-") {
		v.fail(at, "is not an address")
	}
}
