package manifest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// Remark is about what another tool's table or file of the project says of packages, which has no effect here.
type Remark struct {
	Pos   diag.Position
	What  string // one line, without the place
	Lines string // of the manifest, which say the same; "" if there are none
	Index string // address of the index that it is about, or ""
}

// String is the remark for people, of several lines where there are some to write.
func (r Remark) String() string {
	text := fmt.Sprintf("%s: %s", r.Pos, r.What)
	if r.Lines != "" {
		text += "\nif it is to hold for the image, write into the manifest:\n" + r.Lines
	}
	return text
}

// uvConfig is the file whose settings uv takes in place of those below [tool.uv] beside it (uv's documentation,
// Configuration files).
const uvConfig = "uv.toml"

// remark adds to m what is said in the tables of a pyproject.toml for other tools and has no effect. That for uv is of top, the
// root of its workspace, or in uv.toml beside it.
func (d *document) remark(m *Manifest, own *document, tool map[string]any, top *document) error {
	settings := &remarker{top, m, own, "tool.uv", "[tool.uv]", top.uv()}
	if file := filepath.Join(filepath.Dir(top.file), uvConfig); exists(file) {
		text, err := readText(file)
		if err != nil {
			return err
		}
		root, err := ReadTOML(file)
		if err != nil {
			return err
		}
		settings = &remarker{&document{positions: findPositions(file, text), root: root}, m, own, "", uvConfig, root}
	}
	settings.uv()
	for _, table := range []string{"pdm", "poetry"} {
		content, _ := tool[table].(map[string]any)
		(&remarker{d, m, own, "tool." + table, "[tool." + table + "]", content}).indexes("source")
	}
	return nil
}

// remarker looks through the settings of one tool.
type remarker struct {
	*document
	m    *Manifest
	own  *document
	at   string // path of the table
	name string // of the table or file, for people
	root map[string]any
}

func (r *remarker) say(at, key, lines string) {
	pos := r.key(join(r.at, at))
	if strings.HasSuffix(at, "]") { // an item of a list
		pos = r.value(join(r.at, at))
	}
	r.m.Remarks = append(r.m.Remarks, Remark{Pos: pos, What: fmt.Sprintf("%s of %s has no effect here", key, r.name), Lines: lines})
}

// table is a table of the manifest with lines.
func (r *remarker) table(table string, lines ...string) string {
	return "    [" + r.own.path(table) + "]\n    " + strings.Join(lines, "\n    ")
}

func (r *remarker) strings(key string) []string {
	var out []string
	list, _ := r.root[key].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// uv looks at uv's settings that decide which versions are chosen (uv's documentation, Settings). Those about building,
// caches, uv's own environments and output are of no concern.
func (r *remarker) uv() {
	r.bounds("override-dependencies", "overrides", r.m.Overrides)
	r.bounds("constraint-dependencies", "constraints", r.m.Constraints)
	r.dates()
	policy, _ := r.root["prerelease"].(string)
	switch policy {
	case string(Allow), string(Disallow), string(Explicit):
		if r.m.Places.Prereleases.IsZero() {
			r.say("prerelease", "prerelease", r.table("resolver", fmt.Sprintf("prereleases = %q", policy)))
		}
	}
	if how, _ := r.root["resolution"].(string); how != "" && how != "highest" {
		r.say("resolution", fmt.Sprintf("resolution = %q", how), "")
	}
	if all, _ := r.root["no-binary"].(bool); all {
		r.say("no-binary", "no-binary", "")
	}
	r.names("no-binary-package", "no-binary", r.m.NoBinary)
	r.names("exclude-dependencies", "exclude", r.m.excludedNames())
	r.metadata()
	r.indexes("index")
	for _, key := range []string{"index-url", "extra-index-url"} {
		addresses := r.strings(key)
		if one, ok := r.root[key].(string); ok {
			addresses = []string{one}
		}
		for _, address := range addresses {
			r.index(join(r.at, key), "extra", address, false, key == "index-url")
		}
	}
	for _, place := range r.strings("find-links") {
		r.index(join(r.at, "find-links"), "links", place, true, false)
	}
}

// bounds remarks on requirements of which the manifest has no bounds of that kind.
func (r *remarker) bounds(key, table string, have []Requirement) {
	for i, text := range r.strings(key) {
		q, err := pep508.Parse(text)
		if err != nil || !r.m.possible(q.Marker) || slices.ContainsFunc(have, func(h Requirement) bool { return h.Name == q.Name }) {
			continue
		}
		value, to := q.Specifiers.String(), table
		if q.URL != "" {
			value, to = "@ "+diag.Strip(q.URL), "constraints" // of which an address may be
		}
		line := fmt.Sprintf("%s = %q", q.Name, value)
		if q.Marker != nil {
			line += "  # " + r.name + " has it for " + q.Marker.String()
		}
		r.say(item(key, i), fmt.Sprintf("%q in %s", diag.Redact(text), key), r.table(to, line))
	}
}

// moment is a date as the manifest has it; "…" for one that it cannot have.
func moment(value any) string {
	text := fmt.Sprint(value)
	if t, ok := value.(time.Time); ok {
		text = t.Format(time.RFC3339)
		if t.Location().String() == "date-local" {
			text = t.Format(time.DateOnly)
		}
	}
	if _, err := parseAsOf(text); err != nil {
		return "…"
	}
	return text
}

func (r *remarker) dates() {
	if date := r.root["exclude-newer"]; date != nil && r.m.AsOf.IsZero() {
		r.say("exclude-newer", "exclude-newer", r.table("project", fmt.Sprintf("as-of = %q", moment(date))))
	}
	single, _ := r.root["exclude-newer-package"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(single)) {
		normal := pep508.NormalizeName(name)
		if slices.ContainsFunc(r.m.Policies.Packages, func(p PackagePolicy) bool { return p.Name == normal && p.OwnAsOf }) {
			continue
		}
		value := moment(single[name])
		if single[name] == false {
			value = "none"
		}
		r.say(join("exclude-newer-package", name), "exclude-newer-package of "+name, r.table("resolver.packages."+normal, fmt.Sprintf("as-of = %q", value)))
	}
}

// names remarks on a list of packages that are not in that of the manifest's.
func (r *remarker) names(key, to string, have []string) {
	missing := slices.DeleteFunc(normalized(r.strings(key)), func(name string) bool { return known(have, name) })
	if len(missing) > 0 {
		r.say(key, key, r.table("resolver", fmt.Sprintf("%s = [%s]", to, quoted(missing))))
	}
}

func (r *remarker) metadata() {
	list, _ := tables(r.root["dependency-metadata"])
	for i, table := range list {
		name, _ := table["name"].(string)
		name = pep508.NormalizeName(name)
		if slices.ContainsFunc(r.m.Metadata, func(have Replacement) bool { return have.Name == name }) {
			continue
		}
		var lines []string
		if v, ok := table["version"].(string); ok {
			lines = append(lines, fmt.Sprintf("version = %q", "=="+v))
		}
		for from, to := range map[string]string{"requires-dist": "requires", "provides-extra": "extras"} {
			if content, ok := table[from].([]any); ok {
				var texts []string
				for _, c := range content {
					texts = append(texts, fmt.Sprint(c))
				}
				lines = append(lines, fmt.Sprintf("%s = [%s]", to, quoted(texts)))
			}
		}
		if v, ok := table["requires-python"].(string); ok {
			lines = append(lines, fmt.Sprintf("python = %q", v))
		}
		slices.Sort(lines)
		r.say(item("dependency-metadata", i), "dependency-metadata of "+name, r.table("metadata."+name, lines...))
	}
}

// indexes remarks on indexes that are asked for any package. Those that are only asked for packages that name them matter if
// one does.
func (r *remarker) indexes(key string) {
	list, _ := tables(r.root[key])
	for i, table := range list {
		name, _ := table["name"].(string)
		address, _ := table["url"].(string)
		byDefault, _ := table["default"].(bool)
		if explicit, _ := table["explicit"].(bool); explicit || table["priority"] == "explicit" || address == "" {
			continue
		}
		r.index(item(join(r.at, key), i), name, address, table["format"] == "flat" || table["type"] == "find_links", byDefault)
	}
}

func (r *remarker) index(at, name, address string, flat, byDefault bool) {
	if r.m.names(address) || slices.ContainsFunc(r.m.Indexes, func(i Index) bool {
		return sameAddress(i.URL, address) || i.Path != "" && i.Path == filepath.ToSlash(filepath.Clean(address))
	}) {
		return
	}
	if name == "" {
		name = "extra"
	}
	rest := "packages = [\"…\"]  # those that come from it"
	if byDefault {
		rest = "default = true"
	}
	lines := indexLines(r.own, name, address, flat) + "\n    " + rest
	if t, variant := TemplateAt(address); t != nil {
		lines = t.Lines(r.own.path("index"), variant)
	}
	r.m.Remarks = append(r.m.Remarks, Remark{
		Pos: r.key(at), What: fmt.Sprintf("the index %s of %s is not used", diag.Strip(address), r.name), Lines: lines, Index: address,
	})
}
