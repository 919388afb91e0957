// Package direct is direct references: packages that a requirement names by the address of a file, a
// folder or a repository instead of a version in an index (PEP 508, name @ URL; PyPA, Direct URL).
//
// It takes addresses apart and does no I/O. Paths become relative to the project where they were written
// so, or lie in it, since a lock has to mean the same on another machine; as in uv, a path that was
// written from the root and lies elsewhere stays as it is.
package direct

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// Kind is what a reference leads to.
type Kind int

// The kinds of references.
const (
	Wheel Kind = iota
	Sdist
	Folder
	Repository
)

// Reference is an address, taken apart. One of URL, Path and Git is set.
type Reference struct {
	URL          string // of a file, http or https, without fragment
	Path         string // of a file or folder, with slashes: relative to the project, or absolute
	Git          string // of a repository, without "git+", revision and fragment
	Revision     string // branch, tag or commit; "": the default branch
	Subdirectory string // of an archive, folder or repository; "": its root
	SHA256       string // of the file, as the address promises it; "": it does not
	Sums         string // other hashes of the file that the address promises, as fragments are written, in order: "md5=…&sha512=…"
	Egg          string // the name that the fragment gives a package; "": none
}

// Place is where an address was written.
type Place struct {
	Project string // the project's folder, absolute
	Folder  string // relative paths begin here, absolute; "": nothing on this machine may be named
}

// ErrCredentials says that an address holds credentials, which would get into the lock.
var ErrCredentials = errors.New("the address holds credentials")

// SignedError says that the query of an address holds credentials, which would get into the lock. It is [ErrCredentials].
type SignedError struct {
	Parameter string // of the query, as "X-Amz-Signature"
}

// Error implements error.
func (e *SignedError) Error() string {
	return fmt.Sprintf("%v, in %s of its query", ErrCredentials, e.Parameter)
}

func (e *SignedError) Unwrap() error { return ErrCredentials }

// Error says why an address cannot be followed.
type Error struct {
	Msg  string
	Hint string // what to do; may be ""
}

// Error implements error.
func (e *Error) Error() string { return e.Msg }

// notHere is the hint for what comes from elsewhere and names what this machine has.
const notHere = "what comes from elsewhere cannot name it; the manifest can"

func fail(hint, format string, args ...any) (Reference, error) {
	return Reference{}, &Error{fmt.Sprintf(format, args...), hint}
}

var (
	versionControl = pattern.New(`^(?i:git|hg|svn|bzr)\+`)
	fragmentForm   = pattern.New(`^#(md5|sha1|sha224|sha256|sha384|sha512|subdirectory|egg)=`)
)

// Parse reads an address: http, https or file, git+SCHEME, or a path.
//
// Errors: [ErrCredentials], which *[SignedError] is; *[Error].
func Parse(address string, at Place) (Reference, error) {
	scheme, _, hasScheme := strings.Cut(address, ":")
	if version := versionControl().MatchString(address); !version && (!hasScheme || strings.ContainsAny(scheme, "/\\.") || len(scheme) == 1) { // one letter is a drive
		fragment := ""
		if i := strings.LastIndexByte(address, '#'); i >= 0 && fragmentForm().MatchString(address[i:]) {
			address, fragment = address[:i], address[i+1:] // else it belongs to the name
		}
		return local(address, at, fragment)
	}
	body, fragment, _ := strings.Cut(address, "#")
	var r Reference
	var err error
	switch scheme = strings.ToLower(scheme); {
	case scheme == "http" || scheme == "https":
		r, err = remote(body)
	case scheme == "file":
		u, bad := url.Parse(body)
		if bad != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" {
			return fail("as in file:///folder/name-1.0-py3-none-any.whl", "%q is not the address of a file on this machine", address)
		}
		return local(u.Path, at, fragment)
	case strings.HasPrefix(scheme, "git+"):
		r, err = repository(body[len("git+"):])
		if err == nil && at.Folder == "" && strings.HasPrefix(r.Git, "file:") {
			return fail(notHere, "a repository of this machine cannot be named here")
		}
	case strings.Contains(scheme, "+"):
		return fail("name an archive, or a repository of git: git+https://…", "of version control systems only git is known, not %s", strings.Split(scheme, "+")[0])
	default:
		return fail("", "nothing is known to be fetched by %s", scheme)
	}
	if err != nil {
		return Reference{}, err
	}
	err = r.fragment(fragment)
	return r, err
}

// escaped is the hint for what cannot be read as an address.
const escaped = "it is https://, a host, perhaps a port, and a path, in which a blank is %20 and % is %25; a user and a password belong into ~/.netrc"

// remote is the address of a file.
func remote(address string) (Reference, error) {
	u, err := url.Parse(address)
	if err != nil { // it may hold a part of a password
		return fail(escaped, "that is not an address")
	}
	if u.Host == "" {
		return fail("", "%q is not an address", address)
	}
	if u.User != nil {
		return Reference{}, ErrCredentials
	}
	if name := diag.SecretParameter(u.RawQuery); name != "" {
		return Reference{}, &SignedError{name}
	}
	r := Reference{URL: u.String()}
	if !isArchive(r.Filename()) {
		return fail("a repository is named by git+https://…", "the address leads neither to a wheel nor to a source distribution (.whl, .tar.gz, .zip)")
	}
	return r, nil
}

// local is a path.
func local(address string, at Place, fragment string) (Reference, error) {
	if at.Folder == "" {
		return fail(notHere, "a file or folder of this machine cannot be named here")
	}
	if strings.ContainsAny(address, "\x00\n") || address == "" {
		return fail("", "%q is not a path", address)
	}
	name := filepath.FromSlash(address)
	absolute := filepath.IsAbs(name)
	if !absolute {
		name = filepath.Join(at.Folder, name)
	}
	name = filepath.Clean(name)
	r := Reference{Path: filepath.ToSlash(name)}
	if rel, err := filepath.Rel(at.Project, name); err == nil {
		inside := rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
		if inside || !absolute {
			r.Path = filepath.ToSlash(rel)
		}
	}
	if i := strings.LastIndexByte(r.Path, '#'); i >= 0 && fragmentForm().MatchString(r.Path[i:]) { // it could not be told from a fragment
		return fail("move it, or name it otherwise", "a path with %q in it cannot be named", fragmentForm().FindString(r.Path[i:]))
	}
	err := r.fragment(fragment)
	return r, err
}

// repositories is the hint for what is not the address of one.
const repositories = "as in git+https://git.example/team/repository@v1.0 or git+ssh://git@git.example/team/repository"

// repository is an address behind git+, with the revision behind an at sign in its path (pip's
// documentation, VCS support).
func repository(address string) (Reference, error) {
	u, err := url.Parse(address)
	if err != nil { // it may hold a part of a password
		return fail(repositories, "that is not the address of a repository")
	}
	if u.Scheme == "" || u.Path == "" || u.Scheme != "file" && u.Host == "" {
		return fail(repositories, "%q is not the address of a repository", address)
	}
	switch u.Scheme {
	case "https", "http", "ssh", "file", "git":
	default:
		return fail("", "nothing is known to be fetched by git+%s", u.Scheme)
	}
	if u.User != nil {
		if _, secret := u.User.Password(); secret || u.Scheme != "ssh" {
			return Reference{}, ErrCredentials
		}
	}
	if name := diag.SecretParameter(u.RawQuery); name != "" {
		return Reference{}, &SignedError{name}
	}
	r := Reference{}
	if i := strings.LastIndexByte(u.Path, '@'); i >= 0 {
		r.Revision = u.Path[i+1:]
		u.Path, u.RawPath = u.Path[:i], ""
		if r.Revision == "" || strings.HasPrefix(r.Revision, "-") || strings.ContainsAny(r.Revision, " \t\n~^:?*[\\") || strings.Contains(r.Revision, "..") {
			return fail("", "%q is not the name of a branch, tag or commit", r.Revision)
		}
	}
	r.Git = u.String()
	return r, nil
}

func isArchive(name string) bool {
	return strings.HasSuffix(name, ".whl") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".zip")
}

// Kind is what the reference leads to, as far as its name says it.
func (r *Reference) Kind() Kind {
	switch name := r.Filename(); {
	case r.Git != "":
		return Repository
	case strings.HasSuffix(name, ".whl"):
		return Wheel
	case isArchive(name):
		return Sdist
	}
	return Folder
}

// Filename is the last part of the address, unescaped.
func (r *Reference) Filename() string {
	if r.Path != "" {
		return path.Base(r.Path)
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return path.Base(u.Path)
}

// Name is the package that the reference is of, normalised, as far as the address says it; else "".
func (r *Reference) Name() string {
	if w, err := tags.ParseWheel(r.Filename()); err == nil {
		return w.Name
	}
	if name, _, err := tags.ParseSdist(r.Filename()); err == nil && r.Egg == "" && r.Git == "" && pep508.IsNormal(name) {
		return name
	}
	return r.Egg
}

// Same tells whether two references lead to the same. They do not if they promise different hashes.
func (r *Reference) Same(o *Reference) bool {
	for algorithm, value := range o.EachSum() {
		if mine := *r; !mine.promise(algorithm, value) {
			return false
		}
	}
	return r.URL == o.URL && r.Path == o.Path && r.Git == o.Git && r.Revision == o.Revision && r.Subdirectory == o.Subdirectory &&
		(r.SHA256 == "" || o.SHA256 == "" || r.SHA256 == o.SHA256)
}

// String is the address in one form, which [Parse] reads as the same reference in the project's folder.
func (r *Reference) String() string {
	var text string
	switch {
	case r.Git != "":
		text = "git+" + r.Git
		if r.Revision != "" {
			text += "@" + r.Revision
		}
	case r.URL != "":
		text = r.URL
	case path.IsAbs(r.Path):
		text = (&url.URL{Scheme: "file", Path: r.Path}).String()
	default:
		text = "./" + r.Path // ./../x is ../x
	}
	return text + r.suffix()
}
