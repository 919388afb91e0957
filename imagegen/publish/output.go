package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/envpack/envpack/imagegen/publish/imagefile"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// Form is the form of an output.
type Form string

// The forms of outputs.
const (
	Layout        Form = "oci"            // a folder: OCI image layout
	LayoutArchive Form = "oci-archive"    // a tar of one
	DockerArchive Form = "docker-archive" // the same with Docker's manifest.json: what every engine loads
	DockerDaemon  Form = "docker-daemon"  // into a Docker engine that runs
)

// Output is where an image is to be written.
type Output struct {
	Form Form
	// Path is that of the folder or file, as it was given, or "-" for standard output; for an engine, the name that the image
	// gets there, "" for its own.
	Path string
}

// IsStdout tells whether the output is standard output.
func (o Output) IsStdout() bool { return o.Path == "-" }

// IsPlace tells whether the output is a file or a folder.
func (o Output) IsPlace() bool { return !o.IsStdout() && o.Form != DockerDaemon }

// Passes tells whether what is written is gone, as into a pipe, and cannot be written again.
func (o Output) Passes() bool {
	if !o.IsPlace() {
		return o.IsStdout()
	}
	info, err := os.Stat(o.Path)
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

func (o Output) String() string { return string(o.Form) + ":" + o.Path }

// forms is the hint of every wrong output.
const forms = "the outputs are oci:DIR, oci-archive:FILE and docker-archive:FILE, FILE being - for standard output, and docker-daemon:NAME"

// stdouts are names of standard output. It may be a file, which must not be replaced by another.
var stdouts = []string{"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}

// ParseOutput reads FORM:PATH. Every error is a usage error that lists the forms.
func ParseOutput(s string) (Output, error) {
	form, path, ok := strings.Cut(s, ":")
	wrong := func(format string, args ...any) (Output, error) {
		return Output{}, diag.New(diag.Usage, format, args...).Hint(forms)
	}
	switch {
	case !ok:
		return wrong("output %q does not say in which form", s)
	case form == string(DockerDaemon):
		if path != "" {
			if _, err := ParseReference(path); err != nil {
				return Output{}, err
			}
		}
		return Output{DockerDaemon, path}, nil
	case form != string(Layout) && form != string(LayoutArchive) && form != string(DockerArchive):
		return wrong("output %q: there is no form %q", s, form)
	case path == "":
		return wrong("output %q has no path", s)
	case slices.Contains(stdouts, path):
		if form == string(Layout) {
			return wrong("output %q: an image layout is a folder, which standard output cannot hold", s)
		}
		return Output{Form(form), "-"}, nil
	}
	if dir, tag, ok := cutTag(path); ok {
		return Output{}, diag.New(diag.Usage, "output %q has a colon behind its path", s).
			Hint("the image's name does not stand in the output but in --tag: -o %s:%s --tag …:%s", form, dir, tag)
	}
	return Output{Form(form), path}, nil
}

// drive is how a path on Windows begins that names its drive.
var drive = pattern.New(`^[A-Za-z]:\\`)

// cutTag cuts what follows the last part of a path after a colon: other tools write an image's name there. The colon of a
// drive is none.
func cutTag(p string) (before, tag string, ok bool) {
	last := max(strings.LastIndexByte(p, '/'), strings.LastIndexByte(p, filepath.Separator)) + 1
	if last == 0 && drive().MatchString(p) {
		last = len("C:")
	}
	name, tag, ok := strings.Cut(p[last:], ":")
	return p[:last] + name, tag, ok
}

// CheckApart refuses outputs of one build that are in each other's way. Errors are usage errors.
func CheckApart(outputs []Output) error {
	for i, a := range outputs {
		for _, b := range outputs[:i] {
			if a.Form == DockerDaemon || b.Form == DockerDaemon {
				if a == b {
					return diag.New(diag.Usage, "the output %s is given twice", a)
				}
				continue
			}
			switch x, y := real(a.Path), real(b.Path); {
			case a.IsStdout() != b.IsStdout():
			case x == y:
				return diag.New(diag.Usage, "the outputs %s and %s are the same place", b, a)
			case a.Form == Layout && strings.HasPrefix(y, x+string(filepath.Separator)), b.Form == Layout && strings.HasPrefix(x, y+string(filepath.Separator)):
				return diag.New(diag.Usage, "the outputs %s and %s lie in one another", b, a).
					Hint("an image layout holds its own files alone")
			}
		}
	}
	return nil
}

// real is the path with the links of what is there of it followed.
func real(p string) string {
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	rest := ""
	for dir := abs; ; dir = filepath.Dir(dir) {
		if there, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(there, rest)
		}
		if filepath.Dir(dir) == dir {
			return abs
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

// checkAround refuses a place in an image layout, whose files are its own.
func (o Output) checkAround() error {
	place := real(o.Path)
	for dir := filepath.Dir(place); ; dir = filepath.Dir(dir) {
		if imagefile.IsLayout(dir) {
			return diag.New(diag.Usage, "output %s: it would lie in %s, which is an image layout", o, dir).
				Hint("choose a place outside of it")
		}
		if filepath.Dir(dir) == dir {
			return nil
		}
	}
}

// Check finds out what can be known before an image is made: whether there is a place for the output,
// whether it would replace something that is no image, and whether its form holds so many platforms. It makes nothing. Errors are usage errors, or those of
// looking.
func (o Output) Check(platforms int) error {
	if o.Form != Layout && o.Form != LayoutArchive && platforms > 1 {
		return tooMany(o.Form, platforms)
	}
	if !o.IsPlace() {
		return nil
	}
	info, err := os.Stat(o.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diag.Wrap(err, diag.Usage, "output %s", o)
	}
	there := err == nil
	if err := o.checkAround(); err != nil {
		return err
	}
	switch {
	case o.Form == Layout && there && !info.IsDir():
		return diag.New(diag.Usage, "output %s: %s is a file", o, o.Path).Hint(forms)
	case o.Form == Layout:
		return checkFolder(o.Path)
	case there && info.IsDir():
		return diag.New(diag.Usage, "output %s: %s is a folder", o, o.Path).Hint(forms)
	case there:
		return o.checkFile(info)
	}
	if parent, err := os.Stat(filepath.Dir(o.Path)); err != nil || !parent.IsDir() {
		return diag.New(diag.Usage, "output %s: there is no folder %s", o, filepath.Dir(o.Path))
	}
	return nil
}

// temporary is a name that newfile gives: what an interrupted write leaves.
var temporary = pattern.New(`\.[0-9]+\.[0-9]+\.tmp$`)

// checkFile refuses to replace a file that is no image: the name is then likely a mistake, and the file may be
// the manifest. Pipes and devices as /dev/null are written to, so they lose nothing; a disk would.
func (o Output) checkFile(info fs.FileInfo) error {
	if kind := info.Mode().Type(); kind&fs.ModeSocket != 0 || kind&fs.ModeDevice != 0 && kind&fs.ModeCharDevice == 0 {
		return diag.New(diag.Usage, "output %s: %s is neither a file nor a pipe", o, o.Path).Hint(forms)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || temporary().MatchString(o.Path) {
		return nil
	}
	file, err := filepath.EvalSymlinks(o.Path)
	if err != nil {
		return diag.Wrap(err, diag.Usage, "output %s", o)
	}
	is, err := imagefile.IsArchive(file)
	if err != nil {
		return diag.Wrap(err, diag.Usage, "output %s", o)
	}
	if !is {
		return diag.New(diag.Usage, "output %s: %s is a file that is not an image archive, and would be lost", o, o.Path).
			Hint("choose another name, or remove it")
	}
	return nil
}

// Reference is a name that an image can be pushed to: registry, repository and tag.
type Reference struct {
	given string
	tag   name.Tag
}

// ParseReference reads [REGISTRY/]REPOSITORY[:TAG], with Docker's defaults for what is missing. A reference
// by digest is none, since the image decides its digest. Every error is a usage error.
func ParseReference(s string) (Reference, error) {
	bad := func(why string) (Reference, error) {
		return Reference{}, diag.New(diag.Usage, "%q is not a valid image reference: %s", s, why).
			Hint("a reference is REGISTRY/REPOSITORY:TAG, as in registry.example/team/digits:v1, with a repository in lower case")
	}
	if strings.Contains(s, "@") {
		return bad("a digest cannot be chosen, only a tag")
	}
	tag, err := name.NewTag(s)
	if err != nil {
		return bad(strings.TrimSuffix(err.Error(), "\n"))
	}
	return Reference{given: s, tag: tag}, nil
}

// String is the reference as it was given, with its tag: the name by which engines will know the image.
func (r Reference) String() string {
	if strings.HasSuffix(r.given, ":"+r.tag.TagStr()) {
		return r.given
	}
	return r.given + ":" + r.tag.TagStr()
}

// IsZero tells whether there is no reference.
func (r Reference) IsZero() bool { return r.given == "" }

// Tag is the part behind the colon.
func (r Reference) Tag() string { return r.tag.TagStr() }

// Registry is the host, and the port if there is one.
func (r Reference) Registry() string { return r.tag.RegistryStr() }
