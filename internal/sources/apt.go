package sources

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// aptEntry is one source of binary packages that the host's apt has. The setting is its address.
type aptEntry struct {
	setting
	suites     []string
	components []string
	signedBy   []string
}

// serves tells whether the entry is the distribution's archive with the suite. Derivatives and
// vendors use the distributions' code names too, so more must fit: component main, an address whose path ends
// in the archive's name (or host, without path), and the keyring, if it names one, likewise. Whatever
// comes from there is checked against the distribution's keys in any case.
func (e aptEntry) serves(a archive, suite string) bool {
	if !slices.Contains(e.suites, suite) || !slices.Contains(e.components, "main") {
		return false
	}
	_, rest, _ := strings.Cut(strings.TrimRight(e.value, "/"), ":")
	last := strings.ToLower(path.Base(rest))
	// Ubuntu's ports are an archive apart, with the same suites.
	if !strings.Contains(last, a.keyword) || strings.Contains(last, "ports") != (a.name == UbuntuPorts) {
		return false
	}
	for _, key := range e.signedBy {
		if strings.HasPrefix(key, "/") && strings.Contains(strings.ToLower(path.Base(key)), a.keyword) {
			return true
		}
	}
	return len(e.signedBy) == 0 || !strings.HasPrefix(e.signedBy[0], "/")
}

// usable tells whether the archive is reached over HTTP.
func (e aptEntry) usable() bool {
	return strings.HasPrefix(e.value, "http://") || strings.HasPrefix(e.value, "https://")
}

// aptName is the form of the names of files that apt reads (sources.list(5)).
var aptName = pattern.New(`^[A-Za-z0-9_.-]+\.(list|sources)$`)

// readApt reads apt's sources in apt's order (sources.list(5)).
func (f *finder) readApt() ([]aptEntry, error) {
	h := f.host
	if h.GOOS != "linux" {
		return nil, nil
	}
	files := []string{h.system("etc", "apt", "sources.list")}
	dir := h.system("etc", "apt", "sources.list.d")
	listed, err := os.ReadDir(dir)
	if err != nil && isDir(dir) {
		return nil, diag.Wrap(err, diag.Failure, "reading apt's sources")
	}
	sort.Slice(listed, func(i, j int) bool { return listed[i].Name() < listed[j].Name() })
	for _, e := range listed {
		if aptName().MatchString(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	var out []aptEntry
	for _, file := range files {
		text, ok, err := read(file)
		if errors.Is(err, fs.ErrPermission) {
			f.warn(setting{origin: file}, "cannot be read, so what it says of the distribution does not count", "")
			continue
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if strings.HasSuffix(file, ".sources") {
			out = append(out, parseDeb822(file, text)...)
		} else {
			out = append(out, parseSourcesList(file, text)...)
		}
	}
	return out, f.resolveMirrors(out)
}

// parseSourcesList reads the one-line style. A line that it cannot read is apt's to complain about:
// it serves no suite.
func parseSourcesList(file, text string) []aptEntry {
	var out []aptEntry
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		content, _, _ := strings.Cut(line, "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(content), " ")
		if kind != "deb" {
			continue
		}
		rest = strings.TrimSpace(rest)
		var signedBy []string
		if strings.HasPrefix(rest, "[") {
			options, after, found := strings.Cut(rest[1:], "]")
			if !found {
				continue
			}
			rest = after
			for _, option := range strings.Fields(options) {
				if value, ok := strings.CutPrefix(option, "signed-by="); ok {
					signedBy = strings.Split(value, ",")
				}
			}
		}
		fields := strings.Fields(rest)
		if len(fields) < 3 {
			continue
		}
		pos := place(file, i+1, strings.Index(line, fields[0])+1, line)
		out = append(out, aptEntry{setting{fields[0], lineOf(pos), pos}, fields[1:2], fields[2:], signedBy})
	}
	return out
}

// parseDeb822 reads the deb822 style.
func parseDeb822(file, text string) []aptEntry {
	var out []aptEntry
	fields := map[string]string{}
	name := ""
	var pos diag.Position
	end := func() {
		if slices.Contains(strings.Fields(fields["types"]), "deb") && !isFalse(fields["enabled"]) {
			for _, uri := range strings.Fields(fields["uris"]) {
				out = append(out, aptEntry{
					setting{uri, lineOf(pos), pos}, strings.Fields(fields["suites"]),
					strings.Fields(fields["components"]), signers(fields["signed-by"]),
				})
			}
		}
		fields, name = map[string]string{}, ""
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			end()
		case line[0] == ' ' || line[0] == '\t':
			fields[name] += "\n" + strings.TrimSpace(line)
		default:
			key, value, _ := strings.Cut(line, ":")
			name = strings.ToLower(strings.TrimSpace(key))
			fields[name] = strings.TrimSpace(value)
			if name == "uris" {
				pos = place(file, i+1, 1, line)
			}
		}
	}
	end()
	return out
}

func isFalse(s string) bool {
	return slices.Contains([]string{"no", "false", "without", "off", "disable"}, strings.ToLower(strings.TrimSpace(s)))
}

// signers splits Signed-By: one armoured key, whose empty lines are written as dots, or names.
func signers(value string) []string {
	if !strings.Contains(value, "BEGIN PGP") {
		return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
	}
	lines := strings.Split(strings.TrimSpace(value), "\n")
	for i, line := range lines {
		if line == "." {
			lines[i] = ""
		}
	}
	return []string{strings.Join(lines, "\n") + "\n"}
}

// resolveMirrors replaces mirror+file: addresses, which cloud images have, by the first address of
// their files (apt-transport-mirror(1)).
func (f *finder) resolveMirrors(list []aptEntry) error {
	for i, e := range list {
		name, ok := strings.CutPrefix(e.value, "mirror+file:")
		if !ok {
			continue
		}
		file := f.host.system(strings.TrimPrefix(name, "//"))
		text, found, err := read(file)
		if err != nil {
			return err
		}
		if found {
			list[i].setting = firstMirror(file, text)
		}
	}
	return nil
}

func firstMirror(file, text string) setting {
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) > 0 && (strings.HasPrefix(fields[0], "http://") || strings.HasPrefix(fields[0], "https://")) {
			pos := place(file, i+1, 1, strings.TrimRight(line, "\r"))
			return setting{fields[0], lineOf(pos), pos}
		}
	}
	return setting{}
}
