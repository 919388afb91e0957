package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// BuildPolicy is how wheels of one package are built where it has none: the table [build.NAME].
type BuildPolicy struct {
	Name     string        // normalised
	Requires []Requirement // besides what the source declares
	// Shared builds in the packages of the image, and not in an environment of its own (isolation = false).
	Shared   bool
	Env      map[string]string
	Packages []SystemPackage // of the distribution, while it is built
	Patches  []Patch         // in the order in which they are applied
	Pos      diag.Position
}

// Patch is a file that changes a source before it is built.
type Patch struct {
	Path   string // with slashes, relative to the project if it is not absolute
	SHA256 string // of the content that it had when the manifest was read
	Pos    diag.Position
}

// maxPatch is how large a patch may be, in bytes.
const maxPatch = 16 << 20

// BuildOf is how a package is built, nil if the manifest does not say.
func (m *Manifest) BuildOf(name string) *BuildPolicy {
	for i := range m.Builds {
		if m.Builds[i].Name == name {
			return &m.Builds[i]
		}
	}
	return nil
}

// readBuilds reads [build]: a table below each package's name.
func (d *document) readBuilds(m *Manifest) error {
	all := d.table("build")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := d.path("build", name)
		normal, err := d.packageName(at, name)
		if err != nil {
			return err
		}
		b := BuildPolicy{Name: normal, Pos: d.key(at)}
		if other := m.BuildOf(normal); other != nil {
			return d.fail(second(b.Pos, other.Pos), "[%s] stands twice, in two spellings", d.path("build", normal))
		}
		if err := d.readBuild(m, &b, at, all[name].(map[string]any)); err != nil {
			return err
		}
		m.Builds = append(m.Builds, b)
	}
	slices.SortStableFunc(m.Builds, func(a, b BuildPolicy) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (d *document) readBuild(m *Manifest, b *BuildPolicy, at string, table map[string]any) error {
	for i, text := range stringsOf(table["requires"]) {
		r, err := d.requirement(m, item(join(at, "requires"), i), text)
		if err != nil {
			return err
		}
		if r.Name == b.Name {
			return d.fail(r.Pos, "%s cannot be needed to build itself", r.RawName)
		}
		b.Requires = append(b.Requires, r)
	}
	if isolation, ok := table["isolation"].(bool); ok {
		b.Shared = !isolation
	}
	env, _ := table["env"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		here, value := join(join(at, "env"), name), env[name].(string)
		switch {
		case !envName().MatchString(name):
			return d.fail(d.key(here), "%q is no name of an environment variable", name)
		case fixedVariable(name):
			return d.fail(d.key(here), "%s cannot be set: builds depend on it", name)
		case strings.ContainsRune(value, 0):
			return d.fail(d.value(here), "%s holds a NUL character", name)
		}
		if b.Env == nil {
			b.Env = map[string]string{}
		}
		b.Env[name] = value
	}
	for i, p := range stringsOf(table["packages"]) {
		pos := d.value(item(join(at, "packages"), i))
		if !packageForm().MatchString(p) {
			return d.fail(pos, "%q is no package of a distribution", p).Hint(`the names are apt's, as in "libpng-dev"`)
		}
		b.Packages = append(b.Packages, SystemPackage{p, pos})
	}
	for i, p := range stringsOf(table["patches"]) {
		patch, err := d.readPatch(m, p, d.value(item(join(at, "patches"), i)))
		if err != nil {
			return err
		}
		b.Patches = append(b.Patches, patch)
	}
	return nil
}

// fixedVariable tells whether a variable of a build is not the manifest's to set.
func fixedVariable(name string) bool {
	return slices.Contains([]string{"PATH", "HOME", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONHASHSEED", "SOURCE_DATE_EPOCH", "LD_PRELOAD"}, name)
}

func (d *document) readPatch(m *Manifest, name string, pos diag.Position) (Patch, error) {
	if name == "" || strings.ContainsAny(name, "\\\x00") {
		return Patch{}, d.fail(pos, "patches: %q is no path of a file", name).Hint("paths have slashes, and are relative to the project's folder")
	}
	p := Patch{Path: path.Clean(name), Pos: pos}
	file := filepath.FromSlash(p.Path)
	if !filepath.IsAbs(file) {
		file = filepath.Join(m.Dir, file)
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, d.fail(pos, "patches: there is no file %s", name)
	}
	if err != nil {
		return p, diag.Wrap(err, diag.Manifest, "reading a patch").At(pos)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxPatch+1))
	if err != nil {
		return p, diag.Wrap(err, diag.Manifest, "reading the patch %s", name).At(pos)
	}
	if len(data) > maxPatch {
		return p, d.fail(pos, "patches: %s has more than %d MiB, which is no patch", name, maxPatch>>20)
	}
	p.SHA256 = sumOf(data)
	return p, nil
}

// stringsOf are the strings of a list, which may be nil.
func stringsOf(value any) []string {
	list, _ := value.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].(string)
	}
	return out
}

// meaning is a text for the hash: "NAME requires [REQUIREMENTS] shared env [NAME=VALUE …] packages [NAMES] patches [SHA256 …]",
// without what is not said.
func (b *BuildPolicy) meaning() string {
	text := b.Name
	if len(b.Requires) > 0 {
		text += " requires [" + strings.Join(meanings(b.Requires), ", ") + "]"
	}
	if b.Shared {
		text += " shared"
	}
	if len(b.Env) > 0 {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(b.Env)) {
			list = append(list, fmt.Sprintf("%s=%q", name, b.Env[name]))
		}
		text += " env [" + strings.Join(list, " ") + "]"
	}
	if len(b.Packages) > 0 {
		var list []string
		for _, p := range b.Packages {
			list = append(list, p.Text)
		}
		text += " packages [" + strings.Join(unique(list), " ") + "]"
	}
	if len(b.Patches) > 0 {
		var list []string
		for _, p := range b.Patches {
			list = append(list, p.SHA256)
		}
		text += " patches [" + strings.Join(list, " ") + "]"
	}
	return text
}
