package sources

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
)

// findArchives gives each archive of the distribution its address.
func (s *Sources) findArchives(h Host, o Options, cfg config) error {
	configured, err := h.aptSources(o.Codename)
	if err != nil {
		return err
	}
	own := map[string]string{"debian": cfg.Apt.Debian, "debian-security": cfg.Apt.Security}
	for _, name := range archives {
		candidates := []setting{
			{o.Apt[name], "--apt-mirror"}, {own[name], cfg.from}, configured[name], {wellKnownURL(name), "the default"},
		}
		for _, c := range candidates {
			if c.value == "" {
				continue
			}
			u, err := s.take(c)
			if err != nil {
				return err
			}
			s.Archives[name] = Source{URL: strings.TrimSuffix(u, "/"), From: c.from}
			break
		}
	}
	return nil
}

// aptEntry is one address with its suites, in either of apt's two formats (sources.list(5)).
type aptEntry struct {
	uris, suites, components []string
	from                     string
}

// aptSources finds in the host's apt configuration the archives that serve the suites of a
// distribution: a suite named by the codename is the archive's, one that ends in -security or has
// /updates the security archive's. Entries without component main, third parties' among them, are
// left alone; so are entries for other distributions.
func (h Host) aptSources(codename string) (map[string]setting, error) {
	found := map[string]setting{}
	if codename == "" || h.GOOS != "linux" {
		return found, nil
	}
	entries, err := h.aptEntries()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !contains(e.components, "main") || len(e.uris) == 0 {
			continue
		}
		address := e.uris[0]
		if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
			continue
		}
		for _, suite := range e.suites {
			name := ""
			switch suite {
			case codename:
				name = "debian"
			case codename + "-security", codename + "/updates":
				name = "debian-security"
			}
			// Another vendor may name a suite by the same word; a distribution's own archive
			// carries the archive's name at the end of its path.
			if name == "" || !strings.HasSuffix(strings.TrimSuffix(address, "/"), "/"+name) {
				continue
			}
			if _, there := found[name]; !there {
				found[name] = setting{address, e.from}
			}
		}
	}
	return found, nil
}

func (h Host) aptEntries() ([]aptEntry, error) {
	files := []string{h.system("etc/apt/sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(h.system("etc/apt/sources.list.d/" + pattern))
		if err != nil {
			return nil, err
		}
		sort.Strings(more)
		files = append(files, more...)
	}
	var entries []aptEntry
	for _, file := range files {
		text, ok, err := readable(file)
		if err != nil {
			return nil, err
		}
		switch {
		case !ok:
		case strings.HasSuffix(file, ".sources"):
			entries = append(entries, deb822Entries(file, text)...)
		default:
			entries = append(entries, oneLineEntries(file, text)...)
		}
	}
	return entries, nil
}

func oneLineEntries(file, text string) []aptEntry {
	var entries []aptEntry
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "deb" {
			continue
		}
		words = words[1:]
		if strings.HasPrefix(words[0], "[") {
			for len(words) > 0 && !strings.HasSuffix(words[0], "]") {
				words = words[1:]
			}
			if len(words) > 0 {
				words = words[1:]
			}
		}
		if len(words) < 2 {
			continue
		}
		entries = append(entries, aptEntry{words[:1], words[1:2], words[2:], fmt.Sprintf("%s:%d", file, i+1)})
	}
	return entries
}

func deb822Entries(file, text string) []aptEntry {
	var entries []aptEntry
	fields, key, start := map[string][]string{}, "", 0
	flush := func() {
		if contains(fields["types"], "deb") && !contains(fields["enabled"], "no") {
			entries = append(entries, aptEntry{fields["uris"], fields["suites"], fields["components"], fmt.Sprintf("%s:%d", file, start+1)})
		}
		fields, key = map[string][]string{}, ""
	}
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			flush()
		case line[0] == ' ' || line[0] == '\t':
			fields[key] = append(fields[key], strings.Fields(line)...)
		default:
			name, value, _ := strings.Cut(line, ":")
			if len(fields) == 0 {
				start = i
			}
			key = strings.ToLower(strings.TrimSpace(name))
			fields[key] = strings.Fields(value)
		}
	}
	flush()
	return entries
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}
