package conda

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/tomltext"
)

// pixi reads pixi.toml, or the tables below [tool.pixi] of a pyproject.toml. What is for one platform counts if it is for Linux;
// features become groups.
func (r Reader) pixi(name string, data []byte, open Open) (*draft.Draft, error) {
	var root map[string]any
	if _, err := toml.Decode(string(data), &root); err != nil {
		e := diag.Wrap(err, diag.Manifest, "this is not TOML").At(diag.Position{File: name})
		if p, ok := err.(toml.ParseError); ok {
			e = diag.New(diag.Manifest, "this is not TOML: %s", p.Message).At(diag.Position{File: name, Line: p.Position.Line, Col: p.Position.Col})
		}
		return nil, e
	}
	p := &pixi{
		environment: environment{reader: r, name: name, open: open, out: &draft.Draft{}},
		places:      tomltext.Find(name, string(data)),
	}
	if strings.HasSuffix(strings.ToLower(name), "pyproject.toml") {
		tool, _ := root["tool"].(map[string]any)
		root, _ = tool["pixi"].(map[string]any)
		p.prefix = "tool.pixi"
	}
	for _, key := range []string{"workspace", "project"} {
		if t, ok := root[key].(map[string]any); ok && p.out.Name == "" {
			p.out.Name, _ = t["name"].(string)
		}
	}
	p.feature(root, "", "")
	features, _ := root["feature"].(map[string]any)
	for _, feature := range slices.Sorted(maps.Keys(features)) {
		if t, ok := features[feature].(map[string]any); ok {
			p.feature(t, tomltext.Join("feature", feature), feature)
		}
	}
	for key := range maps.Keys(root) {
		switch key {
		case "dependencies", "pypi-dependencies", "host-dependencies", "build-dependencies", "target", "feature", "activation", "system-requirements":
		case "workspace", "project", "environments":
			p.passed(key, "it is for pixi itself")
		case "tasks":
			p.passed(key, "what pixi runs; image.command is what an image runs")
		default:
			p.passed(key, "it is for pixi itself")
		}
	}
	slices.SortStableFunc(p.entries, func(a, b entry) int { return a.from.Line - b.from.Line })
	err := p.finish()
	slices.SortStableFunc(p.out.Lines, func(a, b draft.Line) int { return a.From.Line - b.From.Line })
	return p.out, err
}

type pixi struct {
	environment
	places  *tomltext.Places
	prefix  string
	entries []entry
	pip     map[string][]requirements.Entry // by group
}

func (p *pixi) origin(path string) draft.Origin {
	return draft.Origin{File: p.name, Line: p.places.Key(tomltext.Join(p.prefix, path)).Line}
}

func (p *pixi) passed(path, why string) { p.out.Note(p.origin(path), path, draft.Passed, "%s", why) }

// feature reads the tables of the default feature or of one with a name.
func (p *pixi) feature(t map[string]any, path, group string) {
	for _, key := range []string{"dependencies", "host-dependencies", "build-dependencies"} {
		table, _ := t[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			p.conda(name, table[name], tomltext.Join(tomltext.Join(path, key), name), group)
		}
	}
	table, _ := t["pypi-dependencies"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(table)) {
		p.pypi(name, table[name], tomltext.Join(tomltext.Join(path, "pypi-dependencies"), name), group)
	}
	if a, ok := t["activation"].(map[string]any); ok {
		env, _ := a["env"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(env)) {
			at := p.origin(tomltext.Join(tomltext.Join(path, "activation.env"), name))
			value := fmt.Sprint(env[name])
			if value != "" && diag.SecretVariable(name) {
				p.out.Note(at, name, draft.Left, "%s", draft.Secret)
				continue
			}
			if strings.Contains(value, "$") {
				p.out.Note(at, name, draft.Left, "its value, %s, is made of variables of the machine", value)
				continue
			}
			p.out.Env = append(p.out.Env, draft.Setting{Name: name, Value: value, From: at})
			p.out.Note(at, name+" = "+value, draft.Taken, "a variable of the image")
		}
	}
	if s, ok := t["system-requirements"].(map[string]any); ok {
		if v, ok := s["cuda"]; ok {
			p.entries = append(p.entries, entry{
				spec: Spec{Name: "__cuda", Version: fmt.Sprint(v)}, from: p.origin(tomltext.Join(path, "system-requirements.cuda")),
				text: fmt.Sprintf("cuda = %v", v), group: group,
			})
		}
	}
	targets, _ := t["target"].(map[string]any)
	for _, platform := range slices.Sorted(maps.Keys(targets)) {
		at := tomltext.Join(path, tomltext.Join("target", platform))
		sub, ok := targets[platform].(map[string]any)
		switch {
		case !ok:
		case slices.Contains([]string{"linux", "linux-64", "unix"}, platform):
			p.feature(sub, at, group)
		default:
			p.passed(at, "it is for another platform")
		}
	}
}

// conda reads a package of conda: a version, or a table.
func (p *pixi) conda(name string, value any, path, group string) {
	from := p.origin(path)
	s := Spec{Name: strings.ToLower(name)}
	switch v := value.(type) {
	case string:
		var err error
		if s, err = ParseSpec(name + " " + strings.TrimSpace(v)); err != nil {
			p.out.Leave(from, fmt.Sprintf("%s = %q", name, v), "conda does not read this: %v", err)
			return
		}
	case map[string]any:
		for _, key := range []string{"git", "path", "url"} {
			if _, ok := v[key]; ok {
				p.out.Leave(from, name, "pixi builds it from a source with conda's tools")
				return
			}
		}
		version, _ := v["version"].(string)
		var err error
		if s, err = ParseSpec(name + " " + strings.TrimSpace(version)); err != nil {
			p.out.Leave(from, name, "conda does not read this: %v", err)
			return
		}
		s.Channel, _ = v["channel"].(string)
		s.Build, _ = v["build"].(string)
	}
	p.entries = append(p.entries, entry{spec: s, from: from, text: strings.TrimSpace(name + " " + s.Version), group: group})
}

// pypi reads a package of the index: a specifier of PEP 440, or a table.
func (p *pixi) pypi(name string, value any, path, group string) {
	from := p.origin(path)
	line := ""
	switch v := value.(type) {
	case string:
		line = name + specifier(v)
	case map[string]any:
		text := func(key string) string { s, _ := v[key].(string); return s }
		extras, _ := v["extras"].([]any)
		full := name
		if len(extras) > 0 {
			full += "[" + strings.Trim(strings.ReplaceAll(fmt.Sprint(extras), " ", ","), "[]") + "]"
		}
		switch {
		case text("path") == "." || text("path") == "./":
			p.out.Note(from, name, draft.Passed, "the project itself, whose files the image has")
			return
		case text("path") != "":
			line = full + " @ " + relative(text("path"))
		case text("url") != "":
			line = full + " @ " + text("url")
		case text("git") != "":
			line = full + " @ git+" + strings.TrimPrefix(text("git"), "git+")
			for _, key := range []string{"rev", "tag", "branch"} {
				if text(key) != "" {
					line += "@" + text(key)
					break
				}
			}
			if text("subdirectory") != "" {
				line += "#subdirectory=" + text("subdirectory")
			}
		default:
			line = full + specifier(text("version"))
			if text("index") != "" {
				p.index(text("index"), name, from)
			}
		}
	default:
		p.out.Leave(from, name, "a version or a table is expected")
		return
	}
	if p.pip == nil {
		p.pip = map[string][]requirements.Entry{}
	}
	p.pip[group] = append(p.pip[group], requirements.Entry{Text: line, Line: from.Line})
}

// index takes the address that a package comes from.
func (p *pixi) index(text, name string, from draft.Origin) {
	ix, note, ok, err := address.Index(text, address.Extra, from, nil)
	switch {
	case err != nil:
		p.out.Leave(from, shown(text), "%v", err)
	case !ok:
		p.out.Note(from, shown(text), draft.Passed, "%s", note)
	default:
		if len(ix.Packages) == 0 && ix.URL != "" {
			ix.Packages = []string{normal(name)}
		}
		p.out.Indexes = append(p.out.Indexes, ix)
		p.out.Note(from, shown(text), draft.Mapped, "%s", join("an index for "+name, note))
	}
}

// specifier is what stands for a version in pypi-dependencies: "*" is any, and a version alone is just that.
func specifier(text string) string {
	text = strings.TrimSpace(text)
	switch {
	case text == "*" || text == "":
		return ""
	case strings.ContainsAny(text[:1], "<>=!~"):
		return text
	}
	return "==" + text
}

// relative makes a path one that pip takes for a path.
func relative(path string) string {
	if strings.HasPrefix(path, "/") || strings.HasPrefix(path, ".") {
		return path
	}
	return "./" + path
}

// finish puts the groups together: those of the default feature first.
func (p *pixi) finish() error {
	groups := append([]string{""}, slices.Sorted(maps.Keys(p.pip))...)
	for _, e := range p.entries {
		groups = append(groups, e.group)
	}
	slices.Sort(groups)
	for _, group := range slices.Compact(groups) {
		var entries []entry
		for _, e := range p.entries {
			if e.group == group {
				entries = append(entries, e)
			}
		}
		at := len(p.out.Requirements)
		if err := p.together(entries, p.pip[group]); err != nil {
			return err
		}
		for i := range p.out.Requirements[at:] {
			p.out.Requirements[at+i].Group = group
		}
	}
	return nil
}
