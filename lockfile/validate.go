package lockfile

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	hexHash    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	ociDigest  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	pythonName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) // normalised, PEP 503
	debName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)   // Debian Policy 5.6.1
	platformID = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$`)
	pythonFull = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+[a-z0-9+]*$`)
	abiTag     = regexp.MustCompile(`^[a-z]+[0-9]+[a-z]*$`)
	libcNumber = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	kindFormat = regexp.MustCompile(`^[a-z]+/[0-9]+$`)
	port       = regexp.MustCompile(`^[0-9]{1,5}/(tcp|udp|sctp)$`)
	plainFile  = regexp.MustCompile(`^[^/\\\x00]+\.(whl|tar\.gz|zip)$`)
	gitCommit  = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	specifiers = regexp.MustCompile(`^(===?|[~!<>]=|[<>])[^\s\x00-\x1f\x7f,;\[\]]+(,(===?|[~!<>]=|[<>])[^\s\x00-\x1f\x7f,;\[\]]+)*$`)
	oneWord    = regexp.MustCompile(`^[^\s\x00-\x1f\x7f]+$`)
)

// Validate tells whether the lock makes sense by itself: every fact that is needed is there and has its
// form; what is referred to exists; no target has two versions of one package; an edge ends at a package
// that the same target installs. The error is an *[InvalidError], of the first fact in the order of the
// file that is wrong. Only [Encode]'s order is not asked for.
func (l *Lock) Validate() error {
	_, broken := encode(l)
	return l.validate(broken)
}

// validate is Validate for a lock with these strings that are not UTF-8.
func (l *Lock) validate(broken []string) (err error) {
	v := &validator{lock: l, targets: map[string]bool{}, indexes: map[string]bool{}, builds: map[string]bool{}, installed: map[string]bool{}}
	defer func() {
		if r := recover(); r != nil {
			invalid, ok := r.(*InvalidError)
			if !ok {
				panic(r)
			}
			err = invalid
		}
	}()
	if len(broken) > 0 {
		v.fail("project", "the string %q is not UTF-8", broken[0])
	}
	v.targetList()
	v.project()
	v.image()
	v.gpu()
	v.indexList()
	v.base()
	v.buildList()
	v.packages()
	v.dataFiles()
	v.choices()
	v.seals()
	return nil
}

// validator walks through a lock. Its methods panic with the *InvalidError that Validate returns.
type validator struct {
	lock      *Lock
	targets   map[string]bool
	indexes   map[string]bool
	builds    map[string]bool // by ID
	installed map[string]bool // "platform name": a package is installed on the platform
}

func (v *validator) fail(path, format string, args ...any) {
	panic(&InvalidError{Path: path, Msg: fmt.Sprintf(format, args...)})
}

// form fails unless the value has the form; what says in words which one that is.
func (v *validator) form(at, value string, form *regexp.Regexp, what string) {
	if value == "" {
		v.fail(at, "is missing")
	}
	if !form.MatchString(value) {
		v.fail(at, "%q is not %s", value, what)
	}
}

func (v *validator) hash(at, value string) {
	v.form(at, value, hexHash, "a SHA-256 of 64 hexadecimal digits")
}
func (v *validator) digest(at, value string) {
	v.form(at, value, ociDigest, "a digest: sha256: and 64 hexadecimal digits")
}

func (v *validator) size(at string, n int64) {
	if n <= 0 {
		v.fail(at, "is missing or not positive")
	}
}

// instant fails for years that RFC 3339 cannot write.
func (v *validator) instant(at string, t time.Time) {
	if !t.IsZero() && (t.UTC().Year() < 1 || t.UTC().Year() > 9999) {
		v.fail(at, "the year %d cannot be written", t.UTC().Year())
	}
}

func (v *validator) platforms(at string, list []string, needed bool) {
	if needed && len(list) == 0 {
		v.fail(at, "is missing")
	}
	for i, p := range list {
		if !v.targets[p] {
			v.fail(fmt.Sprintf("%s[%d]", at, i), "there is no target %q", p)
		}
		if slices.Contains(list[:i], p) {
			v.fail(fmt.Sprintf("%s[%d]", at, i), "%s stands twice", p)
		}
	}
}

func (v *validator) targetList() {
	if len(v.lock.Targets) == 0 {
		v.fail("target", "is missing: a lock has one target or more")
	}
	for i, t := range v.lock.Targets {
		at := fmt.Sprintf("target[%d].", i)
		v.form(at+"platform", t.Platform, platformID, "a platform such as linux/amd64")
		if v.targets[t.Platform] {
			v.fail(at+"platform", "%s stands twice", t.Platform)
		}
		v.targets[t.Platform] = true
		v.form(at+"python", t.Python, pythonFull, "a full Python version such as 3.11.2")
		v.form(at+"abi", t.ABI, abiTag, "an ABI tag such as cp311")
		if t.Glibc != "" {
			v.form(at+"glibc", t.Glibc, libcNumber, "a glibc version such as 2.36")
		}
		if t.Musl != "" {
			v.form(at+"musl", t.Musl, libcNumber, "a musl version such as 1.2")
			if t.Glibc != "" {
				v.fail(at+"musl", "there is glibc as well")
			}
		}
	}
}

func (v *validator) project() {
	p := v.lock.Project
	if p.Name == "" {
		v.fail("project.name", "is missing")
	}
	if p.Manifest != "" { // a projection has none
		v.hash("project.manifest", p.Manifest)
	}
	v.groups("project.groups", p.Groups)
	v.groups("project.without-groups", p.WithoutGroups)
	v.instant("project.as-of", p.AsOf)
}

func (v *validator) groups(at string, names []string) {
	for i, name := range names {
		v.form(fmt.Sprintf("%s[%d]", at, i), name, pythonName, "a normalised name of a group")
	}
}

func (v *validator) image() {
	m := v.lock.Image
	if m.User != "app" && m.User != "root" {
		v.fail("image.user", "must be app or root, not %q", m.User)
	}
	absolute := func(at, p string) {
		if !path.IsAbs(p) || path.Clean(p) != p {
			v.fail(at, "%q is not an absolute path in its shortest form", p)
		}
	}
	absolute("image.workdir", m.Workdir)
	for i, p := range m.Ports {
		v.form(fmt.Sprintf("image.ports[%d]", i), p, port, "a port such as 8080/tcp")
	}
	for i, p := range m.Volumes {
		absolute(fmt.Sprintf("image.volumes[%d]", i), p)
	}
	for i, p := range m.Include {
		if p == "" {
			v.fail(fmt.Sprintf("image.include[%d]", i), "is empty")
		}
	}
	v.variables("image.env.", m.Env)
	if _, ok := m.Labels[""]; ok {
		v.fail("image.labels", "a label has no name")
	}
}

// variables fails for what no environment of a process can have. at ends with a dot.
func (v *validator) variables(at string, env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(env[name], "\x00") {
			v.fail(at+name, "is not a variable that a process can have")
		}
	}
}

func (v *validator) indexList() {
	for i, x := range v.lock.Indexes {
		at := fmt.Sprintf("index[%d].", i)
		v.form(at+"name", x.Name, oneWord, "a name without blanks")
		if v.indexes[x.Name] {
			v.fail(at+"name", "%s stands twice", x.Name)
		}
		v.indexes[x.Name] = true
		switch {
		case x.Variant != "":
			v.form(at+"variant", x.Variant, oneWord, "a word")
			if x.URL+x.Path+x.Format != "" {
				v.fail(at+"variant", "there is an address or a format as well")
			}
		case x.Path == "":
			v.address(at+"url", x.URL)
		case x.URL != "":
			v.fail(at+"path", "there is an address as well")
		case path.Clean(x.Path) != x.Path || strings.ContainsAny(x.Path, "\\\x00"):
			v.fail(at+"path", "%q is not a path in its shortest form", x.Path)
		}
		if x.Format != "" && x.Format != FlatIndex {
			v.fail(at+"format", "there is no form of an index called %q", x.Format)
		}
	}
}

func (v *validator) address(at, address string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		v.fail(at, "is missing")
	case err != nil || u.Scheme == "":
		v.fail(at, "is not an address")
	case u.User != nil:
		v.fail(at, "holds credentials, which do not belong into a lock")
	}
}

func (v *validator) choices() {
	seen := map[string]bool{}
	for i, c := range v.lock.Choices {
		at := fmt.Sprintf("choice[%d].", i)
		v.form(at+"kind", c.Kind, oneWord, "a word")
		if !slices.Contains(choiceKinds, c.Kind) { // what it decides might be of the image
			panic(&InvalidError{Path: at + "kind", Msg: fmt.Sprintf("%q is no kind of choice that this envpack knows", c.Kind), Unknown: true})
		}
		if c.Name == "" {
			v.fail(at+"name", "is missing")
		}
		if c.Target != "" && !v.targets[c.Target] {
			v.fail(at+"target", "there is no target %q", c.Target)
		}
		if c.Kind == OwnerChoice {
			if path.Clean(c.Name) != c.Name || c.Name == "." || c.Name == "/" || c.Name == ".." || strings.HasPrefix(c.Name, "../") || strings.ContainsAny(c.Name, "\\\x00") {
				v.fail(at+"name", "%q is not a path in its shortest form", c.Name)
			}
			v.form(at+"value", c.Value, pythonName, "a normalised name of a package")
		}
		key := c.Kind + "\x00" + c.Name + "\x00" + c.Target
		if c.Kind == RecordChoice {
			key += "\x00" + c.Value // a RECORD can be wrong in several ways
		}
		if seen[key] {
			v.fail(at+"name", "the choice of %s %s stands twice", c.Kind, c.Name)
		}
		seen[key] = true
	}
}

func (v *validator) seals() {
	seen := map[string]bool{}
	for i, s := range v.lock.Seals {
		at := fmt.Sprintf("seal[%d].", i)
		if !v.targets[s.Platform] {
			v.fail(at+"platform", "there is no target %q", s.Platform)
		}
		if seen[s.Platform] {
			v.fail(at+"platform", "%s is sealed twice", s.Platform)
		}
		seen[s.Platform] = true
		if s.Closed() {
			v.digest(at+"environment", s.Environment)
		} else if s.Project != "" || s.Image != "" {
			v.fail(at+"environment", "is missing: a seal with the digest of an image has that of its environment")
		} else if n := len(s.Layers); n > 0 && s.Layers[n-1].Name != "lock" {
			v.fail(at+"layer", "the last is not that of the lock, by which a seal without an image is known to be of this lock")
		}
		if s.Project != "" || s.Image != "" {
			v.hash(at+"project", s.Project)
			v.digest(at+"image", s.Image)
		}
		if len(s.Layers) == 0 {
			v.fail(at+"layer", "is missing: a sealed image has layers")
		}
		names := map[string]bool{}
		for j, y := range s.Layers {
			at := fmt.Sprintf("seal[%d].layer[%d].", i, j)
			if y.Name == "" || names[y.Name] {
				v.fail(at+"name", "%q is missing or stands twice", y.Name)
			}
			names[y.Name] = true
			v.form(at+"kind", y.Kind, kindFormat, "a kind and its format, such as wheel/1")
			v.hash(at+"inputs", y.Inputs)
			if len(y.With) > 0 && y.Digest != "" {
				v.fail(at+"with", "is of a layer that nobody has made, and this one has a digest")
			}
			if y.Digest == "" && y.DiffID == "" && y.Size == 0 && !s.Closed() && j < len(s.Layers)-1 {
				continue
			}
			v.digest(at+"digest", y.Digest)
			v.digest(at+"diff-id", y.DiffID)
			v.size(at+"size", y.Size)
		}
	}
}
