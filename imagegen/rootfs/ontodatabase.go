package rootfs

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// database adds the packages to dpkg's database of the image, in the form that the image has. kept are
// configuration files of the packages that are not there: the database has their hashes.
func (b *beneath) database(all []*unpacked, kept map[string]layer.Entry, arch string) error {
	t := b.t
	before := map[string]*layer.Entry{}
	for _, p := range t.paths(admin) {
		before[p] = t.nodes[p]
	}
	stood := map[string]*layer.Entry{}
	for p, e := range kept {
		stood[p] = t.nodes[p]
		t.nodes[p] = &e
	}
	err := t.database(all, arch)
	for p, e := range stood {
		t.nodes[p] = e
	}
	if err != nil {
		return err
	}
	text, err := t.read(admin + "/status")
	if err != nil {
		return err
	}
	fresh := stanzas(text)
	written := map[string]*layer.Entry{}
	for _, p := range t.paths(admin) {
		if old, there := before[p]; !there || old != t.nodes[p] {
			written[p] = t.nodes[p]
		}
	}
	for p := range written { // back to what the image has
		if old, there := before[p]; there {
			t.nodes[p] = old
		} else {
			delete(t.nodes, p)
		}
	}
	if b.Parted {
		b.parted(all, fresh)
		return nil
	}
	for p, e := range written {
		switch folder := path.Dir(p); {
		case folder == info && p != info+"/format":
			t.put(*e)
		case folder == admin+"/triggers" && e.Kind == layer.File && path.Base(p) != "Lock" && path.Base(p) != "Unincorp":
			added, err := contentBytes(e.Content)
			if err != nil {
				return err
			}
			b.addLines(p, string(added))
		}
	}
	if !t.exists(info + "/format") {
		t.file(info+"/format", 0o644, 0, []byte("1\n"))
	}
	t.replace(admin+"/status", []byte(merged(stanzas(b.Status), fresh)))
	return nil
}

// parted writes a file for each package, as images without dpkg have them.
func (b *beneath) parted(all []*unpacked, fresh []stanza) {
	for _, s := range fresh {
		b.t.file(admin+"/status.d/"+s.name, 0o644, 0, []byte(s.text))
	}
	for _, u := range all {
		if sums, ok := u.members["md5sums"]; ok {
			b.t.file(admin+"/status.d/"+u.Name+".md5sums", 0o644, 0, sums)
		}
	}
}

// addLines adds the lines that a text of the image lacks.
func (b *beneath) addLines(p, text string) {
	lines := b.lines(p)
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return
	}
	b.t.replace(p, []byte(strings.Join(lines, "\n")+"\n"))
}

// replace gives a file another content, and leaves its owner and mode.
func (t *tree) replace(p string, data []byte) {
	e, at, ok := t.stat(p)
	if !ok || e.Kind != layer.File {
		t.file(p, 0o644, 0, data)
		return
	}
	changed := *e
	changed.Path, changed.Content = at, layer.Bytes(data)
	t.nodes[at] = &changed
}

// stanza is a package in dpkg's status file.
type stanza struct {
	name   string
	text   string // with the line end, without the empty line behind
	fields map[string]string
}

func (s stanza) installed() bool {
	words := strings.Fields(s.fields["status"])
	return len(words) == 0 || len(words) == 3 && words[2] != "not-installed" && words[2] != "config-files"
}

func stanzas(status []byte) []stanza {
	var list []stanza
	for part := range strings.SplitSeq(string(status), "\n\n") {
		if part = strings.Trim(part, "\n"); part == "" {
			continue
		}
		s := stanza{text: part + "\n", fields: map[string]string{}}
		for _, f := range controlFields(part) {
			key, value, _ := strings.Cut(f, ":")
			s.fields[strings.ToLower(key)] = strings.TrimSpace(value)
		}
		s.name = s.fields["package"]
		list = append(list, s)
	}
	return list
}

// merged is the status file with the new packages in their places by name, as dpkg writes it; one that was removed
// and left its configuration makes room.
func merged(old, fresh []stanza) string {
	list := slices.DeleteFunc(slices.Clone(old), func(s stanza) bool {
		return slices.ContainsFunc(fresh, func(n stanza) bool {
			return n.name == s.name && (n.fields["architecture"] == s.fields["architecture"] || !s.installed())
		})
	})
	list = append(list, fresh...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].name < list[j].name })
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s.text + "\n")
	}
	return b.String()
}
