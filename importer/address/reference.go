package address

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep508"
)

// Reference is a direct reference, taken apart.
type Reference struct {
	Name    string // of the package, as far as it can be told
	Guessed bool   // the name is that of the repository or archive, which need not be the package's
	Extras  []string
	Address string // as the manifest has it, with paths relative to the project; "" with Version and Forgotten
	Kind    direct.Kind
	// Dir is the folder of the project that it leads to, "." for the project itself; "" for anything else.
	Dir string
	// Version is set where a file of another machine can only be had by its version.
	Version string
	// Forgotten: it leads to where conda built the package on another machine, and says nothing but the name.
	Forgotten bool
	Note      string // what was changed; "" for nothing
}

// root stands for the project's folder, of which nothing else is known here.
var root = filepath.Join(string(filepath.Separator), "project")

var (
	// condaBuilds are folders that conda builds in, which pip freeze names as origins of what conda installed.
	condaBuilds = pattern.New(`(?i)/(feedstock_root|croots?|bld|build_artifacts|conda-bld|80754af9|ci_py[0-9]+|ci_[0-9]+|conda_bld|concourse/worker/volumes)(/|_)|_[0-9]{8,}/work(/|$)`)
	scpForm     = pattern.New(`^(?:git\+)?(?:ssh://)?([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):([A-Za-z0-9._~-][^\s]*)$`)
	eggExtras   = pattern.New(`[#&]egg=[^&\[]*(?:\[|%5B)([A-Za-z0-9._ ,-]*)`)
	pathExtras  = pattern.New(`^(.*[^\[/])\[([A-Za-z0-9._ ,-]*)\]$`)
	hexCommit   = pattern.New(`^[0-9a-f]{40}$`)
	oldSpelling = pattern.New(`^git\+(git|http)://(github\.com|gitlab\.com|bitbucket\.org)/`)
)

// Looks tells whether a text is an address or a path, and no requirement by name.
func Looks(text string) bool {
	text = strings.TrimSpace(text)
	for _, prefix := range []string{".", "/", "http://", "https://", "ftp://", "file:", "git+", "hg+", "svn+", "bzr+", "git://", "git@", "ssh://"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	word, _, _ := strings.Cut(text, ";")
	word = strings.TrimSpace(word)
	if strings.ContainsAny(word, "<>=!~@ ") {
		return false
	}
	return strings.Contains(word, "/") || strings.HasSuffix(word, ".whl") || strings.HasSuffix(word, ".tar.gz") || strings.HasSuffix(word, ".zip")
}

// Refer takes an address apart that stands in a file of a folder of the project ("." for its root). name is what stands before
// it, "" for nothing.
//
// It fails for what the manifest cannot have, saying why.
func Refer(name, text, folder string) (Reference, error) {
	var r Reference
	text = strings.TrimSpace(text)
	address := diag.Strip(text)
	if !strings.Contains(text, "://") {
		address = text
	} else if scheme, rest, ok := strings.Cut(text, "+"); ok && !strings.Contains(scheme, "/") {
		address = scheme + "+" + diag.Strip(rest)
		if strings.HasPrefix(rest, "ssh://") && !strings.Contains(rest, ":@") { // a user alone belongs to the protocol
			if u, err := url.Parse(rest); err == nil && u.User != nil {
				if _, secret := u.User.Password(); !secret {
					address = text
				}
			}
		}
	}
	if address != text {
		r.Note = "credentials are taken out: they belong into ~/.netrc"
	}
	if m := scpForm().FindStringSubmatch(address); m != nil && !strings.Contains(m[3], "://") {
		address = "git+ssh://" + m[1] + "@" + m[2] + "/" + m[3]
		r.Note = "written " + address
	}
	if strings.HasPrefix(address, "git://") || strings.HasPrefix(address, "ssh://") {
		address = "git+" + address
	}
	if m := oldSpelling().FindStringSubmatch(address); m != nil {
		address = "git+https" + strings.TrimPrefix(address, "git+"+m[1])
		r.Note = "by https: this host answers no " + m[1]
	}
	extras := eggExtras().FindStringSubmatch(address)
	if m := pathExtras().FindStringSubmatch(address); m != nil && !strings.Contains(address, "#") {
		address, extras = m[1], []string{"", m[2]}
	}
	if extras != nil {
		for _, e := range strings.Split(extras[1], ",") {
			if e = strings.TrimSpace(e); e != "" {
				r.Extras = append(r.Extras, pep508.NormalizeName(e))
			}
		}
	}
	ref, err := direct.Parse(unfragment(address), direct.Place{Project: root, Folder: filepath.Join(root, filepath.FromSlash(folder))})
	if err != nil {
		var bad *direct.Error
		if errors.As(err, &bad) && bad.Hint != "" {
			return r, fmt.Errorf("%s; %s", bad.Msg, bad.Hint)
		}
		return r, err
	}
	r.Kind = ref.Kind()
	if r.Name = name; r.Name == "" {
		r.Name = ref.Name()
		r.Guessed = false
	}
	if path.IsAbs(ref.Path) || strings.HasPrefix(text, "file:") {
		return elsewhere(r, ref, text)
	}
	if r.Kind == direct.Folder {
		r.Dir = path.Join(ref.Path, ref.Subdirectory)
	}
	if r.Name == "" && r.Kind != direct.Folder {
		r.Name, r.Guessed = guess(ref), true
	}
	r.Address = ref.String()
	return r, nil
}

// unfragment takes parts of the fragment away that mean nothing here.
func unfragment(address string) string {
	body, fragment, ok := strings.Cut(address, "#")
	if !ok || !strings.Contains(address, "://") {
		return address
	}
	var kept []string
	for _, part := range strings.Split(fragment, "&") {
		switch key, value, _ := strings.Cut(part, "="); key {
		case "egg":
			if bare, _, _ := strings.Cut(value, "["); bare != "" {
				if dash := strings.Index(bare, "=="); dash > 0 {
					bare = bare[:dash]
				}
				kept = append(kept, "egg="+bare)
			}
		case "subdirectory", "md5", "sha1", "sha224", "sha256", "sha384", "sha512":
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return body
	}
	return body + "#" + strings.Join(kept, "&")
}

// elsewhere is a file or folder of another machine.
func elsewhere(r Reference, ref direct.Reference, text string) (Reference, error) {
	whole := ref.Path
	if condaBuilds().MatchString(whole) && r.Kind == direct.Folder && r.Name != "" {
		r.Forgotten = true
		r.Note = "it was built by conda on another machine, and its version does not show"
		return r, nil
	}
	if name, version := named(ref); version != "" && (r.Name == "" || pep508.NormalizeName(r.Name) == name) {
		r.Name, r.Version = name, version
		r.Note = "a file of another machine, by its version"
		return r, nil
	}
	return r, fmt.Errorf("%s is a path of another machine; put it into the project, and name it by a path relative to that", text)
}

// named is the package and version that the name of a file has.
func named(ref direct.Reference) (name, version string) {
	base := ref.Filename()
	if stem, ok := strings.CutSuffix(base, ".whl"); ok {
		if parts := strings.Split(stem, "-"); len(parts) >= 5 {
			return pep508.NormalizeName(parts[0]), strings.ReplaceAll(parts[1], "_", "-")
		}
	}
	for _, end := range []string{".tar.gz", ".zip"} {
		if stem, ok := strings.CutSuffix(base, end); ok {
			if i := strings.LastIndexByte(stem, '-'); i > 0 && i+1 < len(stem) && strings.ContainsAny(stem[i+1:i+2], "0123456789") {
				return pep508.NormalizeName(stem[:i]), stem[i+1:]
			}
		}
	}
	return "", ""
}

// guess is the name of a repository, or of that which an archive is of: a code host has archives below …/OWNER/NAME/archive/.
func guess(ref direct.Reference) string {
	address := ref.Git
	if address == "" {
		address = ref.URL
	}
	if ref.Subdirectory != "" && !strings.EqualFold(path.Base(ref.Subdirectory), "python") {
		return clean(path.Base(ref.Subdirectory))
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i, p := range parts {
		if i >= 1 && (p == "archive" || p == "zipball" || p == "tarball" || p == "-" && i+1 < len(parts) && parts[i+1] == "archive") {
			return clean(parts[i-1])
		}
	}
	return clean(strings.TrimSuffix(parts[len(parts)-1], ".git"))
}

var nameForm = pattern.New(`^(?i:[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9])$`)

func clean(name string) string {
	if nameForm().MatchString(name) {
		return name
	}
	return ""
}

// Pinned tells whether an address of a repository names a full commit.
func Pinned(text string) bool {
	body, _, _ := strings.Cut(text, "#")
	i := strings.LastIndexByte(body, '@')
	return i >= 0 && hexCommit().MatchString(body[i+1:])
}
