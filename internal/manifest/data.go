package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// DataFile is a file that the image gets besides packages and the project's own, as data or a model's weights.
type DataFile struct {
	// Either is set: an http or https address, or a file, relative to the project if it is not absolute, with slashes and in its
	// shortest form.
	URL        string
	Path       string
	To         string   // absolute path in the image
	SHA256     string   // that it must have; "": whatever it has when it is locked first
	Executable bool     // 0755 instead of 0644
	Platforms  []string // of the manifest's, sorted
	Pos        diag.Position
	Place      diag.Position // of url or path
	ToPos      diag.Position
	SumPos     diag.Position // of sha256; zero without
}

// Source is the address or the path.
func (f DataFile) Source() string { return cmp.Or(f.URL, f.Path) }

func (d *document) readData(m *Manifest) error {
	list, _ := tables(d.root["file"])
	for i, table := range list {
		f, err := d.readDataFile(m, item(d.path("file"), i), table)
		if err != nil {
			return err
		}
		for _, other := range m.Data {
			if !slices.ContainsFunc(f.Platforms, func(p string) bool { return slices.Contains(other.Platforms, p) }) {
				continue
			}
			if f.To == other.To {
				return d.fail(f.ToPos, "two files are to be %s", f.To).Hint("the other stands at %s; say with to where this one lies", other.Pos)
			}
			if within(f.To, other.To) || within(other.To, f.To) {
				return d.fail(f.ToPos, "%s and %s cannot both be files", f.To, other.To).Hint("the other stands at %s", other.Pos)
			}
		}
		m.Data = append(m.Data, f)
	}
	return nil
}

func (d *document) readDataFile(m *Manifest, at string, table map[string]any) (DataFile, error) {
	f := DataFile{Pos: d.key(at)}
	f.URL, _ = table["url"].(string)
	f.Path, _ = table["path"].(string)
	f.SHA256, _ = table["sha256"].(string)
	f.Executable, _ = table["executable"].(bool)
	f.Place = d.value(join(at, "url"))
	if f.Path != "" {
		f.Place = d.value(join(at, "path"))
	}
	switch {
	case f.URL == "" && f.Path == "":
		return f, d.fail(f.Pos, "a file needs url or path: where it comes from")
	case f.URL != "" && f.Path != "":
		return f, d.fail(d.key(join(at, "path")), "a file has both url and path").Hint("keep one of them")
	case f.URL != "":
		if err := checkDataURL(f.URL); err != nil {
			e := d.fail(f.Place, "file: %v", err)
			if strings.HasPrefix(f.URL, "file:") || !strings.Contains(f.URL, ":") {
				return f, e.Hint("a file of this machine is named by path, relative to the project: path = \"weights/model.bin\"")
			}
			return f, e
		}
	case strings.ContainsAny(f.Path, "\\\x00"):
		return f, d.fail(f.Place, "file: path has a backslash or a NUL").Hint("write it with slashes")
	case strings.Contains(f.Path, "://"):
		return f, d.fail(f.Place, "file: path is an address").Hint("an address is named by url")
	default:
		f.Path = path.Clean(f.Path)
	}
	if f.SHA256 != "" {
		f.SumPos = d.value(join(at, "sha256"))
		if !sha256Form().MatchString(f.SHA256) {
			return f, d.fail(f.SumPos, "file: sha256 is not 64 hexadecimal digits").Hint("`sha256sum FILE` prints it; without sha256 the lock has that of the file as it is when it is locked first")
		}
		f.SHA256 = strings.ToLower(f.SHA256)
	}
	platforms, _ := table["platforms"].([]any)
	for j, p := range platforms {
		if !slices.Contains(m.Platforms, p.(string)) {
			return f, d.fail(d.value(item(join(at, "platforms"), j)), "file: the project is not for the platform %q, only for %s", p, strings.Join(m.Platforms, ", "))
		}
		f.Platforms = append(f.Platforms, p.(string))
	}
	if f.Platforms = unique(f.Platforms); len(f.Platforms) == 0 {
		f.Platforms = m.Platforms
	}
	return f, d.readTo(m, at, table, &f)
}

// noData are folders that data files do not lie in, besides those of the base and the environment: others decide there who may do
// what, or they are emptied.
var noData = slices.Concat(reservedDirs, []string{"/opt/python", "/root", "/tmp"})

// readTo reads where a file lies in the image: its name in the workdir unless the manifest says it.
func (d *document) readTo(m *Manifest, at string, table map[string]any, f *DataFile) error {
	name := path.Base(f.Path)
	if f.URL != "" {
		u, err := url.Parse(f.URL)
		if err != nil {
			return d.fail(f.Place, "file: url is no address")
		}
		name = path.Base(u.Path)
	}
	to, written := table["to"].(string)
	f.ToPos = f.Pos
	if written {
		f.ToPos = d.value(join(at, "to"))
	}
	if to == "" || strings.HasSuffix(to, "/") {
		if name == "." || name == ".." || name == "/" {
			return d.fail(f.Place, "file: which name it shall have does not show").Hint("say it: to = \"models/NAME\"")
		}
		to += name
	}
	for part := range strings.SplitSeq(to, "/") {
		if part == ".." {
			return d.fail(f.ToPos, "file: to %q leads out with ..", to).Hint("a path that begins with a slash is one of the image; others are seen from %s", m.Image.Workdir)
		}
		if strings.HasPrefix(part, ".wh.") {
			return d.fail(f.ToPos, "file: to %q has a name that takes files away in an image's layer", to)
		}
	}
	if !path.IsAbs(to) {
		to = m.Image.Workdir + "/" + to
	}
	f.To = path.Clean(to)
	switch {
	case !isPlace(f.To) || strings.ContainsAny(f.To, `\`):
		return d.fail(f.ToPos, "file: to %q is no path of a file in the image", to).Hint("as in \"models/model.bin\", seen from %s, or \"/data/model.bin\"", m.Image.Workdir)
	case within(m.Image.Workdir, f.To):
		return d.fail(f.ToPos, "file: to %q would stand where the workdir %s is", f.To, m.Image.Workdir)
	case f.To == "/home" || f.To == appHome:
		return d.fail(f.ToPos, "file: to %q would stand where the home of the user is", f.To)
	}
	for _, r := range noData {
		if within(f.To, r) || within(r, f.To) {
			return d.fail(f.ToPos, "file: to %q would be mixed with %s, which is the system's or the environment's", f.To, r).
				Hint("as in \"models/model.bin\", seen from %s, or \"/data/model.bin\"", m.Image.Workdir)
		}
	}
	return nil
}

// appHome is the home of the image's user.
const appHome = "/home/app"

// checkDataURL wants an address without credentials; a query is a part of some files' names.
func checkDataURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && u.Fragment != "" {
		return errors.New("url has a fragment: a hash is named by sha256")
	}
	if err == nil && u.RawQuery != "" && diag.SecretParameter(u.RawQuery) == "" {
		u.RawQuery = ""
		return checkIndexURL(u.String())
	}
	return checkIndexURL(text)
}

// meaning is the file as text for the manifest's hash: TO, then what is said.
func (f DataFile) meaning(all []string) string {
	text := f.To
	if f.Executable {
		text += " executable"
	}
	if !slices.Equal(f.Platforms, all) {
		text += " on " + strings.Join(f.Platforms, ",")
	}
	kind := "url"
	if f.Path != "" {
		kind = "path"
	}
	text += fmt.Sprintf(" %s %s", kind, f.Source())
	if f.SHA256 != "" {
		text += " sha256:" + f.SHA256
	}
	return text
}
