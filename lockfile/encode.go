package lockfile

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Mark begins every lock.
const Mark = "# Made by envpack."

// header is the first line of every lock.
const header = Mark + " Not to be edited by hand; keep it in version control.\n"

// Encode writes the lock in its one canonical form: TOML 1.0 with one fact a line, keys in a fixed
// order, lists sorted as [Lock.Normalize] says, LF line ends, times as RFC 3339 in UTC. What is zero
// is left out. A list stands on one line if it has one element, else with one element a line.
// The lock itself is not changed, and not validated.
func Encode(l *Lock) []byte {
	return encode(l).Bytes()
}

func encode(l *Lock) *encoder {
	l = l.clone()
	l.Normalize()
	e := &encoder{}
	e.WriteString(header)
	e.number("format", Format)

	e.table("[project]")
	e.text("name", l.Project.Name)
	e.text("manifest", l.Project.Manifest)
	e.list("groups", l.Project.Groups)
	e.list("without-groups", l.Project.WithoutGroups)
	e.time("as-of", l.Project.AsOf)
	e.flag("unscanned", l.Project.Unscanned)
	e.edges(l.Project.Requires)

	e.table("[image]")
	e.list("command", l.Image.Command)
	e.list("ports", l.Image.Ports)
	e.list("volumes", l.Image.Volumes)
	e.text("user", l.Image.User)
	e.text("workdir", l.Image.Workdir)
	e.list("include", l.Image.Include)
	e.dict("image.env", l.Image.Env)
	e.dict("image.labels", l.Image.Labels)

	for _, t := range l.Targets {
		e.table("[[target]]")
		e.text("platform", t.Platform)
		e.text("python", t.Python)
		e.text("abi", t.ABI)
		e.text("glibc", t.Glibc)
		e.text("musl", t.Musl)
	}
	for _, x := range l.Indexes {
		e.table("[[index]]")
		e.text("name", x.Name)
		e.text("url", x.URL)
		e.text("path", x.Path)
		e.text("format", x.Format)
	}
	e.base(l.Base)
	for _, p := range l.Packages {
		e.pkg(p)
	}
	for _, c := range l.Choices {
		e.table("[[choice]]")
		e.text("kind", c.Kind)
		e.text("name", c.Name)
		e.text("value", c.Value)
		e.text("target", c.Target)
		e.text("reason", c.Reason)
	}
	for _, s := range l.Seals {
		e.seal(s)
	}
	return e
}

// encoder is the file so far. Each method writes a line or, for a zero value, none.
type encoder struct {
	bytes.Buffer
	broken []string // strings that are not UTF-8, which TOML cannot hold
}

func (e *encoder) base(b Base) {
	e.table("[base]")
	e.text("distro", b.Distro)
	e.text("codename", b.Codename)
	e.text("format", b.Format)
	e.text("reference", b.Reference)
	e.time("as-of", b.AsOf)
	for _, a := range b.Archives {
		e.table("[[base.archive]]")
		e.text("name", a.Name)
		e.text("url", a.URL)
	}
	for _, r := range b.Releases {
		e.table("[[base.release]]")
		e.text("archive", r.Archive)
		e.text("suite", r.Suite)
		e.time("date", r.Date)
		e.time("valid-until", r.ValidUntil)
		e.text("inrelease", r.InRelease)
		e.list("keys", r.Keys)
	}
	for _, d := range b.Debs {
		e.table("[[base.deb]]")
		e.text("name", d.Name)
		e.text("version", d.Version)
		e.text("architecture", d.Architecture)
		e.text("archive", d.Archive)
		e.text("path", d.Path)
		e.text("sha256", d.SHA256)
		e.number("size", d.Size)
		e.flag("system", d.System)
		e.list("targets", d.Targets)
	}
	for _, i := range b.Images {
		e.table("[[base.image]]")
		e.text("target", i.Target)
		e.text("digest", i.Digest)
		e.text("config", i.Config)
		e.time("created", i.Created)
		e.text("python", i.Python)
		e.number("user-id", i.UserID)
		for _, y := range i.Layers {
			e.table("[[base.image.layer]]")
			e.text("digest", y.Digest)
			e.text("diff-id", y.DiffID)
			e.number("size", y.Size)
			e.text("media-type", y.MediaType)
		}
	}
	for _, i := range b.Interpreters {
		e.table("[[base.interpreter]]")
		e.text("target", i.Target)
		e.text("version", i.Version)
		e.text("archive", i.Archive)
		e.text("path", i.Path)
		e.text("sha256", i.SHA256)
		e.number("size", i.Size)
	}
}

func (e *encoder) pkg(p Package) {
	e.table("[[package]]")
	e.text("name", p.Name)
	e.text("version", p.Version)
	e.text("index", p.Index)
	e.text("url", p.URL)
	e.text("path", p.Path)
	e.text("git", p.Git)
	e.text("revision", p.Revision)
	e.text("commit", p.Commit)
	e.text("subdirectory", p.Subdirectory)
	e.text("tree", p.Tree)
	e.flag("yanked", p.Yanked)
	e.flag("own-layer", p.OwnLayer)
	e.list("targets", p.Targets)
	e.edges(p.Requires)
	for _, f := range p.Files {
		e.table("[[package.file]]")
		e.text("name", f.Name)
		e.text("sha256", f.SHA256)
		e.number("size", f.Size)
		e.flag("hashed", f.Hashed)
		e.time("uploaded", f.Uploaded)
		e.list("targets", f.Targets)
	}
}

func (e *encoder) seal(s Seal) {
	e.table("[[seal]]")
	e.text("platform", s.Platform)
	e.text("environment", s.Environment)
	e.text("project", s.Project)
	e.text("image", s.Image)
	for _, y := range s.Layers {
		e.table("[[seal.layer]]")
		e.text("name", y.Name)
		e.text("kind", y.Kind)
		e.text("inputs", y.Inputs)
		e.text("digest", y.Digest)
		e.text("diff-id", y.DiffID)
		e.number("size", y.Size)
	}
}

func (e *encoder) table(head string) {
	e.WriteString("\n" + head + "\n")
}

func (e *encoder) line(key, value string) {
	e.WriteString(key + " = " + value + "\n")
}

func (e *encoder) text(key, value string) {
	if value != "" {
		e.line(key, e.quote(value))
	}
}

func (e *encoder) number(key string, n int64) {
	if n != 0 {
		e.line(key, strconv.FormatInt(n, 10))
	}
}

func (e *encoder) flag(key string, on bool) {
	if on {
		e.line(key, "true")
	}
}

func (e *encoder) time(key string, t time.Time) {
	if !t.IsZero() {
		e.line(key, t.Format(time.RFC3339))
	}
}

func (e *encoder) list(key string, list []string) {
	switch len(list) {
	case 0:
	case 1:
		e.line(key, "["+e.quote(list[0])+"]")
	default:
		e.WriteString(key + " = [\n")
		for _, s := range list {
			e.WriteString("    " + e.quote(s) + ",\n")
		}
		e.WriteString("]\n")
	}
}

func (e *encoder) edges(edges []Dependency) {
	var list []string
	for _, d := range edges {
		list = append(list, d.String())
	}
	e.list("requires", list)
}

func (e *encoder) dict(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	e.table("[" + name + "]")
	for _, key := range slices.Sorted(maps.Keys(m)) {
		e.line(e.key(key), e.quote(m[key]))
	}
}

// key leaves the key bare where TOML allows it.
func (e *encoder) key(key string) string {
	bare := func(r rune) bool {
		return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if key != "" && strings.IndexFunc(key, func(r rune) bool { return !bare(r) }) < 0 {
		return key
	}
	return e.quote(key)
}

// quote is Quote, which notes what no string of TOML can hold.
func (e *encoder) quote(s string) string {
	if !utf8.ValidString(s) {
		e.broken = append(e.broken, s)
	}
	return Quote(s)
}

// Quote makes a TOML basic string (TOML 1.0, String); it escapes what must be and nothing else. What is
// not UTF-8 becomes U+FFFD.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\b':
			b.WriteString(`\b`)
		case '\t':
			b.WriteString(`\t`)
		case '\n':
			b.WriteString(`\n`)
		case '\f':
			b.WriteString(`\f`)
		case '\r':
			b.WriteString(`\r`)
		default:
			if r < 0x20 || r == 0x7f {
				fmt.Fprintf(&b, `\u%04X`, r)
			} else {
				b.WriteRune(r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
