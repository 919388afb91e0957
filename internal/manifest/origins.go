package manifest

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// origin is what another tool's table says of where a required package comes from.
type origin struct {
	pkg   Requirement
	pos   diag.Position
	entry map[string]any
	// member is the folder of the member of a workspace that is meant, absolute; "" if none is, or it was not found.
	member string
}

// heed holds what other tools' tables of a pyproject.toml say of packages to the manifest, which own reads. They are not
// read, and a package that they take from elsewhere would come from an index where somebody else may have its name: that is
// an error of code Manifest, with the lines that say the same here. Of what else they say there are remarks.
func (d *document) heed(m *Manifest, own *document) error {
	tool, _ := d.root["tool"].(map[string]any)
	poetry, _ := tool["poetry"].(map[string]any)
	above := d.workspace(m.Dir)
	uv := &heeding{m: m, own: own, file: d.file, at: "tool.uv.sources", key: "index", indexes: map[string]otherIndex{}, above: above}
	if above != nil {
		maps.Copy(uv.indexes, indexesOf(above.uv()["index"]))
	}
	maps.Copy(uv.indexes, indexesOf(d.uv()["index"]))
	if off, _ := d.uv()["no-sources"].(bool); !off {
		sources, _ := d.uv()["sources"].(map[string]any)
		if err := uv.hold(d, sources); err != nil {
			return err
		}
		if above != nil {
			all, _ := above.uv()["sources"].(map[string]any)
			all = maps.Clone(all)
			nearer := normalized(slices.Collect(maps.Keys(sources)))
			maps.DeleteFunc(all, func(name string, _ any) bool { return known(nearer, pep508.NormalizeName(name)) })
			if err := uv.hold(above, all); err != nil {
				return err
			}
		}
	}
	dependencies, _ := poetry["dependencies"].(map[string]any)
	if err := (&heeding{m: m, own: own, file: d.file, at: "tool.poetry.dependencies", key: "source", indexes: indexesOf(poetry["source"])}).hold(d, dependencies); err != nil {
		return err
	}
	if above != nil {
		return d.remark(m, own, tool, above)
	}
	return d.remark(m, own, tool, d)
}

// uv is the table [tool.uv].
func (d *document) uv() map[string]any {
	tool, _ := d.root["tool"].(map[string]any)
	table, _ := tool["uv"].(map[string]any)
	return table
}

// otherIndex is an index of another tool's.
type otherIndex struct {
	url  string
	flat bool
}

func indexesOf(value any) map[string]otherIndex {
	found := map[string]otherIndex{}
	list, _ := tables(value)
	for _, table := range list {
		name, _ := table["name"].(string)
		address, _ := table["url"].(string)
		found[name] = otherIndex{address, table["format"] == "flat"}
	}
	return found
}

// heeding is a look at a tool's table of packages and where they come from (uv's documentation, Dependency sources; Poetry's, The
// pyproject.toml file).
type heeding struct {
	m       *Manifest
	own     *document // the manifest
	file    string    // that has the requirements that are meant
	at      string    // path of the table
	key     string    // of an index's name in an entry
	indexes map[string]otherIndex
	above   *document // the root of the workspace; nil without one
}

// hold looks at the table in a file, of the project or of the workspace that it is in.
func (h *heeding) hold(d *document, all map[string]any) error {
	m, key := h.m, h.key
	asked, _ := h.own.list("project", "extras")
	var found []origin
	for _, name := range slices.Sorted(maps.Keys(all)) {
		i := slices.IndexFunc(m.Requirements, func(r Requirement) bool {
			return r.Name == pep508.NormalizeName(name) && r.Pos.File == h.file && m.possible(r.Marker)
		})
		if i < 0 || m.Requirements[i].Direct != nil || m.placed(m.Requirements[i].Name) {
			continue
		}
		list, _ := tables(all[name])
		if one, ok := all[name].(map[string]any); ok {
			list = []map[string]any{one}
		}
		for _, entry := range list {
			text, _ := entry["marker"].(string)
			if extra, ok := entry["extra"].(string); ok && !known(normalized(asked), pep508.NormalizeName(extra)) || text != "" && !m.possibleText(text) {
				continue
			}
			if id, ok := entry[key].(string); ok && m.serves(h.indexes[id].url) {
				continue
			}
			if !elsewhere(entry, key) {
				continue
			}
			found = append(found, origin{m.Requirements[i], d.key(join(h.at, name)), entry, ""})
			if entry["workspace"] == true {
				last := &found[len(found)-1]
				if last.member = d.member(last.pkg.Name); last.member == "" && h.above != nil {
					last.member = h.above.member(last.pkg.Name)
				}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b origin) int { return a.pos.Line - b.pos.Line })
	e := d.fail(found[0].pos, "[%s] says where %s comes from, and the manifest does not", h.at, found[0].pkg.RawName)
	for _, hint := range h.hints(found) {
		e = e.Hint("%s", hint)
	}
	return e
}

// elsewhere tells whether an entry names a place; others, as Poetry's versions, do not.
func elsewhere(entry map[string]any, key string) bool {
	for _, k := range []string{key, "path", "git", "url", "workspace", "file"} {
		if _, ok := entry[k]; ok {
			return true
		}
	}
	return false
}

// placed tells whether the manifest says where a package comes from: an index that it is bound to, or an address.
func (m *Manifest) placed(name string) bool {
	return slices.ContainsFunc(m.Indexes, func(i Index) bool { return i.Binds(name) }) ||
		slices.ContainsFunc(m.Constraints, func(r Requirement) bool { return r.Name == name && r.Direct != nil })
}

// serves tells whether an address is that of an index of the manifest for all packages.
func (m *Manifest) serves(address string) bool {
	return address != "" && slices.ContainsFunc(m.Indexes, func(i Index) bool { return len(i.Packages) == 0 && sameAddress(i.URL, address) })
}

func sameAddress(a, b string) bool {
	return strings.TrimRight(diag.Strip(a), "/") == strings.TrimRight(diag.Strip(b), "/")
}

func (m *Manifest) possibleText(marker string) bool {
	parsed, err := pep508.ParseMarker(marker)
	return err != nil || m.possible(parsed)
}

// possible tells whether a marker can hold in an image: on a platform, with a Python that the manifest allows. What cannot be
// told is possible.
func (m *Manifest) possible(marker *pep508.Marker) bool {
	if marker == nil {
		return true
	}
	allowed := pep440.FromSpecifiers(m.Python.Specifiers)
	for _, platform := range m.Platforms {
		machine := map[string]string{"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]
		for minor := 5; minor < 20; minor++ {
			version := fmt.Sprintf("3.%d", minor)
			if pep440.FromSpecifiers(pep440.MustParseSpecifiers("==" + version + ".*")).Disjoint(allowed) {
				continue
			}
			ok, err := marker.Evaluate(pep508.Environment{
				PythonVersion: version, PythonFullVersion: version + ".0", OSName: "posix", SysPlatform: "linux", PlatformSystem: "Linux",
				PlatformMachine: machine, PlatformPythonImplementation: "CPython", ImplementationName: "cpython", ImplementationVersion: version + ".0",
			})
			if ok || err != nil {
				return true
			}
		}
	}
	return false
}

// originHints are the lines that say here what the entries say: an index for each that they name, and an address for each
// package that comes from one. Addresses go into [constraints], so that the requirement stays as the other tool wants it.
func (h *heeding) hints(found []origin) []string {
	m, own, indexes := h.m, h.own, h.indexes
	var names, addresses, hints, lines []string
	packages := map[string][]string{}
	folder := false
	for _, o := range found {
		if id, ok := o.entry[h.key].(string); ok {
			if packages[id] == nil {
				names = append(names, id)
			}
			if !known(packages[id], o.pkg.Name) {
				packages[id] = append(packages[id], o.pkg.Name)
			}
			continue
		}
		address, isFolder := m.addressOf(o)
		folder = folder || isFolder
		if line := fmt.Sprintf("    %s = %q", o.pkg.Name, "@ "+address); !known(addresses, line) {
			addresses = append(addresses, line)
		}
	}
	for _, id := range names {
		if i := slices.IndexFunc(m.Indexes, func(i Index) bool { return i.Name == id || sameAddress(i.URL, indexes[id].url) }); i >= 0 {
			hints = append(hints, fmt.Sprintf("add to the packages of the index %s (%s): %s", m.Indexes[i].Name, m.Indexes[i].Pos, quoted(packages[id])))
			continue
		}
		if t, variant := TemplateAt(indexes[id].url); t != nil && variant != "" && TemplateFor(packages[id]) == t {
			lines = append(lines, t.Lines(own.path("index"), variant))
			continue
		}
		lines = append(lines, indexLines(own, id, indexes[id].url, indexes[id].flat), fmt.Sprintf("    packages = [%s]", quoted(packages[id])))
	}
	if len(addresses) > 0 {
		lines = append(lines, "    ["+own.path("constraints")+"]", strings.Join(addresses, "\n"))
	}
	if len(lines) > 0 {
		hints = append(hints, fmt.Sprintf("that table is not read; write into %s what holds for the image:\n%s", m.File, strings.Join(lines, "\n")))
	}
	if folder {
		hints = append(hints, "folders and repositories are built by `envpack lock`; a wheel that was built of one can be named by its path instead")
	}
	return hints
}

// indexLines are the lines of an [[index]]. An address without a scheme is a folder's path.
func indexLines(own *document, name, address string, flat bool) string {
	place := "url"
	switch {
	case address == "":
		address = "…"
	case strings.Contains(address, "://"):
		address = diag.Strip(address)
	default:
		place = "path"
	}
	lines := fmt.Sprintf("    [[%s]]\n    name = %q\n    %s = %q", own.path("index"), name, place, address)
	if flat {
		lines += "\n    format = \"flat\""
	}
	return lines
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}

// addressOf is an entry's address as a requirement has it, and whether a folder or repository is meant.
func (m *Manifest) addressOf(o origin) (address string, folder bool) {
	text := func(key string) string {
		s, _ := o.entry[key].(string)
		return s
	}
	fragment := ""
	if sub := text("subdirectory"); sub != "" {
		fragment = "#subdirectory=" + sub
	}
	local := func(p string) string {
		if folder := relative(m.Dir, filepath.Dir(o.pos.File)); !filepath.IsAbs(p) {
			p = filepath.Join(folder, p)
		}
		if !filepath.IsAbs(p) && !strings.HasPrefix(p, ".") {
			p = "./" + p
		}
		return filepath.ToSlash(p)
	}
	switch {
	case text("git") != "":
		address = "git+" + strings.TrimPrefix(diag.Strip(text("git")), "git+")
		for _, key := range []string{"rev", "tag", "branch"} {
			if text(key) != "" {
				return address + "@" + text(key) + fragment, true
			}
		}
		return address + fragment, true
	case text("url") != "":
		return diag.Strip(text("url")) + fragment, false
	case text("path") != "" || text("file") != "":
		p := text("path") + text("file")
		return local(p) + fragment, !slices.Contains([]string{".whl", ".zip", ".gz"}, path.Ext(p))
	}
	if o.member != "" {
		return local(relative(filepath.Dir(o.pos.File), o.member)), true
	}
	return "./…", true
}
