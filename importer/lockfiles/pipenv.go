package lockfiles

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep508"
)

// entry is a package of a Pipfile.lock.
type entry struct {
	Version      string   `json:"version"`
	Hashes       []string `json:"hashes"`
	Markers      string   `json:"markers"`
	Extras       []string `json:"extras"`
	Index        string   `json:"index"`
	Git          string   `json:"git"`
	Ref          string   `json:"ref"`
	Subdirectory string   `json:"subdirectory"`
	Path         string   `json:"path"`
	File         string   `json:"file"`
}

var keyForm = pattern.New(`(?m)^\s*"([^"\\]+)"\s*:\s*\{`)

// Pipenv reads a Pipfile.lock.
func Pipenv(name string, data []byte, _ func(name string) ([]byte, error)) (*draft.Draft, error) {
	var root map[string]json.RawMessage
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, notJSON(name, data, err)
	}
	var meta struct {
		Requires map[string]string `json:"requires"`
		Sources  []struct {
			Name string `json:"name"`
			URL  string `json:"url"`
		} `json:"sources"`
	}
	if raw, ok := root["_meta"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return nil, notJSON(name, data, err)
		}
	}
	lines := map[string]int{}
	for _, m := range keyForm().FindAllSubmatchIndex(data, -1) {
		key := string(data[m[2]:m[3]])
		if _, there := lines[key]; !there {
			lines[key] = 1 + bytes.Count(data[:m[2]], []byte("\n"))
		}
	}
	l := &lock{d: &draft.Draft{}, dir: path.Dir(name)}
	from := draft.Origin{File: name, Line: lines["requires"]}
	for _, key := range []string{"python_full_version", "python_version"} {
		if v := meta.Requires[key]; v != "" {
			PipenvPython(l.d, v, from)
			break
		}
	}
	index := map[string]string{}
	for _, s := range meta.Sources {
		index[s.Name] = s.URL
	}
	for _, section := range slices.Sorted(maps.Keys(root)) {
		if section == "_meta" {
			continue
		}
		var packages map[string]entry
		if err := json.Unmarshal(root[section], &packages); err != nil {
			return nil, notJSON(name, data, err)
		}
		group := map[string]string{"default": "", "develop": "dev"}[section]
		if section != "default" && section != "develop" {
			group = pep508.NormalizeName(section)
		}
		for _, pkg := range slices.Sorted(maps.Keys(packages)) {
			e := packages[pkg]
			p := &pin{name: pkg, version: strings.TrimPrefix(e.Version, "=="), marker: e.Markers, groups: []string{group}, hashes: hashed(e.Hashes),
				index: index[e.Index], from: draft.Origin{File: name, Line: lines[pkg]}, where: e.File}
			for _, x := range e.Extras {
				p.extras = append(p.extras, pep508.NormalizeName(x))
			}
			switch {
			case e.Git != "":
				p.where = "git+" + strings.TrimPrefix(e.Git, "git+") + "@" + e.Ref
				if e.Subdirectory != "" {
					p.where += "#subdirectory=" + e.Subdirectory
				}
			case e.Path != "":
				p.where = e.Path
			}
			if l.pins = append(l.pins, p); len(l.pins) > maxPins {
				return nil, diag.New(diag.Manifest, "more than %d packages", maxPins).At(diag.Position{File: name})
			}
		}
	}
	slices.SortStableFunc(l.pins, func(a, b *pin) int { return a.from.Line - b.from.Line })
	l.write()
	return l.d, nil
}

// PipenvPython notes the Python that Pipenv's requires says: a version.
func PipenvPython(d *draft.Draft, version string, from draft.Origin) {
	specifier := "==" + version
	if strings.Count(version, ".") < 2 {
		specifier += ".*"
	}
	if version == "*" || version == "" {
		return
	}
	d.Pythons = append(d.Pythons, draft.Python{Specifier: specifier, From: from})
	d.Note(from, "python "+version, draft.Taken, "")
}

func notJSON(name string, data []byte, err error) error {
	e := diag.New(diag.Manifest, "not as Pipenv writes it: %v", err).At(diag.Position{File: name})
	var bad *json.SyntaxError
	if errors.As(err, &bad) {
		e = diag.New(diag.Manifest, "not JSON: %v", err).At(diag.Position{File: name, Line: 1 + bytes.Count(data[:min(int(bad.Offset), len(data))], []byte("\n"))})
	}
	return e
}
