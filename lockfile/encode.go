package lockfile

import (
	"fmt"
	"strconv"
	"strings"
)

// Mark begins every lock.
const Mark = "# Made by envpack."

// header is the first line of every lock.
const header = Mark + " Not to be edited by hand; keep it in version control.\n"

// beginning is what every lock of this format begins with.
var beginning = header + "format = " + strconv.Itoa(Format) + "\n"

// Encode writes the lock in its one canonical form: TOML 1.0 with one fact a line, keys in a fixed
// order, lists sorted as [Lock.Normalize] says, LF line ends, times as RFC 3339 in UTC. What is zero
// is left out. A list stands on one line if it has one element, else with one element a line.
// The lock itself is not changed, and not validated.
func Encode(l *Lock) []byte {
	data, _ := encode(l)
	return data
}

// encode also gives the strings that are not UTF-8, which TOML cannot hold.
func encode(l *Lock) (data []byte, broken []string) {
	l = l.clone()
	l.Normalize()
	c := &codec{}
	c.lock(l)
	return c.out.Bytes(), c.broken
}

// lock goes through the whole file.
func (c *codec) lock(l *Lock) {
	c.fixed(beginning)

	c.table("[project]")
	c.text("name", &l.Project.Name)
	c.text("manifest", &l.Project.Manifest)
	c.list("groups", &l.Project.Groups)
	c.list("without-groups", &l.Project.WithoutGroups)
	c.time("as-of", &l.Project.AsOf)
	c.flag("unscanned", &l.Project.Unscanned)
	c.edges("requires", &l.Project.Requires)

	c.table("[image]")
	c.list("command", &l.Image.Command)
	c.list("ports", &l.Image.Ports)
	c.list("volumes", &l.Image.Volumes)
	c.text("user", &l.Image.User)
	c.text("workdir", &l.Image.Workdir)
	c.list("include", &l.Image.Include)
	c.dict("[image.env]", &l.Image.Env)
	c.dict("[image.labels]", &l.Image.Labels)
	c.gpu(&l.GPU)

	tables(c, "[[target]]", &l.Targets, func(t *Target) {
		c.text("platform", &t.Platform)
		c.text("python", &t.Python)
		c.text("abi", &t.ABI)
		c.text("glibc", &t.Glibc)
		c.text("musl", &t.Musl)
	})
	tables(c, "[[index]]", &l.Indexes, func(x *Index) {
		c.text("name", &x.Name)
		c.text("url", &x.URL)
		c.text("path", &x.Path)
		c.text("format", &x.Format)
		c.text("variant", &x.Variant)
	})
	c.base(&l.Base)
	tables(c, "[[package]]", &l.Packages, func(p *Package) { c.pkg("package", p) })
	tables(c, "[[file]]", &l.Data, func(f *DataFile) {
		c.text("to", &f.To)
		c.text("url", &f.URL)
		c.text("path", &f.Path)
		c.text("sha256", &f.SHA256)
		c.number("size", &f.Size)
		c.flag("hashed", &f.Hashed)
		c.flag("executable", &f.Executable)
		c.list("targets", &f.Targets)
	})
	tables(c, "[[build]]", &l.Builds, c.build)
	tables(c, "[[choice]]", &l.Choices, func(x *Choice) {
		c.text("kind", &x.Kind)
		c.text("name", &x.Name)
		c.text("value", &x.Value)
		c.text("target", &x.Target)
		c.text("reason", &x.Reason)
	})
	tables(c, "[[seal]]", &l.Seals, c.seal)
}

func (c *codec) base(b *Base) {
	c.table("[base]")
	c.text("distro", &b.Distro)
	c.text("codename", &b.Codename)
	c.text("format", &b.Format)
	c.text("reference", &b.Reference)
	c.time("as-of", &b.AsOf)
	tables(c, "[[base.archive]]", &b.Archives, func(a *Archive) {
		c.text("name", &a.Name)
		c.text("url", &a.URL)
	})
	tables(c, "[[base.release]]", &b.Releases, func(r *Release) {
		c.text("archive", &r.Archive)
		c.text("suite", &r.Suite)
		c.time("date", &r.Date)
		c.time("valid-until", &r.ValidUntil)
		c.text("inrelease", &r.InRelease)
		c.list("keys", &r.Keys)
	})
	tables(c, "[[base.deb]]", &b.Debs, c.deb)
	tables(c, "[[base.image]]", &b.Images, func(i *BaseImage) {
		c.text("target", &i.Target)
		c.text("digest", &i.Digest)
		c.text("config", &i.Config)
		c.time("created", &i.Created)
		c.text("python", &i.Python)
		c.number("user-id", &i.UserID)
		tables(c, "[[base.image.layer]]", &i.Layers, func(y *BaseLayer) {
			c.text("digest", &y.Digest)
			c.text("diff-id", &y.DiffID)
			c.number("size", &y.Size)
			c.text("media-type", &y.MediaType)
		})
	})
	tables(c, "[[base.interpreter]]", &b.Interpreters, func(i *Interpreter) {
		c.text("target", &i.Target)
		c.text("version", &i.Version)
		c.text("archive", &i.Archive)
		c.text("path", &i.Path)
		c.text("sha256", &i.SHA256)
		c.number("size", &i.Size)
	})
}

func (c *codec) deb(d *Deb) {
	c.text("name", &d.Name)
	c.text("version", &d.Version)
	c.text("architecture", &d.Architecture)
	c.text("archive", &d.Archive)
	c.text("path", &d.Path)
	c.text("sha256", &d.SHA256)
	c.number("size", &d.Size)
	c.flag("system", &d.System)
	c.list("targets", &d.Targets)
}

// pkg is a package whose table has the name.
func (c *codec) pkg(table string, p *Package) {
	c.text("name", &p.Name)
	c.text("version", &p.Version)
	c.text("index", &p.Index)
	c.text("url", &p.URL)
	c.text("path", &p.Path)
	c.text("git", &p.Git)
	c.text("revision", &p.Revision)
	c.text("commit", &p.Commit)
	c.text("subdirectory", &p.Subdirectory)
	c.text("tree", &p.Tree)
	c.flag("yanked", &p.Yanked)
	c.flag("own-layer", &p.OwnLayer)
	c.list("targets", &p.Targets)
	c.edges("requires", &p.Requires)
	tables(c, "[["+table+".file]]", &p.Files, func(f *File) {
		c.text("name", &f.Name)
		c.text("sha256", &f.SHA256)
		c.number("size", &f.Size)
		c.flag("hashed", &f.Hashed)
		c.time("uploaded", &f.Uploaded)
		c.list("targets", &f.Targets)
		c.text("build", &f.Build)
		c.kernels(&f.Kernels)
	})
	tables(c, "[["+table+".source]]", &p.Sources, func(f *Source) {
		c.text("name", &f.Name)
		c.text("sha256", &f.SHA256)
		c.number("size", &f.Size)
		c.flag("hashed", &f.Hashed)
		c.time("uploaded", &f.Uploaded)
	})
}

func (c *codec) seal(s *Seal) {
	c.text("platform", &s.Platform)
	c.text("environment", &s.Environment)
	c.text("project", &s.Project)
	c.text("image", &s.Image)
	tables(c, "[[seal.layer]]", &s.Layers, func(y *SealedLayer) {
		c.text("name", &y.Name)
		c.text("kind", &y.Kind)
		c.text("inputs", &y.Inputs)
		c.text("digest", &y.Digest)
		c.text("diff-id", &y.DiffID)
		c.number("size", &y.Size)
		c.list("with", &y.With)
	})
}

// Quote makes a TOML basic string (TOML 1.0, String); it escapes what must be and nothing else. What is
// not UTF-8 becomes U+FFFD.
func Quote(s string) string {
	if isPlain(s) {
		return `"` + s + `"`
	}
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
