// Package pylock writes a lock as pylock.toml (PEP 751, lock-version 1.0), so that pip, uv and whatever
// else reads that format can install the same wheels, and as a requirements file for what does not read it.
//
// It carries over what PEP 751 knows: targets as environments, and the wheels with their hashes. The base,
// the layers, the choices and the seals have no place there. It reads pylock files of any tool, for their versions and hashes.
package pylock

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// Where says where a file is to be had: its absolute URL, or a path relative to the pylock file. Of a package that is a
// folder the file is none, and the folder is meant.
// The lock itself does not know.
type Where func(p lockfile.Package, f lockfile.File) (string, error)

// Export gives the lock as pylock.toml: packages sorted by name and version, a marker where not every target
// has the package, for each wheel the name, upload time, address, size and SHA-256. The index is left out
// where it is the default one, a folder or flat. Errors: those of where; an address that has neither URL nor path; a platform
// that markers cannot express.
func Export(l *lockfile.Lock, where Where) ([]byte, error) {
	e := &exporter{lock: l, markers: map[string]string{}, indexes: map[string]string{}}
	var minors []string
	for _, t := range l.Targets {
		m, err := platformMarker(t.Platform)
		if err != nil {
			return nil, err
		}
		e.markers[t.Platform] = m
		minors = append(minors, lockfile.MinorOf(t.Python))
	}
	for _, x := range l.Indexes {
		if e.indexes[x.Name] = x.URL; x.Format != "" { // what the key names is an index of the simple API
			e.indexes[x.Name] = ""
		}
	}
	e.WriteString("# Made by `envpack export pylock`.\n")
	for _, t := range sortedTargets(l.Targets) {
		if t.FreeThreaded() || t.Musl != "" { // no marker tells of the build or of the C library
			e.WriteString("# For " + made(t) + " alone.\n")
		}
	}
	e.line("lock-version", quote("1.0"))
	var environments []string
	for _, t := range sortedTargets(l.Targets) {
		m, err := canonical(fmt.Sprintf("implementation_name == 'cpython' and python_version == '%s' and %s", lockfile.MinorOf(t.Python), e.markers[t.Platform]))
		if err != nil {
			return nil, err
		}
		environments = append(environments, m)
	}
	e.list("environments", environments)
	lowest, err := lowestMinor(minors)
	if err != nil {
		return nil, err
	}
	e.line("requires-python", quote(">="+lowest))
	e.line("created-by", quote("envpack"))

	packages := slices.SortedFunc(slices.Values(l.Packages), comparePackages)
	if len(packages) == 0 {
		e.line("packages", "[]") // the key must be there
	}
	for _, p := range packages {
		if err := e.pkg(p.Source(), where); err != nil {
			return nil, err
		}
	}
	return e.Bytes(), nil
}

func comparePackages(a, b lockfile.Package) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

type exporter struct {
	bytes.Buffer
	lock    *lockfile.Lock
	markers map[string]string // by platform
	indexes map[string]string // addresses by name
}

func (e *exporter) line(key, value string) { e.WriteString(key + " = " + value + "\n") }

func (e *exporter) list(key string, values []string) {
	e.WriteString(key + " = [\n")
	for _, v := range values {
		e.WriteString("    " + quote(v) + ",\n")
	}
	e.WriteString("]\n")
}

func (e *exporter) pkg(p lockfile.Package, where Where) error {
	e.WriteString("\n[[packages]]\n")
	e.line("name", quote(p.Name))
	e.line("version", quote(p.Version))
	marker, err := e.marker(p)
	if err != nil {
		return err
	}
	if marker != "" {
		e.line("marker", quote(marker))
	}
	if p.Index != "" {
		address, ok := e.indexes[p.Index]
		if !ok {
			return fmt.Errorf("%s comes from the index %s, which the lock does not have", p.Name, p.Index)
		}
		if address != "" {
			e.line("index", quote(address))
		}
	}
	files := slices.Clone(p.Files)
	slices.SortFunc(files, func(a, b lockfile.File) int { return strings.Compare(a.Name, b.Name) })
	if p.Git != "" || len(files) == 0 {
		return e.tree(p, where)
	}
	for _, f := range files {
		address, err := where(p, f)
		if err != nil {
			return fmt.Errorf("finding the address of %s: %w", f.Name, err)
		}
		if address == "" {
			return fmt.Errorf("%s has no address, and pylock.toml needs one", f.Name)
		}
		switch {
		case p.Direct():
			e.WriteString("\n[packages.archive]\n")
		case f.IsWheel():
			e.WriteString("\n[[packages.wheels]]\n")
			e.line("name", quote(f.Name))
		default:
			e.WriteString("\n[packages.sdist]\n")
			e.line("name", quote(f.Name))
		}
		if !f.Uploaded.IsZero() {
			e.line("upload-time", f.Uploaded.UTC().Format(time.RFC3339))
		}
		if strings.Contains(address, "://") {
			e.line("url", quote(address))
		} else {
			e.line("path", quote(address))
		}
		e.line("size", strconv.FormatInt(f.Size, 10))
		e.line("hashes", "{ sha256 = "+quote(f.SHA256)+" }")
		if p.Direct() && p.Subdirectory != "" {
			e.line("subdirectory", quote(p.Subdirectory))
		}
	}
	return nil
}

// tree writes where the sources of a package are that has no file: a repository or a folder.
func (e *exporter) tree(p lockfile.Package, where Where) error {
	if p.Git != "" {
		e.WriteString("\n[packages.vcs]\ntype = \"git\"\n")
		e.line("url", quote(p.Git))
		if p.Revision != "" {
			e.line("requested-revision", quote(p.Revision))
		}
		e.line("commit-id", quote(p.Commit))
	} else {
		path, err := where(p, lockfile.File{})
		if err != nil {
			return fmt.Errorf("finding the folder of %s: %w", p.Name, err)
		}
		e.WriteString("\n[packages.directory]\n")
		e.line("path", quote(path))
	}
	if p.Subdirectory != "" {
		e.line("subdirectory", quote(p.Subdirectory))
	}
	return nil
}

// marker is "" if every target has the package.
func (e *exporter) marker(p lockfile.Package) (string, error) {
	has := map[string]bool{}
	for _, t := range p.Targets {
		has[t] = true
	}
	for _, f := range p.Files {
		for _, t := range f.Targets {
			has[t] = true
		}
	}
	if len(has) == len(e.lock.Targets) {
		return "", nil
	}
	var parts []string
	for _, t := range sortedTargets(e.lock.Targets) {
		if has[t.Platform] {
			parts = append(parts, e.markers[t.Platform])
		}
	}
	return canonical(strings.Join(parts, " or "))
}

// canonical is the marker as pep508 writes it.
func canonical(text string) (string, error) {
	m, err := pep508.ParseMarker(text)
	if err != nil {
		return "", fmt.Errorf("writing a marker: %w", err)
	}
	return m.String(), nil
}

// systems and machines are the values of sys_platform, and of platform_machine by system, as CPython
// reports them. The keys are Go's names, as in OCI platforms.
var systems = map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win32"}

var machines = map[string]string{
	"linux/amd64": "x86_64", "linux/arm64": "aarch64", "linux/386": "i686", "linux/arm/v6": "armv6l", "linux/arm/v7": "armv7l",
	"linux/ppc64le": "ppc64le", "linux/s390x": "s390x", "linux/riscv64": "riscv64",
	"linux/arm64/v8": "aarch64", "darwin/amd64": "x86_64", "darwin/arm64": "arm64", "windows/amd64": "AMD64", "windows/arm64": "ARM64",
}

func platformMarker(platform string) (string, error) {
	system, _, _ := strings.Cut(platform, "/")
	machine, ok := machines[platform]
	if !ok {
		return "", fmt.Errorf("no marker is known for the platform %s", platform)
	}
	return fmt.Sprintf("platform_machine == '%s' and sys_platform == '%s'", machine, systems[system]), nil
}

func sortedTargets(targets []lockfile.Target) []lockfile.Target {
	targets = slices.Clone(targets)
	slices.SortFunc(targets, func(a, b lockfile.Target) int { return strings.Compare(a.Platform, b.Platform) })
	return targets
}

func lowestMinor(minors []string) (string, error) {
	if len(minors) == 0 {
		return "", fmt.Errorf("the lock has no target")
	}
	lowest := minors[0]
	for _, m := range minors {
		a, err := pep440.Parse(m)
		if err != nil {
			return "", fmt.Errorf("reading a target's Python version: %w", err)
		}
		b, err := pep440.Parse(lowest)
		if err != nil {
			return "", fmt.Errorf("reading a target's Python version: %w", err)
		}
		if a.Compare(b) < 0 {
			lowest = m
		}
	}
	return lowest, nil
}

// quote makes a TOML string: a literal one where a basic one would need escapes and that helps. Markers
// hold double quotes and no single ones, so they stay readable.
func quote(s string) string {
	basic := lockfile.Quote(s)
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	if basic == `"`+s+`"` || strings.Contains(s, "'") || strings.ContainsFunc(s, control) {
		return basic
	}
	return "'" + s + "'"
}
