package sources

import (
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// aptEntry is one source of binary packages that the host's apt has. The setting is its address.
type aptEntry struct {
	setting
	suites     []string
	components []string
	signedBy   []string
}

// serves tells whether the entry is an archive of the distribution with the suite: it offers its
// component main and says in its address that it is Debian's. Other archives use Debian's code names
// too: derivatives for their own builds, vendors for packages beside Debian's. Everything from here
// is checked against Debian's keys afterwards.
func (e aptEntry) serves(suite string) bool {
	return has(e.suites, suite) && has(e.components, "main") && strings.Contains(strings.ToLower(e.value), "debian")
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// aptName is the form of the names of files that apt reads (sources.list(5)).
var aptName = regexp.MustCompile(`^[A-Za-z0-9_.-]+\.(list|sources)$`)

// readApt reads apt's sources in apt's order (sources.list(5)).
func readApt(h Host) ([]aptEntry, error) {
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
		if aptName.MatchString(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	var out []aptEntry
	for _, file := range files {
		text, ok, err := read(file)
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
	return resolveMirrors(h, out)
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
		pos := diag.Position{File: file, Line: i + 1, Col: strings.Index(line, fields[0]) + 1, Width: len(fields[0]), Source: line}
		out = append(out, aptEntry{setting{fields[0], file + ":" + itoa(i+1), pos}, fields[1:2], fields[2:], signedBy})
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
		if has(strings.Fields(fields["types"]), "deb") && !isFalse(fields["enabled"]) {
			for _, uri := range strings.Fields(fields["uris"]) {
				out = append(out, aptEntry{
					setting{uri, file + ":" + itoa(pos.Line), pos}, strings.Fields(fields["suites"]),
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
				pos = diag.Position{File: file, Line: i + 1, Col: 1, Source: line}
			}
		}
	}
	end()
	return out
}

func isFalse(s string) bool {
	return has([]string{"no", "false", "without", "off", "disable"}, strings.ToLower(strings.TrimSpace(s)))
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
// their files (apt-transport-mirror(1)), and leaves out what is not reached over HTTP.
func resolveMirrors(h Host, list []aptEntry) ([]aptEntry, error) {
	var out []aptEntry
	for _, e := range list {
		if path, ok := strings.CutPrefix(e.value, "mirror+file:"); ok {
			file := h.system(strings.TrimPrefix(path, "//"))
			text, found, err := read(file)
			if err != nil {
				return nil, err
			}
			if !found {
				continue
			}
			e.setting = firstMirror(file, text)
		}
		if strings.HasPrefix(e.value, "http://") || strings.HasPrefix(e.value, "https://") {
			out = append(out, e)
		}
	}
	return out, nil
}

func firstMirror(file, text string) setting {
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) > 0 && (strings.HasPrefix(fields[0], "http://") || strings.HasPrefix(fields[0], "https://")) {
			pos := diag.Position{File: file, Line: i + 1, Col: 1, Source: strings.TrimRight(line, "\r")}
			return setting{fields[0], file + ":" + itoa(i+1), pos}
		}
	}
	return setting{}
}
