package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// System is the [system] table and the [[apt]] tables.
type System struct {
	Distro    string // "debian:12", "none"; "": the first that has the Python
	DistroPos diag.Position
	Image     string // reference, oci:DIR, oci-archive:FILE or docker-archive:FILE to stand on; "": none
	ImagePos  diag.Position
	Pockets   []string // parts of the distribution, sorted
	Packages  []SystemPackage
	Auto      bool // add the libraries that wheels need
	// AsOf is when the distribution's archives had the state that packages are taken from; zero: now.
	AsOf    AsOf
	AsOfPos diag.Position
	// AcceptExpired takes releases of archives after their Valid-Until.
	AcceptExpired bool
	// Libc is what wheels are chosen for where there is no base that has one; zero: the default.
	Libc     Libc
	Archives []Archive
	Pythons  []PythonArchive
}

// Libc is a C library.
type Libc struct {
	Kind    string // "glibc" or "musl"
	Version string // "2.28"
	Pos     diag.Position
}

// Text is what it is written as, "musl 1.2"; "" for none.
func (l Libc) Text() string {
	if l.Kind == "" {
		return ""
	}
	return l.Kind + " " + l.Version
}

// SystemPackage is a package of the distribution that the image is to have besides the base.
type SystemPackage struct {
	Text string // "ffmpeg" or "ffmpeg=7:5.1.6-0+deb12u1"
	Pos  diag.Position
}

// Archive is a package archive besides the distribution's own.
type Archive struct {
	Name         string
	URL          string
	Suite        string   // ends in "/" for an archive without components
	Components   []string // sorted
	Key          []byte   // OpenPGP, armored or binary; nil: KeyURL has it
	KeyURL       string
	Fingerprints []string // of the keys that count, upper-case hexadecimal, sorted; none: every key of Key
	Pos          diag.Position
}

// PythonArchive is a relocatable interpreter of one's own.
type PythonArchive struct {
	Platform string // "": every platform
	URL      string // "": Path
	Path     string // of a file, relative to the project, with slashes
	SHA256   string // lower-case hexadecimal
	Pos      diag.Position
}

var (
	distroForm  = pattern.New(`^[a-z][a-z0-9]*:[a-z0-9][a-z0-9.-]*$`)
	packageForm = pattern.New(`^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+~:-]+)?$`) // Debian Policy 5.6.1, 5.6.12
	suiteForm   = pattern.New(`^(/|[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?)$`)
	wordForm    = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	printForm   = pattern.New(`^([0-9A-F]{40}|[0-9A-F]{64})$`)
)

func (d *document) readSystem(m *Manifest) error {
	s := &m.System
	if distro, at, ok := d.str("system", "distro"); ok {
		if distro != lockfile.NoDistro && !distroForm().MatchString(distro) {
			return d.fail(d.value(at), "system.distro %q is no distribution", distro).Hint(`as in "debian:12", "ubuntu:22.04" or "none"`)
		}
		s.Distro, s.DistroPos = distro, d.value(at)
	}
	if image, at, ok := d.str("system", "image"); ok {
		switch {
		case strings.TrimSpace(image) == "" || strings.ContainsAny(image, " \t\n"):
			return d.fail(d.value(at), "system.image %q is no image", image).
				Hint(`as in "nvidia/cuda:12.8.1-base-ubuntu24.04" or "oci-archive:base.tar"`)
		case s.Distro != "":
			return d.fail(d.key(at), "system.image and system.distro are both there, and an image has its distribution").
				Hint("keep one of them")
		}
		s.Image, s.ImagePos = image, d.value(at)
	}
	s.Auto = true
	if auto, ok := d.table("system")["auto"].(bool); ok {
		s.Auto = auto
	}
	s.AcceptExpired, _ = d.table("system")["accept-expired"].(bool)
	var err error
	if s.AsOf, err = d.readAsOf("system"); err != nil {
		return err
	}
	if !s.AsOf.IsZero() {
		s.AsOfPos = d.value(d.path("system", "as-of"))
		if s.Distro == lockfile.NoDistro {
			return d.fail(d.key(d.path("system", "as-of")), "system.as-of needs a distribution, and system.distro is none").
				Hint("of Python packages, project.as-of says it")
		}
	}
	for _, step := range []func(*System) error{d.readLibc, d.readPockets, d.readSystemPackages, d.readPythonArchives, d.readArchives} {
		if err := step(s); err != nil {
			return err
		}
	}
	return d.readArchiveKeys(m)
}

// libcForm is a C library: glibc has been 2 since 1997, and musl 1 since 2014.
var libcForm = pattern.New(`^(?:(glibc) +(2\.\d{1,3})|(musl) +(1\.\d{1,3}))$`)

func (d *document) readLibc(s *System) error {
	text, at, ok := d.str("system", "libc")
	if !ok {
		return nil
	}
	m := libcForm().FindStringSubmatch(strings.TrimSpace(text))
	switch {
	case m == nil:
		return d.fail(d.value(at), "system.libc %q is no C library with its version", text).Hint(`as in "glibc 2.28" or "musl 1.2"`)
	case s.Distro != lockfile.NoDistro:
		return d.fail(d.key(at), "system.libc is there, and the base brings a C library").
			Hint(`it is for distro = "none", the environment alone; remove it, or set that`)
	}
	s.Libc = Libc{Kind: m[1] + m[3], Version: m[2] + m[4], Pos: d.value(at)}
	return nil
}

func (d *document) readPockets(s *System) error {
	pockets, at := d.list("system", "pockets")
	for i, p := range pockets {
		if !known(allPockets, p) {
			return d.fail(d.value(item(at, i)), "pocket %q: there is %s", p, choices(allPockets))
		}
	}
	s.Pockets = unique(pockets)
	if len(s.Pockets) == 0 {
		s.Pockets = append([]string(nil), allPockets...)
	} else if !known(s.Pockets, "release") {
		return d.fail(d.value(at), "system.pockets lacks release, which the others build on")
	}
	return nil
}

func (d *document) readSystemPackages(s *System) error {
	packages, at := d.list("system", "packages")
	for i, p := range packages {
		pos := d.value(item(at, i))
		if !packageForm().MatchString(p) {
			return d.fail(pos, "system.packages: %q is no package of a distribution", p).
				Hint(`the names are apt's, as in "ffmpeg", or with a version in "ffmpeg=7:5.1.6-0+deb12u1"`)
		}
		if name, _, _ := strings.Cut(p, "="); cuda.IsDriver(name) {
			return d.fail(pos, "system.packages: %s has a part of NVIDIA's driver, which belongs to the host and not into an image", name).
				Hint("take it out: the container runtime brings the host's; [gpu] sets the image up for it")
		}
		if s.Distro == lockfile.NoDistro {
			return d.fail(pos, "system.packages needs a distribution, and system.distro is none")
		}
		s.Packages = append(s.Packages, SystemPackage{p, pos})
	}
	return nil
}

// readPythonArchives reads python-archive: one table, or a list of tables with a platform each.
func (d *document) readPythonArchives(s *System) error {
	value := d.table("system")["python-archive"]
	at := d.path("system", "python-archive")
	places := []string{at}
	list, ok := tables(value)
	if one, isTable := value.(map[string]any); isTable {
		list, ok = []map[string]any{one}, true
	} else {
		places = nil
		for i := range list {
			places = append(places, item(at, i))
		}
	}
	if value == nil {
		return nil
	}
	if !ok {
		return d.fail(d.value(at), "system.python-archive must be a table, not %s", describe(value)).
			Hint(`as in { url = "https://…/cpython.tar.gz", sha256 = "…" }`)
	}
	seen := map[string]bool{}
	for i, table := range list {
		here := places[i]
		if problems := d.checkTable(here, "python-archive", pythonArchiveKeys, table); len(problems) > 0 {
			return first(problems)
		}
		p := PythonArchive{Pos: d.key(here)}
		p.Platform, _ = table["platform"].(string)
		p.URL, _ = table["url"].(string)
		p.Path, _ = table["path"].(string)
		p.SHA256, _ = table["sha256"].(string)
		switch {
		case (p.URL == "") == (p.Path == ""):
			return d.fail(p.Pos, "system.python-archive needs either url or path")
		case p.URL != "" && checkIndexURL(p.URL) != nil:
			return d.fail(d.key(join(here, "url")), "system.python-archive: %v", checkIndexURL(p.URL))
		case p.Path != "" && !filepath.IsLocal(filepath.FromSlash(p.Path)):
			return d.fail(d.value(join(here, "path")), "system.python-archive: %q does not lie in the project", p.Path)
		case !sha256Form().MatchString(p.SHA256):
			return d.fail(p.Pos, "system.python-archive needs sha256, 64 hexadecimal digits").Hint("`sha256sum FILE` prints it")
		case p.Platform != "" && !known(allPlatforms, p.Platform):
			return d.fail(d.value(join(here, "platform")), "platform %q: there is %s", p.Platform, choices(allPlatforms))
		case seen[p.Platform] || seen[""] || p.Platform == "" && len(seen) > 0:
			return d.fail(p.Pos, "a second interpreter for one platform").Hint("give each a platform of its own")
		}
		p.SHA256 = strings.ToLower(p.SHA256)
		seen[p.Platform] = true
		s.Pythons = append(s.Pythons, p)
	}
	return nil
}

func (d *document) readArchives(s *System) error {
	list, _ := tables(d.root["apt"])
	for i, table := range list {
		at := item(d.path("apt"), i)
		a := Archive{Pos: d.key(at)}
		a.Name, _ = table["name"].(string)
		a.URL, _ = table["url"].(string)
		a.Suite, _ = table["suite"].(string)
		if !nameForm().MatchString(a.Name) {
			return d.fail(d.value(join(at, "name")), "an archive needs a name of letters, digits, and . _ - between them")
		}
		if err := checkIndexURL(a.URL); err != nil {
			return d.fail(d.value(join(at, "url")), "archive %s: %v", a.Name, err)
		}
		if !suiteForm().MatchString(a.Suite) {
			return d.fail(d.value(join(at, "suite")), "archive %s needs a suite", a.Name).
				Hint(`what stands after the address in apt's line: "bookworm", "stable" or, for an archive without suites, "/"`)
		}
		for j, c := range stringsIn(table["components"]) {
			if !wordForm().MatchString(c) {
				return d.fail(d.value(item(join(at, "components"), j)), "archive %s: %q is no component", a.Name, c)
			}
			a.Components = append(a.Components, c)
		}
		a.Components = unique(a.Components)
		if flat := strings.HasSuffix(a.Suite, "/"); flat == (len(a.Components) > 0) {
			return d.fail(a.Pos, "archive %s: a suite has components, and one that ends in / has none", a.Name)
		}
		for j, f := range stringsIn(table["fingerprints"]) {
			plain := strings.ToUpper(strings.ReplaceAll(f, " ", ""))
			if !printForm().MatchString(plain) {
				return d.fail(d.value(item(join(at, "fingerprints"), j)), "archive %s: %q is no fingerprint of 40 hexadecimal digits", a.Name, f).
					Hint("`gpg --show-keys FILE` prints it")
			}
			a.Fingerprints = append(a.Fingerprints, plain)
		}
		a.Fingerprints = unique(a.Fingerprints)
		for _, other := range s.Archives {
			if other.Name == a.Name {
				return d.fail(d.key(at), "archive %s: its name stands twice", a.Name)
			}
		}
		s.Archives = append(s.Archives, a)
	}
	return nil
}

// readArchiveKeys reads the keys that are files of the project. A key that has to be fetched is
// believed by its fingerprint alone.
func (d *document) readArchiveKeys(m *Manifest) error {
	list, _ := tables(d.root["apt"])
	for i, table := range list {
		a := &m.System.Archives[i]
		at := join(item(d.path("apt"), i), "key")
		key, _ := table["key"].(string)
		switch {
		case key == "":
			return d.fail(a.Pos, "archive %s needs key: the file of the public key that signs it", a.Name)
		case strings.Contains(key, "://"):
			if err := checkIndexURL(key); err != nil {
				return d.fail(d.key(at), "archive %s: key: %v", a.Name, err)
			}
			if len(a.Fingerprints) == 0 {
				return d.fail(d.value(at), "archive %s: a key that is fetched needs fingerprints, by which it is believed", a.Name).
					Hint("or keep the key beside the manifest, and name the file")
			}
			a.KeyURL = key
		default:
			data, err := os.ReadFile(filepath.Join(m.Dir, filepath.FromSlash(key)))
			if err != nil {
				return diag.Wrap(err, diag.Manifest, "archive %s: reading its key", a.Name).At(d.value(at))
			}
			a.Key = data
		}
	}
	return nil
}

// stringsIn are the strings of a list that keeps the schema.
func stringsIn(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		out = append(out, x.(string))
	}
	return out
}

// meaning is what the tables mean, as text for the manifest's hash: nothing where they ask nothing.
func (s *System) meaning() (packages, archives, pythons []string) {
	for _, p := range s.Packages {
		packages = append(packages, p.Text)
	}
	for _, a := range s.Archives {
		key := a.KeyURL
		if a.Key != nil {
			key = "sha256:" + sumOf(a.Key)
		}
		archives = append(archives, fmt.Sprintf("%s %s %s %s key %s fingerprints %s", a.Name, strings.TrimRight(a.URL, "/"), a.Suite,
			strings.Join(a.Components, ","), key, strings.Join(a.Fingerprints, ",")))
	}
	for _, p := range s.Pythons {
		pythons = append(pythons, fmt.Sprintf("%s sha256:%s", p.Platform, p.SHA256))
	}
	return unique(packages), archives, unique(pythons)
}
